"""The demo with Git Pool in it: the stand-in server, our nodes, a sample profile."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..host import Host
from ..nodes import DISPLAY_NAMES, build_nodes
from ..server.setup import POOLS_FOLDER, USER_FOLDER, setup
from ..service import Service
from .host import DemoHost
from .run import run_demo
from .sample import draw_samples
from .workflow import sample_workflow

_NAME = "Characters & places"
_HOUR = 3600


def start(folder: Path | None, port: int, frontend: Path | None, sample: bool = True) -> int:
    """Serve the demo until it is stopped; gives the exit code."""
    return run_demo(
        folder,
        port,
        setup=join,
        prepare=prepare if sample else prepare_empty,
        frontend=frontend,
        display_names=DISPLAY_NAMES,
    )


def join(host: Host) -> Mapping[str, type]:
    """Register Git Pool's routes and give its node classes."""
    return build_nodes(setup(host), host.to_tensor, host.current_run)


def prepare(host: DemoHost) -> dict[str, Any]:
    """Make the sample profile, in a new folder; gives the workflow to open."""
    base, user = host.input_directory() / POOLS_FOLDER, host.user_directory() / USER_FOLDER
    began = time.time()
    past = _Past(began - 26 * _HOUR)
    service = Service(base, user, past.now)
    entries = service.library.registry.entries()
    if entries:
        return sample_workflow(entries[0].name, entries[0].id)
    entry = service.profiles.create(uuid.uuid4().hex, _NAME)
    _fill(service, entry["id"], host.folder, past)
    return sample_workflow(entry["name"], entry["id"])


def prepare_empty(host: DemoHost) -> dict[str, Any]:
    """The same workflow, with no profile chosen."""
    return sample_workflow("", "")


class _Past:
    """A clock that a sample history is told by."""

    def __init__(self, start: float) -> None:
        self._now = start

    def now(self) -> float:
        return self._now

    def later(self, hours: float) -> None:
        self._now += hours * _HOUR


def _fill(service: Service, profile: str, folder: Path, past: _Past) -> None:
    samples = draw_samples()
    staged = folder / "sample-upload"

    def stage(data: bytes) -> Path:
        staged.write_bytes(data)
        return staged

    def add(first: int, last: int) -> None:
        for label, image, _ in samples[first:last]:
            service.pools.add(profile, stage(image), int(past.now() * 1000), label)

    def snapshot(hours: float) -> None:
        service.versions.snapshot(profile, kind="auto")
        past.later(hours)

    past.later(0.2)
    add(0, 5)
    snapshot(3)
    for index, (_, _, mask) in enumerate(samples[:5]):
        if mask:
            service.pools.set_mask(profile, index, stage(mask))
    snapshot(18)
    add(5, len(samples))
    snapshot(2)
    for index, (_, _, mask) in enumerate(samples[5:], 5):
        if mask:
            service.pools.set_mask(profile, index, stage(mask))
    order = [2, 0, 1, *range(3, len(samples))]
    service.pools.reorder(profile, order)
    service.pools.activate(profile, 1)
    snapshot(0)
