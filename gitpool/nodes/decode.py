"""From image files to the arrays that nodes exchange, as ComfyUI's Load Image decodes them."""

from __future__ import annotations

import importlib.util
import io
from typing import TYPE_CHECKING

from ..pool import deep, images, masks, pyav

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image

_PYAV = "VideoFromFile"
_by_pyav = False


def follow(load_image: type | None) -> None:
    """Decode as this Load Image does: since ComfyUI 0.33 by PyAV, before by Pillow alone."""
    global _by_pyav
    code = getattr(getattr(load_image, "load_image", None), "__code__", None)
    does = code is not None and _PYAV in code.co_names
    _by_pyav = does and importlib.util.find_spec("av") is not None


def image_array(data: bytes) -> np.ndarray:
    """IMAGE: [1,H,W,3] float32 0..1, of the first frame, turned as its EXIF data says.

    Raises NotAnImage or TooLarge.
    """
    found = pyav.first_frame(data) if _by_pyav else None
    return (deep.levels(data) if found is None else found)[None]


def mask_array(data: bytes | None, height: int, width: int) -> np.ndarray:
    """MASK: [1,H,W] float32 0..1, white = painted; zeros without a mask.

    A mask of another size, as only old folders have, is scaled.
    """
    import numpy as np

    if data is None:
        return np.zeros((1, height, width), dtype=np.float32)
    mask = _fitted(masks.painted(images.decode(io.BytesIO(data))), height, width)
    return np.asarray(mask, dtype=np.float32)[None] / np.float32(255.0)


def empty_arrays() -> tuple[np.ndarray, np.ndarray]:
    """What an empty pool gives: one black pixel, nothing painted."""
    import numpy as np

    return np.zeros((1, 1, 1, 3), dtype=np.float32), np.zeros((1, 1, 1), dtype=np.float32)


def _fitted(mask: Image.Image, height: int, width: int) -> Image.Image:
    from PIL import Image

    if mask.size == (width, height):
        return mask
    return mask.resize((width, height), Image.Resampling.BILINEAR)
