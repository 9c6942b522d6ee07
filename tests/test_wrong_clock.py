"""A clock that was wrong once, here or on another machine: what was made by it has its date, and
nothing else has. The history is in the order that things were made in, whatever their dates."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import git, judge, picture
from test_compare_modules import modules, run  # noqa: F401 - a fixture

from gitpool.git.descent import Descent, Made, believed
from gitpool.git.thinning import Keep
from gitpool.profiles.jobs import Job
from gitpool.service import Service

ROUTE = "/grid_pool/profiles/"
NOW = 1_700_000_000
DAY = 86_400
YEAR_2100 = 4_102_444_800
YEAR_1970 = 86_400
ID = "p"


class Home:
    """One machine's folders, with a clock that can be set."""

    def __init__(self, folder: Path) -> None:
        self.clock = NOW
        self.folder = folder
        self.pool = folder / "pools" / ID
        environment = {"GITPOOL_ALLOW_REMOTES": "file"}
        pools, user = folder / "pools", folder / "user"
        self.service = Service(pools, user, lambda: self.clock, delay=3600, environment=environment)
        self._number = 0

    def edited(self, kind: str = "named") -> str:
        """An image more, and a snapshot; its id."""
        self._number += 1
        staged = self.folder / "staged"
        staged.write_bytes(picture(self._number))
        self.service.pools.add(ID, staged, 1)
        if kind == "named":
            self.service.versions.snapshot(ID, f"Number {self._number}")
        else:
            self.service.versions.take(ID)
        return git(self.pool, "rev-parse", "HEAD")

    def history(self, profile: str = ID) -> list[dict[str, Any]]:
        return self.service.versions.history(profile, limit=500)["snapshots"]

    def ids(self, profile: str = ID) -> list[str]:
        return [snapshot["id"] for snapshot in self.history(profile)]

    def sync(self) -> Any:
        return self.service.sync.sync(ID, Job(uuid.uuid4().hex, ID, "lane", lambda _: None))


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home(tmp_path)
    made.service.profiles.create(ID, "Heroes")
    return made


def in_order(folder: Path, listed: Sequence[str]) -> bool:
    """Whether each comes after all that were made on it."""
    place = {name: i for i, name in enumerate(listed)}
    lines = git(folder, "log", "--format=%H %P", *listed).splitlines()
    parents = {name: rest for name, *rest in (line.split() for line in lines)}
    return all(place[n] < place[p] for n in listed for p in parents[n] if p in place)


@pytest.mark.parametrize("wrong", [YEAR_2100, YEAR_1970, 0])
def test_a_new_snapshot_carries_todays_date(home: Home, wrong: int) -> None:
    home.clock = wrong
    odd = home.edited()
    home.clock = NOW
    made = [odd, home.edited(), home.edited("auto")]
    times = {snapshot["id"]: snapshot["time"] for snapshot in home.history()}
    assert [times[name] for name in made] == [wrong, NOW, NOW]
    assert home.ids()[:3] == made[::-1]
    assert git(home.pool, "log", "-1", "--format=%ct %at") == f"{NOW} {NOW}"
    judge(home.pool)


@pytest.mark.parametrize("wrong", [YEAR_2100, YEAR_1970])
def test_whatever_is_done_is_of_today(home: Home, wrong: int) -> None:
    """Restoring, copying, branching off, joining, importing: none takes a wrong date over."""
    service = home.service
    home.clock = wrong
    odd = home.edited()
    home.clock = NOW
    home.edited()
    service.versions.restore(ID, odd)
    service.profiles.duplicate(ID, "q", "Copy")
    service.profiles.branch_off(ID, "r", odd, "Other")
    (home.folder / "b").write_bytes(b"".join(service.exchange.export_bundle(ID)[1]))
    service.exchange.import_file(home.folder / "b", "s")
    git(home.pool, "checkout", "-q", "-b", "mine", odd)
    git(home.pool, "commit", "-q", "--allow-empty", "-m", "By hand")
    home.service.versions.take(ID)
    for profile in (ID, "q", "r", "s"):
        folder = home.folder / "pools" / profile
        assert git(folder, "log", "-1", "--format=%ct") == str(NOW)
        assert in_order(folder, home.ids(profile))
        judge(folder)


def test_the_history_goes_by_descent(home: Home) -> None:
    made = []
    for clock in (NOW, YEAR_2100, NOW + 10, YEAR_1970, NOW + 20, NOW + 15, YEAR_2100):
        home.clock = clock
        made.append(home.edited())
    assert home.ids()[:-1] == made[::-1]
    pages, before = [], None
    while True:
        page = home.service.versions.history(ID, limit=2, before=before)
        pages += [snapshot["id"] for snapshot in page["snapshots"]]
        before = page["next"]
        if before is None:
            break
    assert pages == home.ids()


@pytest.mark.parametrize("below", [NOW, YEAR_2100, YEAR_1970])
def test_joined_lines_go_by_descent_and_date(home: Home, below: int) -> None:
    """Two lines that a git user joined, one made by a clock that was wrong; and what both were
    made on may have been too."""
    home.clock = below
    base = home.edited()
    for branch, clock in (("mine", NOW + 50), ("theirs", YEAR_2100)):
        git(home.pool, "checkout", "-q", "-B", branch, base)
        for number in range(3):
            _commit(home.pool, f"{branch} {number}", clock + number)
    _commit_merge(home.pool, "mine", "theirs", NOW + 100)
    home.clock = NOW + 200
    home.service.versions.take(ID)
    last = home.edited()
    listed = home.ids()
    assert listed[0] == last
    assert in_order(home.pool, listed)
    assert set(listed) == set(git(home.pool, "rev-list", "HEAD").split())
    # What was made on top of it isn't dated by it, so neither is what it is listed among.
    said = [s["message"] for s in home.history() if s["message"].startswith(("mine", "theirs"))]
    assert said == [f"{line} {n}" for line in ("theirs", "mine") for n in (2, 1, 0)]


def _commit(folder: Path, message: str, when: int) -> None:
    text = f"{message}\n"
    tree = git(folder, "rev-parse", "HEAD^{tree}")
    made = _commit_tree(folder, tree, ["HEAD"], text, when)
    git(folder, "reset", "-q", "--soft", made)


def _commit_merge(folder: Path, ours: str, theirs: str, when: int) -> None:
    git(folder, "checkout", "-q", ours)
    tree = git(folder, "rev-parse", "HEAD^{tree}")
    git(folder, "reset", "-q", "--soft", _commit_tree(folder, tree, [ours, theirs], "Join", when))


def _commit_tree(folder: Path, tree: str, parents: list[str], text: str, when: int) -> str:
    on = [word for parent in parents for word in ("-p", git(folder, "rev-parse", parent))]
    lines = [
        f"tree {tree}",
        *(f"parent {name}" for name in on[1::2]),
        f"author A User <user@example.org> {when} +0000",
        f"committer A User <user@example.org> {when} +0000",
        "",
        text,
    ]
    path = folder / ".git" / "made"
    path.write_text("\n".join(lines))
    made = git(folder, "hash-object", "-t", "commit", "-w", str(path))
    path.unlink()
    return made


# Any history, and any clocks.

Graph = dict[str, Made]


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """Histories with forks, joins and several beginnings; clocks may say anything."""
    count = draw(st.integers(1, 25))
    found: Graph = {}
    for number in range(count):
        most = min(number, 3)
        on = draw(st.lists(st.integers(0, number - 1), max_size=most, unique=True)) if most else []
        if number and not on and draw(st.integers(0, 4)):
            on = [number - 1]
        time = draw(st.integers(0, 40) | st.just(1000 + number))
        found[str(number)] = Made(time, [str(parent) for parent in on])
    return found


def _walked(graph: Graph, tips: list[str]) -> list[str]:
    descent = Descent(graph.__getitem__, tips, set(), 10**9)
    found = []
    while descent.next:
        found.append(descent.pop())
    return found


@settings(max_examples=400, deadline=None)
@given(graphs(), st.data())
def test_descent_comes_before_dates(graph: Graph, data: st.DataObject) -> None:
    tips = data.draw(st.lists(st.sampled_from(list(graph)), min_size=1, max_size=3, unique=True))
    order = _walked(graph, tips)
    wanted, todo = set(), list(tips)
    while todo:
        name = todo.pop()
        if name not in wanted:
            wanted.add(name)
            todo += graph[name].parents
    assert sorted(order) == sorted(wanted)
    place = {name: i for i, name in enumerate(order)}
    assert all(place[name] < place[p] for name in order for p in graph[name].parents)


@settings(max_examples=200, deadline=None)
@given(graphs())
def test_clocks_that_are_right_order_by_date(graph: Graph) -> None:
    """Where each was made after what it was made on, it is simply by date."""
    right = {name: Made(10 * int(name), made.parents) for name, made in graph.items()}
    tips = [name for name in right if not any(name in made.parents for made in right.values())]
    assert _walked(right, tips) == sorted(right, key=lambda name: -right[name].time)


def test_a_page_reads_no_more_than_it_must() -> None:
    """Forks are looked along until they meet, and what lies below isn't read."""
    graph: Graph = {"0": Made(0, [])}
    tip, number = "0", 0
    for _ in range(300):
        number += 3
        here = [str(number), str(number + 1)]
        graph |= {name: Made(number + i, [tip]) for i, name in enumerate(here)}
        tip = str(number + 2)
        graph[tip] = Made(number + 2, here)
    read: list[str] = []

    def noted(name: str) -> Made:
        read.append(name)
        return graph[name]

    descent = Descent(noted, [tip], set(), 10**9)
    for _ in range(30):
        descent.pop()
    assert len(read) == len(set(read)) <= 34


def test_what_clocks_say_is_believed_with_reason() -> None:
    made = {
        "a": Made(100, []),
        "b": Made(9000, ["a"]),
        "c": Made(8000, ["b"]),
        "d": Made(200, ["c"]),
        "e": Made(9500, ["d"]),
    }
    said = believed(list(made), made, 1000)
    assert said == {"a": 100, "b": 200, "c": 200, "d": 200, "e": 9500}


# Clean-ups, bundles, mending.


def test_a_snapshot_of_2100_goes_when_its_turn_comes(home: Home) -> None:
    """As it says it is of the future, it stayed for ever."""
    home.clock = YEAR_2100
    odd = home.edited("auto")
    for day in range(4):
        home.clock = NOW + day * DAY
        home.edited("auto")
    home.clock = NOW + 60 * DAY
    home.edited()
    home.service.cleanups.compact(ID, Keep(1, 1, 1, 1))
    assert odd not in home.ids()
    judge(home.pool)


def test_one_of_1970_stays_while_those_around_it_do(home: Home) -> None:
    """As it says it is old, it went at once."""
    home.edited("auto")
    home.clock = YEAR_1970
    odd = home.edited("auto")
    home.clock = NOW + 10
    home.edited("auto")
    home.service.cleanups.compact(ID, Keep(1, 1, 1, 1))
    assert odd in home.ids()


@pytest.fixture
def cleaned(home: Home) -> Home:
    """A history that was synced and cut into pieces, by clocks that were wrong now and then."""
    home.service.remotes.change(None, {"url": str(home.folder / "remote.git")})
    kept = []
    for clock in (NOW, YEAR_2100, NOW + 20, YEAR_1970, NOW + 40):
        home.clock = clock
        kept.append(home.edited())
        home.edited("auto")
    home.clock = NOW + 50
    home.edited()
    home.sync()
    home.service.cleanups.compact(ID, Keep(0, 0, 0, 0))
    assert (home.pool / ".git" / "shallow").exists()
    return home


def test_a_bundle_of_pieces_loses_none(cleaned: Home) -> None:
    listed = cleaned.history()
    data = b"".join(cleaned.service.exchange.export_bundle(ID)[1])
    (cleaned.folder / "b").write_bytes(data)
    git(cleaned.folder, "clone", "-q", "b", "clone")
    trees = git(cleaned.folder / "clone", "log", "--format=%T").split()
    assert len(trees) == len(listed)
    wanted = [git(cleaned.pool, "rev-parse", f"{s['id']}^{{tree}}") for s in listed]
    assert trees == wanted
    cleaned.service.profiles.duplicate(ID, "q", "Copy")
    said = [s["message"] for s in cleaned.history("q")]
    assert said[1:] == [s["message"] for s in listed]


def test_pieces_are_listed_below_the_newest(cleaned: Home) -> None:
    tip = git(cleaned.pool, "rev-parse", "HEAD")
    assert cleaned.ids()[0] == tip
    assert in_order(cleaned.pool, cleaned.ids())


def test_a_lost_branch_comes_back_at_todays_snapshot(home: Home) -> None:
    """One of 2100 that nothing names any more isn't newer."""
    home.edited()
    home.clock = YEAR_2100
    home.edited()
    trailers = git(home.pool, "log", "-1", "--format=%B")
    git(home.pool, "reset", "-q", "--soft", "HEAD~2")
    home.clock = NOW
    last = home.edited()
    assert "Pool-Profile" in trailers
    (home.pool / ".git" / "refs" / "heads" / "Heroes").unlink()
    (home.pool / ".git" / "index").unlink()
    home.service.versions.take(ID)
    assert home.ids()[0] == last or last in home.ids()
    assert git(home.pool, "merge-base", "--is-ancestor", last, "HEAD") == ""


@pytest.mark.parametrize("wrong", [YEAR_2100, YEAR_1970])
def test_a_week_in_the_trash_is_a_week(home: Home, wrong: int) -> None:
    """It was over at once, or never."""
    home.edited()
    home.clock = wrong
    home.service.profiles.delete(ID)
    home.clock = NOW + 100
    home.service.start()
    home.clock += 6 * DAY
    home.service.start()
    assert [d["id"] for d in home.service.profiles.list()["deleted"]] == [ID]
    home.clock += 2 * DAY
    home.service.start()
    assert home.service.profiles.list()["deleted"] == []
    home.service.stop()


# Two machines.


def test_machines_of_different_clocks_sync(tmp_path: Path) -> None:
    one, two = Home(tmp_path / "one"), Home(tmp_path / "two")
    for home in (one, two):
        home.folder.mkdir()
        home.service.remotes.change(None, {"url": str(tmp_path / "remote.git")})
    one.service.profiles.create(ID, "Heroes")
    one.edited()
    one.sync()
    job = Job("get", ID, "lane", lambda _: None)
    two.service.arrivals.get("Heroes", "unused", job)
    two.clock, two._number = YEAR_2100, 100
    two.edited()
    two.sync()
    one.clock = NOW + 10
    one.edited()
    assert one.sync()["status"] == "merged"
    one.clock = NOW + 20
    last = one.edited()
    one.sync()
    two.sync()
    assert one.ids() == two.ids()
    assert one.ids()[0] == last
    assert one.history()[0]["time"] == NOW + 20
    for home in (one, two):
        assert in_order(home.pool, home.ids())
        judge(home.pool)


# The page.


def test_the_page_says_plainly_when(modules: Path) -> None:  # noqa: F811
    script = """
    import { ago } from "./web/remote/words.js";
    say(value.map((time) => ago(time, 1700000000000)));
    """
    said = run(modules, script, [NOW - 10, NOW + 30, NOW + 3600, YEAR_2100])
    assert said[:3] == ["just now"] * 3
    assert "2100" in said[3]
