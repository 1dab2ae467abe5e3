"""Winograd's minimal filtering for small kernels with stride 1 (Lavin and Gray 2016).

What: F(4, 3) computes 4 neighbouring outputs of a 3-tap filter from 6 inputs with 6 products instead of 12; nested in
both directions, a 4x4 tile of outputs takes 36 products instead of 144. F(2, 3) computes 2 outputs from 4 inputs, 2x2
tiles with 16 products instead of 36. A kernel of one column or row is filtered along it alone: F(4x1, 3x1) takes 6
products instead of 12, F(2x1, 7x1) 8 instead of 14.

Derivation (Toom and Cook; Winograd 1980): the outputs are coefficients of a product of polynomials. A polynomial of
degree 5 is determined by its values at 6 points, and a value of a product is the product of values. ``G`` evaluates the
filter at the points (divided by the Lagrange denominators), the transpose of the evaluation of the output, ``B``, takes
the inputs to them, and ``A`` goes back: ``y = A ((G g) * (B d))``, in two dimensions
``Y = A ((G g G') * (B d B')) A'``. All follow from the points: :func:`toom_cook`.

Points: infinity, and for F(2, 3) the usual 0, 1 and -1. For F(4, 3) 0, ±5/7 and ±3/2: with the usual 0, ±1 and ±2 the
largest errors are four times as large, as larger terms of either sign cancel (Barabasz et al. 2018 looked for points).
The fractions cost nothing, as the transforms are matrix products: the rows of ``B`` and the columns of ``A`` are scaled
to whole numbers and these to about 1 by powers of two, which float32 holds exactly; ``G`` makes up for the scales, and
is applied in float64.

How: nested transforms are Kronecker products, so a tile's 36 inputs become 36 values by one 36x36 matrix, for all tiles
and channels of a strip at once. For each of the 36 points the sum over channels is then a product of (tiles, C) with
(C, filters), and a 16x36 matrix takes the results to the 4x4 outputs. All are plain matrix products.

When: F(4, 3) on all but small maps; the last tiles of an axis may be cut off, and there are four times as many weights
to read. On a 7x7 map F(2, 3) has less than half as many, and four times as many tiles for each. F(2, 7)
saves a tenth of Inception v3's time; F(2, 5) on 5x5 kernels would save 5 % of AlexNet's and errs too much. An infinite
input makes all outputs of its tiles NaN: the transform subtracts infinities.
"""

from collections.abc import Sequence
from fractions import Fraction
from functools import partial
from math import lcm, prod
from typing import NamedTuple, TypeAlias

import numpy as np

from cnndsl.arrays import Array
from cnndsl.runtime.kernels.arrays import Sizes
from cnndsl.runtime.kernels.channels_last import blocks, gather
from cnndsl.runtime.kernels.channels_last.blocks import Product
from cnndsl.runtime.kernels.channels_last.gather import Cells, Outside
from cnndsl.runtime.kernels.channels_last.strips import (
    FLOAT,
    PER_CHANNEL,
    Call,
    Finish,
    Follower,
    Phases,
    Slices,
    Strip,
    Window,
    split,
    strips,
)
from cnndsl.shapes import extents

Matrix: TypeAlias = list[list[Fraction]]


def toom_cook(points: Sequence[Fraction], taps: int) -> tuple[Matrix, Matrix, Matrix]:
    """``B``, ``G`` and ``A`` for the points and infinity, exactly; rows of B and columns of A are whole numbers."""
    b, g, columns = [], [], []
    tile = len(points) + 2 - taps
    for point in points:
        others = [other for other in points if other != point]
        denominator = prod((point - other for other in others), start=Fraction(1))
        b.append([*_with_zeros_at(others), Fraction(0)])
        g.append([point**power / denominator for power in range(taps)])
        columns.append([point**power for power in range(tile)])
    b.append(_with_zeros_at(points))
    g.append([Fraction(power == taps - 1) for power in range(taps)])
    columns.append([Fraction(power == tile - 1) for power in range(tile)])
    for numbers in (b, columns):
        for row, of_filter in zip(numbers, g, strict=True):
            scale = lcm(*(number.denominator for number in row))
            row[:] = [number * scale for number in row]
            of_filter[:] = [number / scale for number in of_filter]
    return b, g, [list(row) for row in zip(*columns, strict=True)]


def _with_zeros_at(points: Sequence[Fraction]) -> list[Fraction]:
    """The coefficients of the polynomial ``(x - p) (x - q) ...``, lowest powers first."""
    coefficients = [Fraction(1)]
    for point in points:
        above, below = [Fraction(0), *coefficients], [*coefficients, Fraction(0)]
        coefficients = [high - point * low for high, low in zip(above, below, strict=True)]
    return coefficients


class Line:
    """One of Winograd's algorithms along an axis: the taps, the outputs and inputs of a tile, and its matrices."""

    def __init__(self, taps: int, *points: Fraction) -> None:
        exact = toom_cook(points, taps)
        b, g, a = (np.array(matrix, np.float64) for matrix in exact)
        rows, columns = (np.exp2(-np.round(np.log2(np.linalg.norm(m, axis=1)))) for m in (b, a.T))
        self.b, self.g, self.a = b * rows[:, None], g / (rows * columns)[:, None], a * columns
        self.taps = taps
        self.tile: int = len(self.a)
        self.cells: int = len(self.b)

    def tiles(self, extent: int) -> int:
        """The number of tiles along an axis of the output."""
        return -(-extent // self.tile)

    def __str__(self) -> str:
        return f"F({self.tile},{self.taps})"


class Scheme:
    """Two of them nested: one down the rows, one across the columns."""

    def __init__(self, down: Line, across: Line) -> None:
        self.lines = down, across
        self.kernel = down.taps, across.taps
        self.tile = down.tile, across.tile
        self.cells = down.cells, across.cells
        self.points = prod(self.cells)
        self.input = np.kron(down.b, across.b).astype(FLOAT)
        self.filter = np.kron(down.g, across.g)
        self.output = np.kron(down.a, across.a).astype(FLOAT)

    def tiles(self, output: Sizes) -> Sizes:
        """The number of tiles along each axis of the output."""
        return tuple(line.tiles(extent) for line, extent in zip(self.lines, output, strict=True))

    def __str__(self) -> str:
        down, across = self.lines
        return str(down) if down is across else f"F({extents(self.tile)},{extents(self.kernel)})"


def pairs(*points: str) -> list[Fraction]:
    """Points and their opposites."""
    return [sign * Fraction(point) for point in points for sign in (1, -1)]


ZERO = Fraction(0)
SINGLE = Line(1)
"""A single tap: nothing to save."""
TWO, FOUR = Line(3, ZERO, *pairs("1")), Line(3, ZERO, *pairs("5/7", "3/2"))
SEVEN = Line(7, ZERO, *pairs("1/2", "1", "5/2"))
F2, F4 = Scheme(TWO, TWO), Scheme(FOUR, FOUR)
ALONG_ONE_AXIS = [Scheme(*lines) for line in (FOUR, SEVEN) for lines in ((line, SINGLE), (SINGLE, line))]
SCHEMES = {str(scheme): scheme for scheme in (F4, F2, *ALONG_ONE_AXIS)}


def pack(weight: Array, scheme: Scheme, shape: blocks.BlockSize) -> Array:
    """PyTorch's (F, C, 3, 3) as the filters at the points, (points, C, F) in blocks as :func:`blocks.pack` makes them.

    Block by block: the largest arrays are made once, and memory that is new to a process is slow.
    """
    filters, channels = weight.shape[:2]
    width = shape.filters
    packed = np.empty((scheme.points, filters // width, channels // shape.links, shape.links, width), FLOAT)
    wide = np.empty((scheme.points, channels * width))
    for index in range(filters // width):
        some = weight[index * width : (index + 1) * width]
        taps = some.transpose(2, 3, 1, 0).astype(np.float64, order="C").reshape(prod(scheme.kernel), channels * width)
        np.matmul(scheme.filter, taps, wide)
        packed[:, index] = wide.reshape(scheme.points, *packed.shape[2:])
    return packed


class Cut(NamedTuple):
    """In how many parts samples, tile rows and filters are cut; where rows are, every sample is by itself."""

    samples: int
    rows: int = 1
    filters: int = 1


def most_tiles(scheme: Scheme, batch: int, output: Sizes, cut: Cut) -> int:
    """The tiles of the largest strip of (OH, OW)."""
    samples = -(-batch // (batch if cut.rows > 1 else cut.samples))
    down, across = scheme.tiles(output)
    return samples * -(-down // cut.rows) * across


def scratch(scheme: Scheme, window: Window, shape: Sizes, cut: Cut, weight: Array) -> int:
    """The float32 numbers a thread needs for ``shape`` (N, H, W, C); ``window`` is that of the tiles."""
    parts = strips(window, shape, cut.samples, cut.rows)
    most = max(prod(strip.size(window)) for strip in parts)
    largest = weight[:, : -(-weight.shape[1] // cut.filters)]
    held = scheme.points * most * 2 * max(shape[3], blocks.filters_of(largest))
    return held + max(gather.scratch(parts, shape), blocks.scratch(most, largest))


def convolve(
    scheme: Scheme,
    x: Array,
    weight: Array,
    finish: Finish,
    padding: tuple[tuple[int, int], ...],
    cut: Cut,
    outside: Outside,
) -> Phases:
    """``x`` (N, H, W, C), ``weight`` from :func:`pack`: fills ``finish.out`` (N, OH, OW, F).

    Where there are few tiles it is cut along the filters (between blocks of them), and every part transforms the inputs
    for itself: so no weight is read twice, and no thread waits for another one's values.
    """
    first, rest = finish.without_first()
    window = tile_window(scheme, finish.out.shape[1:3], padding)
    width = weight.shape[-1]
    tasks = []
    for strip in strips(window, x.shape, cut.samples, cut.rows):
        for some in split(weight.shape[1], cut.filters):
            filters = slice(some.start * width, some.stop * width)
            cells = Cells(x, strip, window, outside, taps_first=True)
            tiles = _Tiles(scheme, cells, strip, filters, finish.out, first)
            reads = [cells.source] if tiles.other is None else [cells.source, tiles.other]
            tasks.append(rest.task(tiles.part, _strip, tiles, weight[:, some], reads=reads))
    return [tasks]


def tile_window(scheme: Scheme, output: Sizes, padding: tuple[tuple[int, int], ...]) -> Window:
    """The window whose positions are the tiles, and whose cells are a tile's inputs."""
    begin = tuple(before for before, _ in padding)
    return Window(scheme.cells, scheme.tile, (1, 1), begin, scheme.tiles(output))


class _Tiles:
    """A strip of tiles and some filters: where its cells come from and go to. ``part`` is that in the output."""

    def __init__(
        self, scheme: Scheme, cells: Cells, strip: Strip, filters: slice, out: Array, first: Follower | None
    ) -> None:
        self.scheme = scheme
        self.cells = cells
        *_, self.channels = cells.shape
        self.tiles = cells.shape[2:-1]
        self.count = prod(self.tiles)
        self.filters: int = filters.stop - filters.start
        rows = slice(strip.rows.start * scheme.tile[0], strip.rows.stop * scheme.tile[0])
        self.part: Slices = (strip.samples, rows, slice(None), filters)
        self.targets = _targets(out[self.part], scheme.tile)
        self.other = first.operand[self.part] if first is not None and first.kind == "other" else None
        self.first: list[tuple[np.ufunc, Array]] = []
        if self.other is not None:
            self.first = [(np.add, operand) for _, operand in _targets(self.other, scheme.tile)]
        elif first is not None:
            self.first = [(PER_CHANNEL[first.kind], first.operand[filters])] * len(self.targets)

    def gather(self, values: Array, scratch: Array) -> list[Call]:
        """The tiles as (points, tiles, C): neighbours share two rows and two columns."""
        return self.cells.gather(values.reshape(self.cells.shape), scratch)

    def scatter(self, results: Array) -> list[Call]:
        """(cells of a tile, tiles, F) to rows and columns of the output, with the first of what follows."""
        tiles = results.reshape(*self.scheme.tile, *self.tiles, self.filters)
        if not self.first:
            return [partial(np.copyto, target, tiles[index]) for index, target in self.targets]
        return [
            partial(function, tiles[index], operand, out=target)
            for (index, target), (function, operand) in zip(self.targets, self.first, strict=True)
        ]


def _whole_and_rest(extent: int, tile: int) -> list[tuple[slice, slice]]:
    """Of the tiles along an axis, those that lie inside and the one that is cut off: which cells of which tiles."""
    whole, rest = divmod(extent, tile)
    found = [(slice(0, tile), slice(0, whole)), (slice(0, rest), slice(whole, whole + 1))]
    return [(cells, some) for cells, some in found if cells.stop and some.start < some.stop]


def _targets(out: Array, tile: Sizes) -> list[tuple[tuple[slice, ...], Array]]:
    """Parts of the tiles (*tile, n, rows, across, F), and where each goes in ``out`` (n, H, W, F)."""
    found: list[tuple[tuple[slice, ...], Array]] = []
    sample, row, column, channel = out.strides
    for down, rows in _whole_and_rest(out.shape[1], tile[0]):
        for over, columns in _whole_and_rest(out.shape[2], tile[1]):
            corner = out[:, rows.start * tile[0] :, columns.start * tile[1] :]
            counts = (len(out), rows.stop - rows.start, columns.stop - columns.start, out.shape[3])
            strides = (row, column, sample, tile[0] * row, tile[1] * column, channel)
            target = np.lib.stride_tricks.as_strided(corner, (down.stop, over.stop, *counts), strides)
            found.append(((down, over, slice(None), rows, columns), target))
    return found


def _strip(strip: _Tiles, weight: Array, scratch: Array) -> list[Call]:
    """Two buffers take turns: inputs, values at the points, products, outputs."""
    scheme, count, channels, filters = strip.scheme, strip.count, strip.channels, strip.filters
    room = scheme.points * count * max(channels, filters)
    first, second, rest = scratch[:room], scratch[room : 2 * room], scratch[2 * room :]
    inputs = np.ndarray((scheme.points, count * channels), FLOAT, first)
    values = np.ndarray((scheme.points, count, channels), FLOAT, second)
    products = np.ndarray((scheme.points, count, filters), FLOAT, first)
    outputs = np.ndarray((prod(scheme.tile), count * filters), FLOAT, second)
    return [
        *strip.gather(inputs, rest),
        blocks.transform(scheme.input, inputs, values.reshape(inputs.shape)),
        *Product(weight, products).calls(values, rest),
        blocks.transform(scheme.output, products.reshape(scheme.points, count * filters), outputs),
        *strip.scatter(outputs),
    ]
