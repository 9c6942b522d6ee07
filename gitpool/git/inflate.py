"""One object's content, read from a file of its own or from a pack, a piece at a time, and
checked against its id."""

from __future__ import annotations

import hashlib
import io
import os
import zlib
from collections.abc import Iterable, Iterator
from io import FileIO
from typing import BinaryIO

from dulwich.objects import ObjectID
from dulwich.pack import Pack

from ..errors import Damaged
from .pack_head import LONGEST, read_head
from .stored import unstored

_CHUNK = 1 << 18
# Bytes of a file that is read in one go.
_HELD = 8 << 20
_LONGEST_HEAD = 64

KINDS = {b"commit": 1, b"tree": 2, b"blob": 3, b"tag": 4}


def read_packed(pack: Pack, object_id: str, target: BinaryIO) -> int:
    """Write a packed object's content to `target`; one that is no delta as a stream from the
    file, so that a pack's size is nothing to the memory."""
    offset = pack.index.object_offset(ObjectID(object_id.encode()))
    with open(pack.data.path, "rb") as file:
        file.seek(offset)
        head = read_head(file.read(LONGEST), 0)
        if head.type_num in KINDS.values():
            file.seek(offset + head.begins)
            _inflate_packed(object_id, head.type_num, head.size, file, target)
            return head.type_num
    type_num, data = pack.get_raw(ObjectID(object_id.encode()))
    target.write(data)
    return type_num


def packed_size(pack: Pack, object_id: str) -> int:
    """A packed object's size as its head says; of a delta its own, which is no more than what it
    makes is likely to be."""
    with open(pack.data.path, "rb") as file:
        file.seek(pack.index.object_offset(ObjectID(object_id.encode())))
        return read_head(file.read(LONGEST), 0).size


def _inflate_packed(
    object_id: str, type_num: int, size: int, source: BinaryIO, target: BinaryIO
) -> None:
    names = {number: name for name, number in KINDS.items()}
    digest = hashlib.sha1(b"%s %d\x00" % (names[type_num], size), usedforsecurity=False)
    inflate = zlib.decompressobj()
    while not inflate.eof:
        block = source.read(_CHUNK)
        if not block:
            raise damaged_object(object_id)
        chunk = inflate.decompress(block)
        digest.update(chunk)
        target.write(chunk)
    if digest.hexdigest() != object_id:
        raise damaged_object(object_id)


def loose_content(file: FileIO) -> Iterator[bytes | memoryview]:
    """What a loose object's file holds, a piece at a time."""
    if os.fstat(file.fileno()).st_size <= _HELD:
        stream = file.read()
        blocks = unstored(stream)
        if blocks is not None:
            yield from blocks
            return
        file = io.BytesIO(stream)  # type: ignore[assignment]
    inflate = zlib.decompressobj()
    while block := file.read(_CHUNK):
        yield inflate.decompress(block)


def write_verified(object_id: str, pieces: Iterable[bytes | memoryview], target: BinaryIO) -> int:
    """Write an object's content to `target`; gives its type number. Raises Damaged where it isn't
    the one of that id."""
    digest = hashlib.sha1(usedforsecurity=False)
    head, length, done = b"", -1, 0
    try:
        for piece in pieces:
            digest.update(piece)
            if length < 0:
                head += bytes(piece)
                end = head.find(b"\x00") + 1
                if not end:
                    if len(head) > _LONGEST_HEAD:
                        raise damaged_object(object_id)
                    continue
                kind, _, said = head[: end - 1].partition(b" ")
                type_num, length, piece = KINDS[kind], int(said), head[end:]
            target.write(piece)
            done += len(piece)
    except (zlib.error, ValueError, KeyError) as error:
        raise damaged_object(object_id) from error
    if done != length or digest.hexdigest() != object_id:
        raise damaged_object(object_id)
    return type_num


def damaged_object(object_id: str) -> Damaged:
    """What is raised where an object isn't whole."""
    return Damaged(
        "damaged",
        f"A part of this profile's history is damaged ({object_id[:8]}).",
        "The images you see are untouched. Export the profile to be safe.",
    )
