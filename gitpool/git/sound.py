"""Whether commits, tags and trees from outside are such as git itself writes: what `git fsck
--strict` would mind is refused, since it would mind it for ever after. What git lets a user commit
is taken, whatever it is; `listing.py` says what becomes of it.

The rules are git's: https://git-scm.com/docs/git-fsck#_fsck_messages.
"""

from __future__ import annotations

import io
import re

from dulwich.config import ConfigFile

from ..errors import Damaged
from .trees import ELSEWHERE, FOLDERS, entries

_LINK, _FOLDER = b"120000", FOLDERS[0]
_MODES = (_FOLDER, b"100644", b"100755", _LINK, ELSEWHERE)
_NOTHING = bytes(20)
# Characters that some file systems ignore in names, in UTF-8.
_IGNORED = re.compile(b"\xe2\x80[\x8c-\x8f\xaa-\xae]|\xe2\x81[\xaa-\xaf]|\xef\xbb\xbf")
# What git allows a line of attributes, and its settings of other repositories.
_LONGEST_LINE = 2048
_MOST_SETTINGS = 1 << 20

_WHO = rb"[^\n<>\x00]* <[^\n<>\x00]*> (?:0|[1-9]\d{0,17}) [+-]\d{4}"
_COMMIT = re.compile(
    rb"tree [0-9a-f]{40}\n(?P<parents>(?:parent [0-9a-f]{40}\n)*)"
    rb"author " + _WHO + rb"\ncommitter " + _WHO + rb"\n(?:(?!tree |parent |author |committer )"
    rb"[^ \n\x00]+ [^\n\x00]*\n(?: [^\n\x00]*\n)*)*\n[^\x00]*",
)
_TAG = re.compile(
    rb"object [0-9a-f]{40}\ntype (?:commit|tree|blob|tag)\ntag (?P<name>[^\n\x00]+)\n"
    rb"tagger " + _WHO + rb"\n(?:\n[^\x00]*)?",
)


def is_sound_commit(raw: bytes) -> bool:
    """Whether a commit's bytes are well-formed, with no parent twice."""
    match = _COMMIT.fullmatch(raw)
    if match is None:
        return False
    parents = match["parents"].splitlines()
    return len(set(parents)) == len(parents)


def is_sound_tag(raw: bytes) -> bool:
    """Whether an annotated tag's bytes are well-formed."""
    return _TAG.fullmatch(raw) is not None


def is_sound_tree(raw: bytes) -> bool:
    """Whether a tree's bytes are well-formed: sorted, each name once, none that leads elsewhere."""
    try:
        found = entries(raw)
    except Damaged:
        return False
    keys = [name + b"/" if mode == _FOLDER else name for mode, name, _ in found]
    names = [name for _, name, _ in found]
    return (
        keys == sorted(keys)
        and len(set(names)) == len(names)
        and all(
            mode in _MODES
            and object_id != _NOTHING
            and b"/" not in name
            and name not in (b".", b"..")
            and not any(map(_is_dot_git, re.split(rb"[\\:]", name)))
            and not (mode == _LINK and name.lower() == b".gitmodules")
            for mode, name, object_id in found
        )
    )


def _is_dot_git(part: bytes) -> bool:
    plain = _IGNORED.sub(b"", part).rstrip(b" .").lower()
    return plain in (b".git", b"git~1")


def is_read_by_git(name: bytes) -> bool:
    """Whether git looks into a file of this name itself, so that `is_sound_settings` must."""
    return name.lower() in (b".gitmodules", b".gitattributes")


def is_sound_settings(name: bytes, data: bytes) -> bool:
    """Whether git finds no fault in a file that it reads; it only warns of what it can't parse."""
    if name.lower() == b".gitattributes":
        return all(len(line) < _LONGEST_LINE for line in data.split(b"\n"))
    try:
        settings = ConfigFile.from_file(io.BytesIO(data))
    except ValueError:
        return True
    return len(data) < _MOST_SETTINGS and all(
        _is_sound_module(section, dict(settings.items(section))) for section in settings.sections()
    )


def _is_sound_module(section: tuple[bytes, ...], values: dict[bytes, bytes]) -> bool:
    if section[0].lower() != b"submodule":
        return True
    # A newline stands in an address as %0a.
    said = [values.get(key, b"") for key in (b"url", b"path")]
    return (
        not any(b".." in re.split(rb"[/\\]", name) for name in section[1:])
        and not any(one.startswith(b"-") or b"%0a" in one.lower() for one in said)
        and not values.get(b"update", b"").startswith(b"!")
    )
