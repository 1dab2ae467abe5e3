"""What a sheet is filled with: grids of tiles, a matrix, curves, bars. Each is put where the sheet has room."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from cnndsl.draw.canvas.text_metrics import width as text_width
from cnndsl.report.plots.maps import levels, scale_ends, value_range
from cnndsl.report.plots.sheet import BAR, FAINT, GREEN, GREY, INK, MARGIN, RULE, WIDTH, Sheet, number

if TYPE_CHECKING:
    from numpy.typing import NDArray

GUTTER = 0.3
"""Inches for labels left of a panel."""

BAR_ROOM = 0.8
"""Inches for a colour bar and its numbers."""

TALLEST_TILE, TALLEST_PANEL, LARGEST_PIXEL = 1.8, 8.0, 0.35
LEAST_ASPECT = 1 / 3
MOST_BARS = 1024
APART = 200
"""Bars with gaps between them; more stand side by side."""

Ends = tuple[float, float]


class Panel(NamedTuple):
    """What is said below a title, and how the panel is drawn right of a margin."""

    facts: Sequence[str]
    draw: Callable[[Sheet, float], None]


class Tile(NamedTuple):
    """A map (H, W) or an RGB picture (H, W, 3), and the numbers at the ends of its colours."""

    values: "NDArray[Any]"
    ends: Ends
    name: str


def tiles(
    sheet: Sheet,
    left: float,
    cells: Sequence[Sequence[Tile | None]],
    colours: str,
    bar: Ends | None = None,
    row_labels: Sequence[str] = (),
    column_labels: Sequence[str] = (),
) -> None:
    """Rows of tiles of one shape; ``bar`` are the ends of a colour bar beside them."""
    rows, columns = len(cells), max(map(len, cells))
    height, width = next(tile for row in cells for tile in row if tile).values.shape[:2]
    aspect = tile_aspect(height, width)
    left += GUTTER
    room = WIDTH - MARGIN - left - (BAR_ROOM if bar else 0)
    gap = 0.06
    tile_height = min(
        room / (columns + gap * (columns - 1)) / aspect,
        TALLEST_PANEL / (rows + gap * (rows - 1)),
        TALLEST_TILE,
        max(LARGEST_PIXEL * height, LARGEST_PIXEL * width / aspect, 0.5),
    )
    tile_width = min(tile_height * aspect, room / (columns + gap * (columns - 1)))
    across, down = tile_width * (1 + gap), tile_height * (1 + gap)
    if column_labels:
        sheet.y += 0.04
        for index, label in _spaced(column_labels, across, 0.22):
            sheet.text(left + index * across + tile_width / 2, sheet.y, label, size=6.5, align="center", colour=FAINT)
        sheet.y += 0.1
    for index, label in _spaced(row_labels, down, 0.11):
        sheet.text(left - 0.06, sheet.y + index * down + tile_height / 2, label, size=6.5, align="right", colour=FAINT)
    for row, line in enumerate(cells):
        for column, tile in enumerate(line):
            if tile is not None:
                box = (left + column * across, sheet.y + row * down, tile_width, tile_height)
                sheet.image(tile.values, box, tile.ends, colours, tile.name)
    panel_height = rows * down - (down - tile_height)
    if bar:
        right = left + columns * across - (across - tile_width) + 0.15
        sheet.colour_bar(right, sheet.y, min(panel_height, 2.4), bar, colours)
    sheet.y += max(panel_height, 0.35)


def tile_aspect(height: int, width: int) -> float:
    """The width of a tile over its height: that of its map, unless it would be a mere line."""
    return min(max(width / height, LEAST_ASPECT), 1 / LEAST_ASPECT)


def _spaced(labels: Sequence[str | int], pitch: float, least: float) -> list[tuple[int, str]]:
    """Labels by index; where they would stand closer than ``least`` inches, every n-th."""
    needed = max(least / pitch, 1)
    step = next(step for step in (10**power * digit for power in range(9) for digit in (1, 2, 5)) if step >= needed)
    return [(index, str(labels[index])) for index in range(0, len(labels), step)]


def matrix(
    sheet: Sheet, left: float, values: "NDArray[Any]", ends: Ends, colours: str, name: str, bar: Ends | None
) -> None:
    """One wide image, a row of the picture for each row of numbers."""
    rows, columns = values.shape
    left += GUTTER
    room = WIDTH - MARGIN - left - (BAR_ROOM if bar else 0)
    cell = min(max(room / columns, 2.0 / max(rows, 8)), 0.35, TALLEST_PANEL / rows)
    width, height = min(cell * columns, room), max(cell * rows, 0.3)
    for index, label in _spaced(range(rows), height / rows, 0.13):
        middle = sheet.y + (index + 0.5) * height / rows
        sheet.text(left - 0.06, middle, label, size=6.5, align="right", colour=FAINT)
    sheet.image(values, (left, sheet.y, width, height), ends, colours, name)
    if bar:
        sheet.colour_bar(left + width + 0.15, sheet.y, min(height, 2.4), bar, colours)
    sheet.y += height + 0.06
    _positions(sheet, left, width, columns)


def curves(sheet: Sheet, left: float, values: "NDArray[Any]", shared: Ends | None, name: str) -> None:
    """Every row of numbers in a frame of its own, as bars; of more than 1,024 every bar is that of a run."""
    left += GUTTER
    room = WIDTH - MARGIN - left - BAR_ROOM
    for index, row in enumerate(values):
        limits = shared or value_range(row)
        ends = with_zero(limits)
        if len(values) > 1:
            sheet.text(left - 0.06, sheet.y + 0.3, str(index), size=6.5, align="right", colour=FAINT)
        box = (left, sheet.y, min(room, max(0.3 * len(row), 1.2)), 0.6)
        chart(sheet, box, extremes(row), ends, f"{name}[{index}]")
        sheet.y += 0.68
    _positions(sheet, left, min(room, max(0.3 * values.shape[1], 1.2)), values.shape[1])


def bars(sheet: Sheet, left: float, values: "NDArray[Any]", name: str) -> None:
    """A long row of numbers as one chart; beyond 1,024 every bar is the number of a run that is farthest from 0."""
    left += GUTTER
    width = WIDTH - MARGIN - left - BAR_ROOM
    chart(sheet, (left, sheet.y, width, 1.3), extremes(values), with_zero(value_range(values)), name)
    sheet.y += 1.38
    _positions(sheet, left, width, len(values))


def bar_run(count: int) -> int:
    """How many numbers one bar stands for."""
    return -(-count // MOST_BARS)


def bar_fact(count: int) -> str:
    """What is to be said where bars stand for several numbers."""
    run = bar_run(count)
    return f"each bar the farthest from 0 of {run:,}" if run > 1 else ""


def extremes(values: "NDArray[Any]") -> "NDArray[Any]":
    """At most 1,024 numbers: of every run of equal length the one farthest from 0."""
    import numpy as np

    run = bar_run(len(values))
    padded = np.pad(values, (0, -len(values) % run)).reshape(-1, run)
    farthest = np.argmax(np.where(np.isfinite(padded), np.abs(padded), np.inf), axis=1)
    return np.asarray(padded[np.arange(len(padded)), farthest])


def with_zero(limits: Ends | None) -> Ends:
    """Ends of an axis that bars stand on: they include 0."""
    low, high = limits or (0.0, 0.0)
    low, high = min(low, 0.0), max(high, 0.0)
    return (low, high) if low < high else (0.0, 1.0)


def _positions(sheet: Sheet, left: float, width: float, count: int) -> None:
    least = 0.1 + 0.07 * len(str(count))
    for index, label in _spaced(range(count), width / count, least):
        middle = left + (index + 0.5) * width / count
        sheet.text(middle, sheet.y + 0.03, label, size=6.5, align="center", colour=FAINT)
    sheet.y += 0.1


def chart(sheet: Sheet, box: tuple[float, float, float, float], values: "NDArray[Any]", ends: Ends, name: str) -> None:
    """Numbers from left to right in a frame, as bars from 0; what is not finite is green over the whole height."""
    import numpy as np

    x, y, width, height = box
    low, high = ends
    down = (high / 2 - np.asarray(values) / 2) / (high / 2 - low / 2) * height + y
    zero = float((high / 2) / (high / 2 - low / 2) * height + y)
    broken = ~np.isfinite(values)
    pitch = width / len(values)
    sheet.rectangle(box, edge=RULE)
    for index in np.flatnonzero(broken).tolist():
        sheet.rectangle((x + index * pitch, y, pitch, height), fill=GREEN)
    tops = np.where(broken, zero, down)
    gap = 0.15 * pitch if len(values) <= APART else 0
    starts = x + np.arange(len(values)) * pitch
    xs = np.stack([starts + gap, starts + gap, starts + pitch - gap, starts + pitch - gap], 1).ravel()
    ys = np.stack([np.full(len(tops), zero), tops, tops, np.full(len(tops), zero)], 1).ravel()
    if not gap:  # edges that meet at 0 would show as hairlines
        inner = np.r_[0, [index for index in range(len(xs)) if index % 4 in (1, 2)], len(xs) - 1]
        xs, ys = xs[inner], ys[inner]
    sheet.area(xs.tolist(), ys.tolist(), BAR, name)
    sheet.line([x, x + width], [zero, zero], colour=FAINT, width=0.5)
    for value, place in ((high, y + 0.06), (low, y + height - 0.06)):
        sheet.text(x + width + 0.08, place, number(value), size=7, colour=FAINT)
    if y + 0.2 < zero < y + height - 0.2:
        sheet.text(x + width + 0.08, zero, "0", size=7, colour=FAINT)


def ranking(sheet: Sheet, left: float, names: Sequence[str], values: Sequence[float]) -> None:
    """Named numbers below each other, a bar for each."""
    import numpy as np

    names_width = min(max(max(text_width(name, 8) for name in names) / 72 * 1.05, 0.3), 2.2)  # hinting widens a little
    low, high = with_zero(value_range(np.asarray(values)))
    start = left + names_width + 0.1
    room = min(WIDTH - MARGIN - start - BAR_ROOM, 4.5)
    zero = start + room * (0 - low / 2) / (high / 2 - low / 2)
    for name, value in zip(names, values, strict=True):
        middle = sheet.y + 0.08
        sheet.text(start - 0.08, middle, name, size=8, align="right", colour=INK, room=names_width)
        if np.isfinite(value):
            end = start + room * (value / 2 - low / 2) / (high / 2 - low / 2)
            sheet.rectangle((min(zero, end), middle - 0.055, abs(end - zero), 0.11), fill=BAR)
        else:
            sheet.rectangle((start, middle - 0.055, room, 0.11), fill=GREEN)
        sheet.text(start + room + 0.08, middle, number(value), size=7, colour=FAINT)
        sheet.y += 0.18
    sheet.line([zero, zero], [sheet.y - 0.18 * len(names) - 0.01, sheet.y - 0.01], colour=FAINT, width=0.5)


def grey_rows(sheet: Sheet, left: float, values: "NDArray[Any]", name: str, ends: Ends | None) -> None:
    """The channels (rows) and positions (columns) of a sequence; each row in its own range without ``ends``."""
    import numpy as np

    if ends is None:
        values = np.stack([levels(row, scale_ends(value_range(row))) for row in values])
    matrix(sheet, left, values, ends or (0.0, 1.0), GREY, name, ends)
