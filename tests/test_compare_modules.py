"""The rules of the comparison on the page, run as they are, without a page."""

from __future__ import annotations

import json
import shutil
import subprocess
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def modules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("page")
    shutil.copytree(ROOT / "web", folder / "web")
    (folder / "package.json").write_text('{"type": "module"}')
    return folder


def run(folder: Path, script: str, value: Any = None) -> Any:
    """What a script writes with `say`; `value` is what it is about."""
    node = shutil.which("node")
    assert node, "node is missing: install it first (tests/run.sh does)"
    head = 'import { readFileSync } from "node:fs";\n'
    head += 'const value = JSON.parse(readFileSync(0, "utf-8"));\n'
    head += "const say = (what) => process.stdout.write(JSON.stringify(what));\n"
    (folder / "script.js").write_text(head + script)
    done = subprocess.run(
        [node, "script.js"],
        cwd=folder,
        input=json.dumps(value),
        capture_output=True,
        encoding="utf-8",
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


DIFF = """
import { diffText } from "./web/compare/labels.js";
say(value.map(([before, after]) => diffText(before, after).map(({ kind, text }) => [kind, text])));
"""


def diffs(folder: Path, *pairs: tuple[str, str]) -> list[list[list[str]]]:
    return run(folder, DIFF, list(pairs))


def test_labels_differ_word_by_word(modules: Path) -> None:
    cases = {
        ("", ""): [],
        ("red dress", "red dress"): [["same", "red dress"]],
        ("", "new"): [["ins", "new"]],
        ("old", ""): [["del", "old"]],
        ("a red dress", "a blue dress"): [
            ["same", "a "],
            ["del", "red"],
            ["ins", "blue"],
            ["same", " dress"],
        ],
        # Two words in a row are one change, not two.
        ("one two end", "three four end"): [
            ["del", "one two"],
            ["ins", "three four"],
            ["same", " end"],
        ],
        # Scripts without spaces go by characters, marks stay with their letter.
        ("夜の森", "夜の深い森"): [["same", "夜の"], ["ins", "深い"], ["same", "森"]],
        ("ในป่า", "ในป้า"): [["same", "ใน"], ["del", "ป่"], ["ins", "ป้"], ["same", "า"]],
        # A family or a flag isn't taken apart.
        ("x 👩‍👩‍👧 y", "x 👩‍👩‍👦 y"): [
            ["same", "x "],
            ["del", "👩‍👩‍👧"],
            ["ins", "👩‍👩‍👦"],
            ["same", " y"],
        ],
        ("<b>hi</b>", "<i>hi</i>"): [
            ["same", "<"],
            ["del", "b"],
            ["ins", "i"],
            ["same", ">hi</"],
            ["del", "b"],
            ["ins", "i"],
            ["same", ">"],
        ],
    }
    assert diffs(modules, *cases) == list(cases.values())


def test_a_label_longer_than_any_is_still_shown(modules: Path) -> None:
    before, after = "a b " * 3000, "c d " * 3000
    [pieces] = diffs(modules, (before, after))
    assert [kind for kind, _ in pieces] == ["del", "ins", "same"]


words = st.text(alphabet="ab 夜森é\u0301👍\n<&", max_size=12)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(words, words), min_size=20, max_size=60))
def test_a_label_diff_has_both_texts_in_it(modules: Path, pairs: list[tuple[str, str]]) -> None:
    for (before, after), pieces in zip(pairs, diffs(modules, *pairs), strict=True):
        assert "".join(text for kind, text in pieces if kind != "ins") == before
        assert "".join(text for kind, text in pieces if kind != "del") == after
        kinds = [kind for kind, _ in pieces]
        assert all(one != other for one, other in pairwise(kinds))


def slot(image: str, index: int) -> dict[str, Any]:
    return {"image": image, "index": index, "label": "", "mask": None}


def change(image: str, kind: str, *what: str, old: int = 0, new: int = 0) -> dict[str, Any]:
    before = None if kind == "added" else slot(image, old)
    after = None if kind == "removed" else slot(image, new)
    return {"image": image, "change": kind, "what": list(what), "from": before, "to": after}


def test_changes_go_into_sections_and_are_counted(modules: Path) -> None:
    rows = [
        change("a", "changed", "image", "mask", "moved"),
        change("b", "added"),
        change("c", "moved", "moved"),
        change("d", "changed", "label"),
        # In the order in which they stood, whatever the server's.
        change("f", "removed", old=7),
        change("e", "removed", old=2),
    ]
    script = """
      import { countParts, sectionsOf } from "./web/compare/changes.js";
      const sections = sectionsOf(value);
      const names = Object.entries(sections).map(([key, rows]) => [key, rows.map((r) => r.image)]);
      say([Object.fromEntries(names), countParts(sections.changed)]);
    """
    sections, counts = run(modules, script, rows)
    assert sections == {
        "added": ["b"],
        "removed": ["e", "f"],
        "changed": ["a", "d"],
        "moved": ["c"],
    }
    assert counts == {"image": 1, "mask": 1, "label": 1}


def test_only_what_would_change_something_is_offered(modules: Path) -> None:
    row = change("a", "changed", "image", "label")
    cases: list[tuple[Any, Any, Any]] = [
        # The same now, elsewhere now, or not in that snapshot at all: nothing to take back.
        (row, None, (False, [])),
        (row, change("a", "moved", "moved"), (False, [])),
        (row, change("a", "added"), (False, [])),
        # Gone now: only the whole image can come back.
        (row, change("a", "removed"), (True, [])),
        # Of what the row is about, what differs from now.
        (row, change("a", "changed", "label", "mask", "moved"), (False, ["label"])),
        # The whole slot is meant.
        (None, change("a", "changed", "mask"), (True, [])),
        (change("a", "removed"), change("a", "changed", "mask"), (True, [])),
        (change("a", "removed"), change("a", "removed"), (True, [])),
    ]
    script = """
      import { offersOf } from "./web/compare/changes.js";
      say(value.map(([row, present]) => offersOf(row, present ?? undefined)));
    """
    offers = run(modules, script, [(row, present) for row, present, _ in cases])
    assert [(offer["whole"], offer["parts"]) for offer in offers] == [want for *_, want in cases]


def test_zoom_keeps_the_point_it_is_about_and_never_loses_the_picture(modules: Path) -> None:
    script = """
      import { moved, pressed, WHOLE, zoomed } from "./web/compare/zoom.js";
      const at = (view, x) => (x - view.x) / view.scale;
      const near = zoomed(WHOLE, 4, 0.3, -0.2);
      const nearer = zoomed(near, 2, 0.1, 0.1);
      say({
        same: [at(WHOLE, 0.3) - at(near, 0.3), at(near, 0.1) - at(nearer, 0.1)],
        most: zoomed(WHOLE, 1e9).scale,
        out: zoomed(near, 0.001),
        far: moved(near, 100, -100),
        keys: ["+", "-", "0", "x"].map((key) => pressed(near, key, false)?.scale ?? null),
        pan: [pressed(near, "ArrowLeft", true).x > near.x, pressed(near, "ArrowLeft", false)],
      });
    """
    said = run(modules, script)
    assert all(abs(off) < 1e-9 for off in said["same"])
    assert said["most"] == 32
    assert said["out"] == {"scale": 1, "x": 0, "y": 0}
    assert (said["far"]["x"], said["far"]["y"]) == (1.5, -1.5)
    assert said["keys"] == [5, 3.2, 1, None]
    assert said["pan"] == [True, None]
