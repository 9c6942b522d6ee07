"""Images about to be added to a profile, several at once: noted before the first is in its place,
so that a crash leaves all of them or none."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from ..pool import durable
from ..pool.reading import read_file
from .repository import Repository

_NOTE = "gitpool-adding"


@contextlib.contextmanager
def noted(repo: Repository, files: Mapping[str, Path]) -> Iterator[None]:
    """Have the note lie there for a block that moves these files into the folder, under their
    names, and has the manifest name them."""
    note, stats = repo.git / _NOTE, {name: path.stat() for name, path in files.items()}
    said = {name: [stat.st_size, stat.st_mtime_ns] for name, stat in stats.items()}
    durable.write_file(note, json.dumps(said).encode())
    try:
        yield
    except BaseException:
        clear(repo)
        raise
    # Where it can't be removed now, the next operation finds that all it names have a slot.
    with contextlib.suppress(OSError):
        note.unlink()


def clear(repo: Repository) -> None:
    """Remove images that a crash kept from getting a slot, if one did: they are known by what
    the note says of them, for somebody may have put others there since."""
    note = repo.git / _NOTE
    try:
        said = json.loads(read_file(note))
    except (FileNotFoundError, IsADirectoryError):
        return
    except (ValueError, RecursionError):
        said = {}  # whoever wrote it was killed before anything was in its place
    manifest = repo.folder.read()
    if manifest is not None and isinstance(said, dict):
        files, named = repo.folder.image_files(), manifest.file_names()
        for name in said.keys() & files.keys() - named:
            if said[name] == [files[name].st_size, files[name].st_mtime_ns]:
                (repo.path / name).unlink()
        durable.sync_folder(repo.path)
    note.unlink()
