"""The checks pass whatever the folder is called that the repository was cloned into: it is a
Python package, ComfyUI's, and its name is its owner's choice."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
# The name that README's install gives; what ComfyUI-Manager and people make of it; and names of
# modules that are imported somewhere.
NAMES = ["git-pool", "Git Pool", "9pool", "池 ü", "git-pool.disabled", "server", "numpy", "tests"]
_NOT_OURS = shutil.ignore_patterns(
    *(".git", ".venv*", "venv", "node_modules", "__pycache__", ".*_cache", ".hypothesis"),
    *("*.egg-info", "build", "dist", "demo-data", ".coverage*"),
)


@pytest.fixture(params=NAMES)
def clone(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    folder = tmp_path / request.param
    shutil.copytree(ROOT, folder, ignore=_NOT_OURS)
    return folder


def run(folder: Path, *command: str) -> str:
    """What a module of Python's says in a folder; it has to be content."""
    environment = {**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.timeout(7200)
def test_the_checks_and_tests_are_found_in_order(clone: Path) -> None:
    run(clone, "ruff", "check", "--no-cache", ".")
    run(clone, "ruff", "format", "--no-cache", "--check", ".")
    collected = run(clone, "pytest", "-q", "-p", "no:cacheprovider", "--collect-only", "tests")
    assert "test_pools.py::" in collected
