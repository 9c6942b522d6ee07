"""Words for content: they differ where content does."""

from __future__ import annotations

import hashlib

from ..pool.manifest import Manifest
from ..profiles.views import PoolView

_last: dict[str, tuple[Manifest, dict[str, str], str]] = {}


def content_of(view: PoolView, name: str | None) -> str:
    """The content id of a pool's file; "-" where there is none."""
    return view.blobs.get(name, "-") if name else "-"


def fingerprint(view: PoolView) -> str:
    """A word for a pool's whole content: images, masks, labels, order and active image."""
    manifest, blobs, word = _last.get(view.pool_id, (None, None, ""))
    # Most runs find the pool as the one before did.
    if manifest is view.manifest and blobs == view.blobs:
        return word
    word = _fingerprint(view)
    _last[view.pool_id] = view.manifest, view.blobs, word
    return word


def _fingerprint(view: PoolView) -> str:
    words = [str(view.manifest.active)]
    for slot in view.manifest.slots:
        content, mask = content_of(view, slot.image), content_of(view, slot.mask)
        words.append(f"{slot.label!r}{content}|{mask}|")
    return hashlib.sha256("".join(words).encode()).hexdigest()[:32]
