"""What two machines both changed: kept until a person says mine, theirs or both."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ..errors import Malformed, NotFound
from ..git import snapshots
from ..git.changes import Version
from ..git.messages import Message
from ..git.repository import Repository
from ..git.versions import show_manifest
from ..identifiers import check_id, name_key
from ..pool import durable
from ..pool.manifest import (
    Manifest,
    image_name,
    mask_name,
    number_of,
)
from ..pool.reading import read_file
from .library import Library, OpenProfile

_NOTE = "gitpool-conflicts.json"
_MOST = 1000
CHOICES = ("mine", "theirs", "both")


def entry(
    slot: str | None, what: str, kept: dict[str, Any], other: dict[str, Any]
) -> dict[str, Any]:
    """One conflict as it is kept and shown. slot: the image's file name, None for the pool."""
    words = json.dumps([slot, what, kept, other], sort_keys=True).encode()
    digest = hashlib.sha256(words).hexdigest()[:16]
    return {"conflict": digest, "slot": slot, "what": what, "kept": kept, "other": other}


def read(repo: Repository) -> list[dict[str, Any]]:
    """The conflicts that nobody has decided yet."""
    with contextlib.suppress(OSError, ValueError):
        raw = json.loads(read_file(repo.git / _NOTE))
        if isinstance(raw, list) and all(isinstance(e, dict) and "conflict" in e for e in raw):
            return raw
    return []


def add(repo: Repository, found: list[dict[str, Any]]) -> None:
    """Keep new ones; for the same thing of the same image the newest counts."""
    if found:
        fresh = {(e["slot"], e["what"]) for e in found}
        old = [e for e in read(repo) if (e.get("slot"), e.get("what")) not in fresh]
        _write(repo, [*old, *found][-_MOST:])


def _write(repo: Repository, entries: list[dict[str, Any]]) -> None:
    if entries:
        data = json.dumps(entries, ensure_ascii=False).encode()
        durable.write_file(repo.git / _NOTE, data)
    else:
        (repo.git / _NOTE).unlink(missing_ok=True)


class Conflicts:
    """Deciding them."""

    def __init__(self, library: Library, rename: Callable[[str, str], Any]) -> None:
        self._library = library
        self._rename = rename

    def list(self, profile_id: str) -> dict[str, Any]:
        """Those of a profile that wait. Changes nothing."""
        self._library.registry.get(profile_id)
        repo = Repository(self._library.path_of(profile_id))
        return {"conflicts": read(repo) if repo.exists() else []}

    def resolve(self, profile_id: str, conflict: object, choice: object) -> dict[str, Any]:
        """Decide one; gives those that are left. `theirs` and `both` make a snapshot, so that
        it can be gone back on."""
        check_id(conflict, "conflict")
        if choice not in CHOICES:
            raise Malformed("bad_choice", "The choice must be mine, theirs or both.")
        with self._library.open_profile(profile_id) as pool:
            waiting = read(pool.repo)
            found = next((e for e in waiting if e["conflict"] == conflict), None)
            if found is None:
                raise NotFound("unknown_conflict", "That has been decided already.")
            if choice == "both" and found["what"] in ("order", "name"):
                raise Malformed("bad_choice", "An order or a name can't be both.")
            if choice != "mine" and found["what"] != "name":
                self._take(pool, found, str(choice))
            left = [e for e in waiting if e is not found]
            _write(pool.repo, left)
        if choice != "mine" and found["what"] == "name":
            self._rename(profile_id, str(found["other"]["name"]))
        self._library.changed(profile_id)
        return {"conflicts": left}

    def _take(self, pool: OpenProfile, found: dict[str, Any], choice: str) -> None:
        repo, now = pool.repo, self._library.now()
        snapshots.take(repo, pool.identity, "auto", now)
        version = repo.version(repo.tip())
        changed = _apply(repo, version, found, choice)
        said = {"theirs": "Take the other machine’s", "both": "Keep both machines’"}[choice]
        text = f"{said} {found['what']}"
        message = Message(text, "merge", pool.identity.id, pool.identity.name)
        show_manifest(repo, pool.identity, changed.manifest, changed.blobs, message, now)


def _apply(repo: Repository, version: Version, found: dict[str, Any], choice: str) -> Version:
    """The pool with the other side's value, or with both. Raises NotFound."""
    manifest, what, other = version.manifest, found["what"], found["other"]
    if what == "order":
        return Version(_ordered(manifest, other.get("images", [])), version.blobs)
    index = next((i for i, s in enumerate(manifest.slots) if s.image == found["slot"]), None)
    if index is None:
        raise NotFound("unknown_image", "That image isn't in the pool any more.")
    slot = manifest.slots[index]
    if what == "label":
        text = str(other.get("label", ""))
        label = f"{slot.label}, {text}" if choice == "both" else text
        return Version(manifest.change(index, label=label), version.blobs)
    blob = str(other.get("blob", ""))
    if blob not in repo.objects:
        raise NotFound("unknown_image", "The other machine’s file isn't kept any more.")
    if choice == "both":
        return _with_second(version, index, what, blob)
    if what == "image":
        return Version(manifest, {**version.blobs, slot.image: blob})
    taken = {name_key(name) for name in (*version.blobs, *version.passengers)}
    name = slot.mask or mask_name(slot.image, taken)
    return Version(manifest.change(index, mask=name), {**version.blobs, name: blob})


def _with_second(version: Version, index: int, what: str, blob: str) -> Version:
    """The slot a second time behind itself, there with the other's file."""
    manifest, blobs = version.manifest, dict(version.blobs)
    slot = manifest.slots[index]
    highest = max(number_of(name) for name in manifest.file_names())
    number = max(manifest.next_seq, highest + 1)
    name = image_name(number, "." + slot.image.rpartition(".")[2])
    blobs[name] = blob if what == "image" else blobs[slot.image]
    mask = None
    if what == "mask":
        mask = mask_name(name, {name_key(other) for other in (*blobs, *version.passengers)})
        blobs[mask] = blob
    copy = replace(slot, image=name, mask=mask)
    active = manifest.active + (1 if index < manifest.active else 0)
    slots = (*manifest.slots[: index + 1], copy, *manifest.slots[index + 1 :])
    return Version(replace(manifest, slots=slots, active=active, next_seq=number + 1), blobs)


def _ordered(manifest: Manifest, images: list[str]) -> Manifest:
    """The slots in the other's order; what it doesn't name stays behind what it follows now."""
    place = {image: i for i, image in enumerate(images)}
    at, keys = -1, []
    for slot in manifest.slots:
        at = place.get(slot.image, at)
        keys.append(at)
    order = sorted(range(len(keys)), key=lambda i: keys[i])
    return manifest.reorder(order)
