"""``cnndsl export``: the network as ONNX, as JSON, or as expanded .cnn text."""

import argparse
import sys
from pathlib import Path

from cnndsl.cli.numbers import natural
from cnndsl.cli.outputs import add_force, require_free, require_own, require_suffix, wrote
from cnndsl.cli.terminal import add_source_arguments, only_network, unwritable
from cnndsl.errors import CnnError, quoted
from cnndsl.files import write_text

EXAMPLE = "cnndsl export examples/lenet.cnn -o lenet.onnx --weights lenet.safetensors"
TARGETS = ("onnx", "json", "cnn")


def arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("file", metavar="FILE", help="a .cnn file, or - for standard input")
    command.add_argument("-o", "--out", required=True, metavar="OUT", help="the file to write; - for standard output")
    command.add_argument("--to", choices=TARGETS, help="the format, if the suffix of OUT does not say")
    command.add_argument("--weights", metavar="W", help="a .safetensors or .npz file (onnx only)")
    command.add_argument("--seed", type=natural, default=0, help="for initial weights, if none are given (default: 0)")
    command.add_argument("--opset", type=natural, metavar="N", help="the ONNX opset (default: 17)")
    add_force(command)
    add_source_arguments(command)


def execute(options: argparse.Namespace) -> int:
    out = Path(options.out)
    target = options.to or out.suffix.lower().removeprefix(".")
    if target not in TARGETS:
        message = f"cannot tell the format of {quoted(options.out)}"
        raise CnnError.of("bad-setting", message, "end the name in .onnx, .json or .cnn, or give --to")
    require_suffix(options.out, target, asked=True)
    network = only_network(options.file, options)
    require_free(options.out, options, network)
    try:
        if target == "onnx":
            if options.out == "-":
                model = network.to_onnx(weights=options.weights, seed=options.seed, opset=options.opset)
                from cnndsl.interop.onnx.exporter.model import serialised

                sys.stdout.flush()
                sys.stdout.buffer.write(serialised(model))
            else:
                network.to_onnx(out, weights=options.weights, seed=options.seed, opset=options.opset)
        elif options.out == "-":
            sys.stdout.write(network.to_json() if target == "json" else network.to_cnn())
        elif target == "json":
            write_text(out, network.to_json())
        else:
            from cnndsl.interop.origin import is_own_text, marked

            require_own(out, is_own_text, options.force)
            write_text(out, marked(network.to_cnn(), "export"))
    except BrokenPipeError:
        raise
    except OSError as error:
        raise unwritable(options.out, error) from None
    wrote(options.out)
    return 0
