"""Pool Profile: which named profile the Image Pools it feeds shall show."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any, ClassVar

from ..errors import GitPoolError
from ..identifiers import check_id
from ..service import Service
from .image_pool import DEFAULT_POOL


class PoolProfile:
    """Feeds a profile's id into any Image Pool."""

    service: ClassVar[Service]
    to_tensor: ClassVar[Callable[[Any], Any]]

    CATEGORY = "image"
    DESCRIPTION = "Chooses a named profile of images and feeds it into any Image Pool."
    RETURN_TYPES = ("POOL_PROFILE",)
    RETURN_NAMES = ("profile",)
    FUNCTION = "run"

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:  # noqa: N802
        return {
            "required": {
                "profile": ("STRING", {"default": "", "multiline": False}),
                "profile_id": ("STRING", {"default": "", "multiline": False}),
            }
        }

    @classmethod
    def VALIDATE_INPUTS(  # noqa: N802
        cls, profile: str | None = "", profile_id: str | None = ""
    ) -> bool | str:
        """Stops a run before it starts when the profile is gone."""
        if not profile_id:
            return True
        try:
            cls.service.library.registry.get(check_id(profile_id))
        except GitPoolError:
            named = f"“{profile}” " if profile else ""
            return (
                f"The profile {named}is missing. Choose another in the Pool Profile node, "
                "or bring it back from the deleted ones."
            )
        return True

    @classmethod
    def IS_CHANGED(cls, profile: str = "", profile_id: str = "") -> str:  # noqa: N802
        """The id, and a fingerprint of all that the profile's pool could give: an Image Pool
        can't see which profile is linked to it."""
        pool = profile_id or DEFAULT_POOL
        return f"{profile_id}:{fingerprint(cls.service, pool)}"

    def run(self, profile: str = "", profile_id: str = "") -> tuple[str]:
        return (profile_id or DEFAULT_POOL,)


def fingerprint(service: Service, pool: str) -> str:
    """A word for a pool's whole content: images, masks, labels, order and active image."""
    folder = service.library.folder(check_id(pool))
    manifest = folder.load()
    present = folder.image_files()
    contents = service.library.contents
    digest = hashlib.sha256(str(manifest.active).encode())
    for slot in manifest.slots:
        digest.update(repr(slot.label).encode())
        for name in (slot.image, slot.mask):
            if name and name in present:
                digest.update(contents.of(folder.path / name).encode())
            digest.update(b"|")
    return digest.hexdigest()[:32]
