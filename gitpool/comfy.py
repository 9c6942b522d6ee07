"""The one module that imports ComfyUI: its server as our host."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

from aiohttp import web

from .nodes import DISPLAY_NAMES, build_nodes, decode
from .server.setup import setup

log = logging.getLogger("gitpool")


class ComfyHost:
    """ComfyUI, as `gitpool.host.Host` asks for it."""

    def __init__(self) -> None:
        import folder_paths
        from server import PromptServer

        self._server = PromptServer.instance
        self._folders = folder_paths

    @property
    def routes(self) -> web.RouteTableDef:
        return self._server.routes

    @property
    def app(self) -> web.Application:
        return self._server.app

    @property
    def to_tensor(self) -> Callable[[Any], Any]:
        return _to_tensor

    def input_directory(self) -> Path:
        return Path(self._folders.get_input_directory())

    def user_directory(self) -> Path:
        return Path(self._folders.get_user_directory())

    def current_run(self) -> str | None:
        prompt_id = getattr(self._server, "last_prompt_id", None)
        running = getattr(getattr(self._server, "prompt_queue", None), "currently_running", None)
        if prompt_id is None or not isinstance(running, dict):
            return prompt_id
        # A client may send the same id again, and the last one stays when its run is over: what
        # tells runs apart is their number in the queue.
        numbers = [number for number, item in list(running.items()) if item[1] == prompt_id]
        return f"{prompt_id}/{numbers[0]}" if numbers else None

    def send(self, event: str, data: dict[str, Any]) -> None:
        self._server.send_sync(event, data)


def load() -> tuple[dict[str, type], dict[str, str]]:
    """Set Git Pool up in the running ComfyUI; gives its node classes and their names."""
    import nodes

    host = ComfyHost()
    service = setup(host)
    decode.follow(getattr(nodes, "LoadImage", None))
    classes = build_nodes(service, host.to_tensor, host.current_run)

    async def warn_if_replaced(_: web.Application) -> None:
        for name, kind in classes.items():
            if nodes.NODE_CLASS_MAPPINGS.get(name) is not kind:
                log.error(
                    "Git Pool: another custom node pack brings its own “%s” and took its place. "
                    "Remove or disable the other pack.",
                    DISPLAY_NAMES[name],
                )

    host.app.on_startup.append(warn_if_replaced)
    return classes, dict(DISPLAY_NAMES)


def _to_tensor(array: Any) -> Any:
    import torch

    return torch.from_numpy(array)
