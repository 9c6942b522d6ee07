"""One edit of a pool as what it changed, slot by slot, so that it can be taken back. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ..identifiers import is_image_name
from ..pool.manifest import Manifest
from .changes import Version
from .sequences import moved_names

_ID = re.compile(r"[0-9a-f]{40}")
_FURTHEST = 1 << 53

Side = Mapping[str, Any]


@dataclass(frozen=True)
class Touched:
    """One slot before and after an edit; None where it wasn't in the pool.

    A side has `added`, which tells the picture from another that got its name since, and, where
    the edit changed them: `label`; `extra`, other programs' keys; `image_id`, the blob of its
    file; `mask` and `mask_id`; and its place, as `index`, `behind` and `ahead` (the images before
    and after it, or None). A slot that came or went has all of them on the side where it was.
    """

    image: str
    before: Side | None
    after: Side | None


@dataclass(frozen=True)
class Delta:
    """What one edit changed. active: the active image before and after, or None."""

    slots: tuple[Touched, ...] = ()
    active: tuple[str | None, str | None] = (None, None)

    def as_json(self) -> dict[str, Any]:
        slots = [{"image": t.image, "before": t.before, "after": t.after} for t in self.slots]
        return {"slots": slots, "active": list(self.active)}

    def then(self, other: Delta) -> Delta:
        """This edit and a later one of other slots as one."""
        return Delta((*self.slots, *other.slots), (self.active[0], other.active[1]))


def between(old: Version, new: Version) -> Delta:
    """What turns `old` into `new`. Files whose blobs neither names count as unchanged."""
    before, after = _slots(old.manifest), _slots(new.manifest)
    moved = set(moved_names(list(before), list(after)))
    touched = []
    for name in [*before, *(name for name in after if name not in before)]:
        sides = _side(old, before, name), _side(new, after, name)
        if sides[0] and sides[1]:
            sides = _differing(*sides, name in moved)
        if sides[0] != sides[1]:
            touched.append(Touched(name, *sides))
    return Delta(tuple(touched), (active_image(old.manifest), active_image(new.manifest)))


def all_files(deltas: Iterable[Delta]) -> set[str]:
    """The blobs that these deltas could have put in place."""
    sides = (side for d in deltas for t in d.slots for side in (t.before, t.after) if side)
    return {side[key] for side in sides for key in ("image_id", "mask_id") if side.get(key)}


def active_image(manifest: Manifest) -> str | None:
    """The active image's name, if there is any image."""
    return manifest.slots[manifest.active].image if manifest.slots else None


def parse(raw: Any) -> Delta:
    """A delta from its JSON, which may be anybody's. Raises ValueError."""
    if not isinstance(raw, dict) or not isinstance(raw.get("slots"), list):
        raise ValueError("not a delta")
    active = raw.get("active")
    if not isinstance(active, list) or len(active) != 2:
        raise ValueError("no active images")
    return Delta(
        tuple(_parse_touched(slot) for slot in raw["slots"]),
        (_checked("active", active[0]), _checked("active", active[1])),
    )


def _slots(manifest: Manifest) -> dict[str, int]:
    return {slot.image: i for i, slot in enumerate(manifest.slots)}


def _side(version: Version, places: Mapping[str, int], name: str) -> dict[str, Any] | None:
    at = places.get(name)
    if at is None:
        return None
    slots = version.manifest.slots
    slot = slots[at]
    return {
        "added": slot.added,
        "label": slot.label,
        "extra": dict(slot.extra),
        "image_id": version.blobs.get(name),
        "mask": slot.mask,
        "mask_id": version.blobs.get(slot.mask) if slot.mask else None,
        "index": at,
        "behind": slots[at - 1].image if at else None,
        "ahead": slots[at + 1].image if at + 1 < len(slots) else None,
    }


_GROUPS = (("label",), ("extra",), ("image_id",), ("mask", "mask_id"))


def _differing(
    before: dict[str, Any], after: dict[str, Any], moved: bool
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Both sides of a slot that stayed, with what differs and `added`."""
    kept = {"added"} | ({"index", "behind", "ahead"} if moved else set())
    for group in _GROUPS:
        if any(before[key] != after[key] for key in group):
            kept |= set(group)
    return tuple({k: v for k, v in side.items() if k in kept} for side in (before, after))  # type: ignore[return-value]


def _parse_touched(raw: Any) -> Touched:
    if not isinstance(raw, dict) or raw.get("image") is None:
        raise ValueError("not a slot")
    before, after = (_parse_side(raw.get(key)) for key in ("before", "after"))
    # An older journal knows no other programs' keys.
    whole = {*_CHECKS} - {"active", "extra"}
    if before is None or after is None:
        if {*(before or after or {})} - {"extra"} != whole:
            raise ValueError("a side isn't whole")
    elif before.keys() != after.keys() or "added" not in before:
        raise ValueError("the sides don't match")
    for group in (("mask", "mask_id"), ("index", "behind", "ahead")):
        sides = [side for side in (before, after) if side is not None]
        if any(0 < sum(key in side for key in group) < len(group) for side in sides):
            raise ValueError("half a field")
    return Touched(_checked("active", raw["image"]), before, after)


def _parse_side(raw: Any) -> dict[str, Any] | None:
    if raw is None:
        return None
    if not isinstance(raw, dict):
        raise ValueError("not a side")
    return {key: _checked(key, value) for key, value in raw.items()}


def _name_or_none(value: Any) -> bool:
    return value is None or (isinstance(value, str) and is_image_name(value))


def _id_or_none(value: Any) -> bool:
    return value is None or (isinstance(value, str) and _ID.fullmatch(value) is not None)


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _FURTHEST


_CHECKS = {
    "added": _whole,
    "index": _whole,
    "label": lambda value: isinstance(value, str),
    "extra": lambda value: isinstance(value, dict),
    "image_id": _id_or_none,
    "mask_id": _id_or_none,
    "mask": _name_or_none,
    "behind": _name_or_none,
    "ahead": _name_or_none,
    "active": _name_or_none,
}


def _checked(key: str, value: Any) -> Any:
    if key not in _CHECKS or not _CHECKS[key](value):
        raise ValueError(f"an odd {key}")
    return value
