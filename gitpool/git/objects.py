"""The object store: loose objects written fast and durably, read from wherever git put them.

Images don't compress, so blobs are written as stored deflate blocks (zlib level 0), a format
any git reads: https://git-scm.com/docs/gitrepository-layout and RFC 1950/1951.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import logging
import os
import secrets
import threading
import time
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from dulwich.object_store import DiskObjectStore
from dulwich.objects import ShaFile
from dulwich.pack import Pack

from ..errors import Damaged
from ..pool import durable
from ..pool.content import ticks_with
from ..pool.reading import open_file
from ..pool.threads import each
from .inflate import (
    KINDS,
    damaged_object,
    loose_content,
    packed_size,
    read_packed,
    write_verified,
)
from .pack_kinds import kind_in
from .stored import PIECE, stored

_SMALL = 1 << 16
# Bytes that a loose object's file has more than its content, which may not be deflated.
_SMALLEST = 128
_OBJECT_LIMIT = 1 << 30
_PACK = (".pack", ".idx")
# git's own limit, 96 MB, makes nothing faster here.
_DELTA_BASES = 16 << 20

log = logging.getLogger("gitpool")


class _OwnObjectsOnly(DiskObjectStore):
    """dulwich's store without `info/alternates`: a repository can't point us elsewhere."""

    @property
    def alternates(self) -> list:
        return []


class ObjectStore:
    """The objects of one repository, in `folder` (`.git/objects`). Ids are hexadecimal."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._prefix = f"{folder}/"
        self._store: DiskObjectStore | None = None
        self._packs: list[Pack] = []
        # The pack folder's time when it was listed; None where it must be listed again.
        self._listed: int | None = None
        self._lock = threading.Lock()

    def path_of(self, object_id: str) -> Path:
        return self.folder / object_id[:2] / object_id[2:]

    def __contains__(self, object_id: str) -> bool:
        try:
            # Asked for every file of a pool at every snapshot, so without a Path of its own.
            if os.stat(f"{self._prefix}{object_id[:2]}/{object_id[2:]}").st_size > 0:
                return True
        except FileNotFoundError:
            pass
        return any(object_id.encode() in pack for pack in self.packs())

    def read(self, object_id: str) -> ShaFile:
        """A commit, tree, tag or small blob, checked against its id. Raises Damaged."""
        kind, data = self.read_raw(object_id)
        try:
            return ShaFile.from_raw_string(kind, data)
        except Exception as error:  # dulwich's parsers raise many kinds
            raise damaged_object(object_id) from error

    def read_raw(self, object_id: str) -> tuple[int, bytes]:
        """An object's type number and content. Raises Damaged."""
        out = io.BytesIO()
        type_num = self._stream(object_id, out)
        return type_num, out.getvalue()

    def copy_blob(self, object_id: str, target: BinaryIO) -> None:
        """Write a blob's content to `target`, a chunk at a time. Raises Damaged at the end
        where the bytes aren't the ones that were stored."""
        self._stream(object_id, target)

    def write(self, obj: ShaFile) -> str:
        """Write a commit, tree or tag, durably."""
        self.write_all([obj])
        return obj.id.decode()

    def write_all(self, objects: Iterable[ShaFile]) -> None:
        """Write many of them, durably, several at once."""
        fresh = [obj for obj in objects if obj.id.decode() not in self]
        if len(fresh) == 1:
            self._write(fresh[0])
        else:
            each(self._write, fresh)
        for folder in {self.path_of(obj.id.decode()).parent for obj in fresh}:
            durable.sync_folder(folder)

    def _write(self, obj: ShaFile) -> None:
        header = obj.type_name + b" %d\x00" % obj.raw_length()
        level = 0 if obj.type_num == 3 and obj.raw_length() > _SMALL else 1
        self._place(obj.id.decode(), zlib.compress(header + obj.as_raw_string(), level))

    def write_blob(self, data: bytes) -> str:
        """Write a small blob, durably."""
        from dulwich.objects import Blob

        return self.write(Blob.from_string(data))

    def write_files(self, paths: Iterable[Path]) -> list[tuple[str, os.stat_result]]:
        """Store files as blobs, several at once; for each its id and its stat when read.

        A file that changes while it is read is read again.
        """
        paths = list(paths)
        results = each(self._write_file, paths)
        for folder in {self.path_of(object_id).parent for object_id, _ in results}:
            if folder.is_dir():
                durable.sync_folder(folder)
        durable.sync_folder(self.folder)
        return results

    def put_files(self, wanted: Iterable[tuple[str, Path]]) -> None:
        """Write blobs' contents to files, several at once, each whole or not at all. Their
        folder's entries are the caller's to make durable. Raises Damaged."""

        def put(pair: tuple[str, Path]) -> None:
            with durable.replacing(pair[1], and_folder=False) as file:
                self.copy_blob(pair[0], file)

        each(put, wanted)

    def make_files(self, wanted: Iterable[tuple[str, Path]]) -> None:
        """Write blobs' contents to new files, durably, several at once. Raises Damaged, with
        the files left half-made."""

        def make(pair: tuple[str, Path]) -> None:
            with open(pair[1], "xb") as file:
                self.copy_blob(pair[0], file)
                file.flush()
                durable.sync(file)

        each(make, wanted)

    def delete_loose(self, object_id: str) -> None:
        """Remove a loose object that nothing names any more."""
        with contextlib.suppress(FileNotFoundError):
            self.path_of(object_id).unlink()

    def loose_ids(self) -> Iterator[str]:
        """Every loose object's id."""
        for folder in self.folder.iterdir():
            if len(folder.name) == 2 and folder.is_dir():
                for file in folder.iterdir():
                    if len(file.name) == 38:
                        yield folder.name + file.name

    def all_ids(self) -> Iterator[str]:
        """Every object's id, loose or packed."""
        yield from self.loose_ids()
        for pack in self.packs():
            for object_id in pack:
                yield object_id.decode()

    def packs(self) -> list[Pack]:
        """The packs that are there, also after a user's `git gc` swapped them."""
        try:
            changed = (self.folder / "pack").stat().st_mtime_ns
        except FileNotFoundError:
            return []
        with self._lock:  # dulwich's own list is only whole for one thread at a time
            if changed != self._listed:
                # What comes within the same tick of the clock isn't told by the folder's time.
                self._listed = None if ticks_with(changed, time.time_ns()) else changed
                # A pipe or a device under a pack's name would keep its reader waiting.
                packs = [] if self.has_odd_packs() else self._opened().packs
                self._packs = [pack for pack in packs if _has_index(pack)]
            return self._packs

    def has_odd_packs(self) -> bool:
        """Whether what is called a pack or an index is neither file nor folder."""
        with contextlib.suppress(FileNotFoundError), os.scandir(self.folder / "pack") as entries:
            packs = [e for e in entries if e.name.startswith("pack-") and e.name.endswith(_PACK)]
            # What is gone meanwhile, or a link to nothing, keeps nobody waiting.
            odd = [e for e in packs if not e.is_file() and not e.is_dir()]
            return any(os.path.exists(entry.path) for entry in odd)
        return False

    def has_prefix(self, digits: str) -> bool:
        """Whether some object's id begins with these digits, two at least."""
        folder = self.folder / digits[:2]
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            if any(name.startswith(digits[2:]) for name in os.listdir(folder)):
                return True
        raw = digits[: len(digits) & ~1]
        found = (sha for pack in self.packs() for sha in pack.index.iter_prefix(bytes.fromhex(raw)))
        return any(sha.hex().startswith(digits) for sha in found)

    def kind(self, object_id: str) -> bytes:
        """An object's type, `b"commit"` and so on, without reading it whole. Raises Damaged."""
        try:
            with open_file(self.path_of(object_id)) as file:
                head = zlib.decompressobj().decompress(file.read(256), 32)
                return head.partition(b" ")[0]
        except zlib.error as error:
            raise damaged_object(object_id) from error
        except FileNotFoundError:
            return self._packed_kind(object_id)

    def _packed_kind(self, object_id: str) -> bytes:
        names = {number: name for name, number in KINDS.items()}
        try:
            for pack in self.packs():
                if object_id.encode() in pack:
                    return names[kind_in(Path(pack.data.path), object_id, pack.index)]
        except (OSError, ValueError, KeyError, IndexError) as error:
            raise damaged_object(object_id) from error
        raise damaged_object(object_id)

    def is_small(self, object_id: str, limit: int) -> bool:
        """Whether an object may be of so few bytes, told without reading it. Raises Damaged."""
        try:
            return os.stat(self.path_of(object_id)).st_size <= limit + _SMALLEST
        except FileNotFoundError:
            pass
        try:
            for pack in self.packs():
                if object_id.encode() in pack:
                    return packed_size(pack, object_id) <= limit
        except (OSError, ValueError, KeyError, IndexError) as error:
            raise damaged_object(object_id) from error
        raise damaged_object(object_id)

    def close(self) -> None:
        """Let go of pack files; nobody may be reading any more."""
        store, self._store = self._store, None
        self._packs, self._listed = [], None
        if store:
            store.close()

    def __del__(self) -> None:
        self.close()

    def _write_file(self, path: Path) -> tuple[str, os.stat_result]:
        for _ in range(5):
            with open_file(path) as source:
                before = os.fstat(source.fileno())
                object_id = self._store_stream(source, before.st_size)
            after = os.stat(path)
            if object_id and (before.st_mtime_ns, before.st_size) == (
                after.st_mtime_ns,
                after.st_size,
            ):
                return object_id, after
        raise OSError(f"{path.name} keeps changing while it is read")

    def _store_stream(self, source: BinaryIO, size: int) -> str | None:
        """One pass: hash and deflate (stored) into a temporary file, then give it its name."""
        header = b"blob %d\x00" % size
        digest = hashlib.sha1(usedforsecurity=False)
        left = size

        def pieces() -> Iterator[bytes]:
            nonlocal left
            digest.update(header)
            yield header
            while piece := source.read(PIECE):
                digest.update(piece)
                left -= len(piece)
                yield piece

        temp = self.folder / f"tmp_obj_{secrets.token_hex(8)}"
        try:
            with open(temp, "xb") as out:
                out.writelines(stored(pieces()))
                out.flush()
                if left:
                    return None
                object_id = digest.hexdigest()
                if object_id in self:
                    return object_id
                if hasattr(os, "fchmod"):
                    durable.make_read_only(out.fileno())
                durable.sync(out)
            target = self.path_of(object_id)
            target.parent.mkdir(exist_ok=True)
            durable.replace(temp, target)
            return object_id
        finally:
            with contextlib.suppress(FileNotFoundError):
                temp.unlink()

    def _place(self, object_id: str, deflated: bytes) -> None:
        target = self.path_of(object_id)
        if not target.parent.is_dir():
            target.parent.mkdir(parents=True, exist_ok=True)
            durable.sync_folder(self.folder)
        temp = self.folder / f"tmp_obj_{secrets.token_hex(8)}"
        try:
            with open(temp, "xb") as out:
                out.write(deflated)
                out.flush()
                durable.sync(out)
            durable.make_read_only(temp)
            durable.replace(temp, target)
        finally:
            with contextlib.suppress(FileNotFoundError):
                temp.unlink()

    def _stream(self, object_id: str, target: BinaryIO) -> int:
        try:
            with open_file(self.path_of(object_id), buffering=0) as file:
                return write_verified(object_id, loose_content(file), target)
        except FileNotFoundError:
            pass
        try:
            for pack in self.packs():
                if object_id.encode() in pack:
                    return read_packed(pack, object_id, target)
        except (Damaged, OSError):  # the target's disk may be full: nothing is damaged then
            raise
        except Exception as error:  # a garbled pack raises many kinds
            raise damaged_object(object_id) from error
        raise damaged_object(object_id)

    def _opened(self) -> DiskObjectStore:
        if self._store is None:
            self._store = _OwnObjectsOnly(
                str(self.folder),
                loose_object_size_limit=_OBJECT_LIMIT,
                delta_base_cache_limit=_DELTA_BASES,
            )
        return self._store


def _has_index(pack: Pack) -> bool:
    """Whether a pack's index can be read; without, nobody can find what is in it."""
    try:
        return len(pack.index) >= 0
    except Exception as error:  # dulwich raises many kinds on a damaged index
        log.error("Git Pool: a pack's index can't be read: %s", type(error).__name__)
        return False
