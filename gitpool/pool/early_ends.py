"""Which images end before all of their pixels are there: cut off on their way here, and shown by
Load Image all the same. Noted, by content, when one is decoded; no manifest knows of it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path


class EarlyEnds:
    """Notes in `folder`: an empty file each, named by the image's size and content id.

    The size is there so that no image has to be read for its id unless one of its size is known.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: dict[str, int] | None = None

    def note(self, content_id: str, size: int) -> bool:
        """Keep in mind that this image ends early; gives whether that is news."""
        known = self._read()
        if content_id in known:
            return False
        known[content_id] = size
        # Where it can't be written, it is found out again when the image is decoded again.
        with contextlib.suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True)
            (self._folder / f"{size}-{content_id}").touch()
        return True

    def among(
        self,
        files: Mapping[str, os.stat_result],
        contents: Callable[[Iterable[str]], Mapping[str, str]],
    ) -> set[str]:
        """The names of those that end early. contents: gives the content ids of named files."""
        known = self._read()
        if not known:
            return set()
        sizes = set(known.values())
        ids = contents([name for name, stat in files.items() if stat.st_size in sizes])
        return {name for name, content_id in ids.items() if content_id in known}

    def _read(self) -> dict[str, int]:
        if self._known is None:
            found = {}
            with contextlib.suppress(OSError):
                for name in os.listdir(self._folder):
                    size, _, content_id = name.partition("-")
                    if size.isdigit():
                        found[content_id] = int(size)
            self._known = found
        return self._known
