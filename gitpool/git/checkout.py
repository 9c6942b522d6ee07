"""Putting a snapshot's files back into the folder, so that a crash leaves old or new, no mix.

The files are made ready beside the old ones, so that neither damage nor a full disk is met once
something has changed. Then the commit is made; a note says which one the folder shall show; the
branch moves; the files take their places. `finish` carries on from whatever point a crash left:
before the branch moved nothing has happened, after it the files are put right.
"""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path

from ..errors import Damaged
from ..identifiers import is_image_name
from ..pool import durable
from ..pool.content import hash_file
from ..pool.manifest import MANIFEST_NAME
from ..pool.reading import read_file
from .index import CachedFile, read_index, vouched, write_index
from .repository import Repository

log = logging.getLogger("gitpool")

_NOTE = "gitpool-checkout"


def begin(repo: Repository, commit: str) -> None:
    """Note, durably, that the folder shall show this commit once the branch names it."""
    remembered = repo.remembered()
    if remembered:
        repo.note_number(remembered.next_seq)
    durable.write_file(repo.git / _NOTE, commit.encode())


@contextlib.contextmanager
def ready(repo: Repository, wanted: Mapping[str, str]) -> Iterator[dict[str, Path]]:
    """The files that the folder has otherwise, whole and durable under names of their own, by
    the names they shall have; what isn't used is gone after the block. Raises Damaged."""
    cached, written = read_index(repo.index_path)
    stale = _stale(repo, wanted, cached, written)
    made = {n: repo.path / f"{durable.TEMP_PREFIX}{secrets.token_hex(8)}" for n in stale}
    try:
        repo.objects.make_files((wanted[name], path) for name, path in made.items())
        yield made
    finally:
        for path in made.values():
            path.unlink(missing_ok=True)


def finish(repo: Repository, made: Mapping[str, Path] | None = None) -> None:
    """Carry out what `begin` noted, if the branch has moved there; else forget it.

    made: what is `ready`; after a crash nothing is, and all is read again.
    """
    note = repo.git / _NOTE
    try:
        commit = read_file(note).decode("ascii", "replace").strip()
    except (FileNotFoundError, IsADirectoryError):
        return
    if repo.tip() == commit:
        try:
            _put(repo, repo.files_of(repo.commit(commit).tree.decode()), made or {})
        except Damaged as error:
            # What can't be put back now never can; the profile must stay usable.
            log.error("Git Pool: %s", error.message)
    with contextlib.suppress(FileNotFoundError):
        note.unlink()
    durable.sync_folder(repo.git)


def _put(repo: Repository, wanted: dict[str, str], made: Mapping[str, Path]) -> None:
    """Make the pool's files exactly these: new ones first, the manifest next, then removals."""
    wanted = {n: b for n, b in wanted.items() if n == MANIFEST_NAME or is_image_name(n)}
    cached, written = read_index(repo.index_path)
    present = repo.folder.image_files()
    stale = _stale(repo, wanted, cached, written)
    _place(repo, {n: wanted[n] for n in stale if n != MANIFEST_NAME}, made)
    _place(repo, {n: wanted[n] for n in stale if n == MANIFEST_NAME}, made)
    files = {name: (blob, os.stat(repo.path / name)) for name, blob in wanted.items()}
    for name in present.keys() - wanted.keys():
        # Only what history holds is removed; a file it has never seen is somebody's.
        known = cached.get(name)
        kept = bool(known and known.fits(present[name]))
        # A crash, or a copy of the whole folder, may have left the index behind the files.
        if kept or hash_file(repo.path / name) in repo.objects:
            (repo.path / name).unlink()
    durable.sync_folder(repo.path)
    write_index(repo.index_path, files)
    repo.exclude_files(set(files))


def _place(repo: Repository, wanted: Mapping[str, str], made: Mapping[str, Path]) -> None:
    for name in wanted.keys() & made.keys():
        durable.replace(made[name], repo.path / name)
    left = wanted.keys() - made.keys()
    repo.objects.put_files((wanted[name], repo.path / name) for name in left)
    durable.sync_folder(repo.path)


def _stale(
    repo: Repository, wanted: Mapping[str, str], cached: Mapping[str, CachedFile], written: int
) -> list[str]:
    """The files whose bytes in the folder aren't known to be the wanted ones."""
    return [
        name
        for name, blob in wanted.items()
        if vouched(cached.get(name), repo.folder.stat(name), written) != blob
    ]
