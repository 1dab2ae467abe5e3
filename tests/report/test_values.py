"""Numbers laid out as they lie."""

import numpy as np
import pytest

from cnndsl.report.values import is_small, laid_out


@pytest.mark.parametrize(
    ("values", "lines"),
    [
        ([0.0, 1.0, -2.0], [" 0   1  -2"]),
        ([1e-9, 2.0], ["0.000  2.000"]),
        ([-1e-9, 12.5], [" 0.00  12.50"]),
        ([1e-9, np.nan, -np.inf], ["1.000e-09        nan       -inf"]),
        ([1e9, 0.5], ["1.000e+09  5.000e-01"]),
        (range(11), [" 0   1   2   3   4   5   6   7   8   9", "10"]),
        ([[1.5, 2], [3, 4]], ["1.500  2.000", "3.000  4.000"]),  # a sequence: a line a channel
        ([[[1, 2], [3, 4]]], ["1  2", "3  4"]),
        ([[[1, 2], [3, 4]], [[5, 6], [7, 8]]], ["channel 0", "1  2", "3  4", "channel 1", "5  6", "7  8"]),
        ([[[[1], [2]], [[3], [4]]]], ["channel 0, slice 0", "1", "2", "channel 0, slice 1", "3", "4"]),
        ([], []),
    ],
)
def test_layout(values, lines):
    assert [*laid_out(np.array(values, np.float64))] == lines


def test_columns_stand_below_each_other():
    lines = [*laid_out(np.array([[[1, -20], [300, 4]]]))]
    assert lines == ["  1  -20", "300    4"]


@pytest.mark.parametrize(
    ("shape", "small"),
    [((64,), True), ((65,), False), ((1, 16, 16), True), ((2, 11, 11), True), ((2, 12, 12), False),
     ((1, 17, 4), False), ((1, 1, 64), True), ((2, 17), True), ((4, 4, 4, 4), True), ((5, 4, 4, 4), False),
     ((256, 1, 1), True), ((257, 1, 1), False)],
)  # fmt: skip
def test_what_is_small(shape, small):
    assert is_small(shape) is small
