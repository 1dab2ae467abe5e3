"""The reference backend: float64 throughout, beside PyTorch in float64."""

import numpy as np
import pytest

import cnndsl
from cnndsl.errors import CnnError
from cnndsl.limits import Limits

SINGLE = "input 6@9x8; "
NETWORKS = {
    "convolutions": SINGLE + "conv 8 3x3 pad=1 -> relu -> depthwise 3x3 -> conv_transpose 4 2x2 stride=2 -> conv 4 1x1",
    "norms": SINGLE
    + "batchnorm -> groupnorm 2 -> layernorm -> layernorm axes=channel -> instancenorm -> lrn 3 -> scale",
    "pools": SINGLE + "maxpool 2 stride=1 -> avgpool 3 pad=1 stride=1 -> lppool 2 stride=1 -> global_avgpool",
    "regions": SINGLE + "adaptive_avgpool 4x3 -> adaptive_maxpool 2x2 -> global_maxpool",
    "activations": SINGLE + "elu -> selu -> gelu -> silu -> mish -> softplus -> tanh -> sigmoid -> hardswish",
    "more activations": SINGLE + "prelu -> leaky_relu 0.1 -> celu -> softsign -> hardsigmoid -> clip min=-1 max=0.6",
    "sizes": SINGLE
    + "resize 5x11 mode=linear -> upsample 2 mode=linear -> resize 13x17 mode=cubic -> pad 1 -> crop 1"
    + " -> normalize mean=0.3 std=0.7",
    "merges": SINGLE
    + "concat { conv 4 1x1; identity } -> add { conv 10 1x1; identity } -> average { tanh; relu } -> softmax",
    "vectors": SINGLE + "flatten -> dense 20 -> relu -> rbf 5 -> log_softmax",
    "words": "input 7 dtype=int64; embedding 20 12 -> conv 4 3 -> global_maxpool",
}


def drawn(network, seed=0):
    """Weights that are no ones and zeros, and inputs."""
    random = np.random.default_rng(seed)
    weights = network.weights(seed)
    for key, _, weight in network.graph.all_weights():
        if weight.init == "constant":
            weights[key] = (weights[key] + random.uniform(-0.5, 0.5, weight.shape)).astype(np.float32)
    inputs = {
        value.name: random.integers(0, 20, (2, *value.shape.dimensions))
        if value.dtype == "int64"
        else random.standard_normal((2, *value.shape.dimensions), np.float32)
        for value in network.graph.inputs
    }
    return weights, inputs


@pytest.mark.parametrize("name", NETWORKS)
def test_pytorch_in_float64_gives_the_same(name, pytorch_layers):
    if pytorch_layers is None:
        pytest.skip("PyTorch is not installed")
    torch = pytorch_layers.torch
    network = cnndsl.loads(NETWORKS[name])
    weights, inputs = drawn(network)
    found = network.runner(weights=weights, keep=tuple(network.layers), backend="reference")(inputs)
    values = {
        key: torch.from_numpy(array.astype(np.float64) if array.dtype == np.float32 else array)
        for key, array in inputs.items()
    }
    for node in network.graph.layers:
        own = {
            key.removeprefix(f"{node.name}."): torch.from_numpy(weights[key].astype(np.float64))
            for key, owner, _ in network.graph.all_weights()
            if owner.name == node.name
        }
        values[node.name] = pytorch_layers.REFERENCES[node.op.operator](node.op, own, *(values[n] for n in node.inputs))
        expected = values[node.name].numpy()
        assert found[node.name].dtype == np.float64
        assert np.abs(found[node.name] - expected).max() <= 1e-13 * np.abs(expected).max(), node.name


def test_no_value_that_is_wanted_is_dropped_and_no_other_is_given():
    network = cnndsl.loads("input 3@6x6; conv 4 3x3 as a; conv 4 3x3 as b; flatten as c")
    x = np.ones((2, 3, 6, 6), np.float32)
    assert list(network.runner(backend="reference")(x)) == ["c"]
    found = network.runner(backend="reference", keep=["a", "input"])(x)
    assert list(found) == ["c", "a", "input"]
    np.testing.assert_array_equal(found["input"], x)
    x[:] = 0
    assert found["input"].max() == 1


def test_no_examples_and_bad_inputs():
    run = cnndsl.loads("input 3@6x6; conv 4 3x3; flatten").runner(backend="reference")
    assert run(np.ones((0, 3, 6, 6)))["flatten1"].shape == (0, 64)
    with pytest.raises(CnnError, match="must have the shape"):
        run(np.ones((1, 3, 6, 7)))


def test_memory_is_asked_for_first():
    network = cnndsl.loads("input 3@64x64; conv 64 3x3; flatten")
    tight = Limits(run_bytes=80 << 20)
    run = network.runner(backend="reference", limits=tight)
    with pytest.raises(CnnError, match="takes"):
        run(np.ones((20, 3, 64, 64)))
