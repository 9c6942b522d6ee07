"""Editing a pool, profile or plain: what the grid does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..errors import Malformed, NotFound
from ..identifiers import check_image_name, check_text
from ..pool.content import version_of
from ..pool.folder import PoolFolder
from ..pool.manifest import LABEL_LIMIT, Manifest
from .library import Library


class Pools:
    """The grid's operations. Each answers with the manifest as the page gets it."""

    def __init__(self, library: Library) -> None:
        self._library = library

    def list(self, pool_id: str) -> dict[str, Any]:
        """The manifest. Changes nothing; a pool that nobody has added to is empty."""
        return answer(self._library.folder(pool_id), self._library.manifest(pool_id))

    def add(self, pool_id: str, staged: Path, added: int, label: str = "") -> dict[str, Any]:
        """Add an image from a staged file, which is moved."""
        label = check_text(label, "label", LABEL_LIMIT)
        with self._library.edit(pool_id) as pool:
            manifest = pool.folder.add(pool.manifest, staged, label, added)
        return self._done(pool_id, pool.folder, manifest)

    def remove(self, pool_id: str, index: int, image: object = None) -> dict[str, Any]:
        with self._library.edit(pool_id) as pool:
            index = pool.manifest.position(index, image)
            slot = pool.manifest.slots[index]
            names = [name for name in (slot.image, slot.mask) if name]
            pool.protect(names, self._library.now())
            manifest = pool.folder.remove_all(pool.manifest, [index])
        return self._done(pool_id, pool.folder, manifest)

    def remove_images(self, pool_id: str, images: object) -> dict[str, Any]:
        """Remove several images at once, by name. For a profile the answer's `undo` says which
        snapshot has them: `{"snapshot", "images"}`, as `restore` takes them."""
        named = isinstance(images, list) and all(isinstance(name, str) for name in images)
        if not named or not images or len(set(images)) != len(images):
            raise Malformed("bad_images", "“images” must be a list of file names.")
        with self._library.edit(pool_id) as pool:
            places = {slot.image: i for i, slot in enumerate(pool.manifest.slots)}
            for image in images:
                pool.manifest.position(places.get(image, len(places)), image)
            snapshot = pool.keep(self._library.now())
            manifest = pool.folder.remove_all(pool.manifest, [places[name] for name in images])
        answered = self._done(pool_id, pool.folder, manifest)
        if snapshot:
            answered["undo"] = {"snapshot": snapshot, "images": images}
        return answered

    def activate(self, pool_id: str, index: int, image: object = None) -> dict[str, Any]:
        """Choose the active image."""
        with self._library.edit(pool_id) as pool:
            index = pool.manifest.position(index, image)
            manifest = pool.folder.save(pool.manifest.activate(index))
        return self._done(pool_id, pool.folder, manifest)

    def label(
        self, pool_id: str, index: int, label: object, image: object = None
    ) -> dict[str, Any]:
        text = check_text(label, "label", LABEL_LIMIT)
        with self._library.edit(pool_id) as pool:
            index = pool.manifest.position(index, image)
            manifest = pool.folder.save(pool.manifest.change(index, label=text))
        return self._done(pool_id, pool.folder, manifest)

    def set_mask(
        self, pool_id: str, index: int, staged: Path | None, image: object = None
    ) -> dict[str, Any]:
        """Take a staged file as the slot's mask; None clears it."""
        with self._library.edit(pool_id) as pool:
            index = pool.manifest.position(index, image)
            old = pool.manifest.slots[index].mask
            if old:
                pool.protect([old], self._library.now())
            if staged is None:
                manifest = pool.folder.clear_mask(pool.manifest, index)
            else:
                manifest = pool.folder.set_mask(pool.manifest, index, staged)
        return self._done(pool_id, pool.folder, manifest)

    def reorder(self, pool_id: str, order: object) -> dict[str, Any]:
        if not isinstance(order, list) or any(
            isinstance(i, bool) or not isinstance(i, int) for i in order
        ):
            raise Malformed("bad_order", "The order must be a list of whole numbers.")
        with self._library.edit(pool_id) as pool:
            manifest = pool.folder.save(pool.manifest.reorder(order))
        return self._done(pool_id, pool.folder, manifest)

    def file(self, pool_id: str, name: object) -> Path:
        """The path of an image or mask of a pool. Raises NotFound."""
        path = self._library.folder(pool_id).path / check_image_name(name)
        if path.is_symlink() or not path.is_file():
            raise NotFound("unknown_image", "There is no such image in the pool.")
        return path

    def _done(self, pool_id: str, folder: PoolFolder, manifest: Manifest) -> dict[str, Any]:
        self._library.edited(pool_id)
        self._library.changed(pool_id)
        return answer(folder, manifest)


def answer(folder: PoolFolder, manifest: Manifest) -> dict[str, Any]:
    """The manifest as the page gets it: each slot also says the version of its files, for the
    thumbnails' addresses, as `image_v` and `mask_v`; null where a file is missing."""
    files = folder.image_files()
    raw = manifest.as_json()
    for slot in raw["slots"]:
        for key in ("image", "mask"):
            stat = files.get(slot[key]) if slot[key] else None
            slot[f"{key}_v"] = version_of(stat) if stat else None
    return raw
