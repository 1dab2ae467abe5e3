"""Pictures of networks: scenes in several styles, as SVG, PDF and PNG, and graphs as Mermaid and DOT text.

- ``outline``: what a picture shows: units, folded to a depth, with what is repeated drawn once. ``opening``: the blocks
  that are opened when nobody says how deep.
- ``page``: the page that it has to fit.
- ``layout``: where the boxes of a graph stand and how the lines between them run. It knows sizes alone.
- ``styles``: from an outline to a scene (``graph``, ``volumes``, ``sheets``) or to text (Mermaid, DOT).
- ``canvas``: from a scene, which is plain shapes, to SVG, PDF or PNG.
"""

import os
from collections.abc import Callable, Collection
from typing import Literal, TypeAlias

from cnndsl.analysis.measured import Measured
from cnndsl.draw.canvas.scene import Scene
from cnndsl.draw.canvas.theme import THEMES, ThemeName
from cnndsl.draw.opening import telling
from cnndsl.draw.outline import Opened, Outline
from cnndsl.draw.page import ANY_PAGE, Page
from cnndsl.errors import CnnError, either, quoted, require_whole

Style: TypeAlias = Literal["graph", "volumes", "sheets"]
Format: TypeAlias = Literal["svg", "png", "pdf", "mmd", "dot"]


class Picture(str):
    """The text of an SVG picture, which notebooks show as the picture."""

    __slots__ = ()

    def _repr_svg_(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        """The picture in the notebook's theme, which an SVG by itself cannot know."""
        from cnndsl.draw.canvas.theme import NOTEBOOK, notebook_css

        drawn = self[self.index("<svg") :]
        return f'<div class="{NOTEBOOK[1:]}"><style>{notebook_css()}</style>\n{drawn}</div>'


def _graph(network: Measured, depth: int | Opened, page: Page) -> Scene:
    from cnndsl.draw.styles.graph import graph_scene

    return graph_scene(network, depth, page)


def _volumes(network: Measured, depth: int | Opened, page: Page) -> Scene:
    from cnndsl.draw.styles.volumes import volumes_scene

    return volumes_scene(network, depth, page)


def _sheets(network: Measured, depth: int | Opened, page: Page) -> Scene:
    from cnndsl.draw.styles.sheets import sheets_scene

    return sheets_scene(network, depth, page)


SCENES: dict[Style, Callable[[Measured, int | Opened, Page], Scene]] = {
    "graph": _graph,
    "volumes": _volumes,
    "sheets": _sheets,
}
"""Every style, and what makes its scene of a network, what is open, and a page. Commands, errors and docs read it."""


def _svg(picture: Scene, theme: ThemeName) -> bytes:
    from cnndsl.draw.canvas.svg import svg

    return svg(picture, theme).encode()


def _png(picture: Scene, theme: ThemeName) -> bytes:
    from cnndsl.draw.canvas.matplotlib import png

    return png(picture, theme)


def _pdf(picture: Scene, theme: ThemeName) -> bytes:
    from cnndsl.draw.canvas.matplotlib import pdf

    return pdf(picture, theme)


def _mermaid(found: Outline, name: str) -> str:
    from cnndsl.draw.styles.mermaid import mermaid

    return mermaid(found, name)


def _dot(found: Outline, name: str) -> str:
    from cnndsl.draw.styles.dot import dot

    return dot(found, name)


PICTURES: dict[Format, Callable[[Scene, ThemeName], bytes]] = {"svg": _svg, "png": _png, "pdf": _pdf}
"""The formats of pictures, and what makes one of a scene."""

TEXTS: dict[Format, Callable[[Outline, str], str]] = {"mmd": _mermaid, "dot": _dot}
"""The formats that hold a graph as text, and what writes one of an outline and a name."""

BY_MATPLOTLIB: frozenset[Format] = frozenset({"png", "pdf"})


def formats() -> tuple[Format, ...]:
    """Every format, by the suffix of its files."""
    return (*PICTURES, *TEXTS)


def scene(network: Measured, style: Style = "graph", depth: int | None = None, page: Page = ANY_PAGE) -> Scene:
    """The picture of a network; blocks nested deeper than ``depth`` are folded. Raises CnnError for a bad setting.

    Without a ``depth``, blocks are opened until the picture tells something (:func:`cnndsl.draw.opening.telling`).
    What is wider than the page is shown smaller.
    """
    _require(style, SCENES, "style")
    found = SCENES[style](network, _opened(network, depth), page)
    return found if page.width is None else found._replace(scale=min(1.0, page.width / found.width))


def _opened(network: Measured, depth: int | None) -> int | Opened:
    if depth is None:
        return telling(network)
    require_whole("depth", depth, 0)
    return depth


def render(
    network: Measured,
    to: Format,
    style: Style = "graph",
    depth: int | None = None,
    theme: ThemeName = "auto",
    page: Page = ANY_PAGE,
) -> bytes:
    """The picture in a format; the same network gives the same bytes.

    Raises CnnError for a bad setting, for volumes or pages in a format of text, and for ``png`` and ``pdf`` without
    matplotlib.
    """
    _require(theme, THEMES, "theme")
    _require(to, formats(), "the format")
    if to in TEXTS:
        if page != ANY_PAGE:
            advice = f"write {either(f'.{name}' for name in PICTURES)}"
            raise CnnError.of("bad-setting", f".{to} has no page: whoever draws it lays it out", advice)
        return _text(network, to, style, depth).encode()
    return PICTURES[to](scene(network, style, depth, page), theme)


def _text(network: Measured, to: Format, style: Style, depth: int | None) -> str:
    _require(style, SCENES, "style")
    if style != "graph":
        advice = f"write {either(f'.{name}' for name in PICTURES)}"
        raise CnnError.of("bad-setting", f".{to} holds a graph, no {style}", advice)
    from cnndsl.draw.outline import outline  # a name of this module would hide that one

    return TEXTS[to](outline(network, _opened(network, depth)), network.name)


def write(
    network: Measured,
    path: str | os.PathLike[str],
    style: Style = "graph",
    depth: int | None = None,
    theme: ThemeName = "auto",
    to: Format | None = None,
    page: Page = ANY_PAGE,
) -> None:
    """Writes the picture, whole or not at all, in the format ``to`` or that of the path's suffix.

    Raises CnnError as :func:`render`, and OSError.
    """
    from pathlib import Path

    from cnndsl.files import write_whole

    picture = render(network, to or format_of(path), style, depth, theme, page)
    write_whole(path, lambda temporary: Path(temporary).write_bytes(picture))


def format_of(path: str | os.PathLike[str]) -> Format:
    """The format that a path's suffix means. Raises CnnError ``bad-setting`` if it means none."""
    suffix = os.path.splitext(path)[1].lower().removeprefix(".")
    for name in formats():
        if name == suffix:
            return name
    suffixes = either(f".{name}" for name in formats())
    message = f"cannot tell the format of {quoted(os.fspath(path))}"
    raise CnnError.of("bad-setting", message, f"end the name in {suffixes}, or give --to")


def _require(value: str, known: Collection[str], what: str) -> None:
    if value not in known:
        raise CnnError.of("bad-setting", f"{what} {quoted(str(value))} is unknown", f"it is one of {', '.join(known)}")
