"""``cnndsl filters``: a layer's weights as a picture."""

import argparse
from typing import Any

from cnndsl.cli.numbers import natural, positive
from cnndsl.cli.outputs import require_free, wrote
from cnndsl.cli.terminal import add_source_arguments, only_network, unwritable

EXAMPLE = "cnndsl filters digits.cnn conv1 --weights digits.safetensors -o conv1.png"


def arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("file", metavar="FILE", help="a .cnn or .onnx file, or - for standard input")
    command.add_argument("layer", metavar="LAYER", help="a layer with weights")
    command.add_argument("-o", "--out", required=True, metavar="F.png", help="the .png, .svg or .pdf file to write")
    command.add_argument("--weights", metavar="W", help="a .safetensors, .npz or .onnx file (default: initial weights)")
    command.add_argument("--seed", type=natural, default=0, help="for initial weights, if none are given (default: 0)")
    command.add_argument("--columns", type=positive, metavar="N", help="pictures in a row (default: by their number)")
    first_help = "draw the first N filters, and channels of each (default: 64 pictures, 16 rows of 16, or 64 rows)"
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
    figure = plots.filters(network, options.layer, weights, columns=options.columns, first=options.first)
    try:
        plots.save(figure, options.out)
    except OSError as error:
        raise unwritable(options.out, error) from None
    wrote(options.out)
    return 0
