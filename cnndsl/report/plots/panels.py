"""What a sheet is filled with: grids of tiles, a matrix, curves, bars. Each is put where the sheet has room."""

from collections.abc import Callable, Sequence
from math import inf
from typing import TYPE_CHECKING, Any, NamedTuple

from cnndsl.draw.canvas.text_metrics import width as text_width
from cnndsl.report.plots import cells
from cnndsl.report.plots.maps import levels, scale_ends, value_range
from cnndsl.report.plots.sheet import BAR, FAINT, GREEN, GREY, INK, RULE, Sheet, number, number_width

if TYPE_CHECKING:
    from numpy.typing import NDArray

GUTTER = 0.3
"""Inches for labels left of a panel."""

BAR_ROOM = 0.8
"""Inches for a colour bar and its numbers."""

TALLEST_TILE, LARGEST_PIXEL = 1.8, 0.35
LEAST_ASPECT = 1 / 3
NUMBER_SIZE, BAR_PITCH = 6, 0.45
"""Points of the number at a bar, and inches from bar to bar where there is room."""
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
    grid: Sequence[Sequence[Tile | None]],
    colours: str,
    bar: Ends | None = None,
    row_labels: Sequence[str] = (),
    column_labels: Sequence[str] = (),
    tallest: float = TALLEST_TILE,
) -> None:
    """Rows of tiles of one shape; ``bar`` are the ends of a colour bar beside them. ``tallest`` are larger tiles."""
    rows, columns = len(grid), max(map(len, grid))
    shown = [tile for row in grid for tile in row if tile]
    height, width = shown[0].values.shape[:2]
    aspect = tile_aspect(height, width)
    left += GUTTER if row_labels else 0
    room = sheet.right - left - (BAR_ROOM if bar else 0)
    gap = 0.1 if cells.is_small(height, width) else 0.06  # beside lines between cells a narrow gap is none
    tile_height = min(
        room / (columns + gap * (columns - 1)) / aspect,
        sheet.tallest / (rows + gap * (rows - 1)),
        inf if cells.is_small(height, width) else tallest,
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
    style = cells.lettering([tile.values for tile in shown], tile_width / width, tile_height / height)
    for row, line in enumerate(grid):
        for column, tile in enumerate(line):
            if tile is not None:
                box = (left + column * across, sheet.y + row * down, tile_width, tile_height)
                sheet.image(tile.values, box, tile.ends, colours, tile.name)
                cells.draw(sheet, tile.values, box, tile.ends, colours, style)
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
    room = sheet.right - left - (BAR_ROOM if bar else 0)
    cell = min(max(room / columns, 2.0 / max(rows, 8)), 0.35, sheet.tallest / rows)
    width, height = min(cell * columns, room), max(cell * rows, 0.3)
    for index, label in _spaced(range(rows), height / rows, 0.13):
        middle = sheet.y + (index + 0.5) * height / rows
        sheet.text(left - 0.06, middle, label, size=6.5, align="right", colour=FAINT)
    box = (left, sheet.y, width, height)
    sheet.image(values, box, ends, colours, name)
    cells.draw(sheet, values, box, ends, colours, cells.lettering([values], width / columns, height / rows))
    if bar:
        sheet.colour_bar(left + width + 0.15, sheet.y, min(height, 2.4), bar, colours)
    sheet.y += height + 0.06
    _positions(sheet, left, width, columns)


def curves(sheet: Sheet, left: float, values: "NDArray[Any]", shared: Ends | None, name: str) -> None:
    """Every row of numbers in a frame of its own, as bars; of more than 1,024 every bar is that of a run."""
    left += GUTTER
    room = sheet.right - left - BAR_ROOM
    width = min(room, max(BAR_PITCH * values.shape[1], 1.2))
    height = min(0.6, sheet.tallest / len(values) - 0.08)
    numbered = _has_room(values, width, height)
    for index, row in enumerate(values):
        ends = with_zero(shared or value_range(row))
        if len(values) > 1:
            sheet.text(left - 0.06, sheet.y + height / 2, str(index), size=6.5, align="right", colour=FAINT)
        chart(sheet, (left, sheet.y, width, height), extremes(row), ends, f"{name}[{index}]", numbered)
        sheet.y += height + 0.08
    _positions(sheet, left, width, values.shape[1])


def bars(sheet: Sheet, left: float, values: "NDArray[Any]", name: str) -> None:
    """A long row of numbers as one chart; beyond 1,024 every bar is the number of a run that is farthest from 0."""
    left += GUTTER
    width = min(sheet.right - left - BAR_ROOM, max(BAR_PITCH * len(values), 1.2))
    height = min(1.3, sheet.tallest - 0.18)
    ends = with_zero(value_range(values))
    chart(sheet, (left, sheet.y, width, height), extremes(values), ends, name, _has_room(values, width, height))
    sheet.y += height + 0.08
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


def _has_room(values: "NDArray[Any]", width: float, height: float) -> bool:
    """Whether every bar of a chart of that size, or of each row of several, can have its number."""
    widest = max(number_width(number(value), NUMBER_SIZE) for value in values.ravel().tolist()) / 72
    return height > 0.4 and widest < 0.95 * width / values.shape[-1]


def chart(
    sheet: Sheet,
    box: tuple[float, float, float, float],
    values: "NDArray[Any]",
    ends: Ends,
    name: str,
    numbered: bool = False,
) -> None:
    """Numbers from left to right in a frame, as bars from 0; what is not finite is green over the whole height.

    ``numbered`` bars have their numbers at their ends, instead of those of the frame.
    """
    import numpy as np

    x, y, width, height = box
    values = np.asarray(values, np.float64)
    pitch = width / len(values)
    low, high = (end * (1 + 0.3 / height) for end in ends) if numbered else ends
    down = (high / 2 - values / 2) / (high / 2 - low / 2) * height + y
    zero = float((high / 2) / (high / 2 - low / 2) * height + y)
    broken = ~np.isfinite(values)
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
    if numbered:
        for index in np.flatnonzero(~broken).tolist():
            place = float(down[index]) + (-0.07 if values[index] >= 0 else 0.07)
            sheet.text(x + (index + 0.5) * pitch, place, number(values[index]), size=NUMBER_SIZE, align="center")
        return
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
    room = min(sheet.right - start - BAR_ROOM, 4.5)
    pitch = max(min(0.18, sheet.tallest / len(names)), 0.105)
    size = min(8, pitch * 72 * 0.75)
    zero = start + room * (0 - low / 2) / (high / 2 - low / 2)
    for name, value in zip(names, values, strict=True):
        middle = sheet.y + pitch / 2
        sheet.text(start - 0.08, middle, name, size=size, align="right", colour=INK, room=names_width)
        if np.isfinite(value):
            end = start + room * (value / 2 - low / 2) / (high / 2 - low / 2)
            sheet.rectangle((min(zero, end), middle - 0.3 * pitch, abs(end - zero), 0.6 * pitch), fill=BAR)
        else:
            sheet.rectangle((start, middle - 0.3 * pitch, room, 0.6 * pitch), fill=GREEN)
        sheet.text(start + room + 0.08, middle, number(value), size=min(size, 7), colour=FAINT)
        sheet.y += pitch
    sheet.line([zero, zero], [sheet.y - pitch * len(names), sheet.y], colour=FAINT, width=0.5)


def grey_rows(sheet: Sheet, left: float, values: "NDArray[Any]", name: str, ends: Ends | None) -> None:
    """The channels (rows) and positions (columns) of a sequence; each row in its own range without ``ends``."""
    import numpy as np

    if ends is None:
        values = np.stack([levels(row, scale_ends(value_range(row))) for row in values])
    matrix(sheet, left, values, ends or (0.0, 1.0), GREY, name, ends)
