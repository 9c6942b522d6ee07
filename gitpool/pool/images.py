"""Images as files: what they are, whether they decode, how large. Pillow comes late."""

from __future__ import annotations

import contextlib
import struct
import threading
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, TypeVar

from ..errors import NotAnImage, TooLarge
from .reading import open_file

if TYPE_CHECKING:
    from PIL import Image

# Pillow's own bound for what isn't a decompression bomb: a quarter gigabyte as RGB.
MAX_PIXELS = 89_478_485
MAX_FILE_BYTES = 256 * 1024 * 1024

_EXTENSION_OF = {
    "PNG": ".png",
    "JPEG": ".jpg",
    "MPO": ".jpg",
    "WEBP": ".webp",
    "GIF": ".gif",
    "BMP": ".bmp",
    "TIFF": ".tiff",
    "AVIF": ".avif",
}
_MAGIC = (
    b"\x89PNG\r\n\x1a\n",
    b"\xff\xd8\xff",
    b"GIF8",
    b"BM",
    b"II*\x00",
    b"MM\x00*",
    b"II\x00*",
    b"MM*\x00",
    b"II+\x00",
    b"MM\x00+",
)
_EXIF_ORIENTATION = 0x0112
_TURNED = (5, 6, 7, 8)
_PNG_WORDS = (b"eXIf", b"tEXt", b"zTXt", b"iTXt")
_LENIENCY = threading.RLock()
# Grey of more than 8 bits.
DEEP_MODES = ("I", "I;16", "I;16B", "I;16L", "I;16N", "F")

T = TypeVar("T")


@dataclass(frozen=True)
class ImageInfo:
    """An image's kind and its size in pixels as shown, after EXIF rotation."""

    extension: str
    width: int
    height: int

    @property
    def size(self) -> tuple[int, int]:
        return self.width, self.height


@contextlib.contextmanager
def open_image(source: Path | BinaryIO) -> Iterator[Image.Image]:
    """An image opened by its bytes, not its name, its header read and its size checked.

    Raises NotAnImage or TooLarge; no pixel is decoded before the size is known.
    """
    with contextlib.ExitStack() as stack:
        # Given a path, Pillow maps some TIFFs into memory and then forgets to turn them.
        file = stack.enter_context(open_file(source)) if isinstance(source, Path) else source
        file.seek(0)
        image = stack.enter_context(_identify(file))
        if image.width * image.height > MAX_PIXELS:
            raise _too_many_pixels()
        yield image


def _identify(file: BinaryIO) -> Image.Image:
    from PIL import Image, UnidentifiedImageError

    known = [name for name in _EXTENSION_OF if name in _readable_formats()]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            return Image.open(file, formats=known)
    except Image.DecompressionBombError:
        raise _too_many_pixels() from None
    except UnidentifiedImageError:
        raise NotAnImage(
            "not_an_image",
            "This file isn't an image that can be read.",
            "Use PNG, JPEG, WebP, GIF, BMP or TIFF.",
        ) from None
    except Exception as error:  # Pillow's parsers raise almost anything on crafted headers
        raise _broken() from error


def looks_like_image(head: bytes) -> bool:
    """Whether a file that begins so may be one of the kinds that are taken; only its own bytes,
    decoded, prove it."""
    return (
        head.startswith(_MAGIC)
        or (head[:4] == b"RIFF" and head[8:12] == b"WEBP")
        or head[4:8] == b"ftyp"
    )


def probe(source: Path | BinaryIO) -> ImageInfo:
    """What the header says. Raises NotAnImage or TooLarge."""
    return _patiently(_probe, source)


def verify(source: Path) -> ImageInfo:
    """Like `probe`, but decodes the first frame whole, so a cut-off file is refused too."""
    try:
        # Strictly, whatever another thread is lenient about just now.
        with _pillow(lenient=False):
            return _verify(source)
    except NotAnImage:
        # Sound pixels under damaged or huge metadata are a picture all the same.
        if not _is_whole_png(source):
            raise
        with _pillow(lenient=True):
            return _verify(source)


def decode(source: Path | BinaryIO, size: int | None = None) -> Image.Image:
    """The first frame, turned as its EXIF data says, its pixels read.

    A damaged file gives what can be read of it, as Load Image does. size: the longer side that
    will do, for formats that can decode less. Raises NotAnImage or TooLarge.
    """
    return _patiently(lambda given: _decode(given, size), source)


def upright(image: Image.Image) -> Image.Image:
    """The loaded image turned as its EXIF data says; unreadable EXIF data says nothing."""
    from PIL import ImageOps

    # A TIFF was turned when it was loaded; some versions of Pillow would turn it back.
    if image.format != "TIFF":
        with contextlib.suppress(SyntaxError, ValueError, KeyError, TypeError, struct.error):
            ImageOps.exif_transpose(image, in_place=True)
    return image


def as_rgb(image: Image.Image) -> Image.Image:
    """RGB as Load Image makes it, save that 16-bit grey is scaled, not clipped."""
    return (to_eight_bits(image) if image.mode in DEEP_MODES else image).convert("RGB")


def mask_layer(image: Image.Image) -> Image.Image:
    """A mask's painted parts as 8-bit grey, white = painted; transparent isn't painted."""
    from PIL import Image, ImageChops

    if image.mode in ("1", "L"):
        return image.convert("L")
    if image.mode in DEEP_MODES:
        return to_eight_bits(image)
    rgba = image.convert("RGBA")
    grey, alpha = rgba.convert("RGB").convert("L"), rgba.getchannel("A")
    if alpha.getextrema() == (255, 255):
        return grey
    return ImageChops.multiply(grey, alpha) if grey.getbbox() else Image.new("L", image.size)


def to_eight_bits(image: Image.Image) -> Image.Image:
    """16-bit grey, which Pillow also opens as 32-bit, scaled to 8 bits, not clipped. Float grey
    is taken as 0..1 where it fits, else as 0..255."""
    import numpy as np
    from PIL import Image

    values = np.nan_to_num(np.asarray(image).astype(np.float64))
    top = 65535.0
    if image.mode == "F":
        top = 1.0 if values.size and values.max() <= 1.0 else 255.0
    scaled = (values * (255.0 / top)).clip(0, 255).round().astype(np.uint8)
    return Image.fromarray(scaled)


def _patiently(read: Callable[[Path | BinaryIO], T], source: Path | BinaryIO) -> T:
    """Read strictly; where that fails, once more the way Load Image does."""
    try:
        return read(source)
    except NotAnImage:
        with _pillow(lenient=True):
            return read(source)


@contextlib.contextmanager
def _pillow(lenient: bool) -> Iterator[None]:
    """Pillow's own leniency, which is one for the whole process, set for a moment."""
    from PIL import ImageFile

    with _LENIENCY:
        before = ImageFile.LOAD_TRUNCATED_IMAGES
        ImageFile.LOAD_TRUNCATED_IMAGES = lenient
        try:
            yield
        finally:
            ImageFile.LOAD_TRUNCATED_IMAGES = before


def _probe(source: Path | BinaryIO) -> ImageInfo:
    with open_image(source) as image:
        return _info(image)


def _verify(source: Path) -> ImageInfo:
    with open_image(source) as image:
        info = _info(image)
        try:
            image.load()
            image.convert("RGB")
        except Exception as error:  # Pillow's decoders raise almost anything on damaged data
            raise _broken() from error
        return info


def _decode(source: Path | BinaryIO, size: int | None) -> Image.Image:
    with open_image(source) as image:
        try:
            if size and image.format == "JPEG":
                image.draft(None, (size, size))
            image.load()
            return upright(image)
        except Exception as error:  # see _verify
            raise _broken() from error


def _is_whole_png(path: Path) -> bool:
    with open(path, "rb") as file:
        if file.read(8) != b"\x89PNG\r\n\x1a\n":
            return False
        file.seek(0, 2)
        file.seek(max(8, file.tell() - 64))
        return b"IEND" in file.read()


def _info(image: Image.Image) -> ImageInfo:
    width, height = image.size
    try:
        turned = _exif(image).get(_EXIF_ORIENTATION) in _TURNED
        if turned and image.format == "TIFF":
            # Some versions of Pillow have turned a TIFF's size already, some have not.
            image.load()
            width, height = image.size
        elif turned:
            width, height = height, width
    except Exception:  # damaged EXIF is no reason to refuse a picture
        width, height = image.size
    return ImageInfo(_EXTENSION_OF[image.format or "PNG"], width, height)


def _exif(image: Image.Image) -> Image.Exif:
    """The EXIF data. Pillow decodes a PNG whole to find it, in case it lies behind the pixels;
    here only if something does."""
    from PIL import Image

    if image.format != "PNG":
        return image.getexif()
    if image.fp is not None and _has_words_behind_pixels(image.fp):
        image.load()
    return Image.Image.getexif(image)


def _has_words_behind_pixels(file: BinaryIO) -> bool:
    """Whether a PNG has EXIF data or text behind its pixels. Chunks are a length, a type, data
    and a checksum: https://www.w3.org/TR/png/#5Chunk-layout."""
    place, behind = file.tell(), False
    try:
        file.seek(8)
        while len(head := file.read(8)) == 8 and head[4:] != b"IEND":
            behind = behind or head[4:] == b"IDAT"
            if behind and head[4:] in _PNG_WORDS:
                return True
            file.seek(int.from_bytes(head[:4], "big") + 4, 1)
        return False
    finally:
        file.seek(place)


def _readable_formats() -> set[str]:
    from PIL import Image

    Image.init()
    return set(Image.OPEN)


def _too_many_pixels() -> TooLarge:
    return TooLarge(
        "image_too_large",
        f"This image has more than {MAX_PIXELS // 1_000_000} million pixels.",
        "Make it smaller and add it again.",
    )


def _broken() -> NotAnImage:
    return NotAnImage(
        "broken_image", "This image is damaged and can't be read whole.", "Export it again."
    )
