"""Files with dates that no camera should give them: from 1601, before 1970, after 2106, with odd
parts of a second. git keeps dates in 32 bits, cut off; so do we."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from machines import Machine
from support import Server, git, judge, mask, picture

from gitpool.git.thinning import DEFAULT
from gitpool.service import Service

ROUTE = "/grid_pool/profiles/"
SECOND = 10**9
# In nanoseconds since 1970.
DATES = {
    "1601": -11_644_473_600 * SECOND,
    "1962": -252_460_800 * SECOND,
    "a second before 1970": -SECOND,
    "a moment before 1970": -1,
    "1970": 0,
    "the last of 31 bits": (2**31 - 1) * SECOND + 999_999_999,
    "2050": 2_524_608_000 * SECOND + 1,
    "the last of 32 bits": 2**32 * SECOND - 1,
    "the first beyond": 2**32 * SECOND,
    "2110": 4_417_977_600 * SECOND + 500_000_000,
    "2242": 2**33 * SECOND,
}
each_date = pytest.mark.parametrize("date", DATES.values(), ids=list(DATES))


def _date(path: Path, date: int) -> None:
    os.utime(path, ns=(date, date))


def _settled(folder: Path) -> None:
    """git has nothing to say, and nothing to note down anew."""
    index = (folder / ".git" / "index").read_bytes()
    judge(folder)
    assert (folder / ".git" / "index").read_bytes() == index


@each_date
def test_a_file_of_that_date_is_taken_in(server: Server, date: int) -> None:
    profile = server.create("Heroes")
    folder = server.pools / profile
    server.add(profile, picture(1))
    (folder / "dropped.png").write_bytes(picture(2))
    _date(folder / "dropped.png", date)
    assert server.snapshot(profile)
    assert len(server.list(profile)["slots"]) == 2
    _settled(folder)
    assert server.snapshot(profile) is None
    assert server.get("/grid_pool/thumb", pool_id=profile, name="img_0002.png").status == 200
    assert server.get(ROUTE + "storage", id=profile).status == 200


@each_date
def test_every_file_may_have_it(server: Server, date: int) -> None:
    """Images, masks and the manifest; and all that is done with a profile goes on."""
    profile = server.create("Heroes")
    folder = server.pools / profile
    for seed in range(2):
        server.add(profile, picture(seed))
    server.set_mask(profile, 0, mask())
    first = server.snapshot(profile, message="First")["id"]
    for path in (p for p in folder.iterdir() if p.is_file()):
        _date(path, date)
    server.post("/grid_pool/label", pool_id=profile, index=0, label="x")
    _date(folder / "manifest.json", date)
    assert server.snapshot(profile)["changes"]["labels"] == 1
    _settled(folder)
    assert server.post(ROUTE + "restore", id=profile, snapshot=first).status == 200
    _settled(folder)
    copy = server.post(ROUTE + "duplicate", id=profile, name="Copy").json["id"]
    for form in ("zip", "bundle"):
        answer = server.get(ROUTE + "export", id=profile, format=form)
        assert answer.status == 200
        made = server.send_form(ROUTE + "import", {"file": ("a", answer.body)}).json["id"]
        judge(server.pools / made)
    assert server.post(ROUTE + "delete", id=copy).status == 200
    assert server.post(ROUTE + "undelete", id=copy).status == 200
    judge(server.pools / copy)


@each_date
def test_a_change_under_the_same_date_is_seen(server: Server, date: int) -> None:
    profile = server.create("Heroes")
    path = server.pools / profile / "img_0001.png"
    server.add(profile, picture(1))
    _date(path, date)
    server.snapshot(profile)
    other = bytearray(path.read_bytes())
    other[-1] ^= 1
    time.sleep(0.05)
    path.write_bytes(other)
    _date(path, date)
    assert server.snapshot(profile)["changes"]["replaced"] == 1
    assert git(server.pools / profile, "status", "--porcelain") == ""


@each_date
def test_what_is_known_of_it_is_remembered(server: Server, date: int) -> None:
    """It isn't read again for each run and each thumbnail."""
    profile = server.create("Heroes")
    folder, contents = server.pools / profile, server.service.library.contents
    server.add(profile, picture(1))
    _date(folder / "img_0001.png", date)
    time.sleep(0.05)
    found = contents.of(folder, ["img_0001.png"])
    assert contents.ready(folder, ["img_0001.png"]) == found


@each_date
def test_git_finds_the_same_in_the_index(server: Server, date: int) -> None:
    profile = server.create("Heroes")
    folder = server.pools / profile
    server.add(profile, picture(1))
    _date(folder / "img_0001.png", date)
    time.sleep(0.05)
    server.snapshot(profile)
    ours = git(folder, "ls-files", "--debug", "img_0001.png")
    (folder / ".git" / "index").unlink()
    git(folder, "reset", "-q", "--mixed")
    assert git(folder, "ls-files", "--debug", "img_0001.png") == ours


@pytest.mark.parametrize("date", [-11_644_473_600 * SECOND, -1, 4_417_977_600 * SECOND])
def test_a_lost_manifest_of_such_files_is_rebuilt(server: Server, date: int) -> None:
    server.add("p", picture(1))
    folder = server.pools / "p"
    _date(folder / "img_0001.png", date)
    (folder / "manifest.json").unlink()
    added = server.list("p")["slots"][0]["added"]
    assert 0 <= added < 2**53
    assert server.post("/grid_pool/label", pool_id="p", index=0, label="x").status == 200
    assert server.list("p")["slots"][0]["added"] == added


def test_such_files_travel(machines, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    one: Machine = machines("one")
    two: Machine = machines("two")
    for machine in (one, two):
        machine.connect(str(tmp_path / "remote.git"))
    profile = one.create("Heroes")
    one.add(profile, picture(1))
    _date(one.pools / profile / "img_0001.png", DATES["1601"])
    one.sync(profile)
    two.fetch("Heroes")
    _date(two.pools / profile / "img_0001.png", DATES["2110"])
    two.post("/grid_pool/label", pool_id=profile, index=0, label="x")
    two.sync(profile)
    one.sync(profile)
    assert one.list(profile)["slots"][0]["label"] == "x"
    for machine in (one, two):
        judge(machine.pools / profile)


def test_half_made_files_from_the_future_go(tmp_path: Path) -> None:
    """A clock that was wrong once may have dated them."""
    service = Service(tmp_path / "pools", tmp_path / "user", time.time, delay=3600)
    scratch = tmp_path / "pools" / ".gitpool" / "tmp" / "x"
    scratch.mkdir(parents=True)
    half = tmp_path / "user" / "thumbnails" / "ab" / ".gitpool-tmp-1"
    half.parent.mkdir(parents=True)
    half.write_bytes(b"x")
    for path in (scratch, half):
        _date(path, DATES["2110"])
    service.start()
    service.stop()
    assert not scratch.exists()
    assert not half.exists()


@pytest.mark.parametrize("now", [-5.5, 0.0, 2.0**31, 2.0**33, 1e12])
def test_any_clock_will_do(tmp_path: Path, now: float) -> None:
    service = Service(tmp_path / "pools", tmp_path / "user", lambda: now, delay=3600)
    service.start()
    service.profiles.create("p", "Heroes")
    (tmp_path / "staged").write_bytes(picture(1))
    service.pools.add("p", tmp_path / "staged", int(now * 1000))
    made = service.versions.snapshot("p", "First")["snapshot"]
    assert made["time"] >= 0
    service.versions.lock("p", made["id"], True, "Kept")
    service.profiles.duplicate("p", "q", "Copy")
    service.profiles.delete("q")
    service.profiles.undelete("q")
    service.cleanups.compact("p", DEFAULT)
    service.stop()
    for profile in ("p", "q"):
        judge(tmp_path / "pools" / profile)
    assert git(tmp_path / "pools" / "p", "log", "-1", "--format=%ct") == str(made["time"])
