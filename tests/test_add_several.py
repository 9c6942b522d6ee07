"""`add` with several images in one request: one step, in order, and what isn't taken is named."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from support import Answer, Server, judge, picture, tree_of

from gitpool.pool import durable, images

NOT_AN_IMAGE = b"what is written here is no picture"


def add(server: Server, pool_id: str, *files: tuple[str, bytes], **fields: Any) -> Answer:
    parts = [("image", file) for file in files]
    return server.send_form("/grid_pool/add", parts, pool_id=pool_id, ts=1700000000000, **fields)


@pytest.fixture(params=["profile", "plain"])
def pool(server: Server, request: pytest.FixtureRequest) -> str:
    return server.create("x") if request.param == "profile" else "plain"


def contents(server: Server, pool_id: str) -> list[bytes]:
    folder = server.pools / pool_id
    return [(folder / slot["image"]).read_bytes() for slot in server.list(pool_id)["slots"]]


def test_all_are_added_in_order_under_one_label(server: Server, pool: str) -> None:
    server.add(pool, picture(9))
    sent = [picture(n, kind=kind) for n, kind in enumerate(("PNG", "JPEG", "WEBP", "PNG"))]
    answer = add(server, pool, *((f"{n}.x", data) for n, data in enumerate(sent)), label="new")
    assert answer.status == 200
    assert "left_out" not in answer.json
    assert contents(server, pool) == [picture(9), *sent]
    slots = answer.json["slots"]
    names = ["img_0001.png", "img_0002.png", "img_0003.jpg", "img_0004.webp", "img_0005.png"]
    assert [slot["image"] for slot in slots] == names
    assert [slot["label"] for slot in slots] == ["", "new", "new", "new", "new"]
    assert {slot["added"] for slot in slots} == {1700000000000}
    assert answer.json["next_seq"] == 6
    if pool != "plain":
        server.snapshot(pool)
        judge(server.pools / pool)


def test_all_are_one_step_back_and_forth(server: Server, pool: str) -> None:
    server.add(pool, picture(9))
    sent = [picture(n) for n in range(3)]
    answer = add(server, pool, *(("a.png", data) for data in sent))
    assert answer.json["undo"]["undo"] == {"kind": "add", "count": 3}
    undone = server.post("/grid_pool/undo", pool_id=pool)
    assert undone.json["undone"]["count"] == 3
    assert contents(server, pool) == [picture(9)]
    assert server.post("/grid_pool/redo", pool_id=pool).status == 200
    assert contents(server, pool) == [picture(9), *sent]


def test_what_comes_under_one_batch_is_one_step_too(server: Server, pool: str) -> None:
    for start in (0, 2):
        sent = [("a.png", picture(start + n)) for n in range(2)]
        assert add(server, pool, *sent, batch="b1").status == 200
    assert server.list(pool)["undo"]["undo"] == {"kind": "add", "count": 4}


def test_the_page_is_told_of_one_change(server: Server, pool: str) -> None:
    server.host.events.clear()
    add(server, pool, *(("a.png", picture(n)) for n in range(5)))
    assert server.host.events == [("gitpool.changed", {"id": pool})]


def test_what_isnt_taken_is_named_and_the_others_are_there(
    server: Server, pool: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(images, "MAX_FILE_BYTES", 1 << 20)
    long = picture(5, (800, 800))
    assert len(long) > 1 << 20
    answer = add(
        server,
        pool,
        ("notes.txt", NOT_AN_IMAGE),
        ("one.png", picture(1)),
        ("Größe “x”.png", long),
        ("cut.png", picture(2)[:20]),
        ("", b""),
        ("two.png", picture(2)),
    )
    assert answer.status == 200
    assert contents(server, pool) == [picture(1), picture(2)]
    left_out = answer.json["left_out"]
    assert [one["name"] for one in left_out] == ["notes.txt", "Größe “x”.png", "cut.png", ""]
    assert all(one.keys() == {"name", "why"} for one in left_out)
    why = [one["why"] for one in left_out]
    assert why[0] == "This file isn't an image that can be read."
    assert why[1] == "Files may have 1 MB at most."
    assert "damaged" in why[2]
    assert why[3] == why[0]
    # Only this answer says so: what is asked for later is the pool alone.
    assert "left_out" not in server.list(pool)


def test_one_alone_is_refused_as_ever(
    server: Server, pool: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(images, "MAX_FILE_BYTES", 1 << 20)
    before = tree_of(server.pools)
    refused = add(server, pool, ("a.png", NOT_AN_IMAGE))
    assert (refused.status, refused.code) == (415, "not_an_image")
    refused = add(server, pool, ("a.png", picture(1, (800, 800))))
    assert (refused.status, refused.code) == (413, "too_large")
    assert tree_of(server.pools) == before


def test_where_none_can_be_taken_the_first_ones_reason_is_given(server: Server, pool: str) -> None:
    before = tree_of(server.pools)
    server.host.events.clear()
    cut = picture(1)[:20]
    refused = add(server, pool, ("a.png", NOT_AN_IMAGE), ("b.png", cut), ("c.png", b""))
    assert (refused.status, refused.code) == (415, "not_an_image")
    refused = add(server, pool, ("b.png", cut), ("a.png", NOT_AN_IMAGE))
    assert (refused.status, refused.code) == (415, "broken_image")
    assert tree_of(server.pools) == before
    assert server.host.events == []


def test_who_sends_without_end_is_cut_short(
    server: Server, pool: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(images, "MAX_FILE_BYTES", 1 << 20)
    refused = add(server, pool, ("a.png", picture(1)), ("long.png", bytes(3 << 20)))
    assert (refused.status, refused.code) == (413, "too_large")
    assert server.list(pool)["slots"] == []


def test_a_thousand_at_once_and_not_more(server: Server, pool: str) -> None:
    data = picture(1, (2, 2))
    answer = add(server, pool, *([("a.png", data)] * 1000))
    assert answer.status == 200
    assert len(answer.json["slots"]) == 1000
    before = tree_of(server.pools)
    refused = add(server, pool, *([("a.png", data)] * 1001))
    assert (refused.status, refused.code) == (400, "bad_form")
    assert tree_of(server.pools) == before


@pytest.mark.parametrize(
    ("path", "field"), [("/grid_pool/set_mask", "mask"), ("/grid_pool/profiles/import", "file")]
)
def test_where_one_file_is_wanted_a_second_is_never_dropped_silently(
    server: Server, path: str, field: str
) -> None:
    server.add("plain", picture(1))
    before = tree_of(server.pools)
    files = [(field, ("a", picture(1))), (field, ("b", picture(2)))]
    refused = server.send_form(path, files, pool_id="plain", index=0)
    assert (refused.status, refused.code) == (400, "bad_form")
    assert tree_of(server.pools) == before


def test_many_cost_one_manifest_and_two_syncs_of_the_folder(
    server: Server, pool: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.add(pool, picture(99))
    folder, synced, written = server.pools / pool, list[Path](), list[Path]()
    sync, replacing = durable.sync_folder, durable.replacing

    def note_sync(path: Path) -> None:
        synced.append(path)
        sync(path)

    def note_written(path: Path, and_folder: bool = True) -> Any:
        written.append(path)
        return replacing(path, and_folder)

    monkeypatch.setattr(durable, "sync_folder", note_sync)
    monkeypatch.setattr(durable, "replacing", note_written)
    assert add(server, pool, *(("a.png", picture(n)) for n in range(40))).status == 200
    assert written.count(folder / "manifest.json") == 1
    # The images' places, then the manifest's.
    assert synced.count(folder) == 2


def test_a_disk_that_fails_while_they_take_their_places_leaves_none(
    server: Server, pool: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.add(pool, picture(99))
    before, replace = tree_of(server.pools), os.replace

    def full(source: Any, target: Any, **more: Any) -> None:
        if str(target).endswith("img_0004.png"):
            raise OSError(28, "No space left on device")
        replace(source, target, **more)

    monkeypatch.setattr(os, "replace", full)
    answer = add(server, pool, *(("a.png", picture(n)) for n in range(5)))
    assert (answer.status, answer.code) == (503, "disk_full")
    monkeypatch.undo()
    assert tree_of(server.pools) == before


_KILLED = """
import os, sys, time
from pathlib import Path
from gitpool.service import Service

base = Path(sys.argv[1])
service = Service(base / "input" / "grid_pool", base / "user", time.time, delay=3600)
replace = os.replace


def stop(source, target):
    if str(target).endswith("img_0004.png"):
        os._exit(9)
    replace(source, target)


os.replace = stop
files = [(name, base / name) for name in ("a", "b", "c")]
service.pools.add_all(sys.argv[2], files, 1, "new")
"""


@pytest.fixture
def killed(server: Server) -> str:
    """A profile of one image, to which three were about to be added when the process was killed:
    two of them are in their places."""
    profile = server.create("x")
    server.add(profile, picture(9))
    for number, name in enumerate("abc"):
        (server.host.folder / name).write_bytes(picture(number))
    command = [sys.executable, "-c", _KILLED, str(server.host.folder), profile]
    root = Path(__file__).resolve().parents[1]
    assert subprocess.run(command, cwd=root, check=False, timeout=300).returncode == 9
    assert (server.pools / profile / "img_0003.png").exists()
    return profile


def test_a_kill_in_the_middle_leaves_none_of_them(server: Server, killed: str) -> None:
    folder = server.pools / killed
    assert server.post("/grid_pool/label", pool_id=killed, index=0, label="next").status == 200
    assert contents(server, killed) == [picture(9)]
    images = [path.name for path in folder.glob("*.png")]
    assert images == ["img_0001.png"]
    assert not (folder / ".git" / "gitpool-adding").exists()
    server.snapshot(killed)
    judge(folder)


def test_what_somebody_put_there_since_is_taken_in(server: Server, killed: str) -> None:
    path = server.pools / killed / "img_0002.png"
    path.unlink()
    path.write_bytes(picture(50, (30, 30)))
    server.snapshot(killed)
    assert contents(server, killed) == [picture(9), picture(50, (30, 30))]


@pytest.mark.parametrize("text", ["", "{", "[]", "null"])
def test_a_garbled_note_removes_nothing(server: Server, killed: str, text: str) -> None:
    folder = server.pools / killed
    (folder / ".git" / "gitpool-adding").write_text(text)
    server.snapshot(killed)
    assert sorted(contents(server, killed)) == sorted([picture(9), picture(0), picture(1)])
    judge(folder)
