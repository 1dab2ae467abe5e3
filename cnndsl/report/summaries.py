"""The layer table as CSV, and in the look of Keras and of torchinfo, with the numbers of this project."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from io import StringIO
from itertools import islice, takewhile
from typing import NamedTuple

from cnndsl.analysis.measured import Layer, Measured
from cnndsl.errors import visible
from cnndsl.report.table import bytes_text, folded
from cnndsl.shapes import Shape, extents

COLUMNS = (
    "file",
    "network",
    "layer",
    "operator",
    "arguments",
    "inputs",
    "output",
    "params",
    "buffers",
    "macs",
    "connections",
    "receptive_field",
    "rf_stride",
    "line",
)


def as_csv(networks: Iterable[tuple[str, Measured]]) -> str:
    """A line a layer, behind a line with the names of the columns; ``networks`` are with their files."""
    stream = StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(COLUMNS)
    for file, network in networks:
        for layer in network.layers.values():
            writer.writerow((visible(file), network.name, *_cells(layer)))
    return stream.getvalue()


def _cells(layer: Layer) -> tuple[object, ...]:
    return (
        layer.name,
        layer.operator,
        layer.node.arguments(),
        " ".join(layer.inputs),
        str(layer.shape),
        layer.params,
        layer.buffers,
        layer.macs,
        layer.connections,
        extents(layer.receptive_field),
        "x".join(map(str, layer.rf_stride)),
        layer.span.line if layer.span else "",
    )


def keras(network: Measured, depth: int | None = None) -> str:
    """As ``Model.summary`` prints it: channels last, and buffers among the parameters of a layer."""
    rows = []
    for row in folded([*network.layers.values()], depth):
        operator = row.layers[0].operator if len(row.layers) == 1 else "block"
        count = sum(layer.params + layer.buffers for layer in row.layers)
        inside = {layer.name for layer in row.layers}
        before = dict.fromkeys(name for layer in row.layers for name in layer.inputs if name not in inside)
        shape = row.layers[-1].shape
        shown = ", ".join(["None", *map(str, (*shape.spatial, shape.channels))])
        rows.append((f"{row.name} ({operator})", f"({shown})", f"{count:,}", ", ".join(before)))
    headings = ("Layer (type)", "Output Shape", "Param #", "Connected to")
    straight = all(len(layer.inputs) == 1 for layer in network.layers.values())
    kept = 3 if straight else 4
    widths = [max(map(len, column)) for column in zip(headings, *rows, strict=True)][:kept]

    def line(cells: Sequence[str], bar: str) -> str:
        parts = [
            cell.rjust(width) if at == 2 else cell.ljust(width)
            for at, (cell, width) in enumerate(zip(cells, widths, strict=False))
        ]
        return f"{bar} {f' {bar} '.join(parts)} {bar}"

    def rule(left: str, dash: str, middle: str, right: str) -> str:
        return left + middle.join(dash * (width + 2) for width in widths) + right

    between = "\n" + rule("├", "─", "┼", "┤") + "\n"
    total = network.params + network.buffers
    lines = [f'Model: "{network.name}"', rule("┏", "━", "┳", "┓"), line(headings, "┃"), rule("┡", "━", "╇", "┩")]
    lines += [between.join(line(row, "│") for row in rows), rule("└", "─", "┴", "┘")]
    for words, count in (("Total", total), ("Trainable", network.params), ("Non-trainable", network.buffers)):
        lines.append(f" {words} params: {count:,} ({bytes_text(4 * count)})")
    return "\n".join(lines) + "\n"


class _Branch(NamedTuple):
    """A line of torchinfo's tree."""

    name: str
    level: int
    layers: tuple[Layer, ...]
    is_block: bool


def torchinfo(network: Measured, depth: int | None = None, batch: int = 1) -> str:
    """As torchinfo's ``summary`` prints it, blocks as modules; nested deeper than ``depth`` they are one line each."""
    branches = [*_tree([*network.layers.values()], depth)]
    counters: dict[int, int] = {}
    rows = [(network.name, _sizes(network.graph.shapes[network.graph.outputs[0]], batch), "--")]
    for at, branch in enumerate(branches):
        counters[branch.level] = counters.get(branch.level, 0) + 1
        later = next((other.level for other in branches[at + 1 :] if other.level <= branch.level), -1)
        mark = "├─" if later == branch.level else "└─"
        title = f"{'│    ' * branch.level}{mark}{branch.name}: {branch.level + 1}-{counters[branch.level]}"
        count = sum(layer.params for layer in branch.layers)
        opened = branch.is_block and at + 1 < len(branches) and branches[at + 1].level > branch.level
        shown = "--" if opened or not count else f"{count:,}"
        rows.append((title, _sizes(branch.layers[-1].shape, batch), shown))
    headings = ("Layer (type (name):depth-idx)", "Output Shape", "Param #")
    widths = [max(map(len, column)) + 4 for column in zip(headings, *rows, strict=True)]
    rule = "=" * sum(widths)
    memory = network.memory(batch)
    inputs = sum(4 * batch * shape.elements for shape in network.inputs.values())
    sizes = {
        "Input size": inputs,
        "Forward pass size": memory.activation,
        "Params size": memory.weight,
        "Estimated Total Size": inputs + memory.activation + memory.weight,
    }

    def line(cells: Sequence[str]) -> str:
        return "".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()

    macs, unit = _scaled(batch * network.macs)
    lines = [rule, line(headings), rule, *map(line, rows), rule]
    lines += [f"Total params: {network.params:,}", f"Trainable params: {network.params:,}", "Non-trainable params: 0"]
    lines += [f"Total mult-adds{unit}: {macs}", rule]
    lines += [f"{words} (MB): {count / 1e6:.2f}" for words, count in sizes.items()] + [rule]
    return "\n".join(lines) + "\n"


def _tree(layers: Sequence[Layer], depth: int | None) -> Iterator[_Branch]:
    """Layers with the blocks around them, in order; a block is before what is in it."""
    around: tuple[str, ...] = ()
    for at, layer in enumerate(layers):
        path = layer.node.path if depth is None else layer.node.path[: depth + 1]
        for level in range(len(path)):
            if path[: level + 1] != around[: level + 1]:
                inside = _inside(path[: level + 1], islice(layers, at, None))
                yield _Branch(f"block ({path[level].rpartition('.')[2]})", level, tuple(inside), True)
        around = path
        if depth is None or len(layer.node.path) <= depth:
            yield _Branch(f"{layer.operator} ({layer.name.rpartition('.')[2]})", len(path), (layer,), False)


def _inside(block: tuple[str, ...], layers: Iterable[Layer]) -> Iterator[Layer]:
    """The layers up to the end of a block."""
    return takewhile(lambda layer: layer.node.path[: len(block)] == block, layers)


def _sizes(shape: Shape, batch: int) -> str:
    return f"[{', '.join(map(str, (batch, *shape.dimensions)))}]"


def _scaled(count: int) -> tuple[str, str]:
    """A large number as torchinfo shows it, and its unit."""
    for size, unit in ((10**12, "T"), (10**9, "G"), (10**6, "M")):
        if count >= size:
            return f"{count / size:.2f}", f" ({unit})"
    return f"{count:,}", ""
