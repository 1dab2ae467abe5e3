"""``cnndsl verify``: the interpreter beside ONNX Runtime."""

import argparse

from cnndsl.cli.numbers import natural, positive
from cnndsl.cli.terminal import add_source_arguments, only_network
from cnndsl.errors import CnnError, quoted

EXAMPLE = "cnndsl verify digits.cnn --weights digits.safetensors"


def arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("file", metavar="FILE", help="a .cnn or .onnx file")
    weights_help = "a .safetensors, .npz or .onnx file (default: initial weights)"
    command.add_argument("--weights", metavar="W", help=weights_help)
    command.add_argument("--seed", type=natural, default=0, help="for random input and initial weights (default: 0)")
    command.add_argument("--batch", type=positive, default=2, metavar="N", help="examples (default: 2)")
    tolerance_help = "the largest difference allowed, relative to the largest value (default: 1e-4)"
    command.add_argument("--tolerance", type=tolerance, metavar="T", help=tolerance_help)
    add_source_arguments(command)


def tolerance(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number") from None
    if not 0 <= number < float("inf"):
        raise argparse.ArgumentTypeError("must be 0 or more")
    return number


def execute(options: argparse.Namespace) -> int:
    """0 if all outputs agree. Raises CnnError ``verify-failed`` if they do not."""
    from cnndsl import api

    network = only_network(options.file, options)
    model = options.file if api.is_onnx(options.file) and options.weights is None else None
    result = network.verify(
        weights=options.weights, seed=options.seed, batch=options.batch, tolerance=options.tolerance, model=model
    )
    for output in result.outputs:
        print(f"{output.name}: largest difference {output.absolute:.3g}, relative {output.relative:.3g}")
    if result.ok:
        return 0
    if result.first is None:
        where = "the layers agree one by one: the model was not read as it is"
    else:
        where = f"the first layer where they part is {quoted(result.first.name)} (relative {result.first.relative:.3g})"
    raise CnnError.of(
        "verify-failed", f"the interpreter and ONNX Runtime differ by more than {result.tolerance:g}", where
    )
