"""What the rules look at: a network with its readers, and the text behind its layers."""

from collections.abc import Callable, Iterator
from typing import NamedTuple, Protocol

from cnndsl.errors import Span, quoted
from cnndsl.ir import Graph, Node
from cnndsl.ops.base import Operator, Windowed
from cnndsl.shapes import Axis, Shape

MAX_TAPS = 4096
"""Longer kernels are not looked at tap by tap."""


class WrittenArgument(NamedTuple):
    """``name=value`` in a text: its place, and the value as it was written."""

    span: Span
    value: str


class LayerText(Protocol):
    """What was written for layers, which are named by their places. Who parsed the text knows."""

    def argument(self, layer: Span, name: str) -> WrittenArgument | None:
        """``name=value`` as it was written for a layer, or None."""

    def end(self, layer: Span) -> Span | None:
        """Where another argument of a layer could be written, without width."""

    def follows(self, layer: Span, other: Span) -> bool:
        """Whether ``other`` is the next stage behind ``layer`` in the text, so that it reads it wherever both stand."""


class LintView:
    """One sound network. Building it takes one step for every edge of the graph."""

    def __init__(self, network: Graph, text: LayerText) -> None:
        self.network = network
        self.text = text
        self.nodes = {node.name: node for node in network.layers}
        self.outputs = frozenset(network.outputs)
        self.readers: dict[str, list[Node]] = {}
        self._operators: dict[type[Operator], list[Node]] = {}
        for node in network.layers:
            self._operators.setdefault(type(node.op), []).append(node)
            for name in () if node.op.independent else node.inputs:
                self.readers.setdefault(name, []).append(node)
        self._axes: dict[tuple[int, Shape], tuple[Axis, ...]] = {}

    def of(self, wanted: Callable[[type[Operator]], bool]) -> Iterator[Node]:
        """The layers whose operator has a trait, in order."""
        chosen = [operator for operator in self._operators if wanted(operator)]
        if len(chosen) > 1:
            return (node for node in self.network.layers if type(node.op) in chosen)
        return iter(self._operators[chosen[0]] if chosen else ())

    def shape_into(self, node: Node) -> Shape:
        """The shape of a layer's first input."""
        return self.network.shapes[node.inputs[0]]

    def maker(self, node: Node) -> Node | None:
        """The layer whose value is the only input of a layer; None for an input of the network or of a merge."""
        return self.nodes.get(node.inputs[0]) if len(node.inputs) == 1 else None

    def private(self, node: Node) -> bool:
        """Whether exactly one layer reads the value, and it is no output."""
        return len(self.readers.get(node.name, ())) == 1 and node.name not in self.outputs

    def axes(self, node: Node) -> tuple[Axis, ...]:
        """The window on every spatial axis; empty for operators without one."""
        if not isinstance(node.op, Windowed):
            return ()
        shape = self.shape_into(node)
        key = (id(node.op), shape)
        found = self._axes.get(key)
        if found is None:
            found = self._axes[key] = node.op.windows(shape)
        return found

    # --- the text ---
    def argument(self, node: Node, name: str) -> Span | None:
        """The place of ``name=value`` in the layer's text; of the whole layer where it is not written out."""
        written = self.text.argument(node.span, name) if node.span else None
        return written.span if written else node.span


def slides(operator: type[Operator]) -> bool:
    """Whether a window moves over its input."""
    return issubclass(operator, Windowed)


def slides_filters(operator: type[Operator]) -> bool:
    """Whether filters move over its input, as those of conv and depthwise do."""
    return operator.linear and issubclass(operator, Windowed)


def called(node: Node) -> str:
    """A layer for a message: its operator, and its name in backquotes."""
    return f"{node.op.operator} {quoted(node.name)}"


def axis_names(rank: int) -> tuple[str, ...]:
    """What the positions along each spatial axis are called."""
    return {1: ("positions",), 2: ("rows", "columns"), 3: ("slices", "rows", "columns")}[rank]
