"""The sizes of a network, symbol by symbol: the answer to "which sizes does it take, and what comes out"."""

from collections import deque
from collections.abc import Collection, Mapping, Sequence
from functools import cached_property
from itertools import groupby, islice, pairwise, product
from math import prod
from typing import NamedTuple

from cnndsl.analysis.resized import require_symbols, resized
from cnndsl.analysis.sizes import Along, Need, along, with_symbols
from cnndsl.errors import CnnError, quoted, require_whole
from cnndsl.extents.expression import conjuncts
from cnndsl.extents.extent import Extent, sizes_where
from cnndsl.extents.periodic import NONE, PeriodicSet, TooLong, only
from cnndsl.extents.words import added, described, enclosed, formula, multiplied
from cnndsl.ir import Graph, Symbol
from cnndsl.shapes import Shape

PROBES, REACH = 4, 2_000
"""Sizes of every symbol at which all are looked at together, where several decide one extent; found among so many."""

MOST_LISTED = 100_000
"""The most sizes that are listed."""


class SymbolSizes(NamedTuple):
    """The sizes that one symbol may have, the others at their defaults; those that are tied to it have the same.

    ``needs`` are the layers that decide it, each of which asks for something that no other does.
    """

    name: str
    default: int
    taken: PeriodicSet
    exact: PeriodicSet
    needs: tuple[Need, ...]

    @property
    def words(self) -> str:
        """``multiples of 32, at least 64``."""
        return described(self.taken)


class Group(NamedTuple):
    """Symbols that are equal, and what follows from them; the others have their defaults."""

    names: tuple[str, ...]
    found: Along


_latest: "deque[NetworkSizes]" = deque(maxlen=2)


def sizes_of(graph: Graph) -> "NetworkSizes":
    """The sizes of a network; those of the latest networks are known. Raises CnnError as NetworkSizes does."""
    known = next((one for one in _latest if one.graph is graph), None)
    if known is None:
        known = NetworkSizes(graph)
        _latest.append(known)
    return known


class NetworkSizes:
    """Which sizes a network takes, and what comes out for each.

    ``symbols`` are its own, or an H and a W (L; D, H and W; ``left.H`` where there are several inputs) for its fixed
    inputs. ``ties`` are symbols that must be equal. Raises CnnError ``sizes-too-long`` where there is no short answer.
    """

    def __init__(self, graph: Graph) -> None:
        self.graph = with_symbols(graph)
        try:
            self.alone = {one.name: along(self.graph, [one.name]) for one in self.graph.symbols}
            """What follows from each symbol, the others at their defaults, tied or not."""
            self._groups = self._tied(self.alone)
            self._found = self.alone | {name: along(self.graph, group) for group in self._groups for name in group}
        except TooLong as error:
            place = next((node.span for node in graph.layers if node.name in error.args), None)
            message = f"the sizes of {quoted(graph.name)} repeat too late to be looked at"
            advice = "sizes are worked out where they repeat every 100,000 cells or sooner: fewer different strides"
            raise CnnError.of("sizes-too-long", message, advice, span=place) from None
        self._texts: dict[tuple[str, str], str] = {}
        self._shapes: dict[tuple[tuple[str, int], ...], Mapping[str, Shape] | None] = {}
        self.ties = tuple(f"{one} == {other}" for group in self._groups for one, other in pairwise(group))
        self.symbols = tuple(self._symbol(one) for one in self.graph.symbols)

    def __repr__(self) -> str:
        return f"<NetworkSizes {self.graph.name}: {'; '.join(f'{one.name}: {one.words}' for one in self.symbols)}>"

    @cached_property
    def groups(self) -> tuple[Group, ...]:
        """The symbols in groups: those that must be equal together, any other alone."""
        tied = [name for group in self._groups for name in group]
        names = [*self._groups, *([one.name] for one in self.graph.symbols if one.name not in tied)]
        return tuple(Group(tuple(group), self._found[group[0]]) for group in names)

    @cached_property
    def outputs(self) -> dict[str, str]:
        """The shape of every output, in symbols."""
        return {name: self.shape(name) for name in self.graph.outputs}

    @cached_property
    def meeting(self) -> str | None:
        """The layer or assumption where symbols meet: behind it, what each may be depends on the others.

        Without one, sizes that are taken for each symbol are taken together: layers treat one axis after the other.
        """
        for assumption in self.graph.assumptions:
            if any(len(self._leading(read)) > 1 for read in conjuncts(assumption.text)):
                return assumption.text
        for node in self.graph.layers:
            names = [*node.inputs, node.name]
            ranks = [len(self.graph.shapes[name].dimensions) for name in names]
            for axis in range(max(ranks)):
                read = [self._symbolic(name, axis) for name, rank in zip(names, ranks, strict=True) if axis < rank]
                symbols = {symbol for found in read for symbol, one in found.items() if _varies(*one)}
                if len(self._leading(symbols)) > 1:
                    return node.name
        return None

    def _leading(self, symbols: Collection[str]) -> set[str]:
        """The symbols, of those that are tied the first."""
        leaders = {name: group[0] for group in self._groups for name in group}
        return {leaders.get(name, name) for name in symbols}

    def shape(self, name: str) -> str:
        """The shape of an input or a layer, in symbols: ``2@(H - 184)x(W - 184)``."""
        sizes = [self._extent(name, axis) for axis in range(len(self.graph.shapes[name].dimensions))]
        spatial = "x".join(map(enclosed, sizes[1:]))
        return f"{sizes[0]}@{spatial}" if spatial else sizes[0]

    def allows(self, sizes: Mapping[str, int] | None = None, **more: int) -> bool:
        """Whether the network takes these sizes together; symbols that are not named have their defaults.

        Raises CnnError ``bad-setting`` for unknown symbols.
        """
        given = self._given(sizes, more)
        try:
            resized(self.graph, given)
        except CnnError:
            return False
        return True

    def values(self, name: str, first: int, last: int) -> list[int]:
        """The allowed sizes of a symbol from ``first`` to ``last``, the others at their defaults. Raises CnnError."""
        require_whole("first", first, 1)
        require_whole("last", last, 1)
        if last - first >= MOST_LISTED:
            raise CnnError.of("bad-setting", f"a list of sizes has at most {MOST_LISTED:,}, not {last - first + 1:,}")
        return list(self._one(name).taken.members(first, last + 1))

    def near(self, sizes: Mapping[str, int] | None = None, **more: int) -> dict[str, tuple[int | None, int | None]]:
        """For each symbol that is named the next allowed sizes: the largest up to that size, the least from it on."""
        found: dict[str, tuple[int | None, int | None]] = {}
        for name, size in self._given(sizes, more).items():
            taken = self._one(name).taken
            end = None if not taken.is_finite else taken.start
            above = next(taken.members(size, end), None) if taken else None
            found[name] = (taken.before(size + 1), above)
        return found

    def giving(self, extents: Sequence[int]) -> dict[str, PeriodicSet]:
        """For each symbol the allowed sizes for which some output has these spatial extents, or all of them this one.

        Raises CnnError ``bad-setting`` where no output has so many spatial axes.
        """
        found = {one.name: NONE for one in self.graph.symbols}
        fitting = False
        for name in self.graph.outputs:
            rank = len(self.graph.shapes[name].spatial)
            if not rank or len(extents) not in (1, rank):
                continue
            fitting = True
            wanted = extents if len(extents) == rank else [*extents] * rank
            for axis, size in enumerate(wanted, 1):
                for symbol, (extent, taken) in self._symbolic(name, axis).items():
                    found[symbol] = found[symbol] | (sizes_where(extent, only(size)) & taken)
        if not fitting:
            shapes = " and ".join(str(self.graph.shapes[name]) for name in self.graph.outputs)
            message = f"no output has {len(extents)} spatial axes: {shapes}"
            raise CnnError.of("bad-setting", message)
        return found

    def _given(self, sizes: Mapping[str, int] | None, more: Mapping[str, int]) -> dict[str, int]:
        given = {**(sizes or {}), **more}
        require_symbols(self.graph, given)
        return given

    def _one(self, name: str) -> SymbolSizes:
        require_symbols(self.graph, {name: 1})
        return next(one for one in self.symbols if one.name == name)

    def _symbol(self, symbol: Symbol) -> SymbolSizes:
        found = self._found[symbol.name]
        return SymbolSizes(symbol.name, symbol.default, found.taken, found.exact, decisive(found))

    def _tied(self, found: Mapping[str, Along]) -> list[list[str]]:
        """The groups of symbols that must be equal: together they may have sizes that none has alone."""
        bounded = [one for one in self.graph.symbols if found[one.name].taken.is_finite]
        letters = {one.name.rpartition(".")[2] for one in bounded}
        groups = [[one for one in bounded if one.name.rpartition(".")[2] == letter] for letter in sorted(letters)]
        owners = {one.name.rpartition(".")[0] for one in bounded}
        groups += [[one for one in bounded if one.name.rpartition(".")[0] == owner] for owner in sorted(owners)]
        groups.append(bounded)
        tied: list[list[str]] = []
        for group in groups:
            names = [one.name for one in group if not any(one.name in other for other in tied)]
            if len(names) < 2 or len({one.default for one in group if one.name in names}) > 1:
                continue
            try:
                together = along(self.graph, names).taken
            except TooLong:  # then each symbol has its sizes at the others' defaults
                continue
            if any(not together <= found[name].taken for name in names):
                tied.append(names)
        return tied

    def _symbolic(self, name: str, axis: int) -> dict[str, tuple[Extent, PeriodicSet]]:
        """The extent of a value along an axis as a function of each symbol that it depends on."""
        found: dict[str, tuple[Extent, PeriodicSet]] = {}
        for symbol, one in self._found.items():
            extent = one.shapes[name].dimensions[axis]
            if isinstance(extent, Extent):
                found[symbol] = (extent, one.taken)
        return found

    def _extent(self, name: str, axis: int) -> str:
        """An extent in symbols; a product, where several decide it."""
        size = self.graph.shapes[name].dimensions[axis]
        found = self._symbolic(name, axis)
        for group in self._groups:
            for other in group[1:]:
                found.pop(other, None)
        parts = [self._formula(extent, symbol, taken) for symbol, (extent, taken) in found.items()]
        if len(parts) < 2:
            return parts[0] if parts else str(size)
        return self._joint(name, axis, found) or f"f({', '.join(found)})"

    def _joint(self, name: str, axis: int, found: Mapping[str, tuple[Extent, PeriodicSet]]) -> str | None:
        """An extent that several symbols decide, as a sum or a product, whichever it is where all of them change."""
        size = self.graph.shapes[name].dimensions[axis]
        points = list(product(*(_telling(*one) for one in found.values())))
        shapes = {point: self._at(dict(zip(found, point, strict=True))) for point in points}
        known = {point: shape[name].dimensions[axis] for point, shape in shapes.items() if shape}
        parts = {point: [extent.at(n) for (extent, _), n in zip(found.values(), point, strict=True)] for point in known}
        more = len(found) - 1
        if all(sum(parts[point]) - more * size == number for point, number in known.items()):
            return added([(symbol, *one) for symbol, one in found.items()], -more * size)
        if all(prod(parts[point]) == number * size**more for point, number in known.items()):
            return multiplied([(symbol, *one) for symbol, one in found.items()], size**more)
        return None

    def _at(self, sizes: dict[str, int]) -> Mapping[str, Shape] | None:
        """All shapes at some sizes of the symbols, and of those tied to them; None where they are not taken."""
        for group in self._groups:
            sizes |= dict.fromkeys(group, sizes[group[0]]) if group[0] in sizes else {}
        key = tuple(sizes.items())
        if key not in self._shapes:
            try:
                self._shapes[key] = resized(self.graph, sizes).shapes
            except CnnError:
                self._shapes[key] = None
        return self._shapes[key]

    def _formula(self, extent: Extent, symbol: str, taken: PeriodicSet) -> str:
        key = (symbol, repr(extent))
        if key not in self._texts:
            self._texts[key] = formula(extent, symbol, taken)
        return self._texts[key]


def _telling(extent: Extent, taken: PeriodicSet) -> list[int]:
    """Some of the sizes that are taken, such that the extents are different."""
    end = taken.start if taken.is_finite else None
    found: dict[int, int] = {}
    for size in islice(taken.members(end=end), REACH):
        found.setdefault(extent.at(size), size)
        if len(found) == PROBES:
            break
    return list(found.values())


def _varies(extent: Extent, taken: PeriodicSet) -> bool:
    """Whether an extent is not the same for all sizes that are taken."""
    return not taken.is_finite or len({extent.at(size) for size in taken.members()}) > 1


def beside_defaults(found: NetworkSizes) -> str:
    """What is to be said behind the sizes of symbols that depend on each other; nothing where they do not."""
    return f", each beside the others' defaults: they meet in {quoted(found.meeting)}" if found.meeting else ""


def grouped(symbols: Sequence[SymbolSizes]) -> str:
    """``H and W: at least 32``."""
    groups = [(words, [one.name for one in group]) for words, group in groupby(symbols, lambda one: one.words)]
    return "; ".join(f"{' and '.join(names)}: {words}" for words, names in groups)


def decisive(found: Along) -> tuple[Need, ...]:
    """The needs that decide: without any of them more sizes would be taken."""
    kept = [need for need in found.needs if need.taken != need.reached]
    for need in [*kept]:
        rest = found.assumed
        for other in kept:
            rest = rest & other.asked if other is not need else rest
        if rest == found.taken:
            kept.remove(need)
    return tuple(kept)
