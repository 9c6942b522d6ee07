"""Addresses, extensions, protection and the command that starts it all."""

from __future__ import annotations

import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from aiohttp import web

from gitpool.demo import frontend as frontend_module
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
        with urllib.request.urlopen(address, timeout=5) as answer:
            assert answer.read() == b"editor"
        process.send_signal(stop)
        assert process.wait(timeout=10) == 0
    finally:
        process.kill()
        process.stdout.close()
