"""Every way in which git writes its index: what it names is known, and a clean-up leaves it."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from pathlib import Path

import pytest
from support import Server, git, judge, picture

from gitpool.errors import Damaged
from gitpool.git import indexed
from gitpool.git.repository import Repository

EMPTY = "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"
FORMATS = {
    "2": ["index.version=2"],
    "4": ["index.version=4"],
    "split": ["core.splitIndex=true", "splitIndex.maxPercentChange=100"],
    "split 4": ["core.splitIndex=true", "splitIndex.maxPercentChange=100", "index.version=4"],
}
LONG = "a/" + "long-" * 40 + "name"


@pytest.fixture(scope="module", params=FORMATS.values(), ids=list(FORMATS))
def template(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tree")
    git(folder, "init", "-q")
    for setting in request.param:
        git(folder, "config", *setting.split("="))
    # Of the name before, "s/z" does without 128 bytes: in version 4 that number holds a zero.
    for name in ("one", f"{LONG}-1", f"{LONG}-2", "a/b/deep", f"s/{'y' * 128}", "s/z", "z/last"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    (folder / "link").symlink_to("one")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "first")
    assert is_split(folder) == ("core.splitIndex=true" in request.param)
    return folder


@pytest.fixture
def tree(template: Path, tmp_path: Path) -> Path:
    """A work tree of a git user's, with an index in one of the formats."""
    return shutil.copytree(template, tmp_path / "tree", symlinks=True)


def found(folder: Path) -> set[str]:
    return indexed.objects(Repository(folder))


def files(folder: Path) -> set[str]:
    """The ids that C git finds in the index."""
    return {line.split()[1] for line in git(folder, "ls-files", "-s").splitlines()}


def folders(folder: Path, *names: str) -> set[str]:
    """The lists of files of the newest commit: of all folders, or of these."""
    if names:
        return {git(folder, "rev-parse", f"HEAD:{name}") for name in names}
    listed = git(folder, "ls-tree", "-r", "-t", "HEAD").splitlines()
    return folders(folder, "") | {line.split()[2] for line in listed if " tree " in line}


def is_split(folder: Path) -> bool:
    return any((folder / ".git").glob("sharedindex.*"))


def test_files_and_the_lists_kept_ready_are_named(tree: Path) -> None:
    assert found(tree) == files(tree) | folders(tree)


def test_a_list_that_is_no_longer_true_names_nothing(tree: Path) -> None:
    before = files(tree)
    (tree / "a/b/deep").write_text("another")
    git(tree, "add", "a/b/deep")
    # Whatever of the old state git still has in a shared file may count as named too.
    old = before | folders(tree) if is_split(tree) else set()
    assert found(tree) - old == (files(tree) | folders(tree, "s", "z")) - old
    assert git(tree, "hash-object", "a/b/deep") in found(tree)
    assert git(tree, "rev-parse", "HEAD:z") in found(tree)


def test_entries_with_more_flags_are_followed_by_the_next(tree: Path) -> None:
    (tree / "b").write_text("to be added")
    git(tree, "add", "--intent-to-add", "b")
    git(tree, "update-index", "--skip-worktree", f"{LONG}-1", "one")
    (tree / "one-more").write_text("after those")
    git(tree, "add", "one-more")
    assert files(tree) >= {EMPTY, git(tree, "hash-object", "one-more")}
    assert found(tree) >= files(tree)


def test_an_entry_in_place_of_a_shared_one_is_named(tree: Path) -> None:
    """A split index replaces it without saying its name again."""
    (tree / "one").write_text("replaced")
    git(tree, "add", "one")
    git(tree, "rm", "-q", "--cached", "z/last")
    assert files(tree) <= found(tree)
    assert git(tree, "hash-object", "one") in found(tree)


def test_submodules_and_programs_are_named(tree: Path) -> None:
    elsewhere = "1" * 40
    git(tree, "update-index", "--add", "--cacheinfo", f"160000,{elsewhere},module")
    git(tree, "update-index", "--chmod=+x", "one")
    assert found(tree) >= files(tree) > {elsewhere}


@pytest.mark.parametrize("theirs", ["theirs", None], ids=["edited", "deleted"])
def test_all_sides_of_a_conflict_are_named_and_stay_so_once_it_is_resolved(
    tree: Path, theirs: str | None
) -> None:
    git(tree, "checkout", "-q", "-b", "side")
    for name in ("one", "z/last"):
        if theirs:
            (tree / name).write_text(theirs)
        else:
            (tree / name).unlink()
    git(tree, "commit", "-q", "-a", "-m", "side")
    git(tree, "checkout", "-q", "-")
    for name in ("one", "z/last"):
        (tree / name).write_text(f"ours of {name}")
    git(tree, "commit", "-q", "-a", "-m", "ours")
    assert "CONFLICT" in git(tree, "merge", "side", check=False)
    sides = {line.split()[1] for line in git(tree, "ls-files", "-u").splitlines()}
    assert len(sides) == (5 if theirs else 4)
    assert found(tree) >= sides
    for name in ("one", "z/last"):
        (tree / name).write_text("both")
    git(tree, "add", "one", "z/last")
    assert git(tree, "ls-files", "-u") == ""
    told = git(tree, "ls-files", "--resolve-undo").splitlines()
    assert {line.split()[1] for line in told} == sides
    assert found(tree) >= sides | files(tree)
    assert {len(name) for name in found(tree)} == {40}


def test_each_work_tree_has_its_own_index(tree: Path) -> None:
    other = tree.parent / "other"
    git(tree, "worktree", "add", "-q", "--detach", str(other))
    (other / "one").write_text("only there")
    git(other, "add", "one")
    assert git(other, "hash-object", "one") in found(tree)
    assert found(tree) >= files(tree) | files(other)


def test_an_index_without_a_checksum_is_read(tree: Path) -> None:
    git(tree, "-c", "index.skipHash=true", "update-index", "--force-write-index")
    index = tree / ".git" / "index"
    index.write_bytes(index.read_bytes()[:-20] + bytes(20))  # git as old as 2.39 writes one
    assert found(tree) >= files(tree)


def test_an_index_that_isnt_sound_is_no_index(tree: Path) -> None:
    """Nobody may take it for one that names little."""
    index = tree / ".git" / "index"
    whole = index.read_bytes()
    data = whole[:-20]
    for spoilt in (
        b"",
        whole[:-7],
        whole[:50] + bytes([whole[50] ^ 1]) + whole[51:],
        signed(data[:7] + b"\x09" + data[8:]),
        signed(data[:8] + b"\x00\x00\xff\xff" + data[12:]),
        signed(data + b"TREE"),
    ):
        index.write_bytes(spoilt)
        with pytest.raises(Damaged):
            found(tree)


def signed(data: bytes) -> bytes:
    return data + hashlib.sha1(data).digest()


def test_no_index_names_nothing_nor_does_a_shared_one_that_is_gone(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    assert found(tmp_path) == set()
    (tmp_path / ".git" / f"sharedindex.{'1' * 40}").symlink_to("gone")
    assert found(tmp_path) == set()


@pytest.mark.parametrize("version", ["2", "4"])
def test_a_clean_up_leaves_what_a_resolved_conflict_came_from(server: Server, version: str) -> None:
    profile = server.create("Heroes")
    folder = server.pools / profile
    for seed in range(4):
        server.add(profile, picture(seed))
    server.snapshot(profile, auto=True)
    blobs = [git(folder, "rev-parse", f"HEAD:img_000{n}.png") for n in (1, 2, 3)]
    for _ in range(3):
        server.post("/grid_pool/remove", pool_id=profile, index=0)
    server.snapshot(profile, auto=True)
    git(folder, "update-index", "--index-version", version)
    git(folder, "config", "index.version", version)
    gone = f"0 {'0' * 40} 0\timg_0004.png\n"
    sides = "".join(f"100644 {b} {n}\timg_0004.png\n" for n, b in enumerate(blobs, 1))
    subprocess.run(
        ["git", "update-index", "--index-info"],
        cwd=folder,
        input=(gone + sides).encode(),
        check=True,
    )
    git(folder, "add", "img_0004.png")
    assert len(git(folder, "ls-files", "--resolve-undo").splitlines()) == 3
    keep = {"all": 0, "hourly": 0, "daily": 0, "weekly": 0}
    answer = server.post("/grid_pool/profiles/compact", id=profile, keep=keep, dry_run=False)
    assert answer.status == 200, answer.body
    assert answer.json["dropped"] > 0
    assert {git(folder, "cat-file", "-t", blob) for blob in blobs} == {"blob"}
    assert git(folder, "fsck", "--strict", "--no-dangling") == ""


@pytest.mark.parametrize("settings", [*FORMATS.values(), ["of no version that we know"]])
def test_a_profile_works_on_whatever_index_a_git_user_left(
    server: Server, settings: list[str]
) -> None:
    profile = server.create("Heroes")
    folder = server.pools / profile
    for seed in range(2):
        server.add(profile, picture(seed))
    server.snapshot(profile)
    index = folder / ".git" / "index"
    if len(settings) == 1 and "=" not in settings[0]:
        data = index.read_bytes()[:-20]
        index.write_bytes(signed(data[:7] + b"\x09" + data[8:]))
    else:
        for setting in settings:
            git(folder, "config", *setting.split("="))
        git(folder, "update-index", "--force-write-index")
    (folder / "img_0001.png").write_bytes(picture(7))
    (folder / "cat.png").write_bytes(picture(8))
    server.snapshot(profile)
    assert [slot["image"] for slot in server.list(profile)["slots"]] == [
        *("img_0001.png", "img_0002.png", "img_0003.png")
    ]
    assert git(folder, "rev-parse", "HEAD:img_0001.png") == git(
        folder, "hash-object", "img_0001.png"
    )
    judge(folder)
