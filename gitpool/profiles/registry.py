"""The list of named profiles, `profiles.json`. Callers who change it hold its lock."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ..errors import Conflict, GitPoolError, NotFound
from ..git.repository import Identity
from ..identifiers import check_id, clean_name, free_name, name_key
from ..pool import durable
from ..pool.reading import read_file

FILE_NAME = "profiles.json"


@dataclass(frozen=True)
class _Read:
    """What the file says: each profile with its words for it, other programs' keys, and whether
    something in it is damaged."""

    found: list[tuple[Identity, dict[str, Any]]] = field(default_factory=list)
    others: dict[str, Any] = field(default_factory=dict)
    damaged: bool = False


@dataclass(frozen=True)
class Registry:
    """The registry in the folder `base`; every call reads the file, which is small."""

    base: Path

    @property
    def path(self) -> Path:
        return self.base / FILE_NAME

    def entries(self) -> list[Identity]:
        """The profiles in their order; none where the file is missing or damaged."""
        return [entry for entry, _ in self._read().found]

    def get(self, profile_id: str) -> Identity:
        """The profile of that id. Raises NotFound."""
        found = self.find(profile_id)
        if found is None:
            raise NotFound(
                "unknown_profile",
                "This profile doesn't exist any more.",
                "Choose another profile, or bring it back from the deleted ones.",
            )
        return found

    def find(self, profile_id: str) -> Identity | None:
        return next((e for e in self.entries() if e.id == profile_id), None)

    def names(self, but: str | None = None) -> set[str]:
        """The `name_key` of every name in use."""
        return {name_key(e.name) for e in self.entries() if e.id != but}

    def require_free(self, name: str, but: str | None = None) -> None:
        """Raise Conflict where another profile has the name."""
        if name_key(name) in self.names(but):
            raise Conflict(
                "name_taken", f"There is already a profile named “{name}”.", "Choose another name."
            )

    def put(self, entry: Identity) -> None:
        """Add the profile, or change the one of its id. What the list says of others stays as it
        was written, names that are shown otherwise too."""
        raws = self._raws()
        places = [i for i, raw in enumerate(raws) if raw["id"] == entry.id]
        if places:
            raws[places[0]] = {**raws[places[0]], **entry.as_json()}
        else:
            raws.append(entry.as_json())
        self._write(raws)

    def drop(self, profile_id: str) -> None:
        """Take the profile out of the list."""
        self._write([raw for raw in self._raws() if raw["id"] != profile_id])

    def _raws(self) -> list[dict[str, Any]]:
        return [raw for _, raw in self._read().found]

    def _read(self) -> _Read:
        try:
            raw = json.loads(read_file(self.path).decode("utf-8-sig"))
        except FileNotFoundError:
            return _Read()
        except (ValueError, RecursionError, IsADirectoryError):
            return _Read(damaged=True)
        if not isinstance(raw, dict) or not isinstance(raw.get("profiles"), list):
            return _Read(damaged=True)
        found = {raw["id"]: (entry, raw) for raw in raw["profiles"] if (entry := _entry(raw))}
        others = {key: value for key, value in raw.items() if key != "profiles"}
        damaged = len(found) != len(raw["profiles"])
        return _Read(_told_apart(list(found.values())), others, damaged)

    def _write(self, raws: list[dict[str, Any]]) -> None:
        before = self._read()
        if before.damaged:
            self._set_aside()
        durable.make_folder(self.base)
        durable.sweep_temporary(self.base)
        data = {"profiles": raws, **before.others}
        try:
            text = json.dumps(data, ensure_ascii=False, indent=1).encode()
        except UnicodeEncodeError:  # half a character, in a name that is shown without it
            text = json.dumps(data, indent=1).encode()
        durable.write_file(self.path, text + b"\n")

    def _set_aside(self) -> None:
        number = 1
        while (aside := self.base / f"{FILE_NAME}.damaged-{number}").exists():
            number += 1
        os.replace(self.path, aside)


def _entry(raw: Any) -> Identity | None:
    """A profile as the list says it, under a name that can be shown; None for what isn't one."""
    try:
        return Identity(check_id(raw["id"]), clean_name(raw.get("name")), _time(raw))
    except (GitPoolError, KeyError, TypeError, AttributeError):
        return None


def _time(raw: dict[str, Any]) -> int:
    try:
        return int(raw.get("created") or 0)
    except (TypeError, ValueError, OverflowError):
        return 0


def _told_apart(
    found: list[tuple[Identity, dict[str, Any]]],
) -> list[tuple[Identity, dict[str, Any]]]:
    """Each under a name of its own; who has it just so in the list keeps it."""
    names: dict[str, str] = {}
    for entry, raw in found:
        if entry.name == raw.get("name"):
            names.setdefault(name_key(entry.name), entry.id)
    told = []
    for entry, raw in found:
        if names.get(name_key(entry.name)) != entry.id:
            entry = replace(entry, name=free_name(entry.name, set(names)))
            names[name_key(entry.name)] = entry.id
        told.append((entry, raw))
    return told
