"""Winograd's minimal filtering for depthwise kernels of 5 or 7 rows with stride 1, across the rows only.

A depthwise layer multiplies cells with weights, number by number, and that is slow (:mod:`depthwise`); products with a
matrix that all channels share are fast. F(4, 5) computes 4 neighbouring rows of outputs from 8 rows of inputs: a matrix
takes these to 8 points, at each the taps of *one* row are multiplied and added up, and another matrix takes the
results to the 4 rows. So an output needs 2 times 5 of the slow multiplications instead of 25; with F(3, 7) 3 times 7
instead of 49. A row of cells with all its channels is contiguous, and so both matrix products have long rows.

Points: infinity and those below, found by trying what errs least. F(4, 5) errs 3.5 times as much as the sum of all
products does, F(3, 7) 4.5 times; that sum is short and errs little. With F(4, 7) it is 7 times, and a small ConvNeXt V2
would err 1.7 times as much as ONNX Runtime instead of 1.3.

What it buys: of a layer's time a quarter with 5 rows and a third with 7, on maps of 7x7 to 56x56; that is 6 % of
ConvNeXt, 5 % of MNASNet, 4 % of EfficientNet and MobileNetV3. With 3 rows the transforms cost what they save. An
infinite input makes outputs of its tile NaN.
"""

from fractions import Fraction
from functools import partial
from math import prod
from typing import Any

import numpy as np

from cnndsl.arrays import Array
from cnndsl.runtime.kernels.arrays import Sizes
from cnndsl.runtime.kernels.channels_last import blocks, depthwise, gather
from cnndsl.runtime.kernels.channels_last.gather import Cells, Outside
from cnndsl.runtime.kernels.channels_last.strips import FLOAT, Call, Finish, Phases, Slices, Strip, Window, strips
from cnndsl.runtime.kernels.channels_last.winograd import Line, pairs

LOOP = 1 << 11
"""As long as inner loops shall be made, in numbers: there are weights for each of the points."""


LINES = {5: Line(5, Fraction(0), *pairs("1/2", "1", "2")), 7: Line(7, *pairs("1/4", "5/8", "9/8", "2"))}
"""The algorithm for so many rows of taps."""


def fits(window: Window) -> bool:
    """Whether a kernel can be computed so."""
    return len(window.kernel) == 2 and {*window.stride, *window.dilation} == {1} and window.kernel[0] in LINES


def tile_window(window: Window) -> Window:
    """The window whose rows of positions are the tiles: its cells are their inputs."""
    line = LINES[window.kernel[0]]
    kernel, output = (line.cells, window.kernel[1]), (line.tiles(window.output[0]), window.output[1])
    return Window(kernel, (line.tile, 1), (1, 1), window.begin, output)


def pack(weight: Array, window: Window) -> Array:
    """PyTorch's (C, 1, rows, columns) as (points, columns, cells * C), repeated for a divisor of a row's cells."""
    line, channels, across = LINES[window.kernel[0]], len(weight), window.output[1]
    cells = max(n for n in range(1, across + 1) if across % n == 0 and (n == 1 or n * channels <= LOOP))
    points = np.einsum("pr,crk->pkc", line.g, weight[:, 0].astype(np.float64))
    return np.ascontiguousarray(np.tile(points, cells), FLOAT)


def scratch(window: Window, shape: Sizes, sample_parts: int, row_parts: int) -> int:
    """The float32 numbers a thread needs for ``shape`` (N, H, W, C): the halo, values and products at the points."""
    tiles = tile_window(window)
    parts = strips(tiles, shape, sample_parts, row_parts)
    most = max(prod(strip.halo) + sum(map(prod, _at_points(strip, tiles))) for strip in parts)
    return most + gather.scratch(parts, shape)


def tables(window: Window, shape: Sizes, sample_parts: int, row_parts: int) -> dict[tuple[Any, ...], int]:
    """The tables of numbers for ``shape`` (N, H, W, C), see :func:`gather.table_sizes`."""
    return depthwise.tables(tile_window(window), shape, sample_parts, row_parts)


def convolve(
    x: Array, weight: Array, finish: Finish, window: Window, sample_parts: int, row_parts: int, outside: Outside
) -> Phases:
    """``x`` (N, H, W, C), ``weight`` from :func:`pack`: fills ``finish.out`` (N, OH, OW, C)."""
    line, tiles = LINES[window.kernel[0]], tile_window(window)
    tasks = []
    for strip in strips(tiles, x.shape, sample_parts, row_parts):
        rows = slice(strip.rows.start * line.tile, min(strip.rows.stop * line.tile, window.output[0]))
        part: Slices = (strip.samples, rows)
        some = _Tiles(line, x, strip, tiles, finish.out[part], outside)
        tasks.append(finish.task(part, some.calls, weight, reads=[some.cells.source]))
    return [tasks]


def _at_points(strip: Strip, tiles: Window) -> tuple[Sizes, Sizes]:
    """The shapes (n, tiles, points, numbers of a row) of the values at the points, and of their products."""
    samples, rows, across = strip.size(tiles)
    *_, seen, channels = strip.halo
    outer = (samples, rows, tiles.kernel[0])
    return (*outer, seen * channels), (*outer, across * channels)


class _Tiles:
    """A strip of rows of tiles, and its outputs."""

    def __init__(self, line: Line, x: Array, strip: Strip, tiles: Window, out: Array, outside: Outside) -> None:
        self.line, self.out = line, out
        self.halo = strip.halo
        self.columns = tiles.kernel[1]
        self.values, self.products = _at_points(strip, tiles)
        self.cells = Cells(x, *depthwise.sorted_halo(strip, tiles), outside, taps_first=True)

    def calls(self, weight: Array, scratch: Array) -> list[Call]:
        halo = np.ndarray(self.halo, FLOAT, scratch)
        values = np.ndarray(self.values, FLOAT, scratch, halo.nbytes)
        products = np.ndarray(self.products, FLOAT, scratch, halo.nbytes + values.nbytes)
        rest = scratch[halo.size + values.size + products.size :]
        sample, row, *_ = halo.strides
        inputs = np.ndarray(self.values, FLOAT, halo, 0, (sample, row * self.line.tile, row, FLOAT.itemsize))
        return [
            *self.cells.gather(halo.reshape(self.cells.shape), rest),
            blocks.transform(self.line.b.astype(FLOAT), inputs, values),
            self._multiply(values, weight, products),
            *self._back(products, values),
        ]

    def _multiply(self, values: Array, weight: Array, products: Array) -> Call:
        """The taps of a row at each point: cells and channels are one axis, cut into pieces as long as weights are."""
        *outer, seen = values.shape
        piece = weight.shape[-1]
        shape = (*outer, products.shape[-1] // piece, piece, self.columns)
        cell = seen * FLOAT.itemsize // self.halo[2]
        strides = (*values.strides[:-1], piece * FLOAT.itemsize, FLOAT.itemsize, cell)
        under = np.ndarray(shape, FLOAT, values, 0, strides)
        result = products.reshape(shape[:-1])
        return partial(np.einsum, under, [0, 1, 2, 3, 4, 5], weight, [2, 5, 4], [0, 1, 2, 3, 4], out=result)

    def _back(self, products: Array, spare: Array) -> list[Call]:
        """To rows of the output; the last tiles may be cut off. Where its cells lie apart, from ``spare``."""
        samples, height, *_ = self.out.shape
        width = products.shape[-1]
        apart = not self.out.flags.c_contiguous
        rows = np.ndarray((samples, height, width), FLOAT, spare) if apart else self.out.reshape(samples, height, width)
        matrix = self.line.a.astype(FLOAT)
        whole, rest = divmod(height, self.line.tile)
        calls = []
        if whole:
            out = rows[:, : height - rest].reshape(samples, whole, self.line.tile, width)
            calls.append(blocks.transform(matrix, products[:, :whole], out))
        if rest:
            calls.append(blocks.transform(matrix[:rest], products[:, whole], rows[:, height - rest :]))
        if apart:
            calls.append(partial(np.copyto, self.out, rows.reshape(self.out.shape)))
        return calls
