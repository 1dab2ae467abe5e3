"""A figure in a notebook, light or dark as the notebook is. Needs matplotlib."""

from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import BytesIO
from typing import TYPE_CHECKING

from cnndsl.report.markup import DARK_NOTEBOOKS

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D
    from matplotlib.text import Text

PIXELS = 96
"""Of a page of HTML, an inch."""


def html(figure: "Figure", on_dark: Mapping[str, str]) -> str:
    """The figure twice, of which the notebook's theme shows one: light upon white, dark upon what is there.

    ``on_dark``: what the colours of words and lines become; numbers upon the colours of cells have others, and stay.
    """
    width = round(figure.get_size_inches()[0] * PIXELS)
    light = _image(figure, "light", width)
    with _dark(figure, on_dark):
        dark = _image(figure, "dark", width)
    where = f":is({','.join(DARK_NOTEBOOKS)}) .cnndsl-figure"
    style = f".cnndsl-figure .dark,{where} .light{{display:none}}{where} .dark{{display:inline}}"
    return f'<div class="cnndsl-figure"><style>{style}</style>{light}{dark}</div>'


def _image(figure: "Figure", theme: str, width: int) -> str:
    stream = BytesIO()
    figure.savefig(stream, format="png", dpi=figure.dpi, metadata={"Software": None}, facecolor=figure.get_facecolor())
    data = b64encode(stream.getvalue()).decode()
    return f'<img class="{theme}" alt="" style="width:{width}px;max-width:100%" src="data:image/png;base64,{data}">'


@contextmanager
def _dark(figure: "Figure", on_dark: Mapping[str, str]) -> Iterator[None]:
    """The colours of a dark theme, for as long as it is drawn."""
    axes = figure.axes[0]
    parts: list[Text | Line2D] = [*axes.texts, *axes.lines]
    before = [(part, str(part.get_color())) for part in parts if part.get_color() in on_dark]
    paper = figure.get_facecolor()
    for part, colour in before:
        part.set_color(on_dark[colour])
    figure.set_facecolor("none")
    try:
        yield
    finally:
        for part, colour in before:
            part.set_color(colour)
        figure.set_facecolor(paper)
