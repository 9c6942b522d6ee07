"""A disk that is full: each operation on a small disk of its own, with less and less space left.
Nothing old is lost, it is said that the disk is full, and with space again all works.

The disk is a tmpfs, where one may be mounted (root, or a user namespace of one's own). Elsewhere
the same is done by failing each call that takes space from a chosen one on, which is what a full
disk does; see `faults.failing`.
"""

from __future__ import annotations

import random
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from faults import FULL, SEED
from faults.bench import Bench
from faults.bench import bench as bench_in
from faults.failing import Trial, run_failing, run_plainly
from faults.operations import OPERATIONS
from support import Server, mask, picture

_DISK = 64 << 20
_PAGE = 4096
# Pages left free. Most operations need more than a few, and none needs as many as the last.
_LEFT = (0, 1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144)
_SHORT = 1


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path | None]:
    """A small disk, or None where none can be had."""
    folder = tmp_path_factory.mktemp("disk")
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={_DISK}", "tmpfs", str(folder)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode:
        yield None
        return
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.fixture(scope="module")
def bench(disk: Path | None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with bench_in(disk or tmp_path_factory.mktemp("full")) as made:
        yield made


@pytest.mark.parametrize("name", OPERATIONS)
def test_a_full_disk_loses_nothing(bench: Bench, disk: Path | None, name: str) -> None:
    chance = random.Random(f"{SEED} {name}")
    for left in _LEFT if FULL else chance.sample(_LEFT[:-2], _SHORT):
        bench.expected(name)
        bench.copies.renew()
        trial = _on_full_disk(bench, disk, left, name) if disk else _as_if_full(bench, left, name)
        where = f"{name} with {left} pages left: {trial.error}"
        assert trial.ours, where
        try:
            bench.judge(name, trial.error is None, restarted=False, value=trial.value)
        except AssertionError as error:
            raise AssertionError(f"{where}: {error}") from None


def _on_full_disk(bench: Bench, disk: Path, left: int, name: str) -> Trial:
    """Carry an operation out while so many pages are free."""
    filler = disk / "filler"
    _fill(filler, left)
    try:
        return bench.forks.call(run_plainly, bench.world, name).value
    finally:
        filler.unlink()


def _fill(filler: Path, left: int) -> None:
    with open(filler, "wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(_PAGE))
        except OSError:
            file.truncate(max(0, file.tell() - left * _PAGE))


def _as_if_full(bench: Bench, left: int, name: str) -> Trial:
    """Carry an operation out, and have each call fail that takes space, after some."""
    return bench.forks.call(run_failing, bench.world, name, "ENOSPC", 3 * left + 1).value


def test_an_upload_that_doesnt_fit_is_refused_whole(
    disk: Path | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over HTTP: a disk that takes only a part of a picture must not have that part kept."""
    monkeypatch.setenv("GITPOOL_SNAPSHOT_DELAY", "3600")
    folder = (disk or tmp_path) / "server"
    large = picture(5, (300, 300))
    with Server(folder) as server:
        profile = server.create("Heroes")
        server.add(profile, picture(1))
        before = server.list(profile)
        sizes = range(0, len(large) // _PAGE + 12, 1 if FULL else 9)
        for left in sizes if disk else ():
            _fill(disk / "filler", left)  # type: ignore[operator]
            form = {"image": ("a.png", large)}
            answer = server.send_form("/grid_pool/add", form, pool_id=profile, ts=1)
            (disk / "filler").unlink()  # type: ignore[operator]
            if answer.status != 200:
                assert (answer.status, answer.code) == (503, "disk_full"), answer.body
                assert server.list(profile)["slots"] == before["slots"]
            else:
                _remove_last(server, profile)
        _partly_written(server, profile, large, monkeypatch)
        assert server.set_mask(profile, 0, mask()).status == 200
        server.snapshot(profile)


def _remove_last(server: Server, profile: str) -> None:
    listed = server.list(profile)
    index = len(listed["slots"]) - 1
    assert server.post("/grid_pool/remove", pool_id=profile, index=index).status == 200


def _partly_written(
    server: Server, profile: str, data: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every write takes half of what it is given: all of it is there in the end."""
    import builtins
    import io

    class Reluctant(io.FileIO):
        def write(self, data: object) -> int:
            piece = bytes(data)  # type: ignore[call-overload]
            return super().write(piece[: max(1, len(piece) // 2)])

    real = builtins.open

    def reluctant(file: object, mode: str = "r", buffering: int = -1, **more: object) -> object:
        if mode == "wb" and buffering == 0:
            return Reluctant(file, "w")  # type: ignore[arg-type]
        return real(file, mode, buffering, **more)  # type: ignore[call-overload]

    with monkeypatch.context() as patch:
        patch.setattr("builtins.open", reluctant)
        listed = server.add(profile, data)
    name = listed["slots"][-1]["image"]
    assert (server.pools / profile / name).read_bytes() == data
