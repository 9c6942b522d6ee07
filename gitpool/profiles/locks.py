"""One lock a pool, that holds across threads and across processes."""

from __future__ import annotations

import contextlib
import threading
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from ..errors import Conflict

REGISTRY = "_registry"  # no id begins so
_PATIENCE = 60.0


class Locks:
    """Locks by name, re-entrant in a thread; their files lie in `folder`, outside the pools.

    Order, so that nobody waits in a circle: a pool's lock first, the registry's inside it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._threads: defaultdict[str, threading.RLock] = defaultdict(threading.RLock)
        self._depths: defaultdict[str, int] = defaultdict(int)
        self._files: dict[str, FileLock] = {}
        self._guard = threading.Lock()

    @contextlib.contextmanager
    def hold(self, name: str) -> Iterator[None]:
        """Hold the lock; raises Conflict after a minute's wait."""
        with self._guard:
            thread = self._threads[name]
        if not thread.acquire(timeout=_PATIENCE):
            raise _busy()
        try:
            if self._depths[name] == 0:
                self._acquire_file(name)
            self._depths[name] += 1
            try:
                yield
            finally:
                self._depths[name] -= 1
                if self._depths[name] == 0:
                    self._files.pop(name).release()
        finally:
            thread.release()

    def _acquire_file(self, name: str) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self._folder / f"{name}.lock", thread_local=False)
        try:
            lock.acquire(timeout=_PATIENCE, poll_interval=0.01)
        except Timeout:
            raise _busy() from None
        self._files[name] = lock


def _busy() -> Conflict:
    return Conflict("busy", "Something else is working on this pool.", "Try again in a moment.")
