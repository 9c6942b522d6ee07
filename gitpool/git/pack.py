"""Packs: written as a stream without delta search, and examined before anything is inflated.

Format: https://git-scm.com/docs/gitformat-pack (version 2).
"""

from __future__ import annotations

import hashlib
import mmap
import os
import zlib
from collections.abc import Iterator
from pathlib import Path

from dulwich.object_format import DEFAULT_OBJECT_FORMAT
from dulwich.pack import PackData

from ..errors import TooLarge, Unacceptable
from ..pool import durable
from .objects import ObjectStore

_CHUNK = 1 << 18
_OFS_DELTA, _REF_DELTA = 6, 7
MAX_OBJECTS = 2_000_000
MAX_OBJECT_BYTES = 256 * 1024 * 1024


def stream_pack(objects: ObjectStore, object_ids: list[str]) -> Iterator[bytes]:
    """A pack of these objects, a piece at a time; blobs stored, small things deflated."""
    digest = hashlib.sha1(usedforsecurity=False)
    for piece in _pieces(objects, object_ids):
        digest.update(piece)
        yield piece
    yield digest.digest()


def _pieces(objects: ObjectStore, object_ids: list[str]) -> Iterator[bytes]:
    yield pack_header(len(object_ids))
    for object_id in object_ids:
        yield from pack_entry(*objects.read_raw(object_id))


def pack_header(count: int) -> bytes:
    """What a pack of that many objects begins with."""
    return b"PACK" + (2).to_bytes(4, "big") + count.to_bytes(4, "big")


def pack_entry(type_num: int, data: bytes) -> Iterator[bytes]:
    """One object as it stands in a pack, a piece at a time; images stored, not deflated."""
    yield _entry_header(type_num, len(data))
    deflate = zlib.compressobj(1 if type_num != 3 or len(data) < 65536 else 0)
    view = memoryview(data)
    for start in range(0, len(data), _CHUNK):
        if piece := deflate.compress(view[start : start + _CHUNK]):
            yield piece
    yield deflate.flush()


def _entry_header(type_num: int, size: int) -> bytes:
    byte, size = type_num << 4 | size & 15, size >> 4
    out = bytearray()
    while size:
        out.append(byte | 0x80)
        byte, size = size & 0x7F, size >> 7
    out.append(byte)
    return bytes(out)


def examine_pack(path: Path, start: int, max_total: int) -> int:
    """Check a pack that begins at byte `start` of the file, to its last byte; gives the number
    of objects. Every size is read from its header before the object is inflated, and inflated
    bytes are counted and dropped, so a bomb costs neither memory nor time.

    Raises Unacceptable or TooLarge.
    """
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        end = len(data) - 20
        if end - start < 12 or data[start : start + 8] != b"PACK\x00\x00\x00\x02":
            raise _bad("the images in it can't be read")
        count = int.from_bytes(data[start + 8 : start + 12], "big")
        if count > MAX_OBJECTS or count > end - start:
            raise _bad("it claims more than it holds")
        offset, total = start + 12, 0
        for _ in range(count):
            offset, size = _examine_object(data, offset, end)
            total += size
            if total > max_total:
                raise TooLarge("too_large", "This file unpacks to more than can be taken in.")
        if offset != end or _checksum(data, start, end) != data[end:]:
            raise _bad("it is cut off or damaged")
    return count


def index_pack(pack: Path) -> None:
    """Write an examined pack's index, and give both the name that git gives such a pair."""
    try:
        data = PackData(str(pack), object_format=DEFAULT_OBJECT_FORMAT)
        try:
            name = data.get_stored_checksum().hex()
            data.create_index(str(pack.with_suffix(".idx")), version=2)
        finally:
            data.close()
    except Exception as error:  # dulwich raises many kinds on crafted deltas
        raise _bad("it is damaged") from error
    for suffix in (".pack", ".idx"):
        source = pack.with_suffix(suffix)
        source.chmod(0o444)
        os.replace(source, pack.with_name(f"pack-{name}{suffix}"))
    durable.sync_folder(pack.parent)


def _examine_object(data: mmap.mmap, offset: int, end: int) -> tuple[int, int]:
    byte = _at(data, offset, end)
    type_num, size, shift, offset = byte >> 4 & 7, byte & 15, 4, offset + 1
    while byte & 0x80:
        byte = _at(data, offset, end)
        size |= (byte & 0x7F) << shift
        shift, offset = shift + 7, offset + 1
        if shift > 60:
            raise _bad("a size in it is wrong")
    if type_num == _OFS_DELTA:
        while _at(data, offset, end) & 0x80:
            offset += 1
        offset += 1
    elif type_num == _REF_DELTA:
        offset += 20
    elif type_num not in (1, 2, 3, 4):
        raise _bad("it holds something unknown")
    if size > MAX_OBJECT_BYTES:
        raise TooLarge("too_large", "A file in it is too large.")
    delta = type_num in (_OFS_DELTA, _REF_DELTA)
    after, head, done = _inflate_away(data, offset, end, size)
    if done != size:
        raise _bad("a size in it is wrong")
    result = delta_result(head) if delta else size
    if result > MAX_OBJECT_BYTES:
        raise TooLarge("too_large", "A file in it is too large.")
    return after, result


def _inflate_away(data: mmap.mmap, offset: int, end: int, size: int) -> tuple[int, bytes, int]:
    inflate, done, head = zlib.decompressobj(), 0, b""
    position = offset
    try:
        while not inflate.eof:
            if position >= end and not inflate.unconsumed_tail:
                raise _bad("it is cut off")
            block = inflate.unconsumed_tail
            if not block:
                block = data[position : min(position + _CHUNK, end)]
                position += len(block)
            out = inflate.decompress(block, _CHUNK)
            head = head or out[:32]
            done += len(out)
            if done > size:
                raise _bad("a size in it is wrong")
    except zlib.error:
        raise _bad("it is damaged") from None
    return position - len(inflate.unused_data), head, done


def delta_result(head: bytes) -> int:
    """The size of what a delta makes, from its first bytes. Raises Unacceptable."""
    position = 0
    value = 0
    for _ in range(2):
        value, shift = 0, 0
        while True:
            if position >= len(head):
                raise _bad("it is damaged")
            byte = head[position]
            position += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if not byte & 0x80:
                break
    return value


def _at(data: mmap.mmap, offset: int, end: int) -> int:
    if offset >= end:
        raise _bad("it is cut off")
    return data[offset]


def _checksum(data: mmap.mmap, start: int, end: int) -> bytes:
    digest = hashlib.sha1(usedforsecurity=False)
    for position in range(start, end, _CHUNK):
        digest.update(data[position : min(position + _CHUNK, end)])
    return digest.digest()


def _bad(why: str) -> Unacceptable:
    return Unacceptable(
        "bad_bundle", f"This file can't be imported: {why}.", "Export it again where it came from."
    )
