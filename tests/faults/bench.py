"""Where operations are tried: what each makes of the world unharmed, and what it may leave when
something goes wrong: the old state or the new one, which can be worked on either way."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import checks
from .checks import State
from .forks import Forks
from .operations import OPERATIONS
from .world import Copies, World, make


@dataclass(frozen=True)
class Expected:
    """The world without an operation and with it, what it gives, and how long it takes."""

    old: State
    new: State
    value: Any
    seconds: float


class Bench:
    """A world, and processes to try things in."""

    def __init__(self, copies: Copies, forks: Forks) -> None:
        self.copies, self.forks = copies, forks
        self._expected: dict[str, Expected] = {}

    @property
    def world(self) -> World:
        return self.copies.world

    def expected(self, name: str) -> Expected:
        """What an operation does where nothing goes wrong."""
        if name not in self._expected:
            self.copies.renew()
            old = self.look_after(name, False)
            self.copies.renew()
            done = self.forks.call(checks.run, self.world, name)
            new = self.look_after(name, False)
            self._expected[name] = Expected(old, new, done.value, done.seconds)
        return self._expected[name]

    def look_after(self, name: str, restarted: bool, lax: bool = False) -> State:
        """The state after the next operations. Raises AssertionError where they don't work."""
        return self.forks.call(checks.look_after, self.world, name, restarted, lax).value

    def judge(
        self, name: str, acknowledged: bool, restarted: bool, value: Any = None, lax: bool = False
    ) -> None:
        """Whether what was left is right. Raises AssertionError.

        acknowledged: the operation said that it was done; value: what it gave. lax: see
        `checks.look_after`.
        """
        expected = self.expected(name)
        state = self.look_after(name, restarted, lax)
        allowed = [expected.new] if acknowledged else [expected.old, expected.new]
        if OPERATIONS[name].again:
            # It was done again, on top of what came in between.
            allowed = [expected.old, expected.new]
        assert state in allowed, difference(state, allowed)
        assert not acknowledged or value == expected.value


@contextlib.contextmanager
def bench(folder: Path) -> Iterator[Bench]:
    """A bench with a world made below a folder."""
    with Forks() as forks:
        yield Bench(forks.call(make, folder).value, forks)


def difference(state: State, allowed: list[State]) -> str:
    """Where a state is neither of those that it may be, for whoever reads the failure."""
    lines = []
    for key, found in state.items():
        wanted = [other[key] for other in allowed]
        if found not in wanted:
            lines.append(f"{key}: {' and '.join(_shown(found, other) for other in wanted)}")
    return "a mix of old and new" if not lines else "; ".join(lines)


def _shown(found: Any, wanted: Any) -> str:
    if isinstance(found, dict) and isinstance(wanted, dict):
        keys = [k for k in {**found, **wanted} if found.get(k) != wanted.get(k)]
        return ", ".join(f"{k}: {found.get(k)} for {wanted.get(k)}" for k in keys)
    return f"{found} for {wanted}"
