"""Where the editor's files and the pack's own web files are, and how they are served."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from aiohttp import web

INSTALL_HINT = (
    'The demo shows ComfyUI\'s own editor, which is not installed: pip install "gitpool[demo]"'
)


class FrontendMissing(RuntimeError):
    """The package with ComfyUI's editor is not installed."""


def find_frontend() -> Path:
    """The folder with the editor's `index.html`. Raises FrontendMissing without it."""
    found = importlib.util.find_spec("comfyui_frontend_package")
    for place in (found.submodule_search_locations or []) if found else []:
        folder = Path(place) / "static"
        if (folder / "index.html").is_file():
            return folder
    raise FrontendMissing(INSTALL_HINT)


def frontend_version(frontend: Path) -> str | None:
    """The version of the editor in this folder, or None when it came without its package."""
    for record in frontend.resolve().parent.parent.glob("comfyui_frontend_package-*.dist-info"):
        return record.name.removesuffix(".dist-info").rpartition("-")[2]
    return None


def find_web_directory() -> Path | None:
    """The pack's web files: inside the installed package, or beside it in a checkout."""
    package = Path(__file__).resolve().parent.parent
    for folder in (package / "_web", package.parent / "web"):
        if folder.is_dir():
            return folder
    return None


def list_extensions(frontend: Path, packs: Mapping[str, Path]) -> list[str]:
    """Addresses of all extension scripts; the editor's own come first."""
    own = frontend / "extensions"
    listed = [f"/extensions/{each}" for each in _scripts(own)]
    for name, folder in packs.items():
        listed += [f"/extensions/{quote(name)}/{each}" for each in _scripts(folder)]
    return listed


def add_static_files(app: web.Application, frontend: Path, packs: Mapping[str, Path]) -> None:
    """Serve the editor at `/` and each pack at `/extensions/<name>`."""

    async def index(request: web.Request) -> web.FileResponse:
        return web.FileResponse(frontend / "index.html")

    async def no_style(request: web.Request) -> web.Response:
        # The page asks for a stylesheet of the person's; theirs is in the user folder.
        return web.Response(content_type="text/css")

    async def icon(request: web.Request) -> web.FileResponse:
        return web.FileResponse(frontend / "assets" / "favicon.ico")

    app.router.add_get("/", index)
    if not (frontend / "user.css").exists():
        app.router.add_get("/user.css", no_style)
    # Browsers ask here for the icon when the page names none.
    if (frontend / "assets" / "favicon.ico").exists():
        app.router.add_get("/favicon.ico", icon)
    for name, folder in packs.items():
        app.router.add_static(f"/extensions/{name}", folder)
    app.router.add_static("/", frontend)


def _scripts(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.js"))
