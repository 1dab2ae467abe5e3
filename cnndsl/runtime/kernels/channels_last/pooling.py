"""Pooling over windows: maxima and sums along one axis after another, on strips of rows.

A maximum over a box is the maximum of maxima along one axis, and so is a sum, so the work grows with the sum of the
kernel's sides. Padding holds minus infinity, or zero for sums; a mean multiplies by the reciprocal of the real cells.
"""

from functools import partial, reduce
from math import prod
from typing import NamedTuple

import numpy as np

from cnndsl.runtime.kernels.arrays import Array, Sizes
from cnndsl.runtime.kernels.channels_last.strips import (
    FLOAT,
    Call,
    Finish,
    Phases,
    Slices,
    Strip,
    Window,
    split,
    strips,
)


def scratch(window: Window, shape: Sizes, row_parts: int) -> int:
    """The float32 numbers a thread needs: the halo and a partial result for every axis but the last."""
    most = 0
    for strip in strips(window, shape, shape[0], row_parts):
        total, extents = prod(strip.halo), list(strip.halo)
        for axis, cells in enumerate(strip.size(window)[1:-1], start=1):
            extents[axis] = cells
            total += prod(extents)
        most = max(most, total)
    return most


def maxima(x: Array, finish: Finish, window: Window, row_parts: int) -> Phases:
    """The largest cell of each window: ``x`` (N, *spatial, C) to ``finish.out`` (N, *output, C)."""
    return _pool(np.maximum, -np.inf, x, None, finish, window, row_parts)


def means(x: Array, finish: Finish, window: Window, shares: Array, row_parts: int) -> Phases:
    """The sum of each window times ``shares`` (*output, 1)."""
    return _pool(np.add, 0, x, shares, finish, window, row_parts)


def shares(window: Window, spatial: Sizes, end: Sizes, count_padding: bool) -> Array:
    """One over the number of cells that count in each window, (*output, 1); 0 where none does."""
    counts = []
    for extent, k, s, d, b, o, e in zip(spatial, *window[:5], end, strict=True):
        cells = np.arange(o)[:, None] * s + np.arange(k) * d - b
        first, stop = (-b, extent + e) if count_padding else (0, extent)
        counts.append(((first <= cells) & (cells < stop)).sum(axis=1))
    product = np.asarray(reduce(np.multiply.outer, counts))
    reciprocals: Array = (1 / np.maximum(product, 1)).astype(FLOAT)
    return reciprocals[..., None]


def _pool(
    combine: np.ufunc, padding: float, x: Array, shares: Array | None, finish: Finish, window: Window, row_parts: int
) -> Phases:
    tasks = []
    for strip in strips(window, x.shape, len(x), row_parts):
        out, source, own = finish.out[strip.part], x[strip.source], None if shares is None else shares[strip.rows]
        reductions = _reductions(window, strip)
        given = (combine, padding, source, strip, reductions, own, out)
        tasks.append(finish.task(strip.part, _strip, *given, reads=[source]))
    return [tasks]


class _Reduction(NamedTuple):
    """Along one axis: where the cells under each tap are, and the extents of what they become."""

    taps: list[Slices]
    shape: Sizes


def _reductions(window: Window, strip: Strip) -> list[_Reduction]:
    """One after another, the last one into the output."""
    found, extents = [], list(strip.halo)
    for axis, cells in enumerate(strip.size(window)[1:], start=1):
        k, s, d = window.kernel[axis - 1], window.stride[axis - 1], window.dilation[axis - 1]
        before = (slice(None),) * axis
        taps = [(*before, slice(tap * d, tap * d + (cells - 1) * s + 1, s)) for tap in range(k)]
        extents[axis] = cells
        found.append(_Reduction(taps, tuple(extents)))
    return found


def _fill_halo(halo: Array, source: Array, inner: Slices | None, padding: float) -> list[Call]:
    """``source`` surrounded by ``padding``; ``inner`` is where it goes, None for everywhere."""
    if inner is None:
        return [partial(np.copyto, halo, source)]
    calls: list[Call] = []
    for axis in range(1, halo.ndim - 1):
        before = (slice(None),) * axis
        if inner[axis].start:
            calls.append(partial(halo[(*before, slice(0, inner[axis].start))].fill, padding))
        if inner[axis].stop < halo.shape[axis]:
            calls.append(partial(halo[(*before, slice(inner[axis].stop, None))].fill, padding))
    return [*calls, partial(np.copyto, halo[inner], source)]


def _strip(
    combine: np.ufunc,
    padding: float,
    source: Array,
    strip: Strip,
    reductions: list[_Reduction],
    shares: Array | None,
    out: Array,
    scratch: Array,
) -> list[Call]:
    calls: list[Call] = []
    offset = 0
    if strip.inner is not None:
        halo = np.ndarray(strip.halo, FLOAT, scratch)
        calls += _fill_halo(halo, source, strip.inner, padding)
        source, offset = halo, halo.nbytes
    for taps, shape in reductions:
        if taps is reductions[-1].taps:
            target = out
        else:
            target = np.ndarray(shape, FLOAT, scratch, offset)
            offset += target.nbytes
        if len(taps) == 1:
            calls.append(partial(np.copyto, target, source[taps[0]]))
        else:
            calls.append(partial(combine, source[taps[0]], source[taps[1]], out=target))
            calls += [partial(combine, target, source[tap], out=target) for tap in taps[2:]]
        source = target
    if shares is not None:
        calls.append(partial(np.multiply, out, shares, out))
    return calls


def global_means(x: Array, finish: Finish) -> Phases:
    """The mean of each channel, as a product with a row of ones: ``x`` (N, *spatial, C), ``out`` (N, 1..., C)."""
    batch, channels = x.shape[0], x.shape[-1]
    cells = prod(x.shape[1:-1])
    average = np.full((1, cells), 1 / cells, FLOAT)
    tasks = []
    for samples in split(batch, batch):
        rows = np.lib.stride_tricks.as_strided(x[samples], (cells, channels), x.strides[-2:])
        out = finish.out[samples].reshape(1, channels)
        tasks.append(finish.task((samples,), _mean, average, rows, out, reads=[rows]))
    return [tasks]


def _mean(average: Array, rows: Array, out: Array, scratch: Array) -> list[Call]:
    return [partial(np.matmul, average, rows, out)]
