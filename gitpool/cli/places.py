"""Finding what is meant: the folder of pools, the settings' folder, a profile, a snapshot."""

from __future__ import annotations

import argparse
import importlib.util
import os
import re
import time
from collections.abc import Mapping
from pathlib import Path

from ..errors import GitPoolError, Malformed, NotFound
from ..git.repository import IDENTITY, Identity
from ..identifiers import name_key
from ..profiles.library import PRIVATE
from ..profiles.registry import FILE_NAME
from ..service import Service

# ComfyUI's layout, as `gitpool.server.setup` has it; that module wants aiohttp, which a server
# without ComfyUI need not have.
_POOLS = Path("input", "grid_pool")
_SETTINGS = Path("user", "__gitpool")
_SNAPSHOT = re.compile(r"[0-9a-f]{6,40}")


def common_options() -> argparse.ArgumentParser:
    """What every command on pools takes; a parent for its parser."""
    parent = argparse.ArgumentParser(add_help=False)
    parent.add_argument(
        "folder",
        metavar="FOLDER",
        type=Path,
        help="ComfyUI's folder, or the one that holds the profiles (input/grid_pool)",
    )
    parent.add_argument(
        "--user",
        metavar="FOLDER",
        type=Path,
        help="where Git Pool's settings lie; by default ComfyUI's user/__gitpool",
    )
    parent.add_argument("--json", action="store_true", help="print one JSON document")
    return parent


def open_service(
    options: argparse.Namespace, environment: Mapping[str, str] = os.environ
) -> Service:
    """All of Git Pool over the folder that was named. Raises NotFound."""
    base = find_pools(options.folder)
    user = options.user or user_folder(base)
    return Service(base, user, time.time, environment=environment)


def find_pools(folder: Path) -> Path:
    """The folder of pools that is meant: this one, or the one in ComfyUI's folder or its
    `input`. An empty folder is one too, to import into. Raises NotFound."""
    folder = Path(os.path.abspath(folder))
    if not folder.is_dir():
        raise NotFound("unknown_folder", f"There is no folder {folder}.")
    if (folder / FILE_NAME).exists() or (folder / PRIVATE).is_dir():
        return folder
    for below in (folder / _POOLS, folder / _POOLS.name):
        if below.is_dir():
            return below
    entries = list(folder.iterdir())
    has_profiles = any((entry / ".git" / IDENTITY).exists() for entry in entries)
    if folder.name == _POOLS.name or has_profiles or not entries:
        return folder
    raise NotFound(
        "no_pools",
        f"There are no pools in {folder}.",
        "Name ComfyUI's folder, or the one that holds the profiles: input/grid_pool.",
    )


def user_folder(base: Path) -> Path:
    """Where settings lie: in ComfyUI's `user` folder if the pools are in a ComfyUI's `input`."""
    root = base.parent.parent
    if root / _POOLS == base and (root / _SETTINGS.parent).is_dir():
        return root / _SETTINGS
    return base / PRIVATE / "user"


def find_profile(service: Service, wanted: str) -> Identity:
    """The profile of that id, else the one of that name. Raises NotFound."""
    entries = service.library.registry.entries()
    found = [entry for entry in entries if entry.id == wanted]
    found += [entry for entry in entries if name_key(entry.name) == name_key(wanted.strip())]
    if not found:
        raise NotFound(
            "unknown_profile",
            f"There is no profile “{wanted}” here.",
            "`gitpool list` shows those there are.",
        )
    return found[0]


def find_profiles(service: Service, wanted: list[str]) -> list[Identity]:
    """The profiles of these ids or names, each once; all there are where none is named."""
    if not wanted:
        return service.library.registry.entries()
    return list(dict.fromkeys(find_profile(service, text) for text in wanted))


def find_snapshot(service: Service, profile_id: str, wanted: str) -> str:
    """The id of the snapshot that begins so. Raises Malformed or NotFound."""
    start = wanted.lower()
    if not _SNAPSHOT.fullmatch(start):
        raise Malformed(
            "bad_snapshot",
            f"“{wanted}” isn't a snapshot's id.",
            "Give at least its first 6 digits; `gitpool log` shows them.",
        )
    objects = service.library.repository(profile_id).objects
    # Among all that is stored: a history that must be mended first can't be walked yet.
    found = {i for i in objects.all_ids() if i.startswith(start)}
    found = {i for i in found if objects.kind(i) == b"commit"}
    if not found:
        raise NotFound(
            "unknown_snapshot",
            f"There is no snapshot {wanted}.",
            "`gitpool log` shows those there are.",
        )
    if len(found) > 1:
        raise Malformed(
            "ambiguous_snapshot", f"Several snapshots begin with {wanted}.", "Give more digits."
        )
    return found.pop()


def require_pillow() -> None:
    """Raise where images can't be looked at; ComfyUI brings Pillow, a bare server may not."""
    if importlib.util.find_spec("PIL") is None:
        raise GitPoolError(
            "no_pillow", "This needs Pillow, to look at images.", "`pip install pillow` brings it."
        )
