"""Who is compared: Git Pool, C git, and dulwich's porcelain. Each does the same five steps."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from tests.remotes.processes import clean_environment

from .measure import Measurement, run_program, run_step
from .steps import BRANCH

_CONFIG = """\
[user]
    name = A User
    email = user@example.org
[gc]
    auto = 0
[maintenance]
    auto = false
"""


class Contender(Protocol):
    """One way to sync. home: one machine's folder. remote: an address. limit: seconds a step
    may take, beyond which it raises TooSlow."""

    title: str
    limit: float

    def prepare(self, home: Path, images: Sequence[Path]) -> None:
        """A repository with these images, committed. Not measured."""

    def add(self, home: Path, image: Path) -> None:
        """One more image, committed. Not measured."""

    def push(self, home: Path, remote: str) -> Measurement:
        """Send what the remote lacks."""

    def look(self, home: Path, remote: str) -> Measurement:
        """See that there is nothing to do."""

    def get(self, home: Path, remote: str) -> Measurement:
        """Have on a new machine what the remote holds, files and all."""

    def pull(self, home: Path, remote: str) -> Measurement:
        """Have what is new there."""


class GitPool:
    """Git Pool's service; every step but the first get is the same sync."""

    title = "Git Pool"
    limit = 600.0

    def prepare(self, home: Path, images: Sequence[Path]) -> None:
        """See `Contender`."""
        home.mkdir(parents=True)
        self._run("gitpool_create", home, images=[str(image) for image in images])

    def add(self, home: Path, image: Path) -> None:
        """See `Contender`."""
        self._run("gitpool_create", home, images=[str(image)])

    def push(self, home: Path, remote: str) -> Measurement:
        """See `Contender`."""
        return self._run("gitpool_sync", home, remote=remote)

    look = pull = push

    def get(self, home: Path, remote: str) -> Measurement:
        """See `Contender`."""
        home.mkdir(parents=True)
        return self._run("gitpool_get", home, remote=remote)

    def _run(self, step: str, home: Path, **more: Any) -> Measurement:
        environment = {**clean_environment(home), "GITPOOL_ALLOW_REMOTES": "http,file"}
        return run_step({"step": step, "home": str(home), **more}, environment, self.limit)


class CGit:
    """The git program with its own settings. A folder is spoken to as any remote is (`file://`):
    by its bare path git would hard-link, which can't be done to another disk."""

    title = "C git"
    limit = 600.0

    def prepare(self, home: Path, images: Sequence[Path]) -> None:
        """See `Contender`."""
        begin(home)
        _git(home, "init", "--quiet", f"--initial-branch={BRANCH}", "work")
        for image in images:
            shutil.copyfile(image, home / "work" / image.name)
        _commit(home)

    def add(self, home: Path, image: Path) -> None:
        """See `Contender`."""
        shutil.copyfile(image, home / "work" / image.name)
        _commit(home)

    def push(self, home: Path, remote: str) -> Measurement:
        """See `Contender`."""
        return self._run(home, "work", "push", "--quiet", _url(remote), BRANCH)

    def look(self, home: Path, remote: str) -> Measurement:
        """See `Contender`."""
        return self._run(home, "work", "fetch", "--quiet", _url(remote), BRANCH)

    def get(self, home: Path, remote: str) -> Measurement:
        """See `Contender`."""
        begin(home)
        return self._run(home, ".", "clone", "--quiet", "-b", BRANCH, _url(remote), "work")

    def pull(self, home: Path, remote: str) -> Measurement:
        """See `Contender`."""
        return self._run(home, "work", "pull", "--quiet", "--ff-only", _url(remote), BRANCH)

    def _run(self, home: Path, folder: str, *arguments: str) -> Measurement:
        return run_program(["git", *arguments], home / folder, git_environment(home), self.limit)


class Dulwich:
    """dulwich's porcelain; its repository is made by C git."""

    title = "dulwich"
    limit = 180.0

    def prepare(self, home: Path, images: Sequence[Path]) -> None:
        """See `Contender`."""
        CGit().prepare(home, images)

    def add(self, home: Path, image: Path) -> None:
        """See `Contender`."""
        CGit().add(home, image)

    def push(self, home: Path, remote: str) -> Measurement:
        """See `Contender`."""
        return self._run("dulwich_push", home, remote)

    def look(self, home: Path, remote: str) -> Measurement:
        """See `Contender`."""
        return self._run("dulwich_fetch", home, remote)

    def get(self, home: Path, remote: str) -> Measurement:
        """See `Contender`."""
        begin(home)
        return self._run("dulwich_clone", home, remote)

    def pull(self, home: Path, remote: str) -> Measurement:
        """See `Contender`."""
        return self._run("dulwich_pull", home, remote)

    def _run(self, step: str, home: Path, remote: str) -> Measurement:
        task = {"step": step, "home": str(home / "work"), "remote": remote}
        return run_step(task, git_environment(home), self.limit)


def begin(home: Path) -> None:
    """A folder with git's settings in it."""
    home.mkdir(parents=True, exist_ok=True)
    (home / "gitconfig").write_text(_CONFIG, encoding="utf-8")


def git_environment(home: Path) -> Mapping[str, str]:
    """What git gets, once `begin` has made the folder ready for it."""
    return {**clean_environment(home), "GIT_CONFIG_GLOBAL": str(home / "gitconfig")}


def _commit(home: Path) -> None:
    _git(home / "work", "add", "--all")
    _git(home / "work", "commit", "--quiet", "-m", "Images", home=home)


def _git(folder: Path, *arguments: str, home: Path | None = None) -> None:
    environment = git_environment(home or folder)
    subprocess.run(["git", *arguments], cwd=folder, env=dict(environment), check=True)


def _url(remote: str) -> str:
    return f"file://{remote}" if remote.startswith("/") else remote
