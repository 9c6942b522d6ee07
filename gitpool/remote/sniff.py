"""Reading commits and their trees at the front of a pack while it comes in, and no more of it.

Format: https://git-scm.com/docs/gitformat-pack (version 2).
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Sequence

from dulwich.pack import apply_delta

from ..git.pack_examine import delta_result
from ..git.pack_head import OFS_DELTA, read_head

_COMMIT = 1
_KINDS = {1: b"commit", 2: b"tree", 4: b"tag"}
_LARGEST = 8 << 20
_LONGEST = 64 << 20


class Enough(Exception):
    """All that was wanted has come."""


class Sniffer:
    """Takes a pack piece by piece until it has the wanted commits and their trees; then raises
    Enough. Also after 64 MB, and where the pack goes on with images: they come last.

    found: raw objects by id.
    """

    def __init__(self, commits: Sequence[str]) -> None:
        self.found: dict[str, bytes] = {}
        self._wanted = set(commits)
        self._buffer = bytearray()
        self._at = 12
        self._inflated = 0
        self._read: dict[int, tuple[int, bytes]] = {}

    def write(self, data: bytes) -> int:
        """Take a piece. Raises Enough."""
        self._buffer += data
        if len(self._buffer) > _LONGEST:
            raise Enough
        while self._wanted and self._next():
            pass
        if not self._wanted:
            raise Enough
        return len(data)

    def _next(self) -> bool:
        """Read one object, if all of it is there."""
        try:
            type_num, size, back, at = read_head(self._buffer, self._at)
        except IndexError:
            return False
        except ValueError:
            raise Enough from None
        if type_num not in (*_KINDS, OFS_DELTA) or size > _LARGEST:
            raise Enough
        inflate = zlib.decompressobj()
        data = inflate.decompress(bytes(self._buffer[at:]), size + 1)
        if len(data) > size or inflate.unconsumed_tail:
            raise Enough  # it lies about its size
        if not inflate.eof:
            return False
        if isinstance(back, int):
            if self._at - back not in self._read:
                raise Enough
            type_num, base = self._read[self._at - back]
            if delta_result(data) > _LARGEST:
                raise Enough
            data = b"".join(apply_delta(base, data))
        self._take(type_num, data)
        self._at = len(self._buffer) - len(inflate.unused_data)
        return True

    def _take(self, type_num: int, data: bytes) -> None:
        self._inflated += len(data)
        if self._inflated > _LONGEST:
            raise Enough
        self._read[self._at] = type_num, data
        header = b"%s %d\x00" % (_KINDS[type_num], len(data))
        object_id = hashlib.sha1(header + data, usedforsecurity=False).hexdigest()
        if object_id in self._wanted:
            self._wanted.discard(object_id)
            self.found[object_id] = data
            if type_num == _COMMIT and data.startswith(b"tree "):
                self._wanted.add(data[5:45].decode("ascii", "replace"))
