"""What a remote has to be sent: objects that it lacks, found from what it says it has."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from dulwich.objects import Commit, Tag

from .ancestry import missing_from
from .clone import Reach, collect_tree
from .objects import ObjectStore
from .repository import Repository


@dataclass(frozen=True)
class Outgoing:
    """Objects to send, in a pack's usual order, and where to read them."""

    objects: ObjectStore
    ids: list[str]
    commits: int = 0


def outgoing(repo: Repository, tip: str, there: Iterable[str], tags: Iterable[str]) -> Outgoing:
    """What `tip` and the tags need beyond the snapshots that the remote has.

    there: commit ids that the remote names; those that aren't here tell nothing.
    """
    known = {commit for commit in there if commit in repo.objects}
    new = Reach(dict.fromkeys(missing_from(repo.parents, tip, known)), dict.fromkeys(tags))
    commits = new.commits
    commits |= _aside(repo, new, known)
    missing, present = set(commits), Reach()
    for commit_id in commits:
        for parent in repo.parents(commit_id):
            if parent not in missing:
                _collect(repo, parent, present)
    for commit_id in commits:
        _collect(repo, commit_id, new)
    trees = [t for t in new.trees if t not in present.trees]
    blobs = [b for b in new.blobs if b not in present.blobs]
    ids = [*new.commits, *new.tags, *trees, *blobs]
    return Outgoing(repo.objects, ids, len(commits))


def _aside(repo: Repository, new: Reach, known: set[str]) -> dict[str, None]:
    """Named and locked snapshots that don't lead to the newest one any more, since a git user
    went back or began anew, with what they come from."""
    named = [repo.objects.read(tag) for tag in new.tags]
    pairs = [tag.object for tag in named if isinstance(tag, Tag)]
    tips = [name.decode() for kind, name in pairs if kind is Commit]
    aside = {tip for tip in tips if tip not in new.commits}
    there = set(known) if aside else set()
    todo = list(there)
    while todo and not aside <= there:
        todo = list({p for commit in todo for p in repo.parents(commit)} - there)
        there.update(todo)
    found: dict[str, None] = {}
    for tip in sorted(aside - there):
        # What a clean-up cut off can't be sent whole, and need not: it was there before.
        line = missing_from(repo.parents, tip, there | new.commits.keys())
        if not repo.shallow().intersection(line):
            found |= dict.fromkeys(line)
    return found


def _collect(repo: Repository, commit_id: str, found: Reach) -> None:
    tree = repo.commit(commit_id).tree.decode()
    if tree not in found.trees:
        found.trees[tree] = None
        collect_tree(repo, tree, found)
