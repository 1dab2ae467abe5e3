"""A network with symbols in formulas: its shapes, its counts, and the sizes that it takes."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from functools import cached_property
from itertools import islice, product

from cnndsl.analysis.costs import Costs
from cnndsl.analysis.proof import Group, groups
from cnndsl.extents.extent import Extent, Product
from cnndsl.extents.periodic import TooLong
from cnndsl.extents.words import described, formula, straight
from cnndsl.ir import Graph
from cnndsl.shapes import Shape

DEGREE = 2
"""The highest power of a size in a count: that of an attention map."""


class Formulas:
    """What follows from the symbols of a graph. Raises TooLong where that has no short form."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.groups = groups(graph)
        self._texts: dict[tuple[int, str], str] = {}

    def shape(self, name: str) -> str:
        """The shape of a value: ``64@(H/4)x(W/4)``."""
        texts = [self._extent(name, axis, number) for axis, number in enumerate(self.graph.shapes[name].dimensions)]
        return f"{texts[0]}@{'x'.join(texts[1:])}" if len(texts) > 1 else texts[0]

    def _extent(self, name: str, axis: int, number: int) -> str:
        found: list[str] = []
        for index, (symbols, along) in enumerate(self.groups):
            extent = along.shapes[name].dimensions[axis]
            if isinstance(extent, Product):
                return "f(" + ", ".join(one.name for one in self.graph.symbols) + ")"
            if isinstance(extent, Extent):
                key = (index, repr(extent))
                if key not in self._texts:
                    self._texts[key] = formula(extent, symbols[0], along.taken)
                found.append(self._texts[key])
        if len(found) > 1:
            return "f(" + ", ".join(one.name for one in self.graph.symbols) + ")"
        return _enclosed(found[0]) if found else str(number)

    def sizes(self) -> str:
        """The sizes that the network takes: ``H and W: multiples of 32``."""
        said: dict[str, list[str]] = {}
        for symbols, along in self.groups:
            said.setdefault(described(along.taken), []).append(" == ".join(symbols))
        return "; ".join(f"{' and '.join(names)}: {text}" for text, names in said.items())

    def defaults(self) -> str:
        """``H = 224, W = 224``."""
        return ", ".join(f"{one.name} = {one.default}" for one in self.graph.symbols)

    @cached_property
    def counts(self) -> Mapping[str, str] | None:
        """MACs and connections as polynomials of the symbols, by name; None where they are none."""
        if not all(self._is_straight(group) for group in self.groups):
            return None
        sizes = [list(islice(group.found.taken.members(), DEGREE + 3)) for group in self.groups]
        if any(len(some) < DEGREE + 3 for some in sizes):
            return None
        costs = Costs()
        names = [group.names[0] for group in self.groups]
        points = list(product(*(some[: DEGREE + 1] for some in sizes)))
        beyond = [tuple(some[-1 - turn] for some in sizes) for turn in range(2)]
        known = {point: self._costs(costs, point) for point in (*points, *beyond)}
        found = {}
        for number, name in enumerate(("macs", "connections")):
            values = {point: Fraction(counted[number]) for point, counted in known.items()}
            terms = _interpolated(values, [some[: DEGREE + 1] for some in sizes])
            if any(_value(terms, point) != values[point] for point in beyond):
                return None
            found[name] = _written(terms, names)
        return found

    def _is_straight(self, group: Group) -> bool:
        """Whether every extent is a straight line for the sizes that are taken."""
        if group.found.taken.is_finite:
            return False
        extents = {
            repr(n): n for shape in group.found.shapes.values() for n in shape.dimensions if not isinstance(n, int)
        }
        return all(isinstance(n, Extent) and straight(n, group.found.taken) is not None for n in extents.values())

    def _costs(self, costs: Costs, point: Sequence[int]) -> tuple[int, int]:
        """MACs and connections where the sizes are these."""
        shapes = {name: list(shape.dimensions) for name, shape in self.graph.shapes.items()}
        for (_, along), size in zip(self.groups, point, strict=True):
            for name, shape in along.shapes.items():
                for axis, extent in enumerate(shape.dimensions):
                    if isinstance(extent, Extent):
                        shapes[name][axis] = extent.at(size)
        made = {name: Shape(numbers[0], tuple(numbers[1:])) for name, numbers in shapes.items()}
        macs = connections = 0
        for node in self.graph.layers:
            sized = node.model_construct(**{**dict(node), "shape": made[node.name]})
            cost = costs.of(sized, [made[name] for name in node.inputs])
            macs, connections = macs + cost.macs, connections + cost.connections
        return macs, connections


def formulas(graph: Graph) -> Formulas | None:
    """The formulas of a graph; None without symbols, or where they have no short form."""
    if not graph.symbols:
        return None
    try:
        return Formulas(graph)
    except TooLong:
        return None


def _enclosed(text: str) -> str:
    """A formula that may stand in a shape."""
    is_call = text.endswith(")") and text.partition("(")[0] in ("floor", "ceil") and text.count("(") == text.count(")")
    closes_early = is_call and ") " in text
    return text if text.isalnum() or (is_call and not closes_early) else f"({text})"


Terms = dict[tuple[int, ...], Fraction]
"""The coefficient of every product of powers."""


def _interpolated(values: Mapping[tuple[int, ...], Fraction], sizes: Sequence[Sequence[int]]) -> Terms:
    """The polynomial through values on a grid, one variable after the other."""
    if not sizes:
        return {(): values[()]}
    first, rest = sizes[0], sizes[1:]
    found: Terms = {}
    for size in first:
        inner = _interpolated({point[1:]: value for point, value in values.items() if point[0] == size}, rest)
        basis = [Fraction(1)]
        for other in first:
            if other != size:
                shifted = [Fraction(0), *basis]
                basis = [
                    (above - other * same) / (size - other)
                    for above, same in zip(shifted, [*basis, Fraction(0)], strict=True)
                ]
        for power, factor in enumerate(basis):
            for powers, coefficient in inner.items():
                key = (power, *powers)
                found[key] = found.get(key, Fraction(0)) + factor * coefficient
    return {powers: coefficient for powers, coefficient in found.items() if coefficient}


def _value(terms: Terms, point: Sequence[int]) -> Fraction:
    total = Fraction(0)
    for powers, coefficient in terms.items():
        for size, power in zip(point, powers, strict=True):
            coefficient *= size**power
        total += coefficient
    return total


def _written(terms: Terms, names: Sequence[str]) -> str:
    """``2,352·H·W + 1,000``."""
    texts = []
    for powers, coefficient in sorted(terms.items(), key=lambda term: (-sum(term[0]), [-power for power in term[0]])):
        factors = [
            name if power == 1 else f"{name}^{power}" for name, power in zip(names, powers, strict=True) if power
        ]
        top, bottom = abs(coefficient.numerator), coefficient.denominator
        number = [f"{top:,}"] if top != 1 or not factors else []
        text = "·".join([*number, *factors]) + (f"/{bottom:,}" if bottom > 1 else "")
        texts.append(("- " if coefficient < 0 else "+ ") + text)
    return " ".join(texts).removeprefix("+ ") or "0"
