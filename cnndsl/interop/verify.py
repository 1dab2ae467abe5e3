"""Two executions of one network compared: the largest difference of each output, and where they first part."""

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


class Verification(NamedTuple):
    """The outputs compared; ``first`` is the first layer beyond the tolerance, if there is one."""

    outputs: tuple[Difference, ...]
    """In the order of the network."""
    first: Difference | None
    tolerance: float
    """The relative difference that is allowed."""

    @property
    def ok(self) -> bool:
        """Whether all outputs are within the tolerance."""
        return all(output.within(self.tolerance) for output in self.outputs)


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
) -> Verification:
    """Compares all layers' values in order; ``outputs`` are the outputs from elsewhere, if not those of ``theirs``."""
    wanted = [theirs[name] for name in network.outputs] if outputs is None else outputs
    found = tuple(difference(name, mine[name], value) for name, value in zip(network.outputs, wanted, strict=True))
    if all(one.within(tolerance) for one in found):
        return Verification(found, None, tolerance)
    layers = (difference(node.name, mine[node.name], theirs[node.name]) for node in network.layers)
    return Verification(found, next((one for one in layers if not one.within(tolerance)), None), tolerance)
