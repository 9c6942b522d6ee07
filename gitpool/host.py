"""What Git Pool needs of the program it lives in, ComfyUI or the demo's stand-in."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from aiohttp import web


class Host(Protocol):
    """The one seam between Git Pool and the program around it."""

    @property
    def routes(self) -> web.RouteTableDef:
        """Where routes are registered; the host serves each under `/api` as well."""

    @property
    def app(self) -> web.Application:
        """The application, not started yet: middlewares and shutdown hooks go here."""

    @property
    def to_tensor(self) -> Callable[[Any], Any]:
        """Turns a float32 numpy array into what the host's nodes exchange."""

    def input_directory(self) -> Path:
        """The host's input folder; pools live in its `grid_pool` folder."""

    def user_directory(self) -> Path:
        """The host's folder for settings."""

    def current_run(self) -> str | None:
        """Names the run of a workflow that is under way, no two of them alike; None between
        runs, or where the host can't tell. May be called from any thread."""

    def send(self, event: str, data: dict[str, Any]) -> None:
        """Tell every open page; may be called from any thread."""
