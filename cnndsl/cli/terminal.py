"""What the commands share: reading sources, speaking to people."""

import argparse
import errno
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from io import BytesIO, TextIOWrapper
from pathlib import Path
from typing import IO, Any

from cnndsl.errors import CnnError, Diagnostic, render

FINE, WRONG, USAGE, FAULT, INTERRUPTED = 0, 1, 2, 3, 130

USAGE_CODES = frozenset(
    {
        "file-unreadable",
        "file-unwritable",
        "file-exists",
        "output-is-input",
        "not-utf8",
        "input-file",
        "train-data",
        "train-files",
        "train-run",
        "weights-file",
        "onnx-file",
        "bad-setting",
        "bad-config",
        "bad-opset",
    }
)
"""Codes of what is wrong with the command or its files, not with a network."""

COLOURS = ("auto", "always", "never")
colour = "auto"
"""What ``--color`` says while a command runs."""

speaking: Callable[[], AbstractContextManager[None]] = nullcontext
"""What is said is said inside of it; ``progress`` keeps its line out of the way then."""


def exit_status(error: CnnError) -> int:
    return USAGE if any(diagnostic.code in USAGE_CODES for diagnostic in error.diagnostics) else WRONG


@contextmanager
def usable_streams() -> Iterator[None]:
    """For a while closed standard streams are empty ones, and characters that standard output lacks are escaped."""
    closed = [name for name in ("stdin", "stdout", "stderr") if getattr(sys, name) is None]
    for name in closed:
        setattr(sys, name, TextIOWrapper(BytesIO()))
    stdout, errors = sys.stdout, None
    if isinstance(stdout, TextIOWrapper):
        errors = stdout.errors
        stdout.reconfigure(errors="backslashreplace")
    try:
        yield
    finally:
        for name in closed:
            setattr(sys, name, None)
        if isinstance(stdout, TextIOWrapper):
            with suppress(OSError):  # of what could not be written
                stdout.reconfigure(errors=errors)


@contextmanager
def kept_log_level(name: str) -> Iterator[None]:
    """Undoes what is done to a logger. The module, slow to load, is used only if something else has loaded it."""
    before = sys.modules["logging"].getLogger(name).level if "logging" in sys.modules else 0
    try:
        yield
    finally:
        if "logging" in sys.modules:
            sys.modules["logging"].getLogger(name).setLevel(before)


def pipe_is_closed(error: OSError) -> bool:
    """Whether nobody reads what is written. Windows calls that an invalid argument."""
    return isinstance(error, BrokenPipeError) or (os.name == "nt" and error.errno == errno.EINVAL)


def silence(stream: IO[str]) -> None:
    """Nobody reads the stream any more: what it still holds goes nowhere instead of failing at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def complain(message: str) -> None:
    """One line on standard error."""
    with speaking():
        print("cnndsl:", " ".join(message.split()), file=sys.stderr)


def put(text: str) -> None:
    """Text on standard output."""
    with speaking():
        sys.stdout.write(text)


def flush() -> None:
    """What was put is seen at once, wherever standard output goes."""
    sys.stdout.flush()


def coloured(stream: IO[str]) -> bool:
    """Whether to use colour: as ``--color`` says, or else never under NO_COLOR, under FORCE_COLOR, on a terminal."""
    if colour != "auto":
        return colour == "always"
    return not os.environ.get("NO_COLOR") and (bool(os.environ.get("FORCE_COLOR")) or stream.isatty())


def say(diagnostics: Sequence[Diagnostic], sources: Mapping[str, str]) -> None:
    """Diagnostics for a person, on standard error."""
    if diagnostics:
        with speaking():
            print(render(diagnostics, sources, coloured(sys.stderr)), file=sys.stderr)


def given_settings(options: argparse.Namespace, inputs: Sequence[str] = (), strict: bool = False) -> dict[str, Any]:
    """The arguments as keywords of ``api.check``. Raises CnnError."""
    from cnndsl.lang.settings import parse_input, parse_setting

    return {
        "params": dict(map(parse_setting, options.set)),
        "inputs": dict(map(parse_input, inputs)),
        "network": options.network,
        "strict": strict,
    }


def source_files(names: Iterable[str]) -> list[str]:
    """The files, and of folders all ``.cnn`` files in them and below. Raises CnnError for a folder without."""
    found: list[str] = []
    for name in names:
        if name == "-" or not os.path.isdir(name):
            found.append(name)
            continue
        inside = [
            os.path.join(folder, file)
            for folder, _, files in os.walk(name)
            for file in files
            if file.lower().endswith(".cnn")
        ]
        if not inside:
            raise CnnError.of("file-unreadable", f"there are no .cnn files in `{name}`")
        found += sorted(inside)
    return found


def checked(file: str, settings: Mapping[str, Any]) -> Any:
    """The CheckResult of a file, or of standard input for ``-``. Raises CnnError if it cannot be read."""
    from cnndsl import api
    from cnndsl.lang.text.parser import decode
    from cnndsl.limits import DEFAULT_LIMITS

    if file == "-":
        text = decode(sys.stdin.buffer.read(DEFAULT_LIMITS.source_bytes + 1), "<stdin>")
        return api.check(text, file="<stdin>", resolver=api.folder_resolver(Path()), **settings)
    return api.check_file(file, **settings)


def only_network(file: str, options: argparse.Namespace, inputs: Sequence[str] = ()) -> Any:
    """The one network of a file; its warnings are said, notes on training not. ``inputs`` replace shapes of its inputs.

    Raises CnnError where there is none.
    """
    from cnndsl import api

    settings = {**given_settings(options, inputs), "select": ("unread-pixels",), "ignore": ("all",)}
    result = checked(file, settings)
    network = api.only(result)
    say([one for one in result.diagnostics if one.code != "loss-from-logits"], result.sources)
    return network


def unwritable(path: object, error: OSError) -> CnnError:
    return CnnError.of("file-unwritable", f"cannot write `{path}`: {error.strerror or error}")
