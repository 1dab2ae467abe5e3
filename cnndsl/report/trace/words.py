"""Numbers, ranges of places and formulas in words, for a value that was worked out."""

import math
import re
from collections.abc import Sequence
from itertools import pairwise

from cnndsl.runtime.trace.parts import Read, TraceStep, axis_names

DIGITS = 5
"""Significant digits of what is no whole number."""
DECIMALS = 2
"""The fewest decimals beside larger numbers."""
LISTED = 16
"""So many channels or features are listed before a list is cut."""


def number(value: float) -> str:
    """Whole numbers as such, others with five significant digits."""
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "inf" if value > 0 else "-inf"
    return str(int(value)) if value == int(value) and abs(value) < 10_000_000 else f"{value:.{DIGITS}g}"


def numbers(values: Sequence[float]) -> list[str]:
    """Numbers that stand below each other: as many decimals for all as the largest one needs, but at least two."""
    largest = max((abs(value) for value in values if math.isfinite(value)), default=0.0)
    if not 1e-4 <= largest < 1e7:
        return [number(value) for value in values]
    decimals = max(DIGITS - 1 - math.floor(math.log10(largest)), DECIMALS)
    return [_decimal(value, decimals) for value in values]


def _decimal(value: float, decimals: int) -> str:
    if not math.isfinite(value) or value == int(value):
        return number(value)
    text = f"{value:.{decimals}f}".rstrip("0").rstrip(".")
    return f"{value:.1e}" if text in ("0", "-0") else text


def aligned(texts: Sequence[str]) -> list[str]:
    """Numbers of one width, with their decimal points below each other."""
    behind = [len(text) - _point(text) for text in texts]
    most = max(behind, default=0)
    padded = [text + " " * (most - count) for text, count in zip(texts, behind, strict=True)]
    width = max(map(len, padded), default=0)
    return [text.rjust(width) for text in padded]


def _point(text: str) -> int:
    """Where the whole part of a number ends."""
    return next((index for index, character in enumerate(text) if character in ".e)]"), len(text))


def read_text(read: Read) -> str:
    """``channel 0, rows -1 to 1 (-1 is padding), columns 3 to 5 of input (1@8x8)``."""
    what = "feature" if read.shape.is_vector else "channel"
    parts = [_range_text(what, read.channels, read.shape.channels)]
    names = axis_names(len(read.shape.spatial)) if read.shape.spatial else ()
    for name, places, size in zip(names, read.places, read.shape.spatial, strict=True):
        parts.append(_range_text(name, places, size))
    return f"{', '.join(parts)} of {read.input} ({read.shape})"


def _range_text(name: str, places: Sequence[int], size: int) -> str:
    if not places:
        return f"no {name}"
    if len(places) == 1:
        described = f"{name} {places[0]}"
    elif len(steps := {after - before for before, after in pairwise(places)}) == 1:
        (step,) = steps
        stride = "" if step == 1 or len(places) == 2 else f" in steps of {step}"
        joined = "and" if len(places) == 2 and step != 1 else "to"
        described = f"{name}s {places[0]} {joined} {places[-1]}{stride}"
    else:
        described = f"{name}s {_list_text(places)}"
    outside = [place for place in places if not 0 <= place < size]
    if outside:
        described += f" ({_list_text(outside)} {'is' if len(outside) == 1 else 'are'} padding)"
    return described


def _list_text(places: Sequence[int]) -> str:
    if len(places) > LISTED:
        return f"{', '.join(map(str, places[: LISTED - 1]))}, … {places[-1]}"
    return ", ".join(map(str, places))


def step_text(step: TraceStep) -> str:
    """``value = sum + bias = 3 + 0.5 = 3.5``."""
    rule = re.sub(r"{([^}]*)}", r"\1", step.formula)
    parts = [step.name, rule, _filled(step), number(step.value)]
    return " = ".join(part for index, part in enumerate(parts) if part and part not in parts[:index])


def _filled(step: TraceStep) -> str:
    """The formula with its numbers; negative ones stand in parentheses next to a sign of calculation."""

    def put(found: re.Match[str]) -> str:
        before, after = step.formula[: found.start()].rstrip(), step.formula[found.end() :]
        return factor(step.numbers[found[1]], before[-1:] in tuple("+-*/^") or after.startswith("^"))

    return re.sub(r"{([^}]*)}", put, step.formula)


def factor(value: float, inside: bool = True) -> str:
    """A number behind a sign of calculation: negative ones stand in parentheses."""
    shown = number(value)
    return f"({shown})" if inside and shown.startswith("-") else shown
