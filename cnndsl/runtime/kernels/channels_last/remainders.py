"""Windows with a stride: the halo's cells sorted by remainder, so that what neighbouring windows read is contiguous.

With stride s, one tap of neighbouring windows reads every s-th cell of the last spatial axis. Sorted by the remainder
of their index by s, these cells lie side by side: cell ``q*s + r`` is cell q of part r. The halo is copied anyway; here
it becomes s halos, one for each remainder, and every pass over a tap runs at the speed of contiguous memory.
"""

from functools import partial
from math import gcd, prod
from typing import NamedTuple

import numpy as np

from cnndsl.arrays import Array
from cnndsl.runtime.kernels.arrays import Sizes
from cnndsl.runtime.kernels.channels_last.strips import Call, Slices, Strip, Window


class RemainderPart(NamedTuple):
    """The cells of one remainder: where they come from, and where they lie in their part of the halo."""

    source: Array
    inner: Slices


def halo_shape(strip: Strip, window: Window) -> Sizes:
    """(s, n, *extents, C): the halo in s parts."""
    sample, *extents, across, channels = strip.halo
    return (window.stride[-1], sample, *extents, -(-across // window.stride[-1]), channels)


def parts(source: Array, strip: Strip, window: Window) -> list[RemainderPart]:
    """``source`` (n, *spatial, C), the part of an input that lies in the halo, by remainders."""
    stride, axis = window.stride[-1], source.ndim - 2
    inner = strip.inner or tuple(slice(0, extent) for extent in source.shape[:-1])
    first, stop = inner[axis].start, inner[axis].stop
    found = []
    for remainder in range(stride):
        begin, end = -((remainder - first) // stride), -((remainder - stop) // stride)
        cells = slice(begin * stride + remainder - first, None, stride)
        found.append(RemainderPart(source[..., cells, :], (*inner[:axis], slice(begin, end))))
    return found


def fill(halo: Array, cells: list[RemainderPart], order: tuple[int, ...], padded: bool) -> list[Call]:
    """The cells of each part, and zeros around them where the strip sees padding (what nobody reads is left as it is);
    ``order`` transposes a part to channels last.
    """
    places = [(part.transpose(order)[inner], source) for part, (source, inner) in zip(halo, cells, strict=True)]
    calls: list[Call] = [partial(halo.fill, 0)] if padded else []
    return [*calls, *(partial(np.copyto, place, source) for place, source in places)]


def passes(window: Window) -> int:
    """The number of remainders that taps of the last axis have."""
    return min(window.stride[-1] // gcd(window.stride[-1], window.dilation[-1]), window.kernel[-1])


def taps(window: Window) -> list[slice]:
    """The taps of the last axis whose cells have the same remainder: they are equally far apart (see ``tap_step``)."""
    apart = window.stride[-1] // gcd(window.stride[-1], window.dilation[-1])
    return [slice(first, window.kernel[-1], apart) for first in range(passes(window))]


def tap_step(window: Window) -> int:
    """The cells between two such taps, within their part of the halo."""
    return window.dilation[-1] // gcd(window.stride[-1], window.dilation[-1])


def tap_offset(tap: Sizes, window: Window, strides: Sizes) -> int:
    """The bytes from the beginning of the halo to a tap's first cell; ``strides`` are those of the halo's axes: the
    remainder's, then the spatial ones.
    """
    *outer, last = (t * d for t, d in zip(tap, window.dilation, strict=True))
    between, remainder = divmod(last, window.stride[-1])
    steps = zip((remainder, *outer, between), strides, strict=True)
    return sum(count * bytes_ for count, bytes_ in steps)


def numbers(strip: Strip, window: Window) -> int:
    """The float32 numbers of the halo."""
    return prod(halo_shape(strip, window))
