"""The measurements of `benchmarks.performance` as Markdown: what was aimed at and what was
reached, a table for each load, and the page around them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from .measure import Measurement, median
from .rigs import RESTORED
from .table import machine, short

WORKS = {
    "first": "first snapshot",
    "unchanged": "nothing changed",
    "unchanged_cold": "nothing changed, fresh process",
    "changed": "one image changed",
    "restore": f"restore of {RESTORED} images",
    "duplicate": "duplicate",
    "bundle": "bundle export",
    "unbundle": "bundle import",
    "zip": "zip export",
    "unzip": "zip import",
    "sha1": "SHA-1 of all, all cores",
    "thumbnails": "thumbnails, first time",
    "thumbnails_again": "thumbnails, again",
    "is_changed": "IS_CHANGED",
    "node_run": "Image Pool's run",
    "loop": "the event loop under all of it",
}
SPACED = {"first": "folder", "duplicate": "a duplicate adds", "unbundle": "an import adds"}
OURS, GIT, FLOOR = "Git Pool", "C git", "floor"

Results = dict[tuple[str, str], list[Measurement]]
Medians = Mapping[tuple[str, str], Measurement]


@dataclass(frozen=True)
class Target:
    """What was aimed at. value: what was measured, from a load's medians; None where it wasn't.
    most: what it may be at most."""

    work: str
    aim: str
    most: float
    value: Callable[[Medians], float | None]
    unit: str = "×"


def _beside(work: str, other: str) -> Callable[[Medians], float | None]:
    """Our time as a multiple of another's."""

    def value(found: Medians) -> float | None:
        ours, theirs = found.get((work, OURS)), found.get((work, other))
        return ours.seconds / theirs.seconds if ours and theirs else None

    return value


def _told(work: str, what: str) -> Callable[[Medians], float | None]:
    def value(found: Medians) -> float | None:
        told = found[work, OURS].told if (work, OURS) in found else None
        return told[what] if told else None

    return value


def _most_memory(found: Medians) -> float | None:
    return max((run.above or 0 for (_, by), run in found.items() if by == OURS), default=None)


def _run_beside_pillow(found: Medians) -> float | None:
    told = found["node_run", OURS].told if ("node_run", OURS) in found else None
    return told["run"] / told["pillow"] if told else None


TARGETS = (
    Target("first", "a tenth of C git's `add` + `commit`", 0.1, _beside("first", GIT)),
    Target("first", "1.5 × copying with an fsync each", 1.5, _beside("first", FLOOR)),
    Target("unchanged", "C git's `status`", 1, _beside("unchanged", GIT)),
    Target("unchanged", "4 × a scan with stat", 4, _beside("unchanged", FLOOR)),
    Target("changed", "half of C git's", 0.5, _beside("changed", GIT)),
    Target("restore", "half of C git's `checkout`", 0.5, _beside("restore", GIT)),
    Target("duplicate", "1.5 × copying with an fsync each", 1.5, _beside("duplicate", FLOOR)),
    Target("duplicate", "half of `git clone --local`", 0.5, _beside("duplicate", GIT)),
    Target("bundle", "a twentieth of C git's", 0.05, _beside("bundle", GIT)),
    Target("unbundle", "a fifth of C git's", 0.2, _beside("unbundle", GIT)),
    Target("zip", "1.5 × reading the files", 1.5, _beside("zip", FLOOR)),
    Target("zip", "first byte within 0.2 s", 0.2, _told("zip", "first"), "s"),
    Target("", "100 MB above idle in any of them", 100, _most_memory, "MB"),
    Target("thumbnails", "1.25 × decoding on all cores", 1.25, _beside("thumbnails", FLOOR)),
    Target("is_changed", "Image Pool: 1 ms", 1, _told("is_changed", "pool"), "ms"),
    Target("is_changed", "Pool Profile: 1 ms", 1, _told("is_changed", "profile"), "ms"),
    Target("node_run", "1.1 × Pillow's decoding", 1.1, _run_beside_pillow),
    Target("loop", "99 of 100 waits within 50 ms", 50, _told("loop", "p99"), "ms"),
    Target("loop", "the longest wait within 250 ms", 250, _told("loop", "worst"), "ms"),
)


def medians(results: Results) -> Medians:
    """The median of each work by each contender."""
    return {key: median(runs) for key, runs in results.items() if runs}


def targets(loads: Mapping[str, Medians], more: Sequence[Sequence[str]] = ()) -> str:
    """The table of what was aimed at. more: rows that come from elsewhere, for the last load."""
    rows = [["work", "at most", *loads, "reached"]]
    for target in TARGETS:
        found = [target.value(load) for load in loads.values()]
        if all(value is None for value in found):
            continue
        met = all(value is None or value <= target.most for value in found)
        cells = ["" if value is None else f"{short(value)} {target.unit}" for value in found]
        rows.append([WORKS.get(target.work, "memory"), target.aim, *cells, "yes" if met else "no"])
    return lines([*rows, *more], left=2)


def table(results: Medians) -> str:
    """One load's table."""
    rows = [["work", "by", "seconds", f"× {GIT}", "× floor", "above idle MB", "CPU"]]
    for (work, by), run in results.items():
        beside = [results.get((work, other)) for other in (GIT, FLOOR)]
        times = [short(run.seconds / other.seconds) if other else "" for other in beside]
        above = "" if run.above is None else f"{run.above:.0f}"
        rows.append([WORKS[work], by, short(run.seconds), *times, above, short(run.cpu or 0)])
    return lines(rows, left=2)


def spaces(found: Mapping[str, tuple[int, Mapping[tuple[str, str], int]]]) -> str:
    """Bytes on disk beside the images' own. found: for each load these, and those by work and
    contender."""
    rows = [["images", "by", *(f"{words}, × images" for words in SPACED.values())]]
    for load, (own, on_disk) in found.items():
        for by in dict.fromkeys(by for _, by in on_disk):
            taken = [on_disk.get((work, by)) for work in SPACED]
            rows.append([load, by, *("" if t is None else short(t / own) for t in taken)])
    return lines(rows, left=2)


def lines(rows: Sequence[Sequence[str]], left: int) -> str:
    """Rows as a Markdown table, the first `left` columns aligned to the left."""
    marks = ["---"] * left + ["---:"] * (len(rows[0]) - left)
    return "\n".join("| " + " | ".join(row) + " |" for row in [rows[0], marks, *rows[1:]])


def page(
    aims: str, tables: Mapping[str, str], space: str, plots: Mapping[str, str], command: str
) -> str:
    """The whole page. plots: what each shows, by its file."""
    shown = "\n\n".join(f"### {title}\n\n{text}" for title, text in tables.items())
    drawn = "\n\n".join(f"![{words}]({file})" for file, words in plots.items())
    return _PAGE.format(
        aims=aims,
        tables=shown,
        space=space,
        plots=drawn,
        command=command,
        machine=machine("pygit2", "Pillow"),
    )


_PAGE = """\
# How fast everything is that touches images

Measured by (the grid itself is in [grid-performance.md](grid-performance.md))

```sh
{command}
```

which makes this page and its plots. One run on one machine, the contenders in turn at each work,
medians of up to three runs (fewer where one takes long), so the ratios say more than the seconds.

- **Git Pool**: its service, as ComfyUI runs it; files are synced to the disk. What Python takes
  to start isn't counted.
- **C git**: `add` + `commit`, `status`, `checkout`, `clone --local`, `bundle create`, `clone` of
  the bundle. Its start is counted; it syncs no loose objects.
- **pygit2**, **dulwich**: the same, by these libraries, as they are documented.
- **floor**: what none can do without. A first snapshot and a duplicate: the images copied, each
  synced to the disk; nothing changed: a scan of the folder with each file's stat; one image, or
  {restored} restored: these copied and synced; a bundle: the images copied, not synced; an
  import: the images copied and synced twice, as files and as what keeps them; a zip: the images
  read; thumbnails: every image decoded by Pillow on all cores.
- Images are PNG files of noise, so nothing makes them smaller; for thumbnails 60 of the same size
  that look like photographs to a decoder. The system has them in memory.
- **above idle MB**: by how much the process's own memory grew, pages of files not counted.
- The loop: everything at once over HTTP (a first snapshot, a hundred thumbnails, {restored} images
  replaced, restore, duplicate, both exports, labels), while the server's own event loop counts
  by how much later than asked it comes round.

## What was aimed at

{aims}

## Where it falls short, and why

- *Nothing changed*: the folder is gone through twice, for names and with each file's stat, and of
  every blob it is looked whether the history still has it, so that one which was lost is stored
  again (profile of 500 images, 3.3 ms: 0.6 in the folder's names, 1.6 in comparing stats and
  looking for blobs, 1.1 in locks and in seeing that HEAD, refs and config are in order). Asking
  256 folders of objects instead of 500 objects made it 2.9 ms, which wasn't worth the code.
  C git's `status` looks at the files alone, without Python.
- *One image changed*: a dozen syncs to the disk of files, folders, ref and index (3 of 19 ms),
  git's index written by dulwich (3 ms), the new image's bytes; C git syncs none of it.
- *Restore, duplicate, bundle import beside C git*: C git syncs neither the images nor loose
  objects to the disk. Copying and syncing the images alone, the floor, takes about as long as, or
  longer than, what is aimed at. A restore (profile, 63 ms: 25 to read, check, write and sync 20
  images, in threads; 12 to sync folders, refs and notes; 8 for git's index; the rest to compare
  500 files) makes every file ready before anything is changed.
- *Zip*: each byte goes through a CRC-32, which reading doesn't need, while the next file is read
  (profile of 100 × 4 MB: 174 of 204 ms). A second export in the same process took 1.9 times what
  reading takes; why the first one, which is what is measured here, takes more isn't known.
- *Thumbnails*: an image is shrunk and written as WebP after it is decoded (profile of one of
  690 × 690: 8.9 ms to decode, 3.7 to shrink, 1.7 for WebP).
- *History in a fresh process*: a first page of 20 reads and parses 20 lists of files and
  manifests, one of 10 only 10.

## All of it

{tables}

## Space

Bytes on disk, the images with their history, as multiples of the images' own. What several names
lead to counts once. Images that are in the folder and in the history take their bytes twice, as
with any git, since no file system can share them between a file and an object, which begins
otherwise. An import is of a history in which some images were replaced. What is copied shares its
bytes with the first where the file system can (btrfs and XFS, on Linux); this one can't.

{space}

## Cost against size

{plots}

{machine}
""".replace("{restored}", str(RESTORED))
