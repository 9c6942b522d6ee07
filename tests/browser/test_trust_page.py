"""What comes from outside is only ever text on the page, and no edit meets another picture than
the one that was seen."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from support import picture

from .editor import Editor, wait_for

Start = Callable[..., Editor]

SCRIPT = '<img src=x onerror="window.hit=1"><script>window.hit=2</script>'
# What a file may be called on Linux.
FILE = "<img src=x onerror=window.hit=3>.png"


def is_only_text(page: Page) -> None:
    assert page.evaluate("window.hit") is None
    assert page.locator("img[src='x']").count() == 0


@pytest.mark.any_mode
def test_script_in_names_labels_notes_and_file_names_is_shown_as_text(
    start: Start, pictures: list[Path]
) -> None:
    editor = start("--empty")
    page, demo = editor.page, editor.demo
    made = demo.post("grid_pool/profiles/create", {"name": SCRIPT})
    profile = made["id"]
    editor.pick(SCRIPT)
    wait_for(lambda: editor.pool_id() == profile)
    editor.upload(pictures[0])
    editor.wait_for_count(1)
    editor.set_label(0, SCRIPT)
    (demo.pool_folder(profile) / FILE).write_bytes(picture(5, (64, 48)))
    demo.post("grid_pool/profiles/snapshot", {"id": profile, "message": SCRIPT})
    editor.wait_for_count(2)
    expect(editor.cell(0).locator(".gp-caption")).to_have_text(SCRIPT)
    expect(editor.cell(1).locator(".gp-caption")).to_have_text(FILE.removesuffix(".png"))
    expect(page.locator(".gp-pick-name").first).to_have_text(SCRIPT)
    newest = demo.get("grid_pool/profiles/history", id=profile)["snapshots"][0]["id"]
    mark = {"id": profile, "snapshot": newest, "locked": True, "message": SCRIPT, "note": SCRIPT}
    demo.post("grid_pool/profiles/lock", mark)
    is_only_text(page)

    page.locator(".gp-pick").first.click()
    expect(page.locator(".gp-row", has_text="onerror").first).to_be_visible()
    is_only_text(page)
    page.keyboard.press("Escape")
    editor.history()
    editor.event(SCRIPT).click()
    expect(page.get_by_role("dialog").last).to_contain_text(SCRIPT)
    expect(page.locator(".gp-viewer .gp-cell").first).to_be_visible()
    is_only_text(page)
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Pool history").click()
    editor.menu("Delete")
    expect(page.get_by_role("dialog").last).to_contain_text(SCRIPT)
    is_only_text(page)
    page.keyboard.press("Escape")
    demo.post("grid_pool/profiles/delete", {"id": profile})
    expect(page.locator(".gp-pick-name").first).to_have_text(re.compile(re.escape(SCRIPT)))
    is_only_text(page)


@pytest.mark.any_mode
def test_a_tab_that_heard_nothing_never_edits_another_picture(
    start: Start, pictures: list[Path]
) -> None:
    editor = start("--empty")
    demo = editor.demo
    editor.pick("Heroes")
    wait_for(lambda: "Heroes" in demo.profiles())
    profile = demo.profiles()["Heroes"]
    wait_for(lambda: editor.pool_id() == profile)
    editor.upload(*pictures[:3])
    editor.wait_for_count(3)
    seen = [slot["image"] for slot in demo.slots(profile)]
    last = demo.slots(profile)[2]["label"]

    def labels() -> dict[str, str]:
        return {slot["image"]: slot["label"] for slot in demo.slots(profile)}

    # What another tab does now, this one doesn't hear of: neither the event nor the list.
    editor.page.route("**/grid_pool/list*", lambda route: route.abort())
    demo.post("grid_pool/remove", {"pool_id": profile, "index": 0, "image": seen[0]})
    demo.post("grid_pool/reorder", {"pool_id": profile, "order": [1, 0]})
    expect(editor.cell(0)).to_have_attribute("data-image", seen[0])
    editor.set_label(0, "Meant for the first")
    editor.set_label(1, "Meant for the second")
    wait_for(lambda: "Meant for the second" in labels().values())
    editor.page.wait_for_timeout(500)
    assert labels() == {seen[1]: "Meant for the second", seen[2]: last}
    editor.page.unroute("**/grid_pool/list*")
    editor.errors.clear()
