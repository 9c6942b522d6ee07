"""Pictures that Git LFS keeps elsewhere: a snapshot then holds a pointer in place of each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ..errors import Damaged
from ..pool.lfs_pointer import LONGEST, is_lfs_pointer
from .objects import ObjectStore


def kept_in_lfs(objects: ObjectStore, blobs: Mapping[str, str], names: Iterable[str]) -> set[str]:
    """Those of the names whose blob is a pointer; no picture is read for it."""
    return {name for name in names if name in blobs and _is_pointer(objects, blobs[name])}


def _is_pointer(objects: ObjectStore, blob: str) -> bool:
    try:
        return objects.is_small(blob, LONGEST) and is_lfs_pointer(objects.read_raw(blob)[1])
    except Damaged:
        return False
