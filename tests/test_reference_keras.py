"""The zoo against Keras: trainable and non-trainable parameters of every layer, and receptive fields."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import cnndsl

ZOO = {
    "VGG16": ("vgg.cnn", "VGG16"),
    "VGG19": ("vgg.cnn", "VGG19"),
    "ResNet50": ("resnet_v1.cnn", "ResNet50V1"),
    "ResNet101": ("resnet_v1.cnn", "ResNet101V1"),
    "ResNet152": ("resnet_v1.cnn", "ResNet152V1"),
    "MobileNet": ("mobilenet_v1.cnn", "MobileNetV1"),
    "MobileNetV2": ("mobilenet_v2.cnn", "MobileNetV2"),
    "DenseNet121": ("densenet.cnn", "DenseNet121"),
    "Xception": ("xception.cnn", "Xception"),
}

# What is compared, under one name on both sides: Keras writes MobileNet's classifier as a 1x1 convolution on a 1x1 map,
# which is the same layer as a dense one. VGG's adaptive pool (the identity at 224x224) is torchvision's.
KINDS = {
    "conv": "linear",
    "depthwise": "linear",
    "dense": "linear",
    "batchnorm": "norm",
    "maxpool": "maxpool",
    "avgpool": "avgpool",
    "global_avgpool": "global_avgpool",
}
KERAS_KINDS = {
    "Conv2D": "linear",
    "DepthwiseConv2D": "linear",
    "Dense": "linear",
    "BatchNormalization": "norm",
    "MaxPooling2D": "maxpool",
    "AveragePooling2D": "avgpool",
    "GlobalAveragePooling2D": "global_avgpool",
}


def reference(name: str) -> Any:
    return json.loads((Path(__file__).parent / "reference" / name).read_text(encoding="utf-8"))


LAYERS = reference("keras_layers.json")["models"]
FIELDS = reference("receptive_fields.json")["keras"]["models"]
ARAUJO = reference("receptive_fields.json")["araujo"]["models"]


def load(zoo: Path, model: str, **params: object) -> cnndsl.Network:
    file, network = ZOO[model]
    return cnndsl.load(zoo / file, network=network, params=params)


def last_map(network: cnndsl.Network) -> cnndsl.Layer:
    """The map that is pooled globally."""
    layers = network.layers
    pool = next(layer for layer in layers.values() if layer.operator in ("adaptive_avgpool", "global_avgpool"))
    return layers[pool.inputs[0]]


@pytest.fixture(scope="module")
def zoo(examples: Path) -> Path:
    return examples / "zoo"


@pytest.mark.parametrize("model", LAYERS)
def test_totals(zoo: Path, model: str) -> None:
    network, expected = load(zoo, model), LAYERS[model]
    assert network.params == expected["trainable"]
    assert network.buffers == expected["non_trainable"]
    assert network.params + network.buffers == expected["total"]  # what Keras prints as its total
    assert network.macs == expected["macs"]


@pytest.mark.parametrize("model", LAYERS)
def test_layers(zoo: Path, model: str) -> None:
    """The same layers, as often; Keras lists parallel branches in another order."""
    mine = Counter(
        (KINDS[layer.operator], str(layer.shape).removesuffix("@1x1"), layer.params, layer.buffers)
        for layer in load(zoo, model).layers.values()
        if layer.operator in KINDS
    )
    theirs = Counter(
        (KERAS_KINDS[kind], shape.removesuffix("@1x1"), trainable, non_trainable)
        for kind, shape, trainable, non_trainable in LAYERS[model]["rows"]
    )
    assert mine == theirs
    assert sum(row[2] * times for row, times in theirs.items()) == LAYERS[model]["trainable"]


@pytest.mark.parametrize("model", FIELDS)
def test_receptive_fields(zoo: Path, model: str) -> None:
    layer = last_map(load(zoo, model))
    assert layer.receptive_field == (FIELDS[model]["rf"],) * 2
    assert layer.rf_stride == (FIELDS[model]["stride"],) * 2


@pytest.mark.parametrize(
    ("row", "model", "alpha"),
    [
        ("vgg_16", "VGG16", None),
        ("mobilenet_v1", "MobileNet", 1),
        ("mobilenet_v1_075", "MobileNet", 0.75),
        ("resnet_v1_50", "ResNet50", None),
        ("resnet_v1_101", "ResNet101", None),
        ("resnet_v1_152", "ResNet152", None),
    ],
)
def test_the_table_of_araujo_norris_and_sim(zoo: Path, row: str, model: str, alpha: float | None) -> None:
    expected = ARAUJO[row]
    layer = last_map(load(zoo, model, **({"alpha": alpha} if alpha else {})))
    assert layer.receptive_field == (expected["rf"],) * 2
    assert layer.rf_stride == (expected["stride"],) * 2
    # The ResNets there pad by TensorFlow's SAME, unevenly at 224x224; the zoo pads all sides alike, as the paper does.
    if not row.startswith("resnet"):
        assert layer.rf_start == (-expected["padding"],) * 2
