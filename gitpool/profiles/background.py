"""Syncs in the background: begun by a person or by themselves, and again after a restart."""

from __future__ import annotations

import contextlib
import json
import logging
import threading
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ..errors import GitPoolError
from ..pool import durable
from ..pool.reading import read_file
from .arrivals import Arrivals
from .jobs import Job, Jobs
from .remotes import Remotes
from .sync import Sync

log = logging.getLogger("gitpool")

PENDING = "syncing.json"
LOOK_EVERY = 300.0


class Background:
    """The jobs that talk to remotes.

    user: the folder where begun syncs are noted. changed: told a profile's id when more is known
    of its remote.
    """

    def __init__(
        self,
        jobs: Jobs,
        sync: Sync,
        arrivals: Arrivals,
        remotes: Remotes,
        user: Path,
        changed: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.jobs = jobs
        self._changed = changed
        self._sync, self._arrivals, self._remotes = sync, arrivals, remotes
        self._note = user / PENDING
        self._lock = threading.Lock()
        self._stop = threading.Event()

    def sync(self, job_id: str, profile_id: str, again: bool = False) -> Job:
        """Begin a sync, or give the one that runs. Raises Conflict where no remote is set."""
        lane = self._remotes.address(profile_id).text

        def work(job: Job) -> dict[str, Any]:
            self._remember(profile_id, True)
            try:
                return self._sync.sync(profile_id, job, again)
            finally:
                # What the end of the program cut off is begun again by the next one.
                if not self._stop.is_set():
                    self._remember(profile_id, False)

        return self.jobs.start(job_id, profile_id, lane, work)

    def get(self, job_id: str, remote_branch: str, new_id: str, copy: bool = False) -> Job:
        """Begin to fetch a profile that isn't here."""
        lane = self._remotes.address(None).text

        def work(job: Job) -> dict[str, Any]:
            return self._arrivals.get(remote_branch, new_id, job, copy)

        return self.jobs.start(job_id, f"remote:{remote_branch}", lane, work)

    def test(self, job_id: str, profile_id: str | None, body: Mapping[str, Any]) -> Job:
        """Begin to try an address. A malformed one is refused at once."""
        given = self._remotes.given(body)

        def work(job: Job) -> dict[str, Any]:
            job.report("connect")
            return job.outside(lambda: self._remotes.test(profile_id, *given))

        return self.jobs.start(job_id, f"test:{job_id}", f"test:{job_id}", work)

    def remove(self, job_id: str, remote_branch: str) -> Job:
        """Begin to remove a profile from the default remote; nothing here is touched."""
        lane = self._remotes.address(None).text

        def work(job: Job) -> dict[str, Any]:
            job.report("send")
            return job.outside(lambda: self._remotes.remove(remote_branch))

        return self.jobs.start(job_id, f"remote:{remote_branch}", lane, work)

    def begin(self, profiles: Callable[[], list[str]]) -> None:
        """Go on with what a restart cut off, and sync by itself if that is set.

        profiles: the ids of those that are here.
        """
        for profile_id in self._remembered():
            self._try(profile_id)
        threading.Thread(
            target=self._look_again, args=(profiles,), name="gitpool-sync", daemon=True
        ).start()

    def edited(self, profile_id: str) -> None:
        """A profile has a new snapshot; sync it, if that goes by itself."""
        if self._remotes.settings.auto_sync and not self._stop.is_set():
            self._try(profile_id)

    def stop(self) -> None:
        """Cancel all jobs; those that were begun are noted."""
        self._stop.set()
        self.jobs.stop()

    def _look_again(self, profiles: Callable[[], list[str]]) -> None:
        first = True
        while first or not self._stop.wait(LOOK_EVERY):
            first = False
            if self._remotes.settings.auto_sync:
                for profile_id in profiles():
                    self._try(profile_id)
            else:
                self._look(profiles())

    def _look(self, profiles: list[str]) -> None:
        """See which profiles have something newer on their remotes; ask each remote once."""
        asked = set()
        for profile_id in profiles:
            try:
                address = self._remotes.address(profile_id).text
                if address not in asked and not self._stop.is_set():
                    asked.add(address)
                    self._remotes.look(profile_id)
            except GitPoolError as error:
                log.debug("Git Pool: a remote isn't asked: %s", error.message)
        if asked:
            for profile_id in profiles:
                self._changed(profile_id)

    def _try(self, profile_id: str) -> None:
        try:
            self.sync(uuid.uuid4().hex, profile_id)
        except GitPoolError as error:
            log.info("Git Pool: a profile isn't synced: %s", error.message)

    def _remember(self, profile_id: str, begun: bool) -> None:
        with self._lock:
            before = self._remembered()
            after = sorted({*before, profile_id} if begun else set(before) - {profile_id})
            if after == before:
                return
            if after:
                durable.make_folder(self._note.parent)
                durable.write_file(self._note, json.dumps(after).encode())
            else:
                self._note.unlink(missing_ok=True)

    def _remembered(self) -> list[str]:
        with contextlib.suppress(OSError, ValueError):
            raw = json.loads(read_file(self._note))
            if isinstance(raw, list):
                return sorted(str(entry) for entry in raw)
        return []
