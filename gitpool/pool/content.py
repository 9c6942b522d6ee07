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
# Nanoseconds within which a file system's coarse clock may not tell two changes apart.
TICK = 20_000_000


def stat_key(stat: os.stat_result) -> tuple[int, int, int, int]:
    """What changes when a file's content does."""
    return stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino


def version_of(stat: os.stat_result) -> str:
    """A short word for a file's present content, made without reading it."""
    return f"{stat.st_mtime_ns:x}.{stat.st_size:x}"


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
        if time.time_ns() - stat.st_mtime_ns < TICK or not S_ISREG(stat.st_mode):
            return
        with self._lock:
            self._known[str(path)] = stat_key(stat), content_id
            while len(self._known) > self._limit:
                del self._known[next(iter(self._known))]
