"""`/grid_pool/profiles/storage` and `compact`: what profiles take on disk, and freeing it."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from ..profiles.cleanups import keep_of
from ..profiles.jobs import Job
from ..service import Service
from .answers import answered, body_of, changing, run, success
from .profile_routes import PREFIX, flag, new_id, profile_id_of, query_id


def register(routes: web.RouteTableDef, service: Service) -> None:
    """Register the storage's routes."""
    cleanups, jobs = service.cleanups, service.background.jobs

    @routes.get(PREFIX + "storage")
    @answered
    async def storage(request: web.Request) -> web.Response:
        return success(await run(service.storage, query_id(request)))

    @routes.post(PREFIX + "compact")
    @changing
    async def compact(request: web.Request) -> web.Response:
        body = await body_of(request)
        profile_id, keep = profile_id_of(body), keep_of(body.get("keep"))
        if flag(body, "dry_run"):
            return success(await run(cleanups.would_free, profile_id, keep))
        if not flag(body, "background"):
            return success(await run(cleanups.compact, profile_id, keep))
        service.library.registry.get(profile_id)

        def work(job: Job) -> dict[str, Any]:
            return cleanups.compact(profile_id, keep, job)

        key = f"compact:{profile_id}"
        job = jobs.start(new_id(), key, key, work)
        return success({"job": job.id}, status=202)
