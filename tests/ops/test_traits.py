"""The traits of operators are true of what their kernels compute, and none is forgotten."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

from cnndsl import ops
from cnndsl.lang.compile import compile_text
from cnndsl.ops.base import Operator, Windowed
from cnndsl.runtime.kernels.dispatch import LayerContext, compute
from cnndsl.shapes import Shape

Doubles = NDArray[np.float64]


class Example(NamedTuple):
    """The operator's own example: the layer, its input and output, and its kernel in float64 with random weights."""

    op: Operator
    shape: Shape
    output: Shape
    kernel: Callable[[Doubles], Doubles]
    x: Doubles


def example(name: str) -> Example:
    (network,) = compile_text(ops.operator(name).example).networks
    node = next(node for node in network.layers if node.op.operator == name)
    shapes = network.input_shapes(node)
    random = np.random.default_rng(5)
    weights = {key: random.uniform(0.5, 2, weight.shape) for key, weight in node.op.weights(shapes).items()}
    kernel = compute(node.op, LayerContext(shapes, node.shape, weights))
    return Example(node.op, shapes[0], node.shape, kernel, random.standard_normal((1, *shapes[0].dimensions)) * 3)


OF_ONE_INPUT = [name for name in ops.NAMES if name not in ops.MERGES and not ops.operator(name).looks_up]


@pytest.mark.parametrize("name", OF_ONE_INPUT)
def test_elementwise_means_that_a_cell_reaches_its_own_place_only(name: str) -> None:
    op, shape, output, kernel, x = example(name)
    alone = shape == output
    if alone:
        place = (0, *(size // 2 for size in shape.dimensions))
        changed = x.copy()
        changed[place] = 3 - changed[place]
        difference = ~np.isclose(kernel(changed), kernel(x), rtol=0, atol=0, equal_nan=True)
        difference[place] = False
        alone = not difference.any()
    assert op.elementwise is alone


@pytest.mark.parametrize("name", OF_ONE_INPUT)
def test_independent_means_that_no_value_is_read(name: str) -> None:
    op, _, _, kernel, x = example(name)
    assert op.independent is np.array_equal(kernel(x), kernel(np.zeros_like(x)))


@pytest.mark.parametrize("name", [name for name in OF_ONE_INPUT if ops.operator(name).elementwise])
def test_channel_affine_means_a_factor_and_a_constant(name: str) -> None:
    op, shape, output, kernel, x = example(name)
    none = kernel(np.zeros_like(x))
    straight = np.allclose(kernel(-5 * x) - none, -5 * (kernel(x) - none))
    nothing = np.array_equal(kernel(x), x)
    assert op.does_nothing(shape, output) is nothing
    assert op.channel_affine is (straight and not nothing)


@pytest.mark.parametrize("name", [name for name in ops.NAMES if ops.family(name) == "pool"])
def test_traits_of_pools(name: str) -> None:
    op, _, _, kernel, x = example(name)
    assert op.window_pool is isinstance(op, Windowed)
    assert op.order_statistic is np.allclose(kernel(x**3), kernel(x) ** 3)
    added = np.arange(x.shape[1]).reshape(-1, *(1,) * (x.ndim - 2))
    if op.hands_on_bias:
        np.testing.assert_allclose(kernel(x + added), kernel(x) + added)


@pytest.mark.parametrize("name", ["adaptive_avgpool", "adaptive_maxpool"])
def test_what_does_nothing_hands_its_input_on(name: str) -> None:
    op, shape, output, _, x = example(name)
    assert not op.does_nothing(shape, output) and op.does_nothing(output, output)
    given = x[:, :, : output.spatial[0], : output.spatial[1]]
    assert np.array_equal(compute(op, LayerContext((output,), output, {}))(given), given)


def test_linear_layers_are_those_that_multiply_and_sum() -> None:
    counted = {name for name in OF_ONE_INPUT if (found := example(name)).op.macs((found.shape,), found.output)}
    assert counted == {name for name in ops.NAMES if ops.operator(name).linear}


def test_activations_and_normalisations_follow() -> None:
    found = {name for name in ops.NAMES if ops.operator(name).follows}
    assert found == {name for name in ops.NAMES if ops.family(name) in ("activation", "norm")}


def having(trait: str) -> set[str]:
    return {name for name in ops.NAMES if getattr(ops.operator(name), trait)}


def test_what_may_write_over_its_input() -> None:
    """What reads a cell only to write it, what leaves all values in their order, and a softmax over a copy of sums."""
    ordered = {"flatten", "reshape"} | ops.MERGES - {"concat"}
    assert having("in_place") == having("elementwise") | ordered | {"softmax", "log_softmax"}


def test_rectifiers() -> None:
    """The functions of He et al. 2015: x above 0, a fraction of it or nothing below."""
    assert having("rectifier") == {"relu", "relu6", "leaky_relu", "prelu"}


def test_integers_go_where_nothing_is_computed() -> None:
    assert having("takes_integers") == {"embedding", "flatten", "reshape", "permute", "slice", "identity"}
    assert having("transparent") == {"flatten", "identity"}


def test_only_merges_take_several_inputs() -> None:
    several = {name: ops.operator(name).arity for name in ops.NAMES if ops.operator(name).arity != (1, 1)}
    assert several == dict.fromkeys(ops.MERGES, (2, None)) | {"sub": (2, 2), "div": (2, 2)}


def test_what_the_planner_and_lint_are_told() -> None:
    assert having("hands_on_bias") == {"maxpool", "avgpool", "global_avgpool"}
    assert having("centres") == {"batchnorm", "instancenorm"}
    assert having("drops") == {"dropout", "spatial_dropout"}
    assert having("looks_up") == {"embedding"}


@pytest.mark.parametrize(
    ("layer", "values"),
    [
        ("clip (-1) 2", [-1, 0, 2]),
        ("clip min=(-1)", [-1, 0, 5]),
        ("clip max=2", [-5, 0, 2]),
        ("scale", [-15, 0, 15]),
        ("scale bias=true", [-14, 1, 16]),
    ],
)
def test_formulas_have_the_numbers_that_a_layer_has(layer: str, values: list[int]) -> None:
    """At -5, 0 and 5, with a weight of 3 and a bias of 1."""
    (network,) = compile_text(f"input 4\n{layer}").networks
    (formula,) = network.layers[0].op.formulas()
    numbers = dict(network.layers[0].op) | {"weight": 3, "bias": 1}
    assert [eval(formula.format(x=x, **numbers)) for x in (-5, 0, 5)] == values
