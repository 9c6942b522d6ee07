"""A whole history as one file, a git bundle: https://git-scm.com/docs/gitformat-bundle (v2)."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from dulwich.objects import ShaFile, Tree

from ..errors import Damaged, NotFound, Unacceptable
from ..identifiers import name_of_branch
from ..pool import durable
from ..pool.threads import begin
from .clone import reach
from .inflate import KINDS
from .objects import ObjectStore
from .pack import stream_pack
from .pack_examine import examine_pack, index_pack
from .pack_kinds import kinds_of
from .refs import BRANCHES, TAGS
from .repository import Repository
from .sound import is_read_by_git, is_sound_settings, is_sound_tree
from .trees import FILES, entries
from .unsaved import Unsaved, WithUnsaved

SIGNATURE = b"# v2 git bundle\n"
_REF = re.compile(rb"([0-9a-f]{40}) (HEAD|refs/[^\x00-\x20\x7f~^:?*\[\\]+)")
_PLAIN_TAG = re.compile(r"refs/tags/[A-Za-z0-9]([A-Za-z0-9_-]|\.(?!\.|lock$|$)){0,99}")
_MAX_REFS = 1000
_MAX_HEADER = 1 << 20


@dataclass(frozen=True)
class Header:
    """What a bundle says of itself: its refs, and where its pack begins."""

    refs: dict[str, str]
    pack_start: int


def stream_bundle(repo: Repository, more: Unsaved | None = None) -> Iterator[bytes]:
    """The whole history of the profile's branch, with its tags, a piece at a time.

    more: a snapshot on top of it that isn't stored anywhere.
    """
    tip = more.parent if more else repo.tip()
    newest = more.tip if more else tip
    if newest is None:
        raise NotFound("no_snapshots", "This profile has no snapshots yet.")
    # A git user's tags on single files or lists of them are no part of a history.
    tags = {ref: name for ref, name in repo.refs.all(TAGS).items() if repo.snapshot_of(name)}
    object_ids = reach(repo, [*filter(None, [tip]), *tags.values()]).all()
    refs = {repo.branch() or _own_branch(repo): newest, **tags}
    lines = [f"{object_id} {ref}\n" for ref, object_id in refs.items()]
    yield SIGNATURE + "".join([*lines, f"{newest} HEAD\n", "\n"]).encode()
    if more is None:
        yield from stream_pack(repo.objects, object_ids)
    else:
        object_ids = list(dict.fromkeys([*object_ids, *more.ids()]))
        yield from stream_pack(WithUnsaved(repo.objects, more), object_ids)


def _own_branch(repo: Repository) -> str:
    own = repo.identity()
    return own.branch if own else BRANCHES + "main"


def read_header(path: Path) -> Header:
    """A bundle's header. Raises Unacceptable."""
    refs = {}
    with open(path, "rb") as file:
        if file.readline(64) != SIGNATURE:
            raise _bad("it isn't a git bundle of version 2")
        while (line := file.readline(_MAX_HEADER)) != b"\n":
            if file.tell() > _MAX_HEADER or len(refs) > _MAX_REFS:
                raise _bad("it holds too many branches")
            if line.startswith(b"-"):
                raise _bad("it holds only a part of a history")
            match = _REF.fullmatch(line.rstrip(b"\n"))
            if not match or not line.endswith(b"\n"):
                raise _bad("its list of branches is damaged")
            refs[match[2].decode("utf-8", "replace")] = match[1].decode()
        return Header(refs, file.tell())


def choose_branch(header: Header) -> tuple[str, str]:
    """The name and the commit of the branch to take: HEAD's, or the only one."""
    branches = {r: sha for r, sha in header.refs.items() if r.startswith(BRANCHES)}
    head = header.refs.get("HEAD")
    chosen = [r for r, sha in branches.items() if sha == head] or list(branches)
    if head and not branches:
        return "", head
    if not chosen or (head is None and len(branches) > 1):
        raise _bad("it doesn't say which of its branches is the profile")
    return name_of_branch(chosen[0].removeprefix(BRANCHES)), branches[chosen[0]]


def unpack(path: Path, header: Header, repo: Repository, max_total: int) -> dict[str, str]:
    """Put the bundle's objects into `repo`, a scratch repository, and examine every one that a
    branch or tag names. Gives the tags. Raises Unacceptable, TooLarge.
    """
    pack = repo.objects.folder / "pack" / "pack-import.pack"
    copied = begin(lambda: _copy_pack(path, header, pack))
    try:
        objects = examine_pack(path, max_total, header.pack_start)
    finally:
        copied.result()
    _, tip = choose_branch(header)
    index_pack(pack, objects)
    # Names and locks of snapshots, and plain tags of a user's; whatever else stays behind.
    tags = {r: sha for r, sha in header.refs.items() if _PLAIN_TAG.fullmatch(r)}
    _examine(repo, [tip, *tags.values()])
    return tags


def _copy_pack(path: Path, header: Header, pack: Path) -> None:
    with open(path, "rb") as source, open(pack, "wb") as target:
        source.seek(header.pack_start)
        shutil.copyfileobj(source, target, 1 << 20)
        target.flush()
        durable.sync(target)


def _examine(repo: Repository, tips: list[str]) -> None:
    """Read every commit, tag and tree, and see that every file is there."""
    try:
        found = reach(repo, tips)
        for object_id in (*found.commits, *found.tags, *found.trees):
            _check_object(repo, repo.objects.read(object_id))
    except (Damaged, NotFound):
        raise _bad("a part of its history is missing or damaged") from None
    (pack,) = (repo.objects.folder / "pack").glob("pack-*.pack")
    kinds = kinds_of(pack)
    if any(blob not in kinds for blob in found.blobs):
        raise _bad("some of its images are missing")
    if any(kinds[blob] != KINDS[b"blob"] for blob in found.blobs):
        raise _bad("a part of its history is malformed")


def _check_object(repo: Repository, obj: ShaFile) -> None:
    try:
        obj.check()
    except Exception as error:  # dulwich's checks raise many kinds
        raise _bad("a part of its history is malformed") from error
    if isinstance(obj, Tree):
        check_tree(repo.objects, obj.as_raw_string(), _bad)


def check_tree(
    objects: ObjectStore, raw: bytes, bad: Callable[[str], Unacceptable]
) -> list[tuple[bytes, bytes, str]]:
    """What a tree from outside lists: mode, name and id of each. Raises what `bad` makes unless
    it is one that git would make."""
    if not is_sound_tree(raw):
        raise bad("a part of its history is malformed")
    listed = [(mode, name, blob.hex()) for mode, name, blob in entries(raw)]
    for mode, name, blob in listed:
        read = mode in FILES and is_read_by_git(name) and blob in objects
        if read and not is_sound_settings(name, objects.read_raw(blob)[1]):
            raise bad("a file of git’s own settings in it is malformed")
    return listed


def _bad(why: str) -> Unacceptable:
    return Unacceptable(
        "bad_bundle", f"This file can't be imported: {why}.", "Export it again where it came from."
    )
