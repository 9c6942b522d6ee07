"""A real nginx before a server of ours, one port for each way of setting it up."""

from __future__ import annotations

import contextlib
import http.client
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from support import Answer

_PATIENCE = 120.0


@dataclass(frozen=True)
class Site:
    """One way of setting a proxy up, in nginx's words.

    address: where a browser opens it; `{port}` is the port that nginx listens on. path: what
    stands before our own paths. before: another site, to which this one passes everything on.
    """

    address: str
    says: tuple[str, ...] = ()
    path: str = "/"
    before: str | None = None

    @property
    def is_tls(self) -> bool:
        return self.address.startswith("https:")


class Nginx:
    """nginx, its sites by name. Use it as a context."""

    def __init__(self, folder: Path, upstream: int, sites: Mapping[str, Site]) -> None:
        self._folder, self._upstream, self._sites = folder, upstream, sites
        self.ports: dict[str, int] = {}

    def __enter__(self) -> Nginx:
        self._folder.mkdir(parents=True, exist_ok=True)
        _make_certificate(self._folder)
        # Whoever takes a port between our looking and nginx's listening has us look again.
        for _ in range(10):
            if self._start():
                return self
        raise AssertionError(f"nginx doesn't start: {self._said()}")

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        try:
            self._process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(_PATIENCE)

    def origin(self, site: str) -> str:
        """What a browser that opened the site writes as `Origin`."""
        return self._sites[site].address.format(port=self.ports[site])

    def request(
        self, site: str, method: str, path: str, body: bytes | None, headers: dict[str, str]
    ) -> Answer:
        """As a browser would send it that looks the name up and finds this machine."""
        host = self.origin(site).partition("://")[2]
        connection = self._connection(site)
        try:
            whole = self._sites[site].path + path.removeprefix("/")
            connection.request(method, whole, body, {"Host": host, **headers})
            response = connection.getresponse()
            return Answer(response.status, dict(response.getheaders()), response.read())
        finally:
            connection.close()

    def _connection(self, site: str) -> http.client.HTTPConnection:
        port = self.ports[site]
        if not self._sites[site].is_tls:
            return http.client.HTTPConnection("127.0.0.1", port, timeout=_PATIENCE)
        context = ssl.create_default_context(cafile=str(self._folder / "cert.pem"))
        context.check_hostname = False
        return http.client.HTTPSConnection("127.0.0.1", port, timeout=_PATIENCE, context=context)

    def _start(self) -> bool:
        self.ports = dict(zip(self._sites, _free_ports(len(self._sites)), strict=True))
        config = self._folder / "nginx.conf"
        config.write_text(self._config())
        program = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")
        assert program, "nginx is missing: install it first (tests/run.sh does)"
        command = [program, "-p", str(self._folder), "-c", str(config), "-e", "error.log"]
        self._process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        until = time.monotonic() + _PATIENCE
        for port in self.ports.values():
            while not _listens(port):
                if self._process.poll() is not None:
                    return False
                assert time.monotonic() < until, self._said()
                time.sleep(0.02)
        return self._process.poll() is None

    def _said(self) -> str:
        with contextlib.suppress(FileNotFoundError):
            return (self._folder / "error.log").read_text()
        return ""

    def _config(self) -> str:
        kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        places = "\n".join(f"  {kind}_temp_path {kind}_temp;" for kind in kinds)
        servers = "\n".join(self._server(name, site) for name, site in self._sites.items())
        return f"""\
daemon off;
master_process off;
pid nginx.pid;
events {{ worker_connections 256; }}
http {{
  access_log off;
  client_max_body_size 100m;
{places}
  upstream comfyui {{ server 127.0.0.1:{self._upstream}; }}
{servers}
}}
"""

    def _server(self, name: str, site: Site) -> str:
        tls = "ssl_certificate cert.pem; ssl_certificate_key key.pem;" if site.is_tls else ""
        target = f"127.0.0.1:{self.ports[site.before]}" if site.before else "comfyui"
        says = "\n".join(f"      {line};" for line in site.says)
        return f"""\
  server {{
    listen 127.0.0.1:{self.ports[name]}{" ssl" if site.is_tls else ""};
    {tls}
    location {site.path} {{
      proxy_pass http://{target}/;
{says}
    }}
  }}"""


def _make_certificate(folder: Path) -> None:
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    command += ["-nodes", "-days", "2", "-subj", "/CN=pics.example"]
    command += ["-keyout", "key.pem", "-out", "cert.pem"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=_PATIENCE)


def _free_ports(number: int) -> Iterator[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(number)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        ports = [each.getsockname()[1] for each in sockets]
    return iter(ports)


def _listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 5):
        return True
    return False
