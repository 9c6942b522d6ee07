"""Edits that can be taken back: noting them, undoing them, doing them again."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from itertools import islice

from ..errors import Conflict
from ..git import snapshots
from ..git import versions as git_versions
from ..git.changes import Version
from ..git.deltas import between
from ..git.messages import Message
from ..git.takeback import Applied, apply, files_needed
from ..pool.manifest import Manifest
from .journals import Entry
from .library import OpenPool, OpenProfile


@dataclass
class Edit:
    """An edit under way in an open pool: what it is about to lose is kept, what it did noted."""

    pool: OpenPool
    kind: str
    now: int
    batch: str = ""
    lost: dict[str, str] = field(default_factory=dict)
    manifest: Manifest = field(default_factory=Manifest)

    def losing(self, names: Iterable[str | None]) -> None:
        """Call it before files are replaced or removed."""
        named = [name for name in names if name]
        self.pool.protect(named, self.now)
        self.lost = self.pool.blobs(named)

    def done(self, manifest: Manifest) -> None:
        """Call it once the pool is what `manifest` says."""
        before = self.pool.manifest
        fresh = manifest.file_names() - (before.file_names() - self.lost.keys())
        after = Version(manifest, self.pool.blobs(fresh) if fresh else {})
        record(self.pool, Version(before, self.lost), after, self.kind, self.batch)
        self.manifest = manifest


def record(pool: OpenPool, before: Version, after: Version, kind: str, batch: str = "") -> None:
    """Note an edit that is done, so that it can be undone.

    before, after: the pool with the blobs of its files; those of files that the edit didn't
    touch may be left out of both. Every blob of `before` is in a snapshot, or kept.
    """
    delta = between(before, after)
    if delta.slots:
        _catch_up(pool)
        pool.journal.push(Entry(kind, delta, batch))


def present(pool: OpenPool) -> Version:
    """An open pool with the blobs of all its files, as `record` takes it."""
    return Version(pool.manifest, pool.blobs(pool.manifest.file_names()))


@dataclass(frozen=True)
class Step:
    """What an undo, or a redo, did. images: the slots that it changed."""

    kind: str
    images: tuple[str, ...]
    manifest: Manifest


def step(pool: OpenPool, back: bool, now: int) -> Step:
    """Undo the newest edit that still has an effect, or redo the next one.

    Raises Conflict where there is none, and where its bytes were freed: such an edit is passed
    over the next time.
    """
    _catch_up(pool)
    for steps, entry in enumerate(pool.journal.upcoming(back), 1):
        applied = _applied(pool, entry, back)
        if not applied.images:
            continue
        if not all(pool.holds(blob) for blob in applied.files.values()):
            pool.journal.move(back, steps)
            raise _gone(back)
        pool.journal.begin(back, steps)
        manifest = _put(pool, entry, applied, back, now)
        pool.journal.move(back, steps)
        return Step(entry.kind, applied.images, manifest)
    raise _nothing(back)


def _catch_up(pool: OpenPool) -> None:
    """Note what a crash kept from being noted: an undo, or redo, that was carried out."""
    begun = pool.journal.cut_off()
    if begun is None:
        return
    back, steps = begun
    entry = next(islice(pool.journal.upcoming(back), steps - 1, None), None)
    if entry and not _applied(pool, entry, back).images:
        pool.journal.move(back, steps)


def _applied(pool: OpenPool, entry: Entry, back: bool) -> Applied:
    """What an edit taken back, or made again, would make of the pool."""
    taken = pool.folder.image_files().keys() - pool.manifest.file_names()
    needed = files_needed(entry.delta, pool.manifest)
    blobs = pool.blobs(needed) if needed else {}
    return apply(entry.delta, Version(pool.manifest, blobs), back, taken)


def _put(pool: OpenPool, entry: Entry, applied: Applied, back: bool, now: int) -> Manifest:
    """Have the pool's folder be what was worked out, so that a crash leaves old or new."""
    whole = not applied.files or entry.kind == "mask"
    if isinstance(pool, OpenProfile) and not whole:
        return _show(pool, entry, applied, back, now)
    old, new = pool.manifest, applied.manifest
    pool.protect((old.file_names() - new.file_names()) | applied.files.keys(), now)
    return pool.folder.become(old, new, applied.files, pool.copy)


def _show(pool: OpenProfile, entry: Entry, applied: Applied, back: bool, now: int) -> Manifest:
    """Files that only a manifest to come will name would be taken for somebody's if a crash left
    them alone: so it is a snapshot that is put into the folder, whole or not at all."""
    repo, manifest = pool.repo, applied.manifest
    snapshots.take(repo, pool.identity, "auto", now)
    known = repo.version(repo.tip()).blobs | applied.files
    slots = [s if s.mask in known else replace(s, mask=None) for s in manifest.slots]
    manifest = replace(manifest, slots=tuple(slots))
    files = {name: known[name] for name in manifest.file_names() if name in known}
    text = f"{'Undo' if back else 'Redo'}: {sentence_of(entry)}"
    message = Message(text, "auto", pool.identity.id, pool.identity.name)
    git_versions.show_manifest(repo, pool.identity, manifest, files, message, now)
    return manifest


_SENTENCES = {
    "add": "Add {n}",
    "delete": "Delete {n}",
    "mask": "Change a mask",
    "label": "Change a label",
    "reorder": "Reorder images",
    "restore": "Restore a snapshot",
    "bring_back": "Bring back {n}",
    "seed": "Copy {n}",
}


def sentence_of(entry: Entry) -> str:
    """What an edit did, as a history says it: "Delete 2 images"."""
    number = f"{entry.count} image{'' if entry.count == 1 else 's'}"
    return _SENTENCES.get(entry.kind, "Edit {n}").format(n=number)


def _nothing(back: bool) -> Conflict:
    if back:
        return Conflict("nothing_to_undo", "There is nothing to undo in this pool.")
    return Conflict("nothing_to_redo", "There is nothing to redo in this pool.")


def _gone(back: bool) -> Conflict:
    word = "undone" if back else "redone"
    return Conflict(
        "undo_gone",
        f"That edit can't be {word} any more: its images were freed.",
        "Try again to go on with the edit before it." if back else "Try again to go on.",
    )
