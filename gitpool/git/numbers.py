"""The next number for an image: none that the history has used is used again, whatever was
brought back, copied, merged or committed by a git user.

A manifest that Git Pool writes says a next number above all before it; but an older version, or
another program, may have written a lower one. So each snapshot's list of files is looked at once:
what is known is remembered here, and noted beside the history once it took long to find out.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable

from ..errors import Damaged, NotFound
from ..pool import durable
from ..pool.reading import read_file
from .ancestry import ancestors
from .repository import NUMBERS, Repository

# An image's or a mask's name in a list of files, as git stores it.
_NAME = re.compile(rb" img_(\d{1,9})\b", re.IGNORECASE)
# Snapshots that are looked at again in the next process rather than noted.
_FEW = 64
_REMEMBERED = 256
_seen: dict[str, tuple[frozenset[str], int]] = {}


def next_number(repo: Repository, *more: str) -> int:
    """A number above each that an image or mask has in the history, and above what was noted.

    more: snapshots that are about to join the history. Writes a note now and then, so the caller
    holds the pool's lock.
    """
    tips = frozenset({*repo.tips(), *more})
    known, number = _seen.get(str(repo.git)) or _noted(repo)
    if tips != known:
        fresh = _fresh(repo, tips, known)
        number = max([number, *(_highest(repo, name) + 1 for name in fresh)])
        if len(fresh) > _FEW:
            note(repo, tips, number)
        _seen[str(repo.git)] = tips, number
        while len(_seen) > _REMEMBERED:
            _seen.pop(next(iter(_seen)), None)
    return number


def note(repo: Repository, tips: Iterable[str], number: int) -> None:
    """Note the next number of all that the tips come from."""
    text = "\n".join([str(number), *sorted(tips), ""])
    durable.write_file(repo.git / NUMBERS, text.encode())


def _noted(repo: Repository) -> tuple[frozenset[str], int]:
    with contextlib.suppress(FileNotFoundError, IsADirectoryError, ValueError):
        first, *tips = read_file(repo.git / NUMBERS).decode("ascii").split()
        return frozenset(tips), int(first)
    return frozenset(), 1


def _fresh(repo: Repository, tips: frozenset[str], known: frozenset[str]) -> set[str]:
    """What the tips come from, without what is known already."""
    there = {name for name in known if name in repo.objects}
    if len(tips) == 1 and (found := _straight(repo, next(iter(tips)), there)) is not None:
        return found
    return ancestors(repo.parents, *tips) - ancestors(repo.parents, *there)


def _straight(repo: Repository, tip: str, known: set[str]) -> set[str] | None:
    """The few snapshots since a known one, in the usual case of no fork; else None."""
    found: set[str] = set()
    while tip not in known:
        found.add(tip)
        parents = repo.parents(tip)
        if len(parents) != 1 or len(found) > _FEW:
            return None
        tip = parents[0]
    return found


def _highest(repo: Repository, snapshot: str) -> int:
    # What can't be read gives nothing back either.
    with contextlib.suppress(Damaged, NotFound):
        tree = repo.objects.read_raw(repo.commit(snapshot).tree.decode())[1]
        return max(map(int, _NAME.findall(tree)), default=0)
    return 0
