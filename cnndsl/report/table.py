"""The layer table and the totals as text."""

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from cnndsl.analysis.costs import total
from cnndsl.analysis.measured import Layer, Layers, Measured
from cnndsl.errors import plural
from cnndsl.shapes import extents

if TYPE_CHECKING:
    from cnndsl.analysis.network_sizes import NetworkSizes

HEADINGS = ("layer", "operator", "output", "params", "MACs", "connections", "receptive field")
ARGUMENTS_WIDTH = 44
RIGHT = frozenset({3, 4, 5})


class LayerTable(Layers):
    """Layers that print as their table."""

    def __repr__(self) -> str:
        return "\n".join(_layer_lines(list(self.values())))


class Row(NamedTuple):
    """One line of the table: a layer, or a folded block instance."""

    name: str
    operator: str
    layers: tuple[Layer, ...]


def table(network: Measured, depth: int | None = None, batch: int = 1) -> str:
    """The table with one line a layer; block instances nested deeper than ``depth`` are one line each."""
    given = ", ".join(
        f"{value.name} {network.shown(value.name)}" + ("" if value.dtype == "float32" else f" {value.dtype}")
        for value in network.graph.inputs
    )
    lines = [
        f"{network.name}: {given}",
        *_layer_lines(list(network.layers.values()), depth),
        "",
        *_facts(network, batch),
    ]
    return "\n".join(lines) + "\n"


def _layer_lines(layers: Sequence[Layer], depth: int | None = None) -> Iterator[str]:
    """The lines of a table of layers: headings, a line for each, and their sums."""
    rows = [_cells(row) for row in folded(layers, depth)]
    cost = total([layer.cost for layer in layers])
    sums = (f"{cost.params:,}", f"{cost.macs:,}", f"{cost.connections:,}", "")
    totals = ("total", plural(len(layers), "layer"), "", *sums)
    widths = [max(map(len, column)) for column in zip(HEADINGS, totals, *rows, strict=True)]
    rule = "-" * (sum(widths) + 2 * (len(widths) - 1))
    line = "  ".join(f"{{:{'>' if index in RIGHT else '<'}{width}}}" for index, width in enumerate(widths)).format
    yield from (line(*HEADINGS).rstrip(), rule)
    yield from (line(*row).rstrip() for row in rows)
    yield from (rule, line(*totals).rstrip())


def folded(layers: Sequence[Layer], depth: int | None) -> Iterator[Row]:
    """The layers in order; those inside one block instance below ``depth`` together."""
    group: list[Layer] = []
    around: tuple[str, ...] = ()
    written: dict[int, str] = {}
    for layer in layers:
        path = layer.node.path
        inside = path[: depth + 1] if depth is not None and len(path) > depth else ()
        if group and inside != around:
            yield Row(around[-1], f"block of {len(group)}", tuple(group))
            group = []
        if inside:
            group.append(layer)
            around = inside
        else:
            operator = layer.node.op
            if id(operator) not in written:
                written[id(operator)] = f"{layer.operator} {operator.arguments()}".rstrip()
            text = written[id(operator)]
            if layer.node.symbolic:
                text = f"{layer.operator} {layer.node.arguments()}"
            share = f" share={layer.node.share}" if layer.node.share else ""
            yield Row(layer.name, _shortened(text + share, layer.operator), (layer,))
    if group:
        yield Row(around[-1], f"block of {len(group)}", tuple(group))


def _shortened(text: str, operator: str) -> str:
    width = len(operator) + 1 + ARGUMENTS_WIDTH
    return text if len(text) <= width else text[: width - 1] + "…"


def _cells(row: Row) -> tuple[str, ...]:
    last = row.layers[-1]
    cost = total([layer.cost for layer in row.layers]) if len(row.layers) > 1 else last.cost
    counts = (f"{number:,}" if number else "-" for number in (cost.params, cost.macs, cost.connections))
    return (row.name, row.operator, last.shown, *counts, field_text(last))


def field_text(layer: Layer) -> str:
    """``14x14 /4``: the size of the receptive field and its stride; the size alone where nothing moves."""
    size = extents(layer.receptive_field)
    if not any(pattern.shift for pattern in layer.field):
        return size
    texts = [stride_text(pattern.shift, len(pattern.intervals)) for pattern in layer.field]
    return f"{size} /{texts[0] if len(set(texts)) == 1 else 'x'.join(texts)}"


@lru_cache(1024)
def stride_text(shift: int, positions: int) -> str:
    """``shift`` cells in ``positions`` steps: ``2``, or ``(1/2)`` behind an upsampling."""
    stride = Fraction(shift, positions)
    return str(stride) if stride.denominator == 1 else f"({stride})"


def _facts(network: Measured, batch: int) -> Iterator[str]:
    memory = network.memory(batch)
    examples = "" if batch == 1 else f" (batch of {batch:,})"
    buffers = f", {network.buffers:,} buffer elements" if network.buffers else ""
    yield f"parameters   {network.params:,}{buffers}"
    formulas = network.formulas
    counts = counts_in_symbols(formulas)
    macs, connections = (
        f" = {counts[name]}" if counts and counts[name] != f"{number:,}" else ""
        for name, number in (("macs", network.macs), ("connections", network.connections))
    )
    yield f"MACs         {network.macs:,} (FLOPs {2 * network.macs:,}) an example{macs}"
    yield f"connections  {network.connections:,} an example{connections}"
    yield (
        f"memory       weights {bytes_text(memory.weight)}, activations {bytes_text(memory.activation)}{examples}, "
        f"peak {bytes_text(memory.peak)}{examples}"
    )
    if formulas:
        yield f"the table and the memory are for {network.numbers_for}"
        yield sizes_line(formulas)


def counts_in_symbols(formulas: "NetworkSizes | None") -> Mapping[str, str] | None:
    """MACs and connections as polynomials, by name; None where they are none, or where there are no symbols."""
    if formulas is None:
        return None
    from cnndsl.analysis.polynomials import counts

    return counts(formulas)


def sizes_line(formulas: "NetworkSizes") -> str:
    """The sizes that the network takes: ``sizes: H and W: multiples of 32``."""
    from cnndsl.analysis.network_sizes import beside_defaults, grouped

    ties = "".join(f"{tie}; " for tie in formulas.ties)
    return f"sizes: {ties}{grouped(formulas.symbols)}{beside_defaults(formulas)}"


def bytes_text(count: int) -> str:
    """``240.2 KiB``; exact below 1 KiB."""
    amount = float(count)
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if amount < 1024 or unit == "TiB":
            return f"{count} B" if unit == "B" else f"{amount:,.1f} {unit}"
        amount /= 1024
    return ""


def one_line(network: Measured) -> str:
    """A network's totals on one line, for many files."""
    return (
        f"{network.name}: {plural(len(network.layers), 'layer')}, {plural(network.params, 'parameter')}, "
        f"{plural(network.macs, 'MAC')}, {plural(network.connections, 'connection')}"
    )
