"""Looking at a snapshot, comparing it, and taking back what it has; C git is the judge."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, expect
from support import git, mask, picture, tree_of

from .editor import Editor, judge, put, wait_for

Start = Callable[..., Editor]

SCRIPT = "<img src=x onerror=alert(1)><script>alert(2)</script>"

_OPEN = """async ([id, snapshot, against]) => {
  const sheet = document.querySelector('link[href*="/styles/compare.css"]').href;
  const viewer = await import(new URL('../compare/viewer.js', sheet).href);
  viewer.openSnapshot({ id, snapshot, against, choose: (made) => (window.chosenProfile = made) });
}"""

_PAINT = """async ([id, index, bytes]) => {
  const form = new FormData();
  form.append('pool_id', id);
  form.append('index', String(index));
  form.append('mask', new Blob([new Uint8Array(bytes)]), 'mask.png');
  await fetch('/grid_pool/set_mask', { method: 'POST', body: form });
}"""


class Story:
    """A profile whose four pictures were named, painted, moved, deleted and replaced."""

    def __init__(self, start: Start, pictures: list[Path]) -> None:
        # No other snapshots than those that are asked for.
        self.editor = editor = start("--empty", more={"GITPOOL_SNAPSHOT_DELAY": "3600"})
        self.page = editor.page
        self.demo = editor.demo
        editor.pick("Heroes")
        wait_for(lambda: "Heroes" in self.demo.profiles())
        self.profile = self.demo.profiles()["Heroes"]
        wait_for(lambda: editor.pool_id() == self.profile)
        editor.upload(*pictures)
        editor.wait_for_count(len(pictures))
        self.folder = self.demo.pool_folder(self.profile)
        self.paint(0, mask((96, 64), 20))
        self.first = self.snapshot("The first look")
        self.edit("label", index=1, label="green forest at night")
        self.paint(0, mask((96, 64), 60))
        self.edit("remove", index=2)
        self.edit("reorder", order=[2, 0, 1])
        put(self.folder / "img_0004.png", picture(9, (48, 64)))
        self.second = self.snapshot("The second look")

    def edit(self, what: str, **fields: Any) -> None:
        self.demo.post(f"grid_pool/{what}", {"pool_id": self.profile, **fields})

    def paint(self, index: int, data: bytes) -> None:
        self.page.evaluate(_PAINT, [self.profile, index, list(data)])

    def snapshot(self, name: str) -> str:
        """Its id; named, so that it can be chosen."""
        self.demo.post("grid_pool/profiles/snapshot", {"id": self.profile})
        newest = self.demo.get("grid_pool/profiles/history", id=self.profile)["snapshots"][0]["id"]
        mark = {"id": self.profile, "snapshot": newest, "locked": True, "message": name}
        self.demo.post("grid_pool/profiles/lock", mark)
        return newest

    def open(self, snapshot: str, against: str | None = None) -> Locator:
        self.page.evaluate(_OPEN, [self.profile, snapshot, against])
        # Whether something would change is known once all is there.
        expect(self.viewer).to_have_attribute("aria-busy", "false")
        return self.viewer

    @property
    def viewer(self) -> Locator:
        return self.page.locator(".gp-viewer")

    @property
    def cells(self) -> Locator:
        return self.viewer.locator(".gp-past-cell")

    def past_cell(self, image: str) -> Locator:
        return self.viewer.locator(f".gp-past-cell[data-image='{image}']")

    def card(self, image: str) -> Locator:
        return self.viewer.locator(f".gp-card[data-image='{image}']")

    def section(self, change: str) -> list[str]:
        cards = self.viewer.locator(f".gp-section[data-change='{change}'] .gp-card")
        return [card.get_attribute("data-image") or "" for card in cards.all()]

    def manifest(self, snapshot: str | None = None) -> Any:
        if snapshot is None:
            return json.loads((self.folder / "manifest.json").read_bytes())
        return json.loads(git(self.folder, "show", f"{snapshot}:manifest.json"))

    def blob(self, snapshot: str, name: str) -> str:
        return git(self.folder, "rev-parse", f"{snapshot}:{name}")

    def images(self) -> list[str]:
        return [slot["image"] for slot in self.manifest()["slots"]]


@pytest.fixture
def story(start: Start, pictures: list[Path]) -> Story:
    return Story(start, pictures)


def sources(element: Locator) -> str:
    """Every address that an element and what is in it show."""
    return element.evaluate(
        """(element) => [element, ...element.querySelectorAll('*')]
          .map((each) => `${each.currentSrc ?? ''} ${each.style?.maskImage ?? ''}`).join(' ')"""
    )


@pytest.mark.any_mode
def test_a_pool_as_it_was_is_shown_and_the_live_one_stays_as_it_is(story: Story) -> None:
    before = tree_of(story.folder)
    viewer = story.open(story.first)
    expect(viewer.get_by_role("heading", name="The first look")).to_be_visible()
    expect(viewer.get_by_text("Read-only")).to_be_visible()
    then = story.manifest(story.first)
    expect(story.cells).to_have_count(len(then["slots"]))
    for index, slot in enumerate(then["slots"]):
        cell = story.past_cell(slot["image"])
        expect(cell.locator(".gp-caption")).to_have_text(slot["label"])
        expect(cell.locator(".gp-number")).to_have_text(str(index))
        names = [slot["image"], *([slot["mask"]] if slot["mask"] else [])]
        wait_for(lambda: all(story.blob(story.first, n) in sources(cell) for n in names))  # noqa: B023
        expect(cell.locator(".gp-mask")).to_be_visible(visible=bool(slot["mask"]))
    active = viewer.locator(".gp-past-cell.gp-active")
    expect(active).to_have_attribute("data-image", then["slots"][then["active"]]["image"])
    assert (
        story.past_cell("img_0003.png").locator(".gp-since").get_attribute("title")
        == "Deleted since"
    )
    # Everything that edits in a live grid does nothing here.
    story.past_cell("img_0002.png").click()
    for key in ("Delete", "Backspace", "F2", "m", "Control+z", "Control+v"):
        story.page.keyboard.press(key)
    expect(viewer.locator("input[type='text'], .gp-label-input")).to_have_count(0)
    story.page.keyboard.press("Escape")
    expect(viewer).to_have_count(0)
    assert tree_of(story.folder) == before
    judge(story.folder)


@pytest.mark.any_mode
def test_two_snapshots_are_compared_as_git_would(story: Story) -> None:
    viewer = story.open(story.second, story.first)
    named = git(story.folder, "diff-tree", "-r", "--name-status", story.first, story.second)
    differ = {line.split("\t")[1]: line[0] for line in named.splitlines()}
    assert differ == {
        "img_0001.mask.png": "M",
        "img_0003.png": "D",
        "img_0004.png": "M",
        "manifest.json": "M",
    }
    assert story.section("removed") == ["img_0003.png"]
    assert story.section("added") == []
    assert sorted(story.section("changed")) == ["img_0001.png", "img_0002.png", "img_0004.png"]
    for image, name in (("img_0004.png", "img_0004.png"), ("img_0001.png", "img_0001.mask.png")):
        card = story.card(image)
        for snapshot in (story.first, story.second):
            wait_for(lambda: story.blob(snapshot, name) in sources(card))  # noqa: B023
    label = story.card("img_0002.png").locator(".gp-label-diff")
    assert label.locator("del").all_inner_texts() == []
    assert label.locator("ins").all_inner_texts() == [" forest at night"]
    assert label.inner_text() == story.manifest(story.second)["slots"][2]["label"]
    places = story.card("img_0004.png").locator(".gp-number").all_inner_texts()
    assert places == ["3", "0"]
    # It is the same whichever of them is opened first.
    story.open(story.first, story.second)
    assert story.section("removed") == ["img_0003.png"]
    viewer.get_by_label("Compared with").select_option("now")
    expect(story.card("img_0003.png")).to_contain_text("Bring back")
    story.open(story.second, "now")
    expect(viewer.get_by_text("Nothing differs")).to_be_visible()
    expect(viewer.get_by_role("button", name="Restore everything")).to_be_disabled()


@pytest.mark.any_mode
def test_a_deleted_image_comes_back_into_its_place(story: Story) -> None:
    viewer = story.open(story.first)
    back = viewer.get_by_role("button", name="Bring back")
    expect(back).to_be_disabled()
    story.past_cell("img_0003.png").click()
    expect(back).to_have_text("Bring back 1 image")
    back.click()
    wait_for(lambda: "img_0003.png" in story.images())
    # Behind the one that it stood behind, wherever that is by now.
    assert story.images() == ["img_0004.png", "img_0001.png", "img_0002.png", "img_0003.png"]
    assert story.blob("HEAD", "img_0003.png") == story.blob(story.first, "img_0003.png")
    # What else had changed hasn't.
    assert story.blob("HEAD", "img_0004.png") == story.blob(story.second, "img_0004.png")
    assert story.manifest()["slots"][2]["label"] == "green forest at night"
    judge(story.folder)
    expect(back).to_be_disabled()
    expect(viewer.get_by_text("This image is the same now.")).to_be_visible()
    story.editor.wait_for_count(4)


@pytest.mark.any_mode
def test_only_the_mask_or_only_the_label_is_taken_back(story: Story) -> None:
    story.edit("label", index=1, label="painted")
    viewer = story.open(story.first, "now")
    card = story.card("img_0001.png")
    expect(card).to_contain_text("Mask repainted")
    card.get_by_role("button", name="Take this mask back").click()
    old = story.blob(story.first, "img_0001.mask.png")
    wait_for(lambda: git(story.folder, "hash-object", "img_0001.mask.png") == old)
    labels = {slot["image"]: slot["label"] for slot in story.manifest()["slots"]}
    assert labels["img_0001.png"] == "painted"
    expect(card.get_by_role("button", name="Take this mask back")).to_have_count(0)
    card.get_by_role("button", name="Take this label back").click()
    wait_for(lambda: story.manifest()["slots"][1]["label"] == "red")
    # It is still where it was moved to, and the others are as they were.
    assert story.images() == ["img_0004.png", "img_0001.png", "img_0002.png"]
    assert story.manifest()["slots"][2]["label"] == "green forest at night"
    expect(viewer.locator(".gp-section[data-change='changed'] .gp-card")).to_have_count(2)
    image = story.card("img_0004.png").get_by_role("button", name="Take this image back")
    image.click()
    wait_for(lambda: story.blob("HEAD", "img_0004.png") == story.blob(story.first, "img_0004.png"))
    judge(story.folder)


@pytest.mark.any_mode
def test_what_is_taken_back_in_quick_succession_all_comes_back(story: Story) -> None:
    story.edit("label", index=1, label="painted")
    story.open(story.first, "now")
    buttons = story.card("img_0001.png").locator(".gp-take")
    # Both in one go, and no sooner than both are there: the list may just be drawn anew.
    both = "(all) => all.length === 2 && (all.forEach((button) => button.click()), true)"
    wait_for(lambda: buttons.evaluate_all(both))
    old = story.blob(story.first, "img_0001.mask.png")
    wait_for(lambda: git(story.folder, "hash-object", "img_0001.mask.png") == old)
    wait_for(lambda: story.manifest()["slots"][1]["label"] == "red")
    wait_for(lambda: git(story.folder, "status", "--porcelain") == "")
    judge(story.folder)


@pytest.mark.any_mode
def test_everything_is_restored_and_a_profile_begins_here(story: Story) -> None:
    viewer = story.open(story.first)
    viewer.get_by_role("button", name="New profile from here").click()
    story.editor.answer_prompt("Heroes, once more")
    made = wait_for(lambda: story.demo.profiles().get("Heroes, once more"))
    wait_for(lambda: story.page.evaluate("window.chosenProfile") == made)
    folder = story.demo.pool_folder(made)
    assert git(folder, "rev-parse", "HEAD^{tree}") == git(
        story.folder, "rev-parse", f"{story.first}^{{tree}}"
    )
    viewer.get_by_role("button", name="Restore everything").click()
    wait_for(
        lambda: (
            git(story.folder, "rev-parse", "HEAD^{tree}")
            == git(story.folder, "rev-parse", f"{story.first}^{{tree}}")
        )
    )
    expect(viewer.get_by_role("button", name="Restore everything")).to_be_disabled()
    judge(story.folder)


@pytest.mark.any_mode
def test_one_image_is_looked_at_in_three_ways_by_keyboard(story: Story) -> None:
    viewer, keys = story.open(story.second, story.first), story.page.keyboard
    story.card("img_0004.png").focus()
    keys.press("Enter")
    view = viewer.locator(".gp-image-view")
    stage = view.locator(".gp-stage")
    expect(stage).to_be_focused()
    expect(view.locator(".gp-sizes")).to_have_text("96 × 64  →  48 × 64")
    keys.press("2")
    divider = view.get_by_role("slider", name="Divider")
    expect(divider).to_be_focused()
    expect(divider).to_have_attribute("aria-valuenow", "50")
    keys.press("ArrowRight")
    keys.press("Shift+ArrowRight")
    expect(divider).to_have_attribute("aria-valuenow", "62")
    after = view.locator(".gp-pane.gp-after").first
    assert after.evaluate("(e) => getComputedStyle(e).clipPath") == "inset(0px 0px 0px 62%)"
    keys.press("Home")
    expect(divider).to_have_attribute("aria-valuenow", "0")
    keys.press("3")
    onion = view.get_by_role("slider", name="Opacity of the later image")
    expect(onion).to_be_focused()
    keys.press("End")
    assert float(after.evaluate("(e) => getComputedStyle(e).opacity")) == 1
    keys.press("Home")
    assert float(after.evaluate("(e) => getComputedStyle(e).opacity")) == 0
    keys.press("1")
    expect(stage).to_be_focused()
    keys.press("+")
    scale = stage.evaluate("(e) => Number(e.style.getPropertyValue('--gp-scale'))")
    assert scale == 1.25
    # The next one that differs, with its mask before and after in two colours.
    title = view.locator("h3")
    for _ in range(3):
        if title.inner_text() != "red":
            keys.press("ArrowRight")
    expect(title).to_have_text("red")
    masks = view.locator(".gp-plate-mask")
    expect(masks.nth(0)).to_be_visible()
    colours = masks.evaluate_all("(all) => all.map((e) => getComputedStyle(e).backgroundColor)")
    assert colours[0] != colours[1]
    keys.press("m")
    expect(masks.nth(0)).to_be_hidden()
    keys.press("m")
    keys.press("Escape")
    expect(view).to_have_count(0)
    expect(story.card("img_0001.png")).to_be_focused()
    keys.press("Escape")
    expect(viewer).to_have_count(0)


@pytest.mark.any_mode
def test_the_divider_follows_the_pointer_and_the_wheel_zooms(story: Story) -> None:
    viewer, mouse = story.open(story.second, story.first), story.page.mouse
    story.card("img_0004.png").locator(".gp-look").first.click()
    viewer.get_by_role("button", name="Swipe").click()
    box = viewer.locator(".gp-stage").bounding_box()
    assert box
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    mouse.move(x, y)
    mouse.down()
    mouse.move(box["x"] + box["width"] / 4, y, steps=4)
    mouse.up()
    divider = viewer.get_by_role("slider", name="Divider")
    expect(divider).to_have_attribute("aria-valuenow", "25")
    mouse.wheel(0, -400)
    stage = viewer.locator(".gp-stage")
    wait_for(lambda: stage.evaluate("(e) => Number(e.style.getPropertyValue('--gp-scale'))") > 1.5)
    # Zoomed in, a drag moves the picture and leaves the divider.
    mouse.move(x + 120, y)
    mouse.down()
    mouse.move(x + 60, y, steps=3)
    mouse.up()
    expect(divider).to_have_attribute("aria-valuenow", "25")
    assert stage.evaluate("(e) => e.style.getPropertyValue('--gp-x')") != "0%"


@pytest.mark.any_mode
def test_images_are_chosen_by_keyboard(story: Story) -> None:
    viewer, keys = story.open(story.first), story.page.keyboard
    grid = viewer.get_by_role("listbox")
    grid.focus()
    keys.press("Home")
    keys.press("Shift+ArrowRight")
    expect(viewer.locator(".gp-past-cell[aria-selected='true']")).to_have_count(2)
    keys.press("Control+a")
    expect(viewer.locator(".gp-past-cell[aria-selected='true']")).to_have_count(4)
    expect(viewer.get_by_role("button", name="Bring back 4 images")).to_be_enabled()
    keys.press("End")
    keys.press("Enter")
    expect(viewer.locator(".gp-image-view h3")).to_have_text("grey")
    expect(viewer.locator(".gp-image-view .gp-count")).to_have_text("4 of 4")
    keys.press("Escape")
    expect(grid).to_be_focused()
    expect(viewer.locator(".gp-past-cell.gp-focused")).to_have_attribute(
        "data-image", "img_0004.png"
    )


@pytest.mark.any_mode
def test_markup_in_labels_and_names_is_text(story: Story) -> None:
    story.edit("label", index=0, label=SCRIPT)
    evil = story.snapshot(SCRIPT)
    viewer = story.open(evil, story.first)
    expect(viewer.locator("h2")).to_have_text(SCRIPT)
    assert SCRIPT in story.card("img_0004.png").locator(".gp-label-diff").inner_text()
    expect(viewer.locator(".gp-side-line", has_text=SCRIPT)).to_have_count(1)
    story.open(story.first, evil)
    expect(viewer.locator("option", has_text=SCRIPT).first).to_be_attached()
    story.open(evil)
    viewer.get_by_role("button", name="As it was").click()
    expect(story.past_cell("img_0004.png").locator(".gp-caption")).to_have_text(SCRIPT)
    story.past_cell("img_0004.png").dblclick()
    expect(viewer.locator(".gp-image-view h3")).to_have_text(SCRIPT)
    assert viewer.locator("script, img[src='x']").count() == 0


@pytest.mark.any_mode
def test_it_follows_what_happens_to_the_pool(story: Story) -> None:
    viewer = story.open(story.second, "now")
    expect(viewer.get_by_text("Nothing differs")).to_be_visible()
    story.edit("label", index=0, label="elsewhere")
    expect(story.card("img_0004.png").locator("ins")).to_have_text("elsewhere")
    expect(viewer.get_by_role("button", name="Restore everything")).to_be_enabled()


@pytest.mark.any_mode
def test_a_server_that_fails_is_said_and_asked_again(story: Story) -> None:
    page = story.page
    page.route("**/profiles/look*", lambda route: route.abort())
    page.evaluate(_OPEN, [story.profile, story.first, None])
    alert = story.viewer.get_by_role("alert")
    expect(alert).to_contain_text("can't be shown")
    expect(story.viewer.get_by_role("button", name="Restore everything")).to_be_disabled()
    with page.expect_request("**/profiles/look*"):
        alert.get_by_role("button", name="Try again").click()
    expect(alert).to_be_visible()
    page.unroute("**/profiles/look*")
    # News of the pool may have had it ask by itself.
    story.viewer.evaluate("(e) => e.querySelector('[role=alert] button')?.click()")
    expect(story.cells).to_have_count(4)
    # The browser itself notes the request that was cut off.
    story.editor.errors[:] = [e for e in story.editor.errors if "ERR_FAILED" not in e]


@pytest.mark.any_mode
def test_a_narrow_window_is_covered_and_keeps_the_keyboard(story: Story) -> None:
    page = story.page
    page.set_viewport_size({"width": 480, "height": 800})
    viewer = story.open(story.first)
    box = viewer.bounding_box()
    assert box
    assert (box["x"], box["y"], box["width"], box["height"]) == (0, 0, 480, 800)
    expect(viewer).to_have_attribute("aria-modal", "true")
    for _ in range(12):
        page.keyboard.press("Tab")
        assert viewer.evaluate("(e) => e.contains(document.activeElement)")
    # All of it can be reached without scrolling sideways.
    assert viewer.evaluate("(e) => e.scrollWidth <= e.clientWidth")
    # A finger chooses further images by the box in their corner.
    story.past_cell("img_0003.png").click()
    story.past_cell("img_0001.png").locator(".gp-tick-box").click()
    expect(viewer.locator(".gp-past-cell[aria-selected='true']")).to_have_count(2)


@pytest.mark.any_mode
def test_hundreds_of_changes_are_drawn_as_they_come_near(start: Start) -> None:
    editor = start("--empty")
    profile = editor.demo.post("grid_pool/profiles/create", {"name": "Many"})["id"]
    folder = editor.demo.pool_folder(profile)
    slots = [
        {"image": f"img_{n:04d}.png", "mask": None, "label": "", "added": 0} for n in range(1, 301)
    ]
    for n, slot in enumerate(slots):
        put(folder / slot["image"], picture(n, (8, 8)))
    manifest = {"active": 0, "slots": slots, "next_seq": 301}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    editor.demo.post("grid_pool/profiles/snapshot", {"id": profile})
    for n, slot in enumerate(slots):
        put(folder / slot["image"], picture(n + 1000, (8, 8)))
    editor.demo.post("grid_pool/profiles/snapshot", {"id": profile})
    history = editor.demo.get("grid_pool/profiles/history", id=profile)["snapshots"]
    editor.page.evaluate(_OPEN, [profile, history[1]["id"], "now"])
    cards = editor.page.locator(".gp-card")
    expect(cards).to_have_count(300)
    expect(cards.first.locator("img").first).to_be_visible()
    assert editor.page.locator(".gp-card img").count() < 200
    cards.first.focus()
    editor.page.keyboard.press("End")
    last = cards.last
    expect(last).to_be_focused()
    expect(last.get_by_role("button", name="Take this image back")).to_be_in_viewport()


@pytest.mark.any_mode
def test_the_timeline_stays_usable_beside_it(story: Story) -> None:
    page = story.page
    page.locator(".gp-profile button[title*='istory']").click()
    rows = page.locator(".gp-history .gp-event")
    row = page.locator(".gp-history .gp-event", has_text="The second look")
    row.click()
    expect(story.viewer.get_by_role("heading", name="The second look")).to_be_visible()
    side, over = page.locator(".gp-history").bounding_box(), story.viewer.bounding_box()
    assert side
    assert over
    apart = side["x"] + side["width"] <= over["x"] or over["x"] + over["width"] <= side["x"]
    assert apart
    assert rows.count() > 1
    row.focus()
    page.keyboard.press("ArrowDown")
    expect(story.viewer.get_by_role("heading", name="The first look")).to_be_visible()
    # The arrows still belong to the timeline; Enter goes in, Escape out again.
    assert not story.viewer.evaluate("(e) => e.contains(document.activeElement)")
    page.keyboard.press("Enter")
    expect(story.viewer.get_by_role("listbox")).to_be_focused()
    page.keyboard.press("Escape")
    expect(story.viewer).to_have_count(0)
    expect(page.locator(".gp-history .gp-event", has_text="The first look")).to_be_focused()
