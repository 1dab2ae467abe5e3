"""ONNX models as networks, and those whose inputs have open extents read at several sizes.

At each size the walk computes the model's shape arithmetic with numbers. The networks that it finds must have the same
layers and weights, and every number in which they differ must be k*((symbol + b)//d) + c of one symbol at all of them.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from keyword import iskeyword
from os import PathLike
from typing import Any, NamedTuple

import numpy as np
from onnx import GraphProto, ModelProto, ValueInfoProto

from cnndsl.analysis.resized import resized
from cnndsl.analysis.sizes import AXES
from cnndsl.errors import CnnError, Diagnostic, quoted, require_path
from cnndsl.interop.onnx.importer.file import Model, check_model, read_model
from cnndsl.interop.onnx.importer.walk import Imported, import_model
from cnndsl.ir import Graph, Node, Symbol
from cnndsl.lang.elaborate.naming import KEYWORDS
from cnndsl.limits import DEFAULT_LIMITS, Limits
from cnndsl.ops.base import Operator, Windowed
from cnndsl.ops.resize import Resize, Upsample
from cnndsl.shapes import Shape, per_axis, resolve_padding

DEFAULTS = (224, 256, 128, 64, 32, 299, 512, 572, 96, 28, 16, 8)
"""Extents that are tried, until the model takes one."""

TOGETHER = (32, 1, 3872, -95)
"""Steps from the default that all symbols take at once, far ones too: a size may decide what a model does, ..."""

APART = ((32, 96, 64, 160), (1, 19, 5, 42, 27, 11, 70, 53))
"""... and such that they take one after the other, so that no two have the same."""

FIRST = 2
"""Sizes of each row that are always read; the others where something follows from the size."""

LARGEST_DIVISOR = 64
LONGEST_NAME = 40
"""Of a symbol, in characters."""
GENERATED = re.compile(r"s\d+|unk_*\d+|\w*dynamic_axes_\d+")

Sizes = dict[str, int]
Read = Callable[[Model], Imported]
Places = Mapping[str, Mapping[int, str]]
"""For each input of the model the axes that are open, as the model counts them, and what they are called."""


def from_onnx(
    source: str | PathLike[str] | ModelProto,
    *,
    partial: bool = False,
    keep_layout: bool = False,
    limits: Limits = DEFAULT_LIMITS,
    inputs: Mapping[str | None, Shape] | None = None,
) -> Imported:
    """The network in a file or a loaded model. ``partial`` keeps what is understood.

    Inputs whose channels are last get the language's layout, and so do the outputs then; not with ``keep_layout``.
    Extents that are open behind the batch become symbols, or are those of ``inputs``, by name, None for the first.

    Raises CnnError: ``onnx-file``, ``onnx-graph`` and ``layer-limit`` as read_model does; ``import-unsupported`` with
    one diagnostic for every node that the language cannot express.
    """
    if isinstance(source, ModelProto):
        model = check_model(source, "model", None, limits)
    else:
        require_path(source, "the model")
        model = read_model(source, limits)
    return imported(model, partial=partial, keep_layout=keep_layout, limits=limits, inputs=inputs)


def imported(
    model: Model,
    *,
    partial: bool = False,
    keep_layout: bool = False,
    limits: Limits = DEFAULT_LIMITS,
    inputs: Mapping[str | None, Shape] | None = None,
) -> Imported:
    """The same for a model that was read."""

    def read(one: Model) -> Imported:
        return import_model(one, partial=partial, keep_layout=keep_layout, limits=limits)

    places = open_places(model)
    if inputs:
        return with_shapes(model, places, inputs, read)
    return import_any_size(model, places, read) if places else read(model)


class Differs(Exception):
    """The networks of several sizes are no single one; the message says where."""


class Sample(NamedTuple):
    """The network that was found at some sizes."""

    sizes: Sizes
    imported: Imported


def open_places(model: Model) -> Places:
    """The open axes of all inputs but their first, with the names of their symbols; without names, images have H, W."""
    found: dict[str, dict[int, str]] = {}
    said: dict[str, str] = {}
    taken: set[str] = set()
    for value in _inputs(model):
        axes = value.type.tensor_type.shape.dim
        unknown = [place for place, axis in enumerate(axes) if place and axis.dim_value < 1]
        if len(unknown) + 1 >= len(axes):
            continue  # its channels are open too
        letters = AXES.get(len(unknown), tuple(f"X{number}" for number in range(1, len(unknown) + 1)))
        for place, letter in zip(unknown, letters, strict=True):
            written = axes[place].dim_param
            if written in said:
                name = said[written]
            else:
                name = _fresh(written if _is_name(written) else letter, taken)
                said |= {written: name} if written else {}
            found.setdefault(value.name, {})[place] = name
    return found


def _is_name(text: str) -> bool:
    """Whether somebody called an axis so: PyTorch itself calls them s0 and s53."""
    is_word = text.isascii() and text.isidentifier() and len(text) <= LONGEST_NAME
    return is_word and not iskeyword(text) and text not in KEYWORDS and not GENERATED.fullmatch(text)


def _fresh(name: str, taken: set[str]) -> str:
    number, candidate = 1, name
    while candidate in taken:
        number += 1
        candidate = f"{name}{number}"
    taken.add(candidate)
    return candidate


def at_sizes(model: Model, places: Places, sizes: Mapping[str, int]) -> Model:
    """The model with these extents in the places of the symbols."""
    graph = GraphProto(name=model.graph.name)
    graph.input.extend(model.graph.input)
    graph.output.extend(model.graph.output)
    for value in graph.input:
        for place, symbol in places.get(value.name, {}).items():
            value.type.tensor_type.shape.dim[place].dim_value = sizes[symbol]
    return model._replace(graph=graph)


def import_any_size(model: Model, places: Places, read: Read) -> Imported:
    """The network of a model with symbols for its open extents. Raises CnnError as ``read`` does for one size."""
    symbols = list(dict.fromkeys(name for axes in places.values() for name in axes.values()))
    base = _first(model, places, symbols, read)
    if _open_channels(model, places, base.imported):
        return read(model)  # which refuses it
    samples, refused = [base], []
    steps = [*(dict.fromkeys(symbols, step) for step in TOGETHER), *_apart(symbols, slice(FIRST))]
    more = [*_apart(symbols, slice(FIRST, None))]
    while steps:
        sizes = {name: base.sizes[name] + step for name, step in steps.pop(0).items()}
        try:
            if min(sizes.values()) > 0:
                samples.append(Sample(sizes, read(at_sizes(model, places, sizes))))
        except CnnError:
            refused.append(sizes)
        if not steps and not _alike(samples):
            steps, more = more, []
    if len(samples) == 1:
        return _fixed(base, [f"{name} = {size}" for name, size in base.sizes.items()])
    try:
        network = _united(model, places, symbols, samples)
        _confirm(network, samples, refused)
    except Differs as difference:
        advice = f"read it at one size: --input {' --input '.join(_shapes(base.imported.network))}"
        message = f"{quoted(model.name)} at several sizes is no single network: {difference}"
        raise CnnError([Diagnostic("import-unsupported", message, help=(advice,))]) from None
    return base.imported._replace(network=network)


def with_shapes(model: Model, places: Places, shapes: Mapping[str | None, Shape], read: Read) -> Imported:
    """The network of a model at one size: that of its inputs' shapes, channels first. Raises CnnError."""
    if not places:
        advice = "`cnndsl import` makes a .cnn file of it"
        raise CnnError.of(
            "bad-setting", f"{quoted(model.name)} has the sizes of its inputs in it: none is open", advice
        )
    inputs = [value.name for value in _inputs(model)]
    given = {inputs[0] if name is None else name: shape for name, shape in shapes.items()}
    if unknown := [name for name in given if name not in inputs]:
        raise CnnError.of("input-names", f"the model has no input {quoted(unknown[0])}", f"it has {', '.join(inputs)}")
    sizes: Sizes = {}
    for name, shape in given.items():
        open_axes = places.get(name, {})
        if len(open_axes) > len(shape.spatial):
            message = f"input {quoted(name)} has {len(open_axes)} open extents, and {shape} has {len(shape.spatial)}"
            raise CnnError.of("input-shape", message)
        sizes |= dict(zip(open_axes.values(), shape.spatial[-len(open_axes) :] if open_axes else (), strict=True))
    missing = {symbol for axes in places.values() for symbol in axes.values()} - sizes.keys()
    if missing:
        raise CnnError.of("input-names", f"no shape says what {', '.join(sorted(missing))} is", "give all inputs'")
    found = read(at_sizes(model, places, sizes))
    for name, value in zip(inputs, found.network.inputs, strict=True):
        if name in given and value.shape != given[name]:
            message = f"input {quoted(name)} of the model is {value.shape}, not {given[name]}"
            raise CnnError.of("input-shape", message)
    return found


def _shapes(network: Graph) -> list[str]:
    return [str(value.shape) for value in network.inputs]


def _first(model: Model, places: Places, symbols: Sequence[str], read: Read) -> Sample:
    """The network at the first of the usual sizes that the model takes."""
    problems: list[CnnError] = []
    for size in DEFAULTS:
        sizes = dict.fromkeys(symbols, size)
        try:
            return Sample(sizes, read(at_sizes(model, places, sizes)))
        except CnnError as error:
            problems.append(error)
            if len(problems) > 1 and str(problems[-2]) == str(error):
                break  # it has nothing to do with the size
    raise problems[0]


def _open_channels(model: Model, places: Places, found: Imported) -> bool:
    """Whether the channels of an input are among what is open."""
    given = [value for value in model.graph.input if value.name in places]
    turned = dict(zip((value.name for value in _inputs(model)), found.layout.inputs, strict=False))
    last = {value.name: len(value.type.tensor_type.shape.dim) - 1 for value in given}
    return any((last[name] if turned.get(name) else 1) in axes for name, axes in places.items())


def _inputs(model: Model) -> list[ValueInfoProto]:
    return [value for value in model.graph.input if value.name not in model.constants]


def _fixed(base: Sample, said: Sequence[str]) -> Imported:
    message = f"of all sizes that were tried the model takes {', '.join(said)} alone, and the network has this size"
    note = Diagnostic("import-unsupported", message, severity="note", help=("another one is read with --input",))
    return base.imported._replace(notes=(*base.imported.notes, note))


def _apart(symbols: Sequence[str], part: slice) -> Iterator[Sizes]:
    for row in APART:
        for number in range(len(row))[part]:
            yield {name: row[(number + 1 + index) % len(row)] for index, name in enumerate(symbols)}


def _alike(samples: Sequence[Sample]) -> bool:
    """Whether all networks have the same operators."""
    operators = [[node.op for node in sample.imported.network.layers] for sample in samples]
    return all(found == operators[0] for found in operators)


def _united(model: Model, places: Places, symbols: Sequence[str], samples: Sequence[Sample]) -> Graph:
    """The network of all samples. Raises Differs."""
    base = samples[0].imported
    first = base.network
    for sample in samples[1:]:
        if _plan(sample.imported.network) != _plan(first):
            raise Differs(f"at {_said(sample.sizes)} it has other layers than at {_said(samples[0].sizes)}")
        if not _same_weights(base, sample.imported):
            raise Differs(f"at {_said(sample.sizes)} it has other weights than at {_said(samples[0].sizes)}")
    layers = []
    for number, node in enumerate(first.layers):
        nodes = [sample.imported.network.layers[number] for sample in samples]
        op, symbolic = _operator(nodes, [_input_shapes(sample, number) for sample in samples], samples)
        layers.append(node.model_copy(update={"op": op, "symbolic": symbolic}))
    inputs = []
    for value, read, last in zip(_inputs(model), first.inputs, base.layout.inputs, strict=True):
        rank = len(read.shape.dimensions)
        extents = [*map(str, read.shape.dimensions)]
        for place, symbol in places.get(value.name, {}).items():
            extents[place % rank if last else place - 1] = symbol
        inputs.append(read.model_copy(update={"extents": tuple(extents) if value.name in places else ()}))
    made = tuple(Symbol(name=name, default=samples[0].sizes[name]) for name in symbols)
    return first.model_copy(update={"inputs": tuple(inputs), "layers": tuple(layers), "symbols": made})


def _said(sizes: Sizes) -> str:
    return ", ".join(f"{name} = {size}" for name, size in sizes.items())


def _plan(network: Graph) -> tuple[object, ...]:
    """What reads what, by places instead of names, which may follow from the operators."""
    names = [value.name for value in network.inputs] + [node.name for node in network.layers]
    places = {name: place for place, name in enumerate(names)}
    layers = [
        (tuple(places[name] for name in node.inputs), places[node.share] if node.share else None, node.dtype)
        for node in network.layers
    ]
    return len(network.inputs), tuple(layers), tuple(places[name] for name in network.outputs)


def _same_weights(one: Imported, other: Imported) -> bool:
    pairs = list(zip(one.network.all_weights(), other.network.all_weights(), strict=False))
    return len(one.weights) == len(other.weights) and all(
        np.array_equal(one.weights[mine], other.weights[theirs], equal_nan=True) for (mine, *_), (theirs, *_) in pairs
    )


def _input_shapes(sample: Sample, number: int) -> Sequence[Shape]:
    network = sample.imported.network
    return network.input_shapes(network.layers[number])


def _operator(
    nodes: Sequence[Node], shapes: Sequence[Sequence[Shape]], samples: Sequence[Sample]
) -> tuple[Operator, dict[str, tuple[str, ...]]]:
    """The operator of a layer at all sizes, and the expressions of what differs in it. Raises Differs."""
    ops: list[Any] = [node.op for node in nodes]
    if all(op == ops[0] for op in ops):
        return ops[0], {}
    if isinstance(ops[0], Windowed) and (padded := _equal_padding(ops, shapes)):
        return padded, {}
    if all(isinstance(op, Resize | Upsample) for op in ops):
        ops = [
            Resize(size=node.shape.spatial, mode=op.mode, align_corners=getattr(op, "align_corners", False))
            for node, op in zip(nodes, ops, strict=True)
        ]
    other = Differs(f"{quoted(nodes[0].name)} is `{_written(ops[0])}` at one and `{_written(ops[-1])}` at another")
    if len({type(op) for op in ops}) > 1:
        raise other
    symbolic: dict[str, tuple[str, ...]] = {}
    for field in type(ops[0]).model_fields:
        found: list[Any] = [getattr(op, field) for op in ops]
        if any(one != found[0] for one in found) and not _whole(found):
            raise other
        if any(one != found[0] for one in found):
            columns = zip(*(per_axis(one, _rank(found), field) for one in found), strict=True)
            texts = [_expression(column, samples) for column in columns]
            if None in texts:
                raise Differs(f"{quoted(nodes[0].name)} has a {field} that follows from its size in no simple way")
            symbolic[field] = tuple(text for text in texts if text is not None)
    return ops[0], symbolic


def _rank(found: Sequence[Any]) -> int:
    lengths = {len(one) for one in found if isinstance(one, tuple)}
    return lengths.pop() if lengths else 1


def _whole(found: Sequence[Any]) -> bool:
    """Whether these are whole numbers, or as many of them each."""
    lengths = {len(one) for one in found if isinstance(one, tuple)}
    numbers = [number for one in found for number in (one if isinstance(one, tuple) else (one,))]
    return len(lengths) < 2 and all(type(number) is int for number in numbers)


def _written(op: Operator) -> str:
    return f"{op.operator} {op.arguments()}"


def _equal_padding(ops: Sequence[Any], shapes: Sequence[Sequence[Shape]]) -> Operator | None:
    """The operator with the word for its padding, if that is meant at all sizes."""
    for word in ("same", "same_lower"):
        general = [op.model_copy(update={"pad": word}) for op in ops]
        if any(op != general[0] for op in general):
            return None
        if all(_pairs(one, given) == _pairs(op, given) for one, op, given in zip(general, ops, shapes, strict=True)):
            found: Operator = general[0]
            return found
    return None


def _pairs(op: Any, shapes: Sequence[Shape]) -> Any:
    geometry, sizes = op.geometry(), shapes[0].spatial
    kernel, stride, dilation = (
        per_axis(value, len(sizes), "kernel") for value in (op.kernel, geometry.stride, geometry.dilation)
    )
    return resolve_padding(op.pad, sizes, kernel, stride, dilation)


def _expression(numbers: Sequence[int], samples: Sequence[Sample]) -> str | None:
    """A formula of one symbol that gives these numbers."""
    if len(set(numbers)) == 1:
        return str(numbers[0])
    for symbol in samples[0].sizes:
        sizes = [sample.sizes[symbol] for sample in samples]
        for d in range(1, LARGEST_DIVISOR + 1):
            for b in range(d):
                line = _line([(size + b) // d for size in sizes], numbers)
                if line is not None:
                    return _text(symbol, line[0], b, d, line[1])
    return None


def _line(steps: Sequence[int], numbers: Sequence[int]) -> tuple[int, int] | None:
    """The factor and the rest with which the steps give the numbers."""
    low, high = min(range(len(steps)), key=steps.__getitem__), max(range(len(steps)), key=steps.__getitem__)
    if steps[low] == steps[high]:
        return None
    factor, left = divmod(numbers[high] - numbers[low], steps[high] - steps[low])
    rest = numbers[low] - factor * steps[low]
    fits = not left and all(factor * step + rest == number for step, number in zip(steps, numbers, strict=True))
    return (factor, rest) if fits else None


def _text(symbol: str, k: int, b: int, d: int, c: int) -> str:
    inner = f"({symbol} + {b})" if b else symbol
    quotient = f"{inner}//{d}" if d > 1 else inner
    product = quotient if k == 1 else f"{k}*({quotient})" if d > 1 else f"{k}*{quotient}"
    return product if not c else f"{product} {'+' if c > 0 else '-'} {abs(c)}"


def _confirm(network: Graph, samples: Sequence[Sample], refused: Sequence[Sizes]) -> None:
    """Raises Differs where the network is another one at a size than what was read there."""
    for sample in samples:
        try:
            there = resized(network, sample.sizes)
        except CnnError as error:
            raise Differs(f"at {_said(sample.sizes)}, {error.diagnostics[0].message}") from None
        found = sample.imported.network
        if [node.shape for node in there.layers] != [node.shape for node in found.layers]:
            raise Differs(f"at {_said(sample.sizes)} its values have other shapes")
    for sizes in refused:
        try:
            resized(network, sizes)
        except CnnError:
            continue
        raise Differs(f"it cannot be read at {_said(sizes)}")
