"""Activations elsewhere: axes, defaults, two forms under one name."""

from cnndsl.analysis.lint.portability.difference import Difference
from cnndsl.analysis.lint.view import LintView
from cnndsl.ir import Node


def onnx_softmax(view: LintView, node: Node, target: str) -> str | None:
    shape = view.shape_into(node)
    if shape.is_vector:
        return None
    return (
        f"{target}'s {'Softmax' if node.op.operator == 'softmax' else 'LogSoftmax'} without an axis normalises over "
        f"the last one, here {shape.spatial[-1]} positions, and not over the {shape.channels} channels"
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
)
