"""Profiles as files: out and in again byte for byte, judged by C git; hostile ones refused."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import struct
import subprocess
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from support import Answer, Server, git, judge, mask, picture
from test_pools import pixel_bomb

P = "/grid_pool/profiles/"
PNG = picture(1)


def filled(server: Server, name: str = "characters_A") -> str:
    profile = server.create(name)
    for seed, kind in enumerate(("PNG", "JPEG", "WEBP")):
        server.add(profile, picture(seed, kind=kind))
    server.set_mask(profile, 0, mask())
    server.post("/grid_pool/label", pool_id=profile, index=1, label="Größe 図")
    server.post("/grid_pool/reorder", pool_id=profile, order=[2, 0, 1])
    server.snapshot(profile)
    return profile


def pool_files(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in folder.iterdir() if p.is_file()}


def everything(folder: Path) -> dict[str, bytes | None]:
    """Every file and folder, save lock files."""
    return {
        p.relative_to(folder).as_posix(): p.read_bytes() if p.is_file() else None
        for p in sorted(folder.rglob("*"))
        if "locks" not in p.relative_to(folder).parts
    }


def send(server: Server, data: bytes, file_name: str = "x.zip", **fields: str) -> Answer:
    return server.send_form(P + "import", {"file": (file_name, data)}, **fields)


def refused(server: Server, data: bytes, *statuses: int) -> Answer:
    """Import is refused, and nothing whatever is left behind."""
    (server.pools / ".gitpool" / "tmp").mkdir(parents=True, exist_ok=True)
    before = everything(server.host.folder)
    outside = set(server.host.folder.parent.iterdir())
    server.host.events.clear()
    answer = send(server, data)
    assert answer.status in (statuses or (422,)), (answer.status, answer.body[:300])
    error = answer.json["error"]
    assert error["code"]
    assert error["message"]
    assert str(server.host.folder) not in answer.body.decode()
    assert everything(server.host.folder) == before
    assert set(server.host.folder.parent.iterdir()) == outside
    assert server.host.events == []
    return answer


def export(server: Server, profile: str, form: str) -> bytes:
    answer = server.get(P + "export", id=profile, format=form)
    assert answer.status == 200, answer.body
    return answer.body


# Zips.


def zipped(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()


def manifest(*names: str, **more: object) -> bytes:
    slots = [{"image": n, "mask": None, "label": n[:8], "added": 0} for n in names]
    return json.dumps({"active": 0, "slots": slots, "next_seq": 10, **more}).encode()


def meta(name: str = "by hand") -> bytes:
    return json.dumps({"name": name}).encode()


def test_a_zip_comes_back_byte_for_byte(server: Server) -> None:
    profile = filled(server)
    source = pool_files(server.pools / profile)
    answer = server.get(P + "export", id=profile)
    assert answer.headers["Content-Type"] == "application/zip"
    assert 'filename="characters_A.zip"' in answer.headers["Content-Disposition"]
    with zipfile.ZipFile(io.BytesIO(answer.body)) as archive:
        assert archive.testzip() is None
        inside = {name: archive.read(name) for name in archive.namelist()}
    assert json.loads(inside.pop("profile_meta.json")) == {"name": "characters_A"}
    assert inside == {f"pool/{name}": data for name, data in source.items()}
    entry = send(server, answer.body).json
    assert entry["name"] == "characters_A (2)"
    assert entry["id"] != profile
    folder = server.pools / entry["id"]
    assert pool_files(folder) == source
    judge(folder)
    assert server.history(entry["id"])[0]["kind"] == "import"
    again = export(server, entry["id"], "zip")
    with zipfile.ZipFile(io.BytesIO(again)) as archive:
        assert {n: archive.read(n) for n in archive.namelist() if n.startswith("pool/")} == inside


def test_a_zip_of_unsaved_edits_has_the_pool_as_it_is_now(server: Server) -> None:
    profile = filled(server)
    server.set_mask(profile, 1, mask(left=3))
    server.post("/grid_pool/label", pool_id=profile, index=0, label="unsaved")
    source = pool_files(server.pools / profile)
    entry = send(server, export(server, profile, "zip")).json
    assert pool_files(server.pools / entry["id"]) == source


def test_an_empty_profile_goes_out_and_in(server: Server) -> None:
    profile = server.create("empty")
    for form in ("zip", "bundle"):
        entry = send(server, export(server, profile, form)).json
        assert server.list(entry["id"])["slots"] == []
        judge(server.pools / entry["id"])


def test_odd_names_reach_the_download_and_come_back(server: Server) -> None:
    name = 'Künst"ler / 図; a=b\\c \U0001f600'
    profile = server.create(name)
    answer = server.get(P + "export", id=profile)
    said = answer.headers["Content-Disposition"]
    assert said.isascii()
    assert "/" not in said
    assert '"ler' not in said
    server.post(P + "delete", id=profile, forever=True)
    assert send(server, answer.body).json["name"] == name


def test_names_of_imports_are_suffixed(server: Server) -> None:
    data = zipped({"profile_meta.json": meta("Café"), "pool/img_0001.png": PNG})
    names = [send(server, data).json["name"] for _ in range(3)]
    assert names == ["Café", "Café (2)", "Café (3)"]
    assert send(server, data, name="cafe\u0301").json["name"] == "café (4)"
    assert send(server, data, name=" Other ").json["name"] == "Other"
    unnamed = zipped({"pool/img_0001.png": PNG})
    assert send(server, unnamed, "My file.zip").json["name"] == "My file"
    bad = zipped({"profile_meta.json": meta("\u202e"), "pool/img_0001.png": PNG})
    assert send(server, bad, "..zip").status == 200
    long = zipped({"profile_meta.json": meta("x" * 100), "pool/img_0001.png": PNG})
    first, second = (send(server, long).json["name"] for _ in range(2))
    assert first == "x" * 100
    assert second.endswith(" (2)")
    assert len(second) <= 100


def test_a_zip_made_by_hand_imports(server: Server) -> None:
    jpeg = picture(2, kind="JPEG")
    files = {
        "profile_meta.json": meta("by hand"),
        "pool/": b"",
        "pool/manifest.json": manifest("img_0002.png", "img_0001.png"),
        "pool/img_0001.png": PNG,
        "pool/img_0002.png": jpeg,
        "pool/img_0001.mask.png": mask(),
        "__MACOSX/": b"",
        "__MACOSX/pool/._img_0001.png": b"junk",
        "__MACOSX/._pool": b"junk",
        ".DS_Store": b"junk",
        "pool/.DS_Store": b"junk",
        "pool/Thumbs.db": b"junk",
    }
    for method in (zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED):
        entry = send(server, zipped(files, method)).json
        folder = server.pools / entry["id"]
        assert pool_files(folder) == {
            n.removeprefix("pool/"): files[n]
            for n in ("pool/manifest.json", "pool/img_0001.png", "pool/img_0002.png")
        } | {"img_0001.mask.png": mask()}
        listed = server.list(entry["id"])
        assert [s["image"] for s in listed["slots"]] == ["img_0002.png", "img_0001.png"]
        assert listed["next_seq"] == 10
        judge(folder)


def test_a_zip_without_a_manifest_is_rebuilt(server: Server) -> None:
    files = {"pool/img_0003.png": PNG, "pool/img_0001.png": PNG, "pool/img_0003.mask.png": mask()}
    entry = send(server, zipped(files)).json
    listed = server.list(entry["id"])
    assert [(s["image"], s["mask"]) for s in listed["slots"]] == [
        ("img_0001.png", None),
        ("img_0003.png", "img_0003.mask.png"),
    ]
    assert listed["next_seq"] == 4
    judge(server.pools / entry["id"])


def test_a_zip_whose_manifest_names_what_is_not_there_imports(server: Server) -> None:
    files = {
        "pool/manifest.json": manifest("img_0001.png", "img_0002.png"),
        "pool/img_0001.png": PNG,
    }
    entry = send(server, zipped(files)).json
    assert [s["image"] for s in server.list(entry["id"])["slots"]] == ["img_0001.png"]
    judge(server.pools / entry["id"])


def test_a_zip_with_a_comment_and_zip64_and_descriptors_imports(server: Server) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.comment = b"made by hand"
        with archive.open("pool/img_0001.png", "w", force_zip64=True) as entry:
            entry.write(PNG)
    assert send(server, out.getvalue()).status == 200


@pytest.mark.parametrize(
    "name",
    [
        "../img_0001.png",
        "pool/../img_0001.png",
        "pool/../../../../img_0001.png",
        "/img_0001.png",
        "/pool/img_0001.png",
        "//host/pool/img_0001.png",
        "C:/pool/img_0001.png",
        "C:\\pool\\img_0001.png",
        "pool/..\\img_0001.png",
        "\\\\host\\img_0001.png",
    ],
)
def test_a_zip_with_a_name_that_reaches_elsewhere_is_refused(server: Server, name: str) -> None:
    refused(server, zipped({"pool/img_0009.png": PNG, name: PNG}))


@pytest.mark.parametrize(
    "name",
    [
        "pool/.git/config",
        "pool/.git/img.png",
        ".git/config",
        "pool/.GIT/x.png",
        "pool/.git.png",
        "pool/sub/img_0001.png",
        "pool/sub/",
        "other/img_0001.png",
        "img_0001.png",
        "pool/run.sh",
        "pool/x.py",
        "pool/manifest.json/img.png",
        "pool//img_0001.png",
        "pool/./img_0001.png",
        "pool/img_0001.png/",
        "pool/img_0001.png.",
        "pool/img_0001.png ",
        "pool/img:1.png",
        "pool/con.png",
        "pool/COM1.png",
        "pool/-x.png",
        "pool/a\x01.png",
        "pool/a\u202e.png",
        "pool/e\u0301.png",
        "pool/" + "x" * 250 + ".png",
        "POOL/img_0001.png",
        "pool/Manifest.json",
        "profile_meta.json/x",
    ],
)
def test_a_zip_with_an_odd_name_in_it_brings_the_rest(server: Server, name: str) -> None:
    answer = send(server, zipped({"pool/img_0009.png": PNG, name: picture(2)}))
    assert answer.status == 200, answer.body
    folder = server.pools / answer.json["id"]
    assert picture(1) in pool_files(folder).values()
    taken = picture(2) in pool_files(folder).values()
    left_out = [entry["name"] for entry in answer.json.get("left_out", [])]
    assert taken or left_out or name.endswith("/")
    assert not taken or not left_out
    assert {p.name for p in folder.iterdir() if p.is_dir()} == {".git"}
    assert not (folder / ".git" / "img.png").exists()
    judge(folder)


@pytest.mark.parametrize("mode", [0o120777, 0o040755, 0o020644, 0o060644, 0o010644, 0o140644])
def test_links_and_devices_in_a_zip_are_left_out(server: Server, mode: int) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("pool/img_0009.png", PNG)
        info = zipfile.ZipInfo("pool/img_0001.png")
        info.create_system, info.external_attr = 3, mode << 16
        archive.writestr(info, PNG if mode != 0o120777 else "/etc/passwd")
    answer = send(server, out.getvalue())
    assert answer.status == 200
    assert [entry["name"] for entry in answer.json["left_out"]] == ["img_0001.png"]
    folder = server.pools / answer.json["id"]
    assert {p.name for p in folder.iterdir()} == {".git", "manifest.json", "img_0009.png"}
    judge(folder)


def test_a_folder_as_a_link_in_a_zip_is_not_followed(server: Server) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        info = zipfile.ZipInfo("pool/")
        info.create_system, info.external_attr = 3, 0o120777 << 16
        archive.writestr(info, "/tmp")
        archive.writestr("pool/img_0001.png", PNG)
    folder = server.pools / send(server, out.getvalue()).json["id"]
    assert not folder.is_symlink()
    judge(folder)


def patched(
    data: bytes, flag: int = 0, size: int | None = None, method: int | None = None
) -> bytes:
    """The zip with its last entry's headers changed, in both places."""
    raw = bytearray(data)
    central = raw.rindex(b"PK\x01\x02")
    local = struct.unpack_from("<I", raw, central + 42)[0]
    for at, shift in ((central, 2), (local, 0)):
        raw[at + 6 + shift] |= flag
        if method is not None:
            struct.pack_into("<H", raw, at + 8 + shift, method)
        if size is not None:
            struct.pack_into("<I", raw, at + 22 + shift, size)
    return bytes(raw)


def only_first(server: Server, data: bytes) -> None:
    """The sound image is taken, the other is named."""
    answer = send(server, data)
    assert answer.status == 200, answer.body
    assert [entry["name"] for entry in answer.json["left_out"]] == ["img_0001.png"]
    folder = server.pools / answer.json["id"]
    assert [slot["image"] for slot in server.list(answer.json["id"])["slots"]] == ["img_0009.png"]
    assert {p.name for p in folder.iterdir()} == {".git", "manifest.json", "img_0009.png"}
    judge(folder)


def test_encrypted_and_oddly_packed_files_of_a_zip_are_left_out(server: Server) -> None:
    data = zipped({"pool/img_0009.png": PNG, "pool/img_0001.png": PNG}, zipfile.ZIP_STORED)
    only_first(server, patched(data, flag=1))
    only_first(server, patched(data, flag=0x41))
    for method in (1, 6, 9, 12, 14, 93, 99, 65535):
        only_first(server, patched(data, method=method))
    alone = zipped({"pool/img_0009.png": PNG}, zipfile.ZIP_STORED)
    refused(server, patched(alone, flag=1))
    refused(server, patched(alone, method=99))
    only_meta = zipped({"pool/img_0009.png": PNG, "profile_meta.json": meta()})
    for odd in (patched(only_meta, flag=1), patched(only_meta, method=99)):
        answer = send(server, odd, "the file.zip").json
        assert answer["name"].startswith("the file")
        assert [entry["name"] for entry in answer["left_out"]] == ["profile_meta.json"]


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("wrong", [0, 1, -1, 1000])
def test_a_size_that_lies_a_little_leaves_its_file_out(
    server: Server, method: int, wrong: int
) -> None:
    data = zipped({"pool/img_0009.png": PNG, "pool/img_0001.png": PNG}, method)
    only_first(server, patched(data, size=len(PNG) + wrong if wrong else 0))


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("wrong", [2**31, 2**32 - 2])
def test_sizes_that_lie_much_are_refused(server: Server, method: int, wrong: int) -> None:
    data = zipped({"pool/img_0009.png": PNG, "pool/img_0001.png": PNG}, method)
    refused(server, patched(data, size=wrong), 422, 413)
    alone = zipped({"pool/img_0009.png": PNG, "profile_meta.json": meta()}, method)
    refused(server, patched(alone, size=2**31), 422, 413)


def test_bombs_in_a_zip_are_too_large(server: Server) -> None:
    zeros = bytes(40 << 20)
    flat = {f"pool/img_{n:04}.png": zeros for n in range(1, 4)}
    refused(server, zipped(flat), 413)
    refused(server, zipped({"pool/img_0001.png": pixel_bomb(30000, 30000)}), 413)
    spaces = b'{"name": "' + b" " * (8 << 20) + b'"}'
    refused(server, zipped({"profile_meta.json": spaces, "pool/img_0001.png": PNG}), 413, 422)


def list_of(count: int) -> bytes:
    """A zip that is nothing but a list of so many empty files, as long as zip64 if need be:
    https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT"""
    heads = []
    for number in range(count):
        name = b"pool/img_%05d.png" % number
        sizes = struct.pack("<4sHHHHHHIII", b"PK\x01\x02", 20, 20, 0, 0, 0, 33, 0, 0, 0)
        heads.append(sizes + struct.pack("<HHHHHII", len(name), 0, 0, 0, 0, 0, 0) + name)
    data = b"".join(heads)
    size, told = len(data), min(count, 0xFFFF)
    if count > told:
        data += struct.pack("<4sQHHIIQQQQ", b"PK\x06\x06", 44, 45, 45, 0, 0, count, count, size, 0)
        data += struct.pack("<4sIQI", b"PK\x06\x07", 0, size, 1)
    return data + struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, told, told, size, 0, 0)


@pytest.mark.parametrize("count", [50_001, 70_000])
def test_a_zip_of_too_many_entries_is_too_large(server: Server, count: int) -> None:
    data = list_of(count)
    with zipfile.ZipFile(io.BytesIO(b"PK" + data[2:])) as archive:
        assert len(archive.infolist()) == count
    assert refused(server, data, 413).code == "too_large"


def test_overlapping_files_in_a_zip_are_refused(server: Server) -> None:
    data = bytearray(zipped({f"pool/img_000{n}.png": PNG for n in (1, 2, 3)}, zipfile.ZIP_STORED))
    at = data.index(b"PK\x01\x02")
    first = struct.unpack_from("<I", data, at + 42)[0]
    while (at := data.find(b"PK\x01\x02", at + 1)) != -1:
        struct.pack_into("<I", data, at + 42, first)
    refused(server, bytes(data))


def test_a_zip_cut_off_anywhere_is_refused(server: Server) -> None:
    data = export(server, filled(server), "zip")
    for cut in {2, 3, 4, 30, 100, len(data) // 2, len(data) - 23, len(data) - 1}:
        refused(server, data[:cut])


def test_a_zip_with_flipped_bytes_never_fails_and_never_lies(server: Server) -> None:
    profile = filled(server)
    source = pool_files(server.pools / profile)
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        data = zipped({f"pool/{n}": d for n, d in source.items()}, method)
        for at in range(5, len(data), len(data) // 25):
            raw = bytearray(data)
            raw[at] ^= 0x10
            answer = send(server, bytes(raw))
            assert answer.status in (200, 413, 422), (method, at, answer.body)
            if answer.status == 200:
                imported = pool_files(server.pools / answer.json["id"])
                known = {hashlib.sha1(d).digest() for d in source.values()}
                images = {n: d for n, d in imported.items() if n != "manifest.json"}
                assert {hashlib.sha1(d).digest() for d in images.values()} <= known


def test_deflated_garbage_in_a_zip_is_left_out(server: Server) -> None:
    packed = zlib.compressobj(9, zlib.DEFLATED, -15)
    good = packed.compress(PNG) + packed.flush()
    for garbage in (
        b"\xff" * len(good),
        good[:20] + b"\x07\xff" * 20 + good[60:],
        bytes(len(good)),
    ):
        raw = zipped({"pool/img_0009.png": PNG, "pool/img_0001.png": PNG})
        assert raw.count(good) == 2
        at = raw.rindex(good)
        only_first(server, raw[:at] + garbage[: len(good)] + raw[at + len(good) :])


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"readme.txt": b"text"},
        {"pool/manifest.json": b"{"},
        {"profile_meta.json": b"{"},
        {"pool/img_0001.png": b"text"},
        {"pool/img_0001.png": b""},
        {"pool/img_0001.svg": b"<svg/>"},
        {"pool/img_0001.mask.png": b"text", "profile_meta.json": meta()},
        {"pool/manifest.json": manifest("img_0001.png", "img_0002.png")},
    ],
)
def test_zips_in_which_nothing_is_a_pool_are_refused(
    server: Server, files: dict[str, bytes]
) -> None:
    refused(server, zipped(files))


@pytest.mark.parametrize("name", [None, 3, [], {}, "", "\ud800", "x" * 500, "\x00", "../../x"])
def test_a_zip_may_say_any_name(server: Server, name: object) -> None:
    files = {"pool/img_0001.png": PNG, "profile_meta.json": json.dumps({"name": name}).encode()}
    entry = send(server, zipped(files), "file name.zip").json
    assert entry["name"] == ("../../x" if name == "../../x" else "file name")
    assert {p.name for p in server.pools.iterdir()} == {".gitpool", "profiles.json", entry["id"]}
    judge(server.pools / entry["id"])


# Bundles.


def test_a_bundle_has_the_whole_history(server: Server, tmp_path: Path) -> None:
    profile = filled(server)
    target = server.history(profile)[0]["id"]
    server.post(P + "lock", id=profile, snapshot=target, locked=True, message="The good one")
    server.add(profile, picture(7))
    server.snapshot(profile)
    source = server.pools / profile
    data = export(server, profile, "bundle")
    path = tmp_path / "x.bundle"
    path.write_bytes(data)
    assert "complete history" in git(source, "bundle", "verify", str(path))
    git(tmp_path, "clone", "-q", str(path), "cloned")
    judge(tmp_path / "cloned")
    log = git(source, "log", "--format=%H")
    assert git(tmp_path / "cloned", "log", "--format=%H") == log
    assert pool_files(tmp_path / "cloned") == pool_files(source)
    assert git(tmp_path / "cloned", "symbolic-ref", "HEAD") == git(source, "symbolic-ref", "HEAD")

    entry = send(server, data, "x.bundle").json
    assert entry["name"] == "characters_A (2)"
    folder = server.pools / entry["id"]
    judge(folder)
    commits = git(folder, "log", "--format=%H").split()
    assert [c for c in commits if c in log.split()] == log.split()
    assert len(commits) <= len(log.split()) + 1
    assert pool_files(folder) == pool_files(source)
    locked = next(s for s in server.history(entry["id"]) if s["id"] == target)
    assert (locked["locked"], locked["message"]) == (True, "The good one")
    shutil.rmtree(source)
    judge(folder)


@pytest.mark.parametrize("where", ["detached", "branch"])
def test_a_bundle_has_what_a_git_user_did_elsewhere(
    server: Server, tmp_path: Path, where: str
) -> None:
    profile = filled(server)
    source = server.pools / profile
    newest, older = git(source, "log", "-2", "--format=%H").split()
    git(source, "checkout", "-q", *(["-b", "mine"] if where == "branch" else []), older)
    (source / "mine.txt").write_text("mine")
    git(source, "add", "-f", "mine.txt")
    git(source, "commit", "-qm", "Mine")
    mine = git(source, "rev-parse", "HEAD")
    path = tmp_path / "x.bundle"
    path.write_bytes(export(server, profile, "bundle"))
    git(tmp_path, "clone", "-q", str(path), "cloned")
    judge(tmp_path / "cloned")
    assert {newest, mine} <= set(git(tmp_path / "cloned", "log", "--format=%H").split())
    assert git(tmp_path / "cloned", "branch", "--show-current") == "characters_A"
    assert (tmp_path / "cloned" / "mine.txt").read_text() == "mine"
    judge(source)


def test_bundles_travel_to_another_library(server: Server, tmp_path: Path) -> None:
    profile = filled(server, "Künstler / 図")
    data = export(server, profile, "bundle")
    with Server(tmp_path / "elsewhere") as other:
        entry = send(other, data).json
        assert entry["name"] == "Künstler / 図"
        again = export(other, entry["id"], "bundle")
        judge(other.pools / entry["id"])
    back = send(server, again).json
    assert back["name"] == "Künstler / 図 (2)"
    judge(server.pools / back["id"])


def c_repository(folder: Path, images: int = 3) -> Path:
    """A pool's history as C git makes it."""
    folder.mkdir()
    git(folder, "init", "-q", "-b", "c-git")
    names = []
    for number in range(1, images + 1):
        names.append(f"img_{number:04}.png")
        (folder / names[-1]).write_bytes(picture(number))
        (folder / "manifest.json").write_bytes(manifest(*names))
        git(folder, "add", "-A")
        git(folder, "commit", "-q", "-m", f"Add number {number}")
    return folder


def c_bundle(folder: Path, *what: str) -> bytes:
    path = folder / ".git" / "made.bundle"
    git(folder, "bundle", "create", "-q", str(path), *(what or ("--all", "HEAD")))
    return path.read_bytes()


def test_a_bundle_of_large_pictures_imports(server: Server) -> None:
    """What was read of a pack is let go of on the way."""
    profile = server.create("large")
    pictures = [picture(seed, (2200, 1500)) for seed in range(2)]
    for data in pictures:
        server.add(profile, data)
    server.snapshot(profile)
    data = export(server, profile, "bundle")
    assert len(data) > 16 << 20
    entry = send(server, data, "x.bundle").json
    folder = server.pools / entry["id"]
    assert [path.read_bytes() for path in sorted(folder.glob("img_*"))] == pictures
    judge(folder)


def test_bundles_of_c_gits_packs_import(server: Server, tmp_path: Path) -> None:
    repo = c_repository(tmp_path / "c", images=2)
    base = bytes(byte or 1 for byte in os.urandom(60_000))  # so that each drawing differs
    for number in range(6):  # files that delta well
        bmp = picture(1, (100, 80), "BMP")
        head, tail = bmp[:54], bytes(base[: len(bmp) - 54 - number]) + bytes(number)
        (repo / "img_0009.bmp").write_bytes(head + tail)
        git(repo, "add", "-A")
        git(repo, "commit", "-q", "-m", f"Draw {number}")
    git(repo, "tag", "light")
    git(repo, "tag", "-a", "-m", "an annotated one", "heavy")
    git(repo, "gc", "-q", "--aggressive", "--prune=now")
    pack = next((repo / ".git" / "objects" / "pack").glob("*.pack"))
    assert "chain length" in git(repo, "verify-pack", "-v", str(pack))
    for arguments in (("--all", "HEAD"), ("HEAD", "c-git"), ("c-git",)):
        entry = send(server, c_bundle(repo, *arguments)).json
        folder = server.pools / entry["id"]
        assert entry["name"].startswith("c-git")
        judge(folder)
        commits = git(folder, "log", "--format=%H")
        assert git(repo, "log", "--format=%H") in commits
        files = pool_files(folder)
        assert files["img_0001.png"] == (repo / "img_0001.png").read_bytes()
        assert (repo / "img_0009.bmp").read_bytes() in files.values()
        server.add(entry["id"], picture(20))
        server.snapshot(entry["id"])
        judge(folder)


def test_a_bundle_with_only_a_head_and_one_with_merges_imports(
    server: Server, tmp_path: Path
) -> None:
    repo = c_repository(tmp_path / "c")
    git(repo, "checkout", "-q", "-b", "side", "HEAD~1")
    (repo / "img_0007.png").write_bytes(picture(7))
    git(repo, "add", "-A")
    git(repo, "commit", "-q", "-m", "Add seven")
    git(repo, "checkout", "-q", "c-git")
    git(repo, "merge", "-q", "--no-edit", "side")
    git(repo, "branch", "-q", "-D", "side")
    for arguments in (("HEAD",), ("c-git", "HEAD")):
        entry = send(server, c_bundle(repo, *arguments), "the name.bundle").json
        folder = server.pools / entry["id"]
        judge(folder)
        assert git(repo, "rev-parse", "HEAD") in git(folder, "log", "--format=%H")
        assert len(server.list(entry["id"])["slots"]) == 4


def test_executable_bits_and_other_files_in_a_history_do_no_harm(
    server: Server, tmp_path: Path
) -> None:
    repo = c_repository(tmp_path / "c")
    git(repo, "update-index", "--chmod=+x", "img_0001.png")
    git(repo, "commit", "-q", "-m", "x")
    entry = send(server, c_bundle(repo)).json
    folder = server.pools / entry["id"]
    judge(folder)
    assert os.stat(folder / "img_0001.png").st_mode & 0o111 == 0
    (repo / "README.md").write_text("notes")
    git(repo, "add", "-A")
    git(repo, "commit", "-q", "-m", "Add a note")
    entry = send(server, c_bundle(repo)).json
    judge(server.pools / entry["id"])
    assert len(server.list(entry["id"])["slots"]) == 3


def test_a_manifest_in_a_bundle_that_names_what_is_not_there(
    server: Server, tmp_path: Path
) -> None:
    repo = c_repository(tmp_path / "c")
    (repo / "img_0002.png").unlink()
    git(repo, "commit", "-q", "-a", "-m", "Lose one")
    entry = send(server, c_bundle(repo)).json
    folder = server.pools / entry["id"]
    assert [s["image"] for s in server.list(entry["id"])["slots"]] == [
        "img_0001.png",
        "img_0003.png",
    ]
    server.snapshot(entry["id"])
    judge(folder)


def _blob(repo: Path, data: bytes = PNG) -> str:
    path = repo / ".git" / "blob"
    path.write_bytes(data)
    return git(repo, "hash-object", "-w", str(path))


def _commit_tree(repo: Path, lines: str) -> None:
    """Put a commit of a hand-made tree on the branch."""
    done = subprocess.run(
        ["git", "mktree", "--missing"],
        cwd=repo,
        input=lines.encode(),
        capture_output=True,
        check=True,
    )
    tree = done.stdout.decode().strip()
    commit = git(repo, "commit-tree", tree, "-p", "HEAD", "-m", "hostile")
    git(repo, "update-ref", "refs/heads/c-git", commit)


def _raw_tree(repo: Path, entries: list[tuple[str, bytes, str]]) -> None:
    """The same, of a tree that C git wouldn't make."""
    body = b"".join(
        f"{mode} ".encode() + name + b"\0" + bytes.fromhex(s) for mode, name, s in entries
    )
    raw = b"tree %d\0" % len(body) + body
    tree = hashlib.sha1(raw).hexdigest()
    path = repo / ".git" / "objects" / tree[:2] / tree[2:]
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(zlib.compress(raw))
    commit = git(repo, "commit-tree", tree, "-p", "HEAD", "-m", "hostile")
    git(repo, "update-ref", "refs/heads/c-git", commit)


def _gitlink(repo: Path) -> None:
    _commit_tree(repo, f"160000 commit {git(repo, 'rev-parse', 'HEAD')}\tsub\n")


HOSTILE: dict[str, Callable[[Path], None]] = {
    "symlink": lambda r: _commit_tree(r, f"120000 blob {_blob(r, b'/etc/passwd')}\timg_0001.png\n"),
    "gitlink": _gitlink,
    "subtree": lambda r: _commit_tree(
        r, f"040000 tree {git(r, 'rev-parse', 'HEAD^{tree}')}\tsub\n"
    ),
    "attributes": lambda r: _commit_tree(r, f"100644 blob {_blob(r)}\t.gitattributes\n"),
    "modules": lambda r: _commit_tree(r, f"100644 blob {_blob(r)}\t.gitmodules\n"),
    "ignore": lambda r: _commit_tree(r, f"100644 blob {_blob(r)}\t.gitignore\n"),
    "dot": lambda r: _raw_tree(r, [("100644", b".", _blob(r))]),
    "dotdot": lambda r: _raw_tree(r, [("100644", b"..", _blob(r))]),
    "dotgit": lambda r: _raw_tree(r, [("100644", b".git", _blob(r))]),
    "dotgit-case": lambda r: _raw_tree(r, [("100644", b".GiT", _blob(r))]),
    "short-name": lambda r: _raw_tree(r, [("100644", b"GIT~1", _blob(r))]),
    "slash": lambda r: _raw_tree(r, [("100644", b"../img_0009.png", _blob(r))]),
    "absolute": lambda r: _raw_tree(r, [("100644", b"/tmp/img_0009.png", _blob(r))]),
    "backslash": lambda r: _commit_tree(r, f"100644 blob {_blob(r)}\t..\\img_0009.png\n"),
    "stream": lambda r: _commit_tree(r, f"100644 blob {_blob(r)}\timg:x.png\n"),
    "device": lambda r: _commit_tree(r, f"100644 blob {_blob(r)}\tcon.png\n"),
    "dash": lambda r: _commit_tree(r, f"100644 blob {_blob(r)}\t--x.png\n"),
    "control": lambda r: _raw_tree(r, [("100644", b"a\x01.png", _blob(r))]),
    "not-utf8": lambda r: _raw_tree(r, [("100644", b"a\xff.png", _blob(r))]),
    "twins": lambda r: _raw_tree(
        r, [("100644", b"a.png", _blob(r)), ("100644", b"a.png", _blob(r))]
    ),
    "unsorted": lambda r: _raw_tree(
        r, [("100644", b"b.png", _blob(r)), ("100644", b"a.png", _blob(r))]
    ),
    "odd-mode": lambda r: _raw_tree(r, [("100777", b"a.png", _blob(r))]),
    "mode-0": lambda r: _raw_tree(r, [("0", b"a.png", _blob(r))]),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_a_hostile_bundle_is_refused(server: Server, tmp_path: Path, what: str) -> None:
    repo = c_repository(tmp_path / "c", images=1)
    HOSTILE[what](repo)
    refused(server, c_bundle(repo), 422, 413)


def test_what_a_bundle_holds_beside_pictures_is_no_picture(server: Server, tmp_path: Path) -> None:
    repo = c_repository(tmp_path / "c", images=1)
    png, text = _blob(repo), _blob(repo, b"text")
    _commit_tree(
        repo,
        f"120000 blob {text}\tlink.png\n100644 blob {png}\tA.png\n100644 blob {png}\ta.png\n"
        f"100644 blob {text}\timg_0009.png\n100644 blob {text}\tcon.txt\n",
    )
    answer = send(server, c_bundle(repo))
    assert answer.status == 200, answer.body
    assert {one["name"] for one in answer.json["left_out"]} == {"link.png", "con.txt"}
    folder = server.pools / answer.json["id"]
    slots = server.list(folder.name)["slots"]
    assert [(folder / slot["image"]).read_bytes() for slot in slots] == [PNG, PNG]
    assert not [path for path in folder.rglob("*") if path.is_symlink()]
    assert (folder / "img_0009.png").read_bytes() == b"text"
    judge(folder)


def test_hostile_trees_deep_in_a_history_are_refused_too(server: Server, tmp_path: Path) -> None:
    repo = c_repository(tmp_path / "c", images=1)
    good = git(repo, "rev-parse", "HEAD^{tree}")
    HOSTILE["dotdot"](repo)
    commit = git(repo, "commit-tree", good, "-p", "HEAD", "-m", "innocent")
    git(repo, "update-ref", "refs/heads/c-git", commit)
    refused(server, c_bundle(repo))
    git(repo, "update-ref", "refs/heads/c-git", "HEAD~2")
    git(repo, "tag", "hidden", commit)
    refused(server, c_bundle(repo, "--all", "HEAD"))


def test_a_pixel_bomb_in_a_bundle_is_refused(server: Server, tmp_path: Path) -> None:
    repo = c_repository(tmp_path / "c", images=1)
    (repo / "img_0001.png").write_bytes(pixel_bomb(30000, 30000))
    git(repo, "commit", "-q", "-a", "-m", "Boom")
    refused(server, c_bundle(repo), 413, 422)


def with_checksum(head: bytes, pack: bytes) -> bytes:
    return head + pack + hashlib.sha1(pack).digest()


def bundle_of(objects: list[tuple[int, bytes]], refs: dict[str, str], count: int = -1) -> bytes:
    """A bundle of raw pack entries: (type, payload as packed, header included by us)."""
    pack = b"PACK" + struct.pack(">II", 2, len(objects) if count < 0 else count)
    for type_num, data in objects:
        pack += size_header(type_num, len(data)) + zlib.compress(data)
    lines = "".join(f"{sha} {ref}\n" for ref, sha in refs.items())
    return with_checksum(f"# v2 git bundle\n{lines}\n".encode(), pack)


def size_header(type_num: int, size: int) -> bytes:
    out, byte, size = b"", type_num << 4 | size & 15, size >> 4
    while size:
        out, byte, size = out + bytes([byte | 0x80]), size & 0x7F, size >> 7
    return out + bytes([byte])


def sha_of(kind: str, data: bytes) -> str:
    return hashlib.sha1(f"{kind} {len(data)}\0".encode() + data).hexdigest()


def whole_bundle(tree: bytes = b"", **refs: str) -> tuple[bytes, list[tuple[int, bytes]], str]:
    """A good bundle made by hand; its objects; its commit."""
    text = manifest("img_0001.png")
    files = {b"img_0001.png": PNG, b"manifest.json": text}
    tree = tree or b"".join(
        b"100644 " + n + b"\0" + bytes.fromhex(sha_of("blob", d)) for n, d in files.items()
    )
    commit = (
        f"tree {sha_of('tree', tree)}\nauthor A <a@b> 1 +0000\ncommitter A <a@b> 1 +0000\n\nhi\n"
    ).encode()
    objects = [(1, commit), (2, tree), (3, PNG), (3, text)]
    tip = sha_of("commit", commit)
    named = {f"refs/heads/{n}": tip if s == "tip" else s for n, s in refs.items()}
    return bundle_of(objects, {**(named or {"refs/heads/hand": tip}), "HEAD": tip}), objects, tip


def with_object(
    made: tuple[bytes, list[tuple[int, bytes]], str], extra: tuple[int, bytes]
) -> bytes:
    """That bundle with another object in it."""
    return bundle_of([*made[1], extra], {"refs/heads/hand": made[2], "HEAD": made[2]})


def test_a_bundle_made_by_hand_imports(server: Server) -> None:
    data, _, tip = whole_bundle()
    entry = send(server, data).json
    assert entry["name"] == "hand"
    folder = server.pools / entry["id"]
    judge(folder)
    assert tip in git(folder, "log", "--format=%H")
    assert (folder / "img_0001.png").read_bytes() == PNG


@pytest.mark.parametrize(
    "ref",
    [
        "refs/tags/../../../../../escaped",
        "refs/tags/../heads/other",
        "refs/tags/../../config",
        "refs/tags/../../hooks/post-checkout",
        "refs/tags/..",
        "refs/tags/.hidden",
        "refs/tags/a/../b",
        "refs/tags/a//b",
        "refs/tags/a.lock",
        "refs/tags/a.lock/b",
        "refs/tags/a/.b",
        "refs/tags/",
        "refs/tags/a/",
        "refs/tags/a..b",
        "refs/tags/a@{b",
        "refs/tags/a.",
        "refs/tags/" + "x" * 300,
        "refs/tags/" + "x/" * 3000 + "x",
        "refs/heads/../../../../escaped",
    ],
)
def test_odd_refs_in_a_bundle_never_leave_their_place(
    server: Server, tmp_path: Path, ref: str
) -> None:
    _, objects, tip = whole_bundle()
    data = bundle_of(objects, {"refs/heads/hand": tip, ref: tip, "HEAD": tip})
    before = everything(tmp_path)
    answer = send(server, data)
    assert answer.status in (200, 422), answer.body
    made = everything(tmp_path).keys() - before.keys()
    usual = {"", "/grid_pool", "/grid_pool/.gitpool", "/grid_pool/.gitpool/tmp"}
    allowed = {f"input{path}" for path in usual}
    if answer.status == 422:
        assert made <= allowed
        return
    folder = server.pools / answer.json["id"]
    own = folder.relative_to(tmp_path).as_posix()
    assert {n for n in made if not n.startswith(own)} <= {
        *allowed,
        "input/grid_pool/profiles.json",
    }
    assert {p.name for p in (folder / ".git").iterdir()} <= {
        *("HEAD", "config", "description", "gitpool.json", "index", "info", "objects", "refs"),
        "packed-refs",
    }
    assert (folder / ".git" / "config").read_text().startswith("[core]")
    judge(folder)


def test_tags_that_stand_in_each_others_way_do_no_harm(server: Server) -> None:
    _, objects, tip = whole_bundle()
    refs = {"refs/heads/hand": tip, "refs/tags/a": tip, "refs/tags/a/b": tip, "HEAD": tip}
    answer = send(server, bundle_of(objects, refs))
    assert answer.status in (200, 422), answer.body
    refs = {"refs/heads/hand": tip, "refs/tags/a": tip, "refs/tags/A": tip, "HEAD": tip}
    assert send(server, bundle_of(objects, refs)).status in (200, 422)


def test_a_branch_may_stand_for_any_name(server: Server) -> None:
    for branch, name in (
        ("a/b", "a/b"),
        ("%2E%2E%2F%2E%2E%2Fx", "../../x"),
        ("%00", "stem"),
        ("%0A", "stem"),
        ("%E2%80%AE", "stem"),
        ("x" * 150, "stem"),
        ("%ff", None),
    ):
        data, _, _ = whole_bundle(**{branch: "tip"})
        answer = send(server, data, "stem.bundle")
        assert answer.status == 200, answer.body
        if name == "stem":
            assert answer.json["name"].startswith("stem")
        elif name:
            assert answer.json["name"] == name
        judge(server.pools / answer.json["id"])


def headers_of_bad_bundles() -> dict[str, bytes]:
    good, objects, tip = whole_bundle()
    header, pack = good.split(b"\n\n", 1)
    missing = {"refs/heads/x": "1" * 40, "HEAD": "1" * 40}
    refs = {"refs/heads/x": tip, "HEAD": tip}
    many = {f"refs/heads/b{n}": tip for n in range(60_000)}
    bomb = with_checksum(
        f"# v2 git bundle\n{tip} HEAD\n\n".encode(),
        b"PACK" + struct.pack(">II", 2, 1) + size_header(3, 1 << 40) + zlib.compress(bytes(999)),
    )
    copies = b"\xff\x00\x00\x00\x00\xff\xff\xff" * 30
    delta_bomb = with_checksum(
        f"# v2 git bundle\n{tip} HEAD\n\n".encode(),
        b"PACK"
        + struct.pack(">II", 2, 2)
        + size_header(3, 9)
        + zlib.compress(bytes(9))
        + size_header(7, 12 + len(copies))
        + hashlib.sha1(b"blob 9\0" + bytes(9)).digest()
        + zlib.compress(b"\x09" + b"\xff" * 10 + b"\x01" + copies),
    )
    blob = bytes.fromhex(sha_of("blob", PNG))
    own_tree = bytes.fromhex(sha_of("tree", objects[1][1]))
    return {
        "empty name": whole_bundle(b"100644 \0" + blob)[0],
        "cut tree": whole_bundle(b"100644 a.png\0" + blob[:9])[0],
        "no mode": whole_bundle(b"a.png\0" + blob)[0],
        "tree as a file": with_object(whole_bundle(b"100644 a.png\0" + own_tree), objects[1]),
        "v3": good.replace(b"# v2", b"# v3", 1),
        "v9": good.replace(b"# v2", b"# v9", 1),
        "header only": header + b"\n\n",
        "no header end": header,
        "no refs": b"# v2 git bundle\n\n" + pack,
        "prerequisite": good.replace(b"bundle\n", b"bundle\n-" + b"2" * 40 + b" base\n", 1),
        "missing tip": bundle_of(objects, missing),
        "tip is a blob": bundle_of(objects, dict.fromkeys(refs, sha_of("blob", PNG))),
        "tip is a tree": bundle_of(objects, dict.fromkeys(refs, sha_of("tree", objects[1][1]))),
        "missing blob": bundle_of([objects[0], objects[1], objects[2]], refs),
        "missing tree": bundle_of([objects[0], objects[2], objects[3]], refs),
        "missing commit": bundle_of(objects[1:], refs),
        "two branches": bundle_of(objects, {"refs/heads/a": tip, "refs/heads/b": tip}),
        "many refs": bundle_of(objects, {**many, "HEAD": tip}),
        "claims more": bundle_of(objects, refs, count=9),
        "claims fewer": bundle_of(objects, refs, count=3),
        "claims millions": bundle_of(objects, refs, count=2**32 - 1),
        "no objects": bundle_of([], refs),
        "type 0": bundle_of([*objects, (0, b"x")], refs),
        "type 5": bundle_of([*objects, (5, b"x")], refs),
        "bad commit": bundle_of(
            [(1, b"garbage")], dict.fromkeys(refs, sha_of("commit", b"garbage"))
        ),
        "own trailer wrong": good[:-1] + bytes([good[-1] ^ 1]),
        "trailing bytes": good + b"x",
        "pack v3": with_checksum(header + b"\n\n", pack[:-20].replace(b"\0\0\0\2", b"\0\0\0\3", 1)),
        "size bomb": bomb,
        "delta bomb": delta_bomb,
        "long line": b"# v2 git bundle\n" + b"a" * (3 << 20),
        "binary refs": b"# v2 git bundle\n\x00\xff\n\n" + pack,
        "short sha": b"# v2 git bundle\n1234 HEAD\n\n" + pack,
        "a cycle of one": bundle_of([(7, b"")], dict.fromkeys(refs, "3" * 40)),
    }


def test_malformed_bundles_are_refused(server: Server) -> None:
    for what, data in headers_of_bad_bundles().items():
        try:
            refused(server, data, 422, 413)
        except AssertionError as error:
            raise AssertionError(f"{what}: {error}") from error


def test_a_thin_bundle_is_refused(server: Server, tmp_path: Path) -> None:
    repo = c_repository(tmp_path / "c")
    refused(server, c_bundle(repo, "HEAD~1..c-git"))
    data = c_bundle(repo, "HEAD~1..c-git")
    lines = data.split(b"\n\n", 1)
    lied = b"\n".join(x for x in lines[0].split(b"\n") if not x.startswith(b"-"))
    refused(server, lied + b"\n\n" + lines[1])


def test_a_bundle_cut_off_anywhere_is_refused(server: Server, tmp_path: Path) -> None:
    repo = c_repository(tmp_path / "c")
    data = c_bundle(repo)
    start = data.index(b"\n\n") + 2
    cuts = {5, 15, 16, 17, start - 1, start, start + 4, start + 12, start + 13, len(data) - 1}
    for cut in sorted({*cuts, len(data) - 20, len(data) - 21, len(data) // 2}):
        refused(server, data[:cut])


def test_a_flipped_byte_in_a_bundle_is_noticed(server: Server, tmp_path: Path) -> None:
    repo = c_repository(tmp_path / "c", images=2)
    git(repo, "gc", "-q")
    data = c_bundle(repo)
    start = data.index(b"\n\n") + 2
    for at in [*range(start, start + 14), *range(start + 20, len(data), len(data) // 20), -1, -20]:
        raw = bytearray(data)
        raw[at] ^= 0x04
        refused(server, bytes(raw), 422, 413)
        fixed = bytes(raw[start:-20])
        if at > 0:  # the same with a checksum that fits
            sound = bytes(raw[:start]) + fixed + hashlib.sha1(fixed).digest()
            answer = send(server, sound)
            assert answer.status in (200, 413, 422), (at, answer.body)
            if answer.status == 200:
                judge(server.pools / answer.json["id"])


@pytest.mark.parametrize(
    "data",
    [b"", b"x", b"#", b"# v2 git", b"PACK" + bytes(40), b"\x1f\x8b" + bytes(40), PNG, b"Rar!"],
)
def test_other_files_are_refused(server: Server, data: bytes) -> None:
    refused(server, data)


def test_an_import_is_told_and_its_name_may_be_given(server: Server) -> None:
    server.host.events.clear()
    entry = send(server, zipped({"pool/img_0001.png": PNG}), name="given").json
    assert server.host.events == [("gitpool.changed", {"id": entry["id"]})]
    listed = server.get(P + "list").json["profiles"]
    assert [e["name"] for e in listed] == ["given"]
    before = everything(server.pools)
    answer = send(server, zipped({"pool/img_0001.png": PNG}), name="a\x00b")
    assert answer.status == 400
    assert everything(server.pools) == before
