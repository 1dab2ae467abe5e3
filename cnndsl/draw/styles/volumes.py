"""``--style volumes``: every value as a cuboid that follows its size, as in the figures of VGG and AlexNet."""

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from math import prod
from typing import NamedTuple

from cnndsl.analysis.measured import Measured
from cnndsl.draw.canvas.scene import Drawable as Drawn
from cnndsl.draw.canvas.scene import Frame, Glyph, Point, Polygon, Polyline, Scene
from cnndsl.draw.canvas.text_metrics import width
from cnndsl.draw.layout.layered import BoxGroup, Placement, Size, Spacing
from cnndsl.draw.layout.pages import paged
from cnndsl.draw.outline import Opened, Outline, outline
from cnndsl.draw.page import ANY_PAGE, Page
from cnndsl.draw.styles.captions import CONTINUED, facts, frame_titles, repeated
from cnndsl.draw.styles.cuboid import Scales, scales
from cnndsl.draw.styles.value_glyph import PORT, Body, Table, ValueDrawing
from cnndsl.draw.styles.values import Volume, frames_around, gathered
from cnndsl.shapes import Shape

MARGIN = 10.0
FRAME_TEXT, FRAME_TITLE, FRAME_PADDING = 11.0, 18.0, 8.0
SPACING = Spacing(rank=14, boxes=16, arrow=4, padding=10, port=PORT)
"""Volumes hold the arrows that reach them."""

DOWNWARDS = Spacing(boxes=16, padding=10, port=PORT)


class Figure(NamedTuple):
    """What is drawn: the values with their places, the edges between them and where these run."""

    found: Outline
    volumes: Sequence[Volume]
    drawings: Sequence[ValueDrawing]
    edges: Sequence[tuple[int, int]]
    placed: Placement


Marks = Callable[[Figure], dict[int, tuple[Polygon, ...]]]
"""What is drawn upon a figure instead of some of its lines, by the edges' places."""


def volumes_scene(network: Measured, depth: int | Opened = 0, page: Page = ANY_PAGE) -> Scene:
    """The picture from left to right; block instances nested deeper than ``depth`` are the volume of their output.

    Norms, activations and ``flatten`` are named at the volume that they work on. Raises CnnError as
    :func:`cnndsl.draw.outline.outline`.
    """
    return values_scene(network, depth, page, Scales.cuboid)


def values_scene(
    network: Measured,
    depth: int | Opened,
    page: Page,
    body: Callable[[Scales, Shape], Body],
    marks: Marks = lambda figure: {},
    table: Callable[[Outline, Volume], Table | None] = lambda found, volume: None,
) -> Scene:
    """A figure of values, each drawn as its ``body``."""
    found = outline(network, depth)
    around = frames_around(found)
    volumes, edges = gathered(found, around)
    sizes = scales(volume.shape for volume in volumes)
    arrivals = Counter(target for _, target in edges)
    direction = page.direction("right")
    right = direction == "right"
    drawings = [
        ValueDrawing(volume, body(sizes, volume.shape), arrivals[index], right, table(found, volume))
        for index, volume in enumerate(volumes)
    ]
    boxes = [Size(one.width, one.height) for one in drawings]
    spacing = SPACING if right else DOWNWARDS
    extents = [prod(volume.shape.spatial) for volume in volumes]
    placed = paged(boxes, edges, direction, spacing, _groups(found, volumes, around), page, extents)
    marked = marks(Figure(found, volumes, drawings, edges, placed))
    glyphs, lines = _drawn(Figure(found, volumes, drawings, edges, placed), marked)
    frames = [
        Frame(title, *at, found.frames[block].depth, block)
        for title, block, at in zip(frame_titles(found, placed), placed.groups, placed.frames, strict=True)
    ]
    upon = tuple(polygon for polygons in marked.values() for polygon in polygons)
    scene = Scene(network.name, facts(network), 0, 0, tuple(glyphs), tuple(lines), tuple(frames), marks=upon)
    return _fitted(_hugged(scene) if right else scene)


def _drawn(figure: Figure, marked: Collection[int]) -> tuple[list[Glyph], list[Polyline]]:
    """The glyphs, and the lines that no mark replaces."""
    arriving: list[list[float]] = [[] for _ in figure.volumes]
    leaving: list[list[float]] = [[] for _ in figure.volumes]
    lines = [
        (source, target, route)
        for index, ((source, target), route) in enumerate(zip(figure.edges, figure.placed.routes, strict=True))
        if index not in marked
    ]
    for source, target, route in lines:
        if _level(route[:2]):
            leaving[source].append(route[0][1])
        if _level(route[-2:]):
            arriving[target].append(route[-1][1])
    glyphs = [
        drawing.glyph(figure.found, x, y, arriving[index], leaving[index])
        for index, (drawing, (x, y)) in enumerate(zip(figure.drawings, figure.placed.positions, strict=True))
    ]
    return glyphs, [_line(glyphs[source], glyphs[target], route) for source, target, route in lines]


def _level(piece: Sequence[Point]) -> bool:
    return piece[0][1] == piece[1][1]


def _line(source: Glyph, target: Glyph, route: Sequence[Point]) -> Polyline:
    """The line from border to border; from above and below it has a head of its own."""
    points = [*route]
    if not _level(route[:2]):
        points[0] = route[0][0], source.y + source.height if route[1][1] > route[0][1] else source.y
    if not _level(route[-2:]):
        points[-1] = route[-1][0], target.y if route[-1][1] > route[-2][1] else target.y + target.height
    return Polyline(source.name, target.name, tuple(points), arrow=not _level(route[-2:]))


def _groups(found: Outline, volumes: Sequence[Volume], around: Sequence[tuple[int, ...]]) -> list[BoxGroup]:
    """The volumes of every frame, and the room for its title."""
    members: list[list[int]] = [[] for _ in found.frames]
    for index, volume in enumerate(volumes):
        for frame in around[volume.units[0]]:
            members[frame].append(index)
    texts = [CONTINUED + repeated(opened.title, opened.repeat) for opened in found.frames]
    titles = [(width(text, FRAME_TEXT, True) + 16, FRAME_TITLE) for text in texts]
    return [BoxGroup(inside[0], inside[-1] + 1, title) for inside, title in zip(members, titles, strict=True)]


def _hugged(scene: Scene) -> Scene:
    """The scene with frames as high as what they hold; those inside others first."""
    frames: dict[int, Frame] = {}
    for index, frame in sorted(enumerate(scene.frames), key=lambda pair: -pair[1].depth):
        right, bottom = frame.x + frame.width, frame.y + frame.height
        held: list[Glyph | Frame] = [*scene.glyphs, *(one for one in frames.values() if one.depth > frame.depth)]
        held = [one for one in held if frame.x <= one.x < right and frame.y <= one.y < bottom]
        bends = [y for line in scene.lines for x, y in line.points if frame.x < x < right and frame.y < y < bottom]
        top = max(frame.y, min([*(one.y for one in held), *bends]) - FRAME_PADDING / 2 - FRAME_TITLE)
        bottom = min(bottom, max([*(one.y + one.height for one in held), *bends]) + FRAME_PADDING)
        frames[index] = frame._replace(y=top, height=bottom - top)
    return scene._replace(frames=tuple(frames[index] for index in range(len(scene.frames))))


def _fitted(scene: Scene) -> Scene:
    """The scene moved to the corner, with its margins."""
    points = [point for line in scene.lines for point in line.points]
    rectangles: list[Glyph | Frame] = [*scene.glyphs, *scene.frames]
    left = min([*(one.x for one in rectangles), *(x for x, _ in points)]) - MARGIN
    top = min([*(one.y for one in rectangles), *(y for _, y in points)]) - MARGIN
    right = max([*(one.x + one.width for one in rectangles), *(x for x, _ in points)]) + MARGIN
    bottom = max([*(one.y + one.height for one in rectangles), *(y for _, y in points)]) + MARGIN
    return scene._replace(
        width=right - left,
        height=bottom - top,
        glyphs=tuple(_moved(glyph, -left, -top) for glyph in scene.glyphs),
        lines=tuple(line._replace(points=tuple((x - left, y - top) for x, y in line.points)) for line in scene.lines),
        frames=tuple(frame._replace(x=frame.x - left, y=frame.y - top) for frame in scene.frames),
        marks=tuple(_polygon_moved(polygon, -left, -top) for polygon in scene.marks),
    )


def _moved(glyph: Glyph, right: float, down: float) -> Glyph:
    shapes: list[Drawn] = []
    for shape in glyph.shapes:
        if isinstance(shape, Polygon):
            shapes.append(_polygon_moved(shape, right, down))
        else:
            shapes.append(shape._replace(x=shape.x + right, y=shape.y + down))
    return glyph._replace(x=glyph.x + right, y=glyph.y + down, shapes=tuple(shapes))


def _polygon_moved(polygon: Polygon, right: float, down: float) -> Polygon:
    return polygon._replace(points=tuple((x + right, y + down) for x, y in polygon.points))
