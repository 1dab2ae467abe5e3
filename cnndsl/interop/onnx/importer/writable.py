"""Numbers of operators that the language's text cannot hold."""

from collections.abc import Iterator
from math import isfinite

from cnndsl.lang.text.tree_builder import LARGEST_EXPONENT
from cnndsl.limits import Limits
from cnndsl.ops.base import Operator
from cnndsl.ops.fields import Tensor, written


def unwritable_number(op: Operator, limits: Limits) -> float | None:
    """A number among the arguments that would not be read again; None if all would."""
    for name in type(op).model_fields:
        for number in _numbers(getattr(op, name)):
            if isinstance(number, int):
                if abs(number) > limits.dimension:
                    return number
            elif not _is_written(number, limits):
                return number
    return None


def _numbers(value: object) -> Iterator[int | float]:
    if isinstance(value, Tensor):
        yield from value.elements
    elif isinstance(value, tuple):
        for item in value:
            yield from _numbers(item)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield value


def _is_written(number: float, limits: Limits) -> bool:
    if not isfinite(number):
        return False
    mantissa, _, exponent = written(number).partition("e")
    digits = sum(map(str.isdigit, mantissa + exponent))
    return abs(int(exponent or "0")) <= LARGEST_EXPONENT and digits <= limits.number_digits
