"""Rearranging, cutting, growing and resampling. Results may be views of the input."""

from collections.abc import Sequence
from fractions import Fraction
from math import prod
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from cnndsl.arrays import Array, Float64
from cnndsl.runtime.kernels.arrays import Padding, PadMode, Sizes

Tap: TypeAlias = tuple[NDArray[np.int64], Float64]
"""For every position along an axis a cell that it reads, and the cell's weight."""

_NUMPY_MODES: dict[PadMode, Literal["reflect", "edge", "wrap"]] = {
    "reflect": "reflect",
    "edge": "edge",
    "circular": "wrap",
}


def flatten(x: Array) -> Array:
    """(N, C, *spatial) to (N, C * prod(spatial)), channel-major."""
    return x.reshape(x.shape[0], prod(x.shape[1:]))


def reshape(x: Array, shape: Sizes) -> Array:
    """(N, ...) to (N, *shape), elements in row-major order."""
    return x.reshape(x.shape[0], *shape)


def permute(x: Array, order: Sizes) -> Array:
    """Axis i of a result's sample is axis ``order[i]`` of the input's, 0 being the channels."""
    return x.transpose(0, *(axis + 1 for axis in order))


def pad(x: Array, padding: Padding, *, mode: PadMode = "zeros", value: float = 0.0) -> Array:
    """(N, C, *spatial) grown by (begin, end) cells along each spatial axis; ``x`` itself if that is nothing.

    New cells hold ``value`` (mode ``"zeros"``), mirror the array about its outermost cells (``"reflect"``), repeat
    these (``"edge"``), or continue at the other side (``"circular"``).
    """
    if not any(begin or end for begin, end in padding):
        return x
    widths = ((0, 0), (0, 0), *padding)
    if mode == "zeros":
        return np.pad(x, widths, constant_values=value)
    return np.pad(x, widths, mode=_NUMPY_MODES[mode])


def crop(x: Array, cropping: Padding) -> Array:
    """(N, C, *spatial) shrunk by (begin, end) cells along each spatial axis."""
    kept = (slice(begin, extent - end) for (begin, end), extent in zip(cropping, x.shape[2:], strict=True))
    return x[(slice(None), slice(None), *kept)]


def slice_axis(x: Array, axis: int, begin: int, end: int) -> Array:
    """Cells ``begin`` to ``end - 1`` along ``axis`` of a sample, 0 being the channels."""
    return x[(*(slice(None),) * (axis + 1), slice(begin, end))]


def upsample_nearest(x: Array, scale: Sizes) -> Array:
    """Each cell repeated ``scale`` times along each spatial axis: (N, C, *spatial) to (N, C, *(spatial * scale))."""
    for axis, times in enumerate(scale, start=2):
        x = np.repeat(x, times, axis=axis)
    return x


def resize(x: Array, output: Sizes, *, mode: Literal["nearest", "linear", "cubic"], align_corners: bool) -> Array:
    """(N, C, *spatial) resampled to (N, C, *output), as PyTorch's ``interpolate``.

    ``nearest`` takes cell floor(i * in / out), exactly (ONNX: asymmetric, floor). ``linear`` and ``cubic``
    interpolate along each axis at (i + 1/2) * in / out - 1/2 (ONNX: half_pixel), or with ``align_corners`` at
    i * (in - 1) / (out - 1), or 0 where out is 1.
    """
    for axis, (extent, size) in enumerate(zip(x.shape[2:], output, strict=True), start=2):
        if mode == "nearest":
            x = x.take(np.arange(size) * extent // size, axis=axis)
        elif size != extent:
            x = _weighted(x, axis, interpolation(extent, size, mode == "cubic", align_corners))
    return x


def _weighted(x: Array, axis: int, taps: Sequence[Tap]) -> Array:
    """The weighted sums of cells along one axis."""
    shares = [weights.astype(x.dtype).reshape(-1, *(1,) * (x.ndim - 1 - axis)) for _, weights in taps]
    shares[0] = 1 - np.sum(shares[1:], axis=0)  # rounded to float32 they would not be one together
    terms = (x.take(cells, axis=axis) * share for (cells, _), share in zip(taps, shares, strict=True))
    result: Array = next(terms)
    for term in terms:
        result += term
    return result


def interpolation(extent: int, size: int, cubic: bool, align_corners: bool) -> list[Tap]:
    """The two or four taps with which ``size`` positions along an axis read it; beyond the edge they read the edge."""
    if align_corners:
        step, start = Fraction(extent - 1, size - 1) if size > 1 else Fraction(0), Fraction(0)
    else:
        step = Fraction(extent, size)
        start = (step - 1) / 2
    denominator = 2 * step.denominator
    numerators = np.arange(size) * int(step * denominator) + int(start * denominator)
    if not cubic:
        numerators = np.maximum(numerators, 0)
    left, rest = np.divmod(numerators, denominator)
    share = rest / denominator
    weigh = _cubic if cubic else _linear
    taps = range(-1, 3) if cubic else range(2)
    return [(np.clip(left + tap, 0, extent - 1), weigh(np.abs(share - tap))) for tap in taps]


def _linear(distance: Float64) -> Float64:
    return 1 - distance


def _cubic(distance: Float64) -> Float64:
    """The cubic convolution kernel of Keys (1981) with PyTorch's and ONNX's a = -0.75."""
    a = -0.75
    near = ((a + 2) * distance - (a + 3)) * distance**2 + 1
    far = ((a * distance - 5 * a) * distance + 8 * a) * distance - 4 * a
    result: Float64 = np.where(distance <= 1, near, far)
    return result


def channel_shuffle(x: Array, groups: int) -> Array:
    """Channel g * (C/groups) + i of ``x`` (N, C, ...) moves to i * groups + g (Zhang et al. 2018, ShuffleNet)."""
    batch, channels, *spatial = x.shape
    return x.reshape(batch, groups, channels // groups, *spatial).swapaxes(1, 2).reshape(x.shape)


def pixel_shuffle(x: Array, factor: int) -> Array:
    """(N, C * factor², H, W) to (N, C, H * factor, W * factor) (Shi et al. 2016).

    Channel c * factor² + i * factor + j holds row i, column j of each square: PyTorch's order, ONNX DepthToSpace's CRD.
    """
    batch, channels, height, width = x.shape
    result_channels = channels // factor**2
    squares = x.reshape(batch, result_channels, factor, factor, height, width)
    return squares.transpose(0, 1, 4, 2, 5, 3).reshape(batch, result_channels, height * factor, width * factor)


def space_to_depth(x: Array, factor: int) -> Array:
    """(N, C, H, W) to (N, C * factor², H / factor, W / factor), the inverse of :func:`pixel_shuffle`.

    Row i, column j of each square become channel c * factor² + i * factor + j, as in PyTorch's ``pixel_unshuffle``.
    (ONNX SpaceToDepth orders them (i * factor + j) * C + c.)
    """
    batch, channels, height, width = x.shape
    squares = x.reshape(batch, channels, height // factor, factor, width // factor, factor)
    return squares.transpose(0, 1, 3, 5, 2, 4).reshape(batch, channels * factor**2, height // factor, width // factor)
