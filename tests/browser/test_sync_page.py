"""Sync in the editor, between two machines and real remotes, the way a person uses it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Route
from remotes.folder import bare_git
from remotes.http_server import HttpGit
from support import git, judge, picture

from .editor import Demo, wait_for
from .syncing import ALLOW, TOKEN, DemoMachine, SyncEditor

Start = Callable[..., SyncEditor]
SMALL = (96, 64)


def enter(dialog: Locator, url: str, token: str | None = None) -> None:
    dialog.get_by_label("Address").fill(url)
    if token is not None:
        dialog.get_by_label("Token").fill(token)


@pytest.fixture
def other(tmp_path: Path) -> Iterator[DemoMachine]:
    """Another machine, without a page."""
    folder = tmp_path / "other"
    folder.mkdir()
    demo = Demo(folder, "--empty", more=ALLOW)
    yield DemoMachine(demo)
    demo.stop()


@pytest.mark.any_mode
def test_a_profile_travels_and_both_machines_edits_merge(
    start: Start, other: DemoMachine, http_git: HttpGit
) -> None:
    http_git.token = TOKEN
    http_git.make_repo("pools")
    page = start("--empty", more=ALLOW, kind=SyncEditor)
    profile = page.machine.filled("Heroes", 3)
    page.show_profile("Heroes", 3)

    # Not connected yet: the first Sync asks where to. What is wrong is said next to Test.
    page.button.click()
    dialog = page.connect_dialog()
    enter(dialog, http_git.url("pools"), "wrong")
    dialog.get_by_role("button", name="Test").click()
    dialog.locator(".gp-bad", has_text="didn't accept this one. Enter a user name").wait_for()
    page.assert_plain_words()
    enter(dialog, http_git.url("pools"), TOKEN)
    dialog.get_by_role("button", name="Test").click()
    dialog.locator(".gp-good", has_text="It works. Nothing is there yet.").wait_for()
    dialog.get_by_role("button", name="Save and sync").click()
    page.standing("Synced just now")
    page.toast("Sent")

    # Both edit.
    other.connect(http_git.url("pools"), TOKEN)
    assert other.fetch("Heroes")["id"] == profile
    other.label(profile, 2, "from the other")
    other.sync(profile)
    page.set_label(0, "from this one")
    page.badge(1)
    page.button.click()
    page.toast("Merged both machines' edits")
    page.cell(2).locator(".gp-caption", has_text="from the other").wait_for()
    page.standing("1 new here")
    other.sync(profile)
    assert other.labels(profile) == ["from this one", "", "from the other"]

    # Both change the same.
    other.label(profile, 1, "theirs")
    other.sync(profile)
    page.set_label(1, "mine")
    page.badge(1)
    page.sync("Needs a choice (1)")
    page.standing("Needs a choice (1)").click()
    choice = page.dialog("Both machines changed the same thing")
    choice.get_by_text("The label of image 1").wait_for()
    page.assert_plain_words()
    choice.get_by_role("button", name="Theirs").click()
    choice.wait_for(state="detached")
    page.cell(1).locator(".gp-caption", has_text="theirs").wait_for()
    assert page.machine.labels(profile) == ["from this one", "theirs", "from the other"]
    page.badge(1)

    # Another profile is got from the list, and the node shows it.
    more = other.filled("Villains", 2)
    other.sync(more)
    page.menu("Get from remote…")
    page.row("Villains").get_by_text("2 images").wait_for()
    page.row("Heroes").get_by_text("On this machine").wait_for()
    page.assert_plain_words()
    page.page.get_by_role("button", name="Get “Villains”").click()
    page.row("Villains").get_by_text("On this machine").wait_for()
    page.page.keyboard.press("Escape")
    page.page.locator(".gp-pick-name", has_text="Villains").wait_for()
    page.wait_for_count(2)
    assert (page.pool_id(), page.profile_id()) == (more, more)
    page.assert_plain_words()
    page.assert_untold(TOKEN)
    for each in (profile, more):
        judge(page.demo.pool_folder(each), clean=False)


# The rest is the same on every frontend: two machines stay up, and one has a page.


@pytest.fixture(scope="module")
def http(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HttpGit]:
    with HttpGit(tmp_path_factory.mktemp("http"), TOKEN) as server:
        server.make_repo("pools")
        yield server


@pytest.fixture(scope="module")
def both(
    browser: Browser, http: HttpGit, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[SyncEditor, DemoMachine]]:
    demos = [Demo(tmp_path_factory.mktemp("machine"), "--empty", more=ALLOW) for _ in range(2)]
    second = DemoMachine(demos[1])
    page = SyncEditor(browser, demos[0])
    for machine in (page.machine, second):
        machine.connect(http.url("pools"), TOKEN)
    yield page.open(), second
    page.close()
    for demo in demos:
        demo.stop()


@pytest.fixture
def page(both: tuple[SyncEditor, DemoMachine], http: HttpGit) -> Iterator[SyncEditor]:
    """The first machine's page; at the end no error may have been logged."""
    both[0].errors.clear()
    yield both[0]
    http.bytes_per_second = None
    assert both[0].errors == []
    both[0].assert_plain_words()


@pytest.fixture
def second(both: tuple[SyncEditor, DemoMachine]) -> DemoMachine:
    """The other machine."""
    return both[1]


def shared(page: SyncEditor, second: DemoMachine, name: str, count: int = 3) -> str:
    """A profile that both machines have, shown on the page; its id."""
    profile = page.machine.filled(name, count)
    page.machine.sync(profile)
    second.fetch(name)
    page.show_profile(name, count)
    page.standing("Synced just now")
    return profile


def test_what_both_changed_is_chosen_by_keyboard_and_mouse(
    page: SyncEditor, second: DemoMachine
) -> None:
    profile = shared(page, second, "Choices", 4)
    for machine, left, text in ((second, 4, "theirs"), (page.machine, 12, "mine")):
        machine.label(profile, 0, text)
        machine.label(profile, 1, text)
        machine.paint(profile, 2, left)
    second.reorder(profile, [3, 0, 1, 2])
    page.machine.reorder(profile, [0, 1, 3, 2])
    second.sync(profile)
    page.sync("Needs a choice (4)")
    page.toast("Both machines changed the same thing")
    page.standing("Needs a choice (4)").click()
    dialog = page.dialog("Both machines changed the same thing")
    cards = dialog.locator(".gp-conflict")
    titles = cards.locator("h3")
    wait_for(lambda: cards.count() == 4)
    assert "The label of image 0, “mine”" in titles.all_inner_texts()
    # Both masks are there to be seen, and both orders.
    masks = dialog.locator(".gp-conflict-picture .gp-mask:not([hidden])")
    assert masks.count() == 2
    assert len(set(masks.evaluate_all("(all) => all.map((m) => m.style.maskImage)"))) == 2
    pictures = dialog.locator(".gp-conflict-picture img, .gp-order img")
    loaded = "(all) => all.length === 10 && all.every((image) => image.naturalWidth > 0)"
    wait_for(lambda: pictures.evaluate_all(loaded))
    order = cards.filter(has_text="The order of the images")
    assert order.locator("[data-choice]").all_inner_texts() == ["Mine", "Theirs"]
    # It can wait, also by keyboard, and comes again.
    page.page.keyboard.press("Escape")
    dialog.wait_for(state="detached")
    page.standing("Needs a choice (4)").focus()
    page.page.keyboard.press("Enter")
    dialog.wait_for()
    # The first button has the keyboard; the one after it is Theirs.
    page.page.keyboard.press("Tab")
    page.page.keyboard.press("Enter")
    page.cell(0).locator(".gp-caption", has_text="theirs").wait_for()
    wait_for(lambda: cards.count() == 3)
    cards.filter(has_text="The label of").get_by_role("button", name="Both").click()
    page.cell(1).locator(".gp-caption", has_text="mine, theirs").wait_for()
    cards.filter(has_text="The mask of").get_by_role("button", name="Both").click()
    page.wait_for_count(5)
    order.get_by_role("button", name="Theirs").click()
    dialog.wait_for(state="detached")
    wait_for(lambda: page.machine.slots(profile)[0]["image"] == "img_0004.png")
    page.toast("Decided")
    page.sync()
    judge(page.demo.pool_folder(profile))


def test_all_choices_are_made_at_once_and_a_picture_can_be_theirs(
    page: SyncEditor, second: DemoMachine
) -> None:
    profile = shared(page, second, "Many")
    for machine, seed in ((second, 71), (page.machine, 72)):
        for index in range(3):
            machine.label(profile, index, f"label {seed}")
        image = machine.pools / profile / "img_0001.png"
        image.write_bytes(picture(seed))
    second.sync(profile)
    theirs = (second.pools / profile / "img_0001.png").read_bytes()
    page.sync("Needs a choice (4)")
    page.standing("Needs a choice (4)").click()
    page.page.get_by_role("button", name="Theirs for all").click()
    page.page.locator(".gp-backdrop").wait_for(state="detached")
    wait_for(lambda: page.machine.labels(profile) == ["label 71"] * 3)
    assert page.machine.images(profile)[0] == theirs
    page.standing("4 to send")


def test_a_profile_that_is_missing_here_is_got(page: SyncEditor, second: DemoMachine) -> None:
    profile = second.filled("Elsewhere", 2)
    second.sync(profile)
    page.run_script(
        """
        const node = find('PoolProfile');
        widget(node, 'profile').value = 'Elsewhere';
        widget(node, 'profile_id').value = argument;
        node.onConfigure({});
        """,
        profile,
    )
    page.page.locator(".gp-pick-name", has_text="Elsewhere (missing)").wait_for()
    page.page.locator(".gp-notice", has_text="“Elsewhere” is missing").wait_for()
    page.bar.get_by_role("button", name="Get “Elsewhere”").click()
    page.wait_for_count(2)
    page.page.locator(".gp-pick-name", has_text=re.compile("^Elsewhere$")).wait_for()
    page.standing("Synced just now")
    assert page.pool_id() == profile
    judge(page.demo.pool_folder(profile))


def test_a_slow_transfer_says_how_far_it_is_and_is_cancelled_at_once(
    page: SyncEditor, http: HttpGit
) -> None:
    profile = page.machine.create("Slow")
    for seed in range(4):
        page.machine.add(profile, picture(100 + seed, (400, 300)))
    page.show_profile("Slow", 4)
    # Another node of the same profile shows the same.
    page.run_script("""
      const other = find('PoolProfile').clone();
      other.pos = [30, 420];
      root.add(other);
    """)
    lines = page.page.locator(".gp-sync")
    wait_for(lambda: lines.count() == 2)
    # It would go on for longer than anybody waits for its end here.
    http.bytes_per_second = 2_000
    page.button.click()
    page.standing(re.compile(r"^Sending \d+ of \d+…$"))
    lines.nth(1).get_by_role("button", name="Cancel").wait_for()
    page.page.wait_for_timeout(400)
    page.button.click()
    page.standing("Cancelled")
    lines.nth(1).get_by_text("Cancelled").wait_for()
    http.bytes_per_second = None
    page.sync()
    lines.nth(1).get_by_text("Synced just now").wait_for()
    page.run_script("root.remove(nodes().filter((n) => n.type === 'PoolProfile').at(-1))")
    judge(page.demo.pool_folder(profile))


def test_what_the_storage_lost_is_sent_again(
    page: SyncEditor, second: DemoMachine, http: HttpGit
) -> None:
    shared(page, second, "Lost")
    bare_git(http.path("pools"), "update-ref", "-d", "refs/heads/Lost")
    page.sync("Needs a choice")
    page.page.get_by_text("doesn't hold this profile any more").wait_for()
    page.assert_plain_words()
    page.choose("Send it again")
    page.standing("Synced just now")
    assert "Lost" in bare_git(http.path("pools"), "branch")


def test_a_storage_that_was_set_back_is_synced_all_the_same_or_got_beside(
    page: SyncEditor, second: DemoMachine, http: HttpGit
) -> None:
    profile = shared(page, second, "Back")
    repo = http.path("pools")
    tip = bare_git(repo, "rev-parse", "refs/heads/Back")
    page.machine.label(profile, 0, "later")
    page.machine.sync(profile)
    bare_git(repo, "update-ref", "refs/heads/Back", tip.strip())
    page.sync("Needs a choice")
    page.assert_plain_words()
    page.choose("Get the other beside mine")
    wait_for(lambda: "Back (2)" in page.demo.profiles())
    assert page.machine.labels(page.demo.profiles()["Back (2)"])[0] == ""
    page.sync("Needs a choice")
    page.choose("Sync all the same")
    page.standing("Synced just now")
    assert page.machine.labels(profile)[0] == "later"


def test_a_name_that_is_taken_there(page: SyncEditor, second: DemoMachine) -> None:
    theirs = second.filled("Twin", 1)
    second.sync(theirs)
    mine = page.machine.filled("Twin", 2, first=40)
    page.show_profile("Twin", 2)
    page.sync("Needs a choice")
    page.page.get_by_text("holds another profile named “Twin”").wait_for()
    page.choose("Get the other beside mine")
    wait_for(lambda: page.demo.profiles().get("Twin (2)") == theirs)
    page.sync("Needs a choice")
    page.choose("Rename mine…")
    page.answer_prompt("Twin of mine")
    page.page.locator(".gp-pick-name", has_text="Twin of mine").wait_for()
    page.standing("Synced just now")
    assert page.profile_id() == mine


def test_a_storage_that_is_away_is_said_and_tried_again(page: SyncEditor, http: HttpGit) -> None:
    page.machine.filled("Away", 1)
    page.show_profile("Away", 1)
    page.machine.connect("http://127.0.0.1:9/pools.git", TOKEN)
    page.sync("Offline")
    page.standing("Offline").click()
    page.page.locator(".gp-choices", has_text="Check that this machine is online").wait_for()
    page.assert_plain_words()
    page.machine.connect(http.url("pools"), TOKEN)
    page.choose("Try again")
    page.standing("Synced just now")


def test_the_list_of_what_is_there(page: SyncEditor, second: DemoMachine, http: HttpGit) -> None:
    ids = {
        name: second.filled(name, 1, first=50 + i) for i, name in enumerate(["List A", "List B"])
    }
    for profile in ids.values():
        second.sync(profile)
    page.menu("Get from remote…")
    dialog = page.dialog("Get a profile from another machine")
    page.row("List A").wait_for()
    dialog.get_by_label("Search").fill("list")
    wait_for(lambda: page.page.locator(".gp-held").count() == 2)
    dialog.get_by_role("button", name=re.compile("Get all that aren't here")).click()
    wait_for(lambda: set(ids.values()) <= set(page.demo.profiles().values()))
    page.row("List B").get_by_text("On this machine").wait_for()
    # The others that weren't here come as well, whatever is searched for.
    wait_for(lambda: page.page.locator(".gp-modal .pi-spinner").count() == 0)
    wait_for(lambda: page.page.get_by_role("button", name="Cancel all").count() == 0)
    # Removed there, after ComfyUI's own question; here it stays.
    page.row("List A").get_by_role("button", name=re.compile("Remove")).click()
    page.confirm("Delete")
    page.row("List A").wait_for(state="detached")
    assert ids["List A"] in page.demo.profiles().values()
    listed = second.get("/grid_pool/profiles/remote/profiles").json["profiles"]
    assert "List A" not in [entry["name"] for entry in listed]
    # Not connected, it says so; connected again, it lists.
    page.page.keyboard.press("Escape")
    page.machine.post("/grid_pool/profiles/remote", url=None)
    page.menu("Get from remote…")
    dialog.get_by_text("Not connected yet").wait_for()
    dialog.get_by_role("button", name="Connect…").click()
    enter(page.connect_dialog(), http.url("pools"), TOKEN)
    page.page.keyboard.press("Enter")
    page.row("List B").wait_for()
    # What fails is said here, and nothing is lost.
    page.page.keyboard.press("Escape")
    page.machine.connect("http://127.0.0.1:9/pools.git")
    page.page.locator(".gp-pick").click()
    page.page.locator(".gp-row", has_text="Get from remote…").click()
    dialog.get_by_text("The online storage can't be read").wait_for()
    page.assert_plain_words()
    dialog.get_by_role("button", name="Connection settings…").click()
    page.page.keyboard.press("Escape")
    page.page.keyboard.press("Escape")
    dialog.wait_for(state="detached")
    # The browser itself logs what the server answered.
    page.errors[:] = [error for error in page.errors if "502" not in error]


def test_the_settings_are_for_all_or_one_and_can_be_forgotten(
    page: SyncEditor, http: HttpGit, tmp_path: Path
) -> None:
    page.machine.connect(http.url("pools"), TOKEN)
    profile = page.machine.filled("Own", 1)
    page.show_profile("Own", 1)
    page.menu("Sync settings…")
    dialog = page.connect_dialog()
    address, token = dialog.get_by_label("Address"), dialog.get_by_label("Token")
    assert address.input_value() == http.url("pools")
    assert token.input_value() == ""
    assert token.get_attribute("placeholder") == "One is kept; leave empty to keep it"
    assert token.get_attribute("type") == "password"
    # Another host isn't told the token that is kept.
    address.fill("https://elsewhere.example/pools.git")
    assert token.get_attribute("placeholder") == ""
    # The keyboard stays inside, whichever way it goes.
    for key in ("Tab", "Shift+Tab"):
        for _ in range(14):
            page.page.keyboard.press(key)
            assert page.page.evaluate("!!document.activeElement.closest('.gp-modal')")
    # What can't be is said, and what was typed stays.
    address.fill("https://user:secret@host/pools.git")
    dialog.get_by_role("button", name="Save").click()
    dialog.get_by_role("alert").get_by_text("The address holds a password.").wait_for()
    assert address.input_value() == "https://user:secret@host/pools.git"
    # A folder, for this profile alone, wants no token.
    folder = tmp_path / "nas" / "pools.git"
    folder.parent.mkdir()
    address.fill(str(folder))
    assert token.is_hidden()
    dialog.get_by_label("only for “Own”").check()
    dialog.get_by_role("button", name="Save").click()
    page.toast("Sync settings saved")
    page.sync()
    assert git(folder, "branch", "--format=%(refname:short)") == "Own"
    assert page.demo.get("grid_pool/profiles/remote")["url"] == http.url("pools")
    # Forgotten, the profile is like all others.
    page.menu("Sync settings…")
    dialog.get_by_role("button", name="Forget").click()
    page.confirm("Confirm")
    wait_for(lambda: address.input_value() == http.url("pools"))
    dialog.get_by_label("Sync by itself").check()
    dialog.get_by_role("button", name="Save").click()
    dialog.wait_for(state="detached")
    described = page.demo.get("grid_pool/profiles/remote", id=profile)
    assert (described["own"], described["auto_sync"], described["has_secret"]) == (
        False,
        True,
        True,
    )
    # Now an edit goes by itself, and the line says so.
    page.set_label(0, "by itself")
    branch = ["log", "-1", "--format=%s", "refs/heads/Own"]
    wait_for(lambda: "change 1 label" in git(http.path("pools"), *branch, check=False).lower())
    page.standing("Synced just now")
    page.machine.post("/grid_pool/profiles/remote", auto_sync=False)
    page.assert_untold(TOKEN)
    page.errors[:] = [error for error in page.errors if "400" not in error]


def test_only_addresses_that_are_allowed_are_named(page: SyncEditor) -> None:
    def only_safe(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, json={**answer.json(), "allowed": ["https", "ssh"]})

    page.menu("Sync settings…")
    dialog = page.connect_dialog()
    dialog.get_by_text("Which addresses work?").click()
    dialog.get_by_text("/mnt/nas/pools.git").wait_for()
    page.page.keyboard.press("Escape")
    page.page.route("**/grid_pool/profiles/remote*", only_safe)
    page.menu("Sync settings…")
    dialog.get_by_text("Which addresses work?").click()
    dialog.get_by_text("git@github.com:you/pools.git").wait_for()
    assert dialog.get_by_text("/mnt/nas").count() == 0
    assert dialog.get_by_text("http://").count() == 0
    page.page.keyboard.press("Escape")
    page.page.unroute("**/grid_pool/profiles/remote*")
