"""Pooling: windows, whole maps, and a given number of regions.

Maxima and sums over a box are maxima and sums along one axis after another, so the work grows with the sum of the
kernel's sides, not with their product.
"""

import numpy as np
from numpy.typing import NDArray

from cnndsl.arrays import Array
from cnndsl.runtime.kernels.arrays import Padding, Sizes, per_channel
from cnndsl.runtime.kernels.windows import cells_that_count, cover, taps_along


def max_pool(x: Array, *, kernel: Sizes, stride: Sizes, dilation: Sizes, padding: Padding, output: Sizes) -> Array:
    """The largest real cell of each window: (N, C, *spatial) to (N, C, *output). NaN propagates; padding never wins."""
    padded = cover(x, kernel=kernel, stride=stride, dilation=dilation, padding=padding, output=output, value=-np.inf)
    return _reduce_windows(np.maximum, padded, kernel, stride, dilation, output)


def average_pool(
    x: Array,
    *,
    kernel: Sizes,
    stride: Sizes,
    dilation: Sizes,
    padding: Padding,
    output: Sizes,
    count_include_pad: bool,
) -> Array:
    """The mean of each window: (N, C, *spatial) to (N, C, *output).

    Only real cells count, or with ``count_include_pad`` padding as zeros too; cells beyond the padding, over which the
    last windows of ``ceil_mode`` hang, never do (PyTorch and ONNX Runtime). A window without a cell gives 0.
    """
    sums = _window_sums(x, kernel, stride, dilation, padding, output)
    counts = cells_that_count(
        kernel=kernel,
        stride=stride,
        dilation=dilation,
        padding=padding,
        output=output,
        spatial=x.shape[2:],
        with_padding=count_include_pad,
    )
    sums /= np.maximum(counts, 1).astype(x.dtype)
    return sums


def lp_pool(
    x: Array,
    *,
    kernel: Sizes,
    stride: Sizes,
    dilation: Sizes,
    padding: Padding,
    output: Sizes,
    p: float,
) -> Array:
    """The p-norm of each window, (sum |x|^p)^(1/p): (N, C, *spatial) to (N, C, *output) (ONNX LpPool)."""
    sums = _window_sums(_absolute_power(x, p), kernel, stride, dilation, padding, output)
    return _root(sums, p)


def subsample(x: Array, weight: Array, bias: Array, *, kernel: Sizes, stride: Sizes, output: Sizes) -> Array:
    """LeCun et al. 1998, section II.B: per channel, coefficient * sum of the window + bias.

    ``x`` (N, C, *spatial), ``weight`` and ``bias`` (C,): (N, C, *output).
    """
    ones, no_padding = (1,) * len(kernel), ((0, 0),) * len(kernel)
    sums = _window_sums(x, kernel, stride, ones, no_padding, output)
    sums *= per_channel(weight, x)
    sums += per_channel(bias, x)
    return sums


def global_max_pool(x: Array) -> Array:
    """The largest cell of each channel: (N, C, *spatial) to (N, C, 1...)."""
    largest: Array = x.max(axis=_spatial_axes(x), keepdims=True)
    return largest


def global_average_pool(x: Array) -> Array:
    """The mean of each channel: (N, C, *spatial) to (N, C, 1...) (Lin et al. 2013, section 3.2)."""
    mean: Array = x.mean(axis=_spatial_axes(x), keepdims=True)
    return mean


def global_lp_pool(x: Array, p: float) -> Array:
    """The p-norm of each channel, (sum |x|^p)^(1/p): (N, C, *spatial) to (N, C, 1...)."""
    return _root(_absolute_power(x, p).sum(axis=_spatial_axes(x), keepdims=True), p)


def reduce(x: Array, axis: int, by: str) -> Array:
    """Axis ``axis`` (0 the channels) in one cell: its sum, mean, largest, least or Euclidean norm."""
    if by == "norm":
        return np.asarray(np.sqrt(np.square(x).sum(axis=axis + 1, keepdims=True)))
    return np.asarray(getattr(x, by)(axis=axis + 1, keepdims=True))


def adaptive_average_pool(x: Array, output: Sizes) -> Array:
    """The mean of each of ``output`` regions: (N, C, *spatial) to (N, C, *output).

    Region i of o along an axis of n cells is floor(i*n/o) to ceil((i+1)*n/o) - 1, as in PyTorch: regions may overlap.
    """
    for axis, regions in enumerate(output, start=2):
        cells, inside = _regions(x.shape[axis], regions)
        gathered = np.moveaxis(x, axis, -1)[..., cells]
        sums = gathered.sum(axis=-1, where=inside)
        x = np.moveaxis(sums / inside.sum(axis=1).astype(x.dtype), -1, axis)
    return x


def adaptive_max_pool(x: Array, output: Sizes) -> Array:
    """The largest cell of each of ``output`` regions (see :func:`adaptive_average_pool`): (N, C, *output)."""
    for axis, regions in enumerate(output, start=2):
        cells, _ = _regions(x.shape[axis], regions)
        x = np.moveaxis(np.moveaxis(x, axis, -1)[..., cells].max(axis=-1), -1, axis)
    return x


def _reduce_windows(
    combine: np.ufunc, padded: Array, kernel: Sizes, stride: Sizes, dilation: Sizes, output: Sizes
) -> Array:
    """``combine`` over each window, one axis after another."""
    for axis, (k, s, d, o) in enumerate(zip(kernel, stride, dilation, output, strict=True), start=2):
        views = taps_along(padded, axis, kernel=k, stride=s, dilation=d, output=o)
        total = next(views).copy()
        for view in views:
            combine(total, view, out=total)
        padded = total
    return padded


def _window_sums(x: Array, kernel: Sizes, stride: Sizes, dilation: Sizes, padding: Padding, output: Sizes) -> Array:
    padded = cover(x, kernel=kernel, stride=stride, dilation=dilation, padding=padding, output=output)
    return _reduce_windows(np.add, padded, kernel, stride, dilation, output)


def _absolute_power(x: Array, p: float) -> Array:
    if p == 2:
        return np.square(x)
    powers: Array = np.abs(x) ** p
    return powers


def _root(sums: Array, p: float) -> Array:
    if p == 2:
        return np.sqrt(sums)
    roots: Array = sums ** (1 / p)
    return roots


def _spatial_axes(x: Array) -> Sizes:
    return tuple(range(2, x.ndim))


def _regions(extent: int, regions: int) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """The cells of each adaptive region, rows filled up with their last cell, and which are no such filling."""
    index = np.arange(regions)
    begins, ends = index * extent // regions, -((index + 1) * -extent // regions)
    cells = begins[:, None] + np.arange((ends - begins).max())
    return np.minimum(cells, ends[:, None] - 1), cells < ends[:, None]
