"""Fixtures for all tests."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from machines import Machine
from support import Server

pytest_plugins = ["remotes.fixtures"]
# No test fails for being slow.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """Our routes over real HTTP; automatic snapshots never come in the way of a test."""
    monkeypatch.setenv("GITPOOL_SNAPSHOT_DELAY", "3600")
    with Server(tmp_path) as running:
        yield running


@pytest.fixture
def machines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Machine]]:
    """Starts machines, each with a folder of its own; folders and http are allowed as remotes."""
    monkeypatch.setenv("GITPOOL_SNAPSHOT_DELAY", "3600")
    monkeypatch.setenv("GITPOOL_ALLOW_REMOTES", "http,file")
    with contextlib.ExitStack() as stack:
        yield lambda name: stack.enter_context(Machine(tmp_path / name))
