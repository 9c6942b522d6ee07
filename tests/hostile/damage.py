"""Ways in which a disk spoils a file, and a profile that has a file of every kind."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

from remotes.folder import bare_repo
from support import git, mask, picture

from gitpool.git.index import read_index, write_index
from gitpool.profiles.jobs import Job
from gitpool.service import Service

ONE, TWO = "a1", "b2"
NAME = "characters_A"

Damage = Callable[[Path, int], None]


def replaced(path: Path, data: bytes) -> None:
    """The file has other bytes, its times as they were, and shares them with no other file."""
    stat = path.stat()
    path.unlink()
    path.write_bytes(data)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


def flipped(path: Path, place: int) -> None:
    data = bytearray(path.read_bytes())
    if data:
        data[place % len(data)] ^= 1 << place % 8
    replaced(path, bytes(data))


def truncated(path: Path, place: int) -> None:
    data = path.read_bytes()
    replaced(path, data[: place % max(1, len(data))])


def zeroed(path: Path, place: int) -> None:
    replaced(path, bytes(path.stat().st_size))


def missing(path: Path, place: int) -> None:
    path.unlink()


DAMAGES: dict[str, Damage] = {
    "flipped": flipped,
    "truncated": truncated,
    "zeroed": zeroed,
    "missing": missing,
}


def service_at(folder: Path, remotes: str = "file") -> Service:
    """Git Pool over a ComfyUI folder; no automatic snapshot comes in the way of a test."""
    base, user = folder / "input" / "grid_pool", folder / "user" / "__gitpool"
    environment = {"GITPOOL_ALLOW_REMOTES": remotes}
    return Service(base, user, time.time, delay=3600, environment=environment)


def add(service: Service, folder: Path, pool_id: str, data: bytes) -> None:
    staged = folder / "staged"
    staged.write_bytes(data)
    service.pools.add(pool_id, staged, 1_700_000_000_000)


def furnished(folder: Path, packed: bool) -> Path:
    """Two profiles with images, masks, labels and a named snapshot; the first has been synced
    with a remote that has all of it, and is packed as `git gc` does it, or not."""
    (folder / "user").mkdir(parents=True)
    remote = bare_repo(folder / "remote.git")
    service = service_at(folder)
    for profile_id, name in ((ONE, NAME), (TWO, "places")):
        service.profiles.create(profile_id, name)
        for seed in range(3):
            add(service, folder, profile_id, picture(seed + len(name)))
        (folder / "staged").write_bytes(mask())
        service.pools.set_mask(profile_id, 0, folder / "staged")
        made = service.versions.snapshot(profile_id, "first")["snapshot"]
        service.versions.lock(profile_id, made["id"], True, "Keep")
        service.pools.label(profile_id, 1, "two")
        service.versions.snapshot(profile_id)
    service.remotes.change(None, {"url": str(remote)})
    service.sync.sync(ONE, Job("j", ONE, "j", lambda _: None))
    service.stop()
    if packed:
        git(folder / "input" / "grid_pool" / ONE, "gc", "-q", "--prune=now")
    settled(folder)
    return folder


def rotten(profile: Path, name: str) -> None:
    """The file's change is one that its times don't tell of, as the index knows them: no program
    can do that to a file, so the index is told of the file instead."""
    index = profile / ".git" / "index"
    stat, known = index.stat(), read_index(index)[0]
    write_index(index, {n: (f.blob, os.stat(profile / n)) for n, f in known.items()})
    os.utime(index, ns=(stat.st_atime_ns, stat.st_mtime_ns))


def settled(folder: Path) -> None:
    """Let the clock go on until git's index vouches for what it knows."""
    time.sleep(0.05)
    for profile_id in (ONE, TWO):
        index = folder / "input" / "grid_pool" / profile_id / ".git" / "index"
        os.utime(index)


def copied(template: Path, target: Path) -> Path:
    """A copy of a furnished folder, as sound as that. The index is told of the copies."""
    shutil.copytree(template, target)
    for profile_id in (ONE, TWO):
        git(target / "input" / "grid_pool" / profile_id, "update-index", "-q", "--refresh")
    service_at(target).remotes.change(None, {"url": str(target / "remote.git")})
    return target


def files_of(profile: Path) -> list[str]:
    """Every file of a profile, by its path in there."""
    return sorted(p.relative_to(profile).as_posix() for p in profile.rglob("*") if p.is_file())
