"""Disks that haven't got all that Linux's own have: everything works on each, what is done
without is said once, and several processes still keep out of each other's way."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from faults import FULL, amount
from faults.bench import Bench
from faults.bench import bench as bench_in
from faults.disks import DISKS, Done, run_on
from faults.elsewhere import Elsewhere
from faults.operations import OPERATIONS
from support import Server, git, judge, mask, picture, run_at_once

from gitpool.errors import Conflict
from gitpool.profiles import filelocks
from gitpool.profiles.locks import Locks
from gitpool.remote.address import parse
from gitpool.remote.secrets import Secret, Secrets

TESTS = Path(__file__).parent
ROUTE = "/grid_pool/profiles/"
_SAYS = {"sync_folder", "open_folder", "sync", "flock", "chmod", "link", "replace"}


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with bench_in(tmp_path_factory.mktemp("disks")) as made:
        yield made


@pytest.mark.timeout(600)
@pytest.mark.parametrize("disk", DISKS)
def test_every_operation_works_on_every_disk(bench: Bench, disk: str) -> None:
    met = set()
    for name in _operations(disk):
        bench.expected(name)
        bench.copies.renew()
        done: Done = bench.forks.call(run_on, bench.world, disk, name).value
        try:
            bench.judge(name, acknowledged=True, restarted=False, value=done.value)
        except AssertionError as error:
            raise AssertionError(f"{name} on {disk}: {error}") from error
        met |= done.met
        # Each thing that the disk hasn't got once, and nothing else. The lock of a ref, which is
        # linked where that can be, costs nothing where it can't.
        most = len(done.met & _SAYS)
        assert len(done.log) == len(set(done.log)), done.log
        assert len(done.log) in (most, most - ("link" in done.met)), (name, done)
    lacking = {what for what in vars(DISKS[disk]) if what != "met" and getattr(DISKS[disk], what)}
    assert met == lacking or not FULL


def _operations(disk: str) -> list[str]:
    """All of them in the full form; else a third on each disk, other ones on the next."""
    step = amount(3, 1)
    return list(OPERATIONS)[list(DISKS).index(disk) % step :: step]


@pytest.mark.parametrize("disk", DISKS)
def test_a_server_on_every_disk(server: Server, tmp_path: Path, disk: str) -> None:
    """What people do, over HTTP, with a log that says once what the disk hasn't got."""
    server.create("Here already")
    with Elsewhere(tmp_path, disk) as there:
        profile = there.create("Heroes")
        for seed in range(3):
            there.add(profile, picture(seed))
        assert there.set_mask(profile, 1, mask()).status == 200
        first = there.snapshot(profile, message="First")["id"]
        assert there.post("/grid_pool/label", pool_id=profile, index=0, label="x").status == 200
        assert there.post(ROUTE + "restore", id=profile, snapshot=first).status == 200
        copy = there.post(ROUTE + "duplicate", id=profile, name="Copy").json["id"]
        data = there.get(ROUTE + "export", id=profile, format="bundle").body
        made = there.send_form(ROUTE + "import", {"file": ("a.bundle", data)}).json["id"]
        assert there.post(ROUTE + "delete", id=copy).status == 200
        assert there.post(ROUTE + "undelete", id=copy).status == 200
        assert there.post(ROUTE + "compact", id=profile).status == 200
        for each in (profile, copy, made):
            assert there.get("/grid_pool/thumb", pool_id=each, name="img_0002.png").status == 200
            assert len(there.list(each)["slots"]) == 3
    for each in (profile, copy, made):
        judge(server.pools / each)
    lines = [line for line in there.log.splitlines() if "a disk that pools lie on" in line]
    assert len(lines) == len(set(lines))
    assert "Traceback" not in there.log
    assert "ERROR" not in there.log


_WRITER = """
import sys
from pathlib import Path
from faults.disks import install
if sys.argv[4]:
    install(Path(sys.argv[1]), sys.argv[4])
from test_writers import _WRITER
exec(_WRITER)
"""


def _write(base: Path, disks: list[str], edits: int) -> list[str]:
    """Have a process on each of these disks edit the profile `p`, all at once; gives what their
    snapshots are called."""
    ended = run_at_once(
        _WRITER, [[str(base), str(number), str(edits), disk] for number, disk in enumerate(disks)]
    )
    assert [code for code, _, _ in ended] == [0] * len(disks), ended
    return [name for _, out, _ in ended for name in json.loads(out)[1]]


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("disks", [["SMB", "SMB", "SMB"], ["SMB", "", "S3", ""]])
def test_processes_at_once_lose_nothing(server: Server, tmp_path: Path, disks: list[str]) -> None:
    """Also where only some of them can lock by the system, from the first moment on."""
    service, pools = server.service, tmp_path / "pools"
    pools.symlink_to(server.pools, target_is_directory=True)
    service.profiles.create("p", "Heroes")
    named = _write(tmp_path, disks, 4)
    words = [slot["label"] for slot in server.list("p")["slots"]]
    wanted = [f"writer {n} edit {e}" for n in range(len(disks)) for e in (1, 3)]
    assert sorted(words) == sorted(wanted)
    server.snapshot("p")
    assert set(named) <= set(git(server.pools / "p", "log", "--format=%s").splitlines())
    judge(server.pools / "p")


_HOLDER = """
import sys, time
from pathlib import Path
from gitpool.profiles.locks import Locks
from faults.disks import install
install(Path(sys.argv[1]), "SMB")
with Locks(Path(sys.argv[1])).hold("p"):
    print("held", flush=True)
    sys.stdin.readline()
print("free", flush=True)
"""


def _holder(folder: Path) -> subprocess.Popen[str]:
    """A process that holds a lock on a disk without the system's, until it is told something."""
    return _start(_HOLDER, folder)


def _start(script: str, folder: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(folder)],
        cwd=TESTS,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    assert process.stdout.readline() == "held\n"
    return process


def _end(process: subprocess.Popen[str]) -> None:
    out, _ = process.communicate("\n", 60)
    assert (out, process.returncode) == ("free\n", 0)


def test_a_lock_keeps_others_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gitpool.profiles.locks._PATIENCE", 0.3)
    holder = _holder(tmp_path)
    with pytest.raises(Conflict), Locks(tmp_path).hold("p"):
        pass
    with Locks(tmp_path).hold("q"):
        pass
    _end(holder)
    with Locks(tmp_path).hold("p"):
        pass
    assert not list(tmp_path.glob("*.held*"))


_BY_SYSTEM = """
import sys
from pathlib import Path
from gitpool.profiles.locks import Locks
with Locks(Path(sys.argv[1])).hold("p"):
    print("held", flush=True)
    sys.stdin.readline()
print("free", flush=True)
"""

_WITHOUT = """
import sys
from pathlib import Path
from faults.disks import install
from gitpool.errors import Conflict
from gitpool.profiles import locks
install(Path(sys.argv[1]), "SMB")
locks._PATIENCE = float(sys.argv[2])
try:
    with locks.Locks(Path(sys.argv[1])).hold("p"):
        print("held")
except Conflict:
    print("busy")
"""


def _without(folder: Path, patience: float) -> str:
    """What becomes of a process that can't lock by the system and wants the lock."""
    command = [sys.executable, "-c", _WITHOUT, str(folder), str(patience)]
    return subprocess.run(command, cwd=TESTS, capture_output=True, text=True, check=True).stdout


def test_the_first_without_the_systems_locks_sees_who_has_one(tmp_path: Path) -> None:
    holder = _start(_BY_SYSTEM, tmp_path)
    assert _without(tmp_path, 0.3) == "busy\n"
    assert not list(tmp_path.glob("*.held*"))
    _end(holder)
    assert _without(tmp_path, 60) == "held\n"


def test_what_a_killed_one_said_keeps_nobody_out(tmp_path: Path) -> None:
    holder = _start(_BY_SYSTEM, tmp_path)
    holder.kill()
    holder.wait(20)
    assert (tmp_path / "p.lock").read_bytes()
    assert _without(tmp_path, 60) == "held\n"


@pytest.mark.parametrize("reaped", [True, False])
def test_a_killed_holder_keeps_nobody_out(tmp_path: Path, reaped: bool) -> None:
    holder = _holder(tmp_path)
    assert list(tmp_path.glob("*.held"))
    holder.send_signal(signal.SIGKILL)
    if reaped:
        holder.wait(20)
    with Locks(tmp_path).hold("p"):
        pass
    holder.wait(20)
    assert not list(tmp_path.glob("*.held*"))


def test_a_number_used_again_is_not_the_holder(tmp_path: Path) -> None:
    """After a crash another process may have the number that the holder had."""
    holder = _holder(tmp_path)
    held = next(tmp_path.glob("*.held"))
    owner = json.loads(held.read_bytes())
    holder.kill()
    holder.wait(20)
    for pid in (os.getpid(), os.getppid()):
        held.write_bytes(json.dumps({**owner, "pid": pid}).encode())
        with Locks(tmp_path).hold("p"):
            pass
    assert not list(tmp_path.glob("*.held*"))


def _of_another_machine(folder: Path) -> Path:
    with Locks(folder).hold("p"):
        pass
    (folder / "_by_files").write_bytes(b"")
    held = folder / "p.held"
    owner = {"place": "another machine", "pid": 1, "began": "1", "token": "x", "beats": "000000001"}
    held.write_bytes(json.dumps(owner).encode())
    return held


def test_another_machines_lock_counts_until_it_isnt_renewed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = _of_another_machine(tmp_path)
    monkeypatch.setattr("gitpool.profiles.locks._PATIENCE", 0.3)
    with pytest.raises(Conflict), Locks(tmp_path).hold("p"):
        pass
    assert held.exists()
    # What was seen of it counts from one attempt to the next.
    monkeypatch.setattr(filelocks, "STALE", 0.3)
    with Locks(tmp_path).hold("p"):
        assert json.loads(held.read_bytes())["pid"] == os.getpid()
    assert not held.exists()


def test_a_half_written_lock_counts_likewise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = _of_another_machine(tmp_path)
    held.write_bytes(b"")
    monkeypatch.setattr("gitpool.profiles.locks._PATIENCE", 0.2)
    with pytest.raises(Conflict), Locks(tmp_path).hold("p"):
        pass
    monkeypatch.setattr(filelocks, "STALE", 0.2)
    with Locks(tmp_path).hold("p"):
        pass


def test_a_lock_that_is_renewed_is_never_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = _of_another_machine(tmp_path)
    owner = json.loads(held.read_bytes())
    monkeypatch.setattr("gitpool.profiles.locks._PATIENCE", 1.5)
    monkeypatch.setattr(filelocks, "STALE", 60.0)
    beats = 1
    stop = threading.Event()

    def renew() -> None:
        nonlocal beats
        while not stop.wait(0.05):
            beats += 1
            held.write_bytes(json.dumps({**owner, "beats": f"{beats:09}"}).encode())

    thread = threading.Thread(target=renew)
    thread.start()
    try:
        with pytest.raises(Conflict), Locks(tmp_path).hold("p"):
            pass
    finally:
        stop.set()
        thread.join(20)
    assert json.loads(held.read_bytes())["place"] == "another machine"


def test_what_is_held_is_renewed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filelocks, "RENEW", 0.01)
    monkeypatch.setattr(filelocks, "_keeper", filelocks._Keeper())
    (tmp_path / "_by_files").write_bytes(b"")
    with Locks(tmp_path).hold("p"):
        held = tmp_path / "p.held"
        first = json.loads(held.read_bytes())
        end = time.monotonic() + 60
        while (now := held.read_bytes()) in (b"", json.dumps(first).encode() + b"\n"):
            assert time.monotonic() < end
        assert now
    assert not held.exists()


def test_who_was_killed_while_taking_a_lock_away_keeps_nobody_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import hashlib

    held = _of_another_machine(tmp_path)
    name = f"p.held.{hashlib.sha256(held.read_bytes()).hexdigest()[:16]}"
    (tmp_path / name).write_bytes(b"")
    monkeypatch.setattr(filelocks, "STALE", 0.05)
    monkeypatch.setattr(filelocks, "_BREAKING", 0.05)
    with Locks(tmp_path).hold("p"):
        pass
    assert not list(tmp_path.glob("*.held*"))


def test_many_take_the_same_lock_away_and_one_has_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filelocks, "STALE", 0.0)
    inside: list[int] = []
    most: list[int] = []

    def take() -> None:
        with Locks(tmp_path).hold("p"):
            inside.append(1)
            most.append(len(inside))
            inside.pop()

    for _ in range(20):
        _of_another_machine(tmp_path)
        threads = [threading.Thread(target=take) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert set(most) == {1}
        assert not list(tmp_path.glob("*.held*"))


def test_a_share_that_refuses_a_lock_is_asked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As CIFS does while somebody else has it."""
    import fcntl

    real, refused = fcntl.flock, []

    def flock(number: int, how: int) -> None:
        if len(refused) < 3:
            refused.append(number)
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        real(number, how)

    monkeypatch.setattr(fcntl, "flock", flock)
    with Locks(tmp_path).hold("p"):
        assert len(refused) == 3
    assert not (tmp_path / "_by_files").exists()


_KEEP = """
import sys
from pathlib import Path
from faults.disks import install
from gitpool.remote.address import parse
from gitpool.remote.secrets import Secret, Secrets
install(Path(sys.argv[1]), "exFAT")
address = parse("https://example.org/a.git", ())
Secrets(Path(sys.argv[1]), {}).keep(None, address, Secret("me", "token"))
"""


def test_a_token_is_kept_where_modes_are_not(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _KEEP, str(tmp_path)], cwd=TESTS, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr
    address = parse("https://example.org/a.git", ())
    assert Secrets(tmp_path, {}).find(None, address) == Secret("me", "token")
