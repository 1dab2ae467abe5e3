"""Networks with skips across a bottleneck are drawn as a U, others are not."""

import pytest

from cnndsl import draw, loads
from cnndsl.draw.layout.u_shape import Skip, descent
from cnndsl.draw.outline import outline
from cnndsl.draw.page import page_of
from tests.draw.geometry import scene_faults
from tests.example_networks import EXAMPLES, loaded

PATH = [(0, 1), (1, 2), (2, 3), (3, 4), (4, 5), (5, 6)]
NARROW = [9, 9, 4, 1, 4, 4, 9]


def test_levels_of_a_path_with_nested_skips() -> None:
    found = descent(7, [*PATH, (1, 6), (2, 5)], NARROW)
    assert found is not None
    assert found.down == ((0, 1), (2,), (3, 4)) and found.up == ((6,), (5,))
    assert found.skips == (Skip(1, (), 6), Skip(2, (), 5))


def test_boxes_within_a_skip() -> None:
    found = descent(
        8, [(0, 1), (1, 2), (2, 3), (1, 4), (3, 5), (2, 5), (5, 6), (6, 7), (4, 7)], [9, 9, 4, 1, 9, 4, 4, 9]
    )
    assert found is not None
    assert found.skips == (Skip(1, (4,), 7), Skip(2, (), 5)) and found.down == ((0, 1), (2,), (3,))


@pytest.mark.parametrize(
    ("skips", "extents"),
    [
        ([(1, 6)], NARROW),  # one skip is a residual
        ([(0, 2), (3, 5)], NARROW),  # one behind the other
        ([(1, 5), (2, 6)], NARROW),  # crossed
        ([(1, 6), (1, 5)], NARROW),  # from one box
        ([(1, 6), (2, 5)], [9] * 7),  # nothing narrows
    ],
)
def test_what_is_no_u(skips: list[tuple[int, int]], extents: list[int]) -> None:
    assert descent(7, [*PATH, *skips], extents) is None


def test_another_branch_is_no_u() -> None:
    assert descent(8, [*PATH, (1, 6), (2, 5), (3, 7)], [*NARROW, 1]) is None


@pytest.mark.parametrize("depth", [0, 1])
def test_unet(depth: int) -> None:
    """Figure 1 of Ronneberger et al. 2015: five levels, what is merged stands straight above what is brought up."""
    scene = draw.scene(loaded(EXAMPLES / "zoo" / "unet.cnn", None), "volumes", depth)
    lines = {(line.source, line.target): line.points for line in scene.lines}
    straight = [pair for pair, points in lines.items() if points[0][0] == points[-1][0]]
    down = [pair for pair in straight if lines[pair][0][1] < lines[pair][-1][1]]
    up = [pair for pair in straight if lines[pair][0][1] > lines[pair][-1][1]]
    assert [target for _, target in down] == ["maxpool1", "maxpool2", "maxpool3", "maxpool4"]
    assert [target for _, target in up] == ["concat1", "concat2", "concat3", "concat4"]
    assert all(len(points) == 2 for points in lines.values()), "no line bends"
    levels = {round(points[0][1]) for pair, points in lines.items() if pair not in straight}
    assert len(levels) == 5


def test_unet_as_a_graph() -> None:
    """Two columns: what narrows goes down on the left, what widens up on the right, and skips are level."""
    network = loaded(EXAMPLES / "zoo" / "unet.cnn", None)
    scene = draw.scene(network, "graph")
    assert list(scene_faults(scene, outline(network))) == []
    middle = {glyph.name: (glyph.x + glyph.width / 2, glyph.y + glyph.height / 2) for glyph in scene.glyphs}
    for level in range(1, 5):
        down, up = middle[f"down{level}"], middle[f"up{level}"]
        assert down[0] == middle["image"][0] < up[0] == middle["map"][0]
        merged = middle[f"concat{5 - level}"]
        assert merged[0] == up[0] and merged[1] == down[1] > up[1]
    assert scene.height < 1_300 and scene.width < 1_000  # its shapes are formulas


def test_rows_and_other_directions_are_what_was_asked() -> None:
    network = loaded(EXAMPLES / "tiny_unet.cnn", None)
    assert draw.scene(network, "volumes") == draw.scene(network, "volumes", page=page_of(orientation="right"))
    in_a_row = draw.scene(network, "volumes", page=page_of(rows=1))
    assert in_a_row.width > draw.scene(network, "volumes").width
    down = draw.scene(network, "volumes", page=page_of(orientation="down"))
    assert down.height > down.width


def test_a_bottleneck_of_one_box() -> None:
    text = (
        "input 4@16x16 as x\nconv 4 3x3 pad=1 as a\nmaxpool 2 as b\nconv 4 3x3 pad=1 stride=2 as c\n"
        "upsample 2 as d\nadd { from d; from b } -> upsample 2 as e\nadd { from e; from a }"
    )
    for style in draw.SCENES:
        scene = draw.scene(loads(text), style)
        assert list(scene_faults(scene, outline(loads(text)))) == []
        assert draw.scene(loads(text), style, page=page_of(columns=1)).width < scene.width
