"""Fuzzing that is led by what the code does with its input, for what strangers' bytes reach first.

    pip install atheris    # Linux and macOS, CPython 3.11
    python tests/guided_fuzz.py quarantine -max_total_time=600

A target's name comes first; all else is libFuzzer's (https://llvm.org/docs/LibFuzzer.html). What
ends in anything but a refusal in words stops it, and is kept in a file that it takes as an
argument. Not run with the tests: those have fuzzing of their own (test_fuzz.py, test_pure.py).
"""

from __future__ import annotations

import hashlib
import json
import shutil
import struct
import sys
import tempfile
import zlib
from collections.abc import Callable
from pathlib import Path

import atheris

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

with atheris.instrument_imports(include=["gitpool", "dulwich.pack", "dulwich.objects"]):
    from dulwich.errors import ApplyDeltaError

    from gitpool.errors import GitPoolError, Malformed
    from gitpool.git import bundle, deltas
    from gitpool.git.incoming import Quarantine
    from gitpool.git.index import read_index
    from gitpool.git.pack_examine import examine_pack, index_pack
    from gitpool.git.pack_head import OFS_DELTA, REF_DELTA
    from gitpool.git.pack_kinds import kinds_of
    from gitpool.pool.manifest import Manifest, Slot, parse_manifest
    from gitpool.profiles.archive import unpack_zip
    from gitpool.remote import address
    from gitpool.remote.sniff import Enough, Sniffer

from test_exchange import size_header  # noqa: E402 - once what it imports is instrumented

PLACE = Path(tempfile.mkdtemp(prefix="gitpool-fuzz-"))
_KINDS = {1: b"commit", 2: b"tree", 3: b"blob", 4: b"tag"}
TREE = b"100644 img_0001.png\x00" + bytes(range(20))
COMMIT = (
    b"tree %b\nauthor A <a@b> 1 +0000\ncommitter A <a@b> 1 +0000\n\nhi\n"
    % hashlib.sha1(b"tree %d\x00" % len(TREE) + TREE).hexdigest().encode()
)


def manifest(data: bytes) -> None:
    try:
        found = parse_manifest(data)
    except (ValueError, GitPoolError):
        return
    assert parse_manifest(found.dump()) == found


def journal(data: bytes) -> None:
    try:
        found = deltas.parse(json.loads(data))
    except (ValueError, RecursionError):
        return
    assert deltas.parse(found.as_json()) == found


def addresses(data: bytes) -> None:
    try:
        found = address.parse(data.decode("utf-8", "surrogateescape"), ("http", "git", "file"))
    except (Malformed, GitPoolError):
        return
    assert address.parse(found.text, ("http", "git", "file")).text == found.text


def index(data: bytes) -> None:
    file = PLACE / "index"
    file.write_bytes(_with_checksum(data))
    read_index(file)


def header(data: bytes) -> None:
    file = PLACE / "bundle"
    file.write_bytes(data)
    try:
        bundle.choose_branch(bundle.read_header(file))
    except GitPoolError:
        return


def archive(data: bytes) -> None:
    file, target = PLACE / "x.zip", PLACE / "in"
    file.write_bytes(data)
    target.mkdir()
    try:
        unpack_zip(file, target)
    except GitPoolError:
        pass
    finally:
        shutil.rmtree(target)
    assert sorted(path.name for path in PLACE.iterdir()) == ["x.zip"]


def pack(data: bytes) -> None:
    """A pack with the right checksum, however odd the rest."""
    folder = PLACE / "pack"
    folder.mkdir()
    file = folder / "incoming.pack"
    file.write_bytes(_with_checksum(b"PACK\x00\x00\x00\x02" + data))
    try:
        objects = examine_pack(file, 1 << 22)
        index_pack(file, objects)
        kinds_of(next(folder.glob("pack-*.pack")))
    except (GitPoolError, ValueError):
        pass
    finally:
        shutil.rmtree(folder)


def sniffed(data: bytes) -> None:
    sniffer = Sniffer([hashlib.sha1(b"commit %d\x00" % len(COMMIT) + COMMIT).hexdigest()])
    try:
        sniffer.write(b"PACK\x00\x00\x00\x02" + data)
    except (Enough, GitPoolError, ApplyDeltaError, zlib.error):
        return


def quarantine(data: bytes) -> None:
    """A pack of objects that are what they say, of any content, and deltas on them."""
    given = atheris.FuzzedDataProvider(data)
    folder = PLACE / "quarantine"
    entries, names = [], [b"\x00" * 20]
    for _ in range(given.ConsumeIntInRange(1, 5)):
        kind = given.PickValueInList([1, 1, 2, 2, 3, 4, OFS_DELTA, REF_DELTA])
        content = _content(given, kind, names)
        before = given.PickValueInList(names) if kind == REF_DELTA else b""
        if kind == OFS_DELTA:
            before = given.ConsumeBytes(1) or b"\x01"
        if kind in _KINDS:
            whole = b"%b %d\x00" % (_KINDS[kind], len(content)) + content
            names.append(hashlib.sha1(whole).digest())
        entries.append(_entry(kind, content, before))
    body = b"PACK" + struct.pack(">II", 2, len(entries)) + b"".join(entries)
    taken = Quarantine(folder, None, 1 << 20)
    try:
        taken.write(_with_checksum(body))
        taken.examine([names[-1].hex()])
    except GitPoolError:
        pass
    finally:
        taken.close()
        shutil.rmtree(folder)


def _content(given: atheris.FuzzedDataProvider, kind: int, names: list[bytes]) -> bytes:
    """A part of the fuzzer's bytes, in a form that gets past the first checks."""
    rest = given.ConsumeBytes(given.ConsumeIntInRange(0, 200))
    name = given.PickValueInList(names)
    if kind == 1 and given.ConsumeBool():
        return b"tree %b\nauthor A <a@b> 1 +0000\ncommitter " % name.hex().encode() + rest
    if kind == 2 and given.ConsumeBool():
        return b"100644 img_0001.png\x00" + name + rest
    if kind == 4 and given.ConsumeBool():
        return b"object %b\ntype commit\ntag " % name.hex().encode() + rest
    return rest


def _entry(kind: int, content: bytes, before: bytes = b"") -> bytes:
    """An object as it stands in a pack. before: what a delta says of its base."""
    return size_header(kind, len(content)) + before + zlib.compress(content)


def _all_of(base: bytes) -> bytes:
    """A delta that copies its base, of less than 128 bytes."""
    return bytes([len(base), len(base), 0x90, len(base)])


def _with_checksum(data: bytes) -> bytes:
    return data + hashlib.sha1(data).digest()


TARGETS: dict[str, Callable[[bytes], None]] = {
    **{"manifest": manifest, "journal": journal, "addresses": addresses, "index": index},
    **{"header": header, "archive": archive, "pack": pack, "sniffed": sniffed},
    "quarantine": quarantine,
}


def seeds(name: str) -> list[bytes]:
    """What to begin with, where a fuzzer would be long in finding it."""
    slots = (Slot("img_0001.png", "img_0001_mask.png", "a", 3), Slot("img_0002.jpg", None))
    if name == "manifest":
        return [Manifest(slots=slots, next_seq=3).dump()]
    if name == "journal":
        slot = {"image": "img_0001.png", "before": {"added": 1, "label": "a"}}
        slot["after"] = {"added": 1, "label": "b"}
        return [json.dumps({"slots": [slot], "active": ["img_0001.png", None]}).encode()]
    if name == "addresses":
        return [b"https://me@host.example/a b.git", b"git@host:pools.git", b"/mnt/pools", b"C:\\x"]
    if name == "header":
        name_of = b"0" * 40
        return [b"# v2 git bundle\n%b refs/heads/x\n%b HEAD\n\nPACK" % (name_of, name_of)]
    if name == "archive":
        from test_fuzz import zipped

        return [zipped()]
    if name in ("pack", "sniffed"):
        commit, blob = _entry(1, COMMIT), _entry(3, b"hello")
        older = _entry(OFS_DELTA, b"\x05\x05\x90\x05", bytes([len(blob)]))
        tree = _entry(OFS_DELTA, _all_of(COMMIT), bytes([len(commit)]))
        count = struct.pack(">I", 2)
        return [count + blob + older, count + commit + tree, count + commit + _entry(2, TREE)]
    if name == "index":
        from support import git, picture

        git(PLACE, "init", "-q")
        for number in range(3):
            (PLACE / f"img_000{number}.png").write_bytes(picture(number))
        git(PLACE, "add", ".")
        data = (PLACE / ".git" / "index").read_bytes()[:-20]
        shutil.rmtree(PLACE)
        PLACE.mkdir()
        return [data]
    return []


def main() -> None:
    name, *rest = sys.argv[1:]
    corpus = PLACE.with_name(PLACE.name + "-seeds")
    corpus.mkdir()
    for number, seed in enumerate(seeds(name)):
        (corpus / str(number)).write_bytes(seed)
    atheris.Setup([sys.argv[0], *rest, str(corpus)], TARGETS[name])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
