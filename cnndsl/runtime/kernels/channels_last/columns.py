"""Convolution as a matrix product over unfolded windows (im2col; Chellapilla, Puri, Simard 2006), strip by strip.

The windows of a strip of output rows become the rows of a matrix (cells, kernel*C), which is multiplied with the
weights (kernel*C, filters). With the channels last, a window's row of cells is contiguous and copies in one run of
kernel width * C numbers. A strip is as large as lets the product run at full speed, and no larger, because its columns
should stay in cache. Chosen wherever nothing better is: any kernel, stride, dilation and groups, any rank.

Few cells and many filters (7x7 maps): the columns are unfolded once, then the product is cut along the filters, so
that no weight is read twice.
"""

from collections.abc import Sequence
from functools import partial
from math import prod

import numpy as np

from cnndsl.runtime.kernels.arrays import Array, Sizes
from cnndsl.runtime.kernels.channels_last import matrix as matrix_product
from cnndsl.runtime.kernels.channels_last.strips import (
    FLOAT,
    Call,
    Finish,
    Phases,
    Strip,
    Window,
    bytes_between,
    fill_halo,
    matrix,
    strips,
)


def pack(weight: Array, groups: int = 1) -> Array:
    """PyTorch's (F, C/groups, *kernel) as (groups, kernel*C/groups, F/groups), contiguous."""
    filters, channels, *kernel = weight.shape
    last = np.moveaxis(weight.reshape(groups, filters // groups, channels, *kernel), 2, -1)
    return np.ascontiguousarray(last.reshape(groups, filters // groups, -1).transpose(0, 2, 1))


def scratch(window: Window, shape: Sizes, sample_parts: int, row_parts: int) -> int:
    """The float32 numbers a thread needs: the halo of its strip and the columns."""
    most = 0
    for strip in strips(window, shape, sample_parts, row_parts):
        cells = prod(strip.size(window)) * prod(window.kernel) * shape[-1]
        most = max(most, (prod(strip.halo) if strip.inner else 0) + cells)
    return most


def convolve(x: Array, weight: Array, finish: Finish, window: Window, sample_parts: int, row_parts: int) -> Phases:
    """``x`` (N, *spatial, C), ``weight`` from :func:`pack`: fills ``finish.out`` (N, *output, F)."""
    tasks = []
    for strip in strips(window, x.shape, sample_parts, row_parts):
        unfold = _Unfold(x, window, strip, len(weight))
        tasks.append(partial(_multiply, unfold, weight, matrix(finish.out[strip.part]), finish.at(strip.part)))
    return [tasks]


def convolve_by_filters(
    x: Array, weights: Sequence[Array], finish: Finish, window: Window, columns: Array, row_parts: int
) -> Phases:
    """The same in two phases, for one group; the threads share ``columns`` (N, *output, *kernel, C). ``weights`` are
    those of :func:`pack` in parts of :func:`blocks.pack_parts`.
    """
    unfolding = [
        partial(_fill, _Unfold(x, window, strip, 1), columns[strip.part])
        for strip in strips(window, x.shape, len(x), row_parts)
    ]
    rows = columns.reshape(prod(columns.shape[: x.ndim - 1]), -1)
    return [unfolding, *matrix_product.by_filters(rows, weights, finish.flat())]


class _Unfold:
    """Copies the windows of a strip to columns: (n, *output, *kernel, C), or (groups, n, ..., C/groups)."""

    def __init__(self, x: Array, window: Window, strip: Strip, groups: int) -> None:
        self.source = x[strip.source]
        self.strip = strip
        self.padded = strip.inner is not None
        self.offset = prod(strip.halo) * FLOAT.itemsize if self.padded else 0
        sample, *between, channel = bytes_between(strip.halo) if self.padded else self.source.strides
        channels = x.shape[-1] // groups
        shape = (*strip.size(window), *window.kernel, channels)
        moves = (step * bytes_ for step, bytes_ in zip(window.stride, between, strict=True))
        taps = (step * bytes_ for step, bytes_ in zip(window.dilation, between, strict=True))
        strides = (sample, *moves, *taps, channel)
        self.shape = shape if groups == 1 else (groups, *shape)
        self.strides = strides if groups == 1 else (channels * channel, *strides)
        self.view = None if self.padded else np.lib.stride_tricks.as_strided(self.source, self.shape, self.strides)

    def __call__(self, columns: Array, scratch: Array) -> None:
        if self.view is not None:
            np.copyto(columns, self.view)
            return
        halo = np.ndarray(self.strip.halo, FLOAT, scratch)
        fill_halo(halo, self.source, self.strip.inner, 0)
        np.copyto(columns, np.ndarray(self.shape, FLOAT, halo, 0, self.strides))


def _multiply(unfold: _Unfold, weight: Array, out: Array, after: tuple[Call, ...], scratch: Array) -> None:
    groups, links, filters = weight.shape
    columns = np.ndarray(unfold.shape, FLOAT, scratch, unfold.offset)
    unfold(columns, scratch)
    if groups == 1:
        np.matmul(columns.reshape(-1, links), weight[0], out)
    else:
        parts = np.lib.stride_tricks.as_strided(
            out, (groups, len(out), filters), (filters * out.itemsize, *out.strides)
        )
        np.matmul(columns.reshape(groups, -1, links), weight, parts)
    for call in after:
        call()


def _fill(unfold: _Unfold, columns: Array, scratch: Array) -> None:
    unfold(columns, scratch)
