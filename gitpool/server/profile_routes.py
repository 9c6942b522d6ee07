"""`/grid_pool/profiles/…`: the profiles' routes."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from aiohttp import web

from ..errors import Malformed
from ..identifiers import check_id, check_name, check_snapshot_id
from ..service import Service
from .answers import answered, body_of, changing, download, run, success
from .uploads import received

PREFIX = "/grid_pool/profiles/"
_IMPORT_LIMIT = 32 << 30
_HISTORY_DEFAULT = 50

Body = dict[str, Any]


def register(routes: web.RouteTableDef, service: Service) -> None:
    """Register the profile routes."""
    _register_life(routes, service)
    _register_versions(routes, service)
    _register_exchange(routes, service)


def _register_life(routes: web.RouteTableDef, service: Service) -> None:
    profiles = service.profiles

    @routes.get(PREFIX + "list")
    @answered
    async def list_profiles(request: web.Request) -> web.Response:
        return success(await run(profiles.list))

    def act(name: str, function: Callable[[Body], Any]) -> None:
        @routes.post(PREFIX + name)
        @changing
        async def handler(request: web.Request) -> web.Response:
            return success(await run(function, await body_of(request)))

    act("create", lambda b: profiles.create(new_id(), check_name(b.get("name"))))
    act("rename", lambda b: profiles.rename(profile_id_of(b), check_name(b.get("name"))))
    act("delete", lambda b: profiles.delete(profile_id_of(b), flag(b, "forever")))
    act("undelete", lambda b: profiles.undelete(profile_id_of(b)))
    act(
        "duplicate",
        lambda b: profiles.duplicate(profile_id_of(b), new_id(), check_name(b.get("name"))),
    )
    act("adopt", lambda b: profiles.adopt(profile_id_of(b, "pool_id"), check_name(b.get("name"))))
    act("seed", lambda b: profiles.seed(profile_id_of(b, "from"), profile_id_of(b)))
    act(
        "branch_off",
        lambda b: profiles.branch_off(
            profile_id_of(b),
            new_id(),
            check_snapshot_id(b.get("snapshot")),
            check_name(b.get("name")),
        ),
    )


def _register_versions(routes: web.RouteTableDef, service: Service) -> None:
    versions = service.versions

    @routes.post(PREFIX + "snapshot")
    @changing
    async def snapshot(request: web.Request) -> web.Response:
        body = await body_of(request)
        kind = "auto" if flag(body, "auto") else "named"
        return success(await run(versions.snapshot, profile_id_of(body), body.get("message"), kind))

    @routes.get(PREFIX + "history")
    @answered
    async def history(request: web.Request) -> web.Response:
        query = request.query
        limit = _whole(query.get("limit", str(_HISTORY_DEFAULT)))
        before = check_snapshot_id(query["before"]) if query.get("before") else None
        words, auto = query.get("q", ""), query.get("auto", "1") != "0"
        return success(await run(versions.history, query_id(request), limit, before, words, auto))

    @routes.get(PREFIX + "look")
    @answered
    async def look(request: web.Request) -> web.Response:
        target = request.query.get("snapshot", "now")
        return success(await run(versions.look, query_id(request), target))

    @routes.get(PREFIX + "diff")
    @answered
    async def diff(request: web.Request) -> web.Response:
        old = check_snapshot_id(request.query.get("from"))
        new = request.query.get("to", "now")
        if new != "now":
            check_snapshot_id(new)
        return success(await run(versions.diff, query_id(request), old, new))

    @routes.post(PREFIX + "restore")
    @changing
    async def restore(request: web.Request) -> web.Response:
        body = await body_of(request)
        target = check_snapshot_id(body.get("snapshot"))
        only = body.get("images"), body.get("what")
        return success(await run(versions.restore, profile_id_of(body), target, *only))

    @routes.post(PREFIX + "lock")
    @changing
    async def lock(request: web.Request) -> web.Response:
        body = await body_of(request)
        target = check_snapshot_id(body.get("snapshot"))
        said = body.get("locked"), body.get("message"), body.get("note")
        return success(await run(versions.lock, profile_id_of(body), target, *said))


def _register_exchange(routes: web.RouteTableDef, service: Service) -> None:
    exchange = service.exchange

    @routes.get(PREFIX + "export")
    @answered
    async def export(request: web.Request) -> web.StreamResponse:
        profile_id, form = query_id(request), request.query.get("format", "zip")
        if form == "zip":
            name, pieces, left_out = await run(exchange.export_zip, profile_id)
            kind, missing = "application/zip", len(left_out)
            return await download(request, name, ".zip", kind, pieces, missing)
        if form == "bundle":
            name, pieces = await run(exchange.export_bundle, profile_id)
            kind = "application/x-git-bundle"
            return await download(request, name, ".bundle", kind, pieces)
        raise Malformed("bad_format", "The format must be zip or bundle.")

    @routes.post(PREFIX + "import")
    @changing
    async def import_file(request: web.Request) -> web.Response:
        async with received(request, service.library, "file", _IMPORT_LIMIT) as form:
            if form.file is None:
                raise Malformed("no_file", "The form has no file.")
            name = form.text.get("name") or None
            entry = await run(exchange.import_file, form.file.path, new_id(), name, form.file.name)
            return success(entry)


def new_id() -> str:
    """An id that nothing has: the routes make them, the layers below take them."""
    return uuid.uuid4().hex


def profile_id_of(body: Body, key: str = "id") -> str:
    """An id that a body names. Raises Malformed."""
    return check_id(body.get(key), key)


def query_id(request: web.Request) -> str:
    """The id that a request asks about. Raises Malformed."""
    if "id" not in request.query:
        raise Malformed("bad_id", "The id is missing.")
    return check_id(request.query["id"])


def flag(body: Body, key: str) -> bool:
    """True or false as a body says, false by default. Raises Malformed."""
    value = body.get(key, False)
    if not isinstance(value, bool):
        raise Malformed(f"bad_{key}", f"“{key}” must be true or false.")
    return value


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise Malformed("bad_limit", "The limit must be a whole number.") from None
