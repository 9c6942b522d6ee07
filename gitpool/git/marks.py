"""Names and locks that a person gives to snapshots: annotated tags, so that git keeps,
clones and shows them. One tag a snapshot, `snapshot-<12 digits>`; its message is the name."""

from __future__ import annotations

from dataclasses import dataclass

from dulwich.objects import Commit, Tag

from ..errors import Damaged
from . import leftovers
from .refs import TAGS
from .repository import Repository
from .snapshots import AUTHOR

_LOCKED = "Pool-Locked: yes"


@dataclass(frozen=True)
class Mark:
    """What a person said of a snapshot."""

    name: str
    locked: bool


def read(repo: Repository) -> dict[str, Mark]:
    """The marks by commit id; a tag of a user's own counts as a name."""
    found = {}
    for ref, object_id in repo.refs.all(TAGS).items():
        own = ref.startswith(f"{TAGS}snapshot-")
        try:
            obj = repo.objects.read(object_id)
        except Damaged:
            continue
        if isinstance(obj, Tag):
            text = (obj.message or b"").decode("utf-8", "replace").strip()
            locked = text.endswith(_LOCKED)
            name = text.removesuffix(_LOCKED).strip()
            found[obj.object[1].decode()] = Mark(name, locked or not own)
        elif not own:
            found[object_id] = Mark(ref.removeprefix(TAGS), True)
    return found


def write(repo: Repository, commit_id: str, mark: Mark, now: int, offset: int) -> None:
    """Set, change or (where it says nothing) remove a snapshot's mark."""
    repo.commit(commit_id)
    ref = f"{TAGS}snapshot-{commit_id[:12]}"
    old = repo.refs.get(ref)
    if not mark.name and not mark.locked:
        repo.refs.delete(ref)
    else:
        tag = Tag()
        tag.name = ref.removeprefix(TAGS).encode()
        tag.object = (Commit, commit_id.encode())
        tag.tagger = AUTHOR
        tag.tag_time = now
        tag.tag_timezone = offset
        text = f"{mark.name}\n\n{_LOCKED}\n" if mark.locked else f"{mark.name}\n"
        tag.message = text.lstrip("\n").encode()
        with leftovers.writing(repo):
            new = repo.objects.write(tag)
            if new != old:
                repo.refs.swap(ref, old, new)
        if new == old:
            return
    if old:
        repo.objects.delete_loose(old)
