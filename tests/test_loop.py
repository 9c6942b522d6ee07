"""Blocking work stays off the event loop."""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from support import Server, picture


class Heartbeat:
    """Notes when the server's event loop comes round, a hundred times a second."""

    def __init__(self, server: Server) -> None:
        self._loop = server._loop
        self._running = True
        self.beats: list[float] = []
        done = threading.Event()

        async def beat() -> None:
            while self._running:
                self.beats.append(time.monotonic())
                await asyncio.sleep(0.01)
            done.set()

        self._done = done
        asyncio.run_coroutine_threadsafe(beat(), self._loop)

    def stop(self) -> float:
        """The longest pause, in seconds."""
        self._running = False
        assert self._done.wait(10)
        pairs = zip(self.beats, self.beats[1:], strict=False)
        return max(later - earlier for earlier, later in pairs)


def test_the_loop_goes_on_under_500_images(server: Server) -> None:
    profile = server.create("big")
    folder = server.pools / profile
    for number in range(500):
        data = picture(number, (160, 120))
        (folder / f"photo {number:03d}.png").write_bytes(data)
    began = time.monotonic()
    heart = Heartbeat(server)
    server.snapshot(profile)
    slots = server.list(profile)["slots"]
    assert len(slots) == 500

    def thumb(slot: dict) -> int:
        query = {"pool_id": profile, "name": slot["image"], "size": 128}
        return server.get("/grid_pool/thumb", **query).status

    with ThreadPoolExecutor(16) as many:
        assert set(many.map(thumb, slots[:200])) == {200}
    server.post("/grid_pool/reorder", pool_id=profile, order=list(range(499, -1, -1)))
    server.get("/grid_pool/profiles/export", id=profile)
    worst, whole = heart.stop(), time.monotonic() - began
    # Not a matter of speed: had any of this run on the loop, one pause would be most of it.
    assert worst < max(1.0, whole / 2), f"the loop stood still {worst:.2f} s of {whole:.2f} s"
