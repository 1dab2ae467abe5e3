"""How every number of a layer comes about: the rule, the numbers put in, the result.

Nothing is computed by formulas of its own: the operator's methods run on terms (:mod:`cnndsl.analysis.terms`), which
keep the expressions that they meet.
"""

from collections.abc import Iterable, Mapping, Sequence
from re import findall
from typing import NamedTuple

from cnndsl.analysis.growth import growth
from cnndsl.analysis.lines import FormulaLine, line
from cnndsl.analysis.measured import Layer, Measured
from cnndsl.analysis.memory import BYTES, last_readers, size_of
from cnndsl.analysis.symbolic import Symbolic, axis_letters, axis_words, unlike
from cnndsl.analysis.terms import Term
from cnndsl.errors import Span, quoted
from cnndsl.ir import Input, Node
from cnndsl.ops.base import Operator, Weight, Windowed
from cnndsl.ops.global_pool import AdaptivePool
from cnndsl.shapes import Axis, Shape, extents, ratio
from cnndsl.suggest import unknown_layer


class Section(NamedTuple):
    """The lines about one question; ``total`` is the layer's number in the table, None where there are several."""

    key: str
    title: str
    lines: tuple[FormulaLine, ...]
    total: int | None = None
    words: str = ""


class Explanation(NamedTuple):
    """The arithmetic behind a layer, or what an input is.

    ``operator`` is the line of the layer table, empty for an input; ``reads`` names what it reads with the shapes;
    ``legend`` says what the symbols of the rules mean, in the order in which they come. In a network with symbols of
    its own, ``formulas`` are the shapes in them, of what it reads and then its own, and the numbers are for the sizes
    in ``numbers_for``; its symbols stand in no rule.
    """

    network: str
    name: str
    operator: str
    words: str
    place: Span | None
    reads: tuple[tuple[str, Shape], ...]
    shape: Shape
    sections: tuple[Section, ...]
    legend: tuple[tuple[str, str], ...]
    formulas: tuple[str, ...] = ()
    numbers_for: str = ""

    @property
    def shown(self) -> tuple[str, ...]:
        """The shapes of what it reads, then its own, as text."""
        return self.formulas or tuple(map(str, (*(shape for _, shape in self.reads), self.shape)))


def arithmetic(network: Measured, name: str) -> Explanation:
    """The arithmetic behind every number of a layer. Raises CnnError ``unknown-layer``."""
    for value in network.graph.inputs:
        if value.name == name:
            return _input(network, value)
    if name not in network.layers:
        raise unknown_layer(name, network.graph.shapes)
    layer = network.layers[name]
    node = layer.node
    shapes = network.graph.input_shapes(node)
    symbolic = Symbolic(node.op, shapes, node.shape, network.symbols)
    adaptive = ADAPTIVE if isinstance(node.op, AdaptivePool) else ""
    sections = (
        Section("output", "output size", tuple(_output(layer, symbolic, shapes)), words=_rule(node.op, shapes[0])),
        _parameters(layer, symbolic, shapes),
        _count("macs", "multiply-accumulates (MACs)", _macs(symbolic), layer.macs, NO_MACS),
        _count("connections", "connections", _connections(symbolic), layer.connections, NO_CONNECTIONS, adaptive),
        Section("receptive_field", "receptive field", (*growth(network, layer, symbolic),), None, _seen(network, name)),
        _memory(network, node, symbolic.output),
    )
    operator = f"{node.op.operator} {node.arguments()}".rstrip()
    return Explanation(
        network.name,
        name,
        operator + (f" share={node.share}" if node.share else ""),
        _sentence(node.op.summary),
        node.span,
        tuple(zip(node.inputs, shapes, strict=True)),
        node.shape,
        sections,
        _legend(sections, symbolic.legend),
        _formulas(network, (*node.inputs, name)),
        network.numbers_for,
    )


def _formulas(network: Measured, names: Sequence[str]) -> tuple[str, ...]:
    return tuple(map(network.shown, names)) if network.formulas else ()


MANY = 4
"""Symbols of more inputs than these share a line of the legend."""

NO_MACS = "none are counted for it: only those of convolutions and dense layers are"
NO_CONNECTIONS = "none are counted for it: only those of conv, depthwise, pooling, subsample, dense and rbf are"
ADAPTIVE = "the windows along an axis overlap: together they are n + size - gcd(n, size) cells long"


PADDING = {
    "same": "pad=same: as many cells as make the output ceil(size/stride), the odd one at the end",
    "same_lower": "pad=same_lower: as many cells as make the output ceil(size/stride), the odd one at the beginning",
    "causal": "pad=causal: all cells before the beginning, so that no position sees what comes later",
}


def _seen(network: Measured, name: str) -> str:
    several = len(network.inputs) > 1
    return f"counted in cells of the input {quoted(network.fields.first(name))}" if several else ""


def _sentence(text: str) -> str:
    return " ".join(text.split("\n\n")[0].split()).replace("``", "`")


def _legend(sections: Sequence[Section], known: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """The symbols that the rules use, in their order; those of many inputs on one line."""
    rules = " ".join(found.rule for section in sections for found in section.lines)
    used = [symbol for symbol in dict.fromkeys(findall(r"[A-Za-z_]\w*", rules)) if symbol in known]
    families: dict[str, list[str]] = {}
    for symbol in used:
        families.setdefault(symbol.rstrip("0123456789"), []).append(symbol)
    result: list[tuple[str, str]] = []
    for letter, members in families.items():
        if len(members) <= MANY:
            result += [(symbol, known[symbol]) for symbol in members]
        else:
            what = "receptive field" if letter == "r" else known[members[0]].partition(" of ")[0]
            result.append((f"{members[0]} to {members[-1]}", f"{what} of each input, in their order"))
    return tuple(result)


def _output(layer: Layer, symbolic: Symbolic, shapes: Sequence[Shape]) -> Iterable[FormulaLine]:
    shape = layer.shape
    windows = layer.node.op.windows(shapes[0]) if isinstance(layer.node.op, Windowed) else ()
    yield line("features" if shape.is_vector else "channels", symbolic.traced.channels)
    for index, (word, size) in enumerate(zip(axis_words(len(shape.spatial)), symbolic.traced.spatial, strict=True)):
        yield line(word, size, _rounding(windows[index], word) if windows else "")


def _rule(op: Operator, shape: Shape) -> str:
    """What the symbols leave open: where the padding comes from, or the rule in words."""
    if isinstance(op, Windowed):
        return PADDING.get(str(op.geometry().pad), "")
    rule = op.rule.partition("; ")[0]
    return rule if " " in rule and not op.windows(shape) else ""


def _rounding(axis: Axis, word: str) -> str:
    """What becomes of a division with a remainder, and which cells are never read."""
    what = {"height": "row", "width": "column"}.get(word, "cell")
    behind = max(axis.size - max((axis.output - 1) * axis.stride - axis.begin + axis.reach, 0), 0)
    gaps = axis.unread - behind
    skipped = f"{_unread(gaps, what)}, in the gaps between those that are" if gaps else ""
    if axis.exact:
        return skipped
    exactly = f"exactly {ratio(axis.room + axis.stride, axis.stride)}"
    if axis.ceil:
        if axis.output <= axis.room // axis.stride + 1:
            return f"{exactly}, rounded up under ceil_mode; a last window that would begin in the padding is dropped"
        return f"{exactly}, rounded up under ceil_mode: the last window reaches over the edge"
    left = _unread(behind, what) if behind else "only padding is left over"
    return f"{exactly}, rounded down: {left}" + (f"; {skipped}" if skipped else "")


def _unread(count: int, what: str) -> str:
    return f"{count:,} {what}{'s are' if count > 1 else ' is'} never read"


def _parameters(layer: Layer, symbolic: Symbolic, shapes: Sequence[Shape]) -> Section:
    node = layer.node
    tensors = symbolic.op.weights(symbolic.inputs)
    if node.share:
        count = sum(weight.elements for weight in tensors.values())
        words = f"it uses the weights of {quoted(node.share)}: {int(count):,} elements, which count there"
        return Section("parameters", "parameters", (), 0, words)
    learnt = {name: weight for name, weight in tensors.items() if not weight.buffer}
    buffers = {name: weight for name, weight in tensors.items() if weight.buffer}
    written = node.op.weights(shapes)
    lines = [line(name, weight.elements, _layout(written[name])) for name, weight in tensors.items()]
    for what, group in (("parameters", learnt), ("buffers", buffers)):
        if len(group) > 1:
            together = sum(Term(weight.elements) for weight in group.values())
            lines.append(line(what, together, rule=" + ".join(group)))
    if not tensors:
        words = "none: it has nothing to learn"
    elif not learnt:
        words = "none: its tensors are buffers, which are not learnt"
    else:
        words = "buffers are kept with the weights, but not learnt: they count apart" if buffers else ""
    return Section("parameters", "parameters", tuple(lines), layer.params, words)


def _layout(weight: Weight) -> str:
    zeros = ", zero where nothing is connected" if weight.links else ""
    return f"{'buffer ' if weight.buffer else ''}of shape {extents(weight.shape)}{zeros}"


def _macs(symbolic: Symbolic) -> int:
    return symbolic.op.macs(symbolic.inputs, symbolic.output)


def _connections(symbolic: Symbolic) -> int:
    return symbolic.op.connections(symbolic.inputs, symbolic.output)


def _count(key: str, title: str, count: int, total: int, none: str, words: str = "") -> Section:
    return (
        Section(key, title, (line("an example", count, words),), total) if count else Section(key, title, (), 0, none)
    )


def _memory(network: Measured, value: Input | Node, shape: Shape) -> Section:
    """The bytes of the value, and whether it is alive when the network needs the most."""
    size = size_of(value.model_copy(update={"shape": shape}))
    words = f"{BYTES[value.dtype]} bytes for every {value.dtype} number"
    graph = network.graph
    most, step = network.busiest
    begins = next((i for i, node in enumerate(graph.layers, 1) if node.name == value.name), 0)
    unread = begins - 1 if begins else len(graph.layers)
    last = last_readers(graph.layers, graph.outputs).get(value.name, unread) + 1
    when = f"while {quoted(graph.layers[step - 1].name)} computes" if step else "before the first layer"
    alive = f"alive at the network's peak of {most:,} bytes, {when}"
    return Section(
        "memory", "memory", (line("output", size, words),), int(size), alive if begins <= step <= last else ""
    )


def _input(network: Measured, value: Input) -> Explanation:
    """An input has nothing to compute: its shape is given."""
    shape = value.shape
    words = ("features" if shape.is_vector else "channels", *axis_words(len(shape.spatial)))
    given = [line(word, size) for word, size in zip(words, shape.dimensions, strict=True)]
    plain = ("N",) if shape.is_vector else ("C", *axis_letters(len(shape.spatial)))
    letters = tuple(unlike(letter, network.symbols) for letter in plain)
    terms = [Term(size, letter) for size, letter in zip(shape.dimensions, letters, strict=True)]
    legend = dict(zip(letters, words, strict=True))
    field = [line(word, 1, "every position sees itself") for word in words[1:] or words]
    sections = (
        Section("output", "size", tuple(given), words="given from outside"),
        Section("receptive_field", "receptive field", tuple(field)),
        _memory(network, value, Shape(terms[0], tuple(terms[1:]))),
    )
    said = f"an input of the network: {value.dtype} numbers given from outside"
    known = _legend(sections, legend)
    formulas = _formulas(network, (value.name,))
    return Explanation(
        network.name, value.name, "", said, value.span, (), shape, sections, known, formulas, network.numbers_for
    )
