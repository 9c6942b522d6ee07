"""What a git user does in a profile's folder is taken in; what a crash or a trap left is mended."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from support import _GIT_ENVIRONMENT, Server, git, judge, mask, picture, tree_of

P = "/grid_pool/profiles/"


def filled(server: Server, name: str = "x", images: int = 3) -> Path:
    """A profile with some snapshots; its folder."""
    profile = server.create(name)
    for seed in range(images):
        server.add(profile, picture(seed))
    server.set_mask(profile, 0, mask())
    server.post("/grid_pool/label", pool_id=profile, index=1, label="two")
    server.snapshot(profile)
    server.post("/grid_pool/label", pool_id=profile, index=0, label="one")
    server.snapshot(profile)
    return server.pools / profile


def operate(server: Server, folder: Path, label: str = "after") -> None:
    """An edit and a snapshot, as any next operation."""
    answer = server.post("/grid_pool/label", pool_id=folder.name, index=0, label=label)
    assert answer.status == 200, answer.body
    server.snapshot(folder.name)
    assert server.list(folder.name)["slots"][0]["label"] == label


def names(server: Server, folder: Path) -> list[str]:
    return [slot["image"] for slot in server.list(folder.name)["slots"]]


def own_branch(folder: Path) -> str:
    return git(folder, "symbolic-ref", "--short", "HEAD")


def images_of(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in folder.glob("img_*")}


# Images dropped in and taken away.


def test_a_dropped_image_gets_a_number_and_its_stem_as_label(server: Server) -> None:
    folder = filled(server)
    dropped = picture(50)
    (folder / "My cat (3).png").write_bytes(dropped)
    assert git(folder, "status", "--porcelain") != ""
    assert server.snapshot(folder.name)["changes"]["added"] == 1
    assert not (folder / "My cat (3).png").exists()
    assert (folder / "img_0004.png").read_bytes() == dropped
    slot = server.list(folder.name)["slots"][3]
    assert (slot["image"], slot["label"], slot["mask"]) == ("img_0004.png", "My cat (3)", None)
    assert server.list(folder.name)["next_seq"] == 5
    judge(folder)


@pytest.mark.parametrize(
    ("name", "kind", "extension"),
    [
        ("photo.jpg", "JPEG", ".jpg"),
        ("photo.JPEG", "JPEG", ".jpg"),
        ("lies.png", "JPEG", ".jpg"),
        ("UPPER.PNG", "PNG", ".png"),
        ("anim.gif", "GIF", ".gif"),
        ("Größe 図.webp", "WEBP", ".webp"),
        ("img_12.png", "PNG", ".png"),
        ("img_0002.jpg", "JPEG", ".jpg"),
        ("kid's photo.png", "PNG", ".png"),
        ("50% off!.png", "PNG", ".png"),
        ("you & me; us.png", "PNG", ".png"),
        ("#1.png", "PNG", ".png"),
        ("-dash.png", "PNG", ".png"),
        ("“quoted” — long.png", "PNG", ".png"),
        ("e\u0301.png", "PNG", ".png"),
        ("a  b .png", "PNG", ".png"),
        ("x" * 220 + ".png", "PNG", ".png"),
    ],
)
def test_any_name_a_person_gives_is_taken_in(
    server: Server, name: str, kind: str, extension: str
) -> None:
    folder = filled(server)
    before = images_of(folder)
    data = picture(50, kind=kind)
    (folder / name).write_bytes(data)
    server.snapshot(folder.name)
    listed = server.list(folder.name)["slots"]
    assert len(listed) == 4
    stored = listed[3]["image"]
    assert stored.startswith("img_")
    assert stored.endswith(extension)
    assert (folder / stored).read_bytes() == data
    assert {n: d for n, d in images_of(folder).items() if n in before} == before
    judge(folder)


def test_several_dropped_at_once_never_write_over_each_other(server: Server) -> None:
    folder = filled(server, images=2)
    dropped = {
        "a.png": picture(50),
        "img_0003.png": picture(51),
        "img_0004.png": picture(52),
        "img_0004.jpg": picture(53, kind="JPEG"),
        "z.png": picture(54),
        "img_0900.png": picture(55),
    }
    before = images_of(folder)
    for name, data in dropped.items():
        (folder / name).write_bytes(data)
    server.snapshot(folder.name)
    kept = [(folder / n).read_bytes() for n in names(server, folder)]
    assert len(set(names(server, folder))) == 2 + len(dropped)
    assert {*kept} == {*(before[f"img_000{n}.png"] for n in (1, 2)), *dropped.values()}
    assert server.list(folder.name)["next_seq"] > 900
    judge(folder)


def test_a_dropped_file_that_is_no_image_stays_and_is_not_written_over(server: Server) -> None:
    folder = filled(server)
    others = {"img_0004.png": b"no image", "notes.txt": b"notes", "sub/x.png": picture(1)}
    (folder / "sub").mkdir()
    for name, data in others.items():
        (folder / name).write_bytes(data)
    (folder / "cat.png").write_bytes(picture(50))
    server.add(folder.name, picture(51))
    server.snapshot(folder.name)
    assert {n: (folder / n).read_bytes() for n in others} == others
    assert len(names(server, folder)) == 5
    assert "img_0004.png" not in names(server, folder)
    judge(folder)


def test_a_dropped_image_brings_its_mask(server: Server) -> None:
    folder = filled(server)
    (folder / "cat.png").write_bytes(picture(50))
    (folder / "cat.mask.png").write_bytes(mask(left=3))
    server.snapshot(folder.name)
    slot = server.list(folder.name)["slots"][3]
    assert slot["mask"] == "img_0004.mask.png"
    assert (folder / "img_0004.mask.png").read_bytes() == mask(left=3)
    assert not (folder / "cat.mask.png").exists()
    judge(folder)


def test_an_edit_with_a_stale_view_still_goes_where_it_was_meant(server: Server) -> None:
    folder = filled(server)
    (folder / "img_0001.png").unlink()
    body = {"pool_id": folder.name, "index": 1, "image": "img_0002.png", "label": "new"}
    answer = server.post("/grid_pool/label", data=body)
    labels = {s["image"]: s["label"] for s in server.list(folder.name)["slots"]}
    if answer.status == 409:
        assert labels["img_0002.png"] == "two"
    else:
        assert (answer.status, labels["img_0002.png"]) == (200, "new")
    assert labels["img_0003.png"] == ""


def test_a_deleted_image_is_taken_out(server: Server) -> None:
    folder = filled(server)
    (folder / "img_0001.png").unlink()
    made = server.snapshot(folder.name)
    assert made["changes"]["removed"] == 1
    assert names(server, folder) == ["img_0002.png", "img_0003.png"]
    judge(folder)
    server.add(folder.name, picture(9))
    assert names(server, folder)[-1] == "img_0004.png"


def test_a_deleted_mask_is_taken_out_and_a_changed_image_is_noticed(server: Server) -> None:
    folder = filled(server)
    (folder / "img_0001.mask.png").unlink()
    changed = picture(70)
    (folder / "img_0002.png").write_bytes(changed)
    made = server.snapshot(folder.name)
    assert (made["changes"]["masks"], made["changes"]["replaced"]) == (1, 1)
    assert server.list(folder.name)["slots"][0]["mask"] is None
    assert git(folder, "rev-parse", "HEAD:img_0002.png") == git(
        folder, "hash-object", "img_0002.png"
    )
    judge(folder)


def test_a_change_of_the_same_size_and_time_is_noticed(server: Server) -> None:
    folder = filled(server)
    path = folder / "img_0002.png"
    stat, data = path.stat(), bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(bytes(data))
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    server.snapshot(folder.name)
    assert git(folder, "rev-parse", "HEAD:img_0002.png") == git(
        folder, "hash-object", "img_0002.png"
    )
    judge(folder)


# What is done with git itself.


def test_a_commit_made_with_git_is_part_of_the_history(server: Server) -> None:
    folder = filled(server)
    (folder / "img_0003.png").unlink()
    raw = json.loads((folder / "manifest.json").read_text())
    raw["slots"] = raw["slots"][:2]
    (folder / "manifest.json").write_text(json.dumps(raw))
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "Drop the third\n\nIt was blurred.")
    newest = server.history(folder.name)[0]
    assert newest["id"] == git(folder, "rev-parse", "HEAD")
    assert newest["message"].startswith("Drop the third")
    assert newest["changes"]["removed"] == 1
    commit = newest["id"]
    operate(server, folder)
    assert commit in git(folder, "log", "--format=%H")
    assert len(names(server, folder)) == 2
    judge(folder)


def test_an_image_committed_with_git_is_taken_in(server: Server) -> None:
    folder = filled(server)
    data = picture(60)
    (folder / "dog.png").write_bytes(data)
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "A dog")
    operate(server, folder)
    slot = server.list(folder.name)["slots"][3]
    assert (slot["image"], slot["label"]) == ("img_0004.png", "dog")
    assert (folder / "img_0004.png").read_bytes() == data
    judge(folder)


def test_a_commit_on_another_branch_is_taken_in(server: Server) -> None:
    folder = filled(server)
    own = own_branch(folder)
    git(folder, "checkout", "-q", "-b", "experiment")
    (folder / "img_0003.png").unlink()
    git(folder, "commit", "-q", "-a", "-m", "Less")
    commit = git(folder, "rev-parse", "HEAD")
    operate(server, folder)
    assert own_branch(folder) == own
    assert commit in git(folder, "log", "--format=%H")
    assert names(server, folder) == ["img_0001.png", "img_0002.png"]
    judge(folder)


def test_a_line_that_parted_long_ago_is_joined_and_nothing_is_lost(server: Server) -> None:
    folder = filled(server)
    own, before = own_branch(folder), git(folder, "log", "--format=%H").split()
    git(folder, "checkout", "-q", "-b", "experiment", "HEAD~1")
    (folder / "img_0002.png").unlink()
    git(folder, "commit", "-q", "-a", "-m", "Less")
    commit = git(folder, "rev-parse", "HEAD")
    server.add(folder.name, picture(61))
    server.snapshot(folder.name)
    assert own_branch(folder) == own
    after = git(folder, "log", "--format=%H").split()
    assert {*before, commit} <= {*after}
    assert names(server, folder)[-1] == "img_0004.png"
    judge(folder)
    shown = {s["id"] for s in server.history(folder.name)}
    assert {*before, commit} <= shown


@pytest.mark.parametrize("back", [0, 1, 2])
def test_a_detached_head_comes_home(server: Server, back: int) -> None:
    folder = filled(server)
    own, before = own_branch(folder), git(folder, "log", "--format=%H").split()
    git(folder, "checkout", "-q", "--detach", f"HEAD~{back}")
    server.add(folder.name, picture(61))
    server.snapshot(folder.name)
    assert own_branch(folder) == own
    assert git(folder, "log", "--format=%H").split()[1:] == before
    judge(folder)


def test_a_commit_on_a_detached_head_is_taken_in(server: Server) -> None:
    folder = filled(server)
    git(folder, "checkout", "-q", "--detach")
    (folder / "img_0001.png").unlink()
    git(folder, "commit", "-q", "-a", "-m", "Detached")
    commit = git(folder, "rev-parse", "HEAD")
    server.add(folder.name, picture(61))
    server.snapshot(folder.name)
    assert commit in git(folder, "log", "--format=%H")
    judge(folder)


def test_an_older_commit_reset_to_by_hand_is_where_we_go_on(server: Server) -> None:
    folder = filled(server)
    git(folder, "reset", "-q", "--hard", "HEAD~1")
    operate(server, folder)
    git(folder, "reflog", "expire", "--expire=now", "--all")
    git(folder, "gc", "-q", "--prune=now")
    judge(folder)


@pytest.mark.parametrize(
    "command",
    [
        ("gc", "-q", "--aggressive", "--prune=now"),
        ("pack-refs", "--all", "--prune"),
        ("repack", "-a", "-d", "-q"),
        ("update-index", "--index-version", "4"),
        ("update-index", "--split-index"),
        ("config", "core.untrackedCache", "true"),
        ("commit-graph", "write", "--reachable"),
        ("repack", "--write-midx", "-a", "-d", "-q"),
        ("tag", "-a", "-m", "mine", "mine"),
        ("branch", "side"),
        ("branch", "deep/side"),
        ("stash", "list"),
        ("notes", "add", "-m", "a note"),
        ("status",),
        ("rm", "-q", "--cached", "img_0001.png"),
        ("read-tree", "--empty"),
    ],
    ids=lambda c: " ".join(c[:2]),
)
def test_housekeeping_with_git_changes_nothing(server: Server, command: tuple[str, ...]) -> None:
    folder = filled(server)
    target = server.history(folder.name)[0]["id"]
    server.post(P + "lock", id=folder.name, snapshot=target, locked=True, message="kept")
    before, history = images_of(folder), server.history(folder.name)
    git(folder, *command)
    assert server.history(folder.name)[1:] == history[1:]
    operate(server, folder)
    assert images_of(folder) == before
    assert server.history(folder.name)[1]["id"] == target
    answer = server.post(P + "restore", id=folder.name, snapshot=target)
    assert answer.status == 200
    judge(folder)
    assert server.post(P + "rename", id=folder.name, name="renamed").status == 200
    assert own_branch(folder) == "renamed"
    assert "x" not in git(folder, "for-each-ref", "--format=%(refname:short)", "refs/heads").split()
    copy = server.post(P + "duplicate", id=folder.name, name="copy").json
    judge(server.pools / copy["id"])
    judge(folder)


def test_stashed_edits_stay_in_the_stash(server: Server) -> None:
    folder = filled(server)
    server.post("/grid_pool/label", pool_id=folder.name, index=0, label="stashed")
    git(folder, "stash", "-q")
    operate(server, folder, "other")
    assert "stash@{0}" in git(folder, "stash", "list")
    judge(folder)


def test_a_users_readme_stays_his(server: Server) -> None:
    folder = filled(server)
    (folder / "README.md").write_text("my notes")
    git(folder, "add", "-f", "README.md")
    git(folder, "commit", "-q", "-m", "Add a readme")
    commit = git(folder, "rev-parse", "HEAD")
    newest = server.history(folder.name)[0]
    assert newest["message"] == "Add a readme"
    operate(server, folder)
    assert (folder / "README.md").read_text() == "my notes"
    assert git(folder, "show", f"{commit}:README.md") == "my notes"
    assert sorted(git(folder, "ls-tree", "--name-only", "HEAD").split()) == [
        *("README.md", "img_0001.mask.png", "img_0001.png", "img_0002.png", "img_0003.png"),
        "manifest.json",
    ]
    judge(folder)
    assert server.post(P + "restore", id=folder.name, snapshot=commit).status == 200
    assert (folder / "README.md").read_text() == "my notes"
    judge(folder)


def test_copies_of_a_history_with_a_readme_are_clean(server: Server) -> None:
    folder = filled(server)
    (folder / "README.md").write_text("my notes")
    git(folder, "add", "-f", "README.md")
    git(folder, "commit", "-q", "-m", "Add a readme")
    commit = git(folder, "rev-parse", "HEAD")
    body = {"id": folder.name, "snapshot": commit, "name": "side"}
    side = server.post(P + "branch_off", data=body).json
    judge(server.pools / side["id"])
    copy = server.post(P + "duplicate", id=folder.name, name="copy").json
    judge(server.pools / copy["id"])
    judge(folder)


@pytest.mark.parametrize("name", ["side", "deep"])
def test_a_users_branch_in_the_way_of_a_new_name(server: Server, name: str) -> None:
    folder = filled(server)
    git(folder, "branch", "deep/side")
    git(folder, "checkout", "-q", "-b", "side")
    (folder / "img_0003.png").unlink()
    git(folder, "commit", "-q", "-a", "-m", "On the side")
    side = git(folder, "rev-parse", "side")
    git(folder, "checkout", "-q", "x")
    before = tree_of(server.pools)
    answer = server.post(P + "rename", id=folder.name, name=name)
    assert answer.status in (200, 409), answer.body
    listed = server.get(P + "list").json["profiles"][0]["name"]
    if answer.status == 409:
        assert listed == "x"
        assert tree_of(server.pools) == before
    else:
        assert listed == name
    operate(server, folder)
    assert side in git(folder, "rev-list", "--all").split()
    judge(folder)


def test_a_second_work_tree_is_left_alone(server: Server, tmp_path: Path) -> None:
    folder = filled(server)
    git(folder, "worktree", "add", "-q", str(tmp_path / "tree"), "-b", "elsewhere")
    (tmp_path / "tree" / "img_0001.png").unlink()
    git(tmp_path / "tree", "commit", "-q", "-a", "-m", "Elsewhere")
    operate(server, folder)
    assert len(names(server, folder)) == 3
    judge(folder)


def test_a_users_global_settings_touch_no_byte(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "ignored").write_text("*.png\nmanifest.json\n")
    (tmp_path / "attributes").write_text("* text=auto eol=crlf\n*.png filter=bad\n*.json text\n")
    marker = tmp_path / "filtered"
    config = tmp_path / "config"
    config.write_text(
        f"[core]\n\tautocrlf = true\n\tsafecrlf = false\n\texcludesFile = {tmp_path}/ignored\n"
        f"\tattributesFile = {tmp_path}/attributes\n"
        f'[filter "bad"]\n\tclean = touch {marker}; cat\n\tsmudge = touch {marker}; cat\n'
        "[user]\n\tname = U\n\temail = u@example.org\n"
    )
    monkeypatch.setitem(_GIT_ENVIRONMENT, "GIT_CONFIG_GLOBAL", str(config))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
    folder = filled(server)
    label = "a\r\nb\nc\r\n"
    server.post("/grid_pool/label", pool_id=folder.name, index=0, label=label)
    server.snapshot(folder.name)
    before = images_of(folder) | {"manifest.json": (folder / "manifest.json").read_bytes()}
    judge(folder)
    for name in before:
        (folder / name).unlink()
    git(folder, "checkout", "-q", "--", ".")
    assert {n: (folder / n).read_bytes() for n in before} == before
    judge(folder)
    (folder / "cat.png").write_bytes(picture(9))
    assert "cat.png" in git(folder, "status", "--porcelain")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "A cat")
    operate(server, folder)
    assert len(names(server, folder)) == 4
    judge(folder)
    assert not marker.exists()


def test_attributes_and_ignore_files_in_the_folder_touch_no_byte(server: Server) -> None:
    folder = filled(server)
    (folder / ".gitattributes").write_text("* text eol=crlf ident filter=x export-ignore\n")
    (folder / ".gitignore").write_text("*\n")
    (folder / "cat.png").write_bytes(picture(9))
    before = images_of(folder)
    operate(server, folder)
    assert len(names(server, folder)) == 4
    for name in before:
        blob = git(folder, "hash-object", "--no-filters", name)
        assert git(folder, "rev-parse", f"HEAD:{name}") == blob
    assert git(folder, "fsck", "--strict") == ""
    assert (folder / ".gitignore").read_text() == "*\n"
    judge(folder)


# What a crash, a failing disk or a trap left.


def age(path: Path, seconds: float = 7200) -> None:
    then = time.time() - seconds
    os.utime(path, (then, then))


def test_stale_locks_and_scratch_files_are_swept(server: Server) -> None:
    folder = filled(server)
    dot = folder / ".git"
    own = dot / "refs" / "heads" / "x.lock"
    stale = [own, *(dot / f"{n}.lock" for n in ("index", "HEAD", "config", "packed-refs"))]
    for path in stale:
        path.write_bytes(b"")
        age(path)
    scratch = [
        dot / "objects" / "tmp_obj_abc123",
        dot / "refs" / "heads" / ".gitpool-tmp-0123",
        dot / ".gitpool-tmp-0123",
        dot / "info" / ".gitpool-tmp-0123",
        folder / ".gitpool-tmp-0123",
    ]
    for path in scratch:
        path.write_bytes(b"half")
    operate(server, folder)
    assert not [p for p in (*stale, *scratch) if p.exists()]
    judge(folder)


def test_our_own_lock_of_a_killed_process_is_known_at_once(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = filled(server)
    (folder / ".git" / "refs" / "heads" / "x.lock").write_bytes(b"gitpool\n")
    sleep, slept = time.sleep, [0.0]

    def note(seconds: float) -> None:
        slept.append(seconds)
        sleep(seconds)

    monkeypatch.setattr(time, "sleep", note)
    operate(server, folder)
    # Nobody waited for it to become old.
    assert sum(slept) < 1
    judge(folder)


def test_a_lock_that_another_git_holds_is_respected(server: Server) -> None:
    folder = filled(server)
    lock = folder / ".git" / "refs" / "heads" / "x.lock"
    lock.write_bytes(b"")
    server.post("/grid_pool/label", pool_id=folder.name, index=0, label="waits")
    before = git(folder, "rev-parse", "HEAD")
    answer = server.post(P + "snapshot", id=folder.name)
    assert (answer.status, answer.code) == (409, "busy")
    assert lock.exists()
    assert git(folder, "rev-parse", "HEAD") == before
    lock.unlink()
    operate(server, folder)
    judge(folder)


GARBAGE = [b"", b"\x00" * 41, b"garbage\n", b"\xff\xfe\x00", b"ref: ", b"0" * 40 + b"\n"]


@pytest.mark.parametrize("data", [None, *GARBAGE, b"ref: ../../x\n", b"ref: refs/heads/none\n"])
def test_a_garbled_head_is_mended(server: Server, data: bytes | None) -> None:
    folder = filled(server)
    log, head = git(folder, "log", "--format=%H"), folder / ".git" / "HEAD"
    if data is None:
        head.unlink()
    else:
        head.write_bytes(data)
    before = tree_of(server.pools)
    answer = server.get(P + "history", id=folder.name)
    assert answer.status in (200, 404), answer.body
    assert server.list(folder.name)["slots"][1]["label"] == "two"
    assert tree_of(server.pools) == before
    operate(server, folder)
    assert git(folder, "log", "--format=%H").endswith(log)
    assert own_branch(folder) == "x"
    judge(folder)


@pytest.mark.parametrize("data", [None, *GARBAGE, b"1" * 40 + b"\n", "tree"])
def test_a_garbled_branch_is_mended(server: Server, data: bytes | str | None) -> None:
    folder = filled(server)
    log, ref = git(folder, "log", "--format=%H"), folder / ".git" / "refs" / "heads" / "x"
    if data == "tree":
        data = git(folder, "rev-parse", "HEAD^{tree}").encode()
    if data is None:
        ref.unlink()
    else:
        assert isinstance(data, bytes)
        ref.write_bytes(data)
    before = tree_of(server.pools)
    answer = server.get(P + "history", id=folder.name)
    assert answer.status in (200, 404), answer.body
    assert tree_of(server.pools) == before
    operate(server, folder)
    assert git(folder, "log", "--format=%H").endswith(log)
    judge(folder)


def test_everything_named_above_at_once(server: Server) -> None:
    folder = filled(server)
    log = git(folder, "log", "--format=%H")
    git(folder, "gc", "-q")
    dot = folder / ".git"
    (dot / "HEAD").write_bytes(b"\x00" * 30)
    (dot / "packed-refs").write_bytes(b"\x00" * 100)
    (dot / "index").write_bytes(b"\x00" * 100)
    shutil.rmtree(dot / "refs")
    shutil.rmtree(dot / "info")
    (dot / "gitpool.json").write_bytes(b"\x00" * 30)
    (folder / "manifest.json").write_bytes(b"\x00" * 200)
    operate(server, folder)
    assert git(folder, "log", "--format=%H").endswith(log)
    assert [s["label"] for s in server.list(folder.name)["slots"]] == ["after", "two", ""]
    judge(folder)


@pytest.mark.parametrize(
    "data", [None, b"", b"\x00" * 500, b"DIRC" + bytes(60), b"DIRC\x00\x00\x00\x09" + bytes(80)]
)
def test_a_garbled_index_is_only_a_cache(server: Server, data: bytes | None) -> None:
    folder = filled(server)
    index = folder / ".git" / "index"
    good = index.read_bytes()
    if data is None:
        index.unlink()
    else:
        index.write_bytes(data or good[:-5])
    assert server.get(P + "storage", id=folder.name).status == 200
    operate(server, folder)
    judge(folder)


@pytest.mark.parametrize(
    "data",
    [
        None,
        b"",
        b"\x00" * 100,
        b"garbage without an end [",
        b"[core]\n\tbare = true\n",
        b"[core]\n\tworktree = /nowhere/at/all\n",
        b"[include]\n\tpath = /nowhere/at/all\n",
    ],
    ids=["gone", "empty", "zeros", "garbage", "bare", "worktree", "include"],
)
def test_a_garbled_config_never_stops_us_and_is_mended(server: Server, data: bytes | None) -> None:
    folder = filled(server)
    config = folder / ".git" / "config"
    if data is None:
        config.unlink()
    else:
        config.write_bytes(data)
    operate(server, folder)
    judge(folder)


def poison(folder: Path, marker: Path) -> None:
    """Name commands wherever git would run them."""
    touch = f"touch {marker}"
    git(folder, "config", "core.fsmonitor", f"{touch}; false")
    git(folder, "config", "core.hooksPath", str(folder / ".git" / "hooks"))
    git(folder, "config", "core.sshCommand", touch)
    git(folder, "config", "core.gitProxy", touch)
    git(folder, "config", "core.editor", touch)
    git(folder, "config", "core.pager", touch)
    git(folder, "config", "core.askPass", touch)
    git(folder, "config", "core.alternateRefsCommand", touch)
    git(folder, "config", "gpg.program", touch)
    git(folder, "config", "commit.gpgSign", "true")
    git(folder, "config", "diff.external", touch)
    git(folder, "config", "credential.helper", f"!{touch}")
    git(folder, "config", "uploadpack.packObjectsHook", touch)
    git(folder, "config", "gc.auto", "1")
    for key in ("clean", "smudge", "process"):
        git(folder, "config", f"filter.bad.{key}", f"{touch}; cat")
    git(folder, "config", "merge.bad.driver", touch)
    git(folder, "config", "diff.bad.textconv", touch)
    (folder / ".gitattributes").write_text("* filter=bad merge=bad diff=bad\n")
    (folder / ".git" / "info" / "attributes").write_text("* filter=bad merge=bad diff=bad\n")
    hooks = folder / ".git" / "hooks"
    hooks.mkdir(exist_ok=True)
    for name in (
        *("pre-commit", "post-commit", "commit-msg", "prepare-commit-msg", "post-checkout"),
        *("post-rewrite", "reference-transaction", "pre-auto-gc", "post-index-change", "update"),
        *("pre-receive", "post-update", "pre-push", "fsmonitor-watchman"),
    ):
        (hooks / name).write_text(f"#!/bin/sh\n{touch}\n")
        (hooks / name).chmod(0o755)


def test_no_command_that_a_folder_names_ever_runs(server: Server, tmp_path: Path) -> None:
    folder = filled(server)
    good = (folder / ".git" / "config").read_bytes()
    marker = tmp_path / "ran"
    poison(folder, marker)
    assert not marker.exists()
    (folder / "cat.png").write_bytes(picture(40))
    operate(server, folder)
    old = server.history(folder.name)[-1]["id"]
    profile = {"id": folder.name}
    data = server.get(P + "export", **profile, format="bundle").body
    answers = [
        server.post(P + "rename", **profile, name="other"),
        server.post(P + "lock", **profile, snapshot=old, locked=True, message="m"),
        server.post(P + "duplicate", **profile, name="copy"),
        server.post(P + "branch_off", **profile, snapshot=old, name="side"),
        server.post(P + "restore", **profile, snapshot=old),
        server.get(P + "storage", **profile),
        server.get(P + "diff", **profile, **{"from": old, "to": "now"}),
        server.send_form(P + "import", {"file": ("x.bundle", data)}),
        server.post(P + "delete", **profile),
        server.post(P + "undelete", **profile),
    ]
    assert [a.status for a in answers] == [200] * len(answers)
    assert not marker.exists()
    for copy in (answers[2], answers[3], answers[7]):
        inside = tree_of(server.pools / copy.json["id"])
        assert not [n for n, d in inside.items() if str(marker).encode() in d]
        judge(server.pools / copy.json["id"])
    assert not marker.exists()
    (folder / ".git" / "config").write_bytes(good)
    shutil.rmtree(folder / ".git" / "hooks")
    (folder / ".gitattributes").unlink()
    judge(folder)


def test_a_link_to_another_repositorys_objects_is_not_followed(
    server: Server, tmp_path: Path
) -> None:
    folder = filled(server)
    git(tmp_path, "init", "-q", "secret")
    secret = tmp_path / "secret"
    (secret / "img_0001.png").write_bytes(picture(77))
    git(secret, "add", "-A")
    git(secret, "commit", "-q", "-m", "secret")
    commit = git(secret, "rev-parse", "HEAD")
    info = folder / ".git" / "objects" / "info"
    info.mkdir(exist_ok=True)
    (info / "alternates").write_text(str(secret / ".git" / "objects") + "\n")
    query = {"pool_id": folder.name, "name": "img_0001.png", "snapshot": commit}
    assert server.get("/grid_pool/thumb", **query).status == 404
    answer = server.post(P + "restore", id=folder.name, snapshot=commit)
    assert answer.status == 404
    operate(server, folder)


def test_an_empty_object_of_a_file_that_is_there_is_healed(server: Server) -> None:
    folder = filled(server)
    blobs = {n: git(folder, "rev-parse", f"HEAD:{n}") for n in images_of(folder)}
    for blob in blobs.values():
        path = folder / ".git" / "objects" / blob[:2] / blob[2:]
        path.chmod(0o644)
        path.write_bytes(b"")
    operate(server, folder)
    for name, blob in blobs.items():
        assert git(folder, "cat-file", "-s", blob) == str((folder / name).stat().st_size)
    judge(folder)


@pytest.mark.parametrize("what", ["HEAD", "HEAD^{tree}", "HEAD:manifest.json"])
def test_an_empty_object_of_the_newest_snapshot_costs_no_image(server: Server, what: str) -> None:
    folder = filled(server)
    before = images_of(folder)
    server.post("/grid_pool/label", pool_id=folder.name, index=2, label="three")
    server.snapshot(folder.name)
    whole = git(folder, "log", "--format=%H").split()
    lost = git(folder, "rev-parse", what)
    path = folder / ".git" / "objects" / lost[:2] / lost[2:]
    path.chmod(0o644)
    path.write_bytes(b"")
    operate(server, folder)
    assert images_of(folder) == before
    assert [s["label"] for s in server.list(folder.name)["slots"]] == ["after", "two", "three"]
    assert whole[1:] == [s["id"] for s in server.history(folder.name)][-len(whole) + 1 :]
    found = git(folder, "fsck", "--strict").splitlines()
    assert [line for line in found if not line.startswith("dangling ")] == []
    assert git(folder, "status", "--porcelain") == ""


def test_a_damaged_old_image_shows_as_damaged_and_stops_nothing(server: Server) -> None:
    folder = filled(server)
    old = server.history(folder.name)[0]["id"]
    blob = git(folder, "rev-parse", "HEAD:img_0003.png")
    server.post("/grid_pool/remove", pool_id=folder.name, index=2)
    server.snapshot(folder.name)
    path = folder / ".git" / "objects" / blob[:2] / blob[2:]
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-20] + bytes(20))
    before = images_of(folder)
    answer = server.post(P + "restore", id=folder.name, snapshot=old)
    assert answer.status >= 400
    assert isinstance(answer.code, str)
    assert images_of(folder) == before
    operate(server, folder)
    assert images_of(folder) == before
    assert git(folder, "status", "--porcelain") == ""
    assert server.get(P + "history", id=folder.name).status == 200


def test_a_git_folder_that_is_gone_is_made_anew(server: Server) -> None:
    folder = filled(server)
    before = images_of(folder)
    shutil.rmtree(folder / ".git")
    assert server.get(P + "history", id=folder.name).json["snapshots"] == []
    assert not (folder / ".git").exists()
    operate(server, folder)
    assert images_of(folder) == before
    judge(folder)


@pytest.mark.parametrize("how", ["file", "link"])
def test_a_git_that_points_elsewhere_is_not_followed(
    server: Server, tmp_path: Path, how: str
) -> None:
    folder = filled(server)
    away = tmp_path / "away"
    (folder / ".git").rename(away)
    if how == "file":
        (folder / ".git").write_text(f"gitdir: {away}\n")
    else:
        (folder / ".git").symlink_to(away)
    before = tree_of(away)
    answer = server.post("/grid_pool/label", pool_id=folder.name, index=0, label="no")
    assert answer.status == 409
    assert server.post(P + "snapshot", id=folder.name).status == 409
    assert tree_of(away) == before


CRASHES: dict[str, Callable[[Path, str], None]] = {
    "note of a commit that never was": lambda f, _: (f / ".git" / "gitpool-checkout").write_text(
        "1" * 40
    ),
    "note of an older commit": lambda f, old: (f / ".git" / "gitpool-checkout").write_text(old),
    "an empty note": lambda f, _: (f / ".git" / "gitpool-checkout").write_text(""),
    "a garbled note": lambda f, _: (f / ".git" / "gitpool-checkout").write_bytes(b"\xff\x00"),
}


@pytest.mark.parametrize("what", CRASHES)
def test_a_restore_that_never_began_changes_nothing(server: Server, what: str) -> None:
    folder = filled(server)
    before = images_of(folder)
    CRASHES[what](folder, server.history(folder.name)[-1]["id"])
    operate(server, folder)
    assert images_of(folder) == before
    assert not (folder / ".git" / "gitpool-checkout").exists()
    judge(folder)


def test_a_user_clones_pulls_and_pushes(server: Server, tmp_path: Path) -> None:
    folder = filled(server)
    git(tmp_path, "clone", "-q", str(folder), "mine")
    mine = tmp_path / "mine"
    (mine / "img_0003.png").unlink()
    git(mine, "commit", "-q", "-a", "-m", "From afar")
    git(folder, "pull", "-q", str(mine), "x")
    assert (folder / "img_0003.png").exists() is False
    operate(server, folder)
    assert names(server, folder) == ["img_0001.png", "img_0002.png"]
    judge(folder)
    git(mine, "pull", "-q")
    assert git(mine, "log", "--format=%H") == git(folder, "log", "--format=%H")


def test_a_shallow_clone_put_in_place_works(server: Server, tmp_path: Path) -> None:
    folder = filled(server)
    done = subprocess.run(
        ["git", "clone", "-q", "--depth", "1", f"file://{folder}", str(tmp_path / "shallow")],
        env=_GIT_ENVIRONMENT,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    shutil.rmtree(folder / ".git")
    shutil.move(tmp_path / "shallow" / ".git", folder / ".git")
    assert server.get(P + "history", id=folder.name).status == 200
    operate(server, folder)
    assert git(folder, "fsck", "--strict") == ""
