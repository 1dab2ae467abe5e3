"""Shapes behind the lines that give a value, and totals above networks and blocks."""

import sys
from collections.abc import Iterator
from typing import Literal, NamedTuple, TypeAlias, get_args

from cnndsl.errors import Span, plural
from cnndsl.lang.recording import Result
from cnndsl.lang.text import syntax
from cnndsl.language_service.analysis import Analysis
from cnndsl.shapes import Shape

Detail: TypeAlias = Literal["off", "shape", "shape + params", "shape + receptive field"]
DETAILS: tuple[Detail, ...] = get_args(Detail)
MOST_SHAPES = 12
"""So many shapes of instances are listed."""


class Hint(NamedTuple):
    """A text at the end of a line; ``tooltip`` says more, or is empty."""

    line: int
    column: int
    text: str
    tooltip: str


class Lens(NamedTuple):
    """A text above a definition."""

    span: Span
    text: str


def hints(analysis: Analysis, detail: Detail = "shape", first: int = 1, last: int | None = None) -> list[Hint]:
    """One for each line from ``first`` to ``last`` that gives a value; lines count from 1, columns too."""
    if detail == "off":
        return []
    ends = _ends(analysis, first, last if last is not None else sys.maxsize)
    lines = analysis.text.split("\n")
    found = []
    for line in sorted(ends):
        # The last value of a line; of stages inside each other the outer one.
        _, result = max(ends[line], key=lambda end: (end[0].end_column, -end[0].line, -end[0].column))
        text = _text(result, [result for _, result in ends[line]], detail)
        found.append(Hint(line, len(lines[line - 1].rstrip()) + 1, text, instances(result)))
    return found


def _ends(analysis: Analysis, first: int, last: int) -> dict[int, list[tuple[Span, Result]]]:
    """The values of a file by the line in which what gives them ends."""
    ends: dict[int, list[tuple[Span, Result]]] = {}
    for span, result in analysis.recording.results.items():
        if first <= span.end_line <= last and span.file == analysis.file:
            ends.setdefault(span.end_line, []).append((span, result))
    return ends


def formula(result: Result) -> str:
    """The shape that a stage gave the first time as it follows from symbols; empty where none decides it."""
    measured = result.network.measured
    if not (
        result.network.graph and measured and measured.graph.symbols and result.first.name in measured.graph.shapes
    ):
        return ""
    shown = measured.shown(result.first.name)
    return "" if shown == str(result.first.shape) else shown


def _text(result: Result, of_line: list[Result], detail: Detail) -> str:
    shape = str(result.first.shape)
    measured = result.network.measured if detail != "shape" else None
    if measured is None:
        return shape
    if detail == "shape + params":
        # Stages of one line are counted together, and once where one is inside another.
        near = (one for one in of_line if one.network is result.network)
        layers = {layer.name for one in near for layer in one.network.layers[one.layers.start : one.layers.stop]}
        params = sum(measured.layers[name].params for name in layers if name in measured.layers)
        return f"{shape}  {params:,}" if params else shape
    name = result.first.name
    if name not in measured.layers:
        return shape
    field = measured.layers[name].receptive_field
    return f"{shape}  rf {'x'.join(map(str, dict.fromkeys(field) if len(set(field)) == 1 else field))}"


def instances(result: Result) -> str:
    """How often a stage was used, and what it gave; empty if once."""
    count = sum(result.shapes.values())
    if count == 1:
        return ""
    shapes = list(result.shapes)
    shown = [_counted(shape, result.shapes[shape], len(shapes) > 1) for shape in shapes[:MOST_SHAPES]]
    return f"{count:,} instances: {', '.join(shown)}{', …' if len(shapes) > MOST_SHAPES else ''}"


def _counted(shape: Shape, count: int, several: bool) -> str:
    return f"{shape} ({count})" if several and count > 1 else str(shape)


def lenses(analysis: Analysis) -> list[Lens]:
    """The totals of every network, and of the first instance of every block."""
    return sorted([*_networks(analysis), *_blocks(analysis)], key=lambda lens: lens.span[1:])


def _networks(analysis: Analysis) -> Iterator[Lens]:
    named = {item.name: item for item in reversed(analysis.tree.items) if isinstance(item, syntax.Network)}
    for expanded in analysis.networks:
        measured = expanded.measured
        if measured is None:
            continue
        item = named.get(expanded.name)
        place = analysis.source.span(item.name_start, item.name_end) if item else _beginning(analysis)
        cost = measured.cost
        text = totals(cost.params, cost.macs, len(measured.graph.layers))
        if place:
            yield Lens(place, text if expanded.graph else f"{text} so far")


def _beginning(analysis: Analysis) -> Span | None:
    """The first statement of the network without a name."""
    statements = analysis.module.statements if analysis.module else ()
    return analysis.span(statements[0]) if statements else None


def _blocks(analysis: Analysis) -> Iterator[Lens]:
    wanted = {item.name: item for item in analysis.tree.items if isinstance(item, syntax.Block)}
    for expanded in analysis.networks:
        measured = expanded.measured if wanted else None
        if measured is None:
            continue
        for instance in measured.graph.instances:
            block = wanted.pop(instance.block, None)
            if block is None:
                continue
            depth = len(instance.path)
            layers = [node.name for node in measured.graph.layers if node.path[:depth] == instance.path]
            several = sum(one.block == instance.block for one in measured.graph.instances) > 1
            params = sum(measured.layers[name].params for name in layers)
            macs = sum(measured.layers[name].macs for name in layers)
            text = totals(params, macs, len(layers)) + (" in the first instance" if several else "")
            yield Lens(analysis.source.span(block.name_start, block.name_end), text)


def totals(params: int, macs: int, layers: int) -> str:
    """Such as ``25.6 M params · 4.09 G MACs · 187 layers``."""
    return f"{scaled(params)} params · {scaled(macs)} MACs · {plural(layers, 'layer')}"


def scaled(number: int) -> str:
    """A count with three digits: ``11.7 M``."""
    for factor, unit in ((10**12, " T"), (10**9, " G"), (10**6, " M"), (10**4, " K")):
        if number >= factor:
            value = number / (1000 if unit == " K" else factor)
            return f"{value:.{max(0, 2 - (len(str(int(value))) - 1))}f}{unit}"
    return f"{number:,}"
