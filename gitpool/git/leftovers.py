"""Objects that a cut-off snapshot wrote and no snapshot names: found and removed again.

A note lies beside the history while objects are written. Where one is found later, whoever
left it was killed; then loose objects younger than the note that nothing reaches are its own,
and so is the one that the note says was about to go.
What a git user left unreachable is older, or reached by a ref or the index, and stays.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator

from dulwich.objects import Commit, Tag, Tree

from ..errors import Damaged, NotFound
from ..pool.reading import read_file
from . import holders, indexed
from .repository import Repository

_NOTE = "gitpool-writing"
_SHA = re.compile(r"[0-9a-f]{40}")


@contextlib.contextmanager
def writing(repo: Repository, leaving: str | None = None) -> Iterator[None]:
    """Have the note lie there while the block writes; it stays if the block fails.

    leaving: an object that the block takes the last name from, and then removes.
    Within another such block nothing is done: the note is as old as the first thing written.
    """
    note = repo.git / _NOTE
    try:
        with open(note, "xb") as file:
            file.write((leaving or "").encode())
    except FileExistsError:
        yield
        return
    yield
    note.unlink(missing_ok=True)


def clear(repo: Repository) -> None:
    """Remove what a cut-off snapshot left, if one was; call it once refs are in order."""
    note = repo.git / _NOTE
    try:
        began, leaving = note.stat().st_mtime_ns, read_file(note).decode("ascii", "replace")
    except (FileNotFoundError, IsADirectoryError):
        return
    fresh = [leaving] if _SHA.fullmatch(leaving) else []
    fresh += [
        object_id
        for object_id in repo.objects.loose_ids()
        if repo.objects.path_of(object_id).stat().st_mtime_ns >= began
    ]
    if fresh:
        # Where an index can't be read, nobody knows what a git user put there.
        with contextlib.suppress(Damaged):
            kept = _reached(repo)
            for object_id in fresh:
                if object_id not in kept:
                    repo.objects.delete_loose(object_id)
    note.unlink(missing_ok=True)


def _reached(repo: Repository) -> set[str]:
    """Everything that refs, HEAD, git's logs and the index reach; what can't be read reaches
    nothing. Raises Damaged where an index can't be read."""
    seen: set[str] = set()
    todo = [*indexed.objects(repo), *repo.refs.all("refs/").values(), *filter(None, [repo.tip()])]
    todo += [*holders.pinned(repo), *holders.logged(repo)]
    while todo:
        object_id = todo.pop()
        if object_id in seen:
            continue
        seen.add(object_id)
        try:
            obj = repo.objects.read(object_id)
        except (Damaged, NotFound):
            continue
        if isinstance(obj, Commit):
            todo += [obj.tree.decode(), *(parent.decode() for parent in obj.parents)]
        elif isinstance(obj, Tag):
            todo.append(obj.object[1].decode())
        elif isinstance(obj, Tree):
            for entry in obj.iteritems():
                if entry.mode == 0o040000:
                    todo.append(entry.sha.decode())
                else:
                    seen.add(entry.sha.decode())
    return seen
