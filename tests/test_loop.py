"""Blocking work stays off the event loop."""

from __future__ import annotations

import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from support import Server, picture

_CALLS = ("open", "os.", "shutil.", "subprocess.", "tempfile.")


class Watch:
    """Notes what Python tells its auditors that the event loop's own thread does to files below
    a folder: whatever takes long here (hashing, decoding, writing) begins with such a call."""

    def __init__(self, server: Server) -> None:
        self._thread, self._folder = server._thread.ident, str(server.host.folder)
        self.seen: list[tuple[str, str]] = []
        self.elsewhere = 0
        self._on = True
        sys.addaudithook(self._note)

    def _note(self, event: str, arguments: tuple[Any, ...]) -> None:
        # A hook can't be taken away again.
        if not self._on or not event.startswith(_CALLS):
            return
        paths = [str(one) for one in arguments if self._folder in str(one)]
        if paths and threading.get_ident() == self._thread:
            self.seen.append((event, paths[0]))
        elif paths:
            self.elsewhere += 1

    def stop(self) -> list[tuple[str, str]]:
        self._on = False
        return self.seen


def test_the_loop_goes_on_under_500_images(server: Server) -> None:
    profile = server.create("big")
    folder = server.pools / profile
    for number in range(500):
        data = picture(number, (160, 120))
        (folder / f"photo {number:03d}.png").write_bytes(data)
    watch = Watch(server)
    server.snapshot(profile)
    slots = server.list(profile)["slots"]
    assert len(slots) == 500

    def thumb(slot: dict) -> int:
        query = {"pool_id": profile, "name": slot["image"], "size": 128}
        return server.get("/grid_pool/thumb", **query).status

    with ThreadPoolExecutor(16) as many:
        assert set(many.map(thumb, slots[:200])) == {200}
    server.post("/grid_pool/reorder", pool_id=profile, order=list(range(499, -1, -1)))
    archive = server.get("/grid_pool/profiles/export", id=profile).body
    server.add(profile, picture(1))
    server.set_mask(profile, 0, b"")
    server.send_form("/grid_pool/profiles/import", {"file": ("x.zip", archive)})
    # Who comes from elsewhere has the settings read.
    foreign = {"Content-Type": "application/json", "Origin": "https://pics.example"}
    assert server.request("POST", "/grid_pool/label", b"{}", foreign).status == 403
    assert watch.stop() == []
    assert watch.elsewhere > 1000
