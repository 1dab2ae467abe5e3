"""A scene as SVG: no scripts, no outside references, real text."""

import json
from collections.abc import Iterable, Iterator
from html import escape
from zlib import crc32

from cnndsl.draw.canvas.scene import Box, Drawable, Frame, Glyph, Point, Polygon, Polyline, Scene, TextLabel
from cnndsl.draw.canvas.strokes import drawn_once, stroke
from cnndsl.draw.canvas.text_metrics import FAMILY, plain
from cnndsl.draw.canvas.theme import ThemeName, css


def svg(scene: Scene, theme: ThemeName = "auto", interactive: bool = False, standalone: bool = True) -> str:
    """The picture as SVG text.

    Under ``auto`` the colours follow the reader's system and the background shows through; ``light`` and ``dark`` paint
    one. ``interactive`` makes every glyph with layers a button: ``data-layers`` is a JSON list of their names; the page
    around the picture says what happens. Without ``standalone`` it is a piece of an HTML page.
    """
    body = "\n".join(_body(scene, theme, interactive))
    key = f"cnndsl-{crc32(body.encode()):08x}"
    size = f'width="{number(scene.width * scene.scale)}" height="{number(scene.height * scene.scale)}"'
    box = f'viewBox="0 0 {number(scene.width)} {number(scene.height)}"'
    about = f'role="{"group" if interactive else "img"}" aria-labelledby="{key}-title {key}-description"'
    classes = f"cnndsl-picture cnndsl-{theme}"
    head = f'<svg xmlns="http://www.w3.org/2000/svg" class="{classes}" {size} {box} {about} font-family="{FAMILY}">'
    rules = css(f".cnndsl-{theme}", theme, _roles(scene))
    if standalone and theme == "auto":
        rules += ":root{color-scheme:light dark}"
    parts = [
        '<?xml version="1.0" encoding="UTF-8"?>' if standalone else "",
        head,
        f'<title id="{key}-title">{text(scene.title)}</title>',
        f'<desc id="{key}-description">{text(scene.description)}</desc>',
        f"<style>{rules}</style>",
        body,
        "</svg>\n",
    ]
    return "\n".join(part for part in parts if part)


def number(value: float) -> str:
    """At most two decimals."""
    shown = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if shown == "-0" else shown


def text(value: str) -> str:
    """Any text as XML content or attribute."""
    return escape(plain(value), quote=True)


def _body(scene: Scene, theme: ThemeName, interactive: bool) -> Iterator[str]:
    if theme != "auto":
        yield f'<rect class="background" width="{number(scene.width)}" height="{number(scene.height)}"/>'
    for frame in sorted(scene.frames, key=lambda frame: frame.depth):
        yield from _frame(frame)
    for line in drawn_once(scene.lines):
        yield from _line(line)
    for glyph in scene.glyphs:
        yield from _glyph(glyph, interactive)
    yield from map(_shape, scene.marks)


def _frame(frame: Frame) -> Iterator[str]:
    place = f'x="{number(frame.x)}" y="{number(frame.y)}"'
    size = f'width="{number(frame.width)}" height="{number(frame.height)}"'
    yield f'<rect class="frame" {place} {size} rx="6"/>'
    yield _label(TextLabel(frame.x + 8, frame.y + 14, frame.title, 11, "start", "faint", True))


def _line(line: Polyline) -> Iterator[str]:
    drawn = stroke(line.points, line.arrow)
    pieces = [f"M{_point(drawn.start)}"]
    for corner in drawn.corners:
        pieces.append(f"L{_point(corner.before)}Q{_point(corner.around)} {_point(corner.after)}")
    pieces.append(f"L{_point(drawn.end)}")
    yield f'<path class="line" d="{"".join(pieces)}"/>'
    if drawn.head:
        yield f'<path class="arrow" d="M{"L".join(map(_point, drawn.head))}Z"/>'
    yield from map(_label, line.labels)


def _glyph(glyph: Glyph, interactive: bool) -> Iterator[str]:
    button = ""
    if interactive and glyph.layers:
        names = escape(json.dumps(glyph.layers), quote=True)
        button = f' data-layers="{names}" tabindex="0" role="button" aria-label="{text(glyph.hint)}"'
    yield f'<g class="glyph"{button}><title>{text(glyph.hint)}</title>'
    for shape in glyph.shapes:
        yield _shape(shape)
    yield "</g>"


def _shape(shape: Drawable) -> str:
    if isinstance(shape, TextLabel):
        return _label(shape)
    if isinstance(shape, Polygon):
        points = " ".join(map(_point, shape.points))
        return f'<polygon class="{text(shape.role)}" points="{points}" stroke-linejoin="round"/>'
    x, y, width, height, role, radius = shape
    rounded = f' rx="{number(radius)}"' if radius else ""
    place = f'x="{number(x)}" y="{number(y)}" width="{number(width)}" height="{number(height)}"'
    return f'<rect class="{text(role)}" {place}{rounded}/>'


def _label(label: TextLabel) -> str:
    anchor = "" if label.anchor == "start" else f' text-anchor="{label.anchor}"'
    weight = ' font-weight="bold"' if label.bold else ""
    role = ' class="faint"' if label.role == "faint" else ""
    place = f'x="{number(label.x)}" y="{number(label.y)}" font-size="{number(label.size)}"'
    return f"<text{role} {place}{anchor}{weight}>{text(label.text)}</text>"


def _point(point: Point) -> str:
    return f"{number(point[0])},{number(point[1])}"


def _roles(scene: Scene) -> Iterable[str]:
    shapes = [shape for glyph in scene.glyphs for shape in glyph.shapes]
    return {shape.role for shape in (*shapes, *scene.marks) if isinstance(shape, Box | Polygon)}
