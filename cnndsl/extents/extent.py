"""Functions of one size that are a line plus a part that repeats: f(x + period) = f(x) + gain from some size on.

Windows, transposed windows, resizing, padding, cropping and sums keep that form. What has a closed form,
k*floor((x + b)/d) + c, is kept as that, so that a chain of floors needs no table however long it is.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from itertools import pairwise
from math import gcd, lcm
from typing import Any, Protocol, TypeAlias

from cnndsl.extents.periodic import (
    ALL,
    MAX_PERIOD,
    MAX_START,
    NONE,
    PeriodicSet,
    TooLong,
    at_least,
    between,
    periodic,
    where,
)


class Decider(Protocol):
    """What says whether a condition holds, for the sizes that are looked at."""

    def decide(self, sizes: PeriodicSet) -> bool:
        """Whether all of these sizes are meant, or none."""


deciding: ContextVar[Decider] = ContextVar("deciding")


class Condition:
    """What holds for some sizes: asked for its truth, it is decided by the cases that are looked at."""

    def __init__(self, sizes: PeriodicSet) -> None:
        self.sizes = sizes

    def __bool__(self) -> bool:
        if self.sizes == ALL or not self.sizes:
            return bool(self.sizes)
        return deciding.get().decide(self.sizes)


Truth: TypeAlias = Condition | bool


class Extent(ABC):
    """A whole number that follows from a size; never constant."""

    __slots__ = ()
    start: int
    period: int
    gain: int

    @abstractmethod
    def at(self, size: int) -> int:
        """The number for a size."""

    def maybe(self, size: int) -> int | None:
        """The number for a size; None where nothing is said of it."""
        return self.at(size)

    def __add__(self, other: "Extent | int") -> "Extent | int":
        return _pointwise(self, other, lambda a, b: a + b, 1, 1)

    def __sub__(self, other: "Extent | int") -> "Extent | int":
        return _pointwise(self, other, lambda a, b: a - b, 1, -1)

    def __mul__(self, factor: Any) -> Any:
        if isinstance(factor, Extent | Product):
            return Product((self,)) * factor
        return _scaled(self, factor)

    def __floordiv__(self, divisor: int) -> "Extent | int":
        return _divided(self, divisor)

    def __radd__(self, other: int) -> "Extent | int":
        return self + other

    def __rsub__(self, other: int) -> "Extent | int":
        return -self + other

    def __rmul__(self, factor: Any) -> Any:
        return self * factor

    def __neg__(self) -> "Extent":
        found = _scaled(self, -1)
        assert isinstance(found, Extent)
        return found

    def __mod__(self, divisor: int) -> "Extent | int":
        return self - self // divisor * divisor

    def __eq__(self, other: object) -> Truth:  # type: ignore[override]
        if isinstance(other, Product):
            return other == self
        if not isinstance(other, Extent | int):
            return False
        return _compared(self - other, lambda number: number == 0)

    def __ne__(self, other: object) -> Truth:  # type: ignore[override]
        found = self == other
        return Condition(ALL - found.sizes) if isinstance(found, Condition) else not found

    def __bool__(self) -> bool:
        return bool(self != 0)

    def __gt__(self, other: "Extent | int") -> Truth:
        return _compared(self - other, lambda number: number > 0)

    def __ge__(self, other: "Extent | int") -> Truth:
        return _compared(self - other + 1, lambda number: number > 0)

    def __lt__(self, other: "Extent | int") -> Truth:
        return _compared(-self + other, lambda number: number > 0)

    def __le__(self, other: "Extent | int") -> Truth:
        return _compared(-self + other + 1, lambda number: number > 0)

    def __format__(self, spec: str) -> str:
        return str(self)


class Line(Extent):
    """k*floor((x + b)/d) + c, with k not 0, d at least 1, and c between 0 and k, which it does not reach."""

    __slots__ = ("b", "c", "d", "gain", "k", "period")
    start = 1

    def __init__(self, k: int, b: int, d: int, c: int) -> None:
        whole = c // k
        self.k, self.b, self.d, self.c = k, b + whole * d, d, c - whole * k
        self.period, self.gain = d, k

    @property
    def parts(self) -> tuple[int, int, int, int]:
        return self.k, self.b, self.d, self.c

    def at(self, size: int) -> int:
        return self.k * ((size + self.b) // self.d) + self.c

    def __hash__(self) -> int:
        return hash(self.parts)

    def __repr__(self) -> str:
        return f"Line{self.parts}"

    def reaches(self, number: int) -> int:
        """The smallest size, of all whole numbers, from which on it is at least that number; ``k`` must be positive."""
        return -(-(number - self.c) // self.k) * self.d - self.b


SIZE = Line(1, 0, 1, 0)
"""The size itself."""


class Table(Extent):
    """The numbers for the sizes 1, 2 ... up to one period behind ``start``, one by one; None where there is none."""

    __slots__ = ("gain", "numbers", "period", "start", "terms")

    def __init__(
        self, start: int, period: int, gain: int, numbers: Sequence[int | None], terms: Sequence[Line] = ()
    ) -> None:
        self.start, self.period, self.gain, self.numbers = start, period, gain, tuple(numbers)
        self.terms = tuple(terms)
        """What it is the sum of, if that is known: for readers."""

    def at(self, size: int) -> int:
        found = self.maybe(size)
        if found is None:
            raise TooLong  # nothing is said of this size
        return found

    def maybe(self, size: int) -> int | None:
        turns = max(size - self.start, 0) // self.period
        number = self.numbers[size - turns * self.period - 1]
        return None if number is None else number + turns * self.gain

    def __hash__(self) -> int:
        return hash((self.start, self.period, self.gain, self.numbers))

    def __repr__(self) -> str:
        return f"Table({self.start}, {self.period}, {self.gain}, {self.numbers})"


def _refused(*_: object) -> Any:
    raise TooLong


class Product:
    """Extents multiplied: what a flatten counts. It is only compared; anything else asks too much."""

    def __init__(self, factors: Sequence[Extent], factor: int = 1) -> None:
        self.factors = tuple(factors)
        self.factor = factor

    def __mul__(self, other: Any) -> "Product":
        if isinstance(other, Product):
            return Product((*self.factors, *other.factors), self.factor * other.factor)
        if isinstance(other, Extent):
            return Product((*self.factors, other), self.factor)
        return Product(self.factors, self.factor * other)

    __rmul__ = __mul__

    def at(self, size: int) -> int:
        result = self.factor
        for extent in self.factors:
            result *= extent.at(size)
        return result

    def __eq__(self, other: object) -> Truth:  # type: ignore[override]
        if isinstance(other, Product):
            parts = [(one.factor, *sorted(map(repr, one.factors))) for one in (self, other)]
            return parts[0] == parts[1] or _refused()
        if not isinstance(other, int):
            return _refused() if isinstance(other, Extent) else False
        if not all(isinstance(extent, Line) and extent.k > 0 for extent in self.factors):
            raise TooLong
        return Condition(between(self._reaches(other), self._reaches(other + 1) - 1))

    def __ne__(self, other: object) -> Truth:  # type: ignore[override]
        found = self == other
        return Condition(ALL - found.sizes) if isinstance(found, Condition) else not found

    __hash__ = object.__hash__

    def __format__(self, spec: str) -> str:
        return str(self)

    __add__ = __radd__ = __sub__ = __rsub__ = __neg__ = __floordiv__ = __mod__ = _refused
    __lt__ = __le__ = __gt__ = __ge__ = _refused

    def _reaches(self, number: int) -> int:
        """The smallest size from which on it is at least that number."""
        low, high = 0, 1
        while self.at(high) < number:
            low, high = high, 2 * high
            if high > MAX_START:
                raise TooLong
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self.at(middle) < number else (low, middle)
        return high


def of(outer: Any, inner: Extent) -> Any:
    """The outer function of what the inner one gives."""
    if isinstance(outer, int):
        return outer
    if isinstance(outer, Product):
        result: Any = outer.factor
        for extent in outer.factors:
            result = of(extent, inner) * result
        return result
    if isinstance(outer, Line):
        found = (inner + outer.b) // outer.d
        return found * outer.k + outer.c
    assert isinstance(outer, Table)
    start, period = _repeating(inner, outer.start, outer.period)
    gain = period // inner.period * inner.gain // outer.period * outer.gain
    terms = [of(line, inner) for line in outer.terms]
    known = terms if all(isinstance(line, Line) for line in terms) else ()
    return _table(start, period, gain, lambda size: outer.maybe(inner.at(size)) if inner.at(size) > 0 else None, known)


def sizes_where(inner: Extent, values: PeriodicSet) -> PeriodicSet:
    """The sizes for which a function gives one of the values."""
    if values == ALL or not values:
        threshold = inner > 0
        return NONE if not values else threshold.sizes if isinstance(threshold, Condition) else ALL
    if not values.below and values.residues == (1 << values.period) - 1:
        found = inner >= values.start
        return found.sizes if isinstance(found, Condition) else ALL if found else NONE
    start, period = _repeating(inner, values.start, values.period)
    return where(start, period, lambda size: inner.maybe(size) in values)


def _repeating(inner: Extent, from_value: int, period: int) -> tuple[int, int]:
    """Where what depends on a function's value, which repeats from a value on, begins to repeat; and how often."""
    if inner.gain < 0:
        raise TooLong
    if inner.gain == 0:
        return inner.start, inner.period
    if inner.period > MAX_PERIOD:
        raise TooLong
    tail = (inner.maybe(size) for size in range(inner.start, inner.start + inner.period))
    low = min((number for number in tail if number is not None), default=from_value)
    turns = max(-(-(from_value - low) // inner.gain), 0)
    return inner.start + turns * inner.period, inner.period * (period // gcd(period, inner.gain))


def _scaled(one: Extent, factor: int) -> Extent | int:
    if factor == 0:
        return 0
    if isinstance(one, Line):
        return Line(one.k * factor, one.b, one.d, one.c * factor)
    assert isinstance(one, Table)
    numbers = [None if number is None else number * factor for number in one.numbers]
    return Table(one.start, one.period, one.gain * factor, numbers, _sum([(factor, one)]))


def _pointwise(
    one: Extent, other: Extent | int, rule: Callable[[int, int], int], left: int, right: int
) -> Extent | int:
    """``left * one + right * other``, which ``rule`` computes."""
    if isinstance(other, Product):
        raise TooLong
    if isinstance(other, int):
        if isinstance(one, Line):
            return Line(left * one.k, one.b, one.d, left * one.c + right * other)
        assert isinstance(one, Table)
        moved = [None if number is None else rule(number, other) for number in one.numbers]
        return Table(one.start, one.period, left * one.gain, moved, _sum([(left, one)], right * other))
    if isinstance(one, Line) and isinstance(other, Line):
        joined = _joined(one, other, left, right)
        if joined is not None:
            return joined
    start, period = max(one.start, other.start), lcm(one.period, other.period)
    gain = left * one.gain * (period // one.period) + right * other.gain * (period // other.period)
    return _table(start, period, gain, lambda size: _both(one, other, size, rule), _sum([(left, one), (right, other)]))


def _sum(parts: Sequence[tuple[int, Extent]], more: int = 0) -> tuple[Line, ...]:
    """The closed forms that add up to a sum of multiples; none where a part is no such sum."""
    terms = [(factor, part.terms if isinstance(part, Table) else (part,)) for factor, part in parts]
    if not all(inner for _, inner in terms):
        return ()
    found = [Line(line.k * factor, line.b, line.d, line.c * factor) for factor, inner in terms for line in inner]  # type: ignore[attr-defined]
    found[-1] = Line(found[-1].k, found[-1].b, found[-1].d, found[-1].c + more)
    return tuple(found)


def _both(one: Extent, other: Extent, size: int, rule: Callable[[int, int], int]) -> int | None:
    left, right = one.maybe(size), other.maybe(size)
    return None if left is None or right is None else rule(left, right)


def _joined(one: Line, other: Line, left: int, right: int) -> Extent | int | None:
    """The sum, where it has a closed form: of multiples of one floor."""
    ahead = other.b - one.b
    if one.d != other.d or ahead % one.d:
        return None
    k = left * one.k + right * other.k
    c = left * one.c + right * (other.c + other.k * (ahead // one.d))
    return Line(k, one.b, one.d, c) if k else c


def _divided(one: Extent, divisor: int) -> Extent | int:
    if divisor < 0:
        return _divided(-one, -divisor)
    if divisor == 1:
        return one
    if isinstance(one, Line):
        if one.k < 0:  # floor(-a/n) = -floor((a + n - 1)/n)
            above = -one + (divisor - 1)
            assert isinstance(above, Extent)
            return -1 * _divided(above, divisor)
        if one.k % divisor == 0:
            return Line(one.k // divisor, one.b, one.d, one.c // divisor)
        if divisor % one.k == 0:  # c is below k
            return Line(1, one.b, one.d * (divisor // one.k), 0)
    period = one.period * (divisor // gcd(one.gain, divisor))
    gain = one.gain * (period // one.period) // divisor
    return _table(one.start, period, gain, lambda size: _quotient(one, size, divisor))


def _quotient(one: Extent, size: int, divisor: int) -> int | None:
    number = one.maybe(size)
    return None if number is None else number // divisor


def _table(
    start: int, period: int, gain: int, number: Callable[[int], int | None], terms: Sequence[Line] = ()
) -> Extent | int:
    if period > MAX_PERIOD or start + period > MAX_START:
        raise TooLong
    return simplified(Table(start, period, gain, [number(size) for size in range(1, start + period)], terms))


def simplified(table: Table) -> Extent | int:
    """The closed form of a table, if it has one, or its number where it is constant."""
    tail = table.numbers[table.start - 1 :]
    if None in tail:
        return table
    ahead = [*tail, *(number + table.gain for number in tail[:1] if number is not None)]
    jumps = [
        (table.start + index + 1, after - before)
        for index, (before, after) in enumerate(pairwise(ahead))
        if before is not None and after is not None and before != after
    ]
    if not jumps:
        known = {number for number in table.numbers if number is not None}
        return known.pop() if len(known) == 1 else table
    size, k = jumps[0]
    if table.period % len(jumps) or k * len(jumps) != table.gain:
        return table
    d = table.period // len(jumps)
    line = Line(k, -size, d, table.at(size))
    same = all(number is None or number == line.at(size) for size, number in enumerate(table.numbers, 1))
    return line if same else table


def _compared(difference: Any, holds: Callable[[int], bool]) -> Truth:
    """Where a difference fulfils a condition that is ``== 0`` or ``> 0``."""
    if isinstance(difference, int):
        return holds(difference)
    equal = holds(0)
    if isinstance(difference, Line):
        line = difference if difference.k > 0 or not equal else -difference
        assert isinstance(line, Line)
        if equal:
            return Condition(NONE if line.c else between(line.reaches(0), line.reaches(1) - 1))
        if line.k > 0:
            return Condition(at_least(line.reaches(1)))
        falling = -line
        assert isinstance(falling, Line)
        return Condition(between(1, falling.reaches(0) - 1))
    start, period = difference.start, difference.period
    if difference.gain:
        tail = [number for number in difference.numbers[start - 1 :] if number is not None]
        far = max(map(abs, tail), default=0) // abs(difference.gain) + 1
        start, period = start + far * period, period
        rising = difference.gain > 0 and not equal
        return Condition(_until(difference, start, holds, rising))
    return Condition(where(start, period, lambda size: _holds(difference, size, holds)))


def _until(table: Table, start: int, holds: Callable[[int], bool], later: bool) -> PeriodicSet:
    below = where(start, 1, lambda size: size < start and _holds(table, size, holds))
    return periodic(start, below.below & ((1 << start) - 1), 1, int(later))


def _holds(table: Table, size: int, holds: Callable[[int], bool]) -> bool:
    number = table.maybe(size)
    return number is not None and holds(number)
