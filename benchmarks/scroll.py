"""What the grid asks for and how smoothly it scrolls, in the official editor in real Chromium.

`python -m benchmarks.scroll` prints a table. Wants the tests' environment and Chromium.
"""

from __future__ import annotations

import shutil
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

from .data import make_images
from .measure import ROOT
from .performance_page import lines

sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "browser")]

_COUNTS = (500, 5000)
_SCROLL = """async () => {
  const grid = document.querySelector(".gp-grid");
  const frames = [], steps = 600;
  const end = grid.scrollHeight - grid.clientHeight;
  let last = await new Promise(requestAnimationFrame);
  for (let step = 1; step <= steps; step++) {
    grid.scrollTop = (end * step) / steps;
    const now = await new Promise(requestAnimationFrame);
    frames.push(now - last);
    last = now;
  }
  return frames;
}"""


def main() -> None:
    """Both renderers, both sizes."""
    from editor import FLAGS, Demo, Editor
    from playwright.sync_api import sync_playwright

    program = shutil.which("chromium") or shutil.which("chromium-browser")
    rows = [["nodes", "images", "thumbnails at first", "kB", "after a click", "frame", "worst"]]
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as scratch:
        browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
        for vue in (False, True):
            for count in _COUNTS:
                folder = Path(scratch) / f"{count}-{vue}"
                folder.mkdir()
                demo = Demo(folder)
                demo.set(Comfy__VueNodes__Enabled=vue)
                editor = Editor(browser, demo).open()
                rows.append([("Nodes 2.0" if vue else "canvas"), *_measured(editor, count)])
                editor.close()
                demo.stop()
        browser.close()
    print(lines(rows, left=1))


def _measured(editor: Any, count: int) -> list[str]:
    profile = editor.pool_id()
    folder = editor.demo.pool_folder(profile)
    pictures = Path(tempfile.gettempdir()) / "gitpool-benchmark-images"
    for image in make_images(pictures, count, 0.02)[: count - 12]:
        shutil.copyfile(image, folder / image.name)
    editor.demo.post("grid_pool/profiles/snapshot", {"id": profile})
    asked: list[int] = []

    def heard(response: Any) -> None:
        if "/grid_pool/thumb" in response.url:
            asked.append(int(response.headers.get("content-length", 0)))

    editor.page.on("response", heard)
    editor.page.reload()
    editor.ready()
    editor.wait_for_count(count)
    editor.page.wait_for_timeout(3000)
    first, size = len(asked), sum(asked)
    editor.cell(1).click()
    editor.page.wait_for_timeout(1000)
    clicked = len(asked) - first
    frames = editor.page.evaluate(_SCROLL)
    middle, worst = statistics.median(frames), max(frames)
    shown = [f"{count:,}", str(first), f"{size / 1000:.0f}", str(clicked)]
    return [*shown, f"{middle:.0f} ms", f"{worst:.0f} ms"]


if __name__ == "__main__":
    main()
