"""git's own logs of where refs were: Git Pool writes none, but a git user's git does.

Format: https://git-scm.com/docs/git-reflog; a line begins with the old and the new id.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Set
from pathlib import Path

from ..pool import durable
from ..pool.reading import read_file
from .refs import Refs
from .repository import Repository

_ID = 40
_NONE = b"0" * _ID


def ids(repo: Repository) -> set[str]:
    """Every object that a log still holds."""
    found = set()
    for _, path in _files(repo):
        for line in read_file(path).splitlines():
            old, new = line[:_ID], line[_ID + 1 : 2 * _ID + 1]
            found |= {raw.decode("ascii", "replace") for raw in (old, new) if raw != _NONE}
    return found


def forget(repo: Repository, gone: Set[str]) -> None:
    """Take out the lines that name snapshots which are gone, as `git reflog expire` would."""
    names = {object_id.encode() for object_id in gone}
    for place, path in _files(repo):
        if _without(path, names) is not None:
            # git adds to a log while it holds the lock of the ref that it is of.
            with Refs(place).locked(path.relative_to(place / "logs").as_posix()):
                kept = _without(path, names)
                if kept is not None:
                    durable.write_file(path, kept)


def _without(path: Path, names: Set[bytes]) -> bytes | None:
    """The log without the lines that name these; None where there are none."""
    lines = read_file(path).splitlines(keepends=True)
    kept = [ln for ln in lines if ln[:_ID] not in names and ln[_ID + 1 : 81] not in names]
    return b"".join(kept) if kept != lines else None


def work_trees(repo: Repository) -> list[Path]:
    """Where git keeps what it knows of each further work tree of a git user's."""
    return sorted(path for path in (repo.git / "worktrees").glob("*") if path.is_dir())


def _files(repo: Repository) -> Iterator[tuple[Path, Path]]:
    """Every log, with the folder of git's that it belongs to."""
    for place in (repo.git, *work_trees(repo)):
        for folder, _, names in os.walk(place / "logs"):
            for name in names:
                path = Path(folder) / name
                if not path.is_symlink() and not name.startswith(durable.TEMP_PREFIX):
                    yield place, path
