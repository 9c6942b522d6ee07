"""Orders of things: what was moved, and two new orders joined into one. Pure."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import TypeVar

T = TypeVar("T", bound=Hashable)


def moved_names(before: Sequence[T], after: Sequence[T]) -> list[T]:
    """The fewest names whose moving explains the new order: all but a longest increasing run."""
    place = {name: i for i, name in enumerate(before)}
    common = [name for name in after if name in place]
    tails: list[int] = []
    back: list[int] = []
    best: list[int] = []
    for i, name in enumerate(common):
        low, high = 0, len(tails)
        while low < high:
            middle = (low + high) // 2
            if place[common[tails[middle]]] < place[name]:
                low = middle + 1
            else:
                high = middle
        back.append(tails[low - 1] if low else -1)
        tails[low : low + 1] = [i]
    i = tails[-1] if tails else -1
    while i >= 0:
        best.append(i)
        i = back[i]
    stay = {common[i] for i in best}
    return [name for name in common if name not in stay]


def merge_orders(
    base: Sequence[T],
    first: Sequence[T],
    second: Sequence[T],
    contested: Callable[[T], bool],
    age: Mapping[T, int],
) -> list[T]:
    """One order from two that both come from `base`: what nobody moved keeps its place, and
    what one side moved or added goes behind the thing it follows on that side.

    contested: whether `first` decides on a thing that both sides moved or added.
    age: when a thing came; where both sides put something into one place, the older goes first.
    """
    known = set(base)
    moved = [set(moved_names(base, side)) for side in (first, second)]
    members = [set(first), set(second)]
    left = members[0] | members[1]
    still = [x for x in base if x in left and x not in moved[0] and x not in moved[1]]
    unmoved = set(still)

    def owner(thing: T) -> int:
        by = moved if thing in known else members
        if thing in by[0] and thing in by[1]:
            return 0 if contested(thing) else 1
        return 1 if thing in by[1] else 0

    runs = [
        _runs([x for x in side if x in unmoved or owner(x) == number], unmoved)
        for number, side in enumerate((first, second))
    ]
    merged: list[T] = []
    for anchor in (None, *still):
        merged += [] if anchor is None else [anchor]
        here = [side[anchor] for side in runs if side.get(anchor)]
        for run in sorted(here, key=lambda run: age[run[0]]):
            merged += run
    return merged


def _runs(order: Sequence[T], unmoved: set[T]) -> dict[T | None, list[T]]:
    """What follows each unmoved thing (None: the start), up to the next unmoved one."""
    runs: dict[T | None, list[T]] = {}
    anchor: T | None = None
    for thing in order:
        if thing in unmoved:
            anchor = thing
        else:
            runs.setdefault(anchor, []).append(thing)
    return runs
