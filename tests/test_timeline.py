"""The timeline's rows: days, bursts, and what joins them later. Run in node, without a page."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

MODULE = Path(__file__).resolve().parents[1] / "web" / "history" / "timeline.js"
NOON = 1_750_075_200  # 2025-06-16, 12:00 in UTC
MINUTE = 60


def run(folder: Path, script: str, value: Any) -> Any:
    """What a script returns that gets `given` and the module's functions."""
    node = shutil.which("node")
    assert node, "node is missing: install it first (tests/run.sh does)"
    module = folder / "timeline.mjs"
    module.write_text(MODULE.read_text("utf-8"), "utf-8")
    code = f"""
      import * as timeline from {json.dumps(module.as_uri())};
      const {{ rowsOf, placeOf, merge, stripOf, changesOf }} = timeline;
      const given = {json.dumps(value)};
      const answer = (() => {{ {script} }})();
      console.log(JSON.stringify(answer));
    """
    done = subprocess.run(
        [node, "--input-type=module", "-e", code],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env={**os.environ, "TZ": "UTC"},
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def snapshot(ident: str, minutes: float, **more: Any) -> dict[str, Any]:
    """An automatic snapshot, so many minutes before noon."""
    return {
        "id": ident,
        "time": NOON - int(minutes * MINUTE),
        "kind": "auto",
        "name": "",
        "note": "",
        "locked": False,
        "parents": ["p"],
        "changes": {"added": 1, "masks": 0, "reordered": False},
        "strip": [{"change": "added", "image": f"{ident}.png"}],
        **more,
    }


SHOW = """
  const show = (rows) => rows.filter((row) => row.kind !== 'day').map((row) =>
    row.kind !== 'burst' ? row.snapshot.id
      : (row.open ? '>' : '') + row.members.map(({ id }) => id).join(''));
"""


@pytest.mark.parametrize(
    ("history", "rows"),
    [
        # Two within twenty minutes are a burst; one alone is none.
        ([("a", 0), ("b", 19.9), ("c", 39.9)], ["ab", "c"]),
        ([("a", 0), ("b", 1), ("c", 30), ("d", 31)], ["ab", "cd"]),
        # Days part what lies close together.
        ([("a", 715), ("b", 719), ("c", 721), ("d", 725)], ["ab", "cd"]),
        # So does what somebody took, named, locked or wrote a note to.
        ([("a", 0), ("b", 1), ("N", 2), ("c", 3), ("d", 4)], ["ab", "N", "cd"]),
        ([("a", 0), ("b", 1), ("L", 2), ("c", 3)], ["ab", "L", "c"]),
        ([("a", 0), ("M", 1), ("O", 2), ("c", 3)], ["a", "M", "O", "c"]),
        ([], []),
    ],
)
def test_close_automatic_snapshots_are_a_burst(
    tmp_path: Path, history: list[tuple[str, float]], rows: list[str]
) -> None:
    said = {"N": {"kind": "named"}, "L": {"locked": True}, "M": {"name": "x"}, "O": {"note": "x"}}
    given = [snapshot(name, minutes, **said.get(name, {})) for name, minutes in history]
    assert run(tmp_path, SHOW + "return show(rowsOf(given))", given) == rows


def test_a_burst_stays_unfolded_as_others_join_it(tmp_path: Path) -> None:
    given = [snapshot(name, i) for i, name in enumerate("abcdef")]
    script = (
        SHOW
        + """
      const open = new Set(['c']);
      const at = (list) => rowsOf(list, { open });
      const [old, older, newer] = [at(given.slice(2, 4)), at(given.slice(2)), at(given)];
      return {
        rows: [show(old), show(older), show(newer)],
        keys: [old, older, newer].map((rows) => rows[1].key),
        moved: placeOf(newer, old[2]),
        folded: show(rowsOf(given)),
        plain: show(rowsOf(given, { fold: false })),
      };
    """
    )
    said = run(tmp_path, script, given)
    assert said["rows"] == [
        [">cd", "c", "d"],
        [">cdef", "c", "d", "e", "f"],
        [">abcdef", "a", "b", "c", "d", "e", "f"],
    ]
    assert len(set(said["keys"])) == 1
    assert said["moved"] == 4
    assert said["folded"] == ["abcdef"]
    assert said["plain"] == list("abcdef")


def test_a_row_is_found_in_the_burst_that_took_it_in(tmp_path: Path) -> None:
    given = [snapshot(name, i) for i, name in enumerate("abc")]
    script = """
      const alone = rowsOf(given.slice(2)), burst = rowsOf(given);
      const shorter = rowsOf(given.slice(1));
      const [one, many] = [alone[1], burst[1]];
      return [placeOf(burst, one), placeOf(shorter, many), placeOf([], one), placeOf(burst, null)];
    """
    assert run(tmp_path, script, given) == [1, 1, -1, -1]


def test_a_new_page_goes_over_what_was_known(tmp_path: Path) -> None:
    given = {name: snapshot(name, i) for i, name in enumerate("abcdef")}
    given["m"] = snapshot("m", -1, kind="merge", parents=["x", "y"])
    script = """
      const of = (ids) => [...ids].map((id) => given[id]);
      const said = (known, page, next) => {
        const { snapshots, anew } = merge(of(known), of(page), next);
        return [snapshots.map(({ id }) => id).join(''), anew];
      };
      return [
        said('cdef', 'abcd', 'd'),
        said('bcdef', 'abc', null),
        said('ef', 'abc', 'c'),
        said('bcdef', 'mbc', 'c'),
        said('', 'abc', 'c'),
        said('ef', '', 'd'),
      ];
    """
    assert run(tmp_path, script, given) == [
        ["abcdef", False],
        ["abc", True],
        ["abc", True],
        ["mbc", True],
        ["abc", True],
        ["ef", False],
    ]


def test_a_burst_adds_up_what_it_changed(tmp_path: Path) -> None:
    strip = [{"change": "repainted", "image": f"{i}.png"} for i in range(8)]
    changes = {"added": 0, "masks": 20, "reordered": True}
    given = [snapshot("a", 0), snapshot("b", 1, strip=strip, changes=changes), snapshot("a", 2)]
    said = run(tmp_path, "return [stripOf(given), changesOf(given)]", given)
    assert [item["image"] for item in said[0]["items"]][:2] == ["a.png", "0.png"]
    assert len(said[0]["items"]) == 8
    assert said[0]["total"] == 1 + 20
    assert said[1] == {"added": 2, "masks": 20, "reordered": True}
