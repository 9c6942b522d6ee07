"""What the tests share: pictures, a real server with our routes, and C git as the judge."""

from __future__ import annotations

import asyncio
import http.client
import io
import json
import os
import random
import subprocess
import sys
import threading
import urllib.parse
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from aiohttp import web
from PIL import Image

from gitpool.server.setup import setup

_GIT_ENVIRONMENT = {
    **os.environ,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_AUTHOR_NAME": "A User",
    "GIT_AUTHOR_EMAIL": "user@example.org",
    "GIT_COMMITTER_NAME": "A User",
    "GIT_COMMITTER_EMAIL": "user@example.org",
    "LC_ALL": "C.UTF-8",
}


def picture(seed: int = 0, size: tuple[int, int] = (24, 16), kind: str = "PNG") -> bytes:
    """An image's bytes; each seed another."""
    noise = random.Random(seed).randbytes(size[0] * size[1] * 3)
    image = Image.frombytes("RGB", size, noise)
    out = io.BytesIO()
    image.save(out, kind)
    return out.getvalue()


def mask(size: tuple[int, int] = (24, 16), left: int = 8) -> bytes:
    """A mask whose left part is painted."""
    image = Image.new("L", size)
    image.paste(255, (0, 0, left, size[1]))
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def git(folder: Path, *arguments: str, check: bool = True) -> str:
    """What C git says, on both channels."""
    done = subprocess.run(
        ["git", "-c", "core.quotepath=off", *arguments],
        cwd=folder,
        env=_GIT_ENVIRONMENT,
        capture_output=True,
        timeout=300,
        check=False,
    )
    said = (done.stdout + done.stderr).decode("utf-8", "replace").strip()
    if check and done.returncode:
        raise AssertionError(f"git {' '.join(arguments)}: {said}")
    return said


def judge(folder: Path, clean: bool = True) -> None:
    """C git finds the repository sound, and the work tree as it was snapshotted."""
    assert git(folder, "fsck", "--strict") == ""
    if clean:
        assert git(folder, "status", "--porcelain") == ""


def tree_of(folder: Path) -> dict[str, bytes]:
    """Every file below a folder and its bytes, save locks and scratch, which hold nothing."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not {"locks", "tmp"} & set(path.relative_to(folder).parts)
    }


class LocalHost:
    """A real aiohttp application as Git Pool's host, with what it sends kept for the tests."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.routes = web.RouteTableDef()
        self.app = web.Application(client_max_size=100 << 20)
        self.events: list[tuple[str, dict[str, Any]]] = []

    @property
    def to_tensor(self) -> Callable[[Any], Any]:
        return lambda array: array

    def input_directory(self) -> Path:
        return self.folder / "input"

    def user_directory(self) -> Path:
        return self.folder / "user"

    def send(self, event: str, data: dict[str, Any]) -> None:
        self.events.append((event, data))


class Answer:
    """An HTTP answer."""

    def __init__(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        return self.json["error"]["code"]


class Server:
    """Our routes on 127.0.0.1, on a free port, in a thread of their own."""

    def __init__(self, folder: Path) -> None:
        self.host = LocalHost(folder)
        self.service = setup(self.host)
        self.pools = self.host.input_directory() / "grid_pool"
        self.host.app.add_routes(self.host.routes)
        self._ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self.port = 0

    def __enter__(self) -> Server:
        self._thread.start()
        assert self._ready.wait(300)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(300)
        assert not self._thread.is_alive()

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._run())
        finally:
            self._loop.close()

    async def _run(self) -> None:
        self._stop = asyncio.Event()
        runner = web.AppRunner(self.host.app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.port = runner.addresses[0][1]
        self._ready.set()
        await self._stop.wait()
        await runner.cleanup()

    def request(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=300)
        try:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            data = response.read()
            return Answer(response.status, dict(response.getheaders()), data)
        finally:
            connection.close()

    def get(self, path: str, headers: dict[str, str] | None = None, **query: Any) -> Answer:
        text = urllib.parse.urlencode(query)
        return self.request("GET", f"{path}?{text}" if text else path, headers=headers)

    def post(self, path: str, data: Any = None, **fields: Any) -> Answer:
        body = json.dumps(fields if data is None else data).encode()
        return self.request("POST", path, body, {"Content-Type": "application/json"})

    def send_form(
        self,
        path: str,
        files: dict[str, tuple[str, bytes]] | list[tuple[str, tuple[str, bytes]]],
        headers: Any = None,
        **fields: Any,
    ) -> Answer:
        """files: by their fields' names; as pairs where one name comes several times."""
        edge = uuid.uuid4().hex
        parts = [
            f'--{edge}\r\nContent-Disposition: form-data; name="{k}"\r\n\r\n{v}\r\n'.encode()
            for k, v in fields.items()
        ]
        for key, (name, data) in files.items() if isinstance(files, dict) else files:
            head = f'--{edge}\r\nContent-Disposition: form-data; name="{key}"; filename="{name}"'
            parts.append(head.encode() + b"\r\n\r\n" + data + b"\r\n")
        body = b"".join(parts) + f"--{edge}--\r\n".encode()
        kind = f"multipart/form-data; boundary={edge}"
        return self.request("POST", path, body, {"Content-Type": kind, **(headers or {})})

    # What tests do most.

    def create(self, name: str) -> str:
        answer = self.post("/grid_pool/profiles/create", name=name)
        assert answer.status == 200, answer.body
        return answer.json["id"]

    def add(self, pool_id: str, data: bytes, name: str = "a.png", ts: int = 1700000000000) -> Any:
        answer = self.send_form("/grid_pool/add", {"image": (name, data)}, pool_id=pool_id, ts=ts)
        assert answer.status == 200, answer.body
        return answer.json

    def set_mask(self, pool_id: str, index: int, data: bytes) -> Answer:
        files = {"mask": ("mask.png", data)}
        return self.send_form("/grid_pool/set_mask", files, pool_id=pool_id, index=index)

    def list(self, pool_id: str) -> Any:
        return self.get("/grid_pool/list", pool_id=pool_id).json

    def snapshot(self, profile_id: str, **fields: Any) -> Any:
        answer = self.post("/grid_pool/profiles/snapshot", id=profile_id, **fields)
        assert answer.status == 200, answer.body
        return answer.json["snapshot"]

    def history(self, profile_id: str, **query: Any) -> Any:
        answer = self.get("/grid_pool/profiles/history", id=profile_id, **query)
        assert answer.status == 200, answer.body
        return answer.json["snapshots"]


def run_at_once(script: str, arguments: list[list[str]]) -> list[tuple[int, str, str]]:
    """Run a script in processes, with these arguments each, that begin together once all of them
    have said that they are ready; gives how each ended, and what it said and complained of."""
    running = [
        subprocess.Popen(
            [sys.executable, "-c", script, *given],
            cwd=Path(__file__).parent,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for given in arguments
    ]
    for process in running:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
    with ThreadPoolExecutor(len(running)) as threads:
        said = list(threads.map(lambda process: process.communicate("go\n", 600), running))
    return [(p.returncode, out, err) for p, (out, err) in zip(running, said, strict=True)]
