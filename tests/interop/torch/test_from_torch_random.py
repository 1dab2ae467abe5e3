"""Random modules, with views and changes in place among their calls: the network gives what PyTorch gives."""

import os
import random

import numpy as np
import pytest

import cnndsl

torch = pytest.importorskip("torch")
nn, F = torch.nn, torch.nn.functional

CASES = 60 * int(os.environ.get("CNNDSL_FUZZ", "1"))
SEED = int(os.environ.get("CNNDSL_SEED", "0"))

CALLS = [
    "F.conv2d({a}, m.kernel{i}, padding=1)",
    "m.norm{i}({a})",
    "F.relu({a})",
    "F.relu({a}, inplace=True)",
    "{a} * -1.5",
    "{a} + 0.25",
    "{a}.add_(2)",
    "{a}.mul_(3)",
    "{a} + {b}",
    "{a} - {b}",
    "{a} / ({b}.abs() + 1)",
    "torch.cat([{a}[:, :3], {b}[:, 3:]], 1)",
    "torch.cat([{a}.chunk(3, 1)[2], {b}.chunk(3, 1)[0], {a}.chunk(3, 1)[1]], 1)",
    "{a}.permute(0, 2, 3, 1).mul(1.5).permute(0, 3, 1, 2)",
    "{a}.transpose(2, 3) + 1",
    "F.avg_pool2d({a}, 3, 1, 1)",
    "F.max_pool2d({a}, 3, 1, 1)",
    "F.interpolate(F.max_pool2d({a}, 2), scale_factor=2, mode='bilinear')",
    "{a}.reshape({a}.size(0), 3, 2, 6, 6).transpose(1, 2).reshape({a}.shape[0], 6, 6, 6)",
    "F.pad({a}[:, :, 1:, :-1], (1, 0, 0, 1))",
    "F.pad({a}, (1, 1, 1, 1), mode='reflect')[:, :, 1:-1, 1:-1]",
    "{a} * m.scale{i}",
    "{a} + m.map{i}",
    "-{a}",
    "F.channel_shuffle({a}, 3)",
    "F.dropout({a}, 0.3, training=m.training)",
    "F.softmax({a}, 2)",
    "{a} * {a}.mean((2, 3), keepdim=True)",
    "{a} * {b}.mean(1, keepdim=True)",
    "F.group_norm({a}, 3, m.weight{i}, m.bias{i})",
    "F.layer_norm({a}.permute(0, 2, 3, 1), (6,), m.weight{i}, m.bias{i}).permute(0, 3, 1, 2)",
    "F.linear({a}.permute(0, 2, 3, 1), m.matrix{i}, m.bias{i}).permute(0, 3, 1, 2)",
]
"""Calls that keep the shape of 6x6x6; ``{a}`` and ``{b}`` are values so far, ``{i}`` numbers the parameters."""


def parts(i):
    norm = nn.BatchNorm2d(6)
    nn.init.uniform_(norm.running_mean)
    return {
        f"kernel{i}": nn.Parameter(torch.randn(6, 6, 3, 3) / 5),
        f"norm{i}": norm,
        f"scale{i}": nn.Parameter(torch.randn(6, 1, 1)),
        f"map{i}": nn.Parameter(torch.randn(1, 6, 6, 6)),
        f"weight{i}": nn.Parameter(torch.rand(6)),
        f"bias{i}": nn.Parameter(torch.rand(6)),
        f"matrix{i}": nn.Parameter(torch.randn(6, 6) / 3),
    }


def made(seed):
    """A module of a few calls, and its code."""
    chosen = random.Random(seed)
    torch.manual_seed(seed)
    lines, known = ["def forward(m, x):", "    v = [x]"], {}
    steps = chosen.randint(3, 9)
    for i in range(steps):
        a = f"v[{-1 if chosen.random() < 0.75 else chosen.randrange(i + 1)}]"
        call = chosen.choice(CALLS).format(a=a, b=f"v[{chosen.randrange(i + 1)}]", i=i)
        lines.append(f"    v.append({call})")
        known |= {name: part for name, part in parts(i).items() if f"m.{name}" in call}
    lines.append("    return v[-1]" + (f", v[{chosen.randrange(1, steps)}]" if chosen.random() < 0.3 else ""))
    code = "\n".join(lines)
    names = {"F": F, "torch": torch}
    exec(code, names)
    module = type("Random", (nn.Module,), {"forward": names["forward"]})()
    for name, part in known.items():
        setattr(module, name, part)
    return module.eval(), code


@pytest.mark.parametrize("seed", range(SEED * CASES, (SEED + 1) * CASES))
def test_random_modules(seed):
    module, code = made(seed)
    x = torch.randn(2, 6, 6, 6)
    with torch.no_grad():
        wanted = module(x.clone())
    try:
        network = cnndsl.from_torch(module, x)
    except cnndsl.CnnError as error:
        assert "it changes in place what is read later in another shape" in str(error), code
        return
    found = network.run(x.numpy())
    found = list(found.values()) if isinstance(found, dict) else [found]
    wanted = wanted if isinstance(wanted, tuple) else (wanted,)
    assert len(found) == len(wanted)
    for mine, theirs in zip(found, wanted, strict=True):
        scale = max(float(theirs.abs().max()), 1.0)
        np.testing.assert_allclose(mine / scale, theirs.numpy() / scale, rtol=0, atol=1e-4, err_msg=code)
