"""Getting a profile from the remote that isn't here, or a second one beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import Conflict, NotFound, Unacceptable
from ..git import checkout, clone, marks, snapshots, tracking
from ..git.incoming import Quarantine, tag_commit
from ..git.messages import Message, parse_message
from ..git.refs import BRANCHES, TAGS
from ..git.repository import Identity, Repository
from ..git.tracking import Tracked
from ..identifiers import branch_of, check_name, free_name
from .jobs import Job
from .library import Library
from .profiles import Profiles
from .remotes import Head, Remotes
from .sync import Sync
from .sync_fetch import owner_of, receive


@dataclass
class _Found:
    """What the conversation with the remote brought to light."""

    refs: dict[str, str] = field(default_factory=dict)
    tip: str | None = None
    address: str = ""


class Arrivals:
    """Profiles that come from the default remote."""

    def __init__(self, library: Library, profiles: Profiles, remotes: Remotes, sync: Sync) -> None:
        self._library, self._profiles = library, profiles
        self._remotes, self._sync = remotes, sync

    def get(self, remote_branch: str, new_id: str, job: Job, copy: bool = False) -> dict[str, Any]:
        """Fetch a branch of the default remote as a profile, or sync the one it is here.

        new_id: for a branch that no profile's id is known of, and for a `copy`: a profile of
        its own, whatever is here. Gives the sync's result with the profile's `id` and `name`.
        """
        ref = BRANCHES + remote_branch
        with self._library.staging(f"get-{job.id}") as folder:
            quarantine = Quarantine(folder / "in", None, self._remotes.limits.receive)
            try:
                found = self._fetch(ref, quarantine, job)
                assert found.tip
                source = Repository(folder / "in", bare=True)
                owner = None if copy else owner_of(source, found.tip)
                if owner and self._library.registry.find(owner):
                    return self._sync.sync(owner, job) | {"id": owner}
                job.report("place")
                left_out = source.version(found.tip).told_left_out()
                entry = self._place(
                    source, quarantine, folder / "new", ref, found, owner, new_id, copy
                )
                source.objects.close()
            finally:
                quarantine.close()
        result = {"status": "pulled", "pushed": 0, "conflicts": []}
        pulled = self._count(entry["id"])
        more = {"left_out": left_out} if left_out else {}
        return {**result, "pulled": pulled, **more, **entry}

    def _fetch(self, ref: str, quarantine: Quarantine, job: Job) -> _Found:
        found = _Found(address=self._remotes.address(None).text)
        remote = job.outside(lambda: self._remotes.open(None))

        def choose(refs: dict[str, str]) -> list[str]:
            if ref not in refs:
                raise NotFound("unknown_remote_profile", "The remote doesn't hold this profile.")
            found.tip = refs[ref]
            return [refs[ref]]

        found.refs = receive(remote, choose, [], quarantine, job)
        return found

    def _place(
        self,
        source: Repository,
        quarantine: Quarantine,
        target: Path,
        ref: str,
        found: _Found,
        owner: str | None,
        new_id: str,
        copy: bool,
    ) -> dict[str, Any]:
        library, now, tip = self._library, self._library.now(), found.tip
        assert tip
        if not source.version(tip).is_pool:
            raise Unacceptable("no_pool", "That branch of the remote holds no pool.")
        message = parse_message(source.commit(tip).message)
        name = check_name(Head(ref, tip, message, 0, None).name)
        if owner and library.path_of(owner).exists():
            raise Conflict(
                "folder_taken",
                "A pool of the same id is here already.",
                "Make it a profile from the list of pools, then sync it.",
            )
        name = free_name(name, library.registry.names())
        identity = Identity(owner or new_id, name, now)
        tags = _tags(source, found.refs)
        if copy:
            text = Message(f"Get “{name}” from the remote", "duplicate", identity.id, name)
            repo = clone.clone(source, target, identity, tip, text, now, tags)
            return self._profiles.place(repo, identity)
        repo = Repository(target)
        target.mkdir()
        repo.create(identity)
        # The pack is one whole profile, and nothing else.
        source.objects.close()
        quarantine.install(repo.objects)
        for tag in quarantine.spare_tags:
            marks.set_aside(repo, tag)
        _show(repo, identity, tip, tags)
        snapshots.settle(repo, identity, now)
        snapshots.take(repo, identity, "auto", now)
        entry = self._profiles.place(repo, identity)
        self._note(entry, found.address, ref, tip, tags)
        return entry

    def _note(
        self, entry: dict[str, Any], address: str, ref: str, tip: str, tags: dict[str, str]
    ) -> None:
        library = self._library
        with library.locks.hold(entry["id"]):
            repo = Repository(library.path_of(entry["id"]))
            branch = BRANCHES + branch_of(entry["name"], entry["id"])
            tracking.write(repo, Tracked(address, branch, ref, tip, tags, library.now()))

    def _count(self, profile_id: str) -> int:
        repo = Repository(self._library.path_of(profile_id))
        tip = repo.tip()
        try:
            return len(clone.reach_commits(repo, tip)) if tip else 0
        finally:
            repo.objects.close()


def _show(repo: Repository, identity: Identity, tip: str, tags: dict[str, str]) -> None:
    """Set the branch and the tags, and put the files into the folder."""
    checkout.begin(repo, tip)
    repo.refs.swap(identity.branch, None, tip)
    checkout.finish(repo)
    for tag, object_id in tags.items():
        repo.refs.swap(tag, None, object_id)


def _tags(source: Repository, refs: dict[str, str]) -> dict[str, str]:
    marks: Sequence[str] = [ref for ref in refs if ref.startswith(f"{TAGS}snapshot-")]
    return {r: refs[r] for r in marks if tag_commit(source.objects, r, refs[r])}
