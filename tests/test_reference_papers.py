"""The zoo against the numbers that papers and courses print, where a recount confirms them."""

import json
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import pytest

import cnndsl

REFERENCE = Path(__file__).parent / "reference"
PAPERS: dict[str, Any] = json.loads((REFERENCE / "papers.json").read_text(encoding="utf-8"))
FIELDS: dict[str, Any] = json.loads((REFERENCE / "receptive_fields.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def zoo(examples: Path) -> Path:
    return examples / "zoo"


def rounded(number: float, places: int) -> Decimal:
    """Rounded to decimal places, halves up, as papers do."""
    return Decimal(str(number)).quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)


def layers_of(network: cnndsl.Network, stage: str) -> list[cnndsl.Layer]:
    """The layers of the outermost block instance of that name, or the one layer."""
    named = [
        place
        for layer in network.layers.values()
        for place in (layer.name, *layer.node.path)
        if place.rpartition(".")[2] == stage
    ]
    wanted = min(named, key=lambda place: place.count("."), default="")
    layers = [layer for layer in network.layers.values() if wanted in (layer.name, *layer.node.path)]
    assert layers, f"{network.name} has no stage {stage}"
    return layers


def dense_macs(network: cnndsl.Network) -> int:
    return sum(layer.macs for layer in network.layers.values() if layer.operator == "dense")


def weights(layer: cnndsl.Layer) -> int:
    """The parameters without the biases, one for each output channel."""
    return layer.params - (layer.shape.channels if layer.attributes.get("bias") else 0)


# --- LeNet-5 ---


@pytest.mark.parametrize("file", ["zoo/lenet.cnn", "lenet5_1998.cnn"])
def test_lenet5_of_1998(examples: Path, file: str) -> None:
    network = cnndsl.load(examples / file, network="LeNet5")
    expected = PAPERS["lenet5"]
    for row in expected["rows"]:
        layer = network.layers[row["layer"]]
        assert (str(layer.shape), layer.params, layer.connections) == (row["out"], row["params"], row["connections"])
    links = network.layers["C3"].attributes["connect"]
    assert [sorted(channels) for channels in links] == expected["c3_table"]
    assert network.params == expected["params"]
    assert network.connections == expected["connections"]


@pytest.mark.parametrize(("file", "name"), [("zoo/lenet.cnn", "LeNet5Modern"), ("lenet.cnn", "lenet")])
def test_the_modern_lenet(examples: Path, file: str, name: str) -> None:
    network = cnndsl.load(examples / file, network=name)
    expected = PAPERS["lenet5"]["modern"]
    assert [layer.params for layer in network.layers.values() if layer.params] == expected["per_layer"]
    assert network.params == expected["params"]


# --- AlexNet ---


def test_alexnet_of_2012(zoo: Path) -> None:
    network = cnndsl.load(zoo / "alexnet.cnn", network="AlexNetTwoTowers")
    expected = PAPERS["alexnet"]
    for row in expected["rows"]:
        layer = network.layers[row["layer"]]
        assert (str(layer.shape), layer.params, layer.macs) == (row["out"], row["params"], row["macs"])
        assert layer.shape.elements == row["neurons"]
    assert network.params == expected["params"]
    assert network.macs == expected["macs"]
    assert rounded(network.macs / 1e7, 0) * 10 == 720  # MobileNet's Table 9 prints 720 M


def test_alexnet_neurons(zoo: Path) -> None:
    """All but the first number of the caption of Figure 2, which is not that of a square map."""
    network = cnndsl.load(zoo / "alexnet.cnn", network="AlexNetTwoTowers")
    learnt = [layer.shape.elements for layer in network.layers.values() if layer.params]
    assert learnt[1:] == PAPERS["alexnet"]["neurons_printed"][1:]


# --- VGG ---


@pytest.mark.parametrize(
    ("column", "name"), [("A", "VGG11"), ("B", "VGG13"), ("C", "VGG16C"), ("D", "VGG16"), ("E", "VGG19")]
)
def test_vgg_table_2(zoo: Path, column: str, name: str) -> None:
    network = cnndsl.load(zoo / "vgg.cnn", network=name)
    expected = PAPERS["vgg"]["columns"][column]
    assert network.params == expected["params"]
    assert f"{rounded(network.params / 1e6, 0)}M" == expected["params_printed"]
    assert network.macs == expected["macs"]
    assert network.macs - dense_macs(network) == expected["macs_conv"]


def test_vgg_as_the_resnet_paper_counts_it(zoo: Path) -> None:
    """Its two numbers follow two conventions: 15.3 is convolutions only, 19.6 includes the dense layers."""
    vgg16, vgg19 = (cnndsl.load(zoo / "vgg.cnn", network=name) for name in ("VGG16", "VGG19"))
    printed = PAPERS["vgg"]["printed_by_resnet"]
    assert f"{rounded((vgg16.macs - dense_macs(vgg16)) / 1e9, 1)}e9" == printed["vgg16"]["printed"]
    assert f"{rounded(vgg19.macs / 1e9, 1)}e9" == printed["vgg19"]["printed"]


def test_vgg16_row_by_row_as_cs231n_prints_it(zoo: Path) -> None:
    network = cnndsl.load(zoo / "vgg.cnn", network="VGG16")
    first, *rows = PAPERS["cs231n_vgg16"]["rows"]
    (shape,) = network.inputs.values()
    assert (str(shape), shape.elements) == (first["out"], first["memory"])
    mine = [
        {"out": str(layer.shape), "memory": layer.shape.elements, "weights": weights(layer)}
        for layer in network.layers.values()
        if layer.operator in ("conv", "maxpool", "dense")
    ]
    assert mine == [{key: row[key] for key in ("out", "memory", "weights")} for row in rows]
    assert sum(row["weights"] for row in mine) == PAPERS["cs231n_vgg16"]["weights"]


@pytest.mark.parametrize("row", PAPERS["cs231n_windows"]["rows"], ids=lambda row: "-".join(map(str, row.values())))
def test_windows_as_cs231n_counts_them(row: dict[str, Any]) -> None:
    text = f"input 1@{row['size']}x{row['size']}; conv 1 {row['kernel']} stride={row['stride']} pad={row['pad']}"
    result = cnndsl.check(text + " fit=exact")
    if row["output"] is None:
        assert [diagnostic.code for diagnostic in result.diagnostics] == ["inexact-fit"]
    else:
        assert result.network is not None
        assert result.network.outputs["conv1"].spatial == (row["output"],) * 2


# --- GoogLeNet ---


def test_googlenet_table_1(zoo: Path) -> None:
    network = cnndsl.load(zoo / "googlenet.cnn", network="GoogLeNet")
    expected = PAPERS["googlenet"]
    for row in expected["rows"]:
        layers = layers_of(network, row["module"][::-1])
        assert sum(map(weights, layers)) == row["weights"], row["module"]
        assert sum(layer.params for layer in layers) == row["weights"] + row["biases"]
        assert sum(layer.macs for layer in layers) == row["macs"]
    assert network.params == expected["params"]
    assert network.macs == expected["macs"]


def test_googlenet_in_units_of_1024(zoo: Path) -> None:
    """The paper's K is 1,024; the numbers that its own widths give are these."""
    network = cnndsl.load(zoo / "googlenet.cnn", network="GoogLeNet")
    printed = PAPERS["googlenet"]["printed_K"]
    before_pool2 = [layer for layer in network.layers.values() if layer.operator == "conv"][1:3]
    conv2 = sum(map(weights, before_pool2))
    assert conv2 == PAPERS["googlenet"]["conv2_weights"] == printed["conv2"] * 1024
    a3 = sum(map(weights, layers_of(network, "a3")))
    assert a3 // 1024 == printed["a3"]


def test_googlenet_receptive_fields(zoo: Path) -> None:
    """One public table multiplies by the stride behind a layer instead of before it; these are right."""
    network = cnndsl.load(zoo / "googlenet.cnn", network="GoogLeNet")
    for row, (size, stride) in FIELDS["googlenet_table_1"]["rows"].items():
        stage = row[::-1] if row[0].isdigit() else row
        last = layers_of(network, stage)[-1]
        assert (last.receptive_field, last.rf_stride) == ((size,) * 2, (stride,) * 2), row


# --- ResNet ---


@pytest.mark.parametrize("row", PAPERS["resnet"]["rows"], ids=lambda row: row["network"])
def test_resnet_table_1(zoo: Path, row: dict[str, Any]) -> None:
    name = row["network"]
    network = cnndsl.load(zoo / ("resnet_v1.cnn" if name.endswith("V1") else "resnet.cnn"), network=name)
    macs = network.macs
    if name == "ResNet34":  # the paper's 34 layers have shortcuts without parameters (option A)
        macs -= sum(
            layer.macs
            for layer in network.layers.values()
            if layer.operator == "conv" and layer.attributes["kernel"] in (1, [1, 1])
        )
    assert macs == row["macs"]
    assert f"{rounded(macs / 1e9, 1)}e9" == row["printed"]


# --- MobileNet ---


def mobilenet(zoo: Path, model: str) -> cnndsl.Network:
    """The network of a row of the paper's tables, such as ``0.75 MobileNet-224``."""
    multiplier, _, resolution = model.partition(" MobileNet-")
    if resolution:
        params = {"alpha": float(multiplier), "resolution": int(resolution)}
        return cnndsl.load(zoo / "mobilenet_v1.cnn", network="MobileNetV1", params=params)
    return cnndsl.load(zoo / "mobilenet_v1.cnn", network=model.replace(" ", ""))


@pytest.mark.parametrize("row", PAPERS["mobilenet_v1"]["rows"], ids=lambda row: row["model"])
def test_mobilenet_tables_4_to_9(zoo: Path, row: dict[str, Any]) -> None:
    network = mobilenet(zoo, row["model"])
    assert rounded(network.macs / 1e6, 3) == rounded(row["mult_adds_M"], 3)
    counted = network.macs - dense_macs(network) if row["without_dense"] else network.macs
    assert rounded(counted / 1e6, 0) == row["mult_adds_printed"]
    assert network.params == row["params"]
    norms = sum(layer.params for layer in network.layers.values() if layer.operator == "batchnorm")
    assert network.params - norms == row["params_no_bn"]
    places = len(row["params_printed"].partition(".")[2])
    assert str(rounded((network.params - norms) / 1e6, places)) == row["params_printed"]


def test_mobilenet_table_2(zoo: Path) -> None:
    """Where the arithmetic and the parameters are, in per cent; the norms and the last bias left out."""
    network = cnndsl.load(zoo / "mobilenet_v1.cnn", network="MobileNetV1")
    groups: dict[str, list[cnndsl.Layer]] = {"pw": [], "dw": [], "conv": [], "fc": []}
    for layer in network.layers.values():
        if layer.operator == "conv":
            groups["pw" if layer.attributes["kernel"] in (1, [1, 1]) else "conv"].append(layer)
        elif layer.operator in ("depthwise", "dense"):
            groups["dw" if layer.operator == "depthwise" else "fc"].append(layer)
    assert [len(layers) for layers in groups.values()] == [13, 13, 1, 1]
    every = [layer for layers in groups.values() for layer in layers]
    for group in ("pw", "dw", "fc"):
        macs = 100 * sum(layer.macs for layer in groups[group]) / network.macs
        params = 100 * sum(map(weights, groups[group])) / sum(map(weights, every))
        assert [float(rounded(macs, 2)), float(rounded(params, 2))] == PAPERS["mobilenet_v1"]["table2"][group]


TABLE_3 = {
    "Convolution 14x14x512, 3x3x512x512": "input 512@14x14; conv 512 3x3 pad=1 bias=false",
    "Depthwise separable": "input 512@14x14; depthwise 3x3 pad=1 bias=false -> conv 512 1x1 bias=false",
    "alpha=0.75": "input 384@14x14; depthwise 3x3 pad=1 bias=false -> conv 384 1x1 bias=false",
    "rho=0.714 (10x10)": "input 384@10x10; depthwise 3x3 pad=1 bias=false -> conv 384 1x1 bias=false",
}


@pytest.mark.parametrize("row", PAPERS["mobilenet_v1"]["table3"], ids=lambda row: row["what"])
def test_mobilenet_table_3(row: dict[str, Any]) -> None:
    network = cnndsl.loads(TABLE_3[row["what"]])
    assert (network.macs, network.params) == (row["mult_adds"], row["params"])
    for number, printed in ((network.macs, row["mult_adds_printed"]), (network.params, row["params_printed"])):
        digits = printed.removesuffix(" M")
        assert str(rounded(number / 1e6, len(digits.partition(".")[2]))) == digits


# --- SqueezeNet ---


def test_squeezenet_table_1(zoo: Path) -> None:
    network = cnndsl.load(zoo / "squeezenet.cnn", network="SqueezeNet1_0")
    expected = PAPERS["squeezenet"]
    for row in expected["rows"]:
        layers = layers_of(network, row["layer"])
        assert sum(layer.params for layer in layers) == row["params"], row["layer"]
    assert network.params == expected["params"] == sum(row["params"] for row in expected["rows"])


@pytest.mark.parametrize(
    ("name", "key"), [("SqueezeNet1_0", "squeezenet1_0_224"), ("SqueezeNet1_1", "squeezenet1_1_224")]
)
def test_squeezenet_multiplications(zoo: Path, name: str, key: str) -> None:
    assert cnndsl.load(zoo / "squeezenet.cnn", network=name).macs == PAPERS["squeezenet"]["macs"][key]
