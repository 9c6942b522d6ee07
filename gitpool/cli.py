"""The `gitpool` command."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from . import __version__


def main(arguments: list[str] | None = None) -> int:
    """Run the command; gives its exit code."""
    parser = argparse.ArgumentParser(
        prog="gitpool", description="Image pools for ComfyUI with a history you can go back in."
    )
    parser.add_argument("--version", action="version", version=f"gitpool {__version__}")
    commands = parser.add_subparsers(dest="command", required=True)
    demo = commands.add_parser(
        "demo", help="open the ComfyUI editor with Git Pool's nodes, without ComfyUI"
    )
    demo.add_argument(
        "folder", nargs="?", type=Path, help="where to keep everything; without it, a new folder"
    )
    demo.add_argument("--port", type=_port, default=8189, help="0 takes any free one")
    demo.add_argument("--empty", action="store_true", help="no sample profile")
    demo.add_argument("--frontend", type=Path, help="another frontend's static folder")
    options = parser.parse_args(arguments)
    return _demo(options)


def _demo(options: argparse.Namespace) -> int:
    try:
        from .demo.program import start
    except ImportError as error:
        print(
            f'The demo needs “{error.name}”: pip install "gitpool[demo]" brings it.',
            file=sys.stderr,
        )
        return 1
    return start(options.folder, options.port, options.frontend, sample=not options.empty)


def _port(text: str) -> int:
    port = int(text)
    if not 0 <= port <= 65535:
        raise argparse.ArgumentTypeError("a port is a number from 0 to 65535")
    return port


if __name__ == "__main__":
    sys.exit(main())
