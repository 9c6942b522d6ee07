"""Folders and the list of profiles, kept in step: a folder is moved and the list is changed, and
whatever comes in between, the list decides where the folder belongs."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from ..errors import Malformed
from ..git.repository import Repository
from ..identifiers import check_id, free_name
from ..pool import durable
from ..pool.reading import read_file
from .library import Library

# In the `.git` of a profile that is being made and isn't listed yet.
PLACING = "gitpool-placing"


class Placement:
    """Moves of profiles' folders. Callers hold the profile's lock."""

    def __init__(self, library: Library) -> None:
        self._library = library

    @contextlib.contextmanager
    def moved(self, profile_id: str, source: Path, target: Path, listed: bool) -> Iterator[None]:
        """Move a folder, durably, for a block that changes the list; back again where the list
        stays as it was. listed: whether the block lists the profile, or drops it."""
        os.replace(source, target)
        try:
            durable.sync_folder(target.parent)
            durable.sync_folder(source.parent)
            yield
        except BaseException:
            if (self._library.registry.find(profile_id) is not None) != listed:
                os.replace(target, source)
            raise

    @contextlib.contextmanager
    def history_of(self, repo: Repository) -> Iterator[bool]:
        """A plain pool's `.git`, for a block that lists the pool; gives whether it is new. A new
        one is gone again where the block fails."""
        if repo.exists():
            yield False
            return
        with self._library.staging(f"git-{secrets.token_hex(8)}") as scratch:
            marked = scratch / "git"
            marked.mkdir()
            durable.write_file(marked / PLACING, b"")
            os.replace(marked, repo.git)
        try:
            durable.sync_folder(repo.path)
            yield True
        except BaseException:
            if self._library.registry.find(repo.path.name) is None:
                repo.remove_git()
            raise
        (repo.git / PLACING).unlink(missing_ok=True)

    def remove_trashed(self, profile_id: str) -> None:
        """Remove a deleted profile for good: in one step for who looks, whatever is cut off."""
        trashed = self._library.trash_of(profile_id)
        record = trashed.with_suffix(".json")
        if trashed.exists():
            with self._library.staging(f"gone-{secrets.token_hex(8)}") as scratch:
                os.replace(trashed, scratch / "pool")
                record.unlink(missing_ok=True)
        record.unlink(missing_ok=True)

    def carry_on(self, limit: int) -> None:
        """Bring to its end what was cut off between moving a folder and changing the list.

        limit: when what is still of use was deleted at the earliest. Takes the locks itself.
        """
        library = self._library
        if not library.private.is_dir():
            return  # nothing was ever begun here
        trash = library.private / "trash"
        with library.registry_lock() as registry:
            listed = {entry.id for entry in registry.entries()}
            for folder in (library.base, trash):
                if folder.is_dir():
                    durable.sweep_temporary(folder)
        for path in _folders(trash):
            if path.name in listed or not path.with_suffix(".json").exists():
                with library.locks.hold(path.name):
                    self._put_right(path.name, limit)
        for path in _folders(library.base):
            marked = (path / ".git" / PLACING).exists()
            if marked or (trash / f"{path.name}.json").exists():
                with library.locks.hold(path.name):
                    self._put_right(path.name, limit)

    def _put_right(self, profile_id: str, limit: int) -> None:
        library = self._library
        here, trashed = library.path_of(profile_id), library.trash_of(profile_id)
        record = trashed.with_suffix(".json")
        with library.registry_lock() as registry:
            listed = registry.find(profile_id) is not None
            if not listed and (here / ".git" / PLACING).exists():
                self._list(Repository(here))
            elif listed and trashed.is_dir() and not here.exists():
                os.replace(trashed, here)
                durable.sync_folder(library.base)
            elif not listed and not trashed.exists() and _deleted_at(record) > limit:
                os.replace(here, trashed)
                durable.sync_folder(trashed.parent)
            elif not trashed.exists():
                # What it speaks of is here, and listed or somebody's own.
                record.unlink(missing_ok=True)
        if not listed and trashed.is_dir() and not record.exists():
            self.remove_trashed(profile_id)
        (here / ".git" / PLACING).unlink(missing_ok=True)

    def _list(self, repo: Repository) -> None:
        """List a profile that was made; a plain pool whose history wasn't begun stays one."""
        identity = repo.identity() if repo.tip() else None
        if identity is None:
            repo.remove_git()
            return
        registry = self._library.registry
        registry.put(replace(identity, name=free_name(identity.name, registry.names())))


def _folders(parent: Path) -> list[Path]:
    """The folders in one that are named as pools are."""
    found = []
    with contextlib.suppress(FileNotFoundError):
        for path in sorted(parent.iterdir()):
            with contextlib.suppress(Malformed):
                if path.is_dir() and not path.is_symlink() and check_id(path.name):
                    found.append(path)
    return found


def _deleted_at(record: Path) -> int:
    """When a profile was deleted, in seconds since 1970; 0 where nobody knows."""
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        return int(json.loads(read_file(record))["deleted"])
    return 0
