"""Of what type a packed object is, told from headers alone: no image is inflated for it.

Format: https://git-scm.com/docs/gitformat-pack (version 2): a delta is of its base's type.
"""

from __future__ import annotations

import mmap
from collections.abc import Callable
from pathlib import Path

from dulwich.object_format import DEFAULT_OBJECT_FORMAT
from dulwich.objects import ObjectID, RawObjectID
from dulwich.pack import PackIndex, load_pack_index

from .pack_head import read_head

_DEEPEST = 10_000


def kinds_of(pack: Path) -> dict[str, int]:
    """Every object's type number in a pack that has been examined, by id.

    Raises ValueError where a delta leads nowhere.
    """
    index = load_pack_index(str(pack.with_suffix(".idx")), DEFAULT_OBJECT_FORMAT)
    try:
        offsets = {bytes(sha): offset for sha, offset, _ in index.iterentries()}
    finally:
        index.close()
    with open(pack, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        return {sha.hex(): kind_at(data, at, offsets.get) for sha, at in offsets.items()}


def kind_in(pack: Path, object_id: str, index: PackIndex) -> int:
    """One object's type number. Raises ValueError or KeyError where that can't be told."""

    def find(sha: bytes) -> int | None:
        return index.object_offset(RawObjectID(sha))

    with open(pack, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        return kind_at(data, index.object_offset(ObjectID(object_id.encode())), find)


def kind_at(data: mmap.mmap, offset: int, find: Callable[[bytes], int | None]) -> int:
    """The type number of the object at an offset. find: another object's offset by binary id."""
    for _ in range(_DEEPEST):
        head = read_head(data, offset)
        if head.base is None:
            return head.type_num
        base = offset - head.base if isinstance(head.base, int) else find(head.base)
        if base is None or base < 0:
            break
        offset = base
    raise ValueError("a delta that leads nowhere")
