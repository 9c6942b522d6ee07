"""Reading images strictly, else the way Load Image does: what a cut-off file still shows.

Pillow's leniency is one switch for the whole process, which other threads, and other node packs,
may have set as well.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import TypeVar

from ..errors import NotAnImage

T = TypeVar("T")
_SWITCH = threading.RLock()


def patiently(read: Callable[[], T]) -> T:
    """Read strictly; where that fails, leniently. Where another thread is lenient just now, the
    first reading may be so too, with the same outcome."""
    try:
        return read()
    except NotAnImage:
        with switched(lenient=True):
            return read()


def tell_whole(read: Callable[[], T]) -> tuple[T, bool]:
    """The same, and whether reading strictly was enough."""
    try:
        with switched(lenient=False):
            return read(), True
    except NotAnImage:
        with switched(lenient=True):
            return read(), False


@contextlib.contextmanager
def switched(lenient: bool) -> Iterator[None]:
    """Pillow's own leniency, set for a moment; one thread at a time."""
    from PIL import ImageFile

    with _SWITCH:
        before = ImageFile.LOAD_TRUNCATED_IMAGES
        ImageFile.LOAD_TRUNCATED_IMAGES = lenient
        try:
            yield
        finally:
            ImageFile.LOAD_TRUNCATED_IMAGES = before
