"""Foreign pages: Origin × Host × content type × Sec-Fetch-Site × method, every combination.

Only our own page and plain scripts change anything. What must pass is worked out here from what
browsers send, by rules of its own.
"""

from __future__ import annotations

import http.client
import itertools
import json
from dataclasses import dataclass

import pytest
from hostile.extent import FULL, some
from hostile.routes import routes
from support import Server, picture, tree_of

PORT = "8188"
HOSTS = {
    "an address": "127.0.0.1:8188",
    "a name": "comfy.lan:8188",
    "no port": "comfy.lan",
    "of IPv6": "[::1]:8188",
    "in capitals": "Comfy.LAN:8188",
}
ORIGINS = {
    "none": None,
    "own": "http://{host}",
    "own over https": "https://{host}",
    "null": "null",
    "empty": "",
    "another site": "http://evil.example",
    "another port": "http://{name}:9999",
    "below ours": "http://{name}.evil.example:8188",
    "a name in front": "http://evil.{name}:8188",
    "a user in front": "http://evil@{host}",
    "a bracket in front": "http://evil[{host}",
    "ours as a user": "http://{host}@evil.example",
    "another scheme": "file://{host}",
    "an extension": "chrome-extension://abcdefgh",
    "no scheme": "//{host}",
    "bare": "{host}",
    "garbled": "http://[",
    "with a path": "http://evil.example/{host}",
}
KINDS = {
    "json": "application/json",
    "json with letters": "Application/JSON; charset=utf-8",
    "text": "text/plain",
    "text that says json": "text/plain; application/json",
    "a form": "application/x-www-form-urlencoded",
    "nearly json": "application/jsonp",
    "none": None,
    "empty": "",
}
SITES = {
    "none": None,
    "same-origin": "same-origin",
    "typed": "none",
    "same-site": "same-site",
    "cross-site": "cross-site",
    "in capitals": "CROSS-SITE",
    "unknown": "moon",
}
METHODS = ("POST", "GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS")


@dataclass(frozen=True)
class Page:
    """One combination."""

    origin: str
    host: str
    kind: str
    site: str
    method: str

    def headers(self) -> dict[str, str]:
        host = HOSTS[self.host]
        name = host.rpartition(":")[0] if ":" in host else host
        said = {"Host": host}
        origin = ORIGINS[self.origin]
        if origin is not None:
            said["Origin"] = origin.format(host=host, name=name)
        for header, value in (("Content-Type", KINDS[self.kind]), ("Sec-Fetch-Site", self.site)):
            text = SITES[self.site] if header == "Sec-Fetch-Site" else value
            if text is not None:
                said[header] = text
        return said

    def may_change(self) -> bool:
        """A script says nothing of where it comes from; a browser says that it is our page."""
        own = self.origin in ("none", "own") or (
            # Where no port is named, https may be what a proxy makes of http.
            self.origin == "own over https"
        )
        return (
            self.method == "POST"
            and self.kind in ("json", "json with letters")
            and self.site in ("none", "same-origin", "typed")
            and own
        )


def pages() -> list[Page]:
    """All combinations; on every change a part of them that has each pair of values in it."""
    everything = [
        Page(*values) for values in itertools.product(ORIGINS, HOSTS, KINDS, SITES, METHODS)
    ]
    if FULL:
        return everything
    posts = [page for page in everything if page.method == "POST"]
    # Steps that share no factor with the lists' lengths meet every pair.
    return posts[::11] + [page for page in everything if page.method != "POST"][::97]


class Line:
    """One connection, so that thousands of requests take seconds."""

    def __init__(self, server: Server) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)

    def send(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> int:
        self._connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self._connection.putheader(name, value)
        self._connection.endheaders(body)
        response = self._connection.getresponse()
        response.read()
        return response.status


@pytest.fixture
def filled(server: Server) -> tuple[Server, str]:
    profile = server.create("x")
    for seed in range(2):
        server.add(profile, picture(seed))
        server.add("plain", picture(seed))
    server.snapshot(profile)
    server.post("/grid_pool/label", pool_id=profile, index=0, label="as it was")
    server.host.events.clear()
    return server, profile


@pytest.mark.timeout(900 if FULL else 120)
def test_only_our_own_page_and_plain_scripts_change_anything(filled: tuple[Server, str]) -> None:
    server, profile = filled
    line, before = Line(server), tree_of(server.host.folder)
    tried = pages()
    refused = [page for page in tried if not page.may_change()]
    body = json.dumps({"pool_id": profile, "index": 0, "label": "changed"}).encode()
    for page in refused:
        status = line.send(page.method, "/grid_pool/label", body, page.headers())
        assert 400 <= status < 500, page
    assert tree_of(server.host.folder) == before
    assert server.host.events == []
    passing = some([page for page in tried if page.may_change()], 40)
    assert passing
    for number, page in enumerate(passing):
        label = f"changed {number}"
        body = json.dumps({"pool_id": profile, "index": 0, "label": label}).encode()
        assert line.send(page.method, "/grid_pool/label", body, page.headers()) == 200, page
        assert server.list(profile)["slots"][0]["label"] == label, page


FOREIGN = (
    {"Origin": "http://evil.example"},
    {"Origin": "null"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
)
SIMPLE = ("text/plain", "application/x-www-form-urlencoded", "text/plain; application/json", "")


def test_every_route_that_changes_something_refuses_foreign_pages(
    filled: tuple[Server, str],
) -> None:
    """The routes are those that the application has."""
    server, profile = filled
    line, before = Line(server), tree_of(server.host.folder)
    table = routes(profile, "other", "0" * 40, "0" * 40)
    posts = [r.resource.canonical for r in server.host.app.router.routes() if r.method == "POST"]
    assert len(posts) >= 25
    for path in posts:
        body = json.dumps(dict(table["POST", path].good)).encode()
        for headers in FOREIGN:
            for kind in ("application/json", "multipart/form-data; boundary=x"):
                said = {"Host": "comfy.lan", "Content-Type": kind, **headers}
                assert line.send("POST", path, body, said) == 403, (path, said)
        for kind in SIMPLE:
            said = {"Host": "comfy.lan", **({"Content-Type": kind} if kind else {})}
            assert line.send("POST", path, body, said) == 400, (path, said)
    assert tree_of(server.host.folder) == before
    assert server.host.events == []
