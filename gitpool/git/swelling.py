"""Bombs in packs, told from large things: what swells a hundredfold, and is no image.

Deflate can't do more than 1032 to 1 (https://zlib.net/zlib_tech.html), so a bound for a whole pack
that flat pictures keep lets bombs through as well. Pictures say what they are in their first bytes.
"""

from __future__ import annotations

from ..errors import TooLarge
from ..pool.images import looks_like_image

# What comes to so many times its packed bytes swells; notes and plain files don't.
_DEFLATED = 100
# A delta holds little by itself; but what it copies from is in the same pack.
_COPIED = 16
_ALLOWED_BYTES = 48 << 20
_INSERTS = 0x7F


class Swelling:
    """What swells in one pack of `pack_bytes`. Raises TooLarge once it is more than any pool's
    own files come to."""

    def __init__(self, pack_bytes: int) -> None:
        self._pack_bytes = pack_bytes
        self._sum = 0

    def check(self, size: int, packed: int, head: bytes) -> None:
        """An object that has come to `size` bytes so far, from so many packed ones."""
        if self._sum + size > _ALLOWED_BYTES and _swells(size, packed, head):
            raise _bomb()

    def add(self, size: int, packed: int, head: bytes) -> None:
        """A whole object. head: what it begins with."""
        self.check(size, packed, head)
        if _swells(size, packed, head):
            self._sum += size

    def add_delta(self, result: int, instructions: bytes) -> None:
        """A delta that makes `result` bytes. instructions: the first of them, whose format is
        https://git-scm.com/docs/gitformat-pack#_deltified_representation."""
        if result <= _COPIED * self._pack_bytes:
            return
        inserted = instructions[:1] and 0 < instructions[0] <= _INSERTS
        if inserted and looks_like_image(instructions[1 : 1 + instructions[0]]):
            return
        self._sum += result
        if self._sum > _ALLOWED_BYTES:
            raise _bomb()


def _swells(size: int, packed: int, head: bytes) -> bool:
    return size > _DEFLATED * packed and not looks_like_image(head)


def _bomb() -> TooLarge:
    return TooLarge("too_large", "This unpacks to more than can be taken in.")
