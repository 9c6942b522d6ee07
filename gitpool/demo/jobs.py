"""The queue of prompts, the thread that works through it, and the history."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .graph import GraphRunner, RunResult

log = logging.getLogger(__name__)
LONGEST_HISTORY = 1000


@dataclass
class Job:
    """One queued prompt, and later what became of it."""

    number: float
    prompt_id: str
    prompt: Mapping[str, Any]
    extra_data: dict[str, Any]
    outputs: list[str]
    created: float = field(default_factory=time.time)
    started: float | None = None
    ended: float | None = None
    result: RunResult | None = None

    def as_queue_entry(self) -> list[Any]:
        return [self.number, self.prompt_id, self.prompt, self.extra_data, self.outputs]

    def as_history_entry(self) -> dict[str, Any]:
        result = self.result or RunResult()
        return {
            "prompt": self.as_queue_entry(),
            "outputs": result.outputs,
            "meta": result.meta,
            "status": {
                "status_str": "success" if result.success else "error",
                "completed": result.success,
                "messages": [[event, data] for event, data in result.messages],
            },
        }


class JobQueue:
    """Runs jobs one after another on one background thread; safe to use from any thread."""

    def __init__(self, runner: GraphRunner, changed: Callable[[], None]) -> None:
        self._runner = runner
        self._changed = changed
        self._wake = threading.Condition()
        self._pending: list[Job] = []
        self._running: Job | None = None
        self._runs = 0
        self._history: dict[str, Job] = {}
        self._stopping = False
        self._next_number = 0
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        self._thread = threading.Thread(target=self._work, name="demo-graph", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Drop what waits, interrupt what runs, and wait shortly for the thread."""
        with self._wake:
            self._stopping = True
            self._pending.clear()
            self._wake.notify_all()
        self._runner.interrupt.set()
        if self._thread is not None:
            self._thread.join(timeout=5)

    def next_number(self, front: bool = False) -> float:
        """The number of a new job; lower numbers run first."""
        with self._wake:
            number = self._next_number
            self._next_number += 1
        return -number if front else number

    def put(self, job: Job) -> None:
        with self._wake:
            self._pending.append(job)
            self._pending.sort(key=lambda each: each.number)
            self._wake.notify_all()
        self._changed()

    def remaining(self) -> int:
        with self._wake:
            return len(self._pending) + (self._running is not None)

    def running(self) -> list[Job]:
        with self._wake:
            return [self._running] if self._running else []

    def current_run(self) -> str | None:
        """A name for what runs now. A page may send a prompt's id again: that is another run."""
        with self._wake:
            return f"{self._running.prompt_id}/{self._runs}" if self._running else None

    def pending(self) -> list[Job]:
        with self._wake:
            return list(self._pending)

    def history(self) -> list[Job]:
        """Finished jobs, oldest first."""
        with self._wake:
            return list(self._history.values())

    def interrupt(self, prompt_id: str | None = None) -> None:
        """Stop the running job; with an id, only if that is the one that runs."""
        with self._wake:
            running = self._running
            if running and prompt_id in (None, running.prompt_id):
                self._runner.interrupt.set()

    def drop_pending(self, prompt_ids: set[str] | None = None) -> None:
        """Take waiting jobs out of the queue; None means all."""
        with self._wake:
            self._pending = [
                job
                for job in self._pending
                if prompt_ids is not None and job.prompt_id not in prompt_ids
            ]
        self._changed()

    def drop_history(self, prompt_ids: set[str] | None = None) -> None:
        """Forget finished jobs; None means all."""
        with self._wake:
            for prompt_id in list(self._history):
                if prompt_ids is None or prompt_id in prompt_ids:
                    del self._history[prompt_id]

    def _work(self) -> None:
        while True:
            with self._wake:
                self._wake.wait_for(lambda: self._stopping or self._pending)
                if self._stopping:
                    return
                job = self._running = self._pending.pop(0)
                self._runs += 1
            self._changed()
            job.started = time.time()
            try:
                job.result = self._runner.run(
                    job.prompt_id, job.prompt, job.outputs, job.extra_data
                )
            except Exception:
                # Errors of nodes are reported by the runner; this keeps the queue alive.
                log.exception("running a prompt failed")
                job.result = RunResult()
            self._finish(job)

    def _finish(self, job: Job) -> None:
        with self._wake:
            job.ended = time.time()
            self._running = None
            self._history[job.prompt_id] = job
            while len(self._history) > LONGEST_HISTORY:
                del self._history[next(iter(self._history))]
        self._changed()
