"""No byte is stored twice, and what is remembered of files is never believed blindly."""

from __future__ import annotations

import errno
import os
import time
from pathlib import Path

import pytest
from support import Server, git, judge, picture

from gitpool.pool import durable

P = "/grid_pool/profiles/"


def filled(server: Server, images: int) -> tuple[str, Path]:
    """A profile with so many images, dropped into its folder by hand."""
    profile = server.create("Heroes")
    folder = server.pools / profile
    for seed in range(images):
        (folder / f"photo {seed}.png").write_bytes(picture(seed, (80, 60)))
    server.snapshot(profile)
    return profile, folder


def packs(folder: Path) -> list[Path]:
    return sorted((folder / ".git" / "objects" / "pack").glob("pack-*.pack"))


def test_a_packed_profiles_duplicate_shares_its_pack(server: Server) -> None:
    profile, folder = filled(server, 5)
    git(folder, "gc", "--quiet", "--prune=now")
    copy = server.post(P + "duplicate", id=profile, name="Again").json["id"]
    (ours,), (theirs,) = packs(folder), packs(server.pools / copy)
    assert os.path.samefile(ours, theirs)
    loose = [p for p in (server.pools / copy / ".git/objects").glob("??/*") if p.is_file()]
    # The new snapshot alone: its commit, and no image.
    assert [git(server.pools / copy, "cat-file", "-t", p.parent.name + p.name) for p in loose] == [
        "commit"
    ]
    judge(server.pools / copy)
    server.post(P + "delete", id=profile, forever=True)
    judge(server.pools / copy)


def test_of_a_pack_that_holds_more_only_what_is_needed_goes_along(server: Server) -> None:
    profile, folder = filled(server, 3)
    git(folder, "branch", "elsewhere")
    (folder / "photo of a stranger.png").write_bytes(picture(99, (80, 60)))
    server.snapshot(profile)
    stranger = git(folder, "rev-parse", "HEAD:img_0004.png")
    git(folder, "gc", "--quiet", "--prune=now")
    oldest = server.history(profile)[-2]["id"]
    answer = server.post(P + "branch_off", id=profile, snapshot=oldest, name="From then")
    copy = server.pools / answer.json["id"]
    assert git(copy, "cat-file", "-t", stranger, check=False).startswith("fatal")
    judge(copy)


def test_a_bundles_images_are_stored_once(server: Server) -> None:
    profile, _ = filled(server, 5)
    bundle = server.get(P + "export", id=profile, format="bundle").body
    made = server.send_form(P + "import", {"file": ("heroes.bundle", bundle)}).json["id"]
    folder = server.pools / made
    assert len(packs(folder)) == 1
    stored = sum(p.stat().st_size for p in (folder / ".git/objects").rglob("*") if p.is_file())
    shown = sum(p.stat().st_size for p in folder.glob("*.png"))
    assert stored < shown * 1.2 + 10_000
    judge(folder)


def test_hundreds_of_dropped_images_are_taken_in_at_once(server: Server) -> None:
    _, folder = filled(server, 300)
    slots = server.list(folder.name)["slots"]
    assert {slot["image"] for slot in slots} == {f"img_{n:04d}.png" for n in range(1, 301)}
    assert sorted(slot["label"] for slot in slots) == sorted(f"photo {n}" for n in range(300))
    judge(folder)


def test_a_garbled_thumbnail_is_made_again(server: Server) -> None:
    profile, _ = filled(server, 1)
    query = {"pool_id": profile, "name": "img_0001.png", "size": 64}
    whole = server.get("/grid_pool/thumb", **query).body
    (cached,) = server.host.folder.rglob("*.webp")
    for garbled in (b"", whole[: len(whole) // 2], bytes(len(whole))):
        cached.write_bytes(garbled)
        assert server.get("/grid_pool/thumb", **query).body == whole
    assert cached.read_bytes() == whole


def test_a_changed_image_is_seen_whatever_is_remembered(server: Server) -> None:
    profile, folder = filled(server, 2)
    query = {"pool_id": profile, "name": "img_0001.png", "size": 64}
    before = server.get("/grid_pool/thumb", **query)
    old = folder / "img_0001.png"
    data, stat = old.read_bytes(), old.stat()
    other = picture(7, (80, 60))
    # The same size and the same time: only that the file was changed at all tells it.
    padded = (other + bytes(len(data)))[: len(data)]
    time.sleep(0.05)
    old.write_bytes(padded)
    os.utime(old, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    after = server.get("/grid_pool/thumb", **query)
    assert before.headers["ETag"] != after.headers["ETag"]


@pytest.mark.parametrize("size", [0, 1, 3_000_000])
def test_a_copy_has_the_same_bytes_and_none_of_what_was_there(tmp_path: Path, size: int) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(os.urandom(size))
    target.write_bytes(b"old" * 2_000_000)
    durable.copy_file(source, target)
    assert target.read_bytes() == source.read_bytes()


def test_a_copy_is_made_where_the_kernel_has_no_call_for_it(tmp_path: Path, monkeypatch) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(os.urandom(100_000))

    def refuse(*_: object) -> int:
        raise OSError(errno.EXDEV, "another file system")

    monkeypatch.setattr(os, "copy_file_range", refuse, raising=False)
    durable.copy_file(source, target)
    assert target.read_bytes() == source.read_bytes()
