"""Padding, pooling and strides elsewhere."""

from cnndsl.analysis.lint.portability.difference import Difference
from cnndsl.analysis.lint.view import LintView
from cnndsl.ir import Node
from cnndsl.shapes import Axis, Pairs, resolve_padding

FILTERS = ("conv", "depthwise")


def pairs_of(axes: tuple[Axis, ...]) -> Pairs:
    """The cells that a window pads with, before and after on every axis."""
    return tuple((axis.begin, axis.end) for axis in axes)


def same_pairs(axes: tuple[Axis, ...]) -> Pairs:
    """The cells that ``same`` pads with, as TensorFlow, Keras and ONNX's SAME_UPPER define it."""
    sizes, kernel, stride, dilation = zip(*(axis[:4] for axis in axes), strict=True)
    return resolve_padding("same", sizes, kernel, stride, dilation)


def in_words(pairs: Pairs) -> str:
    """``0 before and 1 after``; where the axes differ, of each one."""
    if len(set(pairs)) == 1:
        before, after = pairs[0]
        return f"{before} before and {after} after"
    return " and ".join(f"{before} before, {after} after" for before, after in pairs)


def keras_padding(view: LintView, node: Node, target: str) -> str | None:
    axes = view.axes(node)
    own, same = pairs_of(axes), same_pairs(axes)
    if own == same or not any(map(any, own)) or (node.op.operator == "conv" and _is_causal(axes)):
        return None
    return f"{target}'s `same` pads {in_words(same)} where this pads {in_words(own)}, so that it reads other pixels"


def _is_causal(axes: tuple[Axis, ...]) -> bool:
    return len(axes) == 1 and (axes[0].begin, axes[0].end) == (axes[0].reach - 1, 0)


def one_sided_padding(view: LintView, node: Node, target: str) -> str | None:
    axes = view.axes(node)
    own = pairs_of(axes)
    if all(before == after for before, after in own):
        return None
    if getattr(node.op, "pad", 0) == "same" and all(axis.stride == 1 for axis in axes) and node.op.operator == "conv":
        return None
    most = max(map(max, own))
    return f"{target} pads both sides alike: padding={most} reads other pixels than {in_words(own)}"


DIFFERENCES = (
    Difference(
        "keras-padding",
        ("keras", "tflite"),
        FILTERS,
        keras_padding,
        "convolutions pad by `same` or not at all, and `same` at stride 2 on an even size pads 0 before and 1 after "
        "for a 3x3 kernel, where PyTorch's `padding=1` pads 1 and 1",
        'put `ZeroPadding2D(...)` before a layer of padding="valid"',
    ),
    Difference(
        "one-sided-padding",
        ("torch",),
        FILTERS,
        one_sided_padding,
        '`padding=` is one number for both sides of an axis, and `padding="same"` is refused at a stride above 1',
        "put `F.pad` before a layer of padding=0",
    ),
)
