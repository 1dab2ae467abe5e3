"""The figure of one output value worked out: its cells and sums are read back, and compared with NumPy's."""

import numpy as np
import pytest

import cnndsl
from cnndsl.report.worked import worked
from cnndsl.runtime.trace import trace_value


def figure(text, layer, position, x, weights=None):
    network = cnndsl.loads(text)
    inputs = {name: np.asarray(x, np.float32)[None] for name in network.inputs}
    weights = network.weights(seed=1) if weights is None else weights
    trace = trace_value(network.graph, layer, position, inputs, weights)
    return worked(trace, "a note"), trace, weights


def images(found):
    return {image.get_label(): np.asarray(image.get_array()) for image in found.axes[0].images}


def texts(found):
    return [text.get_text().replace("\N{MINUS SIGN}", "-") for text in found.axes[0].texts]


def test_window_kernel_products_and_sum():
    x = np.random.default_rng(0).standard_normal((2, 6, 6)).astype(np.float32)
    found, trace, weights = figure("input 2@6x6\nconv 3 3x3 as c", "c", (1, 2, 3), x)
    kernel = weights["c.weight"][1].astype(float)
    drawn = images(found)
    for channel in range(2):
        window = x[channel, 2:5, 3:6].astype(float)
        np.testing.assert_allclose(drawn[f"input {channel}"], window)
        np.testing.assert_allclose(drawn[f"weight {channel}"], kernel[channel])
        np.testing.assert_allclose(drawn[f"weight*input {channel}"], window * kernel[channel])
        assert f"sum {(window * kernel[channel]).sum():.5g}" in texts(found)
    assert texts(found)[0] == f"c = {trace.value:.5g}" and "at channel 1, row 2, column 3" in texts(found)
    assert sum("a note" in text for text in texts(found)) == 1
    assert texts(found)[-1] == f"run gives {trace.value:.5g}"


def test_cells_outside_of_the_map_are_pale_and_the_largest_has_a_frame():
    found, _, _ = figure("input 1@4x4\nconv 1 3x3 pad=1 as c", "c", (0, 0, 0), np.ones((1, 4, 4)))
    pale = [
        patch
        for patch in found.axes[0].patches
        if patch.get_facecolor()[:3] == pytest.approx((219 / 255, 231 / 255, 245 / 255))
    ]
    assert len(pale) == 5 and "pale cells are outside of the map" in texts(found)
    x = np.arange(16, dtype=np.float32).reshape(1, 4, 4)
    x[0, 2, 1] = 99
    found, _, _ = figure("input 1@4x4\nmaxpool 2x2 as p", "p", (0, 1, 0), x)
    (frame,) = [line for line in found.axes[0].lines if line.get_linewidth() == 1.8]
    (window,) = found.axes[0].images
    _, right, _, top = window.get_extent()
    assert frame.get_xdata().max() == pytest.approx(right) and frame.get_ydata().min() == pytest.approx(top)
    assert "gives 99" in texts(found) and list(images(found)) == ["input 0"]


def test_channels_that_are_left_out_are_named():
    x = np.ones((40, 3, 3))
    found, _, _ = figure("input 40@3x3\nconv 1 3x3 as c", "c", (0, 0, 0), x)
    rows = [text for text in texts(found) if text.startswith("channel ")]
    assert {"channel 0", "channel 1", "channel 2"} <= set(rows)
    assert any(text.startswith("left out: channels 3 to") for text in texts(found))
    assert "25 more" in texts(found)


@pytest.mark.parametrize(
    ("text", "layer", "position"),
    [
        ("input 2@9\nconv 2 3 pad=1", "conv1", (0, 0)),
        ("input 2@5x6x7\nconv 2 3x3x3", "conv1", (1, 0, 1, 2)),
        ("input 1@30x30\nconv 1 11x11", "conv1", (0, 3, 4)),
        ("input 3@8x8\nconv 4 1x1", "conv1", (0, 3, 4)),
        ("input 4@8x8\ndepthwise 3x3 pad=1", "depthwise1", (3, 7, 7)),
        ("input 4@8x8\nconv_transpose 2 2x2 stride=2", "conv_transpose1", (1, 3, 4)),
        ("input 4@8x8\navgpool 3x3 pad=1", "avgpool1", (3, 0, 0)),
        ("input 4@20x20\nglobal_avgpool", "global_avgpool1", (3, 0, 0)),
        ("input 4@8x8\nupsample 2 mode=linear", "upsample1", (3, 5, 5)),
        ("input 4@8x8\nbatchnorm", "batchnorm1", (3, 5, 5)),
        ("input 400\ndense 3", "dense1", (2,)),
        ("input 30\nsoftmax", "softmax1", (2,)),
        ("input 4@8x8\nadd { relu\nidentity }", "add1", (2, 1, 1)),
        ("input 4@8x8\nflatten", "flatten1", (20,)),
    ],
)
def test_every_kind_of_layer_is_drawn_within_the_page(text, layer, position):
    network = cnndsl.loads(text)
    (shape,) = network.inputs.values()
    x = np.random.default_rng(0).standard_normal(shape.dimensions).astype(np.float32)
    found, trace, _ = figure(text, layer, position, x)
    found.canvas.draw()
    page = found.bbox
    boxes = [text.get_window_extent() for text in found.axes[0].texts]
    assert all(page.x0 <= box.x0 and box.x1 <= page.x1 and page.y0 <= box.y0 and box.y1 <= page.y1 for box in boxes)
    assert texts(found)[-1].startswith("run gives ")
    assert float(texts(found)[-1].removeprefix("run gives ")) == pytest.approx(trace.value, rel=1e-4)
