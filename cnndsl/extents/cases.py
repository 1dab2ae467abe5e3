"""Code that compares extents, run for all sizes at once: once for each way that its comparisons can go."""

from collections.abc import Callable, Iterator, Sequence
from math import lcm
from typing import Any, NamedTuple, TypeVar

from cnndsl.extents.extent import Extent, Table, deciding, simplified
from cnndsl.extents.periodic import ALL, MAX_PERIOD, PeriodicSet, TooLong

Result = TypeVar("Result")

MAX_CASES = 256
"""The most ways that are looked at."""


class _Case:
    """One way: the sizes for which it is taken, and those that are left for others."""

    def __init__(self, sizes: PeriodicSet) -> None:
        self.sizes = sizes
        self.left: list[PeriodicSet] = []

    def decide(self, sizes: PeriodicSet) -> bool:
        inside = self.sizes & sizes
        if not inside:
            return False
        outside = self.sizes - sizes
        if outside:
            self.left.append(outside)
            self.sizes = inside
        return True


def cases(run: Callable[[], Result], sizes: PeriodicSet = ALL) -> Iterator[tuple[PeriodicSet, Result]]:
    """What some code gives, with the sizes for which it does. Raises TooLong where there are too many ways."""
    waiting = [sizes]
    for _ in range(MAX_CASES):
        if not waiting:
            return
        case = _Case(waiting.pop())
        token = deciding.set(case)
        try:
            result = run()
        finally:
            deciding.reset(token)
        waiting += case.left
        yield case.sizes, result
    raise TooLong


class Piece(NamedTuple):
    """An extent for some sizes."""

    sizes: PeriodicSet
    extent: Extent | int


def united(pieces: Sequence[Piece]) -> Any:
    """One extent for all pieces, whose sizes do not meet. Raises TooLong where they do not grow alike."""
    first = pieces[0].extent
    if len(pieces) == 1 or all(_same(piece.extent, first) for piece in pieces):
        return first
    if not all(isinstance(piece.extent, Extent | int) for piece in pieces):
        raise TooLong
    starts = [max(piece.sizes.start, _start(piece.extent)) for piece in pieces]
    period = lcm(*(piece.sizes.period for piece in pieces), *(_period(piece.extent) for piece in pieces))
    gains = {_gain(piece.extent, period) for piece in pieces if not piece.sizes.is_finite}
    if len(gains) > 1:
        raise TooLong
    start = max(starts)
    if period > MAX_PERIOD or start > MAX_PERIOD:
        raise TooLong
    numbers = [_number(pieces, size) for size in range(1, start + period)]
    return simplified(Table(start, period, gains.pop() if gains else 0, numbers))


def _same(one: Extent | int, other: Extent | int) -> bool:
    if isinstance(one, int) or isinstance(other, int):
        return isinstance(one, int) and isinstance(other, int) and one == other
    return type(one) is type(other) and repr(one) == repr(other)


def _start(extent: Extent | int) -> int:
    return 1 if isinstance(extent, int) else extent.start


def _period(extent: Extent | int) -> int:
    return 1 if isinstance(extent, int) else extent.period


def _gain(extent: Extent | int, period: int) -> int:
    return 0 if isinstance(extent, int) else extent.gain * (period // extent.period)


def _number(pieces: Sequence[Piece], size: int) -> int | None:
    for sizes, extent in pieces:
        if size in sizes:
            return extent if isinstance(extent, int) else extent.maybe(size)
    return None
