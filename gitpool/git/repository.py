"""A profile's repository: how it is laid out, opened, and mended after a crash."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Set
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from dulwich.objects import Commit, Tag

from ..errors import Conflict, Damaged, NotFound
from ..identifiers import IMAGE_EXTENSIONS, branch_of, clean_name, name_of_branch
from ..pool import durable
from ..pool.folder import PoolFolder
from ..pool.manifest import MANIFEST_NAME, Manifest, parse_manifest
from ..pool.reading import read_file
from .changes import Version
from .inflate import KINDS
from .listing import Passenger, list_files
from .messages import parse_message
from .objects import ObjectStore
from .pack import TEMP_PACK
from .refs import BRANCHES, KEPT, LOCK_MARK, Refs
from .trees import FILES, entries

IDENTITY = "gitpool.json"
CLEANED = "gitpool-cleaned"
NUMBERS = "gitpool-numbers"
_CONFIG = """\
[core]
\trepositoryformatversion = 0
\tfilemode = false
\tbare = false
\tautocrlf = false
\tsymlinks = false
"""
# The highest rank of attributes: no global setting or filter of a user's touches a byte.
_ATTRIBUTES = "* -text -eol -ident -filter -working-tree-encoding\n"
_EXCLUDE = """\
# Git Pool keeps the pool's files; whatever else lies here stays out of the history.
/*
!/manifest.json
"""
_OWN_FOLDERS = ("", "/objects", "/objects/pack", "/refs", "/refs/heads", "/refs/tags")
# Seconds: nobody's git holds a lock for so long, on however slow a disk.
_ABANDONED = 3600.0
_STALE_LOCKS = ("index.lock", "HEAD.lock", "config.lock", "packed-refs.lock", "shallow.lock")


@dataclass(frozen=True)
class Identity:
    """Who a profile is, kept inside its own folder so that a lost registry can be mended."""

    id: str
    name: str
    created: int

    @property
    def branch(self) -> str:
        """The profile's own branch, as a full ref."""
        return BRANCHES + branch_of(self.name, self.id)

    def as_json(self) -> dict[str, Any]:
        return {"id": self.id, "name": self.name, "created": self.created}


class Repository:
    """The repository in the pool folder `path`. Callers hold the pool's lock.

    bare: the folder itself is what `.git` is elsewhere, and there is no pool in it.
    """

    def __init__(self, path: Path, bare: bool = False) -> None:
        self.path = path
        self.folder = PoolFolder(path)
        self.git = path if bare else path / ".git"
        self.objects = ObjectStore(self.git / "objects")
        self.refs = Refs(self.git)
        self.index_path = self.git / "index"

    def exists(self) -> bool:
        """Whether there is a real `.git` folder; a file or a link that points away isn't, nor
        one whose objects or refs are elsewhere."""
        return self.git.is_dir() and not any(
            os.path.islink(f"{self.git}{part}") for part in _OWN_FOLDERS
        )

    def create(self, identity: Identity) -> None:
        """Lay out an empty repository; mends a half-made one."""
        for name in ("objects/pack", "objects/info", "refs/heads", "refs/tags", "info"):
            durable.make_folder(self.git / name)
        self.write_config()
        durable.write_file(self.git / "description", b"Git Pool profile\n")
        self.write_attributes()
        self.write_identity(identity)
        self.refs.set_head(identity.branch, self.refs.head())

    def write_config(self) -> None:
        """The plain settings that git needs to read the folder at all."""
        durable.write_file(self.git / "config", _CONFIG.encode())

    def write_attributes(self) -> None:
        """What keeps a user's own git from touching bytes."""
        durable.write_file(self.git / "info" / "attributes", _ATTRIBUTES.encode())

    def write_identity(self, identity: Identity) -> None:
        data = json.dumps(identity.as_json(), ensure_ascii=False).encode()
        durable.write_file(self.git / IDENTITY, data)

    def identity(self) -> Identity | None:
        """Who this folder says it is: by its own file, else by its newest snapshot."""
        noted = self.noted_identity()
        if noted:
            return noted
        ref, _ = self.refs.head()
        tip = self.tip()
        if tip is None:
            return None
        commit = self.commit(tip)
        message = parse_message(commit.message)
        name = message.name or name_of_branch((ref or "").removeprefix(BRANCHES))
        if not name:
            return None
        return Identity(message.profile_id, clean_name(name), commit.commit_time)

    def noted_identity(self) -> Identity | None:
        """The same, by its own file alone."""
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError, RecursionError):
            raw = json.loads(read_file(self.git / IDENTITY))
            return Identity(str(raw["id"]), clean_name(raw["name"]), int(raw["created"]))
        return None

    def branch(self) -> str | None:
        """The branch HEAD names, as a full ref."""
        return self.refs.head()[0]

    def tip(self) -> str | None:
        """The newest snapshot: what HEAD comes to."""
        ref, detached = self.refs.head()
        return self.refs.get(ref) if ref else detached

    def commit(self, commit_id: str) -> Commit:
        """A snapshot's commit. Raises NotFound where there is none of that id, or Damaged."""
        if commit_id not in self.objects:
            raise NotFound("unknown_snapshot", "There is no such snapshot.")
        obj = self.objects.read(commit_id)
        if not isinstance(obj, Commit):
            raise NotFound("unknown_snapshot", "There is no such snapshot.")
        return obj

    def parents(self, commit_id: str) -> list[str]:
        """The snapshots that one was made on, those that are here."""
        names = [parent.decode() for parent in self.commit(commit_id).parents]
        return [name for name in names if name in self.objects]

    def snapshot_of(self, name: str) -> str | None:
        """The snapshot that a ref's object comes to, through tags; None where it comes to none
        that is here. Raises Damaged."""
        while name in self.objects:
            obj = self.objects.read(name)
            if isinstance(obj, Commit):
                return name
            if not isinstance(obj, Tag):
                return None
            name = obj.object[1].decode()
        return None

    def shallow(self) -> set[str]:
        """Snapshots that a clean-up left without those before them, in git's own file for it:
        https://git-scm.com/docs/shallow."""
        try:
            text = read_file(self.git / "shallow").decode("ascii", "replace")
        except (FileNotFoundError, IsADirectoryError):
            return set()
        return set(text.split())

    def set_shallow(self, snapshots: Set[str]) -> None:
        """Replace that file, under git's lock of it."""
        with self.refs.locked("shallow"):
            self._write_shallow(snapshots)

    def _write_shallow(self, snapshots: Set[str]) -> None:
        path = self.git / "shallow"
        if snapshots:
            durable.write_file(path, "".join(f"{s}\n" for s in sorted(snapshots)).encode())
        elif path.exists():
            path.unlink()
            durable.sync_folder(self.git)

    def lift_shallow(self) -> None:
        """Where what a clean-up cut off is here again, have git see it."""
        if not any(map(self._is_whole, self.shallow())):
            return
        with self.refs.locked("shallow"):
            cut = self.shallow()
            self._write_shallow({name for name in cut if not self._is_whole(name)})

    def _is_whole(self, name: str) -> bool:
        # git lets what is gone stand in the file.
        return name in self.objects and all(
            parent.decode() in self.objects for parent in self.commit(name).parents
        )

    def cleaned(self) -> bytes:
        """A word that each clean-up changes: what was here before may be gone after it."""
        try:
            return read_file(self.git / CLEANED)
        except (FileNotFoundError, IsADirectoryError):
            return b""

    def tips(self) -> list[str]:
        """Where the history is read from: the newest snapshot, and older ones that a clean-up
        kept without what led from them to it."""
        kept = self.refs.all(KEPT).values()
        return list(dict.fromkeys([*filter(None, [self.tip()]), *sorted(kept)]))

    def files_of(self, tree_id: str) -> dict[str, str]:
        """A tree's regular files: blob ids by name."""
        self._require(tree_id)
        return dict(_files_cached(str(self.objects.folder), tree_id))

    def version(self, commit_id: str | None) -> Version:
        """The pool as a snapshot holds it; an empty pool for None."""
        if commit_id is None:
            return Version()
        return self.version_of_tree(self.commit(commit_id).tree.decode())

    def version_of_tree(self, tree_id: str) -> Version:
        """The pool as a list of files holds it."""
        self._require(tree_id)
        version = _version_cached(str(self.objects.folder), tree_id)
        self._require(version.blobs.get(MANIFEST_NAME))
        return version

    def remembered(self) -> Manifest | None:
        """The newest snapshot's manifest, or None where there is none to read."""
        with contextlib.suppress(Damaged, NotFound):
            tip = self.tip()
            return self.version(tip).manifest if tip else None
        return None

    def sweep(self) -> None:
        """Clear what a killed process left: locks and temporary files. Our lock is held, so
        nobody of ours uses them; another git's lock is left alone while its owner may live.
        Raises Conflict where a folder to be written to is a link."""
        for name in _STALE_LOCKS:
            _remove_stale(self.git / name)
        for folder, below, files in os.walk(self.git / "refs"):
            if any(os.path.islink(os.path.join(folder, name)) for name in below):
                raise _odd()
            for file in files:
                if file.endswith(".lock"):
                    _remove_stale(Path(folder) / file)
                elif file.startswith(durable.TEMP_PREFIX):
                    os.unlink(Path(folder) / file)
        for entry in os.scandir(self.objects.folder) if self.objects.folder.is_dir() else ():
            if entry.name.startswith("tmp_obj_"):
                os.unlink(entry.path)
            elif entry.is_symlink():
                raise _odd()
        if self.objects.has_odd_packs():
            raise _odd()
        for file in (self.objects.folder / "pack").glob(f"{TEMP_PACK}*.*"):
            file.unlink()
        for folder in (self.path, self.git, self.git / "info"):
            if folder.is_dir():
                durable.sweep_temporary(folder)

    def exclude_files(self, kept: set[str]) -> None:
        """Have `git status` show only the pool's own files, and images yet to be taken in."""
        lines = [_EXCLUDE, *(f"!/*{ext}\n" for ext in IMAGE_EXTENSIONS)]
        others = sorted(name for name in self.folder.dropped_files() if name not in kept)
        # What macOS leaves beside each file is called like it, with a dot in front.
        lines += ["/.*\n", *(f"/{_escape(name)}\n" for name in others)]
        path = self.git / "info" / "exclude"
        data = "".join(lines).encode("utf-8", "surrogateescape")
        with contextlib.suppress(FileNotFoundError, IsADirectoryError):
            if read_file(path) == data:
                return
        durable.make_folder(path.parent)
        durable.write_file(path, data)

    def remove_git(self) -> None:
        """Take the repository away, leaving the pool's files."""
        shutil.rmtree(self.git)

    def _require(self, object_id: str | None) -> None:
        """What is remembered counts only while the object is there. Raises Damaged."""
        if object_id and object_id not in self.objects:
            self.objects.read_raw(object_id)


# The newest snapshot's is asked for again and again while it is the newest.
@lru_cache(maxsize=8)
def _version_cached(folder: str, tree_id: str) -> Version:
    store = ObjectStore(Path(folder))
    listing = list_files(store, tree_id)
    pool, others = dict(listing.pool), dict(listing.others)
    manifest = Manifest()
    if MANIFEST_NAME in pool:
        with contextlib.suppress(ValueError):
            manifest = parse_manifest(store.read_raw(pool[MANIFEST_NAME])[1])
    spare = pool.keys() - manifest.file_names() - {MANIFEST_NAME}
    # What only is called like an image or a mask may be anything.
    others |= {name: Passenger(pool.pop(name)) for name in spare}
    return Version(manifest, pool, others, listing.left_out)


@lru_cache(maxsize=8)
def _files_cached(folder: str, tree_id: str) -> dict[str, str]:
    kind, data = ObjectStore(Path(folder)).read_raw(tree_id)
    if kind != KINDS[b"tree"]:
        raise Damaged("damaged", "A part of this profile's history is damaged.")
    return {
        name.decode("utf-8", "replace"): blob.hex()
        for mode, name, blob in entries(data)
        if mode in FILES
    }


def _remove_stale(lock: Path) -> None:
    with contextlib.suppress(FileNotFoundError, IsADirectoryError):
        if read_file(lock) == LOCK_MARK or durable.age_of(lock) > _ABANDONED:
            lock.unlink()


def _odd() -> Conflict:
    return Conflict("odd_git", "This profile's history isn't a folder of its own.")


def _escape(name: str) -> str:
    return "".join("\\" + c if c in "\\*?[]!# " else c for c in name)
