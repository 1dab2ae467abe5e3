"""``cnndsl filters``: a layer's weights as a picture."""

import argparse
from typing import Any

from cnndsl.cli.initial import say_initial_weights, used_initial_weights
from cnndsl.cli.options import add_file, add_source_arguments, add_weights, positive
from cnndsl.cli.outputs import require_free, wrote
from cnndsl.cli.terminal import only_network, unwritable
from cnndsl.report.plots.sheet import SUFFIXES

EXAMPLE = "cnndsl filters digits.cnn conv1 --weights digits.safetensors -o conv1.png"
WORK = "drawing"


def arguments(command: argparse.ArgumentParser) -> None:
    """Adds the options of the command."""
    add_file(command)
    command.add_argument("layer", metavar="LAYER", help="a layer with weights")
    out_help = f"the {SUFFIXES} file to write"
    command.add_argument("-o", "--out", required=True, metavar="F.png", help=out_help)
    add_weights(command, "initial weights, if none are given")
    command.add_argument("--columns", type=positive, metavar="N", help="images in a row (default: by their number)")
    first_help = (
        "draws the first N filters, and N channels of each (default: 64 images, 16 rows of 16, or 64 rows and columns)"
    )
    command.add_argument("--first", type=positive, metavar="N", help=first_help)
    add_source_arguments(command)


def execute(options: argparse.Namespace) -> int:
    from cnndsl.cli.plotting import require_pictures
    from cnndsl.report import plots

    require_pictures(options.out)
    network = only_network(options.file, options)
    require_free(options.out, options, network)
    plots.require_weights(network, options.layer)
    weights: dict[str, Any] = network.weights_from(options.weights, options.seed)
    initial = used_initial_weights(options, network)
    say_initial_weights(initial)
    note = initial.caption if initial else ""
    figure = plots.filters(network, options.layer, weights, note=note, columns=options.columns, first=options.first)
    try:
        plots.save(figure, options.out)
    except OSError as error:
        raise unwritable(options.out, error) from None
    wrote(options.out)
    return 0
