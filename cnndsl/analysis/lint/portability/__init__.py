"""Rules about other frameworks: what of a network means something else there, or does not exist.

A rule for each target puts the layers that differ in the same way, by the same numbers, into one finding. What differs
is in ``table``, which ``docs/frameworks.md`` shows too: ``windows`` has padding, pooling and strides, ``transposed``
transposed convolutions, ``norms`` normalisations, ``values`` activations, ``arrangement`` where numbers lie and
``missing`` what there is no operator for. ``difference`` says what a difference is. The tests run both frameworks and
find the numbers that are told.
"""

from collections.abc import Callable, Collection, Iterator

from cnndsl.analysis.lint.portability.difference import TARGETS
from cnndsl.analysis.lint.portability.table import DIFFERENCES
from cnndsl.analysis.lint.view import LintView
from cnndsl.errors import Diagnostic, quoted
from cnndsl.ir import Node
from cnndsl.ops.base import Operator

NAMED = 3
"""The most layers that a message names."""


def portability_onnx(view: LintView) -> Iterator[Diagnostic]:
    """What ONNX's operators mean by the same words."""
    return differing("portability-onnx", view)


def portability_torch(view: LintView) -> Iterator[Diagnostic]:
    """What PyTorch's layers do otherwise."""
    return differing("portability-torch", view)


def portability_keras(view: LintView) -> Iterator[Diagnostic]:
    """What Keras's layers do otherwise."""
    return differing("portability-keras", view)


def portability_onnxruntime(view: LintView) -> Iterator[Diagnostic]:
    """What ONNX Runtime has no kernel for."""
    return differing("portability-onnxruntime", view)


def portability_tflite(view: LintView) -> Iterator[Diagnostic]:
    """What is no built-in operator of TensorFlow Lite, or another one."""
    return differing("portability-tflite", view)


def differing(code: str, view: LintView) -> Iterator[Diagnostic]:
    """One finding for each way in which layers differ on a target."""
    target = code.removeprefix("portability-")
    for difference in DIFFERENCES:
        if target not in difference.targets:
            continue
        found: dict[str, list[Node]] = {}
        for node in view.of(_any_of(difference.operators)):
            message = difference.says(view, node, TARGETS[target])
            if message:
                found.setdefault(message, []).append(node)
        for message, nodes in found.items():
            text = f"{message}; {_layers(view, nodes)}"
            yield Diagnostic(code, text, nodes[0].span, "warning", help=(difference.instead,))


def _any_of(names: Collection[str]) -> Callable[[type[Operator]], bool]:
    return lambda operator: operator.operator in names


def _layers(view: LintView, nodes: list[Node]) -> str:
    """``conv1, conv4: 2 of 18 layers``."""
    names = ", ".join(quoted(node.name) for node in nodes[:NAMED])
    more = f" and {len(nodes) - NAMED} more" if len(nodes) > NAMED else ""
    total = len(view.network.layers)
    return f"{names}{more}: {len(nodes)} of {total} layer{'' if total == 1 else 's'}"
