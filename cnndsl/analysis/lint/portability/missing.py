"""What frameworks have no operator for."""

from cnndsl.analysis.lint.portability.difference import Difference
from cnndsl.analysis.lint.view import LintView
from cnndsl.ir import Node

TFLITE_COMPOSED = ("celu", "selu", "mish", "softplus", "softsign")
"""Activations that are no built-in operator of TensorFlow Lite."""


def missing(view: LintView, node: Node, target: str) -> str:
    return f"{target} has no operator for {node.op.operator}"


DIFFERENCES = (
    Difference(
        "tflite-activations",
        ("tflite",),
        TFLITE_COMPOSED,
        missing,
        "celu, selu, mish, softplus and softsign are no built-in operators",
        "compose it of the operators that there are, or use relu, elu, gelu, leaky_relu or hardswish",
    ),
)
