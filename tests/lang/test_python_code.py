"""Layers pasted from PyTorch and Keras: what the fix writes computes what PyTorch computes."""

import pytest

import cnndsl
from cnndsl.errors import Diagnostic
from cnndsl.lang.compile import compile_text
from cnndsl.lang.review.fixes import mended

HEAD = "input 3@32x32\n"


def found(text: str) -> tuple[Diagnostic, ...]:
    return cnndsl.check(text, file="net.cnn").diagnostics


LAYERS = [
    "nn.Conv2d(3, 16, kernel_size=3, padding=1)",
    "nn.Conv2d(3, 16, 3, 2, 1, 1, 1, False)",
    "nn.Conv2d(in_channels=3, out_channels=8, kernel_size=3, dilation=2, bias=False)",
    "nn.ConvTranspose2d(3, 8, 4, 2, 1)",
    "nn.MaxPool2d(2, 2)",
    "nn.MaxPool2d(3, 2, 1, ceil_mode=True)",
    "nn.AvgPool2d(3, 1, 1, False, False)",
    "nn.AdaptiveAvgPool2d((4, 4))",
    "nn.Sequential(\n  nn.Conv2d(3, 8, 3),\n  nn.BatchNorm2d(8),\n  nn.ReLU(inplace=True),\n)",
    "nn.Sequential(nn.Flatten(), nn.Linear(3072, 10), nn.Softmax(dim=1))",
    "nn.LeakyReLU(0.2)",
    "nn.GroupNorm(3, 3)",
]


@pytest.mark.parametrize("code", LAYERS)
def test_pytorch_agrees_with_what_the_fix_writes(code: str) -> None:
    torch = pytest.importorskip("torch")
    text = mended(HEAD + code, "net.cnn", lambda text: [d for d in found(text) if d.severity == "error"])
    graph = compile_text(text).networks[0]
    module = eval(code, {"nn": torch.nn})
    assert graph.layers[-1].shape.dimensions == tuple(module(torch.zeros(2, 3, 32, 32)).shape[1:])
    assert cnndsl.loads(text).params == sum(parameter.numel() for parameter in module.parameters())


WRITTEN = [
    ("x = F.relu(x)", "relu"),
    ("x = F.max_pool2d(x, 2)", "maxpool 2x2"),
    ("self.conv1 = nn.Conv2d(3, 16, 3)", "conv 16 3x3"),
    ('layers.Conv2D(16, (3, 3), padding="same")', "conv 16 3x3 pad=same"),
    ('Conv2D(16, 2, strides=2, activation="relu", name="first")', "conv 16 2x2 stride=2 -> relu"),
    ("x = layers.MaxPooling2D(pool_size=(2, 2))(x)", "maxpool 2x2"),
    ('model.add(layers.Activation("relu"))', "relu"),
    ('flatten -> layers.Dense(10, "softmax")', "flatten -> dense 10 -> softmax"),
    ("conv 8 3x3 -> F.relu(x)", "conv 8 3x3 -> relu"),
    ("conv(8, 3) -> relu()", "conv 8 3 -> relu"),
    (
        'model = Sequential([\n  layers.Conv2D(8, 3, activation="relu"),\n  layers.Flatten(),\n  layers.Dense(10),\n])',
        "conv 8 3x3 -> relu\nflatten\ndense 10",
    ),
]


@pytest.mark.parametrize(("code", "written"), WRITTEN)
def test_what_is_pasted_is_written_in_cnn(code: str, written: str) -> None:
    assert mended(HEAD + code, "net.cnn", found) == HEAD + written
    assert found(HEAD + written) == ()


def test_a_keras_model_brings_its_input() -> None:
    code = "Sequential([Input(shape=(28, 28, 1)), Conv2D(6, 5), Flatten(), Dense(10)])"
    assert mended(code, "net.cnn", lambda text: found(text)[:1]).startswith("input 1@28x28\nconv 6 5x5\n")
    code = "Sequential([Dense(10, input_shape=(784,))])"
    assert mended(code, "net.cnn", found) == "input 784\ndense 10"


AROUND = """\
from tensorflow import keras
import torch.nn as nn
inputs = keras.Input(shape=(28, 28, 1))
x = layers.Conv2D(32, 3, activation="relu")(inputs)
outputs = layers.Flatten()(x)
model = keras.Model(inputs=inputs, outputs=outputs)
model.summary()
"""


def test_what_stands_around_the_layers_is_left_out() -> None:
    assert mended(AROUND, "net.cnn", found) == "input 1@28x28\nconv 32 3x3 -> relu\nflatten\n"
    code = "model = Sequential()\nmodel.add(Dense(10, input_shape=(784,)))\n"
    assert mended(code, "net.cnn", found) == "input 784\ndense 10\n"


def test_a_class_of_pytorch_is_no_network() -> None:
    text = "class Net(nn.Module):\n  def __init__(self):\n    super().__init__()\n    self.conv1 = nn.Conv2d(1, 6, 5)\n"
    diagnostics = found(text)
    assert [(d.code, d.span.line) for d in diagnostics if d.span] == [("syntax", line) for line in (1, 2, 3, 4)]
    assert "`forward`" in diagnostics[0].help[0] and "`cnndsl import net.onnx`" in diagnostics[0].help[1]
    assert mended(text, "net.cnn", found).startswith("class Net(nn.Module):\n")


def test_an_import_of_a_file_without_quotes_is_none_of_python() -> None:
    assert "name of a file in quotes" in found("import blocks\ninput 3\n")[0].message


UNCLEAR = [
    "x = self.conv1(x)",
    "layers.Reshape((4, 4, 192))",
    "nn.Conv2d(3, 16, *sizes)",
    "x = F.relu(self.conv1(x))",
    "nn.Sequential(nn.ReLU(), Mystery(3))",
    "nn.Conv2d(3, 16)",
]


@pytest.mark.parametrize("code", UNCLEAR)
def test_what_has_no_certain_translation_is_told_and_left_alone(code: str) -> None:
    diagnostics = found(HEAD + code)
    assert [(d.code, d.span.line) for d in diagnostics if d.span] == [("syntax", 2)]
    assert "Python" in diagnostics[0].message
    assert mended(HEAD + code, "net.cnn", found) == HEAD + code


def test_the_parser_of_python_says_nothing_itself(recwarn: pytest.WarningsRecorder) -> None:
    assert found(f"{HEAD}x = F.relu(3in y)")
    assert not recwarn.list


def test_comments_inside_are_never_lost() -> None:
    code = "nn.Sequential(\n  nn.ReLU(),  # why\n)"
    assert mended(HEAD + code, "net.cnn", found) == HEAD + code
