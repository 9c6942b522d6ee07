"""Profiles as files: export to a zip or a git bundle, import from either."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from ..errors import Damaged, DiskFailed, NotAnImage, NotFound, Unacceptable
from ..git import bundle, checkout, clone, snapshots
from ..git.changes import Version
from ..git.format import is_known_format, require_known_format
from ..git.listing import Passenger
from ..git.messages import Message
from ..git.repository import Identity, Repository
from ..git.unsaved import Unsaved, unsaved
from ..identifiers import check_name, clean_name, free_name
from ..pool import durable, images
from ..pool.manifest import MANIFEST_NAME
from ..pool.reading import read_file
from ..pool.threads import each
from . import views
from .archive import unpack_zip
from .library import Library
from .profiles import Profiles
from .views import PoolView
from .zip_stream import Content, changed_meanwhile, stream_zip

_MAX_RATIO = 1000
_HELD = 32 << 20
_LONGEST_NAME = 100


class Zipped(NamedTuple):
    """A profile as a zip: its name, the bytes, a piece at a time, and the paths of its passengers,
    which only a bundle carries."""

    name: str
    pieces: Iterator[bytes]
    left_out: list[str]


class Exchange:
    """Export and import. Export changes nothing that was in order."""

    def __init__(self, library: Library, profiles: Profiles) -> None:
        self._library = library
        self._profiles = profiles

    def export_zip(self, profile_id: str) -> Zipped:
        """The profile's pool as it is now: what was dropped into the folder a moment ago is in
        it, while the folder stays as it is. It says which other files it hasn't."""
        entry = self._library.registry.get(profile_id)
        view = views.look(self._library, profile_id, dropped=True)
        data = view.manifest.dump()
        files: dict[str, Callable[[], Content]] = {MANIFEST_NAME: lambda: data}
        for name in sorted(view.blobs):
            files[name] = partial(_content, self._library, view, name)
        left_out = _others(Repository(self._library.path_of(profile_id)), view)
        return Zipped(entry.name, stream_zip(entry.name, files, left_out), left_out)

    def export_bundle(self, profile_id: str) -> tuple[str, Iterator[bytes]]:
        """The profile's name, and its whole history as a git bundle, a piece at a time.

        What no snapshot has yet is in it as one more snapshot, which only the bundle has: asking
        for a download changes nothing, and what is downloaded is what the folder shows.
        """
        entry = self._library.registry.get(profile_id)
        repo = Repository(self._library.path_of(profile_id))
        if repo.exists():
            require_known_format(repo.git)
            self._lead_home(repo, entry)
        # The tip first: a snapshot made meanwhile is then older than what is looked at.
        tip = repo.tip() if repo.exists() else None
        view = views.look(self._library, profile_id, dropped=True)
        present = Version(view.manifest, view.blobs, _passengers(repo, view))

        def more(into: Repository, tip: str | None) -> Unsaved | None:
            if repo.exists() and checkout.is_unfinished(repo):
                return None
            read = partial(_bytes, self._library, view)
            return unsaved(into, entry, tip, present, read, self._library.now())

        if not repo.exists() or repo.shallow():
            return entry.name, self._stream_from_scratch(repo, entry, more)
        return entry.name, bundle.stream_bundle(repo, more(repo, tip))

    def _lead_home(self, repo: Repository, entry: Identity) -> None:
        """What a git user did on another branch, or on none, comes to the profile's first, as with
        any edit: a bundle has one branch. Where nothing can be written it goes as it stands."""
        if repo.branch() == entry.branch:
            return
        with contextlib.suppress(DiskFailed), self._library.open_profile(entry.id):
            pass

    def _stream_from_scratch(
        self,
        repo: Repository,
        entry: Identity,
        more: Callable[[Repository, str | None], Unsaved | None],
    ) -> Iterator[bytes]:
        """A history that a clean-up cut into pieces, which no bundle can carry as it is, or that
        hasn't begun: an earlier pack's profile."""
        with self._library.scratch(f"export-{secrets.token_hex(8)}") as scratch:
            whole = Repository(scratch / "whole")
            whole.create(entry)
            if repo.exists():
                clone.copy_line(repo, whole)
            yield from bundle.stream_bundle(whole, more(whole, whole.tip()))
            whole.objects.close()

    def import_file(
        self, path: Path, new_id: str, name: str | None = None, file_name: str = ""
    ) -> dict[str, Any]:
        """A new profile from a zip or a bundle, told apart by their bytes. The answer may carry
        `left_out`: what of a zip wasn't taken, and why."""
        with open(path, "rb") as file:
            head = file.read(len(bundle.SIGNATURE))
        given = check_name(name) if name else None
        with self._library.staging(new_id) as scratch:
            if head.startswith(b"PK"):
                return self._import_zip(path, scratch, new_id, given, file_name)
            if head.startswith(b"# v"):
                return self._import_bundle(path, scratch, new_id, given, file_name)
        raise Unacceptable(
            "unknown_format",
            "This file is neither a profile's zip nor a git bundle.",
            "Choose a file that was exported from a Pool Profile.",
        )

    def _import_zip(
        self, path: Path, scratch: Path, new_id: str, given: str | None, file_name: str
    ) -> dict[str, Any]:
        repo = Repository(scratch / "pool")
        repo.path.mkdir()
        unpacked = unpack_zip(path, repo.path)
        identity = self._identity(new_id, given, unpacked.name, file_name)
        now = self._library.now()
        repo.create(identity)
        snapshots.settle(repo, identity, now)
        text = f"Import “{identity.name}”"
        snapshots.take(repo, identity, "import", now, text, even_if_unchanged=True)
        _sync_files(repo)
        entry = self._profiles.place(repo, identity)
        return {**entry, "left_out": unpacked.left_out} if unpacked.left_out else entry

    def _import_bundle(
        self, path: Path, scratch: Path, new_id: str, given: str | None, file_name: str
    ) -> dict[str, Any]:
        header = bundle.read_header(path)
        said, tip = bundle.choose_branch(header)
        identity = self._identity(new_id, given, said, file_name)
        quarantine = Repository(scratch / "quarantine")
        quarantine.create(identity)
        limit = _MAX_RATIO * path.stat().st_size + (64 << 20)
        tags = bundle.unpack(path, header, quarantine, limit)
        version = quarantine.version(tip)
        if not version.is_pool:
            raise _no_pool()
        # Only what was examined goes on; what else the pack holds stays behind.
        message = Message(f"Import “{identity.name}”", "import", identity.id, identity.name)
        now = self._library.now()
        repo = clone.clone(quarantine, scratch / "pool", identity, tip, message, now, tags)
        self._check_images(repo)
        snapshots.take(repo, identity, "import", now)
        quarantine.objects.close()
        entry = self._profiles.place(repo, identity)
        left_out = version.told_left_out()
        return {**entry, "left_out": left_out} if left_out else entry

    def _check_images(self, repo: Repository) -> None:
        """Refuse pictures that are too large to be looked at."""
        manifest = snapshots.take_in(repo, self._library.now())
        for name in sorted(manifest.file_names()):
            # What is no picture is one that can't be shown, here as it was there.
            with contextlib.suppress(NotAnImage, FileNotFoundError):
                images.probe(repo.path / name)

    def _identity(self, new_id: str, given: str | None, said: Any, file_name: str) -> Identity:
        # An archive may say anything; the next best name will do.
        told = said if isinstance(said, str) and len(said) <= _LONGEST_NAME else None
        name = given or clean_name(told, clean_name(Path(file_name).stem, "Imported"))
        free = free_name(name, self._library.registry.names())
        return Identity(new_id, free, self._library.now())


def _content(library: Library, view: PoolView, name: str) -> Content:
    """A file as it was in that view; open, where it is large. Raises Conflict."""
    with contextlib.suppress(FileNotFoundError):
        folder = library.path_of(view.pool_id)
        if os.stat(folder / view.moved.get(name, name)).st_size > _HELD:
            file = views.opened(library, view, name)
            if file is None:
                raise changed_meanwhile(name)
            return file
    return _bytes(library, view, name)


def _bytes(library: Library, view: PoolView, name: str) -> bytes:
    if name not in view.blobs:  # a passenger; the pack's reader sees whether it changed
        with contextlib.suppress(OSError):
            return read_file(library.path_of(view.pool_id) / name)
        raise changed_meanwhile(name)
    data = views.read(library, view, name)
    if data is None:
        raise changed_meanwhile(name)
    return data


def _others(repo: Repository, view: PoolView) -> list[str]:
    # A history that can't be read keeps nobody from the images.
    with contextlib.suppress(Damaged, NotFound):
        return sorted(_passengers(repo, view)) if is_known_format(repo.git) else []
    return []


def _passengers(repo: Repository, view: PoolView) -> dict[str, Passenger]:
    if not repo.exists():
        return {}
    taken = {*view.blobs, *view.moved.values()}
    return snapshots.present_passengers(repo, repo.version(repo.tip()), taken)


def _no_pool() -> Unacceptable:
    return Unacceptable("no_pool", "There is no pool in this file.", "Choose another file.")


def _sync_files(repo: Repository) -> None:
    names = [MANIFEST_NAME, *repo.folder.image_files()]
    each(lambda name: durable.sync_file(repo.path / name), names)
    durable.sync_folder(repo.path)
