"""Pools against definitions written as loops and against PyTorch."""

from functools import partial
from math import ceil, floor

import numpy as np
import pytest

from cnndsl.runtime.kernels import pooling
from cnndsl.runtime.kernels.windows import cover, windows


def settings_of(geometry):
    return {name: getattr(geometry, name) for name in ("kernel", "stride", "dilation", "padding", "output")}


def each_window(x, reduce_cells, *, kernel, stride, dilation, padding, output):
    """``reduce_cells(values of the real cells, number of padding cells)`` for each window."""
    y = np.zeros((*x.shape[:2], *output))
    for cell in np.ndindex(*output):
        real, padded = [], 0
        for tap in np.ndindex(*kernel):
            source = [
                o * s + t * d - b for o, s, t, d, (b, _) in zip(cell, stride, tap, dilation, padding, strict=True)
            ]
            bounds = list(zip(source, x.shape[2:], padding, strict=True))
            if all(0 <= i < n for i, n, _ in bounds):
                real.append(x[(slice(None), slice(None), *source)])
            elif all(-b <= i < n + e for i, n, (b, e) in bounds):
                padded += 1
        y[(slice(None), slice(None), *cell)] = reduce_cells(np.stack(real), padded)
    return y


def naive_max(x, **geometry):
    return each_window(x, lambda real, padded: real.max(axis=0), **geometry)


def naive_average(x, count_include_pad, **geometry):
    def mean(real, padded):
        return real.sum(axis=0) / (len(real) + (padded if count_include_pad else 0))

    return each_window(x, mean, **geometry)


def naive_lp(x, p, **geometry):
    return each_window(x, lambda real, padded: (abs(real) ** p).sum(axis=0) ** (1 / p), **geometry)


@pytest.fixture
def draw(random_geometry):
    def draw(seed, rank, **options):
        random = np.random.default_rng([seed, rank])
        geometry = random_geometry(random, rank, pool=True, **options)
        return geometry, random.standard_normal((3, 2, *geometry.spatial), np.float32) - 1

    return draw


@pytest.mark.parametrize("overhang", [False, True])
@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("seed", range(8))
def test_pools_are_their_definitions(agree, draw, seed, rank, overhang):
    geometry, x = draw(seed, rank, ceil=overhang)
    options = settings_of(geometry)
    agree(partial(pooling.max_pool, **options), partial(naive_max, **options), x)
    for p in (1, 2, 3):
        agree(partial(pooling.lp_pool, p=p, **options), partial(naive_lp, p=p, **options), x)


@pytest.mark.parametrize("count_include_pad", [False, True])
@pytest.mark.parametrize("overhang", [False, True])
@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("seed", range(8))
def test_average_pool_is_its_definition(agree, draw, seed, rank, overhang, count_include_pad):
    geometry, x = draw(seed, rank, ceil=overhang, dilate=False)
    options = {**settings_of(geometry), "count_include_pad": count_include_pad}
    agree(partial(pooling.average_pool, **options), partial(naive_average, **options), x)


@pytest.mark.parametrize("overhang", [False, True])
@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("seed", range(10, 22))
def test_pools_agree_with_torch(agree, by_torch, draw, seed, rank, overhang):
    functional = pytest.importorskip("torch.nn.functional")
    maximum = [functional.max_pool1d, functional.max_pool2d, functional.max_pool3d][rank - 1]
    average = [functional.avg_pool1d, functional.avg_pool2d, functional.avg_pool3d][rank - 1]
    geometry, x = draw(seed, rank, ceil=overhang, symmetric=True)
    begins = tuple(begin for begin, _ in geometry.padding)
    options = settings_of(geometry)

    def maximum_reference(x):
        return maximum(x, geometry.kernel, geometry.stride, begins, geometry.dilation, ceil_mode=overhang)

    agree(partial(pooling.max_pool, **options), by_torch(maximum_reference), x)

    geometry, x = draw(seed, rank, ceil=overhang, symmetric=True, dilate=False)
    begins = tuple(begin for begin, _ in geometry.padding)
    options = settings_of(geometry)
    for include in (False, True):

        def average_reference(x, include=include):
            return average(x, geometry.kernel, geometry.stride, begins, overhang, include)

        agree(partial(pooling.average_pool, **options, count_include_pad=include), by_torch(average_reference), x)


def test_the_divisor_counts_padding_but_no_cell_beyond_it(agree):
    x = np.ones((1, 1, 4))
    options = {"kernel": (3,), "stride": (2,), "dilation": (1,), "padding": ((1, 1),), "output": (3,)}
    agree(partial(pooling.average_pool, **options, count_include_pad=True), lambda x: [[[2 / 3, 1, 1 / 2]]], x)
    agree(partial(pooling.average_pool, **options, count_include_pad=False), lambda x: [[[1, 1, 1]]], x)


def test_padding_never_wins_and_nan_always_does():
    x = np.array([[[-5.0, -7.0, np.nan, -9.0, -np.inf]]])
    options = {"kernel": (3,), "stride": (1,), "dilation": (1,), "padding": ((1, 1),), "output": (5,)}
    np.testing.assert_array_equal(pooling.max_pool(x, **options), [[[-5, np.nan, np.nan, np.nan, -9]]])


def test_subsample_is_lecuns(agree):
    random = np.random.default_rng(3)
    x = random.standard_normal((3, 6, 28, 28))
    weight, bias = random.standard_normal((2, 6))

    def reference(x, weight, bias):
        sums = x[..., ::2, ::2] + x[..., 1::2, ::2] + x[..., ::2, 1::2] + x[..., 1::2, 1::2]
        return np.einsum("nchw,c->nchw", sums, weight) + bias[:, None, None]

    kernel = partial(pooling.subsample, kernel=(2, 2), stride=(2, 2), output=(14, 14))
    agree(kernel, reference, x, weight, bias)


@pytest.mark.parametrize("spatial", [(9,), (7, 5), (3, 4, 5), (1, 1)])
def test_global_pools(agree, spatial):
    x = np.random.default_rng(4).standard_normal((3, 4, *spatial))
    ones = (3, 4, *(1 for _ in spatial))

    def each_channel(function):
        def reference(x):
            cells = [[function(channel.ravel().tolist()) for channel in sample] for sample in x]
            return np.array(cells).reshape(ones)

        return reference

    agree(pooling.global_max_pool, each_channel(max), x)
    agree(pooling.global_average_pool, each_channel(lambda cells: sum(cells) / len(cells)), x)
    for p in (1, 2, 3):
        norm = each_channel(lambda cells, p=p: sum(abs(cell) ** p for cell in cells) ** (1 / p))
        agree(partial(pooling.global_lp_pool, p=p), norm, x)


ADAPTIVE = [((7,), (3,)), ((3,), (7,)), ((10, 7), (4, 5)), ((7, 7), (1, 1)), ((5, 6, 4), (2, 6, 3)), ((6, 6), (6, 3))]


@pytest.mark.parametrize(("spatial", "output"), ADAPTIVE)
def test_adaptive_pools_are_their_definitions(agree, spatial, output):
    x = np.random.default_rng(5).standard_normal((3, 2, *spatial))

    def each_region(function):
        def reference(x):
            y = np.zeros((*x.shape[:2], *output))
            for cell in np.ndindex(*output):
                region = tuple(
                    slice(floor(i * n / o), ceil((i + 1) * n / o))
                    for i, n, o in zip(cell, spatial, output, strict=True)
                )
                y[(..., *cell)] = function(x[(..., *region)].reshape(*x.shape[:2], -1), axis=2)
            return y

        return reference

    agree(partial(pooling.adaptive_average_pool, output=output), each_region(np.mean), x)
    agree(partial(pooling.adaptive_max_pool, output=output), each_region(np.max), x)


@pytest.mark.parametrize(("spatial", "output"), ADAPTIVE)
def test_adaptive_pools_agree_with_torch(agree, by_torch, spatial, output):
    functional = pytest.importorskip("torch.nn.functional")
    x = np.random.default_rng(6).standard_normal((3, 2, *spatial))
    average = getattr(functional, f"adaptive_avg_pool{len(spatial)}d")
    maximum = getattr(functional, f"adaptive_max_pool{len(spatial)}d")
    agree(partial(pooling.adaptive_average_pool, output=output), by_torch(lambda x: average(x, output)), x)
    agree(partial(pooling.adaptive_max_pool, output=output), by_torch(lambda x: maximum(x, output)), x)


def test_windows_are_views_that_cannot_be_written():
    x = np.arange(20.0).reshape(1, 1, 4, 5)
    options = {"kernel": (2, 2), "stride": (2, 1), "dilation": (1, 2), "output": (2, 3)}
    covered = cover(x, **options, padding=((0, 0), (0, 0)))
    view = windows(covered, **options)
    assert covered is x
    assert np.shares_memory(view, x)
    assert not view.flags.writeable
    assert view.shape == (1, 1, 2, 2, 2, 3)
    np.testing.assert_array_equal(view[0, 0, 1, 1], [[7, 8, 9], [17, 18, 19]])
