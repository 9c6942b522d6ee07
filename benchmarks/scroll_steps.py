"""What `benchmarks.scroll` does in the page: the pool it shows, edits, and frames counted."""

from __future__ import annotations

import os
import statistics
import urllib.parse
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

_STEPS = 600
_LONG = 50.0
_PATIENCE = 300

# Gives each frame's length, how long the grid's own scroll listener took in it, and the scripts
# of ours in frames that were too long. `far` 0 is the floor: the same loop, and nothing moves.
_FRAMES = """async ([steps, far]) => {
  const grid = document.querySelector(".gp-grid");
  const frames = [], draws = [], late = [];
  const watcher = new PerformanceObserver((list) => late.push(...list.getEntries()));
  watcher.observe({ type: "long-animation-frame" });
  let began = 0, spent = 0;
  const before = () => (began = performance.now());
  const after = () => (spent += performance.now() - began);
  // Scrolling comes to the document first, then to the grid's listeners, in their order.
  document.addEventListener("scroll", before, true);
  grid.addEventListener("scroll", after);
  const end = (grid.scrollHeight - grid.clientHeight) * far;
  let last = await new Promise(requestAnimationFrame);
  for (let step = 1; step <= steps; step++) {
    if (far) grid.scrollTop = (end * step) / steps;
    const now = await new Promise(requestAnimationFrame);
    frames.push(now - last);
    draws.push(spent);
    spent = 0;
    last = now;
  }
  document.removeEventListener("scroll", before, true);
  grid.removeEventListener("scroll", after);
  for (const entry of watcher.takeRecords()) late.push(entry);
  watcher.disconnect();
  const ours = (script) => script.sourceURL.includes("/pool/");
  const scripts = late.map((frame) =>
    frame.scripts.filter(ours).reduce((sum, script) => sum + script.duration, 0));
  return { frames, draws, scripts };
}"""
_SHOWN = """() => {
  const grid = document.querySelector(".gp-grid").getBoundingClientRect();
  const seen = [...document.querySelectorAll(".gp-grid .gp-cell")].filter((cell) => {
    const box = cell.getBoundingClientRect();
    return box.bottom > grid.top && box.top < grid.bottom;
  });
  const there = (cell) => cell.querySelector(".gp-thumb").naturalWidth > 0;
  return [seen.length, seen.filter(there).length];
}"""
_PAINT = """async ([pool_id, index, image, width, height]) => {
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d");
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.fillStyle = "white";
  context.fillRect(width / 4, height / 4, width / 2, height / 3);
  const form = new FormData();
  for (const [key, value] of Object.entries({ pool_id, index, image })) form.append(key, value);
  form.append("mask", await canvas.convertToBlob(), "mask.png");
  await fetch("/grid_pool/set_mask", { method: "POST", body: form });
}"""


@dataclass(frozen=True)
class Frames:
    """Frames in ms. draw: the grid's own work in each; late: those over 50 ms; ours: the longest
    that our scripts took in one of these; rest: the main thread's work per frame, by kind."""

    median: float
    worst: float
    late: int
    draw: float
    draw_worst: float
    ours: float
    rest: dict[str, float]


class Heard:
    """Every image that the page asks for, and its bytes."""

    def __init__(self, page: Any) -> None:
        self.urls: list[str] = []
        self.bytes = 0
        page.on("request", self._asked)
        page.on("response", self._answered)

    def clear(self) -> None:
        self.urls, self.bytes = [], 0

    def others(self, image: str) -> int:
        """How many were asked for of other images than that one and its mask."""
        own = (image, f"{Path(image).stem}.mask.png")
        names = [urllib.parse.parse_qs(urllib.parse.urlsplit(url).query) for url in self.urls]
        return sum(query.get("name", [""])[0] not in own for query in names)

    def _asked(self, request: Any) -> None:
        if self._counts(request.url):
            self.urls.append(request.url)

    def _answered(self, response: Any) -> None:
        if self._counts(response.url):
            self.bytes += int(response.headers.get("content-length", 0))

    @staticmethod
    def _counts(url: str) -> bool:
        return any(
            f"{route}?" in url for route in ("/grid_pool/thumb", "/grid_pool/layers", "/view")
        )


def fill_pool(editor: Any, scenes: Sequence[Path]) -> None:
    """Put these images into the pool shown in place of the sample's, as a person does with
    files, and have the page show it."""
    pool = editor.pool_id()
    folder = editor.demo.pool_folder(pool)
    until_shown(editor)
    sample = [slot["image"] for slot in editor.demo.slots(pool)]
    editor.demo.post("grid_pool/remove", {"pool_id": pool, "images": sample})
    editor.page.locator(".gp-pool .gp-cell").first.wait_for(state="hidden")
    for scene in scenes:
        os.link(scene, folder / scene.name)
    body = f'{{"id": "{pool}"}}'.encode()
    address = f"{editor.demo.url}grid_pool/profiles/snapshot"
    request = urllib.request.Request(address, body, {"Content-Type": "application/json"})
    urllib.request.urlopen(request, timeout=_PATIENCE).close()


def show_anew(editor: Any, count: int) -> None:
    """Load the page again, and wait until every image in view is there."""
    editor.page.reload()
    shown = editor.page.locator(".gp-pool .gp-count", has_text=f"{count:,} images")
    shown.wait_for(timeout=120_000)
    until_shown(editor)


def until_shown(editor: Any) -> float:
    """Wait until every image in view is there; gives the seconds."""
    script = f"() => {{ const [seen, there] = ({_SHOWN})(); return seen > 0 && seen === there; }}"
    start = editor.page.evaluate("performance.now()")
    editor.page.wait_for_function(script, timeout=120_000)
    return (editor.page.evaluate("performance.now()") - start) / 1000


def visible(editor: Any) -> int:
    """How many cells a person sees, at least in part."""
    return editor.page.evaluate(_SHOWN)[0]


def edits(editor: Any) -> dict[str, Callable[[], None]]:
    """What a person does to the second image, by name."""
    pool = editor.pool_id()
    image = editor.demo.slots(pool)[1]["image"]
    with Image.open(editor.demo.pool_folder(pool) / image) as stored:
        mask = [pool, 1, image, *stored.size]
    return {
        "click": lambda: editor.cell(1).click(position={"x": 30, "y": 40}),
        "label": lambda: editor.set_label(1, "Another name"),
        "mask": lambda: editor.page.evaluate(_PAINT, mask),
        "reorder": lambda: editor.drag_cell(1, 0),
    }


def frames(editor: Any, far: float) -> Frames:
    """Scroll from the top to that part of the whole grid, a step in every frame."""
    session = editor.context.new_cdp_session(editor.page)
    session.send("Performance.enable")
    before = _metrics(session)
    found = editor.page.evaluate(_FRAMES, [_STEPS, far])
    after = _metrics(session)
    session.detach()
    return Frames(
        median=statistics.median(found["frames"]),
        worst=max(found["frames"]),
        late=sum(frame > _LONG for frame in found["frames"]),
        draw=statistics.median(found["draws"]),
        draw_worst=max(found["draws"]),
        ours=max(found["scripts"], default=0),
        rest={name: (after[name] - before[name]) * 1000 / _STEPS for name in before},
    )


def _metrics(session: Any) -> dict[str, float]:
    """Seconds that the page's main thread has worked: on all, scripts, styles and layout."""
    listed = session.send("Performance.getMetrics")["metrics"]
    kinds = ("TaskDuration", "ScriptDuration", "RecalcStyleDuration", "LayoutDuration")
    return {metric["name"]: metric["value"] for metric in listed if metric["name"] in kinds}
