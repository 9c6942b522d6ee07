"""Pool Profile: which named profile the Image Pools it feeds shall show."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from ..errors import GitPoolError
from ..identifiers import check_id
from ..profiles.runs import Runs
from ..service import Service
from .fingerprint import fingerprint
from .image_pool import DEFAULT_POOL


class PoolProfile:
    """Feeds a profile's id into any Image Pool."""

    service: ClassVar[Service]
    runs: ClassVar[Runs]
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
        library = cls.service.library
        try:
            library.registry.get(check_id(profile_id))
            missing = not library.path_of(profile_id).is_dir()
        except GitPoolError:
            missing = True
        if missing:
            named = f"“{profile}” " if profile else ""
            return (
                f"The profile {named}is missing. Choose another in the Pool Profile node, "
                "or bring it back from the deleted ones."
            )
        return True

    @classmethod
    def IS_CHANGED(  # noqa: N802
        cls, profile: str | None = "", profile_id: str | None = ""
    ) -> str | float:
        """The id, and a fingerprint of all that the profile's pool could give: an Image Pool
        can't see which profile is linked to it. Behind a linked id, None here, may be any."""
        if profile_id is None:
            # A new one each time: where it is the same object, ComfyUI takes it for equal.
            return float("nan")
        pool = profile_id or DEFAULT_POOL
        return f"{profile_id}:{fingerprint(cls.runs.view(pool))}"

    def run(self, profile: str = "", profile_id: str = "") -> tuple[str]:
        return (profile_id or DEFAULT_POOL,)
