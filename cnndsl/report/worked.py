"""One output value worked out, as a figure: the window, the kernel, their products and the sums. Needs matplotlib."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from cnndsl.report.plots import cells, panels
from cnndsl.report.plots.kernels import around_zero
from cnndsl.report.plots.maps import scale_ends, value_range
from cnndsl.report.plots.sheet import DIVERGING, FAINT, GREY, INK, MARGIN, Sheet, require_matplotlib
from cnndsl.report.trace.view import left_out, listed_rows, shown, view
from cnndsl.report.trace.words import number
from cnndsl.runtime.trace import Trace
from cnndsl.runtime.trace.parts import Patch, Terms, Working, coordinate_names

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

LARGEST_CELL, WIDEST = 0.42, 1.75
"""Inches of a cell, and of a matrix."""
SIGN, LABEL = 0.3, 0.95
"""Inches for a sign between matrices, and for the channel before them."""
OUTSIDE, UPON, WINNER = "#dbe7f5", "#5f6369", "#d1495b"
MOST_BARS = 16


class _Column(NamedTuple):
    """The matrices of one kind, a channel each, and the numbers at the ends of their colours."""

    title: str
    sign: str
    values: "list[NDArray[Any]]"
    ends: panels.Ends
    colours: str


def worked(trace: Trace, note: str = "") -> "Figure":
    """A row for each channel that is shown: input, weights and products with their sum; then the sums and the value.

    ``note`` stands below the title. Raises CnnError without matplotlib.
    """
    require_matplotlib()
    words, working = view(trace), trace.working
    sheet = Sheet()
    place = ", ".join(
        f"{name} {at}" for name, at in zip(coordinate_names(trace.node.shape), trace.position, strict=True)
    )
    facts = [f"counted from 0, {trace.network}", note, words.facts[0].replace("->", "→")]
    sheet.heading(_minus(f"{trace.node.name} = {number(trace.value)}"), f"at {place}", facts)
    chosen = shown(working.patches)
    if chosen:
        _channels(sheet, working, chosen)
        _lines(sheet, [*_legend(chosen), *left_out(working.patches, chosen)], FAINT)
    if len(working.patches) > 1:
        _bars(sheet, "sums of the channels", [(f"channel {one.channel}", one.total) for one in working.patches])
    if working.terms:
        _terms(sheet, working.terms)
    _lines(sheet, [_minus(line) for line in (*words.steps, *words.closing[:1])], INK)
    return sheet.finish()


def _channels(sheet: Sheet, working: Working, patches: Sequence[Patch]) -> None:
    columns = list(_columns(working, patches))
    height, width = columns[0].values[0].shape
    cell = min(LARGEST_CELL, WIDEST / width, WIDEST / height)
    starts = [MARGIN + LABEL + index * (cell * width + SIGN) for index in range(len(columns))]
    for start, column in zip(starts, columns, strict=True):
        sheet.text(start, sheet.y + 0.05, column.title, colour=FAINT)
    sheet.y += 0.2
    styles = [cells.lettering(column.values, cell, cell) for column in columns]
    for row, patch in enumerate(patches):
        middle = sheet.y + cell * height / 2
        sheet.text(MARGIN, middle, f"channel {patch.channel}", room=LABEL)
        for start, column, style in zip(starts, columns, styles, strict=True):
            box = (start, sheet.y, cell * width, cell * height)
            sheet.text(start - SIGN / 2, middle, column.sign, size=12, align="center")
            sheet.image(column.values[row], box, column.ends, column.colours, f"{column.title} {patch.channel}")
            cells.draw(sheet, column.values[row], box, column.ends, column.colours, style)
            if column is columns[0]:
                _marks(sheet, patch, box, style)
        end = starts[-1] + cell * width
        said = f"sum {number(patch.total)}" if patch.products is not None else f"gives {number(patch.total)}"
        sheet.text(end + 0.12, middle, _minus(said), size=9, bold=True)
        sheet.y += cell * height + 0.14


def _columns(working: Working, patches: Sequence[Patch]) -> "list[_Column]":
    """The input, and where there are any the weights and what they make of it."""
    import numpy as np

    inputs = [_flat(np.where(patch.counted, patch.inputs, 0.0)) for patch in patches]
    found = [_Column("input", "", inputs, scale_ends(value_range(np.stack(inputs))), GREY)]
    for title, sign, arrays in (
        ("weight", "×", [patch.weights for patch in patches]),
        (working.product, "=", [patch.products for patch in patches]),
    ):
        values = [_flat(array) for array in arrays if array is not None]
        if len(values) == len(patches):
            found.append(_Column(title, sign, values, around_zero(np.stack(values)), DIVERGING))
    return found


def _minus(words: str) -> str:
    return words.replace("-", "\N{MINUS SIGN}")


def _flat(values: "NDArray[Any]") -> "NDArray[Any]":
    """A window as one matrix: a line is a row, slices stand below each other."""
    import numpy as np

    return np.asarray(values.reshape(-1, values.shape[-1]) if values.ndim else values.reshape(1, 1), np.float64)


def _marks(sheet: Sheet, patch: Patch, box: tuple[float, float, float, float], style: cells.Lettering | None) -> None:
    """Cells outside of the map are pale; of a maximum the cell that it comes from has a frame."""
    import numpy as np

    x, y, width, height = box
    values = _flat(patch.inputs)
    wide, high = width / values.shape[1], height / values.shape[0]
    for (row, column), outside in np.ndenumerate(_flat(patch.padding) > 0):
        if outside:
            place = (x + column * wide, y + row * high, wide, high)
            sheet.rectangle(place, fill=OUTSIDE, edge=FAINT)
            counted = bool(_flat(patch.counted)[row, column])
            said = cells.written(float(values[row, column]), style.decimals) if style and counted else "·"
            sheet.mark(x + (column + 0.5) * wide, y + (row + 0.5) * high, said, style.size if style else 6, UPON)
    if patch.winner is not None:
        index = int(np.ravel_multi_index(patch.winner, patch.inputs.shape))
        row, column = divmod(index, values.shape[1])
        left, top = x + column * wide, y + row * high
        sheet.line(
            [left, left + wide, left + wide, left, left], [top, top, top + high, top + high, top],
            colour=WINNER, width=1.8,
        )  # fmt: skip


def _legend(patches: Sequence[Patch]) -> list[str]:
    words = []
    if any(patch.padding.any() for patch in patches):
        words.append("pale cells are outside of the map")
    if any(patch.winner is not None for patch in patches):
        words.append("the framed cell is the largest")
    return words


def _terms(sheet: Sheet, terms: Terms) -> None:
    """The rows of a table that the text shows too, a bar each for the last number."""
    title, last = list(terms.columns.items())[-1]
    rows = [(f"{terms.of} {terms.rows[row]}", last[row]) for row in listed_rows(terms)]
    if len(rows) < len(last):
        rows.append((f"{len(last) - len(rows):,} more", sum(last) - sum(value for _, value in rows)))
    _bars(sheet, title, rows)


def _bars(sheet: Sheet, title: str, rows: Sequence[tuple[str, float]]) -> None:
    """Named numbers; of many the largest, and the others together."""
    if len(rows) > MOST_BARS:
        largest = sorted(range(len(rows)), key=lambda row: -abs(rows[row][1]))[: MOST_BARS - 1]
        rest = sum(rows[row][1] for row in range(len(rows)) if row not in set(largest))
        rows = [*(rows[row] for row in sorted(largest)), (f"{len(rows) - len(largest):,} more", rest)]
    sheet.y += 0.12
    sheet.text(MARGIN, sheet.y, title, colour=FAINT)
    sheet.y += 0.12
    panels.ranking(sheet, MARGIN, [name for name, _ in rows], [value for _, value in rows])


def _lines(sheet: Sheet, words: Sequence[str], colour: str) -> None:
    if words:
        sheet.y += 0.1
    for line in words:
        sheet.text(MARGIN, sheet.y + 0.08, line, size=8.5, colour=colour, room=sheet.right - MARGIN)
        sheet.y += 0.19
