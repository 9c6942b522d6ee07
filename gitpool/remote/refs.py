"""A remote's refs, with distrust: a name becomes a file here, so only plain ones count."""

from __future__ import annotations

import re
from collections.abc import Mapping

from ..errors import Malformed, RemoteFailed, remote_too_large
from ..git.refs import BRANCHES, TAGS
from ..identifiers import check_name, is_branch, name_of_branch

MOST = 5_000
_ID = re.compile(r"[0-9a-f]{40}")
_MARK = re.compile(rf"{TAGS}snapshot-[0-9a-f]{{12}}")
_NOTHING = "0" * 40


def sound_refs(refs: Mapping[str, str]) -> dict[str, str]:
    """The branches, and the names and locks of snapshots; whatever else there is stays there.

    Raises RemoteFailed where there are more branches than any set of profiles has, or ids of
    another format than SHA-1's.
    """
    if not all(_ID.fullmatch(object_id) for object_id in refs.values()):
        raise other_format()
    kept = {r: o for r, o in refs.items() if o != _NOTHING and _is_ours(r)}
    if sum(ref.startswith(BRANCHES) for ref in kept) > MOST:
        raise remote_too_large()
    return kept


def other_format() -> RemoteFailed:
    """The remote's ids aren't SHA-1's."""
    return RemoteFailed(
        "bad_remote",
        "The remote keeps its history in a format that can't be used here.",
        "Make an empty repository in the usual format (SHA-1) there.",
    )


def _is_ours(ref: str) -> bool:
    return _MARK.fullmatch(ref) is not None or (
        ref.startswith(BRANCHES) and is_profile_branch(ref.removeprefix(BRANCHES))
    )


def is_profile_branch(branch: str) -> bool:
    """Whether a branch can be a profile's: git allows it, any file system too, and the name it
    stands for can be shown."""
    if not is_branch(branch) or branch == "HEAD" or any(c in '"<>|' for c in branch):
        return False
    try:
        check_name(name_of_branch(branch))
    except Malformed:
        return False
    return True
