"""Windows over the spatial axes, as views."""

from collections.abc import Iterator
from functools import reduce

import numpy as np

from cnndsl.arrays import Array
from cnndsl.runtime.kernels.arrays import Padding, PadMode, Sizes
from cnndsl.runtime.kernels.shaping import pad


def cover(
    x: Array,
    *,
    kernel: Sizes,
    stride: Sizes,
    dilation: Sizes,
    padding: Padding,
    output: Sizes,
    mode: PadMode = "zeros",
    value: float = 0.0,
) -> Array:
    """``x`` (N, C, *spatial) grown so that each of the ``output`` windows has all its cells.

    Padding is filled as ``mode`` says (``value`` where that is ``"zeros"``); cells beyond it, over which the last
    windows of a pool with ``ceil_mode`` hang, hold ``value``. Without either the result is ``x`` itself.
    """
    padded = pad(x, padding, mode=mode, value=value)
    overhang = tuple(
        (0, max(0, (o - 1) * s + (k - 1) * d + 1 - extent))
        for o, s, k, d, extent in zip(output, stride, kernel, dilation, padded.shape[2:], strict=True)
    )
    return pad(padded, overhang, value=value)


def windows(x: Array, *, kernel: Sizes, stride: Sizes, dilation: Sizes, output: Sizes) -> Array:
    """A read-only view (N, C, *kernel, *output): element [n, c, t, o] is ``x[n, c, o * stride + t * dilation]``."""
    rank = len(kernel)
    span = tuple((k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True))
    every = np.lib.stride_tricks.sliding_window_view(x, span, axis=tuple(range(2, 2 + rank)))
    positions = tuple(slice(0, (o - 1) * s + 1, s) for o, s in zip(output, stride, strict=True))
    taps = tuple(slice(None, None, d) for d in dilation)
    view = every[(slice(None), slice(None), *positions, *taps)]
    return view.transpose(0, 1, *range(2 + rank, 2 + 2 * rank), *range(2, 2 + rank))


def taps_along(x: Array, axis: int, *, kernel: int, stride: int, dilation: int, output: int) -> Iterator[Array]:
    """For each tap of a window along ``axis``, the cells of ``x`` under that tap: views with ``output`` cells there."""
    before = (slice(None),) * axis
    for tap in range(kernel):
        begin = tap * dilation
        yield x[(*before, slice(begin, begin + (output - 1) * stride + 1, stride))]


def cells_that_count(
    *,
    kernel: Sizes,
    stride: Sizes,
    dilation: Sizes,
    padding: Padding,
    output: Sizes,
    spatial: Sizes,
    with_padding: bool,
) -> Array:
    """How many of a window's cells are real, or with ``with_padding`` real or padding: (*output).

    Cells beyond the padding, over which the last windows of ``ceil_mode`` hang, never count (PyTorch and ONNX Runtime).
    """
    counts = []
    for extent, k, s, d, (begin, end), o in zip(spatial, kernel, stride, dilation, padding, output, strict=True):
        ahead = np.arange(o) * s - begin  # the cell under the first tap
        first, stop = (-begin, extent + end) if with_padding else (0, extent)
        # Tap t lies before a cell c where ahead + t*d < c: the first ceil((c - ahead)/d) of them.
        before = [np.clip(-((ahead - cell) // d), 0, k) for cell in (first, stop)]
        counts.append(before[1] - before[0])
    return np.asarray(reduce(np.multiply.outer, counts))
