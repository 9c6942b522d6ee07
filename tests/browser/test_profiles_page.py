"""What a person does with profiles in the editor, and how pools follow them, end to end."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from support import git

from .editor import Editor, filled, judge, wait_for

Start = Callable[..., Editor]


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


@pytest.mark.any_mode
def test_what_an_import_leaves_out_is_told(
    start: Start, pictures: list[Path], tmp_path: Path
) -> None:
    editor = start()
    known = editor.pool_id()
    theirs = tmp_path / "theirs.zip"
    with zipfile.ZipFile(theirs, "w") as archive:
        archive.write(pictures[0], "top/boat.png")
        archive.writestr("top/notes.txt", "x")
        archive.writestr("top/deeper/drawing.svg", "<svg/>")
    with editor.page.expect_file_chooser() as chooser:
        editor.menu("Import")
    chooser.value.set_files(str(theirs))
    dialog = editor.page.get_by_role("dialog", name="Imported “theirs”")
    dialog.wait_for()
    assert "2 files were left out" in dialog.inner_text()
    rows = [row.inner_text() for row in dialog.locator("li").all()]
    assert sorted(" ".join(row.split()) for row in rows) == [
        "notes.txt it isn't an image",
        "top/deeper/drawing.svg it isn't in the pool's folder",
    ]
    editor.page.keyboard.press("Escape")
    dialog.wait_for(state="hidden")
    wait_for(lambda: editor.pool_id() != known)
    editor.wait_for_count(1)


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
    tab.wait_for_selector(".gp-pool", timeout=300_000)
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
    editor.show_plain_pool("before")
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
