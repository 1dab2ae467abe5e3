"""Pooling over windows: maxima and sums along one axis after another, on strips of rows.

A maximum over a box is the maximum of maxima along one axis, and so is a sum, so the work grows with the sum of the
kernel's sides. What a tap would find in padding is left out: a tap is combined with those results for which it finds a
cell. A mean multiplies by the reciprocal of the real cells.
"""

from collections.abc import Sequence
from functools import partial
from itertools import pairwise
from math import prod
from typing import NamedTuple

import numpy as np

from cnndsl.arrays import Array
from cnndsl.runtime.kernels.arrays import Sizes
from cnndsl.runtime.kernels.channels_last.strips import (
    FLOAT,
    Call,
    Finish,
    Phases,
    Strip,
    Window,
    split,
    strips,
)
from cnndsl.runtime.kernels.windows import cells_that_count


def scratch(window: Window, shape: Sizes, sample_parts: int, row_parts: int) -> int:
    """The float32 numbers a thread needs: a partial result for every axis but the last."""
    parts = strips(window, shape, sample_parts, row_parts)
    return max(sum(map(prod, _shapes(window, strip)[1:-1])) for strip in parts)


def maxima(x: Array, finish: Finish, window: Window, sample_parts: int, row_parts: int) -> Phases:
    """The largest cell of each window: ``x`` (N, *spatial, C) to ``finish.out`` (N, *output, C)."""
    return _pool(np.maximum, -np.inf, x, None, finish, strips(window, x.shape, sample_parts, row_parts), window)


def means(x: Array, finish: Finish, window: Window, shares: Array, sample_parts: int, row_parts: int) -> Phases:
    """The sum of each window times ``shares`` (*output, 1)."""
    return _pool(np.add, 0, x, shares, finish, strips(window, x.shape, sample_parts, row_parts), window)


def shares(window: Window, spatial: Sizes, count_padding: bool) -> Array:
    """One over the number of cells that count in each window, (*output, 1); 1 where none does."""
    counts = cells_that_count(
        kernel=window.kernel,
        stride=window.stride,
        dilation=window.dilation,
        padding=tuple(zip(window.begin, window.end, strict=True)),
        output=window.output,
        spatial=spatial,
        with_padding=count_padding,
    )
    reciprocals: Array = (1 / np.maximum(counts, 1)).astype(FLOAT)
    return reciprocals[..., None]


def _pool(
    combine: np.ufunc,
    padding: float,
    x: Array,
    shares: Array | None,
    finish: Finish,
    parts: Sequence[Strip],
    window: Window,
) -> Phases:
    tasks = []
    for strip in parts:
        out, source, own = finish.out[strip.part], x[strip.source], None if shares is None else shares[strip.rows]
        reductions = _reductions(window, strip)
        given = (combine, padding, source, reductions, own, out)
        tasks.append(finish.task(strip.part, _strip, *given, reads=[source]))
    return [tasks]


class _Tap(NamedTuple):
    """Along one axis: the cells under a tap, as far as there are any, and the results that they are part of."""

    source: slice
    results: slice


class _Reduction(NamedTuple):
    """Along one axis: the taps, those of most results first, and the extents of what they become."""

    axis: int
    taps: list[_Tap]
    shape: Sizes


def _shapes(window: Window, strip: Strip) -> list[Sizes]:
    """The extents of what a strip reads, and of what it becomes axis by axis."""
    source = (*(part.stop - part.start for part in strip.source), strip.halo[-1])
    results = strip.size(window)
    return [(*results[: axis + 1], *source[axis + 1 :]) for axis in range(len(results))]


def _reductions(window: Window, strip: Strip) -> list[_Reduction]:
    """One after another, the last one into the output."""
    found: list[_Reduction] = []
    for axis, (before, after) in enumerate(pairwise(_shapes(window, strip)), start=1):
        k, s, d = window.kernel[axis - 1], window.stride[axis - 1], window.dilation[axis - 1]
        extent, cells = before[axis], after[axis]
        ahead = strip.inner[axis].start if strip.inner else 0
        taps = []
        for cell in range(-ahead, k * d - ahead, d):  # under the tap, in the first window
            first, stop = max(0, -(cell // s)), min(cells, (extent - 1 - cell) // s + 1)
            if first < stop:
                taps.append(_Tap(slice(cell + first * s, cell + (stop - 1) * s + 1, s), slice(first, stop)))
        taps.sort(key=lambda tap: tap.results.start - tap.results.stop)
        found.append(_Reduction(axis, taps, after))
    return found


def _strip(
    combine: np.ufunc,
    padding: float,
    source: Array,
    reductions: list[_Reduction],
    shares: Array | None,
    out: Array,
    scratch: Array,
) -> list[Call]:
    calls: list[Call] = []
    offset = 0
    for reduction in reductions:
        if reduction is reductions[-1]:
            target = out
        else:
            target = np.ndarray(reduction.shape, FLOAT, scratch, offset)
            offset += target.nbytes
        calls += _reduce(combine, padding, source, reduction, target)
        source = target
    if shares is not None:
        calls.append(partial(np.multiply, out, shares, out))
    return calls


def _reduce(combine: np.ufunc, padding: float, source: Array, reduction: _Reduction, target: Array) -> list[Call]:
    """``padding`` is what remains where no tap finds a cell."""
    axis, taps, shape = reduction
    before = (slice(None),) * axis
    every = slice(0, shape[axis])
    cells = [source[(*before, tap.source)] for tap in taps]
    results = [target[(*before, tap.results)] for tap in taps]
    calls: list[Call]
    if not taps or taps[0].results != every:
        calls, done = [partial(target.fill, padding)], 0
    elif len(taps) == 1:
        calls, done = [partial(np.copyto, target, cells[0])], 1
    else:
        some = taps[1].results
        calls, done = [partial(combine, cells[0][(*before, some)], cells[1], out=results[1])], 2
        for rest in (slice(0, some.start), slice(some.stop, every.stop)):
            if rest.start < rest.stop:
                calls.append(partial(np.copyto, target[(*before, rest)], cells[0][(*before, rest)]))
    for own, part in zip(cells[done:], results[done:], strict=True):
        calls.append(partial(combine, part, own, out=part))
    return calls


def global_means(x: Array, finish: Finish) -> Phases:
    """The mean of each channel, its sum as a product with a row of ones: ``x`` (N, *spatial, C), ``out`` (N, 1..., C).

    Divided at the end: in float32 1/49 is off by as much as a sum of 49 numbers, and by the same for all channels.
    """
    batch, channels = x.shape[0], x.shape[-1]
    cells = prod(x.shape[1:-1])
    ones = np.ones((1, cells), FLOAT)
    tasks = []
    for samples in split(batch, batch):
        rows = np.lib.stride_tricks.as_strided(x[samples], (cells, channels), x.strides[-2:])
        out = finish.out[samples].reshape(1, channels)
        tasks.append(finish.task((samples,), _mean, ones, rows, out, reads=[rows]))
    return [tasks]


def _mean(ones: Array, rows: Array, out: Array, scratch: Array) -> list[Call]:
    return [partial(np.matmul, ones, rows, out), partial(np.divide, out, FLOAT.type(len(rows)), out)]
