"""Every call to the system fails once, in every operation: what is left is the old state or the
new one, what is said can be told to a person, and whatever comes next works and tidies up."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest
from faults import FULL, SEED
from faults.bench import Bench
from faults.bench import bench as bench_in
from faults.failing import EXIT, KINDS, Trial, run_failing
from faults.operations import OPERATIONS

# The short form tries so many ways of failing in each operation, at one call each.
_SAMPLE = 2
_MOST = 100_000


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with bench_in(tmp_path_factory.mktemp("failing")) as made:
        yield made


@pytest.mark.parametrize("name", OPERATIONS)
def test_a_call_that_fails_leaves_old_or_new(bench: Bench, name: str) -> None:
    tried = {kind: everywhere(bench, name, kind) for kind in KINDS} if FULL else None
    if tried:
        print(f"\n{name}: {tried}")
        assert all(tried[kind] > 0 for kind in ("EIO", "EACCES"))
        return
    chance = random.Random(f"{SEED} {name}")
    for kind in chance.sample(list(KINDS), _SAMPLE):
        count = calls_of(bench, name, kind)
        if count:
            attempt(bench, name, kind, chance.randint(1, count))


def everywhere(bench: Bench, name: str, kind: str) -> int:
    """Fail each of an operation's calls in turn; gives how many there were."""
    for at in range(1, _MOST):
        if not attempt(bench, name, kind, at):
            return at - 1
    raise AssertionError("it never ends")


def calls_of(bench: Bench, name: str, kind: str) -> int:
    """How many calls an operation makes that can fail in this way."""
    bench.copies.renew()
    return bench.forks.call(run_failing, bench.world, name, kind, _MOST).value.seen


def attempt(bench: Bench, name: str, kind: str, at: int) -> bool:
    """Fail one call, and judge what is left; False where there are fewer calls."""
    bench.expected(name)
    bench.copies.renew()
    outcome = bench.forks.call(run_failing, bench.world, name, kind, at)
    if outcome.status == EXIT:
        judged(bench, name, f"{name}: {kind} at {at}", None)
        return True
    trial: Trial = outcome.value
    where = f"{name}: {kind} at {at}, {trial.call}, then {trial.error}"
    assert trial.ours, where
    judged(bench, name, where, trial)
    return trial.call is not None


def judged(bench: Bench, name: str, where: str, trial: Trial | None) -> None:
    """What is left is as it should be; None for a process that ended."""
    done = trial is not None and trial.error is None
    value = trial.value if trial else None
    try:
        bench.judge(name, acknowledged=done, restarted=trial is None, value=value)
    except AssertionError as error:
        raise AssertionError(f"{where}: {error}") from None
