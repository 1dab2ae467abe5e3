"""torchvision's networks with random weights: parameters, values, names and texts."""

import contextlib

import numpy as np
import pytest

import cnndsl

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


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_networks(models, name):
    torch.manual_seed(0)
    options = {"weights": None}
    if name == "googlenet":
        options |= {"aux_logits": False, "init_weights": False}
    if name == "fcn_resnet50":
        options["weights_backbone"] = None
    module = models.get_model(name, **options).eval()
    for part in module.modules():
        if isinstance(part, torch.nn.modules.batchnorm._BatchNorm):
            torch.nn.init.uniform_(part.running_var, 0.5, 1.5)
    side = 96 if name == "alexnet" else 64
    x = torch.randn((2, 3, 8, side, side) if name == "r3d_18" else (2, 3, side, side))
    network = cnndsl.from_torch(module, x)
    assert network.imported_by == "torch.fx"
    assert network.params == sum(parameter.numel() for parameter in module.parameters())
    with torch.no_grad():
        wanted = module(x)
    wanted = (wanted["out"] if isinstance(wanted, dict) else wanted).numpy()
    found = network.run(x.numpy())
    np.testing.assert_allclose(found / np.abs(wanted).max(), wanted / np.abs(wanted).max(), atol=1e-4)
    state = module.state_dict()
    text, again = network.decompiled()
    for one in (network, again):
        for key, weight in one.weights().items():
            layer, _, role = key.rpartition(".")
            theirs = one.module_names.get(key) or f"{one.module_names[layer]}.{role}"
            assert weight.ravel().tobytes() == state[theirs].numpy().tobytes(), key
    block, lines = CLASSIFIERS[name]
    assert f"block {block}" in text if block else "block " not in text
    assert len(text.splitlines()) <= lines
    assert cnndsl.loads(text).params == network.params
