"""Zips as people have them: unpacked and packed again, of earlier packs, of images alone. Taken
for the pool that is in them; what isn't taken is named."""

from __future__ import annotations

import io
import json
import struct
import unicodedata
import zipfile
import zlib
from pathlib import Path
from typing import Any

import pytest
from support import Server, git, judge, mask, picture
from test_exchange import export, filled, manifest, meta, pool_files, refused, send, zipped

P = "/grid_pool/profiles/"
ONE, TWO, THREE = picture(1), picture(2), picture(3)
POOL = {
    "profile_meta.json": meta("theirs"),
    "pool/manifest.json": manifest("img_0002.png", "img_0001.png"),
    "pool/img_0001.png": ONE,
    "pool/img_0002.png": TWO,
}


def imported(server: Server, data: bytes, file_name: str = "the file.zip") -> Any:
    """The entry of what was imported, which C git finds sound."""
    answer = send(server, data, file_name)
    assert answer.status == 200, answer.body
    judge(server.pools / answer.json["id"])
    return answer.json


def images(server: Server, entry: Any) -> list[bytes]:
    """The images' bytes, in the pool's order."""
    folder = server.pools / entry["id"]
    return [(folder / s["image"]).read_bytes() for s in server.list(entry["id"])["slots"]]


def left_out(entry: Any) -> dict[str, str]:
    found = {left["name"]: left["why"] for left in entry.get("left_out", [])}
    assert all(found.values())
    return found


@pytest.mark.parametrize(
    "front",
    ["", "characters/", "a/b/c/d/", "./", "./characters/", ".\\", "characters\\", "Ünder 図/"],
)
def test_a_pool_is_found_in_whatever_folder(server: Server, front: str) -> None:
    swap = (lambda name: name.replace("/", "\\")) if "\\" in front else (lambda name: name)
    entry = imported(server, zipped({swap(front + name): data for name, data in POOL.items()}))
    assert entry["name"] == "theirs"
    assert images(server, entry) == [TWO, ONE]
    assert "left_out" not in entry
    assert [s["label"] for s in server.list(entry["id"])["slots"]] == ["img_0002", "img_0001"]


def test_folders_may_be_listed_and_the_manifest_be_last(server: Server) -> None:
    files = {"x/": b"", "x/pool/": b"", **{f"x/{n}": d for n, d in reversed(POOL.items())}}
    entry = imported(server, zipped(files))
    assert images(server, entry) == [TWO, ONE]
    assert "left_out" not in entry


def test_what_systems_litter_is_left_out_without_a_word(server: Server) -> None:
    litter = {
        "__MACOSX/": b"",
        "__MACOSX/x/pool/._img_0001.png": b"junk",
        "x/._pool": b"junk",
        "x/.DS_Store": b"junk",
        "x/pool/.DS_Store": b"junk",
        "x/pool/._img_0001.png": ONE,
        "x/pool/Thumbs.db": b"junk",
        "x/pool/desktop.ini": b"junk",
        "x/pool/@eaDir/img_0001.png/SYNOFILE_THUMB_M.jpg": picture(9, kind="JPEG"),
        "@eaDir/x/SYNOFILE_THUMB_M.jpg": picture(9, kind="JPEG"),
    }
    entry = imported(server, zipped({**litter, **{f"x/{n}": d for n, d in POOL.items()}}))
    assert "left_out" not in entry
    assert set(pool_files(server.pools / entry["id"])) == {
        "manifest.json",
        "img_0001.png",
        "img_0002.png",
    }


def test_the_zip_of_a_whole_pool_folder_is_a_pool(server: Server) -> None:
    files = {f"c3d4/{n.removeprefix('pool/')}": d for n, d in POOL.items() if "meta" not in n}
    more = {
        "c3d4/.git/config": b"[core]\n\tfsmonitor = touch /tmp/x\n",
        "c3d4/.git/HEAD": b"ref: refs/heads/x\n",
        "c3d4/.git/objects/aa/bb.png": THREE,
        "c3d4/manifest.json.tmp": b"{",
        "c3d4/.gitpool-tmp-ab12": b"half",
        "c3d4/img_0003.png.tmp": b"half",
        "c3d4/img_0001.txt": b"a caption",
        "c3d4/old/img_0001.png": THREE,
        "c3d4/old/notes.md": b"x",
        "readme.txt": b"hello",
    }
    entry = imported(server, zipped({**files, **more}))
    assert entry["name"] == "the file"
    assert images(server, entry) == [TWO, ONE]
    assert set(left_out(entry)) == {
        "c3d4/.git",
        "manifest.json.tmp",
        ".gitpool-tmp-ab12",
        "img_0003.png.tmp",
        "img_0001.txt",
        "c3d4/old/img_0001.png",
        "c3d4/old/notes.md",
        "readme.txt",
    }
    folder = server.pools / entry["id"]
    assert b"fsmonitor" not in (folder / ".git" / "config").read_bytes()
    assert set(pool_files(folder)) == {"manifest.json", "img_0001.png", "img_0002.png"}


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"pool/": b""},
        {"pool/manifest.json": manifest()},
        {"pool/manifest.json": b""},
        {"pool/manifest.json": b"{"},
        {"pool/.DS_Store": b"junk"},
    ],
)
@pytest.mark.parametrize("front", ["", "top/"])
def test_an_earlier_packs_empty_profile_is_one(
    server: Server, files: dict[str, bytes], front: str
) -> None:
    made = {"profile_meta.json": meta("empty"), **files}
    entry = imported(server, zipped({front + name: data for name, data in made.items()}))
    assert entry["name"] == "empty"
    assert server.list(entry["id"])["slots"] == []
    server.add(entry["id"], ONE)
    judge(server.pools / entry["id"], clean=False)


def test_an_empty_pools_manifest_alone_is_an_empty_pool(server: Server) -> None:
    for name in ("manifest.json", "pool/manifest.json", "x/pool/manifest.json"):
        assert server.list(imported(server, zipped({name: manifest()}))["id"])["slots"] == []


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b'{"slots": 3}', b"[" * 100_000, b"\xff\xfe\0"])
def test_a_corrupt_manifest_is_made_anew(server: Server, data: bytes) -> None:
    files = {**POOL, "pool/manifest.json": data, "pool/img_0001.mask.png": mask()}
    entry = imported(server, zipped(files))
    slots = server.list(entry["id"])["slots"]
    assert [(s["image"], s["mask"]) for s in slots] == [
        ("img_0001.png", "img_0001.mask.png"),
        ("img_0002.png", None),
    ]
    assert set(left_out(entry)) == {"manifest.json"}


def test_one_slot_that_is_none_costs_itself_alone(server: Server) -> None:
    slots: list[Any] = [
        {"image": "img_0001.png", "mask": None, "label": "one", "added": 1},
        {"image": "img_0003.svg", "mask": None, "label": "drawn", "added": 1},
        {"image": "../../etc/x.png"},
        {"image": 7},
        "words",
        {"image": "img_0001.png", "label": "again"},
        {"image": "img_0002.png", "mask": "img_0002.svg", "label": "two", "added": 1},
    ]
    listed = json.dumps({"active": 6, "slots": slots, "next_seq": 4}).encode()
    files = {**POOL, "pool/manifest.json": listed, "pool/img_0003.svg": b"<svg/>"}
    entry = imported(server, zipped(files))
    found = server.list(entry["id"])
    assert [s["label"] for s in found["slots"]] == ["one", "two"]
    assert found["active"] == 1
    assert found["next_seq"] == 4
    named = left_out(entry)
    assert {"img_0003.svg", "../../etc/x.png", "slot 4", "slot 5"} <= set(named)
    assert any(name.startswith("img_0001.png") for name in named)


def test_a_slot_without_a_file_is_named(server: Server) -> None:
    slots = [
        {"image": "img_0004.png", "mask": None, "label": "gone", "added": 1},
        {"image": "img_0001.png", "mask": "img_0001.mask.png", "label": "one", "added": 1},
        {"image": "img_0002.png", "mask": None, "label": "two", "added": 1},
    ]
    listed = json.dumps({"active": 2, "slots": slots, "next_seq": 9, "theirs": [1]}).encode()
    entry = imported(server, zipped({**POOL, "pool/manifest.json": listed}))
    assert set(left_out(entry)) == {"img_0004.png", "img_0001.mask.png"}
    found = server.list(entry["id"])
    assert [(s["label"], s["mask"]) for s in found["slots"]] == [("one", None), ("two", None)]
    assert (found["active"], found["next_seq"]) == (1, 9)
    kept = json.loads((server.pools / entry["id"] / "manifest.json").read_bytes())
    assert kept["theirs"] == [1]


@pytest.mark.parametrize("data", [b"", b"text", b"<svg/>", b"\x89PNG\r\n\x1a\n", ONE[:30]])
@pytest.mark.parametrize("name", ["img_0001.png", "img_0001.mask.png"])
def test_what_is_no_image_costs_itself_alone(server: Server, name: str, data: bytes) -> None:
    slots = [
        {"image": "img_0001.png", "mask": "img_0001.mask.png", "label": "one", "added": 1},
        {"image": "img_0002.png", "mask": None, "label": "two", "added": 1},
    ]
    listed = json.dumps({"active": 0, "slots": slots, "next_seq": 3}).encode()
    files = {**POOL, "pool/manifest.json": listed, "pool/img_0001.mask.png": mask()}
    entry = imported(server, zipped({**files, f"pool/{name}": data}))
    assert name in left_out(entry)
    labels = [(s["label"], s["mask"]) for s in server.list(entry["id"])["slots"]]
    # A mask whose image isn't one has nothing to lie on.
    assert labels == ([("one", None), ("two", None)] if "mask" in name else [("two", None)])
    assert name not in pool_files(server.pools / entry["id"])


def test_an_image_that_is_too_large_costs_itself_alone(server: Server) -> None:
    from test_pools import pixel_bomb

    entry = imported(server, zipped({**POOL, "pool/img_0001.png": pixel_bomb(30000, 30000)}))
    assert images(server, entry) == [TWO]
    assert left_out(entry) == {"img_0001.png": "it is too large"}


@pytest.mark.parametrize("front", ["", "holiday/", "a/b/"])
def test_images_alone_are_a_pool(server: Server, front: str) -> None:
    jpeg = picture(5, kind="JPEG")
    files = {"sunset.png": ONE, "boat.JPG": jpeg, "notes.txt": b"x", "deeper/third.png": THREE}
    entry = imported(server, zipped({front + n: d for n, d in files.items()}), "holiday.zip")
    assert entry["name"] == "holiday"
    assert sorted(images(server, entry)) == sorted([ONE, jpeg])
    assert set(left_out(entry)) == {"notes.txt", f"{front}deeper/third.png"}


def test_of_several_folders_of_images_the_topmost_and_fullest_is_taken(server: Server) -> None:
    files = {"x/a/1.png": ONE, "x/b/1.png": TWO, "x/b/2.png": THREE, "x/y/z/3.png": picture(4)}
    entry = imported(server, zipped(files))
    assert sorted(images(server, entry)) == sorted([TWO, THREE])
    assert set(left_out(entry)) == {"x/a/1.png", "x/y/z/3.png"}


def test_of_a_whole_grid_pool_one_pool_is_taken_and_the_rest_named(server: Server) -> None:
    files = {"grid_pool/profiles.json": b"{}"}
    for pool, data in (("aa", [ONE]), ("bb", [TWO, THREE])):
        names = [f"img_{n:04}.png" for n in range(1, len(data) + 1)]
        files[f"grid_pool/{pool}/manifest.json"] = manifest(*names)
        files |= {f"grid_pool/{pool}/{n}": d for n, d in zip(names, data, strict=True)}
    entry = imported(server, zipped(files))
    assert images(server, entry) == [TWO, THREE]
    assert set(left_out(entry)) == {
        "grid_pool/profiles.json",
        "grid_pool/aa/manifest.json",
        "grid_pool/aa/img_0001.png",
    }


def test_a_list_of_another_kind_is_not_taken_for_a_pools(server: Server) -> None:
    files = {"web/manifest.json": b'{"name": "An app", "icons": []}', "web/art/1.png": ONE}
    entry = imported(server, zipped(files))
    assert images(server, entry) == [ONE]
    assert set(left_out(entry)) == {"web/manifest.json"}


# Names.


def raw_zip(files: dict[bytes, bytes], flags: int = 0, extra: bytes = b"") -> bytes:
    """A zip with these very names, its files stored."""
    out, listed = b"", b""
    for name, data in files.items():
        head = struct.pack("<HHHHHIII", 20, flags, 0, 0, 33, zlib.crc32(data), len(data), len(data))
        names = struct.pack("<HH", len(name), len(extra))
        at = len(out)
        out += b"PK\3\4" + head + names + name + extra + data
        listed += b"PK\1\2\x14\x03" + head + names + struct.pack("<HHHII", 0, 0, 0, 0, at)
        listed += name + extra
    count = len(files)
    return (
        out
        + listed
        + struct.pack("<4sHHHHIIH", b"PK\5\6", 0, 0, count, count, len(listed), len(out), 0)
    )


def test_names_in_utf8_that_do_not_say_so_are_read(server: Server) -> None:
    name = "größe 図.png"
    files = {"ordner ü/manifest.json": manifest(name), f"ordner ü/{name}": ONE}
    entry = imported(server, raw_zip({n.encode(): d for n, d in files.items()}))
    assert "left_out" not in entry
    assert [s["label"] for s in server.list(entry["id"])["slots"]] == [name[:8]]
    assert images(server, entry) == [ONE]


def test_names_in_an_old_code_page_are_read(server: Server) -> None:
    files = {"manifest.json": manifest("größe.png"), "größe.png": ONE}
    entry = imported(server, raw_zip({n.encode("cp437"): d for n, d in files.items()}))
    assert "left_out" not in entry
    assert [s["label"] for s in server.list(entry["id"])["slots"]] == ["größe.pn"]


def test_names_in_utf8_beside_others_are_read(server: Server) -> None:
    raw, meant = b"pool/gr_\x94e.png", "pool/größe.png"
    field = struct.pack("<BI", 1, zlib.crc32(raw)) + meant.encode()
    extra = struct.pack("<HH", 0x7075, len(field)) + field
    entry = imported(server, raw_zip({raw: ONE}, extra=extra))
    assert [s["label"] for s in server.list(entry["id"])["slots"]] == ["größe"]


def test_a_macs_decomposed_names_are_the_manifests(server: Server) -> None:
    name = "größe.png"
    for listed, packed in (("NFC", "NFD"), ("NFD", "NFC"), ("NFD", "NFD")):
        files = {
            "pool/manifest.json": manifest(unicodedata.normalize(listed, name)),
            "pool/" + unicodedata.normalize(packed, name): ONE,
            "pool/" + unicodedata.normalize(packed, "größe.mask.png"): mask(),
        }
        entry = imported(server, zipped(files))
        assert "left_out" not in entry
        slots = server.list(entry["id"])["slots"]
        assert [s["image"] for s in slots] == [name]
        assert slots[0]["label"]


@pytest.mark.parametrize(
    "pair",
    [
        ("img_0001.png", "IMG_0001.PNG"),
        ("IMG_0001.PNG", "img_0001.png"),
        ("é.png", "É.png"),
        ("é.png", "e\u0301.png"),
        ("straße.png", "STRASSE.png"),
        ("a.png", "A.png"),
    ],
)
@pytest.mark.parametrize("listed", [True, False])
def test_of_two_names_that_differ_in_case_both_are_taken(
    server: Server, pair: tuple[str, str], listed: bool
) -> None:
    first, second = pair
    files = {f"pool/{first}": ONE, f"pool/{second}": TWO, "pool/img_0007.png": THREE}
    for name, left in ((first, 3), (second, 5)):
        files[f"pool/{name.rpartition('.')[0]}.mask.png"] = mask(left=left)
    slots = [
        {
            "image": name,
            "mask": f"{name.rpartition('.')[0]}.mask.png",
            "label": f"l{number}",
            "added": 1,
        }
        for number, name in enumerate(pair, 1)
    ]
    if listed:
        files["pool/manifest.json"] = json.dumps({"slots": slots, "next_seq": 8}).encode()
    entry = imported(server, zipped(files))
    assert "left_out" not in entry
    folder = server.pools / entry["id"]
    found = {
        (folder / s["image"]).read_bytes(): (folder / s["mask"]).read_bytes() if s["mask"] else b""
        for s in server.list(entry["id"])["slots"]
    }
    assert found == {ONE: mask(left=3), TWO: mask(left=5), THREE: b""}
    names = [unicodedata.normalize("NFC", p.name).casefold() for p in folder.iterdir()]
    assert len(names) == len(set(names))
    if listed:
        assert [s["label"] for s in server.list(entry["id"])["slots"]][:2] == ["l1", "l2"]


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_of_a_name_that_is_packed_twice_both_are_taken_and_the_last_is_meant(
    server: Server,
) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in (
            ("profile_meta.json", meta("old")),
            ("profile_meta.json", meta("new")),
            ("pool/manifest.json", manifest()),
            ("pool/manifest.json", manifest("img_0001.png")),
            ("pool/img_0001.png", ONE),
            ("pool/img_0001.png", TWO),
        ):
            archive.writestr(name, data)
    entry = imported(server, out.getvalue())
    assert entry["name"] == "new"
    assert images(server, entry) == [TWO, ONE]
    assert set(left_out(entry)) == {"manifest.json", "profile_meta.json"}


def test_names_that_no_pool_can_hold_are_made_to_fit(server: Server) -> None:
    odd = ["a: \u202eb?.png", "con.png", "-x*.png", " y.png", "x" * 230 + ".png", "\U0001f600.png"]
    slots = [{"image": name, "label": f"l{n}", "added": 1} for n, name in enumerate(odd)]
    files = {f"pool/{name}": picture(n) for n, name in enumerate(odd)}
    files["pool/manifest.json"] = json.dumps({"slots": slots}).encode()
    entry = imported(server, zipped(files))
    assert "left_out" not in entry
    assert images(server, entry) == [picture(n) for n in range(len(odd))]
    labels = [s["label"] for s in server.list(entry["id"])["slots"]]
    assert labels == [f"l{n}" for n in range(len(odd))]


@pytest.mark.timeout(60)
def test_very_many_odd_ones_are_counted(server: Server) -> None:
    files = {f"pool/note {n}.txt": b"" for n in range(3000)}
    entry = imported(server, zipped({**POOL, **files}))
    assert len(entry["left_out"]) == 1001
    assert entry["left_out"][-1]["name"] == "2000 more"


def test_where_nothing_is_a_pool_it_is_refused(server: Server) -> None:
    for files in (
        {"readme.txt": b"x"},
        {"a/manifest.json": b"{"},
        {".git/config": b"x", ".git/x.png": ONE},
        {"__MACOSX/pool/._img_0001.png": ONE},
        {"pool/": b""},
    ):
        answer = refused(server, zipped(files))
        assert answer.code == "bad_archive"


# What we write.


def in_a_stream(data: bytes) -> dict[str, bytes]:
    """A zip's files as a reader finds them that goes from front to end, once, and sees no list:
    the sizes must stand before the bytes."""
    stream, found = io.BytesIO(data), {}
    while (signature := stream.read(4)) == b"PK\3\4":
        fields = struct.unpack("<HHHHHIIIHH", stream.read(26))
        needs, flags, method, _, _, crc, packed, size, name_size, extra_size = fields
        name, extra = stream.read(name_size), stream.read(extra_size)
        assert needs in (20, 45)
        assert not flags & 0x8, "sizes stand behind the bytes"
        assert flags & 0x800 or name.isascii()
        assert method == 0
        if size == 0xFFFFFFFF:
            kind, length = struct.unpack_from("<HH", extra)
            assert (kind, length) == (1, 16)
            size, packed = struct.unpack_from("<QQ", extra, 4)
        else:
            assert extra == b""
        assert size == packed
        body = stream.read(size)
        assert len(body) == size
        assert zlib.crc32(body) == crc
        found[name.decode()] = body
    assert signature in (b"PK\1\2",)
    return found


def test_a_stream_reader_opens_what_we_write(server: Server) -> None:
    profile = filled(server, "Künstler 図")
    data = export(server, profile, "zip")
    found = in_a_stream(data)
    assert json.loads(found.pop("profile_meta.json")) == {"name": "Künstler 図"}
    source = pool_files(server.pools / profile)
    assert found == {f"pool/{name}": body for name, body in source.items()}
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        assert {n: archive.read(n) for n in archive.namelist() if n != "profile_meta.json"} == found


def test_a_large_file_is_streamed_and_not_held(server: Server, tmp_path: Path) -> None:
    import tracemalloc

    from PIL import Image

    profile = server.create("large")
    with Image.new("RGB", (5000, 5000), "red") as image:
        image.save(server.pools / profile / "img_0001.bmp")
    server.snapshot(profile)
    target = tmp_path / "x.zip"
    tracemalloc.start()
    try:
        with open(target, "wb") as file:
            for piece in server.service.exchange.export_zip(profile)[1]:
                file.write(piece)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert target.stat().st_size > 75_000_000
    assert peak < 16 << 20
    found = in_a_stream(target.read_bytes())
    assert found["pool/img_0001.bmp"] == (server.pools / profile / "img_0001.bmp").read_bytes()


@pytest.mark.parametrize("limit", ["_LONGEST", "_MOST"])
def test_what_is_too_large_for_a_plain_zip_is_in_zip64(
    monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    from gitpool.profiles import zip_stream

    files = {f"img_{n:04}.png": picture(n) for n in range(1, 9)}
    plain = b"".join(zip_stream.stream_zip("x", {n: lambda d=d: d for n, d in files.items()}))
    assert b"PK\6\6" not in plain
    many = {f"i{n}.png": b"" for n in range(70_000)} if limit == "_MOST" else files
    if limit == "_LONGEST":
        # Sizes and places of more than 32 bits, without the four gigabytes.
        monkeypatch.setattr(zip_stream, "_fits", lambda number: number < 500)
    data = b"".join(zip_stream.stream_zip("x", {n: lambda d=d: d for n, d in many.items()}))
    assert b"PK\6\6" in data
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert len(archive.infolist()) == len(many) + 1
        assert all(archive.read(f"pool/{n}") == d for n, d in list(many.items())[:20])
    assert len(in_a_stream(data)) == len(many) + 1


def test_names_that_are_left_out_of_a_zip_are_in_its_description(server: Server) -> None:
    profile = filled(server)
    folder = server.pools / profile
    server.snapshot(profile)
    for name in ("README.md", "sub/notes.txt"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("mine")
        git(folder, "add", "-f", name)
    git(folder, "commit", "-qm", "Notes")
    answer = server.get("/grid_pool/profiles/export", id=profile, format="zip")
    assert answer.headers["X-Git-Pool-Left-Out"] == "2"
    found = in_a_stream(answer.body)
    left_out = json.loads(found["profile_meta.json"])["left_out"]
    assert left_out == ["README.md", "sub/notes.txt"]


# What was just dropped into the folder.


def drop(server: Server, profile: str) -> None:
    folder = server.pools / profile
    (folder / "A boat.png").write_bytes(THREE)
    (folder / "A boat.mask.png").write_bytes(mask(left=4))
    (folder / "img_0002.jpg").unlink()


@pytest.mark.parametrize("form", ["zip", "bundle"])
@pytest.mark.parametrize("fresh", [True, False])
def test_an_export_has_what_was_just_dropped_in_and_changes_nothing(
    server: Server, form: str, fresh: bool
) -> None:
    profile = filled(server)
    drop(server, profile)
    if not fresh:
        server.snapshot(profile)
        drop_again = server.pools / profile / "Another.png"
        drop_again.write_bytes(picture(8))
    before = {p: p.read_bytes() for p in (server.pools / profile).rglob("*") if p.is_file()}
    data = export(server, profile, form)
    after = {p: p.read_bytes() for p in (server.pools / profile).rglob("*") if p.is_file()}
    assert after == before
    entry = send(server, data).json
    judge(server.pools / entry["id"])
    slots = server.list(entry["id"])["slots"]
    found = {s["label"]: images(server, entry)[n] for n, s in enumerate(slots)}
    assert found["A boat"] == THREE
    boat = next(s for s in slots if s["label"] == "A boat")
    assert (server.pools / entry["id"] / boat["mask"]).read_bytes() == mask(left=4)
    assert fresh or found["Another"] == picture(8)
    # What the folder shows once it is taken in is the same.
    server.snapshot(profile)
    shown = server.list(profile)["slots"]
    assert [[s[k] for k in ("image", "mask", "label")] for s in shown] == [
        [s[k] for k in ("image", "mask", "label")] for s in slots
    ]


def test_a_bundle_has_one_more_snapshot_for_what_has_none(server: Server, tmp_path: Path) -> None:
    profile = filled(server)
    server.set_mask(profile, 1, mask(left=2))
    server.post("/grid_pool/label", pool_id=profile, index=0, label="not saved yet")
    log = git(server.pools / profile, "log", "--format=%H").split()
    path = tmp_path / "x.bundle"
    path.write_bytes(export(server, profile, "bundle"))
    assert "complete history" in git(server.pools / profile, "bundle", "verify", str(path))
    git(tmp_path, "clone", "-q", str(path), "cloned")
    assert git(tmp_path / "cloned", "log", "--format=%H").split()[1:] == log
    assert pool_files(tmp_path / "cloned") == pool_files(server.pools / profile)
    judge(tmp_path / "cloned")
    assert git(server.pools / profile, "log", "--format=%H").split() == log
    server.snapshot(profile)
    path.write_bytes(export(server, profile, "bundle"))
    git(tmp_path, "clone", "-q", str(path), "again")
    assert git(tmp_path / "again", "log", "--format=%H") == git(
        server.pools / profile, "log", "--format=%H"
    )


def test_a_bundle_has_no_snapshot_of_what_a_crash_left_half_done(
    server: Server, tmp_path: Path
) -> None:
    profile = filled(server)
    folder = server.pools / profile
    tip = git(folder, "rev-parse", "HEAD")
    # As a restore leaves it that was killed before the files took their places.
    (folder / ".git" / "gitpool-checkout").write_text(tip)
    (folder / "img_0002.jpg").write_bytes(picture(9, kind="JPEG"))
    path = tmp_path / "x.bundle"
    path.write_bytes(export(server, profile, "bundle"))
    assert git(folder, "bundle", "list-heads", str(path), "HEAD").split()[0] == tip


def test_an_earlier_packs_profile_is_exported_before_it_has_a_history(server: Server) -> None:
    folder = server.pools / "old_one"
    folder.mkdir(parents=True)
    (folder / "img_0001.png").write_bytes(ONE)
    (folder / "manifest.json").write_bytes(manifest("img_0001.png"))
    listed = {"profiles": [{"id": "old_one", "name": "Old", "created": 0}]}
    (server.pools / "profiles.json").write_text(json.dumps(listed))
    for form in ("zip", "bundle"):
        entry = imported(server, export(server, "old_one", form))
        assert images(server, entry) == [ONE]
        assert {p.name for p in folder.iterdir()} == {"img_0001.png", "manifest.json"}


def test_what_is_left_out_is_printed_by_the_command(server: Server, tmp_path: Path) -> None:
    import subprocess
    import sys

    server.create("here already")
    file = tmp_path / "theirs.zip"
    file.write_bytes(zipped({**POOL, "pool/notes.txt": b"x"}))
    command = [sys.executable, "-m", "gitpool", "import", str(server.pools), str(file)]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "notes.txt" in said
    assert "it isn't an image" in said
    shown = subprocess.run([*command, "--json"], capture_output=True, text=True, check=True).stdout
    assert [left["name"] for left in json.loads(shown)["left_out"]] == ["notes.txt"]
