"""How work is cut into strips, the cells that a strip's windows read, and what is done to a strip at its end."""

from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from itertools import pairwise, product
from math import prod
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from cnndsl.arrays import Array
from cnndsl.runtime.kernels.arrays import Sizes

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
        self.followers = list(followers)
        self.repeated: dict[tuple[int, int, int], Array] = {}

    def flat(self) -> "Finish":
        """The same for the matrix of positions and channels."""
        flat = [Follower(kind, matrix(operand) if kind == "other" else operand) for kind, operand in self.followers]
        return Finish(matrix(self.out), flat)

    def without_first(self) -> tuple[Follower | None, "Finish"]:
        """The first follower if it combines every number with another one, and what remains to be done."""
        if not self.followers or self.followers[0].kind not in (*PER_CHANNEL, "other"):
            return None, self
        return self.followers[0], Finish(self.out, self.followers[1:])

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
        for number, (kind, operand) in enumerate(self.followers):
            if kind == "apply":
                calls.append(partial(_apply, operand, block))
            elif kind == "map":
                calls.append(partial(operand, block, block))
            elif kind == "clip":
                calls.append(partial(block.clip, *operand, block))
            elif kind == "relu":  # NumPy's maximum with a scalar is several times slower, and clip keeps NaN too
                calls.append(partial(block.clip, 0, np.inf, block))
            elif kind == "other":
                calls.append(partial(np.add, block, operand[index], out=block))
            else:
                channels = index[-1] if len(index) == block.ndim else slice(0, block.shape[-1])
                long, row = self._in_rows(block, number, channels)
                calls.append(partial(PER_CHANNEL[kind], long, row, out=long))
        return tuple(calls)

    def _in_rows(self, block: Array, number: int, channels: slice) -> tuple[Array, Array]:
        """A block, and the operand of a follower per channel, repeated for several cells: NumPy begins its inner loop
        anew for every row. The last spatial axis makes a row unless it is the one which is cut into strips; in a matrix
        whose rows follow each other several are one. Tasks share what is repeated.
        """
        row = self.followers[number].operand[channels]
        shape: Sizes
        if block.ndim == 2 and block.flags.c_contiguous:
            rows, width = block.shape
            times = max(n for n in range(1, max(1, min(rows, LONG // width)) + 1) if rows % n == 0)
            block, shape = block.reshape(rows // times, times * width), (times * width,)
        elif block.ndim > 3 and self.out.shape[-1] < FEW_CHANNELS:
            times = block.shape[-2]
            shape = (times, len(row))
        else:
            return block, row
        key = (number, channels.start or 0, times)
        if key not in self.repeated:
            self.repeated[key] = np.tile(row, times)
        return block, self.repeated[key].reshape(shape)


LONG = 8192
"""Numbers that make a row long."""
FEW_CHANNELS = 512
"""As many are long enough."""


def repeated(shape: Sizes, followers: Sequence[Follower]) -> int:
    """The float32 numbers, at the most, of what :class:`Finish` repeats for an output of ``shape`` (N, *spatial, C)."""
    channels, numbers = shape[-1], prod(shape)
    in_matrix = min(2 * max(LONG, channels), numbers)  # strips are of two heights at the most
    in_map = shape[-2] * channels if len(shape) > 3 and channels < FEW_CHANNELS else 0
    return sum(max(in_matrix, in_map) for kind, _ in followers if kind in PER_CHANNEL)


def _apply(function: Callable[[Array], Array], block: Array) -> None:
    block[...] = function(block)
