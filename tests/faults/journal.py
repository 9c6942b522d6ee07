"""What an operation did to the disk, call by call, as it was done."""

from __future__ import annotations

from typing import Any

from .interpose import Call, Interposer
from .operations import OPERATIONS
from .world import World


class Journal:
    """Notes every call that changes something or makes it durable; a watcher."""

    def __init__(self) -> None:
        self.calls: list[Call] = []

    def before(self, call: Call) -> int | None:
        return None

    def after(self, call: Call) -> None:
        if call.name != "open" or call.truncates:
            self.calls.append(call)


def record(world: World, name: str) -> tuple[list[Call], Any]:
    """Carry an operation out in this process, which is good for nothing else afterwards; gives
    the calls and what the operation gave."""
    journal = Journal()
    service = world.service()
    Interposer(world.base, journal).install()
    value = OPERATIONS[name].run(service, world)
    return journal.calls, value
