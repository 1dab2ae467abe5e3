"""Convolution and transposed convolution in one to three spatial dimensions."""

from math import prod

import numpy as np

from cnndsl.arrays import Array
from cnndsl.runtime.kernels.arrays import BUFFER_BYTES, CACHE_BYTES, Padding, PadMode, Sizes, blocks, per_channel
from cnndsl.runtime.kernels.windows import cover, windows


def convolve(
    x: Array,
    weight: Array,
    bias: Array | None,
    *,
    stride: Sizes,
    dilation: Sizes,
    padding: Padding,
    groups: int,
    output: Sizes,
    pad_mode: PadMode = "zeros",
) -> Array:
    """Cross-correlation, as deep learning's "convolution" (Dumoulin and Visin 2016, chapter 2).

    ``x`` (N, C, *spatial), ``weight`` (F, C/groups, *kernel), ``bias`` (F,): (N, F, *output), with
    ``y[n, f, o] = bias[f] + sum over c, t of weight[f, c, t] * x[n, c, o*stride + t*dilation - begin]``, where c counts
    from the first channel of the group of f.
    """
    kernel = weight.shape[2:]
    padded = cover(x, kernel=kernel, stride=stride, dilation=dilation, padding=padding, output=output, mode=pad_mode)
    patches = windows(padded, kernel=kernel, stride=stride, dilation=dilation, output=output)
    if weight.shape[1] == 1 and groups > 1:
        result = _depthwise(patches, weight, output)
    else:
        result = _matrix_product(patches, weight, groups, output)
    if bias is not None:
        result += per_channel(bias, result)
    return result


def _matrix_product(patches: Array, weight: Array, groups: int, output: Sizes) -> Array:
    """Patches unfolded to columns, block by block, and multiplied by the weights (im2col; Chellapilla et al. 2006)."""
    batch, channels = patches.shape[:2]
    filters, _, *kernel = weight.shape
    links = weight[0].size
    matrices = weight.reshape(groups, filters // groups, links)
    result = np.empty((batch, filters, *output), patches.dtype)
    every = slice(None)
    column_bytes = channels * prod(kernel) * patches.itemsize
    for samples, *cells in blocks((batch, *output), BUFFER_BYTES // column_bytes):
        block = patches[(samples, every, *(every for _ in kernel), *cells)]
        target = result[(samples, every, *cells)]
        columns = block.reshape(block.shape[0], groups, links, prod(target.shape[2:]))
        target[...] = np.matmul(matrices, columns).reshape(target.shape)
    return result


def _depthwise(patches: Array, weight: Array, output: Sizes) -> Array:
    """One input channel a filter: the taps' products summed in place, a few planes at a time."""
    batch, channels = patches.shape[:2]
    filters, _, *kernel = weight.shape
    multiplier = filters // channels
    factors = weight.reshape(channels, multiplier, *kernel, *(1 for _ in output))
    result = np.empty((batch, channels, multiplier, *output), patches.dtype)
    plane_bytes = multiplier * prod(output) * patches.itemsize
    every = slice(None)
    for samples, planes in blocks((batch, channels), CACHE_BYTES // plane_bytes):
        total = result[samples, planes]
        product = np.empty_like(total)
        total[...] = 0
        for tap in np.ndindex(*kernel):
            np.multiply(patches[(samples, planes, *tap)][:, :, None], factors[(planes, every, *tap)], out=product)
            total += product
    return result.reshape(batch, filters, *output)


def convolve_transposed(
    x: Array,
    weight: Array,
    bias: Array | None,
    *,
    stride: Sizes,
    dilation: Sizes,
    padding: Padding,
    groups: int,
    output: Sizes,
) -> Array:
    """The transpose of :func:`convolve` as a linear map (Dumoulin and Visin 2016, chapter 4).

    ``x`` (N, C, *spatial), ``weight`` (C, F/groups, *kernel), ``bias`` (F,): (N, F, *output). Each input cell i adds
    ``x[n, c, i] * weight[c, f, t]`` to output cell ``i*stride + t*dilation - begin``, if the output has that cell.
    """
    batch, channels, *spatial = x.shape
    filters = weight.shape[1] * groups
    kernel = weight.shape[2:]
    taps = list(np.ndindex(*kernel))
    matrices = weight.reshape(groups, channels // groups, filters // groups, len(taps)).transpose(0, 3, 2, 1)
    columns = x.reshape(batch, groups, channels // groups, prod(spatial))
    begins = [begin for begin, _ in padding]
    full = [
        max((n - 1) * s + (k - 1) * d + 1, begin + o)
        for n, s, k, d, begin, o in zip(spatial, stride, kernel, dilation, begins, output, strict=True)
    ]
    scattered = np.zeros((batch, groups, filters // groups, *full), x.dtype)
    tap_bytes = filters * prod(spatial) * x.itemsize
    for samples, some in blocks((batch, len(taps)), BUFFER_BYTES // tap_bytes):
        products = np.matmul(matrices[:, some].reshape(groups, -1, channels // groups), columns[samples])
        products = products.reshape(-1, groups, len(taps[some]), filters // groups, *spatial)
        for position, tap in enumerate(taps[some]):
            cells = tuple(
                slice(t * d, t * d + (n - 1) * s + 1, s)
                for t, d, n, s in zip(tap, dilation, spatial, stride, strict=True)
            )
            scattered[(samples, slice(None), slice(None), *cells)] += products[:, :, position]
    kept = tuple(slice(begin, begin + o) for begin, o in zip(begins, output, strict=True))
    result = scattered.reshape(batch, filters, *full)[(slice(None), slice(None), *kept)]
    return result if bias is None else result + per_channel(bias, result)
