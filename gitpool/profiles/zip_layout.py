"""Which of a zip's files are the pool, however often it was unpacked and packed again. Pure.

A pool is the folder with a manifest; else the one called `pool`; else the topmost one with
images. What isn't of it is left out, with a reason, but for what systems litter folders with.
"""

from __future__ import annotations

import re
import stat
import struct
import unicodedata
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from zipfile import ZipInfo

from ..errors import Unacceptable
from ..identifiers import (
    IMAGE_EXTENSIONS,
    is_image_name,
    is_litter,
    is_printable,
    name_key,
)
from ..pool.durable import TEMP_PREFIX
from ..pool.manifest import MANIFEST_NAME, is_mask_name, mask_among, mask_name
from .zip_stream import FOLDER, META_NAME

Path = tuple[str, ...]
_DRIVE = re.compile(r"[A-Za-z]:/")
_GIT = re.compile(r"\.git[. ]*|git~\d+", re.IGNORECASE)
_UNFIT = re.compile(r"[^\w ()\[\]+,=@~.-]")
_UNFIT_FIRST = re.compile(r"^[^\w(\[]+")
_LONGEST_STEM = 60
_LONGEST_SHOWN = 200
_UTF8_NAMES = 0x800
# The field in which some programs give a name in UTF-8 beside another one.
_UNICODE_PATH = 0x7075
# Folders that are looked into for a list of images that aren't beside it.
_LOOKED_INTO = 16
_NAMED = 1000


@dataclass
class LeftOut:
    """What wasn't taken, each under its name with the reason; the first reason counts. Of very
    many the first are named, and the others counted."""

    reasons: dict[str, str] = field(default_factory=dict)
    more: int = 0

    def note(self, name: str, why: str) -> None:
        shown = shown_as(name)[:_LONGEST_SHOWN] or "?"
        if len(self.reasons) < _NAMED:
            self.reasons.setdefault(shown, why)
        elif shown not in self.reasons:
            self.more += 1

    def as_json(self) -> list[dict[str, str]]:
        named = [{"name": name, "why": why} for name, why in self.reasons.items()]
        rest = [{"name": f"{self.more} more", "why": "too many to name"}] if self.more else []
        return named + rest


@dataclass
class Layout:
    """The entries of a pool. images: images and masks, by the names that they get.

    names: what each of them was called in the zip, and what it is called here. keys: the same
    for names that are spelt otherwise; None where it could be either of two.
    """

    meta: ZipInfo | None = None
    manifest: ZipInfo | None = None
    images: dict[str, ZipInfo] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    keys: dict[str, str | None] = field(default_factory=dict)
    left_out: LeftOut = field(default_factory=LeftOut)

    def name_of(self, said: str) -> str | None:
        """What the file is called here that a manifest calls so; None where there is none."""
        found = self.names.get(said) or self.names.get(unicodedata.normalize("NFC", said))
        return found or self.keys.get(name_key(said))


def arrange(infos: Iterable[ZipInfo], lists_a_pool: Callable[[ZipInfo], bool]) -> Layout:
    """Find the pool. lists_a_pool: whether an entry is a manifest that can be read.

    Raises Unacceptable for names that reach elsewhere, which no mishap makes.
    """
    layout = Layout()
    folders: dict[Path, list[tuple[str, ZipInfo]]] = defaultdict(list)
    for info in infos:
        parts = _parts_of(info)
        if not parts or any(map(is_litter, parts)) or _is_history(parts, layout.left_out):
            continue
        if _names_a_folder(info):
            folders[parts] += []
        else:
            folders[parts[:-1]].append((parts[-1], info))
    root = _find_root(folders, lists_a_pool)
    meta = _find_meta(folders, root)
    for folder, files in folders.items():
        for name, info in files:
            if info is meta:
                layout.meta = info
            elif folder != root:
                layout.left_out.note("/".join((*folder, name)), "it isn't in the pool's folder")
    if root is not None:
        _arrange_pool([pair for pair in folders[root] if pair[1] is not meta], layout)
    return layout


def _parts_of(info: ZipInfo) -> Path:
    name = _true_name(info).replace("\\", "/")
    parts = tuple(part for part in name.split("/") if part not in ("", "."))
    if name.startswith("/") or _DRIVE.match(name) or ".." in parts or "\0" in name:
        raise bad(f"it holds “{shown_as(name[:60])}”, which reaches elsewhere")
    return parts


def _names_a_folder(info: ZipInfo) -> bool:
    return _true_name(info).endswith(("/", "\\"))


def _true_name(info: ZipInfo) -> str:
    """A name as it was meant: many programs write UTF-8 without saying so."""
    name = info.orig_filename
    if name.isascii() or info.flag_bits & _UTF8_NAMES:
        return name
    try:
        raw = name.encode("cp437")
        return _unicode_path(info.extra, raw) or raw.decode("utf-8")
    except UnicodeError:
        return name


def _unicode_path(extra: bytes, raw: bytes) -> str | None:
    while len(extra) >= 4:
        kind, size = struct.unpack_from("<HH", extra)
        body, extra = extra[4 : 4 + size], extra[4 + size :]
        known = kind == _UNICODE_PATH and len(body) > 5 and body[0] == 1
        if known and int.from_bytes(body[1:5], "little") == zlib.crc32(raw):
            return body[5:].decode("utf-8")
    return None


def _is_history(parts: Path, left_out: LeftOut) -> bool:
    """Whether it is in a `.git`, all of which is named as one."""
    for place, part in enumerate(parts):
        if _GIT.fullmatch(part):
            left_out.note("/".join(parts[: place + 1]), "it is a history, which no zip brings")
            return True
    return False


def _find_root(
    folders: dict[Path, list[tuple[str, ZipInfo]]], lists_a_pool: Callable[[ZipInfo], bool]
) -> Path | None:
    pictures = {f: sum(_is_picture(name) for name, _ in files) for f, files in folders.items()}
    # The topmost first, then the one with our own name for it, then the fullest.
    own = FOLDER.rstrip("/")
    order = sorted(folders, key=lambda f: (len(f), f[-1:] != (own,), -pictures[f], f))
    lists = {f: _only(folders[f], MANIFEST_NAME) for f in order}
    listed = [f for f in order if lists[f]]
    bare = [f for f in listed if not pictures[f]][:_LOOKED_INTO]
    for folder in listed:
        info = lists[folder]
        if info and (pictures[folder] or (folder in bare and lists_a_pool(info))):
            return folder
    called = [f for f in order if f and name_key(f[-1]) == own]
    with_pictures = [f for f in (*called, *order) if pictures[f]]
    return next(iter((*with_pictures, *called, *listed)), None)


def _find_meta(folders: dict[Path, list[tuple[str, ZipInfo]]], root: Path | None) -> ZipInfo | None:
    """The description that belongs to the pool: the nearest one above it; without a pool, the
    topmost one, which is an empty profile's."""
    if root is None:
        places = sorted(folders, key=lambda f: (len(f), f))
    else:
        places = [root[:depth] for depth in range(len(root), -1, -1)]
    found = (_only(folders[place], META_NAME) for place in places if place in folders)
    return next((info for info in found if info), None)


def _only(files: list[tuple[str, ZipInfo]], wanted: str) -> ZipInfo | None:
    """The file of that name; of several the one that is spelt so, and was packed last."""
    same = [(name, info) for name, info in files if name_key(name) == wanted]
    exact = [pair for pair in same if pair[0] == wanted]
    return (exact or same)[-1][1] if same else None


def _arrange_pool(files: list[tuple[str, ZipInfo]], layout: Layout) -> None:
    layout.manifest = _only(files, MANIFEST_NAME)
    images: list[tuple[str, ZipInfo]] = []
    for name, info in files:
        if info is layout.manifest:
            continue
        why = _no_image(name, info)
        if why:
            layout.left_out.note(name, why)
        else:
            images.append((name, info))
    images.sort(key=lambda pair: is_mask_name(pair[0]))
    owners = _owners([name for name, _ in images])
    # Of two of the very same name the one that was packed last is the one that is meant.
    last = {name: place for place, (name, _) in enumerate(images)}
    order = sorted(range(len(images)), key=lambda place: last[images[place][0]] != place)
    names = _Names(MANIFEST_NAME)
    for place in order:
        name, info = images[place]
        owner = owners.get(name)
        moved = owner is not None and layout.names[owner] != owner
        new = names.free(mask_name(layout.names[owner]) if owner and moved else _fit(name))
        layout.images[new] = info
        if name not in layout.names:
            layout.names[name] = new
            key = name_key(name)
            layout.keys[key] = None if key in layout.keys else new


def _no_image(name: str, info: ZipInfo) -> str | None:
    """Why a file of the pool's folder can't be one of its images, if that is plain already."""
    if stat.S_IFMT(info.external_attr >> 16) not in (0, stat.S_IFREG):
        return "it is a link or a device"
    if name_key(name) == MANIFEST_NAME:
        return "there are two of that name"
    if name.startswith(TEMP_PREFIX) or name.lower().endswith((".tmp", ".part")):
        return "it is a file that was never finished"
    return None if _looks_like_image(name) else "it isn't an image"


def _looks_like_image(name: str) -> bool:
    return name.lower().endswith(IMAGE_EXTENSIONS)


def _is_picture(name: str) -> bool:
    return _looks_like_image(name) and not is_mask_name(name)


def _owners(names: list[str]) -> dict[str, str]:
    """The image of each mask, as far as names alone tell."""
    masks = {name for name in names if is_mask_name(name)}
    found = {}
    for name in names:
        if not is_mask_name(name) and (mask := mask_among(name, masks)):
            found[mask] = name
            masks.discard(mask)
    return found


def _fit(name: str) -> str:
    """The name, or the most like it that an image of a pool may have."""
    name = unicodedata.normalize("NFC", name)
    if is_image_name(name):
        return name
    stem, _, extension = name.rpartition(".")
    stem = _UNFIT_FIRST.sub("", _UNFIT.sub("_", stem))[:_LONGEST_STEM].rstrip(". ")
    for candidate in (stem, f"_{stem}"):
        if is_image_name(f"{candidate}.{extension}"):
            return f"{candidate}.{extension}"
    return f"image.{extension}"


class _Names:
    """Names that differ in more than case."""

    def __init__(self, *taken: str) -> None:
        self._next = {name_key(name): 2 for name in taken}

    def free(self, name: str) -> str:
        """The name, or the next one like it that isn't taken."""
        key, candidate = name_key(name), name
        at = -len(".mask.png") if is_mask_name(name) else name.rindex(".")
        stem, ending = name[:at], name[at:]
        while (taken := name_key(candidate)) in self._next:
            suffix = f" ({self._next[key]})"
            self._next[key] += 1
            candidate = stem[: 100 - len(suffix)].rstrip() + suffix + ending
        self._next[taken] = 2
        return candidate


def shown_as(text: str) -> str:
    """Text of a stranger's, for a sentence."""
    return "".join(c if is_printable(c) else "\ufffd" for c in text)


def bad(why: str) -> Unacceptable:
    """A zip that isn't taken."""
    return Unacceptable(
        "bad_archive",
        f"This file can't be imported: {why}.",
        "Use a zip or bundle that Git Pool or an Image Pool node exported, or a zip of images.",
    )
