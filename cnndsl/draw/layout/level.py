"""One level of a layered layout: what stands directly inside a group, drawn with coordinates of its own."""

from collections.abc import Iterator, Sequence
from math import ceil, floor
from typing import NamedTuple

from cnndsl.draw.canvas.scene import Point
from cnndsl.draw.layout.columns import extent
from cnndsl.draw.layout.ordering import Ranked, Segment
from cnndsl.draw.layout.routing import Net, Track, ports, tracks


class Spacing(NamedTuple):
    """Lengths between things: ``rank`` is the least gap between ranks, ``track`` is between lines side by side.

    ``port`` is between lines that enter a box, where that is long enough.
    """

    rank: int = 30
    boxes: int = 28
    lanes: int = 14
    track: int = 10
    arrow: int = 14
    padding: int = 12
    port: float = 14.0


class Level:
    """The boxes and groups directly inside a group, and the nets that run there, enter and leave.

    The title is read across the flow, before everything; ``along`` the flow it stands on the left of everything.
    """

    def __init__(self, group: int | None, title: tuple[float, float], along: bool = False) -> None:
        self.group = group
        self.title = title
        self.along = along
        self.children: list[int | Level] = []
        self.links: dict[tuple[int, int, int], None] = {}  # net, source child, target child; -1 is the border
        self.path: tuple[tuple[Level, int], ...] = ()  # the levels around it and its place in each


class Built(NamedTuple):
    """A level with coordinates of its own: children's corners, pieces by link, the frame's size and its ports."""

    corners: Sequence[Point]
    pieces: dict[tuple[int, int, int], tuple[Point, ...]]
    width: int
    height: float
    takes: dict[int, int]
    gives: dict[int, int]


class Drawing:
    """The lines of one level, when its columns are known."""

    def __init__(
        self,
        graph: Ranked,
        x: list[int],
        spacing: Spacing,
        level: Level,
        first: int,
        behind: int,
        entry: dict[int, int],
        leave: dict[int, int],
    ) -> None:
        self.graph = graph
        self.x = x
        self.spacing = spacing
        self.level = level
        self.first = first
        self.behind = behind
        self.entry = entry
        self.leave = leave
        self.ends: dict[Segment, float] = {}
        self._place_ports()
        self.plans = [self._plan(gap) for gap in graph.gaps]

    def _place_ports(self) -> None:
        """Where lines enter boxes that take them anywhere: the one from straight above in the middle."""
        arriving: dict[int, list[Segment]] = {}
        for gap in self.graph.gaps:
            for one in gap:
                self.ends[one] = self.x[one.bottom] + self.graph.taking(one)
                if not self.graph.is_lane(one.bottom) and one.net not in self.graph.items[one.bottom].takes:
                    arriving.setdefault(one.bottom, []).append(one)
        for box, found in arriving.items():
            width = self.graph.items[box].width
            found.sort(key=self._begin)
            straight = [index for index, one in enumerate(found) if self._begin(one) == self.x[box] + width // 2]
            main, step = straight[0] if straight else None, self.spacing.port
            for one, port in zip(found, ports(width, len(found), main, step), strict=True):
                self.ends[one] = self.x[box] + port

    def _begin(self, one: Segment) -> int:
        return self.x[one.top] + self.graph.giving(one)

    def built(self) -> Built:
        graph = self.graph
        boxes = [[graph.items[one] for one in row if not graph.is_lane(one)] for row in graph.ranks]
        heights = [max((item.height for item in row), default=0) for row in boxes]
        tops, starts, bottom = self._stacked(heights)
        left, right = self._sides()
        shift = -left
        corners = [
            (self.x[one] + shift, tops[graph.rank[one]] + (heights[graph.rank[one]] - graph.items[one].height) / 2)
            for one in range(self.first, self.behind)
        ]
        pieces = {}
        for net, source, target in self.level.links:
            begin = self.first + source if source >= 0 else self.entry[net]
            end = self.first + target if target >= 0 else self.leave[net]
            pieces[net, source, target] = tuple(
                (px + shift, py) for px, py in self._piece(net, begin, end, tops, heights, starts, bottom)
            )
        takes = {net: self.x[one] + shift for net, one in self.entry.items()}
        gives = {net: self.x[one] + shift for net, one in self.leave.items()}
        return Built(corners, pieces, right - left, bottom, takes, gives)

    def _stacked(self, heights: Sequence[float]) -> tuple[list[float], list[float], float]:
        """Where the ranks begin, where the tracks below each do, and the lower border."""
        level, half = self.level, self.spacing.padding / 2
        inside = level.group is not None
        y = half + (0 if level.along else level.title[1]) if inside else 0.0
        tops: list[float] = []
        starts: list[float] = []
        for rank, height in enumerate(heights):
            tops.append(y)
            y += height
            starts.append(y)
            if rank < len(self.graph.gaps):
                y += self._gap(rank, self.plans[rank][1], starts)
        bottom = y + (half if inside and not self.leave else 0)
        missing = max(0.0, level.title[0] + 2 * half - bottom) if level.along else 0.0
        return [top + missing / 2 for top in tops], [start + missing / 2 for start in starts], bottom + missing

    def _sides(self) -> tuple[int, int]:
        """The left and the right border, with room for the title on the left of whatever enters."""
        graph = self.graph
        xs = range(len(graph.rank))
        left: float = min((self.x[one] for one in xs), default=0)
        right: float = max((self.x[one] + extent(graph, one) for one in xs), default=0)
        for gap in graph.gaps:
            for one in gap:
                left, right = min(left, self.ends[one]), max(right, self.ends[one])
        for plan, _ in self.plans:
            for track in plan.values():
                if track.lower is not None:
                    left, right = min(left, track.detour), max(right, track.detour)
        left, right = floor(left), ceil(right)
        if self.level.group is None:
            return left, right
        padding = self.spacing.padding
        left, right = left - padding, right + padding
        if self.level.along:
            return left - ceil(self.level.title[1]), right
        needed = ceil(self.level.title[0]) + 2 * padding if self.level.title[0] else 0
        entering = min((self.x[one] for one in self.entry.values()), default=right)
        return min(left, entering - needed), max(right, left + needed)

    def _plan(self, gap: Sequence[Segment]) -> tuple[dict[int, Track], int]:
        """The tracks between two ranks."""
        ends: dict[int, tuple[int, list[float]]] = {}
        for one in gap:
            ends.setdefault(one.net, (self._begin(one), []))[1].append(self.ends[one])
        return tracks({net: Net.of(top, bottoms) for net, (top, bottoms) in ends.items()})

    def _margins(self, rank: int) -> tuple[float, float]:
        """What stays free of tracks below a rank and above the next: for labels and for arrows."""
        graph, spacing = self.graph, self.spacing
        shown = [graph.items[one] for one in graph.ranks[rank] if not graph.is_lane(one)]
        label = max((item.label[1] + 6 for item in shown), default=0.0)
        kinds = {graph.items[one].kind for one in graph.ranks[rank + 1] if not graph.is_lane(one)}
        above = max(label, 0.0 if all(item.kind == "entry" for item in shown) else 10.0)
        return above, 8.0 if kinds == {"exit"} else float(spacing.arrow)

    def _gap(self, rank: int, levels: int, starts: list[float]) -> float:
        """The height of the gap below a rank; its first track goes to ``starts``."""
        graph, spacing = self.graph, self.spacing
        above, below = self._margins(rank)
        border = any(
            graph.items[one].kind != "box"
            for one in (*graph.ranks[rank], *graph.ranks[rank + 1])
            if not graph.is_lane(one)
        )
        height = max(above + below + max(0, levels - 1) * spacing.track, 0 if border else spacing.rank)
        starts[rank] += above + (height - above - below - max(0, levels - 1) * spacing.track) / 2
        return height

    def _piece(
        self,
        net: int,
        begin: int,
        end: int,
        tops: list[float],
        heights: list[float],
        starts: list[float],
        bottom: float,
    ) -> Iterator[Point]:
        """The points of a net from one item to another."""
        graph, at, to = self.graph, begin, 0.0
        rank, last = graph.rank[begin], graph.rank[end]
        if graph.items[begin].kind == "entry":
            yield self.x[begin], 0.0
        else:
            item = graph.items[begin]
            yield self.x[begin] + item.gives[net], tops[rank] + (heights[rank] + item.height) / 2
        for level in range(rank, last):
            below = end if level + 1 == last else graph.lanes[net, level + 1]
            one = Segment(net, at, below)
            x, to = self._begin(one), self.ends[one]
            if x != to:
                track = self.plans[level][0][net]
                y = starts[level] + track.level * self.spacing.track
                yield x, y
                if track.lower is not None:
                    yield track.detour, y
                    y = starts[level] + track.lower * self.spacing.track
                    yield track.detour, y
                yield to, y
            at = below
        item = graph.items[end]
        yield to, bottom if item.kind == "exit" else tops[last] + (heights[last] - item.height) / 2
