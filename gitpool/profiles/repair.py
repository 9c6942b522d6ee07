"""Mending what `verify` finds, where the bytes still are somewhere: a history's objects from the
pool's own files, the other profiles or the remote; a pool's files from its history.

A user's edits are never undone: a file is put back only where it is gone, is no image any more
(what is left of it is kept beside it), or changed without anybody writing to it.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from ..errors import Damaged, GitPoolError, NotFound
from ..git import salvage, snapshots, tracking
from ..git.format import is_known_format
from ..git.incoming import Quarantine, tag_commit
from ..git.index import read_index, vouched
from ..git.lfs import kept_in_lfs
from ..git.objects import ObjectStore
from ..git.refs import BRANCHES, DROPPED, TAGS
from ..git.repository import Identity, Repository
from ..git.soundness import DAMAGED, MISSING, NOTES, Finding, ref_files
from ..identifiers import free_name, is_image_name
from ..pool import durable
from ..pool.manifest import MANIFEST_NAME
from ..pool.reading import read_file
from .jobs import Job
from .journals import FILE_NAME as JOURNAL
from .journals import sound_lines
from .library import Library
from .remotes import Remotes
from .sync_fetch import receive
from .verify import Progress, Verify

_ID = re.compile(r"[0-9a-f]{40}")
_ROUNDS = 20
OWN_TAGS = f"{TAGS}snapshot-"


class Repair:
    """Mends profiles. Every step leaves the profile no worse than it was."""

    def __init__(self, library: Library, remotes: Remotes, verify: Verify) -> None:
        self._library = library
        self._remotes = remotes
        self._verify = verify

    def registry(self) -> None:
        """List again the folders that know who they are, where the list was damaged or lost."""
        if not self._verify.registry():
            return
        with self._library.registry_lock() as registry:
            known = {entry.id for entry in registry.entries()}
            for profile_id in self._verify.everyone():
                identity = _identity_of(self._library, profile_id)
                if profile_id not in known and identity:
                    name = free_name(identity.name, registry.names())
                    registry.put(Identity(profile_id, name, identity.created))

    def profile(
        self, profile_id: str, progress: Progress = lambda *_: None
    ) -> tuple[list[Finding], list[Finding]]:
        """What was wrong with a profile, and what still is."""
        found = self._verify.check(profile_id, progress)
        repo = Repository(self._library.path_of(profile_id))
        if not found or not repo.exists() or not is_known_format(repo.git):
            return found, found
        with self._library.locks.hold(profile_id):
            self._mend_objects(repo, profile_id, found)
            identity = self._library.registry.find(profile_id)
            if identity:
                # Refs first: until they lead somewhere nobody knows what the files were.
                _mend_notes(repo, found)
                snapshots.settle(repo, identity, self._library.now())
                _mend_refs(repo, {*found, *self._verify.check(profile_id)})
                _put_back(repo, self._verify.check(profile_id))
                _mend_journal(repo)
                with self._library.open_profile(profile_id) as pool:
                    # For git's index above all, which only a snapshot writes.
                    snapshots.take(pool.repo, identity, "auto", self._library.now())
        repo.objects.close()
        self._library.changed(profile_id)
        return found, self._verify.check(profile_id, progress)

    def _mend_objects(self, repo: Repository, profile_id: str, found: list[Finding]) -> None:
        with contextlib.ExitStack() as stack:
            folder = stack.enter_context(self._library.staging(f"repair-{profile_id}"))
            scratch = ObjectStore(folder / "objects")
            scratch.folder.mkdir()
            if _touches_objects(found) and salvage.mend_packs(repo, scratch):
                found = self._verify.check(profile_id)
            others = [stack.enter_context(contextlib.closing(o)) for o in self._others(profile_id)]
            asked = False
            for _ in range(_ROUNDS):
                lost = _lost(found) + _remembered(repo, found)
                if not lost:
                    return
                places = salvage.sources(repo, others)
                if not salvage.salvage(repo, lost, places, scratch):
                    remote = None if asked else self._fetched(repo, profile_id, folder)
                    asked = True
                    if remote is None:
                        return
                    others.append(stack.enter_context(contextlib.closing(remote)))
                    continue
                salvage.install(scratch, repo.objects)
                repo.objects.close()
                found = self._verify.check(profile_id)

    def _others(self, profile_id: str) -> Iterator[ObjectStore]:
        """What the other profiles here hold, deleted ones too."""
        library = self._library
        for place in (library.base, library.private / "trash"):
            with contextlib.suppress(FileNotFoundError):
                for path in sorted(place.iterdir()):
                    repo = Repository(path)
                    if path.name != profile_id and not path.is_symlink() and repo.exists():
                        yield repo.objects

    def _fetched(self, repo: Repository, profile_id: str, folder: Path) -> ObjectStore | None:
        """All that the profile's remote has of it, examined; None where there is no remote, or
        it can't be asked."""
        identity = self._library.registry.find(profile_id)
        tracked = tracking.read(repo)
        branches = {tracked.remote_branch} if tracked else set()
        if identity:
            branches.add(identity.branch)

        def choose(refs: dict[str, str]) -> list[str]:
            wanted = [r for r in refs if r in branches or r.startswith(OWN_TAGS)]
            return list(dict.fromkeys(refs[ref] for ref in wanted))

        quarantine = Quarantine(folder / "remote", None, self._remotes.limits.receive)
        try:
            job = Job("repair", profile_id, "repair", lambda _: None)
            receive(self._remotes.open(profile_id), choose, [], quarantine, job)
        except (GitPoolError, OSError):
            quarantine.close()
            return None
        return quarantine.objects


def _lost(found: list[Finding]) -> list[str]:
    return [finding.file for finding in found if _ID.fullmatch(finding.file)]


def _touches_objects(found: list[Finding]) -> bool:
    return bool(_lost(found)) or any("/objects/pack/" in finding.file for finding in found)


def _identity_of(library: Library, profile_id: str) -> Identity | None:
    with contextlib.suppress(Exception):  # a damaged history may not say whose it is
        return Repository(library.path_of(profile_id)).identity()
    return None


def _put_back(repo: Repository, found: list[Finding]) -> None:
    """Put the pool's files back where the history has them and no user changed them."""
    snapshot: dict[str, str] = {}
    with contextlib.suppress(Damaged, NotFound):
        snapshot = dict(repo.version(repo.tip()).blobs)
    cached, written = read_index(repo.index_path)
    for finding in found:
        name, path = finding.file, repo.path / finding.file
        if finding.what not in (DAMAGED, MISSING) or not _is_pools(name):
            continue
        stat = os.lstat(path) if os.path.lexists(path) else None
        rotten = vouched(cached.get(name), stat, written)
        # A list that can't be read is made anew from the files, which may be more by now.
        blob = rotten or (snapshot.get(name) if name != MANIFEST_NAME else None)
        if blob and not kept_in_lfs(repo.objects, {name: blob}, [name]):
            with contextlib.suppress(Damaged), durable.replacing(path) as file:
                repo.objects.copy_blob(blob, file)
                if not rotten:
                    durable.set_aside(path)


def _is_pools(name: str) -> bool:
    return name == MANIFEST_NAME or is_image_name(name)


def _mend_notes(repo: Repository, found: list[Finding]) -> None:
    """Forget what is noted beside the history and can't be read: it is noted anew in time. Of the
    packed refs, keep those that can be."""
    garbled = {finding.file for finding in found if finding.what == DAMAGED}
    for name in NOTES:
        if f".git/{name}" in garbled:
            durable.set_aside(repo.git / name)
    if ".git/packed-refs" in garbled:
        readable = repo.refs.all("refs/")
        repo.refs.set_packed_aside()
        for ref, name in readable.items():
            if repo.refs.get(ref) is None:
                repo.refs.swap(ref, None, name)


def _mend_refs(repo: Repository, found: set[Finding]) -> None:
    """Have each name of a snapshot lead to its tag again. What only remembers where a remote was
    is forgotten; branches and tags of git users are theirs to mend."""
    files = {finding.file for finding in found}
    wrong = {
        ref
        for ref in (*ref_files(repo.git), *repo.refs.all("refs/"))
        if f".git/{ref}" in files or repo.refs.get(ref) in files
    }
    for ref in wrong:
        if ref.startswith((OWN_TAGS, tracking.REMOTE_BRANCHES)):
            repo.refs.delete(ref, repo.refs.get(ref))
    if not wrong and not _lost_refs(found):
        return
    dropped = set(repo.refs.all(DROPPED).values())
    for ref, tag in _own_tags(repo):
        if repo.refs.get(ref) is None and tag not in dropped:
            repo.refs.swap(ref, None, tag)


def _lost_refs(found: Iterable[Finding]) -> bool:
    places = (".git/packed-refs", f".git/{BRANCHES}", ".git/HEAD")
    return any(finding.file.startswith(places) for finding in found)


def _own_tags(repo: Repository) -> Iterator[tuple[str, str]]:
    """The names of snapshots that are stored, whether or not a ref leads to them."""
    for object_id in list(repo.objects.all_ids()):
        with contextlib.suppress(Damaged):
            if repo.objects.kind(object_id) == b"tag":
                tag = repo.objects.read(object_id)
                ref = TAGS + tag.name.decode("utf-8", "replace")  # type: ignore[attr-defined]
                if tag_commit(repo.objects, ref, object_id):
                    yield ref, object_id


def _remembered(repo: Repository, found: list[Finding]) -> list[str]:
    """What is known to have been here, where the refs that led to it are lost too."""
    tracked = tracking.read(repo)
    if not tracked or not _lost_refs(found):
        return []
    return [name for name in (tracked.tip, *tracked.tags.values()) if name not in repo.objects]


def _mend_journal(repo: Repository) -> None:
    """Keep the edits that can be read; the file as it was is kept beside it."""
    path = repo.git / JOURNAL
    try:
        data = read_file(path)
    except OSError:
        return
    sound = sound_lines(data)
    if sound != data.splitlines(keepends=True):
        durable.set_aside(path)
        durable.write_file(path, b"".join(sound))


def mended(before: list[Finding], after: list[Finding]) -> list[Finding]:
    """What was damaged and isn't any more."""
    left = {finding.file for finding in after}
    return [finding for finding in before if finding.file not in left]
