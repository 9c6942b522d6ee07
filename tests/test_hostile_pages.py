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
        if self.method != "POST" or self.kind not in ("json", "json with letters"):
            return False
        # No page can write that header: a browser sends it of its own accord, and a proxy may
        # have changed the name of the host since. But a frame without an origin is nobody's.
        if self.site in ("same-origin", "typed"):
            return self.origin != "null"
        # https may be what a proxy makes of http.
        return self.site == "none" and self.origin in ("none", "own", "own over https")


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
        self._connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=300)

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


def test_no_page_gets_in_by_what_a_proxy_might_say(filled: tuple[Server, str]) -> None:
    """Headers that no page can send to another site without the browser asking first, which is
    never allowed; here are those that proxies send while a foreign page's request comes through,
    and every way of writing them that might be read as that page's own origin."""
    server, profile = filled
    line, before = Line(server), tree_of(server.host.folder)
    body = json.dumps({"pool_id": profile, "index": 0, "label": "changed"}).encode()
    true = {"Host": "10.0.0.5:8188", "Content-Type": "application/json"}
    forms: list[dict[str, str]] = []
    for host in ("pics.example", "pics.example:8443", "pics.example, inner", "inner, pics.example"):
        told: list[dict[str, str]] = [
            {"X-Forwarded-Host": host},
            {"X-Forwarded-Host": host, "X-Forwarded-Proto": "https"},
            {"X-Forwarded-Host": host, "X-Forwarded-Proto": "https", "X-Forwarded-Port": "8443"},
            {"Forwarded": f'for=10.0.0.9;host="{host}";proto=https'},
            {"Host": host.partition(",")[0], "X-Forwarded-Proto": "https"},
        ]
        for headers in told:
            for origin in (
                "http://evil.example",
                "https://evil.example",
                "https://evil.example:8443",
                "https://pics.example:9999",
                "https://pics.example.evil.example",
                "https://evil.pics.example",
                "https://pics.example@evil.example",
                "https://inner,pics.example",
                "https://pics.example, https://evil.example",
                "https://evil.example/pics.example",
                "file://pics.example",
                "//pics.example",
                "null",
                "",
                "https://",
                "https://*",
                "*",
            ):
                forms.append({**headers, "Origin": origin})
            for site in ("cross-site", "same-site", "cross-origin", "same-origin, cross-site"):
                for origin in ("https://pics.example", "https://evil.example"):
                    forms.append({**headers, "Origin": origin, "Sec-Fetch-Site": site})
    # Where a proxy says which scheme and port it was, another one is another origin.
    forms += [
        {"Host": "pics.example", "X-Forwarded-Proto": "https", "Origin": "http://pics.example"},
        {"Host": "pics.example", "X-Forwarded-Port": "8080", "Origin": "http://pics.example"},
        {"Host": "pics.example", "X-Forwarded-Port": "8080", "Origin": "http://pics.example:9999"},
        {"X-Forwarded-Host": "pics.example:8080", "Origin": "http://pics.example"},
        {"X-Forwarded-Host": "*", "Origin": "http://evil.example"},
        {"X-Forwarded-Host": "evil.example/", "Origin": "http://evil.example"},
        {"X-Forwarded-Host": "http://evil.example", "Origin": "http://evil.example"},
        {"X-Forwarded-Server": "evil.example", "Origin": "http://evil.example"},
        {"X-Original-Host": "evil.example", "Origin": "http://evil.example"},
        {"Forwarded": "for=evil.example;by=evil.example", "Origin": "http://evil.example"},
        {"Forwarded": 'for="host=evil.example"', "Origin": "http://evil.example"},
        {"Forwarded": 'for="x;host=evil.example"', "Origin": "http://evil.example"},
        {"Forwarded": 'host="evil.example', "Origin": "http://evil.example"},
        {"Referer": "http://10.0.0.5:8188/", "Origin": "http://evil.example"},
    ]
    for headers in forms:
        status = line.send("POST", "/grid_pool/label", body, {**true, **headers})
        assert status == 403, headers
    assert tree_of(server.host.folder) == before
    assert server.host.events == []


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
