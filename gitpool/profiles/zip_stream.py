"""A pool as a zip, written as a stream: `profile_meta.json` and `pool/<file>…`; no `.git`.

Its files are stored, and their sizes and checksums stand before their bytes, not behind them:
what reads a zip from its front, such as Java's ZipInputStream, can take it.
Format: https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT.
"""

from __future__ import annotations

import functools
import json
import struct
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from ..errors import Conflict
from ..pool.threads import ahead

META_NAME = "profile_meta.json"
FOLDER = "pool/"
# A file's bytes, or, of one that is too large to hold, the open file, which is read twice.
Content = bytes | BinaryIO
_CHUNK = 1 << 20
# Above these a number stands in the fields of zip64, where there is room for it.
_LONGEST = 0xFFFFFFFF
_MOST = 0xFFFF
_PLAIN, _ZIP64 = 20, 45
_UTF8_NAMES = 0x800
_UNIX = 3
_FIRST_OF_1980 = 0x21
_MODE = 0o100644 << 16


def stream_zip(
    name: str, files: Mapping[str, Callable[[], Content]], left_out: Sequence[str] = ()
) -> Iterator[bytes]:
    """A zip of these files, a piece at a time. files: for each name, what reads its content.

    left_out: names of files of the profile that aren't in it; the description lists them.
    Raises Conflict where a file changes while it is sent.
    """
    said = {"name": name, **({"left_out": list(left_out)} if left_out else {})}
    archive = _Writer()
    meta = json.dumps(said, ensure_ascii=False).encode("utf-8", "replace")
    yield from archive.entry(META_NAME, _measured(lambda: meta))
    measured = ahead(functools.partial(_measured, read) for read in files.values())
    for file_name, content in zip(files, measured, strict=True):
        yield from archive.entry(FOLDER + file_name, content)
    yield archive.end()


@dataclass(frozen=True)
class _Measured:
    """A file's content with what has to be known before the first byte of it is sent."""

    content: Content
    size: int
    crc: int


def _measured(read: Callable[[], Content]) -> _Measured:
    content = read()
    if isinstance(content, bytes):
        return _Measured(content, len(content), zlib.crc32(content))
    size, crc = 0, 0
    for piece in _pieces(content):
        size, crc = size + len(piece), zlib.crc32(piece, crc)
    content.seek(0)
    return _Measured(content, size, crc)


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    while piece := file.read(_CHUNK):
        yield piece


class _Writer:
    """Gives a zip's bytes in their order, and remembers the list that ends it."""

    def __init__(self) -> None:
        self._at = 0
        self._list: list[bytes] = []

    def entry(self, name: str, measured: _Measured) -> Iterator[bytes]:
        """A file with its header."""
        raw = name.encode()
        size, crc = measured.size, measured.crc
        long = not _fits(size)
        # Of the two sizes, packed and unpacked, a local header has both in zip64 or none.
        extra = _extra([size, size]) if long else b""
        shown = _shown(size)
        head = (_ZIP64 if long else _PLAIN, _UTF8_NAMES, 0, 0, _FIRST_OF_1980, crc, shown, shown)
        local = struct.pack("<4sHHHHHIIIHH", b"PK\3\4", *head, len(raw), len(extra)) + raw + extra
        self._note(raw, head[1:], size)
        self._at += len(local) + size
        yield local
        yield from _checked(name, measured)

    def _note(self, raw: bytes, head: tuple[int, ...], size: int) -> None:
        sizes = [] if _fits(size) else [size, size]
        extra = _extra(sizes if _fits(self._at) else [*sizes, self._at])
        version = _ZIP64 if extra else _PLAIN
        tail = (len(raw), len(extra), 0, 0, 0, _MODE, _shown(self._at))
        made_by = _UNIX << 8 | version
        fixed = struct.pack("<4sHHHHHHIIIHHHHHII", b"PK\1\2", made_by, version, *head, *tail)
        self._list.append(fixed + raw + extra)

    def end(self) -> bytes:
        """The list of the files, which a zip ends with."""
        listed, count, start = b"".join(self._list), len(self._list), self._at
        size, long = len(listed), b""
        if count >= _MOST or not _fits(size) or not _fits(start):
            both = (_UNIX << 8 | _ZIP64, _ZIP64, 0, 0, count, count, size, start)
            long = struct.pack("<4sQHHIIQQQQ", b"PK\6\6", 44, *both)
            long += struct.pack("<4sIQI", b"PK\6\7", 0, start + size, 1)
        shown = (min(count, _MOST), min(count, _MOST), _shown(size), _shown(start))
        return listed + long + struct.pack("<4sHHHHIIH", b"PK\5\6", 0, 0, *shown, 0)


def _fits(number: int) -> bool:
    return number < _LONGEST


def _shown(number: int) -> int:
    return number if _fits(number) else _LONGEST


def _extra(numbers: Sequence[int]) -> bytes:
    """The field of zip64 that holds what has no room elsewhere."""
    body = struct.pack(f"<{len(numbers)}Q", *numbers)
    return struct.pack("<HH", 1, len(body)) + body if body else b""


def _checked(name: str, measured: _Measured) -> Iterator[bytes]:
    content = measured.content
    if isinstance(content, bytes):
        yield content
        return
    size, crc = 0, 0
    with content:
        for piece in _pieces(content):
            size, crc = size + len(piece), zlib.crc32(piece, crc)
            # No more than was announced, so that what reads along isn't led astray.
            if size > measured.size:
                break
            yield piece
    if (size, crc) != (measured.size, measured.crc):
        raise changed_meanwhile(name.removeprefix(FOLDER))


def changed_meanwhile(name: str) -> Conflict:
    """A file isn't what it was when the export began."""
    return Conflict(
        "changed_meanwhile", f"“{name}” was changed during the export.", "Export it again."
    )
