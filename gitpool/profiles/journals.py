"""Every pool's edits in their order, and how many of them are undone.

A profile's journal is a file in its `.git`, one line a step, that is only ever appended to: it
has no limit and is still there after a restart. A plain pool's lies in memory, as long as the
service runs. Callers who change a journal hold the pool's lock.
"""

from __future__ import annotations

import errno
import json
import logging
import os
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from ..git.deltas import Delta, all_files, parse
from ..pool import durable
from ..pool.kept import KeptFiles
from ..pool.reading import open_file

log = logging.getLogger("gitpool")

FILE_NAME = "gitpool-edits.jsonl"
_NO_FILE = (errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ELOOP)
MOST_EDITS = 200
MOST_BYTES = 2 << 30
_WORD = re.compile(r"[a-z_]{1,20}")
_BATCH = re.compile(r"[A-Za-z0-9_-]{0,64}")


@dataclass(frozen=True)
class Entry:
    """One edit. kind: add, delete, label, mask, reorder, seed, restore or bring_back.

    batch: edits of one kind that follow each other under the same word here are one step.
    """

    kind: str
    delta: Delta
    batch: str = ""

    @property
    def count(self) -> int:
        return len(self.delta.slots)

    def as_json(self) -> dict[str, Any]:
        return {"kind": self.kind, "batch": self.batch, **self.delta.as_json()}


class Journal(Protocol):
    """A pool's edits, and which of them come next, either way."""

    def summary(self) -> dict[str, Any]:
        """`{"undo": {"kind", "count"}|null, "redo": …}`: what each would begin with."""

    def upcoming(self, back: bool) -> Iterator[Entry]:
        """What undo, or redo, would do: the next first."""

    def push(self, entry: Entry) -> None:
        """Note an edit; what could be redone is forgotten."""

    def begin(self, back: bool, steps: int) -> None:
        """Note that so many steps are about to be undone, or done again."""

    def cut_off(self) -> tuple[bool, int] | None:
        """What was begun last and not noted as done: a crash came in between."""

    def move(self, back: bool, steps: int) -> None:
        """Note that so many steps were undone, or done again."""


class _Counted(Protocol):
    @property
    def kind(self) -> str: ...
    @property
    def count(self) -> int: ...
    @property
    def batch(self) -> str: ...


T = TypeVar("T", bound=_Counted)


@dataclass
class _Stack(Generic[T]):
    """Steps, and how many of them stand: those from `at` on are undone."""

    items: list[T]
    at: int = 0
    begun: tuple[bool, int] | None = None

    def push(self, item: T) -> None:
        self.items[self.at :] = [item]
        self.at += 1

    def move(self, back: bool, steps: int) -> None:
        to = self.at - steps if back else self.at + steps
        self.at = max(0, min(to, len(self.items)))

    def upcoming(self, back: bool) -> Iterator[T]:
        places = range(self.at - 1, -1, -1) if back else range(self.at, len(self.items))
        items = self.items
        return (items[place] for place in places)

    def last(self) -> T | None:
        """The step that a new edit could be part of."""
        return self.items[-1] if self.items and self.at == len(self.items) else None

    def summary(self) -> dict[str, Any]:
        undo = self.items[self.at - 1] if self.at else None
        redo = self.items[self.at] if self.at < len(self.items) else None
        return {"undo": _told(undo), "redo": _told(redo)}


class MemoryJournal:
    """A plain pool's edits. The oldest go, with the bytes they kept, where it is too much."""

    def __init__(self, kept: KeptFiles, most: int = MOST_EDITS, most_bytes: int = MOST_BYTES):
        self._kept = kept
        self._most = most
        self._most_bytes = most_bytes
        self._stack: _Stack[Entry] = _Stack([])

    def summary(self) -> dict[str, Any]:
        return self._stack.summary()

    def upcoming(self, back: bool) -> Iterator[Entry]:
        return self._stack.upcoming(back)

    def push(self, entry: Entry) -> None:
        stack = self._stack
        last = stack.last()
        if last and _continues(entry, last):
            stack.items[-1] = Entry(entry.kind, last.delta.then(entry.delta), entry.batch)
        else:
            stack.push(entry)
        self._forget(max(0, len(stack.items) - self._most))
        while self._kept.size() > self._most_bytes and len(stack.items) > 1:
            self._forget(1)

    def begin(self, back: bool, steps: int) -> None:
        """A crash ends this journal, so none can come in between."""

    def cut_off(self) -> None:
        return None

    def move(self, back: bool, steps: int) -> None:
        self._stack.move(back, steps)

    def _forget(self, count: int) -> None:
        """Drop the oldest, and every byte that nothing wants any more."""
        left = self._stack.items[count:]
        self._stack = _Stack(left, max(0, self._stack.at - count))
        self._kept.retain(all_files(entry.delta for entry in left))


@dataclass(frozen=True)
class _Item:
    """A step as the file has it: where its lines begin and how long they are."""

    kind: str
    count: int
    batch: str
    lines: tuple[tuple[int, int], ...]


class FileJournal:
    """A profile's edits, in the file `path`. What it holds is remembered by the file's stat."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._guard = threading.Lock()
        self._read_at: tuple[int, int, int] | None = None
        self._stack: _Stack[_Item] = _Stack([])

    def summary(self) -> dict[str, Any]:
        with self._guard:
            return self._now().summary()

    def upcoming(self, back: bool) -> Iterator[Entry]:
        with self._guard:
            items = self._now().upcoming(back)
        for item in items:
            yield self._entry(item)

    def push(self, entry: Entry) -> None:
        self._append({"do": "edit", **entry.as_json()})

    def begin(self, back: bool, steps: int) -> None:
        self._append({"do": "begin", "back": back, "steps": steps})

    def cut_off(self) -> tuple[bool, int] | None:
        with self._guard:
            return self._now().begun

    def move(self, back: bool, steps: int) -> None:
        self._append({"do": "undo" if back else "redo", "steps": steps})

    def _append(self, record: dict[str, Any]) -> None:
        """Add a line. An edit that can't be noted is done all the same: it just can't be undone."""
        line = json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
        with self._guard:
            try:
                self._now()
                with durable.appending(self._path) as file:
                    end = file.seek(0, os.SEEK_END)
                    if end and _byte_before(file, end) != b"\n":  # a crash cut a line off
                        file.write(b"\n")
                        end += 1
                    durable.write_all(file, line)
            except OSError as error:
                log.error("Git Pool couldn't note an edit, so it can't be undone: %s", error)
                self._read_at = None
                return
            _replay(self._stack, record, (end, len(line)))
            self._read_at = self._key()

    def _now(self) -> _Stack[_Item]:
        key = self._key()
        if key != self._read_at:
            self._stack = self._read()
            self._read_at = key
        return self._stack

    def _key(self) -> tuple[int, int, int] | None:
        try:
            stat = os.stat(self._path, follow_symlinks=False)
        except FileNotFoundError:
            return None
        return stat.st_size, stat.st_mtime_ns, stat.st_ino

    def _read(self) -> _Stack[_Item]:
        stack: _Stack[_Item] = _Stack([])
        offset = 0
        for line in self._bytes().splitlines(keepends=True):
            record = _record(line)
            if record:
                _replay(stack, record, (offset, len(line)))
            offset += len(line)
        return stack

    def _bytes(self, offset: int = 0, size: int = -1) -> bytes:
        try:
            with open_file(self._path, follow=False) as file:
                file.seek(offset)
                return file.read(size)
        except OSError as error:
            # There is none, or it is no file of ours: then nothing can be undone. One that just
            # can't be read now says nothing of what comes next.
            if error.errno in _NO_FILE:
                return b""
            raise

    def _entry(self, item: _Item) -> Entry:
        """The whole edit. What isn't sound, as nobody of ours wrote it, has no effect."""
        try:
            deltas = [parse(_record(self._bytes(*line))) for line in item.lines]
        except ValueError:
            return Entry(item.kind, Delta(), item.batch)
        whole = deltas[0]
        for delta in deltas[1:]:
            whole = whole.then(delta)
        return Entry(item.kind, whole, item.batch)


def _replay(stack: _Stack[_Item], record: dict[str, Any], line: tuple[int, int]) -> None:
    """Carry a record out on the stack; one that isn't sound is passed over."""
    do, steps = record.get("do"), record.get("steps")
    counted = isinstance(steps, int) and steps > 0
    stack.begun = (record.get("back") is True, steps) if do == "begin" and counted else None
    if do == "edit":
        item = _item(record, line)
        last = stack.last()
        if item and last and _continues(item, last):
            count, lines = last.count + item.count, (*last.lines, line)
            stack.items[-1] = _Item(item.kind, count, item.batch, lines)
        elif item:
            stack.push(item)
    elif do in ("undo", "redo") and counted:
        stack.move(do == "undo", steps)


def _record(line: bytes) -> dict[str, Any] | None:
    if not line.endswith(b"\n"):
        return None
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return record if isinstance(record, dict) else None


def sound_lines(data: bytes) -> list[bytes]:
    """The lines of a journal's file that can be read."""
    return [line for line in data.splitlines(keepends=True) if _record(line)]


def _byte_before(file: Any, end: int) -> bytes:
    file.seek(end - 1)
    return file.read(1)


def _item(record: dict[str, Any], line: tuple[int, int]) -> _Item | None:
    """What the stack must know of an edit; the rest is looked at when it is undone."""
    kind, batch, slots = record.get("kind"), record.get("batch", ""), record.get("slots")
    words = isinstance(kind, str) and _WORD.fullmatch(kind) and isinstance(batch, str)
    if not words or not _BATCH.fullmatch(batch) or not isinstance(slots, list):
        return None
    return _Item(kind, len(slots), batch, (line,))


def _continues(new: _Counted, last: _Counted) -> bool:
    """Whether an edit belongs to the step that the one before it ended."""
    return bool(new.batch) and (new.kind, new.batch) == (last.kind, last.batch)


def _told(step: _Counted | None) -> dict[str, Any] | None:
    return {"kind": step.kind, "count": step.count} if step else None
