"""What a profile remembers of its remote: a tracking branch, and a note of the last sync.

The branch is `refs/remotes/gitpool/<branch>`, as git users know them; the note says under
which names both sides agreed, so that a rename on either side is known for one.
"""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass, field
from typing import Any

from ..pool import durable
from ..pool.reading import read_file
from .ancestry import missing_from
from .refs import BRANCHES, TAGS
from .repository import Repository

REMOTE_BRANCHES = "refs/remotes/gitpool/"
NOTE = "gitpool-remote.json"


@dataclass(frozen=True)
class Tracked:
    """The state at the last sync with `address`.

    branch: this side's then; remote_branch: theirs; tip: the snapshot that both had.
    tags: names and locks that both had, the tag object by ref. at: seconds since 1970.
    """

    address: str
    branch: str
    remote_branch: str
    tip: str
    tags: dict[str, str] = field(default_factory=dict)
    at: int = 0

    def as_json(self) -> dict[str, Any]:
        return dict(vars(self))


def read(repo: Repository) -> Tracked | None:
    """The note; None where there was no sync yet, or what was noted is garbled. A note that just
    can't be read now is another thing: what follows from it must not be done."""
    try:
        data = read_file(repo.git / NOTE)
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
        return None
    with contextlib.suppress(ValueError, KeyError, TypeError, AttributeError):
        raw = json.loads(data)
        words = [str(raw[key]) for key in ("address", "branch", "remote_branch", "tip")]
        tags = {str(k): str(v) for k, v in raw["tags"].items() if str(k).startswith(TAGS)}
        return Tracked(*words, tags, int(raw["at"]))
    return None


def is_noted(repo: Repository) -> bool:
    """Whether there was a sync, even if what it noted can't be read any more."""
    return (repo.git / NOTE).exists()


def point(repo: Repository, remote_branch: str, tip: str) -> None:
    """Have the tracking branch show what the remote has; there is only this one."""
    ref = REMOTE_BRANCHES + remote_branch.removeprefix(BRANCHES)
    for old, name in repo.refs.all(REMOTE_BRANCHES).items():
        if old != ref:
            repo.refs.delete(old, name)
    if repo.refs.get(ref) != tip:
        repo.refs.swap(ref, repo.refs.get(ref), tip)


def write(repo: Repository, tracked: Tracked) -> None:
    """Note a sync that both sides have carried out."""
    point(repo, tracked.remote_branch, tracked.tip)
    data = json.dumps(tracked.as_json(), ensure_ascii=False).encode()
    durable.write_file(repo.git / NOTE, data)


def ahead(repo: Repository, tracked: Tracked) -> int:
    """How many snapshots here the remote hasn't had yet."""
    tip = repo.tip()
    if tip is None or tracked.tip not in repo.objects:
        return 0
    return len(missing_from(repo.parents, tip, {tracked.tip}))
