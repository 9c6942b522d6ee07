"""Images as files: what they are, whether Load Image shows them, how large. Pillow comes late.

One decoder says what is an image, for uploads, zips, dropped files, remotes and runs alike: an
image is what ComfyUI's Load Image opens with Pillow, strictly, else with truncated files allowed.
"""

from __future__ import annotations

import contextlib
import io
import struct
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from ..errors import NotAnImage, TooLarge, kept_in_lfs
from . import formats, png
from .leniency import lenient, strict
from .lfs_pointer import LONGEST, is_lfs_pointer
from .reading import open_file

if TYPE_CHECKING:
    from PIL import Image

# Pillow's own bound for what isn't a decompression bomb: a quarter gigabyte as RGB.
MAX_PIXELS = 89_478_485
MAX_FILE_BYTES = 256 * 1024 * 1024

_EXIF_ORIENTATION = 0x0112
_TURNED = (5, 6, 7, 8)
# Once their header is read, Pillow shows whatever can be had of these, without a failure.
_ALWAYS_SHOWN = ("PNG", "JPEG", "MPO")
# Where only the pixels tell the size.
_VAGUE = ("ICO", "CUR", "ICNS")
# Grey of more than 8 bits.
DEEP_MODES = ("I", "I;16", "I;16B", "I;16L", "I;16N", "F")
_BAD_EXIF = (ValueError, LookupError, TypeError, ArithmeticError, OSError, struct.error)
_SURELY_RGB = ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr")


@dataclass(frozen=True)
class ImageInfo:
    """An image's kind and its size in pixels as shown, after EXIF rotation.

    whole: whether all of its pixels are there, as far as anybody looked.
    """

    extension: str
    width: int
    height: int
    whole: bool = True

    @property
    def size(self) -> tuple[int, int]:
        return self.width, self.height


def probe(source: Path | BinaryIO) -> ImageInfo:
    """What the header says. Raises NotAnImage or TooLarge."""
    with open_image(source) as (image, extension):
        return _info(image, extension)


def check(source: Path | BinaryIO) -> ImageInfo:
    """The same verdict as `verify`, without decoding where the header decides it."""
    with open_image(source) as (image, extension):
        if image.format not in _ALWAYS_SHOWN or not image.tile:
            _show(image)
        return _info(image, extension)


def verify(source: Path) -> ImageInfo:
    """Decodes the first frame. A damaged file that Load Image shows is an image, but not whole.

    Raises NotAnImage or TooLarge.
    """
    with open_image(source) as (image, extension):
        whole = _show(image)
        return replace(_info(image, extension), whole=whole)


def decode(source: Path | BinaryIO, size: int | None = None) -> Image.Image:
    """The first frame, turned as its EXIF data says, its pixels read.

    A damaged file gives what can be read of it, as Load Image does. size: the longer side that
    will do, for formats that can decode less. Raises NotAnImage or TooLarge.
    """
    return decode_whole(source, size)[0]


def decode_whole(source: Path | BinaryIO, size: int | None = None) -> tuple[Image.Image, bool]:
    """The same, and whether all of its pixels are there."""
    with open_image(source) as (image, _):
        if size and image.format == "JPEG":
            image.draft(None, (size, size))
        whole = load(image)
        return upright(image), whole


@contextlib.contextmanager
def open_image(source: Path | BinaryIO) -> Iterator[tuple[Image.Image, str]]:
    """An image opened by its bytes, not its name, its header read and its size checked, and its
    own extension.

    Raises NotAnImage or TooLarge; no pixel is decoded before the size is known.
    """
    with contextlib.ExitStack() as stack:
        # Given a path, Pillow maps some TIFFs into memory and then forgets to turn them.
        file = stack.enter_context(open_file(source)) if isinstance(source, Path) else source
        file.seek(0)
        head = file.read(16)
        file.seek(0)
        image = stack.enter_context(_identify(file))
        for width, height in (image.size, *formats.sizes_inside(image, file)):
            if width * height > MAX_PIXELS:
                raise _too_many_pixels()
        yield image, formats.extension_of(image, head)


def load(image: Image.Image) -> bool:
    """Read an opened image's pixels, those of a damaged one as Load Image does: strictly, then
    leniently what is left to read. Gives whether all are there. Raises NotAnImage."""
    waiting = bool(image.tile)
    try:
        with strict():
            image.load()
        return True
    except Exception:  # Pillow's decoders raise almost anything on damaged data
        if waiting and _has_pixels(image):
            return True
    try:
        with lenient():
            image.load()
    except Exception as error:
        if not waiting or not _has_pixels(image):
            raise _broken() from error
    return False


def _has_pixels(image: Image.Image) -> bool:
    """Whether only what lies behind the pixels couldn't be read, which nobody needs."""
    return not image.tile and image.fp is not None


def upright(image: Image.Image) -> Image.Image:
    """The loaded image turned as its EXIF data says; unreadable EXIF data says nothing."""
    from PIL import ImageOps

    # A TIFF was turned when it was loaded; some versions of Pillow would turn it back.
    if image.format != "TIFF":
        with contextlib.suppress(SyntaxError, *_BAD_EXIF):
            ImageOps.exif_transpose(image, in_place=True)
    return image


def as_rgb(image: Image.Image) -> Image.Image:
    """RGB as Load Image makes it, save that grey of more than 8 bits is scaled, not clipped.
    Raises NotAnImage."""
    try:
        return (to_eight_bits(image) if image.mode in DEEP_MODES else image).convert("RGB")
    except ValueError as error:
        raise _broken() from error


def to_eight_bits(image: Image.Image) -> Image.Image:
    """16-bit grey, which Pillow also opens as 32-bit, scaled to 8 bits, not clipped."""
    import numpy as np
    from PIL import Image

    return Image.fromarray((grey_levels(image) * 255.0).round().astype(np.uint8))


def grey_levels(image: Image.Image):  # type: ignore[no-untyped-def]
    """Grey of one of `DEEP_MODES` as an array of numbers from 0 to 1. Float grey is taken as 0..1
    where it fits, else as 0..255."""
    import numpy as np

    values = np.nan_to_num(np.asarray(image).astype(np.float64))
    top = 65535.0
    if image.mode == "F":
        top = 1.0 if values.size and values.max() <= 1.0 else 255.0
    return (values / top).clip(0.0, 1.0)


def shown_as(image: Image.Image) -> tuple[tuple[int, int], int | None]:
    """An opened image's size in pixels after EXIF rotation, and the number that EXIF gives this
    turn; None where it has none."""
    if image.format in _VAGUE:
        load(image)
    try:
        orientation = _exif(image).get(_EXIF_ORIENTATION)
        turned = orientation in _TURNED
        if turned and image.format == "TIFF":
            # Some versions of Pillow have turned a TIFF's size already, some have not.
            image.load()
            return image.size, orientation
        return (image.size[::-1] if turned else image.size), orientation
    except Exception:  # damaged EXIF is no reason to refuse a picture
        return image.size, None


def _identify(file: BinaryIO) -> Image.Image:
    from PIL import Image, UnidentifiedImageError

    try:
        return _patiently_opened(file)
    except Image.DecompressionBombError:
        raise _too_many_pixels() from None
    except UnidentifiedImageError:
        file.seek(0)
        if is_lfs_pointer(file.read(LONGEST + 1)):
            raise kept_in_lfs() from None
        raise NotAnImage(
            "not_an_image",
            "This file isn't an image that can be read.",
            "Use PNG, JPEG, WebP, GIF, BMP or TIFF.",
        ) from None
    except Exception as error:  # Pillow's parsers raise almost anything on crafted headers
        raise _broken() from error


def _patiently_opened(file: BinaryIO) -> Image.Image:
    from PIL import Image

    try:
        with strict():
            return _opened(file)
    except Image.DecompressionBombError:
        raise
    except Exception:
        try:
            with lenient():
                return _opened(file)
        except Exception:
            # Load Image shows a PNG by PyAV, which doesn't read its words.
            seen = png.what_is_seen(file)
            if seen is None:
                raise
            with lenient():
                return _opened(io.BytesIO(seen))


def _opened(file: BinaryIO) -> Image.Image:
    from PIL import Image

    file.seek(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return Image.open(file, formats=formats.readable())


def _show(image: Image.Image) -> bool:
    """Do all of what may fail when the image is shown; gives what `load` does."""
    whole = load(image)
    if image.mode not in _SURELY_RGB:
        as_rgb(image)
    return whole


def _info(image: Image.Image, extension: str) -> ImageInfo:
    return ImageInfo(extension, *shown_as(image)[0])


def _exif(image: Image.Image) -> Image.Exif:
    """The EXIF data. Pillow decodes a PNG whole to find it, in case it lies behind the pixels;
    here only if something does."""
    from PIL import Image

    if image.format != "PNG":
        return image.getexif()
    if image.fp is not None and png.has_words_behind_pixels(image.fp):
        load(image)
    return Image.Image.getexif(image)


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
