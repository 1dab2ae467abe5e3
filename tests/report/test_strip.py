"""The film strip of a layer: which filters after which epochs, and what can be wrong."""

import numpy as np
import pytest

import cnndsl
from cnndsl.errors import CnnError
from cnndsl.report.plots.strip import FILTERS, ROWS, Strip

NET = cnndsl.loads("input 3@9x9\nconv 20 3x3 -> relu\nconv 5 3x3\nconv 4 1x1\nflatten -> dense 2\n")


def drawn(strip):
    return {image.get_label(): np.asarray(image.get_array()) for image in strip.figure().axes[0].images}


def test_filters_of_an_image_are_pictures_on_one_scale():
    strip, weights = Strip(NET, "conv1", 2, 4), {epoch: NET.weights(seed=epoch) for epoch in range(5)}
    for epoch, each in weights.items():
        strip.add(epoch, each)
    assert [frame.epoch for frame in strip.frames] == [0, 2, 4]
    largest = max(np.abs(weights[epoch]["conv1.weight"][:FILTERS]).max() for epoch in (0, 2, 4))
    found = drawn(strip)
    assert len(found) == 3 * FILTERS
    expected = weights[2]["conv1.weight"][7].transpose(1, 2, 0) / (2 * largest) + 0.5
    np.testing.assert_allclose(found["conv1[7] after 2"], expected, atol=1e-6)


def test_of_deeper_filters_the_first_channel_and_of_long_runs_some_epochs():
    strip = Strip(NET, "conv2", 1, 40)
    for epoch in range(41):
        strip.add(epoch, NET.weights(seed=epoch))
    found = drawn(strip)
    epochs = sorted({int(name.split()[-1]) for name in found if " after " in name})
    assert len(epochs) == ROWS and epochs[0] == 0 and epochs[-1] == 40
    np.testing.assert_array_equal(found["conv2[3] after 40"], NET.weights(seed=40)["conv2.weight"][3, 0])


@pytest.mark.parametrize(("layer", "words"), [("conv3", "no filters"), ("relu1", "no weights"), ("conv9", "conv9")])
def test_what_has_no_filters_is_said(layer, words):
    with pytest.raises(CnnError, match=words):
        Strip(NET, layer, None, 4)
