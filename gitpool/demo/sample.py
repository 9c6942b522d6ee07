"""The demo's pictures: drawn, so nothing has to be downloaded, and the same each time."""

from __future__ import annotations

import io
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from . import scenes
from .scenes import Size


@dataclass(frozen=True)
class _Sample:
    label: str
    size: Size
    paint: Callable[[Size, np.random.Generator], Image.Image]
    mask: Callable[[Size], Image.Image] | None = None


def draw_samples() -> list[tuple[str, bytes, bytes | None]]:
    """Twelve pictures as `(label, png, mask png or None)`, the same bytes on each call.

    A mask is an L-mode PNG of its picture's size; white is painted.
    """
    return [_draw(number, sample) for number, sample in enumerate(_SAMPLES)]


def _draw(number: int, sample: _Sample) -> tuple[str, bytes, bytes | None]:
    random = np.random.default_rng(1000 + number)
    picture = _png(sample.paint(sample.size, random).convert("RGB"))
    return sample.label, picture, _png(sample.mask(sample.size)) if sample.mask else None


def _png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format="PNG", compress_level=4)
    return buffer.getvalue()


def _face_mask(size: Size) -> Image.Image:
    """A soft oval where `scenes.portrait` draws the head."""
    width, height = size
    mask = Image.new("L", size, 0)
    radius = 0.165 * min(width, height * 0.8)
    middle = (width / 2, height * 0.4)
    box = (
        middle[0] - radius * 1.1,
        middle[1] - radius * 1.4,
        middle[0] + radius * 1.1,
        middle[1] + radius * 1.4,
    )
    ImageDraw.Draw(mask).ellipse(box, fill=255)
    return mask.filter(ImageFilter.GaussianBlur(6))


def _sky_mask(size: Size) -> Image.Image:
    """A brushed band over the upper part, as somebody would paint it by hand."""
    width, height = size
    mask = Image.new("L", size, 0)
    draw = ImageDraw.Draw(mask)
    brush = height * 0.07
    for row in range(4):
        level = height * (0.1 + 0.085 * row)
        for step in range(60):
            along = step / 59
            left, right = width * (0.1 + 0.03 * row), width * (0.9 - 0.04 * row)
            x = left + (right - left) * along
            y = level + math.sin(along * 9 + row) * height * 0.012
            draw.ellipse((x - brush, y - brush, x + brush, y + brush), fill=255)
    return mask


def _disc_mask(size: Size) -> Image.Image:
    width, height = size
    radius = min(size) * 0.3
    mask = Image.new("L", size, 0)
    ImageDraw.Draw(mask).ellipse(
        (width / 2 - radius, height / 2 - radius, width / 2 + radius, height / 2 + radius),
        fill=255,
    )
    return mask


_SAMPLES = (
    _Sample("Portrait, rose light", (576, 768), scenes.portrait(scenes.ROSE), _face_mask),
    _Sample("Mountain dawn", (768, 512), scenes.mountains(scenes.DAWN)),
    _Sample("Portrait, teal", (576, 768), scenes.portrait(scenes.TEAL)),
    _Sample("Dunes", (768, 576), scenes.dunes(scenes.SAND), _sky_mask),
    _Sample("Night forest", (512, 768), scenes.forest(scenes.NIGHT)),
    _Sample("Colour study, warm", (640, 640), scenes.colour_study(scenes.WARM)),
    _Sample("Harbour at dusk", (768, 512), scenes.sea(scenes.DUSK)),
    _Sample("Portrait, amber", (576, 768), scenes.portrait(scenes.AMBER), _face_mask),
    _Sample("Colour study, cool", (640, 640), scenes.colour_study(scenes.COOL), _disc_mask),
    _Sample("Pine ridge", (768, 512), scenes.mountains(scenes.PINE)),
    _Sample("City evening", (512, 768), scenes.city(scenes.CITY)),
    _Sample("Wide lagoon", (768, 384), scenes.sea(scenes.LAGOON)),
)
