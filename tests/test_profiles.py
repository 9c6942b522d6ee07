"""Profiles over real HTTP; after every operation C git is asked what it thinks."""

from __future__ import annotations

import json
import os
import shutil
import time
from pathlib import Path

import pytest
from support import Server, git, judge, mask, picture, tree_of

from gitpool.errors import Conflict
from gitpool.service import Service

P = "/grid_pool/profiles/"


def filled(server: Server, name: str = "characters_A", images: int = 3) -> str:
    profile = server.create(name)
    for seed in range(images):
        server.add(profile, picture(seed))
    server.snapshot(profile)
    return profile


def branch(folder: Path) -> str:
    return git(folder, "symbolic-ref", "HEAD")


def test_create_makes_a_plain_repository_and_lists_the_profile(server: Server) -> None:
    answer = server.post("/grid_pool/profiles/create", name="  Künstler / 図 1 ")
    entry = answer.json
    assert entry["name"] == "Künstler / 図 1"
    folder = server.pools / entry["id"]
    judge(folder)
    assert branch(folder) == "refs/heads/Künstler%20%2F%20図%201"
    registry = json.loads((server.pools / "profiles.json").read_text("utf-8"))
    assert registry == {"profiles": [entry]}
    assert server.get("/grid_pool/profiles/list").json["profiles"] == [entry]


def test_a_name_can_be_taken_only_once_whatever_its_spelling(server: Server) -> None:
    server.create("Café")
    for twin in ("café", "CAFÉ", "Cafe\u0301", " Café "):
        answer = server.post("/grid_pool/profiles/create", name=twin)
        assert (answer.status, answer.code) == (409, "name_taken")


def test_edits_become_one_snapshot_that_says_what_changed(server: Server) -> None:
    profile = filled(server)
    assert server.set_mask(profile, 0, mask()).status == 200
    server.post("/grid_pool/label", pool_id=profile, index=1, label="Mia")
    server.post("/grid_pool/remove", pool_id=profile, index=2)
    made = server.snapshot(profile)
    assert made["message"] == "Remove 1 image, paint 1 mask, change 1 label"
    folder = server.pools / profile
    judge(folder)
    assert sorted(git(folder, "ls-tree", "--name-only", "HEAD").split()) == [
        "img_0001.mask.png",
        "img_0001.png",
        "img_0002.png",
        "manifest.json",
    ]
    trailers = git(folder, "log", "-1", "--format=%(trailers)")
    assert trailers.split("\n") == [
        f"Pool-Profile: {profile}",
        "Pool-Name: characters_A",
        "Pool-Snapshot: named",
    ]
    assert server.snapshot(profile) is None


def test_quiet_makes_an_automatic_snapshot_and_an_active_image_alone_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITPOOL_SNAPSHOT_DELAY", "1")
    with Server(tmp_path) as server:
        profile = server.create("auto")
        # One edit, so that nothing is quiet in between, however slow the machine is.
        files = [("image", (f"{seed}.png", picture(seed))) for seed in range(3)]
        assert server.send_form("/grid_pool/add", files, pool_id=profile, ts=1).status == 200
        wait_for(lambda: len(server.history(profile)) == 2)
        newest = server.history(profile)[0]
        assert (newest["message"], newest["kind"]) == ("Add 3 images", "auto")
        judge(server.pools / profile)
        server.post("/grid_pool/active", pool_id=profile, index=2)
        time.sleep(2)
        assert len(server.history(profile)) == 2


def test_stopping_snapshots_what_is_waiting(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("GITPOOL_SNAPSHOT_DELAY", "3600")
    with Server(tmp_path) as server:
        profile = server.create("late")
        server.add(profile, picture())
        folder = server.pools / profile
    assert git(folder, "log", "-1", "--format=%s") == "Add 1 image"
    judge(folder)


def test_what_would_be_replaced_is_snapshotted_first(server: Server) -> None:
    profile = server.create("careful")
    server.add(profile, picture(1))
    server.post("/grid_pool/remove", pool_id=profile, index=0)
    messages = [s["message"] for s in server.history(profile)]
    assert messages == ["Add 1 image", "Create the profile"]
    server.add(profile, picture(2))
    server.set_mask(profile, 0, mask(left=4))
    server.set_mask(profile, 0, mask(left=9))
    folder = server.pools / profile
    assert git(folder, "log", "--format=%s", "--", "img_0002.mask.png")
    assert server.list(profile)["slots"][0]["image"] == "img_0002.png"


def test_restore_is_a_new_snapshot_of_the_old_tree_and_keeps_unsaved_edits(
    server: Server,
) -> None:
    profile = filled(server)
    old = server.history(profile)[0]["id"]
    folder = server.pools / profile
    before = {n: b for n, b in tree_of(folder).items() if not n.startswith(".git")}
    server.post("/grid_pool/reorder", pool_id=profile, order=[2, 0, 1])
    server.post("/grid_pool/remove", pool_id=profile, index=0)
    answer = server.post("/grid_pool/profiles/restore", id=profile, snapshot=old)
    assert answer.json["snapshot"]["kind"] == "restore"
    judge(folder)
    assert {n: b for n, b in tree_of(folder).items() if not n.startswith(".git")} == before
    assert git(folder, "rev-parse", "HEAD^{tree}") == git(folder, "rev-parse", f"{old}^{{tree}}")
    kinds = [s["kind"] for s in server.history(profile)]
    assert kinds[:2] == ["restore", "auto"]


def test_just_some_images_come_back_into_their_places(server: Server) -> None:
    profile = filled(server, images=4)
    server.post("/grid_pool/label", pool_id=profile, index=1, label="keep me")
    server.set_mask(profile, 1, mask())
    old = server.snapshot(profile)["id"]
    server.post("/grid_pool/remove", pool_id=profile, index=1)
    server.post("/grid_pool/label", pool_id=profile, index=0, label="newer")
    answer = server.post(
        "/grid_pool/profiles/restore", id=profile, snapshot=old, images=["img_0002.png"]
    )
    assert answer.status == 200
    slots = server.list(profile)["slots"]
    assert [s["image"] for s in slots] == [f"img_000{n}.png" for n in (1, 2, 3, 4)]
    assert (slots[0]["label"], slots[1]["label"]) == ("newer", "keep me")
    assert slots[1]["mask"] == "img_0002.mask.png"
    judge(server.pools / profile)


def test_rename_moves_the_branch_and_keeps_the_history(server: Server) -> None:
    profile = filled(server, "before")
    folder = server.pools / profile
    log = git(folder, "log", "--format=%H")
    answer = server.post("/grid_pool/profiles/rename", id=profile, name="-after.lock")
    assert answer.json["name"] == "-after.lock"
    assert branch(folder) == "refs/heads/%2Dafter%2Elock"
    assert git(folder, "for-each-ref", "--format=%(refname)", "refs/heads") == branch(folder)
    assert git(folder, "log", "--format=%H") == log
    judge(folder)


def test_duplicate_is_a_clone_that_shares_objects_and_nothing_else(server: Server) -> None:
    profile = filled(server, "first")
    answer = server.post("/grid_pool/profiles/duplicate", id=profile, name="First")
    copy = answer.json
    assert copy["name"] == "First (2)"
    source, target = server.pools / profile, server.pools / copy["id"]
    judge(target)
    assert branch(target) == "refs/heads/First%20(2)"
    assert git(source, "log", "--format=%H") in git(target, "log", "--format=%H")
    blob = git(source, "rev-parse", "HEAD:img_0001.png")
    loose = f".git/objects/{blob[:2]}/{blob[2:]}"
    assert (source / loose).stat().st_ino == (target / loose).stat().st_ino
    server.post("/grid_pool/remove", pool_id=copy["id"], index=0)
    server.snapshot(copy["id"])
    assert len(server.list(profile)["slots"]) == 3
    judge(source)
    assert (source / "img_0001.png").stat().st_ino != (target / "img_0002.png").stat().st_ino


def test_branch_off_starts_at_an_older_snapshot(server: Server) -> None:
    profile = filled(server)
    old = server.history(profile)[0]["id"]
    server.add(profile, picture(9))
    server.snapshot(profile)
    answer = server.post("/grid_pool/profiles/branch_off", id=profile, snapshot=old, name="side")
    folder = server.pools / answer.json["id"]
    judge(folder)
    assert len(server.list(answer.json["id"])["slots"]) == 3
    assert git(folder, "rev-parse", "HEAD~1") == old


def test_delete_can_be_undone_for_a_week(server: Server) -> None:
    profile = filled(server, "gone")
    before = tree_of(server.pools / profile)
    answer = server.post("/grid_pool/profiles/delete", id=profile)
    assert answer.json["profiles"] == []
    assert not (server.pools / profile).exists()
    assert server.get("/grid_pool/list", pool_id=profile).status == 404
    refused = server.send_form("/grid_pool/add", {"image": ("a.png", picture())}, pool_id=profile)
    assert refused.status == 404
    server.create("gone")
    back = server.post("/grid_pool/profiles/undelete", id=profile)
    assert back.json["name"] == "gone (2)"
    after = tree_of(server.pools / profile)
    assert {n for n in before if not n.startswith(".git")} <= after.keys()
    judge(server.pools / profile)
    now = time.time()
    server.post("/grid_pool/profiles/delete", id=profile)
    server.service.library.clock = lambda: now + 8 * 86400
    server.service.profiles.purge()
    assert server.post("/grid_pool/profiles/undelete", id=profile).status == 404
    assert server.get("/grid_pool/profiles/list").json["deleted"] == []


def test_delete_forever_leaves_nothing(server: Server) -> None:
    profile = filled(server)
    server.post("/grid_pool/profiles/delete", id=profile, forever=True)
    assert not [name for name in tree_of(server.pools) if profile in name]
    assert server.post("/grid_pool/profiles/undelete", id=profile).status == 404


def test_adopt_makes_a_plain_pool_a_profile_in_place(server: Server) -> None:
    server.add("node_7", picture(1))
    assert not (server.pools / "node_7" / ".git").exists()
    listed = server.get("/grid_pool/profiles/list").json["unregistered"]
    assert [(p["id"], p["images"]) for p in listed] == [("node_7", 1)]
    answer = server.post("/grid_pool/profiles/adopt", pool_id="node_7", name="mine")
    assert answer.json["id"] == "node_7"
    judge(server.pools / "node_7")
    assert server.get("/grid_pool/profiles/list").json["unregistered"] == []


def test_what_stands_in_a_deleted_profiles_place_stays_there(server: Server) -> None:
    profile = filled(server)
    server.post(P + "delete", id=profile)
    # Somebody has put a folder of the same id there meanwhile.
    (server.pools / profile).mkdir()
    (server.pools / profile / "theirs.txt").write_text("x")
    answer = server.post(P + "undelete", id=profile)
    assert (answer.status, answer.code) == (409, "folder_taken")
    assert tree_of(server.pools / profile) == {"theirs.txt": b"x"}
    with pytest.raises(Conflict, match="in its place"):
        server.service.profiles.create(profile, "another")
    assert tree_of(server.pools / profile) == {"theirs.txt": b"x"}
    assert server.get(P + "list").json["profiles"] == []


def test_what_is_in_the_trash_can_go_for_good(server: Server) -> None:
    profile = filled(server)
    server.post(P + "delete", id=profile)
    assert [p["id"] for p in server.get(P + "list").json["deleted"]] == [profile]
    assert server.post(P + "delete", id=profile).status == 404
    assert server.post(P + "delete", id=profile, forever=True).status == 200
    assert server.get(P + "list").json["deleted"] == []
    assert not [name for name in tree_of(server.pools) if profile in name]
    # A record whose folder somebody took away offers nothing.
    record = server.pools / ".gitpool" / "trash" / "gone.json"
    record.write_text('{"id": "gone", "name": "x", "created": 1, "deleted": 2}')
    assert server.get(P + "list").json["deleted"] == []


def test_a_profile_whose_folder_is_gone_can_be_deleted(server: Server) -> None:
    profile = filled(server)
    shutil.rmtree(server.pools / profile)
    # An empty pool would look as if the pictures had never been.
    assert server.get("/grid_pool/list", pool_id=profile).code == "missing_folder"
    assert server.post(P + "duplicate", id=profile, name="copy").code == "missing_folder"
    assert server.post(P + "delete", id=profile).json["profiles"] == []
    assert server.get(P + "list").json["deleted"] == []


def test_what_cannot_be_adopted_is_refused_and_stays_as_it_is(server: Server) -> None:
    profile = filled(server)
    answer = server.post(P + "adopt", pool_id=profile, name="again")
    assert (answer.status, answer.code) == (409, "already_profile")
    server.add("plain", picture(1))
    (server.pools / "plain" / ".git").write_text("gitdir: /elsewhere")
    before = tree_of(server.pools / "plain")
    answer = server.post(P + "adopt", pool_id="plain", name="mine")
    assert (answer.status, answer.code) == (409, "odd_git")
    assert tree_of(server.pools / "plain") == before
    assert server.post(P + "adopt", pool_id="nobody", name="mine").status == 404


def test_only_pools_with_pictures_are_offered(server: Server) -> None:
    server.add("plain", picture(1))
    for name in ("empty", "not a pool", ".hidden"):
        (server.pools / name).mkdir()
    (server.pools / "not a pool" / "img_0001.png").write_bytes(picture(1))
    listed = server.get(P + "list").json["unregistered"]
    assert [pool["id"] for pool in listed] == ["plain"]


def test_starting_tidies_up(tmp_path: Path) -> None:
    pools, cache = tmp_path / "pools", tmp_path / "user" / "thumbnails" / "ab"
    old, new = pools / ".gitpool" / "tmp" / "old", pools / ".gitpool" / "tmp" / "new"
    undo = pools / ".gitpool" / "undo" / "plain"
    for folder in (old, new, undo, cache):
        folder.mkdir(parents=True)
        (folder / "x").write_bytes(b"x")
    for folder in (old, undo):
        os.utime(folder, (1, 1))
    for number in range(4):
        thumbnail = cache / f"ab{number}-128i1.webp"
        thumbnail.touch()
        # Most of a gigabyte together, without taking any.
        os.truncate(thumbnail, 400 << 20)
        os.utime(thumbnail, (1000 + number, 1))
    half = [cache / ".gitpool-tmp-old", cache / ".gitpool-tmp-new"]
    for path in half:
        path.write_bytes(b"x")
    os.utime(half[0], (1, 1))
    service = Service(pools, tmp_path / "user", time.time, delay=3600)
    service.start()
    service.stop()
    assert [path.exists() for path in half] == [False, True]
    assert [p.name for p in (pools / ".gitpool" / "tmp").iterdir()] == ["new"]
    assert not undo.exists()
    # Those not looked at for longest go, so that a gigabyte is left at most.
    assert sorted(p.name[:3] for p in cache.glob("*.webp")) == ["ab2", "ab3"]


def test_seed_copies_into_an_empty_profile_only(server: Server) -> None:
    server.add("plain", picture(1))
    server.set_mask("plain", 0, mask())
    server.post("/grid_pool/label", pool_id="plain", index=0, label="x")
    profile = server.create("seeded")
    answer = server.post("/grid_pool/profiles/seed", data={"from": "plain", "id": profile})
    assert answer.json == {"copied": 1}
    assert server.list(profile)["slots"][0]["label"] == "x"
    judge(server.pools / profile)
    again = server.post("/grid_pool/profiles/seed", data={"from": "plain", "id": profile})
    assert again.status == 409


def test_a_lost_registry_is_mended_from_the_folders(server: Server) -> None:
    profile = filled(server, "lost / found")
    (server.pools / "profiles.json").write_text("{ not json")
    listed = server.get("/grid_pool/profiles/list").json
    assert listed["profiles"] == []
    assert listed["unregistered"][0]["name"] == "lost / found"
    answer = server.post("/grid_pool/profiles/adopt", pool_id=profile, name="lost / found")
    assert answer.json["id"] == profile
    assert (server.pools / "profiles.json.damaged-1").read_text() == "{ not json"
    assert len(server.history(profile)) == 2
    judge(server.pools / profile)


def test_lock_names_a_snapshot_with_a_tag_that_git_knows(server: Server) -> None:
    profile = filled(server)
    target = server.history(profile)[0]["id"]
    path = "/grid_pool/profiles/lock"
    answer = server.post(path, id=profile, snapshot=target, locked=True, message="The good one")
    assert answer.json["snapshot"]["locked"] is True
    folder = server.pools / profile
    assert git(folder, "tag", "--points-at", target, "-n1").endswith("The good one")
    assert server.history(profile)[0]["message"] == "The good one"
    server.post(path, id=profile, snapshot=target, locked=False, message="")
    assert git(folder, "tag") == ""
    assert server.history(profile)[0]["message"] == "Add 3 images"
    judge(folder)


def test_history_comes_in_pages(server: Server) -> None:
    profile = server.create("long")
    for seed in range(7):
        server.add(profile, picture(seed))
        server.snapshot(profile)
    seen, before = [], None
    while True:
        query = {"limit": 3, **({"before": before} if before else {})}
        answer = server.get("/grid_pool/profiles/history", id=profile, **query).json
        seen += [s["id"] for s in answer["snapshots"]]
        before = answer["next"]
        if before is None:
            break
    assert seen == git(server.pools / profile, "log", "--format=%H").split()


def test_diff_says_slot_by_slot_what_is_different(server: Server) -> None:
    profile = filled(server)
    old = server.history(profile)[0]["id"]
    server.set_mask(profile, 0, mask())
    server.post("/grid_pool/label", pool_id=profile, index=1, label="L")
    server.post("/grid_pool/remove", pool_id=profile, index=2)
    server.add(profile, picture(8))
    server.post("/grid_pool/reorder", pool_id=profile, order=[1, 0, 2])
    answer = server.get("/grid_pool/profiles/diff", id=profile, **{"from": old, "to": "now"}).json
    told = {slot["image"]: (slot["change"], slot["what"]) for slot in answer["slots"]}
    assert told["img_0003.png"] == ("removed", [])
    assert told["img_0004.png"] == ("added", [])
    assert told["img_0001.png"][0] == told["img_0002.png"][0] == "changed"
    assert "mask" in told["img_0001.png"][1]
    assert "label" in told["img_0002.png"][1]
    assert sum("moved" in what for _, what in told.values()) == 1
    new = server.snapshot(profile)["id"]
    blob = git(server.pools / profile, "rev-parse", f"{new}:img_0004.png")
    added = next(s for s in answer["slots"] if s["image"] == "img_0004.png")
    assert added["to"]["image_id"] == blob


def test_storage_counts_bytes(server: Server) -> None:
    profile = filled(server)
    folder = server.pools / profile
    answer = server.get("/grid_pool/profiles/storage", id=profile).json
    assert answer["files"] == sum(f.stat().st_size for f in folder.glob("*.*") if f.is_file())
    assert answer["history"] > answer["files"] / 2


def test_events_name_the_pool_that_changed(server: Server) -> None:
    profile = server.create("seen")
    server.add(profile, picture())
    assert server.host.events.count(("gitpool.changed", {"id": profile})) >= 2


def wait_for(condition, seconds: float = 300) -> None:  # type: ignore[no-untyped-def]
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.05)
