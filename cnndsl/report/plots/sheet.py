"""A figure measured in inches: text, images and bars go where they are put, from the top downwards. Needs matplotlib.

Colours, fonts and metadata are given and not left to a matplotlibrc: the same input makes the same bytes.
"""

from contextlib import contextmanager
from functools import lru_cache
from math import ceil, isfinite
from os import PathLike
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, Literal

from cnndsl.draw.canvas.text_metrics import width as text_width
from cnndsl.errors import CnnError, either, missing_library, quoted, visible
from cnndsl.files import write_whole
from cnndsl.report.plots.maps import NOT_FINITE, thinned

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from matplotlib.figure import Figure
    from numpy.typing import NDArray

WIDTH = 8.3
DPI = 200
"""1,660 pixels, twice the width of a README's column."""

FINEST = 3 * DPI
"""Pixels an inch that an image holds at most, for vector formats: what is finer cannot be seen in print."""

MARGIN = 0.15
TALLEST = 8.0
"""Inches of a panel that has the page for itself."""
PAGE, HEADING, APART, LEAST = 11.3, 0.48, 0.2, 0.6
"""Inches: of a sheet of A4 at this width; of what stands above a panel; between panels; of a panel of many."""
FONT = "DejaVu Sans"  # ships with matplotlib
INK, FAINT, RULE, BAR = "#1a1a1a", "#5f6368", "#c4c7cc", "#4c72b0"
ON_DARK = {INK: "#f0f4f8", FAINT: "#a9b4c0", RULE: "#454c54"}
"""What words and lines are in a dark notebook."""
GREEN = "#{:02x}{:02x}{:02x}".format(*NOT_FINITE)
GREY, DIVERGING = "gray", "RdBu_r"
PICTURES: dict[str, dict[str, Any]] = {
    "png": {"Software": None},
    "svg": {"Date": None, "Creator": None},
    "pdf": {"CreationDate": None, "Producer": None, "Creator": None},
}
"""Every format, by its suffix, and the facts about the file that are left out: they differ from time to time."""

SUFFIXES = either(f".{name}" for name in PICTURES)
"""The formats in words."""

_SALTING = Lock()


def require_matplotlib() -> None:
    """Raises CnnError where matplotlib, the extra ``plot``, is missing, or its settings are beyond it."""
    try:
        import matplotlib.figure  # noqa: F401
    except ImportError as error:
        raise missing_library("matplotlib", "plot", error) from None
    except ValueError as error:
        advice = "mend the variable MPLBACKEND or the file matplotlibrc"
        raise CnnError.of("bad-setting", f"matplotlib does not start: {error}", advice) from None


def picture_format(path: str | PathLike[str]) -> str:
    """The key of PICTURES that a suffix is. Raises CnnError for others."""
    suffix = Path(path).suffix.lower().removeprefix(".")
    if suffix not in PICTURES:
        message = f"pictures are {SUFFIXES} files, not {quoted(str(path))}"
        raise CnnError.of("bad-setting", message)
    return suffix


def save(figure: "Figure", path: str | PathLike[str]) -> None:
    """Writes a figure as PNG, SVG or PDF, by the suffix; the whole file or nothing, the same bytes each time.

    Raises CnnError for another suffix, and OSError.
    """
    form = picture_format(path)
    for axes in figure.axes:
        for image in axes.images:
            image.set_interpolation("auto" if form == "png" else "none")  # vector formats hold the pixels themselves
    with _salted():
        write_whole(
            path,
            lambda target: figure.savefig(
                target,
                format=form,
                dpi=DPI,
                metadata=PICTURES[form],
                bbox_inches=figure.bbox_inches,
                facecolor="white",
                edgecolor="white",
                transparent=False,
            ),
        )


@contextmanager
def _salted() -> "Iterator[None]":
    """The ids of an SVG are random unless this setting, one for all threads, is given."""
    from matplotlib import rcParams

    with _SALTING:
        before = rcParams["svg.hashsalt"]
        rcParams["svg.hashsalt"] = "cnndsl"
        try:
            yield
        finally:
            rcParams["svg.hashsalt"] = before


@lru_cache(1)
def _characters() -> frozenset[int]:
    from matplotlib.font_manager import FontProperties, findfont, get_font

    return frozenset(get_font(findfont(FontProperties(family=[FONT]))).get_charmap())


def printable(text: str) -> str:
    """Text as the font can show it."""
    return "".join(c if ord(c) in _characters() else "\N{WHITE SQUARE}" for c in visible(text).replace("\n", " "))


def number(value: float) -> str:
    """Three digits, and all in front of the point: ``0.125``, ``6,600``, ``-1.2e-07``."""
    whole = isfinite(value) and abs(value) < 1e7 and (abs(value) >= 999.5 or value == int(value))
    return (f"{value + 0.0:,.0f}" if whole else f"{value:.3g}").replace("-", "\N{MINUS SIGN}")


def number_width(text: str, size: float) -> float:
    """How wide a number is, in points; a minus sign is as wide as a plus."""
    return text_width(text.replace("\N{MINUS SIGN}", "+"), size)


class Sheet:
    """A page at most as wide as a README's column, cut to what is put on it.

    What is put next lies between ``left`` and ``right``, below ``y``, and should not be taller than ``tallest``.
    """

    def __init__(self) -> None:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        class Shown(Figure):
            def _repr_html_(self) -> str:
                from cnndsl.report.plots.themed import html

                return html(self, ON_DARK)

        self.figure: Figure = Shown((WIDTH, 1.0), dpi=DPI, facecolor="white", layout=None)
        FigureCanvasAgg(self.figure)
        self.axes = self.figure.add_axes((0.0, 0.0, 1.0, 1.0))
        self.axes.set_axis_off()
        self.axes.set_xlim(0, WIDTH)
        self.axes.set_ylim(1, 0)
        self.left, self.right = MARGIN, WIDTH - MARGIN
        self.y = MARGIN
        self.tallest = TALLEST
        self._reached = 0.0

    def columns(self, names: "Sequence[str]", put: "Callable[[str], None]") -> None:
        """Puts what has these names in columns, row by row, such that all of it is about a page."""
        across = 2 if len(names) <= 13 else 3
        down = -(-len(names) // across)
        pitch = (WIDTH - 2 * MARGIN + APART) / across
        self.tallest = max((PAGE - 2 * MARGIN) / down - HEADING - APART, LEAST)
        for start in range(0, len(names), across):
            top = bottom = self.y
            for column, name in enumerate(names[start : start + across]):
                self.left = MARGIN + column * pitch
                self.right = self.left + pitch - APART
                self.y = top
                put(name)
                bottom = max(bottom, self.y)
            self.y = bottom + APART
        self.y -= APART

    def finish(self) -> "Figure":
        """The figure, cut to what is on it."""
        width, height = min(self._reached + MARGIN, WIDTH), self.y + MARGIN
        self.figure.set_size_inches(width, height)
        self.axes.set_xlim(0, width)
        self.axes.set_ylim(height, 0)
        return self.figure

    def text(
        self,
        x: float,
        y: float,
        text: str,
        *,
        size: float = 8,
        align: Literal["left", "center", "right"] = "left",
        colour: str = INK,
        bold: bool = False,
        room: float | None = None,
    ) -> float:
        """One line with its middle at height ``y``, cut off where it needs more than ``room``; gives its width."""
        shown = printable(text)
        label = self.axes.text(
            x,
            y,
            shown,
            fontsize=size,
            ha=align,
            va="center_baseline",
            color=colour,
            fontfamily=[FONT],
            fontstyle="normal",
            fontweight="bold" if bold else "normal",
            parse_math=False,
            usetex=False,
        )
        width = self._width(label)
        while room is not None and width > room and len(shown) > 1:
            shown = shown[: max(min(int(len(shown) * room / width), len(shown) - 1), 1)]
            label.set_text(shown + "…")
            width = self._width(label)
        self._reach(x + width * {"left": 1.0, "center": 0.5, "right": 0.0}[align])
        return width

    def _reach(self, x: float) -> None:
        """The page is as wide as what lies on it."""
        self._reached = max(self._reached, x)

    def mark(self, x: float, y: float, text: str, size: float, colour: str) -> None:
        """A few figures around a point; :meth:`text` measures what it writes, which is slow for thousands."""
        self.axes.text(
            x, y, text, fontsize=size, ha="center", va="center_baseline", color=colour, fontfamily=[FONT],
            parse_math=False, usetex=False,
        )  # fmt: skip

    def upright(self, x: float, y: float, text: str, *, size: float = 8, room: float) -> None:
        """One line from top to bottom, read from the right, that ends at height ``y``."""
        shown = printable(text)
        while self.length(shown, size) > room and len(shown) > 2:
            shown = shown[:-2] + "…"
        self._reach(x + size / 72)
        self.axes.text(
            x,
            y,
            shown,
            fontsize=size,
            rotation=90,
            ha="center",
            va="top",
            color=INK,
            fontfamily=[FONT],
            parse_math=False,
            usetex=False,
        )

    def length(self, text: str, size: float) -> float:
        """How wide a line is, in inches."""
        label = self.axes.text(0, 0, printable(text), fontsize=size, fontfamily=[FONT], parse_math=False, usetex=False)
        width = self._width(label)
        label.remove()
        return width

    def _width(self, label: Any) -> float:
        return float(label.get_window_extent().width) / DPI

    def heading(self, title: str, details: str, facts: "Sequence[str]") -> None:
        """A title in bold with details beside it, and a line of facts below."""
        self.y += 0.1
        room = self.right - self.left
        width = self.text(self.left, self.y, title, size=10.5, bold=True, room=room * 0.6)
        self.text(self.left + width + 0.12, self.y, details, size=9, room=room - width - 0.12)
        self.y += 0.21
        self.text(self.left, self.y, " · ".join(fact for fact in facts if fact), colour=FAINT, room=room)
        self.y += 0.17

    def image(
        self,
        values: "NDArray[Any]",
        box: tuple[float, float, float, float],
        ends: tuple[float, float],
        colours: str,
        name: str,
    ) -> None:
        """A map (H, W), or a picture (H, W, 3), in a box (x, y, width, height). ``ends`` get the outermost colours.

        Of what has more cells than can be seen, blocks become their means.
        """
        import numpy as np
        from matplotlib import colormaps
        from matplotlib.colors import Normalize

        x, y, width, height = box
        values = np.asarray(thinned(values, (ceil(FINEST * height), ceil(FINEST * width))), np.float64)
        palette = colormaps[colours].with_extremes(bad=GREEN)
        image = self.axes.imshow(
            values if values.ndim == 3 else np.ma.masked_invalid(values),
            cmap=palette,
            norm=Normalize(*ends),
            extent=(x, x + width, y + height, y),
            interpolation="auto",
            aspect="auto",
            origin="upper",
            resample=True,
            filternorm=True,
            label=name,
        )
        image.set_clip_on(False)
        self.rectangle(box, edge=RULE)

    def rectangle(
        self, box: tuple[float, float, float, float], *, fill: str | None = None, edge: str | None = None
    ) -> None:
        from matplotlib.patches import Rectangle

        x, y, width, height = box
        patch = Rectangle((x, y), width, height, facecolor=fill or "none", edgecolor=edge or "none", linewidth=0.4)
        patch.set_clip_on(False)
        self.axes.add_patch(patch)
        self._reach(x + width)

    def line(self, xs: "Sequence[float]", ys: "Sequence[float]", *, colour: str = RULE, width: float = 0.6) -> None:
        """A line through points; NaN interrupts it."""
        self._reach(max(x for x in xs if isfinite(x)))
        self.axes.plot(xs, ys, color=colour, linewidth=width, linestyle="-", marker="", clip_on=False)

    def area(self, xs: "Sequence[float]", ys: "Sequence[float]", colour: str, name: str) -> None:
        """A filled outline."""
        from matplotlib.patches import Polygon

        patch = Polygon(list(zip(xs, ys, strict=True)), closed=True, facecolor=colour, edgecolor="none", label=name)
        patch.set_clip_on(False)
        self.axes.add_patch(patch)

    def colour_bar(self, x: float, y: float, height: float, ends: tuple[float, float], colours: str) -> None:
        """The colours from ``ends[1]`` at the top to ``ends[0]``, with 0 where it lies between."""
        import numpy as np

        low, high = ends
        self.image(np.linspace(1, 0, 256)[:, None], (x, y, 0.12, height), (0, 1), colours, "colour bar")
        inset = min(0.06, height / 4)
        marks = [(0.0, high), (1.0, low)]
        if low < 0 < high:
            place = high / (high - low)
            if 0.17 < place * height < height - 0.17:
                marks.append((place, 0.0))
        for place, value in marks:
            self.text(x + 0.18, y + inset + place * (height - 2 * inset), number(value), size=7, colour=FAINT)
