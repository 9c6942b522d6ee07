"""One pool's folder: reading its manifest, rebuilding a lost one, and every edit of its files.

Callers hold the pool's lock. Each edit leaves the old state or the new one: files that a
manifest will name are written before it, files it no longer names are removed after it.
"""

from __future__ import annotations

import contextlib
import os
import stat
import unicodedata
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, TypeVar

from ..errors import Conflict, NotAnImage, Unacceptable
from ..identifiers import IMAGE_EXTENSIONS, is_image_name, name_key
from . import durable, images, masks
from .content import stat_key
from .manifest import (
    MANIFEST_NAME,
    Manifest,
    Slot,
    image_name,
    is_mask_name,
    mask_among,
    mask_name,
    number_of,
    parse_manifest,
)
from .reading import read_file

T = TypeVar("T")
_NONE: Mapping[str, str] = {}
# Whoever edits without a pause is waited for no longer than this.
_TRIES = 5


@dataclass(frozen=True)
class PoolFolder:
    """A pool at `path`, which need not exist: a pool that nobody has added to is empty."""

    path: Path

    def image_files(self) -> dict[str, os.stat_result]:
        """Every image and mask file in the folder, by name; links are not followed."""
        prefix, found = f"{self.path}{os.sep}", {}
        for name in self.image_names():
            # Who only reads holds no lock: a file may be removed once its name was read.
            with contextlib.suppress(FileNotFoundError):
                found[name] = os.lstat(prefix + name)
        return found

    def image_names(self) -> list[str]:
        """The same, by name alone, which costs a quarter."""
        return self._file_names(is_image_name)

    def stat(self, name: str) -> os.stat_result | None:
        """A file's stat, or None where there is no such file."""
        try:
            # Asked of every file of a pool, so without a Path of its own.
            return os.stat(f"{self.path}{os.sep}{name}")
        except (FileNotFoundError, NotADirectoryError):
            return None

    def is_own_folder(self, path: str) -> bool:
        """Whether a folder below the pool's own is there, or could be, with no link on the way
        that would lead elsewhere, and no file."""
        steps = path.split("/") if path else []
        for at in range(1, len(steps) + 1):
            try:
                found = os.lstat(os.path.join(self.path, *steps[:at]))
            except FileNotFoundError:
                return True
            if not stat.S_ISDIR(found.st_mode):
                return False
        return True

    def has_room_for(self, path: str) -> bool:
        """Whether a file can be put at a path below the folder."""
        return self.is_own_folder(os.path.dirname(path)) and not os.path.isdir(self.path / path)

    def own_stat(self, path: str) -> os.stat_result | None:
        """The stat of a file at a path below the folder; None where there is none, or where it
        or a folder on the way is a link, which may lead anywhere."""
        steps = path.split("/")
        found = None
        for at in range(1, len(steps) + 1):
            try:
                found = os.lstat(os.path.join(self.path, *steps[:at]))
            except (FileNotFoundError, NotADirectoryError):
                return None
            if at < len(steps) and not stat.S_ISDIR(found.st_mode):
                return None
        return found if found and stat.S_ISREG(found.st_mode) else None

    def dropped_files(self) -> list[str]:
        """Regular files that look like images, whatever their name: somebody put them there."""
        return self._file_names(_looks_like_image)

    def _file_names(self, fits: Callable[[str], bool]) -> list[str]:
        try:
            entries = list(os.scandir(self.path))
        except FileNotFoundError:
            return []
        return [e.name for e in entries if fits(e.name) and e.is_file(follow_symlinks=False)]

    def read(self) -> Manifest | None:
        """The manifest as it is on disk; None where it is missing or corrupt."""
        try:
            data = read_file(self.path / MANIFEST_NAME)
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            return None
        with contextlib.suppress(ValueError):
            return parse_manifest(data)
        return None

    def load(self, remembered: Manifest | None = None) -> Manifest:
        """The manifest, rebuilt from the files where it can't be read. Changes nothing.

        remembered: the newest snapshot's manifest, for what labels and order it has.
        """
        manifest = self.read()
        if manifest is None:
            return rebuild(self.image_files(), remembered)
        return manifest

    def steadily(self, read: Callable[[], T]) -> T:
        """What `read` gives of the folder, for who holds no lock: read again where the manifest
        was changed meanwhile. Files are written before the manifest that names them and removed
        after it, so all that one manifest names was there for as long as it was."""
        for _ in range(_TRIES):
            before = self.stat(MANIFEST_NAME)
            found = read()
            after = self.stat(MANIFEST_NAME)
            if before == after or (before and after and stat_key(before) == stat_key(after)):
                break
        return found

    def save(self, manifest: Manifest) -> Manifest:
        """Write the manifest; a damaged one is kept beside it, for whoever can read it."""
        path = self.path / MANIFEST_NAME
        if path.exists() and self.read() is None:
            durable.set_aside(path)
        durable.write_file(path, manifest.dump())
        return manifest

    def names_for(self, manifest: Manifest, infos: Iterable[images.ImageInfo]) -> list[str]:
        """The names that new images get, in order."""
        first = max(manifest.next_seq, self.highest_number() + 1)
        return [image_name(first + n, info.extension) for n, info in enumerate(infos)]

    def add(
        self, manifest: Manifest, files: Mapping[str, Path], label: str, added: int
    ) -> Manifest:
        """Take image files in as new slots, in order, byte for byte.

        files: by the names that they get; on the same file system, already synced, and moved.
        """
        durable.make_folder(self.path)
        for name in files:
            manifest = manifest.add(Slot(name, None, label, added))
        with self._placed(files):
            return self.save(manifest)

    def remove_all(self, manifest: Manifest, indexes: list[int]) -> Manifest:
        """Remove the slots at these places, and their files."""
        left = manifest
        for index in sorted(indexes, reverse=True):
            left = left.remove(index)
        saved = self.save(left)
        self._unlink(manifest.file_names() - saved.file_names())
        return saved

    def check_mask(self, manifest: Manifest, index: int, staged: Path) -> images.ImageInfo:
        """What the staged file is. Raises Unacceptable where it doesn't fit the slot's image."""
        slot = manifest.slots[index]
        if slot.image not in self.image_files():
            raise Conflict("image_gone", f"The file of “{slot.image}” is gone from the pool.")
        shown = images.probe(self.path / slot.image)
        mask = images.verify(staged)
        if not mask.whole:
            raise NotAnImage(
                "broken_image", "This image is damaged and can't be read whole.", "Export it again."
            )
        if mask.size != shown.size:
            raise Unacceptable(
                "mask_size",
                f"The mask is {mask.width}×{mask.height}, its image {shown.width}×{shown.height}.",
                "Paint the mask on the image itself.",
            )
        return mask

    def set_mask(
        self, manifest: Manifest, index: int, staged: Path, mask: images.ImageInfo
    ) -> Manifest:
        """Take the staged file as the slot's mask; `mask` is what `check_mask` found it to be."""
        name, image = self._mask_name(manifest, index), manifest.slots[index].image
        given = images.decode(staged)
        painted = masks.given(given, lambda: images.as_rgb(images.decode(self.path / image)))
        if mask.extension != ".png" or not masks.is_plain(given, painted):
            with durable.replacing(staged) as file:
                painted.save(file, "PNG")
        with self._placed({name: staged}):
            return self.save(manifest.change(index, mask=name))

    def _mask_name(self, manifest: Manifest, index: int) -> str:
        """The name for a slot's mask: the one it has, unless another slot has it too; else one
        that neither a slot nor a file of the folder has."""
        slot = manifest.slots[index]
        others = [other for place, other in enumerate(manifest.slots) if place != index]
        named = {name_key(n) for s in others for n in (s.image, s.mask) if n}
        if slot.mask and name_key(slot.mask) not in named | {name_key(slot.image)}:
            return slot.mask
        taken = named | {name_key(name) for name in (slot.image, *self.image_names())}
        return mask_name(slot.image, taken)

    def clear_mask(self, manifest: Manifest, index: int) -> Manifest:
        mask = manifest.slots[index].mask
        if mask is None:
            return manifest
        saved = self.save(manifest.change(index, mask=None))
        self._unlink({mask} - saved.file_names())
        return saved

    def become(
        self,
        old: Manifest,
        new: Manifest,
        files: Mapping[str, str],
        copy: Callable[[str, BinaryIO], None],
    ) -> Manifest:
        """Make the pool what `new` says.

        files: those to write first, by name, with the content id that `copy` writes to a file.
        """
        written = set()
        try:
            for name, content_id in files.items():
                with durable.replacing(self.path / name) as file:
                    copy(content_id, file)
                written.add(name)
            saved = self.save(new)
        except BaseException:
            self._unlink(written - old.file_names())
            raise
        self._unlink(old.file_names() - saved.file_names())
        return saved

    def take_in(self, manifest: Manifest, stray: list[str], added: int) -> Manifest:
        """Give image files that somebody dropped into the folder a number and a slot each."""
        taken, moved = self.foresee(manifest, stray, added)
        for new, old in moved.items():
            os.rename(self.path / old, self.path / new)
        return taken

    def foresee(
        self, manifest: Manifest, stray: list[str], added: int, apart: Mapping[str, str] = _NONE
    ) -> tuple[Manifest, dict[str, str]]:
        """The manifest that `take_in` gives, and what files that it renames are called so far,
        by their new names. Changes nothing.

        apart: what files of slots are called so far that `tell_apart` is to rename first.
        """
        so_far = set(apart.values())
        names = [*apart, *(name for name in self.image_names() if name not in so_far)]
        taken, moved = max(map(number_of, names), default=0), {}
        named = {name_key(name) for name in manifest.file_names()}
        masks = {n for n in names if is_mask_name(n) and n not in manifest.file_names()}
        for name in stray:
            try:
                info = images.check(self.path / name)
            except Exception:  # whatever it is, it stays where it was put
                continue
            number = max(manifest.next_seq, taken + 1)
            usual = image_name(number_of(name), info.extension)
            proper = number_of(name) >= manifest.next_seq and name == usual
            new = (
                name
                if proper and name_key(name) not in named
                else image_name(number, info.extension)
            )
            label = "" if name == usual else _label_of(name)
            taken = max(taken, number_of(new))
            mask, old = _mask_for(masks, named, name, new)
            moved |= {new: name, **({mask: old} if mask and old else {})}
            named |= {name_key(n) for n in (new, mask) if n}
            manifest = manifest.add(Slot(new, mask, label, added))
        return manifest, {new: old for new, old in moved.items() if new != old}

    def tell_apart(self, manifest: Manifest) -> Manifest:
        """Give files of slots whose names differ in case alone, which some disks can't hold
        beside each other, names that don't. What had the name first keeps it."""
        told, moved = self.foresee_apart(manifest)
        if told is manifest:
            return manifest
        for new, old in moved.items():
            with contextlib.suppress(FileExistsError):
                durable.link_or_copy(self.path / old, self.path / new)
        told = self.save(told)
        self._unlink(set(moved.values()) - told.file_names())
        return told

    def foresee_apart(self, manifest: Manifest) -> tuple[Manifest, dict[str, str]]:
        """The manifest that `tell_apart` gives, and what files that it renames are called so
        far, by their new names. Changes nothing."""
        names = [name for slot in manifest.slots for name in (slot.image, slot.mask) if name]
        if all(map(str.isascii, names)) and len(set(map(str.lower, names))) == len(set(names)):
            return manifest, {}
        keys: set[str] = set()
        slots, moved, number = [], {}, max(manifest.next_seq, self.highest_number() + 1)
        for slot in manifest.slots:
            image, mask = slot.image, slot.mask
            if name_key(image) in keys:
                image, number = image_name(number, os.path.splitext(image)[1]), number + 1
            if mask and (image != slot.image or name_key(mask) in keys):
                mask = mask_name(image, keys | {name_key(image)})
            keys |= {name_key(name) for name in (image, mask) if name}
            moved |= {
                new: old for old, new in ((slot.image, image), (slot.mask, mask)) if old and new
            }
            slots.append(replace(slot, image=image, mask=mask))
        moved = {new: old for new, old in moved.items() if old != new}
        return replace(manifest, slots=tuple(slots), next_seq=number), moved

    @contextlib.contextmanager
    def _placed(self, files: Mapping[str, Path]) -> Iterator[None]:
        """Move staged files to their places, durably, for a block that has the manifest name
        them; gone again where it doesn't, unless they took another one's place."""
        fresh: set[str] = set()
        try:
            for name, staged in files.items():
                path = self.path / name
                if not path.exists():
                    fresh.add(name)
                durable.replace(staged, path)
            durable.sync_folder(self.path)
            yield
        except BaseException:
            saved = self.read()
            for name in fresh - (saved.file_names() if saved else frozenset()):
                (self.path / name).unlink(missing_ok=True)
            raise

    def highest_number(self) -> int:
        """The highest number in a name in the folder, whatever goes by that name; or 0."""
        try:
            return max(map(number_of, os.listdir(self.path)), default=0)
        except FileNotFoundError:
            return 0

    def _unlink(self, names: set[str]) -> None:
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                (self.path / name).unlink()
        durable.sync_folder(self.path)


def _mask_for(
    masks: set[str], named: set[str], image: str, new: str
) -> tuple[str | None, str | None]:
    """The mask that came with an image which gets a new name, out of those that no slot has:
    its own new name, and the one so far."""
    mask = mask_among(image, masks)
    if mask is None:
        return None, None
    masks.discard(mask)
    if new == image:
        return mask, mask
    return mask_name(new, named | {name_key(n) for n in masks}), mask


def _looks_like_image(name: str) -> bool:
    return name.lower().endswith(IMAGE_EXTENSIONS) and not name.startswith(".")


def _label_of(name: str) -> str:
    stem = name.rpartition(".")[0].encode("utf-8", "replace").decode("utf-8")
    return "".join(c for c in unicodedata.normalize("NFC", stem) if c.isprintable())


def rebuild(files: dict[str, os.stat_result], remembered: Manifest | None) -> Manifest:
    """A manifest for these files, with the labels, masks and order that `remembered` has."""
    names = sorted((n for n in files if not is_mask_name(n)), key=lambda n: (number_of(n), n))
    slots = []
    if remembered:
        slots = [slot for slot in remembered.slots if slot.image in files]
        slots = [s if s.mask in files else replace(s, mask=None) for s in slots]
    known = {slot.image for slot in slots}
    free = set(files) - {slot.mask for slot in slots}
    for name in names:
        if name not in known:
            mask = mask_among(name, free)
            free.discard(mask or "")
            added = max(0, files[name].st_mtime_ns // 1_000_000)
            slots.append(Slot(name, mask, "", added))
    highest = max((number_of(name) for name in files), default=0)
    return Manifest(
        slots=tuple(slots),
        active=min(remembered.active, max(0, len(slots) - 1)) if remembered else 0,
        next_seq=max(remembered.next_seq if remembered else 1, highest + 1),
        extra=remembered.extra if remembered else {},
    )


def missing_images(manifest: Manifest, files: Container[str]) -> list[str]:
    """The images that the manifest names and the folder has not."""
    return [slot.image for slot in manifest.slots if slot.image not in files]
