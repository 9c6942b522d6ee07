"""What the grid and the nodes ask of Git Pool, in a process of its own:
`python -m benchmarks.grid_steps TASK`. See `benchmarks.steps`."""

from __future__ import annotations

import asyncio
import http.client
import io
import os
import statistics
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from shutil import copyfile
from typing import Any

from .steps import BRANCH, FIRST_PAGE, PROFILE, run, service_in

ROOT = Path(__file__).resolve().parents[1]
Measured = Callable[[], object]
_SIZE = 256
_DRAWING = 4
_CALLS = 200
_BEAT = 0.005


def thumbnails(home: str, again: bool) -> Measured:
    """A thumbnail of every image, several at once as the server makes them. again: once more."""
    service = service_in(home)
    folder = Path(home) / "pools" / PROFILE
    slots = service.pools.list(PROFILE)["slots"]

    def draw(slot: dict[str, Any]) -> int:
        path = folder / slot["image"]
        content = service.library.contents.one(path)
        return len(service.thumbnails.get(lambda: path, content, _SIZE, False))

    def all_of_them() -> dict[str, float]:
        with ThreadPoolExecutor(_DRAWING) as pool:
            return {"bytes": sum(pool.map(draw, slots))}

    if again:
        all_of_them()
    return all_of_them


def decoded(sources: list[str]) -> Measured:
    """Every image decoded by Pillow, on all cores, and nothing else."""
    from PIL import Image

    def load(path: str) -> None:
        with Image.open(path) as image:
            image.load()

    def all_of_them() -> None:
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            list(pool.map(load, sources))

    return all_of_them


def is_changed(home: str) -> Measured:
    """Both nodes' IS_CHANGED, once for each of many runs; tells the median, in milliseconds."""
    service, nodes, turn = _nodes(home)

    def calls() -> dict[str, float]:
        found: dict[str, list[float]] = {"pool": [], "profile": []}
        for _ in range(_CALLS):
            turn[0] += 1
            found["pool"].append(_timed(lambda: nodes["GridImagePool"].IS_CHANGED(-1, PROFILE)))
            turn[0] += 1
            found["profile"].append(_timed(lambda: nodes["PoolProfile"].IS_CHANGED("", PROFILE)))
        return {name: statistics.median(times) * 1000 for name, times in found.items()}

    nodes["PoolProfile"].IS_CHANGED("", PROFILE)
    assert service.pools.list(PROFILE)["slots"]
    return calls


def node_run(home: str) -> Measured:
    """Image Pool's run beside Pillow's decoding of the same file to the same array, in turn;
    tells both medians, in milliseconds."""
    import numpy as np
    from PIL import Image

    service, nodes, turn = _nodes(home)
    folder = Path(home) / "pools" / PROFILE
    names = [slot["image"] for slot in service.pools.list(PROFILE)["slots"]]
    node = nodes["GridImagePool"]()

    def pillow(name: str) -> Any:
        with Image.open(io.BytesIO((folder / name).read_bytes())) as image:
            array = np.asarray(image.convert("RGB"), dtype=np.float32)
        return array[None] / np.float32(255.0)

    def both() -> dict[str, float]:
        found: dict[str, list[float]] = {"run": [], "pillow": []}
        for number, name in enumerate(names[:50]):
            turn[0] += 1
            node.IS_CHANGED(number, PROFILE)
            found["pillow"].append(_timed(lambda name=name: pillow(name)))
            found["run"].append(_timed(lambda number=number: node.run(number, PROFILE)))
        return {what: statistics.median(times) * 1000 for what, times in found.items()}

    return both


def loop(home: str, images: list[str], others: list[str]) -> Measured:
    """Everything at once over HTTP; tells how long the server's event loop let others wait, in
    milliseconds: the 99th percentile and the worst."""
    sys.path.insert(0, str(ROOT / "tests"))
    from support import Server

    os.environ["GITPOOL_SNAPSHOT_DELAY"] = "1"
    server = Server(Path(home))

    def work() -> dict[str, float]:
        with server:
            beats = _Beats(server)
            _use(server, images, others)
            waits = sorted(beats.stop())
        worst, common = waits[-1], waits[len(waits) * 99 // 100]
        return {"p99": common * 1000, "worst": worst * 1000, "beats": len(waits)}

    return work


def history(home: str, warm: bool) -> Measured:
    """The first page of a history, as long as the page asks for it."""
    service = service_in(home)
    if warm:
        service.versions.history(PROFILE, FIRST_PAGE)
    return lambda: {"rows": len(service.versions.history(PROFILE, FIRST_PAGE)["snapshots"])}


class _Beats:
    """Notes by how much the server's loop comes round later than it was asked to."""

    def __init__(self, server: Any) -> None:
        self._late: list[float] = []
        self._running, self._ended = True, threading.Event()
        asyncio.run_coroutine_threadsafe(self._beat(), server._loop)

    def stop(self) -> list[float]:
        """Every delay, in seconds."""
        self._running = False
        self._ended.wait(30)
        return self._late

    async def _beat(self) -> None:
        while self._running:
            due = time.perf_counter() + _BEAT
            await asyncio.sleep(_BEAT)
            self._late.append(max(0.0, time.perf_counter() - due))
        self._ended.set()


def _use(server: Any, images: Sequence[str], others: Sequence[str]) -> None:
    route = "/grid_pool/profiles/"
    profile = server.create(BRANCH)
    for image in images:
        copyfile(image, server.pools / profile / Path(image).name)
    server.snapshot(profile)
    first = server.history(profile)[0]["id"]
    slots = server.list(profile)["slots"]

    def thumb(slot: dict[str, Any]) -> None:
        query = {"pool_id": profile, "name": slot["image"], "size": _SIZE}
        server.get("/grid_pool/thumb", **query)

    with ThreadPoolExecutor(8) as pool:
        drawn = [pool.submit(thumb, slot) for slot in slots[:100]]
        for number, other in enumerate(others):
            copyfile(other, server.pools / profile / slots[number]["image"])
        server.snapshot(profile)
        server.post(route + "restore", id=profile, snapshot=first)
        server.post(route + "duplicate", id=profile, name="Copy")
        for kind in ("zip", "bundle"):
            _drop(server, f"{route}export?id={profile}&format={kind}")
        for number in range(20):
            server.post("/grid_pool/label", pool_id=profile, index=number, label=f"{number}")
        server.get(route + "history", id=profile)
        for future in drawn:
            future.result()


def _drop(server: Any, path: str) -> None:
    """Read an answer without holding it."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=600)
    connection.request("GET", path)
    answer = connection.getresponse()
    assert answer.status == 200
    while answer.read(1 << 18):
        pass
    connection.close()


def _nodes(home: str) -> tuple[Any, dict[str, Any], list[int]]:
    """The service, the nodes on it, and the number of the run that is under way."""
    from gitpool.nodes import build_nodes

    service, turn = service_in(home), [0]
    nodes = build_nodes(service, lambda array: array, lambda: str(turn[0]))
    return service, nodes, turn


def _timed(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


STEPS = {
    function.__name__: function
    for function in (thumbnails, decoded, is_changed, node_run, loop, history)
}

if __name__ == "__main__":
    run(STEPS)
