"""Python expressions as data: what a generated file calls, with numbers that classes may make arguments of."""

from collections.abc import Iterator
from typing import NamedTuple, TypeAlias, Union

Literal: TypeAlias = Union[bool, int, float, str, "Code", tuple["Literal", ...], None]


class Code(NamedTuple):
    """Python text as it stands."""

    text: str


class Keyword(NamedTuple):
    """An argument by name; it is not written where it has the value that the callee gives it anyway."""

    name: str
    value: Literal
    default: Literal = None
    has_default: bool = False


class Call(NamedTuple):
    """``function(arguments, keywords)``; ``names`` are what the positional arguments are, for a reader."""

    function: str
    arguments: tuple[Literal, ...] = ()
    names: tuple[str, ...] = ()
    keywords: tuple[Keyword, ...] = ()

    def numbers(self) -> Iterator[tuple[str, int | float]]:
        """The numbers in it with what they are called, in order; tuples give one for each element."""
        for name, value in zip(self.names, self.arguments, strict=True):
            yield from _numbers(name, value)
        for keyword in self.keywords:
            yield from _numbers(keyword.name, keyword.value)

    def pattern(self) -> object:
        """Equal for calls that differ in numbers only."""
        values = [_pattern(value) for value in self.arguments]
        return self.function, *values, *[(keyword.name, _pattern(keyword.value)) for keyword in self.keywords]

    def filled(self, numbers: Iterator[Literal]) -> "Call":
        """The call with other numbers, in the order of :meth:`numbers`."""
        arguments = tuple(_filled(value, numbers) for value in self.arguments)
        keywords = tuple(keyword._replace(value=_filled(keyword.value, numbers)) for keyword in self.keywords)
        return self._replace(arguments=arguments, keywords=keywords)

    def parts(self) -> list[str]:
        """The arguments as text."""
        given = [written(value) for value in self.arguments]
        for name, value, default, has_default in self.keywords:
            if not (has_default and value == default and type(value) is type(default)):
                given.append(f"{name}={written(value)}")
        return given

    def text(self) -> str:
        return f"{self.function}({', '.join(self.parts())})"


def call(function: str, **arguments: Literal) -> Call:
    """A call with positional arguments, which the keywords name."""
    return Call(function, tuple(arguments.values()), tuple(arguments))


def written(value: Literal) -> str:
    """Python text of a value."""
    if isinstance(value, Code):
        return value.text
    if isinstance(value, tuple):
        return f"({', '.join(map(written, value))}{',' if len(value) == 1 else ''})"
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(value, float) and value in (float("inf"), -float("inf")):
        return 'float("inf")' if value > 0 else 'float("-inf")'
    return repr(value)


def is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _numbers(name: str, value: Literal) -> Iterator[tuple[str, int | float]]:
    if isinstance(value, tuple) and not isinstance(value, Code):
        for item in value:
            yield from _numbers(name, item)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield name, value


def _pattern(value: Literal) -> object:
    if isinstance(value, tuple) and not isinstance(value, Code):
        return tuple(map(_pattern, value))
    return (type(value).__name__,) if is_number(value) else (type(value).__name__, value)


def _filled(value: Literal, numbers: Iterator[Literal]) -> Literal:
    if isinstance(value, tuple) and not isinstance(value, Code):
        return tuple(_filled(item, numbers) for item in value)
    return next(numbers) if is_number(value) else value
