"""The types of operators' parameters, what they take in words, and how a value is written."""

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Annotated, Any, Literal, NamedTuple, get_args, get_origin

from pydantic import BaseModel, Field

from cnndsl.shapes import Shape, extents


class Expects(NamedTuple):
    """What a parameter takes, in words: for error messages and for the docs."""

    words: str


class Tensor(NamedTuple):
    """Literal numbers: their extents and the elements in row-major order."""

    shape: tuple[int, ...]
    elements: tuple[float, ...]


_LARGEST = 2**63 - 1  # what a tensor library can count; the language's own limit is in cnndsl.limits
_Whole = Annotated[int, Field(strict=True, ge=1, le=_LARGEST)]
_Natural = Annotated[int, Field(strict=True, ge=0, le=_LARGEST)]
_Truth = Annotated[bool, Field(strict=True)]
_Real = Annotated[float, Field(strict=True, allow_inf_nan=False)]

Count = Annotated[_Whole, Expects("a positive whole number")]
Natural = Annotated[_Natural, Expects("a whole number, 0 or more")]
Sizes = Annotated[_Whole | tuple[_Whole, ...], Expects("a positive whole number, or one per axis as in 3x3")]
OptionalSizes = Annotated[
    _Whole | tuple[_Whole, ...] | None, Expects("a positive whole number, or one per axis as in 3x3")
]
Naturals = Annotated[_Natural | tuple[_Natural, ...], Expects("a whole number, 0 or more, or one per axis as in 1x0")]
Pad = Annotated[
    _Natural | tuple[_Natural, ...] | Literal["same", "same_lower", "valid", "causal"],
    Expects("a whole number, one per axis, all begins and then all ends, or same, same_lower, valid, causal"),
]
Cells = Annotated[
    _Natural | tuple[_Natural, ...], Expects("a whole number, one per axis, or all begins and then all ends")
]
PadMode = Annotated[Literal["zeros", "reflect", "edge", "circular"], Expects("one of zeros, reflect, edge, circular")]
Flag = Annotated[_Truth, Expects("true or false")]
Real = Annotated[_Real, Expects("a number")]
OptionalReal = Annotated[_Real | None, Expects("a number")]
Positive = Annotated[_Real, Field(gt=0), Expects("a number above 0")]
Rate = Annotated[_Real, Field(ge=0, lt=1), Expects("a number from 0 to below 1")]
Fraction01 = Annotated[_Real, Field(ge=0, le=1), Expects("a number from 0 to 1")]
Literals = Annotated[Tensor | None, Expects("a list of numbers, nested as the weight is")]
Bias = Annotated[_Truth | Tensor, Expects("true, false or a list of numbers")]
PerChannel = Annotated[_Real | tuple[_Real, ...], Expects("a number, or a list with one per channel")]
Links = Annotated[
    tuple[tuple[_Natural, ...], ...] | None, Expects("for every filter, the list of input channels it sees")
]
Order = Annotated[tuple[_Natural, ...], Expects("the axes in their new order, as in [0, 2, 1]; 0 is the channels")]
Target = Annotated[Shape, Expects("a shape such as 8@4x4 or 120")]


@cache
def leaves(model: type[BaseModel], field: str) -> frozenset[Any]:
    """The types and the words that a field takes, found in its annotation."""
    return frozenset(_leaves(model.model_fields[field].annotation))


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


def listed(numbers: tuple[int, ...], most: int = 12) -> str:
    """A list for a message, shortened."""
    more = ", …" if len(numbers) > most else ""
    return f"[{', '.join(map(str, numbers[:most]))}{more}]"


def written(value: object, positional: bool = False) -> str:
    """A value in the language's own notation; reading it back gives the same value."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Tensor):
        return _nested(value)
    if isinstance(value, Shape):
        return f"({value})" if positional and value.spatial else str(value)
    if isinstance(value, tuple | list):
        if isinstance(value, tuple) and 2 <= len(value) <= 3 and all(isinstance(item, int) for item in value):
            return extents(value)
        return "[" + ", ".join(written(list(item) if isinstance(item, tuple) else item) for item in value) + "]"
    if isinstance(value, int | float):
        text = _number(value)
        return f"({text})" if positional and value < 0 else text
    return str(value)


def followed(value: object, texts: Sequence[str], positional: bool = False) -> str:
    """An argument that follows from symbols, with an expression for every number of ``value``."""
    tight = [text.replace(" // ", "//").replace(" * ", "*").replace(" % ", "%") for text in texts]
    if isinstance(value, Shape):
        shape = symbolic_shape(tight)
        return f"({shape})" if positional and value.spatial else shape
    if isinstance(value, tuple):
        return f"[{', '.join(tight)}]"
    return f"({tight[0]})" if positional and not tight[0].isidentifier() else tight[0]


def symbolic_shape(texts: Sequence[str]) -> str:
    """``3@HxW``, ``64@[H//4, W//4]``: a shape with an expression for every axis."""
    tight = [text.replace(" // ", "//").replace(" * ", "*").replace(" % ", "%") for text in texts]
    channels, *spatial = tight
    if not spatial:
        return channels
    channels = channels if channels.isalnum() else f"({channels})"
    joined = len(spatial) > 1 and all(text.isidentifier() and "x" not in text for text in spatial)
    return f"{channels}@{'x'.join(spatial)}" if joined else f"{channels}@[{', '.join(spatial)}]"


def _number(value: float) -> str:
    if isinstance(value, int) or (value.is_integer() and abs(value) < 1e15):
        return str(int(value))
    return repr(value)


def _nested(tensor: Tensor) -> str:
    items = [_number(element) for element in tensor.elements]
    for extent in reversed(tensor.shape):
        items = ["[" + ", ".join(items[i : i + extent]) + "]" for i in range(0, len(items), extent)] or ["[]"]
    return items[0]
