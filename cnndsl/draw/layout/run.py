"""A run of a layered layout: consecutive boxes with their groups, from where lines enter to where they leave."""

from collections.abc import Iterator, Mapping, Sequence
from math import ceil
from typing import NamedTuple, TypeAlias

from cnndsl.draw.canvas.scene import Point
from cnndsl.draw.layout.columns import Distances, place_columns
from cnndsl.draw.layout.level import Built, Drawing, Level, Spacing
from cnndsl.draw.layout.ordering import Link, Vertex, ranked


class Size(NamedTuple):
    """A box, and the text beside the line that leaves it: ``label`` is that text's width and height."""

    width: float
    height: float
    label: tuple[float, float] = (0, 0)


class BoxGroup(NamedTuple):
    """Boxes to be framed together: a range of consecutive ones. ``title`` is the size of the text in the frame."""

    start: int
    stop: int
    title: tuple[float, float] = (0, 0)


class Rectangle(NamedTuple):
    x: float
    y: float
    width: float
    height: float


class Stretch(NamedTuple):
    """Consecutive boxes: from ``start`` to before ``stop``."""

    start: int
    stop: int


Way: TypeAlias = tuple[tuple[Level, int], ...]
"""The levels around a box from outside in, each with its place there."""


class Run:
    """The boxes of a stretch with coordinates of their own. Edges from before it enter above, to behind leave below."""

    def __init__(
        self,
        sizes: Sequence[Size],
        edges: Sequence[tuple[int, int]],
        spacing: Spacing,
        groups: Sequence[BoxGroup],
        along: bool,
        stretch: Stretch,
    ) -> None:
        self.sizes = sizes
        self.spacing = spacing
        self.root = _tree(stretch, groups, along)
        self.ways = _ways(self.root)
        self._link(edges, stretch)
        self.built: dict[int, Built] = {}
        self._build(self.root)
        self.whole = self.built[id(self.root)]
        self.corners: dict[int, Point] = {}
        self.frames: dict[int, Rectangle] = {}
        self.corner: dict[int, Point] = {}
        self._place()

    def route(self, source: int, target: int) -> Iterator[Point]:
        """The points of an edge, as far as it runs here."""
        for around, key in self._pieces(source, target):
            x, y = self.corner[id(around)]
            yield from ((x + dx, y + dy) for dx, dy in self.built[id(around)].pieces[key])

    def _pieces(self, source: int, target: int) -> Iterator[tuple[Level, tuple[int, int, int]]]:
        """The links of an edge in the levels that it runs through."""
        begin, end = self.ways.get(source, ()), self.ways.get(target, ())
        depth = 0
        while begin[depth : depth + 1] == end[depth : depth + 1] != ():
            depth += 1
        inside = bool(begin and end)
        yield from ((around, (source, index, -1)) for around, index in reversed(begin[depth + inside :]))
        if inside:
            yield begin[depth][0], (source, begin[depth][1], end[depth][1])
        if not begin and not end:
            yield self.root, (source, -1, -1)
        yield from ((around, (source, -1, index)) for around, index in end[depth + inside :])

    def _link(self, edges: Sequence[tuple[int, int]], stretch: Stretch) -> None:
        """Puts every edge's pieces into the levels that it runs through."""
        for source, target in edges:
            if source < stretch.stop and target >= stretch.start:
                for level, link in self._pieces(source, target):
                    level.links[link] = None

    def _place(self) -> None:
        """Where the boxes and frames are."""
        pending: list[tuple[Level, Point]] = [(self.root, (0, 0))]
        while pending:
            level, (x, y) = pending.pop()
            built = self.built[id(level)]
            self.corner[id(level)] = x, y
            if level.group is not None:
                self.frames[level.group] = Rectangle(x, y, built.width, built.height)
            for child, (dx, dy) in zip(level.children, built.corners, strict=True):
                if isinstance(child, Level):
                    pending.append((child, (x + dx, y + dy)))
                else:
                    self.corners[child] = x + dx, y + dy

    def _build(self, level: Level) -> None:
        for child in level.children:
            if isinstance(child, Level):
                self._build(child)
        nets_in = list(dict.fromkeys(net for net, source, _ in level.links if source < 0))
        nets_out = list(dict.fromkeys(net for net, _, target in level.links if target < 0))
        entry = {net: index for index, net in enumerate(nets_in)}
        first = len(entry)
        behind = first + len(level.children)
        leave = {net: behind + index for index, net in enumerate(nets_out)}
        items = [Vertex("entry", 0, 0, {}, {net: 0}) for net in nets_in]
        items += [self._item(child, first + index, level) for index, child in enumerate(level.children)]
        items += [Vertex("exit", 0, 0, {net: 0}, {}) for net in nets_out]
        links = []
        for net, source, target in level.links:
            begin = first + source if source >= 0 else entry[net]
            end = first + target if target >= 0 else leave[net]
            links.append(Link(net, begin, end))
        graph = ranked(items, links)
        x = place_columns(graph, Distances(self.spacing.boxes, self.spacing.lanes, self.spacing.track + 2))
        self.built[id(level)] = Drawing(graph, x, self.spacing, level, first, behind, entry, leave).built()

    def _item(self, child: "int | Level", index: int, level: Level) -> Vertex:
        if isinstance(child, Level):
            inner = self.built[id(child)]
            return Vertex("box", inner.width, inner.height, inner.takes, inner.gives)
        size = self.sizes[child]
        width = ceil(size.width)
        return Vertex("box", width, size.height, {}, {child: width // 2}, size.label)


def _tree(stretch: Stretch, groups: Sequence[BoxGroup], along: bool) -> Level:
    """The boxes in their groups; of a group that reaches beyond the stretch, its part."""
    root = Level(None, (0, 0))
    opening: dict[int, list[int]] = {}
    for index, group in enumerate(groups):
        start, stop = max(group.start, stretch.start), min(group.stop, stretch.stop)
        if start < stop:
            opening.setdefault(start, []).append(index)
    stack: list[tuple[Level, int]] = [(root, stretch.stop)]
    for box in range(*stretch):
        while box >= stack[-1][1]:
            stack.pop()
        for index in opening.get(box, ()):
            level = Level(index, groups[index].title, along)
            around = stack[-1][0]
            level.path = (*around.path, (around, len(around.children)))
            around.children.append(level)
            stack.append((level, groups[index].stop))
        stack[-1][0].children.append(box)
    return root


def _ways(root: Level) -> Mapping[int, Way]:
    """The way to every box."""
    ways: dict[int, Way] = {}
    pending = [root]
    while pending:
        level = pending.pop()
        for index, child in enumerate(level.children):
            if isinstance(child, Level):
                pending.append(child)
            else:
                ways[child] = (*level.path, (level, index))
    return ways


def straightened(points: Iterator[Point]) -> list[Point]:
    """The points without those that lie within a straight piece."""
    result: list[Point] = []
    for point in points:
        if result and point == result[-1]:
            continue
        while len(result) > 1 and (
            result[-2][0] == result[-1][0] == point[0] or result[-2][1] == result[-1][1] == point[1]
        ):
            result.pop()
        result.append(point)
    return result
