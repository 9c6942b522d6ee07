"""kill -9 at random moments of every operation: what was acknowledged is there, what wasn't is
there or isn't, and the next operation works unaided.

A world goes on through several kills before it is made anew, so that what one of them left is
there when the next one comes.
"""

from __future__ import annotations

import collections
import random
from collections.abc import Iterator

import pytest
from faults import SEED, amount
from faults.bench import Bench, difference
from faults.bench import bench as bench_in
from faults.checks import State, run_or_refuse
from faults.operations import OPERATIONS

ROUNDS = amount(50, 1000)
# So many kills meet the same world.
_LIVES = 4
_SOONER = (1, 1 / 2, 1 / 8, 1 / 64, 0)


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with bench_in(tmp_path_factory.mktemp("kill")) as made:
        yield made


@pytest.mark.timeout(7200)
def test_kills_at_random_moments_lose_nothing(bench: Bench) -> None:
    chance, counts = random.Random(SEED), collections.Counter[str]()
    names: list[str] = []
    for turn in range(ROUNDS):
        if turn % _LIVES == 0:
            bench.copies.renew()
        # Every operation has its turn before any has another one.
        names = names or chance.sample(list(OPERATIONS), len(OPERATIONS))
        name, moment = names.pop(), chance.random()
        # How long it takes this time nobody knows: where the kill comes too late, an earlier one
        # is tried, in the end one at once.
        for sooner in _SOONER:
            where = f"round {turn}, {name} at {moment * sooner:.3f}"
            how = _round(bench, name, moment * sooner, where)
            counts[how] += 1
            if how == "killed":
                break
            bench.copies.renew()
    print(f"\n{ROUNDS} rounds: {dict(counts)}")
    assert counts["killed"]


def _round(bench: Bench, name: str, moment: float, where: str) -> str:
    """One kill; tells whether it came in time."""
    try:
        old, new, seconds = _both(bench, name)
        after = moment * seconds
        outcome = bench.forks.call(run_or_refuse, bench.world, name, kill_after=after)
        state = bench.look_after(name, restarted=True)
    except AssertionError as error:
        raise AssertionError(f"{where}: {error}") from None
    allowed = [new] if outcome.ended and not OPERATIONS[name].again else [old, new]
    assert state in allowed, f"{where}: {difference(state, allowed)}"
    return "done before the kill" if outcome.ended else "killed"


def _both(bench: Bench, name: str) -> tuple[State, State, float]:
    """What the world is without the operation, and with it; the world itself stays as it is."""
    with bench.copies.kept():
        old = bench.look_after(name, restarted=True)
    with bench.copies.kept():
        done = bench.forks.call(run_or_refuse, bench.world, name)
        new = bench.look_after(name, restarted=True)
    return old, new, done.seconds
