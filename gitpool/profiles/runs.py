"""One run, one version: what a running workflow sees of a pool, whatever is edited meanwhile.

The first time a run asks for a pool, the pool's manifest and the content ids of its files are
pinned for it. Their bytes aren't copied: they are in the folder, or, once something has taken
their place there, wherever the edit that did so kept them.
"""

from __future__ import annotations

import contextlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import Conflict, Damaged
from ..git.contents import Contents
from ..git.repository import Repository
from ..pool.content import hash_bytes
from ..pool.manifest import Manifest
from .library import Library

REMEMBERED_RUNS = 2


@dataclass(frozen=True)
class PoolView:
    """A pool at one moment. blobs: the content id of each file that was there, by name.

    exists: whether there was a folder; a pool that nobody has added to is empty.
    """

    pool_id: str
    exists: bool = False
    manifest: Manifest = field(default_factory=Manifest)
    blobs: dict[str, str] = field(default_factory=dict)


class Runs:
    """The pools as the present run sees them; safe to use from several threads.

    current: names the run that is under way, never two runs alike; None where there is none,
    or nobody knows: then pools are seen as they are.
    """

    def __init__(self, library: Library, current: Callable[[], str | None]) -> None:
        self._library = library
        self._current = current
        self._pins: OrderedDict[str, dict[str, PoolView]] = OrderedDict()
        self._guard = threading.Lock()

    def view(self, pool_id: str) -> PoolView:
        """The pool as this run first saw it. Raises NotFound for a deleted profile."""
        run = self._current()
        if run is None:
            return self._look(pool_id)
        with self._guard:
            pinned = self._pins.get(run, {}).get(pool_id)
        if pinned is not None:
            return pinned
        seen = self._look(pool_id)
        with self._guard:
            view = self._pins.setdefault(run, {}).setdefault(pool_id, seen)
            while len(self._pins) > REMEMBERED_RUNS:
                self._pins.popitem(last=False)
        return view

    @contextlib.contextmanager
    def hold(self, pool_id: str) -> Iterator[PoolView]:
        """The pool as `view` gives it, kept from changing while the block reads its files."""
        library = self._library
        if not (library.path_of(pool_id).is_dir() or library.trash_of(pool_id).is_dir()):
            yield self.view(pool_id)
            return
        with library.locks.hold(pool_id):
            yield self.view(pool_id)

    def read(self, view: PoolView, name: str | None) -> bytes | None:
        """A file's bytes as they were then; None where there was no such file. Call it inside
        `hold`. Raises Conflict where the bytes were replaced and kept nowhere."""
        blob = view.blobs.get(name) if name else None
        if name is None or blob is None:
            return None
        places = (self._library.path_of(view.pool_id), self._library.trash_of(view.pool_id))
        kept = self._library.kept(view.pool_id).path_of(blob)
        for path in (*(place / name for place in places), kept):
            data = _file_of(self._library.contents, path, blob)
            if data is not None:
                return data
        for place in places:
            data = _stored(place, blob)
            if data is not None:
                return data
        raise Conflict(
            "changed_during_run",
            f"“{name}” was changed while the run was under way. Run it again.",
        )

    def _look(self, pool_id: str) -> PoolView:
        library = self._library
        folder = library.folder(pool_id).path
        if not folder.is_dir():
            return PoolView(pool_id)
        with library.locks.hold(pool_id):
            manifest = library.manifest(pool_id)
            blobs = library.contents.ready(folder, manifest.file_names())
        if blobs is None:
            # What is new is hashed first, so that nobody's edit waits for that.
            library.contents.of(folder, manifest.file_names())
            with library.locks.hold(pool_id):
                manifest = library.manifest(pool_id)
                blobs = library.contents.of(folder, manifest.file_names())
        return PoolView(pool_id, True, manifest, blobs)


def _file_of(contents: Contents, path: Path, blob: str) -> bytes | None:
    """The file's bytes, if they are the ones that are asked for."""
    before = contents.ready(path.parent, [path.name])
    try:
        data = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return None
    # A file with the same stat before and after was known to hold them all the time.
    if before == {path.name: blob} == contents.ready(path.parent, [path.name]):
        return data
    return data if hash_bytes(data) == blob else None


def _stored(folder: Path, blob: str) -> bytes | None:
    repo = Repository(folder)
    if not repo.exists() or blob not in repo.objects:
        return None
    # Bytes that can't be read any more are as good as gone.
    with contextlib.suppress(Damaged):
        return repo.objects.read_raw(blob)[1]
    return None
