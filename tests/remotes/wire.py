"""The bodies of HTTP requests and answers, piece by piece, with the faults of the line."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

PIECE = 1 << 16


class LineCut(Exception):
    """The line breaks here, because of a switch or, without one, of the server's end."""

    def __init__(self, switch: str | None = None) -> None:
        super().__init__(switch)
        self.switch = switch


@dataclass
class Exchange:
    """A request and what became of it; bytes are the bodies' alone, without chunk framing.

    They are counted before they go on, so a client that saw the answer's end sees them all here.
    """

    method: str
    path: str
    headers: dict[str, str]
    """With names in lower case."""
    status: int | None = None
    request_bytes: int = 0
    response_bytes: int = 0


@dataclass
class Pace:
    """How fast bytes go, in either direction; None is as fast as they can."""

    rate: int | None
    closing: threading.Event = field(default_factory=threading.Event)

    def spread(self, data: bytes) -> Iterator[bytes]:
        if self.rate is None:
            yield data
            return
        step = max(1, self.rate // 20)
        for start in range(0, len(data), step):
            piece = data[start : start + step]
            if self.closing.wait(len(piece) / self.rate):
                raise LineCut
            yield piece


def body_of(request: BaseHTTPRequestHandler) -> Iterator[bytes]:
    """A request's body as it arrives, of either transfer encoding."""
    if "chunked" in request.headers.get("Transfer-Encoding", "").lower():
        return _chunked(request.rfile)
    return _counted(request.rfile, int(request.headers.get("Content-Length") or 0))


def limited(body: Iterator[bytes], exchange: Exchange, cut: int | None) -> Iterator[bytes]:
    """The body, counted; after `cut` bytes of it the line breaks."""
    for piece in body:
        whole = cut is None or exchange.request_bytes + len(piece) < cut
        piece = piece if whole else piece[: cut - exchange.request_bytes]
        exchange.request_bytes += len(piece)
        yield piece
        if not whole:
            raise LineCut("cut_request_after")


def _counted(source: Any, left: int) -> Iterator[bytes]:
    while left:
        piece = source.read1(min(PIECE, left))
        if not piece:
            raise ConnectionResetError("the client went away in its request's body")
        left -= len(piece)
        yield piece


def _chunked(source: Any) -> Iterator[bytes]:
    while size := _chunk_size(source.readline(1024)):
        yield from _counted(source, size)
        source.readline(8)
    while source.readline(8192).strip():
        pass


def _chunk_size(line: bytes) -> int:
    try:
        return int(line.split(b";")[0], 16)
    except ValueError:
        raise ConnectionResetError(f"not a chunk's size: {line[:40]!r}") from None


class Answer:
    """An answer that is written as it comes: chunked, or to the connection's end in HTTP/1.0."""

    def __init__(
        self, request: BaseHTTPRequestHandler, exchange: Exchange, cut: int | None, pace: Pace
    ) -> None:
        self._request, self._exchange = request, exchange
        self._cut, self._pace = cut, pace
        self._chunked = False

    def start(self, status: int, headers: list[tuple[str, str]]) -> None:
        self._exchange.status = status
        self._request.send_response(status)
        for name, value in headers:
            self._request.send_header(name, value)
        if not any(name.lower() == "content-length" for name, _ in headers):
            self._frame()
        self._request.end_headers()

    def _frame(self) -> None:
        self._chunked = self._request.request_version != "HTTP/1.0"
        if self._chunked:
            self._request.send_header("Transfer-Encoding", "chunked")
        else:
            self._request.send_header("Connection", "close")

    def write(self, data: bytes) -> None:
        for piece in self._pace.spread(data):
            self._write(piece)

    def _write(self, piece: bytes) -> None:
        sent = self._exchange.response_bytes
        whole = self._cut is None or sent + len(piece) < self._cut
        piece = piece if whole else piece[: self._cut - sent]
        self._exchange.response_bytes += len(piece)
        if piece:
            self._put(piece)
        if not whole:
            raise LineCut("cut_response_after")

    def _put(self, piece: bytes) -> None:
        if self._chunked:
            piece = b"%x\r\n%b\r\n" % (len(piece), piece)
        self._request.wfile.write(piece)

    def end(self) -> None:
        if self._chunked:
            self._request.wfile.write(b"0\r\n\r\n")
