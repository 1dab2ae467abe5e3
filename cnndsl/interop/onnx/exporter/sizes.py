"""What the symbols of a network leave open in its model: which extents are numbers, and arithmetic for the others."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from cnndsl.analysis.readings import Reading, readings
from cnndsl.analysis.sizes import along, operator_for
from cnndsl.errors import CnnError, Diagnostic, quoted
from cnndsl.extents.cases import cases
from cnndsl.extents.expression import evaluated, names
from cnndsl.extents.extent import SIZE, Extent
from cnndsl.extents.periodic import ALL, NONE, PeriodicSet, TooLong
from cnndsl.extents.words import formula
from cnndsl.ir import Graph, Node
from cnndsl.ops.base import Operator
from cnndsl.shapes import Shape

SYMBOLIC = {"pad", "crop", "slice", "resize", "adaptive_avgpool", "adaptive_maxpool"}
"""Operators whose arguments may follow from symbols in a model."""

Rule = Callable[[Operator, Sequence[Shape]], Any]


class Unknown(NamedTuple):
    """What follows where one symbol is unknown and the others have their defaults; ``sizes`` are those it may be."""

    symbol: str
    sizes: PeriodicSet
    shapes: Mapping[str, Shape]
    values: Mapping[str, Any]


class Sizes:
    """The extents of a network that are numbers whatever the symbols are, and what is known of the others."""

    def __init__(self, network: Graph) -> None:
        self.network = network
        self.readings: dict[str, Reading] = readings(network)
        self._unknown = [_unknown(network, one.name) for one in network.symbols]

    def open_axes(self, name: str) -> tuple[bool, ...]:
        """For every axis of a value, channels first, whether its extent follows from symbols."""
        shapes = [one.shapes[name].dimensions for one in self._unknown]
        return tuple(
            any(not isinstance(dimensions[axis], int) for dimensions in shapes)
            for axis in range(len(self.network.shapes[name].dimensions))
        )

    def named(self, name: str) -> list[int | str | None]:
        """The axes of a value: numbers, formulas of one symbol, and None where there is none."""
        return [
            self._formula(name, axis) if is_open else self.network.shapes[name].dimensions[axis]
            for axis, is_open in enumerate(self.open_axes(name))
        ]

    def _formula(self, name: str, axis: int) -> str | None:
        extents = [(one, one.shapes[name].dimensions[axis]) for one in self._unknown]
        changing: list[tuple[Unknown, Any]] = [(one, extent) for one, extent in extents if not isinstance(extent, int)]
        if len(changing) != 1 or not isinstance(changing[0][1], Extent):
            return None
        one, extent = changing[0]
        try:
            text = formula(extent, one.symbol, one.sizes)
        except TooLong:  # it is no function of all sizes
            return None
        return None if text.startswith("f(") else text

    def always(self, node: Node, rule: Rule) -> bool:
        """Whether something holds for a layer at every size. False where that is not known."""
        inputs = [[one.shapes[name] for name in node.inputs] for one in self._unknown]
        for axes in zip(*([n for shape in shapes for n in shape.dimensions] for shapes in inputs), strict=True):
            if sum(not isinstance(extent, int) for extent in axes) > 1:
                return False
        return all(_holds(one, node, shapes, rule) for one, shapes in zip(self._unknown, inputs, strict=True))


def _holds(one: Unknown, node: Node, shapes: Sequence[Shape], rule: Rule) -> bool:
    op = operator_for(node, one.values)
    try:
        return all(truth for _, truth in cases(lambda: bool(rule(op, shapes)), one.sizes))
    except TooLong:
        return False


def _unknown(network: Graph, symbol: str) -> Unknown:
    values: dict[str, Any] = {one.name: one.default for one in network.symbols} | {symbol: SIZE}
    found = along(network, [symbol])
    if len(network.symbols) == 1:
        return Unknown(symbol, found.taken, found.shapes, values)
    sizes = ALL  # what other symbols decide together with this one does not count: they may have other values
    for assumption in network.assumptions:
        for text in assumption.text.split(" and "):
            if names(text) == {symbol}:
                sizes = sizes & _where(text, values, sizes)
    return Unknown(symbol, sizes, found.shapes, values)


def _where(text: str, values: Mapping[str, Any], sizes: PeriodicSet) -> PeriodicSet:
    found = NONE
    for some, truth in cases(lambda: bool(evaluated(text, values)), sizes):
        found = found | some if truth else found
    return found


def sizes_of(network: Graph) -> Sizes | None:
    """What the symbols of a network leave open; None where there are none.

    Raises CnnError ``export-unsupported``, with a diagnostic for everything that a model cannot say.
    """
    if not network.symbols:
        return None
    known = readings(network)
    problems = []
    for node in network.layers:
        if node.symbolic and node.op.operator not in SYMBOLIC:
            message = (
                f"{quoted(node.name)}: ONNX has no {node.op.operator} whose {listed_fields(node)} follows from sizes"
            )
            problems.append(Diagnostic("export-unsupported", message, node.span))
        unread = {name for texts in node.symbolic.values() for text in texts for name in names(text)} - {*known}
        for symbol in sorted(unread):
            message = f"{quoted(node.name)} depends on {symbol}, which no input of the model tells"
            advice = f"give it a number: --set {symbol}=..."
            problems.append(Diagnostic("export-unsupported", message, node.span, help=(advice,)))
    if problems:
        raise CnnError(problems)
    try:
        return Sizes(network)
    except TooLong:
        message = "how the extents follow from the symbols has no short form, and a model needs one"
        raise CnnError.of("export-unsupported", message, "give the symbols numbers, with --set") from None


def listed_fields(node: Node) -> str:
    return ", ".join(sorted(node.symbolic))
