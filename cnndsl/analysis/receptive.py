"""The receptive field of a value with respect to an input: the union over all paths between them.

Araujo, Norris, Sim 2019, "Computing receptive fields of convolutional neural networks" (Distill), made exact for
transposed convolutions and resizing, where neighbouring positions see intervals of different sizes: a pattern holds one
interval for every phase after which the picture repeats. Borders are ignored: padding does not change the size.
"""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from math import gcd, lcm
from typing import NamedTuple, TypeAlias

from cnndsl.ir import Graph, Input, Node
from cnndsl.ops.base import AxisReach
from cnndsl.shapes import Shape

MAX_PERIOD = 64
"""Longer patterns (resizing by odd ratios, several times) are widened to the whole axis."""

MAX_INPUTS = 4
"""A value's fields are kept for the first of the inputs that it depends on: merging hundreds would take too long."""

Interval: TypeAlias = tuple[int, int]


class Pattern(NamedTuple):
    """What the positions along ``axis`` of a value see of one axis of an input.

    Position ``period*t + phase`` sees the cells of ``intervals[phase]`` moved by ``shift*t``; None is nothing at all.
    ``axis`` is None where every position sees the same. ``disagree`` tells that paths met whose strides or centres
    differ.
    """

    axis: int | None
    intervals: tuple[Interval | None, ...]
    """The first and the last cell that is seen, of one position after the other."""
    shift: int
    """Cells of the input."""
    disagree: bool = False

    @property
    def size(self) -> int:
        """The most that any position sees, in cells of the input."""
        return max((high - low + 1 for low, high in filter(None, self.intervals)), default=0)

    @property
    def stride(self) -> Fraction:
        """How far the field moves from one position to the next, on average, in cells of the input."""
        return Fraction(self.shift, len(self.intervals))

    @property
    def start(self) -> int:
        """The first cell that position 0 sees; negative in the padding."""
        return self.intervals[0][0] if self.intervals[0] else 0

    def at(self, position: int) -> Interval | None:
        """The first and the last cell that a position sees."""
        turns, phase = divmod(position, len(self.intervals))
        interval = self.intervals[phase]
        return interval and (interval[0] + turns * self.shift, interval[1] + turns * self.shift)

    def hull(self, first: int, last: int) -> Interval | None:
        """What the positions ``first`` to ``last`` see together.

        After a period everything has moved on, so that the least cell is seen by one of the first positions, the
        greatest by one of the last.
        """
        if last < first:
            return None
        period = len(self.intervals)
        if period == 1:
            only = self.intervals[0]
            return only and (only[0] + first * self.shift, only[1] + last * self.shift)
        begins = list(filter(None, map(self.at, range(first, min(last, first + period) + 1))))
        ends = filter(None, map(self.at, range(max(first, last - period), last + 1)))
        return (min(low for low, _ in begins), max(high for _, high in ends)) if begins else None

    def collapsed(self, positions: int) -> "Pattern":
        """Every position seeing what all ``positions`` see together."""
        return Pattern(None, (self.hull(0, positions - 1),), 0, self.disagree)


Field: TypeAlias = tuple[Pattern, ...]
"""One pattern for each spatial axis of an input; for a vector, one for its features."""


def extent(shape: Shape, axis: int) -> int:
    return shape.spatial[axis] if shape.spatial else shape.channels


class ReceptiveFields:
    """The fields of every value with respect to the first inputs that it depends on, extended a layer at a time."""

    def __init__(self) -> None:
        self.fields: dict[str, dict[str, Field]] = {}
        """By the name of a value and that of an input."""
        self._inputs: dict[str, int] = {}

    def add_input(self, value: Input) -> None:
        """Adds an input, which sees itself cell by cell."""
        self._inputs[value.name] = len(self._inputs)
        axes = range(max(len(value.shape.spatial), 1))
        self.fields[value.name] = {value.name: tuple(Pattern(axis, ((0, 0),), 1) for axis in axes)}

    def add(self, node: Node, shapes: Sequence[Shape]) -> None:
        """Adds a layer; ``shapes`` are those of its inputs, which were added before."""
        reach = node.op.reach(shapes, node.shape)
        if reach == "point" and len(shapes) == 1:
            self.fields[node.name] = self.fields[node.inputs[0]]
            return
        united: dict[str, Field] = {}
        for name, shape in zip(node.inputs, shapes, strict=True):
            for source, field in self.fields[name].items():
                if reach == "point":
                    seen = tuple(_broadcast(pattern, shape, node.shape) for pattern in field)
                elif reach == "whole":
                    seen = tuple(_whole(pattern, shape) for pattern in field)
                elif reach == "nothing":
                    seen = (Pattern(None, (None,), 0),) * len(field)
                else:
                    seen = tuple(_through(pattern, reach, shape) for pattern in field)
                if source in united:
                    pairs = zip(united[source], seen, strict=True)
                    seen = tuple(_union(one, other, node.shape) for one, other in pairs)
                united[source] = seen
        kept = sorted(united, key=self._inputs.__getitem__)[:MAX_INPUTS]
        self.fields[node.name] = {source: united[source] for source in kept}

    def of(self, name: str) -> Field:
        """The field with respect to the first of the network's inputs that the value depends on."""
        return self.fields[name][self.first(name)]

    def first(self, name: str) -> str:
        """The first of the network's inputs that the value depends on."""
        return min(self.fields[name], key=self._inputs.__getitem__)


def receptive_fields(network: Graph) -> ReceptiveFields:
    """The fields of all values of a network."""
    fields = ReceptiveFields()
    for value in network.inputs:
        fields.add_input(value)
    for node in network.layers:
        fields.add(node, network.input_shapes(node))
    return fields


def _whole(pattern: Pattern, shape: Shape) -> Pattern:
    return pattern if pattern.axis is None else pattern.collapsed(extent(shape, pattern.axis))


def _broadcast(pattern: Pattern, before: Shape, after: Shape) -> Pattern:
    """An axis of size 1 that stretches: every position sees what the one position saw."""
    if pattern.axis is None or extent(before, pattern.axis) == extent(after, pattern.axis):
        return pattern
    return pattern.collapsed(1)


def _through(pattern: Pattern, reach: Sequence[AxisReach], shape: Shape) -> Pattern:
    """What the output of a windowed operator sees, given what its input sees."""
    if pattern.axis is None:
        return pattern
    for axis, step in enumerate(reach):
        if (axis if step.source is None else step.source) == pattern.axis:
            return _stepped(pattern, axis, step, extent(shape, pattern.axis))
    return _whole(pattern, shape)


def _stepped(pattern: Pattern, axis: int, reach: AxisReach, positions: int) -> Pattern:
    """The picture repeats once the output has moved a whole number of the input's periods."""
    cycle = reach.rate * len(pattern.intervals)
    turn = cycle // gcd(reach.step, cycle)
    if turn > MAX_PERIOD:
        return pattern.collapsed(positions)
    moved = turn * reach.step // cycle * pattern.shift
    intervals = tuple(
        pattern.hull(-((reach.before - o * reach.step) // reach.rate), (o * reach.step + reach.after) // reach.rate)
        for o in range(turn)
    )
    return Pattern(axis, intervals, moved, pattern.disagree)


def _union(one: Pattern, other: Pattern, shape: Shape) -> Pattern:
    """What either path sees. Paths of different strides together see up to the whole axis."""
    if one == other or not any(other.intervals):
        return one
    if not any(one.intervals):
        return other
    period = lcm(len(one.intervals), len(other.intervals))
    if one.axis != other.axis or one.stride != other.stride or period > MAX_PERIOD:
        whole = (_whole(one, shape), _whole(other, shape))
        return Pattern(None, tuple(_joined(*whole, 1)), 0, True)
    intervals = tuple(_joined(one, other, period))
    centred = all(
        mine[0] + mine[1] == theirs[0] + theirs[1]
        for phase in range(period)
        if (mine := one.at(phase)) and (theirs := other.at(phase))
    )
    shift = one.shift * (period // len(one.intervals))
    return Pattern(one.axis, intervals, shift, one.disagree or other.disagree or not centred)


def _joined(one: Pattern, other: Pattern, period: int) -> Iterator[Interval | None]:
    for phase in range(period):
        mine, theirs = one.at(phase), other.at(phase)
        yield (min(mine[0], theirs[0]), max(mine[1], theirs[1])) if mine and theirs else mine or theirs
