"""Routes that queue prompts and tell what became of them."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from .bodies import names_in, read_object
from .jobs import Job, JobQueue
from .validation import problem, validate_prompt

# Of what jobs are put in order by.
_FURTHEST = 1 << 53


def add_prompt_routes(
    routes: web.RouteTableDef, queue: JobQueue, node_classes: Mapping[str, type]
) -> None:
    """Register `/prompt`, `/queue`, `/interrupt`, `/history` and `/free`."""

    @routes.get("/prompt")
    async def get_prompt(request: web.Request) -> web.Response:
        return web.json_response(queue_info(queue))

    @routes.post("/prompt")
    async def post_prompt(request: web.Request) -> web.Response:
        body = await read_object(request)
        if not isinstance(body.get("prompt"), dict):
            error = problem("no_prompt", "No prompt provided", "No prompt provided")
            return web.json_response({"error": error, "node_errors": {}}, status=400)
        targets = body.get("partial_execution_targets")
        verdict = validate_prompt(body["prompt"], node_classes, targets)
        if verdict.error:
            answer = {"error": verdict.error, "node_errors": verdict.node_errors}
            return web.json_response(answer, status=400)
        job = _new_job(body, queue, verdict.outputs)
        queue.put(job)
        return web.json_response(
            {
                "prompt_id": job.prompt_id,
                "number": job.number,
                "node_errors": verdict.node_errors,
            }
        )

    @routes.get("/queue")
    async def get_queue(request: web.Request) -> web.Response:
        return web.json_response(
            {
                "queue_running": [job.as_queue_entry() for job in queue.running()],
                "queue_pending": [job.as_queue_entry() for job in queue.pending()],
            }
        )

    @routes.post("/queue")
    async def post_queue(request: web.Request) -> web.Response:
        body = await read_object(request)
        if body.get("clear"):
            queue.drop_pending()
        if names := names_in(body, "delete"):
            queue.drop_pending(names)
        return web.Response()

    @routes.post("/interrupt")
    async def post_interrupt(request: web.Request) -> web.Response:
        body = await read_object(request) if request.body_exists else {}
        queue.interrupt(body.get("prompt_id"))
        return web.Response()

    @routes.post("/free")
    async def post_free(request: web.Request) -> web.Response:
        return web.Response()

    _add_history_routes(routes, queue)


def queue_info(queue: JobQueue) -> dict[str, Any]:
    """How many jobs are left, as the editor's status message has it."""
    return {"exec_info": {"queue_remaining": queue.remaining()}}


def _add_history_routes(routes: web.RouteTableDef, queue: JobQueue) -> None:
    @routes.get("/history")
    async def get_history(request: web.Request) -> web.Response:
        jobs = queue.history()
        try:
            most = int(request.query.get("max_items", len(jobs)))
            offset = int(request.query.get("offset", -1))
        except ValueError:
            raise web.HTTPBadRequest(text="max_items and offset are numbers") from None
        start = offset if offset >= 0 else max(len(jobs) - most, 0)
        chosen = jobs[start : start + most]
        return web.json_response({job.prompt_id: job.as_history_entry() for job in chosen})

    @routes.get("/history/{prompt_id}")
    async def get_one(request: web.Request) -> web.Response:
        wanted = request.match_info["prompt_id"]
        found = [job for job in queue.history() if job.prompt_id == wanted]
        return web.json_response({job.prompt_id: job.as_history_entry() for job in found})

    @routes.post("/history")
    async def post_history(request: web.Request) -> web.Response:
        body = await read_object(request)
        if body.get("clear"):
            queue.drop_history()
        if names := names_in(body, "delete"):
            queue.drop_history(names)
        return web.Response()


def _new_job(body: Mapping[str, Any], queue: JobQueue, outputs: list[str]) -> Job:
    extra_data = body.get("extra_data") or {}
    if not isinstance(extra_data, dict):
        raise web.HTTPBadRequest(text="extra_data is an object")
    extra_data = dict(extra_data)
    # Keys to a paid service are of no use here and must not end up in the history.
    for secret in ("auth_token_comfy_org", "api_key_comfy_org"):
        extra_data.pop(secret, None)
    if "client_id" in body:
        extra_data["client_id"] = body["client_id"]
    number = body.get("number")
    if number is None:
        number = queue.next_number(front=bool(body.get("front")))
    if not isinstance(number, int | float) or not -_FURTHEST < number < _FURTHEST:
        raise web.HTTPBadRequest(text="number is a number")
    prompt_id = str(body.get("prompt_id") or uuid.uuid4())
    return Job(float(number), prompt_id, body["prompt"], extra_data, outputs)
