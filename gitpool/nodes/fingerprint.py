"""Words for content: they differ where content does, and cost no reading of what is known."""

from __future__ import annotations

import hashlib

from ..identifiers import check_id
from ..pool.folder import PoolFolder
from ..service import Service


def content_of(service: Service, folder: PoolFolder, name: str | None) -> str:
    """The content id of a pool's file; "-" where there is none."""
    if name is None:
        return "-"
    path = folder.path / name
    return service.library.contents.of(path) if path.is_file() and not path.is_symlink() else "-"


def fingerprint(service: Service, pool: str) -> str:
    """A word for a pool's whole content: images, masks, labels, order and active image."""
    folder = service.library.folder(check_id(pool))
    manifest = service.library.manifest(pool)
    digest = hashlib.sha256(str(manifest.active).encode())
    for slot in manifest.slots:
        digest.update(repr(slot.label).encode())
        for name in (slot.image, slot.mask):
            digest.update(f"{content_of(service, folder, name)}|".encode())
    return digest.hexdigest()[:32]
