"""Content ids: a file's git blob id, computed once and remembered by its stat."""

from __future__ import annotations

import hashlib
import os
import threading
from collections import OrderedDict
from pathlib import Path

_CHUNK = 1 << 20


def stat_key(stat: os.stat_result) -> tuple[int, int, int, int]:
    """What changes when a file's content does."""
    return stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino


def version_of(stat: os.stat_result) -> str:
    """A short word for a file's present content, made without reading it."""
    return f"{stat.st_mtime_ns:x}.{stat.st_size:x}"


def hash_file(path: Path) -> str:
    """The file's git blob id, in hexadecimal."""
    with open(path, "rb") as file:
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
        self._known: OrderedDict[tuple[str, tuple[int, int, int, int]], str] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, path: Path) -> str:
        """The blob id of the file. Raises FileNotFoundError."""
        key = (str(path), stat_key(os.stat(path)))
        with self._lock:
            if key in self._known:
                self._known.move_to_end(key)
                return self._known[key]
        content_id = hash_file(path)
        if stat_key(os.stat(path)) == key[1]:
            self.remember(key, content_id)
        return content_id

    def remember(self, key: tuple[str, tuple[int, int, int, int]], content_id: str) -> None:
        with self._lock:
            self._known[key] = content_id
            while len(self._known) > self._limit:
                self._known.popitem(last=False)
