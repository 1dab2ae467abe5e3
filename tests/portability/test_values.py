"""Activations: the numbers that are told are those of both frameworks."""

from typing import Any

import numpy as np
import onnxruntime
import pytest

from tests.portability.frameworks import (
    F,
    by_keras,
    by_keras_function,
    by_onnxruntime,
    by_torch,
    close,
    drawn,
    finding,
    findings,
    keras,
    layers,
    numbers,
    proves,
    torch,
)


@proves("onnx-softmax")
@pytest.mark.parametrize(("operator", "function"), [("Softmax", F.softmax), ("LogSoftmax", F.log_softmax)])
def test_softmax_without_an_axis_in_onnx(operator: str, function: Any) -> None:
    x = drawn(2, 3, 4, 5)
    word = {"Softmax": "softmax", "LogSoftmax": "log_softmax"}[operator]
    here, there = by_torch(function, x, dim=1), by_onnxruntime(operator, x)
    assert not close(here, there)
    assert close(by_onnxruntime(operator, x, axis=1), here)
    columns, channels = numbers(finding(f"input 3@4x5\n{word}", "onnx"))
    sums = (there if operator == "Softmax" else np.exp(there)).sum(axis=-1)
    assert columns == x.shape[3] and channels == x.shape[1] and np.allclose(sums, 1, atol=1e-5)
    vector = drawn(2, 7)
    assert close(by_torch(function, vector, dim=1), by_onnxruntime(operator, vector))
    assert findings(f"input 7\n{word}", "onnx") == []


@proves("torch-softmax")
@pytest.mark.parametrize("spatial", [(), (4,), (4, 5), (2, 4, 5)])
@pytest.mark.parametrize(("word", "module"), [("softmax", torch.nn.Softmax), ("log_softmax", torch.nn.LogSoftmax)])
def test_softmax_without_dim_in_pytorch(spatial: tuple[int, ...], word: str, module: Any) -> None:
    x = drawn(2, 3, *spatial)
    here = by_keras(layers.Activation(word), x)  # the channels are last there, and the default axis
    there = by_torch(module(), x)
    text = f"input 3{'@' + 'x'.join(map(str, spatial)) if spatial else ''}\n{word}"
    assert findings(text, "keras") == []
    if close(here, there):
        assert findings(text, "torch") == []
    else:
        assert numbers(finding(text, "torch")) == [3]
        assert np.allclose((there if word == "softmax" else np.exp(there)).sum(axis=0), 1, atol=1e-5)


@proves("slope")
@pytest.mark.parametrize("slope", [0.01, 0.3, 0.2])
@pytest.mark.parametrize("target", ["keras", "torch", "onnx"])
def test_default_slopes(slope: float, target: str) -> None:
    x = -np.ones((1, 1), np.float32)
    default = {
        "keras": lambda: by_keras(layers.LeakyReLU(), x),
        "torch": lambda: by_torch(torch.nn.LeakyReLU(), x),
        "onnx": lambda: by_onnxruntime("LeakyRelu", x),
    }[target]().item()
    text = f"input 1\nleaky_relu {slope}"
    if -default == pytest.approx(slope):
        assert findings(text, target) == []
    else:
        assert numbers(finding(text, target)) == pytest.approx([-default, slope])


@proves("gelu")
@pytest.mark.parametrize("form", ["none", "tanh"])
@pytest.mark.parametrize("target", ["keras", "torch", "onnx"])
def test_the_forms_of_gelu(form: str, target: str) -> None:
    x = np.linspace(-6, 6, 120_001, dtype=np.float32)[None]
    here = by_torch(F.gelu, x, approximate=form)
    defaults = {
        "keras": [
            by_keras_function(keras.ops.gelu, x),
            by_keras_function(keras.activations.gelu, x),
        ],
        "torch": [by_torch(F.gelu, x)],
        "onnx": [by_onnxruntime("Gelu", x)],
    }[target]
    found = [message for message in findings(f"input 4\ngelu approximate={form}", target) if "opset" not in message]
    apart = max(float(np.abs(here - default).max()) for default in defaults)
    if apart < 1e-5:
        assert found == []
    else:
        assert numbers(found[0]) == [pytest.approx(apart, abs=5e-6)]


@proves("hardsigmoid")
def test_the_slope_of_hard_sigmoid_in_onnx() -> None:
    x = np.linspace(-4, 4, 8001, dtype=np.float32)[None]
    here, there = by_torch(F.hardsigmoid, x), by_onnxruntime("HardSigmoid", x)
    assert close(here, by_keras(layers.Activation("hard_sigmoid"), x))
    assert close(here, by_onnxruntime("HardSigmoid", x, alpha=1 / 6))
    slope, one, six, apart, place = numbers(finding("input 4\nhardsigmoid", "onnx").replace("/", " "))
    differences = np.abs(here - there)[0]
    assert (slope, one / six) == (
        pytest.approx(by_onnxruntime("HardSigmoid", np.ones((1, 1), np.float32)) - 0.5),
        1 / 6,
    )
    assert apart == pytest.approx(differences.max(), abs=5e-4) and abs(x[0, differences.argmax()]) == pytest.approx(
        place
    )
    assert findings("input 4\nhardsigmoid", "keras") == [] == findings("input 4\nhardsigmoid", "torch")


@proves("slopes")
@pytest.mark.parametrize("shape", [(16, 5, 6), (16,), (1, 5, 6), (16, 1, 1)])
@pytest.mark.parametrize("target", ["keras", "torch"])
def test_the_number_of_learnt_slopes(shape: tuple[int, ...], target: str) -> None:
    if target == "keras":
        layer = layers.PReLU()
        by_keras(layer, drawn(1, *shape))
        count = layer.count_params()
    else:
        count = sum(parameter.numel() for parameter in torch.nn.PReLU().parameters())
    spatial = "@" + "x".join(map(str, shape[1:])) if shape[1:] else ""
    text = f"input {shape[0]}{spatial}\nprelu"
    if count == shape[0]:
        assert findings(text, target) == []
    else:
        assert numbers(finding(text, target)) == [count, shape[0]]


@proves("onnx-slopes")
def test_where_slopes_belong_in_onnx() -> None:
    slope = np.arange(4, dtype=np.float32)
    x = -np.ones((1, 4, 3, 4), np.float32)
    here = by_torch(F.prelu, x, slope)
    assert close(here, by_onnxruntime("PRelu", x, slope.reshape(4, 1, 1)))
    assert (by_onnxruntime("PRelu", x, slope) == -slope).all()  # along the columns
    channels, positions = numbers(finding("input 4@3x4\nprelu", "onnx"))[:2]
    assert (channels, positions) == (4, 4)
    assert finding("input 4@3x5\nprelu", "onnx").partition(";")[0].endswith("5 positions, unless their shape is 4x1x1")
    with pytest.raises(onnxruntime.capi.onnxruntime_pybind11_state.Fail):
        by_onnxruntime("PRelu", drawn(1, 4, 3, 5), slope)
    assert close(by_torch(F.prelu, x[:, :, 0, 0], slope), by_onnxruntime("PRelu", x[:, :, 0, 0], slope))
    assert findings("input 4\nprelu", "onnx") == []
