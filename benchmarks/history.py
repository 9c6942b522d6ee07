"""How long the history takes to show, compare and clean up, how much memory, and what is left
on disk: Git Pool beside C git on the same repository.

`python -m benchmarks.history --quick` prints tables of small histories in a minute or two;
without `--quick` it takes up to an hour, wants 10 GB of disk, and writes
docs/history-performance.md too.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tests.remotes.folder import bare_repo
from tests.remotes.processes import clean_environment

from .contenders import CGit, GitPool, begin, git_environment
from .data import make_images
from .histories import SOUGHT
from .history_steps import PAGE
from .history_table import Row, page, table
from .measure import ROOT, Measurement, run_program, run_step
from .steps import BRANCH, PROFILE

_ROUNDS = 5
_COPIES = 3
_ENOUGH = 90.0
_LIMIT = 1800.0
_PAGE = ROOT / "docs" / "history-performance.md"
_PUBLIC = {"GITPOOL_ALLOW_REMOTES": "file"}
Measure = Callable[[Path], Measurement]

# What comes nearest in git to keeping the newest snapshot alone.
_ORPHAN = f"""\
git checkout -q --orphan fresh
git commit -q -m Fresh
git branch -q -D {BRANCH}
git branch -q -m {BRANCH}
"""
_SHALLOW = "git fetch -q --depth=1 file://{remote} {branch}\n"
_GC = "git reflog expire --expire=now --all\ngit gc -q --prune=now\n"


@dataclass(frozen=True)
class Sizes:
    """How much is measured: snapshots of the histories, images of the pools."""

    lengths: Sequence[int] = (10, 1000, 10_000)
    pool: int = 200
    compared: int = 500
    deleted: int = 1000


_QUICK = Sizes((10, 100, 500), 20, 50, 50)


class Bench:
    """All measurements, in a scratch folder; images lie in `pictures`."""

    def __init__(self, scratch: Path, pictures: Path, sizes: Sizes, tries: int) -> None:
        self.scratch, self.pictures, self.sizes = scratch, pictures, sizes
        self.tries = tries
        self.tables: dict[str, list[Row]] = {}

    def pages(self) -> None:
        """The first page of histories of several lengths, and searches in the longest."""
        rows = self.tables.setdefault("Showing", [])
        images = make_images(self.pictures, self.sizes.pool, 0.02)
        for length in self.sizes.lengths:
            home = self._make("edited", images, length)
            for state, said in _STATES.items():
                what = f"first page of {length:,}, {said}"
                rows.append(self._of_ours(what, home, step="first_page", state=state))
            log = ("log", f"-{PAGE}", "--name-status")
            rows.append(self._of_git(f"first page of {length:,}", home, *log))
        what = f"search of {length:,}"
        for state in ("cold", "warm"):
            more = {"text": SOUGHT, "auto": True, "state": state}
            rows.append(self._of_ours(f"{what}, {state}", home, step="search", **more))
        rows.append(self._of_git(what, home, "log", "-i", f"--grep={SOUGHT}", "--name-status"))
        more = {"text": "", "auto": False, "state": "cold"}
        rows.append(self._of_ours("without automatic ones, cold", home, step="search", **more))
        grep = ("log", "--grep=^Pool-Snapshot: named", "--name-status")
        rows.append(self._of_git("without automatic ones", home, *grep))
        self._packed_pages(rows, home, length)
        rows = self.tables.setdefault("Cleaning up a long history", [])
        self._clean_up(rows, f"{length:,} snapshots", home, usual=True)

    def _packed_pages(self, rows: list[Row], home: Path, length: int) -> None:
        home = self._copy(home)
        self._git(home, "gc", "-q")
        said = f"first page of {length:,}, packed"
        rows.append(self._of_ours(f"{said}, cold", home, step="first_page", state="cold"))
        rows.append(self._of_git(said, home, "log", f"-{PAGE}", "--name-status"))
        more = {"text": SOUGHT, "auto": True, "state": "cold"}
        rows.append(self._of_ours(f"search of {length:,}, packed", home, step="search", **more))
        log = ("log", "-i", f"--grep={SOUGHT}", "--name-status")
        rows.append(self._of_git(f"search of {length:,}, packed", home, *log))
        shutil.rmtree(home)

    def comparing(self) -> None:
        """Two snapshots, a third of whose images differ."""
        rows = self.tables.setdefault("Comparing", [])
        home = self._make("rebuilt", make_images(self.pictures, self.sizes.compared, 0.1), 2)
        new = self._git(home, "rev-parse", "HEAD")
        old = self._git(home, "rev-parse", "HEAD~")
        what = f"two of {self.sizes.compared} images"
        rows.append(self._of_ours(what, home, step="diff", old=old, new=new))
        rows.append(self._of_git(what, home, "diff-tree", "-r", "-M", old, new))
        what = f"look at one of {self.sizes.compared} images"
        rows.append(self._of_ours(what, home, step="look", snapshot=old))
        rows.append(self._of_git(what, home, "ls-tree", "-r", old))

    def clean_ups(self) -> None:
        """Images of 1 MB added one by one, most of them deleted, then cleaned up."""
        count = self.sizes.deleted
        rows = self.tables.setdefault(f"Cleaning up {count} MB of images", [])
        loose = self._make("deleted", make_images(self.pictures, count, 1), 0)
        self._clean_up(rows, "never packed", loose, shell=_ORPHAN + _GC)
        remote = bare_repo(self.scratch / "remote.git")
        synced = self._copy(loose)
        _tell("synced: the sync")
        task = {"step": "gitpool_sync", "home": str(synced), "remote": str(remote)}
        run_step(task, self._environment(synced), _LIMIT)
        cut = _SHALLOW.format(remote=remote, branch=BRANCH) + _GC
        self._clean_up(rows, "synced", synced, shell=cut)
        shutil.rmtree(synced)
        _tell("packed: git gc")
        self._git(loose, "gc", "-q")
        self._clean_up(rows, "packed", loose, shell=_ORPHAN + _GC)

    def _clean_up(
        self, rows: list[Row], kind: str, home: Path, usual: bool = False, shell: str = ""
    ) -> None:
        def ours(step: str) -> Measure:
            return lambda place: self._step(place, {"step": step, "usual": usual})

        before = _bytes(home)
        rows.append(Row(f"{kind}: dry run", GitPool.title, self._rounds(ours("dry_run"), home)))
        ended: list[int] = []
        runs = self._on_copies(f"{kind}: clean-up", home, ours("clean_up"), ended)
        row = Row(f"{kind}: clean-up", GitPool.title, runs, (before, ended[-1]))
        waits = self._on_copies(f"{kind}: edits", home, ours("edit_on"), [])
        rows.append(replace(row, waits=[dict(run.told or {}) for run in waits]))
        if shell:
            done: list[int] = []
            program = ("sh", "-e", "-c", shell)
            runs = self._on_copies(
                f"{kind}: C git", home, lambda place: self._program(place, program), done, 1
            )
            rows.append(Row(f"{kind}: clean-up", CGit.title, runs, (before, done[-1])))

    def _on_copies(
        self, what: str, home: Path, measure: Measure, ended: list[int], rounds: int = _COPIES
    ) -> list[Measurement]:
        """A measurement that uses its repository up; how large each was at its end goes to
        `ended`. C git says whether each is sound."""
        runs: list[Measurement] = []
        while len(runs) < min(rounds, self.tries) and sum(run.seconds for run in runs) < _ENOUGH:
            copy = self._copy(home)
            runs.append(measure(copy))
            _tell(f"{what}: {runs[-1].seconds:.3f} s {runs[-1].told or ''}")
            self._git(copy, "fsck", "--strict")
            ended.append(_bytes(copy))
            shutil.rmtree(copy)
        return runs

    def _of_ours(self, what: str, home: Path, **task: Any) -> Row:
        _tell(f"{what}: Git Pool")
        return Row(what, GitPool.title, self._rounds(lambda place: self._step(place, task), home))

    def _of_git(self, what: str, home: Path, *arguments: str) -> Row:
        _tell(f"{what}: git")
        program = ("git", "--no-pager", *arguments)
        runs = self._rounds(lambda place: self._program(place, program), home)
        return Row(what, CGit.title, runs)

    def _rounds(self, measure: Measure, home: Path) -> list[Measurement]:
        return [measure(home) for _ in range(min(_ROUNDS, self.tries))]

    def _step(self, home: Path, task: Mapping[str, Any]) -> Measurement:
        task = {**task, "home": str(home)}
        return run_step(task, self._environment(home), _LIMIT, "benchmarks.history_steps")

    def _program(self, home: Path, program: Sequence[str]) -> Measurement:
        return run_program(program, _folder(home), git_environment(home), _LIMIT)

    def _environment(self, home: Path) -> dict[str, str]:
        return {**clean_environment(home), **_PUBLIC}

    def _make(self, kind: str, images: Sequence[Path], snapshots: int) -> Path:
        _tell(f"makes a history: {kind}, {len(images)} images, {snapshots} snapshots")
        home = self.scratch / f"{kind}-{snapshots}"
        begin(home)
        task = {
            "home": str(home),
            "kind": kind,
            "images": [str(image) for image in images],
            "snapshots": snapshots,
        }
        command = [sys.executable, "-m", "benchmarks.histories", json.dumps(task)]
        subprocess.run(command, cwd=ROOT, env=self._environment(home), check=True)
        return home

    def _copy(self, home: Path) -> Path:
        copy = self.scratch / f"{home.name}-copy"
        subprocess.run(["cp", "-a", str(home), str(copy)], check=True)
        return copy

    def _git(self, home: Path, *arguments: str) -> str:
        done = subprocess.run(
            ["git", *arguments],
            cwd=_folder(home),
            env=dict(git_environment(home)),
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        return done.stdout.strip()


_STATES = {"cold": "cold", "warm": "warm", "more": "one more taken"}


def main() -> None:
    """Measure what the arguments say."""
    options = _options()
    with tempfile.TemporaryDirectory(dir=options.work, prefix="gitpool-benchmark-") as scratch:
        pictures = Path(options.work or tempfile.gettempdir()) / "gitpool-benchmark-images"
        bench = Bench(Path(scratch), pictures, _QUICK if options.quick else Sizes(), options.tries)
        parts = {"pages": bench.pages, "comparing": bench.comparing, "clean-ups": bench.clean_ups}
        for name, part in parts.items():
            if not options.only or name in options.only:
                part()
        for title, rows in bench.tables.items():
            print(f"\n{table(title, rows)}\n", flush=True)
    if not options.quick and not options.only:
        tries = f" --tries {options.tries}" if options.tries < _ROUNDS else ""
        said = page(bench.tables, f"python -m benchmarks.history{tries}")
        _PAGE.write_text(said, encoding="utf-8")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.history", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small histories; write no page")
    parser.add_argument(
        "--only", action="append", metavar="PART", help="pages, comparing, clean-ups; no page"
    )
    parser.add_argument(
        "--tries", type=int, default=_ROUNDS, help="at most so many of each, for want of time"
    )
    parser.add_argument("--work", metavar="FOLDER", help="where there is room for it all")
    return parser.parse_args()


def _folder(home: Path) -> Path:
    return home / "pools" / PROFILE


def _bytes(home: Path) -> int:
    files = [path for path in (_folder(home) / ".git").rglob("*") if path.is_file()]
    return sum(path.lstat().st_size for path in files)


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
