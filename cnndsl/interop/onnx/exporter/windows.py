"""Convolutions and pooling in ONNX.

``ceil_mode`` becomes end padding: the cells over which the last windows hang. The result is the same, and it does not
depend on the rule for the last window, which differs between versions of ONNX and of its runtimes.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto

from cnndsl.interop.onnx.exporter.layer import Dimension, ExportedLayer, Whole
from cnndsl.ops.conv import Conv, ConvTranspose, Depthwise
from cnndsl.ops.global_pool import AdaptiveAvgPool, AdaptivePool, GlobalLpPool, Reduce
from cnndsl.ops.pool import AvgPool, LpPool, MaxPool, Subsample
from cnndsl.shapes import Axis, Pairs, Shape, covering, overhang, padding, per_axis, product


def window(axes: Sequence[Axis], pairs: Pairs) -> dict[str, list[int]]:
    """The attributes that all sliding windows have; ``pairs`` is the padding."""
    return {
        "kernel_shape": [axis.kernel for axis in axes],
        "strides": [axis.stride for axis in axes],
        "pads": [begin for begin, _ in pairs] + [end for _, end in pairs],
    }


def dilations(axes: Sequence[Axis]) -> list[int]:
    return [axis.dilation for axis in axes]


def fixed_cells(layer: ExportedLayer[Any], cells: Callable[[Sequence[Axis]], Pairs]) -> bool:
    """Whether these cells around the map are the same at every size at which the windows fit."""
    asked = cells(layer.op.windows(layer.shape))

    def same(op: Any, shapes: Sequence[Shape]) -> bool:
        axes = op.windows(shapes[0])
        return any(axis.output < 1 for axis in axes) or cells(axes) == asked

    return layer.always(same)


def cells_when_run(layer: ExportedLayer[Any]) -> tuple[list[tuple[Whole, Whole]], list[Whole]]:
    """Padding, and overhang behind it, that follow from extents which are not known before (see ``Axis``)."""
    geometry, pairs, more = layer.op.geometry(), [], []
    for size, axis in zip(layer.dimensions[1:], layer.op.windows(layer.shape), strict=True):
        begin: Whole = axis.begin
        end: Whole = axis.end
        if geometry.pad in ("same", "same_lower") and isinstance(size, Dimension):
            total = ((-(-size // axis.stride) - 1) * axis.stride + axis.reach - size).at_least(0)
            half = total // 2
            begin, end = (total - half, half) if geometry.pad == "same_lower" else (half, total - half)
        pairs.append((begin, end))
        over: Whole = overhang([axis])[0]
        if isinstance(size, Dimension):
            over = 0
            if geometry.ceil:
                room = size + begin + end - axis.reach
                windows = (-(-room // axis.stride) + 1).at_most(-(-(size + begin) // axis.stride))
                over = ((windows - 1) * axis.stride - room).at_least(0)
        more.append(over)
    return pairs, more


def conv(layer: ExportedLayer[Conv] | ExportedLayer[Depthwise]) -> str:
    op, x, axes = layer.op, layer.input, layer.op.windows(layer.shape)
    pairs = padding(axes)
    if not fixed_cells(layer, padding):
        mode = op.pad_mode if isinstance(op, Conv) else "zeros"
        x, pairs = layer.pad(x, cells_when_run(layer)[0], mode), ((0, 0),) * len(axes)
    elif isinstance(op, Conv) and op.pad_mode != "zeros":
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
    ends: list[Whole] = [begin + size for begin, size in zip(begins, layer.output.spatial, strict=True)]
    if layer.is_open:
        ends = [layer.extent(grown, number) - axis.end for number, axis in enumerate(axes, start=2)]
    x = layer.slice(grown, range(2, 2 + len(axes)), begins, ends)
    for bias in layer.optional_weights("bias"):
        x = layer.emit("Add", x, layer.per_channel(bias))
    return x


def maxpool(layer: ExportedLayer[MaxPool]) -> str:
    """MaxPool; cells are gathered where ONNX Runtime refuses the padding, or would give no -inf for padding alone."""
    axes = layer.op.windows(layer.shape)
    if not fixed_cells(layer, covering):
        return largest_when_run(layer, axes)
    pairs = covering(axes)
    narrow = all(max(pair) < axis.kernel for axis, pair in zip(axes, pairs, strict=True))
    if narrow and all(map(sees_cells, axes)) and layer.always(spans):
        return layer.emit("MaxPool", layer.input, dilations=dilations(axes), **window(axes, pairs))
    if layer.is_open:
        return largest_when_run(layer, axes)
    x = layer.pad(layer.input, pairs, "zeros", -np.inf)
    for axis, geometry in enumerate(axes, start=2):
        x = largest(layer, x, axis, window_cells(geometry))
    return x


def spans(op: MaxPool, shapes: Sequence[Shape]) -> bool:
    """Whether no window can have all its taps around the map: one that is narrower than the padding lets it."""
    return all(axis.dilation == 1 or axis.padding == 0 or axis.size >= axis.dilation for axis in op.windows(shapes[0]))


def largest_when_run(layer: ExportedLayer[MaxPool], axes: Sequence[Axis]) -> str:
    """The largest cells under the taps, for padding that follows from extents which are not known before."""
    pairs, more = cells_when_run(layer)
    x = layer.pad(layer.input, grown(pairs, more), "zeros", -np.inf)
    if layer.always(spans):
        return layer.emit("MaxPool", x, dilations=dilations(axes), **window(axes, ((0, 0),) * len(axes)))
    for number, axis in enumerate(axes, start=2):
        windows = (layer.extent(x, number) - axis.reach) // axis.stride + 1
        starts = layer.emit("Mul", layer.range(windows), layer.integers("stride", [axis.stride]))
        column = layer.emit("Unsqueeze", starts, layer.integers("axes", [1]))
        cells = layer.emit("Add", column, layer.integers("taps", np.arange(axis.kernel) * axis.dilation))
        x = layer.reduce("ReduceMax", layer.emit("Gather", x, cells, axis=number), [number + 1], keepdims=False)
    return x


def grown(pairs: Sequence[tuple[Whole, Whole]], more: Sequence[Whole]) -> list[tuple[Whole, Whole]]:
    """Padding with what is behind it."""
    return [
        (begin, over + end if isinstance(end, int) and isinstance(over, Dimension) else end + over)
        for (begin, end), over in zip(pairs, more, strict=True)
    ]


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
    if not fixed_cells(layer, covering):
        return mean_when_run(layer, axes)
    if layer.op.count_include_pad and any(overhang(axes)):
        x = layer.pad(x, padding(axes), "zeros")
        return layer.emit("AveragePool", x, **window(axes, tuple((0, cells) for cells in overhang(axes))))
    counted = int(layer.op.count_include_pad)
    return layer.emit("AveragePool", x, count_include_pad=counted, **window(axes, covering(axes)))


def mean_when_run(layer: ExportedLayer[AvgPool], axes: Sequence[Axis]) -> str:
    """The mean over whole windows, divided by the share of their cells that count."""
    pairs, more = cells_when_run(layer)
    nowhere: list[tuple[Whole, Whole]] = [(0, 0)] * len(axes)
    plane = layer.vector("plane", (1, 1, *layer.dimensions[1:]))
    ones = layer.emit("Expand", layer.numbers("one", np.ones((1,) * (2 + len(axes)))), plane)
    if layer.op.count_include_pad:
        counted = layer.pad(layer.pad(ones, pairs, "zeros", 1.0), grown(nowhere, more), "zeros")
    else:
        counted = layer.pad(ones, grown(pairs, more), "zeros")
    whole = window(axes, ((0, 0),) * len(axes))
    means = layer.emit("AveragePool", layer.pad(layer.input, grown(pairs, more), "zeros"), **whole)
    return layer.emit("Div", means, layer.emit("AveragePool", counted, **whole))


def lppool(layer: ExportedLayer[LpPool]) -> str:
    axes = layer.op.windows(layer.shape)
    if not fixed_cells(layer, covering):
        x = layer.pad(layer.input, grown(*cells_when_run(layer)), "zeros")
        return layer.emit("LpPool", x, p=layer.op.p, **window(axes, ((0, 0),) * len(axes)))
    return layer.emit("LpPool", layer.input, p=layer.op.p, **window(axes, covering(axes)))


def subsample(layer: ExportedLayer[Subsample]) -> str:
    """The sum of a window is its mean times the number of its cells."""
    axes = layer.op.windows(layer.shape)
    mean = layer.emit("AveragePool", layer.input, **window(axes, padding(axes)))
    cells = layer.numbers("cells", product([axis.kernel for axis in axes]))
    return layer.affine(layer.emit("Mul", mean, cells))


def global_lppool(layer: ExportedLayer[GlobalLpPool]) -> str:
    """GlobalLpPool, or one window over the whole map: ONNX Runtime lacks the operator of opset 22."""
    if layer.opset >= 22 and layer.is_open:
        exponent, axes = float(layer.op.p), list(range(2, 2 + layer.rank))
        powers = layer.emit("Pow", layer.emit("Abs", layer.input), layer.numbers("p", exponent))
        return layer.emit("Pow", layer.reduce("ReduceSum", powers, axes, True), layer.numbers("root", 1 / exponent))
    if layer.opset >= 22:
        return layer.emit("LpPool", layer.input, p=layer.op.p, kernel_shape=list(layer.shape.spatial))
    return layer.emit("GlobalLpPool", layer.input, p=layer.op.p)


REDUCTIONS = {"sum": "ReduceSum", "mean": "ReduceMean", "max": "ReduceMax", "min": "ReduceMin", "norm": "ReduceL2"}


def reduced(layer: ExportedLayer[Reduce]) -> str:
    return layer.reduce(REDUCTIONS[layer.op.by], layer.input, [layer.op.axis + 1], keepdims=True)


def adaptive(layer: ExportedLayer[AdaptivePool]) -> str:
    """A pool with equal windows where the sizes divide, otherwise windows gathered along one axis after another."""
    mean = isinstance(layer.op, AdaptiveAvgPool)
    if layer.is_open:
        return adaptive_when_run(layer, mean)
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


def adaptive_when_run(layer: ExportedLayer[AdaptivePool], mean: bool) -> str:
    """The same for extents that are not known before."""
    x = layer.input
    regions = per_axis(layer.argument("size"), layer.rank, "size")
    for axis, (size, count) in enumerate(zip(layer.dimensions[1:], regions, strict=True), start=2):
        if isinstance(count, int) and count == 1:
            x = layer.reduce("ReduceMean" if mean else "ReduceMax", x, [axis], keepdims=True)
            continue
        index, cells = layer.range(count), layer.tensor(size)
        begins = layer.emit("Div", layer.emit("Mul", index, cells), layer.tensor(count))
        behind = layer.emit("Mul", layer.emit("Add", index, layer.integers("one", [1])), cells)
        last = layer.tensor(count - 1)
        ends = layer.emit("Div", layer.emit("Add", behind, last), layer.tensor(count))
        lengths = layer.emit("Sub", ends, begins)
        longest = layer.emit("ReduceMax", lengths, keepdims=1)
        column = [layer.emit("Unsqueeze", one, layer.integers("axes", [1])) for one in (begins, ends, lengths)]
        reached = layer.emit("Add", column[0], layer.range(Dimension(layer, longest)))
        held = layer.emit("Min", reached, layer.emit("Sub", column[1], layer.integers("one", [1])))
        gathered = layer.emit("Gather", x, held, axis=axis)
        if mean:
            real = layer.emit("Cast", layer.emit("Less", reached, column[1]), to=TensorProto.FLOAT)
            shares = layer.emit("Div", real, layer.emit("Cast", column[2], to=TensorProto.FLOAT))
            after = layer.rank + 1 - axis
            if after:
                shares = layer.emit("Unsqueeze", shares, layer.integers("axes", range(2, 2 + after)))
            x = layer.reduce("ReduceSum", layer.emit("Mul", gathered, shares), [axis + 1], keepdims=False)
        else:
            x = layer.reduce("ReduceMax", gathered, [axis + 1], keepdims=False)
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
