"""A layered layout: boxes in ranks along the flow, lines in lanes and tracks of their own between them.

Works on sizes alone. Boxes that belong to a group are laid out by themselves and then placed as one box, so that a
frame around a group holds its members and nothing else.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from math import ceil
from typing import Literal, NamedTuple

from cnndsl.draw.canvas.scene import Point
from cnndsl.draw.layout.columns import LABEL_GAP
from cnndsl.draw.layout.level import Spacing as Spacing
from cnndsl.draw.layout.run import BoxGroup as BoxGroup
from cnndsl.draw.layout.run import Rectangle as Rectangle
from cnndsl.draw.layout.run import Run, Stretch, straightened
from cnndsl.draw.layout.run import Size as Size

Direction = Literal["down", "right"]


STANDARD = Spacing()


class Placement(NamedTuple):
    """Where things are: the boxes' upper left corners, every edge's points, the labels, the groups' frames.

    ``groups`` says which group each frame is for: one that is parted by the end of a run has several.
    """

    positions: tuple[Point, ...]
    routes: tuple[tuple[Point, ...], ...]
    labels: tuple[Rectangle, ...]
    frames: tuple[Rectangle, ...]
    width: float
    height: float
    groups: tuple[int, ...] = ()


def place(
    sizes: Sequence[Size],
    edges: Sequence[tuple[int, int]],
    direction: Direction = "down",
    spacing: Spacing = STANDARD,
    groups: Sequence[BoxGroup] = (),
    cuts: Sequence[int] = (),
) -> Placement:
    """Places boxes so that every edge leads on in ``direction``, from an earlier box to a later one.

    No line passes through a box; lines of different boxes share no piece; labels stand free. Groups are nested or
    apart, outer ones first. An empty range of a label or a title reserves nothing. Before each box of ``cuts`` a new
    run begins beside what is placed so far, and the lines go back to its beginning.
    """
    if direction == "right":
        turned = [Size(size.height, size.width, (size.label[1], size.label[0])) for size in sizes]
        return _turned(_placed(turned, edges, spacing, groups, True, cuts))
    return _placed(sizes, edges, spacing, groups, False, cuts)


def _placed(
    sizes: Sequence[Size],
    edges: Sequence[tuple[int, int]],
    spacing: Spacing,
    groups: Sequence[BoxGroup],
    along: bool,
    cuts: Sequence[int],
) -> Placement:
    """From above to below; titles are read across the flow or ``along`` it."""
    bounds = pairwise((0, *cuts, len(sizes)))
    runs = [Run(sizes, edges, spacing, groups, along, Stretch(*bound)) for bound in bounds]
    return _Assembly(sizes, spacing, runs).placement(edges)


def _turned(found: Placement) -> Placement:
    def rectangles(given: Sequence[Rectangle]) -> tuple[Rectangle, ...]:
        return tuple(Rectangle(one.y, one.x, one.height, one.width) for one in given)

    return Placement(
        tuple((y, x) for x, y in found.positions),
        tuple(tuple((y, x) for x, y in route) for route in found.routes),
        rectangles(found.labels),
        rectangles(found.frames),
        found.height,
        found.width,
        found.groups,
    )


# --- runs side by side ---
class _Assembly:
    """Runs from left to right. What flows on goes below its run, up in the gap and into the next one from above."""

    def __init__(self, sizes: Sequence[Size], spacing: Spacing, runs: Sequence[Run]) -> None:
        self.sizes = sizes
        self.track, self.apart = spacing.track, spacing.boxes
        self.runs = runs
        self.home = {box: index for index, run in enumerate(runs) for box in run.ways}
        carried = [len(run.whole.gives) for run in runs]
        self.top = float(max(carried) * self.track)
        self.lefts: list[float] = [0.0]
        for run, nets in zip(runs, carried, strict=True):
            self.lefts.append(self.lefts[-1] + run.whole.width + 2 * self.apart + nets * self.track)
        last = len(runs) - 1
        self.width = self.lefts[last] + runs[last].whole.width
        below = [(nets + 1) * self.track if nets else 0 for nets in carried]
        self.height = self.top + max(run.whole.height + room for run, room in zip(runs, below, strict=True))

    def placement(self, edges: Sequence[tuple[int, int]]) -> Placement:
        positions: list[Point] = [(0, 0)] * len(self.sizes)
        labels: list[Rectangle] = [Rectangle(0, 0, 0, 0)] * len(self.sizes)
        frames: list[tuple[int, Rectangle]] = []
        for run, left in zip(self.runs, self.lefts, strict=False):
            for box, (x, y) in run.corners.items():
                positions[box] = x + left, y + self.top
                size = self.sizes[box]
                middle = x + left + ceil(size.width) // 2
                labels[box] = Rectangle(middle + LABEL_GAP, y + self.top + size.height + 3, *size.label)
            for group, (x, y, wide, high) in run.frames.items():
                frames.append((group, Rectangle(x + left, y + self.top, wide, high)))
        frames.sort(key=lambda pair: pair[0])
        routes = tuple(tuple(straightened(self._route(source, target))) for source, target in edges)
        found, groups = tuple(frame for _, frame in frames), tuple(group for group, _ in frames)
        return Placement(tuple(positions), routes, tuple(labels), found, self.width, self.height, groups)

    def _route(self, source: int, target: int) -> Iterator[Point]:
        first, last = self.home[source], self.home[target]
        for index in range(first, last + 1):
            if index > first:
                yield from self._back(index - 1, source)
            left = self.lefts[index]
            yield from ((x + left, y + self.top) for x, y in self.runs[index].route(source, target))

    def _back(self, index: int, net: int) -> Iterator[Point]:
        """From below a run to above the next one; the outermost of several lines stays the outermost."""
        gives = self.runs[index].whole.gives
        bottom = self.top + self.runs[index].whole.height
        inner = sorted(gives, key=gives.__getitem__).index(net)
        outer = (len(gives) - inner) * self.track
        gap = self.lefts[index + 1] - self.apart - inner * self.track
        above = self.top - (inner + 1) * self.track
        yield self.lefts[index] + gives[net], bottom + outer
        yield gap, bottom + outer
        yield gap, above
        yield self.lefts[index + 1] + self.runs[index + 1].whole.takes[net], above
