"""Steps: which kernel computes a fused layer, and how it is bound to memory."""

from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import Any, NamedTuple, TypeAlias, TypeVar

import numpy as np

from cnndsl.ops import conv, pool
from cnndsl.runtime import plan_choice
from cnndsl.runtime.kernels.arrays import Array, Sizes
from cnndsl.runtime.kernels.channels_last import (
    blocks,
    columns,
    depthwise,
    elementwise,
    matrix,
    planar,
    pooling,
    winograd,
)
from cnndsl.runtime.kernels.channels_last.strips import FLOAT, Finish, Follower, Phases, Task, Window
from cnndsl.runtime.kernels.channels_last.strips import matrix as flat
from cnndsl.runtime.plan_choice import Choice
from cnndsl.runtime.plan_fuse import ELEMENTWISE, Layer, activation, per_channel_factors
from cnndsl.runtime.steps import Site, compute

PLANAR_CHANNELS = 4
"""Up to so many channels an image is read with the channels first."""


class Memory(NamedTuple):
    """What the threads share during a step, and the zeros at the end of the values (see ``channels_last.gather``)."""

    shared: Array
    zeros: Array


Bind: TypeAlias = Callable[[Sequence[Array], Finish, Memory], Phases]
"""Takes the inputs (N, *spatial, C), the bound output and memory, gives tasks."""
Arranged = TypeVar("Arranged")
Packed: TypeAlias = dict[tuple[str, str], Any]
"""Weights arranged for an algorithm, by layer and algorithm: batches of different sizes share them."""


class Step(NamedTuple):
    """A layer with its algorithm. ``scratch`` counts float32 numbers a thread, ``shared`` those that threads share.

    ``temporary`` is the bytes that a kernel which is not planned in detail may allocate by itself.
    """

    layer: Layer
    choice: Choice
    bind: Bind
    followers: tuple[Follower, ...]
    scratch: int = 0
    shared: int = 0
    temporary: int = 0


Build: TypeAlias = Callable[[Layer, int, frozenset[str], Packed], Step | None]
"""Makes the step for a layer and a batch size; None where only the general kernel can compute it."""


def make_step(layer: Layer, batch: int, planar_inputs: frozenset[str], packed: Packed) -> Step:
    """The step for a batch of that size; weights are packed where they are not in ``packed`` yet."""
    operator = layer.node.op.operator
    if layer.node.dtype == "float32" and (operator in _STEPS or operator in ELEMENTWISE):
        made = _STEPS.get(operator, _activation)(layer, batch, planar_inputs, packed)
        if made is not None:
            return _with_temporaries(made, batch)
    return _with_temporaries(_fallback(layer, batch, planar_inputs, packed), batch)


def _with_temporaries(step: Step, batch: int) -> Step:
    """Room for what functions applied in place allocate: a few times a strip."""
    applied = any(follower.kind == "apply" for follower in step.followers)
    if not applied:
        return step
    parts = max(1, step.choice.samples * step.choice.rows * step.choice.filters)
    return step._replace(temporary=step.temporary + 2 * 5 * 4 * batch * step.layer.node.shape.elements // parts)


def window_of(op: Any, layer: Layer) -> Window:
    axes = op.windows(layer.shapes[0])
    return Window(
        tuple(axis.kernel for axis in axes),
        tuple(axis.stride for axis in axes),
        tuple(axis.dilation for axis in axes),
        tuple(axis.begin for axis in axes),
        layer.node.shape.spatial,
        tuple(axis.end for axis in axes),
    )


def reads_planar(layer: Layer) -> bool:
    """Whether a layer can read its input with the channels first."""
    op = layer.node.op
    return (
        isinstance(op, conv.Conv)
        and (op.groups, op.pad_mode) == (1, "zeros")
        and (layer.shapes[0].channels <= PLANAR_CHANNELS and layer.bounds is None)
    )


def _pack(layer: Layer, algorithm: str, packed: Packed, arrange: Callable[[], Arranged]) -> Arranged:
    key = (layer.name, algorithm)
    if key not in packed:
        packed[key] = arrange()
    weights: Arranged = packed[key]
    return weights


def _biased(layer: Layer) -> tuple[Follower, ...]:
    bias = () if layer.bias is None else (Follower("add", layer.bias),)
    return (*bias, *layer.followers)


def _conv(layer: Layer, batch: int, planar_inputs: frozenset[str], packed: Packed) -> Step | None:
    op: Any = layer.node.op
    (source,), output, weight = layer.shapes, layer.node.shape, layer.site.weight
    if getattr(op, "pad_mode", "zeros") != "zeros":
        return None
    groups = op.groups if isinstance(op, conv.Conv) else source.channels
    window = window_of(op, layer)
    shape = (batch, *source.spatial, source.channels)
    followers = _biased(layer)
    if groups > 1 and weight.shape[1] == 1:
        if output.channels != source.channels:
            return None
        choice = plan_choice.depthwise(window, batch, source.channels)
        taps = _pack(layer, "depthwise", packed, lambda: depthwise.pack(layer.kernel(), window.output))
        return Step(
            layer,
            choice,
            lambda x, finish, memory: depthwise.convolve(x[0], taps, finish, window, choice.rows, memory.zeros),
            followers,
            depthwise.scratch(window, shape, choice.rows),
        )
    is_planar = layer.inputs[0] in planar_inputs or (source.channels == 1 and reads_planar(layer))
    choice = plan_choice.convolution(window, batch, source.channels, output.channels, groups, is_planar)
    algorithm = choice.algorithm
    if algorithm == "planar columns":
        bias = np.zeros(len(weight), FLOAT) if layer.bias is None else layer.bias
        first = _pack(layer, algorithm, packed, lambda: planar.pack(layer.kernel(), bias))
        return Step(
            layer,
            choice,
            lambda x, finish, _: planar.convolve(
                _first(x[0], layer, planar_inputs), first, finish, window, choice.rows
            ),
            tuple(layer.followers),
            planar.scratch(window, (batch, source.channels, *source.spatial), choice.rows),
        )
    if algorithm == "matrix product":
        return _matrix(layer, batch * output.positions, choice, followers, packed)
    if algorithm.startswith("winograd"):
        return _winograd(layer, batch, choice, followers, packed)
    if algorithm == "columns by filters":
        unfolded = (batch, *window.output, *window.kernel, source.channels)
        rows = batch * prod(window.output)
        weights = _in_parts(layer, rows, choice.filters, packed)
        return Step(
            layer,
            choice,
            lambda x, finish, memory: columns.convolve_by_filters(
                x[0], weights, finish, window, memory.shared.reshape(unfolded), choice.rows, memory.zeros
            ),
            followers,
            max(columns.scratch(window, shape, batch, choice.rows), *(blocks.scratch(rows, part) for part in weights)),
            prod(unfolded),
        )
    cells = -(-batch // choice.samples) * -(-window.output[0] // choice.rows) * prod(window.output[1:])
    block = blocks.block(cells, prod(weight.shape[1:]), len(weight) // groups, cut_links=groups == 1)
    links = _pack(layer, f"columns {block}", packed, lambda: blocks.pack(columns.table(layer.kernel(), groups), block))
    return Step(
        layer,
        choice,
        lambda x, finish, memory: columns.convolve(
            x[0], links, finish, window, choice.samples, choice.rows, memory.zeros
        ),
        followers,
        columns.scratch(window, shape, choice.samples, choice.rows) + blocks.scratch(cells, links),
    )


def _winograd(layer: Layer, batch: int, choice: Choice, followers: tuple[Follower, ...], packed: Packed) -> Step:
    op: Any = layer.node.op
    (source,), output = layer.shapes, layer.node.shape
    by_points = choice.filters > 1
    scheme = winograd.SCHEMES[choice.algorithm.split()[1]]
    tiles = winograd.most_tiles(scheme, output.spatial, 1) * batch
    rows = tiles if by_points else winograd.most_tiles(scheme, output.spatial, choice.rows)
    shape = blocks.block(rows, source.channels, output.channels, cut_links=False)
    key = f"winograd {scheme} {shape.filters}"
    points = _pack(layer, key, packed, lambda: winograd.pack(layer.kernel(), scheme, shape))
    padding = tuple((axis.begin, axis.end) for axis in op.windows(source))
    sizes = ((batch, *output.spatial), source.channels, output.channels)
    scratch = winograd.scratch(scheme, (batch, *source.spatial, source.channels), (*sizes[0], sizes[2]), choice.rows)
    if by_points:
        return Step(
            layer,
            choice,
            lambda x, finish, memory: winograd.convolve_by_points(
                scheme, x[0], points, finish, padding, choice.rows, memory.shared, memory.zeros
            ),
            followers,
            scratch,
            winograd.shared_numbers(scheme, *sizes),
        )
    return Step(
        layer,
        choice,
        lambda x, finish, memory: winograd.convolve(scheme, x[0], points, finish, padding, choice.rows, memory.zeros),
        followers,
        scratch,
    )


def _first(x: Array, layer: Layer, planar_inputs: frozenset[str]) -> Array:
    """An array as (N, C, *spatial)."""
    return x if layer.inputs[0] in planar_inputs else np.moveaxis(x, -1, 1)


def _matrix(layer: Layer, positions: int, choice: Choice, followers: tuple[Follower, ...], packed: Packed) -> Step:
    across = prod(layer.node.shape.spatial[1:])
    rows = -(-positions // across // choice.rows) * across
    weights = _in_parts(layer, rows, choice.filters, packed)

    def bind(x: Sequence[Array], finish: Finish, memory: Memory) -> Phases:
        return matrix.product(flat(x[0]), weights, finish.flat(), choice.rows, layer.bounds, across)

    held = rows * layer.shapes[0].channels if layer.bounds else 0
    return Step(layer, choice, bind, followers, held + max(blocks.scratch(rows, part) for part in weights))


def _in_parts(layer: Layer, rows: int, parts: int, packed: Packed) -> list[Array]:
    """A convolution's weights in parts along the filters, in blocks for so many rows."""
    filters, *links = layer.site.weight.shape
    shapes = blocks.shapes(rows, prod(links), filters, parts)
    return _pack(layer, str(shapes), packed, lambda: blocks.pack_parts(columns.table(layer.kernel())[0], shapes))


def _dense(layer: Layer, batch: int, planar_inputs: frozenset[str], packed: Packed) -> Step:
    features, units = layer.shapes[0].channels, layer.node.shape.channels
    seconds = plan_choice.dense_seconds(batch, units, features)
    filters = min(plan_choice.parts(seconds), units)
    choice = Choice("matrix product", seconds, f"{features} x {units} weights", filters=filters)
    # The weights stay as they are: BLAS reads them transposed, and they may be large.
    table = _pack(layer, "matrix product", packed, layer.kernel).T
    return Step(layer, choice, lambda x, finish, _: matrix.dense(x[0], table, finish, choice.filters), _biased(layer))


def _pool(layer: Layer, batch: int, planar_inputs: frozenset[str], packed: Packed) -> Step:
    op: Any = layer.node.op
    source, window = layer.shapes[0], window_of(op, layer)
    per_sample = plan_choice.passes(source.elements, 1 + sum(window.kernel) / prod(window.stride))
    rows = min(per_sample.rows, window.output[0])
    choice = Choice("separable windows", per_sample.seconds * batch, "", samples=batch, rows=rows)
    scratch = pooling.scratch(window, (batch, *source.spatial, source.channels), rows)
    if isinstance(op, pool.AvgPool):
        end = tuple(axis.end for axis in op.windows(source))
        shares = pooling.shares(window, source.spatial, end, op.count_include_pad)

        def bind(x: Sequence[Array], finish: Finish, memory: Memory) -> Phases:
            return pooling.means(x[0], finish, window, shares, rows)
    else:

        def bind(x: Sequence[Array], finish: Finish, memory: Memory) -> Phases:
            return pooling.maxima(x[0], finish, window, rows)

    return Step(layer, choice, bind, tuple(layer.followers), scratch)


def _global_means(layer: Layer, batch: int, planar_inputs: frozenset[str], packed: Packed) -> Step:
    choice = Choice("row of ones", plan_choice.passes(batch * layer.shapes[0].elements, 1).seconds, "", samples=batch)
    return Step(layer, choice, lambda x, finish, _: pooling.global_means(x[0], finish), tuple(layer.followers))


_MERGES = {"add": np.add, "average": np.add, "sub": np.subtract, "mul": np.multiply, "maximum": np.maximum}


def _merge(layer: Layer, batch: int, planar_inputs: frozenset[str], packed: Packed) -> Step:
    operator = layer.node.op.operator
    choice = plan_choice.passes(batch * layer.node.shape.elements, len(layer.inputs))
    factor = 1 / len(layer.inputs) if operator == "average" else 1
    return Step(
        layer,
        choice,
        lambda x, finish, _: elementwise.merge(_MERGES[operator], x, finish, factor, choice.rows),
        tuple(layer.followers),
    )


def _factors(layer: Layer, batch: int, planar_inputs: frozenset[str], packed: Packed) -> Step:
    factor, shift = per_channel_factors(layer.node, layer.site)
    choice = plan_choice.passes(batch * layer.node.shape.elements, 2)
    return Step(
        layer,
        choice,
        lambda x, finish, _: elementwise.merge(np.multiply, [x[0], factor], finish, 1, choice.rows),
        (Follower("add", shift), *layer.followers),
    )


def _activation(layer: Layer, batch: int, planar_inputs: frozenset[str], packed: Packed) -> Step:
    choice = plan_choice.passes(batch * layer.node.shape.elements, 2)
    return Step(
        layer,
        choice,
        lambda x, finish, _: elementwise.copy(x[0], finish, choice.rows),
        (activation(layer.node, layer.site), *layer.followers),
    )


def _lrn(layer: Layer, batch: int, planar_inputs: frozenset[str], packed: Packed) -> Step | None:
    op: Any = layer.node.op
    shape_ = layer.node.shape
    if shape_.is_vector or shape_.channels > 1024:
        return None
    band = elementwise.channel_band(shape_.channels, op.size)
    choice = plan_choice.passes(batch * shape_.elements, 8)
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


def _concat(layer: Layer, batch: int, planar_inputs: frozenset[str], packed: Packed) -> Step:
    op: Any = layer.node.op
    rank = len(layer.node.shape.spatial)
    axis = rank + 1 if op.axis == 0 else op.axis

    def bind(x: Sequence[Array], finish: Finish, memory: Memory) -> Phases:
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

    choice = plan_choice.passes(batch * layer.node.shape.elements, len(layer.followers))._replace(algorithm="in place")
    return Step(layer, choice, bind, tuple(layer.followers))


def _rearranged(views: Callable[[Any, Array, Array], tuple[Array, Array]]) -> Build:
    """A step that copies: ``views`` gives views of input and output whose cells correspond."""

    def build(layer: Layer, batch: int, planar_inputs: frozenset[str], packed: Packed) -> Step:
        choice = plan_choice.passes(batch * layer.node.shape.elements, 1)._replace(algorithm="copy", rows=1)

        def bind(x: Sequence[Array], finish: Finish, memory: Memory) -> Phases:
            return elementwise.rearrange(*views(layer.node.op, x[0], finish.out), finish)

        return Step(layer, choice, bind, tuple(layer.followers))

    return build


def _flattened(op: Any, x: Array, out: Array) -> tuple[Array, Array]:
    first = np.moveaxis(x, -1, 1)
    return first, out.reshape(first.shape)


def _sliced(op: Any, x: Array, out: Array) -> tuple[Array, Array]:
    axis = x.ndim - 1 if op.axis == 0 else op.axis
    return x[(*(slice(None),) * axis, slice(op.begin, op.end))], out


def _shuffled(op: Any, x: Array, out: Array) -> tuple[Array, Array]:
    *outer, channels = x.shape
    grouped = x.reshape(*outer, op.groups, channels // op.groups).swapaxes(-1, -2)
    return grouped, np.lib.stride_tricks.as_strided(
        out, grouped.shape, (*out.strides[:-1], op.groups * out.strides[-1], out.strides[-1])
    )


def _fallback(layer: Layer, batch: int, planar_inputs: frozenset[str], packed: Packed) -> Step:
    """The general kernel for arrays with the channels first, through views that move the channel axis."""
    weights: Mapping[str, Array] = layer.weights
    if layer.weight is not None:
        weights = {"weight": layer.kernel()} | ({} if layer.bias is None else {"bias": layer.bias})
    function = compute(layer.node.op, Site(layer.shapes, layer.node.shape, weights))
    sizes = [value.elements for value in (*layer.shapes, layer.node.shape)]

    def bind(x: Sequence[Array], finish: Finish, memory: Memory) -> Phases:
        sources = [np.moveaxis(array, -1, 1) if array.ndim > 2 else array for array in x]

        def result() -> Array:
            value = function(*sources)
            return np.moveaxis(value, 1, -1) if value.ndim > 2 else value

        return elementwise.compute(result, finish, x)

    choice = Choice("general", plan_choice.passes(batch * sum(sizes), 4).seconds, "channels first")
    return Step(layer, choice, bind, tuple(layer.followers), temporary=4 * FLOAT.itemsize * batch * sum(sizes))


_STEPS: dict[str, Build] = {
    "conv": _conv,
    "depthwise": _conv,
    "dense": _dense,
    "maxpool": _pool,
    "avgpool": _pool,
    "global_avgpool": _global_means,
    "batchnorm": _factors,
    "scale": _factors,
    "normalize": _factors,
    "lrn": _lrn,
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
