"""Channels that are last in a model and first in the language: which inputs those are, and arrays between the two."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from onnx import NodeProto

from cnndsl.arrays import Array
from cnndsl.errors import Diagnostic, quoted
from cnndsl.interop.onnx.importer.file import captured
from cnndsl.interop.onnx.importer.translations.elements import ACTIVATIONS, ARITHMETIC
from cnndsl.ir import Graph
from cnndsl.shapes import Shape, extents

ANY_ORDER = frozenset({*ACTIVATIONS, *ARITHMETIC, "Dropout", "Identity", "Pad", "Slice"})
"""Operators that do with axes in one order what they do in another."""

OF_EXTENTS = frozenset({"Shape", "Size"})

CHANNELS_FIRST = frozenset(
    {"AveragePool", "BatchNormalization", "Conv", "ConvTranspose", "GlobalAveragePool", "MaxPool"}
)
"""Operators whose channels are before all other axes: a transposition of two axes does not tell which they are."""


class Layout(NamedTuple):
    """For each input and output of a network, whether its channels are last in the model that it was read from."""

    inputs: tuple[bool, ...] = ()
    outputs: tuple[bool, ...] = ()

    def to_model(self, arrays: Iterable[Array]) -> list[Array]:
        """The network's inputs as the model takes them."""
        pairs = zip(arrays, self.inputs, strict=True)
        return [np.ascontiguousarray(np.moveaxis(array, 1, -1)) if last else array for array, last in pairs]

    def from_model(self, arrays: Iterable[Array]) -> list[Array]:
        """The model's outputs as the network gives them."""
        return [np.moveaxis(array, -1, 1) if last else array for array, last in zip(arrays, self.outputs, strict=True)]

    def names(self, network: Graph) -> tuple[str, ...]:
        """The inputs and outputs whose channels are last in the model."""
        found = [value.name for value, last in zip(network.inputs, self.inputs, strict=True) if last]
        found += [name for name, last in zip(network.outputs, self.outputs, strict=True) if last]
        return tuple(dict.fromkeys(found))

    def said(self, network: Graph) -> str:
        """What differs from the model, as a sentence without its full stop; "" where nothing does."""
        shapes = network.shapes
        moved = [f"{quoted(name)} is {shapes[name]} for {_last(shapes[name])}" for name in self.names(network)]
        return f"the channels are first here and last in the model: {', '.join(moved)}" if moved else ""

    def note(self, network: Graph, may_keep: bool = True) -> tuple[Diagnostic, ...]:
        """The same as a diagnostic; ``may_keep`` says that the layout can be left as it is."""
        advice = "`--channels-last` reads arrays as the model takes them"
        advice += "; in Python keep_layout=True leaves its layout" if may_keep else ""
        message = self.said(network)
        return (Diagnostic("channels-last", message, severity="note", help=(advice,)),) if message else ()


def _last(shape: Shape) -> str:
    return extents((*shape.spatial, shape.channels))


def turned_inputs(
    nodes: Sequence[NodeProto],
    attributes: Mapping[int, Mapping[str, Any]],
    inputs: Mapping[str, Sequence[int]],
    outputs: Iterable[str],
    known: Mapping[str, object],
) -> set[str]:
    """The inputs that are read for nothing but to bring their last axis to the front, behind steps of any order.

    ``inputs`` have their extents without the batch, ``known`` are constants. Nodes stand behind what they read.
    """
    origin = {name: name for name in inputs}  # of what still has an input's axes, in its order
    dependent = set(inputs)
    moved: set[str] = set()
    others: set[str] = set()
    maps = {node.input[0] for node in nodes if node.op_type in CHANNELS_FIRST and node.input}
    for node in nodes:
        read = [name for name in (*node.input, *captured(node)) if name in dependent]
        if not read or node.op_type in OF_EXTENTS:
            continue
        dependent.update(node.output)
        origins = {origin[name] for name in read if name in origin}
        if len(origins) == 1 and all(name in origin for name in read):
            (source,) = origins
            if _brings_channels_first(node, attributes[id(node)], inputs[source], known):
                (moved if len(inputs[source]) > 2 or maps.intersection(node.output) else others).add(source)
                continue
            if node.op_type in ANY_ORDER:
                origin.update(dict.fromkeys(node.output, source))
                continue
        others |= origins
    others.update(origin[name] for name in outputs if name in origin)
    return moved - others


def _brings_channels_first(
    node: NodeProto, attributes: Mapping[str, Any], sizes: Sequence[int], known: Mapping[str, object]
) -> bool:
    """Whether the node transposes so, or reshapes where one channel makes that the same."""
    rank = len(sizes)
    if rank < 2:
        return False
    if node.op_type == "Transpose":
        return np.array_equal(attributes.get("perm", ()), [0, rank, *range(1, rank)])
    target = known.get(node.input[1]) if node.op_type == "Reshape" and len(node.input) > 1 else None
    return sizes[-1] == 1 and isinstance(target, np.ndarray) and np.array_equal(target.ravel()[1:], [1, *sizes[:-1]])
