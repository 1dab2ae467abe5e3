"""torchvision's networks with random weights: parameters, values, names and texts."""

import contextlib

import numpy as np
import pytest

import cnndsl
from tests.example_networks import EXAMPLES

torch = pytest.importorskip("torch")

CLASSIFIERS = {
    # name: the block that its text has, and the most lines of it
    "alexnet": ("", 20),
    "convnext_tiny": ("CNBlock", 30),
    "densenet121": ("DenseLayer", 30),
    "efficientnet_b0": ("MBConv", 30),
    "googlenet": ("Inception", 40),
    "mnasnet0_5": ("InvertedResidual", 40),
    "mobilenet_v2": ("InvertedResidual", 40),
    "regnet_y_400mf": ("ResBottleneckBlock", 40),
    "resnet18": ("BasicBlock", 45),
    "resnet50": ("Bottleneck", 45),
    "shufflenet_v2_x0_5": ("InvertedResidual", 40),
    "squeezenet1_1": ("Fire", 25),
    "vgg11_bn": ("", 30),
    "fcn_resnet50": ("Bottleneck", 60),
    "r3d_18": ("BasicBlock", 45),
}

MORE = """
    convnext_base convnext_small deeplabv3_mobilenet_v3_large deeplabv3_resnet50 densenet161 densenet169 efficientnet_b1
    efficientnet_b2 efficientnet_b3 efficientnet_v2_s fcn_resnet101 inception_v3 lraspp_mobilenet_v3_large mc3_18
    mnasnet0_75 mnasnet1_0 mnasnet1_3 mobilenet_v3_large mobilenet_v3_small r2plus1d_18 regnet_x_16gf regnet_x_1_6gf
    regnet_x_3_2gf regnet_x_400mf regnet_x_800mf regnet_x_8gf regnet_y_1_6gf regnet_y_3_2gf regnet_y_800mf regnet_y_8gf
    resnet101 resnet152 resnet34 resnext101_32x8d resnext50_32x4d shufflenet_v2_x1_0 shufflenet_v2_x1_5
    shufflenet_v2_x2_0 squeezenet1_0 wide_resnet50_2 deeplabv3_resnet101 efficientnet_b4 densenet201 efficientnet_v2_m
    efficientnet_b6
""".split()  # noqa: SIM905
"""Those whose texts are not looked at; ``CLASSIFIERS`` and these are 60 and more."""
ZOO = {
    "convnext_tiny": ("convnext.cnn", "ConvNeXt"),
    "efficientnet_b0": ("efficientnet.cnn", "EfficientNet"),
    "inception_v3": ("inception_v3.cnn", "InceptionV3"),
    "mnasnet1_0": ("mnasnet.cnn", "MnasNet"),
    "mobilenet_v3_large": ("mobilenet_v3.cnn", "MobileNetV3Large"),
    "mobilenet_v3_small": ("mobilenet_v3.cnn", "MobileNetV3Small"),
    "regnet_y_400mf": ("regnet.cnn", "RegNetY"),
}
WITH_HEADS = {"googlenet", "inception_v3"}
SEGMENTATION = ("deeplabv3", "fcn", "lraspp")
VIDEO = {"mc3_18", "r2plus1d_18", "r3d_18"}
LARGER = {"alexnet", "inception_v3"}


@pytest.fixture(scope="module")
def models():
    # A wheel of another build of PyTorch than the one at hand lacks its own operators, which nothing here calls.
    library = torch.library.Library("torchvision", "FRAGMENT")
    for name in ("nms(Tensor a, Tensor b, float c) -> Tensor", "qnms(Tensor a, Tensor b, float c) -> Tensor"):
        with contextlib.suppress(RuntimeError):
            library.define(name)
    pytest.importorskip("torchvision")
    import torchvision.models

    return torchvision.models


def imported(models, name):
    """A network with random weights and statistics, and what it was made from."""
    torch.manual_seed(0)
    options = {"weights": None}
    if name in WITH_HEADS:
        options |= {"aux_logits": False, "init_weights": False}
    if name.startswith(SEGMENTATION):
        options["weights_backbone"] = None
    module = models.get_model(name, **options).eval()
    for part in module.modules():
        if isinstance(part, torch.nn.modules.batchnorm._BatchNorm):
            torch.nn.init.uniform_(part.running_var, 0.5, 1.5)
        elif hasattr(part, "layer_scale"):  # of 1e-6, which hides what it scales
            torch.nn.init.uniform_(part.layer_scale, 0.5, 1.5)
    side = 96 if name in LARGER else 64
    x = torch.randn((2, 3, 8, side, side) if name in VIDEO else (2, 3, side, side))
    return module, x, cnndsl.from_torch(module, x)


def agrees(module, x, network):
    """Whether parameters and values are the module's."""
    assert network.imported_by == "torch.fx"
    assert network.params == sum(parameter.numel() for parameter in module.parameters())
    with torch.no_grad():
        wanted = module(x)
    wanted = (wanted["out"] if isinstance(wanted, dict) else wanted).numpy()
    found = network.run(x.numpy())
    np.testing.assert_allclose(found / np.abs(wanted).max(), wanted / np.abs(wanted).max(), atol=1e-4)


def has_every_key(module, network):
    """Whether the weights are the module's, each found by its name there, and none is left."""
    left = {key: tensor for key, tensor in module.state_dict().items() if not key.endswith("num_batches_tracked")}
    for key, weight in network.weights().items():
        layer, _, role = key.rpartition(".")
        theirs = network.module_names.get(key) or f"{network.module_names[layer]}.{role}"
        assert weight.ravel().tobytes() == left.pop(theirs).numpy().tobytes(), key
    assert not left


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_networks(models, name):
    module, x, network = imported(models, name)
    agrees(module, x, network)
    text, again = network.decompiled()
    has_every_key(module, network)
    has_every_key(module, again)
    block, lines = CLASSIFIERS[name]
    assert f"block {block}" in text if block else "block " not in text
    assert len(text.splitlines()) <= lines
    assert cnndsl.loads(text).params == network.params


@pytest.mark.parametrize("name", MORE)
def test_more_networks(models, name):
    module, x, network = imported(models, name)
    agrees(module, x, network)
    has_every_key(module, network)


@pytest.mark.parametrize("name", ZOO)
def test_networks_of_the_zoo_compute_the_same(models, name):
    """With their weights, taken in the order of the layers; a dense layer at every pixel is a 1x1 convolution."""
    module, x, theirs = imported(models, name)
    file, network = ZOO[name]
    mine = cnndsl.load(EXAMPLES / "zoo" / file, network=network, inputs={None: cnndsl.Shape(3, tuple(x.shape[2:]))})
    pairs = [*zip(mine.weights().items(), theirs.weights().values(), strict=True)]
    assert all(without_ones(weight.shape) == without_ones(given.shape) for (_, weight), given in pairs)
    with torch.no_grad():
        wanted = module(x).numpy()
    found = mine.run(x.numpy(), weights={key: given.reshape(weight.shape) for (key, weight), given in pairs})
    np.testing.assert_allclose(found / np.abs(wanted).max(), wanted / np.abs(wanted).max(), atol=1e-4)


def without_ones(shape):
    return tuple(size for size in shape if size != 1)


def test_they_are_many():
    assert len({*CLASSIFIERS, *MORE}) >= 60
