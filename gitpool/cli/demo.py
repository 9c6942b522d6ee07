"""`gitpool demo`: the ComfyUI editor with Git Pool's nodes, without ComfyUI."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from .exits import FAILED


def register(commands: Any) -> None:
    """Add the word to the command's parser."""
    demo = commands.add_parser(
        "demo", help="open the ComfyUI editor with Git Pool's nodes, without ComfyUI"
    )
    demo.add_argument(
        "folder", nargs="?", type=Path, help="where to keep everything; without it, a new folder"
    )
    demo.add_argument("--port", type=_port, default=8189, help="0 takes any free one")
    demo.add_argument("--empty", action="store_true", help="no sample profile")
    demo.add_argument("--frontend", type=Path, help="another frontend's static folder")
    demo.set_defaults(run=_demo)


def _demo(options: argparse.Namespace) -> int:
    try:
        from ..demo.program import start
    except ImportError as error:
        print(
            f'The demo needs “{error.name}”: pip install "gitpool[demo]" brings it.',
            file=sys.stderr,
        )
        return FAILED
    return start(options.folder, options.port, options.frontend, sample=not options.empty)


def _port(text: str) -> int:
    port = int(text)
    if not 0 <= port <= 65535:
        raise argparse.ArgumentTypeError("a port is a number from 0 to 65535")
    return port
