"""The manifest: a pool's slots in order, which one is active, the next number. Pure."""

from __future__ import annotations

import functools
import json
import re
from dataclasses import dataclass, replace
from typing import Any

from ..errors import Conflict, Malformed
from ..identifiers import is_image_name

MANIFEST_NAME = "manifest.json"
LABEL_LIMIT = 10_000
_NUMBERED = re.compile(r"img_(\d{1,9})\b")
_LAST_NUMBER = 999_999_999
# Bytes of the largest manifest that is worth keeping parsed: some 10,000 slots.
_REMEMBERED = 2 << 20


@dataclass(frozen=True)
class Slot:
    """One image of a pool; `added` is in milliseconds, or 0 where nobody knows."""

    image: str
    mask: str | None = None
    label: str = ""
    added: int = 0

    def as_json(self) -> dict[str, Any]:
        return {"image": self.image, "mask": self.mask, "label": self.label, "added": self.added}


@dataclass(frozen=True)
class Manifest:
    """A whole pool. Every edit gives a new manifest; none touches the disk."""

    slots: tuple[Slot, ...] = ()
    active: int = 0
    next_seq: int = 1

    def as_json(self) -> dict[str, Any]:
        return {
            "active": self.active,
            "slots": [slot.as_json() for slot in self.slots],
            "next_seq": self.next_seq,
        }

    def dump(self) -> bytes:
        """The bytes of `manifest.json`."""
        return json.dumps(self.as_json(), ensure_ascii=False, indent=1).encode("utf-8") + b"\n"

    def file_names(self) -> frozenset[str]:
        """Every image and mask that the slots name."""
        return self._file_names

    @functools.cached_property
    def _file_names(self) -> frozenset[str]:
        return frozenset(name for slot in self.slots for name in (slot.image, slot.mask) if name)

    def add(self, slot: Slot) -> Manifest:
        """With the slot at the end; the active image stays active."""
        return replace(
            self,
            slots=(*self.slots, slot),
            next_seq=max(self.next_seq, number_of(slot.image) + 1),
        )

    def remove(self, index: int) -> Manifest:
        """Without that slot; the active one stays, or its neighbour takes over."""
        slots = self.slots[:index] + self.slots[index + 1 :]
        active = self.active - 1 if index < self.active else self.active
        return replace(self, slots=slots, active=max(0, min(active, len(slots) - 1)))

    def activate(self, index: int) -> Manifest:
        return replace(self, active=index)

    def change(self, index: int, **values: Any) -> Manifest:
        """With that slot's fields replaced."""
        slot = replace(self.slots[index], **values)
        return replace(self, slots=(*self.slots[:index], slot, *self.slots[index + 1 :]))

    def reorder(self, order: list[int]) -> Manifest:
        """With the slots in that order, a permutation; the active image stays active."""
        if sorted(order) != list(range(len(self.slots))):
            raise Conflict(
                "order_stale",
                "That order doesn't match the images in the pool now.",
                "Refresh the grid and try again.",
            )
        active = order.index(self.active) if self.slots else 0
        return replace(self, slots=tuple(self.slots[i] for i in order), active=active)

    def position(self, index: object, image: object = None) -> int:
        """`index` checked against the slots and, if given, the image the caller saw there."""
        if isinstance(index, bool) or not isinstance(index, int) or index < 0:
            raise Malformed("bad_index", "The index must be a whole number, 0 or more.")
        if image is not None and not isinstance(image, str):
            raise Malformed("bad_image", "The image must be a file's name.")
        gone = index >= len(self.slots)
        if gone or (image is not None and self.slots[index].image != image):
            raise Conflict(
                "slot_moved",
                "That image isn't at this place any more.",
                "The pool was changed elsewhere; refresh the grid and try again.",
            )
        return index


def number_of(file_name: str) -> int:
    """The number in `img_NNNN…`, or 0."""
    match = _NUMBERED.match(file_name)
    return int(match[1]) if match else 0


def image_name(number: int, extension: str) -> str:
    """The file name of an image: `img_0001.png`."""
    return f"img_{number:04d}{extension}"


def mask_name(image: str) -> str:
    """The file name of an image's mask: `img_0001.mask.png`."""
    return image.rpartition(".")[0] + ".mask.png"


def is_mask_name(name: str) -> bool:
    """Whether the name is that of some image's mask."""
    return name.lower().endswith(".mask.png")


def parse_manifest(data: bytes) -> Manifest:
    """A manifest from its bytes; lenient in what earlier nodes wrote, strict in names.

    Raises ValueError where it can't be a manifest at all.
    """
    return _parsed_before(data) if len(data) < _REMEMBERED else _parsed(data)


def _parsed(data: bytes) -> Manifest:
    try:
        raw = json.loads(data.decode("utf-8-sig"))
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if not isinstance(raw, dict) or not isinstance(raw.get("slots"), list):
        raise ValueError("not a manifest")
    slots = tuple(_slot(entry) for entry in raw["slots"])
    names = [slot.image for slot in slots]
    if len(set(names)) != len(names):
        raise ValueError("an image is listed twice")
    highest = max((number_of(name) for name in names), default=0)
    return Manifest(
        slots=slots,
        active=max(0, min(_whole(raw.get("active")), len(slots) - 1)),
        next_seq=max(_sequence(raw.get("next_seq")), highest + 1),
    )


# A pool is looked at far more often than it changes.
_parsed_before = functools.lru_cache(maxsize=8)(_parsed)


def _slot(entry: Any) -> Slot:
    if not isinstance(entry, dict):
        raise ValueError("a slot isn't an object")
    image, mask, label = entry.get("image"), entry.get("mask"), entry.get("label")
    if not isinstance(image, str) or not is_image_name(image):
        raise ValueError("a slot's image isn't a file name")
    if mask is not None and (not isinstance(mask, str) or not is_image_name(mask)):
        raise ValueError("a slot's mask isn't a file name")
    label = label.encode("utf-8", "replace").decode("utf-8") if isinstance(label, str) else ""
    return Slot(image, mask, label[:LABEL_LIMIT], _whole(entry.get("added")))


def _sequence(value: Any) -> int:
    number = _whole(value)
    return number if number <= _LAST_NUMBER else 1


def _whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value != value:
        return 0
    return int(min(max(value, 0), 2**53))
