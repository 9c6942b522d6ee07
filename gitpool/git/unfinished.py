"""A clean-up on its way: noted before it begins, so that whatever cuts it off, the next
operation brings it to its end, or takes it back where the history hasn't changed yet."""

from __future__ import annotations

import json
import logging
import os
from dataclasses import dataclass, field, replace
from typing import Any

from ..errors import Damaged
from ..pool import durable
from ..pool.reading import read_file
from . import reflogs, sweep
from .ancestry import is_ancestor
from .refs import DROPPED, KEPT
from .repository import Repository

log = logging.getLogger("gitpool")

NOTE = "gitpool-cleanup"


@dataclass(frozen=True)
class Change:
    """What a clean-up does to the refs.

    gone: the snapshots that leave the history, and tags that nothing needs any more; `trees` and
    `blobs` go with them. Written anew: the branch goes from `old` to
    `new`, and tags (old ref, old id, new ref, new id) with it. Cut: `kept` get a ref each, which
    `fresh` of them hadn't before, and `shallow` is what stands in `.git/shallow`. happened: all
    of that is done, and only bytes are left to be freed.
    """

    gone: list[str]
    branch: str | None = None
    old: str | None = None
    new: str | None = None
    tags: list[tuple[str, str, str, str]] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    fresh: list[str] = field(default_factory=list)
    shallow: list[str] = field(default_factory=list)
    trees: list[str] = field(default_factory=list)
    blobs: list[str] = field(default_factory=list)
    happened: bool = False

    def leaving(self) -> set[str]:
        """Snapshots and tags that go."""
        return {*self.gone, *(old for _, old, _, _ in self.tags)}

    def as_json(self) -> dict[str, Any]:
        return dict(vars(self))

    def begin(self, repo: Repository) -> None:
        """Change the refs: first what comes, then, in one step, the history itself."""
        for _, _, ref, made in self.tags:
            _point(repo, ref, made)
        for name in self.kept:
            _point(repo, KEPT + name, name)
        if self.branch and self.new:
            repo.refs.swap(self.branch, self.old, self.new)
        else:
            repo.set_shallow(set(self.shallow))

    def has_happened(self, repo: Repository) -> bool:
        """Whether the history itself has changed."""
        if self.happened:
            return True
        if not self.branch or not self.new:
            # Where it looks the same before and after, it is gone on with.
            return repo.shallow() >= set(self.shallow)
        tip = repo.refs.get(self.branch)
        return tip is not None and tip != self.old and is_ancestor(repo.parents, self.new, tip)

    def let_go(self, repo: Repository) -> None:
        """Take away the refs that only the old history needed."""
        for ref, old, new, _ in self.tags:
            if ref != new:
                _drop(repo, ref, old)
        if not self.branch:
            self.begin(repo)
            for ref, name in repo.refs.all(KEPT).items():
                if name not in self.kept:
                    repo.refs.delete(ref, name)
        leaving = self.leaving()
        for ref, name in repo.refs.all(DROPPED).items():
            if name in leaving:
                repo.refs.delete(ref, name)

    def take_back(self, repo: Repository) -> None:
        """Have the refs as they were."""
        for ref, old, new, made in self.tags:
            if ref == new:
                _point(repo, ref, old)
            else:
                _drop(repo, new, made)
        for name in self.fresh:
            _drop(repo, KEPT + name, name)


def finish(
    repo: Repository, dead: sweep.Dead | None = None, ready: sweep.Ready | None = None
) -> None:
    """Bring a clean-up that was begun to its end. dead, ready: what it frees, where that is known
    and prepared. Raises OSError or Damaged where not all can be freed; the history is in order
    then, and the next call goes on."""
    note = repo.git / NOTE
    change = _noted(repo)
    if change is None:
        return
    if change.has_happened(repo):
        if not change.happened:
            change.let_go(repo)
            reflogs.forget(repo, change.leaving())
        try:
            _free(repo, change, dead, ready)
        except (OSError, Damaged):
            done = replace(change, happened=True)
            durable.write_file(note, json.dumps(done.as_json()).encode())
            raise
    else:
        change.take_back(repo)
    note.unlink()
    durable.sync_folder(repo.git)


def go_on(repo: Repository) -> None:
    """The same, before any other operation: that mustn't be kept from working because bytes
    can't be freed now, for want of space or of permission."""
    try:
        finish(repo)
    except (OSError, Damaged) as error:
        change = _noted(repo)
        if change is None or not change.happened:
            raise
        log.error("Git Pool: a clean-up can't be brought to its end: %s", type(error).__name__)


def _noted(repo: Repository) -> Change | None:
    note = repo.git / NOTE
    try:
        raw = json.loads(read_file(note))
        return Change(**{**raw, "tags": [tuple(tag) for tag in raw["tags"]]})
    except (FileNotFoundError, IsADirectoryError):
        return None
    except (ValueError, TypeError, KeyError, RecursionError):
        # Begun or not, the history is in order; only bytes may be left to be freed.
        log.error("Git Pool: what a clean-up noted is garbled, so it isn't gone on with.")
        os.replace(note, note.with_name(f"{NOTE}.damaged"))
        return None


def _free(
    repo: Repository, change: Change, dead: sweep.Dead | None, ready: sweep.Ready | None
) -> None:
    if dead is None or ready is None:
        dead = _still_dead(repo, change)
        ready = sweep.prepare(repo, dead.all())
    try:
        sweep.sweep(repo, dead, ready)
    except BaseException:
        ready.discard()
        raise


def _still_dead(repo: Repository, change: Change) -> sweep.Dead:
    """What goes, but for what a git user has come to need since."""
    live = sweep.alive(repo)
    noted = {*change.trees, *change.blobs}
    return sweep.dead(repo, change.leaving() - live.commits, live, noted=noted)


def _drop(repo: Repository, ref: str, name: str) -> None:
    """Take a ref away, unless it is gone already or a git user has set it to something else."""
    if repo.refs.get(ref) == name:
        repo.refs.delete(ref, name)


def _point(repo: Repository, ref: str, name: str) -> None:
    if repo.refs.get(ref) != name:
        repo.refs.swap(ref, repo.refs.get(ref), name)
