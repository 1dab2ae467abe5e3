"""Winograd's minimal filtering for 3x3 kernels with stride 1 (Lavin and Gray 2016).

What: F(4, 3) computes 4 neighbouring outputs of a 3-tap filter from 6 inputs with 6 products instead of 12; nested in
both directions, a 4x4 tile of outputs takes 36 products instead of 144.

Derivation (Toom and Cook; Winograd 1980): the outputs are coefficients of a product of polynomials. A polynomial of
degree 5 is determined by its values at 6 points, and a value of a product is the product of values. With the points 0,
1, -1, 2, -2 and infinity, ``G`` evaluates the filter (divided by the Lagrange denominators), the transpose of the
evaluation of the output, ``B``, takes the inputs to those points, and ``A`` goes back:
``y = A ((G g) * (B d))``, in two dimensions ``Y = A ((G g G') * (B d B')) A'``.

How: nested transforms are Kronecker products, so a tile's 36 inputs become 36 values by one 36x36 matrix, for all tiles
and channels of a strip at once. For each of the 36 points the sum over channels is then a product of (tiles, C) with
(C, filters), and a 16x36 matrix takes the results to the 4x4 outputs. All are plain matrix products.

When: on large maps, where there are enough tiles for these products to run at full speed and few cells are computed
only to be cut off. Errors grow by about a digit (1e-5 relative), which the coefficients 4, 5 and 8 cost. An infinite
input makes all outputs of its tiles NaN: the transform subtracts infinities.
"""

from functools import partial

import numpy as np

from cnndsl.runtime.kernels.arrays import Array, Sizes
from cnndsl.runtime.kernels.channels_last.strips import (
    FLOAT,
    Call,
    Finish,
    Phases,
    Slices,
    bytes_between,
    fill_halo,
    split,
)

TILE, CELLS = 4, 6
POINT_PARTS = 4
"""Parts into which the 36 points are cut."""

B = np.array(
    [
        [4, 0, -5, 0, 1, 0],
        [0, -4, -4, 1, 1, 0],
        [0, 4, -4, -1, 1, 0],
        [0, -2, -1, 2, 1, 0],
        [0, 2, -1, -2, 1, 0],
        [0, 4, 0, -5, 0, 1],
    ],
    np.float64,
)
G = np.array(
    [
        [1 / 4, 0, 0],
        [-1 / 6, -1 / 6, -1 / 6],
        [-1 / 6, 1 / 6, -1 / 6],
        [1 / 24, 1 / 12, 1 / 6],
        [1 / 24, -1 / 12, 1 / 6],
        [0, 0, 1],
    ],
    np.float64,
)
A = np.array([[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]], np.float64)

INPUT = np.kron(B, B).astype(FLOAT)
OUTPUT = np.kron(A, A).astype(FLOAT)


def pack(weight: Array) -> Array:
    """PyTorch's (F, C, 3, 3) as (36, C, F): the filters at the 36 points."""
    filters, channels = weight.shape[:2]
    taps = np.ascontiguousarray(weight.transpose(2, 3, 1, 0)).reshape(9, channels * filters)
    return (np.kron(G, G).astype(FLOAT) @ taps).reshape(36, channels, filters)


def tiles(extent: int) -> int:
    """The number of tiles along an axis of the output."""
    return -(-extent // TILE)


def scratch(output: Sizes, channels: int, filters: int, parts: int) -> int:
    """The float32 numbers a thread needs for a strip of tile rows of (N, OH, OW, F)."""
    rows, across = -(-tiles(output[1]) // parts), tiles(output[2])
    halo = (TILE * rows + 2) * (TILE * across + 2) * channels
    return halo + 36 * rows * across * 2 * max(channels, filters)


def convolve(x: Array, weight: Array, finish: Finish, padding: tuple[tuple[int, int], ...], parts: int) -> Phases:
    """``x`` (N, H, W, C), ``weight`` from :func:`pack`: fills ``finish.out`` (N, OH, OW, F), ``parts`` a sample."""
    bias, rest = finish.without_bias()
    tasks = []
    for sample in range(len(x)):
        for rows in split(tiles(finish.out.shape[1]), parts):
            strip = _Tiles(x, finish.out, sample, rows, padding, bias)
            tasks.append(partial(_strip, strip, weight, rest.at((slice(sample, sample + 1), strip.cells))))
    return [tasks]


def convolve_by_points(
    x: Array, weight: Array, finish: Finish, padding: tuple[tuple[int, int], ...], parts: int, shared: Array
) -> Phases:
    """The same in three phases, where there are few tiles: the products are cut by points, so that every weight is
    read once and all tiles share it. ``shared``: :func:`shared_numbers`.
    """
    batch, filters, channels = len(x), finish.out.shape[-1], x.shape[-1]
    bias, rest = finish.without_bias()
    cuts = [(sample, rows) for sample in range(batch) for rows in split(tiles(finish.out.shape[1]), parts)]
    across = tiles(finish.out.shape[2])
    count = batch * tiles(finish.out.shape[1]) * across
    values = shared[: 36 * count * channels].reshape(36, count, channels)
    products = shared[36 * count * channels : 36 * count * (channels + filters)].reshape(36, count, filters)
    forth, back, begin = [], [], 0
    for sample, rows in cuts:
        strip = _Tiles(x, finish.out, sample, rows, padding, bias)
        some = slice(begin, begin + strip.count)
        begin = some.stop
        forth.append(partial(_forth, strip, values.reshape(36, -1)[:, some.start * channels : some.stop * channels]))
        results = products.reshape(36, -1)[:, some.start * filters : some.stop * filters]
        back.append(partial(_back, strip, results, rest.at((slice(sample, sample + 1), strip.cells))))
    middle = [partial(_products, values[some], weight[some], products[some]) for some in split(36, POINT_PARTS)]
    return [forth, middle, back]


def shared_numbers(output: Sizes, channels: int, filters: int) -> int:
    """The float32 numbers that the threads share for (N, OH, OW, F): the values and products at the points."""
    return 36 * output[0] * tiles(output[1]) * tiles(output[2]) * (channels + filters)


class _Tiles:
    """A strip of tile rows: where its cells come from and go to."""

    def __init__(
        self, x: Array, out: Array, sample: int, rows: slice, padding: tuple[tuple[int, int], ...], bias: Array | None
    ) -> None:
        self.across = tiles(out.shape[2])
        self.rows: int = rows.stop - rows.start
        self.bias = bias
        self.channels, self.filters = x.shape[-1], out.shape[-1]
        self.halo = (TILE * self.rows + 2, TILE * self.across + 2, self.channels)
        first = [rows.start * TILE - padding[0][0], -padding[1][0]]
        lows = [max(begin, 0) for begin in first]
        highs = [
            min(begin + cells, extent) for begin, cells, extent in zip(first, self.halo, x.shape[1:], strict=False)
        ]
        self.source = x[(slice(sample, sample + 1), *map(slice, lows, highs))]
        self.inner: Slices = (
            slice(None),
            *(slice(low - b, high - b) for low, high, b in zip(lows, highs, first, strict=True)),
        )
        self.cells = slice(rows.start * TILE, rows.stop * TILE)
        self.out = out[sample, self.cells]

    @property
    def count(self) -> int:
        return self.rows * self.across

    def gather(self, scratch: Array, values: Array) -> None:
        """The tiles as (36, tiles, C): neighbours share two rows and two columns."""
        halo = np.ndarray((1, *self.halo), FLOAT, scratch)
        fill_halo(halo, self.source, self.inner, 0)
        row, column, channel = bytes_between(self.halo)
        shape = (CELLS, CELLS, self.rows, self.across, self.channels)
        overlapping = np.ndarray(shape, FLOAT, halo, 0, (row, column, TILE * row, TILE * column, channel))
        np.copyto(values.reshape(shape), overlapping)

    def scatter(self, results: Array) -> None:
        """(16, tiles, F) to rows and columns of the output, plus the bias."""
        rows = results.reshape(TILE, TILE, self.rows, self.across, self.filters)
        for row in range(TILE):
            target = self.out[row::TILE]
            for column in range(TILE):
                cells = target[:, column::TILE]
                part = rows[row, column, : cells.shape[0], : cells.shape[1]]
                if self.bias is None:
                    np.copyto(cells, part)
                else:
                    np.add(part, self.bias[0] if self.bias.ndim > 1 else self.bias, cells)


def _strip(strip: _Tiles, weight: Array, after: tuple[Call, ...], scratch: Array) -> None:
    """Two buffers take turns: inputs, values at the points, products, outputs. The halo is behind them."""
    count, channels, filters = strip.count, strip.channels, strip.filters
    room = 36 * count * max(channels, filters)
    first, second, rest = scratch[:room], scratch[room : 2 * room], scratch[2 * room :]
    inputs = np.ndarray((36, count * channels), FLOAT, first)
    strip.gather(rest, inputs)
    values = np.ndarray((36, count * channels), FLOAT, second)
    np.matmul(INPUT, inputs, values)
    products = np.ndarray((36, count, filters), FLOAT, first)
    np.matmul(values.reshape(36, count, channels), weight, products)
    outputs = np.ndarray((16, count * filters), FLOAT, second)
    np.matmul(OUTPUT, products.reshape(36, count * filters), outputs)
    strip.scatter(outputs)
    for call in after:
        call()


def _forth(strip: _Tiles, values: Array, scratch: Array) -> None:
    inputs = np.ndarray(values.shape, FLOAT, scratch)
    strip.gather(scratch[inputs.size :], inputs)
    np.matmul(INPUT, inputs, values)


def _products(values: Array, weight: Array, products: Array, scratch: Array) -> None:
    np.matmul(values, weight, products)


def _back(strip: _Tiles, products: Array, after: tuple[Call, ...], scratch: Array) -> None:
    outputs = np.ndarray((16, products.shape[1]), FLOAT, scratch)
    np.matmul(OUTPUT, products, outputs)
    strip.scatter(outputs)
    for call in after:
        call()
