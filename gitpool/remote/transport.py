"""What a remote can do, whatever carries it; the sync above knows no more than this."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from ..errors import Conflict, remote_too_large
from ..git.outgoing import Outgoing

_LISTING = 16 << 20
_WORDS = 4 << 20

Choose = Callable[[dict[str, str]], list[str]]
Sink = Callable[[bytes], int]
Sent = Callable[[int, int], None]


@dataclass(frozen=True)
class RefUpdate:
    """A branch or tag to set; `old` is what it must be there now, None where it must not be;
    `new` None removes it."""

    ref: str
    old: str | None
    new: str | None


@dataclass(frozen=True)
class Limits:
    """Seconds to wait for a connection and for the next byte; bytes to receive at most."""

    connect: float = 15.0
    silence: float = 60.0
    receive: int = 64 << 30


class Budget:
    """How many more bytes a remote may say: a list of refs, then the pack and few other words."""

    def __init__(self) -> None:
        self._left = _LISTING
        self.used = False

    def asked(self) -> None:
        """A request goes out; its answer begins."""
        self._left = _WORDS

    def took(self, size: int) -> None:
        """So many of the bytes were the pack's, which is counted where it goes."""
        self._left += size + size // 16

    def read(self, size: int) -> None:
        """So many bytes came. Raises RemoteFailed where it was too much."""
        self._left -= size
        self.used = self.used or size > 0
        if self._left < 0:
            raise remote_too_large()


class RemoteMoved(Conflict):
    """Somebody else's push came first: fetch, merge, and try again."""

    def __init__(self) -> None:
        super().__init__(
            "remote_moved", "Another machine synced at the same moment.", "Sync again."
        )


class Remote(Protocol):
    """One remote repository. Every method raises RemoteFailed for what goes wrong there."""

    def fetch(self, choose: Choose, haves: Sequence[str], sink: Sink) -> dict[str, str]:
        """Ask for the refs, and for the objects that `choose` names of them, as one pack.

        choose: gets the refs, gives object ids. haves: commits that are here already.
        sink: takes the pack, piece by piece; what it raises ends the transfer.
        """

    def peek(self, commits: Sequence[str]) -> dict[str, bytes]:
        """These commits and their trees, raw, by id; as far as they come without the images."""

    def push(self, updates: Sequence[RefUpdate], objects: Outgoing, sent: Sent) -> None:
        """Send the objects and set the refs, all or none where the remote can.

        sent: told the objects sent so far, and their bytes. With no updates it only asks
        whether one may push. Raises RemoteMoved.
        """
