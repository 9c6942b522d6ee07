"""How long a sync takes, and how much memory and wire: Git Pool beside C git and dulwich.

`python -m benchmarks.sync --quick` prints a table in a few minutes; without `--quick` it takes
up to an hour and writes the table into docs/sync-performance.md too. Wants git, and about
15 bytes of disk for every byte of images.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from .contenders import CGit, Contender, Dulwich, GitPool
from .data import make_images
from .measure import ROOT, Measurement, TooSlow
from .table import STEPS, Results, page, table
from .transports import Transport, transports

_ROUNDS = 3
_ENOUGH = 90.0
_PAGE = ROOT / "docs" / "sync-performance.md"


@dataclass
class Rig:
    """A contender with its two machines and its remote."""

    contender: Contender
    folder: Path
    transport: Transport
    new_images: Iterator[Path]
    remote: str = ""
    _places: dict[str, Path] = field(default_factory=dict)
    _made: int = 0

    @property
    def home(self) -> Path:
        """The first machine."""
        return self.folder / "first"

    def push(self) -> Measurement:
        """The whole profile, to a new remote."""
        self._made += 1
        self.remote, path = self.transport.make(f"{self.folder.name}-{self._made}")
        self._replace("remote", path)
        return self._measured(lambda: self.contender.push(self.home, self.remote))

    def look(self) -> Measurement:
        """Nothing."""
        return self._measured(lambda: self.contender.look(self.home, self.remote))

    def send(self) -> Measurement:
        """One image more."""
        self.contender.add(self.home, next(self.new_images))
        return self._measured(lambda: self.contender.push(self.home, self.remote))

    def get(self) -> Measurement:
        """The whole profile, on a new machine."""
        self._made += 1
        second = self.folder / f"second-{self._made}"
        self._replace("second", second)
        return self._measured(lambda: self.contender.get(second, self.remote))

    def pull(self) -> Measurement:
        """One image more, which the other machine has sent."""
        self.send()
        second = self._places["second"]
        return self._measured(lambda: self.contender.pull(second, self.remote))

    def _replace(self, what: str, path: Path) -> None:
        before = self._places.get(what)
        if before:
            shutil.rmtree(before)
        self._places[what] = path

    def _measured(self, step: Callable[[], Measurement]) -> Measurement:
        self.transport.forget()
        done = step()
        return replace(done, wire=self.transport.wire())


def main() -> None:
    """Measure what the arguments say."""
    options = _options()
    count, rounds = (min(options.images, 50) if options.quick else options.images), _ROUNDS
    with tempfile.TemporaryDirectory(dir=options.work, prefix="gitpool-benchmark-") as scratch:
        pictures = Path(options.work or tempfile.gettempdir()) / "gitpool-benchmark-images"
        images = make_images(pictures, count + 2 * rounds, options.megabytes)
        contenders: list[Contender] = [GitPool(), CGit(), Dulwich()]
        chosen = [c for c in contenders if not options.only or c.title in options.only]
        results: dict[str, Results] = {}
        with transports(Path(scratch) / "remotes") as ways:
            for way in ways:
                folder = Path(scratch) / way.title.replace(" ", "-")
                rigs = [
                    Rig(c, folder / c.title.replace(" ", "-"), way, iter(images[count:]))
                    for c in chosen
                ]
                results[way.title] = _measure(rigs, images[:count], rounds)
                shutil.rmtree(folder)
                print(f"\n{table(way.title, results[way.title])}\n", flush=True)
    if not options.quick:
        command = f"python -m benchmarks.sync --images {count} --megabytes {options.megabytes:g}"
        _PAGE.write_text(page(results, count, options.megabytes, command), encoding="utf-8")


def _measure(rigs: Sequence[Rig], images: Sequence[Path], rounds: int) -> Results:
    for rig in rigs:
        _tell(f"{rig.transport.title}: {rig.contender.title} makes its repository")
        rig.contender.prepare(rig.home, images)
    results: Results = {}
    left = list(rigs)
    for step in STEPS:
        for _ in range(rounds):
            for rig in list(left):
                runs = results.setdefault((step, rig.contender.title), [])
                if sum(run.seconds for run in runs) > _ENOUGH:
                    continue
                try:
                    runs.append(getattr(rig, step)())
                except TooSlow:
                    left.remove(rig)
                    _tell(f"{rig.contender.title}: {step} took too long")
                    continue
                _tell(f"{rig.contender.title}: {step} {runs[-1].seconds:.2f} s")
    return results


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sync", description=__doc__)
    parser.add_argument("--images", type=int, default=500, help="how many")
    parser.add_argument("--megabytes", type=float, default=1.0, help="how large each is")
    parser.add_argument("--quick", action="store_true", help="50 images at most; write no page")
    parser.add_argument("--only", action="append", metavar="CONTENDER", help="leave out others")
    parser.add_argument("--work", metavar="FOLDER", help="where there is room for it all")
    return parser.parse_args()


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
