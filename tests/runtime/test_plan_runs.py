"""Running a plan: the same results however it is run, in the memory that it said."""

import threading
import tracemalloc

import numpy as np
import pytest

import cnndsl
from cnndsl.runtime.interpreter import execute
from cnndsl.runtime.kernels.channels_last import gather
from cnndsl.runtime.plan import planner as plan_module
from cnndsl.runtime.plan.planner import make_plan
from cnndsl.runtime.profile import Profile

TEXT = """
input 3@64x64
conv 32 7x7 stride=2 pad=3 bias=false as first -> batchnorm -> relu
maxpool 3x3 stride=2 pad=1
repeat 2 {
  add {
    conv 32 3x3 pad=1 -> batchnorm -> relu -> conv 32 3x3 pad=1
    identity
  }
  relu
}
concat {
  conv 32 1x1 -> relu
  conv 16 3x3 pad=1 -> hardswish
  avgpool 3x3 stride=1 pad=1
} as joined
batchnorm -> relu -> conv 48 1x1 as narrow
depthwise 3x3 pad=1 -> relu6 as deep
lrn 5
global_avgpool -> flatten -> dense 10 -> softmax
"""


def planned(text, keep=(), seed=0):
    network = cnndsl.loads(text)
    random = np.random.default_rng(seed)
    weights = network.weights(seed)
    for key in weights:
        if "batchnorm" in key:
            weights[key] = (weights[key] + random.uniform(-0.4, 0.4, weights[key].shape)).astype(np.float32)
    return make_plan(network.graph, weights, keep)


def images(count, extent=64, seed=1):
    return {"input": np.random.default_rng(seed).standard_normal((count, 3, extent, extent)).astype(np.float32)}


def test_kept_values_are_those_of_the_layers_with_the_channels_first(by_general_kernels):
    every = list(cnndsl.loads(TEXT).layers)
    plan = planned(TEXT, every)
    inputs = images(2)
    expected = by_general_kernels(plan, inputs)
    for name, value in execute(plan, inputs).items():
        assert value.shape == expected[name].shape and value.flags.c_contiguous
        assert np.abs(value - expected[name]).max() <= 1e-4 * np.abs(expected[name]).max(), name


@pytest.mark.parametrize("batch", [1, 3])
def test_fused_layers_give_the_same(by_general_kernels, batch):
    plan = planned(TEXT, ["narrow", "deep"])
    inputs = images(batch)
    expected = by_general_kernels(plan, inputs)
    for name, value in execute(plan, inputs).items():
        assert np.abs(value - expected[name]).max() <= 1e-4 * np.abs(expected[name]).max(), name


def test_results_do_not_depend_on_the_number_of_threads():
    plan = planned(TEXT, ["joined"])
    inputs = images(2)
    first = execute(plan, inputs, 1)
    for threads in (2, 3, 5):
        for name, value in execute(plan, inputs, threads).items():
            np.testing.assert_array_equal(value, first[name])


def test_results_are_arrays_of_their_own():
    plan = planned(TEXT, ["joined", "input"])
    inputs = images(1)
    first = execute(plan, inputs)
    copies = {name: value.copy() for name, value in first.items()}
    second = execute(plan, images(1, seed=2))
    for name, value in first.items():
        np.testing.assert_array_equal(value, copies[name])
        assert not np.shares_memory(value, second[name]) and not np.shares_memory(value, inputs["input"])


def test_several_threads_run_one_network():
    run = cnndsl.loads(TEXT).runner(threads=2)
    inputs = [images(1 + index % 2, seed=index) for index in range(6)]
    expected = [run(one)["softmax1"] for one in inputs]
    wrong = []

    def work(index):
        for _ in range(5):
            if not np.array_equal(run(inputs[index])["softmax1"], expected[index]):
                wrong.append(index)

    workers = [threading.Thread(target=work, args=(index,)) for index in range(6)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert not wrong


@pytest.mark.parametrize("batch", [1, 4])
@pytest.mark.parametrize("threads", [1, 2])
def test_a_run_takes_no_more_memory_than_the_plan_says(batch, threads):
    plan = planned(TEXT, ["joined"])
    inputs = images(batch)
    execute(plan, images(batch + 1), threads)
    said = plan.at(batch).peak_bytes(threads)
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        results = execute(plan, inputs, threads)
        taken = tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()
    assert results["joined"].nbytes < taken <= 1.1 * said + 200_000, "200 kB: the bound steps themselves"
    assert taken >= 0.5 * said


@pytest.mark.parametrize("batch", [1, 3])
def test_the_tables_of_numbers_are_as_large_as_the_plan_says(batch, monkeypatch):
    found = []

    class Kept(gather.Outside):
        def __init__(self, numbers):
            super().__init__(numbers)
            found.append(self.tables)

    monkeypatch.setattr(plan_module, "Outside", Kept)
    text = """input 6@20x20
conv 8 3x3 pad=1 -> relu -> conv 8 3x3 -> depthwise 3x3 stride=2 pad=1
conv 12 3x3 pad=1 groups=2 -> conv 16 5x5 pad=2 stride=2 -> conv 64 3x3 pad=1 -> conv 64 3x3 pad=1
"""
    plan = planned(text).at(batch)
    plan.borrow()
    (tables,) = found
    said = {key: size for step in plan.steps for key, size in step.tables.items()}
    assert len(tables) == len(said) > 4
    assert sum(table.nbytes for table in tables.values()) == sum(said.values())
    assert plan.peak_bytes(1) >= plan.value_bytes + 4 * plan.scratch + sum(said.values())


def test_a_profile_has_a_row_for_every_step():
    profile = Profile()
    network = cnndsl.loads(TEXT)
    run = network.runner(profile=profile)
    run(images(1))
    once = profile.rows()
    run(images(1))
    twice = profile.rows()
    assert sum(row["flops"] for row in once) == 2 * network.macs
    assert [row["flops"] for row in twice] == [2 * row["flops"] for row in once]
    assert sum(row["share"] for row in twice) == pytest.approx(1)
    assert all(after["seconds"] >= before["seconds"] for before, after in zip(once, twice, strict=True))
    assert all(row["seconds"] > 0 for row in once if row["flops"])
    assert profile.table().count("\n") == len(twice) + 1


def test_a_plan_explains_itself():
    text = cnndsl.loads(TEXT).plan(2).explain()
    assert "batch 2" in text.splitlines()[0]
    assert "first + batchnorm1: planar columns" in text and "maxpool1 + relu1: separable windows" in text
    assert "winograd" in text and "depthwise" in text


def test_an_infinity_stays_where_it_is():
    plan = planned("input 3@40x40\nconv 16 3x3 pad=1\nrelu")
    inputs = images(1, 40)
    inputs["input"][0, 0, 20, 20] = np.inf
    (value,) = execute(plan, inputs).values()
    near = np.zeros(value.shape[2:], bool)
    near[19:22, 19:22] = True
    assert np.isfinite(value[..., ~near]).all()


@pytest.mark.parametrize("pad", ["[0, 0, 0, 1]", "[0, 0, 2, 0]", "[1, 0, 0, 0]", "1"])
def test_a_1x1_kernel_over_padding_gives_the_bias_there(pad: str) -> None:
    network = cnndsl.loads(f"input 8@6x7\nconv 4 1 pad={pad} dilation=3")
    weights = network.weights()
    weights["conv1.bias"] = np.arange(1, 5, dtype=np.float32)
    x = np.random.default_rng(0).random((2, 8, 6, 7), np.float32)
    top, left, bottom, right = (1, 1, 1, 1) if pad == "1" else map(int, pad.strip("[]").split(","))
    inner = np.einsum("nchw,fc->nfhw", x, weights["conv1.weight"][:, :, 0, 0])
    expected = np.pad(inner, ((0, 0), (0, 0), (top, bottom), (left, right))) + weights["conv1.bias"][:, None, None]
    assert np.allclose(network.run(x, weights=weights), expected, atol=1e-5)


def test_memory_of_a_run_that_was_interrupted_is_not_used_again(monkeypatch):
    plan = planned(TEXT, [])
    execute(plan, images(1), 2)
    planned_batch = plan.at(1)
    assert len(planned_batch._idle) == 1

    def interrupt(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr("cnndsl.runtime.parallel.team.Team.run", interrupt)
    with pytest.raises(KeyboardInterrupt):
        execute(plan, images(1), 2)
    assert not planned_batch._idle


def test_windows_that_lie_in_padding_alone():
    network = cnndsl.loads("input 4@1x6\nmaxpool 2 dilation=3 pad=2 stride=1")
    x = np.random.default_rng(0).standard_normal((2, 4, 1, 6), np.float32)
    assert (network.run(x) == -np.inf).all()


@pytest.mark.parametrize(
    ("key", "value"),
    [("c.weight", 3e38), ("d.weight", 3e38), ("e.weight", 3e38), ("n.running_var", -1), ("n.bias", 3e38)],
)
@pytest.mark.parametrize("many", [0, 1 << 30])
def test_weights_that_overflow_give_no_warning(key, value, many, monkeypatch):
    monkeypatch.setattr(plan_module, "MANY_WEIGHTS", many)  # with several threads, each with its own error state
    network = cnndsl.loads(
        """input 8@9x9
conv 16 3x3 pad=1 as c -> relu
conv 16 3x3 pad=1 as d -> batchnorm as n -> relu
concat { identity; conv 8 1x1 } -> batchnorm -> relu -> conv 8 1x1 as e"""
    )
    weights = network.weights()
    weights["c.bias"] += np.float32(0.5)
    weights[key][...] = value
    assert network.run(np.ones((1, 8, 9, 9), np.float32), weights=weights).shape == (1, 8, 9, 9)


MANY_SAMPLES = (
    "input 4@6x6\nconv 8 3x3 pad=1 -> relu -> conv 8 3x3 pad=1\nmaxpool 2\nconv 8 3 pad=1 groups=2\navgpool 2"
)


@pytest.mark.parametrize(
    ("text", "batch"),
    [
        (MANY_SAMPLES, 2000),
        ("input 1@12x12\nconv 6 3x3 pad=1 stride=2 -> tanh -> avgpool 2 -> flatten -> dense 10", 1000),
        ("input 96@40x40\ndepthwise 3x3 pad=1 stride=2 -> relu6 -> depthwise 3x3 pad=1 -> relu6 -> conv 96 1x1", 16),
        ("input 1@100000\nmaxpool 50000", 1),
        ("input 1@100000\nconv 1 50000 stride=50000", 1),
        ("input 2@100000\ndepthwise 50000 stride=50000", 1),
    ],
)
def test_calls_take_little_memory_beside_what_they_compute(text, batch):
    plan = planned(text)
    (value,) = plan.network.inputs
    x = {value.name: np.ones((batch, value.shape.channels, *value.shape.spatial), np.float32)}
    execute(planned("input 1@8x8\nconv 2 3"), {"input": np.ones((1, 1, 8, 8), np.float32)}, 2)
    said = plan.at(batch).peak_bytes(2)
    tracemalloc.start()
    try:
        execute(plan, x, 2)
        taken = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert taken <= 1.1 * said + 200_000
