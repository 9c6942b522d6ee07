"""Packs from outside: examined to the last byte, and indexed, in one pass that keeps nothing.

Format: https://git-scm.com/docs/gitformat-pack (version 2).
"""

from __future__ import annotations

import contextlib
import hashlib
import mmap
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dulwich.object_format import DEFAULT_OBJECT_FORMAT
from dulwich.pack import PackData, load_pack_index

from ..errors import TooLarge, Unacceptable
from .pack import name_pack, write_index
from .pack_head import Head, read_head
from .pack_kinds import kinds_of
from .swelling import MOST_SWELLING, Swelling

_CHUNK = 1 << 18
_HEAD = 64
_NAMES = {1: b"commit", 2: b"tree", 3: b"blob", 4: b"tag"}
_LET_GO = 16 << 20
MAX_OBJECTS = 2_000_000
MAX_OBJECT_BYTES = 256 * 1024 * 1024
# Snapshots, tags and lists of files are read whole, several times over.
MAX_WORDS_BYTES = 8 << 20
_BLOB = 3


@dataclass(frozen=True)
class PackedObject:
    """One object of a pack. sha: its binary id; None for a delta, which has none by itself."""

    offset: int
    sha: bytes | None
    crc: int
    size: int = 0


def examine_pack(
    path: Path,
    max_total: int,
    start: int = 0,
    tick: Callable[[], None] = lambda: None,
    most_swelling: int = MOST_SWELLING,
) -> list[PackedObject]:
    """Check a pack that begins at byte `start` of the file, to its last byte.

    Every size is read from its header before the object is inflated, and inflated bytes are
    hashed and dropped, so a bomb costs neither memory nor time. max_total: bytes it may inflate
    to; most_swelling: of these, see `swelling.py`. tick: called for each block; what it raises
    ends the check. Raises Unacceptable or TooLarge.
    """
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        end = len(data) - 20
        if end - start < 12 or data[start : start + 8] != b"PACK\x00\x00\x00\x02":
            raise bad_pack("the images in it can't be read")
        count = int.from_bytes(data[start + 8 : start + 12], "big")
        if count > MAX_OBJECTS or count > end - start:
            raise bad_pack("it claims more than it holds")
        whole = hashlib.sha1(data[start : start + 12], usedforsecurity=False)
        found, offset, total, kept = [], start + 12, 0, 0
        swelling = Swelling(end - start, most_swelling)
        for _ in range(count):
            following, sha, size = _examine_object(data, offset, end, swelling, tick)
            total += size
            if total > max_total:
                raise TooLarge("too_large", "This file unpacks to more than can be taken in.")
            found.append(
                PackedObject(offset - start, sha, _pass(data, offset, following, whole), size)
            )
            offset = following
            kept = _let_go(data, kept, offset)
        if offset != end or whole.digest() != data[end:]:
            raise bad_pack("it is cut off or damaged")
    return found


def index_pack(pack: Path, objects: list[PackedObject]) -> None:
    """Write an examined pack's index, and give both the name that git gives such a pair.

    Raises Unacceptable where a delta leads nowhere.
    """
    with open(pack, "rb") as file:
        file.seek(-20, 2)
        digest = file.read()
    if all(entry.sha for entry in objects):
        # An object that is there twice is found once.
        entries = {e.sha: (e.sha, e.offset, e.crc) for e in objects if e.sha}
        write_index(pack, entries.values(), digest)
    else:
        _index_deltas(pack)
        _check_words(pack, objects)
    name_pack(pack, digest)


def _check_words(pack: Path, objects: list[PackedObject]) -> None:
    """The bound of what is read whole, for what deltas make. Raises TooLarge, Unacceptable."""
    large = {entry.offset for entry in objects if entry.size > MAX_WORDS_BYTES and not entry.sha}
    if not large:
        return
    try:
        kinds = kinds_of(pack)
        with contextlib.closing(
            load_pack_index(str(pack.with_suffix(".idx")), DEFAULT_OBJECT_FORMAT)
        ) as index:
            names = [raw.hex() for raw, offset, _ in index.iterentries() if offset in large]
    except (ValueError, IndexError) as error:
        raise bad_pack("it is damaged") from error
    if any(kinds[name] != _BLOB for name in names):
        raise TooLarge("too_large", "A part of the history in it is too large.")


def _index_deltas(pack: Path) -> None:
    try:
        data = PackData(str(pack), object_format=DEFAULT_OBJECT_FORMAT)
        try:
            data.create_index(str(pack.with_suffix(".idx")), version=2)
        finally:
            data.close()
    except Exception as error:  # dulwich raises many kinds on crafted deltas
        raise bad_pack("it is damaged") from error


def _pass(data: mmap.mmap, start: int, end: int, whole: Any) -> int:
    """The bytes' CRC-32; they are added to the whole pack's checksum."""
    crc = 0
    for position in range(start, end, _CHUNK):
        piece = data[position : min(position + _CHUNK, end)]
        crc = zlib.crc32(piece, crc)
        whole.update(piece)
    return crc


def _let_go(data: mmap.mmap, kept: int, offset: int) -> int:
    """Give back the memory of what has been read, now and then; tells up to where."""
    until = offset // mmap.PAGESIZE * mmap.PAGESIZE
    if until - kept < _LET_GO or not hasattr(data, "madvise"):
        return kept
    data.madvise(mmap.MADV_DONTNEED, kept, until - kept)
    return until


def _examine_object(
    data: mmap.mmap, offset: int, end: int, swelling: Swelling, tick: Callable[[], None]
) -> tuple[int, bytes | None, int]:
    """Where the next object begins, this one's id, and the bytes that it comes to."""
    type_num, size, base, at = _head(data, offset, end)
    words = type_num in _NAMES and type_num != _BLOB
    if size > (MAX_WORDS_BYTES if words else MAX_OBJECT_BYTES):
        raise TooLarge("too_large", "A file in it is too large.")
    name = _NAMES.get(type_num)
    digest = hashlib.sha1(b"%s %d\x00" % (name or b"", size), usedforsecurity=False)
    after, head, done = _inflate_away(data, at, end, size, digest, swelling, tick)
    if done != size:
        raise bad_pack("a size in it is wrong")
    if base is None:
        swelling.add(size, after - at, head, offset, digest.digest())
        return after, digest.digest(), size
    result = delta_result(head)
    swelling.add_delta(result, offset - base if isinstance(base, int) else base, offset)
    if result > MAX_OBJECT_BYTES:
        raise TooLarge("too_large", "A file in it is too large.")
    return after, None, result


def _head(data: mmap.mmap, offset: int, end: int) -> Head:
    try:
        head = read_head(data, offset)
    except IndexError:
        raise bad_pack("it is cut off") from None
    except ValueError:
        raise bad_pack("a size in it is wrong") from None
    if head.begins > end:
        raise bad_pack("it is cut off")
    if head.base is None and head.type_num not in _NAMES:
        raise bad_pack("it holds something unknown")
    return head


def _inflate_away(
    data: mmap.mmap,
    offset: int,
    end: int,
    size: int,
    digest: Any,
    swelling: Swelling,
    tick: Callable[[], None],
) -> tuple[int, bytes, int]:
    inflate, done, head = zlib.decompressobj(), 0, b""
    position = offset
    try:
        while not inflate.eof:
            tick()
            if position >= end and not inflate.unconsumed_tail:
                raise bad_pack("it is cut off")
            block = inflate.unconsumed_tail
            if not block:
                block = data[position : min(position + _CHUNK, end)]
                position += len(block)
            out = inflate.decompress(block, _CHUNK)
            digest.update(out)
            head = head or out[:_HEAD]
            done += len(out)
            if done > size:
                raise bad_pack("a size in it is wrong")
            swelling.check(done, position - offset, head)
    except zlib.error:
        raise bad_pack("it is damaged") from None
    return position - len(inflate.unused_data), head, done


def delta_result(head: bytes) -> int:
    """The size of what a delta makes, from its first bytes. Raises Unacceptable."""
    position = 0
    value = 0
    for _ in range(2):
        value, shift = 0, 0
        while True:
            if position >= len(head):
                raise bad_pack("it is damaged")
            byte = head[position]
            position += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if not byte & 0x80:
                break
    return value


def bad_pack(why: str) -> Unacceptable:
    """A pack that can't be taken in."""
    return Unacceptable(
        "bad_bundle", f"This file can't be imported: {why}.", "Export it again where it came from."
    )
