"""What is painted in a mask's file: two makes of files, told apart by their content.

- **Paint**: white is painted, black isn't. So this pack's page sends masks, and so they are stored.
- **The mask editor's own** (`clipspace-mask-….png`, `clipspace-painted-masked-….png`): a picture in
  which the painted parts are transparent. Load Image's MASK is read so: 1 - alpha.

A file without transparency is paint. One that is *given* with any is the editor's, but for white
strokes on a clear ground, white wherever it can be seen: there the strokes are painted. Where
either could be meant, it is the editor's if what can be seen in it is the picture that it is given
for. What is given with transparency is stored as plain paint.

One that *lies in a folder* with transparency is read as ever, grey times alpha, unless it is
plainly the editor's: in colour, or all black, where that would leave nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from .images import DEEP_MODES, to_eight_bits

if TYPE_CHECKING:
    from PIL import Image

# What a canvas gives back of white paint that is nearly clear isn't quite white.
_WHITE = 224
_BARELY_SEEN = 16
# By how much, of 256, a browser's decoding may be off on average.
_ALIKE = 8.0


def painted(image: Image.Image) -> Image.Image:
    """A stored mask's painted parts as 8-bit grey, white = painted."""
    from PIL import ImageChops

    if not _has_alpha(image):
        return _grey(image)
    rgba = image.convert("RGBA")
    alpha, grey = rgba.getchannel("A"), _grey(rgba)
    if alpha.getextrema()[0] == 255:
        return grey
    # What is clear everywhere and black is no picture, but a canvas that nobody painted on.
    if _is_coloured(rgba) or (alpha.getbbox() and not grey.getbbox()):
        return ImageChops.invert(alpha)
    return ImageChops.multiply(grey, alpha)


def given(image: Image.Image, picture: Callable[[], Image.Image]) -> Image.Image:
    """The same of one that somebody gives as a mask. picture: gives what it is for, in RGB."""
    from PIL import ImageChops

    if not _has_alpha(image):
        return _grey(image)
    rgba = image.convert("RGBA")
    alpha = rgba.getchannel("A")
    is_opaque = alpha.getextrema()[0] == 255
    is_paint = not _is_coloured(rgba) if is_opaque else _is_white_paint(rgba)
    # Our own page's paint is opaque and grey; of anything else the picture is worth its decoding.
    if is_opaque and is_paint:
        return _grey(rgba)
    if (is_opaque or is_paint) and not _shows(rgba, picture()):
        return _grey(rgba) if is_opaque else alpha
    return ImageChops.invert(alpha)


def is_plain(image: Image.Image, paint: Image.Image) -> bool:
    """Whether whoever reads the image as grey finds just this paint, so that it can be stored as
    it is."""
    opaque = not _has_alpha(image) or image.convert("RGBA").getchannel("A").getextrema()[0] == 255
    return opaque and _grey(image).tobytes() == paint.tobytes()


def _has_alpha(image: Image.Image) -> bool:
    return image.mode not in DEEP_MODES and (
        "A" in image.getbands() or "transparency" in image.info
    )


def _grey(image: Image.Image) -> Image.Image:
    if image.mode in DEEP_MODES:
        return to_eight_bits(image)
    return image.convert("L") if image.mode in ("1", "L") else image.convert("RGB").convert("L")


def _is_coloured(rgba: Image.Image) -> bool:
    """Whether anything that can be seen has a colour."""
    import numpy as np

    pixels = np.asarray(rgba)
    seen = pixels[pixels[:, :, 3] > 0]
    return bool((seen[:, :1] != seen[:, 1:3]).any())


def _is_white_paint(rgba: Image.Image) -> bool:
    import numpy as np

    pixels = np.asarray(rgba)
    seen = pixels[pixels[:, :, 3] > _BARELY_SEEN]
    return bool(len(seen)) and bool((seen[:, :3] >= _WHITE).all())


def _shows(rgba: Image.Image, picture: Image.Image) -> bool:
    """Whether what can be seen is the picture, as a browser decodes and scales it."""
    import numpy as np

    if rgba.size != picture.size:
        return False
    pixels = np.asarray(rgba).astype(np.int16)
    off = np.abs(pixels[:, :, :3] - np.asarray(picture.convert("RGB")))
    seen = off[pixels[:, :, 3] > _BARELY_SEEN]
    return bool(len(seen)) and float(seen.mean()) <= _ALIKE
