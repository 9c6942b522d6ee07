"""A snapshot of what no snapshot has yet, for a bundle alone: it is sent, and written nowhere.

So a bundle holds the pool as it is now, and asking for one changes nothing: it can be had from
a disk that can only be read, and of a profile whose owner is at work in it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial

from ..errors import Damaged
from ..pool.content import hash_bytes
from ..pool.manifest import MANIFEST_NAME
from .changes import Version, compare
from .inflate import KINDS
from .messages import Message, sentence
from .objects import ObjectStore
from .repository import Identity, Repository
from .snapshots import build_trees, make_commit

Read = Callable[[str], bytes]


@dataclass(frozen=True)
class Unsaved:
    """The snapshot `tip` on top of `parent`. made, files: what reads each object of it that may
    be in no store, by its id."""

    tip: str
    parent: str | None
    made: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    files: dict[str, Callable[[], bytes]] = field(default_factory=dict)

    def ids(self) -> list[str]:
        return [*self.made, *self.files]


def unsaved(
    repo: Repository, identity: Identity, parent: str | None, present: Version, read: Read, now: int
) -> Unsaved | None:
    """The pool as a snapshot on `parent`; None where that one says the same.

    present: the pool and its passengers as they are now. read: gives the bytes of one of them.
    """
    manifest = present.manifest.dump()
    blobs = {**present.blobs, MANIFEST_NAME: hash_bytes(manifest)}
    trees = build_trees(blobs, present.passengers)
    tree = trees[-1].id
    if parent:
        changes = compare(repo.version(parent), replace(present, blobs=blobs))
        if repo.commit(parent).tree == tree or not changes.matters():
            return None
        text = sentence(changes)
    else:
        text = "Create the profile"
    message = Message(text, "auto", identity.id, identity.name)
    commit = make_commit(tree.decode(), [parent] if parent else [], message, now)
    made = {hash_bytes(manifest): (KINDS[b"blob"], manifest)}
    made |= {obj.id.decode(): (obj.type_num, obj.as_raw_string()) for obj in (*trees, commit)}
    paths = {one.blob: path for path, one in present.passengers.items()}
    paths |= {blob: name for name, blob in present.blobs.items()}
    files = {blob: partial(read, path) for blob, path in paths.items()}
    return Unsaved(commit.id.decode(), parent, made, files)


class WithUnsaved:
    """A store's objects, and those of a snapshot that isn't in it."""

    def __init__(self, objects: ObjectStore, more: Unsaved) -> None:
        self._objects, self._more = objects, more

    def read_raw(self, object_id: str) -> tuple[int, bytes]:
        """An object's type number and content. Raises Damaged."""
        if object_id in self._more.made:
            return self._more.made[object_id]
        if object_id in self._more.files and object_id not in self._objects:
            data = self._more.files[object_id]()
            if hash_bytes(data) != object_id:
                raise Damaged("changed_meanwhile", "A file was changed during the export.")
            return KINDS[b"blob"], data
        return self._objects.read_raw(object_id)
