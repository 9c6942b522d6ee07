"""One step in a process of its own: seconds, memory, and what went over the wire."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
_LAUNCH = Path(__file__).with_name("launch.py")


class TooSlow(Exception):
    """A step took longer than it may."""


class StepFailed(Exception):
    """A step ended with an error."""


@dataclass(frozen=True)
class Wire:
    """What went over HTTP: requests, and the bytes of their bodies either way."""

    requests: int
    sent: int
    received: int


@dataclass(frozen=True)
class Measurement:
    """One run of a step. Memory in MB: the peak, how much of it is the process's own (not
    pages of files), what was there before the step began, and by how much its own grew; None
    where it isn't known. told: what the step itself says of what it did. cpu: seconds of work,
    of all threads and children."""

    seconds: float
    peak: float
    own: float | None = None
    idle: float | None = None
    wire: Wire | None = None
    above: float | None = None
    told: Mapping[str, float] | None = None
    cpu: float | None = None


def median(runs: Sequence[Measurement]) -> Measurement:
    """The run of the median time, with the largest memory of all."""
    ordered = sorted(runs, key=lambda run: run.seconds)
    middle = ordered[(len(ordered) - 1) // 2]
    return Measurement(
        statistics.median(run.seconds for run in runs),
        max(run.peak for run in runs),
        max((run.own for run in runs if run.own is not None), default=None),
        max((run.idle for run in runs if run.idle is not None), default=None),
        middle.wire,
        max((run.above for run in runs if run.above is not None), default=None),
        middle.told,
        statistics.median(run.cpu or 0.0 for run in runs),
    )


def disk(folders: Sequence[Path]) -> int:
    """Bytes that the files below take of the disk; one with several names counts once."""
    os.sync()  # some file systems give out the room for a file only when they write it
    files = [file.lstat() for folder in folders for file in folder.rglob("*") if file.is_file()]
    return sum({stat.st_ino: stat.st_blocks * 512 for stat in files}.values())


def run_program(
    arguments: Sequence[str], folder: Path, environment: Mapping[str, str], limit: float
) -> Measurement:
    """A program, from its start to its end, with all the processes that it waits for."""
    reading, writing = os.pipe()
    command = [sys.executable, "-I", "-S", str(_LAUNCH), str(writing), *arguments]
    try:
        _run(command, folder, environment, limit, writing)
        told = json.loads(os.read(reading, 4096))
    finally:
        os.close(reading)
        with contextlib.suppress(OSError):
            os.close(writing)
    return Measurement(**told)


def run_step(
    task: Mapping[str, Any],
    environment: Mapping[str, str],
    limit: float,
    module: str = "benchmarks.steps",
) -> Measurement:
    """A task of that module in a new Python; its start and imports aren't counted."""
    command = [sys.executable, "-m", module, json.dumps(dict(task))]
    said = _run(command, ROOT, environment, limit)
    return Measurement(**json.loads(said.splitlines()[-1]))


def _run(
    command: Sequence[str],
    folder: Path,
    environment: Mapping[str, str],
    limit: float,
    passed: int | None = None,
) -> str:
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        pass_fds=() if passed is None else (passed,),
    )
    try:
        said, wrong = process.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        raise TooSlow from None
    finally:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
    if process.returncode:
        raise StepFailed(f"{' '.join(command[-4:])}\n{said}\n{wrong}")
    return said
