"""One value worked out: equal to what a run gives, and to sums written as plain loops."""

from itertools import product
from random import Random

import numpy as np
import pytest

import cnndsl
from cnndsl import ops
from cnndsl.errors import CnnError
from cnndsl.runtime.trace import trace_value
from tests import generators


def inputs_for(graph, seed):
    random = np.random.default_rng(seed)
    return {
        value.name: random.integers(0, 9, (1, *value.shape.dimensions))
        if value.dtype == "int64"
        else random.standard_normal((1, *value.shape.dimensions)).astype(np.float32)
        for value in graph.inputs
    }


def weights_for(network, seed):
    """Initial weights, with biases and running statistics that are not 0 and 1."""
    random = np.random.default_rng(seed)
    links = {key for key, _, weight in network.graph.all_weights() if weight.links or weight.literal}
    return {
        key: values if key in links else (values + random.uniform(0.05, 0.4, values.shape)).astype(np.float32)
        for key, values in network.weights(seed).items()
    }


def worked(text, layer, position, x, weights=None):
    network = cnndsl.loads(text)
    if not isinstance(x, dict):
        (value,) = network.graph.inputs
        x = {value.name: np.asarray(x, value.dtype)[None]}
    return trace_value(network.graph, layer, position, x, weights or weights_for(network, 0))


# Sums as plain loops


def padding_of(op, sizes, kernel, stride, dilation):
    """Cells before and after each axis, straight from docs/language.md."""
    rank = len(sizes)
    if op.pad == "valid":
        return [(0, 0)] * rank
    if op.pad == "causal":
        return [(dilation[0] * (kernel[0] - 1), 0)]
    if isinstance(op.pad, str):
        pairs = []
        for size, taps, step, spread in zip(sizes, kernel, stride, dilation, strict=True):
            wanted = (size + step - 1) // step
            total = max(0, (wanted - 1) * step + spread * (taps - 1) + 1 - size)
            pairs.append(
                (total - total // 2, total // 2) if op.pad == "same_lower" else (total // 2, total - total // 2)
            )
        return pairs
    cells = (op.pad,) * rank if isinstance(op.pad, int) else op.pad
    return [(cells[axis], cells[axis + rank] if len(cells) > rank else cells[axis]) for axis in range(rank)]


def every_axis(value, rank):
    return (value,) * rank if isinstance(value, int) else value


def taps_of(op, x, position):
    """For each tap of the window: its index, the cell it lies on, and the padding of every axis."""
    rank = x.ndim - 1
    kernel = every_axis(op.kernel, rank)
    stride = every_axis(getattr(op, "stride", 1) or op.kernel, rank)
    dilation = every_axis(getattr(op, "dilation", 1), rank)
    pairs = padding_of(op, x.shape[1:], kernel, stride, dilation)
    for tap in product(*map(range, kernel)):
        cell = tuple(
            position[axis + 1] * stride[axis] + tap[axis] * dilation[axis] - pairs[axis][0] for axis in range(rank)
        )
        yield tap, cell, pairs


def outside(cell, pairs, mode, sizes):
    """The cell whose value a cell has, by the padding's mode; None for zeros."""
    found = []
    for place, size in zip(cell, sizes, strict=True):
        if not 0 <= place < size:
            if mode == "zeros":
                return None
            mirrored = -place if place < 0 else 2 * (size - 1) - place
            place = {"reflect": mirrored, "edge": min(max(place, 0), size - 1), "circular": place % size}[mode]
        found.append(place)
    return tuple(found)


def looped(op, x, tensors, position):
    """The value and the sum of the absolute products."""
    channel = position[0]
    if op.operator == "dense":
        terms = [tensors["weight"][channel, index] * value for index, value in enumerate(x)]
    elif op.operator in ("conv", "depthwise"):
        groups = x.shape[0] if op.operator == "depthwise" else op.groups
        filters, share = len(tensors["weight"]), x.shape[0] // groups
        first = channel // (filters // groups) * share
        terms = []
        for tap, cell, pairs in taps_of(op, x, position):
            cell = outside(cell, pairs, getattr(op, "pad_mode", "zeros"), x.shape[1:])
            if cell is not None:
                terms += [tensors["weight"][(channel, c, *tap)] * x[(first + c, *cell)] for c in range(share)]
    else:
        return pooled(op, x[channel], list(taps_of(op, x, position)))
    bias = tensors["bias"][channel] if "bias" in tensors else 0.0
    return sum(terms) + bias, sum(map(abs, terms)) + abs(bias)


def pooled(op, plane, taps):
    real = [
        plane[cell] for _, cell, _ in taps if all(0 <= at < size for at, size in zip(cell, plane.shape, strict=True))
    ]
    if op.operator == "maxpool":
        return max(real, default=-np.inf), 1.0
    cells = len(real)
    if op.count_include_pad:
        cells = sum(
            all(-pair[0] <= at < size + pair[1] for at, size, pair in zip(cell, plane.shape, pairs, strict=True))
            for _, cell, pairs in taps
        )
    return sum(real) / max(cells, 1), sum(map(abs, real)) / max(cells, 1)


@pytest.mark.parametrize(
    ("name", "layers"), [("conv", 130), ("depthwise", 30), ("maxpool", 40), ("avgpool", 40), ("dense", 20)]
)
def test_a_thousand_random_positions(name, layers):
    """260 layers, four positions each: the working, the run and the loop agree."""
    for seed in range(layers):
        random = Random(f"worked {name}/{seed}")
        text = generators.sound_layer(random, name)
        network = cnndsl.loads(text)
        node = network.graph.layers[-1]
        inputs, weights = inputs_for(network.graph, seed), weights_for(network, seed)
        ran = network.run(inputs, weights=weights)[0]
        (x,) = (value[0].astype(np.float64) for value in inputs.values())
        tensors = {key.rpartition(".")[2]: values.astype(np.float64) for key, values in weights.items()}
        for _ in range(4):
            position = tuple(random.randrange(size) for size in node.shape.dimensions)
            found = trace_value(network.graph, node.name, position, inputs, weights)
            expected, magnitude = looped(node.op, x, tensors, position)
            if not np.isfinite(expected):
                assert found.total == found.value == ran[position] == expected, text
                continue
            assert found.total == pytest.approx(expected, rel=1e-9, abs=1e-12 * magnitude), text
            assert abs(found.total - ran[position]) <= 1e-5 * magnitude, text
            assert found.value == ran[position], text


@pytest.mark.parametrize("name", ops.NAMES)
def test_every_operator_gives_what_a_run_gives(name):
    for seed in range(4):
        random = Random(f"worked operator {name}/{seed}")
        text = generators.sound_layer(random, name)
        network = cnndsl.loads(text)
        node = network.graph.layers[-1]
        inputs, weights = inputs_for(network.graph, seed), weights_for(network, seed)
        ran = network.run(inputs, weights=weights)[0]
        for _ in range(3):
            position = tuple(random.randrange(size) for size in node.shape.dimensions)
            found = trace_value(network.graph, node.name, position, inputs, weights)
            np.testing.assert_equal(found.value, ran[position])
            assert found.total == pytest.approx(float(ran[position]), rel=2e-5, abs=2e-5, nan_ok=True), text
            for patch in found.working.patches:
                if patch.products is not None:
                    assert patch.total == pytest.approx(patch.products.sum())


# The articles' sums


def test_the_bump_detector_of_the_article(examples):
    network = cnndsl.load(examples / "bump_detector.cnn")
    x = {"input": np.array([[[0, 0, 0, 1, 1, 0, 0, 0]]], np.float32)}
    rows = [((0, 0, 0), 0), ((0, 0, 1), 0), ((0, 1, 1), 1), ((1, 1, 0), 1), ((1, 0, 0), 0), ((0, 0, 0), 0)]
    for place, (cells, value) in enumerate(rows):
        found = trace_value(network.graph, "conv1", (0, place), x, network.weights())
        (patch,) = found.working.patches
        assert patch.weights.tolist() == [0, 1, 0] and tuple(patch.inputs) == cells
        assert patch.products.tolist() == [0, cells[1], 0]
        assert found.total == found.value == value


def test_the_line_detectors_of_the_article(examples):
    vertical = np.zeros((1, 1, 8, 8), np.float32)
    vertical[..., 3] = 1
    for name, x, expected in (
        ("VerticalLine", vertical, [0, 0, 3, 0, 0, 0]),
        ("HorizontalLine", vertical.swapaxes(2, 3), [0, 0, 3, 0, 0, 0]),
        ("HorizontalLine", vertical, [0, 1, 1, 1, 0, 0]),
    ):
        network = cnndsl.load(examples / "line_detectors.cnn", network=name)
        along = x is vertical
        for place, value in enumerate(expected):
            position = (0, 2, place) if along else (0, place, 2)
            found = trace_value(network.graph, "conv1", position, {"input": x}, network.weights())
            assert found.total == found.value == value
    network = cnndsl.load(examples / "line_detectors.cnn", network="VerticalLine")
    found = trace_value(network.graph, "conv1", (0, 2, 2), {"input": vertical}, network.weights())
    assert found.working.patches[0].products.sum(axis=1).tolist() == [1, 1, 1]


# What is read


def read_of(found):
    (read,) = found.working.reads
    return read


def test_a_padded_corner():
    found = worked("input 1@4x4\nconv 1 3x3 pad=1 as c", "c", (0, 0, 3), np.ones((1, 4, 4)))
    assert read_of(found).places == ((-1, 0, 1), (2, 3, 4))
    (patch,) = found.working.patches
    assert patch.padding.tolist() == [[True] * 3, [False, False, True], [False, False, True]]
    assert patch.inputs.tolist() == [[0, 0, 0], [1, 1, 0], [1, 1, 0]]


@pytest.mark.parametrize(
    ("mode", "cells"), [("reflect", [7, 6, 7]), ("edge", [6, 6, 7]), ("circular", [9, 6, 7]), ("zeros", [0, 6, 7])]
)
def test_padding_has_the_numbers_of_its_mode(mode, cells):
    found = worked(f"input 1@4\nconv 1 3 pad=1 pad_mode={mode}", "conv1", (0, 0), [[6, 7, 8, 9]])
    (patch,) = found.working.patches
    assert patch.inputs.tolist() == cells and patch.padding.tolist() == [True, False, False]


def test_groups_and_connect_read_their_own_channels():
    x = np.arange(6 * 9).reshape(6, 3, 3)
    grouped = worked("input 6@3x3\nconv 4 3x3 groups=2 dilation=1", "conv1", (3, 0, 0), x)
    assert read_of(grouped).channels == (3, 4, 5)
    linked = worked("input 6@3x3\nconv 2 3x3 connect=[[0], [1, 4]]", "conv1", (1, 0, 0), x)
    assert [patch.channel for patch in linked.working.patches] == [1, 4]
    alone = worked("input 6@3x3\ndepthwise 3x3 multiplier=2", "depthwise1", (7, 0, 0), x)
    assert read_of(alone).channels == (3,)


def test_dilation_and_stride():
    found = worked("input 1@12x12\nconv 1 3x3 stride=2 dilation=3", "conv1", (0, 1, 2), np.ones((1, 12, 12)))
    assert read_of(found).places == ((2, 5, 8), (4, 7, 10))


def test_the_winner_of_a_maximum():
    x = [[[1, 2, 3, 4], [5, 9, 7, 8], [1, 1, 1, 1], [1, 1, 1, 1]]]
    found = worked("input 1@4x4\nmaxpool 2x2", "maxpool1", (0, 0, 0), x)
    (patch,) = found.working.patches
    assert patch.winner == (1, 1) and patch.total == 9
    assert found.working.notes == ("the largest is at row 1, column 1",)
    negative = worked("input 1@2x2\nmaxpool 3x3 pad=1 stride=2", "maxpool1", (0, 0, 0), [[[-5, -3], [-4, -8]]])
    assert negative.total == negative.value == -3


def test_a_window_on_padding_alone_has_no_winner():
    text = "input 1@1\nmaxpool 2 dilation=2 stride=1 pad=1"
    found = worked(text, "maxpool1", (0, 0), [[5]])
    assert found.working.patches[0].winner is None
    assert found.total == found.value == -np.inf


def test_what_an_average_divides_by():
    x = np.ones((1, 6, 6))
    plain = "input 1@6x6\navgpool 3x3 stride=2 pad=1 ceil_mode=true"
    numbers = [step.value for step in worked(plain, "avgpool1", (0, 0, 0), x).working.steps]
    assert numbers == [4, 4, 1]
    padded = f"{plain} count_include_pad=true"
    assert [step.value for step in worked(padded, "avgpool1", (0, 0, 0), x).working.steps] == [4, 9, 4 / 9]
    assert [step.value for step in worked(padded, "avgpool1", (0, 3, 3), x).working.steps] == [1, 4, 1 / 4]


def test_a_transposed_convolution_meets_cells_at_taps():
    found = worked("input 1@3\nconv_transpose 1 4 stride=2", "conv_transpose1", (0, 3), [[10, 20, 30]])
    weight = weights_for(cnndsl.loads("input 1@3\nconv_transpose 1 4 stride=2"), 0)["conv_transpose1.weight"][0, 0]
    assert read_of(found).places == ((0, 1),)
    assert found.working.patches[0].weights.tolist() == [float(weight[3]), float(weight[1])]
    nothing = worked("input 1@3\nconv_transpose 1 1 stride=2", "conv_transpose1", (0, 1), [[10, 20, 30]])
    assert not nothing.working.patches and not nothing.working.reads and nothing.total == pytest.approx(nothing.value)


@pytest.mark.parametrize(
    ("layer", "shape", "position", "origin"),
    [
        ("flatten", "2@3x4", (17,), (1, 1, 1)),
        ("permute [2, 0, 1]", "2@3x4", (3, 1, 2), (1, 2, 3)),
        ("crop 1", "2@3x4", (1, 0, 1), (1, 1, 2)),
        ("slice 1 3 axis=2", "2@3x4", (1, 2, 0), (1, 2, 1)),
        ("pad 1 mode=reflect", "2@3x4", (1, 0, 0), (1, 1, 1)),
        ("channel_shuffle 2", "4@2x2", (1, 1, 0), (2, 1, 0)),
        ("pixel_shuffle 2", "4@2x2", (0, 1, 2), (2, 0, 1)),
        ("space_to_depth 2", "1@2x4", (3, 0, 1), (0, 1, 3)),
        ("upsample 2", "2@3x4", (1, 3, 5), (1, 1, 2)),
    ],
)
def test_where_a_moved_value_was(layer, shape, position, origin):
    text = f"input {shape}\n{layer} as moved"
    sizes = [int(size) for size in shape.replace("@", "x").split("x")]
    x = np.arange(np.prod(sizes)).reshape(sizes)
    found = worked(text, "moved", position, x)
    read = read_of(found)
    assert (*read.channels, *(place for places in read.places for place in places)) == origin
    assert found.total == found.value == x[origin]


def test_a_pad_has_cells_from_nowhere():
    found = worked("input 1@2\npad 1 value=-3", "pad1", (0, 0), [[5, 6]])
    assert found.working.reads == () and found.total == found.value == -3


def test_a_concat_names_the_branch():
    text = "input 1@2 as a\ninput 2@2 as b\nconcat { from a; from b }"
    x = {"a": np.array([[[1, 2]]]), "b": np.array([[[3, 4], [5, 6]]])}
    found = worked(text, "concat1", (2, 1), x)
    assert read_of(found).input == "b" and read_of(found).channels == (1,) and found.value == 6


def test_a_broadcast_branch_is_read_where_it_has_cells():
    found = worked("input 2@3x3\nmul { identity; global_avgpool }", "mul1", (1, 2, 0), np.ones((2, 3, 3)))
    assert [read.places for read in found.working.reads] == [((2,), (0,)), ((0,), (0,))]


def test_linear_interpolation_weighs_its_neighbours():
    found = worked("input 1@4\nupsample 2 mode=linear", "upsample1", (0, 3), [[0, 10, 20, 30]])
    assert read_of(found).places == ((1, 2),)
    assert found.working.patches[0].weights.tolist() == [0.75, 0.25] and found.total == 12.5


def test_cubic_interpolation_weighs_the_cells_around():
    found = worked("input 1@6\nupsample 2 mode=cubic", "upsample1", (0, 5), [[0, 10, 20, 50, 30, 0]])
    assert read_of(found).places == ((1, 2, 3, 4),)
    # Keys 1981 with a = -3/4 at the distances 5/4, 1/4, 3/4 and 7/4
    expected = [-27 / 256, 225 / 256, 67 / 256, -9 / 256]
    assert found.working.patches[0].weights.tolist() == expected and len(found.working.notes) == 1
    assert found.total == pytest.approx(found.value) == np.dot(expected, [10, 20, 50, 30])


def test_what_lies_beyond_the_edge_falls_to_the_edge():
    found = worked("input 1@6\nupsample 2 mode=cubic", "upsample1", (0, 0), [[8, 10, 20, 50, 30, 0]])
    # at -1/4: 7/4, 3/4 and 1/4 from the cells -2, -1 and 0, all of them the edge's, and 5/4 from cell 1
    assert read_of(found).places == ((0, 1),)
    assert found.working.patches[0].weights.tolist() == [(-9 + 67 + 225) / 256, -27 / 256]
    assert "beyond it" in found.working.notes[1]
    assert found.total == pytest.approx(found.value) == (283 * 8 - 270) / 256


def test_an_aligned_corner_is_the_cell_itself():
    found = worked("input 1@6\nresize 11 mode=cubic align_corners=true", "resize1", (0, 4), [[8, 10, 20, 50, 30, 0]])
    assert read_of(found).places == ((2,),) and found.total == found.value == 20


def test_an_embedding_looks_up_its_word():
    text = "input 3 dtype=int64\nembedding 5 2"
    table = np.arange(10, dtype=np.float32).reshape(5, 2)
    found = worked(text, "embedding1", (1, 2), [0, 1, 4], {"embedding1.weight": table})
    assert found.total == found.value == 9


# What else a run does


def test_fused_layers_have_their_own_values():
    text = "input 2@6x6\nconv 4 3x3 bias=false -> batchnorm -> relu\nconv 4 3x3"
    network = cnndsl.loads(text)
    inputs, weights = inputs_for(network.graph, 1), weights_for(network, 1)
    convolved = trace_value(network.graph, "conv1", (2, 1, 1), inputs, weights)
    normed = trace_value(network.graph, "batchnorm1", (2, 1, 1), inputs, weights)
    rectified = trace_value(network.graph, "relu1", (2, 1, 1), inputs, weights)
    assert normed.working.steps[-1].numbers["x"] == convolved.value == pytest.approx(convolved.total, rel=1e-5)
    scale = weights["batchnorm1.weight"][2] / np.sqrt(weights["batchnorm1.running_var"][2] + 1e-5)
    by_hand = (convolved.total - weights["batchnorm1.running_mean"][2]) * scale + weights["batchnorm1.bias"][2]
    assert normed.value == pytest.approx(by_hand, rel=1e-5)
    assert rectified.value == max(normed.value, 0)


def test_shared_weights_are_the_owners():
    text = "input 1@5 as a\ninput 1@5 as b\nfrom a -> conv 2 3 as c\nfrom b -> conv 2 3 share=c as d\noutput c d"
    network = cnndsl.loads(text)
    inputs, weights = inputs_for(network.graph, 1), weights_for(network, 1)
    found = trace_value(network.graph, "d", (1, 0), inputs, weights)
    np.testing.assert_array_equal(found.working.patches[0].weights, weights["c.weight"][1, 0])
    assert found.value == network.run(inputs, weights=weights)["d"][0, 1, 0]


def test_only_what_the_layer_depends_on_is_run(monkeypatch):
    from cnndsl.runtime import trace as module

    planned = []
    make_plan = module.make_plan
    monkeypatch.setattr(module, "make_plan", lambda part, *rest: planned.append(part) or make_plan(part, *rest))
    text = "input 2@5x5\nconv 3 3x3 as a -> relu as b -> conv 3 3x3 as c\nflatten -> dense 1000"
    worked(text, "b", (0, 0, 0), np.ones((2, 5, 5)))
    assert [node.name for node in planned[0].layers] == ["a", "b"]


@pytest.mark.parametrize(
    ("layer", "position", "code", "said"),
    [
        ("conv1", (0, 2, 28), "bad-setting", ["column 28", "row 0 to 27, column 0 to 27"]),
        ("conv1", (6, 0, 0), "bad-setting", ["channel 6 is not in 0 to 5"]),
        ("conv1", (0, -1, 0), "bad-setting", ["row -1"]),
        ("conv1", (0, 2), "bad-setting", ["has 2 numbers (0,2), not 3: channel, row, column", "channel 0 to 5"]),
        ("dense1", (0, 0), "bad-setting", ["not 1: feature", "feature 0 to 9"]),
        ("dense1", (10,), "bad-setting", ["feature 10 is not in 0 to 9"]),
        ("convv1", (0, 0, 0), "unknown-layer", ["`convv1`", "did you mean `conv1`?"]),
    ],
)
def test_positions_that_are_not_there(layer, position, code, said):
    text = "input 1@28x28\nconv 6 5x5 pad=2 -> flatten -> dense 10"
    with pytest.raises(CnnError) as caught:
        worked(text, layer, position, np.ones((1, 28, 28)))
    (diagnostic,) = caught.value.diagnostics
    shown = " ".join([diagnostic.message, *diagnostic.help])
    assert diagnostic.code == code and all(part in shown for part in said), shown


def test_one_example_at_a_time():
    network = cnndsl.loads("input 3\nrelu")
    with pytest.raises(CnnError, match="holds 2"):
        trace_value(network.graph, "relu1", (0,), {"input": np.ones((2, 3))}, {})
    with pytest.raises(CnnError, match="must have the shape"):
        trace_value(network.graph, "relu1", (0,), {"input": np.ones((1, 4))}, {})
