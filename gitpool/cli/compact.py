"""`gitpool compact`: old automatic snapshots taken out of histories, and their bytes freed."""

from __future__ import annotations

import argparse
import uuid
from typing import Any

from ..errors import GitPoolError, Malformed
from ..git.repository import Identity
from ..git.thinning import Keep
from ..profiles.cleanups import keep_of
from ..profiles.jobs import Job
from ..service import Service
from .exits import FINE, exit_code, from_system
from .output import Outcome, counted, error_body, printable, size
from .places import common_options, find_profiles, open_service
from .progress import Progress

# Both say that snapshots of this kind never get too old.
_ALWAYS = ("forever", "never")
_EXAMPLE = "all=1,hourly=7,daily=30,weekly=forever"


def register(commands: Any) -> None:
    """Add the word to the command's parser."""
    compact = commands.add_parser(
        "compact", parents=[common_options()], help="thin out old automatic snapshots"
    )
    compact.add_argument("profiles", metavar="PROFILE", nargs="+", help="an id or a name")
    compact.add_argument(
        "--keep",
        metavar="RULE",
        help="how old, in days, snapshots get: all of them, then one an hour, a day, a week; "
        f"by default {_EXAMPLE}",
    )
    compact.add_argument(
        "--dry-run", action="store_true", help="only tell what would be freed; change nothing"
    )
    compact.set_defaults(run=_compact)


def read_keep(text: str | None) -> Keep:
    """A rule as people write it: `all=1,weekly=forever`; what isn't in it is as usual.
    Raises Malformed."""
    if text is None:
        return keep_of(None)
    rule: dict[str, float | None] = {}
    for part in text.split(","):
        name, equals, days = (word.strip().lower() for word in part.partition("="))
        if not equals or name in rule:
            raise _odd(part)
        try:
            rule[name] = None if days in _ALWAYS else float(days)
        except ValueError:
            raise _odd(part) from None
    try:
        return keep_of(rule)
    except Malformed as error:
        raise Malformed(error.code, error.message, f"Write it as {_EXAMPLE}.") from None


def _odd(part: str) -> Malformed:
    return Malformed("bad_keep", f"“{part.strip()}” is no rule.", f"Write it as {_EXAMPLE}.")


def _compact(options: argparse.Namespace) -> Outcome:
    keep = read_keep(options.keep)
    service = open_service(options)
    profiles, code = [], FINE
    for entry in find_profiles(service, options.profiles):
        # One that can't be cleaned up doesn't keep the others from it.
        try:
            answer = _one(service, entry, keep, options.dry_run)
        except (GitPoolError, OSError) as error:
            told = error if isinstance(error, GitPoolError) else from_system(error)
            answer, code = {"error": error_body(told)}, max(code, exit_code(told))
        profiles.append({"id": entry.id, "name": entry.name, **answer})
    total = {key: sum(p.get(key, 0) for p in profiles) for key in ("dropped", "kept", "freed")}
    data = {"dry_run": options.dry_run, "profiles": profiles, "total": total}
    return Outcome(data, "\n".join(_line(p, options.dry_run) for p in profiles), code)


def _one(service: Service, entry: Identity, keep: Keep, dry_run: bool) -> dict[str, Any]:
    with Progress(f"Cleaning up {entry.name}") as progress:

        def tell(job: Job) -> None:
            progress(job.progress["done"], job.progress["total"])

        # Looking through the history has no known end.
        progress(0, 0)
        if dry_run:
            return service.cleanups.would_free(entry.id, keep)
        return service.cleanups.compact(entry.id, keep, Job(uuid.uuid4().hex, entry.id, "", tell))


def _line(entry: dict[str, Any], dry_run: bool) -> str:
    if "error" in entry:
        error = entry["error"]
        return printable(f"{entry['name']}: {error['message']} {error['hint']}".strip())
    dropped, kept, freed = entry["dropped"], entry["kept"], size(entry["freed"])
    if not dropped:
        said = "nothing to free"
    elif dry_run:
        said = f"would free {freed}: {counted(dropped, 'snapshot')} would go, {kept} would stay"
    else:
        said = f"freed {freed}: {counted(dropped, 'snapshot')} went, {kept} stayed"
    return printable(f"{entry['name']}: {said}")
