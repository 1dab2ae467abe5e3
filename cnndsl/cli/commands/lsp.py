"""``cnndsl lsp``: the language server, which an editor starts and speaks to."""

import argparse
import os
import sys

from cnndsl.cli.terminal import FINE
from cnndsl.errors import missing_library

EXAMPLE = "cnndsl lsp"


def arguments(command: argparse.ArgumentParser) -> None:
    """Adds the options of the command."""
    command.add_argument("--stdio", action="store_true", help="speak through standard input and output; always so")


def execute(options: argparse.Namespace) -> int:
    """0 when the editor ends it. Raises CnnError where pygls, the extra ``lsp``, is missing."""
    try:
        from cnndsl.lsp.server import make_server
    except ImportError as error:
        if (error.name or "").partition(".")[0] not in ("pygls", "lsprotocol"):
            raise
        raise missing_library("pygls", "lsp", error) from None
    # The server closes what it writes to; standard output is closed by the interpreter, after everything else.
    with os.fdopen(os.dup(sys.stdout.fileno()), "wb") as output:
        make_server().start_io(stdout=output)
    return FINE
