"""Masks as other programs save them: the mask editor's own files give the mask that was painted."""

from __future__ import annotations

import io
from collections.abc import Iterator

import numpy as np
import pytest
from pictures import saved
from PIL import Image, ImageDraw
from support import Server, picture

from gitpool.nodes import build_nodes
from gitpool.pool import masks

SIZE = (24, 16)
POOL = "painted"


def paint() -> Image.Image:
    """What was painted: white, soft at one edge."""
    image = Image.new("L", SIZE)
    ImageDraw.Draw(image).ellipse((2, 3, 12, 12), 255)
    image.paste(128, (13, 3, 15, 12))
    return image


def pool_picture() -> Image.Image:
    return Image.open(io.BytesIO(picture(1))).convert("RGB")


def inverted(image: Image.Image) -> Image.Image:
    return image.point(lambda value: 255 - value)


def transparent(colours: Image.Image, painted: Image.Image | None = None) -> Image.Image:
    """As the editor saves: the painted parts are transparent, their colours stay."""
    found = colours.convert("RGB")
    found.putalpha(inverted(painted or paint()))
    return found


def premultiplied(image: Image.Image) -> Image.Image:
    """As a canvas saves: what is quite transparent has lost its colour."""
    found = Image.new("RGBA", SIZE)
    found.paste(image, mask=image.getchannel("A").point(lambda value: 255 if value else 0))
    return found


def with_strokes() -> Image.Image:
    """The picture, painted over in colour: `clipspace-painted-….png`."""
    image = pool_picture()
    ImageDraw.Draw(image).line((0, 15, 23, 0), (255, 0, 255), 2)
    return image


def binary() -> Image.Image:
    return paint().point(lambda value: 255 if value == 255 else 0)


def palette() -> tuple[Image.Image, int]:
    """The picture in few colours, of which one is kept for the painted parts."""
    image = pool_picture().quantize(15)
    image.putpalette([*image.getpalette()[:45], 10, 20, 30])
    image.paste(15, mask=binary())
    return image, 15


def editors_files() -> dict[str, tuple[bytes, Image.Image]]:
    """What the editor saves, and ComfyUI's server makes of it, with what was painted."""
    few, kept = palette()
    black, nothing = Image.new("RGB", SIZE), Image.new("L", SIZE)
    everything = Image.new("L", SIZE, 255)
    grey = pool_picture().convert("L")
    grey.putalpha(inverted(paint()))
    return {
        "clipspace-mask": (saved(transparent(pool_picture()), "PNG"), paint()),
        "clipspace-painted-masked": (saved(transparent(with_strokes()), "PNG"), paint()),
        "through a canvas": (saved(premultiplied(transparent(pool_picture())), "PNG"), paint()),
        "the alpha alone": (saved(transparent(black), "PNG"), paint()),
        "nothing painted": (saved(transparent(pool_picture(), nothing), "PNG"), nothing),
        "all painted": (saved(transparent(pool_picture(), everything), "PNG"), everything),
        "all painted, through a canvas": (saved(Image.new("RGBA", SIZE), "PNG"), everything),
        "grey with alpha": (saved(grey, "PNG"), paint()),
        "a palette with a clear colour": (saved(few, "PNG", transparency=kept), binary()),
        "WebP": (saved(transparent(pool_picture()), "WEBP", lossless=True, exact=True), paint()),
    }


def paint_files() -> dict[str, tuple[bytes, Image.Image]]:
    """White paint, as this pack's page and other programs save it."""
    white, ground = Image.new("RGB", SIZE, "white"), Image.new("RGBA", SIZE)
    white.putalpha(paint())
    ground.paste(white, mask=binary())
    page = paint().convert("RGBA")
    return {
        "grey": (saved(paint(), "PNG"), paint()),
        "one bit": (saved(binary().convert("1"), "PNG"), binary()),
        "a palette": (saved(binary().convert("P"), "PNG"), binary()),
        "colour": (saved(paint().convert("RGB"), "PNG"), paint()),
        "this pack's page": (saved(page, "PNG"), paint()),
        "sixteen bits": (
            saved(Image.fromarray(np.asarray(paint()).astype(np.uint16) * 257), "PNG"),
            paint(),
        ),
        "white on a clear ground": (saved(white, "PNG"), paint()),
        "strokes on a canvas": (saved(ground, "PNG"), binary()),
    }


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GITPOOL_SNAPSHOT_DELAY", "3600")
        with Server(tmp_path_factory.mktemp("masks")) as running:
            running.add(POOL, picture(1))
            yield running


def run(server: Server, pool: str) -> np.ndarray:
    """The node's MASK, which the thumbnail and the mask editor's source agree with."""
    node = build_nodes(server.service, lambda array: array)["GridImagePool"]
    painted = node().run(index=0, pool_id=pool)[1][0]
    layers = server.get("/grid_pool/layers", pool_id=pool, filename="img_0001.png", channel="a")
    alpha = np.asarray(Image.open(io.BytesIO(layers.body)).getchannel("A"))
    assert np.array_equal(255 - alpha, np.rint(painted * 255))
    return painted


@pytest.mark.parametrize("what", {**editors_files(), **paint_files()})
def test_a_given_mask_is_what_was_painted(server: Server, what: str) -> None:
    data, painted = {**editors_files(), **paint_files()}[what]
    assert server.set_mask(POOL, 0, data).status == 200
    wanted = np.asarray(painted, dtype=np.float32) / 255
    assert np.array_equal(run(server, POOL), wanted)
    stored = server.pools / POOL / "img_0001.mask.png"
    # Plain paint is kept byte for byte, what else was given becomes it.
    if what in paint_files() and "clear" not in what and "canvas" not in what:
        assert stored.read_bytes() == data
    else:
        with Image.open(stored) as kept:
            assert (kept.format, kept.mode) == ("PNG", "L")
    name = server.list(POOL)["slots"][0]["mask"]
    small = server.get("/grid_pool/thumb", pool_id=POOL, name=name, size=64)
    alpha = np.asarray(Image.open(io.BytesIO(small.body)).convert("RGBA").getchannel("A"))
    assert np.array_equal(alpha, np.asarray(painted))


def test_a_white_picture_s_mask_is_told_from_white_paint(server: Server) -> None:
    """Both are white wherever they can be seen: what the mask is given for decides."""
    white = Image.new("RGB", SIZE, "white")
    server.add("white", saved(white, "PNG"))
    for made in (transparent(white), premultiplied(transparent(white))):
        assert server.set_mask("white", 0, saved(made, "PNG")).status == 200
        assert np.array_equal(run(server, "white") * 255, np.asarray(paint(), dtype=np.float32))


def test_a_mask_that_lies_in_a_folder_is_read_as_ever_unless_it_is_the_editors(
    server: Server,
) -> None:
    server.add("lying", picture(1))
    assert server.set_mask("lying", 0, saved(paint(), "PNG")).status == 200
    lying = server.pools / "lying" / "img_0001.mask.png"
    for what in ("clipspace-mask", "clipspace-painted-masked", "the alpha alone", "all painted"):
        data, painted = editors_files()[what]
        if what == "all painted":  # nothing tells it from a canvas that nobody painted on
            painted = Image.new("L", SIZE)
        lying.write_bytes(data)
        assert np.array_equal(run(server, "lying") * 255, np.asarray(painted)), what
    half = Image.new("LA", SIZE, (200, 255))
    half.putalpha(paint())
    wanted = np.rint(np.asarray(paint(), dtype=np.float32) * 200 / 255)
    for made, expected in (
        (half, wanted),
        (Image.new("RGBA", SIZE), np.zeros(SIZE[::-1])),
        (pool_picture(), np.asarray(pool_picture().convert("L"))),
    ):
        lying.write_bytes(saved(made, "PNG"))
        assert np.array_equal(run(server, "lying") * 255, expected)


def test_a_mask_that_ends_early_is_refused(server: Server) -> None:
    before = (server.pools / POOL / "img_0001.mask.png").read_bytes()
    noise = Image.open(io.BytesIO(picture(5, SIZE))).convert("L")
    data = saved(noise, "PNG")
    assert server.set_mask(POOL, 0, data[: len(data) // 2]).status == 415
    assert (server.pools / POOL / "img_0001.mask.png").read_bytes() == before


def test_a_mask_is_compared_with_its_picture_only_where_it_may_be_either() -> None:
    def never() -> Image.Image:
        raise AssertionError("the picture was decoded")

    page = paint_files()["this pack's page"][0]
    for data in (page, paint_files()["grey"][0], editors_files()["clipspace-mask"][0]):
        masks.given(Image.open(io.BytesIO(data)), never)
