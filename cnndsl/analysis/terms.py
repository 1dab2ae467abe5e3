"""Whole numbers that remember how they were computed: what shows a formula is the code that computes with it."""

from typing import NamedTuple

SUM, PRODUCT, ATOM = 1, 2, 3
"""How tightly an expression holds together: what binds less than its surroundings stands in parentheses."""


class Written(NamedTuple):
    """An expression as text, and how tightly it binds."""

    text: str
    binding: int = ATOM

    def inside(self, least: int) -> str:
        """The text where it must bind at least as tightly as ``least``."""
        return self.text if self.binding >= least else f"({self.text})"


class Term(int):
    """An integer with the expression that gave it, once in symbols and once with the numbers put in.

    ``+ - * //`` and the unary minus give terms; everything else works as on the integer. Divisions without a remainder
    are written ``a/b``, others ``floor(a/b)``; ``-(-a // b)`` is ``ceil(a/b)``. A plain 0 that is added and a plain 1
    that multiplies or divides leave no trace: only what has a name does.
    """

    symbols: Written
    numbers: Written
    _negative_of: "Term | None" = None
    _ceiling: "Term | None" = None

    def __new__(cls, value: int, symbol: str | None = None) -> "Term":
        number = Written(str(int(value)), SUM if value < 0 else ATOM)
        return cls._of(value, number if symbol is None else Written(symbol), number)

    @classmethod
    def _of(cls, value: int, symbols: Written, numbers: Written) -> "Term":
        term = int.__new__(cls, value)
        term.symbols, term.numbers = symbols, numbers
        return term

    def __add__(self, other: int) -> "Term":
        return self if _is_plain(other, 0) else _combined(int(self) + int(other), self, "+", other)

    def __radd__(self, other: int) -> "Term":
        return self if _is_plain(other, 0) else _combined(int(other) + int(self), other, "+", self)

    def __sub__(self, other: int) -> "Term":
        return self if _is_plain(other, 0) else _combined(int(self) - int(other), self, "-", other)

    def __rsub__(self, other: int) -> "Term":
        return -self if _is_plain(other, 0) else _combined(int(other) - int(self), other, "-", self)

    def __mul__(self, other: int) -> "Term":
        if not isinstance(other, int):  # a sequence repeats itself
            return NotImplemented
        return self if _is_plain(other, 1) else _combined(int(self) * int(other), self, "*", other)

    def __rmul__(self, other: int) -> "Term":
        if not isinstance(other, int):
            return NotImplemented
        return self if _is_plain(other, 1) else _combined(int(other) * int(self), other, "*", self)

    def __floordiv__(self, other: int) -> "Term":
        return self if _is_plain(other, 1) else _quotient(self, other)

    def __rfloordiv__(self, other: int) -> "Term":
        return _quotient(as_term(other), self)

    def __neg__(self) -> "Term":
        if self._ceiling is not None:
            return self._ceiling
        symbols, numbers = (Written(f"-{written.inside(PRODUCT)}", SUM) for written in (self.symbols, self.numbers))
        term = Term._of(-int(self), symbols, numbers)
        term._negative_of = self
        return term


def as_term(value: int) -> Term:
    """A plain number as a term that is written as itself."""
    return value if isinstance(value, Term) else Term(value)


def maximum(values: list[Term]) -> Term:
    """``max(a, b)``; a single value is itself."""
    if len(values) == 1:
        return values[0]
    symbols, numbers = (
        Written(f"max({', '.join(part.text for part in parts)})")
        for parts in ([value.symbols for value in values], [value.numbers for value in values])
    )
    return Term._of(max(map(int, values)), symbols, numbers)


def _is_plain(value: int, number: int) -> bool:
    return value == number and not isinstance(value, Term)


def _combined(value: int, left: int, sign: str, right: int) -> Term:
    one, other = as_term(left), as_term(right)
    symbols = _written(one.symbols, sign, other.symbols)
    return Term._of(value, symbols, _written(one.numbers, sign, other.numbers))


def _written(left: Written, sign: str, right: Written) -> Written:
    level = SUM if sign in "+-" else PRODUCT
    needed = level + 1 if sign in "-/" or right.text.startswith("-") else level
    space = " " if level == SUM else ""
    return Written(f"{left.inside(level)}{space}{sign}{space}{right.inside(needed)}", level)


def _quotient(dividend: Term, divisor: int) -> Term:
    below = as_term(divisor)
    if dividend._negative_of is not None:
        above = dividend._negative_of
        ceiling = _divided(above, below, -(-int(above) // int(below)), "ceil")
        term = _divided(dividend, below, int(dividend) // int(below), "floor")
        term._ceiling = ceiling
        return term
    return _divided(dividend, below, int(dividend) // int(below), "floor")


def _divided(dividend: Term, divisor: Term, value: int, rounding: str) -> Term:
    symbols = _written(dividend.symbols, "/", divisor.symbols)
    numbers = _written(dividend.numbers, "/", divisor.numbers)
    if int(dividend) % int(divisor):
        symbols, numbers = Written(f"{rounding}({symbols.text})"), Written(f"{rounding}({numbers.text})")
    return Term._of(value, symbols, numbers)
