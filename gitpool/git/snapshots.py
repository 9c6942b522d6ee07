"""Taking a snapshot: the work tree, through the stat cache, to a tree and a commit."""

from __future__ import annotations

import errno
import functools
import os
import time
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from dulwich.objects import Commit, Tree

from ..identifiers import is_image_name
from ..pool.content import hash_file
from ..pool.folder import missing_images, rebuild
from ..pool.manifest import MANIFEST_NAME, Manifest, is_mask_name
from . import additions, checkout, leftovers, unfinished
from .ancestry import is_ancestor
from .changes import Changes, Version, compare
from .index import Files, read_index, vouched
from .lfs import kept_in_lfs
from .listing import FILE_MODE, Passenger
from .mend import mend
from .messages import Message, sentence
from .repository import Identity, Repository

FOLDER_MODE = 0o040000
AUTHOR = b"Git Pool <gitpool@localhost>"


@dataclass(frozen=True)
class WorkTree:
    """The folder's files as they are now: the manifest, and each file's blob and stat, by path.

    passengers: those that are no part of the pool. known: whether git's index says the same
    already.
    """

    manifest: Manifest
    files: Files
    passengers: Mapping[str, Passenger] = field(default_factory=dict)
    known: bool = False

    @property
    def version(self) -> Version:
        files = self.files.items()
        pool = {name: blob for name, (blob, _) in files if name not in self.passengers}
        return Version(self.manifest, pool, self.passengers)


def settle(repo: Repository, identity: Identity, now: int) -> None:
    """Bring a repository to order before an operation: finish what a crash cut off, and have
    HEAD on the profile's own branch, whatever a git user checked out."""
    repo.sweep()
    mend(repo, identity, now)
    additions.clear(repo)
    checkout.finish(repo)
    unfinished.go_on(repo)
    _follow_name(repo, identity)
    _lead_home(repo, identity, now)
    leftovers.clear(repo)


def _lead_home(repo: Repository, identity: Identity, now: int) -> None:
    """HEAD on the profile's own branch, with whatever history it stood on elsewhere."""
    own = identity.branch
    head = ref, detached = repo.refs.head()
    if ref == own and repo.refs.get(own):
        return
    elsewhere = detached or (repo.refs.get(ref) if ref else None)
    tip = repo.refs.get(own)
    if elsewhere and elsewhere in repo.objects and elsewhere != tip:
        if tip is None or is_ancestor(repo.parents, tip, elsewhere):
            repo.refs.swap(own, tip, elsewhere)
        elif not is_ancestor(repo.parents, elsewhere, tip):
            _join(repo, identity, own, tip, elsewhere, now)
    repo.refs.set_head(own, head)


def _follow_name(repo: Repository, identity: Identity) -> None:
    """Rename the branch after the profile; the folder's own note says what it was called, so
    a rename that a crash cut off is carried on with."""
    stored = repo.identity()
    if stored == identity:
        return
    new = identity.branch
    if stored and stored.id == identity.id:
        old = stored.branch
        tip = repo.refs.get(old)
        if old != new and tip:
            repo.refs.swap(new, repo.refs.get(new), tip)
            repo.refs.set_head(new, repo.refs.head())
            repo.refs.delete(old, tip)
    repo.write_identity(identity)


def take_in(repo: Repository, now: int) -> Manifest:
    """Make the manifest fit the folder: slots for images dropped in, none for images gone.

    Images and masks that a removal cut off by a crash left behind are removed for good; they
    are known by being in the newest snapshot under that very name, and in no slot.
    """
    folder = repo.folder
    dropped = folder.dropped_files()
    on_disk, fitted = _fitted(repo, dropped)
    apart = folder.tell_apart(fitted)
    if apart is not fitted:
        fitted = on_disk = apart
        dropped = folder.dropped_files()
    strays = _strays(fitted, dropped)
    if strays:
        leftover = _leftovers(repo, strays)
        for name in leftover:
            (repo.path / name).unlink()
        strays = [name for name in strays if name not in leftover]
        active = fitted.active
        fitted = replace(folder.take_in(fitted, strays, now * 1000), active=active)
    named = fitted.file_names()
    # A mask that somebody dropped in with its image has another name by now.
    masks = [n for n in dropped if n not in named and is_mask_name(n) and is_image_name(n)]
    for name in _leftovers(repo, [name for name in masks if folder.stat(name)]):
        (repo.path / name).unlink()
    if on_disk is None or on_disk.low or fitted != on_disk:
        folder.save(fitted)
    return fitted


def _rebuilt(repo: Repository) -> Manifest:
    """The list of images where it is lost, of what the newest snapshot lists; what else is there
    is taken in like any other file, if it is an image."""
    remembered = (repo.remembered() if repo.exists() else None) or Manifest()
    files = repo.folder.image_files()
    return rebuild({n: files[n] for n in remembered.file_names() & files.keys()}, remembered)


def foresee(repo: Repository, now: int) -> tuple[Manifest, dict[str, str]]:
    """The manifest that `take_in` will make, and what files that it will rename are called so
    far, by their new names. Changes nothing, and needs no history."""
    folder = repo.folder
    dropped = folder.dropped_files()
    _, fitted = _fitted(repo, dropped)
    fitted, apart = folder.foresee_apart(fitted)
    strays = _strays(fitted, [name for name in dropped if name not in set(apart.values())])
    strays = [name for name in strays if name not in set(_leftovers(repo, strays))]
    taken, moved = folder.foresee(fitted, strays, now * 1000, apart)
    return replace(taken, active=fitted.active), {**apart, **moved}


def _fitted(repo: Repository, dropped: list[str]) -> tuple[Manifest | None, Manifest]:
    """The manifest on disk, and it without what the folder hasn't."""
    here = {name for name in dropped if is_image_name(name)}
    on_disk = repo.folder.read()
    manifest = on_disk if on_disk is not None else _rebuilt(repo)
    if not manifest.file_names() <= here and repo.exists():
        here |= kept_away(repo, repo.version(repo.tip())).keys()
    gone = set(missing_images(manifest, here))
    slots = [slot for slot in manifest.slots if slot.image not in gone]
    slots = [s if s.mask is None or s.mask in here else replace(s, mask=None) for s in slots]
    active = max(0, min(manifest.active, len(slots) - 1))
    return on_disk, replace(manifest, slots=tuple(slots), active=active)


def _strays(manifest: Manifest, dropped: list[str]) -> list[str]:
    named = manifest.file_names()
    return sorted(n for n in dropped if n not in named and not is_mask_name(n))


def scan(repo: Repository, manifest: Manifest) -> WorkTree:
    """Every file's blob; what the index doesn't vouch for is read and stored.

    The manifest's blob is left to whoever commits: a snapshot that isn't taken after all must
    leave nothing behind.
    """
    cached, written = read_index(repo.index_path)
    last = repo.version(repo.tip())
    files: dict[str, tuple[str, os.stat_result | None]] = {}
    unknown: list[str] = []

    def see(path: str, stat: os.stat_result) -> None:
        blob = vouched(cached.get(path), stat, written)
        if blob and blob in repo.objects:
            files[path] = (blob, stat)
        else:
            unknown.append(path)

    missing, prefix = [], f"{repo.path}{os.sep}"
    for name in sorted(manifest.file_names()):
        try:
            see(name, os.stat(prefix + name))
        except FileNotFoundError:
            missing.append(name)
    others = (last.passengers.keys() | last.blobs.keys()) - manifest.file_names()
    for path in others - {MANIFEST_NAME}:
        if stat := repo.folder.own_stat(path):
            see(path, stat)
        else:
            missing.append(path)
    away = _kept_in_lfs(repo, last, missing)
    if lost := manifest.file_names().intersection(missing) - away.keys():
        raise FileNotFoundError(errno.ENOENT, "an image is gone", min(lost))
    stored = repo.objects.write_files(repo.path / name for name in unknown) if unknown else []
    files.update(zip(unknown, stored, strict=True))
    files.update({name: (blob, None) for name, blob in away.items()})
    stat = os.stat(repo.path / MANIFEST_NAME)
    blob = vouched(cached.get(MANIFEST_NAME), stat, written)
    files[MANIFEST_NAME] = (blob or hash_file(repo.path / MANIFEST_NAME), stat)
    modes = {path: one.mode for path, one in last.passengers.items()}
    passengers = {
        path: Passenger(files[path][0], modes.get(path, FILE_MODE))
        for path in files.keys() - manifest.file_names() - {MANIFEST_NAME}
    }
    present = {name for name, (_, stat) in files.items() if stat}
    known = blob is not None and not unknown and cached.keys() - away.keys() == present
    return WorkTree(manifest, files, passengers, known)


def kept_away(repo: Repository, last: Version) -> dict[str, str]:
    """The pictures that the folder hasn't since Git LFS keeps them, each with its pointer's blob:
    they stay in the pool all the same."""
    here = set(repo.folder.image_names())
    return _kept_in_lfs(repo, last, (last.blobs.keys() | last.passengers.keys()) - here)


def _kept_in_lfs(repo: Repository, last: Version, missing: Iterable[str]) -> dict[str, str]:
    if not missing:
        return {}
    blobs = last.files
    names = filter(is_image_name, missing)
    return {name: blobs[name] for name in kept_in_lfs(repo.objects, blobs, names)}


def present_passengers(
    repo: Repository, last: Version, pool: Container[str]
) -> dict[str, Passenger]:
    """The passengers of a snapshot as the folder has them now, and the pictures that Git LFS
    keeps elsewhere. Changes nothing. pool: the names of the pool's own files."""
    cached, written = read_index(repo.index_path)
    away = kept_away(repo, last)
    found = {}
    for path in [*last.passengers, *last.blobs]:
        stat = repo.folder.own_stat(path)
        if path in pool or path == MANIFEST_NAME or (stat is None and path not in away):
            continue
        blob = away.get(path) or vouched(cached.get(path), stat, written)
        mode = last.passengers[path].mode if path in last.passengers else FILE_MODE
        found[path] = Passenger(blob or hash_file(repo.path / path), mode)
    return found


def build_trees(blobs: Mapping[str, str], passengers: Mapping[str, Passenger]) -> list[Tree]:
    """The lists of files for a pool's and its passengers: a folder's before the one it is in, the
    root's last."""
    folders: dict[str, Tree] = {"": Tree()}
    modes = {path: passenger.mode for path, passenger in passengers.items()}
    plain = {path: passenger.blob for path, passenger in passengers.items()}
    for path, blob in {**plain, **blobs}.items():
        above, _, name = path.rpartition("/")
        _folder(folders, above).add(name.encode(), modes.get(path, FILE_MODE), blob.encode())
    made = []
    for path in sorted(folders, key=lambda path: path.count("/") if path else -1, reverse=True):
        made.append(folders[path])
        if path:
            above, _, name = path.rpartition("/")
            folders[above].add(name.encode(), FOLDER_MODE, folders[path].id)
    return made


def _folder(folders: dict[str, Tree], path: str) -> Tree:
    if path not in folders:
        folders[path] = Tree()
        _folder(folders, path.rpartition("/")[0])
    return folders[path]


# The same again wherever nothing changed.
@functools.lru_cache(maxsize=4)
def _trees_of(
    blobs: tuple[tuple[str, str], ...], passengers: tuple[tuple[str, Passenger], ...]
) -> list[Tree]:
    return build_trees(dict(blobs), dict(passengers))


def take(
    repo: Repository,
    identity: Identity,
    kind: str,
    now: int,
    text: str | None = None,
    even_if_unchanged: bool = False,
    manifest: Manifest | None = None,
) -> str | None:
    """Snapshot the work tree; None where nothing changed.

    kind: the `Pool-Snapshot` trailer. An `auto` one isn't taken for another active image.
    text: the sentence; without one it says what changed. manifest: what `take_in` gave just now.
    """
    manifest = manifest or take_in(repo, now)
    with leftovers.writing(repo):
        return _take(repo, identity, kind, now, text, even_if_unchanged, manifest)


def _take(
    repo: Repository,
    identity: Identity,
    kind: str,
    now: int,
    text: str | None,
    even_if_unchanged: bool,
    manifest: Manifest,
) -> str | None:
    work = scan(repo, manifest)
    tip = repo.tip()
    now_there = work.version
    trees = _trees_of(tuple(now_there.blobs.items()), tuple(now_there.passengers.items()))
    tree = trees[-1]
    same = tip is not None and repo.commit(tip).tree == tree.id
    if same and not even_if_unchanged:
        if not work.known:
            checkout.write_cache(repo, work.files, work.passengers)
        return None
    changes = compare(repo.version(tip), now_there)
    if kind == "auto" and tip and not even_if_unchanged and not changes.matters():
        return None
    repo.objects.write_files([repo.path / MANIFEST_NAME])
    repo.objects.write_all(trees)
    message = Message(text or _sentence(tip, changes), kind, identity.id, identity.name)
    commit = commit_tree(repo, tree.id.decode(), [tip] if tip else [], message, now)
    ref = identity.branch
    repo.refs.swap(ref, tip, commit)
    checkout.write_cache(repo, work.files, work.passengers)
    return commit


def is_dirty(repo: Repository, names: Sequence[str]) -> bool:
    """Whether any of these files has bytes that the newest snapshot has not."""
    tip = repo.tip()
    if tip is None:
        return True
    snapshot = repo.version(tip).blobs
    cached, written = read_index(repo.index_path)
    for name in names:
        stat = repo.folder.stat(name)
        if stat is None:
            continue
        blob = vouched(cached.get(name), stat, written) or hash_file(repo.path / name)
        if snapshot.get(name) != blob:
            return True
    return False


def commit_tree(
    repo: Repository, tree_id: str, parents: list[str], message: Message, now: int
) -> str:
    """Write a commit, of today: a clock that was wrong once must not date what comes after."""
    return repo.objects.write(make_commit(tree_id, parents, message, now))


def make_commit(tree_id: str, parents: list[str], message: Message, now: int) -> Commit:
    """The same commit, not written yet."""
    commit = Commit()
    commit.tree = tree_id.encode()
    commit.parents = [parent.encode() for parent in parents]
    commit.author = commit.committer = AUTHOR
    commit.author_time = commit.commit_time = now
    commit.author_timezone = commit.commit_timezone = utc_offset(now)
    commit.encoding = None
    commit.message = message.dump()
    return commit


def _sentence(tip: str | None, changes: Changes) -> str:
    said = sentence(changes)
    return "Create the profile" if tip is None and said == "No change" else said


def _leftovers(repo: Repository, strays: list[str]) -> list[str]:
    """Those that are in the newest snapshot, just as they are."""
    tip = repo.tip() if strays and repo.exists() else None
    listed = repo.version(tip).manifest.file_names() if tip else ()
    return [name for name in strays if name in listed and not is_dirty(repo, [name])]


def _join(repo: Repository, identity: Identity, ref: str, tip: str, other: str, now: int) -> None:
    """Keep a line of history that a git user started elsewhere, under the profile's own."""
    tree = repo.commit(other).tree.decode()
    message = Message("Take in edits made with git", "merge", identity.id, identity.name)
    repo.refs.swap(ref, tip, commit_tree(repo, tree, [tip, other], message, now))


def utc_offset(now: int) -> int:
    """This machine's offset from UTC at that time, in seconds, to the minute."""
    try:
        return time.localtime(now).tm_gmtoff // 60 * 60
    except (OverflowError, OSError, ValueError):  # a time that the system can't tell
        return 0
