"""Ids, names and file names, checked in this one place, and the branch a name becomes."""

from __future__ import annotations

import functools
import re
import unicodedata
from urllib.parse import unquote

from .errors import Malformed, NotFound

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_SNAPSHOT = re.compile(r"[0-9a-f]{40}")
_LONGEST_NAME = 200
_FILE_NAME = re.compile(r"[\w(\[][\w ()\[\]+,=@~.-]{0,199}")
_RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(\..*)?", re.IGNORECASE)
# What `.git`, `.gitmodules`, `.gitattributes`, `.gitignore` and `.mailmap` are called where names
# have eight letters: git itself refuses to see such files, or reads them as its own.
_SHORT_NAME = re.compile(r"(?:git|gi[0-9a-z]{1,4}|ma[0-9a-z]{1,4})~\d{1,6}", re.IGNORECASE)
_SYSTEMS_FORBID = frozenset('\\:*?"<>|')
# Characters that some file systems ignore in names.
IGNORED = re.compile("[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]")
_LONGEST_PATH = 1000
_LITTER = {".ds_store", "thumbs.db", "desktop.ini", "@eadir", "__macosx"}
# Our own folder among the pools, and what half-made files begin with.
PRIVATE_FOLDER = ".gitpool"
TEMP_PREFIX = ".gitpool-tmp-"
_GIT_FORBIDS = set(' ~^:?*[\\"<>|/%')
_GIT_REFUSES = set(" ~^:?*[\\")
_BIDI = {chr(c) for c in (*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F, 0x061C)}
_BRANCH_BYTES = 200

_LONGEST_FILE = 180

# What files of images are called: those that we write, and others that people use.
IMAGE_EXTENSIONS = (
    *(".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif"),
    *(".apng", ".area", ".avifs", ".blp", ".bw", ".cur", ".dcx", ".dds", ".dib", ".fits"),
    *(".flc", ".fli", ".ftc", ".ftu", ".gbr", ".heic", ".heif", ".icns", ".ico", ".im"),
    *(".imt", ".j2c", ".j2k", ".jfif", ".jp2", ".jpc", ".jpe", ".jpf", ".jpx", ".jxl", ".mpo"),
    *(".msp", ".p7", ".pbm", ".pcd", ".pcx", ".pfm", ".pgm", ".pnm", ".ppm", ".psd", ".pxr"),
    *(".qoi", ".ras", ".rgb", ".rgba", ".sgi", ".spi", ".tga", ".xbm"),
    *(".xpm",),
)


def check_id(value: object, what: str = "id") -> str:
    """The id itself, or `Malformed`: letters, digits, `_`, `-`, 64 at most, and no name that
    Windows keeps for a device."""
    if not isinstance(value, str) or not _ID.fullmatch(value):
        raise Malformed(
            "bad_id", f"That isn't a valid {what}.", "Use letters, digits, _ and -, 64 at most."
        )
    if _RESERVED.fullmatch(value):
        raise Malformed(
            "bad_id", f"Windows keeps “{value}” for a device.", f"Choose another {what}."
        )
    return value


def check_snapshot_id(value: object) -> str:
    """A snapshot's id, forty hexadecimal digits, or `Malformed`."""
    if not isinstance(value, str) or not _SNAPSHOT.fullmatch(value):
        raise Malformed("bad_snapshot", "That isn't a snapshot's id.")
    return value


def check_name(value: object) -> str:
    """A profile's name, normalised (NFC, trimmed), or `Malformed`."""
    if not isinstance(value, str):
        raise Malformed("bad_name", "A name must be text.")
    name = unicodedata.normalize("NFC", value).strip()
    if not name:
        raise Malformed("bad_name", "The name is empty.", "Type at least one character.")
    if len(name) > 100:
        raise Malformed("bad_name", "The name is too long.", "Use 100 characters at most.")
    if any(_unprintable(c) for c in name):
        raise Malformed("bad_name", "The name has characters that can't be shown.")
    return name


def clean_name(value: object, otherwise: str = "Untitled") -> str:
    """The name that a profile is shown under, whatever an earlier pack wrote for it."""
    text = value if isinstance(value, str) else ""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        text = str(value)
    spaced = "".join(" " if c.isspace() else c for c in unicodedata.normalize("NFC", text))
    shown = "".join(c for c in spaced if not _unprintable(c)).strip()
    # A letter taken away may let its neighbours join.
    shown = unicodedata.normalize("NFC", shown)[:100].strip()
    seen = any(unicodedata.category(c) not in ("Cf", "Cn", "Zs") for c in shown)
    return shown if seen else otherwise


def file_name_of(name: str, ending: str, otherwise: str) -> str:
    """A file's name for a profile's, on any system. otherwise: where nothing of it is left."""
    plain = "".join("_" if c in '<>:"/\\|?*' or _unprintable(c) else c for c in name)
    plain = plain.encode("utf-8", "replace")[:_LONGEST_FILE].decode("utf-8", "ignore")
    plain = plain.lstrip(".").strip().rstrip(". ")
    return f"{'_' if _RESERVED.fullmatch(plain) else ''}{plain or otherwise}{ending}"


def check_text(value: object, what: str, limit: int) -> str:
    """Free text (a label, a note), at most `limit` characters, or `Malformed`."""
    if not isinstance(value, str) or len(value) > limit:
        raise Malformed(f"bad_{what}", f"The {what} must be text of at most {limit} characters.")
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        raise Malformed(f"bad_{what}", f"The {what} isn't valid text.") from None
    if any(_unprintable(c) and c not in "\n\t\r" and c not in _BIDI for c in value):
        raise Malformed(f"bad_{what}", f"The {what} has characters that can't be shown.")
    return value


def name_key(name: str) -> str:
    """Two names are the same where this is."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def free_name(name: str, taken: set[str]) -> str:
    """`name`, or `name (2)`, `name (3)`… where `taken` (of `name_key`s) has it."""
    candidate, n = name, 2
    while name_key(candidate) in taken:
        suffix = f" ({n})"
        candidate, n = name[: 100 - len(suffix)].rstrip() + suffix, n + 1
    return candidate


def is_safe_file_name(name: str) -> bool:
    """Whether a file of this name is harmless on every system: one part, no dot in front."""
    return (
        _FILE_NAME.fullmatch(name) is not None
        and len(name.encode("utf-8")) <= 240
        and not name.endswith((".", " "))
        and not _RESERVED.fullmatch(name)
        and not name.lower().startswith("git~")
        and not _SHORT_NAME.fullmatch(name)
        and unicodedata.normalize("NFC", name) == name
    )


def is_portable_path(path: str) -> bool:
    """Whether every system can hold a file at this path, with `/` between its folders, and none
    takes any part of it for something else; a dot may stand in front."""
    return len(path.encode("utf-8", "replace")) <= _LONGEST_PATH and all(
        map(_is_portable_part, path.split("/"))
    )


def _is_portable_part(part: str) -> bool:
    plain = IGNORED.sub("", part).casefold()
    return (
        0 < len(part.encode("utf-8", "replace")) <= 240
        and not any(c in _SYSTEMS_FORBID or _unprintable(c) for c in part)
        and not part.endswith((".", " "))
        and plain not in ("", ".", "..", ".git", PRIVATE_FOLDER)
        and not plain.startswith(("git~", TEMP_PREFIX))
        and not _SHORT_NAME.fullmatch(part)
        and not _RESERVED.fullmatch(part)
    )


def is_litter(path: str) -> bool:
    """Whether a path is of what systems leave about, of no use to anybody else."""
    return any(
        part in _LITTER or part.startswith("._")
        for part in unicodedata.normalize("NFC", path).casefold().split("/")
    )


def is_image_name(name: str) -> bool:
    """Whether the name is that of an image or a mask."""
    return len(name) <= _LONGEST_NAME and _is_image_name(name)


@functools.lru_cache(maxsize=16_384)
def _is_image_name(name: str) -> bool:
    # Remembered, because every manifest names the same few thousand over and over.
    return is_safe_file_name(name) and name.lower().endswith(IMAGE_EXTENSIONS)


def check_image_name(value: object) -> str:
    """The name of an image or mask in a pool, or `NotFound`: a bad name names nothing."""
    if not isinstance(value, str) or not is_image_name(value):
        raise NotFound("unknown_image", "There is no such image in the pool.")
    return value


def branch_of(name: str, profile_id: str) -> str:
    """The branch of a profile's name: percent-encoded where git or a file system forbids.

    `name_of_branch` gives the name back, save where it was cut to fit a file's name.
    """
    encoded = "".join(_encode(c) if c in _GIT_FORBIDS or _unprintable(c) else c for c in name)
    encoded = encoded.replace("..", ".%2E").replace("@{", "@%7B")
    if not encoded:
        return f"profile-{profile_id[:12]}"
    if encoded[0] in ".-" or encoded in ("HEAD", "@") or _RESERVED.fullmatch(encoded):
        encoded = f"%{ord(encoded[0]):02X}" + encoded[1:]
    if encoded.endswith(".lock") or encoded.endswith("."):
        encoded = encoded[: encoded.rindex(".")] + "%2E" + encoded[encoded.rindex(".") + 1 :]
    raw = encoded.encode("utf-8")
    if len(raw) <= _BRANCH_BYTES:
        return encoded
    cut = raw[: _BRANCH_BYTES - 13].decode("utf-8", "ignore")
    return re.sub(r"%[0-9A-F]?$", "", cut).rstrip(".") + "-" + profile_id[:12]


def is_branch(name: str) -> bool:
    """Whether git allows a branch of this name: https://git-scm.com/docs/git-check-ref-format."""
    parts = name.split("/")
    return (
        0 < len(name.encode("utf-8", "replace")) <= 250
        and not any(c in _GIT_REFUSES or _unprintable(c) for c in name)
        and not name.startswith("-")
        and ".." not in name
        and "@{" not in name
        and all(p and p[0] != "." and not p.endswith((".", ".lock")) for p in parts)
    )


def name_of_branch(branch: str) -> str:
    """The name that a branch stands for."""
    return unquote(branch)


def is_printable(text: str) -> bool:
    """Whether text can be shown: no control, surrogate or bidi-override characters."""
    return not any(_unprintable(c) for c in text)


def _encode(char: str) -> str:
    return "".join(f"%{b:02X}" for b in char.encode("utf-8", "surrogatepass"))


def _unprintable(char: str) -> bool:
    return unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp") or char in _BIDI
