"""What the grid asks for and how smoothly it scrolls, in the official editor in real Chromium.

`python -m benchmarks.scroll` prints tables in a few minutes. Wants the tests' environment and
Chromium.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from .measure import ROOT
from .performance_page import lines
from .scroll_images import make_scenes
from .scroll_steps import (
    Frames,
    Heard,
    edits,
    fill_pool,
    frames,
    show_anew,
    until_shown,
    visible,
)
from .table import machine

sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "browser")]

_COUNTS = (500, 5000)
_QUIET = 2000
_LOADS = ["nodes", "images", "visible", "asked for", "received"]
_EDITS = ["click", "label", "mask", "reorder"]
_FRAMES = ["nodes", "images", "frame", "worst", "over 50 ms", "grid's work", "its worst"]
_AFTER = ["asked for", "shown after"]
_KINDS = {
    "TaskDuration": "all work",
    "ScriptDuration": "scripts",
    "RecalcStyleDuration": "styles",
    "LayoutDuration": "layout",
}


def main() -> None:
    """Both renderers, both sizes; the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, nargs="+", default=_COUNTS)
    parser.add_argument("--pictures", type=Path, help="keep the images made in this folder")
    chosen = parser.parse_args()
    loads, scrolls = [[*_LOADS, *_EDITS]], [[*_FRAMES, "ours in those", *_KINDS.values(), *_AFTER]]
    with tempfile.TemporaryDirectory() as scratch:
        scenes = make_scenes(chosen.pictures or Path(scratch), max(chosen.images))
        for vue in (False, True):
            for count in chosen.images:
                folder = Path(scratch) / f"{count}-{vue}"
                folder.mkdir()
                load, scrolled = _in_editor(folder, vue, scenes[:count])
                loads.append(load)
                scrolls += scrolled
                print(".", end="", file=sys.stderr, flush=True)
                shutil.rmtree(folder)
    print(lines(loads, left=1), "\n", lines(scrolls, left=1), "\n", machine("Pillow"), sep="\n")


def _in_editor(folder: Path, vue: bool, scenes: list[Path]) -> tuple[list[str], list[list[str]]]:
    """One editor's rows, of a browser and a server of its own."""
    from editor import FLAGS, Demo, Editor
    from playwright.sync_api import sync_playwright

    program = shutil.which("chromium") or shutil.which("chromium-browser")
    name = "Nodes 2.0" if vue else "canvas"
    demo = Demo(folder)
    try:
        demo.set(Comfy__VueNodes__Enabled=vue)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
            editor = Editor(browser, demo).open()
            rows = _measured(editor, name, scenes)
            assert not editor.errors, editor.errors
            browser.close()
    finally:
        demo.stop()
    return rows


def _measured(editor: Any, name: str, scenes: list[Path]) -> tuple[list[str], list[list[str]]]:
    fill_pool(editor, scenes)
    heard = Heard(editor.page)
    count = len(scenes)
    show_anew(editor, count)
    editor.page.wait_for_timeout(_QUIET)
    load = [name, f"{count:,}", str(visible(editor))]
    load += [str(len(heard.urls)), f"{heard.bytes / 1000:.0f} kB", *_after_edits(editor, heard)]
    floor = [*_frames_row([name, "nothing moves"], frames(editor, 0)), "", ""]
    heard.clear()
    scrolled = _frames_row([name, f"{count:,}"], frames(editor, 1))
    scrolled += [str(len(heard.urls)), f"{until_shown(editor):.1f} s"]
    return load, [floor, scrolled]


def _after_edits(editor: Any, heard: Heard) -> list[str]:
    """How many other images are loaded after each edit."""
    found = []
    image = editor.demo.slots(editor.pool_id())[1]["image"]
    for edit in edits(editor).values():
        heard.clear()
        edit()
        editor.page.wait_for_timeout(_QUIET)
        found.append(str(heard.others(image)))
    return found


def _frames_row(start: list[str], found: Frames) -> list[str]:
    times = [f"{found.median:.1f}", f"{found.worst:.0f}", str(found.late)]
    own = [f"{found.draw:.1f}", f"{found.draw_worst:.1f}", f"{found.ours:.0f}"]
    return [*start, *times, *own, *(f"{found.rest[kind]:.1f}" for kind in _KINDS)]


if __name__ == "__main__":
    main()
