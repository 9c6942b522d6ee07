"""Bringing another machine's line of history into a profile: forward, or by a merge."""

from __future__ import annotations

import io
from dataclasses import dataclass, replace

from ..errors import GitPoolError
from ..pool.images import check
from ..pool.manifest import is_picture_name, mask_among
from . import checkout, numbers
from .ancestry import is_ancestor, merge_bases
from .changes import Version, compare
from .merge import MergeConflict, merge
from .messages import Message, sentence
from .repository import Identity, Repository
from .versions import show, show_manifest


@dataclass(frozen=True)
class Integrated:
    """How the other line came in: `how` is none, forward or merge."""

    how: str
    conflicts: tuple[MergeConflict, ...] = ()


def integrate(repo: Repository, identity: Identity, theirs: str, now: int) -> Integrated:
    """Have the profile hold `theirs`, a snapshot that is in its objects, with its own edits.

    The work tree is already snapshotted, but for the choice of the active image: it stays as
    it is here.
    """
    tip = repo.tip()
    if tip is not None and is_ancestor(repo.parents, theirs, tip):
        return Integrated("none")
    chosen = _unsaved_choice(repo, tip)
    if tip is None or is_ancestor(repo.parents, tip, theirs):
        _forward(repo, identity, tip, theirs, now)
        result = Integrated("forward")
    else:
        result = _join(repo, identity, tip, theirs, now)
    _choose_again(repo, chosen)
    return result


def base_version(repo: Repository, one: str, two: str) -> Version:
    """The pool that two snapshots come from; after a criss-cross, its several origins merged."""
    bases = merge_bases(repo.parents, one, two)
    if not bases:
        return Version()
    version, first = repo.version(bases[0]), bases[0]
    for other in bases[1:]:
        version = merge(base_version(repo, first, other), version, repo.version(other)).version
    return version


def _forward(repo: Repository, identity: Identity, tip: str | None, theirs: str, now: int) -> None:
    version = repo.version(theirs)
    with checkout.ready(repo, version.files) as made:
        checkout.begin(repo, theirs)
        repo.refs.swap(identity.branch, tip, theirs)
        checkout.finish(repo, made)
    number = numbers.next_number(repo)
    low = version.is_listed and (version.manifest.low or version.manifest.next_seq < number)
    if version.left_out or low:
        # What no pool can hold, or a number to be used again; ours on top has neither.
        left = sentence(compare(version, replace(version, left_out=())))
        text = left if version.left_out else "Take in edits made elsewhere"
        message = Message(text, "merge", identity.id, identity.name)
        if version.is_listed:
            show_manifest(repo, identity, version.manifest, version.blobs, message, now)
        else:
            show(repo, identity, dict(version.blobs), message, now)


def _join(repo: Repository, identity: Identity, tip: str, theirs: str, now: int) -> Integrated:
    base = base_version(repo, tip, theirs)
    ours, other = (_with_new_pictures(repo, repo.version(name), base) for name in (tip, theirs))
    merged = merge(base, ours, other)
    said = sentence(compare(base, replace(other, left_out=())))
    text = f"Merge another machine’s edits: {said[0].lower()}{said[1:]}"
    message = Message(text, "merge", identity.id, identity.name)
    version = merged.version
    files, others = version.blobs, version.passengers
    show_manifest(repo, identity, version.manifest, files, message, now, theirs, others)
    return Integrated("merge", merged.conflicts)


def _with_new_pictures(repo: Repository, version: Version, base: Version) -> Version:
    """With the images that a git user has put there and nobody has listed yet, and their masks,
    counted to the pool."""
    blobs, others = dict(version.blobs), dict(version.passengers)
    for name, one in version.passengers.items():
        if is_picture_name(name) and base.passengers.get(name) != one and _is_image(repo, one.blob):
            mask = mask_among(name, others)
            blobs |= {path: others.pop(path).blob for path in (name, mask) if path}
    return replace(version, blobs=blobs, passengers=others)


def _is_image(repo: Repository, blob: str) -> bool:
    try:
        check(io.BytesIO(repo.objects.read_raw(blob)[1]))
    except GitPoolError:
        return False
    return True


def _unsaved_choice(repo: Repository, tip: str | None) -> str | None:
    """The active image, where it was chosen since the newest snapshot."""
    manifest = repo.folder.read()
    if manifest is None or not manifest.slots:
        return None
    chosen = manifest.slots[manifest.active].image
    saved = repo.version(tip).manifest
    same = saved.slots and saved.slots[saved.active].image == chosen
    return None if same else chosen


def _choose_again(repo: Repository, image: str | None) -> None:
    manifest = repo.folder.read()
    places = {slot.image: i for i, slot in enumerate(manifest.slots)} if manifest else {}
    if manifest and image in places and places[image] != manifest.active:
        repo.folder.save(replace(manifest, active=places[image]))
