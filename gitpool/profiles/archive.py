"""A pool as a zip: written as a stream, and read with distrust.

`profile_meta.json` (`{"name": …}`) and `pool/<file>…`; no `.git`.
"""

from __future__ import annotations

import io
import json
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from ..errors import GitPoolError, NotAnImage, TooLarge, Unacceptable
from ..identifiers import is_image_name, name_key
from ..pool import images
from ..pool.manifest import MANIFEST_NAME, parse_manifest
from ..pool.reading import read_file
from ..pool.threads import ahead, each

META_NAME = "profile_meta.json"
_FOLDER = "pool/"
_MAX_ENTRIES = 50_000
# Bytes of a zip's own list of its files: 125 for each of the most there may be.
_MAX_DIRECTORY = 6 << 20
_LONGEST_END = 22 + 0xFFFF
_MAX_META = 1 << 20
_MAX_MANIFEST = 64 << 20
_MAX_RATIO = 200
_CHUNK = 1 << 20
# A file's bytes, or, of one that is too large to hold, what writes them.
Content = bytes | Callable[[BinaryIO], Any]
_FINDER_JUNK = ("__MACOSX/",)
_JUNK = (".DS_Store", "Thumbs.db", "desktop.ini")


def stream_zip(name: str, files: dict[str, Callable[[], Content]]) -> Iterator[bytes]:
    """A zip of these files, a piece at a time. files: for each name, what reads its content."""
    sink = _Sink()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_STORED) as archive:
        meta = json.dumps({"name": name}, ensure_ascii=False).encode()
        archive.writestr(_info(META_NAME), meta)
        for file_name, content in zip(files, ahead(files.values()), strict=True):
            with archive.open(_info(_FOLDER + file_name), "w", force_zip64=False) as entry:
                if isinstance(content, bytes):
                    entry.write(content)
                else:
                    content(entry)  # type: ignore[arg-type]
            yield from sink.drain()
    yield from sink.drain()


def unpack_zip(path: Path, target: Path) -> str | None:
    """Unpack a profile's zip into the folder `target`; gives the name it says.

    Everything is checked by the directory's headers first; then each file is inflated with its
    size as the bound, and its header read as an image. Raises Unacceptable or TooLarge.
    """
    said = _check_directory(path)
    try:
        with zipfile.ZipFile(path) as archive:
            if said not in (None, len(archive.infolist())):
                raise _bad("its list of files is damaged")
            entries = _checked(archive, path.stat().st_size)
            name = _meta_name(archive)
            each(lambda name: _extract(archive, entries[name], target / name), entries)
    except (zipfile.BadZipFile, zipfile.LargeZipFile, NotImplementedError, EOFError) as error:
        raise _bad("it is damaged") from error
    except (RuntimeError, ValueError, OverflowError, zlib.error, struct.error) as error:
        raise _bad("it is damaged or encrypted") from error
    each(lambda name: _check_content(target / name), entries)
    return name


def _check_directory(path: Path) -> int | None:
    """How many files the zip says there are, where it says so plainly. Raises TooLarge where the
    list of them alone is too much to be read: it takes many times its size in memory."""
    with open(path, "rb") as file:
        file.seek(max(0, path.stat().st_size - _LONGEST_END))
        end = file.read()
    at = end.rfind(b"PK\x05\x06")
    if at < 0 or at + 16 > len(end):
        return None
    count, size = struct.unpack_from("<HI", end, at + 10)
    # These stand for numbers that are too large for this place, and stand in another.
    plain = count != 0xFFFF
    if (plain and count > _MAX_ENTRIES) or _MAX_DIRECTORY < size != 0xFFFFFFFF:
        raise TooLarge("too_large", "This file holds too many images.")
    return count if plain else None


def _checked(archive: zipfile.ZipFile, size: int) -> dict[str, zipfile.ZipInfo]:
    infos = archive.infolist()
    if len(infos) > _MAX_ENTRIES:
        raise TooLarge("too_large", "This file holds too many images.")
    if sum(info.file_size for info in infos) > _MAX_RATIO * size + (64 << 20):
        raise TooLarge("too_large", "This file unpacks to more than can be taken in.")
    _check_overlap(infos, size)
    entries: dict[str, zipfile.ZipInfo] = {}
    seen = set()
    for info in infos:
        if _is_ignored(info):
            continue
        name = info.filename.removeprefix(_FOLDER)
        wanted = name == MANIFEST_NAME or is_image_name(name)
        if info.filename != META_NAME and (not info.filename.startswith(_FOLDER) or not wanted):
            raise _bad(f"it holds “{info.filename[:60]}”, which no profile has")
        if name_key(info.filename) in seen:
            raise _bad("two of its files have the same name")
        seen.add(name_key(info.filename))
        _check_entry(info)
        if info.filename != META_NAME:
            entries[name] = info
    if not entries:
        raise _bad("there is no pool in it")
    return entries


def _check_entry(info: zipfile.ZipInfo) -> None:
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind not in (0, stat.S_IFREG):
        raise _bad("it holds links or devices")
    if info.flag_bits & 0x1:
        raise _bad("it is encrypted")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise _bad("its compression isn't supported")
    limit = _MAX_META if info.filename == META_NAME else images.MAX_FILE_BYTES
    if info.filename == _FOLDER + MANIFEST_NAME:
        limit = _MAX_MANIFEST
    if info.file_size > limit:
        raise TooLarge("too_large", "A file in it is too large.")


def _check_overlap(infos: list[zipfile.ZipInfo], size: int) -> None:
    end = 0
    for info in sorted(infos, key=lambda i: i.header_offset):
        if info.header_offset < end or info.header_offset + info.compress_size > size:
            raise _bad("its files overlap")
        end = info.header_offset + 30 + info.compress_size


def _is_ignored(info: zipfile.ZipInfo) -> bool:
    last = info.filename.rpartition("/")[2]
    return (
        info.filename in (_FOLDER, *_FINDER_JUNK)
        or info.filename.startswith(_FINDER_JUNK)
        or (last in _JUNK and info.filename in (last, _FOLDER + last))
    )


def _meta_name(archive: zipfile.ZipFile) -> str | None:
    try:
        raw = json.loads(archive.read(META_NAME).decode("utf-8-sig"))
    except KeyError:
        return None
    except (ValueError, RecursionError):
        raise _bad("its description is damaged") from None
    name = raw.get("name") if isinstance(raw, dict) else None
    return name if isinstance(name, str) else None


def _extract(archive: zipfile.ZipFile, info: zipfile.ZipInfo, target: Path) -> None:
    left = info.file_size
    with archive.open(info) as source, open(target, "xb") as file:
        while chunk := source.read(_CHUNK):
            left -= len(chunk)
            file.write(chunk)
    if left:
        raise _bad("a size in it is wrong")


def _check_content(path: Path) -> None:
    if path.name == MANIFEST_NAME:
        try:
            parse_manifest(read_file(path))
        except ValueError:
            raise _bad("its manifest is damaged") from None
        return
    try:
        images.check(path)
    except NotAnImage:
        raise _bad(f"“{path.name}” isn't an image") from None


def _info(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
    info.external_attr = 0o644 << 16
    return info


class _Sink(io.RawIOBase):
    """Where zipfile writes; what it wrote is taken away in pieces."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def write(self, data) -> int:  # type: ignore[no-untyped-def]
        self._pieces.append(bytes(data))
        return len(data)

    def drain(self) -> Iterator[bytes]:
        pieces, self._pieces = self._pieces, []
        yield from pieces


def _bad(why: str) -> GitPoolError:
    return Unacceptable(
        "bad_archive",
        f"This file can't be imported: {why}.",
        "Use a zip or bundle that Git Pool or an Image Pool node exported.",
    )
