"""What edits of a plain pool took away or replaced, kept for a while so that it can come back.

A plain pool has no history. Its files' bytes are kept outside its folder, each under its content
id, until the edits that may want them again are forgotten.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Set
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from ..errors import Damaged
from . import durable
from .content import ContentIds


@dataclass(frozen=True)
class KeptFiles:
    """The kept files of one pool, in `folder`, which need not exist."""

    folder: Path
    contents: ContentIds

    def path_of(self, content_id: str) -> Path:
        return self.folder / content_id

    def keep(self, path: Path) -> None:
        """Keep what a file holds, whatever becomes of the file; a missing one holds nothing."""
        with contextlib.suppress(FileNotFoundError):
            kept = self.path_of(self.contents.of(path))
            if self.holds(kept.name):
                return
            self.folder.mkdir(parents=True, exist_ok=True)
            kept.unlink(missing_ok=True)
            durable.link_or_copy(path, kept)

    def holds(self, content_id: str) -> bool:
        """Whether that content is here, unharmed."""
        try:
            return self.contents.of(self.path_of(content_id)) == content_id
        except FileNotFoundError:
            return False

    def copy(self, content_id: str, target: BinaryIO) -> None:
        """Write that content to `target`. Raises Damaged where it isn't here."""
        if not self.holds(content_id):
            raise Damaged("damaged", "What was kept of this pool is gone.")
        with open(self.path_of(content_id), "rb") as source:
            shutil.copyfileobj(source, target, 1 << 20)

    def size(self) -> int:
        """Bytes of all that is kept."""
        return sum(entry.stat().st_size for entry in self._entries())

    def retain(self, wanted: Set[str]) -> None:
        """Let go of everything but these."""
        for entry in self._entries():
            if entry.name not in wanted:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(entry.path)

    def _entries(self) -> list[os.DirEntry[str]]:
        try:
            return [e for e in os.scandir(self.folder) if e.is_file(follow_symlinks=False)]
        except FileNotFoundError:
            return []
