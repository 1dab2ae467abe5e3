"""Normalisation. Weights and biases are None where a layer has none (``affine=false``)."""

import numpy as np
from numpy.typing import ArrayLike

from cnndsl.arrays import Array
from cnndsl.runtime.kernels.arrays import Sizes, per_channel


@np.errstate(all="ignore")
def batch_norm(x: Array, weight: Array | None, bias: Array | None, mean: Array, variance: Array, eps: float) -> Array:
    """``(x - mean) / sqrt(variance + eps) * weight + bias`` with running statistics (Ioffe and Szegedy 2015).

    ``x`` (N, C, ...); everything else (C,): the shape of ``x``.
    """
    factor = 1 / np.sqrt(variance + eps)
    if weight is not None:
        factor = factor * weight
    result: Array = x - per_channel(mean, x)
    result *= per_channel(factor, x)
    if bias is not None:
        result += per_channel(bias, x)
    return result


@np.errstate(all="ignore")
def layer_norm(x: Array, weight: Array | None, bias: Array | None, eps: float, channel_only: bool) -> Array:
    """Each sample standardised over all its axes, or with ``channel_only`` each position over its channels.

    ``x`` (N, C, *spatial) or (N, features): the same shape. ``weight`` and ``bias`` have the shape of a sample (Ba et
    al. 2016), or (C,) with ``channel_only`` (Liu et al. 2022, ConvNeXt).
    """
    if channel_only:
        return _affine(_standardise(x, (1,), eps), weight, bias)
    result = _standardise(x, tuple(range(1, x.ndim)), eps)
    if weight is not None:
        result *= weight
    if bias is not None:
        result += bias
    return result


@np.errstate(all="ignore")
def group_norm(x: Array, weight: Array | None, bias: Array | None, groups: int, eps: float) -> Array:
    """Each group of C/groups neighbouring channels of a sample standardised together (Wu and He 2018).

    ``x`` (N, C, ...), ``weight`` and ``bias`` (C,): the shape of ``x``.
    """
    grouped = x.reshape(x.shape[0], groups, x.shape[1] // groups, *x.shape[2:])
    result = _standardise(grouped, tuple(range(2, grouped.ndim)), eps).reshape(x.shape)
    return _affine(result, weight, bias)


def instance_norm(x: Array, weight: Array | None, bias: Array | None, eps: float) -> Array:
    """Each channel of each sample standardised (Ulyanov et al. 2016).

    ``x`` (N, C, *spatial), ``weight`` and ``bias`` (C,): the shape of ``x``.
    """
    return group_norm(x, weight, bias, x.shape[1], eps)


@np.errstate(all="ignore")
def local_response_norm(x: Array, size: int, alpha: float, beta: float, k: float) -> Array:
    """``x / (k + alpha/size * sum of squares over size channels) ** beta`` (Krizhevsky et al. 2012, section 3.3).

    ``x`` (N, C, ...): the same shape. As in ONNX the channels are c - floor((size-1)/2) to c + ceil((size-1)/2), those
    that exist. For an even ``size`` PyTorch takes the odd channel before c instead; for odd sizes the two agree.
    (Krizhevsky's alpha is this one divided by ``size``.)
    """
    channels = x.shape[1]
    before, after = (size - 1) // 2, size // 2
    squares = np.square(x)
    sums = squares.copy()
    for offset in range(1, min(after, channels - 1) + 1):
        sums[:, :-offset] += squares[:, offset:]
    for offset in range(1, min(before, channels - 1) + 1):
        sums[:, offset:] += squares[:, :-offset]
    sums *= alpha / size
    sums += k
    result: Array = x / sums**beta
    return result


@np.errstate(all="ignore")
def normalize(x: Array, mean: ArrayLike, std: ArrayLike) -> Array:
    """``(x - mean) / std``, constants: one number each or one per channel. ``x`` (N, C, ...): the same shape."""
    result: Array = x - per_channel(np.asarray(mean, x.dtype), x)
    result /= per_channel(np.asarray(std, x.dtype), x)
    return result


@np.errstate(all="ignore")
def scale(x: Array, weight: Array, bias: Array | None = None) -> Array:
    """``x * weight + bias`` per channel (Touvron et al. 2021, LayerScale). ``x`` (N, C, ...), the others (C,)."""
    result: Array = x * per_channel(weight, x)
    return _affine(result, None, bias)


@np.errstate(all="ignore")
def shift(x: Array, bias: Array) -> Array:
    """``x + bias`` per channel. ``x`` (N, C, ...), ``bias`` (C,)."""
    result: Array = x + per_channel(bias, x)
    return result


def _standardise(x: Array, axes: Sizes, eps: float) -> Array:
    """A new array with mean 0 and, but for ``eps``, variance 1 (the biased estimate) over ``axes``."""
    result: Array = x - x.mean(axis=axes, keepdims=True, dtype=np.float64).astype(x.dtype)
    variance = np.square(result).mean(axis=axes, keepdims=True, dtype=np.float64)
    result /= np.sqrt(variance + eps).astype(x.dtype)
    return result


def _affine(result: Array, weight: Array | None, bias: Array | None) -> Array:
    """``result * weight + bias`` per channel, in place."""
    if weight is not None:
        result *= per_channel(weight, result)
    if bias is not None:
        result += per_channel(bias, result)
    return result
