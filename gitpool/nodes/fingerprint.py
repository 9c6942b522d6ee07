"""Words for content: they differ where content does."""

from __future__ import annotations

import hashlib

from ..profiles.runs import PoolView


def content_of(view: PoolView, name: str | None) -> str:
    """The content id of a pool's file; "-" where there is none."""
    return view.blobs.get(name, "-") if name else "-"


def fingerprint(view: PoolView) -> str:
    """A word for a pool's whole content: images, masks, labels, order and active image."""
    digest = hashlib.sha256(str(view.manifest.active).encode())
    for slot in view.manifest.slots:
        digest.update(repr(slot.label).encode())
        for name in (slot.image, slot.mask):
            digest.update(f"{content_of(view, name)}|".encode())
    return digest.hexdigest()[:32]
