"""The content ids of a pool's files, read as seldom as can be: remembered, else vouched for by
git's index, else hashed."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path

from ..pool.content import ContentIds
from ..pool.threads import each
from .index import read_index, vouched
from .repository import Repository


class Contents:
    """Safe to use from several threads. ids: the memory, which others may share."""

    def __init__(self, ids: ContentIds) -> None:
        self._ids = ids
        self._consulted: dict[Path, int] = {}

    def of(self, folder: Path, names: Iterable[str]) -> dict[str, str]:
        """The content ids of those regular files of a pool's folder that are there, by name."""
        found, unknown = self._look(folder, names)
        if unknown:
            hashed = each(lambda name: self._hashed(folder / name), unknown)
            found |= {name: one for name, one in zip(unknown, hashed, strict=True) if one}
        return found

    def ready(self, folder: Path, names: Iterable[str]) -> dict[str, str] | None:
        """The same, or None where a file would have to be read."""
        found, unknown = self._look(folder, names)
        return None if unknown else found

    def one(self, path: Path) -> str:
        """A file's content id. Raises FileNotFoundError."""
        found = self.of(path.parent, [path.name])
        if not found:
            raise FileNotFoundError(path)
        return found[path.name]

    def _look(self, folder: Path, names: Iterable[str]) -> tuple[dict[str, str], list[str]]:
        found, unknown = self._ids.known(folder, names)
        if unknown and self._consult(folder):
            more, unknown = self._ids.known(folder, unknown)
            found |= more
        return found, unknown

    def _consult(self, folder: Path) -> bool:
        """Learn what the index vouches for, of all files, unless that was done already."""
        repo = Repository(folder)
        if not repo.exists():
            return False
        cached, written = read_index(repo.index_path)
        if self._consulted.get(folder) == written:
            return False
        for name, known in cached.items():
            with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                stat = os.lstat(folder / name)
                if blob := vouched(known, stat, written):
                    self._ids.learn(folder / name, stat, blob)
        self._consulted[folder] = written
        return True

    def _hashed(self, path: Path) -> str | None:
        try:
            return self._ids.of(path)
        except FileNotFoundError:
            return None
