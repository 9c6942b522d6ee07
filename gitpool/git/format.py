"""Which repository formats can be used here: those whose every rule is known.

What a repository needs stands in its settings, `core.repositoryformatversion` and `extensions.*`;
a program that doesn't know one of them must not touch it:
https://git-scm.com/docs/repository-version.
"""

from __future__ import annotations

import io
from pathlib import Path

from dulwich.config import ConfigFile

from ..errors import Unacceptable
from ..pool.reading import read_file

# Extensions that change nothing for us, with the values that are known; None is any value.
_HARMLESS: dict[bytes, tuple[bytes, ...] | None] = {
    b"noop": None,
    b"noop-v1": None,
    b"worktreeconfig": None,
    b"relativeworktrees": None,
    b"objectformat": (b"sha1",),
    b"refstorage": (b"files",),
    b"preciousobjects": (b"false", b"no", b"off", b"0"),
}


def require_known_format(git: Path) -> None:
    """Raise Unacceptable where the repository whose `.git` folder this is keeps its history in a
    format that isn't known here, such as SHA-256 ids or reftable. Reads one small file."""
    if not is_known_format(git):
        raise Unacceptable(
            "unknown_format",
            "This repository keeps its history in a format that can't be used here.",
            "Nothing was changed in it. Use one in the usual format (SHA-1 ids, refs as files).",
        )


def is_known_format(git: Path) -> bool:
    """Tell whether every setting of the format is known; one that can't be read says nothing."""
    if (git / "reftable").is_dir():
        return False
    try:
        config = ConfigFile.from_file(io.BytesIO(read_file(git / "config")))
    except (OSError, ValueError):
        return True
    for section in config.sections():
        name = section[0].lower()
        for key, value in config.items(section):
            if name == b"core" and key.lower() == b"repositoryformatversion":
                # What is no number at all is damage, which is mended elsewhere.
                if value.strip().isdigit() and value.strip().lstrip(b"0") not in (b"", b"1"):
                    return False
            elif name == b"extensions" and not _is_harmless(section, key, value):
                return False
    return True


def _is_harmless(section: tuple[bytes, ...], key: bytes, value: bytes) -> bool:
    if len(section) > 1:
        return False
    known = _HARMLESS.get(key.lower(), ())
    return known is None or value.strip().lower() in known
