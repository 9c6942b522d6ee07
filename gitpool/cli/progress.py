"""A bar for long work, on stderr, where that is a terminal."""

from __future__ import annotations

import shutil
import sys
import time
from types import TracebackType

from .output import printable

_BAR = 24
_EVERY = 0.1


class Progress:
    """Call it with what is done and the total; nothing is left of it when the block ends."""

    def __init__(self, label: str) -> None:
        self.visible = sys.stderr.isatty()
        self._label = printable(label)
        self._shown = ""
        self._next = 0.0

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._shown:
            self._write(f"\r{' ' * len(self._shown)}\r")

    def __call__(self, done: int, total: int) -> None:
        now = time.monotonic()
        if not self.visible or now < self._next:
            return
        self._next = now + _EVERY
        share = min(done / total, 1.0) if total > 0 else 0.0
        full = round(share * _BAR)
        bar = f" [{'#' * full}{'.' * (_BAR - full)}] {share:4.0%}"
        room = shutil.get_terminal_size().columns - len(bar) - 1
        self._shown = self._label[: max(0, room)] + bar
        self._write(f"\r{self._shown}")

    def _write(self, text: str) -> None:
        encoding = sys.stderr.encoding or "utf-8"
        sys.stderr.write(text.encode(encoding, "replace").decode(encoding, "replace"))
        sys.stderr.flush()
