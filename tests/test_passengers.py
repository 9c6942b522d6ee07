"""A git user's own files never wedge a profile: plain ones stay, what no pool can hold is left
out in words, and what Git Pool sends, Git Pool takes."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from machines import Machine, linked
from remotes.folder import bare_repo
from support import _GIT_ENVIRONMENT, Server, git, judge, picture
from test_git_users import P, filled, operate

PLAIN = {
    "README.md": b"# Mine\r\n",
    "captions/img_0001.txt": b"a cat",
    "captions/deep/er/x.txt": b"\xff\x00binary",
    "more/picture.png": picture(80),
    ".gitattributes": b"*.png filter=lfs\n*.txt text eol=crlf\n",
    ".gitignore": b"*\n",
    "run.sh": b"#!/bin/sh\ntouch /tmp/never\n",
    "no extension": b"",
    "broken.png": b"this is no picture",
    "本.txt": b"letters",
}
LITTER = (".DS_Store", "._img_0001.png", "Thumbs.db", "sub/desktop.ini", "@eaDir/x/y.jpg")


def put(folder: Path, files: dict[str, bytes]) -> None:
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    if "run.sh" in files:
        (folder / "run.sh").chmod(0o755)


def commit(folder: Path, text: str = "Mine") -> None:
    git(folder, "add", "-A", "-f", ".")
    if (folder / "run.sh").exists():
        git(folder, "update-index", "--chmod=+x", "run.sh")
    git(folder, "commit", "-qm", text)


def listed(folder: Path, commit: str = "HEAD") -> dict[str, str]:
    """Each file of a snapshot with its mode."""
    lines = git(folder, "ls-tree", "-r", "-z", commit).split("\0")
    return {line.partition("\t")[2]: line.split()[0] for line in lines if line}


def keeps(folder: Path, files: dict[str, bytes] = PLAIN) -> None:
    """The files are in the folder and in the newest snapshot, as they were."""
    there = listed(folder)
    for name, data in files.items():
        assert (folder / name).read_bytes() == data, name
        assert there[name] == ("100755" if name == "run.sh" else "100644"), name
        shown = subprocess.run(
            ["git", "show", f"HEAD:{name}"], cwd=folder, env=_GIT_ENVIRONMENT, capture_output=True
        )
        assert shown.stdout == data, name
    judge(folder)


def shared(machines: Callable[[str], Machine], tmp_path: Path) -> tuple[Machine, Machine, str]:
    """Two machines with one profile."""
    one, two = linked(machines, tmp_path)
    profile = one.filled("Heroes")
    one.sync(profile)
    two.fetch("Heroes")
    return one, two, profile


def test_passengers_stay_through_everything(
    machines: Callable[[str], Machine], tmp_path: Path
) -> None:
    one, two, profile = shared(machines, tmp_path)
    folder = one.pools / profile
    first = one.history(profile)[-1]["id"]
    put(folder, PLAIN)
    commit(folder)
    operate(one, folder)
    keeps(folder)
    assert [slot["image"] for slot in one.slots(profile)] == [
        *("img_0001.png", "img_0002.png", "img_0003.png")
    ]
    one.post("/grid_pool/remove", pool_id=profile, index=0)
    one.post("/grid_pool/undo", pool_id=profile)
    keeps(folder)
    one.post(P + "restore", id=profile, snapshot=first)
    keeps(folder)
    copy = one.post(P + "duplicate", id=profile, name="Copy").json["id"]
    newest = one.history(profile)[0]["id"]
    off = one.post(P + "branch_off", id=profile, snapshot=newest, name="Off").json["id"]
    bundle = one.get(P + "export", id=profile, format="bundle").body
    back = one.send_form(P + "import", {"file": ("a.bundle", bundle)}).json
    assert "left_out" not in back
    for other in (copy, off, back["id"]):
        keeps(one.pools / other)
        operate(one, one.pools / other) if one.slots(other) else None
        keeps(one.pools / other)
    two.label(profile, 0, "elsewhere")
    assert "left_out" not in one.sync(profile)
    assert two.sync(profile)["status"] == "merged"
    one.sync(profile)
    for machine in (one, two):
        keeps(machine.pools / profile)
    three = machines("three")
    three.connect(str(tmp_path / "remote.git"))
    three.fetch("Heroes")
    keeps(three.pools / profile)
    zipped = one.get(P + "export", id=profile)
    assert zipped.status == 200
    assert one.post(P + "compact", id=profile, keep={"all": 0}).status == 200
    keeps(folder)


def test_both_sides_passengers_are_kept(machines: Callable[[str], Machine], tmp_path: Path) -> None:
    one, two, profile = shared(machines, tmp_path)
    put(one.pools / profile, {"README.md": b"base", "both.txt": b"base", "gone.txt": b"base"})
    commit(one.pools / profile)
    one.sync(profile)
    two.sync(profile)
    put(one.pools / profile, {"README.md": b"one", "mine.txt": b"1", "as/file": b"x", "Case": b"1"})
    (one.pools / profile / "gone.txt").unlink()
    commit(one.pools / profile)
    put(two.pools / profile, {"README.md": b"two", "theirs.txt": b"2", "as": b"", "case": b"2"})
    put(two.pools / profile, {"gone.txt": b"edited"})
    commit(two.pools / profile)
    for machine in (one, two, one):
        machine.sync(profile)
    for machine in (one, two):
        folder = machine.pools / profile
        names = set(listed(folder)) - {"manifest.json", *(s["image"] for s in one.slots(profile))}
        assert len(names) == len({name.casefold() for name in names})
        texts = {name: (folder / name).read_bytes() for name in names}
        assert texts["README.md"] == b"two"
        assert texts["README (other machine).md"] == b"one"
        assert texts["gone.txt"] == b"edited", "an edit beats a deletion"
        assert (texts["mine.txt"], texts["theirs.txt"]) == (b"1", b"2")
        assert sorted(texts.values()) == sorted(
            [b"two", b"one", b"base", b"edited", b"1", b"2", b"x", b"", b"1", b"2"]
        )
        machine.judge(profile)


def test_litter_leaves_with_the_next_snapshot(server: Server) -> None:
    folder = filled(server)
    put(folder, dict.fromkeys(LITTER, b"litter"))
    commit(folder)
    server.service.versions.take(folder.name)
    assert not set(LITTER) & set(listed(folder))
    assert all((folder / name).exists() for name in LITTER), "whoever left it may want it"
    assert "system file" in server.history(folder.name)[0]["message"]
    judge(folder)
    # And none is ever added.
    put(folder, {"._img_0002.png": b"x", ".DS_Store": b"y", "Thumbs.db": b"z"})
    operate(server, folder)
    assert not set(LITTER) & set(listed(folder))
    judge(folder)


MODULES = b'[submodule "x"]\n\tpath = x\n\turl = https://example.org/x\n'


def odd(folder: Path) -> dict[str, str]:
    """Commit what no pool can hold; the paths, and what each is."""
    (folder / "link").symlink_to("/etc/passwd")
    (folder / "img_0009.png").symlink_to("img_0001.png")
    (folder / "sub").mkdir()
    (folder / "sub" / "up").symlink_to("../..")
    commit(folder, "Links")
    tip = git(folder, "rev-parse", "HEAD")
    (folder / ".git" / "modules.txt").write_bytes(MODULES)
    blob = git(folder, "hash-object", "-w", ".git/modules.txt")
    lines = [f"160000 {tip}\tmodule", f"100644 {blob}\tcon.txt", f"100644 {blob}\ta\\b"]
    lines += [f"100644 {blob}\ttrailing.", f"100644 {blob}\tread?me", f"100644 {blob}\t.gitmodules"]
    lines += [f"100644 {blob}\tTwin", f"100644 {blob}\ttwin"]
    subprocess.run(
        ["git", "-c", "core.protectNTFS=false", "update-index", "--index-info"],
        cwd=folder,
        env=_GIT_ENVIRONMENT,
        input="\n".join(lines).encode() + b"\n",
        check=True,
    )
    (folder / ".git" / "empty").write_bytes(b"")
    tree = git(folder, "write-tree")
    git(folder, "update-ref", "HEAD", git(folder, "commit-tree", "-p", tip, "-m", "Odd", tree))
    git(folder, "read-tree", "HEAD")
    links = dict.fromkeys(("link", "img_0009.png", "sub/up"), "a link")
    name = "a name that not every system can hold"
    names = ("con.txt", "a\\b", "trailing.", "read?me", ".gitmodules", "twin")
    return {**links, "module": "another repository", **dict.fromkeys(names, name)}


def test_what_no_pool_can_hold_is_left_out_in_words(server: Server) -> None:
    folder = filled(server)
    out = odd(folder)
    assert server.service.versions.take(folder.name)
    assert not set(out) & set(listed(folder))
    newest = server.history(folder.name)[0]
    assert "eave out 10 files that no pool can hold" in newest["message"]
    assert newest["changes"]["left_out"] == 10
    assert (folder / "link").is_symlink(), "what lies in the folder is its user's"
    operate(server, folder)
    assert git(folder, "fsck", "--strict") == ""


def test_what_no_pool_can_hold_is_written_on_no_other_machine(
    machines: Callable[[str], Machine], tmp_path: Path
) -> None:
    one, two, profile = shared(machines, tmp_path)
    user = tmp_path / "user"
    git(tmp_path, "clone", "-q", "-b", "Heroes", "remote.git", "user")
    out = odd(user)
    put(user, {"notes.txt": b"plain"})
    git(user, "add", "notes.txt")
    git(user, "commit", "-qm", "A note")
    git(user, "push", "-q", "origin", "HEAD")
    two.label(profile, 0, "mine")
    for machine in (one, two):
        result = machine.sync(profile)
        folder = machine.pools / profile
        assert not set(out) & set(listed(folder))
        assert not [path for path in folder.rglob("*") if path.is_symlink()]
        assert (folder / "notes.txt").read_bytes() == b"plain"
        machine.judge(profile)
        if machine is one:
            assert {one["name"]: one["why"] for one in result["left_out"]} == out
            assert "Leave out" in machine.history(profile)[0]["message"]
    three = machines("three")
    three.connect(str(tmp_path / "remote.git"))
    assert "left_out" not in three.fetch("Heroes"), "the newest snapshot has none of it"
    git(user, "pull", "-q", "--no-edit")


def test_a_get_and_a_bundle_say_what_is_left_out(
    machines: Callable[[str], Machine], tmp_path: Path
) -> None:
    one, _, profile = shared(machines, tmp_path)
    git(tmp_path, "clone", "-q", "-b", "Heroes", "remote.git", "user")
    out = odd(tmp_path / "user")
    git(tmp_path / "user", "push", "-q", "origin", "HEAD")
    three = machines("three")
    three.connect(str(tmp_path / "remote.git"))
    got = three.fetch("Heroes")
    assert {one["name"]: one["why"] for one in got["left_out"]} == out
    assert not set(out) & set(listed(three.pools / profile))
    three.judge(profile)
    git(tmp_path / "user", "bundle", "create", "-q", "x.bundle", "HEAD", "Heroes")
    data = (tmp_path / "user" / "x.bundle").read_bytes()
    made = one.send_form(P + "import", {"file": ("x.bundle", data)}).json
    assert {one["name"]: one["why"] for one in made["left_out"]} == out
    assert len(one.slots(made["id"])) == 3
    one.judge(made["id"])


def test_a_users_own_file_is_not_written_over(
    machines: Callable[[str], Machine], tmp_path: Path
) -> None:
    one, two, profile = shared(machines, tmp_path)
    put(one.pools / profile, {"README.md": b"one", "sub/x": b"one"})
    commit(one.pools / profile)
    one.sync(profile)
    put(two.pools / profile, {"README.md": b"never committed"})
    (two.pools / profile / "sub").symlink_to(tmp_path)
    two.sync(profile)
    folder = two.pools / profile
    assert (folder / "README.md").read_bytes() == b"one"
    assert (folder / "README.md.yours").read_bytes() == b"never committed"
    assert not (tmp_path / "x").exists(), "nothing is written through a link"


def test_a_passenger_that_its_user_changed_or_removed_is_taken_in(server: Server) -> None:
    folder = filled(server)
    put(folder, {"a.txt": b"1", "sub/b.txt": b"1"})
    commit(folder)
    (folder / "a.txt").write_bytes(b"22")
    (folder / "sub" / "b.txt").unlink()
    assert server.service.versions.take(folder.name)
    assert git(folder, "show", "HEAD:a.txt") == "22"
    assert "sub/b.txt" not in listed(folder)
    assert server.history(folder.name)[0]["message"] == "Change 2 other files"
    judge(folder)


# Git LFS.

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:%b\nsize 123\n" % (b"0" * 64)


def with_pointer(machines: Callable[[str], Machine], tmp_path: Path) -> tuple[Machine, str]:
    """A machine that gets a profile of whose images Git LFS keeps one."""
    one, _, profile = shared(machines, tmp_path)
    git(tmp_path, "clone", "-q", "-b", "Heroes", "remote.git", "user")
    user = tmp_path / "user"
    (user / "img_0002.png").write_bytes(POINTER)
    (user / "new.png").write_bytes(POINTER)
    git(user, "commit", "-qam", "To LFS")
    git(user, "add", "new.png")
    git(user, "commit", "-qm", "Another")
    git(user, "push", "-q")
    one.label(profile, 0, "mine")
    one.sync(profile)
    return one, profile


def test_a_pointer_is_never_written_as_a_picture(
    machines: Callable[[str], Machine], tmp_path: Path
) -> None:
    one, profile = with_pointer(machines, tmp_path)
    folder = one.pools / profile
    for _ in range(2):
        assert not any(path.read_bytes() == POINTER for path in folder.glob("*.png"))
        slots = {slot["image"]: slot for slot in one.slots(profile)}
        assert {"img_0001.png", "img_0002.png", "img_0003.png"} <= slots.keys()
        assert slots["img_0002.png"]["lfs"] is True
        assert "lfs" not in slots["img_0001.png"]
        one.judge(profile)
        # It stays what it is through edits, copies and restores.
        operate(one, folder, "again")
        assert "img_0002.png" in listed(folder)
        assert git(folder, "show", "HEAD:img_0002.png") == POINTER.decode().strip()
        copy = one.post(P + "duplicate", id=profile, name="copy").json["id"]
        assert [s["image"] for s in one.slots(copy)] == [s["image"] for s in one.slots(profile)]
        one.judge(copy)
        first = one.history(profile)[-1]["id"]
        newest = one.history(profile)[0]["id"]
        one.post(P + "restore", id=profile, snapshot=first)
        one.post(P + "restore", id=profile, snapshot=newest)


def test_no_picture_that_lfs_keeps_is_missing(
    machines: Callable[[str], Machine], tmp_path: Path
) -> None:
    from gitpool.profiles.repair import Repair
    from gitpool.profiles.verify import Verify

    one, profile = with_pointer(machines, tmp_path)
    library = one.service.library
    verify = Verify(library)
    assert verify.check(profile) == []
    (one.pools / profile / "img_0001.png").unlink()
    left = Repair(library, one.service.remotes, verify).profile(profile)[1]
    assert left == []
    assert not (one.pools / profile / "img_0002.png").exists()


def test_what_lies_where_an_image_is_restored_is_set_aside(server: Server) -> None:
    folder = filled(server)
    old = server.history(folder.name)[0]["id"]
    server.post("/grid_pool/remove", pool_id=folder.name, images=["img_0002.png", "img_0003.png"])
    server.snapshot(folder.name)
    (folder / "img_0002.png").write_bytes(b"somebody's, and no picture")
    (folder / "img_0003.png").symlink_to("/etc/hostname")
    assert server.post(P + "restore", id=folder.name, snapshot=old).status == 200
    assert (folder / "img_0002.png").read_bytes() == picture(1)
    assert (folder / "img_0002.png.yours").read_bytes() == b"somebody's, and no picture"
    assert (folder / "img_0003.png").read_bytes() == picture(2)
    assert (folder / "img_0003.png.yours").is_symlink()
    judge(folder)


def test_a_run_of_a_picture_that_lfs_keeps_fails_in_words(
    machines: Callable[[str], Machine], tmp_path: Path
) -> None:
    from gitpool.errors import NotAnImage
    from gitpool.nodes import build_nodes

    one, profile = with_pointer(machines, tmp_path)
    node = build_nodes(one.service, lambda array: array)["GridImagePool"]()
    at = [slot["image"] for slot in one.slots(profile)].index("img_0002.png")
    with pytest.raises(NotAnImage, match="Git LFS"):
        node.run(index=at, pool_id=profile)
    # And where a user's git put the pointer into the folder.
    (one.pools / profile / "img_0002.png").write_bytes(POINTER)
    with pytest.raises(NotAnImage, match="Git LFS"):
        node.run(index=at, pool_id=profile)
    thumb = one.get("/grid_pool/thumb", pool_id=profile, name="img_0002.png", size="64")
    assert (thumb.status, thumb.code) == (415, "kept_in_lfs")


# What isn't a pool.


def test_a_programs_branch_is_neither_offered_nor_emptied(
    machines: Callable[[str], Machine], tmp_path: Path
) -> None:
    one = shared(machines, tmp_path)[0]
    git(tmp_path, "clone", "-q", "remote.git", "user")
    user = tmp_path / "user"
    git(user, "checkout", "-q", "--orphan", "code")
    git(user, "rm", "-rqf", ".")
    put(user, {"main.py": b"print()", "src/logo.png": picture(1)})
    git(user, "add", "-A")
    git(user, "commit", "-qm", "A program")
    git(user, "push", "-q", "origin", "code")
    before = git(tmp_path / "remote.git", "rev-parse", "code")
    offered = one.get(P + "remote/profiles").json["profiles"]
    assert [one["remote_branch"] for one in offered] == ["Heroes"]
    for fields in ({}, {"copy": True}):
        job = one.ended(one.start_sync(remote_branch="code", **fields))
        assert job["error"]["code"] == "no_pool"
    mine = one.filled("code")
    job = one.ended(one.start_sync(id=mine))
    assert job["state"] == "failed"
    assert git(tmp_path / "remote.git", "rev-parse", "code") == before
    git(user, "bundle", "create", "-q", "x.bundle", "code")
    answer = one.send_form(P + "import", {"file": ("x", (user / "x.bundle").read_bytes())})
    assert (answer.status, answer.code) == (422, "no_pool")


def test_images_alone_are_a_pool(machines: Callable[[str], Machine], tmp_path: Path) -> None:
    remote = bare_repo(tmp_path / "remote.git")
    git(tmp_path, "clone", "-q", str(remote), "user")
    put(tmp_path / "user", {"cat.png": picture(1), "cat.txt": b"a cat"})
    git(tmp_path / "user", "add", "-A")
    git(tmp_path / "user", "commit", "-qm", "Cats")
    git(tmp_path / "user", "push", "-q", "origin", "HEAD:cats")
    one = machines("one")
    one.connect(str(remote))
    (offered,) = one.get(P + "remote/profiles").json["profiles"]
    got = one.fetch(offered["remote_branch"])
    assert [slot["label"] for slot in one.slots(got["id"])] == ["cat"]
    assert (one.pools / got["id"] / "cat.txt").read_bytes() == b"a cat"
    one.judge(got["id"])


# One rule, both ways.

PART = st.sampled_from(
    [
        *("a", "b", "A", "é", "e\u0301", "README.md", ".gitattributes", ".gitignore", ".DS_Store"),
        *("con", "x.png", "img_0001.png", "img_0002.PNG", "._x", "a.", "a b", "a:b", "a\\b"),
        *("manifest.json", "sub", "Sub", ".gitpool", "~x", "-x", "x" * 250),
    ]
)
PATH = st.lists(PART, min_size=1, max_size=3).map("/".join) | st.just(".gitmodules")
KIND = st.sampled_from(["100644", "100644", "100644", "100755", "120000", "160000"])
FILES = st.dictionaries(PATH, st.tuples(KIND, st.integers(0, 3)), max_size=8)


def committed(folder: Path, files: dict[str, tuple[str, int]]) -> None:
    """Have C git commit these beside what is there; paths that exclude each other are passed
    over, as git itself does."""
    tip = git(folder, "rev-parse", "HEAD")
    lines = []
    for path, (mode, seed) in files.items():
        *above, name = path.split("/")
        if any(part.startswith(".git") for part in above):
            continue  # git itself minds folders that are called like its own files
        mode = "100644" if name.startswith(".git") else mode
        data = picture(seed) if seed else b"text"
        data = MODULES if path.endswith(".gitmodules") else data
        blob = subprocess.run(
            ["git", "hash-object", "-w", "--stdin"],
            cwd=folder,
            env=_GIT_ENVIRONMENT,
            input=data,
            capture_output=True,
            check=True,
        ).stdout.decode()
        lines.append(f"{mode} {tip if mode == '160000' else blob.strip()}\t{path}\n")
    for line in lines:
        subprocess.run(
            ["git", "-c", "core.protectNTFS=false", "update-index", "--replace", "--index-info"],
            cwd=folder,
            env=_GIT_ENVIRONMENT,
            input=line.encode(),
            capture_output=True,
        )
    tree = git(folder, "write-tree")
    new = git(folder, "commit-tree", "-p", tip, "-m", "Anything", tree)
    git(folder, "update-ref", "HEAD", new)
    git(folder, "read-tree", "HEAD")


@pytest.mark.parametrize("where", ["in the folder", "on the other side"])
@given(files=FILES)
@settings(
    max_examples=int(os.environ.get("GITPOOL_EXAMPLES", "25")),
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_what_git_pool_sends_git_pool_takes(
    where: str, files: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> None:
    tmp_path = tmp_path_factory.mktemp("both")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GITPOOL_SNAPSHOT_DELAY", "3600")
        patch.setenv("GITPOOL_ALLOW_REMOTES", "file")
        with Machine(tmp_path / "one") as one, Machine(tmp_path / "two") as two:
            for machine in (one, two):
                machine.connect(str(tmp_path / "remote.git"))
            profile = one.filled("Heroes", 2)
            one.sync(profile)
            if where == "in the folder":
                committed(one.pools / profile, files)
            else:
                git(tmp_path, "clone", "-q", "-b", "Heroes", "remote.git", "user")
                committed(tmp_path / "user", files)
                git(tmp_path / "user", "push", "-q", "origin", "HEAD")
            one.sync(profile)
            two.fetch("Heroes")
            for machine in (one, two):
                machine.sync(profile)
                folder = machine.pools / profile
                bundle = machine.get(P + "export", id=profile, format="bundle").body
                made = machine.send_form(P + "import", {"file": ("x", bundle)})
                assert made.status == 200, made.body
                for each in (folder, machine.pools / made.json["id"]):
                    assert git(each, "fsck", "--strict", "--no-dangling") == ""
                    names = listed(each)
                    keys = {name.casefold() for name in names}
                    assert len(keys) == len(names)
                    links = [p for p in each.rglob("*") if p.is_symlink()]
                    assert not links
            assert listed(one.pools / profile) == listed(two.pools / profile)
            manifest = json.loads((one.pools / profile / "manifest.json").read_text())
            assert manifest["next_seq"] > len(manifest["slots"])
