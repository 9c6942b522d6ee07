"""Fixtures for all tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support import Server


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """Our routes over real HTTP; automatic snapshots never come in the way of a test."""
    monkeypatch.setenv("GITPOOL_SNAPSHOT_DELAY", "3600")
    with Server(tmp_path) as running:
        yield running


@pytest.fixture
def quick_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """The same, with automatic snapshots after a moment's quiet."""
    monkeypatch.setenv("GITPOOL_SNAPSHOT_DELAY", "0.3")
    with Server(tmp_path) as running:
        yield running
