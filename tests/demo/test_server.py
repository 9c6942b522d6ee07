"""Addresses, extensions, protection and the command that starts it all."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from gitpool.demo import frontend as frontend_module
from gitpool.demo import small_routes as small_routes_module
from gitpool.demo.run import run_demo
from gitpool.demo.sample import draw_samples
from gitpool.demo.workflow import sample_workflow

from .demo_server import Demo, with_demo

PROJECT = Path(__file__).resolve().parents[2]


def test_routes_of_the_pack_are_served_twice(tmp_path: Path) -> None:
    def setup(host) -> dict[str, type]:
        @host.routes.get("/gitpool/hello")
        async def hello(request: web.Request) -> web.Response:
            return web.json_response({"input": host.input_directory().name})

        return {}

    async def check(demo: Demo) -> None:
        assert (await demo.get("/gitpool/hello"))[1] == {"input": "input"}
        assert (await demo.get("/api/gitpool/hello"))[1] == {"input": "input"}
        assert (await demo.get("/api/unheard"))[0] == 404

    with_demo(tmp_path, check, setup=setup)


def test_extensions_are_listed_and_never_stale(tmp_path: Path) -> None:
    async def check(demo: Demo) -> None:
        _, listed = await demo.get("/api/extensions")
        assert listed == [
            "/extensions/core/own.js",
            "/extensions/gitpool/parts/grid.js",
            "/extensions/gitpool-demo/demo.js",
        ]
        for address in (*listed, "/"):
            async with demo.session.get(demo.url + address) as answer:
                assert answer.status == 200
                assert answer.headers["Cache-Control"] == "no-cache"

    with_demo(tmp_path, check)


def test_nodes_are_described(tmp_path: Path) -> None:
    async def check(demo: Demo) -> None:
        _, all_nodes = await demo.get("/object_info")
        assert {"Number", "PreviewImage", "MaskToImage", "PreviewAny"} <= set(all_nodes)
        _, one = await demo.get("/object_info/Picky")
        assert one["Picky"]["input_order"]["required"] == ["word"]
        assert one["Picky"]["output_node"] is False
        assert (await demo.get("/object_info/Unheard"))[1] == {}

    with_demo(tmp_path, check)


def test_other_sites_are_refused(tmp_path: Path) -> None:
    async def check(demo: Demo) -> None:
        foreign = {"Origin": "http://example.com"}
        assert (await demo.post("/prompt", json={}, headers=foreign))[0] == 403
        assert (await demo.get("/settings", headers={"Host": "example.com"}))[0] == 403
        for odd in ({"Host": "["}, {"Origin": "http://["}, {"Origin": "null"}):
            assert (await demo.get("/settings", headers=odd))[0] == 403
        assert (await demo.get("/settings", headers={"Origin": demo.url}))[0] == 200

    with_demo(tmp_path, check)


def test_the_prepared_workflow_is_offered(tmp_path: Path) -> None:
    async def check(demo: Demo) -> None:
        _, workflow = await demo.get("/gitpool_demo/workflow")
        assert workflow["nodes"][0]["widgets_values"] == ['My "own"', "p1"]

    with_demo(tmp_path, check, prepare=lambda host: sample_workflow('My "own"', "p1"))


def test_samples_are_the_same_each_time() -> None:
    samples = draw_samples()
    assert len(samples) == 12
    assert samples == draw_samples()
    assert any(mask for _, _, mask in samples)


def test_without_the_editor_one_sentence_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(frontend_module.importlib.util, "find_spec", lambda name: None)
    assert run_demo(tmp_path, 0) == 1
    assert 'pip install "gitpool[demo]"' in capsys.readouterr().err


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.skipif(sys.platform == "win32", reason="signals are sent differently there")
def test_the_command_says_its_address_and_ends_cleanly(tmp_path: Path, stop: int) -> None:
    (tmp_path / "index.html").write_text("editor", "utf-8")
    code = (
        "import sys; from pathlib import Path; from gitpool.demo.run import run_demo;"
        f"sys.exit(run_demo(None, 0, frontend=Path({str(tmp_path)!r})))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, cwd=PROJECT
    )
    try:
        line = process.stdout.readline()
        address = next(word for word in line.split() if word.startswith("http://127.0.0.1:"))
        with urllib.request.urlopen(address, timeout=300) as answer:
            assert answer.read() == b"editor"
        process.send_signal(stop)
        assert process.wait(timeout=300) == 0
    finally:
        process.kill()
        process.stdout.close()


# What the editor asks for at its start.


@pytest.mark.parametrize(
    ("address", "answer"),
    [
        ("/embeddings", []),
        ("/models", []),
        ("/workflow_templates", {}),
        ("/features", {"supports_preview_metadata": True, "max_upload_size": 100 << 20}),
        ("/internal/logs/raw", {"entries": [], "size": {"cols": 80, "rows": 24}}),
        ("/templates/index.json", []),
        ("/gitpool_demo/workflow", None),
    ],
)
def test_what_there_is_none_of_is_answered(tmp_path: Path, address: str, answer: Any) -> None:
    async def check(demo: Demo) -> None:
        assert await demo.get(address) == (200, answer)

    with_demo(tmp_path, check)


def test_the_about_page_has_what_it_shows(tmp_path: Path) -> None:
    async def check(demo: Demo) -> None:
        _, stats = await demo.get("/api/system_stats")
        assert stats["system"]["python_version"] == sys.version
        assert stats["system"]["required_frontend_version"] == "0.0.0"
        assert [device["type"] for device in stats["devices"]] == ["cpu"]

    with_demo(tmp_path, check)


@pytest.mark.parametrize("there", [True, False])
def test_the_editors_style_and_icon_or_none(tmp_path: Path, there: bool) -> None:
    frontend = tmp_path / "frontend"
    (frontend / "assets").mkdir(parents=True)
    (frontend / "assets" / "photo.png").write_bytes(b"photo")
    if there:
        (frontend / "user.css").write_text("p {}", "utf-8")
        (frontend / "assets" / "favicon.ico").write_bytes(b"icon")

    async def check(demo: Demo) -> None:
        async with demo.session.get(demo.url + "/user.css") as style:
            assert (style.status, style.content_type) == (200, "text/css")
            assert await style.read() == (b"p {}" if there else b"")
        status, icon = await demo.get("/favicon.ico")
        assert (status, icon) == (200, b"icon") if there else status == 404
        # Images are kept for a day, but not the answer that there is none.
        async with demo.session.get(demo.url + "/assets/photo.png") as photo:
            assert photo.headers["Cache-Control"] == "public, max-age=86400"
        async with demo.session.get(demo.url + "/assets/gone.png") as gone:
            assert gone.status == 404
            assert "Cache-Control" not in gone.headers

    with_demo(tmp_path, check)


@pytest.mark.parametrize("layout", ["installed", "checkout", "neither"])
def test_the_packs_files_are_found_wherever_it_lies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, layout: str
) -> None:
    package = tmp_path / "somewhere" / "gitpool"
    web_folder, texts = {
        "installed": (package / "_web", package / "_locales"),
        "checkout": (package.parent / "web", package.parent / "locales"),
        "neither": (None, None),
    }[layout]
    if web_folder:
        web_folder.mkdir(parents=True)
        (web_folder / "pool.js").write_text("export {}", "utf-8")
        (texts / "xx").mkdir(parents=True)
        (texts / "xx" / "main.json").write_text('{"hello": "Xello"}', "utf-8")
        (texts / "xx" / "nodeDefs.json").write_text('{"A": {}}', "utf-8")
        (texts / "xx" / "notes.json").write_text('{"no": "part of it"}', "utf-8")
    for module in (frontend_module, small_routes_module):
        monkeypatch.setattr(module, "__file__", str(package / "demo" / "module.py"))

    async def check(demo: Demo) -> None:
        _, listed = await demo.get("/extensions")
        _, spoken = await demo.get("/i18n")
        assert ("/extensions/gitpool/pool.js" in listed) == bool(web_folder)
        assert "/extensions/gitpool-demo/demo.js" in listed
        assert spoken == ({"xx": {"hello": "Xello", "nodeDefs": {"A": {}}}} if texts else {})

    with_demo(tmp_path, check, web_directory=None)


@pytest.mark.parametrize("whole", [True, False])
def test_the_installed_editor_and_its_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whole: bool
) -> None:
    package = tmp_path / "site" / "comfyui_frontend_package"
    (package / "static").mkdir(parents=True)
    (package / "__init__.py").write_text("", "utf-8")
    (package.parent / "comfyui_frontend_package-9.8.7.dist-info").mkdir()
    # Another test may have imported the real one.
    monkeypatch.delitem(sys.modules, package.name, raising=False)
    monkeypatch.syspath_prepend(package.parent)
    if not whole:
        with pytest.raises(frontend_module.FrontendMissing, match="pip install"):
            frontend_module.find_frontend()
        return
    (package / "static" / "index.html").write_text("the editor", "utf-8")

    async def check(demo: Demo) -> None:
        assert (await demo.get("/"))[1] == b"the editor"
        _, stats = await demo.get("/system_stats")
        assert stats["system"]["required_frontend_version"] == "9.8.7"
        # A new folder's settings are those of somebody who began with this version.
        assert (await demo.get("/settings/Comfy.InstalledVersion"))[1] == "9.8.7"

    with_demo(tmp_path, check, frontend=None)


class Marked:
    """A node with every mark that the editor knows."""

    RETURN_TYPES = ("INT", "STRING")
    RETURN_NAMES = ("count", "label")
    OUTPUT_IS_LIST = (False, True)
    OUTPUT_TOOLTIPS = ("how many", "which")
    FUNCTION = "go"
    DEPRECATED = True
    EXPERIMENTAL = True
    OUTPUT_NODE = True
    CATEGORY = "marks"

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:  # noqa: N802
        return {"required": {}}


def test_a_nodes_marks_reach_the_editor(tmp_path: Path) -> None:
    async def check(demo: Demo) -> None:
        _, described = await demo.get("/api/object_info")
        marked, plain = described["Marked"], described["Number"]
        assert marked["output_tooltips"] == ["how many", "which"]
        assert (marked["deprecated"], marked["experimental"]) == (True, True)
        assert (marked["display_name"], marked["category"]) == ("The marked", "marks")
        assert marked["output_name"] == ["count", "label"]
        assert marked["output_is_list"] == [False, True]
        assert marked["output_node"] is True
        assert not {"output_tooltips", "deprecated", "experimental"} & set(plain)
        assert (plain["display_name"], plain["output_name"]) == ("Number", ["INT"])

    names = {"Marked": "The marked"}
    with_demo(tmp_path, check, setup=lambda host: {"Marked": Marked}, display_names=names)


def test_a_packs_folders_are_served_once(tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "a.txt").write_text("picture", "utf-8")

    def setup(host: Any) -> dict[str, type]:
        host.routes.static("/pictures", tmp_path / "pictures")
        host.send("early", {})  # nobody hears it yet: not an error
        return {}

    async def check(demo: Demo) -> None:
        assert await demo.get("/pictures/a.txt") == (200, b"picture")
        assert (await demo.get("/api/pictures/a.txt"))[0] == 404

    with_demo(tmp_path, check, setup=setup)


# Pages that listen.


def test_what_a_page_says_that_means_nothing_is_passed_over(tmp_path: Path) -> None:
    async def check(demo: Demo) -> None:
        async with demo.session.ws_connect(demo.url + "/ws") as page:
            first = await page.receive_json(timeout=300)
            assert first["data"]["status"] == {"exec_info": {"queue_remaining": 0}}
            assert len(first["data"]["sid"]) == 32
            for text in ("no json", "[1]", '{"type": "else"}'):
                await page.send_str(text)
            await page.send_bytes(b'{"type": "feature_flags"}')
            assert await silent(page)
            await page.send_json({"type": "feature_flags", "data": {}})
            answer = await page.receive_json(timeout=300)
            assert answer["type"] == "feature_flags"
            assert answer["data"]["max_upload_size"] == 100 << 20

    with_demo(tmp_path, check)


async def silent(page: Any) -> bool:
    try:
        await page.receive(timeout=0.1)
    except asyncio.TimeoutError:
        return True
    return False


def test_a_page_that_came_back_is_still_told(tmp_path: Path) -> None:
    hosts: list[Any] = []

    async def check(demo: Demo) -> None:
        address = demo.url + "/ws?clientId=me"
        async with demo.session.ws_connect(address) as old:
            await old.receive_json(timeout=300)
            async with demo.session.ws_connect(address) as new:
                await new.receive_json(timeout=300)
                # The old socket goes after the new one has come.
                await old.close()
                await asyncio.sleep(0.05)
                hosts[0].send("gitpool.changed", {"id": "p"})
                told = await new.receive_json(timeout=300)
                assert told == {"type": "gitpool.changed", "data": {"id": "p"}}

    with_demo(tmp_path, check, setup=lambda host: hosts.append(host) or {})


def test_a_message_for_one_page_reaches_no_other(tmp_path: Path) -> None:
    hosts: list[Any] = []

    async def check(demo: Demo) -> None:
        async with (
            demo.session.ws_connect(demo.url + "/ws?clientId=one") as one,
            demo.session.ws_connect(demo.url + "/ws?clientId=two") as two,
        ):
            for page in (one, two):
                await page.receive_json(timeout=300)
            hosts[0].send_to("mine", {}, "gone")
            hosts[0].send_to("mine", {}, "two")
            hosts[0].send("everybody", {})
            assert (await one.receive_json(timeout=300))["type"] == "everybody"
            heard = [(await two.receive_json(timeout=300))["type"] for _ in range(2)]
            assert heard == ["mine", "everybody"]

    with_demo(tmp_path, check, setup=lambda host: hosts.append(host) or {})
