"""Edits of a pool that isn't there: 404, and not a file or folder of it is left, no lock either."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from support import Answer, Server, mask, picture

P = "/grid_pool/profiles/"
# All that edits something there is, with fields that would be good. `add` alone makes a pool.
EDITS = {
    "remove": {"index": 0},
    "remove several": {"images": ["img_0001.png"]},
    "active": {"index": 0},
    "label": {"index": 0, "label": "x"},
    "reorder": {"order": []},
    "reorder some": {"order": [1, 0]},
    "undo": {},
    "redo": {},
}
NAMES = ("never", "nul1", "A" * 64)


def everything(folder: Path) -> list[str]:
    """Every file and every folder, empty ones too."""
    return sorted(
        os.path.join(at, name) for at, dirs, files in os.walk(folder) for name in dirs + files
    )


def edit(server: Server, name: str, pool_id: str) -> Answer:
    return server.post(f"/grid_pool/{name.partition(' ')[0]}", {"pool_id": pool_id, **EDITS[name]})


@pytest.mark.parametrize("name", EDITS)
@pytest.mark.parametrize("fresh", [True, False], ids=["nothing there", "others there"])
def test_an_edit_of_a_pool_that_isnt_there(server: Server, name: str, fresh: bool) -> None:
    if not fresh:
        server.add("other", picture(1))
        server.add(server.create("x"), picture(2))
    before = everything(server.host.folder)
    server.host.events.clear()
    for pool_id in NAMES:
        answer = edit(server, name, pool_id)
        assert (answer.status, answer.code) == (404, "unknown_pool"), pool_id
    assert everything(server.host.folder) == before
    assert server.host.events == []


@pytest.mark.parametrize("data", [mask(), b""], ids=["painted", "cleared"])
def test_a_mask_for_a_pool_that_isnt_there(server: Server, data: bytes) -> None:
    before = everything(server.host.folder)
    answer = server.set_mask("never", 0, data)
    assert (answer.status, answer.code) == (404, "unknown_pool")
    assert everything(server.host.folder) == before


def test_a_mask_that_comes_before_the_pools_name_is_refused_too(server: Server) -> None:
    parts = [("mask", ("m.png", mask())), ("pool_id", ("", b"never")), ("index", ("", b"0"))]
    before = [p for p in everything(server.pools) if "locks" in p]
    answer = server.send_form("/grid_pool/set_mask", parts)
    assert (answer.status, answer.code) == (404, "unknown_pool")
    assert [p for p in everything(server.pools) if "locks" in p] == before
    assert not (server.pools / "never").exists()


@pytest.mark.parametrize("fields", [{"from": "never"}, {"id": "never"}], ids=["from", "to"])
def test_a_copy_of_or_into_a_pool_that_isnt_there(server: Server, fields: dict[str, str]) -> None:
    profile = server.create("x")
    server.add("plain", picture(1))
    before = everything(server.host.folder)
    answer = server.post(P + "seed", {"from": "plain", "id": profile, **fields})
    assert answer.status == 404
    assert everything(server.host.folder) == before


@pytest.mark.parametrize("name", EDITS)
def test_an_edit_of_a_profile_that_was_deleted_or_whose_folder_is_gone(
    server: Server, name: str
) -> None:
    deleted, gone = server.create("deleted"), server.create("gone")
    server.post(P + "delete", id=deleted)
    shutil.rmtree(server.pools / gone)
    before = everything(server.host.folder)
    assert (edit(server, name, deleted).status, edit(server, name, gone).status) == (404, 404)
    for pool_id, data in ((deleted, picture(1)), (gone, picture(1))):
        files = {"image": ("a.png", data)}
        assert server.send_form("/grid_pool/add", files, pool_id=pool_id, ts=1).status == 404
    assert everything(server.host.folder) == before


def test_only_adding_makes_a_pool(server: Server) -> None:
    assert server.list("new")["slots"] == []
    assert not (server.pools / "new").exists()
    server.add("new", picture(1))
    assert edit(server, "label", "new").status == 200
    assert edit(server, "undo", "new").status == 200
    # A pool that was emptied is one all the same.
    assert server.post("/grid_pool/remove", pool_id="new", index=0).status == 200
    assert server.post("/grid_pool/reorder", pool_id="new", order=[]).status == 200
