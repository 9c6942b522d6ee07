"""Zips and bundles that cost much, reach elsewhere, or aren't what they say."""

from __future__ import annotations

import functools
import hashlib
import io
import random
import struct
import zipfile
import zlib
from collections.abc import Callable

from support import picture
from test_exchange import (
    bundle_of,
    headers_of_bad_bundles,
    manifest,
    meta,
    patched,
    sha_of,
    size_header,
    whole_bundle,
    with_checksum,
    zipped,
)
from test_pools import pixel_bomb

PNG = picture(1, (8, 8))
GIGA, MEGA = 1 << 30, 1 << 20

# `.git` and git's own files as file systems of other kinds read them.
SPELLINGS: tuple[bytes, ...] = (
    *(b".git", b".GIT", b".Git", b".git.", b".git..", b".git ", b".git. .", b".git::$DATA"),
    *(b".git::$INDEX_ALLOCATION", b".git:x", b"git~1", b"GIT~1", b"git~2", b"GiT~9", b"git~1."),
    *(b".git\\x", b".git\\", b"a\\.git", b"\\.git", b"./.git", b".git/", b".git/config"),
    *(".g\u200cit".encode(), ".\u200dgit".encode(), "\ufeff.git".encode(), ".gi\u200bt".encode()),
    *(".git\u200e".encode(), ".gi\u2066t".encode(), ".\u206agit".encode(), ".GI\u202dT".encode()),
    *(b".gitmodules", b".GITMODULES", b".gitmodules ", b"gitmod~1", b"GITMOD~4", b"gi7eba~1"),
    *(b".gitattributes", b"gitatt~1", b"gi7d29~1", b".gitignore", b"gitign~1", b"gi250a~1"),
    *(b".mailmap", b"mailma~1", b"maba30~1", b".gitpool", b".GitPool", b"..", b".", b"...", b""),
    *(b"a/b.png", b"/a.png", b"../a.png", b"..\\a.png", b"C:a.png", b"C:", b"con.png", b"nul"),
    *(b"a.png.", b"a.png ", b" a.png", b"-a.png", b"a\nb.png", b"a\xff.png", b"e\xcc\x81.png"),
)
MODES: tuple[bytes, ...] = (
    *(b"120000", b"160000", b"40000", b"040000", b"100666", b"100600", b"104755", b"0100644"),
    *(b"010644", b"020644", b"060644", b"140644", b"0", b"", b"abc", b"-1", b"1006440000000"),
)


def tree_named(*names: bytes, mode: bytes = b"100644") -> bytes:
    """A bundle whose newest snapshot has an image under these names."""
    blob = bytes.fromhex(sha_of("blob", PNG))
    good = b"100644 img_0001.png\0" + bytes.fromhex(sha_of("blob", PNG_OF_EXCHANGE))
    entries = [mode + b" " + name + b"\0" + blob for name in names]
    raw = b"".join(sorted([good, *entries], key=lambda entry: entry.partition(b" ")[2]))
    _, objects, _ = whole_bundle()
    commit = (
        f"tree {sha_of('tree', raw)}\nauthor A <a@b> 1 +0000\ncommitter A <a@b> 1 +0000\n\nhi\n"
    ).encode()
    tip = sha_of("commit", commit)
    parts = [(1, commit), (2, raw), *objects[2:], (3, PNG)]
    return bundle_of(parts, {"refs/heads/hand": tip, "HEAD": tip})


PNG_OF_EXCHANGE = picture(1)


def many_entries(count: int, said: int | None = None) -> bytes:
    """A zip of so many empty files. said: how many it says there are."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for number in range(count):
            archive.writestr(zipfile.ZipInfo(f"pool/img_{number:06}.png"), b"")
    data = bytearray(out.getvalue())
    if said is not None:
        end = data.rindex(b"PK\x05\x06")
        struct.pack_into("<HH", data, end + 8, said, said)
    return bytes(data)


def many_refs(count: int, kind: str = "heads") -> bytes:
    _, objects, tip = whole_bundle()
    refs = {f"refs/{kind}/b{number}": tip for number in range(count)}
    return bundle_of(objects, {**refs, "HEAD": tip})


@functools.lru_cache(maxsize=4)
def deflated_zeros(size: int) -> bytes:
    deflate = zlib.compressobj(1)
    parts = [deflate.compress(bytes(MEGA)) for _ in range(size // MEGA)]
    return b"".join(parts) + deflate.flush()


def zeros(size: int, said: int | None = None) -> bytes:
    """A bundle with a file of that many zero bytes, made without ever holding them."""
    _, objects, tip = whole_bundle()
    packed = deflated_zeros(size)
    pack = b"PACK" + struct.pack(">II", 2, len(objects) + 1)
    for number, data in objects:
        pack += size_header(number, len(data)) + zlib.compress(data)
    pack += size_header(3, size if said is None else said) + packed
    return with_checksum(f"# v2 git bundle\n{tip} refs/heads/hand\n{tip} HEAD\n\n".encode(), pack)


def large(kind: int, size: int) -> bytes:
    """A bundle whose snapshot, or the list of files in it, is that large."""
    who = b"author A <a@b> 1 +0000\ncommitter A <a@b> 1 +0000\n\nhi\n"
    _, objects, _ = whole_bundle()
    digest = hashlib.sha1(b"tree %d\0" % size)
    for _ in range(size // MEGA):
        digest.update(bytes(MEGA))
    tree = digest.hexdigest() if kind == 2 else sha_of("tree", objects[1][1])
    commit = b"tree %b\n" % tree.encode() + who
    if kind == 1:
        commit += b"x" * (size - len(commit))
    tip = sha_of("commit", commit)
    pack = b"PACK" + struct.pack(">II", 2, 4 + (kind == 2))
    for number, data in [(1, commit), *objects[1:]]:
        pack += size_header(number, len(data)) + zlib.compress(data, 1)
    if kind == 2:
        pack += size_header(2, size) + deflated_zeros(size)
    return with_checksum(f"# v2 git bundle\n{tip} refs/heads/hand\n{tip} HEAD\n\n".encode(), pack)


def chained_deltas(length: int, size: int) -> bytes:
    """A bundle with deltas on deltas, each as large as its base."""
    _, objects, tip = whole_bundle()
    base = bytes(size)
    pack = b"PACK" + struct.pack(">II", 2, len(objects) + 1 + length)
    for number, data in [*objects, (3, base)]:
        pack += size_header(number, len(data)) + zlib.compress(data)
    name = hashlib.sha1(b"blob %d\0" % size + base).digest()
    copy = b"\xf0" + struct.pack("<I", min(size, 0xFFFFFF))[:3]
    delta = varint(size) + varint(size) + copy
    for _ in range(length):
        pack += size_header(7, len(delta)) + name + zlib.compress(delta)
    return with_checksum(f"# v2 git bundle\n{tip} refs/heads/hand\n{tip} HEAD\n\n".encode(), pack)


def made_by_a_delta(kind: int, times: int) -> bytes:
    """A bundle whose snapshot, or whose only image, is a delta that copies its base, a quarter
    of a megabyte that can't be packed, many times."""
    noise = random.Random(1).randbytes(MEGA // 8).hex().encode()
    _, objects, _ = whole_bundle()
    head = b"tree %b\n" % sha_of("tree", objects[1][1]).encode()
    head += b"author A <a@b> 1 +0000\ncommitter A <a@b> 1 +0000\n\n"
    base = head + noise if kind == 1 else noise
    start = len(base) - len(noise)
    copy = b"\xff" + struct.pack("<I", start) + struct.pack("<I", len(noise))[:3]
    first = b"\xf0" + struct.pack("<I", len(base))[:3]
    size = len(base) + times * len(noise)
    made = base + noise * times
    delta = varint(len(base)) + varint(size) + first + copy * times
    if kind == 3:
        tree = b"100644 img_0001.png\0" + bytes.fromhex(sha_of("blob", made))
        commit = head.replace(head[5:45], sha_of("tree", tree).encode()) + b"hi\n"
        tip, objects = sha_of("commit", commit), [(1, commit), (2, tree)]
    else:
        tip, objects = sha_of("commit", made), objects[1:]
    pack = b"PACK" + struct.pack(">II", 2, len(objects) + 2)
    for number, data in [*objects, (kind, base)]:
        pack += size_header(number, len(data)) + zlib.compress(data)
    name = sha_of("commit" if kind == 1 else "blob", base)
    pack += size_header(7, len(delta)) + bytes.fromhex(name) + zlib.compress(delta)
    return with_checksum(f"# v2 git bundle\n{tip} refs/heads/hand\n{tip} HEAD\n\n".encode(), pack)


def varint(value: int) -> bytes:
    out = [value & 127]
    while value := value >> 7:
        out[-1] |= 128
        out.append(value & 127)
    return bytes(out)


def zip_bomb(files: int, size: int) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for number in range(files):
            with archive.open(f"pool/img_{number:04}.png", "w") as file:
                for _ in range(size // MEGA):
                    file.write(bytes(MEGA))
    return out.getvalue()


def overlapping(count: int) -> bytes:
    """Many names for one file's bytes."""
    files = {f"pool/img_{n:04}.png": PNG for n in range(count)}
    data = bytearray(zipped(files, zipfile.ZIP_STORED))
    at = data.index(b"PK\x01\x02")
    first = struct.unpack_from("<I", data, at + 42)[0]
    while (at := data.find(b"PK\x01\x02", at + 1)) != -1:
        struct.pack_into("<I", data, at + 42, first)
    return bytes(data)


def costly() -> dict[str, Callable[[], bytes]]:
    """What is small as a file and would take much time or memory, believed."""
    image = {"pool/img_0001.png": PNG}
    return {
        "100,000 files": lambda: many_entries(100_000),
        "100,000 files that say they are one": lambda: many_entries(100_000, said=1),
        "20,000 branches": lambda: many_refs(20_000),
        "20,000 tags": lambda: many_refs(20_000, "tags"),
        "a gigabyte of zeros in a bundle": lambda: zeros(GIGA),
        "a gigabyte that says it is little": lambda: zeros(GIGA, said=10),
        "a gigabyte that isn't there": lambda: zeros(MEGA, said=GIGA),
        "a snapshot of 300 MB": lambda: large(1, 300 * MEGA),
        "a snapshot of 200 MB": lambda: large(1, 200 * MEGA),
        "a list of files of 200 MB": lambda: large(2, 200 * MEGA),
        "a snapshot of 100 MB made by a delta": lambda: made_by_a_delta(1, 400),
        "a file of 100 MB made by a delta": lambda: made_by_a_delta(3, 400),
        "a thousand deltas of 16 MB": lambda: chained_deltas(1000, 16 * MEGA - 1),
        "a gigabyte of zeros in a zip": lambda: zip_bomb(1, GIGA),
        "forty files of 40 MB in a zip": lambda: zip_bomb(40, 40 * MEGA),
        "five hundred names for one file": lambda: overlapping(500),
        "a picture of 900 million pixels": lambda: zipped(
            {"pool/img_0001.png": pixel_bomb(30000, 30000)}
        ),
        "a description of 300 MB": lambda: zipped(
            {**image, "profile_meta.json": b'{"name": "' + b" " * (300 * MEGA) + b'"}'}
        ),
        "a manifest of 300 MB": lambda: zipped(
            {**image, "pool/manifest.json": b" " * (300 * MEGA) + manifest("img_0001.png")}
        ),
    }


def odd() -> dict[str, Callable[[], bytes]]:
    """What isn't what it says; the rest of them are in test_exchange."""
    bad = headers_of_bad_bundles()
    two = {"pool/img_0009.png": PNG, "pool/img_0001.png": PNG}
    found: dict[str, Callable[[], bytes]] = {f"bundle: {k}": lambda k=k: bad[k] for k in bad}
    found |= {f"name {name!r}": lambda name=name: tree_named(name) for name in SPELLINGS}
    found |= {
        f"mode {mode!r}": lambda mode=mode: tree_named(b"img_0002.png", mode=mode) for mode in MODES
    }
    found |= {
        "names in two cases": lambda: tree_named(b"A.png", b"a.png"),
        "names in two normal forms": lambda: tree_named("é.png".encode(), b"e\xcc\x81.png"),
        "a name twice": lambda: tree_named(b"a.png", b"a.png"),
        "zip: says 4 GB": lambda: patched(zipped(two), size=2**32 - 2),
    }
    return found


def mixed() -> dict[str, tuple[Callable[[], bytes], list[str]]]:
    """Zips of a sound image and something that isn't taken: what is left out, by name."""
    two = {"pool/img_0009.png": PNG, "pool/img_0001.png": PNG}
    second = {"profile_meta.json": meta(), "PROFILE_META.JSON": meta()}
    found: dict[str, tuple[Callable[[], bytes], list[str]]] = {
        "encrypted": (
            lambda: patched(zipped(two, zipfile.ZIP_STORED), flag=1),
            ["img_0001.png"],
        ),
        "in two normal forms": (
            lambda: zipped({"pool/é.png": PNG, "pool/e\u0301.png": PNG}),
            [],
        ),
        "a second description": (lambda: zipped({**two, **second}), ["PROFILE_META.JSON"]),
        "a manifest of brackets": (
            lambda: zipped({**two, "pool/manifest.json": b"[" * MEGA}),
            ["manifest.json"],
        ),
    }
    for name in (".git/config", ".git/hooks/post-checkout", ".git/objects/info/alternates"):
        for place in ("pool/", "", "pool/x/"):
            made = functools.partial(zipped, {**two, place + name: b"[core]\n\tfsmonitor = x\n"})
            found[place + name] = made, [place + ".git"]
    return found
