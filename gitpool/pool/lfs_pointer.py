"""Git LFS's pointers: a few lines of text in place of a file that is kept elsewhere.

Format: https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md
"""

from __future__ import annotations

LONGEST = 1024
_VERSIONS = (
    b"version https://git-lfs.github.com/spec/",
    b"version https://hawser.github.com/spec/",
    b"version http://git-media.io/",
)


def is_lfs_pointer(data: bytes) -> bool:
    """Whether this is all of a pointer."""
    return len(data) <= LONGEST and data.startswith(_VERSIONS) and b"\noid " in data
