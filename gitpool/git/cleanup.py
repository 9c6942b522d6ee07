"""The clean-up that a person asks for: fewer automatic snapshots, and the bytes freed that only
they needed. Planned without changing anything, then carried out so that a crash leaves the old
history or the new one.

Where the history was never synced, it is written anew without them. Where a remote has it,
every id must stay: the snapshots that are kept then stay as they are, cut off from those before
them in git's own file for that (`.git/shallow`), each held by a ref.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, replace

from dulwich.objects import Commit, Tag

from ..errors import Conflict
from ..pool import durable
from . import holders, indexed, leftovers, marks, rewrite, sweep, tracking
from .ancestry import ancestors, missing_from
from .descent import Made, believed, made_of, not_before_parents
from .messages import parse_message
from .refs import KEPT, TAGS
from .repository import CLEANED, Repository
from .snapshots import utc_offset
from .thinning import Keep, thin
from .unfinished import NOTE, Change, finish

# Made by a person's hand.
_OWN = ("named", "")


@dataclass(frozen=True)
class Plan:
    """What would go. order: the history, parents first. synced: what the remote has, if any.

    cleaned, pinned: what else tells that something was done meanwhile.
    """

    tip: str
    refs: dict[str, str]
    order: list[str]
    dropped: frozenset[str]
    synced: str | None
    dead: sweep.Dead
    cleaned: bytes
    pinned: frozenset[str]

    @property
    def kept(self) -> int:
        return len(self.order) - len(self.dropped)


def plan(
    repo: Repository, keep: Keep, now: int, tick: Callable[[], None] = lambda: None
) -> Plan | None:
    """What a clean-up would take away; None where there is no history yet."""
    tip = repo.tip()
    if tip is None:
        return None
    cleaned, pinned = repo.cleaned(), frozenset(holders.pinned(repo))
    refs = repo.refs.all("refs/")
    made: dict[str, Made] = {}

    def parents(name: str) -> Sequence[str]:
        made[name] = made_of(repo, name)
        return made[name].parents

    order = rewrite.oldest_first(parents, reversed(repo.tips()))
    tracked = tracking.read(repo)
    synced = tracked.tip if tracked else None
    thinnable = _thinnable(repo, tip, order, synced, tick)
    dropped = frozenset(thinnable - _thinned(thinnable, order, made, keep, now))
    dead = sweep.Dead()
    if dropped:
        live = sweep.alive(repo, dropped)
        live.commits.update(name for name in order if name not in dropped)
        dead = sweep.dead(repo, dropped, live, tick)
    return Plan(tip, refs, order, dropped, synced, dead, cleaned, pinned)


def _thinned(
    thinnable: Set[str], order: list[str], made: Mapping[str, Made], keep: Keep, now: int
) -> set[str]:
    """What stays of those that could go. Where clocks contradict each other, what stays by either
    of them does."""
    said = believed(order, made, now)
    kept: set[str] = set()
    for times in (said, not_before_parents(order, made, said)):
        kept |= thin(((name, times[name]) for name in thinnable), keep, now, utc_offset(now))
    return kept


def _thinnable(
    repo: Repository, tip: str, order: list[str], synced: str | None, tick: Callable[[], None]
) -> set[str]:
    """Automatic snapshots that nobody named or locked, that the remote has if there is one, and
    that no branch of a git user's holds."""
    history = set(order)
    marked = marks.read(repo)
    unknown = tracking.is_noted(repo) or repo.refs.all(KEPT) or history & repo.shallow()
    if synced is None and unknown:
        # A remote has some of it, and nobody knows any more what.
        return set()
    if synced is not None:
        if synced not in history:
            return set()
        history &= _there(repo, synced)
        history -= {synced}
        # What the remote hasn't yet goes on from what both have: there they are merged.
        for name in missing_from(repo.parents, tip, {synced}):
            history.difference_update(repo.parents(name))
    found = set()
    elsewhere = _held_elsewhere(repo, set(order), synced)
    for name in history - elsewhere - marked.keys() - {tip}:
        tick()
        commit = repo.commit(name)
        if parse_message(commit.message).kind not in _OWN:
            found.add(name)
    return found


def _there(repo: Repository, synced: str) -> set[str]:
    """What the remote has of what is here: what earlier clean-ups kept in pieces it has too."""
    return ancestors(repo.parents, synced, *repo.refs.all(KEPT).values())


def _held_elsewhere(repo: Repository, history: Set[str], synced: str | None) -> set[str]:
    """What refs and logs that aren't the profile's own reach, so that none of it may go."""
    refs = repo.refs.all("refs/")
    aside = (TAGS, "refs/gitpool/")
    branches = {
        name
        for ref, name in refs.items()
        if ref != repo.branch()
        and not ref.startswith(aside)
        and not (ref.startswith(tracking.REMOTE_BRANCHES) and name == synced)
    }
    tags = set(repo.refs.all(TAGS).values())
    # A tag on a tag can't go along with its snapshot, which therefore stays as it is.
    branches |= {name for name in tags if not _is_plain_tag(repo, name)}
    # Names and locks go with their snapshots, and hold nothing before them; nor do git's logs.
    others = {repo.snapshot_of(name) for name in tags | holders.logged(repo)}
    held = {repo.snapshot_of(name) for name in branches | holders.pinned(repo)} | (others - history)
    held |= sweep.in_kept_packs(repo) & history
    return ancestors(repo.parents, *filter(None, held))


def draft(
    repo: Repository, planned: Plan, tick: Callable[[], None] = lambda: None
) -> rewrite.Rewriting | None:
    """What takes long of carrying it out and needs no lock: the history anew, in memory; None
    where it isn't written anew. Raises Damaged, or what `tick` raises."""
    if planned.synced or not planned.dropped:
        return None
    drafted = rewrite.Rewriting(repo, planned.dropped)
    drafted.take(planned.order, tick)
    return drafted


def carry_out(
    repo: Repository,
    planned: Plan,
    tick: sweep.Tick = sweep.silent,
    drafted: rewrite.Rewriting | None = None,
) -> None:
    """Do what was planned, under the profile's lock. Raises Conflict, before anything is
    changed, where more was done to the history since than that snapshots were added; Damaged
    or OSError, before that too, where what stays can't be read, or written anew."""
    # What an earlier one couldn't free comes first: there is but one note.
    finish(repo)
    added = _added_since(repo, planned)
    if not planned.dropped:
        return
    try:
        with leftovers.writing(repo):
            drafted = drafted or draft(repo, planned)
            dead, ready = _change(repo, planned, drafted, added, tick)
    except BaseException:
        if not (repo.git / NOTE).exists():
            leftovers.clear(repo)
        raise
    finish(repo, dead, ready)


def _change(
    repo: Repository,
    planned: Plan,
    drafted: rewrite.Rewriting | None,
    added: list[str],
    tick: sweep.Tick,
) -> tuple[sweep.Dead, sweep.Ready]:
    """Have the history be without what goes; gives what is to be freed then."""
    if drafted:
        drafted.take(added)
        change = _rewrite(repo, planned, drafted)
    else:
        change = _cut(repo, planned, [*planned.order, *added])
    dead = _still_dead(repo, planned.dead, added, change)
    change = replace(change, trees=sorted(dead.trees), blobs=sorted(dead.blobs))
    ready = sweep.prepare(repo, dead.all(), tick)
    try:
        durable.write_file(repo.git / NOTE, json.dumps(change.as_json()).encode())
        durable.write_file(repo.git / CLEANED, secrets.token_hex(8).encode())
        change.begin(repo)
    except BaseException:
        ready.discard()
        raise
    return dead, ready


def _still_dead(repo: Repository, dead: sweep.Dead, added: list[str], change: Change) -> sweep.Dead:
    """What goes, but for what is needed since it was planned."""
    trees, blobs = sweep.Census(repo).needs(added)
    needed = trees | blobs | indexed.objects(repo)
    return sweep.Dead(dead.blobs - needed, dead.trees - needed, sorted(change.leaving()))


def _added_since(repo: Repository, planned: Plan) -> list[str]:
    """The snapshots made since, oldest first."""
    tip = repo.tip()
    assert tip
    known = set(planned.order)

    def unknown(name: str) -> list[str]:
        return [parent for parent in repo.parents(name) if parent not in known]

    added = [] if tip in known else rewrite.oldest_first(unknown, [tip])
    own = repo.branch()
    refs = {ref: name for ref, name in repo.refs.all("refs/").items() if ref != own}
    before = {ref: name for ref, name in planned.refs.items() if ref != own}
    same = refs == before and repo.cleaned() == planned.cleaned
    same = same and holders.pinned(repo) == planned.pinned
    if not same or planned.tip not in {tip, *(p for c in added for p in repo.parents(c))}:
        raise Conflict(
            "history_moved", "The history was changed while it was looked at.", "Try again."
        )
    return added


def _rewrite(repo: Repository, planned: Plan, drafted: rewrite.Rewriting) -> Change:
    """The history written anew; its names and locks go to the new snapshots."""
    branch, tip = repo.branch(), repo.tip()
    assert branch
    assert tip
    drafted.write()
    new = drafted.new
    tags = rewrite.moved_tags(repo, repo.objects, new)
    gone = planned.dropped | {old for old, made in new.items() if old != made}
    gone |= sweep.spare_tags(repo)
    return Change(sorted(gone), branch, tip, new[tip], tags)


def _cut(repo: Repository, planned: Plan, order: list[str]) -> Change:
    """Every snapshot left has its id; what led from one to the next is gone."""
    known, was_cut = set(order), repo.shallow()
    left, cut = [], was_cut - known
    reached = {repo.tip()}
    for name in order:
        parents = [p.decode() for p in repo.commit(name).parents]
        whole = known.issuperset(parents)
        if not whole and name not in was_cut:
            raise rewrite.torn()
        if name in planned.dropped:
            continue
        left.append(name)
        if whole and planned.dropped.isdisjoint(parents):
            reached.update(parents)
        else:
            cut.add(name)
    # A piece that hangs on what the remote hasn't yet is held too: so it is known to be there.
    assert planned.synced
    apart = cut & _there(repo, planned.synced) - _reached(repo, planned.synced, cut)
    kept = [name for name in left if name not in reached or name in apart]
    had = repo.refs.all(KEPT).values()
    fresh = [name for name in kept if name not in had]
    gone = planned.dropped | sweep.spare_tags(repo)
    return Change(sorted(gone), kept=kept, fresh=fresh, shallow=sorted(cut))


def _reached(repo: Repository, tip: str, cut: Set[str]) -> set[str]:
    """What a snapshot comes from, up to where it will be cut off."""
    return ancestors(lambda name: () if name in cut else repo.parents(name), tip)


def _is_plain_tag(repo: Repository, name: str) -> bool:
    """Whether a tag's object is a snapshot, or says something of one."""
    if name not in repo.objects:
        return True
    obj = repo.objects.read(name)
    return isinstance(obj, Commit) or (isinstance(obj, Tag) and obj.object[0] is Commit)
