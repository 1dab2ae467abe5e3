"""Pictures of networks: scenes in two styles, as SVG, PDF and PNG, and graphs as Mermaid and DOT text.

- ``outline``: what a picture shows: units, folded to a depth, with what is repeated drawn once.
- ``layout``: where the boxes of a graph stand and how the lines between them run. It knows sizes alone.
- ``styles``: from an outline to a scene (``graph``, ``volumes``) or to text (Mermaid, DOT).
- ``canvas``: from a scene, which is plain shapes, to SVG, PDF or PNG.
"""

import os
from collections.abc import Sequence
from typing import Literal, TypeAlias

from cnndsl.analysis.measured import Measured
from cnndsl.draw.canvas.scene import Scene
from cnndsl.draw.canvas.theme import THEMES, ThemeName
from cnndsl.errors import CnnError, quoted

Style: TypeAlias = Literal["graph", "volumes"]
Format: TypeAlias = Literal["svg", "png", "pdf", "mmd", "dot"]

STYLES: tuple[Style, ...] = ("graph", "volumes")
FORMATS: tuple[Format, ...] = ("svg", "png", "pdf", "mmd", "dot")


def scene(network: Measured, style: Style = "graph", depth: int | None = None) -> Scene:
    """The picture of a network; blocks nested deeper than ``depth`` are folded. Raises CnnError for a bad setting.

    Without a ``depth``, all blocks are; as volumes, they are opened until there are at least six, but not over thirty.
    """
    if _one_of(style, STYLES, "style") == "volumes":
        from cnndsl.draw.styles.volumes import telling_depth, volumes_scene

        return volumes_scene(network, telling_depth(network) if depth is None else depth)
    from cnndsl.draw.styles.graph import graph_scene

    return graph_scene(network, depth or 0)


def render(
    network: Measured, to: Format, style: Style = "graph", depth: int | None = None, theme: ThemeName = "auto"
) -> bytes:
    """The picture in a format; the same network gives the same bytes.

    Raises CnnError for a bad setting, for volumes in a format of text, and for ``png`` and ``pdf`` without matplotlib.
    """
    _one_of(theme, THEMES, "theme")
    if _one_of(to, FORMATS, "the format") in ("mmd", "dot"):
        return _text(network, to, style, depth or 0).encode()
    picture = scene(network, style, depth)
    if to == "svg":
        from cnndsl.draw.canvas.svg import svg

        return svg(picture, theme).encode()
    from cnndsl.draw.canvas import matplotlib as matplotlib_canvas

    return matplotlib_canvas.png(picture, theme) if to == "png" else matplotlib_canvas.pdf(picture, theme)


def _text(network: Measured, to: Format, style: Style, depth: int) -> str:
    if _one_of(style, STYLES, "style") != "graph":
        raise CnnError.of("bad-setting", f".{to} holds a graph, no volumes", "write .svg, .pdf or .png")
    from cnndsl.draw.outline import outline

    found = outline(network, depth)
    if to == "mmd":
        from cnndsl.draw.styles.mermaid import mermaid

        return mermaid(found, network.name)
    from cnndsl.draw.styles.dot import dot

    return dot(found, network.name)


def write(
    network: Measured,
    path: str | os.PathLike[str],
    style: Style = "graph",
    depth: int | None = None,
    theme: ThemeName = "auto",
    to: Format | None = None,
) -> None:
    """Writes the picture, whole or not at all, in the format ``to`` or that of the path's suffix.

    Raises CnnError as :func:`render`, and OSError.
    """
    from pathlib import Path

    from cnndsl.files import write_whole

    picture = render(network, to or format_of(path), style, depth, theme)
    write_whole(path, lambda temporary: Path(temporary).write_bytes(picture))


def format_of(path: str | os.PathLike[str]) -> Format:
    """The format that a path's suffix means. Raises CnnError ``bad-setting`` if it means none."""
    suffix = os.path.splitext(path)[1].lower().removeprefix(".")
    for name in FORMATS:
        if name == suffix:
            return name
    message = f"cannot tell the format of {quoted(os.fspath(path))}"
    raise CnnError.of("bad-setting", message, "end the name in .svg, .png, .pdf, .mmd or .dot, or give --to")


def _one_of(value: str, known: Sequence[str], what: str) -> str:
    if value not in known:
        raise CnnError.of("bad-setting", f"{what} {quoted(str(value))} is unknown", f"it is one of {', '.join(known)}")
    return value
