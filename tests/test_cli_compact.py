"""`gitpool compact` and what `gitpool storage` says of it."""

from __future__ import annotations

import io
import json
import re
import shutil
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from support import git, judge, picture

from gitpool.cli import main
from gitpool.service import Service

DAY = 86_400
NAME, OTHER = "characters_A", "places"
ONE, TWO = "a1", "b2"
NOTHING = "all=0,hourly=0,daily=0,weekly=0"


class Home:
    """A ComfyUI folder with two profiles that grew over weeks, and the command run over it."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.pools = folder / "input" / "grid_pool"
        self._capsys = capsys

    def run(self, word: str, *rest: str, code: int = 0) -> str:
        """What the command says to people; it ends with that code."""
        assert main([word, str(self.pools), *rest]) == code
        said = self._capsys.readouterr()
        assert "Traceback" not in said.err
        return said.out + said.err

    def ask(self, word: str, *rest: str, code: int = 0) -> Any:
        """The one JSON document that the command prints."""
        assert main([word, str(self.pools), *rest, "--json"]) == code
        said = self._capsys.readouterr()
        assert said.err == ""
        return json.loads(said.out)

    def count(self, profile: str = ONE) -> int:
        return int(git(self.pools / profile, "rev-list", "--count", "HEAD"))

    def judge(self) -> None:
        for folder in (self.pools / ONE, self.pools / TWO):
            judge(folder)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of each profile six snapshots: it was made and filled in one hour 200 days ago (three),
    changed twice in one hour 20 days ago, and again just now. No two hold the same image."""
    folder = tmp_path_factory.mktemp("template")
    (folder / "user").mkdir()
    noon = time.mktime((*time.localtime()[:3], 12, 0, 0, 0, 0, -1))
    old, later = noon - 200 * DAY, noon - 20 * DAY
    times = [old, old + 60, old + 120, later, later + 60, time.time()]
    now = times[0]
    service = Service(
        folder / "input" / "grid_pool", folder / "user" / "__gitpool", lambda: now, delay=3600
    )
    staged = folder / "staged"
    for profile, name in ((ONE, NAME), (TWO, OTHER)):
        now = times[0]
        service.profiles.create(profile, name)
        for number, now in enumerate(times[1:]):
            if number:
                service.pools.remove(profile, 0)
            staged.write_bytes(picture(number + len(name), (64, 48)))
            service.pools.add(profile, staged, int(now * 1000))
            service.versions.snapshot(profile, kind="auto")
    return folder


@pytest.fixture
def home(template: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Home:
    return Home(Path(shutil.copytree(template, tmp_path / "ComfyUI")), capsys)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_it_frees_what_the_dry_run_said(home: Home) -> None:
    before, stored = contents(home.pools), home.ask("storage", NAME)["total"]
    would = home.ask("compact", NAME, "--dry-run")
    assert contents(home.pools) == before
    assert home.run("compact", NAME, "--dry-run").startswith(f"{NAME}: would free ")
    assert (would["dry_run"], would["profiles"][0]["id"]) == (True, ONE)
    done = home.ask("compact", NAME)
    assert done == {**would, "dry_run": False}
    one = done["profiles"][0]
    # Of the first week and of the day in between one each, and the newest.
    assert (one["dropped"], one["kept"]) == (3, 3)
    assert (home.count(), home.count(TWO)) == (3, 6)
    assert done["total"] == {key: one[key] for key in ("dropped", "kept", "freed")}
    assert one["freed"] > 2 * 64 * 48 * 3
    left = home.ask("storage", NAME)["total"]
    assert abs(stored["history"] - left["history"] - one["freed"]) < 2000
    assert home.run("compact", NAME) == f"{NAME}: nothing to free\n"
    home.judge()


@pytest.mark.parametrize(
    ("rule", "left"),
    [
        (NOTHING, 1),
        ("weekly=90", 2),
        ("Weekly = 90", 2),
        ("hourly=forever", 3),
        ("all=never", 6),
        ("all=30", 4),
        ("all=30,weekly=100", 3),
        ("all=0.5,hourly=0.5,daily=0.5,weekly=0.5", 1),
    ],
)
def test_rules(home: Home, rule: str, left: int) -> None:
    answer = home.ask("compact", ONE, OTHER, "--keep", rule)
    assert [p["kept"] for p in answer["profiles"]] == [left, left]
    assert answer["total"]["dropped"] == 2 * (6 - left)
    assert (home.count(), home.count(TWO)) == (left, left)
    home.judge()


@pytest.mark.parametrize(
    "rule",
    ["", "weekly", "weekly=", "=3", "monthly=3", "all=-1", "all=nan", "all=inf", "all=1,all=2"],
)
def test_a_rule_that_is_none(home: Home, rule: str) -> None:
    before = contents(home.pools)
    assert home.ask("compact", ONE, "--keep", rule, code=2)["error"]["code"] == "bad_keep"
    assert "Write it as all=1,hourly=7" in home.run("compact", ONE, "--keep", rule, code=2)
    assert contents(home.pools) == before


def test_which_profiles_must_be_said(home: Home) -> None:
    assert home.ask("compact", code=2)["error"]["code"] == "bad_usage"
    assert home.ask("compact", "nobody", code=3)["error"]["code"] == "unknown_profile"
    assert main(["compact", str(home.pools), ONE, "--dry-run", OTHER, "--json"]) == 0
    assert home.count() == 6


def test_the_others_go_on_where_one_fails(home: Home) -> None:
    shutil.rmtree(home.pools / ONE)
    answer = home.ask("compact", ONE, TWO, code=3)
    assert answer["profiles"][0]["error"]["code"] == "missing_folder"
    assert answer["profiles"][1]["dropped"] == answer["total"]["dropped"] == 3
    said = home.run("compact", ONE, TWO, code=3)
    assert f"{NAME}: This profile's folder is gone." in said
    assert f"{OTHER}: nothing to free" in said


def test_named_and_locked_snapshots_stay(home: Home) -> None:
    service = Service(home.pools, home.pools.parent / "user", time.time, delay=3600)
    ids = git(home.pools / ONE, "log", "--format=%H").split()
    service.versions.lock(ONE, ids[2], True, "The good one")
    assert home.ask("compact", ONE, "--keep", NOTHING)["total"]["kept"] == 2
    kept = home.ask("log", ONE)["snapshots"]
    assert [s["message"] for s in kept][1] == "The good one"
    home.judge()


def test_storage_tells_what_could_be_freed(home: Home) -> None:
    would = home.ask("compact", ONE, TWO, "--dry-run")
    answer = home.ask("storage")
    for profile, freed in zip(answer["profiles"], would["profiles"], strict=True):
        assert profile["reclaimable"] == freed["freed"]
        assert (profile["images"], profile["snapshots"]) == (1, 6)
    assert answer["total"]["snapshots"] == 12
    text = home.run("storage").splitlines()
    assert text[0].split()[-3:] == ["RECLAIMABLE", "IMAGES", "SNAPSHOTS"]
    assert re.search(r"^2 profiles .* +2 +12$", text[-1])


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_bar_on_a_terminal(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gitpool.profiles.jobs._TELL_EVERY", 0.0)
    monkeypatch.setattr("gitpool.cli.progress._EVERY", 0.0)
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    assert main(["compact", str(home.pools), ONE, "--json"]) == 0
    assert re.search(rf"\rCleaning up {NAME} \[#*\.*\] +\d+%", terminal.getvalue())
    assert terminal.getvalue().endswith("\r")


def test_the_page_names_the_command() -> None:
    page = (Path(__file__).resolve().parents[1] / "docs" / "command-line.md").read_text("utf-8")
    assert "\n## compact\n" in page
    assert re.search(r"^gitpool compact ", page, re.MULTILINE)
