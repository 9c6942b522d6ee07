"""Between moving a profile's folder and changing the list of profiles a process may be killed:
the next start brings it to its end, whichever way it was going."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path

import pytest
from support import git, judge, picture

from gitpool.git.repository import Repository
from gitpool.profiles.placement import PLACING
from gitpool.service import Service


class Place:
    """A folder of pools with one profile in it, and servers that come and go."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.pools = folder / "pools"
        self.here, self.trash = self.pools / "p", self.pools / ".gitpool" / "trash"
        service = self.service()
        service.profiles.create("p", "Heroes")
        self.add(service, "p")
        service.versions.snapshot("p")
        self.files = self.pictures(self.here)

    def service(self) -> Service:
        return Service(self.pools, self.folder / "user", time.time, delay=3600)

    def add(self, service: Service, pool_id: str) -> None:
        staged = self.folder / "staged"
        staged.write_bytes(picture(1))
        service.pools.add(pool_id, staged, 1)

    @staticmethod
    def pictures(folder: Path) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in folder.glob("img_*")}

    def unlist(self) -> None:
        """As it was before the profile was listed."""
        listed = self.pools / "profiles.json"
        raw = json.loads(listed.read_bytes())
        raw["profiles"] = [entry for entry in raw["profiles"] if entry["id"] != "p"]
        listed.write_text(json.dumps(raw))

    def started(self) -> tuple[dict[str, str], list[str], list[str]]:
        """What a new server lists: profiles, deleted ones, and plain pools."""
        service = self.service()
        service.start()
        service.stop()
        found = service.profiles.list()
        names = {entry["id"]: entry["name"] for entry in found["profiles"]}
        deleted = [entry["id"] for entry in found["deleted"]]
        return names, deleted, [pool["id"] for pool in found["unregistered"]]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_a_deletion_that_was_cut_off_before_the_list_did_not_happen(place: Place) -> None:
    place.trash.mkdir(parents=True)
    shutil.move(place.here, place.trash / "p")
    (place.trash / "p.json").write_text(json.dumps({"id": "p", "name": "Heroes", "deleted": 1}))
    assert place.started() == ({"p": "Heroes"}, [], [])
    assert place.pictures(place.here) == place.files
    judge(place.here)
    assert place.started() == ({"p": "Heroes"}, [], [])
    assert list(place.trash.iterdir()) == []


def test_a_deletion_for_good_is_carried_on_with(place: Place) -> None:
    place.trash.mkdir(parents=True)
    shutil.move(place.here, place.trash / "p")
    place.unlist()
    assert place.started() == ({}, [], [])
    assert list(place.trash.iterdir()) == []


def test_bringing_back_that_was_cut_off_can_be_done_again(place: Place) -> None:
    service = place.service()
    service.profiles.delete("p")
    shutil.move(place.trash / "p", place.here)
    assert place.started() == ({}, ["p"], [])
    assert place.pictures(place.trash / "p") == place.files
    assert place.service().profiles.undelete("p")["name"] == "Heroes"
    assert place.pictures(place.here) == place.files
    judge(place.here)


def test_what_somebody_put_in_a_deleted_profiles_place_is_left_there(place: Place) -> None:
    place.service().profiles.delete("p")
    place.here.mkdir()
    (place.here / "img_0001.png").write_bytes(picture(7))
    assert place.started() == ({}, ["p"], ["p"])
    assert place.pictures(place.here) == {"img_0001.png": picture(7)}


def test_a_profile_that_was_made_is_listed(place: Place) -> None:
    place.unlist()
    (place.here / ".git" / PLACING).write_bytes(b"")
    assert place.started() == ({"p": "Heroes"}, [], [])
    assert not (place.here / ".git" / PLACING).exists()
    assert place.pictures(place.here) == place.files
    judge(place.here)


def test_a_name_that_was_taken_meanwhile_gets_a_number(place: Place) -> None:
    place.unlist()
    (place.here / ".git" / PLACING).write_bytes(b"")
    place.service().profiles.create("q", "Heroes")
    assert place.started() == ({"q": "Heroes", "p": "Heroes (2)"}, [], [])


def test_a_plain_pool_whose_history_was_not_begun_stays_one(place: Place) -> None:
    place.add(place.service(), "plain")
    (place.pools / "plain" / ".git").mkdir()
    (place.pools / "plain" / ".git" / PLACING).write_bytes(b"")
    assert place.started() == ({"p": "Heroes"}, [], ["plain"])
    assert not (place.pools / "plain" / ".git").exists()
    assert place.pictures(place.pools / "plain") == place.files


def test_a_history_that_was_begun_without_a_snapshot_is_taken_away(place: Place) -> None:
    place.add(place.service(), "plain")
    folder = place.pools / "plain"
    git(folder, "init", "-q")
    (folder / ".git" / PLACING).write_bytes(b"")
    assert Repository(folder).tip() is None
    assert place.started() == ({"p": "Heroes"}, [], ["plain"])
    assert not (folder / ".git").exists()
