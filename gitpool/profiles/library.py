"""The folder that holds every pool, and what its use cases share: locks, registry, caches."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from ..errors import Conflict, Damaged, DiskFailed, NotFound, read_only
from ..git import additions, numbers, snapshots
from ..git.contents import Contents
from ..git.format import require_known_format
from ..git.history import History
from ..git.lfs import kept_in_lfs
from ..git.repository import Identity, Repository
from ..identifiers import PRIVATE_FOLDER, check_id
from ..pool import disks, durable
from ..pool.content import ContentIds, stat_key
from ..pool.folder import PoolFolder
from ..pool.kept import KeptFiles
from ..pool.lfs_pointer import LONGEST, is_lfs_pointer
from ..pool.manifest import Manifest
from ..pool.reading import read_file
from .journals import FILE_NAME, FileJournal, Journal, MemoryJournal
from .locks import REGISTRY, Locks
from .registry import Registry

PRIVATE = PRIVATE_FOLDER
_MOST_POINTERS = 20_000
_LAST_SECOND = 253_402_300_799


@dataclass(frozen=True)
class OpenPool:
    """A pool held open for an edit: its lock is ours, its manifest fits its files."""

    id: str
    folder: PoolFolder
    manifest: Manifest
    journal: Journal
    kept: KeptFiles
    contents: Contents

    def protect(self, names: Iterable[str], now: int) -> None:
        """Keep what files about to be replaced or removed hold."""
        for name in names:
            self.kept.keep(self.folder.path / name)

    def blobs(self, names: Iterable[str]) -> dict[str, str]:
        """The content ids of those files of the pool that are there, by name."""
        return self.contents.of(self.folder.path, names)

    @contextlib.contextmanager
    def adding(self, files: Mapping[str, Path]) -> Iterator[None]:
        """Call it around moving several files into the folder, by the names they get: a crash
        leaves all or none. In a plain pool what no slot names isn't looked at."""
        yield

    def holds(self, content_id: str) -> bool:
        """Whether that content can be put into the folder again."""
        return self.kept.holds(content_id)

    def copy(self, content_id: str, target: BinaryIO) -> None:
        """Write that content to `target`. Raises Damaged."""
        self.kept.copy(content_id, target)


@dataclass(frozen=True)
class OpenProfile(OpenPool):
    """A profile held open for an edit, its repository in order."""

    repo: Repository
    identity: Identity

    def protect(self, names: Iterable[str], now: int) -> None:
        """Snapshot first, if files about to be replaced hold what no snapshot has."""
        if snapshots.is_dirty(self.repo, list(names)):
            snapshots.take(self.repo, self.identity, "auto", now)

    @contextlib.contextmanager
    def adding(self, files: Mapping[str, Path]) -> Iterator[None]:
        with additions.noted(self.repo, files):
            yield

    def holds(self, content_id: str) -> bool:
        return content_id in self.repo.objects

    def copy(self, content_id: str, target: BinaryIO) -> None:
        self.repo.objects.copy_blob(content_id, target)


class Library:
    """All pools below `base` (`<input>/grid_pool`).

    clock: seconds since 1970. changed: told a pool's id after any change to it.
    edited: told a profile's id when it has something to snapshot later.
    """

    def __init__(
        self,
        base: Path,
        clock: Callable[[], float],
        changed: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.base = base
        self.private = base / PRIVATE
        self.locks = Locks(self.private / "locks")
        self.registry = Registry(base)
        self._ids = ContentIds()
        self.contents = Contents(self._ids)
        self.history = History()
        self._pointers: dict[str, tuple[tuple[int, ...], bool]] = {}
        self.clock = clock
        self.changed = changed
        self._journals: dict[Path, FileJournal] = {}
        self._sessions: dict[str, MemoryJournal] = {}
        self.edited: Callable[[str], None] = lambda _: None

    def now(self) -> int:
        """Seconds since 1970, as git can note them: never before, nor after the year 9999."""
        return max(0, min(int(self.clock()), _LAST_SECOND))

    def path_of(self, pool_id: str) -> Path:
        return self.base / check_id(pool_id)

    def trash_of(self, profile_id: str) -> Path:
        return self.private / "trash" / check_id(profile_id)

    def folder(self, pool_id: str) -> PoolFolder:
        """A pool for reading. Raises NotFound where it is a profile that was deleted, or whose
        folder is gone."""
        path = self.path_of(pool_id)
        if not path.is_dir():
            if self.registry.find(pool_id):
                raise _folder_gone()
            if self.trash_of(pool_id).exists():
                self.registry.get(pool_id)
        return PoolFolder(path)

    def present(self, pool_id: str) -> PoolFolder:
        """A pool that is there, to be edited. Raises NotFound, and leaves nothing behind."""
        folder = self.folder(pool_id)
        if not folder.path.is_dir():
            raise NotFound("unknown_pool", "There is no such pool.")
        return folder

    def manifest(self, pool_id: str) -> Manifest:
        """A pool's manifest for reading; a lost one is rebuilt, with what the newest snapshot
        remembers. Changes nothing."""
        folder = self.folder(pool_id)
        manifest = folder.read()
        if manifest is not None:
            return manifest
        repo = Repository(folder.path)
        return folder.load(repo.remembered() if repo.exists() else None)

    def repository(self, profile_id: str) -> Repository:
        """A profile's repository for reading, as it is. Raises NotFound."""
        self.registry.get(profile_id)
        repo = Repository(self.path_of(profile_id))
        if not repo.path.is_dir():
            raise _folder_gone()
        if not repo.exists():
            raise NotFound("no_snapshots", "This profile has no snapshots yet.")
        require_known_format(repo.git)
        return repo

    def in_lfs(self, pool_id: str, files: Mapping[str, os.stat_result | None]) -> set[str]:
        """Those of a pool's images that Git LFS keeps elsewhere: the folder has none, or but a
        pointer. Changes nothing. files: by name what the folder has, None where it has none."""
        path, missing = self.path_of(pool_id), []
        prefix, found = f"{path}{os.sep}", set()
        for name, stat in files.items():
            if stat is None:
                missing.append(name)
            elif stat.st_size <= LONGEST and self._is_pointer(prefix + name, stat):
                found.add(name)
        repo = Repository(path)
        if missing and repo.exists():
            with contextlib.suppress(Damaged, NotFound):
                found |= kept_in_lfs(repo.objects, repo.version(repo.tip()).blobs, missing)
        return found

    def _is_pointer(self, path: str, stat: os.stat_result) -> bool:
        """Whether a small file is a pointer; each is read once, while it stays what it is."""
        key = stat_key(stat)
        seen = self._pointers.get(path)
        if seen and seen[0] == key:
            return seen[1]
        found = is_lfs_pointer(read_file(Path(path)))
        if len(self._pointers) > _MOST_POINTERS:
            self._pointers.clear()
        self._pointers[path] = key, found
        return found

    def journal(self, pool_id: str) -> Journal:
        """The pool's edits: a profile's from its folder, a plain pool's of this session."""
        if self.registry.find(pool_id):
            path = self.path_of(pool_id) / ".git" / FILE_NAME
            return self._journals.setdefault(path, FileJournal(path))
        return self._sessions.setdefault(pool_id, MemoryJournal(self.kept(pool_id)))

    def kept(self, pool_id: str) -> KeptFiles:
        """What edits of a plain pool took away."""
        return KeptFiles(self.private / "undo" / check_id(pool_id), self._ids)

    @contextlib.contextmanager
    def edit(self, pool_id: str, new: bool = False) -> Iterator[OpenPool]:
        """Open a pool to change it, profile or plain. Raises NotFound where there is none, unless
        it may be a new one."""
        path, find = self.path_of(pool_id), self.folder if new else self.present
        # Asked before the lock too, whose file would be left.
        find(pool_id)
        with self.locks.hold(pool_id):
            identity = self.registry.find(pool_id)
            if identity is None:
                folder = find(pool_id)
                if path.is_dir():
                    durable.sweep_temporary(path)
                journal = self.journal(pool_id)
                kept = self.kept(pool_id)
                manifest = folder.load().numbered_from(folder.highest_number() + 1)
                yield OpenPool(pool_id, folder, manifest, journal, kept, self.contents)
                return
            with self.open_profile(pool_id) as pool:
                yield pool

    @contextlib.contextmanager
    def open_profile(self, profile_id: str) -> Iterator[OpenProfile]:
        """Open a profile to change it, in order and with outsiders' edits taken in."""
        self._require(profile_id)
        with self.locks.hold(check_id(profile_id)):
            identity = self.registry.get(profile_id)
            self._require(profile_id)
            repo = Repository(self.path_of(profile_id))
            if not repo.exists():
                if repo.git.exists() or repo.git.is_symlink():
                    raise Conflict("odd_git", "This profile's history isn't a folder of its own.")
                repo.create(identity)
            require_known_format(repo.git)
            snapshots.settle(repo, identity, self.now())
            manifest = snapshots.take_in(repo, self.now())
            manifest = manifest.numbered_from(numbers.next_number(repo))
            self._sessions.pop(profile_id, None)
            journal, kept = self.journal(profile_id), self.kept(profile_id)
            opened = (profile_id, repo.folder, manifest, journal, kept, self.contents)
            yield OpenProfile(*opened, repo, identity)

    def _require(self, profile_id: str) -> None:
        """Raise NotFound where there is no such profile, or its folder is gone."""
        path = self.path_of(profile_id)
        self.registry.get(profile_id)
        if not path.is_dir():
            raise _folder_gone()

    @contextlib.contextmanager
    def registry_lock(self) -> Iterator[Registry]:
        """Hold the registry to change it."""
        with self.locks.hold(REGISTRY):
            yield self.registry

    @contextlib.contextmanager
    def staging(self, name: str) -> Iterator[Path]:
        """A scratch folder on the pools' own file system, gone at the end. Raises DiskFailed."""
        folder = self.private / "tmp" / name
        try:
            folder.mkdir(parents=True)
        except OSError as error:
            if disks.is_read_only(error):
                raise read_only() from error
            raise
        try:
            yield folder
        finally:
            # What can't be removed now undoes nothing that was done; `clean_staging` comes by.
            with contextlib.suppress(OSError):
                remove_tree(folder)

    @contextlib.contextmanager
    def scratch(self, name: str) -> Iterator[Path]:
        """The same for what only reads the pools: elsewhere, where theirs can't be written to."""
        with contextlib.ExitStack() as stack:
            try:
                folder = stack.enter_context(self.staging(name))
            except DiskFailed:
                elsewhere = tempfile.TemporaryDirectory(prefix="gitpool-")
                folder = Path(stack.enter_context(elsewhere))
            yield folder

    def clean_staging(self, older_than: float = 86400) -> None:
        """Remove scratch folders that a killed process left, once nobody can be using them."""
        # What plain pools' edits took away is of use only to the session that they were made in.
        for place in ("tmp", "undo"):
            # What can't be removed now, or not at all on a disk that is only read, can wait.
            with contextlib.suppress(OSError):
                for folder in (self.private / place).iterdir():
                    made = folder.stat().st_mtime
                    # A date far ahead is one that a wrong clock gave.
                    if self.clock() - made > older_than or made - time.time() > older_than:
                        remove_tree(folder)


def _folder_gone() -> NotFound:
    return NotFound(
        "missing_folder",
        "This profile's folder is gone.",
        "Put it back in its place, or delete the profile and get it from its remote.",
    )


def remove_tree(folder: Path) -> None:
    """Remove a folder with all in it, read-only objects too; a missing one is fine."""

    def retry(function, path, failure):  # type: ignore[no-untyped-def]
        if function not in (os.unlink, os.rmdir):
            raise failure[1]
        with contextlib.suppress(FileNotFoundError):
            durable.chmod(path, 0o700)
            function(path)

    if folder.exists():
        shutil.rmtree(folder, onerror=retry)


def size_below(folder: Path) -> int:
    """Bytes of the files below a folder, as far as they can be seen."""
    total = 0
    for below, _, files in os.walk(folder):
        for name in files:
            with contextlib.suppress(OSError):
                total += os.lstat(os.path.join(below, name)).st_size
    return total
