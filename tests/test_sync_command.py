"""`gitpool sync` on a folder, without ComfyUI: as people use it, and killed at any moment.

`GITPOOL_KILLS` sets how often it is killed (8 here, 200 in the long form).
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from remotes.http_server import HttpGit
from support import git, judge, picture

from gitpool.cli import main
from gitpool.service import Service

ROOT = Path(__file__).resolve().parents[1]
KILLS = int(os.environ.get("GITPOOL_KILLS", "8"))
TOKEN = "sekret-cli"


def service(base: Path) -> Service:
    return Service(base, base / ".gitpool" / "user", time.time, environment={})


def add(base: Path, profile: str, seed: int) -> None:
    staged = base / f"staged{seed}"
    staged.write_bytes(picture(seed))
    service(base).pools.add(profile, staged, seed)


@pytest.fixture
def pools(tmp_path: Path) -> Path:
    """A folder with the profile “Heroes” of two images."""
    base = tmp_path / "grid_pool"
    base.mkdir()
    service(base).profiles.create("heroes", "Heroes")
    for seed in range(2):
        add(base, "heroes", seed)
    return base


def said(capsys: pytest.CaptureFixture[str]) -> str:
    return capsys.readouterr().out


def test_a_folder_is_sent_listed_and_had_elsewhere(
    pools: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    remote, mirror = str(tmp_path / "remote.git"), tmp_path / "mirror"
    mirror.mkdir()
    assert main(["sync", str(pools), "--remote", remote]) == 0
    assert said(capsys) == "Heroes: sent 2 snapshots\n"
    assert main(["remote", str(mirror), "--remote", remote, "--json"]) == 0
    (listed,) = json.loads(said(capsys))["profiles"]
    assert (listed["id"], listed["here"], listed["images"]) == ("heroes", False, 2)
    assert main(["sync", str(mirror), "--all", "--remote", remote]) == 0
    assert said(capsys) == "Heroes: received 2 snapshots\n"
    assert main(["sync", str(mirror), "heroes", "--remote", remote]) == 0
    assert said(capsys) == "Heroes: up to date\n"
    judge(mirror / "heroes")
    add(mirror, "heroes", 7)
    add(pools, "heroes", 8)
    assert main(["sync", str(mirror), "--remote", remote]) == 0
    assert main(["sync", str(pools), "--remote", remote, "--json"]) == 0
    capsys.readouterr()
    assert len(service(pools).pools.list("heroes")["slots"]) == 4


def test_the_token_comes_from_the_environment_and_is_kept_nowhere(
    pools: Path,
    http_git: HttpGit,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    http_git.token = TOKEN
    repo, url = http_git.make_repo("pools"), http_git.url("pools")
    assert main(["sync", str(pools), "--remote", url]) == 6
    assert "sign-in" in said(capsys)
    monkeypatch.setenv("GITPOOL_TOKEN", TOKEN)
    assert main(["sync", str(pools), "--remote", url]) == 0
    assert git(repo, "branch", "--format=%(refname:short)") == "Heroes"
    kept = [p for p in pools.rglob("*") if p.is_file() and TOKEN.encode() in p.read_bytes()]
    assert kept == []


def test_what_goes_wrong_is_told_with_a_code(
    pools: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["sync", str(pools), "--json"]) == 4
    (failed,) = json.loads(said(capsys))["profiles"]
    assert failed["error"]["code"] == "no_remote"
    assert main(["sync", str(pools), "--remote", "javascript:alert(1)"]) == 2
    assert main(["sync", str(pools), "nobody", "--remote", str(tmp_path / "r.git")]) == 3
    lost = str(tmp_path / "away" / "r.git")
    assert main(["sync", str(pools), "--remote", lost]) == 6


def test_killed_at_any_moment_a_sync_is_simply_done_again(
    pools: Path, http_git: HttpGit, tmp_path: Path
) -> None:
    repo, url = http_git.make_repo("pools"), http_git.url("pools")
    other = tmp_path / "other"
    other.mkdir()
    chance = random.Random(20261124)

    def run(base: Path, *more: str, kill_after: float | None = None) -> int:
        command = [sys.executable, "-m", "gitpool", "sync", str(base), "--remote", url, *more]
        process = subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            return process.wait(kill_after or 60)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            return process.wait(300)

    assert run(pools) == 0
    assert run(other, "--all") == 0
    begun = time.monotonic()
    assert run(pools) == 0
    whole = time.monotonic() - begun
    made = 100
    for _ in range(KILLS):
        for base in (pools, other):
            add(base, "heroes", made)
            made += 1
        run(chance.choice([pools, other]), kill_after=whole * chance.uniform(0.3, 1.0))
        run(pools if chance.random() < 0.3 else other)
    for base in (pools, other, pools):
        assert run(base) == 0
    tips = {git(base / "heroes", "rev-parse", "HEAD") for base in (pools, other)}
    assert len(tips) == 1
    for base in (pools, other):
        folder = base / "heroes"
        judge(folder)
        slots = service(base).pools.list("heroes")["slots"]
        shown = {(folder / slot["image"]).read_bytes() for slot in slots}
        assert shown == {picture(seed) for seed in (0, 1, *range(100, made))}
    assert "error" not in git(repo, "fsck", "--strict")


def test_all_gets_only_what_is_not_here_and_tells_of_choices(
    pools: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    remote, mirror = str(tmp_path / "remote.git"), tmp_path / "mirror"
    mirror.mkdir()
    assert main(["sync", str(pools), "--remote", remote]) == 0
    assert main(["sync", str(mirror), "--remote", remote, "--all"]) == 0
    said(capsys)
    # What is here already is synced once, not fetched a second time.
    assert main(["sync", str(mirror), "--remote", remote, "--all"]) == 0
    assert said(capsys) == "Heroes: up to date\n"
    (there,) = service(mirror).library.registry.entries()
    service(pools).pools.label("heroes", 0, "one side")
    service(mirror).pools.label(there.id, 0, "the other")
    assert main(["sync", str(pools), "--remote", remote]) == 0
    said(capsys)
    assert main(["sync", str(mirror), "--remote", remote]) == 0
    assert "1 choice to make in the editor" in said(capsys)
