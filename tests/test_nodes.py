"""The two nodes: what they give, when they run again, what stops them."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image
from support import Server, mask, picture

from gitpool.nodes import DISPLAY_NAMES, build_nodes


@pytest.fixture
def nodes(server: Server) -> dict[str, type]:
    return build_nodes(server.service, server.host.to_tensor)


def give(nodes: dict[str, type], **inputs: Any) -> Any:
    return nodes["GridImagePool"]().run(**inputs)


def changed(nodes: dict[str, type], **inputs: Any) -> Any:
    return nodes["GridImagePool"].IS_CHANGED(**inputs)


def test_the_nodes_are_what_workflows_know(nodes: dict[str, type]) -> None:
    assert DISPLAY_NAMES == {"GridImagePool": "Image Pool (Grid)", "PoolProfile": "Pool Profile"}
    pool, profile = nodes["GridImagePool"], nodes["PoolProfile"]
    assert list(pool.INPUT_TYPES()["required"]) == ["index", "pool_id"]
    assert pool.INPUT_TYPES()["optional"] == {"profile": ("POOL_PROFILE",)}
    assert pool.INPUT_TYPES()["required"]["index"][1]["default"] == -1
    assert pool.RETURN_TYPES == ("IMAGE", "MASK", "INT", "INT", "STRING")
    assert pool.RETURN_NAMES == ("image", "mask", "index", "count", "label")
    assert list(profile.INPUT_TYPES()["required"]) == ["profile", "profile_id"]
    assert profile.RETURN_TYPES == ("POOL_PROFILE",)
    assert profile().run("x", "abc") == ("abc",)
    assert profile().run("", "") == ("default",)


def test_an_empty_pool_gives_one_black_pixel(nodes: dict[str, type]) -> None:
    image, painted, index, count, label = give(nodes, pool_id="nothing_here")
    assert image.shape == (1, 1, 1, 3)
    assert painted.shape == (1, 1, 1)
    assert not image.any()
    assert not painted.any()
    assert (index, count, label) == (0, 0, "")


def test_the_active_image_or_the_one_at_the_index(server: Server, nodes: dict[str, type]) -> None:
    for seed in range(3):
        server.add("p", picture(seed))
    server.post("/grid_pool/label", pool_id="p", index=1, label="mid")
    server.set_mask("p", 1, mask())
    server.post("/grid_pool/active", pool_id="p", index=1)
    image, painted, index, count, label = give(nodes, index=-1, pool_id="p")
    assert (index, count, label) == (1, 3, "mid")
    assert (image.shape, image.dtype) == ((1, 16, 24, 3), np.float32)
    with Image.open(io.BytesIO(picture(1))) as original:
        assert np.array_equal(np.rint(image[0] * 255), np.asarray(original.convert("RGB")))
    assert (painted[0, :, :8] == 1).all()
    assert (painted[0, :, 8:] == 0).all()
    assert give(nodes, index=99, pool_id="p")[2] == 2
    assert give(nodes, index=0, pool_id="p", profile=None)[2] == 0
    assert give(nodes, index=0, pool_id="other", profile="p")[3] == 3


def test_it_runs_again_exactly_when_its_output_changes(
    server: Server, nodes: dict[str, type]
) -> None:
    profile = server.create("p")
    for seed in range(3):
        server.add(profile, picture(seed))
    snapshot = server.snapshot(profile)["id"]
    look = {"index": 0, "pool_id": profile}
    first = changed(nodes, **look)
    assert changed(nodes, **look) == first
    server.post("/grid_pool/label", pool_id=profile, index=2, label="elsewhere")
    server.post("/grid_pool/active", pool_id=profile, index=1)
    assert changed(nodes, **look) == first
    assert changed(nodes, index=-1, pool_id=profile) != first
    server.set_mask(profile, 0, mask())
    masked = changed(nodes, **look)
    assert masked != first
    server.set_mask(profile, 0, mask(left=3))
    assert changed(nodes, **look) not in (first, masked)
    server.post("/grid_pool/profiles/restore", id=profile, snapshot=snapshot)
    assert changed(nodes, **look) == first
    server.post("/grid_pool/label", pool_id=profile, index=0, label="here")
    assert changed(nodes, **look) != first


def test_the_profile_node_vouches_for_all_its_pool(server: Server, nodes: dict[str, type]) -> None:
    profile = server.create("p")
    server.add(profile, picture())
    node = nodes["PoolProfile"]
    first = node.IS_CHANGED("p", profile)
    assert first.startswith(profile)
    assert node.IS_CHANGED("another name", profile) == first
    server.post("/grid_pool/label", pool_id=profile, index=0, label="x")
    second = node.IS_CHANGED("p", profile)
    server.set_mask(profile, 0, mask())
    assert len({first, second, node.IS_CHANGED("p", profile)}) == 3


def test_a_missing_profile_stops_the_run_by_name(server: Server, nodes: dict[str, type]) -> None:
    profile = server.create("Heroes")
    check = nodes["PoolProfile"].VALIDATE_INPUTS
    assert check("Heroes", profile) is True
    assert check("", "") is True
    server.post("/grid_pool/profiles/delete", id=profile)
    assert "“Heroes”" in check("Heroes", profile)
    assert check("x", "../../etc") is not True
    assert nodes["GridImagePool"].VALIDATE_INPUTS(pool_id="../x") is not True
    assert nodes["GridImagePool"].VALIDATE_INPUTS(pool_id="fine") is True


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_rotation_is_followed(
    server: Server, nodes: dict[str, type], orientation: int
) -> None:
    from PIL import ImageOps

    image = Image.radial_gradient("L").resize((40, 24)).convert("RGB")
    exif = Image.Exif()
    exif[0x0112] = orientation
    out = io.BytesIO()
    image.save(out, "JPEG", exif=exif, quality=95)
    server.add("turned", out.getvalue(), "a.jpg")
    shown = give(nodes, index=0, pool_id="turned")[0]
    with Image.open(out) as stored:
        expected = np.asarray(ImageOps.exif_transpose(stored).convert("RGB"), dtype=np.float32)
    assert np.allclose(shown[0], expected / 255)


def test_sixteen_bits_are_scaled_not_clipped(server: Server, nodes: dict[str, type]) -> None:
    values = np.linspace(0, 65535, 64, dtype=np.uint16).reshape(8, 8)
    out = io.BytesIO()
    Image.fromarray(values).save(out, "PNG")
    server.add("deep", out.getvalue())
    shown = give(nodes, index=0, pool_id="deep")[0]
    assert np.allclose(shown[0, :, :, 0], values / 65535, atol=1 / 200)
    dark = io.BytesIO()
    Image.fromarray(np.full((8, 8), 200, dtype=np.uint16)).save(dark, "PNG")
    server.add("dark", dark.getvalue())
    assert give(nodes, index=0, pool_id="dark")[0].max() < 0.01


def test_palettes_alpha_cmyk_and_animations_decode(server: Server, nodes: dict[str, type]) -> None:
    base = Image.radial_gradient("L").resize((20, 12)).convert("RGB")
    rgba = base.copy()
    rgba.putalpha(Image.new("L", base.size, 90))
    variants = {
        "rgba": (rgba, "PNG"),
        "palette": (base.quantize(16), "PNG"),
        "grey alpha": (rgba.convert("LA"), "PNG"),
        "cmyk": (base.convert("CMYK"), "JPEG"),
        "one bit": (base.convert("1"), "PNG"),
    }
    for index, (image, kind) in enumerate(variants.values()):
        out = io.BytesIO()
        image.save(out, kind)
        server.add("many", out.getvalue())
        expected = np.asarray(Image.open(out).convert("RGB"), dtype=np.float32) / 255
        assert np.allclose(give(nodes, index=index, pool_id="many")[0][0], expected)
    frames = [Image.new("RGB", (20, 12), colour) for colour in ("red", "blue")]
    out = io.BytesIO()
    frames[0].save(out, "GIF", save_all=True, append_images=frames[1:])
    server.add("moving", out.getvalue(), "a.gif")
    shown = give(nodes, index=0, pool_id="moving")[0]
    assert shown.shape == (1, 12, 20, 3)
    assert shown[0, 0, 0].tolist() == [1, 0, 0]


def test_a_mask_of_another_size_in_an_old_folder_is_scaled(
    server: Server, nodes: dict[str, type]
) -> None:
    server.add("old", picture())
    server.set_mask("old", 0, mask())
    (server.pools / "old" / "img_0001.mask.png").write_bytes(mask((48, 32), 16))
    painted = give(nodes, index=0, pool_id="old")[1]
    assert painted.shape == (1, 16, 24)
    assert painted[0, 4, 2] == 1
    assert painted[0, 4, 20] == 0


def test_what_cannot_be_known_is_never_the_same_twice(server: Server) -> None:
    """ComfyUI compares a node's answers inside of tuples, where the same NaN is equal to itself."""
    nodes = build_nodes(server.service, lambda array: array)
    pool, profile = nodes["GridImagePool"], nodes["PoolProfile"]
    for ask in (lambda: pool.IS_CHANGED(0, None), lambda: profile.IS_CHANGED("", None)):
        assert (ask(),) != (ask(),)
