"""``cnndsl lsp``: the language server, which an editor starts and speaks to."""

import argparse

from cnndsl.errors import missing_library

EXAMPLE = "cnndsl lsp"


def arguments(command: argparse.ArgumentParser) -> None:
    """Adds the options of the command."""
    command.add_argument("--stdio", action="store_true", help="speak through standard input and output; always so")


def execute(options: argparse.Namespace) -> int:
    """0 when the editor ends it as the protocol says, else 1. Raises CnnError where pygls is missing."""
    try:
        from cnndsl.lsp.server import make_server
    except ImportError as error:
        if (error.name or "").partition(".")[0] not in ("pygls", "lsprotocol"):
            raise
        raise missing_library("pygls", "lsp", error) from None
    return make_server().serve()
