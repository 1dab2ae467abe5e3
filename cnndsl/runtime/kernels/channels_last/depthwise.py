"""Depthwise convolution: every channel has a filter of its own, so there is no matrix product to be had.

For each tap the strip's cells under it are multiplied with that tap's weights, one a channel, and added up: 2*taps
passes over a strip small enough to stay in cache. NumPy's inner loop runs over the innermost contiguous axis; where
rows stay whole the weights are repeated for all cells of a row, so that the loop is thousands of numbers long. (A block
diagonal matrix product would be no faster: it multiplies with many zeros.)
"""

from functools import partial
from math import prod

import numpy as np

from cnndsl.runtime.kernels.arrays import Array, Sizes
from cnndsl.runtime.kernels.channels_last import remainders
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
    """The float32 numbers a thread needs: the halo and one product."""
    parts = strips(window, shape, shape[0], row_parts)
    return max(remainders.numbers(strip, window) + prod(strip.size(window)) * shape[-1] for strip in parts)


def convolve(x: Array, weight: Array, finish: Finish, window: Window, row_parts: int) -> Phases:
    """``x`` (N, *spatial, C), ``weight`` from :func:`pack`: fills ``finish.out`` (N, *output, C)."""
    tasks = []
    for strip in strips(window, x.shape, len(x), row_parts):
        taps = _Taps(x[strip.source], strip, window, weight.shape[1])
        tasks.append(partial(_strip, taps, weight, taps.pieces(finish.out[strip.part]), finish.at(strip.part)))
    return [tasks]


class _Taps:
    """The cells under each tap, as views of the halo; the last spatial axis in pieces as long as the weights are."""

    def __init__(self, source: Array, strip: Strip, window: Window, cells: int) -> None:
        self.parts = remainders.parts(source, strip, window)
        self.halo = remainders.halo_shape(strip, window)
        part, sample, *between, channel = bytes_between(self.halo)
        moves = [step * bytes_ for step, bytes_ in zip(window.stride[:-1], between[:-1], strict=True)]
        *outer, across = strip.size(window)
        self.shape = (*outer, across // cells, cells, source.shape[-1])
        self.strides = (sample, *moves, cells * between[-1], between[-1], channel)
        self.offsets = [remainders.tap_offset(tap, window, (part, *between)) for tap in np.ndindex(*window.kernel)]

    def pieces(self, out: Array) -> Array:
        """A strip of the output (n, *output, C) in the same pieces."""
        strides = (*out.strides[:-2], self.shape[-2] * out.strides[-2], *out.strides[-2:])
        return np.lib.stride_tricks.as_strided(out, self.shape, strides)


def _strip(taps: _Taps, weight: Array, total: Array, after: tuple[Call, ...], scratch: Array) -> None:
    halo = np.ndarray(taps.halo, FLOAT, scratch)
    remainders.fill(halo, taps.parts)
    product = np.ndarray(taps.shape, FLOAT, scratch, halo.nbytes)
    for index, offset in enumerate(taps.offsets):
        under = np.ndarray(taps.shape, FLOAT, halo, offset, taps.strides)
        if index:
            np.multiply(under, weight[index], product)
            np.add(total, product, total)
        else:
            np.multiply(under, weight[index], total)
    for call in after:
        call()
