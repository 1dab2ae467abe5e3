"""A value with its measures: a body that follows its size, its text, and the ends of the lines that reach it."""

from collections.abc import Iterator, Sequence
from math import ceil
from typing import NamedTuple, Protocol

from cnndsl.draw.canvas.scene import Box, Glyph, Polygon, TextLabel
from cnndsl.draw.canvas.scene import Drawable as Drawn
from cnndsl.draw.canvas.strokes import HEAD_LENGTH, HEAD_WIDTH
from cnndsl.draw.canvas.text_metrics import width
from cnndsl.draw.outline import Outline
from cnndsl.draw.styles.values import TEXT, Volume, hint

LINE_HEIGHT = 12.5
LEAD, TAIL = 10.0, 4.0
"""Room for the arrow before a body, and behind it."""

SLAB_GAP, MOST_SLABS = 6.0, 5
STROKE = 1.25
PORT = HEAD_WIDTH + 1
COLLECTOR = 3.0
"""How thick the bar is at which lines end that are too many for a small body."""

CELL = 5.0
"""The edge of a cell in a table of connections."""


class Body(Protocol):
    """What stands for a value, drawn in a rectangle of ``span`` x ``rise``."""

    @property
    def width(self) -> float:
        """How far the next one of several alike begins, less the gap."""

    @property
    def span(self) -> float: ...

    @property
    def rise(self) -> float: ...

    def left(self, down: float) -> float:
        """Where the outline begins, ``down`` below its top."""

    def right(self, down: float) -> float:
        """Where the outline ends, ``down`` below its top."""

    def faces(self, x: float, y: float, family: str) -> tuple[Polygon, ...]:
        """Its shapes; ``x`` and ``y`` are the upper left corner of the rectangle."""


class Table(NamedTuple):
    """Which of the ``channels`` each filter sees (``connect=``)."""

    links: tuple[tuple[int, ...], ...]
    channels: int

    @property
    def height(self) -> float:
        return LINE_HEIGHT + CELL * self.channels + 8

    def shapes(self, centre: float, y: float, family: str) -> Iterator[Drawn]:
        """A row for every channel, a column for every filter, as Table I of LeCun et al. 1998."""
        wide, high = CELL * len(self.links), CELL * self.channels
        left, top = centre - wide / 2, y + LINE_HEIGHT + 4
        yield TextLabel(centre, y + TEXT + 2, "maps seen by each filter", TEXT, role="faint")
        yield Box(left, top, wide, high, "shape", 0)
        for column, seen in enumerate(self.links):
            for row in seen:
                yield Box(left + column * CELL, top + row * CELL, CELL, CELL, family, 0)


class ValueDrawing:
    """A volume with its measures: the middle of the body is the middle of the rectangle around it and its text."""

    def __init__(self, volume: Volume, body: Body, arrivals: int, right: bool, table: Table | None = None) -> None:
        self.volume = volume
        self.body = body
        self.slabs = min(volume.slabs, MOST_SLABS)
        self.count = (f"x {volume.slabs:,}",) if volume.slabs > 1 else ()
        self.size = volume.shown
        span = self.body.span + (self.slabs - 1) * (self.body.width + SLAB_GAP)
        texts = [width(self.size, TEXT, True), *(width(text, TEXT, bold) for text, bold in volume.text)]
        reach = (arrivals - 1) * PORT + HEAD_WIDTH / 2 + 1 if right else 0.0
        self.lead = 0.0 if not right else LEAD if reach <= self.body.rise / 2 else LEAD + 2 * COLLECTOR
        self.around = max(self.body.rise / 2, reach)
        self.span = span
        self.width = max(self.lead + span + TAIL, *(text + 4 for text in texts))
        self.above = self.around + LINE_HEIGHT + 4
        self.below = self.around + 4 + LINE_HEIGHT * (len(volume.text) + len(self.count)) + 2
        self.table = table
        if table:
            self.below += table.height
            self.width = max(self.width, CELL * len(table.links) + 4, width("maps seen by each filter", TEXT) + 4)
        self.middle = float(ceil(max(self.above, self.below))) if right else self.above
        self.height = 2 * self.middle if right else self.above + self.below
        if not right:
            self.width = max(self.width, 2 * arrivals * PORT)

    def corner(self, x: float, y: float) -> tuple[float, float]:
        """Where the body begins, with ``x`` and ``y`` as upper left corner of the whole."""
        before = max((self.width - self.span + self.lead - TAIL * bool(self.lead)) / 2, self.lead)
        return x + before, y + self.middle - self.body.rise / 2

    def glyph(self, found: Outline, x: float, y: float, arriving: Sequence[float], leaving: Sequence[float]) -> Glyph:
        """The shapes with ``x`` and ``y`` as upper left corner; lines arrive and leave at these heights."""
        volume, body = self.volume, self.body
        middle = y + self.middle
        begin, top = self.corner(x, y)
        shapes: list[Drawn] = []
        if arriving:
            shapes += self._leads(x, begin, top, arriving)
        if leaving:
            behind = begin + self.span - body.span + body.right(body.rise / 2)
            shapes += _trail(behind, x + self.width, middle, leaving)
        for slab in range(self.slabs):
            shapes += body.faces(begin + slab * (body.width + SLAB_GAP), top, volume.family)
        centre = x + self.width / 2
        shapes.append(TextLabel(centre, middle - self.around - 5, self.size, TEXT, bold=True))
        baseline = middle + self.around + 4 + TEXT
        for text, bold in (*volume.text, *((count, True) for count in self.count)):
            shapes.append(TextLabel(centre, baseline, text, TEXT, "middle", "text", bold))
            baseline += LINE_HEIGHT
        if self.table:
            shapes += self.table.shapes(centre, baseline - TEXT, volume.family)
        upper = min([middle - self.above, *(port - STROKE for port in (*arriving, *leaving))])
        lower = max([middle + self.below, *(port + STROKE for port in (*arriving, *leaving))])
        units = [found.units[index] for index in volume.units]
        layers = tuple(layer.name for unit in units for layer in (*unit.layers, *unit.others))
        return Glyph(units[0].name, layers, hint(units), x, upper, self.width, lower - upper, tuple(shapes))

    def _leads(self, x: float, begin: float, top: float, arriving: Sequence[float]) -> Iterator[Polygon]:
        """From the border to the body, every line with its own head; a small body has a bar that takes many."""
        rise, inside = self.body.rise, HEAD_WIDTH / 2 + 1
        direct = all(top + inside <= port <= top + rise - inside for port in arriving)
        for port in arriving:
            end = begin + self.body.left(port - top) if direct else begin - 2 * COLLECTOR
            base, side = end - HEAD_LENGTH, HEAD_WIDTH / 2
            yield from _bar(x, base + 1, port)
            yield Polygon(((end, port), (base, port - side), (base, port + side)), "arrow")
        if not direct:
            above, below = min(arriving) - HEAD_WIDTH / 2, max(arriving) + HEAD_WIDTH / 2
            left, right = begin - 2 * COLLECTOR, begin - COLLECTOR
            yield Polygon(((left, above), (right, above), (right, below), (left, below)), "arrow")
            yield from _bar(right, begin + self.body.left(rise / 2), top + rise / 2)


def _trail(start: float, end: float, middle: float, ports: Sequence[float]) -> Iterator[Polygon]:
    """From the body to the border."""
    yield from _bus(end - STROKE, middle, ports)
    yield from _bar(start, end, middle)


def _bar(start: float, end: float, middle: float) -> Iterator[Polygon]:
    if end > start:
        above, below = middle - STROKE / 2, middle + STROKE / 2
        yield Polygon(((start, above), (end, above), (end, below), (start, below)), "arrow")


def _bus(x: float, middle: float, ports: Sequence[float]) -> Iterator[Polygon]:
    above, below = min(middle, *ports) - STROKE / 2, max(middle, *ports) + STROKE / 2
    if below - above > 2 * STROKE:
        yield Polygon(((x, above), (x + STROKE, above), (x + STROKE, below), (x, below)), "arrow")
