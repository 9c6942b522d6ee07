"""Editing a pool, profile or plain: what the grid does."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import GitPoolError, Malformed, NotFound
from ..identifiers import check_id, check_image_name, check_text
from ..pool.content import version_of
from ..pool.early_ends import EarlyEnds
from ..pool.folder import PoolFolder
from ..pool.images import ImageInfo, verify
from ..pool.lfs_pointer import LONGEST
from ..pool.manifest import LABEL_LIMIT, Manifest
from ..pool.threads import each
from .edits import Edit, step
from .library import Library, OpenPool


class Pools:
    """The grid's operations. Each answers with the manifest as the page gets it."""

    def __init__(self, library: Library, early_ends: EarlyEnds) -> None:
        self._library = library
        self._early_ends = early_ends

    def list(self, pool_id: str) -> dict[str, Any]:
        """The manifest. Changes nothing; a pool that nobody has added to is empty."""
        folder, manifest = self._library.folder(pool_id), self._library.manifest
        return folder.steadily(lambda: self._answer(pool_id, folder, manifest(pool_id)))

    def add(
        self, pool_id: str, staged: Path, added: int, label: str = "", batch: object = ""
    ) -> dict[str, Any]:
        """Add an image from a staged file, which is moved. Otherwise like `add_all`."""
        return self.add_all(pool_id, [("", staged)], added, label, batch)

    def add_all(
        self,
        pool_id: str,
        staged: Sequence[tuple[str, Path | GitPoolError]],
        added: int,
        label: str = "",
        batch: object = "",
    ) -> dict[str, Any]:
        """Add images from staged files, which are moved: all in one step, in order. What isn't
        taken is named in `left_out`; where nothing is, raises what the first was refused for.

        staged: what each was called, and where it is, or why it didn't come. batch: a word of the
        caller's; what is added under it, time after time, is undone at once.
        """
        label = check_text(label, "label", LABEL_LIMIT)
        word = check_id(batch, "batch") if batch else ""
        self._library.folder(pool_id)
        found = each(_verified, [file for _, file in staged])
        taken = [one for one in found if not isinstance(one, GitPoolError)]
        refused = [
            (name, error)
            for (name, _), error in zip(staged, found, strict=True)
            if isinstance(error, GitPoolError)
        ]
        if not taken:
            raise refused[0][1]
        with self._editing(pool_id, "add", word) as edit:
            _add(edit, taken, label, added)
        self._note_early_ends(edit, [info for _, info in taken])
        left_out = [{"name": name, "why": error.message} for name, error in refused]
        said = self._done(edit.pool, edit.manifest)
        return {**said, "left_out": left_out} if left_out else said

    def remove(self, pool_id: str, index: int, image: object = None) -> dict[str, Any]:
        with self._editing(pool_id, "delete") as edit:
            _remove(edit, [edit.pool.manifest.position(index, image)])
        return self._done(edit.pool, edit.manifest)

    def remove_images(self, pool_id: str, images: object) -> dict[str, Any]:
        """Remove several images at once, by name."""
        named = isinstance(images, list) and all(isinstance(name, str) for name in images)
        if not named or not images or len(set(images)) != len(images):
            raise Malformed("bad_images", "“images” must be a list of file names.")
        with self._editing(pool_id, "delete") as edit:
            manifest = edit.pool.manifest
            places = {slot.image: i for i, slot in enumerate(manifest.slots)}
            for image in images:
                manifest.position(places.get(image, len(places)), image)
            _remove(edit, [places[name] for name in images])
        return self._done(edit.pool, edit.manifest)

    def activate(self, pool_id: str, index: int, image: object = None) -> dict[str, Any]:
        """Choose the active image."""
        with self._library.edit(pool_id) as pool:
            index = pool.manifest.position(index, image)
            manifest = pool.folder.save(pool.manifest.activate(index))
        return self._done(pool, manifest)

    def label(
        self, pool_id: str, index: int, label: object, image: object = None
    ) -> dict[str, Any]:
        text = check_text(label, "label", LABEL_LIMIT)
        with self._editing(pool_id, "label") as edit:
            manifest = edit.pool.manifest
            index = manifest.position(index, image)
            edit.done(edit.pool.folder.save(manifest.change(index, label=text)))
        return self._done(edit.pool, edit.manifest)

    def set_mask(
        self, pool_id: str, index: int, staged: Path | None, image: object = None
    ) -> dict[str, Any]:
        """Take a staged file as the slot's mask; None clears it."""
        with self._editing(pool_id, "mask") as edit:
            folder, manifest = edit.pool.folder, edit.pool.manifest
            index = manifest.position(index, image)
            # Refused before anything is kept of what it would have replaced.
            info = folder.check_mask(manifest, index, staged) if staged else None
            edit.losing([manifest.slots[index].mask])
            if staged and info:
                edit.done(folder.set_mask(manifest, index, staged, info))
            else:
                edit.done(folder.clear_mask(manifest, index))
        return self._done(edit.pool, edit.manifest)

    def ends_early(self, content_id: str, size: int, pool_id: str | None = None) -> None:
        """Keep in mind that an image of this content ends early, and tell who looks at a pool."""
        if self._early_ends.note(content_id, size) and pool_id:
            self._library.changed(pool_id)

    def reorder(self, pool_id: str, order: object) -> dict[str, Any]:
        if not isinstance(order, list) or any(
            isinstance(i, bool) or not isinstance(i, int) for i in order
        ):
            raise Malformed("bad_order", "The order must be a list of whole numbers.")
        with self._editing(pool_id, "reorder") as edit:
            edit.done(edit.pool.folder.save(edit.pool.manifest.reorder(order)))
        return self._done(edit.pool, edit.manifest)

    def undo(self, pool_id: str) -> dict[str, Any]:
        """Take the newest edit back that still has an effect. Raises Conflict."""
        return self._step(pool_id, back=True)

    def redo(self, pool_id: str) -> dict[str, Any]:
        """Make the edit again that was undone last. Raises Conflict."""
        return self._step(pool_id, back=False)

    def file(self, pool_id: str, name: object) -> Path:
        """The path of an image or mask of a pool. Raises NotFound."""
        path = self._library.folder(pool_id).path / check_image_name(name)
        if path.is_symlink() or not path.is_file():
            raise NotFound("unknown_image", "There is no such image in the pool.")
        return path

    @contextlib.contextmanager
    def _editing(self, pool_id: str, kind: str, batch: str = "") -> Iterator[Edit]:
        with self._library.edit(pool_id, new=kind == "add") as pool:
            yield Edit(pool, kind, self._library.now(), batch)

    def _step(self, pool_id: str, back: bool) -> dict[str, Any]:
        with self._library.edit(pool_id) as pool:
            done = step(pool, back, self._library.now())
        said = {"kind": done.kind, "images": list(done.images), "count": len(done.images)}
        return {**self._done(pool, done.manifest), "undone" if back else "redone": said}

    def _done(self, pool: OpenPool, manifest: Manifest) -> dict[str, Any]:
        self._library.edited(pool.id)
        self._library.changed(pool.id)
        return self._answer(pool.id, pool.folder, manifest)

    def _answer(self, pool_id: str, folder: PoolFolder, manifest: Manifest) -> dict[str, Any]:
        files = folder.image_files()
        raw, contents = answer(files, manifest), self._library.contents
        early = self._early_ends.among(files, lambda names: contents.of(folder.path, names))
        images = (slot.image for slot in manifest.slots)
        odd = {name: stat for name in images if _may_be_a_pointer(stat := files.get(name))}
        kept = self._library.in_lfs(pool_id, odd) if odd else set()
        for slot in raw["slots"] if early or kept else ():
            for word, names in (("ends_early", early), ("lfs", kept)):
                if slot["image"] in names:
                    slot[word] = True
        return {**raw, "undo": self._library.journal(pool_id).summary()}

    def _note_early_ends(self, edit: Edit, added: Sequence[ImageInfo]) -> None:
        slots = edit.manifest.slots[-len(added) :]
        for slot, info in zip(slots, added, strict=True):
            if not info.whole:
                path = edit.pool.folder.path / slot.image
                with contextlib.suppress(FileNotFoundError):
                    self.ends_early(self._library.contents.one(path), path.stat().st_size)


def _may_be_a_pointer(stat: os.stat_result | None) -> bool:
    """Whether a file is gone or so small that Git LFS may keep what it stands for."""
    return stat is None or stat.st_size <= LONGEST


def _verified(file: Path | GitPoolError) -> tuple[Path, ImageInfo] | GitPoolError:
    if isinstance(file, GitPoolError):
        return file
    try:
        return file, verify(file)
    except GitPoolError as error:
        return error


def _add(edit: Edit, taken: list[tuple[Path, ImageInfo]], label: str, added: int) -> None:
    folder, manifest = edit.pool.folder, edit.pool.manifest
    names = folder.names_for(manifest, [info for _, info in taken])
    files = dict(zip(names, (path for path, _ in taken), strict=True))
    # One alone, if a crash leaves it, is all of them.
    with edit.pool.adding(files) if len(files) > 1 else contextlib.nullcontext():
        edit.done(folder.add(manifest, files, label, added))


def _remove(edit: Edit, indexes: list[int]) -> None:
    manifest = edit.pool.manifest
    slots = [manifest.slots[index] for index in indexes]
    edit.losing(name for slot in slots for name in (slot.image, slot.mask))
    edit.done(edit.pool.folder.remove_all(manifest, indexes))


def answer(files: Mapping[str, os.stat_result], manifest: Manifest) -> dict[str, Any]:
    """The manifest as the page gets it: each slot also says the version of its files, for the
    thumbnails' addresses, as `image_v` and `mask_v`; null where a file is missing."""
    raw = manifest.as_json()
    for slot in raw["slots"]:
        for key in ("image", "mask"):
            stat = files.get(slot[key]) if slot[key] else None
            slot[f"{key}_v"] = version_of(stat) if stat else None
    return raw
