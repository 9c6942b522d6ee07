"""A pool as it was at one moment, to be read while others go on editing it.

The pool's manifest and the content ids of its files are noted. Their bytes aren't copied: they
are in the folder, or, once something has taken their place there, wherever the edit that did so
kept them.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from ..errors import Damaged
from ..git.contents import Contents
from ..git.repository import Repository
from ..pool.content import hash_bytes
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
    """

    pool_id: str
    exists: bool = False
    manifest: Manifest = field(default_factory=Manifest)
    blobs: dict[str, str] = field(default_factory=dict)


def look(library: Library, pool_id: str) -> PoolView:
    """The pool as it is now. Raises NotFound for a profile that is deleted or lost its folder."""
    if not library.folder(pool_id).path.is_dir():
        return PoolView(pool_id)
    contents = library.contents
    manifest, blobs = _look(library, pool_id, contents.ready)
    if blobs is None:
        # What is new is hashed first, so that nobody's edit waits for that.
        contents.of(library.path_of(pool_id), manifest.file_names())
        manifest, blobs = _look(library, pool_id, contents.of)
    return PoolView(pool_id, True, manifest, blobs or {})


def _look(library: Library, pool_id: str, blobs_of: _BlobsOf) -> tuple[Manifest, _Blobs]:
    """A pool's manifest and its files' content ids, both of one moment."""
    folder = library.folder(pool_id)

    def read() -> tuple[Manifest, _Blobs]:
        manifest = library.manifest(pool_id)
        return manifest, blobs_of(folder.path, manifest.file_names())

    with library.locks.hold_to_read(pool_id) as held:
        # Nobody here can write to that disk; another machine may.
        return read() if held else folder.steadily(read)


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


def copy(library: Library, view: PoolView, name: str, target: BinaryIO) -> bool:
    """Write the same to `target`, a piece at a time; False where it is nowhere."""
    blob = view.blobs[name]
    for path in _paths(library, view, name):
        with contextlib.suppress(*_GONE), open_file(path) as source:
            # Edits put another file in its place: this one, once open, stays what it is.
            same = os.path.samestat(os.fstat(source.fileno()), os.stat(path))
            if same and library.contents.of(path.parent, [path.name]) == {path.name: blob}:
                shutil.copyfileobj(source, target, 1 << 20)
                return True
    for place in _places(library, view):
        repo = Repository(place)
        if repo.exists() and blob in repo.objects:
            repo.objects.copy_blob(blob, target)
            return True
    return False


def _places(library: Library, view: PoolView) -> Iterator[Path]:
    yield library.path_of(view.pool_id)
    yield library.trash_of(view.pool_id)


def _paths(library: Library, view: PoolView, name: str) -> Iterator[Path]:
    """Where the file may be; nearly always it is in the first place."""
    for place in _places(library, view):
        yield place / name
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
