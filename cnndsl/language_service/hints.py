"""Shapes behind the lines that give a value, and totals above networks and blocks."""

from bisect import bisect_right
from collections.abc import Iterator
from typing import Literal, NamedTuple, TypeAlias, get_args

from cnndsl.errors import Span, plural
from cnndsl.ir import Node
from cnndsl.lang.recording import Place, Result
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
    ends = {line: found for line, found in _ends(analysis).items() if line >= first and (last is None or line <= last)}
    lines = analysis.text.split("\n")
    found = []
    for line in sorted(ends):
        # The last value of a line; of stages inside each other the outer one.
        _, result = max(ends[line], key=lambda end: (end[0].end, -end[0].start))
        text = _text(analysis, result, [result for _, result in ends[line]], detail)
        found.append(Hint(line, len(lines[line - 1].rstrip()) + 1, text, instances(result)))
    return found


def _ends(analysis: Analysis) -> dict[int, list[tuple[Place, Result]]]:
    """The values of a file by the line in which what gives them ends."""
    ends: dict[int, list[tuple[Place, Result]]] = {}
    starts = analysis.line_starts
    for place, result in analysis.recording.results.items():
        if place.file == analysis.file:
            ends.setdefault(bisect_right(starts, place.end), []).append((place, result))
    return ends


def formula(analysis: Analysis, result: Result) -> str:
    """The shape that a stage gave the first time as it follows from symbols; empty where none decides it."""
    measured = analysis.measured(result.network)
    expanded = analysis.recording.networks[result.network]
    if not (expanded.graph and measured and measured.graph.symbols and result.first.name in measured.graph.shapes):
        return ""
    shown = measured.shown(result.first.name)
    return "" if shown == str(result.first.shape) else shown


def _text(analysis: Analysis, result: Result, of_line: list[Result], detail: Detail) -> str:
    shape = str(result.first.shape)
    measured = analysis.measured(result.network) if detail != "shape" else None
    if measured is None:
        return shape
    if detail == "shape + params":
        # Stages of one line are counted together, and once where one is inside another.
        near = (one for one in of_line if one.network == result.network)
        layers = {layer.name for one in near for layer in _layers(analysis, one)}
        params = sum(measured.layers[name].params for name in layers if name in measured.layers)
        return f"{shape}  {params:,}" if params else shape
    name = result.first.name
    if name not in measured.layers:
        return shape
    field = measured.layers[name].receptive_field
    return f"{shape}  rf {'x'.join(map(str, dict.fromkeys(field) if len(set(field)) == 1 else field))}"


def _layers(analysis: Analysis, result: Result) -> list[Node]:
    layers = analysis.recording.networks[result.network].layers
    return layers[result.layers.start : result.layers.stop]


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
    named = {item.body.statements: item for item in analysis.tree.items if isinstance(item, syntax.Network)}
    for number, expanded in analysis.networks():
        measured = analysis.measured(number)
        if measured is None or not expanded.statements:
            continue
        item = named.get(expanded.statements)
        place = analysis.source.span(item.name_start, item.name_end) if item else analysis.span(expanded.statements[0])
        cost = measured.cost
        text = totals(cost.params, cost.macs, len(measured.graph.layers))
        yield Lens(place, text if expanded.graph else f"{text} so far")


def _blocks(analysis: Analysis) -> Iterator[Lens]:
    wanted = {item.name: item for item in analysis.tree.items if isinstance(item, syntax.Block)}
    for number, _ in enumerate(analysis.recording.networks):
        measured = analysis.measured(number) if wanted else None
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
