"""`/grid_pool/…`: the grid's routes."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from aiohttp import web

from ..errors import Malformed, NotFound
from ..identifiers import check_id, check_snapshot_id
from ..pool import images, layers
from ..pool.manifest import is_mask_name
from ..service import Service
from .answers import FOREVER, MARK, answered, body_of, changing, draw, run, success
from .uploads import Form, received

# Images that one request may add.
_AT_ONCE = 1000


def register(routes: web.RouteTableDef, service: Service) -> None:
    """Register the pool routes."""
    pools = service.pools

    async def edit(request: web.Request, act: Callable[[str, dict[str, Any]], Any]) -> web.Response:
        body = await body_of(request)
        pool_id = check_id(body.get("pool_id"), "pool_id")
        return success(await run(act, pool_id, body))

    @routes.get("/grid_pool/list")
    @answered
    async def list_pool(request: web.Request) -> web.Response:
        pool_id = check_id(request.query.get("pool_id"), "pool_id")
        return success(await run(pools.list, pool_id))

    @routes.post("/grid_pool/add")
    @changing
    async def add(request: web.Request) -> web.Response:
        def act(form: Form) -> dict[str, Any]:
            if not form.files:
                raise Malformed("no_image", "The form has no image.")
            added = form.whole_number("ts") if "ts" in form.text else int(_milliseconds(service))
            label = form.text.get("label", "")
            added, batch = max(0, min(added, 2**53)), form.text.get("batch", "")
            files = [(file.name, file.refused or file.path) for file in form.files]
            return pools.add_all(_pool_id(form), files, added, label, batch)

        return await _with_upload(request, service, "image", act, service.library.folder, _AT_ONCE)

    @routes.post("/grid_pool/remove")
    @changing
    async def remove(request: web.Request) -> web.Response:
        def act(pool_id: str, body: dict[str, Any]) -> dict[str, Any]:
            if "images" in body:
                return pools.remove_images(pool_id, body["images"])
            return pools.remove(pool_id, body.get("index"), body.get("image"))

        return await edit(request, act)

    @routes.post("/grid_pool/active")
    @changing
    async def active(request: web.Request) -> web.Response:
        return await edit(request, lambda i, b: pools.activate(i, b.get("index"), b.get("image")))

    @routes.post("/grid_pool/label")
    @changing
    async def label(request: web.Request) -> web.Response:
        return await edit(
            request, lambda i, b: pools.label(i, b.get("index"), b.get("label"), b.get("image"))
        )

    @routes.post("/grid_pool/set_mask")
    @changing
    async def set_mask(request: web.Request) -> web.Response:
        def act(form: Form) -> dict[str, Any]:
            if form.file is None:
                raise Malformed("no_mask", "The form has no mask.", "An empty one clears it.")
            mask = form.file.path if form.file.size else None
            index, image = form.whole_number("index"), form.text.get("image")
            return pools.set_mask(_pool_id(form), index, mask, image)

        return await _with_upload(request, service, "mask", act, service.library.present)

    @routes.post("/grid_pool/reorder")
    @changing
    async def reorder(request: web.Request) -> web.Response:
        return await edit(request, lambda i, b: pools.reorder(i, b.get("order")))

    @routes.post("/grid_pool/undo")
    @changing
    async def undo(request: web.Request) -> web.Response:
        return await edit(request, lambda i, _: pools.undo(i))

    @routes.post("/grid_pool/redo")
    @changing
    async def redo(request: web.Request) -> web.Response:
        return await edit(request, lambda i, _: pools.redo(i))

    @routes.get("/grid_pool/thumb")
    @answered
    async def thumb(request: web.Request) -> web.Response:
        with _gone_meanwhile():
            return await _thumbnail(request, service)

    @routes.get("/grid_pool/layers")
    @answered
    async def layers_route(request: web.Request) -> web.Response:
        """An image as shown with its mask as transparency, the way the mask editor reads it."""
        pool_id = check_id(request.query.get("pool_id"), "pool_id")
        path = await run(pools.file, pool_id, request.query.get("filename"))
        manifest = await run(service.library.manifest, pool_id)
        slot = next((s for s in manifest.slots if s.image == path.name), None)
        mask = path.with_name(slot.mask) if slot and slot.mask else None
        channel = request.query.get("channel", "rgba")
        with _gone_meanwhile():
            data = await draw(layers.render, path, mask, channel)
        headers = {**MARK, "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
        return web.Response(body=data, content_type="image/png", headers=headers)


@contextlib.contextmanager
def _gone_meanwhile() -> Iterator[None]:
    """What somebody removes while it is being drawn isn't there."""
    try:
        yield
    except FileNotFoundError:
        raise NotFound("unknown_image", "There is no such image in the pool.") from None


async def _with_upload(
    request: web.Request,
    service: Service,
    field: str,
    act: Callable[[Form], dict[str, Any]],
    find: Callable[[str], object],
    most: int = 1,
) -> web.Response:
    """find: raises NotFound where the pool isn't there, before any of the files is taken in."""

    def expect(form: Form) -> None:
        if "pool_id" in form.text:
            find(_pool_id(form))

    limit = images.MAX_FILE_BYTES
    async with received(request, service.library, field, limit, most, expect) as form:
        return success(await run(act, form))


async def _thumbnail(request: web.Request, service: Service) -> web.Response:
    query = request.query
    pool_id = check_id(query.get("pool_id"), "pool_id")
    name, size = query.get("name", ""), _size(query.get("size", "256"))
    is_mask = is_mask_name(name)
    snapshot, blob = query.get("snapshot"), query.get("blob")
    if blob:
        content_id = check_snapshot_id(blob)
        source = await draw(service.versions.content, pool_id, name, content_id)
    elif snapshot:
        check_snapshot_id(snapshot)
        repo, content_id = await draw(service.versions.file, pool_id, snapshot, name)

        def source() -> Path | BinaryIO:
            return io.BytesIO(repo.objects.read_raw(content_id)[1])
    else:
        path = await draw(service.pools.file, pool_id, name)
        content_id = await draw(service.library.contents.one, path)

        def source() -> Path | BinaryIO:
            return path

    etag = f'"{service.thumbnails.etag(content_id, size, is_mask)}"'
    headers = {
        **MARK,
        "ETag": etag,
        "Cache-Control": FOREVER if blob or snapshot or "v" in query else "no-cache",
        "X-Content-Type-Options": "nosniff",
    }
    if etag in request.headers.get("If-None-Match", ""):
        return web.Response(status=304, headers=headers)

    def ends_early(file_size: int) -> None:
        if not is_mask:
            service.pools.ends_early(content_id, file_size, pool_id)

    data = await draw(service.thumbnails.get, source, content_id, size, is_mask, ends_early)
    return web.Response(body=data, content_type="image/webp", headers=headers)


def _size(text: str) -> int:
    try:
        size = int(text)
    except ValueError:
        size = 0
    if not 1 <= size <= 8192:
        raise Malformed("bad_size", "The size must be a whole number from 1 to 8192.")
    return size


def _pool_id(form: Form) -> str:
    return check_id(form.text.get("pool_id"), "pool_id")


def _milliseconds(service: Service) -> float:
    return service.library.clock() * 1000
