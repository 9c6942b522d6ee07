"""Archives and bundles of strangers: refused at little cost, with nothing left behind.

The full form (GITPOOL_FAULTS=full) measures time and memory of each, and cuts off and flips the
good ones at every byte.
"""

from __future__ import annotations

import hashlib
import json
import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hostile.archives import PNG, costly, mixed, odd
from hostile.child import imported
from hostile.extent import FULL, some
from PIL import Image
from support import git, judge, tree_of
from test_exchange import meta, zipped

from gitpool.errors import GitPoolError, TooLarge, Unacceptable
from gitpool.identifiers import is_portable_path
from gitpool.service import Service

MEMORY = 100 << 20
COSTLY, ODD, MIXED = costly(), odd(), mixed()


class Importer:
    """Git Pool over an empty folder, and a file to import from."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.pools, self.user = folder / "input" / "grid_pool", folder / "user"
        self.file = folder / "given"
        self.service = Service(self.pools, self.user, time.time, delay=3600)
        self.profile = ""
        self.answer: dict[str, Any] = {}

    def take(self, data: bytes) -> GitPoolError | None:
        """The error that an import is refused with; `profile` is what it made, if it isn't."""
        self.file.write_bytes(data)
        self.profile = ""
        try:
            self.answer = self.service.exchange.import_file(self.file, "imported", None, "x")
            self.profile = self.answer["id"]
        except GitPoolError as error:
            return error
        return None

    def is_empty(self) -> None:
        """Nothing is left of an import."""
        here = {name for name in tree_of(self.pools) if name != "profiles.json"}
        assert here == set()
        assert not list((self.pools / ".gitpool" / "tmp").glob("*"))
        assert self.service.profiles.list()["profiles"] == []

    def forget(self) -> None:
        self.service.profiles.delete(self.profile, forever=True)
        self.is_empty()

    def files(self) -> dict[str, bytes]:
        pool = self.pools / self.profile
        return {path.name: path.read_bytes() for path in pool.iterdir() if path.is_file()}

    def has_only_plain_files(self, case: str) -> None:
        """No link, and no file whose name is more than a name, on any system; C git agrees."""
        folder = self.pools / self.profile
        for path in folder.rglob("*"):
            name = path.relative_to(folder).as_posix()
            if not name.startswith(".git/") and name != ".git":
                assert not path.is_symlink(), (case, name)
                assert is_portable_path(name), (case, name)
        # git warns of a picture where it looks for settings, and of nothing else.
        said = git(folder, "fsck", "--strict").splitlines()
        assert all("gitmodulesParse" in line for line in said), (case, said)

    def history(self) -> list[str]:
        return [s["id"] for s in self.service.versions.history(self.profile, 99)["snapshots"]]


@pytest.fixture
def importer(tmp_path: Path) -> Iterator[Importer]:
    made = Importer(tmp_path / "here")
    made.pools.mkdir(parents=True)
    yield made
    made.service.stop()
    beside = {path.name for path in tmp_path.iterdir()}
    assert beside == {"here"}


@pytest.mark.timeout(7200)
@pytest.mark.parametrize("case", COSTLY)
def test_what_would_cost_much_is_refused_for_little(importer: Importer, case: str) -> None:
    importer.file.write_bytes(COSTLY[case]())
    took = imported(importer.pools, importer.user, importer.file)
    print(f"\nMEASURED {case}: {took.seconds:.2f} s, {took.memory >> 20} MB ({took.code})")
    assert took.code in ("too_large", "bad_archive", "bad_bundle", "image_too_large"), took
    assert took.memory < MEMORY, took
    importer.is_empty()


@pytest.mark.timeout(7200)
def test_what_is_not_what_it_says_is_refused(importer: Importer) -> None:
    slowest = 0.0
    for case, make in ODD.items():
        data, begun = make(), time.monotonic()
        error = importer.take(data)
        slowest = max(slowest, time.monotonic() - begun)
        if error is None:
            # git itself takes such a file; here it is left out, or a passenger of a plain name.
            importer.has_only_plain_files(case)
            importer.forget()
            continue
        assert isinstance(error, (Unacceptable, TooLarge)), (case, error)
        importer.is_empty()
    print(f"\nMEASURED {len(ODD)} odd ones: the slowest took {slowest:.2f} s")


@pytest.mark.parametrize("case", MIXED)
def test_what_is_not_taken_of_a_zip_is_named(importer: Importer, case: str) -> None:
    make, left_out = MIXED[case]
    assert importer.take(make()) is None
    assert [entry["name"] for entry in importer.answer.get("left_out", [])] == left_out
    images = [data for name, data in importer.files().items() if name != "manifest.json"]
    assert images
    assert set(images) == {PNG}
    folder = importer.pools / importer.profile
    assert b"fsmonitor" not in (folder / ".git" / "config").read_bytes()
    assert {path.name for path in folder.iterdir() if path.is_dir()} == {".git"}
    judge(folder)
    importer.forget()


# Good ones: large, cut off and flipped.


def flat_pictures(folder: Path) -> None:
    """Three pictures of one colour, 26 MB each, of which git packs a thousandth, and a fourth
    that it packs as a delta of the last."""
    for number, colour in enumerate(("red", "white", "black"), 1):
        Image.new("RGB", (4096, 2100), colour).save(folder / f"img_{number:04}.bmp")
    Image.new("RGB", (4096, 2200), "black").save(folder / "img_0004.bmp")


def drawings(folder: Path, kind: str = "bmp") -> None:
    """Four white drawings of 22 MB, of which git packs three as deltas that begin with a copy."""
    for number in range(1, 5):
        drawing = Image.new("RGB", (3000, 2500), "white")
        drawing.paste("black", (100 * number, 100, 100 * number + 40, 2000))
        drawing.save(folder / f"img_{number:04}.{kind}")


def tall_drawings(folder: Path) -> None:
    drawings(folder, "tiff")


def noisy_pictures(folder: Path) -> None:
    """Two pictures of 18 MB of noise, the second of which git packs as a delta of a few bytes."""
    noise = Image.frombytes("RGB", (3000, 2000), random.Random(1).randbytes(18_000_000))
    noise.save(folder / "img_0001.bmp")
    noise.putpixel((7, 7), (1, 2, 3))
    noise.save(folder / "img_0002.bmp")


def long_notes(folder: Path) -> None:
    """A picture, and beside it a list of 7 MB that git packs to an eightieth, in ten versions."""
    Image.new("RGB", (60, 40), "red").save(folder / "img_0001.bmp")
    who = ("-c", "user.name=A", "-c", "user.email=a@b")
    for version in range(10):
        rows = [{"name": "A long line that says the same", "row": r} for r in range(60_000)]
        rows[version]["name"] = "another"
        (folder / "notes.json").write_text(json.dumps(rows, indent=8))
        git(folder, "add", ".")
        git(folder, *who, "commit", "-qm", f"Version {version}")


@pytest.mark.parametrize(
    "make", [flat_pictures, drawings, tall_drawings, noisy_pictures, long_notes]
)
def test_large_files_that_git_packs_small_are_taken_in(
    importer: Importer, make: Callable[[Path], None]
) -> None:
    folder = importer.folder / "theirs"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "theirs")
    make(folder)
    git(folder, "add", ".")
    who = ("-c", "user.name=A", "-c", "user.email=a@b")
    git(folder, *who, "commit", "-q", "--allow-empty", "-m", "Some pictures")
    git(folder, "gc", "-q")
    git(folder, "bundle", "create", "-q", str(importer.folder / "bundle"), "HEAD", "theirs")
    assert importer.take((importer.folder / "bundle").read_bytes()) is None
    taken = importer.files()
    pictures = {path.name: path.read_bytes() for path in folder.glob("img_*")}
    assert {name: data for name, data in taken.items() if name in pictures} == pictures
    judge(importer.pools / importer.profile)


@pytest.fixture
def good(importer: Importer, request: pytest.FixtureRequest) -> bytes:
    """A small profile, exported."""
    files = {"profile_meta.json": meta("hand"), "pool/img_0001.png": PNG}
    assert importer.take(zipped(files)) is None
    exchange = importer.service.exchange
    export = exchange.export_zip if request.param == "zip" else exchange.export_bundle
    data = b"".join(export(importer.profile)[1])
    importer.forget()
    return data


@pytest.mark.timeout(7200)
@pytest.mark.parametrize("good", ["zip", "bundle"], indirect=True)
def test_one_cut_off_anywhere_is_refused(importer: Importer, good: bytes) -> None:
    for cut in some(range(len(good)), 60):
        error = importer.take(good[:cut])
        assert isinstance(error, Unacceptable), (cut, error)
        importer.is_empty()
    assert importer.take(good) is None
    judge(importer.pools / importer.profile)


@pytest.mark.timeout(7200)
@pytest.mark.parametrize("good", ["zip", "bundle"], indirect=True)
def test_one_with_a_flipped_bit_is_refused_or_the_same(
    importer: Importer, good: bytes, request: pytest.FixtureRequest
) -> None:
    assert importer.take(good) is None
    whole, history = importer.files(), importer.history()
    importer.forget()
    accepted = 0
    for at in some(range(len(good)), 120):
        for bit in range(8) if FULL else [at % 8]:
            data = bytearray(good)
            data[at] ^= 1 << bit
            error = importer.take(bytes(data))
            if error is None:
                accepted += 1
                is_the_same(importer, whole, history, f"byte {at}, bit {bit}")
                importer.forget()
            else:
                assert isinstance(error, (Unacceptable, TooLarge)), (at, bit, error)
                importer.is_empty()
    print(f"\nMEASURED {len(good)} bytes; {accepted} flips changed nothing but names or dates")


def is_the_same(importer: Importer, whole: dict[str, bytes], history: list[str], case: str) -> None:
    """The images are the ones that were exported, and of a bundle the history is too."""

    def pictures(files: dict[str, bytes]) -> set[bytes]:
        images = [data for name, data in files.items() if name != "manifest.json"]
        return {hashlib.sha1(data).digest() for data in images}

    assert pictures(importer.files()) == pictures(whole), case
    if importer.file.read_bytes().startswith(b"# v2"):
        assert importer.files() == whole, case
        assert importer.history()[1:] == history[1:], case
