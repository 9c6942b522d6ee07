"""Hostile requests, on every route: refused as the contract says, with nothing changed."""

from __future__ import annotations

import json
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from support import Answer, LocalHost, Server, mask, picture, tree_of

from gitpool.profiles import locks
from gitpool.server.hidden import reaches_hidden
from gitpool.server.setup import setup

P = "/grid_pool/profiles/"
ZEROS = "0" * 40

BAD_IDS: list[Any] = [
    "",
    ".",
    "..",
    "../x",
    "..\\x",
    "a/b",
    "a\\b",
    "/etc",
    "C:",
    "C:\\x",
    "\\\\host\\share",
    "//host/share",
    "%2e%2e",
    ".git",
    ".gitpool",
    "_registry",
    "-x",
    "a\x00b",
    "\x00",
    "a\n",
    "a b",
    "ａｂｃ",
    "é",
    "x.json",
    "profiles.json",
    "x" * 65,
    "x" * 100_000,
    "\ud800",
    "a:stream",
    "~",
    "$HOME",
    "*",
]
WRONG_TYPES: list[Any] = [None, True, 0, 1.5, [], ["a"], {}, {"a": 1}]
UNKNOWN = "never-made"

BAD_NAMES: list[Any] = [
    "",
    "   ",
    "\u3000",
    "x" * 101,
    "x" * 100_000,
    "a\x00b",
    "a\nb",
    "a\tb",
    "a\x7fb",
    "a\x85b",
    "a\u2028b",
    "\ud800",
    "a\u202eb",
    "a\u2066b",
    "\u200fa",
    *WRONG_TYPES,
]
BAD_INDEXES: list[Any] = [
    -1,
    -(10**30),
    1.0,
    0.5,
    1e400,
    float("nan"),
    "0",
    "",
    "x",
    *(v for v in WRONG_TYPES if v != 0 or v is None or isinstance(v, bool)),
]
FAR_INDEXES = [2, 99, 10**30]
BAD_SNAPSHOTS: list[Any] = [
    "",
    "HEAD",
    "main",
    "../HEAD",
    "0" * 39,
    "0" * 41,
    "A" * 40,
    "g" * 40,
    "0" * 40 + "\n",
    "--upload-pack=x" + "0" * 25,
    "0" * 37 + "^{}",
    *WRONG_TYPES,
]
BAD_FILE_NAMES = [
    "",
    ".",
    "..",
    "../profiles.json",
    "..\\profiles.json",
    "/etc/passwd",
    "C:\\x.png",
    "\\\\host\\x.png",
    ".git/config",
    ".git/config.png",
    "manifest.json",
    "img_0001.png/",
    "./img_0001.png",
    "img_0001.png\x00",
    "img_0001.png\n",
    "img_0001.png.",
    "img_0001.png ",
    "img_0001.png::$DATA",
    "con.png",
    "img_9999.png",
    "x" * 5000 + ".png",
]


class Scene:
    """A server with one profile, one plain pool, both with two images, and a snapshot."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.profile = server.create("victim")
        self.other = server.create("other")
        for pool in (self.profile, "plain"):
            for seed in range(2):
                server.add(pool, picture(seed))
        server.set_mask(self.profile, 0, mask())
        self.snapshot = server.snapshot(self.profile)["id"]
        server.post("/grid_pool/label", pool_id=self.profile, index=1, label="unsaved")
        self.before = self.tree()
        server.host.events.clear()

    def tree(self) -> dict[str, bytes]:
        return tree_of(self.server.host.input_directory())

    def refused(self, answer: Answer, *statuses: int) -> None:
        assert answer.status in statuses, (answer.status, answer.body[:300])
        error = answer.json["error"]
        assert error.keys() == {"code", "message", "hint"}
        assert all(isinstance(error[key], str) for key in error)
        assert error["code"]
        assert error["message"]
        said = answer.body.decode()
        for secret in (str(self.server.host.folder), "Traceback", ".py", "grid_pool/", "Errno"):
            assert secret not in said

    def unchanged(self) -> None:
        assert self.tree() == self.before
        assert self.server.host.events == []
        tmp = self.server.pools / ".gitpool" / "tmp"
        assert not tmp.is_dir() or not list(tmp.iterdir())


@pytest.fixture
def scene(server: Server) -> Scene:
    return Scene(server)


# Every POST route that takes JSON, with a body that would be good, and what its fields are.
def json_routes(scene: Scene) -> dict[str, tuple[dict[str, Any], dict[str, str]]]:
    pool = {"pool_id": scene.profile}
    profile = {"id": scene.profile}
    snap = {**profile, "snapshot": scene.snapshot}
    return {
        "/grid_pool/remove": ({**pool, "index": 0}, {"pool_id": "id", "index": "index"}),
        "/grid_pool/active": ({**pool, "index": 0}, {"pool_id": "id", "index": "index"}),
        "/grid_pool/label": (
            {**pool, "index": 0, "label": "x"},
            {"pool_id": "id", "index": "index", "label": "label"},
        ),
        "/grid_pool/reorder": ({**pool, "order": [1, 0]}, {"pool_id": "id", "order": "order"}),
        P + "create": ({"name": "new"}, {"name": "name"}),
        P + "rename": ({**profile, "name": "new"}, {"id": "profile", "name": "name"}),
        P + "delete": (profile, {"id": "profile"}),
        P + "undelete": (profile, {"id": "profile"}),
        P + "duplicate": ({**profile, "name": "new"}, {"id": "profile", "name": "name"}),
        P + "adopt": ({"pool_id": "plain", "name": "new"}, {"pool_id": "profile", "name": "name"}),
        P + "seed": ({"from": "plain", "id": scene.other}, {"from": "profile", "id": "profile"}),
        P + "snapshot": (profile, {"id": "profile"}),
        P + "restore": (snap, {"id": "profile", "snapshot": "snapshot"}),
        P + "lock": (
            {**snap, "locked": True},
            {"id": "profile", "snapshot": "snapshot", "locked": "flag"},
        ),
        P + "branch_off": (
            {**snap, "name": "new"},
            {"id": "profile", "snapshot": "snapshot", "name": "name"},
        ),
    }


ROUTES = [
    *(f"/grid_pool/{name}" for name in ("remove", "active", "label", "reorder")),
    *(P + name for name in ("create", "rename", "delete", "undelete", "duplicate", "adopt")),
    *(P + name for name in ("seed", "snapshot", "restore", "lock", "branch_off")),
]
FORMS = ["/grid_pool/add", "/grid_pool/set_mask", P + "import"]


def bad_values(kind: str) -> list[tuple[Any, tuple[int, ...]]]:
    """Values that a field of this kind must not have, and the statuses that say so."""
    if kind in ("id", "profile"):
        bad = [(v, (400,)) for v in [*BAD_IDS, *WRONG_TYPES]]
        return bad + ([(UNKNOWN, (404,))] if kind == "profile" else [])
    if kind == "index":
        return [(v, (400,)) for v in BAD_INDEXES] + [(v, (409,)) for v in FAR_INDEXES]
    if kind == "name":
        return [(v, (400,)) for v in BAD_NAMES]
    if kind == "snapshot":
        return [(v, (400,)) for v in BAD_SNAPSHOTS] + [(ZEROS, (404,))]
    if kind == "label":
        bad = ["\ud800", "a\x00b", "x" * 1_000_000, *WRONG_TYPES]
        return [(v, (400,)) for v in bad]
    if kind == "order":
        bad = [v for v in WRONG_TYPES if v != []]
        bad += [["0", "1"], [True, False], [0.0, 1.0], [[0], [1]], [None, 0], "01", {"0": 1}]
        return [(v, (400,)) for v in bad] + [
            (v, (400, 409)) for v in ([], [0], [0, 0], [0, 2], [-1, 0], [10**30, 0], [0] * 9999)
        ]
    assert kind == "flag"
    return [(v, (400,)) for v in [None, 0, 1, "", "true", [], {}]]


@pytest.mark.parametrize("route", ROUTES)
def test_bad_fields_are_refused(scene: Scene, route: str) -> None:
    good, fields = json_routes(scene)[route]
    for field, kind in fields.items():
        without = {k: v for k, v in good.items() if k != field}
        scene.refused(scene.server.post(route, data=without), 400)
        for value, statuses in bad_values(kind):
            answer = scene.server.post(route, data={**good, field: value})
            try:
                scene.refused(answer, *statuses)
            except AssertionError as error:
                raise AssertionError(f"{field}={str(value)[:60]!r}: {error}") from error
    scene.unchanged()


def test_bodies_that_are_no_objects_are_refused(scene: Scene) -> None:
    deep = b"[" * 100_000
    bodies = [
        b"",
        b"null",
        b"[]",
        b"3",
        b'"x"',
        b"NaN",
        b"Infinity",
        b"{",
        b'{"a":}',
        b"\xff\xfe{}",
        b"\x00",
        b"9" * 10_000,
        deep,
        b'{"a":' * 100_000,
        b"{}" * 2,
        b"pool_id=x&index=0",
    ]
    for route in ROUTES:
        for body in bodies:
            headers = {"Content-Type": "application/json"}
            scene.refused(scene.server.request("POST", route, body, headers), 400)
        headers = {"Content-Type": "application/json; charset=no-such-charset"}
        scene.refused(scene.server.request("POST", route, b"{}", headers), 400)
        headers = {"Content-Type": "multipart/form-data; boundary=x"}
        scene.refused(scene.server.request("POST", route, b"--x--\r\n", headers), 400)
    scene.unchanged()


@pytest.mark.parametrize("route", ["remove", "active", "label"])
def test_a_bad_expected_image_is_refused(scene: Scene, route: str) -> None:
    good, _ = json_routes(scene)[f"/grid_pool/{route}"]
    for image in (0, 1.5, True, [], {}, ["img_0001.png"]):
        answer = scene.server.post(f"/grid_pool/{route}", data={**good, "image": image})
        scene.refused(answer, 400)
    for image in (*BAD_FILE_NAMES, "\ud800", "img_0002.png"):
        answer = scene.server.post(f"/grid_pool/{route}", data={**good, "image": image})
        scene.refused(answer, 400, 404, 409)
    scene.unchanged()


def test_bad_lists_of_images_are_refused(scene: Scene) -> None:
    routes = {
        P + "restore": {"id": scene.profile, "snapshot": scene.snapshot},
        "/grid_pool/remove": {"pool_id": scene.profile},
    }
    for route, good in routes.items():
        for images in ("img_0001.png", 1, True, {}, {"img_0001.png": 1}, [], [1], [None]):
            answer = scene.server.post(route, data={**good, "images": images})
            scene.refused(answer, 400, 404)
        for images in ([[]], [["img_0001.png"]], [{}], [{"a": 1}], [True], [1.5]):
            answer = scene.server.post(route, data={**good, "images": images})
            scene.refused(answer, 400, 404, 409)
        for name in (*BAD_FILE_NAMES, "\ud800"):
            answer = scene.server.post(route, data={**good, "images": ["img_0001.png", name]})
            scene.refused(answer, 400, 404, 409)
    scene.unchanged()


def test_odd_options_of_profiles_are_refused(scene: Scene) -> None:
    post, profile = scene.server.post, {"id": scene.profile}
    for forever in (1, 0, "true", "", [], {}):
        scene.refused(post(P + "delete", data={**profile, "forever": forever}), 400)
    texts = (1, True, [], {}, "x" * 100_000, "a\x00b", "\ud800")
    for message in texts:
        scene.refused(post(P + "snapshot", data={**profile, "message": message}), 400)
        snap = {**profile, "snapshot": scene.snapshot, "locked": True}
        scene.refused(post(P + "lock", data={**snap, "message": message}), 400)
    scene.unchanged()


def test_objects_that_are_no_snapshots_are_unknown(scene: Scene) -> None:
    folder = scene.server.pools / scene.profile
    loose = folder / ".git" / "objects"
    ids = [d.name + f.name for d in loose.glob("??") for f in d.iterdir()]
    own = {s["id"] for s in scene.server.history(scene.profile)}
    foreign = {s["id"] for s in scene.server.history(scene.other)}
    profile = {"id": scene.profile}
    scene.before = scene.tree()
    for other in sorted({*ids, *foreign} - own):
        named = {**profile, "snapshot": other}
        scene.refused(scene.server.post(P + "restore", data=named), 404)
        scene.refused(scene.server.post(P + "lock", data={**named, "locked": True}), 404)
        scene.refused(scene.server.post(P + "branch_off", data={**named, "name": "n"}), 404)
        get = scene.server.get
        scene.refused(get(P + "history", **profile, before=other), 404)
        scene.refused(get(P + "diff", **profile, **{"from": other, "to": "now"}), 404)
        scene.refused(get(P + "diff", **profile, **{"from": scene.snapshot, "to": other}), 404)
        query = {"pool_id": scene.profile, "name": "img_0001.png", "snapshot": other}
        scene.refused(get("/grid_pool/thumb", **query), 404)
    scene.unchanged()


def test_bad_queries_are_refused(scene: Scene) -> None:
    def get(path: str, **query: Any) -> Answer:
        return scene.server.get(path, **{k.rstrip("_"): v for k, v in query.items()})

    diff = {"from": scene.snapshot, "to": "now"}
    by_id = {"history": {}, "diff": diff, "storage": {}, "export": {}}
    ids = [i for i in BAD_IDS if i != "\ud800" and len(i) < 5000]
    for route, rest in by_id.items():
        scene.refused(scene.server.get(P + route, **rest), 400)
        scene.refused(get(P + route, id=UNKNOWN, **rest), 404)
        scene.refused(get(P + route, id="plain", **rest), 404)
        for bad in ids:
            scene.refused(get(P + route, id=bad, **rest), 400)
    for route in ("/grid_pool/list", "/grid_pool/thumb"):
        scene.refused(scene.server.get(route), 400)
        for bad in ids:
            scene.refused(get(route, pool_id=bad, name="img_0001.png", size=64), 400)
    snapshots = [s for s in BAD_SNAPSHOTS if isinstance(s, str) and s]
    for bad in snapshots:
        scene.refused(get(P + "history", id=scene.profile, before=bad), 400)
        scene.refused(get(P + "diff", id=scene.profile, from_=bad, to="now"), 400)
        scene.refused(get(P + "diff", id=scene.profile, from_=scene.snapshot, to=bad), 400)
        query = {"pool_id": scene.profile, "name": "img_0001.png", "snapshot": bad}
        scene.refused(get("/grid_pool/thumb", **query), 400)
    scene.refused(get(P + "diff", id=scene.profile, to="now"), 400)
    for bad in ("", "x", "1.5", "nan", "9" * 6000, "1e3", "0x10"):
        scene.refused(get(P + "history", id=scene.profile, limit=bad), 400)
    for bad in ("", "x", "0", "-1", "nan", "1e9", "9" * 6000, "100000000"):
        scene.refused(get("/grid_pool/thumb", pool_id="plain", name="img_0001.png", size=bad), 400)
    for bad in BAD_FILE_NAMES:
        scene.refused(get("/grid_pool/thumb", pool_id=scene.profile, name=bad), 400, 404)
        query = {"pool_id": scene.profile, "name": bad, "snapshot": scene.snapshot}
        scene.refused(get("/grid_pool/thumb", **query), 400, 404)
    for bad in ("tar", "", "../zip", "ZIP"):
        scene.refused(get(P + "export", id=scene.profile, format=bad), 400)
    scene.unchanged()


@pytest.mark.parametrize("limit", ["0", "-5", "100000000000"])
def test_a_history_page_is_bounded(scene: Scene, limit: str) -> None:
    answer = scene.server.get(P + "history", id=scene.profile, limit=limit)
    assert answer.status in (200, 400)
    if answer.status == 200:
        assert len(answer.json["snapshots"]) <= 1000
    scene.unchanged()


def test_bytes_that_are_no_text_in_a_query_are_refused(scene: Scene) -> None:
    for path in (
        "/grid_pool/list?pool_id=%ff%fe",
        "/grid_pool/list?pool_id=%00",
        "/grid_pool/list?pool_id=a%2f..%2fb",
        P + "history?id=%ed%a0%80",
        P + "export?id=..%2f..",
    ):
        scene.refused(scene.server.request("GET", path), 400)
    scene.unchanged()


def test_bad_forms_are_refused(scene: Scene) -> None:
    send = scene.server.send_form
    image, painted = ("a.png", picture()), ("m.png", mask())
    ids = [i for i in BAD_IDS if i != "\ud800" and "\n" not in i]
    for bad in ids:
        scene.refused(send("/grid_pool/add", {"image": image}, pool_id=bad, ts=1), 400, 413)
        scene.refused(
            send("/grid_pool/set_mask", {"mask": painted}, pool_id=bad, index=0), 400, 413
        )
    scene.refused(send("/grid_pool/add", {"image": image}, ts=1), 400)
    scene.refused(send("/grid_pool/add", {}, pool_id="plain", ts=1), 400)
    scene.refused(send("/grid_pool/add", {"other": image}, pool_id="plain", ts=1), 400)
    for bad in ("", "x", "nan", "1.5", "9" * 6000, "\x00"):
        scene.refused(send("/grid_pool/add", {"image": image}, pool_id="plain", ts=bad), 400)
        form = {"pool_id": scene.profile, "index": bad}
        scene.refused(send("/grid_pool/set_mask", {"mask": painted}, **form), 400)
    for index, status in ((-1, 400), (2, 409), (10**40, 409)):
        form = {"pool_id": scene.profile, "index": index}
        scene.refused(send("/grid_pool/set_mask", {"mask": painted}, **form), status)
    scene.refused(send("/grid_pool/set_mask", {"mask": painted}, pool_id=scene.profile), 400)
    scene.refused(send("/grid_pool/set_mask", {}, pool_id=scene.profile, index=0), 400)
    scene.refused(send(P + "import", {}), 400)
    for name in [n for n in BAD_NAMES if isinstance(n, str) and n and n != "\ud800"]:
        if "\n" not in name and len(name) < 60_000:
            scene.refused(send(P + "import", {"file": ("x.zip", b"PK")}, name=name), 400, 422)
    for content in (b"", b"x", b"PK", b"PK\x03\x04", b"# v2 git bundle\n", bytes(9999)):
        scene.refused(send(P + "import", {"file": ("../../x.zip", content)}), 422)
    big = {f"field{i}": "x" for i in range(500)}
    scene.refused(send("/grid_pool/add", {"image": image}, pool_id="plain", **big), 400, 413)
    long = {"label": "x" * 500_000}
    scene.refused(send("/grid_pool/add", {"image": image}, pool_id="plain", **long), 400, 413)
    scene.unchanged()


@pytest.mark.parametrize("route", FORMS)
def test_broken_forms_are_refused(scene: Scene, route: str) -> None:
    head = b'--x\r\nContent-Disposition: form-data; name="image"; filename="a.png"\r\n\r\n'
    nested = (
        b"--x\r\nContent-Type: multipart/mixed; boundary=y\r\n\r\n--y\r\n\r\nhi\r\n--y--\r\n--x--"
    )
    broken = [
        ("multipart/form-data; boundary=x", b""),
        ("multipart/form-data; boundary=x", b"garbage"),
        ("multipart/form-data; boundary=x", head),
        ("multipart/form-data; boundary=x", head + picture()),
        ("multipart/form-data; boundary=x", nested),
        ("multipart/form-data; boundary=x", b"--x\r\n\r\n\r\n--x--\r\n"),
        ("multipart/form-data; boundary=x", b"--x\r\nnot a header\r\n\r\nv\r\n--x--\r\n"),
        ("multipart/form-data; boundary=" + "y" * 500, head),
        ("multipart/form-data", head),
        ("application/json", b"{}"),
    ]
    for kind, body in broken:
        answer = scene.server.request("POST", route, body, {"Content-Type": kind})
        scene.refused(answer, 400, 413, 415, 422)
    scene.unchanged()


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "no-such", "identity"])
def test_encodings_of_a_forms_parts_do_no_harm(scene: Scene, encoding: str) -> None:
    import zlib

    body = (
        b'--x\r\nContent-Disposition: form-data; name="pool_id"\r\n\r\nplain\r\n--x\r\n'
        b'Content-Disposition: form-data; name="image"; filename="a.png"\r\n'
        b"Content-Encoding: " + encoding.encode() + b"\r\n\r\n"
        b"" + zlib.compress(bytes(1 << 20)) + b"\r\n--x--\r\n"
    )
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    answer = scene.server.request("POST", "/grid_pool/add", body, headers)
    scene.refused(answer, 400, 413, 415)
    scene.unchanged()


# Foreign pages.


def change(scene: Scene, headers: dict[str, str]) -> Answer:
    body = json.dumps({"pool_id": scene.profile, "index": 0, "label": "by somebody"}).encode()
    return scene.server.request(
        "POST", "/grid_pool/label", body, {"Content-Type": "application/json", **headers}
    )


def origins(scene: Scene) -> tuple[list[str], list[str]]:
    port = scene.server.port
    own = [f"http://127.0.0.1:{port}", f"HTTP://127.0.0.1:{port}"]
    foreign = [
        "null",
        "",
        "http://evil.example",
        f"http://evil.example:{port}",
        f"http://127.0.0.1:{port + 1}",
        "http://127.0.0.1",
        f"http://localhost:{port}",
        f"http://127.0.0.1.evil.example:{port}",
        f"http://127.0.0.1:{port}.evil.example",
        f"http://127.0.0.1:{port}@evil.example",
        f"file://127.0.0.1:{port}",
        f"chrome-extension://127.0.0.1:{port}",
        f"//127.0.0.1:{port}",
        f"127.0.0.1:{port}",
        "http://",
        "http://[",
        "http://[::1",
        "http://]:80",
        "http://a:b:c",
        "http://evil:999999",
        "http://\u00e9vil".encode().decode("latin-1"),
    ]
    return own, foreign


def test_pages_of_other_origins_are_refused(scene: Scene) -> None:
    own, foreign = origins(scene)
    for origin in foreign:
        answer = change(scene, {"Origin": origin})
        try:
            scene.refused(answer, 403)
        except AssertionError as error:
            raise AssertionError(f"{origin!r}: {error}") from error
    for site in ("cross-site", "same-site", "CROSS-SITE", "anything"):
        scene.refused(change(scene, {"Sec-Fetch-Site": site}), 403)
        scene.refused(change(scene, {"Sec-Fetch-Site": site, "Origin": own[0]}), 403)
    scene.unchanged()
    for origin in own:
        assert change(scene, {"Origin": origin}).status == 200
        headers = {"Origin": origin, "Sec-Fetch-Site": "same-origin"}
        assert change(scene, headers).status == 200
    assert change(scene, {}).status == 200
    assert change(scene, {"Sec-Fetch-Site": "none"}).status == 200


def test_the_host_that_the_page_was_opened_by_decides(scene: Scene) -> None:
    for host, origin in (
        ("comfy.lan", "http://comfy.lan"),
        ("comfy.lan:8188", "http://comfy.lan:8188"),
        ("comfy.lan", "https://comfy.lan"),
        ("comfy.lan:443", "https://comfy.lan"),
        ("[::1]:8188", "http://[::1]:8188"),
        ("COMFY.lan", "http://comfy.LAN"),
    ):
        assert change(scene, {"Host": host, "Origin": origin}).status == 200, (host, origin)
    scene.before = scene.tree()
    scene.server.host.events.clear()
    for host, origin in (
        ("comfy.lan", "http://evil.lan"),
        ("comfy.lan:8188", "http://comfy.lan:8189"),
        ("comfy.lan:8188", "http://comfy.lan"),
        ("[::1]:8188", "http://[::2]:8188"),
        ("", "http://evil.lan"),
        ("[", "http://evil.lan"),
        ("comfy.lan:99999", "http://evil.lan:99999"),
    ):
        scene.refused(change(scene, {"Host": host, "Origin": origin}), 400, 403)
    scene.unchanged()


@pytest.mark.parametrize("routes", [ROUTES, FORMS], ids=["json", "forms"])
def test_every_route_that_changes_something_is_guarded(scene: Scene, routes: list[str]) -> None:
    for route in routes:
        _refuses_foreign_pages(scene, route)
    scene.unchanged()


def _refuses_foreign_pages(scene: Scene, route: str) -> None:
    good = json_routes(scene)[route][0] if route in ROUTES else {"pool_id": "plain"}
    body = json.dumps(good).encode()
    json_kind = {"Content-Type": "application/json"}
    for foreign in (
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ):
        answer = scene.server.request("POST", route, body, {**json_kind, **foreign})
        scene.refused(answer, 403)
        fields = {"pool_id": "plain", "index": 0}
        files = {"image": ("a.png", picture()), "file": ("a.zip", b"PK")}
        scene.refused(scene.server.send_form(route, files, foreign, **fields), 403)
    # What a page may send to another site without being asked first, but for real forms.
    for kind in (
        "text/plain",
        "text/plain; application/json",
        "application/x-www-form-urlencoded",
        "application/jsonx",
        "text/json",
        "",
    ):
        answer = scene.server.request("POST", route, body, {"Content-Type": kind})
        scene.refused(answer, 400)
    scene.refused(scene.server.request("POST", route, body), 400)


def test_changing_routes_answer_to_post_only(scene: Scene) -> None:
    for route in (*ROUTES, *FORMS):
        good = json_routes(scene)[route][0] if route in ROUTES else {"pool_id": "plain"}
        for method in ("GET", "HEAD", "OPTIONS"):
            path = f"{route}?{urllib.parse.urlencode(good)}"
            assert scene.server.request(method, path).status in (404, 405)
    scene.unchanged()


# The host's own file routes.


@pytest.fixture
def guarded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A server whose host also has stock routes that read and write what they are told to."""
    monkeypatch.setenv("GITPOOL_SNAPSHOT_DELAY", "3600")
    server = Server.__new__(Server)
    _init_with_stock_routes(server, tmp_path)
    with server:
        yield server


def _init_with_stock_routes(server: Server, folder: Path) -> None:
    routes = web.RouteTableDef()

    def below(*parts: str) -> Path:
        return folder.joinpath("input", *(p.replace("\\", "/").lstrip("/") for p in parts if p))

    async def view(request: web.Request) -> web.Response:
        query = request.query
        path = below(query.get("subfolder", ""), query.get("filename", ""))
        return web.Response(body=path.read_bytes() if path.is_file() else b"none")

    async def upload(request: web.Request) -> web.Response:
        post = await request.post()
        image = post["image"]
        assert isinstance(image, web.FileField)
        path = below(str(post.get("subfolder", "")), image.filename)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(image.file.read())
        return web.json_response({"name": image.filename})

    for prefix in ("", "/api"):
        routes.get(prefix + "/view")(view)
        routes.post(prefix + "/upload/image")(upload)
        routes.post(prefix + "/upload/mask")(upload)
    Server.__init__(server, folder)
    server.host.app.add_routes(routes)


def hidden_spellings(profile: str) -> list[tuple[str, str]]:
    """(subfolder, filename) that reach a pool's history, or our own folder."""
    pool = f"grid_pool/{profile}"
    return [
        (f"{pool}/.git", "config"),
        (pool, ".git/config"),
        ("", f"{pool}/.git/config"),
        (f"{pool}/.GIT", "config"),
        (f"{pool}/.gIt/hooks", "post-checkout"),
        (f"{pool}\\.git", "config"),
        (f"{pool}/.git.", "config"),
        (f"{pool}/.git ", "config"),
        (f"{pool}/.git. .", "config"),
        (f"{pool}/.git::$INDEX_ALLOCATION", "config"),
        (f"{pool}/git~1", "config"),
        (f"{pool}/GIT~1", "config"),
        (f"{pool}/.g\u200cit", "config"),
        (f"{pool}/\ufeff.git", "config"),
        (f"{pool}/x/../.git", "config"),
        (f"{pool}//.git//", "config"),
        ("grid_pool/.gitpool/trash", "x.json"),
        ("grid_pool/.GitPool", "x"),
    ]


@pytest.mark.parametrize("prefix", ["", "/api"])
def test_the_hosts_own_routes_cannot_reach_a_history(guarded: Server, prefix: str) -> None:
    profile = guarded.create("x")
    guarded.add(profile, picture(1))
    before = tree_of(guarded.host.input_directory())
    for subfolder, name in hidden_spellings(profile):
        answer = guarded.get(prefix + "/view", subfolder=subfolder, filename=name, type="input")
        assert (answer.status, subfolder, name) == (403, subfolder, name)
        assert b"repositoryformatversion" not in answer.body
        assert answer.code
        for route in ("/upload/image", "/upload/mask"):
            files = {"image": (name, b"[core]")}
            fields = {"subfolder": subfolder, "type": "input", "overwrite": "true"}
            answer = guarded.send_form(prefix + route, files, **fields)
            assert (answer.status, subfolder, name) == (403, subfolder, name)
            assert not list(guarded.pools.glob("*/.git/hooks"))
    original = json.dumps({"filename": "config", "subfolder": f"grid_pool/{profile}/.git"})
    files = {"image": ("a.png", picture())}
    answer = guarded.send_form(prefix + "/upload/mask", files, original_ref=original)
    assert answer.status == 403
    assert tree_of(guarded.host.input_directory()) == before


def test_what_a_mask_is_of_may_be_anything_but_hidden(guarded: Server) -> None:
    for original in ("", "{", "[" * 100_000, "[]", '{"filename": 1}', '{"filename": "a.png"}'):
        files = {"image": ("a.png", picture())}
        answer = guarded.send_form("/upload/mask", files, original_ref=original)
        assert answer.status == 200, (original[:20], answer.body)
    # What is no upload at all is the host's to refuse.
    plain = {"Content-Type": "text/plain"}
    for answer in (
        guarded.request("POST", "/upload/image", b"x", plain),
        guarded.send_form("/upload/image", {}, image="no file"),
    ):
        assert answer.status == 500
        assert b"hidden" not in answer.body


def test_what_is_not_hidden_still_goes_through(guarded: Server) -> None:
    profile = guarded.create("x")
    data = picture(1)
    guarded.add(profile, data)
    folder = f"grid_pool/{profile}"
    for name in ("img_0001.png", "digit.git.png", "my.gitty.png", ".gitx"):
        files = {"image": (name, data)}
        assert guarded.send_form("/upload/image", files, subfolder=folder).status == 200
        answer = guarded.get("/api/view", subfolder=folder, filename=name)
        assert (answer.status, answer.body) == (200, data)
    assert guarded.send_form("/upload/image", {"image": ("a.png", data)}).status == 200


@pytest.mark.parametrize(
    ("path", "hidden"),
    [
        (".git", True),
        ("a/.git", True),
        (".git/x", True),
        ("a\\.git\\x", True),
        (".GIT", True),
        (".git...", True),
        (" .git ", True),
        ("c:.git", True),
        (".gitpool/tmp", True),
        ("git~1", True),
        ("a.git", False),
        (".github", False),
        (".gitignore", False),
        ("git", False),
        ("", False),
        ("x.git/y", False),
    ],
)
def test_hidden_parts_of_paths(path: str, hidden: bool) -> None:
    assert reaches_hidden(path) is hidden


def test_a_body_larger_than_the_host_takes_is_refused(server: Server) -> None:
    data = {"pool_id": "p", "index": 0, "label": "x" * (101 << 20)}
    answer = server.post("/grid_pool/label", data)
    assert (answer.status, answer.code) == (413, "too_large")


def test_who_waits_too_long_for_a_pool_is_told_so(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locks, "_PATIENCE", 0.2)
    profile = server.create("x")
    server.add(profile, picture(1))
    with server.service.library.locks.hold(profile):
        answer = server.post("/grid_pool/label", pool_id=profile, index=0, label="x")
    assert (answer.status, answer.code) == (409, "busy")
    assert server.post("/grid_pool/label", pool_id=profile, index=0, label="x").status == 200


def test_another_pack_that_took_our_paths_is_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    host = LocalHost(tmp_path)

    @host.routes.get("/grid_pool/list")
    async def theirs(_: web.Request) -> web.Response:
        return web.Response()

    setup(host).stop()
    assert "another custom node pack has already registered /grid_pool/list" in caplog.text
