"""What several alike pieces have in common: what differs becomes parameters, or formulas of them."""

import re
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

from cnndsl import ops
from cnndsl.lang.decompile.stages import (
    READ,
    Formula,
    From,
    Hole,
    LayerStage,
    Parallel,
    Stage,
    Value,
    alias,
    filled,
    holes,
    reads,
)
from cnndsl.lang.elaborate.naming import KEYWORDS

ROLES = {"filters": "c", "kernel": "k", READ: "skip"}
WHOLE = {"filters": "filters", "kernel": "kernel"}
SETTINGS = ("stride", "pad", "dilation", "groups", "output_pad", "multiplier")
SIZES = ("kernel", "stride", "pad", "dilation")
TURN = "i"
"""The role of a turn of a loop."""
ENTERING = "start"
"""What a body calls the value that enters it, where it reads that by name."""
LONGEST_NAME = 20


class Parameter(NamedTuple):
    """A parameter of a block or a column of a table; ``default`` where most uses agree with it."""

    name: str
    default: Hole | None = None
    role: str = ""


class Generalised(NamedTuple):
    """What several alike pieces have in common, and the holes of each."""

    body: tuple[Stage, ...]
    parameters: tuple[Parameter, ...]
    rows: tuple[tuple[Hole, ...], ...]


class Column(NamedTuple):
    """What differs: its role, what it is if nothing is said, and what it is in each piece."""

    role: str
    default: Any
    values: tuple[Hole, ...]


class Made(NamedTuple):
    """A hole that is made of a column: ``{}`` in its text stands for the column's name."""

    column: int
    text: str = "{}"
    of: str = ""
    """The name of the loop's values, where the column says which turn."""


def as_block(pieces: Sequence[Sequence[Stage]], entering: Sequence[str]) -> Generalised:
    """The body of a block, its parameters and what each piece gives for them.

    ``entering`` are the names of the values before the pieces, "" where there is none.
    """
    names = local_names([piece[:-1] for piece in pieces])
    bodies = [_localised(piece, names) for piece in pieces]
    local = {Value(name) for name in names}
    begins = tuple(map(Value, entering)) if all(entering) else ()

    def kept(values: tuple[Hole, ...]) -> Hole | None:
        first = values[0]
        if first in local:
            return first
        if isinstance(first, Value):
            return Value(ENTERING) if values == begins else None
        return first if not isinstance(first, Formula) and _equal(values) else None

    expressions, columns = _columns(bodies, kept)
    body = _filled(bodies[0], expressions, columns, titles := _titles(columns, {*names, ENTERING}))
    body = entered(body)
    parameters = [Parameter(title, _usual(column), column.role) for title, column in zip(titles, columns, strict=True)]
    order = sorted(range(len(columns)), key=lambda index: _rank(parameters[index]))
    rows = tuple(tuple(columns[index].values[piece] for index in order) for piece in range(len(pieces)))
    return Generalised(body, tuple(parameters[index] for index in order), rows)


def as_table(pieces: Sequence[Sequence[Stage]]) -> Generalised | None:
    """The body of a loop and its table; None where the pieces read different values."""
    expressions, columns = _columns(pieces, lambda values: values[0] if _equal(values) else None)
    if any(column.role == READ for column in columns):
        return None
    titles = _titles(columns, {name for piece in pieces for stage in piece if (name := alias(stage))})
    rows = tuple(tuple(column.values[piece] for column in columns) for piece in range(len(pieces)))
    parameters = tuple(Parameter(title, None, column.role) for title, column in zip(titles, columns, strict=True))
    return Generalised(_filled(pieces[0], expressions, columns, titles), parameters, rows)


def entered(body: tuple[Stage, ...]) -> tuple[Stage, ...]:
    """The body with a name for the value that enters it, if it reads that by name."""
    if any(name == ENTERING for stage in body for name in reads(stage)):
        return (LayerStage("", "identity", (), alias=ENTERING), *body)
    return body


def with_alias(stage: Stage, name: str) -> Stage:
    """The stage with another name for its value."""
    return stage if isinstance(stage, From | Parallel) else stage._replace(alias=name)


def renamed(stage: Stage, names: Mapping[str, Value]) -> Stage:
    """The stage with other names for the values that it reads."""
    if not any(name in names for name in reads(stage)):
        return stage
    values = [names.get(hole.name, hole) if isinstance(hole, Value) else hole for _, hole, _ in holes(stage)]
    return filled(stage, iter(values))


def local_names(pieces: Sequence[Sequence[Stage]]) -> list[str]:
    """A name for every stage of the pieces that has one: what its names in all pieces end with."""
    found: list[str] = []
    for names in zip(*([name for stage in piece if (name := alias(stage))] for piece in pieces), strict=True):
        name = common_end(names)
        number = len(found) + 1
        found.append(name if name and name not in found else f"x{number}")
    return found


def common_end(names: Sequence[str]) -> str:
    """The words that all names end with, as a name; "" if there are none."""
    words: list[str] = []
    for parts in zip(*(reversed(name.split("_")) for name in names), strict=False):
        if len(set(parts)) > 1 or sum(map(len, words)) + len(words) + len(parts[0]) > LONGEST_NAME:
            break
        words.insert(0, parts[0])
    while words and not words[0].isidentifier():
        del words[0]
    name = "_".join(words)
    return "" if name in ops.NAMES or name in KEYWORDS or name == ENTERING else name


def _localised(piece: Sequence[Stage], names: Sequence[str]) -> tuple[Stage, ...]:
    """The piece with these names for its own values; its end has none."""
    given = [name for stage in piece[:-1] if (name := alias(stage))]
    known = {old: Value(new) for old, new in zip(given, names, strict=True)}
    stages = []
    for stage in piece:
        new = known.get(alias(stage))
        stages.append(renamed(with_alias(stage, new.name if new else ""), known))
    return tuple(stages)


def _columns(
    pieces: Sequence[Sequence[Stage]], kept: Callable[[tuple[Hole, ...]], Hole | None]
) -> tuple[list[Hole | Made], list[Column]]:
    """What stands in each hole, and the columns of which that is made."""
    columns: list[Column] = []
    found: list[Hole | Made] = []
    for column in zip(*([hole for stage in piece for hole in holes(stage)] for piece in pieces), strict=True):
        role, _, default = column[0]
        values = tuple(value for _, value, _ in column)
        expression = kept(values)
        if expression is None:
            of, role, values = _plain(role, values)
            made = _formula(role, values, columns) or Made(len(columns))
            if made.column == len(columns):
                columns.append(Column(role, default, values))
            found.append(made._replace(of=of))
        else:
            found.append(expression)
    return found, columns


def _plain(role: str, values: tuple[Hole, ...]) -> tuple[str, str, tuple[Hole, ...]]:
    """Sizes that are the same along all axes as numbers; turns of one loop by its name and their numbers."""
    if role in SIZES:
        sizes = tuple(map(_along_all_axes, values))
        if all(isinstance(size, int | Formula) for size in sizes):
            return "", role, sizes
    turns = [value for value in values if isinstance(value, Value) and isinstance(value.turn, int)]
    if len(turns) == len(values) and len({value.name for value in turns}) == 1:
        return turns[0].name, TURN, tuple(value.turn for value in turns if isinstance(value.turn, int))
    return "", role, values


def _along_all_axes(size: Hole) -> Hole:
    if isinstance(size, tuple) and not isinstance(size, Formula | Value) and len(set(size)) == 1:
        return size[0]
    return size


def _equal(values: Sequence[Hole]) -> bool:
    return len({(type(value), value) for value in values}) == 1


def _formula(role: str, values: tuple[Hole, ...], columns: Sequence[Column]) -> Made | None:
    """The values by a column that is there already: the same, a multiple, a part."""
    for index, column in enumerate(columns):
        if all((type(a), a) == (type(b), b) for a, b in zip(column.values, values, strict=True)) and (
            column.role == role or not {column.role, role} & {"n", "stride", TURN}
        ):
            return Made(index)
    for index, column in enumerate(columns):
        text = _template(role, values[0], column.role, column.values[0])
        if text and all(_applied(text, b) == a for a, b in zip(values, column.values, strict=True)):
            return Made(index, text)
    return None


def _template(role: str, value: Hole, other_role: str, other: Hole) -> str:
    """How the value may be made of the other; "" where they have nothing to do with each other."""
    if role == "pad" and other_role == "kernel":
        return "{}//2"
    if {role, other_role} & {*SIZES, "n", TURN, READ}:
        return ""
    if isinstance(value, Formula) and isinstance(other, Formula) and other.text.isidentifier():
        text = re.sub(rf"\b{other.text}\b", "{}", value.text)
        return text if "{}" in text else ""
    if isinstance(value, int) and isinstance(other, int) and value > 0 and other > 0:
        ratio = Fraction(value, other)
        if ratio.denominator == 1:
            return f"{ratio.numerator}*{{}}"
        return f"{{}}//{ratio.denominator}" if ratio.numerator == 1 else ""
    return ""


def _applied(text: str, hole: Hole) -> Hole | None:
    """The value of a template: ``{}//2`` or ``2*{}`` of a number, its text for a parameter."""
    if isinstance(hole, Formula):
        return Formula(text.format(hole.text)) if hole.text.isidentifier() else None
    if not isinstance(hole, int):
        return None
    factor, _, _ = text.partition("*{}")
    _, _, part = text.partition("{}//")
    if part.isdigit():
        return hole // int(part) if hole % int(part) == 0 or (text == "{}//2" and part == "2") else None
    return int(factor) * hole if factor.isdigit() else None


def _filled(
    piece: Sequence[Stage], expressions: Sequence[Hole | Made], columns: Sequence[Column], titles: Sequence[str]
) -> tuple[Stage, ...]:
    """The piece with the expressions in its holes."""

    def named(expression: Hole | Made) -> Hole:
        if not isinstance(expression, Made):
            return expression
        title = titles[expression.column]
        if expression.of:
            return Value(expression.of, Formula(title))
        return Value(title) if columns[expression.column].role == READ else Formula(expression.text.format(title))

    values = map(named, expressions)
    return tuple(filled(stage, values) for stage in piece)


def _titles(columns: Sequence[Column], taken: set[str]) -> list[str]:
    """Names by the roles, numbered where a role comes twice."""
    roles = [column.role for column in columns]
    titles: list[str] = []
    for index, role in enumerate(roles):
        stem = ROLES.get(role, role)
        title = f"{stem}{roles[: index + 1].count(role)}" if roles.count(role) > 1 else WHOLE.get(role, stem)
        while title in taken or title in titles:
            title += "_"
        titles.append(title)
    return titles


def _usual(column: Column) -> Hole | None:
    """The operator's own default, for a setting that most uses leave alone."""
    role, default, values = column
    if role in SETTINGS and isinstance(default, int) and values.count(default) * 2 >= len(values):
        return default
    return None


def _rank(parameter: Parameter) -> tuple[bool, bool, bool]:
    """Where a parameter stands: what is written without its name first, values behind numbers."""
    return parameter.default is not None, parameter.role in SETTINGS, parameter.role == READ
