"""A folder with everything in it that an operation can meet, made once and copied for each trial.

p  a profile with masks, labels, named, locked and automatic snapshots, an edit that no
   snapshot has yet, one that is undone, and one that can be
u  a profile whose last edit removed an image
s  a profile that syncs with `remote.git`, where another machine has changed it since
e  an empty profile;  d  a deleted one;  x  a plain pool
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support import mask, picture

from gitpool.profiles.jobs import Job
from gitpool.service import Service

BEGAN = 1_700_000_000
LATER = BEGAN + 10_000


@dataclass(frozen=True)
class World:
    """A machine in the folder `base`: its pools, its user's folder, files to upload, remotes."""

    base: Path

    @property
    def pools(self) -> Path:
        return self.base / "pools"

    @property
    def remote(self) -> Path:
        return self.base / "remote.git"

    @property
    def new_remote(self) -> Path:
        """A remote that nothing was ever sent to."""
        return self.base / "new.git"

    def file(self, name: str) -> Path:
        """A file that was uploaded, or is to be imported."""
        return self.base / "files" / name

    def service(self, now: float = LATER, home: str = "") -> Service:
        """Git Pool on this machine; or, with `home`, on another one that has the same remote."""
        home_folder = self.base / home if home else self.base
        allowed = {"GITPOOL_ALLOW_REMOTES": "file"}
        pools, user = home_folder / "pools", home_folder / "user"
        return Service(pools, user, lambda: now, delay=3600, environment=allowed)


def sync(service: Service, profile_id: str) -> Any:
    """A sync in this thread."""
    return service.sync.sync(profile_id, Job(uuid.uuid4().hex, profile_id, "lane", lambda _: None))


@dataclass(frozen=True)
class Copies:
    """The world to try things in, and what it is made anew from."""

    world: World
    template: Path

    def renew(self) -> None:
        """Have the world be as it was made."""
        shutil.rmtree(self.world.base)
        subprocess.run(["cp", "-a", str(self.template), str(self.world.base)], check=True)

    @contextlib.contextmanager
    def kept(self) -> Iterator[None]:
        """Have the world be after the block what it was before."""
        aside, base = self.template.with_name("aside"), self.world.base
        os.rename(base, aside)
        subprocess.run(["cp", "-a", str(aside), str(base)], check=True)
        try:
            yield
        finally:
            shutil.rmtree(base)
            os.rename(aside, base)


def make(folder: Path) -> Copies:
    """Make the world below a folder. A remote's address is a full path, so it never moves.

    Call it in a process that ends: what is edited would be snapshotted after a minute.
    """
    world, template = World(folder / "world"), folder / "template"
    _Maker(world).make()
    subprocess.run(["cp", "-a", str(world.base), str(template)], check=True)
    return Copies(world, template)


class _Maker:
    def __init__(self, world: World) -> None:
        self.world = world
        self.number = 0

    def at(self, home: str = "") -> Service:
        """The service, a moment later than before."""
        self.number += 1
        return self.world.service(BEGAN + 10 * self.number, home)

    def make(self) -> None:
        self.world.file("").mkdir(parents=True)
        subprocess.run(["git", "init", "-q", "--bare", str(self.world.remote)], check=True)
        self._main()
        self._removed()
        self._synced()
        self.at().profiles.create("e", "Empty")
        self._fill("d", "Deleted", 1)
        self.at().profiles.delete("d")
        for seed in range(3):
            self._add("x", 60 + seed)
        self._uploads()
        # Nothing here is as young as what is done next, or it would all be read again.
        time.sleep(0.05)

    def _add(self, pool_id: str, seed: int, home: str = "") -> None:
        staged = self.world.file("staged")
        staged.write_bytes(picture(seed))
        self.at(home).pools.add(pool_id, staged, seed, f"image {seed}")

    def _paint(self, pool_id: str, index: int, left: int) -> None:
        staged = self.world.file("staged")
        staged.write_bytes(mask(left=left))
        self.at().pools.set_mask(pool_id, index, staged)

    def _fill(self, pool_id: str, name: str, count: int, first: int = 0) -> None:
        self.at().profiles.create(pool_id, name)
        for seed in range(first, first + count):
            self._add(pool_id, seed)
            self.at().versions.take(pool_id)

    def _main(self) -> None:
        self._fill("p", "Heroes", 4)
        self._paint("p", 1, 8)
        self.at().versions.snapshot("p", "First")
        first = self.at().versions.history("p")["snapshots"][0]["id"]
        self.at().versions.lock("p", first, True, "First")
        self.at().pools.reorder("p", [2, 0, 1, 3])
        self.at().versions.take("p")
        self._paint("p", 2, 12)
        self.at().pools.remove("p", 3)
        self.at().versions.take("p")
        self._add("p", 9)
        self.at().pools.label("p", 1, "unsaved")
        self.at().pools.label("p", 2, "undone")
        self.at().pools.undo("p")

    def _removed(self) -> None:
        self._fill("u", "Undo", 3, 20)
        self._paint("u", 1, 8)
        self.at().pools.remove("u", 1)

    def _synced(self) -> None:
        self._fill("s", "Synced", 4, 40)
        self.at().remotes.change(None, {"url": str(self.world.remote)})
        sync(self.at(), "s")
        self.at("two").remotes.change(None, {"url": str(self.world.remote)})
        job = Job("two", "s", "lane", lambda _: None)
        self.at("two").arrivals.get("Synced", "unused", job)
        self._add("s", 50, "two")
        self.at("two").pools.remove("s", 3)
        sync(self.at("two"), "s")
        self.at().pools.label("s", 1, "mine")

    def _uploads(self) -> None:
        service = self.at()
        for name, pieces in (
            ("profile.zip", service.exchange.export_zip("p")[1]),
            ("profile.bundle", service.exchange.export_bundle("p")[1]),
        ):
            self.world.file(name).write_bytes(b"".join(pieces))
        # An image that is added is moved, so each operation has its own.
        self.world.file("new.png").write_bytes(picture(70))
        self.world.file("plain.png").write_bytes(picture(71))
        for number in range(3):
            self.world.file(f"new-{number}.png").write_bytes(picture(72 + number))
        self.world.file("mask.png").write_bytes(mask(left=16))
        self.at().remotes.change("u", {"url": str(self.world.new_remote)})
        self.world.file("staged").unlink(missing_ok=True)
