"""Imports a file in a process of its own, and says what that took: what a test measures.

python child.py POOLS USER FILE
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Measured:
    """How an import ended: an error's code, or "" where it was taken in. memory: the process's
    peak in bytes, Python and all its libraries among them; before: the same before it began."""

    code: str
    seconds: float
    memory: int
    before: int


def peak() -> int:
    """The most memory that this process had at once. Not `ru_maxrss` where the system says it
    otherwise: that also counts the process that started this one, from before it was replaced."""
    try:
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) << 10
    except OSError:
        pass
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most << 10


def imported(pools: Path, user: Path, file: Path) -> Measured:
    """What an import of the file takes, in a child process."""
    words = [str(Path(__file__).resolve()), str(pools), str(user), str(file)]
    done = subprocess.run(
        [sys.executable, *words], cwd=ROOT, capture_output=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    return Measured(**json.loads(done.stdout))


def main(pools: str, user: str, file: str) -> None:
    sys.path.insert(0, str(ROOT))
    from PIL import Image

    from gitpool.errors import GitPoolError
    from gitpool.service import Service

    Image.init()
    service = Service(Path(pools), Path(user), time.time, delay=3600)
    before, begun, code = peak(), time.monotonic(), ""
    try:
        service.exchange.import_file(Path(file), "imported", None, "x")
    except GitPoolError as error:
        code = error.code
    seconds = time.monotonic() - begun
    told = {"code": code, "seconds": seconds, "memory": peak(), "before": before}
    print(json.dumps(told))


if __name__ == "__main__":
    main(*sys.argv[1:])
