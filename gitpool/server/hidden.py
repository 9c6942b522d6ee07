"""What the host's own file requests may not reach: `.git` folders among the pools, and ours."""

from __future__ import annotations

import json
import re

from aiohttp import web

from ..errors import Foreign
from ..identifiers import IGNORED
from ..profiles.library import PRIVATE
from .answers import Handler, failure

_UPLOADS = ("/upload/image", "/upload/mask")
_HIDDEN = (".git", PRIVATE)


@web.middleware
async def keep_out_of_git(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse the host's own file requests that reach into a pool's `.git`, or our folder."""
    path = request.path.removeprefix("/api")
    asked = [value for key, value in request.query.items() if key in ("filename", "subfolder")]
    if request.method == "POST" and path in _UPLOADS:
        asked += await _upload_targets(request)
    if any(reaches_hidden(value) for value in asked):
        return failure(Foreign("hidden", "That folder can't be used."))
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
    for part in re.split(r"[\\/:]", IGNORED.sub("", path)):
        plain = part.strip().rstrip(". ").casefold()
        if plain in _HIDDEN or plain.startswith("git~"):
            return True
    return False
