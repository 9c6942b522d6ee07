"""The two nodes, made for a service and a host."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..service import Service
from .image_pool import GridImagePool
from .pool_profile import PoolProfile

DISPLAY_NAMES = {"GridImagePool": "Image Pool (Grid)", "PoolProfile": "Pool Profile"}


def build_nodes(service: Service, to_tensor: Callable[[Any], Any]) -> dict[str, type]:
    """The node classes by type name, bound to their service."""
    bound = {"service": service, "to_tensor": staticmethod(to_tensor)}
    return {
        kind.__name__: type(kind.__name__, (kind,), {**bound, "__doc__": kind.__doc__})
        for kind in (GridImagePool, PoolProfile)
    }
