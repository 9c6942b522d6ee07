"""Bringing back a part of a snapshot, and what a person says of one; C git judges both."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations, permutations
from pathlib import Path
from typing import Any

import pytest
from machines import Machine
from support import Answer, Server, git, judge, mask, picture, tree_of
from test_history import P, git_files, git_manifest

PARTS = ("image", "mask", "label")
SUBSETS = [some for n in (1, 2, 3) for some in combinations(PARTS, n)]
LOCKED = "Pool-Locked: yes"


class Then:
    """A profile whose images had, at `old`, other pictures, masks and labels."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.profile = server.create("then and now")
        self.folder = server.pools / self.profile
        for seed in range(4):
            server.add(self.profile, picture(seed))
        for index in (0, 1):
            server.set_mask(self.profile, index, mask(left=3 + index))
        for index in range(3):
            self.label(index, f"old {index}")
        self.old = server.snapshot(self.profile)["id"]

    def label(self, index: int, text: str) -> None:
        fields = {"pool_id": self.profile, "index": index, "label": text}
        assert self.server.post("/grid_pool/label", **fields).status == 200

    def move_on(self) -> None:
        """Other masks, labels, order and active image; the first has no mask any more, the
        third has one, and a git user put another picture under each name."""
        self.server.set_mask(self.profile, 0, b"")
        for index in (1, 2):
            self.server.set_mask(self.profile, index, mask(left=11 + index))
        for index in range(4):
            self.label(index, f"new {index}")
        self.server.post("/grid_pool/reorder", pool_id=self.profile, order=[3, 2, 0, 1])
        self.server.post("/grid_pool/active", pool_id=self.profile, index=1)
        self.server.snapshot(self.profile)
        for number in (1, 2, 3):
            (self.folder / f"img_000{number}.png").write_bytes(picture(100 + number))
        git(self.folder, "commit", "-qam", "Other pictures")

    def restore(self, images: list[str], what: Any = None, snapshot: str = "") -> Answer:
        fields: dict[str, Any] = {"id": self.profile, "snapshot": snapshot or self.old}
        return self.server.post(
            P + "restore", data={**fields, "images": images, **({"what": what} if what else {})}
        )

    def manifest(self) -> Any:
        return git_manifest(self.folder, "HEAD")


@pytest.mark.parametrize("number", [1, 2, 3])
@pytest.mark.parametrize("parts", SUBSETS)
def test_only_the_part_asked_for_comes_back(
    server: Server, number: int, parts: tuple[str, ...]
) -> None:
    then = Then(server)
    then.move_on()
    image, drawn = f"img_000{number}.png", f"img_000{number}.mask.png"
    before, tip = then.manifest(), git(then.folder, "rev-parse", "HEAD")
    made = then.restore([image], list(parts)).json["snapshot"]
    assert (made["id"], made["parents"]) == (git(then.folder, "rev-parse", "HEAD"), [tip])
    judge(then.folder)
    named = git(then.folder, "diff-tree", "-r", "--name-only", tip, made["id"]).splitlines()
    paths = {"image": {image}, "mask": {drawn}, "label": {"manifest.json"}}
    # A mask painted again has the same name; one that came or went is in the list of images.
    paths["mask"] |= {"manifest.json"} if number != 2 else set()
    assert set(named) == set().union(*(paths[part] for part in parts))
    old, new = git_files(then.folder, then.old), git_files(then.folder, made["id"])
    if "image" in parts:
        assert new[image] == old[image]
    if "mask" in parts:
        assert new.get(drawn) == old.get(drawn)
    for path, blob in new.items():
        assert git(then.folder, "hash-object", path) == blob
    after = then.manifest()
    slots = {slot["image"]: slot for slot in git_manifest(then.folder, then.old)["slots"]}
    for was, now in zip(before["slots"], after["slots"], strict=True):
        taken = set(parts) & {"mask", "label"} if was["image"] == image else set()
        assert now == {**was, **{part: slots[image][part] for part in taken}}
    assert {**after, "slots": []} == {**before, "slots": []}
    told = server.get(P + "diff", id=then.profile, **{"from": tip, "to": made["id"]}).json["slots"]
    assert [(slot["image"], slot["what"]) for slot in told] == [(image, list(parts))]
    # A second time there is nothing to do, and no snapshot of it.
    assert then.restore([image], list(parts)).json["snapshot"]["id"] == made["id"]


def expected_order(old: list[str], now: list[str], image: str) -> list[str]:
    """Behind the nearest of its old neighbours in front, or else before the nearest behind."""
    at = old.index(image)
    for name in reversed(old[:at]):
        if name in now:
            return [*now[: now.index(name) + 1], image, *now[now.index(name) + 1 :]]
    for name in old[at + 1 :]:
        if name in now:
            return [*now[: now.index(name)], image, *now[now.index(name) :]]
    return [*now, image]


@pytest.mark.parametrize("target", range(4))
def test_an_image_comes_back_among_its_old_neighbours(server: Server, target: int) -> None:
    profile = server.create("places")
    for seed in range(4):
        server.add(profile, picture(seed))
    base = server.snapshot(profile)["id"]
    old = [f"img_000{n}.png" for n in (1, 2, 3, 4)]
    image, others = old[target], [name for n, name in enumerate(old) if n != target]
    for count in range(4):
        for wanted in permutations(others, count):
            server.post(P + "restore", id=profile, snapshot=base)
            gone = [name for name in old if name not in wanted]
            server.post("/grid_pool/remove", pool_id=profile, images=gone)
            left = [name for name in old if name in wanted]
            order = [left.index(name) for name in wanted]
            server.post("/grid_pool/reorder", pool_id=profile, order=order)
            active = wanted[-1] if wanted else image
            if wanted:
                server.post("/grid_pool/active", pool_id=profile, index=count - 1)
            fields = {"id": profile, "snapshot": base, "images": [image]}
            assert server.post(P + "restore", **fields).status == 200
            pool = server.list(profile)
            images = [slot["image"] for slot in pool["slots"]]
            assert images == expected_order(old, list(wanted), image)
            assert images[pool["active"]] == active
    judge(server.pools / profile)


def test_several_come_back_in_their_old_order_however_they_are_named(server: Server) -> None:
    then = Then(server)
    images = [slot["image"] for slot in then.manifest()["slots"]]
    for some in permutations(images, 3):
        server.post("/grid_pool/remove", pool_id=then.profile, images=list(some))
        assert then.restore([*some, some[0]]).status == 200
        assert then.manifest()["slots"] == git_manifest(then.folder, then.old)["slots"]
        tree = git(then.folder, "rev-parse", "HEAD^{tree}", f"{then.old}^{{tree}}").split()
        assert git_files(then.folder, tree[0]).items() >= {
            (n, b) for n, b in git_files(then.folder, tree[1]).items() if n != "manifest.json"
        }
    judge(then.folder)


@pytest.mark.parametrize("saved", [True, False])
@pytest.mark.parametrize("parts", [some for some in SUBSETS if "image" not in some])
def test_a_part_of_an_image_that_is_gone_is_refused(
    server: Server, parts: tuple[str, ...], saved: bool
) -> None:
    then = Then(server)
    server.post("/grid_pool/remove", pool_id=then.profile, index=1)
    then.label(0, "unsaved")
    if saved:
        server.snapshot(then.profile)
    before = tree_of(server.host.input_directory())
    server.host.events.clear()
    for images in (["img_0002.png"], ["img_0001.png", "img_0002.png"]):
        answer = then.restore(images, list(parts))
        assert (answer.status, answer.code) == (409, "image_gone")
        assert answer.json["error"]["hint"]
    assert tree_of(server.host.input_directory()) == before
    assert server.host.events == []
    judge(then.folder, clean=saved)


@pytest.mark.parametrize("saved", [True, False])
def test_a_mask_of_another_size_than_the_picture_is_refused(server: Server, saved: bool) -> None:
    then = Then(server)
    big = (then.folder / "img_0002.png", picture(50, (40, 30)))
    then.server.set_mask(then.profile, 1, b"")
    big[0].write_bytes(big[1])
    if saved:
        server.snapshot(then.profile)
    server.list(then.profile)
    before = tree_of(server.host.input_directory())
    for parts in (["mask"], ["mask", "label"]):
        answer = then.restore(["img_0001.png", "img_0002.png"], parts)
        assert (answer.status, answer.code) == (422, "mask_size")
        assert tree_of(server.host.input_directory()) == before
    assert then.restore(["img_0002.png"], ["label"]).status == 200
    assert then.restore(["img_0002.png"], ["image", "mask"]).status == 200
    assert then.manifest()["slots"] == git_manifest(then.folder, then.old)["slots"]
    # The other way round: the old picture under a mask of the new one's size.
    big[0].write_bytes(big[1])
    assert server.set_mask(then.profile, 1, mask((40, 30))).status == 200
    assert then.restore(["img_0002.png"], ["image"]).status == 422
    assert big[0].read_bytes() == big[1]
    assert then.restore(["img_0002.png"]).status == 200
    judge(then.folder)


def test_what_is_not_saved_is_in_a_snapshot_before_a_part_comes_back(server: Server) -> None:
    then = Then(server)
    then.label(2, "precious")
    server.set_mask(then.profile, 0, mask(left=20))
    painted = (then.folder / "img_0001.mask.png").read_bytes()
    made = then.restore(["img_0001.png"], ["mask"]).json["snapshot"]
    kept = server.history(then.profile)[1]
    assert (kept["id"], kept["kind"]) == (made["parents"][0], "auto")
    blob = git_files(then.folder, kept["id"])["img_0001.mask.png"]
    (then.folder / ".git" / "scratch").write_bytes(painted)
    assert git(then.folder, "hash-object", ".git/scratch") == blob
    assert server.list(then.profile)["slots"][2]["label"] == "precious"
    assert made["sentence"].startswith("Bring back a mask from “")
    judge(then.folder)


def test_what_a_git_user_renamed_comes_back_beside_it(server: Server) -> None:
    then = Then(server)
    git(then.folder, "mv", "img_0002.png", "cat.png")
    git(then.folder, "commit", "-qam", "A cat")
    new = server.snapshot(then.profile)["id"]
    query = {"id": then.profile, "from": then.old, "to": new}
    told = {s["image"]: s for s in server.get(P + "diff", **query).json["slots"]}
    (cat,) = (s for s in told.values() if s["change"] == "added")
    assert told["img_0002.png"]["change"] == "removed"
    assert cat["to"]["image_id"] == told["img_0002.png"]["from"]["image_id"]
    assert then.restore(["img_0002.png"]).status == 200
    images = [slot["image"] for slot in then.manifest()["slots"]]
    assert images == ["img_0001.png", "img_0002.png", "img_0003.png", "img_0004.png", cat["image"]]
    files = git_files(then.folder, "HEAD")
    assert files["img_0002.png"] == files[cat["image"]]
    assert files["img_0002.mask.png"] == git_files(then.folder, then.old)["img_0002.mask.png"]
    judge(then.folder)


def test_a_mask_that_a_git_user_took_away_comes_back_as_none(server: Server) -> None:
    then = Then(server)
    git(then.folder, "rm", "-q", "img_0001.mask.png")
    git(then.folder, "commit", "-qm", "No mask")
    bare = git(then.folder, "rev-parse", "HEAD")
    for parts in (["mask"], None):
        assert server.set_mask(then.profile, 0, mask(left=9)).status == 200
        assert then.restore(["img_0001.png"], parts, bare).status == 200
        assert server.list(then.profile)["slots"][0]["mask"] is None
        assert "img_0001.mask.png" not in git_files(then.folder, "HEAD")
        judge(then.folder)


def test_a_label_comes_back_beside_a_mask_that_never_fitted(server: Server) -> None:
    then = Then(server)
    (then.folder / "img_0001.png").write_bytes(picture(60, (40, 30)))
    then.label(0, "newer")
    assert then.restore(["img_0001.png"], ["label"]).status == 200
    assert then.manifest()["slots"] == git_manifest(then.folder, then.old)["slots"]
    judge(then.folder)


# Names and notes.

NOTES = [
    ("Heroes", "one line"),
    ("", "only a note"),
    ("", "\n\nmany\n\nlines\n\n\nof it\n\n"),
    ("Final", "第一行\n二行目 🎨\n\nثلاثة"),
    ("\u202eover\u202c", "left \u2066isolate\u2069 \u200fright"),
    ("# not a comment", "# nor is this\n; nor this"),
    ("tab\there", "object 0000\ntype commit\ntag x\ntagger y\n\nbody"),
    (LOCKED, ""),
    ("", LOCKED),
    ("x", LOCKED),
    ("x " + LOCKED, "y\n" + LOCKED),
    ("x", f"y\n\n{LOCKED}\n\n{LOCKED}"),
    ("Pool-Locked: no", "Pool-Locked: no\n\nPool-Locked: no"),
    ("signed", "-----BEGIN PGP SIGNATURE-----\n\nabc\n-----END PGP SIGNATURE-----"),
    ("signed", "a\n-----BEGIN SSH SIGNATURE-----\nabc\n-----END SSH SIGNATURE-----\nb"),
    ("Pool-Snapshot: auto", "Pool-Profile: other\nPool-Name: other"),
    ("carriage", "a\r\nb\rc"),
    ("é" * 900, "字" * 2000),
]


@pytest.mark.parametrize(("name", "note"), NOTES)
@pytest.mark.parametrize("locked", [True, False])
def test_odd_names_and_notes_come_back_as_they_are(
    server: Server, name: str, note: str, locked: bool
) -> None:
    profile = server.create("notes")
    server.add(profile, picture())
    target = server.snapshot(profile)["id"]
    folder, own = server.pools / profile, {"id": profile, "snapshot": target}
    said = {**own, "message": name, "note": note, "locked": locked}
    for told in (server.post(P + "lock", data=said).json["snapshot"], server.history(profile)[0]):
        assert (told["name"], told["note"], told["locked"]) == (name, note.strip(), locked)
        assert told["message"] == (name or told["sentence"])
    judge(folder)
    assert git(folder, "tag", "--points-at", target).startswith("snapshot-")
    # Locking says nothing of name and note, and leaves them.
    for turn in (not locked, locked):
        told = server.post(P + "lock", data={**own, "locked": turn}).json["snapshot"]
        assert (told["name"], told["note"], told["locked"]) == (name, note.strip(), turn)
    server.post(P + "lock", data={**own, "message": "", "note": "", "locked": False})
    assert git(folder, "tag") == ""
    judge(folder)


def said_of(server: Server, profile: str) -> list[tuple[Any, ...]]:
    """What people said of a history's snapshots, by their sentences, oldest first."""
    marked = [s for s in server.history(profile) if s["name"] or s["note"] or s["locked"]]
    return [(s["sentence"], s["name"], s["note"], s["locked"]) for s in reversed(marked)]


def spoken_of(server: Server) -> str:
    profile = server.create("spoken of")
    for seed, (name, note) in enumerate([*NOTES[:4], *NOTES[7:14]]):
        server.add(profile, picture(seed))
        target = server.snapshot(profile, message=f"Step {seed}")["id"]
        fields = {"id": profile, "snapshot": target, "locked": seed % 2 == 0}
        assert server.post(P + "lock", data={**fields, "message": name, "note": note}).status == 200
    return profile


def test_names_and_notes_go_along_with_copies(server: Server, tmp_path: Path) -> None:
    profile = spoken_of(server)
    said = said_of(server, profile)
    assert len(said) == 11
    copy = server.post(P + "duplicate", id=profile, name="copy").json["id"]
    bundle = server.get(P + "export", id=profile, format="bundle").body
    moved = server.send_form(P + "import", {"file": ("a.bundle", bundle)}).json["id"]
    for other in (copy, moved):
        assert said_of(server, other) == said
        judge(server.pools / other)
    # What C git clones can be dropped in as a profile's folder, with all that was said.
    cloned = server.pools / "cloned"
    git(tmp_path, "clone", "-q", str(server.pools / profile), str(cloned))
    server.post(P + "delete", id=profile, forever=True)
    assert server.post(P + "adopt", pool_id="cloned", name="clone").status == 200
    assert said_of(server, "cloned") == said
    judge(cloned)


def test_names_and_notes_travel_with_a_sync(
    machines: Callable[[str], Machine], tmp_path: Path
) -> None:
    first, second = machines("first"), machines("second")
    for machine in (first, second):
        machine.connect(str(tmp_path / "remote.git"))
    profile = spoken_of(first)
    first.sync(profile)
    (listed,) = second.get(P + "remote/profiles").json["profiles"]
    second.fetch(listed["remote_branch"])
    assert said_of(second, profile) == said_of(first, profile)
    for snapshot in second.history(profile):
        fields = {"id": profile, "snapshot": snapshot["id"], "locked": snapshot["locked"]}
        if snapshot["note"]:
            note = "" if snapshot["note"] == LOCKED else f"{snapshot['note']}\nand more"
            assert second.post(P + "lock", data={**fields, "note": note}).status == 200
    second.sync(profile)
    first.sync(profile)
    assert said_of(first, profile) == said_of(second, profile)
    assert not any(note == LOCKED for _, _, note, _ in said_of(first, profile))
    for machine in (first, second):
        machine.judge(profile)
    assert git(tmp_path / "remote.git", "fsck", "--strict", "--no-dangling") == ""


def test_no_number_is_used_twice_after_going_back(server: Server) -> None:
    profile = server.create("Numbers")
    server.add(profile, picture(1))
    first = server.snapshot(profile, message="one")["id"]
    server.add(profile, picture(2))
    second = server.snapshot(profile, message="two")["id"]
    assert server.post(P + "restore", id=profile, snapshot=first).status == 200
    slots = server.add(profile, picture(3))["slots"]
    assert [slot["image"] for slot in slots] == ["img_0001.png", "img_0003.png"]
    fields = {"id": profile, "snapshot": second, "images": ["img_0002.png"]}
    assert server.post(P + "restore", **fields).status == 200
    images = [slot["image"] for slot in server.list(profile)["slots"]]
    assert images == ["img_0001.png", "img_0002.png", "img_0003.png"]
    judge(server.pools / profile)


def test_an_image_that_is_gone_comes_back_alone(server: Server) -> None:
    then = Then(server)
    server.post("/grid_pool/remove", pool_id=then.profile, index=1)
    assert then.restore(["img_0002.png"], ["image"]).status == 200
    slot = next(s for s in server.list(then.profile)["slots"] if s["image"] == "img_0002.png")
    assert (slot["mask"], slot["label"]) == (None, "")
    judge(server.pools / then.profile)
