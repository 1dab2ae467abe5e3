"""What a difference between this language and a framework is."""

from collections.abc import Callable
from typing import NamedTuple

from cnndsl.analysis.lint.view import LintView
from cnndsl.ir import Node

TARGETS = {
    "onnx": "ONNX",
    "torch": "PyTorch",
    "keras": "Keras",
    "onnxruntime": "ONNX Runtime",
    "tflite": "TensorFlow Lite",
}
"""What can be asked about, and what it is called."""

Says = Callable[[LintView, Node, str], str | None]
"""What differs for a layer, with the numbers, where anything does; the last argument is what the target is called."""


class Difference(NamedTuple):
    """One row of the table."""

    name: str
    """Its name in the tests."""
    targets: tuple[str, ...]
    """Where it is so: keys of TARGETS."""
    operators: tuple[str, ...]
    """The operators that it can be about."""
    says: Says
    about: str
    """For the docs: what is so there, in general."""
    instead: str
    """What to write there: for the docs, and the help of the warning."""
