"""The power goes at a random moment of every operation: whatever the disk made of it, the old
state or the new one is there, and what was acknowledged is."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest
from faults import SEED, amount
from faults.bench import Bench
from faults.bench import bench as bench_in
from faults.interpose import Call
from faults.journal import record
from faults.operations import OPERATIONS
from faults.power import lose

SEEDS = amount(20, 500)
# So many of the cuts come after the operation said that it was done.
_AFTERWARDS = 0.25


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with bench_in(tmp_path_factory.mktemp("power")) as made:
        yield made


@pytest.mark.timeout(7200)
def test_a_power_cut_leaves_old_or_new(bench: Bench) -> None:
    chance, names = random.Random(SEED), list(OPERATIONS)
    chance.shuffle(names)
    calls: dict[str, list[Call]] = {}
    for seed in range(SEEDS):
        name = names[seed % len(names)]
        if name not in calls:
            calls[name] = _recorded(bench, name)
        _cut(bench, name, calls[name], random.Random(f"{SEED} {seed}"), f"{name}, seed {seed}")
    noted = sum(len(found) for found in calls.values())
    print(f"\n{SEEDS} cuts in {len(calls)} operations of {noted} calls")


def _recorded(bench: Bench, name: str) -> list[Call]:
    bench.expected(name)
    bench.copies.renew()
    calls, value = bench.forks.call(record, bench.world, name).value
    assert value == bench.expected(name).value
    return calls


def _cut(bench: Bench, name: str, calls: list[Call], chance: random.Random, where: str) -> None:
    acknowledged = chance.random() < _AFTERWARDS
    cut = len(calls) if acknowledged else chance.randint(0, len(calls))
    lose(bench.copies.template, bench.world.base, calls, cut, chance)
    value = bench.expected(name).value
    try:
        # The note that a snapshot is being written isn't waited for, so after a power cut what
        # one wrote that never came about may stay, a few bytes that nothing names.
        bench.judge(name, acknowledged, restarted=True, value=value, lax=True)
    except AssertionError as error:
        raise AssertionError(f"{where}, cut at {cut} of {len(calls)}: {error}") from None
