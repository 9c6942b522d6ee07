"""A remote that speaks git's smart protocol, by dulwich's clients, over https or ssh."""

from __future__ import annotations

import contextlib
import functools
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from dulwich.client import GitClient
from dulwich.errors import GitProtocolError
from dulwich.pack import UnpackedObject

from ..errors import GitPoolError, RemoteFailed
from ..git.outgoing import Outgoing
from ..git.pack import pack_entry
from .address import Address
from .failures import CUT_OFF, explain, refused
from .refs import other_format, sound_refs
from .sniff import Enough, Sniffer
from .transport import Budget, Choose, RefUpdate, RemoteMoved, Sent, Sink

_SECOND_TRY = 0.5
_ZERO = b"0" * 40
# One request for refs that also serves the fetch; version 2 needs two.
_ONE_ROUND_TRIP = 0
_LOST_RACE = (
    *("failed to update ref", "already exists", "non-fast-forward", "stale info"),
    *("cannot lock ref", "incorrect old value"),
)

Connect = Callable[[Budget], GitClient]
T = TypeVar("T")


class SmartRemote:
    """A remote behind a dulwich client. connect: makes a client, `path` is what it asks for."""

    def __init__(self, address: Address, connect: Connect, path: str) -> None:
        self._address = address
        self._connect = connect
        self._path = path.encode()

    def fetch(self, choose: Choose, haves: Sequence[str], sink: Sink) -> dict[str, str]:
        """See `Remote.fetch`."""

        @_ours
        def wants(refs: dict[Any, Any], depth: int | None = None) -> list[bytes]:
            return [object_id.encode() for object_id in choose(_texts(refs))]

        def talk(client: GitClient, budget: Budget) -> dict[str, str]:
            def take(data: bytes) -> int:
                budget.took(len(data))
                return sink(data)

            result = client.fetch_pack(
                self._path, wants, _Haves(haves), _ours(take), protocol_version=_ONE_ROUND_TRIP
            )
            if result.object_format not in (None, "sha1"):
                raise other_format()
            return _texts(result.refs)

        return self._talk(talk)

    def peek(self, commits: Sequence[str]) -> dict[str, bytes]:
        """See `Remote.peek`. Commits come first in a pack; past them the connection is cut."""
        sniffer = Sniffer(commits)

        def talk(client: GitClient, budget: Budget) -> None:
            def take(data: bytes) -> int:
                budget.took(len(data))
                return sniffer.write(data)

            # A server that can't leave the images out is no news to whoever reads the log.
            client._warn_filter_objects = lambda: None
            with contextlib.suppress(Enough):
                client.fetch_pack(
                    self._path,
                    lambda refs, depth=None: [c.encode() for c in commits],
                    _Haves([]),
                    take,
                    depth=1,
                    filter_spec=b"blob:none",
                )

        if commits:
            self._talk(talk)
        return sniffer.found

    def push(self, updates: Sequence[RefUpdate], objects: Outgoing, sent: Sent) -> None:
        """See `Remote.push`."""
        wanted = {u.ref.encode(): (u.new or "").encode() or _ZERO for u in updates}

        @_ours
        def changes(refs: dict[Any, Any]) -> dict[Any, Any]:
            there = _texts(refs)
            if any(there.get(update.ref) != update.old for update in updates):
                raise RemoteMoved
            return dict(wanted)

        def pack(*_: Any, **__: Any) -> tuple[int, Iterator[UnpackedObject]]:
            return len(objects.ids), _unpacked(objects, sent)

        def talk(client: GitClient, _: Budget) -> None:
            _refuse_other_formats(client)
            atomic = len(updates) > 1
            try:
                result = client.send_pack(self._path, changes, pack, atomic=atomic)
            except GitProtocolError as error:
                if not atomic or "atomic" not in str(error):
                    raise
                result = client.send_pack(self._path, changes, pack)
            _check_status(result.ref_status or {})

        self._talk(talk)

    def _talk(self, talk: Callable[[GitClient, Budget], T]) -> T:
        budget = Budget()
        try:
            return self._talk_once(talk, budget)
        except RemoteFailed as error:
            # Nothing was said yet, so nothing was done: servers under load drop newcomers.
            if error.code != CUT_OFF or budget.used:
                raise
        time.sleep(_SECOND_TRY)
        return self._talk_once(talk, Budget())

    def _talk_once(self, talk: Callable[[GitClient, Budget], T], budget: Budget) -> T:
        client = self._connect(budget)
        try:
            return talk(client, budget)
        except _Ours as ours:
            raise ours.error from None
        except GitPoolError:
            raise
        except Exception as error:  # a strange server makes dulwich raise many kinds
            raise explain(error, self._address) from error
        finally:
            client.close()


class _Ours(Exception):
    """What our own side raised during a transfer: no failure of the remote's."""

    def __init__(self, error: Exception) -> None:
        super().__init__(str(error))
        self.error = error


def _ours(function: Callable[..., T]) -> Callable[..., T]:
    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> T:
        try:
            return function(*args, **kwargs)
        except Exception as error:
            raise _Ours(error) from error

    return call


class _Haves:
    """What we tell the remote that we have; it answers with the rest."""

    shallow: frozenset[bytes] = frozenset()

    def __init__(self, commits: Sequence[str]) -> None:
        self._left = iter([commit.encode() for commit in commits])

    def __next__(self) -> bytes | None:
        return next(self._left, None)

    next = __next__

    def ack(self, _: bytes) -> None:
        """The remote has it too; the next ones are told all the same."""

    def nak(self) -> None:
        """The remote has none of them."""


def _refuse_other_formats(client: GitClient) -> None:
    """An empty repository says only to who pushes that its ids aren't SHA-1's; dulwich has no
    public place to hear it."""
    negotiate = client._negotiate_receive_pack_capabilities

    def heard(capabilities: set[bytes]) -> Any:
        said = {c for c in capabilities if c.startswith(b"object-format=")}
        if said - {b"object-format=sha1"}:
            raise other_format()
        return negotiate(capabilities)

    client._negotiate_receive_pack_capabilities = heard  # type: ignore[method-assign]


def _unpacked(objects: Outgoing, sent: Sent) -> Iterator[UnpackedObject]:
    total = 0
    sent, read = _ours(sent), _ours(objects.objects.read_raw)
    for done, object_id in enumerate(objects.ids):
        sent(done, total)
        type_num, data = read(object_id)
        total += len(data)
        entry = UnpackedObject(type_num, sha=bytes.fromhex(object_id), decomp_chunks=[data])
        entry.comp_chunks = pack_entry(type_num, data)  # type: ignore[assignment]
        yield entry
    sent(len(objects.ids), total)


def _check_status(status: dict[bytes, str | None]) -> None:
    reasons = [reason for reason in status.values() if reason is not None]
    if not reasons:
        return
    if any(word in reason for reason in reasons for word in _LOST_RACE):
        raise RemoteMoved
    # The others only say that they fell with the first.
    raise refused(next((r for r in reasons if "atomic" not in r), reasons[0]))


def _texts(refs: dict[Any, Any]) -> dict[str, str]:
    return sound_refs(
        {
            ref.decode("utf-8", "surrogateescape"): object_id.decode("ascii", "replace")
            for ref, object_id in refs.items()
            if object_id is not None
        }
    )
