"""Reading files that anybody may have put where they are."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO

from . import disks

# A pipe is opened without waiting for whoever writes to it; Windows has none that have paths.
_AT_ONCE = getattr(os, "O_NONBLOCK", 0)
_OWN = getattr(os, "O_NOFOLLOW", 0)


def open_file(path: Path, buffering: int = -1, follow: bool = True) -> BinaryIO:
    """A file, to read from. What isn't one, such as a pipe, which nobody may ever write to, or a
    device, which may never end, counts as a folder: raises IsADirectoryError.

    follow: a link too; else raises OSError (ELOOP) for one.
    """
    own = 0 if follow else _OWN

    def opener(name: str, flags: int) -> int:
        try:
            return os.open(name, flags | own | _AT_ONCE)
        except BlockingIOError:
            # A file server lent it to somebody, and gets it back; no pipe is opened like that.
            return os.open(name, flags | own)
        except OSError as error:
            if error.errno not in disks.NO_FLAGS:
                raise
            # A disk that knows no such flags: what it is has to be asked before.
            return _opened_plainly(name, flags, follow)

    file = open(path, "rb", buffering=buffering, opener=opener)  # noqa: SIM115 - the caller's
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise IsADirectoryError(errno.EISDIR, "it isn't a file", str(path))
    return file


def _opened_plainly(name: str, flags: int, follow: bool) -> int:
    mode = (os.stat if follow else os.lstat)(name).st_mode
    if stat.S_ISLNK(mode):
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), name)
    if not stat.S_ISREG(mode):
        raise IsADirectoryError(errno.EISDIR, "it isn't a file", name)
    return os.open(name, flags)


def read_file(path: Path) -> bytes:
    """All of a file, likewise."""
    with open_file(path) as file:
        return file.read()
