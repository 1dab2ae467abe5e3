"""A layered layout: boxes in ranks along the flow, lines in lanes and tracks of their own between them.

Works on sizes alone. Boxes that belong to a group are laid out by themselves and then placed as one box, so that a
frame around a group holds its members and nothing else.
"""

from collections.abc import Sequence
from math import ceil
from typing import Literal, NamedTuple

from cnndsl.draw.canvas.scene import Point
from cnndsl.draw.layout.columns import LABEL_GAP, Distances, place_columns
from cnndsl.draw.layout.level import Built, Drawing, Level
from cnndsl.draw.layout.level import Spacing as Spacing
from cnndsl.draw.layout.ordering import Link, Vertex, ranked

Direction = Literal["down", "right"]


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


STANDARD = Spacing()


class Placement(NamedTuple):
    """Where things are: the boxes' upper left corners, every edge's points, the labels, the groups' frames."""

    positions: tuple[Point, ...]
    routes: tuple[tuple[Point, ...], ...]
    labels: tuple[Rectangle, ...]
    frames: tuple[Rectangle, ...]
    width: float
    height: float


def place(
    sizes: Sequence[Size],
    edges: Sequence[tuple[int, int]],
    direction: Direction = "down",
    spacing: Spacing = STANDARD,
    groups: Sequence[BoxGroup] = (),
) -> Placement:
    """Places boxes so that every edge leads on in ``direction``, from an earlier box to a later one.

    No line passes through a box; lines of different boxes share no piece; labels stand free. Groups are nested or
    apart, outer ones first. An empty range of a label or a title reserves nothing.
    """
    if direction == "right":
        turned = [Size(size.height, size.width, (size.label[1], size.label[0])) for size in sizes]
        return _turned(_placed(turned, edges, spacing, groups, along=True))
    return _placed(sizes, edges, spacing, groups, along=False)


def _placed(
    sizes: Sequence[Size], edges: Sequence[tuple[int, int]], spacing: Spacing, groups: Sequence[BoxGroup], along: bool
) -> Placement:
    """From above to below; titles are read across the flow or ``along`` it."""
    root = _tree(sizes, groups, along)
    levels = _levels(root, edges)
    return _Assembly(sizes, spacing, root, levels).placement(edges)


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
    )


# --- levels ---
def _tree(sizes: Sequence[Size], groups: Sequence[BoxGroup], along: bool) -> Level:
    root = Level(None, (0, 0))
    opening: dict[int, list[int]] = {}
    for index, group in enumerate(groups):
        if group.start < group.stop:
            opening.setdefault(group.start, []).append(index)
    stack: list[tuple[Level, int]] = [(root, len(sizes))]
    for box in range(len(sizes)):
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


def _levels(root: Level, edges: Sequence[tuple[int, int]]) -> dict[int, tuple[tuple[Level, int], ...]]:
    """Puts every edge's pieces into the levels that it runs through; gives the way to every box from outside in."""
    ways: dict[int, tuple[tuple[Level, int], ...]] = {}
    pending = [root]
    while pending:
        level = pending.pop()
        for index, child in enumerate(level.children):
            if isinstance(child, Level):
                pending.append(child)
            else:
                ways[child] = (*level.path, (level, index))
    for source, target in edges:
        inner, outer, common = _shared(ways[source], ways[target])
        common[0].links[source, common[1], common[2]] = None
        for level, index in inner:
            level.links[source, index, -1] = None
        for level, index in outer:
            level.links[source, -1, index] = None
    return ways


Way = tuple[tuple[Level, int], ...]


def _shared(source: Way, target: Way) -> tuple[Way, Way, tuple[Level, int, int]]:
    """The levels around one box only, those around the other only, and the last shared one with both places in it."""
    depth = 0
    while source[depth] == target[depth]:
        depth += 1
    return source[depth + 1 :], target[depth + 1 :], (source[depth][0], source[depth][1], target[depth][1])


# --- one level ---
class _Assembly:
    def __init__(
        self, sizes: Sequence[Size], spacing: Spacing, root: Level, ways: dict[int, tuple[tuple[Level, int], ...]]
    ) -> None:
        self.sizes = sizes
        self.spacing = spacing
        self.ways = ways
        self.root = root
        self.built: dict[int, Built] = {}
        self._build(root)

    def placement(self, edges: Sequence[tuple[int, int]]) -> Placement:
        positions: list[Point] = [(0, 0)] * len(self.sizes)
        labels: list[Rectangle] = [Rectangle(0, 0, 0, 0)] * len(self.sizes)
        frames: dict[int, Rectangle] = {}
        corner: dict[int, Point] = {}
        pending: list[tuple[Level, Point]] = [(self.root, (0, 0))]
        while pending:
            level, (x, y) = pending.pop()
            built = self.built[id(level)]
            corner[id(level)] = x, y
            if level.group is not None:
                frames[level.group] = Rectangle(x, y, built.width, built.height)
            for child, (dx, dy) in zip(level.children, built.corners, strict=True):
                if isinstance(child, Level):
                    pending.append((child, (x + dx, y + dy)))
                else:
                    positions[child] = (x + dx, y + dy)
                    size = self.sizes[child]
                    middle = x + dx + ceil(size.width) // 2
                    labels[child] = Rectangle(middle + LABEL_GAP, y + dy + size.height + 3, *size.label)
        routes = tuple(self._route(source, target, corner) for source, target in edges)
        whole = self.built[id(self.root)]
        found = tuple(frames[index] for index in sorted(frames))
        return Placement(tuple(positions), routes, tuple(labels), found, whole.width, whole.height)

    def _route(self, source: int, target: int, corner: dict[int, Point]) -> tuple[Point, ...]:
        inner, outer, (level, here, there) = _shared(self.ways[source], self.ways[target])
        ways = [(around, (source, index, -1)) for around, index in reversed(inner)]
        ways += [(level, (source, here, there))]
        ways += [(around, (source, -1, index)) for around, index in outer]
        points: list[Point] = []
        for around, key in ways:
            x, y = corner[id(around)]
            points.extend((x + dx, y + dy) for dx, dy in self.built[id(around)].pieces[key])
        return tuple(_straightened(points))

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


def _straightened(points: Sequence[Point]) -> list[Point]:
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
