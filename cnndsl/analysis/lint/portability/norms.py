"""Normalisations elsewhere: defaults, meanings of parameters, and what may be normalised."""

from math import sqrt

from cnndsl.analysis.lint.portability.difference import Difference
from cnndsl.analysis.lint.view import LintView
from cnndsl.ir import Node
from cnndsl.ops.norm import BatchNorm, LayerNorm, LocalResponseNorm

NORMS = ("batchnorm", "layernorm", "groupnorm", "instancenorm")
EPSILON = {"Keras": 1e-3, "PyTorch": 1e-5, "ONNX": 1e-5}
"""The default epsilon of every one of them."""
SMALL_VARIANCE = 0.01
"""Where the effect of an epsilon is told."""
BATCH = 32
"""Examples for which the effect of the two variances is told."""
NOTICEABLE = 0.01
"""A variance that differs by less is not told."""


def kept_share(view: LintView, node: Node, target: str) -> str | None:
    assert isinstance(node.op, BatchNorm)
    new = node.op.momentum
    if new == 1 - new:
        return None
    return f"{target}'s momentum is the share that is kept: it is {1 - new:g} where this is {new:g}"


def other_epsilon(view: LintView, node: Node, target: str) -> str | None:
    own, default = float(getattr(node.op, "eps")), EPSILON[target]  # noqa: B009
    if own == default:
        return None
    ratio = sqrt((SMALL_VARIANCE + own) / (SMALL_VARIANCE + default))
    change = f"{abs(1 - ratio):.2%} {'smaller' if ratio < 1 else 'larger'}"
    return (
        f"{target}'s default epsilon is {default:g} where this is {own:g}: at a variance of {SMALL_VARIANCE:g} values "
        f"are {change}"
    )


def other_variance(view: LintView, node: Node, target: str) -> str | None:
    count = BATCH * view.shape_into(node).positions
    if 1 / count < NOTICEABLE:
        return None
    return (
        f"{target} learns the variance of {count} values in a batch of {BATCH} by dividing by {count}, where PyTorch "
        f"divides by {count - 1}: {1 / count:.1%} less"
    )


def onnxruntime_lrn(view: LintView, node: Node, target: str) -> str | None:
    assert isinstance(node.op, LocalResponseNorm)
    shape = view.shape_into(node)
    if len(shape.spatial) != 2:
        return f"{target}'s LRN takes images only, with 4 axes, and this is {shape}, with {1 + len(shape.dimensions)}"
    return f"{target}'s LRN takes odd sizes only, and this is {node.op.size}" if node.op.size % 2 == 0 else None


def torch_lrn(view: LintView, node: Node, target: str) -> str | None:
    assert isinstance(node.op, LocalResponseNorm)
    size = node.op.size
    if size % 2 or view.shape_into(node).channels == 1:
        return None
    before, after = (size - 1) // 2, size // 2
    return (
        f"{target}'s window of {size} channels has {after} before and {before} after, where this has {before} and "
        f"{after}"
    )


def torch_layernorm(view: LintView, node: Node, target: str) -> str | None:
    assert isinstance(node.op, LayerNorm)
    shape = view.shape_into(node)
    if node.op.axes == "all" or shape.is_vector:
        return None
    columns = shape.spatial[-1]
    does = "normalises over these" if columns == shape.channels else "refuses it"
    return (
        f"{target}'s LayerNorm({shape.channels}) is about the last axis, here {columns} positions and not the "
        f"channels, and {does}"
    )


def last_axis_norm(view: LintView, node: Node, target: str) -> str | None:
    assert isinstance(node.op, LayerNorm)
    shape = view.shape_into(node)
    there = shape.channels if target == "Keras" else shape.spatial[-1] if shape.spatial else shape.channels
    of = "channels" if target == "Keras" or shape.is_vector else "positions"
    own = shape.channels if node.op.axes == "channel" else shape.elements
    what = "channels" if node.op.axes == "channel" else "values"
    if (of == what and there == own) or (own == there == shape.elements):
        return None
    last = f"normalises over the last one, {there} {of}"
    return f"{target} without an axis {last}, where this normalises over {own:,} {what}"


DIFFERENCES = (
    Difference(
        "kept-share",
        ("keras", "onnx"),
        ("batchnorm",),
        kept_share,
        "`momentum` is the share of the old statistics that is kept, 0.9 for PyTorch's 0.1; Keras's default is 0.99",
        "write momentum = 1 - momentum",
    ),
    Difference(
        "epsilon",
        ("keras", "torch", "onnx"),
        NORMS,
        other_epsilon,
        "the default epsilon is 0.001 in Keras and 0.00001 in PyTorch and ONNX: at a variance of 0.01 values differ "
        "by 4.6 %",
        "write epsilon= (eps= in PyTorch)",
    ),
    Difference(
        "running-variance",
        ("keras", "onnx"),
        ("batchnorm",),
        other_variance,
        "the running variance divides by N, that of PyTorch by N - 1: behind a dense layer and with a batch of 32 it "
        "is 3.1 % less; told where it is at least 1 %",
        "nothing, but expect it where training goes on with few values a channel",
    ),
    Difference(
        "torch-lrn",
        ("torch",),
        ("lrn",),
        torch_lrn,
        "an even size takes the odd channel from before the middle one, where ONNX and this language take it from "
        "behind",
        "use an odd size, or pad the squares by hand",
    ),
    Difference(
        "onnxruntime-lrn",
        ("onnxruntime",),
        ("lrn",),
        onnxruntime_lrn,
        "the kernel of `LRN` refuses even sizes, and values that are no images",
        "write the sum over the channels by other operators, as `cnndsl export` does",
    ),
    Difference(
        "torch-layernorm",
        ("torch",),
        ("layernorm",),
        torch_layernorm,
        "`nn.LayerNorm(C)` is about the last axis: of a map its columns, and not its channels",
        "permute the channels to the end and back",
    ),
    Difference(
        "last-axis-norm",
        ("keras", "onnx"),
        ("layernorm",),
        last_axis_norm,
        "layer normalisation is over the last axis unless told: in Keras the channels at each position, in ONNX the "
        "columns",
        "write axis=[1, 2, 3] in Keras, axis=1 in ONNX; over the channels transpose in ONNX",
    ),
)
