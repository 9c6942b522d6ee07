"""Locks that hold across processes: the system's, and files that say who holds them, for disks
that haven't got the system's.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import logging
import os
import secrets
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ..pool import disks

log = logging.getLogger("gitpool")

_POLL = 0.01
# Whoever holds a file says again that it does; who hasn't for so long is taken to be gone.
RENEW = 10.0
STALE = 120.0
# What takes a moment; whoever is at it longer was killed.
_BREAKING = 10.0
_MAKE = os.O_RDWR | os.O_CREAT


class TookTooLong(Exception):
    """Somebody else held the lock all the time."""


class NoLocks(Exception):
    """The disk hasn't got the system's locks."""


class System:
    """The system's lock on a file, held. number: the open file, where it can be written to."""

    def __init__(self, release: Callable[[], None], number: int | None = None) -> None:
        self._release, self._number = release, number
        self._marked = False

    def mark(self) -> None:
        """Say in the file by whom it is held, for those who can't ask the system."""
        # On a full disk it is held without.
        with contextlib.suppress(OSError):
            if self._number is not None:
                self._marked = True
                os.write(self._number, json.dumps(_here()).encode())

    def unmark(self) -> None:
        with contextlib.suppress(OSError):
            if self._marked and self._number is not None:
                self._marked = False
                os.ftruncate(self._number, 0)

    def release(self) -> None:
        self.unmark()
        self._release()


@contextlib.contextmanager
def by_system(path: Path, until: float, reading: bool = False) -> Iterator[System]:
    """Hold the system's lock on a file, which is made and stays. Raises TookTooLong at `until`
    (by `time.monotonic`), NoLocks, or OSError.

    reading: a file that may not be written to will do, if it is there.
    """
    held = _acquire(path, until, reading)
    try:
        yield held
    finally:
        held.release()


def wait_for_marked(path: Path, until: float) -> None:
    """Wait until nobody says in the file that it is held by the system's lock. Raises
    TookTooLong. One that was left there is told as with `by_file`."""
    while text := _text(path):
        if _is_gone(_owner(text)) or _unchanged_for(path, text) > STALE:
            return
        _pause(until)


if sys.platform == "win32":
    from filelock import FileLock, Timeout

    def _acquire(path: Path, until: float, reading: bool) -> System:
        lock = FileLock(path, thread_local=False)
        try:
            lock.acquire(timeout=max(0.0, until - time.monotonic()), poll_interval=_POLL)
        except Timeout:
            raise TookTooLong from None
        except NotImplementedError:
            raise NoLocks from None
        return System(lock.release)

else:
    import fcntl

    def _acquire(path: Path, until: float, reading: bool) -> System:
        while True:
            number, writable = _opened(path, reading)
            try:
                _wait_for(number, path, until)
                # Another program may have removed the file while it was waited for.
                with contextlib.suppress(FileNotFoundError):
                    stat = os.fstat(number)
                    if os.path.samestat(stat, os.stat(path)):
                        if writable and stat.st_size:
                            # What one who was killed said in it.
                            os.ftruncate(number, 0)
                        release = functools.partial(os.close, number)
                        return System(release, number if writable else None)
            except BaseException:
                os.close(number)
                raise
            os.close(number)

    def _opened(path: Path, reading: bool) -> tuple[int, bool]:
        """The file, and whether it can be written to."""
        try:
            return os.open(path, _MAKE, 0o644), True
        except OSError as error:
            if not reading or not disks.is_read_only(error):
                raise
            return os.open(path, os.O_RDONLY), False

    def _wait_for(number: int, path: Path, until: float) -> None:
        while True:
            try:
                return fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except (BlockingIOError, PermissionError):  # the latter is what CIFS says
                _pause(until)
            except OSError as error:
                if error.errno not in disks.NO_LOCKS:
                    raise
                disks.without(disks.LOCKS, path, error)
                raise NoLocks from None


@contextlib.contextmanager
def by_file(path: Path, until: float) -> Iterator[None]:
    """Hold a lock by a file that is there while it is held, and says by whom. Raises TookTooLong
    at `until`, or OSError.

    One that a process of this machine left when it was killed is taken away at once. Of other
    machines' it can only be seen that they are renewed: one that wasn't for two minutes, by
    this machine's own clock, is taken away too.
    """
    mine = _Claim(path, secrets.token_hex(8))
    while not mine.made():
        _break_if_left(path)
        _pause(until)
    _keeper.add(mine)
    try:
        yield
    finally:
        _keeper.drop(mine)
        mine.drop()


def _pause(until: float) -> None:
    if time.monotonic() > until:
        raise TookTooLong
    time.sleep(_POLL)


@dataclass
class _Claim:
    """A file of ours. beats: how often it was renewed."""

    path: Path
    token: str
    beats: int = 0

    def text(self) -> bytes:
        owner = {**_here(), "token": self.token, "beats": f"{self.beats:09}"}
        return json.dumps(owner).encode() + b"\n"

    def made(self) -> bool:
        """Whether nobody else has it; then we do."""
        try:
            number = os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644)
        except FileExistsError:
            return False
        try:
            os.write(number, self.text())
        except BaseException:
            os.unlink(self.path)
            raise
        finally:
            os.close(number)
        return True

    def renew(self) -> None:
        """Have others see that we are alive. The text keeps its length."""
        if self.is_ours():
            self.beats += 1
            with open(self.path, "r+b", buffering=0) as file:
                file.write(self.text())

    def drop(self) -> None:
        if self.is_ours():
            os.unlink(self.path)
        else:
            log.error("Git Pool: a lock was taken away from its holder: %s", self.path.name)

    def is_ours(self) -> bool:
        return _owner(_text(self.path)).get("token") == self.token


class _Keeper:
    """Renews what is held, in a thread of its own that is there once it was needed."""

    def __init__(self) -> None:
        self._held: dict[str, _Claim] = {}
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def add(self, claim: _Claim) -> None:
        with self._changed:
            self._held[claim.token] = claim
            # After a fork the thread isn't there any more.
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="gitpool-locks", daemon=True)
                self._thread.start()

    def drop(self, claim: _Claim) -> None:
        with self._changed:
            self._held.pop(claim.token, None)

    def holds(self, token: object) -> bool:
        with self._changed:
            return token in self._held

    def _run(self) -> None:
        while True:
            time.sleep(RENEW)
            with self._changed:
                for claim in self._held.values():
                    # What can't be renewed now may be the next time.
                    with contextlib.suppress(OSError):
                        claim.renew()


_keeper = _Keeper()
# What was seen of others' files, and since when it is the same.
_seen: dict[Path, tuple[bytes, float]] = {}


def _break_if_left(path: Path) -> None:
    """Take a lock away whose holder is gone."""
    text = _text(path)
    if text is None:
        _seen.pop(path, None)
        return
    if not _is_gone(_owner(text)) and _unchanged_for(path, text) < STALE:
        return
    # Only one may: another could otherwise take away what the next holder has made by then.
    guard = path.with_name(f"{path.name}.{hashlib.sha256(text).hexdigest()[:16]}")
    try:
        os.close(os.open(guard, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644))
    except FileExistsError:
        if _unchanged_for(guard, b"") > _BREAKING:
            guard.unlink(missing_ok=True)
            _seen.pop(guard, None)
        return
    try:
        if _text(path) == text:
            path.unlink(missing_ok=True)
            log.warning("Git Pool: a lock was left by a program that is gone: %s", path.name)
    finally:
        guard.unlink(missing_ok=True)


def _unchanged_for(path: Path, text: bytes) -> float:
    """For how long we have seen a file hold that, in seconds."""
    now = time.monotonic()
    known, since = _seen.get(path, (None, now))
    if known != text:
        since = now
        _seen[path] = text, since
    return now - since


def _text(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def _owner(text: bytes | None) -> dict[str, object]:
    """Who a file says it is held by; nobody in particular while it is being written."""
    with contextlib.suppress(ValueError, RecursionError):
        owner = json.loads(text or b"")
        if isinstance(owner, dict):
            return owner
    return {}


def _here() -> dict[str, object]:
    """This process, as others can recognise it."""
    return {"place": _place(), "pid": os.getpid(), "began": _began(os.getpid())}


@functools.cache
def _place() -> str:
    """This machine since it was started, and the part of it whose processes we can see."""
    words = [socket.gethostname()]
    with contextlib.suppress(OSError):
        words.append(Path("/proc/sys/kernel/random/boot_id").read_text().strip())
        words.append(os.readlink("/proc/self/ns/pid"))
    return " ".join(words)


def _is_gone(owner: dict[str, object]) -> bool:
    """Whether it was a process of this machine that isn't there any more."""
    pid = owner.get("pid")
    if owner.get("place") != _place() or not isinstance(pid, int):
        return False
    if pid == os.getpid() and owner.get("began") == _began(pid):
        return "token" in owner and not _keeper.holds(owner["token"])
    return not _lives(pid) or owner.get("began") != _began(pid)


def _lives(pid: int) -> bool:
    if sys.platform == "win32":
        return True  # there, asking would end it
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True


def _began(pid: int) -> str:
    """When a process began, by the system's own count, so that its number may be used again;
    "" where there is no such process, or nobody can know:
    https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html"""
    try:
        words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if words[0] in "ZX" else words[19]
