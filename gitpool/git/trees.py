"""Lists of files as git stores them, read without making an object of every entry: there are
millions. Format: https://git-scm.com/book/en/v2/Git-Internals-Git-Objects."""

from __future__ import annotations

import re

from ..errors import Damaged

_ENTRY = re.compile(rb"(\d{1,7}) ([^\0]+)\0(.{20})", re.DOTALL)
_BESIDE = 22
FOLDERS, FILES = (b"40000", b"040000"), (b"100644", b"100755", b"100664")
ELSEWHERE, EXECUTABLE = b"160000", b"100755"


def entries(tree: bytes) -> list[tuple[bytes, bytes, bytes]]:
    """Each entry's mode, name and binary id, as they stand there. Raises Damaged."""
    found: list[tuple[bytes, bytes, bytes]] = _ENTRY.findall(tree)
    if sum(len(mode) + len(name) + _BESIDE for mode, name, _ in found) != len(tree):
        raise Damaged("damaged", "A part of this profile's history is damaged.")
    return found
