"""Git Pool put together: one object that holds every use case, for routes and nodes."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from .errors import DiskFailed
from .pool.early_ends import EarlyEnds
from .pool.thumbnails import ThumbnailCache
from .profiles.arrivals import Arrivals
from .profiles.autosnapshots import AutoSnapshots
from .profiles.background import Background
from .profiles.cleanups import Cleanups
from .profiles.conflicts import Conflicts
from .profiles.exchange import Exchange
from .profiles.jobs import Jobs
from .profiles.library import Library
from .profiles.pools import Pools
from .profiles.profiles import Profiles
from .profiles.remotes import Remotes
from .profiles.sync import Sync
from .profiles.versions import Versions

log = logging.getLogger("gitpool")

DEFAULT_DELAY = 3.0


class Service:
    """All of Git Pool over one folder of pools.

    base: `<input>/grid_pool`. user: where settings and thumbnails lie. clock: seconds since
    1970. changed: told a pool's id after any change. delay: quiet seconds before a snapshot.
    progress: told how far a job is. environment: where remotes and tokens may be named.
    """

    def __init__(
        self,
        base: Path,
        user: Path,
        clock: Callable[[], float],
        changed: Callable[[str], None] = lambda _: None,
        delay: float = DEFAULT_DELAY,
        progress: Callable[[dict[str, Any]], None] = lambda _: None,
        environment: Mapping[str, str] = os.environ,
    ) -> None:
        self.library = Library(base, clock, changed)
        self.pools = Pools(self.library, EarlyEnds(user / "early_ends"))
        self.profiles = Profiles(self.library)
        self.versions = Versions(self.library)
        self.exchange = Exchange(self.library, self.profiles)
        self.thumbnails = ThumbnailCache(user / "thumbnails")
        self.autosnapshots = AutoSnapshots(self._take, delay)
        self.library.edited = self._edited
        self.remotes = Remotes(self.library, user, environment)
        self.conflicts = Conflicts(self.library, self.profiles.rename)
        self.sync = Sync(self.library, self.remotes)
        self.arrivals = Arrivals(self.library, self.profiles, self.remotes, self.sync)
        jobs = Jobs(progress)
        self.cleanups = Cleanups(self.library, jobs.is_busy)
        self.background = Background(jobs, self.sync, self.arrivals, self.remotes, user, changed)

    def start(self) -> None:
        """Tidy up, and have whatever was edited while nobody looked snapshotted soon."""
        self.library.clean_staging()
        try:
            self.profiles.purge()
        except DiskFailed as error:
            log.warning("Git Pool: %s", error.message)
        for entry in self.library.registry.entries():
            self.autosnapshots.edited(entry.id)
        self.background.begin(lambda: [e.id for e in self.library.registry.entries()])
        self.thumbnails.trim()

    def stop(self) -> None:
        """Take the snapshots that are waited for, and end what talks to remotes."""
        self.background.stop()
        self.autosnapshots.stop()

    def storage(self, profile_id: str) -> dict[str, Any]:
        """What a profile takes on the disk, as `Cleanups.storage` says it, thumbnails too."""
        contents = self.versions.content_ids(profile_id)
        return self.cleanups.storage(profile_id, self.thumbnails.size_of(contents))

    def _take(self, profile_id: str) -> None:
        if self.versions.take(profile_id):
            self.background.edited(profile_id)

    def _edited(self, pool_id: str) -> None:
        if self.library.registry.find(pool_id):
            self.autosnapshots.edited(pool_id)


def delay_from(environment: os._Environ[str] | dict[str, str]) -> float:
    """`GITPOOL_SNAPSHOT_DELAY` in seconds, or the default where it isn't a number."""
    try:
        delay = float(environment.get("GITPOOL_SNAPSHOT_DELAY", DEFAULT_DELAY))
    except ValueError:
        return DEFAULT_DELAY
    return delay if 0 <= delay < 86400 else DEFAULT_DELAY
