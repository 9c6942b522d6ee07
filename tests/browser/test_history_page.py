"""The History panel: a profile's timeline in the sidebar, and what is done from it."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect
from support import git

from .editor import Editor, judge, wait_for
from .histories import grow

Start = Callable[..., Editor]

# Milliseconds: ten thousand snapshots are looked through.
PATIENT = 300_000


def images_of(editor: Editor, profile: str) -> list[str]:
    return [slot["image"] for slot in editor.demo.slots(profile)]


def rows(page: Page) -> Locator:
    return page.locator(".gp-history .gp-event")


def chosen(editor: Editor) -> Locator:
    """What the panel says of the chosen snapshot."""
    return editor.page.locator(".gp-details")


def say(editor: Editor) -> Locator:
    return editor.page.locator(".gp-snackbar")


def test_the_node_and_the_tab_open_it_and_edits_fold(start: Start) -> None:
    editor = start()
    page = editor.page
    panel = editor.history()
    expect(panel.locator(".gp-pick-name")).to_have_text("Characters & places")
    expect(rows(page)).to_have_count(4)
    # The newest says so; what is older is under its day.
    expect(rows(page).nth(0)).to_contain_text("Paint 2 masks, reorder images")
    expect(rows(page).nth(0)).to_contain_text("Now")
    assert panel.locator(".gp-day").count() >= 2
    strip = rows(page).nth(1).locator(".gp-strip-item")
    assert strip.count() >= 2
    expect(strip.first).to_have_attribute("title", re.compile("^Added: img_"))
    wait_for(lambda: strip.first.locator("img").evaluate("(image) => image.naturalWidth > 0"))

    burst = rows(page).nth(3)
    expect(burst).to_have_attribute("aria-expanded", "false")
    expect(burst).to_contain_text(re.compile(r"\d.* – \d.*, 2 edits"))
    expect(burst).to_contain_text("Add 5 images")
    burst.locator(".gp-event-fold").click()
    expect(rows(page)).to_have_count(6)
    expect(burst).to_have_attribute("aria-expanded", "true")
    # It stays unfolded while others come.
    editor.set_label(0, "Another")
    expect(rows(page).nth(0)).to_contain_text("Change 1 label")
    expect(page.locator(".gp-event[aria-expanded='true']")).to_have_count(1)
    page.locator(".gp-event[aria-expanded='true'] .gp-event-fold").click()
    expect(page.locator(".gp-event[aria-expanded='true']")).to_have_count(0)

    # The sidebar's own button closes it, and opens it as it was.
    tab = page.get_by_role("button", name="Pool history")
    tab.click()
    expect(panel).to_have_count(0)
    tab.click()
    expect(rows(page).nth(0)).to_contain_text("Change 1 label")


@pytest.mark.any_mode
def test_a_snapshot_gets_a_name_a_note_and_a_lock(start: Start) -> None:
    editor = start()
    page = editor.page
    editor.history()
    editor.event_menu("Add 7 images", "Name and note…")
    dialog = page.get_by_role("dialog", name="Name and note")
    dialog.get_by_label("Name", exact=True).fill("The <b>good</b> cast")
    dialog.get_by_label("Note").fill("Warm light.\nTry a blue one next.")
    dialog.get_by_label("Note").press("Control+Enter")
    named = editor.event("The <b>good</b> cast")
    expect(named).to_contain_text("Warm light. Try a blue one next.")
    named.focus()
    chosen(editor).get_by_role("button", name="Lock").click()
    expect(named.locator(".gp-locked")).to_be_visible()
    expect(chosen(editor)).to_contain_text("Add 7 images")
    expect(chosen(editor)).to_contain_text("Try a blue one next.")

    page.reload()
    editor.ready()
    editor.history()
    expect(named).to_contain_text("Warm light.")
    expect(named.locator(".gp-locked")).to_be_visible()
    entry = editor.demo.get("grid_pool/profiles/history", id=editor.pool_id(), auto=0)
    assert [each["name"] for each in entry["snapshots"]] == ["The <b>good</b> cast"]
    assert entry["snapshots"][0]["note"] == "Warm light.\nTry a blue one next."

    # Named and locked ones stay where the automatic ones are hidden.
    page.get_by_role("button", name="Hide automatic").click()
    expect(rows(page)).to_have_count(1)
    editor.event_menu("good", "Unlock")
    expect(named.locator(".gp-locked")).to_have_count(0)
    page.get_by_role("button", name="Hide automatic").click()
    expect(rows(page)).to_have_count(4)

    search = page.get_by_role("searchbox", name="Search the history")
    search.fill("BLUE ONE")
    expect(rows(page)).to_have_count(1)
    search.fill("no such thing")
    page.get_by_text("Nothing matches “no such thing”").wait_for()
    page.get_by_role("button", name="Clear the search").click()
    expect(rows(page)).to_have_count(4)
    judge(editor.demo.pool_folder(editor.pool_id()))


@pytest.mark.any_mode
def test_restore_is_undone_and_done_again(start: Start) -> None:
    editor = start()
    profile = editor.pool_id()
    editor.history()
    now = images_of(editor, profile)
    then = sorted(now)[:5]
    editor.event_menu("5 images", "Restore")
    editor.wait_for_count(5)
    assert sorted(images_of(editor, profile)) == then
    expect(say(editor)).to_contain_text("Restored “")
    expect(rows(editor.page).nth(0)).to_contain_text("Restore “")

    say(editor).get_by_role("button", name="Undo").click()
    editor.wait_for_count(12)
    assert images_of(editor, profile) == now
    say(editor).get_by_role("button", name="Redo").click()
    editor.wait_for_count(5)
    assert sorted(images_of(editor, profile)) == then
    judge(editor.demo.pool_folder(profile), clean=False)


@pytest.mark.any_mode
def test_a_new_profile_begins_at_a_snapshot(start: Start) -> None:
    editor = start()
    old = editor.pool_id()
    panel = editor.history()
    editor.event("5 images").focus()
    chosen(editor).get_by_role("button", name="New profile from here").click()
    editor.answer_prompt("From here")
    wait_for(lambda: "From here" in editor.demo.profiles())
    editor.wait_for_count(5)
    # The node feeds it, and its history is what is shown.
    assert editor.profile_id() == editor.demo.profiles()["From here"] != old
    expect(panel.locator(".gp-pick-name")).to_have_text("From here")
    judge(editor.demo.pool_folder(editor.profile_id()))
    assert len(editor.demo.slots(old)) == 12


@pytest.mark.any_mode
def test_the_keyboard_alone_is_enough(start: Start) -> None:
    editor = start()
    page = editor.page
    editor.history()
    expect(page.get_by_text("The beginning")).to_be_visible()
    rows(page).nth(0).focus()
    focused = page.locator(".gp-event:focus")
    page.keyboard.press("End")
    expect(focused).to_have_attribute("aria-expanded", "false")
    page.keyboard.press("ArrowRight")
    expect(focused).to_have_attribute("aria-expanded", "true")
    page.keyboard.press("ArrowDown")
    expect(focused).to_have_class(re.compile("gp-inside"))
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    expect(focused).to_have_attribute("aria-expanded", "false")
    page.keyboard.press("Home")
    expect(focused).to_contain_text("Now")
    page.keyboard.press("ArrowDown")
    expect(focused).to_contain_text("Add 7 images")
    expect(focused).to_have_attribute("aria-current", "true")
    expect(chosen(editor)).to_contain_text("Add 7 images")
    # A menu, and back.
    page.keyboard.press("Shift+F10")
    page.locator(".gp-menu").wait_for()
    page.keyboard.press("Escape")
    expect(focused).to_contain_text("Add 7 images")
    # Enter looks at it, with the timeline still there to walk; Escape goes back.
    page.keyboard.press("Enter")
    viewer = page.locator(".gp-viewer")
    viewer.wait_for()
    expect(viewer).to_contain_text("Add 7 images")
    rows(page).nth(1).focus()
    page.keyboard.press("ArrowDown")
    expect(viewer).to_contain_text("Paint 2 masks")
    page.keyboard.press("Escape")
    expect(viewer).to_have_count(0)
    page.keyboard.press("Escape")
    expect(page.locator(".gp-history")).to_have_count(0)


def test_it_follows_the_selected_node_and_says_what_is_wanting(
    start: Start, pictures: list[Path]
) -> None:
    editor = start("--empty")
    page = editor.page
    page.get_by_role("button", name="Pool history").click()
    page.get_by_text("No profile chosen").wait_for()
    # One can be made right here; the node is told of it when it is chosen there.
    page.get_by_role("button", name="Choose a profile…").click()
    page.locator(".gp-popover .gp-search").fill("First")
    page.locator(".gp-popover .gp-row", has_text="First").click()
    expect(page.locator(".gp-history .gp-pick-name")).to_have_text("First")
    expect(rows(page)).to_have_count(1)
    first = editor.demo.profiles()["First"]
    editor.run_script("find('PoolProfile').gitpoolChoose(argument)", first)
    wait_for(lambda: editor.pool_id() == first)
    editor.upload(pictures[0])
    expect(rows(page).first).to_contain_text("Add 1 image")
    # A pool without a name has no history yet.
    editor.show_plain_pool("plain")
    editor.upload(pictures[1])
    editor.run_script("app.canvas.selectNode(find('GridImagePool'))")
    page.get_by_text("This pool has no history").wait_for()
    page.locator(".gp-history .gp-ways button").click()
    editor.answer_prompt("Second")
    expect(page.locator(".gp-history .gp-pick-name")).to_have_text("Second")
    rows(page).first.wait_for()


@pytest.mark.any_mode
def test_what_cannot_be_read_is_said_and_tried_again(start: Start) -> None:
    editor = start()
    page = editor.page
    page.route(re.compile("/profiles/history"), lambda route: route.abort())
    page.locator(".gp-profile button[title='History']").click()
    page.get_by_text("The history can't be read").wait_for()
    page.unroute(re.compile("/profiles/history"))
    page.locator(".gp-history-place").get_by_role("button", name="Try again").click()
    expect(rows(page)).to_have_count(4)
    editor.errors[:] = [error for error in editor.errors if "ERR_FAILED" not in error]


@pytest.mark.timeout(7200)
@pytest.mark.modes("newest-canvas")
def test_thousands_of_snapshots_are_read_as_far_as_somebody_looks(start: Start) -> None:
    editor = start()
    page = editor.page
    profile = editor.demo.post("grid_pool/profiles/create", {"name": "Long"})["id"]
    folder = editor.demo.pool_folder(profile)
    grow(folder, profile, "Long", 3_000, int(time.time()))
    editor.pick("Long")
    editor.requests.clear()
    editor.history()
    pages = [url for url in editor.requests if "/profiles/history" in url]
    assert len(pages) < 12
    assert rows(page).count() < 60

    # Whoever goes on to the end gets to the first one, page by page.
    rows(page).nth(0).focus()

    def at_the_end() -> bool:
        page.keyboard.press("End")
        return page.get_by_text("The beginning").is_visible()

    wait_for(at_the_end, 240)
    assert rows(page).count() < 60
    first = git(folder, "rev-list", "--max-parents=0", "HEAD")
    expect(page.locator(".gp-event:focus")).to_be_in_viewport()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("End")
    expect(page.locator(f".gp-event:focus[data-snapshot='{first}']")).to_be_in_viewport()

    # It stays in view when an edit comes at the top.
    with page.expect_response(re.compile("/profiles/history"), timeout=PATIENT):
        editor.set_label(0, "Another")
    page.wait_for_load_state("networkidle")
    expect(page.locator(f".gp-event[data-snapshot='{first}']")).to_be_in_viewport()

    # Only what somebody named, among so many; then only what fits some words.
    page.get_by_role("button", name="Hide automatic").click()
    newest, second, *_ = git(folder, "log", "--format=%s", "--grep=^Version ").splitlines()
    expect(rows(page).nth(0)).to_contain_text(newest, timeout=PATIENT)
    page.get_by_role("searchbox").fill(second.lower())
    expect(rows(page)).to_have_count(1, timeout=PATIENT)
    expect(rows(page)).to_contain_text(second)
