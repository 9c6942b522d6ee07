"""Taking an edit back, or making it again, in whatever a pool is by then. Pure.

Field by field, and only where a field still is what the edit left there: what something else
has changed since stays as it is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Set
from dataclasses import dataclass, field, replace

from ..identifiers import name_key
from ..pool.manifest import Manifest, Slot, image_name, mask_name, number_of
from .changes import Version
from .deltas import Delta, Side, Touched, active_image


@dataclass(frozen=True)
class Applied:
    """What a delta makes of a pool. files: those to be put in place, with the blob of each.

    images: the slots that it changed; none where it has no effect any more.
    """

    manifest: Manifest
    files: Mapping[str, str] = field(default_factory=dict)
    images: tuple[str, ...] = ()


def files_needed(delta: Delta, manifest: Manifest) -> set[str]:
    """The files of a pool whose blobs `apply` looks at."""
    with_bytes = {
        touched.image
        for touched in delta.slots
        if any(
            "image_id" in side or "mask_id" in side
            for side in (touched.before, touched.after)
            if side
        )
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
    # How often each name is in use, as `name_key`.
    keys: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._claim(*self.taken)
        for slot in self.slots.values():
            self._claim(slot.image, slot.mask)

    def bring(self, touched: Touched) -> None:
        """Put a slot in that isn't there; under a new number where another has its name."""
        side, name = touched.after or {}, touched.image
        here = self.slots.get(name)
        if side["image_id"] is None or (here and self._same(here, side)):
            return
        mask = side["mask"] if side["mask_id"] else None
        if here or name_key(name) in self.keys:
            name = self._free_name(name)
            self.renamed[touched.image] = name
            mask = mask_name(name) if mask else None
        self._claim(name)
        mask = self._mask_for(name, mask)
        self.slots[name] = Slot(name, mask, side["label"], side["added"], side.get("extra") or {})
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
                self._release(slot.image, slot.mask)
                self.images.append(touched.image)

    def change(self, touched: Touched) -> None:
        """Set those of a slot's fields that still are what the edit left."""
        was, will = touched.before or {}, touched.after or {}
        slot = self.slots.get(touched.image)
        if slot is None or slot.added != was["added"]:
            return
        new = replace(slot, added=will["added"])
        if "extra" in was and dict(slot.extra) == was["extra"]:
            new = replace(new, extra=will["extra"])
        if "label" in was and slot.label == was["label"]:
            new = replace(new, label=will["label"])
        if "mask_id" in was and self._mask_fits(slot, was):
            self._release(slot.mask)
            mask = self._mask_for(slot.image, will["mask"])
            if mask and will["mask_id"]:
                self.files[mask] = will["mask_id"]
            new = replace(new, mask=mask)
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
        return replace(
            old,
            slots=tuple(self.slots[name] for name in order),
            active=max(0, at),
            next_seq=max([old.next_seq, *numbers]),
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

    def _claim(self, *names: str | None) -> None:
        self.keys.update(name_key(name) for name in names if name)

    def _release(self, *names: str | None) -> None:
        for key in [name_key(name) for name in names if name]:
            self.keys[key] -= 1
            if self.keys[key] <= 0:
                del self.keys[key]

    def _mask_for(self, image: str, wanted: str | None) -> str | None:
        """Claim a name for a slot's mask: the wanted one, unless something else has that by now."""
        if wanted and name_key(wanted) in self.keys:
            wanted = mask_name(image, self.keys)
        self._claim(wanted)
        return wanted

    def _free_name(self, name: str) -> str:
        numbers = [number_of(other) for other in (*self.slots, *self.taken)]
        number = max([self.present.manifest.next_seq - 1, *numbers]) + 1
        return image_name(number, "." + name.rpartition(".")[2])


def _turn(touched: Touched, back: bool) -> Touched:
    return Touched(touched.image, touched.after, touched.before) if back else touched


def _index(side: Side | None) -> int:
    return side.get("index", -1) if side else -1
