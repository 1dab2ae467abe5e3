"""Matrix products with few rows, in blocks small enough that BLAS does not rearrange them first.

BLAS copies its operands into an order of its own before it multiplies, which pays when a weight is used for hundreds of
rows. With the 49 positions of a 7x7 map, or the 16 tiles of a 14x14 one, the copying takes as long as the products.
OpenBLAS leaves it out for products of up to a million multiply-adds, so the weights are cut into blocks of links and
filters that stay below that: twice as fast for 16 rows, a third faster for 49. Where the links are cut, the results of
the parts are added up in a last pass. For another BLAS the blocks do no harm.
"""

from collections.abc import Sequence
from math import prod
from typing import NamedTuple

import numpy as np

from cnndsl.runtime.kernels.arrays import Array
from cnndsl.runtime.kernels.channels_last.strips import FLOAT, split

SMALL = 1_000_000
"""Multiply-adds of a product that BLAS takes as it is."""
FEW_ROWS = 128
"""With more rows the copying hardly counts."""


class Block(NamedTuple):
    """How many links and filters of the weights are multiplied at a time."""

    links: int
    filters: int


def block(rows: int, links: int, filters: int, cut_links: bool = True) -> Block:
    """The largest block for so many rows; all of the weights where blocks do not help."""
    whole = Block(links, filters)
    if rows > FEW_ROWS or rows * links * filters <= SMALL:
        return whole
    for width in (64, 32):
        if filters % width == 0:
            most = SMALL // (rows * width)
            if links <= most:
                return Block(links, width)
            if cut_links and (part := max(n for n in range(1, most + 1) if links % n == 0)) >= 128:
                return Block(part, width)
    return whole


def is_small(rows: int, shape: Block) -> bool:
    return rows * shape.links * shape.filters <= SMALL


def pack(weight: Array, shape: Block) -> Array:
    """(..., links, filters) as (..., blocks of filters, blocks of links, links, filters), contiguous."""
    *outer, links, filters = weight.shape
    cut = weight.reshape(*outer, links // shape.links, shape.links, filters // shape.filters, shape.filters)
    return np.ascontiguousarray(np.moveaxis(cut, -2, -4))


def pack_parts(weight: Array, rows: int, parts: int) -> list[Array]:
    """(links, filters) in ``parts`` along the filters, each in the blocks that suit so many rows."""
    cut = [weight[:, filters] for filters in split(weight.shape[1], parts)]
    return [pack(part, block(rows, *part.shape)) for part in cut]


def scratch(rows: int, weights: Sequence[Array]) -> int:
    """The float32 numbers for the results of parts of the links; ``weights`` of :func:`pack_parts`."""
    return max(rows * prod(weight.shape[:2]) * weight.shape[3] if weight.shape[1] > 1 else 0 for weight in weights)


def multiply(x: Array, weight: Array, out: Array, scratch: Array) -> None:
    """``out = x @ weight``: ``x`` (M, links), ``weight`` of :func:`pack`, ``out`` (M, filters) with contiguous rows."""
    _, parts, links, _ = weight.shape
    if parts == 1:
        np.matmul(x, weight[:, 0], _in_blocks(out, weight.shape[-1]))
        return
    results = np.ndarray((parts, *out.shape), FLOAT, scratch)
    pieces = np.lib.stride_tricks.as_strided(
        x, (parts, 1, len(x), links), (links * x.itemsize, 0, x.strides[0], x.itemsize)
    )
    np.matmul(pieces, weight.swapaxes(0, 1), _in_blocks(results, weight.shape[-1]))
    np.add.reduce(results, axis=0, out=out)


def multiply_points(x: Array, weight: Array, out: Array) -> None:
    """Many products at once: ``x`` (P, M, links), ``weight`` (P, ...) of :func:`pack`, uncut links, ``out`` (P, M,
    filters).
    """
    np.matmul(x[:, None], weight[:, :, 0], _in_blocks(out, weight.shape[-1]))


def _in_blocks(out: Array, width: int) -> Array:
    """(..., M, filters) as a view (..., filters/width, M, width)."""
    *outer, rows, filters = out.shape
    *steps, down, across = out.strides
    shape = (*outer, filters // width, rows, width)
    return np.lib.stride_tricks.as_strided(out, shape, (*steps, width * across, down, across))
