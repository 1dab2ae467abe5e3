"""What works cell by cell: sums of branches, per-channel factors, responses normalised over channels, copies."""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from cnndsl.arrays import Array
from cnndsl.runtime.kernels.arrays import Sizes
from cnndsl.runtime.kernels.channels_last.strips import FLOAT, Call, Finish, Phases, Slices, split


def cuts(shape: Sizes, parts: int) -> list[Slices]:
    """About ``parts`` pieces of (N, *spatial, C): of the samples, and of the first spatial axis where those are few."""
    if len(shape) < 3 or shape[0] >= parts:
        return [(samples,) for samples in split(shape[0], parts)]
    rows = split(shape[1], -(-parts // shape[0]))
    return [(samples, part) for samples in split(shape[0], shape[0]) for part in rows]


def copy(x: Array, finish: Finish, parts: int) -> Phases:
    """``finish.out = x``; on its own for what only its followers compute."""
    tasks = []
    for index in cuts(finish.out.shape, parts):
        tasks.append(finish.task(index, _copy, x[index], finish.out[index], reads=[x[index]]))
    return [tasks]


def _copy(x: Array, out: Array, scratch: Array) -> list[Call]:
    return [partial(np.copyto, out, x)]


def finish_only(finish: Finish, parts: int) -> Phases:
    """The followers of a value that is there."""
    return [[finish.task(index, _nothing, reads=[]) for index in cuts(finish.out.shape, parts)]]


def _nothing(scratch: Array) -> list[Call]:
    return []


def merge(function: np.ufunc, arrays: Sequence[Array], finish: Finish, factor: float, parts: int) -> Phases:
    """``function`` over two or more arrays that broadcast, from left to right, times ``factor``."""
    spread = [np.broadcast_to(array, finish.out.shape) for array in arrays]
    tasks = []
    for index in cuts(finish.out.shape, parts):
        blocks = [array[index] for array in spread]
        tasks.append(finish.task(index, _merge, function, blocks, finish.out[index], factor, reads=blocks))
    return [tasks]


def _merge(function: np.ufunc, blocks: Sequence[Array], out: Array, factor: float, scratch: Array) -> list[Call]:
    calls: list[Call] = [partial(function, blocks[0], blocks[1], out=out)]
    calls += [partial(function, out, block, out=out) for block in blocks[2:]]
    if factor != 1:
        calls.append(partial(np.multiply, out, FLOAT.type(factor), out))
    return calls


def channel_band(channels: int, size: int) -> Array:
    """(C, C): ones where channel i belongs to the ``size`` channels around j (see ``local_response_norm``)."""
    offset = np.arange(channels)[:, None] - np.arange(channels)
    return ((offset >= -((size - 1) // 2)) & (offset <= size // 2)).astype(FLOAT)


def local_response_norm(
    x: Array, finish: Finish, band: Array, alpha: float, beta: float, k: float, parts: int
) -> Phases:
    """``x / (k + alpha * (x**2 @ band))**beta``: the sums over neighbouring channels are a product with a band of ones.

    Scratch: twice a strip.
    """
    tasks = []
    for index in cuts(x.shape, parts):
        block, scaled = x[index], band * FLOAT.type(alpha)
        tasks.append(finish.task(index, _normalise, block, finish.out[index], scaled, beta, k, reads=[block]))
    return [tasks]


def _normalise(x: Array, out: Array, band: Array, beta: float, k: float, scratch: Array) -> list[Call]:
    squares = np.ndarray(x.shape, FLOAT, scratch)
    sums = np.ndarray((x.size // len(band), len(band)), FLOAT, scratch, squares.nbytes)
    flat = squares.reshape(sums.shape)
    return [
        partial(np.multiply, x, x, squares),
        partial(np.matmul, flat, band, sums),
        partial(np.add, sums, FLOAT.type(k), sums),
        *_power(sums, beta, flat),
        partial(np.divide, x, sums.reshape(x.shape), out),
    ]


def _power(x: Array, exponent: float, spare: Array) -> list[Call]:
    """``x **= exponent`` in place; the usual 3/4 by square roots, many times faster than by logarithms."""
    if exponent == 0.75:
        return [partial(np.sqrt, x, x), partial(np.sqrt, x, spare), partial(np.multiply, x, spare, x)]
    return [partial(np.power, x, FLOAT.type(exponent), x)]


def rearrange(views: Sequence[tuple[Array, Array]], finish: Finish) -> Phases:
    """``out = x`` for pairs of views, of an input and of ``finish.out``, in which their cells correspond."""
    return [[finish.task((slice(None),), _copies, views, reads=[x for x, _ in views])]]


def _copies(views: Sequence[tuple[Array, Array]], scratch: Array) -> list[Call]:
    return [partial(np.copyto, out, x) for x, out in views]


def compute(function: Callable[[], Array], finish: Finish, reads: Sequence[Array]) -> Phases:
    """``finish.out = function()``, in one piece; ``reads`` are the inputs."""
    return [[finish.task((slice(None),), _compute, function, finish.out, reads=reads)]]


def _compute(function: Callable[[], Array], out: Array, scratch: Array) -> list[Call]:
    return [lambda: np.copyto(out, function())]
