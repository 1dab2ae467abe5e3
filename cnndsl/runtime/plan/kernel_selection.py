"""Steps: which kernel computes a fused layer. Convolutions and dense layers are in :mod:`linear`."""

from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import Any

import numpy as np

from cnndsl.arrays import Array
from cnndsl.ops import pool
from cnndsl.ops.base import Operator
from cnndsl.runtime.kernels.arrays import Sizes
from cnndsl.runtime.kernels.channels_last import activations, elementwise, layer_norm, pooling
from cnndsl.runtime.kernels.channels_last.gather import Outside
from cnndsl.runtime.kernels.channels_last.strips import FLOAT, Finish, Follower, Phases, Task
from cnndsl.runtime.kernels.dispatch import LayerContext, compute
from cnndsl.runtime.plan import cost_model, linear
from cnndsl.runtime.plan.cost_model import AlgorithmChoice
from cnndsl.runtime.plan.fusion import FusedLayer, activation, per_channel_factors
from cnndsl.runtime.plan.step import Build, Packed, Step


def make_step(layer: FusedLayer, batch: int, planar_inputs: frozenset[str], packed: Packed) -> Step:
    """The step for a batch of that size; weights are packed where they are not in ``packed`` yet."""
    made = None
    if layer.node.dtype == "float32":
        made = _build(layer.node.op)(layer, batch, planar_inputs, packed)
    return _with_temporaries(made or _fallback(layer, batch, planar_inputs, packed), batch)


def _build(op: Operator) -> Build:
    if op.channel_affine:
        return _factors
    return _STEPS.get(op.operator, _activation if op.elementwise else _fallback)


def _with_temporaries(step: Step, batch: int) -> Step:
    """Room for what functions applied in place allocate: a few times a strip."""
    kinds = {follower.kind for follower in step.followers}
    if "map" in kinds:
        step = step._replace(temporary=step.temporary + 2 * activations.TEMPORARIES * FLOAT.itemsize * activations.PART)
    if "apply" not in kinds:
        return step
    parts = max(1, step.choice.samples * step.choice.rows * step.choice.filters)
    return step._replace(temporary=step.temporary + 2 * 5 * 4 * batch * step.layer.node.shape.elements // parts)


def _pool(layer: FusedLayer, batch: int, planar_inputs: frozenset[str], packed: Packed) -> Step | None:
    op: Any = layer.node.op
    source, window = layer.shapes[0], layer.window
    if sum(window.kernel) > cost_model.MOST_CALLS:
        return None
    choice = cost_model.pooling(window, batch, source.elements)
    cut = (choice.samples, choice.rows)
    scratch = pooling.scratch(window, (batch, *source.spatial, source.channels), *cut)
    if isinstance(op, pool.AvgPool):
        shares = pooling.shares(window, source.spatial, op.count_include_pad)

        def bind(x: Sequence[Array], finish: Finish, outside: Outside) -> Phases:
            return pooling.means(x[0], finish, window, shares, *cut)
    else:

        def bind(x: Sequence[Array], finish: Finish, outside: Outside) -> Phases:
            return pooling.maxima(x[0], finish, window, *cut)

    return Step(layer, choice, bind, tuple(layer.followers), scratch)


def _global_means(layer: FusedLayer, batch: int, planar_inputs: frozenset[str], packed: Packed) -> Step:
    choice = AlgorithmChoice(
        "row of ones", cost_model.passes(batch * layer.shapes[0].elements, 1).seconds, "", samples=batch
    )
    return Step(layer, choice, lambda x, finish, _: pooling.global_means(x[0], finish), tuple(layer.followers))


_MERGES = {
    "add": np.add,
    "average": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "div": np.divide,
    "maximum": np.maximum,
    "minimum": np.minimum,
}


def _merge(layer: FusedLayer, batch: int, planar_inputs: frozenset[str], packed: Packed) -> Step:
    operator = layer.node.op.operator
    choice = cost_model.passes(batch * layer.node.shape.elements, len(layer.inputs))
    factor = 1 / len(layer.inputs) if operator == "average" else 1
    return Step(
        layer,
        choice,
        lambda x, finish, _: elementwise.merge(_MERGES[operator], x, finish, factor, choice.rows),
        tuple(layer.followers),
    )


def _factors(layer: FusedLayer, batch: int, planar_inputs: frozenset[str], packed: Packed) -> Step:
    factor, shift = (numbers.astype(np.float32) for numbers in per_channel_factors(layer.node, layer.site))
    choice = cost_model.passes(batch * layer.node.shape.elements, 2)
    return Step(
        layer,
        choice,
        lambda x, finish, _: elementwise.merge(np.multiply, [x[0], factor], finish, 1, choice.rows),
        (Follower("add", shift), *layer.followers),
    )


def _activation(layer: FusedLayer, batch: int, planar_inputs: frozenset[str], packed: Packed) -> Step:
    choice = cost_model.passes(batch * layer.node.shape.elements, 2)
    return Step(
        layer,
        choice,
        lambda x, finish, _: elementwise.copy(x[0], finish, choice.rows),
        (activation(layer.node, layer.site), *layer.followers),
    )


def _lrn(layer: FusedLayer, batch: int, planar_inputs: frozenset[str], packed: Packed) -> Step | None:
    op: Any = layer.node.op
    shape_ = layer.node.shape
    if shape_.is_vector or shape_.channels > 1024:
        return None
    band = elementwise.channel_band(shape_.channels, op.size)
    choice = cost_model.passes(batch * shape_.elements, 8)
    cuts = elementwise.cuts((batch, *shape_.spatial, shape_.channels), choice.rows)
    most = max(prod(part.stop - part.start for part in index) for index in cuts)
    rest = shape_.elements // (shape_.spatial[0] if len(cuts[0]) > 1 else 1)
    return Step(
        layer,
        choice._replace(algorithm="band of ones"),
        lambda x, finish, _: elementwise.local_response_norm(
            x[0], finish, band, op.alpha / op.size, op.beta, op.k, choice.rows
        ),
        tuple(layer.followers),
        2 * most * rest,
    )


def _layer_norm(layer: FusedLayer, batch: int, planar_inputs: frozenset[str], packed: Packed) -> Step | None:
    op: Any = layer.node.op
    shape = layer.node.shape
    if op.axes != "channel" and not shape.is_vector:
        return None
    choice = cost_model.passes(batch * shape.elements, 6)._replace(algorithm="rows of ones")
    rows = batch * shape.positions
    affine = [
        Follower(kind, layer.weights[name])
        for kind, name in (("multiply", "weight"), ("add", "bias"))
        if name in layer.weights
    ]
    return Step(
        layer,
        choice,
        lambda x, finish, _: layer_norm.standardise(x[0], finish, op.eps, choice.rows),
        (*affine, *layer.followers),
        layer_norm.scratch(rows),
    )


def _concat(layer: FusedLayer, batch: int, planar_inputs: frozenset[str], packed: Packed) -> Step:
    op: Any = layer.node.op
    rank = len(layer.node.shape.spatial)
    axis = rank + 1 if op.axis == 0 else op.axis

    def bind(x: Sequence[Array], finish: Finish, outside: Outside) -> Phases:
        tasks: list[Task] = []
        begin = 0
        for array in x:
            index = (*(slice(None),) * axis, slice(begin, begin + array.shape[axis]))
            begin += array.shape[axis]
            target = finish.out[index]
            if target.__array_interface__["data"] != array.__array_interface__["data"]:
                tasks += elementwise.copy(array, Finish(target, []), 1)[0]
        finishing = elementwise.finish_only(finish, choice.rows) if finish.followers else [[]]
        return [part for part in (tasks, *finishing) if part]

    choice = cost_model.passes(batch * layer.node.shape.elements, 1 + len(layer.followers))._replace(
        algorithm="in place"
    )
    return Step(layer, choice, bind, tuple(layer.followers))


def _rearranged(views: Callable[[Any, Array, Array], list[tuple[Array, Array]]]) -> Build:
    """A step that copies: ``views`` gives pairs of views of input and output whose cells correspond."""

    def build(layer: FusedLayer, batch: int, planar_inputs: frozenset[str], packed: Packed) -> Step:
        choice = cost_model.passes(batch * layer.node.shape.elements, 1)._replace(algorithm="copy", rows=1)

        def bind(x: Sequence[Array], finish: Finish, outside: Outside) -> Phases:
            return elementwise.rearrange(views(layer.node.op, x[0], finish.out), finish)

        return Step(layer, choice, bind, tuple(layer.followers))

    return build


def _flattened(op: Any, x: Array, out: Array) -> list[tuple[Array, Array]]:
    first = np.moveaxis(x, -1, 1)
    return [(first, out.reshape(first.shape))]


def _sliced(op: Any, x: Array, out: Array) -> list[tuple[Array, Array]]:
    axis = x.ndim - 1 if op.axis == 0 else op.axis
    return [(x[(*(slice(None),) * axis, slice(op.begin, op.end))], out)]


def _shuffled(op: Any, x: Array, out: Array) -> list[tuple[Array, Array]]:
    *outer, channels = x.shape
    width = channels // op.groups
    if op.groups <= FEW_GROUPS:  # NumPy would make the groups its inner loop, and begin it anew for every two numbers
        return [(x[..., group * width :][..., :width], out[..., group :: op.groups]) for group in range(op.groups)]
    grouped = x.reshape(*outer, op.groups, channels // op.groups).swapaxes(-1, -2)
    strides = (*out.strides[:-1], op.groups * out.strides[-1], out.strides[-1])
    return [(grouped, np.lib.stride_tricks.as_strided(out, grouped.shape, strides))]


FEW_GROUPS = 8
"""A copy for each of so many groups takes a quarter of the time of one for all."""


def _fallback(layer: FusedLayer, batch: int, planar_inputs: frozenset[str], packed: Packed) -> Step:
    """The general kernel for arrays with the channels first, through views that move the channel axis."""
    weights: Mapping[str, Array] = layer.weights
    if layer.weight is not None:
        weights = {"weight": layer.kernel()} | ({} if layer.bias is None else {"bias": layer.bias})
    function = compute(layer.node.op, LayerContext(layer.shapes, layer.node.shape, weights))
    sizes = [value.elements for value in (*layer.shapes, layer.node.shape)]

    def bind(x: Sequence[Array], finish: Finish, outside: Outside) -> Phases:
        sources = [np.moveaxis(array, -1, 1) if array.ndim > 2 else array for array in x]

        def result() -> Array:
            value = function(*sources)
            return np.moveaxis(value, 1, -1) if value.ndim > 2 else value

        return elementwise.compute(result, finish, x)

    choice = AlgorithmChoice("general", cost_model.passes(batch * sum(sizes), 4).seconds, "channels first")
    return Step(layer, choice, bind, tuple(layer.followers), temporary=4 * FLOAT.itemsize * batch * sum(sizes))


_STEPS: dict[str, Build] = {
    "conv": linear.convolution,
    "depthwise": linear.convolution,
    "dense": linear.dense,
    "maxpool": _pool,
    "avgpool": _pool,
    "global_avgpool": _global_means,
    "lrn": _lrn,
    "layernorm": _layer_norm,
    "concat": _concat,
    "flatten": _rearranged(_flattened),
    "slice": _rearranged(_sliced),
    "channel_shuffle": _rearranged(_shuffled),
    **dict.fromkeys(_MERGES, _merge),
}


def layout(spatial: Sizes, channels: int, batch: int, planar: bool) -> Sizes:
    """The extents of a value's array."""
    if not spatial:
        return (batch, channels)
    return (batch, channels, *spatial) if planar else (batch, *spatial, channels)
