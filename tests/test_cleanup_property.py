"""Whatever a person, a git user and a second machine do, a clean-up takes away only what it may.

`GITPOOL_CLEANUP_EXAMPLES` sets how many worlds are tried (30 here); more than that, and C git
looks at every profile after each step.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support import git, judge, mask, picture

from gitpool.errors import Conflict
from gitpool.git.repository import Repository
from gitpool.git.thinning import Keep
from gitpool.pool.content import hash_bytes
from gitpool.profiles.jobs import Job
from gitpool.service import Service

PROFILE = "heroes"
EXAMPLES = int(os.environ.get("GITPOOL_CLEANUP_EXAMPLES", "30"))
OFTEN = EXAMPLES > 30
NOTHING = Keep(0, 0, 0, 0)
POLICIES = [NOTHING, NOTHING, Keep(0, 1, 2, 3), Keep(0, 0, 0, 30), Keep(1 / 24, 0, 0, 0)]
Snapshot = tuple[str, int]


class World:
    """A machine whose profile's folder a git user works in too, and another one beyond a remote."""

    def __init__(self, folder: Path, synced: bool) -> None:
        self.folder, self.remote, self.clock = folder, folder / "remote.git", 1_700_000_000
        self.staged = 0
        git(folder, "init", "-q", "--bare", str(self.remote))
        self.here, self.there = self._machine("here"), self._machine("there")
        self.pool = self.here.library.path_of(PROFILE)
        self.synced = synced
        self.here.profiles.create(PROFILE, "Heroes")
        for number in range(3):
            self.add(self.here, number)
            self.auto()
        if synced:
            self.sync(self.here)
            self.there.arrivals.get("Heroes", uuid.uuid4().hex, self._job())

    def _machine(self, name: str) -> Service:
        home, allowed = self.folder / name, {"GITPOOL_ALLOW_REMOTES": "file"}
        clock = lambda: self.clock  # noqa: E731 - the world's, as it is when asked
        service = Service(home / "pools", home / "user", clock, delay=3600, environment=allowed)
        service.remotes.change(None, {"url": str(self.remote)})
        return service

    def _job(self) -> Job:
        return Job(uuid.uuid4().hex, PROFILE, "lane", lambda _: None)

    def stage(self, data: bytes) -> Path:
        self.staged += 1
        path = self.folder / f"staged{self.staged}"
        path.write_bytes(data)
        return path

    def add(self, service: Service, seed: int) -> None:
        service.pools.add(PROFILE, self.stage(picture(seed % 20, (8, 6))), self.clock * 1000)

    def auto(self) -> None:
        self.here.versions.take(PROFILE)

    def sync(self, service: Service) -> None:
        service.sync.sync(PROFILE, self._job())

    def history(self) -> list[dict[str, Any]]:
        return self.here.versions.history(PROFILE, limit=500)["snapshots"]

    def some(self, place: int) -> str:
        listed = self.history()
        return listed[place % len(listed)]["id"]

    # A person.

    def person(self, what: str, place: int, seed: int, service: Service | None = None) -> None:
        service = service or self.here
        pools, versions = service.pools, service.versions
        slots = pools.list(PROFILE)["slots"]
        index = place % len(slots) if slots else 0
        if what == "add" or not slots:
            self.add(service, seed)
        elif what == "remove":
            pools.remove(PROFILE, index)
        elif what == "label":
            pools.label(PROFILE, index, f"label {seed}")
        elif what == "paint":
            pools.set_mask(PROFILE, index, self.stage(mask((8, 6), left=1 + seed % 7)))
        elif what == "move":
            pools.reorder(PROFILE, list(reversed(range(len(slots)))))
        elif what == "named":
            versions.snapshot(PROFILE, f"Name {seed}")
        elif what == "lock":
            versions.lock(PROFILE, self.some(place), True)
        elif what == "name":
            versions.lock(PROFILE, self.some(place), False, f"Named {seed}", "and a note")
        elif what == "unlock":
            versions.lock(PROFILE, self.some(place), False, "", "")
        elif what == "restore":
            versions.restore(PROFILE, self.some(place))
        elif what == "bring_back":
            self.bring_back(self.some(place))
        elif what == "undo":
            with contextlib.suppress(Conflict):
                pools.undo(PROFILE)
        elif what == "rename":
            service.profiles.rename(PROFILE, f"Heroes {seed}")

    def bring_back(self, snapshot: str) -> None:
        slots = self.here.versions.look(PROFILE, snapshot)["slots"]
        if slots:
            self.here.versions.restore(PROFILE, snapshot, [slots[-1]["image"]])

    # A git user.

    def user(self, what: str, place: int, seed: int) -> None:
        at, said = self.some(place), ("-m", f"by a user {seed}")
        commands: dict[str, list[tuple[str, ...]]] = {
            "commit": [("commit", "-q", "--allow-empty", *said)],
            "amend": [("commit", "-q", "--amend", "--allow-empty", *said)],
            "branch": [("branch", "-f", f"mine{seed % 3}", at)],
            "tag": [("tag", "-f", f"light{seed % 3}", at)],
            "annotate": [("tag", "-f", "-a", f"tag{seed % 3}", *said, at)],
            "nest": [
                ("tag", "-f", "-a", "inner", *said, at),
                ("tag", "-f", "-a", f"outer{seed % 2}", *said, "inner"),
            ],
            "file": [("tag", "-f", f"file{seed % 3}", f"{at}:manifest.json")],
            "notes": [("notes", "add", "-f", *said, at)],
            "detach": [("checkout", "-q", "--detach", at)],
            "worktree": [
                ("worktree", "add", "-q", "--detach", str(self.folder / f"tree{seed % 2}"), at)
            ],
            "index": [("read-tree", at)],
            "gc": [("gc", "-q", "--prune=now")],
            "repack": [("repack", "-adq"), ("commit-graph", "write", "--reachable")],
            "pack_refs": [("pack-refs", "--all")],
        }
        if what == "stash":
            for path in sorted(self.pool.glob("img_*.png"))[:1]:
                path.write_bytes(picture(100 + seed, (8, 6)))
            commands["stash"] = [("stash", "-q")]
        elif what == "merge":
            tree = git(self.pool, "rev-parse", f"{at}^{{tree}}")
            side = git(self.pool, "commit-tree", tree, "-p", at, "-m", f"side {seed}")
            commands["merge"] = [("merge", "-q", "-s", "ours", *said, side)]
        for command in commands[what]:
            # What git refuses in this state of the folder it leaves as it is.
            git(self.pool, *command, check=False)

    # What may not be lost.

    def snapshots(self) -> dict[Snapshot, dict[str, Any]]:
        """The history's snapshots, by what a clean-up never changes: files and time."""
        repo = Repository(self.pool)
        return {(repo.commit(s["id"]).tree.decode(), s["time"]): s for s in self.history()}

    def must_stay(self, found: dict[Snapshot, dict[str, Any]]) -> set[Snapshot]:
        newest = git(self.pool, "rev-parse", "HEAD")
        tracked = git(self.pool, "for-each-ref", "--format=%(objectname)", "refs/remotes/gitpool")
        fresh = set(git(self.pool, "rev-list", "HEAD", "--not", *tracked.split()).split())
        fresh = fresh if tracked else set()
        tags = git(self.pool, "for-each-ref", "--format=%(objectname) %(*objectname)", "refs/tags")
        tagged = set(tags.split())
        return {
            key
            for key, snapshot in found.items()
            if snapshot["kind"] in ("named", "git")
            or snapshot["id"] in fresh | tagged | {newest}
            or snapshot["locked"]
        }

    def held(self) -> str:
        """All that a git user's branches, notes, stash and other work trees reach."""
        names = git(self.pool, "for-each-ref", "--format=%(refname)", "refs").split()
        own = git(self.pool, "symbolic-ref", "HEAD")
        aside = ("refs/gitpool/", "refs/remotes/gitpool/", "refs/tags/snapshot-")
        plain = ("refs/tags/light", "refs/tags/tag", "refs/tags/inner")
        mine = [n for n in names if n != own and not n.startswith((*aside, *plain))]
        trees = [git(t, "rev-parse", "HEAD") for t in sorted(self.folder.glob("tree?"))]
        # What an annotated tag that a git user nested was put on may have got another id.
        listed = git(self.pool, "rev-list", "--objects", "--no-object-names", *mine, *trees)
        return "\n".join(sorted(set(listed.split()))) if mine or trees else ""

    def readable(self, snapshot: str) -> None:
        for slot in self.here.versions.look(PROFILE, snapshot)["slots"]:
            for name, blob in ((slot["image"], "image_id"), (slot["mask"], "mask_id")):
                if name:
                    repo, object_id = self.here.versions.file(PROFILE, snapshot, name)
                    assert object_id == slot[blob]
                    assert hash_bytes(repo.objects.read_raw(object_id)[1]) == object_id

    def clean(self, policy: Keep) -> None:
        self.clock += 3600 * 5
        with self.here.library.open_profile(PROFILE):
            pass
        found, held, shown = self.snapshots(), self.held(), self.here.pools.list(PROFILE)
        stay, lying = self.must_stay(found), self.lying_about()
        would = self.here.cleanups.would_free(PROFILE, policy)
        assert self.here.cleanups.compact(PROFILE, policy) == would
        left = self.snapshots()
        assert stay <= left.keys()
        assert left.keys() <= found.keys()
        assert len(left) + would["dropped"] >= len(found)
        for key in left:
            self.readable(left[key]["id"])
            for field in ("locked", "name", "note", "images"):
                assert left[key][field] == found[key][field]
        assert self.held() == held
        assert self.here.pools.list(PROFILE) == shown
        again = self.here.cleanups.would_free(PROFILE, policy)
        assert (again["dropped"], again["freed"]) == (0, 0)
        assert self.lying_about() <= lying

    def lying_about(self) -> set[str]:
        """What C git finds that nothing names: only a git user leaves such things; else all is
        sound."""
        said = set(git(self.pool, "fsck", "--strict").splitlines())
        assert all(line.startswith("dangling") for line in said), said
        return said

    def judge(self) -> None:
        self.auto()
        self.lying_about()
        assert git(self.pool, "status", "--porcelain") == ""
        # A name that was changed since leaves its old tag there until the host's git tidies up.
        said = git(self.remote, "fsck", "--strict", "--no-dangling")
        assert said == "" or "unborn" in said

    def end(self) -> None:
        """Copies and syncs of what is left work, and hold all of it."""
        self.judge()
        left = self.snapshots()
        self.here.profiles.duplicate(PROFILE, "copy", "Copy")
        copied = {s["id"]: s for s in self.here.versions.history("copy", limit=500)["snapshots"]}
        repo = Repository(self.here.library.path_of("copy"))
        in_copy = {repo.commit(name).tree.decode(): s for name, s in copied.items()}
        for (tree, _), snapshot in left.items():
            assert tree in in_copy, snapshot
        marked = sorted(s["name"] for s in left.values() if s["name"] and s["locked"] is False)
        assert set(marked) <= {s["name"] for s in copied.values()}
        judge(repo.path)
        bundle = self.folder / "whole.bundle"
        bundle.write_bytes(b"".join(self.here.exchange.export_bundle(PROFILE)[1]))
        git(self.folder, "clone", "-q", "--no-local", str(bundle), "bundled")
        git(self.folder, "clone", "-q", "--no-local", str(self.pool), "cloned")
        for name in ("bundled", "cloned"):
            assert git(self.folder / name, "fsck", "--strict") == ""
        if self.synced:
            # Whose a branch is that was renamed, its newest snapshot says: no git user's does.
            self.add(self.here, 5)
            for service in (self.here, self.there, self.here):
                self.sync(service)
            judge(self.there.library.path_of(PROFILE))
            self.judge()
            pools = [service.pools.list(PROFILE)["slots"] for service in (self.here, self.there)]
            assert [s["image"] for s in pools[0]] == [s["image"] for s in pools[1]]
            for snapshot in self.history():
                self.readable(snapshot["id"])


PERSON = "add add remove remove label paint move named lock name unlock restore bring_back undo"
USER = "commit amend branch tag annotate nest file notes detach worktree index gc repack pack_refs"
PLACE = (st.integers(0, 30), st.integers(0, 30))
STEP = st.one_of(
    st.tuples(st.just("person"), st.sampled_from([*PERSON.split(), "rename"]), *PLACE),
    st.tuples(st.just("person"), st.sampled_from(PERSON.split()), *PLACE),
    st.tuples(st.just("user"), st.sampled_from([*USER.split(), "stash", "merge"]), *PLACE),
    st.tuples(st.just("clean"), st.sampled_from(POLICIES), *PLACE),
    st.tuples(st.just("sync"), st.sampled_from(["here", "there", "edit", "clean"]), *PLACE),
)


def _do(world: World, step: tuple[str, Any, int, int]) -> None:
    who, what, place, seed = step
    world.clock += 600
    if who == "person":
        world.person(what, place, seed)
        world.auto()
    elif who == "user":
        world.user(what, place, seed)
    elif who == "clean":
        world.clean(what)
    elif world.synced and what == "edit":
        world.person(("add", "remove", "label")[seed % 3], place, seed, world.there)
    elif world.synced and what == "clean":
        world.there.cleanups.compact(PROFILE, NOTHING)
    elif world.synced:
        world.sync(world.here if what == "here" else world.there)


@contextlib.contextmanager
def _world(synced: bool) -> Iterator[World]:
    folder = Path(tempfile.mkdtemp(prefix="gitpool-cleanup-"))
    world = World(folder, synced)
    try:
        yield world
    finally:
        for service in (world.here, world.there):
            service.stop()
        shutil.rmtree(folder)


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(st.booleans(), st.lists(STEP, min_size=3, max_size=14))
def test_only_what_may_go_goes(synced: bool, steps: list[tuple[str, Any, int, int]]) -> None:
    with _world(synced) as world:
        for step in steps:
            _do(world, step)
            if OFTEN:
                world.judge()
        world.clean(NOTHING)
        world.end()
