"""Multipart requests: text fields in memory, files straight to the disk, both with bounds."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import BinaryIO

from aiohttp import BodyPartReader, web
from aiohttp.http_exceptions import HttpProcessingError

from ..errors import Malformed, TooLarge
from ..pool import durable
from ..profiles.library import Library
from .answers import run

_FIELD_LIMIT = 64 * 1024
_CHUNK = 1 << 20
_MAX_FIELDS = 32


@contextlib.asynccontextmanager
async def staging(library: Library) -> AsyncIterator[Path]:
    """A scratch folder for one request, made and removed off the event loop."""
    scratch = library.staging(uuid.uuid4().hex)
    folder = await run(scratch.__enter__)
    try:
        yield folder
    finally:
        await asyncio.shield(run(scratch.__exit__, None, None, None))


class Form:
    """A multipart request's fields: `text` by name, and the file part's path and file name."""

    def __init__(self) -> None:
        self.text: dict[str, str] = {}
        self.file: Path | None = None
        self.file_name = ""
        self.file_size = 0

    def whole_number(self, key: str) -> int:
        """A field as a whole number. Raises Malformed."""
        try:
            return int(self.text[key])
        except (KeyError, ValueError):
            raise Malformed(f"bad_{key}", f"“{key}” must be a whole number.") from None


async def read_form(request: web.Request, file_field: str, folder: Path, limit: int) -> Form:
    """Read a form; the part named `file_field` goes to a file in `folder`, synced.

    Raises Malformed, or TooLarge above `limit` bytes.
    """
    if request.content_type != "multipart/form-data":
        raise Malformed("bad_content_type", "Send multipart form data.")
    form = Form()
    try:
        reader = await request.multipart()
        for _ in range(_MAX_FIELDS):
            part = await reader.next()
            if part is None:
                return form
            if not isinstance(part, BodyPartReader):
                raise Malformed("bad_form", "The form is malformed.")
            if part.name == file_field and (part.filename is not None or form.file is None):
                await _save(part, form, folder, limit)
            elif part.name:
                form.text[part.name] = await _text(part)
    except (ValueError, LookupError, AssertionError, RuntimeError, HttpProcessingError):
        raise Malformed("bad_form", "The form is malformed.") from None
    raise Malformed("bad_form", "The form has too many fields.")


async def _save(part: BodyPartReader, form: Form, folder: Path, limit: int) -> None:
    form.file = folder / "upload"
    form.file_name = part.filename or ""
    with await run(open, form.file, "wb", 0) as file:
        pending = bytearray()
        while chunk := await part.read_chunk(_CHUNK):
            form.file_size += len(chunk)
            if form.file_size > limit:
                raise TooLarge("too_large", f"Files may have {limit >> 20} MB at most.")
            pending += chunk
            if len(pending) >= _CHUNK:
                await run(durable.write_all, file, bytes(pending))
                pending.clear()
        await run(_finish, file, bytes(pending))


def _finish(file: BinaryIO, rest: bytes) -> None:
    durable.write_all(file, rest)
    durable.sync(file)


async def _text(part: BodyPartReader) -> str:
    data = bytearray()
    while chunk := await part.read_chunk(8192):
        data += chunk
        if len(data) > _FIELD_LIMIT:
            raise TooLarge("too_large", "A field of the form is too long.")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise Malformed("bad_form", "A field of the form isn't valid text.") from None
