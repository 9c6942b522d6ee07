"""Names of profiles as earlier packs wrote them: empty, with characters that can't be shown, too
long. They are shown clean, told apart, and can be changed; the list keeps what isn't."""

from __future__ import annotations

import io
import json
import unicodedata
import zipfile
from pathlib import Path
from typing import Any

import pytest
from support import Server, git, judge, picture
from test_exchange import manifest, meta, send, zipped

P = "/grid_pool/profiles/"
ODD: list[tuple[Any, str]] = [
    ("", "Untitled"),
    ("   ", "Untitled"),
    ("\u200b\u200b", "Untitled"),
    ("a\x00b", "ab"),
    ("a\x07b\x1b[31m", "ab[31m"),
    ("two\r\nlines", "two  lines"),
    ("tab\tbed", "tab bed"),
    ("evil\u202egnp.exe", "evilgnp.exe"),
    ("\u202e", "Untitled"),
    ("\u2028", "Untitled"),
    ("\x7f\x85", "Untitled"),
    ("e\u0301", "é"),
    ("x" * 300, "x" * 100),
    (7, "7"),
    (None, "Untitled"),
    (["list"], "Untitled"),
    ("half \ud800", "half"),
    (" padded ", "padded"),
    ("Pool-Snapshot: named\n\nPool-Profile: x", "Pool-Snapshot: named  Pool-Profile: x"),
]


def earlier(server: Server, *names: Any, **more: Any) -> Path:
    """Profiles of an earlier pack: folders without a history, and a list. Gives the list."""
    entries = []
    for number, name in enumerate(names, 1):
        folder = server.pools / f"p{number}"
        folder.mkdir(parents=True)
        (folder / "img_0001.png").write_bytes(picture(number))
        (folder / "manifest.json").write_bytes(manifest("img_0001.png"))
        entries.append({"id": f"p{number}", "name": name, "created": 1700000000, "colour": "red"})
    path = server.pools / "profiles.json"
    path.write_text(json.dumps({"profiles": entries, "version": 3, **more}))
    return path


def listed(server: Server) -> list[str]:
    answer = server.get(P + "list")
    assert answer.status == 200, answer.body
    return [entry["name"] for entry in answer.json["profiles"]]


@pytest.mark.parametrize(("name", "shown"), ODD)
def test_an_odd_name_is_shown_clean_and_works_everywhere(
    server: Server, name: Any, shown: str
) -> None:
    path = earlier(server, name, "other")
    before = path.read_bytes()
    assert listed(server) == [shown, "other"]
    for route in ("export", "history", "storage", "look"):
        assert server.get(P + route, id="p1").status == 200, route
    assert server.get("/grid_pool/list", pool_id="p1").status == 200
    server.add("p1", picture(5))
    server.post("/grid_pool/label", pool_id="p1", index=0, label="x")
    for form in ("zip", "bundle"):
        answer = server.get(P + "export", id="p1", format=form)
        assert answer.status == 200, answer.body
        assert answer.headers["Content-Disposition"].isascii()
        assert send(server, answer.body).json["name"] == f"{shown[:96]} ({2 + (form == 'bundle')})"
    server.snapshot("p1")
    judge(server.pools / "p1")
    assert json.loads(path.read_bytes())["profiles"][:2] == json.loads(before)["profiles"]
    raw = git(server.pools / "p1", "cat-file", "commit", "HEAD")
    assert all(unicodedata.category(c) != "Cc" or c == "\n" for c in raw)
    assert f"Pool-Name: {shown}\n" in raw + "\n"
    answer = server.post(P + "duplicate", id="p1", name=shown)
    assert answer.status == 200, answer.body
    judge(server.pools / answer.json["id"])
    answer = server.post(P + "rename", id="p1", name="Fine now")
    assert answer.status == 200, answer.body
    assert listed(server)[:2] == ["Fine now", "other"]
    judge(server.pools / "p1")
    assert git(server.pools / "p1", "branch", "--format=%(refname:short)") == "Fine%20now"
    assert "Fine%20now" in git(server.pools / "p1", "symbolic-ref", "HEAD")


def test_a_name_may_be_kept_just_as_it_is_shown(server: Server) -> None:
    path = earlier(server, "a\x00b")
    answer = server.post(P + "rename", id="p1", name="ab")
    assert answer.status == 200
    assert json.loads(path.read_bytes())["profiles"][0]["name"] == "ab"


def test_names_that_become_the_same_are_told_apart(server: Server) -> None:
    earlier(server, "", "a\x00", "\u202e", "a", "A", "a (2)", "Untitled")
    names = listed(server)
    assert names == [
        "Untitled (2)",
        "a (3)",
        "Untitled (3)",
        "a",
        "A (4)",
        "a (2)",
        "Untitled",
    ]
    assert listed(server) == names
    for number in range(1, 8):
        server.snapshot(f"p{number}")
        judge(server.pools / f"p{number}")


def test_the_list_keeps_what_it_had_until_an_entry_is_changed(server: Server) -> None:
    path = earlier(server, "a\x00b", "two\nlines", "half \ud800", more_of="theirs")
    before = json.loads(path.read_bytes())
    created = server.create("mine")
    server.post(P + "rename", id="p2", name="renamed")
    after = json.loads(path.read_bytes())
    assert {k: v for k, v in after.items() if k != "profiles"} == {
        "version": 3,
        "more_of": "theirs",
    }
    by_id = {entry["id"]: entry for entry in after["profiles"]}
    for entry in before["profiles"]:
        wanted = {**entry, "name": "renamed"} if entry["id"] == "p2" else entry
        assert by_id[entry["id"]] == wanted
    server.post(P + "delete", id=created)
    assert [e["id"] for e in json.loads(path.read_bytes())["profiles"]] == ["p1", "p2", "p3"]
    assert not list(server.pools.glob("profiles.json.damaged*"))


def test_a_deleted_profile_of_an_odd_name_comes_back(server: Server) -> None:
    earlier(server, "a\x00b", "")
    for profile, name in (("p1", "ab"), ("p2", "Untitled")):
        assert server.post(P + "delete", id=profile).status == 200
        record = server.pools / ".gitpool" / "trash" / f"{profile}.json"
        # As earlier versions noted it.
        raw = json.loads(record.read_bytes())
        record.write_text(json.dumps({**raw, "name": "a\x00b" if profile == "p1" else ""}))
        assert [d["name"] for d in server.get(P + "list").json["deleted"]] == [name]
        answer = server.post(P + "undelete", id=profile)
        assert answer.status == 200, answer.body
        assert answer.json["name"] == name
        server.snapshot(profile)
        judge(server.pools / profile)


def test_a_folder_that_notes_an_odd_name_follows_the_list(server: Server) -> None:
    for name in ("", "a\x00b", "\u202e", "x" * 300):
        profile = server.create("sound")
        server.add(profile, picture(1))
        server.snapshot(profile)
        note = server.pools / profile / ".git" / "gitpool.json"
        note.write_text(json.dumps({**json.loads(note.read_bytes()), "name": name}))
        assert server.get(P + "list").status == 200
        server.add(profile, picture(2))
        server.snapshot(profile)
        judge(server.pools / profile)
        (server.pools / "profiles.json").unlink()
        note.write_text(json.dumps({**json.loads(note.read_bytes()), "name": name}))
        assert server.get(P + "list").json["unregistered"][0]["name"]
        assert server.post(P + "adopt", pool_id=profile, name="sound").status == 200
        judge(server.pools / profile)
        server.post(P + "delete", id=profile, forever=True)


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("", "the file"),
        ("\x00\u202e", "the file"),
        ("a\x07b", "ab"),
        ("two\nlines", "two lines"),
        ("evil\u202egnp", "evilgnp"),
        ("e\u0301", "é"),
        ("x" * 300, "the file"),
        (None, "the file"),
    ],
)
def test_a_zips_odd_name_is_taken_clean(server: Server, said: Any, name: str) -> None:
    data = zipped({"profile_meta.json": meta(said), "pool/img_0001.png": picture(1)})
    entry = send(server, data, "the file.zip").json
    assert entry["name"] == name
    judge(server.pools / entry["id"])


@pytest.mark.parametrize(
    "name", ["\U0001f600" * 100, "con", "a.", "..", "a/b", '"<>|?*:\\', "図" * 100]
)
def test_a_download_has_a_name_that_any_system_takes(
    server: Server, tmp_path: Path, name: str
) -> None:
    import subprocess
    import sys

    profile = server.create(name)
    server.add(profile, picture(1))
    answer = server.get(P + "export", id=profile)
    assert answer.status == 200
    said = answer.headers["Content-Disposition"]
    assert said.isascii()
    command = [sys.executable, "-m", "gitpool", "export", str(server.pools), profile, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (made,) = [path for path in tmp_path.iterdir() if path.suffix == ".zip"]
    assert len(made.name.encode()) <= 255
    assert not set(made.name) & set('<>:"/\\|?*')
    assert made.stem.casefold() not in ("con", "")
    assert not made.stem.endswith((".", " "))
    with zipfile.ZipFile(io.BytesIO(made.read_bytes())) as archive:
        assert json.loads(archive.read("profile_meta.json"))["name"] == name
