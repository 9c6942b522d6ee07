"""Pictures of every make, as files: what Pillow writes, and the rest byte by byte."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import numpy as np
from PIL import Image

SIZE = (60, 36)


def base() -> Image.Image:
    """A picture that looks different from every side."""
    image = Image.radial_gradient("L").resize(SIZE).convert("RGB")
    image.paste((255, 0, 0), (0, 0, 17, 11))
    image.paste((0, 0, 255), (45, 27, 60, 36))
    return image


def clear() -> Image.Image:
    """The same, fading away."""
    image = base()
    image.putalpha(Image.linear_gradient("L").resize(SIZE))
    return image


def saved(image: Image.Image, kind: str, **more: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **more)
    return out.getvalue()


def chunk(kind: bytes, data: bytes) -> bytes:
    """A PNG's chunk."""
    whole = kind + data
    return struct.pack(">I", len(data)) + whole + struct.pack(">I", zlib.crc32(whole))


def deep_png(samples: np.ndarray, colour: int) -> bytes:
    """A PNG of 16 bits a channel. colour: as PNG counts, 0 grey, 2 RGB, 4 with alpha, 6 both."""
    height, width = samples.shape[:2]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in samples)
    head = struct.pack(">IIBBBBB", width, height, 16, colour, 0, 0, 0)
    parts = chunk(b"IHDR", head), chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def deep_tiff(samples: np.ndarray, order: str = "<", packed: bool = False, turn: int = 1) -> bytes:
    """A TIFF of 16 bits a channel. order: of its bytes, `<` or `>`. turn: EXIF's orientation."""
    height, width = samples.shape[:2]
    channels = 1 if samples.ndim == 2 else samples.shape[2]
    data = samples.astype(f"{order}u2").tobytes()
    if packed:
        data = zlib.compress(data)
    entries = {
        256: (4, 1, width),
        257: (4, 1, height),
        259: (3, 1, 8 if packed else 1),
        262: (3, 1, 1 if channels == 1 else 2),
        273: (4, 1, 8),
        274: (3, 1, turn),
        277: (3, 1, channels),
        278: (4, 1, height),
        279: (4, 1, len(data)),
        **({338: (3, 1, 2)} if channels == 4 else {}),
    }
    at = 8 + len(data)
    behind = at + 2 + 12 * (len(entries) + 1) + 4
    entries[258] = (3, channels, 16 if channels == 1 else behind)
    found = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}I", at) + data
    found += struct.pack(f"{order}H", len(entries))
    for tag, (kind, count, value) in sorted(entries.items()):
        form = "HH" if kind == 3 and count == 1 else "I"
        values = (value, 0) if form == "HH" else (value,)
        found += struct.pack(f"{order}HHI{form}", tag, kind, count, *values)
    return found + struct.pack(f"{order}I", 0) + struct.pack(f"{order}H", 16) * channels


def psd() -> bytes:
    """A Photoshop file without layers."""
    head = struct.pack(">4sH6xHIIHH", b"8BPS", 1, 3, SIZE[1], SIZE[0], 8, 3)
    planes = b"".join(band.tobytes() for band in base().split())
    return head + bytes(12) + b"\0\0" + planes


def qoi() -> bytes:
    """A QOI in which each pixel is written out."""
    pixels = base().tobytes()
    colours = b"".join(b"\xfe" + pixels[i : i + 3] for i in range(0, len(pixels), 3))
    return struct.pack(">4sIIBB", b"qoif", *SIZE, 3, 0) + colours + bytes(7) + b"\1"


def cursor() -> bytes:
    """A Windows cursor: an icon but for two bytes."""
    icon = bytearray(saved(clear().resize((32, 32)), "ICO", bitmap_format="bmp", sizes=[(32, 32)]))
    icon[2] = 2
    return bytes(icon)


def fits() -> bytes:
    """A FITS of eight bits, grey."""
    cards = ["SIMPLE  = T", "BITPIX  = 8", "NAXIS   = 2", f"NAXIS1  = {SIZE[0]}"]
    cards += [f"NAXIS2  = {SIZE[1]}", "END"]
    data = base().convert("L").transpose(Image.Transpose.FLIP_TOP_BOTTOM).tobytes()
    return "".join(card.ljust(80) for card in cards).ljust(2880).encode() + data.ljust(2880, b"\0")


def sun() -> bytes:
    """A Sun raster."""
    pixels = np.asarray(base())[:, :, ::-1].tobytes()
    return struct.pack(">8I", 0x59A66A95, *SIZE, 24, len(pixels), 1, 0, 0) + pixels


def xpm() -> bytes:
    """An XPM of two colours."""
    rows = ",\n".join(f'"{"ab" * (SIZE[0] // 2)}"' for _ in range(SIZE[1]))
    head = f'/* XPM */\nstatic char *x[] = {{\n"{SIZE[0]} {SIZE[1]} 2 1",\n'
    return f'{head}"a c #ff0000",\n"b c #0000ff",\n{rows}\n}};\n'.encode()


def of_every_format() -> dict[str, tuple[bytes, str]]:
    """A file of each format that Load Image shows and Pillow alone reads, and its extension."""
    image, grey, small = base(), base().convert("L"), clear().resize((32, 32))
    one = grey.convert("1")
    return {
        "TGA": (saved(image, "TGA"), ".tga"),
        "TGA with alpha, packed": (saved(clear(), "TGA", compression="tga_rle"), ".tga"),
        "PCX": (saved(image, "PCX"), ".pcx"),
        "DDS": (saved(clear(), "DDS"), ".dds"),
        "JPEG 2000": (saved(image, "JPEG2000"), ".jp2"),
        "JPEG 2000, bare": (saved(image, "JPEG2000", no_jp2=True), ".j2k"),
        "PPM": (saved(image, "PPM"), ".ppm"),
        "PGM": (saved(grey, "PPM"), ".pgm"),
        "PBM": (saved(one, "PPM"), ".pbm"),
        "PSD": (psd(), ".psd"),
        "QOI": (qoi(), ".qoi"),
        "icon": (saved(small, "ICO", sizes=[(32, 32)]), ".ico"),
        "cursor": (cursor(), ".cur"),
        "Mac icon": (saved(small.resize((64, 64)), "ICNS"), ".icns"),
        "SGI": (saved(image, "SGI"), ".sgi"),
        "FITS": (fits(), ".fits"),
        "Sun raster": (sun(), ".ras"),
        "XPM": (xpm(), ".xpm"),
        "XBM": (saved(one, "XBM"), ".xbm"),
        "MSP": (saved(one, "MSP"), ".msp"),
        "IM": (saved(image, "IM"), ".im"),
        "SPIDER": (saved(grey.convert("F"), "SPIDER"), ".spi"),
        "DIB": (saved(image, "DIB"), ".dib"),
    }


def of_every_mode() -> dict[str, bytes]:
    """One of each make and depth of the formats that everybody has, eight bits a channel."""
    image, palette = base(), base().quantize(16)
    grey = image.convert("L")
    frames = [Image.new("RGB", SIZE, colour) for colour in ("red", "lime", "blue")]
    moving = {"save_all": True, "append_images": frames[1:], "duration": 50}
    found = {
        "1": saved(grey.convert("1"), "PNG"),
        "L": saved(grey, "PNG"),
        "LA": saved(clear().convert("LA"), "PNG"),
        "P": saved(palette, "PNG"),
        "P with a clear colour": saved(palette, "PNG", transparency=3),
        "P with alphas": saved(palette, "PNG", transparency=bytes(range(0, 256, 16))),
        "L with a clear shade": saved(grey, "PNG", transparency=9),
        "RGB with a clear colour": saved(image, "PNG", transparency=(255, 0, 0)),
        "RGB": saved(image, "PNG"),
        "RGBA": saved(clear(), "PNG"),
        "JPEG": saved(image, "JPEG"),
        "JPEG, grey": saved(grey, "JPEG"),
        "JPEG, CMYK": saved(image.convert("CMYK"), "JPEG"),
        "TIFF": saved(image, "TIFF"),
        "TIFF, 1": saved(grey.convert("1"), "TIFF"),
        "TIFF, LA": saved(clear().convert("LA"), "TIFF"),
        "TIFF, P": saved(palette, "TIFF"),
        "TIFF, RGBA": saved(clear(), "TIFF"),
        "TIFF, CMYK": saved(image.convert("CMYK"), "TIFF"),
        "TIFF, LZW": saved(image, "TIFF", compression="tiff_lzw"),
        "BMP": saved(image, "BMP"),
        "BMP, P": saved(palette, "BMP"),
        "GIF": saved(palette, "GIF"),
        "WebP": saved(image, "WEBP", lossless=True),
        "WebP, lossy": saved(image, "WEBP"),
        "WebP with alpha": saved(clear(), "WEBP", lossless=True),
        "a moving PNG": saved(frames[0], "PNG", **moving),
        "a moving GIF": saved(frames[0], "GIF", **moving),
        "a moving WebP": saved(frames[0], "WEBP", lossless=True, **moving),
        "a TIFF of pages": saved(frames[0], "TIFF", save_all=True, append_images=frames[1:]),
    }
    for kind in ("JPEG", "PNG", "WEBP", "TIFF"):
        for turn in range(1, 9):
            exif = Image.Exif()
            exif[0x0112] = turn
            exact = {"lossless": True} if kind == "WEBP" else {}
            found[f"{kind} turned {turn}"] = saved(image, kind, exif=exif, **exact)
    return found


def of_sixteen_bits() -> dict[str, tuple[bytes, np.ndarray]]:
    """Files of sixteen bits a channel, with the numbers that they show, [H,W] or [H,W,3]."""
    chance = np.random.default_rng(5)
    height, width = 128, 512
    grey = np.arange(65536, dtype=np.uint16).reshape(height, width)
    colour = np.stack([grey, grey[::-1], grey[:, ::-1]], axis=2)
    alpha = chance.integers(0, 65536, (height, width, 1), dtype=np.uint16)
    both = np.concatenate([colour, alpha], axis=2)
    form = b"%d %d 65535\n" % (width, height)
    return {
        "PNG, grey": (deep_png(grey, 0), grey),
        "PNG, RGB": (deep_png(colour, 2), colour),
        "PNG, grey with alpha": (deep_png(np.dstack([grey, alpha[..., 0]]), 4), grey),
        "PNG, RGBA": (deep_png(both, 6), colour),
        "TIFF, grey": (deep_tiff(grey), grey),
        "TIFF, grey, the other order": (deep_tiff(grey, ">"), grey),
        "TIFF, RGB": (deep_tiff(colour), colour),
        "TIFF, RGB, the other order": (deep_tiff(colour, ">"), colour),
        "TIFF, RGB, packed": (deep_tiff(colour, packed=True), colour),
        "TIFF, RGB, packed, the other order": (deep_tiff(colour, ">", packed=True), colour),
        "TIFF, RGBA": (deep_tiff(both), colour),
        "TIFF, RGB, turned": (deep_tiff(colour, turn=6), np.rot90(colour, -1)),
        "PGM": (b"P5 " + form + grey.astype(">u2").tobytes(), grey),
        "PPM": (b"P6 " + form + colour.astype(">u2").tobytes(), colour),
    }


def with_broken_words() -> dict[str, bytes]:
    """PNGs whose pixels are whole, with text behind or before them that can't be read."""
    whole = saved(base(), "PNG")
    body, end = whole[:-12], whole[-12:]
    texts = {
        "packed in no known way": b"k\0\5" + zlib.compress(b"x"),
        "packed badly": b"k\0\0not zlib's",
        "as long as memory": b"k\0\0" + zlib.compress(bytes(3 << 20)),
        "without an end": b"k",
    }
    found = {f"a text {how}": body + chunk(b"zTXt", text) + end for how, text in texts.items()}
    for how, text in texts.items():
        found[f"a text before, {how}"] = whole[:33] + chunk(b"zTXt", text) + whole[33:]
    profile = chunk(b"iCCP", b"k\0\5none")
    found["a profile before, packed in no known way"] = whole[:33] + profile + whole[33:]
    found["a measure that is cut off"] = whole[:33] + chunk(b"cHRM", b"\0") + whole[33:]
    good = chunk(b"zTXt", b"k\0\0" + zlib.compress(b"x"))
    found["a text with a wrong sum"] = body + good[:-4] + b"none" + end
    found["a text that is cut off"] = body + good[:10]
    return found
