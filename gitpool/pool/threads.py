"""The same done to many files, several at once: hashing, copying and syncing leave the
interpreter free meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")
_POOL = ThreadPoolExecutor(max_workers=4, thread_name_prefix="gitpool-files")


def each(function: Callable[[T], R], things: Iterable[T]) -> list[R]:
    """Do it for each; gives the results in order, or raises what the first failure raised."""
    things = list(things)
    try:
        return list(_POOL.map(function, things))
    except RuntimeError:  # the interpreter is ending, and its threads with it
        return [function(thing) for thing in things]
