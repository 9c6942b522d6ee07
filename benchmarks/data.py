"""Images that don't compress, the same ones in every run, made once into a folder."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from pathlib import Path

from PIL import Image

Make = Callable[[Path, int, int], None]


def make_images(folder: Path, count: int, megabytes: float) -> list[Path]:
    """So many PNG files of noise, each of about that size; those already there are kept."""
    side = max(8, round((megabytes * 1e6 / 3) ** 0.5))
    return _all(folder / f"{side}x{side}", "noise_{:05}.png", count, side, _noise)


def _all(place: Path, name: str, count: int, side: int, make: Make) -> list[Path]:
    place.mkdir(parents=True, exist_ok=True)
    paths = [place / name.format(number) for number in range(count)]
    for number, path in enumerate(paths):
        if not path.exists():
            make(path, number, side)
    return paths


def _noise(path: Path, seed: int, side: int) -> None:
    noise = random.Random(seed).randbytes(side * side * 3)
    half = path.with_suffix(".half")
    # Noise stays as large whatever the level; at level 0 it is made sooner.
    Image.frombytes("RGB", (side, side), noise).save(half, "PNG", compress_level=0)
    os.replace(half, path)


def make_photos(folder: Path, count: int, megabytes: float) -> list[Path]:
    """So many PNG files like photographs, smooth with a grain, each of about that size: what
    they cost to decode is what a person's do."""
    side = round((megabytes * 1e6 / 2.1) ** 0.5)
    return _all(folder / f"photos-{side}", "photo_{:03}.png", count, side, _photo)


def _photo(path: Path, number: int, side: int) -> None:
    ramp = Image.linear_gradient("L").resize((side, side)).rotate(number * 7 % 360)
    grain = [Image.effect_noise((side, side), 8.0) for _ in range(3)]
    bands = [Image.blend(ramp, noise, 0.5) for noise in grain]
    half = path.with_suffix(".half")
    Image.merge("RGB", bands).save(half, "PNG", compress_level=4)
    os.replace(half, path)
