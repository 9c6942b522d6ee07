"""Work that takes long: in the background, with progress, and cancelled within a moment."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, TypeVar

from ..errors import Conflict, GitPoolError, NotFound, disk_failed

log = logging.getLogger("gitpool")
T = TypeVar("T")

_REMEMBERED = 200
_TELL_EVERY = 0.2
_LOOK_EVERY = 0.05


class Cancelled(Conflict):
    """The person who started the job, or the end of the program, stopped it."""

    def __init__(self) -> None:
        super().__init__(
            "cancelled", "It was cancelled.", "Nothing was lost; begin again any time."
        )


class Job:
    """One piece of work. key: what it works on; lane: what only one job may use at a time."""

    def __init__(self, job_id: str, key: str, lane: str, tell: Callable[[Job], None]) -> None:
        self.id, self.key, self.lane = job_id, key, lane
        self.state = "running"
        self.result: dict[str, Any] | None = None
        self.error: dict[str, str] | None = None
        self.progress: dict[str, Any] = {"phase": "waiting", "done": 0, "total": 0, "unit": ""}
        self.ended = threading.Event()
        self._cancel = threading.Event()
        self._tell = tell
        self._told = 0.0

    def as_json(self) -> dict[str, Any]:
        return {
            "job": self.id,
            "id": self.key,
            "state": self.state,
            "progress": self.progress,
            "result": self.result,
            "error": self.error,
        }

    def cancel(self) -> None:
        self._cancel.set()

    def check(self) -> None:
        """Raise Cancelled, if it was."""
        if self._cancel.is_set():
            raise Cancelled

    def report(self, phase: str, done: int = 0, total: int = 0, unit: str = "") -> None:
        """Say how far the work is. Raises Cancelled."""
        self.check()
        fresh = phase != self.progress["phase"]
        self.progress = {"phase": phase, "done": done, "total": total, "unit": unit}
        if fresh or time.monotonic() - self._told > _TELL_EVERY:
            self._told = time.monotonic()
            self._tell(self)

    def pause(self, seconds: float) -> None:
        """Wait. Raises Cancelled."""
        if self._cancel.wait(seconds):
            raise Cancelled

    def outside(self, function: Callable[[], T]) -> T:
        """Run what waits for others, a network call: a cancel leaves it behind at once, to end
        by its own time-outs. So it must change nothing here. Raises Cancelled."""
        self.check()
        outcome: dict[str, Any] = {}
        done = threading.Event()

        def run() -> None:
            try:
                outcome["result"] = function()
            except BaseException as error:
                outcome["error"] = error
            done.set()

        threading.Thread(target=run, name="gitpool-remote", daemon=True).start()
        while not done.wait(_LOOK_EVERY):
            self.check()
        if "error" in outcome:
            raise outcome["error"]
        return outcome["result"]

    def finish(self, state: str, result: Any = None, error: GitPoolError | None = None) -> None:
        self.result = result
        if error:
            self.error = {"code": error.code, "message": error.message, "hint": error.hint}
        self.state = state
        self.ended.set()
        self._tell(self)


class Jobs:
    """All jobs: one at a time for a key, and one at a time in a lane.

    tell: gets a job's answer whenever something of it changes.
    """

    def __init__(self, tell: Callable[[dict[str, Any]], None] = lambda _: None) -> None:
        self._tell = tell
        self._jobs: OrderedDict[str, Job] = OrderedDict()
        self._lanes: dict[str, threading.Lock] = {}
        self._guard = threading.Lock()
        self._stopped = False

    def start(self, job_id: str, key: str, lane: str, work: Callable[[Job], Any]) -> Job:
        """Begin the work in a thread of its own; where the key has a job already, that one."""
        with self._guard:
            for job in self._jobs.values():
                if job.key == key and not job.ended.is_set():
                    return job
            if self._stopped:
                raise Conflict("stopping", "ComfyUI is about to stop.")
            job = Job(job_id, key, lane, lambda job: self._tell(job.as_json()))
            self._jobs[job_id] = job
            self._lanes.setdefault(lane, threading.Lock())
            while len(self._jobs) > _REMEMBERED:
                oldest = next(iter(self._jobs.values()))
                if not oldest.ended.is_set():
                    break
                del self._jobs[oldest.id]
        threading.Thread(
            target=self._run, args=(job, work), name="gitpool-job", daemon=True
        ).start()
        return job

    def get(self, job_id: str) -> Job:
        """Raises NotFound."""
        with self._guard:
            if job_id in self._jobs:
                return self._jobs[job_id]
        raise NotFound("unknown_job", "There is no such job any more.")

    def of(self, key: str) -> Job | None:
        """The newest job of a key."""
        with self._guard:
            return next((job for job in reversed(self._jobs.values()) if job.key == key), None)

    def is_busy(self, key: str) -> bool:
        """Whether a job of that key runs."""
        job = self.of(key)
        return job is not None and not job.ended.is_set()

    def stop(self, patience: float = 5.0) -> None:
        """Cancel everything, begin no more, and wait until it has ended."""
        with self._guard:
            self._stopped = True
            running = [job for job in self._jobs.values() if not job.ended.is_set()]
        for job in running:
            job.cancel()
        deadline = time.monotonic() + patience
        for job in running:
            job.ended.wait(max(0.0, deadline - time.monotonic()))

    def _run(self, job: Job, work: Callable[[Job], Any]) -> None:
        try:
            with self._in_lane(job):
                job.finish("done", work(job))
        except Cancelled as error:
            job.finish("cancelled", error=error)
        except GitPoolError as error:
            job.finish("failed", error=error)
        except OSError as error:
            log.error("Git Pool: a job failed: %s", error.strerror or type(error).__name__)
            job.finish("failed", error=disk_failed(error))
        except Exception:
            log.exception("Git Pool: a job failed")
            message = "Something went wrong in Git Pool."
            job.finish("failed", error=GitPoolError("internal", message, "See the server's log."))

    @contextlib.contextmanager
    def _in_lane(self, job: Job):  # type: ignore[no-untyped-def]
        lane = self._lanes[job.lane]
        while not lane.acquire(timeout=_LOOK_EVERY):
            job.check()
        try:
            yield
        finally:
            lane.release()
