"""Random layers and random networks beside ONNX Runtime and PyTorch: equal shapes, equal values to rounding.

ONNX Runtime judges every case through the exporter, in float32 and a random opset, PyTorch every operator by itself in
float64. ``make fuzz`` draws many more cases: CNNDSL_FUZZ multiplies their number, CNNDSL_SEED chooses others.
"""

import os
from collections.abc import Mapping
from random import Random
from types import ModuleType
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest

import cnndsl
from cnndsl import ops
from cnndsl.interop.onnx.exporter.model import IR_VERSIONS
from cnndsl.ops.pool import AvgPool
from cnndsl.runtime.data.initial_weights import link_mask
from tests import generators
from tests.opsets import judges_partial_averages, newest_judged

TIMES = int(os.environ.get("CNNDSL_FUZZ", "1"))
SEED = os.environ.get("CNNDSL_SEED", "0")
LAYER_CASES = 12 * TIMES
"""Cases for an operator with little to vary; others have several times as many (generators.WIDE)."""
NETWORK_CASES = 5 * TIMES
"""Cases in each of the parts that the workers share."""
PARTS = 8
NETWORK_LAYERS = 30
TOLERANCE = 1e-4
AUTO_PAD = {"same": "SAME_UPPER", "same_lower": "SAME_LOWER"}
NOT_BY_AUTO_PAD = ("ceil_mode=true", "pad_mode=", "dilation=")

Array = np.ndarray[Any, Any]
Arrays = Mapping[str, Array]


class Case:
    """A network with weights and inputs at random, and the values that the kernels give for its outputs."""

    def __init__(self, text: str, name: str) -> None:
        self.text = text
        self.network = cnndsl.loads(text)
        random = np.random.default_rng(list(name.encode()))
        self.weights = random_weights(self.network, random)
        self.inputs = random_inputs(self.network, random)
        self.values = self.network.runner(weights=self.weights)(self.inputs)


def random_weights(network: cnndsl.Network, random: np.random.Generator) -> dict[str, Array]:
    """The initial weights; those that begin as zeros or ones are drawn around that."""
    weights = network.weights()
    for key, _, weight in network.graph.all_weights():
        if weight.init == "constant" and weight.literal is None:
            weights[key] += random.uniform(-0.5, 0.5, weight.shape).astype(np.float32)
        if weight.links is not None:
            weights[key] *= link_mask(weight)
    return weights


def random_inputs(network: cnndsl.Network, random: np.random.Generator) -> dict[str, Array]:
    return {
        value.name: random.integers(0, 9, (2, *value.shape.dimensions))
        if value.dtype == "int64"
        else random.standard_normal((2, *value.shape.dimensions)).astype(np.float32)
        for value in network.graph.inputs
    }


def by_onnx_runtime(model: onnx.ModelProto, inputs: Arrays) -> list[Array]:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    results: list[Array] = session.run(None, dict(inputs))
    return results


def assert_close(actual: Array, wanted: Array, what: str, least: float = 1e-6) -> None:
    """Equal shapes, the same infinities, errors within 1e-4 of the largest value, or of ``least``."""
    assert actual.shape == wanted.shape, what
    finite = np.isfinite(wanted)
    np.testing.assert_array_equal(actual[~finite], wanted[~finite], err_msg=what)
    error = np.abs(actual[finite].astype(np.float64) - wanted[finite]).max(initial=0)
    scale = np.abs(wanted[finite]).max(initial=least)
    assert error <= TOLERANCE * scale, f"{what}\noff by {error / scale:.2g} of the largest value"


def assert_onnx_runtime_agrees(case: Case, opset: int, least: float = 1e-6) -> None:
    opset = min(opset, newest_judged())
    averages = (node.op for node in case.network.graph.layers if isinstance(node.op, AvgPool))
    if any(op.ceil_mode and op.count_include_pad for op in averages) and not judges_partial_averages():
        return
    model = case.network.to_onnx(weights=case.weights, opset=opset)
    judged = by_onnx_runtime(model, case.inputs)
    for (name, shape), wanted in zip(case.network.outputs.items(), judged, strict=True):
        what = f"{name} in ONNX Runtime, opset {opset}\n{case.text}"
        assert wanted.shape == (2, *shape.dimensions), what
        assert_close(case.values[name], wanted, what, least)


def assert_pytorch_agrees(case: Case, torch: ModuleType, references: Mapping[str, Any]) -> None:
    """``references`` are functions of an operator, its weights by name and its inputs."""

    def tensor(array: Array) -> Any:
        return torch.from_numpy(array.astype(np.float64) if array.dtype == np.float32 else array)

    (node,) = case.network.graph.layers
    weights = {key.rpartition(".")[2]: tensor(values) for key, values in case.weights.items()}
    wanted = references[node.op.operator](node.op, weights, *(tensor(case.inputs[name]) for name in node.inputs))
    what = f"{node.name} in PyTorch\n{case.text}"
    assert tuple(wanted.shape) == (2, *node.shape.dimensions), what
    assert_close(case.values[node.name], wanted.numpy(), what)


@pytest.mark.parametrize("name", ops.NAMES)
def test_random_layers(name: str, pytorch_layers: ModuleType | None) -> None:
    for index in range(LAYER_CASES * generators.WIDE.get(name, 1)):
        seed = f"{SEED}/{name}/{index}"
        random = Random(seed)
        case = Case(generators.sound_layer(random, name), seed)
        assert_onnx_runtime_agrees(case, random.choice(list(IR_VERSIONS)))
        if pytorch_layers is not None:
            assert_pytorch_agrees(case, pytorch_layers.torch, pytorch_layers.REFERENCES)


@pytest.mark.parametrize("part", range(PARTS))
def test_random_networks(part: int) -> None:
    """A mean of normalised values is 0 up to the rounding of values around 1, hence ``least``."""
    for index in range(NETWORK_CASES):
        seed = f"{SEED}/{part}/{index}"
        random = Random(seed)
        case = Case(generators.network_text(seed, random.randint(2, NETWORK_LAYERS)), seed)
        assert_onnx_runtime_agrees(case, random.choice(list(IR_VERSIONS)), least=0.1)


@pytest.mark.parametrize("operator", ["conv", "depthwise", "maxpool", "avgpool"])
@pytest.mark.parametrize("pad", ["same", "same_lower"])
def test_same_is_what_onnx_runtime_makes_of_it(operator: str, pad: str) -> None:
    """ONNX Runtime works out the padding itself from ``auto_pad``."""
    compared = 0
    for index in range(LAYER_CASES * 30):
        seed = f"{SEED}/{operator} {pad}/{index}"
        text = generators.sound_layer(Random(seed), operator)
        if f"pad={pad} " not in f"{text.rstrip()} " or any(word in text for word in NOT_BY_AUTO_PAD):
            continue
        case = Case(text, seed)
        (node,) = case.network.graph.layers
        (shape,) = case.network.inputs.values()
        if any(axis.kernel < axis.stride for axis in node.op.windows(shape)):  # ONNX Runtime would cut cells away
            continue
        model = case.network.to_onnx(weights=case.weights)
        (window,) = model.graph.node
        padding = next(attribute for attribute in window.attribute if attribute.name == "pads")
        window.attribute.remove(padding)
        window.attribute.append(onnx.helper.make_attribute("auto_pad", AUTO_PAD[pad]))
        (wanted,) = by_onnx_runtime(model, case.inputs)
        assert_close(case.values[node.name], wanted, text)
        compared += 1
    assert compared >= 5


def test_every_operator_is_drawn_and_judged(pytorch_layers: ModuleType | None) -> None:
    assert generators.ARGUMENTS.keys() <= set(ops.NAMES)
    for name in ops.NAMES:
        generators.sound_layer(Random(name), name)
    if pytorch_layers is not None:
        unjudged = set(ops.NAMES) - pytorch_layers.REFERENCES.keys()
        assert not unjudged, f"no reference in tests/pytorch_layers.py: {unjudged}"
        assert pytorch_layers.REFERENCES.keys() <= set(ops.NAMES)
