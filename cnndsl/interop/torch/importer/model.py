"""A module of PyTorch as a network: traced if that works, otherwise by PyTorch's exporters."""

import linecache
import tempfile
import warnings
from collections.abc import Callable, Mapping, Sequence
from itertools import count, islice
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np

from cnndsl.arrays import Array
from cnndsl.errors import CnnError, missing_library, quoted, said_by
from cnndsl.interop.onnx.importer.batch import same_network
from cnndsl.interop.onnx.importer.names import network_name
from cnndsl.interop.onnx.importer.simplify import tidy
from cnndsl.interop.onnx.importer.writable import unwritable_number
from cnndsl.interop.torch.importer.call import Held
from cnndsl.interop.torch.importer.gains import connect
from cnndsl.interop.torch.importer.names import module_names
from cnndsl.interop.torch.importer.walk import Walk
from cnndsl.interop.torch.importer.ways import Calls, exported, in_eval_mode, place_in, place_of, quiet, traced
from cnndsl.interop.torch.made import remembered
from cnndsl.ir import Graph
from cnndsl.limits import DEFAULT_LIMITS, Limits

Way: TypeAlias = Literal["to_torch", "torch.fx", "torch.export", "onnx"]
"""In the order in which they are tried; the first is for modules that ``to_torch`` made."""

ONE_BATCH = "what the network computes depends on the number of examples in a batch"

ONE_WAY = "a network has one way for all inputs: choose between numbers by torch.where, by settings in __init__"
"""What to do about code that asks the numbers of its input."""


class Imported(NamedTuple):
    """A network, its tensors by key, the module's name for each layer, and the way that it came."""

    network: Graph
    weights: dict[str, Array]
    module_names: dict[str, str]
    imported_by: Way


def from_torch(module: Any, example: Any, limits: Limits = DEFAULT_LIMITS) -> Imported:
    """The network of a module, which is left as it was. ``example`` is what it is called with: a tensor, or several.

    Raises CnnError: ``import-unsupported`` with one diagnostic for every call that the language cannot express,
    ``python-object`` where the module does not take the example.
    """
    try:
        import torch
    except ImportError as error:
        raise missing_library("PyTorch", "torch", error) from None
    if not isinstance(module, torch.nn.Module):
        raise CnnError.of("bad-setting", f"the module must be a torch.nn.Module, not {_kind(module)}")
    examples = tuple(example) if isinstance(example, tuple | list) else (example,)
    if not examples or not all(isinstance(one, torch.Tensor) for one in examples):
        raise CnnError.of("bad-setting", f"the example must be a tensor, or a tuple of tensors, not {_kind(example)}")
    if any(getattr(one, "is_meta", False) for one in module.parameters()):
        raise CnnError.of("bad-setting", "the module has parameters without numbers: they are on the device `meta`")
    with in_eval_mode(module):
        wanted = _result(module, examples)
        known = remembered(module, [tuple(one.shape[1:]) for one in examples])
        if known is not None:
            graph, weights = known
            names = {node.name: node.name for node in graph.layers if graph.weights(node)}
            return Imported(graph, weights, names, "to_torch")
        return _imported(module, examples, wanted, limits)


def _kind(given: object) -> str:
    return quoted(type(given).__name__)


def _copies(examples: Sequence[Any]) -> tuple[Any, ...]:
    """A module may write into what it is called with."""
    return tuple(one.clone() for one in examples)


def _result(module: Any, examples: Sequence[Any]) -> Any:
    """What the module gives for the examples. Raises CnnError if it does not take them."""
    try:
        return module(*_copies(examples))
    except (Exception, SystemExit) as error:
        shapes = " and ".join("x".join(map(str, one.shape)) for one in examples)
        raise CnnError.of(
            "python-object",
            f"the module does not take the example of {shapes}: {said_by(error)}",
            "the first axis of the example is the batch: for images of 3@224x224 give torch.zeros(1, 3, 224, 224), "
            "or --input 3@224x224 on the command line",
        ) from error


def _imported(module: Any, examples: Sequence[Any], wanted: Any, limits: Limits) -> Imported:
    named = _named(module)
    reasons: list[str] = []
    place = None
    attempts: tuple[tuple[Way, Callable[..., Calls]], ...] = (("torch.fx", traced), ("torch.export", exported))
    for way, attempt in attempts:
        try:
            calls = attempt(module, _copies(examples), wanted)
        except Exception as error:  # whatever PyTorch has against the module's code
            reasons.append(f"{way}: {said_by(error)}")
            place = place or place_in(error)
            continue
        try:
            return _walked(module, calls, examples, named, way, limits)
        except CnnError as error:
            if error.diagnostics[0].code != "import-unsupported":
                raise
            places = traced(module, _copies(examples), wanted, places=True) if way == "torch.fx" else calls
            _walked(module, places, examples, named, way, limits)
            raise
    try:
        return _through_onnx(module, examples, named, reasons, limits)
    except CnnError as error:
        found = error.diagnostics[0]
        if place is None or found.code != "python-object":
            raise
        source = {place.file: "".join(linecache.getlines(place.file))}
        raise CnnError([found._replace(span=place)], source) from error


def _named(module: Any) -> dict[str, Held]:
    """The parameters and buffers by their keys, each once."""
    found = {name: Held(name, tensor, True) for name, tensor in module.named_parameters()}
    return found | {name: Held(name, tensor, False) for name, tensor in module.named_buffers()}


def _walked(
    module: Any, calls: Calls, examples: Sequence[Any], named: Mapping[str, Held], way: Way, limits: Limits
) -> Imported:
    if way == "torch.fx":
        few, many = _batches(calls.graph)
        found, reads_batch = _walk(module, calls, examples, named, way, few, limits)
        other = _walk(module, calls, examples, named, way, many, limits)[0] if reads_batch else found
    else:  # the exporter writes the batch of the example into its graph
        found, _ = _walk(module, calls, examples, named, way, int(examples[0].shape[0]), limits)
        other = _with_one_more(module, examples, named, way, limits)
    if other is not found and not same_network(found[:2], other[:2]):
        raise CnnError.of("import-unsupported", ONE_BATCH)
    copies = {key: np.array(array) for key, array in found.weights.items()}  # the module may be trained on
    return found._replace(weights=copies)


def _with_one_more(
    module: Any, examples: Sequence[Any], named: Mapping[str, Held], way: Way, limits: Limits
) -> Imported:
    """The network that the exporter gives for one example more."""
    import torch

    more = [torch.cat([one, one[:1]]) for one in examples]
    try:
        calls = exported(module, _copies(more), module(*_copies(more)))
    except Exception as error:
        raise CnnError.of("import-unsupported", f"{ONE_BATCH}: with one more, {said_by(error)}") from error
    return _walk(module, calls, more, named, way, int(more[0].shape[0]), limits)[0]


def _walk(
    module: Any,
    calls: Calls,
    examples: Sequence[Any],
    named: Mapping[str, Held],
    way: Way,
    batch: int,
    limits: Limits,
) -> tuple[Imported, bool]:
    sources: dict[str, str] = {}

    def place(node: Any) -> Any:
        span = place_of(node)
        if span is not None:
            sources[span.file] = "".join(linecache.getlines(span.file))
        return span

    walk = Walk(calls, examples, named, place, batch, way == "torch.fx", limits)
    try:
        walk.run()
    except CnnError as error:
        raise CnnError(error.diagnostics, sources) from None
    tidy(walk.builder, own_export=False)
    connect(walk.builder, walk.known)
    network = walk.builder.network(network_name(type(module).__name__), walk.results)
    for node in network.layers:
        wrong = unwritable_number(node.op, limits)
        if wrong is not None:
            message = f"{quoted(node.name)}: the language does not write numbers such as {wrong}"
            raise CnnError.of("import-unsupported", message)
    weights = walk.builder.weights()
    given = {name: layer.tensors for name, layer in walk.builder.titled.items()}
    return Imported(network, weights, module_names(network, weights, given, named), way), walk.reads_batch


def _batches(graph: Any) -> "islice[int]":
    """Two extents that no call says: no number in it can be taken for the batch."""
    said: set[int] = set()

    def visit(given: Any) -> None:
        if isinstance(given, int):
            said.add(given)
        elif isinstance(given, tuple | list):
            for one in given:
                visit(one)
        elif isinstance(given, dict):
            visit(list(given.values()))

    for node in graph.nodes:
        visit([node.args, node.kwargs])
    return islice((extent for extent in count(101, 2) if extent not in said), 2)


def _through_onnx(
    module: Any, examples: Sequence[Any], named: Mapping[str, Held], reasons: Sequence[str], limits: Limits
) -> Imported:
    """By way of an ONNX file, as a module that cannot be traced is exported."""
    import torch

    from cnndsl.interop.onnx.importer.model import from_onnx

    jit: Any = torch.jit
    names = [f"input{place + 1}" for place in range(len(examples))] if len(examples) > 1 else ["input"]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{network_name(type(module).__name__)}.onnx"
        try:
            with warnings.catch_warnings(), quiet():
                warnings.simplefilter("error", jit.TracerWarning)  # of what is fixed as it is for the example
                torch.onnx.export(
                    module,
                    _copies(examples),
                    str(path),
                    dynamo=False,
                    input_names=names,
                    dynamic_axes={name: {0: "batch"} for name in names},
                    training=torch.onnx.TrainingMode.PRESERVE,  # in eval mode it would fuse norms
                    do_constant_folding=False,
                )
        except Exception as error:
            reasons = [*reasons, f"onnx: {said_by(error)}"]
            raise CnnError.of(
                "python-object", "PyTorch can neither trace nor export the module", *reasons, ONE_WAY
            ) from error
        found = from_onnx(path, limits=limits)
        weights = {key: np.array(array) for key, array in found.weights.items()}
    given: dict[str, list[str]] = {}
    for key, node, _ in found.network.all_weights():
        given.setdefault(node.name, []).append(key)  # layers may be called as the modules
    return Imported(found.network, weights, module_names(found.network, weights, given, named), "onnx")
