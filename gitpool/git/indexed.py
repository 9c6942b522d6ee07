"""Every object that an index of git's names, of the profile's folder or of another work tree:
a git user may have put pictures there that no snapshot holds any more.

`index.py` reads the index as a cache, of which nothing may be missing but time; here nothing may
be overlooked: any mode, both sides of a conflict, lists of files kept for speed.
Format: https://git-scm.com/docs/index-format.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator
from pathlib import Path

from ..errors import Damaged
from ..pool.reading import read_file
from .repository import Repository

_SHA = 20
_BEFORE_ID, _BEFORE_FLAGS, _BEFORE_NAME = 40, 60, 62
_EXTENDED = 0x4000


def objects(repo: Repository) -> set[str]:
    """The ids of blobs and trees. Raises Damaged where an index can't be read."""
    found: set[bytes] = set()
    for path in _files(repo.git):
        try:
            found |= _named(read_file(path))
        except FileNotFoundError:  # git writes a new one in its place
            continue
        except (ValueError, IndexError, struct.error) as error:
            raise Damaged(
                "damaged",
                "The list of this profile's files is damaged.",
                "Take a snapshot, then try again.",
            ) from error
    return {name.hex() for name in found}


def _files(git: Path) -> Iterator[Path]:
    for folder in (git, *sorted(git.glob("worktrees/*"))):
        if (folder / "index").is_file():
            yield folder / "index"
        # An index that is split says in one file what differs from another.
        yield from sorted(folder.glob("sharedindex.*"))


def _named(data: bytes) -> set[bytes]:
    signature, version, count = struct.unpack_from(">4sII", data)
    end = len(data) - _SHA
    checksum = hashlib.sha1(data[:end], usedforsecurity=False).digest()
    # git may be told to write no checksum.
    if signature != b"DIRC" or version not in (2, 3, 4) or data[end:] not in (checksum, bytes(20)):
        raise ValueError("no index")
    found, at = set(), 12
    for _ in range(count):
        found.add(data[at + _BEFORE_ID : at + _BEFORE_FLAGS])
        at = _after_entry(data, at, version)
    while at < end:
        kind, size = struct.unpack_from(">4sI", data, at)
        body = data[at + 8 : at + 8 + size]
        if kind == b"TREE":
            found.update(_trees(body))
        elif kind == b"REUC":
            found.update(_resolved(body))
        at += 8 + size
    return found


def _after_entry(data: bytes, start: int, version: int) -> int:
    (flags,) = struct.unpack_from(">H", data, start + _BEFORE_FLAGS)
    at = start + _BEFORE_NAME + (2 if flags & _EXTENDED else 0)
    if version < 4:
        return start + ((data.index(b"\0", at) - start + 8) & ~7)
    while data[at] & 0x80:
        at += 1
    return data.index(b"\0", at + 1) + 1


def _trees(body: bytes) -> Iterator[bytes]:
    """Of the lists of files that git keeps ready, those that are still true."""
    at = 0
    while at < len(body):
        at = body.index(b"\0", at) + 1
        end = body.index(b"\n", at)
        count, at = int(body[at:end].split(b" ")[0]), end + 1
        if count >= 0:
            yield body[at : at + _SHA]
            at += _SHA


def _resolved(body: bytes) -> Iterator[bytes]:
    """What the sides of a conflict were that is resolved."""
    at = 0
    while at < len(body):
        at = body.index(b"\0", at) + 1
        modes = []
        for _ in range(3):
            end = body.index(b"\0", at)
            modes.append(int(body[at:end], 8))
            at = end + 1
        for mode in modes:
            if mode:
                yield body[at : at + _SHA]
                at += _SHA
