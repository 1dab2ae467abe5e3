"""The command line: arguments in, exit status out. The commands themselves are one file each."""

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module

from cnndsl import __version__
from cnndsl.cli.startup import finish, prepare
from cnndsl.errors import CnnError

COMMANDS = ("check", "run", "export", "explain")

USAGE_CODES = frozenset(
    {"file-unreadable", "file-unwritable", "not-utf8", "input-file", "weights-file", "bad-setting", "bad-opset"}
)
"""Codes of what is wrong with the command or its files, not with a network."""

FINE, WRONG, USAGE, FAULT, INTERRUPTED = 0, 1, 2, 3, 130


def parser() -> argparse.ArgumentParser:
    """The arguments of all commands."""
    top = argparse.ArgumentParser(
        prog="cnndsl",
        description="A small language for convolutional networks: check, run and export .cnn files.",
        epilog="example: cnndsl check examples/lenet.cnn",
    )
    top.add_argument("--version", action="version", version=f"cnndsl {__version__}")
    top.add_argument("--debug", action="store_true", help="show a traceback if cnndsl itself fails")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name in COMMANDS:
        module = import_module(f"cnndsl.cli.{name}")
        command = commands.add_parser(
            name,
            help=module.HELP,
            description=module.HELP,
            epilog=f"example: {module.EXAMPLE}",
        )
        module.arguments(command)
        command.set_defaults(execute=module.execute)
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command; gives the exit status of docs/cli.md."""
    prepare()
    try:
        return _execute(parser().parse_args(arguments))
    finally:
        finish()


def _execute(options: argparse.Namespace) -> int:
    try:
        status: int = options.execute(options)
        sys.stdout.flush()
        return status
    except CnnError as error:
        from cnndsl.cli.terminal import say

        say(error.diagnostics, error.sources)
        return USAGE if any(diagnostic.code in USAGE_CODES for diagnostic in error.diagnostics) else WRONG
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FINE
    except Exception as error:  # the last line of defence: whatever gets here is a bug in cnndsl
        if options.debug:
            raise
        print(
            f"cnndsl: sorry, cnndsl itself failed ({type(error).__name__}: {error}). Please report it with the file "
            "and the command; --debug shows where.",
            file=sys.stderr,
        )
        return FAULT
