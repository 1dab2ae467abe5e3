"""Initial weights: their distributions, their independence of one another, and the bytes themselves."""

import hashlib
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import cnndsl
from cnndsl.runtime.data.initial_weights import feeding_rectifiers, link_mask, natural_logarithm, normal_quantile

SMALL = """input 3@12x12
conv 8 3x3 groups=1 -> batchnorm -> relu
conv 4 3x3 connect=[[0], [1, 2], [3], [0, 7]] as sparse -> prelu
flatten
dense 6 -> tanh
rbf 3
"""
SHA256 = "8a03f85e6b6cc68454ac2fff55751f5c9aa7df489a4b1fd6d148843a4d5a9a2a"


def digest(weights):
    result = hashlib.sha256()
    for key in sorted(weights):
        result.update(key.encode() + weights[key].astype("<f4").tobytes())
    return result.hexdigest()


def test_the_same_bytes_on_any_machine():
    assert digest(cnndsl.loads(SMALL).weights()) == SHA256
    assert digest(cnndsl.loads(SMALL).weights(seed=1)) != SHA256


def test_a_changed_neighbour_changes_nothing():
    before = cnndsl.loads(SMALL).weights(seed=7)
    after = cnndsl.loads(SMALL.replace("flatten", "conv 4 1x1 as added\nflatten")).weights(seed=7)
    assert set(after) - set(before) == {"added.weight", "added.bias"}
    for key, value in before.items():
        np.testing.assert_array_equal(after[key], value, err_msg=key)


def test_tensors_differ_from_each_other_and_between_seeds():
    network = cnndsl.loads("input 9; dense 9 as a; dense 9 as b")
    first, second = network.weights(seed=0), network.weights(seed=1)
    drawn = [first["a.weight"], first["b.weight"], second["a.weight"], second["b.weight"]]
    assert len({value.tobytes() for value in drawn}) == 4


def kolmogorov(values, cdf):
    """The Kolmogorov-Smirnov distance between a sample and a distribution."""
    expected = np.array([cdf(value) for value in np.sort(values.ravel())])
    steps = np.arange(values.size + 1) / values.size
    return max((steps[1:] - expected).max(), (expected - steps[:-1]).max())


def critical(values):
    """Exceeded by a right sample once in ten million."""
    return 2.9 / np.sqrt(values.size)


@pytest.mark.parametrize(
    ("text", "fan_in"),
    [
        ("input 32@8x8; conv 64 3x3 as layer -> relu", 32 * 9),
        ("input 32@8x8; conv 64 3x3 groups=4 as layer -> batchnorm -> relu", 8 * 9),
        ("input 512@8x8; depthwise 3x3 multiplier=4 as layer -> relu6", 9),
        ("input 200; dense 100 as layer -> leaky_relu", 200),
        ("input 32@20; conv 64 9 as layer -> maxpool 2 -> relu", 32 * 9),
    ],
)
def test_he_normal_before_a_rectifier(text, fan_in):
    weight = cnndsl.loads(text).weights()["layer.weight"].astype(np.float64)
    assert kolmogorov(weight, NormalDist(0, (2 / fan_in) ** 0.5).cdf) < critical(weight)
    assert weight.std() == pytest.approx((2 / fan_in) ** 0.5, rel=0.02)


@pytest.mark.parametrize(
    ("text", "fan_in", "fan_out"),
    [
        ("input 32@8x8; conv 64 3x3 as layer -> tanh", 32 * 9, 64 * 9),
        ("input 32@8x8; conv 64 3x3 as layer -> tanh -> conv 2 1x1 -> relu", 32 * 9, 64 * 9),
        ("input 200; dense 100 as layer -> softmax", 200, 100),
        ("input 200; dense 100 as layer", 200, 100),
        ("input 32@8x8; conv_transpose 48 2x2 as layer -> sigmoid", 32 * 4, 48 * 4),
    ],
)
def test_glorot_uniform_elsewhere(text, fan_in, fan_out):
    weight = cnndsl.loads(text).weights()["layer.weight"].astype(np.float64)
    limit = (6 / (fan_in + fan_out)) ** 0.5
    low, high = sorted((fan_in, fan_out))
    if "conv_transpose" in text:  # which of the two is "in" does not matter to their sum
        assert low + high == fan_in + fan_out
    assert np.abs(weight).max() <= limit * (1 + 1e-6)
    assert kolmogorov(weight, lambda value: (value / limit + 1) / 2) < critical(weight)


def test_rectifiers_are_found_through_what_passes_values_on():
    text = """input 4@8x8
conv 4 1x1 as a -> batchnorm
add { identity; conv 4 1x1 as b } -> maxpool 2x2 -> relu
conv 4 1x1 as c -> tanh
conv 4 1x1 as d -> relu
"""
    reached = feeding_rectifiers(cnndsl.loads(text).graph)
    assert {name for name in "abcd" if name in reached} == {"a", "b", "d"}


def test_constants():
    weights = cnndsl.loads("input 6@4x4; conv 8 3x3; batchnorm as n; scale init=0.5 as s; prelu as p").weights()
    expected = {"conv1.bias": 0, "n.weight": 1, "n.bias": 0, "n.running_mean": 0, "n.running_var": 1}
    expected |= {"s.weight": 0.5, "p.weight": 0.25}
    for key, value in expected.items():
        np.testing.assert_array_equal(weights[key], np.full(8, value, np.float32), err_msg=key)


def test_every_tensor_is_float32_of_its_shape():
    network = cnndsl.loads(SMALL)
    weights = network.weights()
    assert {key: value.shape for key, value in weights.items()} == {
        key: weight.shape for key, _, weight in network.graph.all_weights()
    }
    assert {value.dtype for value in weights.values()} == {np.dtype(np.float32)}


def test_absent_links_are_zero():
    network = cnndsl.loads(SMALL)
    table = [[0], [1, 2], [3], [0, 7]]
    weight = network.weights()["sparse.weight"]
    for row, channels in enumerate(table):
        present = np.abs(weight[row]).sum(axis=(1, 2)) > 0
        assert np.flatnonzero(present).tolist() == channels
    (tensor,) = (tensor for key, _, tensor in network.graph.all_weights() if key == "sparse.weight")
    assert link_mask(tensor).shape == (4, 8, 1, 1) and link_mask(tensor).sum() == 6


def test_rbf_centres_are_signs_and_embeddings_normal():
    centres = cnndsl.loads("input 84; rbf 100 as f").weights()["f.centers"]
    assert set(np.unique(centres)) == {-1, 1} and abs(centres.mean()) < 0.05
    table = cnndsl.loads("input 5 dtype=int64; embedding 500 40 as words").weights()["words.weight"]
    assert kolmogorov(table, NormalDist().cdf) < critical(table)


@given(st.floats(min_value=2.0**-54, max_value=1 - 2.0**-53))
def test_the_normal_quantile(probability):
    ours = normal_quantile(np.array([probability]))[0]
    assert ours == pytest.approx(NormalDist().inv_cdf(probability), rel=1e-13, abs=1e-15)


def test_the_normal_quantile_at_the_ends():
    probabilities = np.array([2.0**-54, 1e-12, 0.075, 0.5, 0.925, 1 - 1e-12, 1 - 2.0**-53])
    expected = [NormalDist().inv_cdf(probability) for probability in probabilities.tolist()]
    np.testing.assert_allclose(normal_quantile(probabilities), expected, rtol=1e-13)


@given(st.floats(min_value=1e-300, max_value=1e300))
def test_the_logarithm(x):
    assert natural_logarithm(np.array([x]))[0] == pytest.approx(np.log(x), rel=4e-16, abs=2e-16)
