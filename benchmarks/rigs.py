"""Who is compared at keeping a folder of images, and how each does the same works."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from .contenders import begin, git_environment
from .measure import Measurement, disk, run_program, run_step
from .steps import BRANCH, PROFILE

_MODULE = "benchmarks.storage_steps"
# An index as young as the files it names has to read them again.
_SETTLED = 0.1
RESTORED = 20


class Rig:
    """One contender with a folder of its own. Works it has no word for are None.

    images: the pool's. others: more of the same kind, to replace some of them with.
    """

    title = ""
    limit = 300.0

    def __init__(self, home: Path, images: Sequence[Path], others: Sequence[Path]) -> None:
        self.home = home
        self.images = list(images)
        self.others = list(others)
        self._turn = 0

    def works(self) -> Mapping[str, Callable[[], Measurement]]:
        """What it can do, by the names of `performance.WORKS`."""
        raise NotImplementedError

    def files(self) -> Path:
        """The folder that the images are in."""
        return self.home / "work"

    def copies(self, work: str) -> list[Path]:
        """What the last duplicate or import made."""
        return list(self.home.glob({"duplicate": "copy-*", "unbundle": "from-bundle-*"}[work]))

    def space(self, work: str) -> int:
        """Bytes on disk: after the first snapshot all of it, after others what they added."""
        own = disk([self.files()])
        return own if work == "first" else disk([self.files(), *self.copies(work)]) - own

    def _anew(self) -> None:
        shutil.rmtree(self.home, ignore_errors=True)
        begin(self.home)
        self.files().mkdir(parents=True)
        for image in self.images:
            shutil.copyfile(image, self.files() / image.name)
        time.sleep(_SETTLED)

    def _replace(self, count: int) -> None:
        """Give so many of the images other bytes, each time others."""
        self._turn += 1
        for number, image in enumerate(sorted(self.files().glob("*.png"))[:count]):
            other = self.others[(self._turn * count + number) % len(self.others)]
            shutil.copyfile(other, image)
        time.sleep(_SETTLED)

    def _scratch(self, name: str) -> Path:
        """A place that holds nothing."""
        self._turn += 1
        place = self.home / f"{name}-{self._turn}"
        for old in self.home.glob(f"{name}-*"):
            shutil.rmtree(old) if old.is_dir() else old.unlink()
        return place

    def _step(self, step: str, **task: Any) -> Measurement:
        environment = git_environment(self.home)
        return run_step({"step": step, **task}, environment, self.limit, _MODULE)


class GitPool(Rig):
    """Git Pool's service, as ComfyUI has it."""

    title = "Git Pool"

    def works(self) -> Mapping[str, Callable[[], Measurement]]:
        """See `Rig`."""
        return {
            "first": self.first,
            "unchanged": lambda: self._own("gitpool_unchanged", warm=True),
            "unchanged_cold": lambda: self._own("gitpool_unchanged", warm=False),
            "changed": self.changed,
            "restore": self.restore,
            "duplicate": self.duplicate,
            "bundle": lambda: self._export("bundle", self.home / "profile.bundle"),
            "unbundle": lambda: self._import(self.home / "profile.bundle"),
            "zip": lambda: self._export("zip", None),
            "unzip": self.unzip,
        }

    def files(self) -> Path:
        """See `Rig`."""
        return self.home / "pools" / PROFILE

    def copies(self, work: str) -> list[Path]:
        """See `Rig`."""
        return [f for f in (self.home / "pools").glob("[0-9a-f]*") if f != self.files()]

    def first(self) -> Measurement:
        """A new profile's first snapshot with images."""
        from gitpool.service import Service

        shutil.rmtree(self.home, ignore_errors=True)
        begin(self.home)
        service = Service(self.home / "pools", self.home / "user", time.time)
        service.profiles.create(PROFILE, BRANCH)
        for image in self.images:
            shutil.copyfile(image, self.files() / image.name)
        time.sleep(_SETTLED)
        return self._own("gitpool_take")

    def changed(self) -> Measurement:
        """A snapshot after one image was replaced."""
        self._turn += 1
        other = self.others[self._turn % len(self.others)]
        return self._own("gitpool_changed", image=str(other))

    def restore(self) -> Measurement:
        """Back to before the last twenty images were replaced."""
        self._replace(RESTORED)
        self._own("gitpool_take")
        return self._own("gitpool_restore", back=1)

    def duplicate(self) -> Measurement:
        """A second profile; the one before is deleted."""
        self._forget_copies()
        return self._own("gitpool_duplicate", copy=self._copy_id())

    def unzip(self) -> Measurement:
        """A new profile from a zip."""
        file = self.home / "profile.zip"
        if not file.exists():
            self._export("zip", file)
        return self._import(file)

    def _export(self, kind: str, target: Path | None) -> Measurement:
        return self._own("gitpool_export", kind=kind, target=str(target or ""))

    def _import(self, file: Path) -> Measurement:
        self._forget_copies()
        return self._own("gitpool_import", file=str(file), new_id=self._copy_id())

    def _copy_id(self) -> str:
        self._turn += 1
        return f"{self._turn:012x}"

    def _forget_copies(self) -> None:
        from gitpool.service import Service

        service = Service(self.home / "pools", self.home / "user", time.time)
        for entry in service.profiles.list()["profiles"]:
            if entry["id"] != PROFILE:
                service.profiles.delete(entry["id"], forever=True)

    def _own(self, step: str, **task: Any) -> Measurement:
        return self._step(step, home=str(self.home), **task)


class CGit(Rig):
    """C git; its own start is counted."""

    title = "C git"

    def works(self) -> Mapping[str, Callable[[], Measurement]]:
        """See `Rig`."""
        return {
            "first": self.first,
            "unchanged": lambda: self._git("status", "--porcelain"),
            "changed": self.changed,
            "restore": self.restore,
            "duplicate": self.duplicate,
            "bundle": self.bundle,
            "unbundle": self.unbundle,
        }

    def first(self) -> Measurement:
        """`add` and `commit`."""
        self._anew()
        self._git("init", "--quiet", "-b", BRANCH)
        return self._commit()

    def changed(self) -> Measurement:
        """`add` and `commit` after one image was replaced."""
        self._replace(1)
        return self._commit()

    def restore(self) -> Measurement:
        """`checkout` of the files before twenty were replaced."""
        self._replace(RESTORED)
        self._commit()
        done = self._git("checkout", "--quiet", "HEAD~1", "--", ".")
        self._commit()
        return done

    def duplicate(self) -> Measurement:
        """`clone --local`, with the files."""
        return self._git("clone", "--quiet", "--local", ".", str(self._scratch("copy")))

    def bundle(self) -> Measurement:
        """`bundle create`."""
        file = self.home / "all.bundle"
        file.unlink(missing_ok=True)
        return self._git("bundle", "create", "--quiet", str(file), "--all", "HEAD")

    def unbundle(self) -> Measurement:
        """`clone` of a bundle, with the files."""
        bundle = str(self.home / "all.bundle")
        return self._git("clone", "--quiet", bundle, str(self._scratch("from-bundle")))

    def _commit(self) -> Measurement:
        return self._run("sh", "-c", "git add --all && git commit --quiet -m Images")

    def _git(self, *arguments: str) -> Measurement:
        return self._run("git", *arguments)

    def _run(self, *command: str) -> Measurement:
        return run_program(command, self.files(), git_environment(self.home), self.limit)


class Library(Rig):
    """A library that does as its documentation says; its repository is made by C git."""

    prefix = ""

    def works(self) -> Mapping[str, Callable[[], Measurement]]:
        """See `Rig`."""
        return {
            "first": self.first,
            "unchanged": lambda: self._own("status"),
            "changed": self.changed,
            "restore": self.restore,
            "duplicate": lambda: self._own("clone", target=str(self._scratch("copy"))),
        }

    def first(self) -> Measurement:
        """All images added and committed."""
        self._anew()
        command = ["git", "init", "--quiet", "-b", BRANCH]
        run_program(command, self.files(), git_environment(self.home), self.limit)
        return self._own("commit")

    def changed(self) -> Measurement:
        """One image replaced, added and committed."""
        self._replace(1)
        return self._own("commit")

    def restore(self) -> Measurement:
        """The files as they were before twenty were replaced."""
        self._replace(RESTORED)
        self._own("commit")
        return self._own("restore", back=1)

    def _own(self, step: str, **task: Any) -> Measurement:
        return self._step(f"{self.prefix}_{step}", home=str(self.home), **task)


class PyGit2(Library):
    """libgit2, from Python."""

    title, prefix = "pygit2", "pygit2"


class Dulwich(Library):
    """dulwich's porcelain."""

    title, prefix = "dulwich", "dulwich"

    def works(self) -> Mapping[str, Callable[[], Measurement]]:
        """See `Rig`."""
        return {
            **super().works(),
            "bundle": lambda: self._own("bundle", target=str(self.home / "all.bundle")),
        }


class Floor(Rig):
    """What no storage can do without: the same bytes, copied, read or looked at."""

    title = "floor"

    def works(self) -> Mapping[str, Callable[[], Measurement]]:
        """See `Rig`."""
        return {
            "first": lambda: self._copied(self.images),
            "unchanged": self.look,
            "changed": lambda: self._copied(self.images[:1]),
            "restore": lambda: self._copied(self.images[:RESTORED]),
            "duplicate": lambda: self._copied(self.images),
            "bundle": lambda: self._copied(self.images, sync=False),
            "unbundle": self.copy_two,
            "zip": lambda: self._step("read", sources=self._names(self.images)),
            "unzip": self.copy_two,
            "sha1": lambda: self._step("sha1", sources=self._names(self.images)),
        }

    def look(self) -> Measurement:
        """Scan the folder."""
        if not self.files().exists():
            self._anew()
        return self._step("stat", folder=str(self.files()))

    def copy_two(self) -> Measurement:
        """The files twice: as images and as what keeps them."""
        target = str(self._place())
        return self._step("copy_two", sources=self._names(self.images), target=target)

    def _copied(self, images: Sequence[Path], sync: bool = True) -> Measurement:
        task = {"sources": self._names(images), "target": str(self._place()), "sync": sync}
        return self._step("copy", **task)

    def _place(self) -> Path:
        begin(self.home)
        return self._scratch("copied")

    def _names(self, images: Sequence[Path]) -> list[str]:
        return [str(image) for image in images]


def rigs(folder: Path, images: Sequence[Path], others: Sequence[Path]) -> list[Rig]:
    """All of them, each in a folder of its own."""
    kinds: tuple[type[Rig], ...] = (GitPool, CGit, PyGit2, Dulwich, Floor)
    return [kind(folder / kind.title.replace(" ", "-"), images, others) for kind in kinds]
