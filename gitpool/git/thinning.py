"""Which automatic snapshots a clean-up keeps: fewer, the older they are. Pure.

The rule is the one of backup programs: all of the last days, then the last one of each hour,
each day, each week.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

_HOUR, _DAY, _WEEK = 3600, 86_400, 604_800
# 1970 began on a Thursday; weeks begin on Mondays.
_TO_MONDAY = 3 * _DAY


@dataclass(frozen=True)
class Keep:
    """For how many days automatic snapshots are kept: all of them, then one an hour, one a day,
    one a week; infinity for ever. What is older than the last goes."""

    all: float
    hourly: float
    daily: float
    weekly: float


DEFAULT = Keep(1, 7, 30, math.inf)


def thin(snapshots: Iterable[tuple[str, int]], keep: Keep, now: int, offset: int) -> set[str]:
    """The ids to keep of (id, time in seconds) pairs; of an hour, day or week its newest.

    offset: of the clock's time zone from UTC, in seconds, for where days begin.
    """
    kept, seen = set(), set()
    for snapshot, time in sorted(snapshots, key=lambda pair: (-pair[1], pair[0])):
        bucket = _bucket(time, keep, now, offset)
        if bucket is not None and bucket not in seen:
            kept.add(snapshot)
            if bucket[0]:
                seen.add(bucket)
    return kept


def _bucket(time: int, keep: Keep, now: int, offset: int) -> tuple[int, int] | None:
    """What a snapshot shares with those of which one is kept; (0, …) is its own, None nobody's."""
    age, local = (now - time) / _DAY, time + offset
    if age < keep.all:
        return 0, 0
    if age < keep.hourly:
        return _HOUR, local // _HOUR
    if age < keep.daily:
        return _DAY, local // _DAY
    if age < keep.weekly:
        return _WEEK, (local + _TO_MONDAY) // _WEEK
    return None
