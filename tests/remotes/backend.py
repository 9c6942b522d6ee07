"""One run of `git http-backend`, fed and read at the same time."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

from .processes import clean_environment, end_group
from .wire import PIECE, Exchange, LineCut


def cgi_environment(root: Path, exchange: Exchange, user: str | None) -> dict[str, str]:
    """What CGI and http-backend want to know of a request."""
    url = urlsplit(exchange.path)
    headers = exchange.headers
    wanted = {
        "GIT_PROJECT_ROOT": str(root),
        "GIT_HTTP_EXPORT_ALL": "1",
        "GATEWAY_INTERFACE": "CGI/1.1",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "REMOTE_USER": user,
        "REQUEST_METHOD": exchange.method,
        "PATH_INFO": unquote(url.path),
        "QUERY_STRING": url.query,
        "CONTENT_TYPE": headers.get("content-type"),
        # No CONTENT_LENGTH: http-backend then reads to the end of its input, as it must for chunked
        # bodies anyway; with a length it would spin for ever when a body is cut.
        "HTTP_CONTENT_ENCODING": headers.get("content-encoding"),
        "HTTP_ACCEPT_ENCODING": headers.get("accept-encoding"),
        "HTTP_GIT_PROTOCOL": headers.get("git-protocol"),
        # Older http-backends don't take it from the header.
        "GIT_PROTOCOL": headers.get("git-protocol"),
    }
    known = {name: value for name, value in wanted.items() if value is not None}
    return {**clean_environment(root), **known}


class Backend:
    """The program, a thread that feeds it the request's body, and its answer."""

    def __init__(self, environment: Mapping[str, str], body: Iterator[bytes], log: Path) -> None:
        with log.open("ab") as errors:
            self._process = subprocess.Popen(
                ["git", "http-backend"],
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                start_new_session=True,
            )
        assert self._process.stdin
        assert self._process.stdout
        self._input, self._output = self._process.stdin, self._process.stdout
        self.broken: Exception | None = None
        """Why the request's body didn't arrive as a whole."""
        self._feeder = threading.Thread(target=self._feed, args=(body,), daemon=True)
        self._feeder.start()

    def _feed(self, body: Iterator[bytes]) -> None:
        try:
            for piece in body:
                self._put(piece)
        except (LineCut, OSError) as reason:
            self.broken = reason
        finally:
            self._close_input()

    def _put(self, piece: bytes) -> None:
        # A program that wants no more is no reason to leave the body on the line.
        try:
            self._input.write(piece)
            self._input.flush()
        except (BrokenPipeError, ValueError):
            self._close_input()

    def _close_input(self) -> None:
        try:
            self._input.close()
        except BrokenPipeError:
            pass

    def wait_for_body(self) -> None:
        self._feeder.join()

    def head(self) -> tuple[int, list[tuple[str, str]]]:
        """The answer's status and headers; 500 if the program said nothing."""
        headers = []
        while line := self._output.readline().decode("latin-1").strip():
            name, _, value = line.partition(":")
            headers.append((name, value.strip()))
        given = [value for name, value in headers if name.lower() == "status"]
        status = int(given[0].split()[0]) if given else 200 if headers else 500
        return status, [pair for pair in headers if pair[0].lower() != "status"]

    def pieces(self) -> Iterator[bytes]:
        while piece := self._output.read1(PIECE):
            yield piece

    def finish(self) -> None:
        """Let the program do what it has begun; afterwards the repository is at rest."""
        if self._output.closed:
            return
        for _ in self.pieces():
            pass
        self._feeder.join()
        self._process.wait()
        self._output.close()

    def kill(self) -> None:
        if self._process.poll() is None:
            end_group(self._process)

    @property
    def ended(self) -> bool:
        return self._process.poll() is not None
