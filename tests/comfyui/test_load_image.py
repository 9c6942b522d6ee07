"""Our decoding beside ComfyUI's own Load Image, to the pixel. Run with ComfyUI's Python:

COMFYUI_DIR=/where/it/is python -m pytest tests/comfyui
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pictures import (
    base,
    of_every_format,
    of_every_mode,
    of_sixteen_bits,
    saved,
    with_broken_words,
)
from support import picture

from gitpool.errors import GitPoolError
from gitpool.nodes import decode
from gitpool.pool import images

# Load Image turns pictures, but mirrors none; a mask is painted on what
# the page shows, so here each is upright.
TURNED_OTHERWISE = (
    *(f"{kind} turned {turn}" for kind in ("JPEG", "PNG", "WEBP", "TIFF") for turn in (2, 4, 5, 7)),
)
# What PyAV shows inverted (XBM) or half a level off (XPM), or refuses: Pillow's here.
BY_PILLOW = (
    *("XBM", "MSP", "IM", "SPIDER", "DIB", "icon", "cursor"),
    *("Mac icon", "FITS", "XPM"),
)


@pytest.fixture(scope="module")
def load_image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Load Image's first frame of some bytes; None where it shows nothing."""
    there, arguments = os.environ["COMFYUI_DIR"], sys.argv
    sys.path.insert(0, there)
    sys.argv = ["main.py", "--cpu"]
    import comfy.options

    comfy.options.enable_args_parsing()
    import folder_paths
    import nodes

    sys.argv = arguments
    folder = tmp_path_factory.mktemp("input")
    folder_paths.set_input_directory(str(folder))
    node = nodes.LoadImage()

    def load(data: bytes, extension: str) -> np.ndarray | None:
        (folder / f"picture{extension}").write_bytes(data)
        try:
            return node.load_image(f"picture{extension}")[0][0].numpy()
        except Exception:  # it fails in many ways
            return None

    decode.follow(nodes.LoadImage)
    yield load
    decode.follow(None)
    sys.path.remove(there)


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
@pytest.mark.parametrize("make", of_every_mode())
def test_every_mode_and_depth(load_image: Any, make: str) -> None:
    data = of_every_mode()[make]
    wanted, found = load_image(data, _extension(data)), decode.image_array(data)[0]
    if make in TURNED_OTHERWISE:
        # Whatever it shows, ours is upright, as thumbnails and masks are.
        upright = images.as_rgb(images.decode(_file(data)))
        assert np.array_equal(found, np.asarray(upright, dtype=np.float32) / np.float32(255))
    else:
        assert np.array_equal(found, wanted), np.abs(found - wanted).max() * 255


@pytest.mark.parametrize("make", of_sixteen_bits())
def test_sixteen_bits(load_image: Any, make: str) -> None:
    data, numbers = of_sixteen_bits()[make]
    wanted, found = load_image(data, _extension(data)), decode.image_array(data)[0]
    assert np.array_equal(found, wanted), np.abs(found - wanted).max() * 255
    assert len(np.unique(found)) > 60_000 or numbers.ndim == 3


@pytest.mark.parametrize("make", of_every_format())
def test_every_format(load_image: Any, make: str) -> None:
    data, extension = of_every_format()[make]
    wanted, found = load_image(data, extension), decode.image_array(data)[0]
    if make in BY_PILLOW:
        assert found.shape[:2] == (wanted.shape[:2] if wanted is not None else found.shape[:2])
    else:
        assert np.array_equal(found, wanted), np.abs(found - wanted).max() * 255


def test_what_it_shows_of_damaged_files_is_taken_and_shown(load_image: Any) -> None:
    noise = picture(3, (90, 60))
    flipped = bytearray(noise)
    flipped[len(noise) // 2] ^= 1
    files = {
        **with_broken_words(),
        "cut": noise[: len(noise) // 2],
        "flipped": bytes(flipped),
        "cut JPEG": picture(3, (90, 60), "JPEG")[:2400],
        "cut TIFF": saved(base(), "TIFF")[:3000],
        "cut BMP": picture(3, (90, 60), "BMP")[:9000],
        "no picture": b"just text",
    }
    for what, data in files.items():
        extension = ".jpg" if "JPEG" in what else ".png"
        wanted = load_image(data, extension)
        try:
            found = decode.image_array(data)[0]
        except GitPoolError:
            assert wanted is None, what
            continue
        assert images.check(_file(data)).size == found.shape[1::-1]
        if wanted is not None:
            assert np.array_equal(found, wanted), what


def _file(data: bytes) -> Any:
    import io

    return io.BytesIO(data)


def _extension(data: bytes) -> str:
    return images.probe(_file(data)).extension


def test_comfyui_is_where_it_is_said_to_be() -> None:
    assert (Path(os.environ["COMFYUI_DIR"]) / "nodes.py").is_file()
