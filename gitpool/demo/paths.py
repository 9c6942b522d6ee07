"""Turning names from requests into paths that stay inside one folder."""

from __future__ import annotations

import re
from pathlib import Path

_ANNOTATION = re.compile(r"^(?P<name>.*?) ?\[(?P<kind>input|output|temp)\]$")


class UnsafePath(ValueError):
    """A name from a request points outside the folder it belongs to."""


def safe_join(root: Path, *parts: str) -> Path:
    """Return `root/parts...` with links followed.

    Raises UnsafePath when the result lies outside `root`, is absolute or holds a NUL.
    """
    for part in parts:
        if "\0" in part or part.startswith(("/", "\\")) or Path(part).is_absolute():
            raise UnsafePath(part)
        if ".." in part.replace("\\", "/").split("/"):
            raise UnsafePath(part)
    base = root.resolve()
    target = base.joinpath(*parts).resolve()
    if not target.is_relative_to(base):
        raise UnsafePath("/".join(parts))
    return target


def split_annotation(name: str) -> tuple[str, str | None]:
    """Split `"a.png [temp]"` into `("a.png", "temp")`; a plain name gives `(name, None)`."""
    found = _ANNOTATION.match(name)
    return (found["name"], found["kind"]) if found else (name, None)
