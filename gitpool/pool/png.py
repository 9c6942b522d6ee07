"""What lies around a PNG's pixels. Chunks are a length, a type, data and a checksum:
https://www.w3.org/TR/png/#5Chunk-layout."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_WORDS = (b"eXIf", b"tEXt", b"zTXt", b"iTXt")
_SEEN = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND", b"eXIf")


def has_words_behind_pixels(file: BinaryIO) -> bool:
    """Whether a PNG has EXIF data or text behind its pixels."""
    place, behind = file.tell(), False
    try:
        for kind, _, _ in _chunks(file):
            behind = behind or kind == b"IDAT"
            if behind and kind in _WORDS:
                return True
        return False
    finally:
        file.seek(place)


def what_is_seen(file: BinaryIO) -> bytes | None:
    """A PNG without all that its pixels can do without; None where it isn't one, or has no more."""
    file.seek(0)
    if file.read(len(SIGNATURE)) != SIGNATURE:
        return None
    places = list(_chunks(file))
    kept = [place for kind, *place in places if kind in _SEEN]
    if len(kept) == len(places):
        return None
    found = [SIGNATURE]
    for start, length in kept:
        file.seek(start)
        found.append(file.read(length))
    return b"".join(found)


def _chunks(file: BinaryIO) -> Iterator[tuple[bytes, int, int]]:
    """Each chunk's type, where it begins, and its length with all that is around its data."""
    at = len(SIGNATURE)
    file.seek(at)
    while len(head := file.read(8)) == 8:
        length = int.from_bytes(head[:4], "big") + 12
        yield head[4:], at, length
        if head[4:] == b"IEND":
            return
        at += length
        file.seek(at)
