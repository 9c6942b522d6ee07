"""Short answers the editor asks for at start: what this server has none of, and what it is."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aiohttp import web

LARGEST_UPLOAD = 100 * 1024 * 1024
FEATURES: dict[str, Any] = {
    "supports_preview_metadata": True,
    "max_upload_size": LARGEST_UPLOAD,
}

_EMPTY_LISTS = (
    "/embeddings",
    "/models",
    "/experiment/models",
    "/internal/files/input",
    "/internal/files/output",
    "/internal/files/temp",
)
_EMPTY_OBJECTS = (
    "/workflow_templates",
    "/global_subgraphs",
    "/node_replacements",
    "/internal/folder_paths",
)
_OTHER_TEXTS = ("nodeDefs", "commands", "settings")


def add_small_routes(routes: web.RouteTableDef, frontend_version: str | None) -> None:
    """Register constant answers, `/i18n`, `/features`, `/system_stats` and the logs."""
    for path in _EMPTY_LISTS:
        routes.get(path)(_constant([]))
    for path in _EMPTY_OBJECTS:
        routes.get(path)(_constant({}))
    routes.get("/i18n")(_constant(translations(find_locales())))
    routes.get("/features")(_constant(FEATURES))
    routes.get("/system_stats")(_constant(system_stats(frontend_version)))
    routes.get("/internal/logs")(_constant(""))
    routes.get("/internal/logs/raw")(_constant({"entries": [], "size": {"cols": 80, "rows": 24}}))
    routes.patch("/internal/logs/subscribe")(_constant({}))


def find_locales() -> Path | None:
    """The pack's texts: inside the installed package, or beside it in a checkout."""
    package = Path(__file__).resolve().parent.parent
    for folder in (package / "_locales", package.parent / "locales"):
        if folder.is_dir():
            return folder
    return None


def translations(locales: Path | None) -> dict[str, dict[str, Any]]:
    """What ComfyUI makes of a pack's `locales`: by language, `main.json` and, under its own name,
    each of the others."""
    found: dict[str, dict[str, Any]] = {}
    for folder in sorted(locales.iterdir()) if locales else []:
        texts = {file.stem: json.loads(file.read_text("utf-8")) for file in folder.glob("*.json")}
        others = {key: texts[key] for key in _OTHER_TEXTS if key in texts}
        found[folder.name] = {**texts.get("main", {}), **others}
    return found


def add_template_routes(app: web.Application) -> None:
    """The editor's list of templates: there are none."""
    app.router.add_get("/templates/index.json", _constant([]))
    app.router.add_get("/templates/index_logo.json", _constant({}))


def add_node_routes(
    routes: web.RouteTableDef, node_classes: Mapping[str, type], names: Mapping[str, str]
) -> None:
    """Register `/object_info` and `/object_info/{class}`."""

    @routes.get("/object_info")
    async def all_nodes(request: web.Request) -> web.Response:
        return web.json_response(
            {each: node_info(each, node_classes[each], names) for each in node_classes}
        )

    @routes.get("/object_info/{node_class}")
    async def one_node(request: web.Request) -> web.Response:
        name = request.match_info["node_class"]
        known = name in node_classes
        return web.json_response(
            {name: node_info(name, node_classes[name], names)} if known else {}
        )


def node_info(name: str, node_class: Any, names: Mapping[str, str]) -> dict[str, Any]:
    """What the editor needs to draw a node of this class."""
    inputs = node_class.INPUT_TYPES()
    returns = node_class.RETURN_TYPES
    info = {
        "input": inputs,
        "input_order": {section: list(each) for section, each in inputs.items()},
        "output": returns,
        "output_is_list": getattr(node_class, "OUTPUT_IS_LIST", [False] * len(returns)),
        "output_name": getattr(node_class, "RETURN_NAMES", returns),
        "name": name,
        "display_name": names.get(name, name),
        "description": getattr(node_class, "DESCRIPTION", ""),
        "python_module": getattr(node_class, "RELATIVE_PYTHON_MODULE", "nodes"),
        "category": getattr(node_class, "CATEGORY", "sd"),
        "output_node": getattr(node_class, "OUTPUT_NODE", False) is True,
    }
    if hasattr(node_class, "OUTPUT_TOOLTIPS"):
        info["output_tooltips"] = node_class.OUTPUT_TOOLTIPS
    for attribute in ("DEPRECATED", "EXPERIMENTAL"):
        if getattr(node_class, attribute, False):
            info[attribute.lower()] = True
    return info


def system_stats(frontend_version: str | None) -> dict[str, Any]:
    """What the editor's about page shows; the one device is this computer's processor."""
    device = {
        "name": "cpu",
        "type": "cpu",
        "index": 0,
        "vram_total": 0,
        "vram_free": 0,
        "torch_vram_total": 0,
        "torch_vram_free": 0,
    }
    system = {
        "os": os.name,
        "ram_total": 0,
        "ram_free": 0,
        "comfyui_version": "0.0.0",
        "required_frontend_version": frontend_version or "0.0.0",
        "python_version": sys.version,
        "pytorch_version": "none",
        "embedded_python": False,
        "argv": ["gitpool", "demo"],
    }
    return {"system": system, "devices": [device]}


def _constant(answer: Any) -> Any:
    async def handler(request: web.Request) -> web.Response:
        return web.json_response(answer)

    return handler
