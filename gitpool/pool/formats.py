"""Which image formats are taken: those that ComfyUI's Load Image shows, under their own extensions.

Left out are the formats for which Pillow starts a program (EPS: Ghostscript), asks the system
(WMF, EMF), opens whatever they hold as a file of its own, EPS too (IPTC), or only reads a header
and leaves the pixels to somebody else (BUFR, GRIB, HDF5, MPEG).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from PIL import Image

# By Pillow's name of the format, in capitals. The last ones come with packages that other node
# packs bring, and that Load Image then uses too.
EXTENSION_OF = {
    "PNG": ".png",
    "JPEG": ".jpg",
    "MPO": ".jpg",
    "WEBP": ".webp",
    "GIF": ".gif",
    "BMP": ".bmp",
    "TIFF": ".tiff",
    "AVIF": ".avif",
    "BLP": ".blp",
    "CUR": ".cur",
    "DCX": ".dcx",
    "DDS": ".dds",
    "DIB": ".dib",
    "FITS": ".fits",
    "FLI": ".fli",
    "FTEX": ".ftu",
    "GBR": ".gbr",
    "ICNS": ".icns",
    "ICO": ".ico",
    "IM": ".im",
    "IMT": ".imt",
    "JPEG2000": ".jp2",
    "MCIDAS": ".area",
    "MSP": ".msp",
    "PCD": ".pcd",
    "PCX": ".pcx",
    "PIXAR": ".pxr",
    "PPM": ".ppm",
    "PSD": ".psd",
    "QOI": ".qoi",
    "SGI": ".sgi",
    "SPIDER": ".spi",
    "SUN": ".ras",
    "TGA": ".tga",
    "XBM": ".xbm",
    "XPM": ".xpm",
    "XVTHUMB": ".p7",
    "HEIF": ".heic",
    "JXL": ".jxl",
}
# One name of Pillow's, several formats: told by how the file begins.
_BEGINNINGS = {
    "PPM": {
        b"P1": ".pbm",
        b"P4": ".pbm",
        b"P2": ".pgm",
        b"P5": ".pgm",
        b"Pf": ".pfm",
        b"PF": ".pfm",
    },
    "JPEG2000": {b"\xff\x4f": ".j2k"},
}
# Pictures in a picture, whose size the header around them doesn't tell.
_HOLDING_OTHERS = ("BLP", "CUR", "ICNS", "ICO", "JPEG2000")
_PNG_SIGN, _J2K_SIGN = b"\x89PNG\r\n\x1a\n", b"\xff\x4f\xff\x51"
_JPEG_SIGNS = (b"\xff\xc0", b"\xff\xc1", b"\xff\xc2")
_SIGNS = (
    _PNG_SIGN,
    b"\xff\xd8\xff",
    b"GIF8",
    b"BM",
    b"II*\x00",
    b"MM\x00*",
    b"II\x00*",
    b"MM*\x00",
    b"II+\x00",
    b"MM\x00+",
    b"BLP1",
    b"BLP2",
    b"DDS ",
    b"8BPS",
    b"FTEX",
    b"icns",
    b"qoif",
    b"\x00\x00\x01\x00",
    b"\x00\x00\x02\x00",
    b"\x00\x00\x00\x0cjP  ",
    _J2K_SIGN,
    b"\x59\xa6\x6a\x95",
    b"\xb1\x68\xde\x3a",
    b"\x01\xda\x00",
    b"\x01\xda\x01",
    b"SIMPLE  =",
    b"DanM",
    b"LinS",
    b"/* XPM */",
    b"#define ",
    b"P7 332",
    b"\x80\xe8\x00\x00",
    b"(\x00\x00\x00",
    b"\xff\x0a",
)
_TGA_KINDS, _TGA_DEPTHS = (1, 2, 3, 9, 10, 11), (1, 8, 15, 16, 24, 32)


def readable() -> list[str]:
    """Pillow's names of the formats that are taken, those it can read here, in the order in
    which it asks them for a file that it is to open."""
    from PIL import Image

    Image.init()
    return [name for name in Image.ID if name in EXTENSION_OF and name in Image.OPEN]


def extension_of(image: Image.Image, head: bytes) -> str:
    """An opened image's own extension. head: how its file begins."""
    name = (image.format or "PNG").upper()
    return _BEGINNINGS.get(name, {}).get(head[:2], EXTENSION_OF[name])


def looks_like_image(head: bytes) -> bool:
    """Whether a file that begins so may be one of the kinds that are taken; only its own bytes,
    decoded, prove it."""
    return (
        head.startswith(_SIGNS)
        or (head[:4] == b"RIFF" and head[8:12] == b"WEBP")
        or head[4:8] == b"ftyp"
        or (head[:1] == b"P" and head[1:2] in b"123456Ff" and head[2:3].isspace())
        or (head[:1] == b"\x0a" and head[1:2] in b"\x00\x02\x03\x05" and head[2:3] in b"\x00\x01")
        or head[4:6] in (b"\x11\xaf", b"\x12\xaf")
        or _looks_like_tga(head)
    )


def _looks_like_tga(head: bytes) -> bool:
    """TGA has no signature: https://www.dca.fee.unicamp.br/~martino/disciplinas/ia369/tga.pdf."""
    if len(head) < 18 or head[1] > 1 or head[2] not in _TGA_KINDS or head[16] not in _TGA_DEPTHS:
        return False
    width, height = struct.unpack_from("<HH", head, 12)
    return width > 0 and height > 0


def sizes_inside(image: Image.Image, file: BinaryIO) -> Iterator[tuple[int, int]]:
    """The sizes of the pictures that an opened one holds, as their own headers tell them."""
    name = (image.format or "").upper()
    if name not in _HOLDING_OTHERS:
        return
    place = file.tell()
    file.seek(0)
    data = file.read()
    file.seek(place)
    yield from _found(data, _PNG_SIGN, ">8xII")
    yield from _found(data, _J2K_SIGN, ">4xII")
    if name == "BLP":
        for sign in _JPEG_SIGNS:
            yield from ((width, height) for height, width in _found(data, sign, ">3xHH"))


def _found(data: bytes, sign: bytes, form: str) -> Iterator[tuple[int, int]]:
    at = data.find(sign)
    while at >= 0:
        start = at + len(sign)
        if start + struct.calcsize(form) <= len(data):
            width, height = struct.unpack_from(form, data, start)
            yield width, height
        at = data.find(sign, start)
