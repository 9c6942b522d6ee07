"""Every route of the application, every field of it, every payload: refused, nothing changed.

The routes are those that the application really has, so a new one without an entry in
`hostile/routes.py` fails here.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import urllib.parse
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hostile.extent import some
from hostile.payloads import BODIES, PAYLOADS, STRINGS, shown
from hostile.routes import ABSENT, Route, may_be, routes
from support import Answer, Server, git, mask, picture, tree_of

from gitpool.errors import GitPoolError
from gitpool.nodes import build_nodes

REFUSED = (400, 404, 409, 413, 415, 422)
LONGEST_IN_AN_ADDRESS = 8000


class Scene:
    """A server with a profile and a plain pool, which stay as they are; one connection to it."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.profile, other = server.create("victim"), server.create("other")
        for pool in (self.profile, "plain"):
            for seed in range(2):
                server.add(pool, picture(seed))
        server.set_mask(self.profile, 0, mask())
        snapshot = server.snapshot(self.profile)["id"]
        blob = git(server.pools / self.profile, "rev-parse", "HEAD:img_0001.png")
        server.post("/grid_pool/label", pool_id=self.profile, index=1, label="unsaved")
        self.routes = routes(self.profile, other, snapshot, blob)
        self.before = self.tree()
        server.host.events.clear()
        self._line = http.client.HTTPConnection("127.0.0.1", server.port, timeout=300)

    def ask(self, method: str, path: str, body: bytes = b"", kind: str = "") -> Answer:
        headers = {"Content-Type": kind} if kind else {}
        try:
            self._line.request(method, path, body or None, headers)
            response = self._line.getresponse()
            return Answer(response.status, dict(response.getheaders()), response.read())
        except (ConnectionError, http.client.HTTPException):
            self._line.close()
            raise

    def send(self, method: str, path: str, route: Route, fields: dict[str, Any]) -> Answer:
        """A request of these fields, the way the route takes them."""
        if method == "GET":
            query = urllib.parse.urlencode(fields, errors="surrogatepass")
            return self.ask("GET", f"{path}?{query}")
        if not route.form:
            return self.ask("POST", path, json.dumps(fields).encode(), "application/json")
        edge = uuid.uuid4().hex
        parts = [
            f'--{edge}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n'.encode()
            + str(value).encode("utf-8", "surrogatepass")
            + b"\r\n"
            for key, value in fields.items()
        ]
        head = f'--{edge}\r\nContent-Disposition: form-data; name="{route.form}"; filename="a"'
        content = b"PK\x03\x04" if path.endswith("import") else picture()
        parts.append(head.encode() + b"\r\n\r\n" + content + b"\r\n")
        body = b"".join(parts) + f"--{edge}--\r\n".encode()
        return self.ask("POST", path, body, f"multipart/form-data; boundary={edge}")

    def tree(self) -> dict[str, bytes]:
        """Every file; thumbnails aside, which are a cache beside the pools, named by content."""
        files = tree_of(self.server.host.folder)
        return {name: data for name, data in files.items() if "/thumbnails/" not in name}

    def unchanged(self) -> None:
        now = self.tree()
        assert now.keys() == self.before.keys()
        assert [name for name in now if now[name] != self.before[name]] == []
        assert self.server.host.events == []
        assert not list((self.server.pools / ".gitpool" / "tmp").glob("*"))

    def refused(self, answer: Answer, case: str) -> None:
        hidden = answer.status == 403 and answer.code == "hidden"
        assert hidden or answer.status in REFUSED, (case, answer.status, answer.body[:200])
        assert answer.headers["Content-Type"].startswith("application/json"), (case, answer.body)
        error = answer.json["error"]
        assert error.keys() == {"code", "message", "hint"}, case
        assert error["code"] not in ("", "internal"), case
        assert error["message"], case
        said = answer.body.decode()
        for secret in (str(self.server.host.folder), "Traceback", ".py", "grid_pool/", "Errno"):
            assert secret not in said, case


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GITPOOL_SNAPSHOT_DELAY", "3600")
        patch.delenv("GITPOOL_REMOTE", raising=False)
        with Server(tmp_path_factory.mktemp("hostile")) as server:
            yield Scene(server)


def test_every_route_that_there_is_has_an_entry(scene: Scene) -> None:
    there = {
        (route.method, route.resource.canonical)
        for route in scene.server.host.app.router.routes()
        if route.resource is not None and route.method != "HEAD"
    }
    assert there == scene.routes.keys()


def cases(route: Route, kind: str, in_query: bool) -> Iterator[Any]:
    """The payloads that a field of that kind must not have."""
    as_text = in_query or bool(route.form)
    payloads = STRINGS if as_text else PAYLOADS
    bad = [value for value in payloads if not may_be(kind, value, as_text)]
    if as_text:
        bad = [v for v in bad if len(v.encode("utf-8", "replace")) < LONGEST_IN_AN_ADDRESS // 3]
    yield from some(bad, 48)


def tried(scene: Scene, method: str) -> Iterator[tuple[str, Route]]:
    for (verb, path), route in scene.routes.items():
        if verb == method:
            yield path, route


@pytest.mark.timeout(7200)
@pytest.mark.parametrize("method", ["POST", "GET"])
def test_no_field_takes_what_it_must_not(scene: Scene, method: str) -> None:
    for path, route in tried(scene, method):
        for field, kind in route.kinds.items():
            for value in cases(route, kind, method == "GET"):
                fields = {**route.good, field: value}
                case = f"{method} {path} {field}={shown(value)}"
                scene.refused(scene.send(method, path, route, fields), case)
    scene.unchanged()


def test_every_field_gets_at_least_forty(scene: Scene) -> None:
    for (method, path), route in scene.routes.items():
        for field, kind in route.kinds.items():
            if kind not in ("free", "label", "label?", "name", "id", "number", "size"):
                count = len(list(cases(route, kind, method == "GET")))
                assert count >= 40, (path, field, count)


def test_no_field_may_be_left_out_and_no_body_be_anything_else(scene: Scene) -> None:
    optional = {"/grid_pool/add": {"ts"}, "/grid_pool/profiles/compact": {"keep", "dry_run"}}
    for path, route in tried(scene, "POST"):
        for field in route.kinds.keys() & route.good.keys() - optional.get(path, set()):
            fields = {key: value for key, value in route.good.items() if key != field}
            scene.refused(scene.send("POST", path, route, fields), f"{path} without {field}")
        for body in BODIES:
            answer = scene.ask("POST", path, body, "application/json")
            scene.refused(answer, f"{path} {shown(body)}")
            if body not in (b"", b"{}"):
                kind = "multipart/form-data; boundary=x"
                scene.refused(scene.ask("POST", path, body, kind), f"{path} form {shown(body)}")
    scene.unchanged()


def test_no_route_answers_to_another_method(scene: Scene) -> None:
    for method, path in scene.routes:
        for other in ("POST", "GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"):
            if (other.replace("HEAD", "GET"), path) in scene.routes:
                continue
            answer = scene.ask(other, path, b"{}", "application/json")
            assert answer.status in (404, 405), (method, other, path)
    scene.unchanged()


def test_asking_never_changes_anything(scene: Scene) -> None:
    for path, route in tried(scene, "GET"):
        for fields in (dict(route.good), {}, {"id": ABSENT}, {"pool_id": ABSENT}):
            answer = scene.send("GET", path, route, fields)
            assert answer.status < 500 or answer.code != "internal", (path, fields)
    scene.unchanged()


# Nodes.


@pytest.mark.parametrize("given", ["pool_id", "profile", "index"])
def test_no_input_of_the_image_pool_reaches_anything_else(scene: Scene, given: str) -> None:
    node = build_nodes(scene.server.service, lambda array: array)["GridImagePool"]
    good: dict[str, Any] = {"index": 0, "pool_id": scene.profile}
    for value in PAYLOADS:
        inputs = {**good, given: value}
        if given != "index":
            checked = {key: inputs.get(key, "") for key in ("pool_id", "profile") if key in inputs}
            valid = node.VALIDATE_INPUTS(**checked)
            assert valid is True or (isinstance(valid, str) and valid), shown(value)
        for call in (node().run, node.IS_CHANGED):
            # A run that stops says why; it does nothing else.
            with contextlib.suppress(GitPoolError, TypeError, ValueError, OverflowError):
                call(**inputs)
    scene.unchanged()


@pytest.mark.parametrize("given", ["profile", "profile_id"])
def test_no_input_of_the_pool_profile_reaches_anything_else(scene: Scene, given: str) -> None:
    node = build_nodes(scene.server.service, lambda array: array)["PoolProfile"]
    good: dict[str, Any] = {"profile": "victim", "profile_id": scene.profile}
    for value in PAYLOADS:
        inputs = {**good, given: value}
        valid = node.VALIDATE_INPUTS(**inputs)
        assert valid is True or (isinstance(valid, str) and valid), shown(value)
        if given == "profile_id" and value and not may_be("id", value, False):
            assert valid is not True, shown(value)
        assert node().run(**inputs) == ((inputs["profile_id"] or "default"),)
        # ComfyUI takes what this raises for a change; the run was stopped before.
        with contextlib.suppress(GitPoolError):
            node.IS_CHANGED(**inputs)
    scene.unchanged()


def test_nothing_was_written_beside_the_folder(scene: Scene) -> None:
    beside = {path.name for path in Path(scene.server.host.folder).iterdir()}
    assert beside <= {"input", "user"}
