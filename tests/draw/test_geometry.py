"""The geometry of every picture, measured on the shapes alone: nothing overlaps, no line runs through a box."""

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cnndsl import check, check_file, draw
from cnndsl.analysis.measured import Measured
from cnndsl.draw.canvas.scene import Glyph, Point, Polygon
from cnndsl.draw.layout import routing
from cnndsl.draw.layout.layered import BoxGroup, Placement, Size, place
from cnndsl.draw.layout.routing import Net
from cnndsl.draw.opening import telling
from cnndsl.draw.outline import outline
from cnndsl.draw.page import Page
from cnndsl.draw.styles.graph import graph_scene
from cnndsl.draw.styles.volumes import volumes_scene
from tests import generators
from tests.draw.geometry import Picture, Rectangle, crossings, faults, of_scene, scene_faults

EXAMPLES = Path(__file__).resolve().parent.parent.parent / "examples"
FILES = sorted(path.relative_to(EXAMPLES).as_posix() for path in EXAMPLES.rglob("*.cnn"))
DEPTHS = (0, 1, 2, 9)
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


@cache
def networks(file: str) -> tuple[Measured, ...]:
    return check_file(EXAMPLES / file, ignore=("all",)).networks


@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize("file", FILES)
def test_graphs(file: str, depth: int) -> None:
    assert networks(file)
    for network in networks(file):
        scene, found = graph_scene(network, depth), outline(network, depth)
        assert list(scene_faults(scene, found)) == [], network.name
        if any(word in file for word in NESTED):
            assert crossings(of_scene(scene, found)) == 0, network.name
        names = [glyph.name for glyph in scene.glyphs if not glyph.name.endswith(" (output)")]
        assert sorted(names) == sorted(unit.name for unit in found.units)


@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize("file", FILES)
def test_volumes(file: str, depth: int) -> None:
    for network in networks(file):
        scene, found = volumes_scene(network, depth), outline(network, depth)
        assert list(scene_faults(scene, found)) == [], network.name
        if any(word in file for word in NESTED):
            assert crossings(of_scene(scene, found)) == 0, network.name
        arrived = Counter(line.target for line in scene.lines if not line.arrow)
        assert {glyph.name: heads(glyph) for glyph in scene.glyphs if heads(glyph)} == arrived, "each has its own head"


def heads(glyph: Glyph) -> int:
    return sum(
        isinstance(shape, Polygon) and shape.role == "arrow" and len(shape.points) == 3 for shape in glyph.shapes
    )


def test_what_follows_a_folded_block_does_not_stand_at_it() -> None:
    (network,) = check("block B { conv 4 3x3 pad=1 }\ninput 4@8x8\nrepeat 3 { B }\nbatchnorm -> relu").networks
    for scene in (graph_scene(network), volumes_scene(network)):
        assert "batchnorm1" in {line.target for line in scene.lines}


@pytest.mark.parametrize("page", [Page(), Page(rows=3), Page(columns=2), Page(width=605, orientation="right")], ids=str)
@pytest.mark.parametrize("style", draw.SCENES)
@pytest.mark.parametrize("file", [file for file in FILES if "zoo" in file])
def test_usual_figures(file: str, style: draw.Style, page: Page) -> None:
    for network in networks(file):
        scene, found = draw.scene(network, style, page=page), outline(network, telling(network))
        assert list(scene_faults(scene, found)) == [], network.name


@pytest.mark.parametrize("seed", range(40))
def test_random_networks(seed: int) -> None:
    (network,) = check(generators.network_text(f"picture {seed}", 18), ignore=("all",)).networks
    for page in (Page(), Page(rows=2), Page(columns=3)):
        for style in draw.SCENES:
            assert list(scene_faults(draw.scene(network, style, 0, page), outline(network))) == []


# --- random graphs ---
class Graph(NamedTuple):
    sizes: list[Size]
    edges: list[tuple[int, int]]
    groups: list[BoxGroup]
    cuts: list[int]


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
    ends = draw(st.lists(st.integers(1, count - 1), max_size=3, unique=True).map(sorted)) if count > 1 else []
    return Graph(sizes, edges, groups, ends)


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
            (Rectangle(x, y, x + wide, y + high), index, set(range(*graph.groups[index][:2])))
            for index, (x, y, wide, high) in zip(found.groups, found.frames, strict=True)
        ],
        Rectangle(0, 0, found.width, found.height),
    )


@settings(max_examples=300)
@given(graph=graphs(), right=st.booleans())
def test_random_graphs(graph: Graph, right: bool) -> None:
    found = place(graph.sizes, graph.edges, "right" if right else "down", groups=graph.groups)
    assert list(faults(of_placement(found, graph))) == []


@settings(max_examples=300)
@given(graph=graphs(), right=st.booleans())
def test_random_graphs_in_several_runs(graph: Graph, right: bool) -> None:
    found = place(graph.sizes, graph.edges, "right" if right else "down", groups=graph.groups, cuts=graph.cuts)
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
        boxes, lines, [Rectangle(4, 20, 9, 25)], [(Rectangle(-2, -2, 30, 12), 0, {"a", "c"})], Rectangle(0, 0, 20, 60)
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
