"""``cnndsl report``: everything about a network as one HTML page."""

import argparse
import sys
from typing import Any

from cnndsl.cli.initial import say_initial_weights, used_initial_weights
from cnndsl.cli.inputs import ONE, add_arguments, first_example, reading_options
from cnndsl.cli.labels import add_labels, class_names, require_fitting
from cnndsl.cli.options import add_batch, add_file, add_out, add_source_arguments, add_weights
from cnndsl.cli.outputs import require_free, require_suffix, wrote
from cnndsl.cli.terminal import checked, given_settings, say, unwritable
from cnndsl.errors import CnnError

EXAMPLE = "cnndsl report examples/lenet.cnn -o lenet.html"
WORK = "writing the report"


def arguments(command: argparse.ArgumentParser) -> None:
    """Adds the options of the command."""
    add_file(command)
    add_out(command, "the .html file to write")
    input_help = f"shows the feature maps of an example, and what comes out, too: {ONE}; of several the first"
    add_arguments(command, input_help)
    layers_help = "whose maps are shown (default: the first eight layers with windows); at most 64 of a layer"
    command.add_argument("--layers", metavar="A,B", help=layers_help)
    add_weights(command, "initial weights and random input", seed=None, purpose="for the feature maps: ")
    add_labels(command, "for what comes out: ")
    add_batch(command)
    add_source_arguments(command)


def execute(options: argparse.Namespace) -> int:
    for name in ("layers", "weights", "seed", "labels", *reading_options(options)):
        if options.input is None and getattr(options, name) is not None:
            shown = name.replace("_", "-")
            raise CnnError.of("bad-setting", f"--{shown} is for the feature maps", "give an example: --input X")
    require_suffix(options.out, "html")
    from cnndsl import api
    from cnndsl.language_service.tips import tips
    from cnndsl.report.page import page

    result = checked(options.file, given_settings(options))
    network = api.only(result)
    require_free(options.out, options, network)
    say(result.diagnostics, result.sources)
    images, predictions = ((), ()) if options.input is None else _example(options, network)
    text = page(network, result.sources, result.diagnostics, options.batch, images, predictions, tips)
    try:
        if options.out == "-":
            sys.stdout.flush()
            sys.stdout.buffer.write(text.encode())
        else:
            from cnndsl.files import write_text

            write_text(options.out, text)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise unwritable(options.out, error) from None
    wrote(options.out)
    return 0


def _example(options: argparse.Namespace, network: Any) -> Any:
    """Pictures of the example and of what it becomes in the chosen layers, and its classes if the weights are given."""
    from cnndsl.report.page.maps import default_layers, feature_maps
    from cnndsl.report.page.predictions import predictions

    labels = class_names(options, network)
    require_fitting(labels, network)
    chosen = [name.strip() for name in options.layers.split(",")] if options.layers else default_layers(network)
    layers = tuple(dict.fromkeys(chosen))
    seed = options.seed or 0
    run = network.runner(weights=options.weights, seed=seed, keep=layers)
    inputs = first_example(network.graph, options, seed)
    initial = used_initial_weights(options, network)
    say_initial_weights(initial)
    values = {name: batch[0] for name, batch in {**inputs, **run(inputs)}.items()}
    shown = [name for name in layers if name in network.layers]  # inputs are shown anyway
    images = feature_maps(network, values, shown, initial.caption if initial else "")
    return images, () if initial else predictions(network, values, labels)
