"""Profiles with long histories, made object by object as Git Pool writes them, but without
waiting for the disk: `python -m benchmarks.histories TASK`, TASK being JSON."""

from __future__ import annotations

import itertools
import json
import os
import random
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from gitpool.git import snapshots
from gitpool.git.changes import Version, compare
from gitpool.git.messages import Message, sentence
from gitpool.git.repository import Identity, Repository
from gitpool.pool.manifest import MANIFEST_NAME, Slot, image_name
from gitpool.service import Service

from .steps import BRANCH, PROFILE

SPAN = 60 * 86_400
SOUGHT = "the hero shot"
Edit = Callable[[Version], Version]


@dataclass
class Writer:
    """Snapshots of a profile, one on the other, `step` seconds apart."""

    repo: Repository
    identity: Identity
    tip: str
    version: Version
    time: int
    step: float

    def take(self, version: Version, text: str = "") -> None:
        """One more; with a text, as if by hand."""
        objects = self.repo.objects
        said = text or sentence(compare(self.version, version))
        path = self.repo.path / MANIFEST_NAME
        path.write_bytes(version.manifest.dump())
        [(manifest, _)] = objects.write_files([path])
        tree = objects.write(snapshots.build_tree({**version.blobs, MANIFEST_NAME: manifest}))
        kind = "named" if text else "auto"
        message = Message(said, kind, self.identity.id, self.identity.name)
        now = round(self.time)
        self.tip = snapshots.commit_tree(self.repo, tree, [self.tip], message, now)
        self.version, self.time = version, self.time + self.step


def main() -> None:
    """Make what the first argument says."""
    os.fsync = lambda _: None
    task = json.loads(sys.argv[1])
    home, images = Path(task["home"]), [Path(image) for image in task["images"]]
    MAKERS[task["kind"]](home, images, task["snapshots"])


def edited(home: Path, images: Sequence[Path], count: int) -> None:
    """A pool of these images, most of whose snapshots change a label; five are by hand and say
    what a search then looks for."""
    writer = _begin(home, images, count)
    blobs = list(writer.version.blobs.values())
    # The first two are the empty profile and the images.
    for number, edit in zip(range(2, count), _edits(blobs), strict=False):
        sought = count > 5 and number % (count // 5) == count // 10
        writer.take(edit(writer.version), f"Light for {SOUGHT}" if sought else "")
    _end(writer)


def rebuilt(home: Path, images: Sequence[Path], _: int) -> None:
    """Two snapshots, between which a third of the images were changed, moved, or made way."""
    writer = _begin(home, images, 2)
    version = writer.version
    blobs = list(version.blobs.values())
    for edit in itertools.islice(_edits(blobs, every=True), len(images) // 3):
        version = edit(version)
    writer.take(version)
    _end(writer)


def deleted(home: Path, images: Sequence[Path], _: int) -> None:
    """Images added one by one, then nine of ten removed one by one."""
    writer = _begin(home, images[:1], 2 * len(images))
    stored = [blob for blob, _ in writer.repo.objects.write_files(images)]
    for number in range(1, len(images)):
        writer.take(_add(writer.version, stored[number]))
    for number in range(len(images)):
        if number % 10:
            writer.take(_remove(writer.version, image_name(number + 1, ".png")))
    for number in range(0, len(images), 10):
        shutil.copyfile(images[number], writer.repo.path / image_name(number + 1, ".png"))
    _end(writer)


MAKERS = {"edited": edited, "rebuilt": rebuilt, "deleted": deleted}


def _begin(home: Path, images: Sequence[Path], count: int) -> Writer:
    began = time.time() - SPAN - 60
    service = Service(home / "pools", home / "user", lambda: began, delay=3600)
    service.profiles.create(PROFILE, BRANCH)
    for number, image in enumerate(images):
        shutil.copyfile(image, home / "pools" / PROFILE / image_name(number + 1, ".png"))
    service.versions.take(PROFILE)
    repo = service.library.repository(PROFILE)
    identity, tip = repo.identity(), repo.tip()
    assert identity
    assert tip
    version = repo.version(tip)
    blobs = {name: blob for name, blob in version.blobs.items() if name != MANIFEST_NAME}
    step = SPAN / max(1, count)
    return Writer(repo, identity, tip, Version(version.manifest, blobs), int(began + step), step)


def _end(writer: Writer) -> None:
    repo = writer.repo
    branch = repo.branch()
    assert branch
    for name in repo.folder.image_files().keys() - writer.version.blobs.keys():
        (repo.path / name).unlink()
    for name, blob in writer.version.blobs.items():
        with open(repo.path / name, "wb") as file:
            repo.objects.copy_blob(blob, file)
    repo.refs.swap(branch, repo.tip(), writer.tip)
    # Nothing changed since, so this only has the index agree.
    snapshots.take(repo, writer.identity, "auto", int(time.time()))


def _edits(blobs: Sequence[str], every: bool = False) -> Iterator[Edit]:
    """Edits without end: labels, now and then another picture, order, or image."""
    dice = random.Random(1)
    kinds = ["replace", "move", "swap"] if every else ["label"] * 7 + ["replace", "move", "swap"]
    for number in itertools.count():
        kind, at, to, blob = dice.choice(kinds), dice.random(), dice.random(), dice.choice(blobs)
        if kind == "label":
            yield lambda old, at=at, number=number: _label(old, at, f"label {number}")
        elif kind == "replace":
            yield lambda old, at=at, blob=blob: _replace(old, at, blob)
        elif kind == "move":
            yield lambda old, at=at, to=to: _move(old, at, to)
        else:
            yield lambda old, at=at, blob=blob: _swap(old, at, blob)


def _slot(version: Version, at: float) -> int:
    return int(at * len(version.manifest.slots))


def _label(old: Version, at: float, label: str) -> Version:
    return Version(old.manifest.change(_slot(old, at), label=label), old.blobs)


def _replace(old: Version, at: float, blob: str) -> Version:
    name = old.manifest.slots[_slot(old, at)].image
    return Version(old.manifest, {**old.blobs, name: blob})


def _move(old: Version, at: float, to: float) -> Version:
    order = list(range(len(old.manifest.slots)))
    order.insert(int(to * len(order)), order.pop(_slot(old, at)))
    return Version(old.manifest.reorder(order), old.blobs)


def _swap(old: Version, at: float, blob: str) -> Version:
    return _add(_remove(old, old.manifest.slots[_slot(old, at)].image), blob)


def _add(old: Version, blob: str) -> Version:
    name = image_name(old.manifest.next_seq, ".png")
    added = 1_700_000_000_000 + old.manifest.next_seq
    return Version(old.manifest.add(Slot(name, added=added)), {**old.blobs, name: blob})


def _remove(old: Version, name: str) -> Version:
    names = [slot.image for slot in old.manifest.slots]
    kept = {image: blob for image, blob in old.blobs.items() if image != name}
    return Version(old.manifest.remove(names.index(name)), kept)


if __name__ == "__main__":
    main()
