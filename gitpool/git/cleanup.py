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
from collections.abc import Callable, Set
from dataclasses import dataclass

from dulwich.objects import Commit, Tag

from ..errors import Conflict
from ..pool import durable
from . import leftovers, marks, reflogs, rewrite, sweep, tracking
from .ancestry import ancestors
from .index import read_index
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
    """What would go. order: the history, parents first. synced: what the remote has, if any."""

    tip: str
    refs: dict[str, str]
    order: list[str]
    dropped: frozenset[str]
    synced: str | None
    dead: sweep.Dead

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
    refs = repo.refs.all("refs/")
    order = rewrite.oldest_first(repo.parents, reversed(repo.tips()))
    tracked = tracking.read(repo)
    synced = tracked.tip if tracked else None
    thinnable = _thinnable(repo, tip, order, synced, tick)
    pairs = [(name, repo.commit(name).commit_time) for name in thinnable]
    dropped = frozenset(thinnable - thin(pairs, keep, now, utc_offset(now)))
    dead = sweep.Dead()
    if dropped:
        alive = sweep.alive(repo, dropped) | (set(order) - dropped)
        dead = sweep.dead(repo, dropped, alive, tick)
    return Plan(tip, refs, order, dropped, synced, dead)


def _thinnable(
    repo: Repository, tip: str, order: list[str], synced: str | None, tick: Callable[[], None]
) -> set[str]:
    """Automatic snapshots that nobody named or locked, that the remote has if there is one, and
    that no branch of a git user's holds."""
    history = set(order)
    marked = marks.read(repo)
    if synced is not None:
        if synced not in history:
            return set()
        history &= ancestors(repo.parents, synced) | set(repo.refs.all(KEPT).values())
        history -= {synced}
    found = set()
    elsewhere = _held_elsewhere(repo, set(order), synced)
    for name in history - elsewhere - marked.keys() - {tip}:
        tick()
        if parse_message(repo.commit(name).message).kind not in _OWN:
            found.add(name)
    return found


def _held_elsewhere(repo: Repository, history: Set[str], synced: str | None) -> set[str]:
    """What refs and logs that aren't the profile's own reach, so that none of it may go."""
    refs = repo.refs.all("refs/")
    aside = (TAGS, "refs/gitpool/")
    branches = {n for ref, n in refs.items() if ref != repo.branch() and not ref.startswith(aside)}
    # Names and locks go with their snapshots, and hold nothing before them; nor do git's logs.
    others = {_target(repo, n) for n in {*repo.refs.all(TAGS).values(), *reflogs.ids(repo)}}
    held = {_target(repo, name) for name in branches} | (others - history)
    return ancestors(repo.parents, *(name for name in held - {synced} if name))


def carry_out(repo: Repository, planned: Plan, tick: sweep.Tick = sweep.silent) -> None:
    """Do what was planned, under the profile's lock. Raises Conflict, before anything is
    changed, where more was done to the history since than that snapshots were added."""
    added = _added_since(repo, planned)
    if not planned.dropped:
        return
    with leftovers.writing(repo):
        order = [*planned.order, *added]
        change = _cut(repo, planned, order) if planned.synced else _rewrite(repo, planned, order)
        durable.write_file(repo.git / NOTE, json.dumps(change.as_json()).encode())
        durable.write_file(repo.git / CLEANED, secrets.token_hex(8).encode())
        change.begin(repo)
    trees, blobs = sweep.Census(repo).needs(added)
    cached, _ = read_index(repo.index_path)
    blobs |= {file.blob for file in cached.values()}
    old_tags = [old for _, old, _, _ in change.tags]
    dead = planned.dead
    finish(
        repo,
        sweep.Dead(dead.blobs - blobs, dead.trees - trees, [*change.gone, *old_tags]),
        tick,
    )


def _added_since(repo: Repository, planned: Plan) -> list[str]:
    """The snapshots made since, oldest first."""
    tip = repo.tip()
    assert tip
    known = set(planned.order)
    added = [c for c in rewrite.oldest_first(repo.parents, [tip]) if c not in known]
    own = repo.branch()
    refs = {ref: name for ref, name in repo.refs.all("refs/").items() if ref != own}
    before = {ref: name for ref, name in planned.refs.items() if ref != own}
    if refs != before or planned.tip not in {tip, *(p for c in added for p in repo.parents(c))}:
        raise Conflict(
            "history_moved", "The history was changed while it was looked at.", "Try again."
        )
    return added


def _rewrite(repo: Repository, planned: Plan, order: list[str]) -> Change:
    """The history written anew; its names and locks go to the new snapshots."""
    branch, tip = repo.branch(), repo.tip()
    assert branch
    assert tip
    new = rewrite.without(repo, order, planned.dropped)
    tags = rewrite.moved_tags(repo, repo.objects, new)
    gone = planned.dropped | {old for old, made in new.items() if old != made}
    return Change(sorted(gone), branch, tip, new[tip], tags)


def _cut(repo: Repository, planned: Plan, order: list[str]) -> Change:
    """Every snapshot left has its id; what led from one to the next is gone."""
    left = [name for name in order if name not in planned.dropped]
    cut = set()
    reached = {repo.tip()}
    for name in left:
        parents = [p.decode() for p in repo.commit(name).parents]
        if any(parent in planned.dropped or parent not in repo.objects for parent in parents):
            cut.add(name)
        else:
            reached.update(parents)
    kept = [name for name in left if name not in reached]
    return Change(sorted(planned.dropped), kept=kept, shallow=sorted(cut))


def _target(repo: Repository, name: str) -> str | None:
    """The snapshot that a ref's object comes to; None where it comes to none that is here."""
    while name in repo.objects:
        obj = repo.objects.read(name)
        if isinstance(obj, Commit):
            return name
        if not isinstance(obj, Tag):
            return None
        name = obj.object[1].decode()
    return None
