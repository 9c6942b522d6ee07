"""Histories written anew without some of their snapshots: same files, words and times, other
parents and therefore other ids."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import replace

from dulwich.objects import Commit, Tag

from ..errors import Damaged
from .ancestry import is_ancestor
from .changes import compare
from .messages import parse_message, sentence
from .objects import ObjectStore
from .refs import TAGS
from .repository import Repository


def oldest_first(parents: Callable[[str], Iterable[str]], tips: Iterable[str]) -> list[str]:
    """Every snapshot that the tips come from, parents before children."""
    order: dict[str, None] = {}
    todo = [(tip, False) for tip in tips]
    while todo:
        commit, done = todo.pop()
        if commit in order:
            continue
        if done:
            order[commit] = None
        else:
            todo.append((commit, True))
            todo += [(parent, False) for parent in parents(commit) if parent not in order]
    return list(order)


class Rewriting:
    """A history being written anew without `dropped`, in memory until `write`.

    new: each kept snapshot's new id, which is the old one where nothing below it was dropped.
    """

    def __init__(self, repo: Repository, dropped: Set[str]) -> None:
        self.new: dict[str, str] = {}
        self._repo = repo
        self._dropped = dropped
        self._above: dict[str, list[str]] = {}
        self._graph: dict[str, list[str]] = {}
        self._trees: dict[str, str] = {}
        self._made: list[Commit] = []

    def take(self, order: Iterable[str], tick: Callable[[], None] = lambda: None) -> None:
        """Go on with these snapshots, parents first. Raises Damaged where something between
        them is missing. tick: called for each; what it raises ends the work."""
        for name in order:
            tick()
            commit = self._repo.commit(name)
            before = [p.decode() for p in commit.parents]
            if not self._above.keys() >= set(before):
                raise torn()
            parents = list(dict.fromkeys(n for p in before for n in self._above[p]))
            parents = _without_ancestors(parents, self._graph)
            if name in self._dropped:
                self._above[name] = parents
            else:
                self._keep(name, commit, before, parents)

    def write(self) -> None:
        """Write the new snapshots, durably, all at once."""
        self._repo.objects.write_all(self._made)

    def _keep(self, name: str, commit: Commit, before: list[str], parents: list[str]) -> None:
        made = commit
        if parents != before:
            made = _with(commit, parents)
            if self._dropped.intersection(before):
                made.message = self._told_anew(commit, parents)
            self._made.append(made)
        new = made.id.decode()
        self.new[name], self._above[name], self._graph[new] = new, [new], parents
        self._trees[new] = commit.tree.decode()

    def _told_anew(self, commit: Commit, parents: Sequence[str]) -> bytes:
        """The message, which for an automatic snapshot says all that changed since the new
        parent."""
        message = parse_message(commit.message)
        if message.kind != "auto" or not parents:
            return commit.message
        trees = self._trees[parents[0]], commit.tree.decode()
        changes = compare(*(self._repo.version_of_tree(tree) for tree in trees))
        return replace(message, text=sentence(changes)).dump()


def torn() -> Damaged:
    """Something between snapshots is gone; what lies behind it may yet be found again."""
    return Damaged("damaged", "A part of this profile's history is missing.")


def as_one_line(repo: Repository, target: ObjectStore, order: Sequence[str]) -> dict[str, str]:
    """Write snapshots into `target`, each on the one before it; gives each one's new id."""
    new: dict[str, str] = {}
    last: list[str] = []
    for name in order:
        new[name] = target.write(_with(repo.commit(name), last))
        last = [new[name]]
    return new


def moved_tags(
    repo: Repository, target: ObjectStore, new: Mapping[str, str]
) -> list[tuple[str, str, str, str]]:
    """Write the tags on snapshots that have a new id, for those; gives old ref, old id, new ref,
    new id of each. A name or lock of ours is called after its snapshot, a user's as it was."""
    moved = []
    for ref, name in repo.refs.all(TAGS).items():
        obj = repo.objects.read(name)
        commit = obj.object[1].decode() if isinstance(obj, Tag) else name
        if new.get(commit, commit) == commit:
            continue
        own = ref == f"{TAGS}snapshot-{commit[:12]}"
        to = f"{TAGS}snapshot-{new[commit][:12]}" if own else ref
        made = new[commit]
        if isinstance(obj, Tag):
            made = target.write(_tag_on(obj, to.removeprefix(TAGS).encode(), made))
        moved.append((ref, name, to, made))
    return moved


def _tag_on(tag: Tag, name: bytes, commit_id: str) -> Tag:
    """The same tag, by that name on that snapshot; a signature wouldn't hold any more."""
    made = Tag()
    made.name = name
    made.object = (Commit, commit_id.encode())
    made.tagger = tag.tagger
    made.tag_time, made.tag_timezone = tag.tag_time, tag.tag_timezone
    made.message = tag.message
    return made


def _with(commit: Commit, parents: Sequence[str]) -> Commit:
    made = Commit()
    made.tree = commit.tree
    made.parents = [parent.encode() for parent in parents]
    made.author, made.committer = commit.author, commit.committer
    made.author_time, made.commit_time = commit.author_time, commit.commit_time
    made.author_timezone, made.commit_timezone = commit.author_timezone, commit.commit_timezone
    made.encoding = commit.encoding
    made.message = commit.message
    return made


def _without_ancestors(names: list[str], graph: Mapping[str, list[str]]) -> list[str]:
    """Those that none of the others comes from."""
    if len(names) < 2:
        return names

    def parents(name: str) -> list[str]:
        return graph.get(name, [])

    return [n for n in names if not any(o != n and is_ancestor(parents, n, o) for o in names)]
