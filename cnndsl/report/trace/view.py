"""What is shown of a value that was worked out: which channels, rows and digits; the same as text and as HTML."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from cnndsl.errors import listed as listed_words
from cnndsl.errors import quoted
from cnndsl.report.trace.words import DIGITS, LISTED, aligned, factor, number, numbers, read_text, step_text
from cnndsl.runtime.trace import Trace
from cnndsl.runtime.trace.parts import Doubles, Patch, Terms, Working, coordinate_names

FIRST = 3
"""Of many channels the first ones are shown, and the one that gives most."""
EXTENT = 13
"""A matrix with more rows or columns is cut in the middle."""
ROW_SUMS = 5
"""Patches of at most so many rows and columns have their sums written out."""
ARGUMENTS_WIDTH = 60
SHAPES = 4
"""Inputs whose shapes are named."""
FLOAT_ROUNDING = 1e-6
"""Relative differences below it are the rounding of float32."""


class Cell(NamedTuple):
    """A number of a matrix as text, and what it is: nothing special, ``padding``, ``ignored`` or ``winner``.

    Spaces around the number give all cells of a channel one width, and bring their decimal points to one place.
    """

    text: str
    mark: str = ""


class Matrix(NamedTuple):
    """A slice of a channel's patch. ``rows`` and ``columns`` are places in the input, None where the matrix is cut."""

    heading: str
    rows: tuple[int | None, ...]
    columns: tuple[int | None, ...]
    cells: tuple[tuple[Cell, ...], ...]


class Slice(NamedTuple):
    """Matrices that belong beside each other, and which slice of the input they show if it has three axes."""

    place: int | None
    matrices: tuple[Matrix, ...]


class Channel(NamedTuple):
    """One channel: its matrices, and the sums written out if they are short."""

    heading: str
    slices: tuple[Slice, ...]
    multiplied: bool
    sums_heading: str
    sums: tuple[str, ...]


class Table(NamedTuple):
    """Rows that begin with a name; the numbers of a column are aligned like those of a matrix."""

    caption: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


class TraceView(NamedTuple):
    """A worked value as it is shown, from top to bottom."""

    title: str
    facts: tuple[str, ...]
    channels: tuple[Channel, ...]
    legend: tuple[str, ...]
    tables: tuple[Table, ...]
    steps: tuple[str, ...]
    closing: tuple[str, ...]


def view(trace: Trace) -> TraceView:
    """Of many channels the first ones and the one that gives most, every sum, and the value."""
    working = trace.working
    single = _one_cell_each(working)
    chosen = shown(working.patches)
    channels = () if single else tuple(_channel(working, patch) for patch in chosen)
    legend = [*_legend(channels), *([] if single else left_out(working.patches, chosen))]
    tables: list[Table] = []
    if len(working.patches) > 1 and not single:
        tables.append(_channel_sums(working.patches))
    if terms := single or working.terms:
        tables.append(_term_table(terms))
        legend += _left_out(terms)
    closing = (f"run gives {number(trace.value)}", *_rounding(trace))
    steps = tuple(map(step_text, working.steps))
    return TraceView(_title(trace), tuple(_facts(trace)), channels, tuple(legend), tuple(tables), steps, closing)


def _title(trace: Trace) -> str:
    named = zip(coordinate_names(trace.node.shape), trace.position, strict=True)
    place = ", ".join(f"{name} {at}" for name, at in named)
    return f"{trace.network}: {trace.node.name} at {place} (counted from 0) is {number(trace.value)}"


def _facts(trace: Trace) -> Iterator[str]:
    operator = f"{trace.node.op.operator} {trace.node.arguments()}".rstrip()
    if len(operator) > ARGUMENTS_WIDTH:
        operator = f"{operator[: ARGUMENTS_WIDTH - 1]}…"
    shapes = [str(shape) for shape in trace.shapes[:SHAPES]]
    if len(trace.shapes) > SHAPES:
        shapes.append(f"{len(trace.shapes) - SHAPES:,} more")
    yield f"{operator}: {' and '.join(shapes)} -> {trace.node.shape}"
    reads = trace.working.reads
    for index, read in enumerate(reads[:LISTED]):
        yield (f"branch {index} is " if len(reads) > 1 else "reads ") + read_text(read)
    if len(reads) > LISTED:
        yield f"… {len(reads) - LISTED} more branches"
    yield from trace.working.notes
    if trace.node.share:
        yield f"the weights are those of {quoted(trace.node.share)}"


def shown(patches: Sequence[Patch]) -> list[Patch]:
    """The channels whose matrices are shown: the first three and the one with the largest sum."""
    if len(patches) <= FIRST + 1:
        return list(patches)
    rest = patches[FIRST:]
    return [*patches[:FIRST], max(rest, key=lambda patch: abs(patch.total))]


def left_out(patches: Sequence[Patch], chosen: Sequence[Patch]) -> list[str]:
    """The channels whose matrices are not shown, in words."""
    known = {patch.channel for patch in chosen}
    return _left_out_words("channel", [patch.channel for patch in patches if patch.channel not in known])


def _left_out(terms: Terms) -> list[str]:
    listed = {terms.rows[row] for row in listed_rows(terms)}
    return _left_out_words(terms.of, [row for row in terms.rows if row not in listed])


def _left_out_words(of: str, indices: Sequence[int]) -> list[str]:
    """``left out: channels 3 to 6 and 8 to 31``."""
    runs: list[list[int]] = []
    for index in indices:
        if runs and index == runs[-1][-1] + 1:
            runs[-1] = [runs[-1][0], index]
        else:
            runs.append([index])
    words = [" to ".join(f"{end:,}" for end in run) for run in runs]
    return [f"left out: {of}{'' if len(indices) == 1 else 's'} {listed_words(words)}"] if words else []


def _one_cell_each(working: Working) -> Terms | None:
    """Products of one cell a channel, as those of a 1x1 kernel, read better as one table."""
    patches = working.patches
    if len(patches) < 2 or any(patch.products is None or patch.inputs.size > 1 for patch in patches):
        return None
    if any(patch.padding.any() for patch in patches):
        return None
    named = {"weight": "weights", "input": "inputs", working.product: "products"}
    columns = {name: tuple(getattr(patch, field).item() for patch in patches) for name, field in named.items()}
    return Terms("channel", tuple(patch.channel for patch in patches), columns)


def _channel(working: Working, patch: Patch) -> Channel:
    multiplied = patch.weights is not None
    heading = f"channel {patch.channel}" + (f", sum {number(patch.total)}" if multiplied else "")
    slices = tuple(_slices(patch, working.reads[0].places, working.product))
    return Channel(heading, slices, multiplied, f"{working.product}, row by row", tuple(_row_sums(patch)))


def _kept(count: int) -> list[int | None]:
    """The indices that are shown of an axis, None for those left out."""
    if count <= EXTENT:
        return list(range(count))
    return [*range(EXTENT - 5), None, *range(count - 4, count)]


def _slices(patch: Patch, places: Sequence[Sequence[int]], product: str) -> Iterator[Slice]:
    """For every slice of the patch its matrices from left to right; a patch of a line has one row."""
    height, width = (1, *patch.inputs.shape)[-2:]
    rows, columns = _kept(height), _kept(width)
    depths = [depth for depth in _kept(patch.inputs.size // (height * width)) if depth is not None]
    above = tuple(None if row is None else places[-2][row] for row in rows) if len(places) > 1 else (None,)
    beside = tuple(None if column is None else places[-1][column] for column in columns)
    marks = _marks(patch)
    named = {"weight": patch.weights, "input": patch.inputs, product: patch.products}
    grids = {
        heading: _cells(values, depths, rows, columns, marks if heading == "input" else {})
        for heading, values in named.items()
        if values is not None
    }
    for index, depth in enumerate(depths):
        matrices = (Matrix(heading, above, beside, cells[index]) for heading, cells in grids.items())
        yield Slice(places[0][depth] if len(places) == 3 else None, tuple(matrices))


def _cells(
    values: Doubles,
    depths: Sequence[int],
    rows: Sequence[int | None],
    columns: Sequence[int | None],
    marks: Mapping[tuple[int, int | None, int | None], str],
) -> list[tuple[tuple[Cell, ...], ...]]:
    """The cells of every slice, formatted as one."""
    height, width = (1, *values.shape)[-2:]
    slices = values.reshape(-1, height, width).tolist()
    places = [(depth, row, column) for depth in depths for row in rows for column in columns]
    there: dict[tuple[int, int | None, int | None], float] = {
        (depth, row, column): slices[depth][row][column]
        for depth, row, column in places
        if row is not None and column is not None
    }
    texts: dict[tuple[int, int | None, int | None], str]
    texts = dict(zip(there, numbers(list(there.values())), strict=True))
    marked = aligned([_marked(texts.get(place, "…"), marks.get(place, "")) for place in places])
    cells = [Cell(text, marks.get(place, "")) for text, place in zip(marked, places, strict=True)]
    lines = [tuple(cells[start : start + len(columns)]) for start in range(0, len(cells), len(columns))]
    return [tuple(lines[start : start + len(rows)]) for start in range(0, len(lines), len(rows))]


def _marks(patch: Patch) -> dict[tuple[int, int | None, int | None], str]:
    """What is special about cells of the input, by slice, row and column."""
    height, width = (1, *patch.inputs.shape)[-2:]
    marks: dict[tuple[int, int | None, int | None], str] = {}
    for mark, flags in (("padding", patch.padding), ("ignored", ~patch.counted)):
        for index in flags.reshape(-1).nonzero()[0].tolist():
            marks[index // (height * width), index // width % height, index % width] = mark
    if patch.winner is not None:
        depth, row, column = (0, 0, *patch.winner)[-3:]
        marks[depth, row, column] = "winner"
    return marks


def _marked(text: str, mark: str) -> str:
    return {"padding": f"({text})", "winner": f"[{text}]", "ignored": "·"}.get(mark, text)


def _legend(channels: Sequence[Channel]) -> tuple[str, ...]:
    """What the marks mean that are shown."""
    matrices = [matrix for channel in channels for part in channel.slices for matrix in part.matrices]
    marks = {cell.mark for matrix in matrices for row in matrix.cells for cell in row}
    words = {
        "padding": "numbers in parentheses are padding",
        "ignored": "· is a cell outside of the map, which does not count",
        "winner": "the number in brackets is the largest",
    }
    return tuple(line for mark, line in words.items() if mark in marks)


def _row_sums(patch: Patch) -> list[str]:
    """``0*0 + 1*0 + 0*0 = 0`` for every row of a small patch, weights first, then the sum of the rows."""
    if patch.weights is None or patch.products is None or patch.weights.ndim > 2:
        return []
    width = patch.weights.shape[-1]
    weights, inputs = patch.weights.reshape(-1, width), patch.inputs.reshape(-1, width)
    if max(weights.shape) > ROW_SUMS or weights.size == 1:
        return []
    terms = [
        [f"{factor(weight, column > 0)}*{factor(value)}" for column, (weight, value) in enumerate(pairs)]
        for pairs in (zip(*row, strict=True) for row in zip(weights.tolist(), inputs.tolist(), strict=True))
    ]
    widths = [max(map(len, column)) for column in zip(*terms, strict=True)]
    totals = patch.products.reshape(-1, width).sum(axis=1).tolist()
    lines = [
        f"{' + '.join(term.rjust(wide) for term, wide in zip(row, widths, strict=True))} = {number(total)}"
        for row, total in zip(terms, totals, strict=True)
    ]
    if len(totals) > 1:
        added = " + ".join(factor(total, index > 0) for index, total in enumerate(totals))
        lines.append(f"{added} = {number(patch.total)}")
    return lines


def _channel_sums(patches: Sequence[Patch]) -> Table:
    """Each channel's sum, or of many those that are shown and the others together."""
    listed = list(patches) if len(patches) <= LISTED else shown(patches)
    names = [f"channel {patch.channel}" for patch in listed]
    totals = [patch.total for patch in listed]
    if len(listed) < len(patches):
        names.append(f"… {len(patches) - len(listed):,} more")
        totals.append(sum(patch.total for patch in patches) - sum(totals))
    texts = aligned(numbers(totals))
    return Table("sums of the channels", (), tuple(zip(names, texts, strict=True)))


def _term_table(terms: Terms) -> Table:
    """The rows of a table: all, or of many the first and those with the largest last number."""
    columns = list(terms.columns.values())
    listed = listed_rows(terms)
    names = [f"{terms.of} {terms.rows[row]}" + (" (this)" if row == terms.marked else "") for row in listed]
    shown = [[column[row] for row in listed] for column in columns]
    rest = len(terms.rows) - len(listed)
    if rest:
        names.append(f"… {rest:,} more")
        shown[-1].append(sum(columns[-1]) - sum(shown[-1]))
    texts = [aligned([*numbers(column), *([""] * (len(names) - len(column)))]) for column in shown]
    return Table("", ("", *terms.columns), tuple(zip(names, *texts, strict=True)))


def listed_rows(terms: Terms) -> list[int]:
    """The rows that are shown: all, or of many the first and those with the largest last number."""
    rows = list(range(len(terms.rows)))
    if len(rows) <= LISTED:
        return rows
    last = list(terms.columns.values())[-1]
    largest = sorted(rows, key=lambda row: -abs(last[row]))[:ROW_SUMS]
    return sorted({*range(FIRST), *largest, *([] if terms.marked is None else [terms.marked])})


def _rounding(trace: Trace) -> list[str]:
    """A word about rounding, if what is shown is rounded."""
    values = [step.value for step in trace.working.steps]
    for patch in shown(trace.working.patches):
        values += patch.inputs.reshape(-1).tolist()
        values += [] if patch.weights is None else patch.weights.reshape(-1).tolist()
    for column in trace.working.terms.columns.values() if trace.working.terms else ():
        values += column
    rounded = any(
        abs(float(number(value)) - value) > FLOAT_ROUNDING * abs(value) for value in values if math.isfinite(value)
    )
    return [f"shown with {DIGITS} digits; the sums are those of the full numbers"] if rounded else []
