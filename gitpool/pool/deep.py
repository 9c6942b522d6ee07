"""An image as numbers from 0 to 1, with all the levels that its file has: 65,536 where it has
sixteen bits a channel, as Load Image gives them since ComfyUI 0.33.

Pillow has no colour of more than eight bits: of each two bytes it keeps the high one. Which of
them is high its decoders are told by a word, `RGB;16B` or `RGB;16L`. So such a file is decoded
twice, the second time with the other word, and both bytes are there.
"""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING, Any

from . import images

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image

_OTHER = {"B": "L", "L": "B", "N": "B" if sys.byteorder == "little" else "L"}
_COLOURS = ("RGB;16", "RGBX;16", "RGBA;16")
# Grey with alpha, four bytes a pixel: read as they are, they are what RGBA has.
_GREY_ALPHA, _ITS_BYTES = "LA;16B", "RGBA"


def levels(data: bytes) -> np.ndarray:
    """The first frame, turned as its EXIF data says: [H,W,3], float32, 0..1.

    Raises NotAnImage or TooLarge.
    """
    import numpy as np

    with images.open_image(io.BytesIO(data)) as (image, _):
        words = _words(image)
        samples = _samples(image, data)
        images.load(image)
        shown = images.upright(image)
        if samples is not None:
            return (samples / np.float32(65535.0)).astype(np.float32)
        if shown.mode in images.DEEP_MODES:
            grey = images.grey_levels(shown).astype(np.float32)
            return np.repeat(grey[:, :, None], 3, axis=2)
        if words is None:
            return np.asarray(images.as_rgb(shown), dtype=np.float32) / np.float32(255.0)
    return _both_bytes(data, words, shown)


def _words(image: Image.Image) -> list[str] | None:
    """What the decoders of an opened image are told, for it to give the other bytes; None where it
    has none."""
    found = []
    # Icons have no tiles, in some versions of Pillow not even none.
    for tile in image.tile or ():
        word = tile[3] if isinstance(tile[3], str) else tile[3][0] if tile[3] else None
        if word == _GREY_ALPHA and image.mode == _ITS_BYTES and tile[0] == "zip":
            found.append(_ITS_BYTES)
        elif isinstance(word, str) and word[:-1] in _COLOURS and word.startswith(image.mode):
            found.append(word[:-1] + _OTHER[word[-1]])
        else:
            return None
    return found or None


def _both_bytes(data: bytes, words: list[str], shown: Image.Image) -> np.ndarray:
    import numpy as np

    with images.open_image(io.BytesIO(data)) as (image, _):
        image.tile = [_told(tile, word) for tile, word in zip(image.tile, words, strict=True)]
        images.load(image)
        other = np.asarray(images.upright(image))
    if words[0] == _ITS_BYTES:
        grey = other[:, :, 0].astype(np.uint16) << 8 | other[:, :, 1]
        both = np.repeat(grey[:, :, None], 3, axis=2)
    else:
        both = np.asarray(shown)[:, :, :3].astype(np.uint16) << 8 | other[:, :, :3]
    return both.astype(np.float32) / np.float32(65535.0)


def _told(tile: Any, word: str) -> Any:
    args = word if isinstance(tile[3], str) else (word, *tile[3][1:])
    return type(tile)((*tile[:3], args)) if type(tile) is tuple else type(tile)(*tile[:3], args)


def _samples(image: Image.Image, data: bytes) -> np.ndarray | None:
    """A PPM's own numbers, scaled to sixteen bits, where it has more than 256 of them; None where
    it isn't one. It is a header, then two bytes a sample: https://netpbm.sourceforge.net/doc/ppm.html."""
    import numpy as np

    if image.format != "PPM" or image.mode != "RGB" or not image.tile:
        return None
    decoder, _, offset, args = image.tile[0]
    if decoder != "ppm" or args[-1] < 256:
        return None
    count = image.width * image.height * 3
    found = np.zeros(count, dtype=np.float32)
    there = np.frombuffer(data[offset : offset + 2 * count], dtype=">u2", count=-1)
    found[: len(there)] = there.astype(np.float32) * np.float32(65535.0 / args[-1])
    return found.clip(0, 65535).reshape(image.height, image.width, 3)
