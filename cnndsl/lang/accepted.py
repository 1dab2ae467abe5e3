"""What the parameters of operators take, found in their annotations."""

from collections.abc import Iterator
from functools import cache
from typing import Any, Literal, get_args, get_origin

from cnndsl import ops


@cache
def accepted(operator: str, field: str) -> frozenset[Any]:
    """The types and the words that a parameter takes, found in its annotation."""
    return frozenset(_leaves(ops.operator(operator).model_fields[field].annotation))


def _leaves(annotation: Any) -> Iterator[Any]:
    if get_origin(annotation) is Literal:
        yield from get_args(annotation)
    elif arguments := [argument for argument in get_args(annotation) if argument is not Ellipsis]:
        if get_origin(annotation) is tuple:
            yield tuple
        for argument in arguments if hasattr(annotation, "__metadata__") is False else arguments[:1]:
            yield from _leaves(argument)
    elif isinstance(annotation, type):
        yield annotation


def words(operator: str, field: str) -> list[str]:
    """The words that a parameter takes."""
    return sorted(item for item in accepted(operator, field) if isinstance(item, str))
