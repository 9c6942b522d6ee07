"""Bringing another machine's line of history into a profile: forward, or by a merge."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ..identifiers import branch_of
from . import checkout
from .ancestry import is_ancestor, merge_bases
from .changes import Version, compare
from .merge import MergeConflict, merge
from .messages import Message, sentence
from .refs import BRANCHES
from .repository import Identity, Repository
from .versions import pool_files, show, show_manifest


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
    blobs = repo.version(theirs).blobs
    files = pool_files(blobs)
    with checkout.ready(repo, files) as made:
        checkout.begin(repo, theirs)
        repo.refs.swap(BRANCHES + branch_of(identity.name, identity.id), tip, theirs)
        checkout.finish(repo, made)
    if files.keys() != blobs.keys():
        # A git user's snapshot holds what no pool has; ours on top holds the pool alone.
        text = "Take in edits made with git"
        show(repo, identity, files, Message(text, "merge", identity.id, identity.name), now)


def _join(repo: Repository, identity: Identity, tip: str, theirs: str, now: int) -> Integrated:
    base, other = base_version(repo, tip, theirs), repo.version(theirs)
    merged = merge(base, repo.version(tip), other)
    said = sentence(compare(base, other))
    text = f"Merge another machine’s edits: {said[0].lower()}{said[1:]}"
    message = Message(text, "merge", identity.id, identity.name)
    version = merged.version
    show_manifest(repo, identity, version.manifest, version.blobs, message, now, other=theirs)
    return Integrated("merge", merged.conflicts)


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
