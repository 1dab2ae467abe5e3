"""The geometry of a picture, measured on its shapes alone, and everything that is wrong with it in words."""

from collections.abc import Iterator, Sequence
from itertools import combinations, pairwise
from math import hypot
from typing import NamedTuple

from cnndsl.draw.canvas.scene import Box, Drawable, Frame, Glyph, Point, Polygon, Scene, TextLabel
from cnndsl.draw.canvas.strokes import HEAD_WIDTH
from cnndsl.draw.canvas.text_metrics import width
from cnndsl.draw.outline import Outline

SLACK = 0.01
LONG = 120.0
"""A text shorter than this is never cut."""


class Rectangle(NamedTuple):
    left: float
    top: float
    right: float
    bottom: float

    def overlaps(self, other: "Rectangle") -> bool:
        across = min(self.right, other.right) - max(self.left, other.left)
        down = min(self.bottom, other.bottom) - max(self.top, other.top)
        return across > SLACK and down > SLACK

    def holds(self, other: "Rectangle") -> bool:
        return (
            self.left - SLACK <= other.left
            and other.right <= self.right + SLACK
            and self.top - SLACK <= other.top
            and other.bottom <= self.bottom + SLACK
        )

    def has_on_border(self, point: Point) -> bool:
        x, y = point
        inside = self.left - SLACK <= x <= self.right + SLACK and self.top - SLACK <= y <= self.bottom + SLACK
        return inside and min(abs(x - self.left), abs(x - self.right), abs(y - self.top), abs(y - self.bottom)) <= SLACK


class Piece(NamedTuple):
    """A horizontal or vertical piece of a line, and what the line's value comes from."""

    left: float
    top: float
    right: float
    bottom: float
    source: object

    @property
    def flat(self) -> bool:
        return self.bottom - self.top <= SLACK

    def enters(self, box: Rectangle) -> bool:
        across = box.left + SLACK < self.right and self.left < box.right - SLACK
        return across and box.top + SLACK < self.bottom and self.top < box.bottom - SLACK

    def runs_along(self, other: "Piece") -> bool:
        if self.flat != other.flat:
            return False
        if self.flat:
            return (
                abs(self.top - other.top) <= SLACK and min(self.right, other.right) - max(self.left, other.left) > SLACK
            )
        return (
            abs(self.left - other.left) <= SLACK and min(self.bottom, other.bottom) - max(self.top, other.top) > SLACK
        )

    def crosses(self, other: "Piece") -> bool:
        if self.flat == other.flat:
            return False
        across, down = (self, other) if self.flat else (other, self)
        within = across.left + SLACK < down.left < across.right - SLACK
        return within and down.top + SLACK < across.top < down.bottom - SLACK


class Picture(NamedTuple):
    """What is checked, of a scene or of a placement. A line is its source, its target and its points."""

    boxes: dict[object, Rectangle]
    lines: list[tuple[object, object, Sequence[Point]]]
    labels: list[Rectangle]
    frames: list[tuple[Rectangle, int, set[object]]]
    """Where each is, the block that it belongs to (one may have several pieces), and what stands in that block."""
    whole: Rectangle

    def pieces(self) -> list[Piece]:
        return [
            Piece(min(x, to_x), min(y, to_y), max(x, to_x), max(y, to_y), source)
            for source, _, points in self.lines
            for (x, y), (to_x, to_y) in pairwise(points)
        ]


def faults(picture: Picture) -> Iterator[str]:
    """Everything that is wrong with a picture, in words."""
    pieces = picture.pieces()
    for (name, one), (other, two) in combinations(picture.boxes.items(), 2):
        if one.overlaps(two):
            yield f"{name} and {other} overlap"
    for source, target, points in picture.lines:
        if len(points) < 2 or not picture.boxes[source].has_on_border(points[0]):
            yield f"the line to {target} does not begin at {source}"
        if not picture.boxes[target].has_on_border(points[-1]):
            yield f"the line from {source} does not end at {target}"
    for piece in pieces:
        if piece.right - piece.left > SLACK and piece.bottom - piece.top > SLACK:
            yield f"a piece of a line from {piece.source} is slanted"
        yield from (
            f"a line from {piece.source} runs through {name}"
            for name, box in picture.boxes.items()
            if piece.enters(box)
        )
        if any(piece.enters(label) for label in picture.labels):
            yield f"a line from {piece.source} runs through a label"
    for first, second in combinations(pieces, 2):
        if first.source != second.source and first.runs_along(second):
            yield f"lines from {first.source} and {second.source} share a piece"
    for label in picture.labels:
        yield from (f"a label lies on {name}" for name, box in picture.boxes.items() if label.overlaps(box))
    if any(one.overlaps(two) for one, two in combinations(picture.labels, 2)):
        yield "labels overlap"
    for name, box in picture.boxes.items():
        around = {block for frame, block, _ in picture.frames if frame.holds(box)}
        mine = {block for _, block, members in picture.frames if name in members}
        yield from (f"{name} is not inside its frame" for _ in mine - around)
        if any(frame.overlaps(box) and name not in members for frame, _, members in picture.frames):
            yield f"{name} lies in a frame that is not its own"
    for (one, _, inner), (two, _, outer) in combinations(picture.frames, 2):
        if inner < outer or outer < inner:
            small, large = (one, two) if inner < outer else (two, one)
            if small.overlaps(large) and not large.holds(small):
                yield "a frame is not inside the one around it"
        elif inner != outer and one.overlaps(two):
            yield "frames overlap"
    everything = [*picture.boxes.values(), *picture.labels, *(frame for frame, _, _ in picture.frames)]
    everything += [Rectangle(piece.left, piece.top, piece.right, piece.bottom) for piece in pieces]
    if not all(picture.whole.holds(one) for one in everything):
        yield "something lies outside"


def crossings(picture: Picture) -> int:
    """Places where lines of different values cross."""
    points = set()
    for one, two in combinations(picture.pieces(), 2):
        if one.source != two.source and one.crosses(two):
            across, down = (one, two) if one.flat else (two, one)
            points.add((down.left, across.top))
    return len(points)


def of_label(label: TextLabel) -> Rectangle:
    long = width(label.text, label.size, label.bold)
    left = label.x - {"start": 0.0, "middle": long / 2, "end": long}[label.anchor]
    return Rectangle(left, label.y - 0.75 * label.size, left + long, label.y + 0.2 * label.size)


def members(scene: Scene, found: Outline) -> Iterator[set[object]]:
    """The glyphs inside every open block: those of its layers."""
    for frame in found.frames:
        units = [found.units[index] for index in frame.units]
        inside = {layer.name for unit in units for layer in (*unit.layers, *unit.others)}
        yield {
            glyph.name
            for glyph in scene.glyphs
            if glyph.layers and inside.issuperset(glyph.layers) and not glyph.name.endswith(" (output)")
        }


def border(shape: Glyph | Frame) -> Rectangle:
    return Rectangle(shape.x, shape.y, shape.x + shape.width, shape.y + shape.height)


def of_scene(scene: Scene, found: Outline) -> Picture:
    inside = list(members(scene, found))
    return Picture(
        {glyph.name: border(glyph) for glyph in scene.glyphs},
        [(line.source, line.target, line.points) for line in scene.lines],
        [of_label(label) for line in scene.lines for label in line.labels],
        [(border(frame), frame.block, inside[frame.block]) for frame in scene.frames],
        Rectangle(0, 0, scene.width, scene.height),
    )


def scene_faults(scene: Scene, found: Outline) -> Iterator[str]:
    """What is wrong with the lines, boxes and frames, and with all that stands in them."""
    picture = of_scene(scene, found)
    yield from faults(picture)
    yield from shared_ends(picture)
    titles = [
        (of_label(TextLabel(frame.x + 8, frame.y + 14, frame.title, 11, "start", bold=True)), frame)
        for frame in scene.frames
    ]
    for title, frame in titles:
        if not border(frame).holds(title):
            yield f"the title {frame.title!r} is wider than its frame"
        yield from cut(frame.title, 11, bold=True)
        if any(piece.enters(title) for piece in picture.pieces()):
            yield f"a line runs through the title {frame.title!r}"
        if any(title.overlaps(box) for box in picture.boxes.values()):
            yield f"a box lies on the title {frame.title!r}"
    if any(one.overlaps(two) for (one, _), (two, _) in combinations(titles, 2)):
        yield "titles overlap"
    for glyph in scene.glyphs:
        yield from (f"{glyph.name}: {fault}" for fault in glyph_faults(glyph))


def shared_ends(picture: Picture) -> Iterator[str]:
    """Lines from different sources whose heads would lie on each other."""
    arriving: dict[object, dict[object, Point]] = {}
    for source, target, points in picture.lines:
        arriving.setdefault(target, {})[source] = points[-1]
    for target, ends in arriving.items():
        for (one, (x, y)), (two, (other_x, other_y)) in combinations(ends.items(), 2):
            if hypot(x - other_x, y - other_y) < HEAD_WIDTH:
                yield f"the lines from {one} and {two} end at one place of {target}"


def glyph_faults(glyph: Glyph) -> Iterator[str]:
    """What is wrong within a glyph: something outside, text that lies on something, heads upon each other."""
    inside = border(glyph)
    texts = [shape for shape in glyph.shapes if isinstance(shape, TextLabel)]
    for shape in glyph.shapes:
        if not inside.holds(of_shape(shape)):
            yield f"{shape} lies outside"
    for text in texts:
        yield from cut(text.text, text.size, text.bold)
    if any(of_label(one).overlaps(of_label(two)) for one, two in combinations(texts, 2)):
        yield "texts overlap"
    polygons = [shape for shape in glyph.shapes if isinstance(shape, Polygon)]
    if any(of_label(text).overlaps(of_shape(one)) for text in texts for one in polygons):
        yield "a text lies on a shape"
    heads = [of_shape(one) for one in polygons if one.role == "arrow" and len(one.points) == 3]
    if any(one.overlaps(two) for one, two in combinations(heads, 2)):
        yield "two heads lie on each other"


def of_shape(shape: Drawable) -> Rectangle:
    if isinstance(shape, TextLabel):
        return of_label(shape)
    if isinstance(shape, Box):
        return Rectangle(shape.x, shape.y, shape.x + shape.width, shape.y + shape.height)
    xs, ys = zip(*shape.points, strict=True)
    return Rectangle(min(xs), min(ys), max(xs), max(ys))


def cut(text: str, size: float, bold: bool) -> Iterator[str]:
    if text.endswith("…") and width(text, size, bold) < LONG:
        yield f"{text!r} is cut"
