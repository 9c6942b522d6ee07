"""Searching a history, in pages; and questions to it that are hostile."""

from __future__ import annotations

import subprocess
from typing import Any

import pytest
from support import Answer, Server, git, judge, picture
from test_history import THUMB, P
from test_hostile import BAD_FILE_NAMES, BAD_IDS, BAD_SNAPSHOTS, WRONG_TYPES, ZEROS, Scene
from test_pools import pixel_bomb


@pytest.fixture
def scene(server: Server) -> Scene:
    return Scene(server)


def found(server: Server, profile: str, **query: Any) -> list[str]:
    return [s["message"] for s in server.history(profile, **query)]


def test_search_finds_what_is_said_in_any_script(server: Server) -> None:
    profile = server.create("words")
    folder = server.pools / profile
    server.add(profile, picture(0))
    first = server.snapshot(profile)
    server.add(profile, picture(1))
    second = server.snapshot(profile, message="Große Straße")
    server.add(profile, picture(2))
    third = server.snapshot(profile)
    lock = {"id": profile, "locked": False}
    assert (
        server.post(P + "lock", data={**lock, "snapshot": first["id"], "note": "青い空\n海"}).status
        == 200
    )
    named = {**lock, "snapshot": third["id"], "message": "Café 日本語 שלום"}
    assert server.post(P + "lock", data=named).status == 200
    (folder / "dropped.png").write_bytes(picture(3))
    git(folder, "add", "-f", "dropped.png")
    git(folder, "commit", "-qm", "Mine\n\nand a body")
    assert found(server, profile, q="add 1 IMAGE")[-1] == first["sentence"]
    for words in ("GROSSE STRASSE", "große", "  straße  "):
        assert [s["id"] for s in server.history(profile, q=words)] == [second["id"]], words
    for words in ("CAFÉ", "Cafe\u0301", "日本", "שלום"):
        assert [s["id"] for s in server.history(profile, q=words)] == [third["id"]], words
    # A name stands above the sentence, which is found all the same; so is a note.
    assert third["id"] in [s["id"] for s in server.history(profile, q=third["sentence"])]
    assert [s["id"] for s in server.history(profile, q="海")] == [first["id"]]
    assert found(server, profile, q="a user") == found(server, profile, q="and a BODY") == ["Mine"]
    for words in ("Pool-Profile", profile, "gitpool@localhost", "no such words", ".*", "%"):
        assert found(server, profile, q=words) == [], words
    assert found(server, profile, q=" \t ") == found(server, profile)
    judge(folder, clean=False)


def test_filtered_pages_are_complete_over_ten_thousand_snapshots(server: Server) -> None:
    profile = server.create("long")
    server.add(profile, picture())
    tip = server.snapshot(profile, message="The first")["id"]
    folder = server.pools / profile
    branch = git(folder, "symbolic-ref", "HEAD")
    said = f"A change\n\nPool-Profile: {profile}\nPool-Name: long\nPool-Snapshot: auto\n"
    head = f"data {len(said)}\n{said}"
    who = "committer Git Pool <gitpool@localhost>"
    parts = [f"commit {branch}\n{who} {1800000000 + n // 3} +0000\n{head}" for n in range(10_000)]
    parts[0] += f"from {tip}\n"
    stream = "".join(parts).encode()
    subprocess.run(["git", "fast-import", "--quiet"], cwd=folder, input=stream, check=True)
    ids = git(folder, "rev-list", "HEAD").split()
    wanted = [ids[n] for n in (0, 3999, 4000, 4001, 9999)]
    for number, commit in enumerate(wanted):
        fields = {"id": profile, "snapshot": commit, "locked": number == 0}
        fields |= {"note": "Heldin"} if number == 1 else {"message": f"Heldin {number}"}
        assert server.post(P + "lock", data=fields).status == 200

    def pages(**query: Any) -> list[str]:
        seen, before = [], {}
        while True:
            answer = server.get(P + "history", id=profile, **query, **before).json
            assert len(answer["snapshots"]) <= query["limit"]
            seen += [snapshot["id"] for snapshot in answer["snapshots"]]
            if answer["next"] is None:
                return seen
            assert answer["next"] != before.get("before")
            before = {"before": answer["next"]}

    assert pages(limit=500) == ids
    for limit in (1, 50):
        assert pages(limit=limit, q="HELDIN") == wanted
        assert pages(limit=limit, q="heldin", auto=0) == wanted
        assert pages(limit=limit, auto=0) == [*wanted, tip]
    assert pages(limit=50, q="nothing like it") == []
    judge(folder)


# What is hostile.


def test_bad_questions_are_refused(scene: Scene) -> None:
    get, own = scene.server.get, {"id": scene.profile}
    texts = [value for value in BAD_SNAPSHOTS if isinstance(value, str)]
    for bad in texts:
        scene.refused(get(P + "look", **own, snapshot=bad), 400)
        scene.refused(get(P + "diff", **own, **{"from": scene.snapshot, "to": bad}), 400)
        if bad:
            scene.refused(get(THUMB, pool_id=scene.profile, name="img_0001.png", blob=bad), 400)
            scene.refused(get(P + "history", **own, before=bad, q="x", auto="0"), 400)
    for bad in [value for value in BAD_IDS if value != "\ud800" and len(value) < 8000]:
        scene.refused(get(P + "look", id=bad), 400)
        scene.refused(get(P + "history", id=bad, q="x"), 400)
        scene.refused(get(THUMB, pool_id=bad, name="img_0001.png", blob=ZEROS), 400)
    for path in ("look", "history"):
        scene.refused(get(P + path, id="plain"), 404)
        scene.refused(get(P + path, id="never-made"), 404)
    scene.refused(get(P + "look", **own, snapshot=ZEROS), 404)
    for bad in ("x" * 201, "x" * 5000, "a\x00b", "\x1b[31m", "a\u2028b"):
        scene.refused(get(P + "history", **own, q=bad), 400)
    for bad in BAD_FILE_NAMES:
        answer = get(THUMB, pool_id=scene.profile, name=bad, blob=ZEROS)
        scene.refused(answer, 400, 404)
    for odd in ("q=%ff%fe", "q=%ed%a0%80", "q=a&q=b", "auto=%00", "auto=-1&limit=0", "q=(((["):
        answer = scene.server.request("GET", f"{P}history?id={scene.profile}&{odd}")
        assert answer.status in (200, 400), (odd, answer.body)
    scene.unchanged()


def test_bad_parts_and_notes_are_refused(scene: Scene) -> None:
    post, own = scene.server.post, {"id": scene.profile, "snapshot": scene.snapshot}
    one = {**own, "images": ["img_0001.png"]}
    lists = [
        [value] for value in [*WRONG_TYPES, "", "Image", "images", "moved", "\ud800", "x" * 9999]
    ]
    for bad in [*(v for v in WRONG_TYPES if v is not None), "image", "mask", *lists, ["mask", 1]]:
        scene.refused(post(P + "restore", data={**one, "what": bad}), 400)
    scene.refused(post(P + "restore", data={**own, "what": ["mask"]}), 400)
    for bad in (1, True, [], {}, "x" * 2001, "a\x00b", "\ud800", "a\u2028b", "\x1b[2J"):
        scene.refused(post(P + "lock", data={**own, "locked": True, "note": bad}), 400)
    scene.unchanged()


def test_a_thumbnail_by_content_is_of_this_profile_and_of_an_image(scene: Scene) -> None:
    server, folder = scene.server, scene.server.pools / scene.profile
    server.add(scene.other, picture(77))
    foreign = server.snapshot(scene.other)["id"]
    theirs = git(server.pools / scene.other, "rev-parse", f"{foreign}:img_0001.png")
    name = {"name": "img_0001.png"}
    shown = server.get(THUMB, pool_id=scene.other, blob=theirs, **name)
    assert shown.status == 200
    (folder / "notes.png").write_bytes(b"no image at all")
    (folder / "bomb.png").write_bytes(pixel_bomb(60_000, 60_000))
    git(folder, "add", "-f", "notes.png", "bomb.png")
    git(folder, "commit", "-qm", "What a git user put there")
    server.post(P + "lock", id=scene.profile, snapshot=scene.snapshot, locked=True)
    tag = git(folder, "for-each-ref", "--format=%(objectname)", "refs/tags")
    before = scene.before = scene.tree()
    server.host.events.clear()

    def ask(blob: str, pool: str = scene.profile, **headers: str) -> Answer:
        return server.get(THUMB, headers, pool_id=pool, blob=blob, **name)

    tree = git(folder, "rev-parse", "HEAD^{tree}")
    for unknown in (scene.snapshot, tree, tag, theirs, foreign, ZEROS):
        scene.refused(ask(unknown), 404)
        # What a browser has of another profile says nothing of this one.
        scene.refused(ask(unknown, **{"If-None-Match": shown.headers["ETag"]}), 404)
    for path in ("manifest.json", "notes.png"):
        scene.refused(ask(git(folder, "rev-parse", f"HEAD:{path}")), 415)
    scene.refused(ask(git(folder, "rev-parse", "HEAD:bomb.png")), 413, 415)
    mine = git(folder, "rev-parse", "HEAD:img_0002.png")
    assert ask(mine).status == 200
    scene.refused(ask(theirs, "plain"), 404)
    scene.refused(ask(mine, "plain"), 404)
    assert ask(git(folder, "rev-parse", "HEAD:img_0001.png"), "plain").status == 200
    assert scene.tree() == before
    scene.unchanged()
