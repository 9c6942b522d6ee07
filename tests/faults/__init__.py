"""Crashes, failing calls and power cuts, made on purpose.

The tests that use this run a short form by default. `GITPOOL_FAULTS=full` has them go through
every moment and every call instead, which takes about two hours on two processors:

    GITPOOL_FAULTS=full .venv-test/bin/python -m pytest -n 2 --timeout 7200 -s \
        tests/test_kill.py tests/test_failing_calls.py tests/test_power_loss.py \
        tests/test_full_disk.py tests/test_writers.py tests/test_readers.py

`GITPOOL_FAULTS_SEED` chooses other moments; each test says in its failures which one it was.
"""

from __future__ import annotations

import os

FULL = os.environ.get("GITPOOL_FAULTS") == "full"
SEED = int(os.environ.get("GITPOOL_FAULTS_SEED", "1"))


def amount(short: int, full: int) -> int:
    """How often to do something: in the short form, and in the full one."""
    return full if FULL else short
