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
from collections.abc import Iterator, Mapping, Set
from pathlib import Path

from ..errors import Damaged
from ..identifiers import is_image_name
from ..pool import durable
from ..pool.content import hash_file
from ..pool.manifest import MANIFEST_NAME
from ..pool.reading import read_file
from .changes import Version
from .index import CachedFile, Files, read_index, vouched, write_index
from .lfs import kept_in_lfs
from .listing import EXECUTABLE_MODE, Passenger
from .repository import Repository

log = logging.getLogger("gitpool")

_NOTE = "gitpool-checkout"


def begin(repo: Repository, commit: str) -> None:
    """Note, durably, that the folder shall show this commit once the branch names it."""
    durable.write_file(repo.git / _NOTE, commit.encode())


@contextlib.contextmanager
def ready(repo: Repository, wanted: Mapping[str, str]) -> Iterator[dict[str, Path]]:
    """The files that the folder has otherwise, whole and durable under names of their own, by
    the paths they shall have; what isn't used is gone after the block. Raises Damaged."""
    cached, written = read_index(repo.index_path)
    stale = _stale(repo, wanted, cached, written)
    stale -= kept_in_lfs(repo.objects, wanted, filter(is_image_name, stale))
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
    commit = _noted(repo)
    if commit is None:
        return
    if repo.tip() == commit:
        try:
            _put(repo, repo.version(commit), made or {})
        except Damaged as error:
            # What can't be put back now never can; the profile must stay usable.
            log.error("Git Pool: %s", error.message)
    with contextlib.suppress(FileNotFoundError):
        note.unlink()
    durable.sync_folder(repo.git)


def is_unfinished(repo: Repository) -> bool:
    """Whether the folder isn't yet what the newest snapshot says, since a crash came between."""
    commit = _noted(repo)
    return commit is not None and commit == repo.tip()


def _noted(repo: Repository) -> str | None:
    try:
        return read_file(repo.git / _NOTE).decode("ascii", "replace").strip()
    except (FileNotFoundError, IsADirectoryError):
        return None


def _put(repo: Repository, version: Version, made: Mapping[str, Path]) -> None:
    """Make the folder's files exactly these: new ones first, the manifest next, then removals."""
    wanted = version.files
    cached, written = read_index(repo.index_path)
    present = repo.folder.image_files()
    stale = _stale(repo, wanted, cached, written)
    # A picture that Git LFS keeps elsewhere is not the few words that stand for it here.
    away = kept_in_lfs(repo.objects, wanted, filter(is_image_name, stale))
    fresh = stale - away - {MANIFEST_NAME}
    gone = (present.keys() | cached.keys()) - (wanted.keys() - away)
    for path in gone - present.keys():
        # A folder may come in the place of a file, or a file in that of a folder.
        _remove(repo, path, cached)
    _make_room(repo, fresh, cached)
    _place(repo, {name: wanted[name] for name in fresh}, made)
    _place(repo, {name: wanted[name] for name in stale & {MANIFEST_NAME}}, made)
    for path, one in version.passengers.items():
        if one.mode == EXECUTABLE_MODE and path in fresh:
            durable.make_executable(repo.path / path)
    for name in gone & present.keys():
        _remove(repo, name, cached)
    durable.sync_folder(repo.path)
    files = {name: (wanted[name], repo.folder.own_stat(name)) for name in wanted}
    # What can't be put where it belongs, since something else is in its way, is gone.
    files = {name: one for name, one in files.items() if one[1] or name in away}
    write_cache(repo, files, version.passengers)


def write_cache(repo: Repository, files: Files, passengers: Mapping[str, Passenger]) -> None:
    """Have git's index, and with it `git status`, agree with these files."""
    write_index(repo.index_path, files, {path: one.mode for path, one in passengers.items()})
    repo.exclude_files(set(files))


def _make_room(repo: Repository, paths: Set[str], cached: Mapping[str, CachedFile]) -> None:
    """Make the folders that are missing, and move what a user has in a file's place, and no
    history holds, aside."""
    for path in paths:
        target = repo.path / path
        if not repo.folder.is_own_folder(os.path.dirname(path)):
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        stat, known = repo.folder.own_stat(path), cached.get(path)
        if target.is_symlink() or (
            stat and not (known and known.fits(stat)) and hash_file(target) not in repo.objects
        ):
            durable.set_aside(target, "yours")


def _remove(repo: Repository, path: str, cached: Mapping[str, CachedFile]) -> None:
    """Remove a file that the history holds; one that it has never seen is somebody's."""
    stat, known = repo.folder.own_stat(path), cached.get(path)
    # A crash, or a copy of the whole folder, may have left the index behind the files.
    if stat and ((known and known.fits(stat)) or hash_file(repo.path / path) in repo.objects):
        (repo.path / path).unlink()
        folder = os.path.dirname(path)
        while folder:
            with contextlib.suppress(OSError):  # something else is in it
                (repo.path / folder).rmdir()
            folder = os.path.dirname(folder)


def _place(repo: Repository, wanted: Mapping[str, str], made: Mapping[str, Path]) -> None:
    wanted = {n: b for n, b in wanted.items() if repo.folder.has_room_for(n)}
    for name in wanted.keys() & made.keys():
        durable.replace(made[name], repo.path / name)
    left = wanted.keys() - made.keys()
    repo.objects.put_files((wanted[name], repo.path / name) for name in left)
    for folder in {os.path.dirname(name) for name in wanted}:
        durable.sync_folder(repo.path / folder)


def _stale(
    repo: Repository, wanted: Mapping[str, str], cached: Mapping[str, CachedFile], written: int
) -> set[str]:
    """The files whose bytes in the folder aren't known to be the wanted ones."""
    return {
        name
        for name, blob in wanted.items()
        if vouched(cached.get(name), repo.folder.stat(name), written) != blob
    }
