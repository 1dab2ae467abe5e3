"""Depthwise convolution: every channel has a filter of its own, so there is no matrix product to be had.

``einsum`` multiplies the cells under every tap with that tap's weights, one a channel, and adds up, in one pass: an
output row stays in cache while the taps go over it. Its inner loop runs over the innermost contiguous axes; where rows
stay whole the weights are repeated for all cells of a row, so that the loop is thousands of numbers long. With a stride
the halo is sorted by remainders, and the taps of one remainder are a pass. (A block diagonal matrix product would be no
faster: it multiplies with many zeros.)
"""

from collections.abc import Sequence
from functools import partial
from math import prod
from typing import Any, NamedTuple

import numpy as np

from cnndsl.arrays import Array
from cnndsl.runtime.kernels.arrays import Sizes
from cnndsl.runtime.kernels.channels_last import gather, remainders
from cnndsl.runtime.kernels.channels_last.gather import Cells, Outside
from cnndsl.runtime.kernels.channels_last.strips import (
    FLOAT,
    Call,
    Finish,
    Phases,
    Strip,
    Window,
    bytes_between,
    strips,
)

LOOP = 1 << 15
"""As long as inner loops shall be made, in numbers."""


def pack(weight: Array, window: Window) -> list[Array]:
    """PyTorch's (C, 1, *kernel) as (*kernel, cells, C): repeated for a divisor of a row's cells, where rows stay whole.
    An array for each pass, with its taps of the last axis.
    """
    channels = len(weight)
    across = window.output[-1] if len(window.output) > 1 else 1
    cells = max(n for n in range(1, across + 1) if across % n == 0 and (n == 1 or n * channels <= LOOP))
    last = np.moveaxis(weight[:, 0], 0, -1)[..., None, :]
    passes = [last[..., taps, :, :] for taps in remainders.taps(window)]
    return [np.ascontiguousarray(np.repeat(some, cells, axis=-2)) for some in passes]


def scratch(window: Window, shape: Sizes, sample_parts: int, row_parts: int) -> int:
    """The float32 numbers a thread needs: the halo, its cells where they lie apart, with a stride the sum of a pass."""
    parts = strips(window, shape, sample_parts, row_parts)
    passes = 1 if window.stride[-1] > 1 else 0
    most = max(remainders.numbers(strip, window) + passes * prod(strip.size(window)) * shape[-1] for strip in parts)
    return most + gather.scratch(parts, shape)


def convolve(
    x: Array,
    weights: Sequence[Array],
    finish: Finish,
    window: Window,
    sample_parts: int,
    row_parts: int,
    outside: Outside,
) -> Phases:
    """``x`` (N, *spatial, C), ``weights`` from :func:`pack`: fills ``finish.out`` (N, *output, C)."""
    tasks = []
    if finish.out.strides[-2] != x.shape[-1] * FLOAT.itemsize:  # the output's cells lie apart
        weights = [np.ascontiguousarray(weight[..., :1, :]) for weight in weights]
    for strip in strips(window, x.shape, sample_parts, row_parts):
        taps = _Taps(x, strip, window, weights, finish.out[strip.part], outside)
        tasks.append(finish.task(strip.part, _strip, taps, reads=[taps.cells.source]))
    return [tasks]


def tables(window: Window, shape: Sizes, sample_parts: int, row_parts: int) -> dict[tuple[Any, ...], int]:
    """The tables of numbers for ``shape`` (N, *spatial, C), see :func:`gather.table_sizes`."""
    found = {}
    for strip in strips(window, shape, sample_parts, row_parts):
        halo, by_remainder = sorted_halo(strip, window)
        found.update(gather.table_sizes(by_remainder, [halo], shape))
    return found


def sorted_halo(strip: Strip, window: Window) -> tuple[Strip, Window]:
    """The halo by remainders as what a window reads that has a tap for each."""
    stride, _, *extents, _ = remainders.halo_shape(strip, window)
    step = (*(1 for _ in extents[1:]), stride)
    return strip._replace(rows=slice(0, extents[0])), Window(step, step, (1,) * len(step), window.begin, tuple(extents))


class _Pass(NamedTuple):
    """Some of the taps: the cells under them as a view of the halo, and their weights."""

    offset: int
    shape: Sizes
    strides: Sizes
    weight: Array


class _Taps:
    """The cells under the taps of a strip. The last spatial axis and the channels are one axis, cut into pieces as long
    as the weights are; of a cell each where the output's cells are apart.
    """

    def __init__(
        self, x: Array, strip: Strip, window: Window, weights: Sequence[Array], out: Array, outside: Outside
    ) -> None:
        self.halo = remainders.halo_shape(strip, window)
        self.cells = Cells(x, *sorted_halo(strip, window), outside, taps_first=True)
        part, sample, *between, _ = bytes_between(self.halo)
        moves = [step * bytes_ for step, bytes_ in zip(window.stride[:-1], between[:-1], strict=True)]
        *outer, across = strip.size(window)
        cells, channels = weights[0].shape[-2:]
        self.shape = (*outer, across // cells, cells * channels)
        strides = (sample, *moves, cells * between[-1], FLOAT.itemsize)
        self.out = np.lib.stride_tricks.as_strided(
            out, self.shape, (*out.strides[:-2], cells * out.strides[-2], FLOAT.itemsize)
        )
        down = [dilation * bytes_ for dilation, bytes_ in zip(window.dilation[:-1], between[:-1], strict=True)]
        self.passes = []
        for taps, weight in zip(remainders.taps(window), weights, strict=True):
            first = remainders.tap_offset((*(0,) * len(down), taps.start), window, (part, *between))
            step = remainders.tap_step(window) * between[-1]
            rows = weight.reshape(*weight.shape[:-2], cells * channels)
            self.passes.append(_Pass(first, (*self.shape, *rows.shape[:-1]), (*strides, *down, step), rows))
        # Axes by number: those of the output, then those of the kernel.
        self.out_axes = list(range(len(self.shape)))
        self.tap_axes = list(range(len(self.shape), len(self.shape) + len(window.kernel)))

    def sum(self, some: _Pass, halo: Array, out: Array) -> Call:
        under = np.ndarray(some.shape, FLOAT, halo, some.offset, some.strides)
        of_weight = [*self.tap_axes, self.out_axes[-1]]
        of_cells = [*self.out_axes, *self.tap_axes]
        return partial(np.einsum, under, of_cells, some.weight, of_weight, self.out_axes, out=out)


def _strip(taps: _Taps, scratch: Array) -> list[Call]:
    halo = np.ndarray(taps.halo, FLOAT, scratch)
    first, *others = taps.passes
    calls = taps.cells.gather(halo.reshape(taps.cells.shape), scratch[halo.size :])
    calls.append(taps.sum(first, halo, taps.out))
    for some in others:
        product = np.ndarray(taps.shape, FLOAT, scratch, halo.nbytes)
        calls += [taps.sum(some, halo, product), partial(np.add, taps.out, product, taps.out)]
    return calls
