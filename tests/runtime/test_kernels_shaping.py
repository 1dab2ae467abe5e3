"""Rearrangements against positions computed cell by cell and against PyTorch."""

from fractions import Fraction
from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from cnndsl.runtime.kernels import shaping

X = np.random.default_rng(10).standard_normal((3, 4, 5, 6))


@pytest.fixture
def functional():
    return pytest.importorskip("torch.nn.functional")


def test_flatten_is_channel_major(agree):
    agree(
        shaping.flatten,
        lambda x: [[x[n, c, h, w] for c in range(4) for h in range(5) for w in range(6)] for n in range(3)],
        X,
    )
    agree(shaping.flatten, lambda x: x, X[:, :, 0, 0])


def test_reshape(agree):
    agree(partial(shaping.reshape, shape=(2, 60)), lambda x: [np.split(sample.ravel(), 2) for sample in x], X)


def test_permute_counts_axes_from_the_channels(agree):
    agree(partial(shaping.permute, order=(2, 0, 1)), lambda x: np.einsum("nchw->nwch", x), X)
    agree(partial(shaping.permute, order=(1, 0)), lambda x: np.einsum("ncl->nlc", x), X[..., 0])


PADS = [((2,), ((1, 2),)), ((0, 1), ((2, 0), (3, 1))), ((0, 1, 2), ((1, 1), (0, 2), (1, 0)))]


@pytest.mark.parametrize(("axes", "padding"), PADS)
@pytest.mark.parametrize(
    ("mode", "name"), [("zeros", "constant"), ("reflect", "reflect"), ("edge", "replicate"), ("circular", "circular")]
)
def test_pad_agrees_with_torch(agree, by_torch, functional, axes, padding, mode, name):
    x = np.random.default_rng(11).standard_normal((3, 2, *(4 + axis for axis in axes)))
    around = [side for sides in reversed(padding) for side in sides]
    agree(partial(shaping.pad, padding=padding, mode=mode), by_torch(lambda x: functional.pad(x, around, name)), x)


PAD_ROWS = [
    ("zeros", 0.0, [0, 0, 1, 2, 3, 0]),
    ("zeros", -7.5, [-7.5, -7.5, 1, 2, 3, -7.5]),
    ("reflect", 0.0, [3, 2, 1, 2, 3, 2]),
    ("edge", 0.0, [1, 1, 1, 2, 3, 3]),
    ("circular", 0.0, [2, 3, 1, 2, 3, 1]),
]


@pytest.mark.parametrize(("mode", "value", "row"), PAD_ROWS)
def test_pad_row(agree, mode, value, row):
    kernel = partial(shaping.pad, padding=((2, 1),), mode=mode, value=value)
    agree(kernel, lambda x: [[row]], np.array([[[1.0, 2.0, 3.0]]]))


def test_crop_undoes_pad(agree):
    def there_and_back(x):
        return shaping.crop(shaping.pad(x, ((2, 0), (1, 3)), value=9), ((2, 0), (1, 3)))

    agree(there_and_back, lambda x: x, X)
    agree(partial(shaping.crop, cropping=((1, 0), (0, 2))), lambda x: x[:, :, 1:, :4], X)


def test_slice_axis_counts_axes_from_the_channels(agree):
    agree(partial(shaping.slice_axis, axis=0, begin=1, end=3), lambda x: x[:, [1, 2]], X)
    agree(partial(shaping.slice_axis, axis=2, begin=4, end=6), lambda x: x[:, :, :, [4, 5]], X)


@pytest.mark.parametrize("scale", [(2,), (2, 3), (1, 2, 3)])
def test_upsample_agrees_with_torch(agree, by_torch, functional, scale):
    x = np.random.default_rng(12).standard_normal((3, 2, *(3 for _ in scale)))
    agree(
        partial(shaping.upsample_nearest, scale=scale),
        by_torch(lambda x: functional.interpolate(x, scale_factor=scale)),
        x,
    )


SIZES = [
    ((5,), (8,)),
    ((8,), (5,)),
    ((4, 6), (8, 12)),
    ((7, 5), (3, 9)),
    ((4, 4), (1, 1)),
    ((1, 3), (4, 3)),
    ((3, 4, 5), (5, 2, 10)),
]


@pytest.mark.parametrize(("spatial", "output"), SIZES)
def test_resize_agrees_with_torch(agree, by_torch, functional, spatial, output):
    x = np.random.default_rng(13).standard_normal((3, 2, *spatial))
    linear = ["linear", "bilinear", "trilinear"][len(spatial) - 1]
    nearest = partial(shaping.resize, output=output, mode="nearest", align_corners=False)
    agree(nearest, by_torch(lambda x: functional.interpolate(x, output)), x)
    for align in (False, True):
        kernel = partial(shaping.resize, output=output, mode="linear", align_corners=align)
        agree(
            kernel,
            by_torch(lambda x, align=align: functional.interpolate(x, output, mode=linear, align_corners=align)),
            x,
        )


@given(st.tuples(*[st.integers(1, 20)] * 2), st.tuples(*[st.integers(1, 40)] * 2), st.booleans())
def test_cubic_images_agree_with_torch(spatial, output, align):
    torch = pytest.importorskip("torch")
    x = np.random.default_rng(15).standard_normal((2, 3, *spatial))
    interpolate = torch.nn.functional.interpolate
    expected = interpolate(torch.from_numpy(x), output, mode="bicubic", align_corners=align).numpy()
    for dtype, tolerance in ((np.float64, 1e-12), (np.float32, 1e-5)):
        resized = shaping.resize(x.astype(dtype), output, mode="cubic", align_corners=align)
        assert resized.dtype == dtype
        np.testing.assert_allclose(resized, expected, rtol=0, atol=tolerance)


def cubic_row(row, size, align):
    """Cubic convolution of a list, cell by cell, from exact places: Keys 1981 with a = -3/4."""
    extent, a, resized = len(row), Fraction(-3, 4), []
    for o in range(size):
        place = Fraction(2 * o + 1, 2) * Fraction(extent, size) - Fraction(1, 2)
        if align:
            place = Fraction(o * (extent - 1), max(size - 1, 1))
        total = Fraction(0)
        for cell in range(-3, extent + 3):
            s = abs(place - cell)
            if s < 1:
                weight = (a + 2) * s**3 - (a + 3) * s**2 + 1
            else:
                weight = a * s**3 - 5 * a * s**2 + 8 * a * s - 4 * a if s < 2 else 0
            total += weight * Fraction(row[min(max(cell, 0), extent - 1)])
        resized.append(float(total))
    return resized


@pytest.mark.parametrize(("spatial", "output"), SIZES)
@pytest.mark.parametrize("align", [False, True])
def test_cubic_is_the_definition_along_every_axis(agree, spatial, output, align):
    def defined(x):
        for axis, size in enumerate(output, start=2):
            x = np.apply_along_axis(lambda row, size=size: cubic_row(row.tolist(), size, align), axis, x)
        return x

    x = np.random.default_rng(16).standard_normal((2, 2, *spatial))
    agree(partial(shaping.resize, output=output, mode="cubic", align_corners=align), defined, x)


def test_resize_rows(agree):
    x = np.array([[[0.0, 6.0, 12.0]]])
    rows = [
        ("nearest", False, 6, [0, 0, 6, 6, 12, 12]),
        ("nearest", False, 2, [0, 6]),
        ("linear", False, 6, [0, 1.5, 4.5, 7.5, 10.5, 12]),
        ("linear", True, 5, [0, 3, 6, 9, 12]),
        ("linear", False, 1, [6]),
        ("linear", True, 1, [0]),
        ("cubic", False, 3, [0, 6, 12]),
        ("cubic", True, 5, [0, 2.4375, 6, 9.5625, 12]),
        ("cubic", False, 1, [6]),
        ("cubic", True, 1, [0]),
    ]
    for mode, align, size, row in rows:
        agree(partial(shaping.resize, output=(size,), mode=mode, align_corners=align), lambda x, row=row: [[row]], x)


@given(st.integers(1, 300), st.integers(1, 300))
def test_nearest_is_exact_for_every_size(extent, size):
    resized = shaping.resize(np.arange(extent, dtype=float)[None, None], (size,), mode="nearest", align_corners=False)
    assert resized[0, 0].tolist() == [i * extent // size for i in range(size)]


@pytest.mark.parametrize("groups", [1, 2, 3, 6])
def test_channel_shuffle_agrees_with_torch(agree, by_torch, functional, groups):
    x = np.random.default_rng(14).standard_normal((3, 6, 2, 3))
    agree(partial(shaping.channel_shuffle, groups=groups), by_torch(lambda x: functional.channel_shuffle(x, groups)), x)


def test_channel_shuffle_deals_the_groups_out(agree):
    x = np.arange(6.0).reshape(1, 6)
    agree(partial(shaping.channel_shuffle, groups=2), lambda x: [[0, 3, 1, 4, 2, 5]], x)


@pytest.mark.parametrize("factor", [1, 2, 3])
def test_pixel_shuffle_and_space_to_depth_agree_with_torch(agree, by_torch, functional, factor):
    random = np.random.default_rng(15)
    deep, wide = (
        random.standard_normal((3, 2 * factor**2, 3, 4)),
        random.standard_normal((3, 2, 3 * factor, 2 * factor)),
    )
    agree(partial(shaping.pixel_shuffle, factor=factor), by_torch(lambda x: functional.pixel_shuffle(x, factor)), deep)
    agree(
        partial(shaping.space_to_depth, factor=factor), by_torch(lambda x: functional.pixel_unshuffle(x, factor)), wide
    )


def test_pixel_shuffle_fills_squares_row_by_row(agree):
    x = np.arange(8.0).reshape(1, 8, 1, 1)
    agree(partial(shaping.pixel_shuffle, factor=2), lambda x: [[[[0, 1], [2, 3]], [[4, 5], [6, 7]]]], x)


@given(
    arrays(
        np.float32,
        st.tuples(st.integers(0, 3), st.just(8), st.integers(1, 4), st.integers(1, 4)),
        elements=st.floats(width=32),
    )
)
def test_space_to_depth_undoes_pixel_shuffle(x):
    np.testing.assert_array_equal(shaping.space_to_depth(shaping.pixel_shuffle(x, 2), 2), x)
