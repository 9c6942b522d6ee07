"""Every operation that changes something, or streams something out, in one table."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gitpool.errors import GitPoolError
from gitpool.git.thinning import Keep
from gitpool.profiles.jobs import Job
from gitpool.profiles.runs import Runs
from gitpool.service import Service

from .world import World, sync

NEW = "new1"
_NOTHING = Keep(0, 0, 0, 0)
Run = Callable[[Service, World], Any]


@dataclass(frozen=True)
class Operation:
    """One operation. touches: the pools that are edited next, to see that they still can be.

    again: it is one that is simply done again when it was cut off, and has to come to its end.
    counts: how many snapshots there are afterwards belongs to its result.
    """

    name: str
    touches: tuple[str, ...]
    run: Run
    again: bool = False
    counts: bool = False


OPERATIONS: dict[str, Operation] = {}


def _operation(*touches: str, **more: bool) -> Callable[[Run], Run]:
    def note(run: Run) -> Run:
        name = run.__name__.strip("_").replace("_", " ")
        OPERATIONS[name] = Operation(name, touches, run, **more)
        return run

    return note


@_operation("p")
def _add(service: Service, world: World) -> None:
    service.pools.add("p", world.file("new.png"), 1)


@_operation("p")
def _add_several(service: Service, world: World) -> None:
    service.pools.add_all("p", _several(world), 1, "one of several")


def _several(world: World) -> list[tuple[str, Path | GitPoolError]]:
    return [(f"{number}", world.file(f"new-{number}.png")) for number in range(3)]


@_operation("p")
def _label(service: Service, world: World) -> None:
    service.pools.label("p", 1, "another")


@_operation("p")
def _set_mask(service: Service, world: World) -> None:
    service.pools.set_mask("p", 1, world.file("mask.png"))


@_operation("p")
def _replace_mask(service: Service, world: World) -> None:
    service.pools.set_mask("p", 2, world.file("mask.png"))


@_operation("p")
def _clear_mask(service: Service, world: World) -> None:
    service.pools.set_mask("p", 2, None)


@_operation("p")
def _reorder(service: Service, world: World) -> None:
    service.pools.reorder("p", [0, 3, 2, 1])


@_operation("p")
def _activate(service: Service, world: World) -> None:
    service.pools.activate("p", 2)


@_operation("p")
def _remove(service: Service, world: World) -> None:
    service.pools.remove("p", 2)


@_operation("p")
def _remove_several(service: Service, world: World) -> None:
    names = [slot["image"] for slot in service.pools.list("p")["slots"]]
    service.pools.remove_images("p", names[1::2])


@_operation("p")
def _undo(service: Service, world: World) -> None:
    service.pools.undo("p")


@_operation("p")
def _redo(service: Service, world: World) -> None:
    service.pools.redo("p")


@_operation("u")
def _undo_a_removal(service: Service, world: World) -> None:
    service.pools.undo("u")


@_operation("p")
def _snapshot(service: Service, world: World) -> None:
    service.versions.snapshot("p", "Now")


@_operation("p")
def _automatic_snapshot(service: Service, world: World) -> None:
    service.versions.take("p")


def _first(service: Service) -> dict[str, Any]:
    """The snapshot of `p` that is named and locked."""
    page = service.versions.history("p", limit=500)["snapshots"]
    return next(s for s in page if s["message"].startswith("First"))


@_operation("p")
def _restore(service: Service, world: World) -> None:
    service.versions.restore("p", _first(service)["id"])


@_operation("p")
def _bring_back(service: Service, world: World) -> None:
    service.versions.restore("p", _first(service)["id"], ["img_0004.png"])


@_operation("p")
def _bring_back_a_mask(service: Service, world: World) -> None:
    parts = ["mask", "label"]
    service.versions.restore("p", _first(service)["id"], ["img_0002.png"], parts)


@_operation("p")
def _lock(service: Service, world: World) -> None:
    service.versions.lock("p", service.versions.history("p")["snapshots"][0]["id"], True, "Kept")


@_operation("p")
def _rename_a_snapshot(service: Service, world: World) -> None:
    service.versions.lock("p", _first(service)["id"], True, "First of all")


@_operation(NEW)
def _create(service: Service, world: World) -> None:
    service.profiles.create(NEW, "New")


@_operation("p")
def _rename(service: Service, world: World) -> None:
    service.profiles.rename("p", "Villains")


@_operation("p", NEW)
def _duplicate(service: Service, world: World) -> None:
    service.profiles.duplicate("p", NEW, "Copy")


@_operation("p", NEW)
def _branch_off(service: Service, world: World) -> None:
    service.profiles.branch_off("p", NEW, _first(service)["id"], "Other way")


@_operation("p")
def _delete(service: Service, world: World) -> None:
    service.profiles.delete("p")


@_operation("p")
def _delete_for_ever(service: Service, world: World) -> None:
    service.profiles.delete("p", forever=True)


@_operation("d")
def _undelete(service: Service, world: World) -> None:
    service.profiles.undelete("d")


@_operation("x")
def _adopt(service: Service, world: World) -> None:
    service.profiles.adopt("x", "Adopted")


@_operation("e", "x")
def _seed(service: Service, world: World) -> None:
    service.profiles.seed("x", "e")


@_operation("p")
def _export_zip(service: Service, world: World) -> str:
    return hashlib.sha256(b"".join(service.exchange.export_zip("p")[1])).hexdigest()


@_operation("p")
def _export_bundle(service: Service, world: World) -> str:
    return hashlib.sha256(b"".join(service.exchange.export_bundle("p")[1])).hexdigest()


@_operation(NEW)
def _import_zip(service: Service, world: World) -> None:
    service.exchange.import_file(world.file("profile.zip"), NEW)


@_operation(NEW)
def _import_bundle(service: Service, world: World) -> None:
    service.exchange.import_file(world.file("profile.bundle"), NEW)


@_operation("p", counts=True)
def _compact(service: Service, world: World) -> None:
    service.cleanups.compact("p", _NOTHING)


@_operation("s", counts=True)
def _compact_what_is_synced(service: Service, world: World) -> None:
    service.cleanups.compact("s", _NOTHING)


@_operation("s", again=True)
def _sync(service: Service, world: World) -> None:
    sync(service, "s")


@_operation("u", again=True)
def _first_sync(service: Service, world: World) -> None:
    sync(service, "u")


@_operation(NEW)
def _get_a_copy_from_the_remote(service: Service, world: World) -> None:
    job = Job("get", NEW, "lane", lambda _: None)
    service.arrivals.get("Synced", NEW, job, copy=True)


@_operation("p")
def _run(service: Service, world: World) -> list[str]:
    """A run that reads every image, the last ones after they were removed from the pool."""
    runs, seen = Runs(service.library, lambda: "run"), []
    view = runs.view("p")
    names = [slot.image for slot in view.manifest.slots]
    for place, name in enumerate(names):
        if place == 2:
            service.pools.remove_images("p", names[2:])
        with runs.hold("p"):
            seen.append(hashlib.sha256(runs.read(view, name) or b"").hexdigest())
    return seen


@_operation("x")
def _add_to_a_plain_pool(service: Service, world: World) -> None:
    service.pools.add("x", world.file("plain.png"), 1)


@_operation("x")
def _add_several_to_a_plain_pool(service: Service, world: World) -> None:
    service.pools.add_all("x", _several(world), 1, "one of several")


@_operation("x")
def _remove_from_a_plain_pool(service: Service, world: World) -> None:
    service.pools.remove("x", 1)
