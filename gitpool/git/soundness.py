"""Whether a history is sound: its refs lead somewhere, and every stored byte is what it was.

Reads only, whatever it finds; the formats are git's: https://git-scm.com/docs/gitrepository-layout
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import re
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dulwich.objects import Blob, Commit, ShaFile, Tag, Tree

from ..errors import Damaged
from ..pool import durable
from ..pool.reading import open_file, read_file
from . import tracking, unfinished
from .mend import check_config
from .refs import BLANK, BRANCHES
from .repository import IDENTITY, Repository

# What is noted beside the history, as JSON.
NOTES = (IDENTITY, tracking.NOTE, unfinished.NOTE, "gitpool-conflicts.json")
MISSING, DAMAGED, UNREADABLE = "missing", "damaged", "unreadable"
_SHA = re.compile(r"[0-9a-f]{40}")
_PACKED_LINE = re.compile(r"# pack-refs with:.*|\^[0-9a-f]{40}|([0-9a-f]{40}) (refs/\S+)")
_CHUNK = 1 << 20


@dataclass(frozen=True)
class Finding:
    """One thing that isn't as it should be.

    file: a path in the profile's folder, or an object's id. what: `missing` (gone), `damaged`
    (there, but not the bytes it must be) or `unreadable` (there, but it can't be read safely).
    """

    file: str
    what: str
    message: str

    def as_json(self) -> dict[str, str]:
        return dict(vars(self))


class Findings:
    """What was found so far; of each file the first thing only."""

    def __init__(self) -> None:
        self._by_file: dict[str, Finding] = {}

    def add(self, file: str, what: str, message: str) -> None:
        self._by_file.setdefault(file, Finding(file, what, message))

    @contextlib.contextmanager
    def reading(self, file: str) -> Iterator[None]:
        """What the system refuses to read is a finding; whoever looks goes on behind it."""
        try:
            yield
        except OSError as error:
            self.add(file, UNREADABLE, f"It can't be read: {error.strerror or error}.")

    def all(self) -> list[Finding]:
        return list(self._by_file.values())


class Meter(io.RawIOBase):
    """Counts bytes as they are looked at, and keeps none. progress: told done and total."""

    def __init__(self, progress: Callable[[int, int], Any], total: int) -> None:
        self._progress = progress
        self._done, self._total = 0, total

    def write(self, data) -> int:  # type: ignore[no-untyped-def]
        self.add(len(data))
        return len(data)

    def add(self, count: int) -> None:
        self._done = min(self._done + count, self._total)
        self._progress(self._done, self._total)

    def finish(self) -> None:
        self._progress(self._total, self._total)


class Inspection:
    """One look at a repository that exists; adds to `findings` as it goes on."""

    def __init__(self, repo: Repository, findings: Findings, meter: Meter) -> None:
        self._repo = repo
        self._findings = findings
        self._meter = meter

    def run(self) -> None:
        self._check_settings()
        tips = self._check_refs()
        self._check_packs()
        self._check_objects(tips)

    def _check_settings(self) -> None:
        for name, parse in (("config", check_config), *((note, json.loads) for note in NOTES)):
            file = f".git/{name}"
            with self._findings.reading(file), contextlib.suppress(FileNotFoundError):
                try:
                    parse(read_file(self._repo.git / name))
                except (ValueError, RecursionError):
                    self._findings.add(file, DAMAGED, "This file of the history is garbled.")

    # Refs.

    def _check_refs(self) -> dict[str, str]:
        """The objects that HEAD, branches and tags name, and what names each."""
        tips: dict[str, str] = {}
        garbled = set()
        loose = set(ref_files(self._repo.git))
        for ref in sorted(loose):
            with self._findings.reading(f".git/{ref}"):
                text = read_file(self._repo.git / ref).decode("ascii", "replace").strip(BLANK)
                if _SHA.fullmatch(text):
                    tips.setdefault(text, ref)
                elif not text.startswith("ref: "):  # a remote's HEAD, as git users have it
                    garbled.add(ref)
                    self._findings.add(f".git/{ref}", DAMAGED, "This branch or tag is garbled.")
        for ref, object_id in self._packed_refs().items():
            if ref not in loose - garbled:  # else it is what the ref was long ago
                tips.setdefault(object_id, ref)
        with self._findings.reading(".git/HEAD"):
            if not self._check_head(tips):
                for commit in self._commits():
                    tips.setdefault(commit, "a lost branch")
        return tips

    def _check_head(self, tips: dict[str, str]) -> bool:
        """Whether the newest snapshot is among the tips; if not, it may be any there is."""
        ref, detached = self._repo.refs.head()
        if detached:
            tips.setdefault(detached, "HEAD")
            return True
        if ref is None:
            there = (self._repo.git / "HEAD").exists()
            what, word = (DAMAGED, "garbled") if there else (MISSING, "gone")
            self._findings.add(".git/HEAD", what, f"HEAD is {word}.")
            return any(name.startswith(BRANCHES) for name in tips.values())
        if self._repo.refs.get(ref) is None:
            self._findings.add(f".git/{ref}", MISSING, "The branch of this history is gone.")
            return False
        return True

    def _packed_refs(self) -> dict[str, str]:
        file = ".git/packed-refs"
        with self._findings.reading(file), contextlib.suppress(FileNotFoundError):
            data = read_file(self._repo.git / "packed-refs")
            lines = data.decode("utf-8", "surrogateescape").split("\n")
            matches = [_PACKED_LINE.fullmatch(line.rstrip()) for line in lines if line.strip()]
            if None in matches or lines[-1]:
                self._findings.add(file, DAMAGED, "The list of branches and tags is garbled.")
            return {match[2]: match[1] for match in matches if match and match[2]}
        return {}

    def _commits(self) -> Iterator[str]:
        for object_id in self._all_ids():
            with self._findings.reading(object_id):
                try:
                    if self._repo.objects.kind(object_id) == b"commit":
                        yield object_id
                except Damaged:
                    self._lost(object_id, "A part of the history")

    def _all_ids(self) -> list[str]:
        with self._findings.reading(".git/objects"):
            try:
                return sorted(set(self._repo.objects.all_ids()))
            except Exception:  # dulwich raises many kinds on a pack that `_check_packs` tells of
                return sorted(self._repo.objects.loose_ids())
        return []

    # Every stored byte.

    def _check_packs(self) -> None:
        folder = self._repo.objects.folder / "pack"
        for path in sorted([*folder.glob("*.pack"), *folder.glob("*.idx")]):
            file = path.relative_to(self._repo.path).as_posix()
            with self._findings.reading(file):
                if not self._ends_in_its_hash(path):
                    self._findings.add(file, DAMAGED, "This pack isn't the bytes it was.")

    def _ends_in_its_hash(self, path: Path) -> bool:
        digest = hashlib.sha1(usedforsecurity=False)
        with open_file(path) as file:
            left = os.fstat(file.fileno()).st_size - 20
            while chunk := file.read(max(0, min(_CHUNK, left))):
                digest.update(chunk)
                left -= len(chunk)
                self._meter.add(len(chunk))
            return file.read() == digest.digest()

    def _check_objects(self, tips: dict[str, str]) -> None:
        """Everything that the tips need: snapshots and their lists first, then the files."""
        todo = {tip: f"What {name} names" for tip, name in tips.items()}
        blobs: dict[str, str] = {}
        seen, shallow = set(todo), self._repo.shallow()
        while todo:
            object_id, role = todo.popitem()
            with self._findings.reading(object_id):
                for needed, its_role, is_blob in self._read(object_id, role, shallow):
                    if needed not in seen:
                        seen.add(needed)
                        (blobs if is_blob else todo)[needed] = its_role
        for object_id, role in blobs.items():
            with self._findings.reading(object_id):
                self._check_blob(object_id, role)

    def _read(self, object_id: str, role: str, shallow: set[str]) -> list[tuple[str, str, bool]]:
        """What a commit, tag or tree needs; nothing where it can't be read."""
        try:
            obj = self._repo.objects.read(object_id)
            _require(obj, object_id)
            if self._is_loose(object_id):
                _require_whole_file(self._repo.objects.path_of(object_id))
                self._meter.add(obj.raw_length())
            return list(_needs(obj, shallow))
        except OSError:
            raise
        except Exception:  # dulwich's parsers raise many kinds
            self._lost(object_id, role)
            return []

    def _check_blob(self, object_id: str, role: str) -> None:
        try:
            if self._is_loose(object_id):
                self._repo.objects.copy_blob(object_id, self._meter)  # type: ignore[arg-type]
                _require_whole_file(self._repo.objects.path_of(object_id))
            else:
                _, data = self._repo.objects.read_raw(object_id)
                _require(Blob.from_string(data), object_id)
        except Damaged:
            self._lost(object_id, role)

    def _lost(self, object_id: str, role: str) -> None:
        what, word = (DAMAGED, "damaged") if self._is_there(object_id) else (MISSING, "gone")
        self._findings.add(object_id, what, f"{role} is {word}.")

    def _is_loose(self, object_id: str) -> bool:
        return self._repo.objects.path_of(object_id).exists()

    def _is_there(self, object_id: str) -> bool:
        try:
            return self._is_loose(object_id) or object_id in self._repo.objects
        except Exception:  # a garbled pack: nobody can say that the object isn't in it
            return True


def ref_files(git: Path) -> Iterator[str]:
    """The names of the refs that have a file of their own."""
    for folder, _, files in os.walk(git / "refs"):
        for name in files:
            if not name.endswith(".lock") and not name.startswith(durable.TEMP_PREFIX):
                yield (Path(folder) / name).relative_to(git).as_posix()


def is_index(data: bytes) -> bool:
    """Whether these bytes are git's index; it may have been told to write no checksum."""
    if len(data) < 32 or not data.startswith(b"DIRC"):
        return False
    digest = hashlib.sha1(data[:-20], usedforsecurity=False).digest()
    return data[-20:] in (digest, bytes(20))


def _needs(obj: ShaFile, shallow: Iterable[str]) -> Iterator[tuple[str, str, bool]]:
    """What an object names: its id, what it is to a person, whether it is a file's content."""
    if isinstance(obj, Commit):
        yield obj.tree.decode(), "A snapshot's list of files", False
        if obj.id.decode() not in shallow:
            for parent in obj.parents:
                yield parent.decode(), "A snapshot", False
    elif isinstance(obj, Tag):
        yield obj.object[1].decode(), "A named snapshot", False
    elif isinstance(obj, Tree):
        for entry in obj.iteritems():
            if entry.mode != 0o160000:
                name = entry.path.decode("utf-8", "replace")
                yield entry.sha.decode(), f"A stored copy of {name}", entry.mode != 0o040000


def _require(obj: ShaFile, object_id: str) -> None:
    """Raise Damaged unless the bytes are the id's; what comes from a pack is read unchecked."""
    if obj.id.decode() != object_id:
        raise Damaged("damaged", "These aren't the bytes that were stored.")


def _require_whole_file(path: Path) -> None:
    """Raise Damaged where the right bytes are in a file that C git wouldn't read: its checksum is
    wrong, or cut off, or something follows it."""
    inflate = zlib.decompressobj()
    try:
        with open_file(path) as file:
            while chunk := file.read(_CHUNK):
                inflate.decompress(chunk)
    except zlib.error:
        raise Damaged("damaged", "The file of a stored object is damaged.") from None
    if not inflate.eof or inflate.unused_data:
        raise Damaged("damaged", "The file of a stored object is damaged.")
