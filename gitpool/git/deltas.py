"""One edit of a pool as what it changed, slot by slot, so that it can be taken back. Pure.

A delta is applied to whatever the pool is by then: field by field, and only where the field
still is what the edit left there. What something else has changed since stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field, replace
from typing import Any

from ..identifiers import is_image_name
from ..pool.manifest import LABEL_LIMIT, Manifest, Slot, image_name, mask_name, number_of
from .changes import Version, active_image
from .sequences import moved_names

_ID = re.compile(r"[0-9a-f]{40}")
_FURTHEST = 1 << 53

Side = Mapping[str, Any]


@dataclass(frozen=True)
class Touched:
    """One slot before and after an edit; None where it wasn't in the pool.

    A side has `added`, which tells the picture from another that got its name since, and, where
    the edit changed them: `label`; `image_id`, the blob of its file; `mask` and `mask_id`; and
    its place, as `index`, `behind` and `ahead` (the images before and after it, or None). A slot
    that came or went has all of them on the side where it was.
    """

    image: str
    before: Side | None
    after: Side | None


@dataclass(frozen=True)
class Delta:
    """What one edit changed. active: the active image before and after, or None."""

    slots: tuple[Touched, ...] = ()
    active: tuple[str | None, str | None] = (None, None)

    def names(self) -> list[str]:
        """The images that it touched."""
        return [touched.image for touched in self.slots]

    def as_json(self) -> dict[str, Any]:
        slots = [{"image": t.image, "before": t.before, "after": t.after} for t in self.slots]
        return {"slots": slots, "active": list(self.active)}

    def then(self, other: Delta) -> Delta:
        """This edit and a later one of other slots as one."""
        return Delta((*self.slots, *other.slots), (self.active[0], other.active[1]))


@dataclass(frozen=True)
class Applied:
    """What a delta makes of a pool. files: those to be put in place, with the blob of each.

    images: the slots that it changed; none where it has no effect any more.
    """

    manifest: Manifest
    files: Mapping[str, str] = field(default_factory=dict)
    images: tuple[str, ...] = ()


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


def files_needed(delta: Delta, manifest: Manifest) -> set[str]:
    """The files of a pool whose blobs `apply` looks at."""
    with_bytes = {
        touched.image
        for touched in delta.slots
        if any("image_id" in side or "mask_id" in side for side in (touched.before, touched.after) if side)
    }
    slots = [slot for slot in manifest.slots if slot.image in with_bytes]
    return {name for slot in slots for name in (slot.image, slot.mask) if name}


def apply(delta: Delta, present: Version, back: bool, taken: Set[str] = frozenset()) -> Applied:
    """Take a delta back, or apply it again where `back` is false.

    present: with the blobs of `files_needed`. taken: names of files that no slot has.
    """
    turned = [_turn(touched, back) for touched in delta.slots]
    work = _Work(present, {slot.image: slot for slot in present.manifest.slots}, set(taken))
    for touched in sorted(turned, key=lambda t: _index(t.after)):
        if touched.before is None:
            work.bring(touched)
        elif touched.after is None:
            work.take_out(touched)
        else:
            work.change(touched)
    if not work.images:
        return Applied(present.manifest)
    was, wanted = delta.active if not back else (delta.active[1], delta.active[0])
    manifest = work.manifest(was, work.renamed.get(wanted or "", wanted))
    return Applied(manifest, work.files, tuple(work.images))


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


@dataclass
class _Work:
    """A pool on its way from what it is to what a delta makes of it."""

    present: Version
    slots: dict[str, Slot]
    taken: set[str]
    files: dict[str, str] = field(default_factory=dict)
    images: list[str] = field(default_factory=list)
    placed: list[tuple[str, Side]] = field(default_factory=list)
    renamed: dict[str, str] = field(default_factory=dict)

    def bring(self, touched: Touched) -> None:
        """Put a slot in that isn't there; under a new number where another has its name."""
        side, name = touched.after or {}, touched.image
        here = self.slots.get(name)
        if side["image_id"] is None or (here and self._same(here, side)):
            return
        mask = side["mask"] if side["mask_id"] else None
        if here or {name, mask} & self.taken:
            name = self._free_name(name)
            mask = mask_name(name) if mask else None
            self.renamed[touched.image] = name
        self.slots[name] = Slot(name, mask, side["label"], side["added"])
        self.files[name] = side["image_id"]
        if mask:
            self.files[mask] = side["mask_id"]
        self.images.append(name)
        self.placed.append((name, side))

    def take_out(self, touched: Touched) -> None:
        """Take a slot out, if nothing has changed it since."""
        side, slot = touched.before or {}, self.slots.get(touched.image)
        if slot and self._same(slot, side) and slot.label == side["label"]:
            masked = self._blob(slot.mask) if slot.mask else None
            if masked == side["mask_id"]:
                del self.slots[touched.image]
                self.images.append(touched.image)

    def change(self, touched: Touched) -> None:
        """Set those of a slot's fields that still are what the edit left."""
        was, will = touched.before or {}, touched.after or {}
        slot = self.slots.get(touched.image)
        if slot is None or slot.added != was["added"]:
            return
        new = replace(slot, added=will["added"])
        if "label" in was and slot.label == was["label"]:
            new = replace(new, label=will["label"])
        if "mask_id" in was and self._mask_fits(slot, was):
            new = replace(new, mask=will["mask"])
            if will["mask"] and will["mask_id"]:
                self.files[will["mask"]] = will["mask_id"]
        image_fits = "image_id" in was and self._blob(slot.image) == was["image_id"]
        if image_fits and will["image_id"]:
            self.files[slot.image] = will["image_id"]
        moves = "index" in was and self._stands(slot.image, was)
        if moves:
            self.placed.append((slot.image, will))
        if new != slot or moves or {slot.image, new.mask} & self.files.keys():
            self.slots[slot.image] = new
            self.images.append(slot.image)

    def manifest(self, was: str | None, wanted: str | None) -> Manifest:
        """What came out; `wanted` is active again where `was` still is."""
        old = self.present.manifest
        order = self._order()
        active = active_image(old)
        if wanted in self.slots and (active == was or active not in self.slots):
            active = wanted
        at = order.index(active) if active in self.slots else min(old.active, len(order) - 1)
        numbers = [number_of(name) + 1 for name in order]
        return Manifest(
            tuple(self.slots[name] for name in order), max(0, at), max([old.next_seq, *numbers])
        )

    def _order(self) -> list[str]:
        placed = dict(self.placed)
        order = [n for n in (s.image for s in self.present.manifest.slots) if n in self.slots]
        order = [name for name in order if name not in placed]
        for name, side in self.placed:
            behind = self.renamed.get(side["behind"], side["behind"])
            ahead = self.renamed.get(side["ahead"], side["ahead"])
            if behind in order:
                at = order.index(behind) + 1
            elif behind is None or ahead not in order:
                at = 0 if behind is None else min(side["index"], len(order))
            else:
                at = order.index(ahead)
            order.insert(at, name)
        return order

    def _stands(self, image: str, side: Side) -> bool:
        """Whether an image is where the edit put it: beside one of the two it was between."""
        names = [slot.image for slot in self.present.manifest.slots]
        at = names.index(image)
        behind = names[at - 1] if at else None
        ahead = names[at + 1] if at + 1 < len(names) else None
        return behind == side["behind"] or ahead == side["ahead"] or side["behind"] not in names

    def _same(self, slot: Slot, side: Side) -> bool:
        return slot.added == side["added"] and self._blob(slot.image) == side["image_id"]

    def _mask_fits(self, slot: Slot, side: Side) -> bool:
        here = self._blob(slot.mask) if slot.mask else None
        return here == side["mask_id"]

    def _blob(self, name: str) -> str | None:
        return self.present.blobs.get(name)

    def _free_name(self, name: str) -> str:
        numbers = [number_of(other) for other in (*self.slots, *self.taken)]
        number = max([self.present.manifest.next_seq - 1, *numbers]) + 1
        return image_name(number, "." + name.rpartition(".")[2])


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
        "image_id": version.blobs.get(name),
        "mask": slot.mask,
        "mask_id": version.blobs.get(slot.mask) if slot.mask else None,
        "index": at,
        "behind": slots[at - 1].image if at else None,
        "ahead": slots[at + 1].image if at + 1 < len(slots) else None,
    }


_GROUPS = (("label",), ("image_id",), ("mask", "mask_id"))


def _differing(
    before: dict[str, Any], after: dict[str, Any], moved: bool
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Both sides of a slot that stayed, with what differs and `added`."""
    kept = {"added"} | ({"index", "behind", "ahead"} if moved else set())
    for group in _GROUPS:
        if any(before[key] != after[key] for key in group):
            kept |= set(group)
    return tuple({k: v for k, v in side.items() if k in kept} for side in (before, after))  # type: ignore[return-value]


def _turn(touched: Touched, back: bool) -> Touched:
    return Touched(touched.image, touched.after, touched.before) if back else touched


def _index(side: Side | None) -> int:
    return side.get("index", -1) if side else -1


def _parse_touched(raw: Any) -> Touched:
    if not isinstance(raw, dict) or raw.get("image") is None:
        raise ValueError("not a slot")
    before, after = (_parse_side(raw.get(key)) for key in ("before", "after"))
    whole = {*_CHECKS} - {"active"}
    if before is None or after is None:
        if {*(before or after or {})} != whole:
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
    "label": lambda value: isinstance(value, str) and len(value) <= LABEL_LIMIT,
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


def all_files(deltas: Iterable[Delta]) -> set[str]:
    """The blobs that these deltas could have put in place."""
    sides = (side for d in deltas for t in d.slots for side in (t.before, t.after) if side)
    return {side[key] for side in sides for key in ("image_id", "mask_id") if side.get(key)}
