"""What else than refs names snapshots: other work trees of a git user's, what git is in the
middle of, a sync that was cut off, and git's logs.

Formats: https://git-scm.com/docs/gitrepository-layout.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path

from ..pool import durable
from ..pool.reading import read_file
from . import reflogs
from .repository import Repository

_ID = re.compile(rb"\b[0-9a-f]{40}\b")
_UNDER_WAY = (
    *("MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD", "REBASE_HEAD", "BISECT_HEAD", "AUTO_MERGE"),
    *("rebase-merge/onto", "rebase-merge/orig-head", "rebase-merge/stopped-sha"),
    *("rebase-apply/onto", "rebase-apply/orig-head", "sequencer/head"),
)
_LAST = ("ORIG_HEAD", "FETCH_HEAD")
_INCOMING = "gitpool-incoming"


def pinned(repo: Repository) -> set[str]:
    """What is being worked on, here or in another work tree; all it comes from is needed."""
    found = set(_ids_in(repo.git / _INCOMING))
    for name in _UNDER_WAY:
        found.update(_ids_in(repo.git / name))
    for tree in reflogs.work_trees(repo):
        for name in ("HEAD", *_UNDER_WAY):
            found.update(_ids_in(tree / name))
        for path in (tree / "refs").rglob("*"):
            found.update(_ids_in(path))
    return found


def logged(repo: Repository) -> set[str]:
    """Where something was: it is needed, but not the way to it where the history leads there."""
    found = reflogs.ids(repo)
    for folder in (repo.git, *reflogs.work_trees(repo)):
        for name in _LAST:
            found.update(_ids_in(folder / name))
    return found


@contextlib.contextmanager
def arriving(repo: Repository, tips: list[str]) -> Iterator[None]:
    """Have what a sync brings be needed from before it is here until refs name it; if the block
    is cut off, until the next one."""
    note = repo.git / _INCOMING
    durable.write_file(note, "".join(f"{tip}\n" for tip in tips).encode())
    yield
    note.unlink(missing_ok=True)


def _ids_in(path: Path) -> list[str]:
    try:
        data = read_file(path)
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
        return []
    return [name.decode() for name in _ID.findall(data)]
