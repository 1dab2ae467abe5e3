"""Activations elsewhere: axes, defaults, two forms under one name."""

from cnndsl.analysis.lint.portability.difference import Difference
from cnndsl.analysis.lint.view import LintView
from cnndsl.ir import Node
from cnndsl.ops.activation import Gelu, LeakyRelu

SLOPE = {"Keras": 0.3, "PyTorch": 0.01, "ONNX": 0.01}
"""The default slopes of leaky_relu."""
TANH_ERROR = 0.00047
"""The largest difference of GELU's two forms."""


def onnx_softmax(view: LintView, node: Node, target: str) -> str | None:
    shape = view.shape_into(node)
    if shape.is_vector:
        return None
    return (
        f"{target}'s {'Softmax' if node.op.operator == 'softmax' else 'LogSoftmax'} without an axis normalises over "
        f"the last one, here {shape.spatial[-1]} positions, and not over the {shape.channels} channels"
    )


def torch_softmax(view: LintView, node: Node, target: str) -> str | None:
    shape = view.shape_into(node)
    if len(shape.spatial) != 1:
        return None
    return f"{target} without dim normalises sequences over the examples, and not over the {shape.channels} channels"


def other_slope(view: LintView, node: Node, target: str) -> str | None:
    assert isinstance(node.op, LeakyRelu)
    own, default = node.op.alpha, SLOPE[target]
    return None if own == default else f"{target}'s default slope is {default:g} where this is {own:g}"


def other_gelu(view: LintView, node: Node, target: str) -> str | None:
    assert isinstance(node.op, Gelu)
    if node.op.approximate == "none":
        if target != "Keras":
            return None
        return f"{target}'s `ops.gelu` takes the tanh form unless told, up to {TANH_ERROR:g} off"
    return f"{target}'s default is the exact form, up to {TANH_ERROR:g} off this one"


def onnx_hardsigmoid(view: LintView, node: Node, target: str) -> str:
    return f"{target}'s HardSigmoid has the slope 0.2 unless told, where this has 1/6: {0.5 - 2.5 / 6:.3f} apart at 2.5"


def slopes(view: LintView, node: Node, target: str) -> str | None:
    shape = view.shape_into(node)
    there = 1 if target == "PyTorch" else shape.elements
    if there == shape.channels:
        return None
    return (
        f"{target} unless told learns {there:,} in all where this learns {shape.channels:,}, a slope for each channel"
    )


def onnx_slopes(view: LintView, node: Node, target: str) -> str | None:
    shape = view.shape_into(node)
    if shape.is_vector or shape.channels == 1:
        return None
    ones = "x1" * len(shape.spatial)
    return (
        f"{target} puts {shape.channels} slopes along the last axis, which has {shape.spatial[-1]} positions, unless "
        f"their shape is {shape.channels}{ones}"
    )


DIFFERENCES = (
    Difference(
        "onnx-softmax",
        ("onnx",),
        ("softmax", "log_softmax"),
        onnx_softmax,
        "`Softmax` and `LogSoftmax` without an axis normalise over the last one: of a map its columns",
        "write axis=1",
    ),
    Difference(
        "torch-softmax",
        ("torch",),
        ("softmax", "log_softmax"),
        torch_softmax,
        "`nn.Softmax()` without dim normalises a batch of sequences over the examples",
        "write dim=1",
    ),
    Difference(
        "slope",
        ("keras", "torch", "onnx"),
        ("leaky_relu",),
        other_slope,
        "the default slope is 0.3 of Keras's layer, and 0.01 in PyTorch and ONNX",
        "write negative_slope= (alpha= in ONNX)",
    ),
    Difference(
        "gelu",
        ("keras", "torch", "onnx"),
        ("gelu",),
        other_gelu,
        "GELU has an exact form and one by tanh, up to 0.00047 apart: `keras.ops.gelu` takes the second unless told, "
        "all others, `keras.activations.gelu` too, the first",
        "write approximate=True or False (`tanh` or `none` in PyTorch and ONNX)",
    ),
    Difference(
        "hardsigmoid",
        ("onnx",),
        ("hardsigmoid",),
        onnx_hardsigmoid,
        "`HardSigmoid` has the slope 0.2 unless told, where PyTorch and Keras 3 have 1/6: 0.083 apart at 2.5",
        "write alpha=1/6",
    ),
    Difference(
        "slopes",
        ("keras", "torch"),
        ("prelu",),
        slopes,
        "PReLU learns a slope for each element in Keras and a single one in PyTorch, unless told",
        "write shared_axes=[1, 2] in Keras, the number of channels in PyTorch",
    ),
    Difference(
        "onnx-slopes",
        ("onnx",),
        ("prelu",),
        onnx_slopes,
        "`PRelu` stretches its slopes from the last axis on: a vector of them belongs to the columns",
        "give them the shape Cx1x1",
    ),
)
