"""The page in other languages, and without a mouse."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from .conftest import Mode
from .editor import ROOT, Editor, wait_for

Start = Callable[..., Editor]

# The editor's own setting, as its oldest version still takes every language, and ours.
GERMAN: dict[bool, dict[str, str]] = {
    True: {"Comfy__Locale": "de"},
    False: {"GitPool__Language": "de"},
}


def said(language: str, english: str) -> str:
    texts = json.loads((ROOT / "locales" / language / "main.json").read_text("utf-8"))
    return texts["gitPool"][english]


def title_of(editor: Editor, kind: str) -> str:
    return editor.run_script("return find(argument).title", kind)


def focused(editor: Editor, selector: str) -> bool:
    return editor.page.evaluate("(s) => !!document.activeElement?.matches(s)", selector)


def tab_to(editor: Editor, selector: str) -> None:
    for _ in range(40):
        if focused(editor, selector):
            return
        editor.page.keyboard.press("Tab")
    raise AssertionError(f"Tab never came to {selector}")


# The texts are the same however nodes are drawn.
_CANVAS = pytest.mark.modes("newest-canvas", "oldest-canvas")


@_CANVAS
@pytest.mark.parametrize("language", ["de", "ja"])
def test_node_menu_dialog_and_errors_are_in_the_persons_language(
    start: Start, mode: Mode, language: str
) -> None:
    old = mode.frontend is not None
    settings = GERMAN[old] if language == "de" else {"Comfy__Locale": language}
    editor = start(**settings)
    page = editor.page
    for english in ("Create", "Snapshot", "History", "More"):
        page.locator(f".gp-profile button[title='{said(language, english)}']").wait_for()
    # The newest editor has no German, so that its own parts, node titles too, are English.
    nodes = json.loads((ROOT / "locales" / language / "nodeDefs.json").read_text("utf-8"))
    if language != "de" or old:
        for kind in nodes:
            assert title_of(editor, kind) == nodes[kind]["display_name"]
    page.locator(".gp-pick").click()
    page.get_by_placeholder(said(language, "Search or create…")).fill("characters & Places")
    page.keyboard.press("Escape")
    page.locator(f".gp-profile button[title='{said(language, 'More')}']").click()
    page.locator(".gp-menu button", has_text=said(language, "Duplicate…")).wait_for()
    page.locator(".gp-menu button", has_text=said(language, "Rename…")).click()
    editor.answer_prompt("\u202e")
    page.get_by_text(said(language, "That name can't be used.")).first.wait_for()
    assert all("400" in error for error in editor.errors)
    editor.errors.clear()
    page.locator(f".gp-profile button[title='{said(language, 'More')}']").click()
    page.locator(".gp-menu button", has_text=said(language, "Sync settings…")).click()
    dialog = page.get_by_role("dialog", name=said(language, "Sync settings"))
    dialog.get_by_label(said(language, "Address")).wait_for()
    dialog.get_by_text(said(language, "Sync by itself")).wait_for()


@_CANVAS
def test_another_language_is_spoken_without_a_reload(start: Start) -> None:
    editor = start()
    editor.page.locator(".gp-profile button[title='History']").wait_for()
    editor.run_script("return app.extensionManager.setting.set('Comfy.Locale', 'fr')")
    editor.page.locator(".gp-profile button[title='Historique']").wait_for()
    wait_for(lambda: editor.pool_id() == editor.profile_id())


def test_everything_by_keyboard(start: Start) -> None:
    editor = start()
    keys = editor.page.keyboard
    pool = editor.pool_id()

    # A profile is made, and the first one chosen again.
    editor.page.locator(".gp-pick").focus()
    keys.press("Enter")
    keys.type("Zebra")
    keys.press("Enter")
    wait_for(lambda: editor.profile_id() == editor.demo.profiles().get("Zebra"))
    wait_for(lambda: focused(editor, ".gp-pick"))
    keys.press("Enter")
    keys.press("End")
    keys.press("Home")
    option = "document.getElementById(document.activeElement.getAttribute('aria-activedescendant'))"
    assert editor.page.evaluate(f"() => {option}.ariaSelected") == "true"
    keys.press("Enter")
    wait_for(lambda: editor.pool_id() == pool)
    editor.wait_for_count(12)

    # The grid.
    tab_to(editor, ".gp-grid")
    for key, place in (("ArrowRight", 0), ("End", 11), ("Home", 0), ("ArrowRight", 1)):
        keys.press(key)
        wait_for(lambda place=place: focused_place(editor) == place)
    keys.press("Enter")
    wait_for(lambda: editor.demo.get("grid_pool/list", pool_id=pool)["active"] == 1)
    images = [slot["image"] for slot in editor.demo.slots(pool)]
    keys.press("Alt+ArrowRight")
    keys.press("Alt+ArrowRight")
    moved = [images[0], images[2], images[3], images[1], *images[4:]]
    wait_for(lambda: [slot["image"] for slot in editor.demo.slots(pool)] == moved)
    wait_for(lambda: focused_place(editor) == 3)
    keys.press("F2")
    keys.type("By keys")
    keys.press("Enter")
    wait_for(lambda: editor.demo.slots(pool)[3]["label"] == "By keys")

    # Its menu, the enlarged image, and back where it was.
    keys.press("Shift+F10")
    assert focused(editor, "[role='menuitem']:first-child")
    keys.press("End")
    assert focused(editor, "[role='menuitem']:last-child")
    keys.press("ArrowDown")
    assert focused(editor, "[role='menuitem']:first-child")
    keys.press("Escape")
    assert focused(editor, ".gp-grid")
    keys.press("Space")
    editor.page.locator(".gp-lightbox-title", has_text="By keys").wait_for()
    for _ in range(6):
        keys.press("Tab")
        assert focused(editor, ".gp-lightbox *")
    keys.press("Escape")
    assert focused(editor, ".gp-grid")

    # A dialog keeps the keyboard, and gives it back.
    editor.page.locator(".gp-profile button[title='More']").focus()
    keys.press("Enter")
    for _ in range(20):
        if focused(editor, "[title='Sync settings…']"):
            break
        keys.press("ArrowDown")
    keys.press("Enter")
    editor.page.get_by_label("Address").wait_for()
    for _ in range(12):
        keys.press("Tab")
        assert focused(editor, ".gp-modal *")
    keys.press("Escape")
    wait_for(lambda: focused(editor, ".gp-profile button[title='More']"))


def focused_place(editor: Editor) -> int | None:
    """Which image assistive software is told of."""
    script = """
      const grid = document.querySelector('.gp-grid');
      const cell = document.getElementById(grid.getAttribute('aria-activedescendant') ?? '');
      return cell ? Number(cell.ariaRowIndex) - 1 : null;
    """
    return editor.run_script(script)


def test_an_images_menu_by_touch(start: Start) -> None:
    editor = start()
    finger = editor.page.context.new_cdp_session(editor.page)
    finger.send("Emulation.setTouchEmulationEnabled", {"enabled": True, "maxTouchPoints": 1})
    assert editor.page.evaluate("() => matchMedia('(hover: none)').matches")
    cell = editor.cell(4)
    more = cell.locator(".gp-cell-more")

    def touch(target: Any, until: Callable[[], Any] | None = None) -> None:
        box = target.bounding_box()
        point = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}
        finger.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [point]})
        if until:
            wait_for(until)
        finger.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})

    # What can't be seen can't be pressed.
    assert not more.evaluate("(e) => getComputedStyle(e.parentElement).pointerEvents === 'auto'")
    touch(cell.locator(".gp-frame"))
    wait_for(
        lambda: more.evaluate("(e) => getComputedStyle(e.parentElement).pointerEvents === 'auto'")
    )
    touch(more)
    editor.page.locator(".gp-menu").wait_for()
    editor.page.keyboard.press("Escape")
    # A finger that rests opens it as well, and chooses nothing else.
    active = editor.demo.get("grid_pool/list", pool_id=editor.pool_id())["active"]
    opened = editor.page.locator(".gp-menu").count
    touch(editor.cell(1).locator(".gp-frame"), opened)
    touch(editor.page.locator(".gp-menu button", has_text="Select"))
    editor.page.locator(".gp-pool .gp-count", has_text="1 of 12").wait_for()
    assert editor.demo.get("grid_pool/list", pool_id=editor.pool_id())["active"] == active
