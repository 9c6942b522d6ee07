"""The manifest: a pool's slots in order, which one is active, the next number. Pure."""

from __future__ import annotations

import functools
import json
import math
import re
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

from ..errors import Conflict, Malformed
from ..identifiers import is_image_name, name_key

MANIFEST_NAME = "manifest.json"
LABEL_LIMIT = 10_000
_NUMBERED = re.compile(r"img_(\d{1,9})\b", re.IGNORECASE)
_LAST_NUMBER = 999_999_999
_IN_LINES = json.JSONEncoder(ensure_ascii=False, separators=(",\n   ", ": "))
_KEYS = frozenset(("image", "mask", "label", "added"))
_TOP_KEYS = frozenset(("active", "slots", "next_seq"))
_NONE: dict[str, Any] = {}
# Levels of lists and objects in another program's key.
_DEEPEST = 32
# Bytes of the largest manifest that is worth keeping parsed: some 10,000 slots.
_REMEMBERED = 2 << 20


@dataclass(frozen=True)
class Slot:
    """One image of a pool; `added` is in milliseconds, or 0 where nobody knows.

    extra: what other programs note of it under keys of their own, carried along as it is.
    """

    image: str
    mask: str | None = None
    label: str = ""
    added: int = 0
    extra: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        known = {"image": self.image, "mask": self.mask, "label": self.label, "added": self.added}
        return _with_extra(known, self.extra)


@dataclass(frozen=True)
class Manifest:
    """A whole pool. Every edit gives a new manifest; none touches the disk.

    extra: other programs' keys, as a slot has them. low: whether the file that it was read from
    says a next number that one of its own images has.
    """

    slots: tuple[Slot, ...] = ()
    active: int = 0
    next_seq: int = 1
    extra: Mapping[str, Any] = field(default_factory=dict)
    low: bool = field(default=False, compare=False)

    def as_json(self) -> dict[str, Any]:
        known = {
            "active": self.active,
            "slots": [slot.as_json() for slot in self.slots],
            "next_seq": self.next_seq,
        }
        return _with_extra(known, self.extra)

    def dump(self) -> bytes:
        """The bytes of `manifest.json`."""
        raw = self.as_json()
        try:
            data = _text_of(raw).encode("utf-8")
        except UnicodeEncodeError:  # half a character in another program's key
            data = json.dumps(raw, indent=1).encode("ascii")
        return data + b"\n"

    def numbered_from(self, number: int) -> Manifest:
        """With a next number of at least that."""
        return replace(self, next_seq=number) if number > self.next_seq else self

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
    """The number in `img_NNNN…`, in capitals too, or 0."""
    match = _NUMBERED.match(file_name)
    return int(match[1]) if match else 0


def image_name(number: int, extension: str) -> str:
    """The file name of an image: `img_0001.png`."""
    return f"img_{number:04d}{extension}"


def mask_name(image: str, taken: Container[str] = ()) -> str:
    """A file name for an image's mask: `img_0001.mask.png`, or, where another image of the same
    stem has that, `img_0001.jpg.mask.png`.

    taken: the `name_key` of every name that is in use.
    """
    return next(name for name in mask_names(image) if name_key(name) not in taken)


def mask_names(image: str) -> Iterable[str]:
    """The names that an image's mask may have, the usual one first."""
    yield image.rpartition(".")[0] + ".mask.png"
    yield f"{image}.mask.png"
    yield from (f"{image}.{number}.mask.png" for number in count(2))


def mask_among(image: str, names: Container[str]) -> str | None:
    """The file among these that is the image's mask by its name alone, the most exact first."""
    exact = (f"{image}.mask.png", image.rpartition(".")[0] + ".mask.png")
    return next((name for name in exact if name in names), None)


def is_mask_name(name: str) -> bool:
    """Whether the name is that of some image's mask."""
    return name.lower().endswith(".mask.png")


def is_picture_name(name: str) -> bool:
    """Whether the name is that of an image, and not of some image's mask."""
    return is_image_name(name) and not is_mask_name(name)


def parse_manifest(data: bytes) -> Manifest:
    """A manifest from its bytes; lenient in what earlier nodes wrote, strict in names.

    Raises ValueError where it can't be a manifest at all.
    """
    return _parsed_before(data) if len(data) < _REMEMBERED else _parsed(data)


def _parsed(data: bytes) -> Manifest:
    try:
        raw = json.loads(
            data.decode("utf-8-sig"), parse_constant=lambda _: None, parse_float=_finite
        )
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if not isinstance(raw, dict) or not isinstance(raw.get("slots"), list):
        raise ValueError("not a manifest")
    slots: dict[str, Slot] = {}
    active, wanted = 0, _whole(raw.get("active"))
    for place, entry in enumerate(raw["slots"]):
        slot = _slot(entry)
        if slot is None or slot.image in slots:
            continue
        if place <= wanted:
            active = len(slots)
        slots[slot.image] = slot
    said, highest = _sequence(raw.get("next_seq")), max(map(number_of, slots), default=0)
    return Manifest(
        slots=tuple(slots.values()),
        active=active,
        next_seq=max(said, highest + 1),
        extra=_extra(raw, _TOP_KEYS),
        low=said <= highest,
    )


# A pool is looked at far more often than it changes.
_parsed_before = functools.lru_cache(maxsize=8)(_parsed)


def _slot(entry: Any) -> Slot | None:
    """A slot as a manifest says it; None for what can't be one."""
    if not isinstance(entry, dict):
        return None
    image, mask = entry.get("image"), entry.get("mask")
    if not isinstance(image, str) or not is_image_name(image):
        return None
    if not isinstance(mask, str) or not is_image_name(mask):
        mask = None
    # Nearly all slots have no other keys, and there may be thousands.
    extra = _NONE if entry.keys() <= _KEYS else _extra(entry, _KEYS)
    return Slot(image, mask, _label(entry.get("label")), _whole(entry.get("added")), extra)


def _label(value: Any) -> str:
    if isinstance(value, str):
        # Half a character can't be written again.
        return value if value.isascii() else value.encode("utf-8", "replace").decode("utf-8")
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return str(value) if is_number else ""


def _extra(raw: dict[str, Any], known: Container[str]) -> dict[str, Any]:
    """Other programs' keys; what is nested so deeply that it can't be written is left out."""
    return {k: v for k, v in raw.items() if k not in known and _is_flat(v, _DEEPEST)}


def _text_of(raw: dict[str, Any]) -> str:
    """What `json.dumps` says with an indent of 1, which it is some times slower at; and every edit
    writes thousands of slots. So a line's end and its indent stand between two values instead,
    where all are plain: a string holds no line's end as such."""
    slots = raw["slots"]
    if not slots or raw.keys() != _TOP_KEYS or any(slot.keys() != _KEYS for slot in slots):
        return json.dumps(raw, ensure_ascii=False, indent=1)
    lines = _IN_LINES.encode(slots)[2:-2].replace("},\n   {", "\n  },\n  {\n   ")
    above, below = f' "active": {raw["active"]},', f' "next_seq": {raw["next_seq"]}'
    return f'{{\n{above}\n "slots": [\n  {{\n   {lines}\n  }}\n ],\n{below}\n}}'


def _with_extra(known: dict[str, Any], extra: Mapping[str, Any]) -> dict[str, Any]:
    return {**known, **extra, **known} if extra else known


def _is_flat(value: Any, deepest: int) -> bool:
    inside = value.values() if isinstance(value, dict) else value
    if not isinstance(value, (dict, list)):
        return True
    return deepest > 0 and all(_is_flat(one, deepest - 1) for one in inside)


def _finite(text: str) -> float | None:
    """A number that JSON can say again."""
    number = float(text)
    return number if math.isfinite(number) else None


def _sequence(value: Any) -> int:
    number = _whole(value)
    return number if number <= _LAST_NUMBER else 1


def _whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value != value:
        return 0
    return int(min(max(value, 0), 2**53))
