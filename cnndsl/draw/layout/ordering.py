"""Ranks, lanes and the order inside every rank: the first half of a layered layout (Sugiyama, Tagawa, Toda 1981).

A level is items in topological order and links between them. A link belongs to a net: everything that starts at one
value. A net that passes over ranks has one lane in each, shared by all its links.
"""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

SWEEPS = 8
SWAP_PASSES = 6
SIDE_BY_SIDE = 2
"""More branches than these begin side by side; what stands in a skip stands at its end."""

MOST_SWEPT = 20_000
"""Segments beyond which the order is left as the depth-first walk gives it."""


class Vertex(NamedTuple):
    """What a level places. ``entry`` and ``exit`` are points where nets cross the border of the level.

    ``takes`` and ``gives`` say at which distance from its left border it takes or gives a net; a net that is not there
    may be taken anywhere along the border. ``label`` is the size of the text beside the line that leaves it.
    """

    kind: Literal["box", "entry", "exit"]
    width: int
    height: float
    takes: Mapping[int, int]
    gives: Mapping[int, int]
    label: tuple[float, float] = (0, 0)


class Link(NamedTuple):
    net: int
    source: int
    target: int


class Segment(NamedTuple):
    """A part of a net between neighbouring ranks, from one vertex to another."""

    net: int
    top: int
    bottom: int


class Ranked(NamedTuple):
    """A level with its lanes. Vertices are the items and, behind them, the lanes.

    ``gaps[r]`` are the segments between rank r and the next; ``lanes`` gives the lane of a net in a rank.
    """

    items: Sequence[Vertex]
    rank: list[int]
    gaps: list[list[Segment]]
    lanes: dict[tuple[int, int], int]
    ranks: list[list[int]]

    def is_lane(self, vertex: int) -> bool:
        return vertex >= len(self.items)

    def giving(self, segment: Segment) -> int:
        """How far from its top vertex' left border a segment begins."""
        return 0 if self.is_lane(segment.top) else self.items[segment.top].gives[segment.net]

    def taking(self, segment: Segment) -> int:
        """How far from its bottom vertex' left border a segment ends; the middle where it may end anywhere."""
        if self.is_lane(segment.bottom):
            return 0
        item = self.items[segment.bottom]
        return item.takes.get(segment.net, item.width // 2)

    def deepest(self) -> list[int]:
        """The last rank that every vertex leads to."""
        found = list(self.rank)
        for gap in reversed(self.gaps):
            for one in gap:
                found[one.top] = max(found[one.top], found[one.bottom])
        return found


def ranked(items: Sequence[Vertex], links: Sequence[Link]) -> Ranked:
    """Ranks by the longest path, lanes for what passes over ranks, and an order with few crossings."""
    rank = _ranks(items, links)
    targets: dict[tuple[int, int], list[int]] = {}
    for net, source, target in links:
        targets.setdefault((net, source), []).append(target)
    gaps: list[list[Segment]] = [[] for _ in range(max(rank, default=0))]
    lanes: dict[tuple[int, int], int] = {}
    for (net, source), ends in targets.items():
        above = source
        for level in range(rank[source], max(rank[end] for end in ends)):
            gaps[level].extend(Segment(net, above, end) for end in ends if rank[end] == level + 1)
            if any(rank[end] > level + 1 for end in ends):
                lane = len(rank)
                rank.append(level + 1)
                lanes[net, level + 1] = lane
                gaps[level].append(Segment(net, above, lane))
                above = lane
    graph = Ranked(items, rank, gaps, lanes, [])
    graph.ranks.extend(_ordered(graph))
    return graph


def _ranks(items: Sequence[Vertex], links: Sequence[Link]) -> list[int]:
    """The longest path from above; then what has room moves down to its readers, if no net becomes longer for it."""
    entries = any(item.kind == "entry" for item in items)
    rank = [int(entries and item.kind != "entry") for item in items]
    readers: dict[int, dict[int, list[int]]] = {}
    feeds: dict[int, list[tuple[int, int]]] = {}
    for net, source, target in sorted(links, key=lambda link: (link.target, link.source)):
        rank[target] = max(rank[target], rank[source] + 1)
        readers.setdefault(source, {}).setdefault(net, []).append(target)
        feeds.setdefault(target, []).append((net, source))
    last = max((rank[index] for index, item in enumerate(items) if item.kind != "exit"), default=0) + 1
    for index, item in enumerate(items):
        if item.kind == "exit":
            rank[index] = last
    reach = {
        (source, net): max(rank[end] for end in ends) for source in readers for net, ends in readers[source].items()
    }
    for index in reversed(range(len(items))):
        if items[index].kind != "box" or index not in readers:
            continue
        lowest = min(rank[reader] for ends in readers[index].values() for reader in ends) - 1
        room = lowest - rank[index]
        longer, branches = 0, 1
        for net, source in feeds.get(index, ()):
            longer += max(0, lowest - reach[source, net])
            branches = max(branches, len(readers[source][net]))
        gained = room * len(readers[index]) - longer
        if room > 0 and (gained > 0 or (gained == 0 and branches <= SIDE_BY_SIDE)):
            rank[index] = lowest
            for net, source in feeds.get(index, ()):
                reach[source, net] = max(reach[source, net], lowest)
    return rank


# --- order ---
def _ordered(graph: Ranked) -> list[list[int]]:
    """The best of several walks: branches in their order, dead ends first, dead ends last."""
    deepest = graph.deepest()
    best: list[list[int]] = []
    fewest = -1
    for sign in (0, 1, -1):
        order = _depth_first(graph, [sign * rank for rank in deepest])
        order, count = _improved(graph, order)
        if fewest < 0 or count < fewest:
            best, fewest = order, count
        if not fewest or sum(map(len, graph.gaps)) > MOST_SWEPT:
            break
    return best


def _improved(graph: Ranked, order: list[list[int]]) -> tuple[list[list[int]], int]:
    """An order that crosses no more than the one given, and its crossings."""
    best, fewest = order, _all_crossings(graph, order)
    if not fewest or sum(map(len, graph.gaps)) > MOST_SWEPT:
        return best, fewest
    current = order
    for sweep in range(SWEEPS):
        current = _swept(graph, current, downwards=sweep % 2 == 0)
        count = _all_crossings(graph, current)
        if count < fewest:
            best, fewest = current, count
    best = _swapped(graph, best)
    return best, _all_crossings(graph, best)


def _depth_first(graph: Ranked, urgency: Sequence[int]) -> list[list[int]]:
    """Every rank in the order of a depth-first walk: branches by what they reach, so skips run outside."""
    below: dict[int, list[int]] = {}
    far = list(range(len(graph.items))) + [0] * (len(graph.rank) - len(graph.items))
    for gap in reversed(graph.gaps):
        for segment in gap:
            below.setdefault(segment.top, []).append(segment.bottom)
            if graph.is_lane(segment.top):
                far[segment.top] = max(far[segment.top], far[segment.bottom])
    ranks: list[list[int]] = [[] for _ in range(max(graph.rank, default=-1) + 1)]
    seen: set[int] = set()
    for root in range(len(graph.items)):
        pending = [root]
        while pending:
            vertex = pending.pop()
            if vertex in seen:
                continue
            seen.add(vertex)
            ranks[graph.rank[vertex]].append(vertex)
            ends = below.get(vertex, [])
            pending.extend(sorted(ends, key=lambda end: (urgency[end], far[end], end), reverse=True))
    return ranks


def _places(graph: Ranked, order: list[list[int]]) -> list[int]:
    place = [0] * len(graph.rank)
    for vertices in order:
        for index, vertex in enumerate(vertices):
            place[vertex] = index
    return place


Ends = list[tuple[tuple[int, int], tuple[int, int]]]


def _ends(graph: Ranked, gap: Sequence[Segment], place: list[int]) -> Ends:
    return sorted(((place[one.top], graph.giving(one)), (place[one.bottom], graph.taking(one))) for one in gap)


def _crossings(ends: Ends) -> int:
    """Pairs of segments that cross; ``ends`` are sorted."""
    passed: list[tuple[int, int]] = []
    count = 0
    for _, bottom in ends:
        count += len(passed) - bisect_right(passed, bottom)
        insort(passed, bottom)
    return count


def _all_crossings(graph: Ranked, order: list[list[int]]) -> int:
    place = _places(graph, order)
    return sum(_crossings(_ends(graph, gap, place)) for gap in graph.gaps)


def _swept(graph: Ranked, order: list[list[int]], downwards: bool) -> list[list[int]]:
    """Every rank sorted by the mean place of its neighbours in the rank before."""
    order = [list(vertices) for vertices in order]
    place = _places(graph, order)
    for level in range(1, len(order)) if downwards else reversed(range(len(order) - 1)):
        sums: dict[int, list[float]] = {}
        for one in graph.gaps[level - 1 if downwards else level]:
            near, far = (one.bottom, one.top) if downwards else (one.top, one.bottom)
            offset = graph.giving(one) if downwards else graph.taking(one)
            width = 0 if graph.is_lane(far) else graph.items[far].width
            sums.setdefault(near, []).append(place[far] + (offset / width if width else 0.5))
        means = {vertex: sum(values) / len(values) for vertex, values in sums.items()}
        order[level].sort(key=lambda vertex: means.get(vertex, place[vertex] + 0.5))
        for index, vertex in enumerate(order[level]):
            place[vertex] = index
    return order


def _swapped(graph: Ranked, order: list[list[int]]) -> list[list[int]]:
    """Neighbours swapped as long as that takes crossings away."""
    order = [list(vertices) for vertices in order]
    above: dict[int, list[tuple[int, int, int]]] = {}
    below: dict[int, list[tuple[int, int, int]]] = {}
    for gap in graph.gaps:
        for one in gap:
            above.setdefault(one.bottom, []).append((one.top, graph.giving(one), graph.taking(one)))
            below.setdefault(one.top, []).append((one.bottom, graph.taking(one), graph.giving(one)))
    place = _places(graph, order)

    def between(left: int, right: int, sides: dict[int, list[tuple[int, int, int]]]) -> int:
        ends = sorted((place[vertex], offset) for vertex, offset, _ in sides.get(right, ()))
        return sum(bisect_left(ends, (place[vertex], offset)) for vertex, offset, _ in sides.get(left, ()))

    for _ in range(SWAP_PASSES):
        better = False
        for vertices in order:
            for index in range(len(vertices) - 1):
                left, right = vertices[index], vertices[index + 1]
                now = between(left, right, above) + between(left, right, below)
                if now and between(right, left, above) + between(right, left, below) < now:
                    vertices[index], vertices[index + 1] = right, left
                    place[left], place[right] = index + 1, index
                    better = True
        if not better:
            break
    return order
