"""Numbers written on the command line as an input: ``0 0 0 1``, or ``[[0, 1], [1, 0]]`` row by row."""

import re
from typing import TYPE_CHECKING, Any

from cnndsl.errors import CnnError, quoted
from cnndsl.ir import Input

if TYPE_CHECKING:
    from numpy.typing import NDArray

WRITTEN = re.compile(r"\s*\[.*|(?=\D*\d)[\s\d.,eE+\-\[\]]+", re.DOTALL)
TOKEN = re.compile(r"[\[\]]|[^\s,\[\]]+")
DEEPEST = 10
"""Brackets inside brackets: more than any input has axes."""


def is_written(text: str) -> bool:
    """Whether a text begins with a bracket, or has nothing but numbers."""
    return WRITTEN.fullmatch(text) is not None


def written_array(text: str, value: Input, shown: str = "--input") -> "NDArray[Any]":
    """The numbers as a batch of an input's examples, mostly one. Raises CnnError where they do not fit.

    Without brackets they are all of one example; with brackets, one pair for every axis, the axes of the batch and of a
    single channel may be left out.
    """
    import numpy as np

    nested = _nested(text, shown)
    try:
        array = np.array(nested, np.float64)
    except ValueError:
        raise CnnError.of("input-shape", f"{shown}: the rows differ in length, or brackets in depth") from None
    if value.dtype == "int64" and (np.trunc(array) == array).all():
        array = array.astype(np.int64)
    shape, wanted = array.shape, value.shape.dimensions
    if "[" not in text and array.size == value.shape.elements:
        return array.reshape(1, *wanted)
    if "[" not in text:
        needs = f"is {value.shape} and takes {value.shape.elements:,} numbers"
        message = f"input {quoted(value.name)} {needs}, not {array.size:,}"
        raise CnnError.of("input-shape", message, "several examples have brackets around each, and around all")
    if shape in (wanted, wanted[1:]) and (shape == wanted or wanted[0] == 1):
        return array.reshape(1, *wanted)
    if len(shape) > 1 and wanted[0] == 1 and shape[1:] == wanted[1:]:
        return array.reshape(-1, *wanted)
    return array


def _nested(text: str, shown: str) -> list[Any]:
    """Numbers in lists in lists. Raises CnnError."""
    open_lists: list[list[Any]] = [[]]
    for token in TOKEN.findall(text):
        if token == "[":
            open_lists.append([])
        elif token == "]" and len(open_lists) > 1:
            closed = open_lists.pop()
            open_lists[-1].append(closed)
        else:
            open_lists[-1].append(_number(token, shown))
        if len(open_lists) > DEEPEST:
            raise CnnError.of("input-shape", f"{shown} has more than {DEEPEST} brackets inside each other")
    (whole, *unclosed) = open_lists
    if unclosed:
        raise CnnError.of("input-shape", f"{shown}: a bracket is not closed")
    single = len(whole) == 1 and isinstance(whole[0], list)
    found: list[Any] = whole[0] if single else whole
    return found


def _number(token: str, shown: str) -> float:
    try:
        return float(token)
    except ValueError:
        what = "a bracket that was not opened" if token == "]" else quoted(token)
        raise CnnError.of("input-shape", f"{shown}: {what} stands where a number belongs") from None
