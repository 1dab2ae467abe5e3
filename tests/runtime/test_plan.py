"""Planning: what is computed together, where values live, what a plan says of itself."""

import numpy as np
import pytest

import cnndsl
from cnndsl.runtime.interpreter import execute
from cnndsl.runtime.plan import cost_model
from cnndsl.runtime.plan.memory import (
    MOST_COMPARED,
    SPARED_BYTES,
    SPARED_STEPS,
    BufferSlice,
    Lifetime,
    arena,
    lifetimes,
)
from cnndsl.runtime.plan.planner import MAX_BATCH_SIZES, make_plan


def planned(text, keep=()):
    network = cnndsl.loads(text)
    return make_plan(network.graph, network.weights(), keep)


def covers(plan, batch=1):
    return [step.layer.covers for step in plan.at(batch).steps]


def test_what_follows_a_convolution_is_computed_with_it():
    text = "input 4@8x8\nconv 4 3 pad=1 as a -> batchnorm as b -> relu as c -> dropout 0.5 as d -> conv 4 1 as e"
    assert covers(planned(text)) == [["a", "b", "c"], ["e"]]


def test_a_residual_sum_is_computed_with_the_later_branch():
    text = "input 4@8x8\nconv 4 3 pad=1 as a\nadd { conv 4 1 as b; identity } as s -> relu as r"
    assert covers(planned(text)) == [["a"], ["b", "s", "r"]]


def test_what_is_kept_is_a_value_of_its_own():
    text = "input 4@8x8\nconv 4 3 as a -> batchnorm as b -> relu as c"
    assert covers(planned(text, ["a"])) == [["a"], ["b", "c"]]
    assert covers(planned(text, ["b"])) == [["a", "b"], ["c"]]


def test_what_several_read_is_a_value_of_its_own():
    text = "input 4@8x8\nconv 4 3 as a\nconcat { relu as b; tanh as c } as d"
    assert covers(planned(text)) == [["a"], ["b"], ["c"], ["d"]]


def test_normalisation_and_relu_before_a_1x1_convolution_become_one_pass():
    text = "input 4@8x8\nmaxpool 2 as p\nbatchnorm as b -> relu as r -> conv 8 1 as a"
    (pool, product) = planned(text).at(1).steps
    assert (pool.layer.covers, product.layer.covers) == (["p", "b", "r"], ["a"]) or product.layer.bounds is not None


def test_branches_lie_in_their_concatenation():
    text = "input 4@8x8\nconcat { conv 2 1 as a; concat { conv 3 1 as b; conv 1 1 as c } as d } as e"
    place = planned(text).at(1).place
    assert [place[name] for name in "abcde"] == [("e", 0), ("e", 2), ("e", 5), ("e", 2), ("e", 0)]


@pytest.mark.parametrize("count", [40, MOST_COMPARED, 6 * MOST_COMPARED])
@pytest.mark.parametrize("seed", range(10))
def test_buffers_alive_at_once_do_not_overlap(seed, count):
    random = np.random.default_rng(seed)
    spans = {}
    for index in range(count):
        first = int(random.integers(0, 30))
        spans[str(index)] = Lifetime(int(random.integers(1, 5000)), first, first + int(random.integers(0, 8)))
    offsets, size = arena(spans)
    for name, span in spans.items():
        assert offsets[name] % 64 == 0
        assert offsets[name] + span.size <= size
        for other, with_ in spans.items():
            if other != name and span.first <= with_.last and with_.first <= span.last:
                assert offsets[name] + span.size <= offsets[other] or offsets[other] + with_.size <= offsets[name]
    alive = max(sum(s.size for s in spans.values() if s.first <= step <= s.last) for step in range(40))
    assert alive <= size <= 1.5 * alive + 64 * count


def test_plans_are_kept_for_the_batch_sizes_used_last():
    plan = planned("input 4@8x8\nconv 4 3")
    first = plan.at(1)
    assert plan.at(1) is first
    for batch in range(2, MAX_BATCH_SIZES + 2):
        plan.at(batch)
    assert plan.at(MAX_BATCH_SIZES + 1) is plan.at(MAX_BATCH_SIZES + 1)
    assert plan.at(1) is not first


def test_no_examples_give_no_results():
    plan = planned("input 4@8x8\nconv 4 3 as a", ["input"])
    values = execute(plan, {"input": np.zeros((0, 4, 8, 8), np.float32)})
    assert {name: value.shape for name, value in values.items()} == {"a": (0, 4, 6, 6), "input": (0, 4, 8, 8)}


def test_small_buffers_are_not_written_over_at_once():
    place = {name: BufferSlice(name) for name in ("x", "small", "large")}
    sizes = {"x": 8, "small": SPARED_BYTES, "large": SPARED_BYTES + 1}
    spans = lifetimes(sizes, ["small", "large"], [["x"], ["small"]], place)
    assert spans["small"] == Lifetime(SPARED_BYTES, 0, 1 + SPARED_STEPS)
    assert spans["large"] == Lifetime(SPARED_BYTES + 1, 1, 1)


def test_what_is_cut_along_the_filters_alone_fits_a_cache():
    """Every part holds all cells of a layer: no large map may be computed so, whatever else it would save."""
    for spatial, stride in ((7, 1), (13, 1), (223, 2), (225, 1), (511, 2)):
        network = cnndsl.loads(f"input 64@{spatial}x{spatial}\nconv 512 3x3 pad=1 stride={stride}")
        (step,) = make_plan(network.graph, network.weights()).at(1).steps
        by_filters = "by filters" in step.choice.algorithm
        assert by_filters == (spatial < 20)
        assert not by_filters or 4 * step.scratch <= 2 * cost_model.HELD
