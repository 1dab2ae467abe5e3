"""Pictures of values and of weights: what is on them is read back from the figure, and from the pixels of PNG bytes."""

import builtins
import io
import math
import re
import sys
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import cnndsl
from cnndsl.report import plots
from cnndsl.report.plots.maps import grid, maps_of, png_of_maps, png_of_picture, thinned, widest
from cnndsl.report.plots.sheet import number

SMALL = "input 3@9x7\nconv 6 3x3 as c -> relu -> maxpool 2x2\nflatten\ndense 5 -> softmax\n"


def run(text, seed=0, **more):
    """A network and all its values for one random example."""
    network = cnndsl.loads(text)
    random = np.random.default_rng(seed)
    inputs = {
        name: random.standard_normal((1, *shape.dimensions), np.float32) for name, shape in network.inputs.items()
    }
    _, kept = network.run(inputs, keep=[*network.inputs, *network.layers])
    return network, {name: value[0] for name, value in kept.items()}


def images(figure):
    """The arrays on a figure by name."""
    return {image.get_label(): image for image in figure.axes[0].images if image.get_label() != "colour bar"}


def texts(figure):
    return [text.get_text() for text in figure.axes[0].texts]


def pixels(figure):
    figure.canvas.draw()
    return np.asarray(figure.canvas.buffer_rgba())[..., :3]


# grids


@pytest.mark.parametrize(
    ("count", "shape"),
    [(1, (1, 1)), (2, (1, 2)), (3, (1, 3)), (6, (2, 3)), (7, (2, 4)), (12, (3, 4)), (16, (4, 4)), (31, (4, 8)),
     (32, (4, 8)), (64, (8, 8)), (96, (8, 12))],
)  # fmt: skip
def test_grid(count, shape):
    assert grid(count) == shape


@given(st.integers(1, 3000), st.sampled_from([1 / 3, 1.0, 3.0]))
def test_grids_have_room_for_all_and_no_empty_row(count, aspect):
    rows, columns = grid(count, aspect=aspect)
    assert (rows - 1) * columns < count <= rows * columns
    if count > 30:
        assert 0.9 <= columns * aspect / rows <= 2.1
        assert rows * columns - count <= count / 8


@given(st.integers(1, 300), st.integers(1, 300))
def test_grids_of_given_columns(count, columns):
    rows, found = grid(count, columns)
    assert found == min(columns, count)
    assert (rows - 1) * found < count <= rows * found


@given(st.integers(1, 600), st.sampled_from([1 / 3, 1.0, 3.0]))
def test_tiles_in_a_wide_place_are_large(count, aspect):
    def side(columns):
        return min(3 / (columns * aspect), 1 / math.ceil(count / columns))

    columns = widest(count, aspect)
    assert side(columns) >= 0.85 * max(map(side, range(1, count + 1)))


# feature maps


def test_the_maps_are_the_values():
    network, values = run(SMALL)
    figure = plots.feature_maps(network, values)
    shown = images(figure)
    assert list(shown) == [f"c[{index}]" for index in range(6)] + ["input"]
    for index in range(6):
        np.testing.assert_array_equal(shown[f"c[{index}]"].get_array(), values["c"][index])
    assert {image.get_clim() for name, image in shown.items() if name != "input"} == {
        (values["c"].min(), values["c"].max())
    }
    x = values["input"].astype(float)
    expected = ((x - x.min()) / (x.max() - x.min())).transpose(1, 2, 0)
    np.testing.assert_allclose(shown["input"].get_array(), expected, atol=1e-12)
    assert texts(figure)[:3] == ["c", "conv 6 3x3 → 6@7x5", "6 maps · one scale for all"]
    columns = {round(image.get_extent()[0], 6) for name, image in shown.items() if name != "input"}
    rows = {round(image.get_extent()[3], 6) for name, image in shown.items() if name != "input"}
    assert (len(rows), len(columns)) == (2, 3)


def test_a_scale_for_each_map_and_columns():
    network, values = run(SMALL)
    figure = plots.feature_maps(network, values, ["c"], scale="map", columns=6, example="flower.png")
    shown = images(figure)
    assert len({image.get_extent()[3] for name, image in shown.items() if name != "input"}) == 1
    for index in range(6):
        assert shown[f"c[{index}]"].get_clim() == (values["c"][index].min(), values["c"][index].max())
    assert "flower.png · 6 maps · each on its own scale" in texts(figure)
    assert "colour bar" not in [image.get_label() for image in figure.axes[0].images]


def test_at_most_so_many_maps():
    network, values = run("input 2@4x4\nconv 70 1x1")
    figure = plots.feature_maps(network, values)
    assert len(images(figure)) == 64 and any("64 of 70 maps" in text for text in texts(figure))
    assert len(images(plots.feature_maps(network, values, most=5))) == 5
    assert len(images(plots.feature_maps(network, values, most=100))) == 70


def test_the_middle_slice_of_volumes():
    network, values = run("input 1@5x6x7\nconv 2 2x3x3 as c")
    figure = plots.feature_maps(network, values)
    shown = images(figure)
    assert list(shown) == ["c[0]", "c[1]"]
    for index in range(2):
        np.testing.assert_array_equal(shown[f"c[{index}]"].get_array(), values["c"][index, 2])
    assert any("middle slice, 2 of 0 to 3" in text for text in texts(figure))


def heights(figure, name):
    """The numbers that a chart's bars stand for, from its frame, its outline and its ends."""
    (outline,) = [patch for patch in figure.axes[0].patches if patch.get_label() == name]
    corners = outline.get_xy()[:-1].reshape(-1, 4, 2)
    return corners[:, 0, 1] - corners[:, 1, 1]  # down is positive: the first corner lies on 0


def test_few_sequences_are_bars():
    network, values = run("input 1@8\nconv 2 3 as c")
    figure = plots.feature_maps(network, values)
    drawn = np.stack([heights(figure, f"c[{index}]") for index in range(2)])
    np.testing.assert_allclose(drawn / drawn.flat[0], values["c"] / values["c"].flat[0], rtol=1e-5)


def test_many_sequences_are_rows():
    network, values = run("input 1@40\nconv 80 3 as c")
    (image,) = images(plots.feature_maps(network, values)).values()
    np.testing.assert_array_equal(image.get_array(), values["c"][:64])
    (image,) = images(plots.feature_maps(network, values, scale="map")).values()
    array = image.get_array()
    assert (array.min(axis=1) == 0).all() and (array.max(axis=1) == 1).all()


def test_few_features_are_named_in_order():
    network, values = run(SMALL)
    names = ["ant", "bee", "cat", "dog", "eel"]
    said = texts(plots.feature_maps(network, values, ["softmax1"], labels=names))
    assert [text for text in said if text in names] == names
    numbers = [float(text) for text in said if re.fullmatch(r"0\.\d+", text)]
    np.testing.assert_allclose(numbers, values["softmax1"], rtol=5e-3)


def test_the_largest_of_many_classes():
    network, values = run("input 4\ndense 40 -> softmax")
    names = [f"class {index}" for index in range(40)]
    said = texts(plots.feature_maps(network, values, ["softmax1"], labels=names, top=3))
    best = np.argsort(-values["softmax1"])[:3]
    assert [text for text in said if text.startswith("class")] == [names[index] for index in best]
    assert "the 3 largest of 40 features" in said
    said = texts(plots.feature_maps(network, values, ["softmax1"], top=3))
    assert [text for text in said if text.isdigit()] == [str(index) for index in best]


def test_hidden_features_are_bars():
    network, values = run("input 4\ndense 40 as hidden -> relu -> dense 3")
    drawn = heights(plots.feature_maps(network, values, ["hidden"]), "hidden")
    largest = np.abs(values["hidden"]).argmax()
    np.testing.assert_allclose(drawn / drawn[largest], values["hidden"] / values["hidden"][largest], atol=1e-6)


def test_very_many_features_keep_their_extremes():
    network, values = run("input 5000\nrelu\ndense 2")
    values["relu1"][:] = 0
    values["relu1"][[7, 4999]] = 3, -2
    figure = plots.feature_maps(network, values, ["relu1"])
    assert any("each bar the farthest from 0 of 5" in text for text in texts(figure))
    (outline,) = [patch for patch in figure.axes[0].patches if patch.get_label() == "relu1"]
    lengths = np.diff(np.unique(outline.get_xy()[:, 1]))
    np.testing.assert_allclose(sorted(lengths), sorted([1.3 * 3 / 5, 1.3 * 2 / 5]))


def test_several_layers_stand_below_each_other():
    network, values = run(SMALL)
    figure = plots.feature_maps(network, values, ["softmax1", "c", "input", "maxpool1"])
    titles = [text for text in figure.axes[0].texts if text.get_text() in ("softmax1", "c", "input", "maxpool1")]
    places = [title.get_position()[1] for title in titles]
    assert len(places) == 4 and places == sorted(places)
    assert {"input[0]", "maxpool1[5]"} <= set(images(figure)) and "input" not in images(figure)


@pytest.mark.parametrize("scale", ["shared", "map"])
def test_what_is_not_finite_is_green(scale):
    network, values = run(SMALL)
    values["c"][0] = np.nan
    values["c"][1, 0, 0] = np.inf
    values["c"][2, :, 0] = -np.inf
    figure = plots.feature_maps(network, values, scale=scale)
    array = images(figure)["c[1]"].get_array()
    assert array.mask.sum() == 1 and array.mask[0, 0]
    assert any("green: 43 values not finite" in text for text in texts(figure))
    shown = pixels(figure)
    x, _, bottom, top = (round(edge * 200) for edge in images(figure)["c[0]"].get_extent())
    assert shown[(bottom + top) // 2, x + 20].tolist() == [0, 158, 115]
    assert (np.abs(shown - [0, 158, 115]).sum(axis=2) == 0).any(axis=1).sum() > bottom - top - 10


@pytest.mark.parametrize("layer", ["c", "softmax1", "flatten1", "sequence", "few", "hidden"])
@pytest.mark.parametrize("fill", [0.0, 3e38, -3e38, np.nan, np.inf])
def test_values_of_one_kind(layer, fill):
    text = (
        SMALL + "from c -> flatten -> dense 30 as hidden\nfrom hidden -> reshape (10@3) as sequence -> conv 2 1 as few"
    )
    network, values = run(text)
    values[layer][:] = fill
    values[layer].flat[0] = -fill if fill else 0
    pixels(plots.feature_maps(network, values, [layer]))


def test_default_layer():
    assert plots.default_layer(cnndsl.loads("input 3@8x8\nbatchnorm\nmaxpool 2x2\nconv 4 3x3 as c")) == "c"
    assert plots.default_layer(cnndsl.loads("input 3@8x8\nconv 4 8x8\nflatten\ndense 2 as d")) == "d"
    assert plots.default_layer(cnndsl.loads("input 8\nrelu as r")) == "r"


def test_layers_that_cannot_be_shown():
    network, values = run(SMALL)
    with pytest.raises(cnndsl.CnnError, match=r"unknown-layer.*no layer `conv1`"):
        plots.feature_maps(network, values, ["conv1"])
    with pytest.raises(cnndsl.CnnError, match="at most 24 layers, not 25"):
        plots.feature_maps(network, values, ["c"] * 25)


def test_names_from_a_stranger_stay_text():
    network, values = run("input 3@8x8\nconv 2 3x3 as c")
    odd = "$\\frac{<b>\u001b[31m\u4e2d"
    network = cnndsl.from_json(network.to_json().replace('"c"', '"' + "$\\\\frac{<b>\\u001b[31m\u4e2d" + '"'))
    values[odd] = values.pop("c")
    figure = plots.feature_maps(network, values, [odd])
    assert texts(figure)[0] == "$\\frac{<b>\\x1b[31m\N{WHITE SQUARE}"
    pixels(figure)


def test_nothing_is_cut_off():
    """Every text lies on the page, and none over another."""
    names = [f"a very long label of a class that says much more than there is room for, number {i}" for i in range(10)]
    text = "input 3@9x7\nconv 6 3x3 as an_extremely_long_name_of_a_layer_that_somebody_gave_to_it_because_they_could\n"
    network, values = run(text + "flatten -> dense 10")
    for figure in (
        plots.feature_maps(network, values, [*network.layers], labels=names, example="photograph.png" * 20),
        plots.feature_maps(network, values, most=64, columns=1),
        plots.filters(network, "dense1", network.weights()),
    ):
        pixels(figure)
        boxes = [text.get_window_extent() for text in figure.axes[0].texts]
        page = figure.bbox
        assert all(page.x0 <= box.x0 and box.x1 <= page.x1 and page.y0 <= box.y0 and box.y1 <= page.y1 for box in boxes)
        for index, one in enumerate(boxes):
            for other in boxes[:index]:
                width = min(one.x1, other.x1) - max(one.x0, other.x0)
                height = min(one.y1, other.y1) - max(one.y0, other.y0)
                assert width <= 0 or height <= 0


# filters


def filters(text, layer, **more):
    network = cnndsl.loads(text)
    weights = network.weights(seed=1)
    return plots.filters(network, layer, weights, **more), weights


def test_filters_of_one_channel():
    figure, weights = filters("input 1@8x8\nconv 6 3x2 as c", "c")
    shown = images(figure)
    assert list(shown) == [f"c.weight[{index}]" for index in range(6)]
    largest = float(np.abs(weights["c.weight"]).max())
    for index, image in enumerate(shown.values()):
        np.testing.assert_array_equal(image.get_array(), weights["c.weight"][index, 0])
        assert image.get_clim() == (-largest, largest)
    assert texts(figure)[:3] == ["c.weight", "conv 6 3x2 → 6@6x7", "6x1x3x2 · 6 filters"]


def test_filters_on_colours():
    figure, weights = filters("input 3@8x8\nconv 5 3x3 as c -> conv 3 1x1 -> conv 4 2x2 as d", "c")
    w = weights["c.weight"].astype(float)
    for index, image in enumerate(images(figure).values()):
        expected = (w[index] / np.abs(w).max() / 2 + 0.5).transpose(1, 2, 0)
        np.testing.assert_allclose(image.get_array(), expected, atol=1e-12)
    figure, weights = filters("input 3@8x8\nconv 5 3x3 as c -> conv 3 1x1 -> conv 4 2x2 as d", "d")
    np.testing.assert_array_equal(images(figure)["d.weight[3, 2]"].get_array(), weights["d.weight"][3, 2])


def test_a_picture_for_every_filter_and_channel():
    figure, weights = filters("input 20@8x8\nconv 18 3x3 as c", "c")
    shown = images(figure)
    assert len(shown) == 256
    assert all(
        (shown[f"c.weight[{row}, {column}]"].get_array() == weights["c.weight"][row, column]).all()
        for row in range(16)
        for column in range(16)
    )
    said = texts(figure)[2]
    assert "the first 16 of 18 filters (rows) · the first 16 of 20 channels (columns)" in said
    assert len(images(filters("input 20@8x8\nconv 18 3x3 as c", "c", first=3, columns=2)[0])) == 6
    shown = images(figure)
    down = {image.get_extent()[3] for name, image in shown.items() if name.endswith(", 0]")}
    assert len(down) == 16


def test_links_that_a_table_leaves_out():
    figure, _ = filters("input 3@8x8\nrelu -> conv 2 3x3 connect=[[0, 1], [2]] as c", "c")
    assert set(images(figure)) == {"c.weight[0, 0]", "c.weight[0, 1]", "c.weight[1, 2]"}


def test_transposed_and_grouped_filters():
    figure, weights = filters("input 4@8x8\nconv_transpose 6 2x2 groups=2 as c", "c")
    shown = images(figure)
    assert any("2 groups: channels are counted within a filter's own" in text for text in texts(figure))
    assert len(shown) == 12
    for group in range(2):
        for filter in range(3):
            for channel in range(2):
                expected = weights["c.weight"][2 * group + channel, filter]
                np.testing.assert_array_equal(shown[f"c.weight[{3 * group + filter}, {channel}]"].get_array(), expected)


def test_filters_along_one_and_three_axes():
    figure, weights = filters("input 1@8\nconv 2 3 as c", "c")
    drawn = np.stack([heights(figure, f"c.weight[{index}]") for index in range(2)])
    np.testing.assert_allclose(
        drawn / drawn.flat[0], weights["c.weight"][:, 0] / weights["c.weight"].flat[0], rtol=1e-5
    )
    figure, weights = filters("input 1@8\nconv 20 3 as c", "c")
    np.testing.assert_array_equal(images(figure)["c.weight"].get_array(), weights["c.weight"][:, 0])
    figure, weights = filters("input 5@8\nconv 2 3 as c", "c")
    np.testing.assert_array_equal(images(figure)["c.weight[1]"].get_array(), weights["c.weight"][1])
    figure, weights = filters("input 1@8x8x8\nconv 2 5x3x3 as c", "c")
    np.testing.assert_array_equal(images(figure)["c.weight[1]"].get_array(), weights["c.weight"][1, 0, 2])


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        ("input 1@4x5\nflatten -> dropout 0.5 -> dense 3 as d", (3, 4, 5)),
        ("input 49\nrelu -> dense 3 as d", (3, 7, 7)),
        ("input 3@6\nflatten -> dense 2 as d", (2, 3, 6)),
    ],
)
def test_dense_weights_have_the_shape_of_what_they_read(text, shape):
    figure, weights = filters(text, "d")
    expected = weights["d.weight"].reshape(shape)
    shown = list(images(figure).values())
    assert len(shown) == shape[0]
    for one, image in zip(expected, shown, strict=True):
        np.testing.assert_array_equal(image.get_array(), one)


def test_dense_weights_on_many_maps():
    figure, weights = filters("input 3@4x4\nmaxpool 2x2 -> flatten -> dense 2 as d", "d")
    np.testing.assert_array_equal(
        images(figure)["d.weight[1, 2]"].get_array(), weights["d.weight"].reshape(2, 3, 2, 2)[1, 2]
    )
    assert "features as 3@2x2" in texts(figure)[2]


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("input 50\ndense 49 -> dense 80 as d", 64),
        ("input 5@1x1\nflatten -> dense 7 as d", 7),
        ("input 9@4x4\nconv 70 1x1 as d", 64),
        ("input 6 dtype=int64\nembedding 100 8 as d", 64),
        ("input 10\nrbf 4 as d", 4),
    ],
)
def test_other_weights_are_a_matrix(text, rows):
    figure, weights = filters(text, "d")
    ((name, image),) = images(figure).items()
    expected = weights[name].reshape(len(weights[name]), -1)[:64, :64]
    np.testing.assert_array_equal(image.get_array(), expected)
    assert len(expected) == rows


def test_vectors_of_weights_and_shared_ones():
    figure, _ = filters("input 3@8x8\nbatchnorm as b", "b")
    titles = [text for text in texts(figure) if text.startswith("b.")]
    assert titles == ["b.weight", "b.bias", "b.running_mean", "b.running_var"]
    figure, weights = filters("input 1@8x8\nconv 1 3x3 pad=1 as a -> conv 1 3x3 share=a as b", "b")
    np.testing.assert_array_equal(images(figure)["a.weight[0]"].get_array(), weights["a.weight"][0, 0])


@pytest.mark.parametrize(
    ("layer", "code", "words"),
    [
        ("relu1", "bad-setting", "these have some: c, dense1"),
        ("input", "bad-setting", "is an input"),
        ("d", "unknown-layer", "did you mean `c`"),
    ],
)
def test_layers_without_weights(layer, code, words):
    with pytest.raises(cnndsl.CnnError) as raised:
        filters(SMALL, layer)
    (found,) = raised.value.diagnostics
    assert found.code == code and words in " ".join((found.message, *found.help))


# files


@pytest.fixture(scope="module")
def figure():
    network, values = run(SMALL)
    return plots.feature_maps(network, values, [*network.layers])


@pytest.mark.parametrize("suffix", ["png", "svg", "pdf", "PNG"])
def test_files_are_the_same_each_time(figure, tmp_path, suffix):
    contents = []
    for name in ("a", "b"):
        network, values = run(SMALL)
        plots.save(plots.feature_maps(network, values, [*network.layers]), tmp_path / f"{name}.{suffix}")
        contents.append((tmp_path / f"{name}.{suffix}").read_bytes())
    assert contents[0] == contents[1]
    starts = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}
    assert contents[0].startswith(starts[suffix.lower()])
    assert not re.search(rb"CreationDate|<dc:date>|Matplotlib v|matplotlib.org", contents[0])


def test_png_size(figure, tmp_path):
    plots.save(figure, tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as image:
        assert image.size == tuple(math.floor(inches * 200) for inches in figure.get_size_inches())
        assert image.width <= 1660


def test_svg_holds_the_pixels_and_nothing_from_outside(figure, tmp_path):
    plots.save(figure, tmp_path / "a.svg")
    tree = ElementTree.parse(tmp_path / "a.svg")
    found = [element for element in tree.iter() if element.tag.endswith("}image")]
    assert len(found) == len(figure.axes[0].images)
    for element in tree.iter():
        assert not element.tag.endswith("script")
        for name, value in element.attrib.items():
            assert not name.endswith("href") or value.startswith(("data:image/png;base64,", "#"))


def test_only_pictures_are_written(figure, tmp_path):
    with pytest.raises(cnndsl.CnnError, match=r"\.png, \.svg or \.pdf"):
        plots.save(figure, tmp_path / "a.jpg")
    with pytest.raises(cnndsl.CnnError, match="there is no folder"):
        plots.save(figure, tmp_path / "missing" / "a.png")
    assert list(tmp_path.iterdir()) == []


def test_without_matplotlib(monkeypatch):
    network, values = run(SMALL)
    for name in [name for name in sys.modules if name.partition(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, name)
    original = builtins.__import__

    def missing(name, *arguments, **more):
        if name.partition(".")[0] == "matplotlib":
            raise ImportError(name)
        return original(name, *arguments, **more)

    monkeypatch.setattr(builtins, "__import__", missing)
    for call in (lambda: plots.feature_maps(network, values), lambda: plots.filters(network, "c", network.weights())):
        with pytest.raises(cnndsl.CnnError) as raised:
            call()
        (found,) = raised.value.diagnostics
        assert found.code == "bad-setting" and 'pip install "cnndsl[plot]"' in found.help[0]
    assert png_of_maps(values["c"]).startswith(b"\x89PNG")


def test_settings_that_matplotlib_does_not_know(monkeypatch):
    network, values = run(SMALL)
    for name in [name for name in sys.modules if name.partition(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setenv("MPLBACKEND", "nonsense")
    with pytest.raises(cnndsl.CnnError, match=r"matplotlib does not start: .*nonsense"):
        plots.feature_maps(network, values)


# values larger than a picture


def test_blocks_of_a_large_map_become_their_means():
    value = np.arange(7 * 5, dtype=np.float32).reshape(1, 7, 5)
    expected = [[value[0, top : top + 3, left : left + 2].mean() for left in (0, 2, 4)] for top in (0, 3, 6)]
    np.testing.assert_allclose(thinned(value, (3, 3), axis=1)[0], expected)
    assert thinned(value, (7, 5), axis=1) is value
    value[0, 4, 1] = np.nan
    assert np.isnan(thinned(value, (3, 3), axis=1)[0]).tolist() == [[False] * 3, [True, False, False], [False] * 3]


def test_a_huge_map_is_as_fine_as_print_and_has_the_range_of_all(tmp_path):
    network = cnndsl.loads("input 1@3000x4000\nidentity as i")
    value = np.zeros((1, 3000, 4000), np.float32)
    value[0, 0, :2] = -8, 5
    figure = plots.feature_maps(network, {"input": value, "i": value}, ["i"])
    for image in images(figure).values():
        left, right, bottom, top = image.get_extent()
        rows, columns = image.get_array().shape[:2]
        assert 300 * (right - left) < columns <= 600 * (right - left) + 1
        assert 300 * (bottom - top) < rows <= 600 * (bottom - top) + 1
    assert images(figure)["i[0]"].get_clim() == (-8, 5)
    plots.save(figure, tmp_path / "huge.svg")
    assert (tmp_path / "huge.svg").stat().st_size < 2_000_000


def test_long_sequences_have_few_bars():
    network = cnndsl.loads("input 2@100000\nidentity as i")
    value = np.zeros((2, 100000), np.float32)
    value[1, 54321] = -3
    figure = plots.feature_maps(network, {"i": value}, ["i"])
    (outline,) = [patch for patch in figure.axes[0].patches if patch.get_label() == "i[1]"]
    x, y = outline.get_xy().T
    left, width = x.min(), np.ptp(x)
    deep = (x[np.isclose(y, y.max())] - left) / width * 1021  # 100,000 numbers are 1,021 runs of 98
    np.testing.assert_allclose([deep.min(), deep.max()], [54321 // 98, 54321 // 98 + 1], atol=0.01)
    assert len(x) <= 4 * 1024
    assert any("each bar the farthest from 0 of 98" in text for text in texts(figure))


# PNG bytes without matplotlib


def opened(data):
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image.convert("RGBA")).astype(int)


def test_maps_as_png():
    value = np.arange(6 * 2 * 3, dtype=np.float32).reshape(6, 2, 3)
    found = opened(png_of_maps(value, side=3))
    assert found.shape == (2 * 2 + 2, 3 * 3 + 4, 4)
    for index in range(6):
        row, column = divmod(index, 3)
        tile = found[4 * row : 4 * row + 2, 5 * column : 5 * column + 3]
        np.testing.assert_allclose(tile[..., 0], value[index] / 35 * 255, atol=1.01)
        assert (tile[..., 3] == 255).all()
    assert (found[2:4, :, 3] == 0).all() and (found[:, 3:5, 3] == 0).all()
    own = opened(png_of_maps(value, side=3, scale="map"))
    np.testing.assert_allclose(own[0:2, 0:3, 0], value[0] / 5 * 255, atol=1.01)


def test_large_and_small_maps_as_png():
    assert opened(png_of_maps(np.zeros((1, 300, 500)), side=64)).shape[:2] == (60, 62)
    assert opened(png_of_maps(np.zeros((1, 5, 7)), side=64)).shape[:2] == (45, 63)
    assert opened(png_of_maps(np.zeros((100, 4, 4)), most=4, columns=2, side=4)).shape[:2] == (10, 10)
    assert opened(png_of_maps(np.zeros((5, 30)), side=30)).shape[:2] == (5, 30)
    assert opened(png_of_maps(np.zeros(30), side=30)).shape[:2] == (1, 30)


def test_what_is_not_finite_as_png():
    value = np.array([[[0, np.nan], [np.inf, 1]]], np.float32)
    found = opened(png_of_maps(value, side=2))[..., :3]
    assert found.tolist() == [[[0, 0, 0], [0, 158, 115]], [[0, 158, 115], [255, 255, 255]]]
    assert (opened(png_of_maps(np.full((2, 2, 2), np.nan), side=2))[..., 1] == 158).sum() == 8


def test_a_picture_as_png():
    value = np.zeros((3, 2, 2), np.float32)
    value[0, 0, 0], value[1, 0, 1], value[2, 1, 0], value[:, 1, 1] = 2, 2, 2, np.nan
    found = opened(png_of_picture(value, side=2))[..., :3]
    assert found.tolist() == [[[255, 0, 0], [0, 255, 0]], [[0, 0, 255], [0, 158, 115]]]


def test_maps_of():
    assert maps_of(np.zeros((3, 4, 5))).count == "3 maps"
    assert maps_of(np.zeros((512, 4, 5))).count == "64 of 512 maps"
    assert maps_of(np.zeros((1, 4, 5))).count == "1 map"
    value = np.arange(2 * 3 * 4 * 5 * 6).reshape(2, 3, 4, 5, 6)
    found = maps_of(value)
    np.testing.assert_array_equal(found.shown, value[:, 1, 2])
    assert found.note == "middle slice, 1 of 0 to 2 and 2 of 0 to 3"


# small values


def plainly(text):
    """A number of a picture as a float."""
    return float(text.replace("\N{MINUS SIGN}", "-").replace(",", ""))


def inside(figure, image):
    """The texts upon an image, by row and column of its cells."""
    left, right, bottom, top = image.get_extent()
    rows, columns = image.get_array().shape[:2]
    found = {}
    for text in figure.axes[0].texts:
        x, y = text.get_position()
        if left < x < right and top < y < bottom:
            place = (int((y - top) / (bottom - top) * rows), int((x - left) / (right - left) * columns))
            assert place not in found
            found[place] = text.get_text()
    return found


@pytest.mark.parametrize("side", [2, 6, 16])
def test_cells_of_a_small_map_have_their_numbers(side):
    network, values = run(f"input 1@{side}x{side}\nconv 1 1x1 as c")
    figure = plots.feature_maps(network, values)
    for name, value in (("c[0]", values["c"][0]), ("input", values["input"][0])):
        written = inside(figure, images(figure)[name])
        assert len(written) == side * side
        drawn = [[plainly(written[row, column]) for column in range(side)] for row in range(side)]
        np.testing.assert_allclose(drawn, value, atol=0.051)
    assert np.isnan([line.get_xdata()[2] for line in figure.axes[0].lines]).all()  # the lines between the cells


def test_numbers_are_seen_on_their_cells():
    network, values = run("input 1@4x4\nidentity as i")
    values["i"] = np.linspace(0, 1, 16, dtype=np.float32).reshape(1, 4, 4)
    figure = plots.feature_maps(network, {"i": values["i"]})
    colours = {text.get_text(): text.get_color() for text in figure.axes[0].texts}
    assert colours["0.07"] == colours["0.33"] == "white" and colours["1.00"] == colours["0.80"] != "white"


def test_large_maps_and_many_cells_have_no_numbers():
    for text in ("input 1@17x17\nidentity as c", "input 1@16x16\nconv 16 1x1 as c"):
        network, values = run(text)
        del values["input"]
        figure = plots.feature_maps(network, values)
        assert all(not inside(figure, image) for image in images(figure).values())


def test_small_filters_have_numbers_and_take_no_more_paper_than_they_need():
    figure, weights = filters("input 1@8x8\nconv 2 3x3 as c", "c")
    for index in range(2):
        written = inside(figure, images(figure)[f"c.weight[{index}]"])
        drawn = [[plainly(written[row, column]) for column in range(3)] for row in range(3)]
        np.testing.assert_allclose(drawn, weights["c.weight"][index, 0], atol=0.0051)
    right = max(text.get_window_extent().x1 for text in figure.axes[0].texts)
    assert figure.get_size_inches()[0] == pytest.approx(right / 200 + 0.15, abs=0.02) and right < 4 * 200


def test_bars_have_their_numbers():
    network, values = run("input 2@7\nconv 2 1 as c\nflatten as f -> dense 3")
    for layer in ("c", "f"):
        figure = plots.feature_maps(network, values, [layer])
        said = [plainly(text) for text in texts(figure) if re.fullmatch(r"\W?\d\.\d+", text)]
        assert len(said) == 14
        np.testing.assert_allclose(said, values[layer].ravel(), rtol=6e-3)


@pytest.mark.parametrize(
    ("value", "written"),
    [(6600.0, "6,600"), (-12345.6, "\N{MINUS SIGN}12,346"), (0.125, "0.125"), (-0.0, "0"), (2e9, "2e+09"),
     (999.6, "1,000"), (999.4, "999"), (1.5e-7, "1.5e\N{MINUS SIGN}07"), (math.inf, "inf"), (math.nan, "nan")],
)  # fmt: skip
def test_numbers(value, written):
    assert number(value) == written


def test_all_layers_of_a_small_network_are_a_page(examples):
    network = cnndsl.load(examples / "digits" / "digits.cnn")
    assert len(network.layers) == 12
    random = np.random.default_rng(0)
    x = random.random((1, 1, 8, 8), np.float32)
    _, kept = network.run(x, keep=[*network.inputs, *network.layers])
    figure = plots.feature_maps(network, {name: value[0] for name, value in kept.items()}, [*network.layers])
    width, height = figure.get_size_inches()
    assert height <= 1.42 * 8.3 and width <= 8.3
    pixels(figure)
    titles = {text.get_text(): text.get_position() for text in figure.axes[0].texts if text.get_fontweight() == "bold"}
    assert list(titles) == ["input", *network.layers]
    assert len({x for x, _ in titles.values()}) == 2
    assert {name.partition("[")[0] for name in images(figure)} == {
        "input", "conv1", "relu1", "conv2", "relu2", "maxpool1", "conv3", "relu3", "maxpool2",
    }  # fmt: skip


def test_an_output_in_colours_is_an_image():
    network, values = run("input 4@20x20\nconv 3 3x3 as c -> sigmoid as s -> identity as i")
    shown = images(plots.feature_maps(network, values, ["c", "i"]))
    assert list(shown) == ["c[0]", "c[1]", "c[2]", "i"]
    value = values["i"].astype(float)
    expected = ((value - value.min()) / (value.max() - value.min())).transpose(1, 2, 0)
    np.testing.assert_allclose(shown["i"].get_array(), expected, atol=1e-12)
    classes, values = run("input 4@20x20\nconv 3 3x3 -> softmax as s")
    assert list(images(plots.feature_maps(classes, values, ["s"]))) == ["s[0]", "s[1]", "s[2]"]
