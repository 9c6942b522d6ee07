"""Ways to a remote: a folder, and HTTP to `git http-backend`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from tests.remotes.folder import bare_repo
from tests.remotes.http_server import HttpGit

from .measure import Wire


class Transport(Protocol):
    """Where remotes are made, and what is known of the wire to them."""

    title: str

    def make(self, name: str) -> tuple[str, Path]:
        """A new, empty remote: its address, and the folder in which it lies."""

    def forget(self) -> None:
        """Count the wire anew."""

    def wire(self) -> Wire | None:
        """What went over the wire since; None where there is none."""


class FolderTransport:
    """Bare repositories on this disk."""

    title = "a folder"

    def __init__(self, root: Path) -> None:
        self._root = root

    def make(self, name: str) -> tuple[str, Path]:
        """See `Transport`."""
        path = bare_repo(self._root / f"{name}.git")
        return str(path), path

    def forget(self) -> None:
        """See `Transport`."""

    def wire(self) -> Wire | None:
        """See `Transport`."""
        return None


class HttpTransport:
    """Bare repositories behind the tests' own HTTP server."""

    title = "HTTP"

    def __init__(self, server: HttpGit) -> None:
        self._server = server

    def make(self, name: str) -> tuple[str, Path]:
        """See `Transport`."""
        return self._server.url(name), self._server.make_repo(name)

    def forget(self) -> None:
        """See `Transport`."""
        self._server.forget()

    def wire(self) -> Wire | None:
        """See `Transport`."""
        records = self._server.records
        return Wire(
            len(records),
            sum(record.request_bytes for record in records),
            sum(record.response_bytes for record in records),
        )


@contextmanager
def transports(root: Path) -> Iterator[list[Transport]]:
    """All of them, for as long as the server runs."""
    with HttpGit(root / "http") as server:
        yield [FolderTransport(root / "folder"), HttpTransport(server)]
