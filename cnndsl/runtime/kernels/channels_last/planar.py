"""The first layer: windows of an image whose channels come first, as images do.

With one to four channels a window's row is too short to copy in runs. Unfolded the other way round, one row of columns
for each channel and tap, every copy is a whole row of cells, and the product takes the columns transposed, which BLAS
does at the same speed. The image needs no conversion to channels last. One more row, of ones, is multiplied with the
bias: there are few links, and so it takes less time than to add it to the outputs.
"""

from functools import partial
from math import prod

import numpy as np

from cnndsl.arrays import Array
from cnndsl.runtime.kernels.arrays import Sizes
from cnndsl.runtime.kernels.channels_last import blocks, remainders
from cnndsl.runtime.kernels.channels_last.blocks import Product
from cnndsl.runtime.kernels.channels_last.strips import (
    FLOAT,
    Call,
    Finish,
    Phases,
    Strip,
    Window,
    bytes_between,
    matrix,
    strips,
)


def pack(weight: Array, bias: Array) -> Array:
    """PyTorch's (F, C, *kernel) and (F,) as (C*kernel + 1, F) in blocks for many rows."""
    table = np.vstack((weight.reshape(len(weight), -1).T, bias))
    links, filters = table.shape
    return blocks.pack(table, blocks.block(2 * blocks.FEW_ROWS, links, filters, cut_links=False))


def scratch(window: Window, shape: Sizes, sample_parts: int, row_parts: int) -> int:
    """The float32 numbers a thread needs for ``shape`` (N, C, *spatial): the halo and the columns."""
    batch, channels, *spatial = shape
    links = prod(window.kernel) * channels + 1
    parts = strips(window, (batch, *spatial, channels), sample_parts, row_parts)
    return max(remainders.numbers(strip, window) + links * prod(strip.size(window)) for strip in parts)


def convolve(x: Array, weight: Array, finish: Finish, window: Window, sample_parts: int, row_parts: int) -> Phases:
    """``x`` (N, C, *spatial), ``weight`` from :func:`pack`: fills ``finish.out`` (N, *output, F)."""
    last = np.moveaxis(x, 1, -1)
    tasks = []
    for strip in strips(window, last.shape, sample_parts, row_parts):
        source, out = last[strip.source], matrix(finish.out[strip.part])
        unfold, multiply = _Unfold(source, strip, window), Product(weight[None], out[None])
        tasks.append(finish.task(strip.part, _multiply, unfold, multiply, reads=[source]))
    return [tasks]


class _Unfold:
    """Copies the windows of a strip to columns (C, *kernel, n, *output), all taps at once whose cells are equally far
    apart.
    """

    def __init__(self, source: Array, strip: Strip, window: Window) -> None:
        self.parts = remainders.parts(source, strip, window)
        self.padded = strip.inner is not None
        stride, sample, *extents, channels = remainders.halo_shape(strip, window)
        self.halo = (stride, sample, channels, *extents)
        self.last = (0, *range(2, source.ndim), 1)
        self.offset = prod(self.halo) * FLOAT.itemsize
        part, each, channel, *between = bytes_between(self.halo)
        down = [step * bytes_ for step, bytes_ in zip(window.dilation[:-1], between[:-1], strict=True)]
        moves = [step * bytes_ for step, bytes_ in zip(window.stride[:-1], between[:-1], strict=True)]
        strides = (channel, *down, remainders.tap_step(window) * between[-1], each, *moves, between[-1])
        *kernel, across = window.kernel
        output = strip.size(window)
        self.shape = (channels, *kernel, across, *output)
        self.copies = []
        for taps in remainders.taps(window):
            offset = remainders.tap_offset((*(0 for _ in kernel), taps.start), window, (part, *between))
            shape = (channels, *kernel, len(range(across)[taps]), *output)
            self.copies.append(((slice(None),) * (1 + len(kernel)), taps, offset, shape, strides))

    def calls(self, columns: Array, scratch: Array) -> list[Call]:
        halo = np.ndarray(self.halo, FLOAT, scratch)
        calls = remainders.fill(halo, self.parts, self.last, self.padded)
        for before, taps, offset, shape, strides in self.copies:
            under = np.ndarray(shape, FLOAT, halo, offset, strides)
            calls.append(partial(np.copyto, columns[(*before, taps)], under))
        return calls


def _multiply(unfold: _Unfold, multiply: Product, scratch: Array) -> list[Call]:
    _, rows, links = multiply.shape
    columns = np.ndarray((1, links, rows), FLOAT, scratch, unfold.offset)
    return [
        *unfold.calls(columns[0, :-1].reshape(unfold.shape), scratch),
        partial(columns[0, -1].fill, 1),
        *multiply.calls(columns.swapaxes(1, 2), scratch),
    ]
