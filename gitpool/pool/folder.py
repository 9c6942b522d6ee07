"""One pool's folder: reading its manifest, rebuilding a lost one, and every edit of its files.

Callers hold the pool's lock. Each edit leaves the old state or the new one: files that a
manifest will name are written before it, files it no longer names are removed after it.
"""

from __future__ import annotations

import contextlib
import os
import unicodedata
from collections.abc import Callable, Container, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, TypeVar

from ..errors import Conflict, NotAnImage, Unacceptable
from ..identifiers import IMAGE_EXTENSIONS, is_image_name
from . import durable, images, masks
from .content import stat_key
from .manifest import (
    MANIFEST_NAME,
    Manifest,
    Slot,
    image_name,
    is_mask_name,
    mask_name,
    number_of,
    parse_manifest,
)
from .reading import read_file

T = TypeVar("T")
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
        except FileNotFoundError:
            return None

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

    def add(
        self, manifest: Manifest, staged: Path, info: images.ImageInfo, label: str, added: int
    ) -> Manifest:
        """Take the staged image file in as a new slot, byte for byte.

        staged: a file on the same file system, already synced, which is moved. info: what
        `images.verify` found it to be.
        """
        durable.make_folder(self.path)
        number = max(manifest.next_seq, self._highest_number() + 1)
        name = image_name(number, info.extension)
        with self._placed(staged, name):
            return self.save(manifest.add(Slot(name, None, label, added)))

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
        image = manifest.slots[index].image
        name = mask_name(image)
        given = images.decode(staged)
        painted = masks.given(given, lambda: images.as_rgb(images.decode(self.path / image)))
        if mask.extension != ".png" or not masks.is_plain(given, painted):
            with durable.replacing(staged) as file:
                painted.save(file, "PNG")
        with self._placed(staged, name):
            return self.save(manifest.change(index, mask=name))

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
        taken = self._highest_number()
        for name in stray:
            try:
                info = images.check(self.path / name)
            except Exception:  # whatever it is, it stays where it was put
                continue
            number = max(manifest.next_seq, taken + 1)
            proper = number_of(name) >= manifest.next_seq and name == image_name(
                number_of(name), info.extension
            )
            new = name if proper else image_name(number, info.extension)
            label = "" if number_of(name) else _label_of(name)
            if new != name:
                os.rename(self.path / name, self.path / new)
            taken = max(taken, number_of(new))
            mask = self._stray_mask(name, new)
            manifest = manifest.add(Slot(new, mask, label, added))
        return manifest

    @contextlib.contextmanager
    def _placed(self, staged: Path, name: str) -> Iterator[None]:
        """Move a staged file to its place, durably, for a block that has the manifest name it;
        gone again where it doesn't, unless it took another one's place."""
        path = self.path / name
        fresh = not path.exists()
        os.replace(staged, path)
        try:
            durable.sync_folder(self.path)
            yield
        except BaseException:
            saved = self.read()
            if fresh and not (saved and name in saved.file_names()):
                path.unlink(missing_ok=True)
            raise

    def _highest_number(self) -> int:
        return max((number_of(name) for name in self.image_names()), default=0)

    def _stray_mask(self, old: str, new: str) -> str | None:
        source = self.path / mask_name(old)
        if not source.is_file():
            return None
        os.rename(source, self.path / mask_name(new))
        return mask_name(new)

    def _unlink(self, names: set[str]) -> None:
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                (self.path / name).unlink()
        durable.sync_folder(self.path)


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
    for name in names:
        if name not in known:
            mask = mask_name(name) if mask_name(name) in files else None
            slots.append(Slot(name, mask, "", files[name].st_mtime_ns // 1_000_000))
    highest = max((number_of(name) for name in files), default=0)
    return Manifest(
        slots=tuple(slots),
        active=min(remembered.active, max(0, len(slots) - 1)) if remembered else 0,
        next_seq=max(remembered.next_seq if remembered else 1, highest + 1),
    )


def missing_images(manifest: Manifest, files: Container[str]) -> list[str]:
    """The images that the manifest names and the folder has not."""
    return [slot.image for slot in manifest.slots if slot.image not in files]
