"""Examples with what is to be learned of them, and what may be wrong with both."""

import hashlib
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cnndsl.errors import CnnError, listed, plural, quoted
from cnndsl.ir import Graph, Input
from cnndsl.runtime.interpreter import require_fitting
from cnndsl.shapes import Shape
from cnndsl.training_settings import Loss

CLASSIFYING = ("cross_entropy", "binary_cross_entropy")
CHUNK_BYTES = 1 << 24
"""Of examples that are looked through at a time."""
SAMPLED = 1_000
"""Examples that a digest is made of, at most."""


class Examples(NamedTuple):
    """Examples, as they lie in memory or on the disk, and what belongs to each."""

    x: NDArray[Any]
    """(N, C, spatial...): uint8 for levels 0 to 255, which the network sees as 0..1; else of the input's type."""
    y: NDArray[Any]
    """int64 classes, (N,) or one for each position; or float32 values."""
    class_names: tuple[str, ...]
    """In the order of the outputs; empty where nobody has said them."""
    source: str
    """Where they are from, for messages."""
    left_out: tuple[str, ...] = ()
    """Files that could not be read."""

    def digest(self) -> str:
        """The same for the same examples, by their number, the labels, and a sample."""
        step = max(1, len(self.x) // SAMPLED)
        found = hashlib.sha256(f"{self.x.shape} {self.x.dtype} {self.y.shape} {self.class_names}".encode())
        found.update(np.ascontiguousarray(self.y).tobytes())
        for example in self.x[::step]:
            found.update(np.ascontiguousarray(example).data)
        return found.hexdigest()[:16]


def wrong(message: str, *advice: str) -> CnnError:
    return CnnError.of("train-data", message, *advice)


def only_input(graph: Graph) -> Input:
    """The input of a network that can be trained. Raises CnnError where it has several inputs or outputs."""
    if len(graph.inputs) != 1 or len(graph.outputs) != 1:
        counts = f"{plural(len(graph.inputs), 'input')} and {plural(len(graph.outputs), 'output')}"
        raise wrong(f"training is for networks with one input and one output; {quoted(graph.name)} has {counts}")
    return graph.inputs[0]


def only_output(graph: Graph) -> Shape:
    """The shape of the output."""
    return graph.shapes[graph.outputs[0]]


def checked(examples: Examples, graph: Graph, loss: Loss, learning: bool = True) -> Examples:
    """Examples of the types that training takes. Raises CnnError for those that do not fit the network, or, where it is
    to learn from them, leave nothing to learn."""
    value = only_input(graph)
    if len(examples.x) != len(examples.y):
        raise wrong(f"{examples.source} has {plural(len(examples.x), 'example')}, but {len(examples.y):,} labels")
    if not len(examples.x):
        raise wrong(f"{examples.source} has no examples")
    if len(examples.x) < 2 and learning:
        raise wrong(f"{examples.source} has {plural(len(examples.x), 'example')}", "learning takes some of each class")
    try:
        require_fitting(value, examples.x.shape, examples.x.dtype)
    except CnnError as error:
        first = error.diagnostics[0]
        raise wrong(f"{examples.source}: {first.message}", *first.help) from None
    x = examples.x
    if x.dtype != np.uint8 or value.dtype == "int64":
        x = x.astype(value.dtype, copy=False)
    _require_numbers(x, examples.source)
    y = _classes(examples, graph, loss) if loss.kind in CLASSIFYING else _values(examples, graph, loss)
    if learning and y.dtype.kind == "i" and len(np.unique(y)) < 2:
        message = f"{examples.source} has examples of one class only"
        raise CnnError.of("train-classes", message, "there is nothing to tell apart")
    return examples._replace(x=x, y=y)


def _require_numbers(x: NDArray[Any], source: str) -> None:
    """Raises CnnError for numbers that are infinite or none, with the first examples that have them."""
    if x.dtype.kind != "f":
        return
    rows = max(1, CHUNK_BYTES // max(1, x[:1].nbytes))
    broken: list[int] = []
    for start in range(0, len(x), rows):
        part = x[start : start + rows]
        finite = np.isfinite(part.reshape(len(part), -1)).all(axis=1)
        broken += (np.flatnonzero(~finite) + start).tolist()
    if broken:
        where = listed([str(index) for index in broken])
        count = plural(len(broken), "example")
        raise wrong(f"{source} has numbers that are infinite or not a number (NaN) in {count}: {where}")


def _classes(examples: Examples, graph: Graph, loss: Loss) -> NDArray[Any]:
    """Whole numbers below the number of outputs; for yes and no, of all outputs at once, numbers 0 and 1."""
    output = only_output(graph)
    y, source = examples.y, examples.source
    if y.dtype.kind not in "biuf" or not np.isfinite(y).all() or (y != np.rint(y)).any():
        raise wrong(f"{source}: labels are whole numbers, not {y.dtype}", "for numbers to come close to: loss mse")
    if loss.kind == "binary_cross_entropy" and (output.channels > 1 or y.ndim > 1):
        return _values(examples, graph, loss, most=1)
    count = 2 if loss.kind == "binary_cross_entropy" else output.channels
    named = len(examples.class_names)
    if named and named != count:
        names = listed(examples.class_names)
        raise CnnError.of(
            "train-classes",
            f"{source} has {named} class{'' if named == 1 else 'es'}, but the network has "
            f"{plural(output.channels, 'output')}: {names}",
            f"give the last layer an output for each class: `dense {named}`",
        )
    wanted = (len(y), *(output.spatial if loss.kind == "cross_entropy" else ()))
    if y.shape != wanted:
        raise wrong(f"{source}: labels are {_extents(y.shape)}, but the network needs {_extents(wanted)}")
    outside = (y < 0) | (y >= count)
    if outside.any():
        first = int(np.flatnonzero(outside.reshape(len(y), -1).any(axis=1))[0])
        label = y[first] if y.ndim == 1 else y[first][outside[first]][0]
        raise CnnError.of(
            "train-classes",
            f"{source}: example {first} has the label {int(label)}, but labels go from 0 to {count - 1}: the network "
            f"has {plural(output.channels, 'output')}",
            "classes are counted from 0",
        )
    return y.astype(np.int64)


def _values(examples: Examples, graph: Graph, loss: Loss, most: int | None = None) -> NDArray[np.float32]:
    """Numbers of the shape of the output."""
    output = only_output(graph)
    y, wanted = examples.y, (len(examples.y), *output.dimensions)
    if y.dtype.kind not in "biuf":
        raise wrong(f"{examples.source}: {loss.kind} needs numbers to come close to, not {y.dtype}")
    if y.size != len(y) * output.elements:
        advice = "for the numbers of classes: loss cross_entropy"
        raise wrong(f"{examples.source}: y is {_extents(y.shape)}, but {loss.kind} needs {_extents(wanted)}", advice)
    _require_numbers(y.astype(np.float32), f"{examples.source}: y")
    if most is not None and ((y < 0) | (y > most)).any():
        raise CnnError.of("train-classes", f"{examples.source}: {loss.kind} takes labels 0 and 1")
    return y.reshape(wanted).astype(np.float32)


def _extents(shape: Sequence[int]) -> str:
    return f"({', '.join(map(str, shape))})"
