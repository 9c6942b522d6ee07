"""The same done to many files, several at once: hashing, copying and syncing leave the
interpreter free meanwhile. Once `each` or `ahead` has ended, well or not, nothing of it runs."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")
_POOL = ThreadPoolExecutor(max_workers=4, thread_name_prefix="gitpool-files")


def each(function: Callable[[T], R], things: Iterable[T]) -> list[R]:
    """Do it for each; gives the results in order, or raises what the first failure raised.

    The function itself may not use this module: its threads are few.
    """
    begun = [begin(functools.partial(function, thing)) for thing in things]
    try:
        return [one.result() for one in begun]
    finally:
        _end(begun)


def ahead(calls: Iterable[Callable[[], R]]) -> Iterator[R]:
    """The results in order, each made while the one before it is used; two are in memory."""
    begun: list[Future[R]] = []
    try:
        for call in calls:
            begun.append(begin(call))
            if len(begun) > 1:
                yield begun.pop(0).result()
        while begun:
            yield begun.pop(0).result()
    finally:
        _end(begun)


def begin(call: Callable[[], R]) -> Future[R]:
    """Do it in another thread, if one can be had."""
    try:
        return _POOL.submit(call)
    except RuntimeError:  # the interpreter is ending, and its threads with it
        done: Future[R] = Future()
        try:
            done.set_result(call())
        except BaseException as error:
            done.set_exception(error)
        return done


def _end(begun: list[Future[R]]) -> None:
    for one in begun:
        one.cancel()
    wait(begun)
