"""Volumes: larger values are drawn larger, and nothing of the network is left out."""

import re
from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnndsl.api import check_file, load, loads
from cnndsl.draw.canvas.scene import Polygon, TextLabel
from cnndsl.draw.canvas.text_metrics import width
from cnndsl.draw.outline import outline
from cnndsl.draw.styles.cuboid import LONGEST, THICKEST, Scales, scales
from cnndsl.draw.styles.volumes import volumes_scene
from cnndsl.shapes import Shape

SCALES = Scales(extent=512, channels=4096, features=10_000)


def labels(glyph):
    return [shape.text for shape in glyph.shapes if isinstance(shape, TextLabel)]


def faces(glyph):
    return [shape for shape in glyph.shapes if isinstance(shape, Polygon) and shape.role != "arrow"]


def texts(scene):
    return {glyph.name: labels(glyph) for glyph in scene.glyphs}


@given(st.integers(1, 4096), st.integers(1, 512), st.integers(1, 512), st.integers(1, 500))
def test_every_edge_follows_its_size(channels, height, breadth, more):
    def edges(shape):
        return SCALES.cuboid(shape)

    base = edges(Shape(channels, (height, breadth)))
    assert edges(Shape(channels + more, (height, breadth))).width > base.width
    assert edges(Shape(channels, (height + more, breadth))).height > base.height
    assert edges(Shape(channels, (height, breadth + more))).depth > base.depth
    assert edges(Shape(channels + more, (height, breadth)))[1:] == base[1:]
    assert edges(Shape(channels, (height + more,))).height > edges(Shape(channels, (height,))).height
    assert edges(Shape(channels + more)).height > edges(Shape(channels)).height


@given(st.lists(st.tuples(st.integers(1, 10**9), st.lists(st.integers(1, 10**6), max_size=4)), min_size=1))
def test_any_sizes_fit_the_page_and_can_be_seen(found):
    shapes = [Shape(channels, tuple(spatial)) for channels, spatial in found]
    for shape in shapes:
        cuboid = scales(shapes).cuboid(shape)
        assert 4 <= cuboid.width <= THICKEST and 5 <= cuboid.height <= LONGEST and 0 < cuboid.depth <= LONGEST / 2


def test_the_picture_holds_to_the_scales(examples):
    scene = volumes_scene(load(examples / "zoo" / "vgg.cnn", network="VGG11"), 1)
    sizes = {}
    for glyph in scene.glyphs:
        front = next(face for face in faces(glyph) if face.role.endswith("-front"))
        xs, ys = zip(*front.points, strict=True)
        sizes[labels(glyph)[0]] = (max(xs) - min(xs), max(ys) - min(ys))
    maps = {key: size for key, size in sizes.items() if "@" in key}
    assert len(maps) > 6
    for one, (one_width, one_height) in maps.items():
        for other, (other_width, other_height) in maps.items():
            (a, m), (b, n) = ((int(x) for x in re.findall(r"^(\d+)@(\d+)", key)[0]) for key in (one, other))
            assert (a < b) == (one_width < other_width - 1e-9) and (m < n) == (one_height < other_height - 1e-9)


def test_lenet(examples):
    """Figure 2 of LeCun et al. 1998: the sizes of its layers, each named with what follows it."""
    shown = texts(volumes_scene(load(examples / "zoo" / "lenet.cnn", network="LeNet5")))
    assert shown == {
        "image": ["1@32x32", "image"],
        "C1": ["6@28x28", "C1", "conv 6 5x5", "+ tanh"],
        "S2": ["6@14x14", "S2", "subsample 2x2", "+ tanh"],
        "C3": ["16@10x10", "C3", "conv 16 5x5", "+ tanh"],
        "S4": ["16@5x5", "S4", "subsample 2x2", "+ tanh"],
        "C5": ["120@1x1", "C5", "conv 120 5x5", "+ tanh + flatten"],
        "F6": ["84", "F6", "dense 84", "+ tanh"],
        "OUTPUT": ["10", "OUTPUT", "rbf 10"],
    }


def test_alike_volumes_in_a_row_are_slabs(examples):
    scene = volumes_scene(load(examples / "zoo" / "vgg.cnn", network="VGG16"), 9)
    stages = [glyph for glyph in scene.glyphs if "x 3" in labels(glyph)]
    assert [labels(glyph)[0] for glyph in stages] == ["256@56x56", "512@28x28", "512@14x14"]
    assert all(len(faces(glyph)) == 9 and len(glyph.layers) == 6 for glyph in stages)
    long = volumes_scene(loads("input 4@8x8\nrepeat 30 { conv 4 3x3 pad=1 -> relu }"))
    assert [len(faces(glyph)) // 3 for glyph in long.glyphs] == [1, 5] and "x 30" in labels(long.glyphs[1])


def test_a_value_that_is_read_twice_is_no_slab_and_has_nothing_folded_into_it():
    text = "input 4@8x8\nconv 4 3x3 pad=1 as a\nconv 4 3x3 pad=1 as b\nadd { from a; identity } -> relu"
    assert {name: len(glyph.layers) for name, glyph in _by_name(volumes_scene(loads(text)))} == {
        "input": 0,
        "a": 1,
        "b": 1,
        "add1": 2,
    }
    scene = volumes_scene(loads("input 4@8x8\nconv 4 3x3 as a\nrelu as b\nconcat { from a; from b }"))
    assert [name for name, _ in _by_name(scene)] == ["input", "a", "b", "concat1"]


def _by_name(scene):
    return [(glyph.name, glyph) for glyph in scene.glyphs]


def test_an_output_keeps_a_volume_of_its_own():
    scene = volumes_scene(loads("input 4@8x8\nconv 4 3x3 as a\nrelu as b\noutput a b"))
    assert [name for name, _ in _by_name(scene)] == ["input", "a", "b"]


@pytest.mark.parametrize("depth", [0, 1, 9])
@pytest.mark.parametrize("file", ["zoo/unet.cnn", "zoo/googlenet.cnn", "zoo/c3d.cnn", "resnet50.cnn", "sentence.cnn"])
def test_nothing_is_left_out(examples, file, depth):
    for network in check_file(examples / file, ignore=("all",)).networks:
        scene = volumes_scene(network, depth)
        units = outline(network, depth).units
        named = Counter(name for glyph in scene.glyphs for name in glyph.layers)
        assert named == Counter(layer.name for unit in units for layer in (*unit.layers, *unit.others))
        for unit in units:
            assert any(unit.name in glyph.hint and unit.shown in glyph.hint for glyph in scene.glyphs), unit
        names = {glyph.name for glyph in scene.glyphs}
        assert {line.source for line in scene.lines} | {line.target for line in scene.lines} <= names
        assert scene.title == network.name and f"{network.params:,} parameters" in scene.description


@pytest.mark.parametrize(
    "file", ["zoo/unet.cnn", "zoo/googlenet.cnn", "zoo/densenet.cnn", "zoo/fpn.cnn", "resnet50.cnn"]
)
def test_shapes_stay_in_their_glyph_and_glyphs_in_the_scene(examples, file):
    for network in check_file(examples / file, ignore=("all",)).networks:
        scene = volumes_scene(network, 1)
        for glyph in scene.glyphs:
            assert glyph.x >= 0 and glyph.x + glyph.width <= scene.width
            assert glyph.y >= 0 and glyph.y + glyph.height <= scene.height
            for shape in glyph.shapes:
                if isinstance(shape, TextLabel):
                    half = width(shape.text, shape.size, shape.bold) / 2
                    points = [(shape.x - half, shape.y - shape.size), (shape.x + half, shape.y + 2)]
                else:
                    points = shape.points
                for x, y in points:
                    assert glyph.x - 0.01 <= x <= glyph.x + glyph.width + 0.01, (glyph.name, shape)
                    assert glyph.y - 0.01 <= y <= glyph.y + glyph.height + 0.01, (glyph.name, shape)


def test_text_covers_no_cuboid_and_no_text(examples):
    for glyph in volumes_scene(load(examples / "zoo" / "alexnet.cnn", network="AlexNetTwoTowers")).glyphs:
        solid = [y for face in faces(glyph) for _, y in face.points]
        lines = sorted(shape.y for shape in glyph.shapes if isinstance(shape, TextLabel))
        assert all(y < min(solid) or y - 10 > max(solid) for y in lines)
        assert all(below - above >= 10 for above, below in pairwise(lines))


def test_arrows_reach_the_cuboids(examples):
    """Each volume with a source has a head whose tip touches one of its faces."""
    scene = volumes_scene(load(examples / "zoo" / "unet.cnn"))
    assert len({line.target for line in scene.lines}) == len(scene.glyphs) - 1
    fed = {line.target for line in scene.lines if not line.arrow}  # others come from above or below
    for glyph in scene.glyphs:
        tips = [shape.points[0] for shape in glyph.shapes if shape[1] == "arrow" and len(shape.points) == 3]
        assert bool(tips) == (glyph.name in fed)
        corners = [point for face in faces(glyph) for point in face.points]
        left, top, bottom = min(x for x, _ in corners), min(y for _, y in corners), max(y for _, y in corners)
        for x, y in tips:
            assert top <= y <= bottom and left <= x <= left + 40


def test_long_titles_of_blocks_are_broken(examples):
    shown = texts(volumes_scene(load(examples / "zoo" / "resnet.cnn", network="ResNet50")))
    assert ["2048@ceil(H/32)xceil(W/32)", "BottleneckStages", "features"] in shown.values()
    assert not any("…" in text for found in shown.values() for text in found)


def test_strange_sizes():
    for text in ("input 5", "input 1@1x1\nconv 1 1x1", "input 2@4\nconv 3 2", "input 1@3x4x5\nconv 2 2x2x2\nflatten"):
        scene = volumes_scene(loads(text))
        assert scene.width > 0 and scene.height > 0 and len(scene.glyphs) >= 1
