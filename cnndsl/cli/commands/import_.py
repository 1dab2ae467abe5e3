"""``cnndsl import``: an ONNX model as readable text, its weights beside it."""

import argparse
from pathlib import Path
from typing import Any

from cnndsl.cli.outputs import add_force, require_own, wrote
from cnndsl.cli.terminal import put, say, unwritable
from cnndsl.errors import CnnError, quoted
from cnndsl.files import is_stream, require_output, text_writer, write_together, write_whole

EXAMPLE = "cnndsl import resnet50.onnx -o resnet50.cnn"
WORK = "importing"


def arguments(command: argparse.ArgumentParser) -> None:
    """Adds the options of the command."""
    command.add_argument("file", metavar="MODEL", help="an .onnx file")
    out_help = "the text to write (default: the model's name with .cnn); - for standard output, without weights"
    command.add_argument("-o", "--out", metavar="OUT", help=out_help)
    partial_help = "keeps what is understood, and says what is left out"
    command.add_argument("--partial", action="store_true", help=partial_help)
    command.add_argument("--expanded", action="store_true", help="one line a layer: no blocks, no loops")
    add_force(command)


def execute(options: argparse.Namespace) -> int:
    """0 if all of the model, or under --partial something of it, is understood."""
    from cnndsl import api
    from cnndsl.interop.onnx.importer.model import from_onnx
    from cnndsl.interop.origin import is_own_text

    source = Path(options.file)
    out = None if options.out == "-" else Path(options.out) if options.out else source.with_suffix(".cnn")
    if out is not None and out.suffix != ".cnn":
        raise CnnError.of("bad-setting", f"the text is written as .cnn, not {quoted(str(out))}")
    if out is not None:
        require_output(out, [source])
        require_own(out, is_own_text, options.force)
    imported = from_onnx(source, partial=options.partial)
    say(imported.notes, {})
    network = api.Network(imported.network, imported.weights)
    text, network = network.decompiled(folded=not options.expanded)
    if difference := imported.layout.said(network.graph):
        text = f"# {difference}\n{text}"
    if out is None:
        put(text)
        return 0
    try:
        wrote(*_write(network, text, out, options.force))
    except OSError as error:
        raise unwritable(str(out), error) from None
    return 0


def _write(network: Any, text: str, out: Path, force: bool) -> list[Path]:
    """Writes the text and, if there are any, the weights beside it; gives the files. Raises CnnError, and OSError."""
    from cnndsl.interop import origin
    from cnndsl.runtime.data.weights import weights_writer

    weights = network.weights()
    if not weights or is_stream(out):
        write_whole(out, text_writer(origin.marked(text, "import")))
        return [out]
    beside = out.with_suffix(".safetensors")
    require_own(beside, origin.is_own_weights, force)
    digest = origin.network_digest(network.graph)
    pair = [
        (beside, weights_writer(weights, {origin.NETWORK: digest})),
        (out, text_writer(origin.marked(text, "import", digest))),
    ]
    write_together(pair)
    return [out, beside]
