"""A running demo server and tiny nodes to run on it."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
from aiohttp import web
from PIL import Image
from yarl import URL

from gitpool.demo.server import RUNNER, create_app


class Number:
    """Counts its runs, per value."""

    RETURN_TYPES = ("INT",)
    FUNCTION = "go"
    runs: list[int] = []  # noqa: RUF012

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:  # noqa: N802
        return {"required": {"value": ("INT", {"default": 0, "min": 0, "max": 99})}}

    def go(self, value: int) -> tuple[int]:
        type(self).runs.append(value)
        return (value,)


class Watched(Number):
    """IS_CHANGED gives whatever the test sets, and remembers what it was asked with."""

    runs: list[int] = []  # noqa: RUF012
    asked: list[Any] = []  # noqa: RUF012
    answer: Any = "same"

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:  # noqa: N802
        return {"required": {"value": ("INT", {})}}

    @classmethod
    def IS_CHANGED(cls, value: Any) -> Any:  # noqa: N802
        cls.asked.append(value)
        if isinstance(cls.answer, Exception):
            raise cls.answer
        return cls.answer


class Picky:
    """Checks its own input, and fails while running when told to."""

    RETURN_TYPES = ("INT",)
    FUNCTION = "go"
    seen: list[dict[str, Any]] = []  # noqa: RUF012

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:  # noqa: N802
        return {
            "required": {"word": ("STRING", {})},
            "optional": {"number": ("INT", {"forceInput": True})},
            "hidden": {"unique_id": "UNIQUE_ID", "prompt": "PROMPT"},
        }

    @classmethod
    def VALIDATE_INPUTS(cls, word: str) -> bool | str:  # noqa: N802
        return "this word is bad" if word == "bad" else True

    def go(self, word: str, number: int | None = None, **hidden: Any) -> tuple[int]:
        if word == "crash":
            raise RuntimeError("crashed as asked")
        type(self).seen.append({"word": word, "number": number, **hidden})
        return (number or 0,)


class Flat:
    """An IMAGE [1, 8, 6, 3] and a MASK [1, 8, 6]."""

    RETURN_TYPES = ("IMAGE", "MASK")
    FUNCTION = "go"

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:  # noqa: N802
        return {"required": {}}

    def go(self) -> tuple[np.ndarray, np.ndarray]:
        return np.full((1, 8, 6, 3), 0.5, np.float32), np.ones((1, 8, 6), np.float32)


NODES = {"Number": Number, "Watched": Watched, "Picky": Picky, "Flat": Flat}


class Demo:
    """A client of one running server."""

    def __init__(self, url: str, folder: Path, app: web.Application) -> None:
        self.url = url
        self.folder = folder
        self.runner = app[RUNNER]
        self.session: aiohttp.ClientSession

    async def get(self, path: str, **options: Any) -> tuple[int, Any]:
        return await self.call("GET", path, **options)

    async def post(self, path: str, **options: Any) -> tuple[int, Any]:
        return await self.call("POST", path, **options)

    async def call(self, method: str, path: str, **options: Any) -> tuple[int, Any]:
        """The status and the body: JSON when it is, else bytes."""
        address = URL(self.url + path, encoded=True)
        async with self.session.request(method, address, **options) as response:
            body = await response.read()
            if response.content_type == "application/json":
                return response.status, await response.json()
            return response.status, body

    async def run(self, prompt: dict[str, Any]) -> dict[str, Any]:
        """Queue a prompt and wait for its history entry."""
        status, answer = await self.post("/prompt", json={"prompt": prompt})
        assert status == 200, answer
        prompt_id = answer["prompt_id"]
        for _ in range(30_000):
            _, history = await self.get(f"/history/{prompt_id}")
            if prompt_id in history:
                return history[prompt_id]
            await asyncio.sleep(0.01)
        raise AssertionError("the prompt did not finish")


def with_demo(tmp_path: Path, test: Callable[[Demo], Awaitable[None]], **options: Any) -> None:
    """Run `test` against a real server on a free port of this computer."""
    asyncio.run(_with_demo(tmp_path, test, options))


async def _with_demo(
    tmp_path: Path, test: Callable[[Demo], Awaitable[None]], options: dict[str, Any]
) -> None:
    frontend = tmp_path / "frontend"
    (frontend / "extensions" / "core").mkdir(parents=True, exist_ok=True)
    (frontend / "index.html").write_text("<!doctype html><title>editor</title>", "utf-8")
    (frontend / "extensions" / "core" / "own.js").write_text("", "utf-8")
    pack = tmp_path / "pack"
    (pack / "parts").mkdir(parents=True, exist_ok=True)
    (pack / "parts" / "grid.js").write_text("export {}", "utf-8")
    for node in (Number, Watched):
        node.runs = []
    Watched.asked, Watched.answer, Picky.seen = [], "same", []
    options = {"frontend": frontend, "web_directory": pack, **options}
    app = create_app(tmp_path / "demo", node_classes=NODES, **options)
    runner = web.AppRunner(app, shutdown_timeout=1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        demo = Demo(f"http://127.0.0.1:{runner.addresses[0][1]}", tmp_path / "demo", app)
        async with aiohttp.ClientSession() as demo.session:
            await test(demo)
    finally:
        await runner.cleanup()


def png(mode: str, size: tuple[int, int], colour: Any) -> bytes:
    """A one-colour PNG."""
    buffer = io.BytesIO()
    Image.new(mode, size, colour).save(buffer, "PNG")
    return buffer.getvalue()


def event(entry: dict[str, Any], name: str) -> dict[str, Any]:
    """The data of one message of a history entry."""
    return next(data for event, data in entry["status"]["messages"] if event == name)
