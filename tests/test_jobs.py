"""Work in the background: what becomes of it when it fails, waits, or everything is stopped."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from machines import ROUTE, Machine

from gitpool.errors import Conflict, Damaged, NotFound
from gitpool.profiles import autosnapshots
from gitpool.profiles.autosnapshots import AutoSnapshots
from gitpool.profiles.background import PENDING
from gitpool.profiles.jobs import Cancelled, Job, Jobs


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 300
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def ended(job: Job) -> Job:
    assert job.ended.wait(300)
    return job


def test_what_nobody_thought_of_ends_a_job_in_words(caplog: pytest.LogCaptureFixture) -> None:
    def work(_: Job) -> None:
        raise ZeroDivisionError("1 / 0")

    jobs = Jobs()
    job = ended(jobs.start("a", "key", "lane", work))
    assert (job.state, job.error and job.error["code"]) == ("failed", "internal")
    assert "ZeroDivisionError" in caplog.text
    # The lane is free again.
    assert ended(jobs.start("b", "key", "lane", lambda _: "done")).result == "done"


def test_a_pause_ends_with_a_cancel() -> None:
    waiting = threading.Event()

    def work(job: Job) -> None:
        waiting.set()
        job.pause(60)

    job = Jobs().start("a", "key", "lane", work)
    assert waiting.wait(300)
    job.cancel()
    assert ended(job).state == "cancelled"
    with pytest.raises(Cancelled):
        job.check()


def test_after_the_stop_nothing_is_begun() -> None:
    jobs = Jobs()
    jobs.stop()
    with pytest.raises(Conflict, match="about to stop"):
        jobs.start("a", "key", "lane", lambda _: None)


def test_old_jobs_are_forgotten_but_none_that_runs() -> None:
    jobs, go_on = Jobs(), threading.Event()
    first = jobs.start("first", "first", "first", lambda _: go_on.wait(300))
    for number in range(250):
        ended(jobs.start(f"job{number}", "key", "lane", lambda _: None))
    assert jobs.get("first") is first
    go_on.set()
    ended(first)
    ended(jobs.start("last", "key", "lane", lambda _: None))
    with pytest.raises(NotFound):
        jobs.get("first")
    assert jobs.get("job249").state == "done"


def test_a_snapshot_that_fails_is_tried_again_and_keeps_no_other_waiting(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(autosnapshots, "RETRY", 0.05)
    taken: list[str] = []
    failures = {
        "full": [OSError(28, "No space left on device")],
        "damaged": [Damaged("damaged", "A part of this is damaged.", "Repair it.")],
        "odd": [ZeroDivisionError()],
        "sound": [],
    }

    def take(profile_id: str) -> None:
        if failures[profile_id]:
            raise failures[profile_id].pop()
        taken.append(profile_id)

    snapshots = AutoSnapshots(take, delay=0.01)
    for profile_id in failures:
        snapshots.edited(profile_id)
    until(lambda: set(taken) == {"full", "sound"})
    assert "No space left" in caplog.text
    assert "A part of this is damaged. Repair it." in caplog.text
    assert "ZeroDivisionError" in caplog.text
    snapshots.edited("damaged")
    snapshots.stop()
    assert "damaged" in taken


def test_a_note_of_syncs_that_cannot_be_read_starts_none(tmp_path: Path) -> None:
    note = tmp_path / "user" / "__gitpool" / PENDING
    note.parent.mkdir(parents=True)
    for text in ("", "{}", '["nobody"]'):
        note.write_text(text)
        with Machine(tmp_path) as machine:
            assert machine.profiles() == {}
            assert machine.get(ROUTE + "job", id="x").status == 404
