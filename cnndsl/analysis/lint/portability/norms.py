"""Normalisations elsewhere: defaults, meanings of parameters, and what may be normalised."""

from cnndsl.analysis.lint.portability.difference import Difference
from cnndsl.analysis.lint.view import LintView
from cnndsl.ir import Node
from cnndsl.ops.norm import LocalResponseNorm


def onnxruntime_lrn(view: LintView, node: Node, target: str) -> str | None:
    assert isinstance(node.op, LocalResponseNorm)
    shape = view.shape_into(node)
    if len(shape.spatial) != 2:
        return f"{target}'s LRN takes images only, with 4 axes, and this is {shape}, with {1 + len(shape.dimensions)}"
    return f"{target}'s LRN takes odd sizes only, and this is {node.op.size}" if node.op.size % 2 == 0 else None


DIFFERENCES = (
    Difference(
        "onnxruntime-lrn",
        ("onnxruntime",),
        ("lrn",),
        onnxruntime_lrn,
        "the kernel of `LRN` refuses even sizes, and values that are no images",
        "write the sum over the channels by other operators, as `cnndsl export` does",
    ),
)
