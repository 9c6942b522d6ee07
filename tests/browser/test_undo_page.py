"""Undo and redo in the grid, by keyboard, by the status line and by the menu."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator
from support import mask

from .editor import Editor, judge, wait_for

Start = Callable[..., Editor]


def filled(start: Start, pictures: list[Path]) -> tuple[Editor, str]:
    """A profile, made and filled by hand, shown by one Image Pool."""
    editor = start("--empty")
    editor.pick("Heroes")
    wait_for(lambda: "Heroes" in editor.demo.profiles())
    profile = editor.demo.profiles()["Heroes"]
    wait_for(lambda: editor.pool_id() == profile)
    editor.upload(*pictures)
    editor.wait_for_count(len(pictures))
    return editor, profile


def state(editor: Editor, profile: str) -> list[Any]:
    """Images, labels and bytes of the masks, in order."""
    folder = editor.demo.pool_folder(profile)

    def painted(name: str | None) -> bytes | None:
        with contextlib.suppress(FileNotFoundError):
            return (folder / name).read_bytes() if name else None
        # A step that is under way took it meanwhile; no state that is waited for is like this.
        return b""

    return [(s["image"], s["label"], painted(s["mask"])) for s in editor.demo.slots(profile)]


def pool_menu(editor: Editor) -> Locator:
    editor.page.locator(".gp-pool > header button[title='More']").click()
    return editor.page.locator(".gp-menu")


def test_each_kind_of_edit_is_undone_and_redone_by_keyboard(
    start: Start, pictures: list[Path]
) -> None:
    editor, profile = filled(start, pictures)
    page = editor.page
    graph = editor.run_script("return JSON.stringify(root.serialize().nodes.map((n) => n.id))")
    states = [[], state(editor, profile)]

    def changed() -> None:
        states.append(wait_for(lambda: (s := state(editor, profile)) != states[-1] and s))

    editor.set_label(1, "Forest")
    changed()
    paint = f"""
      const bytes = new Uint8Array({list(mask((96, 64)))});
      const form = new FormData();
      form.append('pool_id', argument);
      form.append('index', '2');
      form.append('mask', new Blob([bytes]), 'mask.png');
      const {{ api }} = window.comfyAPI.api;
      return api.fetchApi('/grid_pool/set_mask', {{ method: 'POST', body: form }})
        .then((answer) => answer.ok);
    """
    assert editor.run_script(paint, profile)
    page.locator(".gp-masked").wait_for()
    changed()
    editor.drag_cell(3, 0)
    changed()
    wait_for(lambda: editor.cell(0).locator(".gp-caption").inner_text() == "grey")
    editor.cell(1).click(modifiers=["Control"])
    editor.cell(2).click(modifiers=["Control"])
    page.keyboard.press("Delete")
    changed()
    editor.wait_for_count(2)
    for before in states[-2::-1]:
        page.keyboard.press("Control+z")
        wait_for(lambda before=before: state(editor, profile) == before)
    page.locator(".gp-notice", has_text="No images yet").wait_for()
    page.keyboard.press("Control+z")
    page.locator(".gp-status", has_text="There is nothing to undo.").wait_for()
    # The browser itself logs the refusal.
    editor.errors[:] = [error for error in editor.errors if "409" not in error]
    # The keyboard is still in the panel, though all that it was at is gone.
    for after in states[1:]:
        page.keyboard.press("Control+Shift+z")
        wait_for(lambda after=after: state(editor, profile) == after)
    page.keyboard.press("Control+z")
    page.locator(".gp-status", has_text="Brought back 2 images.").wait_for()
    page.keyboard.press("Control+y")
    page.locator(".gp-status", has_text="Took away 2 images.").wait_for()
    assert state(editor, profile) == states[-1]
    # None of it went to the workflow.
    nodes = "return JSON.stringify(root.serialize().nodes.map((n) => n.id))"
    assert editor.run_script(nodes) == graph
    editor.demo.post("grid_pool/profiles/snapshot", {"id": profile})
    judge(editor.demo.pool_folder(profile))


@pytest.mark.any_mode
def test_fast_keys_after_an_edit_under_way_are_done_in_turn(
    start: Start, pictures: list[Path]
) -> None:
    editor, profile = filled(start, pictures)
    editor.run_script("""
      const other = window.LiteGraph.createNode('GridImagePool');
      other.pos = [320, 720];
      root.add(other);
      find('PoolProfile').connect(0, other, 0);
    """)
    counts = editor.page.locator(".gp-pool .gp-count")
    wait_for(lambda: counts.all_inner_texts() == ["4 images", "4 images"])
    before = state(editor, profile)
    editor.cell(1).click()
    wait_for(lambda: editor.demo.get("grid_pool/list", pool_id=profile)["active"] == 1)
    for key in ("Delete", "ArrowRight", "Delete", "ArrowRight", "Delete"):
        editor.page.keyboard.press(key)
    wait_for(lambda: counts.all_inner_texts() == ["1 image", "1 image"])
    for _ in range(3):
        editor.page.keyboard.press("Control+z")
    wait_for(lambda: counts.all_inner_texts() == ["4 images", "4 images"])
    assert state(editor, profile) == before


def test_elsewhere_the_keys_are_comfyuis_and_in_a_text_field_its_own(
    start: Start, pictures: list[Path]
) -> None:
    editor, profile = filled(start, pictures)
    page = editor.page
    editor.set_label(0, "First")
    wait_for(lambda: editor.demo.slots(profile)[0]["label"] == "First")
    before = state(editor, profile)
    editor.cell(0).locator(".gp-caption").dblclick()
    page.locator(".gp-label-input").press_sequentially("typed")
    page.keyboard.press("Control+z")
    page.keyboard.press("Escape")
    assert state(editor, profile) == before
    count = "return nodes().length"
    nodes = editor.run_script(count)
    # Something to undo in the workflow, made as the editor itself would.
    editor.run_script("""
      const canvas = app.canvas;
      canvas.emitBeforeChange?.();
      const note = window.LiteGraph.createNode('Note');
      note.pos = [-900, -900];
      root.add(note);
      canvas.emitAfterChange?.();
      const store = app.extensionManager.workflow.activeWorkflow;
      (store.changeTracker.captureCanvasState ?? store.changeTracker.checkState).call(
        store.changeTracker);
    """)
    assert editor.run_script(count) == nodes + 1
    editor.cell(0).click()
    page.keyboard.press("Control+z")
    wait_for(lambda: editor.demo.slots(profile)[0]["label"] == "red")
    page.wait_for_timeout(300)
    assert editor.run_script(count) == nodes + 1
    editor.run_script("document.activeElement.blur(); app.canvas.canvas.focus()")
    page.keyboard.press("Control+z")
    wait_for(lambda: editor.run_script(count) == nodes)
    assert editor.demo.slots(profile)[0]["label"] == "red"


@pytest.mark.any_mode
def test_the_menu_and_the_status_line_by_mouse(start: Start, pictures: list[Path]) -> None:
    editor, profile = filled(start, pictures)
    page = editor.page
    entry = pool_menu(editor).locator("button", has_text="Undo")
    assert "Undo adding 4 images" in entry.inner_text()
    assert pool_menu_is_disabled(editor, "Redo")
    page.keyboard.press("Escape")
    editor.tool(2, "Delete")
    editor.wait_for_count(3)
    page.locator(".gp-status", has_text="Deleted 1 image.").get_by_text("Undo").click()
    page.locator(".gp-status", has_text="Brought back 1 image.").wait_for()
    editor.wait_for_count(4)
    page.locator(".gp-status").get_by_text("Redo").click()
    editor.wait_for_count(3)
    pool_menu(editor).locator("button", has_text="Undo deleting 1 image").click()
    editor.wait_for_count(4)
    pool_menu(editor).locator("button", has_text="Redo deleting 1 image").click()
    editor.wait_for_count(3)
    pool_menu(editor).locator("button", has_text="Undo deleting 1 image").click()
    editor.wait_for_count(4)
    pool_menu(editor).locator("button", has_text="Undo adding 4 images").click()
    page.locator(".gp-notice", has_text="No images yet").wait_for()
    assert pool_menu(editor).locator("button", has_text="Undo").is_disabled()
    assert editor.demo.slots(profile) == []


def pool_menu_is_disabled(editor: Editor, text: str) -> bool:
    return editor.page.locator(".gp-menu button", has_text=text).is_disabled()
