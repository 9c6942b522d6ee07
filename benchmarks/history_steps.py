"""What Git Pool does with a long history, in a process of its own:
`python -m benchmarks.history_steps TASK`. See `benchmarks.steps`."""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Callable
from typing import Any

from .steps import PROFILE, run, service_in

PAGE = 60
_NOTHING = {"all": 0, "hourly": 0, "daily": 0, "weekly": 0}
_BEFORE = 2.0


def first_page(home: str, state: str) -> Callable[[], object]:
    """The newest snapshots. state: `cold` in a fresh service, `warm` once more in the same one,
    `more` after one more snapshot."""
    service = service_in(home)

    def page() -> object:
        return service.versions.history(PROFILE, PAGE)

    if state != "cold":
        page()
    if state == "more":
        service.pools.label(PROFILE, 0, str(time.time()))
        service.versions.take(PROFILE)
    return page


def search(home: str, text: str, auto: bool, state: str) -> Callable[[], object]:
    """Page by page, all that fits. state: as above."""
    service = service_in(home)

    def all_pages() -> dict[str, float]:
        found, pages, before = 0, 0, None
        while pages == 0 or before:
            answer = service.versions.history(PROFILE, PAGE, before, text, auto)
            found, pages, before = found + len(answer["snapshots"]), pages + 1, answer["next"]
        return {"found": found, "pages": pages}

    if state == "warm":
        all_pages()
    return all_pages


def diff(home: str, old: str, new: str) -> Callable[[], object]:
    """Slot by slot."""
    service = service_in(home)
    return lambda: {"slots": len(service.versions.diff(PROFILE, old, new)["slots"])}


def look(home: str, snapshot: str) -> Callable[[], object]:
    """The pool as a snapshot holds it."""
    service = service_in(home)
    return lambda: {"slots": len(service.versions.look(PROFILE, snapshot)["slots"])}


def dry_run(home: str, usual: bool) -> Callable[[], object]:
    """What a clean-up would free. usual: by the usual rule, else only the newest is kept."""
    service = service_in(home)
    return lambda: service.cleanups.would_free(PROFILE, _keep(usual))


def clean_up(home: str, usual: bool) -> Callable[[], object]:
    """The clean-up itself."""
    service = service_in(home)
    return lambda: service.cleanups.compact(PROFILE, _keep(usual))


def edit_on(home: str, usual: bool) -> Callable[[], object]:
    """Labels changed one after another, for a while before a clean-up, and while it runs in
    another thread; tells how long the slowest of either took."""
    service = service_in(home)

    def waited(until: Callable[[], bool]) -> list[float]:
        waits = []
        while not until():
            began = time.perf_counter()
            service.pools.label(PROFILE, 0, str(began))
            waits.append(time.perf_counter() - began)
        return waits

    def edit() -> dict[str, float]:
        end = time.perf_counter() + _BEFORE
        before = waited(lambda: time.perf_counter() > end)
        failed: list[BaseException] = []

        def work() -> None:
            try:
                service.cleanups.compact(PROFILE, _keep(usual))
            except BaseException as error:
                failed.append(error)

        thread = threading.Thread(target=work)
        thread.start()
        during = waited(lambda: not thread.is_alive())
        if failed:
            raise failed[0]
        return {
            "alone": max(before),
            "usual": statistics.median(during),
            "worst": max(during),
            "tries": len(during),
        }

    return edit


def _keep(usual: bool) -> Any:
    from gitpool.profiles.cleanups import keep_of

    return keep_of(None if usual else _NOTHING)


STEPS = {
    function.__name__: function
    for function in (first_page, search, diff, look, dry_run, clean_up, edit_on)
}

if __name__ == "__main__":
    run(STEPS)
