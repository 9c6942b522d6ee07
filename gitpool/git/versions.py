"""Going back: whole snapshots, or only some images of one. Always a new snapshot on top."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ..errors import Damaged, NotFound
from ..identifiers import branch_of, is_image_name
from ..pool.manifest import MANIFEST_NAME, Manifest
from . import checkout, leftovers
from .changes import Version
from .messages import Message
from .refs import BRANCHES
from .repository import Identity, Repository
from .snapshots import build_tree, commit_tree


def restore(repo: Repository, identity: Identity, snapshot: str, text: str, now: int) -> str:
    """Make the pool what it was at `snapshot`. The work tree is already snapshotted.

    Gives the new snapshot's id, or the present one's where there is nothing to change.
    """
    files = pool_files(repo.version(snapshot).blobs)
    return show(repo, identity, files, Message(text, "restore", identity.id, identity.name), now)


def restore_images(
    repo: Repository, identity: Identity, snapshot: str, images: list[str], text: str, now: int
) -> str:
    """Bring back just these images, each with its mask and label, into its old place."""
    tip = repo.tip()
    then, present = repo.version(snapshot), repo.version(tip)
    files, manifest = dict(pool_files(present.blobs)), present.manifest
    for image in sorted(set(images), key=lambda name: _place(then, name)):
        manifest, files = _bring_back(then, image, manifest, files)
    message = Message(text, "restore", identity.id, identity.name)
    with leftovers.writing(repo):
        files[MANIFEST_NAME] = repo.objects.write_blob(manifest.dump())
        return show(repo, identity, files, message, now)


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
    checkout.verify(repo, files)
    tip = repo.tip()
    tree = build_tree(files)
    if tip and other is None and repo.commit(tip).tree == tree.id:
        return tip
    with leftovers.writing(repo):
        repo.objects.write(tree)
        parents = [commit for commit in (tip, other) if commit]
        commit = commit_tree(repo, tree.id.decode(), parents, message, now)
        checkout.begin(repo, commit)
        repo.refs.swap(BRANCHES + branch_of(identity.name, identity.id), tip, commit)
    checkout.finish(repo)
    return commit


def _bring_back(
    then: Version, image: str, manifest: Manifest, files: dict[str, str]
) -> tuple[Manifest, dict[str, str]]:
    index = _place(then, image)
    slot = then.manifest.slots[index]
    old = next((s for s in manifest.slots if s.image == image), None)
    files = {n: b for n, b in files.items() if not old or n != old.mask}
    files |= {n: then.blobs[n] for n in (slot.image, slot.mask) if n and n in then.blobs}
    if old:
        slots = tuple(slot if s.image == image else s for s in manifest.slots)
        return replace(manifest, slots=slots), files
    at = min(index, len(manifest.slots))
    active = manifest.active + 1 if manifest.slots and at <= manifest.active else manifest.active
    slots = (*manifest.slots[:at], slot, *manifest.slots[at:])
    return replace(manifest, slots=slots, active=active), files


def _place(then: Version, image: str) -> int:
    for index, slot in enumerate(then.manifest.slots):
        if slot.image == image and image in then.blobs:
            return index
    raise NotFound("unknown_image", "That image isn't in this snapshot.")


def pool_files(blobs: Mapping[str, str]) -> dict[str, str]:
    return {n: b for n, b in blobs.items() if n == MANIFEST_NAME or is_image_name(n)}
