"""What a person does with Sync in the editor, and the machine behind it, driven over its routes."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

from machines import Machine
from playwright.sync_api import Browser, Locator

from .editor import Demo, Editor

ALLOW = {"GITPOOL_ALLOW_REMOTES": "file,http"}
TOKEN = "sekret-0123456789"
GIT = re.compile(
    r"\b(git|commit|branch|push|pull|fetch|clone|repo|repository|head)(s|e?d)?\b", re.I
)

# Keeps the text of every answer of ours, as the page's own scripts can read it.
_LISTEN = """
  window.gitpoolHeard = [];
  const original = window.fetch;
  window.fetch = async function (...args) {
    const response = await original.apply(this, args);
    if (String(args[0]?.url ?? args[0]).includes('grid_pool/profiles/')) {
      response.clone().text().then((text) => window.gitpoolHeard.push(text), () => {});
    }
    return response;
  };
"""
# But for the settings' help, and what a test of an address answers: whoever hosts one reads those.
_WORDS = """
  () => [...document.querySelectorAll('.gp-root')].flatMap((root) => {
    const copy = root.cloneNode(true);
    for (const help of copy.querySelectorAll('.gp-details, .gp-input, .gp-test')) help.remove();
    const said = [...copy.querySelectorAll('[title], [aria-label], [placeholder]')];
    return [copy.textContent, ...said.flatMap((e) => [e.title, e.ariaLabel, e.placeholder])];
  }).filter(Boolean).join('\\n')
"""


class DemoMachine(Machine):
    """A demo's routes, as a program uses them."""

    def __init__(self, demo: Demo) -> None:
        self.port = urlsplit(demo.url).port or 0
        self.pools = demo.folder / "input" / "grid_pool"


class SyncEditor(Editor):
    """The editor with its Sync."""

    def __init__(self, browser: Browser, demo: Demo) -> None:
        super().__init__(browser, demo)
        self.context.add_init_script(_LISTEN)
        self.machine = DemoMachine(demo)

    # The line on the node.

    @property
    def bar(self) -> Locator:
        return self.page.locator(".gp-sync").first

    @property
    def button(self) -> Locator:
        return self.bar.locator(".gp-sync-button")

    def standing(self, text: str | re.Pattern[str]) -> Locator:
        """Wait until the line says something; what says it."""
        found = self.bar.locator(".gp-sync-words:not([hidden])", has_text=text)
        found.wait_for()
        return found

    def badge(self, count: int) -> None:
        exact = re.compile(rf"^{count}$")
        self.bar.locator(".gp-badge:not([hidden])", has_text=exact).wait_for()

    def sync(self, said: str = "Synced just now") -> None:
        """Press Sync, and wait until it says how it went."""
        self.button.click()
        self.standing(said)

    def toast(self, text: str) -> None:
        self.page.get_by_text(text, exact=True).first.wait_for()

    def choose(self, label: str) -> None:
        """Take a way that is offered where a sync couldn't go on."""
        self.page.locator(".gp-choices button", has_text=label).click()

    def show_profile(self, name: str, count: int) -> None:
        # One that was made a moment ago is in the list a moment later.
        self.page.locator(".gp-profile .gp-pick").click()
        self.page.locator(".gp-popover .gp-search").fill(name)
        listed = re.compile(rf"^\s*{re.escape(name)}\s*$")
        self.page.locator(".gp-popover .gp-row", has_text=listed).first.click()
        self.page.locator(".gp-pick-name", has_text=name).wait_for()
        self.wait_for_count(count)

    # Dialogs.

    def dialog(self, title: str) -> Locator:
        found = self.page.get_by_role("dialog", name=title)
        found.wait_for()
        return found

    def connect_dialog(self) -> Locator:
        found = self.dialog("Sync settings")
        found.get_by_label("Address").wait_for()
        return found

    def row(self, name: str) -> Locator:
        return self.page.locator(".gp-held").filter(has=self.page.get_by_text(name, exact=True))

    # What must not be there.

    def assert_plain_words(self) -> None:
        """Nothing on the page is said in git's words."""
        words = self.page.evaluate(_WORDS).replace("Git Pool", "")
        assert not GIT.search(words), GIT.search(words)

    def assert_untold(self, secret: str) -> None:
        """The page was never told a secret, and keeps none."""
        assert secret not in self.page.content()
        heard: list[Any] = self.page.evaluate("() => window.gitpoolHeard")
        assert len(heard) > 5
        assert secret not in str(heard)
        assert self.frames
        assert secret not in str(self.frames)
        kept = self.page.evaluate(
            "() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }])"
        )
        assert secret not in kept
        values = "() => [...document.querySelectorAll('input')].map((e) => e.value).join()"
        assert secret not in self.page.evaluate(values)
