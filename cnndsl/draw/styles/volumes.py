"""``--style volumes``: every value as a cuboid that follows its size, as in the figures of LeNet and AlexNet."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from math import ceil, prod
from typing import NamedTuple

from cnndsl.analysis.measured import Measured
from cnndsl.draw.canvas.scene import Drawable as Drawn
from cnndsl.draw.canvas.scene import Frame, Glyph, Point, Polygon, Polyline, Scene, TextLabel
from cnndsl.draw.canvas.strokes import HEAD_LENGTH, HEAD_WIDTH
from cnndsl.draw.canvas.text_metrics import shortened, width
from cnndsl.draw.layout.layered import BoxGroup, Size, Spacing
from cnndsl.draw.layout.pages import paged
from cnndsl.draw.outline import Opened, Outline, Unit, outline
from cnndsl.draw.page import ANY_PAGE, Page
from cnndsl.draw.styles.captions import CONTINUED, cut, family, frame_titles, repeated
from cnndsl.draw.styles.cuboid import Scales, scales
from cnndsl.shapes import Shape

TEXT, LINE_HEIGHT = 10.0, 12.5
COLUMN = 84.0
"""The width at which text is broken."""

LEAD, TAIL = 10.0, 4.0
"""Room for the arrow before a cuboid, and behind it."""

SLAB_GAP, MOST_SLABS = 6.0, 5

MARGIN = 10.0
STROKE = 1.25
FRAME_TEXT, FRAME_TITLE, FRAME_PADDING = 11.0, 18.0, 8.0

PORT = HEAD_WIDTH + 1
SPACING = Spacing(rank=14, boxes=16, arrow=4, padding=10, port=PORT)
"""Volumes hold the arrows that reach them."""

DOWNWARDS = Spacing(boxes=16, padding=10, port=PORT)

COLLECTOR = 3.0
"""How thick the bar is at which lines end that are too many for a small volume."""

UNNAMED = re.compile(r"(bias|weight|connect|eps|epsilon|momentum|fit|ceil_mode|count_include_pad)=")
"""Arguments that figures leave out."""


class Volume(NamedTuple):
    """A value and what makes it: a unit with those that are folded into it, by their places in the outline.

    Several volumes in a row that look alike are one with several ``slabs``.
    """

    units: tuple[int, ...]
    shape: Shape
    family: str
    text: tuple[tuple[str, bool], ...]
    slabs: int = 1


def volumes_scene(network: Measured, depth: int | Opened = 0, page: Page = ANY_PAGE) -> Scene:
    """The picture from left to right; block instances nested deeper than ``depth`` are the volume of their output.

    Norms, activations and ``flatten`` are named at the volume that they work on. Raises CnnError as
    :func:`cnndsl.draw.outline.outline`.
    """
    found = outline(network, depth)
    around = _around(found)
    volumes, edges = _gathered(found, around)
    sizes = scales(volume.shape for volume in volumes)
    arrivals = Counter(target for _, target in edges)
    direction = page.direction("right")
    right = direction == "right"
    drawings = [_Drawing(volume, sizes, arrivals[index], right) for index, volume in enumerate(volumes)]
    boxes = [Size(one.width, one.height) for one in drawings]
    spacing = SPACING if right else DOWNWARDS
    extents = [prod(volume.shape.spatial) for volume in volumes]
    placed = paged(boxes, edges, direction, spacing, _groups(found, volumes, around), page, extents)
    arriving: list[list[float]] = [[] for _ in volumes]
    leaving: list[list[float]] = [[] for _ in volumes]
    for (source, target), route in zip(edges, placed.routes, strict=True):
        if _level(route[:2]):
            leaving[source].append(route[0][1])
        if _level(route[-2:]):
            arriving[target].append(route[-1][1])
    glyphs = [
        drawing.glyph(found, x, y, arriving[index], leaving[index])
        for index, (drawing, (x, y)) in enumerate(zip(drawings, placed.positions, strict=True))
    ]
    routes = zip(edges, placed.routes, strict=True)
    lines = [_line(glyphs[source], glyphs[target], route) for (source, target), route in routes]
    count = len(network.layers)
    facts = f"{count:,} layer{'' if count == 1 else 's'}, {network.params:,} parameters, {network.macs:,} MACs"
    frames = [
        Frame(title, *at, found.frames[block].depth, block)
        for title, block, at in zip(frame_titles(found, placed), placed.groups, placed.frames, strict=True)
    ]
    scene = Scene(network.name, facts, 0, 0, tuple(glyphs), tuple(lines), tuple(frames))
    return _fitted(_hugged(scene) if right else scene)


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


def _around(found: Outline) -> list[tuple[int, ...]]:
    """The frames around every unit, outermost first."""
    around: list[tuple[int, ...]] = [()] * len(found.units)
    for index, frame in sorted(enumerate(found.frames), key=lambda pair: pair[1].depth):
        for unit in frame.units:
            around[unit] += (index,)
    return around


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


def _gathered(found: Outline, around: Sequence[tuple[int, ...]]) -> tuple[list[Volume], list[tuple[int, int]]]:
    """The volumes and the lines between them."""
    sources: list[list[int]] = [[] for _ in found.units]
    readers: list[list[int]] = [[] for _ in found.units]
    for edge in found.edges:
        sources[edge.target].append(edge.source)
        readers[edge.source].append(edge.target)
    heads: dict[int, int] = {}
    members: dict[int, list[int]] = {}
    for index, unit in enumerate(found.units):
        before = sources[index]
        joins = (
            len(before) == 1
            and readers[before[0]] == [index]
            and around[before[0]] == around[index]
            and _follows(unit, found.units[before[0]])
        )
        head = heads[before[0]] if joins else index
        heads[index] = head
        members.setdefault(head, []).append(index)
    volumes: list[Volume] = []
    owner: dict[int, int] = {}
    for head, units in members.items():
        unit = found.units[head]
        volume = Volume(tuple(units), unit.shape, family(unit), _text([found.units[index] for index in units]))
        before = sources[head]
        last = volumes[owner[before[0]]] if len(before) == 1 else None
        chained = last is not None and readers[before[0]] == [head] and around[before[0]] == around[head]
        if last is not None and chained and _alike(last, volume, found):
            owner.update(dict.fromkeys(units, owner[before[0]]))
            volumes[owner[head]] = last._replace(units=last.units + volume.units, slabs=last.slabs + 1)
        else:
            owner.update(dict.fromkeys(units, len(volumes)))
            volumes.append(volume)
    pairs = ((owner[edge.source], owner[edge.target]) for edge in found.edges)
    return volumes, list(dict.fromkeys(pair for pair in pairs if pair[0] != pair[1]))


def _follows(unit: Unit, before: Unit) -> bool:
    """Whether a unit is named at the volume that it works on. At a folded block it would read as a part of that."""
    if unit.kind != "layer" or before.kind != "layer" or before.output:
        return False
    op = unit.layers[0].node.op
    return op.transparent or (op.follows and unit.shape == before.shape)


def _alike(first: Volume, second: Volume, found: Outline) -> bool:
    """Whether two volumes, one feeding only the other, may be slabs of one."""
    last = first.units[-(len(first.units) // first.slabs) :]  # those before it have been asked already
    kinds = {found.units[index].kind for index in (*last, *second.units)}
    ends = any(found.units[index].output for index in last)
    return kinds == {"layer"} and not ends and first[1:4] == second[1:4]


def _text(units: Sequence[Unit]) -> tuple[tuple[str, bool], ...]:
    """The lines below a volume, and which of them are bold: names that somebody chose, operators, what follows."""
    first = units[0]
    lines: list[tuple[str, bool]] = []
    words: list[str] = []
    if first.kind == "layer":
        name, operator = first.name.rpartition(".")[2], first.layers[0].operator
        if not re.fullmatch(rf"{re.escape(operator)}\d+", name):
            lines.append((name, True))
        words += _words(first.title)
    else:
        title = first.name if first.kind == "input" else first.title
        lines += [(line, True) for line in _broken(title.split(" "), True)]
        if first.repeat > 1:
            words.append(f"x {first.repeat:,}")
    lines += [(line, False) for line in _broken(words)]
    followers = []
    for unit in units[1:]:
        operator, *arguments = _words(unit.title)
        followers.append(" ".join(["+", operator, *(arguments if operator in ("dropout", "clip") else ())]))
    lines += [(line, False) for line in _broken(followers)]
    return tuple((shortened(line, TEXT, 1.6 * COLUMN, bold), bold) for line, bold in lines)


def _words(title: str) -> list[str]:
    """The operator and its arguments, without lists and what figures leave out."""
    words, nested = [], 0
    for word in cut(title, 2_000).split(" "):
        if not nested and "[" not in word and len(word) <= 20 and not UNNAMED.match(word):
            words.append(word)
        nested += word.count("[") - word.count("]")
    return words


def _broken(words: Sequence[str], bold: bool = False) -> Iterator[str]:
    """Lines no wider than a column, where words allow it."""
    line = ""
    for word in words:
        longer = f"{line} {word}" if line else word
        if line and width(longer, TEXT, bold) > COLUMN:
            yield line
            line = word
        else:
            line = longer
    if line:
        yield line


class _Drawing:
    """A volume with its measures: the middle of the cuboid is the middle of the rectangle around it and its text."""

    def __init__(self, volume: Volume, sizes: Scales, arrivals: int, right: bool) -> None:
        self.volume = volume
        self.cuboid = sizes.cuboid(volume.shape)
        self.slabs = min(volume.slabs, MOST_SLABS)
        self.count = (f"x {volume.slabs:,}",) if volume.slabs > 1 else ()
        self.size = str(volume.shape)
        span = self.cuboid.span + (self.slabs - 1) * (self.cuboid.width + SLAB_GAP)
        texts = [width(self.size, TEXT, True), *(width(text, TEXT, bold) for text, bold in volume.text)]
        reach = (arrivals - 1) * PORT + HEAD_WIDTH / 2 + 1 if right else 0.0
        self.lead = 0.0 if not right else LEAD if reach <= self.cuboid.rise / 2 else LEAD + 2 * COLLECTOR
        self.around = max(self.cuboid.rise / 2, reach)
        self.span = span
        self.width = max(self.lead + span + TAIL, *(text + 4 for text in texts))
        self.above = self.around + LINE_HEIGHT + 4
        self.below = self.around + 4 + LINE_HEIGHT * (len(volume.text) + len(self.count)) + 2
        self.middle = float(ceil(max(self.above, self.below))) if right else self.above
        self.height = 2 * self.middle if right else self.above + self.below
        if not right:
            self.width = max(self.width, 2 * arrivals * PORT)

    def glyph(self, found: Outline, x: float, y: float, arriving: Sequence[float], leaving: Sequence[float]) -> Glyph:
        """The shapes with ``x`` and ``y`` as upper left corner; lines arrive and leave at these heights."""
        volume, cuboid = self.volume, self.cuboid
        middle = y + self.middle
        begin = x + max((self.width - self.span + self.lead - TAIL * bool(self.lead)) / 2, self.lead)
        top = middle - cuboid.rise / 2
        shapes: list[Drawn] = []
        if arriving:
            shapes += self._leads(x, begin, top, arriving)
        if leaving:
            behind = begin + self.span - cuboid.span + cuboid.right(cuboid.rise / 2)
            shapes += _trail(behind, x + self.width, middle, leaving)
        for slab in range(self.slabs):
            shapes += cuboid.faces(begin + slab * (cuboid.width + SLAB_GAP), top, volume.family)
        centre = x + self.width / 2
        shapes.append(TextLabel(centre, middle - self.around - 5, self.size, TEXT, bold=True))
        baseline = middle + self.around + 4 + TEXT
        for text, bold in (*volume.text, *((count, True) for count in self.count)):
            shapes.append(TextLabel(centre, baseline, text, TEXT, "middle", "text", bold))
            baseline += LINE_HEIGHT
        upper = min([middle - self.above, *(port - STROKE for port in (*arriving, *leaving))])
        lower = max([middle + self.below, *(port + STROKE for port in (*arriving, *leaving))])
        units = [found.units[index] for index in volume.units]
        layers = tuple(layer.name for unit in units for layer in (*unit.layers, *unit.others))
        return Glyph(units[0].name, layers, _hint(units), x, upper, self.width, lower - upper, tuple(shapes))

    def _leads(self, x: float, begin: float, top: float, arriving: Sequence[float]) -> Iterator[Polygon]:
        """From the border to the cuboid, every line with its own head; a small cuboid has a bar that takes many."""
        rise, inside = self.cuboid.rise, HEAD_WIDTH / 2 + 1
        direct = all(top + inside <= port <= top + rise - inside for port in arriving)
        for port in arriving:
            end = begin + self.cuboid.left(port - top) if direct else begin - 2 * COLLECTOR
            base, side = end - HEAD_LENGTH, HEAD_WIDTH / 2
            yield from _bar(x, base + 1, port)
            yield Polygon(((end, port), (base, port - side), (base, port + side)), "arrow")
        if not direct:
            above, below = min(arriving) - HEAD_WIDTH / 2, max(arriving) + HEAD_WIDTH / 2
            left, right = begin - 2 * COLLECTOR, begin - COLLECTOR
            yield Polygon(((left, above), (right, above), (right, below), (left, below)), "arrow")
            yield from _bar(right, begin + self.cuboid.left(rise / 2), top + rise / 2)


def _trail(start: float, end: float, middle: float, ports: Sequence[float]) -> Iterator[Polygon]:
    """From the cuboid to the border."""
    yield from _bus(end - STROKE, middle, ports)
    yield from _bar(start, end, middle)


def _bar(start: float, end: float, middle: float) -> Iterator[Polygon]:
    if end > start:
        above, below = middle - STROKE / 2, middle + STROKE / 2
        yield Polygon(((start, above), (end, above), (end, below), (start, below)), "arrow")


def _bus(x: float, middle: float, ports: Sequence[float]) -> Iterator[Polygon]:
    above, below = min(middle, *ports) - STROKE / 2, max(middle, *ports) + STROKE / 2
    if below - above > 2 * STROKE:
        yield Polygon(((x, above), (x + STROKE, above), (x + STROKE, below), (x, below)), "arrow")


def _hint(units: Sequence[Unit]) -> str:
    """Every unit with its whole title and its shape."""
    parts = []
    for unit in units:
        titled = f"{unit.name}: {cut(unit.title, 200)}" if unit.title != unit.name else unit.name
        count = f" x {unit.repeat:,}" if unit.repeat > 1 else ""
        parts.append(f"{titled}{count}, {unit.shape}")
    return "; ".join(parts)


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
    )


def _moved(glyph: Glyph, right: float, down: float) -> Glyph:
    shapes: list[Drawn] = []
    for shape in glyph.shapes:
        if isinstance(shape, Polygon):
            shapes.append(shape._replace(points=tuple((x + right, y + down) for x, y in shape.points)))
        else:
            shapes.append(shape._replace(x=shape.x + right, y=shape.y + down))
    return glyph._replace(x=glyph.x + right, y=glyph.y + down, shapes=tuple(shapes))
