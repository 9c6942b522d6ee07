"""A pool's folder on odd disks and with odd files: edits, kept bytes, masks and small images."""

from __future__ import annotations

import errno
import io
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from support import Server, git, judge, mask, picture, tree_of

from gitpool.errors import Damaged
from gitpool.pool import content, durable
from gitpool.pool.content import ContentIds, hash_file
from gitpool.pool.folder import PoolFolder
from gitpool.pool.kept import KeptFiles
from gitpool.pool.manifest import Manifest
from gitpool.pool.reading import read_file
from gitpool.pool.thumbnails import ThumbnailCache

POOL = "plain"


def refusing(number: int) -> Callable[..., Any]:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    return refuse


def aged(path: Path) -> Path:
    """The file is old enough to be remembered by its times."""
    os.utime(path, ns=(10**18, 10**18))
    return path


# Disks that can't do everything.


@pytest.mark.parametrize("number", [errno.EPERM, errno.EXDEV])
def test_where_there_are_no_hard_links_all_works_by_copies(
    server: Server, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    monkeypatch.setattr(os, "link", refusing(number))
    for pool in (server.create("Heroes"), POOL):
        for seed in range(3):
            server.add(pool, picture(seed))
        assert server.post("/grid_pool/remove", pool_id=pool, index=1).status == 200
        assert server.post("/grid_pool/undo", pool_id=pool).status == 200
        assert (server.pools / pool / "img_0002.png").read_bytes() == picture(1)
        if pool != POOL:
            made = server.history(pool)[0]["id"]
            fields = {"id": pool, "snapshot": made, "locked": True, "name": "Keep"}
            assert server.post("/grid_pool/profiles/lock", fields).status == 200
            copy = server.post("/grid_pool/profiles/duplicate", id=pool, name="copy").json["id"]
            for folder in (server.pools / pool, server.pools / copy):
                judge(folder)
                assert git(folder, "for-each-ref", "--format=%(contents:subject)", "refs/tags")
                assert not list(folder.rglob(".git/**/*.lock"))
                assert not list(folder.rglob(f".git/**/{durable.TEMP_PREFIX}*"))


def test_kept_bytes_are_copied_where_the_kernel_copies_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "link", refusing(errno.EXDEV))
    kept = KeptFiles(tmp_path / "kept", ContentIds())
    path = tmp_path / "a.png"
    path.write_bytes(picture(1))
    monkeypatch.setattr(os, "copy_file_range", refusing(errno.ENOSPC))
    with pytest.raises(OSError, match="No space"):
        kept.keep(path)
    assert not kept.holds(hash_file(path))
    # Too old a kernel, then a system that has no such call: half a copy is no hindrance.
    for seed, has_call in ((1, True), (2, False)):
        path.write_bytes(picture(seed))
        monkeypatch.setattr(os, "copy_file_range", refusing(errno.ENOSYS), raising=False)
        if not has_call:
            monkeypatch.delattr(os, "copy_file_range")
        kept.keep(path)
        out = io.BytesIO()
        kept.copy(hash_file(path), out)
        assert out.getvalue() == picture(seed)


def test_a_file_that_goes_while_it_is_kept_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = KeptFiles(tmp_path / "kept", ContentIds())
    path = tmp_path / "a.png"
    path.write_bytes(picture(1))
    blob = hash_file(path)
    monkeypatch.setattr(os, "link", refusing(errno.ENOENT))
    kept.keep(path)
    assert list((tmp_path / "kept").iterdir()) == []
    with pytest.raises(Damaged):
        kept.copy(blob, io.BytesIO())


# Edits that fail half-way.


@pytest.fixture
def full(monkeypatch: pytest.MonkeyPatch) -> Callable[[bool], None]:
    """Has every manifest fail to take its place, or (later) to be made durable there."""

    def begin(later: bool) -> None:
        replace, sync, placed = os.replace, durable.sync_folder, []

        def replacing(source: Any, target: Any, **more: Any) -> None:
            if Path(target).name == "manifest.json":
                if not later:
                    refusing(errno.ENOSPC)()
                placed.append(target)
            replace(source, target, **more)

        def syncing(folder: Path) -> None:
            if placed:
                refusing(errno.EIO)()
            sync(folder)

        monkeypatch.setattr(os, "replace", replacing)
        monkeypatch.setattr(durable, "sync_folder", syncing)

    return begin


def test_an_image_that_no_manifest_names_goes_again(
    server: Server, full: Callable[[bool], None]
) -> None:
    server.add(POOL, picture(1))
    before = tree_of(server.pools / POOL)
    full(False)
    files = {"image": ("b.png", picture(2))}
    answer = server.send_form("/grid_pool/add", files, pool_id=POOL, ts=1)
    assert answer.status == 503
    assert tree_of(server.pools / POOL) == before


def test_an_image_that_the_manifest_names_stays_whatever_fails_then(
    server: Server, full: Callable[[bool], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    server.add(POOL, picture(1))
    full(True)
    files = {"image": ("b.png", picture(2))}
    answer = server.send_form("/grid_pool/add", files, pool_id=POOL, ts=1)
    assert answer.status == 503
    monkeypatch.undo()
    shown = [slot["image"] for slot in server.list(POOL)["slots"]]
    assert shown == ["img_0001.png", "img_0002.png"]
    assert (server.pools / POOL / "img_0002.png").read_bytes() == picture(2)


def test_an_undo_that_fails_leaves_the_pool_as_it_was_and_can_be_tried_again(
    server: Server, full: Callable[[bool], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    for seed in range(3):
        server.add(POOL, picture(seed))
    server.set_mask(POOL, 0, mask())
    assert server.post("/grid_pool/remove", pool_id=POOL, index=0).status == 200
    before = tree_of(server.pools / POOL)
    full(False)
    assert server.post("/grid_pool/undo", pool_id=POOL).status == 503
    assert tree_of(server.pools / POOL) == before
    monkeypatch.undo()
    assert server.post("/grid_pool/undo", pool_id=POOL).status == 200
    assert (server.pools / POOL / "img_0001.png").read_bytes() == picture(0)
    assert (server.pools / POOL / "img_0001.mask.png").read_bytes() == mask()


def test_damaged_manifests_are_kept(server: Server) -> None:
    server.add(POOL, picture(1))
    folder = server.pools / POOL
    for name, garbage in (("damaged", b"first {"), ("damaged-2", b"second {")):
        (folder / "manifest.json").write_bytes(garbage)
        answer = server.post("/grid_pool/label", pool_id=POOL, index=0, label="new")
        assert answer.status == 200
        assert (folder / f"manifest.json.{name}").read_bytes() == garbage
        assert server.list(POOL)["slots"][0]["label"] == "new"


# Reading while others write.


def test_who_edits_without_a_pause_is_not_waited_for_for_ever(tmp_path: Path) -> None:
    folder, seen = PoolFolder(tmp_path), []

    def read() -> int:
        folder.save(Manifest(next_seq=len(seen) + 2))
        seen.append(folder.load().next_seq)
        return seen[-1]

    assert folder.steadily(read) == seen[-1]
    assert 1 < len(seen) < 20


def test_a_folder_that_is_gone_holds_no_files(tmp_path: Path) -> None:
    gone = PoolFolder(tmp_path / "gone")
    assert gone.dropped_files() == gone.image_names() == []
    assert gone.load() == Manifest()


def test_content_ids_are_right_however_few_are_remembered(tmp_path: Path) -> None:
    ids, names = ContentIds(limit=2), [f"img_000{n}.png" for n in range(4)]
    for seed, name in enumerate(names):
        aged_file = tmp_path / name
        aged_file.write_bytes(picture(seed))
        assert ids.of(aged(aged_file)) == hash_file(aged_file)
    found, unknown = ids.known(tmp_path, [*names, "gone.png"])
    assert found == {name: hash_file(tmp_path / name) for name in names[2:]}
    assert unknown == names[:2]
    assert [ids.of(tmp_path / name) for name in names] == [hash_file(tmp_path / n) for n in names]


def test_links_and_folders_have_no_content_id(tmp_path: Path) -> None:
    (tmp_path / "img_0001.png").symlink_to("elsewhere")
    (tmp_path / "img_0002.png").mkdir()
    assert ContentIds().known(tmp_path, ["img_0001.png", "img_0002.png"]) == ({}, [])


def test_a_file_written_to_while_it_is_read_is_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, ids = tmp_path / "img_0001.png", ContentIds()
    path.write_bytes(picture(1))
    aged(path)

    def slowly(file: Path) -> str:
        found = hash_file(file)
        file.write_bytes(picture(2))
        os.utime(file, ns=(10**18, 10**18 + 1))
        return found

    with monkeypatch.context() as patch:
        patch.setattr(content, "hash_file", slowly)
        ids.of(path)
    assert ids.of(path) == hash_file(path)


# Masks and pictures that are not as the page makes them.


def shown(server: Server, channel: str, name: str = "img_0001.png") -> Image.Image:
    answer = server.get("/grid_pool/layers", pool_id=POOL, filename=name, channel=channel)
    assert answer.status == 200, answer.body
    return Image.open(io.BytesIO(answer.body))


def png(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def test_the_layers_of_an_image_one_by_one(server: Server) -> None:
    server.add(POOL, picture(1))
    server.set_mask(POOL, 0, mask(left=8))
    with Image.open(io.BytesIO(picture(1))) as original:
        colours = original.convert("RGB").tobytes()
    assert (shown(server, "rgb").mode, shown(server, "rgb").tobytes()) == ("RGB", colours)
    both, alone = shown(server, "rgba"), shown(server, "a")
    assert both.convert("RGB").tobytes() == colours
    assert alone.convert("RGB").getextrema() == ((0, 0),) * 3
    for image in (both, alone):
        # Painted is transparent.
        assert [image.getchannel("A").getpixel((x, 5)) for x in (0, 7, 8, 23)] == [0, 0, 255, 255]


def test_a_mask_of_another_size_is_stretched_over_its_image(server: Server) -> None:
    server.add(POOL, picture(1))
    server.set_mask(POOL, 0, mask())
    (server.pools / POOL / "img_0001.mask.png").write_bytes(mask((48, 32), 16))
    alpha = shown(server, "rgba").getchannel("A")
    assert alpha.size == (24, 16)
    assert [alpha.getpixel((x, 5)) for x in (0, 6, 10, 23)] == [0, 0, 255, 255]


def test_what_a_mask_paints_in_any_mode(server: Server) -> None:
    server.add(POOL, picture(1))
    half = Image.new("RGBA", (24, 16), (255, 255, 255, 0))
    half.paste((255, 255, 255, 255), (0, 0, 8, 16))
    black = Image.new("RGBA", (24, 16), (0, 0, 0, 0))
    black.paste((0, 0, 0, 255), (0, 0, 8, 16))
    deep = Image.new("I;16", (24, 16), 0)
    deep.paste(65535, (0, 0, 8, 16))
    # White paint on a clear ground, what the mask editor saves of a black picture, deep grey.
    for made, left, right in ((half, 0, 255), (black, 255, 0), (deep, 0, 255)):
        assert server.set_mask(POOL, 0, png(made)).status == 200
        alpha = shown(server, "a").getchannel("A")
        assert [alpha.getpixel((x, 5)) for x in (0, 7, 8, 23)] == [left, left, right, right]


def test_a_garbled_exif_is_no_reason_to_refuse_a_picture(server: Server) -> None:
    jpeg, text, odd = io.BytesIO(), PngInfo(), io.BytesIO()
    picture_of = Image.new("RGB", (24, 16), "teal")
    picture_of.save(jpeg, "JPEG", exif=b"Exif\x00\x00garbage, not a TIFF")
    text.add_text("Raw profile type exif", "\nexif\n 10\nno hexadecimal digits\n")
    picture_of.save(odd, "PNG", pnginfo=text)
    for number, (data, kind) in enumerate(((jpeg.getvalue(), "jpg"), (odd.getvalue(), "png")), 1):
        name = f"img_000{number}.{kind}"
        server.add(POOL, data, f"a.{kind}")
        assert (server.pools / POOL / name).read_bytes() == data
        assert shown(server, "rgb", name).size == (24, 16)
        assert server.set_mask(POOL, number - 1, mask()).status == 200


# Small images.


@pytest.fixture
def cache(tmp_path: Path) -> ThumbnailCache:
    """A cache with four small images; the first was used last, the second longest ago."""
    cache = ThumbnailCache(tmp_path / "thumbnails")
    cache.trim(0)  # there is nothing yet
    for seed in range(4):
        data = picture(seed, (80, 60))
        cache.get(lambda data=data: io.BytesIO(data), f"{seed:040x}", 64, False)
    for seed in range(4):
        used = 10**18 + (9 if seed == 0 else seed) * 10**10
        os.utime(small(cache, seed), ns=(used, used))
    return cache


def small(cache: ThumbnailCache, seed: int) -> Path:
    return next(cache.folder.rglob(f"{seed:040x}-*.webp"))


def left(cache: ThumbnailCache) -> set[int]:
    return {seed for seed in range(4) if cache.has(f"{seed:040x}", 64)}


def test_what_was_not_used_for_longest_goes_first(cache: ThumbnailCache) -> None:
    sizes = {seed: small(cache, seed).stat().st_size for seed in range(4)}
    cache.trim(sum(sizes.values()))
    assert left(cache) == {0, 1, 2, 3}
    cache.trim(sizes[0] + sizes[3])
    assert left(cache) == {0, 3}
    cache.trim(sizes[0] + sizes[3] - 1)
    assert left(cache) == {0}
    cache.trim(0)
    assert left(cache) == set()
    data = picture(2, (80, 60))
    again = cache.get(lambda: io.BytesIO(data), f"{2:040x}", 64, False)
    assert small(cache, 2).read_bytes() == again


def test_only_a_profiles_own_small_images_count_as_its(cache: ThumbnailCache) -> None:
    """Others lie in the same folder, under ids that begin alike."""
    assert {path.name for path in cache.folder.iterdir()} == {"00"}
    ids = {f"{1:040x}", f"{3:040x}", "ff" * 20}
    assert cache.size_of(ids) == sum(small(cache, seed).stat().st_size for seed in (1, 3))


LENDING = """
import fcntl, os, signal, sys

signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGIO})
lent = os.open(sys.argv[1], os.O_RDONLY)
try:
    fcntl.fcntl(lent, fcntl.F_SETLEASE, fcntl.F_WRLCK)
except OSError as error:
    sys.exit(f"no leases here: {error}")
print("lent", flush=True)
signal.sigwait({signal.SIGIO})
fcntl.fcntl(lent, fcntl.F_SETLEASE, fcntl.F_UNLCK)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has leases")
def test_a_file_that_a_file_server_has_lent_is_waited_for(tmp_path: Path) -> None:
    (tmp_path / "lent").write_bytes(b"whole")
    words = [sys.executable, "-c", LENDING, str(tmp_path / "lent")]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(words, text=True, **pipes) as lender:  # type: ignore[call-overload]
        if lender.stdout.readline() != "lent\n":
            raise AssertionError(lender.stderr.read().strip())
        assert read_file(tmp_path / "lent") == b"whole"
        assert lender.wait(300) == 0
