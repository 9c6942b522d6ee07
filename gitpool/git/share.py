"""Giving a repository another one's objects: by hard links, so that no byte is there twice."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from pathlib import Path

from dulwich.pack import Pack

from ..pool import durable
from .objects import ObjectStore
from .pack import store_pack


def share(source: ObjectStore, target: ObjectStore, object_ids: Iterable[str]) -> None:
    """Give `target` these objects, durably. Objects never change, so files can be shared; a
    pack is, where all of it is wanted. Raises Damaged where an object can't be read."""
    wanted = dict.fromkeys(object_ids)
    packed = _share_loose(source, target, wanted)
    for pack in source.packs() if packed else ():
        inside = {object_id.decode() for object_id in pack}
        if inside & packed.keys() and inside <= wanted.keys():
            _share_pack(pack, target.folder / "pack")
            packed = {name: None for name in packed if name not in inside}
    if packed:
        store_pack(target.folder / "pack", source, list(packed), lambda done, size: None)


def _share_loose(
    source: ObjectStore, target: ObjectStore, wanted: Iterable[str]
) -> dict[str, None]:
    """Link what lies in files of its own; tells what doesn't."""
    folders = {entry for entry in target.folder.iterdir() if len(entry.name) == 2}
    touched, packed = set(), {}
    for object_id in wanted:
        ours, theirs = source.path_of(object_id), target.path_of(object_id)
        if theirs.parent not in folders:
            theirs.parent.mkdir(exist_ok=True)
            folders.add(theirs.parent)
        try:
            _link(ours, theirs)
            touched.add(theirs.parent)
        except FileNotFoundError:
            packed[object_id] = None
    for folder in touched:
        durable.sync_folder(folder)
    durable.sync_folder(target.folder)
    return packed


def _share_pack(pack: Pack, folder: Path) -> None:
    durable.make_folder(folder)
    file = Path(pack.data.path)
    # A pack counts once its index is there, so the index goes last.
    for suffix in (".pack", ".idx"):
        _link(file.with_suffix(suffix), folder / file.with_suffix(suffix).name)
        durable.sync_folder(folder)


def _link(source: Path, target: Path) -> None:
    with contextlib.suppress(FileExistsError):
        durable.link_or_copy(source, target)
