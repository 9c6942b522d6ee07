"""Many at once: processes that edit one profile, each a server of its own on the same folder.
Every edit that was acknowledged is there, and nobody is told of locks."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path

from faults import amount
from support import git, judge, picture, run_at_once

from gitpool.service import Service

WRITERS = 8
EDITS = amount(6, 50)
_WRITER = """
import json, sys, time
from pathlib import Path
from support import picture
from gitpool.service import Service

base, number, edits = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
service = Service(base / "pools", base / "user", time.time, delay=0.2)
print("ready", flush=True)
sys.stdin.readline()
staged, worst, made = base / f"staged{number}", 0.0, []
for edit in range(edits):
    word = f"writer {number} edit {edit}"
    staged.write_bytes(picture(1000 * number + edit))
    begun = time.monotonic()
    if edit % 2 == 0:
        service.pools.add("p", staged, edit, word)
    else:
        # Others add at the same time, so a place is only good together with the image in it.
        mine = f"writer {number} edit {edit - 1}"
        slots = service.pools.list("p")["slots"]
        index = next(i for i, slot in enumerate(slots) if slot["label"] == mine)
        service.pools.label("p", index, word, slots[index]["image"])
    worst = max(worst, time.monotonic() - begun)
    if edit % 5 == 4:
        # None where another process has just snapshotted all there is.
        taken = service.versions.snapshot("p", f"snapshot {number} {edit}")["snapshot"]
        made += [taken["message"]] if taken else []
service.stop()
print(json.dumps([worst, made]), flush=True)
"""


def _writers(base: Path, count: int, edits: int) -> tuple[float, list[str]]:
    """Have so many processes edit the profile `p` at once; gives the longest wait, and what the
    snapshots are called that were acknowledged."""
    ended = run_at_once(_WRITER, [[str(base), str(number), str(edits)] for number in range(count)])
    assert ended == [(0, out, "") for _, out, _ in ended]
    told = [json.loads(out) for _, out, _ in ended]
    return max(worst for worst, _ in told), [name for _, made in told for name in made]


def _words(count: int, edits: int) -> list[str]:
    """The labels that are there in the end: every second edit relabels the one before it."""
    return sorted(f"writer {n} edit {e}" for n in range(count) for e in range(1, edits, 2))


def test_many_processes_edit_one_profile(tmp_path: Path) -> None:
    service = Service(tmp_path / "pools", tmp_path / "user", time.time, delay=3600)
    service.profiles.create("p", "Heroes")
    worst, named = _writers(tmp_path, WRITERS, EDITS)
    print(f"\n{WRITERS} processes, {EDITS} edits each: the longest wait was {worst:.2f} s")
    _all_there(service, WRITERS, EDITS, named)


def _all_there(service: Service, count: int, edits: int, named: list[str]) -> None:
    slots = service.pools.list("p")["slots"]
    assert sorted(slot["label"] for slot in slots) == _words(count, edits)
    folder = service.library.path_of("p")
    for slot in slots:
        _, number, _, edit = slot["label"].split()
        # The picture was added by the edit before the one that gave it this label.
        wanted = picture(1000 * int(number) + int(edit) - 1)
        assert (folder / slot["image"]).read_bytes() == wanted
    service.versions.take("p")
    assert set(named) <= set(git(folder, "log", "--format=%s").splitlines())
    judge(folder)
    assert service.pools.undo("p")["undone"]["kind"] in ("label", "add")


def test_two_servers_on_one_folder(tmp_path: Path) -> None:
    """While one edits, the other makes, renames, copies and deletes other profiles."""
    service = Service(tmp_path / "pools", tmp_path / "user", time.time, delay=3600)
    service.profiles.create("p", "Heroes")
    made: list[str] = []
    failed: list[BaseException] = []

    def manage() -> None:
        try:
            for number in range(amount(6, 50)):
                made.append(f"q{number}")
                service.profiles.duplicate("p", made[-1], "Copy")
                service.profiles.rename(made[-1], f"Copy no. {number}")
                if number % 2:
                    service.profiles.delete(made.pop())
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=manage)
    thread.start()
    worst, named = _writers(tmp_path, 1, 2 * EDITS)
    thread.join(600)
    print(f"\ntwo servers: the longest wait was {worst:.2f} s")
    assert failed == []
    _all_there(service, 1, 2 * EDITS, named)
    listed = {entry["id"] for entry in service.profiles.list()["profiles"]}
    assert listed == {"p", *made}
    for profile in made:
        judge(service.library.path_of(profile))
