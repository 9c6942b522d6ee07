"""Pillow's leniency towards cut-off files: one switch for the whole process, which other node packs
set too. Here many may read strictly at a time, or one leniently."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator


class _Switch:
    """Who is reading, and what the switch was before anybody was."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._strict = 0
        self._waiting = 0
        self._lenient = False
        self._before = False

    @contextlib.contextmanager
    def strict(self) -> Iterator[None]:
        from PIL import ImageFile

        with self._changed:
            # Who wants to be lenient isn't kept waiting for ever by those who never pause.
            self._changed.wait_for(lambda: not self._lenient and not self._waiting)
            if not self._strict:
                self._before = ImageFile.LOAD_TRUNCATED_IMAGES
                ImageFile.LOAD_TRUNCATED_IMAGES = False
            self._strict += 1
        try:
            yield
        finally:
            with self._changed:
                self._strict -= 1
                if not self._strict:
                    ImageFile.LOAD_TRUNCATED_IMAGES = self._before
                    self._changed.notify_all()

    @contextlib.contextmanager
    def lenient(self) -> Iterator[None]:
        from PIL import ImageFile

        with self._changed:
            self._waiting += 1
            try:
                self._changed.wait_for(lambda: not self._lenient and not self._strict)
            finally:
                self._waiting -= 1
                self._changed.notify_all()
            self._lenient = True
            before, ImageFile.LOAD_TRUNCATED_IMAGES = ImageFile.LOAD_TRUNCATED_IMAGES, True
        try:
            yield
        finally:
            with self._changed:
                ImageFile.LOAD_TRUNCATED_IMAGES = before
                self._lenient = False
                self._changed.notify_all()


_switch = _Switch()
strict, lenient = _switch.strict, _switch.lenient
