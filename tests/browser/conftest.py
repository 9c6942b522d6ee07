"""The editor's versions and node renderers that Git Pool supports, each in real Chromium."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from .editor import FLAGS, ROOT, Demo, Editor

OLDEST = "1.27.10"
_ALL = os.environ.get("GITPOOL_MODES") == "all"


@dataclass(frozen=True)
class Mode:
    """A frontend's version and how it draws nodes."""

    name: str
    frontend: str | None
    vue_nodes: bool


MODES = [
    Mode("newest-canvas", None, False),
    Mode("newest-nodes2", None, True),
    Mode("oldest-canvas", OLDEST, False),
]


def pytest_configure(config: pytest.Config) -> None:
    """The markers that say where a test of the page runs."""
    config.addinivalue_line("markers", "modes(*names): runs in these modes alone")
    config.addinivalue_line("markers", "any_mode: runs in one mode, whichever")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test in all modes, in those its marker `modes` names, or, for one that is marked
    `any_mode`, in one of them: another one for each test, always the same for the same test.
    `GITPOOL_MODES=all` has the last ones run in all too."""
    if "mode" not in metafunc.fixturenames:
        return
    chosen = MODES
    if named := metafunc.definition.get_closest_marker("modes"):
        chosen = [mode for mode in MODES if mode.name in named.args]
    elif metafunc.definition.get_closest_marker("any_mode") and not _ALL:
        turn = zlib.crc32(metafunc.definition.nodeid.encode())
        chosen = [MODES[turn % len(MODES)]]
    metafunc.parametrize("mode", chosen, ids=[mode.name for mode in chosen])


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Real Chromium. Its driver keeps an event loop running in this thread, so it goes with the
    package: other tests run loops of their own."""
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    assert program, "Chromium is missing: install your system's `chromium` package"
    # What is right is there long before, on the slowest machine too.
    expect.set_options(timeout=120_000)
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=program, args=FLAGS)
        yield running
        running.close()


@pytest.fixture(scope="session")
def old_frontend() -> Path:
    """The oldest supported frontend, from the package index, unpacked once."""
    place = ROOT / "build" / f"frontend-{OLDEST}"
    if not (place / "static" / "index.html").exists():
        download = place / "download"
        package = f"comfyui-frontend-package=={OLDEST}"
        command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d"]
        subprocess.run([*command, str(download), package], check=True, timeout=300)
        with zipfile.ZipFile(next(download.glob("*.whl"))) as wheel:
            wheel.extractall(place / "unpacked")
        shutil.move(place / "unpacked" / "comfyui_frontend_package" / "static", place / "static")
    return place / "static"


@pytest.fixture
def start(
    mode: Mode, browser: Browser, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[Callable[..., Editor]]:
    """Starts a demo and opens the editor on it; at the end no error may have been logged."""
    demos: list[Demo] = []
    editors: list[Editor] = []

    def begin(
        *arguments: str,
        more: Mapping[str, str] | None = None,
        kind: type[Editor] = Editor,
        **settings: object,
    ) -> Editor:
        if mode.frontend:
            frontend = request.getfixturevalue("old_frontend")
            arguments = (*arguments, "--frontend", str(frontend))
        folder = tmp_path / f"demo{len(demos)}"
        folder.mkdir()
        demo = Demo(folder, *arguments, more=more)
        demos.append(demo)
        demo.set(Comfy__VueNodes__Enabled=mode.vue_nodes, **settings)
        editors.append(kind(browser, demo))
        return editors[-1].open()

    yield begin
    errors = [error for editor in editors for error in editor.errors]
    for editor in editors:
        editor.close()
    for demo in demos:
        demo.stop()
    assert not errors


@pytest.fixture
def pictures(tmp_path: Path) -> list[Path]:
    """Four plain pictures, each of another colour, 96 × 64."""
    from PIL import Image

    colours = {
        "red": (200, 30, 30),
        "green": (30, 160, 60),
        "blue": (30, 60, 200),
        "grey": (99,) * 3,
    }
    paths = []
    for name, colour in colours.items():
        path = tmp_path / f"{name}.png"
        Image.new("RGB", (96, 64), colour).save(path)
        paths.append(path)
    return paths
