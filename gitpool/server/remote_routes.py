"""`/grid_pool/profiles/remote…`, `sync`, `job`: the routes that have to do with a remote."""

from __future__ import annotations

import io
from collections.abc import Callable

from aiohttp import web

from ..errors import Malformed
from ..identifiers import check_id, check_snapshot_id
from ..profiles.jobs import Job
from ..remote.refs import is_profile_branch
from ..service import Service
from .answers import FOREVER, MARK, answered, ask, body_of, changing, run, success
from .profile_routes import PREFIX, Body, flag, new_id, profile_id_of

_PREVIEW = 96


def register(routes: web.RouteTableDef, service: Service) -> None:
    """Register the remote's routes."""
    _register_remote(routes, service)
    _register_jobs(routes, service)
    _register_conflicts(routes, service)


def _register_remote(routes: web.RouteTableDef, service: Service) -> None:
    remotes = service.remotes

    @routes.get(PREFIX + "remote")
    @answered
    async def remote(request: web.Request) -> web.Response:
        profile_id = request.query.get("id") or None
        return success(await run(remotes.describe, profile_id and check_id(profile_id)))

    @routes.post(PREFIX + "remote")
    @changing
    async def set_remote(request: web.Request) -> web.Response:
        body = await body_of(request)
        return success(await run(remotes.change, _optional_id(body), body))

    @routes.get(PREFIX + "remote/profiles")
    @answered
    async def remote_profiles(request: web.Request) -> web.Response:
        def is_cached(blob: str) -> bool:
            return service.thumbnails.has(blob, _PREVIEW)

        return success(await ask(remotes.profiles, is_cached))

    @routes.get(PREFIX + "remote/thumb")
    @answered
    async def remote_thumb(request: web.Request) -> web.Response:
        blob = check_snapshot_id(request.query.get("blob"))

        def draw() -> bytes:
            return service.thumbnails.get(
                lambda: io.BytesIO(remotes.image(blob)), blob, _PREVIEW, False
            )

        data = await ask(draw)
        headers = {**MARK, "Cache-Control": FOREVER, "X-Content-Type-Options": "nosniff"}
        return web.Response(body=data, content_type="image/webp", headers=headers)


def _register_jobs(routes: web.RouteTableDef, service: Service) -> None:
    background = service.background

    def begins(name: str, begin: Callable[[Body], Job]) -> None:
        @routes.post(PREFIX + name)
        @changing
        async def handler(request: web.Request) -> web.Response:
            job = await run(begin, await body_of(request))
            return success({"job": job.id}, status=202)

    def sync(body: Body) -> Job:
        if "remote_branch" in body:
            copy = flag(body, "copy")
            return background.get(new_id(), _branch(body), new_id(), copy)
        profile_id = profile_id_of(body)
        service.library.registry.get(profile_id)
        return background.sync(new_id(), profile_id, flag(body, "again"))

    def test(body: Body) -> Job:
        profile_id = _optional_id(body)
        if profile_id is not None:
            service.library.registry.get(profile_id)
        return background.test(new_id(), profile_id, body)

    begins("sync", sync)
    begins("remote/test", test)
    begins("remote/delete", lambda b: background.remove(new_id(), _branch(b)))

    @routes.get(PREFIX + "job")
    @answered
    async def job(request: web.Request) -> web.Response:
        return success(background.jobs.get(check_id(request.query.get("id"))).as_json())

    @routes.post(PREFIX + "cancel")
    @changing
    async def cancel(request: web.Request) -> web.Response:
        body = await body_of(request)
        found = background.jobs.get(check_id(body.get("job"), "job"))
        found.cancel()
        return success(found.as_json())


def _register_conflicts(routes: web.RouteTableDef, service: Service) -> None:
    conflicts = service.conflicts

    @routes.get(PREFIX + "conflicts")
    @answered
    async def list_conflicts(request: web.Request) -> web.Response:
        return success(await run(conflicts.list, check_id(request.query.get("id"))))

    @routes.post(PREFIX + "resolve")
    @changing
    async def resolve(request: web.Request) -> web.Response:
        body = await body_of(request)
        profile_id, choice = profile_id_of(body), body.get("choice")
        return success(await run(conflicts.resolve, profile_id, body.get("conflict"), choice))


def _optional_id(body: Body) -> str | None:
    return None if body.get("id") is None else profile_id_of(body)


def _branch(body: Body) -> str:
    branch = body.get("remote_branch")
    if not isinstance(branch, str) or not is_profile_branch(branch):
        raise Malformed("bad_branch", "That isn't a profile of the remote.")
    return branch
