"""Packs, written without delta search: as a stream, or into a folder with their index.

Format: https://git-scm.com/docs/gitformat-pack (version 2).
"""

from __future__ import annotations

import functools
import hashlib
import secrets
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, Protocol

from dulwich.pack import write_pack_index_v2

from ..pool import durable
from ..pool.threads import ahead
from .objects import ObjectStore
from .stored import PIECE, stored

IndexEntry = tuple[bytes, int, int]
_CHUNK = 1 << 18
# Bytes from which a file is taken to be an image.
_IMAGE = 65_536
TEMP_PACK = "tmp_pack_"


class Readable(Protocol):
    """What gives objects by their ids."""

    def read_raw(self, object_id: str) -> tuple[int, bytes]:
        """An object's type number and content. Raises Damaged."""


def stream_pack(objects: Readable, object_ids: list[str]) -> Iterator[bytes]:
    """A pack of these objects, a piece at a time; blobs stored, small things deflated."""
    digest = hashlib.sha1(usedforsecurity=False)
    for piece in _pieces(objects, object_ids):
        digest.update(piece)
        yield piece
    yield digest.digest()


def _pieces(objects: Readable, object_ids: list[str]) -> Iterator[bytes]:
    yield pack_header(len(object_ids))
    for type_num, data in _read_ahead(objects, object_ids):
        yield from pack_entry(type_num, data)


def _read_ahead(objects: Readable, object_ids: list[str]) -> Iterator[tuple[int, bytes]]:
    return ahead(functools.partial(objects.read_raw, object_id) for object_id in object_ids)


def pack_header(count: int) -> bytes:
    """What a pack of that many objects begins with."""
    return b"PACK" + (2).to_bytes(4, "big") + count.to_bytes(4, "big")


def pack_entry(type_num: int, data: bytes) -> Iterator[bytes | memoryview]:
    """One object as it stands in a pack, a piece at a time; images stored, not deflated."""
    yield _entry_header(type_num, len(data))
    view = memoryview(data)
    if type_num == 3 and len(data) >= _IMAGE:
        yield from stored(view[start : start + PIECE] for start in range(0, len(data), PIECE))
        return
    deflate = zlib.compressobj(1)
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


def store_pack(
    folder: Path, objects: ObjectStore, object_ids: list[str], sent: Callable[[int, int], None]
) -> None:
    """Write these objects into a folder of packs, durably, as one pack with its index.

    sent: told the objects written so far, and their bytes.
    """
    pack, digest = prepare_pack(folder, objects, object_ids, sent)
    try:
        name_pack(pack, digest)
    finally:
        discard_pack(pack)


def prepare_pack(
    folder: Path, objects: ObjectStore, object_ids: list[str], sent: Callable[[int, int], None]
) -> tuple[Path, bytes]:
    """The same, but it doesn't count until `name_pack` is given what this gives."""
    durable.make_folder(folder)
    pack = folder / f"{TEMP_PACK}{secrets.token_hex(8)}.pack"
    try:
        with open(pack, "xb") as file:
            entries, digest = _write(file, objects, object_ids, sent)
            file.write(digest)
            file.flush()
            durable.sync(file)
        write_index(pack, entries, digest)
    except BaseException:
        discard_pack(pack)
        raise
    return pack, digest


def discard_pack(pack: Path) -> None:
    """Remove a pack that was prepared, and is not to count."""
    for suffix in (".idx", ".pack"):
        pack.with_suffix(suffix).unlink(missing_ok=True)


def _write(
    file: BinaryIO,
    objects: ObjectStore,
    object_ids: list[str],
    sent: Callable[[int, int], None],
) -> tuple[list[IndexEntry], bytes]:
    digest = hashlib.sha1(header := pack_header(len(object_ids)), usedforsecurity=False)
    file.write(header)
    entries, total, offset = [], 0, len(header)
    read = _read_ahead(objects, object_ids)
    for done, (object_id, (type_num, data)) in enumerate(zip(object_ids, read, strict=True)):
        sent(done, total)
        total += len(data)
        crc, at = 0, offset
        for piece in pack_entry(type_num, data):
            digest.update(piece)
            crc = zlib.crc32(piece, crc)
            offset += file.write(piece)
        entries.append((bytes.fromhex(object_id), at, crc))
    sent(len(object_ids), total)
    return entries, digest.digest()


def write_index(pack: Path, entries: Iterable[IndexEntry], digest: bytes) -> None:
    """Write a pack's index, durably: each object's binary id, offset and CRC-32."""
    with open(pack.with_suffix(".idx"), "xb") as file:
        write_pack_index_v2(file, sorted(entries), digest)
        file.flush()
        durable.sync(file)


def name_pack(pack: Path, digest: bytes) -> None:
    """Give a pack and its index the name that git gives such a pair; the index goes last, since
    with it the pack counts."""
    for suffix in (".pack", ".idx"):
        source = pack.with_suffix(suffix)
        durable.make_read_only(source)
        durable.replace(source, pack.with_name(f"pack-{digest.hex()}{suffix}"))
    durable.sync_folder(pack.parent)
