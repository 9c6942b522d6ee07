"""Snapshots by themselves: one for each burst of edits, once things have been quiet."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from ..errors import Conflict, DiskFailed, GitPoolError

log = logging.getLogger("gitpool")

LONGEST_WAIT = 60.0
RETRY = 30.0
_LAST_SNAPSHOT = 30.0


class AutoSnapshots:
    """Calls `take(profile_id)` when a profile's edits have paused for `delay` seconds.

    Edits that never pause are snapshotted once a minute all the same.
    """

    def __init__(self, take: Callable[[str], None], delay: float) -> None:
        self._take = take
        self.delay = delay
        self._due: dict[str, tuple[float, float]] = {}
        self._wake = threading.Condition()
        self._thread: threading.Thread | None = None
        self._stopped = False

    def edited(self, profile_id: str) -> None:
        """Note an edit; the profile's quiet time starts again."""
        with self._wake:
            now = time.monotonic()
            _, first = self._due.get(profile_id, (0.0, now))
            self._due[profile_id] = (min(now + self.delay, first + LONGEST_WAIT), first)
            if self._thread is None and not self._stopped:
                self._thread = threading.Thread(
                    target=self._run, name="gitpool-snapshots", daemon=True
                )
                self._thread.start()
            self._wake.notify()

    def flush(self) -> None:
        """Take every snapshot that is waited for, now, in this thread."""
        with self._wake:
            due, self._due = list(self._due), {}
        for profile_id in due:
            self._try(profile_id)

    def stop(self) -> None:
        """Flush, once the one being taken is done, and take no more."""
        with self._wake:
            self._stopped = True
            self._wake.notify()
            thread = self._thread
        if thread is not None:
            thread.join(_LAST_SNAPSHOT)
        self.flush()

    def _run(self) -> None:
        while True:
            with self._wake:
                if self._stopped:
                    return
                now = time.monotonic()
                ready = [name for name, (at, _) in self._due.items() if at <= now]
                for name in ready:
                    del self._due[name]
                if not ready:
                    next_at = min((at for at, _ in self._due.values()), default=now + 3600)
                    self._wake.wait(max(0.01, next_at - now))
            for name in ready:
                self._try(name)

    def _later(self, profile_id: str, why: str) -> None:
        log.error("Git Pool couldn't snapshot a profile, and tries again: %s", why)
        with self._wake:
            now = time.monotonic()
            self._due.setdefault(profile_id, (now + RETRY, now))
            self._wake.notify()

    def _try(self, profile_id: str) -> None:
        try:
            self._take(profile_id)
        except OSError as error:
            self._later(profile_id, error.strerror or "")
        except Conflict as error:
            # Another program, a git user's git, is at it just now.
            self._later(profile_id, error.message)
        except DiskFailed as error:
            # It was edited elsewhere, if at all.
            log.info("Git Pool can't snapshot a profile: %s", error.message)
        except GitPoolError as error:
            log.error("Git Pool couldn't snapshot a profile: %s %s", error.message, error.hint)
        except Exception:
            log.exception("Git Pool couldn't snapshot a profile")
