"""Gathering: the cells that windows read, copied in one call.

A table holds the number of the cell under every tap of every window, counted from the first cell of the strip's source;
NumPy's ``take`` copies these cells, all channels at a time. Kernel, stride, dilation and padding are all in the table.
Padding has a number beyond the end, which ``take`` clips to the last row of what it is given: the values of a network
lie in memory that ends with zeros, and the source is handed over as reaching that far. (Or as far as the row of a value
that lacks a constant, see ``plan_shifts``.) What does not lie so (some of the channels of a concatenation) is copied to
scratch memory first, with that row behind it.

One call matters beyond its speed: between two calls a thread needs Python's lock, and may have to wait for it.
"""

from collections.abc import Sequence
from functools import partial
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cnndsl.arrays import Array
from cnndsl.runtime.kernels.arrays import Sizes
from cnndsl.runtime.kernels.channels_last.strips import FLOAT, Call, Strip, Window

Numbers = NDArray[np.intp]

OUTSIDE = int(np.iinfo(np.intp).max)


class Outside:
    """What windows find outside of a value: rows at the end of a run's memory. Zeros for most, twice the most channels;
    some values lack a constant, and have a row of their own. The tables that layers share are kept here as well.
    """

    def __init__(self, numbers: Array) -> None:
        numbers[:] = 0
        self.begin: int = numbers.__array_interface__["data"][0]
        self.row: Array | None = None
        self.tables: dict[tuple[Any, ...], Numbers] = {}

    def of(self, x: Array, row: Array, numbers: Array) -> "Outside":
        """The same for windows over ``x``, with a row (C,) in ``numbers``, twice as many."""
        found = Outside(numbers)
        ahead = (x.__array_interface__["data"][0] - found.begin) % row.nbytes  # as many rows on, for all of x
        numbers[ahead // FLOAT.itemsize :][: len(row)] = row
        found.begin += ahead
        found.row, found.tables = row, self.tables
        return found


class Cells:
    """The cells under the windows of a strip: ``shape`` is (n, *output, *kernel, C), with ``taps_first`` (*kernel, n,
    *output, C), with several groups (groups, n, *output, *kernel, C/groups). ``x`` is (N, *spatial, C).
    """

    def __init__(
        self, x: Array, strip: Strip, window: Window, outside: Outside, taps_first: bool = False, groups: int = 1
    ) -> None:
        samples, rows, seen = _relative(strip, window, x.shape)
        self.source = x[samples, rows]
        key = (seen, self.source.shape[1:-1], len(self.source), taps_first, groups)
        if key not in outside.tables:
            outside.tables[key] = _numbers(*key)
        self.numbers = outside.tables[key]
        self.channels = x.shape[-1] // groups
        self.shape = (*self.numbers.shape, self.channels)
        self.rows = _up_to(outside, self.source, self.channels)
        self.outside = 0 if outside.row is None else outside.row

    def gather(self, out: Array, scratch: Array) -> list[Call]:
        """Copies them to ``out``, contiguous and of that shape; ``scratch`` as :func:`scratch` says."""
        if self.rows is not None:
            return [partial(self.rows.take, self.numbers, 0, out, "clip")]
        size = self.source.size
        rows = np.ndarray((size // self.channels + 1, self.channels), FLOAT, scratch)
        return [
            partial(np.copyto, np.ndarray(self.source.shape, FLOAT, scratch), self.source),
            partial(np.copyto, scratch[size : size + self.channels], self.outside),
            partial(rows.take, self.numbers, 0, out, "clip"),
        ]


def scratch(strips: Sequence[Strip], shape: Sizes) -> int:
    """The float32 numbers for the largest source of the strips of ``shape`` (N, *spatial, C), and a row."""
    _, extent, *others, channels = shape
    row = channels
    for other in others:
        row *= other
    most = 0
    for strip in strips:
        samples, rows, *_ = strip.source
        count = samples.stop - samples.start
        most = max(most, count * extent if count > 1 else rows.stop - rows.start)
    return most * row + channels


def table_sizes(window: Window, strips: Sequence[Strip], shape: Sizes, groups: int = 1) -> dict[tuple[Any, ...], int]:
    """The bytes of every table that the strips of ``shape`` (N, *spatial, C) need, by what tells them apart."""
    found = {}
    for strip in strips:
        samples, rows, seen = _relative(strip, window, shape)
        count = samples.stop - samples.start
        cells = groups * count * prod(seen.output) * prod(seen.kernel)
        found[(seen, rows.stop - rows.start, shape[2:-1], count, groups)] = cells * np.dtype(np.intp).itemsize
    return found


def _relative(strip: Strip, window: Window, shape: Sizes) -> tuple[slice, slice, Window]:
    """The samples and rows that a strip reads, and its windows as seen from there: strips between others are alike."""
    samples, rows, *_ = strip.source
    before = strip.inner[1].start if strip.inner else 0
    if samples.stop - samples.start > 1:  # they follow each other only as a whole
        rows, before = slice(0, shape[1]), window.begin[0]
    _, *output = strip.size(window)
    return samples, rows, window._replace(begin=(before, *window.begin[1:]), output=tuple(output), end=())


def _numbers(window: Window, extents: Sizes, samples: int, taps_first: bool, groups: int) -> Numbers:
    """The numbers of the cells, those of padding are OUTSIDE. With groups a cell has a row for each."""
    rank = len(extents)
    number = np.arange(samples, dtype=np.intp).reshape(-1, *(1,) * (2 * rank))
    inside = np.ones((), np.bool_)
    for axis, extent in enumerate(extents):
        outputs = np.arange(window.output[axis], dtype=np.intp) * window.stride[axis] - window.begin[axis]
        taps = np.arange(window.kernel[axis], dtype=np.intp) * window.dilation[axis]
        shape = [1] * (1 + 2 * rank)
        shape[1 + axis], shape[1 + rank + axis] = len(outputs), len(taps)
        place = (outputs[:, None] + taps).reshape(shape)
        number = number * extent + place
        inside = inside & (place >= 0) & (place < extent)
    if groups > 1:
        number = number * groups + np.arange(groups, dtype=np.intp).reshape(-1, *(1,) * number.ndim)
    number[np.broadcast_to(~inside, number.shape)] = OUTSIDE
    if taps_first:
        number = number.transpose(*range(1 + rank, 1 + 2 * rank), *range(1 + rank))
    found = np.ascontiguousarray(number)
    found.flags.writeable = False
    return found


def _up_to(outside: Outside, source: Array, channels: int) -> Array | None:
    """``source`` as rows of so many channels and what lies behind it, up to the row for padding; None where its cells
    do not follow each other, or that row does not follow them.
    """
    row = channels * FLOAT.itemsize
    distance = outside.begin - source.__array_interface__["data"][0]
    if not source.flags.c_contiguous or (outside.row is not None and distance % row):
        return None
    return np.lib.stride_tricks.as_strided(source, (-(-distance // row) + 1, channels), (row, FLOAT.itemsize))
