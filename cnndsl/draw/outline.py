"""What a picture shows of a network: units, folded to a depth, with what is repeated drawn once.

Layouts and styles read this and never the graph itself.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate, pairwise
from typing import Literal, NamedTuple, TypeAlias

from cnndsl.analysis.measured import Layer, Measured
from cnndsl.errors import CnnError
from cnndsl.lang.elaborate.naming import instance_name
from cnndsl.shapes import Shape

MOST_UNITS = 2_000
"""The most boxes of a picture; more can neither be read nor be laid out in seconds."""

MOST_EDGES = 4_000
"""The most lines between them."""

MOST_FLAT, STRETCHES = 300, 24
"""Layers and blocks beside each other that are still drawn one by one, and the stretches that more are folded into."""

Kind = Literal["input", "layer", "block"]

Nesting: TypeAlias = tuple[str, ...]
"""A kind of block by its name, behind those of the blocks around it."""

Opened: TypeAlias = frozenset[Nesting]
"""The kinds of blocks that a picture shows the inside of."""


class Unit(NamedTuple):
    """A box of the picture: an input, a layer, or a block instance, or a stretch of a long network, that is folded.

    ``name`` is the input's, the layer's or the block instance's, ``layers`` what the box stands for, ``repeat`` how
    often it stands there in a row, and ``others`` are the layers of all repetitions that are not drawn, those of the
    row first. ``shape`` flows out of it, ``shown`` is that as text, in symbols where they decide it. ``outputs`` are
    the network's outputs among its values, by name.
    """

    name: str
    kind: Kind
    title: str
    layers: tuple[Layer, ...]
    shape: Shape
    shown: str
    repeat: int = 1
    others: tuple[Layer, ...] = ()
    outputs: tuple[str, ...] = ()

    @property
    def output(self) -> bool:
        return bool(self.outputs)

    @property
    def row(self) -> tuple[Layer, ...]:
        """The layers of all ``repeat`` instances in the row, without those of repetitions of an open block around."""
        return (*self.layers, *self.others[: (self.repeat - 1) * len(self.layers)])

    @property
    def params(self) -> int:
        """Learnable elements of the row."""
        return sum(layer.params for layer in self.row)


class Edge(NamedTuple):
    """A value that flows from one unit to another, both given by their place in ``Outline.units``.

    ``shape`` is its shape as text, in symbols where they decide it.
    """

    source: int
    target: int
    shape: str
    value: str


class FrameUnits(NamedTuple):
    """An open block instance: its members, nested ones too. ``depth`` is 1 for an outermost one."""

    title: str
    repeat: int
    units: tuple[int, ...]
    depth: int


class Outline(NamedTuple):
    """Units in executable order: every edge leads from an earlier unit to a later one."""

    units: tuple[Unit, ...]
    edges: tuple[Edge, ...]
    frames: tuple[FrameUnits, ...]


def nesting(blocks: Mapping[tuple[str, ...], str], path: tuple[str, ...]) -> Nesting:
    """The kind of the block instance at ``path``, by the names of all blocks."""
    return tuple(blocks.get(path[: level + 1], name) for level, name in enumerate(path))


def outline(network: Measured, depth: int | Opened = 0) -> Outline:
    """The units of a picture: block instances nested deeper than ``depth``, or not opened, are one unit each.

    Consecutive instances of a block that are alike and feed only the next one are one unit, or one frame. Layers that
    only pass a value on (``identity``) become part of the line. Where the kinds of blocks are given, not a depth, a row
    that is very long is folded into stretches. Raises CnnError ``bad-setting`` for a negative depth and for more than
    ``MOST_UNITS`` units or ``MOST_EDGES`` edges.
    """
    if isinstance(depth, int) and depth < 0:
        raise CnnError.of("bad-setting", f"depth={depth}: blocks are folded from depth 0 on")
    return _Folding(network, depth).outline()


class _Folding:
    """One walk over the layers. Layers are known by their place in the order, inputs by -1, -2, ..."""

    def __init__(self, network: Measured, depth: int | Opened) -> None:
        self.network = network
        self.depth = depth
        self.layers = list(network.layers.values())
        places = {name: -1 - index for index, name in enumerate(network.inputs)}
        places.update({layer.name: index for index, layer in enumerate(self.layers)})
        self.inputs = [
            () if layer.node.op.independent else tuple(places[name] for name in layer.inputs) for layer in self.layers
        ]
        self.readers: list[list[int]] = [[] for _ in self.layers]
        for reader, sources in enumerate(self.inputs):
            for source in sources:
                if source >= 0:
                    self.readers[source].append(reader)
        self.results = {places[name] for name in network.graph.outputs}
        self.blocks = {instance.path: instance.block for instance in network.graph.instances}
        self.written: dict[int, str] = {}
        self.units: list[Unit] = []
        self.frames: list[FrameUnits] = []
        self.owner: dict[int, int] = {}  # the unit that a layer, also one of a repetition, is drawn as
        self.drawn: list[int] = []  # the layers that units stand for, without repetitions

    def outline(self) -> Outline:
        for index, (name, shape) in enumerate(self.network.inputs.items()):
            self.owner[-1 - index] = len(self.units)
            outputs = (name,) if -1 - index in self.results else ()
            shown = self.network.shown(name)
            self.units.append(Unit(name, "input", name, (), shape, shown, outputs=outputs))
        self._walk(0, len(self.layers), 0, ())
        self._require_few(len(self.units), MOST_UNITS, "boxes")
        self._mark_outputs()
        edges = tuple(self._edges())
        self._require_few(len(edges), MOST_EDGES, "lines")
        return Outline(tuple(self.units), edges, tuple(self.frames))

    def _walk(self, start: int, stop: int, level: int, shifts: tuple[int, ...]) -> None:
        """Makes units of the layers of one block instance; their repetitions stand ``shifts`` places later."""
        parts = list(self._parts(start, stop, level))
        if level == 0 and not isinstance(self.depth, int) and len(parts) > MOST_FLAT:
            self._fold_stretches([first for first, _, _ in parts])
            return
        at = 0
        while at < len(parts):
            first, last, block = parts[at]
            if not block:
                self._layer(first, shifts)
                at += 1
                continue
            count = self._repetitions(parts, at, level)
            size = last - first
            every = tuple(base + turn * size for base in (0, *shifts) for turn in range(count))[1:]
            if self._opens(first, level):
                self._open(first, last, level, count, every)
            else:
                self._block(first, last, level, count, every)
            for turn in range(1, count):
                for place in range(first, last):
                    if place in self.owner:
                        self.owner[place + turn * size] = self.owner[place]
            at += count

    def _opens(self, first: int, level: int) -> bool:
        """Whether the block instance that begins at ``first`` is open."""
        if isinstance(self.depth, int):
            return level < self.depth
        return nesting(self.blocks, self.layers[first].node.path[: level + 1]) in self.depth

    def _parts(self, start: int, stop: int, level: int) -> Iterator[tuple[int, int, bool]]:
        """Single layers and whole block instances of one level as begin, end and whether it is an instance."""
        at = start
        while at < stop:
            path = self.layers[at].node.path
            end = at + 1
            if len(path) > level:
                while end < stop and self.layers[end].node.path[level : level + 1] == path[level : level + 1]:
                    end += 1
            yield at, end, len(path) > level
            at = end

    def _fold_stretches(self, starts: Sequence[int]) -> None:
        """Makes few units of many layers and blocks, parted where the fewest values go on."""
        count = len(self.layers)
        living = [0] * (count + 1)
        for place, readers in enumerate(self.readers):
            if readers:
                living[place + 1] += 1
                living[max(readers) + 1] -= 1
        living = list(accumulate(living))
        step = len(starts) / STRETCHES
        cuts = [0]
        for turn in range(1, STRETCHES):
            ideal = round(turn * step)
            near = range(ideal - int(step / 3), ideal + int(step / 3) + 1)
            cuts.append(starts[min(near, key=lambda at: (living[starts[at]], abs(at - ideal)))])
        for first, last in pairwise([*cuts, count]):
            begin, end = self.layers[first].name, self.layers[last - 1].name
            layers = tuple(self.layers[first:last])
            unit = Unit(begin, "block", f"{begin} – {end}", layers, layers[-1].shape, layers[-1].shown)
            self._add(unit, first, last)

    def _layer(self, place: int, shifts: tuple[int, ...]) -> None:
        if self._passes(place, place + 1):
            return
        layer = self.layers[place]
        others = tuple(self.layers[place + shift] for shift in shifts)
        unit = Unit(layer.name, "layer", self._written(place), (layer,), layer.shape, layer.shown, 1, others)
        self._add(unit, place, place + 1)

    def _block(self, first: int, last: int, level: int, count: int, shifts: tuple[int, ...]) -> None:
        if self._passes(first, last):
            return
        name = self.layers[first].node.path[level]
        others = tuple(self.layers[place + shift] for shift in shifts for place in range(first, last))
        end = self.layers[last - 1 + (count - 1) * (last - first)]
        drawn = tuple(self.layers[first:last])
        title = self._title(first, level, count)
        self._add(Unit(name, "block", title, drawn, end.shape, end.shown, count, others), first, last)

    def _add(self, unit: Unit, first: int, last: int) -> None:
        places = range(first, last)
        self.owner.update(dict.fromkeys(places, len(self.units)))
        self.drawn.extend(places)
        self.units.append(unit)

    def _open(self, first: int, last: int, level: int, count: int, shifts: tuple[int, ...]) -> None:
        before, slot = len(self.units), len(self.frames)
        self._walk(first, last, level + 1, shifts)
        members = tuple(range(before, len(self.units)))
        if members:
            self.frames.insert(slot, FrameUnits(self._title(first, level, count), count, members, level + 1))

    def _title(self, first: int, level: int, count: int) -> str:
        """The block's name, and that of a single instance where it was given one with ``as``."""
        path = self.layers[first].node.path[: level + 1]
        own = path[-1].removeprefix(f"{path[-2]}.") if level else path[-1]
        block = self.blocks.get(path, own)
        plain = count > 1 or own.lower() == block.lower() or _numbered(own, instance_name(block))
        return block if plain else f"{block} {own}"

    def _passes(self, first: int, last: int) -> bool:
        """Whether there is nothing to draw: identities that something reads."""
        return all(
            self.layers[place].operator == "identity" and self.readers[place] and place not in self.results
            for place in range(first, last)
        )

    # --- repetition ---
    def _repetitions(self, parts: Sequence[tuple[int, int, bool]], at: int, level: int) -> int:
        """How many instances from ``parts[at]`` on are alike, each feeding only the next."""
        first, last, _ = parts[at]
        size, count = last - first, 1
        mine: tuple[object, ...] | None = None
        while at + count < len(parts):
            start, stop, block = parts[at + count]
            if not block or stop - start != size or not self._feeds_only(start - size, start, stop):
                break
            mine = mine or self._likeness(first, last, level)
            if self._likeness(start, stop, level) != mine:
                break
            count += 1
        return count if count == 1 or self._ends_plainly(last + (count - 2) * size, last + (count - 1) * size) else 1

    def _feeds_only(self, start: int, middle: int, stop: int) -> bool:
        """Whether the layers up to ``middle`` are read there and by the next instance only, which reads them only."""
        alone = all(
            place not in self.results and all(reader < stop for reader in self.readers[place])
            for place in range(start, middle)
        )
        return alone and all(source >= start for place in range(middle, stop) for source in self.inputs[place])

    def _ends_plainly(self, start: int, stop: int) -> bool:
        """Whether no value is handed through the last instance past its own layers."""
        return not any(
            self.layers[place].operator == "identity"
            and (place in self.results or any(reader >= stop for reader in self.readers[place]))
            for place in range(start, stop)
        )

    def _likeness(self, start: int, stop: int, level: int) -> tuple[object, ...]:
        """Operators with their arguments, wiring and nesting, apart from names and shapes."""
        prefix = f"{self.layers[start].node.path[level]}."
        outside: dict[int, int] = {}
        lines: list[object] = []
        for place in range(start, stop):
            node = self.layers[place].node
            sources = tuple(
                (source - start, 0) if source >= start else (-1, outside.setdefault(source, len(outside)))
                for source in self.inputs[place]
            )
            share = node.share.removeprefix(prefix) if node.share else None
            path = tuple(name.removeprefix(prefix) for name in node.path[level + 1 :])
            lines.append((self._arguments(place), share, path, sources))
        return tuple(lines)

    def _arguments(self, place: int) -> str:
        operator = self.layers[place].node.op
        if id(operator) not in self.written:
            self.written[id(operator)] = f"{operator.operator} {operator.arguments()}".rstrip()
        return self.written[id(operator)]

    def _written(self, place: int) -> str:
        share = self.layers[place].node.share
        return self._arguments(place) + (f" share={share}" if share else "")

    # --- edges ---
    def _edges(self) -> Iterator[Edge]:
        """Every value once for each unit that reads it."""
        names = list(self.network.inputs)
        seen: set[tuple[int, int, int]] = set()
        for place in self.drawn:
            target = self.owner[place]
            for read in self.inputs[place]:
                value = self._resolved(read)
                source = self.owner[value]
                if source != target and (source, target, value) not in seen:
                    seen.add((source, target, value))
                    name = names[-1 - value] if value < 0 else self.layers[value].name
                    yield Edge(source, target, self.network.shown(name), name)

    def _resolved(self, place: int) -> int:
        """The value itself where ``place`` only passes it on."""
        while place not in self.owner:
            (place,) = self.inputs[place]
        return place

    def _require_few(self, count: int, most: int, what: str) -> None:
        if count > most:
            deep = isinstance(self.depth, int) and self.depth > 0
            advice = f"fold blocks: a depth less than {self.depth}" if deep else "put what repeats into blocks"
            many = f"the picture would have {count:,} {what}, more than {most:,}"
            raise CnnError.of("bad-setting", many, advice)

    def _mark_outputs(self) -> None:
        for place in sorted(self.results):
            if place >= 0:
                owner = self.owner[place]
                unit = self.units[owner]
                self.units[owner] = unit._replace(outputs=(*unit.outputs, self.layers[place].name))


def _numbered(name: str, stem: str) -> bool:
    """Whether a name is the automatic one: the stem with a number behind it."""
    return name.startswith(stem) and name[len(stem) :].isdecimal()
