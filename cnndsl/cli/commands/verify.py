"""``cnndsl verify``: the interpreter beside ONNX Runtime."""

import argparse
import json
import math
from typing import TYPE_CHECKING, Any

from cnndsl.cli import terminal
from cnndsl.cli.initial import InitialWeights, say_initial_weights, to_json, used_initial_weights
from cnndsl.cli.options import add_file, add_source_arguments, add_weights, positive
from cnndsl.cli.terminal import only_network
from cnndsl.errors import CnnError, quoted

if TYPE_CHECKING:
    from cnndsl.interop.verify import Verification

EXAMPLE = "cnndsl verify digits.cnn --weights digits.safetensors"
WORK = "comparing"


def arguments(command: argparse.ArgumentParser) -> None:
    """Adds the options of the command."""
    add_file(command)
    add_weights(command, "random input and initial weights")
    batch_help = "random examples (default: 2)"
    command.add_argument("--batch", type=positive, default=2, metavar="N", help=batch_help)
    tolerance_help = "the largest difference allowed, over the largest value (default: 1e-4)"
    command.add_argument("--tolerance", type=tolerance, metavar="T", help=tolerance_help)
    format_help = "how the differences are printed: text (default), or json, one object"
    command.add_argument("--format", choices=("text", "json"), default="text", help=format_help)
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
    initial = used_initial_weights(options, network)
    say_initial_weights(initial)
    with terminal.speaking():
        _show(result, options, network, initial)
    if result.ok:
        return 0
    if result.first is None:
        where = "the layers agree one by one: the model was not read as it is"
    else:
        where = f"the first layer where they part is {quoted(result.first.name)} (relative {result.first.relative:.3g})"
    verdicts = [
        f"float64 at {quoted(one.name)}: the interpreter is off by {one.interpreter:.3g}, ONNX Runtime by "
        f"{one.onnxruntime:.3g}; {one.nearer} is nearer"
        for one in result.judged
    ]
    message = f"the interpreter and ONNX Runtime differ by more than {result.tolerance:g}"
    raise CnnError.of("verify-failed", message, where, *verdicts)


def _show(result: "Verification", options: argparse.Namespace, network: Any, initial: InitialWeights | None) -> None:
    if options.format == "json":
        about = {"version": 1, "network": network.name, "initial_weights": to_json(initial)}
        print(json.dumps({**about, **facts(result)}, indent=1, allow_nan=False))
    else:
        print("\n".join(lines(result)))


def lines(result: "Verification") -> list[str]:
    """What the outputs differ by, and where ONNX Runtime's optimiser changes more than is allowed."""
    found = []
    for one in result.outputs:
        found.append(f"{one.name}: largest difference {one.absolute:.3g}, relative {one.relative:.3g}")
    for one in result.optimised:
        if not one.within(result.tolerance):
            changes = f"changes its own result by {one.absolute:.3g}, relative {one.relative:.3g}"
            found.append(f"{one.name}: ONNX Runtime's optimiser {changes}; compared is the result without it")
    if result.sizes:
        sizes = [", ".join(f"{name} = {size}" for name, size in values.items()) for values in result.sizes]
        found.append(f"at {'; '.join(sizes)}")
    return found


def facts(result: "Verification") -> dict[str, Any]:
    """The same for programs; what is infinite is null."""

    def numbers(of: Any) -> dict[str, Any]:
        return {
            name: None if isinstance(value, float) and not math.isfinite(value) else value
            for name, value in of._asdict().items()
        }

    return {
        "ok": result.ok,
        "tolerance": result.tolerance,
        "outputs": [numbers(one) for one in result.outputs],
        "optimised": [numbers(one) for one in result.optimised],
        "first": None if result.first is None else numbers(result.first),
        "judged": [{**numbers(one), "nearer": one.nearer} for one in result.judged],
        **({"sizes": list(result.sizes)} if result.sizes else {}),
    }
