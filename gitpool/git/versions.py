"""Going back: whole snapshots, or only some images of one. Always a new snapshot on top."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import replace

from ..errors import Conflict, Damaged, NotFound
from ..identifiers import branch_of, is_image_name
from ..pool.manifest import MANIFEST_NAME, Manifest, Slot
from . import checkout, leftovers
from .changes import Version
from .messages import Message
from .refs import BRANCHES
from .repository import Identity, Repository
from .snapshots import build_tree, commit_tree

ALL_PARTS = frozenset({"image", "mask", "label"})


def restore(repo: Repository, identity: Identity, snapshot: str, text: str, now: int) -> str:
    """Make the pool what it was at `snapshot`. The work tree is already snapshotted.

    Gives the new snapshot's id, or the present one's where there is nothing to change.
    """
    files = pool_files(repo.version(snapshot).blobs)
    return show(repo, identity, files, Message(text, "restore", identity.id, identity.name), now)


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
    files, manifest = dict(pool_files(present.blobs)), present.manifest
    for image in sorted(set(images), key=lambda name: _place(then, name)):
        manifest, files = _bring_back(then, image, parts, manifest, files)
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
) -> str:
    """The same as `show`, for a manifest that isn't stored yet."""
    with leftovers.writing(repo):
        stored = {**files, MANIFEST_NAME: repo.objects.write_blob(manifest.dump())}
        return show(repo, identity, stored, message, now, other)


def show(
    repo: Repository,
    identity: Identity,
    files: dict[str, str],
    message: Message,
    now: int,
    other: str | None = None,
) -> str:
    """Snapshot a pool made of known blobs, and put it into the folder.

    other: the snapshot of another line of history that this one joins, if it does.
    """
    missing = [name for name, blob in files.items() if blob not in repo.objects]
    if missing:
        raise Damaged(
            "damaged", f"The stored copy of {missing[0]} is gone, so nothing was changed."
        )
    tip = repo.tip()
    tree = build_tree(files)
    if tip and other is None and repo.commit(tip).tree == tree.id:
        return tip
    with checkout.ready(repo, pool_files(files)) as made:
        with leftovers.writing(repo):
            repo.objects.write(tree)
            parents = [commit for commit in (tip, other) if commit]
            commit = commit_tree(repo, tree.id.decode(), parents, message, now)
            checkout.begin(repo, commit)
            repo.refs.swap(BRANCHES + branch_of(identity.name, identity.id), tip, commit)
        checkout.finish(repo, made)
    return commit


def image_gone() -> Conflict:
    """Only a part of an image was asked for, and the image isn't there."""
    said = "That image isn't in the pool any more."
    return Conflict("image_gone", said, "Bring back the image itself.")


def _bring_back(
    then: Version, image: str, parts: Set[str], manifest: Manifest, files: dict[str, str]
) -> tuple[Manifest, dict[str, str]]:
    slot = then.manifest.slots[_place(then, image)]
    if slot.mask not in then.blobs:
        slot = replace(slot, mask=None)
    old = next((s for s in manifest.slots if s.image == image), None)
    if old is None:
        if "image" not in parts:
            raise image_gone()
        mask, label = "mask" in parts, "label" in parts
        slot = replace(slot, mask=slot.mask if mask else None, label=slot.label if label else "")
        manifest = _insert(then, slot, manifest)
    else:
        slot = Slot(
            image,
            slot.mask if "mask" in parts else old.mask,
            slot.label if "label" in parts else old.label,
            old.added,
        )
        slots = tuple(slot if s.image == image else s for s in manifest.slots)
        manifest = replace(manifest, slots=slots)
    if "image" in parts:
        files = {**files, image: then.blobs[image]}
    if "mask" in parts:
        files = {n: b for n, b in files.items() if not old or n != old.mask}
        if slot.mask in then.blobs:
            files[slot.mask] = then.blobs[slot.mask]
    return manifest, files


def _insert(then: Version, slot: Slot, manifest: Manifest) -> Manifest:
    """Put a slot behind the image that it stood behind, or before the one it stood before."""
    order = [other.image for other in then.manifest.slots]
    at = order.index(slot.image)
    place = {other.image: i for i, other in enumerate(manifest.slots)}
    behind = next((place[name] for name in reversed(order[:at]) if name in place), None)
    before = next((place[name] for name in order[at + 1 :] if name in place), len(place))
    index = before if behind is None else behind + 1
    active = manifest.active + 1 if place and index <= manifest.active else manifest.active
    slots = (*manifest.slots[:index], slot, *manifest.slots[index:])
    return replace(manifest, slots=slots, active=active)


def _place(then: Version, image: str) -> int:
    for index, slot in enumerate(then.manifest.slots):
        if slot.image == image and image in then.blobs:
            return index
    raise NotFound("unknown_image", "That image isn't in this snapshot.")


def pool_files(blobs: Mapping[str, str]) -> dict[str, str]:
    return {n: b for n, b in blobs.items() if n == MANIFEST_NAME or is_image_name(n)}
