"""The two nodes, made for a service and a host."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..profiles.runs import Runs
from ..service import Service
from .image_pool import GridImagePool
from .pool_profile import PoolProfile

DISPLAY_NAMES = {"GridImagePool": "Image Pool (Grid)", "PoolProfile": "Pool Profile"}


def build_nodes(
    service: Service,
    to_tensor: Callable[[Any], Any],
    current_run: Callable[[], str | None] = lambda: None,
) -> dict[str, type]:
    """The node classes by type name, bound to their service.

    current_run: as `gitpool.host.Host` has it; without one, nodes see the pools as they are.
    """
    runs = Runs(service.library, current_run)
    bound = {"service": service, "runs": runs, "to_tensor": staticmethod(to_tensor)}
    return {
        kind.__name__: type(kind.__name__, (kind,), {**bound, "__doc__": kind.__doc__})
        for kind in (GridImagePool, PoolProfile)
    }
