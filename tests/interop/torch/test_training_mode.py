"""Generated modules in training mode against PyTorch's own layers: outputs and running statistics."""

import copy
import re

import numpy as np
import pytest

import cnndsl
from tests.interop.torch.test_to_torch import EXAMPLES

torch = pytest.importorskip("torch")
nn = torch.nn

STEPS = 3
TOLERANCE = 1e-4


class BasicBlock(nn.Module):
    """He et al. 2015, figure 5, left; torchvision's with its defaults written out."""

    def __init__(self, channels, filters, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, filters, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(filters, eps=1e-5, momentum=0.1)
        self.conv2 = nn.Conv2d(filters, filters, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(filters, eps=1e-5, momentum=0.1)
        self.downsample = None
        if stride != 1 or channels != filters:
            norm = nn.BatchNorm2d(filters, eps=1e-5, momentum=0.1)
            self.downsample = nn.Sequential(nn.Conv2d(channels, filters, 1, stride, bias=False), norm)

    def forward(self, x):
        y = torch.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        return torch.relu(y + (x if self.downsample is None else self.downsample(x)))


def resnet18():
    blocks = []
    channels = 64
    for stage, filters in enumerate([64, 128, 256, 512]):
        blocks += [BasicBlock(channels, filters, 1 if stage == 0 else 2), BasicBlock(filters, filters, 1)]
        channels = filters
    stem = nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64, 1e-5, 0.1), nn.ReLU(), nn.MaxPool2d(3, 2, 1)
    return nn.Sequential(*stem, *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 1000))


def vgg11_bn():
    parts, channels = [], 3
    for filters in [64, "M", 128, "M", 256, 256, "M", 512, 512, "M", 512, 512, "M"]:
        if filters == "M":
            parts.append(nn.MaxPool2d(2, 2))
        else:
            parts += [nn.Conv2d(channels, filters, 3, padding=1), nn.BatchNorm2d(filters, 1e-5, 0.1), nn.ReLU()]
            channels = filters
    parts += [nn.AdaptiveAvgPool2d(7), nn.Flatten(), nn.Linear(25088, 64), nn.ReLU(), nn.Dropout(0.5)]
    return nn.Sequential(*parts, nn.Linear(64, 64), nn.ReLU(), nn.Dropout(0.5), nn.Linear(64, 1000))


class InvertedResidual(nn.Module):
    """Sandler et al. 2018, figure 4."""

    def __init__(self, channels, filters, stride, expansion):
        super().__init__()
        hidden = channels * expansion
        layers = []
        if expansion != 1:
            layers += [nn.Conv2d(channels, hidden, 1, bias=False), nn.BatchNorm2d(hidden, 1e-5, 0.1), nn.ReLU6()]
        layers += [nn.Conv2d(hidden, hidden, 3, stride, 1, groups=hidden, bias=False)]
        layers += [nn.BatchNorm2d(hidden, 1e-5, 0.1), nn.ReLU6(), nn.Conv2d(hidden, filters, 1, bias=False)]
        self.conv = nn.Sequential(*layers, nn.BatchNorm2d(filters, 1e-5, 0.1))
        self.adds = stride == 1 and channels == filters

    def forward(self, x):
        return x + self.conv(x) if self.adds else self.conv(x)


def mobilenet_v2():
    table = [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)]
    parts, channels = [nn.Conv2d(3, 32, 3, 2, 1, bias=False), nn.BatchNorm2d(32, 1e-5, 0.1), nn.ReLU6()], 32
    for expansion, filters, times, stride in table:
        for turn in range(times):
            parts.append(InvertedResidual(channels, filters, stride if turn == 0 else 1, expansion))
            channels = filters
    parts += [nn.Conv2d(320, 1280, 1, bias=False), nn.BatchNorm2d(1280, 1e-5, 0.1), nn.ReLU6()]
    return nn.Sequential(*parts, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.2), nn.Linear(1280, 1000))


NETWORKS = {
    "resnet18": (resnet18, "resnet.cnn", "ResNet18", {}),
    "vgg11_bn": (vgg11_bn, "vgg.cnn", "VGG11", {"batch_norm": True}),
    "mobilenet_v2": (mobilenet_v2, "mobilenet_v2.cnn", None, {}),
}


def take_weights(module, reference):
    """Gives a module the weights of another one whose layers come in the same order."""
    mine, theirs = module.state_dict(), reference.state_dict()
    assert [value.shape for value in mine.values()] == [value.shape for value in theirs.values()]
    module.load_state_dict(dict(zip(mine, theirs.values(), strict=True)))


def without_dropout(module):
    for part in module.modules():
        if isinstance(part, nn.Dropout):
            part.p = 0.0
    return module.train()


@pytest.mark.parametrize("name", NETWORKS)
def test_training_is_that_of_pytorchs_layers(name):
    make, file, network, params = NETWORKS[name]
    torch.manual_seed(0)
    text = (EXAMPLES / "zoo" / file).read_text(encoding="utf-8").replace("dense 4096", "dense 64")
    net = cnndsl.loads(
        re.sub(r"expect params == .*?(?= \}|$)", "", text, flags=re.MULTILINE), network=network, params=params
    )
    theirs = without_dropout(make())
    mine = without_dropout(net.to_torch())
    take_weights(mine, theirs)
    before = copy.deepcopy(theirs.state_dict())
    for _ in range(STEPS):
        x = torch.randn(4, 3, 64, 64)
        wanted, found = theirs(x).detach(), mine(x).detach()
        scale = float(wanted.abs().max())
        np.testing.assert_allclose(found / scale, wanted / scale, atol=TOLERANCE)
    changed = 0
    for (key, wanted), found in zip(theirs.state_dict().items(), mine.state_dict().values(), strict=True):
        scale = max(float(wanted.abs().max()), 1e-6)
        np.testing.assert_allclose(found / scale, wanted / scale, atol=TOLERANCE, err_msg=key)
        changed += "running" in key and not torch.equal(wanted, before[key])
    assert changed == sum("running" in key for key in before)


def test_momentum_and_epsilon_are_pytorchs():
    net = cnndsl.loads("input 3@8x8\nbatchnorm momentum=0.3 eps=0.01")
    norm = net.to_torch().batchnorm1
    assert (norm.momentum, norm.eps) == (0.3, 0.01)
    x = torch.randn(4, 3, 8, 8)
    wanted = (x - x.mean((0, 2, 3), keepdim=True)) / (x.var((0, 2, 3), unbiased=False, keepdim=True) + 0.01).sqrt()
    torch.testing.assert_close(norm(x), wanted)
    torch.testing.assert_close(norm.running_mean, 0.3 * x.mean((0, 2, 3)))
    torch.testing.assert_close(norm.running_var, 0.7 + 0.3 * x.var((0, 2, 3)))
