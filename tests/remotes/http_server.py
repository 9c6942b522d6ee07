"""Git over HTTP: `git http-backend` behind a small server, with faults that can be switched on."""

from __future__ import annotations

import base64
import binascii
import select
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from . import endless
from .backend import Backend, cgi_environment
from .folder import bare_repo
from .wire import Answer, Exchange, LineCut, Pace, body_of, limited

_SERVICES = ("git-upload-pack", "git-receive-pack")


class HttpGit:
    """A git server on 127.0.0.1 over the bare repositories in `root`; a context manager.

    The switches may be set at any time and hold for requests that begin afterwards, until they
    are set back. `faults` counts how often each one struck. In the order in which they are asked:

    - `delay`: seconds before any answer
    - `hold`: an event; no answer before it is set
    - `stall`: never answer
    - `fail_next(n)`: answer 503, n times
    - `redirect_to`: answer 302 to the same path below this base URL
    - `token`: answer 401 unless HTTP Basic's password is this (any user name will do)
    - `read_only`: answer 403 to a push
    - `endless`: answer a request for a pack with one that never ends
    - `cut_request_after`: break the line after so many bytes of a service's request body
    - `cut_response_after`: break the line after so many bytes of a service's response body
    - `bytes_per_second`: how fast bodies go

    A service is a POST to git-upload-pack or git-receive-pack. Both cuts strike as well if the
    body has just that length. When the line breaks, the repository is already at rest.

    Curl, and so git, sends a request once more if a line that it used before breaks without any
    answer: `cut_request_after` may strike more than once in one push.
    """

    def __init__(self, root: Path, token: str | None = None) -> None:
        self.root, self.token = root, token
        self.delay: float = 0
        self.hold: threading.Event | None = None
        self.stall = False
        self.redirect_to: str | None = None
        self.read_only = False
        self.endless = False
        self.cut_request_after: int | None = None
        self.cut_response_after: int | None = None
        self.bytes_per_second: int | None = None
        self.on_push: Callable[[], object] | None = None
        """Called once, before git hears of a push; a push made in it goes through before."""
        self.records: list[Exchange] = []
        self.faults: Counter[str] = Counter()
        self.errors: list[BaseException] = []
        """What went wrong in the kit itself, or in `on_push`."""
        self.closing = threading.Event()
        self.lock = threading.Lock()
        self.backends: set[Backend] = set()
        self._failures = 0
        root.mkdir(parents=True, exist_ok=True)
        self.log = root / "http-backend.log"
        self._server = _Server(self)
        self._loop = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    def __enter__(self) -> HttpGit:
        self._loop.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def port(self) -> int:
        return self._server.server_address[1]

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def url(self, name: str) -> str:
        return f"{self.base_url}/{quote(name)}.git"

    def path(self, name: str) -> Path:
        return self.root / f"{name}.git"

    def make_repo(self, name: str) -> Path:
        """A new bare repository that may be pushed to."""
        return bare_repo(self.path(name))

    @property
    def headers_seen(self) -> list[dict[str, str]]:
        """Every request's headers, with names in lower case."""
        return [record.headers for record in self.records]

    def requests_with(self, secret: str) -> list[Exchange]:
        """The requests whose URL or headers carry a secret, in plain or in HTTP Basic."""
        return [
            record
            for record in self.records
            if any(secret in text for text in [record.path, *record.headers.values()])
            or secret in ":".join(basic_sign_in(record.headers) or ())
        ]

    def forget(self) -> None:
        """Start counting anew."""
        self.records.clear()
        self.faults.clear()

    def fail_next(self, times: int = 1) -> None:
        """Answer the next requests with 503; 0 takes back what is left."""
        with self.lock:
            self._failures = times

    def take_failure(self) -> bool:
        with self.lock:
            due = self._failures > 0
            self._failures -= due
        return due

    def run_on_push(self) -> None:
        with self.lock:
            hook, self.on_push = self.on_push, None
        if hook:
            hook()

    def close(self) -> None:
        """End what this server started, and say if anything in it went wrong."""
        self.closing.set()
        if self._loop.is_alive():
            self._server.shutdown()
        self._server.server_close()
        self._loop.join(300)
        self._server.drop_connections()
        with self.lock:
            left = list(self.backends)
        for backend in left:
            backend.kill()
        self._server.join(300)
        assert self.ended
        assert all(backend.ended for backend in left)
        assert not self.errors, self.errors

    @property
    def ended(self) -> bool:
        """No thread and no program of this server's runs any more."""
        return not self._loop.is_alive() and not self._server.threads and not self.backends


class _Server(ThreadingHTTPServer):
    """Threads and connections are kept, so that all of them can be ended."""

    def __init__(self, git: HttpGit) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.git = git
        self.threads: set[threading.Thread] = set()
        self._connections: set[socket.socket] = set()

    def process_request(self, request: Any, client_address: Any) -> None:
        words = (request, client_address)
        thread = threading.Thread(target=self.process_request_thread, args=words, daemon=True)
        with self.git.lock:
            self.threads.add(thread)
            self._connections.add(request)
        thread.start()

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            with self.git.lock:
                self._connections.discard(request)
                self.threads.discard(threading.current_thread())

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass  # The handler has noted it.

    def drop_connections(self) -> None:
        with self.git.lock:
            for connection in self._connections:
                shut(connection)

    def join(self, seconds: float) -> None:
        with self.git.lock:
            left = list(self.threads)
        for thread in left:
            thread.join(seconds)


class _Handler(BaseHTTPRequestHandler):
    """One connection; each request runs through the switches to git."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 100
    server: _Server

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def _serve(self) -> None:
        self.git = self.server.git
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.exchange = Exchange(self.command, self.path, headers)
        self.git.records.append(self.exchange)
        try:
            self._answer()
        except LineCut as cut:
            if cut.switch:
                self.git.faults[cut.switch] += 1
            self._hang_up()
        except OSError:
            # The client has gone, or the server ends.
            self._hang_up()
        except BaseException as error:
            self.git.errors.append(error)
            self._break_down()

    def _answer(self) -> None:
        self._wait()
        steps = (self._stalled, self._failed, self._redirected, self._unknown, self._forbidden)
        if any(step() for step in steps):
            return
        if self._service() == "git-receive-pack":
            self.git.run_on_push()
        pace = Pace(self.git.bytes_per_second, self.git.closing)
        cut = self.git.cut_response_after if self._service() else None
        answer = Answer(self, self.exchange, cut, pace)
        if self.git.endless and self._service() == "git-upload-pack":
            self._answer_endlessly(answer)
        else:
            self._run_git(answer, self._body(pace))

    # The switches.

    def _wait(self) -> None:
        if self.git.delay:
            self.git.faults["delay"] += 1
            self.git.closing.wait(self.git.delay)
        if hold := self.git.hold:
            self.git.faults["hold"] += 1
            while not hold.wait(0.02) and not self.git.closing.is_set():
                pass

    def _stalled(self) -> bool:
        if not self.git.stall:
            return False
        self.git.faults["stall"] += 1
        wait_for_end(self.connection, self.git.closing)
        raise LineCut

    def _failed(self) -> bool:
        return self.git.take_failure() and self._refuse(503, "fail")

    def _redirected(self) -> bool:
        base = self.git.redirect_to
        if base is None:
            return False
        return self._refuse(302, "redirect", ("Location", base.rstrip("/") + self.path))

    def _unknown(self) -> bool:
        sign_in = basic_sign_in(self.exchange.headers)
        if self.git.token is None or (sign_in and sign_in[1] == self.git.token):
            return False
        return self._refuse(401, "token", ("WWW-Authenticate", 'Basic realm="git"'))

    def _forbidden(self) -> bool:
        pushes = "git-receive-pack" in self.path
        return self.git.read_only and pushes and self._refuse(403, "read_only")

    def _refuse(self, status: int, switch: str, *headers: tuple[str, str]) -> bool:
        self.git.faults[switch] += 1
        # What is left unread on a connection is lost with the answer, or taken for a request.
        for _ in limited(body_of(self), self.exchange, None):
            pass
        text = f"{status}\n".encode()
        answer = Answer(self, self.exchange, None, Pace(None))
        kind = ("Content-Type", "text/plain")
        answer.start(status, [*headers, kind, ("Content-Length", str(len(text)))])
        answer.write(text)
        return True

    # Git.

    def _service(self) -> str | None:
        name = urlsplit(self.path).path.rpartition("/")[2]
        return name if self.command == "POST" and name in _SERVICES else None

    def _body(self, pace: Pace) -> Iterator[bytes]:
        cut = self.git.cut_request_after if self._service() else None
        pieces = (part for piece in body_of(self) for part in pace.spread(piece))
        return limited(pieces, self.exchange, cut)

    def _answer_endlessly(self, answer: Answer) -> None:
        body = b"".join(self._body(Pace(None)))
        protocol = self.exchange.headers.get("git-protocol", "")
        version = 2 if "version=2" in protocol.split(":") else 0
        lines = endless.asked(body, self.exchange.headers.get("content-encoding"))
        if not endless.wants_pack(lines, version):
            self._run_git(answer, iter([body]))
            return
        self.git.faults["endless"] += 1
        answer.start(200, [("Content-Type", "application/x-git-upload-pack-result")])
        for piece in endless.answer(lines, version):
            if self.git.closing.is_set():
                raise LineCut
            answer.write(piece)
        answer.end()

    def _run_git(self, answer: Answer, body: Iterator[bytes]) -> None:
        sign_in = basic_sign_in(self.exchange.headers)
        user = sign_in[0] if sign_in else None
        backend = Backend(cgi_environment(self.git.root, self.exchange, user), body, self.git.log)
        with self.git.lock:
            self.git.backends.add(backend)
        try:
            self._relay(backend, answer)
        finally:
            backend.finish()
            with self.git.lock:
                self.git.backends.discard(backend)

    def _relay(self, backend: Backend, answer: Answer) -> None:
        if self.git.cut_request_after is not None:
            # Git answers before it has read everything: nothing may be sent before the cut.
            backend.wait_for_body()
            self._mind(backend)
        answer.start(*backend.head())
        for piece in backend.pieces():
            answer.write(piece)
        # The client may look at the repository as soon as it has seen the end.
        backend.finish()
        self._mind(backend)
        answer.end()

    def _mind(self, backend: Backend) -> None:
        if backend.broken:
            raise backend.broken

    def _break_down(self) -> None:
        # Curl sends a request again if the line just breaks before the answer.
        if self.exchange.status is None:
            self.send_error(500)
            self.exchange.status = 500
        self._hang_up()

    def _hang_up(self) -> None:
        self.close_connection = True
        shut(self.connection)


def basic_sign_in(headers: dict[str, str]) -> tuple[str, str] | None:
    """The user name and password of HTTP Basic."""
    kind, _, value = headers.get("authorization", "").partition(" ")
    if kind.lower() != "basic":
        return None
    try:
        name, _, password = base64.b64decode(value).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return name, password


def shut(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass


def wait_for_end(connection: socket.socket, closing: threading.Event) -> None:
    """Wait until the client hangs up or the server ends, and read nothing."""
    watch = select.poll()
    watch.register(connection, select.POLLRDHUP)
    while not closing.is_set() and not watch.poll(50):
        pass
