"""`gitpool list` and `gitpool storage`: which profiles there are, and what they take."""

from __future__ import annotations

import argparse
from typing import Any

from ..errors import GitPoolError
from ..profiles.profiles import KEEP_DELETED_DAYS
from ..service import Service
from .exits import FINE, exit_code, from_system
from .output import Outcome, counted, error_body, moment, printable, size, table
from .places import common_options, find_profiles, open_service

_HEAD = ["NAME", "IMAGES", "ID"]
_BYTES = ("files", "history", "thumbnails", "reclaimable")
_COUNTS = ("images", "snapshots")


def register(commands: Any) -> None:
    """Add the words to the command's parser."""
    listing = commands.add_parser("list", parents=[common_options()], help="list the profiles")
    listing.set_defaults(run=_list)
    storage = commands.add_parser(
        "storage", parents=[common_options()], help="tell what profiles take on the disk"
    )
    storage.add_argument("profiles", metavar="PROFILE", nargs="*", help="an id or a name")
    storage.set_defaults(run=_storage)


def _list(options: argparse.Namespace) -> Outcome:
    service = open_service(options)
    data = service.profiles.list()
    for profile in data["profiles"]:
        profile["images"] = _count_images(service, profile["id"])
    return Outcome(data, "\n\n".join(filter(None, (_listed(data), _others(data), _deleted(data)))))


def _count_images(service: Service, profile_id: str) -> int | None:
    """How many images a profile has; None where its folder is gone."""
    if not service.library.path_of(profile_id).is_dir():
        return None
    return len(service.library.manifest(profile_id).slots)


def _listed(data: dict[str, Any]) -> str:
    rows = [
        [p["name"], "gone" if p["images"] is None else str(p["images"]), p["id"]]
        for p in data["profiles"]
    ]
    return table([_HEAD, *rows], [1]) if rows else "No profiles."


def _others(data: dict[str, Any]) -> str:
    rows = [[p["name"] or "", str(p["images"]), p["id"]] for p in data["unregistered"]]
    return "Pools that are no profile:\n" + table([_HEAD, *rows], [1]) if rows else ""


def _deleted(data: dict[str, Any]) -> str:
    rows = [[p["name"], moment(p["deleted"]), p["id"]] for p in data["deleted"]]
    if not rows:
        return ""
    head = ["NAME", "DELETED", "ID"]
    return f"Deleted, kept for {KEEP_DELETED_DAYS} days:\n" + table([head, *rows])


def _storage(options: argparse.Namespace) -> Outcome:
    service = open_service(options)
    profiles, code = [], FINE
    for entry in find_profiles(service, options.profiles):
        # One that can't be measured doesn't keep the others from being told.
        try:
            measured = service.storage(entry.id)
        except (GitPoolError, OSError) as error:
            told = error if isinstance(error, GitPoolError) else from_system(error)
            measured, code = (
                {"error": error_body(told)},
                exit_code(told),
            )
        profiles.append({"id": entry.id, "name": entry.name, **measured})
    total = {
        kind: sum(profile.get(kind, 0) for profile in profiles) for kind in (*_BYTES, *_COUNTS)
    }
    return Outcome({"profiles": profiles, "total": total}, _sizes(profiles, total), code)


def _sizes(profiles: list[dict[str, Any]], total: dict[str, int]) -> str:
    rows = [["NAME", *(kind.upper() for kind in (*_BYTES, *_COUNTS))]]
    rows += [_row(p["name"], p) for p in profiles if "error" not in p]
    rows.append(_row(counted(len(profiles), "profile"), total))
    failed = [f"{printable(p['name'])}: {p['error']['message']}" for p in profiles if "error" in p]
    return "\n".join([table(rows, range(1, len(rows[0]))), *failed])


def _row(name: str, measured: dict[str, Any]) -> list[str]:
    return [name, *(size(measured[k]) for k in _BYTES), *(str(measured[k]) for k in _COUNTS)]
