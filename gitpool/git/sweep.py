"""Freeing the bytes of snapshots that a clean-up took out of the history.

Only what they alone needed goes: what a ref, the index or a log of git's reaches stays, and so
does what a git user left lying about. Files first, snapshots last, so that a sweep that was cut
off finds the rest again from the list of snapshots.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Iterable, Iterator, Set
from dataclasses import dataclass, field
from pathlib import Path

from dulwich.objects import Commit, Tag
from dulwich.pack import Pack

from ..errors import Damaged, NotFound
from ..pool import durable
from . import reflogs
from .index import read_index
from .pack import store_pack
from .refs import DROPPED
from .repository import Repository

Tick = Callable[[int, int], None]
_SHA = 20


def silent(done: int, total: int) -> None:
    """Tells nobody how far the work is."""


@dataclass(frozen=True)
class Dead:
    """What goes, in the order in which it may: files, lists of files, snapshots."""

    blobs: set[str] = field(default_factory=set)
    trees: set[str] = field(default_factory=set)
    commits: list[str] = field(default_factory=list)

    def all(self) -> set[str]:
        return {*self.blobs, *self.trees, *self.commits}


class Census:
    """Which files each list of files names; each is read once."""

    def __init__(self, repo: Repository, tick: Callable[[], None] = lambda: None) -> None:
        self._repo = repo
        self._tick = tick

    def needs(self, commits: Iterable[str]) -> tuple[set[str], set[str]]:
        """The trees and the blobs of snapshots; a tree that is gone needs nothing."""
        trees: set[str] = set()
        blobs: set[str] = set()
        todo = list(self._trees(commits))
        while todo:
            tree = todo.pop()
            if tree in trees or tree not in self._repo.objects:
                continue
            self._tick()
            trees.add(tree)
            folders, files = _entries(self._repo.objects.read_raw(tree)[1])
            todo += folders
            blobs |= files
        return trees, blobs


    def _trees(self, commits: Iterable[str]) -> Iterator[str]:
        objects = self._repo.objects
        for name in commits:
            obj = objects.read(name) if name in objects else None
            if isinstance(obj, Commit):
                yield obj.tree.decode()


def dead(
    repo: Repository, gone: Set[str], alive: Set[str], tick: Callable[[], None] = lambda: None
) -> Dead:
    """What only the snapshots `gone` need, and none of `alive`, nor the index."""
    census = Census(repo, tick)
    trees, blobs = census.needs(gone)
    live_trees, live_blobs = census.needs(alive)
    cached, _ = read_index(repo.index_path)
    live_blobs |= {file.blob for file in cached.values()}
    present = [commit for commit in gone if commit in repo.objects]
    return Dead(blobs - live_blobs, trees - live_trees, present)


def alive(repo: Repository, gone: Set[str] = frozenset()) -> set[str]:
    """Every snapshot that some ref, HEAD or a log of git's reaches, but for `gone`."""
    found: set[str] = set()
    todo = [*repo.refs.all("refs/").values(), *filter(None, [repo.tip()]), *reflogs.ids(repo)]
    while todo:
        name = todo.pop()
        if name in found or name in gone or name not in repo.objects:
            continue
        with contextlib.suppress(Damaged, NotFound):
            obj = repo.objects.read(name)
            if isinstance(obj, Tag):
                todo.append(obj.object[1].decode())
            elif isinstance(obj, Commit):
                found.add(name)
                todo += [parent.decode() for parent in obj.parents]
    return found


def size(repo: Repository, objects: Iterable[str]) -> int:
    """The bytes that go with these objects; one that another profile shares frees none."""
    total, packed = 0, set()
    for name in objects:
        try:
            stat = repo.objects.path_of(name).stat()
            total += stat.st_size if stat.st_nlink == 1 else 0
        except FileNotFoundError:
            packed.add(name)
    for pack in _packs(repo) if packed else ():
        total += sum(end - start for name, start, end in _extents(pack) if name in packed)
    return total


def sweep(repo: Repository, gone: Set[str], what: Dead | None = None, tick: Tick = silent) -> None:
    """Remove what only `gone` needed. The refs have let go of it already.

    what: that, where it is known.
    """
    reflogs.forget(repo, gone)
    what = what or dead(repo, gone, alive(repo, gone))
    _drop_caches(repo)
    spare = _let_go_of_tags(repo)
    _thin_packs(repo, what.all() | spare, tick)
    for objects in (what.blobs, what.trees, what.commits, spare):
        for name in objects:
            repo.objects.delete_loose(name)


def _let_go_of_tags(repo: Repository) -> set[str]:
    """Tags that were kept only because packs weren't rewritten."""
    refs = repo.refs.all(DROPPED)
    for ref in refs:
        repo.refs.delete(ref)
    named = set(repo.refs.all("refs/").values())
    return set(refs.values()) - named


def _thin_packs(repo: Repository, unwanted: Set[str], tick: Tick) -> None:
    """Write the packs that hold something unwanted anew, as one, without it."""
    touched = []
    for pack in _packs(repo):
        path = Path(pack.data.path)
        names = [name.decode() for name in pack]
        if not unwanted.isdisjoint(names) and not path.with_suffix(".keep").exists():
            touched.append((path, names))
    if not touched:
        return
    wanted = list(dict.fromkeys(n for _, names in touched for n in names if n not in unwanted))
    before = {path.stem for path, _ in touched}
    if wanted:
        store_pack(
            repo.objects.folder / "pack", repo.objects, wanted, lambda n, _: tick(n, len(wanted))
        )
    repo.objects.close()
    _remove_packs(repo, before)


def _remove_packs(repo: Repository, stems: Set[str]) -> None:
    folder = repo.objects.folder / "pack"
    # Without its index a pack doesn't count any more, so that goes first.
    for suffix in (".idx", ".pack", ".rev", ".bitmap", ".mtimes"):
        for stem in stems:
            (folder / f"{stem}{suffix}").unlink(missing_ok=True)
    durable.sync_folder(folder)


def _drop_caches(repo: Repository) -> None:
    """What git made to be quicker, and would now name what is gone; git makes it again."""
    info = repo.objects.folder / "info"
    (info / "commit-graph").unlink(missing_ok=True)
    shutil.rmtree(info / "commit-graphs", ignore_errors=True)
    for file in (repo.objects.folder / "pack").glob("multi-pack-index*"):
        file.unlink(missing_ok=True)


def _packs(repo: Repository) -> list[Pack]:
    return repo.objects.packs()


def _extents(pack: Pack) -> Iterator[tuple[str, int, int]]:
    """Where in a pack's file each object lies."""
    entries = sorted((offset, name) for name, offset, _ in pack.index.iterentries())
    ends = [offset for offset, _ in entries[1:]] + [Path(pack.data.path).stat().st_size - _SHA]
    for (start, name), end in zip(entries, ends, strict=True):
        yield name.hex(), start, end


def _entries(tree: bytes) -> tuple[list[str], set[str]]:
    """A tree's folders and files, read without making objects of them: there are millions.
    Format: https://git-scm.com/book/en/v2/Git-Internals-Git-Objects."""
    folders, files, at = [], set(), 0
    while at < len(tree):
        end = tree.index(b"\0", at)
        name = tree[end + 1 : end + 1 + _SHA].hex()
        if tree.startswith(b"40000 ", at):
            folders.append(name)
        elif not tree.startswith(b"160000 ", at):
            files.add(name)
        at = end + 1 + _SHA
    return folders, files
