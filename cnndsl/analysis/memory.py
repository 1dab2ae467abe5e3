"""Bytes: of every layer's output, of the values alive at once, of the weights (docs/conventions.md)."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from cnndsl.ir import Graph, Input, Node

BYTES = {"float32": 4, "int64": 8}


class Memory(NamedTuple):
    """Bytes: ``activation`` adds up all outputs, ``peak`` is the largest sum of live values, both for one batch."""

    activation: int
    peak: int
    weight: int
    """Learned tensors and buffers, whatever the batch."""


def size_of(value: Input | Node) -> int:
    """Bytes of one example's value."""
    return value.shape.elements * BYTES[value.dtype]


def memory(network: Graph, batch: int = 1) -> Memory:
    """Bytes for ``batch`` examples; weights do not grow with the batch."""
    weight = sum(weight.elements for _, _, weight in network.all_weights()) * BYTES["float32"]
    activation = sum(map(size_of, network.layers))
    return Memory(activation * batch, peak(network.inputs, network.layers, network.outputs) * batch, weight)


def last_readers(layers: Sequence[Node], outputs: Sequence[str]) -> dict[str, int]:
    """The index of the last layer that reads each value; one past the end for the network's results."""
    last: dict[str, int] = {}
    for index, node in enumerate(layers):
        for name in node.inputs:
            last[name] = index
    for name in outputs:
        last[name] = len(layers)
    return last


def peak(inputs: Sequence[Input], layers: Sequence[Node], outputs: Sequence[str]) -> int:
    """The largest sum of live values in bytes, for one example, over the printed order."""
    return max(live(inputs, layers, outputs))


def live(inputs: Sequence[Input], layers: Sequence[Node], outputs: Sequence[str]) -> Iterator[int]:
    """The bytes of all values alive, for one example: of the inputs, then while each layer computes, in printed order.

    A value lives until its last reader. An operator that works in place writes over an input that dies with it and is
    as large as its output.
    """
    last = last_readers(layers, outputs)
    alive = {value.name: size_of(value) for value in inputs}
    total = sum(alive.values())
    yield total
    for index, node in enumerate(layers):
        size = size_of(node)
        dying = {name for name in node.inputs if last[name] == index}
        reused = node.op.in_place and any(alive[name] == size for name in dying)
        yield total if reused else total + size
        total += size
        alive[node.name] = size
        if node.name not in last:
            dying.add(node.name)
        for name in dying:
            total -= alive.pop(name)
