"""Merges of two or more arrays. Shapes are equal, or axes of size 1 broadcast; dtypes are equal."""

from collections.abc import Sequence
from functools import reduce

import numpy as np

from cnndsl.arrays import Array


def add(arrays: Sequence[Array]) -> Array:
    """The sum, element by element, from left to right."""
    return reduce(np.add, arrays)


def sub(arrays: Sequence[Array]) -> Array:
    """The first minus the second."""
    return reduce(np.subtract, arrays)


def mul(arrays: Sequence[Array]) -> Array:
    """The product, element by element, from left to right."""
    return reduce(np.multiply, arrays)


def div(arrays: Sequence[Array]) -> Array:
    """The first divided by the second."""
    return reduce(np.divide, arrays)


def maximum(arrays: Sequence[Array]) -> Array:
    """The largest, element by element. NaN propagates."""
    return reduce(np.maximum, arrays)


def minimum(arrays: Sequence[Array]) -> Array:
    """The smallest, element by element. NaN propagates."""
    return reduce(np.minimum, arrays)


def average(arrays: Sequence[Array]) -> Array:
    """The mean, element by element."""
    mean: Array = add(arrays) / len(arrays)
    return mean


def concat(arrays: Sequence[Array], axis: int) -> Array:
    """Joined along ``axis`` of a sample, 0 being the channels. The other axes are equal."""
    return np.concatenate(arrays, axis=axis + 1)
