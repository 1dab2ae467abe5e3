"""The zoo against torchvision: totals, every row of its traced graphs, and receptive fields, to the digit."""

import json
from pathlib import Path
from typing import Any

import pytest

import cnndsl

ZOO = {
    "alexnet": ("alexnet.cnn", "AlexNet"),
    "vgg11": ("vgg.cnn", "VGG11"),
    "vgg13": ("vgg.cnn", "VGG13"),
    "vgg16": ("vgg.cnn", "VGG16"),
    "vgg19": ("vgg.cnn", "VGG19"),
    "vgg11_bn": ("vgg.cnn", "VGG11"),
    "vgg16_bn": ("vgg.cnn", "VGG16"),
    "vgg19_bn": ("vgg.cnn", "VGG19"),
    "squeezenet1_0": ("squeezenet.cnn", "SqueezeNet1_0"),
    "squeezenet1_1": ("squeezenet.cnn", "SqueezeNet1_1"),
    "googlenet": ("googlenet.cnn", "GoogLeNetBN"),
    "resnet18": ("resnet.cnn", "ResNet18"),
    "resnet34": ("resnet.cnn", "ResNet34"),
    "resnet50": ("resnet.cnn", "ResNet50"),
    "resnet101": ("resnet.cnn", "ResNet101"),
    "resnext50_32x4d": ("resnext.cnn", "ResNeXt50_32x4d"),
    "wide_resnet50_2": ("wide_resnet.cnn", "WideResNet50_2"),
    "densenet121": ("densenet.cnn", "DenseNet121"),
    "densenet161": ("densenet.cnn", "DenseNet161"),
    "mobilenet_v2": ("mobilenet_v2.cnn", "MobileNetV2"),
    "shufflenet_v2_x1_0": ("shufflenet_v2.cnn", "ShuffleNetV2"),
    **{f"efficientnet_b{b}": ("efficientnet.cnn", "EfficientNet") for b in range(8)},
    "mobilenet_v3_small": ("mobilenet_v3.cnn", "MobileNetV3Small"),
    "mobilenet_v3_large": ("mobilenet_v3.cnn", "MobileNetV3Large"),
    "convnext_tiny": ("convnext.cnn", "ConvNeXt"),
    "convnext_small": ("convnext.cnn", "ConvNeXt"),
    "convnext_base": ("convnext.cnn", "ConvNeXt"),
    "inception_v3": ("inception_v3.cnn", "InceptionV3"),
    "mnasnet0_5": ("mnasnet.cnn", "MnasNet"),
    "mnasnet1_0": ("mnasnet.cnn", "MnasNet"),
    "regnet_x_3_2gf": ("regnet.cnn", "RegNetX"),
    "regnet_y_400mf": ("regnet.cnn", "RegNetY"),
    "regnet_y_3_2gf": ("regnet.cnn", "RegNetY"),
}

SETTINGS: dict[str, dict[str, object]] = {
    **{model: {"batch_norm": model.endswith("_bn")} for model in ZOO if model.startswith("vgg")},
    **{f"efficientnet_b{b}": {"b": b} for b in range(8)},
    "convnext_small": {"size": "S"},
    "convnext_base": {"size": "B"},
    "mnasnet0_5": {"alpha": 0.5},
    "regnet_x_3_2gf": {"gflops": 3.2},
    "regnet_y_3_2gf": {"gflops": 3.2},
}

COUNTERPARTS = {
    "placeholder": {"input"},
    "Conv2d": {"conv", "depthwise"},
    "Linear": {"dense"},
    "BatchNorm2d": {"batchnorm"},
    "MaxPool2d": {"maxpool"},
    "AvgPool2d": {"avgpool"},
    "AdaptiveAvgPool2d": {"adaptive_avgpool", "global_avgpool"},
    "adaptive_avg_pool2d": {"global_avgpool"},
    "ReLU": {"relu"},
    "relu": {"relu"},
    "ReLU6": {"relu6"},
    "Dropout": {"dropout"},
    "flatten": {"flatten"},
    "add": {"add"},
    "cat": {"concat"},
    "cat of one": {"identity"},
}
"""What each row of the reference is here; names in small letters are functions, which have no module in torchvision.

A cat of one tensor opens each block of DenseNet: there `identity` stands for it. All other identities are shortcuts,
which are edges in torchvision's graph and have no row.
"""


def reference(name: str) -> Any:
    return json.loads((Path(__file__).parent / "reference" / name).read_text(encoding="utf-8"))


TOTALS = reference("torchvision_totals.json")["models"]
LAYERS = reference("torchvision_layers.json")["models"]
FIELDS = reference("receptive_fields.json")["torchvision"]["models"]


def load(zoo: Path, model: str) -> cnndsl.Network:
    file, network = ZOO[model]
    return cnndsl.load(zoo / file, network=network, params=SETTINGS.get(model, {}))


@pytest.fixture(scope="module")
def zoo(examples: Path) -> Path:
    return examples / "zoo"


def test_every_model_of_the_reference_is_in_the_zoo() -> None:
    assert set(TOTALS) == set(ZOO)
    assert len(LAYERS) == 8 and set(LAYERS) <= set(ZOO)
    assert len(FIELDS) == 15 and set(FIELDS) <= set(ZOO)


@pytest.mark.parametrize("model", ZOO)
def test_totals(zoo: Path, model: str) -> None:
    network, expected = load(zoo, model), TOTALS[model]
    norms = sum(layer.operator == "batchnorm" for layer in network.layers.values())
    assert network.params == expected["params"]
    assert network.macs == expected["macs"]
    assert network.buffers + norms == expected["buffers"]  # PyTorch also keeps num_batches_tracked, one a norm
    assert [str(shape) for shape in network.outputs.values()] == [expected["output"]]


@pytest.mark.parametrize("model", LAYERS)
def test_layer_by_layer(zoo: Path, model: str) -> None:
    """Every row of the reference has a counterpart, in the same order, of the same shape and the same costs."""
    network, expected = load(zoo, model), LAYERS[model]
    rows = [[kind, shape, *(costs or (0, 0))] for kind, shape, *costs in expected["rows"]]
    mine: list[list[object]] = [["input", str(value.shape), 0, 0] for value in network.graph.inputs]
    for layer in network.layers.values():
        if layer.operator != "identity" or rows[len(mine)][0] == "cat of one":
            mine.append([layer.operator, str(layer.shape), layer.params, layer.macs])
    assert [row[1:] for row in mine] == [row[1:] for row in rows]
    kinds = [(row[0], ours[0]) for row, ours in zip(rows, mine, strict=True)]
    assert [(theirs, ours) for theirs, ours in kinds if ours not in COUNTERPARTS[theirs]] == []
    for column, total in ((2, "params"), (3, "macs")):
        assert sum(row[column] for row in rows) == expected[total] == getattr(network, total)


@pytest.mark.parametrize("model", FIELDS)
def test_receptive_field_of_the_last_map(zoo: Path, model: str) -> None:
    layers = load(zoo, model).layers
    pool = next(layer for layer in layers.values() if layer.operator in ("adaptive_avgpool", "global_avgpool"))
    last = layers[pool.inputs[0]]
    expected = FIELDS[model]
    assert last.receptive_field == (expected["rf"],) * 2
    assert last.rf_stride == (expected["stride"],) * 2
    assert last.rf_start == (-expected["padding"],) * 2
