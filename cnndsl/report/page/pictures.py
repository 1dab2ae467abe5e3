"""The diagram as volumes and as graphs of several depths, and its colours where the page's own switch decides."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from cnndsl.analysis.measured import Measured
from cnndsl.draw import Style, scene
from cnndsl.draw.canvas.scene import Box, Polygon
from cnndsl.draw.canvas.svg import svg
from cnndsl.draw.canvas.theme import PALETTES, css
from cnndsl.errors import CnnError
from cnndsl.report.markup import text

MOST_CHARACTERS = 400_000
"""The size of all pictures of a page; deeper ones are left out beyond it."""

EVERYTHING = 1_000_000

WIDE = 760
"""A picture of at most so many units leaves room for something beside it."""
WIDEST = 2400
"""Volumes up to this width come first; wider ones are too small to be read at once."""


class View(NamedTuple):
    """A picture by the name of its button, and the roles that have colours in it."""

    name: str
    svg: str
    width: float
    roles: frozenset[str]


class Diagram(NamedTuple):
    """The part of the page with the pictures, whether the first leaves room beside it, and their colours."""

    html: str
    narrow: bool
    css: str


def views(network: Measured) -> list[View]:
    """Volumes, the folded graph and, where they differ and there is room, those with blocks opened.

    Raises CnnError where there would be too many boxes.
    """
    found = list(_graphs(network))
    volumes = _volumes(network, MOST_CHARACTERS - sum(len(view.svg) for view in found))
    if volumes is None or not found:
        return found
    return [volumes, *found] if volumes.width <= WIDEST else [*found, volumes]


def diagram(network: Measured) -> Diagram:
    """The first view, and buttons for the others."""
    try:
        pictures = views(network)
    except CnnError as error:
        return Diagram(_missing(error.diagnostics[0].message), False, "")
    if not pictures:
        return Diagram(_missing("it is too large for this page; <code>cnndsl draw</code> makes it"), False, "")
    roles = frozenset().union(*(view.roles for view in pictures))
    return Diagram(_shown(network, pictures), pictures[0].width <= WIDE, _theme_css(roles))


def _shown(network: Measured, pictures: Sequence[View]) -> str:
    buttons = "".join(
        f'<button type="button" data-view="{index}" aria-pressed="{"true" if index == 0 else "false"}">'
        f"{view.name}</button>"
        for index, view in enumerate(pictures)
    )
    tools = f'<div class="tools" id="views" role="group" aria-label="View" hidden>{buttons}</div>'
    drawn = "\n".join(
        f'<div class="picture" data-view="{index}" style="--width:{view.width:.0f}px"{" hidden" if index else ""}>'
        f"{view.svg}</div>"
        for index, view in enumerate(pictures)
    )
    region = (
        f'<div class="region" role="region" tabindex="0" aria-label="Diagram of {text(network.name)}">{drawn}</div>'
    )
    return (tools if len(pictures) > 1 else "") + region


def _volumes(network: Measured, room: int) -> View | None:
    try:
        view = _view(network, "Volumes", "volumes", None)
    except CnnError:
        return None
    return view if len(view.svg) <= room else None


def _graphs(network: Measured) -> Iterator[View]:
    deepest = max((len(layer.node.path) for layer in network.layers.values()), default=0)
    depths = {"Graph": None, "Graph, one level": 1, "Graph, every layer": EVERYTHING}
    if deepest < 2:
        del depths["Graph, one level"]
    if deepest < 1:
        del depths["Graph, every layer"]
    room = MOST_CHARACTERS
    drawn: set[str] = set()
    for name, depth in depths.items():
        try:
            view = _view(network, name, "graph", depth)
        except CnnError:  # too many boxes to read; the table has them all
            if depth:
                return
            raise
        if view.svg in drawn:
            continue
        drawn.add(view.svg)
        room -= len(view.svg)
        if room < 0:
            return
        yield view


def _view(network: Measured, name: str, style: Style, depth: int | None) -> View:
    drawn = scene(network, style, depth)
    shapes = (shape for glyph in drawn.glyphs for shape in glyph.shapes)
    roles = frozenset(shape.role for shape in shapes if isinstance(shape, Box | Polygon))
    return View(name, svg(drawn, theme="auto", interactive=True, standalone=False), drawn.width, roles)


def _missing(reason: str) -> str:
    return f'<p class="hint">There is no picture: {reason}.</p>'


def _theme_css(roles: Iterable[str]) -> str:
    """The pictures' colours where the page's switch says otherwise than the system, and on paper."""
    switched = [css(f":root[data-theme={theme}] .cnndsl-auto", theme, roles) for theme in PALETTES]
    return "\n".join([*switched, f"@media print{{{css(':root:root:root .cnndsl-auto', 'light', roles)}}}\n"])
