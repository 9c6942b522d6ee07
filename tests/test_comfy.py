"""The pack as ComfyUI loads it: in a process of its own, where small stand-ins are its modules."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from support import git, picture

ROOT = Path(__file__).resolve().parents[1]

# What the pack uses of ComfyUI, and no more of it.
STAND_INS = {
    "folder_paths.py": """
import pathlib
here = pathlib.Path(__file__).parent
def get_input_directory(): return str(here / "input")
def get_user_directory(): return str(here / "user")
""",
    "torch.py": """
class Tensor:
    def __init__(self, array): self.array = array
def from_numpy(array): return Tensor(array)
""",
    "nodes.py": """
NODE_CLASS_MAPPINGS = {}
""",
    "server.py": """
import asyncio, types
from aiohttp import web
class PromptServer:
    instance = None
    def __init__(self):
        PromptServer.instance = self
        self.routes, self.app, self.pages = web.RouteTableDef(), web.Application(), []
        self.prompt_queue = types.SimpleNamespace(currently_running={})
        self.loop, self.messages = asyncio.get_running_loop(), asyncio.Queue()
        @self.routes.get("/ws")
        async def listen(request):
            page = web.WebSocketResponse()
            await page.prepare(request)
            self.pages.append(page)
            async for _ in page: pass
            return page
    def send_sync(self, event, data, sid=None):
        self.loop.call_soon_threadsafe(self.messages.put_nowait, (event, data))
    async def publish(self):
        while True:
            event, data = await self.messages.get()
            for page in self.pages:
                await page.send_json({"type": event, "data": data})
""",
    # Loads a pack, serves routes and web files, and runs nodes in the way and order of ComfyUI.
    "main.py": """
import asyncio, importlib.util, os, signal, sys
from aiohttp import web
import nodes
from server import PromptServer
def load_custom_node(folder):
    name = folder.replace(".", "_x_")
    spec = importlib.util.spec_from_file_location(name, os.path.join(folder, "__init__.py"))
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    nodes.NODE_CLASS_MAPPINGS.update(module.NODE_CLASS_MAPPINGS)
    return module
async def main():
    server = PromptServer()
    pack = load_custom_node(sys.argv[1])
    if "replaced" in sys.argv:
        nodes.NODE_CLASS_MAPPINGS["PoolProfile"] = type("PoolProfile", (), {})
    @server.routes.get("/stand_in/pack")
    async def about(request):
        return web.json_response({"names": pack.NODE_DISPLAY_NAME_MAPPINGS, "all": pack.__all__,
            "classes": {name: kind.__name__ for name, kind in pack.NODE_CLASS_MAPPINGS.items()}})
    @server.routes.post("/stand_in/running")
    async def running(request):
        body = await request.json()
        if body["running"] is None:
            server.prompt_queue = None
        else:
            given = {int(number): (0, name) for number, name in body["running"].items()}
            server.prompt_queue.currently_running = given
        server.last_prompt_id = body["last"]
        return web.json_response({})
    @server.routes.post("/stand_in/give")
    async def give(request):
        node = nodes.NODE_CLASS_MAPPINGS["GridImagePool"]()
        image, mask, index, count, label = await asyncio.to_thread(
            getattr(node, node.FUNCTION), **await request.json())
        kinds = [f"{type(each).__module__}.{type(each).__name__}" for each in (image, mask)]
        shapes = [each.array.shape for each in (image, mask)]
        return web.json_response({"kinds": kinds, "shapes": shapes, "count": count})
    for route in list(server.routes):
        server.app.router.add_route(route.method, "/api" + route.path, route.handler)
    server.app.add_routes(server.routes)
    web_files = os.path.join(sys.argv[1], pack.WEB_DIRECTORY)
    server.app.add_routes([web.static("/extensions/pack", web_files)])
    runner = web.AppRunner(server.app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(runner.addresses[0][1], flush=True)
    await server.publish()
signal.signal(signal.SIGINT, signal.default_int_handler)
loop = asyncio.new_event_loop()  # never closed, as in ComfyUI
running = loop.create_task(main())
try:
    loop.run_until_complete(running)
except KeyboardInterrupt:
    print("stopped", flush=True)
# What is the stand-in's own and aiohttp's may not complain of being ended in its midst.
theirs = [t for t in asyncio.all_tasks(loop) if t is running or "RequestHandler" in repr(t)]
for task in theirs:
    task.cancel()
loop.run_until_complete(asyncio.gather(*theirs, return_exceptions=True))
""",
}


class Comfy:
    """A client of the running stand-in."""

    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        self.url = url
        self.session = session

    async def get(self, path: str) -> Any:
        async with self.session.get(self.url + path) as answer:
            assert answer.status == 200
            return await answer.json()

    async def post(self, path: str, **options: Any) -> Any:
        async with self.session.post(self.url + path, **options) as answer:
            assert answer.status == 200, await answer.text()
            return await answer.json()

    async def add(self, pool: str, seed: int) -> None:
        form = aiohttp.FormData({"pool_id": pool})
        form.add_field("image", picture(seed), filename="a.png")
        await self.post("/grid_pool/add", data=form)

    async def count(self, pool: str) -> int:
        given = await self.post("/stand_in/give", json={"pool_id": pool, "index": 0})
        return given["count"]

    async def running(self, running: dict[str, str] | None, last: str) -> None:
        await self.post("/stand_in/running", json={"running": running, "last": last})


def write_stand_ins(folder: Path) -> None:
    for name, text in STAND_INS.items():
        (folder / name).write_text(text, "utf-8")
    for name in ("input", "user"):
        (folder / name).mkdir()


def how_to_start(folder: Path, *arguments: str) -> dict[str, Any]:
    return {
        "args": [sys.executable, str(folder / "main.py"), str(ROOT), *arguments],
        "stdout": subprocess.PIPE,
        "stderr": subprocess.PIPE,
        "text": True,
        "encoding": "utf-8",
        "cwd": ROOT,
        "env": {**os.environ, "GITPOOL_SNAPSHOT_DELAY": "3600", "PYTHONIOENCODING": "utf-8"},
    }


def in_comfy(folder: Path, test: Callable[[Comfy], Awaitable[None]], *arguments: str) -> str:
    """Run `test` while ComfyUI runs, end it with Ctrl+C; gives what it said on stderr."""
    write_stand_ins(folder)
    process = subprocess.Popen(**how_to_start(folder, *arguments))
    try:
        port = process.stdout.readline().strip()
        assert port, process.stderr.read()

        async def talk() -> None:
            async with aiohttp.ClientSession() as session:
                await asyncio.wait_for(test(Comfy(f"http://127.0.0.1:{port}", session)), 300)

        asyncio.run(talk())
        process.send_signal(signal.SIGINT)
        said, complained = process.communicate(timeout=300)
        assert (said, process.returncode) == ("stopped\n", 0)
        return complained
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        process.communicate(timeout=300)


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl+C is sent differently there")
def test_nodes_routes_page_and_events(tmp_path: Path) -> None:
    profiles: list[str] = []

    async def check(comfy: Comfy) -> None:
        pack = await comfy.get("/stand_in/pack")
        assert pack["classes"] == {"GridImagePool": "GridImagePool", "PoolProfile": "PoolProfile"}
        assert pack["names"] == {
            "GridImagePool": "Image Pool (Grid)",
            "PoolProfile": "Pool Profile",
        }
        assert {"NODE_CLASS_MAPPINGS", "WEB_DIRECTORY"} <= set(pack["all"])
        async with comfy.session.get(comfy.url + "/extensions/pack/gitpool.js") as script:
            assert script.status == 200
        async with comfy.session.ws_connect(comfy.url + "/ws") as page:
            made = await comfy.post("/api/grid_pool/profiles/create", json={"name": "Heroes"})
            profiles.append(made["id"])
            await comfy.add(made["id"], 1)
            heard: set[str] = set()
            while ("gitpool.changed", made["id"]) not in heard:
                message = await page.receive_json(timeout=300)
                heard.add((message["type"], message["data"].get("id")))
        listed = await comfy.get("/grid_pool/profiles/list")
        assert [each["name"] for each in listed["profiles"]] == ["Heroes"]
        given = await comfy.post("/stand_in/give", json={"pool_id": made["id"], "index": -1})
        assert given["kinds"] == ["torch.Tensor"] * 2
        assert given["shapes"] == [[1, 16, 24, 3], [1, 16, 24]]
        assert given["count"] == 1
        small = f"/grid_pool/thumb?pool_id={made['id']}&name=img_0001.png&size=64"
        async with comfy.session.get(comfy.url + small) as thumbnail:
            assert thumbnail.status == 200

    said = in_comfy(tmp_path, check)
    assert said == ""
    # Pools lie in ComfyUI's input folder, what else is ours in its user folder; what was edited
    # is snapshotted when ComfyUI ends.
    assert any((tmp_path / "user" / "__gitpool" / "thumbnails").rglob("*.*"))
    (folder,) = [
        path.parent
        for path in (tmp_path / "input" / "grid_pool").glob("*/.git")
        if profiles[0] in (path / "gitpool.json").read_text("utf-8")
    ]
    assert git(folder, "status", "--porcelain") == ""
    assert len(list(folder.glob("*.png"))) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl+C is sent differently there")
def test_a_run_sees_one_version_and_the_next_the_next(tmp_path: Path) -> None:
    async def check(comfy: Comfy) -> None:
        await comfy.add("p", 1)
        assert await comfy.count("p") == 1  # before the first run ComfyUI knows no id at all
        await comfy.running({"0": "same"}, "same")
        assert await comfy.count("p") == 1
        await comfy.add("p", 2)
        assert await comfy.count("p") == 1
        # The same id again is another run, and after it there is none.
        await comfy.running({"1": "same"}, "same")
        assert await comfy.count("p") == 2
        await comfy.add("p", 3)
        assert await comfy.count("p") == 2
        await comfy.running({}, "same")
        assert await comfy.count("p") == 3
        await comfy.running({"2": "other"}, "same")
        await comfy.add("p", 4)
        assert await comfy.count("p") == 4
        # A ComfyUI without such a queue: its runs are told apart by their ids alone.
        await comfy.running(None, "alone")
        assert await comfy.count("p") == 4
        await comfy.add("p", 5)
        assert await comfy.count("p") == 4

    in_comfy(tmp_path, check)


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl+C is sent differently there")
def test_a_pack_that_takes_our_nodes_place_is_told_of(tmp_path: Path) -> None:
    async def check(comfy: Comfy) -> None:
        await comfy.get("/grid_pool/profiles/list")

    said = in_comfy(tmp_path, check, "replaced")
    assert said.count("another custom node pack brings its own") == 1
    assert "“Pool Profile”" in said


@pytest.mark.parametrize("missing", ["dulwich", "urllib3"])
def test_what_is_missing_is_named(tmp_path: Path, missing: str) -> None:
    write_stand_ins(tmp_path)
    text = f"raise ModuleNotFoundError('No module named {missing}', name={missing!r})"
    (tmp_path / f"{missing}.py").write_text(text, "utf-8")
    ended = subprocess.run(**how_to_start(tmp_path), timeout=300, check=False)
    assert (ended.returncode, ended.stdout) == (1, "")
    # What is ours to bring is told with how to get it; anything else is left as it is.
    last = ended.stderr.strip().splitlines()[-1]
    told = "Git Pool needs the Python package “dulwich”. Install what its requirements.txt lists"
    assert (told in last) == (missing == "dulwich")
    assert missing in last
