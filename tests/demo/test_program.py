"""`python -m gitpool demo` as people start it, with Git Pool's own nodes in it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from gitpool.demo.host import DemoHost
from gitpool.demo.program import join, prepare

from .demo_server import Demo, event, png, with_demo

PROJECT = Path(__file__).resolve().parents[2]


class Command:
    """A running `python -m gitpool demo`."""

    def __init__(self, process: subprocess.Popen[str], address: str) -> None:
        self.process = process
        self.address = address.rstrip("/")

    def get(self, path: str) -> Any:
        with urllib.request.urlopen(self.address + path, timeout=300) as answer:
            return json.load(answer)

    def run(self, prompt: dict[str, Any]) -> dict[str, Any]:
        """Queue a prompt and wait for its history entry."""
        data = json.dumps({"prompt": prompt, "prompt_id": "run"}).encode()
        urllib.request.urlopen(self.address + "/prompt", data, timeout=300).close()
        for _ in range(30_000):
            if entry := self.get("/history/run").get("run"):
                return entry
            time.sleep(0.02)
        raise AssertionError("the prompt did not finish")

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(300) == 0


@contextlib.contextmanager
def command(tmp_path: Path, *arguments: str) -> Iterator[Command]:
    frontend = tmp_path / "frontend"
    frontend.mkdir(exist_ok=True)
    (frontend / "index.html").write_text("editor", "utf-8")
    process = subprocess.Popen(
        [sys.executable, "-m", "gitpool", "demo", "--frontend", str(frontend), *arguments],
        stdout=subprocess.PIPE,
        text=True,
        cwd=PROJECT,
        env={**os.environ, "GITPOOL_SNAPSHOT_DELAY": "3600"},
    )
    try:
        line = process.stdout.readline()
        yield Command(process, next(word for word in line.split() if word.startswith("http")))
    finally:
        process.kill()
        process.wait(300)
        process.stdout.close()


@pytest.mark.skipif(sys.platform == "win32", reason="signals are sent differently there")
def test_the_sample_profile_is_made_once_and_runs(tmp_path: Path) -> None:
    folder = str(tmp_path / "kept")
    with command(tmp_path, folder, "--port", "0") as demo:
        (profile,) = demo.get("/grid_pool/profiles/list")["profiles"]
        assert profile["name"] == "Characters & places"
        pool = demo.get(f"/grid_pool/list?pool_id={profile['id']}")
        assert len(pool["slots"]) == 12
        history = demo.get(f"/grid_pool/profiles/history?id={profile['id']}")["snapshots"]
        # A day of work is told, and all of it lies in the past.
        assert len(history) >= 4
        times = [snapshot["time"] for snapshot in history]
        assert times == sorted(times, reverse=True)
        assert times[0] - times[-1] > 20 * 3600
        nodes = demo.get("/gitpool_demo/workflow")["nodes"]
        assert any(profile["id"] in node.get("widgets_values", []) for node in nodes)
        described = demo.get("/object_info")
        assert described["GridImagePool"]["display_name"] == "Image Pool (Grid)"
        chosen = {"profile": "", "profile_id": profile["id"]}
        entry = demo.run(
            {
                "1": {"class_type": "PoolProfile", "inputs": chosen},
                "2": {
                    "class_type": "GridImagePool",
                    "inputs": {"index": 0, "pool_id": "default", "profile": ["1", 0]},
                },
                "3": {"class_type": "PreviewImage", "inputs": {"images": ["2", 0]}},
                "4": {"class_type": "PreviewAny", "inputs": {"source": ["2", 3]}},
            }
        )
        assert entry["outputs"]["4"] == {"text": ["12"]}
        assert len(entry["outputs"]["3"]["images"]) == 1
        demo.stop()
    with command(tmp_path, folder, "--port", "0") as demo:
        (again,) = demo.get("/grid_pool/profiles/list")["profiles"]
        assert again == profile
        assert demo.get("/gitpool_demo/workflow")["nodes"] == nodes
        demo.stop()


@pytest.mark.skipif(sys.platform == "win32", reason="signals are sent differently there")
def test_empty_and_on_a_port_that_is_taken(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with command(tmp_path, "--empty", "--port", str(port)) as demo:
            assert demo.address.startswith("http://127.0.0.1:")
            assert not demo.address.endswith(f":{port}")
            assert demo.get("/grid_pool/profiles/list")["profiles"] == []
            nodes = demo.get("/gitpool_demo/workflow")["nodes"]
            (node,) = [node for node in nodes if node["type"] == "PoolProfile"]
            assert node["widgets_values"] == ["", ""]
            demo.stop()


@pytest.mark.skipif(sys.platform == "win32", reason="signals are sent differently there")
def test_open_pages_are_told_that_the_server_stops(tmp_path: Path) -> None:
    async def listen(demo: Command) -> None:
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(demo.address + "/ws") as page,
        ):
            await page.receive_json(timeout=300)
            demo.process.send_signal(signal.SIGTERM)
            closed = await page.receive(timeout=300)
            assert closed.type == aiohttp.WSMsgType.CLOSE
            assert (closed.data, closed.extra) == (1001, "server stops")

    with command(tmp_path, "--empty", "--port", "0") as demo:
        asyncio.run(listen(demo))
        assert demo.process.wait(300) == 0


def test_what_the_demo_needs_is_named_when_it_is_missing(tmp_path: Path) -> None:
    (tmp_path / "numpy.py").write_text(
        "raise ModuleNotFoundError(\"No module named 'numpy'\", name='numpy')", "utf-8"
    )
    ended = subprocess.run(
        [sys.executable, "-m", "gitpool", "demo", "--port", "0"],
        capture_output=True,
        cwd=PROJECT,
        env={**os.environ, "PYTHONPATH": str(tmp_path), "PYTHONIOENCODING": "utf-8"},
        timeout=300,
        check=False,
    )
    assert ended.returncode == 1
    assert ended.stdout == b""
    said = ended.stderr.decode("utf-8")
    assert said.strip() == 'The demo needs “numpy”: pip install "gitpool[demo]" brings it.'


def test_a_sample_is_not_put_beside_a_persons_profiles(tmp_path: Path) -> None:
    made: list[Any] = []

    def setup(host: DemoHost) -> dict[str, type]:
        classes = dict(join(host))
        made.append(classes["GridImagePool"].service.profiles.create("mine", "Mine"))
        return classes

    async def check(demo: Demo) -> None:
        _, listed = await demo.get("/grid_pool/profiles/list")
        assert [profile["id"] for profile in listed["profiles"]] == ["mine"]
        _, workflow = await demo.get("/gitpool_demo/workflow")
        assert ["Mine", "mine"] in [node.get("widgets_values") for node in workflow["nodes"]]

    with_demo(tmp_path, check, setup=setup, prepare=prepare)


def pool_shown(pool: str) -> dict[str, Any]:
    return {
        "1": {"class_type": "GridImagePool", "inputs": {"index": 0, "pool_id": pool}},
        "2": {"class_type": "PreviewAny", "inputs": {"source": ["1", 3]}},
    }


def test_an_image_that_is_gone_from_its_pool_stops_the_run(tmp_path: Path) -> None:
    async def check(demo: Demo) -> None:
        form = aiohttp.FormData({"pool_id": "loose"})
        form.add_field("image", png("RGB", (8, 8), "red"), filename="a.png")
        status, _ = await demo.post("/grid_pool/add", data=form)
        assert status == 200
        assert (await demo.run(pool_shown("loose")))["outputs"]["2"] == {"text": ["1"]}
        pool = demo.folder / "input" / "grid_pool" / "loose"
        (image,) = [file for file in pool.iterdir() if file.suffix == ".png"]
        image.unlink()
        error = event(await demo.run(pool_shown("loose")), "execution_error")
        assert error["exception_type"] == "gitpool.errors.NotAnImage"
        assert f"The file of “{image.name}” is gone from the pool." in error["exception_message"]

    with_demo(tmp_path, check, setup=join)
