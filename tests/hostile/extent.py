"""How much is tried: a sample on every change, everything where GITPOOL_FAULTS=full asks for it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")

FULL = os.environ.get("GITPOOL_FAULTS") == "full"


def some(things: Sequence[T], count: int) -> list[T]:
    """All of them in the full form, else about `count`, evenly spread, the ends among them."""
    if FULL or len(things) <= count:
        return list(things)
    last = len(things) - 1
    return [things[place] for place in sorted({i * last // (count - 1) for i in range(count)})]
