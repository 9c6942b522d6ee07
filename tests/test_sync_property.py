"""Any edits on several machines, synced in any order and cut off at any point: nothing is lost.

`GITPOOL_EXAMPLES` sets how many worlds are tried (25 here, 2,000 in the long form).
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import uuid
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support import git, judge, mask, picture

from gitpool.pool.content import hash_file
from gitpool.profiles.jobs import Cancelled, Job
from gitpool.service import Service

PROFILE = "heroes"
EXAMPLES = int(os.environ.get("GITPOOL_EXAMPLES", "25"))


class CutOff(Job):
    """A sync that ends at its n-th step, before it or after it took effect elsewhere."""

    def __init__(self, steps: int | None) -> None:
        super().__init__(uuid.uuid4().hex, PROFILE, "lane", lambda _: None)
        self.left = steps

    def _step(self) -> None:
        if self.left is not None:
            self.left -= 1
            if self.left < 0:
                raise Cancelled

    def report(self, phase: str, done: int = 0, total: int = 0, unit: str = "") -> None:
        self._step()

    def outside(self, function):  # type: ignore[no-untyped-def]
        result = function()
        self._step()
        return result


class World:
    """Machines around one remote, and all that anybody made on them."""

    def __init__(self, folder: Path, machines: int) -> None:
        self.folder = folder
        self.remote = folder / "remote.git"
        self.clock = 1_700_000_000.0
        self.machines = [self._machine(number) for number in range(machines)]
        self.blobs: set[str] = set()
        self.snapshots: set[str] = set()
        self.staged = 0

    def _machine(self, number: int) -> Service:
        home = self.folder / f"machine{number}"
        service = Service(
            home / "grid_pool",
            home / "user",
            lambda: self.clock,
            delay=3600,
            environment={"GITPOOL_ALLOW_REMOTES": "file"},
        )
        service.remotes.change(None, {"url": str(self.remote)})
        return service

    def pool(self, machine: int) -> Path:
        return self.machines[machine].library.path_of(PROFILE)

    def begin(self) -> None:
        """A profile on the first machine, had by all the others."""
        first = self.machines[0]
        first.profiles.create(PROFILE, "Heroes")
        for number in range(2):
            self.add(0, number)
        self.sync(0)
        for service in self.machines[1:]:
            job = CutOff(None)
            service.arrivals.get("Heroes", uuid.uuid4().hex, job)

    def stage(self, data: bytes) -> Path:
        self.staged += 1
        path = self.folder / f"staged{self.staged}"
        path.write_bytes(data)
        self.blobs.add(hash_file(path))
        return path

    def edit(self, machine: int, what: str, place: int, seed: int) -> None:
        """One edit by a person; what has no image to be done to is left out."""
        self.clock += 1
        pools = self.machines[machine].pools
        count = len(pools.list(PROFILE)["slots"])
        if what == "add":
            return self.add(machine, seed)
        if not count:
            return None
        index = place % count
        if what == "paint":
            pools.set_mask(PROFILE, index, self.stage(mask((8, 6), left=1 + seed % 7)))
        elif what == "clear":
            pools.set_mask(PROFILE, index, None)
        elif what == "label":
            pools.label(PROFILE, index, f"label {seed}")
        elif what == "remove":
            pools.remove(PROFILE, index)
        elif what == "move":
            order = list(range(count))
            order.insert(seed % count, order.pop(index))
            pools.reorder(PROFILE, order)
        elif what == "rename":
            self.machines[machine].profiles.rename(PROFILE, f"Heroes {seed % 3}")
        return None

    def add(self, machine: int, seed: int) -> None:
        staged = self.stage(picture(seed % 9, (8, 6)))
        self.machines[machine].pools.add(PROFILE, staged, int(self.clock * 1000))

    def snapshot(self, machine: int) -> None:
        self.machines[machine].versions.snapshot(PROFILE)
        self.snapshots.add(self.tip(machine))

    def tip(self, machine: int) -> str:
        return git(self.pool(machine), "rev-parse", "HEAD")

    def sync(self, machine: int, steps: int | None = None) -> None:
        self.clock += 1
        sync = self.machines[machine].sync
        with contextlib.suppress(Cancelled):
            sync.sync(PROFILE, CutOff(steps))
        self.snapshots.add(self.tip(machine))

    def check(self) -> None:
        """All machines come to the same, and nothing that anybody made is missing anywhere."""
        for _ in range(2):
            for machine in range(len(self.machines)):
                self.sync(machine)
        tips = {self.tip(machine) for machine in range(len(self.machines))}
        assert len(tips) == 1
        for machine, service in enumerate(self.machines):
            folder = self.pool(machine)
            judge(folder)
            reached = set(git(folder, "rev-list", "--objects", "HEAD").split())
            assert self.blobs <= reached
            assert self.snapshots <= reached
            before = git(folder, "for-each-ref")
            result = service.sync.sync(PROFILE, CutOff(None))
            assert result["status"] == "up_to_date"
            assert git(folder, "for-each-ref") == before
        assert "error" not in git(self.remote, "fsck", "--strict")
        names = {s.library.registry.get(PROFILE).name for s in self.machines}
        assert len(names) == 1
        for service in self.machines:
            assert not list((service.library.private / "tmp").iterdir())


EDITS = ["add", "add", "add", "paint", "paint", "clear", "label", "remove", "move", "rename"]
STEP = st.one_of(
    st.tuples(st.sampled_from(EDITS), st.integers(0, 2), st.integers(0, 9), st.integers(0, 99)),
    st.tuples(st.just("sync"), st.integers(0, 2), st.none(), st.none()),
    st.tuples(st.just("cut"), st.integers(0, 2), st.integers(0, 14), st.none()),
    st.tuples(st.just("snapshot"), st.integers(0, 2), st.none(), st.none()),
)


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(2, 3), st.lists(STEP, min_size=4, max_size=24))
def test_nothing_is_lost_whoever_edits_and_whatever_is_cut_off(machines, steps) -> None:  # type: ignore[no-untyped-def]
    folder = Path(tempfile.mkdtemp(prefix="gitpool-world-"))
    try:
        world = World(folder, machines)
        world.begin()
        for what, machine, place, seed in steps:
            at = machine % machines
            if what == "sync":
                world.sync(at)
            elif what == "cut":
                world.sync(at, place)
            elif what == "snapshot":
                world.snapshot(at)
            else:
                world.edit(at, what, place, seed)
        world.check()
    finally:
        shutil.rmtree(folder)
