"""The demo's side of `gitpool.host.Host`: folders, routes and messages to open pages."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from aiohttp import web

FOLDER_KINDS = ("input", "output", "temp")


def _unchanged(array: Any) -> Any:
    return array


class DemoHost:
    """What ComfyUI gives a node pack, for a program without ComfyUI.

    IMAGE is a float32 numpy array [B, H, W, 3] in 0..1 and MASK is [B, H, W].
    """

    def __init__(self, folder: Path, app: web.Application) -> None:
        self.folder = folder.resolve()
        self.workflow: dict[str, Any] | None = None
        self.ask_current_run: Callable[[], str | None] = lambda: None
        self._app = app
        self._routes = web.RouteTableDef()
        self._sockets: dict[str, web.WebSocketResponse] = {}
        self._outbox: asyncio.Queue[tuple[str, dict[str, Any], str | None]] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        for kind in (*FOLDER_KINDS, "user"):
            (self.folder / kind).mkdir(parents=True, exist_ok=True)

    @property
    def routes(self) -> web.RouteTableDef:
        """Where routes are registered; each is served under `/api` as well."""
        return self._routes

    @property
    def app(self) -> web.Application:
        """The application, not started yet."""
        return self._app

    @property
    def to_tensor(self) -> Callable[[Any], Any]:
        """The demo's nodes exchange numpy arrays, so this changes nothing."""
        return _unchanged

    def input_directory(self) -> Path:
        return self.folder / "input"

    def user_directory(self) -> Path:
        return self.folder / "user"

    def current_run(self) -> str | None:
        """Names the run under way, as the queue knows it."""
        return self.ask_current_run()

    def directory(self, kind: str | None) -> Path | None:
        """The folder `/view` calls input, output or temp; None for any other name."""
        return self.folder / kind if kind in FOLDER_KINDS else None

    def clear_temp(self) -> None:
        """Previews of an earlier run are of no use to anybody."""
        shutil.rmtree(self.folder / "temp", ignore_errors=True)
        (self.folder / "temp").mkdir(parents=True, exist_ok=True)

    def send(self, event: str, data: dict[str, Any]) -> None:
        """Tell every open page; may be called from any thread."""
        self.send_to(event, data, None)

    def send_to(self, event: str, data: dict[str, Any], client: str | None) -> None:
        """Tell one page, or all when `client` is None; without a running server nobody hears."""
        loop, outbox = self._loop, self._outbox
        if loop is None or outbox is None:
            return
        # The loop may close between the check and the call: then nobody is listening any more.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(outbox.put_nowait, (event, data, client))

    def add_socket(self, client: str, socket: web.WebSocketResponse) -> None:
        self._sockets[client] = socket

    def remove_socket(self, client: str, socket: web.WebSocketResponse) -> None:
        # A page that reconnected has put its new socket under the same name already.
        if self._sockets.get(client) is socket:
            del self._sockets[client]

    async def deliver(self) -> None:
        """Send queued messages in their order until cancelled."""
        self._loop = asyncio.get_running_loop()
        self._outbox = asyncio.Queue()
        try:
            while True:
                event, data, client = await self._outbox.get()
                await self._deliver_one({"type": event, "data": data}, client)
        finally:
            self._loop = self._outbox = None

    async def _deliver_one(self, message: dict[str, Any], client: str | None) -> None:
        if client is None:
            receivers = list(self._sockets.values())
        else:
            receivers = [self._sockets[client]] if client in self._sockets else []
        for socket in receivers:
            # A page that went away must not keep the others from being told.
            with contextlib.suppress(ConnectionError, RuntimeError):
                await socket.send_json(message)

    async def close_sockets(self) -> None:
        """Close every page's socket, or the server would wait for the pages to leave."""
        for socket in list(self._sockets.values()):
            await socket.close(code=1001, message=b"server stops")
