"""A disk as it may be when the power comes back, made from what an operation did.

The model, which is harsher than ext4's, xfs's or NTFS's:

- What a file holds is as it was at its last fsync, or as it was written since, or the front part
  of that, or with zeros or garbage in place of what was written since. A file that was never
  synced may be empty.
- A folder's entries change in order; whatever wasn't followed by an fsync of that folder may have
  been lost, the newest first, each folder for itself. Syncing a file doesn't sync its entry.
- A rename from one folder to another happens in both or in neither.
"""

from __future__ import annotations

import os
import random
import shutil
import time
from dataclasses import dataclass, field
from pathlib import Path

from .interpose import Call

_AWAY = 60.0
_MAKES_ENTRIES = ("create", "rename", "link", "unlink", "mkdir", "rmdir")


@dataclass
class Node:
    """A file or a folder. source: where its bytes lay before, if it was there then.

    data: what was written; safe: what was synced, None where it is what was there before.
    """

    is_folder: bool
    source: Path | None = None
    data: bytes | None = None
    safe: bytes | None = None
    synced: bool = True
    entries: dict[str, Node] = field(default_factory=dict)

    def now(self) -> bytes:
        """What the file holds, disk or memory."""
        if self.data is None:
            self.data = self.source.read_bytes() if self.source else b""
        return self.data

    def write(self, data: bytes, offset: int) -> None:
        held = self.now()
        self.safe = held if self.synced and self.safe is None else self.safe
        held = held.ljust(offset, b"\0")
        self.data = held[:offset] + data + held[offset + len(data) :]
        self.synced = False

    def sync(self) -> None:
        self.safe, self.synced = self.now(), True


@dataclass(frozen=True)
class _Change:
    """Entries that come and go in one call: (folder, name, what is there then)."""

    at: int
    entries: tuple[tuple[Node, str, Node | None], ...]


@dataclass
class Disk:
    """The folder as it was before, and all that was done to it up to the cut."""

    before: Path
    changes: list[_Change] = field(default_factory=list)
    synced: dict[int, int] = field(default_factory=dict)
    root: Node = field(default_factory=lambda: Node(True))

    def find(self, path: str) -> Node | None:
        node: Node | None = self.root
        for part in [part for part in path.split(os.sep) if part]:
            node = node.entries.get(part) if node else None
        return node


def lose(before: Path, base: Path, calls: list[Call], cut: int, chance: random.Random) -> None:
    """Have the folder `base` be what a power cut after that many calls may leave of it.

    before: as it was before the first call.
    """
    root = _read(before, {})
    disk = Disk(before, root=root)
    start = _read(before, {})
    prefix = str(base)
    pairs = _same(start, root)
    for at, call in enumerate(calls[:cut]):
        _play(disk, at, call, [path[len(prefix) :] for path in call.paths])
    kept = _kept(disk, chance)
    shadow = _Shadow(pairs)
    for change in kept:
        for folder, name, node in change.entries:
            shadow.set(folder, name, node)
    shutil.rmtree(base)
    _build(shadow.entries_of(root), base, shadow, chance)


def _read(folder: Path, seen: dict[tuple[int, int], Node]) -> Node:
    """A folder as nodes; files that are one file under two names are one node."""
    node = Node(True)
    for entry in os.scandir(folder):
        path = Path(entry.path)
        if entry.is_dir(follow_symlinks=False):
            node.entries[entry.name] = _read(path, seen)
        else:
            stat = entry.stat(follow_symlinks=False)
            key = (stat.st_dev, stat.st_ino)
            node.entries[entry.name] = seen.setdefault(key, Node(False, path))
    return node


def _same(start: Node, root: Node) -> dict[int, dict[str, Node]]:
    """The entries that each folder had at first, by the folder's identity."""
    found = {id(root): dict(root.entries)}
    for child in root.entries.values():
        if child.is_folder:
            found |= _same(start, child)
    return found


def _play(disk: Disk, at: int, call: Call, paths: list[str]) -> None:
    """Carry a call out on the nodes, as if nothing were ever lost."""
    node = disk.find(paths[0])
    if call.name == "write" and node:
        node.write(call.data, call.offset)
    elif call.name == "fsync" and node:
        if node.is_folder:
            disk.synced[id(node)] = at
        else:
            node.sync()
    elif call.name == "open" and node and call.truncates:
        _truncate(node)
    elif call.name in _MAKES_ENTRIES:
        _change(disk, at, call, paths, node)


def _truncate(node: Node) -> None:
    node.write(b"", 0)
    node.data = b""


def _change(disk: Disk, at: int, call: Call, paths: list[str], node: Node | None) -> None:
    places = [(disk.find(os.path.dirname(path)), os.path.basename(path)) for path in paths]
    assert all(folder for folder, _ in places), call
    first, last = places[0], places[-1]
    entries: list[tuple[Node, str, Node | None]]
    if call.name in ("create", "mkdir"):
        entries = [(first[0], first[1], Node(call.name == "mkdir"))]  # type: ignore[list-item]
    elif call.name in ("unlink", "rmdir"):
        entries = [(first[0], first[1], None)]  # type: ignore[list-item]
    else:
        entries = [(last[0], last[1], node)]  # type: ignore[list-item]
        if call.name == "rename":
            entries.insert(0, (first[0], first[1], None))  # type: ignore[arg-type]
    for folder, name, there in entries:
        if there is None:
            folder.entries.pop(name, None)
        else:
            folder.entries[name] = there
    disk.changes.append(_Change(at, tuple(entries)))


def _kept(disk: Disk, chance: random.Random) -> list[_Change]:
    """The changes that reached the disk."""
    cuts: dict[int, int] = {}
    for change in disk.changes:
        for folder, _, _ in change.entries:
            own = [c.at for c in disk.changes if any(f is folder for f, _, _ in c.entries)]
            least = disk.synced.get(id(folder), -1)
            loose = [at for at in own if at > least]
            cuts.setdefault(id(folder), chance.choice([least, *loose]))
    # What happened in one folder has happened in the other too, and all before it there.
    moved = True
    while moved:
        moved = False
        for change in disk.changes:
            folders = [id(folder) for folder, _, _ in change.entries]
            if any(cuts[f] >= change.at for f in folders):
                for f in folders:
                    moved = moved or cuts[f] < change.at
                    cuts[f] = max(cuts[f], change.at)
    return [c for c in disk.changes if all(cuts[id(f)] >= c.at for f, _, _ in c.entries)]


class _Shadow:
    """The folders' entries as they are on the disk, beside those that they have in memory."""

    def __init__(self, first: dict[int, dict[str, Node]]) -> None:
        self._entries = first

    def entries_of(self, folder: Node) -> dict[str, Node]:
        return self._entries.setdefault(id(folder), {})

    def set(self, folder: Node, name: str, node: Node | None) -> None:
        if node is None:
            self.entries_of(folder).pop(name, None)
        else:
            self.entries_of(folder)[name] = node


def _build(entries: dict[str, Node], target: Path, shadow: _Shadow, chance: random.Random) -> None:
    target.mkdir()
    made: dict[int, Path] = {}
    todo = [(entries, target)]
    while todo:
        entries, folder = todo.pop()
        for name, node in sorted(entries.items()):
            path = folder / name
            if node.is_folder:
                path.mkdir()
                todo.append((shadow.entries_of(node), path))
            elif id(node) in made:
                os.link(made[id(node)], path)
            else:
                made[id(node)] = path
                _fill(node, path, chance)


def _fill(node: Node, path: Path, chance: random.Random) -> None:
    if node.data is None and node.source:
        shutil.copy2(node.source, path)
    else:
        path.write_bytes(_left(node, chance))
        # It takes a while until a machine is up again.
        os.utime(path, (time.time() - _AWAY,) * 2)


def _left(node: Node, chance: random.Random) -> bytes:
    """What the disk has of a file that was written to."""
    new = node.now()
    if node.synced:
        return new
    old = node.safe or b""
    common = next((i for i, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), None)
    common = min(len(old), len(new)) if common is None else common
    fate = chance.choice(["all", "none", "front", "zeros", "garbage"])
    if fate == "all":
        return new
    if fate == "none":
        return old
    if fate == "front":
        return new[: chance.randint(common, len(new))]
    rest = len(new) - common
    return new[:common] + (bytes(rest) if fate == "zeros" else chance.randbytes(rest))
