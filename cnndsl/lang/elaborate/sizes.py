"""The symbols of a network that is being lowered: what they decide, and the shapes that follow from them."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from cnndsl.errors import Diagnostic, Span, quoted
from cnndsl.ir import Expectation, Graph, Symbol
from cnndsl.lang.elaborate.infer import GraphBuilder
from cnndsl.lang.expressions.assumptions import Assumed
from cnndsl.lang.expressions.symbols import Symbolic, expression, symbols_of
from cnndsl.lang.expressions.values import Flow, fault
from cnndsl.lang.resumable import Resumable
from cnndsl.shapes import Shape

if TYPE_CHECKING:
    from cnndsl.analysis.sizes import Along

_ARRANGING = frozenset({"permute", "reshape", "slice"})
"""Operators that may make channels of extents."""


class Symbols(Resumable):
    """What a network says of its symbols so far."""

    CHANGING = ("declared", "_assumed", "_expected", "_others", "_inputs")

    def __init__(self) -> None:
        self.declared: dict[str, Symbol] = {}
        """Those that inputs are made of."""
        self._assumed: list[Assumed] = []
        self._expected: list[Expectation] = []
        self._others: dict[str, tuple[Symbol, Span]] = {}
        self._inputs: dict[str, Shape] = {}
        self._followed: Mapping[Symbol, Along] = {}
        self._followed_to = -1
        self._scanned, self._arranges = 0, False

    # --- what is written ---
    def input(self, name: str, shape: Shape, span: Span) -> tuple[str, ...]:
        """The extents of an input as expressions; empty without symbols. Raises Fault."""
        if symbols_of(shape.channels):
            what = "features" if shape.is_vector else "channels"
            message = f"the {what} of an input decide the shapes of weights, so they may not depend on a symbol"
            raise fault("symbol-decides", message, span, "symbols stand behind the `@`: `input 3@[H, W]`")
        found = {name: symbol for extent in shape.spatial for name, symbol in symbols_of(extent).items()}
        self.declared.update(found)
        self._inputs[name] = shape
        return tuple(map(expression, shape.dimensions)) if found else ()

    def layer(self, graph: GraphBuilder, made: Flow, arguments: Mapping[str, tuple[int, ...]]) -> Flow:
        """Keeps the expressions of a layer's arguments, which follow from symbols."""
        node = graph.node(made.name)
        if node is None:
            return made
        for numbers in arguments.values():
            self._use(numbers, made.span)
        texts = {name: tuple(map(expression, numbers)) for name, numbers in arguments.items()}
        graph.replace(node.model_copy(update={"symbolic": texts}))
        return made

    def assume(self, assumed: Assumed) -> None:
        self._assumed.append(assumed)

    def expect(self, value: str, shape: Shape, span: Span) -> None:
        """A shape in symbols that a value is said to have."""
        self._use(shape.dimensions, span)
        self._expected.append(Expectation(value=value, extents=tuple(map(expression, shape.dimensions)), span=span))

    def _use(self, numbers: Sequence[int], span: Span) -> None:
        for number in numbers:
            for name, symbol in symbols_of(number).items():
                self._others.setdefault(name, (symbol, span))

    # --- what follows ---
    def unbound(self) -> Diagnostic | None:
        """What is wrong where a symbol is used that no input has."""
        for name, (symbol, span) in self._others.items():
            if name not in self.declared:
                message = f"no input has an extent {quoted(name)}, so nothing says how large it is"
                advice = f"write it where the input is, as in {quoted(f'input 3@[{name}, {name}]')}, or make it a param"
                return Diagnostic("unbound-symbol", message, symbol.span or span, help=(advice,))
        return None

    def fields(self, of_file: Sequence[Assumed]) -> dict[str, object]:
        """What the graph holds of them."""
        if not self.declared:
            return {}
        known = self.declared.keys()
        everything = [each for each in (*of_file, *self._assumed) if each.symbols.keys() <= known]
        return {
            "symbols": tuple(self.declared.values()),
            "assumptions": tuple(each.assumption for each in everything),
            "expectations": tuple(self._expected),
        }

    def shape(self, graph: GraphBuilder, of_file: Sequence[Assumed], flow: Flow, attribute: str, span: Span) -> Shape:
        """The shape of a value, its extents symbolic where symbols decide them. Raises Fault."""
        assert flow.shape is not None
        if flow.name in self._inputs:
            return self._inputs[flow.name]
        self._arranges = self._arranges or any(
            type(node.op).operator in _ARRANGING for node in graph.layers[self._scanned :]
        )
        self._scanned = len(graph.layers)
        if attribute == "channels" and not self._arranges:
            return flow.shape
        if self._followed_to != len(graph.layers):
            self._followed_to = len(graph.layers)
            name = (graph.layers or graph.inputs)[-1].name
            self._followed = _followed(graph.network("", (name,), **self.fields(of_file)))
        found = _symbolic_shape(flow.name, flow.shape, self._followed)
        if found is None:
            message = f"how {quoted(attribute)} follows from the symbols cannot be said in one expression"
            raise fault("sizes-too-long", message, span, "write the extents as they follow from the input's")
        return found


def _followed(graph: Graph) -> "dict[Symbol, Along]":
    """What follows from each symbol; nothing where that has no short form."""
    from cnndsl.analysis.sizes import along
    from cnndsl.extents.periodic import TooLong

    try:
        return {symbol: along(graph, [symbol.name]) for symbol in graph.symbols}
    except TooLong:
        return {}


def _symbolic_shape(name: str, shape: Shape, followed: "Mapping[Symbol, Along]") -> Shape | None:
    """A shape, its extents symbolic where symbols decide them; None where they have no expression."""
    from cnndsl.extents.extent import Extent
    from cnndsl.extents.words import expression as written

    dimensions: list[int] = list(shape.dimensions)
    for symbol, found in followed.items():
        for axis, extent in enumerate(found.shapes[name].dimensions):
            if isinstance(extent, int):
                continue
            text = written(extent, symbol.name, found.taken) if isinstance(extent, Extent) else None
            if text is None or isinstance(dimensions[axis], Symbolic):
                return None
            dimensions[axis] = _number(text, dimensions[axis], symbol)
    return Shape(dimensions[0], tuple(dimensions[1:])) if followed else None


def _number(text: str, number: int, symbol: Symbol) -> Symbolic:
    if text == symbol.name:
        return Symbolic.declared(symbol)
    return Symbolic.written(number, text, {symbol.name: symbol})
