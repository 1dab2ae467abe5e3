"""Depthwise convolution: every channel has a filter of its own, so there is no matrix product to be had.

``einsum`` multiplies the cells under every tap with that tap's weights, one a channel, and adds up, in one pass: an
output row stays in cache while the taps go over it. Its inner loop runs over the innermost contiguous axes; where rows
stay whole the weights are repeated for all cells of a row, so that the loop is thousands of numbers long. With a stride
the halo is sorted by remainders, and the taps of one remainder are a pass. (A block diagonal matrix product would be no
faster: it multiplies with many zeros.)
"""

from functools import partial
from math import prod
from typing import Any, NamedTuple

import numpy as np

from cnndsl.runtime.kernels.arrays import Array, Sizes
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


def pack(weight: Array, output: Sizes) -> Array:
    """PyTorch's (C, 1, *kernel) as (taps, cells, C): repeated for a divisor of a row's cells, where rows stay whole."""
    channels = len(weight)
    across = output[-1] if len(output) > 1 else 1
    taps = weight.reshape(channels, -1).T
    cells = max(n for n in range(1, across + 1) if across % n == 0 and (n == 1 or n * channels <= LOOP))
    return np.ascontiguousarray(np.repeat(taps[:, None], cells, axis=1))


def scratch(window: Window, shape: Sizes, row_parts: int) -> int:
    """The float32 numbers a thread needs: the halo, its cells where they lie apart, with a stride the sum of a pass."""
    parts = strips(window, shape, shape[0], row_parts)
    passes = 1 if window.stride[-1] > 1 else 0
    most = max(remainders.numbers(strip, window) + passes * prod(strip.size(window)) * shape[-1] for strip in parts)
    return most + gather.scratch(parts, shape)


def convolve(x: Array, weight: Array, finish: Finish, window: Window, row_parts: int, outside: Outside) -> Phases:
    """``x`` (N, *spatial, C), ``weight`` from :func:`pack`: fills ``finish.out`` (N, *output, C)."""
    tasks = []
    for strip in strips(window, x.shape, len(x), row_parts):
        taps = _Taps(x, strip, window, weight, finish.out[strip.part], outside)
        tasks.append(finish.task(strip.part, _strip, taps, reads=[taps.cells.source]))
    return [tasks]


def tables(window: Window, shape: Sizes, row_parts: int) -> dict[tuple[Any, ...], int]:
    """The tables of numbers for ``shape`` (N, *spatial, C), see :func:`gather.table_sizes`."""
    found = {}
    for strip in strips(window, shape, shape[0], row_parts):
        halo, by_remainder = _sorted(strip, window)
        found.update(gather.table_sizes(by_remainder, [halo], shape))
    return found


def _sorted(strip: Strip, window: Window) -> tuple[Strip, Window]:
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

    def __init__(self, x: Array, strip: Strip, window: Window, weight: Array, out: Array, outside: Outside) -> None:
        self.halo = remainders.halo_shape(strip, window)
        self.cells = Cells(x, *_sorted(strip, window), outside, taps_first=True)
        part, sample, *between, _ = bytes_between(self.halo)
        moves = [step * bytes_ for step, bytes_ in zip(window.stride[:-1], between[:-1], strict=True)]
        *outer, across = strip.size(window)
        cells, channels = weight.shape[1:]
        if out.strides[-2] != channels * FLOAT.itemsize:
            weight, cells = weight[:, :1], 1
        self.shape = (*outer, across // cells, cells * channels)
        strides = (sample, *moves, cells * between[-1], FLOAT.itemsize)
        self.out = np.lib.stride_tricks.as_strided(
            out, self.shape, (*out.strides[:-2], cells * out.strides[-2], FLOAT.itemsize)
        )
        down = [dilation * bytes_ for dilation, bytes_ in zip(window.dilation[:-1], between[:-1], strict=True)]
        weights = weight.reshape(*window.kernel, cells * channels)
        self.passes = []
        for taps in remainders.taps(window):
            first = remainders.tap_offset((*(0,) * len(down), taps.start), window, (part, *between))
            step = remainders.tap_step(window) * between[-1]
            count = len(range(taps.start, taps.stop, taps.step))
            self.passes.append(
                _Pass(
                    first,
                    (*self.shape, *window.kernel[:-1], count),
                    (*strides, *down, step),
                    np.ascontiguousarray(weights[..., taps, :]),
                )
            )
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
