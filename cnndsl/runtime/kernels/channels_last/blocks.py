"""Matrix products in blocks small enough that BLAS does not rearrange them first.

BLAS copies its operands into an order of its own before it multiplies, and clears the result to add to it, which pays
for large matrices. On processors with AVX-512, OpenBLAS leaves both out for products of up to a million multiply-adds.
Nearly all products of a network are larger, but can be cut into such: some rows of the one matrix, some filters of the
other. One call of NumPy's ``matmul`` does all blocks. Measured on one core of 260 GFLOP/s, whole and in blocks: 221 and
258 for (1568, 64) @ (64, 64), 199 and 250 for (98, 256) @ (256, 1024), 181 and 240 for (49, 4608) @ (4608, 256), 93 and
230 for (16, 512) @ (512, 512). Any other BLAS gets its products whole. A block is a multiple of a register wide, if
only one: with 40 filters at a time (196, 400) @ (400, 400) is no faster than whole, with 16 by a sixth, and RegNet X
400MF, made of such, takes 6 % less.

Such a product adds up its links one after the other, and the error grows with the root of their number. Therefore links
are cut as well, and the sums of the parts added up in a last pass, as BLAS does with the parts that it rearranges. With
parts of at most 200 the errors of DenseNet-121 are half of what they are without, and the time is the same.
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
FEWEST_LINKS = 96
"""Adding up takes too long for shorter parts."""
MOST_LINKS = 200
"""That are added up one after the other."""
STACK = 1 << 17
"""Sums of parts that are held at a time: they should stay in cache."""
VECTOR = 16
"""Numbers in a register of AVX-512."""
WIDTHS = ((64, 32), (48, VECTOR))
"""Filters of a block, the better first; the second ones only where none of the first divides the filters."""
MOST_ROWS = 4096
"""Of a block: more bring nothing."""
MANY = 512
"""Columns of a block where the one matrix is small and the other wide."""
NARROW = 48
"""So few filters are a block as they are. What no width divides is faster whole."""
FEWEST_ROWS = 24
"""So few rows are faster whole than with the second widths."""


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
    fitting = [[width for width in widths if filters % width == 0] for widths in WIDTHS]
    widths = fitting[0] or ([filters] if filters <= NARROW else fitting[1] if rows > FEWEST_ROWS else [])
    part = links
    if cut_links and links > MOST_LINKS:
        part = max((n for n in range(FEWEST_LINKS, MOST_LINKS + 1) if links % n == 0), default=links)
    for fewest in (rows, 2 * ROWS):
        for width in widths:
            if fewest * part * width <= small():
                return BlockSize(part, width)
    return BlockSize(links, filters)


@lru_cache(maxsize=1024)
def cuts(rows: int, shape: BlockSize) -> list[tuple[slice, int, int]]:
    """The rows in blocks: at most two times a slice of them, and how many blocks of how many rows that is."""
    size = min(small() // (shape.links * shape.filters), MOST_ROWS)
    if size >= rows or size < ROWS or shape.filters > WIDTHS[0][0]:
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
    return [block(rows, links, part.stop - part.start) for part in _parts(filters, parts)]


def _parts(filters: int, parts: int) -> list[slice]:
    """Filters in parts that can be cut into blocks, if all of them can be and a part is more than one."""
    unit = VECTOR if filters % VECTOR == 0 and filters > parts * NARROW else 1
    return [slice(part.start * unit, part.stop * unit) for part in split(filters // unit, parts)]


def pack_parts(weight: Array, shapes: Sequence[BlockSize]) -> list[Array]:
    """(links, filters) in parts along the filters, packed each for itself."""
    cut = _parts(weight.shape[1], len(shapes))
    return [pack(weight[:, part], shape) for part, shape in zip(cut, shapes, strict=True)]


def filters_of(weight: Array) -> int:
    """The filters of packed weights."""
    return int(weight.shape[-4] * weight.shape[-1])


def scratch(rows: int, weight: Array) -> int:
    """The float32 numbers for the sums of parts of the links: for packed weights, and for so many rows or fewer."""
    count = weight.shape[0] if weight.ndim > 4 else 1
    width = weight.shape[-3] * filters_of(weight)
    return min(count * rows, max(STACK // width, 2 * ROWS)) * width if weight.shape[-3] > 1 else 0


def _stacked(count: int, rows: int, parts: int, filters: int) -> tuple[int, int]:
    """How many products, and how many of their rows, are summed up at a time."""
    room = STACK // (parts * filters)
    if parts == 1 or room >= rows:
        return (count if parts == 1 else min(count, room // rows)), rows
    return 1, min(rows, max(room // ROWS, 2) * ROWS)


class Product:
    """Products ``out = x @ weight``: ``weight`` (P, links, filters) as :func:`pack` makes it, ``out`` (P, M, filters)
    with contiguous rows.
    """

    __slots__ = ("out", "parts", "shape", "weight")

    def __init__(self, weight: Array, out: Array) -> None:
        count, _, parts, links, _ = weight.shape
        self.out, self.parts = out, parts
        self.shape = (count, out.shape[1], parts * links)
        self.weight = weight.transpose(0, 2, 1, 3, 4)[:, :, None]

    def calls(self, x: Array, scratch: Array) -> list[Call]:
        """For ``x`` (P, M, links)."""
        count, most, _ = self.shape
        filters = self.out.shape[2]
        together, height = _stacked(count, most, self.parts, filters)
        found: list[Call] = []
        for first in range(0, count, together):
            some = slice(first, min(first + together, count))
            for begin in range(0, most, height):
                out = self.out[some, begin : begin + height]
                if self.parts == 1:
                    found += self._multiply(x[some, begin : begin + height], self.weight[some], out[:, None])
                    continue
                sums = np.ndarray((len(out), self.parts, *out.shape[1:]), FLOAT, scratch)
                found += self._multiply(x[some, begin : begin + height], self.weight[some], sums)
                found.append(partial(np.add, sums[:, 0], sums[:, 1], out))
                found += [partial(np.add, out, sums[:, part], out) for part in range(2, self.parts)]
        return found

    def _multiply(self, x: Array, weight: Array, out: Array) -> list[Call]:
        """Into ``out`` (P, parts, M, filters), block by block."""
        _, parts, _, _, links, width = weight.shape
        found: list[Call] = []
        for rows, times, size in cuts(x.shape[1], BlockSize(links, width)):
            some = x[:, rows].reshape(len(x), times, size, parts, links).transpose(0, 3, 1, 2, 4)[:, :, :, None]
            found.append(partial(np.matmul, some, weight, _in_blocks(out[:, :, rows], times, width)))
        return found


def transform(matrix: Array, x: Array, out: Array) -> Call:
    """``out = matrix @ x`` for few rows and links, ``x`` (..., links, many) and ``out`` with contiguous rows."""
    links, many = x.shape[-2:]
    width = gcd(many, MANY)
    if width < MANY // 16 or len(matrix) * links * width > small():
        return partial(np.matmul, matrix, x, out)
    cut = (array.reshape(*array.shape[:-1], -1, width).swapaxes(-3, -2) for array in (x, out))
    return partial(np.matmul, matrix, *cut)


def _in_blocks(out: Array, times: int, width: int) -> Array:
    """(P, parts, M, filters) as a view (P, parts, blocks of rows, blocks of filters, rows, filters)."""
    count, parts, rows, filters = out.shape
    return out.reshape(count, parts, times, rows // times, filters // width, width).swapaxes(3, 4)
