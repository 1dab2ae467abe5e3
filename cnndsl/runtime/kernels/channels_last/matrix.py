"""Matrix products: 1x1 convolutions and dense layers.

With the channels last, a 1x1 convolution is the product of the matrix (positions, C) with the matrix (C, filters), and
nothing is copied. Cut along the positions, or along the filters where there are few positions: then every thread reads
its own part of the weights instead of all of them.

After batch normalisation and relu, as in DenseNet, ``relu(s*x + t) = s*clip(x, low, high) + t`` with ``low = -t/s``,
``high = inf`` where s > 0 and the other way round where s < 0; s and t go into the weights, and one pass over the strip
remains.
"""

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np

from cnndsl.runtime.kernels.arrays import Array
from cnndsl.runtime.kernels.channels_last import blocks
from cnndsl.runtime.kernels.channels_last.strips import FLOAT, Call, Finish, Phases, split

Bounds: TypeAlias = tuple[Array | None, Array | None]


def product(
    x: Array,
    weight: Array,
    finish: Finish,
    row_parts: int,
    filter_parts: int,
    bounds: Bounds | None = None,
    across: int = 1,
) -> Phases:
    """``finish.out = x @ weight``: ``x`` (M, C), ``weight`` (C, F), ``out`` (M, F), each with contiguous rows.

    It is cut where rows of ``across`` cells end, as other layers are.

    With ``bounds`` (C,), below and above, the product is that of ``x`` held between them; scratch: a strip of ``x``.
    """
    tasks = []
    for cut in split(len(x) // across, row_parts):
        rows = slice(cut.start * across, cut.stop * across)
        for filters in split(weight.shape[1], filter_parts):
            part, out = weight[:, filters], finish.out[rows, filters]
            tasks.append(finish.task((rows, filters), _multiply, x[rows], bounds, part, out, reads=[x[rows]]))
    return [tasks]


def by_filters(x: Array, weights: Sequence[Array], finish: Finish, bounds: Bounds | None = None) -> Phases:
    """The same for few rows: ``weights`` of :func:`blocks.pack_parts`, a task each. ``bounds`` are held in scratch
    before what :func:`blocks.scratch` asks for.
    """
    tasks, begin = [], 0
    for weight in weights:
        filters = slice(begin, begin + weight.shape[0] * weight.shape[3])
        begin = filters.stop
        part = (slice(None), filters)
        tasks.append(finish.task(part, _multiply_few, x, bounds, weight, finish.out[part], reads=[x]))
    return [tasks]


def _multiply_few(
    x: Array, bounds: Bounds | None, weight: Array, out: Array, after: tuple[Call, ...], scratch: Array
) -> None:
    if bounds is not None:
        x = _held(x, bounds, scratch)
        scratch = scratch[x.size :]
    blocks.multiply(x, weight, out, scratch)
    for call in after:
        call()


def _multiply(
    x: Array, bounds: Bounds | None, weight: Array, out: Array, after: tuple[Call, ...], scratch: Array
) -> None:
    np.matmul(x if bounds is None else _held(x, bounds, scratch), weight, out)
    for call in after:
        call()


def _held(x: Array, bounds: Bounds, scratch: Array) -> Array:
    """``x`` held between the bounds."""
    clipped = np.ndarray(x.shape, FLOAT, scratch)
    low, high = bounds
    if low is not None:
        np.maximum(x, low, out=clipped)
    if high is not None:
        np.minimum(x if low is None else clipped, high, out=clipped)
    return clipped
