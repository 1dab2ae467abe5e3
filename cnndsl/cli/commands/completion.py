"""``cnndsl completion``: what makes a shell complete commands, options and names of files."""

import argparse
from collections.abc import Iterable

from cnndsl.cli.options import subparsers
from cnndsl.cli.terminal import put
from cnndsl.errors import missing_library

EXAMPLE = "cnndsl completion bash"
SHELLS = ("bash", "zsh", "fish")
FILES = frozenset({"FILE", "NAME|FILE", "MODEL", "OUT", "W", "F", "F.png", "[NAME=]X", "DATA", "RUN"})
"""What arguments are called that are names of files."""


def arguments(command: argparse.ArgumentParser) -> None:
    """Adds the options of the command."""
    command.add_argument("shell", choices=SHELLS, help="the shell that the text on standard output is for")


def execute(options: argparse.Namespace) -> int:
    """0 if the text is written. Raises CnnError where shtab, the extra ``completion``, is missing."""
    try:
        import shtab
    except ImportError as error:
        raise missing_library("shtab", "completion", error) from None
    top: argparse.ArgumentParser = options.parser()
    for action in _actions([top, *subparsers(top).values()]):
        if action.metavar in FILES:
            action.complete = shtab.FILE  # type: ignore[attr-defined]  # where shtab looks for it
    put(shtab.complete(top, options.shell).rstrip("\n") + "\n")
    return 0


def _actions(parsers: Iterable[argparse.ArgumentParser]) -> Iterable[argparse.Action]:
    return (action for each in parsers for action in each._actions)
