"""What a picture has to fit: the width of a page, a number of rows or columns, a direction."""

import math
import re
from typing import Literal, NamedTuple, TypeAlias, TypedDict

from cnndsl.errors import CnnError, quoted, require_whole

Orientation: TypeAlias = Literal["right", "down"]
ORIENTATIONS: tuple[Orientation, ...] = ("right", "down")

UNITS = {"px": 1.0, "pt": 96 / 72, "in": 96.0, "cm": 96 / 2.54, "mm": 96 / 25.4}
"""Pixels to each."""

NARROWEST, WIDEST = 10.0, 1e6
"""Widths in pixels that make sense."""


class Page(NamedTuple):
    """The most that a picture may be wide, in pixels, the rows or columns that it has, and where it flows to."""

    width: float | None = None
    rows: int | None = None
    columns: int | None = None
    orientation: Orientation | None = None

    @property
    def runs(self) -> int | None:
        return self.rows or self.columns

    def direction(self, usual: Orientation) -> Orientation:
        """Rows flow to the right, columns down."""
        if self.orientation:
            return self.orientation
        return "right" if self.rows else "down" if self.columns else usual


ANY_PAGE = Page()


class PageSettings(TypedDict, total=False):
    """The same as people write it: ``width`` is a length such as ``16cm``, or pixels."""

    width: str | float | None
    rows: int | None
    columns: int | None
    orientation: Orientation | None


def page_of(
    width: str | float | None = None,
    rows: int | None = None,
    columns: int | None = None,
    orientation: Orientation | None = None,
) -> Page:
    """The page that the settings ask for. Raises CnnError ``bad-setting``."""
    for name, count in (("rows", rows), ("columns", columns)):
        if count is not None:
            require_whole(name, count, 1)
    if orientation is not None and orientation not in ORIENTATIONS:
        message = f"orientation {quoted(str(orientation))} is unknown"
        raise CnnError.of("bad-setting", message, f"it is one of {', '.join(ORIENTATIONS)}")
    if rows and (columns or orientation == "down"):
        raise CnnError.of("bad-setting", "rows flow to the right", "for a picture that flows down, say columns")
    if columns and orientation == "right":
        raise CnnError.of("bad-setting", "columns flow down", "for a picture that flows to the right, say rows")
    return Page(None if width is None else _pixels(width), rows, columns, orientation)


def _pixels(width: str | float) -> float:
    found = re.fullmatch(r"(\d{1,9}(?:\.\d{1,9})?)(px|pt|in|cm|mm)?", str(width).replace(" ", ""))
    pixels = float(found[1]) * UNITS[found[2] or "px"] if found else math.nan
    if not NARROWEST <= pixels <= WIDEST:
        message = f"the width {quoted(str(width))} is no length of a page"
        raise CnnError.of("bad-setting", message, "write it as 16cm, 6.3in, 160mm, 450pt or 600px")
    return pixels
