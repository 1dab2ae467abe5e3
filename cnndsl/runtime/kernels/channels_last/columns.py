"""Convolution as a matrix product over unfolded windows (im2col; Chellapilla, Puri, Simard 2006), strip by strip.

The windows of a strip of output rows become the rows of a matrix (cells, kernel*C), which is multiplied with the
weights (kernel*C, filters). With the channels last, a cell copies in one run. A strip is as large as lets the product
run at full speed, and no larger, because its columns should stay in cache. Chosen wherever nothing better is: any
kernel, stride, dilation and groups, any rank.

Few cells and many filters (7x7 maps): the product is cut along the filters, so that no weight is read twice. Then each
part unfolds all windows for itself, which takes less time than to wait for another thread.
"""

from collections.abc import Sequence
from math import prod

import numpy as np

from cnndsl.arrays import Array
from cnndsl.runtime.kernels.arrays import Sizes
from cnndsl.runtime.kernels.channels_last import blocks, gather
from cnndsl.runtime.kernels.channels_last.blocks import Product
from cnndsl.runtime.kernels.channels_last.gather import Cells, Outside
from cnndsl.runtime.kernels.channels_last.strips import FLOAT, Call, Finish, Phases, Window, matrix, strips


def table(weight: Array, groups: int = 1) -> Array:
    """PyTorch's (F, C/groups, *kernel) as (groups, kernel*C/groups, F/groups)."""
    filters, channels, *kernel = weight.shape
    last = np.moveaxis(weight.reshape(groups, filters // groups, channels, *kernel), 2, -1)
    return last.reshape(groups, filters // groups, -1).transpose(0, 2, 1)


def scratch(window: Window, shape: Sizes, sample_parts: int, row_parts: int) -> int:
    """The float32 numbers a thread needs: the columns of its strip, and their cells where they lie apart."""
    parts = strips(window, shape, sample_parts, row_parts)
    most = max(prod(strip.size(window)) for strip in parts)
    return most * prod(window.kernel) * shape[-1] + gather.scratch(parts, shape)


def convolve(
    x: Array,
    weights: Sequence[Array],
    finish: Finish,
    window: Window,
    sample_parts: int,
    row_parts: int,
    outside: Outside,
) -> Phases:
    """``x`` (N, *spatial, C), ``weights`` that of :func:`table` in blocks, in parts along the filters: fills
    ``finish.out`` (N, *output, F).
    """
    tasks = []
    for strip in strips(window, x.shape, sample_parts, row_parts):
        begin = 0
        for weight in weights:
            groups, filters = len(weight), slice(begin, begin + len(weight) * blocks.filters_of(weight))
            begin = filters.stop
            part = (*strip.part, *(slice(None) for _ in window.output[1:]), filters)
            cells = Cells(x, strip, window, outside, groups=groups)
            out = matrix(finish.out[part])
            multiply = Product(weight, out.reshape(len(out), groups, -1).swapaxes(0, 1))
            tasks.append(finish.task(part, _multiply, cells, multiply, reads=[cells.source]))
    return [tasks]


def _multiply(cells: Cells, multiply: Product, scratch: Array) -> list[Call]:
    columns = np.ndarray(cells.shape, FLOAT, scratch)
    rest = scratch[columns.size :]
    return [*cells.gather(columns, rest), *multiply.calls(columns.reshape(multiply.shape), rest)]
