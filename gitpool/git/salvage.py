"""Bytes that a history lost, found again wherever else they are: in the pool's own files, in
git's index, in another copy of the object, in another repository. An object is known by its id,
so what is found is right, or it isn't taken.
"""

from __future__ import annotations

import contextlib
import io
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from dulwich.objects import Commit, ShaFile, Tag, Tree

from ..pool import durable
from ..pool.content import hash_file
from ..pool.manifest import MANIFEST_NAME
from ..pool.reading import read_file
from .index import read_index
from .inflate import KINDS, read_packed
from .objects import ObjectStore
from .reindex import entries_of, examined, index_anew, is_of, packs_of
from .repository import Repository
from .snapshots import build_trees

# Bytes at the end of a zlib stream.
_CHECKSUM = 4
Source = Callable[[str], "ShaFile | None"]


def sources(repo: Repository, others: Iterable[ObjectStore]) -> list[Source]:
    """Where to look for what a repository lost: what is nearest first."""
    files = {hash_file(path): path for path in _pool_files(repo)}
    lists = _lists(repo, files)
    return [
        _from_store(repo.objects),
        # What C git can't read may still be whole, but for a checksum that is in the way.
        lambda name: _from_loose(repo.objects.path_of(name)),
        lambda name: _from_file(files.get(name)),
        lists.get,
        lambda name: _from_packs(repo.objects, name),
        *(_from_store(store) for store in others),
    ]


def salvage(
    repo: Repository, lost: Iterable[str], places: list[Source], found: ObjectStore
) -> set[str]:
    """Write what can be found of the lost objects, and of what they need in turn, into the store
    `found`; tells which."""
    todo, got = list(lost), set()
    seen = set(todo)
    while todo:
        name = todo.pop()
        obj = _look(name, places)
        if obj is None:
            continue
        found.write(obj)
        got.add(name)
        more = [need for need in _needs(obj) if need not in seen and need not in repo.objects]
        seen.update(more)
        todo += more
    return got


def install(found: ObjectStore, target: ObjectStore) -> None:
    """Put salvaged objects where they belong, each in place of what is left of it. Another
    repository that shares a damaged file keeps its own."""
    folders = set()
    for name in list(found.loose_ids()):
        path = target.path_of(name)
        durable.make_folder(path.parent)
        durable.replace(found.path_of(name), path)
        folders.add(path.parent)
    for folder in folders:
        durable.sync_folder(folder)


def mend_packs(repo: Repository, found: ObjectStore) -> bool:
    """Make a sound pack's lost index anew; of a damaged pack, write what can still be read into
    `found` and set the pack aside. Tells whether anything was done."""
    repo.objects.close()
    done = False
    for pack in packs_of(repo):
        index, objects = pack.with_suffix(".idx"), examined(pack)
        if objects is not None:
            if not is_of(entries_of(index), objects):
                index_anew(pack, objects)
                done = True
            continue
        for name in entries_of(index) or ():
            obj = _look(name.hex(), [lambda name: _from_packs(repo.objects, name)])
            if obj is not None:
                found.write(obj)
        install(found, repo.objects)
        repo.objects.close()
        durable.set_aside(index)
        durable.set_aside(pack)
        done = True
    return done


def _look(name: str, places: list[Source]) -> ShaFile | None:
    for place in places:
        # Whatever is wrong with one place, the next one may be sound.
        with contextlib.suppress(Exception):
            obj = place(name)
            if obj is not None and obj.id.decode() == name:
                return obj
    return None


def _needs(obj: ShaFile) -> Iterator[str]:
    if isinstance(obj, Commit):
        yield obj.tree.decode()
        yield from (parent.decode() for parent in obj.parents)
    elif isinstance(obj, Tag):
        yield obj.object[1].decode()
    elif isinstance(obj, Tree):
        yield from (entry.sha.decode() for entry in obj.iteritems())


def _pool_files(repo: Repository) -> Iterator[Path]:
    for name in (MANIFEST_NAME, *repo.folder.image_files()):
        path = repo.path / name
        if path.is_file() and not path.is_symlink():
            yield path


def _lists(repo: Repository, files: Mapping[str, Path]) -> dict[str, Tree]:
    """The lists of files that the index and the folder come to, by their ids."""
    cached, _ = read_index(repo.index_path)
    both = (
        {name: file.blob for name, file in cached.items()},
        {path.name: blob for blob, path in files.items()},
    )
    return {tree.id.decode(): tree for one in both for tree in build_trees(one, {})}


def _from_file(path: Path | None) -> ShaFile | None:
    return ShaFile.from_raw_string(3, read_file(path)) if path else None


def _from_loose(path: Path) -> ShaFile | None:
    """An object from its own file, without the checksum at the end: its id tells more."""
    if not path.is_file():
        return None
    whole = zlib.decompressobj().decompress(read_file(path)[:-_CHECKSUM])
    header, _, content = whole.partition(b"\0")
    return ShaFile.from_raw_string(KINDS[header.split(b" ")[0]], content)


def _from_packs(objects: ObjectStore, name: str) -> ShaFile | None:
    for pack in objects.packs():
        if name.encode() in pack:
            out = io.BytesIO()
            with contextlib.suppress(Exception):  # a garbled pack raises many kinds
                return ShaFile.from_raw_string(read_packed(pack, name, out), out.getvalue())
    return None


def _from_store(store: ObjectStore) -> Source:
    return lambda name: ShaFile.from_raw_string(*store.read_raw(name))
