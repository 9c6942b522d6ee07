"""Sync: snapshot, fetch, merge, push. Whatever point it is cut off at, it is simply done again.

The network is waited for without any lock, so nobody's edit waits; what comes from it counts
only once all of it is examined, and then in one step under the profile's lock.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..errors import Conflict, NotFound, RemoteFailed, Unacceptable
from ..git import holders, marks, snapshots, tracking, unfinished
from ..git.ancestry import is_ancestor, missing_from
from ..git.incoming import Quarantine, tag_commit
from ..git.integrate import Integrated, integrate
from ..git.merge import MergeConflict
from ..git.messages import parse_message
from ..git.outgoing import Outgoing, outgoing
from ..git.refs import BRANCHES, KEPT, TAGS
from ..git.repository import Identity, Repository
from ..git.tracking import Tracked
from ..identifiers import free_name, name_of_branch
from ..remote.failures import KEEPS_NAME, OFFLINE
from ..remote.transport import RefUpdate, Remote, RemoteMoved
from . import conflicts
from .jobs import Job
from .library import Library, OpenProfile
from .profiles import require_free_branch
from .remotes import Head, Remotes
from .sync_fetch import Fetch
from .sync_plan import Side, merge_tags

_TRIES = 6
_FIRST_PAUSE = 0.2
_LONGEST_PAUSE = 5.0


@dataclass(frozen=True)
class Taken:
    """What came in and what is left to send."""

    remote: Remote
    side: Side
    theirs: str | None
    target: str
    old_name: str | None
    how: str
    took: bool
    pulled: int
    conflicts: list[dict[str, Any]]
    updates: list[RefUpdate]
    objects: Outgoing
    tags: dict[str, str]
    left_out: list[dict[str, str]]


class Sync:
    """Syncs profiles with their remotes."""

    def __init__(self, library: Library, remotes: Remotes) -> None:
        self._library = library
        self._remotes = remotes

    def sync(self, profile_id: str, job: Job, again: bool = False) -> dict[str, Any]:
        """`{"status": up_to_date|pushed|pulled|merged, "pushed", "pulled", "conflicts"}`, and,
        where something couldn't be taken, `left_out`.

        again: send the profile anew where the remote lost it, or was set back.
        Raises Conflict where a person has to choose, RemoteFailed, Unacceptable.
        """
        pulled, found, left_out = 0, [], []
        pause = _FIRST_PAUSE
        for attempt in range(_TRIES):
            try:
                taken = self._take_in(profile_id, job, f"{job.id}-{attempt}", again)
                pulled, found = pulled + taken.pulled, found + taken.conflicts
                left_out = taken.left_out or left_out
                self._send(profile_id, job, taken)
                more = {"left_out": left_out} if left_out else {}
                return _result(taken, pulled, found) | more
            except RemoteMoved:
                # Two machines that lost the same race must not meet again at once.
                job.pause(pause * random.uniform(0.5, 1.5))
                pause = min(2 * pause, _LONGEST_PAUSE)
            except RemoteFailed as error:
                if error.code in OFFLINE:
                    self._remotes.saw(self._remotes.address(profile_id).text, "", None)
                raise
        raise RemoteMoved

    def _take_in(self, profile_id: str, job: Job, scratch: str, again: bool) -> Taken:
        job.report("snapshot")
        address = self._remotes.address(profile_id).text
        # Asking git's credential helper may take its time.
        remote = job.outside(lambda: self._remotes.open(profile_id))
        with self._library.open_profile(profile_id) as pool:
            side = self._snapshot(pool, address)
            cleaned = pool.repo.cleaned()
        repo = Repository(self._library.path_of(profile_id))
        with self._library.staging(f"sync-{scratch}") as folder:
            fetch = Fetch(side, repo, remote, self._quarantine(folder, repo), job, again)
            try:
                fetch = self._fetch(fetch, repo, folder)
                with self._library.open_profile(profile_id) as pool:
                    if pool.repo.cleaned() != cleaned:
                        # What was examined counted on objects that may be gone.
                        raise RemoteMoved
                    return self._integrate(pool, side, fetch, job)
            finally:
                fetch.quarantine.close()
                repo.objects.close()

    def _quarantine(self, folder: Path, known: Repository | None) -> Quarantine:
        limit = self._remotes.limits.receive
        return Quarantine(folder, known.objects if known else None, limit)

    def _fetch(self, fetch: Fetch, repo: Repository, folder: Path) -> Fetch:
        try:
            fetch.run()
        except Unacceptable:
            if not repo.shallow():
                raise
            # The remote counts on all that ever was here; a clean-up took some of it away.
            fetch.quarantine.close()
            fetch = fetch.anew(self._quarantine(folder / "whole", None))
            fetch.run(whole=True)
        return fetch

    def _snapshot(self, pool: OpenProfile, address: str) -> Side:
        repo, identity = pool.repo, pool.identity
        # Half of what a clean-up takes away would count as being here.
        unfinished.finish(repo)
        snapshots.take(repo, identity, "auto", self._library.now())
        branch = identity.branch
        tracked = tracking.read(repo)
        if tracked and tracked.address != address:
            tracked = None
        renamed = tracked is not None and tracked.branch != branch
        if renamed and name_of_branch(branch.removeprefix(BRANCHES)) != identity.name:
            # The branch had to be cut, so a snapshot carries the whole name.
            text = f"Rename to “{identity.name}”"
            now = self._library.now()
            snapshots.take(repo, identity, "auto", now, text, even_if_unchanged=True)
        tip = repo.tip()
        if tip is None:
            raise NotFound("no_snapshots", "This profile has no snapshots yet.")
        return Side(identity.id, address, branch, tip, tracked, _marks(repo))

    def _integrate(self, pool: OpenProfile, side: Side, fetch: Fetch, job: Job) -> Taken:
        job.report("merge")
        quarantine = fetch.quarantine
        repo, identity, now = pool.repo, pool.identity, self._library.now()
        arriving = [fetch.theirs] if fetch.theirs else []
        with holders.arriving(repo, [*arriving, *quarantine.spare_tags]):
            quarantine.install(repo.objects)
            repo.lift_shallow()
            for tag in quarantine.spare_tags:
                marks.set_aside(repo, tag)
            if fetch.branch and fetch.theirs:
                tracking.point(repo, fetch.branch, fetch.theirs)
        snapshots.take(repo, identity, "auto", now)
        before, theirs = repo.tip(), fetch.theirs
        assert before
        result, pulled = Integrated("none"), 0
        left_out: list[dict[str, str]] = []
        if theirs and not is_ancestor(repo.parents, theirs, before):
            pulled = len(missing_from(repo.parents, theirs, {before}))
            result = integrate(repo, identity, theirs, now)
            left_out = repo.version(theirs).told_left_out()
        found = [describe_conflict(repo, c, before, theirs) for c in result.conflicts]
        snapshots.take(repo, identity, "auto", now)
        identity, renamed = self._follow_name(pool, side, fetch)
        if identity != pool.identity:
            side = replace(side, branch=identity.branch)
        found += renamed
        conflicts.add(repo, found)
        taken = replace(self._plan(repo, side, fetch, result, pulled, found), left_out=left_out)
        if result.how != "none" or identity != pool.identity:
            self._library.changed(side.id)
        return taken

    def _plan(
        self,
        repo: Repository,
        side: Side,
        fetch: Fetch,
        result: Integrated,
        pulled: int,
        found: list[dict[str, Any]],
    ) -> Taken:
        """Set names and locks here, and list the refs to set there."""
        tip = repo.tip()
        assert tip
        tracked = side.tracked
        theirs = {r: o for r, o in fetch.refs.items() if tag_commit(repo.objects, r, o)}
        base = dict(tracked.tags) if tracked else {}
        ours = _marks(repo)
        here, there = merge_tags(base, ours, theirs)
        for ref, object_id in here.items():
            marks.replace(repo, ref, object_id)
        target = fetch.target
        updates = [update for update in there if fetch.refs.get(update.ref) == update.old]
        if fetch.refs.get(target) != tip:
            updates = [RefUpdate(target, fetch.refs.get(target), tip), *updates]
        old_name = fetch.branch if fetch.branch != target else None
        if old_name:
            updates = [*updates, RefUpdate(old_name, fetch.refs[old_name], None)]
        objects = Outgoing(repo.objects, [])
        if updates:
            known = [commit for ref, commit in fetch.refs.items() if ref.startswith(BRANCHES)]
            if tracked and fetch.theirs and is_ancestor(repo.parents, tracked.tip, fetch.theirs):
                # What a clean-up kept in pieces is there, and so is what it took away.
                known += repo.refs.all(KEPT).values()
            objects = outgoing(repo, tip, known, [u.new for u in there if u.new])
            _require_whole(repo, objects)
        after = replace(side, tip=tip)
        return Taken(
            fetch.remote,
            after,
            fetch.theirs,
            target,
            old_name,
            result.how,
            bool(here) or result.how != "none" or side.branch != fetch.side.branch,
            pulled,
            found,
            updates,
            objects,
            _marks(repo),
            [],
        )

    def _follow_name(
        self, pool: OpenProfile, side: Side, fetch: Fetch
    ) -> tuple[Identity, list[dict[str, Any]]]:
        """Take over a rename made elsewhere; where both sides renamed it, this one's stays."""
        library, identity, repo = self._library, pool.identity, pool.repo
        if not fetch.renamed_there or not fetch.branch or not fetch.theirs:
            return identity, []
        message = parse_message(repo.commit(fetch.theirs).message)
        name = Head(fetch.branch, fetch.theirs, message, 0, None).name
        if side.renamed:
            if name == identity.name:
                return identity, []
            return identity, [
                conflicts.entry(None, "name", {"name": identity.name}, {"name": name})
            ]
        with library.registry_lock() as registry:
            name = free_name(name, registry.names(but=side.id))
            renamed = replace(identity, name=name)
            require_free_branch(repo, renamed)
            registry.put(renamed)
            snapshots.settle(repo, renamed, library.now())
        return renamed, []

    def _send(self, profile_id: str, job: Job, taken: Taken) -> None:
        if taken.updates:
            total = len(taken.objects.ids)
            job.report("send", 0, total, "objects")
            remote = taken.remote

            def sent(done: int, _: int) -> None:
                job.report("send", done, total, "objects")

            try:
                job.outside(lambda: remote.push(taken.updates, taken.objects, sent))
            except RemoteFailed as error:
                if error.code != KEEPS_NAME or not taken.old_name:
                    raise
                # Then the profile goes by its old name there, and by its new one here.
                taken = _without_rename(taken)
                job.outside(lambda: remote.push(taken.updates, taken.objects, sent))
        taken.objects.objects.close()
        self._note(profile_id, taken)

    def _note(self, profile_id: str, taken: Taken) -> None:
        library, side = self._library, taken.side
        tracked = Tracked(
            side.address,
            side.branch,
            taken.target,
            side.tip,
            taken.tags,
            library.now(),
        )
        self._remotes.saw(tracked.address, tracked.remote_branch, tracked.tip)
        with library.locks.hold(profile_id):
            repo = Repository(library.path_of(profile_id))
            here = library.registry.find(profile_id) and repo.exists()
            # Another program may have cleaned up meanwhile what never was synced before.
            if here and side.tip in repo.objects:
                tracking.write(repo, tracked)


def describe_conflict(
    repo: Repository, conflict: MergeConflict, ours: str, theirs: str | None
) -> dict[str, Any]:
    """A conflict as the page shows it: where to find both sides' files, or their words."""
    what = conflict.what
    if what == "label":
        sides = [{"label": conflict.kept}, {"label": conflict.other}]
    elif what == "order":
        sides = [{"images": conflict.kept}, {"images": conflict.other}]
    else:
        sides = [
            _file_side(repo, snapshot, blob, what)
            for snapshot, blob in ((ours, conflict.kept), (theirs, conflict.other))
        ]
    return conflicts.entry(conflict.slot, what, *sides)


def _file_side(repo: Repository, snapshot: str | None, blob: str, what: str) -> dict[str, Any]:
    version = repo.version(snapshot)
    for slot in version.manifest.slots:
        name = slot.mask if what == "mask" else slot.image
        if name and version.blobs.get(name) == blob:
            return {"snapshot": snapshot, "image": slot.image, "mask": slot.mask, "blob": blob}
    return {"snapshot": snapshot, "image": None, "mask": None, "blob": blob}


def _require_whole(repo: Repository, objects: Outgoing) -> None:
    if repo.shallow().intersection(objects.ids):
        raise Conflict(
            "history_cleaned",
            "Older snapshots were cleaned up here, so the rest can't go where none of it is yet.",
            "Duplicate the profile and sync the copy.",
        )


def _without_rename(taken: Taken) -> Taken:
    """The same, under the name that the remote knows."""
    tip, name = taken.side.tip, taken.old_name
    assert name
    updates = [u for u in taken.updates if u.ref not in (taken.target, name)]
    if taken.theirs != tip:
        updates.append(RefUpdate(name, taken.theirs, tip))
    return replace(taken, updates=updates, target=name, old_name=None)


def _result(taken: Taken, pulled: int, found: list[dict[str, Any]]) -> dict[str, Any]:
    status = "up_to_date"
    if taken.how == "merge":
        status = "merged"
    elif pulled or taken.took:
        status = "pulled"
    elif taken.updates:
        status = "pushed"
    pushed = taken.objects.commits if taken.updates else 0
    return {"status": status, "pushed": pushed, "pulled": pulled, "conflicts": found}


def _marks(repo: Repository) -> dict[str, str]:
    return {
        ref: object_id
        for ref, object_id in repo.refs.all(TAGS).items()
        if tag_commit(repo.objects, ref, object_id)
    }
