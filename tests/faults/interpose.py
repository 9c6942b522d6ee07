"""Between Python and the system: every call that opens or changes a file below a folder passes
through here, to be counted, failed or noted. Python's own functions are replaced, so no compiler
is needed; what C code does by itself (none of it writes here) isn't seen.
"""

from __future__ import annotations

import builtins
import io
import os
import pathlib
import shutil
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

_ONE_PATH = ("unlink", "remove", "mkdir", "rmdir")
_TWO_PATHS = ("rename", "replace", "link")
_WRITING = ("w", "a", "x", "+")


@dataclass(frozen=True)
class Call:
    """One call. name: open, create, write, fsync, rename, link, unlink, mkdir or rmdir; or, where
    that is asked for, chmod or flock.

    paths: full ones. data, offset: what is written, and where. truncates: what the file held
    before is gone. flags: what it is opened with.
    """

    name: str
    paths: tuple[str, ...]
    data: bytes = b""
    offset: int = 0
    truncates: bool = False
    flags: int = 0


class Watcher(Protocol):
    """Who is asked about every call."""

    def before(self, call: Call) -> int | None:
        """Raises to fail the call; a number has a write stop short after that many bytes."""

    def after(self, call: Call) -> None:
        """The call has been carried out."""


_real_open = io.open
_real = {name: getattr(os, name) for name in (*_ONE_PATH, *_TWO_PATHS, "open", "fsync", "write")}


class Interposer:
    """Puts itself before the calls; only for a process that ends soon, as it never goes away."""

    def __init__(self, base: Path, watcher: Watcher) -> None:
        self._base = str(base) + os.sep
        self._watcher = watcher
        # One call at a time, so that the order they are noted in is the one they happened in.
        self._turn = threading.RLock()

    def install(self, modes_and_locks: bool = False) -> None:
        if modes_and_locks:
            import fcntl

            os.chmod = self._single("chmod", os.chmod)  # type: ignore[assignment]
            os.fchmod = self._single("chmod", os.fchmod)  # type: ignore[assignment]
            fcntl.flock = self._single("flock", fcntl.flock)  # type: ignore[assignment]
        builtins.open = io.open = self._open_file  # type: ignore[assignment]
        os.open, os.write = self._open, self._write  # type: ignore[assignment]
        os.fsync = os.fdatasync = self._fsync  # type: ignore[assignment]
        for name in (*_ONE_PATH, *_TWO_PATHS):
            setattr(os, name, self._named(name))
        # Copying would otherwise be done by the kernel, in one call of its own.
        if hasattr(os, "copy_file_range"):
            del os.copy_file_range
        for name in ("_USE_CP_SENDFILE", "_USE_CP_COPY_FILE_RANGE", "_HAS_FCOPYFILE"):
            if hasattr(shutil, name):
                setattr(shutil, name, False)
        accessor = getattr(pathlib, "_NormalAccessor", None)  # Python 3.10 keeps its own
        for name in (*_ONE_PATH, *_TWO_PATHS, "chmod", "open") if accessor else ():
            if hasattr(accessor, name):
                function = self._open_file if name == "open" else getattr(os, name)
                setattr(accessor, name, staticmethod(function))

    def _below(self, path: Any, folder: int | None = None) -> str | None:
        """The full path, if it lies below the base."""
        if isinstance(path, int):
            full = os.readlink(f"/proc/self/fd/{path}")
        elif folder is not None:
            full = os.path.join(os.readlink(f"/proc/self/fd/{folder}"), os.fsdecode(path))
        else:
            full = os.path.abspath(os.fsdecode(path))
        return full if (full + os.sep).startswith(self._base) else None

    def _pass(self, call: Call, function: Callable[[], Any]) -> Any:
        with self._turn:
            self._watcher.before(call)
            result = function()
            self._watcher.after(call)
            return result

    def _named(self, name: str) -> Callable[..., Any]:
        real, said = _real[name], {"remove": "unlink", "replace": "rename"}.get(name, name)

        def wrapped(*paths: Any, **more: Any) -> Any:
            folders = [more.get("src_dir_fd", more.get("dir_fd")), more.get("dst_dir_fd")]
            named = paths[:2] if name in _TWO_PATHS else paths[:1]
            full = [self._below(p, f) for p, f in zip(named, folders, strict=False)]
            if any(path is None for path in full):
                return real(*paths, **more)
            call = Call(said, tuple(str(path) for path in full))
            return self._pass(call, lambda: real(*paths, **more))

        return wrapped

    def _single(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(file: Any, *rest: Any, **more: Any) -> Any:
            folder = more.get("dir_fd")
            named = file.fileno() if hasattr(file, "fileno") else file
            path = self._below(named, folder)
            if path is None:
                return real(file, *rest, **more)
            return self._pass(Call(name, (path,)), lambda: real(file, *rest, **more))

        return wrapped

    def _fsync(self, file: Any) -> None:
        number = file if isinstance(file, int) else file.fileno()
        path = self._below(number)
        if path is None:
            return _real["fsync"](number)
        # The power stays on in here, so waiting for the disk would only take time.
        return self._pass(Call("fsync", (path,)), lambda: None)

    def _open(self, path: Any, flags: int, *more: Any, dir_fd: int | None = None) -> int:
        full = self._below(path, dir_fd)
        real = _real["open"]
        if full is None:
            return real(path, flags, *more, dir_fd=dir_fd)
        name = "create" if flags & os.O_CREAT and not os.path.lexists(full) else "open"
        call = Call(name, (full,), truncates=bool(flags & os.O_TRUNC), flags=flags)
        return self._pass(call, lambda: real(path, flags, *more, dir_fd=dir_fd))

    def _write(self, number: int, data: Any) -> int:
        path = self._below(number)
        if path is None:
            return _real["write"](number, data)
        return self.write(path, number, data, lambda d: _real["write"](number, d))

    def write(self, path: str, number: int, data: Any, real: Callable[[Any], int]) -> int:
        """A write to an open file, or to the front part of it."""
        data = bytes(data)
        appends = _flags(number) & os.O_APPEND
        offset = os.fstat(number).st_size if appends else os.lseek(number, 0, os.SEEK_CUR)
        with self._turn:
            most = self._watcher.before(Call("write", (path,), data, offset))
            data = data if most is None else data[:most]
            written = real(data)
            self._watcher.after(Call("write", (path,), data[:written], offset))
            return written

    def _open_file(
        self,
        file: Any,
        mode: str = "r",
        buffering: int = -1,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
        closefd: bool = True,
        opener: Any = None,
    ) -> Any:
        rest = (encoding, errors, newline, closefd, opener)
        full = self._below(file)
        if full is None:
            return _real_open(file, mode, buffering, *rest)
        writes = any(letter in mode for letter in _WRITING)
        if not writes and isinstance(file, int):
            return _real_open(file, mode, buffering, *rest)
        if not writes:
            call = Call("open", (full,))
            return self._pass(call, lambda: _real_open(file, mode, buffering, *rest))
        raw_mode = mode.replace("b", "").replace("t", "")

        def make() -> _File:
            return _File(self, full, file, raw_mode, closefd, opener)

        if isinstance(file, int):
            raw = make()
        else:
            fresh = not os.path.lexists(full)
            name, truncates = "create" if fresh else "open", "w" in mode
            call = Call(name, (full,), truncates=truncates, flags=os.O_RDWR)
            raw = self._pass(call, make)
        if buffering == 0:
            return raw
        size = buffering if buffering > 1 else io.DEFAULT_BUFFER_SIZE
        buffer = (io.BufferedRandom if "+" in mode else io.BufferedWriter)(raw, size)
        return buffer if "b" in mode else io.TextIOWrapper(buffer, encoding, errors, newline)


class _File(io.FileIO):
    """An open file whose writes pass by."""

    def __init__(
        self, owner: Interposer, full: str, file: Any, mode: str, closefd: bool, opener: Any
    ) -> None:
        super().__init__(file, mode, closefd, opener)
        self._owner, self._full = owner, full

    def write(self, data: Any) -> int:
        # A file may have been renamed since, or be one that nothing names any more.
        path = os.readlink(f"/proc/self/fd/{self.fileno()}")
        return self._owner.write(path, self.fileno(), data, super().write)


def _flags(number: int) -> int:
    import fcntl

    return fcntl.fcntl(number, fcntl.F_GETFL)
