"""A hundred thousand damaged inputs to everything that reads bytes it didn't write.

`GITPOOL_FAULTS=full python -m pytest tests/test_fuzz.py` tries ten times as many. What a seed made
is made again by it: a failure names its kind and number.
"""

from __future__ import annotations

import io
import json
import os
import random
import shutil
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support import git, picture
from test_merge import three_versions

from gitpool.errors import Damaged, GitPoolError, Malformed
from gitpool.git import bundle, index
from gitpool.git.changes import Version
from gitpool.git.merge import merge
from gitpool.git.objects import ObjectStore
from gitpool.git.repository import Repository
from gitpool.identifiers import (
    branch_of,
    check_id,
    check_name,
    is_image_name,
    is_safe_file_name,
    name_key,
    name_of_branch,
)
from gitpool.pool.manifest import Manifest, Slot, parse_manifest
from gitpool.profiles.archive import unpack_zip
from gitpool.profiles.registry import FILE_NAME, Registry

TIMES = 10 if os.environ.get("GITPOOL_FAULTS") == "full" else 1
_WORDS = [
    *(b"..", b"/", b"\\", b"\x00", b"\xff", b"null", b"true", b"NaN", b"Infinity", b"-1", b"1e999"),
    *(b"9" * 30, b"[" * 2000, b"{", b'"', b"\\ud800", b".git/config", b"PK\x03\x04", b"PACK"),
    *(
        "é\u0301\u202e图😀".encode(),
        b"img_0001.png",
        b"manifest.json",
        b"pool/",
        b"con",
        b"\xef\xbb\xbf",
    ),
]


def damaged(chance: random.Random, good: bytes, other: bytes) -> bytes:
    """The bytes with a few of them changed, lost, doubled or taken from elsewhere."""
    data = bytearray(good)
    for _ in range(chance.randint(1, 4)):
        at, end = sorted(chance.randint(0, len(data)) for _ in range(2))
        end = min(end, at + chance.choice((1, 4, 40, 4000)))
        kind = chance.randrange(7)
        if kind == 0 and data:
            data[at % len(data)] ^= 1 << chance.randrange(8)
        elif kind == 1:
            del data[at:end]
        elif kind == 2:
            data[at:at] = data[at:end]
        elif kind == 3:
            data[at:at] = chance.choice(_WORDS)
        elif kind == 4:
            data[at:end] = chance.randbytes(end - at)
        elif kind == 5:
            data[at:end] = other[at:end]
        else:
            del data[at:]
    return bytes(data)


def cases(kind: str, count: int) -> Iterator[tuple[int, random.Random]]:
    """So many numbers, each with its own luck."""
    for number in range(count * TIMES):
        yield number, random.Random(f"{kind} {number}")


def survives(kind: str, number: int, read: Callable[[], object]) -> object:
    """What it gives, or None where it is refused in words; anything else is a failure."""
    refusals = (ValueError, GitPoolError) if kind == "manifest" else (GitPoolError,)
    try:
        return read()
    except refusals:
        return None
    except Exception as error:
        raise AssertionError(f"{kind} {number}") from error


def test_manifests() -> None:
    slots = (Slot("img_0001.png", "img_0001_mask.png", "a \u00e9", 3), Slot("img_0002.jpg", None))
    good = Manifest(slots=slots, active=1, next_seq=7).dump()
    other = json.dumps({"images": [1, None, {"a": [2]}], "slots": {}, "active": 1e9}).encode()
    read = 0
    for number, chance in cases("manifest", 45_000):
        data = damaged(chance, good, other)
        found = survives("manifest", number, lambda data=data: parse_manifest(data))
        if found is None:
            continue
        assert isinstance(found, Manifest)
        read += 1
        assert parse_manifest(found.dump()) == found, number
        assert all(is_image_name(name) for name in found.file_names()), number
        assert 0 <= found.active <= max(0, len(found.slots) - 1), number
    assert read > 500


def test_names() -> None:
    good = [
        "Heroes",
        "a.lock",
        "con.txt",
        "图层 (2)",
        "../x",
        "img_0001.png",
        "refs/heads/x",
        "%2F",
    ]
    taken = 0
    for number, chance in cases("name", 35_000):
        raw = damaged(chance, chance.choice(good).encode(), chance.choice(good).encode())
        text = raw.decode("utf-8", chance.choice(("replace", "surrogateescape")))
        if is_safe_file_name(text):
            assert not set(text) & set('/\\:*?"<>|\x00'), (number, text)
            assert text not in (".", "..")
            assert not text.lower().startswith(".git"), (number, text)
        for check in (check_id, check_name):
            try:
                assert check(text) == text or check is check_name, number
            except Malformed:
                continue
            taken += 1
            branch = branch_of(check_name(text) if check is check_name else "x", "a" * 32)
            assert name_key(name_of_branch(branch))
            assert not set(branch) & set(" ~^:?*[\\\x7f"), (number, branch)
    assert taken > 1000


def test_registries(tmp_path: Path) -> None:
    entries = [{"id": f"{n}" * 12, "name": f"Profile {n}", "created": n} for n in range(1, 4)]
    good = json.dumps({"profiles": entries}, indent=1).encode()
    other = json.dumps([{"id": "../x", "name": None, "created": "x"}, 7]).encode()
    registry = Registry(tmp_path)
    for number, chance in cases("registry", 12_000):
        (tmp_path / FILE_NAME).write_bytes(damaged(chance, good, other))
        for entry in registry.entries():
            assert check_id(entry.id) == entry.id, number
        assert registry.find("../x") is None, number


def test_indexes_and_objects(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    for seed in range(3):
        (tmp_path / f"{seed}.png").write_bytes(picture(seed))
    git(tmp_path, "add", ".")
    place = tmp_path / ".git" / "index"
    good = place.read_bytes()
    for number, chance in cases("index", 6_000):
        place.write_bytes(damaged(chance, good, b"TREE" + good[::-1]))
        found, _ = index.read_index(place)
        assert all(len(file.blob) == 40 for file in found.values()), number
    objects = ObjectStore(tmp_path / ".git" / "objects")
    [object_id, *_] = objects.loose_ids()
    loose, content = objects.path_of(object_id), objects.read_raw(object_id)
    whole = loose.read_bytes()
    loose.chmod(0o644)
    for number, chance in cases("object", 6_000):
        loose.write_bytes(damaged(chance, whole, whole[::-1]))
        try:
            assert objects.read_raw(object_id) == content, number
        except Damaged:
            pass


def zipped() -> bytes:
    """A profile's zip, as small as it can be."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("profile_meta.json", json.dumps({"name": "Heroes"}))
        slots = (Slot("img_0001.png", None, "x", 1),)
        archive.writestr("pool/manifest.json", Manifest(slots=slots, next_seq=2).dump())
        archive.writestr("pool/img_0001.png", picture(1, (8, 8)))
    return out.getvalue()


def test_archives(tmp_path: Path) -> None:
    good, file, target = zipped(), tmp_path / "x.zip", tmp_path / "in"
    for number, chance in cases("zip", 2_500):
        target.mkdir()
        file.write_bytes(damaged(chance, good, good[::-1]))
        survives("zip", number, lambda: unpack_zip(file, target))
        assert sorted(os.listdir(tmp_path)) == ["in", "x.zip"], number
        assert set(os.listdir(target)) <= {"manifest.json", "img_0001.png"} or all(
            is_image_name(name) for name in os.listdir(target)
        ), number
        shutil.rmtree(target)


def test_bundles(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    git(source, "init", "-q", "-b", "Heroes")
    (source / "img_0001.png").write_bytes(picture(1, (8, 8)))
    git(source, "add", ".")
    git(source, "-c", "user.name=a", "-c", "user.email=b", "commit", "-qm", "x")
    git(source, "bundle", "create", "-q", "../good", "Heroes", "HEAD")
    tip = git(source, "rev-parse", "HEAD")
    good, file, target = (tmp_path / "good").read_bytes(), tmp_path / "x", tmp_path / "in"
    taken = 0
    for number, chance in cases("bundle", 1_500):
        file.write_bytes(damaged(chance, good, good[::-1]))
        (target / "objects" / "pack").mkdir(parents=True)
        repo = Repository(target, bare=True)

        def read(repo: Repository = repo) -> str:
            header = bundle.read_header(file)
            _, found = bundle.choose_branch(header)
            bundle.unpack(file, header, repo, 1 << 20)
            return found

        # A changed name of a branch is no damage that could be seen; another history would be.
        taken += survives("bundle", number, read) in (None, tip)
        repo.objects.close()
        shutil.rmtree(target)
    assert taken == 1_500 * TIMES


@settings(max_examples=700 * TIMES, deadline=None, suppress_health_check=list(HealthCheck))
@given(three_versions(), st.randoms(use_true_random=False))
def test_merges_of_versions_that_no_pool_ever_had(
    versions: tuple[Version, Version, Version], chance: random.Random
) -> None:
    odd = []
    for version in versions:
        blobs = {n: b for n, b in version.blobs.items() if chance.random() > 0.1}
        slots = [s for s in version.manifest.slots if s.image in blobs]
        chance.shuffle(slots)
        odd.append(Version(Manifest(slots=tuple(slots), next_seq=chance.randint(1, 9)), blobs))
    merged = merge(*odd).version
    images = [slot.image for slot in merged.manifest.slots]
    assert len(images) == len(set(images))
    assert set(images) <= set(merged.blobs)
    assert parse_manifest(merged.manifest.dump()) == merged.manifest


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "BMP", "TIFF", "GIF"])
def test_pictures(tmp_path: Path, kind: str) -> None:
    from gitpool.pool import images, thumbnails

    good, file = picture(1, (24, 16), kind), tmp_path / "x"
    for number, chance in cases(kind, 200):
        file.write_bytes(damaged(chance, good, good[::-1]))
        survives(kind, number, lambda: images.verify(file))
        survives(kind, number, lambda: thumbnails.render(file, 64, False))
