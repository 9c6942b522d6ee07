"""Multipart requests: text fields in memory, files straight to the disk, both with bounds."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from aiohttp import BodyPartReader, MultipartReader, web
from aiohttp.http_exceptions import HttpProcessingError

from ..errors import Malformed, TooLarge
from ..pool import durable
from ..profiles.library import Library
from .answers import run

_FIELD_LIMIT = 64 * 1024
_CHUNK = 1 << 20
_MAX_FIELDS = 32
_LONGEST_NAME = 255


@contextlib.asynccontextmanager
async def _staging(library: Library) -> AsyncIterator[Path]:
    """A scratch folder for one request, made and removed off the event loop."""
    scratch = library.staging(uuid.uuid4().hex)
    folder = await run(scratch.__enter__)
    try:
        yield folder
    finally:
        await asyncio.shield(run(scratch.__exit__, None, None, None))


@dataclass
class Upload:
    """A file that came: what the form called it, where it is, how long. refused: it is longer
    than files may be, and isn't there."""

    name: str
    path: Path
    size: int = 0
    refused: TooLarge | None = None


class Form:
    """A multipart request's fields: `text` by name, and the files in the order they came."""

    folder: Path

    def __init__(self) -> None:
        self.text: dict[str, str] = {}
        self.files: list[Upload] = []

    @property
    def file(self) -> Upload | None:
        """The file of a form that has one."""
        return self.files[0] if self.files else None

    def whole_number(self, key: str) -> int:
        """A field as a whole number. Raises Malformed."""
        try:
            return int(self.text[key])
        except (KeyError, ValueError):
            raise Malformed(f"bad_{key}", f"“{key}” must be a whole number.") from None


@contextlib.asynccontextmanager
async def received(
    request: web.Request,
    library: Library,
    file_field: str,
    limit: int,
    most: int = 1,
    expect: Callable[[Form], None] = lambda _: None,
) -> AsyncIterator[Form]:
    """A request's form; the parts named `file_field`, at most so many, are files, synced and
    gone after the block.

    expect: told the fields before the first file; what it raises refuses that and all others.
    Raises Malformed, or TooLarge where a file has more than `limit` bytes; of one that may be
    among several, that is noted instead.
    """
    if request.content_type != "multipart/form-data":
        raise Malformed("bad_content_type", "Send multipart form data.")
    async with contextlib.AsyncExitStack() as stack:
        form = Form()

        async def take(part: BodyPartReader) -> None:
            if not form.files:
                await run(expect, form)
                form.folder = await stack.enter_async_context(_staging(library))
            elif len(form.files) == most:
                raise Malformed("bad_form", f"The form has more than {most} “{file_field}”.")
            form.files.append(await _save(part, form, limit, alone=most == 1))

        try:
            await _read(await request.multipart(), form, file_field, take)
        except (ValueError, LookupError, AssertionError, RuntimeError, HttpProcessingError):
            raise Malformed("bad_form", "The form is malformed.") from None
        yield form


async def _read(
    reader: MultipartReader,
    form: Form,
    file_field: str,
    take: Callable[[BodyPartReader], Awaitable[None]],
) -> None:
    fields = 0
    while (part := await reader.next()) is not None:
        if not isinstance(part, BodyPartReader):
            raise Malformed("bad_form", "The form is malformed.")
        if part.name == file_field:
            await take(part)
            continue
        fields += 1
        if fields > _MAX_FIELDS:
            raise Malformed("bad_form", "The form has too many fields.")
        if part.name:
            form.text[part.name] = await _text(part)


async def _save(part: BodyPartReader, form: Form, limit: int, alone: bool) -> Upload:
    upload = Upload(_shown(part.filename), form.folder / f"upload-{len(form.files)}")
    with await run(open, upload.path, "wb", 0) as file:
        pending = bytearray()
        while chunk := await part.read_chunk(_CHUNK):
            upload.size += len(chunk)
            if upload.size > limit:
                break
            pending += chunk
            if len(pending) >= _CHUNK:
                await run(durable.write_all, file, bytes(pending))
                pending.clear()
        else:
            await run(_finish, file, bytes(pending))
            return upload
    await run(upload.path.unlink)
    upload.refused = TooLarge("too_large", f"Files may have {limit >> 20} MB at most.")
    # Others may come behind it; but nobody is listened to for ever.
    while not alone and upload.size <= 2 * limit:
        if not (chunk := await part.read_chunk(_CHUNK)):
            return upload
        upload.size += len(chunk)
    raise upload.refused


def _shown(file_name: str | None) -> str:
    """A name that a form gave, in letters that any answer can hold."""
    return (file_name or "").encode("utf-8", "replace").decode("utf-8")[:_LONGEST_NAME]


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
