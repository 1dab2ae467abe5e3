"""How work is cut into strips, the cells that a strip's windows read, and what is done to a strip at its end."""

from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from itertools import pairwise, product
from math import prod
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from cnndsl.runtime.kernels.arrays import Array, Sizes

Call: TypeAlias = Callable[[], Any]
Slices: TypeAlias = tuple[slice, ...]


class Task(NamedTuple):
    """Computes a part. ``calls`` gets a float32 array, the scratch memory of the thread that will run it, and gives the
    calls that do it, in order; they can be made again and again. ``reads`` and ``writes`` are the parts of values that
    it uses.
    """

    calls: Callable[[Array], Sequence[Call]]
    reads: tuple[Array, ...]
    writes: tuple[Array, ...]


Phases: TypeAlias = Sequence[Sequence[Task]]

FLOAT = np.dtype(np.float32)


def split(extent: int, parts: int) -> list[slice]:
    """``extent`` cells in ``parts`` slices whose sizes differ by at most one; fewer where there are fewer cells.

    The larger ones come first: 55 rows are cut at 28, and so are their 14 rows of Winograd's tiles.
    """
    parts = max(1, min(parts, extent))
    edges = [-(-extent * index // parts) for index in range(parts + 1)]
    return [slice(begin, end) for begin, end in pairwise(edges)]


def matrix(x: Array) -> Array:
    """``x`` (N, *spatial, C) as a view (positions, C); cells must follow each other at equal distances."""
    return np.lib.stride_tricks.as_strided(x, (prod(x.shape[:-1]), x.shape[-1]), x.strides[-2:])


class Window(NamedTuple):
    """A window that slides over the spatial axes: everything resolved, one number an axis."""

    kernel: Sizes
    stride: Sizes
    dilation: Sizes
    begin: Sizes
    output: Sizes
    end: Sizes = ()

    @property
    def plain(self) -> bool:
        """Whether every window is one cell and every cell has one."""
        return {*self.kernel, *self.stride} == {1} and not any((*self.begin, *self.end))


class Strip(NamedTuple):
    """Some rows of the output of some samples, and the cells that their windows read: the halo.

    ``source`` is where the halo lies in the array, as far as it does; ``inner`` where that part lies in the halo, None
    if it is all of it.
    """

    samples: slice
    rows: slice
    source: Slices
    halo: Sizes
    inner: Slices | None

    @property
    def part(self) -> Slices:
        """The strip in the output (N, *output, F)."""
        return (self.samples, self.rows)

    def size(self, window: Window) -> Sizes:
        """The extents (n, *output) of the strip."""
        return (self.samples.stop - self.samples.start, self.rows.stop - self.rows.start, *window.output[1:])


FEW = 64
"""So many strips are remembered: planning asks for the same ones several times."""


def strips(window: Window, shape: Sizes, sample_parts: int, row_parts: int) -> Sequence[Strip]:
    """Strips that cover the output of ``window`` over an array of ``shape`` (N, *spatial, C).

    Where rows are cut, every sample is by itself, so that the cells of a strip follow each other in memory.
    """
    sample_parts = shape[0] if row_parts > 1 else sample_parts
    return (_strips if sample_parts * row_parts > FEW else _few_strips)(window, shape, sample_parts, row_parts)


def _strips(window: Window, shape: Sizes, sample_parts: int, row_parts: int) -> tuple[Strip, ...]:
    batch, *spatial, channels = shape
    found = []
    for samples, rows in product(split(batch, sample_parts), split(window.output[0], row_parts)):
        source, inner, halo = [samples], [slice(None)], [samples.stop - samples.start]
        ranges = [rows, *(slice(0, extent) for extent in window.output[1:])]
        for extent, cells, k, s, d, b in zip(spatial, ranges, *window[:4], strict=True):
            first, stop = cells.start * s - b, (cells.stop - 1) * s + (k - 1) * d + 1 - b
            low = min(max(first, 0), extent)
            high = max(min(stop, extent), low)
            source.append(slice(low, high))
            inner.append(slice(low - first, high - first))
            halo.append(stop - first)
        whole = all(part.stop - part.start == cells for part, cells in zip(inner[1:], halo[1:], strict=True))
        found.append(Strip(samples, rows, tuple(source), (*halo, channels), None if whole else tuple(inner)))
    return tuple(found)


_few_strips = lru_cache(maxsize=256)(_strips)


def bytes_between(shape: Sizes) -> Sizes:
    """The strides of a contiguous float32 array."""
    strides = [FLOAT.itemsize]
    for extent in shape[:0:-1]:
        strides.append(strides[-1] * extent)
    return tuple(reversed(strides))


class Follower(NamedTuple):
    """What is done in place to a value as soon as it is there.

    ``kind`` is ``relu``, ``clip`` (``operand`` is the two bounds), one of ``PER_CHANNEL`` (``operand`` is an array that
    broadcasts), ``other`` (a sum with a value of the network), ``map`` (``operand`` is a NumPy function of one argument
    that writes in place) or ``apply`` (``operand`` is any function).
    """

    kind: str
    operand: Any = None


PER_CHANNEL = {"add": np.add, "multiply": np.multiply, "maximum": np.maximum, "minimum": np.minimum}


class Finish:
    """The followers of a value ``out``, bound to it: asked for a part, gives the calls that finish that part."""

    def __init__(self, out: Array, followers: Sequence[Follower]) -> None:
        self.out = out
        self.followers = [self._spread(follower) for follower in followers]

    def _spread(self, follower: Follower) -> Follower:
        """Per-channel operands repeated along the last spatial axis, unless that is the one which is cut into strips:
        NumPy's inner loops get as long as a row.
        """
        kind, operand = follower
        channels = self.out.shape[-1]
        if kind == "relu":  # NumPy's maximum with a scalar is several times slower, and clip keeps NaN too
            kind, operand = "clip", (0, np.inf)
        if kind in PER_CHANNEL and self.out.ndim > 3 and operand.ndim == 1 and channels < 512:
            operand = np.tile(operand, (self.out.shape[-2], 1))
        return Follower(kind, operand)

    def flat(self) -> "Finish":
        """The same for the matrix of positions and channels."""
        flat = Finish(matrix(self.out), [])
        for kind, operand in self.followers:
            if kind == "other":
                operand = matrix(operand)
            elif kind in PER_CHANNEL and operand.ndim > 1:
                operand = operand[0]
            flat.followers.append(Follower(kind, operand))
        return flat

    def without_first(self) -> tuple[Follower | None, "Finish"]:
        """The first follower if it combines every number with another one, and what remains to be done. An operand per
        channel is (C,).
        """
        if not self.followers or self.followers[0].kind not in (*PER_CHANNEL, "other"):
            return None, self
        (kind, operand), *others = self.followers
        rest = Finish(self.out, [])
        rest.followers = others
        return Follower(kind, operand[0] if kind in PER_CHANNEL and operand.ndim > 1 else operand), rest

    def task(
        self, index: Slices, function: Callable[..., Sequence[Call]], *arguments: Any, reads: Sequence[Array]
    ) -> Task:
        """The task that computes ``out[index]`` from ``reads``: what ``function(*arguments, scratch)`` and :meth:`at`
        give.
        """
        others = [operand[index] for kind, operand in self.followers if kind == "other"]
        after = self.at(index)
        return Task(lambda scratch: [*function(*arguments, scratch), *after], (*reads, *others), (self.out[index],))

    def at(self, index: Slices) -> tuple[Call, ...]:
        """The calls that finish ``out[index]``."""
        block = self.out[index]
        calls: list[Call] = []
        for kind, operand in self.followers:
            if kind == "apply":
                calls.append(partial(_apply, operand, block))
            elif kind == "map":
                calls.append(partial(operand, block, block))
            elif kind == "clip":
                calls.append(partial(block.clip, *operand, block))
            else:
                function = PER_CHANNEL.get(kind, np.add)
                if kind == "other":
                    operand = operand[index]
                elif len(index) == block.ndim:
                    operand = operand[index[-operand.ndim :]]
                if block.ndim == 2 and operand.ndim == 1:
                    long, operand = _long_rows(block, operand)
                    calls.append(partial(function, long, operand, out=long))
                else:
                    calls.append(partial(function, block, operand, out=block))
        return tuple(calls)


LONG = 8192
"""Numbers that make a row long: NumPy begins its inner loop anew for every row."""


def _long_rows(matrix: Array, row: Array) -> tuple[Array, Array]:
    """A matrix and a row to be combined with each of its rows; several rows in one where they follow each other."""
    rows, channels = matrix.shape
    if matrix.strides != (channels * FLOAT.itemsize, FLOAT.itemsize):
        return matrix, row
    together = max(n for n in range(1, max(1, min(rows, LONG // channels)) + 1) if rows % n == 0)
    return matrix.reshape(rows // together, together * channels), np.tile(row, together)


def _apply(function: Callable[[Array], Array], block: Array) -> None:
    block[...] = function(block)
