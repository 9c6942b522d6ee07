"""Functions run in processes of their own, each forked from one that only imports: so a process
can be killed at any moment, and none knows what another one remembered."""

from __future__ import annotations

import contextlib
import importlib
import os
import pickle
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

_TESTS = Path(__file__).resolve().parents[1]
_READY = ("faults.checks", "faults.failing", "faults.journal", "PIL.PngImagePlugin")
_LIMIT = 1200.0


@dataclass(frozen=True)
class Outcome:
    """How a process ended: what its function gave, if it came to its end, and the exit status."""

    ended: bool
    value: Any
    status: int
    seconds: float


class Forks:
    """Calls functions in forked processes, one at a time. Use it as a context."""

    def __enter__(self) -> Forks:
        # Nothing of the environment a test runs in may matter, save where Python is.
        command = [sys.executable, "-c", "from faults import forks; forks.serve()"]
        self._server = subprocess.Popen(
            command, cwd=_TESTS, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        return self

    def __exit__(self, *_: object) -> None:
        assert self._server.stdin
        self._server.stdin.close()
        self._server.wait(_LIMIT)

    def call(
        self, function: Callable[..., Any], *arguments: Any, kill_after: float | None = None
    ) -> Outcome:
        """What became of it; after `kill_after` seconds it is killed. Raises what it raised."""
        assert self._server.stdin
        assert self._server.stdout
        _send(self._server.stdin, (function, arguments, kill_after))
        data, status, seconds = _receive(self._server.stdout)
        try:
            failed, value = pickle.loads(data)
        except (EOFError, pickle.UnpicklingError):
            return Outcome(False, None, status, seconds)
        if failed:
            raise AssertionError(value)
        return Outcome(True, value, status, seconds)


def serve() -> None:
    """Fork for each request on the standard input, until it ends."""
    for name in _READY:
        importlib.import_module(name)
    source, target = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    while True:
        try:
            function, arguments, kill_after = _receive(source)
        except EOFError:
            return
        _send(target, _run(function, arguments, kill_after))


def _run(
    function: Callable[..., Any], arguments: tuple[Any, ...], kill_after: float | None
) -> tuple[bytes, int, float]:
    reader, writer = os.pipe()
    begun = time.monotonic()
    child = os.fork()
    if child == 0:
        os.close(reader)
        _answer(writer, function, arguments)
    os.close(writer)
    data = _read(reader, begun + (_LIMIT if kill_after is None else kill_after))
    if data is None:
        os.kill(child, signal.SIGKILL)
        data = _read(reader, time.monotonic() + _LIMIT) or b""
    os.close(reader)
    _, status = os.waitpid(child, 0)
    return data, os.waitstatus_to_exitcode(status), time.monotonic() - begun


def _answer(writer: int, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    status = 1
    try:
        try:
            said = (False, function(*arguments))
        except BaseException:
            import traceback

            said = (True, traceback.format_exc())
        with os.fdopen(writer, "wb") as file:
            file.write(pickle.dumps(said))
        status = 0
    finally:
        _save_coverage()
        os._exit(status)


def _save_coverage() -> None:
    """A process that ends like this is counted all the same, if any are."""
    measured = sys.modules.get("coverage")
    if measured and (current := measured.Coverage.current()):
        current.stop()
        current.save()


def _read(reader: int, until: float) -> bytes | None:
    """All that comes until the other end is closed; None where that takes too long."""
    pieces = []
    while True:
        ready, _, _ = select.select([reader], [], [], max(0.0, until - time.monotonic()))
        if not ready:
            return None
        piece = os.read(reader, 1 << 16)
        if not piece:
            return b"".join(pieces)
        pieces.append(piece)


def _send(target: BinaryIO, thing: Any) -> None:
    data = pickle.dumps(thing)
    target.write(len(data).to_bytes(8, "big") + data)
    target.flush()


def _receive(source: BinaryIO) -> Any:
    head = source.read(8)
    if len(head) < 8:
        raise EOFError
    with contextlib.suppress(EOFError):
        return pickle.loads(source.read(int.from_bytes(head, "big")))
    raise EOFError
