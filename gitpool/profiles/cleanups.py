"""Freeing disk space: what a profile takes, what a clean-up would free, and the clean-up."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable
from typing import Any

from ..errors import Conflict, Malformed
from ..git import cleanup, sweep
from ..git.repository import Repository
from ..git.thinning import DEFAULT, Keep
from ..pool.manifest import MANIFEST_NAME
from .jobs import Cancelled, Job
from .library import Library, size_below

_LONGEST = 36_500
_FIELDS = ("all", "hourly", "daily", "weekly")


class Cleanups:
    """Clean-ups of profiles' histories.

    syncing: whether a profile is being synced at this moment.
    """

    def __init__(self, library: Library, syncing: Callable[[str], bool]) -> None:
        self._library = library
        self._syncing = syncing

    def sizes(self, profile_id: str) -> dict[str, int]:
        """Bytes on disk, `{"files", "history"}`: the pool's files and its history. Changes
        nothing."""
        self._library.registry.get(profile_id)
        folder = self._library.folder(profile_id)
        repo = Repository(folder.path)
        files = sum(stat.st_size for stat in folder.image_files().values())
        with contextlib.suppress(FileNotFoundError):
            files += (folder.path / MANIFEST_NAME).stat().st_size
        return {"files": files, "history": size_below(repo.git) if repo.exists() else 0}

    def storage(self, profile_id: str, thumbnails: int = 0) -> dict[str, Any]:
        """`sizes`, `thumbnails`, and what a clean-up by the usual rule would free as
        `reclaimable`; and how many `images` and `snapshots` there are. Changes nothing."""
        sizes = self.sizes(profile_id)
        repo = Repository(self._library.path_of(profile_id))
        planned = cleanup.plan(repo, DEFAULT, self._library.now()) if repo.exists() else None
        return {
            **sizes,
            "thumbnails": thumbnails,
            "reclaimable": sweep.size(repo, planned.dead.all()) if planned else 0,
            "images": len(self._library.manifest(profile_id).slots),
            "snapshots": len(planned.order) if planned else 0,
        }

    def would_free(self, profile_id: str, keep: Keep) -> dict[str, Any]:
        """What `compact` would do: `{"dropped": snapshots, "kept": snapshots, "freed": bytes}`.
        Changes nothing."""
        self._library.registry.get(profile_id)
        repo = Repository(self._library.path_of(profile_id))
        planned = cleanup.plan(repo, keep, self._library.now()) if repo.exists() else None
        return _answer(repo, planned)

    def compact(self, profile_id: str, keep: Keep, job: Job | None = None) -> dict[str, Any]:
        """Take automatic snapshots out of the history, and free the bytes that only they
        needed. What `would_free` answers. A cancel counts until the history is changed.

        Raises Conflict while the profile is synced, or where its history was changed meanwhile.
        """
        library = self._library
        with library.open_profile(profile_id) as pool:
            repo = pool.repo
        check = job.check if job else lambda: None
        planned = cleanup.plan(repo, keep, library.now(), check)
        answer = _answer(repo, planned)
        if planned is None or not planned.dropped:
            return answer
        drafted = cleanup.draft(repo, planned, check)
        if job:
            job.report("free")
        with library.open_profile(profile_id) as pool:
            if self._syncing(profile_id):
                raise Conflict("busy", "The profile is being synced.", "Try again afterwards.")
            cleanup.carry_out(pool.repo, planned, _progress(job), drafted)
        library.changed(profile_id)
        return answer


def keep_of(raw: object) -> Keep:
    """A policy as a request says it: days for `all`, `hourly`, `daily`, `weekly`, null for ever;
    the usual one where it says nothing. Raises Malformed."""
    if raw is None:
        return DEFAULT
    if not isinstance(raw, dict) or not set(raw) <= set(_FIELDS):
        raise Malformed("bad_keep", f"“keep” must be an object of {', '.join(_FIELDS)}.")
    days, least = [], 0.0
    for field in _FIELDS:
        least = max(least, _days(raw[field]) if field in raw else getattr(DEFAULT, field))
        days.append(least)
    return Keep(*days)


def _days(value: object) -> float:
    if value is None:
        return math.inf
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise Malformed("bad_keep", "What is kept must be said in days.")
    if not 0 <= value <= _LONGEST:
        raise Malformed("bad_keep", f"Days must be from 0 to {_LONGEST}.")
    return float(value)


def _answer(repo: Repository, planned: cleanup.Plan | None) -> dict[str, Any]:
    if planned is None:
        return {"dropped": 0, "kept": 0, "freed": 0}
    freed = sweep.size(repo, planned.dead.all())
    return {"dropped": len(planned.dropped), "kept": planned.kept, "freed": freed}


def _progress(job: Job | None) -> sweep.Tick:
    def tell(done: int, total: int) -> None:
        if job:
            # The history is changed by now, so this goes on to its end.
            with contextlib.suppress(Cancelled):
                job.report("free", done, total, "objects")

    return tell
