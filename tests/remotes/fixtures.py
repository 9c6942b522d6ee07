"""Fixtures of remotes; `pytest_plugins = ["remotes.fixtures"]` makes them known."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from .folder import bare_repo
from .http_server import HttpGit
from .ssh_server import SshGit

__all__ = ["bare_folder", "http_git", "ssh_git", "ssh_server"]


@pytest.fixture
def http_git(tmp_path: Path) -> Iterator[HttpGit]:
    """A git server over HTTP without repositories, token and faults."""
    with HttpGit(tmp_path / "http") as server:
        yield server
    assert server.ended


@pytest.fixture(scope="session")
def ssh_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshGit]:
    """The SSH server that all tests share; they want `ssh_git`."""
    with SshGit(tmp_path_factory.mktemp("ssh")) as server:
        yield server
    assert server.ended


@pytest.fixture
def ssh_git(ssh_server: SshGit, tmp_path: Path) -> SshGit:
    """A git server over SSH, with a root of this test's own for repositories."""
    ssh_server.root = tmp_path / "ssh"
    return ssh_server


@pytest.fixture
def bare_folder(tmp_path: Path) -> Path:
    """A bare repository in a folder."""
    return bare_repo(tmp_path / "remote.git")
