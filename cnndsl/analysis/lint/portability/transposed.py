"""Transposed convolutions elsewhere: which side is cropped, and what size that gives."""

from cnndsl.analysis.lint.portability.difference import Difference
from cnndsl.analysis.lint.portability.windows import in_words
from cnndsl.analysis.lint.view import LintView
from cnndsl.ir import Node
from cnndsl.ops.conv import ConvTranspose
from cnndsl.shapes import Axis, Pairs, extents, per_axis


def crops(op: ConvTranspose, axes: tuple[Axis, ...]) -> Pairs:
    """The cells that are taken away before and after on every axis; below 0 where ``output_pad`` adds some."""
    extra = per_axis(op.output_pad, len(axes), "output_pad")
    return tuple((axis.begin, axis.end - more) for axis, more in zip(axes, extra, strict=True))


def same_crops(axes: tuple[Axis, ...]) -> Pairs:
    """What ``same`` takes away in Keras: all but size*stride, the odd cell at the end."""
    totals = [axis.reach - axis.stride for axis in axes]
    return tuple((max(total, 0) // 2, total - max(total, 0) // 2) for total in totals)


def valid_crops(axes: tuple[Axis, ...]) -> Pairs:
    """What ``valid`` takes away in Keras: nothing, and it adds cells where the stride is larger than the kernel."""
    return tuple((0, min(axis.reach - axis.stride, 0)) for axis in axes)


def sizes(axes: tuple[Axis, ...], taken: Pairs) -> str:
    """``10x10``: what is left."""
    return extents(
        [
            (axis.size - 1) * axis.stride + axis.reach - before - after
            for axis, (before, after) in zip(axes, taken, strict=True)
        ]
    )


def keras_transposed(view: LintView, node: Node, target: str) -> str | None:
    assert isinstance(node.op, ConvTranspose)
    axes = node.op.windows(view.shape_into(node))
    own, same, valid = crops(node.op, axes), same_crops(axes), valid_crops(axes)
    if own in (same, valid):
        return None
    if sizes(axes, own) == sizes(axes, same):
        return f"{target}'s `same` crops {in_words(same)} where this crops {in_words(own)}"
    by_words = f"{sizes(axes, same)} by `same` and {sizes(axes, valid)} by `valid`"
    return f"{target} gives {by_words} where this gives {sizes(axes, own)}"


def torch_transposed(view: LintView, node: Node, target: str) -> str | None:
    assert isinstance(node.op, ConvTranspose)
    axes = node.op.windows(view.shape_into(node))
    own = crops(node.op, axes)
    if all(
        0 <= before - after < max(axis.stride, axis.dilation) for axis, (before, after) in zip(axes, own, strict=True)
    ):
        return None
    return f"{target} crops no more after than before, and this crops {in_words(own)}"


def grouped(view: LintView, node: Node, target: str) -> str | None:
    assert isinstance(node.op, ConvTranspose)
    groups = node.op.groups
    return f"{target}'s transposed convolutions have no groups, and this has {groups}" if groups > 1 else None


DIFFERENCES = (
    Difference(
        "keras-transposed",
        ("keras",),
        ("conv_transpose",),
        keras_transposed,
        "`same` gives size*stride and crops the odd cell after, where PyTorch's `padding=1, output_padding=1` crops "
        "it before; at a stride above the kernel `valid` too gives size*stride",
        'crop what padding="valid" gives',
    ),
    Difference(
        "torch-transposed",
        ("torch",),
        ("conv_transpose",),
        torch_transposed,
        "`padding` crops both sides alike and `output_padding` gives back cells after: what `same` does, 0 before and "
        "1 after, cannot be said",
        "slice what padding=0 gives",
    ),
    Difference(
        "grouped-transposed",
        ("keras",),
        ("conv_transpose",),
        grouped,
        "transposed convolutions have no groups",
        "split the channels, and concatenate what comes out",
    ),
)
