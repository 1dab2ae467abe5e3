"""Networks with skips across a bottleneck as a U: what narrows goes down on the left, what widens up on the right.

Every level is a row from left to right: the boxes up to where a skip begins, what stands in the skip, and the boxes
from where it ends. Between the levels the flow goes straight down and up.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from cnndsl.draw.canvas.scene import Point
from cnndsl.draw.layout.layered import BoxGroup, Placement, Rectangle, Size, Spacing

FEWEST_SKIPS = 2
LEVEL_GAP = 24.0
"""Between two levels."""


class Skip(NamedTuple):
    """From the box where it begins, through boxes of its own, to the box where it ends."""

    begin: int
    inside: tuple[int, ...]
    end: int


class Descent(NamedTuple):
    """The levels from above: boxes on the way down, and on the way up; ``skips`` lie between, but not in the lowest."""

    down: tuple[tuple[int, ...], ...]
    up: tuple[tuple[int, ...], ...]
    skips: tuple[Skip, ...]


def descent(count: int, edges: Sequence[tuple[int, int]], extents: Sequence[int]) -> Descent | None:
    """The levels of a network that is one path with nested skips, over which ``extents`` shrink; None of another."""
    readers: list[list[int]] = [[] for _ in range(count)]
    sources: list[list[int]] = [[] for _ in range(count)]
    for source, target in edges:
        readers[source].append(target)
        sources[target].append(source)
    skips = [skip for end in range(count) if len(sources[end]) == 2 for skip in _skips(end, sources, readers)]
    skips.sort()
    inside = {box for skip in skips for box in skip.inside}
    cut = {(skip.begin, (*skip.inside, skip.end)[0]) for skip in skips}
    path = [box for box in range(count) if box not in inside]
    main = {edge for edge in edges if edge not in cut and not inside.intersection(edge)}
    nested = all(one.begin < two.begin and one.end > two.end for one, two in pairwise(skips))
    narrows = all(extents[one.begin] > extents[two.begin] for one, two in pairwise(skips))
    if len(skips) < FEWEST_SKIPS or not nested or not narrows or main != set(pairwise(path)):
        return None
    starts = [0, *(path.index(skip.begin) + 1 for skip in skips)]
    ends = [path.index(skip.end) for skip in reversed(skips)]
    down = [tuple(path[start:stop]) for start, stop in pairwise([*starts, ends[0]])]
    up = [tuple(path[start:stop]) for start, stop in pairwise([*ends, len(path)])]
    return Descent(tuple(down), tuple(reversed(up)), tuple(skips)) if all(down) else None


def _skips(end: int, sources: Sequence[Sequence[int]], readers: Sequence[Sequence[int]]) -> Iterator[Skip]:
    """The longer of the two ways that reach a box: the one that begins first."""
    ways = []
    for source in sources[end]:
        inside: list[int] = []
        while len(readers[source]) == 1 and len(sources[source]) == 1:
            inside.insert(0, source)
            (source,) = sources[source]
        ways.append(Skip(source, tuple(inside), end))
    first = min(ways, key=lambda way: (way.begin, len(way.inside)))
    if len(readers[first.begin]) == 2:
        yield first


def u_shape(
    found: Descent,
    sizes: Sequence[Size],
    edges: Sequence[tuple[int, int]],
    spacing: Spacing,
    groups: Sequence[BoxGroup],
) -> Placement | None:
    """The boxes level by level; None where a group reaches beyond a way, or a line would come down on its title."""
    ways = [set(way) for way in (*found.down, *found.up, *(skip.inside for skip in found.skips))]
    firsts = {way[0] for way in found.down[1:]}
    for group in groups:
        if group.start in firsts or not any(way.issuperset(range(group.start, group.stop)) for way in ways):
            return None
    return _Shape(found, sizes, spacing, groups).placement(edges)


class _Shape:
    """Middles of boxes, from above to below and from left to right."""

    def __init__(self, found: Descent, sizes: Sequence[Size], spacing: Spacing, groups: Sequence[BoxGroup]) -> None:
        self.found, self.sizes, self.groups, self.spacing = found, sizes, groups, spacing
        self.padding = [spacing.padding + self._missing(group) for group in groups]
        self.x: dict[int, float] = {}
        self.y: dict[int, float] = {}
        self._place_down()
        self._place_up()
        self._place_skips()
        self._place_levels()

    def _missing(self, group: BoxGroup) -> float:
        """What a frame has to be wider on both sides for its title."""
        return max(0.0, group.title[0] - sum(size.width for size in self.sizes[group.start : group.stop])) / 2

    def _apart(self, left: int, right: int) -> float:
        """From middle to middle of two neighbours, with the borders of frames between them."""
        pairs = zip(self.groups, self.padding, strict=True)
        frames = sum(room for group, room in pairs if (left in range(*group[:2])) != (right in range(*group[:2])))
        room = self.spacing.rank + self.spacing.arrow + frames
        return self.sizes[left].width / 2 + room + self.sizes[right].width / 2

    def _place(self, way: Sequence[int], start: float) -> None:
        for index, box in enumerate(way):
            start += self._apart(way[index - 1], box) if index else 0
            self.x[box] = start

    def _place_down(self) -> None:
        start = 0.0
        for way in self.found.down:
            self._place(way, start)
            start = self.x[way[-1]]

    def _place_up(self) -> None:
        """Each way above the end of the one below, all so far right that the skips have room."""
        start, missing = self.x[self.found.down[-1][-1]], 0.0
        for way, before, skip in reversed(list(zip(self.found.up, self.found.down, self.found.skips, strict=False))):
            self._place(way, start)
            row = (before[-1], *skip.inside, way[0])
            needed = self.x[before[-1]] + sum(self._apart(*pair) for pair in pairwise(row))
            missing = max(missing, needed - self.x[way[0]])
            start = self.x[way[-1]]
        lowest = self.found.down[-1]
        for box in (*(lowest[-1:] if len(lowest) > 1 else ()), *(box for way in self.found.up for box in way)):
            self.x[box] += missing

    def _place_skips(self) -> None:
        """What stands in a skip, before its end."""
        for skip in self.found.skips:
            at = self.x[skip.end]
            for left, right in reversed(list(pairwise((*skip.inside, skip.end)))):
                at -= self._apart(left, right)
                self.x[left] = at

    def _place_levels(self) -> None:
        y = 0.0
        for level, way in enumerate(self.found.down):
            row = [*way]
            if level < len(self.found.skips):
                row += [*self.found.skips[level].inside, *self.found.up[level]]
            half = max(self.sizes[box].height for box in row) / 2
            framed = [group for group in self.groups if set(row).issuperset(range(group.start, group.stop))]
            above = max((group.title[1] for group in framed), default=0.0) + self.spacing.padding * bool(framed)
            y += above + half
            self.y.update(dict.fromkeys(row, y))
            y += half + LEVEL_GAP + self.spacing.padding * bool(framed)

    def placement(self, edges: Sequence[tuple[int, int]]) -> Placement:
        left = min(self.x[box] - size.width / 2 for box, size in enumerate(self.sizes))
        positions = [
            (self.x[box] - left - size.width / 2, self.y[box] - size.height / 2) for box, size in enumerate(self.sizes)
        ]
        routes = tuple(tuple((x - left, y) for x, y in self._route(*edge)) for edge in edges)
        frames = tuple(self._frame(*pair, positions) for pair in zip(self.groups, self.padding, strict=True))
        right = max(x + size.width for (x, _), size in zip(positions, self.sizes, strict=True))
        bottom = max(y + size.height for (_, y), size in zip(positions, self.sizes, strict=True))
        nothing = tuple(Rectangle(0, 0, 0, 0) for _ in self.sizes)
        return Placement(tuple(positions), routes, nothing, frames, right, bottom, tuple(range(len(frames))))

    def _route(self, source: int, target: int) -> tuple[Point, ...]:
        """Along the row, straight down or up; from the lowest row first along it, where that has one box."""
        x, y, to_x, to_y = self.x[source], self.y[source], self.x[target], self.y[target]
        begin, end = self.sizes[source], self.sizes[target]
        if y == to_y:
            return (x + begin.width / 2, y), (to_x - end.width / 2, y)
        down = 1 if to_y > y else -1
        border = to_y - down * end.height / 2
        if abs(x - to_x) < 0.01:
            return (x, y + down * begin.height / 2), (x, border)
        return (x + begin.width / 2, y), (to_x, y), (to_x, border)

    def _frame(self, group: BoxGroup, padding: float, positions: Sequence[Point]) -> Rectangle:
        inside = range(group.start, group.stop)
        left = min(positions[box][0] for box in inside) - padding
        right = max(positions[box][0] + self.sizes[box].width for box in inside) + padding
        top = min(positions[box][1] for box in inside) - group.title[1]
        bottom = max(positions[box][1] + self.sizes[box].height for box in inside) + self.spacing.padding
        return Rectangle(left, top, right - left, bottom - top)
