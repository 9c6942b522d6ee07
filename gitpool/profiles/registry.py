"""The list of named profiles, `profiles.json`. Callers who change it hold its lock."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import Conflict, GitPoolError, NotFound
from ..git.repository import Identity
from ..identifiers import check_id, name_key
from ..pool import durable
from ..pool.reading import read_file

FILE_NAME = "profiles.json"


@dataclass(frozen=True)
class Registry:
    """The registry in the folder `base`; every call reads the file, which is small."""

    base: Path

    @property
    def path(self) -> Path:
        return self.base / FILE_NAME

    def entries(self) -> list[Identity]:
        """The profiles in their order; none where the file is missing or damaged."""
        return self._read()[0]

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
        """Add the profile, or change the one of its id."""
        entries = self.entries()
        places = [i for i, e in enumerate(entries) if e.id == entry.id]
        if places:
            entries[places[0]] = entry
        else:
            entries.append(entry)
        self._write(entries)

    def drop(self, profile_id: str) -> None:
        """Take the profile out of the list."""
        self._write([e for e in self.entries() if e.id != profile_id])

    def _read(self) -> tuple[list[Identity], bool]:
        """The entries, and whether the file is damaged."""
        try:
            raw = json.loads(read_file(self.path).decode("utf-8-sig"))
        except FileNotFoundError:
            return [], False
        except (ValueError, RecursionError, IsADirectoryError):
            return [], True
        if not isinstance(raw, dict) or not isinstance(raw.get("profiles"), list):
            return [], True
        entries = [entry for entry in map(_entry, raw["profiles"]) if entry]
        unique = list({entry.id: entry for entry in entries}.values())
        return unique, len(unique) != len(raw["profiles"])

    def _write(self, entries: list[Identity]) -> None:
        _, damaged = self._read()
        if damaged:
            self._set_aside()
        durable.make_folder(self.base)
        durable.sweep_temporary(self.base)
        data = {"profiles": [entry.as_json() for entry in entries]}
        text = json.dumps(data, ensure_ascii=False, indent=1)
        durable.write_file(self.path, text.encode("utf-8", "replace") + b"\n")

    def _set_aside(self) -> None:
        number = 1
        while (aside := self.base / f"{FILE_NAME}.damaged-{number}").exists():
            number += 1
        os.replace(self.path, aside)


def _entry(raw: Any) -> Identity | None:
    try:
        profile_id, name = check_id(raw["id"]), str(raw["name"])
        return Identity(profile_id, name, int(raw.get("created") or 0))
    except (GitPoolError, KeyError, TypeError, ValueError, AttributeError, OverflowError):
        return None
