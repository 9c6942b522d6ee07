"""`gitpool log`, `snapshot` and `restore`: a profile's history."""

from __future__ import annotations

import argparse
from typing import Any

from ..profiles.versions import PAGE_LIMIT
from ..service import Service
from .output import Outcome, moment, printable, table
from .places import common_options, find_profile, find_snapshot, open_service, require_pillow

_DEFAULT_LIMIT = 20
_DIGITS = 10
_HEAD = ["SNAPSHOT", "TIME", "KIND", "", "MESSAGE"]


def register(commands: Any) -> None:
    """Add the words to the command's parser."""
    log = _on_profile(commands, "log", "list a profile's snapshots, newest first")
    log.add_argument(
        "--limit",
        metavar="N",
        type=_positive,
        default=_DEFAULT_LIMIT,
        help=f"how many at most, {_DEFAULT_LIMIT} if not said",
    )
    log.set_defaults(run=_log)
    snapshot = _on_profile(commands, "snapshot", "keep a profile as it is now")
    snapshot.add_argument("-m", "--message", metavar="TEXT", help="what to call the snapshot")
    snapshot.set_defaults(run=_snapshot)
    restore = _on_profile(commands, "restore", "go back to a snapshot; what is there now is kept")
    restore.add_argument("snapshot", metavar="SNAPSHOT", help="its id, or the first 6 digits of it")
    restore.add_argument(
        "--image",
        metavar="NAME",
        dest="images",
        nargs="+",
        action="extend",
        help="bring back only these images, by file name",
    )
    restore.set_defaults(run=_restore)


def _on_profile(commands: Any, word: str, said: str) -> argparse.ArgumentParser:
    parser = commands.add_parser(word, parents=[common_options()], help=said)
    parser.add_argument("profile", metavar="PROFILE", help="an id or a name")
    return parser


def _log(options: argparse.Namespace) -> Outcome:
    service = open_service(options)
    profile = find_profile(service, options.profile)
    data = _pages(service, profile.id, options.limit)
    rows = [
        [
            snapshot["id"][:_DIGITS],
            moment(snapshot["time"]),
            snapshot["kind"],
            "locked" if snapshot["locked"] else "",
            snapshot["message"].partition("\n")[0],
        ]
        for snapshot in data["snapshots"]
    ]
    text = table([_HEAD, *rows]) if rows else "No snapshots."
    if data["next"]:
        text += f"\nOlder ones: --limit {2 * options.limit}"
    return Outcome(data, text)


def _pages(service: Service, profile_id: str, limit: int) -> dict[str, Any]:
    found: list[dict[str, Any]] = []
    following = None
    while len(found) < limit:
        page = service.versions.history(profile_id, min(limit - len(found), PAGE_LIMIT), following)
        found += page["snapshots"]
        following = page["next"]
        if following is None:
            break
    return {"snapshots": found, "next": following}


def _snapshot(options: argparse.Namespace) -> Outcome:
    require_pillow()
    service = open_service(options)
    profile = find_profile(service, options.profile)
    data = service.versions.snapshot(profile.id, options.message)
    made = data["snapshot"]
    return Outcome(data, _said(made) if made else "Nothing has changed since the last snapshot.")


def _restore(options: argparse.Namespace) -> Outcome:
    require_pillow()
    service = open_service(options)
    profile = find_profile(service, options.profile)
    snapshot = find_snapshot(service, profile.id, options.snapshot)
    data = service.versions.restore(profile.id, snapshot, options.images)
    return Outcome(data, _said(data["snapshot"]))


def _said(snapshot: dict[str, Any]) -> str:
    return f"{snapshot['id'][:_DIGITS]}  {printable(snapshot['message'].partition(chr(10))[0])}"


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError("a limit is a whole number from 1 on")
    return int(text)
