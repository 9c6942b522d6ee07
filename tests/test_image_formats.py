"""Every picture that Load Image shows: taken in by each door, shown, run; and nothing else."""

from __future__ import annotations

import io
import json
import random
import struct
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pictures import (
    SIZE,
    base,
    clear,
    of_every_format,
    of_every_mode,
    of_sixteen_bits,
    saved,
    with_broken_words,
)
from PIL import Image, ImageFile, ImageOps, PpmImagePlugin
from support import Server, git, mask, picture, tree_of
from test_pools import pixel_bomb

from gitpool.errors import GitPoolError
from gitpool.identifiers import IMAGE_EXTENSIONS
from gitpool.nodes import build_nodes
from gitpool.nodes.decode import image_array
from gitpool.pool import formats, images
from gitpool.profiles.verify import Verify

FORMATS, MODES = of_every_format(), of_every_mode()
ROOT = Path(__file__).resolve().parents[1]


def load_image(data: bytes) -> np.ndarray:
    """What Load Image does with Pillow, for eight bits a channel: each step once more, with
    truncated files allowed, where it fails; the first frame, upright, as RGB, divided by 255."""

    def patiently(step: Any) -> Any:
        try:
            return step()
        except (OSError, ValueError):
            ImageFile.LOAD_TRUNCATED_IMAGES = True
            try:
                return step()
            finally:
                ImageFile.LOAD_TRUNCATED_IMAGES = False

    image = patiently(lambda: Image.open(io.BytesIO(data)))
    if image.format == "TIFF":
        # Pillow turns it when it loads it, and before version 12 turns it back.
        patiently(image.load)
    else:
        image = patiently(lambda: ImageOps.exif_transpose(image))
    return np.asarray(image.convert("RGB")).astype(np.float32) / 255.0


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GITPOOL_SNAPSHOT_DELAY", "3600")
        with Server(tmp_path_factory.mktemp("formats")) as running:
            yield running


def send(server: Server, pool: str, data: bytes) -> Any:
    form = {"image": ("picture", data)}
    return server.send_form("/grid_pool/add", form, pool_id=pool, ts=1)


def newest(server: Server, pool: str) -> np.ndarray:
    """What the node gives of a pool's newest image; its thumbnail and the mask editor's source
    are pictures that a browser shows, of the same size."""
    node = build_nodes(server.service, lambda array: array)["GridImagePool"]
    slots = server.list(pool)["slots"]
    given = node().run(index=len(slots) - 1, pool_id=pool)[0]
    name, size = slots[-1]["image"], (given.shape[2], given.shape[1])
    small = server.get("/grid_pool/thumb", pool_id=pool, name=name, size=2048)
    layers = server.get("/grid_pool/layers", pool_id=pool, filename=name, channel="rgb")
    for answer, kind in ((small, "WEBP"), (layers, "PNG")):
        assert answer.status == 200, answer.body
        with Image.open(io.BytesIO(answer.body)) as drawn:
            assert (drawn.format, drawn.size) == (kind, size)
    return given[0]


# Every format.


@pytest.mark.parametrize("kind", FORMATS)
def test_each_format_keeps_its_bytes_and_its_own_extension(server: Server, kind: str) -> None:
    data, extension = FORMATS[kind]
    pool = "kept-" + kind.replace(" ", "-").replace(",", "")
    assert send(server, pool, data).status == 200
    name = server.list(pool)["slots"][0]["image"]
    assert name == f"img_0001{extension}"
    assert (server.pools / pool / name).read_bytes() == data
    shown = newest(server, pool)
    if kind != "SPIDER":  # its numbers have no scale
        assert np.array_equal(shown, load_image(data))
    painted = server.set_mask(pool, 0, mask(shown.shape[1::-1]))
    assert painted.status == 200, painted.body


def test_a_zip_a_bundle_a_dropped_file_and_a_snapshot_hold_every_format(
    server: Server, tmp_path: Path
) -> None:
    profile = server.create("Formats")
    folder = server.pools / profile
    for number, (data, extension) in enumerate(FORMATS.values(), 1):
        (folder / f"dropped {number:02d}{extension}").write_bytes(data)
    server.snapshot(profile)
    assert len(server.list(profile)["slots"]) == len(FORMATS)
    assert git(folder, "status", "--porcelain") == ""
    before = [(folder / slot["image"]).read_bytes() for slot in server.list(profile)["slots"]]
    assert before == [data for data, _ in FORMATS.values()]
    for kind in ("zip", "bundle"):
        taken = server.get("/grid_pool/profiles/export", id=profile, format=kind)
        back = server.send_form(
            "/grid_pool/profiles/import", {"file": (f"x.{kind}", taken.body)}, name=f"As {kind}"
        )
        assert back.status == 200, back.body
        again = back.json["id"]
        slots = server.list(again)["slots"]
        assert [(server.pools / again / s["image"]).read_bytes() for s in slots] == before


def test_every_format_looks_like_one_to_who_guards_against_bombs() -> None:
    # IM and SPIDER begin in no way of their own.
    unsigned = {"IM", "SPIDER"}
    for kind, (data, _) in FORMATS.items():
        assert formats.looks_like_image(data[:64]) == (kind not in unsigned), kind
    for data in MODES.values():
        assert formats.looks_like_image(data[:64])
    for none in (bytes(64), b"\xff" * 64, b"text" * 16, b"{}"):
        assert not formats.looks_like_image(none)


def test_what_is_written_is_found_again_and_the_page_takes_it_too() -> None:
    assert set(formats.EXTENSION_OF.values()) <= set(IMAGE_EXTENSIONS)
    page = (ROOT / "web" / "pool" / "files.js").read_text("utf-8")
    for extension in IMAGE_EXTENSIONS:
        said = extension[1:].replace("jpeg", "jpe?g").replace("jpg", "jpe?g")
        assert f"{said} " in page.replace('"', " ").replace("|", " "), extension


# What never is one.


def news_of(inside: bytes) -> bytes:
    """An IPTC file, which is opened as whatever is in it."""
    fields = {(3, 60): b"\1\0", (3, 20): b"\0\x3c", (3, 30): b"\0\x24", (3, 120): b"\1"}
    parts = b"".join(
        b"\x1c" + bytes(tag) + struct.pack(">H", len(value)) + value
        for tag, value in fields.items()
    )
    return parts + b"\x1c\x08\x0a" + struct.pack(">H", len(inside)) + inside


def test_what_starts_a_program_or_opens_another_file_is_refused(server: Server) -> None:
    encapsulated = saved(base(), "EPS")
    metafile = b"\xd7\xcd\xc6\x9a\0\0" + struct.pack("<4hHI", 0, 0, 9, 9, 96, 0)
    playlist = b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n"
    for data in (encapsulated, encapsulated[:200], metafile + bytes(200), news_of(encapsulated),
                 news_of(picture()), b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), playlist,
                 b"ffconcat version 1.0\nfile /etc/passwd\n"):  # fmt: skip
        answer = send(server, "refused", data)
        assert answer.status == 415, (data[:20], answer.body)
        assert not (server.pools / "refused").exists()
    assert not {"EPS", "WMF", "IPTC", "BUFR", "GRIB", "HDF5", "MPEG"} & set(formats.readable())


def bomb_in(kind: str) -> bytes:
    """A few bytes that say they are of more pixels than anybody can hold."""
    many = 60_000
    icon, bomb = saved(clear().resize((32, 32)), "ICO", sizes=[(32, 32)]), pixel_bomb(many, many)
    found = {
        "TGA": struct.pack("<BBBHHBHHHHBB", 0, 0, 2, 0, 0, 0, 0, 0, many, many, 24, 0),
        "PPM": b"P6 60000 60000 255\n",
        "PFM": b"Pf 60000 60000 -1.0\n",
        "PSD": struct.pack(">4sH6xHIIHH", b"8BPS", 1, 3, many, many, 8, 3) + bytes(14),
        "QOI": struct.pack(">4sIIBB", b"qoif", many, many, 3, 0),
        "SGI": b"\x01\xda\0\1" + struct.pack(">4H", 3, many, many, 3),
        "Sun raster": struct.pack(">8I", 0x59A66A95, many, many, 24, 0, 1, 0, 0),
        "FITS": FORMATS["FITS"][0].replace(b"NAXIS1  = 60   ", b"NAXIS1  = 60000")
        .replace(b"NAXIS2  = 36   ", b"NAXIS2  = 36000"),
        "XPM": FORMATS["XPM"][0].replace(b'"60 36', b'"60000 60000'),
        "an icon's picture": icon[:22] + bomb,
        "a Mac icon's picture": b"icns"
        + struct.pack(">I4sI", 16 + len(bomb), b"ic07", 8 + len(bomb)) + bomb,
    }  # fmt: skip
    jpeg = bytearray(saved(base(), "JPEG"))
    struct.pack_into(">HH", jpeg, jpeg.index(b"\xff\xc0") + 5, many, many)
    texture = struct.pack("<4siIIIii", b"BLP1", 0, 0, *SIZE, 5, 0) + struct.pack(
        "<16I", 160, *[0] * 15
    )
    texture += struct.pack("<16I", len(jpeg), *[0] * 15) + struct.pack("<I", 0) + bytes(jpeg)
    dds = bytearray(FORMATS["DDS"][0])
    struct.pack_into("<II", dds, 12, many, many)
    jpeg2000, box = bytearray(FORMATS["JPEG 2000"][0]), bytearray(FORMATS["JPEG 2000"][0])
    struct.pack_into(">II", jpeg2000, jpeg2000.index(b"\xff\x4f\xff\x51") + 8, many, many)
    struct.pack_into(">II", box, box.index(b"ihdr") + 4, many, many)
    pcx = bytearray(FORMATS["PCX"][0])
    struct.pack_into("<HHHH", pcx, 4, 0, 0, many, many)
    made = {
        "a BLP's JPEG": texture,
        "DDS": dds,
        "JPEG 2000": jpeg2000,
        "a JPEG 2000's box": box,
        "PCX": pcx,
    }
    return bytes({**found, **made}[kind])


@pytest.mark.parametrize(
    "kind",
    [
        *("TGA", "PPM", "PFM", "PSD", "QOI", "SGI", "Sun raster", "FITS", "XPM", "DDS", "PCX"),
        *("JPEG 2000", "a JPEG 2000's box", "an icon's picture", "a Mac icon's picture"),
        "a BLP's JPEG",
    ],
)
def test_what_is_too_large_to_decode_is_refused_before_it_is(server: Server, kind: str) -> None:
    answer = send(server, "bombs", bomb_in(kind))
    # Pillow 10.0 doesn't know PFM yet.
    known = kind != "PFM" or b"Pf" in PpmImagePlugin.MODES
    assert answer.status == (413 if known else 415), answer.body
    assert not (server.pools / "bombs").exists()


# One verdict.


def damaged_files() -> Iterator[bytes]:
    chance = random.Random(14)
    whole = [data for data, _ in FORMATS.values()] + list(MODES.values())[:24]
    for data in whole:
        for _ in range(6):
            found = bytearray(data)
            for _ in range(chance.randint(1, 3)):
                found[chance.randrange(len(found))] = chance.randrange(256)
            yield bytes(found)
            yield data[: chance.randrange(len(data))]


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
def test_upload_zip_folder_and_run_say_the_same_of_damaged_files(tmp_path: Path) -> None:
    file = tmp_path / "x"

    def verdict(look: Any) -> str:
        try:
            look()
        except GitPoolError as error:
            return type(error).__name__
        return "shown"

    said = set()
    for number, data in enumerate(damaged_files()):
        file.write_bytes(data)
        upload = verdict(lambda: images.verify(file))
        others = {
            verdict(lambda: images.check(file)),
            verdict(lambda data=data: images.check(io.BytesIO(data))),
            verdict(lambda data=data: image_array(data)),
        }
        assert others == {upload}, number
        said.add(upload)
    assert said >= {"shown", "NotAnImage"}


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
def test_what_load_image_shows_of_damaged_files_is_shown_and_the_same() -> None:
    shown = 0
    for number, data in enumerate(damaged_files()):
        try:
            wanted = load_image(data)
        except Exception:  # Load Image shows nothing
            continue
        if data.startswith(FORMATS["SPIDER"][0][:4]):
            continue
        if wanted.shape[0] * wanted.shape[1] > images.MAX_PIXELS:
            continue
        shown += 1
        assert np.array_equal(image_array(data)[0], wanted), number
    assert shown > 150


@pytest.mark.parametrize("what", with_broken_words())
def test_words_around_the_pixels_break_no_picture(server: Server, what: str) -> None:
    pool = "words-" + what.replace(" ", "-").replace(",", "")
    assert send(server, pool, with_broken_words()[what]).status == 200
    assert np.array_equal(newest(server, pool), load_image(saved(base(), "PNG")))
    assert "ends_early" not in server.list(pool)["slots"][0]


def test_a_zip_and_a_folder_take_no_picture_that_a_run_fails_on(server: Server) -> None:
    none = bytearray(saved(base(), "WEBP", lossless=True))
    none[40:60] = b"\xff" * 20
    none = bytes(none)
    # Its header is sound.
    assert Image.open(io.BytesIO(none)).size == SIZE
    with pytest.raises(OSError, match="read next frame"):
        load_image(none)
    profile = server.create("Broken")
    (server.pools / profile / "broken.webp").write_bytes(none)
    assert server.snapshot(profile) is None
    assert (server.pools / profile / "broken.webp").read_bytes() == none
    out = io.BytesIO()
    slots = [{"image": "img_0001.webp", "mask": None, "label": "", "added": 0}]
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("profile_meta.json", json.dumps({"name": "Broken zip"}))
        manifest = {"active": 0, "slots": slots, "next_seq": 2}
        archive.writestr("pool/manifest.json", json.dumps(manifest))
        archive.writestr("pool/img_0001.webp", none)
    before = tree_of(server.pools)
    form = {"file": ("a.zip", out.getvalue())}
    answer = server.send_form("/grid_pool/profiles/import", form)
    # Refused, or taken without it.
    if answer.status == 200:
        assert server.list(answer.json["id"])["slots"] == []
    else:
        assert answer.status == 422
        assert tree_of(server.pools) == before


# Files that end early.


def cut_files() -> dict[str, bytes]:
    noise = picture(3, (90, 60))
    return {
        "PNG": noise[: len(noise) // 2],
        "JPEG": picture(3, (90, 60), "JPEG")[:2400],
        "GIF": picture(3, (90, 60), "GIF")[:3500],
        "BMP": picture(3, (90, 60), "BMP")[:9000],
        "TIFF": saved(base(), "TIFF", compression="tiff_lzw")[:700],
        "TGA": picture(3, (90, 60), "TGA")[:9000],
        "PPM": picture(3, (90, 60), "PPM")[:9000],
    }


@pytest.mark.parametrize("kind", [kind for kind in cut_files() if kind != "TIFF"])
def test_a_cut_off_file_runs_as_load_image_runs_it_and_is_said_to_be(
    server: Server, kind: str
) -> None:
    data, pool = cut_files()[kind], f"cut-{kind}"
    answer = send(server, pool, data)
    assert answer.status == 200, answer.body
    assert answer.json["slots"][0]["ends_early"] is True
    assert np.array_equal(newest(server, pool), load_image(data))
    # A whole one beside it isn't; no manifest knows of it.
    send(server, pool, picture(4))
    said = [slot.get("ends_early") for slot in server.list(pool)["slots"]]
    assert said == [True, None]
    stored = json.loads((server.pools / pool / "manifest.json").read_bytes())
    assert "ends_early" not in stored["slots"][0]


def test_one_that_came_by_another_door_is_known_once_it_is_drawn(
    server: Server, tmp_path: Path
) -> None:
    profile = server.create("Cut off")
    (server.pools / profile / "photo.jpg").write_bytes(picture(33, (90, 60), "JPEG")[:2400])
    server.snapshot(profile)
    slot = server.list(profile)["slots"][0]
    told = len(server.host.events)
    server.get("/grid_pool/thumb", pool_id=profile, name=slot["image"], size=128)
    assert server.list(profile)["slots"][0]["ends_early"] is True
    assert ("gitpool.changed", {"id": profile}) in server.host.events[told:]
    # So it is after a restart, without being drawn again.
    from gitpool.service import Service

    later = Service(server.pools, server.host.user_directory() / "__gitpool", time.time)
    assert later.pools.list(profile)["slots"][0]["ends_early"] is True


def test_one_that_came_cut_off_is_no_damage_and_one_that_was_cut_off_here_is(
    server: Server,
) -> None:
    profile = server.create("Verified")
    whole = picture(12, (90, 60))
    for data in (whole[:4000], whole):
        assert send(server, profile, data).status == 200
    server.snapshot(profile)
    check = Verify(server.service.library).check
    assert check(profile) == []
    (server.pools / profile / "img_0002.png").write_bytes(whole[:5000])
    (found,) = check(profile)
    assert "img_0002.png" in str(found)


def test_a_picture_that_is_whole_again_is_not_said_to_end_early(server: Server) -> None:
    whole = picture(8, (90, 60))
    send(server, "mended", whole[:4000])
    file = server.pools / "mended" / "img_0001.png"
    assert server.list("mended")["slots"][0]["ends_early"] is True
    file.write_bytes(whole)
    assert "ends_early" not in server.list("mended")["slots"][0]


# Sixteen bits, and every mode.


@pytest.mark.parametrize("kind", of_sixteen_bits())
def test_sixteen_bits_keep_all_their_levels(server: Server, kind: str) -> None:
    data, numbers = of_sixteen_bits()[kind]
    pool = "deep-" + kind.replace(" ", "-").replace(",", "")
    assert send(server, pool, data).status == 200
    shown = newest(server, pool)
    wanted = numbers if numbers.ndim == 3 else np.repeat(numbers[:, :, None], 3, axis=2)
    assert shown.dtype == np.float32
    assert np.array_equal(shown, wanted.astype(np.float32) / np.float32(65535.0))
    assert len(np.unique(shown)) == 65536


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
@pytest.mark.parametrize("make", MODES)
def test_every_mode_and_turn_is_load_images_to_the_pixel(make: str) -> None:
    found = image_array(MODES[make])
    assert found.dtype == np.float32
    assert np.array_equal(found[0], load_image(MODES[make]))


def test_what_has_no_way_to_rgb_is_refused_as_load_image_refuses_it(server: Server) -> None:
    lab = saved(Image.merge("LAB", base().split()), "TIFF")
    try:
        load_image(lab)
    except ValueError:
        assert send(server, "lab", lab).status == 415
    else:
        assert send(server, "lab", lab).status == 200
        assert np.array_equal(newest(server, "lab"), load_image(lab))


def test_grey_numbers_without_a_scale_are_shown_over_their_whole_range(server: Server) -> None:
    ramp = np.linspace(0, 1, SIZE[0] * SIZE[1], dtype=np.float32).reshape(SIZE[::-1])
    send(server, "floats", saved(Image.fromarray(ramp), "TIFF"))
    assert np.allclose(newest(server, "floats")[:, :, 0], ramp, atol=1e-6)
