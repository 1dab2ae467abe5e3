"""Activations against the standard library's functions, number by number, and against PyTorch, also at the extremes."""

import math
from functools import partial
from random import Random

import numpy as np
import pytest

from cnndsl import ops
from cnndsl.lang.compile import compile_text
from cnndsl.ops.base import Activation
from cnndsl.runtime.kernels import activation
from cnndsl.runtime.kernels.channels_last import activations
from cnndsl.runtime.kernels.dispatch import LayerContext, compute
from cnndsl.shapes import Shape
from tests import generators

GRID = np.linspace(-12, 12, 2 * 3 * 4 * 101).reshape(2, 3, 4, 101)


def sigmoid(x):
    return 1 / (1 + math.exp(-x))


def softplus(x):
    return math.log1p(math.exp(x))


def cubic(x):
    return math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)


CASES = {
    "relu": (activation.relu, lambda x: max(x, 0)),
    "relu6": (activation.relu6, lambda x: min(max(x, 0), 6)),
    "clip": (
        lambda x: activation.clip(x, -1.5, 2),
        lambda x: min(max(x, -1.5), 2),
    ),
    "clip below": (
        lambda x: activation.clip(x, -1.5, None),
        lambda x: max(x, -1.5),
    ),
    "leaky_relu": (
        partial(activation.leaky_relu, alpha=0.2),
        lambda x: x if x > 0 else 0.2 * x,
    ),
    "elu": (
        partial(activation.elu, alpha=1.5),
        lambda x: x if x > 0 else 1.5 * math.expm1(x),
    ),
    "selu": (
        activation.selu,
        lambda x: 1.0507009873554805 * (x if x > 0 else 1.6732632423543772 * math.expm1(x)),
    ),
    "celu": (
        partial(activation.celu, alpha=1.5),
        lambda x: x if x > 0 else 1.5 * math.expm1(x / 1.5),
    ),
    "gelu": (
        partial(activation.gelu, approximate="none"),
        lambda x: x / 2 * (1 + math.erf(x / math.sqrt(2))),
    ),
    "gelu_tanh": (
        partial(activation.gelu, approximate="tanh"),
        lambda x: x / 2 * (1 + math.tanh(cubic(x))),
    ),
    "silu": (activation.silu, lambda x: x * sigmoid(x)),
    "mish": (activation.mish, lambda x: x * math.tanh(softplus(x))),
    "hardswish": (activation.hardswish, lambda x: x * min(max(x + 3, 0), 6) / 6),
    "hardsigmoid": (activation.hardsigmoid, lambda x: min(max(x + 3, 0), 6) / 6),
    "sigmoid": (activation.sigmoid, sigmoid),
    "tanh": (activation.tanh, math.tanh),
    "softplus": (activation.softplus, softplus),
    "abs": (activation.abs, math.fabs),
    "neg": (activation.neg, lambda x: -x),
    "square": (activation.square, lambda x: x * x),
    "sqrt": (activation.sqrt, lambda x: math.sqrt(x) if x >= 0 else math.nan),
    "exp": (activation.exp, math.exp),
    "log": (activation.log, lambda x: math.log(x) if x > 0 else math.nan),
    "sin": (activation.sin, math.sin),
    "pow": (partial(activation.pow, exponent=3.0), lambda x: math.pow(x, 3)),
    "pow of a root": (partial(activation.pow, exponent=-0.4), lambda x: math.pow(x, -0.4) if x > 0 else math.nan),
    "softsign": (activation.softsign, lambda x: x / (1 + abs(x))),
}


@pytest.fixture
def functional():
    return pytest.importorskip("torch.nn.functional")


@pytest.mark.parametrize("name", CASES)
def test_activation_is_its_definition(agree, name):
    kernel, definition = CASES[name]
    agree(kernel, np.vectorize(definition, otypes=[float]), GRID)
    agree(kernel, np.vectorize(definition, otypes=[float]), GRID.reshape((4, -1), order="F"))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", [name for name in ops.NAMES if issubclass(ops.operator(name), Activation)])
def test_extremes_agree_with_torch_and_do_not_warn(pytorch_layers, by_torch, name, dtype):
    for index in range(4):
        (network,) = compile_text(generators.sound_layer(Random(f"{name}/{index}"), name)).networks
        op, one = network.layers[-1].op, Shape(1)
        weights = {key: np.full(weight.shape, 0.2, dtype) for key, weight in op.weights((one,)).items()}
        kernel = compute(op, LayerContext((one,), one, weights))
        x = [[0.0, -0.0, 1e-30, -1e-30, 90, -90, 800, -800, 1e30, -1e30, np.inf, -np.inf, np.nan]]
        x = np.array(x, dtype).T

        def peer(x, *values, op=op, names=tuple(weights)):
            return pytorch_layers.REFERENCES[name](op, dict(zip(names, values, strict=True)), x)

        # In float64 and scalar by scalar: PyTorch's vectorised float32 gelu is NaN at infinity, its float64 is not.
        reference = by_torch(peer)
        wide = [values.astype(np.float64) for values in weights.values()]
        expected = np.concatenate([reference(row[None].astype(np.float64), *wide) for row in x])
        with np.errstate(over="ignore"):
            expected = expected.astype(dtype)
        with np.errstate(all="raise", under="ignore"):
            actual = kernel(x)
        np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-30)


def test_erf_is_the_standard_librarys():
    x = np.concatenate([np.linspace(-7, 7, 20_001), np.linspace(0.46, 0.48, 2_001), [0.46875, 4, 1e-300, 30, 1e300]])
    expected = np.array([math.erf(value) for value in x])
    np.testing.assert_allclose(activation.erf(x), expected, rtol=2e-15, atol=0)
    single = x[np.abs(x) < 1e30].astype(np.float32)
    expected = np.array([math.erf(value) for value in single])
    np.testing.assert_allclose(activation.erf(single), expected, rtol=1e-7, atol=1e-44)
    np.testing.assert_array_equal(activation.erf(np.array([np.inf, -np.inf, np.nan])), [1, -1, np.nan])


def test_prelu_has_a_slope_for_each_channel(agree, by_torch, functional):
    slopes = np.array([0.25, -2.0, 0.0])
    agree(activation.prelu, lambda x, w: np.maximum(x, 0) + w[:, None, None] * np.minimum(x, 0), GRID, slopes)
    agree(activation.prelu, by_torch(functional.prelu), GRID, slopes)
    agree(activation.prelu, by_torch(functional.prelu), GRID[:, :, 0, 50], slopes)


def naive_softmax(x):
    y = np.empty_like(x)
    for index in np.ndindex(x.shape[0], *x.shape[2:]):
        column = (index[0], slice(None), *index[1:])
        powers = [math.exp(value) for value in x[column]]
        y[column] = [power / math.fsum(powers) for power in powers]
    return y


@pytest.mark.parametrize("shape", [(3, 10), (3, 5, 4), (2, 3, 4, 5), (2, 1, 3)])
def test_softmax_is_over_channels(agree, by_torch, functional, shape):
    x = np.random.default_rng(9).standard_normal(shape) * 3
    agree(activation.softmax, naive_softmax, x)
    agree(activation.log_softmax, lambda x: np.log(naive_softmax(x)), x)
    agree(activation.softmax, by_torch(lambda x: functional.softmax(x, 1)), x)
    agree(activation.log_softmax, by_torch(lambda x: functional.log_softmax(x, 1)), x)


def test_softmax_of_large_numbers():
    x = np.array([[1e4, 1e4, -1e4], [-np.inf, 0, -np.inf], [0, np.nan, 0]], np.float32)
    expected = [[0.5, 0.5, 0], [0, 1, 0], [np.nan] * 3]
    np.testing.assert_allclose(activation.softmax(x), expected, rtol=1e-6)
    half = math.log(0.5)
    expected = [[half, half, -2e4], [-np.inf, 0, -np.inf], [np.nan] * 3]
    np.testing.assert_allclose(activation.log_softmax(x), expected, rtol=1e-4)


SWITCHES = [activations.gelu, activations.gelu_tanh, activations.silu, activations.hardswish]
GATES = [activations.sigmoid, activations.hardsigmoid]


@pytest.mark.parametrize(
    ("in_place", "exact", "most"),
    [
        (activations.gelu, lambda x: x / 2 * (1 + math.erf(x / math.sqrt(2))), 7e-7),
        (activations.gelu_tanh, lambda x: x / 2 * (1 + math.tanh(cubic(x))), 7e-7),
        (activations.silu, lambda x: x * sigmoid(x), 1.2e-6),
        (activations.sigmoid, sigmoid, 1.2e-7),
        (activations.hardsigmoid, lambda x: min(max(x + 3, 0), 6) / 6, 1.2e-7),
        (activations.hardswish, lambda x: x * min(max(x + 3, 0), 6) / 6, 1.2e-6),
    ],
)
def test_in_place_activations_are_as_near_as_float32_allows(in_place, exact, most):
    x = np.linspace(-12, 12, 100_001, dtype=np.float32)
    out = x.copy()
    in_place(out, out)
    expected = np.array([exact(float(value)) for value in x])
    assert np.abs(out - expected).max() < most


@pytest.mark.parametrize("in_place", [*SWITCHES, *GATES])
def test_in_place_activations_work_on_any_view(in_place):
    rng = np.random.default_rng(3)
    whole = rng.standard_normal((3, 50, 41, 20)).astype(np.float32)
    expected = whole.copy()
    in_place(expected, expected)
    for view in (np.s_[1], np.s_[:, 3:47:2], np.s_[..., 4:9], np.s_[2, :, 7], np.s_[::2, ::3, ::5, ::7]):
        changed = whole.copy()
        in_place(changed[view], changed[view])
        np.testing.assert_array_equal(changed[view], expected[view])
        changed[view] = whole[view]
        np.testing.assert_array_equal(changed, whole)


EXTREMES = np.array([1e30, -1e30, 800, -800, np.inf, np.nan, 0, -0.0], np.float32)


@pytest.mark.parametrize("in_place", SWITCHES)
def test_in_place_activations_take_what_is_large(in_place):
    x = EXTREMES.copy()
    with np.errstate(all="raise"):
        in_place(x, x)
    expected = np.array([1e30, 0, 800, 0, np.inf, np.nan, 0, 0], np.float32)
    np.testing.assert_allclose(x, expected, rtol=1e-6)


@pytest.mark.parametrize("in_place", GATES)
def test_in_place_gates_take_what_is_large_and_keep_the_order(in_place):
    x = EXTREMES.copy()
    with np.errstate(all="raise"):
        in_place(x, x)
    np.testing.assert_allclose(x, [1, 0, 1, 0, 1, np.nan, 0.5, 0.5], rtol=1e-6)
    rising = np.linspace(-30, 30, 100_001, dtype=np.float32)
    in_place(rising, rising)
    assert in_place in activations.RISING and (np.diff(rising) >= 0).all()


def test_small_chances_keep_their_digits():
    x = np.array([-20.0, -60.0], np.float32)
    activations.sigmoid(x, x)
    np.testing.assert_allclose(x, [2.0611536e-9, 8.7565108e-27], rtol=1e-6)


@pytest.mark.parametrize("activation", activations.OF_DOUBLE)
def test_activations_of_what_is_halved_already(activation):
    x = np.random.default_rng(5).standard_normal((3, 41)).astype(np.float32) * 3
    expected, halved = x.copy(), x / 2
    activation(expected, expected)
    activations.OF_DOUBLE[activation](halved, halved)
    np.testing.assert_array_equal(halved, expected)


@pytest.mark.parametrize("view", [np.s_[:, 768:], np.s_[:, :1], np.s_[3], np.s_[::2, ::3], np.s_[:]])
def test_parts_are_few_and_small(view):
    block = np.zeros((196, 1536), np.float32)[view]
    pieces = list(activations.parts(block))
    for piece in pieces:
        assert piece.size <= activations.PART
        piece += 1
    assert (block == 1).all()
    assert len(pieces) <= 2 * block.size // activations.PART + 1
