"""What a remote sends: kept in quarantine until all of it is examined, then taken in whole."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from dulwich.objects import Commit, ShaFile, Tag, Tree

from ..errors import Damaged, NotAnImage, Unacceptable, remote_too_large
from ..identifiers import is_image_name
from ..pool import durable, images
from .bundle import check_tree
from .inflate import KINDS
from .objects import ObjectStore
from .pack_examine import examine_pack, index_pack
from .pack_kinds import kinds_of
from .refs import TAGS
from .sound import is_sound_commit, is_sound_tag

_MAX_RATIO = 1000
_SLACK = 64 << 20
_COMMIT, _TREE, _BLOB, _TAG = 1, 2, 3, 4


class Quarantine:
    """A scratch folder for one pack from outside. Nothing in it counts until `install`.

    known: the objects that are here already, complete with all that they need.
    """

    def __init__(self, folder: Path, known: ObjectStore | None, limit: int) -> None:
        self.objects = ObjectStore(folder / "objects")
        (folder / "objects" / "pack").mkdir(parents=True)
        self._pack = folder / "objects" / "pack" / "incoming.pack"
        self._known = known
        self._limit = limit
        self._received = 0
        self._tick: Callable[[], None] = lambda: None
        self._kinds: dict[str, int] = {}
        self._needed: set[str] = set()
        # Tags of git users that came along and that no ref of ours will name.
        self.spare_tags: list[str] = []
        self._file = open(self._pack, "wb")  # noqa: SIM115 - closed by `close`

    @property
    def received(self) -> int:
        """Bytes so far."""
        return self._received

    def write(self, data: bytes) -> int:
        """Take a piece of the pack. Raises RemoteFailed past the limit."""
        self._received += len(data)
        if self._received > self._limit:
            raise remote_too_large()
        return self._file.write(data)

    def close(self) -> None:
        """Let go of the files."""
        self._file.close()
        self.objects.close()

    def examine(self, tips: list[str], tick: Callable[[], None] = lambda: None) -> None:
        """Check the pack to its last byte, and everything new that the tips need.

        tick: called every few milliseconds; what it raises ends the check.
        Raises Unacceptable or TooLarge; then nothing may be used of it.
        """
        self._tick = tick
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        if self._received:
            try:
                limit = _MAX_RATIO * self._received + _SLACK
                objects = examine_pack(self._pack, limit, tick=tick)
                index_pack(self._pack, objects)
                pack = next(self._pack.parent.glob("pack-*.pack"))
                self._kinds = kinds_of(pack)
            except (Unacceptable, ValueError) as error:
                raise _bad("what it sent is damaged") from error
        try:
            for tip in tips:
                self._examine_history(tip)
            self._examine_rest()
        except Damaged:
            raise _bad("a part of its history is missing or damaged") from None

    def install(self, target: ObjectStore) -> None:
        """Move the examined pack to where it belongs, durably."""
        folder = target.folder / "pack"
        durable.make_folder(folder)
        self.objects.close()
        # A pack counts once its index is there, so the index goes last.
        for suffix in (".pack", ".idx"):
            for file in sorted(self._pack.parent.glob(f"pack-*{suffix}")):
                os.replace(file, folder / file.name)
        durable.sync_folder(folder)

    def _examine_history(self, tip: str) -> None:
        todo = [tip]
        newest = True
        while todo:
            object_id = todo.pop()
            if object_id in self._needed or self._is_known(object_id):
                continue
            self._tick()
            self._needed.add(object_id)
            obj = self.objects.read(object_id)
            if isinstance(obj, Tag) and is_sound_tag(obj.as_raw_string()):
                if obj.object[0] is not Commit:
                    raise _bad("its history isn't a profile's")
                todo.append(obj.object[1].decode())
            elif isinstance(obj, Commit) and is_sound_commit(obj.as_raw_string()):
                self._examine_tree(obj.tree.decode(), newest)
                newest = False
                for parent in obj.parents:
                    self._require(parent.decode(), _COMMIT)
                    todo.append(parent.decode())
            else:
                raise _bad("a part of its history is malformed")

    def _examine_tree(self, tree_id: str, shown: bool) -> None:
        self._require(tree_id, _TREE)
        if (tree_id in self._needed or self._is_known(tree_id)) and not shown:
            return
        self._needed.add(tree_id)
        tree = self._read(tree_id)
        _check(tree)
        if not isinstance(tree, Tree):
            raise _bad("its history isn't a profile's")
        try:
            check_tree(tree)
        except Unacceptable:
            raise _bad("it holds files or folders that no pool has") from None
        for name, blob in _files(tree):
            self._tick()
            self._require(blob, _BLOB)
            if blob in self._kinds:
                self._needed.add(blob)
                if shown and is_image_name(name):
                    self._examine_image(name, blob)

    def _require(self, object_id: str, kind: int) -> None:
        """Raise Unacceptable unless the object is there, here or in the pack, and of that type."""
        found = self._kinds.get(object_id)
        if found is None and self._known is not None and self._is_known(object_id):
            found = KINDS[self._known.kind(object_id)]
        if found is None:
            raise _bad("a part of its history is missing or damaged")
        if found != kind:
            raise _bad("its history isn't a profile's")

    def _examine_rest(self) -> None:
        """Refuse what nobody asked for: once here, it would count as examined. Only git users'
        tags may come along, of what is here or comes too."""
        rest = [
            (object_id, kind)
            for object_id, kind in self._kinds.items()
            if object_id not in self._needed and not self._is_known(object_id)
        ]
        if any(kind != _TAG for _, kind in rest):
            raise _bad("it sends more than was asked for")
        tags = {object_id for object_id, _ in rest}
        for object_id in tags:
            tag = self.objects.read(object_id)
            if not isinstance(tag, Tag) or not is_sound_tag(tag.as_raw_string()):
                raise _bad("a part of its history is malformed")
            kind, target = tag.object[0].type_num, tag.object[1].decode()
            self._require(target, kind)
            if target not in tags | self._needed and not self._is_known(target):
                raise _bad("it sends more than was asked for")
        self.spare_tags = sorted(tags)

    def _examine_image(self, name: str, blob: str) -> None:
        try:
            images.check(io.BytesIO(self.objects.read_raw(blob)[1]))
        except NotAnImage:
            raise _bad(f"“{name}” isn't an image") from None

    def _is_known(self, object_id: str) -> bool:
        return self._known is not None and object_id in self._known

    def _read(self, object_id: str) -> ShaFile:
        if self._known is not None and object_id in self._known:
            return self._known.read(object_id)
        return self.objects.read(object_id)


def tag_commit(objects: ObjectStore, ref: str, object_id: str) -> str | None:
    """The snapshot that one of our tags names; None where it isn't a tag of ours, or not here."""
    if not ref.startswith(f"{TAGS}snapshot-") or object_id not in objects:
        return None
    obj = objects.read(object_id)
    if not isinstance(obj, Tag) or obj.object[0] is not Commit:
        return None
    commit = obj.object[1].decode()
    return commit if commit.startswith(ref.rpartition("-")[2]) and commit in objects else None


def _files(tree: Tree) -> Iterator[tuple[str, str]]:
    for entry in tree.iteritems():
        yield entry.path.decode("utf-8", "surrogateescape"), entry.sha.decode()


def _check(obj: ShaFile) -> None:
    try:
        obj.check()
    except Exception as error:  # dulwich's checks raise many kinds
        raise _bad("a part of its history is malformed") from error


def _bad(why: str) -> Unacceptable:
    return Unacceptable(
        "bad_remote",
        f"The remote's profile can't be taken in: {why}.",
        "Nothing was changed here, nor there.",
    )
