"""`gitpool sync` and `gitpool remote`: profiles and a git remote, without ComfyUI."""

from __future__ import annotations

import argparse
import functools
import os
import uuid
from collections.abc import Callable
from typing import Any

from ..errors import GitPoolError
from ..profiles.jobs import Job
from ..service import Service
from .exits import FINE, exit_code, from_system
from .output import Outcome, counted, error_body, printable, table
from .places import common_options, find_profiles, open_service
from .progress import Progress

# Where no snapshot travelled: a name, a lock or a new branch's name may have.
_WORDS = {"up_to_date": "up to date", "pushed": "sent", "pulled": "received", "merged": "merged"}


def register(commands: Any) -> None:
    """Add the words to the command's parser."""
    sync = commands.add_parser(
        "sync", parents=[common_options(), _remote_options()], help="sync with a git remote"
    )
    sync.add_argument("profiles", metavar="PROFILE", nargs="*", help="an id or a name")
    sync.add_argument(
        "--all", action="store_true", help="also get what the remote has and this folder hasn't"
    )
    sync.add_argument(
        "--again", action="store_true", help="send anew what the remote lost or was set back to"
    )
    sync.set_defaults(run=_sync)
    remote = commands.add_parser(
        "remote",
        parents=[common_options(), _remote_options()],
        help="list the profiles that a git remote holds",
    )
    remote.set_defaults(run=_remote)


def _remote_options() -> argparse.ArgumentParser:
    parent = argparse.ArgumentParser(add_help=False)
    parent.add_argument(
        "--remote",
        metavar="ADDRESS",
        help="https://…, user@host:path or a folder, for this time; the token comes from "
        "GITPOOL_TOKEN or git's own credential helper",
    )
    return parent


def _open(options: argparse.Namespace) -> Service:
    """The service; who may start programs here may name any kind of remote."""
    environment = dict(os.environ)
    if options.remote:
        environment |= {"GITPOOL_REMOTE": options.remote, "GITPOOL_ALLOW_REMOTES": "http,file"}
    service = open_service(options, environment)
    if options.remote:
        service.remotes.settings.only_environment = True
    return service


def _remote(options: argparse.Namespace) -> Outcome:
    service = _open(options)
    data = service.remotes.profiles()
    rows = [
        [p["name"], "?" if p["images"] is None else str(p["images"]), "yes" if p["here"] else "no"]
        for p in data["profiles"]
    ]
    text = table([["NAME", "IMAGES", "HERE"], *rows], [1]) if rows else "The remote is empty."
    return Outcome(data, text)


def _sync(options: argparse.Namespace) -> Outcome:
    service = _open(options)
    done = []
    for entry in find_profiles(service, options.profiles):
        work = functools.partial(service.sync.sync, entry.id, again=options.again)
        done.append({"id": entry.id, **_one(entry.name, work)})
    if options.all:
        for profile in service.remotes.profiles()["profiles"]:
            if not profile["here"]:
                branch, new_id = profile["remote_branch"], uuid.uuid4().hex
                work = functools.partial(_get, service, branch, new_id)
                done.append({"id": profile["id"], **_one(profile["name"], work)})
    code = max((entry.pop("code", FINE) for entry in done), default=FINE)
    text = "\n".join(_line(entry) for entry in done) or "There are no profiles here."
    return Outcome({"profiles": done}, text, code)


def _get(service: Service, branch: str, new_id: str, job: Job) -> dict[str, Any]:
    return service.arrivals.get(branch, new_id, job)


def _one(name: str, work: Callable[..., dict[str, Any]]) -> dict[str, Any]:
    """Do one profile's work with a bar; what fails is told, and the others go on."""
    with Progress(name) as progress:

        def tell(job: Job) -> None:
            if job.progress["total"]:
                progress(job.progress["done"], job.progress["total"])

        try:
            return {"name": name, **work(job=Job(uuid.uuid4().hex, name, "", tell))}
        except (GitPoolError, OSError) as error:
            told = error if isinstance(error, GitPoolError) else from_system(error)
            return {"name": name, "error": error_body(told), "code": exit_code(told)}


def _line(entry: dict[str, Any]) -> str:
    if "error" in entry:
        error = entry["error"]
        return printable(f"{entry['name']}: {error['message']} {error['hint']}".strip())
    parts = []
    if entry["pulled"]:
        parts.append(f"received {counted(entry['pulled'], 'snapshot')}")
    if entry["status"] == "merged":
        parts.append("merged both sides' edits")
    if entry["pushed"]:
        parts.append(f"sent {counted(entry['pushed'], 'snapshot')}")
    if entry["conflicts"]:
        parts.append(f"{counted(len(entry['conflicts']), 'choice')} to make in the editor")
    said = ", ".join(parts) or _WORDS[entry["status"]]
    return printable(f"{entry['name']}: {said}")
