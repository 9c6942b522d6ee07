"""A disk that can only be read: a mounted dataset, a folder that a container has as `:ro`. All
that only looks works on it, nothing is tried to be written, and edits say what is the matter.
And what only looks leaves nothing behind on any disk."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import threading
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from faults.elsewhere import Elsewhere
from support import Server, git, judge, mask, picture, tree_of

from gitpool.git.thinning import Keep
from gitpool.nodes import build_nodes
from gitpool.profiles.verify import Verify

ROUTE = "/grid_pool/profiles/"
TESTS = Path(__file__).parent
HEROES, CLEANED, GONE = "heroes", "cleaned", "gone"
_NOTHING = Keep(0, 0, 0, 0)


@pytest.fixture
def filled(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Server:
    """Profiles with a history, one of them synced and then cleaned up; a deleted one; a plain
    pool; and an edit that no snapshot has."""
    monkeypatch.setenv("GITPOOL_ALLOW_REMOTES", "file")
    service = server.service
    for profile in (HEROES, CLEANED, GONE):
        service.profiles.create(profile, profile.title())
        for seed in range(3):
            server.add(profile, picture(seed))
            service.versions.take(profile)
    server.set_mask(HEROES, 1, mask())
    server.snapshot(HEROES, message="First")
    server.post("/grid_pool/label", pool_id=HEROES, index=0, label="new")
    service.profiles.delete(GONE)
    server.add("plain", picture(9))
    from faults.world import sync

    service.remotes.change(None, {"url": str(tmp_path / "remote.git")})
    sync(service, CLEANED)
    assert service.cleanups.compact(CLEANED, _NOTHING)["dropped"]
    assert (server.pools / CLEANED / ".git" / "shallow").exists()
    # Nothing is so young that it would have to be read again.
    _age(server.pools)
    return server


def _age(folder: Path) -> None:
    for path in folder.rglob("*"):
        stat = path.lstat()
        os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns - 10**9))


@pytest.fixture
def there(filled: Server, tmp_path: Path) -> Iterator[Elsewhere]:
    """A server that can only read what the other one has."""
    before = tree_of(filled.pools)
    with Elsewhere(tmp_path, "read-only", delay=0.01) as running:
        yield running
    assert tree_of(filled.pools) == before
    assert "Traceback" not in running.log
    assert "ERROR" not in running.log.replace("ERROR:gitpool:Git Pool: /", "")


def _reads(profile: str) -> dict[str, dict[str, Any]]:
    """Every route that only looks, and what it is asked."""
    return {
        "/grid_pool/list": {"pool_id": profile},
        "/grid_pool/thumb": {"pool_id": profile, "name": "img_0002.png"},
        "/grid_pool/layers": {"pool_id": profile, "filename": "img_0002.png"},
        ROUTE + "list": {},
        ROUTE + "history": {"id": profile},
        ROUTE + "look": {"id": profile, "snapshot": "now"},
        ROUTE + "storage": {"id": profile},
        ROUTE + "export": {"id": profile},
        ROUTE + "remote": {"id": profile},
        ROUTE + "remote/profiles": {},
    }


@pytest.mark.parametrize("profile", [HEROES, CLEANED])
@pytest.mark.parametrize("route", _reads(HEROES))
def test_what_only_looks_works(filled: Server, there: Elsewhere, route: str, profile: str) -> None:
    asked = _reads(profile)[route]
    wanted, found = filled.get(route, **asked), there.get(route, **asked)
    assert found.status == wanted.status == 200, found.body
    assert found.body == wanted.body


@pytest.mark.parametrize("profile", [HEROES, CLEANED])
def test_comparing_works(filled: Server, there: Elsewhere, profile: str) -> None:
    snapshots = filled.history(profile)
    asked = {"id": profile, "from": snapshots[-1]["id"], "to": "now"}
    wanted, found = filled.get(ROUTE + "diff", **asked), there.get(ROUTE + "diff", **asked)
    assert found.status == 200, found.body
    assert found.json == wanted.json
    name = {"name": "img_0001.png", "pool_id": profile, "snapshot": snapshots[-1]["id"]}
    assert there.get("/grid_pool/thumb", **name).status in (200, 404)


@pytest.mark.parametrize("profile", [HEROES, CLEANED])
def test_a_bundle_comes_out(filled: Server, tmp_path: Path, profile: str) -> None:
    """Of a history that was cleaned up too, which has to be written anew for it."""
    with Elsewhere(tmp_path, "read-only") as there:
        answer = there.get(ROUTE + "export", id=profile, format="bundle")
    assert answer.status == 200, answer.body
    (tmp_path / "a.bundle").write_bytes(answer.body)
    git(tmp_path, "clone", "-q", str(tmp_path / "a.bundle"), "clone")
    assert git(tmp_path / "clone", "fsck", "--strict") == ""
    made = filled.send_form(ROUTE + "import", {"file": ("a.bundle", answer.body)}).json["id"]
    wanted = git(filled.pools / profile, "rev-parse", "HEAD^{tree}")
    # What no snapshot has yet is one more in the bundle.
    newest = "HEAD~2" if profile == HEROES else "HEAD~"
    assert git(filled.pools / made, "rev-parse", f"{newest}^{{tree}}") == wanted
    labels = [slot["label"] for slot in filled.list(profile)["slots"]]
    assert [slot["label"] for slot in filled.list(made)["slots"]] == labels


def test_a_bundle_of_what_a_git_user_checked_out_comes_out(filled: Server, tmp_path: Path) -> None:
    git(filled.pools / HEROES, "checkout", "-q", "--detach")
    before = tree_of(filled.pools)
    with Elsewhere(tmp_path, "read-only") as there:
        answer = there.get(ROUTE + "export", id=HEROES, format="bundle")
    assert answer.status == 200, answer.body
    assert tree_of(filled.pools) == before
    (tmp_path / "a.bundle").write_bytes(answer.body)
    git(tmp_path, "clone", "-q", str(tmp_path / "a.bundle"), "clone")
    assert git(tmp_path / "clone", "branch", "--show-current") == HEROES.title()
    assert git(tmp_path / "clone", "fsck", "--strict") == ""


def test_a_zip_holds_all(there: Elsewhere) -> None:
    data = there.get(ROUTE + "export", id=HEROES).body
    names = zipfile.ZipFile(io.BytesIO(data)).namelist()
    assert {"pool/img_0001.png", "pool/img_0002.mask.png", "pool/manifest.json"} <= set(names)


@pytest.mark.parametrize("pool", [HEROES, CLEANED, "plain", "nothing_here"])
def test_runs_work(filled: Server, there: Elsewhere, pool: str) -> None:
    found = there.run_node(pool)
    nodes = build_nodes(filled.service, filled.host.to_tensor)
    assert found["changed"] == nodes["GridImagePool"].IS_CHANGED(-1, pool)
    assert found["profile"] == nodes["PoolProfile"].IS_CHANGED("", pool)
    image = nodes["GridImagePool"]().run(-1, pool)
    assert found["rest"] == list(image[2:])
    assert found["valid"] is True


def test_a_run_sees_another_machines_edits_whole(filled: Server, there: Elsewhere) -> None:
    """Where nothing can be locked, a pool is read again until it stayed the same."""
    stop = threading.Event()

    def edit() -> None:
        labels = iter(range(10**6))
        while not stop.is_set():
            filled.service.pools.label("plain", 0, f"label {next(labels)}")
            filled.service.pools.activate("plain", 0)

    thread = threading.Thread(target=edit)
    thread.start()
    try:
        for _ in range(20):
            assert there.run_node("plain")["rest"][1] == 1
    finally:
        stop.set()
        thread.join(60)
    # What this test edits is meant to be other than before.
    filled.service.pools.label("plain", 0, "")


def _edits() -> dict[str, Callable[[Server], Any]]:
    def post(route: str, **fields: Any) -> Callable[[Server], Any]:
        return lambda server: server.post(route, **fields)

    def upload(field: str, route: str, data: bytes, **fields: Any) -> Callable[[Server], Any]:
        return lambda server: server.send_form(route, {field: ("a.png", data)}, **fields)

    return {
        "add": upload("image", "/grid_pool/add", picture(50), pool_id=HEROES, ts=1),
        "add to none": upload("image", "/grid_pool/add", picture(50), pool_id="fresh", ts=1),
        "mask": upload("mask", "/grid_pool/set_mask", mask(), pool_id=HEROES, index=0),
        "label": post("/grid_pool/label", pool_id=HEROES, index=0, label="x"),
        "label, plain": post("/grid_pool/label", pool_id="plain", index=0, label="x"),
        "remove": post("/grid_pool/remove", pool_id=HEROES, index=0),
        "active": post("/grid_pool/active", pool_id=HEROES, index=1),
        "reorder": post("/grid_pool/reorder", pool_id=HEROES, order=[2, 1, 0]),
        "undo": post("/grid_pool/undo", pool_id=HEROES),
        "create": post(ROUTE + "create", name="New"),
        "rename": post(ROUTE + "rename", id=HEROES, name="New"),
        "delete": post(ROUTE + "delete", id=HEROES),
        "undelete": post(ROUTE + "undelete", id=GONE),
        "duplicate": post(ROUTE + "duplicate", id=HEROES, name="New"),
        "adopt": post(ROUTE + "adopt", pool_id="plain", name="New"),
        "snapshot": post(ROUTE + "snapshot", id=HEROES, message="x"),
        "compact": post(ROUTE + "compact", id=HEROES),
        "import": upload("file", ROUTE + "import", b"# v2 git bundle\n"),
    }


@pytest.mark.parametrize("name", _edits())
def test_edits_say_that_nothing_can_be_written(there: Elsewhere, name: str) -> None:
    answer = _edits()[name](there)
    assert (answer.status, answer.code) == (503, "disk_read_only"), answer.body
    assert answer.json["error"]["message"] == "This disk can't be written to."
    assert answer.json["error"]["hint"]


def test_restoring_and_syncing_say_so_too(filled: Server, there: Elsewhere) -> None:
    first = filled.history(HEROES)[-1]["id"]
    answer = there.post(ROUTE + "restore", id=HEROES, snapshot=first)
    assert (answer.status, answer.code) == (503, "disk_read_only")
    answer = there.post(ROUTE + "lock", id=HEROES, snapshot=first, locked=True)
    assert (answer.status, answer.code) == (503, "disk_read_only")
    job = there.post(ROUTE + "sync", id=HEROES).json["job"]
    while (said := there.get(ROUTE + "job", id=job).json)["state"] == "running":
        pass
    assert said["error"]["code"] == "disk_read_only"


def test_a_start_says_it_once(filled: Server, tmp_path: Path) -> None:
    with Elsewhere(tmp_path, "read-only", delay=0.01) as there:
        # It has been tried to snapshot each by then.
        for _ in range(5):
            assert there.get("/grid_pool/list", pool_id=HEROES).status == 200
    said = [line for line in there.log.splitlines() if line.startswith("WARNING")]
    assert said == ["WARNING:gitpool:Git Pool: This disk can't be written to."]


_VERIFY = """
import sys, json
from pathlib import Path
from faults.disks import install
from gitpool.service import Service
from gitpool.profiles.verify import Verify
base = Path(sys.argv[1])
install(base / "input", "read-only")
service = Service(base / "input" / "grid_pool", base / "user", lambda: 1.8e9)
verify = Verify(service.library)
print(json.dumps([[f.what for f in verify.check(p)] for p in sys.argv[2:]]))
"""


def test_verify_works(filled: Server, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _VERIFY, str(tmp_path), HEROES, CLEANED],
        cwd=TESTS,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    wanted = [Verify(filled.service.library).check(profile) for profile in (HEROES, CLEANED)]
    assert json.loads(done.stdout) == [[f.what for f in found] for found in wanted] == [[], []]


def test_where_one_may_not_write_is_told_as_well(server: Server, tmp_path: Path) -> None:
    """Another user's folder, say: what can't be locked can be looked at."""
    profile = server.create("Heroes")
    server.add(profile, picture(1))
    (server.pools / ".gitpool" / "locks" / f"{profile}.lock").unlink()
    with Elsewhere(tmp_path, "another's") as there:
        assert there.run_node(profile)["rest"][1] == 1
        assert there.get(ROUTE + "export", id=profile).status == 200
        answer = there.post("/grid_pool/label", pool_id=profile, index=0, label="x")
        assert (answer.status, answer.code) == (503, "disk_read_only")
    judge(server.pools / profile, clean=False)


# Ids that name nothing.

_UNKNOWN = "names_nothing"


def _asked() -> dict[str, Callable[[Server], Any]]:
    def post(route: str, **fields: Any) -> Callable[[Server], Any]:
        return lambda server: server.post(route, **fields)

    def look(route: str, **query: Any) -> Callable[[Server], Any]:
        return lambda server: server.get(route, **query)

    gets = {route: look(route, **asked) for route, asked in _reads(_UNKNOWN).items()}
    pool = {"pool_id": _UNKNOWN}
    posts = {
        "label": post("/grid_pool/label", index=0, label="x", **pool),
        "remove": post("/grid_pool/remove", index=0, **pool),
        "several": post("/grid_pool/remove", images=["img_0001.png"], **pool),
        "active": post("/grid_pool/active", index=0, **pool),
        "reorder": post("/grid_pool/reorder", order=[], **pool),
        "undo": post("/grid_pool/undo", **pool),
        "redo": post("/grid_pool/redo", **pool),
        "rename": post(ROUTE + "rename", id=_UNKNOWN, name="New"),
        "delete": post(ROUTE + "delete", id=_UNKNOWN),
        "delete for ever": post(ROUTE + "delete", id=_UNKNOWN, forever=True),
        "undelete": post(ROUTE + "undelete", id=_UNKNOWN),
        "duplicate": post(ROUTE + "duplicate", id=_UNKNOWN, name="New"),
        "adopt": post(ROUTE + "adopt", name="New", **pool),
        "seed": post(ROUTE + "seed", id=_UNKNOWN, **{"from": "neither"}),
        "snapshot": post(ROUTE + "snapshot", id=_UNKNOWN),
        "restore": post(ROUTE + "restore", id=_UNKNOWN, snapshot="1" * 40),
        "lock": post(ROUTE + "lock", id=_UNKNOWN, snapshot="1" * 40, locked=True),
        "branch off": post(ROUTE + "branch_off", id=_UNKNOWN, snapshot="1" * 40, name="New"),
        "compact": post(ROUTE + "compact", id=_UNKNOWN),
        "sync": post(ROUTE + "sync", id=_UNKNOWN),
    }
    return {**gets, **posts}


@pytest.mark.parametrize("name", _asked())
def test_an_id_that_names_nothing_leaves_nothing(server: Server, name: str) -> None:
    assert not server.pools.exists()
    answer = _asked()[name](server)
    assert answer.status in (200, 404, 409), answer.body
    assert not server.pools.exists()
    nodes = build_nodes(server.service, server.host.to_tensor)
    nodes["GridImagePool"].IS_CHANGED(-1, _UNKNOWN)
    nodes["PoolProfile"].IS_CHANGED("", _UNKNOWN)
    nodes["GridImagePool"]().run(-1, _UNKNOWN)
    assert not server.pools.exists()


@pytest.mark.parametrize("name", _asked())
def test_nor_among_others(server: Server, name: str) -> None:
    server.add(server.create("Heroes"), picture(1))
    before = sorted(server.pools.rglob("*"))
    _asked()[name](server)
    assert [path for path in sorted(server.pools.rglob("*")) if _UNKNOWN in path.name] == []
    assert sorted(server.pools.rglob("*")) == before


@pytest.mark.parametrize("field", ["image", "mask"])
def test_a_refused_upload_leaves_nothing(server: Server, field: str) -> None:
    route = {"image": "/grid_pool/add", "mask": "/grid_pool/set_mask"}[field]
    files = {field: ("a.png", b"no image")}
    answer = server.send_form(route, files, pool_id=_UNKNOWN, index=0)
    assert answer.status in (404, 415)
    assert [path for path in server.pools.rglob("*") if _UNKNOWN in path.name] == []


# Ids that Windows keeps for devices.


@pytest.mark.parametrize("pool", ["CON", "nul", "Prn", "aux", "com1", "LPT9", "COM0", "lpt0"])
def test_an_id_that_windows_keeps_is_refused(server: Server, pool: str) -> None:
    for answer in (
        server.get("/grid_pool/list", pool_id=pool),
        server.post("/grid_pool/label", pool_id=pool, index=0, label="x"),
        server.send_form("/grid_pool/add", {"image": ("a.png", picture(1))}, pool_id=pool, ts=1),
        server.get(ROUTE + "history", id=pool),
        server.post(ROUTE + "adopt", pool_id=pool, name="New"),
    ):
        assert (answer.status, answer.code) == (400, "bad_id"), answer.body
    nodes = build_nodes(server.service, server.host.to_tensor)
    assert nodes["GridImagePool"].VALIDATE_INPUTS(pool) is not True
    assert not (server.pools / pool).exists()


@pytest.mark.parametrize("pool", ["CONE", "com10", "null", "a-con", "lpt", "com"])
def test_an_id_that_only_looks_like_one_is_not(server: Server, pool: str) -> None:
    assert len(server.add(pool, picture(1))["slots"]) == 1
