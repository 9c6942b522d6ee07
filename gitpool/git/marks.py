"""Names, notes and locks that a person gives to snapshots: annotated tags, so that git keeps,
clones and shows them. One tag a snapshot, `snapshot-<12 digits>`; the first line of its message
is the name, what follows the note, the last line `Pool-Locked: yes` where it is locked (and
`Pool-Locked: no` where it isn't, but the text above it ends with such a line)."""

from __future__ import annotations

from dataclasses import dataclass

from dulwich.objects import Commit, Tag

from ..errors import Damaged
from . import leftovers
from .refs import DROPPED, TAGS
from .repository import Repository
from .snapshots import AUTHOR

_LOCKED, _UNLOCKED = "Pool-Locked: yes", "Pool-Locked: no"


@dataclass(frozen=True)
class Mark:
    """What a person said of a snapshot."""

    name: str
    locked: bool
    note: str = ""

    def text(self) -> str:
        """The tag's message."""
        # A note alone stands below an empty first line, so that it isn't taken for a name.
        head = [self.name] if self.name or self.note else []
        text = "\n\n".join([*head, *filter(None, [self.note])])
        if self.locked or text.endswith((_LOCKED, _UNLOCKED)):
            text = f"{text}\n\n{_LOCKED if self.locked else _UNLOCKED}"
        return (text if self.name or self.note else text.lstrip()) + "\n"


def read(repo: Repository) -> dict[str, Mark]:
    """The marks by commit id; a tag of a user's own counts as a name."""
    found = {}
    # Where a snapshot has both, what a person said on the page counts.
    refs = sorted(repo.refs.all(TAGS).items(), key=lambda r: r[0].startswith(f"{TAGS}snapshot-"))
    for ref, object_id in refs:
        own = ref.startswith(f"{TAGS}snapshot-")
        try:
            obj = repo.objects.read(object_id)
        except Damaged:
            continue
        if isinstance(obj, Tag):
            # In a tag of ours what looks like a signature is a part of the note.
            raw = (obj.message or b"") + ((own and obj.signature) or b"")
            text = raw.decode("utf-8", "replace").rstrip()
            above, _, last = text.rpartition("\n")
            name, _, note = (above if last in (_LOCKED, _UNLOCKED) else text).partition("\n")
            mark = Mark(name.strip(), last == _LOCKED or not own, note.strip())
            found[obj.object[1].decode()] = mark
        elif not own:
            found[object_id] = Mark(ref.removeprefix(TAGS), True)
    return found


def write(repo: Repository, commit_id: str, mark: Mark, now: int, offset: int) -> None:
    """Set, change or (where it says nothing) remove a snapshot's mark."""
    repo.commit(commit_id)
    ref = f"{TAGS}snapshot-{commit_id[:12]}"
    if mark.name or mark.note or mark.locked:
        tag = Tag()
        tag.name = ref.removeprefix(TAGS).encode()
        tag.object = (Commit, commit_id.encode())
        tag.tagger = AUTHOR
        tag.tag_time = now
        tag.tag_timezone = offset
        tag.message = mark.text().encode()
        with leftovers.writing(repo, repo.refs.get(ref)):
            replace(repo, ref, repo.objects.write(tag))
    else:
        replace(repo, ref, None)


def replace(repo: Repository, ref: str, new: str | None) -> None:
    """Set a tag to another object, or (None) remove it; no old object is left dangling."""
    old = repo.refs.get(ref)
    if old == new:
        return
    with leftovers.writing(repo, old):
        if new is None:
            repo.refs.delete(ref, old)
        else:
            repo.refs.swap(ref, old, new)
        if old:
            repo.objects.delete_loose(old)
            if old in repo.objects:
                set_aside(repo, old)


def set_aside(repo: Repository, tag_id: str) -> None:
    """Keep a packed tag that nothing names by a ref of its own: packs are never rewritten here,
    and what dangles in them would be in git users' way."""
    ref = f"{DROPPED}{tag_id}"
    repo.refs.swap(ref, repo.refs.get(ref), tag_id)
