"""Pools over real HTTP: what is stored, what is refused, and that looking changes nothing."""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import struct
import threading
import tracemalloc
import zlib
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from support import Server, judge, mask, picture, tree_of

from gitpool.errors import NotAnImage
from gitpool.pool import images

SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect width="9"/></svg>'


def chunk(kind: bytes, data: bytes) -> bytes:
    check = zlib.crc32(kind + data)
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", check)


def pixel_bomb(width: int, height: int) -> bytes:
    """A PNG of a few bytes that claims to be huge."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = zlib.compress(bytes(2000))
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")
    )


def rotated_jpeg(size: tuple[int, int], orientation: int = 6) -> bytes:
    image = Image.effect_noise(size, 60).convert("RGB")
    exif = image.getexif()
    exif[0x0112] = orientation
    out = io.BytesIO()
    image.save(out, "JPEG", exif=exif)
    return out.getvalue()


def add(server: Server, pool_id: str, data: bytes, name: str = "a.png"):  # type: ignore[no-untyped-def]
    return server.send_form("/grid_pool/add", {"image": (name, data)}, pool_id=pool_id, ts=5)


def old_pool(server: Server, pool_id: str, manifest: Any, **files: bytes) -> Path:
    """A folder as earlier nodes wrote it: files first, no trace of ours."""
    folder = server.pools / pool_id
    folder.mkdir(parents=True)
    for name, data in files.items():
        (folder / name.replace("__", ".")).write_bytes(data)
    if manifest is not None:
        text = manifest if isinstance(manifest, str) else json.dumps(manifest)
        (folder / "manifest.json").write_text(text, "utf-8")
    return folder


def slots(server: Server, pool_id: str, key: str = "image") -> list[Any]:
    return [slot[key] for slot in server.list(pool_id)["slots"]]


def filled(server: Server, pool_id: str = "p", count: int = 3) -> str:
    for seed in range(count):
        server.add(pool_id, picture(seed))
    return pool_id


def test_a_plain_pool_has_its_files_and_nothing_new(server: Server) -> None:
    before = set(server.host.folder.rglob("*"))
    assert server.list("node_1")["slots"] == []
    assert set(server.host.folder.rglob("*")) == before
    first = server.add("node_1", picture(1), ts=1700000000123)
    assert first["next_seq"] == 2
    assert first["active"] == 0
    slot = first["slots"][0]
    assert (slot["image"], slot["mask"], slot["label"]) == ("img_0001.png", None, "")
    assert slot["added"] == 1700000000123
    assert server.set_mask("node_1", 0, mask()).status == 200
    server.post("/grid_pool/label", pool_id="node_1", index=0, label="x")
    server.post("/grid_pool/active", pool_id="node_1", index=0)
    server.post("/grid_pool/reorder", pool_id="node_1", order=[0])
    server.get("/grid_pool/thumb", pool_id="node_1", name="img_0001.png", size=64)
    folder = server.pools / "node_1"
    assert {p.name for p in folder.rglob("*")} == {
        "manifest.json",
        "img_0001.png",
        "img_0001.mask.png",
    }
    assert not (server.pools / "profiles.json").exists()


def test_the_manifest_on_disk_is_the_contracts(server: Server) -> None:
    server.add("p", picture(1), ts=7)
    server.set_mask("p", 0, mask())
    server.post("/grid_pool/label", pool_id="p", index=0, label="Größe 図")
    raw = (server.pools / "p" / "manifest.json").read_bytes()
    assert json.loads(raw.decode("utf-8")) == {
        "active": 0,
        "slots": [
            {
                "image": "img_0001.png",
                "mask": "img_0001.mask.png",
                "label": "Größe 図",
                "added": 7,
            }
        ],
        "next_seq": 2,
    }


@pytest.mark.parametrize(
    ("kind", "extensions"),
    [
        ("PNG", {".png"}),
        ("JPEG", {".jpg", ".jpeg"}),
        ("WEBP", {".webp"}),
        ("GIF", {".gif"}),
        ("BMP", {".bmp"}),
        ("TIFF", {".tif", ".tiff"}),
    ],
)
def test_bytes_are_kept_under_the_true_extension(
    server: Server, kind: str, extensions: set[str]
) -> None:
    data = picture(3, kind=kind)
    name = server.add("p", data, "claims.png")["slots"][0]["image"]
    assert Path(name).stem == "img_0001"
    assert Path(name).suffix in extensions
    assert (server.pools / "p" / name).read_bytes() == data
    thumb = server.get("/grid_pool/thumb", pool_id="p", name=name, size=64)
    assert thumb.status == 200
    assert Image.open(io.BytesIO(thumb.body)).size == (24, 16)
    assert server.set_mask("p", 0, mask()).json["slots"][0]["mask"] == "img_0001.mask.png"


def test_metadata_and_trailing_bytes_of_a_png_survive(server: Server) -> None:
    data = picture(1)
    data = data[:-12] + chunk(b"tEXt", b"workflow\x00{}") + data[-12:] + b"trailing"
    server.add("p", data)
    assert (server.pools / "p" / "img_0001.png").read_bytes() == data


def test_jpeg_bytes_under_a_png_name_open(server: Server) -> None:
    data = picture(4, kind="JPEG")
    manifest = {
        "active": 0,
        "slots": [{"image": "img_0001.png", "mask": None, "label": "old", "added": 0}],
        "next_seq": 2,
    }
    folder = old_pool(server, "old", manifest, img_0001__png=data)
    before = tree_of(folder)
    assert slots(server, "old") == ["img_0001.png"]
    thumb = server.get("/grid_pool/thumb", pool_id="old", name="img_0001.png", size=64)
    assert thumb.status == 200
    assert tree_of(folder) == before
    assert server.set_mask("old", 0, mask()).status == 200
    assert server.add("old", picture(5))["slots"][1]["image"] == "img_0002.png"
    assert (folder / "img_0001.png").read_bytes() == data
    answer = server.post("/grid_pool/profiles/adopt", pool_id="old", name="adopted")
    assert answer.status == 200
    assert (folder / "img_0001.png").read_bytes() == data
    assert slots(server, "old", "label") == ["old", ""]
    judge(folder)


def test_folders_of_earlier_nodes_open_as_they_are(server: Server) -> None:
    manifest = {
        "active": 7,
        "slots": [
            {"image": "img_0004.png", "mask": None, "label": "b", "added": 0},
            {"image": "img_0002.png", "mask": "img_0002.mask.png", "label": "a", "added": 1.7e12},
            {"image": "img_0009.png", "added": 1718960000000},
        ],
        "next_seq": 12,
    }
    folder = old_pool(
        server,
        "old",
        manifest,
        img_0004__png=picture(4),
        img_0002__png=picture(2),
        img_0009__png=picture(9),
        img_0002__mask__png=mask((12, 8)),
    )
    before = tree_of(folder)
    listed = server.list("old")
    assert [(s["image"], s["mask"], s["label"], s["added"]) for s in listed["slots"]] == [
        ("img_0004.png", None, "b", 0),
        ("img_0002.png", "img_0002.mask.png", "a", 1700000000000),
        ("img_0009.png", None, "", 1718960000000),
    ]
    assert 0 <= listed["active"] < 3
    assert listed["next_seq"] == 12
    assert tree_of(folder) == before
    added = server.add("old", picture(1))["slots"][-1]["image"]
    assert added == "img_0012.png"
    after = tree_of(folder)
    kept = before.keys() - {"manifest.json"}
    assert {n: after[n] for n in kept} == {n: before[n] for n in kept}


def test_numbers_are_never_used_twice(server: Server) -> None:
    filled(server)
    for _ in range(3):
        server.post("/grid_pool/remove", pool_id="p", index=0)
    assert server.list("p")["next_seq"] == 4
    assert slots(server, "p") == []
    assert server.add("p", picture(7))["slots"][0]["image"] == "img_0004.png"
    assert server.add("p", picture(8))["slots"][1]["image"] == "img_0005.png"


@pytest.mark.parametrize("next_seq", [0, 1, 10**9 - 1, 10**9, 10**12, 2**53, 1e300])
def test_whatever_the_manifest_claims_no_image_is_overwritten(
    server: Server, next_seq: float
) -> None:
    pictures = [picture(seed) for seed in range(4)]
    for data in pictures[:2]:
        server.add("p", data)
    path = server.pools / "p" / "manifest.json"
    raw = json.loads(path.read_text())
    path.write_text(json.dumps({**raw, "next_seq": next_seq}))
    for data in pictures[2:]:
        server.add("p", data)
    names = slots(server, "p")
    assert len(set(names)) == 4
    assert [(server.pools / "p" / name).read_bytes() for name in names] == pictures


def test_a_file_that_nobody_listed_is_not_overwritten(server: Server) -> None:
    filled(server, count=1)
    stray = server.pools / "p" / "img_0002.jpg"
    stray.write_bytes(b"somebody's")
    name = server.add("p", picture(5))["slots"][-1]["image"]
    assert stray.read_bytes() == b"somebody's"
    assert name == "img_0003.png"


def test_remove_takes_the_files_along_and_keeps_the_active_image(server: Server) -> None:
    filled(server)
    server.set_mask("p", 0, mask())
    server.post("/grid_pool/active", pool_id="p", index=2)
    answer = server.post("/grid_pool/remove", pool_id="p", index=0).json
    assert [s["image"] for s in answer["slots"]] == ["img_0002.png", "img_0003.png"]
    assert answer["active"] == 1
    assert {p.name for p in (server.pools / "p").iterdir()} == {
        "manifest.json",
        "img_0002.png",
        "img_0003.png",
    }
    answer = server.post("/grid_pool/remove", pool_id="p", index=1).json
    assert answer["active"] == 0


def test_label_active_and_reorder(server: Server) -> None:
    filled(server)
    label = "  two\nlines — 図 \U0001f600 "
    answer = server.post("/grid_pool/label", pool_id="p", index=1, label=label)
    assert answer.json["slots"][1]["label"] == label
    assert server.post("/grid_pool/active", pool_id="p", index=1).json["active"] == 1
    answer = server.post("/grid_pool/reorder", pool_id="p", order=[2, 0, 1]).json
    assert [s["image"] for s in answer["slots"]] == [f"img_000{n}.png" for n in (3, 1, 2)]
    assert answer["active"] == 2
    assert answer["slots"][2]["label"] == label
    assert server.list("p")["slots"] == answer["slots"]


@pytest.mark.parametrize("order", [[0], [0, 1, 1], [0, 1, 2, 3], [1, 2, 3], [-1, 0, 1]])
def test_an_order_that_is_no_permutation_is_refused(server: Server, order: list[int]) -> None:
    filled(server)
    before = tree_of(server.pools)
    assert server.post("/grid_pool/reorder", pool_id="p", order=order).status in (400, 409)
    assert tree_of(server.pools) == before


@pytest.mark.parametrize("where", ["plain", "profile"])
def test_a_stale_tab_never_edits_another_picture(server: Server, where: str) -> None:
    pool = server.create("x") if where == "profile" else "p"
    filled(server, pool)
    server.set_mask(pool, 1, mask())
    server.post("/grid_pool/remove", pool_id=pool, index=0)
    before = tree_of(server.pools)
    stale = {"pool_id": pool, "index": 0, "image": "img_0001.png"}
    for route, more in (("remove", {}), ("active", {}), ("label", {"label": "no"})):
        answer = server.post(f"/grid_pool/{route}", **stale, **more)
        assert (answer.status, route) == (409, route)
    answer = server.send_form("/grid_pool/set_mask", {"mask": ("m.png", mask())}, **stale)
    assert answer.status == 409
    gone = server.post("/grid_pool/remove", pool_id=pool, index=2)
    assert gone.status == 409
    assert tree_of(server.pools) == before
    good = {**stale, "image": "img_0002.png"}
    assert server.post("/grid_pool/label", **good, label="yes").status == 200
    assert server.post("/grid_pool/active", **good).status == 200
    answer = server.send_form("/grid_pool/set_mask", {"mask": ("m.png", mask(left=3))}, **good)
    assert answer.status == 200
    assert server.post("/grid_pool/remove", **good).status == 200
    assert slots(server, pool) == ["img_0003.png"]


def test_a_mask_must_have_its_images_size(server: Server) -> None:
    filled(server, count=1)
    before = tree_of(server.pools)
    answer = server.set_mask("p", 0, mask((16, 24)))
    assert answer.status == 422
    assert tree_of(server.pools) == before
    assert server.set_mask("p", 0, mask()).status == 200
    assert (server.pools / "p" / "img_0001.mask.png").read_bytes() == mask()
    before = tree_of(server.pools)
    assert server.set_mask("p", 0, mask((25, 16))).status == 422
    assert tree_of(server.pools) == before


@pytest.mark.parametrize("orientation", [1, 2, 3, 4, 5, 6, 7, 8])
def test_a_masks_size_is_that_of_the_image_as_shown(server: Server, orientation: int) -> None:
    server.add("p", rotated_jpeg((40, 24), orientation), "a.jpg")
    shown, not_shown = ((24, 40), (40, 24)) if orientation > 4 else ((40, 24), (24, 40))
    assert server.set_mask("p", 0, mask(not_shown)).status == 422
    assert server.set_mask("p", 0, mask(shown)).status == 200
    thumb = server.get("/grid_pool/thumb", pool_id="p", name="img_0001.jpg", size=64)
    assert Image.open(io.BytesIO(thumb.body)).size == shown


def test_a_mask_of_another_format_becomes_a_png(server: Server) -> None:
    filled(server, count=1)
    out = io.BytesIO()
    Image.open(io.BytesIO(mask())).save(out, "WEBP", lossless=True)
    assert server.set_mask("p", 0, out.getvalue()).status == 200
    stored = Image.open(server.pools / "p" / "img_0001.mask.png")
    assert stored.format == "PNG"
    wanted = Image.open(io.BytesIO(mask()))
    assert stored.convert("L").tobytes() == wanted.convert("L").tobytes()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"just text",
        SVG,
        b"\x89PNG\r\n\x1a\n",
        picture(1, (64, 64), "WEBP")[:500],
        b"%PDF-1.4\n%%EOF",
        b"PK\x03\x04" + bytes(40),
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
    ],
    ids=[
        *("empty", "text", "svg", "signature", "webp-cut", "pdf", "zip", "eps"),
    ],
)
def test_what_is_no_image_is_refused(server: Server, data: bytes) -> None:
    profile = server.create("x")
    filled(server, count=1)
    before = tree_of(server.pools)
    for pool in ("p", "fresh", profile):
        answer = add(server, pool, data)
        assert answer.status == 415, answer.body
    if data:
        assert server.set_mask("p", 0, data).status == 415
    assert tree_of(server.pools) == before
    assert not (server.pools / "fresh").exists()


def test_a_damaged_image_being_shown_makes_no_other_one_whole(tmp_path: Path) -> None:
    damaged, cut = tmp_path / "damaged.png", tmp_path / "cut.jpg"
    data = bytearray(picture(1, (900, 900)))
    data[len(data) // 2] ^= 1
    damaged.write_bytes(data)
    whole = picture(1, (600, 450), "JPEG")
    cut.write_bytes(whole[: len(whole) // 2])
    done = threading.Event()

    def show() -> None:
        while not done.is_set():
            with contextlib.suppress(NotAnImage):
                images.decode(damaged)

    showing = threading.Thread(target=show)
    showing.start()
    try:
        for _ in range(60):
            assert not images.verify(cut).whole
    finally:
        done.set()
        showing.join()


@pytest.mark.parametrize("size", [(30000, 30000), (10000, 10000), (2**31 - 1, 2**31 - 1)])
def test_a_pixel_bomb_is_too_large(server: Server, size: tuple[int, int]) -> None:
    filled(server, count=1)
    before = tree_of(server.pools)
    answer = add(server, "p", pixel_bomb(*size))
    assert answer.status == 413
    assert server.set_mask("p", 0, pixel_bomb(*size)).status == 413
    assert tree_of(server.pools) == before


def test_a_text_chunk_bomb_goes_off_nowhere(server: Server) -> None:
    data = picture(1)
    bomb = chunk(b"zTXt", b"k\x00\x00" + zlib.compress(bytes(50 << 20)))
    data = data[:33] + bomb + data[33:]
    tracemalloc.start()
    answer = add(server, "p", data)
    if answer.status == 200:
        assert (server.pools / "p" / "img_0001.png").read_bytes() == data
        shown = server.get("/grid_pool/thumb", pool_id="p", name="img_0001.png", size=64)
        assert shown.status == 200
    else:
        assert answer.status in (413, 415)
        assert tree_of(server.pools) == {}
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 30 << 20


def test_a_file_of_too_many_bytes_is_too_large(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(server, count=1)
    before = tree_of(server.pools)
    monkeypatch.setattr(images, "MAX_FILE_BYTES", 5000)
    assert add(server, "p", picture(1, (90, 90))).status == 413
    assert tree_of(server.pools) == before
    assert not [*(server.pools / ".gitpool" / "tmp").iterdir()]


@pytest.mark.parametrize("garbage", [None, "", "{", "[]", '{"slots": 3}', "\x00" * 50, "[" * 9999])
def test_a_lost_manifest_is_rebuilt_from_the_files(server: Server, garbage: str | None) -> None:
    filled(server)
    server.set_mask("p", 1, mask())
    path = server.pools / "p" / "manifest.json"
    path.unlink()
    if garbage is not None:
        path.write_text(garbage)
    before = tree_of(server.pools)
    listed = server.list("p")
    assert [s["image"] for s in listed["slots"]] == [f"img_000{n}.png" for n in (1, 2, 3)]
    assert [s["mask"] for s in listed["slots"]] == [None, "img_0002.mask.png", None]
    assert listed["next_seq"] == 4
    assert tree_of(server.pools) == before
    server.post("/grid_pool/label", pool_id="p", index=0, label="works")
    assert json.loads(path.read_text())["slots"][0]["label"] == "works"


@pytest.mark.parametrize("garbage", [None, b"", b"\x00" * 300, b'{"active": 0, "slots": [{'])
def test_a_profiles_lost_manifest_gets_labels_and_order_from_the_newest_snapshot(
    server: Server, garbage: bytes | None
) -> None:
    profile = server.create("x")
    filled(server, profile, 4)
    server.set_mask(profile, 3, mask())
    server.post("/grid_pool/label", pool_id=profile, index=1, label="two")
    server.post("/grid_pool/reorder", pool_id=profile, order=[3, 1, 0, 2])
    server.post("/grid_pool/active", pool_id=profile, index=1)
    server.snapshot(profile)
    server.add(profile, picture(9))
    folder = server.pools / profile
    (folder / "manifest.json").unlink()
    if garbage is not None:
        (folder / "manifest.json").write_bytes(garbage)

    before = tree_of(server.pools)
    listed = server.list(profile)
    server.get("/grid_pool/profiles/list")
    server.get("/grid_pool/profiles/history", id=profile)
    server.get("/grid_pool/profiles/export", id=profile)
    assert tree_of(server.pools) == before
    assert [s["image"] for s in listed["slots"]] == [f"img_000{n}.png" for n in (4, 2, 1, 3, 5)]
    assert [s["label"] for s in listed["slots"]] == ["", "two", "", "", ""]
    assert [bool(s["mask"]) for s in listed["slots"]] == [True, False, False, False, False]
    assert listed["active"] == 1
    answer = server.post("/grid_pool/label", pool_id=profile, index=4, label="five")
    assert answer.status == 200
    server.snapshot(profile)
    after = server.list(profile)
    assert [s["label"] for s in after["slots"]] == ["", "two", "", "", "five"]
    assert after["slots"][0]["mask"] == "img_0004.mask.png"
    judge(folder)


def test_an_export_of_a_lost_manifest_has_the_labels_too(server: Server) -> None:
    profile = server.create("x")
    filled(server, profile, 2)
    server.post("/grid_pool/label", pool_id=profile, index=1, label="two")
    server.snapshot(profile)
    (server.pools / profile / "manifest.json").unlink()
    data = server.get("/grid_pool/profiles/export", id=profile).body
    answer = server.send_form("/grid_pool/profiles/import", {"file": ("x.zip", data)})
    assert slots(server, answer.json["id"], "label") == ["", "two"]


def test_a_slot_whose_file_is_gone_is_no_failure_of_the_disk(server: Server) -> None:
    filled(server, count=2)
    (server.pools / "p" / "img_0001.png").unlink()
    before = tree_of(server.pools)
    answer = server.set_mask("p", 0, mask())
    assert 400 <= answer.status < 500
    assert tree_of(server.pools) == before
    assert server.get("/grid_pool/thumb", pool_id="p", name="img_0001.png").status == 404
    assert server.post("/grid_pool/label", pool_id="p", index=1, label="x").status == 200


def thumb(server: Server, headers: dict[str, str] | None = None, **query: Any):  # type: ignore[no-untyped-def]
    return server.get("/grid_pool/thumb", headers, **query)


def test_a_thumbnail_is_small_and_known_by_its_content(server: Server) -> None:
    server.add("p", picture(1, (900, 600)))
    answer = thumb(server, pool_id="p", name="img_0001.png", size=128)
    assert answer.status == 200
    assert answer.headers["Content-Type"].startswith("image/")
    small = Image.open(io.BytesIO(answer.body))
    assert max(small.size) <= 128
    assert abs(small.width / small.height - 1.5) < 0.05
    tag = answer.headers["ETag"]
    assert "immutable" not in answer.headers["Cache-Control"]
    again = thumb(server, {"If-None-Match": tag}, pool_id="p", name="img_0001.png", size=128)
    assert (again.status, again.body) == (304, b"")
    assert again.headers["ETag"] == tag
    other = thumb(server, {"If-None-Match": tag}, pool_id="p", name="img_0001.png", size=512)
    assert other.status == 200
    assert other.headers["ETag"] != tag
    version = server.list("p")["slots"][0]["image_v"]
    kept = thumb(server, pool_id="p", name="img_0001.png", size=128, v=version)
    assert "immutable" in kept.headers["Cache-Control"]
    assert "max-age=31536000" in kept.headers["Cache-Control"]


def test_the_same_content_has_the_same_tag_and_other_content_another(server: Server) -> None:
    first, second = picture(1), picture(2)
    server.add("p", first)
    server.add("p", second)
    server.add("q", first)
    one, two = (thumb(server, pool_id="p", name=f"img_000{n}.png") for n in (1, 2))
    same = thumb(server, pool_id="q", name="img_0001.png")
    assert one.headers["ETag"] == same.headers["ETag"] != two.headers["ETag"]
    (server.pools / "p" / "img_0001.png").write_bytes(second)
    changed = thumb(
        server, {"If-None-Match": one.headers["ETag"]}, pool_id="p", name="img_0001.png"
    )
    assert changed.status == 200
    assert changed.headers["ETag"] == two.headers["ETag"]


def test_a_masks_thumbnail_changes_with_the_mask(server: Server) -> None:
    filled(server, count=1)
    server.set_mask("p", 0, mask(left=4))
    name = "img_0001.mask.png"
    first = thumb(server, pool_id="p", name=name, size=64)
    paint = Image.open(io.BytesIO(first.body)).getchannel("A")
    assert paint.getpixel((1, 8)) > 200
    assert paint.getpixel((20, 8)) < 50
    version = server.list("p")["slots"][0]["mask_v"]
    server.set_mask("p", 0, mask(left=20))
    assert server.list("p")["slots"][0]["mask_v"] != version
    second = thumb(server, pool_id="p", name=name, size=64)
    assert second.headers["ETag"] != first.headers["ETag"]


def test_a_snapshots_thumbnail_outlives_the_image(server: Server) -> None:
    profile = server.create("x")
    server.add(profile, picture(1))
    snapshot = server.snapshot(profile)["id"]
    now = thumb(server, pool_id=profile, name="img_0001.png", size=64)
    server.post("/grid_pool/remove", pool_id=profile, index=0)
    assert thumb(server, pool_id=profile, name="img_0001.png").status == 404
    then = thumb(server, pool_id=profile, name="img_0001.png", size=64, snapshot=snapshot)
    assert (then.status, then.body) == (200, now.body)
    assert "immutable" in then.headers["Cache-Control"]
    assert then.headers["ETag"] == now.headers["ETag"]
    cached = {"If-None-Match": then.headers["ETag"]}
    query = {"pool_id": profile, "name": "img_0001.png", "size": 64, "snapshot": snapshot}
    assert thumb(server, cached, **query).status == 304
    shutil.rmtree(server.host.user_directory())
    assert thumb(server, **query).body == now.body
    assert thumb(server, **{**query, "name": "img_0002.png"}).status == 404
    assert thumb(server, **{**query, "snapshot": "0" * 40}).status == 404
    assert thumb(server, **{**query, "snapshot": "HEAD"}).status == 400


def test_a_file_that_lost_its_content_has_no_thumbnail(server: Server) -> None:
    filled(server, count=1)
    (server.pools / "p" / "img_0001.png").write_bytes(b"\x00" * 500)
    answer = thumb(server, pool_id="p", name="img_0001.png")
    assert 400 <= answer.status < 500
    assert isinstance(answer.code, str)


@pytest.mark.skipif(os.name == "nt", reason="needs links")
def test_a_link_out_of_the_pool_is_not_followed(server: Server, tmp_path: Path) -> None:
    filled(server, count=1)
    secret = tmp_path / "secret.png"
    secret.write_bytes(picture(3))
    (server.pools / "p" / "img_0009.png").symlink_to(secret)
    assert thumb(server, pool_id="p", name="img_0009.png").status == 404
    (server.pools / "p" / "manifest.json").unlink()
    assert slots(server, "p") == ["img_0001.png"]


def test_looking_changes_no_file(server: Server) -> None:
    profile = server.create("x")
    filled(server, profile)
    first = server.snapshot(profile)["id"]
    server.post("/grid_pool/remove", pool_id=profile, index=2)
    filled(server, "plain", 1)
    (server.pools / profile / "dropped.png").write_bytes(picture(30))
    (server.pools / "plain" / "img_0001.png").touch()
    tip = server.history(profile)[0]["id"]
    before = written(server.host.input_directory())
    pre = "/grid_pool/profiles/"
    asked = [
        server.get("/grid_pool/list", pool_id=profile),
        server.get("/grid_pool/list", pool_id="plain"),
        server.get("/grid_pool/list", pool_id="nobody"),
        thumb(server, pool_id=profile, name="img_0001.png", size=64),
        thumb(server, pool_id=profile, name="img_0003.png", snapshot=first),
        server.get(pre + "list"),
        server.get(pre + "history", id=profile, limit=1),
        server.get(pre + "diff", id=profile, **{"from": first, "to": "now"}),
        server.get(pre + "diff", id=profile, **{"from": first, "to": tip}),
        server.get(pre + "storage", id=profile),
        server.get(pre + "export", id=profile),
        server.get(pre + "export", id=profile, format="bundle"),
    ]
    assert [a.status for a in asked] == [200] * len(asked)
    assert written(server.host.input_directory()) == before


def written(folder: Path) -> tuple[dict[Path, int], dict[str, bytes]]:
    """When each file below was written, and what is in it; save locks, which hold nothing."""
    times = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    return {path: at for path, at in times.items() if "locks" not in path.parts}, tree_of(folder)


def test_every_edit_of_a_pool_is_told(server: Server) -> None:
    filled(server, count=2)
    server.host.events.clear()
    server.post("/grid_pool/label", pool_id="p", index=0, label="x")
    server.post("/grid_pool/active", pool_id="p", index=1)
    server.post("/grid_pool/reorder", pool_id="p", order=[1, 0])
    server.set_mask("p", 0, mask())
    server.post("/grid_pool/remove", pool_id="p", index=0)
    assert server.host.events == [("gitpool.changed", {"id": "p"})] * 5
    server.host.events.clear()
    server.post("/grid_pool/label", pool_id="p", index=9, label="x")
    server.get("/grid_pool/list", pool_id="p")
    assert server.host.events == []


def test_a_picture_removed_while_it_is_drawn_is_gone_not_a_failure(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(server, count=1)
    look = server.service.library.contents.one

    def look_and_lose(path: Path) -> str:
        content_id = look(path)
        path.unlink()
        return content_id

    monkeypatch.setattr(server.service.library.contents, "one", look_and_lose)
    answer = server.get("/grid_pool/thumb", pool_id="p", name="img_0001.png")
    assert answer.status == 404
    assert answer.code == "unknown_image"
