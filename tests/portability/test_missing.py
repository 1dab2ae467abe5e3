"""What a framework has no operator for: it refuses, or its own list says so."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

import cnndsl
from cnndsl import ops
from tests.portability.frameworks import (
    F,
    by_keras,
    by_onnxruntime,
    by_torch,
    close,
    drawn,
    finding,
    findings,
    keras,
    layers,
    numbers,
    proves,
    torch,
)

BUILT_IN = json.loads((Path(__file__).parent / "tflite_operators.json").read_text(encoding="utf-8"))["operators"]
TFLITE = {"relu": "RELU", "relu6": "RELU6", "leaky_relu": "LEAKY_RELU", "prelu": "PRELU", "elu": "ELU", "gelu": "GELU",
          "hardswish": "HARD_SWISH", "sigmoid": "LOGISTIC", "tanh": "TANH", "softmax": "SOFTMAX",
          "log_softmax": "LOG_SOFTMAX", "selu": "SELU", "celu": "CELU", "mish": "MISH", "softplus": "SOFTPLUS",
          "softsign": "SOFTSIGN", "silu": "SILU", "hardsigmoid": "HARD_SIGMOID"}  # fmt: skip
"""Activations by what TensorFlow Lite calls or would call them."""


@proves("tflite-activations")
@pytest.mark.parametrize("name", TFLITE)
def test_activations_of_tensorflow_lite(name: str) -> None:
    assert ops.family(name) == "activation"
    said = findings(f"input 8@4x4\n{name}", "tflite")
    assert said == (
        [] if TFLITE[name] in BUILT_IN else [f"TensorFlow Lite has no operator for {name}; `{name}1`: 1 of 1 layer"]
    )


@proves("tflite-norms", "tflite-volumes", "tflite-cubic", "tflite-norm-pools")
@pytest.mark.parametrize(
    ("text", "other", "needed"),
    [
        ("input 8@4x4\nlayernorm", "input 8@4x4\nlrn 5", {"LAYER_NORM", "LAYER_NORMALIZATION"}),
        ("input 8@4x4\ngroupnorm 2", "input 8@4x4\nbatchnorm", {"GROUP_NORM", "GROUP_NORMALIZATION"}),
        ("input 8@4x4\ninstancenorm", "input 8@4x4\nbatchnorm", {"INSTANCE_NORM", "INSTANCE_NORMALIZATION"}),
        ("input 8@4x4x4\nmaxpool 2", "input 8@4x4\nmaxpool 2", {"MAX_POOL_3D"}),
        ("input 8@4x4x4\navgpool 2", "input 8@4x4x4\nconv 4 2 stride=2", {"AVERAGE_POOL_3D"}),
        ("input 8@4x4\nupsample 2 mode=cubic", "input 8@4x4\nupsample 2 mode=linear", {"RESIZE_BICUBIC"}),
        ("input 8@4x4\nlppool 2 p=3", "input 8@4x4\nlppool 2", {"LP_POOL_2D"}),
    ],
)
def test_what_tensorflow_lite_does_not_list(text: str, other: str, needed: set[str]) -> None:
    assert not needed & set(BUILT_IN)
    assert {"LOCAL_RESPONSE_NORMALIZATION", "MAX_POOL_2D", "CONV_3D", "RESIZE_BILINEAR", "L2_POOL_2D"} <= set(BUILT_IN)
    assert " has no" in finding(text, "tflite") or "for p=2 and images only" in finding(text, "tflite")
    assert findings(other, "tflite") == []


@proves("connections-table")
def test_tables_of_connections() -> None:
    text = "input 3@6x6\nconv 2 3x3 bias=false connect=[[0, 1], [1, 2]]"
    layer = layers.Conv2D(2, 3, use_bias=False)
    by_keras(layer, drawn(1, 3, 6, 6))
    full = {"keras": layer.count_params(), "torch": torch.nn.Conv2d(3, 2, 3, bias=False).weight.numel()}
    own = int((cnndsl.loads(text).weights()["conv1.weight"] != 0).sum())
    for target in ("torch", "keras", "onnx", "tflite"):
        assert numbers(finding(text, target)) == [full.get(target, full["torch"]), own]
        assert findings("input 3@6x6\nconv 2 3x3 bias=false", target) == []


@proves("adaptive-pools")
@pytest.mark.parametrize(("size", "cells"), [(7, 3), (6, 3), (6, 4), (6, 1)])
def test_adaptive_pools(size: int, cells: int) -> None:
    x = drawn(1, 2, size, size)
    here = by_torch(F.adaptive_avg_pool2d, x, output_size=cells)
    assert close(by_keras(layers.AdaptiveAveragePooling2D((cells, cells)), x), here)
    schemas = {schema.name for schema in onnx.defs.get_all_schemas()}
    assert not [name for name in schemas if "Adaptive" in name] and "AveragePool" in schemas
    common = [
        by_onnxruntime("AveragePool", x, kernel_shape=[kernel] * 2, strides=[stride] * 2)
        for kernel in range(1, size + 1)
        for stride in range(1, size + 1)
    ]
    text = f"input 2@{size}x{size}\nadaptive_avgpool {cells}"
    assert findings(text, "keras") == [] == findings(text, "torch")
    if any(close(here, there) for there in common):
        assert findings(text, "onnx") == []
    else:
        assert numbers(finding(text, "onnx").replace("x", " ")) == [size, size, cells, cells]


@proves("onnx-opset")
@pytest.mark.parametrize(
    ("text", "operator", "arrays"),
    [
        ("gelu", "Gelu", ()),
        ("mish", "Mish", ()),
        ("hardswish", "HardSwish", ()),
        ("layernorm axes=channel", "LayerNormalization", ((4,),)),
    ],
)
def test_operators_that_onnx_has_lately(text: str, operator: str, arrays: tuple[Any, ...]) -> None:
    given = [drawn(2, 4), *(drawn(*shape) for shape in arrays)]
    (message,) = (message for message in findings(f"input 4\n{text}", "onnx") if "opset" in message)
    opset = int(numbers(message)[0])
    assert by_onnxruntime(operator, *given, opset=opset).shape == (2, 4)
    assert onnx.defs.get_schema(operator, opset).since_version == opset
    with pytest.raises(onnx.defs.SchemaError, match="No schema registered"):
        onnx.defs.get_schema(operator, opset - 1)
    assert findings("input 4\nelu", "onnx") == []


def test_group_normalisation_has_a_scale_for_each_channel_since_opset_21() -> None:
    x, scale, shift = drawn(1, 4, 3, 3), drawn(4), drawn(4)
    (message,) = (one for one in findings("input 4@3x3\ngroupnorm 2", "onnx") if "opset" in one)
    opset = int(numbers(message)[0])
    here = by_torch(lambda *arrays: F.group_norm(arrays[0], 2, *arrays[1:]), x, scale, shift)
    assert close(by_onnxruntime("GroupNormalization", x, scale, shift, num_groups=2, opset=opset), here, 1e-4)
    assert onnx.defs.get_schema("GroupNormalization", opset).since_version == opset
    per_group = onnx.defs.get_schema("GroupNormalization", opset - 1).inputs[1]
    assert "(num_groups)" in per_group.description


@proves("depthwise-volumes")
def test_depthwise_convolutions_of_volumes_in_keras() -> None:
    assert hasattr(layers, "DepthwiseConv2D") and not hasattr(layers, "DepthwiseConv3D")
    assert finding("input 3@4x4x4\ndepthwise 3", "keras").startswith("Keras has no depthwise convolution for 3 axes;")
    assert findings("input 3@4x4\ndepthwise 3", "keras") == []
    x, weight = drawn(1, 3, 4, 4, 4), drawn(3, 1, 3, 3, 3)
    grouped = by_keras(layers.Conv3D(3, 3, groups=3, use_bias=False), x, np.moveaxis(weight, (0, 1), (-1, -2)))
    assert close(grouped, by_torch(F.conv3d, x, weight, groups=3), 1e-4)


@proves("keras-missing", "torch-missing")
@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("input 8@4x4\nlrn 5", ("LocalResponse", "LRN")),
        ("input 8@4x4\nlppool 2", ("LPPool", "LpPool", "NormPool")),
        ("input 8@4x4\nglobal_lppool", ("GlobalLP", "GlobalLp", "GlobalNorm")),
        ("input 8@4x4\nsubsample 2", ("Subsampl",)),
        ("input 8\nrbf 4", ("RBF", "Rbf", "RadialBasis")),
        ("input 8@4x4\ninstancenorm eps=1e-3", ("InstanceNorm",)),
        ("input 8@4x4\nchannel_shuffle 2", ("ChannelShuffle",)),
        ("input 8\nlayernorm eps=1e-3", ("LayerNorm",)),
    ],
)
@pytest.mark.parametrize(("target", "module"), [("keras", keras.layers), ("torch", torch.nn)])
def test_layers_that_there_are_not(text: str, words: tuple[str, ...], target: str, module: Any) -> None:
    there = [name for name in dir(module) if any(word in name for word in words)]
    found = [message for message in findings(text, target) if "has no operator" in message]
    assert bool(found) == (not there)


def test_instance_normalisation_is_group_normalisation_in_keras() -> None:
    x = drawn(1, 4, 3, 3)
    there = by_keras(layers.GroupNormalization(groups=-1, epsilon=1e-5), x)
    assert close(there, by_torch(F.instance_norm, x), 1e-4)
