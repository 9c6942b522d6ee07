"""Files that are written whole or not at all, and are still there after a power cut.

The order is restic's: temporary file, write, fsync, rename, fsync the folder. What a disk hasn't
got of it, and of modes and links, is done without (`disks`).
"""

from __future__ import annotations

import contextlib
import errno
import math
import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from ..identifiers import TEMP_PREFIX
from . import disks

_AT_ONCE = 1 << 30
# Seconds by which a clock may be ahead of a disk's, with a file that somebody still writes.
_AHEAD = 3600.0
# Another file system, or one or a kernel that has no such call.
_NOT_HERE = {
    errno.EXDEV,
    errno.ENOSYS,
    errno.EOPNOTSUPP,
    errno.EINVAL,
    errno.EPERM,
    errno.EACCES,
    errno.EBADF,
}
_CANT_REPLACE = {errno.EEXIST, errno.ENOTEMPTY, errno.EOPNOTSUPP, errno.EINVAL}
_READ_ONLY = 0o444


def sync_folder(folder: Path) -> None:
    """Make the folder's entries durable; Windows has no such call and needs none."""
    if os.name == "nt":
        return
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError as error:
        if error.errno not in disks.NO_FOLDERS:
            raise
        return disks.without(disks.SYNC_FOLDER, folder, error)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in disks.NO_SYNC:
            raise
        disks.without(disks.SYNC_FOLDER, folder, error)
    finally:
        os.close(descriptor)


def sync(file: BinaryIO | int) -> None:
    """Make an open file's bytes durable, those that left the program."""
    number = file if isinstance(file, int) else file.fileno()
    try:
        os.fsync(number)
    except OSError as error:
        if error.errno not in disks.NO_SYNC:
            raise
        # A file that isn't open says so to this as well.
        os.fstat(number)
        disks.without(disks.SYNC_FILE, number, error)


def replace(source: Path | str, target: Path) -> None:
    """Give a file another's name and place, in one step where the disk can."""
    try:
        os.replace(source, target)
    except OSError as error:
        if error.errno not in _CANT_REPLACE or not os.path.isfile(target):
            raise
        disks.without(disks.REPLACING, target, error)
        _replace_in_steps(source, target)


def _replace_in_steps(source: Path | str, target: Path) -> None:
    aside = target.with_name(f"{TEMP_PREFIX}{secrets.token_hex(8)}")
    os.rename(target, aside)
    try:
        os.rename(source, target)
    except BaseException:
        os.rename(aside, target)
        raise
    os.unlink(aside)


def chmod(path: Path | str | int, mode: int) -> None:
    """Say who may do what with a file, where the disk keeps that. path: or an open file."""
    try:
        os.chmod(path, mode)
    except OSError as error:
        if error.errno not in disks.NO_MODES:
            raise
        disks.without(disks.MODES, path, error)


def make_read_only(path: Path | str | int) -> None:
    """Have nobody write to a file by mistake: what git does with what never changes."""
    chmod(path, _READ_ONLY)


def link_or_copy(source: Path, target: Path) -> None:
    """Have the file at another place too: as the same bytes, or else as others, made durable.
    The folder is the caller's to sync. Raises FileExistsError, FileNotFoundError."""
    try:
        os.link(source, target)
    except (FileExistsError, FileNotFoundError):
        raise
    except OSError as error:  # whatever it was, copying it shows whether the disk works
        if error.errno != errno.EXDEV:
            disks.without(disks.LINKS, target.parent, error)
        copy_file(source, target)


@contextlib.contextmanager
def replacing(path: Path, and_folder: bool = True) -> Iterator[BinaryIO]:
    """A file to write to that takes `path`'s place, durably, when the block ends well.

    and_folder: without it the caller makes the folder's entries durable, once for many files.
    """
    temp = path.parent / f"{TEMP_PREFIX}{secrets.token_hex(8)}"
    try:
        with open(temp, "xb") as file:
            yield file
            file.flush()
            sync(file)
        replace(temp, path)
        if and_folder:
            sync_folder(path.parent)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            temp.unlink()
        raise


def write_file(path: Path, data: bytes) -> None:
    """Write `data` to `path`, whole or not at all."""
    with replacing(path) as file:
        file.write(data)


def make_executable(path: Path) -> None:
    """Let a file be run, on disks that know such a thing."""
    chmod(path, 0o755)


def set_aside(path: Path, what: str = "damaged") -> None:
    """Keep what is in the way beside its place, for whoever can make something of it: damaged, or
    whatever else it is."""
    if os.path.lexists(path):
        number, aside = 1, path.with_name(f"{path.name}.{what}")
        while os.path.lexists(aside):
            number += 1
            aside = path.with_name(f"{path.name}.{what}-{number}")
        os.rename(path, aside)
        sync_folder(path.parent)


def age_of(path: Path) -> float:
    """Seconds since a file was written, by the clock of the disk that it lies on, which a file
    server sets; infinity for one that is dated well into the future. Raises FileNotFoundError."""
    probe = path.with_name(f"{TEMP_PREFIX}{secrets.token_hex(8)}")
    written = path.stat().st_mtime
    try:
        probe.touch()
        age = probe.stat().st_mtime - written
    finally:
        probe.unlink(missing_ok=True)
    return age if age > -_AHEAD else math.inf


def write_all(file: BinaryIO, data: bytes) -> None:
    """Write to an unbuffered file, all of it: a disk that is almost full takes a part, and says
    nothing until the next one."""
    left = memoryview(data)
    while left:
        left = left[file.write(left) :]


def appending(path: Path) -> BinaryIO:
    """A file to read and to add to, at its end; unbuffered, and made where there is none. Raises
    OSError for a link."""
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0)
    try:
        number = os.open(path, flags | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0), 0o644)
    except OSError as error:
        if error.errno not in disks.NO_FLAGS or path.is_symlink():
            raise
        number = os.open(path, flags, 0o644)
    return os.fdopen(number, "r+b", buffering=0)


def copy_file(source: Path, target: Path) -> None:
    """Copy with fsync; the folder is the caller's to sync. The kernel copies, and where the
    file system can have one file share another's bytes until either changes, it does that."""
    if not _shared(source, target):
        shutil.copyfile(source, target)
    sync_file(target)


def _shared(source: Path, target: Path) -> bool:
    """Whether the kernel could copy it: https://man7.org/linux/man-pages/man2/copy_file_range.2.html"""
    if not hasattr(os, "copy_file_range"):
        return False
    with open(source, "rb") as file, open(target, "wb") as copy:
        try:
            while os.copy_file_range(file.fileno(), copy.fileno(), _AT_ONCE):
                pass
        except OSError as error:
            if error.errno in _NOT_HERE:
                return False
            raise
        # Some kernels say of some files that there is nothing to copy.
        return os.fstat(copy.fileno()).st_size == os.fstat(file.fileno()).st_size


def sync_file(path: Path) -> None:
    """Make a file's bytes durable, whoever wrote them."""
    descriptor = os.open(path, os.O_RDWR)
    try:
        sync(descriptor)
    finally:
        os.close(descriptor)


def make_folder(folder: Path) -> None:
    """Make the folder and its parents, durably."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    sync_folder(folder.parent)


def sweep_temporary(folder: Path) -> None:
    """Remove what a crash left of `replacing`; only under the folder's lock."""
    for entry in os.scandir(folder):
        if entry.name.startswith(TEMP_PREFIX) and entry.is_file(follow_symlinks=False):
            os.unlink(entry.path)
