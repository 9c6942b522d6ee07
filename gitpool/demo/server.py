"""The demo's application: everything the editor talks to, put together."""

from __future__ import annotations

import asyncio
import contextlib
import json
import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any

from aiohttp import WSMsgType, web

from .frontend import (
    add_static_files,
    find_frontend,
    find_web_directory,
    frontend_version,
    list_extensions,
)
from .graph import GraphRunner
from .host import DemoHost
from .image_routes import add_image_routes
from .job_routes import add_job_routes
from .jobs import JobQueue
from .middleware import local_only, set_cache_headers
from .nodes import DISPLAY_NAMES, make_nodes
from .prompt_routes import add_prompt_routes, queue_info
from .small_routes import (
    FEATURES,
    LARGEST_UPLOAD,
    add_node_routes,
    add_small_routes,
    add_template_routes,
)
from .user_routes import add_user_routes, first_settings

Setup = Callable[[DemoHost], Mapping[str, type]]
Prepare = Callable[[DemoHost], "dict[str, Any] | None"]

HOST: web.AppKey[DemoHost] = web.AppKey("demo_host", DemoHost)
QUEUE: web.AppKey[JobQueue] = web.AppKey("demo_queue", JobQueue)
RUNNER: web.AppKey[GraphRunner] = web.AppKey("demo_runner", GraphRunner)


def create_app(
    folder: Path,
    frontend: Path | None = None,
    node_classes: Mapping[str, type] | None = None,
    *,
    setup: Setup | None = None,
    prepare: Prepare | None = None,
    display_names: Mapping[str, str] | None = None,
    web_directory: Path | None = None,
    settings: Mapping[str, Any] | None = None,
) -> web.Application:
    """Build the server.

    `folder` holds input, output, temp and user. `setup` registers routes on the host and
    returns node classes, which join `node_classes`; `prepare` fills the folder and returns the
    workflow a first visit opens, or None. `settings` changes the editor's first settings of a new
    folder. Without `frontend` the installed editor is used;
    raises FrontendMissing when there is none.
    """
    frontend = frontend or find_frontend()
    version = frontend_version(frontend)
    app = web.Application(client_max_size=LARGEST_UPLOAD, middlewares=[local_only])
    app.on_response_prepare.append(set_cache_headers)
    host = DemoHost(folder, app)
    host.clear_temp()
    classes = {**make_nodes(host.folder / "temp"), **(node_classes or {})}
    if setup:
        classes.update(setup(host))
    if prepare:
        host.workflow = prepare(host)
    runner = GraphRunner(classes, host.send_to)
    queue = JobQueue(runner, lambda: host.send("status", {"status": queue_info(queue)}))
    host.ask_current_run = queue.current_run
    app[HOST], app[QUEUE], app[RUNNER] = host, queue, runner
    packs = _pack_folders(web_directory)

    _add_socket_route(host, queue)
    _add_demo_routes(host, frontend, packs)
    add_prompt_routes(host.routes, queue, classes)
    add_job_routes(host.routes, queue)
    add_image_routes(host.routes, host)
    add_user_routes(host.routes, host, first_settings(version, settings))
    add_node_routes(host.routes, classes, {**DISPLAY_NAMES, **(display_names or {})})
    add_small_routes(host.routes, version)
    _serve_routes(app, host.routes)
    add_template_routes(app)
    add_static_files(app, frontend, packs)
    app.cleanup_ctx.append(_background)
    app.on_shutdown.append(_close_pages)
    return app


def _pack_folders(web_directory: Path | None) -> dict[str, Path]:
    packs = {"gitpool-demo": Path(__file__).resolve().parent / "web"}
    found = web_directory or find_web_directory()
    return {"gitpool": found, **packs} if found else packs


def _serve_routes(app: web.Application, routes: web.RouteTableDef) -> None:
    """Serve each route under its own address and under `/api`; static folders only once."""
    prefixed = web.RouteTableDef()
    for route in routes:
        if isinstance(route, web.RouteDef):
            prefixed.route(route.method, "/api" + route.path, **route.kwargs)(route.handler)
    app.add_routes(prefixed)
    app.add_routes(routes)


def _add_demo_routes(host: DemoHost, frontend: Path, packs: Mapping[str, Path]) -> None:
    @host.routes.get("/extensions")
    async def extensions(request: web.Request) -> web.Response:
        return web.json_response(list_extensions(frontend, packs))

    @host.routes.get("/gitpool_demo/workflow")
    async def workflow(request: web.Request) -> web.Response:
        return web.json_response(host.workflow)


def _add_socket_route(host: DemoHost, queue: JobQueue) -> None:
    @host.routes.get("/ws")
    async def socket(request: web.Request) -> web.WebSocketResponse:
        page = web.WebSocketResponse(heartbeat=30)
        await page.prepare(request)
        client = request.query.get("clientId") or uuid.uuid4().hex
        host.add_socket(client, page)
        try:
            status = {"status": queue_info(queue), "sid": client}
            await page.send_json({"type": "status", "data": status})
            async for message in page:
                if message.type == WSMsgType.TEXT and _asks_for_features(message.data):
                    await page.send_json({"type": "feature_flags", "data": FEATURES})
        finally:
            host.remove_socket(client, page)
        return page


def _asks_for_features(text: str) -> bool:
    try:
        message = json.loads(text)
    except ValueError:
        return False
    return isinstance(message, dict) and message.get("type") == "feature_flags"


async def _background(app: web.Application) -> AsyncIterator[None]:
    """The messages' delivery and the graph's thread live as long as the server runs."""
    delivery = asyncio.create_task(app[HOST].deliver())
    app[QUEUE].start()
    yield
    await asyncio.to_thread(app[QUEUE].stop)
    delivery.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await delivery


async def _close_pages(app: web.Application) -> None:
    await app[HOST].close_sockets()
