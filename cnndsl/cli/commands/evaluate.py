"""``cnndsl evaluate``: how good trained weights are."""

import argparse
import json
import math
import sys
from typing import TYPE_CHECKING, Any

from cnndsl.cli import inputs as given
from cnndsl.cli import terminal
from cnndsl.cli.initial import InitialWeights, say_initial_weights, to_json, used_initial_weights
from cnndsl.cli.options import add_file, add_source_arguments, positive
from cnndsl.cli.outputs import require_free, wrote
from cnndsl.cli.plotting import require_pictures
from cnndsl.cli.terminal import FINE, only_network, unwritable
from cnndsl.errors import plural, visible
from cnndsl.network import BACKENDS
from cnndsl.report.plots.sheet import SUFFIXES
from cnndsl.training_settings import Training

if TYPE_CHECKING:
    from cnndsl.training.evaluation import Evaluation

EXAMPLE = "cnndsl evaluate digits.cnn --weights runs/1/best.safetensors --data digits"
WORK = "evaluating"
SETTINGS = ("data", "loss", "validate", "seed")
"""What `train { }` can say too."""
CONFUSIONS = 5


def arguments(command: argparse.ArgumentParser) -> None:
    """Adds the options of the command."""
    add_file(command)
    weights_help = "a .safetensors, .npz or .onnx file (default: initial weights)"
    command.add_argument("--weights", metavar="W", help=weights_help)
    words = Training.words()
    for word in SETTINGS:
        meaning = f"{Training.meaning(words[word])} (default: as train {{ }} says)"
        command.add_argument(f"--{word}", dest=f"setting_{word}", metavar=word.upper(), help=meaning)
    command.set_defaults(seed=0)  # of initial weights
    held_help = "takes only the examples that train holds out with these settings"
    command.add_argument("--held-out", action="store_true", help=held_help)
    skip_help = "leaves out images that cannot be read, instead of ending"
    command.add_argument("--skip-bad", action="store_true", help=skip_help)
    backend_help = "what computes: the interpreter (numpy, default), ONNX Runtime, an extra, or the reference"
    command.add_argument("--backend", choices=BACKENDS, default=BACKENDS[0], help=backend_help)
    command.add_argument("--batch", type=positive, default=64, metavar="N", help="examples at a time (default: 64)")
    command.add_argument("--plot", metavar="F.png", help=f"draws the confusion matrix as {SUFFIXES}")
    mistakes_help = f"draws the examples that are taken for another class, the surest mistakes first, as {SUFFIXES}"
    command.add_argument("--mistakes", metavar="F.png", help=mistakes_help)
    format_help = "how the result is printed: text (default), or json, one object"
    command.add_argument("--format", choices=("text", "json"), default="text", help=format_help)
    given.add_reading(command)
    add_source_arguments(command)


def execute(options: argparse.Namespace) -> int:
    from cnndsl import api

    network = only_network(options.file, options)
    for out in filter(None, (options.plot, options.mistakes)):
        require_pictures(out)
        require_free(out, options, network)
    settings = {word: getattr(options, f"setting_{word}") for word in SETTINGS}
    found = api.evaluate(
        network,
        weights=options.weights,
        held_out=options.held_out,
        backend=options.backend,
        batch=options.batch,
        skip_bad=options.skip_bad,
        preparation=given.preparation_of(options),
        channels_last=bool(options.channels_last),
        **{word: value for word, value in settings.items() if value is not None},
    )
    initial = used_initial_weights(options, network)
    say_initial_weights(initial)
    _draw(found, options, network, initial)
    with terminal.speaking():
        _show(found, options, network, initial)
    wrote(*filter(None, (options.plot, options.mistakes)))
    return FINE


def _draw(found: "Evaluation", options: argparse.Namespace, network: Any, initial: InitialWeights | None) -> None:
    from cnndsl.report import plots
    from cnndsl.report.plots.judged import confusion, mistakes

    title = ", ".join(filter(None, (network.name, initial.caption if initial else "")))
    for out, drawn in ((options.plot, confusion), (options.mistakes, mistakes)):
        if out is not None:
            figure = drawn(found, title)
            try:
                plots.save(figure, out)
            except OSError as error:
                raise unwritable(out, error) from None


def _show(found: "Evaluation", options: argparse.Namespace, network: Any, initial: InitialWeights | None) -> None:
    if options.format == "json":
        about = {"version": 1, "network": network.name, "initial_weights": to_json(initial)}
        print(json.dumps({**about, **facts(found)}, indent=1, ensure_ascii=False, allow_nan=False))
    else:
        print(visible("\n".join(lines(found))))
    sys.stdout.flush()


def facts(found: "Evaluation") -> dict[str, Any]:
    """The result for programs; a loss that is not finite is null."""
    return {
        "loss": found.loss if math.isfinite(found.loss) else None,
        "accuracy": found.accuracy,
        "top5": found.top5,
        "examples": found.examples,
        "classes": [
            {"name": one.name, "examples": one.examples, "given": one.given, "right": one.right}
            | {"recall": one.recall, "precision": one.precision}
            for one in found.classes
        ],
        "confusion": found.confusion.tolist(),
    }


def lines(found: "Evaluation") -> list[str]:
    """The result as text: totals, a row for each class, and what is confused most often."""
    totals = [plural(found.examples, "example"), f"loss {found.loss:.4f}"]
    for word, share in (("accuracy", found.accuracy), ("top-5", found.top5)):
        totals += [] if share is None else [f"{word} {share:.2%}"]
    said = [", ".join(totals)]
    if found.classes:
        width = max(5, *(len(one.name) for one in found.classes))
        said += ["", f"{'class':<{width}}  examples   recall  precision"]
        for one in found.classes:
            said.append(f"{one.name:<{width}}  {one.examples:>8,}  {_share(one.recall)}    {_share(one.precision)}")
    names, confusion = [one.name for one in found.classes], found.confusion.tolist()
    pairs = [(number, i, j) for i, row in enumerate(confusion) for j, number in enumerate(row) if i != j and number]
    if pairs:
        often = sorted(pairs, key=lambda pair: (-pair[0], pair[1:]))[:CONFUSIONS]
        said += ["", "most often confused: " + ", ".join(f"{names[i]} taken for {names[j]} ({n})" for n, i, j in often)]
    return said


def _share(share: float | None) -> str:
    return "      –" if share is None else f"{share:7.2%}"
