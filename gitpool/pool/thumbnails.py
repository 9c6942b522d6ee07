"""Small images for the grid, made once per content and kept in a cache folder."""

from __future__ import annotations

import contextlib
import io
import os
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from . import durable, images, masks

if TYPE_CHECKING:
    from PIL import Image

SIZES = (64, 96, 128, 192, 256, 384, 512, 768, 1024, 2048)
# Another one has all of its kind drawn anew: images, masks.
_VERSIONS = {"i": "1", "m": "2"}
# Above this many bytes, files not used lately are dropped.
CACHE_LIMIT = 1024**3
_ABANDONED = 3600.0


def fit_size(size: int) -> int:
    """The size, in pixels of the longer side, that a wanted one is rounded up to."""
    return next((known for known in SIZES if known >= size), SIZES[-1])


class ThumbnailCache:
    """WebP thumbnails under `folder`, named by content id and size."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def etag(self, content_id: str, size: int, is_mask: bool) -> str:
        kind = "m" if is_mask else "i"
        return f"{content_id}-{fit_size(size)}{kind}{_VERSIONS[kind]}"

    def get(
        self,
        source: Callable[[], Path | BinaryIO],
        content_id: str,
        size: int,
        is_mask: bool,
        ends_early: Callable[[int], None] = lambda _: None,
    ) -> bytes:
        """The thumbnail's bytes, made from what `source` gives unless the cache has them.

        ends_early: told the file's size where it has to be drawn and isn't whole.
        """
        path = self._path(content_id, size, is_mask)
        with contextlib.suppress(FileNotFoundError):
            if _is_whole(data := path.read_bytes()):
                return data
        given = source()
        data, whole = render(given, fit_size(size), is_mask)
        if not whole:
            ends_early(_size_of(given))
        with contextlib.suppress(OSError):
            _keep(path, data)
        return data

    def has(self, content_id: str, size: int, is_mask: bool = False) -> bool:
        """Whether the thumbnail costs no decoding."""
        return self._path(content_id, size, is_mask).is_file()

    def _path(self, content_id: str, size: int, is_mask: bool) -> Path:
        name = self.etag(content_id, size, is_mask) + ".webp"
        return self.folder / content_id[:2] / name

    def size_of(self, content_ids: set[str]) -> int:
        """Bytes that the cache holds for these contents."""
        total = 0
        for prefix in {content_id[:2] for content_id in content_ids}:
            with contextlib.suppress(FileNotFoundError):
                for file in (self.folder / prefix).iterdir():
                    if file.name.partition("-")[0] in content_ids:
                        total += file.stat().st_size
        return total

    def trim(self, limit: int = CACHE_LIMIT) -> None:
        """Drop the files not used for longest until at most `limit` bytes are left, and what a
        killed process left half-made."""
        files = []
        for path in self.folder.glob("*/*"):
            # Another server may be at it too.
            with contextlib.suppress(FileNotFoundError):
                stat = path.stat()
                if not path.name.startswith(durable.TEMP_PREFIX):
                    files.append((stat.st_atime, stat.st_size, path))
                elif abs(time.time() - stat.st_mtime) > _ABANDONED:
                    path.unlink()
        total = sum(size for _, size, _ in files)
        for _, size, path in sorted(files):
            if total <= limit:
                return
            path.unlink(missing_ok=True)
            total -= size


def _is_whole(data: bytes) -> bool:
    """Whether a WebP ends where it says: https://developers.google.com/speed/webp/docs/riff_container."""
    return data[:4] == b"RIFF" and int.from_bytes(data[4:8], "little") + 8 == len(data)


def _keep(path: Path, data: bytes) -> None:
    """Write a file whole, but don't wait for the disk: what a power cut garbles is made again."""
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_name(f"{durable.TEMP_PREFIX}{secrets.token_hex(8)}")
    try:
        half.write_bytes(data)
        durable.replace(half, path)
    finally:
        half.unlink(missing_ok=True)


def _size_of(source: Path | BinaryIO) -> int:
    return source.stat().st_size if isinstance(source, Path) else source.seek(0, os.SEEK_END)


def render(source: Path | BinaryIO, size: int, is_mask: bool) -> tuple[bytes, bool]:
    """A WebP whose longer side is at most `size`, and whether all of the image is in it; a mask
    becomes white, its paint as alpha."""
    from PIL import Image

    image, whole = images.decode_whole(source, size)
    if is_mask:
        grey = masks.painted(image)
        grey.thumbnail((size, size), Image.Resampling.BOX, reducing_gap=2.0)
        small = Image.merge("LA", (Image.new("L", grey.size, 255), grey)).convert("RGBA")
    else:
        small = _shown(image, size)
    out = io.BytesIO()
    small.save(out, "WEBP", quality=80, method=2)
    return out.getvalue(), whole


def _shown(image: Image.Image, size: int) -> Image.Image:
    from PIL import Image

    has_alpha = "A" in image.getbands() or "transparency" in image.info
    if image.mode in images.DEEP_MODES:
        image = images.to_eight_bits(image)
    # Palette and one-bit images can't be averaged as they are.
    if image.mode not in ("RGB", "RGBA", "L", "CMYK"):
        image = image.convert("RGBA") if has_alpha else images.as_rgb(image)
    image.thumbnail((size, size), Image.Resampling.LANCZOS, reducing_gap=2.0)
    return image.convert("RGBA" if has_alpha else "RGB")
