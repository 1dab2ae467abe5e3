"""Biases that are not added where they arise: the same values, and fewer passes."""

import numpy as np
import pytest

import cnndsl
from cnndsl.runtime.interpreter import execute
from cnndsl.runtime.kernels.channels_last import activations
from cnndsl.runtime.plan.bias_shifts import LARGEST
from cnndsl.runtime.plan.planner import make_plan

BEGIN = "input 8@13x11\nconv 12 3x3 pad=1 as a -> relu as r\n"
"""A layer whose bias can travel, before what shall take it."""
READERS = {
    "columns": "conv 5 5x5 pad=2",
    "columns, stride and dilation": "conv 5 3x3 pad=2 stride=2 dilation=2",
    "columns, nothing padded": "conv 5 3x3",
    "Winograd": "conv 32 3x3 pad=1 -> relu -> conv 32 3x3 pad=1",
    "one side padded": "conv 5 3x3 pad=[0, 2, 1, 0]",
    "1x1": "conv 5 1x1",
    "1x1 over padding": "conv 5 1x1 pad=1",
    "groups": "conv 6 3x3 groups=3",
    "groups over padding": "conv 6 3x3 pad=1 groups=3",
    "reflected": "conv 6 3x3 pad=1 pad_mode=reflect",
    "depthwise": "depthwise 3x3 pad=1 -> relu6 -> conv 4 1x1",
    "depthwise, stride": "depthwise 3x3 pad=1 stride=2 -> conv 4 1x1",
    "reflected, one channel": "conv 1 1x1 -> conv 6 3x3 pad=1 pad_mode=reflect",
    "a conv with several filters a channel": "conv 24 3x3 pad=1 groups=12",
    "a depthwise conv": "conv 12 3x3 pad=1 groups=12",
    "several filters a channel": "depthwise 3x3 pad=1 multiplier=2",
    "several filters a channel, not padded": "depthwise 3x3 multiplier=2",
    "transposed": "conv_transpose 4 3x3 stride=2 pad=1",
    "maxima": "maxpool 3x3 stride=2 pad=1 -> conv 4 1x1",
    "spread maxima": "maxpool 2x2 dilation=3 stride=1 pad=1 -> conv 4 1x1",
    "means": "avgpool 2 stride=2 -> conv 4 1x1",
    "means over padding": "avgpool 3x3 stride=2 pad=1 -> conv 4 1x1",
    "means that count padding": "avgpool 3x3 stride=2 pad=1 count_include_pad=true -> conv 4 1x1",
    "means of windows cut and padded": "avgpool 3 stride=2 pad=1 ceil_mode=true -> conv 4 3x3 pad=1",
    "means of windows cut that count padding": "avgpool 2 ceil_mode=true count_include_pad=true -> conv 4 1x1",
    "means of cut windows": "avgpool 2 stride=2 ceil_mode=true -> conv 4 1x1",
    "global means": "global_avgpool -> flatten -> dense 3",
    "normalised": "concat { conv 3 1x1 -> tanh; identity } -> batchnorm as b -> relu -> conv 4 3x3 pad=1",
    "normalised, then 1x1": "concat { conv 3 1x1; maxpool 3x3 stride=1 pad=1 } -> batchnorm -> relu -> conv 4 1x1",
    "residual": "add { conv 12 3x3 pad=1 -> relu -> conv 12 3x3 pad=1; identity } -> relu -> conv 4 3x3 pad=1",
    "residual without relu": "add { conv 12 1x1; identity } -> add { conv 12 3x3 pad=1; identity } -> conv 4 1x1",
    "residual into a tanh": "add { conv 12 1x1; identity } -> tanh -> conv 4 1x1",
    "sums": "add { maxpool 3x3 stride=1 pad=1; identity; conv 12 1x1 } -> conv 4 3x3 pad=1",
    "differences": "sub { maxpool 3x3 stride=1 pad=1; conv 12 1x1 } -> conv 4 3x3 pad=1",
    "means of branches": "average { maxpool 3x3 stride=1 pad=1; identity; conv 12 1x1 } -> conv 4 1x1",
    "products": "mul { maxpool 3x3 stride=1 pad=1; identity } -> conv 4 3x3 pad=1",
    "larger ones": "maximum { maxpool 3x3 stride=1 pad=1; conv 12 1x1 } -> conv 4 3x3 pad=1",
    "sums that broadcast": "mul { global_avgpool -> conv 12 1x1 -> sigmoid; identity } -> conv 4 1x1",
    "concatenated": "concat { conv 3 1x1; conv 4 3x3 pad=1 -> relu; identity } -> conv 4 3x3 pad=1",
    "concatenated, then something else": "concat { conv 3 1x1; conv 4 3x3 pad=1 -> relu; identity } -> lrn 3",
    "concatenated rows": "concat axis=1 { conv 12 1x1; identity } -> conv 4 1x1",
    "concatenated relus": "concat { conv 3 1x1 -> relu; conv 4 3x3 pad=1 -> relu } -> maxpool 2 -> conv 4 3x3 pad=1",
    "a branch read twice": "conv 3 1x1 as c -> conv 4 3x3 pad=1 as d\nconcat { from c; from d } -> conv 4 1x1",
    "a branch read after": """conv 3 1x1 as c -> conv 4 3x3 pad=1 as d
concat { from c; from d } -> lrn 3 -> conv 4 1x1 as e
from c -> conv 4 3x3 pad=1 as f
concat { from e; from f }""",
    "a branch of one channel": "add { conv 1 1x1; tanh } -> conv 4 1x1",
    "factors between": "conv 4 3x3 pad=1 -> tanh -> batchnorm -> sigmoid -> conv 4 1x1",
    "factors between, twice": "conv 4 1x1 -> relu -> batchnorm -> relu -> scale -> relu -> conv 4 3x3 pad=1",
    "clipped": "conv 4 3x3 pad=1 -> clip min=-0.5 max=0.5 -> conv 4 3x3 pad=1",
    "clipped below": "conv 4 3x3 pad=1 -> clip min=0.25 max=1e30 -> conv 4 1x1",
    "clipped above": "conv 4 3x3 pad=1 -> clip max=0.25 -> conv 4 3x3 pad=1",
    "scaled and shifted": "relu -> scale bias=true -> relu -> conv 4 3x3 pad=1 -> tanh -> bias -> conv 4 1x1",
    "shifted, then 1x1": "tanh -> bias -> relu -> conv 4 1x1 -> tanh -> scale bias=true -> relu -> conv 4 1x1",
    "tanh": "conv 4 3x3 pad=1 -> tanh -> conv 4 1x1",
    "relu, then tanh": "conv 4 3x3 pad=1 -> relu -> tanh -> maxpool 2 -> conv 4 1x1",
    "scaled after": "conv 4 3x3 pad=1 -> relu -> scale -> conv 4 3x3 pad=1",
    "leaky": "leaky_relu 0.1 -> conv 4 3x3 pad=1",
    "relu again": "concat { relu -> conv 4 1x1; conv 4 1x1 } -> relu",
    "upsampled": "upsample 2 -> conv 4 3x3 pad=1",
    "shuffled": "channel_shuffle 3 -> conv 6 1x1 groups=3",
    "neighbours": "lrn 3 -> conv 4 1x1",
    "flattened": "flatten -> dense 4",
    "one channel": "conv 1 3x3 pad=1 -> relu -> conv 4 3x3 pad=1",
}


def planned(text, keep=(), largest=1.0):
    """Biases, factors of either sign and shifts at random."""
    network = cnndsl.loads(text)
    random = np.random.default_rng(len(text))
    weights = network.weights()
    for key, _, weight in network.graph.all_weights():
        if weight.init == "constant":
            most = 0.5 if key.endswith("running_var") else largest
            drawn = weights[key] + random.uniform(-most, most, weight.shape)
            signs = random.choice([-1, 1], weight.shape) if key.endswith(".weight") else 1
            weights[key] = (signs * drawn).astype(np.float32)
    return make_plan(network.graph, weights, keep)


@pytest.fixture(scope="module")
def assert_right(by_general_kernels):
    def check(plan, batch=2):
        random = np.random.default_rng(batch)
        inputs = {
            value.name: random.standard_normal((batch, value.shape.channels, *value.shape.spatial), np.float32)
            for value in plan.network.inputs
        }
        expected = by_general_kernels(plan, inputs)
        for name, value in execute(plan, inputs).items():
            assert value.shape == expected[name].shape
            assert np.abs(value - expected[name]).max() <= 1e-5 * np.abs(expected[name]).max(), name

    return check


@pytest.mark.parametrize("reader", READERS)
def test_whoever_reads_a_value_gives_the_same(assert_right, reader):
    text = BEGIN + READERS[reader]
    plan = planned(text)
    assert_right(plan)
    for node in plan.network.layers:  # what is kept has its bias
        assert_right(planned(text, [node.name]), batch=1)


@pytest.mark.parametrize("shape", ["8@17", "8@5x6x7"])
def test_along_one_axis_and_three(assert_right, shape):
    text = f"input {shape}; conv 6 3 pad=1 -> relu -> conv 6 3 pad=1 stride=2 -> relu -> depthwise 3 pad=1 -> relu"
    assert_right(planned(f"{text} -> maxpool 2 -> conv 4 1"))


@pytest.mark.parametrize("extent", [1, 2, 4])
def test_branches_of_a_single_cell(assert_right, extent):
    """Rows of a concatenation whose cells do not follow each other, and look as if they did."""
    text = f"input 8@{extent}x1; conv 6 1 as a -> relu as r"
    assert_right(
        planned(f"{text} -> conv 4 3 pad=1 -> relu as s; concat {{ from r; from s }} -> conv 5 3 pad=1"), batch=3
    )


def kinds(plan):
    return {layer.name: [kind for kind, _ in layer.followers] for layer in plan.graph.layers}


def test_a_bias_before_relu_costs_no_pass():
    plan = planned(BEGIN + "conv 12 3x3 pad=1 -> relu6 as s -> maxpool 2 as m -> conv 4 1x1 as last")
    assert kinds(plan) == {"r": ["maximum"], "s": [], "m": ["maximum", "minimum"], "last": []}
    first, second, _, last = plan.graph.layers
    assert first.bias is None and second.bias is None and last.bias is not None
    assert first.padding is None and second.padding.shape == (12,) and last.padding is None


def test_the_bias_of_a_linear_layer_goes_into_the_next_one():
    plan = planned("input 4@6x6; conv 8 1x1 as a; conv 4 3x3 as b; add { conv 4 1x1; identity } as c; flatten")
    assert kinds(plan) == {"a": [], "b": [], "c": ["other"], "flatten1": []}
    assert [layer.bias is None for layer in plan.graph.layers] == [True, True, False, True]


def test_large_shifts_are_added_where_they_arise(assert_right):
    for largest, carried in ((LARGEST, True), (4 * LARGEST, False)):
        network = cnndsl.loads(BEGIN + "conv 4 1x1")
        weights = network.weights()
        weights["a.bias"][3] = np.float32(-largest)
        plan = make_plan(network.graph, weights)
        assert kinds(plan)["r"] == (["maximum"] if carried else ["relu"])
        assert (plan.graph.layers[0].bias is None) == carried
        assert_right(plan)


def test_shifts_that_add_up_are_added_when_they_are_large(assert_right):
    block = "add { conv 8 1x1; identity }\n"
    plan = planned("input 8@4x4\nconv 8 1x1\n" + 30 * block + "conv 2 1x1", largest=LARGEST / 3)
    added = [layer.bias is not None for layer in plan.graph.layers[:-1]]
    assert 4 < sum(added) < 26
    assert_right(plan)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_bias_that_is_no_number_stays_where_it_is(value):
    network = cnndsl.loads(BEGIN + "conv 4 1x1")
    weights = network.weights()
    weights["a.bias"][3] = value
    assert kinds(make_plan(network.graph, weights))["r"] == ["relu"]


def test_an_activation_before_a_maximum_is_done_after_it(assert_right):
    text = "input 4@9x9; conv 8 3x3 as a -> {0} as b -> maxpool {1} as m -> tanh"
    for activation, window, moves in (
        ("relu", "2", True),
        ("tanh", "3 stride=2 pad=1", True),
        ("relu6", "2 stride=2 ceil_mode=true", True),
        ("leaky_relu 0.1", "2", False),
        ("sigmoid", "2", True),
        ("gelu", "2", False),  # these fall before they rise
        ("silu", "2", False),
        ("hardswish", "2", False),
        ("relu", "2 dilation=3 stride=1 pad=1", False),
    ):
        plan = planned(text.format(activation, window))
        found = kinds(plan)
        assert (len(found["b"]) == 0) == moves, activation
        assert plan.graph.layers[1].covers == (["m", "b", "tanh1"] if moves else ["m", "tanh1"])
        assert_right(plan)
    assert kinds(planned(text.format("tanh", "2"), ["b"]))["b"] == ["map"]
    read_twice = "input 4@9x9; conv 8 3x3 -> tanh as b; concat { maxpool 2; avgpool 2 }"
    assert kinds(planned(read_twice))["b"] == ["map"]


@pytest.mark.parametrize("activation", ["gelu", "gelu approximate=tanh", "silu"])
@pytest.mark.parametrize(
    ("linear", "halved"),
    [
        ("conv 8 3x3", True),
        ("conv 8 3x3 bias=false -> batchnorm", True),
        ("depthwise 5x5 pad=2 -> batchnorm", True),
        ("conv_transpose 8 3x3 stride=2 groups=2", True),
        ("flatten -> dense 9", True),
        ("conv 8 3x3 -> relu", False),
        ("maxpool 2", False),
    ],
)
def test_linear_layers_halve_what_an_activation_wants_halved(assert_right, activation, linear, halved):
    plan = planned(f"input 4@9x9; conv 4 3x3 -> relu -> {linear} as a -> {activation} as b")
    (kind, operand) = plan.graph.layers[-1].followers[-1]
    assert (kind, operand in activations.OF_DOUBLE.values()) == ("map", halved)
    assert_right(plan)
    assert_right(planned(f"input 4@9x9; conv 4 3x3 -> relu -> {linear} as a -> {activation} as b", ["a"]))


def test_an_activation_moves_on_behind_the_last_of_several_maxima(assert_right):
    plan = planned(
        "input 4@9x9; conv 8 3x3 as a -> relu as b -> maxpool 2 as c -> maxpool 3 stride=1 as d -> tanh as e"
    )
    assert [layer.covers for layer in plan.graph.layers] == [["a"], ["c"], ["d", "b", "e"]]
    assert_right(plan)
