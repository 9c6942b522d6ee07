"""What a person does in the editor, end to end."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from editor import Editor, judge, wait_for
from PIL import Image
from support import git

Start = Callable[..., Editor]


def colour(data: bytes) -> tuple[int, ...]:
    return Image.open(io.BytesIO(data)).convert("RGB").getpixel((1, 1))


def filled(editor: Editor, pictures: list[Path], name: str = "Heroes") -> str:
    """A profile made, connected and filled by hand; gives its id."""
    editor.pick(name)
    wait_for(lambda: name in editor.demo.profiles())
    wait_for(lambda: editor.pool_id() == editor.demo.profiles()[name])
    editor.upload(*pictures)
    editor.wait_for_count(len(pictures))
    return editor.demo.profiles()[name]


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


def test_profiles_are_switched_renamed_duplicated_deleted(
    start: Start, pictures: list[Path]
) -> None:
    editor = start("--empty")
    first = filled(editor, pictures[:3], "First")
    second = filled(editor, pictures[3:], "Second")
    editor.pick("First")
    editor.wait_for_count(3)
    assert editor.pool_id() == first
    editor.menu("Rename")
    editor.answer_prompt("Première / été")
    wait_for(lambda: "Première / été" in editor.demo.profiles())
    editor.page.locator(".gp-pick-name", has_text="Première / été").wait_for()
    editor.page.locator(".gp-pool .gp-title", has_text="Première / été").wait_for()
    folder = editor.demo.pool_folder(first)
    assert git(folder, "branch", "--show-current") == "Première%20%2F%20été"
    editor.menu("Duplicate")
    editor.answer_prompt("Copy")
    wait_for(lambda: "Copy" in editor.demo.profiles())
    wait_for(lambda: editor.pool_id() == editor.demo.profiles()["Copy"])
    editor.wait_for_count(3)
    judge(editor.demo.pool_folder(editor.pool_id()))
    copy = editor.pool_id()
    editor.menu("Delete")
    editor.confirm("Delete")
    wait_for(lambda: "Copy" not in editor.demo.profiles())
    editor.page.locator(".gp-pick-name", has_text="Copy (missing)").wait_for()
    editor.page.locator(".gp-notice", has_text="“Copy” is missing").wait_for()
    assert not editor.demo.pool_folder(copy).exists()
    editor.page.locator(".gp-pick").click()
    editor.page.locator(".gp-row", has_text="Bring back").click()
    wait_for(lambda: editor.demo.profiles().get("Copy") == copy)
    editor.wait_for_count(3)
    editor.pick("Second")
    editor.wait_for_count(1)
    assert editor.pool_id() == second


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


@pytest.mark.any_mode
def test_export_and_import(start: Start, tmp_path: Path) -> None:
    editor = start()
    profile = editor.pool_id()
    folder = editor.demo.pool_folder(profile)
    for label, extension in (("Export as zip", "zip"), ("Export with history", "bundle")):
        with editor.page.expect_download() as download:
            editor.menu(label)
        saved = tmp_path / f"exported.{extension}"
        download.value.save_as(saved)
        if extension == "zip":
            with zipfile.ZipFile(saved) as archive:
                names = {n.removeprefix("pool/") for n in archive.namelist()} - {
                    "profile_meta.json"
                }
                assert names == {f.name for f in folder.glob("*.*") if f.is_file()}
        else:
            assert "is okay" in git(folder, "bundle", "verify", str(saved))
        known = set(editor.demo.profiles().values())
        with editor.page.expect_file_chooser() as chooser:
            editor.menu("Import")
        chooser.value.set_files(str(saved))
        wait_for(lambda known=known: set(editor.demo.profiles().values()) - known)
        wait_for(lambda known=known: editor.pool_id() not in known)
        editor.wait_for_count(12)
        judge(editor.demo.pool_folder(editor.pool_id()))


def test_a_saved_workflow_shows_the_same_after_a_reload(start: Start, pictures: list[Path]) -> None:
    editor = start("--empty")
    profile = filled(editor, pictures, "Kept")
    saved = editor.run_script("return JSON.parse(JSON.stringify(root.serialize()))")
    values = {node["type"]: node.get("widgets_values") for node in saved["nodes"]}
    assert values["PoolProfile"] == ["Kept", profile]
    assert values["GridImagePool"] == [-1, profile]
    editor.page.reload()
    editor.ready()
    editor.run_script("return app.loadGraphData(argument)", saved)
    editor.wait_for_count(4)
    assert (editor.pool_id(), editor.profile_id()) == (profile, profile)
    editor.page.locator(".gp-pick-name", has_text="Kept").wait_for()


def test_the_pool_follows_through_reroutes_and_subgraphs(
    start: Start, pictures: list[Path]
) -> None:
    editor = start("--empty")
    first = filled(editor, pictures[:2], "One")
    second = filled(editor, pictures[2:3], "Two")
    editor.run_script("""
      const LiteGraph = window.LiteGraph;
      const reroute = LiteGraph.createNode('Reroute');
      root.add(reroute);
      find('PoolProfile').connect(0, reroute, 0);
      reroute.connect(0, find('GridImagePool'), 0);
    """)
    editor.pick("One")
    wait_for(lambda: editor.pool_id() == first)
    editor.wait_for_count(2)
    editor.run_script("root.convertToSubgraph(new Set([find('GridImagePool')]))")
    editor.page.wait_for_timeout(500)
    editor.pick("Two")
    wait_for(lambda: editor.pool_id() == second)


def test_several_pools_on_one_profile_and_other_tabs_follow(
    start: Start, pictures: list[Path]
) -> None:
    editor = start("--empty")
    profile = filled(editor, pictures[:2])
    editor.run_script("""
      const other = window.LiteGraph.createNode('GridImagePool');
      other.pos = [320, 720];
      root.add(other);
      find('PoolProfile').connect(0, other, 0);
    """)
    counts = editor.page.locator(".gp-pool .gp-count", has_text="2 images")
    wait_for(lambda: counts.count() == 2)
    tab = editor.context.new_page()
    tab.goto(editor.demo.url)
    tab.wait_for_selector(".gp-pool", timeout=60_000)
    tab.locator(".gp-pick").click()
    tab.locator(".gp-row", has_text="Heroes").click()
    tab.locator(".gp-count", has_text="2 images").first.wait_for()
    editor.set_label(0, "Seen there")
    tab.locator(".gp-caption", has_text="Seen there").first.wait_for()
    wait_for(lambda: editor.page.locator(".gp-caption", has_text="Seen there").count() == 2)
    assert editor.demo.slots(profile)[0]["label"] == "Seen there"


def test_a_missing_profile_is_said_and_stops_the_run(start: Start, pictures: list[Path]) -> None:
    editor = start("--empty")
    profile = filled(editor, pictures[:1], "Lost")
    editor.demo.post("grid_pool/profiles/delete", {"id": profile})
    editor.page.locator(".gp-pick-name", has_text="Lost (missing)").wait_for()
    before = len(editor.demo.get("history"))
    editor.page.get_by_test_id("queue-button").click()
    editor.page.get_by_text(re.compile("Lost.*missing|validation failed", re.I)).first.wait_for()
    assert len(editor.demo.get("history")) == before
    # The browser itself logs the refusal.
    editor.errors[:] = [e for e in editor.errors if not re.search("400|404|PromptExecution", e)]


def test_disconnecting_keeps_and_the_pool_before_can_be_shown_again(
    start: Start, pictures: list[Path]
) -> None:
    editor = start("--empty")
    editor.run_script("""
      const pool = find('GridImagePool');
      pool.disconnectInput(0);
      widget(pool, 'pool_id').value = 'before';
      pool._datasetePoolRefresh();
    """)
    editor.upload(pictures[0])
    editor.wait_for_count(1)
    editor.pick("After")
    wait_for(lambda: "After" in editor.demo.profiles())
    editor.run_script("find('PoolProfile').connect(0, find('GridImagePool'), 0)")
    wait_for(lambda: editor.pool_id() == editor.demo.profiles()["After"])
    editor.run_script("find('GridImagePool').disconnectInput(0)")
    editor.page.wait_for_timeout(600)
    assert editor.pool_id() == editor.demo.profiles()["After"]
    editor.page.locator(".gp-pool button[title='More']").click()
    editor.page.locator(".gp-menu button", has_text="Show the pool shown before").click()
    editor.wait_for_count(1)
    assert editor.pool_id() == "before"


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
