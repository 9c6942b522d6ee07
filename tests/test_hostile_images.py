"""Images of every make: refused with a reason, or shown as ComfyUI's Load Image shows them."""

from __future__ import annotations

import io
import json
import struct
from typing import Any

import numpy as np
import pytest
from hostile.extent import some
from PIL import Image, ImageOps, features
from support import Server, picture, tree_of
from test_pools import SVG, chunk, pixel_bomb

from gitpool.nodes import build_nodes

EXTENSIONS = {"PNG": ".png", "JPEG": ".jpg", "WEBP": ".webp", "TIFF": ".tiff"}
SIZE = (20, 12)
# By the EXIF standard's number, what brings an image upright.
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def base() -> Image.Image:
    """A picture that looks different from every side."""
    image = Image.radial_gradient("L").resize(SIZE).convert("RGB")
    image.paste((255, 0, 0), (0, 0, 7, 4))
    image.paste((0, 0, 255), (15, 9, 20, 12))
    return image


def saved(image: Image.Image, kind: str, **more: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **more)
    return out.getvalue()


def as_load_image_does(data: bytes) -> np.ndarray:
    """Load Image's own steps, save for deep grey: the first frame, turned, as RGB. Pillow turns
    a TIFF when it loads it, and before version 12 would have Load Image turn it back."""
    with Image.open(io.BytesIO(data)) as image:
        image.load()
        turned = image if image.format == "TIFF" else ImageOps.exif_transpose(image)
        return np.asarray(turned.convert("RGB"), dtype=np.float32) / 255


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GITPOOL_SNAPSHOT_DELAY", "3600")
        with Server(tmp_path_factory.mktemp("images")) as running:
            yield running


def shown(server: Server, pool: str) -> np.ndarray:
    """What the node gives of a pool's newest image; its thumbnail is of the same shape."""
    node = build_nodes(server.service, lambda array: array)["GridImagePool"]
    slots = server.list(pool)["slots"]
    image = node().run(index=len(slots) - 1, pool_id=pool)[0]
    answer = server.get("/grid_pool/thumb", pool_id=pool, name=slots[-1]["image"], size=512)
    assert answer.status == 200, answer.body
    with Image.open(io.BytesIO(answer.body)) as thumbnail:
        assert thumbnail.size == (image.shape[2], image.shape[1])
    return image[0]


@pytest.mark.parametrize("kind", EXTENSIONS)
def test_every_format_is_turned_as_its_exif_data_says(server: Server, kind: str) -> None:
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        exact = {"lossless": True} if kind == "WEBP" else {}
        data = saved(base(), kind, exif=exif, **exact)
        server.add(f"turned-{kind}", data)
        image = shown(server, f"turned-{kind}")
        assert image.shape[:2] == (SIZE if orientation > 4 else SIZE[::-1]), orientation
        assert np.allclose(image, as_load_image_does(data)), orientation
        upright = base().transpose(TURNS[orientation]) if orientation > 1 else base()
        off = np.abs(image - np.asarray(upright, dtype=np.float32) / 255).mean()
        assert off < (0.1 if kind == "JPEG" else 0.001), orientation


def kinds() -> dict[str, bytes]:
    """One of each make, all of which Load Image takes."""
    image = base()
    clear = image.copy()
    clear.putalpha(Image.linear_gradient("L").resize(SIZE))
    palette = image.quantize(16)
    frames = [Image.new("RGB", SIZE, colour) for colour in ("red", "lime", "blue")]
    moving = {"save_all": True, "append_images": frames[1:], "duration": 50}
    found = {
        "grey": saved(image.convert("L"), "PNG"),
        "one bit": saved(image.convert("1"), "PNG"),
        "grey with alpha": saved(clear.convert("LA"), "PNG"),
        "colour with alpha": saved(clear, "PNG"),
        "a palette": saved(palette, "PNG"),
        "a palette with a clear colour": saved(palette, "PNG", transparency=3),
        "a palette with alphas": saved(palette, "PNG", transparency=bytes(range(0, 256, 16))),
        "grey with a clear shade": saved(image.convert("L"), "PNG", transparency=9),
        "colour with a clear colour": saved(image, "PNG", transparency=(255, 0, 0)),
        "CMYK as JPEG": saved(image.convert("CMYK"), "JPEG"),
        "CMYK as TIFF": saved(image.convert("CMYK"), "TIFF"),
        "YCbCr as TIFF": saved(image.convert("YCbCr"), "TIFF"),
        "grey as JPEG": saved(image.convert("L"), "JPEG"),
        "a progressive JPEG": saved(image, "JPEG", progressive=True),
        "a palette as GIF": saved(palette, "GIF"),
        "a palette as BMP": saved(palette, "BMP"),
        "WebP with alpha": saved(clear, "WEBP", lossless=True),
        "a moving PNG": saved(frames[0], "PNG", **moving),
        "a moving GIF": saved(frames[0], "GIF", **moving),
        "a TIFF of pages": saved(frames[0], "TIFF", save_all=True, append_images=frames[1:]),
        "a packed TIFF": saved(image, "TIFF", compression="tiff_lzw"),
        "metadata of a workflow": saved(image, "PNG", pnginfo=None, exif=Image.Exif()),
    }
    if features.check("webp"):
        found["a moving WebP"] = saved(frames[0], "WEBP", lossless=True, **moving)
    return found


@pytest.mark.parametrize("make", kinds())
def test_every_make_is_shown_as_load_image_shows_it(server: Server, make: str) -> None:
    data = kinds()[make]
    pool = "make-" + make.replace(" ", "-")
    try:
        wanted = as_load_image_does(data)
    except OSError:
        # Pillow before version 13 reads the YCbCr TIFFs that it writes only leniently, as black.
        answer = server.send_form("/grid_pool/add", {"image": ("a", data)}, pool_id=pool, ts=1)
        assert (make, answer.status) == ("YCbCr as TIFF", 200)
        return
    server.add(pool, data)
    assert np.allclose(shown(server, pool), wanted)


def test_grey_of_sixteen_bits_is_scaled_in_every_format(server: Server) -> None:
    values = np.linspace(0, 65535, SIZE[0] * SIZE[1], dtype=np.uint16).reshape(SIZE[::-1])
    for kind in ("PNG", "TIFF"):
        data = saved(Image.fromarray(values), kind)
        server.add(f"deep-{kind}", data)
        image = shown(server, f"deep-{kind}")
        assert np.allclose(image[:, :, 0], values / 65535, atol=1 / 200), kind
    floats = Image.fromarray((values / 65535).astype(np.float32))
    server.add("deep-float", saved(floats, "TIFF"))
    assert np.allclose(shown(server, "deep-float")[:, :, 0], values / 65535, atol=1 / 200)


# Files that are two things at once.


def polyglots() -> dict[str, bytes]:
    page = b"<html><script>alert(1)</script></html>"
    return {
        "a PNG and a zip": saved(base(), "PNG") + b"PK\x05\x06" + bytes(18),
        "a PNG and a page": saved(base(), "PNG") + page,
        "a PNG with a page in it": _with_text(page),
        "a JPEG with a page in it": saved(base(), "JPEG", comment=page),
        "a GIF and a script": saved(base().quantize(8), "GIF") + b";alert(1)//",
        "a PNG and a program": saved(base(), "PNG") + b"MZ" + bytes(100),
        "a PNG and another": saved(base(), "PNG") + picture(3),
    }


def _with_text(text: bytes) -> bytes:
    data = saved(base(), "PNG")
    return data[:33] + chunk(b"tEXt", b"Comment\x00" + text) + data[33:]


@pytest.mark.parametrize("what", polyglots())
def test_a_picture_that_is_something_else_too_is_only_a_picture(server: Server, what: str) -> None:
    data = polyglots()[what]
    pool = "both-" + what.replace(" ", "-")
    server.add(pool, data, "x.html")
    name = server.list(pool)["slots"][0]["image"]
    assert name.rpartition(".")[2] in ("png", "jpg", "gif")
    assert (server.pools / pool / name).read_bytes() == data
    assert np.allclose(shown(server, pool), as_load_image_does(data))
    answer = server.get("/grid_pool/thumb", pool_id=pool, name=name)
    assert answer.headers["Content-Type"] == "image/webp"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert b"script" not in answer.body


# What is none, or too much.


def _gif_of(width: int, height: int) -> bytes:
    head = b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80, 0, 0) + bytes(6)
    return head + b"," + struct.pack("<HHHHB", 0, 0, width, height, 0) + b"\x02\x02L\x01\x00;"


def _bmp_of(width: int, height: int) -> bytes:
    info = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, 0, 0, 0, 0, 0, 0)
    return b"BM" + struct.pack("<IHHI", 54 + 100, 0, 0, 54) + info + bytes(100)


def _jpeg_of(width: int, height: int) -> bytes:
    data = bytearray(saved(base(), "JPEG"))
    at = data.index(b"\xff\xc0") + 5
    struct.pack_into(">HH", data, at, height, width)
    return bytes(data)


def _tiff_of(width: int, height: int) -> bytes:
    data = bytearray(saved(Image.new("L", (9, 9)), "TIFF"))
    at = struct.unpack_from("<I", data, 4)[0]
    for entry in range(struct.unpack_from("<H", data, at)[0]):
        place = at + 2 + 12 * entry
        tag = struct.unpack_from("<H", data, place)[0]
        if tag in (0x100, 0x101):
            struct.pack_into("<HHII", data, place, tag, 4, 1, width if tag == 0x100 else height)
    return bytes(data)


def _webp_of(width: int, height: int) -> bytes:
    bits = (width - 1) | (height - 1) << 14
    body = b"VP8L" + struct.pack("<I", 15) + b"\x2f" + struct.pack("<I", bits) + bytes(11)
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WEBP" + body


BOMBS = {
    "PNG": pixel_bomb(40_000, 40_000),
    # Pillow by itself would begin with this one.
    "a PNG of 100 million pixels": pixel_bomb(10_000, 10_000),
    "a PNG as wide as can be": pixel_bomb(2**31 - 1, 1),
    "GIF": _gif_of(65_535, 65_535),
    "BMP": _bmp_of(60_000, 60_000),
    "a BMP upside down": _bmp_of(60_000, -60_000),
    "JPEG": _jpeg_of(65_500, 65_500),
    "TIFF": _tiff_of(80_000, 80_000),
    "WebP": _webp_of(16_383, 16_383),
}
NONE = {
    "nothing": b"",
    "text": b"just text",
    "a page": b"<!doctype html><img src=x>",
    "SVG": SVG,
    "SVG with a declaration": b'<?xml version="1.0"?>' + SVG,
    "PDF": b"%PDF-1.7\n%%EOF",
    "PostScript": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
    "a film": b"\x00\x00\x00\x18ftypmp42" + bytes(200),
    "a program": b"MZ" + bytes(300),
    "an encapsulated picture": saved(base(), "EPS"),
    "a film's first picture": b"\x00\x00\x01\xb3" + bytes(200),
    "weather": b"GRIB" + bytes(3) + b"\x01" + bytes(200),
    "measurements": b"\x89HDF\r\n\x1a\n" + bytes(200),
    "a metafile": b"\xd7\xcd\xc6\x9a\x00\x00" + bytes(200),
    "news": b"\x1c\x01\x5a\x00\x02\x00\x02" + bytes(200),
    "JSON": json.dumps({"image": "x"}).encode(),
    "a signature alone": b"\x89PNG\r\n\x1a\n",
    "JPEG's first bytes": b"\xff\xd8\xff\xe0",
    "a PNG without pixels": pixel_bomb(10, 10).replace(b"IDAT", b"xDAT"),
    "a PNG of no size": pixel_bomb(0, 0),
    "a page, then a picture": b"<html>" + picture(1),
}


@pytest.mark.parametrize("what", [*BOMBS, *NONE])
def test_what_is_none_or_too_much_is_refused_with_a_reason(server: Server, what: str) -> None:
    data = {**BOMBS, **NONE}[what]
    server.add("steady", picture(2))
    before = tree_of(server.pools)
    for pool in ("steady", "never-made"):
        form = {"image": ("a.png", data)}
        answer = server.send_form("/grid_pool/add", form, pool_id=pool, ts=5)
        assert answer.status == (413 if what in BOMBS else 415), answer.body
        assert answer.json["error"]["message"].endswith(".")
        assert answer.json["error"]["hint"]
    if data:
        form = {"mask": ("m.png", data)}
        answer = server.send_form("/grid_pool/set_mask", form, pool_id="steady", index=0)
        assert answer.status in (413, 415, 422), answer.body
    assert tree_of(server.pools) == before


@pytest.mark.timeout(7200)
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF"])
def test_one_cut_off_anywhere_is_refused_or_whole_enough(server: Server, kind: str) -> None:
    """Whatever is taken in can be shown; whatever can't is refused, and leaves nothing."""
    data = saved(base() if kind != "GIF" else base().quantize(8), kind)
    pool = f"cut-{kind}"
    for cut in some(range(len(data)), 14):
        before = tree_of(server.pools)
        form = {"image": ("a", data[:cut])}
        answer = server.send_form("/grid_pool/add", form, pool_id=pool, ts=5)
        assert answer.status in (200, 415), (cut, answer.body)
        if answer.status == 200:
            assert shown(server, pool).shape[:2] == SIZE[::-1], cut
        else:
            assert tree_of(server.pools) == before, cut
