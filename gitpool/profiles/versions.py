"""A profile's history as people use it: snapshot, look, compare, restore, lock."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from typing import Any

from ..errors import Malformed, NotFound
from ..git import marks, snapshots
from ..git import versions as git_versions
from ..git.changes import Version, describe
from ..git.index import read_index
from ..git.marks import Mark
from ..git.repository import Repository
from ..identifiers import check_image_name, check_snapshot_id, check_text
from .library import Library, size_below

NOTE_LIMIT = 2000
PAGE_LIMIT = 500


class Versions:
    """Operations on a profile's snapshots."""

    def __init__(self, library: Library) -> None:
        self._library = library

    def take(self, profile_id: str) -> bool:
        """The automatic snapshot, if there is anything to take; a profile that is gone meanwhile
        needs none."""
        library = self._library
        if library.registry.find(profile_id) is None or not library.path_of(profile_id).is_dir():
            return False
        with self._library.open_profile(profile_id) as pool:
            repo, identity = pool.repo, pool.identity
            made = snapshots.take(repo, identity, "auto", self._library.now())
        if made:
            self._library.changed(profile_id)
        return made is not None

    def snapshot(
        self, profile_id: str, message: object = None, kind: str = "named"
    ) -> dict[str, Any]:
        """A snapshot a person asked for; `{"snapshot": null}` where nothing changed."""
        text = None
        if message not in (None, ""):
            text = check_text(message, "message", NOTE_LIMIT).strip() or None
        with self._library.open_profile(profile_id) as pool:
            repo, identity = pool.repo, pool.identity
            made = snapshots.take(repo, identity, kind, self._library.now(), text)
            answer = self._library.history.snapshot(repo, made) if made else None
        if made:
            self._library.changed(profile_id)
        return {"snapshot": answer}

    def history(
        self, profile_id: str, limit: int = 50, before: str | None = None
    ) -> dict[str, Any]:
        """A page of snapshots, newest first. Changes nothing."""
        repo = self._repository(profile_id)
        if repo is None:
            return {"snapshots": [], "next": None}
        if before is not None:
            check_snapshot_id(before)
        limit = max(1, min(limit, PAGE_LIMIT))
        page, following = self._library.history.page(repo, limit, before)
        return {"snapshots": page, "next": following}

    def diff(self, profile_id: str, old: str, new: str) -> dict[str, Any]:
        """Slot by slot, from one snapshot to another, or to `now`. Changes nothing."""
        repo = self._library.repository(profile_id)
        before = self._version(repo, old)
        after = self.present(repo) if new == "now" else self._version(repo, new)
        return {"slots": list(describe(before, after))}

    def present(self, repo: Repository) -> Version:
        """The pool as the folder has it now, snapshotted or not."""
        manifest = repo.folder.load(repo.remembered())
        present = repo.folder.image_files()
        cached, _ = read_index(repo.index_path)
        blobs = {}
        for name in sorted(manifest.file_names() & present.keys()):
            known = cached.get(name)
            fits = known is not None and known.fits(present[name])
            blobs[name] = known.blob if fits else self._library.contents.of(repo.path / name)
        return Version(manifest, blobs)

    def restore(self, profile_id: str, snapshot: str, images: object = None) -> dict[str, Any]:
        """Make the pool what it was, or bring back just some images. What is there now is
        snapshotted first."""
        check_snapshot_id(snapshot)
        names = None if images is None else _image_names(images)
        with self._library.open_profile(profile_id) as pool:
            repo, identity = pool.repo, pool.identity
            history, now = self._library.history, self._library.now()
            if not history.contains(repo, snapshot):
                raise NotFound("unknown_snapshot", "There is no such snapshot.")
            if names is not None:
                _require_images(repo.version(snapshot), names)
            snapshots.take(repo, identity, "auto", now)
            said = history.snapshot(repo, snapshot)["message"].splitlines()[0]
            if names is None:
                text = f"Restore “{said}”"
                made = git_versions.restore(repo, identity, snapshot, text, now)
            else:
                count = f"{len(names)} image{'' if len(names) == 1 else 's'}"
                text = f"Bring back {count} from “{said}”"
                made = git_versions.restore_images(repo, identity, snapshot, names, text, now)
            answer = history.snapshot(repo, made)
        self._library.changed(profile_id)
        return {"snapshot": answer}

    def lock(
        self, profile_id: str, snapshot: str, locked: object, message: object = None
    ) -> dict[str, Any]:
        """Lock a snapshot against clean-up, or unlock it; `message` names it, "" unnames it."""
        check_snapshot_id(snapshot)
        if not isinstance(locked, bool):
            raise Malformed("bad_locked", "“locked” must be true or false.")
        name = None if message is None else check_text(message, "message", NOTE_LIMIT).strip()
        with self._library.open_profile(profile_id) as pool:
            repo = pool.repo
            if not self._library.history.contains(repo, snapshot):
                raise NotFound("unknown_snapshot", "There is no such snapshot.")
            old = marks.read(repo).get(snapshot, Mark("", False))
            mark = Mark(old.name if name is None else name, locked)
            now = self._library.now()
            marks.write(repo, snapshot, mark, now, snapshots.utc_offset(now))
            answer = self._library.history.snapshot(repo, snapshot)
        self._library.changed(profile_id)
        return {"snapshot": answer}

    def file(self, profile_id: str, snapshot: str, name: object) -> tuple[Repository, str]:
        """Where an image or mask of a snapshot is stored: the repository and the blob's id."""
        repo = self._library.repository(profile_id)
        version = self._version(repo, snapshot)
        image = check_image_name(name)
        if image not in version.blobs:
            raise NotFound("unknown_image", "That image isn't in this snapshot.")
        return repo, version.blobs[image]

    def storage(self, profile_id: str, thumbnails: int = 0) -> dict[str, Any]:
        """Bytes on disk: the pool's files, its history, its thumbnails."""
        folder = self._library.folder(profile_id)
        self._library.registry.get(profile_id)
        repo = Repository(folder.path)
        files = sum(stat.st_size for stat in folder.image_files().values())
        with contextlib.suppress(FileNotFoundError):
            files += (folder.path / "manifest.json").stat().st_size
        history = size_below(repo.git) if repo.exists() else 0
        return {"files": files, "history": history, "thumbnails": thumbnails, "reclaimable": 0}

    def content_ids(self, profile_id: str) -> set[str]:
        """The content ids of the images and masks in the pool now."""
        repo = self._repository(profile_id)
        return set(self.present(repo).blobs.values()) if repo else set()

    def _repository(self, profile_id: str) -> Repository | None:
        try:
            return self._library.repository(profile_id)
        except NotFound as error:
            if error.code == "no_snapshots":
                return None
            raise

    def _version(self, repo: Repository, snapshot: str) -> Version:
        check_snapshot_id(snapshot)
        return repo.version(snapshot)


def _image_names(images: object) -> list[str]:
    if not isinstance(images, list) or not images:
        raise Malformed("bad_images", "“images” must be a list of file names.")
    return [check_image_name(name) for name in images]


def _require_images(version: Version, names: Iterable[str]) -> None:
    known = {slot.image for slot in version.manifest.slots} & version.blobs.keys()
    if not set(names) <= known:
        raise NotFound("unknown_image", "That image isn't in this snapshot.")
