"""How fast everything is that touches images: Git Pool beside C git, pygit2, dulwich's porcelain
and the floor, in turn within one run.

`python -m benchmarks.performance --quick` prints tables in a few minutes; without `--quick` it
takes up to an hour and writes docs/performance.md with its plots. Wants git, pygit2, and about
ten bytes of disk for every byte of images.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from .contenders import begin, git_environment
from .data import make_images, make_photos
from .measure import ROOT, Measurement, StepFailed, TooSlow, median, run_program, run_step
from .performance_page import (
    FLOOR,
    GIT,
    OURS,
    SPACED,
    WORKS,
    Results,
    medians,
    page,
    spaces,
    table,
    targets,
)
from .plot import plot
from .rigs import RESTORED, CGit, GitPool, PyGit2, Rig, rigs
from .steps import FIRST_PAGE, PROFILE

_ROUNDS = 3
_ENOUGH = 15.0
_LIMIT = 900.0
_PHOTOS = 60
_PAGE = ROOT / "docs" / "performance.md"
_LOADS = ((500, 1.0), (200, 4.0))
_SIZES = (10, 100, 500, 1000, 5000)
_LENGTHS = (1, 10, 100, 1000, 10_000)
_SERIES = {
    "first": "First snapshot",
    "unchanged": "Nothing changed",
    "changed": "One image changed",
}


class Bench:
    """All measurements, in a scratch folder; images lie in `pictures`. only: one work or one
    contender, besides what the others stand on."""

    def __init__(self, scratch: Path, pictures: Path, only: str) -> None:
        self.scratch, self.pictures, self.only = scratch, pictures, only
        self.plots: dict[str, tuple[str, str]] = {}
        self.rows: list[list[str]] = []
        # By load: the images' own bytes, and those on disk after each work by each contender.
        self.spaces: dict[str, tuple[int, dict[tuple[str, str], int]]] = {}
        self._space: dict[tuple[str, str], int] = {}
        self._megabytes = 0.0

    def load(self, count: int, megabytes: float) -> Results:
        """Every work by every contender, in turn, up to three times."""
        self._megabytes = megabytes
        pictures = make_images(self.pictures, count + 2 * RESTORED, megabytes)
        images, others = pictures[:count], pictures[count:]
        all_rigs = rigs(self.scratch / "load", images, others)
        self._space = {}
        results = self._in_turn(all_rigs, [work for work in WORKS if work not in _GRID])
        own = sum(image.stat().st_size for image in images)
        self.spaces[f"{count} × {megabytes:g} MB"] = own, dict(self._space)
        for rig in all_rigs[1:]:
            shutil.rmtree(rig.home, ignore_errors=True)
        self._grid(results, all_rigs[0].home, images, others)
        shutil.rmtree(all_rigs[0].home)
        return results

    def sizes(self, sizes: Sequence[int]) -> None:
        """What a snapshot costs in pools of several sizes."""
        found: dict[str, dict[str, list[tuple[float, float]]]] = {}
        for count in sizes:
            pictures = make_images(self.pictures, count + 2 * RESTORED, 0.02)
            kinds = (GitPool, CGit, PyGit2)
            folder = self.scratch / "size"
            some = [k(folder / k.title, pictures[:count], pictures[count:]) for k in kinds]
            for (work, by), run in medians(self._in_turn(some, list(_SERIES))).items():
                found.setdefault(work, {}).setdefault(by, []).append((count, run.seconds))
            shutil.rmtree(folder)
        for work, lines in found.items():
            self._draw(work, f"{_SERIES[work]}, by images of 20 kB", "images", lines)
        if ours := dict(found.get("unchanged", {}).get(OURS, [])):
            self._compare("nothing changed", "12 × for 5,000 as for 500", ours, 500, 5000, 12)

    def lengths(self, lengths: Sequence[int]) -> None:
        """What the first page of a history costs, and one more snapshot."""
        images = make_images(self.pictures, 200, 0.02)
        lines: dict[str, list[tuple[float, float]]] = {}
        for length in lengths:
            home = self.scratch / "length"
            begin(home)
            task = {"kind": "edited", "home": str(home), "snapshots": max(2, length)}
            task["images"] = [str(image) for image in images]
            command = [sys.executable, "-m", "benchmarks.histories", json.dumps(task)]
            subprocess.run(command, cwd=ROOT, check=True, env=dict(git_environment(home)))
            for name, run in self._pages(home).items():
                lines.setdefault(name, []).append((length, run.seconds))
                tell(f"{length} snapshots: {name} {run.seconds:.4f} s")
            shutil.rmtree(home)
        self._draw("history", "First page of a history, by its snapshots", "snapshots", lines)
        for name in (f"{OURS}, fresh process", f"{OURS}, again"):
            aim = f"2 × for 10,000 as for 10{name.removeprefix(OURS)}"
            self._compare("first page of a history", aim, dict(lines[name]), 10, 10_000, 2)

    def _pages(self, home: Path) -> dict[str, Measurement]:
        environment, folder = git_environment(home), home / "pools" / PROFILE
        log = ["git", "log", f"-{FIRST_PAGE}", "--name-status"]

        def ours(warm: bool) -> Measurement:
            task = {"step": "history", "home": str(home), "warm": warm}
            return run_step(task, environment, _LIMIT, "benchmarks.grid_steps")

        return {
            f"{OURS}, fresh process": median([ours(False) for _ in range(_ROUNDS)]),
            f"{OURS}, again": median([ours(True) for _ in range(_ROUNDS)]),
            GIT: median([run_program(log, folder, environment, _LIMIT) for _ in range(_ROUNDS)]),
        }

    def _in_turn(self, some: Sequence[Rig], works: Sequence[str]) -> Results:
        results: Results = {}
        for work in works:
            for _ in range(_ROUNDS):
                for rig in some:
                    runs = results.setdefault((work, rig.title), [])
                    does = self._is_wanted(work, rig.title) and work in rig.works()
                    if does and sum(run.seconds for run in runs) < _ENOUGH:
                        runs += _try(rig, work)
                        if runs and work in SPACED and rig.title != FLOOR:
                            self._space[work, rig.title] = rig.space(work)
        return {key: runs for key, runs in results.items() if runs}

    def _grid(
        self, results: Results, home: Path, images: Sequence[Path], others: Sequence[Path]
    ) -> None:
        """What the grid and the nodes ask for, of the profile that lies there."""
        names = [str(image) for image in images]
        photos = make_photos(self.pictures, min(_PHOTOS, len(images)), self._megabytes)
        album = GitPool(self.scratch / "album", photos, others)
        if self._is_wanted("thumbnails", OURS):
            album.works()["first"]()

        def measure(work: str, by: str, step: str, **task: object) -> None:
            if not self._is_wanted(work, by):
                return
            if step == "thumbnails":
                shutil.rmtree(album.home / "user" / "thumbnails", ignore_errors=True)
            task = {"step": step, **task}
            run = run_step(task, git_environment(home), _LIMIT, "benchmarks.grid_steps")
            results.setdefault((work, by), []).append(run)
            tell(f"{by}: {WORKS[work]} {run.seconds:.3f} s {dict(run.told or {})}")

        for _ in range(_ROUNDS):
            shown = str(album.home)
            measure("thumbnails", OURS, "thumbnails", home=shown, again=False)
            measure("thumbnails", FLOOR, "decoded", sources=[str(photo) for photo in photos])
            measure("thumbnails_again", OURS, "thumbnails", home=shown, again=True)
            measure("is_changed", OURS, "is_changed", home=str(home))
            measure("node_run", OURS, "node_run", home=str(home))
        place = str(home / "loop")
        replaced = [str(other) for other in others[:RESTORED]]
        measure("loop", OURS, "loop", home=place, images=names, others=replaced)

    def _is_wanted(self, work: str, by: str) -> bool:
        return not self.only or self.only in (work, by) or work == "first"

    def _draw(
        self, name: str, title: str, across: str, lines: dict[str, list[tuple[float, float]]]
    ) -> None:
        self.plots[f"performance-{name}.svg"] = title, plot(title, across, lines)

    def _compare(
        self, work: str, aim: str, costs: dict[float, float], small: int, large: int, most: float
    ) -> None:
        if small in costs and large in costs:
            ratio = costs[large] / costs[small]
            row = [work, aim, "", f"{ratio:.2f} ×", "yes" if ratio <= most else "no"]
            self.rows.append(row)


_GRID = ("thumbnails", "thumbnails_again", "is_changed", "node_run", "loop")


def _try(rig: Rig, work: str) -> list[Measurement]:
    try:
        run = rig.works()[work]()
    except (TooSlow, StepFailed) as error:
        tell(f"{rig.title}: {work}: {type(error).__name__} {str(error)[-600:]}")
        return []
    above = f", {run.above:.0f} MB above idle" if run.above else ""
    tell(f"{rig.title}: {WORKS[work]} {run.seconds:.4f} s{above} {dict(run.told or {})}")
    return [run]


def main() -> None:
    """Measure what the arguments say."""
    options = _options()
    pictures = Path(options.work or tempfile.gettempdir()) / "gitpool-benchmark-images"
    with tempfile.TemporaryDirectory(dir=options.work, prefix="gitpool-benchmark-") as scratch:
        bench = Bench(Path(scratch), pictures, options.only)
        loads = ((30, 1.0),) if options.quick else _LOADS
        found = {
            f"{count} × {size:g} MB": medians(bench.load(count, size)) for count, size in loads
        }
        if not options.only:
            bench.sizes(_SIZES[:2] if options.quick else _SIZES)
            bench.lengths(_LENGTHS[:3] if options.quick else _LENGTHS)
        aims = targets(found, () if options.quick else bench.rows)
        tables = {title: table(load) for title, load in found.items()}
        shown = {**tables, "Space": spaces(bench.spaces)}
        print(aims, *(f"\n{title}\n\n{text}" for title, text in shown.items()), sep="\n")
        if options.quick or options.only:
            return
        for file, (_, drawing) in bench.plots.items():
            (_PAGE.parent / "images" / file).write_text(drawing, encoding="utf-8")
        drawn = {f"images/{file}": title for file, (title, _) in bench.plots.items()}
        text = page(aims, tables, shown["Space"], drawn, "python -m benchmarks.performance")
        _PAGE.write_text(text, encoding="utf-8")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.performance", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="30 images; write no page")
    parser.add_argument("--only", default="", help="one work or one contender; write no page")
    parser.add_argument("--work", metavar="FOLDER", help="where there is room for it all")
    return parser.parse_args()


def tell(text: str) -> None:
    """Say it while the work goes on."""
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
