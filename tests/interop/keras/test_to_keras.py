"""Networks as Keras: the generated source runs, takes our weights strictly, and gives the interpreter's values."""

import json
import os
import re
import subprocess
import sys
import warnings
from argparse import Namespace
from contextlib import suppress
from importlib.util import find_spec
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
from cnndsl.interop.keras.exporter.layers import LAYERS
from cnndsl.interop.keras.exporter.source import keras_file, keras_source
from cnndsl.interop.keras.exporter.unread import unread
from cnndsl.runtime.data.made import made_input
from tests import generators
from tests.example_networks import EXAMPLES, before_softmax, loaded, networks

TOLERANCE = 1e-4
LARGE = 26_000_000
"""Parameters from which on a network is not made."""

SLOW = 1_000_000_000
"""Multiplications from which on a network's values are compared at another size of its input, if it takes one."""

LAYERS_EACH = 4
NETWORKS = 300


def trained(net: cnndsl.Network, seed: int = 1) -> dict[str, np.ndarray]:
    """Initial weights, those of one dimension changed, so that none are alike."""
    random, weights = np.random.default_rng(seed), dict(net.weights())
    for key, value in weights.items():
        if value.ndim == 1:
            weights[key] = (value + random.uniform(-0.3, 0.3, value.shape)).astype(np.float32)
    return weights


def channels_last(array: Any) -> np.ndarray:
    return np.moveaxis(np.asarray(array), 1, -1)


def made(net: cnndsl.Network, weights: dict[str, np.ndarray] | None = None) -> Any:
    pytest.importorskip("keras")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of Keras's, on softmax over one channel
        model = net.to_keras(weights=weights)
    kept = [weight for _, node, weight in net.graph.all_weights() if node.name not in unread(net.graph)]
    params = sum(int(np.prod(weight.shape)) for weight in kept if not weight.buffer)
    assert sum(int(np.prod(weight.shape)) for weight in model.trainable_weights) == params
    assert model.count_params() == sum(int(np.prod(weight.shape)) for weight in kept)
    return model


def values(model: Any, inputs: list[np.ndarray]) -> list[np.ndarray]:
    import torch

    # oneDNN of PyTorch 2.13 misreads volumes of one channel whose channels are last, by what lies behind them.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with torch.backends.mkldnn.flags(enabled=False):
            given = model([channels_last(array) for array in inputs] if len(inputs) > 1 else channels_last(inputs[0]))
        found = given if isinstance(given, list | tuple) else [given]
    return [*map(as_numpy, found)]


def as_numpy(tensor: Any) -> np.ndarray:
    """A tensor of any backend."""
    import keras

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of NumPy's, on how PyTorch copies
        return np.asarray(keras.ops.convert_to_numpy(tensor))


def agrees(net: cnndsl.Network, batch: int = 2) -> None:
    weights = trained(net)
    model = made(net, weights)
    inputs = {value.name: made_input(value, "random", batch, 3) for value in net.graph.inputs}
    expected = net.run(inputs, weights=weights)
    wanted = list(expected.values()) if isinstance(expected, dict) else [expected]
    for theirs, mine in zip(values(model, list(inputs.values())), map(channels_last, wanted), strict=True):
        assert theirs.shape == mine.shape
        scale = 1 + np.nanmax(np.abs(mine), initial=0, where=np.isfinite(mine))
        np.testing.assert_allclose(theirs, mine, rtol=TOLERANCE, atol=TOLERANCE * scale)


def test_every_operator_has_a_translation() -> None:
    assert set(LAYERS) == set(ops.NAMES)


@pytest.mark.parametrize("name", ops.NAMES)
def test_every_layer_gives_the_interpreters_values(name: str) -> None:
    for number in range(LAYERS_EACH):
        agrees(cnndsl.loads(generators.sound_layer(Random(f"keras {name} {number}"), name)))


@pytest.mark.parametrize("tenth", range(10))
def test_random_networks_give_the_interpreters_values(tenth: int) -> None:
    for number in range(tenth, NETWORKS, 10):
        agrees(cnndsl.loads(generators.network_text(f"keras {number}", 12)))


@pytest.mark.parametrize(("path", "name"), [*networks()], ids=lambda value: getattr(value, "stem", value))
def test_every_example_gives_the_interpreters_values(path: Path, name: str | None) -> None:
    net = before_softmax(loaded(path, name))
    if net.params > LARGE:
        return
    if net.macs >= SLOW:
        made(net)
        with suppress(CnnError):
            net = net.at(H=64, W=64)
    if net.macs < SLOW:
        agrees(net, batch=1)


def test_what_is_written_is_as_ruff_and_mypy_want_it(tmp_path: Path) -> None:
    first: dict[str, str] = {}  # of every file, and all layers: mypy is slow, and networks of a file are alike
    for path, name in networks():
        net = loaded(path, name)
        source = keras_source(net.graph, params=variants(str(path), Namespace(set=[], network=name)))
        written = tmp_path / f"{path.stem}_{net.name}.py"
        written.write_text(source, encoding="utf-8")
        first.setdefault(str(path), str(written))
    for name in ops.NAMES:
        for number in range(2):
            net = cnndsl.loads(generators.sound_layer(Random(f"keras {name} {number}"), name))
            (tmp_path / f"layer_{name}_{number}.py").write_text(keras_source(net.graph), encoding="utf-8")
    checks = ["format --isolated --check", "check --isolated --select E4,E7,E9,F,I,UP,B,SIM,RUF"]
    for check in checks:
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *check.split(), str(tmp_path)], capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout[-3000:]
    pytest.importorskip("keras")
    files = [*first.values(), *sorted(map(str, tmp_path.glob("layer_*.py")))]
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path / "cache"), *files]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stdout[-3000:]


def test_the_file_needs_nothing_of_cnndsl_and_tries_itself(tmp_path: Path) -> None:
    pytest.importorskip("keras")
    out = tmp_path / "net.py"
    assert main(["export", str(EXAMPLES / "lenet.cnn"), "-o", str(out), "--to", "keras"]) == 0
    assert "cnndsl" not in out.read_text(encoding="utf-8").partition("\n")[2]
    done = subprocess.run([sys.executable, "-W", "ignore", str(out)], capture_output=True, text=True, cwd=tmp_path)
    assert done.stdout == "61,706 parameters\n(None, 10)\n", done.stderr


def test_blocks_are_functions_with_conditions_and_loops() -> None:
    path = EXAMPLES / "zoo" / "resnet.cnn"
    source = keras_source(
        loaded(path, "ResNet50").graph, params=variants(str(path), Namespace(set=[], network="ResNet50"))
    )
    assert source.count("def bottleneck(x: KerasTensor, filters: int, strides: int, name: str) -> KerasTensor:") == 1
    assert "    if strides != 1 or expanded != channels:\n        x = shortcut(" in source
    assert "    for i in range(1, 17):\n" in source
    assert "def ResNet50(classes: int = 1000) -> keras.Model:" in source
    assert len(source.splitlines()) < 150


def test_a_block_that_lacks_its_expansion_is_the_same_function() -> None:
    source = keras_source(loaded(EXAMPLES / "zoo" / "mobilenet_v2.cnn", "MobileNetV2").graph)
    assert source.count("def inverted_residual") == 1
    assert "    if expansion != 1:\n        y = layers.Conv2D(\n            expansion * channels, 1," in source
    assert "        expansion = 1 if i == 1 else 6\n" in source


def test_stages_are_loops_of_loops() -> None:
    source = keras_source(loaded(EXAMPLES / "zoo" / "vgg.cnn", "VGG16").graph)
    assert (
        "    widths = [64, 64, 128, 128, *[256] * 3, *[512] * 6]\n"
        "    for i, (begin, end) in enumerate([(1, 3), (3, 5), (5, 8), (8, 11), (11, 14)]):\n"
        "        for j in range(begin, end):\n"
    ) in source
    assert '        x = layers.MaxPooling2D(2, name=f"{name}-maxpool{i + 1}")(x)\n' in source
    source = keras_source(loaded(EXAMPLES / "zoo" / "densenet.cnn", "DenseNet121").graph)
    assert (
        '            x = dense_layer(x, name=f"{name}-dense_layer{j}")\n        if i < 4:\n'
        '            x = transition(x, name=f"{name}-transition{i}")\n'
    ) in source


def test_params_are_arguments_that_mean_the_same() -> None:
    pytest.importorskip("keras")
    path = EXAMPLES / "cifar10.cnn"
    path = path if "param " in path.read_text(encoding="utf-8") else EXAMPLES / "zoo" / "squeezenet.cnn"
    name = re.findall(r"^network (\w+)", path.read_text(encoding="utf-8"), re.MULTILINE)[-1:] or [None]
    found = variants(str(path), Namespace(set=[], network=name[0]))
    source, network = keras_file(loaded(path, name[0]).graph, params=found)
    tried = [param for param in found if f"{param}: int = " in source]
    assert tried
    names: dict[str, Any] = {"__name__": "generated"}
    exec(source, names)
    for param in tried:
        _, other, graph = found[param]
        model = names[network](**{param: other})
        assert model.output_shape[-1] == graph.shapes[graph.outputs[0]].channels
        assert len(model.weights) == len([*graph.all_weights()])


def test_weights_beside_the_source_are_loaded_strictly(tmp_path: Path) -> None:
    pytest.importorskip("keras")
    out, digits = tmp_path / "net.py", EXAMPLES / "digits"
    line = ["export", str(digits / "digits.cnn"), "-o", str(out), "--to", "keras", "--weights"]
    assert main([*line, str(digits / "digits.safetensors")]) == 0
    names: dict[str, Any] = {"__name__": "generated"}
    exec(out.read_text(encoding="utf-8"), names)
    net = cnndsl.load(digits / "digits.cnn")
    model = names[net.name.capitalize()]()
    names["load_weights"](model, str(out.with_suffix(".safetensors")))
    (value,) = net.graph.inputs
    x = made_input(value, "random", 2, 1)
    (theirs,) = values(model, [x])
    np.testing.assert_allclose(theirs, net.run(x, weights=digits / "digits.safetensors"), rtol=1e-4, atol=1e-5)

    from safetensors.numpy import load_file, save_file

    arrays = load_file(out.with_suffix(".safetensors"))
    broken = tmp_path / "broken.safetensors"
    for changed in ({**arrays, "more.weight": np.zeros(3)}, {key: arrays[key] for key in [*arrays][1:]}):
        save_file(changed, broken)
        with pytest.raises(ValueError, match="missing or unexpected"):
            names["load_weights"](model, str(broken))
    save_file({key: value[..., :-1].copy() for key, value in arrays.items()}, broken)
    with pytest.raises(ValueError, match="shape"):
        names["load_weights"](model, str(broken))


def test_a_model_is_saved_and_loaded_by_keras(tmp_path: Path) -> None:
    """The helpers too, which are registered, with what they were made of."""
    keras = pytest.importorskip("keras")
    net = cnndsl.loads(
        "input 4@9x9\nconv 4 3x3 pad=1 pad_mode=edge connect=[[0, 1], [2], [3], [0]]\n"
        "maxpool 3x3 pad=1 dilation=2 stride=1\nlrn 3\nscale init=2 bias=true\nresize 8x8 mode=cubic\n"
        "conv_transpose 4 3x3 groups=2 stride=2\nsubsample 2x2\nadaptive_avgpool 3x5\npixel_shuffle 2\nbias\n"
        "add { identity; parameter 1@6x10 init=0.5 }\navgpool 3x3 pad=1 ceil_mode=true\nlppool 2x2\nflatten\nrbf 3"
    )
    model = made(net, trained(net))
    x = np.random.default_rng(1).normal(size=(2, 4, 9, 9)).astype(np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.save(tmp_path / "net.keras")
        again = keras.saving.load_model(tmp_path / "net.keras")
    assert np.array_equal(*(values(one, [x])[0] for one in (model, again)))


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
        "input 3@8x8\nconv 3 3x3 pad=1 stride=2 dilation=2 as a\nconv 3 3x3 pad=1 stride=1 dilation=2 share=a",
        "input 3@8x8\nrelu -> add { relu; identity }",
        "block Nothing { identity }\ninput 3@8x8\nNothing -> Nothing -> relu -> Nothing",
        "input 3@8x8\nidentity",
        "input 1@8x8\nconv 1 3x3 weight=[[0, 1, 0], [0, 2, 0], [0, 3, 0]] bias=[0.5] -> conv 2 1x1 bias=[1, 2]",
        "input 2@8x8\nconv 4 3x3 groups=2 bias=[1, 2, 3, 4]\ndepthwise 3x3 multiplier=2 stride=[1, 2]",
        "block B(n) { if n > 1 { conv 3 1x1 } \n relu }\ninput 3@8x8\nfor n in [1, 2, 3] { B n }",
        "input 3@8x8\nconv 2 3x3 connect=[[0, 1], [2]] bias=[1, 2]",
        "block layers { conv 3 1x1 }\ninput 3@8x8 as x\nlayers as ops -> layers as keras -> conv 2 1x1 as name",
        "block x(filters) { conv filters 1x1 as i }\ninput 3@8x8 as lambda\nx 3 as load_weights -> x 4 as math",
        "input 3@8x8\nconv 3 3x3 pad=1 as filters\nconv 4 1x1 -> conv 5 1x1 -> conv 9 1x1 -> conv 3 1x1\n"
        "add { identity; from filters } as i\nrelu -> relu -> relu\nadd { identity; from i } as widths",
        "input 3@4x4 as class\nconv 3 1x1 as def\nrelu as None\nmul { identity; from def }",
    ],
)
def test_structures(text: str) -> None:
    try:
        net = cnndsl.loads(text)
    except CnnError as error:
        pytest.fail(str(error))
    agrees(net)


def test_params_and_blocks_that_are_called_as_what_the_file_needs(tmp_path: Path) -> None:
    path = tmp_path / "net.cnn"
    path.write_text(
        "param keras = 4\nparam filters = 3\nparam stem = 5\nblock Filters(n) { conv n 1x1 }\n"
        "block Stem(n) { Filters n -> relu -> Filters (2 * n) }\ninput 3@4x4\nStem keras -> Stem filters -> Stem stem\n"
        "Filters keras -> Filters filters\n",
        encoding="utf-8",
    )
    found = variants(str(path), Namespace(set=[], network=None))
    assert len(found) == 3
    net = cnndsl.load(path)
    source, network = keras_file(net.graph, params=found)
    agrees(net)
    names: dict[str, Any] = {"__name__": "generated"}
    exec(source, names)
    assert names[network]().output_shape == (None, 4, 4, 3)
    assert names[network](filters=7).output_shape == (None, 4, 4, 7)


def test_literal_weights_stand_in_the_source() -> None:
    net = cnndsl.loads(
        "input 2@8x8\nconv 2 2x1 weight=[[[1, 2], [3, 4]], [[5, 6], [7, 8]]] bias=[0.5, 1]\n"
        "depthwise 2x1 weight=[[[1, 2]], [[3, 4]]]\nparameter (2@1x3) weight=[[[1, 2, 3]], [[4, 5, 6]]]"
    )
    pytest.importorskip("keras")
    names: dict[str, Any] = {"__name__": "generated"}
    exec(keras_source(net.graph), names)
    model = names[net.name.capitalize()]()
    ours = net.weights(3)
    theirs = {variable.path: as_numpy(variable) for variable in model.weights}
    moved = np.transpose(ours["conv1.weight"], (2, 3, 1, 0))
    assert np.array_equal(theirs["conv1/kernel"], moved)
    assert np.array_equal(theirs["conv1/bias"], ours["conv1.bias"])


# --- the command ------------------------------------------------------------------------------------------------------
def test_export_says_what_is_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", str(EXAMPLES / "lenet.cnn"), "-o", str(tmp_path / "net.py")]) == 2
    assert "--to torch or --to keras" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_names_that_python_lacks_are_refused() -> None:
    net = cnndsl.loads("input 3@8x8\nconv 4 3x3 as a")
    told = json.loads(net.to_json())
    told["layers"][0]["name"] = told["outputs"][0] = "a\nimport os"
    with pytest.raises(CnnError, match="no names in Python"):
        keras_source(cnndsl.from_json(json.dumps(told)).graph)
    told = json.loads(net.to_json())
    told["name"] = 'X"""\nimport os'
    assert "\nimport os" not in keras_source(cnndsl.from_json(json.dumps(told)).graph)


def test_without_keras_it_is_named() -> None:
    code = "import sys; sys.modules['keras'] = None; import cnndsl; cnndsl.loads('input 3; relu').to_keras()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert 'pip install "cnndsl[keras]"' in done.stderr


def test_without_a_backend_it_is_named() -> None:
    pytest.importorskip("keras")
    if find_spec("tensorflow"):
        pytest.skip("TensorFlow is installed")
    code = "import cnndsl; cnndsl.loads('input 3; relu').to_keras()"
    environment = {**os.environ, "KERAS_BACKEND": "tensorflow"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    assert "Keras would compute with TensorFlow" in done.stderr and "KERAS_BACKEND=torch" in done.stderr
