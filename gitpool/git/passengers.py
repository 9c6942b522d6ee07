"""Passengers: other plain files that a git user keeps beside a pool. Merged file by file. Pure."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping, Set

from ..identifiers import name_key
from .listing import Passenger, folders_of

Passengers = Mapping[str, Passenger]


def merge_passengers(
    base: Passengers, ours: Passengers, theirs: Passengers, pool: Set[str]
) -> dict[str, Passenger]:
    """The passengers of both sides. Where both changed one, theirs stands beside ours under a
    name that says so; an edit beats a deletion.

    pool: the names of the merged pool's own files.
    """
    merged: dict[str, Passenger] = {}
    beside: dict[str, Passenger] = {}
    for path in dict.fromkeys([*ours, *theirs]):
        was, mine, other = base.get(path), ours.get(path), theirs.get(path)
        if mine == other or other == was:
            kept = mine
        elif mine == was:
            kept = other
        else:
            kept = mine or other
            if mine and other:
                beside[path] = other
        if kept:
            merged[path] = kept
    placed: dict[str, Passenger] = {}
    keys = {name_key(name) for name in pool}
    # Ours keep their names; what differs from another in case alone, or needs a folder where a
    # file is, doesn't fit.
    for path in sorted(merged, key=lambda path: (path not in ours, path)):
        if _fits(path, keys):
            _place(placed, keys, path, merged[path])
        else:
            beside[path] = merged[path]
    for path in sorted(beside):
        _place(placed, keys, _name_beside(path, keys), beside[path])
    return placed


def _place(placed: dict[str, Passenger], keys: set[str], path: str, one: Passenger) -> None:
    placed[path] = one
    keys.add(name_key(path))
    keys |= {f"{name_key(folder)}/" for folder in folders_of(path)}


def _fits(path: str, keys: set[str]) -> bool:
    """Whether neither the path nor a folder on the way is taken. keys: those of files, and those
    of folders with a slash behind."""
    key = name_key(path)
    return (
        key not in keys
        and f"{key}/" not in keys
        and not any(name_key(folder) in keys for folder in folders_of(path))
    )


def _name_beside(path: str, keys: set[str]) -> str:
    """`README (other machine).md`; numbered where that is taken too."""
    if any(name_key(folder) in keys for folder in folders_of(path)):
        # A file is where its folder was: it goes to one that is called so.
        top, _, below = path.partition("/")
        return next(p for n in _numbered(top) if _fits(p := f"{n}/{below}", keys))
    return next(name for name in _numbered(path) if _fits(name, keys))


def _numbered(path: str) -> Iterator[str]:
    stem, extension = posixpath.splitext(path)
    yield f"{stem} (other machine){extension}"
    number = 2
    while True:
        yield f"{stem} (other machine {number}){extension}"
        number += 1
