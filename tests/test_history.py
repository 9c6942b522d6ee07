"""Looking, comparing and searching in a history, with C git as the judge of each answer."""

from __future__ import annotations

import json
import random
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from support import Server, git, judge, mask, picture, tree_of

P = "/grid_pool/profiles/"
THUMB = "/grid_pool/thumb"


def git_files(folder: Path, commit: str) -> dict[str, str]:
    """Blob ids by path, as C git lists them."""
    lines = git(folder, "ls-tree", "-r", commit).splitlines()
    return {line.partition("\t")[2]: line.split()[2] for line in lines}


def git_manifest(folder: Path, commit: str) -> Any:
    return json.loads(git(folder, "show", f"{commit}:manifest.json"))


class Story:
    """A profile to which random things happen, some of them by a git user's hand."""

    def __init__(self, server: Server, seed: int) -> None:
        self.server, self.random = server, random.Random(seed)
        self.profile = server.create(f"story {seed}")
        self.folder = server.pools / self.profile
        self.pictures = seed * 1000
        for _ in range(4):
            self.add()
        self.server.snapshot(self.profile)

    @property
    def slots(self) -> list[dict[str, Any]]:
        return self.server.list(self.profile)["slots"]

    def go_on(self, steps: int) -> list[str]:
        """Let `steps` things happen; every snapshot's id."""
        edits = [self.add, self.remove, self.reorder, self.label, self.paint, self.clear]
        edits += [self.restore, self.bring_back, self.git_renames, self.git_replaces]
        for step in range(steps):
            # Each at least once, whatever the dice say.
            (edits[step] if step < len(edits) else self.random.choice(edits))()
            if self.random.random() < 0.6:
                self.server.snapshot(self.profile)
        self.server.snapshot(self.profile)
        judge(self.folder)
        return git(self.folder, "rev-list", "HEAD").split()

    def _post(self, route: str, **fields: Any) -> None:
        answer = self.server.post(route, **fields)
        assert answer.status == 200, (route, answer.body)

    def _index(self) -> int:
        if not self.slots:
            self.add()
        return self.random.randrange(len(self.slots))

    def add(self) -> None:
        self.pictures += 1
        self.server.add(self.profile, picture(self.pictures))

    def remove(self) -> None:
        self._post("/grid_pool/remove", pool_id=self.profile, index=self._index())

    def reorder(self) -> None:
        order = list(range(len(self.slots)))
        self.random.shuffle(order)
        self._post("/grid_pool/reorder", pool_id=self.profile, order=order)

    def label(self) -> None:
        fields = {"index": self._index(), "label": f"ラベル {self.random.randrange(5)}"}
        self._post("/grid_pool/label", pool_id=self.profile, **fields)

    def paint(self) -> None:
        index, left = self._index(), self.random.randrange(1, 23)
        assert self.server.set_mask(self.profile, index, mask(left=left)).status == 200

    def clear(self) -> None:
        assert self.server.set_mask(self.profile, self._index(), b"").status == 200

    def restore(self) -> None:
        old = self.random.choice(git(self.folder, "rev-list", "HEAD").split())
        self._post(P + "restore", id=self.profile, snapshot=old)

    def bring_back(self) -> None:
        old = self.random.choice(git(self.folder, "rev-list", "HEAD").split())
        images = [slot["image"] for slot in git_manifest(self.folder, old)["slots"]]
        if images:
            some = self.random.sample(images, min(2, len(images)))
            self._post(P + "restore", id=self.profile, snapshot=old, images=some)

    def git_renames(self) -> None:
        self._index()
        self.server.snapshot(self.profile)
        git(self.folder, "mv", self.slots[0]["image"], f"cat {self.pictures}.png")
        git(self.folder, "commit", "-qam", "Call it a cat")

    def git_replaces(self) -> None:
        self._index()
        self.server.snapshot(self.profile)
        self.pictures += 1
        (self.folder / self.slots[-1]["image"]).write_bytes(picture(self.pictures))
        git(self.folder, "commit", "-qam", "Another picture")


@pytest.mark.parametrize("seed", range(3))
def test_a_look_is_what_git_shows(server: Server, seed: int) -> None:
    story = Story(server, seed)
    ids = story.go_on(14)
    before = tree_of(server.host.input_directory())
    blobs = set()
    for commit in ids:
        look = server.get(P + "look", id=story.profile, snapshot=commit).json
        manifest, files = git_manifest(story.folder, commit), git_files(story.folder, commit)
        assert look["snapshot"]["id"] == commit
        assert look["active"] == manifest["active"]
        own = ("image", "mask", "label", "added")
        assert [{k: s[k] for k in own} for s in look["slots"]] == manifest["slots"]
        for index, slot in enumerate(look["slots"]):
            assert slot["index"] == index
            assert slot["image_id"] == files.get(slot["image"])
            assert slot["mask_id"] == (files[slot["mask"]] if slot["mask"] else None)
            blobs |= {(slot[k], slot[f"{k}_id"], commit) for k in ("image", "mask") if slot[k]}
    seen = set()
    for name, blob, commit in sorted(blobs, key=str):
        if blob and blob not in seen:
            seen.add(blob)
            by_content = server.get(THUMB, pool_id=story.profile, name=name, blob=blob)
            by_name = server.get(THUMB, pool_id=story.profile, name=name, snapshot=commit)
            assert by_content.status == by_name.status == 200, by_content.body
            assert by_content.body == by_name.body
            assert "immutable" in by_content.headers["Cache-Control"]
    assert tree_of(server.host.input_directory()) == before


def explained(slot: dict[str, Any]) -> set[str]:
    """The paths that a slot of a diff accounts for."""
    sides = [side for side in (slot["from"], slot["to"]) if side]
    paths = {
        part: {side[part] for side in sides if side[f"{part}_id"]} for part in ("image", "mask")
    }
    whole = slot["change"] in ("added", "removed")
    return set().union(*(paths[p] for p in paths if whole or p in slot["what"]))


def fewest_moves(before: list[str], after: list[str]) -> int:
    common = [name for name in after if name in before]
    longest: list[int] = []
    for i, name in enumerate(common):
        behind = [longest[j] for j in range(i) if before.index(common[j]) < before.index(name)]
        longest.append(1 + max(behind, default=0))
    return len(common) - max(longest, default=0)


def check_diff(folder: Path, slots: list[dict[str, Any]], old: str, new: str) -> None:
    named = set(git(folder, "diff-tree", "-r", "--name-only", old, new).splitlines())
    manifests = [git_manifest(folder, commit) for commit in (old, new)]
    listed = {s[part] for m in manifests for s in m["slots"] for part in ("image", "mask")}
    # What a git user committed and no list of images names yet is no part of the pool.
    assert set().union(*map(explained, slots)) == named & listed
    before, after = ({s["image"]: s for s in m["slots"]} for m in manifests)
    told = {slot["image"]: slot for slot in slots}
    assert len(told) == len(slots)
    kinds = {"added": after.keys() - before.keys(), "removed": before.keys() - after.keys()}
    for kind, images in kinds.items():
        assert {n for n, slot in told.items() if slot["change"] == kind} == images
    both = before.keys() & after.keys()
    labels = {n for n in both if before[n]["label"] != after[n]["label"]}
    assert {n for n, slot in told.items() if "label" in slot["what"]} == labels
    moved = {n for n, slot in told.items() if "moved" in slot["what"]}
    kept = [[n for n in side if n in both and n not in moved] for side in (before, after)]
    assert kept[0] == kept[1]
    assert len(moved) == fewest_moves(list(before), list(after))
    quiet = [
        n for n, s in told.items() if s["change"] not in ("added", "removed") and not s["what"]
    ]
    assert quiet == []
    assert {n for n, s in told.items() if s["change"] == "moved"} == {
        n for n, s in told.items() if s["what"] == ["moved"]
    }
    for commit, side in ((old, "from"), (new, "to")):
        files, order = (
            git_files(folder, commit),
            [s["image"] for s in manifests[side == "to"]["slots"]],
        )
        for slot in filter(None, (slot[side] for slot in slots)):
            assert order[slot["index"]] == slot["image"]
            assert slot["image_id"] == files.get(slot["image"])
            assert slot["mask_id"] == files.get(slot["mask"] or "")


@pytest.mark.parametrize("seed", range(3, 7))
def test_a_comparison_names_what_git_names_and_nothing_else(server: Server, seed: int) -> None:
    story = Story(server, seed)
    ids = story.go_on(18)
    pairs = [(a, b) for a in ids for b in ids]
    neighbours = list(zip(ids[1:], ids, strict=False))
    for old, new in [*neighbours, *story.random.sample(pairs, 40)]:
        query = {"id": story.profile, "from": old, "to": new}
        check_diff(story.folder, server.get(P + "diff", **query).json["slots"], old, new)
    story.label()
    story.add()
    story.reorder()
    query = {"id": story.profile, "from": ids[-2], "to": "now"}
    unsaved = server.get(P + "diff", **query).json["slots"]
    looked = server.get(P + "look", id=story.profile).json
    new = server.snapshot(story.profile)["id"]
    assert server.get(P + "diff", **{**query, "to": new}).json["slots"] == unsaved
    check_diff(story.folder, unsaved, ids[-2], new)
    saved = server.get(P + "look", id=story.profile, snapshot=new).json
    assert (looked["snapshot"], looked["slots"]) == (None, saved["slots"])


def test_every_order_of_four_says_the_fewest_moves(server: Server) -> None:
    profile = server.create("orders")
    for seed in range(4):
        server.add(profile, picture(seed))
    base = server.snapshot(profile)["id"]
    for order in permutations(range(4)):
        server.post(P + "restore", id=profile, snapshot=base)
        server.post("/grid_pool/reorder", pool_id=profile, order=order)
        server.snapshot(profile)
        new = git(server.pools / profile, "rev-parse", "HEAD")
        slots = server.get(P + "diff", id=profile, **{"from": base, "to": new}).json["slots"]
        check_diff(server.pools / profile, slots, base, new)
        assert [slot["change"] for slot in slots] == ["moved"] * len(slots)
    judge(server.pools / profile)


def test_a_line_shows_at_most_eight_pictures_whatever_was_done(server: Server) -> None:
    profile = server.create("many")
    for seed in range(10):
        server.add(profile, picture(seed))
    server.snapshot(profile)
    images = [slot["image"] for slot in server.list(profile)["slots"]]
    server.post("/grid_pool/remove", pool_id=profile, images=images[:9])
    server.set_mask(profile, 0, mask())
    for seed in range(9):
        server.add(profile, picture(50 + seed))
    line = server.snapshot(profile)
    assert line["changes"]["added"] == line["changes"]["removed"] == 9
    shown = line["strip"]
    assert [one["change"] for one in shown] == ["added"] * 8
    files = git_files(server.pools / profile, line["id"])
    assert [one["image_id"] for one in shown] == [files[one["image"]] for one in shown]


def test_questions_change_nothing_on_disk(server: Server) -> None:
    story = Story(server, 99)
    ids = story.go_on(12)
    story.label()
    story.add()
    (story.folder / "dropped.png").write_bytes(picture(5))
    (story.folder / ".git" / "refs" / "heads" / "stale.lock").write_bytes(b"")
    for damage in (None, b"{ not json"):
        if damage:
            (story.folder / "manifest.json").write_bytes(damage)
        before = tree_of(server.host.input_directory())
        server.host.events.clear()
        for query in ({}, {"q": "add"}, {"auto": "0"}, {"before": ids[3], "limit": 2}):
            assert server.get(P + "history", id=story.profile, **query).status == 200
        for commit in (*ids[:5], "now"):
            looked = server.get(P + "look", id=story.profile, snapshot=commit)
            assert looked.status == 200
            query = {"id": story.profile, "from": ids[-1], "to": commit}
            assert server.get(P + "diff", **query).status == 200
            for slot in looked.json["slots"]:
                fields = {"name": slot["image"], "blob": slot["image_id"]}
                if slot["image_id"]:
                    assert server.get(THUMB, pool_id=story.profile, **fields).status == 200
        assert tree_of(server.host.input_directory()) == before
        assert server.host.events == []
