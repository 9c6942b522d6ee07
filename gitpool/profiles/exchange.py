"""Profiles as files: export to a zip or a git bundle, import from either."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from ..errors import Conflict, GitPoolError, NotAnImage, Unacceptable
from ..git import bundle, clone, snapshots
from ..git.messages import Message
from ..git.repository import Identity, Repository
from ..identifiers import check_name, free_name
from ..pool import durable, images
from ..pool.manifest import MANIFEST_NAME
from ..pool.threads import each
from . import views
from .archive import Content, stream_zip, unpack_zip
from .library import Library
from .profiles import Profiles
from .views import PoolView

_MAX_RATIO = 1000
_HELD = 32 << 20


class Exchange:
    """Export and import. Export changes nothing."""

    def __init__(self, library: Library, profiles: Profiles) -> None:
        self._library = library
        self._profiles = profiles

    def export_zip(self, profile_id: str) -> tuple[str, Iterator[bytes]]:
        """The profile's name, and its pool as it is now as a zip, a piece at a time."""
        entry = self._library.registry.get(profile_id)
        view = views.look(self._library, profile_id)
        data = view.manifest.dump()
        files: dict[str, Callable[[], Content]] = {MANIFEST_NAME: lambda: data}
        for name in sorted(view.blobs):
            files[name] = partial(_content, self._library, view, name)
        return entry.name, stream_zip(entry.name, files)

    def export_bundle(self, profile_id: str) -> tuple[str, Iterator[bytes]]:
        """The profile's name, and its whole history as a git bundle, a piece at a time."""
        entry = self._library.registry.get(profile_id)
        repo = self._library.repository(profile_id)
        if repo.shallow():
            return entry.name, self._stream_as_one_line(repo, entry)
        return entry.name, bundle.stream_bundle(repo)

    def _stream_as_one_line(self, repo: Repository, entry: Identity) -> Iterator[bytes]:
        """A history that a clean-up cut into pieces: no bundle can carry it as it is."""
        with self._library.staging(f"export-{secrets.token_hex(8)}") as scratch:
            whole = Repository(scratch / "whole")
            whole.create(entry)
            clone.copy_line(repo, whole)
            yield from bundle.stream_bundle(whole)
            whole.objects.close()

    def import_file(
        self, path: Path, new_id: str, name: str | None = None, file_name: str = ""
    ) -> dict[str, Any]:
        """A new profile from a zip or a bundle, told apart by their bytes."""
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
        said = unpack_zip(path, repo.path)
        identity = self._identity(new_id, given, said, file_name)
        now = self._library.now()
        repo.create(identity)
        snapshots.settle(repo, identity, now)
        text = f"Import “{identity.name}”"
        snapshots.take(repo, identity, "import", now, text, even_if_unchanged=True)
        _sync_files(repo)
        return self._profiles.place(repo, identity)

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
        # Only what was examined goes on; what else the pack holds stays behind.
        message = Message(f"Import “{identity.name}”", "import", identity.id, identity.name)
        now = self._library.now()
        repo = clone.clone(quarantine, scratch / "pool", identity, tip, message, now, tags)
        self._check_images(repo)
        snapshots.take(repo, identity, "import", now)
        quarantine.objects.close()
        return self._profiles.place(repo, identity)

    def _check_images(self, repo: Repository) -> None:
        manifest = snapshots.take_in(repo, self._library.now())
        for name in sorted(manifest.file_names()):
            try:
                images.check(repo.path / name)
            except NotAnImage:
                raise Unacceptable(
                    "bad_bundle", f"This file can't be imported: “{name}” isn't an image."
                ) from None

    def _identity(
        self, new_id: str, given: str | None, said: str | None, file_name: str
    ) -> Identity:
        name = given
        for candidate in (said, Path(file_name).stem, "Imported"):
            try:
                name = name or check_name(candidate)
            except GitPoolError:  # an archive may say anything; the next best name will do
                continue
        assert name is not None
        free = free_name(name, self._library.registry.names())
        return Identity(new_id, free, self._library.now())


def _content(library: Library, view: PoolView, name: str) -> Content:
    """A file as it was in that view. Raises Conflict."""

    def write(target: BinaryIO) -> None:
        if not views.copy(library, view, name, target):
            raise _gone(name)

    with contextlib.suppress(FileNotFoundError):
        if os.stat(library.path_of(view.pool_id) / name).st_size > _HELD:
            return write
    data = views.read(library, view, name)
    if data is None:
        raise _gone(name)
    return data


def _gone(name: str) -> Conflict:
    return Conflict(
        "changed_meanwhile", f"“{name}” was changed during the export.", "Export it again."
    )


def _sync_files(repo: Repository) -> None:
    names = [MANIFEST_NAME, *repo.folder.image_files()]
    each(lambda name: durable.sync_file(repo.path / name), names)
    durable.sync_folder(repo.path)
