"""The geometry of every picture, measured on the shapes alone: nothing overlaps, no line runs through a box."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import combinations, pairwise
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cnndsl import check_file
from cnndsl.analysis.measured import Measured
from cnndsl.draw.canvas.scene import Point, Scene, TextLabel
from cnndsl.draw.canvas.text_metrics import width
from cnndsl.draw.layout import routing
from cnndsl.draw.layout.layered import BoxGroup, Placement, Size, place
from cnndsl.draw.layout.routing import Net
from cnndsl.draw.outline import Outline, outline
from cnndsl.draw.styles.graph import graph_scene
from cnndsl.draw.styles.volumes import volumes_scene

EXAMPLES = Path(__file__).resolve().parent.parent.parent / "examples"
FILES = sorted(path.relative_to(EXAMPLES).as_posix() for path in EXAMPLES.rglob("*.cnn"))
DEPTHS = (0, 1, 9)
NESTED = (
    "resnet",
    "googlenet",
    "squeezenet",
    "densenet",
    "unet",
    "inception",
    "fpn",
    "xception",
    "mobilenet",
    "wavenet",
)
SLACK = 0.01


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
    frames: list[tuple[Rectangle, set[object]]]
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
    for frame, members in picture.frames:
        for name, box in picture.boxes.items():
            if name in members and not frame.holds(box):
                yield f"{name} is not inside its frame"
            if name not in members and frame.overlaps(box):
                yield f"{name} lies in a frame that is not its own"
    for (one, inner), (two, outer) in combinations(picture.frames, 2):
        if inner & outer:
            small, large = (one, two) if inner < outer else (two, one)
            if not large.holds(small):
                yield "a frame is not inside the one around it"
        elif one.overlaps(two):
            yield "frames overlap"
    everything = [*picture.boxes.values(), *picture.labels, *(frame for frame, _ in picture.frames)]
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


def of_scene(scene: Scene, found: Outline) -> Picture:
    return Picture(
        {
            glyph.name: Rectangle(glyph.x, glyph.y, glyph.x + glyph.width, glyph.y + glyph.height)
            for glyph in scene.glyphs
        },
        [(line.source, line.target, line.points) for line in scene.lines],
        [of_label(label) for line in scene.lines for label in line.labels],
        [
            (Rectangle(frame.x, frame.y, frame.x + frame.width, frame.y + frame.height), inside)
            for frame, inside in zip(scene.frames, members(scene, found), strict=True)
        ],
        Rectangle(0, 0, scene.width, scene.height),
    )


@cache
def networks(file: str) -> tuple[Measured, ...]:
    return check_file(EXAMPLES / file, ignore=("all",)).networks


@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize("file", FILES)
def test_graphs(file: str, depth: int) -> None:
    assert networks(file)
    for network in networks(file):
        scene = graph_scene(network, depth)
        picture = of_scene(scene, outline(network, depth))
        assert len(picture.boxes) == len(scene.glyphs), "glyphs have names of their own"
        assert list(faults(picture)) == [], network.name
        if any(word in file for word in NESTED):
            assert crossings(picture) == 0, network.name


@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize("file", FILES)
def test_volumes(file: str, depth: int) -> None:
    for network in networks(file):
        picture = of_scene(volumes_scene(network, depth), outline(network, depth))
        assert list(faults(picture)) == [], network.name


@pytest.mark.parametrize("file", FILES)
def test_every_unit_has_its_glyph_and_text_stays_inside(file: str) -> None:
    for network in networks(file):
        scene = graph_scene(network, 1)
        names = [glyph.name for glyph in scene.glyphs if not glyph.name.endswith(" (output)")]
        assert sorted(names) == sorted(unit.name for unit in outline(network, 1).units)
        for glyph in scene.glyphs:
            border = Rectangle(glyph.x, glyph.y, glyph.x + glyph.width, glyph.y + glyph.height)
            texts = [shape for shape in glyph.shapes if isinstance(shape, TextLabel)]
            assert texts
            for text in texts:
                assert border.holds(of_label(text)), (network.name, text)


# --- random graphs ---
class Graph(NamedTuple):
    sizes: list[Size]
    edges: list[tuple[int, int]]
    groups: list[BoxGroup]


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    count = draw(st.integers(1, 14))
    lengths = st.integers(8, 160)
    sizes = [
        Size(draw(lengths), draw(lengths), draw(st.sampled_from([(0, 0), (50, 12), (90.5, 12)]))) for _ in range(count)
    ]
    pairs = [(source, target) for target in range(count) for source in range(target)]
    edges = draw(st.lists(st.sampled_from(pairs), unique=True, max_size=24)) if pairs else []
    cuts = draw(st.lists(st.integers(0, count), min_size=0, max_size=6, unique=True).map(sorted))
    groups = [BoxGroup(begin, end, draw(st.sampled_from([(0, 0), (70, 18)]))) for begin, end in pairwise(cuts)]
    if len(cuts) > 2:
        groups.insert(0, BoxGroup(cuts[0], cuts[-1], (60, 18)))
    return Graph(sizes, edges, groups)


def of_placement(found: Placement, graph: Graph) -> Picture:
    corners = zip(found.positions, graph.sizes, strict=True)
    return Picture(
        {index: Rectangle(x, y, x + size.width, y + size.height) for index, ((x, y), size) in enumerate(corners)},
        [(source, target, route) for (source, target), route in zip(graph.edges, found.routes, strict=True)],
        [
            Rectangle(x, y, x + wide, y + high)
            for index, (x, y, wide, high) in enumerate(found.labels)
            if wide and any(source == index for source, _ in graph.edges)
        ],
        [
            (Rectangle(x, y, x + wide, y + high), set(range(group.start, group.stop)))
            for (x, y, wide, high), group in zip(found.frames, graph.groups, strict=True)
        ],
        Rectangle(0, 0, found.width, found.height),
    )


@settings(max_examples=300)
@given(graph=graphs(), right=st.booleans())
def test_random_graphs(graph: Graph, right: bool) -> None:
    found = place(graph.sizes, graph.edges, "right" if right else "down", groups=graph.groups)
    assert list(faults(of_placement(found, graph))) == []


@settings(max_examples=50)
@given(graph=graphs())
def test_random_graphs_with_detours(graph: Graph) -> None:
    def stacked(nets: Mapping[int, Net]) -> tuple[list[int], list[int]]:
        order, broken = ordered(nets)
        return order[2:], broken + order[:2]

    ordered = routing._stacked
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(routing, "_stacked", stacked)
        found = place(graph.sizes, graph.edges, groups=graph.groups)
    assert list(faults(of_placement(found, graph))) == []


@settings(max_examples=200)
@given(graph=graphs(), right=st.booleans())
def test_random_graphs_as_if_they_had_many_lines(graph: Graph, right: bool) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(routing, "MOST_COMPARED", 0)
        found = place(graph.sizes, graph.edges, "right" if right else "down", groups=graph.groups)
    assert list(faults(of_placement(found, graph))) == []


def test_faults_are_found() -> None:
    boxes: dict[object, Rectangle] = {
        "a": Rectangle(0, 0, 10, 10),
        "b": Rectangle(5, 5, 15, 15),
        "c": Rectangle(0, 40, 10, 50),
    }
    lines: list[tuple[object, object, Sequence[Point]]] = [
        ("a", "c", [(6, 10), (6, 40)]),
        ("b", "c", [(6, 15), (6, 38)]),
        ("c", "a", [(3, 40), (3, -5), (6, 0)]),
    ]
    picture = Picture(
        boxes, lines, [Rectangle(4, 20, 9, 25)], [(Rectangle(-2, -2, 30, 12), {"a", "c"})], Rectangle(0, 0, 20, 60)
    )
    found = list(faults(picture))
    for expected in (
        "a and b overlap",
        "the line from b does not end at c",
        "a line from a runs through a label",
        "lines from a and b share a piece",
        "a line from a runs through b",
        "a piece of a line from c is slanted",
        "c is not inside its frame",
        "b lies in a frame that is not its own",
        "something lies outside",
    ):
        assert expected in found
    crossed = Picture({}, [("a", "b", [(0, 5), (10, 5)]), ("c", "d", [(5, 0), (5, 10)])], [], [], boxes["a"])
    assert crossings(crossed) == 1
