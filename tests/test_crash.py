"""Killed at any moment: what was acknowledged is there, and the next operation just works."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support import git, judge, picture

from gitpool.service import Service

ROOT = Path(__file__).resolve().parents[1]

_EDITS = """
import sys, time, itertools
from pathlib import Path
from gitpool.service import Service

base, data = Path(sys.argv[1]), Path(sys.argv[2]).read_bytes()
service = Service(base / "pools", base / "user", time.time)
staged = base / "staged"
for n in itertools.count(int(sys.argv[3])):
    staged.write_bytes(data)
    service.pools.add("p", staged, n, f"label {n}")
    print("add", n, flush=True)
    if n % 3 == 0:
        service.versions.snapshot("p", f"snapshot {n}")
        print("snapshot", n, flush=True)
    if n % 5 == 0:
        newest = service.versions.history("p")["snapshots"]
        service.versions.restore("p", newest[-1]["id"])
        service.versions.restore("p", newest[0]["id"])
        print("restore", n, flush=True)
"""


def service_at(base: Path) -> Service:
    return Service(base / "pools", base / "user", time.time)


def test_kill_at_random_moments_loses_nothing(tmp_path: Path) -> None:
    service = service_at(tmp_path)
    service.profiles.create("p", "p")
    (tmp_path / "picture").write_bytes(picture(1, (200, 200)))
    chance = random.Random(7)
    folder = tmp_path / "pools" / "p"
    for turn in range(12):
        script = [sys.executable, "-c", _EDITS, str(tmp_path), str(tmp_path / "picture")]
        process = subprocess.Popen(
            [*script, str(turn * 1000)], stdout=subprocess.PIPE, text=True, cwd=ROOT
        )
        assert process.stdout is not None
        first = process.stdout.readline()
        time.sleep(chance.uniform(0, 0.4))
        process.send_signal(signal.SIGKILL)
        # A kill in the middle of a line leaves half a word, which says nothing.
        lines = (first + process.stdout.read()).splitlines(keepends=True)
        said = [line for line in lines if line.endswith("\n")]
        process.wait(300)
        process.stdout.close()
        service.versions.snapshot("p", f"after kill {turn}")
        judge(folder)
        log = git(folder, "log", "--format=%s")
        made = [line.split()[1] for line in said if line.startswith("snapshot")]
        assert all(f"snapshot {n}" in log.splitlines() for n in made)
        added = [line.split()[1] for line in said if line.startswith("add")]
        remembered = git(folder, "log", "-p", "--format=", "--", "manifest.json")
        assert all(f'"label {n}"' in remembered for n in added)


def filled(tmp_path: Path) -> Service:
    """A service with a profile `p` of three images."""
    service = service_at(tmp_path)
    service.profiles.create("p", "p")
    for seed in range(3):
        staged = tmp_path / "staged"
        staged.write_bytes(picture(seed))
        service.pools.add("p", staged, 0)
    return service


def test_a_restore_cut_off_halfway_is_carried_on(tmp_path: Path, monkeypatch) -> None:
    service = filled(tmp_path)
    old = service.versions.snapshot("p")["snapshot"]["id"]
    service.pools.remove_images("p", ["img_0001.png", "img_0003.png"])
    service.versions.snapshot("p")

    replace = os.replace

    def fail(source: Path, target: Path) -> None:
        if Path(target).name == "img_0003.png":
            raise OSError(5, "the power went")
        replace(source, target)

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="the power went"):
        service.versions.restore("p", old)
    monkeypatch.undo()
    again = service_at(tmp_path)
    again.versions.snapshot("p")
    folder = tmp_path / "pools" / "p"
    judge(folder)
    assert len(again.pools.list("p")["slots"]) == 3
    assert git(folder, "rev-parse", "HEAD^{tree}") == git(folder, "rev-parse", f"{old}^{{tree}}")


def test_a_rename_cut_off_halfway_is_carried_on(tmp_path: Path, monkeypatch) -> None:
    from gitpool.git.refs import Refs

    service = service_at(tmp_path)
    service.profiles.create("p", "before")
    swap = Refs.swap

    def fail(*_: object) -> None:
        raise OSError(5, "the power went")

    monkeypatch.setattr(Refs, "swap", fail)
    with pytest.raises(OSError, match="the power went"):
        service.profiles.rename("p", "after")
    monkeypatch.setattr(Refs, "swap", swap)
    again = service_at(tmp_path)
    again.versions.snapshot("p")
    folder = tmp_path / "pools" / "p"
    judge(folder)
    assert git(folder, "for-each-ref", "--format=%(refname:short)", "refs/heads") == "after"


def test_an_interpreter_that_ends_snapshots_first(tmp_path: Path) -> None:
    script = """
import atexit, sys, time
from pathlib import Path
from gitpool.service import Service
base = Path(sys.argv[1])
service = Service(base / "pools", base / "user", time.time, delay=3600)
atexit.register(service.stop)
service.profiles.create("p", "p")
for n in range(3):
    (base / "staged").write_bytes((base / "picture").read_bytes())
    service.pools.add("p", base / "staged", 0)
"""
    (tmp_path / "picture").write_bytes(picture())
    subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=True, cwd=ROOT, timeout=300)
    folder = tmp_path / "pools" / "p"
    assert git(folder, "log", "-1", "--format=%s") == "Add 3 images"
    judge(folder)


def test_an_image_brought_back_halfway_leaves_nothing_behind(tmp_path: Path, monkeypatch) -> None:
    from gitpool.git.objects import ObjectStore
    from gitpool.git.refs import Refs

    service = filled(tmp_path)
    old = service.versions.snapshot("p")["snapshot"]["id"]
    service.pools.remove_images("p", ["img_0002.png"])
    service.pools.reorder("p", [1, 0])
    service.versions.snapshot("p")
    make_files = ObjectStore.make_files

    def slowly(*arguments: object) -> None:
        # What is written before and after must not have the same time.
        time.sleep(0.03)
        make_files(*arguments)

    def fail(*_: object) -> None:
        raise OSError(5, "the power went")

    monkeypatch.setattr(ObjectStore, "make_files", slowly)
    monkeypatch.setattr(Refs, "swap", fail)
    with pytest.raises(OSError, match="the power went"):
        service.versions.restore("p", old, images=["img_0002.png"])
    monkeypatch.undo()
    service_at(tmp_path).versions.snapshot("p")
    judge(tmp_path / "pools" / "p")
