"""The `gitpool` command: its words are gathered here, each group has a module of its own.

A group registers its words with a function `run(options)` that gives an `Outcome`, or an exit
code where it did all the talking itself; what it raises is told, and turned into a code, here.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import os
import sys
from typing import NoReturn

from .. import __version__
from ..errors import GitPoolError, Malformed
from . import check, compact, demo, history, output, profiles, sync, transfer
from .exits import STOPPED, exit_code, from_system

_GROUPS = (profiles, history, transfer, compact, sync, check, demo)


class _Parser(argparse.ArgumentParser):
    """Raises what argparse would print, so that `--json` gets it too."""

    def error(self, message: str) -> NoReturn:
        said = message[:1].upper() + message[1:]
        raise Malformed("bad_usage", f"{said}.", self.format_usage().strip())


def main(arguments: list[str] | None = None) -> int:
    """Run the command; gives its exit code."""
    arguments = sys.argv[1:] if arguments is None else arguments
    as_json = "--json" in arguments
    try:
        options = _parse(arguments)
        outcome = options.run(options)
        if isinstance(outcome, int):
            return outcome
        output.show(outcome, as_json)
        return outcome.code
    except KeyboardInterrupt:
        output.show_error(GitPoolError("stopped", "Stopped."), as_json)
        return STOPPED
    except BrokenPipeError:
        # Whoever read our words has enough of them; Python would complain once more at its end.
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return exit_code(GitPoolError("closed", ""))
    except (GitPoolError, OSError) as error:
        told = error if isinstance(error, GitPoolError) else from_system(error)
        output.show_error(told, as_json)
        return exit_code(told)


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser = _parser()
    options, more = parser.parse_known_args(arguments)
    # argparse takes a list of words to be over at the first option: `verify POOLS --json NAME`.
    if more and hasattr(options, "profiles") and not any(word.startswith("-") for word in more):
        options.profiles += more
    elif more:
        parser.error(f"unrecognized arguments: {' '.join(more)}")
    return options


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="gitpool",
        description="Image pools for ComfyUI with a history you can go back in.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"gitpool {__version__}")
    commands = parser.add_subparsers(
        dest="command",
        metavar="COMMAND",
        required=True,
        parser_class=functools.partial(_Parser, allow_abbrev=False),
    )
    for group in _GROUPS:
        group.register(commands)
    return parser
