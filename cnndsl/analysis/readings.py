"""Symbols read off inputs: an axis of an input that is ``2*H + 1`` tells what H is."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from cnndsl.errors import CnnError, quoted
from cnndsl.extents.expression import evaluated, names
from cnndsl.extents.extent import SIZE, Line
from cnndsl.ir import Graph


class Reading(NamedTuple):
    """Where a symbol is read: the extent of an axis of an input, channels first, is factor*symbol + rest."""

    input: str
    axis: int
    factor: int
    rest: int


def readings(graph: Graph) -> dict[str, Reading]:
    """For every symbol that an input tells, an axis that does; one where nothing is to be divided, if there is one."""
    found: dict[str, Reading] = {}
    for value in graph.inputs:
        for axis, text in enumerate(value.extents):
            symbols = names(text)
            if len(symbols) != 1:
                continue
            (symbol,) = symbols
            extent = evaluated(text, {symbol: SIZE})
            if isinstance(extent, Line) and extent.d == 1:
                reading = Reading(value.name, axis, extent.k, extent.k * extent.b + extent.c)
                if symbol not in found or abs(extent.k) < abs(found[symbol].factor):
                    found[symbol] = reading
    return found


def values_of(graph: Graph, extents: Mapping[str, Sequence[int]]) -> dict[str, int]:
    """The symbols' values for inputs with these extents, channels first; the defaults of those that no input tells.

    Inputs that are not there, or have other numbers of axes, tell nothing. Raises CnnError ``input-shape`` where an
    extent is that of no size.
    """
    values = {one.name: one.default for one in graph.symbols}
    written = {value.name: value for value in graph.inputs}
    for symbol, (name, axis, factor, rest) in readings(graph).items():
        given = extents.get(name, ())
        if len(given) != len(written[name].extents):
            continue
        value, left = divmod(given[axis] - rest, factor)
        if left or value < 1:
            text = written[name].extents[axis]
            asked = f"input {quoted(name)} has an axis of {given[axis]} where the network has {text}"
            raise CnnError.of("input-shape", f"{asked}: {symbol} would be no whole number of 1 or more")
        values[symbol] = value
    return values
