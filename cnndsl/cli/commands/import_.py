"""``cnndsl import``: an ONNX model as readable text, its weights beside it."""

import argparse
import sys
from pathlib import Path

from cnndsl.cli.terminal import say, unwritable
from cnndsl.errors import CnnError, quoted

EXAMPLE = "cnndsl import resnet50.onnx -o resnet50.cnn"


def arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("file", metavar="MODEL", help="an .onnx file")
    out_help = "the text to write (default: the model's name with .cnn); - for standard output, without weights"
    command.add_argument("-o", "--out", metavar="OUT", help=out_help)
    command.add_argument("--partial", action="store_true", help="keep what is understood, and say what is left out")
    command.add_argument("--expanded", action="store_true", help="one line a layer: no blocks, no loops")


def execute(options: argparse.Namespace) -> int:
    """0 if all of the model, or under --partial something of it, is understood."""
    from cnndsl import api
    from cnndsl.files import write_text
    from cnndsl.interop.onnx.importer.model import from_onnx
    from cnndsl.runtime.data.weights import save_weights

    source = Path(options.file)
    out = None if options.out == "-" else Path(options.out) if options.out else source.with_suffix(".cnn")
    if out is not None and out.suffix != ".cnn":
        raise CnnError.of("bad-setting", f"the text is written as .cnn, not {quoted(str(out))}")
    imported = from_onnx(source, partial=options.partial)
    say(imported.notes, {})
    network = api.Network(imported.network, imported.weights)
    text, network = network.decompiled(folded=not options.expanded)
    if out is None:
        sys.stdout.write(text)
        return 0
    try:
        if imported.weights:
            save_weights(network.weights(), out.with_suffix(".safetensors"))
        write_text(out, text)
    except OSError as error:
        raise unwritable(str(out), error) from None
    return 0
