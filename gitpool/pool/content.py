"""Content ids: a file's git blob id, computed once and remembered by its stat."""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from stat import S_ISREG
from typing import BinaryIO

from .reading import open_file

_CHUNK = 1 << 20
# Nanoseconds within which a file system's clock may not tell two changes apart; and one that
# knows no part of a second.
TICK = 20_000_000
_LONG_TICK = 2_000_000_000
# Where there is such a date, it says when a file was last changed, whatever date it was given.
_HAS_CHANGE_TIME = os.name != "nt"


def stat_key(stat: os.stat_result) -> tuple[int, int, int, int]:
    """What changes when a file's content does."""
    return stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino


def version_of(stat: os.stat_result) -> str:
    """A short word for a file's present content, made without reading it."""
    return f"{stat.st_mtime_ns:x}.{stat.st_size:x}"


def is_young(stat: os.stat_result, now: int) -> bool:
    """Whether a file is so young that it may change again, and its stat tell nothing of it.

    now: in nanoseconds, by the clock of the file's own disk. A file that was given a date to
    come is as old as its last change.
    """
    changed = stat.st_mtime_ns
    if _HAS_CHANGE_TIME and changed > now:
        changed = stat.st_ctime_ns
    return ticks_with(changed, now)


def ticks_with(changed: int, now: int) -> bool:
    """Whether both times may be within one tick of a disk's clock, or `now` comes first."""
    return changed >= now - (TICK if changed % 10**9 else _LONG_TICK)


def hash_file(path: Path) -> str:
    """The file's git blob id, in hexadecimal."""
    with open_file(path) as file:
        return hash_open(file)


def hash_open(file: BinaryIO) -> str:
    """The same of a file that is open, read from where it stands."""
    size = os.fstat(file.fileno()).st_size
    digest = hashlib.sha1(b"blob %d\x00" % size, usedforsecurity=False)
    while chunk := file.read(_CHUNK):
        digest.update(chunk)
    return digest.hexdigest()


def hash_bytes(data: bytes) -> str:
    """The git blob id of these bytes, in hexadecimal."""
    digest = hashlib.sha1(b"blob %d\x00" % len(data), usedforsecurity=False)
    digest.update(data)
    return digest.hexdigest()


class ContentIds:
    """A bounded memory of content ids; safe to use from several threads."""

    def __init__(self, limit: int = 50_000) -> None:
        self._limit = limit
        self._known: dict[str, tuple[tuple[int, int, int, int], str]] = {}
        self._lock = threading.Lock()

    def of(self, path: Path) -> str:
        """The blob id of the file. Raises FileNotFoundError."""
        stat = os.stat(path)
        known = self._known.get(str(path))
        if known and known[0] == stat_key(stat):
            return known[1]
        content_id = hash_file(path)
        if stat_key(os.stat(path)) == stat_key(stat):
            self.learn(path, stat, content_id)
        return content_id

    def known(self, folder: Path, names: Iterable[str]) -> tuple[dict[str, str], list[str]]:
        """What is remembered of those regular files of a folder that are there, and the names
        of those of which nothing is."""
        found, unknown, prefix, known = {}, [], f"{folder}{os.sep}", self._known
        for name in names:
            path = prefix + name
            try:
                stat = os.lstat(path)
            except (FileNotFoundError, NotADirectoryError):
                continue
            entry = known.get(path)
            # The same as `stat_key`; a call for each file would be much of it all.
            key = (stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino)
            if entry and entry[0] == key:
                found[name] = entry[1]
            elif S_ISREG(stat.st_mode):
                unknown.append(name)
        return found, unknown

    def learn(self, path: Path, stat: os.stat_result, content_id: str) -> None:
        """Remember what a file holds that has this stat; but not of one that is so young that it
        may change again within the clock's tick."""
        if is_young(stat, time.time_ns()) or not S_ISREG(stat.st_mode):
            return
        with self._lock:
            self._known[str(path)] = stat_key(stat), content_id
            while len(self._known) > self._limit:
                del self._known[next(iter(self._known))]
