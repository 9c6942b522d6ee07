"""Each file of a profile, spoiled in each way a disk knows: found, named, lived with, mended."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hostile.damage import (
    DAMAGES,
    NAME,
    ONE,
    TWO,
    copied,
    files_of,
    flipped,
    furnished,
    missing,
    replaced,
    rotten,
    service_at,
    zeroed,
)
from hostile.extent import FULL, some
from PIL import Image
from support import git, judge, tree_of

from gitpool.cli import main
from gitpool.nodes import build_nodes
from gitpool.pool.manifest import parse_manifest

POOL = ("img_0001.png", "img_0002.png", "img_0003.png", "img_0001.mask.png")
# Made anew by whatever comes next, and needed by nothing until then.
UNCHECKED = (
    *(".git/description", ".git/info/exclude", ".git/info/attributes", ".git/info/refs"),
    *(".git/objects/info/packs", ".git/objects/info/commit-graph"),
)
# Text that says something else with a flipped or lost letter may still be good text.
PLAIN = (".git/config", ".git/gitpool-remote.json", ".git/gitpool-edits.jsonl", ".git/gitpool.json")
# Their absence is nothing odd: a profile has them only once something is to be noted there.
MAY_BE_ABSENT = (*PLAIN, ".git/index", ".git/packed-refs", ".git/refs/")


class Patient:
    """A furnished folder of which one file was spoiled."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self._capsys = folder, capsys
        self.pools = folder / "input" / "grid_pool"
        self.profile = self.pools / ONE
        self.whole = tree_of(self.profile)
        self.log = git(self.profile, "log", "--format=%H")
        self.others = tree_of(self.pools / TWO)

    def verify(self, *more: str) -> dict[str, str]:
        """What the command finds: file or id, and what is wrong with it."""
        code = main(["verify", str(self.pools), "--json", *more])
        answer = json.loads(self._capsys.readouterr().out)
        found = [*answer["registry"], *(f for p in answer["profiles"] for f in p["findings"])]
        assert (code, answer["damaged"]) == ((5, True) if found else (0, False))
        return {finding["file"]: finding["what"] for finding in found}

    def is_usable(self, spoiled: str) -> None:
        """The list, the images that weren't spoiled, thumbnails and runs."""
        service = service_at(self.folder)
        slots = service.pools.list(ONE)["slots"]
        sound = [name for name in POOL[:3] if name != spoiled.replace(".mask.", ".")]
        assert {slot["image"] for slot in slots} >= set(sound)
        node = build_nodes(service, lambda array: array)["GridImagePool"]
        for index, slot in enumerate(slots):
            if slot["image"] in sound:
                assert service.pools.file(ONE, slot["image"]).is_file()
                shown = node().run(index=index, pool_id=ONE)[0]
                with Image.open(io.BytesIO(self.whole[slot["image"]])) as original:
                    pixels = np.asarray(original.convert("RGB"))
                assert np.array_equal(np.rint(shown[0] * 255), pixels)
        service.stop()

    def untouched_others(self) -> None:
        assert tree_of(self.pools / TWO) == self.others

    def is_well(self, what: str, marked: bool = True) -> None:
        """All that was there is there again, and C git agrees."""
        assert self.verify() == {}, what
        (self.profile / ".git" / "objects" / "info" / "commit-graph").unlink(missing_ok=True)
        for name in POOL:
            assert (self.profile / name).read_bytes() == self.whole[name], what
        assert git(self.profile, "log", "--format=%H").endswith(self.log), what
        service = service_at(self.folder)
        labels = [slot["label"] for slot in service.pools.list(ONE)["slots"]]
        assert labels == ["", "two", ""], what
        shown = service.versions.history(ONE, 99)["snapshots"]
        assert [s["message"] for s in shown if s["locked"]] == ["Keep"] * marked, what
        service.stop()
        # A name whose file went leaves its object behind, as `git tag -d` does.
        assert git(self.profile, "fsck", "--strict", "--no-dangling") == "", what


@pytest.fixture(scope="module", params=[False, True], ids=["loose", "packed"])
def template(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("furnished")
    return furnished(folder / "ComfyUI", request.param)


LOOSE = pytest.mark.parametrize("template", [False], ids=["loose"], indirect=True)
PACKED = pytest.mark.parametrize("template", [True], ids=["packed"], indirect=True)


@pytest.fixture
def patient(
    template: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[[], Patient]:
    monkeypatch.setenv("GITPOOL_ALLOW_REMOTES", "file")
    count = iter(range(10**6))
    return lambda: Patient(copied(template, tmp_path / f"copy-{next(count)}"), capsys)


def kinds(profile: Path) -> list[str]:
    """The files to spoil: in the full form all, else of each kind some."""
    files = files_of(profile)
    objects = [f for f in files if f.startswith(".git/objects/") and "/pack/" not in f]
    return [f for f in files if f not in objects] + some(objects, 6)


def places(path: Path) -> list[int]:
    """Where to flip and to cut: in the full form at many bytes, else at one in the middle."""
    size = path.stat().st_size
    return sorted({*range(0, size, max(1, size // 24)), size - 1}) if FULL else [size // 2]


def must_be_found(file: str, how: str) -> bool:
    if file in UNCHECKED:
        return False
    if how == "missing" and file.startswith(MAY_BE_ABSENT):
        return file.startswith(".git/refs/heads/")
    return file not in PLAIN or how == "zeroed"


@pytest.mark.timeout(7200)
@pytest.mark.parametrize("how", DAMAGES)
def test_what_a_disk_spoils_is_found_and_mended(
    patient: Callable[[], Patient], template: Path, how: str
) -> None:
    profile, tried, unseen = template / "input" / "grid_pool" / ONE, 0, 0
    for file in kinds(profile):
        for place in places(profile / file) if how in ("flipped", "truncated") else [0]:
            case, one = f"{file} {how} at {place}", patient()
            DAMAGES[how](one.profile / file, place)
            if "/" not in file and how in ("flipped", "zeroed"):
                rotten(one.profile, file)
            found = one.verify()
            tried, unseen = tried + 1, unseen + (not found)
            # A letter of a comment, or of the date in an index that git reads all the same.
            if must_be_found(file, how) and not (FULL and means_the_same(one, file)):
                assert found, case
            one.is_usable(file)
            if file in POOL and not found:  # as far as anybody can tell, somebody wrote that
                one.whole[file] = (one.profile / file).read_bytes()
            left = one.verify("--repair")
            assert left == {}, (case, found, left)
            # A name whose file is gone is one that somebody took away, as far as can be told.
            one.is_well(case, marked=not (how == "missing" and file.startswith(".git/refs/tags/")))
            one.untouched_others()
    print(f"\nMEASURED {how}: {tried} cases, {unseen} of them as good as before or unseen")


def means_the_same(one: Patient, file: str) -> bool:
    """What C git and the pool come to is what they came to before."""
    if file == "manifest.json":
        with contextlib.suppress(ValueError, FileNotFoundError):
            now = parse_manifest((one.profile / file).read_bytes())
            return now == parse_manifest(one.whole[file])
        return False
    return git(one.profile, "log", "--format=%H", check=False) == one.log and (
        git(one.profile, "fsck", check=False) == ""
    )


@pytest.mark.parametrize("damage", [flipped, zeroed, missing])
def test_the_list_of_profiles_is_mended_from_their_folders(
    patient: Callable[[], Patient], template: Path, damage: Callable[[Path, int], None]
) -> None:
    one = patient()
    path = one.pools / "profiles.json"
    damage(path, 0)
    assert set(one.verify()) == {"profiles.json"}
    assert one.verify("--repair") == {}
    listed = service_at(one.folder).profiles.list()
    assert {entry["name"] for entry in listed["profiles"]} == {NAME, "places"}
    assert listed["unregistered"] == []
    one.untouched_others()
    one.is_well("the list")


def test_everything_at_once_is_mended(patient: Callable[[], Patient]) -> None:
    one = patient()
    for file in files_of(one.profile):
        if file.startswith((".git/objects", ".git/refs", ".git/packed")) or file in POOL[:2]:
            zeroed(one.profile / file, 0)
    assert len(one.verify()) >= 3
    assert one.verify("--repair") == {}
    one.is_well("everything")
    one.untouched_others()


# Where the bytes come from, when there is no remote.


@pytest.fixture
def alone(patient: Callable[[], Patient]) -> Patient:
    one = patient()
    service_at(one.folder).remotes.change(None, {"url": None})
    return one


@LOOSE
def test_an_object_comes_back_from_the_folder_and_from_the_index(
    alone: Patient, template: Path
) -> None:
    for name in (*POOL, "manifest.json"):
        blob = git(alone.profile, "rev-parse", f"HEAD:{name}")
        path = alone.profile / ".git" / "objects" / blob[:2] / blob[2:]
        path.unlink()
        assert alone.verify()[blob] == "missing"
    tree = git(alone.profile, "rev-parse", "HEAD^{tree}")
    zeroed(alone.profile / ".git" / "objects" / tree[:2] / tree[2:], 0)
    assert alone.verify("--repair") == {}
    alone.is_well("from the folder")


@LOOSE
def test_an_object_comes_back_from_another_profile(alone: Patient) -> None:
    service = service_at(alone.folder)
    copy = service.profiles.duplicate(ONE, "c3", "copy")["id"]
    before = tree_of(alone.pools / copy)
    lost = git(alone.profile, "rev-parse", "HEAD~1", "HEAD~1^{tree}").split()
    for object_id in lost:
        path = alone.profile / ".git" / "objects" / object_id[:2] / object_id[2:]
        replaced(path, b"garbage")
    assert set(alone.verify()) <= {*lost}
    assert alone.verify("--repair") == {}
    assert tree_of(alone.pools / copy) == before
    alone.is_well("from a copy")


@PACKED
def test_what_a_damaged_pack_still_holds_is_kept(alone: Patient) -> None:
    """One image's bytes are spoiled in the pack; the folder has them, and nobody the rest."""
    packs = list((alone.profile / ".git" / "objects" / "pack").glob("*.pack"))
    blob = git(alone.profile, "rev-parse", "HEAD:img_0002.png")
    listed = git(alone.profile, "verify-pack", "-v", str(packs[0])).splitlines()
    place = int(next(line.split()[4] for line in listed if line.startswith(blob)))
    flipped(packs[0], place + 300)
    assert len(alone.verify()) == 2
    assert alone.verify("--repair") == {}
    alone.is_well("a damaged pack")
    alone.untouched_others()


@PACKED
def test_a_lost_index_of_a_pack_is_made_anew(alone: Patient) -> None:
    for index in (alone.profile / ".git" / "objects" / "pack").glob("*.idx"):
        for damage in (missing, zeroed):
            damage(index, 0)
            assert alone.verify() != {}
            assert alone.verify("--repair") == {}
            alone.is_well("an index")
    alone.untouched_others()


@LOOSE
def test_what_is_nowhere_else_stays_named_and_costs_nothing_else(alone: Patient) -> None:
    lost = git(alone.profile, "rev-parse", "HEAD~1")
    path = alone.profile / ".git" / "objects" / lost[:2] / lost[2:]
    path.unlink()
    assert alone.verify("--repair") == {lost: "missing"}
    for name in POOL:
        assert (alone.profile / name).read_bytes() == alone.whole[name]
    alone.untouched_others()


# A user's edits are nobody's to undo.


def test_a_users_edit_is_not_taken_for_damage(alone: Patient) -> None:
    edited = Image.new("RGB", (24, 16), "teal")
    edited.save(alone.profile / "img_0002.png")
    mine = (alone.profile / "img_0002.png").read_bytes()
    flipped(alone.profile / ".git" / "HEAD", 7)
    assert alone.verify() != {}
    assert alone.verify("--repair") == {}
    assert (alone.profile / "img_0002.png").read_bytes() == mine
    judge(alone.profile)


def test_what_is_left_of_an_image_is_kept_beside_it(alone: Patient) -> None:
    path = alone.profile / "img_0002.png"
    path.write_bytes(b"half an ima")
    assert alone.verify() == {"img_0002.png": "damaged"}
    assert alone.verify("--repair") == {}
    assert path.read_bytes() == alone.whole["img_0002.png"]
    assert (alone.profile / "img_0002.png.damaged").read_bytes() == b"half an ima"
    judge(alone.profile)


def test_mending_what_is_sound_changes_nothing(alone: Patient) -> None:
    before = tree_of(alone.folder)
    assert alone.verify("--repair") == {}
    assert tree_of(alone.folder) == before


def test_a_garbled_note_of_a_clean_up_stops_nothing(alone: Patient) -> None:
    for data in (b"", b"{", b"[]", b"{}", b'{"gone": 3}', b"[" * 9999, bytes(50)):
        (alone.profile / ".git" / "gitpool-cleanup").write_bytes(data)
        assert alone.verify() == {} or ".git/gitpool-cleanup" in alone.verify()
        service = service_at(alone.folder)
        service.pools.label(ONE, 2, "again")
        service.versions.snapshot(ONE)
        service.stop()
        assert alone.verify() == {}
    judge(alone.profile)
