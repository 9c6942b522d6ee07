"""`/jobs`: queue and history in one list, which newer editors ask for."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from .bodies import names_in, read_object
from .jobs import Job, JobQueue

_PREVIEWED = ("images", "video", "audio", "gifs", "3d")


def add_job_routes(routes: web.RouteTableDef, queue: JobQueue) -> None:
    """Register `/jobs`, `/jobs/{id}` and the two ways to cancel."""

    @routes.get("/jobs")
    async def list_jobs(request: web.Request) -> web.Response:
        wanted = {each for each in request.query.get("status", "").split(",") if each}
        entries = [_summary(job, status) for job, status in _all_jobs(queue)]
        entries = [each for each in entries if not wanted or each["status"] in wanted]
        newest_first = request.query.get("sort_order", "desc") != "asc"
        # Of one millisecond, the one that was put in later is the newer.
        entries.sort(key=lambda e: (e["create_time"], e["priority"]), reverse=newest_first)
        try:
            offset = max(int(request.query.get("offset", 0)), 0)
            limit = max(int(request.query.get("limit", 200)), 1)
        except ValueError:
            raise web.HTTPBadRequest(text="limit and offset are numbers") from None
        page = entries[offset : offset + limit]
        pagination = {
            "offset": offset,
            "limit": limit,
            "total": len(entries),
            "has_more": offset + len(page) < len(entries),
        }
        return web.json_response({"jobs": page, "pagination": pagination})

    def cancel(prompt_ids: set[str]) -> web.Response:
        queue.drop_pending(prompt_ids)
        for prompt_id in prompt_ids:
            queue.interrupt(prompt_id)
        return web.json_response({"cancelled": sorted(prompt_ids)})

    @routes.post("/jobs/cancel")
    async def cancel_jobs(request: web.Request) -> web.Response:
        return cancel(names_in(await read_object(request), "job_ids"))

    @routes.post("/jobs/{prompt_id}/cancel")
    async def cancel_job(request: web.Request) -> web.Response:
        return cancel({request.match_info["prompt_id"]})

    @routes.get("/jobs/{prompt_id}")
    async def get_job(request: web.Request) -> web.Response:
        for job, status in _all_jobs(queue):
            if job.prompt_id == request.match_info["prompt_id"]:
                return web.json_response(_details(job, status))
        raise web.HTTPNotFound(text="no such job")


def _all_jobs(queue: JobQueue) -> list[tuple[Job, str]]:
    jobs = [(job, "pending") for job in queue.pending()]
    jobs += [(job, "in_progress") for job in queue.running()]
    jobs += [(job, _finished_status(job)) for job in queue.history()]
    return jobs


def _finished_status(job: Job) -> str:
    if job.result and job.result.success:
        return "completed"
    return "cancelled" if _message(job, "execution_interrupted") else "failed"


def _message(job: Job, event: str) -> dict[str, Any] | None:
    messages = job.result.messages if job.result else []
    return next((data for name, data in messages if name == event), None)


def _summary(job: Job, status: str) -> dict[str, Any]:
    results = _listed_results(job)
    return {
        "id": job.prompt_id,
        "status": status,
        "priority": int(job.number),
        "create_time": _milliseconds(job.created),
        "execution_start_time": _milliseconds(job.started),
        "execution_end_time": _milliseconds(job.ended),
        "execution_error": _message(job, "execution_error"),
        "outputs_count": len(results),
        "preview_output": results[0] if results else None,
        "workflow_id": _workflow(job).get("id"),
    }


def _details(job: Job, status: str) -> dict[str, Any]:
    history = job.as_history_entry()
    return {
        **_summary(job, status),
        "workflow": {"prompt": job.prompt, "extra_data": job.extra_data},
        "outputs": history["outputs"],
        "execution_status": history["status"],
        "execution_meta": history["meta"],
        "update_time": _milliseconds(job.ended or job.started or job.created),
    }


def _listed_results(job: Job) -> list[dict[str, Any]]:
    shown = job.result.outputs if job.result else {}
    return [
        {**entry, "nodeId": node_id, "mediaType": kind}
        for node_id, output in shown.items()
        for kind in _PREVIEWED
        for entry in output.get(kind, [])
        if isinstance(entry, dict)
    ]


def _workflow(job: Job) -> dict[str, Any]:
    info = job.extra_data.get("extra_pnginfo") or {}
    workflow = info.get("workflow")
    return workflow if isinstance(workflow, dict) else {}


def _milliseconds(moment: float | None) -> int | None:
    return None if moment is None else int(moment * 1000)
