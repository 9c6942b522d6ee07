"""An image's number is used once, and no list of images that is written says a lower one next."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from machines import Machine, linked
from support import Server, git, judge, picture
from test_exchange import zipped
from test_git_users import P, filled


def numbers(folder: Path) -> int:
    """The highest number that the folder or any snapshot of its history has."""
    names = [path.name for path in folder.glob("img_*")]
    if (folder / ".git").exists():
        for commit in git(folder, "rev-list", "--all", "HEAD").split():
            names += git(folder, "ls-tree", "--name-only", commit).split()
    return max((int(name[4:8]) for name in names if name.startswith("img_")), default=0)


def said(folder: Path) -> int:
    return json.loads((folder / "manifest.json").read_text())["next_seq"]


def emptied(server: Server) -> str:
    """A profile whose newest images were removed, by a list of images that forgot them, as older
    versions wrote."""
    profile = filled(server).name
    server.post("/grid_pool/remove", pool_id=profile, images=["img_0002.png", "img_0003.png"])
    server.snapshot(profile)
    folder = server.pools / profile
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps({**manifest, "next_seq": 2}))
    git(folder, "commit", "-qam", "As an older version left it")
    server.service.library.history.__init__()
    return profile


def bundle(server: Server, profile: str) -> str:
    data = server.get(P + "export", id=profile, format="bundle").body
    return server.send_form(P + "import", {"file": ("a.bundle", data)}).json["id"]


def branch_off(server: Server, profile: str) -> str:
    snapshot = server.history(profile)[0]["id"]
    return server.post(P + "branch_off", id=profile, snapshot=snapshot, name="Off").json["id"]


COPIES: dict[str, Callable[[Server, str], str]] = {
    "the profile itself": lambda server, profile: profile,
    "a duplicate": lambda s, p: s.post(P + "duplicate", id=p, name="Copy").json["id"],
    "a branch off": branch_off,
    "a bundle": bundle,
}


@pytest.mark.parametrize("how", COPIES)
def test_a_copy_of_a_history_knows_the_numbers_it_used(server: Server, how: str) -> None:
    profile = COPIES[how](server, emptied(server))
    before = server.history(profile)[-3]["id"]
    slots = server.add(profile, picture(50))["slots"]
    assert slots[-1]["image"] == "img_0004.png"
    server.snapshot(profile)
    for snapshot in server.history(profile):
        gone = {
            s["image"]
            for s in server.get(P + "look", id=profile, snapshot=snapshot["id"]).json["slots"]
        }
        if "img_0003.png" in gone:
            before = snapshot["id"]
            break
    fields = {"id": profile, "snapshot": before, "images": ["img_0002.png", "img_0003.png"]}
    assert server.post(P + "restore", **fields).status == 200
    folder = server.pools / profile
    assert (folder / "img_0004.png").read_bytes() == picture(50)
    assert (folder / "img_0003.png").read_bytes() == picture(2)
    assert said(folder) > numbers(folder) == 4
    judge(folder)


def test_what_comes_from_a_remote_knows_the_numbers_it_used(
    machines: Callable[[str], Machine], tmp_path: Path
) -> None:
    one, two = linked(machines, tmp_path)
    profile = emptied(one)
    one.sync(profile)
    (listed,) = two.get(P + "remote/profiles").json["profiles"]
    assert two.fetch(listed["remote_branch"])["id"] == profile
    assert two.add(profile, picture(50))["slots"][-1]["image"] == "img_0004.png"
    two.sync(profile)
    one.sync(profile)
    assert one.add(profile, picture(51))["slots"][-1]["image"] == "img_0005.png"
    for machine in (one, two):
        assert said(machine.pools / profile) > numbers(machine.pools / profile) - 1
        machine.judge(profile, clean=False)


def test_every_list_of_images_says_a_next_number_above_all_others(
    machines: Callable[[str], Machine], tmp_path: Path
) -> None:
    """Another pack that shares the folder goes by it."""
    one, two = linked(machines, tmp_path)
    profile = filled(one).name
    folder = one.pools / profile
    first = one.history(profile)[-1]["id"]
    full = one.history(profile)[0]["id"]
    one.sync(profile)
    two.fetch("x")

    def check(what: str) -> None:
        one.snapshot(profile)
        assert said(folder) > numbers(folder), what

    restore = {"id": profile, "snapshot": full}
    for what, path, fields in (
        ("remove", "/grid_pool/remove", {"pool_id": profile, "index": 2}),
        ("bring back one", P + "restore", {**restore, "images": ["img_0003.png"]}),
        (
            "bring back a label",
            P + "restore",
            {**restore, "images": ["img_0001.png"], "what": ["label"]},
        ),
        ("restore the first", P + "restore", {"id": profile, "snapshot": first}),
        ("bring back into none", P + "restore", {**restore, "images": ["img_0002.png"]}),
        ("undo", "/grid_pool/undo", {"pool_id": profile}),
        ("redo", "/grid_pool/redo", {"pool_id": profile}),
        ("restore all", P + "restore", restore),
    ):
        assert one.post(path, data=fields).status == 200, what
        check(what)
    for number in range(3):
        two.add(profile, picture(70 + number))
    two.post("/grid_pool/remove", pool_id=profile, index=5)
    one.label(profile, 0, "mine")
    for machine in (two, one, two, one):
        machine.sync(profile)
    check("a merge")
    judge(folder)


@pytest.mark.parametrize("next_seq", [1, None, "x", -5, 10**12])
def test_a_zip_that_says_too_low_a_number_is_put_right(server: Server, next_seq: Any) -> None:
    slots = [{"image": "img_0007.png", "mask": None, "label": "", "added": 0}]
    manifest = json.dumps({"active": 0, "slots": slots, "next_seq": next_seq}).encode()
    data = zipped({"pool/manifest.json": manifest, "pool/img_0007.png": picture(1)})
    made = server.send_form(P + "import", {"file": ("a.zip", data)}).json["id"]
    assert said(server.pools / made) == 8
    judge(server.pools / made)


def test_a_plain_pools_list_says_a_number_above_every_file(server: Server) -> None:
    server.add("plain", picture(1))
    folder = server.pools / "plain"
    (folder / "img_0009.png").write_bytes(picture(2))
    (folder / "IMG_0012.PNG").write_bytes(picture(3))
    server.post("/grid_pool/label", pool_id="plain", index=0, label="x")
    assert said(folder) == 13


def test_another_picture_under_an_old_number_is_never_replaced(server: Server) -> None:
    """An older version has used a number twice."""
    folder = filled(server)
    old = server.history(folder.name)[0]["id"]
    server.post("/grid_pool/remove", pool_id=folder.name, index=1)
    server.snapshot(folder.name)
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "img_0002.png").write_bytes(picture(60))
    slot = {"image": "img_0002.png", "mask": None, "label": "new", "added": 99}
    manifest["slots"].append(slot)
    (folder / "manifest.json").write_text(json.dumps(manifest))
    server.snapshot(folder.name)
    fields = {"id": folder.name, "snapshot": old, "images": ["img_0002.png"]}
    for _ in range(2):  # it comes back once
        assert server.post(P + "restore", data=fields).status == 200
        slots = server.list(folder.name)["slots"]
        assert [s["image"] for s in slots] == [
            *("img_0001.png", "img_0004.png", "img_0003.png", "img_0002.png")
        ]
        assert (folder / "img_0002.png").read_bytes() == picture(60)
        assert (folder / "img_0004.png").read_bytes() == picture(1)
        judge(folder)
