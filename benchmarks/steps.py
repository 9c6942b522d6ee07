"""What the Python contenders do, in a process of their own: `python -m benchmarks.steps TASK`.

TASK is JSON; the answer, a line of JSON, tells the seconds and the memory of the step alone.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

_LOOK_EVERY = 0.005
PROFILE = "b" * 12
# What web/history/feed.js asks for at first.
FIRST_PAGE = 20
BRANCH = "Pool"
Step = Callable[..., Callable[[], object]]


def main() -> None:
    """Do the task that the first argument holds."""
    run(STEPS)


def run(steps: Mapping[str, Step]) -> None:
    """Do the task that the first argument holds, which is one of these steps."""
    task = json.loads(sys.argv[1])
    step = steps[task.pop("step")](**task)
    print(json.dumps(_measured(step)))


def _measured(step: Callable[[], object]) -> dict[str, object]:
    idle = _memory("VmRSS")
    # From here on the peak counts anew.
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
    with _own_memory() as seen:
        began, worked = time.perf_counter(), time.process_time()
        told = step()
        seconds, cpu = time.perf_counter() - began, time.process_time() - worked
    said = {"told": told} if isinstance(told, dict) else {}
    peak, above = _memory("VmHWM"), max(seen) - seen[0]
    memory = {"peak": peak, "own": max(seen), "idle": idle, "above": above}
    return {"seconds": seconds, "cpu": cpu, **memory, **said}


@contextlib.contextmanager
def _own_memory() -> Iterator[list[float]]:
    """Looks all the time at how much memory is the process's own, and no file's pages."""
    seen, ended = [_memory("RssAnon")], threading.Event()

    def look() -> None:
        while not ended.wait(_LOOK_EVERY):
            seen.append(_memory("RssAnon"))

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield seen
    finally:
        ended.set()
        thread.join()


def _memory(what: str) -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{what}:"):
            return int(line.split()[1]) / 1024
    return 0.0


# Git Pool: one service, as ComfyUI has it.


def service_in(home: str, remote: str = "") -> Any:
    """A service as ComfyUI has it, over one machine's folder."""
    from PIL import Image

    from gitpool.service import Service

    Image.init()  # ComfyUI has it in memory long before.
    os.environ["GITPOOL_REMOTE"] = remote
    return Service(Path(home) / "pools", Path(home) / "user", time.time)


def _ended(job: Any) -> None:
    job.ended.wait()
    if job.state != "done":
        sys.exit(f"a job failed: {job.error}")


def gitpool_create(home: str, images: list[str]) -> Callable[[], object]:
    """A profile with these images, in one snapshot."""
    from shutil import copyfile

    service = service_in(home, "")
    folder = Path(home) / "pools" / PROFILE

    def create() -> None:
        if not folder.exists():
            service.profiles.create(PROFILE, BRANCH)
        for image in images:
            copyfile(image, folder / Path(image).name)
        service.versions.take(PROFILE)

    return create


def gitpool_sync(home: str, remote: str) -> Callable[[], object]:
    """A sync, whatever there is to do."""
    service = service_in(home, remote)
    return lambda: _ended(service.background.sync("sync", PROFILE))


def gitpool_get(home: str, remote: str) -> Callable[[], object]:
    """A profile that isn't here yet, with its files in their folder."""
    service = service_in(home, remote)
    return lambda: _ended(service.background.get("get", BRANCH, PROFILE))


# dulwich, as its documentation uses it.


def dulwich_push(home: str, remote: str) -> Callable[[], object]:
    """Push the branch."""
    from dulwich import porcelain

    quiet = io.BytesIO()
    ref = f"refs/heads/{BRANCH}"
    return lambda: porcelain.push(home, remote, ref, outstream=quiet, errstream=quiet)


def dulwich_fetch(home: str, remote: str) -> Callable[[], object]:
    """Fetch whatever is new."""
    from dulwich import porcelain

    quiet = io.BytesIO()
    return lambda: porcelain.fetch(home, remote, outstream=io.StringIO(), errstream=quiet)


def dulwich_clone(home: str, remote: str) -> Callable[[], object]:
    """Clone, and put the files into the folder."""
    from dulwich import porcelain

    return lambda: porcelain.clone(remote, home, branch=BRANCH, errstream=io.BytesIO()).close()


def dulwich_pull(home: str, remote: str) -> Callable[[], object]:
    """Fetch, and bring the folder up to date."""
    from dulwich import porcelain

    ref = f"refs/heads/{BRANCH}".encode()
    quiet = io.BytesIO()
    return lambda: porcelain.pull(home, remote, ref, outstream=quiet, errstream=quiet)


STEPS: dict[str, Step] = {
    function.__name__: function
    for function in (
        gitpool_create,
        gitpool_sync,
        gitpool_get,
        dulwich_push,
        dulwich_fetch,
        dulwich_clone,
        dulwich_pull,
    )
}

if __name__ == "__main__":
    main()
