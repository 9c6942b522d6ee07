"""A mask's file belongs to one image, whatever came first; names that differ in case alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from machines import Machine, linked
from support import Server, git, judge, mask, picture
from test_exchange import zipped
from test_git_users import P, filled

LEFT, RIGHT = mask(left=5), mask(left=17)


def pair(server: Server, pool: str) -> Path:
    """A pool with `img_0001.png` and `img_0001.jpg`."""
    folder = server.pools / pool
    server.add(pool, picture(1))
    (folder / "img_0001.jpg").write_bytes(picture(2, kind="JPEG"))
    manifest = json.loads((folder / "manifest.json").read_text())
    slot = {"image": "img_0001.jpg", "mask": None, "label": "jpg", "added": 7}
    manifest["slots"].append(slot)
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


def masks(server: Server, pool: str) -> list[str | None]:
    return [slot["mask"] for slot in server.list(pool)["slots"]]


@pytest.mark.parametrize("profile", [True, False])
def test_two_images_of_one_stem_have_a_mask_each(server: Server, profile: bool) -> None:
    pool = server.create("Heroes") if profile else "plain"
    folder = pair(server, pool)
    assert server.set_mask(pool, 0, LEFT).status == 200
    assert server.set_mask(pool, 1, RIGHT).status == 200
    assert masks(server, pool) == ["img_0001.mask.png", "img_0001.jpg.mask.png"]
    first, second = folder / "img_0001.mask.png", folder / "img_0001.jpg.mask.png"
    assert (first.read_bytes(), second.read_bytes()) == (LEFT, RIGHT)
    # Painted again, cleared, undone: the other one's stays what it is.
    assert server.set_mask(pool, 1, LEFT).status == 200
    server.set_mask(pool, 0, b"")
    assert server.set_mask(pool, 1, RIGHT).status == 200
    for _ in range(2):
        assert server.post("/grid_pool/undo", pool_id=pool).status == 200
    assert masks(server, pool) == ["img_0001.mask.png", "img_0001.jpg.mask.png"]
    assert (first.read_bytes(), second.read_bytes()) == (LEFT, LEFT)
    if profile:
        server.snapshot(pool)
        judge(folder)


def test_both_machines_paintings_are_kept(
    machines: Callable[[str], Machine], tmp_path: Path
) -> None:
    one, two = linked(machines, tmp_path)
    profile = one.create("Heroes")
    one.add(profile, picture(1))
    one.sync(profile)
    two.fetch("Heroes")
    one.add(profile, picture(2))
    two.add(profile, picture(3, kind="JPEG"), "a.jpg")
    for machine in (one, two, one, two):
        machine.sync(profile)
    images = [slot["image"] for slot in one.slots(profile)]
    assert set(images) == {"img_0001.png", "img_0002.png", "img_0002.jpg"}
    one.paint(profile, images.index("img_0002.png"), 5)
    one.paint(profile, images.index("img_0002.jpg"), 17)
    one.sync(profile)
    two.sync(profile)
    for machine in (one, two):
        painted = {
            slot["image"]: (machine.pools / profile / slot["mask"]).read_bytes()
            for slot in machine.slots(profile)
            if slot["mask"]
        }
        assert painted == {"img_0002.png": LEFT, "img_0002.jpg": RIGHT}
        machine.judge(profile)


def test_a_painting_never_takes_the_place_of_a_file_that_lies_there(server: Server) -> None:
    for pool in (server.create("Heroes"), "plain"):
        server.add(pool, picture(1))
        stray = server.pools / pool / "img_0001.mask.png"
        stray.write_bytes(b"somebody's")
        assert server.set_mask(pool, 0, LEFT).status == 200
        assert masks(server, pool) == ["img_0001.png.mask.png"]
        assert stray.read_bytes() == b"somebody's"


def test_a_mask_that_two_slots_name_is_painted_for_one_of_them(server: Server) -> None:
    """As an older version left it."""
    folder = pair(server, "plain")
    server.set_mask("plain", 0, LEFT)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["slots"][1]["mask"] = "img_0001.mask.png"
    (folder / "manifest.json").write_text(json.dumps(manifest))
    assert server.set_mask("plain", 1, RIGHT).status == 200
    assert masks(server, "plain") == ["img_0001.mask.png", "img_0001.jpg.mask.png"]
    assert (folder / "img_0001.mask.png").read_bytes() == LEFT
    # Clearing one of the two takes nothing from the other.
    manifest["next_seq"] = 9
    (folder / "manifest.json").write_text(json.dumps(manifest))
    server.set_mask("plain", 0, b"")
    assert masks(server, "plain") == [None, "img_0001.mask.png"]
    assert (folder / "img_0001.mask.png").read_bytes() == LEFT


def test_a_dropped_image_takes_no_other_ones_mask(server: Server) -> None:
    folder = filled(server)
    before = (folder / "img_0001.mask.png").read_bytes()
    (folder / "img_0001.jpg").write_bytes(picture(40, kind="JPEG"))
    (folder / "cat.png").write_bytes(picture(41))
    (folder / "cat.jpg").write_bytes(picture(42, kind="JPEG"))
    (folder / "cat.mask.png").write_bytes(LEFT)
    (folder / "cat.png.mask.png").write_bytes(RIGHT)
    server.snapshot(folder.name)
    slots = {slot["label"]: slot for slot in server.list(folder.name)["slots"]}
    assert slots["one"]["mask"] == "img_0001.mask.png"
    assert (folder / "img_0001.mask.png").read_bytes() == before
    kept = [
        (folder / slot["mask"]).read_bytes()
        for slot in server.list(folder.name)["slots"]
        if slot["label"] == "cat"
    ]
    assert sorted(kept) == sorted([LEFT, RIGHT])
    judge(folder)


def test_a_mask_comes_back_beside_one_that_has_its_name_by_now(server: Server) -> None:
    pool = server.create("Heroes")
    folder = pair(server, pool)
    server.set_mask(pool, 1, LEFT)
    old = server.snapshot(pool)["id"]
    assert masks(server, pool) == [None, "img_0001.mask.png"]
    server.set_mask(pool, 1, b"")
    server.set_mask(pool, 0, RIGHT)
    server.snapshot(pool)
    assert masks(server, pool) == ["img_0001.mask.png", None]
    fields = {"id": pool, "snapshot": old, "images": ["img_0001.jpg"], "what": ["mask"]}
    assert server.post(P + "restore", data=fields).status == 200
    assert masks(server, pool) == ["img_0001.mask.png", "img_0001.jpg.mask.png"]
    assert (folder / "img_0001.mask.png").read_bytes() == RIGHT
    assert (folder / "img_0001.jpg.mask.png").read_bytes() == LEFT
    judge(folder)


def test_undo_of_a_clearing_leaves_another_images_mask(server: Server) -> None:
    for pool in (server.create("Heroes"), "plain"):
        folder = pair(server, pool)
        server.set_mask(pool, 0, LEFT)
        server.set_mask(pool, 0, b"")
        # Another program gave the name to the other image.
        manifest = json.loads((folder / "manifest.json").read_text())
        manifest["slots"][1]["mask"] = "img_0001.mask.png"
        (folder / "img_0001.mask.png").write_bytes(RIGHT)
        (folder / "manifest.json").write_text(json.dumps(manifest))
        assert server.post("/grid_pool/undo", pool_id=pool).status == 200
        first, second = masks(server, pool)
        assert (first, second) == ("img_0001.png.mask.png", "img_0001.mask.png")
        assert (folder / str(first)).read_bytes() == LEFT
        assert (folder / str(second)).read_bytes() == RIGHT


# Names that differ in case alone.


def lower_names(folder: Path) -> list[str]:
    return [name.lower() for name in git(folder, "ls-tree", "--name-only", "HEAD").splitlines()]


def test_a_new_images_name_differs_from_all_others_on_every_disk(server: Server) -> None:
    folder = server.pools / "old"
    folder.mkdir(parents=True)
    slots = [{"image": "IMG_0001.PNG", "mask": None, "label": "", "added": 0}]
    (folder / "IMG_0001.PNG").write_bytes(picture(1))
    (folder / "manifest.json").write_text(json.dumps({"active": 0, "slots": slots, "next_seq": 1}))
    assert server.add("old", picture(2))["slots"][-1]["image"] == "img_0002.png"
    server.post(P + "adopt", pool_id="old", name="Old")
    assert server.list("old")["slots"][0]["image"] == "IMG_0001.PNG"
    judge(folder)


def test_names_that_some_disks_take_for_one_are_told_apart(server: Server) -> None:
    folder = filled(server)
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "IMG_0001.PNG").write_bytes(picture(30))
    (folder / "IMG_0001.MASK.PNG").write_bytes(RIGHT)
    slot = {"image": "IMG_0001.PNG", "mask": "IMG_0001.MASK.PNG", "label": "big", "added": 3}
    manifest["slots"].append(slot)
    (folder / "manifest.json").write_text(json.dumps(manifest))
    git(folder, "add", "-f", ".")
    git(folder, "commit", "-qm", "In capitals too")
    server.snapshot(folder.name)
    names = lower_names(folder)
    assert len(names) == len(set(names))
    slot = server.list(folder.name)["slots"][-1]
    assert (slot["image"], slot["label"]) == ("img_0004.PNG", "big")
    assert (folder / slot["image"]).read_bytes() == picture(30)
    assert (folder / slot["mask"]).read_bytes() == RIGHT
    assert not (folder / "IMG_0001.PNG").exists()
    assert (folder / "img_0001.png").read_bytes() == picture(0)
    judge(folder)


def test_a_dropped_file_in_capitals_gets_a_name_of_its_own(server: Server) -> None:
    folder = filled(server)
    (folder / "IMG_0002.PNG").write_bytes(picture(31))
    (folder / "IMG_0009.PNG").write_bytes(picture(32))
    (folder / "img_0009.png").write_bytes(picture(33))
    server.snapshot(folder.name)
    names = lower_names(folder)
    assert len(names) == len(set(names))
    kept = {(folder / s["image"]).read_bytes() for s in server.list(folder.name)["slots"]}
    assert {picture(31), picture(32), picture(33)} <= kept
    judge(folder)


def test_a_zip_with_other_programs_keys_comes_back_with_them(server: Server) -> None:
    slots = [{"image": "img_0001.png", "mask": None, "label": 12, "added": 0, "star": 5}]
    raw = {"active": 0, "slots": slots, "next_seq": 2, "sets": {"a": [1]}}
    data = zipped({"pool/manifest.json": json.dumps(raw).encode(), "pool/img_0001.png": picture(1)})
    made = server.send_form(P + "import", {"file": ("a.zip", data)}).json["id"]
    server.add(made, picture(2))
    server.post("/grid_pool/remove", pool_id=made, index=0)
    server.snapshot(made)
    server.post("/grid_pool/undo", pool_id=made)
    old = server.history(made)[-1]["id"]
    server.post(P + "restore", id=made, snapshot=old, images=["img_0001.png"])
    copy = server.post(P + "duplicate", id=made, name="copy").json["id"]
    for profile in (made, copy):
        manifest = json.loads((server.pools / profile / "manifest.json").read_text())
        first = next(s for s in manifest["slots"] if s["image"] == "img_0001.png")
        assert (manifest["sets"], first["star"], first["label"]) == ({"a": [1]}, 5, "12")


def test_other_programs_keys_merge_key_by_key(
    machines: Callable[[str], Machine], tmp_path: Path
) -> None:
    one, two = linked(machines, tmp_path)
    profile = one.filled("Heroes")
    one.sync(profile)
    two.fetch("Heroes")
    for machine, key in ((one, "mine"), (two, "theirs")):
        path = machine.pools / profile / "manifest.json"
        raw = json.loads(path.read_text())
        raw["sets"] = {key: 1} if machine is one else raw.get("sets")
        raw[f"only {key}"] = True
        raw["slots"][0][key] = [1]
        path.write_text(json.dumps({k: v for k, v in raw.items() if v is not None}))
        machine.label(profile, 1, f"label {key}" if machine is one else "label mine")
    for machine in (one, two, one):
        machine.sync(profile)
    for machine in (one, two):
        raw = json.loads((machine.pools / profile / "manifest.json").read_text())
        assert (raw["only mine"], raw["only theirs"], raw["sets"]) == (True, True, {"mine": 1})
        assert (raw["slots"][0]["mine"], raw["slots"][0]["theirs"]) == ([1], [1])
