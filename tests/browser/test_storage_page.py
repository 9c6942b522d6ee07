"""The Storage dialog in the editor: what profiles take on the disk, and freeing some of it."""

from __future__ import annotations

import os
import re
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, Route
from remotes.folder import bare_git, bare_repo
from support import git

from gitpool.profiles.locks import Locks
from gitpool.service import Service

from .editor import Demo, Editor, judge, wait_for
from .syncing import ALLOW, GIT, DemoMachine

Start = Callable[..., Editor]
DAY = 86_400
SIDE = 120


class Past:
    """A profile's history, made in the demo's folder as if it had grown over weeks."""

    def __init__(self, demo: Demo) -> None:
        self.now = time.time()
        self.staged = demo.folder / "staged.png"
        base = demo.folder / "input" / "grid_pool"
        user = demo.folder / "user" / "__gitpool"
        self.service = Service(base, user, lambda: self.now, delay=3600)

    def grow(self, name: str, ages: list[float], side: int = SIDE) -> str:
        """A profile with one automatic snapshot for each age, oldest first, after the one that
        made it: an image comes, and the one before it goes. Gives its id."""
        self.now = _moment(ages[0])
        profile = self.service.profiles.create(uuid.uuid4().hex, name)["id"]
        for age in ages:
            self.now = _moment(age)
            if self.service.library.manifest(profile).slots:
                self.service.pools.remove(profile, 0)
            Image.frombytes("RGB", (side, side), os.urandom(side * side * 3)).save(self.staged)
            self.service.pools.add(profile, self.staged, int(self.now * 1000))
            self.service.versions.snapshot(profile, kind="auto")
        return profile


def _moment(age: float) -> float:
    """So many days ago, counted from noon, so that parts of a day stay in one day."""
    if age < 1:
        return time.time() - age * DAY
    return time.mktime((*time.localtime()[:3], 12, 0, 0, 0, 0, -1)) - age * DAY


# The profile is made and filled; six snapshots within an hour; the newest, of now.
AGES = [200.0, *(20 - minutes / 1440 for minutes in range(0, 60, 10)), 0.0]


def made(page: Editor, name: str, ages: list[float], side: int = SIDE) -> str:
    """A profile of that history, made behind the page's back; gives its id."""
    return Past(page.demo).grow(name, ages, side)


def feed(page: Editor, name: str) -> None:
    """Have the node feed a profile that was made behind the page's back."""
    page.page.reload()
    page.ready()
    page.pick(name)


@pytest.fixture
def opened(start: Start) -> Callable[..., tuple[Editor, str, Locator]]:
    """The editor, a profile with weeks of history, and the dialog on it."""

    def begin(ages: list[float] = AGES, **settings: object) -> tuple[Editor, str, Locator]:
        page = start("--empty", **settings)
        profile = made(page, "Heroes", ages)
        feed(page, "Heroes")
        return page, profile, open_dialog(page.page)

    return begin


def open_dialog(page: Page) -> Locator:
    page.locator(".gp-profile button[title='More']").click()
    page.locator(".gp-menu button", has_text="Storage…").click()
    return page.get_by_role("dialog", name="Storage")


def way(dialog: Locator, title: str) -> Locator:
    return dialog.locator(".gp-way").filter(has=dialog.page.get_by_text(title, exact=True))


def answer(dialog: Locator, title: str, text: str) -> str:
    """Wait until a way says what it would free; what it says."""
    found = way(dialog, title).locator(".gp-way-answer", has_text=text)
    found.wait_for()
    return found.inner_text()


def storage(page: Editor, profile: str) -> dict[str, int]:
    return page.demo.get("grid_pool/profiles/storage", id=profile)


def count(page: Editor, profile: str) -> int:
    return int(git(page.demo.pool_folder(profile), "rev-list", "--count", "HEAD"))


def button(dialog: Locator, name: str | re.Pattern[str]) -> Locator:
    return dialog.get_by_role("button", name=name, exact=isinstance(name, str))


@pytest.mark.any_mode
def test_each_way_says_what_it_frees_and_a_clean_up_frees_that(
    opened: Callable[..., tuple],
) -> None:
    page, profile, dialog = opened()
    dialog.locator(".gp-legend", has_text="9 snapshots").wait_for()
    assert "1 image" in dialog.locator(".gp-legend").inner_text()
    assert dialog.locator(".gp-storage-list").is_hidden()
    # Of the hour, and of the first week, one stays.
    answer(dialog, "Light", "6 snapshots go")
    answer(dialog, "Strong", "7 snapshots go")
    answer(dialog, "Only what I named", "8 snapshots go")
    assert not GIT.search(dialog.inner_text())
    before = storage(page, profile)
    shown = page.demo.slots(profile)

    # Asked first; Back leaves everything.
    way(dialog, "Strong").click()
    button(dialog, re.compile("^Free .*B…$")).click()
    dialog.locator(".gp-said", has_text="7 snapshots go for good. This can't be undone.").wait_for()
    assert button(dialog, "Back").evaluate("(e) => e === document.activeElement")
    button(dialog, "Back").click()
    assert count(page, profile) == 9

    button(dialog, re.compile("^Free .*B…$")).click()
    button(dialog, re.compile("^Free .*B$")).click()
    dialog.locator(".gp-good", has_text=re.compile("^Freed .*B; 7 snapshots went.$")).wait_for()
    dialog.locator(".gp-legend", has_text="2 snapshots").wait_for()
    answer(dialog, "Strong", "Nothing to free")
    answer(dialog, "Only what I named", "1 snapshot goes")
    assert button(dialog, "Free space").is_disabled()
    after = storage(page, profile)
    assert before["history"] - after["history"] > 6 * SIDE * SIDE * 3
    assert page.demo.slots(profile) == shown
    assert count(page, profile) == 2
    judge(page.demo.pool_folder(profile))


@pytest.mark.any_mode
def test_ones_own_way(opened: Callable[..., tuple]) -> None:
    page, profile, dialog = opened()
    way(dialog, "Custom").click()
    answer(dialog, "Custom", "6 snapshots go")
    # Kept whole for a month: nothing more for one an hour or a day.
    dialog.get_by_label("Keep all").select_option("until 1 month old")
    assert dialog.get_by_label("Then one an hour").input_value() == "not at all"
    assert dialog.get_by_label("Then one a day").input_value() == "not at all"
    assert dialog.get_by_label("Then one a week").input_value() == "for ever"
    answer(dialog, "Custom", "1 snapshot goes")
    dialog.get_by_label("Then one a week").select_option("until 6 months old")
    answer(dialog, "Custom", "2 snapshots go")
    dialog.get_by_label("Keep all").select_option("for ever")
    assert dialog.get_by_label("Then one a week").is_disabled()
    answer(dialog, "Custom", "Nothing to free")
    dialog.get_by_label("Keep all").select_option("not at all")
    for label in ("Then one an hour", "Then one a day"):
        dialog.get_by_label(label).select_option("not at all")
    dialog.get_by_label("Then one a week").select_option("for ever")
    answer(dialog, "Custom", "6 snapshots go")
    button(dialog, re.compile("^Free .*B…$")).click()
    button(dialog, re.compile("^Free .*B$")).click()
    dialog.locator(".gp-good", has_text="6 snapshots went").wait_for()
    assert count(page, profile) == 3


@pytest.mark.any_mode
def test_all_profiles_are_listed_largest_first(opened: Callable[..., tuple]) -> None:
    page, _, dialog = opened()
    dialog.get_by_role("button", name="Close").first.click()
    made(page, "Tiny", [0.0], 8)
    made(page, "Huge", [3.0, 2.0, 1.0, 0.0], 400)
    page.page.reload()
    page.ready()
    page.pick("Heroes")
    dialog = open_dialog(page.page)
    rows = dialog.locator(".gp-storage-row")
    dialog.locator(".gp-storage-total", has_text="MB").wait_for()
    assert [row.split("\n")[0] for row in rows.all_inner_texts()] == ["Huge", "Heroes", "Tiny"]
    assert rows.nth(1).get_attribute("aria-current") == "true"
    rows.nth(1).focus()
    page.page.keyboard.press("ArrowUp")
    dialog.locator("h3", has_text="Huge").wait_for()
    answer(dialog, "Only what I named", "4 snapshots go")
    page.page.keyboard.press("End")
    dialog.locator("h3", has_text="Tiny").wait_for()
    answer(dialog, "Light", "Nothing to free")
    assert rows.nth(2).evaluate("(e) => e === document.activeElement")
    # One that is gone meanwhile isn't shown any more.
    page.demo.post("grid_pool/profiles/delete", {"id": page.demo.profiles()["Tiny"]})
    wait_for(lambda: rows.count() == 2)
    dialog.locator("h3", has_text="Huge").or_(dialog.locator("h3", has_text="Heroes")).wait_for()


@pytest.mark.any_mode
def test_it_goes_on_without_the_dialog_and_is_cancelled(opened: Callable[..., tuple]) -> None:
    page, profile, dialog = opened()
    answer(dialog, "Light", "6 snapshots go")
    private = page.demo.folder / "input" / "grid_pool" / ".gitpool" / "locks"
    button(dialog, re.compile("^Free .*B…$")).click()
    with Locks(private).hold(profile):
        button(dialog, re.compile("^Free .*B$")).click()
        dialog.locator(".gp-said", has_text="Looking through the history…").wait_for()
        assert way(dialog, "Light").locator("input").is_disabled()
        # Whoever closes the dialog and comes back finds it still there.
        page.page.keyboard.press("Escape")
        dialog = open_dialog(page.page)
        dialog.locator(".gp-said", has_text="Looking through the history…").wait_for()
        button(dialog, "Cancel").click()
        dialog.locator(".gp-said", has_text="Cancelling…").wait_for()
    dialog.locator(".gp-said", has_text="Cancelled. Nothing was changed.").wait_for()
    assert count(page, profile) == 9
    # Closed before it ends, a message says how it went.
    answer(dialog, "Light", "6 snapshots go")
    button(dialog, re.compile("^Free .*B…$")).click()
    with Locks(private).hold(profile):
        button(dialog, re.compile("^Free .*B$")).click()
        dialog.locator(".gp-meter").wait_for()
        page.page.keyboard.press("Escape")
    page.page.get_by_text(re.compile("Freed .*B; 6 snapshots went.")).first.wait_for()
    assert count(page, profile) == 3
    judge(page.demo.pool_folder(profile))


@pytest.mark.any_mode
def test_what_goes_wrong_is_said_in_place(opened: Callable[..., tuple]) -> None:
    page, profile, dialog = opened()
    answer(dialog, "Only what I named", "8 snapshots go")
    page.page.keyboard.press("Escape")

    def gone(route: Route) -> None:
        route.abort()

    # The server is away.
    page.page.route("**/grid_pool/profiles/storage*", gone)
    dialog = open_dialog(page.page)
    dialog.locator(".gp-problem-text", has_text="ComfyUI's server did not answer.").wait_for()
    page.page.unroute("**/grid_pool/profiles/storage*")
    page.page.route("**/grid_pool/profiles/compact*", gone)
    button(dialog, "Try again").click()
    dialog.locator(".gp-said.gp-bad", has_text="ComfyUI's server did not answer.").wait_for()
    answer(dialog, "Light", "Not known")
    page.page.unroute("**/grid_pool/profiles/compact*")
    button(dialog, "Try again").click()
    answer(dialog, "Light", "6 snapshots go")
    # It goes away in between.
    button(dialog, re.compile("^Free .*B…$")).click()
    page.page.route("**/grid_pool/profiles/compact*", gone)
    button(dialog, re.compile("^Free .*B$")).click()
    said = "The clean-up didn't finish. ComfyUI's server did not answer."
    dialog.locator(".gp-said.gp-bad", has_text=said).wait_for()
    assert count(page, profile) == 9
    page.errors[:] = [error for error in page.errors if "net::ERR_FAILED" not in error]


@pytest.mark.any_mode
def test_by_keyboard_alone(opened: Callable[..., tuple]) -> None:
    page, profile, dialog = opened()
    answer(dialog, "Light", "6 snapshots go")
    keys = page.page.keyboard
    chosen = "() => document.activeElement.value"
    for _ in range(2):
        keys.press("Tab")
    assert page.page.evaluate(chosen) == "light"
    keys.press("ArrowDown")
    keys.press("ArrowDown")
    assert page.page.evaluate(chosen) == "named"
    answer(dialog, "Only what I named", "8 snapshots go")
    for _ in range(2):
        keys.press("Tab")
    keys.press("Enter")
    dialog.locator(".gp-said", has_text="8 snapshots go for good.").wait_for()
    keys.press("Tab")
    keys.press("Enter")
    dialog.locator(".gp-good", has_text="8 snapshots went").wait_for()
    keys.press("Escape")
    dialog.wait_for(state="detached")
    assert page.page.evaluate("() => document.activeElement.title") == "More"
    assert count(page, profile) == 1


@pytest.mark.any_mode
def test_what_is_synced_stays_online(start: Start, tmp_path: Path) -> None:
    page = start("--empty", more=ALLOW)
    profile = made(page, "Heroes", AGES)
    remote = bare_repo(tmp_path / "pools.git")
    machine = DemoMachine(page.demo)
    machine.connect(str(remote))
    machine.sync(profile)
    feed(page, "Heroes")
    page.page.locator(".gp-sync", has_text="Synced").wait_for()
    dialog = open_dialog(page.page)
    dialog.get_by_text("and what isn't synced yet. The online storage keeps everything.").wait_for()
    way(dialog, "Only what I named").click()
    answer(dialog, "Only what I named", "8 snapshots go")
    button(dialog, re.compile("^Free .*B…$")).click()
    button(dialog, re.compile("^Free .*B$")).click()
    dialog.locator(".gp-good", has_text="8 snapshots went").wait_for()
    assert bare_git(remote, "rev-list", "--count", "--all").strip() == "9"
    judge(page.demo.pool_folder(profile))


@pytest.mark.any_mode
def test_the_history_panel_opens_it(opened: Callable[..., tuple]) -> None:
    page, _, dialog = opened()
    page.page.keyboard.press("Escape")
    page.page.locator(".gp-profile button[title='History']").click()
    page.page.locator(".gp-history-header button[title='Storage']").click()
    dialog.locator("h3", has_text="Heroes").wait_for()
    answer(dialog, "Light", "6 snapshots go")
