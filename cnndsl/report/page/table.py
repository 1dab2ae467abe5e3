"""The layer table as HTML: for notebooks as it is, for the page with rows that fold."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from cnndsl.analysis.costs import total
from cnndsl.analysis.measured import Layer, Measured
from cnndsl.errors import plural
from cnndsl.report.markup import number, text
from cnndsl.report.table import Row, bytes_text, counts_in_symbols, field_text, folded, sizes_line

HEADINGS = (
    ("Layer", ""),
    ("Operator", ""),
    ("Output", "number"),
    ("Parameters", "number"),
    ("MACs", "number"),
    ("Connections", "number"),
    ("Receptive field", "number"),
)


class TableLine(NamedTuple):
    """A row of the table that folds: a layer, or a block instance with everything in it.

    ``around`` are the identifiers of the blocks around it, outermost first; ``block`` is its own, if it is one.
    """

    row: Row
    around: tuple[int, ...]
    block: int | None


def table_html(network: Measured, depth: int | None = None, batch: int = 1) -> str:
    """A ``<table class="cnndsl-layers">`` with one line a layer; blocks deeper than ``depth`` are one line each.

    Numeric cells have the class ``number``. No scripts and no styles: those are the surrounding page's.
    """
    rows = (f"<tr>{_cells(row, text(row.name))}</tr>" for row in folded(list(network.layers.values()), depth))
    return _table(network, batch, rows)


def folding_table_html(network: Measured, positions: Mapping[str, int], batch: int = 1) -> str:
    """The table for the page: a row for every layer and every block instance, with what the script goes by.

    ``positions`` are the indices by which the page knows the layers. A row has ``data-layers``, its indices,
    ``data-around``, the blocks around it, and ``data-block``, its own number if it is a block; a cell that is sorted by
    a number has it as ``data-value``.
    """
    rows = (_folding_row(line, positions) for line in lines(list(network.layers.values())))
    return _table(network, batch, rows)


def lines(layers: Sequence[Layer]) -> Iterator[TableLine]:
    """The layers in order; before the first layer of a block instance the instance itself.

    A path that comes again after something else stood between begins another row, so that the order stays.
    """
    opened: list[tuple[str, int]] = []
    blocks = 0
    for index, layer in enumerate(layers):
        path = layer.node.path
        shared = 0
        while shared < min(len(opened), len(path)) and opened[shared][0] == path[shared]:
            shared += 1
        del opened[shared:]
        for depth in range(shared, len(path)):
            end = index
            while end < len(layers) and layers[end].node.path[: depth + 1] == path[: depth + 1]:
                end += 1
            members = tuple(layers[index:end])
            row = Row(path[depth], f"block of {len(members)}", members)
            yield TableLine(row, tuple(number for _, number in opened), blocks)
            opened.append((path[depth], blocks))
            blocks += 1
        (row,) = folded([layer], None)
        yield TableLine(row, tuple(number for _, number in opened), None)


def _table(network: Measured, batch: int, rows: Iterator[str]) -> str:
    headings = "".join(
        f'<th scope="col" class="{kind}">{name}</th>' if kind else f'<th scope="col">{name}</th>'
        for name, kind in HEADINGS
    )
    cost = network.cost
    memory = network.memory(batch)
    examples = f", batch of {batch:,}" if batch > 1 else ""
    inputs = ", ".join(f"{text(name)} {network.shown(name)}" for name in network.inputs)
    sums = "".join(f'<td class="number">{number(count)}</td>' for count in (cost.params, cost.macs, cost.connections))
    facts = (
        f"Memory{examples}: weights {bytes_text(memory.weight)}, activations {bytes_text(memory.activation)}, "
        f"peak {bytes_text(memory.peak)}"
    )
    lines = (facts, *in_symbols(network))
    notes = "".join(f'<tr><td colspan="{len(HEADINGS)}">{line}</td></tr>' for line in lines)
    body = "\n".join(rows)
    count = plural(len(network.layers), "layer")
    return (
        f'<table class="cnndsl-layers"><caption>{text(network.name)}: {inputs}</caption>\n'
        f"<thead><tr>{headings}</tr></thead>\n<tbody>\n{body}\n</tbody>\n"
        f'<tfoot><tr><th scope="row">Total</th><td>{count}</td><td></td>{sums}<td></td></tr>\n'
        f"{notes}</tfoot></table>"
    )


def in_symbols(network: Measured) -> Iterator[str]:
    """Of a network with symbols: counts as polynomials, what the numbers are for, and the sizes that it takes."""
    if network.formulas is None:
        return
    counts = counts_in_symbols(network.formulas)
    if counts:
        yield text(f"MACs {counts['macs']}; connections {counts['connections']}")
    yield text(f"The numbers are for {network.numbers_for}; {sizes_line(network.formulas)}")


def _cells(row: Row, name: str, exact: bool = False) -> str:
    """The cells of a row; ``exact`` adds the plain numbers that the script sorts by."""
    last = row.layers[-1]
    cost = total([layer.cost for layer in row.layers])
    field = max(last.receptive_field, default=0)
    numbers = (
        (last.shown, last.shape.elements),
        (number(cost.params), cost.params),
        (number(cost.macs), cost.macs),
        (number(cost.connections), cost.connections),
        (field_text(last), field),
    )
    cells = "".join(
        f'<td class="number" data-value="{value}">{shown}</td>' if exact else f'<td class="number">{shown}</td>'
        for shown, value in numbers
    )
    return f'<th scope="row">{name}</th><td>{text(row.operator)}</td>{cells}'


def _folding_row(line: TableLine, positions: Mapping[str, int]) -> str:
    row = line.row
    indices = " ".join(str(positions[layer.name]) for layer in row.layers)
    around = " ".join(map(str, line.around))
    block = "" if line.block is None else f' data-block="{line.block}"'
    depth = f' class="inside-{min(len(line.around), 4)}"' if line.around else ""
    return f'<tr data-layers="{indices}" data-around="{around}"{block}{depth}>{_cells(row, text(row.name), True)}</tr>'
