"""Merges on numbers small enough to follow."""

import numpy as np
import pytest

from cnndsl.runtime.kernels import merge

A = np.array([[[1.0, -2.0], [3.0, 4.0]], [[0.5, 6.0], [7.0, -8.0]]])
B = np.array([[[5.0, 2.0], [-3.0, 1.0]], [[2.0, 2.0], [1.0, 4.0]]])
GATE = np.array([[[2.0], [10.0]], [[0.0], [-1.0]]])  # one number for each channel

CASES = [
    (merge.add, [A, B], [[[6, 0], [0, 5]], [[2.5, 8], [8, -4]]]),
    (merge.add, [A, B, A], [[[7, -2], [3, 9]], [[3, 14], [15, -12]]]),
    (merge.sub, [A, B], [[[-4, -4], [6, 3]], [[-1.5, 4], [6, -12]]]),
    (merge.mul, [A, B], [[[5, -4], [-9, 4]], [[1, 12], [7, -32]]]),
    (merge.mul, [A, GATE], [[[2, -4], [30, 40]], [[0, 0], [-7, 8]]]),
    (merge.mul, [GATE, A], [[[2, -4], [30, 40]], [[0, 0], [-7, 8]]]),
    (merge.div, [A, B], [[[0.2, -1], [-1, 4]], [[0.25, 3], [7, -2]]]),
    (merge.div, [GATE, B], [[[0.4, 1], [-10 / 3, 10]], [[0, 0], [-1, -0.25]]]),
    (merge.minimum, [A, B], [[[1, -2], [-3, 1]], [[0.5, 2], [1, -8]]]),
    (merge.minimum, [A, GATE, B], [[[1, -2], [-3, 1]], [[0, 0], [-1, -8]]]),
    (merge.maximum, [A, B], [[[5, 2], [3, 4]], [[2, 6], [7, 4]]]),
    (merge.maximum, [A, GATE, B], [[[5, 2], [10, 10]], [[2, 6], [7, 4]]]),
    (merge.average, [A, B], [[[3, 0], [0, 2.5]], [[1.25, 4], [4, -2]]]),
    (merge.average, [A, A, B, GATE], [[[2.25, 0], [3.25, 4.75]], [[0.75, 3.5], [3.5, -3.25]]]),
]


@pytest.mark.parametrize(("kernel", "arrays", "expected"), CASES)
def test_merge(agree, kernel, arrays, expected):
    agree(lambda *arrays: kernel(arrays), lambda *arrays: expected, *arrays, batched=False)


def test_concat_counts_axes_from_the_channels(agree):
    def concat(axis):
        return lambda *arrays: merge.concat(arrays, axis)

    channels = [[[1, -2], [3, 4], [5, 2], [-3, 1]], [[0.5, 6], [7, -8], [2, 2], [1, 4]]]
    agree(concat(0), lambda *arrays: channels, A, B, batched=False)
    wide = [[[1, -2, 2], [3, 4, 10]], [[0.5, 6, 0], [7, -8, -1]]]
    agree(concat(1), lambda *arrays: wide, A, GATE, batched=False)


@pytest.mark.parametrize("kernel", [merge.maximum, merge.minimum])
def test_the_largest_and_the_smallest_keep_nan(kernel):
    np.testing.assert_array_equal(kernel([np.array([[np.nan, 1.0]]), np.array([[2.0, np.nan]])]), [[np.nan] * 2])


def test_what_is_divided_by_zero():
    zeros = np.array([[0.0, 0.0, -0.0]])
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(merge.div([np.array([[1.0, 0.0, 1.0]]), zeros]), [[np.inf, np.nan, -np.inf]])


@pytest.mark.parametrize(
    "kernel", [merge.add, merge.sub, merge.mul, merge.div, merge.maximum, merge.minimum, merge.average]
)
def test_no_samples(kernel):
    assert kernel([np.ones((0, 3, 4), np.float32), np.ones((0, 3, 1), np.float32)]).shape == (0, 3, 4)
