"""``cnndsl run``: executes a network on images, arrays or made-up inputs."""

import argparse
from contextlib import closing
from typing import Any

from cnndsl.cli import inputs as given
from cnndsl.cli import plotting
from cnndsl.cli.initial import say_initial_weights, used_initial_weights
from cnndsl.cli.labels import add_labels, class_names
from cnndsl.cli.options import add_file, add_source_arguments, add_weights, number_range, positive
from cnndsl.cli.outputs import require_free
from cnndsl.cli.results import Results
from cnndsl.cli.terminal import FINE, WRONG, only_network
from cnndsl.errors import CnnError
from cnndsl.network import BACKENDS

EXAMPLE = "cnndsl run digits.cnn --weights digits.safetensors --input three.png --top 3"
WORK = "running"


def arguments(command: argparse.ArgumentParser) -> None:
    """Adds the options of the command."""
    add_file(command)
    input_help = f"{given.MANY}; of an .npz one array for each input, by name; {given.SEVERAL}"
    given.add_arguments(command, input_help, required=True)
    add_weights(command, "initial weights and random input")
    backend_help = "what computes: the interpreter (numpy, default), ONNX Runtime, an extra, or the reference"
    command.add_argument("--backend", choices=BACKENDS, default=BACKENDS[0], help=backend_help)
    batch_help = (
        "examples of made-up input (default: 1), or how many examples of a file or images of a folder run at a time "
        "(default: 32)"
    )
    command.add_argument("--batch", type=positive, metavar="N", help=batch_help)
    command.add_argument("--top", type=positive, metavar="K", help="shows the K largest outputs (default: 5)")
    add_labels(command)
    command.add_argument("--layers", metavar="A,B", help="keeps these layers' values too; all for every layer")
    print_help = "all numbers of outputs and kept layers, or none (default: of small values)"
    command.add_argument("--print", choices=("all", "none"), help=print_help)
    out_help = "writes the outputs and the kept values as .npz, or an output of 1 or 3 channels as .png"
    command.add_argument("--out", metavar="OUT", help=out_help)
    range_help = "the numbers that are black and white in the .png of --out (default: 0,1)"
    command.add_argument("--range", type=number_range, metavar="LOW,HIGH", help=range_help)
    threads_help = "threads that compute (default: one for each core); results do not depend on it"
    command.add_argument("--threads", type=positive, metavar="N", help=threads_help)
    profile_help = (
        "shows for every step what it computes, by which algorithm, its time behind a first run, GFLOP/s, share"
    )
    command.add_argument("--profile", action="store_true", help=profile_help)
    format_help = "how the results are printed: text (default), or json, one object"
    command.add_argument("--format", choices=("text", "json"), default="text", help=format_help)
    plotting.add_arguments(command)
    add_source_arguments(command)


def execute(options: argparse.Namespace) -> int:
    network = only_network(options.file, options)
    labels = class_names(options, network)
    keep = _kept(options.layers, network)
    for out in (options.out, options.plot):
        require_free(out, options, network)
    profile = _profile(options)
    initial = used_initial_weights(options, network)
    plot = plotting.plot_of(options, network, keep, initial.caption if initial else "")
    run = network.runner(
        weights=options.weights,
        seed=options.seed,
        keep=plot.layers if plot else keep,
        backend=options.backend,
        threads=options.threads,
        profile=profile,
    )
    with closing(Results(network, labels, options, initial, profile)) as results:
        examples = given.batches(network.graph, options, options.seed, options.batch, results.leave_out)
        with closing(examples) as batches:
            for names, inputs in batches:
                if not results.count:
                    say_initial_weights(initial)
                    if profile:
                        run(inputs)  # the first run waits for memory that is new
                        profile.clear()
                values = run(inputs)
                results.add(names, plot.add(names, inputs, values) if plot else values)
        results.require_some()
        drawn = plot.write(labels) if plot else None
        results.finish(drawn)
    return WRONG if results.unreadable else FINE


def _profile(options: argparse.Namespace) -> Any:
    """What the time of every layer is added up in, or None."""
    if not options.profile:
        return None
    if options.backend != "numpy":
        raise CnnError.of("bad-setting", "--profile is for the numpy backend")
    from cnndsl.runtime.profile import Profile

    return Profile()


def _kept(layers: str | None, network: Any) -> tuple[str, ...]:
    if layers is None:
        return ()
    return tuple(network.layers) if layers == "all" else tuple(name.strip() for name in layers.split(","))
