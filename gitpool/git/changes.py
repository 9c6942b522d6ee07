"""What differs between two versions of a pool, slot by slot. Pure.

A version is a manifest and the blob of each of its files; slots are matched by image name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..pool.manifest import MANIFEST_NAME, Manifest, Slot, is_picture_name
from .listing import LITTER, LeftOut, Passenger
from .sequences import moved_names


@dataclass(frozen=True)
class Version:
    """A pool at one moment: its manifest, and each file's blob id by name.

    passengers: other plain files, by path. left_out: what else the snapshot lists.
    """

    manifest: Manifest = field(default_factory=Manifest)
    blobs: Mapping[str, str] = field(default_factory=dict)
    passengers: Mapping[str, Passenger] = field(default_factory=dict)
    left_out: tuple[LeftOut, ...] = ()

    @property
    def files(self) -> dict[str, str]:
        """Every file's blob, by path: the passengers' and the pool's."""
        return {**{path: one.blob for path, one in self.passengers.items()}, **self.blobs}

    @property
    def is_pool(self) -> bool:
        """Whether there is a list of images or an image, so that it isn't something else."""
        return bool(self.blobs) or any(map(is_picture_name, self.passengers))

    @property
    def is_listed(self) -> bool:
        """Whether its list of images can be read and says what is there."""
        pictures = any(map(is_picture_name, self.passengers))
        return MANIFEST_NAME in self.blobs and (bool(self.manifest.slots) or not pictures)

    def told_left_out(self) -> list[dict[str, str]]:
        """What is left out, for whoever asked for the rest; not what systems leave about."""
        return [one._asdict() for one in self.left_out if one.why != LITTER]


@dataclass(frozen=True)
class Changes:
    """Image names, by what happened to them. `masks_*` name the slot's image too.

    others: passengers' paths. left_out: what the older one lists and the newer one doesn't.
    """

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    replaced: tuple[str, ...] = ()
    masks_added: tuple[str, ...] = ()
    masks_changed: tuple[str, ...] = ()
    masks_removed: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    reordered: bool = False
    active: bool = False
    others: tuple[str, ...] = ()
    left_out: tuple[LeftOut, ...] = ()

    def matters(self) -> bool:
        """Whether anything but the active image changed."""
        return any(value for key, value in vars(self).items() if key != "active")

    def as_json(self) -> dict[str, Any]:
        """Counts for a history's line."""
        return {
            "added": len(self.added),
            "removed": len(self.removed),
            "replaced": len(self.replaced),
            "masks": len(self.masks_added) + len(self.masks_changed) + len(self.masks_removed),
            "masks_added": len(self.masks_added),
            "masks_changed": len(self.masks_changed),
            "masks_removed": len(self.masks_removed),
            "labels": len(self.labels),
            "reordered": self.reordered,
            "active": self.active,
            "others": len(self.others),
            "left_out": len(self.left_out),
        }


def compare(old: Version, new: Version) -> Changes:
    """What turns `old` into `new`."""
    before = {slot.image: slot for slot in old.manifest.slots}
    after = {slot.image: slot for slot in new.manifest.slots}
    both = [name for name in after if name in before]
    masks = {name: _mask_change(old, before[name], new, after[name]) for name in both}
    fresh = [name for name in after if name not in before]
    return Changes(
        added=tuple(fresh),
        removed=tuple(name for name in before if name not in after),
        replaced=tuple(n for n in both if old.blobs.get(n) != new.blobs.get(n)),
        masks_added=tuple(n for n in both if masks[n] == "added"),
        masks_changed=tuple(n for n in both if masks[n] == "changed"),
        masks_removed=tuple(n for n in both if masks[n] == "removed"),
        labels=tuple(n for n in both if before[n].label != after[n].label),
        reordered=[n for n in before if n in after] != both,
        active=_active(old.manifest) != _active(new.manifest),
        others=_differing(old.passengers, new.passengers),
        left_out=tuple(one for one in old.left_out if one not in new.left_out),
    )


def _differing(old: Mapping[str, Passenger], new: Mapping[str, Passenger]) -> tuple[str, ...]:
    if old == new:
        return ()
    return tuple(p for p in dict.fromkeys([*old, *new]) if old.get(p) != new.get(p))


def describe(old: Version, new: Version) -> Iterator[dict[str, Any]]:
    """Slot by slot, for a diff: one object for each slot that differs.

    `{"image", "change": added|removed|changed|moved, "from": slot, "to": slot, "what": […]}`;
    a slot has its place as `index`, and the blob ids of image and mask.
    """
    before = {slot.image: i for i, slot in enumerate(old.manifest.slots)}
    after = {slot.image: i for i, slot in enumerate(new.manifest.slots)}
    changes = compare(old, new)
    moved = set(moved_names(list(before), list(after)))
    masks = {*changes.masks_added, *changes.masks_changed, *changes.masks_removed}
    for name in [*after, *changes.removed]:
        what = [
            word
            for word, names in (
                ("image", changes.replaced),
                ("mask", masks),
                ("label", changes.labels),
                ("moved", moved),
            )
            if name in names
        ]
        change = "added" if name not in before else "removed" if name not in after else "changed"
        if change == "changed":
            if not what:
                continue
            change = "moved" if what == ["moved"] else "changed"
        yield {
            "image": name,
            "change": change,
            "what": what,
            "from": _side(old, before.get(name)),
            "to": _side(new, after.get(name)),
        }


def strip(old: Version, new: Version, changes: Changes, limit: int) -> list[dict[str, Any]]:
    """The first images that a change touched, for a history's thumbnails.

    `{"change": added|removed|replaced|painted|repainted|cleared|labelled, "image", "image_id",
    "mask", "mask_id"}`: what was taken away as it was, all else as it is.
    """
    touched = (
        ("added", changes.added, new),
        ("removed", changes.removed, old),
        ("replaced", changes.replaced, new),
        ("painted", changes.masks_added, new),
        ("repainted", changes.masks_changed, new),
        ("cleared", changes.masks_removed, old),
        ("labelled", changes.labels, new),
    )
    first: dict[str, tuple[str, Version]] = {}
    for change, names, side in touched:
        for name in names:
            first.setdefault(name, (change, side))
    return [_thumbnail(change, name, side) for name, (change, side) in [*first.items()][:limit]]


def slots_of(version: Version) -> list[dict[str, Any]]:
    """Every slot with its place and the blob ids of image and mask."""
    return [side for i in range(len(version.manifest.slots)) if (side := _side(version, i))]


def _thumbnail(change: str, name: str, version: Version) -> dict[str, Any]:
    slot = next(slot for slot in version.manifest.slots if slot.image == name)
    return {
        "change": change,
        "image": name,
        "image_id": version.blobs.get(name),
        "mask": slot.mask,
        "mask_id": version.blobs.get(slot.mask) if slot.mask else None,
    }


def _side(version: Version, index: int | None) -> dict[str, Any] | None:
    if index is None:
        return None
    slot = version.manifest.slots[index]
    return {
        **slot.as_json(),
        "index": index,
        "image_id": version.blobs.get(slot.image),
        "mask_id": version.blobs.get(slot.mask) if slot.mask else None,
    }


def _mask_change(old: Version, before: Slot, new: Version, after: Slot) -> str:
    was = old.blobs.get(before.mask) if before.mask else None
    now = new.blobs.get(after.mask) if after.mask else None
    if was == now:
        return ""
    if was is None:
        return "added"
    return "changed" if now else "removed"


def _active(manifest: Manifest) -> str | None:
    return manifest.slots[manifest.active].image if manifest.slots else None
