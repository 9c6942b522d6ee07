"""Several who read one history at the same moment all get the whole of it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from support import Server, picture

READERS = 4


@pytest.fixture(autouse=True)
def _often() -> Iterator[None]:
    """Threads take turns much more often than they do by themselves."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(usual)


def test_pages_asked_for_together_are_whole(server: Server) -> None:
    profile = server.create("Shared")
    server.add(profile, picture(1))
    for number in range(12):
        server.post("/grid_pool/label", pool_id=profile, index=0, label=str(number))
        server.snapshot(profile)
    with ThreadPoolExecutor(READERS) as readers:
        for number in range(12):
            # Each newer snapshot has the history read from its top again.
            server.post("/grid_pool/label", pool_id=profile, index=0, label=f"more {number}")
            server.snapshot(profile)
            asked = [readers.submit(server.history, profile, limit=100) for _ in range(READERS)]
            lengths = {len(answer.result()) for answer in asked}
            assert lengths == {14 + number}
