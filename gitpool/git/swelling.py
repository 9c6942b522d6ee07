"""Bombs in packs, told from large things: what swells a hundredfold and is no picture, and what
deltas make out of little.

Deflate can't do more than 1032 to 1 (https://zlib.net/zlib_tech.html), so a bound for a whole pack
that pictures of one colour keep lets bombs through as well. Pictures say what they are in their
first bytes, and git makes no delta of a file that is more than twice its base (`try_delta` in
https://github.com/git/git/blob/master/builtin/pack-objects.c).
"""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import TooLarge
from ..pool.formats import looks_like_image

# What comes to so many times its packed bytes swells; notes and plain files don't.
_DEFLATED = 100
# What a chain of deltas may come to, of what it begins with.
_GROWN = 16
MOST_SWELLING = 48 << 20
# Of what is smaller nothing is remembered: a pack may hold two million objects.
_SMALL = 1 << 16


@dataclass(frozen=True)
class _Root:
    """What a chain of deltas begins with: its size, and whether that is a bomb by itself."""

    size: int
    swells: bool = False


class Swelling:
    """What swells in one pack of `pack_bytes`. Raises TooLarge once it is more than `most`."""

    def __init__(self, pack_bytes: int, most: int) -> None:
        self._most = most
        # What a delta names that isn't known, being a delta too, is somewhere in the pack.
        self._unknown = _Root(pack_bytes)
        self._roots: dict[int | bytes, _Root] = {}
        self._sum = 0

    def check(self, size: int, packed: int, head: bytes) -> None:
        """An object that has come to `size` bytes so far, from so many packed ones. head: what it
        begins with."""
        if self._sum + size > self._most and _swells(size, packed, head):
            raise _bomb()

    def add(self, size: int, packed: int, head: bytes, offset: int, sha: bytes) -> None:
        """A whole object, that a delta may name by its offset or its id."""
        self.check(size, packed, head)
        swells = _swells(size, packed, head)
        if swells:
            self._sum += size
        if size > _SMALL:
            self._roots[offset] = self._roots[sha] = _Root(size, swells)

    def add_delta(self, result: int, base: int | bytes, offset: int) -> None:
        """A delta that makes `result` bytes of its base, which it names by an offset or an id."""
        unknown = _Root(_SMALL) if isinstance(base, int) else self._unknown
        root = self._roots.get(base, unknown)
        if result > _SMALL:
            self._roots[offset] = root
        if root.swells or result > _GROWN * root.size:
            self._sum += result
            if self._sum > self._most:
                raise _bomb()


def _swells(size: int, packed: int, head: bytes) -> bool:
    return size > _DEFLATED * packed and not looks_like_image(head)


def _bomb() -> TooLarge:
    return TooLarge("too_large", "This unpacks to more than can be taken in.")
