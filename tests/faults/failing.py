"""The Nth call fails. Which calls are counted depends on how they fail."""

from __future__ import annotations

import errno
import os
import threading
from dataclasses import dataclass

from gitpool.errors import GitPoolError

from .interpose import Call, Interposer
from .operations import OPERATIONS
from .world import World

EXIT = 77
_TAKES_SPACE = ("create", "write", "mkdir", "link", "rename", "fsync")
# A name that was there can always be had again: going back takes no space.
_TAKES_NONE = ("rename",)
# How a call fails: which calls can, with which error, and whether it goes on failing.
KINDS: dict[str, tuple[tuple[str, ...] | None, int, bool]] = {
    "EIO": (None, errno.EIO, False),
    "ENOSPC": (_TAKES_SPACE, errno.ENOSPC, True),
    "EACCES": (
        ("open", "create", "rename", "link", "unlink", "mkdir", "rmdir"),
        errno.EACCES,
        False,
    ),
    "short": (("write",), 0, False),
    "exit": (None, 0, False),
}


@dataclass
class Trial:
    """What came of a run. call: the one that failed, if the operation got so far.

    error: what was said then, None where it ended well; ours: whether a person can be told.
    seen: the calls that could have failed. value: what the operation gave.
    """

    call: str | None
    error: str | None
    ours: bool
    seen: int
    value: object = None


class Failure:
    """Fails the `at`-th call of those that can fail in this way; a watcher."""

    def __init__(self, kind: str, at: int) -> None:
        self.kind, self._at = kind, at
        self._names, self._number, self._stays = KINDS[kind]
        self.seen = 0
        self._lock = threading.Lock()
        self.call: str | None = None

    def before(self, call: Call) -> int | None:
        if self._names and call.name not in self._names:
            return None
        with self._lock:
            self.seen += 1
            first = self.seen == self._at
            stays = self._stays and self.seen > self._at and call.name not in _TAKES_NONE
            if not first and not stays:
                return None
            if first:
                self.call = f"{call.name} {' '.join(os.path.basename(p) for p in call.paths)}"
        return self._fail(call, first)

    def _fail(self, call: Call, first: bool) -> int | None:
        if self.kind == "exit":
            os._exit(EXIT)
        if call.name == "write" and first and self.kind in ("short", "ENOSPC"):
            # A disk that is almost full takes the front part of what is written.
            return max(1, len(call.data) // 2)
        raise OSError(self._number, os.strerror(self._number), call.paths[0])

    def after(self, call: Call) -> None:
        """Nothing to note."""


def run_failing(world: World, name: str, kind: str, at: int) -> Trial:
    """Carry an operation out in this process, which is good for nothing else afterwards."""
    failure = Failure(kind, at)
    Interposer(world.base, failure).install()
    return _tried(world, name, failure)


def run_plainly(world: World, name: str) -> Trial:
    """Carry an operation out where it may fail by itself."""
    return _tried(world, name, Failure("EIO", 0))


def _tried(world: World, name: str, failure: Failure) -> Trial:
    service = world.service()
    try:
        value = OPERATIONS[name].run(service, world)
    except (GitPoolError, OSError) as error:
        return Trial(failure.call, _said(error), True, failure.seen)
    except BaseException as error:
        return Trial(failure.call, _said(error), False, failure.seen)
    return Trial(failure.call, None, True, failure.seen, value)


def _said(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"
