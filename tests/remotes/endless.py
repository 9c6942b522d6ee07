"""A pack that begins as any other and never ends, in the words of git's protocols 0, 1 and 2."""

from __future__ import annotations

import gzip
import itertools
import random
import struct
import zlib
from collections.abc import Iterator

_OBJECTS = 1_000_000
_BLOB = 1 << 16
_BLOB_KIND = 3
_DATA = b"\x01"


def pkt(data: bytes) -> bytes:
    """A pkt-line."""
    return b"%04x%b" % (len(data) + 4, data)


def pkt_lines(data: bytes) -> Iterator[bytes]:
    """The lines of a request; flush and delimiter as empty ones."""
    at = 0
    while at + 4 <= len(data):
        size = int(data[at : at + 4], 16)
        yield data[at + 4 : at + size]
        at += max(size, 4)


def asked(body: bytes, encoding: str | None) -> list[bytes]:
    """The lines of a request's body, without newlines."""
    plain = gzip.decompress(body) if encoding in ("gzip", "x-gzip") else body
    return [line.rstrip(b"\n") for line in pkt_lines(plain)]


def wants_pack(lines: list[bytes], version: int) -> bool:
    """Whether a pack is the answer, not a list of refs."""
    if version == 2:
        return b"command=fetch" in lines
    return any(line.startswith(b"want ") for line in lines)


def answer(lines: list[bytes], version: int) -> Iterator[bytes]:
    """The answer to a request for a pack."""
    if version == 2:
        yield _start_of_2(lines)
        yield from _banded(_pack(), 65515)
        return
    yield _start_of_0(lines)
    if b"done" in lines:
        yield from _in_band_of_0(lines)


def _start_of_2(lines: list[bytes]) -> bytes:
    # A client that isn't done yet must hear first that a pack comes.
    ready = b"" if b"done" in lines else pkt(b"acknowledgments\n") + pkt(b"ready\n") + b"0001"
    return ready + pkt(b"packfile\n")


def _start_of_0(lines: list[bytes]) -> bytes:
    deepens = any(line.startswith(b"deepen") for line in lines)
    return (b"0000" if deepens else b"") + pkt(b"NAK\n")


def _in_band_of_0(lines: list[bytes]) -> Iterator[bytes]:
    capabilities = next(line for line in lines if line.startswith(b"want ")).split()
    if b"side-band-64k" in capabilities:
        return _banded(_pack(), 65515)
    return _banded(_pack(), 995) if b"side-band" in capabilities else _pack()


def _banded(pack: Iterator[bytes], width: int) -> Iterator[bytes]:
    for part in pack:
        for start in range(0, len(part), width):
            yield pkt(_DATA + part[start : start + width])


def _pack() -> Iterator[bytes]:
    """More objects than anybody can take, and then still more; each is sound and another."""
    yield b"PACK" + struct.pack(">II", 2, _OBJECTS)
    noise = random.Random(0).randbytes(_BLOB - 8)
    for number in itertools.count():
        blob = struct.pack(">Q", number) + noise
        yield _object_head(_BLOB_KIND, len(blob)) + zlib.compress(blob, 0)


def _object_head(kind: int, size: int) -> bytes:
    head, size = [kind << 4 | size & 15], size >> 4
    while size:
        head[-1] |= 128
        head.append(size & 127)
        size >>= 7
    return bytes(head)
