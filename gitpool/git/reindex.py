"""Packs whose index is lost or damaged: as long as the pack itself is sound, it gets a new one."""

from __future__ import annotations

import contextlib
from collections import defaultdict
from pathlib import Path

from dulwich.object_format import DEFAULT_OBJECT_FORMAT
from dulwich.pack import load_pack_index

from ..errors import GitPoolError
from ..pool import durable
from .pack import TEMP_PACK
from .pack_examine import PackedObject, examine_pack, index_pack
from .repository import Repository

_MOST_BYTES = 1 << 50


def reindex(repo: Repository) -> None:
    """Give every sound pack an index that git can read; costs little where all have one."""
    for pack in packs_of(repo):
        if entries_of(pack.with_suffix(".idx")) is None and (objects := examined(pack)) is not None:
            repo.objects.close()
            index_anew(pack, objects)


def packs_of(repo: Repository) -> list[Path]:
    """The files of the packs that are there."""
    found = sorted((repo.objects.folder / "pack").glob("*.pack"))
    return [pack for pack in found if not pack.name.startswith(TEMP_PACK) and pack.is_file()]


def examined(pack: Path) -> list[PackedObject] | None:
    """What a pack holds; None where it isn't sound."""
    try:
        return examine_pack(pack, _MOST_BYTES, most_swelling=_MOST_BYTES)
    except (GitPoolError, ValueError):
        return None


def index_anew(pack: Path, objects: list[PackedObject]) -> None:
    """Write an examined pack's index, and keep the old one beside it."""
    durable.set_aside(pack.with_suffix(".idx"))
    index_pack(pack, objects)


def entries_of(index: Path) -> dict[bytes, int] | None:
    """Each object's offset by its binary id, as an index says them; None where it can't be read."""
    if not index.is_file():
        return None
    try:
        with contextlib.closing(load_pack_index(str(index), DEFAULT_OBJECT_FORMAT)) as opened:
            opened.check()
            return {bytes(sha): offset for sha, offset, _ in opened.iterentries()}
    except Exception:  # dulwich raises many kinds on a damaged index
        return None


def is_of(entries: dict[bytes, int] | None, objects: list[PackedObject]) -> bool:
    """Whether an index leads to the objects that are in its pack, and to each of them."""
    if entries is None:
        return False
    places, there = set(entries.values()), defaultdict(set)
    for entry in objects:
        if entry.sha:
            there[entry.sha].add(entry.offset)
        elif entry.offset not in places:
            return False
    return all(entries.get(sha) in offsets for sha, offsets in there.items())
