"""Freeing the bytes of snapshots that a clean-up took out of the history.

Only what they alone needed goes: what a ref, an index or a log of git's reaches stays, and so
does what a git user left lying about, or told git to keep. What can fail for want of space or of
sound bytes, writing packs anew, is done by `prepare`, before anything is changed.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator, Set
from dataclasses import dataclass, field
from pathlib import Path

from dulwich.objects import Commit, Tag, Tree
from dulwich.pack import Pack

from ..pool import durable
from . import holders, indexed
from .pack import discard_pack, name_pack, prepare_pack
from .refs import DROPPED
from .repository import Repository
from .trees import ELSEWHERE, FOLDERS, entries

Tick = Callable[[int, int], None]
_SHA = 20


def silent(done: int, total: int) -> None:
    """Tells nobody how far the work is."""


@dataclass(frozen=True)
class Dead:
    """What goes: files, lists of files; snapshots and the tags on them."""

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

    def needs(
        self, commits: Iterable[str], others: Iterable[str] = (), strict: bool = False
    ) -> tuple[set[str], set[str]]:
        """The trees and the blobs of snapshots and of other trees; a tree that is gone needs
        nothing, or, if `strict`, raises Damaged."""
        trees: set[str] = set()
        blobs: set[bytes] = set()
        todo = [*others, *self._trees(commits)]
        while todo:
            tree = todo.pop()
            if tree in trees or not (strict or tree in self._repo.objects):
                continue
            self._tick()
            trees.add(tree)
            folders, files = _entries(self._repo.objects.read_raw(tree)[1])
            todo += folders
            blobs |= files
        return trees, {blob.hex() for blob in blobs}

    def _trees(self, commits: Iterable[str]) -> Iterator[str]:
        objects = self._repo.objects
        for name in commits:
            obj = objects.read(name) if name in objects else None
            if isinstance(obj, Commit):
                yield obj.tree.decode()


@dataclass(frozen=True)
class Alive:
    """What something still names: snapshots, and files and lists of files beside theirs."""

    commits: set[str] = field(default_factory=set)
    trees: set[str] = field(default_factory=set)
    blobs: set[str] = field(default_factory=set)


def dead(
    repo: Repository,
    gone: Set[str],
    live: Alive,
    tick: Callable[[], None] = lambda: None,
    noted: Set[str] = frozenset(),
) -> Dead:
    """What only the snapshots `gone` need, and nothing alive, nor an index; and what was `noted`
    as such. Raises Damaged where it can't be known what is needed."""
    census = Census(repo, tick)
    trees, blobs = census.needs(gone)
    live_trees, live_blobs = census.needs(live.commits, live.trees, strict=True)
    needed = live_trees | live_blobs | live.blobs | indexed.objects(repo) | in_kept_packs(repo)
    present = [name for name in sorted(gone) if name in repo.objects]
    return Dead((blobs | noted) - needed, trees - needed, present)


def alive(repo: Repository, gone: Set[str] | None = None) -> Alive:
    """What refs, HEAD, git's logs and whatever else is named reach, but for the snapshots `gone`
    and the way through them; without `gone`, as far as git itself follows it.

    Raises Damaged where something can't be read: then nobody knows what it needs.
    """
    found, cut = Alive(), repo.shallow()
    roots = [*repo.refs.all("refs/").values(), *filter(None, [repo.tip()])]
    todo = [*roots, *holders.pinned(repo), *holders.logged(repo)]
    todo = [name for name in todo if name in repo.objects]
    seen = set(gone or ())
    while todo:
        name = todo.pop()
        if name in seen:
            continue
        seen.add(name)
        obj = repo.objects.read(name)
        if isinstance(obj, Tag):
            todo.append(obj.object[1].decode())
        elif isinstance(obj, Commit):
            found.commits.add(name)
            parents = [parent.decode() for parent in obj.parents]
            if name in cut:
                # Before planning, what a git user cut off by hand is here all the same.
                parents = [p for p in parents if gone is not None and p in repo.objects]
            todo += parents
        else:
            (found.trees if isinstance(obj, Tree) else found.blobs).add(name)
    return found


def in_kept_packs(repo: Repository) -> set[str]:
    """What lies in packs that a git user told git to keep."""
    kept = [p for p in repo.objects.packs() if Path(p.data.path).with_suffix(".keep").exists()]
    return {name.decode() for pack in kept for name in pack}


def size(repo: Repository, objects: Iterable[str]) -> int:
    """The bytes that go with these objects; one that another profile shares frees none."""
    total, packed = 0, set()
    for name in objects:
        try:
            stat = repo.objects.path_of(name).stat()
            total += stat.st_size if stat.st_nlink == 1 else 0
        except FileNotFoundError:
            packed.add(name)
    for pack in repo.objects.packs() if packed else ():
        total += sum(end - start for name, start, end in _extents(pack) if name in packed)
    return total


@dataclass(frozen=True)
class Ready:
    """A pack that is written and doesn't count yet, if one is needed, and those it replaces."""

    made: tuple[Path, bytes] | None = None
    before: frozenset[str] = frozenset()

    def discard(self) -> None:
        if self.made:
            discard_pack(self.made[0])


def prepare(repo: Repository, unwanted: Set[str], tick: Tick = silent) -> Ready:
    """Write the packs that hold something unwanted anew, as one, without it. Raises Damaged where
    something wanted in them can't be read."""
    touched = []
    for pack in repo.objects.packs():
        path = Path(pack.data.path)
        names = [name.decode() for name in pack]
        if not unwanted.isdisjoint(names) and not path.with_suffix(".keep").exists():
            touched.append((path, names))
    wanted = list(dict.fromkeys(n for _, names in touched for n in names if n not in unwanted))
    before = frozenset(path.stem for path, _ in touched)
    if not wanted:
        return Ready(None, before)
    folder = repo.objects.folder / "pack"
    made = prepare_pack(folder, repo.objects, wanted, lambda n, _: tick(n, len(wanted)))
    return Ready(made, before)


def sweep(repo: Repository, what: Dead, ready: Ready) -> None:
    """Remove what is dead. The refs have let go of it already."""
    _drop_caches(repo)
    if ready.made:
        name_pack(*ready.made)
    if ready.before:
        repo.objects.close()
        _remove_packs(repo, ready.before)
    for objects in (what.blobs, what.trees, what.commits):
        for name in objects:
            repo.objects.delete_loose(name)
    # A snapshot that came back after a power cut would be seen, without its files.
    for folder in {repo.objects.path_of(name).parent for name in what.commits}:
        if folder.is_dir():
            durable.sync_folder(folder)


def spare_tags(repo: Repository) -> set[str]:
    """Tags that were kept only because packs weren't rewritten."""
    aside = set(repo.refs.all(DROPPED).values())
    named = {n for ref, n in repo.refs.all("refs/").items() if not ref.startswith(DROPPED)}
    return aside - named - in_kept_packs(repo)


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


def _extents(pack: Pack) -> Iterator[tuple[str, int, int]]:
    """Where in a pack's file each object lies."""
    entries = sorted((offset, name) for name, offset, _ in pack.index.iterentries())
    ends = [offset for offset, _ in entries[1:]] + [Path(pack.data.path).stat().st_size - _SHA]
    for (start, name), end in zip(entries, ends, strict=True):
        yield name.hex(), start, end


def _entries(tree: bytes) -> tuple[list[str], set[bytes]]:
    """A list's own lists, and its files, these as binary ids."""
    found = entries(tree)
    folders = [name.hex() for mode, _, name in found if mode in FOLDERS]
    return folders, {name for mode, _, name in found if mode not in (*FOLDERS, ELSEWHERE)}
