"""What a world shows, after its next operations; and whether git and tidy minds are content."""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path
from typing import Any

from support import git

from gitpool.errors import GitPoolError
from gitpool.git.repository import Repository
from gitpool.pool.durable import TEMP_PREFIX
from gitpool.pool.manifest import is_mask_name
from gitpool.service import Service

from .operations import OPERATIONS, Operation
from .world import LATER, World

State = dict[str, Any]
_HALF_MADE = (TEMP_PREFIX, "tmp_obj_", "tmp_pack_")
_NOTES = ("gitpool-writing", "gitpool-checkout", "gitpool-cleanup", "gitpool-adding")
_DAYS = 3 * 86_400


def run(world: World, name: str) -> Any:
    """Carry an operation out; gives what it gives."""
    return OPERATIONS[name].run(world.service(), world)


def run_or_refuse(world: World, name: str) -> str:
    """The same, where it may not fit a world that other operations have changed."""
    try:
        run(world, name)
    except GitPoolError as error:
        return error.code
    return "done"


def look_after(world: World, name: str, restarted: bool, lax: bool = False) -> State:
    """What there is, once whatever comes next has been done. It has to work by itself.

    restarted: Git Pool was ended by what happened, so it is started first. lax: objects that
    nothing names may be left, as git's own fsck takes them for granted.
    """
    operation, service = OPERATIONS[name], world.service(LATER + 100)
    if restarted:
        service.start()
    _go_on(service, operation)
    if operation.again:
        _age(world.remote, world.new_remote)
        operation.run(service, world)
    state = state_of(world, service, operation)
    check_order(world, service, operation, restarted, lax)
    service.stop()
    return state


def _age(*remotes: Path) -> None:
    """Locks and half-made files of a process that may still be at it, on whatever machine, are
    left alone for an hour: have them be older."""
    for remote in remotes:
        for path in remote.rglob("*"):
            if path.name.startswith(_HALF_MADE) or path.name.endswith(".lock"):
                os.utime(path, (0, 0))


def _go_on(service: Service, operation: Operation) -> None:
    """Edit what was being worked on, and snapshot it."""
    for pool_id in operation.touches:
        registered = service.library.registry.find(pool_id)
        if not registered and not service.library.path_of(pool_id).is_dir():
            continue
        if registered:
            service.versions.take(pool_id)
        slots = service.pools.list(pool_id)["slots"]
        if slots:
            # Another label each time, so that there always is something to snapshot.
            service.pools.label(pool_id, 0, f"after {slots[0]['label']}"[-100:])
        if registered:
            service.versions.take(pool_id)


def state_of(world: World, service: Service, operation: Operation) -> State:
    """Everything a person can see, save when things were done and by which ids."""
    listed = service.profiles.list()
    profiles = {entry["id"]: entry["name"] for entry in listed["profiles"]}
    pools = [*profiles, *(pool["id"] for pool in listed["unregistered"])]
    return {
        "profiles": profiles,
        "deleted": sorted(entry["id"] for entry in listed["deleted"]),
        "folders": sorted(p.name for p in world.pools.iterdir() if p.is_dir()),
        "pools": {pool_id: _slots(service, world, pool_id) for pool_id in pools},
        "history": {pool_id: _history(service, pool_id, operation) for pool_id in profiles},
        "remotes": [_remote(folder) for folder in (world.remote, world.new_remote)],
    }


def _slots(service: Service, world: World, pool_id: str) -> list[Any]:
    listed, folder = service.pools.list(pool_id), world.pools / pool_id

    def content(name: str | None) -> str | None:
        return hashlib.sha1((folder / name).read_bytes()).hexdigest() if name else None

    slots = [(s["label"], content(s["image"]), content(s["mask"])) for s in listed["slots"]]
    return [listed["active"], *slots]


def _history(service: Service, pool_id: str, operation: Operation) -> list[Any]:
    """The snapshots that somebody asked for; what is there to protect something may be more."""
    page = service.versions.history(pool_id, limit=500)["snapshots"]
    shown = []
    for said in page:
        if said["kind"] != "auto" or said["locked"] or operation.counts:
            slots = service.versions.look(pool_id, said["id"])["slots"]
            images = [(slot["label"], slot["image_id"], slot["mask_id"]) for slot in slots]
            shown.append((said["message"].splitlines()[0], said["locked"], images))
    return shown


def _remote(folder: Path) -> dict[str, Any]:
    if not folder.exists():
        return {}
    repo, shown = Repository(folder, bare=True), {}
    for ref, tip in repo.refs.all("refs/heads/").items():
        slots = repo.version(tip).manifest.slots
        shown[ref] = [(slot.label, slot.image, slot.mask) for slot in slots]
    return shown


def check_order(
    world: World, service: Service, operation: Operation, restarted: bool, lax: bool
) -> None:
    """C git finds every repository sound, and nothing lies about that nobody needs."""
    for pool_id in operation.touches:
        folder = world.pools / pool_id
        if service.library.registry.find(pool_id):
            _sound(folder, lax)
            _silent(git(folder, "status", "--porcelain"))
            # In a plain pool, as ever, what no slot names is somebody's own.
            named = service.library.manifest(pool_id).file_names()
            found = {p.name for p in folder.iterdir()} - named - {".git", "manifest.json"}
            # One that was being painted when everything stopped waits to be painted over.
            found = {name for name in found if not (restarted and is_mask_name(name))}
            _silent(" ".join(sorted(found)))
    if operation.again:
        for folder in (world.remote, world.new_remote):
            if folder.exists():
                _sound(folder, lax=True)
    _silent("\n".join(left_behind(world, operation)))
    later = world.service(time.time() + _DAYS)
    later.library.clean_staging()
    _silent("\n".join(str(p) for p in (world.pools / ".gitpool" / "tmp").glob("*")))


def _sound(folder: Path, lax: bool) -> None:
    said = git(folder, "fsck", "--strict").splitlines()
    _silent("\n".join(s for s in said if not (lax and s.startswith("dangling"))))


def _silent(said: str) -> None:
    """Nothing was to be said. No `assert`, since pytest doesn't explain one in here."""
    if said:
        raise AssertionError(said)


def left_behind(world: World, operation: Operation) -> list[str]:
    """Locks and half-made files, but for Git Pool's own locks, and uploads that wait."""
    found, places = [], [world.pools / pool_id for pool_id in operation.touches]
    for place in [*places, world.pools, world.base / "user", world.remote, world.new_remote]:
        found += [p for p in place.rglob("*") if _is_left(p)]
    found += [p for p in world.base.iterdir() if p.name.startswith(TEMP_PREFIX)]
    private = world.pools / ".gitpool"
    found = [p for p in found if private / "locks" not in p.parents]
    return sorted({str(p) for p in found if private / "tmp" not in p.parents})


def _is_left(path: Path) -> bool:
    name = path.name
    return name.startswith(_HALF_MADE) or name.endswith(".lock") or name in _NOTES
