"""Settings, users and the person's files: what the editor remembers on the server."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aiohttp import web

from .bodies import read_json, read_object
from .host import DemoHost
from .paths import UnsafePath, safe_join

# A first visit shows the workflow, not a tour, a template browser or news of the editor.
FIRST_SETTINGS: dict[str, Any] = {
    "Comfy.ColorPalette": "dark",
    "Comfy.TutorialCompleted": True,
    "Comfy.Notification.ShowVersionUpdates": False,
    "Comfy.VersionCompatibility.DisableWarnings": True,
    "Comfy.Assets.UseAssetAPI": False,
    "Comfy.Minimap.Visible": False,
    # The defaults, written down: editor 1.27 sets them while it starts, before it knows them,
    # and stops halfway with an error in the console.
    "Comfy.Canvas.LeftMouseClickBehavior": "panning",
    "Comfy.Canvas.MouseWheelScroll": "zoom",
}

_EXPECTED_FILES = {
    "user.css": "",
    "comfy.templates.json": "[]",
    "workflows/.index.json": '{"favorites": []}',
}


class SettingsFile:
    """The settings as one JSON object in a file."""

    def __init__(self, path: Path, first: Mapping[str, Any]) -> None:
        self._path = path
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            self.write(dict(first))

    def read(self) -> dict[str, Any]:
        """All settings; a broken file counts as none."""
        try:
            settings = json.loads(self._path.read_text("utf-8"))
        except (OSError, ValueError):
            return {}
        return settings if isinstance(settings, dict) else {}

    def write(self, settings: dict[str, Any]) -> None:
        # Replaced in one step: two tabs save at once, and a half file would lose everything.
        draft = self._path.with_suffix(".tmp")
        draft.write_text(json.dumps(settings, indent=4), "utf-8")
        os.replace(draft, self._path)


def first_settings(version: str | None, changes: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The settings of a new folder, for an editor of this version."""
    # The editor picks some defaults by the version a person started with.
    installed = {"Comfy.InstalledVersion": version} if version else {}
    return {**FIRST_SETTINGS, **installed, **(changes or {})}


def add_user_routes(routes: web.RouteTableDef, host: DemoHost, first: Mapping[str, Any]) -> None:
    """Register `/settings`, `/users` and `/userdata`; there is one person, `default`."""
    root = host.user_directory() / "default"
    _furnish(root)
    _add_settings(routes, SettingsFile(root / "comfy.settings.json", first))
    _add_listing(routes, root)
    _add_files(routes, root)

    @routes.get("/users")
    async def get_users(request: web.Request) -> web.Response:
        return web.json_response({"storage": "server", "migrated": True})


def _furnish(root: Path) -> None:
    """Make what the editor asks for at start: a 404 for each would fill the browser's console."""
    for folder in ("workflows", "subgraphs"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    for name, content in _EXPECTED_FILES.items():
        if not (root / name).exists():
            (root / name).write_text(content, "utf-8")


def _add_settings(routes: web.RouteTableDef, settings: SettingsFile) -> None:
    @routes.get("/settings")
    async def get_all(request: web.Request) -> web.Response:
        return web.json_response(settings.read())

    @routes.post("/settings")
    async def post_all(request: web.Request) -> web.Response:
        changes = await read_object(request)
        settings.write({**settings.read(), **changes})
        return web.Response()

    @routes.get("/settings/{id}")
    async def get_one(request: web.Request) -> web.Response:
        return web.json_response(settings.read().get(request.match_info["id"]))

    @routes.post("/settings/{id}")
    async def post_one(request: web.Request) -> web.Response:
        value = await read_json(request)
        settings.write({**settings.read(), request.match_info["id"]: value})
        return web.Response()


def _add_listing(routes: web.RouteTableDef, root: Path) -> None:
    @routes.get("/userdata")
    async def list_files(request: web.Request) -> web.Response:
        if not request.query.get("dir"):
            raise web.HTTPBadRequest(text="dir is missing")
        folder = _inside(root, request.query["dir"])
        if not folder.is_dir():
            raise web.HTTPNotFound(text="no such folder")
        pattern = "**/*" if _flag(request, "recurse") else "*"
        found = [path for path in folder.glob(pattern) if path.is_file()]
        # The editor's own index of bookmarks is hidden by its dot: it is no workflow.
        files = sorted(path for path in found if not path.name.startswith("."))
        names = [path.relative_to(folder).as_posix() for path in files]
        if _flag(request, "full_info"):
            return web.json_response([_file_info(path, folder) for path in files])
        if _flag(request, "split"):
            return web.json_response([[name, *name.split("/")] for name in names])
        return web.json_response(names)

    @routes.get("/v2/userdata")
    async def list_tree(request: web.Request) -> web.Response:
        folder, top = _inside(root, request.query.get("path", "")), _inside(root, "")
        if not folder.is_dir():
            raise web.HTTPNotFound(text="no such folder")
        return web.json_response(
            [
                {"name": path.name, "path": path.relative_to(top).as_posix(), **_tree_info(path)}
                for path in sorted(folder.rglob("*"), key=lambda each: (each.is_file(), each))
                if path.exists()
            ]
        )


def _add_files(routes: web.RouteTableDef, root: Path) -> None:
    @routes.get("/userdata/{file}")
    async def get_file(request: web.Request) -> web.StreamResponse:
        return web.FileResponse(_existing(root, request))

    @routes.post("/userdata/{file}")
    async def post_file(request: web.Request) -> web.Response:
        path = _inside(root, request.match_info["file"])
        _refuse_overwriting(request, path)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(await request.read())
        except OSError:
            raise web.HTTPBadRequest(text="this name cannot be used") from None
        return _written(request, path, root)

    @routes.delete("/userdata/{file}")
    async def delete_file(request: web.Request) -> web.Response:
        _existing(root, request).unlink()
        return web.Response(status=204)

    @routes.post("/userdata/{file}/move/{dest}")
    async def move_file(request: web.Request) -> web.Response:
        source = _existing(root, request)
        target = _inside(root, request.match_info["dest"])
        _refuse_overwriting(request, target)
        target.parent.mkdir(parents=True, exist_ok=True)
        os.replace(source, target)
        return _written(request, target, root)


def _inside(root: Path, name: str) -> Path:
    try:
        return safe_join(root, name)
    except UnsafePath:
        raise web.HTTPForbidden(text="the name leads outside") from None


def _existing(root: Path, request: web.Request) -> Path:
    path = _inside(root, request.match_info["file"])
    if not path.is_file():
        raise web.HTTPNotFound(text="no such file")
    return path


def _refuse_overwriting(request: web.Request, path: Path) -> None:
    if request.query.get("overwrite") == "false" and path.exists():
        raise web.HTTPConflict(text="the file exists already")


def _written(request: web.Request, path: Path, root: Path) -> web.Response:
    if _flag(request, "full_info"):
        return web.json_response(_file_info(path, root.resolve()))
    return web.json_response(path.relative_to(root.resolve()).as_posix())


def _flag(request: web.Request, name: str) -> bool:
    return request.query.get(name, "").lower() == "true"


def _file_info(path: Path, folder: Path) -> dict[str, Any]:
    status = path.stat()
    return {
        "path": path.relative_to(folder).as_posix(),
        "size": status.st_size,
        "modified": int(status.st_mtime * 1000),
        "created": int(status.st_ctime * 1000),
    }


def _tree_info(path: Path) -> dict[str, Any]:
    if path.is_dir():
        return {"type": "directory"}
    status = path.stat()
    return {"type": "file", "size": status.st_size, "modified": status.st_mtime}
