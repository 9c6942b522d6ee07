"""Two versions of a pool that come from a third, made into one, slot by slot. Pure.

The rules, as a table, are in docs/merge.md. Nothing is lost by them: what is not in the merged
pool is in one of the two histories that the merge joins.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ..identifiers import is_image_name, name_key
from ..pool.manifest import (
    MANIFEST_NAME,
    Manifest,
    Slot,
    image_name,
    is_mask_name,
    mask_among,
    mask_name,
    number_of,
)
from .changes import Version
from .passengers import merge_passengers
from .sequences import merge_orders

# In place of a key's value where there is no such key.
_ABSENT = object()


@dataclass(frozen=True)
class Picture:
    """One slot with what its files hold: blob ids, `mask` None where nothing is painted."""

    slot: Slot
    image: str
    mask: str | None

    def content(self) -> tuple[Any, ...]:
        """What tells an edited slot from one that was only moved."""
        return self.image, self.mask, self.slot.label, self.slot.image, self.slot.extra


@dataclass(frozen=True)
class MergeConflict:
    """Both sides changed the same thing; `kept` stays in place, `other` is in the history.

    slot: the image's name in the merged pool, None for the order. what: image, mask, label or
    order. kept, other: a blob's id, a text, or the images' names.
    """

    slot: str | None
    what: str
    kept: Any
    other: Any


@dataclass(frozen=True)
class Merged:
    """The pool that comes out, and what both sides had changed."""

    version: Version
    conflicts: tuple[MergeConflict, ...] = ()


@dataclass
class _Row:
    """One picture on its way through the merge, as each version has it."""

    base: Picture | None = None
    ours: Picture | None = None
    theirs: Picture | None = None
    result: Picture | None = None
    disputes: list[tuple[str, Any, Any]] = field(default_factory=list)


def merge(base: Version, ours: Version, theirs: Version) -> Merged:
    """What `ours` and `theirs` have both become since `base`.

    The result is the same whichever side is ours, but where both changed the same thing: there
    ours is kept.
    """
    rows = _match(*(_pictures(version) for version in (base, ours, theirs)))
    for row in rows:
        _resolve(row)
    rows = [row for row in rows if row.result]
    ordered, order_conflict = _order(rows, base, ours, theirs)
    highest = max(version.manifest.next_seq for version in (base, ours, theirs))
    _give_names(rows, highest)
    extra = _merge_extra(*(version.manifest.extra for version in (base, ours, theirs)))
    merged = _version(ordered, _active(ordered, base, ours, theirs), highest, extra)
    names = merged.manifest.file_names() | {MANIFEST_NAME}
    passengers = merge_passengers(*(v.passengers for v in (base, ours, theirs)), names)
    merged = replace(merged, passengers=passengers)
    conflicts = [
        MergeConflict(row.result.slot.image, what, kept, other)
        for row in ordered
        if row.result
        for what, kept, other in row.disputes
    ]
    if order_conflict:
        names = [[r.result.slot.image for r in side if r.result] for side in order_conflict]
        conflicts.append(MergeConflict(None, "order", *names))
    return Merged(merged, tuple(conflicts))


def _pictures(version: Version) -> list[Picture]:
    """The slots whose image is there; images that no slot names, as git users leave, come last."""
    blobs = version.blobs
    slots = [slot for slot in version.manifest.slots if slot.image in blobs]
    named = {name for slot in slots for name in (slot.image, slot.mask) if name}
    strays = [n for n in blobs if n not in named and is_image_name(n) and not is_mask_name(n)]
    free = {n for n in blobs if is_mask_name(n) and n not in named}
    for name in sorted(strays):
        mask = mask_among(name, free)
        free.discard(mask or "")
        slots.append(Slot(name, mask))
    return [Picture(s, blobs[s.image], blobs.get(s.mask) if s.mask else None) for s in slots]


def _match(base: list[Picture], ours: list[Picture], theirs: list[Picture]) -> list[_Row]:
    """Which picture of one version is which of another: by name, then by content."""
    rows = [_Row(base=picture) for picture in base]
    new_ours = _pair_off(rows, "ours", ours)
    new_theirs = _pair_off(rows, "theirs", theirs)
    added = [_Row(ours=picture) for picture in new_ours]
    # Both sides added the same bytes: once is enough.
    for key in (lambda p: (p.image, p.slot.image), lambda p: p.image):
        new_theirs = _join_twins(added, new_theirs, key)
    return [*rows, *added, *(_Row(theirs=picture) for picture in new_theirs)]


def _join_twins(
    added: list[_Row], pictures: list[Picture], key: Callable[[Picture], Any]
) -> list[Picture]:
    """Put each picture into a row of ours that has the same key; gives those that found none."""
    open_rows: dict[Any, list[_Row]] = {}
    for row in reversed(added):
        if row.ours and row.theirs is None:
            open_rows.setdefault(key(row.ours), []).append(row)
    alone = []
    for picture in pictures:
        if waiting := open_rows.get(key(picture)):
            waiting.pop().theirs = picture
        else:
            alone.append(picture)
    return alone


def _pair_off(rows: list[_Row], side: str, pictures: list[Picture]) -> list[Picture]:
    """Give each row its picture of one side; what is left over is new there."""
    by_name = {picture.slot.image: picture for picture in pictures}
    for row in rows:
        assert row.base
        setattr(row, side, by_name.pop(row.base.slot.image, None))
    # A file that somebody renamed is still the same picture.
    by_content: dict[str, list[Picture]] = {}
    for picture in reversed(by_name.values()):
        by_content.setdefault(picture.image, []).append(picture)
    for row in rows:
        if row.base and getattr(row, side) is None and by_content.get(row.base.image):
            renamed = by_content[row.base.image].pop()
            setattr(row, side, by_name.pop(renamed.slot.image))
    return list(by_name.values())


def _resolve(row: _Row) -> None:
    """Set the row's result; None where the picture is gone."""
    base, ours, theirs = row.base, row.ours, row.theirs
    if ours is None or theirs is None:
        left = ours or theirs
        # An edit beats a deletion; a new name may as well be the same image added again.
        edited = left is not None and (base is None or left.content() != base.content())
        row.result = left if edited else None
        return
    image = _field(row, "image", base.image if base else None, ours.image, theirs.image)
    mask = _mask(row, base.mask if base else None, ours.mask, theirs.mask)
    label = _label(row, base.slot.label if base else None, ours.slot.label, theirs.slot.label)
    oldest = min((ours, theirs), key=lambda p: (p.slot.added, p.slot.image))
    names = {ours.slot.image, theirs.slot.image}
    name = oldest.slot.image
    if base and len(names) > 1:
        name = min(names - {base.slot.image})
    # The mask's file goes by its image's name, where one of the two does.
    named = [(p.slot.image != name, p.slot.mask) for p in (ours, theirs) if p.mask == mask]
    masks = [file for _, file in sorted(named, key=str)] if mask else []
    times = {ours.slot.added, theirs.slot.added}
    added = min(times - {base.slot.added} if base and len(times) > 1 else times)
    extra = _merge_extra(base.slot.extra if base else {}, ours.slot.extra, theirs.slot.extra)
    slot = Slot(name, masks[0] if masks else None, label, added, extra)
    row.result = Picture(slot, image, mask)


def _merge_extra(
    base: Mapping[str, Any], ours: Mapping[str, Any], theirs: Mapping[str, Any]
) -> dict[str, Any]:
    """Other programs' keys, each from the side that changed it; ours where both did."""
    merged = {}
    for key in dict.fromkeys([*ours, *theirs]):
        sides = [side.get(key, _ABSENT) for side in (base, ours, theirs)]
        value = sides[2] if sides[1] == sides[0] else sides[1]
        if value is not _ABSENT:
            merged[key] = value
    return merged


def _field(row: _Row, what: str, base: Any, ours: Any, theirs: Any) -> Any:
    """One value from three; where both sides changed it, ours, and the dispute is noted."""
    if ours in (theirs, base):
        return theirs
    if theirs != base:
        row.disputes.append((what, ours, theirs))
    return ours


def _mask(row: _Row, base: str | None, ours: str | None, theirs: str | None) -> str | None:
    if base not in (ours, theirs) and (ours is None or theirs is None):
        return ours or theirs  # an edit beats a deletion, for masks too
    return _field(row, "mask", base, ours, theirs)


def _label(row: _Row, base: str | None, ours: str, theirs: str) -> str:
    if base is None and not (ours and theirs):
        return ours or theirs
    return _field(row, "label", base, ours, theirs)


def _order(
    rows: list[_Row], base: Version, ours: Version, theirs: Version
) -> tuple[list[_Row], tuple[list[_Row], list[_Row]] | None]:
    """The rows in their merged order, and both sides' where they were moved against each other."""
    places = {
        side: {p.slot.image: i for i, p in enumerate(_pictures(version))}
        for side, version in (("base", base), ("ours", ours), ("theirs", theirs))
    }

    def sequence(side: str) -> list[int]:
        there = [(i, getattr(row, side)) for i, row in enumerate(rows)]
        return [
            i for _, i in sorted((places[side][p.slot.image], i) for i, p in there if p is not None)
        ]

    # Whatever isn't a dispute is decided by a rank that is the same on both machines.
    ranked = sorted(("ours", "theirs"), key=lambda side: [_rank(rows[i]) for i in sequence(side)])
    age = {i: row.result.slot.added if row.result else 0 for i, row in enumerate(rows)}

    def joined(winner: str) -> list[int]:
        def contested(i: int) -> bool:
            return ranked[0] == winner or rows[i].base is None

        return merge_orders(sequence("base"), *map(sequence, ranked), contested, age)

    mine, other = joined("ours"), joined("theirs")
    ordered = [rows[i] for i in mine]
    return ordered, None if mine == other else (ordered, [rows[i] for i in other])


def _rank(row: _Row) -> tuple[str, ...]:
    picture = row.base or row.result
    return (picture.image, picture.slot.image) if picture else ()


def _give_names(rows: list[_Row], highest: int) -> None:
    """A file name of its own for each picture: older claims first, newer ones renumbered."""
    taken: set[str] = set()
    results = [row.result for row in rows if row.result]
    number = max([highest, *(number_of(p.slot.image) + 1 for p in results)])

    def claim(row: _Row) -> tuple[bool, int, str, str]:
        assert row.result
        return row.base is None, row.result.slot.added, row.result.image, row.result.slot.image

    for row in sorted(rows, key=claim):
        assert row.result
        slot = row.result.slot
        name = slot.image
        if name_key(name) in taken:
            name = image_name(number, "." + name.rpartition(".")[2])
            number += 1
        mask = _mask_for(slot, name, taken) if row.result.mask else None
        taken.update(name_key(n) for n in (name, mask) if n)
        row.result = replace(row.result, slot=replace(slot, image=name, mask=mask))


def _mask_for(slot: Slot, name: str, taken: set[str]) -> str:
    wanted = slot.mask if slot.mask and slot.image == name else None
    if wanted and name_key(wanted) not in taken:
        return wanted
    return mask_name(name, taken | {name_key(name)})


def _active(rows: list[_Row], base: Version, ours: Version, theirs: Version) -> int:
    """Where the active picture is: whoever chose another decides; if both did, ours."""

    def chosen(side: str, version: Version) -> _Row | None:
        manifest = version.manifest
        name = manifest.slots[manifest.active].image if manifest.slots else None
        found = (r for r in rows if (p := getattr(r, side)) is not None and p.slot.image == name)
        return next(found, None)

    was = chosen("base", base)
    now = [chosen("ours", ours), chosen("theirs", theirs)]
    changed = [row for row in now if row is not None and row is not was]
    wanted = changed[0] if changed else was
    for index, row in enumerate(rows):
        if row is wanted:
            return index
    return max(0, min(ours.manifest.active, len(rows) - 1))


def _version(rows: Iterable[_Row], active: int, highest: int, extra: Mapping[str, Any]) -> Version:
    pictures = [row.result for row in rows if row.result]
    numbers = [number_of(p.slot.image) + 1 for p in pictures]
    slots = tuple(p.slot for p in pictures)
    manifest = Manifest(slots, active, max([highest, *numbers]), extra)
    return Version(manifest, dict(_files(pictures)))


def _files(pictures: Iterable[Picture]) -> Iterator[tuple[str, str]]:
    for picture in pictures:
        yield picture.slot.image, picture.image
        if picture.slot.mask and picture.mask:
            yield picture.slot.mask, picture.mask
