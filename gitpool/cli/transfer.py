"""`gitpool export` and `import`: profiles as files."""

from __future__ import annotations

import argparse
import contextlib
import os
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from ..errors import NotFound
from ..git.repository import Identity
from ..identifiers import file_name_of
from ..pool import durable
from ..profiles.library import size_below
from ..service import Service
from .output import Outcome, printable, size, table
from .places import common_options, find_profile, open_service, require_pillow
from .progress import Progress

_SUFFIXES = {"zip": ".zip", "bundle": ".bundle"}
_LOOK_EVERY = 0.25


def register(commands: Any) -> None:
    """Add the words to the command's parser."""
    out = commands.add_parser(
        "export", parents=[common_options()], help="write a profile to a zip or a git bundle"
    )
    out.add_argument("profile", metavar="PROFILE", help="an id or a name")
    out.add_argument("out", metavar="OUT", type=Path, help="the file to write, or a folder for it")
    out.add_argument(
        "--format",
        choices=sorted(_SUFFIXES),
        help="zip: the images as they are now; bundle: the whole history; by default OUT's "
        "ending decides, and else it is zip",
    )
    out.set_defaults(run=_export)
    into = commands.add_parser(
        "import", parents=[common_options()], help="make a profile from a zip or a git bundle"
    )
    into.add_argument("file", metavar="FILE", type=Path, help="what `export` wrote")
    into.add_argument("--name", help="what to call the profile; by default the file says it")
    into.set_defaults(run=_import)


def _export(options: argparse.Namespace) -> Outcome:
    service = open_service(options)
    profile = find_profile(service, options.profile)
    form = options.format or ("bundle" if options.out.suffix == _SUFFIXES["bundle"] else "zip")
    if not service.library.path_of(profile.id).is_dir():
        raise NotFound("missing_folder", "This profile's folder is gone.")
    target = _target(options.out, profile, form)
    exchange, sizes = service.exchange, service.cleanups.sizes(profile.id)
    if form == "bundle":
        (_, pieces), expected, left_out = exchange.export_bundle(profile.id), sizes["history"], []
    else:
        (_, pieces, left_out), expected = exchange.export_zip(profile.id), sizes["files"]
    written = 0
    with Progress(f"Exporting {profile.name}") as progress, _opened(target) as file:
        for piece in pieces:
            file.write(piece)
            written += len(piece)
            progress(written, max(written, expected))
    data = {"id": profile.id, "name": profile.name, "file": str(target)}
    data |= {"format": form, "bytes": written}
    said = f"{printable(profile.name)} is in {printable(str(target))} ({size(written)})."
    if left_out:
        data["left_out"] = left_out
        said += f" Left out: {printable(', '.join(left_out))}. A bundle carries them."
    return Outcome(data, said)


def _target(out: Path, profile: Identity, form: str) -> Path:
    """The file that is meant; links are followed, so that none is replaced by a file."""
    if out.is_dir():
        out = out / file_name_of(profile.name, _SUFFIXES[form], profile.id)
    return Path(os.path.realpath(out))


def _opened(target: Path) -> contextlib.AbstractContextManager[BinaryIO]:
    """The file to write; what was there before stays until the new one is whole."""
    if target.exists() and not target.is_file():  # a pipe or a device
        return open(target, "wb")
    return durable.replacing(target)


def _import(options: argparse.Namespace) -> Outcome:
    require_pillow()
    service = open_service(options)
    if not options.file.is_file():
        raise NotFound("unknown_file", f"There is no file {options.file}.")
    new_id = uuid.uuid4().hex
    with _watched(service, new_id, options.file):
        entry = service.exchange.import_file(options.file, new_id, options.name, options.file.name)
    said = [f"{printable(entry['name'])} is here now, as {entry['id']}."]
    left_out = entry.get("left_out", [])
    if left_out:
        said.append(f"Left out of it ({len(left_out)}):")
        said.append(table([[f"  {left['name']}", left["why"]] for left in left_out]))
    return Outcome(entry, "\n".join(said))


@contextlib.contextmanager
def _watched(service: Service, new_id: str, file: Path) -> Iterator[None]:
    """Show how an import gets on, by what it has written: about twice the file, once as
    images and once as history."""
    scratch, expected = service.library.private / "tmp" / new_id, 2 * file.stat().st_size
    over = threading.Event()
    with Progress(f"Importing {file.name}") as progress:

        def watch() -> None:
            while not over.wait(_LOOK_EVERY):
                progress(min(size_below(scratch), expected * 99 // 100), expected)

        watcher = threading.Thread(target=watch, daemon=True)
        if progress.visible:
            watcher.start()
        try:
            yield
        finally:
            over.set()
            if progress.visible:
                watcher.join()
