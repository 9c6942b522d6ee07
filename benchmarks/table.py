"""The measurements as Markdown: a table for each way to the remote, and the page around them."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

from .measure import Measurement, median

STEPS = {
    "push": "first push",
    "look": "nothing to do",
    "send": "one new image, sent",
    "get": "first get",
    "pull": "one new image, got",
}
BASE = "C git"

Results = dict[tuple[str, str], list[Measurement]]

_HEAD = ("step", "by", "seconds", f"× {BASE}", "peak MB", "own MB", "idle MB")
_WIRE = ("requests", "sent", "received")


def table(title: str, results: Results) -> str:
    """One way's table; `title` says which."""
    measured = {key: median(runs) for key, runs in results.items() if runs}
    wired = any(run.wire for run in measured.values())
    rows = [[*_HEAD, *(_WIRE if wired else ())]]
    rows.append(["---", "---", *["---:"] * (len(rows[0]) - 2)])
    for (step, contender), runs in results.items():
        if not runs:
            rows.append([STEPS[step], contender, "too slow", *[""] * (len(rows[0]) - 3)])
            continue
        base = measured.get((step, BASE))
        rows.append(_row(STEPS[step], contender, measured[step, contender], base, wired))
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([f"## To and from {title}", "", *lines])


def page(results: Mapping[str, Results], images: int, megabytes: float, command: str) -> str:
    """The whole page."""
    tables = "\n\n".join(table(title, found) for title, found in results.items())
    return _PAGE.format(
        images=images, megabytes=f"{megabytes:g}", command=command, tables=tables, machine=machine()
    )


def _row(
    step: str, contender: str, run: Measurement, base: Measurement | None, wired: bool
) -> list[str]:
    row = [
        step,
        contender,
        short(run.seconds),
        short(run.seconds / base.seconds) if base else "",
        *("" if value is None else f"{value:.0f}" for value in (run.peak, run.own, run.idle)),
    ]
    if wired and run.wire:
        row += [str(run.wire.requests), size(run.wire.sent), size(run.wire.received)]
    return row


def short(number: float) -> str:
    """Two figures that count, at least."""
    return f"{number:.3f}" if number < 0.1 else f"{number:.2f}" if number < 10 else f"{number:.0f}"


def size(count: int) -> str:
    """A number of bytes."""
    if count < 1000:
        return f"{count} B"
    return f"{count / 1e3:.1f} kB" if count < 1_000_000 else f"{count / 1e6:.1f} MB"


def machine(*more: str) -> str:
    """What it was measured on, and with. more: other packages that were measured."""
    git = subprocess.run(["git", "--version"], capture_output=True, text=True, check=True)
    gigabytes = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    others = "".join(f", {package} {version(package)}" for package in more)
    return _MACHINE.format(
        cores=os.cpu_count(),
        processor=_processor(),
        memory=f"{gigabytes:.0f}",
        system=f"{platform.system()} {'.'.join(platform.release().split('.')[:2])}",
        python=platform.python_version(),
        git=git.stdout.split()[2],
        dulwich=version("dulwich"),
        urllib3=version("urllib3"),
        others=others,
        gitpool=version("gitpool"),
        implementation=sys.implementation.name,
    )


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


_MACHINE = """\
Machine: {cores} cores ({processor}), {memory} GB of memory, {system}; {implementation} {python},
dulwich {dulwich}, urllib3 {urllib3}{others}, git {git}, Git Pool {gitpool}."""

_PAGE = """\
# How fast a sync is

{images} PNG files of {megabytes} MB that don't compress, measured by

```sh
{command}
```

which makes this page. One run on one machine, the contenders in turn at each step, medians of
up to three runs (fewer where a step takes long); so the ratios say more than the seconds.

- **Git Pool**: its service, as ComfyUI runs it. Every step but the first get is the same sync,
  which looks for edits, asks the remote, takes in, examines and sends. Files are synced to disk.
- **C git**: `push`, `fetch`, `push`, `clone`, `pull`; a commit's `git add` isn't counted. A folder
  is spoken to as `file://`: by its bare path `git clone` hard-links, which no other disk can.
- **dulwich**: the same of its porcelain. Given up where a step takes more than three minutes.
- **seconds**: of the step; what Python takes to start isn't counted, git's own start is.
- **peak MB**: the most memory of the client's process (C git: of the largest process that it ran,
  with a folder the other side's too; less than 10 can't be told). **own MB**: the part of it
  that isn't pages of files, which the system takes back when it needs them. **idle MB**: before
  the step.
- **requests, sent, received**: HTTP requests, and the bytes of their bodies. The server is the
  tests' own, `git http-backend` on the same machine, and shares its cores.

{tables}

{machine}
"""
