"""What one position reads, as ``reach`` says it, against the cells that each operator's definition names."""

from collections.abc import Callable, Iterable
from fractions import Fraction
from itertools import product as every
from math import ceil, floor

import pytest

from cnndsl.lang.compile import compile_text
from cnndsl.ops.base import AxisReach
from cnndsl.ops.resize import resize_reach

SIZES = range(1, 13)


def interval(reach: AxisReach, position: int) -> tuple[int, int]:
    first = Fraction(position * reach.step - reach.before, reach.rate)
    last = Fraction(position * reach.step + reach.after, reach.rate)
    return ceil(first), floor(last)


def hull(cells: Iterable[int]) -> tuple[int, int]:
    cells = list(cells)
    return min(cells), max(cells)


def test_resizing() -> None:
    for size, cells, o in [(n, m, o) for n, m in every(SIZES, SIZES) for o in range(m)]:
        nearest = floor(Fraction(o * size, cells))
        assert interval(resize_reach("nearest", False, size, cells), o) == (nearest, nearest)
        centre = Fraction((2 * o + 1) * size, 2 * cells) - Fraction(1, 2)
        assert interval(resize_reach("linear", False, size, cells), o) == (floor(centre), ceil(centre))
        corner = Fraction(o * (size - 1), cells - 1) if cells > 1 else Fraction(0)
        assert interval(resize_reach("linear", True, size, cells), o) == (floor(corner), ceil(corner))


def test_cubic_resizing() -> None:
    """The cells less than 2 away, all that the kernel weighs; only one where no position is between cells."""
    for size, cells in every(SIZES, SIZES):
        centres = [Fraction((2 * o + 1) * size, 2 * cells) - Fraction(1, 2) for o in range(cells)]
        corners = [Fraction(o * (size - 1), cells - 1) if cells > 1 else Fraction(0) for o in range(cells)]
        for align, places in ((False, centres), (True, corners)):
            reach, between = resize_reach("cubic", align, size, cells), any(place % 1 for place in places)
            for o, place in enumerate(places):
                weighed = [cell for cell in range(-20, 40) if abs(cell - place) < 2] if between else [int(place)]
                assert interval(reach, o) == hull(weighed)


def test_a_single_cell_does_not_move() -> None:
    for size in SIZES:
        for mode in ("linear", "cubic"):
            assert resize_reach(mode, True, size, 1) == AxisReach(step=0)


@pytest.mark.parametrize(
    ("text", "definition"),
    [
        ("input 2@9\nconv 1 3 stride=2 pad=[2, 1]", lambda o: range(2 * o - 2, 2 * o + 1)),
        ("input 2@19\nmaxpool 3 stride=2 dilation=4", lambda o: range(2 * o, 2 * o + 9, 4)),
        ("input 2@9\nsubsample 2", lambda o: (2 * o, 2 * o + 1)),
        (
            "input 2@9\nconv_transpose 1 5 stride=2 pad=[1, 2]",
            lambda o: (i for i in range(-9, 20) if 0 <= o + 1 - 2 * i < 5),
        ),
        ("input 2@9\nadaptive_maxpool 4", lambda o: range(floor(o * 9 / 4), ceil((o + 1) * 9 / 4))),
        ("input 2@9\npad [2, 1]", lambda o: (o - 2,)),
        ("input 2@9\ncrop [2, 1]", lambda o: (o + 2,)),
        ("input 2@9\nupsample 3", lambda o: (o // 3,)),
        ("input 2@9\nupsample 2 mode=linear", lambda o: (floor(o / 2 - 1 / 4), ceil(o / 2 - 1 / 4))),
        ("input 2@9\nresize 4 mode=linear align_corners=true", lambda o: (floor(o * 8 / 3), ceil(o * 8 / 3))),
        ("input 2@9\nupsample 2 mode=cubic", lambda o: range((o - 1) // 2 - 1, (o - 1) // 2 + 3)),
        ("input 2@9\nresize 3 mode=cubic", lambda o: (3 * o + 1,)),
        ("input 2@9\nslice 3 8 axis=1", lambda o: (o + 3,)),
        ("input 2@9\nslice 1 2", lambda o: (o,)),
        ("input 8@9x9\npixel_shuffle 2", lambda o: (o // 2,)),
        ("input 2@9x9\nspace_to_depth 3", lambda o: range(3 * o, 3 * o + 3)),
    ],
)
def test_every_axis(text: str, definition: Callable[[int], Iterable[int]]) -> None:
    (network,) = compile_text(text).networks
    (node,) = network.layers
    reach = node.op.reach(network.input_shapes(node), node.shape)
    assert len(reach) == len(node.shape.spatial)
    for axis, extent in zip(reach, node.shape.spatial, strict=True):
        assert isinstance(axis, AxisReach)
        assert axis.source is None
        for position in range(extent):
            assert interval(axis, position) == hull(definition(position)), position


def test_axes_that_differ_and_axes_that_move() -> None:
    (network,) = compile_text("input 2@5x6x7\nslice 2 5 axis=2\npermute [1, 3, 0, 2]").networks
    cut, moved = network.layers
    assert cut.op.reach(network.input_shapes(cut), cut.shape) == (
        AxisReach(),
        AxisReach(before=-2, after=2),
        AxisReach(),
    )
    # Of the output's axes the first walks along the input's third spatial axis, the second along its channels.
    assert moved.shape.dimensions == (5, 7, 2, 3)
    assert [axis.source for axis in moved.op.reach(network.input_shapes(moved), moved.shape)] == [2, -1, 1]


@pytest.mark.parametrize(
    ("text", "reach"),
    [
        ("input 6\nparameter 6", "nothing"),
        ("input 6@9\nadd { identity; parameter 6@1 }", "point"),
        ("input 6@9\nreduce by=max", "point"),
        ("input 6\nreduce by=max", "whole"),
        ("input 6\nsoftmax", "whole"),
        ("input 6@9\nsoftmax", "point"),
        ("input 6@9\nlayernorm axes=channel", "point"),
        ("input 6\nlayernorm axes=channel", "whole"),
        ("input 6@9\nlayernorm", "whole"),
        ("input 6@9\nconcat { identity; relu }", "point"),
        ("input 6\nconcat { identity; relu }", "whole"),
        ("input 6@9\nconcat axis=1 { identity; relu }", "whole"),
    ],
)
def test_what_has_no_axes_to_walk_along(text: str, reach: str) -> None:
    (network,) = compile_text(text).networks
    node = network.layers[-1]
    assert node.op.reach(network.input_shapes(node), node.shape) == reach


@pytest.mark.parametrize(
    ("axis", "expected"),
    [(1, (AxisReach(step=0, after=8), AxisReach())), (2, (AxisReach(), AxisReach(step=0, after=6)))],
)
def test_what_reduces_an_axis_reads_all_of_it(axis: int, expected: tuple[AxisReach, ...]) -> None:
    (network,) = compile_text(f"input 3@9x7\nreduce by=max axis={axis}").networks
    (node,) = network.layers
    assert node.op.reach(network.input_shapes(node), node.shape) == expected
