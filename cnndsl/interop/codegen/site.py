"""What a translation to a framework works with: one layer, and what it gives back."""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

from cnndsl.interop.codegen.calls import Call, Keyword, Literal, call
from cnndsl.ir import Graph, Node
from cnndsl.shapes import Shape, per_axis


class Modules(NamedTuple):
    """A layer that is modules, one behind the other.

    ``owner`` is the one with the weights, which is called as the layer is. ``helpers`` are classes that the file must
    define. ``may_overwrite``: the module has a switch for computing in place. ``comment``: why it is not what a reader
    may expect.
    """

    calls: tuple[Call, ...]
    owner: int = 0
    helpers: tuple[str, ...] = ()
    may_overwrite: bool = False
    comment: str = ""


class Expression(NamedTuple):
    """A layer that is an expression of the values {0}, {1} ... that it reads.

    ``kind`` is "operator" for a sum or product of them, which needs parentheses inside of others.
    """

    template: str
    kind: str = "call"


class Site:
    """One layer of the graph."""

    def __init__(self, graph: Graph, node: Node) -> None:
        self.graph = graph
        self.node = node
        self.op: Any = node.op
        self.shapes = graph.input_shapes(node)
        self.output = node.shape
        self.has_bias = "bias" in node.op.weights(self.shapes)

    @property
    def shape(self) -> Shape:
        """The shape of the first input."""
        return self.shapes[0]

    @property
    def rank(self) -> int:
        """The number of spatial axes of the first input."""
        return len(self.shape.spatial)

    def sizes(self, value: int | tuple[int, ...]) -> Literal:
        """One number where all axes have the same, otherwise one for each."""
        numbers = per_axis(value, self.rank, "size")
        return numbers[0] if len(set(numbers)) == 1 else numbers


def half_of_channels(site: Site) -> int | None:
    """Which half of the channels a slice takes, if it is one: frameworks say so without their number."""
    channels, op = site.shape.channels, site.op
    if op.axis or channels % 2:
        return None
    halves = [(0, channels // 2), (channels // 2, channels)]
    return halves.index((op.begin, op.end)) if (op.begin, op.end) in halves else None


Translation: TypeAlias = Modules | Expression
Translator: TypeAlias = Callable[[Site], Translation]


def alone(function: str, *keywords: Keyword, **arguments: Literal) -> Modules:
    """One module."""
    return Modules((call(function, **arguments)._replace(keywords=keywords),))


def expression(template: str) -> Translator:
    """The same expression for every layer."""
    return lambda site: Expression(template)


def range_text(begin: int, end: int | None) -> str:
    """What stands in the brackets of a slice."""
    return f"{begin or ''}:{'' if end is None else end}"


def option(name: str, value: Literal, default: Literal) -> Keyword:
    """A keyword argument with the callee's default."""
    return Keyword(name, value, default, True)
