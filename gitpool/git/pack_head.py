"""What an object in a pack says of itself before its bytes: type, size, and a delta's base.

Format: https://git-scm.com/docs/gitformat-pack (version 2).
"""

from __future__ import annotations

import mmap
from typing import NamedTuple

OFS_DELTA, REF_DELTA = 6, 7
LONGEST = 32
_MOST_BITS = 60


class Head(NamedTuple):
    """size: of the bytes once inflated. base: of a delta, how far back it lies, or its binary id;
    else None. begins: where the deflated bytes do."""

    type_num: int
    size: int
    base: int | bytes | None
    begins: int


def read_head(data: bytes | bytearray | mmap.mmap, at: int) -> Head:
    """The head at a place, of at most LONGEST bytes. Raises IndexError where it isn't all there,
    ValueError for numbers that no pack has."""
    byte = data[at]
    type_num, size, shift, at = byte >> 4 & 7, byte & 15, 4, at + 1
    while byte & 0x80:
        byte = data[at]
        size |= (byte & 0x7F) << shift
        shift, at = shift + 7, at + 1
        if shift > _MOST_BITS:
            raise ValueError("a size that no object has")
    if type_num == OFS_DELTA:
        back, at = _distance(data, at)
        return Head(type_num, size, back, at)
    if type_num == REF_DELTA:
        return Head(type_num, size, bytes(data[at : at + 20]), at + 20)
    return Head(type_num, size, None, at)


def _distance(data: bytes | bytearray | mmap.mmap, at: int) -> tuple[int, int]:
    value = data[at] & 0x7F
    while data[at] & 0x80:
        at += 1
        value = (value + 1) << 7 | data[at] & 0x7F
        if value >> _MOST_BITS:
            raise ValueError("a distance that no pack has")
    return value, at + 1
