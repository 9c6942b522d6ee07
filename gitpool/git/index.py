"""git's own index, used as the stat cache: which blob each file was, without reading it.

Format: https://git-scm.com/docs/index-format, read and written by dulwich's functions. A file
as young as the index itself may have changed since ("racy git"), so it is hashed again.
"""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dulwich.index import IndexEntry, read_index_dict, write_index_dict
from dulwich.objects import ObjectID

from ..pool import durable
from ..pool.content import is_young
from ..pool.reading import read_file
from .listing import EXECUTABLE_MODE, FILE_MODE

_REMEMBERED = 4
# git keeps a date's seconds in 32 bits, and of what doesn't fit (1601, 1969, 2110) the lower ones.
_AROUND = 2**32 * 10**9
_lately: dict[bytes, dict[str, CachedFile]] = {}
_PLAIN: Mapping[str, int] = {}
# By path: a file's blob, and its stat, or None where it isn't in the folder.
Files = Mapping[str, tuple[str, "os.stat_result | None"]]


@dataclass(frozen=True)
class CachedFile:
    """A file as the index knows it; its dates are in nanoseconds, as far as 32 bits of seconds
    have them."""

    blob: str
    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int

    def fits(self, stat: os.stat_result) -> bool:
        """Whether the file looks unchanged. Old git tools leave nanoseconds at 0."""
        return (
            self.size == stat.st_size & 0xFFFFFFFF
            and self.mtime_ns == stat.st_mtime_ns % _AROUND
            and self.ctime_ns in (stat.st_ctime_ns % _AROUND, 0)
        )


def read_index(path: Path) -> tuple[Mapping[str, CachedFile], int]:
    """The index's files by name, and when it was written (ns); empty where it is unreadable:
    an index is only a cache, and the next snapshot writes a good one."""
    try:
        data, written = read_file(path), path.stat().st_mtime_ns
    except (FileNotFoundError, IsADirectoryError):
        return {}, 0
    return _parsed(data), written


def _parsed(data: bytes) -> Mapping[str, CachedFile]:
    known = _lately.get(data)
    return _remember(data, _parse(data)) if known is None else known


def _remember(data: bytes, files: dict[str, CachedFile]) -> dict[str, CachedFile]:
    """Keep the last few, read or written: an index is read far more often than it changes."""
    _lately[data] = files
    while len(_lately) > _REMEMBERED:
        # Another thread may have been quicker.
        _lately.pop(next(iter(_lately)), None)
    return files


def _parse(data: bytes) -> dict[str, CachedFile]:
    if len(data) < 32 or hashlib.sha1(data[:-20], usedforsecurity=False).digest() != data[-20:]:
        return {}
    try:
        entries = read_index_dict(io.BytesIO(data))
    except Exception:  # dulwich raises many kinds on versions and extensions it doesn't know
        return {}
    files = {}
    for name, entry in entries.items():
        if isinstance(entry, IndexEntry) and entry.mode in (FILE_MODE, EXECUTABLE_MODE):
            files[name.decode("utf-8", "replace")] = CachedFile(
                entry.sha.decode(),
                entry.size,
                _nanoseconds(entry.mtime),
                _nanoseconds(entry.ctime),
                entry.ino,
            )
    return files


def write_index(path: Path, files: Files, modes: Mapping[str, int] = _PLAIN) -> None:
    """Write a whole index: for each name its blob and its stat, or None for a file that is kept
    elsewhere, which git then doesn't miss. modes: those of files that aren't plain ones."""
    entries = {
        name.encode(): _entry(blob, stat, modes.get(name, FILE_MODE))
        for name, (blob, stat) in files.items()
    }
    out = io.BytesIO()
    write_index_dict(out, entries, version=2)
    data = out.getvalue()
    data += hashlib.sha1(data, usedforsecurity=False).digest()
    durable.write_file(path, data)
    _remember(data, {name: _cached(blob, stat) for name, (blob, stat) in files.items() if stat})


def vouched(known: CachedFile | None, stat: os.stat_result | None, written: int) -> str | None:
    """The blob that a file still holds, as the index knows without reading it; None where it
    doesn't know. written: when the index was, as `read_index` says."""
    if known and stat and known.fits(stat) and not is_young(stat, written):
        return known.blob
    return None


def _entry(blob: str, stat: os.stat_result | None, mode: int) -> IndexEntry:
    if stat is None:
        nowhere = IndexEntry(0, 0, 0, 0, mode, 0, 0, 0, ObjectID(blob.encode()))
        nowhere.set_skip_worktree()
        return nowhere
    return IndexEntry(
        divmod(stat.st_ctime_ns % _AROUND, 10**9),
        divmod(stat.st_mtime_ns % _AROUND, 10**9),
        stat.st_dev & 0xFFFFFFFF,
        stat.st_ino & 0xFFFFFFFF,
        mode,
        stat.st_uid & 0xFFFFFFFF,
        stat.st_gid & 0xFFFFFFFF,
        stat.st_size & 0xFFFFFFFF,
        ObjectID(blob.encode()),
    )


def _cached(blob: str, stat: os.stat_result) -> CachedFile:
    size, inode = stat.st_size & 0xFFFFFFFF, stat.st_ino & 0xFFFFFFFF
    mtime, ctime = stat.st_mtime_ns % _AROUND, stat.st_ctime_ns % _AROUND
    return CachedFile(blob, size, mtime, ctime, inode)


def _nanoseconds(value: int | float | tuple[int, int]) -> int:
    if isinstance(value, tuple):
        return value[0] * 10**9 + value[1]
    return int(value * 10**9)
