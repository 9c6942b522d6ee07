"""Hostile addresses, hostile callers and hostile remotes: refused in words, nothing changed."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import itertools
import json
import os
import struct
import sys
import threading
import time
import tracemalloc
import zlib
from collections.abc import Callable, Iterable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from hostile.archives import varint
from machines import PATIENCE, ROUTE, Machine
from remotes.endless import asked, pkt
from remotes.folder import bare_repo
from support import git, picture, tree_of
from test_exchange import size_header

from gitpool.errors import GitPoolError
from gitpool.git.objects import ObjectStore
from gitpool.identifiers import check_name, is_portable_path
from gitpool.remote import address
from gitpool.remote.address import check_url
from gitpool.remote.transport import Limits

COMMIT, TREE, BLOB, TAG, OFS_DELTA, REF_DELTA = 1, 2, 3, 4, 6, 7
NOWHERE = "1" * 40


# What happens in this process, noted while somebody wants to know.

_watching: list[list[tuple[str, Any]]] = []


def _audit(event: str, args: tuple[Any, ...]) -> None:
    if _watching and event in ("socket.connect", "subprocess.Popen", "os.posix_spawn"):
        for notes in _watching:
            notes.append((event, args[1] if event == "socket.connect" else args[0]))


sys.addaudithook(_audit)


@contextlib.contextmanager
def watched(machine: Machine) -> Iterator[list[tuple[str, Any]]]:
    """Connections and programs begun in the block, but for the test's own requests."""
    notes: list[tuple[str, Any]] = []
    own = ("socket.connect", ("127.0.0.1", machine.port))
    _watching.append(notes)
    try:
        yield notes
    finally:
        _watching.remove(notes)
        notes[:] = [note for note in notes if note != own]


def state_of(machine: Machine) -> dict[str, bytes]:
    """Every file on a machine; nothing half-done is among them."""
    assert list((machine.pools / ".gitpool" / "tmp").glob("*")) == []
    return tree_of(machine.host.folder)


@contextlib.contextmanager
def unchanged(machine: Machine) -> Iterator[None]:
    before = state_of(machine)
    yield
    after = state_of(machine)
    assert after.keys() == before.keys()
    assert [name for name in after if after[name] != before[name]] == []


def in_words(error: dict[str, str]) -> str:
    """The code of an error that says what is wrong, and no more than that."""
    assert error["code"] != "internal"
    assert error["message"].endswith(".")
    assert not any(leak in str(error) for leak in ("Traceback", "://127.", "/tmp/", "<class"))
    return error["code"]


# Addresses.

NEVER: list[Any] = [
    "",
    " ",
    "\n",
    "pools",
    "pools.git",
    "./pools.git",
    "../pools.git",
    "~/pools.git",
    "javascript:alert(1)",
    "data:text/html,x",
    "about:blank",
    "ext::sh -c touch% /tmp/pwned",
    "ext::sh",
    "fd::17",
    "transport::address",
    "git://host/pools.git",
    "ftp://host/pools.git",
    "gopher://host/pools.git",
    "dict://host:11211/",
    "rsync://host/pools.git",
    "git+ssh://host/pools.git",
    "ssh+git://host/pools.git",
    "svn://host/x",
    "ws://host/x",
    "-oProxyCommand=touch /tmp/pwned",
    "-oProxyCommand=touch:x",
    "--upload-pack=touch /tmp/pwned",
    "--upload-pack=touch:x",
    "ssh://-oProxyCommand=touch/x",
    "ssh://-oX@host/pools.git",
    "ssh://-oX:22/pools.git",
    "ssh://user@-host/pools.git",
    "user@-host:pools.git",
    "-user@host:pools.git",
    "-host:pools.git",
    "user@host:-pools.git",
    "user@host:",
    "user@host:/",
    "@host:pools.git",
    "user@:pools.git",
    "a@b@host:pools.git",
    "user:word@host:pools.git",
    "host::pools.git",
    "us er@host:pools.git",
    "user@ho st:pools.git",
    "$(touch x)@host:pools.git",
    "`touch x`@host:pools.git",
    "user@$(touch x):pools.git",
    "user@host|sh:pools.git",
    "ssh://user@host;sh/pools.git",
    "ssh://us%20er@host/pools.git",
    "ssh://%2doX@host/pools.git",
    "ssh://user@%2dhost/pools.git",
    "ssh://host",
    "ssh://host/",
    "ssh:///pools.git",
    "ssh://host:99999/pools.git",
    "ssh://host:x/pools.git",
    "ssh://host:-1/pools.git",
    "ssh://user:word@host/pools.git",
    "ssh:pools.git/..",
    "https://",
    "https:///pools.git",
    "https://host",
    "https://host/",
    "https:host/pools.git",
    "https:/host/pools.git",
    "https://:443/pools.git",
    "https://@/pools.git",
    "https://user@/pools.git",
    "https://.host/pools.git",
    "https://host./pools.git",
    "https://ho..st/pools.git",
    "https://-host/pools.git",
    "https://ho%73t/pools.git",
    "https://host%00.example.org/pools.git",
    "https://host%2fevil/pools.git",
    "https://host\\@evil/pools.git",
    "https://host\\evil/pools.git",
    "https://host/pools.git?x=1",
    "https://host/pools.git#x",
    "https://host/#",
    "https://host/ pools.git",
    "https://host/pools\ngit",
    "https://host/pools.git\r\nX-Evil: 1",
    "https://ho\nst/pools.git",
    "https://host/\tpools.git",
    "https://host/pools\x00.git",
    "https://host\x00/pools.git",
    "\x00https://host/pools.git",
    "https://host/\x7fpools.git",
    "https://host/\u202epools.git",
    "https://host/\u2066pools.git",
    "https://host/\u200fpools.git",
    "https://host/\u2028pools.git",
    "https://ho\u202est/pools.git",
    "https://h\u043est/pools.git",
    "https://host\uff0fevil/pools.git",
    "https://host\u2025/pools.git",
    "https://host/\ud800pools.git",
    "https://[/pools.git",
    "https://[]/pools.git",
    "https://[::1/pools.git",
    "https://::1/pools.git",
    "https://[::1]x/pools.git",
    "https://[fe80::1%25eth0]/pools.git",
    "https://[v1.x]/pools.git",
    "https://me:word@host/pools.git",
    "https://:word@host/pools.git",
    "https://me%3aword@host/pools.git",
    "https://me:wo@rd@host/pools.git",
    "https://" + "h" * 300 + "/pools.git",
    "https://host/" + "x" * 3000,
    "x" * 1_000_000,
    "http://host/pools.git",
    "HTTP://host/pools.git",
    "http://127.0.0.1/pools.git",
    "file:///etc",
    "file:/etc",
    "file:etc",
    "file://host/share",
    "FILE:///etc",
    "File:///etc",
    " file:///etc",
    "/etc",
    "/",
    "//host/share",
    "C:\\pools",
    "C:/pools",
    "c:pools",
    "\\\\srv\\share",
    "\\\\?\\C:\\pools",
    "\\\\.\\pipe\\x",
    "\\pools",
    5,
    0,
    1.5,
    True,
    False,
    [],
    ["https://host/pools.git"],
    {},
    {"url": "https://host/pools.git"},
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("hostile")


@pytest.fixture(scope="module")
def ran(folder: Path) -> Path:
    """The file that false programs write to, if one is ever run."""
    return folder / "ran"


@pytest.fixture(scope="module")
def strict(folder: Path, ran: Path) -> Iterator[Machine]:
    """A machine where no more than https and ssh is allowed, with false programs in its path."""
    programs = folder / "bin"
    programs.mkdir()
    for name in ("ssh", "sh", "git", "git-remote-ext", "touch", "plink"):
        (programs / name).write_text(f'#!/bin/bash\necho "$0 $*" >> {ran}\nexit 1\n')
        (programs / name).chmod(0o755)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GITPOOL_SNAPSHOT_DELAY", "3600")
        for name in ("GITPOOL_ALLOW_REMOTES", "GITPOOL_REMOTE", "GIT_SSH_COMMAND", "GIT_SSH"):
            patch.delenv(name, raising=False)
        with Machine(folder / "strict") as machine:
            machine.snapshot(machine.filled("Heroes", 1))
            yield machine


@pytest.fixture
def false_programs(
    folder: Path, ran: Path, strict: Machine, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """No program is run in the test, least of all ssh."""
    monkeypatch.setenv("PATH", f"{folder / 'bin'}:{os.environ['PATH']}")
    yield
    assert not ran.exists() or ran.read_text() == ""


def name_of(value: Any) -> str:
    return repr(value)[:40].encode("ascii", "backslashreplace").decode().replace("/", "|")


@pytest.mark.usefixtures("false_programs")
@pytest.mark.parametrize("url", NEVER, ids=name_of)
def test_what_is_no_address_is_refused_before_anything_is_done(strict: Machine, url: Any) -> None:
    profile = strict.profiles()["Heroes"]
    with unchanged(strict), watched(strict) as done:
        for route in ("remote", "remote/test"):
            for more in ({}, {"id": profile}, {"token": "sekret", "auto_sync": True}):
                answer = strict.post(ROUTE + route, url=url, **more)
                assert answer.status == 400, (route, answer.body)
                in_words(answer.json["error"])
                assert answer.code in ("bad_address", "remote_not_allowed", "bad_json")
    assert done == []


PLACES_OF_NO_SERVER = [
    "https://169.254.169.254/latest/meta-data",
    "https://2852039166/pools.git",
    "https://0xa9fea9fe/pools.git",
    "https://0251.0376.0251.0376/pools.git",
    "https://[fe80::1]/x",
    "https://[::ffff:169.254.169.254]/x",
    "https://[::ffff:a9fe:a9fe]/x",
    "https://[64:ff9b::a9fe:a9fe]/x",
    "https://0.0.0.0/x",
    "https://0/x",
    "https://[::]/x",
    "https://224.0.0.1/x",
    "https://[ff02::1]/x",
    "https://255.255.255.255/x",
    "https://240.0.0.1/x",
    "ssh://git@169.254.169.254/x",
    "git@169.254.169.254:x",
    "ssh://git@[fe80::1]/x",
]


@pytest.mark.usefixtures("false_programs")
@pytest.mark.parametrize("url", PLACES_OF_NO_SERVER, ids=name_of)
def test_places_where_no_git_server_is_are_not_called(strict: Machine, url: str) -> None:
    profile = strict.profiles()["Heroes"]
    answer = strict.post(ROUTE + "remote", url=url)
    if answer.status == 400:
        return
    # Only git's own settings were asked for a sign-in, and the false git knows none.
    with unchanged(strict), watched(strict) as done:
        jobs = [
            strict.start_sync(id=profile),
            strict.start_sync(remote_branch="Heroes"),
            strict.post(ROUTE + "remote/test", url=url, token="x").json["job"],
            strict.post(ROUTE + "remote/delete", remote_branch="Heroes").json["job"],
        ]
        for job in jobs:
            ended = strict.ended(job)
            assert ended["state"] == "failed"
            assert in_words(ended["error"]) == "bad_address"
        assert strict.get(ROUTE + "remote/profiles").code == "bad_address"
    assert strict.post(ROUTE + "remote", url=None).status == 200
    assert [note for note in done if note[0] == "socket.connect"] == []
    assert [note for note in done if "ssh" in str(note[1])] == []
    forget_git(strict)


def forget_git(machine: Machine) -> None:
    """Let the false `git credential` be, which may be run."""
    path = machine.host.folder.parent / "ran"
    if path.exists():
        lines = path.read_text().splitlines()
        assert all(line.endswith("git credential fill") for line in lines), lines
        path.unlink()


@pytest.mark.parametrize(
    "url",
    [
        "file://[/srv",
        "file://a[b]/srv",
        "file://host/srv",
        "http://[::1/x.git",
        "host.example:/pools?x",
        "git@host.example:pools#x",
        "ssh://git@host.example/pools?x",
        "ssh://git@host.example#/pools",
        "https://host.example/pools#x",
    ],
)
def test_nor_is_it_where_every_kind_is_allowed(url: str) -> None:
    with pytest.raises(GitPoolError) as raised:
        address.parse(url, ("http", "file"))
    assert raised.value.code == "bad_address"


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/x.git/info/refs",
        "http://host.example/x.git/info/refs",
        "file:///etc/passwd",
        "file://localhost/etc/passwd",
        "ftp://host/x",
        "ssh://git@host/x",
        "javascript:alert(1)",
        "data:,x",
        "//host/x",
        "/etc/passwd",
        "https://",
        "https:///x",
        "https://me:word@127.0.0.1/x",
        "https://me@127.0.0.1/x",
        "https://169.254.169.254/x",
        "https://[fe80::1]/x",
        "https://[::]/x",
        "https://[/x",
        "https://host:99999/x",
        "https://ho st/x",
        "https://-host/x",
        "",
    ],
)
def test_a_redirect_goes_to_an_address_that_could_be_typed(url: str) -> None:
    with pytest.raises(GitPoolError) as raised:
        check_url(url, frozenset())
    assert raised.value.code in ("bad_redirect", "bad_address")


def test_a_redirect_to_a_good_address_is_fine() -> None:
    check_url("https://127.0.0.1/x.git/info/refs?service=git-upload-pack", frozenset())
    check_url("http://127.0.0.1:8080/x.git/info/refs", frozenset({"http"}))


# Callers.

BAD_IDS: list[Any] = [
    None,
    "",
    "a/b",
    "../x",
    ".git",
    "-x",
    "x" * 65,
    "a b",
    "\x00",
    5,
    [],
    {},
    True,
]
BAD_BRANCHES: list[Any] = [
    *(None, "", " ", 5, [], {}, True, "-x", "--all", ".x", "x.lock", "a..b", "a b", "a~1", "a^"),
    *("a:b", "a?", "a*", "a[", "a\\b", "a@{1}", "a//b", "/a", "a/", "a.", "a\x00b", "a\nb"),
    *("a/.b", "../../x", "x" * 300, "\u202ex", "+a", "refs/heads/x:refs/heads/y"),
]


def remote_routes(machine: Machine) -> list[str]:
    """The routes that have to do with remotes and change something."""
    words = ("remote", "sync", "cancel", "resolve", "job", "conflict")
    found = {(r.method, r.path) for r in machine.host.routes}  # type: ignore[union-attr]
    paths = [path for method, path in found if method == "POST"]
    return sorted(p for p in paths if any(word in p.removeprefix(ROUTE) for word in words))


@pytest.mark.usefixtures("false_programs")
def test_pages_of_other_origins_are_refused(strict: Machine) -> None:
    routes = remote_routes(strict)
    assert {path.removeprefix(ROUTE) for path in routes} >= {
        *("remote", "remote/test", "remote/delete", "sync", "cancel", "resolve")
    }
    profile = strict.profiles()["Heroes"]
    fields = {
        **{"id": profile, "url": "https://git.invalid/x.git", "remote_branch": "x", "job": "x"},
        **{"conflict": "x", "choice": "mine"},
    }
    body = json.dumps(fields).encode()
    json_type = {"Content-Type": "application/json"}
    foreign: list[dict[str, str]] = [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": f"http://127.0.0.1:{strict.port + 1}"},
        {"Origin": f"http://127.0.0.1.evil.example:{strict.port}"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site", "Origin": f"http://127.0.0.1:{strict.port}"},
    ]
    with unchanged(strict), watched(strict) as done:
        for path in routes:
            for headers in foreign:
                answer = strict.request("POST", path, body, {**json_type, **headers})
                assert (answer.status, answer.code) == (403, "foreign_page"), (path, headers)
            for kind in ("text/plain", "application/x-www-form-urlencoded", ""):
                headers = {"Content-Type": kind} if kind else {}
                answer = strict.request("POST", path, body, headers)
                assert answer.status == 400, (path, kind)
            for odd in (b"", b"[]", b"null", b"5", b'"x"', b"{", b"\xff", b"[" * 5000):
                answer = strict.request("POST", path, odd, json_type)
                assert (answer.status, answer.code) == (400, "bad_json"), (path, odd)
            for method in ("GET", "PUT", "DELETE", "PATCH"):
                if (method, path) not in {(r.method, r.path) for r in strict.host.routes}:  # type: ignore[union-attr]
                    assert strict.request(method, path, body, json_type).status == 405
    assert done == []


@pytest.mark.usefixtures("false_programs")
def test_bad_ids_jobs_branches_and_choices_are_refused(strict: Machine) -> None:
    profile = strict.profiles()["Heroes"]
    url = "https://git.invalid/x.git"
    with unchanged(strict), watched(strict) as done:
        for bad in BAD_IDS:
            posts: list[tuple[str, dict[str, Any]]] = [
                ("sync", {"id": bad}),
                ("cancel", {"job": bad}),
                ("resolve", {"id": bad, "conflict": "a", "choice": "mine"}),
                ("resolve", {"id": profile, "conflict": bad, "choice": "mine"}),
            ]
            if bad is not None:
                posts += [("remote", {"id": bad, "url": url}), ("remote", {"id": bad, "url": None})]
                posts += [("remote/test", {"id": bad, "url": url})]
            for route, body in posts:
                answer = strict.post(ROUTE + route, body)
                assert answer.status in (400, 404), (route, body)
                in_words(answer.json["error"])
            if isinstance(bad, str):
                for route in ("job", "conflicts", *(["remote"] if bad else [])):
                    assert strict.get(ROUTE + route, id=bad).status in (400, 404), (route, bad)
        for route in ("job", "conflicts"):
            assert strict.get(ROUTE + route).status == 400
        for bad in BAD_BRANCHES:
            for route in ("sync", "remote/delete"):
                answer = strict.post(ROUTE + route, remote_branch=bad)
                assert answer.status in (400, 409), (route, bad)
                assert answer.code in ("bad_branch", "no_remote"), (route, bad)
        for bad in (None, "", "Mine", "ours", 5, [], {}, True, ["mine"]):
            answer = strict.post(ROUTE + "resolve", id=profile, conflict="a", choice=bad)
            assert (answer.status, answer.code) == (400, "bad_choice")
        unknown: list[tuple[str, dict[str, Any], int]] = [
            ("sync", {"id": "nobody"}, 404),
            ("cancel", {"job": "nobody"}, 404),
            ("remote", {"id": "nobody", "url": url}, 404),
            ("remote", {"id": "nobody", "url": None}, 404),
            ("resolve", {"id": "nobody", "conflict": "a", "choice": "mine"}, 404),
            ("resolve", {"id": profile, "conflict": "a", "choice": "mine"}, 404),
            ("remote", {}, 400),
            ("remote", {"id": profile}, 400),
            ("remote", {"url": url, "auto_sync": "yes"}, 400),
            ("remote", {"url": url, "auto_sync": 1}, 400),
            ("remote/test", {}, 400),
            ("remote/test", {"url": None}, 400),
            ("sync", {"id": profile, "again": "yes"}, 400),
            ("sync", {"remote_branch": "x", "copy": "yes"}, 400),
        ]
        for route, body, status in unknown:
            answer = strict.post(ROUTE + route, body)
            assert answer.status == status, (route, body, answer.body)
            in_words(answer.json["error"])
        for route in ("job", "conflicts"):
            assert strict.get(ROUTE + route, id="nobody").status == 404
    assert done == []


# A server that says whatever a test wants.


class Objects:
    """Git objects, sound or not, and packs of them."""

    def __init__(self) -> None:
        self.raw: dict[str, tuple[int, bytes]] = {}

    def add(self, kind: int, data: bytes) -> str:
        name = {COMMIT: b"commit", TREE: b"tree", BLOB: b"blob", TAG: b"tag"}[kind]
        object_id = hashlib.sha1(b"%b %d\x00" % (name, len(data)) + data).hexdigest()
        self.raw[object_id] = (kind, data)
        return object_id

    def blob(self, data: bytes) -> str:
        return self.add(BLOB, data)

    def tree(self, *entries: tuple[str, str | bytes, str]) -> str:
        parts = []
        for mode, name, object_id in entries:
            raw = name if isinstance(name, bytes) else name.encode()
            parts.append(mode.encode() + b" " + raw + b"\x00" + bytes.fromhex(object_id))
        return self.add(TREE, b"".join(parts))

    def commit(self, tree: str, *parents: str, profile: str, **odd: Any) -> str:
        who = odd.get("who", b"Eve <eve@example.org> 1700000000 +0000")
        head = [b"tree " + tree.encode(), *(b"parent " + p.encode() for p in parents)]
        head += [b"author " + who, b"committer " + who, *odd.get("more", [])]
        trailers = f"\n\nPool-Profile: {profile}\nPool-Name: Heroes\nPool-Snapshot: auto\n"
        text = odd.get("text", b"Add 1 image") + trailers.encode()
        return self.add(COMMIT, b"\n".join(head) + b"\n\n" + text)

    def load(self, folder: Path, object_id: str) -> None:
        """Take over a commit with its tree and files from a repository, without its parents."""
        store = ObjectStore(folder / ".git" / "objects")
        for name in git(folder, "ls-tree", object_id, "--format=%(objectname)").split():
            self.raw[name] = store.read_raw(name)
        for name in (object_id, git(folder, "rev-parse", f"{object_id}^{{tree}}")):
            self.raw[name] = store.read_raw(name)
        store.close()

    def order(self) -> list[str]:
        """Commits first, as git's packs have them, then tags, trees, blobs."""
        kinds = [COMMIT, TAG, TREE, BLOB]
        return sorted(self.raw, key=lambda i: kinds.index(self.raw[i][0]))

    def pack(self) -> bytes:
        return pack_of(*(entry(*self.raw[object_id]) for object_id in self.order()))


def entry(kind: int, data: bytes, size: int | None = None, before: bytes = b"") -> bytes:
    """An object in a pack. size: what it claims; before: what a delta says of its base."""
    return size_header(kind, len(data) if size is None else size) + before + zlib.compress(data)


def pack_of(*entries: bytes, count: int | None = None, version: int = 2) -> bytes:
    count = len(entries) if count is None else count
    body = b"PACK" + struct.pack(">II", version, count) + b"".join(entries)
    return body + hashlib.sha1(body).digest()


def copying(base: int, times: int, claimed: int | None = None) -> bytes:
    """A delta that copies its base, of at most 16 MB, several times."""
    claimed = base * times if claimed is None else claimed
    command = b"\xf0" + struct.pack("<I", base)[:3]
    return varint(base) + varint(claimed) + command * times


class RawRemote:
    """A git server over HTTP without git: refs and packs as they were put in."""

    capabilities = (
        b"multi_ack_detailed side-band-64k ofs-delta shallow filter no-progress include-tag "
        b"report-status delete-refs atomic"
    )

    def __init__(self) -> None:
        self.enough = threading.Event()
        self.reset()
        self.requests: list[str] = []
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))

    def reset(self) -> None:
        """Say what is honest again, and end what never ends."""
        self.enough.set()
        self.enough = threading.Event()
        self.refs: dict[str | bytes, str | bytes] = {}
        self.pack: bytes | Iterable[bytes] = b""
        self.advert: Callable[[], Iterable[bytes]] | None = None
        self.answer: Callable[[], Iterable[bytes]] | None = None
        self.kind = "application/x-git-upload-pack-advertisement"
        self.headers: dict[str, str] = {}
        self.status = 200
        self.sent = 0

    def __enter__(self) -> RawRemote:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(300)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/pools.git"

    def listing(self, service: str) -> Iterator[bytes]:
        yield pkt(b"# service=" + service.encode() + b"\n") + b"0000"
        first = b"\x00" + self.capabilities
        refs = self.refs or {"capabilities^{}": "0" * 40}
        for name, object_id in refs.items():
            raw = name if isinstance(name, bytes) else name.encode()
            told = object_id if isinstance(object_id, bytes) else object_id.encode()
            yield pkt(told + b" " + raw + first + b"\n")
            first = b""
        yield b"0000"

    def packed(self, body: bytes, encoding: str | None) -> Iterator[bytes]:
        lines = asked(body, encoding)
        if any(line.startswith(b"deepen") for line in lines):
            yield b"0000"
        yield pkt(b"NAK\n")
        pieces = [self.pack] if isinstance(self.pack, bytes) else self.pack
        for piece in pieces:
            for start in range(0, len(piece), 60000):
                yield pkt(b"\x01" + piece[start : start + 60000])
        yield b"0000"


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 50

    def __init__(self, remote: RawRemote) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.remote = remote

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass  # The client has hung up, as it should.


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        remote = self.server.remote
        remote.requests.append(f"GET {self.path}")
        service = self.path.rpartition("=")[2]
        if service == "git-receive-pack":
            self.send_error(403)
        elif "info/refs" in self.path:
            advert = remote.advert or (lambda: remote.listing(service))
            self._send(remote.kind, advert())
        else:
            self.send_error(404)

    def do_POST(self) -> None:
        remote = self.server.remote
        remote.requests.append(f"POST {self.path}")
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        encoding = self.headers.get("Content-Encoding")
        answer = remote.answer or (lambda: remote.packed(body, encoding))
        self._send("application/x-git-upload-pack-result", answer())

    def _send(self, kind: str, pieces: Iterable[bytes]) -> None:
        remote = self.server.remote
        self.send_response(remote.status)
        self.send_header("Content-Type", kind)
        for name, value in remote.headers.items():
            self.send_header(name, value)
        self.end_headers()
        enough = remote.enough
        remote.sent = 0
        for piece in pieces:
            if enough.is_set():
                return
            self.wfile.write(piece)
            remote.sent += len(piece)

    def log_message(self, format: str, *args: Any) -> None:
        pass


class Scene:
    """A profile that has been synced with a raw remote, on a machine that must not change."""

    def __init__(self, machine: Machine, remote: RawRemote) -> None:
        self.machine, self.remote = machine, remote
        machine.connect(remote.url)
        self.profile = machine.filled("Heroes", 2)
        machine.snapshot(self.profile)
        self.folder = machine.pools / self.profile
        self.tip = git(self.folder, "rev-parse", "HEAD")
        self.good = Objects()
        self.good.load(self.folder, self.tip)
        self.blob = git(self.folder, "rev-parse", "HEAD:img_0001.png")
        self.manifest = git(self.folder, "rev-parse", "HEAD:manifest.json")
        self.reset()
        assert machine.sync(self.profile)["status"] == "up_to_date"

    def reset(self) -> None:
        self.remote.reset()
        self.remote.refs = {"refs/heads/Heroes": self.tip}
        self.remote.pack = self.good.pack()
        self.remote.requests.clear()

    def new(self) -> Objects:
        """Objects of a remote that has what the profile has, and more to come."""
        return Objects()

    def commit(self, objects: Objects, tree: str, *parents: str, **odd: Any) -> str:
        return objects.commit(tree, *(parents or (self.tip,)), profile=self.profile, **odd)

    def file(self, name: str | bytes = "img_0001.png", mode: str = "100644") -> Any:
        return (mode, name, self.blob)

    def offer(self, objects: Objects, tip: str) -> None:
        self.remote.refs = {"refs/heads/Heroes": tip}
        self.remote.pack = objects.pack()

    def refused(self, *codes: str, fetch: bool = True) -> list[dict[str, str]]:
        """Neither a sync nor getting the profile beside it takes anything in."""
        errors = []
        with unchanged(self.machine):
            calls = [{"id": self.profile}]
            if fetch:
                calls.append({"remote_branch": "Heroes", "copy": True})
            for fields in calls:
                job = self.machine.ended(self.machine.start_sync(**fields))
                assert job["state"] == "failed", (fields, job)
                code = in_words(job["error"])
                assert code in codes, (fields, job["error"])
                errors.append(job["error"])
        self.machine.judge(self.profile)
        assert not any("receive-pack" in request for request in self.remote.requests)
        return errors


class Stage:
    """The scene that tests share, put up anew when one of them has changed it."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._count = folder, 0
        self._stack = contextlib.ExitStack()
        self.scene = self._put_up()

    def after(self) -> None:
        """Call it when a test is over."""
        if tree_of(self.scene.machine.host.folder) != self._before:
            self.close()
            self.scene = self._put_up()

    def close(self) -> None:
        self._stack.close()

    def _put_up(self) -> Scene:
        self._count += 1
        remote = self._stack.enter_context(RawRemote())
        machine = self._stack.enter_context(Machine(self._folder / f"played-{self._count}"))
        scene = Scene(machine, remote)
        self._before = tree_of(machine.host.folder)
        return scene


@pytest.fixture(scope="module")
def stage(folder: Path) -> Iterator[Stage]:
    with pytest.MonkeyPatch.context() as patch:
        set_environment(patch)
        stage = Stage(folder)
        yield stage
        stage.close()


def set_environment(patch: pytest.MonkeyPatch) -> None:
    patch.setenv("GITPOOL_SNAPSHOT_DELAY", "3600")
    patch.setenv("GITPOOL_ALLOW_REMOTES", "http,file")
    patch.setenv("GIT_CONFIG_GLOBAL", os.devnull)


@pytest.fixture
def scene(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    """The scene as it was at first."""
    set_environment(monkeypatch)
    stage.scene.machine.service.remotes.limits = Limits()
    stage.scene.reset()
    yield stage.scene
    stage.scene.reset()
    stage.after()


@pytest.fixture
def fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    """A scene of one's own, for what may change something."""
    set_environment(monkeypatch)
    with RawRemote() as remote, Machine(tmp_path / "fresh") as machine:
        yield Scene(machine, remote)


def test_the_raw_server_is_understood_when_it_is_honest(fresh: Scene) -> None:
    """So the refusals below are about what it sends."""
    objects = fresh.new()
    objects.load(fresh.folder, fresh.tip)
    image = objects.blob(picture(40))
    tree = objects.tree(fresh.file(), ("100644", "img_0040.png", image))
    fresh.offer(objects, fresh.commit(objects, tree))
    result = fresh.machine.ended(fresh.machine.start_sync(id=fresh.profile))
    # It takes nothing back: there is no push.
    assert result["error"]["code"] == "remote_denied"
    assert picture(40) in fresh.machine.images(fresh.profile)
    fresh.machine.judge(fresh.profile)


# What trees and commits hold.

Case = Callable[[Scene, Objects], str]


def tree_cases() -> dict[str, Case]:
    """Trees that no pool has; each gives the commit to offer."""

    def of(*entries: Any) -> Case:
        def build(scene: Scene, objects: Objects) -> str:
            objects.load(scene.folder, scene.tip)
            parts = []
            for mode, name, *rest in entries:
                parts.append((mode, name, rest[0] if rest else scene.blob))
            return scene.commit(objects, objects.tree(*parts))

        return build

    def named(*names: str | bytes) -> Case:
        return of(*(("100644", name) for name in names))

    def nested(scene: Scene, objects: Objects) -> str:
        objects.load(scene.folder, scene.tip)
        inner = objects.tree(("100644", "x.png", scene.blob))
        return scene.commit(objects, objects.tree(("40000", "sub", inner)))

    def nested_under_an_images_name(scene: Scene, objects: Objects) -> str:
        objects.load(scene.folder, scene.tip)
        inner = objects.tree(("100644", "x.png", scene.blob))
        return scene.commit(objects, objects.tree(("40000", "img_0001.png", inner)))

    cases: dict[str, Case] = {
        "subfolder": nested,
        "subfolder under an image's name": nested_under_an_images_name,
        "symlink": of(("120000", "link.png")),
        "gitlink": of(("160000", "module.png")),
        "gitlink to nowhere": of(("160000", "module.png", NOWHERE)),
        "odd mode": of(("100666", "a.png")),
        "padded mode": of(("0100644", "a.png")),
        "mode of nothing": of(("0", "a.png")),
        "setuid": of(("104755", "a.png")),
        "fifo": of(("010644", "a.png")),
        "no mode": of(("", "a.png")),
        "letters for a mode": of(("abc", "a.png")),
        "the same name twice": named("a.png", "a.png"),
        "case twins": named("A.png", "a.png"),
        "case twins of another kind": named("img_0001.PNG", "img_0001.png"),
        "twins in two normal forms": named("e\u0301.png", "\u00e9.png"),
        "unsorted": named("b.png", "a.png"),
    }
    names: list[str | bytes] = [
        *(".git", ".GIT", ".git ", ".git.", "git~1", "GIT~1", ".gitattributes"),
        *(".gitignore", ".", "..", "", "a/b.png", "/a.png", "../a.png", "..\\a.png", "a\\b.png"),
        *("C:a.png", "a:b.png", "con.png", "nul", "NUL.png", "aux.jpg", "com1.png", "a.png."),
        *("a.png ", " a.png", "-a.png", "a\nb.png", "a\x1bb.png", "a\x7fb.png", "a\u202egnp.exe"),
        *("a\u200bb.png", ".\u200cgit", b"a\xff.png", b"\xc0\xae.png", "x" * 300 + ".png"),
        *("a*.png", "a?.png", 'a".png', "a|.png", "a<.png", "\u2028.png"),
    ]
    cases |= {f"name {name_of(name)}": named(name) for name in names}
    return cases


TREES = tree_cases()


@pytest.mark.parametrize("case", TREES)
def test_trees_that_git_minds_are_refused_and_of_others_only_plain_files_are_written(
    fresh: Scene, tmp_path: Path, case: str
) -> None:
    objects, machine = fresh.new(), fresh.machine
    tip = TREES[case](fresh, objects)
    fresh.offer(objects, tip)
    if c_git_minds(fresh, objects, tip, tmp_path):
        fresh.refused("bad_remote")
        return
    outside = set(tmp_path.rglob("*")) - set(fresh.folder.rglob("*"))
    job = machine.ended(machine.start_sync(id=fresh.profile))
    # This remote takes nothing back.
    assert job["error"] is None or job["error"]["code"] == "remote_denied", job
    for path in fresh.folder.rglob("*"):
        parts = path.relative_to(fresh.folder).parts
        if parts[0] != ".git":
            assert not path.is_symlink()
            assert (
                path.is_dir()
                or path.read_bytes() in (picture(0), picture(1))
                or (parts == ("manifest.json",))
            )
            assert is_portable_path("/".join(parts)), parts
    machine.snapshot(fresh.profile)
    # A picture for attributes makes git itself warn.
    machine.judge(fresh.profile, clean="gitattributes" not in case)
    own = {path for path in outside if fresh.machine.host.folder not in path.parents}
    assert {path for path in own if not path.exists()} == set()
    assert machine.get(ROUTE + "history", id=fresh.profile).status == 200


def content_cases() -> dict[str, Case]:
    """Commits and files that are missing, malformed or not what they are called."""

    def pointing(kind: str, name: str) -> Case:
        def build(scene: Scene, objects: Objects) -> str:
            objects.load(scene.folder, scene.tip)
            target = {
                "nothing": NOWHERE,
                "a commit": scene.tip,
                "a tree": objects.tree(("100644", "img_0001.png", scene.blob)),
            }[kind]
            return scene.commit(objects, objects.tree(("100644", name, target)))

        return build

    def commit(**odd: Any) -> Case:
        def build(scene: Scene, objects: Objects) -> str:
            objects.load(scene.folder, scene.tip)
            return scene.commit(objects, objects.tree(scene.file()), **odd)

        return build

    def under(parent: Callable[[Scene, Objects], str]) -> Case:
        def build(scene: Scene, objects: Objects) -> str:
            objects.load(scene.folder, scene.tip)
            tree = objects.tree(scene.file())
            return scene.commit(objects, tree, scene.tip, parent(scene, objects))

        return build

    def with_tree(tree: Callable[[Scene, Objects], str]) -> Case:
        def build(scene: Scene, objects: Objects) -> str:
            objects.load(scene.folder, scene.tip)
            return scene.commit(objects, tree(scene, objects))

        return build

    def below(case: Case) -> Case:
        """The same one snapshot further down."""

        def build(scene: Scene, objects: Objects) -> str:
            bad = case(scene, objects)
            return scene.commit(objects, objects.tree(scene.file()), bad)

        return build

    def raw(data: bytes) -> Case:
        def build(scene: Scene, objects: Objects) -> str:
            objects.load(scene.folder, scene.tip)
            return objects.add(COMMIT, data.replace(b"TREE", b"tree " + NOWHERE.encode()))

        return build

    return {
        "an image that isn't there": pointing("nothing", "img_0050.png"),
        "a manifest that isn't there": pointing("nothing", "manifest.json"),
        "a commit for an image": pointing("a commit", "img_0050.png"),
        "a tree for an image": pointing("a tree", "img_0050.png"),
        "a tree for a manifest": pointing("a tree", "manifest.json"),
        "a commit for a manifest": pointing("a commit", "manifest.json"),
        "a tree for an image below": below(pointing("a tree", "img_0050.png")),
        "a .git below": below(lambda s, o: TREES["name '.git'"](s, o)),
        "an image that isn't there below": below(pointing("nothing", "img_0050.png")),
        "no tree": with_tree(lambda s, o: NOWHERE),
        "a blob for a tree": with_tree(lambda s, o: s.blob),
        "a commit for a tree": with_tree(lambda s, o: s.tip),
        "no such parent": under(lambda s, o: NOWHERE),
        "a blob for a parent": under(lambda s, o: s.blob),
        "a tree for a parent": under(lambda s, o: o.tree(s.file())),
        "no commit at all": raw(b""),
        "no author": raw(b"TREE\n\nx"),
        "a tree that is no id": raw(b"tree x\nauthor a <a> 1 +0000\ncommitter a <a> 1 +0000\n\nx"),
        "no mail address": commit(who=b"Eve 1700000000 +0000"),
        "no name": commit(who=b"<eve@example.org> 1700000000 +0000"),
        "no space before the address": commit(who=b"Eve<eve@example.org> 1700000000 +0000"),
        "no space behind the address": commit(who=b"Eve <eve@example.org>1700000000 +0000"),
        "no time": commit(who=b"Eve <eve@example.org>"),
        "a time that is no number": commit(who=b"Eve <eve@example.org> x +0000"),
        "a time past all ends": commit(who=b"Eve <eve@example.org> 99999999999999999999 +0000"),
        "a time before all": commit(who=b"Eve <eve@example.org> -5 +0000"),
        "a padded time": commit(who=b"Eve <eve@example.org> 0001700000000 +0000"),
        "a zone that is none": commit(who=b"Eve <eve@example.org> 1700000000 +9"),
        "brackets in the name": commit(who=b"E<v>e <eve@example.org> 1700000000 +0000"),
        "nul in the name": commit(who=b"E\x00e <eve@example.org> 1700000000 +0000"),
        "nul in the message": commit(text=b"x\x00y"),
        "a second tree": commit(more=[b"tree " + NOWHERE.encode()]),
    }


CONTENTS = content_cases()


def no_image_cases() -> dict[str, Case]:
    """Snapshots with one file that is called like an image and is none."""

    def holding(data: bytes, name: str = "img_0050.png") -> Case:
        def build(scene: Scene, objects: Objects) -> str:
            objects.load(scene.folder, scene.tip)
            return scene.commit(objects, objects.tree(("100644", name, objects.blob(data))))

        return build

    huge = picture(1)[:16] + struct.pack(">II", 100_000, 100_000) + picture(1)[24:]
    return {
        "text": holding(b"hello"),
        "nothing": holding(b""),
        "half an image's head": holding(picture(1)[:20]),
        "a program": holding(b"MZ" + bytes(200), "setup.png"),
        "a drawing with scripts": holding(b"<svg onload='x'/>", "a.png"),
        "too many pixels": holding(huge),
    }


NO_IMAGES = no_image_cases()


@pytest.mark.parametrize("case", CONTENTS)
def test_histories_that_are_not_whole_and_sound_are_refused(
    scene: Scene, tmp_path: Path, case: str
) -> None:
    objects = scene.new()
    tip = CONTENTS[case](scene, objects)
    scene.offer(objects, tip)
    assert case in OURS or c_git_minds(scene, objects, tip, tmp_path)
    scene.refused("bad_remote")


OURS = {"a second tree"}
"""What is no trouble to git, but to us."""


MODULES = {
    b'[submodule "x"]\n\tpath = x\n\turl = https://example.org/x\n': True,
    b'[submodule "x"]\n\tpath = x\n\turl = -u./payload\n': False,
    b'[submodule "x"]\n\tpath = -x\n\turl = https://example.org/x\n': False,
    b'[submodule "../../x"]\n\tpath = x\n\turl = https://example.org/x\n': False,
    b'[submodule "x"]\n\tpath = x\n\turl = https://example.org/x\n\tupdate = !sh\n': False,
}


@pytest.mark.parametrize("data", MODULES)
def test_settings_of_other_repositories_are_such_as_git_takes_and_never_written(
    fresh: Scene, tmp_path: Path, data: bytes
) -> None:
    objects, machine = fresh.new(), fresh.machine
    objects.load(fresh.folder, fresh.tip)
    tree = objects.tree(("100644", ".gitmodules", objects.blob(data)), fresh.file())
    tip = fresh.commit(objects, tree)
    fresh.offer(objects, tip)
    assert c_git_minds(fresh, objects, tip, tmp_path) is not MODULES[data]
    if not MODULES[data]:
        fresh.refused("bad_remote")
        return
    machine.ended(machine.start_sync(id=fresh.profile))
    assert not (fresh.folder / ".gitmodules").exists()
    machine.snapshot(fresh.profile)
    machine.judge(fresh.profile)


@pytest.mark.parametrize("case", NO_IMAGES)
def test_what_is_no_image_is_none_here_either(fresh: Scene, case: str) -> None:
    """A git user may keep anything beside a pool: it wedges nothing, and is no picture."""
    objects, machine = fresh.new(), fresh.machine
    fresh.offer(objects, NO_IMAGES[case](fresh, objects))
    job = machine.ended(machine.start_sync(id=fresh.profile))
    assert job["error"] is None or job["error"]["code"] == "remote_denied", job
    machine.snapshot(fresh.profile)
    assert machine.images(fresh.profile) == []
    machine.judge(fresh.profile)


def c_git_minds(scene: Scene, objects: Objects, tip: str, folder: Path) -> bool:
    """Whether `git fsck --strict` has something to say of such a history."""
    repo = bare_repo(folder / "judged.git")
    git(repo, "fetch", "-q", str(scene.folder), "HEAD")
    put(repo, objects)
    (repo / "refs" / "heads" / "main").write_text(tip + "\n")
    return git(repo, "fsck", "--strict", "--no-dangling", check=False) != ""


SOUND: dict[str, dict[str, Any]] = {
    "an empty address": {"who": b"Eve <> 1700000000 +0000"},
    "an odd address": {"who": b"Eve <eve at home> 1700000000 +0000"},
    "letters of any script": {"who": "Ève 本 <è@example.org> 1700000000 +0545".encode()},
    "letters of no script": {"who": b"E\xffe <\xfe@example.org> 1700000000 -1200"},
    "the beginning of time": {"who": b"Eve <eve@example.org> 0 +0000"},
    "the end of time": {"who": b"Eve <eve@example.org> 99999999999999999 +0000"},
    "a zone that is nowhere": {"who": b"Eve <eve@example.org> 1700000000 +9999"},
    "another encoding": {"more": [b"encoding ISO-8859-1"], "text": b"Caf\xe9"},
    "a signature": {"more": [b"gpgsig -----BEGIN PGP SIGNATURE-----\n \n iQEz\n -----END"]},
    "a merged tag": {"more": [b"mergetag object " + b"1" * 40 + b"\n type commit\n \n x"]},
    "a change's id": {"more": [b"change-id kkmpptxzrspxrzommnulwmwkkqwworpl"]},
    "a header of mercurial's": {"more": [b"HG:extra close:1"]},
    "no message": {"text": b""},
    "a message of controls": {"text": b"a\x1b[31m\x07\r\nb\xe2\x80\xae"},
    "a long message": {"text": b"long " * 100_000},
}


@pytest.mark.parametrize("case", SOUND)
def test_what_git_finds_sound_is_taken_in(scene: Scene, tmp_path: Path, case: str) -> None:
    objects, machine = scene.new(), scene.machine
    objects.load(scene.folder, scene.tip)
    tree = objects.tree(scene.file(), ("100755", "img_0040.png", objects.blob(picture(40))))
    tip = scene.commit(objects, tree, **SOUND[case])
    assert not c_git_minds(scene, objects, tip, tmp_path)
    scene.offer(objects, tip)
    job = machine.ended(machine.start_sync(id=scene.profile))
    # What it lacks (a manifest) is added on top, which this remote doesn't take.
    assert job["error"] is None or job["error"]["code"] == "remote_denied", job
    assert picture(40) in machine.images(scene.profile)
    machine.judge(scene.profile)
    assert machine.get(ROUTE + "history", id=scene.profile).status == 200
    assert machine.get(ROUTE + "remote/profiles").status == 200
    for kind in ("zip", "bundle"):
        assert machine.get(ROUTE + "export", id=scene.profile, format=kind).status == 200


def put(repo: Path, objects: Objects) -> None:
    """Write objects into a repository as they are, whatever git would say."""
    for object_id, (kind, data) in objects.raw.items():
        name = {COMMIT: b"commit", TREE: b"tree", BLOB: b"blob", TAG: b"tag"}[kind]
        path = repo / "objects" / object_id[:2] / object_id[2:]
        path.parent.mkdir(exist_ok=True)
        if not path.exists():
            path.write_bytes(zlib.compress(b"%b %d\x00" % (name, len(data)) + data))


@pytest.mark.parametrize(
    "case",
    [
        *("padded mode", "name '.git'", "the same name twice", "odd mode", "unsorted"),
        *("an image that isn't there", "a .git below", "a tree for an image below"),
        *("a tree for a manifest", "no such parent", "no tree", "a blob for a tree", "no author"),
    ],
)
def test_a_folder_remote_is_trusted_no_more(scene: Scene, tmp_path: Path, case: str) -> None:
    machine, objects = scene.machine, scene.new()
    tip = {**TREES, **CONTENTS}[case](scene, objects)
    repo = bare_repo(tmp_path / "remote.git")
    git(repo, "fetch", "-q", str(scene.folder), "HEAD:refs/heads/Heroes")
    put(repo, objects)
    (repo / "refs" / "heads" / "Heroes").write_text(tip + "\n")
    there = tree_of(repo)
    machine.connect(str(repo))
    try:
        scene.refused("bad_remote", "remote_damaged")
    finally:
        machine.connect(scene.remote.url)
    assert tree_of(repo) == there


# Packs.


def pack_cases() -> dict[str, Callable[[Scene, Objects], bytes]]:
    """Packs that are damaged, or more than they say they are."""
    mega = 1 << 20

    def plain(change: Callable[[bytes], bytes]) -> Callable[[Scene, Objects], bytes]:
        return lambda scene, objects: change(objects.pack())

    def more(*entries: bytes, **odd: Any) -> Callable[[Scene, Objects], bytes]:
        def build(scene: Scene, objects: Objects) -> bytes:
            known = [entry(*objects.raw[object_id]) for object_id in objects.order()]
            return pack_of(*known, *entries, **odd)

        return build

    def checked(data: bytes) -> bytes:
        return data + hashlib.sha1(data).digest()

    unknown = bytes.fromhex(NOWHERE)
    base = bytes(mega)
    base_id = bytes.fromhex(hashlib.sha1(b"blob %d\x00" % len(base) + base).hexdigest())
    chain = [entry(BLOB, base)]
    for _ in range(20):
        chain.append(entry(REF_DELTA, copying(mega, 200), before=base_id))
    return {
        "nothing": plain(lambda pack: b""),
        "a few bytes": plain(lambda pack: pack[:11]),
        "the head alone": plain(lambda pack: pack[:12]),
        "half": plain(lambda pack: pack[: len(pack) // 2]),
        "all but a byte": plain(lambda pack: pack[:-1]),
        "no checksum": plain(lambda pack: pack[:-20]),
        "a wrong checksum": plain(lambda pack: pack[:-1] + bytes([pack[-1] ^ 1])),
        "a flipped bit": plain(lambda pack: pack[:200] + bytes([pack[200] ^ 8]) + pack[201:]),
        "a flipped bit, and a checksum for it": plain(
            lambda pack: checked(pack[:200] + bytes([pack[200] ^ 8]) + pack[201:-20])
        ),
        "something behind it": plain(lambda pack: pack + b"more"),
        "twice": plain(lambda pack: pack + pack),
        "not a pack": plain(lambda pack: b"<html>" + bytes(200)),
        "version 3": more(version=3),
        "version 9": more(version=9),
        "one object less than said": more(count=99),
        "one object more than said": more(count=1),
        "four billion objects": more(count=0xFFFFFFFF),
        "an object of no kind": more(entry(0, b"x")),
        "an object of a kind to come": more(entry(5, b"x")),
        "a size that never ends": more(b"\xb0" + b"\x80" * 40 + b"\x01" + zlib.compress(b"x")),
        "less than it claims": more(entry(BLOB, b"x", size=1000)),
        "more than it claims": more(entry(BLOB, bytes(1000), size=1)),
        "a bomb": more(entry(BLOB, bytes(200 * mega), size=10)),
        "a bomb that says so": more(entry(BLOB, b"x", size=1 << 40)),
        "many bombs that say so": more(*[entry(BLOB, bytes(100 * mega))] * 12),
        "many small bombs": more(*[entry(BLOB, bytes(9 * mega))] * 130),
        "not deflated": more(bytes([BLOB << 4 | 5]) + b"hello"),
        "a delta on nothing": more(entry(REF_DELTA, copying(5, 1), before=unknown)),
        "a delta on itself": more(entry(OFS_DELTA, copying(5, 1), before=b"\x00")),
        "a delta on what is before all": more(
            entry(OFS_DELTA, copying(5, 1), before=b"\xff\xff\xff\x7f")
        ),
        "a delta that is cut": more(entry(BLOB, base), entry(REF_DELTA, b"\x80", before=base_id)),
        "a delta of another base": more(
            entry(BLOB, base), entry(REF_DELTA, copying(77, 1), before=base_id)
        ),
        "a delta that makes more than it says": more(
            entry(BLOB, base), entry(REF_DELTA, copying(mega, 2000, claimed=9), before=base_id)
        ),
        "a delta that copies past the end": more(
            entry(BLOB, base),
            entry(REF_DELTA, varint(mega) + varint(mega) + b"\xff" + b"\xff" * 7, before=base_id),
        ),
        "a delta with an unknown command": more(
            entry(BLOB, base), entry(REF_DELTA, varint(mega) + b"\x01\x00", before=base_id)
        ),
        "a delta of a gigabyte": more(
            entry(BLOB, base), entry(REF_DELTA, copying(mega, 1000), before=base_id)
        ),
        "many deltas of many megabytes": more(*chain),
    }


PACKS = pack_cases()


@pytest.mark.parametrize("case", PACKS)
def test_packs_that_are_damaged_or_bombs_are_refused(scene: Scene, case: str) -> None:
    objects = scene.new()
    objects.load(scene.folder, scene.tip)
    image = objects.blob(picture(60))
    tree = objects.tree(scene.file(), ("100644", "img_0060.png", image))
    scene.offer(objects, scene.commit(objects, tree))
    scene.remote.pack = PACKS[case](scene, objects)
    costly = "bomb" in case or "mega" in case or "giga" in case
    with at_most(400 << 20) if costly else contextlib.nullcontext():
        scene.refused("bad_remote", "remote_too_large", "too_large", "remote_cut_off")


def test_the_check_of_what_came_is_cancelled_at_once(scene: Scene) -> None:
    """It takes as long as there is much to check, sound or not."""
    objects, machine = scene.new(), scene.machine
    objects.load(scene.folder, scene.tip)
    scene.offer(objects, scene.commit(objects, objects.tree(scene.file())))
    # Pictures of one colour may be as small as that, so these are looked at to the end.
    flat = entry(BLOB, b"BM" + bytes(100 << 20))
    known = [entry(*objects.raw[object_id]) for object_id in objects.order()]
    scene.remote.pack = pack_of(*known, *[flat] * 12)
    with unchanged(machine):
        job = machine.start_sync(id=scene.profile)
        end = time.monotonic() + PATIENCE
        while machine.job(job)["progress"]["phase"] not in ("check", "merge"):
            assert time.monotonic() < end
            time.sleep(0.01)
        machine.post(ROUTE + "cancel", job=job)
        # Had it gone on to its end, it would be one that failed.
        assert machine.ended(job)["state"] == "cancelled"


@contextlib.contextmanager
def at_most(memory: int) -> Iterator[None]:
    """The block needs no more memory than that, in Python's own count."""
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < memory
    finally:
        tracemalloc.stop()


def test_objects_that_nobody_asked_for_do_not_come_in_by_the_back_door(fresh: Scene) -> None:
    """A sound snapshot brings a bad one along in its pack; next time, the bad one is offered."""
    objects = fresh.new()
    objects.load(fresh.folder, fresh.tip)
    tree = objects.tree(fresh.file(), ("100644", "img_0060.png", objects.blob(picture(60))))
    good = fresh.commit(objects, tree)
    false_image = objects.blob(b"not an image")
    bad_tree = objects.tree(
        ("100644", ".git", false_image),
        ("100644", "img_0070.png", false_image),
        ("120000", "link.png", false_image),
    )
    bad = fresh.commit(objects, bad_tree, good)
    missing = fresh.commit(objects, objects.tree(("100644", "img_0080.png", NOWHERE)), good)
    fresh.offer(objects, good)
    machine = fresh.machine
    first = machine.ended(machine.start_sync(id=fresh.profile))
    for smuggled in (bad, missing):
        fresh.remote.refs = {"refs/heads/Heroes": smuggled}
        fresh.remote.pack = objects.pack()
        job = machine.ended(machine.start_sync(id=fresh.profile))
        assert job["state"] == "failed"
        assert in_words(job["error"]) == "bad_remote"
        assert machine.images(fresh.profile).count(b"not an image") == 0
        assert git(fresh.folder, "fsck", "--strict") in ("", *dangling(objects))
        history = git(fresh.folder, "log", "--all", "--format=%H").split()
        assert smuggled not in history
    assert first["error"] is None or first["error"]["code"] in ("bad_remote", "remote_denied")


def dangling(objects: Objects) -> list[str]:
    """Nothing is wrong with an object that nothing names, but C git mentions it."""
    return []


# Refs and answers.


def tag_of(scene: Scene, objects: Objects, name: str) -> str:
    head = f"object {scene.tip}\ntype commit\ntag {name}\ntagger Eve <e@e.org> 1700000000 +0000\n"
    return objects.add(TAG, f"{head}\nGold\n".encode())


NO_BRANCHES: list[bytes] = [
    b"../../../../../evil",
    b"../gitpool-checkout",
    b"a/../../../config",
    b".",
    b".lock",
    b"x.lock",
    b"x.lock/y",
    b"a//b",
    b"/tmp/evil",
    b"",
    b"a/",
    b"a\\..\\..\\evil",
    b"C:evil",
    b"-x",
    b"a b",
    b"a..b",
    b"a\x1b31mb",
    b"..%2fevil",
    b"%1B[31m",
    b"\xe2\x80\xaegnp",
    b"y" * 5000,
    b"z" * 251,
    b"@{1}",
]
ODD_BRANCHES: list[bytes] = [
    *(b"%0A", b"%00", b"%20", b"%1B31m", b"%E2%80%AEevil", b"%FF%FE", b"\xff\xfe", b"HEAD"),
    *(b"x" * 240, b"%C3%A9" * 30, b"%2e%2e%2fevil", b"%2Fetc%2Fevil"),
]
"""Branches that may be there, but whose names no profile can have, or that look like paths."""


@pytest.mark.parametrize("name", NO_BRANCHES, ids=name_of)
def test_names_that_no_branch_has_are_not_seen(scene: Scene, name: bytes) -> None:
    """The profile's own next snapshot is offered under such a name."""
    machine, objects = scene.machine, scene.new()
    objects.load(scene.folder, scene.tip)
    scene.offer(objects, scene.commit(objects, objects.tree(scene.file())))
    scene.remote.refs = {b"refs/heads/" + name: scene.remote.refs["refs/heads/Heroes"]}
    for url in (scene.remote.url, scene.remote.url + "/"):
        # Known by another name before, and never heard of.
        machine.connect(url)
        with unchanged(machine):
            job = machine.ended(machine.start_sync(id=scene.profile))
            assert job["state"] == "failed", job
            assert in_words(job["error"]) != "disk_failed"
            assert machine.get(ROUTE + "remote/profiles").status in (200, 502)
    machine.connect(scene.remote.url)
    machine.judge(scene.profile)


@pytest.mark.parametrize("name", ODD_BRANCHES, ids=name_of)
def test_names_that_no_profile_has_become_no_profiles_name(scene: Scene, name: bytes) -> None:
    machine, objects = scene.machine, scene.new()
    image = objects.blob(picture(40))
    objects.load(scene.folder, scene.tip)
    tree = objects.tree(scene.file(), ("100644", "img_0040.png", image))
    scene.offer(objects, scene.commit(objects, tree))
    scene.remote.refs = {b"refs/heads/" + name: scene.remote.refs["refs/heads/Heroes"]}
    again = [{"id": scene.profile}, {"id": scene.profile, "again": True}]
    get: list[dict[str, Any]] = []
    with contextlib.suppress(UnicodeDecodeError):
        get = [{"remote_branch": name.decode(), "copy": True}]
    for fields in (*again, *get):
        answer = machine.post(ROUTE + "sync", **fields)
        if answer.status != 202:
            assert (answer.status, answer.code) == (400, "bad_branch")
            continue
        job = machine.ended(answer.json["job"])
        assert job["error"] is None or in_words(job["error"]) != "disk_failed"
    for known, profile in machine.profiles().items():
        assert check_name(known) == known
        # Whatever it is called now, it can be worked with.
        machine.add(profile, picture(41))
        machine.snapshot(profile)
        machine.judge(profile)
        assert machine.get(ROUTE + "history", id=profile).status == 200
        for ref in git(machine.pools / profile, "for-each-ref", "--format=%(refname)").splitlines():
            git(machine.pools / profile, "check-ref-format", ref)
    files = [path.relative_to(machine.host.folder) for path in machine.host.folder.rglob("*evil*")]
    assert all("refs" in path.parts or "logs" in path.parts for path in files), files
    assert list((machine.pools / ".gitpool" / "tmp").glob("*")) == []


@pytest.mark.parametrize(
    "ref",
    [
        "refs/tags/snapshot-../../../../evil-",
        "refs/tags/snapshot-/tmp/evil-",
        "refs/tags/snapshot-",
        "refs/tags/snapshot-.lock-",
        "refs/tags/snapshot-a b-",
        "refs/tags/snapshot-\u202e-",
        "refs/tags/snapshot-zzzzzzzzzzzz",
        "refs/tags/../heads/evil",
        "refs/tags/v1..2",
        "refs/replace/" + "a" * 40,
        "refs/stash",
        "refs/notes/commits",
        "HEAD",
        "config",
        "../config",
    ],
)
def test_names_of_tags_lead_nowhere(fresh: Scene, ref: str) -> None:
    """They are no tags of ours, so they stay there; the branch is none the worse for it."""
    objects = fresh.new()
    objects.load(fresh.folder, fresh.tip)
    tag = tag_of(fresh, objects, "snapshot-x")
    fresh.remote.refs = {"refs/heads/Heroes": fresh.tip, ref: tag}
    fresh.remote.pack = objects.pack()
    machine = fresh.machine
    before = git(fresh.folder, "for-each-ref")
    job = machine.ended(machine.start_sync(id=fresh.profile))
    assert job["error"] is None or in_words(job["error"]) in ("bad_remote", "remote_cut_off")
    assert git(fresh.folder, "for-each-ref") == before
    machine.judge(fresh.profile)
    # All of it is new here.
    alone = Objects()
    image = alone.blob(picture(40))
    tip = alone.commit(alone.tree(("100644", "img_0040.png", image)), profile="other")
    head = f"object {tip}\ntype commit\ntag x\ntagger Eve <e@e.org> 1700000000 +0000\n\nGold\n"
    fresh.remote.refs = {"refs/heads/Others": tip, ref: alone.add(TAG, head.encode())}
    fresh.remote.pack = alone.pack()
    job = machine.ended(machine.start_sync(remote_branch="Others"))
    if job["state"] == "failed":
        assert in_words(job["error"]) in ("bad_remote", "remote_cut_off")
        assert "other" not in machine.profiles().values()
    else:
        got = machine.pools / job["result"]["id"]
        assert "evil" not in git(got, "for-each-ref")
        assert git(got, "for-each-ref", "refs/tags") == ""
        machine.judge(job["result"]["id"])
    names = {path.name for path in machine.host.folder.rglob("*")}
    assert not any("evil" in name for name in names)


def test_many_refs_take_no_time(scene: Scene) -> None:
    """20,000 branches or tags of others': none of them is ours, so little is asked about them."""
    machine = scene.machine

    def many(prefix: str) -> dict[str | bytes, str | bytes]:
        numbers = [f"{number:040x}" for number in range(1, 20_001)]
        return {"refs/heads/Heroes": scene.tip, **{f"{prefix}{n[-12:]}": n for n in numbers}}

    for prefix in ("refs/heads/x", "refs/tags/v", "refs/tags/snapshot-", "refs/pull/"):
        scene.remote.refs = many(prefix)
        job = machine.ended(machine.start_sync(id=scene.profile))
        assert job["error"] is None or in_words(job["error"]) in ("bad_remote", "remote_too_large")
    # Where it isn't known yet, each branch could be ours.
    scene.remote.refs = {k: v for k, v in many("refs/heads/x").items() if k != "refs/heads/Heroes"}
    job = machine.ended(machine.start_sync(id=scene.profile))
    assert in_words(job["error"]) in ("remote_gone", "bad_remote", "remote_too_large")
    assert machine.get(ROUTE + "remote/profiles").status in (200, 502)
    machine.judge(scene.profile)


OBJECT_IDS: list[bytes] = [
    *(b"", b"x" * 40, b"1" * 39, b"1" * 41, b"1" * 64, b"A" * 40, b"-" * 40, b"\xff" * 40),
    *(b"../../../../../../../../../../etc/passwd", b"0" * 40),
]


@pytest.mark.parametrize("object_id", OBJECT_IDS, ids=name_of)
def test_ids_that_are_none_are_refused(scene: Scene, object_id: bytes) -> None:
    scene.remote.refs = {"refs/heads/Heroes": object_id}
    codes = ("bad_remote", "remote_cut_off", "remote_gone", "unknown_remote_profile")
    scene.refused(*codes)
    assert scene.machine.get(ROUTE + "remote/profiles").status in (200, 502)


ENDLESS = 64 << 20
"""So many bytes are endless enough."""
SOON = 32 << 20
"""What may be sent until the client has hung up; most of it waits in the system's buffers."""


def forever(*pieces: bytes) -> Callable[[], Iterator[bytes]]:
    """The pieces, the last of them again and again."""

    def endless() -> Iterator[bytes]:
        yield from pieces[:-1]
        for _ in range(ENDLESS // len(pieces[-1])):
            yield pieces[-1]

    return endless


def ever_new_refs() -> Iterator[bytes]:
    yield pkt(b"# service=git-upload-pack\n") + b"0000"
    yield pkt(b"1" * 40 + b" refs/heads/x\x00side-band-64k ofs-delta\n")
    lines = (pkt(b"%040x refs/heads/%b%d\n" % (n, b"x" * 900, n)) for n in itertools.count(1))
    for _ in range(ENDLESS // (64 << 10)):
        yield b"".join(itertools.islice(lines, 68))


ANSWERS: dict[str, tuple[str, Callable[[], Iterable[bytes]]]] = {
    "nothing": ("application/x-git-upload-pack-advertisement", lambda: [b""]),
    "no lines": ("application/x-git-upload-pack-advertisement", lambda: [b"hello"]),
    "a line that never comes": ("application/x-git-upload-pack-advertisement", lambda: [b"ffff"]),
    "another service": (
        "application/x-git-upload-pack-advertisement",
        lambda: [pkt(b"# service=git-evil\n") + b"00000000"],
    ),
    "an error": (
        "application/x-git-upload-pack-advertisement",
        lambda: [pkt(b"# service=git-upload-pack\n") + b"0000" + pkt(b"ERR <b>evil</b> /tmp/x")],
    ),
    "a version to come": (
        "application/x-git-upload-pack-advertisement",
        lambda: [pkt(b"# service=git-upload-pack\n") + b"0000" + pkt(b"version 77\n") + b"0000"],
    ),
    "refs for ever": ("application/x-git-upload-pack-advertisement", ever_new_refs),
    "one line's beginning for ever": (
        "application/x-git-upload-pack-advertisement",
        forever(pkt(b"# service=git-upload-pack\n" * 2000)),
    ),
    "a page": ("text/html", lambda: [b"<html>Sign in</html>"]),
    "a page for ever": ("text/html", forever(b"x" * 65536)),
    "a page of lines for ever": ("text/plain", forever(b"1" * 40 + b"\trefs/heads/x\n" * 1000)),
    "nothing of no kind": ("", lambda: [b""]),
    "a plain web server's files": (
        "text/plain",
        lambda: [b"1" * 40 + b"\trefs/heads/Heroes\n"],
    ),
}


@pytest.mark.parametrize("case", ANSWERS)
def test_a_server_that_is_no_git_server_is_left_soon(scene: Scene, case: str) -> None:
    scene.machine.service.remotes.limits = Limits(connect=3, silence=3, receive=2 << 20)
    scene.remote.kind, scene.remote.advert = ANSWERS[case]
    machine = scene.machine
    with unchanged(machine), at_most(60 << 20):
        for fields in ({"id": scene.profile}, {"remote_branch": "Heroes"}):
            ended = soon(scene, machine.start_sync(**fields))
            assert ended["state"] == "failed", ended
            in_words(ended["error"])
            assert "evil" not in str(ended["error"])
            assert scene.remote.sent < SOON
        answer = machine.get(ROUTE + "remote/profiles")
        assert answer.status == 502
        in_words(answer.json["error"])
    # Only what a git server says is read at all.
    assert not any("objects/" in request for request in scene.remote.requests)


def soon(scene: Scene, job: str) -> dict[str, Any]:
    """How a job ends; one that doesn't is cancelled."""
    begun = time.monotonic()
    while (ended := scene.machine.job(job))["state"] == "running":
        if time.monotonic() - begun > PATIENCE:
            scene.machine.post(ROUTE + "cancel", job=job)
            scene.remote.enough.set()
        assert time.monotonic() - begun < 2 * PATIENCE, ended
        time.sleep(0.02)
    return ended


@pytest.mark.parametrize("what", ["refs", "errors"])
def test_an_ssh_that_never_ends_is_left_soon(
    scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    machine = scene.machine
    machine.service.remotes.limits = Limits(connect=3, silence=3, receive=2 << 20)
    line = "1" * 40 + " refs/heads/" + "x" * 100 + "%020.0f"
    size = 4 + 40 + 12 + 100 + 20 + 1
    program = tmp_path / "endless-ssh"
    channel = "" if what == "refs" else " >&2"
    program.write_text(f"#!/bin/sh\nexec seq -f '{size:04x}{line}' 1 400000{channel}\n")
    program.chmod(0o755)
    monkeypatch.setenv("GIT_SSH_COMMAND", str(program))
    machine.connect("git@git.invalid:pools.git")
    with unchanged(machine), at_most(60 << 20):
        ended = soon(scene, machine.start_sync(id=scene.profile))
        assert ended["state"] == "failed", ended
        in_words(ended["error"])
        assert machine.get(ROUTE + "remote/profiles").status == 502
    machine.connect(scene.remote.url)


def test_a_deflated_list_of_refs_is_no_bomb(scene: Scene) -> None:
    scene.machine.service.remotes.limits = Limits(connect=3, silence=3, receive=2 << 20)
    line = pkt(b"1" * 40 + b" refs/heads/" + b"x" * 900 + b"\n")
    head = pkt(b"# service=git-upload-pack\n") + b"0000"
    listing = gzip.compress(head + line * 200_000)
    scene.remote.advert = lambda: [listing]
    scene.remote.headers = {"Content-Encoding": "gzip"}
    with at_most(100 << 20):
        scene.refused("bad_remote", "remote_too_large", "remote_cut_off")


def banded(*parts: bytes) -> Callable[[], Iterable[bytes]]:
    return lambda: [pkt(b"NAK\n"), *(pkt(part) for part in parts), b"0000"]


REPLIES: dict[str, Callable[[], Iterable[bytes]]] = {
    "nothing": lambda: [b""],
    "half a line": lambda: [b"00"],
    "letters for a length": lambda: [b"zzzzNAK\n"],
    "a length of one": lambda: [b"0001"],
    "a length of three": lambda: [b"0003"],
    "a negative length": lambda: [b"-001"],
    "a line that is cut": lambda: [b"0100NAK\n"],
    "an error of the server's": banded(b"\x03fatal: <b>evil</b> \x1b[31m /tmp/x"),
    "an error before it": lambda: [pkt(b"ERR evil")],
    "an unknown channel": banded(b"\x09hello"),
    "an empty line": lambda: [pkt(b"NAK\n"), b"0004", b"0000"],
    "no channel": lambda: [pkt(b"NAK\n"), b"PACK", bytes(100)],
    "words alone": banded(b"\x02hello", b"\x02world"),
    "shallow for ever": forever(pkt(b"shallow " + b"1" * 40)),
    "acknowledged for ever": forever(pkt(b"ACK " + b"1" * 40 + b" common\n")),
    "nak for ever": forever(pkt(b"NAK\n")),
    "words for ever": forever(pkt(b"NAK\n"), pkt(b"\x02" + b"evil\r" * 10000)),
}


@pytest.mark.parametrize("case", REPLIES)
def test_answers_that_are_no_pack_are_refused(scene: Scene, case: str) -> None:
    scene.machine.service.remotes.limits = Limits(connect=3, silence=3, receive=2 << 20)
    objects = scene.new()
    objects.load(scene.folder, scene.tip)
    scene.offer(objects, scene.commit(objects, objects.tree(scene.file())))
    scene.remote.answer = REPLIES[case]
    machine = scene.machine
    with unchanged(machine), at_most(60 << 20):
        for fields in ({"id": scene.profile}, {"remote_branch": "Heroes", "copy": True}):
            ended = soon(scene, machine.start_sync(**fields))
            assert ended["state"] == "failed", ended
            in_words(ended["error"])
            assert "evil" not in str(ended["error"])
            assert scene.remote.sent < SOON
    assert machine.get(ROUTE + "remote/profiles").status in (200, 502)
    machine.judge(scene.profile)


# Looking at what a remote holds, before any of it is fetched.


def peek_cases() -> dict[str, Callable[[Scene], tuple[str, bytes]]]:
    """A tip, and a pack that begins with it in a way that would cost too much."""
    mega = 1 << 20

    def bomb(scene: Scene) -> tuple[str, bytes]:
        return NOWHERE, pack_of(entry(COMMIT, bytes(250 * mega), size=100))

    def large(scene: Scene) -> tuple[str, bytes]:
        return NOWHERE, pack_of(entry(COMMIT, bytes(250 * mega)))

    def delta_bomb(scene: Scene) -> tuple[str, bytes]:
        base = entry(COMMIT, bytes(7 * mega))
        back = len(base)
        offset = [back & 127]
        while back := back >> 7:
            back -= 1
            offset.insert(0, 128 | back & 127)
        delta = copying(7 * mega, 40)
        return NOWHERE, pack_of(base, entry(OFS_DELTA, delta, before=bytes(offset)))

    def itself(scene: Scene) -> tuple[str, bytes]:
        return NOWHERE, pack_of(entry(OFS_DELTA, copying(5, 1), before=b"\x00"))

    def drops(scene: Scene) -> tuple[str, bytes]:
        """Many trees that nobody wants, before what is wanted never comes."""
        return NOWHERE, pack_of(*[entry(TREE, bytes(4 * mega))] * 60)

    return {
        "a bomb": bomb,
        "a large one": large,
        "a delta bomb": delta_bomb,
        "a delta on itself": itself,
        "a size that never ends": lambda scene: (NOWHERE, pack_of(b"\x9f" + b"\xff" * 400_000)),
        "a distance that never ends": lambda scene: (NOWHERE, pack_of(b"\x61" + b"\xff" * 400_000)),
        "much of nothing": drops,
        "garbage": lambda scene: (NOWHERE, pack_of(bytes([COMMIT << 4 | 5]) + b"hello")),
    }


PEEKS = peek_cases()


@pytest.mark.parametrize("case", PEEKS)
def test_looking_at_a_remote_is_no_risk(scene: Scene, case: str) -> None:
    machine = scene.machine
    tip, pack = PEEKS[case](scene)
    scene.remote.refs = {"refs/heads/Villains": tip}
    scene.remote.pack = pack
    with unchanged(machine), at_most(100 << 20):
        answer = machine.get(ROUTE + "remote/profiles")
        assert answer.status in (200, 502)
        job = machine.ended(machine.start_sync(id=scene.profile))
        assert job["state"] == "failed"
        in_words(job["error"])


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"\n",
        b"\n\n\n",
        b"\xff\xfe",
        b"\x00",
        b"Pool-Snapshot: auto\n",
        b"\n\nPool-Snapshot: auto\nPool-Profile: \n",
        b"x\n\nPool-Snapshot: auto\nPool-Profile: ../../x\nPool-Name: \n",
        b"x\n\nPool-Snapshot: auto\nPool-Profile: \xff\nPool-Name: a\x1bb\n",
        b"x\n\nPool-Snapshot: auto\nPool-Profile: .gitpool\n",
        b"x\n\nPool-Snapshot: auto\nPool-Profile: " + b"x" * 100 + b"\n",
        b"x" * 100_000,
    ],
    ids=name_of,
)
def test_what_a_snapshot_says_is_only_words(fresh: Scene, text: bytes) -> None:
    """Ids and messages of others' making: shown, or refused, and never a path."""
    machine, objects = fresh.machine, Objects()
    tree = objects.tree(("100644", "img_0040.png", objects.blob(picture(40))))
    who = b"Eve <eve@example.org> 1700000000 +0000"
    head = b"tree %b\nauthor %b\ncommitter %b\n\n" % (tree.encode(), who, who)
    tip = objects.add(COMMIT, head + text)
    fresh.remote.refs = {"refs/heads/Others": tip}
    fresh.remote.pack = objects.pack()
    answer = machine.get(ROUTE + "remote/profiles")
    assert answer.status == 200, answer.body
    assert [entry_["remote_branch"] for entry_ in answer.json["profiles"]] == ["Others"]
    outside = tree_of(machine.host.folder.parent)
    job = machine.ended(machine.start_sync(remote_branch="Others"))
    if job["state"] == "failed":
        in_words(job["error"])
    else:
        profile = job["result"]["id"]
        assert machine.pools / profile in machine.pools.iterdir()
        assert machine.images(profile) == [picture(40)]
        machine.judge(profile)
        assert machine.get(ROUTE + "history", id=profile).status == 200
    inside = f"{machine.host.folder.name}/"
    kept = {n: b for n, b in outside.items() if not n.startswith(inside)}
    now = tree_of(machine.host.folder.parent)
    assert {n: b for n, b in now.items() if not n.startswith(inside)} == kept
    assert list((machine.pools / ".gitpool" / "tmp").glob("*")) == []


MANIFEST_CASES: list[bytes] = [
    b"",
    b"{",
    b"[]",
    b"null",
    b"\xff" * 100,
    b"[" * 100_000,
    b'{"slots": {}}',
    b'{"slots": [1, null, "x"]}',
    b'{"slots": [{"image": "../../../profiles.json"}], "active": 99999999999999999999}',
    b'{"slots": [{"image": "/etc/passwd", "mask": "/etc/shadow"}], "next_seq": -5}',
    b'{"slots": [{"image": "img_0040.png", "mask": "img_0040.png"}], "next_seq": 1e999}',
    b'{"slots": [{"image": "img_0040.png", "label": "' + b"x" * 1_000_000 + b'"}]}',
    b'{"slots": [' + b",".join([b'{"image": "img_0040.png"}'] * 20_000) + b"]}",
    b'{"slots": [{"image": "img_0040.png"}], "next_seq": 9999999999999999999999999}',
]


@pytest.mark.parametrize("data", MANIFEST_CASES, ids=name_of)
def test_a_manifest_of_a_strangers_making_leads_nowhere(fresh: Scene, data: bytes) -> None:
    machine, objects = fresh.machine, fresh.new()
    objects.load(fresh.folder, fresh.tip)
    tree = objects.tree(
        ("100644", "img_0040.png", objects.blob(picture(40))),
        ("100644", "manifest.json", objects.blob(data)),
    )
    fresh.offer(objects, fresh.commit(objects, tree))
    job = machine.ended(machine.start_sync(id=fresh.profile))
    copied = machine.ended(machine.start_sync(remote_branch="Heroes", copy=True))
    for ended in (job, copied):
        if ended["state"] == "failed":
            in_words(ended["error"])
    for profile in machine.profiles().values():
        slots = machine.slots(profile)
        assert {slot["image"] for slot in slots} <= {f"img_00{n}.png" for n in ("01", "02", "40")}
        assert len({slot["image"] for slot in slots}) == len(slots)
        # The pool can be worked with.
        machine.add(profile, picture(41))
        machine.snapshot(profile)
        machine.judge(profile)
