"""The zoo: every network loads in every variant, and its size is what a recount by hand gives."""

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

import cnndsl
from cnndsl.cli import main

NAMES = sorted(path.name for path in (Path(__file__).resolve().parent.parent / "examples" / "zoo").glob("*.cnn"))

NETWORKS = {
    "alexnet.cnn": ["AlexNetTwoTowers", "AlexNet"],
    "c3d.cnn": ["C3D"],
    "convnext.cnn": ["ConvNeXt"],
    "convnext_v2.cnn": ["ConvNeXtV2"],
    "dcgan.cnn": ["Generator", "Discriminator"],
    "deeplab_v3.cnn": ["ASPPHead", "DeepLabV3"],
    "densenet.cnn": ["DenseNet121", "DenseNet161"],
    "ecg.cnn": ["ECG"],
    "efficientnet.cnn": ["EfficientNet"],
    "espcn.cnn": ["ESPCN"],
    "fpn.cnn": ["FPN"],
    "ghostnet.cnn": ["GhostNet"],
    "googlenet.cnn": ["GoogLeNet", "GoogLeNetBN"],
    "hrnet.cnn": ["HRNetW18Small"],
    "inception_v3.cnn": ["InceptionV3"],
    "lenet.cnn": ["LeNet5", "LeNet5Modern"],
    "mnasnet.cnn": ["MnasNet"],
    "mobilenet_v1.cnn": ["MobileNetV1", "ConvMobileNet", "ShallowMobileNet"],
    "mobilenet_v2.cnn": ["MobileNetV2"],
    "mobilenet_v3.cnn": ["MobileNetV3Large", "MobileNetV3Small"],
    "nin.cnn": ["NIN"],
    "regnet.cnn": ["RegNetX", "RegNetY"],
    "repvgg.cnn": ["RepVGGTrained", "RepVGG"],
    "resnet.cnn": ["ResNet18", "ResNet34", "ResNet50", "ResNet101", "ResNet152"],
    "resnet_v1.cnn": ["ResNet50V1", "ResNet101V1", "ResNet152V1"],
    "resnext.cnn": ["ResNeXt50_32x4d"],
    "se_resnet.cnn": ["SEResNet50"],
    "shufflenet_v2.cnn": ["ShuffleNetV2"],
    "siamese.cnn": ["Siamese"],
    "squeezenet.cnn": ["SqueezeNet1_0", "SqueezeNet1_1"],
    "textcnn.cnn": ["TextCNN"],
    "unet.cnn": ["UNet"],
    "vgg.cnn": ["VGG11", "VGG13", "VGG16C", "VGG16", "VGG19"],
    "wavenet.cnn": ["WaveNet"],
    "wide_resnet.cnn": ["WideResNet50_2"],
    "xception.cnn": ["Xception"],
    "yolo_v3.cnn": ["Darknet53", "YOLOv3"],
    "yolo_v4.cnn": ["YOLOv4"],
    "zfnet.cnn": ["ZFNet"],
}

OTHER_SIZES = {
    "c3d.cnn": "3@32x128x96",
    "ASPPHead": "2048@40x32",
    "Generator": "100@2x3",
    "dcgan.cnn": "3@128x96",
    "ecg.cnn": "1@300",
    "espcn.cnn": "1@120x90",
    "lenet.cnn": "1@36x40",
    "siamese.cnn": "1@120x90",
    "textcnn.cnn": "40",
    "unet.cnn": "1@604x700",
    "wavenet.cnn": "1@8000",
}
"""Sizes that a network, or a file, is tried with; all others with images of 320x256."""

UNREAD = {"squeezenet.cnn": 2}
"""Files with `unread-pixels` warnings, and how many; their comments say why."""


@pytest.fixture(scope="module")
def zoo(examples: Path) -> Path:
    return examples / "zoo"


@pytest.mark.parametrize("name", NAMES)
def test_the_zoo_is_sound(zoo: Path, name: str) -> None:
    result = cnndsl.check_file(zoo / name)
    assert [network.name for network in result.networks] == NETWORKS[name]
    assert [diagnostic.code for diagnostic in result.diagnostics] == ["unread-pixels"] * UNREAD.get(name, 0)


@pytest.mark.parametrize("name", NAMES)
def test_a_file_fits_beside_its_paper(zoo: Path, name: str) -> None:
    text = (zoo / name).read_text(encoding="utf-8")
    lines = text.splitlines()
    comment = " ".join(line for line in lines[:8] if line.startswith("#"))
    assert len(lines) <= 120 and max(map(len, lines)) <= 120
    assert re.search(r"\b(19|20)\d\d\b", comment), "the comment names the paper's year"
    assert "expect " in text
    assert ("`unread-pixels`" in text) == (name in UNREAD)


@pytest.mark.parametrize(
    ("name", "params"),
    [(name, {"classes": 7}) for name in NAMES if name not in ("dcgan.cnn", "deeplab_v3.cnn", "ecg.cnn", "espcn.cnn",
                                                               "fpn.cnn", "siamese.cnn", "wavenet.cnn",
                                                               "yolo_v4.cnn")]
    + [
        ("vgg.cnn", {"batch_norm": True}),
        ("vgg.cnn", {"batch_norm": True, "classes": 7}),
        ("mobilenet_v1.cnn", {"alpha": 0.25, "resolution": 128}),
        ("mobilenet_v2.cnn", {"alpha": 0.35}),
        ("mobilenet_v2.cnn", {"alpha": 1.4}),
        ("mobilenet_v3.cnn", {"alpha": 0.75}),
        *(("shufflenet_v2.cnn", {"alpha": alpha}) for alpha in (0.5, 1.5, 2)),
        ("efficientnet.cnn", {"b": 2, "classes": 7}),
        *(("convnext_v2.cnn", {"size": size}) for size in range(1, 6)),
        ("regnet.cnn", {"gflops": 3.2}),
        ("dcgan.cnn", {"width": 128}),
        ("deeplab_v3.cnn", {"labels": 150}),
        ("espcn.cnn", {"factor": 4}),
        ("textcnn.cnn", {"vocabulary": 1_000, "classes": 6}),
        ("wavenet.cnn", {"channels": 64}),
        ("yolo_v3.cnn", {"objects": 20}),
        ("yolo_v4.cnn", {"objects": 20}),
    ],
)  # fmt: skip
def test_settings_from_outside(zoo: Path, name: str, params: dict[str, object]) -> None:
    """No promise of the file is broken by what it offers to set."""
    result = cnndsl.check_file(zoo / name, params=params)
    assert result.ok, result.diagnostics
    assert len(result.networks) == len(NETWORKS[name])


@pytest.mark.parametrize(
    "name",
    ["alexnet.cnn:AlexNet", "vgg.cnn:VGG16", "googlenet.cnn:GoogLeNetBN", "squeezenet.cnn:SqueezeNet1_1",
     "resnet.cnn:ResNet50", "resnet_v1.cnn:ResNet50V1", "resnext.cnn:ResNeXt50_32x4d", "se_resnet.cnn:SEResNet50",
     "densenet.cnn:DenseNet121", "mobilenet_v1.cnn:MobileNetV1", "mobilenet_v2.cnn:MobileNetV2",
     "mobilenet_v3.cnn:MobileNetV3Small", "efficientnet.cnn:EfficientNet",
     "shufflenet_v2.cnn:ShuffleNetV2", "xception.cnn:Xception", "fpn.cnn:FPN", "deeplab_v3.cnn:DeepLabV3"],
)  # fmt: skip
def test_another_size_of_image(zoo: Path, name: str) -> None:
    """Networks that pool before they classify take other images; their parameters stay."""
    file, _, network = name.partition(":")
    usual = cnndsl.load(zoo / file, network=network)
    larger = cnndsl.load(zoo / file, network=network, inputs={None: cnndsl.Shape(3, (320, 256))})
    assert larger.params == usual.params
    assert larger.macs != usual.macs


@pytest.mark.parametrize(
    ("file", "network"), [(file, network) for file, networks in NETWORKS.items() for network in networks]
)
def test_other_inputs_and_options(zoo: Path, capsys: pytest.CaptureFixture[str], file: str, network: str) -> None:
    """No promise of a network is broken by another size of its input, or by one channel more (a word, in TextCNN)."""
    usual = cnndsl.load(zoo / file, network=network).graph.inputs[0].shape
    size = OTHER_SIZES.get(network, OTHER_SIZES.get(file, "3@320x256"))
    more = str(cnndsl.Shape(usual.channels + 1, usual.spatial))
    assert size != str(usual)
    for shape in (size, more):
        options = ["--network", network, "--input", shape, "--batch", "3", "--depth", "1"]
        status = main(["check", str(zoo / file), *options])
        said = capsys.readouterr()
        assert (status, "error" in said.err) == (0, False), said.err
        title, *_, memory = said.out.splitlines()
        assert title.startswith(f"{network}: ") and shape in title and "(batch of 3)" in memory


@pytest.mark.parametrize("file", NAMES)
def test_another_input_for_all_networks_of_a_file(zoo: Path, capsys: pytest.CaptureFixture[str], file: str) -> None:
    assert main(["check", str(zoo / file), "--input", OTHER_SIZES.get(file, "3@320x256")]) == 0
    titles = [line.partition(":")[0] for line in capsys.readouterr().out.splitlines()]
    assert [title for title in titles if title in NETWORKS[file]] == NETWORKS[file]


def test_other_classes_change_the_last_layer_only(zoo: Path) -> None:
    for file, network, features, total in [
        ("vgg.cnn", "VGG16", 4_096, 138_357_544),
        ("resnet.cnn", "ResNet18", 512, 11_689_512),
        ("densenet.cnn", "DenseNet161", 2_208, 28_681_000),
    ]:
        assert cnndsl.load(zoo / file, network=network, classes=100).params == total - 900 * (features + 1)


def test_vgg13_with_batch_norm(zoo: Path) -> None:
    """A norm has two parameters for each of its conv's filters."""
    filters = 2 * (64 + 128 + 256 + 512 + 512)
    network = cnndsl.load(zoo / "vgg.cnn", network="VGG13", batch_norm=True)
    assert network.params == 133_047_848 + 2 * filters
    assert network.buffers == 2 * filters


# Recounts: a layer is written (inputs of a unit, units); each has inputs * units weights and units biases.
def dense(layers: Sequence[tuple[int, int]]) -> int:
    return sum((inputs + 1) * units for inputs, units in layers)


def repvgg_inputs() -> list[tuple[int, int]]:
    """The channels that a block of RepVGG-A0 reads and makes; the first of each stage has another width or a stride."""
    widths = [3, 48, *[48] * 2, *[96] * 4, *[192] * 14, 1280]
    return [*pairwise(widths)]


def convnext_v2_atto() -> int:
    """Between stages a norm and a 2x2 layer; in a block a 7x7 layer, a norm, 1x1 layers and a norm of the wide maps."""
    widths = [40, 80, 160, 320]
    norms = [40, *widths[:3], 320]
    layers = [(16 * 3, 40), *((4 * before, w) for before, w in pairwise(widths)), (320, 1000)]
    for w, depth in zip(widths, [2, 2, 6, 2], strict=True):
        layers += [(49, w), (w, 4 * w), (4 * w, w)] * depth
        norms += [w, 4 * w] * depth
    return dense(layers) + 2 * sum(norms)


def unet_layers() -> list[tuple[int, int]]:
    widths = [64, 128, 256, 512, 1024]
    layers = [layer for before, w in zip([1, *widths], widths, strict=False) for layer in ((9 * before, w), (9 * w, w))]
    layers += [layer for w in widths[:-1] for layer in ((9 * 2 * w, w), (9 * w, w), (4 * 2 * w, w))]
    return [*layers, (64, 2)]


RECOUNTS = {
    # kernel area * channels in, filters; the last layers are dense
    "zfnet.cnn:ZFNet": dense(
        [
            (49 * 3, 96),
            (25 * 96, 256),
            (9 * 256, 384),
            (9 * 384, 384),
            (9 * 384, 256),
            (36 * 256, 4096),
            (4096, 4096),
            (4096, 1000),
        ]
    ),
    "nin.cnn:NIN": dense(
        [
            (25 * 3, 192),
            (192, 160),
            (160, 96),
            (25 * 96, 192),
            (192, 192),
            (192, 192),
            (9 * 192, 192),
            (192, 192),
            (192, 10),
        ]
    ),
    "unet.cnn:UNet": dense(unet_layers()),
    "espcn.cnn:ESPCN": dense([(25, 64), (9 * 64, 32), (9 * 32, 9)]),
    "c3d.cnn:C3D": dense(
        [(27 * 3, 64), (27 * 64, 128), (27 * 128, 256), (27 * 256, 256), (27 * 256, 512)]
        + [(27 * 512, 512)] * 3
        + [(8192, 4096), (4096, 4096), (4096, 487)]
    ),
    "textcnn.cnn:TextCNN": 18_765 * 300 + dense([(300 * width, 100) for width in (3, 4, 5)] + [(300, 2)]),
    "ecg.cnn:ECG": dense([(3, 5), (4 * 5, 10), (4 * 10, 20), (600, 30), (30, 20), (20, 5)]),
    "siamese.cnn:Siamese": dense(
        [(100, 64), (49 * 64, 128), (16 * 128, 128), (16 * 128, 256), (9216, 4096), (4096, 1)]
    ),
    "wavenet.cnn:WaveNet": dense([(1, 32), *[(64, 32), (64, 32), (32, 32)] * 10, (32, 256), (256, 256)]),
    # no biases; a norm has two parameters a filter
    "dcgan.cnn:Generator": 16 * (100 * 512 + 512 * 256 + 256 * 128 + 128 * 64 + 64 * 3) + 2 * (512 + 256 + 128 + 64),
    "dcgan.cnn:Discriminator": 16 * (3 * 64 + 64 * 128 + 128 * 256 + 256 * 512 + 512) + 2 * (128 + 256 + 512),
    # ResNet-50, torchvision's 25,557,032, and what is added: per block C²/8 weights and C/16 + C biases
    "se_resnet.cnn:SEResNet50": 25_557_032
    + sum(blocks * (c * c // 8 + c // 16 + c) for c, blocks in [(256, 3), (512, 4), (1024, 6), (2048, 3)]),
    # ResNet-50 without its classifier, four lateral 1x1 layers, four 3x3 layers
    "fpn.cnn:FPN": 25_557_032
    - dense([(2048, 1000)])
    + dense([(256, 256), (512, 256), (1024, 256), (2048, 256)] + [(9 * 256, 256)] * 4),
    # torchvision's deeplabv3_resnet50 has 42,004,074; the auxiliary head (1024 to 256 by 3x3, norm, to 21) is left out
    "deeplab_v3.cnn:DeepLabV3": 42_004_074 - (9 * 1024 * 256 + 512) - dense([(256, 21)]),
    # a bias for each filter, or two numbers for each of two or three norms and no bias
    "repvgg.cnn:RepVGG": dense([(9 * c, w) for c, w in repvgg_inputs()] + [(1280, 1000)]),
    "repvgg.cnn:RepVGGTrained": sum(10 * c * w + 4 * w for c, w in repvgg_inputs())
    + 2 * (1 * 48 + 3 * 96 + 13 * 192)
    + dense([(1280, 1000)]),
    "convnext_v2.cnn:ConvNeXtV2": convnext_v2_atto(),
    # Chollet 2016, Table 3
    "xception.cnn:Xception": 22_855_952,
}


@pytest.mark.parametrize(("name", "params"), RECOUNTS.items(), ids=RECOUNTS)
def test_recounts(zoo: Path, name: str, params: int) -> None:
    file, _, network = name.partition(":")
    assert cnndsl.load(zoo / file, network=network).params == params


@pytest.mark.parametrize("exponents", [1, 5, 10])
def test_wavenet_sees_one_more_than_the_sum_of_its_dilations(zoo: Path, exponents: int) -> None:
    layers = [
        layer
        for layer in cnndsl.load(zoo / "wavenet.cnn").layers.values()
        if f"gated{exponents}" in layer.node.path and layer.operator == "add"
    ]
    assert [layer.receptive_field for layer in layers] == [(1 + sum(2**i for i in range(exponents)),)]


def test_siamese_towers_share_everything(zoo: Path) -> None:
    network = cnndsl.load(zoo / "siamese.cnn")
    owners = {layer.node.share for layer in network.layers.values() if layer.node.share}
    assert owners == {"c1", "c2", "c3", "c4", "d1"}
    tower = sum(network.layers[name].macs for name in owners)
    assert network.macs == 2 * tower + 4096


def test_u_net_and_fpn_shapes(zoo: Path) -> None:
    assert {str(shape) for shape in cnndsl.load(zoo / "unet.cnn").outputs.values()} == {"2@388x388"}
    outputs = cnndsl.load(zoo / "fpn.cnn").outputs
    assert {name: str(shape) for name, shape in outputs.items()} == {
        "p2": "256@56x56",
        "p3": "256@28x28",
        "p4": "256@14x14",
        "p5": "256@7x7",
    }


def folded(weights: Mapping[str, np.ndarray], block: str, number: int) -> tuple[np.ndarray, np.ndarray]:
    """The 3x3 kernel and the bias of one branch of a block of RepVGG (Figure 4): a layer, or none, and a norm."""
    gain, bias, mean, variance = (
        weights[f"{block}.batchnorm{number}.{role}"] for role in ("weight", "bias", "running_mean", "running_var")
    )
    gain = gain / np.sqrt(variance + 1e-5)
    kernel = weights.get(f"{block}.conv{number}.weight", np.eye(len(gain))[..., None, None])
    room = (3 - kernel.shape[-1]) // 2
    kernel = np.pad(kernel, [(0, 0), (0, 0), (room, room), (room, room)])
    return kernel * gain[:, None, None, None], bias - mean * gain


def test_a_trained_repvgg_becomes_a_plain_one(zoo: Path) -> None:
    inputs = {None: cnndsl.Shape(3, (32, 32))}
    trained, plain = (
        cnndsl.load(zoo / "repvgg.cnn", network=name, inputs=inputs) for name in ("RepVGGTrained", "RepVGG")
    )
    random, weights = np.random.default_rng(1), dict(trained.weights(seed=1))
    for key, value in weights.items():
        if ".batchnorm" in key:
            weights[key] = random.uniform(0.5, 1.5, value.shape).astype(np.float32)
    fewer = {key: value for key, value in weights.items() if key.startswith("classifier")}
    for number in range(1, 23):
        block = f"features.trained{number}"
        branches = [one for one in (1, 2, 3) if f"{block}.batchnorm{one}.weight" in weights]
        kernels, biases = zip(*(folded(weights, block, one) for one in branches), strict=True)
        fewer[f"features.deployed{number}.conv1.weight"] = sum(kernels).astype(np.float32)
        fewer[f"features.deployed{number}.conv1.bias"] = sum(biases).astype(np.float32)
    image = random.standard_normal((2, 3, 32, 32), np.float32)
    wanted = trained.run(image, weights=weights)
    np.testing.assert_allclose(plain.run(image, weights=fewer), wanted, rtol=0, atol=1e-4 * np.abs(wanted).max())


def test_global_response_norm(zoo: Path) -> None:
    """Woo et al. 2023, Algorithm 1."""
    text = 'import "convnext_v2.cnn"\ninput 8@5x6\nGlobalResponseNorm'
    network = cnndsl.loads(text, resolver=lambda name: (zoo / name).read_text(encoding="utf-8"))
    random = np.random.default_rng(1)
    x = random.standard_normal((2, 8, 5, 6), np.float32)
    gamma, beta = random.standard_normal((2, 8), np.float32)
    norms = np.sqrt((x**2).sum(axis=(2, 3), keepdims=True))
    wanted = gamma[:, None, None] * (x * (norms / (norms.mean(axis=1, keepdims=True) + 1e-6))) + beta[:, None, None] + x
    weights = dict(zip(network.weights(), (gamma, beta), strict=True))
    np.testing.assert_allclose(network.run(x, weights=weights), wanted, rtol=1e-5, atol=1e-5)
