"""Going back: whole snapshots, or only some images of one. Always a new snapshot on top."""

from __future__ import annotations

import os
from collections.abc import Mapping, Set
from dataclasses import replace

from ..errors import Conflict, Damaged, NotFound
from ..identifiers import name_key
from ..pool.manifest import MANIFEST_NAME, Manifest, Slot, image_name, mask_name, number_of
from . import checkout, leftovers, numbers
from .changes import Version
from .listing import Passenger
from .messages import Message
from .repository import Identity, Repository
from .snapshots import build_trees, commit_tree

ALL_PARTS = frozenset({"image", "mask", "label"})


def restore(repo: Repository, identity: Identity, snapshot: str, text: str, now: int) -> str:
    """Make the pool what it was at `snapshot`. The work tree is already snapshotted.

    Gives the new snapshot's id, or the present one's where there is nothing to change.
    """
    then, number = repo.version(snapshot), numbers.next_number(repo)
    files, message = then.blobs, Message(text, "restore", identity.id, identity.name)
    if then.is_listed and then.manifest.next_seq < number:
        # All but the next number is as it was: one that was used since must not be used again.
        manifest = then.manifest.numbered_from(number)
        return show_manifest(repo, identity, manifest, files, message, now)
    return show(repo, identity, files, message, now)


def restore_images(
    repo: Repository,
    identity: Identity,
    snapshot: str,
    images: list[str],
    parts: Set[str],
    text: str,
    now: int,
) -> str:
    """Bring back just these images, each into its old place, or only `parts` of each: `image`,
    `mask`, `label`. Raises Conflict where a part's image isn't in the pool any more."""
    tip = repo.tip()
    then, present = repo.version(snapshot), repo.version(tip)
    files = dict(present.blobs)
    manifest = present.manifest.numbered_from(numbers.next_number(repo))
    others = {name_key(name) for name in present.passengers}
    for image in sorted(set(images), key=lambda name: _place(then, name)):
        manifest, files = _bring_back(then, image, parts, manifest, files, others)
    message = Message(text, "restore", identity.id, identity.name)
    return show_manifest(repo, identity, manifest, files, message, now)


def show_manifest(
    repo: Repository,
    identity: Identity,
    manifest: Manifest,
    files: Mapping[str, str],
    message: Message,
    now: int,
    other: str | None = None,
    passengers: Mapping[str, Passenger] | None = None,
) -> str:
    """The same as `show`, for a manifest that isn't stored yet."""
    number = numbers.next_number(repo, *([other] if other else []))
    manifest = manifest.numbered_from(number)
    with leftovers.writing(repo):
        stored = {**files, MANIFEST_NAME: repo.objects.write_blob(manifest.dump())}
        return show(repo, identity, stored, message, now, other, passengers)


def show(
    repo: Repository,
    identity: Identity,
    files: dict[str, str],
    message: Message,
    now: int,
    other: str | None = None,
    passengers: Mapping[str, Passenger] | None = None,
) -> str:
    """Snapshot a pool made of known blobs, and put it into the folder.

    other: the snapshot of another line of history that this one joins, if it does. passengers:
    the other files; by default they stay what they are.
    """
    if passengers is None:
        passengers = repo.version(repo.tip()).passengers
    passengers = {path: one for path, one in passengers.items() if path not in files}
    wanted = Version(blobs=files, passengers=passengers).files
    missing = [name for name, blob in wanted.items() if blob not in repo.objects]
    if missing:
        raise Damaged(
            "damaged", f"The stored copy of {missing[0]} is gone, so nothing was changed."
        )
    tip = repo.tip()
    trees = build_trees(files, passengers)
    tree = trees[-1]
    if tip and other is None and repo.commit(tip).tree == tree.id:
        return tip
    with checkout.ready(repo, wanted) as made:
        with leftovers.writing(repo):
            repo.objects.write_all(trees)
            parents = [commit for commit in (tip, other) if commit]
            commit = commit_tree(repo, tree.id.decode(), parents, message, now)
            checkout.begin(repo, commit)
            repo.refs.swap(identity.branch, tip, commit)
        checkout.finish(repo, made)
    return commit


def image_gone() -> Conflict:
    """Only a part of an image was asked for, and the image isn't there."""
    said = "That image isn't in the pool any more."
    return Conflict("image_gone", said, "Bring back the image itself.")


def _bring_back(
    then: Version,
    image: str,
    parts: Set[str],
    manifest: Manifest,
    files: dict[str, str],
    others: Set[str],
) -> tuple[Manifest, dict[str, str]]:
    """others: the `name_key` of each file that is none of the pool's."""
    slot = then.manifest.slots[_place(then, image)]
    if slot.mask not in then.blobs:
        slot = replace(slot, mask=None)
    old = _same_slot(slot, then.blobs[image], manifest, files)
    if old is None:
        if "image" not in parts:
            raise image_gone()
        return _bring_new(then, slot, parts, manifest, files, others)
    mask = slot.mask if "mask" in parts else old.mask
    if "mask" in parts:
        files = {n: b for n, b in files.items() if n != old.mask or _is_shared(n, old, manifest)}
        mask = _free_mask(mask, old, manifest, others)
        if mask:
            files[mask] = then.blobs[slot.mask or ""]
    label = slot.label if "label" in parts else old.label
    new = replace(old, mask=mask, label=label)
    slots = tuple(new if s is old else s for s in manifest.slots)
    if "image" in parts:
        files = {**files, old.image: then.blobs[image]}
    return replace(manifest, slots=slots), files


def _same_slot(slot: Slot, blob: str, manifest: Manifest, files: Mapping[str, str]) -> Slot | None:
    """The slot that an older one is now. Another picture may have its number, where it was used
    twice: that one is never replaced."""
    named = next((s for s in manifest.slots if name_key(s.image) == name_key(slot.image)), None)
    if named is None or files.get(named.image) == blob:
        return named
    if named.added == slot.added and slot.added:
        return named
    back = (s for s in manifest.slots if (s.added, files.get(s.image)) == (slot.added, blob))
    return next(back, None)


def _bring_new(
    then: Version,
    slot: Slot,
    parts: Set[str],
    manifest: Manifest,
    files: dict[str, str],
    others: Set[str],
) -> tuple[Manifest, dict[str, str]]:
    """Put an image in that isn't there, under its old name, or a new one where that is taken."""
    taken = others | {name_key(name) for name in files}
    image, files = slot.image, dict(files)
    if name_key(image) in taken:
        image = image_name(manifest.next_seq, os.path.splitext(image)[1])
    files[image] = then.blobs[slot.image]
    mask = None
    if "mask" in parts and slot.mask:
        usual = slot.mask if image == slot.image and name_key(slot.mask) not in taken else None
        mask = usual or mask_name(image, taken)
        files[mask] = then.blobs[slot.mask]
    label = slot.label if "label" in parts else ""
    new = replace(slot, image=image, mask=mask, label=label)
    return _insert(then, slot.image, new, manifest), files


def _is_shared(name: str, but: Slot, manifest: Manifest) -> bool:
    return any(name in (s.image, s.mask) for s in manifest.slots if s is not but)


def _free_mask(mask: str | None, slot: Slot, manifest: Manifest, others: Set[str]) -> str | None:
    """The name for a mask that comes back: its old one, unless something else has that by now."""
    slots = [s for s in manifest.slots if s is not slot]
    taken = others | {name_key(n) for s in slots for n in (s.image, s.mask) if n}
    return mask_name(slot.image, taken) if mask and name_key(mask) in taken else mask


def _insert(then: Version, was: str, slot: Slot, manifest: Manifest) -> Manifest:
    """Put a slot behind the image that it stood behind, or before the one it stood before, when
    its image was called `was`."""
    order = [other.image for other in then.manifest.slots]
    at = order.index(was)
    place = {other.image: i for i, other in enumerate(manifest.slots)}
    behind = next((place[name] for name in reversed(order[:at]) if name in place), None)
    before = next((place[name] for name in order[at + 1 :] if name in place), len(place))
    index = before if behind is None else behind + 1
    active = manifest.active + 1 if place and index <= manifest.active else manifest.active
    slots = (*manifest.slots[:index], slot, *manifest.slots[index:])
    number = max(manifest.next_seq, number_of(slot.image) + 1)
    return replace(manifest, slots=slots, active=active, next_seq=number)


def _place(then: Version, image: str) -> int:
    for index, slot in enumerate(then.manifest.slots):
        if slot.image == image and image in then.blobs:
            return index
    raise NotFound("unknown_image", "That image isn't in this snapshot.")
