"""What works cell by cell: sums of branches, per-channel factors, responses normalised over channels, copies."""

from collections.abc import Callable, Sequence

import numpy as np

from cnndsl.runtime.kernels.arrays import Array, Sizes
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


def _copy(x: Array, out: Array, after: tuple[Call, ...], scratch: Array) -> None:
    np.copyto(out, x)
    for call in after:
        call()


def finish_only(finish: Finish, parts: int) -> Phases:
    """The followers of a value that is there."""
    return [[finish.task(index, _finish, reads=[]) for index in cuts(finish.out.shape, parts)]]


def _finish(after: tuple[Call, ...], scratch: Array) -> None:
    for call in after:
        call()


def merge(function: np.ufunc, arrays: Sequence[Array], finish: Finish, factor: float, parts: int) -> Phases:
    """``function`` over two or more arrays that broadcast, from left to right, times ``factor``."""
    spread = [np.broadcast_to(array, finish.out.shape) for array in arrays]
    tasks = []
    for index in cuts(finish.out.shape, parts):
        blocks = [array[index] for array in spread]
        tasks.append(finish.task(index, _merge, function, blocks, finish.out[index], factor, reads=blocks))
    return [tasks]


def _merge(
    function: np.ufunc, blocks: Sequence[Array], out: Array, factor: float, after: tuple[Call, ...], scratch: Array
) -> None:
    function(blocks[0], blocks[1], out=out)
    for block in blocks[2:]:
        function(out, block, out=out)
    if factor != 1:
        np.multiply(out, FLOAT.type(factor), out)
    for call in after:
        call()


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


def _normalise(
    x: Array, out: Array, band: Array, beta: float, k: float, after: tuple[Call, ...], scratch: Array
) -> None:
    squares = np.ndarray(x.shape, FLOAT, scratch)
    sums = np.ndarray((x.size // len(band), len(band)), FLOAT, scratch, squares.nbytes)
    np.multiply(x, x, squares)
    np.matmul(squares.reshape(sums.shape), band, sums)
    sums += FLOAT.type(k)
    power(sums, beta, squares.reshape(sums.shape))
    np.divide(x, sums.reshape(x.shape), out)
    for call in after:
        call()


def power(x: Array, exponent: float, spare: Array) -> None:
    """``x **= exponent`` in place; the usual 3/4 by square roots, many times faster than by logarithms."""
    if exponent == 0.75:
        np.sqrt(x, x)
        np.sqrt(x, spare)
        np.multiply(x, spare, x)
    else:
        np.power(x, FLOAT.type(exponent), x)


def rearrange(x: Array, out: Array, finish: Finish) -> Phases:
    """``out = x``, views of an input and of ``finish.out`` in which their cells correspond."""
    return [[finish.task((slice(None),), _copy, x, out, reads=[x])]]


def compute(function: Callable[[], Array], finish: Finish, reads: Sequence[Array]) -> Phases:
    """``finish.out = function()``, in one piece; ``reads`` are the inputs."""
    return [[finish.task((slice(None),), _compute, function, finish.out, reads=reads)]]


def _compute(function: Callable[[], Array], out: Array, after: tuple[Call, ...], scratch: Array) -> None:
    np.copyto(out, function())
    for call in after:
        call()
