"""Finding a profile's newest snapshot again when the ref that named it is lost or garbled."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path

from dulwich.config import ConfigFile
from dulwich.objects import Commit

from ..errors import Damaged, NotFound
from ..pool.reading import read_file
from .index import read_index
from .messages import parse_message
from .reindex import reindex
from .repository import Identity, Repository

# What git reads on its way to anything else, and refuses to go on without understanding it.
_SWITCHES = (b"filemode", b"bare", b"symlinks", b"ignorecase")


def mend(repo: Repository, identity: Identity, now: int) -> None:
    """Where HEAD leads to no readable snapshot, lead it to the newest whole one there is.

    Does nothing to a healthy repository, and costs it a few small reads.
    """
    for folder in ("objects", "objects/pack", "objects/info", "refs/heads", "refs/tags", "info"):
        (repo.git / folder).mkdir(parents=True, exist_ok=True)
    _set_aside_garbage(repo)
    if _is_readable(repo, repo.tip()):
        return
    reindex(repo)
    if _is_readable(repo, repo.tip()):
        return
    for object_id in list(repo.objects.loose_ids()):
        if repo.objects.path_of(object_id).stat().st_size == 0:
            repo.objects.delete_loose(object_id)
    own = identity.branch
    if _is_readable(repo, repo.refs.get(own)):
        repo.refs.set_head(own, repo.refs.head())
        return
    newest = _newest_snapshot(repo, identity, now)
    if newest is None:
        repo.refs.delete(own, repo.refs.get(own))
    else:
        repo.refs.swap(own, repo.refs.get(own), newest)
    repo.refs.set_head(own, repo.refs.head())


def _set_aside_garbage(repo: Repository) -> None:
    """Give git a config and packed refs it can read, where a crash left it none."""
    config, packed = repo.git / "config", repo.git / "packed-refs"
    if not (repo.git / "info" / "attributes").exists():
        repo.write_attributes()
    if not _parses(config):
        if config.exists():
            config.replace(config.with_name("config.damaged"))
        repo.write_config()
    if packed.is_file() and b"\0" in read_file(packed):
        repo.refs.set_packed_aside()


def _parses(config: Path) -> bool:
    try:
        check_config(read_file(config))
    except (OSError, ValueError):
        return False
    return True


def check_config(data: bytes) -> None:
    """Raise ValueError where git can't work with these settings."""
    config = ConfigFile.from_file(io.BytesIO(data))
    if b"\0" in data or (b"core",) not in config:
        raise ValueError("a garbled config")
    for name in _SWITCHES:
        config.get_boolean((b"core",), name, False)
    with contextlib.suppress(KeyError):
        if config.get((b"core",), b"autocrlf").lower() != b"input":
            config.get_boolean((b"core",), b"autocrlf")
    with contextlib.suppress(KeyError):
        int(config.get((b"core",), b"repositoryformatversion"))


def _is_readable(repo: Repository, tip: str | None) -> bool:
    if tip is None:
        return False
    try:
        repo.version(tip)
    except (Damaged, NotFound):
        return False
    return True


def _newest_snapshot(repo: Repository, identity: Identity, now: int) -> str | None:
    """The latest commit of this profile, or of nobody's in particular, that is all there."""
    best: tuple[bool, int, bool, bool, int, str] | None = None
    parents: set[str] = set()
    commits = {}
    for object_id in list(repo.objects.all_ids()):
        try:
            if repo.objects.kind(object_id) != b"commit":
                continue
            commit = repo.objects.read(object_id)
        except Damaged:
            continue
        if isinstance(commit, Commit) and _is_whole(repo, commit):
            commits[object_id] = commit
            parents.update(parent.decode() for parent in commit.parents)
    # Where one in between is lost too, more than one leads nowhere; git's index knows the last.
    listed = {name: file.blob for name, file in read_index(repo.index_path)[0].items()}
    for object_id, commit in commits.items():
        ours = parse_message(commit.message).profile_id == identity.id
        is_last = repo.files_of(commit.tree.decode()) == listed
        # Descent says more than a clock does, and a clock from the future nothing.
        by_clock = commit.commit_time <= now, commit.commit_time
        rank = (ours, int(object_id not in parents), is_last, *by_clock, object_id)
        if best is None or rank > best:
            best = rank
    return best[-1] if best else None


def _is_whole(repo: Repository, commit: Commit) -> bool:
    try:
        files = repo.files_of(commit.tree.decode())
    except (Damaged, NotFound):
        return False
    return all(blob in repo.objects for blob in files.values())
