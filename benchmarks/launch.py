"""Runs one program and tells how long it took and how much memory its largest process held.

A script of its own, because a program's peak counts from its parent's size when it was started.
Run with `python -I -S`: about 10 MB is the least that it can tell.
"""

import json
import os
import resource
import sys
import time


def main() -> int:
    """Run the program that the arguments name; its usage goes to the descriptor in the first."""
    report, arguments = int(sys.argv[1]), sys.argv[2:]
    began = time.perf_counter()
    pid = os.posix_spawnp(arguments[0], arguments, dict(os.environ))
    _, status = os.waitpid(pid, 0)
    seconds = time.perf_counter() - began
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    told = {"seconds": seconds, "peak": used.ru_maxrss / 1024, "cpu": used.ru_utime + used.ru_stime}
    os.write(report, json.dumps(told).encode())
    return os.waitstatus_to_exitcode(status)


if __name__ == "__main__":
    sys.exit(main())
