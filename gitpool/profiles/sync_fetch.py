"""The fetching half of a sync: what the remote has of a profile, into quarantine and examined."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence

from ..errors import Conflict, Damaged, NotFound
from ..git.ancestry import first_line, is_ancestor, merge_bases
from ..git.incoming import Quarantine
from ..git.messages import parse_message
from ..git.repository import Repository
from ..remote.transport import Choose, Remote
from .jobs import Job
from .sync_plan import Side, name_taken_there, own_tags, their_branch, wanted_branch

_HAVES = 200


class Fetch:
    """One conversation with the remote: its refs, and what of it is new, in quarantine."""

    def __init__(
        self,
        side: Side,
        repo: Repository,
        remote: Remote,
        quarantine: Quarantine,
        job: Job,
        again: bool,
    ) -> None:
        self.side, self._repo, self.remote = side, repo, remote
        self.quarantine, self._job, self._again = quarantine, job, again
        self.refs: dict[str, str] = {}
        self.branch: str | None = None

    def anew(self, quarantine: Quarantine) -> Fetch:
        """The same conversation, to be held once more."""
        return Fetch(self.side, self._repo, self.remote, quarantine, self._job, self._again)

    @property
    def theirs(self) -> str | None:
        """Their newest snapshot; None where they have none of this profile."""
        return self.refs.get(self.branch) if self.branch else None

    @property
    def target(self) -> str:
        """The branch to push to."""
        return wanted_branch(self.side, self.branch)

    @property
    def renamed_there(self) -> bool:
        """Whether the profile got another name there since the last sync."""
        tracked = self.side.tracked
        return bool(tracked and self.branch and self.branch != tracked.remote_branch)

    def run(self, whole: bool = False) -> None:
        """Fetch and examine. Raises Conflict where the remote isn't what it was.

        whole: ask for all of it, whatever is here already.
        """
        haves = [] if whole else haves_of(self._repo, self.side)
        self.refs = receive(self.remote, self._choose, haves, self.quarantine, self._job)
        if self.theirs:
            self._check_line(self.theirs)

    def _choose(self, refs: dict[str, str]) -> list[str]:
        self.branch = their_branch(self.side, refs, self._owners, self._again)
        objects = self._repo.objects
        wanted = [refs[self.branch]] if self.branch else []
        wanted += own_tags(refs, objects.has_prefix).values()
        return [o for o in dict.fromkeys(wanted) if o not in objects]

    def _owners(self, tips: Sequence[str]) -> Mapping[str, str | None]:
        """Whose the remote's newest snapshots are, asked of the remote where we can't know."""
        here = [tip for tip in tips if tip in self._repo.objects]
        found = {tip: owner_of(self._repo, tip) for tip in here}
        away = [tip for tip in tips if tip not in found]
        raw = self.remote.peek(away)
        for tip in away:
            found[tip] = _owner_in(raw.get(tip))
        return found

    def _check_line(self, theirs: str) -> None:
        """Raise Conflict where their history doesn't go on from the one that is known."""
        side, tracked = self.side, self.side.tracked
        known = tracked.tip if tracked else None
        if known and not self._again and self._is_here(known):
            if not is_ancestor(self._parents, known, theirs):
                raise Conflict(
                    "remote_rewritten",
                    "The remote's history of this profile was replaced by another.",
                    "Both are kept. Sync with it all the same, or get the remote's beside yours.",
                )
            return
        if is_ancestor(self._parents, theirs, side.tip):
            return
        if not merge_bases(self._parents, side.tip, theirs):
            if not tracked and self._owner_of(theirs) != side.id:
                raise name_taken_there(self.branch or side.branch)
            raise Conflict(
                "remote_unrelated",
                "The remote's profile has nothing in common with this one.",
                "Both are kept. Get the remote's beside yours, and copy over what you want.",
            )

    def _is_here(self, commit: str) -> bool:
        return commit in self._repo.objects or commit in self.quarantine.objects

    def _parents(self, commit: str) -> list[str]:
        if commit in self.quarantine.objects:
            obj = self.quarantine.objects.read(commit)
            return [parent.decode() for parent in obj.parents]  # type: ignore[attr-defined]
        return self._repo.parents(commit)

    def _owner_of(self, tip: str) -> str | None:
        def message(commit: str) -> bytes:
            here = commit in self.quarantine.objects
            objects = self.quarantine.objects if here else self._repo.objects
            return objects.read(commit).message  # type: ignore[attr-defined]

        return first_owner(message, self._parents, tip)


def receive(
    remote: Remote, choose: Choose, haves: Sequence[str], quarantine: Quarantine, job: Job
) -> dict[str, str]:
    """Fetch what `choose` names into quarantine, and examine it; gives the remote's refs.

    Raises RemoteFailed, Unacceptable, Cancelled.
    """
    wanted: list[str] = []

    def chosen(refs: dict[str, str]) -> list[str]:
        wanted[:] = choose(refs)
        return wanted

    def sink(data: bytes) -> int:
        written = quarantine.write(data)
        job.report("receive", quarantine.received, 0, "bytes")
        return written

    job.report("connect")
    refs = job.outside(lambda: remote.fetch(chosen, haves, sink))
    job.report("check")
    quarantine.examine(wanted, lambda: job.report("check"))
    return refs


def first_owner(
    message: Callable[[str], bytes], parents: Callable[[str], Sequence[str]], tip: str
) -> str | None:
    """The profile that the newest snapshot with trailers names, along first parents."""
    for commit in first_line(parents, tip):
        if found := parse_message(message(commit)).profile_id:
            return found
    return None


def owner_of(repo: Repository, tip: str) -> str | None:
    """Whose a snapshot is that is here."""
    with contextlib.suppress(Damaged, NotFound):
        return first_owner(lambda c: repo.commit(c).message, repo.parents, tip)
    return None


def haves_of(repo: Repository, side: Side) -> list[str]:
    """What to tell the remote that is here: the newest, then ever further steps back."""
    told = [side.tracked.tip] if side.tracked and side.tracked.tip in repo.objects else []
    step = 1
    for index, commit in enumerate(first_line(repo.parents, side.tip)):
        if index % step == 0:
            told.append(commit)
        if len(told) >= _HAVES:
            break
        step = 1 << max(0, index.bit_length() - 5)
    return list(dict.fromkeys(told))


def _owner_in(raw: bytes | None) -> str | None:
    if raw is None:
        return None
    return parse_message(raw.partition(b"\n\n")[2]).profile_id or None
