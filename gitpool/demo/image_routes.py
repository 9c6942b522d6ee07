"""`/view` and `/upload`: images of the input, output and temp folders."""

from __future__ import annotations

import asyncio
import io
import json
import mimetypes
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aiohttp import web
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from .host import DemoHost
from .paths import UnsafePath, safe_join, split_annotation

# Shown by a browser these could run as a page of this server.
_DOWNLOADED = {
    "text/html",
    "text/html-sandboxed",
    "application/xhtml+xml",
    "text/javascript",
    "application/javascript",
    "text/css",
    "image/svg+xml",
}


def add_image_routes(routes: web.RouteTableDef, host: DemoHost) -> None:
    """Register `/view`, `/upload/image` and `/upload/mask`."""

    @routes.get("/view")
    async def view(request: web.Request) -> web.StreamResponse:
        path = _find_file(host, request.query)
        if not path.is_file():
            raise web.HTTPNotFound(text="no such file")
        channel = request.query.get("channel", "")
        preview = request.query.get("preview")
        if not preview and channel not in ("rgb", "a"):
            return _plain_file(path)
        try:
            body, kind = await asyncio.to_thread(_render, path, channel, preview)
        except OSError:  # Pillow's for what is no image, and for one that is cut off
            raise web.HTTPUnsupportedMediaType(text="not an image") from None
        return web.Response(body=body, content_type=kind, headers=_disposition(path))

    @routes.post("/upload/image")
    async def upload_image(request: web.Request) -> web.Response:
        form = await request.post()
        data = _uploaded(form)
        return web.json_response(await asyncio.to_thread(_store, host, form, data))

    @routes.post("/upload/mask")
    async def upload_mask(request: web.Request) -> web.Response:
        form = await request.post()
        data = _uploaded(form)
        try:
            reference = json.loads(str(form.get("original_ref", "")))
        except ValueError:
            reference = None
        if not isinstance(reference, dict):
            raise web.HTTPBadRequest(text="original_ref is missing")
        original = _find_file(host, reference)
        if not original.is_file():
            raise web.HTTPNotFound(text="the original image is gone")
        try:
            masked = await asyncio.to_thread(_with_alpha, original, data)
        except (OSError, ValueError) as error:
            raise web.HTTPBadRequest(text=f"cannot combine the images: {error}") from None
        return web.json_response(await asyncio.to_thread(_store, host, form, masked))


def _find_file(host: DemoHost, reference: Mapping[str, Any]) -> Path:
    """The file a `{filename, subfolder, type}` names; 400 or 403 for one it may not name."""
    name, kind = split_annotation(str(reference.get("filename", "")))
    folder = host.directory(kind or reference.get("type", "output"))
    if not name or folder is None:
        raise web.HTTPBadRequest(text="filename or type is missing or unknown")
    try:
        subfolder = safe_join(folder, str(reference.get("subfolder", "")))
    except UnsafePath:
        raise web.HTTPForbidden(text="subfolder leads outside") from None
    try:
        return safe_join(folder, str(subfolder.relative_to(folder.resolve())), name)
    except UnsafePath:
        raise web.HTTPBadRequest(text="filename leads outside") from None


def _plain_file(path: Path) -> web.FileResponse:
    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    if kind in _DOWNLOADED:
        kind = "application/octet-stream"
    headers = {**_disposition(path), "Content-Type": kind, "X-Content-Type-Options": "nosniff"}
    return web.FileResponse(path, headers=headers)


def _disposition(path: Path) -> dict[str, str]:
    name = path.name.encode("ascii", "replace").decode().replace('"', "'")
    return {"Content-Disposition": f'filename="{name}"'}


def _render(path: Path, channel: str, preview: str | None) -> tuple[bytes, str]:
    """The image as bytes and their type: a smaller file, the colours, or the alpha alone."""
    with Image.open(path) as image:
        image.load()
        if preview:
            return _render_preview(image, channel, preview)
        if channel == "rgb":
            return _save(_without_alpha(image), "PNG")
        alpha = image.getchannel("A") if "A" in image.getbands() else None
        only_alpha = Image.new("RGBA", image.size)
        only_alpha.putalpha(alpha or Image.new("L", image.size, 255))
        return _save(only_alpha, "PNG")


def _render_preview(image: Image.Image, channel: str, preview: str) -> tuple[bytes, str]:
    """`preview` is `format;quality`, as in `webp;75`."""
    wanted, _, quality = preview.partition(";")
    kind = wanted if wanted in ("webp", "jpeg") and "a" not in channel else "webp"
    if kind == "jpeg" or channel == "rgb":
        image = _without_alpha(image)
    elif image.mode not in ("RGB", "RGBA"):
        image = image.convert("RGBA")
    return _save(image, kind.upper(), quality=int(quality) if quality.isdigit() else 90)


def _without_alpha(image: Image.Image) -> Image.Image:
    # Dropped, not blended: the colours under a mask are what the mask editor needs.
    return image.convert("RGB")


def _save(image: Image.Image, kind: str, **options: Any) -> tuple[bytes, str]:
    buffer = io.BytesIO()
    image.save(buffer, format=kind, **options)
    return buffer.getvalue(), f"image/{kind.lower()}"


def _with_alpha(original: Path, data: bytes) -> bytes:
    """The original's colours with the alpha of the uploaded image, as PNG; texts are kept."""
    with Image.open(original) as image, Image.open(io.BytesIO(data)) as mask:
        info = PngInfo()
        for name, text in getattr(image, "text", {}).items():
            info.add_text(name, text)
        combined = image.convert("RGBA")
        combined.putalpha(mask.convert("RGBA").getchannel("A"))
    return _save(combined, "PNG", pnginfo=info, compress_level=4)[0]


def _uploaded(form: Mapping[str, Any]) -> bytes:
    field = form.get("image")
    if not isinstance(field, web.FileField) or not field.filename:
        raise web.HTTPBadRequest(text="image is missing")
    return field.file.read()


def _store(host: DemoHost, form: Mapping[str, Any], data: bytes) -> dict[str, str]:
    """Write an upload under its name, or under a free one; returns where it went."""
    kind = str(form.get("type") or "input")
    subfolder = str(form.get("subfolder") or "")
    root = host.directory(kind)
    if root is None:
        raise web.HTTPBadRequest(text="unknown type")
    try:
        path = safe_join(root, subfolder, form["image"].filename)
    except UnsafePath:
        raise web.HTTPBadRequest(text="the name leads outside") from None
    path.parent.mkdir(parents=True, exist_ok=True)
    if str(form.get("overwrite", "")) not in ("true", "1"):
        path = _free_name(path, data)
    path.write_bytes(data)
    return {"name": path.name, "subfolder": subfolder, "type": kind}


def _free_name(path: Path, data: bytes) -> Path:
    """`path`, or the first of `name (1)`, `name (2)`... not taken by other content."""
    candidate, number = path, 0
    while candidate.exists() and candidate.read_bytes() != data:
        number += 1
        candidate = path.with_name(f"{path.stem} ({number}){path.suffix}")
    return candidate
