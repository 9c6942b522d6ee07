"""Exit codes: what each error becomes, in this one place. docs/command-line.md lists them."""

from __future__ import annotations

import errno

from .. import errors as e

FINE = 0
FAILED = 1
DAMAGE_FOUND = 5
STOPPED = 130

_CODES: tuple[tuple[type[e.GitPoolError], int], ...] = (
    (e.Malformed, 2),
    (e.NotFound, 3),
    (e.Conflict, 4),
    (e.RemoteFailed, 6),
)


def exit_code(error: e.GitPoolError) -> int:
    """The exit code that tells of an error."""
    return next((code for kind, code in _CODES if isinstance(error, kind)), FAILED)


def from_system(error: OSError) -> e.DiskFailed:
    """What the system refused, for a person who may see paths: the machine is theirs."""
    said = error.strerror or str(error)
    text = f"{error.filename}: {said}." if error.filename else f"{said}."
    if error.errno in (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)):
        return e.DiskFailed("disk_full", text, "Free some space and try again.")
    return e.DiskFailed("disk_failed", text)
