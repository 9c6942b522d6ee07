"""What a person does with the images of a pool in the editor, end to end."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from support import git

from .editor import Editor, filled, judge, paint, wait_for

Start = Callable[..., Editor]


def colour(data: bytes) -> tuple[int, ...]:
    return Image.open(io.BytesIO(data)).convert("RGB").getpixel((1, 1))


def test_the_demo_runs_and_shows_the_chosen_image(start: Start) -> None:
    editor = start()
    pool = editor.pool_id()
    editor.wait_for_count(12)
    editor.cell(3).click()
    wait_for(lambda: editor.demo.get("grid_pool/list", pool_id=pool)["active"] == 3)
    editor.run_graph()
    image = editor.demo.slots(pool)[3]["image"]
    with Image.open(editor.demo.pool_folder(pool) / image) as stored:
        shown = Image.open(io.BytesIO(editor.preview()))
        assert shown.convert("RGB").tobytes() == stored.convert("RGB").tobytes()
    editor.cell(0).click()
    wait_for(lambda: editor.demo.get("grid_pool/list", pool_id=pool)["active"] == 0)
    before = editor.preview()
    editor.run_graph()
    assert wait_for(lambda: editor.preview() != before)
    judge(editor.demo.pool_folder(pool), clean=False)


def test_a_profile_is_made_and_filled_by_hand(start: Start, pictures: list[Path]) -> None:
    editor = start("--empty")
    profile = filled(editor, pictures)
    slots = editor.demo.slots(profile)
    assert [slot["label"] for slot in slots] == ["red", "green", "blue", "grey"]
    folder = editor.demo.pool_folder(profile)
    assert (folder / "img_0001.png").read_bytes() == pictures[0].read_bytes()
    editor.set_label(1, "Forest <b>green</b>")
    wait_for(lambda: editor.demo.slots(profile)[1]["label"] == "Forest <b>green</b>")
    editor.drag_cell(3, 0)
    wait_for(lambda: editor.demo.slots(profile)[0]["label"] == "grey")
    wait_for(lambda: editor.cell(0).locator(".gp-caption").inner_text() == "grey")
    editor.cell(0).click()
    editor.run_graph()
    wait_for(lambda: colour(editor.preview()) == (99, 99, 99))
    editor.page.get_by_role("button", name="Snapshot").click()
    wait_for(lambda: git(folder, "status", "--porcelain") == "")
    judge(folder)


def test_a_mask_is_painted_in_comfyuis_editor_and_cleared(
    start: Start, pictures: list[Path]
) -> None:
    editor = start("--empty")
    profile = filled(editor, pictures[:1])
    for _ in range(2):
        paint(editor)
        wait_for(lambda: editor.demo.slots(profile)[0]["mask"])
        with Image.open(editor.demo.pool_folder(profile) / "img_0001.mask.png") as stored:
            assert stored.size == (96, 64)
            painted = stored.convert("L")
        assert painted.getpixel((48, 32)) > 100
        assert painted.getpixel((1, 1)) == 0
        editor.page.locator(".gp-cell .gp-mask:not([hidden])").wait_for()
    with Image.open(pictures[0]) as original:
        stored = (editor.demo.pool_folder(profile) / "img_0001.png").read_bytes()
        assert Image.open(io.BytesIO(stored)).tobytes() == original.tobytes()
    editor.run_graph()
    mask = Image.open(io.BytesIO(editor.preview("Preview Mask"))).convert("L")
    assert (mask.getpixel((48, 32)) > 100, mask.getpixel((1, 1))) == (True, 0)
    editor.tool(0, "Clear the mask")
    wait_for(lambda: editor.demo.slots(profile)[0]["mask"] is None)


@pytest.mark.any_mode
def test_deleted_images_come_back(start: Start, pictures: list[Path]) -> None:
    editor = start("--empty")
    profile = filled(editor, pictures)
    editor.cell(1).click(modifiers=["Control"])
    editor.cell(2).click(modifiers=["Control"])
    before = editor.demo.slots(profile)
    editor.page.keyboard.press("Delete")
    editor.wait_for_count(2)
    editor.page.locator(".gp-status button", has_text="Undo").click()
    editor.wait_for_count(4)
    after = editor.demo.slots(profile)
    names = [[slot["image"] for slot in slots] for slots in (before, after)]
    assert names[0] == names[1]
    # The node itself is still there: the key was meant for the images.
    assert editor.run_script("return !!find('GridImagePool')")


@pytest.mark.any_mode
def test_a_plain_pool_undoes_too_and_can_become_a_profile(
    start: Start, pictures: list[Path]
) -> None:
    editor = start("--empty")
    editor.run_script("find('GridImagePool').disconnectInput(0)")
    editor.run_script("""
      const pool = find('GridImagePool');
      widget(pool, 'pool_id').value = 'mine';
      pool._datasetePoolRefresh();
    """)
    editor.upload(*pictures)
    editor.wait_for_count(4)
    editor.tool(1, "Delete")
    editor.wait_for_count(3)
    editor.page.locator(".gp-status button", has_text="Undo").click()
    editor.wait_for_count(4)
    labels = ["red", "green", "blue", "grey"]
    wait_for(lambda: [slot["label"] for slot in editor.demo.slots("mine")] == labels)
    assert not (editor.demo.pool_folder("mine") / ".git").exists()
    editor.page.locator(".gp-pool button[title='More']").click()
    editor.page.locator(".gp-menu button", has_text="Make this pool a profile").click()
    editor.answer_prompt("Mine")
    wait_for(lambda: editor.demo.profiles().get("Mine") == "mine")
    judge(editor.demo.pool_folder("mine"))


def test_images_are_dropped_and_pasted(start: Start, pictures: list[Path]) -> None:
    editor = start("--empty")
    profile = filled(editor, pictures[:1])
    data = [list(path.read_bytes()) for path in pictures[1:3]]
    give = """
      const transfer = new DataTransfer();
      const file = new File([new Uint8Array(argument[0])], argument[1], { type: 'image/png' });
      transfer.items.add(file);
      const target = document.querySelector('.gp-grid');
      target.focus();
      const options = { bubbles: true, cancelable: true };
    """
    drop = "target.dispatchEvent(new DragEvent('drop', { dataTransfer: transfer, ...options }))"
    paste = (
        "target.dispatchEvent(new ClipboardEvent('paste', { clipboardData: transfer, ...options }))"
    )
    editor.run_script(give + drop, [data[0], "green.png"])
    editor.wait_for_count(2)
    editor.run_script(give + paste, [data[1], "image.png"])
    editor.wait_for_count(3)
    stored = editor.demo.pool_folder(profile) / "img_0003.png"
    assert stored.read_bytes() == pictures[2].read_bytes()
    # A paste into the grid is the grid's: the editor makes no node of it.
    assert editor.run_script("return nodes().length") == 5


@pytest.mark.any_mode
def test_what_is_no_image_is_refused_in_words(start: Start, tmp_path: Path) -> None:
    editor = start("--empty")
    editor.pick("Strict")
    wait_for(lambda: "Strict" in editor.demo.profiles())
    wrong = tmp_path / "notes.png"
    wrong.write_text("not an image")
    editor.upload(wrong)
    editor.page.get_by_text("“notes.png” wasn't added").first.wait_for()
    editor.errors[:] = [error for error in editor.errors if "415" not in error]
