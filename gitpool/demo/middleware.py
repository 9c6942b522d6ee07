"""What every request passes: no foreign pages, and no old scripts from the browser's cache."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_LOCAL_NAMES = {"127.0.0.1", "localhost", "::1"}
_CHECKED_EACH_TIME = (".js", ".mjs", ".css", ".html", ".json", "/")
_IMAGES = (".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp")


@web.middleware
async def local_only(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse requests another website makes in the person's browser.

    A foreign page shows by its Origin, and one that gave its own name this computer's address
    by the Host.
    """
    try:
        host = urlsplit(f"//{request.headers.get('Host', '')}")
        origin = urlsplit(request.headers.get("Origin", f"//{host.netloc}"))
    except ValueError:  # such as half of an IPv6 address
        raise web.HTTPForbidden(text="the request says not where it comes from") from None
    if host.hostname not in _LOCAL_NAMES:
        raise web.HTTPForbidden(text="this server answers on this computer only")
    if origin.netloc.lower() != host.netloc.lower():
        raise web.HTTPForbidden(text="the request comes from another site")
    return await handler(request)


async def set_cache_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Scripts and pages are checked each time; images are kept for a day, as ComfyUI does.

    A handler's own header wins.
    """
    path = request.path.lower()
    if path.endswith(_CHECKED_EACH_TIME):
        response.headers.setdefault("Cache-Control", "no-cache")
    elif path.endswith(_IMAGES) and response.status == 200:
        response.headers.setdefault("Cache-Control", "public, max-age=86400")
