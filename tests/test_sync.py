"""Two machines and a remote between them, the way people use it. C git judges every side."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from machines import ROUTE, Machine, eventually, picture_bytes
from remotes.folder import GitUser
from remotes.http_server import HttpGit
from remotes.ssh_server import SshGit
from support import git, picture

from gitpool.remote.transport import Limits

Start = Callable[[str], Machine]
TOKEN = "sekret-0123456789"


@pytest.fixture(params=["http", "ssh", "folder"])
def remote(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[str, str | None, Path]:
    """A remote's address, the token it wants, and where it lies."""
    if request.param == "http":
        server: HttpGit = request.getfixturevalue("http_git")
        server.token = TOKEN
        return server.url("pools"), TOKEN, server.make_repo("pools")
    if request.param == "ssh":
        ssh: SshGit = request.getfixturevalue("ssh_git")
        for key, value in ssh.environment.items():
            monkeypatch.setenv(key, value)
        return ssh.url("pools"), None, ssh.make_repo("pools")
    return str(tmp_path / "nas" / "pools.git"), None, (tmp_path / "nas" / "pools.git")


@pytest.fixture
def pair(machines: Start, tmp_path: Path) -> tuple[Machine, Machine]:
    """Two machines on one new folder remote."""
    first, second = machines("first"), machines("second")
    for machine in (first, second):
        machine.connect(str(tmp_path / "remote.git"))
    return first, second


def agree(profile: str, *machines: Machine) -> None:
    """All machines show the same pool, and have the same newest snapshot."""
    states = [(machine.list(profile)["slots"], machine.images(profile)) for machine in machines]
    plain = [
        ([{k: v for k, v in slot.items() if not k.endswith("_v")} for slot in slots], images)
        for slots, images in states
    ]
    assert all(state == plain[0] for state in plain)
    tips = {git(machine.pools / profile, "rev-parse", "HEAD") for machine in machines}
    assert len(tips) == 1
    for machine in machines:
        machine.judge(profile)


def test_a_profile_travels_and_both_machines_edits_merge(
    machines: Start, remote: tuple[str, str | None, Path]
) -> None:
    url, token, repo = remote
    repo.parent.mkdir(exist_ok=True)
    first, second = machines("first"), machines("second")
    for machine in (first, second):
        said = machine.connect(url, token)
        assert said["has_secret"] == bool(token)
        assert TOKEN not in str(said)
    profile = first.filled("Heroes / é", 3)
    assert first.sync(profile) == {"status": "pushed", "pushed": 2, "pulled": 0, "conflicts": []}
    assert first.sync(profile)["status"] == "up_to_date"
    assert git(repo, "branch", "--format=%(refname:short)") == "Heroes%20%2F%20é"
    (listed,) = second.get(ROUTE + "remote/profiles").json["profiles"]
    assert (listed["id"], listed["name"], listed["images"]) == (profile, "Heroes / é", 3)
    assert (listed["here"], listed["snapshot"]["message"]) == (False, "Add 3 images")
    got = second.fetch(listed["remote_branch"])
    assert (got["id"], got["name"], got["pulled"]) == (profile, "Heroes / é", 2)
    agree(profile, first, second)

    first.add(profile, picture(10), ts=1)
    first.label(profile, 0, "first")
    first.paint(profile, 1, 4)
    second.add(profile, picture(11), ts=2)
    second.label(profile, 2, "second")
    second.reorder(profile, [2, 0, 1, 3])
    assert first.sync(profile)["status"] == "pushed"
    merged = second.sync(profile)
    assert (merged["status"], merged["pulled"], merged["conflicts"]) == ("merged", 1, [])
    assert first.sync(profile)["status"] == "pulled"
    agree(profile, first, second)
    assert first.images(profile) == picture_bytes(2, 0, 1, 10, 11)
    assert first.labels(profile) == ["second", "first", "", "", ""]
    message = first.history(profile)[0]["message"]
    assert message == "Merge another machine’s edits: add 1 image, paint 1 mask, change 1 label"
    for machine in (first, second):
        assert machine.sync(profile)["status"] == "up_to_date"
    assert "error" not in git(repo, "fsck", "--strict")
    trailer = git(repo, "log", "-1", "--format=%(trailers:key=Pool-Profile,valueonly)", "--all")
    assert trailer.strip() == profile


def test_what_both_changed_is_offered_and_can_be_mine_theirs_or_both(
    pair: tuple[Machine, Machine],
) -> None:
    first, second = pair
    profile = first.filled("Heroes", 3)
    first.sync(profile)
    second.fetch("Heroes")
    for machine, left, text in ((first, 4, "one"), (second, 9, "two")):
        machine.label(profile, 0, text)
        machine.label(profile, 1, text)
        machine.paint(profile, 2, left)
    first.sync(profile)
    theirs = (first.pools / profile / "img_0003.mask.png").read_bytes()
    found = second.sync(profile)["conflicts"]
    assert [(c["slot"], c["what"]) for c in found] == [
        ("img_0001.png", "label"),
        ("img_0002.png", "label"),
        ("img_0003.png", "mask"),
    ]
    assert found[0]["kept"] == {"label": "two"}
    assert found[0]["other"] == {"label": "one"}
    other = found[2]["other"]
    query = {"pool_id": profile, "name": other["mask"], "snapshot": other["snapshot"]}
    assert second.get("/grid_pool/thumb", **query).status == 200
    assert second.get(ROUTE + "conflicts", id=profile).json["conflicts"] == found
    assert second.labels(profile) == ["two", "two", ""]

    def resolve(number: int, choice: str) -> Any:
        fields = {"id": profile, "conflict": found[number]["conflict"], "choice": choice}
        return second.post(ROUTE + "resolve", **fields)

    assert resolve(0, "theirs").json["conflicts"] == found[1:]
    assert resolve(1, "both").json["conflicts"] == found[2:]
    assert second.labels(profile) == ["one", "two, one", ""]
    assert resolve(2, "both").json["conflicts"] == []
    assert len(second.slots(profile)) == 4
    copy = second.slots(profile)[3]
    assert (second.pools / profile / copy["mask"]).read_bytes() == theirs
    assert second.images(profile)[2] == second.images(profile)[3]
    assert resolve(2, "theirs").code == "unknown_conflict"
    assert second.sync(profile)["status"] == "pushed"
    first.sync(profile)
    agree(profile, first, second)


def test_the_other_machines_picture_and_mask_can_be_taken(pair: tuple[Machine, Machine]) -> None:
    first, second = pair
    profile = first.filled("Heroes", 3)
    first.sync(profile)
    second.fetch("Heroes")
    for machine, number in ((first, 50), (second, 60)):
        # A git user puts another picture under an old name.
        (machine.pools / profile / "img_0001.png").write_bytes(picture(number))
        machine.paint(profile, 1, number // 10)
        machine.label(profile, 2, str(number))
    first.sync(profile)
    found = second.sync(profile)["conflicts"]
    assert [(c["slot"], c["what"]) for c in found] == [
        ("img_0001.png", "image"),
        ("img_0002.png", "mask"),
        ("img_0003.png", "label"),
    ]
    second.remove(profile, 2)
    fields = {"id": profile, "choice": "theirs"}
    for conflict in found[:2]:
        answer = second.post(ROUTE + "resolve", **fields, conflict=conflict["conflict"])
        assert answer.status == 200, answer.body
    # What a choice was about may be gone by the time that it is made.
    answer = second.post(ROUTE + "resolve", **fields, conflict=found[2]["conflict"])
    assert (answer.status, answer.code) == (404, "unknown_image")
    assert second.images(profile) == [picture(50), picture(1)]
    masks = [(m.pools / profile / "img_0002.mask.png").read_bytes() for m in pair]
    assert masks[0] == masks[1]
    second.judge(profile)


def test_a_name_too_long_for_a_branch_travels_whole(pair: tuple[Machine, Machine]) -> None:
    first, second = pair
    profile = first.filled("Heroes", 1)
    first.sync(profile)
    second.fetch("Heroes")
    name = "図" * 90
    assert first.post(ROUTE + "rename", id=profile, name=name).status == 200
    assert first.sync(profile)["status"] == "pushed"
    second.sync(profile)
    assert second.profiles() == {name: profile}
    agree(profile, first, second)


def test_an_order_changed_on_both_sides_can_be_theirs(pair: tuple[Machine, Machine]) -> None:
    first, second = pair
    profile = first.filled("Heroes", 3)
    first.sync(profile)
    second.fetch("Heroes")
    first.reorder(profile, [2, 0, 1])
    second.reorder(profile, [0, 2, 1])
    first.sync(profile)
    (found,) = second.sync(profile)["conflicts"]
    assert (found["slot"], found["what"]) == (None, "order")
    assert second.images(profile) == picture_bytes(0, 2, 1)
    both = second.post(ROUTE + "resolve", id=profile, conflict=found["conflict"], choice="both")
    assert both.code == "bad_choice"
    second.post(ROUTE + "resolve", id=profile, conflict=found["conflict"], choice="theirs")
    assert second.images(profile) == picture_bytes(2, 0, 1)
    second.judge(profile)


def test_after_a_criss_cross_only_what_both_changed_is_asked(
    pair: tuple[Machine, Machine], tmp_path: Path
) -> None:
    first, second = pair
    profile = first.filled("Heroes", 2)
    first.sync(profile)
    second.fetch("Heroes")
    one, two = str(tmp_path / "one.git"), str(tmp_path / "two.git")
    for machine, place, url in ((first, 0, one), (second, 1, two)):
        machine.label(profile, place, "early")
        machine.connect(url)
        machine.sync(profile)
    for machine, url in ((first, two), (second, one)):
        machine.connect(url)
        assert machine.sync(profile)["status"] == "merged"
    # Each has merged the other's line by itself; each edits what the other had edited before.
    first.label(profile, 1, "late")
    second.label(profile, 0, "late")
    first.connect(one)
    assert first.sync(profile)["conflicts"] == []
    second.sync(profile)
    first.sync(profile)
    assert first.labels(profile) == second.labels(profile) == ["late", "late"]
    agree(profile, first, second)


def test_renames_travel_and_a_rename_on_both_sides_is_a_choice(
    pair: tuple[Machine, Machine], tmp_path: Path
) -> None:
    first, second = pair
    profile = first.filled("Old", 1)
    first.sync(profile)
    second.fetch("Old")
    long = "é" * 99
    for name in ("New", long):
        first.post(ROUTE + "rename", id=profile, name=name)
        assert first.sync(profile)["status"] == "pushed"
        assert len(git(tmp_path / "remote.git", "branch").splitlines()) == 1
        assert second.sync(profile)["status"] == "pulled"
        assert second.profiles() == {name: profile}
        agree(profile, first, second)
    first.post(ROUTE + "rename", id=profile, name="One")
    second.post(ROUTE + "rename", id=profile, name="Two")
    first.sync(profile)
    (found,) = second.sync(profile)["conflicts"]
    assert (found["what"], found["kept"], found["other"]) == (
        "name",
        {"name": "Two"},
        {"name": "One"},
    )
    first.sync(profile)
    assert first.profiles() == {"Two": profile}
    second.post(ROUTE + "resolve", id=profile, conflict=found["conflict"], choice="theirs")
    assert second.profiles() == {"One": profile}
    second.sync(profile)
    first.sync(profile)
    assert first.profiles() == {"One": profile}
    agree(profile, first, second)


def test_a_name_that_is_taken_here_is_suffixed_and_stays_so(
    pair: tuple[Machine, Machine], tmp_path: Path
) -> None:
    first, second = pair
    profile = first.filled("Same", 1)
    first.sync(profile)
    own = second.create("same")
    assert second.fetch("Same")["name"] == "Same (2)"
    second.label(profile, 0, "seen")
    second.sync(profile)
    first.sync(profile)
    assert first.labels(profile) == ["seen"]
    assert git(tmp_path / "remote.git", "branch", "--format=%(refname:short)") == "Same"
    error = second.failed_sync(own) if second.profiles()["same"] == "Same" else None
    assert error is None


def test_a_name_that_another_profile_holds_there_is_never_overwritten(
    pair: tuple[Machine, Machine], tmp_path: Path
) -> None:
    first, second = pair
    theirs = first.filled("Heroes", 1)
    first.sync(theirs)
    before = git(tmp_path / "remote.git", "for-each-ref")
    mine = second.filled("Heroes", 2, first=5)
    error = second.failed_sync(mine)
    assert error["code"] == "name_taken_there"
    assert git(tmp_path / "remote.git", "for-each-ref") == before
    second.post(ROUTE + "rename", id=mine, name="My heroes")
    assert second.sync(mine)["status"] == "pushed"
    assert second.fetch("Heroes")["id"] == theirs
    assert second.profiles() == {"My heroes": mine, "Heroes": theirs}


def test_names_and_locks_of_snapshots_travel_and_so_does_taking_them_away(
    pair: tuple[Machine, Machine],
) -> None:
    first, second = pair
    profile = first.filled("Heroes", 1)
    first.sync(profile)
    snapshot = first.history(profile)[0]["id"]
    fields = {"id": profile, "snapshot": snapshot}
    first.post(ROUTE + "lock", **fields, locked=True, message="Gold")
    first.sync(profile)
    second.fetch("Heroes")
    newest = second.history(profile)[0]
    assert (newest["message"], newest["locked"]) == ("Gold", True)
    second.post(ROUTE + "lock", **fields, locked=True, message="Silver")
    second.sync(profile)
    first.sync(profile)
    assert first.history(profile)[0]["message"] == "Silver"
    first.post(ROUTE + "lock", **fields, locked=False, message="")
    first.sync(profile)
    second.sync(profile)
    newest = second.history(profile)[0]
    assert (newest["message"], newest["locked"]) == ("Add 1 image", False)
    agree(profile, first, second)


def sound(remote: Path) -> None:
    """C git finds nothing wrong with a bare repository; its own branch may be none of ours."""
    said = git(remote, "fsck", "--strict", "--no-dangling").splitlines()
    assert [line for line in said if not line.startswith("notice: HEAD points to")] == []


@pytest.mark.parametrize("synced", [False, True])
def test_a_locked_snapshot_that_a_git_user_left_aside_is_sent_whole(
    machines: Start, remote: tuple[str, str | None, Path], synced: bool
) -> None:
    url, token, place = remote
    place.parent.mkdir(exist_ok=True)
    first, second = machines("first"), machines("second")
    for machine in (first, second):
        machine.connect(url, token)
    profile = first.filled("Heroes", 1)
    if synced:
        first.sync(profile)
    first.label(profile, 0, "locked")
    snapshot = first.post("/grid_pool/profiles/snapshot", id=profile).json["snapshot"]["id"]
    first.post(ROUTE + "lock", id=profile, snapshot=snapshot, locked=True, message="Gold")
    who = ("-c", "user.name=A", "-c", "user.email=a@example.org")
    git(first.pools / profile, *who, "commit", "-q", "--amend", "-m", "Another sentence")
    first.sync(profile)
    sound(place)
    tree = git(first.pools / profile, "ls-tree", "-r", snapshot)
    assert git(place, "ls-tree", "-r", f"snapshot-{snapshot[:12]}") == tree
    second.fetch("Heroes")
    first.label(profile, 0, "later")
    first.sync(profile)
    second.sync(profile)
    agree(profile, first, second)
    sound(place)


def test_a_remote_that_lost_the_profile_gets_it_only_when_told(
    pair: tuple[Machine, Machine], tmp_path: Path
) -> None:
    first, second = pair
    profile = first.filled("Heroes", 2)
    first.sync(profile)
    job = second.ended(second.post(ROUTE + "remote/delete", remote_branch="Heroes").json["job"])
    assert job["state"] == "done"
    assert git(tmp_path / "remote.git", "branch") == ""
    assert first.failed_sync(profile)["code"] == "remote_gone"
    assert first.sync(profile, again=True)["status"] == "pushed"
    assert second.fetch("Heroes")["id"] == profile
    agree(profile, first, second)


def test_a_deleted_profile_stays_on_the_remote_and_can_be_had_again(
    pair: tuple[Machine, Machine],
) -> None:
    first, _ = pair
    profile = first.filled("Heroes", 2)
    first.sync(profile)
    first.post(ROUTE + "delete", id=profile, forever=True)
    (listed,) = first.get(ROUTE + "remote/profiles").json["profiles"]
    assert (listed["id"], listed["here"]) == (profile, False)
    assert first.fetch("Heroes")["id"] == profile
    assert first.images(profile) == picture_bytes(0, 1)


def test_the_remotes_profile_can_be_had_beside_ones_own(pair: tuple[Machine, Machine]) -> None:
    first, _ = pair
    profile = first.filled("Heroes", 2)
    first.sync(profile)
    copy = first.fetch("Heroes", copy=True)
    assert copy["id"] != profile
    assert copy["name"] == "Heroes (2)"
    assert first.images(copy["id"]) == first.images(profile)
    first.judge(copy["id"])
    assert first.sync(copy["id"])["status"] == "pushed"
    assert first.sync(profile)["status"] == "up_to_date"


def test_getting_what_is_here_already_syncs_it(pair: tuple[Machine, Machine]) -> None:
    first, second = pair
    profile = first.filled("Heroes", 2)
    first.sync(profile)
    second.fetch("Heroes")
    first.label(profile, 0, "next")
    first.sync(profile)
    assert second.fetch("Heroes")["id"] == profile
    assert second.labels(profile) == ["next", ""]
    assert second.profiles() == {"Heroes": profile}


def test_a_plain_pool_in_the_profiles_place_is_not_overwritten(
    pair: tuple[Machine, Machine],
) -> None:
    first, second = pair
    profile = first.filled("Heroes", 1)
    first.sync(profile)
    second.add(profile, picture(9))
    job = second.ended(second.start_sync(remote_branch="Heroes"))
    assert (job["state"], job["error"]["code"]) == ("failed", "folder_taken")
    assert second.images(profile) == picture_bytes(9)
    assert second.profiles() == {}


def test_edits_made_while_the_network_is_slow_are_never_lost(
    machines: Start, http_git: HttpGit
) -> None:
    http_git.make_repo("pools")
    first, second = machines("first"), machines("second")
    for machine in (first, second):
        machine.connect(http_git.url("pools"))
    profile = first.filled("Heroes", 2)
    first.sync(profile)
    second.fetch("Heroes")
    first.add(profile, picture(10), ts=1)
    first.sync(profile)
    second.service.remotes.limits = Limits(silence=3600)
    http_git.hold = threading.Event()
    job = second.start_sync(id=profile)
    eventually(lambda: http_git.faults["hold"])
    # Nothing goes on with the sync before both are answered.
    second.add(profile, picture(11), ts=2)
    second.label(profile, 0, "meanwhile")
    assert second.job(job)["state"] == "running"
    http_git.hold.set()
    assert second.ended(job)["result"]["status"] == "merged"
    assert second.images(profile) == picture_bytes(0, 1, 10, 11)
    assert second.labels(profile)[0] == "meanwhile"
    first.sync(profile)
    agree(profile, first, second)


def test_a_remote_that_is_changed_during_a_sync_is_not_taken_for_the_old_one(
    machines: Start, http_git: HttpGit
) -> None:
    for name in ("old", "new"):
        http_git.make_repo(name)
    first = machines("first")
    first.connect(http_git.url("old"))
    profile = first.filled("Heroes", 1)
    first.service.remotes.limits = Limits(silence=3600)
    http_git.hold = threading.Event()
    job = first.start_sync(id=profile)
    eventually(lambda: http_git.faults["hold"])
    first.connect(http_git.url("new"))
    http_git.hold.set()
    assert first.ended(job)["state"] == "done"
    assert first.get(ROUTE + "remote", id=profile).json["status"]["synced"] is None
    assert first.sync(profile)["status"] == "pushed"


def test_the_active_image_that_was_chosen_here_stays_chosen(
    pair: tuple[Machine, Machine],
) -> None:
    first, second = pair
    profile = first.filled("Heroes", 4)
    first.sync(profile)
    second.fetch("Heroes")
    first.label(profile, 0, "x")
    first.sync(profile)
    second.post("/grid_pool/active", pool_id=profile, index=2)
    second.sync(profile)
    assert second.list(profile)["active"] == 2
    assert second.labels(profile)[0] == "x"


def test_git_users_on_the_other_side_take_part(
    pair: tuple[Machine, Machine], tmp_path: Path
) -> None:
    first, second = pair
    profile = first.filled("Heroes", 2)
    first.sync(profile)
    user = GitUser(tmp_path / "user")
    folder = user.clone(str(tmp_path / "remote.git"), "Heroes")
    user.commit_files({"portrait.png": picture(20), "README.md": b"hello\n"}, "Draw a portrait")
    user.push()
    first.label(profile, 0, "mine")
    assert first.sync(profile)["status"] == "merged"
    assert picture(20) in first.images(profile)
    assert first.labels(profile)[0] == "mine"
    second.fetch("Heroes")
    for machine in (first, second):
        assert (machine.pools / profile / "README.md").read_bytes() == b"hello\n"
    agree(profile, first, second)
    user.pull()
    manifest = (folder / "manifest.json").read_text().replace('"mine"', '"theirs"')
    user.commit_files({"manifest.json": manifest.encode()}, "Relabel")
    user.git("checkout", "-q", "-b", "side", "HEAD~1")
    user.commit_files({"img_0900.png": picture(21)}, "Draw on the side")
    user.git("checkout", "-q", "Heroes")
    user.merge("--no-edit", "side")
    user.push()
    assert first.sync(profile)["status"] == "pulled"
    assert "theirs" in first.labels(profile)
    assert picture(21) in first.images(profile)
    second.sync(profile)
    first.sync(profile)
    agree(profile, first, second)
    assert first.sync(profile)["status"] == "up_to_date"


def test_profiles_sync_by_themselves_where_that_is_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITPOOL_SNAPSHOT_DELAY", "0.1")
    monkeypatch.setenv("GITPOOL_ALLOW_REMOTES", "file")
    with Machine(tmp_path / "first") as first, Machine(tmp_path / "second") as second:
        for machine in (first, second):
            machine.connect(str(tmp_path / "remote.git"), auto_sync=True)
        profile = first.filled("Heroes", 1)
        eventually(lambda: second.get(ROUTE + "remote/profiles").json["profiles"])
        assert second.fetch("Heroes")["id"] == profile


def test_a_sync_that_a_restart_cut_off_is_carried_on_with(
    tmp_path: Path, http_git: HttpGit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITPOOL_SNAPSHOT_DELAY", "3600")
    monkeypatch.setenv("GITPOOL_ALLOW_REMOTES", "http")
    repo = http_git.make_repo("pools")
    http_git.stall = True
    with Machine(tmp_path / "first") as first:
        first.connect(http_git.url("pools"))
        profile = first.filled("Heroes", 1)
        first.service.remotes.limits = Limits(silence=3600)
        job = first.start_sync(id=profile)
        eventually(lambda: http_git.faults["stall"])
        assert first.job(job)["state"] == "running"
    http_git.stall = False
    with Machine(tmp_path / "first"):
        eventually(lambda: git(repo, "branch"))


def test_an_up_to_date_sync_is_one_request(machines: Start, http_git: HttpGit) -> None:
    http_git.make_repo("pools")
    first = machines("first")
    first.connect(http_git.url("pools"))
    profile = first.filled("Heroes", 2)
    first.sync(profile)
    http_git.forget()
    assert first.sync(profile)["status"] == "up_to_date"
    assert len(http_git.records) == 1


def test_how_far_a_profile_is_ahead_is_known_without_the_network(
    pair: tuple[Machine, Machine],
) -> None:
    first, _ = pair
    profile = first.filled("Heroes", 1)

    def status() -> Any:
        return first.get(ROUTE + "remote", id=profile).json["status"]

    assert status() == {"synced": None, "ahead": None, "behind": None, "offline": False}
    first.sync(profile)
    assert status()["ahead"] == 0
    for number in range(3):
        first.add(profile, picture(30 + number))
        first.snapshot(profile)
    assert status()["ahead"] == 3
    assert status()["synced"] >= int(time.time()) - 60


def test_that_another_machine_sent_something_is_known_and_that_the_remote_is_away(
    pair: tuple[Machine, Machine], tmp_path: Path
) -> None:
    first, second = pair
    profile = first.filled("Heroes", 1)
    first.sync(profile)
    second.fetch("Heroes")
    second.add(profile, picture(9))
    second.sync(profile)

    def status() -> Any:
        return first.get(ROUTE + "remote", id=profile).json["status"]

    assert status()["behind"] is False
    first.service.remotes.look(profile)
    assert status()["behind"] is True
    first.sync(profile)
    assert status()["behind"] is False
    os.rename(tmp_path / "remote.git", tmp_path / "away.git")
    (tmp_path / "remote.git").write_bytes(b"not a folder")
    first.service.remotes.look(profile)
    assert status()["offline"] is True


def test_the_first_images_of_a_folders_profiles_are_shown(
    pair: tuple[Machine, Machine], http_git: HttpGit
) -> None:
    first, second = pair
    first.sync(first.filled("Heroes", 6))
    (listed,) = second.get(ROUTE + "remote/profiles").json["profiles"]
    assert len(listed["preview"]) == 4
    for blob in listed["preview"]:
        thumb = second.get(ROUTE + "remote/thumb", blob=blob)
        assert (thumb.status, thumb.headers["Content-Type"]) == (200, "image/webp")
    tip = listed["snapshot"]["id"]
    for blob, status in ((tip, 404), ("0" * 40, 404), ("../etc/passwd", 400), ("", 400)):
        assert second.get(ROUTE + "remote/thumb", blob=blob).status == status
    http_git.make_repo("pools")
    second.connect(http_git.url("pools"))
    assert second.get(ROUTE + "remote/thumb", blob="1" * 40).status == 404
    assert http_git.records == []


def test_one_profile_can_have_a_remote_of_its_own(
    pair: tuple[Machine, Machine], tmp_path: Path
) -> None:
    first, _ = pair
    profile, other = first.filled("Heroes", 1), first.filled("Others", 1, first=5)
    own = str(tmp_path / "own.git")
    assert first.connect(own, id=profile)["own"]
    first.sync(profile)
    first.sync(other)
    assert git(Path(own), "branch", "--format=%(refname:short)") == "Heroes"
    assert git(tmp_path / "remote.git", "branch", "--format=%(refname:short)") == "Others"
    first.post(ROUTE + "remote", id=profile, url=None)
    assert first.get(ROUTE + "remote", id=profile).json["url"].endswith("remote.git")
    assert first.sync(profile)["status"] == "pushed"


def test_nothing_syncs_where_no_remote_is_set(machines: Start) -> None:
    first = machines("first")
    profile = first.filled("Heroes", 1)
    answer = first.post(ROUTE + "sync", id=profile)
    assert (answer.status, answer.code) == (409, "no_remote")
    assert first.get(ROUTE + "remote").json["url"] is None
    assert first.get(ROUTE + "remote/profiles").status == 409


def test_an_address_is_tried_before_it_is_kept(machines: Start, http_git: HttpGit) -> None:
    http_git.token = TOKEN
    http_git.make_repo("empty")
    code = GitUser(http_git.root.parent / "coder", token=TOKEN)
    http_git.make_repo("code")
    code.clone(http_git.url("code"))
    code.commit_files({"main.c": b"int main;\n"}, "Begin")
    code.push()
    first = machines("first")

    def tried(**fields: Any) -> Any:
        job = first.post(ROUTE + "remote/test", **fields).json["job"]
        return first.ended(job)

    empty = http_git.url("empty")
    assert tried(url=empty, token=TOKEN)["result"] == {"profiles": 0, "empty": True}
    assert tried(url=empty, token="wrong")["error"]["code"] == "remote_auth"
    assert tried(url=empty)["error"]["code"] == "remote_auth"
    assert tried(url=http_git.url("nowhere"), token=TOKEN)["error"]["code"] == "remote_not_found"
    assert tried(url=http_git.url("code"), token=TOKEN)["error"]["code"] == "remote_not_pools"
    http_git.read_only = True
    assert tried(url=empty, token=TOKEN)["error"]["code"] == "remote_denied"
    http_git.read_only = False
    place = http_git.root.parent / "new.git"
    assert tried(url=str(place))["result"] == {"profiles": 0, "empty": True}
    assert not place.exists()
    assert first.get(ROUTE + "remote").json["url"] is None
    first.connect(empty, TOKEN)
    first.sync(first.filled("Heroes", 1))
    assert tried(url=empty)["result"] == {"profiles": 1, "empty": False}


def test_progress_is_told_to_every_page(machines: Start, http_git: HttpGit) -> None:
    http_git.make_repo("pools")
    first = machines("first")
    first.connect(http_git.url("pools"))
    profile = first.filled("Heroes", 2)
    job = first.start_sync(id=profile)
    first.ended(job)
    told = [data for event, data in first.host.events if event == "gitpool.progress"]
    assert {entry["job"] for entry in told} == {job}
    phases = list(dict.fromkeys(entry["progress"]["phase"] for entry in told))
    assert phases == ["snapshot", "connect", "check", "merge", "send"]
    assert told[-1]["state"] == "done"
    assert told[-1]["id"] == profile
    assert os.path.exists(first.pools / profile)
