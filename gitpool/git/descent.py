"""What some snapshots come from, newest first, and never one before all that were made on it,
whatever their clocks said.
"""

from __future__ import annotations

import heapq
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from ..errors import NotFound
from .repository import Repository


class Made(NamedTuple):
    """When a snapshot says it was made, in seconds since 1970, and what on, of what is here."""

    time: int
    parents: Sequence[str]


class _Next(NamedTuple):
    """A snapshot that can be next, in the order that they come in. said: its age by its clock."""

    age: int
    said: int
    rank: int
    name: str


class Descent:
    """The tips and all they come from, one after another, read as needed.

    A line without forks costs nothing beyond itself. Where there are several ways on, they are
    looked along until they have met in one: nothing below that can have been made on what is
    above it. Only where they never meet all of it is looked at.

    read: tells of a snapshot. known: what was met so far, which may be shared: what another
    descent met is left to it. latest: the first tip counts as no newer, and others as older.
    Nor does anything count as newer than what was made on it; of one second, what was met first
    comes first.
    """

    def __init__(
        self, read: Callable[[str], Made], tips: Sequence[str], known: set[str], latest: int
    ) -> None:
        self._read = read
        self._known = known
        self._met = 0
        self._ready: list[_Next] = []
        self._made: dict[str, Made] = {}
        # Of those looked at ahead: how many that were made on one are still to come, how old it
        # counts at least, and what it was made on, where that was looked at too.
        self._waits: dict[str, int] = {}
        self._ages: dict[str, int] = {}
        self._ahead: dict[str, Sequence[str]] = {}
        known.update(tips)
        self._go_on(tips, {tip: -latest + (place > 0) for place, tip in enumerate(tips)})

    @property
    def next(self) -> _Next | None:
        """What comes next; None at the end."""
        return self._ready[0] if self._ready else None

    def pop(self) -> str:
        """What comes next, which is passed with it."""
        age, _, _, name = heapq.heappop(self._ready)
        ahead = self._ahead.pop(name, None)
        made = self._made.pop(name)
        parents = self._ours(made.parents) if ahead is None else ahead
        if ahead is None:
            self._known.update(parents)
            self._go_on(parents, dict.fromkeys(parents, age))
            return name
        for parent in parents:
            self._ages[parent] = max(age, self._ages[parent])
            self._waits[parent] -= 1
            self._make_ready(parent)
        return name

    def _go_on(self, names: Sequence[str], ages: dict[str, int]) -> None:
        """Go on with these, where nothing else is waited for. ages: how old they are at least."""
        for name in names:
            self._made[name] = self._read(name)
        if len(names) == 1:
            return self._push(names[0], ages[names[0]])
        self._waits = dict.fromkeys(names, 0)
        self._ages = ages
        self._look_ahead(names)
        for name in names:
            self._make_ready(name)

    def _look_ahead(self, names: Sequence[str]) -> None:
        edge = [(-self._made[name].time, name) for name in names]
        heapq.heapify(edge)
        ended = False
        while len(edge) > 1 or (edge and ended):
            _, name = heapq.heappop(edge)
            parents = self._ahead[name] = self._ours(self._made[name].parents)
            # What has no more to come from doesn't lead to where the others meet.
            ended = ended or not parents
            for parent in parents:
                if parent not in self._waits:
                    self._known.add(parent)
                    self._waits[parent], self._ages[parent] = 0, self._ages[name]
                    self._made[parent] = self._read(parent)
                    heapq.heappush(edge, (-self._made[parent].time, parent))
                self._waits[parent] += 1

    def _make_ready(self, name: str) -> None:
        if self._waits[name] == 0:
            del self._waits[name]
            self._push(name, self._ages.pop(name))

    def _push(self, name: str, age: int) -> None:
        said = -self._made[name].time
        self._met += 1
        heapq.heappush(self._ready, _Next(max(said, age), said, self._met, name))

    def _ours(self, parents: Sequence[str]) -> Sequence[str]:
        if self._known.isdisjoint(parents):
            return parents
        return [name for name in parents if name in self._waits or name not in self._known]


class Walk:
    """Commits reachable from some tips, newest first, children before parents; read as needed.

    A page further down goes on where the last one stopped, instead of from the top.
    """

    def __init__(self, repo: Repository, tips: Sequence[str]) -> None:
        self._repo = repo
        self.order: list[str] = []
        self._place: dict[str, int] = {}
        self._lock = threading.Lock()
        # What a clean-up cut into pieces has no more to do with each other.
        pieces = [[tip] for tip in tips] if repo.shallow() else [tips]
        known, latest = set(tips), self._read(tips[0]).time if tips else 0
        self._descents = [
            Descent(self._read, piece, known, latest - (place > 0))
            for place, piece in enumerate(pieces)
        ]
        # The newest of each, those of one second in the order of the tips.
        self._heap = [(*d.next[:2], i) for i, d in enumerate(self._descents) if d.next]
        heapq.heapify(self._heap)

    def __contains__(self, commit_id: str) -> bool:
        while commit_id not in self._place:
            # Where nothing is left to read, another thread may have read it in this very moment.
            if not self._grow() and commit_id not in self._place:
                return False
        return True

    def after(self, before: str | None) -> Iterator[str]:
        """Commit ids below `before`, or from the top. Raises NotFound."""
        i = 0
        if before is not None:
            if before not in self:
                raise NotFound("unknown_snapshot", "There is no such snapshot.")
            i = self._place[before] + 1
        while i < len(self.order) or self._grow() or i < len(self.order):
            yield self.order[i]
            i += 1

    def _grow(self) -> bool:
        with self._lock:
            if not self._heap:
                return False
            piece = self._heap[0][-1]
            descent = self._descents[piece]
            name = descent.pop()
            self._place[name] = len(self.order)
            self.order.append(name)
            if descent.next:
                heapq.heapreplace(self._heap, (*descent.next[:2], piece))
            else:
                heapq.heappop(self._heap)
            return True

    def _read(self, name: str) -> Made:
        return made_of(self._repo, name)


def made_of(repo: Repository, name: str) -> Made:
    """What a snapshot says of itself. Raises NotFound, Damaged."""
    commit = repo.commit(name)
    parents = [parent.decode() for parent in commit.parents]
    if len(parents) > 1:
        parents = list(dict.fromkeys(parents))
    return Made(commit.commit_time, [parent for parent in parents if parent in repo.objects])


def believed(order: Sequence[str], made: Mapping[str, Made], now: int) -> dict[str, int]:
    """When snapshots were made, as far as it can be believed: one that says it was made in the
    future was made when the next one was. Where there is no next one, it may be today's clock
    that is wrong. order: those made on others after these."""
    times: dict[str, int] = {}
    at_last: dict[str, int] = {}
    for name in reversed(order):
        time = made[name].time
        times[name] = time = time if time <= now else at_last.get(name, time)
        for parent in made[name].parents:
            at_last[parent] = min(time, at_last.get(parent, time))
    return times


def not_before_parents(
    order: Sequence[str], made: Mapping[str, Made], times: Mapping[str, int]
) -> dict[str, int]:
    """The times, none before that of what a snapshot was made on. order: likewise."""
    later: dict[str, int] = {}
    for name in order:
        later[name] = max([times[name], *(later[p] for p in made[name].parents)])
    return later
