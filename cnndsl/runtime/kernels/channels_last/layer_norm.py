"""Layer normalisation over channels: every row of numbers standardised by itself.

With the channels last a cell is a row: the sums of rows are a product with ones, the sums of their squares a dot
product each, and both run at the speed of memory. What takes time is to subtract and to multiply by one number a row.
It takes 1.1 ns a number instead of the general kernel's 2.7, which is 5 % of ConvNeXt's time.
"""

from functools import partial

import numpy as np

from cnndsl.arrays import Array
from cnndsl.runtime.kernels.channels_last.elementwise import cuts
from cnndsl.runtime.kernels.channels_last.strips import FLOAT, Call, Finish, Phases, matrix


def scratch(rows: int) -> int:
    """The float32 numbers for a strip of so many rows: two each."""
    return 2 * rows


def standardise(x: Array, finish: Finish, eps: float, parts: int) -> Phases:
    """``x`` (N, *spatial, C) with mean 0 and, but for ``eps``, variance 1 over the channels of each cell."""
    tasks = []
    for index in cuts(x.shape, parts):
        block = x[index]
        tasks.append(finish.task(index, _standardise, matrix(block), matrix(finish.out[index]), eps, reads=[block]))
    return [tasks]


def _standardise(x: Array, out: Array, eps: float, scratch: Array) -> list[Call]:
    rows, channels = x.shape
    sums = np.ndarray((rows, 1), FLOAT, scratch)
    factors = np.ndarray((rows, 1), FLOAT, scratch, sums.nbytes)
    return [
        partial(np.matmul, x, np.ones((channels, 1), FLOAT), sums),
        partial(np.divide, sums, FLOAT.type(channels), sums),
        partial(np.subtract, x, sums, out),
        partial(np.vecdot, out, out, out=factors[:, 0]),
        partial(np.divide, factors, FLOAT.type(channels), factors),
        partial(np.add, factors, FLOAT.type(eps), factors),
        partial(np.sqrt, factors, factors),
        partial(np.divide, out, factors, out),
    ]
