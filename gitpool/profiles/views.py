"""A pool as it was at one moment, to be read while others go on editing it.

The pool's manifest and the content ids of its files are noted. Their bytes aren't copied: they
are in the folder, or, once something has taken their place there, wherever the edit that did so
kept them.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, cast

from ..errors import Damaged
from ..git import snapshots
from ..git.contents import Contents
from ..git.repository import Repository
from ..pool.content import hash_bytes, hash_open
from ..pool.manifest import Manifest
from ..pool.reading import open_file, read_file
from .library import Library

_Blobs = dict[str, str] | None
_BlobsOf = Callable[[Path, Iterable[str]], _Blobs]
_GONE = (FileNotFoundError, NotADirectoryError, IsADirectoryError)


@dataclass(frozen=True)
class PoolView:
    """A pool at one moment. blobs: the content id of each file that was there, by name.

    exists: whether there was a folder; a pool that nobody has added to is empty.
    moved: what files are called in the folder so far, by their names here, where that differs.
    """

    pool_id: str
    exists: bool = False
    manifest: Manifest = field(default_factory=Manifest)
    blobs: dict[str, str] = field(default_factory=dict)
    moved: dict[str, str] = field(default_factory=dict)


def look(library: Library, pool_id: str, dropped: bool = False) -> PoolView:
    """The pool as it is now. Raises NotFound for a profile that is deleted or lost its folder.

    dropped: as the next edit would find it, with what somebody put into the folder.
    """
    if not library.folder(pool_id).path.is_dir():
        return PoolView(pool_id)
    contents = library.contents
    manifest, moved, blobs = _look(library, pool_id, dropped, contents.ready)
    if blobs is None:
        # What is new is hashed first, so that nobody's edit waits for that.
        contents.of(library.path_of(pool_id), _names(manifest, moved))
        manifest, moved, blobs = _look(library, pool_id, dropped, contents.of)
    blobs = blobs or {}
    if moved:
        so_far = {name: moved.get(name, name) for name in manifest.file_names()}
        blobs = {name: blobs[old] for name, old in so_far.items() if old in blobs}
    return PoolView(pool_id, True, manifest, blobs, moved)


def _look(
    library: Library, pool_id: str, dropped: bool, blobs_of: _BlobsOf
) -> tuple[Manifest, dict[str, str], _Blobs]:
    """A pool's manifest, what its files are called so far, and their content ids, all of one
    moment."""
    folder = library.folder(pool_id)

    def read() -> tuple[Manifest, dict[str, str], _Blobs]:
        manifest, moved = _manifest(library, pool_id, dropped)
        return manifest, moved, blobs_of(folder.path, _names(manifest, moved))

    with library.locks.hold_to_read(pool_id) as held:
        # Nobody here can write to that disk; another machine may.
        return read() if held else folder.steadily(read)


def _manifest(library: Library, pool_id: str, dropped: bool) -> tuple[Manifest, dict[str, str]]:
    if not dropped:
        return library.manifest(pool_id), {}
    return snapshots.foresee(Repository(library.path_of(pool_id)), library.now())


def _names(manifest: Manifest, moved: dict[str, str]) -> set[str]:
    return {moved.get(name, name) for name in manifest.file_names()}


def read(library: Library, view: PoolView, name: str) -> bytes | None:
    """A file's bytes as they were then; None where they were replaced and kept nowhere."""
    blob = view.blobs[name]
    for path in _paths(library, view, name):
        data = _file_of(library.contents, path, blob)
        if data is not None:
            return data
    for place in _places(library, view):
        repo = Repository(place)
        # Bytes that can't be read any more are as good as gone.
        with contextlib.suppress(Damaged):
            if repo.exists() and blob in repo.objects:
                return repo.objects.read_raw(blob)[1]
    return None


def opened(library: Library, view: PoolView, name: str) -> BinaryIO | None:
    """The same as an open file, for what is too large to be held; None where it is nowhere."""
    blob = view.blobs[name]
    for path in _paths(library, view, name):
        file = _opened(library.contents, path, blob)
        if file is not None:
            return file
    for place in _places(library, view):
        repo = Repository(place)
        if repo.exists() and blob in repo.objects:
            copied = cast(BinaryIO, tempfile.TemporaryFile())  # noqa: SIM115 - the caller's
            repo.objects.copy_blob(blob, copied)
            copied.seek(0)
            return copied
    return None


def _places(library: Library, view: PoolView) -> Iterator[Path]:
    yield library.path_of(view.pool_id)
    yield library.trash_of(view.pool_id)


def _paths(library: Library, view: PoolView, name: str) -> Iterator[Path]:
    """Where the file may be; nearly always it is in the first place."""
    for place in _places(library, view):
        yield place / name
        if name in view.moved:
            yield place / view.moved[name]
    yield library.kept(view.pool_id).path_of(view.blobs[name])


def _file_of(contents: Contents, path: Path, blob: str) -> bytes | None:
    """The file's bytes, if they are the ones that are asked for."""
    before = contents.ready(path.parent, [path.name])
    try:
        data = read_file(path)
    except _GONE:
        return None
    # A file with the same stat before and after was known to hold them all the time.
    if before == {path.name: blob} == contents.ready(path.parent, [path.name]):
        return data
    return data if hash_bytes(data) == blob else None


def _opened(contents: Contents, path: Path, blob: str) -> BinaryIO | None:
    """The file, open, if it holds the bytes that are asked for."""
    before = contents.ready(path.parent, [path.name])
    try:
        file = open_file(path)
    except _GONE:
        return None
    # Edits put another file in its place: this one, once open, stays what it is.
    with contextlib.suppress(*_GONE):
        same = os.path.samestat(os.fstat(file.fileno()), os.stat(path))
        if same and before == {path.name: blob} == contents.ready(path.parent, [path.name]):
            return file
    if hash_open(file) == blob:
        file.seek(0)
        return file
    file.close()
    return None
