"""Numbers that follow from symbols: they keep their expressions, and are never taken for plain ones."""

import re
from collections.abc import Mapping
from typing import Self

from cnndsl.errors import listed, quoted
from cnndsl.ir import Symbol
from cnndsl.lang.expressions.values import ListValue, Value
from cnndsl.shapes import Shape

LONGEST = 1_000
"""The most characters of an expression."""

_PARENTHESES = re.compile(r"\([^()]*\)")
_SUM, _PRODUCT, _SIGNED, _ATOM = range(4)
_LEVELS = {"+": _SUM, "-": _SUM, "*": _PRODUCT, "//": _PRODUCT, "%": _PRODUCT}


class Symbolic(int):
    """A number that follows from symbols: the one for their defaults, with its expression.

    ``level`` says how tightly the last operator of the expression binds.
    """

    text: str
    level: int
    symbols: Mapping[str, Symbol]

    @classmethod
    def of(cls, number: int, text: str, level: int, symbols: Mapping[str, Symbol]) -> Self:
        made = cls(number)
        made.text, made.level, made.symbols = text, level, symbols
        return made

    @classmethod
    def declared(cls, symbol: Symbol) -> Self:
        """The symbol itself."""
        return cls.of(symbol.default, symbol.name, _ATOM, {symbol.name: symbol})

    @classmethod
    def written(cls, number: int, text: str, symbols: Mapping[str, Symbol]) -> Self:
        """A number with an expression of sums and products, in which parentheses stand in none."""
        outside = _PARENTHESES.sub("", text)
        level = _SUM if " + " in outside or " - " in outside else _PRODUCT
        return cls.of(number, text, level, symbols)

    @property
    def names(self) -> str:
        """The symbols, for messages."""
        return listed([quoted(name) for name in self.symbols])

    @property
    def is_name(self) -> bool:
        return self.level == _ATOM


class Given(int):
    """The number that a symbol was set to from outside; ``name`` is the symbol's."""

    name: str

    @classmethod
    def to(cls, name: str, number: int) -> Self:
        made = cls(number)
        made.name = name
        return made


def negative(operand: Symbolic) -> Symbolic:
    return Symbolic.of(-int(operand), f"-{_within(operand, _SIGNED)}", _SIGNED, operand.symbols)


def combined(operator: str, left: int, right: int, number: int) -> Symbolic:
    """What ``+ - * // %`` make of two numbers, one of them symbolic at least; ``number`` is theirs for the defaults."""
    level = _LEVELS[operator]
    # The right side of a sum or product needs parentheses where it is one itself.
    text = f"{_within(left, level)} {operator} {_within(right, level + 1)}"
    return Symbolic.of(number, text, level, {**symbols_of(left), **symbols_of(right)})


def expression(number: int) -> str:
    """A number as an expression."""
    return number.text if isinstance(number, Symbolic) else str(int(number))


def symbols_of(number: int) -> Mapping[str, Symbol]:
    return number.symbols if isinstance(number, Symbolic) else {}


def symbolic_part(value: object) -> Symbolic | None:
    """The first number in a value that follows from symbols, if there is one."""
    pending: list[object] = [value]
    while pending:
        part = pending.pop()
        if isinstance(part, Symbolic):
            return part
        if isinstance(part, ListValue):
            pending += part.items[::-1]
        elif isinstance(part, Shape):
            pending += part.dimensions[::-1]
    return None


def joined(name: str, found: Mapping[str, object]) -> tuple[Value, ...] | None:
    """The extents that ``HxW`` stands for where H and W are symbols; None where they are not.

    ``found`` is what names stand for.
    """
    parts: list[Value] = []
    for part in name.split("x"):
        value = found.get(part)
        if isinstance(value, Symbolic) and value.text == part:
            parts.append(value)
        elif isinstance(value, Given) and value.name == part:
            parts.append(int(value))
        else:
            return None
    return tuple(parts) if len(parts) > 1 else None


def _within(number: int, level: int) -> str:
    if not isinstance(number, Symbolic):
        text = str(int(number))
        return f"({text})" if number < 0 and level > _SUM else text
    return number.text if number.level >= level else f"({number.text})"
