"""`gitpool verify`: whether pools and histories are what they were."""

from __future__ import annotations

import argparse
from typing import Any

from ..profiles.verify import Finding, Verify
from ..service import Service
from .exits import DAMAGE_FOUND, FINE
from .output import Outcome, counted, printable, table
from .places import common_options, find_profile, open_service, require_pillow
from .progress import Progress


def register(commands: Any) -> None:
    """Add the word to the command's parser."""
    verify = commands.add_parser(
        "verify", parents=[common_options()], help="look for damage, in every stored byte"
    )
    verify.add_argument(
        "profiles", metavar="PROFILE", nargs="*", help="an id or a name; without any, all"
    )
    verify.set_defaults(run=_verify)


def _verify(options: argparse.Namespace) -> Outcome:
    require_pillow()
    service = open_service(options)
    verify = Verify(service.library)
    in_list, names = verify.registry(), verify.everyone()
    ids = [_find(service, names, text) for text in options.profiles] or names
    profiles = []
    for profile_id in dict.fromkeys(ids):
        name = names.get(profile_id)
        with Progress(f"Checking {name or profile_id}") as progress:
            found = verify.check(profile_id, progress)
        profiles.append((profile_id, name, found))
    return _outcome(in_list, profiles)


def _find(service: Service, names: dict[str, str | None], wanted: str) -> str:
    """The id of a profile, or of a folder with a history that no list knows any more."""
    return wanted if wanted in names else find_profile(service, wanted).id


def _outcome(
    in_list: list[Finding], profiles: list[tuple[str, str | None, list[Finding]]]
) -> Outcome:
    count = len(in_list) + sum(len(found) for _, _, found in profiles)
    data = {
        "damaged": count > 0,
        "registry": [finding.as_json() for finding in in_list],
        "profiles": [
            {"id": profile_id, "name": name, "findings": [f.as_json() for f in found]}
            for profile_id, name, found in profiles
        ],
    }
    parts = [_findings(in_list)] if in_list else []
    for profile_id, name, found in profiles:
        head = f"{printable(name or profile_id)}: {_verdict(found)}"
        parts.append(f"{head}\n{_findings(found)}" if found else head)
    text = "\n".join(parts or ["There is nothing to check."])
    return Outcome(data, text, DAMAGE_FOUND if count else FINE)


def _verdict(found: list[Finding]) -> str:
    return counted(len(found), "thing") + " found" if found else "sound"


def _findings(found: list[Finding]) -> str:
    return table([[f"  {f.what}", f.file, f.message] for f in found])
