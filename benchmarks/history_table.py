"""What was measured of histories, as Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from .measure import Measurement, median
from .table import BASE, machine, short, size

_HEAD = ("what", "by", "seconds", "most", f"× {BASE}", "CPU", "peak MB", "above idle MB")
_SIZES = ("before", "after")
_WAITS = ("edits", "slowest edit alone", "slowest edit meanwhile")


@dataclass(frozen=True)
class Row:
    """One thing that one contender did, some times over.

    sizes: the history's bytes before and after. waits: of each run that was edited on during,
    how many edits there were (`tries`), and their seconds.
    """

    what: str
    by: str
    runs: Sequence[Measurement]
    sizes: tuple[int, int] | None = None
    waits: Sequence[Mapping[str, float]] = field(default_factory=list)


def table(title: str, rows: Sequence[Row]) -> str:
    """One table."""
    sized = any(row.sizes for row in rows)
    lines = [[*_HEAD, *(_SIZES + _WAITS if sized else ())]]
    lines.append(["---", "---", *["---:"] * (len(lines[0]) - 2)])
    for row in rows:
        cells = _cells(row, _base(row, rows))
        lines.append(cells + _clean_up(row) if sized else cells)
    text = "\n".join("| " + " | ".join(line) + " |" for line in lines)
    return f"## {title}\n\n{text}"


def page(tables: Mapping[str, Sequence[Row]], command: str) -> str:
    """The whole page."""
    text = "\n\n".join(table(title, rows) for title, rows in tables.items())
    return _PAGE.format(command=command, tables=text, machine=machine())


def _base(row: Row, rows: Sequence[Row]) -> Measurement | None:
    """C git's row of the same thing; one of its rows may stand for several above it."""
    fitting = [r for r in rows if r.by == BASE and row.what.startswith(r.what)]
    return median(max(fitting, key=lambda r: len(r.what)).runs) if fitting else None


def _cells(row: Row, base: Measurement | None) -> list[str]:
    run = median(row.runs)
    return [
        row.what,
        row.by,
        short(run.seconds),
        short(max(each.seconds for each in row.runs)),
        short(run.seconds / base.seconds) if base else "",
        "" if run.cpu is None else short(run.cpu),
        f"{run.peak:.0f}",
        "" if run.above is None else f"{run.above:.0f}",
    ]


def _clean_up(row: Row) -> list[str]:
    sizes = [size(count) for count in row.sizes] if row.sizes else ["", ""]
    if not row.waits:
        return [*sizes, "", "", ""]
    tries = sum(int(wait["tries"]) for wait in row.waits)
    worst = [short(max(wait[key] for wait in row.waits)) for key in ("alone", "worst")]
    return [*sizes, str(tries), *worst]


_PAGE = """\
# How fast the history is

Measured by

```sh
{command}
```

which makes this page, on one machine in one run; medians of up to five runs (three of
clean-ups, one of C git's), so the ratios say more than the seconds.

- **Git Pool**: its service, as ComfyUI runs it, in a process of its own whose start isn't
  counted. *Cold*: the first thing that it does; *warm*: done before in the same process; *one
  more taken*: done before, then an image was labelled and a snapshot taken. The system has the
  files in memory in all three.
- **C git**: on the same repository, its start counted. A first page is `git log -60
  --name-status`, a search the same with `--grep`, two snapshots are compared by `git diff-tree
  -r -M`, one is looked at by `git ls-tree -r`.
- **Histories**: 200 images of 20 kB; seven in ten snapshots change a label, the others an
  image, the order, or which images there are. A history of 10 fills a sixth of a page of 60.
  A search finds five. *Packed*: after `git gc`.
- **Clean-ups**: 1,000 images of 1 MB that don't compress, added one by one, 900 of them then
  deleted one by one; only the newest snapshot is kept. The long history is the one of the first
  table, cleaned up by the usual rule. C git has no clean-up: what comes nearest is an orphan
  branch with one commit (where a remote has the history: `git fetch --depth=1`), then `git
  reflog expire --expire=now --all` and `git gc --prune=now`; nothing automatic, named or locked
  is told apart, and what isn't in the newest snapshot is gone.
- **most**: the slowest run. **CPU**: seconds of work, of all threads and processes, which says
  more than the others where the machine has more to do. **peak MB**: the most memory of the
  process (C git: of the largest that it ran; less than 10 can't be told). **above idle MB**: by
  how much the process's own memory grew, pages of files not counted.
- **before, after**: bytes below `.git`. **slowest edit**: of so many labels changed one after
  another in the same process, for two seconds before a clean-up, and while another ran.

{tables}

{machine}
"""
