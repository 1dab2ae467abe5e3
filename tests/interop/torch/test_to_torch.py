"""Networks as PyTorch: the generated source runs, takes our weights strictly, and gives the interpreter's values."""

import copy
import json
import subprocess
import sys
from argparse import Namespace
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest

import cnndsl
from cnndsl import ops
from cnndsl.cli import main
from cnndsl.cli.variants import variants
from cnndsl.errors import CnnError
from cnndsl.interop.torch.exporter.layers import LAYERS
from cnndsl.interop.torch.exporter.names import OCCUPIED, RESERVED
from cnndsl.interop.torch.exporter.source import torch_source
from cnndsl.interop.torch.made import NETWORK
from cnndsl.runtime.data.made import made_input
from tests import generators
from tests.example_networks import EXAMPLES, before_softmax, loaded, networks

TOLERANCE = 1e-4
LARGE = 40_000_000
"""Parameters from which on values are not computed: shapes and keys are compared without memory for the weights."""

HEAVY = 20_000_000_000
"""Multiplications from which on a network is computed at a smaller size of its input, if it takes one."""

LAYERS_EACH = 4
NETWORKS = 300


def trained(net: cnndsl.Network, seed: int = 1) -> dict[str, np.ndarray]:
    """Initial weights with statistics that are no zeros and ones."""
    random, weights = np.random.default_rng(seed), dict(net.weights())
    for key, value in weights.items():
        if key.endswith("running_mean"):
            weights[key] = random.normal(0, 0.1, value.shape).astype(np.float32)
        if key.endswith("running_var"):
            weights[key] = random.uniform(0.5, 1.5, value.shape).astype(np.float32)
    return weights


def agrees(net: cnndsl.Network, batch: int = 2) -> None:
    torch = pytest.importorskip("torch")
    weights = trained(net)
    module = net.to_torch(weights=weights)
    keys = {key for key in module.state_dict() if not key.endswith("num_batches_tracked")}
    assert keys == set(weights)
    module.eval()
    inputs = {value.name: made_input(value, "random", batch, 3) for value in net.graph.inputs}
    expected = net.run(inputs, weights=weights)
    with torch.no_grad():
        given = module(*[torch.from_numpy(np.array(array)) for array in inputs.values()])
    wanted = list(expected.values()) if isinstance(expected, dict) else [expected]
    found = [value.detach().numpy() for value in (given if isinstance(given, tuple) else (given,))]
    for theirs, mine in zip(found, wanted, strict=True):
        assert theirs.shape == mine.shape
        scale = 1 + np.nanmax(np.abs(mine), initial=0, where=np.isfinite(mine))
        np.testing.assert_allclose(theirs, mine, rtol=TOLERANCE, atol=TOLERANCE * scale)


def quick(net: cnndsl.Network) -> cnndsl.Network:
    heavy = net.macs > HEAVY and net.params < LARGE and net.symbols
    return net.at(dict.fromkeys(net.symbols, 188)) if heavy else net


def test_every_operator_has_a_translation() -> None:
    assert set(LAYERS) == set(ops.NAMES)


@pytest.mark.parametrize("name", ops.NAMES)
def test_every_layer_gives_the_interpreters_values(name: str) -> None:
    for number in range(LAYERS_EACH):
        agrees(cnndsl.loads(generators.sound_layer(Random(f"torch {name} {number}"), name)))


@pytest.mark.parametrize("tenth", range(10))
def test_random_networks_give_the_interpreters_values(tenth: int) -> None:
    for number in range(tenth, NETWORKS, 10):
        agrees(cnndsl.loads(generators.network_text(f"torch {number}", 12)))


@pytest.mark.parametrize(("path", "name"), [*networks()], ids=lambda value: getattr(value, "stem", value))
def test_every_example_gives_the_interpreters_values(path: Path, name: str | None) -> None:
    torch = pytest.importorskip("torch")
    net = quick(before_softmax(loaded(path, name)))
    if net.params < LARGE:
        agrees(net, batch=1)
        return
    names = {"__name__": "generated"}
    exec(torch_source(net.graph), names)
    with torch.device("meta"):
        module = [value for value in names.values() if getattr(value, "__module__", "") == "generated"][-1]()
    shapes = {key: tuple(value.shape) for key, value in module.state_dict().items() if "num_batches" not in key}
    assert shapes == {key: weight.shape for key, _, weight in net.graph.all_weights()}
    assert sum(parameter.numel() for parameter in module.parameters()) == net.params


def test_what_is_written_is_as_ruff_and_mypy_want_it(tmp_path: Path) -> None:
    first: dict[str, str] = {}  # of every file, and all layers: mypy is slow, and networks of a file are alike
    for path, name in networks():
        net = loaded(path, name)
        source = torch_source(net.graph, params=variants(str(path), Namespace(set=[], network=name)))
        written = tmp_path / f"{path.stem}_{net.name}.py"
        written.write_text(source, encoding="utf-8")
        first.setdefault(str(path), str(written))
    for name in ops.NAMES:
        net = cnndsl.loads(generators.sound_layer(Random(f"torch {name} 0"), name))
        (tmp_path / f"layer_{name}.py").write_text(torch_source(net.graph), encoding="utf-8")
    checks = ["format --isolated --check", "check --isolated --select E4,E7,E9,F,I,UP,B,SIM,RUF"]
    for check in checks:
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *check.split(), str(tmp_path)], capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout[-3000:]
    pytest.importorskip("torch")
    files = [*first.values(), *sorted(map(str, tmp_path.glob("layer_*.py")))]
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path / "cache"), *files]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stdout[-3000:]


def test_the_file_needs_nothing_of_cnndsl_and_tries_itself(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    out = tmp_path / "net.py"
    assert main(["export", str(EXAMPLES / "lenet.cnn"), "-o", str(out), "--to", "torch"]) == 0
    assert "cnndsl" not in out.read_text(encoding="utf-8").partition("\n")[2]
    done = subprocess.run([sys.executable, "-I", str(out)], capture_output=True, text=True)
    assert done.stdout == "61,706 parameters\n(1, 10)\n", done.stderr


@pytest.mark.parametrize(("path", "name"), [*networks()], ids=lambda value: getattr(value, "stem", value))
def test_params_are_arguments_that_mean_the_same(path: Path, name: str | None) -> None:
    torch = pytest.importorskip("torch")
    options = Namespace(set=[], network=name)
    found = variants(str(path), options)
    names: dict[str, object] = {"__name__": "generated"}
    source = torch_source(loaded(path, name).graph, params=found)
    exec(source, names)
    made = [value for value in names.values() if getattr(value, "__module__", "") == "generated"][-1]
    for param, (_, other, graph) in found.items():
        if f"{param}: int = " in source:
            with torch.device("meta"):
                module = made(**{param: other})
            shapes = {key: tuple(value.shape) for key, value in module.state_dict().items() if "num_batches" not in key}
            assert shapes == {key: weight.shape for key, _, weight in graph.all_weights()}


# --- for readers ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("file", "name", "most"),
    [
        ("vgg", "VGG16", 45),
        ("googlenet", "GoogLeNet", 80),
        ("mobilenet_v2", "MobileNetV2", 60),
        ("densenet", "DenseNet121", 60),
        ("resnet", "ResNet50", 90),
        ("unet", "UNet", 60),
    ],
)
def test_a_network_is_as_long_as_a_person_would_write_it(file: str, name: str, most: int, tmp_path: Path) -> None:
    out = tmp_path / "net.py"
    line = ["export", str(EXAMPLES / "zoo" / f"{file}.cnn"), "--network", name, "-o", str(out), "--to", "torch"]
    assert main(line) == 0
    assert len(out.read_text(encoding="utf-8").splitlines()) <= most


def test_numbers_of_one_kind_are_called_as_in_the_text() -> None:
    source = torch_source(loaded(EXAMPLES / "zoo" / "googlenet.cnn", "GoogLeNet").graph)
    assert "self, channels: int, c1: int, r3: int, c3: int, r5: int, c5: int, pp: int\n" in source
    assert "        self.conv3 = Conv(r3, c3, 3, 1)\n" in source


@pytest.mark.parametrize("names", ["i n", "self nn", "lambda_ range", "x layer", "Conv F", "channels kernel"])
def test_numbers_may_be_called_as_what_the_source_needs(names: str) -> None:
    first, second = names.split()
    net = cnndsl.loads(
        f"block B({first}, {second}) {{ conv {first} 3x3 pad=1 -> relu -> conv {second} 3x3 pad=1 }}\n"
        "input 3@8x8\nB 4 5\nB 6 4\nB 5 9"
    )
    assert net.graph.instances[1].arguments == {first: 6, second: 4}
    assert "arguments" not in net.to_json()
    agrees(net)


@pytest.mark.parametrize(
    ("file", "name", "texts"),
    [
        (
            "vgg",
            "VGG16",
            [
                "        widths = [3, 64, 64, 128, 128, *[256] * 3, *[512] * 6]\n"
                "        for i, (begin, end) in enumerate([(1, 3), (3, 5), (5, 8), (8, 11), (11, 14)]):\n"
                "            for j in range(begin, end):\n",
                '                self.features.add_module(f"relu{j}", nn.ReLU(inplace=True))\n'
                '            self.features.add_module(f"maxpool{i + 1}", nn.MaxPool2d(2))\n',
            ],
        ),
        (
            "mobilenet_v2",
            "MobileNetV2",
            [
                "        self.residual = stride == 1 and filters == channels\n        if expansion != 1:\n",
                "        return y + x if self.residual else y\n",
                "            stride = 2 if i in (2, 4, 7, 14) else 1\n",
            ],
        ),
        (
            "resnet",
            "ResNet50",
            [
                "        if stride != 1 or channels != expanded:\n"
                "            self.shortcut1: nn.Module = Shortcut(channels, expanded, stride)\n"
                "        else:\n            self.shortcut1 = nn.Identity()\n",
            ],
        ),
        (
            "resnet",
            "ResNet18",
            [
                "    def __init__(self, channels: int, width: int, stride: int) -> None:\n",
                "        if stride != 1:\n            self.shortcut1: nn.Module = Shortcut(channels)\n",
                "            layer = Basic(widths[i - 1], widths[i], stride)\n",
            ],
        ),
        (
            "densenet",
            "DenseNet121",
            [
                '                self.features.add_module(f"dense_layer{j}", DenseLayer(channels))\n'
                "                channels += 32\n            if i < 3:\n"
                '                self.features.add_module(f"transition{i + 1}", Transition(channels))\n'
                "                channels //= 2\n",
            ],
        ),
    ],
)
def test_structure_survives(file: str, name: str, texts: list[str]) -> None:
    source = torch_source(loaded(EXAMPLES / "zoo" / f"{file}.cnn", name).graph)
    for text in texts:
        assert text in source


def test_a_param_that_may_be_a_fraction_is_no_argument() -> None:
    path = EXAMPLES / "zoo" / "mobilenet_v2.cnn"
    assert [*variants(str(path), Namespace(set=[], network=None))] == ["classes"]


def test_classes_are_an_argument() -> None:
    path = EXAMPLES / "zoo" / "resnet.cnn"
    found = variants(str(path), Namespace(set=[], network="ResNet18"))
    source = torch_source(loaded(path, "ResNet18").graph, params=found)
    assert "class ResNet18(nn.Sequential):\n    def __init__(self, classes: int = 1000) -> None:" in source
    assert "self.classifier1.dense1 = nn.Linear(512, classes)" in source


def test_safetensors_go_both_ways(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    from safetensors.torch import load_model, save_model

    net = cnndsl.loads("input 3@8x8\nconv 4 3x3 -> batchnorm -> relu\nflatten -> dense 5")
    module = net.to_torch(seed=1)
    ours, theirs = tmp_path / "ours.safetensors", tmp_path / "theirs.safetensors"
    save_model(module, str(theirs))
    assert np.array_equal(net.weights_from(theirs, 0)["conv1.weight"], net.weights(1)["conv1.weight"])
    from cnndsl.runtime.data.weights import save_weights

    save_weights(net.weights(2), ours)
    load_model(module, str(ours), strict=True)
    assert np.array_equal(module.conv1.weight.detach().numpy(), net.weights(2)["conv1.weight"])


@pytest.mark.parametrize("name", ["half", "forward", "lambda", "parameters", "x", "torch", "nn"])
def test_layers_may_be_called_as_what_modules_have(name: str) -> None:
    agrees(cnndsl.loads(f"input 3@8x8\nconv 3 3x3 pad=1 as {name}\nadd {{ identity; conv 3 1x1 }}\nrelu"))
    agrees(cnndsl.loads(f"block B {{ conv 3 3x3 pad=1 -> relu }}\ninput 3@8x8\nB as {name}\nB as other"))


def test_the_reserved_names_are_those_of_modules() -> None:
    torch = pytest.importorskip("torch")
    module = torch.nn.Sequential()
    own = {name for name in (*dir(module), *vars(module)) if not name.startswith("_")}
    assert own <= RESERVED and set(vars(module)) <= OCCUPIED
    with pytest.raises(CnnError, match="`training`"):
        cnndsl.loads("input 3@8x8\nconv 4 3x3 as training").to_torch()


@pytest.mark.parametrize(
    "text",
    [
        "block Tower { conv 4 3x3 -> relu -> flatten -> dense 5 }\ninput 3@8x8 as a\ninput 3@8x8 as b\n"
        "from a -> Tower as left\nfrom b -> Tower share=left as right\nsub { from left; from right }\nabs",
        "block Tower(n) { conv 3 3x3 pad=1 as c\n repeat n { relu; conv 3 3x3 pad=1 share=c } }\ninput 3@8x8\nTower 2",
        "block One { relu; conv 3 1x1 as c }\ninput 3@8x8\nOne as one\nOne share=one\nOne",
        "block Up(skip) { relu; add { identity; from skip } }\ninput 3@8x8\nconv 3 1x1 as d\nrelu\nUp d\nUp d",
        "input 3@8x8\nconv 3 3x3 pad=1 as a -> relu as b\noutput a b",
        "input 3@8x8\nconv 3 3x3 pad=same stride=2 as a\nconv 3 3x3 pad=same stride=2 share=a",
        "input 3@8x8\nrelu -> add { relu; identity }",
        "block Nothing { identity }\ninput 3@8x8\nNothing -> Nothing -> relu -> Nothing",
        "input 3@8x8\nidentity",
        "input 1@8x8\nconv 1 3x3 weight=[[0, 1, 0], [0, 2, 0], [0, 3, 0]] bias=[0.5] -> conv 2 1x1 bias=[1, 2]",
        "block B(n) { if n > 1 { conv 3 1x1 } \n relu }\ninput 3@8x8\nfor n in [1, 2, 3] { B n }",
        "input 3@8x8\nconv 2 3x3 connect=[[0, 1], [2]] bias=[1, 2]",
        "block B(c, s) { conv c 3x3 pad=1 stride=s\n if s == 1 { relu } else { maxpool 2x2 } }\ninput 3@32x32\n"
        "B 4 1\nB 8 2\nB 8 1\nB 16 2",
        "block B(c, t) { if t != 1 { conv (t*in.channels) 1x1 -> relu }\n depthwise 3x3 pad=1 -> conv c 1x1 -> relu }\n"
        "input 3@8x8\nB 4 1\nB 6 2\nB 5 3\nB 4 2",
        "block B(c, t) { add { { if t > 1 { conv (t*in.channels) 1 }\n conv c 1x1 }; if c == in.channels { identity } }"
        "\n tanh }\ninput 3@8x8\nB 3 1\nB 3 2\nB 4 2\nB 4 1\nB 4 2",
        "block S(c) { if c != in.channels { conv c 1x1 -> batchnorm } else { identity } }\n"
        "block B(c) { add { { conv c 3x3 pad=1; relu; conv c 3x3 pad=1 }; S c }\n relu }\n"
        "input 3@8x8\nrepeat 3 { B 4 }\nrepeat 3 { B 6 }\nB 3",
        "block B(n) { mul { identity; { if n > 4 { conv n 1x1 }\n conv 8 1x1; sigmoid } } }\n"
        "input 8@8x8\nfor n in [2, 8, 4, 6] { B n }",
        "block L { concat { identity; { relu -> conv 2 3x3 pad=1 } } }\n"
        "block T { conv (in.channels//2) 1x1 -> avgpool 2x2 }\n"
        "input 4@32x32\nrepeat 2 { L }\nT\nrepeat 4 { L }\nT\nrepeat 3 { L }\nT\nrepeat 2 { L }",
        "block F { for c in [4, 8, 4, 6] { repeat 3 { conv c 3x3 pad=1 -> relu }\n maxpool 2x2 } }\ninput 3@32x32\n"
        "F as features\nflatten -> dense 7 -> relu -> dense 6 -> relu -> dense 5 -> relu",
        "block F(kernel) { for c in [4, 8, 4, 6, 7, 5, 3] { conv c kernel pad=kernel//2 -> relu } }\ninput 3@9x9\nF 3\n"
        "for c in [4, 8, 4, 6, 4, 8] { conv c 3x3 pad=1 stride=(1 if c > 4 else 2) }",
    ],
)
def test_structures(text: str) -> None:
    try:
        net = cnndsl.loads(text)
    except CnnError as error:
        pytest.fail(str(error))
    agrees(net)


# --- the command ------------------------------------------------------------------------------------------------------
def test_export_says_what_is_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", str(EXAMPLES / "lenet.cnn"), "-o", str(tmp_path / "net.py")]) == 2
    assert "--to torch" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_export_replaces_its_own_files_only(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "net.py"
    digits = EXAMPLES / "digits" / "digits.safetensors"
    line = [
        "export",
        str(EXAMPLES / "digits" / "digits.cnn"),
        "-o",
        str(out),
        "--to",
        "torch",
        "--weights",
        str(digits),
    ]
    assert main(line) == 0 and main(line) == 0
    written = capsys.readouterr().err
    assert "net.py" in written and "net.safetensors" in written
    out.write_text("x = 1\n", encoding="utf-8")
    assert main(line) == 2 and out.read_text(encoding="utf-8") == "x = 1\n"
    assert main([*line, "--force"]) == 0
    assert main([*line[:6], "--weights", str(tmp_path / "net.safetensors")]) == 0


def test_names_that_python_lacks_are_refused() -> None:
    net = cnndsl.loads("input 3@8x8\nconv 4 3x3 as a")
    told = json.loads(net.to_json())
    told["layers"][0]["name"] = told["outputs"][0] = "a\nimport os"
    with pytest.raises(CnnError, match="no names in Python"):
        torch_source(cnndsl.from_json(json.dumps(told)).graph)
    told = json.loads(net.to_json())
    told["name"] = 'X"""\nimport os'
    assert "\nimport os" not in torch_source(cnndsl.from_json(json.dumps(told)).graph)


def test_without_pytorch_it_is_named(tmp_path: Path) -> None:
    code = "import sys; sys.modules['torch'] = None; import cnndsl; cnndsl.loads('input 3; relu').to_torch()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert 'pip install "cnndsl[torch]"' in done.stderr


# --- out and in again -------------------------------------------------------------------------------------------------
WINDOW = {"kernel", "stride", "pad", "dilation", "ceil_mode", "output_pad"}
WRITTEN = {"weight", "bias", "init"}
"""Fields of a layer that may be numbers in the text: PyTorch has them as parameters."""


def described(net: cnndsl.Network) -> dict[str, tuple[object, ...]]:
    """The layers that compute something: operators, shapes, and arguments however they are written."""
    found = {}
    for node in net.graph.layers:
        if node.op.operator == "identity":
            continue
        axes = node.op.windows(net.graph.input_shapes(node)[0]) if hasattr(node.op, "windows") else ()
        windows = tuple(axis._replace(ceil=False) for axis in axes)
        left_out = WRITTEN | (WINDOW if windows else set())
        arguments = {name: str(value) for name, value in node.op.model_dump().items() if name not in left_out}
        if links := getattr(node.op, "connect", None):
            arguments["connect"] = str([sorted(row) for row in links])
        weights = {name: weight.shape for name, weight in net.graph.weights(node).items()}
        found[node.name] = (node.op.operator, str(node.shape), windows, arguments, weights)
        for more in range(len(node.inputs) - 2 if node.op.operator == "add" else 0):  # PyTorch adds two at a time
            found[f"{node.name} {more}"] = found[node.name]
    return found


def example(net: cnndsl.Network) -> tuple[Any, ...]:
    torch = pytest.importorskip("torch")
    return tuple(torch.from_numpy(np.array(made_input(value, "random", 1, 0))) for value in net.graph.inputs)


def is_the_same(back: cnndsl.Network, net: cnndsl.Network, module: Any) -> None:
    """The graph with all its names, and the module's weights."""
    assert back.imported_by == "to_torch"
    assert back.graph == net.graph and back.params == net.params
    state = module.state_dict()
    weights = back.weights()
    assert [*weights] == [key for key, *_ in net.graph.all_weights()]
    assert all(np.array_equal(weights[key], state[key].numpy()) for key in weights)
    assert {back.module_names[key.rpartition(".")[0]] for key in weights} <= {*dict(module.named_modules())}


@pytest.mark.parametrize(("path", "name"), [*networks()], ids=lambda value: getattr(value, "stem", value))
def test_out_and_in_again_is_the_same_network(path: Path, name: str | None) -> None:
    pytest.importorskip("torch")
    net = quick(loaded(path, name))
    if net.params > LARGE:
        return
    module = net.to_torch()
    is_the_same(cnndsl.from_torch(module, example(net)), net, module)
    delattr(type(module), NETWORK)
    back = cnndsl.from_torch(module, example(net))
    assert back.imported_by == "torch.fx"
    mine, theirs = described(net), described(back)
    modules = {name for name, one in module.named_modules() if type(one).__name__ != "Normalize"}  # made of functions
    assert {key: mine[key] for key in mine if key in modules} == {key: theirs[key] for key in theirs if key in modules}
    assert sorted(map(str, mine.values())) == sorted(map(str, theirs.values()))
    assert (back.params, back.buffers, back.macs) == (net.params, net.buffers, net.macs)


def test_random_networks_out_and_in_again() -> None:
    pytest.importorskip("torch")
    for number in range(40):
        net = cnndsl.loads(generators.network_text(f"torch {number}", 12))
        module = net.to_torch(weights=trained(net))
        is_the_same(cnndsl.from_torch(module, example(net)), net, module)


SMALL = """\
block Unit { add { { conv 4 3x3 pad=1 -> batchnorm -> relu -> spatial_dropout 0.2 }; identity } as sum }
input 4@8x8
normalize mean=[1, 2, 3, 4] std=2
repeat 2 { Unit }
conv 1 1x1 weight=[1, 2, 3, 4] bias=false as edges
"""
CHANGES = {
    "another layer": "module.unit1.conv1 = torch.nn.Conv2d(4, 4, 5, padding=2)",
    "another setting": "module.unit1.conv1.padding, module.unit1.conv1.dilation = (2, 2), (2, 2)",
    "another forward": "module.unit1.forward = lambda x: x * 2",
    "a hook": "module.unit1.conv1.register_forward_pre_hook(lambda one, given: (given[0] * 2,))",
    "a constant": "module.normalize1.mean += 1",
    "a written weight": "module.edges.weight.data += 1",
    "one weight for two layers": "module.unit1.conv1.weight = module.unit2.conv1.weight",
    "other numbers": "module.double(); x = x.double()",
    "another class": "module = type('Other', (type(module),), {'forward': lambda self, x: self.unit1(x)})()",
    "another size": "x = torch.randn(2, 4, 10, 12)",
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_module_that_was_changed_is_read_anew(change: str) -> None:
    torch = pytest.importorskip("torch")
    names = {"torch": torch, "module": cnndsl.loads(SMALL).to_torch(), "x": torch.randn(2, 4, 8, 8)}
    exec(CHANGES[change], names)
    module, x = names["module"], names["x"]
    if change == "a hook":
        with pytest.raises(CnnError, match="hook"):
            cnndsl.from_torch(module, x)
        return
    back = cnndsl.from_torch(module, x)
    assert back.imported_by != "to_torch"
    np.testing.assert_allclose(back.run(x.float().numpy()), module.eval()(x).detach().numpy(), rtol=1e-4, atol=1e-4)


def test_a_module_that_was_trained_copied_or_moved_to_eval_mode_keeps_its_network() -> None:
    torch = pytest.importorskip("torch")
    net = cnndsl.loads(SMALL)
    module = net.to_torch()
    assert {key for key in module.state_dict() if "num_batches" not in key} == {*net.weights()}
    optimiser = torch.optim.SGD([weight for key, weight in module.named_parameters() if "edges" not in key], 0.1)
    module(torch.randn(2, 4, 8, 8)).square().sum().backward()
    optimiser.step()
    for one in (module, copy.deepcopy(module), module.eval(), module.requires_grad_(False)):
        is_the_same(cnndsl.from_torch(one, torch.randn(3, 4, 8, 8)), net, one)
    assert not np.array_equal(module.unit1.conv1.weight.numpy(), net.weights()["unit1.conv1.weight"])


def test_links_that_training_gave_a_value_are_read_from_the_module() -> None:
    torch = pytest.importorskip("torch")
    module = cnndsl.loads("input 2@8x8\nconv 2 3x3 connect=[[0], [0, 1]]").to_torch()
    assert cnndsl.from_torch(module, torch.randn(1, 2, 8, 8)).imported_by == "to_torch"
    module.conv1.weight.data += 1
    back = cnndsl.from_torch(module, torch.randn(1, 2, 8, 8))
    assert back.imported_by == "torch.fx" and back.params == 3 * 9 + 2


@pytest.mark.parametrize("groups", [1, 2])
def test_a_mask_is_a_table_of_connections(groups: int) -> None:
    torch = pytest.importorskip("torch")

    class Masked(torch.nn.Module):  # type: ignore[misc]  # torch has no types
        def __init__(self, mask: "torch.Tensor") -> None:
            super().__init__()
            self.weight = torch.nn.Parameter(torch.randn(4, 6 // groups, 3, 3))
            self.register_buffer("mask", mask)

        def forward(self, x: "torch.Tensor") -> "torch.Tensor":
            return torch.nn.functional.conv2d(x, self.weight * self.mask, groups=groups)

    def imported(mask: "torch.Tensor") -> "tuple[object, cnndsl.Network]":
        module, x = Masked(mask), torch.randn(2, 6, 5, 5)
        net = cnndsl.from_torch(module, x)
        np.testing.assert_allclose(net.run(x.numpy()), module(x).detach().numpy(), rtol=1e-4, atol=1e-4)
        return net.graph.layers[0].op.connect, net

    mask = torch.ones(4, 6 // groups, 1, 1).expand(4, 6 // groups, 3, 3).clone()
    assert imported(mask)[0] is None
    mask[1, 0] = 0
    connect, net = imported(mask)
    if groups == 1:
        assert connect == (tuple(range(6)), (1, 2, 3, 4, 5), tuple(range(6)), tuple(range(6)))
        assert net.params == 23 * 9
    else:
        assert connect is None
    mask[2, 0, 1, 1] = 0
    assert imported(mask)[0] is None
