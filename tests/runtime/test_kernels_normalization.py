"""Normalisations against PyTorch, and against their formulas on numbers small enough to follow."""

from functools import partial

import numpy as np
import pytest

from cnndsl.runtime.kernels import normalization

SHAPES = [(3, 6), (3, 6, 5), (3, 6, 4, 5), (3, 6, 2, 3, 4)]


@pytest.fixture
def random():
    return np.random.default_rng(8)


@pytest.fixture
def functional():
    return pytest.importorskip("torch.nn.functional")


@pytest.mark.parametrize("shape", SHAPES)
def test_batch_norm_agrees_with_torch(agree, by_torch, functional, random, shape):
    x = random.standard_normal(shape)
    weight, bias, mean = random.standard_normal((3, 6))
    variance = random.uniform(0.1, 2, 6)

    def reference(x, weight, bias, mean, variance):
        return functional.batch_norm(x, mean, variance, weight, bias, eps=1e-3)

    agree(partial(normalization.batch_norm, eps=1e-3), by_torch(reference), x, weight, bias, mean, variance)
    agree(
        lambda x, mean, variance: normalization.batch_norm(x, None, None, mean, variance, 1e-3),
        by_torch(lambda x, mean, variance: functional.batch_norm(x, mean, variance, eps=1e-3)),
        x,
        mean,
        variance,
    )


@pytest.mark.parametrize("shape", SHAPES)
def test_layer_norm_agrees_with_torch(agree, by_torch, functional, random, shape):
    x, weight, bias = (
        random.standard_normal(shape),
        random.standard_normal(shape[1:]),
        random.standard_normal(shape[1:]),
    )
    kernel = partial(normalization.layer_norm, eps=1e-5, channel_only=False)
    agree(kernel, by_torch(lambda x, w, b: functional.layer_norm(x, shape[1:], w, b, 1e-5)), x, weight, bias)
    agree(lambda x: kernel(x, None, None), by_torch(lambda x: functional.layer_norm(x, shape[1:], None, None, 1e-5)), x)


@pytest.mark.parametrize("shape", SHAPES)
def test_layer_norm_over_channels_agrees_with_torch(agree, by_torch, functional, random, shape):
    x, weight, bias = random.standard_normal(shape), random.standard_normal(6), random.standard_normal(6)

    def reference(x, weight, bias):
        return functional.layer_norm(x.movedim(1, -1), (6,), weight, bias, 1e-6).movedim(-1, 1)

    kernel = partial(normalization.layer_norm, eps=1e-6, channel_only=True)
    agree(kernel, by_torch(reference), x, weight, bias)


@pytest.mark.parametrize("groups", [1, 2, 3, 6])
@pytest.mark.parametrize("shape", SHAPES[1:])
def test_group_norm_agrees_with_torch(agree, by_torch, functional, random, shape, groups):
    x, weight, bias = random.standard_normal(shape), random.standard_normal(6), random.standard_normal(6)
    kernel = partial(normalization.group_norm, groups=groups, eps=1e-5)
    agree(kernel, by_torch(lambda x, w, b: functional.group_norm(x, groups, w, b, 1e-5)), x, weight, bias)


@pytest.mark.parametrize("shape", SHAPES[1:])
def test_instance_norm_agrees_with_torch(agree, by_torch, functional, random, shape):
    x, weight, bias = random.standard_normal(shape), random.standard_normal(6), random.standard_normal(6)
    kernel = partial(normalization.instance_norm, eps=1e-5)
    agree(kernel, by_torch(lambda x, w, b: functional.instance_norm(x, None, None, w, b)), x, weight, bias)
    agree(lambda x: kernel(x, None, None), by_torch(functional.instance_norm), x)


def test_statistics_survive_a_large_mean(random):
    x = (random.standard_normal((2, 4, 64, 64)) + 3000).astype(np.float32)
    exact = x.astype(np.float64)
    expected = (exact - exact.mean(axis=(2, 3), keepdims=True)) / exact.std(axis=(2, 3), keepdims=True)
    actual = normalization.instance_norm(x, None, None, 0.0)
    assert np.abs(actual - expected).max() <= 1e-4 * np.abs(expected).max()


def naive_local_response_norm(x, size, alpha, beta, k):
    """ONNX LRN: square_sum[c] = sum of x[i]² from max(0, c - floor((size-1)/2)) to min(C-1, c + ceil((size-1)/2))."""
    y = np.empty_like(x)
    channels = x.shape[1]
    for c in range(channels):
        near = range(max(0, c - (size - 1) // 2), min(channels - 1, c + -(-(size - 1) // 2)) + 1)
        y[:, c] = x[:, c] / (k + alpha / size * sum(x[:, i] ** 2 for i in near)) ** beta
    return y


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 11, 20])
@pytest.mark.parametrize("shape", SHAPES)
def test_local_response_norm_is_onnx(agree, random, shape, size):
    constants = {"size": size, "alpha": 0.3, "beta": 0.75, "k": 2.0}
    kernel = partial(normalization.local_response_norm, **constants)
    agree(kernel, partial(naive_local_response_norm, **constants), random.standard_normal(shape))


@pytest.mark.parametrize("size", [1, 3, 5, 11])
@pytest.mark.parametrize("shape", SHAPES[1:])
def test_local_response_norm_of_odd_size_agrees_with_torch(agree, by_torch, functional, random, shape, size):
    constants = {"size": size, "alpha": 0.3, "beta": 0.75, "k": 2.0}
    kernel = partial(normalization.local_response_norm, **constants)
    agree(kernel, by_torch(lambda x: functional.local_response_norm(x, **constants)), random.standard_normal(shape))


def test_normalize_takes_numbers_or_one_for_each_channel(agree):
    x = np.array([[[[8.0]], [[6.0]]], [[[2.0]], [[-1.0]]]])
    agree(lambda x: normalization.normalize(x, 2, 4), lambda x: [[[[1.5]], [[1.0]]], [[[0.0]], [[-0.75]]]], x)
    agree(lambda x: normalization.normalize(x, (2, 6), [4, 2]), lambda x: [[[[1.5]], [[0]]], [[[0]], [[-3.5]]]], x)
    agree(lambda x: normalization.normalize(x, (2, 6), [4, 2]), lambda x: [[1.5, 0], [0, -3.5]], x[..., 0, 0])


def test_scale_multiplies_channels(agree):
    x = np.arange(8.0).reshape(2, 2, 2)
    agree(normalization.scale, lambda x, w: [[[0, 2], [20, 30]], [[8, 10], [60, 70]]], x, np.array([2.0, 10.0]))
    sign, term = np.array([1.0, -1.0]), np.array([2.0, -2.0])
    agree(normalization.scale, lambda x, w, b: [[[2, 3], [-4, -5]], [[6, 7], [-8, -9]]], x, sign, term)
    agree(normalization.shift, lambda x, b: [[[1, 2], [1, 2]], [[5, 6], [5, 6]]], x, sign)
