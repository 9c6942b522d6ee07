"""Images as files: what they are, whether they decode, how large. Pillow comes late."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from ..errors import NotAnImage, TooLarge

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
_EXIF_ORIENTATION = 0x0112
_TURNED = (5, 6, 7, 8)


@dataclass(frozen=True)
class ImageInfo:
    """An image's kind and its size in pixels as shown, after EXIF rotation."""

    extension: str
    width: int
    height: int

    @property
    def size(self) -> tuple[int, int]:
        return self.width, self.height


def open_image(source: Path | BinaryIO) -> Image.Image:
    """An image opened by its bytes, not its name, its header read and its size checked.

    Raises NotAnImage or TooLarge; no pixel is decoded before the size is known.
    """
    from PIL import Image, UnidentifiedImageError

    known = [name for name in _EXTENSION_OF if name in _readable_formats()]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image = Image.open(source, formats=known)
    except Image.DecompressionBombError:
        raise _too_many_pixels() from None
    except UnidentifiedImageError:
        raise NotAnImage(
            "not_an_image",
            "This file isn't an image that can be read.",
            "Use PNG, JPEG, WebP, GIF, BMP or TIFF.",
        ) from None
    except FileNotFoundError:
        raise
    except Exception as error:  # Pillow's parsers raise almost anything on crafted headers
        raise _broken() from error
    if image.width * image.height > MAX_PIXELS:
        image.close()
        raise _too_many_pixels()
    return image


def probe(source: Path | BinaryIO) -> ImageInfo:
    """What the header says. Raises NotAnImage or TooLarge."""
    with open_image(source) as image:
        return _info(image)


def verify(source: Path | BinaryIO) -> ImageInfo:
    """Like `probe`, but decodes the first frame whole, so a cut-off file is refused too."""
    with open_image(source) as image:
        info = _info(image)
        try:
            image.load()
        except Exception as error:  # see open_image
            raise _broken() from error
        return info


def upright(image: Image.Image) -> Image.Image:
    """The image turned as its EXIF data says."""
    from PIL import ImageOps

    return ImageOps.exif_transpose(image)


def mask_layer(image: Image.Image) -> Image.Image:
    """A mask's painted parts as 8-bit grey, white = painted; transparent isn't painted."""
    from PIL import Image, ImageChops

    image = upright(image)
    if image.mode == "1" or image.mode == "L":
        return image.convert("L")
    if image.mode in ("I", "I;16", "F"):
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

    values = np.asarray(image).astype(np.float64)
    top = 65535.0
    if image.mode == "F":
        top = 1.0 if values.size and values.max() <= 1.0 else 255.0
    scaled = (values * (255.0 / top)).clip(0, 255).round().astype(np.uint8)
    return Image.fromarray(scaled)


def _info(image: Image.Image) -> ImageInfo:
    width, height = image.size
    try:
        turned = image.getexif().get(_EXIF_ORIENTATION) in _TURNED
    except Exception:  # damaged EXIF is no reason to refuse a picture
        turned = False
    if turned:
        width, height = height, width
    return ImageInfo(_EXTENSION_OF[image.format or "PNG"], width, height)


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
