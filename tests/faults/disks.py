"""Disks that haven't got what Linux's own have, as SMB shares, exFAT, shared folders of virtual
machines and mounts of ssh and object stores; and one that can only be read.
"""

from __future__ import annotations

import errno
import logging
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gitpool.pool.durable import TEMP_PREFIX

from .interpose import Call, Interposer
from .operations import OPERATIONS
from .world import World

_PLAIN = os.O_ACCMODE | os.O_CREAT | os.O_EXCL | os.O_TRUNC | getattr(os, "O_CLOEXEC", 0)
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC


@dataclass
class Disk:
    """What a disk hasn't got, each with the error it says; a watcher.

    sync_folder, open_folder, sync, flock, chmod, link, replace: calls. flags: other than those
    that every disk knows, when a file is opened.
    """

    sync_folder: int = 0
    open_folder: int = 0
    sync: int = 0
    flock: int = 0
    chmod: int = 0
    link: int = 0
    replace: int = 0
    flags: int = 0
    met: set[str] = field(default_factory=set)

    def before(self, call: Call) -> int | None:
        what = self._hasnt(call)
        if what:
            self.met.add(what)
            number = getattr(self, what)
            raise OSError(number, os.strerror(number), call.paths[0])
        return None

    def _hasnt(self, call: Call) -> str | None:
        is_folder = os.path.isdir(call.paths[0])
        if call.name == "fsync":
            return self._if("sync_folder" if is_folder else "sync")
        if call.name == "open" and is_folder:
            # Only to be synced: who lists a folder does it by another call.
            return self._if("open_folder")
        if call.name in ("open", "create") and call.flags & ~_PLAIN:
            return self._if("flags")
        if call.name == "rename" and os.path.isfile(call.paths[-1]):
            return self._if("replace")
        return self._if(call.name) if call.name in ("flock", "chmod", "link") else None

    def _if(self, what: str) -> str | None:
        return what if getattr(self, what) else None

    def after(self, call: Call) -> None:
        """Nothing to note."""


DISKS: dict[str, Disk] = {
    "SMB": Disk(
        sync_folder=errno.EINVAL,
        flock=errno.EOPNOTSUPP,
        chmod=errno.EPERM,
        link=errno.EOPNOTSUPP,
    ),
    "exFAT": Disk(chmod=errno.EPERM, link=errno.EPERM),
    "VirtualBox": Disk(
        sync_folder=errno.ENOTSUP, flock=errno.ENOSYS, chmod=errno.EINVAL, link=errno.EPERM
    ),
    "sshfs": Disk(sync_folder=errno.ENOSYS, flock=errno.ENOLCK, link=errno.ENOSYS),
    "S3": Disk(
        open_folder=errno.EACCES,
        sync=errno.EINVAL,
        flock=errno.ENOTSUP,
        chmod=errno.ENOTSUP,
        link=errno.EMLINK,
        flags=errno.EINVAL,
    ),
    "old SMB": Disk(sync_folder=errno.EBADF, flock=errno.ENOLCK, replace=errno.EEXIST),
}


_READ_ONLY = {"read-only": errno.EROFS, "another's": errno.EACCES}


class ReadOnly:
    """Everything below can be read and nothing written; a watcher. number: the error it says."""

    def __init__(self, number: int) -> None:
        self._number = number

    def before(self, call: Call) -> int | None:
        if call.name == "mkdir" and os.path.isdir(call.paths[0]):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), call.paths[0])
        if call.name in ("fsync", "flock") or (call.name == "open" and not call.flags & _WRITES):
            return None
        raise OSError(self._number, os.strerror(self._number), call.paths[0])

    def after(self, call: Call) -> None:
        """Nothing to note."""


def install(base: Path, name: str) -> Disk | ReadOnly:
    """Have what lies below `base` be on such a disk, for the rest of this process."""
    disk = ReadOnly(_READ_ONLY[name]) if name in _READ_ONLY else DISKS[name]
    Interposer(base, disk).install(modes_and_locks=True)
    return disk


@dataclass
class Done:
    """What an operation gave, what it met that the disk hasn't got, and what the log said."""

    value: Any
    met: set[str]
    log: list[str]


def run_on(world: World, disk_name: str, name: str) -> Done:
    """Carry an operation out on such a disk, in this process."""
    said = _Said()
    logging.getLogger("gitpool").addHandler(said)
    disk = install(world.base, disk_name)
    assert isinstance(disk, Disk)
    value = OPERATIONS[name].run(world.service(), world)
    _nothing_half_made(world)
    return Done(value, disk.met, said.lines)


def _nothing_half_made(world: World) -> None:
    left = [str(path) for path in world.pools.rglob(f"{TEMP_PREFIX}*")]
    left += [str(path) for path in (world.pools / ".gitpool").rglob("*.held*")]
    if left:
        raise AssertionError(left)


class _Said(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())
