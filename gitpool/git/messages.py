"""What a snapshot says: its sentence, and the trailers that tell whose it is. Pure.

Trailers are git's: https://git-scm.com/docs/git-interpret-trailers.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ..identifiers import is_printable
from .changes import Changes
from .listing import LITTER, LeftOut

# What git refuses in a message, and what would begin another line in a trailer.
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_BREAKS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
PROFILE, NAME, KIND = "Pool-Profile", "Pool-Name", "Pool-Snapshot"


@dataclass(frozen=True)
class Message:
    """A snapshot's message in parts; `profile_id`, `name`, `kind` are "" in git users' commits."""

    text: str
    kind: str = ""
    profile_id: str = ""
    name: str = ""

    def dump(self) -> bytes:
        trailers = {PROFILE: self.profile_id, NAME: self.name, KIND: self.kind}
        tail = "".join(
            f"{key}: {_BREAKS.sub(' ', value)}\n" for key, value in trailers.items() if value
        )
        text = _CONTROLS.sub(" ", self.text).strip()
        return f"{text}\n\n{tail}".encode("utf-8", "replace")


def parse_message(raw: bytes) -> Message:
    """A message from a commit's bytes; only the last paragraph can hold trailers."""
    text = raw.decode("utf-8", "replace").strip()
    body, _, last = text.rpartition("\n\n")
    lines = [line.partition(": ") for line in last.splitlines()]
    found = {key: value for key, separator, value in lines if separator}
    if not body or KIND not in found:
        return Message(text or "Snapshot")
    return Message(body.strip(), found[KIND], found.get(PROFILE, ""), found.get(NAME, ""))


def sentence(changes: Changes) -> str:
    """What changed, as a person would say it: "Add 3 images, repaint 1 mask"."""
    parts = [
        _count("Add", changes.added, "image"),
        _count("Remove", changes.removed, "image"),
        _count("Replace", changes.replaced, "image"),
        _count("Paint", changes.masks_added, "mask"),
        _count("Repaint", changes.masks_changed, "mask"),
        _count("Clear", changes.masks_removed, "mask"),
        _labels(changes),
        "Reorder images" if changes.reordered else "",
        _count("Change", changes.others, "other file"),
        _left_out(changes.left_out),
    ]
    said = [part for part in parts if part]
    if not said:
        return "Choose another active image" if changes.active else "No change"
    return ", ".join([said[0], *(part[0].lower() + part[1:] for part in said[1:])])


def _left_out(names: tuple[LeftOut, ...]) -> str:
    """Says what a snapshot lists no more, since not every system could hold it."""
    told = [one for one in names if one.why != LITTER]
    if not told:
        return _count("Leave out", names, "system file")
    first = told[0].name if is_printable(told[0].name) else "a file"
    if len(told) == 1:
        return f"Leave out “{first[:60]}” ({told[0].why})"
    return f"Leave out {len(told)} files that no pool can hold, “{first[:60]}” among them"


def _count(verb: str, names: Sequence[object], noun: str) -> str:
    if not names:
        return ""
    return f"{verb} {len(names)} {noun}{'' if len(names) == 1 else 's'}"


def _labels(changes: Changes) -> str:
    if not changes.labels:
        return ""
    if len(changes.labels) == 1:
        return "Change 1 label"
    return f"Change {len(changes.labels)} labels"
