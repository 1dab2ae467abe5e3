"""Which tensors of a file are parameters, and weights that a model computes from two: one as large, a gain a filter.

Weight normalisation and scaled weight standardisation write a weight so. The gain stays a parameter, behind the layer.
"""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from onnx import NodeProto

from cnndsl.arrays import Array
from cnndsl.interop.onnx.importer.constant_folding import Folding, Unfoldable
from cnndsl.interop.onnx.importer.file import Model

Gained: TypeAlias = tuple[Array, Array]
"""A weight without its gain, and the gain of each filter."""

KEPT_IN_NODES = frozenset({"Constant", "ConstantOfShape"})
WEIGHTED = frozenset({"Conv", "ConvTranspose", "Gemm", "MatMul"})

TOLERANCE = 1e-5
MOST_NODES = 32
"""Nodes that one weight is computed by."""


class Gains:
    """Looks for the gains of weights. ``known`` are the constants, ``learnt`` those that are parameters."""

    def __init__(
        self,
        model: Model,
        attributes: Mapping[int, Mapping[str, Any]],
        known: Mapping[str, Any],
        learnt: set[str],
        folding: Folding,
    ) -> None:
        self.makers = {output: node for node in model.nodes for output in node.output if output}
        self.opset = model.opset
        self.attributes = attributes
        self.known = known
        self.learnt = learnt
        self.folding = folding

    def of(self, name: str, axis: int) -> Gained | None:
        """The weight without its gain along an axis, and the gain; None if it has none."""
        weight = self.known[name]
        nodes = self._nodes(name)
        if not nodes or weight.dtype != np.float32:
            return None
        made = {output for node in nodes for output in node.output}
        read = [source for node in nodes for source in node.input if source in self.learnt and source not in made]
        sizes = {source: self.known[source].size for source in read if self.known[source].size > 1}
        gains = [source for source, size in sizes.items() if size == weight.shape[axis] != weight.size]
        if len(gains) != 1 or sorted(sizes.values()) != [sizes[gains[0]], weight.size]:
            return None
        try:
            base = self._without(nodes, name, gains[0])
        except Unfoldable:
            return None
        gain = np.ravel(self.known[gains[0]])
        shape = [1] * weight.ndim
        shape[axis] = -1
        if base.shape != weight.shape or not np.allclose(base * gain.reshape(shape), weight, TOLERANCE, TOLERANCE):
            return None
        return base, gain

    def _nodes(self, name: str) -> list[NodeProto]:
        """Those that compute a constant from parameters, each behind what it reads; nothing if they are many."""
        found: dict[int, NodeProto] = {}
        seen: set[str] = set()

        def visit(tensor: str) -> None:
            node = self.makers.get(tensor)
            if node is None or node.op_type == "Identity" or tensor not in self.learnt or tensor in seen:
                return
            seen.add(tensor)
            for source in node.input if len(seen) <= MOST_NODES else ():
                visit(source)
            found[id(node)] = node

        visit(name)
        return [] if len(seen) > MOST_NODES else list(found.values())

    def _without(self, nodes: Sequence[NodeProto], name: str, gain: str) -> Array:
        """The weight as it would be if the gain were ones. Raises Unfoldable."""
        values: dict[str, Array] = {gain: np.ones_like(self.known[gain])}
        for node in nodes:
            inputs = [values[source] if source in values else self.known.get(source) for source in node.input]
            found = self.folding.values(node, self.attributes[id(node)], inputs, self.opset)
            if found is None:
                raise Unfoldable("it is computed by a layer")
            values.update(zip(node.output, found, strict=False))
        return values[name]


def learnt_tensors(model: Model) -> set[str]:
    """The float initializers; where nodes make most of the weights of convolutions and dense layers, what they make.

    Of our own exports, those with names such as ``conv1.weight``: others are numbers that ONNX wants written down.
    """
    held = {name for name, array in model.constants.items() if array.dtype.kind == "f"}
    if model.producer == "cnndsl":
        return {name for name in held if "." in name.rpartition("/")[2]}
    made = {node.output[0] for node in model.nodes if node.op_type in KEPT_IN_NODES and node.output}
    weights = [node.input[1] for node in model.nodes if node.op_type in WEIGHTED and len(node.input) > 1]
    most = 2 * sum(name in made for name in weights) > len(weights)
    return held | made if most else held
