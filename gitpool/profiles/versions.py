"""A profile's history as people use it: snapshot, look, compare, restore, lock."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Set
from pathlib import Path
from typing import Any, BinaryIO

from ..errors import Malformed, NotFound, Unacceptable
from ..git import marks, snapshots
from ..git import versions as git_versions
from ..git.changes import Version, describe, slots_of
from ..git.history import Wanted
from ..git.marks import Mark
from ..git.repository import Repository
from ..identifiers import check_image_name, check_snapshot_id, check_text
from ..pool.images import probe
from . import edits
from .library import Library

NOTE_LIMIT = 2000
TEXT_LIMIT = 200
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
            now = self._library.now()
            made = snapshots.take(repo, identity, "auto", now, manifest=pool.manifest)
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
            now = self._library.now()
            made = snapshots.take(repo, identity, kind, now, text, manifest=pool.manifest)
            answer = self._library.history.snapshot(repo, made) if made else None
        if made:
            self._library.changed(profile_id)
        return {"snapshot": answer}

    def history(
        self,
        profile_id: str,
        limit: int = 50,
        before: str | None = None,
        text: object = "",
        auto: bool = True,
    ) -> dict[str, Any]:
        """A page of snapshots, newest first; those whose words hold `text`, and without `auto`
        only those that aren't automatic. Changes nothing."""
        repo = self._repository(profile_id)
        if repo is None:
            return {"snapshots": [], "next": None}
        if before is not None:
            check_snapshot_id(before)
        limit = max(1, min(limit, PAGE_LIMIT))
        wanted = Wanted(check_text(text, "q", TEXT_LIMIT).strip(), auto)
        page, following = self._library.history.page(repo, limit, before, wanted)
        return {"snapshots": page, "next": following}

    def look(self, profile_id: str, snapshot: str) -> dict[str, Any]:
        """The pool as a snapshot holds it, or `now`: `{"snapshot": {…}|null, "active",
        "slots": [{…, "index", "image_id", "mask_id"}]}`. Changes nothing."""
        if snapshot == "now":
            repo = self._repository(profile_id)
            version, said = self.present(repo) if repo else Version(), None
        else:
            repo = self._library.repository(profile_id)
            version = self._version(repo, snapshot)
            said = self._library.history.snapshot(repo, snapshot)
        return {"snapshot": said, "active": version.manifest.active, "slots": slots_of(version)}

    def diff(self, profile_id: str, old: str, new: str) -> dict[str, Any]:
        """Slot by slot, from one snapshot to another, or to `now`. Changes nothing."""
        repo = self._library.repository(profile_id)
        before = self._version(repo, old)
        after = self.present(repo) if new == "now" else self._version(repo, new)
        return {"slots": list(describe(before, after))}

    def present(self, repo: Repository) -> Version:
        """The pool as the folder has it now, snapshotted or not."""

        def read() -> Version:
            manifest = repo.folder.load(repo.remembered())
            return Version(manifest, self._library.contents.of(repo.path, manifest.file_names()))

        return repo.folder.steadily(read)

    def restore(
        self, profile_id: str, snapshot: str, images: object = None, parts: object = None
    ) -> dict[str, Any]:
        """Make the pool what it was; or bring back just some images, or only `parts` of each
        (`image`, `mask`, `label`). What is there now is snapshotted first."""
        check_snapshot_id(snapshot)
        names = None if images is None else _image_names(images)
        chosen = _parts(parts, names)
        with self._library.open_profile(profile_id) as pool:
            repo, identity = pool.repo, pool.identity
            history, now = self._library.history, self._library.now()
            if not history.contains(repo, snapshot):
                raise NotFound("unknown_snapshot", "There is no such snapshot.")
            if names is not None:
                _require_images(repo.version(snapshot), names)
                _check_parts(repo, repo.version(snapshot), self.present(repo), names, chosen)
            snapshots.take(repo, identity, "auto", now)
            before = edits.present(pool)
            said = history.snapshot(repo, snapshot)["message"].splitlines()[0]
            if names is None:
                text = f"Restore “{said}”"
                made = git_versions.restore(repo, identity, snapshot, text, now)
            else:
                text = f"Bring back {_what(chosen, len(names))} from “{said}”"
                made = git_versions.restore_images(
                    repo, identity, snapshot, names, chosen, text, now
                )
            kind = "restore" if names is None else "bring_back"
            edits.record(pool, before, repo.version(made), kind)
            answer = history.snapshot(repo, made)
        self._library.changed(profile_id)
        return {"snapshot": answer}

    def lock(
        self,
        profile_id: str,
        snapshot: str,
        locked: object,
        message: object = None,
        note: object = None,
    ) -> dict[str, Any]:
        """Lock a snapshot against clean-up, or unlock it; `message` names it, `note` says more
        of it: "" takes either away, None leaves it."""
        check_snapshot_id(snapshot)
        if not isinstance(locked, bool):
            raise Malformed("bad_locked", "“locked” must be true or false.")
        name = None if message is None else check_text(message, "message", NOTE_LIMIT).strip()
        said = None if note is None else check_text(note, "note", NOTE_LIMIT).strip()
        with self._library.open_profile(profile_id) as pool:
            repo = pool.repo
            if not self._library.history.contains(repo, snapshot):
                raise NotFound("unknown_snapshot", "There is no such snapshot.")
            old = marks.read(repo).get(snapshot, Mark("", False))
            mark = _change(old, locked, name, said)
            now = self._library.now()
            marks.write(repo, snapshot, mark, now, snapshots.utc_offset(now))
            answer = self._library.history.snapshot(repo, snapshot)
        self._library.changed(profile_id)
        return {"snapshot": answer}

    def file(self, profile_id: str, snapshot: str, name: object) -> tuple[Repository, str]:
        """Where an image or mask of a snapshot is stored: the repository and the blob's id."""
        repo = self._library.repository(profile_id)
        check_snapshot_id(snapshot)
        files = repo.files_of(repo.commit(snapshot).tree.decode())
        image = check_image_name(name)
        if image not in files:
            raise NotFound("unknown_image", "That image isn't in this snapshot.")
        return repo, files[image]

    def content(self, pool_id: str, name: object, content_id: str) -> Callable[[], Path | BinaryIO]:
        """Where the bytes of that content can be read: a pool's file of that name that has them
        now, or any snapshot's. Raises NotFound."""
        path = self._library.folder(pool_id).path / check_image_name(name)
        here = path.is_file() and not path.is_symlink()
        if here and self._library.contents.one(path) == content_id:
            return lambda: path
        if self._library.registry.find(pool_id):
            repo = self._repository(pool_id)
            if repo and content_id in repo.objects and repo.objects.kind(content_id) == b"blob":
                return lambda: io.BytesIO(repo.objects.read_raw(content_id)[1])
        raise NotFound("unknown_image", "That image isn't in the pool or its history.")

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


def _change(old: Mark, locked: bool, name: str | None, note: str | None) -> Mark:
    """A name is one line; what is written below it is a note."""
    if name is None:
        return Mark(old.name, locked, old.note if note is None else note)
    first, _, below = name.partition("\n")
    return Mark(first.strip(), locked, (below.strip() or old.note) if note is None else note)


def _image_names(images: object) -> list[str]:
    if not isinstance(images, list) or not images:
        raise Malformed("bad_images", "“images” must be a list of file names.")
    return [check_image_name(name) for name in images]


def _parts(parts: object, names: list[str] | None) -> Set[str]:
    if parts is None:
        return git_versions.ALL_PARTS
    known = git_versions.ALL_PARTS
    if not isinstance(parts, list) or not parts or any(part not in list(known) for part in parts):
        raise Malformed("bad_what", "“what” must be a list of image, mask and label.")
    if names is None:
        raise Malformed("bad_what", "“what” needs “images”.")
    return frozenset(parts)


def _what(parts: Set[str], count: int) -> str:
    """What is brought back, for a sentence: "2 images", "a mask and a label"."""
    if "image" in parts:
        return f"{count} image{'' if count == 1 else 's'}"
    nouns = [part for part in ("mask", "label") if part in parts]
    if count == 1:
        return " and ".join(f"a {noun}" for noun in nouns)
    return f"{count} " + " and ".join(f"{noun}s" for noun in nouns)


def _check_parts(
    repo: Repository, then: Version, now: Version, names: list[str], parts: Set[str]
) -> None:
    """Refuse parts of an image that is gone, and a mask for a picture of another size: a git
    user may have put a new picture under an old name. Raises Conflict, Unacceptable."""
    old, present = ({slot.image: slot for slot in v.manifest.slots} for v in (then, now))
    for name in names:
        if name not in present and "image" not in parts:
            raise git_versions.image_gone()
        both = len(parts & {"image", "mask"}) != 1
        if both or name not in present or then.blobs[name] == now.blobs.get(name):
            continue
        image, other = (then, now) if "image" in parts else (now, then)
        mask = (old if other is then else present)[name].mask or ""
        if mask not in other.blobs or name not in image.blobs:
            continue
        if _size(repo, other, mask) != _size(repo, image, name):
            raise Unacceptable(
                "mask_size",
                "The mask and the picture are of different sizes.",
                "Bring back the whole image.",
            )


def _size(repo: Repository, version: Version, name: str) -> tuple[int, int]:
    """A picture's size; what isn't stored yet is in the folder."""
    blob = version.blobs[name]
    stored = blob in repo.objects
    return probe(io.BytesIO(repo.objects.read_raw(blob)[1]) if stored else repo.path / name).size


def _require_images(version: Version, names: Iterable[str]) -> None:
    known = {slot.image for slot in version.manifest.slots} & version.blobs.keys()
    if not set(names) <= known:
        raise NotFound("unknown_image", "That image isn't in this snapshot.")
