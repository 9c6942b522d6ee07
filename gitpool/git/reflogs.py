"""git's own logs of where refs were: Git Pool writes none, but a git user's git does.

Format: https://git-scm.com/docs/git-reflog; a line begins with the old and the new id.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Set
from pathlib import Path

from ..pool import durable
from ..pool.reading import read_file
from .repository import Repository

_ID = 40
_NONE = b"0" * _ID


def ids(repo: Repository) -> set[str]:
    """Every object that a log still holds."""
    found = set()
    for path in _files(repo):
        for line in read_file(path).splitlines():
            old, new = line[:_ID], line[_ID + 1 : 2 * _ID + 1]
            found |= {raw.decode("ascii", "replace") for raw in (old, new) if raw != _NONE}
    return found


def forget(repo: Repository, gone: Set[str]) -> None:
    """Take out the lines that name snapshots which are gone, as `git reflog expire` would."""
    names = {object_id.encode() for object_id in gone}
    for path in _files(repo):
        lines = read_file(path).splitlines(keepends=True)
        kept = [ln for ln in lines if ln[:_ID] not in names and ln[_ID + 1 : 81] not in names]
        if kept != lines:
            durable.write_file(path, b"".join(kept))


def work_trees(repo: Repository) -> list[Path]:
    """Where git keeps what it knows of each further work tree of a git user's."""
    return sorted(path for path in (repo.git / "worktrees").glob("*") if path.is_dir())


def _files(repo: Repository) -> Iterator[Path]:
    for place in (repo.git, *work_trees(repo)):
        for folder, _, names in os.walk(place / "logs"):
            for name in names:
                path = Path(folder) / name
                if not path.is_symlink() and not name.startswith(durable.TEMP_PREFIX):
                    yield path
