"""What the commands share: reading sources, speaking to people, progress."""

import argparse
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, TypeVar

from cnndsl.errors import CnnError, Diagnostic

Item = TypeVar("Item")


def coloured(stream: IO[str]) -> bool:
    """Whether to use colour: only on a terminal, never under NO_COLOR."""
    return stream.isatty() and not os.environ.get("NO_COLOR")


def say(diagnostics: Iterable[Diagnostic], sources: Mapping[str, str]) -> None:
    """Diagnostics for a person, on standard error."""
    from cnndsl.report.diagnostics import render

    text = render(diagnostics, sources, coloured(sys.stderr))
    if text:
        print(text, file=sys.stderr)


def add_source_arguments(command: argparse.ArgumentParser) -> None:
    """The options that say which network of a file is meant, and with which settings."""
    command.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="set a param of the file")
    command.add_argument("--network", metavar="NAME", help="the network, if the file has several")


def checked(file: str, options: argparse.Namespace, inputs: Sequence[str] = (), strict: bool = False) -> Any:
    """The CheckResult of a file, or of standard input for ``-``. Raises CnnError if it cannot be read."""
    from cnndsl import api
    from cnndsl.lang.parser import decode
    from cnndsl.lang.settings import parse_input, parse_setting
    from cnndsl.limits import DEFAULT_LIMITS

    settings: dict[str, Any] = {
        "params": dict(map(parse_setting, options.set)),
        "inputs": dict(map(parse_input, inputs)),
        "network": options.network,
        "strict": strict,
    }
    if file == "-":
        text = decode(sys.stdin.buffer.read(DEFAULT_LIMITS.source_bytes + 1), "<stdin>")
        return api.check(text, file="<stdin>", resolver=api.folder_resolver(Path()), **settings)
    return api.check_file(file, **settings)


def only_network(file: str, options: argparse.Namespace) -> Any:
    """The one network of a file; its warnings are said. Raises CnnError where there is none."""
    from cnndsl import api

    result = checked(file, options)
    network = api.only(result)
    say(result.diagnostics, result.sources)
    return network


def unwritable(path: object, error: OSError) -> CnnError:
    return CnnError.of("file-unwritable", f"cannot write `{path}`: {error.strerror or error}")


def progress(items: Sequence[Item], what: str) -> Iterator[Item]:
    """The items, with a bar on standard error if that is a terminal and there is more than one."""
    shown = sys.stderr.isatty() and len(items) > 1
    for index, item in enumerate(items, 1):
        yield item
        if shown:
            filled = 30 * index // len(items)
            bar = f"\r{what} [{'#' * filled}{' ' * (30 - filled)}] {index}/{len(items)}"
            print(bar, end="\n" if index == len(items) else "", file=sys.stderr, flush=True)
