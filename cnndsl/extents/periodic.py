"""Sets of sizes that repeat from some size on: every question about them is answered by looking at one period.

A set is two bit masks, so that ``&``, ``|`` and ``~`` cost little however large the period is.
"""

from collections.abc import Callable, Iterable, Iterator
from math import lcm
from typing import NamedTuple

MAX_PERIOD = 50_000
"""The longest period that is looked at size by size."""

MAX_START = 4_000_000
"""No size is as large: what holds from there on, or up to there, does not matter."""


class TooLong(Exception):
    """A question that would need a period, or a beginning, longer than is looked at."""


class PeriodicSet(NamedTuple):
    """A set of sizes, whole numbers from 1 on.

    Below ``start`` the bits of ``below`` say which; from there on ``x`` is in the set if bit ``x % period`` of
    ``residues`` is set. Sets that hold the same sizes are equal, as :func:`periodic` makes them.
    """

    start: int
    below: int
    period: int
    residues: int

    def __contains__(self, size: object) -> bool:
        if not isinstance(size, int) or size < 1:
            return False
        mask, bit = (self.below, size) if size < self.start else (self.residues, size % self.period)
        return bool(mask >> bit & 1)

    def __and__(self, other: "PeriodicSet") -> "PeriodicSet":
        return _combined(self, other, lambda a, b: a & b)

    def __or__(self, other: "PeriodicSet") -> "PeriodicSet":
        return _combined(self, other, lambda a, b: a | b)

    def __sub__(self, other: "PeriodicSet") -> "PeriodicSet":
        return _combined(self, other, lambda a, b: a & ~b)

    def __le__(self, other: object) -> bool:
        return isinstance(other, PeriodicSet) and not self - other

    def __bool__(self) -> bool:
        return bool(self.below or self.residues)

    @property
    def is_finite(self) -> bool:
        return not self.residues

    @property
    def least(self) -> int:
        """The smallest size. The set must have one."""
        return next(self.members())

    def members(self, begin: int = 1, end: int | None = None) -> Iterator[int]:
        """The sizes from ``begin`` on, in order, up to and without ``end``."""
        last = end if end is not None else self.start if self.is_finite else None
        size = max(begin, 1)
        while last is None or size < last:
            if size in self:
                yield size
            size += 1

    def before(self, size: int) -> int | None:
        """The largest member below ``size``."""
        lowest = max(self.start, size - self.period)
        found = (other for other in range(size - 1, lowest - 1, -1) if other in self)
        largest = next(found, None)
        below = self.below & ((1 << max(min(size, self.start), 0)) - 1)
        return largest if largest is not None else below.bit_length() - 1 if below else None


def periodic(start: int, below: int, period: int, residues: int) -> PeriodicSet:
    """The set in its shortest form."""
    if not 0 < period <= MAX_PERIOD or start > MAX_START:
        raise TooLong
    full = (1 << period) - 1
    residues &= full
    for prime in _primes(period):
        while period % prime == 0:
            part = period // prime
            head = residues & ((1 << part) - 1)
            if _repeated(head, part, period) != residues:
                break
            period, residues = part, head
    start = max(start, 1)
    below &= (1 << start) - 2
    # It begins behind the largest size that is not as its residue says.
    different = below ^ _as_residues(residues, period, start)
    start = max(different.bit_length(), 1)
    return PeriodicSet(start, below & ((1 << start) - 1), period, residues)


def at_least(size: int) -> PeriodicSet:
    """All sizes from one on."""
    return periodic(max(size, 1), 0, 1, 1) if size < MAX_START else NONE


def only(size: int) -> PeriodicSet:
    """One size; none, if it is below 1."""
    return between(size, size)


def between(first: int, last: int) -> PeriodicSet:
    """The sizes from ``first`` to ``last``."""
    first = max(first, 1)
    if last < first:
        return NONE
    if last >= MAX_START:
        return at_least(first)
    return periodic(last + 1, (1 << (last + 1)) - (1 << first), 1, 0)


def where(start: int, period: int, holds: Callable[[int], bool]) -> PeriodicSet:
    """The sizes of which something holds that repeats from ``start`` on."""
    if period > MAX_PERIOD or start > MAX_START:
        raise TooLong
    start = max(start, 1)
    first = start + -start % period  # so that its residues are in order
    later = _bits(holds(size) for size in range(first, first + period))
    return periodic(start, _bits(size > 0 and holds(size) for size in range(start)), period, later)


def _bits(truths: Iterable[bool]) -> int:
    return int("".join("01"[truth] for truth in truths)[::-1] or "0", 2)


def _combined(one: PeriodicSet, other: PeriodicSet, rule: Callable[[int, int], int]) -> PeriodicSet:
    start, period = max(one.start, other.start), lcm(one.period, other.period)
    if period > MAX_PERIOD:
        raise TooLong
    below = rule(_mask(one, start), _mask(other, start))
    residues = rule(*(_repeated(each.residues, each.period, period) for each in (one, other)))
    return periodic(start, below, period, residues)


def _mask(one: PeriodicSet, start: int) -> int:
    """The bits of the sizes below ``start``."""
    if start <= one.start:
        return one.below
    return one.below | _as_residues(one.residues, one.period, start) >> one.start << one.start


def _as_residues(residues: int, period: int, end: int) -> int:
    """The bits of the sizes from 1 up to ``end``, were it for their residues alone."""
    whole = -(-end // period) * period
    return _repeated(residues, period, whole) & ((1 << end) - 2)


def _repeated(mask: int, period: int, length: int) -> int:
    """The first ``period`` bits, again and again up to ``length``, a multiple of it."""
    while period < length:
        mask |= mask << period
        period *= 2
    return mask & ((1 << length) - 1)


def _primes(number: int) -> Iterator[int]:
    prime = 2
    while prime * prime <= number:
        if number % prime == 0:
            yield prime
            while number % prime == 0:
                number //= prime
        prime += 1
    if number > 1:
        yield number


ALL = PeriodicSet(1, 0, 1, 1)
NONE = PeriodicSet(1, 0, 1, 0)
