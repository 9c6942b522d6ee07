"""Images, settings and the person's files; nothing outside their folders can be reached."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from .demo_server import Demo, png, with_demo


def form(data: bytes, name: str = "a.png", **fields: Any) -> aiohttp.FormData:
    made = aiohttp.FormData()
    made.add_field("image", data, filename=name, content_type="image/png")
    for key, value in fields.items():
        made.add_field(key, value if isinstance(value, str) else json.dumps(value))
    return made


def opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))


def test_upload_and_view(tmp_path: Path) -> None:
    async def check(demo: Demo) -> None:
        red = png("RGBA", (20, 10), (255, 0, 0, 128))
        status, stored = await demo.post("/upload/image", data=form(red, subfolder="in/here"))
        assert status == 200
        assert stored == {"name": "a.png", "subfolder": "in/here", "type": "input"}
        base = "/api/view?filename=a.png&type=input&subfolder=in%2Fhere"
        assert (await demo.get(base))[1] == red
        _, colours = await demo.get(base + "&channel=rgb")
        assert opened(colours).mode == "RGB"
        assert opened(colours).getpixel((0, 0)) == (255, 0, 0)
        _, alpha = await demo.get(base + "&channel=a")
        assert opened(alpha).getchannel("A").getpixel((0, 0)) == 128
        _, small = await demo.get(base + "&preview=webp;60")
        assert opened(small).format == "WEBP"

    with_demo(tmp_path, check)


def test_names_are_not_overwritten_unless_asked(tmp_path: Path) -> None:
    async def check(demo: Demo) -> None:
        red, blue = png("RGB", (4, 4), "red"), png("RGB", (4, 4), "blue")
        names = []
        for data in (red, red, blue):
            names.append((await demo.post("/upload/image", data=form(data)))[1]["name"])
        assert names == ["a.png", "a.png", "a (1).png"]
        await demo.post("/upload/image", data=form(blue, overwrite="true"))
        assert (demo.folder / "input" / "a.png").read_bytes() == blue

    with_demo(tmp_path, check)


def test_a_mask_becomes_the_alpha_of_its_original(tmp_path: Path) -> None:
    async def check(demo: Demo) -> None:
        await demo.post("/upload/image", data=form(png("RGB", (6, 6), (10, 20, 30)), "base.png"))
        reference = {"filename": "base.png", "type": "input", "subfolder": ""}
        mask = png("RGBA", (6, 6), (99, 99, 99, 77))
        status, stored = await demo.post(
            "/upload/mask", data=form(mask, "masked.png", original_ref=reference)
        )
        assert status == 200
        result = Image.open(demo.folder / "input" / stored["name"])
        assert result.getpixel((3, 3)) == (10, 20, 30, 77)

    with_demo(tmp_path, check)


@pytest.mark.parametrize(
    "query",
    [
        "filename=../secret.png&type=input",
        "filename=..%2Fsecret.png&type=input",
        "filename=secret.png&type=input&subfolder=..",
        "filename=secret.png&type=input&subfolder=%2Fetc",
        "filename=%2Fetc%2Fpasswd&type=input",
        "filename=..%5Csecret.png&type=input",
        "filename=secret.png&type=elsewhere",
        "type=input",
    ],
)
def test_view_stays_in_its_folder(tmp_path: Path, query: str) -> None:
    async def check(demo: Demo) -> None:
        (demo.folder / "secret.png").write_bytes(b"secret")
        status, body = await demo.get("/view?" + query)
        assert status in (400, 403)
        assert b"secret" not in (body if isinstance(body, bytes) else b"")

    with_demo(tmp_path, check)


def test_a_link_out_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    async def check(demo: Demo) -> None:
        (demo.folder / "secret.png").write_bytes(b"secret")
        (demo.folder / "input" / "way.png").symlink_to(demo.folder / "secret.png")
        status, _ = await demo.get("/view?filename=way.png&type=input")
        assert status == 400

    with_demo(tmp_path, check)


@pytest.mark.parametrize("fields", [{"subfolder": "../out"}, {"type": "user"}])
def test_uploads_stay_in_their_folder(tmp_path: Path, fields: dict[str, str]) -> None:
    async def check(demo: Demo) -> None:
        status, _ = await demo.post("/upload/image", data=form(png("L", (2, 2), 0), **fields))
        assert status == 400
        assert not (demo.folder / "out").exists()

    with_demo(tmp_path, check)


def test_html_is_never_shown_as_a_page(tmp_path: Path) -> None:
    async def check(demo: Demo) -> None:
        (demo.folder / "input" / "page.html").write_text("<script>1</script>", "utf-8")
        async with demo.session.get(demo.url + "/view?filename=page.html&type=input") as answer:
            assert answer.content_type == "application/octet-stream"

    with_demo(tmp_path, check)


def test_settings_are_kept(tmp_path: Path) -> None:
    async def write(demo: Demo) -> None:
        _, first = await demo.get("/settings")
        assert first["Comfy.TutorialCompleted"] is True
        await demo.post("/settings/Some.Thing", json=[1, "two"])
        await demo.post("/settings", json={"Other": None, "Comfy.ColorPalette": "light"})

    async def read(demo: Demo) -> None:
        assert (await demo.get("/api/settings/Some.Thing"))[1] == [1, "two"]
        assert (await demo.get("/api/settings/Comfy.ColorPalette"))[1] == "light"
        assert (await demo.get("/api/settings/Unheard"))[1] is None

    with_demo(tmp_path, write)
    with_demo(tmp_path, read)


def test_workflows_are_saved_listed_moved_and_deleted(tmp_path: Path) -> None:
    async def check(demo: Demo) -> None:
        file = "/api/userdata/workflows%2Fmine.json"
        status, info = await demo.post(file + "?full_info=true", json={"nodes": []})
        assert status == 200
        assert info["path"] == "workflows/mine.json"
        assert (await demo.get(file))[1] == {"nodes": []}
        assert (await demo.post(file + "?overwrite=false", json={}))[0] == 409
        _, moved = await demo.post(file + "/move/workflows%2Fsub%2Fyours.json")
        assert moved == "workflows/sub/yours.json"
        _, listed = await demo.get("/userdata?dir=workflows&recurse=true&full_info=true")
        assert [each["path"] for each in listed] == ["sub/yours.json"]
        _, split = await demo.get("/userdata?dir=workflows&recurse=true&split=true")
        assert split == [["sub/yours.json", "sub", "yours.json"]]
        other = "/userdata/workflows%2Fsub%2Fyours.json"
        assert (await demo.call("DELETE", other))[0] == 204
        assert (await demo.get(other))[0] == 404

    with_demo(tmp_path, check)


@pytest.mark.parametrize("name", ["..%2F..%2Foutside.json", "%2Fetc%2Fpasswd", "a%2F..%2F..%2Fb"])
def test_userdata_stays_in_its_folder(tmp_path: Path, name: str) -> None:
    async def check(demo: Demo) -> None:
        for method in ("GET", "POST", "DELETE"):
            assert (await demo.call(method, f"/userdata/{name}", data=b"x"))[0] == 403
        await demo.post("/userdata/fine.json", data=b"x")
        assert (await demo.post(f"/userdata/fine.json/move/{name}"))[0] == 403
        assert (await demo.get(f"/userdata?dir={name}"))[0] == 403

    with_demo(tmp_path, check)


def test_what_is_not_there_or_no_image_is_said_so(tmp_path: Path) -> None:
    async def check(demo: Demo) -> None:
        assert (await demo.get("/view?filename=gone.png&type=input"))[0] == 404
        (demo.folder / "input" / "text.png").write_bytes(b"only text")
        base = "/view?filename=text.png&type=input"
        assert (await demo.get(base + "&channel=rgb"))[0] == 415
        assert (await demo.get(base + "&preview=webp"))[0] == 415
        assert (await demo.get(base))[1] == b"only text"

    with_demo(tmp_path, check)


@pytest.mark.parametrize(
    ("mode", "colour", "query", "kind", "bands"),
    [
        ("RGBA", (255, 0, 0, 0), "preview=jpeg;90&channel=rgb", "JPEG", "RGB"),
        ("RGBA", (255, 0, 0, 0), "preview=webp&channel=rgb", "WEBP", "RGB"),
        ("RGBA", (255, 0, 0, 0), "preview=jpeg;90&channel=a", "WEBP", "RGBA"),
        ("RGBA", (255, 0, 0, 0), "preview=bmp;x", "WEBP", "RGBA"),
        ("P", 3, "preview=webp;80", "WEBP", "RGB"),
        ("1", 1, "preview=webp;80", "WEBP", "RGB"),
    ],
)
def test_previews_of_every_kind(
    tmp_path: Path, mode: str, colour: Any, query: str, kind: str, bands: str
) -> None:
    async def check(demo: Demo) -> None:
        (demo.folder / "input" / "a.png").write_bytes(png(mode, (16, 16), colour))
        status, body = await demo.get(f"/view?filename=a.png&type=input&{query}")
        assert status == 200
        shown = opened(body)
        assert (shown.format, shown.mode, shown.size) == (kind, bands, (16, 16))
        if mode == "RGBA" and bands == "RGB":  # the colour under the mask is kept
            assert shown.getpixel((8, 8))[0] > 240

    with_demo(tmp_path, check)


@pytest.mark.parametrize(
    ("reference", "data", "status"),
    [
        (None, png("L", (6, 6), 0), 400),
        ("{broken", png("L", (6, 6), 0), 400),
        ("[1]", png("L", (6, 6), 0), 400),
        ({"filename": "gone.png", "type": "input"}, png("L", (6, 6), 0), 404),
        ({"filename": "../x.png", "type": "input"}, png("L", (6, 6), 0), 400),
        ({"filename": "base.png", "type": "input"}, png("L", (6, 5), 0), 400),
        ({"filename": "base.png", "type": "input"}, b"no image", 400),
    ],
)
def test_a_mask_that_fits_nothing_is_refused(
    tmp_path: Path, reference: Any, data: bytes, status: int
) -> None:
    async def check(demo: Demo) -> None:
        (demo.folder / "input" / "base.png").write_bytes(png("RGB", (6, 6), "red"))
        fields = {} if reference is None else {"original_ref": reference}
        answer = await demo.post("/upload/mask", data=form(data, "masked.png", **fields))
        assert answer[0] == status
        assert not (demo.folder / "input" / "masked.png").exists()

    with_demo(tmp_path, check)


def test_a_masked_image_keeps_its_texts(tmp_path: Path) -> None:
    async def check(demo: Demo) -> None:
        info = PngInfo()
        info.add_text("workflow", '{"nodes": []}')
        Image.new("RGB", (6, 6), "red").save(demo.folder / "input" / "base.png", pnginfo=info)
        reference = {"filename": "base.png [input]"}
        await demo.post(
            "/upload/mask", data=form(png("RGBA", (6, 6), 0), "m.png", original_ref=reference)
        )
        with Image.open(demo.folder / "input" / "m.png") as result:
            assert result.text == {"workflow": '{"nodes": []}'}

    with_demo(tmp_path, check)


@pytest.mark.parametrize("address", ["/upload/image", "/upload/mask"])
def test_an_upload_without_an_image_is_refused(tmp_path: Path, address: str) -> None:
    async def check(demo: Demo) -> None:
        for fields in ({"other": "x"}, {"image": "only a text"}):
            assert (await demo.post(address, data=fields))[0] == 400
        assert list((demo.folder / "input").iterdir()) == []

    with_demo(tmp_path, check)


def test_broken_settings_count_as_none_and_can_be_set_again(tmp_path: Path) -> None:
    async def check(demo: Demo) -> None:
        file = demo.folder / "user" / "default" / "comfy.settings.json"
        for broken in ('{"Some.Thing": 1', "[1]"):
            file.write_text(broken, "utf-8")
            assert (await demo.get("/settings")) == (200, {})
        assert (await demo.post("/settings", json=["no", "object"]))[0] == 400
        assert (await demo.post("/settings/Some.Thing", json=2))[0] == 200
        assert json.loads(file.read_text("utf-8")) == {"Some.Thing": 2}

    with_demo(tmp_path, check)


def test_what_the_editor_asks_for_at_its_start_is_there(tmp_path: Path) -> None:
    async def check(demo: Demo) -> None:
        assert await demo.get("/users") == (200, {"storage": "server", "migrated": True})
        assert await demo.get("/userdata/user.css") == (200, b"")
        assert await demo.get("/userdata/comfy.templates.json") == (200, [])
        # Its own index is no workflow.
        assert await demo.get("/userdata?dir=workflows") == (200, [])

    with_demo(tmp_path, check)


def test_files_are_listed_by_folder(tmp_path: Path) -> None:
    async def check(demo: Demo) -> None:
        await demo.post("/userdata/workflows%2Fb.json", data=b"{}")
        await demo.post("/userdata/workflows%2Fsub%2Fa.json", data=b"[1]")
        assert await demo.get("/userdata?dir=workflows") == (200, ["b.json"])
        _, deep = await demo.get("/userdata?dir=workflows&recurse=true")
        assert deep == ["b.json", "sub/a.json"]
        assert (await demo.get("/userdata?dir="))[0] == 400
        assert (await demo.get("/userdata?dir=nowhere"))[0] == 404
        status, tree = await demo.get("/v2/userdata?path=workflows")
        assert status == 200
        found = {each["path"]: each for each in tree}
        assert found["workflows/sub"] == {
            "name": "sub",
            "path": "workflows/sub",
            "type": "directory",
        }
        file = found["workflows/sub/a.json"]
        assert (file["type"], file["name"], file["size"]) == ("file", "a.json", 3)
        assert file["modified"] > 1_600_000_000
        assert tree[0]["type"] == "directory"
        assert (await demo.get("/v2/userdata?path=nowhere"))[0] == 404
        assert (await demo.get("/v2/userdata?path=.."))[0] == 403

    with_demo(tmp_path, check)


def test_a_file_where_a_folder_would_be_needed_stays(tmp_path: Path) -> None:
    async def check(demo: Demo) -> None:
        await demo.post("/userdata/a.txt", data=b"mine")
        assert (await demo.post("/userdata/a.txt%2Fb.json", data=b"x"))[0] == 400
        assert (await demo.post("/userdata/workflows", data=b"x"))[0] == 400
        assert (await demo.get("/userdata/a.txt"))[1] == b"mine"
        assert (demo.folder / "user" / "default" / "workflows").is_dir()

    with_demo(tmp_path, check)


def test_a_picture_that_is_cut_off_is_refused(tmp_path: Path) -> None:
    async def check(demo: Demo) -> None:
        (demo.folder / "input" / "cut.png").write_bytes(png("RGB", (64, 64), "red")[:60])
        for query in ("channel=rgb", "channel=a", "preview=webp", "preview=jpeg;50"):
            status, _ = await demo.get(f"/view?filename=cut.png&type=input&{query}")
            assert status == 415, query

    with_demo(tmp_path, check)


@pytest.mark.skipif(os.name == "nt", reason="links there want rights that a test hasn't")
def test_links_are_listed_where_they_lie_and_broken_ones_left_out(tmp_path: Path) -> None:
    async def check(demo: Demo) -> None:
        elsewhere = tmp_path / "elsewhere.json"
        elsewhere.write_text("{}", "utf-8")
        workflows = demo.folder / "user" / "default" / "workflows"
        (workflows / "linked.json").symlink_to(elsewhere)
        (workflows / "broken.json").symlink_to(tmp_path / "nowhere")
        status, listed = await demo.get("/userdata?dir=workflows&full_info=true")
        assert (status, [each["path"] for each in listed]) == (200, ["linked.json"])
        status, tree = await demo.get("/v2/userdata?path=workflows")
        found = [each["path"] for each in tree]
        assert (status, found) == (200, ["workflows/.index.json", "workflows/linked.json"])

    with_demo(tmp_path, check)
