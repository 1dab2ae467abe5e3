"""Charts of every layer's numbers: bars and lines as SVG that stretches, ticks and words as text beside it.

All charts have one column a layer, in the network's order, so that the same place means the same layer everywhere.
"""

from collections.abc import Callable, Iterator, Sequence
from math import ceil, log10
from typing import NamedTuple

from cnndsl.analysis.measured import Layer, Measured
from cnndsl.analysis.memory import live, size_of
from cnndsl.analysis.receptive import extent, receptive_fields
from cnndsl.report.markup import text
from cnndsl.report.page.axis import names_html, values_html
from cnndsl.report.table import bytes_text

HEIGHT = 100
"""The inside of a chart is as many units wide as there are layers and as high as this; it is stretched to its place."""

UNITS = ((10**15, "P"), (10**12, "T"), (10**9, "G"), (10**6, "M"), (10**3, "k"))

AXES = {1: ("positions",), 2: ("rows", "columns"), 3: ("frames", "rows", "columns")}


class Series(NamedTuple):
    """What the charts show, one number a layer: bytes of its output, and of all values alive while it computes."""

    output_bytes: tuple[int, ...]
    live_bytes: tuple[int, ...]


def series(network: Measured, batch: int = 1) -> Series:
    """The bytes of a batch."""
    graph = network.graph
    alive = tuple(count * batch for count in live(graph.inputs, graph.layers, graph.outputs))
    return Series(tuple(size_of(node) * batch for node in graph.layers), alive[1:])


def charts_html(network: Measured, batch: int = 1) -> str:
    """Parameters, MACs, bytes of the output, live bytes with their peak, and the receptive field."""
    layers = list(network.layers.values())
    if not layers:
        return ""
    bytes_of = series(network, batch)
    examples = f", batch of {batch:,}" if batch > 1 else ""
    return "\n".join(
        [
            _bars("params", "Parameters", [layer.params for layer in layers], layers, _count),
            _bars("macs", "Multiply-accumulates (MACs)", [layer.macs for layer in layers], layers, _count),
            _bars("bytes", f"Memory of the output{examples}", bytes_of.output_bytes, layers, bytes_text),
            _memory(bytes_of.live_bytes, layers, examples),
            _fields(network, layers),
        ]
    )


def ticks(highest: int, binary: bool = False) -> list[int]:
    """Zero and up to five round numbers above it; the last is not below ``highest``."""
    if binary:
        step = 1
        while step * 4 < highest:
            step *= 2
    else:
        decade = 10 ** max(int(log10(max(highest, 1) / 4)), 0) if highest > 4 else 1
        step = next(factor * decade for factor in (1, 2, 5, 10, 20, 50) if factor * decade * 4 >= highest)
    return [step * index for index in range(max(ceil(highest / step), 1) + 1)]


def _count(number: int) -> str:
    """``2,500``, ``2.5 M``."""
    for size, unit in UNITS[:-1]:
        if number >= size:
            return f"{number / size:g} {unit}"
    return f"{number:,}"


def _short(number: int, shown: Callable[[int], str]) -> str:
    """A number that stands in a chart: ``48,120``, ``2.36 M``."""
    if shown is not _count or number < 100_000:
        return shown(number)
    size, unit = next((size, unit) for size, unit in UNITS if number >= size)
    return f"{float(f'{number / size:.3g}'):g} {unit}"


def _bars(key: str, title: str, values: Sequence[int], layers: Sequence[Layer], shown: Callable[[int], str]) -> str:
    highest = max(values)
    if not highest:
        return f'<p class="hint">{title}: none.</p>'
    marks = ticks(highest, shown is bytes_text)
    top = marks[-1]
    gap = 0.3 if len(values) < 40 else 0.15
    bars = "".join(
        f"M{_number(index + gap / 2)} {HEIGHT}v-{_number(max(HEIGHT * value / top, 0.8))}h{_number(1 - gap)}V{HEIGHT}z"
        for index, value in enumerate(values)
        if value
    )
    most = layers[values.index(highest)].name
    exact = f"{highest:,}" if shown is _count else shown(highest)
    about = f"largest: {exact} in {text(most)}"
    numbers = values_html([value / top for value in values], [_short(value, shown) for value in values])
    return _figure(key, title, about, f'<path class="bar" d="{bars}"/>', marks, shown, layers, numbers)


def _memory(values: Sequence[int], layers: Sequence[Layer], examples: str) -> str:
    highest = max(values)
    at = values.index(highest)
    marks = ticks(highest, True)
    heights = [_number(HEIGHT - HEIGHT * value / marks[-1]) for value in values]
    outline = "".join(f"V{height}h1" for height in heights)
    area = f'<path class="area" d="M0 {HEIGHT}{outline}V{HEIGHT}z"/><path class="line" d="M0 {heights[0]}{outline}"/>'
    about = f"peak {bytes_text(highest)} while {text(layers[at].name)} computes"
    left, bottom = 100 * (at + 0.5) / len(values), 100 * highest / marks[-1]
    dot = f'<span class="peak" style="left:{_number(left)}%;bottom:{_number(bottom)}%"></span>'
    dot += values_html([value / marks[-1] for value in values], [bytes_text(value) for value in values])
    title = f"Memory over time: values alive while a layer computes{examples}"
    return _figure("live", title, about, area, marks, bytes_text, layers, dot)


def _fields(network: Measured, layers: Sequence[Layer]) -> str:
    """One line for every axis of the input, one alone where all axes agree."""
    lines: dict[tuple[tuple[int, int], ...], list[int]] = {}
    rank = max(len(layer.field) for layer in layers)
    for axis, pairs in enumerate(_against_input(network, layers, rank)):
        lines.setdefault(pairs, []).append(axis)
    marks = ticks(max(max(pair) for pairs in lines for pair in pairs))
    count, names = len(layers), AXES.get(rank, ())
    drawn, legend, heard = "", [], []
    for order, (pairs, axes) in enumerate(lines.items()):
        heights = [_number(HEIGHT - HEIGHT * field / marks[-1]) for field, _ in pairs]
        points = "L".join(f"{_number(index + 0.5)} {height}" for index, height in enumerate(heights))
        points = points if count > 1 else f"0 {heights[0]}h1"
        edge = _number(HEIGHT - HEIGHT * pairs[0][1] / marks[-1])
        whole = f"edge line-{order}" if len(lines) > 1 else "edge"
        if len(lines) == 1:
            drawn += f'<rect class="beyond" width="{count}" height="{edge}"/>'
        drawn += f'<path class="{whole}" d="M0 {edge}h{count}"/><path class="line line-{order}" d="M{points}"/>'
        size = f"the input ({pairs[0][1]:,})"
        reached = next(
            (layer.name for layer, (field, whole) in zip(layers, pairs, strict=True) if field >= whole), None
        )
        where = f"never all of {size}" if reached is None else f"first as large as {size} in {text(reached)}"
        which = " and ".join(names[axis] for axis in axes) if len(lines) > 1 else ""
        legend.append(f'<span class="key-{order}">{which}</span>: {where}' if which else where)
        heard.append(f"{which}: {where}" if which else where)
    title = "Receptive field against the input"
    about = "; ".join(legend)
    numbers = ""
    if len(lines) == 1:
        (pairs,) = lines
        numbers = values_html([field / marks[-1] for field, _ in pairs], [f"{field:,}" for field, _ in pairs])
    return _figure("field", title, about, drawn, marks, _count, layers, numbers, heard="; ".join(heard))


def _against_input(network: Measured, layers: Sequence[Layer], rank: int) -> Iterator[tuple[tuple[int, int], ...]]:
    """For every axis the layers' receptive fields, each beside the size of the input that it is counted in."""
    fields = receptive_fields(network.graph).fields
    shapes = network.inputs
    for axis in range(rank):
        own = [min(axis, len(layer.field) - 1) for layer in layers]
        inputs = [shapes[next(iter(fields[layer.name]))] for layer in layers]
        yield tuple(
            (layer.receptive_field[at], extent(shape, at)) for layer, at, shape in zip(layers, own, inputs, strict=True)
        )


def _figure(
    key: str,
    title: str,
    about: str,
    inside: str,
    marks: Sequence[int],
    shown: Callable[[int], str],
    layers: Sequence[Layer],
    over: str = "",
    heard: str = "",
) -> str:
    """A chart: title and words above, ticks at the left, layers' names below.

    ``over`` lies upon the drawing; ``heard`` is what a screen reader says, if ``about`` has markup.
    """
    top, count = marks[-1], len(layers)
    labels = "".join(
        f'<span style="bottom:{_number(100 * mark / top)}%">{shown(mark) if mark else "0"}</span>' for mark in marks
    )
    rules = "".join(f"M0 {_number(HEIGHT - HEIGHT * mark / top)}h{count}" for mark in marks)
    return (
        f'<figure class="chart" data-series="{key}"><figcaption><h3>{title}</h3><p class="about">{about}</p>'
        f'</figcaption><div class="axes"><div class="ticks" aria-hidden="true">{labels}</div>'
        f'<div class="plot" role="img" aria-label="{title}: {heard or about}">'
        f'<svg viewBox="0 0 {count} {HEIGHT}" preserveAspectRatio="none" aria-hidden="true">'
        f'<path class="rule" d="{rules}"/>{inside}</svg>{over}</div>'
        f"{names_html(layers)}</div></figure>"
    )


def _number(value: float) -> str:
    """At most two decimals."""
    return f"{value:.2f}".rstrip("0").rstrip(".")
