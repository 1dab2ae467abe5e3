"""Layers on vectors and on integer sequences."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from cnndsl.arrays import Array
from cnndsl.runtime.kernels.arrays import BUFFER_BYTES, blocks


def dense(x: Array, weight: Array, bias: Array | None) -> Array:
    """``x @ weight.T + bias``: ``x`` (N, features), ``weight`` (units, features), ``bias`` (units,) to (N, units)."""
    result: Array = x @ weight.T
    if bias is not None:
        result += bias
    return result


def radial_basis(x: Array, centers: Array) -> Array:
    """The squared Euclidean distance to each center (LeCun et al. 1998, equation 7).

    ``x`` (N, features), ``centers`` (units, features): (N, units). The differences are squared as they are: the
    expansion |x|² - 2xc + |c|² would be faster and cancels where x is near a center.
    """
    batch, units = x.shape[0], centers.shape[0]
    result = np.empty((batch, units), x.dtype)
    row_bytes = x.shape[1] * x.itemsize
    for samples, some in blocks((batch, units), BUFFER_BYTES // row_bytes):
        differences = x[samples, None] - centers[None, some]
        np.square(differences, out=differences)
        result[samples, some] = differences.sum(axis=2, dtype=np.float64)
    return result


def learned(x: Array, weight: Array) -> Array:
    """``weight`` for each example of ``x``, whose values do not matter."""
    return np.broadcast_to(weight, (len(x), *weight.shape))


def embed(indices: NDArray[np.integer[Any]], weight: Array) -> Array:
    """Rows of a table: ``indices`` (N, L) integers, ``weight`` (vocabulary, size) to (N, size, L).

    The caller has seen to it that 0 <= index < vocabulary: NumPy counts negative indices from the end.
    """
    return np.ascontiguousarray(weight[indices].transpose(0, 2, 1))
