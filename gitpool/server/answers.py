"""From what happened to what is sent: statuses, error bodies, streams. In this one place."""

from __future__ import annotations

import asyncio
import functools
import json
import logging
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar
from urllib.parse import quote

from aiohttp import web

from .. import __version__
from .. import errors as e
from ..identifiers import file_name_of
from . import guard

log = logging.getLogger("gitpool")
T = TypeVar("T")
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_STATUS: tuple[tuple[type[e.GitPoolError], int], ...] = (
    (e.Malformed, 400),
    (e.Foreign, 403),
    (e.NotFound, 404),
    (e.Conflict, 409),
    (e.TooLarge, 413),
    (e.NotAnImage, 415),
    (e.Unacceptable, 422),
    (e.RemoteFailed, 502),
    (e.DiskFailed, 503),
    (e.Damaged, 503),
)
# By it the page knows that the answer is ours, not that of another pack on the same path.
MARK = {"X-Git-Pool": __version__}
LEFT_OUT = "X-Git-Pool-Left-Out"
FOREVER = "private, max-age=31536000, immutable"
_BATCH = 1 << 20

_work = ThreadPoolExecutor(max_workers=8, thread_name_prefix="gitpool-work")
_asking = ThreadPoolExecutor(max_workers=4, thread_name_prefix="gitpool-asking")
_drawing = ThreadPoolExecutor(max_workers=4, thread_name_prefix="gitpool-thumbs")


async def run(function: Callable[..., T], *args: Any, **kwargs: Any) -> T:
    """Blocking work, off the event loop, a bounded number at a time."""
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(_work, functools.partial(function, *args, **kwargs))


async def draw(function: Callable[..., T], *args: Any) -> T:
    """Like `run`, for thumbnails: many of them never keep an edit waiting."""
    return await asyncio.get_running_loop().run_in_executor(_drawing, function, *args)


async def ask(function: Callable[..., T], *args: Any) -> T:
    """Like `run`, for what waits for a remote: however slow it is, no edit waits for it."""
    return await asyncio.get_running_loop().run_in_executor(_asking, function, *args)


def changing(handler: Handler) -> Handler:
    """A route that changes something: its caller is checked, its errors are answered."""
    return answered(handler, checked=True)


def answered(handler: Handler, checked: bool = False) -> Handler:
    """A route whose errors become the contract's answers."""

    @functools.wraps(handler)
    async def wrapped(request: web.Request) -> web.StreamResponse:
        try:
            if checked:
                await guard.check_caller(request)
            return await handler(request)
        except (ConnectionError, web.HTTPException) as error:
            if isinstance(error, web.HTTPRequestEntityTooLarge):
                return _refused(request, e.TooLarge("too_large", "That is too large."))
            raise
        except Exception as error:
            return _refused(request, _said(request, error))

    return wrapped


def _said(request: web.Request, error: Exception) -> e.GitPoolError:
    """What a person is told of an error."""
    if isinstance(error, e.GitPoolError):
        return error
    if isinstance(error, OSError):
        log.error("Git Pool: %s failed: %s", request.path, error)
        return e.disk_failed(error)
    log.error("Git Pool: %s failed", request.path, exc_info=error)
    return e.GitPoolError(
        "internal", "Something went wrong in Git Pool.", "The server's log says more."
    )


def _refused(request: web.Request, error: e.GitPoolError) -> web.Response:
    """An error's answer. A connection whose body wasn't read to its end is closed: before
    version 3.13, aiohttp may leave the next request on it without an answer."""
    response = failure(error)
    if not request.content.at_eof():
        response.force_close()
    return response


def success(data: Any, status: int = 200) -> web.Response:
    """A JSON answer."""
    return web.json_response(data, status=status, headers={**MARK, "Cache-Control": "no-store"})


def failure(error: e.GitPoolError) -> web.Response:
    """`{"error": {"code", "message", "hint"}}` with the class's status."""
    status = next((status for kind, status in _STATUS if isinstance(error, kind)), 500)
    body = {"error": {"code": error.code, "message": error.message, "hint": error.hint}}
    headers = {**MARK, "Cache-Control": "no-store"}
    return web.json_response(body, status=status, headers=headers)


async def download(
    request: web.Request,
    name: str,
    extension: str,
    kind: str,
    pieces: Iterator[bytes],
    left_out: int = 0,
) -> web.StreamResponse:
    """Send a generator's bytes as a file; each batch is made off the event loop.

    left_out: how many files of the profile it doesn't hold.
    """
    first = await run(_batch, pieces)
    response = web.StreamResponse(
        headers={
            **MARK,
            "Content-Type": kind,
            "Content-Disposition": _disposition(name, extension),
            "Cache-Control": "no-store",
            **({LEFT_OUT: str(left_out)} if left_out else {}),
        }
    )
    await response.prepare(request)
    while first:
        await response.write(first)
        first = await run(_batch, pieces)
    await response.write_eof()
    return response


async def body_of(request: web.Request) -> dict[str, Any]:
    """The JSON object a request carries. Raises Malformed."""
    try:
        data = json.loads(await request.text())
    except (ValueError, RecursionError, LookupError):
        raise e.Malformed("bad_json", "The request isn't valid JSON.") from None
    if not isinstance(data, dict):
        raise e.Malformed("bad_json", "The request must be a JSON object.")
    return data


def _batch(pieces: Iterator[bytes]) -> bytes:
    batch, size = [], 0
    for piece in pieces:
        batch.append(piece)
        size += len(piece)
        if size >= _BATCH:
            break
    return b"".join(batch)


def _disposition(name: str, extension: str) -> str:
    file_name = file_name_of(name, extension, "profile")
    plain = "".join(c if c.isascii() and (c.isalnum() or c in " ._-()") else "_" for c in file_name)
    full = quote(file_name, safe="")
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{full}"
