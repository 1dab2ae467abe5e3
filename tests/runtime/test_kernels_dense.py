"""Layers on vectors and integers against their sums, element by element."""

from functools import partial

import numpy as np
import pytest

from cnndsl.runtime.kernels import dense as kernels


@pytest.fixture
def random():
    return np.random.default_rng(7)


def test_dense_sums_products(agree, random):
    x, weight, bias = random.standard_normal((3, 7)), random.standard_normal((5, 7)), random.standard_normal(5)

    def reference(x, weight, bias):
        return [
            [sum(a * b for a, b in zip(row, unit, strict=True)) + c for unit, c in zip(weight, bias, strict=True)]
            for row in x
        ]

    agree(kernels.dense, reference, x, weight, bias)
    agree(lambda x, weight: kernels.dense(x, weight, None), lambda x, w: reference(x, w, np.zeros(5)), x, weight)


def test_dense_agrees_with_torch(agree, by_torch, random):
    linear = pytest.importorskip("torch.nn.functional").linear
    x, weight, bias = random.standard_normal((3, 400)), random.standard_normal((120, 400)), random.standard_normal(120)
    agree(kernels.dense, by_torch(linear), x, weight, bias)


@pytest.mark.parametrize("budget", [1, 100, 1 << 20])
def test_radial_basis_sums_squared_differences(monkeypatch, agree, random, budget):
    monkeypatch.setattr(kernels, "BUFFER_BYTES", budget)
    x, centers = random.standard_normal((3, 84)), np.sign(random.standard_normal((10, 84)))

    def reference(x, centers):
        return [[sum((a - b) ** 2 for a, b in zip(row, center, strict=True)) for center in centers] for row in x]

    agree(kernels.radial_basis, reference, x, centers)


def test_radial_basis_is_exact_beside_a_center():
    center = np.full((1, 84), 1000.0, np.float32)
    beside = center + np.float32(2**-10)
    np.testing.assert_array_equal(kernels.radial_basis(beside, center), [[84 * 2**-20]])


def test_embed_takes_rows(agree):
    weight = np.arange(12.0).reshape(4, 3)
    indices = np.array([[3, 0], [1, 1], [0, 2]])
    expected = [[[9, 0], [10, 1], [11, 2]], [[3, 3], [4, 4], [5, 5]], [[0, 6], [1, 7], [2, 8]]]
    agree(kernels.embed, lambda indices, weight: expected, indices, weight)


def test_embed_agrees_with_torch(agree, by_torch, random):
    embedding = pytest.importorskip("torch.nn.functional").embedding
    weight, indices = random.standard_normal((50, 6)), random.integers(0, 50, (4, 9))
    agree(kernels.embed, by_torch(lambda indices, weight: embedding(indices, weight).swapaxes(1, 2)), indices, weight)


def test_a_product_with_no_features_is_the_bias():
    x, weight, bias = np.ones((2, 0), np.float32), np.ones((3, 0), np.float32), np.arange(3, dtype=np.float32)
    np.testing.assert_array_equal(partial(kernels.dense, bias=bias)(x, weight), [[0, 1, 2], [0, 1, 2]])
