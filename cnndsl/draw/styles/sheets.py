"""``--style sheets``: every value as its maps, one behind the other, and the kernels that look at them (LeCun 1998)."""

from collections.abc import Iterator
from math import log2
from typing import NamedTuple

from cnndsl.analysis.measured import Measured
from cnndsl.draw.canvas.scene import Point, Polygon, Scene
from cnndsl.draw.outline import Opened, Outline
from cnndsl.draw.page import ANY_PAGE, Page
from cnndsl.draw.styles.cuboid import Scales
from cnndsl.draw.styles.value_glyph import SLAB_GAP, Table
from cnndsl.draw.styles.values import Volume
from cnndsl.draw.styles.volumes import Figure, values_scene
from cnndsl.ops.base import Windowed
from cnndsl.ops.conv import Conv
from cnndsl.shapes import Shape

SIZE = 0.8
"""The edges of sheets beside those of volumes."""

STEP = 3.5
"""How far each sheet stands before the one behind it."""

EACH, MOST = 8, 14
"""Maps up to which each has its sheet, and the most sheets."""

BAR, STRIP = 6.0, 8.0
"""How wide a vector is, and the maps of a sequence."""

SMALLEST_KERNEL = 3.0
WINDOW, APEX = (0.66, 0.34), (0.34, 0.6)
"""Where on a map a kernel looks, and where it writes what it sees, as shares of the width and height."""

MOST_COLUMNS, MOST_ROWS = 32, 16
"""The largest table of connections that is drawn."""


class Sheets(NamedTuple):
    """So many sheets of one size; the first is the one behind, above on the left."""

    sheet_width: float
    sheet_height: float
    number: int

    @property
    def width(self) -> float:
        return self.span

    @property
    def span(self) -> float:
        return self.sheet_width + self.offset

    @property
    def rise(self) -> float:
        return self.sheet_height + self.offset

    @property
    def offset(self) -> float:
        """From the sheet behind to the one in front, across and down."""
        return (self.number - 1) * STEP

    def left(self, down: float) -> float:
        """Where the outline begins, ``down`` below its top."""
        return max(0.0, min(self.offset, down - self.sheet_height))

    def right(self, down: float) -> float:
        """Where the outline ends, ``down`` below its top."""
        return self.sheet_width + max(0.0, min(self.offset, down))

    def faces(self, x: float, y: float, family: str) -> tuple[Polygon, ...]:
        """The sheets; ``x`` and ``y`` are the upper left corner of what surrounds them."""
        return tuple(
            Polygon(_rectangle(x + index * STEP, y + index * STEP, self.sheet_width, self.sheet_height), family)
            for index in range(self.number)
        )


def sheets_scene(network: Measured, depth: int | Opened = 0, page: Page = ANY_PAGE) -> Scene:
    """The picture from left to right; a kernel is a pyramid from its window to the number that it gives.

    Raises CnnError as :func:`cnndsl.draw.outline.outline`.
    """
    return values_scene(network, depth, page, sheets, _kernels, _table)


def sheets(scales: Scales, shape: Shape) -> Sheets:
    """Maps of their height and width; all of a few, fewer and fewer of many. Vectors are bars."""
    cuboid = scales.cuboid(shape)
    if shape.is_vector:
        return Sheets(BAR, cuboid.height, 1)
    count = min(shape.channels, EACH)
    if shape.channels > EACH:
        count = min(MOST, EACH + round(log2(shape.channels / EACH)))
    high = SIZE * cuboid.height
    wide = STRIP if len(shape.spatial) == 1 else SIZE * scales.edge(shape.spatial[-1])
    return Sheets(wide, high, count)


def _kernels(figure: Figure) -> dict[int, tuple[Polygon, ...]]:
    """The pyramids, in the place of lines that run straight to the right into a layer with windows."""
    marks: dict[int, tuple[Polygon, ...]] = {}
    readers = [source for source, _ in figure.edges]
    targets = [target for _, target in figure.edges]
    for index, ((source, target), route) in enumerate(zip(figure.edges, figure.placed.routes, strict=True)):
        straight = len(route) == 2 and route[0][1] == route[1][1]
        if straight and readers.count(source) == 1 and targets.count(target) == 1:
            shares = _window(figure, source, target)
            if shares:
                marks[index] = tuple(_pyramid(figure, source, target, shares))
    return marks


def _window(figure: Figure, source: int, target: int) -> tuple[float, float] | None:
    """How much of the height and of the width of a map the kernel sees; None where there is none."""
    unit = figure.found.units[figure.volumes[target].units[0]]
    shape = figure.volumes[source].shape
    if unit.kind != "layer" or not isinstance(unit.layers[0].node.op, Windowed) or shape.is_vector:
        return None
    shares = [min(1.0, axis.kernel / axis.size) for axis in unit.layers[0].node.op.windows(shape)]
    return (shares[-2] if len(shares) > 1 else shares[0]), shares[-1] if len(shares) > 1 else 1.0


def _pyramid(figure: Figure, source: int, target: int, shares: tuple[float, float]) -> Iterator[Polygon]:
    """From the window in the map in front to a number of the next."""
    (x, y), (wide, high) = _front(figure, source, last=True)
    (to_x, to_y), (to_wide, to_high) = _front(figure, target, last=False)
    apex = to_x + to_wide * APEX[0], to_y + to_high * APEX[1]
    down, across = (max(share * edge, SMALLEST_KERNEL) for share, edge in zip(shares, (high, wide), strict=True))
    left = max(0.0, min(wide * WINDOW[0] - across / 2, wide - across))
    above = max(0.0, min(high * WINDOW[1] - down / 2, high - down))
    square = _rectangle(x + left, y + above, across, down)
    yield Polygon(square, "kernel")
    yield Polygon((square[0], apex, square[3]), "kernel")
    yield Polygon((square[1], apex, square[2]), "kernel")


def _front(figure: Figure, index: int, last: bool) -> tuple[Point, Point]:
    """The corner and the size of the sheet in front, of the last or the first of several alike."""
    drawing, (x, y) = figure.drawings[index], figure.placed.positions[index]
    body = drawing.body
    assert isinstance(body, Sheets)
    begin, top = drawing.corner(x, y)
    begin += (drawing.slabs - 1) * (body.width + SLAB_GAP) if last else 0
    return (begin + body.offset, top + body.offset), (body.sheet_width, body.sheet_height)


def _table(found: Outline, volume: Volume) -> Table | None:
    unit = found.units[volume.units[0]]
    if unit.kind != "layer" or not isinstance(unit.layers[0].node.op, Conv) or unit.layers[0].node.op.connect is None:
        return None
    links = unit.layers[0].node.op.connect
    channels = 1 + max(channel for seen in links for channel in seen)
    return Table(links, channels) if len(links) <= MOST_COLUMNS and channels <= MOST_ROWS else None


def _rectangle(x: float, y: float, wide: float, high: float) -> tuple[Point, Point, Point, Point]:
    return (x, y), (x + wide, y), (x + wide, y + high), (x, y + high)
