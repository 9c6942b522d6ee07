"""The real ComfyUI editor in real Chromium, driven the way a person would."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, ConsoleMessage, Dialog, Locator, Page, WebSocket
from support import git

ROOT = Path(__file__).resolve().parents[2]
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # The address bar's own pages are loaded with every window, though nobody sees it. The last
    # list counts, so this one has what Playwright's keeps off that would be in a test's way.
    "--disable-features=WebUIOmniboxPopup,WebUIOmniboxAimPopup,HttpsUpgrades,MediaRouter,"
    "OptimizationHints,PaintHolding",
]
# What the editor itself says on a healthy page.
_NOT_OURS = ("favicon",)
_TAKES_AWAY = ("/grid_pool/remove", "/grid_pool/undo", "/grid_pool/redo", "/profiles/restore")


def afternoon() -> str:
    """A time zone where it is about three o'clock, so that no midnight parts a test's edits."""
    ahead = min(14, 15 - time.gmtime().tm_hour)
    return f"Etc/GMT{-ahead:+d}" if ahead else "Etc/GMT"


class Demo:
    """`gitpool demo` in a process of its own. more: environment of its own, or another's."""

    def __init__(
        self,
        folder: Path,
        *arguments: str,
        delay: float = 0.5,
        more: Mapping[str, str] | None = None,
    ) -> None:
        self.folder = folder
        command = [sys.executable, "-m", "gitpool", "demo", str(folder), "--port", "0", *arguments]
        environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "GITPOOL_SNAPSHOT_DELAY": str(delay),
            **(more or {}),
        }
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, text=True, env=environment, cwd=folder
        )
        assert self.process.stdout is not None
        # A server that never says where it is must not hang the tests.
        watchdog = threading.Timer(60, self.process.kill)
        watchdog.start()
        line = self.process.stdout.readline()
        watchdog.cancel()
        found = re.search(r"http://\S+/", line)
        assert found, f"the demo said: {line!r}"
        self.url = found[0]

    def stop(self) -> None:
        self.process.send_signal(signal.SIGINT)
        assert self.process.wait(300) == 0

    def get(self, route: str, **query: Any) -> Any:
        text = urllib.parse.urlencode(query)
        with urllib.request.urlopen(f"{self.url}{route}?{text}", timeout=300) as answer:
            return json.load(answer)

    def post(self, route: str, data: Any) -> Any:
        body = json.dumps(data).encode()
        request = urllib.request.Request(
            self.url + route, body, {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=300) as answer:
            return json.loads(answer.read() or b"null")

    def set(self, **settings: Any) -> None:
        for key, value in settings.items():
            self.post(f"api/settings/{key.replace('__', '.')}", value)

    def profiles(self) -> dict[str, str]:
        """Ids by name."""
        listed = self.get("grid_pool/profiles/list")["profiles"]
        return {entry["name"]: entry["id"] for entry in listed}

    def slots(self, pool_id: str) -> list[dict[str, Any]]:
        return self.get("grid_pool/list", pool_id=pool_id)["slots"]

    def pool_folder(self, pool_id: str) -> Path:
        return self.folder / "input" / "grid_pool" / pool_id


class Editor:
    """One page with the editor in it; what goes wrong on it is kept in `errors`."""

    def __init__(self, browser: Browser, demo: Demo) -> None:
        self.demo = demo
        self.errors: list[str] = []
        self.requests: list[str] = []
        self.frames: list[str] = []
        self.context = browser.new_context(
            viewport={"width": 1500, "height": 950},
            accept_downloads=True,
            timezone_id=afternoon(),
        )
        self.page: Page = self.context.new_page()
        self.page.set_default_timeout(120_000)
        self.page.on("console", self._heard)
        self.page.on("pageerror", lambda error: self.errors.append(f"page: {error}"))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("dialog", self._asked)
        self.page.on("websocket", self._listen)

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type != "error" or any(word in message.text for word in _NOT_OURS):
            return
        said = f"{message.text} {message.location}"
        # An image that is taken away while its thumbnail is on its way is gone.
        takes_away = any(route in url for url in self.requests for route in _TAKES_AWAY)
        if not takes_away or "404" not in message.text or "/grid_pool/thumb?" not in said:
            self.errors.append(said)

    def _listen(self, socket: WebSocket) -> None:
        socket.on("framereceived", lambda data: self.frames.append(str(data)))

    def _asked(self, dialog: Dialog) -> None:
        # Only the browser itself asks, whether to leave unsaved work; a page's own prompt,
        # confirm or alert would be an error.
        if dialog.type != "beforeunload":
            self.errors.append(f"{dialog.type}: {dialog.message}")
        dialog.accept()

    def open(self) -> Editor:
        self.page.goto(self.demo.url)
        self.ready()
        return self

    def ready(self) -> None:
        self.page.wait_for_selector(".gp-pool", timeout=300_000)
        self.page.wait_for_function(
            "() => !document.querySelector('.gp-notice:not([hidden]) .pi-spinner')"
        )

    def close(self) -> None:
        self.context.close()

    # The graph, through the editor's own application object.

    def run_script(self, script: str, argument: Any = None) -> Any:
        """Evaluate with `app`, and `find(type)` for a node wherever it lies."""
        prelude = """
          const app = window.comfyAPI.app.app;
          const root = app.rootGraph ?? app.graph;
          const nodes = () => {
            const all = [], seen = new Set();
            const visit = (graph) => {
              if (seen.has(graph)) return;
              seen.add(graph);
              for (const node of graph._nodes) {
                all.push(node);
                if (node.subgraph) visit(node.subgraph);
              }
            };
            visit(root);
            return all;
          };
          const find = (type) => nodes().find((node) => node.type === type);
          const widget = (node, name) => node.widgets.find((w) => w.name === name);
        """
        return self.page.evaluate(f"(argument) => {{ {prelude} {script} }}", argument)

    def pool_id(self) -> str:
        return self.run_script("return widget(find('GridImagePool'), 'pool_id').value")

    def profile_id(self) -> str:
        return self.run_script("return widget(find('PoolProfile'), 'profile_id').value")

    def show_plain_pool(self, pool_id: str) -> None:
        """Have the Image Pool show a pool of its own, without a profile."""
        script = """
          const pool = find('GridImagePool');
          pool.disconnectInput(0);
          widget(pool, 'pool_id').value = argument;
          pool._datasetePoolRefresh();
        """
        self.run_script(script, pool_id)

    def run_graph(self) -> None:
        """Press Run and wait until the queue is empty again."""
        before = len(self.demo.get("history"))
        self.page.get_by_test_id("queue-button").click()
        wait_for(lambda: len(self.demo.get("history")) > before)

    def preview(self, title: str = "Preview Image") -> bytes:
        """The bytes of the picture that a preview node shows."""
        node = "nodes().find((n) => (n.title ?? n.type) === argument)"
        script = f"""
          const node = {node};
          const id = String(node.id);
          const outputs = app.nodeOutputs[id]?.images?.[0];
          return outputs ? [outputs.filename, outputs.subfolder, outputs.type] : null;
        """
        name, subfolder, kind = wait_for(lambda: self.run_script(script, title))
        query = urllib.parse.urlencode({"filename": name, "subfolder": subfolder, "type": kind})
        with urllib.request.urlopen(f"{self.demo.url}view?{query}", timeout=300) as answer:
            return answer.read()

    # The Image Pool.

    @property
    def cells(self) -> Locator:
        return self.page.locator(".gp-pool .gp-cell")

    def cell(self, index: int) -> Locator:
        """The cell of a place; cells lie in the page in no order of their own."""
        number = self.page.locator(".gp-number", has_text=re.compile(rf"^{index}$"))
        return self.page.locator(".gp-cell").filter(has=number).first

    def wait_for_count(self, count: int) -> None:
        noun = "image" if count == 1 else "images"
        self.page.locator(".gp-pool .gp-count", has_text=f"{count} {noun}").wait_for()

    def upload(self, *files: Path) -> None:
        with self.page.expect_file_chooser() as chooser:
            self.page.get_by_role("button", name="Add images").click()
        chooser.value.set_files([str(file) for file in files])

    def tool(self, index: int, title: str) -> None:
        self.cell(index).hover()
        self.cell(index).locator(f"button[title='{title}']").click()

    def set_label(self, index: int, text: str) -> None:
        self.cell(index).locator(".gp-caption").dblclick()
        self.page.locator(".gp-label-input").fill(text)
        self.page.keyboard.press("Enter")

    def drag_cell(self, index: int, before: int) -> None:
        source = self.cell(index).bounding_box()
        target = self.cell(before).bounding_box()
        assert source
        assert target
        mouse = self.page.mouse
        mouse.move(source["x"] + source["width"] / 2, source["y"] + source["height"] / 3)
        mouse.down()
        mouse.move(source["x"], source["y"] + 20, steps=4)
        mouse.move(target["x"] + 6, target["y"] + target["height"] / 3, steps=6)
        mouse.up()

    # The Pool Profile.

    def pick(self, text: str) -> None:
        """Choose what the searchable list shows for a text."""
        self.page.locator(".gp-profile .gp-pick").click()
        self.page.locator(".gp-popover .gp-search").fill(text)
        self.page.locator(".gp-popover .gp-row", has_text=text).first.click()

    def menu(self, label: str) -> None:
        self.page.locator(".gp-profile button[title='More']").click()
        self.page.locator(".gp-menu button", has_text=label).click()

    def answer_prompt(self, text: str) -> None:
        """Answer ComfyUI's own prompt dialog."""
        field = self.page.locator(
            "[data-reka-dialog-content] input, [role='dialog'] input[type='text'], .p-dialog input"
        ).last
        field.fill(text)
        field.press("Enter")

    def confirm(self, label: str) -> None:
        """Answer ComfyUI's own confirmation dialog."""
        self.dialog_button(label).click()

    def dialog_button(self, label: str) -> Locator:
        dialogs = self.page.locator(
            ".p-dialog, [data-reka-dialog-content], [role='dialog'], [role='alertdialog']"
        )
        exact = re.compile(rf"^\s*{label}\s*$")
        return dialogs.locator("button", has_text=exact).last

    # The History panel.

    def history(self) -> Locator:
        """Open a profile's history from its node; gives the panel, with its rows there."""
        self.page.locator(".gp-profile button[title='History']").click()
        panel = self.page.locator(".gp-history")
        panel.locator(".gp-event").first.wait_for()
        return panel

    def event(self, text: str) -> Locator:
        """The row of the timeline that says so."""
        return self.page.locator(".gp-history .gp-event", has_text=text).first

    def event_menu(self, text: str, label: str) -> None:
        """Choose from the menu of a timeline's row."""
        self.event(text).locator(".gp-event-more").click()
        self.page.locator(".gp-menu button", has_text=label).click()


def filled(editor: Editor, pictures: list[Path], name: str = "Heroes") -> str:
    """A profile made, connected and filled by hand; gives its id."""
    editor.pick(name)
    wait_for(lambda: name in editor.demo.profiles())
    wait_for(lambda: editor.pool_id() == editor.demo.profiles()[name])
    editor.upload(*pictures)
    editor.wait_for_count(len(pictures))
    return editor.demo.profiles()[name]


def paint(editor: Editor) -> None:
    """Paint a dab in the middle, and save."""
    page = editor.page
    editor.tool(0, "Paint a mask")
    canvas = page.locator("#maskCanvas, [data-reka-dialog-content] canvas").last
    canvas.wait_for()
    page.wait_for_timeout(1200)
    box = canvas.bounding_box()
    assert box
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x - 4, y)
    page.mouse.down()
    page.mouse.move(x + 4, y, steps=4)
    page.mouse.up()
    page.wait_for_timeout(200)
    old_save = page.locator("#maskEditor_topBarSaveButton")
    (old_save if old_save.count() else editor.dialog_button("Save")).click()
    canvas.wait_for(state="detached")


def put(path: Path, data: bytes) -> None:
    """Write a file as good programs do: whoever looks sees the old one or the new one."""
    half = path.with_name(f".{path.name}.half")
    half.write_bytes(data)
    os.replace(half, path)


def wait_for(condition: Callable[[], Any], seconds: float = 300) -> Any:
    """Wait until the condition gives something true; give that."""
    end = time.monotonic() + seconds
    while True:
        found = condition()
        if found:
            return found
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.05)


def judge(folder: Path, clean: bool = True) -> None:
    """C git finds the repository sound; what the page began may still be under way."""
    wait_for(lambda: git(folder, "fsck", "--strict", check=False) == "")
    if clean:
        wait_for(lambda: git(folder, "status", "--porcelain") == "")
