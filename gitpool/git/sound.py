"""Whether commits and tags from outside are such as git itself writes: what `git fsck --strict`
would mind is refused, since it would mind it for ever after.

The rules are git's: https://git-scm.com/docs/git-fsck#_fsck_messages.
"""

from __future__ import annotations

import re

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
