"""Lines with rounded corners and the arrow heads at their ends, for every kind of canvas."""

from collections.abc import Iterator, Sequence
from math import hypot
from typing import NamedTuple

from cnndsl.draw.canvas.scene import Point, Polyline

CORNER = 5.0
HEAD_LENGTH, HEAD_WIDTH = 7.0, 6.0


class Corner(NamedTuple):
    """Where a line leaves its straight piece, the point that it bends around, and where it meets the next piece."""

    before: Point
    around: Point
    after: Point


class Stroke(NamedTuple):
    """A line as it is drawn: start, rounded corners, end, and the three points of its head (none without an arrow)."""

    start: Point
    corners: tuple[Corner, ...]
    end: Point
    head: tuple[Point, ...]


def stroke(points: Sequence[Point], arrow: bool = True) -> Stroke:
    """The line through ``points``; its tip is at the last one, the line itself ends inside the head."""
    path = [point for index, point in enumerate(points) if index == 0 or point != points[index - 1]]
    if len(path) < 2:
        path = [path[0], path[0]]
    tip, tail = path[-1], path[-2]
    length = hypot(tip[0] - tail[0], tip[1] - tail[1])
    right, down = ((tip[0] - tail[0]) / length, (tip[1] - tail[1]) / length) if length else (0.0, 1.0)
    base = (tip[0] - right * HEAD_LENGTH, tip[1] - down * HEAD_LENGTH)
    side = HEAD_WIDTH / 2
    head = (tip, (base[0] - down * side, base[1] + right * side), (base[0] + down * side, base[1] - right * side))
    reached = min(HEAD_LENGTH - 1, length) if arrow else 0
    path[-1] = (tip[0] - right * reached, tip[1] - down * reached)
    corners = []
    for before, around, after in zip(path, path[1:], path[2:], strict=False):
        room = min(CORNER, _distance(before, around) / 2, _distance(around, after) / 2)
        corners.append(Corner(_towards(around, before, room), around, _towards(around, after, room)))
    return Stroke(path[0], tuple(corners), path[-1], head if arrow else ())


def drawn_once(lines: Sequence[Polyline]) -> Iterator[Polyline]:
    """The lines without what one from the same source has drawn already: drawn twice, it would look thicker."""
    drawn: dict[str, list[tuple[Point, ...]]] = {}
    for line in lines:
        others = drawn.setdefault(line.source, [])
        shared = max((_common(line.points, other) for other in others), default=0)
        others.append(line.points)
        if 2 <= shared < len(line.points):
            before, last = line.points[shared - 2 : shared]
            begin = _towards(last, before, min(2 * CORNER, _distance(last, before)))
            yield line._replace(points=(begin, *line.points[shared - 1 :]))
        else:
            yield line


def _common(one: Sequence[Point], other: Sequence[Point]) -> int:
    """How many points at the beginning are the same."""
    pairs = zip(one, other, strict=False)
    return next((index for index, (mine, theirs) in enumerate(pairs) if mine != theirs), min(len(one), len(other)))


def _distance(first: Point, second: Point) -> float:
    return hypot(second[0] - first[0], second[1] - first[1])


def _towards(start: Point, goal: Point, step: float) -> Point:
    length = _distance(start, goal)
    share = step / length if length else 0.0
    return (start[0] + (goal[0] - start[0]) * share, start[1] + (goal[1] - start[1]) * share)
