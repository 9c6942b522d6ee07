"""Which remote is whose: `settings.json` in the user folder, and what the environment says.

`allow_remotes` and `trusted_origins` are read here and written nowhere: only who runs the server
allows `http` or folders, and says at which addresses it is reached.
"""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..pool import durable
from ..pool.reading import read_file

SETTINGS = "settings.json"
DEFAULT = "*"  # no profile's id
_KINDS = ("http", "file")


@dataclass(frozen=True)
class RemoteSetting:
    """A remote as somebody set it. own: for one profile, instead of the default."""

    url: str
    username: str | None
    own: bool


class Settings:
    """The settings in `folder`. environment: `GITPOOL_REMOTE`, `GITPOOL_ALLOW_REMOTES`,
    `GITPOOL_TRUSTED_ORIGINS`."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self._path = folder / SETTINGS
        self._environment = environment
        self._lock = threading.Lock()
        # For a command that was given an address: what is stored doesn't count.
        self.only_environment = False

    def allowed(self) -> frozenset[str]:
        """Which of `http` and `file` may be used as remotes."""
        said = read_object(self._path).get("allow_remotes")
        kinds = [str(kind) for kind in said] if isinstance(said, list) else []
        kinds += self._environment.get("GITPOOL_ALLOW_REMOTES", "").split(",")
        return frozenset(kind.strip().lower() for kind in kinds) & frozenset(_KINDS)

    def trusted_origins(self) -> frozenset[str]:
        """The addresses that the page may be opened at, as they were written, beside those that
        a request itself tells."""
        said = read_object(self._path).get("trusted_origins")
        listed = [each for each in said if isinstance(each, str)] if isinstance(said, list) else []
        listed += self._environment.get("GITPOOL_TRUSTED_ORIGINS", "").split(",")
        return frozenset(filter(None, (each.strip() for each in listed)))

    def remote(self, profile_id: str | None) -> RemoteSetting | None:
        """The profile's own remote, else the default; None where there is neither."""
        remotes = {} if self.only_environment else self._remotes()
        for key in (profile_id, DEFAULT):
            raw = remotes.get(key) if key else None
            if isinstance(raw, dict) and isinstance(raw.get("url"), str):
                user = raw.get("username")
                return RemoteSetting(raw["url"], user if user else None, key != DEFAULT)
        given = self._environment.get("GITPOOL_REMOTE", "").strip()
        return RemoteSetting(given, None, False) if given else None

    def set_remote(self, profile_id: str | None, url: str | None, username: str | None) -> None:
        """Set or (None) forget the profile's own remote, or the default."""
        key = profile_id or DEFAULT
        entry = {"url": url, "username": username} if url else None

        def change(data: dict[str, Any]) -> None:
            remotes = data.get("remotes")
            remotes = dict(remotes) if isinstance(remotes, dict) else {}
            remotes.pop(key, None)
            data["remotes"] = {**remotes, **({key: entry} if entry else {})}

        self._change(change)

    @property
    def auto_sync(self) -> bool:
        """Whether profiles sync by themselves."""
        return read_object(self._path).get("auto_sync") is True

    def set_auto_sync(self, on: bool) -> None:
        self._change(lambda data: data.__setitem__("auto_sync", on))

    def _remotes(self) -> dict[str, Any]:
        remotes = read_object(self._path).get("remotes")
        return remotes if isinstance(remotes, dict) else {}

    def _change(self, change: Any) -> None:
        with self._lock:
            data = read_object(self._path)
            if not data and self._path.exists():
                self._path.replace(self._path.with_suffix(".damaged"))
            change(data)
            durable.make_folder(self._path.parent)
            text = json.dumps(data, ensure_ascii=False, indent=1) + "\n"
            durable.write_file(self._path, text.encode())


def read_object(path: Path) -> dict[str, Any]:
    """The JSON object in a file; an empty one where there is none that can be read."""
    with contextlib.suppress(OSError, ValueError):
        data = json.loads(read_file(path))
        if isinstance(data, dict):
            return data
    return {}
