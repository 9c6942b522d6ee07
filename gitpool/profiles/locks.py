"""One lock a pool, that holds across threads and across processes.

Across processes it is the system's lock on a file. A disk that hasn't got these (some shares and
mounts) gets files that say who holds them; once one process had to use such files there, all do,
those that could have the system's too, so that they keep each other out as well. Who has the
system's says so in its file, for the first that comes without.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from ..errors import Conflict, read_only
from ..pool import disks
from . import filelocks

REGISTRY = "_registry"  # no id begins so
_BY_FILES = "_by_files"
_SAID = b"Locks of the system don't work on this disk, so files say what is held.\n"
_PATIENCE = 60.0


class Locks:
    """Locks by name, re-entrant in a thread; their files lie in `folder`, outside the pools.

    Order, so that nobody waits in a circle: a pool's lock first, the registry's inside it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._threads: defaultdict[str, threading.RLock] = defaultdict(threading.RLock)
        self._depths: defaultdict[str, int] = defaultdict(int)
        self._files: dict[str, contextlib.ExitStack] = {}
        self._guard = threading.Lock()
        self._no_system = False

    @contextlib.contextmanager
    def hold(self, name: str) -> Iterator[None]:
        """Hold the lock; raises Conflict after a minute's wait, DiskFailed where nothing can be
        written."""
        with self._held(name, reading=False):
            yield

    @contextlib.contextmanager
    def hold_to_read(self, name: str) -> Iterator[bool]:
        """The same; gives False, and holds it only for this process's threads, where nothing
        can be written: then another one may change what is read."""
        with self._held(name, reading=True) as held:
            yield held

    @contextlib.contextmanager
    def _held(self, name: str, reading: bool) -> Iterator[bool]:
        with self._guard:
            thread = self._threads[name]
        if not thread.acquire(timeout=_PATIENCE):
            raise _busy()
        try:
            if self._depths[name] == 0 and not self._lock_file(name, reading):
                yield False
                return
            self._depths[name] += 1
            try:
                yield True
            finally:
                self._depths[name] -= 1
                if self._depths[name] == 0:
                    self._files.pop(name).close()
        finally:
            thread.release()

    def _lock_file(self, name: str, reading: bool) -> bool:
        """Whether the lock is ours now; it may stay nobody's only for reading."""
        with contextlib.ExitStack() as stack:
            try:
                self._folder.mkdir(parents=True, exist_ok=True)
                self._enter(stack, name, reading)
            except filelocks.TookTooLong:
                raise _busy() from None
            except OSError as error:
                if reading:
                    # Whatever it is, a full disk too: it need not keep anybody from reading.
                    return False
                if disks.is_read_only(error):
                    raise read_only() from error
                raise
            self._files[name] = stack.pop_all()
        return True

    def _enter(self, stack: contextlib.ExitStack, name: str, reading: bool) -> None:
        until = time.monotonic() + _PATIENCE
        path, held = self._folder / f"{name}.lock", self._folder / f"{name}.held"
        marker = self._folder / _BY_FILES
        try:
            if self._no_system:
                raise filelocks.NoLocks
            system = stack.enter_context(filelocks.by_system(path, until, reading))
        except filelocks.NoLocks:
            self._no_system = True
            # First have others see that there are such as we, then see who was there before.
            if not marker.exists():
                marker.write_bytes(_SAID)
            stack.enter_context(filelocks.by_file(held, until))
            filelocks.wait_for_marked(path, until)
            return
        if not reading:
            system.mark()
        if marker.exists():
            system.unmark()
            stack.enter_context(filelocks.by_file(held, until))


def _busy() -> Conflict:
    return Conflict("busy", "Something else is working on this pool.", "Try again in a moment.")
