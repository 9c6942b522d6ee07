"""Bytes that don't compress, as a zlib stream of stored blocks, so that nothing is copied:
RFC 1950, and RFC 1951, 3.2.4. Any git reads it."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator

_HEAD = b"\x78\x01"
_LAST = b"\x01\x00\x00\xff\xff"
_BLOCK = 65_535
# Bytes to read at a time: whole blocks, and few enough to stay in a processor's cache.
PIECE = 4 * _BLOCK


def stored(pieces: Iterable[bytes | memoryview]) -> Iterator[bytes | memoryview]:
    """The stream, a piece at a time; the pieces' own bytes among them."""
    yield _HEAD
    checksum = 1
    for piece in pieces:
        checksum = zlib.adler32(piece, checksum)
        view = memoryview(piece)
        for start in range(0, len(view), _BLOCK):
            block = view[start : start + _BLOCK]
            size = len(block).to_bytes(2, "little")
            yield b"\x00" + size + (len(block) ^ 0xFFFF).to_bytes(2, "little")
            yield block
    yield _LAST + checksum.to_bytes(4, "big")
