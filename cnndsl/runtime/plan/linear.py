"""Steps of convolutions and dense layers: the algorithm's arranged weights, its memory, its kernel."""

from collections.abc import Callable, Sequence
from math import prod
from typing import Any, TypeVar

import numpy as np

from cnndsl.arrays import Array
from cnndsl.ops import conv
from cnndsl.runtime.kernels.channels_last import (
    blocks,
    columns,
    depthwise,
    gather,
    matrix,
    planar,
    remainders,
    winograd,
    winograd_rows,
)
from cnndsl.runtime.kernels.channels_last.gather import Outside
from cnndsl.runtime.kernels.channels_last.strips import FLOAT, Finish, Follower, Phases, strips
from cnndsl.runtime.kernels.channels_last.strips import matrix as flat
from cnndsl.runtime.plan import cost_model
from cnndsl.runtime.plan.cost_model import AlgorithmChoice
from cnndsl.runtime.plan.fusion import FusedLayer
from cnndsl.runtime.plan.step import Packed, Step

PLANAR_CHANNELS = 4
"""Up to so many channels an image is read with the channels first."""

Arranged = TypeVar("Arranged")


def reads_planar(layer: FusedLayer) -> bool:
    """Whether a layer can read its input with the channels first."""
    op = layer.node.op
    return (
        isinstance(op, conv.Conv)
        and (op.groups, op.pad_mode) == (1, "zeros")
        and (layer.shapes[0].channels <= PLANAR_CHANNELS and layer.bounds is None)
        and layer.window.stride[-1] <= cost_model.MOST_CALLS
    )


def pads_with_rows(layer: FusedLayer) -> bool:
    """Whether padding may have a value for every channel: the kernel gathers its cells, all channels at a time."""
    return not _is_general(layer) and layer.shapes[0].channels > 1 and (_groups(layer) == 1 or _is_by_channel(layer))


def _groups(layer: FusedLayer) -> int:
    op: Any = layer.node.op
    return op.groups if isinstance(op, conv.Conv) else layer.shapes[0].channels


def _is_by_channel(layer: FusedLayer) -> bool:
    """Whether every filter reads one of several channels."""
    return _groups(layer) > 1 and layer.site.weight.shape[1] == 1


def _is_general(layer: FusedLayer) -> bool:
    """Whether only the general kernel can compute a convolution."""
    if getattr(layer.node.op, "pad_mode", "zeros") != "zeros":
        return True
    several = layer.node.shape.channels != layer.shapes[0].channels
    return _is_by_channel(layer) and (several or remainders.passes(layer.window) > cost_model.MOST_CALLS)


def _pack(layer: FusedLayer, algorithm: str, packed: Packed, arrange: Callable[[], Arranged]) -> Arranged:
    key = (layer.name, algorithm)
    if key not in packed:
        packed[key] = arrange()
    weights: Arranged = packed[key]
    return weights


def _biased(layer: FusedLayer) -> tuple[Follower, ...]:
    bias = () if layer.bias is None else (Follower("add", layer.bias),)
    return (*bias, *layer.followers)


def convolution(layer: FusedLayer, batch: int, planar_inputs: frozenset[str], packed: Packed) -> Step | None:
    """The step for a convolution; None where only the general kernel can compute it."""
    (source,), output, weight = layer.shapes, layer.node.shape, layer.site.weight
    if _is_general(layer):
        return None
    groups, window = _groups(layer), layer.window
    shape = (batch, *source.spatial, source.channels)
    followers = _biased(layer)
    if _is_by_channel(layer):
        return _depthwise(layer, batch, followers, packed)
    is_planar = layer.inputs[0] in planar_inputs or (source.channels == 1 and reads_planar(layer))
    choice = cost_model.convolution(window, batch, source.channels, output.channels, groups, is_planar, layer.precise)
    algorithm, cut = choice.algorithm, (choice.samples, choice.rows)
    if algorithm == "planar columns":
        bias = np.zeros(len(weight), FLOAT) if layer.bias is None else layer.bias
        first = _pack(layer, algorithm, packed, lambda: planar.pack(layer.kernel(), bias))
        return Step(
            layer,
            choice,
            lambda x, finish, _: planar.convolve(_first(x[0], layer, planar_inputs), first, finish, window, *cut),
            tuple(layer.followers),
            planar.scratch(window, (batch, source.channels, *source.spatial), *cut),
        )
    if algorithm == "matrix product":
        return _matrix(layer, batch * output.positions, choice, followers, packed)
    if algorithm.startswith("winograd"):
        return _winograd(layer, batch, choice, followers, packed)
    cells = -(-batch // choice.samples) * -(-window.output[0] // choice.rows) * prod(window.output[1:])
    if groups == 1:
        weights = [part[None] for part in _in_parts(layer, cells, choice.filters, packed)]
    else:
        block = blocks.block(cells, prod(weight.shape[1:]), len(weight) // groups)
        key = f"columns {block}"
        weights = [_pack(layer, key, packed, lambda: blocks.pack(columns.table(layer.kernel(), groups), block))]
    return Step(
        layer,
        choice,
        lambda x, finish, outside: columns.convolve(
            x[0], weights, finish, window, choice.samples, choice.rows, outside
        ),
        followers,
        columns.scratch(window, shape, *cut) + max(blocks.scratch(cells, part) for part in weights),
        tables=gather.table_sizes(window, strips(window, shape, *cut), shape, groups),
    )


def _depthwise(layer: FusedLayer, batch: int, followers: tuple[Follower, ...], packed: Packed) -> Step:
    (source,), window = layer.shapes, layer.window
    shape = (batch, *source.spatial, source.channels)
    choice = cost_model.depthwise(window, batch, source.channels, layer.precise)
    kernel: Any = depthwise if choice.algorithm == "depthwise" else winograd_rows
    cut = (choice.samples, choice.rows)
    taps = _pack(layer, choice.algorithm, packed, lambda: kernel.pack(layer.kernel(), window))
    return Step(
        layer,
        choice,
        lambda x, finish, outside: kernel.convolve(x[0], taps, finish, window, *cut, outside),
        followers,
        kernel.scratch(window, shape, *cut),
        tables=kernel.tables(window, shape, *cut),
    )


def _winograd(
    layer: FusedLayer, batch: int, choice: AlgorithmChoice, followers: tuple[Follower, ...], packed: Packed
) -> Step:
    (source,), output = layer.shapes, layer.node.shape
    scheme = winograd.SCHEMES[choice.algorithm.split()[1]]
    cut = winograd.Cut(choice.samples, choice.rows, choice.filters)
    tiles = winograd.most_tiles(scheme, batch, output.spatial, cut)
    block = blocks.block(tiles, source.channels, output.channels)
    key = f"winograd {scheme} {block}"
    points = _pack(layer, key, packed, lambda: winograd.pack(layer.kernel(), scheme, block))
    padding = tuple(zip(layer.window.begin, layer.window.end, strict=True))
    shape = (batch, *source.spatial, source.channels)
    window = winograd.tile_window(scheme, output.spatial, padding)
    return Step(
        layer,
        choice,
        lambda x, finish, outside: winograd.convolve(scheme, x[0], points, finish, padding, cut, outside),
        followers,
        winograd.scratch(scheme, window, shape, cut, points),
        gather.table_sizes(window, strips(window, shape, *cut[:2]), shape),
    )


def _first(x: Array, layer: FusedLayer, planar_inputs: frozenset[str]) -> Array:
    """An array as (N, C, *spatial)."""
    return x if layer.inputs[0] in planar_inputs else np.moveaxis(x, -1, 1)


def _matrix(
    layer: FusedLayer, positions: int, choice: AlgorithmChoice, followers: tuple[Follower, ...], packed: Packed
) -> Step:
    across = prod(layer.node.shape.spatial[1:])
    rows = -(-positions // across // choice.rows) * across
    weights = _in_parts(layer, rows, choice.filters, packed)

    def bind(x: Sequence[Array], finish: Finish, outside: Outside) -> Phases:
        return matrix.product(flat(x[0]), weights, finish.flat(), choice.rows, layer.bounds, across)

    held = rows * layer.shapes[0].channels if layer.bounds else 0
    return Step(layer, choice, bind, followers, held + max(blocks.scratch(rows, part) for part in weights))


def _in_parts(layer: FusedLayer, rows: int, parts: int, packed: Packed) -> list[Array]:
    """A convolution's weights in parts along the filters, in blocks for so many rows."""
    filters, *links = layer.site.weight.shape
    shapes = blocks.shapes(rows, prod(links), filters, parts)
    return _pack(layer, str(shapes), packed, lambda: blocks.pack_parts(columns.table(layer.kernel())[0], shapes))


def dense(layer: FusedLayer, batch: int, planar_inputs: frozenset[str], packed: Packed) -> Step:
    """The step for a dense layer."""
    features, units = layer.shapes[0].channels, layer.node.shape.channels
    seconds = cost_model.dense_seconds(batch, units, features)
    filters = min(cost_model.parts(seconds), units)
    choice = AlgorithmChoice("matrix product", seconds, f"{features} x {units} weights", filters=filters)
    # The weights stay as they are: BLAS reads them transposed, and they may be large.
    table = _pack(layer, "matrix product", packed, layer.kernel).T
    count = matrix.dense_parts(batch, features)
    return Step(
        layer,
        choice,
        lambda x, finish, _: matrix.dense(x[0], table, finish, choice.filters),
        _biased(layer),
        count * -(-units // filters) if count > 1 else 0,
    )
