"""Matrix products in blocks small enough that BLAS does not rearrange them first.

BLAS copies its operands into an order of its own before it multiplies, and clears the result to add to it, which pays
for large matrices. On processors with AVX-512, OpenBLAS leaves both out for products of up to a million multiply-adds.
Nearly all products of a network are larger, but can be cut into such: some rows of the one matrix, some filters of the
other. One call of NumPy's ``matmul`` does all blocks. Where there are thousands of links these are cut as well, and the
results of the parts are added up in a last pass. Measured on one core of 260 GFLOP/s, whole and in blocks: 221 and 258
for (1568, 64) @ (64, 64), 199 and 250 for (98, 256) @ (256, 1024), 181 and 240 for (49, 4608) @ (4608, 256), 93 and 230
for (16, 512) @ (512, 512). Any other BLAS gets its products whole.
"""

from collections.abc import Sequence
from functools import cache, lru_cache, partial
from math import gcd
from typing import NamedTuple

import numpy as np

from cnndsl.arrays import Array
from cnndsl.runtime.kernels.channels_last.strips import FLOAT, Call, split
from cnndsl.runtime.parallel.blas import blas_core

CORES = frozenset({"SkylakeX", "Cooperlake", "SapphireRapids"})
"""OpenBLAS's names for processors with AVX-512."""
SMALL = 1_000_000
"""Multiply-adds of a product that it takes as it is there."""
ROWS = 6
"""Rows that are multiplied at a time: blocks are multiples, and are slow with less than two times that."""
FEW_ROWS = 128
"""Results for so many rows are soon added up."""
FEWEST_LINKS = 128
"""Adding up takes too long for shorter parts."""
WIDTHS = (64, 32)
"""Filters of a block, the better first."""
MOST_ROWS = 4096
"""Of a block: more bring nothing."""
MANY = 512
"""Columns of a block where the one matrix is small and the other wide."""
NARROW = 48
"""So few filters are a block, too. What neither width divides is faster whole."""


@cache
def small() -> int:
    """Multiply-adds up to which this machine's BLAS takes a product as it is."""
    return SMALL if CORES & set(blas_core().split(", ")) else 0


class BlockSize(NamedTuple):
    """How many links and filters of the weights are multiplied at a time."""

    links: int
    filters: int


def block(rows: int, links: int, filters: int, cut_links: bool = True) -> BlockSize:
    """The blocks of weights that are multiplied with so many rows; all of them where blocks do not help."""
    widths = [width for width in WIDTHS if filters % width == 0] or [filters] * (filters <= NARROW)
    for width in widths:
        if rows * links * width <= small():
            return BlockSize(links, width)
    for width in widths:
        best = width == widths[0] or rows > FEW_ROWS or not cut_links
        if best and 2 * ROWS * links * width <= small():
            return BlockSize(links, width)
    if cut_links and widths:
        most = small() // (widths[0] * min(rows, 8 * ROWS))
        part = max((n for n in range(FEWEST_LINKS, most + 1) if links % n == 0), default=0)
        if part:
            return BlockSize(part, widths[0])
    return BlockSize(links, filters)


@lru_cache(maxsize=1024)
def cuts(rows: int, shape: BlockSize) -> list[tuple[slice, int, int]]:
    """The rows in blocks: at most two times a slice of them, and how many blocks of how many rows that is."""
    size = min(small() // (shape.links * shape.filters), MOST_ROWS)
    if size >= rows or size < ROWS or shape.filters > WIDTHS[0]:
        return [(slice(0, rows), 1, rows)]
    even = max(n for n in range(1, size + 1) if rows % n == 0)
    size = even if even >= 2 * ROWS and even > size // 2 else size // ROWS * ROWS
    count, rest = divmod(rows, size)
    found = [(slice(0, count * size), count, size), (slice(count * size, rows), 1, rest)]
    return found if rest else found[:1]


def pack(weight: Array, shape: BlockSize) -> Array:
    """(..., links, filters) as (..., blocks of filters, blocks of links, links, filters), contiguous."""
    *outer, links, filters = weight.shape
    cut = weight.reshape(*outer, links // shape.links, shape.links, filters // shape.filters, shape.filters)
    return np.ascontiguousarray(np.moveaxis(cut, -2, -4))


def shapes(rows: int, links: int, filters: int, parts: int) -> list[BlockSize]:
    """The blocks of (links, filters) in ``parts`` along the filters."""
    return [block(rows, links, part.stop - part.start) for part in split(filters, parts)]


def pack_parts(weight: Array, shapes: Sequence[BlockSize]) -> list[Array]:
    """(links, filters) in parts along the filters, packed each for itself."""
    cut = split(weight.shape[1], len(shapes))
    return [pack(weight[:, part], shape) for part, shape in zip(cut, shapes, strict=True)]


def filters_of(weight: Array) -> int:
    """The filters of packed weights."""
    return int(weight.shape[-4] * weight.shape[-1])


def scratch(rows: int, weight: Array) -> int:
    """The float32 numbers for the results of parts of the links, for packed weights."""
    parts = weight.shape[-3]
    return rows * parts * filters_of(weight) if parts > 1 else 0


class Product:
    """Products ``out = x @ weight``: ``weight`` (P, links, filters) as :func:`pack` makes it, ``out`` (P, M, filters)
    with contiguous rows. Links are only cut where P is 1.
    """

    __slots__ = ("out", "parts", "rows", "shape", "weight")

    def __init__(self, weight: Array, out: Array) -> None:
        count, _, parts, links, width = weight.shape
        self.out, self.parts = out, parts
        self.shape = (count, out.shape[1], parts * links)
        self.weight = weight.transpose(0, 2, 1, 3, 4)[:, :, None]
        self.rows = []
        for rows, times, size in cuts(out.shape[1], BlockSize(links, width)):
            target = None if parts > 1 else _in_blocks(out[:, None, rows], times, width)
            self.rows.append((rows, (count, times, size, parts, links), target))

    def calls(self, x: Array, scratch: Array) -> list[Call]:
        """For ``x`` (P, M, links)."""
        results = np.ndarray((1, self.parts, *self.out.shape[1:]), FLOAT, scratch) if self.parts > 1 else None
        found: list[Call] = []
        for rows, shape, target in self.rows:
            if results is not None:
                target = _in_blocks(results[:, :, rows], shape[1], self.weight.shape[-1])
            some = x[:, rows].reshape(shape).transpose(0, 3, 1, 2, 4)[:, :, :, None]
            found.append(partial(np.matmul, some, self.weight, target))
        if results is not None:
            found.append(partial(np.add.reduce, results[0], 0, None, self.out[0]))
        return found


def transform(matrix: Array, x: Array, out: Array) -> Call:
    """``out = matrix @ x`` for few rows and links, ``x`` (links, many) and ``out`` with contiguous rows."""
    links, many = x.shape
    width = gcd(many, MANY)
    if width < MANY // 16 or len(matrix) * links * width > small():
        return partial(np.matmul, matrix, x, out)
    cut = (x.reshape(links, -1, width).swapaxes(0, 1), out.reshape(len(matrix), -1, width).swapaxes(0, 1))
    return partial(np.matmul, matrix, *cut)


def _in_blocks(out: Array, times: int, width: int) -> Array:
    """(P, parts, M, filters) as a view (P, parts, blocks of rows, blocks of filters, rows, filters)."""
    count, parts, rows, filters = out.shape
    return out.reshape(count, parts, times, rows // times, filters // width, width).swapaxes(3, 4)
