"""Clean-ups: fewer automatic snapshots, their bytes freed, nothing else lost."""

from __future__ import annotations

import math
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from machines import ROUTE, Machine
from support import Server, git, judge, picture, tree_of

from gitpool.git.thinning import Keep, thin

NOTHING = {"all": 0, "hourly": 0, "daily": 0, "weekly": 0}


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    monkeypatch.setenv("GITPOOL_SNAPSHOT_DELAY", "3600")
    with Machine(tmp_path) as running:
        yield running


def auto(server: Server, profile: str) -> str | None:
    """An automatic snapshot, as after a pause; gives its id."""
    made = server.snapshot(profile, auto=True)
    return made and made["id"]


def compact(server: Server, profile: str, **fields: Any) -> Any:
    fields = {"keep": NOTHING, "dry_run": False, **fields}
    answer = server.post(ROUTE + "compact", id=profile, **fields)
    assert answer.status == 200, answer.body
    return answer.json


def edited(server: Machine, name: str = "Heroes") -> tuple[str, list[str]]:
    """A profile with a history of edits: seven images added one by one, three of them deleted.
    Gives its id and its snapshots, oldest first."""
    profile = server.create(name)
    for number in range(7):
        server.add(profile, picture(number, (64, 48)))
        auto(server, profile)
    for _ in range(3):
        server.remove(profile, 1)
        auto(server, profile)
    return profile, [s["id"] for s in reversed(server.history(profile, limit=100))]


def stored(folder: Path) -> set[str]:
    """Every object that C git finds."""
    lines = git(folder, "cat-file", "--batch-all-objects", "--batch-check").splitlines()
    return {line.split()[0] for line in lines}


def blob_of(data: bytes, folder: Path) -> str:
    done = subprocess.run(
        ["git", "hash-object", "--stdin"], input=data, cwd=folder, capture_output=True, check=True
    )
    return done.stdout.decode().strip()


def test_deleted_images_free_their_bytes(server: Machine) -> None:
    profile, before = edited(server)
    folder = server.pools / profile
    deleted = [blob_of(picture(number, (64, 48)), folder) for number in (1, 2, 3)]
    assert set(deleted) <= stored(folder)
    shown = server.list(profile)
    would = compact(server, profile, dry_run=True)
    assert [s["id"] for s in reversed(server.history(profile, limit=100))] == before
    size = server.get(ROUTE + "storage", id=profile).json["history"]
    done = compact(server, profile)
    assert done == would
    assert done["dropped"] == len(before) - 1
    assert done["kept"] == 1
    assert not set(deleted) & stored(folder)
    left = server.get(ROUTE + "storage", id=profile).json["history"]
    assert abs((size - left) - done["freed"]) < 2000
    assert server.list(profile) == shown
    assert git(folder, "rev-list", "--all", "--count") == "1"
    judge(folder)


def test_named_and_locked_snapshots_stay_with_all_they_hold(server: Machine) -> None:
    profile, before = edited(server)
    folder = server.pools / profile
    server.post(ROUTE + "lock", id=profile, snapshot=before[3], locked=True, note="the good one")
    server.post(ROUTE + "lock", id=profile, snapshot=before[5], locked=False, message="Named")
    server.add(profile, picture(77))
    server.snapshot(profile, message="By hand")
    trees = {c: git(folder, "rev-parse", f"{c}^{{tree}}") for c in before}
    compact(server, profile)
    after = server.history(profile, limit=100)
    assert [s["message"] for s in after] == ["By hand", "Named", after[2]["sentence"]]
    assert [s["locked"] for s in after] == [False, False, True]
    assert after[2]["note"] == "the good one"
    kept = [git(folder, "rev-parse", f"{s['id']}^{{tree}}") for s in after[1:]]
    assert kept == [trees[before[5]], trees[before[3]]]
    assert git(folder, "log", "--format=%H").split() == [s["id"] for s in after]
    assert server.post(ROUTE + "restore", id=profile, snapshot=after[2]["id"]).status == 200
    assert server.images(profile) == [picture(n, (64, 48)) for n in range(3)]
    judge(folder)


def test_what_other_branches_logs_and_the_index_hold_stays(server: Machine) -> None:
    profile, before = edited(server)
    folder = server.pools / profile
    git(folder, "branch", "mine", before[4])
    git(folder, "tag", "v1", before[6])
    reached = set(git(folder, "rev-list", "--objects", "--no-object-names", "mine").split())
    # The tag names a snapshot and so keeps it, but not the way to it.
    reached |= set(git(folder, "ls-tree", "--format=%(objectname)", "v1").split())
    compact(server, profile)
    assert reached <= stored(folder)
    assert before[5] not in stored(folder)
    assert set(git(folder, "rev-list", "mine").split()) == set(before[:5])
    judge(folder)


def test_packs_caches_and_logs_of_git_are_followed(server: Machine) -> None:
    profile, _ = edited(server)
    folder = server.pools / profile
    git(folder, "commit", "--allow-empty", "-m", "by a user")
    git(folder, "gc")
    git(folder, "commit-graph", "write", "--reachable")
    git(folder, "multi-pack-index", "write")
    dead = blob_of(picture(2, (64, 48)), folder)
    auto(server, profile)
    done = compact(server, profile)
    assert done["freed"] > 3 * 9000
    assert dead not in stored(folder)
    judge(folder)
    git(folder, "reflog")
    server.add(profile, picture(50))
    auto(server, profile)
    judge(folder)
    clone = folder.parent / "clone"
    git(folder.parent, "clone", "-q", str(folder), str(clone))
    assert git(clone, "fsck", "--strict") == ""


def test_a_duplicate_keeps_what_the_other_lets_go_of(server: Machine) -> None:
    profile, before = edited(server)
    copy = server.post(ROUTE + "duplicate", id=profile, name="Copy").json["id"]
    assert compact(server, profile, dry_run=True)["freed"] < 3 * 9000
    compact(server, profile)
    judge(server.pools / copy)
    server.post(ROUTE + "restore", id=copy, snapshot=before[7])
    assert server.images(copy) == [picture(n, (64, 48)) for n in range(7)]


def test_an_image_added_again_stays(server: Machine) -> None:
    profile, _ = edited(server)
    server.add(profile, picture(2, (64, 48)))
    compact(server, profile)
    auto(server, profile)
    compact(server, profile)
    judge(server.pools / profile)
    assert server.images(profile)[-1] == picture(2, (64, 48))


@pytest.fixture
def two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Machine, Machine, Path]]:
    """Two machines and a bare folder that both sync with."""
    monkeypatch.setenv("GITPOOL_ALLOW_REMOTES", "file")
    monkeypatch.setenv("GITPOOL_SNAPSHOT_DELAY", "3600")
    remote = tmp_path / "remote.git"
    git(tmp_path, "init", "-q", "--bare", str(remote))
    with Machine(tmp_path / "one") as one, Machine(tmp_path / "two") as other:
        for machine in (one, other):
            machine.connect(remote.as_uri())
        yield one, other, remote


def test_what_was_synced_goes_without_changing_an_id(two: tuple[Machine, Machine, Path]) -> None:
    one, _, remote = two
    profile, before = edited(one)
    folder = one.pools / profile
    one.post(ROUTE + "lock", id=profile, snapshot=before[4], locked=True)
    one.sync(profile)
    one.add(profile, picture(60))
    unsynced = auto(one, profile)
    done = compact(one, profile)
    assert done["dropped"] == len(before) - 2
    left = [s["id"] for s in one.history(profile, limit=100)]
    assert left == [unsynced, before[-1], before[4]]
    assert blob_of(picture(6, (64, 48)), folder) in stored(folder)
    assert blob_of(picture(3, (64, 48)), folder) in stored(folder)
    assert before[8] not in stored(folder)
    judge(folder)
    assert one.sync(profile)["status"] == "pushed"
    assert set(before) <= set(git(remote, "rev-list", "--all").split())
    assert git(remote, "fsck", "--strict") == ""
    again = compact(one, profile)
    assert again["dropped"] == 1
    judge(folder)
    clone = folder.parent / "clone"
    git(folder.parent, "clone", "-q", "--no-local", str(folder), str(clone))
    assert git(clone, "fsck", "--strict") == ""


def test_what_others_bring_back_comes_again(two: tuple[Machine, Machine, Path]) -> None:
    one, other, _ = two
    profile, before = edited(one)
    one.sync(profile)
    other.fetch("Heroes")
    # The other machine edits on top of what this one cleans up, and restores an old picture.
    other.post(ROUTE + "restore", id=profile, snapshot=before[7])
    one.label(profile, 0, "mine")
    one.sync(profile)
    compact(one, profile)
    judge(one.pools / profile)
    other.sync(profile)
    assert one.sync(profile)["status"] in ("pulled", "merged")
    judge(one.pools / profile)
    assert one.images(profile) == other.images(profile)
    assert len(one.images(profile)) == 7
    assert one.labels(profile)[0] == "mine"


def test_a_cut_history_is_whole_again_in_copies(two: tuple[Machine, Machine, Path]) -> None:
    one, _, remote = two
    profile, before = edited(one)
    one.post(ROUTE + "lock", id=profile, snapshot=before[4], locked=False, message="Good")
    one.sync(profile)
    compact(one, profile)
    shown = one.images(profile)
    copy = one.post(ROUTE + "duplicate", id=profile, name="Copy").json["id"]
    bundle = one.get(ROUTE + "export", id=profile, format="bundle").body
    imported = one.send_form(ROUTE + "import", {"file": ("a.bundle", bundle)}).json["id"]
    for made in (copy, imported):
        folder = one.pools / made
        assert git(folder, "rev-parse", "--is-shallow-repository") == "false"
        judge(folder)
        assert one.images(made) == shown
        assert "Good" in [s["message"] for s in one.history(made)]
    one.sync(copy)
    assert git(remote, "fsck", "--strict") == ""
    old = one.post(ROUTE + "branch_off", id=profile, snapshot=before[4], name="Old").json["id"]
    judge(one.pools / old)
    assert len(one.images(old)) == 4
    # A new place to sync with has none of what is gone.
    fresh = remote.with_name("fresh.git")
    git(remote.parent, "init", "-q", "--bare", str(fresh))
    one.connect(fresh.as_uri())
    assert one.failed_sync(profile)["code"] == "history_cleaned"
    assert git(fresh, "for-each-ref") == ""
    judge(one.pools / profile)


def test_it_goes_on_in_the_background(server: Machine) -> None:
    profile, _ = edited(server)
    fields = {"id": profile, "keep": NOTHING, "dry_run": False, "background": True}
    answer = server.post(ROUTE + "compact", **fields)
    assert answer.status == 202
    job = server.ended(answer.json["job"])
    assert job["state"] == "done"
    assert job["result"]["kept"] == 1
    judge(server.pools / profile)


@pytest.mark.parametrize(
    "keep",
    [1, [], "all", {"all": "1"}, {"all": -1}, {"all": True}, {"other": 1}, {"all": 1e9}, {"x": {}}],
    ids=repr,
)
def test_a_malformed_policy_changes_nothing(server: Machine, keep: Any) -> None:
    profile, _ = edited(server)
    before = tree_of(server.pools)
    answer = server.post(ROUTE + "compact", id=profile, keep=keep, dry_run=False)
    assert (answer.status, answer.code) == (400, "bad_keep")
    assert server.post(ROUTE + "compact", id=profile, dry_run=1).status == 400
    assert server.post(ROUTE + "compact", id="0" * 32, dry_run=False).status == 404
    would = server.post(ROUTE + "compact", id=profile, keep=NOTHING, dry_run=True)
    assert would.status == 200
    assert server.get(ROUTE + "storage", id=profile).status == 200
    assert tree_of(server.pools) == before


TIMES = st.lists(st.integers(0, 200 * 86_400), max_size=60, unique=True)


@given(ages=TIMES)
def test_thinning_keeps_one_of_each_span(ages: list[int]) -> None:
    now, day = 1_700_000_000, 86_400
    keep = Keep(1, 7, 30, 90)
    kept = thin([(str(age), now - age) for age in ages], keep, now, 3600)
    spans: dict[tuple[str, int], list[int]] = {}
    for age in ages:
        local = now - age + 3600
        if age < day:
            spans["all", age] = [age]
        elif age < 7 * day:
            spans.setdefault(("hour", local // 3600), []).append(age)
        elif age < 30 * day:
            spans.setdefault(("day", local // day), []).append(age)
        elif age < 90 * day:
            week = time.gmtime(local - time.gmtime(local).tm_wday * day)
            spans.setdefault(("week", week.tm_year * 1000 + week.tm_yday), []).append(age)
    assert kept == {str(min(span)) for span in spans.values()}
    assert thin([(str(a), now - a) for a in ages], Keep(0, 0, 0, math.inf), now, 0) >= set(
        map(str, ages[:1] if len(ages) == 1 else [])
    )


CRASH = """
import os, signal, sys
from gitpool.pool import durable
from gitpool.git import sweep, unfinished, objects
from gitpool.service import Service
from gitpool.profiles.cleanups import keep_of
from pathlib import Path

at, base, user, profile = int(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), sys.argv[4]
seen = 0

def bomb(function):
    def wrapped(*args, **kwargs):
        global seen
        seen += 1
        if seen == at:
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*args, **kwargs)
    return wrapped

service = Service(base, user, lambda: 2_000_000_000, delay=3600)
with service.library.open_profile(profile):
    pass
os.replace, os.unlink, os.fsync = bomb(os.replace), bomb(os.unlink), bomb(os.fsync)
service.cleanups.compact(profile, keep_of({"all": 0, "hourly": 0, "daily": 0, "weekly": 0}))
print("done", seen)
"""


@pytest.mark.parametrize("kind", ["loose", "packed", "synced"])
def test_killed_at_any_moment_nothing_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setenv("GITPOOL_ALLOW_REMOTES", "file")
    monkeypatch.setenv("GITPOOL_SNAPSHOT_DELAY", "3600")
    made = tmp_path / "made"
    with Machine(made) as machine:
        profile, before = edited(machine)
        machine.post(ROUTE + "lock", id=profile, snapshot=before[4], locked=True, message="Keep")
        if kind == "synced":
            git(tmp_path, "init", "-q", "--bare", str(tmp_path / "remote.git"))
            machine.connect((tmp_path / "remote.git").as_uri())
            machine.sync(profile)
        shown, images = machine.list(profile), machine.images(profile)
        kept = [picture(n, (64, 48)) for n in range(4)]
    if kind == "packed":
        git(made / "input/grid_pool" / profile, "gc", "-q")
    at, step, finished = 1, 7, False
    while not finished:
        place = tmp_path / f"crash{at}"
        subprocess.run(["cp", "-a", str(made), str(place)], check=True)
        folders = [str(place / "input/grid_pool"), str(place / "user/__gitpool")]
        done = subprocess.run(
            [sys.executable, "-c", CRASH, str(at), *folders, profile],
            capture_output=True,
            timeout=300,
            check=False,
        )
        finished = done.stdout.startswith(b"done")
        assert finished or done.returncode == -9, done.stderr
        with Machine(place) as machine:
            folder = machine.pools / profile
            machine.label(profile, 0, "after")
            auto(machine, profile)
            judge(folder)
            assert machine.images(profile) == images
            names = [s["image"] for s in machine.list(profile)["slots"]]
            assert names == [s["image"] for s in shown["slots"]]
            listed = machine.history(profile, limit=100)
            assert [s["message"] for s in listed].count("Keep") == 1
            assert len(listed) in (3, len(before) + 1)
            named = next(s["id"] for s in listed if s["message"] == "Keep")
            assert machine.post(ROUTE + "restore", id=profile, snapshot=named).status == 200
            assert machine.images(profile) == kept
            judge(folder)
            assert not list(folder.glob(".git/gitpool-cleanup"))
        at += step
    assert at > 5 * step
