"""A bare repository in a folder, on this machine or a NAS, as a remote. No git program needed."""

from __future__ import annotations

import contextlib
import io
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from dulwich.config import ConfigFile

from ..errors import Conflict, Damaged, NotFound, RemoteFailed
from ..git.format import require_known_format
from ..git.outgoing import Outgoing, outgoing
from ..git.pack import TEMP_PACK, store_pack, stream_pack
from ..git.refs import BRANCHES, LOCK_MARK, TAGS
from ..git.repository import Repository
from ..pool import durable
from ..pool.reading import read_file
from .address import Address
from .refs import sound_refs
from .transport import Choose, RefUpdate, RemoteMoved, Sent, Sink

_CONFIG = b"[core]\n\trepositoryformatversion = 0\n\tfilemode = false\n\tbare = true\n"
_STALE = 600.0
_ABANDONED = 3600.0
# What a repository that isn't known by its HEAD yet has.
_FIRST = ("objects", "refs", "config")


class FolderRemote:
    """The remote in a folder, which need not be there yet: the first push makes it."""

    def __init__(self, address: Address) -> None:
        self.path = Path(address.path)

    def fetch(self, choose: Choose, haves: Sequence[str], sink: Sink) -> dict[str, str]:
        """See `Remote.fetch`."""
        repo = self._open()
        if repo is None:
            choose({})
            return {}
        try:
            refs = _refs(repo)
            wanted = choose(dict(refs))
            if wanted:
                for piece in _stream(self._needed(repo, wanted, haves)):
                    sink(piece)
            return refs
        finally:
            repo.objects.close()

    def peek(self, commits: Sequence[str]) -> dict[str, bytes]:
        """See `Remote.peek`."""
        repo = self._open()
        found = {}
        if repo is not None:
            for commit_id in commits:
                with contextlib.suppress(Damaged, NotFound):
                    commit = repo.commit(commit_id)
                    found[commit_id] = commit.as_raw_string()
                    tree = commit.tree.decode()
                    found[tree] = repo.objects.read_raw(tree)[1]
            repo.objects.close()
        return found

    def blob(self, object_id: str) -> bytes:
        """One image's bytes; only a folder gives single ones at little cost. Raises NotFound."""
        repo = self._open()
        if repo is None or object_id not in repo.objects:
            raise NotFound("unknown_image", "There is no such image.")
        try:
            if repo.objects.kind(object_id) != b"blob":
                raise NotFound("unknown_image", "There is no such image.")
            return repo.objects.read_raw(object_id)[1]
        except Damaged:
            raise _damaged() from None
        finally:
            repo.objects.close()

    def push(self, updates: Sequence[RefUpdate], objects: Outgoing, sent: Sent) -> None:
        """See `Remote.push`. New refs are there before old ones go."""
        if not updates:
            return self._require_writable()
        repo = self._open() or self._create()
        try:
            there = _refs(repo)
            if any(there.get(update.ref) != update.old for update in updates):
                raise RemoteMoved
            _sweep(repo)
            if objects.ids:
                store_pack(repo.objects.folder / "pack", objects.objects, objects.ids, sent)
            for update in sorted(updates, key=lambda update: update.new is None):
                _set(repo, update)
            _lead_head(repo)
        finally:
            repo.objects.close()

    def _open(self) -> Repository | None:
        """The repository; None where there is none yet. Raises RemoteFailed for what isn't one."""
        try:
            entries = {entry.name for entry in os.scandir(self.path)}
        except FileNotFoundError:
            self._require_parent()
            return None
        except NotADirectoryError:
            raise _unfit("That address is a file, not a folder.") from None
        if all(name in _FIRST or name.startswith(durable.TEMP_PREFIX) for name in entries):
            # There is nothing yet, or whoever was making it was cut off.
            return None
        if ".git" in entries:
            raise _unfit("Somebody works in that folder, so it can't be shared.")
        if not {"HEAD", "objects", "refs"} <= entries:
            raise _unfit("That folder holds something else.")
        if not _is_bare(self.path / "config"):
            raise _unfit("Somebody works in that folder, so it can't be shared.")
        require_known_format(self.path)
        return Repository(self.path, bare=True)

    def _require_parent(self) -> None:
        if not self.path.parent.is_dir():
            raise RemoteFailed(
                "remote_not_found",
                "That folder can't be reached.",
                "Check the path, and that the drive is connected.",
            )

    def _require_writable(self) -> None:
        here = self.path if self._open() else self.path.parent
        if not os.access(here, os.W_OK):
            raise RemoteFailed(
                "remote_denied",
                "ComfyUI may not write to that folder.",
                "Give the user that runs ComfyUI the right to.",
            )

    def _create(self) -> Repository:
        """Make the repository: what it is known by comes last, so nobody takes half of one for
        it. Another machine, which may make it at the same moment, makes the same."""
        for name in ("objects/pack", "objects/info", "refs/heads", "refs/tags"):
            durable.make_folder(self.path / name)
        durable.write_file(self.path / "config", _CONFIG)
        durable.write_file(self.path / "HEAD", b"ref: refs/heads/main\n")
        return Repository(self.path, bare=True)

    def _needed(self, repo: Repository, wanted: list[str], haves: Sequence[str]) -> Outgoing:
        tags = {o for o in _refs(repo).values() if _is_tag(repo, o)}
        commits = [w for w in wanted if w not in tags]
        try:
            ids: dict[str, None] = {}
            for tip in commits:
                ids |= dict.fromkeys(outgoing(repo, tip, haves, ()).ids)
            for tag in tags:
                target = repo.objects.read(tag).object[1].decode()  # type: ignore[attr-defined]
                if tag in wanted or target in ids:
                    ids[tag] = None
            return Outgoing(repo.objects, list(ids))
        except (Damaged, NotFound):
            raise _damaged() from None


def _refs(repo: Repository) -> dict[str, str]:
    return sound_refs({**repo.refs.all(BRANCHES), **repo.refs.all(TAGS)})


def _is_tag(repo: Repository, object_id: str) -> bool:
    try:
        return repo.objects.kind(object_id) == b"tag"
    except Damaged:
        return False


def _stream(objects: Outgoing) -> Iterator[bytes]:
    try:
        yield from stream_pack(objects.objects, objects.ids)
    except Damaged:
        raise _damaged() from None


def _set(repo: Repository, update: RefUpdate) -> None:
    lock = repo.git / f"{update.ref}.lock"
    with contextlib.suppress(FileNotFoundError, IsADirectoryError):
        # Ours is held for a moment only: an old one is a killed process's. After a power cut what
        # it says may be lost; but nobody's is held for an hour.
        ours = read_file(lock) == LOCK_MARK
        if durable.age_of(lock) > (_STALE if ours else _ABANDONED):
            lock.unlink()
    try:
        if update.new is None:
            repo.refs.delete(update.ref, update.old)
        else:
            repo.refs.swap(update.ref, update.old, update.new)
    except Conflict:
        raise RemoteMoved from None


def _sweep(repo: Repository) -> None:
    """Remove what killed processes left half-made, once nobody can be at it any more."""
    half_made = (durable.TEMP_PREFIX, TEMP_PACK)
    for folder in (repo.git, repo.objects.folder / "pack", *(repo.git / "refs").rglob("*")):
        for entry in os.scandir(folder) if folder.is_dir() else ():
            if entry.name.startswith(half_made) and entry.is_file(follow_symlinks=False):
                with contextlib.suppress(OSError):
                    if time.time() - entry.stat().st_mtime > _ABANDONED:
                        os.unlink(entry.path)


def _lead_head(repo: Repository) -> None:
    """Have HEAD name a branch that is there, so that whoever clones gets something to see."""
    branches = repo.refs.all(BRANCHES)
    if branches and repo.refs.head()[0] not in branches:
        with contextlib.suppress(Conflict):  # another machine was quicker
            repo.refs.set_head(min(branches), repo.refs.head())


def _is_bare(config: Path) -> bool:
    try:
        parsed = ConfigFile.from_file(io.BytesIO(read_file(config)))
        return parsed.get_boolean((b"core",), b"bare", False)
    except (OSError, ValueError):
        return False


def _unfit(message: str) -> RemoteFailed:
    return RemoteFailed("remote_unfit", message, "Choose a new, empty folder.")


def _damaged() -> RemoteFailed:
    return RemoteFailed(
        "remote_damaged", "The remote's own copy is damaged.", "Nothing was changed here."
    )
