"""Padding, pooling and strides elsewhere."""

from collections.abc import Sequence

from cnndsl.analysis.lint.portability.difference import Difference
from cnndsl.analysis.lint.view import LintView
from cnndsl.ir import Node
from cnndsl.ops.conv import Conv
from cnndsl.ops.pool import AvgPool, LpPool
from cnndsl.shapes import Axis, Pairs, extents, product, resolve_padding

FILTERS = ("conv", "depthwise")
POOLS = ("maxpool", "avgpool", "lppool")


def pairs_of(axes: tuple[Axis, ...]) -> Pairs:
    """The cells that a window pads with, before and after on every axis."""
    return tuple((axis.begin, axis.end) for axis in axes)


def same_pairs(axes: tuple[Axis, ...]) -> Pairs:
    """The cells that ``same`` pads with, as TensorFlow, Keras and ONNX's SAME_UPPER define it."""
    sizes, kernel, stride, dilation = zip(*(axis[:4] for axis in axes), strict=True)
    return resolve_padding("same", sizes, kernel, stride, dilation)


def reads_as(axes: tuple[Axis, ...], pairs: Pairs) -> bool:
    """Whether windows with other padding, and without ``ceil_mode``, read the same cells."""
    return all(
        axis.begin == before and axis.output == axis._replace(end=after, ceil=False).output
        for axis, (before, after) in zip(axes, pairs, strict=True)
    )


def has_keras_word(axes: tuple[Axis, ...]) -> bool:
    """Whether Keras's ``same`` or ``valid`` read what these windows read."""
    return reads_as(axes, same_pairs(axes)) or reads_as(axes, ((0, 0),) * len(axes))


def in_words(pairs: Pairs) -> str:
    """``0 before and 1 after``; where the axes differ, of each one."""
    if len(set(pairs)) == 1:
        before, after = pairs[0]
        return f"{before} before and {after} after"
    return " and ".join(f"{before} before, {after} after" for before, after in pairs)


def keras_padding(view: LintView, node: Node, target: str) -> str | None:
    axes = view.axes(node)
    own, same = pairs_of(axes), same_pairs(axes)
    if has_keras_word(axes) or (isinstance(node.op, Conv) and _is_causal(axes)):
        return None
    return f"{target}'s `same` pads {in_words(same)} where this pads {in_words(own)}, so that it reads other pixels"


def _is_causal(axes: tuple[Axis, ...]) -> bool:
    return len(axes) == 1 and (axes[0].begin, axes[0].end) == (axes[0].reach - 1, 0)


def keras_max_padding(view: LintView, node: Node, target: str) -> str | None:
    axes = view.axes(node)
    own, same = pairs_of(axes), same_pairs(axes)
    if has_keras_word(axes) or not any(map(any, own)):
        return None
    return f"{target}'s pools pad by `same` alone, {in_words(same)}, where this pads {in_words(own)}"


def keras_average_padding(view: LintView, node: Node, target: str) -> str | None:
    assert isinstance(node.op, AvgPool)
    axes = view.axes(node)
    own, same = pairs_of(axes), same_pairs(axes)
    if not any(map(any, own)) or reads_as(axes, ((0, 0),) * len(axes)):
        return None
    if not reads_as(axes, same):
        return f"{target}'s pools pad by `same` alone, {in_words(same)}, where this pads {in_words(own)}"
    if node.op.count_include_pad:
        full, real = _divisors(axes)
        return (
            f"{target}'s `same` does not count padding: at a corner it divides by {real} where this divides by {full}"
        )
    return None


def _divisors(axes: tuple[Axis, ...]) -> tuple[int, int]:
    """The cells of the window at a corner that has padding: all, and those that are real."""
    real = [
        axis.kernel - axis.begin if axis.begin else min(axis.size - (axis.output - 1) * axis.stride, axis.kernel)
        for axis in axes
    ]
    return product([axis.kernel for axis in axes]), product(real)


def keras_average_edge(view: LintView, node: Node, target: str) -> str | None:
    axes = view.axes(node)
    same = same_pairs(axes)
    if not reads_as(axes, same) or all(before == after for before, after in same):
        return None
    for axis, (_, after) in zip(axes, same, strict=True):
        real = axis.kernel - after
        if after and real > 1:
            fills = f"{target} on PyTorch fills the one-sided padding of `same` with the edge"
            return f"{fills}: along an axis the last window divides by {axis.kernel} where this divides by {real}"
    return None


def torch_divisor(view: LintView, node: Node, target: str) -> str | None:
    assert isinstance(node.op, AvgPool)
    axes = view.axes(node)
    if node.op.count_include_pad or not any(axis.begin for axis in axes) or not _one_number(axes):
        return None
    full, real = _divisors(axes)
    return f"{target}'s default counts padding: at a corner it divides by {full} where this divides by {real}"


def torch_counted(view: LintView, node: Node, target: str) -> str | None:
    assert isinstance(node.op, AvgPool)
    axes = view.axes(node)
    if not node.op.count_include_pad or not _one_number(axes):
        return None
    own, theirs = _last_counts(axes), _last_counts([axis._replace(end=axis.begin) for axis in axes])
    if own == theirs:
        return None
    pads = in_words(tuple((axis.begin, axis.begin) for axis in axes))
    return f"{target} pads {pads}: the last window divides by {theirs} where this divides by {own}"


def _last_counts(axes: Sequence[Axis]) -> int:
    """The cells of the last window, with padding and without what ``ceil_mode`` adds behind it."""
    return product(
        [min(axis.kernel, axis.begin + axis.size + axis.end - (axis.output - 1) * axis.stride) for axis in axes]
    )


def _one_number(axes: tuple[Axis, ...]) -> bool:
    """Whether the windows are the same with the padding before them on both sides."""
    return all(axis.output == axis._replace(end=axis.begin).output for axis in axes)


def _even(axes: tuple[Axis, ...]) -> bool:
    """Whether both sides are padded alike."""
    return all(before == after for before, after in pairs_of(axes))


def one_sided_padding(view: LintView, node: Node, target: str) -> str | None:
    axes = view.axes(node)
    own = pairs_of(axes)
    if _one_number(axes):
        return None
    if node.op.linear and getattr(node.op, "pad", 0) == "same" and all(axis.stride == 1 for axis in axes):
        return None  # PyTorch has the word, for this
    most = max(map(max, own))
    return f"{target} pads both sides alike: padding={most} reads other pixels than {in_words(own)}"


def torch_same_word(view: LintView, node: Node, target: str) -> str | None:
    axes = view.axes(node)
    strides = [axis.stride for axis in axes]
    if getattr(node.op, "pad", 0) not in ("same", "same_lower") or max(strides) == 1 or not _even(axes):
        return None
    cells = extents([axis.begin for axis in axes])
    return f'{target} refuses padding="same" at stride {extents(strides)}; padding={cells} is the same here'


def torch_wide_padding(view: LintView, node: Node, target: str) -> str | None:
    most = max((max(pair) for pair in pairs_of(view.axes(node))), default=0)
    kernel = max(axis.kernel for axis in view.axes(node))
    if not any(max(axis.begin, axis.end) * 2 > axis.kernel for axis in view.axes(node)):
        return None
    return f"{target} refuses padding of {most} for a pool whose kernel is {kernel}, whatever its dilation"


def no_ceil_mode(view: LintView, node: Node, target: str) -> str | None:
    axes = view.axes(node)
    floor = [axis._replace(ceil=False).output for axis in axes]
    if floor == [axis.output for axis in axes]:
        return None
    return f"{target} has no ceil_mode: it gives {extents(floor)} where this gives {extents(node.shape.spatial)}"


def dilated_stride(view: LintView, node: Node, target: str) -> str | None:
    axes = node.op.windows(view.shape_into(node))
    stride, dilation = [axis.stride for axis in axes], [axis.dilation for axis in axes]
    if max(stride) == 1 or max(dilation) == 1:
        return None
    return f"{target} refuses a stride, {extents(stride)}, beside a dilation, {extents(dilation)}"


def dilated_pool(view: LintView, node: Node, target: str) -> str | None:
    dilation = [axis.dilation for axis in view.axes(node)]
    return f"{target}'s pools have no dilation, and this has {extents(dilation)}" if max(dilation) > 1 else None


def padded_by_zeros_alone(view: LintView, node: Node, target: str) -> str | None:
    mode = getattr(node.op, "pad_mode", "zeros")
    axes = view.axes(node)
    if mode == "zeros" or not any(map(any, pairs_of(axes))):
        return None
    return f"{target}'s convolutions pad with zeros, and this has pad_mode={mode}"


def torch_norm_pool(view: LintView, node: Node, target: str) -> str | None:
    assert isinstance(node.op, LpPool)
    power = node.op.p
    if power % 2 == 0:
        return None
    gives = "their sum" if power == 1 else "NaN"
    return f"{target} raises x and not |x| to the power {power}: windows whose sum is below 0 give {gives}"


def unpadded_norm_pool(view: LintView, node: Node, target: str) -> str | None:
    own = pairs_of(view.axes(node))
    return f"{target}'s LPPool has no padding, and this pads {in_words(own)}" if any(map(any, own)) else None


PAD = 'put `ZeroPadding2D(...)` before a layer of padding="valid"'

DIFFERENCES = (
    Difference(
        "keras-padding",
        ("keras",),
        FILTERS,
        keras_padding,
        "convolutions pad by `same` or not at all, and `same` at stride 2 on an even size pads 0 before and 1 after "
        "for a 3x3 kernel, where PyTorch's `padding=1` pads 1 and 1",
        PAD,
    ),
    Difference(
        "one-sided-padding",
        ("torch",),
        FILTERS,
        one_sided_padding,
        "`padding=` is one number for both sides of an axis: what `same` does under a stride, 0 before and 1 after, "
        "cannot be said, nor `same_lower` for even kernels",
        "put `F.pad` before a layer of padding=0",
    ),
    Difference(
        "torch-same-word",
        ("torch",),
        FILTERS,
        torch_same_word,
        '`padding="same"` is refused at a stride above 1, also where both sides are padded alike',
        "write the number of cells",
    ),
    Difference(
        "pad-mode",
        ("keras", "onnx"),
        ("conv",),
        padded_by_zeros_alone,
        "convolutions pad with zeros alone: there is no padding_mode",
        "put `keras.ops.pad` or ONNX's Pad before a convolution without padding",
    ),
    Difference(
        "dilated-stride",
        ("keras",),
        ("conv", "conv_transpose"),
        dilated_stride,
        "`strides` above 1 beside a `dilation_rate` above 1 are refused",
        "call `keras.ops.conv`, which takes both",
    ),
    Difference(
        "keras-max-padding",
        ("keras",),
        ("maxpool",),
        keras_max_padding,
        "pools pad by `same` or not at all; `ZeroPadding2D` puts zeros there, which win over values below 0",
        "put `keras.ops.pad(..., constant_values=-inf)` before a pool of padding=\"valid\"",
    ),
    Difference(
        "keras-average-padding",
        ("keras",),
        ("avgpool",),
        keras_average_padding,
        "pools pad by `same` or not at all, and the mean leaves out the padding of `same`: at a corner of 3x3 it "
        "divides by 4 and not by 9; what `ZeroPadding2D` put there counts",
        "pad by `ZeroPadding2D` where padding counts; otherwise divide by the mean of ones that are padded alike",
    ),
    Difference(
        "keras-average-edge",
        ("keras",),
        ("avgpool",),
        keras_average_edge,
        "on PyTorch, means fill the padding of `same` with the edge where it is one-sided: from 12 by 3 at stride 2 "
        "the last window divides by 3 and not by 2",
        "pad by hand, and divide by the mean of ones that are padded alike",
    ),
    Difference(
        "torch-wide-padding",
        ("torch",),
        ("maxpool",),
        torch_wide_padding,
        "pools refuse padding above half the kernel, also where they are dilated",
        "put `F.pad(..., value=-inf)` before the pool",
    ),
    Difference(
        "torch-divisor",
        ("torch",),
        ("avgpool",),
        torch_divisor,
        "`AvgPool2d` counts padding unless told: a 3x3 window with padding=1 divides by 9 at a corner, and not by 4",
        "write count_include_pad=False",
    ),
    Difference(
        "torch-last-divisor",
        ("torch",),
        ("avgpool",),
        torch_counted,
        "with ceil_mode, padding of one side counts as if it were on both: from 5 by 2 at stride 2, padded 0 before "
        "and 1 after, the last window divides by 1 and not by 2",
        "put `F.pad` before a pool of padding=0, and divide by the mean of ones that are padded alike",
    ),
    Difference(
        "one-sided-pools",
        ("torch",),
        ("maxpool", "avgpool"),
        one_sided_padding,
        "pools pad both sides alike",
        "put `F.pad` before the pool: with value=-inf before a maximum, and before a mean divide by that of ones",
    ),
    Difference(
        "ceil-mode",
        ("keras",),
        POOLS,
        no_ceil_mode,
        "pools have no ceil_mode: a last window that is not whole is left out, 3x3 instead of 4x4 for a 2x2 window "
        "at stride 2 on 7x7",
        'write padding="same" where that pads the end alone; otherwise pad what is missing',
    ),
    Difference(
        "dilated-pool",
        ("keras",),
        ("maxpool",),
        dilated_pool,
        "pools have no dilation",
        "take the largest of shifted slices",
    ),
    Difference(
        "torch-norm-pool",
        ("torch",),
        ("lppool",),
        torch_norm_pool,
        "`LPPool2d` raises x, and not |x|, to the power: odd powers give NaN where a window's sum is below 0",
        "take `x.abs()` before it",
    ),
    Difference(
        "torch-norm-padding",
        ("torch",),
        ("lppool",),
        unpadded_norm_pool,
        "`LPPool2d` has no padding",
        "put `F.pad` before it: zeros add nothing",
    ),
)  # fmt: skip
