"""Where the items of a level stand from left to right: straight columns first, then as near to their neighbours as
the distances between columns allow.

All lengths are whole numbers, so that what is straight is exactly straight.
"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from itertools import pairwise
from math import ceil, floor, inf
from typing import NamedTuple

from cnndsl.draw.layout.ordering import Ranked, Segment

ROUNDS, POLISH = 60, 6
LABEL_GAP = 6
"""From a line to the text beside it."""


class Distances(NamedTuple):
    """The least room between two boxes, between a box and a passing line, and between two lines."""

    boxes: int = 28
    lanes: int = 14
    lines: int = 12


class Column(NamedTuple):
    """Vertices below each other, each with its distance from the column's own x."""

    offsets: dict[int, int]


def place_columns(graph: Ranked, distances: Distances) -> list[int]:
    """The x of every vertex: an item's left border, a lane's line."""
    columns = _columns(graph)
    home = {vertex: index for index, column in enumerate(columns) for vertex in column.offsets}
    rights: list[dict[int, int]] = [{} for _ in columns]
    for vertices in graph.ranks:
        for left, right in pairwise(vertices):
            apart = _apart(graph, left, right, distances)
            a, b = home[left], home[right]
            needed = apart + columns[a].offsets[left] - columns[b].offsets[right]
            rights[a][b] = max(rights[a].get(b, needed), needed)
    pulls: list[list[tuple[int, int, float]]] = [[] for _ in columns]
    forks = _forks(graph)
    for gap in graph.gaps:
        for one in gap:
            a, b = home[one.top], home[one.bottom]
            if a != b:
                shift = columns[a].offsets[one.top] + graph.giving(one)
                shift -= columns[b].offsets[one.bottom] + graph.taking(one)
                skip = graph.is_lane(one.top) or graph.is_lane(one.bottom)
                weight = 0.2 if skip and not forks & {one.top, one.bottom} else 1.0
                pulls[a].append((b, -shift, weight))
                pulls[b].append((a, shift, weight))
    xs = _relaxed(_in_order(rights), rights, pulls)
    x = [0] * len(graph.rank)
    for column, at in zip(columns, xs, strict=True):
        for vertex, offset in column.offsets.items():
            x[vertex] = at + offset
    return x


def _forks(graph: Ranked) -> set[int]:
    """Where several branches begin or end."""
    sides: dict[tuple[int, bool], int] = {}
    alone = _alone(graph)
    for gap in graph.gaps:
        for one in gap:
            if not graph.is_lane(one.bottom) or one.net in alone:
                sides[one.top, True] = sides.get((one.top, True), 0) + 1
            if not graph.is_lane(one.top) or one.net in alone:
                sides[one.bottom, False] = sides.get((one.bottom, False), 0) + 1
    return {vertex for (vertex, _), count in sides.items() if count > 1}


def extent(graph: Ranked, vertex: int) -> int:
    """How far an item reaches to the right of its left border, the text beside its line included."""
    if graph.is_lane(vertex):
        return 0
    item = graph.items[vertex]
    port = max(item.gives.values(), default=0)
    return max(item.width, ceil(port + LABEL_GAP + item.label[0]) if item.label[0] else 0)


def _apart(graph: Ranked, left: int, right: int, distances: Distances) -> int:
    """The least distance between the x of two neighbours in a rank."""
    thin = [graph.is_lane(one) or graph.items[one].kind != "box" for one in (left, right)]
    room = distances.lines if all(thin) else distances.lanes if any(thin) else distances.boxes
    return extent(graph, left) + room


# --- columns ---
def _columns(graph: Ranked) -> list[Column]:
    """Every vertex in one column: chains of segments that are to be straight, none crossing another."""
    below: dict[int, Segment] = {}
    above: set[int] = set()
    place = {vertex: index for vertices in graph.ranks for index, vertex in enumerate(vertices)}
    for priorities in _priorities(graph, place):
        chosen: list[tuple[int, int]] = []
        wishes = [(-priority, place[one.top], place[one.bottom], one) for one, priority in priorities if priority]
        for _, top, bottom, one in sorted(wishes):
            at = bisect_left(chosen, (top, bottom))
            if one.top in below or one.bottom in above:
                continue
            if (at and chosen[at - 1][1] > bottom) or (at < len(chosen) and chosen[at][1] < bottom):
                continue
            chosen.insert(at, (top, bottom))
            below[one.top] = one
            above.add(one.bottom)
    columns = []
    for vertices in graph.ranks:
        for vertex in vertices:
            if vertex in above:
                continue
            offsets, at = {vertex: 0}, vertex
            while at in below:
                one = below[at]
                offsets[one.bottom] = offsets[at] + graph.giving(one) - graph.taking(one)
                at = one.bottom
            columns.append(Column(offsets))
    return columns


def _priorities(graph: Ranked, place: dict[int, int]) -> list[list[tuple[Segment, int]]]:
    """How much each segment wants to be straight: 3 within a lane, 2 on a main line, 1 elsewhere, 0 in a fork."""
    outs: dict[int, list[Segment]] = {}
    ins: dict[int, list[Segment]] = {}
    for gap in graph.gaps:
        for one in gap:
            outs.setdefault(one.top, []).append(one)
            ins.setdefault(one.bottom, []).append(one)
    length = _chain_lengths(graph, outs, ins)
    deepest, alone = graph.deepest(), _alone(graph)
    reach = {vertex: (deepest[vertex], length[vertex]) for vertex in length}
    chain = {vertex: (0, length[vertex]) for vertex in length}
    down = {
        vertex: _main(graph, [(one, one.bottom) for one in found], place, reach, alone)
        for vertex, found in outs.items()
    }
    up = {vertex: _main(graph, [(one, one.top) for one in found], place, chain, alone) for vertex, found in ins.items()}

    def priority(one: Segment) -> int:
        if graph.is_lane(one.top) and graph.is_lane(one.bottom):
            return 3
        mains = (down[one.top] == one) + (up[one.bottom] == one)
        if graph.is_lane(one.top) or graph.is_lane(one.bottom):
            return mains == 2
        return 2 if mains == 2 else 0

    return [[(one, priority(one)) for one in gap] for gap in graph.gaps]


def _main(
    graph: Ranked,
    ends: list[tuple[Segment, int]],
    place: dict[int, int],
    size: Mapping[int, tuple[int, int]],
    alone: set[int],
) -> Segment | None:
    """The segment that goes straight on: the only branch, the longer of two, the middle of several."""
    branches = [pair for pair in ends if not graph.is_lane(pair[1]) and graph.items[pair[1]].kind == "box"]
    branches += [pair for pair in ends if graph.is_lane(pair[1]) and pair[0].net in alone]
    if len(branches) == 1:
        return branches[0][0]
    if len({one.net for one, _ in ends}) == 1 and branches:
        branches = ends
    branches = branches or [pair for pair in ends if not graph.is_lane(pair[1])] or ends
    branches = sorted(branches, key=lambda pair: place[pair[1]])
    if len(branches) == 2 and size[branches[0][1]] != size[branches[1][1]]:
        return max(branches, key=lambda pair: size[pair[1]])[0]
    return branches[len(branches) // 2][0] if len(branches) % 2 else None


def _alone(graph: Ranked) -> set[int]:
    """The nets with one reader: their lanes are parts of branches, others are skips."""
    readers: dict[int, int] = {}
    for gap in graph.gaps:
        for one in gap:
            readers[one.net] = readers.get(one.net, 0) + (not graph.is_lane(one.bottom))
    return {net for net, count in readers.items() if count == 1}


def _chain_lengths(graph: Ranked, outs: dict[int, list[Segment]], ins: dict[int, list[Segment]]) -> dict[int, int]:
    """Twice the boxes in the unbranched chain around each vertex, less one where it begins as a passing lane."""
    length: dict[int, int] = {}
    for vertices in graph.ranks:
        for vertex in vertices:
            if vertex in length:
                continue
            chain, at = [vertex], vertex
            while len(outs.get(at, ())) == 1 and len(ins[outs[at][0].bottom]) == 1:
                at = outs[at][0].bottom
                chain.append(at)
            boxes = sum(not graph.is_lane(one) for one in chain)
            length.update(dict.fromkeys(chain, 2 * boxes - graph.is_lane(vertex)))
    return length


# --- compaction ---
def _in_order(rights: Sequence[dict[int, int]]) -> list[int]:
    """The columns so that each stands behind those on its left."""
    waiting = [0] * len(rights)
    for found in rights:
        for right in found:
            waiting[right] += 1
    order = [index for index, count in enumerate(waiting) if not count]
    for index in order:
        for right in rights[index]:
            waiting[right] -= 1
            if not waiting[right]:
                order.append(right)
    return order


def _relaxed(
    order: Sequence[int], rights: Sequence[dict[int, int]], pulls: Sequence[list[tuple[int, int, float]]]
) -> list[int]:
    """Columns drawn to the mean of their neighbours, again and again, and pushed apart where they come too close."""
    x = _pushed([0.0] * len(rights), order, rights)
    for _ in range(ROUNDS):
        wanted = [(value + _mean(x, index, pulls)) / 2 for index, value in enumerate(x)]
        x = _shifted(_pushed(wanted, order, rights), wanted, rights)
    lefts: list[dict[int, int]] = [{} for _ in rights]
    for left, found in enumerate(rights):
        for right, apart in found.items():
            lefts[right][left] = apart
    for turn in range(POLISH):
        for index in order if turn % 2 else reversed(order):
            least = max((x[other] + apart for other, apart in lefts[index].items()), default=-inf)
            most = min((x[other] - apart for other, apart in rights[index].items()), default=inf)
            x[index] = max(least, min(most, _mean(x, index, pulls)))
    return [floor(value + 1e-6) for value in x]


def _mean(x: Sequence[float], index: int, pulls: Sequence[list[tuple[int, int, float]]]) -> float:
    """Where a column's neighbours want it."""
    if not pulls[index]:
        return x[index]
    total = sum(weight for _, _, weight in pulls[index])
    return sum(weight * (x[other] + shift) for other, shift, weight in pulls[index]) / total


def _pushed(wanted: list[float], order: Sequence[int], rights: Sequence[dict[int, int]]) -> list[float]:
    """Where everything keeps its distance: halfway between pushing only to the right and only to the left.

    Both ends satisfy all distances, and so does every point between them.
    """
    right, left = list(wanted), list(wanted)
    for index in order:
        for other, apart in rights[index].items():
            right[other] = max(right[other], right[index] + apart)
    for index in reversed(order):
        for other, apart in rights[index].items():
            left[index] = min(left[index], left[other] - apart)
    return [(a + b) / 2 for a, b in zip(left, right, strict=True)]


def _shifted(x: list[float], wanted: Sequence[float], rights: Sequence[dict[int, int]]) -> list[float]:
    """Columns that touch each other moved together to the middle of what they want, as far as there is room."""
    head = list(range(len(x)))

    def find(index: int) -> int:
        while head[index] != index:
            head[index] = head[head[index]]
            index = head[index]
        return index

    pairs = [(left, right, apart) for left, found in enumerate(rights) for right, apart in found.items()]
    for left, right, apart in pairs:
        if x[right] - x[left] - apart < 0.01:
            head[find(right)] = find(left)
    members: dict[int, list[int]] = {}
    for index in range(len(x)):
        members.setdefault(find(index), []).append(index)
    shift = {root: sum(wanted[one] - x[one] for one in found) / len(found) for root, found in members.items()}
    for left, right, apart in pairs:
        a, b = find(left), find(right)
        room = (x[right] - x[left] - apart) / 2
        if a != b:
            shift[a], shift[b] = min(shift[a], room), max(shift[b], -room)
    return [value + shift[find(index)] for index, value in enumerate(x)]
