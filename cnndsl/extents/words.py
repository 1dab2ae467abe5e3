"""Extents and sets of sizes in words: ``(H - 184)/4``, ``188, 204, 220, ... (16k + 12, at least 188)``."""

import re
from collections.abc import Sequence
from fractions import Fraction
from itertools import islice, pairwise
from math import gcd, lcm

from cnndsl.extents.extent import Extent, Line, Table
from cnndsl.extents.periodic import ALL, MAX_PERIOD, PeriodicSet

FEW = 8
"""The most sizes that are listed one by one."""

MOST_STAIRS = 200
"""The longest period for which a closed form is looked for."""


def formula(extent: Extent | int, symbol: str, taken: PeriodicSet = ALL) -> str:
    """An extent as people write it, for the sizes that are taken; floored or ceiled where it must be."""
    if isinstance(extent, int):
        return str(extent)
    line = straight(extent, taken)
    if line is not None:
        return _linear(*line, symbol)
    if not isinstance(extent, Line):
        extent = _stairs(extent, taken) or extent
    if isinstance(extent, Line):
        whole, rest = divmod(extent.b, extent.d)
        rounding, inner = "floor", f"{symbol}{rest:+}" if rest else symbol
        if rest == extent.d - 1:
            rounding, inner, whole = "ceil", symbol, whole
        inner = inner.replace("+", " + ")
        quotient = f"{rounding}({inner}/{extent.d})" if " " not in inner else f"{rounding}(({inner})/{extent.d})"
        return _with(quotient, extent.k, extent.k * whole + extent.c)
    if isinstance(extent, Table) and extent.terms:
        return " + ".join(formula(term, symbol, taken) for term in extent.terms).replace("+ -", "- ")
    numbers = [str(extent.at(size)) for size in islice(taken.members(), 3)]
    return f"f({symbol}): {', '.join(numbers)}, ..."


Part = tuple[str, Extent, PeriodicSet]
"""What an extent is as a function of one symbol, for the sizes that are taken, all other symbols being constant."""


def added(parts: Sequence[Part], rest: int) -> str:
    """The sum of functions of several symbols and a number: ``H + W``."""
    terms = []
    for symbol, extent, taken in parts:
        text = formula(extent, symbol, taken)
        if found := re.fullmatch(r"(.+) ([+-]) (\d+)", text):
            text, rest = found[1], rest + int(found[2] + found[3])
        terms.append(text)
    if rest:
        terms.append(str(rest))
    return " + ".join(terms).replace("+ -", "- ")


def multiplied(parts: Sequence[Part], divisor: int) -> str:
    """The product of functions of several symbols, divided by a number: ``5*(H - 2)*(W - 2)``."""
    factor, texts = Fraction(1, divisor), []
    for symbol, extent, taken in parts:
        line = straight(extent, taken)
        if line is None:
            common = gcd(extent.k, extent.c) if isinstance(extent, Line) else 1
            factor *= common
            texts.append(formula(extent // common, symbol, taken))
            continue
        bottom = lcm(line[0].denominator, line[1].denominator)
        shared = Fraction(gcd(int(line[0] * bottom), int(line[1] * bottom)), bottom)
        factor *= shared
        texts.append(_linear(line[0] / shared, line[1] / shared, symbol))
    shown = "*".join(f"({text})" if " " in text and len(texts) > 1 else text for text in texts)
    top = shown if factor.numerator == 1 else f"{factor.numerator}*{shown}"
    return top if factor.denominator == 1 else f"{top}/{factor.denominator}"


def straight(extent: Extent, taken: PeriodicSet) -> tuple[Fraction, Fraction] | None:
    """Slope and intercept, where the extent is a straight line for all sizes that are taken."""
    slope = Fraction(extent.gain, extent.period)
    if isinstance(extent, Line) and not taken.is_finite and taken.period % extent.d == 0:
        sizes = list(islice(taken.members(taken.start), taken.residues.bit_count()))
        if taken.below:
            sizes += list(islice(taken.members(end=taken.start), MAX_PERIOD))
    elif isinstance(extent, Line) and extent.d == 1:
        sizes = [1]
    else:
        period = lcm(extent.period, taken.period)
        if period > MAX_PERIOD or max(extent.start, taken.start) > MAX_PERIOD:
            return None
        sizes = list(taken.members(end=max(extent.start, taken.start) + period))
    intercepts = {extent.at(size) * slope.denominator - slope.numerator * size for size in sizes}
    return (slope, Fraction(intercepts.pop(), slope.denominator)) if len(intercepts) == 1 else None


def _stairs(extent: Extent, taken: PeriodicSet) -> Line | None:
    """The closed form that a table has for the sizes that are taken; round up or down, if that will do."""
    period = lcm(extent.period, taken.period)
    if period > MOST_STAIRS or max(extent.start, taken.start) > MOST_STAIRS or extent.gain <= 0:
        return None
    sizes = list(taken.members(end=max(extent.start, taken.start) + 2 * period))
    numbers = [extent.maybe(size) for size in sizes]
    for d in (d for d in range(1, period + 1) if extent.gain * d % extent.period == 0):
        k = extent.gain * d // extent.period
        for b in (d - 1, *range(d - 1)):
            c = (numbers[0] or 0) - k * ((sizes[0] + b) // d)
            if numbers == [k * ((size + b) // d) + c for size in sizes]:
                return Line(k, b, d, c)
    return None


def _linear(slope: Fraction, intercept: Fraction, symbol: str) -> str:
    """``(3*H - 4)/8``."""
    bottom = lcm(slope.denominator, intercept.denominator)
    top, rest = int(slope * bottom), int(intercept * bottom)
    if top == 0:
        return str(rest)
    sum_ = _with(symbol, top, rest)
    return sum_ if bottom == 1 else f"({sum_})/{bottom}" if " " in sum_ else f"{sum_}/{bottom}"


def _with(term: str, factor: int, rest: int) -> str:
    product = term if factor == 1 else f"-{term}" if factor == -1 else f"{factor}*{term}"
    return f"{product} {'+' if rest > 0 else '-'} {abs(rest)}" if rest else product


def expression(extent: Extent, symbol: str, taken: PeriodicSet) -> str | None:
    """An extent as an expression of the language, for the sizes that are taken; None where it has none."""
    line = straight(extent, taken)
    if line is not None:
        slope, intercept = line
        bottom = lcm(slope.denominator, intercept.denominator)
        return _quotient(int(slope * bottom), symbol, int(intercept * bottom), bottom, 0)
    if isinstance(extent, Line):
        return _quotient(1, symbol, extent.b, extent.d, extent.c, extent.k)
    return None


def _quotient(factor: int, symbol: str, rest: int, bottom: int, more: int, times: int = 1) -> str:
    """``times*((factor*symbol + rest)//bottom) + more``."""
    text = symbol if factor == 1 else f"{factor} * {symbol}"
    text += f" {'+' if rest > 0 else '-'} {abs(rest)}" if rest else ""
    if bottom > 1:
        text = f"({text}) // {bottom}" if " " in text else f"{text} // {bottom}"
    if times != 1:
        text = f"{times} * ({text})" if bottom > 1 or rest else f"{times} * {text}"
    return text + (f" {'+' if more > 0 else '-'} {abs(more)}" if more else "")


def enclosed(text: str) -> str:
    """A formula as it may stand in a shape: ``(H/4)``, ``ceil(H/4)``."""
    is_call = text.startswith(("floor(", "ceil(", "f(")) and text.endswith(")") and ") " not in text
    return text if text.isalnum() or is_call else f"({text})"


def described(sizes: PeriodicSet) -> str:
    """A set of sizes: ``any size``, ``at least 32``, ``multiples of 32, at least 64``, ``32 to 35``, ``28``."""
    if not sizes:
        return "none"
    if sizes.is_finite:
        return _runs(list(sizes.members()))
    also = list(sizes.members(end=sizes.start))
    least = next(sizes.members(sizes.start))
    if sizes.period == 1:
        text = f"at least {least}" if least > 1 else "any size"
    else:
        residues = [size for size in range(sizes.period) if sizes.residues >> size & 1]
        if residues == [0]:
            text = f"multiples of {sizes.period}" + (f", at least {least}" if least > sizes.period else "")
        else:
            first = list(islice(sizes.members(sizes.start), 3))
            listed = ", ".join(map(str, first))
            places = str(residues[0]) if len(residues) == 1 else f"({_runs(residues)})"
            forms = f"{sizes.period}k + {places}"
            text = f"{listed}, ... ({forms}, at least {least})"
    return f"{_runs(also)}, and {text}" if also else text


def condition(sizes: PeriodicSet, symbol: str) -> str:
    """What a set asks of a size: ``H % 16 == 12``, ``H >= 188``, ``H == 28``, ``32 <= H <= 35``."""
    if sizes.is_finite:
        members = list(islice(sizes.members(), FEW * FEW))
        if not members:
            return f"no {symbol}"
        if len(members) == 1:
            return f"{symbol} == {members[0]}"
        if members[-1] - members[0] == len(members) - 1 and len(members) < FEW * FEW:
            return f"{members[0]} <= {symbol} <= {members[-1]}"
        return f"{symbol} in {_runs(members)}"
    parts = []
    if sizes.period > 1:
        residues = [size for size in range(sizes.period) if sizes.residues >> size & 1]
        asked = f"== {residues[0]}" if len(residues) == 1 else f"in {_runs(residues)}"
        parts.append(f"{symbol} % {sizes.period} {asked}")
    least = next(sizes.members(sizes.start))
    if least > sizes.period or (sizes.period == 1 and least > 1):
        parts.append(f"{symbol} >= {least}")
    text = " and ".join(parts) or f"any {symbol}"
    also = list(sizes.members(end=sizes.start))
    return f"{text}, or {symbol} in {_runs(also)}" if also else text


def _runs(sizes: list[int]) -> str:
    """``1 to 4, 9, 29 to 36``."""
    breaks = [index for index, (one, other) in enumerate(pairwise(sizes), 1) if other != one + 1]
    runs = [sizes[begin:end] for begin, end in pairwise([0, *breaks, len(sizes)])]
    texts = [f"{run[0]} to {run[-1]}" if len(run) > 2 else ", ".join(map(str, run)) for run in runs]
    return ", ".join(texts[:FEW]) + (", ..." if len(texts) > FEW else "")
