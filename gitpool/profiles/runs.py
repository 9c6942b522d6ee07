"""One run, one version: what a running workflow sees of a pool, whatever is edited meanwhile.

The first time a run asks for a pool, the pool is pinned for it as it is at that moment.
"""

from __future__ import annotations

import contextlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator

from ..errors import Conflict
from . import views
from .library import Library
from .views import PoolView

REMEMBERED_RUNS = 2


class Runs:
    """The pools as the present run sees them; safe to use from several threads.

    current: names the run that is under way, never two runs alike; None where there is none,
    or nobody knows: then pools are seen as they are.
    """

    def __init__(self, library: Library, current: Callable[[], str | None]) -> None:
        self._library = library
        self._current = current
        self._pins: OrderedDict[str, dict[str, PoolView]] = OrderedDict()
        self._guard = threading.Lock()

    def view(self, pool_id: str) -> PoolView:
        """The pool as this run first saw it. Raises NotFound for a deleted profile."""
        run = self._current()
        if run is None:
            return views.look(self._library, pool_id)
        with self._guard:
            pinned = self._pins.get(run, {}).get(pool_id)
        if pinned is not None:
            return pinned
        seen = views.look(self._library, pool_id)
        with self._guard:
            view = self._pins.setdefault(run, {}).setdefault(pool_id, seen)
            while len(self._pins) > REMEMBERED_RUNS:
                self._pins.popitem(last=False)
        return view

    @contextlib.contextmanager
    def hold(self, pool_id: str) -> Iterator[PoolView]:
        """The pool as `view` gives it, kept from changing while the block reads its files; as far
        as that can be where nothing can be written."""
        library = self._library
        if not (library.path_of(pool_id).is_dir() or library.trash_of(pool_id).is_dir()):
            yield self.view(pool_id)
            return
        with library.locks.hold_to_read(pool_id):
            yield self.view(pool_id)

    def read(self, view: PoolView, name: str | None) -> bytes | None:
        """A file's bytes as they were then; None where there was no such file. Call it inside
        `hold`. Raises Conflict where the bytes were replaced and kept nowhere."""
        if name is None or name not in view.blobs:
            return None
        data = views.read(self._library, view, name)
        if data is None:
            raise Conflict(
                "changed_during_run",
                f"“{name}” was changed while the run was under way. Run it again.",
            )
        return data
