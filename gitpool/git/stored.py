"""Bytes that don't compress, as a zlib stream of stored blocks, so that nothing is copied:
RFC 1950, and RFC 1951, 3.2.4. Any git reads it."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator

_HEAD = b"\x78\x01"
_LAST = b"\x01\x00\x00\xff\xff"
_BLOCK = 65_535
_CHECKSUM = 4
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


def unstored(stream: bytes) -> list[memoryview] | None:
    """What a stream of stored blocks holds, block by block, nothing copied; None where it is
    another stream. The checksum isn't looked at: whoever reads an object knows a better one."""
    if stream[:1] != _HEAD[:1] or int.from_bytes(stream[:2], "big") % 31:
        return None
    view, at, end, blocks = memoryview(stream), len(_HEAD), len(stream) - _CHECKSUM, []
    while at + 5 <= end:
        size = int.from_bytes(view[at + 1 : at + 3], "little")
        mirrored = int.from_bytes(view[at + 3 : at + 5], "little")
        last = view[at]
        at += 5
        if last > 1 or size ^ mirrored != 0xFFFF or at + size > end:
            return None
        blocks.append(view[at : at + size])
        at += size
        if last:
            return blocks
    return None
