"""Git Pool joined to its host: routes, guard, events, start and stop."""

from __future__ import annotations

import asyncio
import atexit
import logging
import os
import time
from collections.abc import Iterable

from aiohttp import web

from ..host import Host
from ..service import Service, delay_from
from . import guard, hidden, pool_routes, profile_routes, remote_routes, storage_routes
from .answers import run

log = logging.getLogger("gitpool")

POOLS_FOLDER = "grid_pool"
USER_FOLDER = "__gitpool"
_SENTINEL = "/grid_pool/list"


def setup(host: Host) -> Service:
    """Register everything on the host, which hasn't started yet; gives the service."""
    service = Service(
        base=host.input_directory() / POOLS_FOLDER,
        user=host.user_directory() / USER_FOLDER,
        clock=time.time,
        changed=lambda pool_id: host.send("gitpool.changed", {"id": pool_id}),
        delay=delay_from(os.environ),
        progress=lambda job: host.send("gitpool.progress", job),
    )
    warn_if_shadowed(host)
    pool_routes.register(host.routes, service)
    profile_routes.register(host.routes, service)
    remote_routes.register(host.routes, service)
    storage_routes.register(host.routes, service)
    host.app.middlewares.append(hidden.keep_out_of_git)

    async def trusted() -> Iterable[str]:
        return await run(service.remotes.settings.trusted_origins)

    host.app[guard.TRUSTED] = trusted

    starting: set[asyncio.Task[None]] = set()

    async def start(_: web.Application) -> None:
        task = asyncio.create_task(run(service.start))
        starting.add(task)
        task.add_done_callback(starting.discard)

    async def stop(_: web.Application) -> None:
        # What starting still finds to snapshot must be there before the last ones are taken.
        if starting:
            await asyncio.wait(starting)
        await run(service.stop)

    host.app.on_startup.append(start)
    host.app.on_shutdown.append(stop)
    # ComfyUI ends on Ctrl+C without shutting its application down.
    atexit.register(service.stop)
    return service


def warn_if_shadowed(host: Host) -> None:
    """Say so where another pack has taken our paths: the first to register wins."""
    taken = [r for r in host.routes if isinstance(r, web.RouteDef) and r.path == _SENTINEL]
    if taken:
        log.error(
            "Git Pool: another custom node pack has already registered %s, so the image pools "
            "on the page are its, not Git Pool's. Remove or disable the other pack.",
            _SENTINEL,
        )
