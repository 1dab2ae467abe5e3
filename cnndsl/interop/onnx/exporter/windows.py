"""Convolutions and pooling in ONNX.

``ceil_mode`` becomes end padding: the cells over which the last windows hang. The result is the same, and it does not
depend on the rule for the last window, which differs between versions of ONNX and of its runtimes.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cnndsl.interop.onnx.exporter.layer import ExportedLayer
from cnndsl.ops.conv import Conv, ConvTranspose, Depthwise
from cnndsl.ops.global_pool import AdaptiveAvgPool, AdaptivePool, GlobalLpPool, Reduce
from cnndsl.ops.pool import AvgPool, LpPool, MaxPool, Subsample
from cnndsl.shapes import Axis, Pairs, per_axis, product


def window(axes: Sequence[Axis], pairs: Pairs) -> dict[str, list[int]]:
    """The attributes that all sliding windows have; ``pairs`` is the padding."""
    return {
        "kernel_shape": [axis.kernel for axis in axes],
        "strides": [axis.stride for axis in axes],
        "pads": [begin for begin, _ in pairs] + [end for _, end in pairs],
    }


def dilations(axes: Sequence[Axis]) -> list[int]:
    return [axis.dilation for axis in axes]


def padding(axes: Sequence[Axis]) -> Pairs:
    return tuple((axis.begin, axis.end) for axis in axes)


def overhang(axes: Sequence[Axis]) -> tuple[int, ...]:
    """The cells beyond the padding that the last windows reach."""
    return tuple(max(0, (axis.output - 1) * axis.stride - axis.room) for axis in axes)


def covering(axes: Sequence[Axis]) -> Pairs:
    """The padding, overhang included."""
    return tuple((axis.begin, axis.end + cells) for axis, cells in zip(axes, overhang(axes), strict=True))


def conv(layer: ExportedLayer[Conv] | ExportedLayer[Depthwise]) -> str:
    op, x, axes = layer.op, layer.input, layer.op.windows(layer.shape)
    pairs = padding(axes)
    if isinstance(op, Conv) and op.pad_mode != "zeros":
        x, pairs = layer.pad(x, pairs, op.pad_mode), ((0, 0),) * len(axes)
    groups = op.groups if isinstance(op, Conv) else layer.shape.channels
    weights = layer.optional_weights("weight", "bias")
    return layer.emit("Conv", x, *weights, group=groups, dilations=dilations(axes), **window(axes, pairs))


def conv_transpose(layer: ExportedLayer[ConvTranspose]) -> str:
    """ConvTranspose; ONNX Runtime refuses an output padding of a stride or more, which is cut from the whole map then.

    Cells that no tap reaches are zeros, before the bias.
    """
    op, axes = layer.op, layer.op.windows(layer.shape)
    extra = per_axis(op.output_pad, len(axes), "output_pad")
    attributes: dict[str, Any] = {"group": op.groups, "dilations": dilations(axes)}
    if all(more < axis.stride for axis, more in zip(axes, extra, strict=True)):
        weights = layer.optional_weights("weight", "bias")
        attributes |= {"output_padding": list(extra), **window(axes, padding(axes))}
        return layer.emit("ConvTranspose", layer.input, *weights, **attributes)
    attributes |= window(axes, ((0, 0),) * len(axes))
    whole = layer.emit("ConvTranspose", layer.input, layer.weight("weight"), **attributes)
    grown = layer.pad(whole, tuple((0, more) for more in extra), "zeros")
    begins = [axis.begin for axis in axes]
    ends = [begin + size for begin, size in zip(begins, layer.output.spatial, strict=True)]
    x = layer.slice(grown, range(2, 2 + len(axes)), begins, ends)
    for bias in layer.optional_weights("bias"):
        x = layer.emit("Add", x, layer.per_channel(bias))
    return x


def maxpool(layer: ExportedLayer[MaxPool]) -> str:
    """MaxPool; cells are gathered where ONNX Runtime refuses the padding, or would give no -inf for padding alone."""
    axes = layer.op.windows(layer.shape)
    pairs = covering(axes)
    narrow = all(max(pair) < axis.kernel for axis, pair in zip(axes, pairs, strict=True))
    if narrow and all(map(sees_cells, axes)):
        return layer.emit("MaxPool", layer.input, dilations=dilations(axes), **window(axes, pairs))
    x = layer.pad(layer.input, pairs, "zeros", -np.inf)
    for axis, geometry in enumerate(axes, start=2):
        x = largest(layer, x, axis, window_cells(geometry))
    return x


def window_cells(axis: Axis) -> NDArray[np.int64]:
    """For each window the cells under its taps, counted from the beginning of the padding: (windows, kernel)."""
    return np.arange(axis.output)[:, None] * axis.stride + np.arange(axis.kernel) * axis.dilation


def sees_cells(axis: Axis) -> bool:
    """Whether every window has a tap on a cell of the map, not only on padding."""
    cells = window_cells(axis) - axis.begin
    return bool(((cells >= 0) & (cells < axis.size)).any(axis=1).all())


def avgpool(layer: ExportedLayer[AvgPool]) -> str:
    """AveragePool; the overhang never counts, so that padding that does count becomes cells of the map beside it."""
    axes, x = layer.op.windows(layer.shape), layer.input
    if layer.op.count_include_pad and any(overhang(axes)):
        x = layer.pad(x, padding(axes), "zeros")
        return layer.emit("AveragePool", x, **window(axes, tuple((0, cells) for cells in overhang(axes))))
    counted = int(layer.op.count_include_pad)
    return layer.emit("AveragePool", x, count_include_pad=counted, **window(axes, covering(axes)))


def lppool(layer: ExportedLayer[LpPool]) -> str:
    axes = layer.op.windows(layer.shape)
    return layer.emit("LpPool", layer.input, p=layer.op.p, **window(axes, covering(axes)))


def subsample(layer: ExportedLayer[Subsample]) -> str:
    """The sum of a window is its mean times the number of its cells."""
    axes = layer.op.windows(layer.shape)
    mean = layer.emit("AveragePool", layer.input, **window(axes, padding(axes)))
    cells = layer.numbers("cells", product([axis.kernel for axis in axes]))
    return layer.affine(layer.emit("Mul", mean, cells))


def global_lppool(layer: ExportedLayer[GlobalLpPool]) -> str:
    """GlobalLpPool, or one window over the whole map: ONNX Runtime lacks the operator of opset 22."""
    if layer.opset >= 22:
        return layer.emit("LpPool", layer.input, p=layer.op.p, kernel_shape=list(layer.shape.spatial))
    return layer.emit("GlobalLpPool", layer.input, p=layer.op.p)


REDUCTIONS = {"sum": "ReduceSum", "mean": "ReduceMean", "max": "ReduceMax", "min": "ReduceMin", "norm": "ReduceL2"}


def reduced(layer: ExportedLayer[Reduce]) -> str:
    return layer.reduce(REDUCTIONS[layer.op.by], layer.input, [layer.op.axis + 1], keepdims=True)


def adaptive(layer: ExportedLayer[AdaptivePool]) -> str:
    """A pool with equal windows where the sizes divide, otherwise windows gathered along one axis after another."""
    mean = isinstance(layer.op, AdaptiveAvgPool)
    sizes = list(zip(layer.shape.spatial, layer.output.spatial, strict=True))
    if all(size % regions == 0 for size, regions in sizes):
        kernel = [size // regions for size, regions in sizes]
        kind = "AveragePool" if mean else "MaxPool"
        return layer.emit(kind, layer.input, kernel_shape=kernel, strides=kernel)
    x = layer.input
    for axis, (size, regions) in enumerate(sizes, start=2):
        if size == regions:
            continue
        index = np.arange(regions)
        begins, ends = index * size // regions, -((index + 1) * -size // regions)
        cells = begins[:, None] + np.arange((ends - begins).max())
        # A region shorter than the longest repeats its last cell: harmless to a maximum, and of no weight in a mean.
        held = np.minimum(cells, ends[:, None] - 1)
        if mean:
            x = weighted_sum(layer, x, axis, held, (cells < ends[:, None]) / (ends - begins)[:, None])
        else:
            x = largest(layer, x, axis, held)
    return x


def largest(layer: ExportedLayer[Any], x: str, axis: int, cells: NDArray[np.int64]) -> str:
    """The largest of the cells that each row of ``cells`` names along an axis."""
    gathered = layer.emit("Gather", x, layer.integers("cells", cells), axis=axis)
    return layer.reduce("ReduceMax", gathered, [axis + 1], keepdims=False)


def weighted_sum(
    layer: ExportedLayer[Any], x: str, axis: int, cells: NDArray[np.int64], weights: NDArray[np.floating[Any]]
) -> str:
    """The sums of the cells that each row of ``cells`` names along an axis, each times its weight."""
    gathered = layer.emit("Gather", x, layer.integers("cells", cells), axis=axis)
    behind = (1,) * (layer.rank + 1 - axis)
    product = layer.emit("Mul", gathered, layer.numbers("shares", weights.reshape(*weights.shape, *behind)))
    return layer.reduce("ReduceSum", product, [axis + 1], keepdims=False)
