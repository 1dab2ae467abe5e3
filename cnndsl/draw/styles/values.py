"""The values that a figure shows: units with what is named at them, and how they are connected."""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from cnndsl.draw.canvas.text_metrics import shortened, width
from cnndsl.draw.outline import Outline, Unit
from cnndsl.draw.styles.captions import cut, family
from cnndsl.shapes import Shape

TEXT = 10.0
COLUMN = 84.0
"""The width at which text is broken."""

UNNAMED = re.compile(r"(bias|weight|connect|eps|epsilon|momentum|fit|ceil_mode|count_include_pad)=")
"""Arguments that figures leave out."""


class Volume(NamedTuple):
    """A value and what makes it: a unit with those that are folded into it, by their places in the outline.

    Several volumes in a row that look alike are one with several ``slabs``.
    """

    units: tuple[int, ...]
    shape: Shape
    shown: str
    family: str
    text: tuple[tuple[str, bool], ...]
    slabs: int = 1


def frames_around(found: Outline) -> list[tuple[int, ...]]:
    """The frames around every unit, outermost first."""
    around: list[tuple[int, ...]] = [()] * len(found.units)
    for index, frame in sorted(enumerate(found.frames), key=lambda pair: pair[1].depth):
        for unit in frame.units:
            around[unit] += (index,)
    return around


def gathered(found: Outline, around: Sequence[tuple[int, ...]]) -> tuple[list[Volume], list[tuple[int, int]]]:
    """The volumes and the lines between them."""
    sources: list[list[int]] = [[] for _ in found.units]
    readers: list[list[int]] = [[] for _ in found.units]
    for edge in found.edges:
        sources[edge.target].append(edge.source)
        readers[edge.source].append(edge.target)
    heads: dict[int, int] = {}
    members: dict[int, list[int]] = {}
    for index, unit in enumerate(found.units):
        before = sources[index]
        joins = (
            len(before) == 1
            and readers[before[0]] == [index]
            and around[before[0]] == around[index]
            and _follows(unit, found.units[before[0]])
        )
        head = heads[before[0]] if joins else index
        heads[index] = head
        members.setdefault(head, []).append(index)
    volumes: list[Volume] = []
    owner: dict[int, int] = {}
    for head, units in members.items():
        unit = found.units[head]
        text = _text([found.units[index] for index in units])
        volume = Volume(tuple(units), unit.shape, unit.shown, family(unit), text)
        before = sources[head]
        last = volumes[owner[before[0]]] if len(before) == 1 else None
        chained = last is not None and readers[before[0]] == [head] and around[before[0]] == around[head]
        if last is not None and chained and _alike(last, volume, found):
            owner.update(dict.fromkeys(units, owner[before[0]]))
            volumes[owner[head]] = last._replace(units=last.units + volume.units, slabs=last.slabs + 1)
        else:
            owner.update(dict.fromkeys(units, len(volumes)))
            volumes.append(volume)
    pairs = ((owner[edge.source], owner[edge.target]) for edge in found.edges)
    return volumes, list(dict.fromkeys(pair for pair in pairs if pair[0] != pair[1]))


def _follows(unit: Unit, before: Unit) -> bool:
    """Whether a unit is named at the volume that it works on. At a folded block it would read as a part of that."""
    if unit.kind != "layer" or before.kind != "layer" or before.output:
        return False
    op = unit.layers[0].node.op
    return op.transparent or (op.follows and unit.shape == before.shape)


def _alike(first: Volume, second: Volume, found: Outline) -> bool:
    """Whether two volumes, one feeding only the other, may be slabs of one."""
    last = first.units[-(len(first.units) // first.slabs) :]  # those before it have been asked already
    kinds = {found.units[index].kind for index in (*last, *second.units)}
    ends = any(found.units[index].output for index in last)
    return kinds == {"layer"} and not ends and first[1:5] == second[1:5]


def _text(units: Sequence[Unit]) -> tuple[tuple[str, bool], ...]:
    """The lines below a volume, and which of them are bold: names that somebody chose, operators, what follows."""
    first = units[0]
    lines: list[tuple[str, bool]] = []
    words: list[str] = []
    if first.kind == "layer":
        name, operator = first.name.rpartition(".")[2], first.layers[0].operator
        if not re.fullmatch(rf"{re.escape(operator)}\d+", name):
            lines.append((name, True))
        words += _words(first.title)
    else:
        title = first.name if first.kind == "input" else first.title
        lines += [(line, True) for line in _broken(title.split(" "), True)]
        if first.repeat > 1:
            words.append(f"x {first.repeat:,}")
    lines += [(line, False) for line in _broken(words)]
    followers = []
    for unit in units[1:]:
        operator, *arguments = _words(unit.title)
        followers.append(" ".join(["+", operator, *(arguments if operator in ("dropout", "clip") else ())]))
    lines += [(line, False) for line in _broken(followers)]
    return tuple((shortened(line, TEXT, 1.6 * COLUMN, bold), bold) for line, bold in lines)


def _words(title: str) -> list[str]:
    """The operator and its arguments, without lists and what figures leave out."""
    words, nested = [], 0
    for word in cut(title, 2_000).split(" "):
        if not nested and "[" not in word and len(word) <= 20 and not UNNAMED.match(word):
            words.append(word)
        nested += word.count("[") - word.count("]")
    return words


def _broken(words: Sequence[str], bold: bool = False) -> Iterator[str]:
    """Lines no wider than a column, where words allow it."""
    line = ""
    for word in words:
        longer = f"{line} {word}" if line else word
        if line and width(longer, TEXT, bold) > COLUMN:
            yield line
            line = word
        else:
            line = longer
    if line:
        yield line


def hint(units: Sequence[Unit]) -> str:
    """Every unit with its whole title and its shape."""
    parts = []
    for unit in units:
        titled = f"{unit.name}: {cut(unit.title, 200)}" if unit.title != unit.name else unit.name
        count = f" x {unit.repeat:,}" if unit.repeat > 1 else ""
        parts.append(f"{titled}{count}, {unit.shown}")
    return "; ".join(parts)
