"""The history as a list: newest first, in pages, each snapshot with what it changed; whole, or
only what fits a text or a kind."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from dulwich.objects import Commit

from ..errors import Damaged
from ..identifiers import name_key
from . import marks
from .changes import Version, compare, strip
from .descent import Walk
from .marks import Mark
from .messages import Message, parse_message, sentence
from .repository import Repository
from .snapshots import AUTHOR

PREVIEWS = 6
STRIP = 8
# A page that few snapshots fit is given as it is after so many looked at, to be gone on with.
_LOOK_AT_MOST = 4000

Versions = Callable[[str], Version]


@dataclass(frozen=True)
class Wanted:
    """Which snapshots to list. text: a part of what is said of them; auto: automatic ones too,
    save those that a person named or locked."""

    text: str = ""
    auto: bool = True

    def everything(self) -> bool:
        return self.auto and not self.text

    def fits(self, commit: Commit, mark: Mark | None) -> bool:
        message = parse_message(commit.message)
        if not self.auto and message.kind == "auto" and mark is None:
            return False
        said = [message.text, _author(commit), *([mark.name, mark.note] if mark else [])]
        return name_key(self.text) in name_key("\n".join(said))


class History:
    """Histories of many profiles, with what has been read of them kept in bounded memory."""

    def __init__(self, walks: int = 16, summaries: int = 20_000) -> None:
        self._walks: OrderedDict[tuple[str, ...], Walk] = OrderedDict()
        self._summaries: OrderedDict[str, dict[str, Any]] = OrderedDict()
        self._limits = walks, summaries
        self._lock = threading.Lock()

    def page(
        self,
        repo: Repository,
        limit: int,
        before: str | None = None,
        wanted: Wanted = Wanted(),
    ) -> tuple[list[dict[str, Any]], str | None]:
        """Up to `limit` snapshots below `before`, and the id to ask from next, or None. Where
        few fit, a page may be short though there is a next one."""
        if repo.tip() is None:
            return [], None
        marked = marks.read(repo)
        fitting: list[str] = []
        last, following = before, None
        for looked, commit_id in enumerate(self._walk(repo).after(before)):
            if len(fitting) == limit or looked == _LOOK_AT_MOST:
                following = last
                break
            last = commit_id
            if wanted.everything() or wanted.fits(repo.commit(commit_id), marked.get(commit_id)):
                fitting.append(commit_id)
        versions = _versions(repo)
        page = [self.snapshot(repo, name, marked, versions) for name in fitting]
        return page, following

    def contains(self, repo: Repository, commit_id: str) -> bool:
        """Whether the snapshot is one of this profile's."""
        return commit_id in self._walk(repo)

    def snapshot(
        self,
        repo: Repository,
        commit_id: str,
        marked: dict[str, marks.Mark] | None = None,
        versions: Versions | None = None,
    ) -> dict[str, Any]:
        """One snapshot as the page gets it: `{"id","message","sentence","name","note","author",
        "kind","time","parents","locked","changes","images","preview","strip"}`.

        message: its name, else its sentence. time: seconds since 1970. author: "" for Git
        Pool's own. preview: some images' names. strip: see `changes.strip`.
        """
        summary = self._summary(repo, commit_id, versions or _versions(repo))
        mark = (marks.read(repo) if marked is None else marked).get(commit_id, Mark("", False))
        return {
            **summary,
            "parents": [name for name in summary["parents"] if name in repo.objects],
            "message": mark.name or summary["sentence"],
            "name": mark.name,
            "note": mark.note,
            "locked": mark.locked,
        }

    def _walk(self, repo: Repository) -> Walk:
        tips = repo.tips()
        # A clean-up takes snapshots out below the same tips, and a sync may bring them back.
        cut = sorted(repo.shallow())
        key = (str(repo.path), *tips, repo.cleaned().hex(), *cut)
        with self._lock:
            walk = self._walks.pop(key, None) or Walk(repo, tips)
            self._walks[key] = walk
            while len(self._walks) > self._limits[0]:
                self._walks.popitem(last=False)
        return walk

    def _summary(self, repo: Repository, commit_id: str, versions: Versions) -> dict[str, Any]:
        with self._lock:
            if commit_id in self._summaries:
                self._summaries.move_to_end(commit_id)
                return self._summaries[commit_id]
        summary = _summarise(repo, commit_id, versions)
        with self._lock:
            self._summaries[commit_id] = summary
            while len(self._summaries) > self._limits[1]:
                self._summaries.popitem(last=False)
        return summary


def _versions(repo: Repository) -> Versions:
    """Versions by snapshot; what one was made on is most often the next on the page."""
    return lru_cache(maxsize=4)(repo.version)


def _summarise(repo: Repository, commit_id: str, versions: Versions) -> dict[str, Any]:
    commit = repo.commit(commit_id)
    message = parse_message(commit.message)
    parent = commit.parents[0].decode() if commit.parents else None
    try:
        new = versions(commit_id)
        # What came before may have been cleaned up; then nobody knows any more what changed.
        old = Version() if parent is None else new
        if parent and parent in repo.objects:
            old = versions(parent)
        changes = compare(old, new)
    except Damaged:
        return _line(commit, message, message.text) | {
            "changes": {},
            "images": 0,
            "preview": [],
            "strip": [],
            "damaged": True,
        }
    text = message.text if message.kind else _user_text(message, sentence(changes))
    first = [*changes.added, *changes.masks_added, *changes.masks_changed, *changes.replaced]
    rest = [slot.image for slot in new.manifest.slots]
    return _line(commit, message, text) | {
        "changes": changes.as_json(),
        "images": len(new.manifest.slots),
        "preview": list(dict.fromkeys([*first, *rest]))[:PREVIEWS],
        "strip": strip(old, new, changes, STRIP),
    }


def _line(commit: Commit, message: Message, text: str) -> dict[str, Any]:
    return {
        "id": commit.id.decode(),
        "sentence": text,
        "kind": message.kind or "git",
        "time": commit.commit_time,
        "author": _author(commit),
        "parents": [parent.decode() for parent in commit.parents],
    }


def _author(commit: Commit) -> str:
    """Who made a snapshot, where it says more than that Git Pool did."""
    if commit.author == AUTHOR:
        return ""
    return commit.author.decode("utf-8", "replace").partition(" <")[0].strip()


def _user_text(message: Message, said: str) -> str:
    return message.text.splitlines()[0] if message.text else said
