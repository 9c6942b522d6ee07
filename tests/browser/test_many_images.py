"""Pools of hundreds and thousands of images: no more is loaded than somebody looks at."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from .editor import Editor, paint, wait_for

Start = Callable[..., Editor]


def drop_in(editor: Editor, count: int) -> str:
    """The pool shown, with so many more images in it; gives its id."""
    profile = editor.pool_id()
    folder = editor.demo.pool_folder(profile)
    template = (folder / "img_0001.png").read_bytes()
    for number in range(count):
        (folder / f"dropped {number:04d}.png").write_bytes(template)
    editor.demo.post("grid_pool/profiles/snapshot", {"id": profile})
    return profile


def test_500_images_load_only_what_is_seen(start: Start) -> None:
    editor = start()
    profile = drop_in(editor, 488)
    editor.requests.clear()
    editor.page.reload()
    editor.ready()
    editor.wait_for_count(500)
    editor.page.wait_for_timeout(1500)
    thumbs = [url for url in editor.requests if "/grid_pool/thumb" in url]
    assert 0 < len(thumbs) < 40
    assert not [url for url in editor.requests if "grid_pool%2F" in url and "/view?" in url]
    assert editor.cells.count() < 40
    editor.page.locator(".gp-grid").evaluate("(grid) => (grid.scrollTop = grid.scrollHeight)")
    thumb = editor.cell(499).locator(".gp-thumb")
    wait_for(lambda: thumb.evaluate("(image) => image.naturalWidth > 0"))
    editor.page.wait_for_timeout(500)
    editor.requests.clear()
    editor.cell(499).click()
    wait_for(lambda: editor.demo.get("grid_pool/list", pool_id=profile)["active"] == 499)
    editor.page.wait_for_timeout(500)
    assert not [url for url in editor.requests if "/grid_pool/thumb" in url]


def put_5000(editor: Editor) -> str:
    """The pool shown, with 5,000 images in it; gives its id."""
    profile = drop_in(editor, 4988)
    editor.page.reload()
    editor.ready()
    editor.page.locator(".gp-pool .gp-count", has_text="5,000 images").wait_for()
    return profile


@pytest.mark.any_mode
def test_5000_images_fly_by_without_being_asked_for(start: Start) -> None:
    editor = start()
    put_5000(editor)
    editor.cell(0).wait_for()
    editor.requests.clear()
    most = editor.page.locator(".gp-grid").evaluate("""async (grid) => {
      let most = 0;
      for (let step = 1; step <= 100; step++) {
        grid.scrollTop = ((grid.scrollHeight - grid.clientHeight) * step) / 100;
        await new Promise(requestAnimationFrame);
        await new Promise(requestAnimationFrame);
        most = Math.max(most, grid.querySelectorAll(".gp-cell").length);
      }
      return most;
    }""")
    assert most < 40
    editor.cell(4999).wait_for()
    wait_for(lambda: editor.cell(4999).locator(".gp-thumb").evaluate("(i) => i.naturalWidth > 0"))
    # All that came by would be 5,000; a busy machine lets some stay for long enough.
    thumbs = [url for url in editor.requests if "/grid_pool/thumb" in url]
    assert len(thumbs) < 1000
    places = editor.page.locator(".gp-pool .gp-number").all_inner_texts()
    assert places == [str(place) for place in range(5000 - len(places), 5000)]


@pytest.mark.any_mode
def test_edits_load_no_other_image(start: Start) -> None:
    editor = start()
    profile = editor.pool_id()
    editor.wait_for_count(12)
    editor.page.wait_for_timeout(1000)
    first = editor.demo.slots(profile)[0]["image"]
    editor.requests.clear()
    editor.set_label(0, "Another name")
    wait_for(lambda: editor.demo.slots(profile)[0]["label"] == "Another name")
    editor.cell(0).click()
    before = editor.demo.slots(profile)[0]["mask_v"]
    paint(editor)
    wait_for(lambda: editor.demo.slots(profile)[0]["mask_v"] != before)
    editor.drag_cell(0, 2)
    wait_for(lambda: editor.demo.slots(profile)[0]["image"] != first)
    editor.page.wait_for_timeout(500)
    thumbs = [url for url in editor.requests if "/grid_pool/thumb" in url]
    assert [url for url in thumbs if f"name={Path(first).stem}." not in url] == []


@pytest.mark.any_mode
def test_a_label_survives_being_scrolled_away(start: Start) -> None:
    editor = start()
    profile = put_5000(editor)
    editor.cell(0).locator(".gp-caption").dblclick()
    editor.page.locator(".gp-label-input").fill("Kept")
    grid = editor.page.locator(".gp-grid")
    grid.evaluate("(grid) => (grid.scrollTop = 20000)")
    wait_for(lambda: editor.demo.slots(profile)[0]["label"] == "Kept")
    grid.evaluate("(grid) => (grid.scrollTop = 0)")
    wait_for(lambda: editor.cell(0).locator(".gp-caption").inner_text() == "Kept")
    labels = [slot["label"] for slot in editor.demo.slots(profile)]
    assert labels.count("Kept") == 1
