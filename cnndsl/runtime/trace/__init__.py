"""One output value of a layer worked out: what it reads, cell by cell, and the sums that make it.

Numbers are those of a run; their sums are taken in float64 and agree with the run's to the rounding of float32.
``windows`` works out convolutions, pools and interpolations, ``terms`` layers that read a vector, a line of channels or
several branches, ``formulas`` what goes element by element, ``moves`` layers that only move values. ``parts`` is what
they give.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from cnndsl.errors import CnnError, quoted
from cnndsl.ir import Graph, Node
from cnndsl.ops import resize
from cnndsl.ops.base import Operator
from cnndsl.runtime.interpreter import checked_inputs, execute
from cnndsl.runtime.memory_limit import require_memory
from cnndsl.runtime.plan.planner import make_plan
from cnndsl.runtime.trace import formulas, moves, terms, windows
from cnndsl.runtime.trace.parts import TracedLayer, Working, coordinate_names
from cnndsl.shapes import Shape
from cnndsl.suggest import unknown_layer

Work: TypeAlias = Callable[[Any, TracedLayer], Working]


class Trace(NamedTuple):
    """One output value: the layer, the position (channel first, from 0), the working, and what a run gives."""

    network: str
    node: Node
    shapes: tuple[Shape, ...]
    position: tuple[int, ...]
    working: Working
    value: float

    @property
    def total(self) -> float:
        """The value as it was worked out, in float64."""
        return self.working.steps[-1].value


def _working(op: Operator) -> Work:
    return _WORKINGS.get(op.operator, formulas.elementwise)


def _resampled(op: resize.Upsample | resize.Resize, site: TracedLayer) -> Working:
    return moves.moved(op, site) if op.mode == "nearest" else windows.interpolated(op, site)


_WORKINGS: dict[str, Work] = {
    "conv": windows.convolution,
    "depthwise": windows.depthwise,
    "conv_transpose": windows.transposed,
    "maxpool": windows.maxpool,
    "avgpool": windows.avgpool,
    "lppool": windows.lppool,
    "subsample": windows.subsample,
    "global_maxpool": windows.largest_reached,
    "global_avgpool": windows.mean_reached,
    "global_lppool": windows.global_lppool,
    "reduce": terms.reduced,
    "adaptive_avgpool": windows.mean_reached,
    "adaptive_maxpool": windows.largest_reached,
    "dense": terms.product,
    "rbf": terms.distance,
    "embedding": terms.embedding,
    "parameter": terms.parameter,
    "upsample": _resampled,
    "resize": _resampled,
    "batchnorm": formulas.batchnorm,
    "layernorm": terms.layernorm,
    "groupnorm": terms.groupnorm,
    "instancenorm": terms.instancenorm,
    "lrn": terms.response,
    "gelu": formulas.gelu,
    "softmax": terms.softmax,
    "log_softmax": terms.softmax,
    **dict.fromkeys(("flatten", "reshape", "permute", "pad", "crop", "slice", "concat"), moves.moved),
    **dict.fromkeys(("channel_shuffle", "pixel_shuffle", "space_to_depth"), moves.moved),
    **dict.fromkeys(("identity", "dropout", "spatial_dropout"), formulas.unchanged),
    **dict.fromkeys(tuple(terms.MERGED), terms.merged),
}

OPERATORS = frozenset(_WORKINGS)
"""The operators whose values are worked out by a function of their own; the others say their formula."""


def trace_value(
    graph: Graph,
    layer_name: str,
    position: tuple[int, ...],
    inputs: Mapping[str, NDArray[Any]],
    weights: Mapping[str, NDArray[Any]],
) -> Trace:
    """The working of one value of a layer's output, for one example.

    ``position`` is the channel and then a place on each spatial axis, all counted from 0. ``inputs`` are by name, each
    (1, C, spatial...); ``weights`` holds every tensor by key. Only what the layer depends on is run.
    Raises CnnError: ``unknown-layer``; ``bad-setting`` for a position outside of the output; ``input-shape`` and its
    like for inputs that do not fit or hold several examples; ``memory-limit``.
    """
    node = require_position(graph, layer_name, position)
    arrays = checked_inputs(graph, inputs)
    batch = len(next(iter(arrays.values())))
    if batch != 1:
        raise CnnError.of("input-shape", f"one value is worked out for one example, but the input holds {batch:,}")
    part = _before(graph, node)
    require_memory(part, 1)
    kept = tuple(dict.fromkeys(node.inputs))
    needed = {value.name: arrays[value.name] for value in part.inputs}
    values = execute(make_plan(part, weights, kept), needed)
    owner = node.share or node.name
    shapes = graph.input_shapes(node)
    tensors = {name: weights[f"{owner}.{name}"] for name in node.op.weights(shapes)}
    read = [values[name][0] for name in node.inputs]
    site = TracedLayer(node.op, node.shape, position, node.inputs, shapes, read, tensors)
    with np.errstate(all="ignore"):
        working = _working(node.op)(node.op, site)
    return Trace(graph.name, node, shapes, position, working, float(values[node.name][(0, *position)]))


def require_position(graph: Graph, layer_name: str, position: Sequence[int]) -> Node:
    """The layer, if its output has that position.

    Raises CnnError ``unknown-layer``; ``bad-setting`` for an input, which has no working, and for another position.
    """
    layers = {node.name: node for node in graph.layers}
    if any(value.name == layer_name for value in graph.inputs):
        message = f"{quoted(layer_name)} is an input: its values are given, not worked out"
        raise CnnError.of("bad-setting", message, "name a layer that reads it")
    if layer_name not in layers:
        raise unknown_layer(layer_name, layers)
    node = layers[layer_name]
    sizes = dict(zip(coordinate_names(node.shape), node.shape.dimensions, strict=True))
    ranges = ", ".join(f"{name} 0 to {size - 1}" for name, size in sizes.items())
    advice = f"positions in {quoted(node.name)}, which is {node.shape}: {ranges}"
    given = ",".join(map(str, position))
    if len(position) != len(sizes):
        wanted = f"{len(sizes)}: {', '.join(sizes)}"
        raise CnnError.of("bad-setting", f"the position has {len(position)} numbers ({given}), not {wanted}", advice)
    for (name, size), place in zip(sizes.items(), position, strict=True):
        if not 0 <= place < size:
            message = f"the position {given} lies outside of the output: {name} {place} is not in 0 to {size - 1}"
            raise CnnError.of("bad-setting", message, advice)
    return node


def _before(graph: Graph, node: Node) -> Graph:
    """The part of the network that a layer depends on, with the layers whose weights it shares."""
    wanted, layers = {node.name}, []
    for layer in reversed(graph.layers):
        if layer.name in wanted:
            layers.append(layer)
            wanted.update(layer.inputs, [layer.share] if layer.share else [])
    inputs = tuple(value for value in graph.inputs if value.name in wanted)
    return Graph(name=graph.name, inputs=inputs, layers=tuple(reversed(layers)), outputs=(node.name,))
