"""Pictures that no browser shows, and those that end early, on the page."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from pictures import SIZE, base, saved
from playwright.sync_api import Locator, expect
from support import git, picture

from .editor import Editor, filled, judge, paint, wait_for

Start = Callable[..., Editor]


def is_drawn(image: Locator) -> bool:
    return image.evaluate("each => each.complete && each.naturalWidth > 0")


@pytest.mark.any_mode
def test_a_picture_that_no_browser_shows_is_seen_enlarged_and_painted(
    start: Start, tmp_path: Path
) -> None:
    editor = start("--empty")
    page, demo = editor.page, editor.demo
    editor.pick("Heroes")
    wait_for(lambda: "Heroes" in demo.profiles())
    profile = demo.profiles()["Heroes"]
    data = saved(base(), "TGA")
    (tmp_path / "scan.tga").write_bytes(data)
    editor.upload(tmp_path / "scan.tga")
    editor.wait_for_count(1)
    folder = demo.pool_folder(profile)
    assert (folder / "img_0001.tga").read_bytes() == data
    wait_for(lambda: is_drawn(editor.cell(0).locator(".gp-thumb")))
    editor.tool(0, "Enlarge")
    enlarged = page.locator(".gp-lightbox img")
    wait_for(lambda: is_drawn(enlarged))
    assert enlarged.evaluate("each => [each.naturalWidth, each.naturalHeight]") == [*SIZE]
    page.keyboard.press("Escape")
    paint(editor)
    wait_for(lambda: (folder / "img_0001.mask.png").is_file())
    judge(folder, clean=False)


@pytest.mark.any_mode
def test_a_file_that_ends_early_has_a_badge(start: Start, tmp_path: Path) -> None:
    editor = start("--empty")
    page, demo = editor.page, editor.demo
    editor.pick("Heroes")
    wait_for(lambda: "Heroes" in demo.profiles())
    whole = picture(3, (90, 60))
    for name, data in (("cut.png", whole[: len(whole) // 2]), ("whole.png", whole)):
        (tmp_path / name).write_bytes(data)
        editor.upload(tmp_path / name)
    editor.wait_for_count(2)
    badge = page.get_by_title("The file ends early")
    expect(editor.cell(0).locator(".gp-early")).to_be_visible()
    expect(badge.first).to_be_visible()
    expect(editor.cell(1).locator(".gp-early")).to_be_hidden()
    assert "The file ends early" in (editor.cell(0).get_attribute("aria-label") or "")
    # One that somebody drops into the folder gets it once it is drawn, without asking again.
    other = picture(4, (90, 60))
    profile = demo.profiles()["Heroes"]
    (demo.pool_folder(profile) / "dropped.png").write_bytes(other[: len(other) // 2])
    demo.post("grid_pool/profiles/snapshot", {"id": profile})
    editor.wait_for_count(3)
    expect(editor.cell(2).locator(".gp-early")).to_be_visible()


@pytest.mark.any_mode
def test_an_image_that_git_lfs_keeps_says_so_and_what_is_left_out_is_told(
    start: Start, pictures: list[Path], tmp_path: Path
) -> None:
    editor = start("--empty")
    page, demo = editor.page, editor.demo
    profile = filled(editor, pictures[:2])
    demo.post("grid_pool/profiles/snapshot", {"id": profile})
    user = tmp_path / "user"
    git(tmp_path, "clone", "-q", str(demo.pool_folder(profile)), "user")
    image = demo.slots(profile)[1]["image"]
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0' * 64}\nsize 123\n"
    (user / image).write_text(pointer)
    (user / "elsewhere").symlink_to("/etc/hostname")
    git(user, "add", "-A")
    git(user, "commit", "-qm", "To LFS")
    git(user, "bundle", "create", str(tmp_path / "theirs.bundle"), "--all")
    with page.expect_file_chooser() as chooser:
        editor.menu("Import")
    chooser.value.set_files(tmp_path / "theirs.bundle")
    told = page.get_by_role("dialog")
    expect(told.get_by_text("elsewhere", exact=True)).to_be_visible()
    page.keyboard.press("Escape")
    wait_for(lambda: editor.pool_id() not in ("", profile))
    editor.wait_for_count(2)
    away = page.get_by_text("Kept in Git LFS, not here")
    expect(away).to_be_visible()
    assert "Kept in Git LFS" in (editor.cell(1).get_attribute("aria-label") or "")
    assert "Git LFS" not in (editor.cell(0).get_attribute("aria-label") or "")
    folder = demo.pool_folder(editor.pool_id())
    assert not (folder / image).exists()
    judge(folder)
