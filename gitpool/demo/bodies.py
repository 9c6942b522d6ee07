"""What a request carries, read as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiohttp import web


async def read_json(request: web.Request) -> Any:
    """The request's body. Raises HTTPBadRequest where it isn't JSON."""
    try:
        return await request.json()
    except (ValueError, RecursionError):
        raise web.HTTPBadRequest(text="the request isn't JSON") from None


async def read_object(request: web.Request) -> dict[str, Any]:
    """The same, for a body that has to be an object."""
    body = await read_json(request)
    if not isinstance(body, dict):
        raise web.HTTPBadRequest(text="the request isn't an object")
    return body


def names_in(body: Mapping[str, Any], key: str) -> set[str]:
    """The names that an object lists under a key. Raises HTTPBadRequest where that is no list."""
    names = body.get(key) or []
    if not isinstance(names, list):
        raise web.HTTPBadRequest(text=f"{key} isn't a list")
    return {str(name) for name in names}
