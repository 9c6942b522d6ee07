"""Who only reads holds no lock: whatever is read while somebody edits is answered, with the old
state or the new one, and never with a failure."""

from __future__ import annotations

import io
import json
import random
import threading
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

from faults import amount
from support import Answer, Server, judge, mask, picture

P = "/grid_pool/profiles/"
# So much is edited at least, in the short form and in the full one.
LEAST = amount(20, 400)
EDITS = ("add", "add", "mask", "mask", "clear", "remove", "undo", "redo", "snapshot", "restore")


class Reader:
    """Reads one thing after another until told to stop; keeps what went wrong."""

    def __init__(self, server: Server, profile: str, first: str, seed: int) -> None:
        self._server, self._profile, self._first = server, profile, first
        self._random = random.Random(seed)
        self.stopped = threading.Event()
        self.asked: dict[str, int] = {}
        self.wrong: list[str] = []

    def run(self) -> None:
        ways: list[Callable[[], None]] = [
            self._list,
            self._pictures,
            self._profiles,
            self._history,
            self._zip,
            self._bundle,
            self._storage,
        ]
        while not self.stopped.is_set():
            try:
                self._random.choice(ways)()
            except Exception as error:
                self.wrong.append(repr(error))

    def _get(self, path: str, gone: bool = False, **query: object) -> Answer:
        """What is answered; it may be “gone” where another may have taken it away."""
        answer = self._server.get(path, **query)
        self.asked[path] = self.asked.get(path, 0) + 1
        if answer.status != 200 and not (gone and answer.status == 404):
            self.wrong.append(f"{path} {query}: {answer.status} {answer.body!r}")
        return answer

    def _list(self) -> None:
        slots = self._get("/grid_pool/list", pool_id=self._profile).json["slots"]
        for slot in slots:
            assert slot["image_v"], slot
            assert bool(slot["mask_v"]) == bool(slot["mask"]), slot

    def _pictures(self) -> None:
        pool = {"pool_id": self._profile}
        slots = self._server.list(self._profile)["slots"]
        for slot in self._random.sample(slots, min(3, len(slots))):
            self._get("/grid_pool/thumb", gone=True, **pool, name=slot["image"], size=32)
            if slot["mask"]:
                self._get("/grid_pool/thumb", gone=True, **pool, name=slot["mask"], size=32)
            self._get("/grid_pool/layers", gone=True, **pool, filename=slot["image"])

    def _profiles(self) -> None:
        listed = self._get(P + "list").json["profiles"]
        assert [entry["id"] for entry in listed] == [self._profile], listed

    def _history(self) -> None:
        own = {"id": self._profile}
        newest = self._get(P + "history", **own).json["snapshots"][0]["id"]
        for kind in (newest, self._first):
            self._get(P + "look", **own, snapshot=kind)
            self._get(P + "diff", **own, **{"from": kind}, to="now")
        for slot in self._get(P + "look", **own, snapshot="now").json["slots"]:
            assert slot["image_id"], slot
            assert bool(slot["mask_id"]) == bool(slot["mask"]), slot

    def _zip(self) -> None:
        answer = self._get(P + "export", id=self._profile, format="zip")
        with zipfile.ZipFile(io.BytesIO(answer.body)) as archive:
            assert archive.testzip() is None
            slots = json.loads(archive.read("pool/manifest.json"))["slots"]
            named = {name for slot in slots for name in (slot["image"], slot["mask"]) if name}
            there = {name.removeprefix("pool/") for name in archive.namelist()}
            assert there == {"manifest.json", "profile_meta.json", *named}, named ^ there

    def _bundle(self) -> None:
        assert self._get(P + "export", id=self._profile, format="bundle").body[:4] == b"# v2"

    def _storage(self) -> None:
        self._get(P + "storage", id=self._profile)


def _edit(server: Server, profile: str, first: str, enough: Callable[[], bool]) -> None:
    """Edit in every way, so often at least, and until enough was read meanwhile."""
    draw, edits = random.Random(1), 0
    own, pool = {"id": profile}, {"pool_id": profile}
    while edits < LEAST or not enough():
        edits += 1
        count = len(server.list(profile)["slots"])
        index = draw.randrange(count) if count else 0
        match draw.choice(
            ["add", "add", "mask", "mask", "clear", "remove", "undo", "redo", "snapshot", "restore"]
        ):
            case "add":
                server.add(profile, picture(1000 + edits))
            case "mask" if count:
                assert server.set_mask(profile, index, mask()).status == 200
            case "clear" if count:
                assert server.set_mask(profile, index, b"").status == 200
            case "remove" if count:
                assert server.post("/grid_pool/remove", **pool, index=index).status == 200
            case "undo" | "redo" as step:
                assert server.post(f"/grid_pool/{step}", **pool).status in (200, 409)
            case "snapshot":
                server.snapshot(profile)
            case "restore":
                assert server.post(P + "restore", **own, snapshot=first).status == 200


def test_whatever_is_read_while_somebody_edits(server: Server, tmp_path: Path) -> None:
    profile = server.create("Heroes")
    for number in range(6):
        server.add(profile, picture(number))
    first = server.snapshot(profile)["id"]
    readers = [Reader(server, profile, first, seed) for seed in range(4)]

    def asked() -> set[str]:
        return {path for reader in readers for path in list(reader.asked)}

    threads = [threading.Thread(target=reader.run) for reader in readers]
    for thread in threads:
        thread.start()
    try:
        _edit(server, profile, first, lambda: len(asked()) == 9)
    finally:
        for reader in readers:
            reader.stopped.set()
        for thread in threads:
            thread.join(300)
    assert len(asked()) == 9, asked()
    wrong = [one for reader in readers for one in reader.wrong]
    assert wrong == [], (len(wrong), wrong[:5])
    server.snapshot(profile)
    judge(server.pools / profile)


def test_an_export_holds_what_is_removed_while_it_runs(server: Server) -> None:
    profile = server.create("Heroes")
    # One is small enough to be read at once; one is written a piece at a time.
    sizes = [(24, 16), (24, 16), (3600, 3400)]
    pictures = [picture(seed, size) for seed, size in enumerate(sizes)]
    pictures.sort(key=len, reverse=True)
    assert len(pictures[0]) > 32 << 20
    for data in pictures:
        server.add(profile, data)
    names = [slot["image"] for slot in server.list(profile)["slots"]]
    whole = b"".join(server.service.exchange.export_zip(profile)[1])
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        assert [archive.read(f"pool/{name}") for name in names] == pictures
    pieces = server.service.exchange.export_zip(profile).pieces
    got = next(pieces)
    # The first is about to be written by now.
    time.sleep(0.2)
    assert server.post("/grid_pool/remove", pool_id=profile, images=names).status == 200
    server.add(profile, picture(9))
    got += b"".join(pieces)
    with zipfile.ZipFile(io.BytesIO(got)) as archive:
        assert [archive.read(f"pool/{name}") for name in names] == pictures
        slots = json.loads(archive.read("pool/manifest.json"))["slots"]
    assert [slot["image"] for slot in slots] == names
