"""Who may change something, and who may reach where: foreign pages and `.git` folders."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from aiohttp import web

from ..errors import Foreign, Malformed
from ..profiles.library import PRIVATE

_BODIES = ("application/json", "multipart/form-data")
_PORTS = {"http": 80, "https": 443}
_HOST = re.compile(r"(?P<name>\[[0-9a-f:.]+\]|[^\s\[\]@/\\?#:]+)(?::(?P<port>\d{1,5})?)?", re.ASCII)
_UPLOADS = ("/upload/image", "/upload/mask")
_HIDDEN = (".git", PRIVATE)
# Characters that some file systems ignore in names.
_IGNORABLE = re.compile("[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]")


def check_caller(request: web.Request) -> None:
    """Let our own page and plain scripts pass; raise Foreign for what a browser marks as
    another site's, Malformed for a body that such a site could send without asking first."""
    site = request.headers.get("Sec-Fetch-Site", "").strip().lower()
    if site not in ("", "same-origin", "none"):
        raise _foreign()
    origin = request.headers.get("Origin")
    if origin is not None and not _is_own(origin, request):
        raise _foreign()
    if request.content_type not in _BODIES or "Content-Type" not in request.headers:
        raise Malformed("bad_content_type", "Send JSON or multipart form data.")


def _is_own(origin: str, request: web.Request) -> bool:
    try:
        parts = urlsplit(origin.strip().lower())
    except ValueError:
        return False
    if parts.scheme not in _PORTS or not parts.netloc:
        return False
    # Behind a proxy the name that the browser used comes in X-Forwarded-Host, which no page
    # can set for another site without being asked first.
    forwarded = request.headers.get("X-Forwarded-Host", "").partition(",")[0]
    hosts = [host for host in (request.headers.get("Host", ""), forwarded) if host]
    port = _PORTS[parts.scheme]
    wanted = _authority(parts.netloc, port)
    return wanted is not None and any(_authority(host, port) == wanted for host in hosts)


def _authority(netloc: str, default_port: int) -> tuple[str, int] | None:
    """Host and port, or None for anything that isn't just that, which no browser sends."""
    match = _HOST.fullmatch(netloc.strip().lower())
    if match is None:
        return None
    return match["name"], int(match["port"] or default_port)


@web.middleware
async def keep_out_of_git(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Refuse the host's own file requests that reach into a pool's `.git`, or our folder."""
    path = request.path.removeprefix("/api")
    asked = [value for key, value in request.query.items() if key in ("filename", "subfolder")]
    if request.method == "POST" and path in _UPLOADS:
        asked += await _upload_targets(request)
    if any(reaches_hidden(value) for value in asked):
        return web.json_response(
            {"error": {"code": "hidden", "message": "That folder can't be used.", "hint": ""}},
            status=403,
        )
    return await handler(request)


async def _upload_targets(request: web.Request) -> list[str]:
    if request.content_type != "multipart/form-data":
        return []
    post = await request.post()
    targets = [v for k, v in post.items() if k in ("subfolder", "filename") and isinstance(v, str)]
    image = post.get("image")
    if isinstance(image, web.FileField):
        targets.append(image.filename)
    original = post.get("original_ref")
    if isinstance(original, str):
        try:
            raw = json.loads(original)
        except (ValueError, RecursionError):
            raw = None
        if isinstance(raw, dict):
            targets += [str(raw.get(key, "")) for key in ("filename", "subfolder")]
    return targets


def reaches_hidden(path: str) -> bool:
    """Whether a path has a part that is a `.git` folder, in any spelling, or our own."""
    for part in re.split(r"[\\/:]", _IGNORABLE.sub("", path)):
        plain = part.strip().rstrip(". ").casefold()
        if plain in _HIDDEN or plain.startswith("git~"):
            return True
    return False


def _foreign() -> Foreign:
    return Foreign(
        "foreign_page",
        "This request comes from another web page, so it was refused.",
        "Open ComfyUI itself and try again.",
    )
