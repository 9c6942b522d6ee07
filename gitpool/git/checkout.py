"""Putting a snapshot's files back into the folder, so that a crash leaves old or new, no mix.

The commit is made first; then a note says which one the folder shall show; then the branch
moves; then the files follow. `finish` carries on from whatever point a crash left: before the
branch moved nothing has happened, after it the files are put right.
"""

from __future__ import annotations

import contextlib
import logging
import os

from ..errors import Damaged
from ..identifiers import is_image_name
from ..pool import durable
from ..pool.manifest import MANIFEST_NAME
from .index import read_index, vouched, write_index
from .repository import Repository

log = logging.getLogger("gitpool")

_NOTE = "gitpool-checkout"


def begin(repo: Repository, commit: str) -> None:
    """Note, durably, that the folder shall show this commit once the branch names it."""
    remembered = repo.remembered()
    if remembered:
        repo.note_number(remembered.next_seq)
    durable.write_file(repo.git / _NOTE, commit.encode())


def finish(repo: Repository) -> None:
    """Carry out what `begin` noted, if the branch has moved there; else forget it."""
    note = repo.git / _NOTE
    try:
        commit = note.read_bytes().decode("ascii", "replace").strip()
    except FileNotFoundError:
        return
    if repo.tip() == commit:
        try:
            _put(repo, repo.files_of(repo.commit(commit).tree.decode()))
        except Damaged as error:
            # What can't be put back now never can; the profile must stay usable.
            log.error("Git Pool: %s", error.message)
    with contextlib.suppress(FileNotFoundError):
        note.unlink()
    durable.sync_folder(repo.git)


def verify(repo: Repository, wanted: dict[str, str]) -> None:
    """Raise Damaged, before anything is changed, where a file to be put back can't be read."""
    cached, _ = read_index(repo.index_path)
    here = {file.blob for file in cached.values()}
    repo.objects.check_blobs(set(wanted.values()) - here)


def _put(repo: Repository, wanted: dict[str, str]) -> None:
    """Make the pool's files exactly these: new ones first, the manifest next, then removals."""
    wanted = {n: b for n, b in wanted.items() if n == MANIFEST_NAME or is_image_name(n)}
    cached, written = read_index(repo.index_path)
    present = repo.folder.image_files()
    stale = [
        name
        for name, blob in wanted.items()
        if vouched(cached.get(name), repo.folder.stat(name), written) != blob
    ]
    repo.objects.put_files((wanted[n], repo.path / n) for n in stale if n != MANIFEST_NAME)
    durable.sync_folder(repo.path)
    repo.objects.put_files((wanted[n], repo.path / n) for n in stale if n == MANIFEST_NAME)
    durable.sync_folder(repo.path)
    files = {name: (blob, os.stat(repo.path / name)) for name, blob in wanted.items()}
    for name in present.keys() - wanted.keys():
        # Only what history holds is removed; a file it has never seen is somebody's.
        known = cached.get(name)
        if known and known.fits(present[name]):
            (repo.path / name).unlink()
    durable.sync_folder(repo.path)
    write_index(repo.index_path, files)
    repo.exclude_files(set(files))
