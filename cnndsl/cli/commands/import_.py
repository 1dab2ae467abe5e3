"""``cnndsl import``: an ONNX model or a PyTorch module as readable text, its weights beside it."""

import argparse
from pathlib import Path
from typing import Any

from cnndsl.cli.outputs import add_force, require_own, wrote
from cnndsl.cli.terminal import put, say, unwritable
from cnndsl.errors import CnnError, quoted
from cnndsl.files import is_stream, require_output, text_writer, write_together, write_whole
from cnndsl.ir import Dtype

EXAMPLE = "cnndsl import resnet50.onnx -o resnet50.cnn"
WORK = "importing"


def arguments(command: argparse.ArgumentParser) -> None:
    """Adds the options of the command."""
    file_help = (
        "an .onnx file, or package.module:callable: a function that makes a PyTorch module, or its class; this runs "
        "the code of that Python module"
    )
    command.add_argument("file", metavar="MODEL", help=file_help)
    input_help = (
        "the shape of an example for a PyTorch module, such as 3@224x224; again for each input; dtype=int64 behind it "
        "for numbers of words; for an ONNX model with open extents [NAME=]SHAPE, which fixes them"
    )
    command.add_argument("--input", action="append", default=[], metavar="SHAPE", help=input_help)
    out_help = "the text to write (default: the model's name with .cnn); - for standard output, without weights"
    command.add_argument("-o", "--out", metavar="OUT", help=out_help)
    partial_help = "keeps what is understood, and says what is left out"
    command.add_argument("--partial", action="store_true", help=partial_help)
    command.add_argument("--expanded", action="store_true", help="one line a layer: no blocks, no loops")
    add_force(command)


def execute(options: argparse.Namespace) -> int:
    """0 if all of the model, or under --partial something of it, is understood."""
    from cnndsl.interop.origin import is_own_text
    from cnndsl.interop.torch.importer.load import is_object, require_no_pickle

    is_torch = is_object(options.file)
    source = Path(options.file.rpartition(":")[2] + ".py" if is_torch else options.file)
    require_no_pickle(source)
    _require_fitting(options, is_torch)
    out = None if options.out == "-" else Path(options.out) if options.out else source.with_suffix(".cnn")
    if out is not None and out.suffix != ".cnn":
        raise CnnError.of("bad-setting", f"the text is written as .cnn, not {quoted(str(out))}")
    if out is not None:
        require_output(out, [source])
        require_own(out, is_own_text, options.force)
    network, layout = (_from_torch(options), None) if is_torch else _from_onnx(source, options)
    text, network = network.decompiled(folded=not options.expanded)
    if layout and (difference := layout.said(network.graph)):
        text = f"# {difference}\n{text}"
    if out is None:
        put(text)
        return 0
    try:
        wrote(*_write(network, text, out, options.force))
    except OSError as error:
        raise unwritable(str(out), error) from None
    return 0


def _require_fitting(options: argparse.Namespace, is_torch: bool) -> None:
    """Raises CnnError for options that are for the other kind of model."""
    if is_torch and options.partial:
        raise CnnError.of("bad-setting", "--partial is for ONNX models")
    if is_torch and not options.input:
        advice = f"for example: cnndsl import {options.file} --input 3@224x224"
        raise CnnError.of(
            "bad-setting", "a PyTorch module is traced with an example: give its shape by --input", advice
        )


def _from_onnx(source: Path, options: argparse.Namespace) -> tuple[Any, Any]:
    """The network of an ONNX model, and where the model's layout differs; what is left out is told."""
    from cnndsl import api
    from cnndsl.interop.onnx.importer.model import from_onnx
    from cnndsl.lang.settings import parse_input

    imported = from_onnx(source, partial=options.partial, inputs=dict(map(parse_input, options.input)))
    say(imported.notes, {})
    return api.Network(imported.network, imported.weights), imported.layout


def _from_torch(options: argparse.Namespace) -> Any:
    """The network of a PyTorch module."""
    from cnndsl import api
    from cnndsl.interop.torch.importer.load import examples_of, module_of
    from cnndsl.lang.settings import parse_input

    shapes = []
    for given in options.input:
        shape, words, _ = given.partition(" dtype=int64")
        name, found = parse_input(shape)
        if name is not None:
            raise CnnError.of(
                "bad-setting", f"{quoted(given)}: the inputs of a module have no names", "give them in order"
            )
        dtype: Dtype = "int64" if words else "float32"
        shapes.append((found, dtype))
    return api.from_torch(module_of(options.file), examples_of(shapes))


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
