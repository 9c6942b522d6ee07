"""A server in a process of its own, on a disk that isn't as others are."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from aiohttp import web
from support import Server

from gitpool.nodes import build_nodes

_TESTS = Path(__file__).resolve().parents[1]


class Elsewhere(Server):
    """A server over the folders of another one, in a process where a disk is like `disk`.

    Use it as a context; `log` is what it wrote once it has ended. delay: quiet seconds before an
    automatic snapshot.
    """

    def __init__(self, folder: Path, disk: str, delay: float = 3600) -> None:
        self._folder, self._disk, self._delay = folder, disk, delay
        self.log = ""

    def __enter__(self) -> Elsewhere:
        command = [sys.executable, "-m", "faults.elsewhere", str(self._folder), self._disk]
        self._process = subprocess.Popen(
            command,
            cwd=_TESTS,
            env={**os.environ, "GITPOOL_SNAPSHOT_DELAY": str(self._delay)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout
        self.port = int(self._process.stdout.readline())
        return self

    def __exit__(self, *_: object) -> None:
        _, self.log = self._process.communicate("", 60)
        assert self._process.returncode == 0, self.log

    def run_node(self, pool_id: str, profile: str | None = None) -> Any:
        """What the nodes say of a pool: whether it changed, and the image's and mask's bytes."""
        linked = {} if profile is None else {"profile": profile}
        answer = self.get("/test/node", pool_id=pool_id, **linked)
        assert answer.status == 200, answer.body
        return answer.json


def _serve(folder: Path, disk: str) -> None:
    import logging

    from .disks import install

    logging.basicConfig(level=logging.INFO, stream=sys.stderr)
    server = Server(folder)
    nodes = build_nodes(server.service, server.host.to_tensor)

    def node(pool_id: str, profile: str | None) -> dict[str, Any]:
        pool, linked = nodes["GridImagePool"], nodes["PoolProfile"]
        image, mask, *rest = pool().run(-1, pool_id, profile)
        return {
            "valid": pool.VALIDATE_INPUTS(pool_id),
            "changed": pool.IS_CHANGED(-1, pool_id, profile),
            "profile": linked.IS_CHANGED("", profile or pool_id),
            "image": hashlib.sha256(image.tobytes()).hexdigest(),
            "mask": hashlib.sha256(mask.tobytes()).hexdigest(),
            "rest": rest,
        }

    @server.host.routes.get("/test/node")
    async def run_node(request: web.Request) -> web.Response:
        return web.json_response(node(request.query["pool_id"], request.query.get("profile")))

    server.host.app.router.add_get("/test/node", run_node)
    install(folder / "input", disk)
    with server:
        print(server.port, flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    _serve(Path(sys.argv[1]), sys.argv[2])
