"""Lines between two ranks: every net has a track of its own for its horizontal piece.

Vertical pieces stand where the net leaves the rank above or enters the rank below, so a line passes through nothing.
"""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Mapping, Sequence
from heapq import heapify, heappop, heappush
from typing import NamedTuple

NEAR = 4
"""Vertical pieces closer to each other than this, in pixels, must not lie side by side."""
MOST_COMPARED = 250
"""Nets between two ranks up to which each is compared with each other; more are not followed by eye in any order."""


class Net(NamedTuple):
    """Where a net comes from above, where it goes below, and how far it reaches to both sides."""

    top: float
    bottoms: tuple[float, ...]
    left: float
    right: float

    @classmethod
    def of(cls, top: float, bottoms: Iterable[float]) -> "Net":
        ends = tuple(bottoms)
        return cls(top, ends, min(top, *ends), max(top, *ends))

    @property
    def straight(self) -> bool:
        return self.left == self.right


class Track(NamedTuple):
    """The track of a net, counted from above; ``detour`` is where it goes on to a second track, ``lower``."""

    level: int
    detour: float = 0
    lower: int | None = None


def tracks(nets: Mapping[int, Net]) -> tuple[dict[int, Track], int]:
    """The tracks of the nets that are not straight, and how many levels there are."""
    bent = {key: net for key, net in nets.items() if not net.straight}
    many = len(bent) > MOST_COMPARED
    order, broken = _stacked_by_weight(bent) if many else _stacked(bent)
    level: dict[int, int] = {}
    count = 0
    for key in order:
        net = bent[key]
        if many:
            level[key] = count
        else:
            level[key] = max((level[other] + 1 for other in level if _meet(net, bent[other])), default=0)
        count = max(count, level[key] + 1)
    found = {key: Track(one + len(broken)) for key, one in level.items()}
    taken = sorted({x for net in nets.values() for x in (net.top, *net.bottoms)})
    for index, key in enumerate(broken):
        detour = _free(bent[key].top, taken)
        insort(taken, detour)
        found[key] = Track(index, detour, len(broken) + count + index)
    return found, count + 2 * len(broken)


def _meet(one: Net, other: Net) -> bool:
    return one.left - NEAR < other.right and other.left - NEAR < one.right


def _stacked(nets: Mapping[int, Net]) -> tuple[list[int], list[int]]:
    """The nets from above to below with few crossings, and those that must be both above and below another.

    Where one comes down at the place at which another goes on, its track has to be the upper one.
    """
    keys = sorted(nets, key=lambda key: (nets[key].left, nets[key].right, key))
    cost: dict[int, dict[int, int]] = {key: {} for key in keys}  # of standing above, less that of standing below
    under: dict[int, set[int]] = {key: set() for key in keys}
    waits: dict[int, set[int]] = {key: set() for key in keys}
    active: list[int] = []
    for key in keys:
        net = nets[key]
        active = [other for other in active if nets[other].right + NEAR > net.left]
        for other in active:
            difference = _cost(net, nets[other]) - _cost(nets[other], net)
            cost[key][other], cost[other][key] = difference, -difference
            for upper, lower in ((key, other), (other, key)):
                if any(abs(nets[upper].top - x) < NEAR for x in nets[lower].bottoms):
                    under[upper].add(lower)
                    waits[lower].add(upper)
        active.append(key)
    order: list[int] = []
    broken: list[int] = []
    left = list(keys)
    weight = {key: sum(cost[key].values()) for key in keys}
    while left:
        free = [key for key in left if not waits[key]]
        if free:
            chosen = min(free, key=lambda key: weight[key])
            order.append(chosen)
        else:
            chosen = min(left, key=lambda key: len(waits[key]))
            broken.append(chosen)
        left.remove(chosen)
        for lower in under[chosen]:
            waits[lower].discard(chosen)
        for other, difference in cost[chosen].items():
            weight[other] += difference
    return order, broken


def _stacked_by_weight(nets: Mapping[int, Net]) -> tuple[list[int], list[int]]:
    """The same for many nets: by the crossings that each would have with all others, wherever these are."""
    lefts, rights = sorted(net.left for net in nets.values()), sorted(net.right for net in nets.values())
    tops = sorted(net.top for net in nets.values())
    bottoms = sorted((x, key) for key, net in nets.items() for x in net.bottoms)

    def around(x: float) -> int:
        return bisect_left(lefts, x) - bisect_right(rights, x)

    def within(places: list[float], net: Net) -> int:
        return bisect_left(places, net.right) - bisect_right(places, net.left)

    ends = [x for x, _ in bottoms]
    weight = {
        key: sum(map(around, net.bottoms)) + within(tops, net) - within(ends, net) - around(net.top)
        for key, net in nets.items()
    }
    waits: dict[int, set[int]] = {key: set() for key in nets}
    under: dict[int, set[int]] = {key: set() for key in nets}
    for upper, net in nets.items():
        for _, lower in bottoms[bisect_right(ends, net.top - NEAR) : bisect_left(ends, net.top + NEAR)]:
            if lower != upper:
                under[upper].add(lower)
                waits[lower].add(upper)
    ready = [(weight[key], key) for key in nets if not waits[key]]
    heapify(ready)
    stuck = iter(sorted((len(waits[key]), key) for key in nets if waits[key]))
    order: list[int] = []
    broken: list[int] = []
    done: set[int] = set()
    while ready or len(done) < len(nets):
        if ready:
            _, chosen = heappop(ready)
        else:
            chosen = next(key for _, key in stuck if key not in done)
            broken.append(chosen)
        if chosen in done:
            continue
        done.add(chosen)
        if waits[chosen]:
            waits[chosen].clear()
        else:
            order.append(chosen)
        for lower in under[chosen]:
            if lower not in done and chosen in waits[lower]:
                waits[lower].discard(chosen)
                if not waits[lower]:
                    heappush(ready, (weight[lower], lower))
    return order, broken


def _cost(upper: Net, lower: Net) -> int:
    """Crossings of two nets when the first has the upper track."""
    through = sum(lower.left < x < lower.right for x in upper.bottoms)
    return through + (upper.left < lower.top < upper.right)


def _free(start: float, taken: Sequence[float]) -> float:
    """A place near ``start`` where no vertical piece stands."""
    distance = 0.0
    while True:
        distance += NEAR
        for x in (start + distance, start - distance):
            at = bisect_left(taken, x)
            if (at == len(taken) or taken[at] - x >= NEAR) and (not at or x - taken[at - 1] >= NEAR):
                return x


def ports(width: int, count: int, main: int | None, apart: float = 14.0) -> list[float]:
    """Where ``count`` lines enter a border ``width`` long, from left to right; line ``main`` enters at the middle."""
    middle = width // 2
    first = main if main is not None else (count - 1) / 2
    most = max(first, count - 1 - first)
    step = min(apart, max(middle - 6.0, middle * most / (most + 1)) / most) if most else 0.0
    step = float(int(step)) if step >= 2 else step
    return [middle + (index - first) * step for index in range(count)]
