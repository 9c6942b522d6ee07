"""Programs that are bounded in time and ended with all they started."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

_PATIENCE = 300.0


class GitFailed(Exception):
    """Git ended with an error; `said` is what it said on both channels."""

    def __init__(self, arguments: Sequence[str], code: int, said: str) -> None:
        super().__init__(f"git {' '.join(arguments)} ({code}): {said}")
        self.code, self.said = code, said


class GitTimedOut(Exception):
    """Git had gone on for long enough, and was killed."""


def clean_environment(home: Path) -> dict[str, str]:
    """The environment without the user's git settings, proxies and keys."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("GIT_", "SSH_")) and not name.lower().endswith("_proxy")
    }
    return {
        **kept,
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home / ".config"),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_TERMINAL_PROMPT": "0",
        "LC_ALL": "C.UTF-8",
    }


def end_group(process: subprocess.Popen[bytes]) -> None:
    """Kill a program that was started in a session of its own, and what it started."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait(300)


def _output(process: subprocess.Popen[bytes], enough: Callable[[], object]) -> bytes:
    until = time.monotonic() + _PATIENCE
    while True:
        try:
            return process.communicate(timeout=0.05)[0]
        except subprocess.TimeoutExpired:
            if enough() or time.monotonic() > until:
                raise


def run_git(
    folder: Path,
    arguments: Sequence[str],
    environment: Mapping[str, str],
    enough: Callable[[], object] = lambda: False,
) -> str:
    """What C git says on both channels, or GitFailed. Once there is enough of it, it is ended:
    GitTimedOut; so it is when it doesn't end."""
    # Git's helpers (git-remote-http, ssh) hold its pipes, so they must end with it.
    process = subprocess.Popen(
        ["git", *arguments],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        said = _output(process, enough).decode("utf-8", "replace").strip()
    except subprocess.TimeoutExpired:
        raise GitTimedOut(f"git {' '.join(arguments)} doesn't end") from None
    finally:
        if process.returncode is None:
            end_group(process)
            assert process.stdout is not None
            process.stdout.close()
    if process.returncode:
        raise GitFailed(arguments, process.returncode, said)
    return said
