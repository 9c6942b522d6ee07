"""A pool from a zip, read with distrust: one that Git Pool or an earlier node wrote, one that was
unpacked and packed again, or images alone.

A zip that would cost or reach too much is refused whole. What else can't be taken is left out,
file by file, and named; only where nothing is left the zip is refused for that.
"""

from __future__ import annotations

import functools
import json
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..errors import GitPoolError, NotAnImage, TooLarge
from ..pool import images
from ..pool.manifest import MANIFEST_NAME, Manifest, Slot, parse_manifest
from ..pool.threads import each
from .zip_layout import Layout, LeftOut, arrange, bad

_MAX_ENTRIES = 50_000
# Bytes of a zip's own list of its files: 125 for each of the most there may be.
_MAX_DIRECTORY = 6 << 20
_LONGEST_END = 22 + 0xFFFF
_MAX_META = 1 << 20
_MAX_MANIFEST = 64 << 20
_MAX_RATIO = 200
_CHUNK = 1 << 20
_ENCRYPTED = 0x1
# What zipfile raises of an entry that isn't sound.
_UNSOUND = (
    zipfile.BadZipFile,
    zipfile.LargeZipFile,
    NotImplementedError,
    EOFError,
    RuntimeError,
    ValueError,
    OverflowError,
    zlib.error,
    struct.error,
)


@dataclass(frozen=True)
class Unpacked:
    """What came of a zip: the name that it says, and what was left out of it."""

    name: Any
    left_out: list[dict[str, str]]


def unpack_zip(path: Path, target: Path) -> Unpacked:
    """Unpack the pool that is in a zip into the folder `target`.

    All of it is checked by the directory's headers first; then each file is inflated with its
    size as the bound, and its header read as an image. Raises Unacceptable or TooLarge.
    """
    said = _check_directory(path)
    try:
        archive = zipfile.ZipFile(path)
    except _UNSOUND as error:
        raise bad("it is damaged") from error
    with archive:
        infos = archive.infolist()
        if said not in (None, len(infos)):
            raise bad("its list of files is damaged")
        _check_whole(infos, path.stat().st_size)
        layout = arrange(infos, lambda info: _is_list(archive, info))
        return _Unpacking(archive, layout, target).done()


def _check_directory(path: Path) -> int | None:
    """How many files the zip says there are, where it says so plainly. Raises TooLarge where the
    list of them alone is too much to be read: it takes many times its size in memory."""
    with open(path, "rb") as file:
        file.seek(max(0, path.stat().st_size - _LONGEST_END))
        end = file.read()
    at = end.rfind(b"PK\x05\x06")
    if at < 0 or at + 16 > len(end):
        return None
    count, size = struct.unpack_from("<HI", end, at + 10)
    # These stand for numbers that are too large for this place, and stand in another.
    plain = count != 0xFFFF
    if (plain and count > _MAX_ENTRIES) or _MAX_DIRECTORY < size != 0xFFFFFFFF:
        raise TooLarge("too_large", "This file holds too many images.")
    return count if plain else None


def _check_whole(infos: list[zipfile.ZipInfo], size: int) -> None:
    if len(infos) > _MAX_ENTRIES:
        raise TooLarge("too_large", "This file holds too many images.")
    if sum(info.file_size for info in infos) > _MAX_RATIO * size + (64 << 20):
        raise TooLarge("too_large", "This file unpacks to more than can be taken in.")
    end = 0
    for info in sorted(infos, key=lambda i: i.header_offset):
        if info.header_offset < end or info.header_offset + info.compress_size > size:
            raise bad("its files overlap")
        end = info.header_offset + 30 + info.compress_size


class _Unpacking:
    """Takes the files of a layout, and makes the list of images fit what was taken."""

    def __init__(self, archive: zipfile.ZipFile, layout: Layout, target: Path) -> None:
        self._archive, self._layout, self._target = archive, layout, target
        self._left_out: LeftOut = layout.left_out

    def done(self) -> Unpacked:
        name, described = self._name()
        listed = self._listed()
        wanted = self._layout.images
        failures = each(functools.partial(_take, self._archive, self._target), wanted.items())
        failed = dict(zip(wanted, failures, strict=True))
        shown = {new: old for old, new in self._layout.names.items()}
        for new, error in failed.items():
            if error:
                self._left_out.note(shown.get(new, new), _why(error))
        taken = {new for new, error in failed.items() if error is None}
        promised = bool(wanted or (listed and listed[0].slots))
        if not taken and (promised or (listed is None and not described)):
            raise self._nothing(list(filter(None, failures)))
        if listed:
            self._write_list(*listed, taken)
        return Unpacked(name, self._left_out.as_json())

    def _name(self) -> tuple[Any, bool]:
        """The name that the description says, and whether there is one that can be read."""
        if self._layout.meta is None:
            return None, False
        data = _read(self._archive, self._layout.meta, _MAX_META)
        try:
            raw = json.loads((data or b"").decode("utf-8-sig"))
        except (ValueError, RecursionError):
            raw = None
        if not isinstance(raw, dict):
            self._left_out.note(self._layout.meta.filename, "it is damaged")
            return None, False
        return raw.get("name"), True

    def _listed(self) -> tuple[Manifest, bytes | None] | None:
        """The manifest in this layout's names, and its bytes where they say just that."""
        info = self._layout.manifest
        if info is None:
            return None
        data = _read(self._archive, info, _MAX_MANIFEST)
        raw = _as_list(data)
        if raw is None or data is None:
            self._left_out.note(MANIFEST_NAME, "it is damaged; the list was made anew")
            return None
        changed = False
        for slot in filter(_is_object, raw["slots"]):
            for key in ("image", "mask"):
                said = slot.get(key)
                new = self._layout.name_of(said) if isinstance(said, str) else None
                if new and new != said:
                    slot[key], changed = new, True
        manifest = parse_manifest(json.dumps(raw).encode() if changed else data)
        self._note_odd(raw["slots"], manifest)
        return manifest, None if changed else data

    def _note_odd(self, slots: list[Any], manifest: Manifest) -> None:
        """Tell of slots that are none."""
        fit, seen = {slot.image for slot in manifest.slots}, set()
        for number, slot in enumerate(slots, 1):
            image = slot.get("image") if _is_object(slot) else None
            if not isinstance(image, str) or image not in fit:
                said = image if isinstance(image, str) and image else f"slot {number}"
                self._left_out.note(said, "the list doesn't name an image there")
            elif image in seen:
                self._left_out.note(f"{image} (slot {number})", "it is listed twice")
            else:
                seen.add(image)

    def _write_list(self, manifest: Manifest, data: bytes | None, taken: set[str]) -> None:
        slots: list[Slot] = []
        active, was = 0, {new: old for old, new in self._layout.names.items()}
        for index, slot in enumerate(manifest.slots):
            if index == manifest.active:
                active = len(slots)
            for name in (slot.image, slot.mask):
                if name and name not in taken:
                    self._left_out.note(was.get(name, name), "its file isn't in the zip")
            if slot.image in taken:
                slots.append(slot if slot.mask in taken else replace(slot, mask=None))
        active = max(0, min(active, len(slots) - 1))
        fitted = replace(manifest, slots=tuple(slots), active=active)
        if data is None or fitted != manifest:
            data = fitted.dump()
        (self._target / MANIFEST_NAME).write_bytes(data)

    def _nothing(self, failures: list[GitPoolError]) -> GitPoolError:
        """Why nothing of the zip can be taken."""
        large = [error for error in failures if isinstance(error, TooLarge)]
        if large:
            return large[0]
        if self._left_out.reasons:
            name, why = next(iter(self._left_out.reasons.items()))
            return bad(f"there is no image in it that can be taken. “{name[:60]}”: {why}")
        return bad("there is no pool in it")


def _take(
    archive: zipfile.ZipFile, target: Path, wanted: tuple[str, zipfile.ZipInfo]
) -> GitPoolError | None:
    """Unpack an image; gives why it can't be one, and leaves nothing of it then."""
    name, info = wanted
    path = target / name
    try:
        _check_entry(info, images.MAX_FILE_BYTES)
        _extract(archive, info, path)
        images.check(path)
    except (NotAnImage, TooLarge, _Unsound) as error:
        path.unlink(missing_ok=True)
        return error
    return None


def _check_entry(info: zipfile.ZipInfo, limit: int) -> None:
    if info.flag_bits & _ENCRYPTED:
        raise _Unsound("it is encrypted")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise _Unsound("its compression isn't supported")
    if info.file_size > limit:
        raise TooLarge("too_large", "A file in it is too large.")


def _extract(archive: zipfile.ZipFile, info: zipfile.ZipInfo, target: Path) -> None:
    with open(target, "xb") as file:
        for piece in _pieces(archive, info):
            file.write(piece)


def _read(archive: zipfile.ZipFile, info: zipfile.ZipInfo, limit: int) -> bytes | None:
    """A small file's bytes; None where they can't be read. Raises TooLarge: nothing that lists
    or describes a pool is as long as that by mishap."""
    try:
        _check_entry(info, limit)
        return b"".join(_pieces(archive, info))
    except _Unsound:
        return None


def _pieces(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Iterator[bytes]:
    """An entry's bytes, no more of them in memory than are given at a time."""
    left = info.file_size
    try:
        with archive.open(info) as source:
            while piece := source.read(_CHUNK):
                left -= len(piece)
                yield piece
    except _UNSOUND as error:
        raise _Unsound("it is damaged") from error
    if left:
        raise _Unsound("it is damaged")


def _as_list(data: bytes | None) -> dict[str, Any] | None:
    """A manifest's JSON; None where it can't be one at all."""
    try:
        raw = json.loads((data or b"").decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return None
    return raw if isinstance(raw, dict) and isinstance(raw.get("slots"), list) else None


def _is_list(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bool:
    return _as_list(_read(archive, info, _MAX_MANIFEST)) is not None


def _is_object(slot: Any) -> bool:
    return isinstance(slot, dict)


class _Unsound(GitPoolError):
    """An entry that can't be taken as it is."""

    def __init__(self, why: str) -> None:
        super().__init__("bad_archive", why)


def _why(error: GitPoolError) -> str:
    if isinstance(error, NotAnImage):
        return "it isn't an image that can be read"
    return "it is too large" if isinstance(error, TooLarge) else error.message
