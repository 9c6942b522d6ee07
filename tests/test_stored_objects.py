"""What a repository stores, in every shape that C git and its users give it: told, kept, mended."""

from __future__ import annotations

import json
import os
import shutil
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from dulwich.object_format import DEFAULT_OBJECT_FORMAT
from dulwich.pack import load_pack_index, write_pack_index_v2
from machines import Machine
from PIL import Image
from support import Server, git, judge, mask, picture, tree_of

from gitpool.cli import main
from gitpool.errors import Conflict, Damaged, Unacceptable
from gitpool.git.incoming import Quarantine
from gitpool.git.integrate import base_version
from gitpool.git.objects import ObjectStore
from gitpool.git.pack_kinds import kinds_of
from gitpool.git.refs import Refs
from gitpool.git.repository import Repository
from gitpool.service import Service

P = "/grid_pool/profiles/"
NOTHING = {"all": 0, "hourly": 0, "daily": 0, "weekly": 0}
NOWHERE = "1" * 40


def made(folder: Path, data: bytes | str, *arguments: str) -> str:
    """What C git makes of what it is given to read."""
    data = data.encode() if isinstance(data, str) else data
    done = subprocess.run(["git", *arguments], cwd=folder, input=data, capture_output=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.decode().strip()


def filled(server: Server, name: str = "x") -> Path:
    """A profile with a few snapshots; its folder."""
    profile = server.create(name)
    for seed in range(3):
        server.add(profile, picture(seed))
    server.set_mask(profile, 0, mask())
    server.snapshot(profile)
    label(server, server.pools / profile, "one")
    server.snapshot(profile)
    return server.pools / profile


def label(server: Server, folder: Path, text: str, index: int = 0) -> None:
    answer = server.post("/grid_pool/label", pool_id=folder.name, index=index, label=text)
    assert answer.status == 200, answer.body


def loose(folder: Path, name: str) -> Path:
    return folder / ".git" / "objects" / name[:2] / name[2:]


def replaced(path: Path, data: bytes) -> None:
    path.unlink()
    path.write_bytes(data)


def is_there(folder: Path, name: str) -> bool:
    return git(folder, "cat-file", "-t", name, check=False).split()[0] in KINDS


KINDS = ("blob", "tree", "commit", "tag")


@pytest.fixture
def verify(server: Server, capsys: pytest.CaptureFixture[str]) -> Callable[..., dict[str, str]]:
    def run(*more: str) -> dict[str, str]:
        """What the command finds: file or id, and what is wrong with it."""
        main(["verify", str(server.pools), "--json", *more])
        answer = json.loads(capsys.readouterr().out)
        found = [*answer["registry"], *(f for p in answer["profiles"] for f in p["findings"])]
        return {finding["file"]: finding["what"] for finding in found}

    return run


# What verify finds, and what it mends it from.


def test_what_git_users_put_into_a_history_is_no_damage(
    server: Server, verify: Callable[..., dict[str, str]]
) -> None:
    folder = filled(server)
    blob = git(folder, "rev-parse", "HEAD:img_0001.png")
    below = made(folder, f"100644 blob {blob}\tdeep.png\n", "mktree")
    entries = f"160000 commit {NOWHERE}\tmodule\n040000 tree {below}\tbelow\n"
    tree = made(folder, f"{entries}120000 blob {blob}\tlink\n", "mktree")
    commit = git(folder, "commit-tree", "-p", "HEAD", "-m", "mine", tree)
    git(folder, "update-ref", "refs/heads/mine", commit)
    git(folder, "tag", "a-file", blob)
    git(folder, "tag", "-a", "-m", "said", "a-list", "HEAD^{tree}")
    (folder / ".git/refs/heads/x.lock").write_bytes(b"half a na")
    assert verify() == {}
    # All of it is looked at all the same.
    loose(folder, below).unlink()
    assert verify() == {below: "missing"}


@pytest.mark.parametrize("spoil", ["cut off", "flipped", "longer"])
def test_an_objects_file_that_c_git_would_not_read_is_damaged_and_mended(
    server: Server, verify: Callable[..., dict[str, str]], spoil: str
) -> None:
    """The bytes are right; what zlib says of them, or comes after it, is not."""
    folder = filled(server)
    log = git(folder, "log", "--format=%H")
    for what in ("HEAD^{tree}", "HEAD~1:img_0002.png", "HEAD~1"):
        name = git(folder, "rev-parse", what)
        data = loose(folder, name).read_bytes()
        spoilt = {"cut off": data[:-2], "longer": data + b"x"}
        replaced(loose(folder, name), spoilt.get(spoil, data[:-1] + bytes([data[-1] ^ 1])))
        assert verify() == {name: "damaged"}
        assert verify("--repair") == {}
    assert git(folder, "log", "--format=%H") == log
    judge(folder)


@pytest.mark.parametrize(
    "swapped",
    [("HEAD~1", "HEAD~2"), ("HEAD:img_0001.png", "HEAD:img_0002.png")],
    ids=["snapshots", "images"],
)
def test_objects_under_each_others_names_are_damaged(
    server: Server, verify: Callable[..., dict[str, str]], swapped: tuple[str, str]
) -> None:
    """The pack is sound, and its index says of itself that it is."""
    folder = filled(server)
    git(folder, "gc", "-q")
    one, two = (bytes.fromhex(name) for name in git(folder, "rev-parse", *swapped).split())
    path = next((folder / ".git/objects/pack").glob("*.idx"))
    index = load_pack_index(str(path), DEFAULT_OBJECT_FORMAT)
    entries = {bytes(name): (offset, crc) for name, offset, crc in index.iterentries()}
    checksum = index.get_pack_checksum()
    index.close()
    entries[one], entries[two] = entries[two], entries[one]
    path.unlink()
    with path.open("wb") as file:
        write_pack_index_v2(file, [(n, *rest) for n, rest in sorted(entries.items())], checksum)
    found = verify()
    assert found[one.hex()] == "damaged"
    assert {*found} <= {one.hex(), two.hex()}
    assert verify("--repair") == {}
    judge(folder)


@pytest.mark.parametrize("spoil", ["garbage", "another version"])
def test_a_lost_branch_is_found_though_no_index_of_a_pack_can_be_read(
    server: Server, verify: Callable[..., dict[str, str]], spoil: str
) -> None:
    folder = filled(server)
    tip, branch = git(folder, "rev-parse", "HEAD"), git(folder, "symbolic-ref", "HEAD")
    git(folder, "gc", "-q")
    (folder / ".git/packed-refs").unlink()
    index = next((folder / ".git/objects/pack").glob("*.idx"))
    replaced(index, unreadable(index, spoil))
    found = verify()
    assert found[f".git/{branch}"] == "missing"
    assert found[f".git/objects/pack/{index.name}"] == "damaged"
    assert verify("--repair") == {}
    assert tip in git(folder, "log", "--format=%H", branch).split()
    judge(folder)


def unreadable(index: Path, how: str) -> bytes:
    data = index.read_bytes()
    return b"garbage" if how == "garbage" else data[:7] + bytes([data[7] ^ 1]) + data[8:]


@pytest.mark.parametrize("spoil", ["garbage", "another version"])
def test_an_edit_goes_on_from_a_packed_history_whose_index_cannot_be_read(
    server: Server, spoil: str
) -> None:
    folder = filled(server)
    git(folder, "gc", "-q")
    log = git(folder, "log", "--format=%H").split()
    index = next((folder / ".git/objects/pack").glob("*.idx"))
    replaced(index, unreadable(index, spoil))
    label(server, folder, "after")
    server.snapshot(folder.name)
    assert git(folder, "log", "--format=%H").split()[1:] == log
    judge(folder)
    assert len(server.history(folder.name)) == len(log) + 1


def test_a_profile_that_lost_all_its_objects_keeps_its_pictures(
    server: Server, verify: Callable[..., dict[str, str]]
) -> None:
    folder = filled(server)
    before = {path.name: path.read_bytes() for path in folder.glob("img_*")}
    shutil.rmtree(folder / ".git/objects")
    label(server, folder, "after")
    server.snapshot(folder.name)
    assert {path.name: path.read_bytes() for path in folder.glob("img_*")} == before
    assert server.list(folder.name)["slots"][0]["label"] == "after"
    judge(folder)
    shutil.rmtree(folder / ".git/objects")
    verify("--repair")
    assert verify() == {}
    assert {path.name: path.read_bytes() for path in folder.glob("img_*")} == before
    judge(folder)


def test_a_history_without_its_objects_is_named(
    server: Server, verify: Callable[..., dict[str, str]], tmp_path: Path
) -> None:
    folder = filled(server)
    branch, tip = git(folder, "symbolic-ref", "HEAD"), git(folder, "rev-parse", "HEAD")
    (folder / ".git/objects").rename(tmp_path / "objects")
    (folder / ".git" / branch).unlink()
    found = verify()
    assert found[".git/objects"] == "unreadable"
    assert found[f".git/{branch}"] == "missing"
    (tmp_path / "objects").rename(folder / ".git/objects")
    label(server, folder, "after")
    assert git(folder, "rev-parse", branch) == tip


def test_of_several_packs_only_the_damaged_one_is_set_aside(
    server: Server, verify: Callable[..., dict[str, str]]
) -> None:
    """What neither it nor its index tells any more comes from a copy of the profile."""
    folder = filled(server)
    pack = folder / ".git/objects/pack"
    git(folder, "repack", "-d", "-q")
    (sound,) = pack.glob("pack-*.pack")
    server.add(folder.name, picture(7))
    server.snapshot(folder.name)
    server.post("/grid_pool/remove", pool_id=folder.name, index=3)
    server.snapshot(folder.name)
    assert server.post(P + "duplicate", id=folder.name, name="copy").status == 200
    log = git(folder, "log", "--format=%H")
    git(folder, "repack", "-d", "-q")
    (spoilt,) = {*pack.glob("pack-*.pack")} - {sound}
    before = sound.read_bytes()
    replaced(spoilt, bytes(spoilt.stat().st_size))
    replaced(spoilt.with_suffix(".idx"), b"\xfftOc")
    half = pack / "tmp_pack_half.pack"
    half.write_bytes(b"PACK, and a sync was killed")
    assert verify() != {}
    assert verify("--repair") == {}
    assert sound.read_bytes() == before
    assert {p.name for p in pack.glob("*.damaged")} == {
        f"{spoilt.name}.damaged",
        f"{spoilt.stem}.idx.damaged",
    }
    assert not half.exists()
    assert git(folder, "log", "--format=%H") == log
    assert git(folder, "fsck", "--strict", "--no-dangling") == ""


def test_a_picture_is_found_though_the_manifest_is_lost_too(
    server: Server, verify: Callable[..., dict[str, str]]
) -> None:
    folder = filled(server)
    blob = git(folder, "rev-parse", "HEAD:img_0002.png")
    loose(folder, blob).unlink()
    (folder / "manifest.json").unlink()
    assert verify() == {blob: "missing", "manifest.json": "missing"}
    assert verify("--repair") == {}
    assert is_there(folder, blob)
    assert [slot["label"] for slot in server.list(folder.name)["slots"]] == ["one", "", ""]


def test_whatever_was_damaged_is_kept_each_time(
    server: Server, verify: Callable[..., dict[str, str]]
) -> None:
    folder = filled(server)
    note = folder / ".git/gitpool-remote.json"
    for garbage in (b"{first", b"{second", b"{third"):
        note.write_bytes(garbage)
        assert verify() == {".git/gitpool-remote.json": "damaged"}
        assert verify("--repair") == {}
    kept = [note.with_name(f"{note.name}.damaged{n}").read_bytes() for n in ("", "-2", "-3")]
    assert kept == [b"{first", b"{second", b"{third"]


# The object store.


@pytest.fixture
def words(tmp_path: Path) -> Path:
    """A repository of a git user's whose lists and texts are packed as deltas of each other."""
    folder = tmp_path / "words"
    folder.mkdir()
    git(folder, "init", "-q")
    for number in range(12):
        lines = [f"line {n} {'x' * (n % 7)}\n" for n in range(300)]
        (folder / "text").write_text("".join([*lines[:number], "new\n", *lines[number:]]))
        (folder / f"file{number}").write_text("".join(lines[number:]))
        git(folder, "add", "-A")
        git(folder, "commit", "-q", "-m", f"number {number}")
    git(folder, "tag", "-a", "-m", "said", "named")
    return folder


def store_of(folder: Path) -> ObjectStore:
    return ObjectStore(folder / ".git" / "objects")


@pytest.mark.parametrize("offsets", ["true", "false"])
def test_of_what_type_an_object_is_is_told_without_reading_it(words: Path, offsets: str) -> None:
    git(words, "-c", f"repack.useDeltaBaseOffset={offsets}", "repack", "-adfq", "--depth=8")
    told = git(words, "cat-file", "--batch-all-objects", "--batch-check").splitlines()
    kinds = {line.split()[0]: line.split()[1].encode() for line in told}
    deltas = git(words, "cat-file", "--batch-all-objects", "--batch-check=%(deltabase)").split()
    assert len(set(deltas)) > 1
    store = store_of(words)
    assert {name: store.kind(name) for name in store.all_ids()} == kinds
    assert {*kinds.values()} == {kind.encode() for kind in KINDS}
    with pytest.raises(Damaged):
        store.kind(NOWHERE)
    store.close()


def delta_on(base: bytes | int) -> bytes:
    """A pack's entry: a delta of what has a name, or lies so far in front."""
    return b"\x70" + base if isinstance(base, bytes) else bytes([0x60, base])


@pytest.mark.parametrize("base", [b"\x11" * 20, b"\x22" * 20, 100], ids=["gone", "itself", "front"])
def test_a_delta_that_leads_nowhere_is_damage(tmp_path: Path, base: bytes | int) -> None:
    folder = tmp_path / "pack"
    folder.mkdir()
    body = b"PACK" + struct.pack(">II", 2, 1) + delta_on(base) + bytes(20)
    (folder / "pack-1.pack").write_bytes(body + bytes(20))
    with (folder / "pack-1.idx").open("wb") as file:
        write_pack_index_v2(file, [(b"\x22" * 20, 12, 0)], bytes(20))
    store = ObjectStore(tmp_path)
    assert "22" * 20 in store
    with pytest.raises(Damaged):
        store.kind("22" * 20)
    store.close()
    with pytest.raises(ValueError, match="nowhere"):
        kinds_of(folder / "pack-1.pack")


def test_another_repositorys_objects_are_not_ours_whatever_git_was_told(
    words: Path, server: Server
) -> None:
    folder = filled(server)
    git(folder, "gc", "-q")
    git(words, "gc", "-q")
    (folder / ".git/objects/info/alternates").write_text(f"{words / '.git/objects'}\n")
    theirs, ours = git(words, "rev-parse", "HEAD"), git(folder, "rev-parse", "HEAD")
    assert git(folder, "cat-file", "-t", theirs) == "commit"
    store = store_of(folder)
    assert (ours in store, store.has_prefix(ours[:12])) == (True, True)
    assert (theirs in store, store.has_prefix(theirs[:12])) == (False, False)
    with pytest.raises(Damaged):
        store.read(theirs)
    store.close()


def test_folders_among_the_packs_are_in_nobodys_way(server: Server) -> None:
    """git has some of its own there, and so have file servers."""
    folder = filled(server)
    git(folder, "gc", "-q")
    for name in ("multi-pack-index.d", "@eaDir", "pack-x.pack"):
        (folder / ".git" / "objects" / "pack" / name).mkdir()
    (folder / ".git" / "objects" / "pack" / "pack-y.idx").symlink_to("nowhere")
    tip = git(folder, "rev-parse", "HEAD")
    label(server, folder, "after")
    server.snapshot(folder.name)
    assert git(folder, "rev-parse", "HEAD~1") == tip


def test_a_pack_of_ones_own_is_sound_however_small_git_packed_it(server: Server) -> None:
    folder = filled(server)
    for number in range(4):
        drawing = Image.new("RGB", (3000, 2500), "white")
        drawing.paste("black", (100 * number, 100, 100 * number + 40, 2000))
        drawing.save(folder / f"drawing{number}.bmp")
    (folder / "zeros.bin").write_bytes(bytes(60 << 20))
    server.snapshot(folder.name)
    git(folder, "add", "-f", "zeros.bin")
    who = ("-c", "user.name=A", "-c", "user.email=a@example.org")
    git(folder, *who, "commit", "-q", "-m", "Keep zeros")
    tip = git(folder, "rev-parse", "HEAD")
    git(folder, "gc", "-q", "--prune=now")
    (index,) = (folder / ".git" / "objects" / "pack").glob("*.idx")
    index.unlink()
    label(server, folder, "after")
    server.snapshot(folder.name)
    assert tip in git(folder, "log", "--format=%H").split()


def test_half_made_files_of_git_are_no_objects(words: Path) -> None:
    store = store_of(words)
    before = set(store.loose_ids())
    folder = loose(words, git(words, "rev-parse", "HEAD")).parent
    (folder / "tmp_obj_ABC123").write_bytes(b"half")
    assert set(store.loose_ids()) == before
    assert f"{folder.name}tmp_obj_ABC123" not in before


@pytest.mark.parametrize("times", [1, 99], ids=["once", "for ever"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_file_that_is_written_to_while_it_is_stored(
    server: Server, monkeypatch: pytest.MonkeyPatch, times: int, when: str
) -> None:
    """What is stored is what the file was at one moment, or nothing is."""
    folder = filled(server)
    path, tip = folder / "img_0001.png", git(folder, "rev-parse", "HEAD")
    path.write_bytes(picture(40))
    store, left = ObjectStore._store_stream, [times]

    def another_program() -> None:
        if left[0]:
            left[0] -= 1
            with path.open("ab") as file:
                file.write(b"more")

    def slowly(self: ObjectStore, source: Any, size: int) -> str | None:
        meant = os.path.samestat(os.fstat(source.fileno()), path.stat())
        if meant and when == "before":
            another_program()
        found = store(self, source, size)
        if meant and when == "after":
            another_program()
        return found

    monkeypatch.setattr(ObjectStore, "_store_stream", slowly)
    answer = server.post(P + "snapshot", id=folder.name)
    if times == 1:
        assert answer.status == 200, answer.body
        stored = git(folder, "rev-parse", "HEAD:img_0001.png")
        assert stored == git(folder, "hash-object", "img_0001.png")
        assert path.read_bytes() == picture(40) + b"more"
    else:
        assert answer.status == 503
        assert git(folder, "rev-parse", "HEAD") == tip
        monkeypatch.undo()
        server.snapshot(folder.name)
    assert git(folder, "status", "--porcelain") == ""
    assert git(folder, "fsck", "--strict", "--no-dangling") == ""
    assert not list((folder / ".git/objects").glob("tmp_obj_*"))


# Refs.


def test_a_ref_moves_only_from_what_it_was_known_to_be(words: Path) -> None:
    refs, tip = Refs(words / ".git"), git(words, "rev-parse", "HEAD")
    before = git(words, "rev-parse", "HEAD~1")
    git(words, "update-ref", "refs/heads/mine", before)
    for ref, old, code in (
        ("refs/heads/mine", tip, "history_moved"),
        ("refs/heads/mine", None, "history_moved"),
        ("refs/heads/none", tip, "history_moved"),
        ("refs/heads/../../config", None, "bad_ref"),
        ("HEAD", None, "bad_ref"),
    ):
        state = tree_of(words)
        with pytest.raises(Conflict) as raised:
            refs.swap(ref, old, tip)
        assert raised.value.code == code
        assert tree_of(words) == state
    refs.swap("refs/heads/mine", before, tip)
    assert git(words, "rev-parse", "mine") == tip


def test_a_branch_at_what_can_not_be_read_gives_way_to_the_newest_whole_snapshot(
    server: Server,
) -> None:
    folder = filled(server)
    tip, blob = git(folder, "rev-parse", "HEAD", "HEAD:img_0001.png").split()
    odd_mode = b"1006444x img_0001.png\0" + bytes.fromhex(blob)
    arguments = ("hash-object", "-w", "--literally", "-t", "tree", "--stdin")
    for tree in (made(folder, odd_mode, *arguments), blob):
        raw = git(folder, "cat-file", "commit", "HEAD")
        raw = f"tree {tree}\n{raw.partition(chr(10))[2]}\n"
        commit = made(folder, raw, "hash-object", "-w", "--literally", "-t", "commit", "--stdin")
        branch = git(folder, "symbolic-ref", "HEAD")
        (folder / ".git" / branch).write_text(f"{commit}\n")
        label(server, folder, f"after {tree[:5]}")
        server.snapshot(folder.name)
        assert git(folder, "log", "--format=%H").split()[1] == tip
        tip = git(folder, "rev-parse", "HEAD")
        assert server.list(folder.name)["slots"][0]["image"] == "img_0001.png"


def test_a_lost_branch_is_found_past_what_is_damaged(server: Server) -> None:
    folder = filled(server)
    tip, old = git(folder, "rev-parse", "HEAD", "HEAD~1:manifest.json").split()
    (folder / ".git" / git(folder, "symbolic-ref", "HEAD")).unlink()
    replaced(loose(folder, old), b"garbage")
    label(server, folder, "after")
    server.snapshot(folder.name)
    assert git(folder, "rev-parse", "HEAD~1") == tip


@pytest.mark.parametrize("text", ["a", "b", "c", "d"])
def test_a_lost_branch_is_found_past_a_lost_snapshot_of_the_same_second(
    tmp_path: Path, text: str
) -> None:
    service = Service(tmp_path / "pools", tmp_path / "user", lambda: 1_700_000_000, delay=3600)
    service.profiles.create("p", "Heroes")
    (tmp_path / "staged").write_bytes(picture(1))
    service.pools.add("p", tmp_path / "staged", 1)
    for said in ("older", "lost", text):
        service.pools.label("p", 0, said)
        service.versions.take("p")
    folder = tmp_path / "pools" / "p"
    tip, lost = git(folder, "rev-parse", "HEAD", "HEAD~1").split()
    loose(folder, lost).unlink()
    (folder / ".git" / git(folder, "symbolic-ref", "HEAD")).unlink()
    service.pools.label("p", 0, "after")
    service.versions.take("p")
    service.stop()
    assert git(folder, "log", "--format=%H", "-1", "HEAD~1", check=False).split()[-1] == tip


def test_a_profile_whose_history_was_emptied_begins_anew(server: Server) -> None:
    """Whose it is, what it holds and what it was are all gone, but for the images themselves."""
    folder = filled(server)
    identity = (folder / ".git/gitpool.json").read_bytes()
    for path in (folder / ".git/objects").iterdir():
        shutil.rmtree(path)
    (folder / ".git" / git(folder, "symbolic-ref", "HEAD")).unlink()
    (folder / ".git/index").unlink()
    (folder / ".git/gitpool.json").unlink()
    (folder / "manifest.json").unlink()
    assert server.get(P + "history", id=folder.name).json["snapshots"] == []
    assert server.post("/grid_pool/remove", pool_id=folder.name, index=1).status == 200
    assert (folder / ".git/gitpool.json").read_bytes() == identity
    # What was removed was put into the new history first.
    assert git(folder, "cat-file", "blob", git(folder, "rev-parse", "HEAD:img_0002.png"))
    server.snapshot(folder.name)
    slots = server.list(folder.name)["slots"]
    assert [(s["image"], s["mask"]) for s in slots] == [
        ("img_0001.png", "img_0001.mask.png"),
        ("img_0003.png", None),
    ]
    judge(folder)


def test_refs_that_are_kept_elsewhere_are_not_followed(server: Server, tmp_path: Path) -> None:
    folder = filled(server)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "x.lock").write_text("mine")
    os.utime(elsewhere / "x.lock", (1, 1))
    (folder / ".git/refs/heads/below").symlink_to(elsewhere)
    answer = server.post("/grid_pool/label", pool_id=folder.name, index=0, label="no")
    assert (answer.status, answer.code) == (409, "odd_git")
    assert tree_of(elsewhere) == {"x.lock": b"mine"}
    (folder / ".git/refs/heads/below").unlink()
    label(server, folder, "yes")


def test_a_cut_off_restore_goes_on_around_what_is_somebodys_or_lost(server: Server) -> None:
    folder = filled(server)
    tip = git(folder, "rev-parse", "HEAD")
    (folder / ".git/gitpool-checkout").write_text(f"{tip}\n")
    (folder / "img_0050.png").write_bytes(picture(50))
    label(server, folder, "after")
    images = [slot["image"] for slot in server.list(folder.name)["slots"]]
    assert images == ["img_0001.png", "img_0002.png", "img_0003.png", "img_0050.png"]
    assert (folder / "img_0050.png").read_bytes() == picture(50)
    server.snapshot(folder.name)
    tip, lost = git(folder, "rev-parse", "HEAD", "HEAD:img_0002.png").split()
    (folder / ".git/gitpool-checkout").write_text(f"{tip}\n")
    loose(folder, lost).unlink()
    (folder / "img_0002.png").unlink()
    label(server, folder, "again")
    assert not (folder / ".git/gitpool-checkout").exists()
    images = [slot["image"] for slot in server.list(folder.name)["slots"]]
    assert images == ["img_0001.png", "img_0003.png", "img_0050.png"]


def test_what_can_not_be_read_of_an_old_snapshot_is_shown_as_far_as_it_can(server: Server) -> None:
    folder = filled(server)
    for word in ("mine", "mine too"):
        rewritten(folder, lambda slots, word=word: slots[0].update(label=word))
        git(folder, "commit", "-q", "-a", "-m", word)
    listed = git(folder, "log", "--format=%H").split()
    git(folder, "tag", f"snapshot-{listed[0][:12]}", listed[0])  # it says nothing
    loose(folder, git(folder, "rev-parse", "HEAD~1^{tree}")).unlink()
    shown = server.history(folder.name)
    assert [s["id"] for s in shown] == listed
    # What the newest is can be told, but not what it changed.
    assert [(s["images"], s["changes"]) for s in shown[:2]] == [(0, {}), (0, {})]
    assert [s["message"] for s in shown[:2]] == ["mine too", "mine"]
    assert not any(s["locked"] for s in shown)


# What a cut-off snapshot left, and what a clean-up takes.


def test_of_what_came_after_a_kill_only_what_nobody_needs_goes(server: Server) -> None:
    folder = filled(server)
    (folder / ".git/gitpool-writing").write_text("")
    spare, torn = (made(folder, text, "hash-object", "-w", "--stdin") for text in ("a", "b"))
    blob = made(folder, "mine", "hash-object", "-w", "--stdin")
    below = made(folder, f"100644 blob {blob}\tdeep\n", "mktree")
    lost = made(folder, f"100644 blob {blob}\tlost\n", "mktree")
    tree = made(folder, f"040000 tree {below}\tbelow\n040000 tree {lost}\tlost\n", "mktree")
    git(folder, "update-ref", "refs/heads/mine", git(folder, "commit-tree", "-m", "mine", tree))
    git(folder, "update-index", "--add", "--cacheinfo", f"100644,{torn},staged")
    loose(folder, lost).unlink()
    label(server, folder, "after")
    assert not (folder / ".git/gitpool-writing").exists()
    assert [is_there(folder, name) for name in (spare, torn, blob, below)] == [
        *(False, True, True, True)
    ]


def compact(server: Server, folder: Path) -> Any:
    return server.post(P + "compact", id=folder.name, keep=NOTHING, dry_run=False)


def thick(server: Server) -> Path:
    """A profile with automatic snapshots to be dropped."""
    folder = filled(server)
    for number in range(4):
        label(server, folder, f"number {number}")
        server.snapshot(folder.name, auto=True)
        server.add(folder.name, picture(50 + number))
        server.snapshot(folder.name, auto=True)
    return folder


@pytest.mark.parametrize("kept", [False, True])
def test_a_name_that_was_taken_away_from_a_packed_history_goes_with_a_clean_up(
    server: Server, kept: bool
) -> None:
    """But not from a pack that its user wants kept as it is."""
    folder = thick(server)
    newest = server.history(folder.name)[0]["id"]
    fields = {"id": folder.name, "snapshot": newest}
    server.post(P + "lock", **fields, locked=True, name="Keep")
    (tag,) = git(folder, "for-each-ref", "--format=%(objectname)", "refs/tags").split()
    git(folder, "gc", "-q", "--prune=now")
    server.post(P + "lock", **fields, locked=False, name="")
    assert git(folder, "for-each-ref", "--format=%(objectname)", "refs/gitpool/dropped") == tag
    (pack,) = (folder / ".git/objects/pack").glob("*.pack")
    if kept:
        pack.with_suffix(".keep").touch()
    label(server, folder, "last but one")
    server.snapshot(folder.name, auto=True)
    label(server, folder, "last")
    server.snapshot(folder.name, auto=True)
    assert compact(server, folder).json["dropped"] > 0
    left = git(folder, "for-each-ref", "--format=%(objectname)", "refs/gitpool", "refs/tags")
    assert left == (tag if kept else "")
    assert is_there(folder, tag) == kept
    judge(folder)


def test_a_ref_of_another_work_tree_keeps_its_snapshot(server: Server, tmp_path: Path) -> None:
    folder = thick(server)
    there = tmp_path / "there"
    listed = reversed(server.history(folder.name, limit=50))
    autos = [s["id"] for s in listed if s["kind"] == "auto"]
    git(folder, "worktree", "add", "-q", "--detach", str(there), autos[0])
    (folder / ".git/worktrees/there/logs/HEAD").unlink()
    git(there, "update-ref", "refs/worktree/mine", autos[3])
    auto = autos[3]
    # Nothing is taken out of what only pretends to be a log of git's.
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text(f"{autos[4]} {autos[5]} mine\n")
    (folder / ".git/logs").mkdir(exist_ok=True)
    (folder / ".git/logs/link").symlink_to(elsewhere)
    # All but the newest and what the other one came from.
    assert compact(server, folder).json["dropped"] == len(autos) - 5
    assert git(there, "rev-parse", "refs/worktree/mine^{commit}") == auto
    assert git(folder, "rev-list", "--objects", auto) != ""
    assert elsewhere.read_text() == f"{autos[4]} {autos[5]} mine\n"
    (folder / ".git/logs/link").unlink()
    assert git(folder, "fsck", "--strict") == ""


def test_a_clean_up_that_was_cut_off_early_is_taken_back_with_a_users_tags(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = thick(server)
    git(folder, "tag", "-a", "-m", "said", "mine", "HEAD")
    before = git(folder, "for-each-ref"), git(folder, "log", "--format=%H")
    swap, branch = Refs.swap, git(folder, "symbolic-ref", "HEAD")

    def cut_off(self: Refs, ref: str, old: str | None, new: str) -> None:
        if ref == branch:
            raise OSError(28, "No space left on device")
        swap(self, ref, old, new)

    def stuck(self: Refs, ref: str, old: str | None, new: str) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Refs, "swap", cut_off)
        assert compact(server, folder).status == 503
    assert (folder / ".git/gitpool-cleanup").exists()
    assert git(folder, "for-each-ref") != before[0]
    # The history isn't in order before that, so nothing else may begin.
    with monkeypatch.context() as patch:
        patch.setattr(Refs, "swap", stuck)
        answer = server.post("/grid_pool/label", pool_id=folder.name, index=0, label="no")
        assert answer.status == 503
    assert (folder / ".git/gitpool-cleanup").exists()
    label(server, folder, "after")
    assert (git(folder, "for-each-ref"), git(folder, "log", "--format=%H")) == before
    assert not (folder / ".git/gitpool-cleanup").exists()
    assert compact(server, folder).status == 200
    assert git(folder, "log", "-1", "--format=%H", "mine") in git(folder, "log", "--format=%H")
    assert git(folder, "fsck", "--strict", "--no-dangling") == ""


# Undo, where a git user or a disk was quicker.


@pytest.fixture
def pool(server: Server) -> Path:
    """A profile with four images, its first snapshot made."""
    profile = server.create("Heroes")
    for seed in range(4):
        server.add(profile, picture(seed))
    server.snapshot(profile)
    return server.pools / profile


def step(server: Server, folder: Path, word: str = "undo") -> Any:
    return server.post(f"/grid_pool/{word}", pool_id=folder.name).json


def names(answer: Any) -> list[int]:
    return [int(slot["image"][4:8]) for slot in answer["slots"]]


def rewritten(folder: Path, change: Callable[[list[dict[str, Any]]], Any]) -> None:
    """A git user edits the manifest's slots."""
    manifest = json.loads((folder / "manifest.json").read_bytes())
    change(manifest["slots"])
    (folder / "manifest.json").write_text(json.dumps(manifest))


def test_an_image_that_is_back_already_is_not_brought_twice(server: Server, pool: Path) -> None:
    label(server, pool, "first")
    server.snapshot(pool.name)
    server.post("/grid_pool/remove", pool_id=pool.name, index=1)
    server.snapshot(pool.name)
    git(pool, "checkout", "-q", "HEAD~1", "--", "img_0002.png", "manifest.json")
    answer = step(server, pool)
    # The removal is undone already, so it is the edit before it.
    assert answer["undone"]["kind"] == "label"
    assert names(answer) == [1, 2, 3, 4]


def test_an_image_that_has_got_a_mask_since_stays(server: Server, pool: Path) -> None:
    (pool / "img_0004.mask.png").write_bytes(mask())
    rewritten(pool, lambda slots: slots[3].update(mask="img_0004.mask.png"))
    assert step(server, pool)["undone"] == {"kind": "add", "images": ["img_0003.png"], "count": 1}
    assert names(server.list(pool.name)) == [1, 2, 4]
    assert (pool / "img_0004.mask.png").read_bytes() == mask()


def test_a_label_of_an_image_that_is_gone_or_another_is_nobodys(server: Server, pool: Path) -> None:
    label(server, pool, "gone", 0)
    label(server, pool, "another", 1)
    (pool / "img_0001.png").unlink()
    rewritten(pool, lambda slots: (slots[1].update(added=5), slots.pop(0)))
    answer = step(server, pool)
    assert answer["undone"]["kind"] == "add"
    assert [slot["label"] for slot in answer["slots"]] == ["another", ""]


def test_a_picture_that_a_restore_replaced_comes_back(server: Server, pool: Path) -> None:
    """The name stayed the same all the time."""
    first = git(pool, "rev-parse", "HEAD")
    (pool / "img_0002.png").write_bytes(picture(70))
    server.snapshot(pool.name)
    answer = server.post(P + "restore", id=pool.name, snapshot=first)
    assert answer.status == 200, answer.body
    assert (pool / "img_0002.png").read_bytes() == picture(1)
    assert step(server, pool)["undone"]["images"] == ["img_0002.png"]
    assert (pool / "img_0002.png").read_bytes() == picture(70)
    assert step(server, pool, "redo")["redone"]["images"] == ["img_0002.png"]
    assert (pool / "img_0002.png").read_bytes() == picture(1)
    server.snapshot(pool.name)
    judge(pool)


def test_an_image_comes_back_before_the_one_it_stood_before(server: Server, pool: Path) -> None:
    """The one that it stood behind is gone."""
    server.post("/grid_pool/remove", pool_id=pool.name, index=2)
    (pool / "img_0002.png").unlink()
    rewritten(pool, lambda slots: slots.pop(1))
    assert names(step(server, pool)) == [1, 3, 4]


SIDE = {"added": 1, "label": "", "image_id": NOWHERE, "mask": None, "mask_id": None}
SIDE |= {"index": 0, "behind": None, "ahead": None}
HALF = {"added": 1, "mask": None}


@pytest.mark.parametrize(
    "odd",
    [
        {"slots": []},
        {"slots": [], "active": "img_0001.png"},
        {"slots": [], "active": [None]},
        {"slots": [7], "active": [None, None]},
        {"slots": [{"before": None, "after": SIDE}], "active": [None, None]},
        {"slots": [{"image": "img_0001.png", "before": 7, "after": SIDE}], "active": [None, None]},
        {
            "slots": [{"image": "img_0001.png", "before": HALF, "after": HALF}],
            "active": [None, None],
        },
    ],
)
def test_an_edit_that_nobody_of_ours_noted_is_passed_over(
    server: Server, pool: Path, odd: dict[str, Any]
) -> None:
    with (pool / ".git/gitpool-edits.jsonl").open("a") as file:
        file.write(json.dumps({"do": "edit", "kind": "label", **odd}) + "\n")
    answer = step(server, pool)
    assert answer["undone"] == {"kind": "add", "images": ["img_0004.png"], "count": 1}
    assert names(answer) == [1, 2, 3]


def test_an_edit_that_a_disk_spoiled_is_passed_over(server: Server, pool: Path) -> None:
    """Its times don't tell of it, so it is seen only when it is looked at."""
    journal = pool / ".git/gitpool-edits.jsonl"
    assert server.list(pool.name)["undo"]["undo"]["kind"] == "add"
    stat, lines = journal.stat(), journal.read_bytes().splitlines(keepends=True)
    lines[-1] = b"\0" * (len(lines[-1]) - 1) + b"\n"
    with journal.open("r+b") as file:
        file.write(b"".join(lines))
    os.utime(journal, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert step(server, pool)["undone"]["images"] == ["img_0003.png"]


# Going back, where a part of it is lost.


def test_nothing_is_changed_where_a_stored_copy_is_gone(server: Server, pool: Path) -> None:
    first, blob = git(pool, "rev-parse", "HEAD", "HEAD:img_0002.png").split()
    server.post("/grid_pool/remove", pool_id=pool.name, index=1)
    server.snapshot(pool.name)
    loose(pool, blob).unlink()
    before = tree_of(pool)
    for fields in ({}, {"images": ["img_0002.png"]}):
        answer = server.post(P + "restore", id=pool.name, snapshot=first, **fields)
        assert (answer.status, answer.code) == (503, "damaged")
        assert "img_0002.png" in answer.json["error"]["message"]
        # That something was to be written is noted until the next edit.
        (pool / ".git/gitpool-writing").unlink(missing_ok=True)
        assert tree_of(pool) == before
    answer = server.post(P + "restore", id=pool.name, snapshot=first, images=["img_0009.png"])
    assert (answer.status, answer.code) == (404, "unknown_image")


# Another machine's line of history.


def test_a_pool_that_was_empty_becomes_what_the_other_machine_made_of_it(
    machines: Callable[[str], Machine], tmp_path: Path
) -> None:
    one, two = machines("one"), machines("two")
    git(tmp_path, "init", "-q", "--bare", "remote.git")
    for machine in (one, two):
        machine.connect(str(tmp_path / "remote.git"))
    profile = one.create("Heroes")
    one.sync(profile)
    two.fetch("Heroes")
    for seed in range(2):
        one.add(profile, picture(seed))
    one.sync(profile)
    assert two.sync(profile)["pulled"] == 1
    assert two.images(profile) == [picture(0), picture(1)]
    # Emptied there and added to here: all of it is right.
    two.remove(profile, 0)
    two.remove(profile, 0)
    two.sync(profile)
    one.sync(profile)
    assert (one.images(profile), two.images(profile)) == ([], [])
    two.judge(profile)


def test_what_a_git_user_pushed_stays_as_it_was_pushed(
    machines: Callable[[str], Machine], tmp_path: Path
) -> None:
    one = machines("one")
    git(tmp_path, "init", "-q", "--bare", "remote.git")
    one.connect(str(tmp_path / "remote.git"))
    profile = one.filled("Heroes")
    one.sync(profile)
    git(tmp_path, "clone", "-q", "-b", "Heroes", "remote.git", "user")
    user = tmp_path / "user"
    (user / "README.md").write_text("mine")
    (user / "img_0002.png").write_bytes(picture(60))
    git(user, "add", "-A")
    git(user, "commit", "-q", "-m", "Read me")
    git(user, "push", "-q")
    # And the name that they give a snapshot without a word isn't one of ours.
    tip = git(user, "rev-parse", "HEAD")
    git(user, "tag", f"snapshot-{tip[:12]}")
    git(user, "push", "-q", "--tags")
    one.sync(profile)
    folder = one.pools / profile
    assert one.images(profile)[1] == picture(60)
    assert (folder / "README.md").read_text() == "mine"
    assert git(folder, "ls-tree", "--name-only", "HEAD").split()[0] == "README.md"
    assert git(folder, "rev-parse", "HEAD") == tip
    assert git(folder, "rev-parse", "HEAD") == git(user, "ls-remote", "origin", "Heroes").split()[0]
    assert all(not s["locked"] for s in one.history(profile))
    assert git(folder, "for-each-ref", "refs/tags") == ""
    one.judge(profile)


def test_histories_that_were_joined_twice_come_from_both(server: Server) -> None:
    """Two that had nothing in common, joined on two machines: both are what the two come from."""
    one, two = filled(server, "one"), filled(server, "two")
    git(one, "fetch", "-q", str(two), "HEAD")
    ours, theirs = git(one, "rev-parse", "HEAD", "FETCH_HEAD").split()
    joins = [
        git(one, "commit-tree", "-p", ours, "-p", theirs, "-m", "join", f"{side}^{{tree}}")
        for side in (ours, theirs)
    ]
    repo = Repository(one)
    version = base_version(repo, *joins)
    held = {version.blobs[slot.image] for slot in version.manifest.slots}
    both = {repo.version(c).blobs[f"img_000{n}.png"] for c in (ours, theirs) for n in (1, 2, 3)}
    assert held == both
    git(one, "commit-tree", "-m", "alone", f"{ours}^{{tree}}")
    alone = git(one, "commit-tree", "-m", "alone", f"{ours}^{{tree}}")
    assert base_version(repo, ours, alone).manifest.slots == ()


# Packs from a remote, as C git makes them of what no remote of ours holds.


@pytest.fixture
def sender(tmp_path: Path) -> Path:
    """A git user's repository with one sound snapshot of a pool."""
    folder = tmp_path / "sender"
    folder.mkdir()
    git(folder, "init", "-q")
    (folder / "img_0001.png").write_bytes(picture(1))
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "first")
    return folder


def sent(sender: Path, tmp_path: Path, tip: str, *more: str) -> Quarantine:
    """A pack of all that these need, examined as what was asked for with `tip`."""
    listed = git(sender, "rev-list", "--objects", "--no-object-names", tip, *more)
    pack = subprocess.run(
        ["git", "pack-objects", "--stdout", "-q"],
        cwd=sender,
        input="\n".join({*listed.split(), tip, *more}).encode(),
        capture_output=True,
        check=True,
    ).stdout
    (tmp_path / "quarantine").mkdir()
    quarantine = Quarantine(tmp_path / "quarantine", None, 1 << 30)
    try:
        quarantine.write(pack)
        quarantine.examine([tip])
    finally:
        quarantine.close()
    return quarantine


def test_only_snapshots_are_named_by_what_is_asked_for(sender: Path, tmp_path: Path) -> None:
    git(sender, "tag", "-a", "-m", "said", "list", "HEAD^{tree}")
    with pytest.raises(Unacceptable) as raised:
        sent(sender, tmp_path, git(sender, "rev-parse", "list"))
    assert raised.value.code == "bad_remote"


@pytest.mark.parametrize("sound", [True, False])
def test_a_users_tag_may_come_along_if_it_is_sound(
    sender: Path, tmp_path: Path, sound: bool
) -> None:
    tip = git(sender, "rev-parse", "HEAD")
    who = "tagger A User <user@example.org> 1700000000 +0000" if sound else "tagger nobody"
    text = f"object {tip}\ntype commit\ntag mine\n{who}\n\nsaid\n"
    tag = made(sender, text, "hash-object", "-w", "--literally", "-t", "tag", "--stdin")
    if sound:
        assert sent(sender, tmp_path, tip, tag).spare_tags == [tag]
    else:
        with pytest.raises(Unacceptable) as raised:
            sent(sender, tmp_path, tip, tag)
        assert raised.value.code == "bad_remote"
