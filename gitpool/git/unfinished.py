"""A clean-up on its way: noted before it begins, so that whatever cuts it off, the next
operation brings it to its end, or takes it back where the history hasn't changed yet."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from ..pool import durable
from . import sweep
from .ancestry import is_ancestor
from .refs import KEPT
from .repository import Repository

NOTE = "gitpool-cleanup"


@dataclass(frozen=True)
class Change:
    """What a clean-up does to the refs.

    gone: the snapshots that leave the history. Written anew: the branch goes from `old` to
    `new`, and tags (old ref, old id, new ref, new id) with it. Cut: `kept` get a ref each, and
    `shallow` is what stands in `.git/shallow`.
    """

    gone: list[str]
    branch: str | None = None
    old: str | None = None
    new: str | None = None
    tags: list[tuple[str, str, str, str]] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    shallow: list[str] = field(default_factory=list)

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
        if not self.branch or not self.new:
            return repo.shallow() == set(self.shallow)
        tip = repo.refs.get(self.branch)
        return tip is not None and tip != self.old and is_ancestor(repo.parents, self.new, tip)

    def let_go(self, repo: Repository) -> None:
        """Take away the refs that only the old history needed."""
        for ref, _, new, _ in self.tags:
            if ref != new:
                repo.refs.delete(ref)
        if not self.branch:
            for ref, name in repo.refs.all(KEPT).items():
                if name not in self.kept:
                    repo.refs.delete(ref)

    def take_back(self, repo: Repository) -> None:
        """Have the refs as they were."""
        for ref, old, new, _ in self.tags:
            if ref == new:
                _point(repo, ref, old)
            else:
                repo.refs.delete(new)
        known = repo.shallow()
        for ref, name in repo.refs.all(KEPT).items():
            if name in self.kept and name not in known:
                repo.refs.delete(ref)


def finish(
    repo: Repository, dead: sweep.Dead | None = None, tick: sweep.Tick = sweep.silent
) -> None:
    """Bring a clean-up that was begun to its end. dead: what it frees, where that is known."""
    note = repo.git / NOTE
    try:
        raw = json.loads(note.read_bytes())
    except FileNotFoundError:
        return
    change = Change(**{**raw, "tags": [tuple(tag) for tag in raw["tags"]]})
    if change.has_happened(repo):
        change.let_go(repo)
        gone = {*change.gone, *(old for _, old, _, _ in change.tags)}
        sweep.sweep(repo, gone, dead, tick)
    else:
        change.take_back(repo)
    note.unlink()
    durable.sync_folder(repo.git)


def _point(repo: Repository, ref: str, name: str) -> None:
    if repo.refs.get(ref) != name:
        repo.refs.swap(ref, repo.refs.get(ref), name)
