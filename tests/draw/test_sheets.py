"""Sheets: maps one behind the other, kernels as pyramids, connection tables as in LeCun et al. 1998."""

import pytest

from cnndsl import check, draw, loads
from cnndsl.draw.canvas.matplotlib import png
from cnndsl.draw.canvas.scene import Box, Glyph, Polygon, Scene, TextLabel
from cnndsl.draw.canvas.svg import svg
from cnndsl.draw.outline import outline
from tests import generators
from tests.draw.geometry import Rectangle, of_shape, scene_faults
from tests.example_networks import EXAMPLES, loaded

LENET = loaded(EXAMPLES / "zoo" / "lenet.cnn", "LeNet5")


def sheets(glyph: Glyph) -> list[Rectangle]:
    return [of_shape(shape) for shape in glyph.shapes if isinstance(shape, Polygon) and shape.role != "arrow"]


def glyphs(scene: Scene) -> dict[str, Glyph]:
    return {glyph.name: glyph for glyph in scene.glyphs}


def test_every_map_of_a_few_has_its_sheet() -> None:
    found = {name: len(sheets(glyph)) for name, glyph in glyphs(draw.scene(LENET, "sheets")).items()}
    assert (found["image"], found["C1"], found["S2"], found["F6"]) == (1, 6, 6, 1)
    assert 6 < found["C3"] < found["C5"] <= 14, "of many maps there are fewer sheets, but never fewer of more"


def test_sheets_are_as_large_as_their_maps() -> None:
    found = {name: sheets(glyph)[-1] for name, glyph in glyphs(draw.scene(LENET, "sheets")).items()}
    heights = [found[name].bottom - found[name].top for name in ("image", "C1", "S2", "C3", "S4", "C5")]
    extents = [32, 28, 14, 10, 5, 1]
    assert heights == sorted(heights, reverse=True) and len(set(heights)) == len(extents)


def test_a_kernel_is_a_pyramid_from_its_window_to_one_number() -> None:
    scene = draw.scene(LENET, "sheets")
    assert len(scene.marks) == 3 * 5, "C1, S2, C3, S4 and C5 have windows, F6 and OUTPUT have none"
    assert [(line.source, line.target) for line in scene.lines] == [("C5", "F6"), ("F6", "OUTPUT")]
    found = glyphs(scene)
    names = ["image", "C1", "S2", "C3", "S4", "C5"]
    for index, (source, target, kernel, extent) in enumerate(
        zip(names, names[1:], (5, 2, 5, 2, 5), (32, 28, 14, 10, 5), strict=False)
    ):
        square, left, right = scene.marks[3 * index : 3 * index + 3]
        front, to = sheets(found[source])[-1], sheets(found[target])[-1]
        window = of_shape(square)
        assert front.holds(window)
        assert (window.right - window.left) / (front.right - front.left) == pytest.approx(kernel / extent, abs=0.06)
        assert left.points[1] == right.points[1]
        assert to.left < left.points[1][0] < to.right and to.top < left.points[1][1] < to.bottom
        assert {left.points[0], left.points[2], right.points[0], right.points[2]} == set(square.points)


def test_the_table_of_lenet() -> None:
    """Table I: which of the six maps of S2 each of the 16 maps of C3 sees."""
    glyph = glyphs(draw.scene(LENET, "sheets"))["C3"]
    whole, *cells = [shape for shape in glyph.shapes if isinstance(shape, Box)]
    edge = cells[0].width
    assert (round(whole.width / edge), round(whole.height / edge)) == (16, 6)
    seen = {(round((cell.x - whole.x) / edge), round((cell.y - whole.y) / edge)) for cell in cells}
    connect = LENET.layers["C3"].node.op.connect
    assert seen == {(column, row) for column, rows in enumerate(connect) for row in rows} and len(seen) == 60
    others = [shape for name in ("S2", "C1") for shape in glyphs(draw.scene(LENET, "sheets"))[name].shapes]
    assert not any(isinstance(shape, Box) for shape in others)


def test_what_has_no_window_has_an_arrow() -> None:
    text = "input 4@8x8 as x\nconv 4 3x3 pad=1 as a\nadd { from a; from x }\nconv 4 3x3 as b\nflatten\ndense 3"
    scene = draw.scene(loads(text), "sheets")
    lines = {(line.source, line.target) for line in scene.lines}
    assert lines == {("x", "a"), ("a", "add1"), ("x", "add1"), ("b", "dense1")}
    assert len(scene.marks) == 3


def test_marks_are_in_every_format() -> None:
    scene = draw.scene(LENET, "sheets")
    text = svg(scene)
    assert text.count('class="kernel"') == len(scene.marks) and ".kernel{fill:none;" in text
    assert png(scene) != png(scene._replace(marks=()))


@pytest.mark.parametrize("seed", range(20))
def test_random_networks(seed: int) -> None:
    (network,) = check(generators.network_text(f"sheets {seed}", 18), ignore=("all",)).networks
    scene = draw.scene(network, "sheets", 0)
    assert list(scene_faults(scene, outline(network))) == []
    texts = [shape for glyph in scene.glyphs for shape in glyph.shapes if isinstance(shape, TextLabel)]
    assert len(texts) >= len(scene.glyphs)
