"""The commands that look after pools where no ComfyUI runs, and the damage that verify finds."""

from __future__ import annotations

import errno
import hashlib
import io
import itertools
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest
from dulwich.objects import Blob, Commit
from PIL import Image
from support import git, judge, mask, picture

from gitpool import errors
from gitpool.cli import main, places
from gitpool.cli.exits import exit_code
from gitpool.cli.output import moment, size, table
from gitpool.cli.progress import Progress
from gitpool.git.index import read_index, write_index
from gitpool.git.objects import ObjectStore
from gitpool.git.soundness import Inspection
from gitpool.profiles import locks
from gitpool.profiles.exchange import Exchange, Zipped
from gitpool.profiles.library import Library
from gitpool.profiles.verify import Finding, Verify
from gitpool.profiles.versions import Versions
from gitpool.service import Service

ROOT = Path(__file__).resolve().parents[1]
NAME, OTHER = "characters_A", "Größe 図/x"
ONE, TWO = "a1", "b2"


def service_at(comfy: Path) -> Service:
    """Git Pool over a ComfyUI folder; no automatic snapshot comes in the way of a test."""
    base, user = comfy / "input" / "grid_pool", comfy / "user" / "__gitpool"
    return Service(base, user, time.time, delay=3600)


class Home:
    """A ComfyUI folder with two profiles, and the command run over it."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.comfy = folder
        self.pools = folder / "input" / "grid_pool"
        self.service = service_at(folder)
        self.folder = self.pools / ONE
        self._capsys = capsys

    def run(self, word: str, *rest: object, code: int = 0) -> str:
        """What the command says to people, on both channels; it ends with that code."""
        assert main([word, str(self.pools), *map(str, rest)]) == code
        said = self._capsys.readouterr()
        assert "Traceback" not in said.err
        return said.out + said.err

    def ask(self, word: str, *rest: object, code: int = 0) -> Any:
        """The one JSON document that the command prints."""
        assert main([word, str(self.pools), *map(str, rest), "--json"]) == code
        said = self._capsys.readouterr()
        assert said.err == ""
        return json.loads(said.out)

    def findings(self, *profiles: str) -> dict[str, dict[str, str]]:
        """What verify finds: for each damaged profile what is wrong with each file."""
        code = main(["verify", str(self.pools), *profiles, "--json"])
        answer = json.loads(self._capsys.readouterr().out)
        assert (code, answer["damaged"]) in ((0, False), (5, True))
        found = {p["id"]: p["findings"] for p in answer["profiles"]} | {"": answer["registry"]}
        assert all(f["message"] for findings in found.values() for f in findings)
        assert any(found.values()) == (code == 5)
        return {
            profile_id: {f["file"]: f["what"] for f in findings}
            for profile_id, findings in found.items()
            if findings
        }

    def history(self, profile: str = ONE) -> list[dict[str, Any]]:
        return self.ask("log", profile, "--limit", "99")["snapshots"]

    def blob(self, name: str) -> str:
        return git(self.folder, "rev-parse", f"HEAD:{name}")

    def add(self, profile_id: str, data: bytes) -> None:
        staged = self.comfy / "staged"
        staged.write_bytes(data)
        self.service.pools.add(profile_id, staged, 1_700_000_000_000)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Made once: three images, a mask, labels, a named and locked snapshot in each profile."""
    folder = tmp_path_factory.mktemp("template")
    (folder / "user").mkdir()
    service = service_at(folder)
    staged = folder / "staged"
    for profile_id, name in ((ONE, NAME), (TWO, OTHER)):
        service.profiles.create(profile_id, name)
        for seed in range(3):
            staged.write_bytes(picture(seed + len(name)))
            service.pools.add(profile_id, staged, 1_700_000_000_000)
        staged.write_bytes(mask())
        service.pools.set_mask(profile_id, 0, staged)
        service.versions.snapshot(profile_id, "first")
        service.pools.label(profile_id, 1, "two")
        made = service.versions.snapshot(profile_id)["snapshot"]
        service.pools.remove(profile_id, 2)
        service.versions.snapshot(profile_id)
        service.versions.lock(profile_id, made["id"], True, "Keep")
    return folder


@pytest.fixture
def home(template: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Home:
    return Home(Path(shutil.copytree(template, tmp_path / "ComfyUI")), capsys)


def python(*arguments: str, **options: Any) -> subprocess.Popen[str]:
    """The command in a process of its own; Ctrl+C works in it however the tests were started."""
    start = "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    code = start + "from gitpool.cli import main; sys.exit(main())"
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        **options,
    )


def everything(folder: Path) -> dict[str, tuple[int, bytes | None]]:
    """Every file and folder, when it was written and what is in it."""
    return {
        path.relative_to(folder).as_posix(): (
            path.stat().st_mtime_ns,
            path.read_bytes() if path.is_file() else None,
        )
        for path in sorted(folder.rglob("*"))
    }


# Where things lie.


def test_runs_as_a_module(home: Home) -> None:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "gitpool", *arguments]
        return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=300)

    listed = run("list", str(home.comfy), "--json")
    assert listed.returncode == 0
    assert [p["name"] for p in json.loads(listed.stdout)["profiles"]] == [NAME, OTHER]
    unknown = run("log", str(home.comfy), "nobody")
    assert unknown.returncode == 3
    assert unknown.stdout == ""
    assert unknown.stderr.startswith("gitpool: There is no profile “nobody” here.\n")


@pytest.mark.parametrize("below", [".", "input", "input/grid_pool"])
def test_every_folder_that_may_be_meant(
    home: Home, below: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert places.find_pools(home.comfy / below) == home.pools
    monkeypatch.chdir(home.comfy / below)
    assert main(["list", "."]) == 0
    assert NAME in capsys.readouterr().out


def test_a_folder_without_pools_is_refused(home: Home, tmp_path: Path) -> None:
    projects = tmp_path / "projects"
    (projects / "one" / ".git").mkdir(parents=True)
    (projects / "one" / "manifest.json").write_text("{}")
    for wrong in (projects, tmp_path / "nowhere", home.folder / "manifest.json"):
        home.pools = wrong
        assert home.ask("list", code=3)["error"]["code"] in ("no_pools", "unknown_folder")
        assert "gitpool: There " in home.run("verify", code=3)


def test_a_lost_list_of_profiles_keeps_no_folder_from_being_found(home: Home) -> None:
    copy = Path(shutil.copytree(home.pools, home.comfy / "copy"))
    shutil.rmtree(copy / ".gitpool")
    (copy / "profiles.json").unlink()
    assert places.find_pools(copy) == copy


def test_pools_of_earlier_nodes_are_found(tmp_path: Path) -> None:
    """No history yet, and one is called as ComfyUI calls its folder of pools."""
    (tmp_path / "grid_pool").mkdir()
    (tmp_path / "profiles.json").write_text('{"profiles": []}')
    assert places.find_pools(tmp_path) == tmp_path


def test_settings_lie_with_comfyui_or_with_the_pools(home: Home, tmp_path: Path) -> None:
    assert places.user_folder(home.pools) == home.comfy / "user" / "__gitpool"
    lone = tmp_path / "pools"
    assert places.user_folder(lone) == lone / ".gitpool" / "user"
    beside = home.comfy / "input" / "pools"
    assert places.user_folder(beside) == beside / ".gitpool" / "user"
    (home.comfy / "user").rmdir()
    assert places.user_folder(home.pools) == home.pools / ".gitpool" / "user"


def test_user_says_where_thumbnails_are_counted(home: Home, tmp_path: Path) -> None:
    blob = home.blob("img_0001.png")
    for user, count in ((home.comfy / "user" / "__gitpool", 7), (tmp_path / "other", 11)):
        thumbnail = user / "thumbnails" / blob[:2] / f"{blob}-256i1.webp"
        thumbnail.parent.mkdir(parents=True)
        thumbnail.write_bytes(b"x" * count)
    assert home.ask("storage", ONE)["total"]["thumbnails"] == 7
    assert home.ask("storage", ONE, "--user", tmp_path / "other")["total"]["thumbnails"] == 11


# Profiles.


def test_list(home: Home) -> None:
    home.service.profiles.create("c3", "old")
    home.service.profiles.delete("c3")
    plain = home.pools / "plain"
    plain.mkdir()
    (plain / "img_0001.png").write_bytes(picture())
    answer = home.ask("list")
    assert [(p["id"], p["name"], p["images"]) for p in answer["profiles"]] == [
        (ONE, NAME, 2),
        (TWO, OTHER, 2),
    ]
    assert [p["id"] for p in answer["unregistered"]] == ["plain"]
    assert [p["id"] for p in answer["deleted"]] == ["c3"]
    lines = home.run("list").splitlines()
    assert lines[:3] == [
        "NAME          IMAGES  ID",
        "characters_A       2  a1",
        "Größe 図/x         2  b2",
    ]
    assert any(line.startswith("old ") for line in lines)


def test_list_says_which_folder_is_gone(home: Home) -> None:
    shutil.rmtree(home.folder)
    assert home.ask("list")["profiles"][0]["images"] is None
    assert re.search(r"characters_A +gone", home.run("list"))


def test_a_profile_is_found_by_id_then_by_name(home: Home) -> None:
    home.service.profiles.create("c3", TWO)
    for wanted, found in ((ONE, ONE), (TWO, TWO), ("Characters_a", ONE), (" größe 図/X ", TWO)):
        assert places.find_profile(home.service, wanted).id == found
    decomposed = "Gro\u0308ße 図/x"
    assert home.history(decomposed) == home.history(TWO)
    assert home.ask("log", "../a1", code=3)["error"]["code"] == "unknown_profile"


def test_storage_measures_files_and_history(home: Home) -> None:
    answer = home.ask("storage")
    one = answer["profiles"][0]
    kept = [home.folder / name for name in os.listdir(home.folder) if name != ".git"]
    assert one["files"] == sum(path.stat().st_size for path in kept)
    assert one["history"] == sum(
        path.stat().st_size for path in (home.folder / ".git").rglob("*") if path.is_file()
    )
    assert answer["total"]["files"] == sum(p["files"] for p in answer["profiles"])
    assert [p["id"] for p in home.ask("storage", OTHER, TWO)["profiles"]] == [TWO]
    assert "2 profiles" in home.run("storage")


def test_storage_tells_of_the_others_when_one_is_gone(home: Home) -> None:
    shutil.rmtree(home.folder)
    answer = home.ask("storage", code=3)
    assert answer["profiles"][0]["error"]["code"] == "missing_folder"
    assert answer["profiles"][1]["files"] > 0
    assert "characters_A: This profile's folder is gone." in home.run("storage", code=3)


# History.


def test_log_is_gits(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = git(home.folder, "log", "--format=%H").split()
    assert [s["id"] for s in home.history()] == theirs
    text = home.run("log", NAME, "--limit", "2").splitlines()
    assert [line.split()[0] for line in text[1:3]] == [i[:10] for i in theirs[:2]]
    assert "locked" in text[2]
    assert "Keep" in text[2]
    assert text[3] == "Older ones: --limit 4"
    page = home.ask("log", ONE, "--limit", "2")
    assert page["next"] == theirs[1]
    monkeypatch.setattr("gitpool.cli.history.PAGE_LIMIT", 2)
    assert [s["id"] for s in home.history()] == theirs


def test_log_writes_nothing_that_moves_the_cursor(home: Home) -> None:
    git(home.folder, "commit", "--allow-empty", "-m", "red \x1b[31mtext\r\x9b2J")
    text = home.run("log", ONE)
    assert "red \ufffd[31mtext" in text
    assert not {"\x1b", "\r", "\x9b"} & set(text)
    assert home.history()[0]["kind"] == "git"


def test_snapshot_takes_in_what_is_there(home: Home) -> None:
    assert home.ask("snapshot", ONE) == {"snapshot": None}
    assert "Nothing has changed" in home.run("snapshot", ONE)
    (home.folder / "cat.png").write_bytes(picture(9))
    made = home.ask("snapshot", NAME, "-m", "A cat")["snapshot"]
    assert (made["message"], made["kind"], made["changes"]["added"]) == ("A cat", "named", 1)
    assert made["id"] == git(home.folder, "rev-parse", "HEAD")
    assert git(home.folder, "log", "-1", "--format=%s") == "A cat"
    judge(home.folder)
    home.service.pools.label(ONE, 0, "new")
    assert re.fullmatch(r"[0-9a-f]{10}  Change 1 label\n", home.run("snapshot", ONE))


def test_restore_by_a_prefix(home: Home) -> None:
    first = home.history()[2]["id"]
    (home.folder / "cat.png").write_bytes(picture(9))
    made = home.ask("restore", NAME, first[:6].upper())["snapshot"]
    assert made["kind"] == "restore"
    # All is as it was, but for the next number: one that was used since isn't used again.
    assert git(home.folder, "diff", "--name-only", first, "HEAD") == "manifest.json"
    lines = git(home.folder, "diff", "-U0", first, "HEAD", "--", "manifest.json").splitlines()
    changed = [
        line[1:].strip() for line in lines if line[0] in "+-" and line[:3] not in ("+++", "---")
    ]
    assert [line.partition(":")[0] for line in changed] == ['"next_seq"', '"next_seq"']
    assert home.history()[1]["changes"]["added"] == 1
    judge(home.folder)


def test_restore_some_images(home: Home) -> None:
    first = home.history()[1]["id"]
    removed = picture(2 + len(NAME))
    assert not (home.folder / "img_0003.png").exists()
    home.run("restore", ONE, first, "--image", "img_0003.png", "img_0001.png")
    assert (home.folder / "img_0003.png").read_bytes() == removed
    assert (
        home.ask("restore", ONE, first, "--image", "x.png", code=3)["error"]["code"]
        == "unknown_image"
    )
    judge(home.folder)


@pytest.mark.parametrize(
    ("wanted", "code", "word"),
    [
        ("abcde", 2, "bad_snapshot"),
        ("HEAD", 2, "bad_snapshot"),
        ("0" * 6, 3, "unknown_snapshot"),
        ("0" * 40, 3, "unknown_snapshot"),
        ("", 2, "bad_snapshot"),
    ],
)
def test_restore_refuses_what_is_no_snapshot(home: Home, wanted: str, code: int, word: str) -> None:
    before = home.history()
    assert home.ask("restore", ONE, wanted, code=code)["error"]["code"] == word
    assert home.history() == before


def test_a_file_is_no_snapshot(home: Home) -> None:
    blob = home.blob("img_0001.png")
    assert home.ask("restore", ONE, blob[:12], code=3)["error"]["code"] == "unknown_snapshot"


def test_a_file_that_begins_alike_is_no_matter(home: Home) -> None:
    store = ObjectStore(home.folder / ".git" / "objects")
    commit = store.read(home.history()[0]["id"])
    assert isinstance(commit, Commit)
    blobs: dict[bytes, bytes] = {}
    for number in range(100_000):
        content = commit.message = b"%d" % number
        blobs[Blob.from_string(content).id[:6]] = content
        if commit.id[:6] in blobs:
            break
    store.write(commit)
    store.write_blob(blobs[commit.id[:6]])
    found = places.find_snapshot(home.service, ONE, commit.id[:6].decode())
    assert found == commit.id.decode()


def test_restore_refuses_a_prefix_of_two(home: Home) -> None:
    store = ObjectStore(home.folder / ".git" / "objects")
    commit = store.read(home.history()[0]["id"])
    assert isinstance(commit, Commit)
    seen: dict[bytes, int] = {}
    for number in range(100_000):
        commit.message = b"%d" % number
        start = commit.id[:6]
        if start in seen:
            break
        seen[start] = number
    store.write(commit)
    one = commit.id.decode()
    commit.message = b"%d" % seen[start]
    store.write(commit)
    refused = home.ask("restore", ONE, start.decode(), code=2)["error"]
    assert refused["code"] == "ambiguous_snapshot"
    assert home.ask("restore", ONE, one, code=3)["error"]["code"] == "unknown_snapshot"


# Export and import.


def test_a_bundle_goes_out_and_in(home: Home, tmp_path: Path) -> None:
    out = tmp_path / "whole.bundle"
    answer = home.ask("export", NAME, out)
    assert answer == {
        "id": ONE,
        "name": NAME,
        "file": str(out),
        "format": "bundle",
        "bytes": out.stat().st_size,
    }
    git(tmp_path, "clone", "-q", str(out), "clone")
    assert git(tmp_path / "clone", "rev-parse", "HEAD") == home.history()[0]["id"]
    entry = home.ask("import", out)
    assert entry["name"] == f"{NAME} (2)"
    judge(home.pools / entry["id"])
    for name in ("img_0001.png", "img_0001.mask.png"):
        copied = home.pools / entry["id"] / name
        assert copied.read_bytes() == (home.folder / name).read_bytes()
    assert home.findings() == {}


def test_a_zip_goes_out_and_in_elsewhere(home: Home, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    assert "Größe 図_x.zip" in home.run("export", TWO, tmp_path / "out")
    out = tmp_path / "out" / "Größe 図_x.zip"
    with zipfile.ZipFile(out) as archive:
        assert json.loads(archive.read("profile_meta.json")) == {"name": OTHER}
    home.pools = tmp_path / "elsewhere"
    home.pools.mkdir()
    assert "New one is here now" in home.run("import", out, "--name", "New one")
    entry = home.ask("import", out)
    assert entry["name"] == OTHER
    assert [p["name"] for p in home.ask("list")["profiles"]] == ["New one", OTHER]
    judge(home.pools / entry["id"])


def test_format_outdoes_the_ending(home: Home, tmp_path: Path) -> None:
    home.run("export", ONE, tmp_path / "x.bundle", "--format", "zip")
    assert zipfile.is_zipfile(tmp_path / "x.bundle")
    home.run("export", ONE, tmp_path / "x.zip", "--format", "bundle")
    assert (tmp_path / "x.zip").read_bytes().startswith(b"# v2 git bundle")


def test_an_export_that_fails_leaves_the_last_one(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out" / "x.zip"
    out.parent.mkdir()
    home.run("export", ONE, out)
    before = out.read_bytes()
    for error, code in ((OSError(errno.ENOSPC, "No space"), 1), (KeyboardInterrupt(), 130)):

        def fail(*_: object, error: BaseException = error) -> Zipped:
            def pieces() -> Iterator[bytes]:
                yield b"half"
                raise error

            return Zipped(NAME, pieces(), [])

        monkeypatch.setattr(Exchange, "export_zip", fail)
        home.ask("export", ONE, out, code=code)
        assert [p.name for p in out.parent.iterdir()] == ["x.zip"]
        assert out.read_bytes() == before


def test_export_follows_a_link_and_writes_into_a_device(home: Home, tmp_path: Path) -> None:
    real, link = tmp_path / "real.zip", tmp_path / "link.zip"
    link.symlink_to(real)
    home.run("export", ONE, link)
    assert link.is_symlink()
    assert zipfile.is_zipfile(real)
    os.mkfifo(tmp_path / "pipe")
    got: list[bytes] = []
    reader = threading.Thread(target=lambda: got.append((tmp_path / "pipe").read_bytes()))
    reader.start()
    home.run("export", ONE, tmp_path / "pipe")
    reader.join(300)
    assert zipfile.is_zipfile(io.BytesIO(got[0]))
    assert (tmp_path / "pipe").is_fifo()


def test_nothing_is_exported_of_a_folder_that_is_gone(home: Home, tmp_path: Path) -> None:
    shutil.rmtree(home.folder)
    for out in (tmp_path / "x.zip", tmp_path / "x.bundle"):
        assert home.ask("export", ONE, out, code=3)["error"]["code"] == "missing_folder"
        assert not out.exists()


def test_import_refuses_and_leaves_nothing(home: Home, tmp_path: Path) -> None:
    bad = tmp_path / "bad.zip"
    bad.write_bytes(b"PK but no zip")
    before = {k: v for k, v in everything(home.pools).items() if not k.startswith(".gitpool")}
    assert home.ask("import", bad, code=1)["error"]["code"] == "bad_archive"
    assert home.ask("import", tmp_path, code=3)["error"]["code"] == "unknown_file"
    assert home.ask("import", tmp_path / "none", code=3)["error"]["code"] == "unknown_file"
    good = tmp_path / "good.zip"
    home.run("export", ONE, good)
    assert home.ask("import", good, "--name", "\x07", code=2)["error"]["code"] == "bad_name"
    assert not list((home.pools / ".gitpool" / "tmp").iterdir())
    after = everything(home.pools)
    ours = {path for path in after if path.startswith(".gitpool")}
    assert {k: v for k, v in after.items() if k not in ours} == before


# Verify: what is no damage.


def test_verify_of_what_is_sound_changes_nothing(home: Home) -> None:
    before = everything(home.comfy)
    assert home.findings() == {}
    assert home.run("verify") == f"{NAME}: sound\n{OTHER}: sound\n"
    assert everything(home.comfy) == before


def test_edits_without_a_snapshot_are_no_damage(home: Home) -> None:
    (home.folder / "cat.png").write_bytes(picture(9))
    (home.folder / "img_0001.png").write_bytes(picture(10))
    home.service.pools.label(ONE, 1, "edited")
    home.add(ONE, picture(11))
    assert git(home.folder, "status", "--porcelain") != ""
    assert home.findings() == {}


def _packed(folder: Path) -> None:
    git(folder, "gc", "-q", "--prune=now")
    assert not (folder / ".git" / "refs" / "heads" / NAME).exists()


def _packed_and_moved_on(folder: Path) -> None:
    """packed-refs holds an old value, of a commit that is gone."""
    git(folder, "commit", "--allow-empty", "-qm", "gone")
    git(folder, "pack-refs", "--all")
    git(folder, "reset", "-q", "--hard", "HEAD~")
    git(folder, "-c", "gc.reflogExpire=now", "reflog", "expire", "--expire=now", "--all")
    (folder / ".git" / "ORIG_HEAD").unlink()
    git(folder, "prune", "--expire=now")


def _detached(folder: Path) -> None:
    git(folder, "checkout", "-q", "HEAD~2")
    git(folder, "branch", "side")


def _stashed(folder: Path) -> None:
    (folder / "manifest.json").write_text('{"slots": []}')
    git(folder, "stash", "-q")


def _remote(folder: Path) -> None:
    git(folder, "update-ref", "refs/remotes/origin/main", "HEAD")
    git(folder, "symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/main")


def _unchecked_index(folder: Path) -> None:
    """As `index.skipHash` makes it."""
    index = folder / ".git" / "index"
    index.write_bytes(index.read_bytes()[:-20] + bytes(20))


def _no_index(folder: Path) -> None:
    (folder / ".git" / "index").unlink()


def _index_of_version_4(folder: Path) -> None:
    git(folder, "update-index", "--index-version", "4")


def _shallow(folder: Path) -> None:
    shutil.move(folder / ".git", folder / "whole")
    git(folder, "clone", "-q", "--bare", "--depth", "2", f"file://{folder}/whole", ".git")
    shutil.rmtree(folder / "whole")
    git(folder, "config", "core.bare", "false")
    git(folder, "reset", "-q")


def _leftover(folder: Path) -> None:
    """An unreachable object that a power cut emptied."""
    path = folder / ".git" / "objects" / "00" / ("1" * 38)
    path.parent.mkdir(exist_ok=True)
    path.touch()


@pytest.mark.parametrize(
    "change",
    [
        _packed,
        _packed_and_moved_on,
        _detached,
        _stashed,
        _remote,
        _unchecked_index,
        _no_index,
        _index_of_version_4,
        _shallow,
        _leftover,
    ],
)
def test_what_git_users_do_is_no_damage(home: Home, change: Callable[[Path], None]) -> None:
    change(home.folder)
    assert home.findings() == {}


def test_edits_during_the_look_are_no_damage(home: Home) -> None:
    edited: list[object] = []

    def edit(done: int, total: int) -> None:
        if not edited:
            edited.append(home.service.pools.remove(ONE, 1))
            edited.append(home.service.versions.snapshot(ONE))

    assert Verify(home.service.library).check(ONE, edit) == []
    assert edited


def test_a_mark_that_is_taken_away_meanwhile_is_no_damage(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tag's object goes with the mark, after its name was read."""
    marked = next(s["id"] for s in home.history() if s["locked"])

    def unlock(inspection: Inspection) -> None:
        home.service.versions.lock(ONE, marked, False, "")

    monkeypatch.setattr(Inspection, "_check_packs", unlock)
    assert Verify(home.service.library).check(ONE) == []
    assert not any(s["locked"] for s in home.history())


# Verify: damage. Each function does it, and says what must be found.

Found = dict[str, str]


def _path(folder: Path, object_id: str) -> Path:
    return folder / ".git" / "objects" / object_id[:2] / object_id[2:]


def _object(folder: Path, object_id: str) -> Path:
    path = _path(folder, object_id)
    path.chmod(0o644)
    return path


def _of(folder: Path, what: str) -> str:
    return git(folder, "rev-parse", what)


def _flip(path: Path, place: int) -> None:
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.chmod(0o644)
    path.write_bytes(data)


def flip_a_byte_of_a_blob(folder: Path) -> Found:
    blob = _of(folder, "HEAD:img_0002.png")
    _flip(_object(folder, blob), 500)
    return {blob: "damaged"}


def flip_a_byte_and_mend_the_checksum(folder: Path) -> Found:
    """Only hashing finds it: the object inflates well."""
    blob = _of(folder, "HEAD:img_0002.png")
    path = _object(folder, blob)
    data = bytearray(zlib.decompress(path.read_bytes()))
    data[500] ^= 1
    path.write_bytes(zlib.compress(bytes(data), 0))
    return {blob: "damaged"}


def truncate_a_blob(folder: Path) -> Found:
    blob = _of(folder, "HEAD:img_0001.png")
    path = _object(folder, blob)
    os.truncate(path, path.stat().st_size // 2)
    return {blob: "damaged"}


def empty_a_blob(folder: Path) -> Found:
    blob = _of(folder, "HEAD:img_0001.mask.png")
    _object(folder, blob).write_bytes(b"")
    return {blob: "damaged"}


def delete_a_blob_of_long_ago(folder: Path) -> Found:
    """The image isn't in the pool any more."""
    blob = _of(folder, "HEAD~2:img_0003.png")
    _object(folder, blob).unlink()
    return {blob: "missing"}


def garble_a_snapshot(folder: Path) -> Found:
    commit = _of(folder, "HEAD~1")
    _object(folder, commit).write_bytes(b"\0" * 100)
    return {commit: "damaged"}


def delete_the_newest_snapshot(folder: Path) -> Found:
    commit = _of(folder, "HEAD")
    _object(folder, commit).unlink()
    return {commit: "missing"}


def delete_a_tree(folder: Path) -> Found:
    tree = _of(folder, "HEAD~1^{tree}")
    _object(folder, tree).unlink()
    return {tree: "missing"}


def delete_a_mark(folder: Path) -> Found:
    tag = git(folder, "for-each-ref", "refs/tags", "--format=%(objectname)")
    _object(folder, tag).unlink()
    return {tag: "missing"}


def zero_head(folder: Path) -> Found:
    (folder / ".git" / "HEAD").write_bytes(bytes(30))
    return {".git/HEAD": "damaged"}


def delete_head(folder: Path) -> Found:
    (folder / ".git" / "HEAD").unlink()
    return {".git/HEAD": "missing"}


def zero_the_branch(folder: Path) -> Found:
    (folder / ".git" / "refs" / "heads" / NAME).write_bytes(bytes(41))
    return {f".git/refs/heads/{NAME}": "damaged"}


def delete_the_branch(folder: Path) -> Found:
    (folder / ".git" / "refs" / "heads" / NAME).unlink()
    return {f".git/refs/heads/{NAME}": "missing"}


def lose_the_branch_and_a_blob(folder: Path) -> Found:
    """Without the branch nothing leads to the blob but some snapshot that is still stored."""
    git(folder, "tag", "-d", git(folder, "tag"))
    return delete_a_blob_of_long_ago(folder) | delete_the_branch(folder)


def garble_a_packed_branch(folder: Path) -> Found:
    """The packed value still is a snapshot's, whose history must be looked at."""
    git(folder, "pack-refs", "--all")
    found = delete_the_newest_snapshot(folder)
    (folder / ".git" / "refs" / "heads" / NAME).write_text("x")
    return {f".git/refs/heads/{NAME}": "damaged"} | found


def garble_a_tag(folder: Path) -> Found:
    tag = next((folder / ".git" / "refs" / "tags").iterdir())
    tag.write_text("nothing\n")
    return {f".git/refs/tags/{tag.name}": "damaged"}


def let_a_tag_name_nothing(folder: Path) -> Found:
    (folder / ".git" / "refs" / "tags" / "v1").write_text("12" * 20 + "\n")
    return {"12" * 20: "missing"}


def garble_packed_refs(folder: Path) -> Found:
    git(folder, "pack-refs", "--all")
    path = folder / ".git" / "packed-refs"
    path.write_bytes(path.read_bytes() + b"\0\0\0\n")
    return {".git/packed-refs": "damaged"}


def garble_the_index(folder: Path) -> Found:
    _flip(folder / ".git" / "index", 40)
    return {".git/index": "damaged"}


def garble_the_config(folder: Path) -> Found:
    (folder / ".git" / "config").write_bytes(bytes(60))
    return {".git/config": "damaged"}


def garble_the_identity(folder: Path) -> Found:
    (folder / ".git" / "gitpool.json").write_bytes(b'{"id": "a1", "na')
    return {".git/gitpool.json": "damaged"}


def garble_the_manifest(folder: Path) -> Found:
    (folder / "manifest.json").write_bytes(b'{"slots": [')
    return {"manifest.json": "damaged"}


def delete_the_manifest(folder: Path) -> Found:
    (folder / "manifest.json").unlink()
    return {"manifest.json": "missing"}


def garble_the_manifest_and_an_image(folder: Path) -> Found:
    (folder / "img_0002.png").write_bytes(b"no image")
    return {"img_0002.png": "damaged"} | garble_the_manifest(folder)


def delete_an_image(folder: Path) -> Found:
    (folder / "img_0001.png").unlink()
    return {"img_0001.png": "missing"}


def delete_a_mask(folder: Path) -> Found:
    (folder / "img_0001.mask.png").unlink()
    return {"img_0001.mask.png": "missing"}


def put_a_link_in_place_of_an_image(folder: Path) -> Found:
    (folder / "img_0001.png").rename(folder.parent / "x.png")
    (folder / "img_0001.png").symlink_to(folder.parent / "x.png")
    return {"img_0001.png": "missing"}


def empty_an_image(folder: Path) -> Found:
    (folder / "img_0001.png").write_bytes(b"")
    return {"img_0001.png": "damaged"}


def put_an_image_too_large_to_decode(folder: Path) -> Found:
    Image.new("1", (12000, 12000)).save(folder / "img_0001.png")
    return {"img_0001.png": "unreadable"}


def let_an_image_rot(folder: Path) -> Found:
    """Its bytes change, and its times don't."""
    path = folder / "img_0001.png"
    index = folder / ".git" / "index"
    known, _ = read_index(index)
    _flip(path, -30)
    os.utime(path, (1_700_000_000, 1_700_000_000))
    write_index(index, {n: (f.blob, os.stat(folder / n)) for n, f in known.items()})
    return {"img_0001.png": "damaged"}


def flip_a_byte_of_a_pack(folder: Path) -> Found:
    git(folder, "gc", "-q")
    pack = next((folder / ".git" / "objects" / "pack").glob("*.pack"))
    blob = _of(folder, "HEAD:img_0002.png")
    listed = git(folder, "verify-pack", "-v", str(pack)).splitlines()
    _flip(pack, int(next(line.split()[4] for line in listed if line.startswith(blob))) + 500)
    return {pack.relative_to(folder).as_posix(): "damaged", blob: "damaged"}


def swap_two_objects_of_a_pack(folder: Path) -> Found:
    """The pack is whole, and so is its index, which says of each that it is the other."""
    git(folder, "gc", "-q")
    one, two = _of(folder, "HEAD:img_0001.png"), _of(folder, "HEAD:img_0002.png")
    index = next((folder / ".git" / "objects" / "pack").glob("*.idx"))
    data = bytearray(index.read_bytes())
    count = int.from_bytes(data[8 + 255 * 4 : 8 + 256 * 4], "big")
    names = 8 + 256 * 4
    ids = [bytes(data[names + 20 * i : names + 20 * i + 20]).hex() for i in range(count)]
    for start in (names + 20 * count, names + 24 * count):
        a, b = start + 4 * ids.index(one), start + 4 * ids.index(two)
        data[a : a + 4], data[b : b + 4] = data[b : b + 4], data[a : a + 4]
    data[-20:] = hashlib.sha1(data[:-20]).digest()
    index.chmod(0o644)
    index.write_bytes(data)
    return {one: "damaged", two: "damaged"}


def delete_a_pack(folder: Path) -> Found:
    git(folder, "gc", "-q")
    pack = next((folder / ".git" / "objects" / "pack").glob("*.pack"))
    pack.unlink()
    tag = git(folder, "rev-parse", "--verify", "-q", git(folder, "tag"), check=False)
    return {_of(folder, "HEAD"): "missing", tag: "missing"}


def empty_a_packs_index(folder: Path) -> Found:
    tip, tag = _of(folder, "HEAD"), _of(folder, git(folder, "tag"))
    git(folder, "gc", "-q")
    index = next((folder / ".git" / "objects" / "pack").glob("*.idx"))
    index.chmod(0o644)
    index.write_bytes(b"")
    return {index.relative_to(folder).as_posix(): "damaged", tip: "missing", tag: "missing"}


def delete_the_history(folder: Path) -> Found:
    shutil.rmtree(folder / ".git")
    return {".git": "missing"}


def put_a_file_in_place_of_the_history(folder: Path) -> Found:
    shutil.rmtree(folder / ".git")
    (folder / ".git").write_text("gitdir: /elsewhere\n")
    return {".git": "damaged"}


def delete_the_folder(folder: Path) -> Found:
    shutil.rmtree(folder)
    return {".": "missing"}


DAMAGE_IN_GIT = [
    flip_a_byte_of_a_blob,
    flip_a_byte_and_mend_the_checksum,
    truncate_a_blob,
    empty_a_blob,
    delete_a_blob_of_long_ago,
    garble_a_snapshot,
    delete_the_newest_snapshot,
    delete_a_tree,
    delete_a_mark,
    zero_head,
    delete_head,
    zero_the_branch,
    garble_a_packed_branch,
    garble_a_tag,
    let_a_tag_name_nothing,
    garble_packed_refs,
    garble_the_index,
    garble_the_config,
    flip_a_byte_of_a_pack,
    swap_two_objects_of_a_pack,
    empty_a_packs_index,
    put_a_file_in_place_of_the_history,
]
OTHER_DAMAGE = [
    delete_a_pack,
    delete_the_branch,
    lose_the_branch_and_a_blob,
    garble_the_identity,
    garble_the_manifest,
    delete_the_manifest,
    garble_the_manifest_and_an_image,
    delete_an_image,
    delete_a_mask,
    put_a_link_in_place_of_an_image,
    empty_an_image,
    put_an_image_too_large_to_decode,
    let_an_image_rot,
    delete_the_history,
    delete_the_folder,
]


@pytest.mark.parametrize("damage", [*DAMAGE_IN_GIT, *OTHER_DAMAGE])
def test_verify_finds(home: Home, damage: Callable[[Path], Found]) -> None:
    wanted = damage(home.folder)
    if damage in DAMAGE_IN_GIT:
        assert git(home.folder, "fsck", "--strict", check=False) != ""
    before = everything(home.pools)
    assert home.findings() == {ONE: wanted}
    assert everything(home.pools) == before
    text = home.run("verify", code=5)
    assert f"{OTHER}: sound" in text
    assert all(re.search(f"{what} +{re.escape(file)} ", text) for file, what in wanted.items())


def test_verify_finds_all_damage_there_is(home: Home) -> None:
    several = (
        flip_a_byte_of_a_blob,
        delete_a_blob_of_long_ago,
        garble_a_tag,
        garble_the_index,
        delete_a_mask,
    )
    wanted: Found = {}
    for damage in several:
        wanted |= damage(home.folder)
    other = home.pools / TWO
    assert home.findings() == {ONE: wanted}
    others = delete_a_mask(other) | zero_head(other)
    assert home.findings() == {ONE: wanted, TWO: others}
    assert home.findings(TWO).keys() == {TWO}


def refuse_to_read(monkeypatch: pytest.MonkeyPatch, refused: set[Path]) -> None:
    """As a disk that fails does."""

    def wrap(function: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(path: Any, *rest: Any, **more: Any) -> Any:
            if not isinstance(path, int) and Path(path) in refused:
                raise OSError(errno.EIO, "Input/output error", str(path))
            return function(path, *rest, **more)

        return wrapped

    monkeypatch.setattr("builtins.open", wrap(open))
    monkeypatch.setattr(io, "open", wrap(io.open))
    # Up to Python 3.10 pathlib has a way of its own.
    if accessor := getattr(pathlib, "_NormalAccessor", None):
        monkeypatch.setattr(accessor, "open", staticmethod(wrap(accessor.open)))


def test_what_the_page_says_mends_the_damage(home: Home, tmp_path: Path) -> None:
    whole = (home.folder / "img_0001.png").read_bytes()
    for damage in (let_an_image_rot, empty_an_image, delete_an_image):
        tip = home.history()[0]["id"]
        damage(home.folder)
        (home.folder / "img_0001.png").unlink(missing_ok=True)
        home.run("restore", ONE, tip, "--image", "img_0001.png")
        assert (home.folder / "img_0001.png").read_bytes() == whole
        assert home.findings() == {}
        judge(home.folder)
    for damage in (zero_head, zero_the_branch, garble_the_index, garble_the_config):
        damage(home.folder)
        home.run("snapshot", ONE)
        assert home.findings() == {}
    bundle = tmp_path / "x.bundle"
    home.run("export", ONE, bundle)
    for damage in (truncate_a_blob, garble_a_snapshot, delete_a_tree, delete_a_mark):
        for object_id in damage(home.folder):
            (_path(home.folder, object_id)).unlink(missing_ok=True)
        git(home.folder, "bundle", "unbundle", str(bundle))
        assert home.findings() == {}
    judge(home.folder)


def test_verify_goes_on_behind_what_the_system_refuses(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    blob, tree = home.blob("img_0002.png"), _of(home.folder, "HEAD~1^{tree}")
    wanted = {
        "manifest.json": "unreadable",
        ".git/index": "unreadable",
        blob: "unreadable",
        tree: "unreadable",
        **delete_a_blob_of_long_ago(home.folder),
    }
    refused = {home.folder / name for name in ("manifest.json", ".git/index")}
    refuse_to_read(monkeypatch, refused | {_object(home.folder, i) for i in (blob, tree)})
    assert home.findings() == {ONE: wanted}


def test_a_garbled_list_of_profiles_hides_no_profile(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = {ONE: delete_a_mask(home.folder), TWO: delete_an_image(home.pools / TWO)}
    path = home.pools / "profiles.json"
    whole = path.read_bytes()
    path.write_bytes(whole[:-9])
    assert home.findings() == {"": {"profiles.json": "damaged"}, **both}
    assert home.findings(TWO) == {"": {"profiles.json": "damaged"}, TWO: both[TWO]}
    path.write_bytes(whole.replace(b'"b2"', b'"../b2"'))
    assert home.findings() == {"": {"profiles.json": "damaged"}, **both}
    path.unlink()
    assert home.findings() == {"": {"profiles.json": "missing"}, **both}
    path.write_bytes(whole)
    refuse_to_read(monkeypatch, {path})
    assert home.findings() == {"": {"profiles.json": "unreadable"}, **both}


def test_verify_of_nothing(home: Home, tmp_path: Path) -> None:
    assert home.ask("verify", "nobody", code=3)["error"]["code"] == "unknown_profile"
    with pytest.raises(errors.NotFound):
        Verify(home.service.library).check("nobody")
    home.pools = tmp_path / "empty"
    home.pools.mkdir()
    assert home.run("verify") == "There is nothing to check.\n"
    assert home.findings() == {}


def test_verify_takes_little_memory_and_tells_how_it_gets_on(home: Home) -> None:
    large = io.BytesIO()
    Image.new("L", (6000, 5000), 50).save(large, "BMP")
    home.add(ONE, large.getvalue())
    home.service.versions.snapshot(ONE)
    size = large.tell()
    del large
    told: list[tuple[int, int]] = []
    tracemalloc.start()
    try:
        assert Verify(home.service.library).check(ONE, lambda *now: told.append(now)) == []
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < size / 3
    assert told == sorted(told)
    assert told[-1][0] == told[-1][1] > 2 * size
    assert {total for _, total in told} == {told[-1][1]}
    steps = [after[0] - before[0] for before, after in itertools.pairwise(told)]
    assert max(steps) <= size


# Errors, codes and words.


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (errors.GitPoolError, 1),
        (errors.Malformed, 2),
        (errors.Foreign, 1),
        (errors.NotFound, 3),
        (errors.Conflict, 4),
        (errors.TooLarge, 1),
        (errors.NotAnImage, 1),
        (errors.Unacceptable, 1),
        (errors.DiskFailed, 1),
        (errors.Damaged, 1),
        (errors.RemoteFailed, 6),
    ],
)
def test_each_error_has_its_code(
    home: Home, monkeypatch: pytest.MonkeyPatch, kind: type[errors.GitPoolError], code: int
) -> None:
    def fail(*_: object) -> NoReturn:
        raise kind("some_code", "A sentence.", "A hint.")

    assert exit_code(kind("", "")) == code
    monkeypatch.setattr(Versions, "snapshot", fail)
    body = {"code": "some_code", "message": "A sentence.", "hint": "A hint."}
    assert home.ask("snapshot", ONE, code=code) == {"error": body}
    assert home.run("snapshot", ONE, code=code) == "gitpool: A sentence.\n         A hint.\n"


def test_no_traceback_when_the_disk_fails(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    error = OSError(errno.ENOSPC, "No space left on device", "/pools/x")

    def fail(*_: object) -> NoReturn:
        raise error

    monkeypatch.setattr(Versions, "snapshot", fail)
    assert home.ask("snapshot", ONE, code=1)["error"]["code"] == "disk_full"
    assert "/pools/x: No space left on device.\n" in home.run("snapshot", ONE, code=1)
    error = PermissionError(errno.EACCES, "Permission denied", "/pools/x")
    assert home.ask("snapshot", ONE, code=1)["error"]["code"] == "disk_failed"


def test_damage_in_the_way_is_told(home: Home) -> None:
    commit = home.history()[1]["id"]
    _object(home.folder, commit).write_bytes(b"\0" * 100)
    assert home.ask("log", ONE, code=1)["error"]["code"] == "damaged"


def test_a_pool_in_use_is_a_conflict(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locks, "_PATIENCE", 0.05)
    with Library(home.pools, time.time).locks.hold(ONE):
        assert home.ask("snapshot", ONE, code=4)["error"]["code"] == "busy"
        assert home.findings() == {}


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["nonsense"],
        ["log"],
        ["log", "x"],
        ["log", "x", "y", "z"],
        ["log", "x", "y", "--limit", "0"],
        ["log", "x", "y", "--limit", "ten"],
        ["log", "x", "y", "--lim", "2"],
        ["verify", "x", "--jso"],
        ["verify", "x", "y", "--jso", "z"],
        ["export", "x", "y", "z", "--format", "tar"],
        ["demo", "--port", "99999"],
    ],
)
def test_wrong_usage(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert re.match(r"gitpool: [A-Z].*\n +usage: gitpool", said.err)
    assert "_" not in said.err
    if "demo" not in arguments:
        assert main([*arguments, "--json"]) == 2
        assert json.loads(capsys.readouterr().out)["error"]["code"] == "bad_usage"


def test_options_may_stand_anywhere(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", "--json", str(home.pools), ONE]) == 0
    first = json.loads(capsys.readouterr().out)
    assert main(["verify", str(home.pools), "--json", ONE]) == 0
    assert json.loads(capsys.readouterr().out) == first
    assert [p["id"] for p in first["profiles"]] == [ONE]


def test_help_and_version(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["--help"], ["--version"], ["verify", "--help"]):
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        assert ended.value.code == 0
    assert "gitpool 0." in capsys.readouterr().out


def test_the_demo_starts_as_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[Any] = []
    monkeypatch.setattr(
        "gitpool.demo.program.start",
        lambda *given, **named: started.append((given, named)) or 0,  # type: ignore[func-returns-value]
    )
    assert main(["demo"]) == 0
    assert main(["demo", "x", "--port", "0", "--empty", "--frontend", "y"]) == 0
    assert started == [
        ((None, 8189, None), {"sample": True}),
        ((Path("x"), 0, Path("y")), {"sample": False}),
    ]


def test_the_page_names_every_command_and_code() -> None:
    page = (ROOT / "docs" / "command-line.md").read_text("utf-8")
    for word in ("list", "log", "snapshot", "restore", "export", "import", "verify", "storage"):
        assert f"\n## {word}\n" in page
        assert re.search(rf"^gitpool {word} ", page, re.MULTILINE)
    for code in (0, 1, 2, 3, 4, 5, 6, 130):
        assert f"| {code} |" in page


# The terminal and the processes around.


def test_ctrl_c_ends_cleanly(home: Home, tmp_path: Path) -> None:
    """It comes while an export waits for whoever reads its pipe."""
    home.add(ONE, picture(5, (400, 400)))
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for option in ([], ["--json"]):
        process = python("export", str(home.pools), ONE, str(pipe), *option)
        with open(pipe, "rb") as file:
            assert file.read(2) == b"PK"
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=300)
        assert process.returncode == 130
        if option:
            assert json.loads(out)["error"]["code"] == "stopped"
            assert err == ""
        else:
            assert (out, err) == ("", "gitpool: Stopped.\n")
    judge(home.folder, clean=False)


def test_a_reader_that_has_enough_is_no_error(home: Home) -> None:
    process = python("log", str(home.pools), ONE)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    assert process.stderr.read() == ""
    assert process.wait(300) == 1


def test_a_terminal_without_the_letters(home: Home) -> None:
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    process = python("list", str(home.pools), env=environment)
    out, err = process.communicate(timeout=300)
    assert (process.returncode, err) == (0, "")
    assert "Gr??e ?/x" in out


def test_a_server_needs_neither_aiohttp_nor_for_most_pillow(home: Home) -> None:
    code = (
        "import sys\nfor name in ('aiohttp', 'PIL', 'numpy', 'torch'): sys.modules[name] = None\n"
        "from gitpool.cli import main\n"
        "folder, out = sys.argv[1:]\n"
        "for words in (['list'], ['log', 'a1'], ['storage'], ['export', 'a1', out]):\n"
        "    assert main([words[0], folder, *words[1:]]) == 0\n"
        "for words in (['verify'], ['snapshot', 'a1'], ['import', out]):\n"
        "    assert main([words[0], folder, *words[1:]]) == 1\n"
    )
    command = [sys.executable, "-c", code, str(home.pools), str(home.comfy / "x.zip")]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=300)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("needs Pillow") == 3


class Terminal(io.StringIO):
    encoding = "ascii"  # type: ignore[assignment]

    def isatty(self) -> bool:
        return True


def test_a_bar_on_a_terminal_only(
    home: Home, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("gitpool.cli.progress._EVERY", 0.0)
    monkeypatch.setattr("gitpool.cli.transfer._LOOK_EVERY", 0.001)
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    out = str(tmp_path / "x.zip")
    for words in (["verify"], ["export", TWO, out], ["import", out]):
        terminal.truncate(0)
        terminal.seek(0)
        assert main([words[0], str(home.pools), *words[1:], "--json"]) == 0
        shown = terminal.getvalue()
        assert re.search(r"\r\w+ing \S.* \[#*\.*\] +\d+%", shown), words
        last = shown.split("\r")[-2]
        assert last == " " * len(last)
        assert shown.endswith("\r")
        json.loads(capsys.readouterr().out)


def test_a_bar_fits_its_line(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("COLUMNS", "60")
    with Progress("x" * 200) as progress:
        progress(1, 2)
        progress(2, 2)  # too soon to be shown
    shown = terminal.getvalue().split("\r")
    assert shown[1].endswith(f"[{'#' * 12}{'.' * 12}]  50%")
    assert len(shown[1]) == 59
    assert len(shown) == 4


def test_columns_fit_wide_letters() -> None:
    rows = [["図図", "1"], ["a", "20"], ["e\u0301", "3"]]
    assert table(rows, [1]) == "図図   1\na     20\ne\u0301      3"


def test_a_finding_as_json() -> None:
    finding = Finding("x", "missing", "It is gone.")
    assert finding.as_json() == {"file": "x", "what": "missing", "message": "It is gone."}


def test_sizes_and_times_of_any_number() -> None:
    sizes = {0: "0 B", 999: "999 B", 1000: "1.0 kB", 2_500_000: "2.5 MB", 10**15: "1000.0 TB"}
    assert {count: size(count) for count in sizes} == sizes
    assert moment(10**30) == moment(-(10**30)) == ""
