"""What expressions evaluate to, and the names a scope holds."""

from fractions import Fraction
from typing import NamedTuple, TypeAlias

from cnndsl.errors import Diagnostic, Fix, Label, Span, quoted, shortened
from cnndsl.ir import Dtype, Instance
from cnndsl.shapes import Shape
from cnndsl.suggest import Suggestion


class ListValue(NamedTuple):
    """A list or a size.

    ``elements`` counts the leaves of nested lists, an empty list as one, so that a limit on it bounds all work on it;
    ``depth`` is how deep lists stand in it, itself counted.
    """

    items: "tuple[Value, ...]"
    elements: int
    depth: int = 1


Value: TypeAlias = int | Fraction | bool | str | Shape | ListValue


class Flow(NamedTuple):
    """A value of the network on its way: the layer (or input) that makes it and its shape; None if that is unknown.

    An unknown shape has had its diagnostic already and silences everything that depends on it.
    """

    name: str
    shape: Shape | None
    dtype: Dtype
    span: Span


class Named(NamedTuple):
    """What ``as`` names: a value, and the layers from ``first`` up to ``last`` (exclusive) that the stage added."""

    flow: Flow
    first: int
    last: int
    instance: Instance | None = None
    """What the stage is, if it is a block."""


class Turns(NamedTuple):
    """What a name stood for in the turns of a loop: values, or the turns of a loop inside; None where unknown."""

    items: "list[Named | Turns | None]"


class Fault(Exception):
    """A statement cannot go on; its diagnostic is collected and the next statement is tried."""

    def __init__(self, diagnostic: Diagnostic) -> None:
        super().__init__(diagnostic.message)
        self.diagnostic = diagnostic


class Unknowable(Exception):
    """An expression depends on an unknown shape: silent, because the cause was reported already."""


def fault(code: str, message: str, span: Span | None, *help: str) -> Fault:
    return Fault(Diagnostic(code, message, span, help=help))


def misnamed(code: str, message: str, span: Span, found: Suggestion | None, *otherwise: str) -> Fault:
    """A fault for a word that nothing is called: with what was probably meant, or with ``otherwise``."""
    if found is None:
        return fault(code, message, span, *otherwise)
    fix = Fix(f"replace by {shortened(found.word)}", span, found.word, found.sure)
    return Fault(Diagnostic(code, message, span, help=(f"did you mean {quoted(found.word)}?",), fixes=(fix,)))


def slip(code: str, message: str, span: Span, advice: str, instead: str, place: Span | None = None) -> Fault:
    """A fault that shows what was meant: ``instead`` is to stand at ``span``, or at the wider ``place``."""
    fix = Fix(f"write {shortened(instead)}", place or span, instead, safe=True)
    return Fault(Diagnostic(code, message, span, help=(advice,), fixes=(fix,)))


def repeated(message: str, first: Span, second: Span) -> Fault:
    """The error for an argument that is given twice."""
    return Fault(Diagnostic("repeated-argument", message, second, labels=(Label(first, "given here first"),)))


WORK_PER_STEP = 16
"""How many expression nodes, list elements or characters of names cost as much as one statement."""


class Budget:
    """What is left of the work that a text may take: it bounds loops, expressions and lists together."""

    __slots__ = ("left", "limit")

    def __init__(self, steps: int) -> None:
        self.limit = steps
        self.left = steps * WORK_PER_STEP

    def spend(self, work: int) -> None:
        """Raises Fault when the limit on steps is passed."""
        self.left -= work
        if self.left < 0:
            raise self._passed(None)

    def require(self, steps: int, span: Span) -> None:
        """Raises Fault where ``steps`` more would pass the limit; spends nothing."""
        if steps * WORK_PER_STEP > self.left:
            raise self._passed(span)

    def _passed(self, span: Span | None) -> Fault:
        advice = "use smaller counts; a program that embeds cnndsl can raise its Limits"
        return fault("step-limit", f"expansion takes more than {self.limit:,} steps", span, advice)


class TooManyDiagnostics(Exception):
    """The limit on diagnostics is reached: stop."""


def make_list(items: tuple[Value, ...]) -> ListValue:
    inner = [item for item in items if isinstance(item, ListValue)]
    elements = len(items) - len(inner) + sum(max(item.elements, 1) for item in inner)
    return ListValue(items, elements, 1 + max((item.depth for item in inner), default=0))


def simplified(number: int | Fraction) -> int | Fraction:
    """Whole fractions as integers."""
    return number.numerator if number.denominator == 1 else number


def plain(value: Value) -> object:
    """Lists as tuples and fractions as floats, for the fields of a model."""
    if isinstance(value, ListValue):
        return tuple(map(plain, value.items))
    if isinstance(value, int) and not isinstance(value, bool):
        return int(value)  # without what it follows from
    return float(value) if isinstance(value, Fraction) else value


def kind(value: Value) -> str:
    """The kind of a value in words."""
    if isinstance(value, bool):
        return "a truth value"
    if isinstance(value, int | Fraction):
        return "a number"
    if isinstance(value, str):
        return "a string"
    return "a shape" if isinstance(value, Shape) else "a list"


def shown(value: Value) -> str:
    """A value for a message: short, whatever its size."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Fraction):
        decimal = f"{float(value):g}" if value.denominator < 10**300 > abs(value.numerator) else "…"
        exact = f"{value.numerator}/{value.denominator}"
        return decimal if Fraction(decimal if decimal != "…" else 0) == value else f"{exact} = {decimal}"
    if isinstance(value, str):
        return f'"{quoted(value)[1:-1]}"'
    if isinstance(value, ListValue):
        if value.elements > 12:
            return f"a list of {len(value.items):,}"
        return "[" + ", ".join(map(shown, value.items)) + "]"
    return str(value)
