"""A second repository from a first: the whole history, its objects hard-linked, never doubled."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass, field
from pathlib import Path

from dulwich.objects import Commit, Tag, Tree

from ..errors import Damaged
from ..pool import durable
from ..pool.threads import each
from . import checkout
from .ancestry import ancestors
from .descent import Walk
from .listing import EXECUTABLE_MODE
from .messages import Message
from .refs import TAGS
from .repository import Identity, Repository
from .rewrite import as_one_line, moved_tags
from .share import share
from .snapshots import build_trees, commit_tree, scan, take_in
from .sweep import Census


@dataclass(frozen=True)
class Reach:
    """Every object that some tips need, by kind, in the order they were met."""

    commits: dict[str, None] = field(default_factory=dict)
    tags: dict[str, None] = field(default_factory=dict)
    trees: dict[str, None] = field(default_factory=dict)
    blobs: dict[str, None] = field(default_factory=dict)

    def all(self) -> list[str]:
        return [*self.commits, *self.tags, *self.trees, *self.blobs]


def reach(repo: Repository, tips: list[str]) -> Reach:
    """What the tips need. Raises Damaged where a commit, tag or tree of it is missing."""
    found = Reach()
    todo = list(dict.fromkeys(tips))
    seen = set(todo)
    while todo:
        object_id = todo.pop()
        obj = repo.objects.read(object_id)
        if isinstance(obj, Tag):
            found.tags[object_id] = None
            needs = [obj.object[1].decode()]
        elif isinstance(obj, Commit):
            found.commits[object_id] = None
            found.trees[obj.tree.decode()] = None
            needs = [parent.decode() for parent in obj.parents]
        else:
            raise _odd()
        fresh = [name for name in needs if name not in seen]
        seen.update(fresh)
        todo.extend(fresh)
    for tree_id in list(found.trees):
        collect_tree(repo, tree_id, found)
    return found


def clone(
    source: Repository,
    target: Path,
    identity: Identity,
    tip: str,
    message: Message,
    now: int,
    tags: dict[str, str] | None = None,
) -> Repository:
    """A repository at `target` (a new folder) that holds `tip`'s history and shows its pool.

    The source's work tree is clean. message: the new tip's, which says whose it is now.
    tags: those to take along, by default all of the history's.
    """
    repo = Repository(target)
    durable.make_folder(target)
    repo.create(identity)
    whole = tip == source.tip()
    # The pool's own files and its passengers, whatever else the history holds.
    version = source.version(tip)
    if source.shallow():
        tip, tags = _copy_line(source, repo, tip)
    else:
        if tags is None:
            tags = _tags_within(source, tip)
        share(source.objects, repo.objects, reach(source, [tip, *tags.values()]).all())
    for ref, object_id in tags.items():
        repo.refs.swap(ref, None, object_id)
    trees = build_trees(version.blobs, version.passengers)
    repo.objects.write_all(trees)
    commit = commit_tree(repo, trees[-1].id.decode(), [tip], message, now)
    if whole:
        _copy_files(source, repo)
    checkout.begin(repo, commit)
    repo.refs.swap(identity.branch, None, commit)
    checkout.finish(repo)
    return repo


def copy_line(source: Repository, target: Repository) -> None:
    """Give a new, empty repository the whole history of one that a clean-up cut into pieces, as
    one line, with its tags; its branch is the one that HEAD names."""
    tip, branch = source.tip(), target.branch()
    assert tip
    assert branch
    new, tags = _copy_line(source, target, tip)
    for ref, name in {**tags, branch: new}.items():
        target.refs.swap(ref, None, name)


def _copy_line(source: Repository, repo: Repository, tip: str) -> tuple[str, dict[str, str]]:
    """Copy a history that a clean-up cut into pieces, as one line up to `tip`; gives the new tip
    and the tags on it. So what comes from it is whole again, for any git and any remote."""
    order = _up_to(source, tip)
    trees, blobs = Census(source).needs(order)
    share(source.objects, repo.objects, [*trees, *blobs])
    new = as_one_line(source, repo.objects, order)
    tags = {ref: made for _, _, ref, made in moved_tags(source, repo.objects, new)}
    # What went on from nothing that was cut off is the same snapshot there as here.
    same = tags_on(source, {old for old, made in new.items() if old == made})
    share(source.objects, repo.objects, [tag for tag in same.values() if tag not in new])
    return new[tip], {**same, **tags}


def _up_to(source: Repository, tip: str) -> list[str]:
    """The snapshots that the history lists below `tip`, oldest first, `tip` last."""
    walk = Walk(source, source.tips())
    if tip not in walk:
        walk = Walk(source, [tip])
    return [*reversed(list(walk.after(tip))), tip]


def _copy_files(source: Repository, repo: Repository) -> None:
    """Copy the work tree's files as they are: the file system may share their blocks."""
    work = scan(source, take_in(source, 0))
    here = [name for name, (_, stat) in work.files.items() if stat]
    folders = {(repo.path / name).parent for name in here}
    for folder in folders:
        durable.make_folder(folder)
    each(lambda name: durable.copy_file(source.path / name, repo.path / name), here)
    for folder in folders:
        durable.sync_folder(folder)
    files = {
        name: (blob, (repo.path / name).stat() if stat else None)
        for name, (blob, stat) in work.files.items()
    }
    for path, one in work.passengers.items():
        if one.mode == EXECUTABLE_MODE:
            durable.make_executable(repo.path / path)
    checkout.write_cache(repo, files, work.passengers)


def reach_commits(repo: Repository, tip: str) -> set[str]:
    """Every commit of a tip's history. Raises NotFound where one is missing."""
    return ancestors(lambda commit: [p.decode() for p in repo.commit(commit).parents], tip)


def _tags_within(repo: Repository, tip: str) -> dict[str, str]:
    return tags_on(repo, reach_commits(repo, tip))


def tags_on(repo: Repository, inside: Set[str]) -> dict[str, str]:
    """The tags on these snapshots: the object of each by its ref."""
    found = {}
    for ref, object_id in repo.refs.all(TAGS).items():
        try:
            obj = repo.objects.read(object_id)
        except Damaged:
            continue
        target = obj.object[1].decode() if isinstance(obj, Tag) else object_id
        if target in inside:
            found[ref] = object_id
    return found


def collect_tree(repo: Repository, tree_id: str, found: Reach) -> None:
    """Add what a tree holds to `found`."""
    tree = repo.objects.read(tree_id)
    if not isinstance(tree, Tree):
        raise _odd()
    for entry in tree.iteritems():
        name = entry.sha.decode()
        if entry.mode == 0o040000:
            if name not in found.trees:
                found.trees[name] = None
                collect_tree(repo, name, found)
        elif entry.mode != 0o160000:
            found.blobs[name] = None


def _odd() -> Damaged:
    return Damaged("damaged", "A part of this profile's history isn't what it should be.")
