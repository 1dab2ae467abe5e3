"""What one output value is made of: windows with their cells, tables of numbers, formulas with the numbers put in."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from cnndsl.ops.base import Operator
from cnndsl.shapes import Shape

Doubles: TypeAlias = NDArray[np.float64]
Flags: TypeAlias = NDArray[np.bool_]
Places: TypeAlias = tuple[tuple[int, ...], ...]
"""For each spatial axis the cells of a map, counted from 0; those outside of the map are padding."""


class Read(NamedTuple):
    """The part of an input that the value is made from."""

    input: str
    shape: Shape
    channels: tuple[int, ...]
    places: Places


class Patch(NamedTuple):
    """One channel of the input under the window, in arrays of the window's extents.

    ``padding`` marks cells outside of the map. Cells that are not ``counted`` take no part and mean nothing.
    ``products`` is what the layer makes of every cell, ``total`` what it makes of all: their sum, or the largest
    cell, which ``winner`` points to.
    """

    channel: int
    inputs: Doubles
    padding: Flags
    counted: Flags
    total: float
    weights: Doubles | None = None
    products: Doubles | None = None
    winner: tuple[int, ...] | None = None


class Terms(NamedTuple):
    """Numbers in columns. A row is what ``of`` says: a feature or a channel; ``marked`` is the value's own row."""

    of: str
    rows: tuple[int, ...]
    columns: Mapping[str, tuple[float, ...]]
    marked: int | None = None


class TraceStep(NamedTuple):
    """``name = formula = the formula with its numbers = value``; numbers stand in the formula as ``{name}``."""

    name: str
    formula: str
    numbers: Mapping[str, float]
    value: float


class Working(NamedTuple):
    """How an operator comes to its value; the last step gives it. ``product`` says what the patches' products are."""

    reads: tuple[Read, ...]
    steps: tuple[TraceStep, ...]
    patches: tuple[Patch, ...] = ()
    product: str = ""
    terms: Terms | None = None
    notes: tuple[str, ...] = ()


class TracedLayer(NamedTuple):
    """A layer, the output position in question, and all that it reads.

    ``values`` are the inputs without a batch axis, ``weights`` the layer's tensors by local name.
    """

    op: Operator
    output: Shape
    position: tuple[int, ...]
    names: tuple[str, ...]
    shapes: tuple[Shape, ...]
    values: Sequence[NDArray[Any]]
    weights: Mapping[str, NDArray[Any]]

    @property
    def channel(self) -> int:
        return self.position[0]

    @property
    def cell(self) -> float:
        """The first input at the output's own position."""
        return float(self.values[0][self.position])

    def weight(self, name: str, *index: int) -> float:
        return float(self.weights[name][index])

    def read(self, channels: Sequence[int], places: Places, branch: int = 0) -> Read:
        return Read(self.names[branch], self.shapes[branch], tuple(channels), places)

    def here(self) -> Read:
        """The first input at the output's own position."""
        return self.at(self.position)

    def at(self, position: Sequence[int], branch: int = 0) -> Read:
        """One cell of an input."""
        return self.read(position[:1], tuple((place,) for place in position[1:]), branch)

    def all_channels(self) -> Read:
        """Every channel of the first input at the output's own position."""
        return self.read(range(self.shapes[0].channels), tuple((place,) for place in self.position[1:]))

    def column(self) -> Doubles:
        """The values of all channels at the output's own position."""
        index: tuple[Any, ...] = (slice(None), *self.position[1:])
        return wide(self.values[0][index])


def wide(values: NDArray[Any]) -> Doubles:
    return values.astype(np.float64)


def coordinate_names(shape: Shape) -> tuple[str, ...]:
    """What the numbers of a position in a value are called."""
    return ("feature",) if shape.is_vector else ("channel", *axis_names(len(shape.spatial)))


def axis_names(rank: int) -> tuple[str, ...]:
    """What the spatial axes of a map are called."""
    known = {1: ("position",), 2: ("row", "column"), 3: ("slice", "row", "column")}
    return known.get(rank) or tuple(f"axis {axis}" for axis in range(1, rank + 1))
