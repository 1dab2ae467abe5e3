"""Parameters, buffers, MACs and connections, by the conventions of docs/conventions.md."""

from collections.abc import Sequence
from typing import NamedTuple

from cnndsl.ir import Graph, Node
from cnndsl.ops.base import Operator
from cnndsl.shapes import Shape


class Cost(NamedTuple):
    """Counts for one example. ``params`` and ``buffers`` are elements; ``macs`` leave the bias out."""

    params: int = 0
    buffers: int = 0
    macs: int = 0
    connections: int = 0
    """Links into all outputs, biases included (LeCun et al. 1998)."""

    def plus(self, other: "Cost") -> "Cost":
        """The sums of both."""
        return Cost(
            self.params + other.params,
            self.buffers + other.buffers,
            self.macs + other.macs,
            self.connections + other.connections,
        )


class Costs:
    """Counts layers, and remembers operators that it met with the same shapes before."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, tuple[Shape, ...]], tuple[Operator, Cost]] = {}

    def of(self, node: Node, shapes: Sequence[Shape]) -> Cost:
        """The counts of one layer; shared weights count where they live, their arithmetic wherever they are used."""
        key = (id(node.op), tuple(shapes))
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = (node.op, _count(node, shapes))
        cost = known[1]
        return cost._replace(params=0, buffers=0) if node.share else cost


def _count(node: Node, shapes: Sequence[Shape]) -> Cost:
    weights = node.op.weights(shapes).values()
    return Cost(
        sum(weight.elements for weight in weights if not weight.buffer),
        sum(weight.elements for weight in weights if weight.buffer),
        node.op.macs(shapes, node.shape),
        node.op.connections(shapes, node.shape),
    )


def layer_costs(network: Graph) -> tuple[Cost, ...]:
    """One cost a layer, in order."""
    costs = Costs()
    return tuple(costs.of(node, network.input_shapes(node)) for node in network.layers)


def total(costs: Sequence[Cost]) -> Cost:
    """The sums."""
    return Cost(*map(sum, zip(*costs, strict=True)))
