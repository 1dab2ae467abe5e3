"""Options that several commands have, and whole numbers among their values.

The help of an option is its row in docs/cli.md too (tools/make_docs.py).
"""

import argparse
import os
import re
from collections.abc import Collection

from cnndsl.errors import CnnError, listed, quoted
from cnndsl.suggest import nearest

READING = "how examples are read"
"""The title in the help of the options that say so."""

SOURCE = "which network is meant"
"""The title in the help of the options that say so."""


def natural(text: str, least: int = 0) -> int:
    """A whole number of at most nine digits. Raises argparse.ArgumentTypeError."""
    if not (text.isascii() and text.isdigit()):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from {least} on")
    if len(text) > 9:
        raise argparse.ArgumentTypeError("must be below 1,000,000,000")
    return int(text)


def positive(text: str) -> int:
    """The same, from 1 on."""
    if natural(text, 1) < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return int(text)


def size(text: str) -> tuple[int, ...]:
    """``HxW``, or one number. Raises argparse.ArgumentTypeError."""
    if not re.fullmatch(r"[1-9][0-9]{0,4}(x[1-9][0-9]{0,4})?", text, re.ASCII):
        raise argparse.ArgumentTypeError(f"{text!r} is no size: write HxW, as in 224x224, or N for the shorter side")
    return tuple(map(int, text.split("x")))


def some_numbers(text: str) -> tuple[float, ...]:
    """Numbers between commas. Raises argparse.ArgumentTypeError."""
    try:
        numbers = tuple(map(float, text.split(",")))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no number, nor several with commas between them") from None
    if not all(abs(number) < float("inf") for number in numbers):
        raise argparse.ArgumentTypeError("must be finite")
    return numbers


def some_divisors(text: str) -> tuple[float, ...]:
    """The same without 0."""
    if 0 in some_numbers(text):
        raise argparse.ArgumentTypeError("must not be 0")
    return some_numbers(text)


def number_range(text: str) -> tuple[float, float]:
    """Two numbers, the smaller one first. Raises argparse.ArgumentTypeError."""
    numbers = some_numbers(text)
    if len(numbers) != 2 or numbers[0] >= numbers[1]:
        raise argparse.ArgumentTypeError(f"{text!r} is no range: write LOW,HIGH, as in -1,1")
    return numbers[0], numbers[1]


def input_name(given: str, names: Collection[str]) -> tuple[str | None, str]:
    """``left=a.png`` as the input's name and what it is; without a name None. Raises CnnError for an unknown name."""
    name, equals, what = given.partition("=")
    if not equals or os.path.exists(given):
        return None, given
    if name.strip() not in names:
        suggestion = nearest(name.strip(), names)
        advice = f"did you mean {quoted(suggestion)}?" if suggestion else f"the inputs are {listed([*names])}"
        raise CnnError.of("input-names", f"the network has no input {quoted(name.strip())}", advice)
    return name.strip(), what.strip()


def add_file(command: argparse.ArgumentParser, several: bool = False) -> None:
    """What the command reads: a network, or ``several`` files of them."""
    words = "a .cnn or .onnx file, or - for standard input"
    if several:
        more = "a .cnn or .onnx file, a folder for all .cnn files below it, or - for standard input"
        command.add_argument("files", nargs="+", metavar="FILE", help=more)
    else:
        command.add_argument("file", metavar="FILE", help=words)


def add_source_arguments(command: argparse.ArgumentParser) -> None:
    """The options that say which network of a file is meant, and with which settings."""
    group = command.add_argument_group(SOURCE)
    set_help = (
        "overrides a param of the file; may be repeated; a value is written as in a .cnn file, and a bare word is a "
        "string"
    )
    group.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help=set_help)
    group.add_argument("--network", metavar="NAME", help="picks one of several networks")


def add_shapes(command: argparse.ArgumentParser) -> None:
    """Other shapes for the network's inputs."""
    words = "replaces the shape of the first input, or of the one named; may be repeated"
    command.add_argument("--input", action="append", default=[], metavar="[NAME=]SHAPE", help=words)


def add_weights(command: argparse.ArgumentParser, seeded: str, seed: int | None = 0, purpose: str = "") -> None:
    """``--weights``, and ``--seed`` for what is ``seeded``; ``purpose`` goes before what they say."""
    weights_help = f"{purpose}a .safetensors, .npz or .onnx file (default: initial weights)"
    command.add_argument("--weights", metavar="W", help=weights_help)
    seed_help = f"{purpose}the seed of {seeded} (default: 0)"
    command.add_argument("--seed", type=natural, default=seed, metavar="N", help=seed_help)


def add_batch(command: argparse.ArgumentParser) -> None:
    """The batch that the memory is told for."""
    words = "examples in a batch, for the memory (default: 1)"
    command.add_argument("--batch", type=positive, default=1, metavar="N", help=words)


def add_out(command: argparse.ArgumentParser, words: str = "the file to write") -> None:
    """The file that the command must be given to write to, or standard output."""
    command.add_argument("-o", "--out", required=True, metavar="OUT", help=f"{words}; - for standard output")


def subparsers(top: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """The parser of every command."""
    (action,) = (action for action in top._actions if isinstance(action, argparse._SubParsersAction))
    return dict(action.choices)
