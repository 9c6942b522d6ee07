"""What a sync has to do, decided from what both sides have. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from ..errors import Conflict
from ..git.refs import BRANCHES, TAGS
from ..git.tracking import Tracked
from ..identifiers import name_of_branch
from ..remote.transport import RefUpdate

_MARK = re.compile(rf"{TAGS}snapshot-[0-9a-f]{{12}}")

Owners = Callable[[Sequence[str]], Mapping[str, str | None]]


@dataclass(frozen=True)
class Side:
    """A profile here, as a sync finds it.

    address: where it syncs to. branch: a full ref. tags: names and locks.
    """

    id: str
    address: str
    branch: str
    tip: str
    tracked: Tracked | None = None
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def renamed(self) -> bool:
        """Whether the profile got another name here since the last sync."""
        return self.tracked is not None and self.tracked.branch != self.branch


def their_branch(
    side: Side, refs: Mapping[str, str], owners: Owners, again: bool = False
) -> str | None:
    """The remote's branch of this profile; None where it has to be made.

    owners: whose the commits are, by id, None where that can't be told. again: send the profile
    anew where the remote lost it. Raises Conflict where a person has to choose.
    """
    branches = {ref: tip for ref, tip in refs.items() if ref.startswith(BRANCHES)}
    found = _known(side, branches) or _claimed(side, branches, owners)
    if found is None and side.tracked and not again:
        raise Conflict(
            "remote_gone",
            "The remote doesn't hold this profile any more.",
            "Send it again, or keep it on this machine only.",
        )
    target = wanted_branch(side, found)
    if target != found and target in branches:
        raise name_taken_there(target)
    return found


def wanted_branch(side: Side, found: str | None) -> str:
    """The name that the profile's branch shall have there."""
    return side.branch if found is None or side.renamed else found


def _known(side: Side, branches: Mapping[str, str]) -> str | None:
    tracked = side.tracked
    return tracked.remote_branch if tracked and tracked.remote_branch in branches else None


def _claimed(side: Side, branches: Mapping[str, str], owners: Owners) -> str | None:
    """A branch that isn't known yet, or was renamed there: its newest snapshot says whose it is."""
    if not branches:
        return None
    whose = owners(list(dict.fromkeys(branches.values())))
    ours = [ref for ref, tip in branches.items() if whose.get(tip) == side.id]
    if ours:
        return side.branch if side.branch in ours else min(ours)
    if side.branch in branches and whose.get(branches[side.branch]) is None:
        # A git user's snapshot is on top; whether it is ours, its history will say.
        return side.branch
    return None


def merge_tags(
    base: Mapping[str, str], ours: Mapping[str, str], theirs: Mapping[str, str]
) -> tuple[dict[str, str | None], list[RefUpdate]]:
    """Names and locks of both sides: what to set (or, None, remove) here, and what there.

    Where both changed the same one, ours stays.
    """
    here: dict[str, str | None] = {}
    there = []
    for ref in sorted({*base, *ours, *theirs}):
        was, mine, other = base.get(ref), ours.get(ref), theirs.get(ref)
        if mine == other:
            continue
        if mine == was:
            here[ref] = other
        else:
            there.append(RefUpdate(ref, other, mine))
    return here, there


def own_tags(refs: Mapping[str, str], is_known: Callable[[str], bool]) -> dict[str, str]:
    """The names and locks among a remote's refs that are of snapshots which are here.

    is_known: whether a snapshot's first digits are.
    """
    prefix = f"{TAGS}snapshot-"
    return {
        ref: object_id
        for ref, object_id in refs.items()
        if _MARK.fullmatch(ref) and is_known(ref.removeprefix(prefix))
    }


def name_taken_there(branch: str) -> Conflict:
    """The remote has another profile of that name."""
    name = name_of_branch(branch.removeprefix(BRANCHES))
    return Conflict(
        "name_taken_there",
        f"The remote holds another profile named “{name}”.",
        "Rename this one and sync again, or get the other one beside it.",
    )
