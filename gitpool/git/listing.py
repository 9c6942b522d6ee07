"""What a snapshot's list of files comes to: the pool's own, passengers, and what is left out.

A git user may commit anything. Images and their list are the pool's; other plain files, in folders
too, are passengers, which stay as they are; links, other repositories and names that some system
can't hold are left out, and so is the litter of systems. This is the one place that decides; what
is sent, taken from others, written to disk and shown all goes by it.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from ..errors import Damaged
from ..identifiers import is_image_name, is_litter, is_portable_path, name_key
from ..pool.manifest import MANIFEST_NAME
from .inflate import KINDS
from .objects import ObjectStore
from .trees import ELSEWHERE, EXECUTABLE, FILES, FOLDERS, entries

FILE_MODE, EXECUTABLE_MODE = 0o100644, 0o100755
# More files than this no pool has beside its images.
MOST_FILES = 100_000
_DEEPEST = 64
LITTER = "a file of the system’s own"
LINK, MODULE, ODD_NAME = "a link", "another repository", "a name that not every system can hold"
TOO_MANY = "more files than a pool can carry"


class Passenger(NamedTuple):
    """A plain file that is no part of the pool: its blob, and git's mode for it."""

    blob: str
    mode: int = FILE_MODE


class LeftOut(NamedTuple):
    """What is in a snapshot and is never written to a disk: its path, and what it is."""

    name: str
    why: str


@dataclass(frozen=True)
class Listing:
    """A snapshot's files. pool: blobs by name, of the list of images and all that is named like
    an image or a mask; others: by path."""

    pool: Mapping[str, str] = field(default_factory=dict)
    others: Mapping[str, Passenger] = field(default_factory=dict)
    left_out: tuple[LeftOut, ...] = ()


# A path, git's mode for it, and the blob's id.
_Entry = tuple[str, bytes, str]


def list_files(objects: ObjectStore, tree_id: str) -> Listing:
    """Sort a snapshot's files, those of its folders too. Raises Damaged."""
    pool: dict[str, str] = {}
    rest: list[_Entry] = []
    for path, mode, blob in _walk(objects, tree_id):
        if mode in FILES and (is_image_name(path) or path == MANIFEST_NAME):
            pool[path] = blob
        else:
            rest.append((path, mode, blob))
    others: dict[str, Passenger] = {}
    left: list[LeftOut] = []
    # Most pools have no passengers, and no need to look for names that are alike.
    keys = {name_key(name): name for name in pool} if rest else {}
    for path, mode, blob in rest:
        why = _why_not(path, mode, keys)
        if why:
            left.append(LeftOut(path.encode("utf-8", "replace").decode(), why))
        else:
            others[path] = Passenger(blob, _mode(mode))
    return Listing(pool, others, tuple(left))


def _walk(objects: ObjectStore, tree_id: str) -> Iterator[_Entry]:
    """Every file, link and module below a tree, the root's own files first."""
    todo, count = [("", tree_id)], 0
    while todo:
        above, name = todo.pop(0)
        kind, data = objects.read_raw(name)
        if kind != KINDS[b"tree"]:
            raise Damaged("damaged", "A part of this profile's history is damaged.")
        for mode, raw, blob in entries(data):
            path = above + raw.decode("utf-8", "surrogateescape")
            count += 1
            if count > MOST_FILES or path.count("/") > _DEEPEST:
                yield path, b"", ""
                return
            if mode in FOLDERS:
                todo.append((f"{path}/", blob.hex()))
            else:
                yield path, mode, blob.hex()


def _why_not(path: str, mode: bytes, keys: dict[str, str]) -> str:
    """Why a file is left out, or "". keys: of each path and folder so far, what it is called."""
    if not mode:
        return TOO_MANY
    if is_litter(path):
        return LITTER
    if mode == ELSEWHERE:
        return MODULE
    if mode not in FILES:
        return LINK
    if not is_portable_path(path) or posixpath.basename(path).lower() == ".gitmodules":
        return ODD_NAME
    steps = folders_of(path)
    # Some disks take names that differ in case alone for one.
    if any(keys.get(name_key(step), f"{step}/") != f"{step}/" for step in steps):
        return ODD_NAME
    if name_key(path) in keys:
        return ODD_NAME
    keys |= {name_key(step): f"{step}/" for step in steps}
    keys[name_key(path)] = path
    return ""


def folders_of(path: str) -> list[str]:
    """The folders on the way to a file, the topmost first."""
    return [path[:at] for at, char in enumerate(path) if char == "/"]


def _mode(mode: bytes) -> int:
    return EXECUTABLE_MODE if mode == EXECUTABLE else FILE_MODE
