"""The layer table and the totals as text."""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import NamedTuple

from cnndsl.analysis.costs import total
from cnndsl.analysis.measured import Layer, Measured
from cnndsl.shapes import extents

HEADINGS = ("layer", "operator", "output", "params", "MACs", "connections", "receptive field")
ARGUMENTS_WIDTH = 44
RIGHT = frozenset({3, 4, 5})


class Row(NamedTuple):
    """One line of the table: a layer, or a folded block instance."""

    name: str
    operator: str
    layers: tuple[Layer, ...]


def table(network: Measured, depth: int | None = None, batch: int = 1) -> str:
    """The table with one line a layer; block instances nested deeper than ``depth`` are one line each."""
    rows = [_cells(row) for row in folded(list(network.layers.values()), depth)]
    cost = network.cost
    count = len(network.layers)
    sums = (f"{cost.params:,}", f"{cost.macs:,}", f"{cost.connections:,}", "")
    totals = ("total", f"{count} layer{'' if count == 1 else 's'}", "", *sums)
    widths = [max(map(len, column)) for column in zip(HEADINGS, totals, *rows, strict=True)]
    rule = "-" * (sum(widths) + 2 * (len(widths) - 1))
    given = ", ".join(
        f"{value.name} {value.shape}" + ("" if value.dtype == "float32" else f" {value.dtype}")
        for value in network.graph.inputs
    )
    lines = [f"{network.name}: {given}", _line(HEADINGS, widths), rule]
    lines += [_line(row, widths) for row in rows]
    lines += [rule, _line(totals, widths), "", *_facts(network, batch)]
    return "\n".join(lines) + "\n"


def folded(layers: Sequence[Layer], depth: int | None) -> Iterator[Row]:
    """The layers in order; those inside one block instance below ``depth`` together."""
    group: list[Layer] = []
    around: tuple[str, ...] = ()
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
            yield Row(layer.name, f"{layer.operator} {_arguments(layer)}".strip(), (layer,))
    if group:
        yield Row(around[-1], f"block of {len(group)}", tuple(group))


def _arguments(layer: Layer) -> str:
    text = layer.node.op.arguments() + (f" share={layer.node.share}" if layer.node.share else "")
    return text if len(text) <= ARGUMENTS_WIDTH else text[: ARGUMENTS_WIDTH - 1] + "…"


def _cells(row: Row) -> tuple[str, ...]:
    cost = total([layer.cost for layer in row.layers])
    last = row.layers[-1]
    counts = (f"{number:,}" if number else "-" for number in (cost.params, cost.macs, cost.connections))
    return (row.name, row.operator, str(last.shape), *counts, field_text(last))


def field_text(layer: Layer) -> str:
    """``14x14 /4``: the size of the receptive field and its stride; the size alone where nothing moves."""
    size = extents(layer.receptive_field)
    strides = [pattern.stride for pattern in layer.field]
    if not any(strides):
        return size
    texts = list(dict.fromkeys(stride_text(stride) for stride in strides))
    return f"{size} /{texts[0] if len(texts) == 1 else 'x'.join(map(stride_text, strides))}"


def stride_text(stride: Fraction) -> str:
    return str(stride) if stride.denominator == 1 else f"({stride})"


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    parts = (
        cell.rjust(width) if index in RIGHT else cell.ljust(width)
        for index, (cell, width) in enumerate(zip(cells, widths, strict=True))
    )
    return "  ".join(parts).rstrip()


def _facts(network: Measured, batch: int) -> Iterator[str]:
    memory = network.memory(batch)
    examples = "" if batch == 1 else f" (batch of {batch:,})"
    buffers = f", {network.buffers:,} buffer elements" if network.buffers else ""
    yield f"parameters   {network.params:,}{buffers}"
    yield f"MACs         {network.macs:,} (FLOPs {2 * network.macs:,}) an example"
    yield f"connections  {network.connections:,} an example"
    yield (
        f"memory       weights {bytes_text(memory.weight)}, activations {bytes_text(memory.activation)}{examples}, "
        f"peak {bytes_text(memory.peak)}{examples}"
    )


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
        f"{network.name}: {len(network.layers)} layers, {network.params:,} parameters, {network.macs:,} MACs, "
        f"{network.connections:,} connections"
    )
