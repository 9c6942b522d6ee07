"""An image with its mask as transparency: what ComfyUI's mask editor opens."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path

from . import images, masks


def render(path: Path, mask: Path | None, channel: str) -> bytes:
    """A PNG of the image as shown. channel: `rgb` without mask, `a` the mask alone, `rgba` both.

    Painted is transparent, as in the files that the editor writes.
    """
    from PIL import Image, ImageChops

    shown = images.as_rgb(images.decode(path))
    painted = Image.new("L", shown.size, 0)
    # A mask may be cleared at any moment.
    with contextlib.suppress(FileNotFoundError):
        if mask is not None and mask.is_file():
            painted = masks.painted(images.decode(mask))
    if painted.size != shown.size:
        painted = painted.resize(shown.size, Image.Resampling.BILINEAR)
    if channel == "a":
        shown = Image.new("RGB", shown.size)
    if channel != "rgb":
        shown.putalpha(ImageChops.invert(painted))
    out = io.BytesIO()
    shown.save(out, "PNG", compress_level=1)
    return out.getvalue()
