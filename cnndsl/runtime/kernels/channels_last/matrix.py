"""Matrix products: 1x1 convolutions and dense layers.

With the channels last, a 1x1 convolution is the product of the matrix (positions, C) with the matrix (C, filters), and
nothing is copied. Cut along the positions, or along the filters where there are few positions: then every thread reads
its own part of the weights instead of all of them.

After batch normalisation and relu, as in DenseNet, ``relu(s*x + t) = s*clip(x, low, high) + t`` with ``low = -t/s``,
``high = inf`` where s > 0 and the other way round where s < 0; s and t go into the weights, and one pass over the strip
remains.
"""

from collections.abc import Sequence
from functools import partial
from typing import TypeAlias

import numpy as np

from cnndsl.arrays import Array
from cnndsl.runtime.kernels.channels_last import blocks
from cnndsl.runtime.kernels.channels_last.blocks import Product
from cnndsl.runtime.kernels.channels_last.strips import FLOAT, Call, Finish, Phases, split

Bounds: TypeAlias = tuple[Array | None, Array | None]


def product(
    x: Array,
    weights: Sequence[Array],
    finish: Finish,
    row_parts: int,
    bounds: Bounds | None = None,
    across: int = 1,
) -> Phases:
    """``finish.out = x @ weight``: ``x`` (M, C), ``weights`` (C, F) of :func:`blocks.pack_parts`, ``out`` (M, F), each
    with contiguous rows.

    The rows are cut where ``across`` cells end, as other layers' are. With ``bounds`` (C,), below and above, ``x`` is
    held between them first, in scratch behind what :func:`blocks.scratch` says.
    """
    tasks = []
    for cut in split(len(x) // across, row_parts):
        rows, begin = slice(cut.start * across, cut.stop * across), 0
        for weight in weights:
            filters = slice(begin, begin + blocks.filters_of(weight))
            begin = filters.stop
            multiply = Product(weight[None], finish.out[None, rows, filters])
            tasks.append(finish.task((rows, filters), _multiply, multiply, x[rows], bounds, reads=[x[rows]]))
    return [tasks]


def _multiply(multiply: Product, x: Array, bounds: Bounds | None, scratch: Array) -> list[Call]:
    if bounds is None:
        return multiply.calls(x[None], scratch)
    held = np.ndarray(x.shape, FLOAT, scratch)
    return [*_hold(x, bounds, held), *multiply.calls(held[None], scratch[held.size :])]


def _hold(x: Array, bounds: Bounds, held: Array) -> list[Call]:
    """``x`` between the bounds."""
    low, high = bounds
    calls: list[Call] = []
    if low is not None:
        calls.append(partial(np.maximum, x, low, out=held))
    if high is not None:
        calls.append(partial(np.minimum, x if low is None else held, high, out=held))
    return calls


MOST_FEATURES = 1024
FEWEST_FEATURES = 512
"""Of a single example that are added up in one go: see :mod:`blocks`. Shorter parts take too long."""


def dense_parts(batch: int, features: int) -> int:
    """How many parts of the features are added up at the end; of several examples BLAS does so by itself."""
    if batch > 1 or features <= MOST_FEATURES:
        return 1
    part = max((n for n in range(FEWEST_FEATURES, MOST_FEATURES + 1) if features % n == 0), default=features)
    return features // part


def dense(x: Array, weight: Array, finish: Finish, parts: int) -> Phases:
    """The same for a dense layer, in parts along the units: ``weight`` (C, F) may be a transposed view. Scratch:
    :func:`dense_parts` times the units of a part, where those are several.
    """
    tasks = []
    for units in split(weight.shape[1], parts):
        part = (slice(None), units)
        tasks.append(finish.task(part, _multiply_dense, x, weight[part], finish.out[part], reads=[x]))
    return [tasks]


def _multiply_dense(x: Array, weight: Array, out: Array, scratch: Array) -> list[Call]:
    count = dense_parts(*x.shape)
    if count == 1:
        return [partial(np.matmul, x, weight, out)]
    features, units = len(weight) // count, weight.shape[1]
    sums = np.ndarray((count, 1, units), FLOAT, scratch)
    cut = weight.T.reshape(units, count, features).transpose(1, 2, 0)
    return [partial(np.matmul, x.reshape(count, 1, features), cut, sums), partial(np.add.reduce, sums, 0, None, out)]
