"""Errors against float64: of single layers by themselves, of small networks beside ONNX Runtime's."""

import numpy as np
import pytest

import cnndsl
from benchmarks import accuracy
from cnndsl.runtime.plan import precision
from cnndsl.runtime.plan.planner import make_plan

SEEDS = 3
LAYERS = {
    "input 64@56x56; conv 64 3x3 pad=1": 2e-7,  # F(4,3)
    "input 256@28x28; conv 256 3x3 pad=1": 2e-7,
    "input 512@7x7; conv 512 3x3 pad=1": 1e-7,  # F(2,3)
    "input 1024@14x14; conv 256 1x1": 6e-8,
    "input 64@28x28; conv 64 5x5 pad=2": 6e-8,
    "input 128@17x17; conv 128 7x1 pad=[3, 0]": 2e-7,  # F(2,7)
    "input 128@17x17; conv 128 1x7 pad=[0, 3]": 2e-7,
    "input 384@8x8; conv 384 1x3 pad=[0, 1]": 2e-7,  # F(4,3) along a row
    "input 256@14x14; conv 256 3x3 stride=2 pad=1": 6e-8,
    "input 192@13x13; conv 384 3x3 pad=1 groups=2": 6e-8,
    "input 3@64x64; conv 64 7x7 stride=2 pad=3": 4e-8,
    "input 256@28x28; depthwise 3x3 pad=1": 2e-8,
    "input 96@28x28; depthwise 5x5 pad=2": 5e-8,  # F(4,5) across rows
    "input 96@28x28; depthwise 7x7 pad=3": 1e-7,  # F(3,7)
    "input 4096; dense 500": 8e-8,
    "input 512@14x14; global_avgpool": 1e-7,
    "input 96@56x56; instancenorm": 2e-8,
    "input 96@28x28; layernorm axes=channel": 2e-8,
    "input 64@28x28; lrn 5": 2e-8,
}
"""Mean errors that are allowed, over the largest value."""
BLOCK = "conv {0} 3x3 pad=1 bias=false -> batchnorm -> relu -> conv {0} 3x3 pad=1 bias=false -> batchnorm"
HEAD = "global_avgpool -> flatten -> dense 100"
NETWORKS = {
    "residual": f"""input 3@64x64
conv 32 7x7 stride=2 pad=3 bias=false -> batchnorm -> relu -> maxpool 3 stride=2 pad=1
repeat 2 {{ add {{ {BLOCK.format(32)}; identity }} -> relu }}
add {{ conv 64 3x3 stride=2 pad=1 bias=false -> batchnorm -> relu -> conv 64 3x3 pad=1 bias=false -> batchnorm
  conv 64 1x1 stride=2 bias=false -> batchnorm }} -> relu
repeat 2 {{ add {{ {BLOCK.format(64)}; identity }} -> relu }}
{HEAD}""",
    "dense blocks": f"""input 3@32x32
conv 64 3x3 pad=1 bias=false
repeat 8 {{
  concat {{ identity; batchnorm -> relu -> conv 128 1x1 bias=false -> batchnorm -> relu -> conv 32 3x3 pad=1 bias=false
  }}
}}
batchnorm -> relu -> {HEAD}""",
    "inverted residuals": f"""input 3@32x32
conv 16 3x3 stride=2 pad=1 bias=false -> batchnorm -> relu6
repeat 3 {{ add {{ conv 96 1x1 bias=false -> batchnorm -> relu6 -> depthwise 3x3 pad=1 bias=false -> batchnorm -> relu6
  -> conv 16 1x1 bias=false -> batchnorm; identity }} }}
{HEAD}""",
}


@pytest.mark.parametrize("text", LAYERS)
def test_a_layer_errs_little(text, monkeypatch):
    monkeypatch.setattr(precision, "LAST", 0)  # the fastest algorithm, as in the middle of a network
    network = cnndsl.loads(text)
    found = []
    for seed in range(SEEDS):
        weights, inputs = accuracy.perturbed(network, seed), accuracy.made_inputs(network, seed)
        inputs = {name: np.maximum(value, 0) for name, value in inputs.items()}
        exact = network.runner(weights=weights, backend="reference")(inputs)
        found.append(accuracy.errors(network.runner(weights=weights)(inputs), exact))
    assert np.mean([one.mean for one in found]) <= LAYERS[text]
    assert max(one.largest for one in found) <= 25 * LAYERS[text]


def algorithms(text, keep=()):
    network = cnndsl.loads(text)
    steps = make_plan(network.graph, network.weights(), keep).at(1).steps
    return {name: step.choice.algorithm for step in steps for name in step.layer.covers}


FAST, PRECISE = "winograd F(4,3)", "winograd F(2,3)"


def test_what_errs_most_is_for_layers_whose_errors_drown():
    conv = "conv 32 3x3 pad=1 -> relu"
    shallow = algorithms(f"input 32@40x40; repeat 9 {{ {conv} }}")
    assert [shallow[f"conv{index}"] for index in range(1, 10)] == 3 * [FAST] + precision.LAST * [PRECISE]
    deep = algorithms(f"input 32@40x40; repeat {precision.DEEP} {{ {conv} }}")
    assert set(deep.values()) == {FAST}


def test_the_nearest_output_judges_and_what_is_kept_does_not():
    text = """input 32@40x40
conv 32 3x3 pad=1 as a
conv 32 3x3 pad=1 as b
repeat 6 { conv 32 3x3 pad=1 }
dropout 0.5 as c
output b c
"""
    found = algorithms(text)
    assert {found[name] for name in ("a", "b", "conv1", "conv6")} == {PRECISE}
    found = algorithms(text.replace("output b c", ""), keep=["a"])
    assert [found[name] for name in ("a", "b", "conv1", "conv6")] == [FAST, FAST, PRECISE, PRECISE]


@pytest.mark.parametrize("name", NETWORKS)
def test_networks_err_no_more_than_the_bar_allows(name):
    row = accuracy.measure(cnndsl.loads(NETWORKS[name]), SEEDS)
    assert row.ours.largest <= accuracy.LARGEST_BAR * row.theirs.largest
    assert row.ours.mean <= accuracy.MEAN_BAR * row.theirs.mean


@pytest.mark.parametrize("name", NETWORKS)
def test_the_reference_of_the_measurement_is_pytorchs(name):
    pytest.importorskip("torch")
    assert accuracy.measure(cnndsl.loads(NETWORKS[name]), 1, with_pytorch=True).pytorch < 1e-13
