"""Looking profiles over for damage: the list of them, each one's pool, each one's history."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Set
from pathlib import Path
from typing import Any

from ..errors import LFS, Damaged, Malformed, NotAnImage, NotFound, TooLarge
from ..git.format import is_known_format
from ..git.index import CachedFile, read_index, vouched
from ..git.repository import IDENTITY, Identity, Repository
from ..git.snapshots import kept_away
from ..git.soundness import (
    DAMAGED,
    MISSING,
    UNREADABLE,
    Finding,
    Findings,
    Inspection,
    Meter,
    is_index,
    ref_files,
)
from ..identifiers import check_id
from ..pool import images
from ..pool.content import hash_file, stat_key
from ..pool.manifest import MANIFEST_NAME, Manifest, parse_manifest
from ..pool.reading import read_file
from .journals import FILE_NAME as JOURNAL
from .journals import sound_lines
from .library import Library, size_below

__all__ = ["DAMAGED", "MISSING", "UNREADABLE", "Finding", "Verify"]

_TRIES = 3
_NOT_WHOLE = "This isn't an image that can be read whole."
_ROTTEN = "Its bytes aren't those of its snapshot, though nobody wrote to it."
_FORMAT = "The history is kept in a format that can't be used here."

Progress = Callable[[int, int], Any]


class Verify:
    """Looks for damage, changes nothing, and takes no lock, so that nobody waits for it."""

    def __init__(self, library: Library) -> None:
        self._library = library

    def everyone(self) -> dict[str, str | None]:
        """The ids to check, with their names: the profiles, then folders with a history that
        the list of profiles doesn't know, or not any more."""
        names: dict[str, str | None] = {}
        with contextlib.suppress(OSError):  # `registry` tells of it
            names = {entry.id: entry.name for entry in self._library.registry.entries()}
        return names | dict.fromkeys(sorted(self._histories() - names.keys()))

    def registry(self) -> list[Finding]:
        """What is wrong with the list of profiles."""
        path, findings, whole = self._library.registry.path, Findings(), True
        with findings.reading(path.name):
            try:
                raw = json.loads(read_file(path).decode("utf-8-sig"))
                whole = len(raw["profiles"]) == len(self._library.registry.entries())
            except FileNotFoundError:
                if self._histories():
                    findings.add(path.name, MISSING, "The list of profiles is gone.")
            except (ValueError, RecursionError, KeyError, TypeError):
                whole = False
        if not whole:
            findings.add(path.name, DAMAGED, "The list of profiles is garbled.")
        return findings.all()

    def check(self, profile_id: str, progress: Progress = lambda *_: None) -> list[Finding]:
        """All that is wrong with a profile, or with a folder that has a history.

        Edits that no snapshot has yet aren't. progress: told the bytes done and their total.
        Raises NotFound.
        """
        repo = Repository(self._library.path_of(profile_id))
        if not os.path.lexists(repo.git):
            self._library.registry.get(profile_id)
        if not repo.path.is_dir():
            return [Finding(".", MISSING, "The profile's folder is gone.")]
        if not is_known_format(repo.git):
            return [Finding(".git/config", UNREADABLE, _FORMAT)]
        found: list[Finding] = []
        for _ in range(_TRIES):
            before = _state(repo)
            found = self._look(repo, profile_id, progress)
            # What seems damaged may have been edited while it was looked at.
            if not found or _state(repo) == before:
                break
        repo.objects.close()
        return found

    def _look(self, repo: Repository, profile_id: str, progress: Progress) -> list[Finding]:
        entry = None
        with contextlib.suppress(OSError):  # `registry` tells of it
            entry = self._library.registry.find(profile_id)
        return _look(repo, entry, progress)

    def _histories(self) -> set[str]:
        try:
            return {path.name for path in self._library.base.iterdir() if _has_history(path)}
        except FileNotFoundError:
            return set()


def _look(repo: Repository, entry: Identity | None, progress: Progress) -> list[Finding]:
    """entry: who the list of profiles says it is."""
    findings = Findings()
    files: dict[str, os.stat_result] = {}
    with findings.reading("."):
        files = repo.folder.image_files()
    sizes = sum(stat.st_size for stat in files.values())
    meter = Meter(progress, sizes + size_below(repo.objects.folder))
    _Pool(repo, findings, meter, files).check()
    if repo.exists():
        Inspection(repo, findings, meter).run()
        _check_identity(repo, entry, findings)
        _check_journal(repo, findings)
    elif os.path.lexists(repo.git):
        findings.add(".git", DAMAGED, "The history isn't a folder of the profile's own.")
    else:
        findings.add(".git", MISSING, "There is no history. The next snapshot begins one.")
    meter.finish()
    return findings.all()


def _check_identity(repo: Repository, entry: Identity | None, findings: Findings) -> None:
    """The list of profiles and the folder's own note agree; where not, the branch tells which of
    them it was that changed."""
    noted = repo.noted_identity()
    if entry is None or noted is None or (noted.id, noted.name) == (entry.id, entry.name):
        return
    if repo.branch() == entry.branch:
        said = "The folder's own note says that it is another profile."
        findings.add(f".git/{IDENTITY}", DAMAGED, said)
    else:
        said = f"The list of profiles calls it “{entry.name}”, its own folder “{noted.name}”."
        findings.add("../profiles.json", DAMAGED, said)


def _check_journal(repo: Repository, findings: Findings) -> None:
    file = f".git/{JOURNAL}"
    with findings.reading(file), contextlib.suppress(FileNotFoundError):
        # A last line that was cut off is what a crash leaves; nothing was noted then.
        lines = [
            line
            for line in read_file(repo.path / file).splitlines(keepends=True)
            if line.endswith(b"\n") or b"\0" in line
        ]
        if len(sound_lines(b"".join(lines))) != len(lines):
            findings.add(file, DAMAGED, "Some edits can't be undone any more.")


class _Pool:
    """One look at a pool's own files. files: the images and masks that are there."""

    def __init__(
        self, repo: Repository, findings: Findings, meter: Meter, files: dict[str, os.stat_result]
    ) -> None:
        self._repo = repo
        self._findings = findings
        self._meter = meter
        self._files = files

    def check(self) -> None:
        cached, written = self._read_index()
        manifest = self._read_manifest(cached.get(MANIFEST_NAME), written)
        away = self._kept_away()
        for name in sorted(self._files if manifest is None else manifest.file_names()):
            stat = self._files.get(name)
            if stat is None and name in away:
                continue
            if stat is None:
                self._findings.add(name, MISSING, "The pool lists this file, but it is gone.")
                continue
            known = cached.get(name)
            blob = vouched(known, stat, written)
            with self._findings.reading(name):
                self._check_image(name, blob, known.blob if known else None)
            self._meter.add(stat.st_size)

    def _kept_away(self) -> Set[str]:
        """The pictures that Git LFS keeps, of which none is missing here."""
        with contextlib.suppress(Damaged, NotFound):
            if self._repo.exists():
                return kept_away(self._repo, self._repo.version(self._repo.tip())).keys()
        return frozenset()

    def _check_image(self, name: str, blob: str | None, newest: str | None) -> None:
        """blob: what the bytes must be, where the file's times say that nobody wrote to it.
        newest: what they were in the newest snapshot."""
        path = self._repo.path / name
        try:
            # What nobody vouches for may be cut off; else its bytes say more than its pixels.
            info = images.probe(path) if blob else images.verify(path)
        except NotAnImage as error:
            if error.code != LFS:
                self._findings.add(name, DAMAGED, _NOT_WHOLE)
        except TooLarge as error:
            self._findings.add(name, UNREADABLE, error.message)
        else:
            # One that came here cut off is as it was.
            if not info.whole and hash_file(path) != newest:
                self._findings.add(name, DAMAGED, _NOT_WHOLE)
            if blob and hash_file(path) != blob:
                self._findings.add(name, DAMAGED, _ROTTEN)

    def _read_manifest(self, cached: CachedFile | None, written: int) -> Manifest | None:
        path = self._repo.path / MANIFEST_NAME
        with self._findings.reading(MANIFEST_NAME):
            try:
                manifest = parse_manifest(read_file(path))
                blob = vouched(cached, os.lstat(path), written)
                if blob and hash_file(path) != blob:
                    self._findings.add(MANIFEST_NAME, DAMAGED, _ROTTEN)
                return manifest
            except FileNotFoundError:
                if self._files or self._repo.exists():
                    said = "The pool's list of images is gone."
                    self._findings.add(MANIFEST_NAME, MISSING, said)
            except ValueError:
                said = "The pool's list of images is garbled."
                self._findings.add(MANIFEST_NAME, DAMAGED, said)
        return None

    def _read_index(self) -> tuple[dict[str, CachedFile], int]:
        with self._findings.reading(".git/index"):
            try:
                data = read_file(self._repo.index_path)
            except (FileNotFoundError, NotADirectoryError):  # a cache; the next snapshot has one
                return {}, 0
            if is_index(data):
                return read_index(self._repo.index_path)
            self._findings.add(".git/index", DAMAGED, "git's index is garbled.")
        return {}, 0


def _state(repo: Repository) -> dict[str, tuple[int, ...]]:
    """What differs once something was edited, snapshotted or packed."""
    names = ("", MANIFEST_NAME, ".git/HEAD", ".git/index", ".git/packed-refs", ".git/objects/pack")
    state = {}
    for name in (*names, *(f".git/{ref}" for ref in ref_files(repo.git))):
        with contextlib.suppress(OSError):
            state[name] = stat_key(os.lstat(repo.path / name))
    return state


def _has_history(path: Path) -> bool:
    try:
        check_id(path.name)
    except Malformed:  # somebody else's folder
        return False
    return path.is_dir() and not path.is_symlink() and os.path.lexists(path / ".git")
