"""``cnndsl export``: the network as ONNX, as PyTorch or Keras source, as JSON, or as expanded .cnn text."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cnndsl.cli.initial import say_initial_weights, used_initial_weights
from cnndsl.cli.options import add_file, add_out, add_source_arguments, add_weights, natural
from cnndsl.cli.outputs import add_force, require_free, require_own, require_suffix, wrote
from cnndsl.cli.terminal import only_network, put, unwritable
from cnndsl.cli.variants import variants
from cnndsl.errors import CnnError, either, quoted
from cnndsl.files import text_writer, write_text, write_together, write_whole

EXAMPLE = "cnndsl export examples/lenet.cnn -o lenet.onnx --weights lenet.safetensors"
WORK = "exporting"


def arguments(command: argparse.ArgumentParser) -> None:
    """Adds the options of the command."""
    add_file(command)
    add_out(command)
    command.add_argument("--to", choices=[*TARGETS], help="the format, if the suffix of OUT does not say")
    add_weights(command, "initial weights, if none are given", purpose="of an ONNX model, or beside source: ")
    command.add_argument("--opset", type=natural, metavar="N", help="the ONNX opset (default: 17)")
    add_force(command)
    add_source_arguments(command)


def execute(options: argparse.Namespace) -> int:
    """0 if the network is written."""
    target = options.to or Path(options.out).suffix.lower().removeprefix(".")
    if target == "py":
        message = f"{quoted(options.out)} does not say for which library the source is"
        raise CnnError.of("bad-setting", message, f"give {either(f'--to {name}' for name in SOURCES)}")
    if target not in TARGETS:
        message = f"cannot tell the format of {quoted(options.out)}"
        suffixes = either(f".{name}" for name in (*TARGETS, "py") if name not in SOURCES)
        raise CnnError.of("bad-setting", message, f"end the name in {suffixes}, or give --to")
    require_suffix(options.out, target, asked=True)
    network = only_network(options.file, options)
    require_free(options.out, options, network)
    try:
        TARGETS[target](network, options)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise unwritable(options.out, error) from None
    wrote(options.out)
    return 0


def _onnx(network: Any, options: argparse.Namespace) -> None:
    say_initial_weights(used_initial_weights(options, network))
    given = {"weights": options.weights, "seed": options.seed, "opset": options.opset}
    if options.out != "-":
        network.to_onnx(Path(options.out), **given)
        return
    from cnndsl.interop.onnx.exporter.model import serialised

    model = network.to_onnx(**given)
    sys.stdout.flush()
    sys.stdout.buffer.write(serialised(model))


def _torch(network: Any, options: argparse.Namespace) -> None:
    from cnndsl.interop.torch.exporter.source import torch_source

    _source(torch_source, network, options)


def _keras(network: Any, options: argparse.Namespace) -> None:
    from cnndsl.interop.keras.exporter.source import keras_source

    _source(keras_source, network, options)


def _source(written: Callable[..., str], network: Any, options: argparse.Namespace) -> None:
    """Python source; weights that are given go beside it, unless they lie there already."""
    from cnndsl.interop.origin import NETWORK, is_own_text, is_own_weights, marked, network_digest

    params = variants(options.file, options)
    if options.out == "-":
        if options.weights:
            raise CnnError.of("bad-setting", "weights cannot be written beside standard output", "give -o a name")
        put(written(network.graph, params=params))
        return
    out = Path(options.out)
    require_own(out, is_own_text, options.force)
    if not options.weights:
        write_text(out, marked(written(network.graph, params=params), "export"))
        return
    beside = out.with_suffix(".safetensors")
    text = text_writer(marked(written(network.graph, beside.name, params), "export"))
    if beside.is_file() and beside.samefile(options.weights):
        network.weights_from(options.weights, 0)  # which must fit
        write_whole(out, text)
        return
    from cnndsl.runtime.data.weights import weights_writer

    require_own(beside, is_own_weights, options.force)
    metadata = {NETWORK: network_digest(network.graph)}
    write_together([(beside, weights_writer(network.weights_from(options.weights, 0), metadata)), (out, text)])
    wrote(beside)


def _json(network: Any, options: argparse.Namespace) -> None:
    if options.out == "-":
        put(network.to_json())
    else:
        write_text(Path(options.out), network.to_json())


def _cnn(network: Any, options: argparse.Namespace) -> None:
    if options.out == "-":
        put(network.to_cnn())
        return
    from cnndsl.interop.origin import is_own_text, marked

    out = Path(options.out)
    require_own(out, is_own_text, options.force)
    write_text(out, marked(network.to_cnn(), "export"))


TARGETS: dict[str, Callable[[Any, argparse.Namespace], None]] = {
    "onnx": _onnx,
    "torch": _torch,
    "keras": _keras,
    "json": _json,
    "cnn": _cnn,
}
"""Every format that a network is exported to, by its suffix, and what writes it."""

SOURCES = ("torch", "keras")
"""Those that are Python."""
