"""Undo and redo: any edits, taken back and made again, for profiles and plain pools.

`GITPOOL_EXAMPLES` sets how many sequences of edits are tried (25 here).
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from machines import Machine, linked
from support import Server, git, judge, mask, picture, tree_of

from gitpool.errors import Conflict
from gitpool.service import Service

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = int(os.environ.get("GITPOOL_EXAMPLES", "25"))
POOL = "p"


class Table:
    """A pool in a folder of its own, profile or plain, edited as a person would."""

    def __init__(self, folder: Path, profile: bool) -> None:
        self.folder = folder
        self.clock = 1_700_000_000.0
        self.profile = profile
        self.restart()
        if profile:
            self.service.profiles.create(POOL, "Heroes")

    def restart(self) -> None:
        base, user = self.folder / "pools", self.folder / "user"
        self.service = Service(base, user, lambda: self.clock, delay=3600)

    @property
    def pool(self) -> Path:
        return self.folder / "pools" / POOL

    def stage(self, data: bytes) -> Path:
        (self.folder / "pools").mkdir(exist_ok=True)
        path = self.folder / "pools" / ".staged"
        path.write_bytes(data)
        return path

    def edit(self, what: str, place: int, seed: int) -> None:
        """One edit; what has no image to be done to is left out."""
        self.clock += 1
        pools = self.service.pools
        slots = pools.list(POOL)["slots"]
        if what == "add":
            pools.add(POOL, self.stage(picture(seed % 5, (8, 6))), int(self.clock * 1000))
        elif what == "snapshot" and self.profile:
            self.service.versions.snapshot(POOL)
        elif what == "restore" and self.profile:
            self.restore(place, None)
        elif slots:
            self.edit_slot(what, [slot["image"] for slot in slots], place % len(slots), seed)

    def edit_slot(self, what: str, images: list[str], index: int, seed: int) -> None:
        pools = self.service.pools
        if what == "paint":
            pools.set_mask(POOL, index, self.stage(mask((8, 6), left=1 + seed % 7)))
        elif what == "clear":
            pools.set_mask(POOL, index, None)
        elif what == "label":
            pools.label(POOL, index, f"label {seed % 4}")
        elif what == "remove":
            pools.remove_images(POOL, images[index : index + 1 + seed % 3])
        elif what == "activate":
            pools.activate(POOL, index)
        elif what == "move":
            order = list(range(len(images)))
            random.Random(seed).shuffle(order)
            pools.reorder(POOL, order)
        elif what == "bring_back" and self.profile:
            self.restore(index, images[index : index + 2])

    def restore(self, place: int, images: list[str] | None) -> None:
        """Whole, or those of the images that the snapshot has."""
        versions = self.service.versions
        known = versions.history(POOL)["snapshots"]
        old = known[place % len(known)]["id"]
        if images is not None:
            there = {slot["image"] for slot in versions.look(POOL, old)["slots"]}
            images = [image for image in images if image in there] or None
        versions.restore(POOL, old, images)

    def state(self) -> list[tuple[Any, ...]]:
        """The slots in their order, with labels and bytes, as they lie on the disk."""
        manifest = json.loads((self.pool / "manifest.json").read_bytes())
        assert self.files() == {
            name for slot in manifest["slots"] for name in (slot["image"], slot["mask"]) if name
        }
        return [
            (
                slot["image"],
                slot["label"],
                slot["added"],
                (self.pool / slot["image"]).read_bytes(),
                (self.pool / slot["mask"]).read_bytes() if slot["mask"] else None,
            )
            for slot in manifest["slots"]
        ]

    def files(self) -> set[str]:
        return {path.name for path in self.pool.glob("*.png")}

    def walk(self, step: Callable[[str], Any]) -> list[list[tuple[Any, ...]]]:
        """Undo, or redo, until there is nothing more; every state on the way."""
        states = [self.state()]
        while True:
            try:
                answer = step(POOL)
            except Conflict as error:
                if error.code not in ("nothing_to_undo", "nothing_to_redo"):
                    raise
                return states
            said = answer.get("undone") or answer["redone"]
            assert said["count"] == len(said["images"]) > 0
            assert self.state() != states[-1]
            states.append(self.state())


EDITS = st.lists(
    st.tuples(
        st.sampled_from(
            [
                *("add", "add", "paint", "clear", "label", "remove", "move", "activate"),
                *("snapshot", "restore", "bring_back"),
            ]
        ),
        st.integers(0, 20),
        st.integers(0, 50),
    ),
    min_size=1,
    max_size=14,
)


@pytest.mark.parametrize("profile", [True, False], ids=["profile", "plain"])
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(edits=EDITS, restart=st.booleans())
def test_all_is_undone_and_redone(profile: bool, edits: list[Any], restart: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        table = Table(Path(folder), profile)
        table.edit("add", 0, 1)
        table.edit("add", 0, 2)
        states = [table.state()]
        for edit in edits:
            table.edit(*edit)
            if table.state() != states[-1]:
                states.append(table.state())
        if restart and profile:
            table.restart()
        back = table.walk(table.service.pools.undo)
        assert back[: len(states)] == states[::-1]
        assert back[-1] == []
        if restart and profile:
            table.restart()
        forth = table.walk(table.service.pools.redo)
        assert forth == back[::-1]
        assert table.walk(table.service.pools.undo) == back
        if profile:
            table.service.versions.snapshot(POOL)
            judge(table.pool)
        else:
            assert not (table.pool / ".git").exists()
            assert {p.name for p in table.pool.iterdir()} == {"manifest.json"}


@pytest.mark.parametrize("profile", [True, False], ids=["profile", "plain"])
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    edits=EDITS,
    steps=st.lists(st.sampled_from(["undo", "undo", "redo", "edit"]), min_size=1, max_size=16),
)
def test_steps_in_any_order_agree_with_a_stack(
    profile: bool, edits: list[Any], steps: list[str]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        table = Table(Path(folder), profile)
        table.edit("add", 0, 1)
        states, at = [[], table.state()], 1
        todo = iter(edits)
        for step in ["edit"] * (len(edits) // 2) + steps:
            pools = table.service.pools
            summary = pools.list(POOL)["undo"]
            assert (summary["undo"] is not None, summary["redo"] is not None) == (
                at > 0,
                at < len(states) - 1,
            )
            if step == "edit" and (edit := next(todo, None)):
                table.edit(*edit)
                if table.state() != states[at]:
                    states[at + 1 :] = [table.state()]
                    at += 1
            elif step == "undo" and at:
                pools.undo(POOL)
                at -= 1
            elif step == "redo" and at < len(states) - 1:
                pools.redo(POOL)
                at += 1
            assert table.state() == states[at]


def edited(server: Server, pool: str = POOL) -> str:
    for seed in range(3):
        server.add(pool, picture(seed))
    return pool


def undo(server: Server, pool: str = POOL, word: str = "undo") -> Any:
    return server.post(f"/grid_pool/{word}", pool_id=pool)


def names(manifest: Any) -> list[str]:
    return [slot["image"] for slot in manifest["slots"]]


@pytest.mark.parametrize("profile", [True, False], ids=["profile", "plain"])
def test_the_routes_say_what_was_done_and_what_can_be(server: Server, profile: bool) -> None:
    pool = edited(server, server.create("Heroes") if profile else POOL)
    assert server.list(pool)["undo"] == {"undo": {"kind": "add", "count": 1}, "redo": None}
    images = ["img_0001.png", "img_0003.png"]
    answer = server.post("/grid_pool/remove", pool_id=pool, images=images)
    assert answer.json["undo"]["undo"] == {"kind": "delete", "count": 2}
    answer = undo(server, pool)
    assert answer.status == 200
    assert answer.json["undone"] == {"kind": "delete", "images": images, "count": 2}
    assert names(answer.json) == ["img_0001.png", "img_0002.png", "img_0003.png"]
    assert answer.json["undo"]["redo"] == {"kind": "delete", "count": 2}
    answer = undo(server, pool, "redo")
    assert answer.json["redone"] == {"kind": "delete", "images": images, "count": 2}
    assert names(answer.json) == ["img_0002.png"]
    for _ in range(4):
        assert undo(server, pool).status == 200
    before = tree_of(server.pools)
    nothing = undo(server, pool)
    assert (nothing.status, nothing.json["error"]["code"]) == (409, "nothing_to_undo")
    assert tree_of(server.pools) == before
    server.add(pool, picture(9))
    nothing = undo(server, pool, "redo")
    assert (nothing.status, nothing.json["error"]["code"]) == (409, "nothing_to_redo")
    assert undo(server, "../x").status == 400
    assert undo(server, "nobody").status == 404
    assert not (server.pools / "nobody").exists()


def test_the_active_image_comes_back_with_what_was_active(server: Server) -> None:
    edited(server)
    server.post("/grid_pool/active", pool_id=POOL, index=1)
    server.post("/grid_pool/remove", pool_id=POOL, index=1)
    assert undo(server).json["active"] == 1
    assert undo(server, word="redo").json["active"] == 1
    server.post("/grid_pool/active", pool_id=POOL, index=0)
    # Somebody chose another since: that choice stays.
    assert undo(server).json["active"] == 0


def test_a_batch_is_one_step_after_a_restart_too(tmp_path: Path) -> None:
    first = service_over(tmp_path)
    first.profiles.create("p", "Heroes")
    for number, batch in enumerate(("one", "two", "two", "two")):
        staged = tmp_path / "staged"
        staged.write_bytes(picture(number))
        first.pools.add("p", staged, number, batch=batch)
    first.stop()
    second = service_over(tmp_path)
    assert second.pools.list("p")["undo"]["undo"]["count"] == 3
    assert second.pools.undo("p")["undone"] == {
        "kind": "add",
        "images": ["img_0002.png", "img_0003.png", "img_0004.png"],
        "count": 3,
    }
    assert [slot["image"] for slot in second.pools.list("p")["slots"]] == ["img_0001.png"]
    assert len(second.pools.redo("p")["slots"]) == 4
    second.stop()


def service_over(folder: Path) -> Service:
    return Service(folder / "pools", folder / "user", time.time, delay=3600)


def test_a_batch_of_added_images_is_one_step(server: Server) -> None:
    def add(seed: int, batch: str) -> Any:
        files = {"image": ("a.png", picture(seed))}
        return server.send_form("/grid_pool/add", files, pool_id=POOL, ts=seed, batch=batch)

    for seed in range(3):
        answer = add(seed, "one")
    assert answer.json["undo"]["undo"] == {"kind": "add", "count": 3}
    assert add(3, "two").json["undo"]["undo"]["count"] == 1
    assert len(undo(server).json["slots"]) == 3
    assert undo(server).json["undone"]["count"] == 3
    assert len(undo(server, word="redo").json["slots"]) == 3
    # It was undone and made again: what follows is a step of its own.
    assert add(4, "no such/word").status == 400


def test_what_something_else_changed_since_stays(server: Server) -> None:
    profile = edited(server, server.create("Heroes"))
    folder = server.pools / profile
    server.post("/grid_pool/label", pool_id=profile, index=0, label="mine")
    server.set_mask(profile, 1, mask())
    server.snapshot(profile)
    # A git user renames the label, drops a picture in, and commits.
    manifest = json.loads((folder / "manifest.json").read_bytes())
    manifest["slots"][0]["label"] = "theirs"
    (folder / "manifest.json").write_text(json.dumps(manifest))
    (folder / "dropped.png").write_bytes(picture(77))
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "By hand")
    answer = undo(server, profile).json
    assert answer["undone"]["kind"] == "mask"
    # The label isn't what our edit left: that edit is passed over, the one before it is next.
    answer = undo(server, profile).json
    assert answer["undone"] == {"kind": "add", "images": ["img_0003.png"], "count": 1}
    assert answer["slots"][0]["label"] == "theirs"
    assert [slot["label"] for slot in answer["slots"]] == ["theirs", "", "dropped"]
    server.snapshot(profile)
    judge(folder)


def test_a_sync_between_an_edit_and_its_undo(
    machines: Callable[[str], Machine], tmp_path: Path
) -> None:
    one, two = linked(machines, tmp_path)
    profile = one.filled(count=3)
    one.sync(profile)
    two.fetch("Heroes")
    there = profile
    one.remove(profile, 1)
    one.label(profile, 0, "ours")
    two.label(there, 0, "theirs")
    two.add(there, picture(50))
    two.sync(there)
    one.sync(profile)
    before = one.labels(profile)
    # Undone is what we did: the image comes back into its place, the other's stays.
    assert undo(one, profile).status == 200
    assert undo(one, profile).json["undone"]["images"] == ["img_0002.png"]
    assert len(one.slots(profile)) == 4
    assert one.images(profile)[1] == picture(1)
    assert picture(50) in one.images(profile)
    assert before[0] == "ours"
    assert one.labels(profile)[0] == ""
    one.sync(profile)
    two.sync(there)
    assert two.images(there) == one.images(profile)
    one.judge(profile)


def test_a_name_that_another_picture_has_by_now(server: Server) -> None:
    """A picture comes back under a new number where its own was given away meanwhile."""
    profile = edited(server, server.create("Heroes"))
    folder = server.pools / profile
    server.set_mask(profile, 1, mask())
    server.post("/grid_pool/remove", pool_id=profile, index=1)
    manifest = json.loads((folder / "manifest.json").read_bytes())
    (folder / "img_0002.png").write_bytes(picture(99))
    slot = {"image": "img_0002.png", "mask": None, "label": "another", "added": 5}
    manifest["slots"].append(slot)
    (folder / "manifest.json").write_text(json.dumps(manifest))
    answer = undo(server, profile).json
    assert names(answer) == ["img_0001.png", "img_0004.png", "img_0003.png", "img_0002.png"]
    assert (folder / "img_0004.png").read_bytes() == picture(1)
    assert (folder / "img_0004.mask.png").read_bytes() == mask()
    assert (folder / "img_0002.png").read_bytes() == picture(99)


def test_a_profile_remembers_across_restarts_and_a_torn_line(tmp_path: Path) -> None:
    table = Table(tmp_path, profile=True)
    for seed in range(3):
        table.edit("add", 0, seed)
    journal = table.pool / ".git" / "gitpool-edits.jsonl"
    whole = journal.read_bytes()
    table.edit("label", 0, 1)
    # A crash cut the last line off; lines that nobody of ours wrote are passed over too.
    journal.write_bytes(whole + b'[1]\n{"do":"edit"}\n{"do":"undo","steps":"x"}\n{"do":"ed')
    table.restart()
    table.edit("remove", 0, 0)
    table.restart()
    assert table.service.pools.list(POOL)["undo"]["undo"] == {"kind": "delete", "count": 1}
    kinds = [table.service.pools.undo(POOL)["undone"]["kind"] for _ in range(3)]
    assert kinds == ["delete", "add", "add"]
    assert [slot[1] for slot in table.state()] == ["label 1"]
    judge(table.pool, clean=False)


def test_a_journal_that_somebody_made_up_reaches_nothing(tmp_path: Path) -> None:
    table = Table(tmp_path, profile=True)
    table.edit("add", 0, 1)
    journal = table.pool / ".git" / "gitpool-edits.jsonl"
    side = {"added": 1, "label": "", "image_id": "0" * 40, "mask": None, "mask_id": None}
    side |= {"index": 0, "behind": None, "ahead": None}
    for odd in (
        {"image": "../../evil.png", "before": side, "after": None},
        {"image": "evil.png", "before": {**side, "mask": ".git/config"}, "after": None},
        {"image": "evil.png", "before": {**side, "image_id": "../../x"}, "after": None},
        {"image": "evil.png", "before": {"added": 1}, "after": None},
        {"image": "img_0001.png", "before": {"added": 1, "mask": None}, "after": {"added": 1}},
    ):
        line = {"do": "edit", "kind": "delete", "slots": [odd], "active": [None, None]}
        with journal.open("a") as file:
            file.write(json.dumps(line) + "\n")
    before = table.state()
    assert table.service.pools.undo(POOL)["undone"]["kind"] == "add"
    assert table.service.pools.redo(POOL)["redone"]["kind"] == "add"
    assert table.state() == before
    journal.unlink()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("mine")
    journal.symlink_to(elsewhere)
    table.edit("label", 0, 1)
    assert elsewhere.read_text() == "mine"


def test_what_is_gone_is_said_and_passed_over_the_next_time(server: Server) -> None:
    profile = edited(server, server.create("Heroes"))
    server.post("/grid_pool/label", pool_id=profile, index=0, label="first")
    server.post("/grid_pool/remove", pool_id=profile, index=2)
    folder = server.pools / profile
    blob = git(folder, "rev-parse", "HEAD:img_0003.png")
    (folder / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
    pool_files = {k: v for k, v in tree_of(folder).items() if ".git" not in k}
    gone = undo(server, profile)
    assert (gone.status, gone.json["error"]["code"]) == (409, "undo_gone")
    assert {k: v for k, v in tree_of(folder).items() if ".git" not in k} == pool_files
    assert undo(server, profile).json["undone"]["kind"] == "label"


def test_a_plain_pool_keeps_a_session_within_bounds(tmp_path: Path) -> None:
    table = Table(tmp_path, profile=False)
    kept = tmp_path / "pools" / ".gitpool" / "undo" / POOL
    table.edit("add", 0, 1)
    table.edit("remove", 0, 0)
    table.edit("add", 0, 2)
    assert len(list(kept.iterdir())) == 1
    for number in range(200):
        table.edit("label", 0, number)
    assert list(kept.iterdir()) == []
    assert len(table.walk(table.service.pools.undo)) == 201
    assert len(table.files()) == 1
    # Another session has no use for what this one kept.
    table.edit("remove", 0, 0)
    assert len(list(kept.iterdir())) == 1
    table.restart()
    assert table.service.pools.list(POOL)["undo"] == {"undo": None, "redo": None}
    table.service.library.clean_staging()
    assert kept.is_dir()
    table.clock = time.time() + 90_000
    table.service.library.clean_staging()
    assert not kept.exists()


def test_bytes_that_changed_while_they_were_kept_are_not_given_back(tmp_path: Path) -> None:
    table = Table(tmp_path, profile=False)
    table.edit("add", 0, 1)
    table.edit("add", 0, 2)
    table.edit("remove", 0, 0)
    (kept,) = (tmp_path / "pools" / ".gitpool" / "undo" / POOL).iterdir()
    kept.write_bytes(b"something else")
    before = table.state()
    with pytest.raises(Conflict) as raised:
        table.service.pools.undo(POOL)
    assert raised.value.code == "undo_gone"
    assert table.state() == before


def test_a_restore_is_undone_as_one(server: Server) -> None:
    profile = edited(server, server.create("Heroes"))
    old = server.snapshot(profile)["id"]
    server.post("/grid_pool/remove", pool_id=profile, images=["img_0001.png", "img_0002.png"])
    server.post("/grid_pool/label", pool_id=profile, index=0, label="left over")
    server.add(profile, picture(8))
    before = server.list(profile)
    server.post("/grid_pool/profiles/restore", id=profile, snapshot=old)
    assert server.list(profile)["undo"]["undo"]["kind"] == "restore"
    assert len(server.list(profile)["slots"]) == 3
    answer = undo(server, profile).json
    assert names(answer) == names(before)
    assert answer["slots"][0]["label"] == "left over"
    assert server.history(profile)[0]["message"].startswith("Undo: Restore a snapshot")
    judge(server.pools / profile)
    assert names(undo(server, profile, "redo").json) == [f"img_000{n}.png" for n in (1, 2, 3)]
    images = ["img_0004.png"]
    newest = server.history(profile)[1]["id"]
    server.post("/grid_pool/profiles/restore", id=profile, snapshot=newest, images=images)
    assert undo(server, profile).json["undone"]["kind"] == "bring_back"
    server.snapshot(profile)
    judge(server.pools / profile)


def test_other_profiles_begin_with_nothing_to_undo(server: Server) -> None:
    profile = edited(server, server.create("Heroes"))
    copy = server.post("/grid_pool/profiles/duplicate", id=profile, name="Copy").json["id"]
    assert server.list(copy)["undo"] == {"undo": None, "redo": None}
    assert undo(server, copy).status == 409
    # A renamed or deleted profile takes its own along.
    server.post("/grid_pool/profiles/rename", id=profile, name="Villains")
    server.post("/grid_pool/profiles/delete", id=profile)
    server.post("/grid_pool/profiles/undelete", id=profile)
    assert len(undo(server, profile).json["slots"]) == 2
    empty = server.create("Empty")
    server.post("/grid_pool/profiles/seed", **{"from": copy, "id": empty})
    answer = undo(server, empty).json
    assert (answer["undone"]["kind"], answer["slots"]) == ("seed", [])
    assert len(undo(server, empty, "redo").json["slots"]) == 3


_STEPS = """
import sys, time
from pathlib import Path
from gitpool.service import Service
base = Path(sys.argv[1])
service = Service(base / "pools", base / "user", lambda: 1_700_000_000.0, delay=3600)
print("begun", flush=True)
while True:
    service.pools.undo("p")
    service.pools.redo("p")
"""


@pytest.mark.parametrize("profile", [True, False], ids=["profile", "plain"])
def test_killed_at_any_moment_it_is_old_or_new(tmp_path: Path, profile: bool) -> None:
    table = Table(tmp_path, profile)
    for seed in range(6):
        table.edit("add", 0, seed)
        table.edit("paint", seed, seed)
    chance = random.Random(3)
    for turn in range(8):
        whole = table.state()
        images = [slot[0] for slot in whole]
        table.service.pools.remove_images(POOL, images[:4])
        rest = table.state()
        script = [sys.executable, "-c", _STEPS, str(tmp_path)]
        if profile:
            process = subprocess.Popen(script, stdout=subprocess.PIPE, text=True, cwd=ROOT)
        else:
            # A plain pool's edits are known to their own session alone: it makes the edit.
            table.service.pools.undo(POOL)
            remove = f'service.pools.remove_images("p", {images[:4]!r})\nwhile True:'
            script[2] = _STEPS.replace("while True:", remove)
            process = subprocess.Popen(script, stdout=subprocess.PIPE, text=True, cwd=ROOT)
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        time.sleep(chance.uniform(0.05, 0.5))
        process.send_signal(signal.SIGKILL)
        process.wait(300)
        process.stdout.close()
        table.restart()
        if profile:
            table.service.versions.snapshot(POOL)
            judge(table.pool)
            assert table.state() in (whole, rest)
            if table.state() == rest:
                table.service.pools.undo(POOL)
        else:
            manifest = json.loads((table.pool / "manifest.json").read_bytes())
            assert names(manifest) in (images, images[4:])
            assert {*names(manifest)} <= table.files()
            if names(manifest) != images:
                return
        assert table.state() == whole or not profile, turn
