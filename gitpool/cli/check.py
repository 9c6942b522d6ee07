"""`gitpool verify`: whether pools and histories are what they were, and mending what can be."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from typing import Any

from ..profiles.repair import Repair, mended
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
    verify.add_argument(
        "--repair",
        action="store_true",
        help="mend what can be mended from the other copies of the same bytes",
    )
    verify.set_defaults(run=_verify)


def _verify(options: argparse.Namespace) -> Outcome:
    require_pillow()
    service = open_service(options)
    verify = Verify(service.library)
    repair = Repair(service.library, service.remotes, verify) if options.repair else None
    if repair:
        repair.registry()
    in_list, names = verify.registry(), verify.everyone()
    ids = [_find(service, names, text) for text in options.profiles] or names
    profiles = []
    for profile_id in dict.fromkeys(ids):
        name = names.get(profile_id)
        with Progress(f"Checking {name or profile_id}") as progress:
            profiles.append(_look(verify, repair, profile_id, name, progress))
    return _outcome(in_list, profiles)


def _look(
    verify: Verify, repair: Repair | None, profile_id: str, name: str | None, progress: Progress
) -> _Looked:
    if repair is None:
        return _Looked(profile_id, name, verify.check(profile_id, progress))
    before, after = repair.profile(profile_id, progress)
    return _Looked(profile_id, name, after, mended(before, after))


def _find(service: Service, names: dict[str, str | None], wanted: str) -> str:
    """The id of a profile, or of a folder with a history that no list knows any more."""
    return wanted if wanted in names else find_profile(service, wanted).id


@dataclass(frozen=True)
class _Looked:
    """A profile that was looked at: what is wrong, and what was and is mended now."""

    id: str
    name: str | None
    found: list[Finding]
    mended: list[Finding] | None = None

    def as_json(self) -> dict[str, Any]:
        data = {
            "id": self.id,
            "name": self.name,
            "findings": [finding.as_json() for finding in self.found],
        }
        if self.mended is not None:
            data["mended"] = [finding.as_json() for finding in self.mended]
        return data

    def as_text(self) -> str:
        parts = [f"{printable(self.name or self.id)}: {_verdict(self.found)}"]
        if self.mended:
            parts[0] += f", {len(self.mended)} mended"
            parts.append(table([["  mended", f.file, f.message] for f in self.mended]))
        return "\n".join([*parts, *([_findings(self.found)] if self.found else [])])


def _outcome(in_list: list[Finding], profiles: list[_Looked]) -> Outcome:
    count = len(in_list) + sum(len(looked.found) for looked in profiles)
    data = {
        "damaged": count > 0,
        "registry": [finding.as_json() for finding in in_list],
        "profiles": [looked.as_json() for looked in profiles],
    }
    parts = [_findings(in_list)] if in_list else []
    parts += [looked.as_text() for looked in profiles]
    text = "\n".join(parts or ["There is nothing to check."])
    return Outcome(data, text, DAMAGE_FOUND if count else FINE)


def _verdict(found: list[Finding]) -> str:
    return counted(len(found), "thing") + " found" if found else "sound"


def _findings(found: list[Finding]) -> str:
    return table([[f"  {f.what}", f.file, f.message] for f in found])
