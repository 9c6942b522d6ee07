"""Small images whose thumbnails are like those of photographs, for `benchmarks.scroll`."""

from __future__ import annotations

import os
from pathlib import Path

from PIL import Image, ImageChops

_SIDE = 384
_KINDS = 40


def make_scenes(folder: Path, count: int) -> list[Path]:
    """So many JPEG files, all different, as rough at every scale as photographs are, so that
    their thumbnails are as large as a person's; those already there are kept."""
    place = folder / f"scenes-{_SIDE}"
    place.mkdir(parents=True, exist_ok=True)
    paths = [place / f"scene_{number:05}.jpg" for number in range(count)]
    missing = [(number, path) for number, path in enumerate(paths) if not path.exists()]
    scenes = [_scene() for _ in range(_KINDS)] if missing else []
    for number, path in missing:
        scene = ImageChops.offset(scenes[number % _KINDS], number * 7, number * 3)
        half = path.with_suffix(".half")
        scene.save(half, "JPEG", quality=85)
        os.replace(half, path)
    return paths


def _scene() -> Image.Image:
    """Noise of every scale on top of each other, the coarser the stronger."""
    bands = []
    for _ in range(3):
        band = Image.new("L", (_SIDE, _SIDE), 128)
        for cells in (192, 96, 48, 24, 12, 6, 3):
            noise = Image.effect_noise((cells, cells), 90.0).resize(band.size, Image.BICUBIC)
            band = Image.blend(band, noise, 0.35)
        bands.append(band)
    return Image.merge("RGB", bands)
