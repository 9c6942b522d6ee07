"""What some disks can't do, and is done without there: SMB shares, exFAT, shared folders of
virtual machines, mounts of ssh and of object stores. The log says so once for each disk.
"""

from __future__ import annotations

import errno
import logging
import os
import threading
from pathlib import Path

log = logging.getLogger("gitpool")

# What a call that a disk hasn't got ends with; a disk that is broken says EIO.
_HAS_NOT = {errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EINVAL}
_MAY_NOT = {errno.EPERM, errno.EACCES}
NO_SYNC = frozenset(_HAS_NOT | {errno.EBADF})
NO_FOLDERS = frozenset(_HAS_NOT | _MAY_NOT | {errno.EISDIR})
NO_MODES = frozenset(_HAS_NOT | _MAY_NOT)
NO_LOCKS = frozenset(_HAS_NOT | {errno.ENOLCK})
NO_FLAGS = frozenset(_HAS_NOT)
# A disk, or a part of it, that can be read and not written to.
READ_ONLY = frozenset(_MAY_NOT | {errno.EROFS})

_SYNC = "make {} durable: what was saved last may be lost when the power goes"
SYNC_FOLDER = _SYNC.format("names of files")
SYNC_FILE = _SYNC.format("files")
MODES = "keep who may read or write a file"
LINKS = "share files by hard links: copies take their room"
LOCKS = "lock files by the system: files that say who holds them serve instead"
REPLACING = "replace a file in one step"

_said: set[tuple[int, str]] = set()
_guard = threading.Lock()


def without(what: str, path: Path | str | int, error: OSError) -> None:
    """Note that a disk hasn't got something. path: a file or folder on it, or an open file."""
    try:
        disk = os.stat(path).st_dev
    except OSError:
        disk = -1
    with _guard:
        if (disk, what) in _said:
            return
        _said.add((disk, what))
    named = errno.errorcode.get(error.errno or 0, "?")
    log.warning("Git Pool: a disk that pools lie on can't %s (%s).", what, named)


def is_read_only(error: OSError) -> bool:
    """Whether an attempt to write failed because nothing may be written there."""
    return error.errno in READ_ONLY
