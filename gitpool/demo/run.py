"""Starting the demo from the command line and ending it cleanly."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aiohttp import web

from .frontend import FrontendMissing
from .server import Prepare, Setup, create_app

ADDRESS = "127.0.0.1"
DEFAULT_PORT = 8189


def run_demo(
    folder: Path | None = None,
    port: int = DEFAULT_PORT,
    *,
    setup: Setup | None = None,
    prepare: Prepare | None = None,
    frontend: Path | None = None,
    display_names: Mapping[str, str] | None = None,
    web_directory: Path | None = None,
    settings: Mapping[str, Any] | None = None,
) -> int:
    """Serve the demo on this computer until SIGINT or SIGTERM; returns the exit code.

    Without `folder` a temporary one is used and removed at the end. Port 0, or one that is
    taken, means any free port. See `create_app` for the callbacks.
    """
    with contextlib.ExitStack() as stack:
        if folder is None:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="gitpool-demo-")))
        try:
            app = create_app(
                folder,
                frontend,
                setup=setup,
                prepare=prepare,
                display_names=display_names,
                web_directory=web_directory,
                settings=settings,
            )
        except FrontendMissing as error:
            print(error, file=sys.stderr, flush=True)
            return 1
        # Where a signal cannot be handled in the loop, Ctrl+C arrives as this exception.
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(_serve(app, port))
    return 0


async def _serve(app: web.Application, port: int) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for each in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):
            loop.add_signal_handler(each, stop.set)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=2)
    await runner.setup()
    try:
        address = await _listen(runner, port)
        print(f"Git Pool demo: {address} (Ctrl+C ends it)", flush=True)
        await stop.wait()
    finally:
        await runner.cleanup()


async def _listen(runner: web.AppRunner, port: int) -> str:
    """Listen on `port` or, when it is taken, on a free one; returns the address."""
    try:
        await web.TCPSite(runner, ADDRESS, port).start()
    except OSError:
        await web.TCPSite(runner, ADDRESS, 0).start()
    return f"http://{ADDRESS}:{runner.addresses[0][1]}/"
