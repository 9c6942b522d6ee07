"""What is printed: text in columns for people, or one JSON document for programs."""

from __future__ import annotations

import json
import sys
import time
import unicodedata
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, TextIO

from ..errors import GitPoolError
from .exits import FINE


@dataclass(frozen=True)
class Outcome:
    """What a command has to say: `data` with `--json`, else `text`; and its exit code."""

    data: dict[str, Any]
    text: str
    code: int = FINE


def show(outcome: Outcome, as_json: bool) -> None:
    """Print an outcome on stdout."""
    _print(json.dumps(outcome.data, indent=1) if as_json else outcome.text, sys.stdout)


def show_error(error: GitPoolError, as_json: bool) -> None:
    """Tell of an error: a person on stderr, a program on stdout."""
    if as_json:
        _print(json.dumps({"error": error_body(error)}, indent=1), sys.stdout)
        return
    lines = [f"gitpool: {error.message}", *error.hint.splitlines()]
    _print("\n         ".join(lines), sys.stderr)


def error_body(error: GitPoolError) -> dict[str, str]:
    """An error as programs get it."""
    return {"code": error.code, "message": error.message, "hint": error.hint}


def table(rows: Sequence[Sequence[str]], numbers: Collection[int] = ()) -> str:
    """Rows in columns; the columns at the places `numbers` are right-aligned."""
    shown = [[printable(cell) for cell in row] for row in rows]
    widths = [max(_width(cell) for cell in column) for column in zip(*shown, strict=True)]
    return "\n".join(_line(row, widths, numbers) for row in shown)


def printable(text: str) -> str:
    """Text on one line that moves no cursor, whatever a git user wrote into a message."""
    return "".join(c if c.isprintable() else " " if c.isspace() else "\ufffd" for c in text)


def moment(seconds: int) -> str:
    """A time since 1970 as this machine's clock shows it; "" where it isn't one."""
    try:
        return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))
    except (OverflowError, ValueError, OSError):  # a commit can claim any time
        return ""


def size(count: int) -> str:
    """Bytes in the largest unit that leaves a number of 1 or more."""
    number, unit = float(count), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if number < 1000:
            break
        number, unit = number / 1000, larger
    return f"{count} B" if unit == "B" else f"{number:.1f} {unit}"


def counted(number: int, noun: str) -> str:
    """`1 image`, `2 images`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _line(cells: Sequence[str], widths: Sequence[int], numbers: Collection[int]) -> str:
    padded = []
    for place, (cell, width) in enumerate(zip(cells, widths, strict=True)):
        space = " " * (width - _width(cell))
        padded.append(space + cell if place in numbers else cell + space)
    return "  ".join(padded).rstrip()


def _width(text: str) -> int:
    """Columns that a terminal gives the text."""
    wide = sum(unicodedata.east_asian_width(c) in "WF" for c in text)
    return len(text) + wide - sum(unicodedata.combining(c) > 0 for c in text)


def _print(text: str, stream: TextIO) -> None:
    encoding = stream.encoding or "utf-8"
    # A terminal that has no such letter gets a question mark, not a failed command.
    stream.write(text.encode(encoding, "replace").decode(encoding, "replace") + "\n")
    stream.flush()
