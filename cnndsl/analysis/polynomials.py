"""Counts as polynomials of the symbols: exact where every extent is a straight line for the sizes that are taken."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from itertools import islice, product

from cnndsl.analysis.costs import Costs
from cnndsl.analysis.network_sizes import Group, NetworkSizes
from cnndsl.analysis.resized import resized
from cnndsl.errors import CnnError
from cnndsl.extents.extent import Extent
from cnndsl.extents.words import straight

DEGREE = 2
"""The highest power of a size in a count: that of an attention map."""


def counts(network: NetworkSizes) -> Mapping[str, str] | None:
    """MACs and connections as polynomials of the symbols, by name; None where they are none."""
    if not all(_is_straight(group) for group in network.groups):
        return None
    sizes = [list(islice(group.found.taken.members(), DEGREE + 3)) for group in network.groups]
    if any(len(some) < DEGREE + 3 for some in sizes):
        return None
    names = [group.names[0] for group in network.groups]
    points = list(product(*(some[: DEGREE + 1] for some in sizes)))
    beyond = [tuple(some[-1 - turn] for some in sizes) for turn in range(2)]
    try:
        known = {point: _costs(network, point) for point in (*points, *beyond)}
    except CnnError:
        return None
    found = {}
    for number, name in enumerate(("macs", "connections")):
        values = {point: Fraction(counted[number]) for point, counted in known.items()}
        terms = _interpolated(values, [some[: DEGREE + 1] for some in sizes])
        if any(_value(terms, point) != values[point] for point in beyond):
            return None
        found[name] = _written(terms, names)
    return found


def _is_straight(group: Group) -> bool:
    """Whether every extent is a straight line for the sizes that are taken."""
    if group.found.taken.is_finite:
        return False
    extents = {repr(n): n for shape in group.found.shapes.values() for n in shape.dimensions if not isinstance(n, int)}
    return all(isinstance(n, Extent) and straight(n, group.found.taken) is not None for n in extents.values())


def _costs(network: NetworkSizes, point: Sequence[int]) -> tuple[int, int]:
    """MACs and connections where the sizes are these. Raises CnnError where they are not taken together."""
    sizes = {name: size for group, size in zip(network.groups, point, strict=True) for name in group.names}
    there = resized(network.graph, sizes)
    costs = Costs()
    found = [costs.of(node, there.input_shapes(node)) for node in there.layers]
    return sum(cost.macs for cost in found), sum(cost.connections for cost in found)


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
