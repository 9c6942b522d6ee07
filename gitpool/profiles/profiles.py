"""The life of a profile: create, rename, duplicate, delete and undelete, adopt, seed."""

from __future__ import annotations

import contextlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..errors import Conflict, Malformed, NotFound
from ..git import clone, leftovers, snapshots
from ..git import versions as git_versions
from ..git.changes import Version, compare
from ..git.format import require_known_format
from ..git.messages import Message, sentence
from ..git.refs import BRANCHES
from ..git.repository import Identity, Repository
from ..identifiers import check_id, check_name, clean_name, free_name
from ..pool import durable
from ..pool.folder import PoolFolder
from ..pool.manifest import Manifest
from ..pool.reading import read_file
from . import edits
from .library import PRIVATE, Library, OpenProfile
from .placement import PLACING, Placement

KEEP_DELETED_DAYS = 7
_DAY = 86_400


class Profiles:
    """Operations on whole profiles. Each names what it changed to `library.changed`."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._placement = Placement(library)

    def list(self) -> dict[str, Any]:
        """The profiles, pools on disk that aren't any, and profiles that can be undeleted."""
        library = self._library
        entries = library.registry.entries()
        known = {entry.id for entry in entries}
        return {
            "profiles": [entry.as_json() for entry in entries],
            "unregistered": [pool for pool in self._pools() if pool["id"] not in known],
            "deleted": self._deleted(),
        }

    def create(self, profile_id: str, name: str) -> dict[str, Any]:
        """A new, empty profile. Raises Conflict where the name is taken."""
        library, name = self._library, check_name(name)
        identity = Identity(check_id(profile_id), name, library.now())
        library.registry.require_free(name)
        with library.staging(profile_id) as scratch:
            repo = Repository(scratch / "pool")
            repo.path.mkdir()
            self._begin(repo, identity, "auto", "Create the profile")
            return self.place(repo, identity, exactly=True)

    def rename(self, profile_id: str, name: str) -> dict[str, Any]:
        """Give a profile another name; its branch follows, its history stays."""
        library, name = self._library, check_name(name)
        with library.open_profile(profile_id) as pool, library.registry_lock() as registry:
            registry.require_free(name, but=profile_id)
            identity = replace(registry.get(profile_id), name=name)
            require_free_branch(pool.repo, identity)
            # The list decides; the branch follows it, now or after a crash.
            registry.put(identity)
            snapshots.settle(pool.repo, identity, library.now())
        return self._changed(identity)

    def delete(self, profile_id: str, forever: bool = False) -> dict[str, Any]:
        """Take a profile away; for a week it can be brought back, unless `forever`."""
        library = self._library

        def found() -> Identity | None:
            if forever and library.trash_of(profile_id).exists():
                return library.registry.find(profile_id)
            return library.registry.get(profile_id)

        found()
        self.purge()
        with library.locks.hold(profile_id):
            entry = found()
            if entry:
                self._to_trash(entry, forever)
            if forever:
                self._placement.remove_trashed(profile_id)
        library.changed(profile_id)
        return self.list()

    def undelete(self, profile_id: str) -> dict[str, Any]:
        """Bring a deleted profile back, under its name or, if taken, the next free one."""
        library = self._library
        self._record(profile_id)
        with library.locks.hold(profile_id):
            record = self._record(profile_id)
            target = library.path_of(profile_id)
            require_known_format(library.trash_of(profile_id) / ".git")
            if target.exists():
                raise Conflict("folder_taken", "A pool of the same id is in its place.")
            with library.registry_lock() as registry:
                name = free_name(clean_name(record["name"]), registry.names())
                identity = Identity(profile_id, name, int(record["created"]))
                with self._placement.moved(
                    profile_id, library.trash_of(profile_id), target, listed=True
                ):
                    registry.put(identity)
            library.trash_of(profile_id).with_suffix(".json").unlink(missing_ok=True)
            with library.open_profile(profile_id):
                pass
        return self._changed(identity)

    def purge(self) -> None:
        """Remove for good what was deleted more than a week ago."""
        now = self._library.now()
        limit = now - KEEP_DELETED_DAYS * _DAY
        self._placement.carry_on(limit)
        for record in self._deleted():
            if _is_misdated(record, now):
                with self._library.locks.hold(record["id"]):
                    self._note_deleted({**record, "deleted": now})
            elif record["deleted"] <= limit:
                with self._library.locks.hold(record["id"]):
                    self._placement.remove_trashed(record["id"])

    def adopt(self, pool_id: str, name: str) -> dict[str, Any]:
        """Make a pool on disk a profile, in place; one with a history keeps it."""
        library, name = self._library, check_name(name)
        path = library.path_of(pool_id)
        self._require_plain(pool_id)
        with library.locks.hold(pool_id):
            self._require_plain(pool_id)
            repo = Repository(path)
            if (repo.git.exists() or repo.git.is_symlink()) and not repo.exists():
                raise Conflict("odd_git", "This pool's .git isn't a folder.")
            require_known_format(repo.git)
            with library.registry_lock() as registry:
                registry.require_free(name)
                stored = repo.identity() if repo.exists() else None
                created = stored.created if stored else library.now()
                identity = Identity(pool_id, name, created)
                with self._placement.history_of(repo) as fresh:
                    if fresh:
                        self._begin(repo, identity, "auto", "Make this pool a profile")
                    registry.put(identity)
            with library.open_profile(pool_id) as pool:
                snapshots.take(pool.repo, identity, "auto", library.now())
        return self._changed(identity)

    def seed(self, source_id: str, profile_id: str) -> dict[str, Any]:
        """Copy a pool's images, masks, labels and order into an empty profile."""
        library = self._library
        source = library.folder(source_id)
        if not source.path.is_dir():
            raise NotFound("unknown_pool", "There is no such pool.")
        library.registry.get(check_id(profile_id))
        first, second = sorted((check_id(source_id), profile_id))
        with library.locks.hold(first), library.locks.hold(second):  # noqa: SIM117
            with library.open_profile(profile_id) as pool:
                if pool.manifest.slots:
                    raise Conflict(
                        "not_empty",
                        "This profile has images already.",
                        "Seed a new profile, or add the images by hand.",
                    )
                manifest = library.manifest(source_id)
                present = source.image_files()
                slots = [s for s in manifest.slots if s.image in present]
                slots = [s if s.mask in present else replace(s, mask=None) for s in slots]
                manifest = replace(manifest, slots=tuple(slots))
                self._copy(pool, source.path, manifest)
        library.changed(profile_id)
        return {"copied": len(slots)}

    def duplicate(self, profile_id: str, new_id: str, name: str) -> dict[str, Any]:
        """A second profile with the whole history; nothing done to one shows in the other."""
        library = self._library
        with library.open_profile(profile_id) as pool:
            snapshots.take(pool.repo, pool.identity, "auto", library.now())
            tip = pool.repo.tip()
            if tip is None:
                raise NotFound("no_snapshots", "This profile has no snapshots yet.")
            return self._clone(pool.repo, tip, new_id, name, f"Duplicate “{pool.identity.name}”")

    def branch_off(self, profile_id: str, new_id: str, snapshot: str, name: str) -> dict[str, Any]:
        """A new profile that starts at a snapshot of another."""
        library = self._library
        with library.open_profile(profile_id) as pool:
            if not library.history.contains(pool.repo, snapshot):
                raise NotFound("unknown_snapshot", "There is no such snapshot.")
            text = f"Start from a snapshot of “{pool.identity.name}”"
            return self._clone(pool.repo, snapshot, new_id, name, text)

    def place(self, repo: Repository, identity: Identity, exactly: bool = False) -> dict[str, Any]:
        """Move a finished repository from staging to where it belongs, and list it; under the
        next free name where its own is taken, unless it must be `exactly` that."""
        library = self._library
        target = library.path_of(identity.id)
        with library.locks.hold(identity.id), library.registry_lock() as registry:
            if exactly:
                registry.require_free(identity.name)
            if target.is_dir() and any(target.iterdir()):
                raise Conflict("folder_taken", "A pool of the same id is in its place.")
            name = free_name(identity.name, registry.names())
            if name != identity.name:
                identity = replace(identity, name=name)
                snapshots.settle(repo, identity, library.now())
            repo.objects.close()
            durable.write_file(repo.git / PLACING, b"")
            with self._placement.moved(identity.id, repo.path, target, listed=True):
                registry.put(identity)
            (target / ".git" / PLACING).unlink(missing_ok=True)
        return self._changed(identity)

    def _clone(
        self, source: Repository, tip: str, new_id: str, name: str, text: str
    ) -> dict[str, Any]:
        library = self._library
        name = free_name(check_name(name), library.registry.names())
        identity = Identity(check_id(new_id), name, library.now())
        with library.staging(new_id) as scratch:
            path = scratch / "pool"
            message = Message(text, "duplicate", identity.id, identity.name)
            repo = clone.clone(source, path, identity, tip, message, library.now())
            return self.place(repo, identity)

    def _begin(self, repo: Repository, identity: Identity, kind: str, text: str) -> None:
        repo.create(identity)
        now = self._library.now()
        snapshots.settle(repo, identity, now)
        snapshots.take(repo, identity, kind, now, text, even_if_unchanged=True)

    def _changed(self, identity: Identity) -> dict[str, Any]:
        self._library.changed(identity.id)
        return identity.as_json()

    def _to_trash(self, entry: Identity, forever: bool) -> None:
        """Take a profile's folder and its entry away; without `forever` it is noted as one that
        can be brought back."""
        library = self._library
        source, target = library.path_of(entry.id), library.trash_of(entry.id)
        self._placement.remove_trashed(entry.id)
        durable.make_folder(target.parent)
        with library.registry_lock() as registry:
            if not source.is_dir():
                registry.drop(entry.id)
                return
            if not forever:
                self._note_deleted({**entry.as_json(), "deleted": library.now()})
            with self._placement.moved(entry.id, source, target, listed=False):
                registry.drop(entry.id)

    def _note_deleted(self, record: dict[str, Any]) -> None:
        path = self._library.trash_of(record["id"]).with_suffix(".json")
        durable.write_file(path, json.dumps(record, ensure_ascii=False).encode())

    def _copy(self, pool: OpenProfile, source: Path, manifest: Manifest) -> None:
        """Have an empty profile show a pool's files, whole or not at all: as a snapshot that is
        put into the folder."""
        repo, now, names = pool.repo, self._library.now(), sorted(manifest.file_names())
        snapshots.take(repo, pool.identity, "auto", now)
        with leftovers.writing(repo):
            stored = repo.objects.write_files(source / name for name in names)
            files = {name: blob for name, (blob, _) in zip(names, stored, strict=True)}
            said = sentence(compare(Version(), Version(manifest, files)))
            message = Message(said, "auto", pool.identity.id, pool.identity.name)
            made = git_versions.show_manifest(repo, pool.identity, manifest, files, message, now)
        edits.record(pool, Version(pool.manifest), repo.version(made), "seed")

    def _require_plain(self, pool_id: str) -> None:
        if self._library.registry.find(pool_id):
            raise Conflict("already_profile", "This pool is a profile already.")
        if not self._library.path_of(pool_id).is_dir():
            raise NotFound("unknown_pool", "There is no such pool.")

    def _record(self, profile_id: str) -> dict[str, Any]:
        """What is noted of a deleted profile. Raises NotFound."""
        check_id(profile_id)
        for record in self._deleted():
            if record["id"] == profile_id:
                return record
        raise NotFound("unknown_profile", "This profile can't be brought back any more.")

    def _deleted(self) -> list[dict[str, Any]]:
        found = []
        with contextlib.suppress(FileNotFoundError):
            for path in sorted((self._library.private / "trash").glob("*.json")):
                with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
                    raw = json.loads(read_file(path))
                    if path.with_suffix("").is_dir() and raw["id"] == path.stem:
                        known = {k: raw[k] for k in ("id", "created", "deleted")}
                        found.append({**known, "name": clean_name(raw["name"])})
        return found

    def _pools(self) -> list[dict[str, Any]]:
        """Every pool folder, with how many images it has and, if it knows, who it is."""
        found = []
        with contextlib.suppress(FileNotFoundError):
            for path in sorted(self._library.base.iterdir()):
                pool = _describe(path)
                if pool:
                    found.append(pool)
        return found


def _is_misdated(record: dict[str, Any], now: int) -> bool:
    """Whether a deleted profile's date is one that only a wrong clock can have given it: then
    its week begins now."""
    return record["deleted"] > now + _DAY or record["deleted"] < record["created"] <= now


def require_free_branch(repo: Repository, identity: Identity) -> None:
    """Raise Conflict where a git user's own branch has the name; its history must stay."""
    wanted = identity.branch
    for ref in repo.refs.all(BRANCHES):
        if ref != repo.branch() and (ref == wanted or ref.startswith(wanted + "/")):
            raise Conflict(
                "name_taken", "This profile's history uses that name for something else already."
            )


def _describe(path: Path) -> dict[str, Any] | None:
    if path.name == PRIVATE or not path.is_dir() or path.is_symlink():
        return None
    try:
        pool_id = check_id(path.name)
    except Malformed:  # somebody else's folder
        return None
    repo = Repository(path)
    manifest = PoolFolder(path).load()
    identity = None
    if repo.exists():
        with contextlib.suppress(Exception):  # a damaged repository still shows its images
            identity = repo.identity()
    if not manifest.slots and not identity:
        return None
    return {
        "id": pool_id,
        "images": len(manifest.slots),
        "name": identity.name if identity else None,
        "has_history": repo.exists(),
        "preview": [slot.image for slot in manifest.slots[:4]],
    }
