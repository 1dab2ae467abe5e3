"""Small maps cell by cell: the lines between the cells, and their numbers where they can be read."""

from collections.abc import Sequence
from math import floor, log10
from typing import TYPE_CHECKING, Any, NamedTuple

from cnndsl.report.plots.sheet import Sheet, number_width

if TYPE_CHECKING:
    from numpy.typing import NDArray

SIDE = 16
"""Rows and columns of a map that is small."""
MOST_NUMBERS = 2048
"""Of a panel: more are a texture."""
LEAST_SIZE, LARGEST_SIZE = 4.0, 8.0
"""Points of a number in a cell."""
LEAST_CELL = 0.075
"""Inches: the lines between smaller cells would be all that is seen."""
LINE = "#80868b"
"""Seen on black and on white."""


class Lettering(NamedTuple):
    """How all numbers of a panel are written: with so many decimals, so many points high."""

    decimals: int
    size: float


def is_small(rows: int, columns: int) -> bool:
    return max(rows, columns) <= SIDE


def lettering(maps: "Sequence[NDArray[Any]]", width: float, height: float) -> Lettering | None:
    """How the numbers of maps (H, W) fit into cells of that size, in inches; None where they do not."""
    import numpy as np

    if maps[0].ndim != 2 or not is_small(*maps[0].shape) or sum(one.size for one in maps) > MOST_NUMBERS:
        return None
    values = np.concatenate([np.asarray(one, np.float64).ravel() for one in maps])
    values = values[np.isfinite(values)]
    largest = float(np.abs(values).max(initial=0))
    if not (1e-3 <= largest < 1e5 or largest == 0):
        return None
    most = 0 if (values == np.round(values)).all() else max(2 - floor(log10(largest)), 0)
    for decimals in range(most, max(most - 2, -1), -1):
        widest = max((number_width(written(value, decimals), 1) for value in set(values.tolist())), default=1)
        size = min(72 * 0.93 * width / widest, 72 * 0.7 * height, LARGEST_SIZE)
        if size >= LEAST_SIZE:
            return Lettering(decimals, size)
    return None


def written(value: float, decimals: int) -> str:
    """A number with so many decimals, and 0 as it is; there is no -0."""
    return "0" if value == 0 else f"{round(value, decimals) + 0.0:.{decimals}f}".replace("-", "\N{MINUS SIGN}")


def draw(
    sheet: Sheet,
    values: "NDArray[Any]",
    box: tuple[float, float, float, float],
    ends: tuple[float, float],
    colours: str,
    style: Lettering | None,
) -> None:
    """The lines between the cells of a small map in a box, and the numbers upon its colours."""
    import numpy as np
    from matplotlib import colormaps

    rows, columns = values.shape[:2]
    x, y, width, height = box
    if not is_small(rows, columns) or min(width / columns, height / rows) < LEAST_CELL:
        return
    wide, high = width / columns, height / rows
    xs, ys = [], []
    for column in range(1, columns):
        xs += [x + column * wide] * 2 + [np.nan]
        ys += [y, y + height, np.nan]
    for row in range(1, rows):
        xs += [x, x + width, np.nan]
        ys += [y + row * high] * 2 + [np.nan]
    if xs:
        sheet.line(xs, ys, colour=LINE, width=0.3)
    if style is None:
        return
    low, top = ends
    shades = colormaps[colours]((values / 2 - low / 2) / (top / 2 - low / 2))
    for (row, column), value in np.ndenumerate(values):
        if np.isfinite(value):
            dark = shades[row, column, :3] @ (0.299, 0.587, 0.114) < 0.5
            place = (x + (column + 0.5) * wide, y + (row + 0.5) * high)
            sheet.mark(*place, written(float(value), style.decimals), style.size, "white" if dark else "black")
