"""PyTorch modules as networks: every function, judged by PyTorch itself."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import cnndsl

torch = pytest.importorskip("torch")
nn, F = torch.nn, torch.nn.functional

TOLERANCE = 1e-5


class Does(nn.Module):
    """A module that calls a function, with layers of its own."""

    def __init__(self, function: Callable[..., Any], **parts: Any) -> None:
        super().__init__()
        self.function = function
        for name, part in parts.items():
            setattr(self, name, part)

    def forward(self, x):
        return self.function(self, x)


def settled(module):
    """The module with numbers in its norms that are neither ones nor zeros."""
    torch.manual_seed(1)
    with torch.no_grad():
        for name, tensor in (*module.named_parameters(), *module.named_buffers()):
            if tensor.is_floating_point():
                low, high = (0.5, 1.5) if "var" in name or ("weight" in name and tensor.ndim == 1) else (-0.5, 0.5)
                tensor.uniform_(low, high)
    return module.eval()


def network_of(module, *examples):
    """The network, once parameters, values, names and text are known to be right."""
    network = cnndsl.from_torch(module, examples)
    inputs = dict(zip(network.inputs, (example.numpy() for example in examples), strict=True))
    with torch.no_grad():
        wanted = module(*(example.clone() for example in examples))
    wanted = list(wanted.values()) if isinstance(wanted, dict) else wanted
    wanted = wanted if isinstance(wanted, tuple | list) else [wanted]
    found = network.run(inputs)
    found = list(found.values()) if isinstance(found, dict) else [found]
    assert len(found) == len(wanted)
    for mine, theirs in zip(found, wanted, strict=True):
        assert mine.shape == tuple(theirs.shape)
        scale = max(float(theirs.abs().max()), 1.0)
        np.testing.assert_allclose(mine / scale, theirs.numpy() / scale, rtol=0, atol=TOLERANCE)
    text, again = network.decompiled()
    assert cnndsl.loads(text).params == network.params
    for one in (network, again):
        require_keys(one, module)
    return network


def keys_of(network):
    """The key in the module's state dict of every weight of a network that the module has as it is."""
    found = {}
    for key in network.weights():
        layer, _, role = key.rpartition(".")
        if key in network.module_names:
            found[key] = network.module_names[key]
        elif layer in network.module_names:
            found[key] = ".".join(filter(None, [network.module_names[layer], role]))
    return found


def require_keys(network, module):
    state = module.state_dict()
    weights = network.weights()
    for key, theirs in keys_of(network).items():
        assert np.array_equal(np.ravel(weights[key]), state[theirs].numpy().ravel()), (key, theirs)


def random(*sizes):
    return torch.randn(sizes, generator=torch.Generator().manual_seed(0))


def maps(rank):
    return random(2, 6, *(9, 8, 7)[:rank])


LAYERS = {
    **{
        f"{name} {rank}d": (build, rank)
        for rank in (1, 2, 3)
        for name, build in {
            "conv": lambda r: getattr(nn, f"Conv{r}d")(6, 8, 3),
            "conv all": lambda r: getattr(nn, f"Conv{r}d")(6, 8, 3, 2, 1, 2, 2, False),
            "conv same": lambda r: getattr(nn, f"Conv{r}d")(6, 8, 4, padding="same", dilation=2),
            "conv valid": lambda r: getattr(nn, f"Conv{r}d")(6, 8, 2, padding="valid"),
            "conv valid reflect": lambda r: getattr(nn, f"Conv{r}d")(6, 8, 3, padding="valid", padding_mode="reflect"),
            "conv reflect": lambda r: getattr(nn, f"Conv{r}d")(6, 8, 3, padding=2, padding_mode="reflect"),
            "conv replicate": lambda r: getattr(nn, f"Conv{r}d")(6, 8, 3, padding=2, padding_mode="replicate"),
            "conv circular": lambda r: getattr(nn, f"Conv{r}d")(6, 8, 3, padding=1, padding_mode="circular"),
            "conv same reflect": lambda r: getattr(nn, f"Conv{r}d")(6, 8, 4, padding="same", padding_mode="reflect"),
            "depthwise": lambda r: getattr(nn, f"Conv{r}d")(6, 12, 3, groups=6, padding=1),
            "depthwise reflect": lambda r: getattr(nn, f"Conv{r}d")(6, 6, 3, 1, 1, groups=6, padding_mode="reflect"),
            "transposed": lambda r: getattr(nn, f"ConvTranspose{r}d")(6, 4, 3, 2, 1, 1, 2, True, 1),
            "transposed dilated": lambda r: getattr(nn, f"ConvTranspose{r}d")(6, 4, 3, 2, 2, 1, dilation=2),
            "maxpool": lambda r: getattr(nn, f"MaxPool{r}d")(3, 2, 1),
            "maxpool up": lambda r: getattr(nn, f"MaxPool{r}d")(2, 2, ceil_mode=True),
            "maxpool dropped": lambda r: getattr(nn, f"MaxPool{r}d")(2, 3, 1, ceil_mode=True),
            "maxpool dilated": lambda r: getattr(nn, f"MaxPool{r}d")(2, 1, 1, 2),
            "avgpool": lambda r: getattr(nn, f"AvgPool{r}d")(3, 2, 1),
            "avgpool bare": lambda r: getattr(nn, f"AvgPool{r}d")(3, 2, 1, count_include_pad=False),
            "avgpool up": lambda r: getattr(nn, f"AvgPool{r}d")(3, 2, 1, True),
            "avgpool up bare": lambda r: getattr(nn, f"AvgPool{r}d")(3, 2, 1, True, False),
            "lppool": lambda r: getattr(nn, f"LPPool{r}d")(2, 2, 3),
            "adaptive mean": lambda r: getattr(nn, f"AdaptiveAvgPool{r}d")(4),
            "adaptive max": lambda r: getattr(nn, f"AdaptiveMaxPool{r}d")(3),
            "global": lambda r: getattr(nn, f"AdaptiveAvgPool{r}d")(1),
            "batchnorm": lambda r: getattr(nn, f"BatchNorm{r}d")(6, eps=1e-3, momentum=None),
            "batchnorm bare": lambda r: getattr(nn, f"BatchNorm{r}d")(6, affine=False),
            "instancenorm": lambda r: getattr(nn, f"InstanceNorm{r}d")(6),
            "instancenorm affine": lambda r: getattr(nn, f"InstanceNorm{r}d")(6, affine=True),
            "groupnorm": lambda r: nn.GroupNorm(3, 6, eps=1e-4),
            "groupnorm bare": lambda r: nn.GroupNorm(2, 6, affine=False),
            "layernorm": lambda r: nn.LayerNorm((6, 9, 8, 7)[: r + 1]),
            "lrn": lambda r: nn.LocalResponseNorm(5, 1e-2, 0.5, 2.0),
            "prelu": lambda r: nn.PReLU(6),
            "prelu alone": lambda r: nn.PReLU(),
            "dropout": lambda r: getattr(nn, f"Dropout{r}d")(0.3),
            "constant pad": lambda r: getattr(nn, f"ConstantPad{r}d")((1, 2) * r, 0.5),
            "zero pad": lambda r: getattr(nn, f"ZeroPad{r}d")(1),
            "reflection pad": lambda r: getattr(nn, f"ReflectionPad{r}d")((1, 2) * r),
            "replication pad": lambda r: getattr(nn, f"ReplicationPad{r}d")(2),
            "circular pad": lambda r: getattr(nn, f"CircularPad{r}d")((2, 1) * r),
            "upsample": lambda r: nn.Upsample(scale_factor=2),
            "upsample to": lambda r: nn.Upsample(size=(5, 12, 9)[:r]),
            "upsample smooth": lambda r: nn.Upsample(scale_factor=2, mode=("linear", "bilinear", "trilinear")[r - 1]),
            "upsample aligned": lambda r: nn.Upsample(
                size=(5, 12, 9)[:r], mode=("linear", "bilinear", "trilinear")[r - 1], align_corners=True
            ),
            "softmax": lambda r: nn.Softmax(1),
            "flatten": lambda r: nn.Flatten(),
        }.items()
    },
    "upsample cubic": (lambda r: nn.Upsample(scale_factor=2, mode="bicubic"), 2),
    "upsample nearest": (lambda r: nn.UpsamplingNearest2d(scale_factor=3), 2),
    "upsample bilinear": (lambda r: nn.UpsamplingBilinear2d(scale_factor=2), 2),
    "softmax2d": (lambda r: nn.Softmax2d(), 2),
    "unflatten": (lambda r: nn.Sequential(nn.Flatten(2), nn.Unflatten(2, (8, 9))), 2),
    "linear at the end": (lambda r: nn.Linear(8, 3), 2),
    "layernorm at the end": (lambda r: nn.LayerNorm(8), 2),
    "layernorm without bias": (lambda r: nn.LayerNorm((6, 9, 8), bias=False), 2),
}


@pytest.mark.parametrize("name", LAYERS)
def test_layers(name):
    build, rank = LAYERS[name]
    module = settled(nn.Sequential(build(rank)))
    network = network_of(module, maps(rank))
    assert network.imported_by == "torch.fx"
    assert network.params == sum(parameter.numel() for parameter in module.parameters())
    assert set(keys_of(network).values()) == {key for key in module.state_dict() if "num_batches" not in key}


PLAIN = """
ReLU ReLU6 LeakyReLU RReLU ELU SELU CELU GELU SiLU Mish Hardswish Hardsigmoid Hardtanh Sigmoid LogSigmoid Tanh
Tanhshrink Softshrink Softplus Softsign Identity Dropout AlphaDropout FeatureAlphaDropout
"""
ACTIVATIONS = [
    *(getattr(nn, name)() for name in PLAIN.split()),
    nn.LeakyReLU(0.2, inplace=True),
    nn.ELU(0.5),
    nn.CELU(2.0),
    nn.GELU("tanh"),
    nn.Hardtanh(-2, 3),
    nn.Hardtanh(0, 6),
    nn.Threshold(0.1, 0.1),
    nn.Softplus(2.0),
    nn.GLU(1),
    nn.GLU(),
    nn.Softmin(1),
    nn.LogSoftmax(1),
    nn.Softmax(3),
]


@pytest.mark.parametrize("module", ACTIVATIONS, ids=str)
def test_activations(module):
    network_of(module.eval(), random(2, 6, 5, 4))


FUNCTIONS = {
    "arithmetic": lambda m, x: (2 * x - 1) / 4 + x * x - (3 - x),
    "division": lambda m, x: 1 / (x.abs() + 1) + x / (x.square() + 0.5),
    "in place": lambda m, x: F.relu(x * 1.5, inplace=True).add_(1).mul_(x),
    "operators in place": lambda m, x: _in_place(x),
    "alpha": lambda m, x: torch.add(x, x.tanh(), alpha=0.5) - torch.sub(x, 1, alpha=3),
    "powers": lambda m, x: (x.abs() + 0.1) ** 0.5 + x**2 + torch.rsqrt(x.abs() + 1) + (x.abs() + 1).reciprocal(),
    "functions": lambda m, x: torch.sin(x) + torch.exp(x) + (x.abs() + 1).log(),
    "clamp": lambda m, x: x.clamp(-0.5, 0.5) + x.clamp(min=0.1) + torch.clamp(x, max=0.3) + x.clamp_min(0.2),
    "extremes": lambda m, x: torch.maximum(x, x.tanh()) + torch.minimum(x, -x) + torch.max(x, x.square()),
    "mean": lambda m, x: x.mean([2, 3]),
    "mean kept": lambda m, x: x * x.mean((2, 3), keepdim=True),
    "mean of a side": lambda m, x: x.mean(-1),
    "sums": lambda m, x: x.sum(1, keepdim=True) + x.amax(1, keepdim=True) + torch.amin(x, dim=1, keepdim=True),
    "maximum along": lambda m, x: torch.cat([x.max(1, keepdim=True)[0], x.mean(1, keepdim=True)], 1),
    "norm": lambda m, x: x.norm(dim=1, keepdim=True) + torch.linalg.vector_norm(x, dim=1, keepdim=True),
    "normalize": lambda m, x: F.normalize(x, dim=1),
    "softmax": lambda m, x: F.softmax(x, dim=1) + F.log_softmax(x, -1) + x.softmax(2),
    "flatten": lambda m, x: torch.flatten(x, 1),
    "view": lambda m, x: x.view(x.size(0), -1),
    "reshape by shape": lambda m, x: x.reshape(x.shape[0], x.shape[1] * 2, -1),
    "unpacked shape": lambda m, x: _unpacked(x),
    "shuffled": lambda m, x: _shuffled(x, 3),
    "channel shuffle": lambda m, x: F.channel_shuffle(x, 2),
    "pixels": lambda m, x: F.pixel_unshuffle(F.pixel_shuffle(x[:, :4], 2), 2),
    "permuted": lambda m, x: x.permute(0, 2, 3, 1).transpose(1, 2).swapaxes(-1, 1).contiguous(),
    "matrix transposed": lambda m, x: x.mT + x.relu().mT,
    "moved": lambda m, x: torch.movedim(x, 1, -1),
    "chunks": lambda m, x: torch.cat(x.chunk(4, dim=1)[::-1], 1),
    "split": lambda m, x: torch.cat([part.relu() for part in torch.split(x, [1, 2, 3], 1)][:2], 1),
    "split evenly": lambda m, x: torch.split(x, 4, dim=1)[1],
    "ranges": lambda m, x: x[:, 1:4, ::2, -3:],
    "one channel": lambda m, x: x[:, 2],
    "ellipsis": lambda m, x: x[..., 1:, None].squeeze(-1),
    "narrow": lambda m, x: x.narrow(1, 1, 3) + torch.select(x, 1, 0).unsqueeze(1),
    "unbind": lambda m, x: sum(torch.unbind(x, 1)[1:], torch.unbind(x, 1)[0]),
    "stack": lambda m, x: torch.stack([x, x.tanh()], dim=2),
    "flip": lambda m, x: x.flip(1),
    "index": lambda m, x: torch.index_select(x, 1, torch.tensor([3, 0, 1])),
    "pad": lambda m, x: F.pad(F.pad(x, (1, 2, 0, 1)), (1, 1, 1, 1), mode="replicate"),
    "negative pad": lambda m, x: F.pad(x, (-1, 2), value=0.5),
    "crop": lambda m, x: x[:, :, 1:-1, 2:-1],
    "expand": lambda m, x: x + x.mean(1, keepdim=True).expand(-1, 6, -1, -1) + x[:, :1].expand_as(x),
    "interpolate": lambda m, x: F.interpolate(x, scale_factor=2, mode="bilinear"),
    "interpolate to": lambda m, x: F.interpolate(x[:, :, ::2, ::2], size=x.shape[-2:], mode="nearest"),
    "interpolate area": lambda m, x: F.interpolate(x, size=(2, 3), mode="area"),
    "interpolate exact": lambda m, x: F.interpolate(x, scale_factor=3, mode="nearest-exact"),
    "pools": lambda m, x: F.max_pool2d(x, 2) + F.avg_pool2d(x, 2) + F.lp_pool2d(x, 2, 2),
    "other divisor": lambda m, x: F.avg_pool2d(x, 3, 1, 1, divisor_override=5),
    "adaptive": lambda m, x: F.adaptive_avg_pool2d(x, (None, 2)) + F.adaptive_max_pool2d(x, (5, 2)),
    "constants": lambda m, x: x + torch.arange(6.0).view(1, 6, 1, 1) * 2,
    "buffers": lambda m, x: (x - torch.tensor([0.1, 0.2, 0.3, 0.4, 0.5, 0.6])[:, None, None]) / 0.5,
    "dropout": lambda m, x: F.dropout(x, 0.2, training=m.training) + F.dropout2d(x, 0.2, m.training),
    "nothing": lambda m, x: x.to(torch.float32).float().clone().detach(),
}


UNTRACED = {"operators in place", "split", "unbind"}
"""What symbolic tracing does not see, or stumbles over: += on a value with two names, loops over parts."""


def _in_place(x):
    y = x.tanh()
    z = y
    y += 1
    y *= 2
    return y - z + x


def _unpacked(x):
    batch, channels, height, width = x.shape
    return x.view(batch, channels // 2, 2, height * width).mean(2)


def _shuffled(x, groups):
    batch, channels, height, width = x.size()
    return x.view(batch, groups, channels // groups, height, width).transpose(1, 2).reshape(batch, -1, height, width)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions(name):
    network = network_of(Does(FUNCTIONS[name]).eval(), random(2, 6, 5, 4))
    assert (network.imported_by, network.params) == ("torch.export" if name in UNTRACED else "torch.fx", 0)


def test_a_shuffle_by_hand_is_one_layer():
    network = cnndsl.from_torch(Does(lambda m, x: _shuffled(x, 3)), random(1, 6, 5, 4))
    assert [layer.op.operator for layer in network.graph.layers] == ["channel_shuffle"]


# --- in place ---
def test_what_was_changed_in_place_is_read_as_changed():
    def function(m, x):
        y = m.conv(x)
        return m.relu(y) * 2 + y  # y is behind the relu, too

    network_of(settled(Does(function, conv=nn.Conv2d(3, 4, 3), relu=nn.ReLU(inplace=True))), random(2, 3, 6, 6))


def test_dropout_hands_on_the_value_itself():
    def function(m, x):
        y = x * 2
        return m.drop(y).add_(1) + y

    network_of(Does(function, drop=nn.Dropout(0.2)).eval(), random(2, 3, 4, 4))


def test_what_was_changed_in_place_has_two_readers():
    def function(m, x):
        y = x * 2
        z = y.mul_(3)
        return z * 5 + y

    network_of(Does(function), random(2, 3, 4, 4))


def test_what_is_changed_in_place_and_read_in_another_shape_is_refused():
    def function(m, x):
        y = x * 2
        flat = y.flatten(1)
        return y.relu_().flatten(1) + flat

    with pytest.raises(cnndsl.CnnError, match="it changes in place what is read later in another shape"):
        cnndsl.from_torch(Does(function), random(2, 3, 6, 6))


# --- weights ---
def test_shared_modules_share_their_weights():
    def function(m, x):
        return m.norm(m.conv(m.norm(m.conv(x)))) + m.slope(m.slope(x))

    parts = {"conv": nn.Conv2d(4, 4, 3, padding=1), "norm": nn.BatchNorm2d(4), "slope": nn.PReLU(4)}
    module = settled(Does(function, **parts))
    network = network_of(module, random(2, 4, 6, 6))
    assert network.params == sum(parameter.numel() for parameter in module.parameters())
    assert {layer.name: layer.share for layer in network.graph.layers if layer.share} == {
        "conv_1": "conv",
        "norm_1": "norm",
        "slope_1": "slope",
    }


def test_tied_weights_are_one():
    module = nn.Sequential(nn.Linear(5, 5, bias=False), nn.ReLU(), nn.Linear(5, 5, bias=False))
    module[2].weight = module[0].weight
    network = network_of(module.eval(), random(3, 5))
    assert network.params == sum(parameter.numel() for parameter in module.parameters())
    assert [layer.share for layer in network.graph.layers] == [None, None, "0"]


class Bare(nn.Module):
    """Parameters of its own, used by functions."""

    def __init__(self):
        super().__init__()
        self.kernel = nn.Parameter(random(4, 3, 3, 3))
        self.weight = nn.Parameter(random(5, 4))
        self.layer_scale = nn.Parameter(random(4, 1, 1))
        self.shift = nn.Parameter(random(1, 4, 6, 6))
        self.temperature = nn.Parameter(torch.tensor(1.5))
        self.register_buffer("mean", torch.tensor([0.1, 0.2, 0.3]).view(3, 1, 1))

    def forward(self, x):
        x = F.conv2d(x - self.mean, self.kernel, padding=1)
        x = x * self.layer_scale + self.shift
        return F.linear(x.mean((2, 3)) * self.temperature, self.weight)


def test_parameters_of_functions():
    module = Bare().eval()
    network = network_of(module, random(2, 3, 6, 6))
    assert network.params == sum(parameter.numel() for parameter in module.parameters())
    keys = {"kernel", "weight", "layer_scale", "shift", "temperature"}
    assert set(keys_of(network).values()) == keys


def test_weight_norm_gives_the_weight_as_it_is():
    for norm in (torch.nn.utils.parametrizations.weight_norm, torch.nn.utils.parametrizations.spectral_norm):
        network_of(nn.Sequential(norm(nn.Conv2d(3, 4, 3)), nn.ReLU()).eval(), random(2, 3, 6, 6))


class Standardised(nn.Conv2d):
    """Scaled weight standardisation, as NFNets have it."""

    def __init__(self, *given):
        super().__init__(*given)
        self.gain = nn.Parameter(torch.full((self.out_channels, 1, 1, 1), 0.7))

    def forward(self, x):
        deviation, mean = torch.std_mean(self.weight, dim=[1, 2, 3], keepdim=True)
        weight = (self.weight - mean) / (deviation + 1e-5) * (self.gain * 0.3)
        return F.conv2d(x, weight, self.bias, self.stride, self.padding)


def test_a_gain_of_a_computed_weight_stays_a_parameter():
    module = settled(nn.Sequential(Standardised(3, 4, 3), nn.ReLU(), Standardised(4, 4, 3)))
    network = network_of(module, random(2, 3, 8, 8))
    assert network.params == sum(parameter.numel() for parameter in module.parameters())
    assert [layer.op.operator for layer in network.graph.layers] == ["conv", "scale", "relu", "conv", "scale"]
    assert {"0.gain", "2.gain"} <= set(keys_of(network).values())


def test_a_product_with_a_parameter_is_dense():
    class Product(nn.Module):
        def __init__(self):
            super().__init__()
            self.table = nn.Parameter(random(6, 5))

        def forward(self, x):
            return x.mean((2, 3)) @ self.table

    network = network_of(Product(), random(2, 6, 4, 4))
    assert [layer.op.operator for layer in network.graph.layers] == ["global_avgpool", "flatten", "dense"]
    values = Does(lambda m, x: torch.matmul(x, x.transpose(2, 3)))
    with pytest.raises(cnndsl.CnnError, match="both depend on the network's inputs, as in attention"):
        cnndsl.from_torch(values, random(2, 6, 4, 4))


def test_words_are_looked_up():
    class Words(nn.Module):
        def __init__(self):
            super().__init__()
            self.table = nn.Embedding(20, 6)
            self.conv = nn.Conv1d(6, 4, 3)

        def forward(self, words):
            return self.conv(self.table(words).transpose(1, 2)).amax(2)

    network = network_of(settled(Words()), torch.randint(0, 20, (2, 9), generator=torch.Generator().manual_seed(0)))
    assert [layer.op.operator for layer in network.graph.layers][:2] == ["embedding", "conv"]


def test_half_precision_becomes_float32():
    module = nn.Sequential(nn.Conv2d(3, 4, 3)).bfloat16().eval()
    network = cnndsl.from_torch(module, random(1, 3, 6, 6).bfloat16())
    x = random(1, 3, 6, 6)
    np.testing.assert_allclose(network.run(x.numpy()), module.float()(x).detach().numpy(), atol=1e-5)


# --- structure ---
class Cell(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            nn.Conv2d(channels, channels, 3, padding=1),
            nn.BatchNorm2d(channels),
        )
        self.act = nn.ReLU(inplace=True)

    def forward(self, x):
        return self.act(self.body(x) + x)


def cells():
    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.Sequential(Cell(8), Cell(8)), Cell(8), nn.Flatten(), nn.Linear(288, 4))


def test_layers_are_called_as_the_modules():
    network = network_of(settled(cells()), random(1, 3, 8, 8))
    first = network.graph.layers[1]
    assert (first.name, first.path) == ("1.0.body.0", ("1.0",))
    assert [(one.path, one.block) for one in network.graph.instances] == [
        (("1.0",), "Cell"),
        (("1.1",), "Cell"),
        (("2",), "Cell"),
    ]
    assert network.module_names["1.0.body.0"] == "1.0.body.0"
    assert all(key == theirs for key, theirs in keys_of(network).items())


def test_blocks_are_called_as_the_classes():
    network = network_of(settled(cells()), random(1, 3, 8, 8))
    text, again = network.decompiled()
    assert text.startswith("block Cell {\n")
    assert "repeat 3 { Cell }" in text
    assert set(keys_of(again).values()) == set(network.weights())


def test_modules_stay_as_they_were():
    module = cells().train()
    module[2].eval()
    modes = [one.training for one in module.modules()]
    state = {key: tensor.clone() for key, tensor in module.state_dict().items()}
    held = [set(vars(one)) for one in module.modules()]
    cnndsl.from_torch(module, random(1, 3, 8, 8))
    cnndsl.from_torch(
        constant := Does(lambda m, x: x + torch.tensor([1.0, 2.0, 3.0])[:, None, None]), random(1, 3, 4, 4)
    )
    assert modes == [one.training for one in module.modules()]
    assert held == [set(vars(one)) for one in module.modules()]
    assert all(torch.equal(tensor, state[key]) for key, tensor in module.state_dict().items())
    assert not [name for name in vars(constant) if name.startswith("_tensor")]


def test_what_a_module_counts_stays_as_it_was():
    class Counts(nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("calls", torch.zeros(1))

        def forward(self, x):
            self.calls += 1
            return x.relu()

    module = Counts()
    assert [layer.op.operator for layer in cnndsl.from_torch(module, random(1, 3, 4, 4)).graph.layers] == ["relu"]
    assert module.calls.item() == 0


def test_a_network_does_not_change_with_its_module():
    module = nn.Sequential(nn.Conv2d(3, 4, 3))
    network = cnndsl.from_torch(module, random(1, 3, 8, 8))
    before = network.weights()["0.weight"].copy()
    with torch.no_grad():
        module[0].weight.mul_(2)
    np.testing.assert_array_equal(network.weights()["0.weight"], before)


def test_several_inputs_and_outputs():
    class Two(nn.Module):
        def forward(self, left, right):
            both = left + right
            return {"sum": both, "difference": left - right, "again": both}

    network = network_of(Two(), random(2, 3, 4, 4), random(2, 3, 4, 4) + 1)
    assert list(network.inputs) == ["left", "right"]


def test_the_batch_may_be_any():
    class Hard(nn.Module):
        def forward(self, x):
            return x.view(2, -1)

    with pytest.raises(cnndsl.CnnError, match="does not have the examples of the batch as its first axis"):
        cnndsl.from_torch(Hard(), random(2, 3, 4, 4))
    scaled = [lambda m, x: x * x.shape[0], lambda m, x: x * x.shape[0] if x.shape[2] > 2 else x]
    for function in scaled:  # traced, and exported
        with pytest.raises(cnndsl.CnnError, match="depends on the number of examples in a batch"):
            cnndsl.from_torch(Does(function), random(2, 3, 4, 4))


# --- other ways ---
class Branches(nn.Module):
    """What it does depends on the size, which symbolic tracing does not know."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 6, 3, padding=1)
        self.norm = nn.BatchNorm2d(6)
        self.drop = nn.Dropout(0.1)
        self.group = nn.GroupNorm(2, 6)
        self.head = nn.Linear(6, 4)

    def forward(self, x):
        x = F.relu(self.norm(self.conv(x)))
        if x.shape[-1] > 4:
            x = F.interpolate(F.max_pool2d(x, 2), scale_factor=2, mode="bilinear")
        x = self.group(x)
        return self.head(self.drop(F.adaptive_avg_pool2d(x, 1).flatten(1)))


def test_what_cannot_be_traced_is_exported():
    module = settled(Branches())
    network = network_of(module, random(2, 3, 8, 8))
    assert network.imported_by == "torch.export"
    assert network.params == sum(parameter.numel() for parameter in module.parameters())
    assert set(keys_of(network).values()) == {key for key in module.state_dict() if "num_batches" not in key}
    assert {"conv", "norm", "group", "head"} <= {layer.name for layer in network.graph.layers}


def test_any_number_of_arguments():
    class Any_(nn.Module):
        def forward(self, *parts):
            return torch.cat(parts, 1)

    assert network_of(Any_(), random(2, 3, 4, 4), random(2, 1, 4, 4)).imported_by == "torch.export"


@pytest.mark.filterwarnings("ignore:.*torch.jit.script.*:DeprecationWarning")
def test_what_cannot_be_exported_goes_by_onnx():
    module = torch.jit.script(settled(cells()))
    network = network_of(module, random(2, 3, 8, 8))
    assert network.imported_by == "onnx"
    assert network.params == sum(parameter.numel() for parameter in module.parameters())
    assert set(keys_of(network).values()) == {key for key in module.state_dict() if "num_batches" not in key}


def test_random_numbers_are_no_constants():
    with pytest.raises(cnndsl.CnnError, match="Random"):
        cnndsl.from_torch(Does(lambda m, x: x + torch.rand_like(x)), random(2, 3, 4, 4))
