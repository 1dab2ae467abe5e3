"""``cnndsl import``: a model of ONNX, Keras or PyTorch as readable text, its weights beside it."""

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
        "an .onnx or .keras file, or package.module:callable: a function that makes a PyTorch module or a Keras model, "
        "or its class; this runs the code of that Python module"
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
    from cnndsl.interop.keras.importer.load import is_keras_file
    from cnndsl.interop.objects import is_object
    from cnndsl.interop.origin import is_own_text
    from cnndsl.interop.torch.importer.load import require_no_pickle

    named = is_object(options.file)
    source = Path(options.file.rpartition(":")[2] + ".py" if named else options.file)
    require_no_pickle(source)
    _require_no_code(source, named)
    is_keras = not named and is_keras_file(source)
    _require_fitting(options, named, is_keras)
    out = None if options.out == "-" else Path(options.out) if options.out else source.with_suffix(".cnn")
    if out is not None and out.suffix != ".cnn":
        raise CnnError.of("bad-setting", f"the text is written as .cnn, not {quoted(str(out))}")
    if out is not None:
        require_output(out, [source])
        require_own(out, is_own_text, options.force)
    read = _from_object if named else _from_keras if is_keras else _from_onnx
    network, layout = read(options)
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


def _require_no_code(source: Path, named: bool) -> None:
    """Raises CnnError for a file of Python, which may hold several networks."""
    if source.suffix == ".py" and not named:
        name = source.stem if source.stem.isidentifier() else "module"
        advice = f"name what makes it, in the file's folder: cnndsl import {name}:callable --input 3@224x224"
        raise CnnError.of(
            "python-object", f"{quoted(str(source))} is Python code, and does not say what in it is a network", advice
        )


def _require_fitting(options: argparse.Namespace, named: bool, is_keras: bool) -> None:
    """Raises CnnError for options that are for another kind of model."""
    if options.partial and (named or is_keras):
        raise CnnError.of("bad-setting", "--partial is for ONNX models")
    if options.input and is_keras:
        raise CnnError.of("bad-setting", "--input: a Keras model knows the shapes of its inputs", "leave --input out")


def _from_onnx(options: argparse.Namespace) -> tuple[Any, Any]:
    """The network of an ONNX model, and where the model's layout differs; what is left out is told."""
    from cnndsl import api
    from cnndsl.interop.onnx.importer.model import from_onnx
    from cnndsl.lang.settings import parse_input

    shapes = dict(map(parse_input, options.input))
    imported = from_onnx(Path(options.file), partial=options.partial, inputs=shapes)
    say(imported.notes, {})
    return api.Network(imported.network, imported.weights), imported.layout


def _from_keras(options: argparse.Namespace) -> tuple[Any, Any]:
    """The network of a file that Keras saved."""
    from cnndsl.interop.keras.importer.load import read_model

    with read_model(Path(options.file)) as model:
        return _of_keras(model)


def _of_keras(model: Any) -> tuple[Any, Any]:
    """The network of a model, and where the model's layout differs, which is told."""
    from cnndsl import api
    from cnndsl.interop.keras.importer.model import from_keras

    imported = from_keras(model)
    say(imported.layout.note(imported.network, may_keep=False), {})
    return api.Network(imported.network, imported.weights), imported.layout


def _from_object(options: argparse.Namespace) -> tuple[Any, Any]:
    """The network of a PyTorch module or a Keras model that Python code makes."""
    from cnndsl.interop.objects import object_of

    kind, found = object_of(options.file)
    if kind == "keras" and options.input:
        advice = "leave --input out"
        raise CnnError.of("bad-setting", "a Keras model knows the shapes of its inputs", advice)
    return _of_keras(found) if kind == "keras" else (_from_torch(found, options), None)


def _from_torch(module: Any, options: argparse.Namespace) -> Any:
    """The network of a PyTorch module."""
    from cnndsl import api
    from cnndsl.interop.torch.importer.load import examples_of
    from cnndsl.lang.settings import parse_input

    if not options.input:
        advice = f"for example: cnndsl import {options.file} --input 3@224x224"
        message = "a PyTorch module is traced with an example: give its shape by --input"
        raise CnnError.of("bad-setting", message, advice)
    shapes = []
    for given in options.input:
        shape, words, _ = given.partition(" dtype=int64")
        name, found = parse_input(shape)
        if name is not None:
            message = f"{quoted(given)}: the inputs of a module have no names"
            raise CnnError.of("bad-setting", message, "give them in order")
        dtype: Dtype = "int64" if words else "float32"
        shapes.append((found, dtype))
    return api.from_torch(module, examples_of(shapes))


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
