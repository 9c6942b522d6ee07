"""Refs change under git's own locks: beside another git, and on a disk that is slow to answer."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from machines import Machine
from remotes.folder import bare_git, bare_repo
from support import _GIT_ENVIRONMENT, Server, git, judge
from test_git_users import P, age, filled, operate

ROUNDS = 12


@contextmanager
def packing(folder: Path) -> Iterator[None]:
    """A plain `git pack-refs --all` over and over, which a git's own gc does."""
    over = threading.Event()

    def pack() -> None:
        while not over.is_set():
            # It gives way where we hold a lock.
            subprocess.run(
                ["git", "pack-refs", "--all"],
                cwd=folder,
                env=_GIT_ENVIRONMENT,
                capture_output=True,
                timeout=60,
                check=False,
            )

    thread = threading.Thread(target=pack)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def mark(server: Server, profile: str, snapshot: str, locked: bool) -> None:
    """Lock or unlock, again where the other git was in the way."""
    for _ in range(50):
        answer = server.post(P + "lock", id=profile, snapshot=snapshot, locked=locked)
        if answer.status == 200:
            return
        assert answer.code in ("busy", "history_moved"), answer.body
    raise AssertionError("the other git never gave way")


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Locks that nobody gives back aren't waited for."""
    monkeypatch.setattr("gitpool.git.refs._PATIENCE", 0.05)
    monkeypatch.setattr("gitpool.profiles.sync._LONGEST_PAUSE", 0.05)
    monkeypatch.setattr("gitpool.profiles.sync._FIRST_PAUSE", 0.05)


def crowd(folder: Path, count: int = 4000) -> None:
    """Many refs of a git user's, so that writing them takes a while."""
    head = git(folder, "rev-parse", "HEAD^{commit}")
    lines = "".join(f"create refs/notes/mine/{n:05} {head}\n" for n in range(count))
    subprocess.run(
        ["git", "update-ref", "--stdin"],
        cwd=folder,
        env=_GIT_ENVIRONMENT,
        input=lines.encode(),
        timeout=120,
        check=True,
    )
    git(folder, "pack-refs", "--all")


def test_names_and_locks_outlive_another_gits_pack_refs(server: Server) -> None:
    folder = filled(server)
    crowd(folder)
    for number in range(6):
        operate(server, folder, f"label {number}")
    ids = [snapshot["id"] for snapshot in server.history(folder.name)]
    locked: set[str] = set()
    with packing(folder):
        for number in range(ROUNDS * len(ids)):
            snapshot = ids[number % len(ids)]
            wanted = snapshot not in locked
            mark(server, folder.name, snapshot, wanted)
            locked = locked | {snapshot} if wanted else locked - {snapshot}
            said = git(folder, "for-each-ref", "--format=%(objectname)", "refs/tags")
            assert len(said.split()) == len(locked)
    seen = {s["id"] for s in server.history(folder.name) if s["locked"]}
    assert seen == locked
    judge(folder)


def test_a_remotes_refs_outlive_another_gits_pack_refs(
    machines: Callable[[str], Machine], tmp_path: Path
) -> None:
    remote = bare_repo(tmp_path / "remote.git")
    one = machines("one")
    one.connect(str(remote))
    others = [one.filled(f"Other {number}") for number in range(3)]
    for profile in others:
        one.sync(profile)
    profile = one.filled("Name 0")
    one.sync(profile)
    snapshot = one.history(profile)[0]["id"]
    with packing(remote):
        for number in range(1, ROUNDS):
            one.post(P + "rename", id=profile, name=f"Name {number}")
            one.post(P + "lock", id=profile, snapshot=snapshot, locked=number % 2 == 1)
            one.sync(profile)
    branches = bare_git(remote, "for-each-ref", "--format=%(refname:short)", "refs/heads")
    wanted = {"Other%200", "Other%201", "Other%202", f"Name%20{ROUNDS - 1}"}
    assert set(branches.split()) == wanted
    tags = bare_git(remote, "for-each-ref", "--format=%(refname:short)", "refs/tags")
    assert tags == f"snapshot-{snapshot[:12]}"


@pytest.mark.parametrize("lock", ["HEAD", "packed-refs", "refs/heads/x"])
@pytest.mark.usefixtures("impatient")
def test_another_gits_lock_of_a_minute_ago_is_its_own(server: Server, lock: str) -> None:
    """It may lie on a file server that answers slowly."""
    folder = filled(server)
    path = folder / ".git" / f"{lock}.lock"
    path.write_bytes(b"")
    age(path, 60)
    server.post("/grid_pool/label", pool_id=folder.name, index=0, label="waits")
    server.post(P + "snapshot", id=folder.name)
    assert path.exists()
    age(path, 7200)
    operate(server, folder)
    assert not path.exists()
    judge(folder)


@pytest.mark.usefixtures("impatient")
def test_a_lock_is_as_old_as_its_own_disk_says(server: Server) -> None:
    """A file server's clock may be ahead of this machine's."""
    folder = filled(server)
    path = folder / ".git" / "refs" / "heads" / "x.lock"
    path.write_bytes(b"")
    age(path, -30)
    server.post("/grid_pool/label", pool_id=folder.name, index=0, label="waits")
    assert server.post(P + "snapshot", id=folder.name).code == "busy"
    assert path.exists()
    path.unlink()
    operate(server, folder)
    judge(folder)


@pytest.mark.usefixtures("impatient")
def test_a_remotes_lock_is_another_machines_while_that_may_live(
    machines: Callable[[str], Machine], tmp_path: Path
) -> None:
    remote = bare_repo(tmp_path / "remote.git")
    one = machines("one")
    one.connect(str(remote))
    profile = one.filled("Heroes")
    lock = remote / "refs" / "heads" / "Heroes.lock"
    for content in (b"", b"gitpool\n"):
        lock.write_bytes(content)
        age(lock, 60)
        assert one.failed_sync(profile)["code"] == "remote_moved"
        assert lock.read_bytes() == content
    age(lock, 7200)
    assert one.sync(profile)["status"] == "pushed"
    assert not lock.exists()


def test_a_branch_goes_where_git_left_an_empty_folder(server: Server) -> None:
    folder = filled(server)
    (folder / ".git" / "refs" / "heads" / "New" / "below").mkdir(parents=True)
    assert server.post(P + "rename", id=folder.name, name="New").status == 200
    assert git(folder, "symbolic-ref", "--short", "HEAD") == "New"
    judge(folder)


@pytest.mark.usefixtures("impatient")
def test_a_snapshot_that_another_git_was_in_the_way_of_is_taken_later(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gitpool.profiles.autosnapshots.RETRY", 0.1)
    folder = filled(server)
    lock = folder / ".git" / "refs" / "heads" / "x.lock"
    lock.write_bytes(b"")
    server.post("/grid_pool/label", pool_id=folder.name, index=0, label="waits")
    before = git(folder, "rev-parse", "HEAD")
    snapshots = server.service.autosnapshots
    snapshots.flush()
    assert git(folder, "rev-parse", "HEAD") == before
    lock.unlink()
    deadline = time.monotonic() + 60
    while git(folder, "rev-parse", "HEAD") == before and time.monotonic() < deadline:
        time.sleep(0.05)
    assert git(folder, "show", "HEAD:manifest.json").count("waits") == 1
