"""Image Pool (Grid): one image of a pool, with its mask and label."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from ..errors import GitPoolError, NotAnImage
from ..identifiers import check_id
from ..pool.manifest import Manifest
from ..service import Service
from . import decode

DEFAULT_POOL = "default"


class GridImagePool:
    """Gives the active image of a pool, or the one at `index`."""

    service: ClassVar[Service]
    to_tensor: ClassVar[Callable[[Any], Any]]

    CATEGORY = "image"
    DESCRIPTION = (
        "A grid of reference images, each with a painted mask and a label. "
        "Gives the active one, or the one at index."
    )
    RETURN_TYPES = ("IMAGE", "MASK", "INT", "INT", "STRING")
    RETURN_NAMES = ("image", "mask", "index", "count", "label")
    FUNCTION = "run"

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:  # noqa: N802
        return {
            "required": {
                "index": (
                    "INT",
                    {
                        "default": -1,
                        "min": -1,
                        "max": 2**31,
                        "tooltip": "-1 gives the active image; 0 and up, the image at that place.",
                    },
                ),
                "pool_id": ("STRING", {"default": "default", "multiline": False}),
            },
            "optional": {"profile": ("POOL_PROFILE",)},
        }

    @classmethod
    def VALIDATE_INPUTS(cls, pool_id: str = DEFAULT_POOL) -> bool | str:  # noqa: N802
        """Whether the pool can be read; a sentence where it can't."""
        try:
            cls.service.library.folder(check_id(pool_id or DEFAULT_POOL))
        except GitPoolError as error:
            # With a profile connected this id only says what the grid showed last.
            return True if error.code == "unknown_profile" else error.message
        return True

    @classmethod
    def IS_CHANGED(  # noqa: N802
        cls, index: int = -1, pool_id: str = DEFAULT_POOL, profile: str | None = None
    ) -> str:
        """Differs exactly when what `run` would give does. A linked profile is None here: the
        profile's own node vouches for it then."""
        pool = profile or pool_id or DEFAULT_POOL
        folder = cls.service.library.folder(pool)
        manifest = folder.load()
        chosen = choose(manifest, index)
        if chosen is None:
            return f"{pool}:empty"
        slot, contents = manifest.slots[chosen], cls.service.library.contents
        names = [name for name in (slot.image, slot.mask) if name]
        ids = [contents.of(p) for p in (folder.path / n for n in names) if p.is_file()]
        return ":".join([pool, *ids, str(chosen), str(len(manifest.slots)), slot.label])

    def run(
        self, index: int = -1, pool_id: str = DEFAULT_POOL, profile: str | None = None
    ) -> tuple[Any, Any, int, int, str]:
        """image [1,H,W,3], mask [1,H,W], index, count, label."""
        pool = check_id(profile or pool_id or DEFAULT_POOL)
        manifest, chosen, image, mask = self._read(pool, index)
        if chosen is None:
            picture, painted = decode.empty_arrays()
            return self.to_tensor(picture), self.to_tensor(painted), 0, 0, ""
        slot = manifest.slots[chosen]
        if image is None:
            raise NotAnImage("image_gone", f"The file of “{slot.image}” is gone from the pool.")
        picture = decode.image_array(image)
        painted = decode.mask_array(mask, picture.shape[1], picture.shape[2])
        return (
            self.to_tensor(picture),
            self.to_tensor(painted),
            chosen,
            len(manifest.slots),
            slot.label,
        )

    def _read(
        self, pool: str, index: int
    ) -> tuple[Manifest, int | None, bytes | None, bytes | None]:
        """Manifest and bytes of one moment: no edit comes between reading one and the other."""
        library = self.service.library
        folder = library.folder(pool)
        if not folder.path.is_dir():
            return Manifest(), None, None, None
        with library.locks.hold(pool):
            manifest = folder.load()
            chosen = choose(manifest, index)
            if chosen is None:
                return manifest, None, None, None
            slot = manifest.slots[chosen]
            image, mask = folder.path / slot.image, folder.path / (slot.mask or slot.image)
            return (
                manifest,
                chosen,
                image.read_bytes() if image.is_file() else None,
                mask.read_bytes() if slot.mask and mask.is_file() else None,
            )


def choose(manifest: Manifest, index: int) -> int | None:
    """The place that `index` means: -1 the active one, else itself, clamped; None when empty."""
    if not manifest.slots:
        return None
    wanted = manifest.active if index < 0 else index
    return min(wanted, len(manifest.slots) - 1)
