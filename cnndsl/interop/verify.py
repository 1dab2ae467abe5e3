"""Two executions of one network compared: the largest difference of each output, where they first part, and which of
them is nearer to a third in float64.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from cnndsl.arrays import Array
from cnndsl.ir import Graph

TOLERANCE = 1e-4
"""The largest difference over the largest value (docs/conventions.md)."""


class Difference(NamedTuple):
    """How far two values of a layer are apart: the largest difference, and that over the largest value."""

    name: str
    """Of the layer."""
    absolute: float
    """Infinite where shapes differ, or where not the same cells are finite."""
    relative: float
    """Over the largest finite value of the other side."""

    def within(self, tolerance: float) -> bool:
        """Whether the relative difference is at most that."""
        return self.relative <= tolerance


class Judgement(NamedTuple):
    """How far the interpreter and ONNX Runtime are from an output in float64, over its largest value."""

    name: str
    interpreter: float
    onnxruntime: float

    @property
    def nearer(self) -> str:
        if self.interpreter == self.onnxruntime:
            return "neither"
        return "the interpreter" if self.interpreter < self.onnxruntime else "ONNX Runtime"


class Verification(NamedTuple):
    """The outputs compared; ``first`` is the first layer beyond the tolerance, if there is one.

    ``optimised`` is how far ONNX Runtime with its optimiser is from itself without it, ``judged`` what float64 says
    where the outputs differ by more than the tolerance.
    """

    outputs: tuple[Difference, ...]
    """In the order of the network."""
    first: Difference | None
    tolerance: float
    """The relative difference that is allowed."""
    optimised: tuple[Difference, ...] = ()
    """Where ONNX Runtime with its optimiser differs from itself without it."""
    judged: tuple[Judgement, ...] = ()
    """How far both are from float64, for outputs that differ."""

    @property
    def ok(self) -> bool:
        """Whether all outputs are within the tolerance."""
        return all(output.within(self.tolerance) for output in self.outputs)

    def judged_by(
        self, exact: Mapping[str, Array], mine: Mapping[str, Array], theirs: Sequence[Array]
    ) -> "Verification":
        """The same with what ``exact`` says of the outputs that differ; ``theirs`` are ONNX Runtime's."""
        judged = tuple(
            Judgement(
                output.name,
                difference(output.name, mine[output.name], exact[output.name]).relative,
                difference(output.name, value, exact[output.name]).relative,
            )
            for output, value in zip(self.outputs, theirs, strict=True)
            if not output.within(self.tolerance)
        )
        return self._replace(judged=judged)


def difference(name: str, mine: Array, theirs: Array) -> Difference:
    """Infinite where the shapes, or the places of what is not finite, are not the same."""
    if mine.shape != theirs.shape:
        return Difference(name, np.inf, np.inf)
    a, b = mine.astype(np.float64), theirs.astype(np.float64)
    finite = np.isfinite(b)
    if not np.array_equal(a[~finite], b[~finite], equal_nan=True) or not np.isfinite(a[finite]).all():
        return Difference(name, np.inf, np.inf)
    largest = float(np.abs(a[finite] - b[finite]).max(initial=0.0))
    scale = float(np.abs(b[finite]).max(initial=0.0))
    return Difference(name, largest, largest / scale if scale else largest)


def compare(
    network: Graph,
    mine: Mapping[str, Array],
    theirs: Mapping[str, Array],
    outputs: Sequence[Array] | None = None,
    tolerance: float = TOLERANCE,
    optimised: Sequence[Array] = (),
) -> Verification:
    """Compares all layers' values in order; ``outputs`` are the outputs from elsewhere, if not those of ``theirs``, and
    ``optimised`` those of ONNX Runtime with its optimiser.
    """
    wanted = [theirs[name] for name in network.outputs] if outputs is None else outputs
    found = tuple(difference(name, mine[name], value) for name, value in zip(network.outputs, wanted, strict=True))
    changed = tuple(map(difference, network.outputs, optimised, wanted)) if optimised else ()
    result = Verification(found, None, tolerance, changed)
    if result.ok:
        return result
    layers = (difference(node.name, mine[node.name], theirs[node.name]) for node in network.layers)
    return result._replace(first=next((one for one in layers if not one.within(tolerance)), None))
