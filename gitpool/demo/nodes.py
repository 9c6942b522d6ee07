"""The few of ComfyUI's own nodes the demo needs, under ComfyUI's names."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo


class _AnyType(str):
    """A socket type every link fits: ComfyUI compares types with `!=`."""

    __hash__ = str.__hash__

    def __ne__(self, other: object) -> bool:
        return False


def make_nodes(temp: Path) -> dict[str, type]:
    """The demo's node classes; previews are written into the folder `temp`."""

    class PreviewImage:
        DESCRIPTION = "Shows the images."
        RETURN_TYPES = ()
        FUNCTION = "preview"
        OUTPUT_NODE = True
        CATEGORY = "image"

        @classmethod
        def INPUT_TYPES(cls) -> dict[str, Any]:  # noqa: N802
            return {
                "required": {"images": ("IMAGE",)},
                "hidden": {"prompt": "PROMPT", "extra_pnginfo": "EXTRA_PNGINFO"},
            }

        def preview(
            self, images: Any, prompt: Any = None, extra_pnginfo: Any = None
        ) -> dict[str, Any]:
            info = _png_info(prompt, extra_pnginfo)
            return {"ui": {"images": [_write_preview(temp, each, info) for each in images]}}

    return {
        "PreviewImage": PreviewImage,
        "MaskToImage": MaskToImage,
        "PreviewAny": PreviewAny,
    }


class MaskToImage:
    """MASK [B, H, W] or [H, W] to IMAGE [B, H, W, 3]."""

    RETURN_TYPES = ("IMAGE",)
    FUNCTION = "mask_to_image"
    CATEGORY = "mask"

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:  # noqa: N802
        return {"required": {"mask": ("MASK",)}}

    def mask_to_image(self, mask: Any) -> tuple[np.ndarray]:
        planes = np.asarray(mask, dtype=np.float32)
        planes = planes.reshape((-1, *planes.shape[-2:], 1))
        return (np.repeat(planes, 3, axis=-1),)


class PreviewAny:
    """Shows any value as text."""

    RETURN_TYPES = ()
    FUNCTION = "main"
    OUTPUT_NODE = True
    CATEGORY = "utils"

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:  # noqa: N802
        return {"required": {"source": (_AnyType("*"), {})}}

    def main(self, source: Any = None) -> dict[str, Any]:
        text = source if isinstance(source, str) else json.dumps(source, default=str)
        return {"ui": {"text": (text,)}}


DISPLAY_NAMES = {
    "PreviewImage": "Preview Image",
    "MaskToImage": "Convert Mask to Image",
    "PreviewAny": "Preview Any",
}


def _png_info(prompt: Any, extra: Any) -> PngInfo:
    """The texts that let a saved preview be dropped on the editor to get its workflow back."""
    info = PngInfo()
    if prompt is not None:
        info.add_text("prompt", json.dumps(prompt))
    for name, value in (extra or {}).items():
        info.add_text(name, json.dumps(value))
    return info


def _write_preview(temp: Path, image: Any, info: PngInfo) -> dict[str, str]:
    """Write one [H, W, C] array; returns what `/view` needs to show it."""
    pixels = np.clip(np.asarray(image) * 255.0, 0, 255).astype(np.uint8)
    # A name never used before: the browser keeps images by their address.
    name = f"preview_{uuid.uuid4().hex[:12]}.png"
    temp.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(temp / name, pnginfo=info, compress_level=1)
    return {"filename": name, "subfolder": "", "type": "temp"}
