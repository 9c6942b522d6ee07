"""Tokens: kept in one file that only its owner can read, or had from the user's own git.

They are never in an address, a repository, an answer, an event or a log.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from ..errors import Malformed
from ..pool import durable
from .address import Address, parse
from .settings import DEFAULT, read_object

SECRETS = "secrets.json"
_PATIENCE = 10.0
_ONLY_MINE = 0o600


@dataclass(frozen=True)
class Secret:
    """A user name, if one is known, and a token."""

    username: str | None
    token: str = field(repr=False)

    def pair(self) -> tuple[str | None, str]:
        return self.username, self.token


class Secrets:
    """The secrets file in `folder`. environment: `GITPOOL_TOKEN`, for `GITPOOL_REMOTE` alone."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self._path = folder / SECRETS
        self._environment = environment
        self._lock = threading.Lock()

    def keeps(self, profile_id: str | None, address: Address) -> bool:
        """Whether a token is kept for this address."""
        return self._kept(profile_id or DEFAULT, address) is not None

    def find(self, profile_id: str | None, address: Address) -> Secret | None:
        """The token for an address: kept, from the environment, or from git's own helper.

        One that was kept for another host, scheme or port is never given.
        """
        if address.scheme not in ("https", "http"):
            return None
        for key in (profile_id, DEFAULT):
            if key and (kept := self._kept(key, address)):
                return kept
        return self._from_environment(address) or from_git(address, self._environment)

    def keep(self, profile_id: str | None, address: Address, secret: Secret | None) -> None:
        """Keep a token for an address, or (None) forget it."""
        key = profile_id or DEFAULT
        with self._lock:
            data = read_object(self._path)
            data.pop(key, None)
            if secret:
                data[key] = {
                    "origin": address.origin,
                    "username": secret.username,
                    "token": secret.token,
                }
            if not data and not self._path.exists():
                return
            durable.make_folder(self._path.parent)
            _write_privately(self._path, json.dumps(data, indent=1).encode())

    def forget(self, profile_id: str | None) -> None:
        """Forget the token kept for a profile, or for the default remote."""
        key = profile_id or DEFAULT
        with self._lock:
            data = read_object(self._path)
            if data.pop(key, None) is not None:
                _write_privately(self._path, json.dumps(data, indent=1).encode())

    def _kept(self, key: str, address: Address) -> Secret | None:
        raw = read_object(self._path).get(key)
        if not isinstance(raw, dict) or raw.get("origin") != address.origin:
            return None
        token = raw.get("token")
        return Secret(raw.get("username") or None, token) if isinstance(token, str) else None

    def _from_environment(self, address: Address) -> Secret | None:
        token = self._environment.get("GITPOOL_TOKEN")
        given = self._environment.get("GITPOOL_REMOTE", "").strip()
        if not token or not given:
            return None
        try:
            theirs = parse(given, ("http", "file"))
        except Malformed:  # told to whoever uses it as a remote
            return None
        if theirs.origin != address.origin:
            return None
        return Secret(self._environment.get("GITPOOL_USERNAME") or None, token)


def from_git(address: Address, environment: Mapping[str, str]) -> Secret | None:
    """What the user's own git credential helper knows of the address; nobody is asked.

    https://git-scm.com/docs/git-credential
    """
    git = shutil.which("git", path=environment.get("PATH"))
    if git is None:
        return None
    parts = urlsplit(address.text)
    fields = {"protocol": address.scheme, "host": parts.netloc.rpartition("@")[2]}
    fields |= {"path": address.path.lstrip("/")}
    if address.user:
        fields["username"] = address.user
    quiet = {
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ASKPASS": "",
        "SSH_ASKPASS": "",
        "GCM_INTERACTIVE": "never",
    }
    asked = "".join(f"{key}={value}\n" for key, value in fields.items())
    try:
        answer = subprocess.run(
            [git, "credential", "fill"],
            input=asked + "\n",
            capture_output=True,
            text=True,
            timeout=_PATIENCE,
            # Outside any repository: only the user's own settings name a helper.
            cwd=tempfile.gettempdir(),
            env={**_without_git(environment), **quiet},
        )
    except (OSError, subprocess.TimeoutExpired, UnicodeError):
        return None
    known = dict(line.partition("=")[::2] for line in answer.stdout.splitlines())
    token = known.get("password")
    return Secret(known.get("username") or None, token) if token and not answer.returncode else None


def _without_git(environment: Mapping[str, str]) -> dict[str, str]:
    return {k: v for k, v in environment.items() if k not in ("GIT_DIR", "GIT_WORK_TREE")}


def _write_privately(path: Path, data: bytes) -> None:
    """Write a file that nobody else could read at any moment."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=durable.TEMP_PREFIX)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            durable.sync(file)
        durable.chmod(name, _ONLY_MINE)
        durable.replace(name, path)
        durable.sync_folder(path.parent)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name)
        raise
