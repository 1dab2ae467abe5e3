"""MACs where counting tools disagree: published sizes by arithmetic, small ones by counting every multiplication."""

from itertools import product
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import cnndsl

Array = NDArray[np.float64]

ANCHORS = {
    # The bias is an addition: 30*30 positions, 16 filters, 27 taps.
    "bias not counted": ("input 3@32x32; conv 16 3x3", 388_800),
    # Every input element meets every tap of every filter once; counting output elements would give four times as many.
    "transposed": ("input 3@32x32; conv_transpose 8 4x4 stride=2 pad=1 bias=false", 393_216),
    # The same with one filter a channel; tools that ignore groups give four times as many.
    "transposed, in groups": (
        "input 4@32x32; conv_transpose 4 3x3 stride=2 pad=1 output_pad=1 groups=4 bias=false",
        36_864,
    ),
    # 2 * 8*8*9*32*32: shared weights are multiplied each time they are used.
    "shared": (
        "input 8@32x32; conv 8 3x3 pad=1 bias=false as first -> relu; conv 8 3x3 pad=1 bias=false share=first",
        1_179_648,
    ),
    # An even kernel needs an odd number of padding cells; the output is ceil(32/2) all the same.
    "same, even kernel and stride": ("input 3@32x32; conv 8 4x4 stride=2 pad=same", 16 * 16 * 8 * 3 * 16),
    "same, odd size": ("input 3@33x33; conv 8 2x2 stride=2 pad=same bias=false", 17 * 17 * 8 * 3 * 4),
}


@pytest.mark.parametrize(("text", "macs"), ANCHORS.values(), ids=ANCHORS)
def test_anchors(text: str, macs: int) -> None:
    assert cnndsl.loads(text).macs == macs


def test_shared_weights_count_once() -> None:
    network = cnndsl.loads(ANCHORS["shared"][0])
    assert [layer.params for layer in network.layers.values()] == [8 * 8 * 9, 0, 0]
    assert network.params == 576
    assert list(network.weights()) == ["first.weight"]


def convolve(x: Array, weight: Array, stride: int, pads: tuple[int, int], groups: int) -> tuple[Array, int]:
    """A convolution by its definition, (C, H, W) by (filters, C/groups, K, K), and how often it multiplied."""
    padded = np.pad(x, ((0, 0), pads, pads))
    filters, channels, kernel, _ = weight.shape
    sizes = [(extent - kernel) // stride + 1 for extent in padded.shape[1:]]
    y, multiplications = np.zeros((filters, *sizes)), 0
    for f, row, column in np.ndindex(*y.shape):
        first = f // (filters // groups) * channels
        for c, i, j in product(range(channels), range(kernel), range(kernel)):
            y[f, row, column] += weight[f, c, i, j] * padded[first + c, row * stride + i, column * stride + j]
            multiplications += 1
    return y, multiplications


def convolve_transposed(
    x: Array, weight: Array, stride: int, pad: int, output_pad: int, groups: int
) -> tuple[Array, int]:
    """Every input element times every tap of its group's filters, added where it belongs, then cropped."""
    channels, filters, kernel, _ = weight.shape
    sizes = [(extent - 1) * stride + kernel + output_pad for extent in x.shape[1:]]
    y, multiplications = np.zeros((filters * groups, *sizes)), 0
    for c, row, column in np.ndindex(*x.shape):
        first = c // (channels // groups) * filters
        for f, i, j in product(range(filters), range(kernel), range(kernel)):
            y[first + f, row * stride + i, column * stride + j] += weight[c, f, i, j] * x[c, row, column]
            multiplications += 1
    return y[:, pad : sizes[0] - pad, pad : sizes[1] - pad], multiplications


def random(*shape: int) -> Array:
    return np.random.default_rng(7).normal(size=shape)


@pytest.mark.parametrize(
    ("text", "weight", "stride", "pads", "groups"),
    [
        ("input 3@6x6; conv 4 3x3 bias=false", (4, 3, 3, 3), 1, (0, 0), 1),
        ("input 4@5x5; conv 6 3x3 stride=2 pad=1 groups=2 bias=false", (6, 2, 3, 3), 2, (1, 1), 2),
        ("input 2@7x7; conv 3 4x4 stride=2 pad=same bias=false", (3, 2, 4, 4), 2, (1, 2), 1),
        ("input 2@7x7; conv 3 4x4 stride=2 pad=same_lower bias=false", (3, 2, 4, 4), 2, (2, 1), 1),
        ("input 4@5x5; depthwise 3x3 pad=1 multiplier=2 bias=false", (8, 1, 3, 3), 1, (1, 1), 4),
    ],
    ids=["conv", "groups", "same", "same_lower", "depthwise"],
)
def test_convolution_by_counting(
    text: str, weight: tuple[int, ...], stride: int, pads: tuple[int, int], groups: int
) -> None:
    network = cnndsl.loads(text)
    (layer,) = network.layers.values()
    x, w = random(*network.inputs["input"].dimensions), random(*weight)
    y, multiplications = convolve(x, w, stride, pads, groups)
    assert layer.shape.dimensions == y.shape
    assert layer.macs == multiplications
    torch = pytest.importorskip("torch")
    padded = torch.nn.functional.pad(torch.from_numpy(x)[None], (*pads, *pads))
    reference: Any = torch.nn.functional.conv2d(padded, torch.from_numpy(w), stride=stride, groups=groups)
    np.testing.assert_allclose(y, reference[0].numpy(), rtol=1e-12, atol=1e-12)  # what was counted is a convolution


@pytest.mark.parametrize(
    ("text", "weight", "stride", "pad", "output_pad", "groups"),
    [
        ("input 3@4x4; conv_transpose 2 4x4 stride=2 pad=1 bias=false", (3, 2, 4, 4), 2, 1, 0, 1),
        (
            "input 4@4x4; conv_transpose 4 3x3 stride=2 pad=1 output_pad=1 groups=4 bias=false",
            (4, 1, 3, 3),
            2,
            1,
            1,
            4,
        ),
        ("input 4@3x3; conv_transpose 6 3x3 groups=2 bias=false", (4, 3, 3, 3), 1, 0, 0, 2),
    ],
    ids=["plain", "one filter a channel", "groups"],
)
def test_transposed_convolution_by_counting(
    text: str, weight: tuple[int, ...], stride: int, pad: int, output_pad: int, groups: int
) -> None:
    network = cnndsl.loads(text)
    (layer,) = network.layers.values()
    x, w = random(*network.inputs["input"].dimensions), random(*weight)
    y, multiplications = convolve_transposed(x, w, stride, pad, output_pad, groups)
    assert layer.shape.dimensions == y.shape
    assert layer.macs == multiplications
    torch = pytest.importorskip("torch")
    options = {"stride": stride, "padding": pad, "output_padding": output_pad, "groups": groups}
    reference: Any = torch.nn.functional.conv_transpose2d(torch.from_numpy(x)[None], torch.from_numpy(w), **options)
    np.testing.assert_allclose(y, reference[0].numpy(), rtol=1e-12, atol=1e-12)
