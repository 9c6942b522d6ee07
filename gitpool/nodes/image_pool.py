"""Image Pool (Grid): one image of a pool, with its mask and label."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from ..errors import GitPoolError, NotAnImage, NotFound, kept_in_lfs
from ..identifiers import check_id
from ..pool.lfs_pointer import is_lfs_pointer
from ..pool.manifest import Manifest
from ..profiles.runs import Runs
from ..profiles.views import PoolView
from ..service import Service
from . import decode
from .fingerprint import content_of, fingerprint

DEFAULT_POOL = "default"
_UNLINKED = ""


class GridImagePool:
    """Gives the active image of a pool, or the one at `index`."""

    service: ClassVar[Service]
    runs: ClassVar[Runs]
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
    def VALIDATE_INPUTS(  # noqa: N802
        cls, pool_id: str | None = DEFAULT_POOL, profile: str | None = _UNLINKED
    ) -> bool | str:
        """Whether the pool can be read; a sentence where it can't. A linked input is None here:
        with a profile linked, `pool_id` only says what the grid showed last."""
        if pool_id is None:
            return True
        try:
            check_id(pool_id or DEFAULT_POOL)
            if profile == _UNLINKED:
                cls.service.library.folder(pool_id or DEFAULT_POOL)
        except GitPoolError as error:
            return f"{error.message} {error.hint}".strip()
        return True

    @classmethod
    def IS_CHANGED(  # noqa: N802
        cls,
        index: int | None = -1,
        pool_id: str | None = DEFAULT_POOL,
        profile: str | None = None,
    ) -> str | float:
        """Differs exactly when what `run` gives does: both see the version that this run pinned.
        A linked input is None here: a linked profile's own node vouches for it; behind a linked
        id or index may be anything."""
        if pool_id is None:
            # A new one each time: where it is the same object, ComfyUI takes it for equal.
            return float("nan")
        pool = profile or pool_id or DEFAULT_POOL
        view = cls.runs.view(pool)
        manifest = view.manifest
        if index is None:
            return f"{pool}:{fingerprint(view)}"
        chosen = choose(manifest, index)
        if chosen is None:
            return f"{pool}:empty"
        slot = manifest.slots[chosen]
        ids = [content_of(view, name) for name in (slot.image, slot.mask)]
        return ":".join([pool, *ids, str(chosen), str(len(manifest.slots)), slot.label])

    def run(
        self, index: int = -1, pool_id: str = DEFAULT_POOL, profile: str | None = None
    ) -> tuple[Any, Any, int, int, str]:
        """image [1,H,W,3], mask [1,H,W], index, count, label."""
        pool = check_id(profile or pool_id or DEFAULT_POOL)
        with self.runs.hold(pool) as view:
            if profile and profile != DEFAULT_POOL and not view.exists:
                raise NotFound("unknown_profile", "The profile that is connected is missing.")
            manifest, chosen, image, mask = self._read(view, index)
        if chosen is None:
            picture, painted = decode.empty_arrays()
            return self.to_tensor(picture), self.to_tensor(painted), 0, 0, ""
        slot = manifest.slots[chosen]
        if image is None or is_lfs_pointer(image):
            raise self._not_here(pool, slot.image)
        picture = decode.image_array(image)
        painted = decode.mask_array(mask, picture.shape[1], picture.shape[2])
        return (
            self.to_tensor(picture),
            self.to_tensor(painted),
            chosen,
            len(manifest.slots),
            slot.label,
        )

    def _not_here(self, pool: str, image: str) -> NotAnImage:
        library = self.service.library
        if library.in_lfs(pool, {image: library.folder(pool).own_stat(image)}):
            return kept_in_lfs(f"“{image}”")
        return NotAnImage("image_gone", f"The file of “{image}” is gone from the pool.")

    def _read(
        self, view: PoolView, index: int
    ) -> tuple[Manifest, int | None, bytes | None, bytes | None]:
        """The manifest, the place that is meant, and the bytes of its image and mask."""
        manifest = view.manifest
        chosen = choose(manifest, index)
        if chosen is None:
            return manifest, None, None, None
        slot = manifest.slots[chosen]
        image, mask = (self.runs.read(view, name) for name in (slot.image, slot.mask))
        return manifest, chosen, image, mask


def choose(manifest: Manifest, index: int) -> int | None:
    """The place that `index` means: -1 the active one, else itself, clamped; None when empty."""
    if not manifest.slots:
        return None
    wanted = manifest.active if index < 0 else index
    return min(wanted, len(manifest.slots) - 1)
