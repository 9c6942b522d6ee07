"""Clean-ups where a git user, rot, a full disk or another program comes in the way."""

from __future__ import annotations

import contextlib
import errno
import os
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support import git, judge, picture

from gitpool.errors import Conflict, GitPoolError
from gitpool.git.repository import Repository
from gitpool.git.thinning import Keep
from gitpool.profiles.jobs import Job
from gitpool.service import Service

NOTHING = Keep(0, 0, 0, 0)
ID = "p"


class Machine:
    """A machine with one profile, which syncs with a folder."""

    def __init__(self, folder: Path, name: str = "one") -> None:
        self.folder, self.remote, self.clock = folder, folder / "remote.git", 1_700_000_000
        if not self.remote.exists():
            git(folder, "init", "-q", "--bare", str(self.remote))
        home, allowed = folder / name, {"GITPOOL_ALLOW_REMOTES": "file"}
        self.home = home
        self.service = Service(
            home / "pools", home / "user", self.now, delay=3600, environment=allowed
        )
        self.service.remotes.change(None, {"url": str(self.remote)})
        self.pool = self.service.library.path_of(ID)

    def now(self) -> float:
        return self.clock

    def add(self, seed: int, size: tuple[int, int] = (24, 16)) -> None:
        staged = self.folder / f"staged{seed}"
        staged.write_bytes(picture(seed, size))
        self.service.pools.add(ID, staged, 0)

    def auto(self) -> str:
        self.clock += 10
        self.service.versions.take(ID)
        return git(self.pool, "rev-parse", "HEAD")

    def edited(self) -> list[str]:
        """Seven images added one by one, three of them removed; the snapshots, oldest first."""
        self.service.profiles.create(ID, "Heroes")
        made = [git(self.pool, "rev-parse", "HEAD")]
        for number in range(7):
            self.add(number)
            made.append(self.auto())
        for _ in range(3):
            self.service.pools.remove(ID, 1)
            made.append(self.auto())
        return made

    def sync(self) -> Any:
        return self.service.sync.sync(ID, Job(uuid.uuid4().hex, ID, "lane", lambda _: None))

    def compact(self, keep: Keep = NOTHING) -> Any:
        return self.service.cleanups.compact(ID, keep)

    def lock(self, snapshot: str, name: str | None = None) -> None:
        self.service.versions.lock(ID, snapshot, True, name)

    def history(self, profile: str = ID) -> list[dict[str, Any]]:
        return self.service.versions.history(profile, limit=500)["snapshots"]

    def images(self) -> list[bytes]:
        slots = self.service.pools.list(ID)["slots"]
        return [(self.pool / slot["image"]).read_bytes() for slot in slots]


@pytest.fixture
def one(tmp_path: Path) -> Iterator[Machine]:
    machine = Machine(tmp_path)
    yield machine
    machine.service.stop()


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(p): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def refused(one: Machine) -> GitPoolError:
    """A clean-up that must change nothing, and didn't."""
    before = files_of(one.pool)
    with pytest.raises(GitPoolError) as caught:
        one.compact()
    assert files_of(one.pool) == before
    return caught.value


def reached(folder: Path, *names: str) -> set[str]:
    return set(git(folder, "rev-list", "--objects", "--no-object-names", *names).split())


# What a git user's folder holds.


def test_a_branch_on_the_newest_synced_snapshot_keeps_its_history(one: Machine) -> None:
    before = one.edited()
    one.sync()
    git(one.pool, "branch", "mine")
    assert one.compact()["dropped"] == 0
    assert git(one.pool, "rev-list", "mine").split() == before[::-1]
    git(one.pool, "branch", "-D", "mine")
    assert one.compact()["dropped"] == len(before) - 1
    judge(one.pool)


@pytest.mark.parametrize("inner", [True, False], ids=["both", "only the outer"])
def test_a_tag_on_a_tag_keeps_its_snapshot(one: Machine, inner: bool) -> None:
    before = one.edited()
    git(one.pool, "tag", "-a", "inner", "-m", "x", before[4])
    git(one.pool, "tag", "-a", "outer", "-m", "y", "inner")
    if not inner:
        git(one.pool, "tag", "-d", "inner")
    needed = reached(one.pool, "outer")
    one.compact()
    assert reached(one.pool, "outer") == needed
    judge(one.pool)


def test_tags_on_files_keep_them_and_are_in_no_bundles_way(one: Machine) -> None:
    before = one.edited()
    git(one.pool, "tag", "light", f"{before[7]}:img_0002.png")
    git(one.pool, "tag", "-a", "list", "-m", "x", f"{before[6]}^{{tree}}")
    shown = subprocess.run(
        ["git", "cat-file", "blob", "light"], cwd=one.pool, capture_output=True, check=True
    ).stdout
    needed = reached(one.pool, "list")
    assert one.compact()["dropped"] == len(before) - 1
    assert shown == picture(1)
    assert git(one.pool, "cat-file", "-t", "light") == "blob"
    assert reached(one.pool, "list") == needed
    judge(one.pool)
    bundle = one.folder / "a.bundle"
    bundle.write_bytes(b"".join(one.service.exchange.export_bundle(ID)[1]))
    git(one.folder, "clone", "-q", str(bundle), "cloned")


def test_other_work_trees_keep_what_they_stand_on_and_hold(one: Machine) -> None:
    before = one.edited()
    tree = one.folder / "tree"
    git(one.pool, "worktree", "add", "-q", "--detach", str(tree), before[5])
    (tree / "img_0001.png").write_bytes(picture(50))
    git(tree, "commit", "-qam", "there")
    git(tree, "reset", "-q", "--hard", before[3])
    git(tree, "read-tree", before[7])
    one.compact()
    assert len(git(tree, "rev-list", "HEAD").split()) == 4
    assert git(tree, "log", "-g", "--format=%s").count("there") == 1
    assert reached(one.pool, "HEAD") <= reached(one.pool, "--all", "--reflog")
    git(tree, "checkout-index", "-f", "-a")
    assert (tree / "img_0002.png").read_bytes() == picture(1)
    # Older gits don't count what another work tree's index keeps ready as named.
    said = git(one.pool, "fsck", "--strict").splitlines()
    assert all(line.startswith("dangling tree") for line in said)
    assert git(one.pool, "status", "--porcelain") == ""


@pytest.mark.parametrize("setting", ["", "index.version=4", "core.splitIndex=true"])
def test_what_the_index_holds_stays_however_it_is_written(one: Machine, setting: str) -> None:
    before = one.edited()
    blob = git(one.pool, "rev-parse", f"{before[7]}:img_0002.png")
    settings = ["-c", setting] if setting else []
    git(one.pool, *settings, "read-tree", before[7])
    git(one.pool, *settings, "update-index", "--cacheinfo", f"100755,{blob},img_0002.png")
    git(one.pool, *settings, "write-tree")
    git(one.pool, *settings, "update-index", "--force-write-index")
    needed = {line.split()[1] for line in git(one.pool, "ls-files", "-s").splitlines()}
    one.compact()
    for name in needed:
        assert git(one.pool, "cat-file", "-t", name) == "blob"
    assert git(one.pool, "fsck", "--strict") == ""


def test_both_sides_of_a_conflict_stay(one: Machine) -> None:
    before = one.edited()
    blobs = [git(one.pool, "rev-parse", f"{before[7]}:img_000{n}.png") for n in (2, 3, 4)]
    lines = "".join(f"100644 {b} {n}\timg_0001.png\n" for n, b in enumerate(blobs, 1))
    gone = f"0 {'0' * 40} 0\timg_0001.png\n"
    subprocess.run(
        ["git", "update-index", "--index-info"],
        cwd=one.pool,
        input=(gone + lines).encode(),
        check=True,
    )
    one.compact()
    assert {git(one.pool, "cat-file", "-t", blob) for blob in blobs} == {"blob"}
    assert git(one.pool, "fsck", "--strict") == ""


def test_an_index_that_cant_be_read_stops_it(one: Machine) -> None:
    one.edited()
    (one.pool / ".git/index").write_bytes(b"DIRC" + bytes(40))
    assert refused(one).code == "damaged"
    one.add(60)
    one.auto()
    one.compact()
    judge(one.pool)


def test_a_pack_that_is_to_be_kept_is_kept_with_its_snapshots(one: Machine) -> None:
    one.edited()
    git(one.pool, "gc", "-q")
    for pack in one.pool.glob(".git/objects/pack/*.pack"):
        pack.with_suffix(".keep").touch()
    for seed in (60, 61):
        one.add(seed)
        one.auto()
    would = one.service.cleanups.would_free(ID, NOTHING)
    assert would == one.compact()
    assert would["dropped"] == 1
    judge(one.pool)


def fetch_in_part(one: Machine) -> None:
    """As a git user does: the last two of somebody's four commits, as the branch `theirs`."""
    other = one.folder / "other"
    git(one.folder, "init", "-q", str(other))
    for number in range(4):
        git(other, "commit", "-q", "--allow-empty", "-m", str(number))
    git(one.pool, "fetch", "-q", "--depth", "2", other.as_uri(), "HEAD:refs/heads/theirs")


def test_what_a_git_user_fetched_in_part_stays_so(one: Machine) -> None:
    one.edited()
    one.sync()
    fetch_in_part(one)
    assert one.compact()["dropped"] == 10
    judge(one.pool)
    one.add(60)
    one.sync()
    assert git(one.pool, "rev-list", "--count", "theirs") == "2"
    judge(one.pool)


@pytest.mark.parametrize("cleaned", [False, True])
def test_what_a_git_user_has_in_part_and_merged_is_never_sent_torn(
    one: Machine, cleaned: bool
) -> None:
    one.edited()
    one.sync()
    fetch_in_part(one)
    merge = ("merge", "-q", "--allow-unrelated-histories", "-s", "ours", "-m", "both", "theirs")
    git(one.pool, *merge)
    if cleaned:
        one.compact()
    with pytest.raises(Conflict) as caught:
        one.sync()
    assert caught.value.code == "history_cleaned"
    assert git(one.remote, "fsck", "--strict") == ""
    judge(one.pool)


def test_a_snapshot_kept_in_a_piece_goes_with_what_is_below_it(one: Machine) -> None:
    before = one.edited()
    one.lock(before[2])
    one.sync()
    one.compact()
    one.service.versions.lock(ID, before[2], False)
    one.compact()
    assert [s["id"] for s in one.history()] == [before[-1]]
    assert one.service.cleanups.would_free(ID, NOTHING)["dropped"] == 0
    judge(one.pool)


def test_a_stash_made_after_a_kill_is_no_leftover(one: Machine) -> None:
    one.edited()
    (one.pool / ".git/gitpool-writing").write_bytes(b"")
    for seed in (50, 51):
        (one.pool / "img_0001.png").write_bytes(picture(seed))
        git(one.pool, "stash")
    one.add(60)
    one.auto()
    assert git(one.pool, "cat-file", "-t", "stash@{1}") == "commit"
    judge(one.pool)


def test_replaced_and_noted_snapshots_and_links_elsewhere(one: Machine) -> None:
    before = one.edited()
    link = f"160000,{'a' * 40},sub"
    git(one.pool, "update-index", "--add", "--cacheinfo", link)
    git(one.pool, "commit", "-q", "-m", "a link")
    git(one.pool, "replace", "--graft", before[6], before[2])
    git(one.pool, "update-ref", "refs/original/refs/heads/x", before[3])
    git(one.pool, "update-ref", "refs/bisect/bad", before[4])
    git(one.pool, "notes", "add", "-m", "n", before[5])
    one.add(60)
    one.auto()
    assert one.compact()["dropped"] > 0
    judge(one.pool)


# Marks and copies.


def test_marks_on_the_first_snapshots_go_along_with_copies(one: Machine) -> None:
    before = one.edited()
    one.lock(before[0], "Root")
    one.lock(before[1], "Early")
    one.lock(before[5], "Later")
    one.sync()
    one.compact()
    one.service.profiles.duplicate(ID, "q", "Copy")
    bundle = one.folder / "a.bundle"
    bundle.write_bytes(b"".join(one.service.exchange.export_bundle(ID)[1]))
    one.service.exchange.import_file(bundle, "r")
    for copy in ("q", "r"):
        locked = [s["message"] for s in one.history(copy) if s["locked"]]
        assert locked == ["Later", "Early", "Root"]
        judge(one.service.library.path_of(copy))


def test_what_goes_on_from_an_old_synced_snapshot_can_be_synced_after_a_clean_up(
    one: Machine,
) -> None:
    before = one.edited()
    one.sync()
    tree = git(one.pool, "rev-parse", f"{before[5]}^{{tree}}")
    side = git(one.pool, "commit-tree", tree, "-p", before[3], "-m", "beside")
    git(one.pool, "merge", "-q", "-s", "ours", "-m", "both", side)
    assert one.compact()["dropped"] == len(before) - 2
    judge(one.pool)
    assert one.sync()["status"] == "pushed"
    assert git(one.remote, "fsck", "--strict") == ""
    judge(one.pool)


def test_an_amended_synced_snapshot_is_synced_after_a_clean_up(one: Machine) -> None:
    before = one.edited()
    one.sync()
    git(one.pool, "commit", "-q", "--amend", "-m", "by a user")
    one.compact()
    assert one.sync()["status"] == "merged"
    assert set(before) <= set(git(one.remote, "rev-list", "--all").split())
    judge(one.pool)


def test_the_history_is_shown_anew_after_a_clean_up(one: Machine) -> None:
    before = one.edited()
    one.lock(before[4], "Keep")
    one.sync()
    assert len(one.history()) == len(before)
    one.compact()
    assert [s["id"] for s in one.history()] == [before[-1], before[4]]
    assert [s["parents"] for s in one.history()] == [[], []]
    with pytest.raises(GitPoolError):
        one.lock(before[6], "gone")


def test_what_a_lost_note_of_the_sync_said_isnt_guessed(one: Machine) -> None:
    before = one.edited()
    one.lock(before[4], "Keep")
    one.sync()
    one.compact()
    for seed in (60, 61, 62):
        one.add(seed)
        one.auto()
    (one.pool / ".git/gitpool-remote.json").write_bytes(b"{")
    assert one.compact()["dropped"] == 0
    assert "Keep" in [s["message"] for s in one.history()]
    judge(one.pool)


# Rot, and a disk that fails.


def loose(one: Machine, name: str) -> Path:
    return one.pool / ".git/objects" / name[:2] / name[2:]


@pytest.mark.parametrize("synced", [False, True])
@pytest.mark.parametrize("what", ["lost snapshot", "garbled snapshot", "lost list"])
def test_where_a_part_of_the_history_is_lost_nothing_goes(
    one: Machine, what: str, synced: bool
) -> None:
    before = one.edited()
    if synced:
        one.sync()
    one.lock(before[3], "Keep")
    name = before[3] + "^{tree}" if what == "lost list" else before[4]
    lost = loose(one, git(one.pool, "rev-parse", name))
    kept = lost.read_bytes()
    lost.chmod(0o644)
    lost.unlink()
    if what == "garbled snapshot":
        lost.write_bytes(b"garbage")
    assert refused(one).code == "damaged"
    # It is found again, in a copy say, and all is as it was.
    lost.write_bytes(kept)
    judge(one.pool)
    assert one.compact()["dropped"] > 0
    judge(one.pool)


def test_a_lost_picture_of_a_snapshot_that_goes_anyway(one: Machine) -> None:
    before = one.edited()
    loose(one, git(one.pool, "rev-parse", f"{before[7]}:img_0003.png")).unlink()
    assert one.compact()["dropped"] == len(before) - 1
    judge(one.pool)


def test_a_rotten_picture_in_a_pack_stops_it_and_nothing_else(one: Machine) -> None:
    one.edited()
    git(one.pool, "gc", "-q")
    blob = git(one.pool, "rev-parse", "HEAD:img_0001.png")
    index = next(one.pool.glob(".git/objects/pack/*.idx"))
    line = next(s for s in git(one.pool, "verify-pack", "-v", str(index)).splitlines() if blob in s)
    pack, data = index.with_suffix(".pack"), bytearray(index.with_suffix(".pack").read_bytes())
    data[int(line.split()[4]) + 60] ^= 0xFF
    pack.chmod(0o644)
    pack.write_bytes(data)
    assert refused(one).code == "damaged"
    one.add(60)
    one.auto()
    assert len(one.history()) == 12


FAILING = """
import errno, os, sys
from pathlib import Path
from gitpool.git.thinning import Keep
from gitpool.service import Service

home, at, number = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
service = Service(home / "pools", home / "user", lambda: 1_800_000_000, delay=3600)
with service.library.open_profile("p"):
    pass
seen = 0

def failing(function):
    def wrapped(*args, **kwargs):
        global seen
        seen += 1
        # Once the disk is full, or gone, it stays so.
        if seen >= at:
            raise OSError(number, os.strerror(number))
        return function(*args, **kwargs)
    return wrapped

names = ("replace", "fsync", "link") if number == errno.ENOSPC else ("replace", "fsync", "unlink")
for name in names:
    setattr(os, name, failing(getattr(os, name)))
try:
    service.cleanups.compact("p", Keep(0, 0, 0, 0))
except OSError as error:
    assert error.errno == number
    print("failed", seen)
else:
    print("done", seen)
"""


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO], ids=["full", "broken"])
@pytest.mark.parametrize("kind", ["loose", "packed", "synced"])
def test_a_disk_that_fails_at_any_moment_leaves_old_or_new(
    one: Machine, kind: str, number: int
) -> None:
    before = one.edited()
    one.lock(before[4], "Keep")
    if kind == "synced":
        one.sync()
    if kind == "packed":
        git(one.pool, "gc", "-q")
    shown, at, said = one.images(), 1, ""
    while not said.startswith("done"):
        place = one.folder / f"failed{at}"
        place.mkdir()
        subprocess.run(["cp", "-a", str(one.home), str(place / "one")], check=True)
        done = subprocess.run(
            [sys.executable, "-c", FAILING, str(place / "one"), str(at), str(number)],
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
            env={**os.environ, "GITPOOL_ALLOW_REMOTES": "file"},
        )
        said = done.stdout
        assert done.returncode == 0, done.stderr
        after = Machine(place)
        after.clock += 1000
        after.add(60)
        after.auto()
        judge(after.pool)
        assert after.images()[:-1] == shown
        listed = after.history()
        assert len(listed) in (3, len(before) + 1)
        named = next(s["id"] for s in listed if s["message"] == "Keep")
        after.service.versions.restore(ID, named)
        assert after.images() == [picture(seed) for seed in range(4)]
        assert not list(after.pool.rglob(".git/objects/pack/tmp_*"))
        after.service.stop()
        at += 6 if at > 3 else 1
    assert at > 9


def test_bytes_that_cant_be_freed_now_stop_nobody_and_are_freed_later(
    one: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    one.edited()
    unlink = Path.unlink

    def denied(self: Path, missing_ok: bool = False) -> None:
        if len(self.name) == 38 and self.exists():
            raise PermissionError(errno.EACCES, "not now")
        unlink(self, missing_ok)

    monkeypatch.setattr(Path, "unlink", denied)
    with pytest.raises(PermissionError):
        one.compact()
    one.add(60)
    newest = one.auto()
    one.lock(newest, "After")
    assert len(one.history()) == 2
    with pytest.raises(PermissionError):
        one.sync()  # half of what goes must not pass for being here
    monkeypatch.setattr(Path, "unlink", unlink)
    # The tip that the clean-up made is gone by now; it has happened all the same.
    git(one.pool, "commit", "-q", "--amend", "-m", "by a user")
    one.add(61)
    one.auto()
    said = [s["message"] for s in one.history()]
    assert said == ["Add 1 image", "by a user", "Remove 1 image"]
    assert not (one.pool / ".git/gitpool-cleanup").exists()
    judge(one.pool)


# Others at the same time.


def test_a_sync_that_was_killed_has_brought_what_a_clean_up_leaves(
    one: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def killed(_: Repository) -> None:
        raise Killed

    before = one.edited()
    one.sync()
    two = Machine(one.folder, "two")
    job = Job(uuid.uuid4().hex, ID, "lane", lambda _: None)
    two.service.arrivals.get("Heroes", uuid.uuid4().hex, job)
    two.service.versions.restore(ID, before[7])
    two.sync()
    with monkeypatch.context() as patch:
        patch.setattr(Repository, "lift_shallow", killed)
        with pytest.raises(Killed):
            one.sync()
    one.compact()
    assert one.sync()["status"] == "pulled"
    assert one.images() == two.images()
    assert len(one.images()) == 7
    judge(one.pool)
    two.service.stop()


class Meanwhile(Job):
    """A sync during which something else is done: before the network is asked, or after it."""

    def __init__(self, at: int, after: bool, do: Callable[[], Any]) -> None:
        super().__init__(uuid.uuid4().hex, ID, "lane", lambda _: None)
        self._at, self._after, self._do = at, after, do

    def outside(self, function: Callable[[], Any]) -> Any:
        self._at -= 1
        if self._at == 0 and not self._after:
            self._do()
        result = super().outside(function)
        if self._at == 0 and self._after:
            self._do()
        return result


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("at", [1, 2, 3], ids=["open", "fetch", "push"])
@pytest.mark.parametrize("synced", [False, True], ids=["first", "again"])
def test_a_clean_up_of_another_program_during_a_sync(
    one: Machine, synced: bool, at: int, after: bool
) -> None:
    before = one.edited()
    one.lock(before[4], "Keep")
    two = None
    if synced:
        one.sync()
        two = Machine(one.folder, "two")
        job = Job(uuid.uuid4().hex, ID, "lane", lambda _: None)
        two.service.arrivals.get("Heroes", uuid.uuid4().hex, job)
        two.service.versions.restore(ID, before[7])
        two.sync()
        one.service.pools.label(ID, 0, "mine")
    other = Machine(one.folder, "one")
    shown = one.images()
    job = Meanwhile(at, after, other.compact)
    with contextlib.suppress(GitPoolError):
        one.service.sync.sync(ID, job)
    one.auto()
    judge(one.pool)
    assert "error" not in git(one.remote, "fsck", "--strict")
    assert "Keep" in [s["message"] for s in one.history()]
    if two:
        one.sync()
        two.sync()
        assert one.images() == two.images()
        assert len(one.images()) == 7
        judge(one.pool)
        judge(two.pool)
        two.service.stop()
    else:
        assert one.images() == shown
    other.service.stop()


@pytest.mark.parametrize("synced", [False, True])
def test_two_clean_ups_at_once_are_one_after_the_other(one: Machine, synced: bool) -> None:
    before = one.edited()
    one.lock(before[4], "Keep")
    if synced:
        one.sync()
    script = """
import sys
from pathlib import Path
from gitpool.errors import Conflict, Damaged, NotFound
from gitpool.git.thinning import Keep
from gitpool.service import Service
home = Path(sys.argv[1])
service = Service(home / "pools", home / "user", lambda: 1_700_100_000, delay=3600)
print("ready", flush=True)
sys.stdin.readline()
try:
    service.cleanups.compact("p", Keep(0, 0, 0, float(sys.argv[2])))
except (Conflict, Damaged, NotFound) as error:
    print(error.code)
"""
    running = [
        subprocess.Popen(
            [sys.executable, "-c", script, str(one.home), days],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for days in ("0", "3", "0")
    ]
    for process in running:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
    threads = [threading.Thread(target=p.communicate, args=("go\n",)) for p in running]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(300)
    assert [p.returncode for p in running] == [0, 0, 0]
    one.clock += 200_000
    one.compact()
    assert [s["message"] for s in one.history()][-1] == "Keep"
    assert len(one.history()) == 2
    judge(one.pool)


def test_a_plan_that_is_overtaken_changes_nothing(one: Machine) -> None:
    from gitpool.git import cleanup

    before = one.edited()
    one.sync()
    with one.service.library.open_profile(ID) as pool:
        first, second = (cleanup.plan(pool.repo, k, one.clock) for k in (NOTHING, NOTHING))
        assert first
        assert second
        git(one.pool, "worktree", "add", "-q", "--detach", str(one.folder / "t"), before[3])
        with pytest.raises(Conflict):
            cleanup.carry_out(pool.repo, first)
        git(one.pool, "worktree", "remove", str(one.folder / "t"))
        cleanup.carry_out(pool.repo, first)
        with pytest.raises(Conflict):
            cleanup.carry_out(pool.repo, second)
    judge(one.pool)


def test_clocks_that_go_backwards_and_snapshots_of_the_future(one: Machine) -> None:
    before = one.edited()
    one.clock -= 10**7
    assert one.compact()["dropped"] == 0
    one.clock += 3 * 10**7
    one.add(60)
    one.auto()
    one.clock -= 2 * 10**7
    one.compact()
    assert len(one.history()) < len(before) + 1
    assert one.images()[-1] == picture(60)
    judge(one.pool)
