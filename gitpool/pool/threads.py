"""The same done to many files, several at once: hashing, copying and syncing leave the
interpreter free meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
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


def ahead(calls: Iterable[Callable[[], R]]) -> Iterator[R]:
    """The results in order, each made while the one before it is used; two are in memory."""
    waiting: Future[R] | None = None
    for call in calls:
        coming = begin(call)
        if waiting is not None:
            yield waiting.result()
        waiting = coming
    if waiting is not None:
        yield waiting.result()


def begin(call: Callable[[], R]) -> Future[R]:
    """Do it in another thread, if one can be had."""
    try:
        return _POOL.submit(call)
    except RuntimeError:  # see `each`
        done: Future[R] = Future()
        try:
            done.set_result(call())
        except BaseException as error:
            done.set_exception(error)
        return done
