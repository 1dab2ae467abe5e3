"""Imported models, judged by PyTorch, by ONNX Runtime and by published counts."""

import io
import warnings
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from cnndsl import api, ops
from cnndsl.analysis.measured import Measured
from cnndsl.errors import CnnError
from cnndsl.interop.onnx.exporter.model import export
from cnndsl.interop.onnx.importer.model import from_onnx
from cnndsl.lang.compile import compile_text
from cnndsl.runtime.data.initial_weights import initial_weights
from cnndsl.runtime.interpreter import execute
from cnndsl.runtime.plan.planner import make_plan

LIGHT = Path(onnx.__file__).parent / "backend/test/data/light"


def session(model):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    source = model.SerializeToString() if isinstance(model, onnx.ModelProto) else str(model)
    return onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])


def run(imported, *arrays):
    """The outputs of an imported network."""
    names = [value.name for value in imported.network.inputs]
    values = execute(make_plan(imported.network, imported.weights), dict(zip(names, arrays, strict=True)))
    return [values[name] for name in imported.network.outputs]


def assert_close(actual, expected, tolerance=1e-4):
    assert actual.shape == expected.shape
    assert np.abs(actual - expected).max(initial=0) <= tolerance * max(np.abs(expected).max(initial=0), 1e-30)


def assert_agrees_with_runtime(model, *arrays, tolerance=1e-4):
    imported = from_onnx(model)
    running = session(model)
    names = [value.name for value in running.get_inputs()]
    expected = running.run(None, dict(zip(names, arrays, strict=True)))
    for actual, wanted in zip(run(imported, *arrays), expected, strict=True):
        assert_close(actual, wanted, tolerance)
    return imported


# --- PyTorch's exporter -----------------------------------------------------------------------------------------------
def torch_networks():
    """Twenty networks in the ways people write them, each with the shape of its input."""
    torch = pytest.importorskip("torch")
    nn, F = torch.nn, torch.nn.functional

    class Written(nn.Module):
        """A module whose forward pass is a function of itself and x."""

        def __init__(self, forward, **parts):
            super().__init__()
            self.written = forward
            for name, part in parts.items():
                setattr(self, name, part)

        def forward(self, x):
            return self.written(self, x)

    def conv_norm(inputs, outputs, kernel=3, activation=None, **more):
        parts = [nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=False, **more), nn.BatchNorm2d(outputs)]
        return nn.Sequential(*parts, *([activation] if activation else []))

    def residual(inputs, outputs, stride=1):
        short = conv_norm(inputs, outputs, 1, stride=stride) if stride > 1 or inputs != outputs else nn.Identity()
        body = nn.Sequential(conv_norm(inputs, outputs, 3, nn.ReLU(), stride=stride), conv_norm(outputs, outputs))
        return Written(lambda self, x: F.relu(self.body(x) + self.short(x)), body=body, short=short)

    def inverted(inputs, outputs, stride, expansion):
        hidden = inputs * expansion
        body = nn.Sequential(
            conv_norm(inputs, hidden, 1, nn.ReLU6()),
            conv_norm(hidden, hidden, 3, nn.ReLU6(), stride=stride, groups=hidden),
            conv_norm(hidden, outputs, 1),
        )
        joined = stride == 1 and inputs == outputs
        return Written(lambda self, x: x + self.body(x) if joined else self.body(x), body=body)

    def gated(channels, ratio=4):
        return Written(
            lambda self, x: x * torch.sigmoid(self.up(F.relu(self.down(F.adaptive_avg_pool2d(x, 1))))),
            down=nn.Conv2d(channels, channels // ratio, 1),
            up=nn.Conv2d(channels // ratio, channels, 1),
        )

    def shuffled(self, x):
        batch, channels, height, width = x.shape
        first, second = x.chunk(2, dim=1)
        x = torch.cat([first, self.body(second)], 1)
        return x.view(batch, 2, channels // 2, height, width).transpose(1, 2).reshape(batch, channels, height, width)

    def convnext(self, x):
        y = self.depthwise(x).permute(0, 2, 3, 1)
        y = self.down(F.gelu(self.up(self.norm(y)))) * self.gamma
        return x + y.permute(0, 3, 1, 2)

    def dense_block(self, x):
        maps = [x]
        for layer in self.layers:
            maps.append(layer(torch.cat(maps, 1)))
        return torch.cat(maps, 1)

    def unet(self, x):
        first = self.first(x)
        second = self.second(F.max_pool2d(first, 2))
        return self.last(torch.cat([first, self.up(second)], 1))

    def hand_written(self, x):
        mean = x.mean((1, 2, 3), keepdim=True)
        x = (x - mean) / torch.sqrt(((x - mean) ** 2).mean((1, 2, 3), keepdim=True) + 1e-5)
        x = x * torch.clamp(x + 3, 0, 6) / 6
        return 0.5 * x * (1 + torch.tanh(0.7978845608028654 * (x + 0.044715 * x**3)))

    nets = {
        "perceptron": (nn.Sequential(nn.Linear(12, 8), nn.Tanh(), nn.Linear(8, 3), nn.Softmax(1)), (12,)),
        "lenet": (
            nn.Sequential(
                nn.Conv2d(1, 6, 5, padding=2),
                nn.Tanh(),
                nn.AvgPool2d(2),
                nn.Conv2d(6, 16, 5),
                nn.Tanh(),
                nn.AvgPool2d(2),
                nn.Flatten(),
                nn.Linear(400, 84),
                nn.Tanh(),
                nn.Linear(84, 10),
                nn.LogSoftmax(1),
            ),
            (1, 28, 28),
        ),
        "vgg": (
            nn.Sequential(
                *(
                    part
                    for inputs, outputs in ((3, 8), (8, 8), (8, 8))
                    for part in (nn.Conv2d(inputs, outputs, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2))
                ),
                nn.AdaptiveAvgPool2d(2),
                nn.Flatten(),
                nn.Dropout(),
                nn.Linear(32, 5),
            ),
            (3, 32, 32),
        ),
        "resnet": (
            nn.Sequential(
                conv_norm(3, 8, 7, nn.ReLU(), stride=2),
                nn.MaxPool2d(3, 2, 1),
                residual(8, 8),
                residual(8, 8),
                residual(8, 16, 2),
                residual(16, 16),
                nn.AdaptiveAvgPool2d(1),
                nn.Flatten(),
                nn.Linear(16, 5),
            ),
            (3, 33, 33),
        ),
        "mobilenet": (
            nn.Sequential(inverted(4, 4, 1, 2), inverted(4, 6, 2, 3), inverted(6, 6, 1, 3), nn.Conv2d(6, 8, 1)),
            (4, 16, 16),
        ),
        "squeeze_excite": (nn.Sequential(nn.Conv2d(3, 8, 3), gated(8), nn.SiLU()), (3, 9, 9)),
        "shufflenet": (Written(shuffled, body=conv_norm(4, 4, 3, nn.ReLU(), groups=4)), (8, 6, 6)),
        "convnext": (
            Written(
                convnext,
                depthwise=nn.Conv2d(8, 8, 7, padding=3, groups=8),
                norm=nn.LayerNorm(8, eps=1e-6),
                up=nn.Linear(8, 32),
                down=nn.Linear(32, 8),
                gamma=nn.Parameter(torch.rand(8)),
            ),
            (8, 10, 10),
        ),
        "densenet": (
            Written(
                dense_block,
                layers=nn.ModuleList(
                    nn.Sequential(nn.BatchNorm2d(4 + 3 * i), nn.ReLU(), nn.Conv2d(4 + 3 * i, 3, 3, padding=1))
                    for i in range(4)
                ),
            ),
            (4, 8, 8),
        ),
        "unet": (
            Written(
                unet,
                first=nn.Conv2d(1, 4, 3, padding=1),
                second=nn.Conv2d(4, 8, 3, padding=1),
                up=nn.ConvTranspose2d(8, 4, 2, 2),
                last=nn.Conv2d(8, 2, 1),
            ),
            (1, 16, 16),
        ),
        "generator": (
            nn.Sequential(
                nn.Linear(10, 64),
                nn.Unflatten(1, (4, 4, 4)),
                nn.ConvTranspose2d(4, 8, 4, 2, 1, bias=False),
                nn.BatchNorm2d(8),
                nn.ReLU(),
                nn.ConvTranspose2d(8, 3, 3, 2, 1, output_padding=1),
                nn.Tanh(),
            ),
            (10,),
        ),
        "super_resolution": (
            nn.Sequential(
                nn.Conv2d(1, 8, 5, padding=2),
                nn.PReLU(8),
                nn.Conv2d(8, 4, 3, padding=1),
                nn.PixelShuffle(2),
                nn.Upsample(scale_factor=2),
                nn.Upsample(scale_factor=2, mode="bilinear"),
                nn.Upsample(size=(37, 20), mode="bicubic"),
                nn.Conv2d(1, 1, 3),
            ),
            (1, 8, 8),
        ),
        "norms": (
            nn.Sequential(
                nn.Conv2d(3, 8, 3),
                nn.GroupNorm(4, 8),
                nn.InstanceNorm2d(8, affine=True),
                nn.LayerNorm((8, 6, 6)),
                nn.GroupNorm(2, 8, affine=False),
                nn.InstanceNorm2d(8),
                nn.ReLU(),
            ),
            (3, 8, 8),
        ),
        "activations": (
            nn.Sequential(
                nn.GELU(),
                nn.GELU(approximate="tanh"),
                nn.Mish(),
                nn.Hardswish(),
                nn.ELU(0.5),
                nn.SELU(),
                nn.CELU(0.7),
                nn.Softplus(),
                nn.LeakyReLU(0.2),
                nn.Softsign(),
                nn.Hardsigmoid(),
                nn.Hardtanh(-0.5, 0.4),
            ),
            (3, 5, 5),
        ),
        "sequence": (
            nn.Sequential(
                nn.ConstantPad1d((4, 0), 0.0),
                nn.Conv1d(2, 6, 3, dilation=2),
                nn.ReLU(),
                nn.MaxPool1d(2, ceil_mode=True),
                nn.BatchNorm1d(6),
                nn.AdaptiveMaxPool1d(1),
                nn.Flatten(),
                nn.Linear(6, 3, bias=False),
            ),
            (2, 19),
        ),
        "video": (
            nn.Sequential(
                nn.Conv3d(2, 4, 3, padding=1),
                nn.BatchNorm3d(4),
                nn.ReLU(),
                nn.MaxPool3d((1, 2, 2)),
                nn.AvgPool3d(2),
                nn.Flatten(),
                nn.Linear(32, 4),
            ),
            (2, 4, 8, 8),
        ),
        "padding": (
            nn.Sequential(
                nn.ReflectionPad2d(2),
                nn.Conv2d(2, 3, 5),
                nn.ReplicationPad2d((1, 2, 0, 1)),
                nn.Conv2d(3, 3, 3, padding=2, padding_mode="circular"),
                nn.ZeroPad2d((-1, -1, -1, -1)),
                nn.AvgPool2d(3, 2, 1),
                nn.MaxPool2d(2, 1),
            ),
            (2, 12, 12),
        ),
        "prepared": (
            Written(
                lambda self, x: self.conv((x / 255 - self.mean) / self.std) * 2 + 1,
                conv=nn.Conv2d(3, 4, 3),
                mean=nn.Parameter(torch.rand(3, 1, 1)),
                std=nn.Parameter(torch.rand(3, 1, 1) + 1),
            ),
            (3, 6, 6),
        ),
        "merges": (
            Written(
                lambda self, x: torch.cat(
                    [
                        torch.maximum(self.a(x), self.b(x)),
                        self.a(x) - self.b(x),
                        torch.minimum(self.a(x), self.b(x)),
                        -self.b(x),
                    ],
                    1,
                ),
                a=nn.Conv2d(2, 4, 3, padding=1),
                b=nn.Conv2d(2, 4, 1),
            ),
            (2, 6, 6),
        ),
        "by_hand": (Written(hand_written), (3, 4, 5)),
    }
    assert len(nets) == 20
    return nets


NETWORKS = [
    "perceptron",
    "lenet",
    "vgg",
    "resnet",
    "mobilenet",
    "squeeze_excite",
    "shufflenet",
    "convnext",
    "densenet",
    "unet",
    "generator",
    "super_resolution",
    "norms",
    "activations",
    "sequence",
    "video",
    "padding",
    "prepared",
    "merges",
    "by_hand",
]


def randomised(torch, net):
    """Norms with statistics unlike their first ones, so that folding them matters."""
    torch.manual_seed(0)
    for part in net.modules():
        for name in ("running_mean", "running_var", "weight"):
            tensor = getattr(part, name, None)
            if "Norm" in type(part).__name__ and tensor is not None:
                tensor.data.uniform_(0.5, 1.5)
    return net.eval()


def torch_export(torch, net, example, opset, folding=True, dynamic=True):
    stream = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            net,
            example,
            stream,
            dynamo=False,
            opset_version=opset,
            input_names=["x"],
            do_constant_folding=folding,
            dynamic_axes={"x": {0: "N"}} if dynamic else None,
            training=torch.onnx.TrainingMode.EVAL if folding else torch.onnx.TrainingMode.PRESERVE,
        )
    return onnx.load_from_string(stream.getvalue())


@pytest.mark.parametrize(("opset", "dynamic"), [(9, False), (13, True), (17, True), (17, False)])
@pytest.mark.parametrize("name", NETWORKS)
def test_pytorch_exports_agree_with_pytorch(name, opset, dynamic):
    torch = pytest.importorskip("torch")
    net, shape = torch_networks()[name]
    net = randomised(torch, net)
    example = torch.randn(1, *shape, generator=torch.Generator().manual_seed(1))
    if name == "super_resolution" and opset < 11:
        pytest.skip("PyTorch writes another interpolation than its own: coordinates came with opset 11")
    try:
        model = torch_export(torch, net, example, opset, dynamic=dynamic)
    except (RuntimeError, torch.onnx.errors.OnnxExporterError, ValueError) as error:
        pytest.skip(f"PyTorch does not export it: {str(error).splitlines()[0][:80]}")
    batch = torch.randn(3, *shape, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        expected = net(batch).numpy()
    (actual,) = run(from_onnx(model), batch.numpy())
    assert_close(actual, expected)


# --- the models inside the onnx package -------------------------------------------------------------------------------
COUNTS = {
    "bvlc_alexnet": (60_965_224, 654_560_384),
    "densenet121": (7_895_208, 2_834_161_664),
    "inception_v1": (6_998_552, 1_431_556_352),
    "inception_v2": (11_175_080, 2_018_851_840),
    "resnet50": (25_503_912, 4_089_184_256),
    "shufflenet": (1_366_488, 124_664_528),
    "squeezenet": (1_235_496, 349_151_936),
    "vgg19": (143_667_240, 19_632_062_464),
    "zfnet512": (87_250_536, 1_481_727_008),
}
"""Parameters of convolutions and dense layers, and MACs, as published."""


@pytest.mark.parametrize("name", COUNTS)
def test_light_models_count_as_published(name):
    network = Measured(from_onnx(LIGHT / f"light_{name}.onnx").network)
    counted = sum(layer.params for layer in network.layers.values() if layer.operator in ("conv", "depthwise", "dense"))
    assert (counted, network.macs) == COUNTS[name]


def randomised_model(path, seed=0):
    """The model with random weights of a sound size in place of its constants, which prove nothing."""
    model = onnx.load(path)
    random = np.random.default_rng(seed)
    graph = model.graph
    shapes = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    roles = {}
    for node in graph.node:
        for index, name in enumerate(node.input):
            roles[name] = (node.op_type, index)
    kept = [node for node in graph.node if node.op_type != "ConstantOfShape"]
    for node in graph.node:
        if node.op_type != "ConstantOfShape":
            continue
        shape = tuple(int(size) for size in shapes[node.input[0]])
        if roles.get(node.output[0]) in (("BatchNormalization", 1), ("BatchNormalization", 4)):
            values = random.random(shape, np.float32) + 0.5
        elif len(shape) == 1:
            values = 0.1 * random.standard_normal(shape, np.float32)
        else:
            values = random.standard_normal(shape, np.float32)
            values *= np.sqrt(2 / np.prod(shape[1:]))
        graph.initializer.append(numpy_helper.from_array(values, node.output[0]))
    del graph.node[:]
    graph.node.extend(kept)
    return model


@pytest.mark.parametrize("name", COUNTS)
def test_light_models_agree_with_onnx_runtime_before_and_after_the_text(name):
    model = randomised_model(LIGHT / f"light_{name}.onnx")
    x = np.random.default_rng(1).random((1, 3, 224, 224), np.float32)
    imported = from_onnx(model)
    (wanted,) = session(model).run([model.graph.output[0].name], {feed(model): x})
    (actual,) = run(imported, x)
    assert_close(actual, wanted)
    (again,) = run_text(imported, x)
    np.testing.assert_array_equal(again, actual)


def feed(model):
    """The input that is no initializer."""
    known = {tensor.name for tensor in model.graph.initializer}
    used = {name for node in model.graph.node for name in node.input}
    (name,) = [value.name for value in model.graph.input if value.name not in known and value.name in used]
    return name


def run_text(imported, *arrays):
    """The outputs of the network that the decompiled text gives, with the weights under their new names."""
    _, network = api.Network(imported.network, imported.weights).decompiled()
    names = [value.name for value in network.graph.inputs]
    values = network.runner()(dict(zip(names, arrays, strict=True)))
    return [values[name] for name in network.outputs]


# --- files of this and other exporters --------------------------------------------------------------------------------
def exported(text, opset=17):
    (network,) = compile_text(text, "net.cnn").networks
    return export(network, initial_weights(network), opset=opset)


def test_names_of_our_own_exports_come_back():
    imported = from_onnx(
        exported("block Twice(n) { conv n 3x3 pad=1 -> gelu }\ninput 3@8x8 as image\nTwice 4 as body\n")
    )
    assert [node.name for node in imported.network.layers] == ["body.conv1", "body.gelu1"]
    assert set(imported.weights) == {"body.conv1.weight", "body.conv1.bias"}
    assert imported.network.inputs[0].name == "image"


def one(kind, shape, *constants, opset=17, output=None, **attributes):
    """A model of one node on ``x``, its other inputs constants."""
    names = [f"c{index}" for index in range(len(constants))]
    node = helper.make_node(kind, ["x", *names], ["y"], name=f"the_{kind.lower()}", **attributes)
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, output)
    graph = helper.make_graph(
        [node], "one", [x], [y], [numpy_helper.from_array(c, n) for n, c in zip(names, constants, strict=True)]
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


def test_initializers_that_are_also_inputs_are_constants():
    model = one("Conv", [1, 1, 5, 5], np.ones((2, 1, 3, 3), np.float32))
    model.graph.input.append(helper.make_tensor_value_info("c0", TensorProto.FLOAT, [2, 1, 3, 3]))
    assert [value.name for value in from_onnx(model).network.inputs] == ["input"]


def channels_last():
    """What TensorFlow's exporter writes: channels last outside, transposed around every convolution."""
    random = np.random.default_rng(0)
    weight = random.standard_normal((4, 3, 3, 3), dtype=np.float32)
    tensors = {
        "w": weight,
        "b": random.standard_normal(4, dtype=np.float32),
        "w2": random.standard_normal((4, 4, 1, 1), dtype=np.float32),
        "m": random.standard_normal((4, 5), dtype=np.float32),
        "pads": np.array([0, 1, 1, 0, 0, 1, 1, 0], np.int64),
    }
    nodes = [
        helper.make_node("Pad", ["x", "pads"], ["p"]),
        helper.make_node("Transpose", ["p"], ["a"], perm=[0, 3, 1, 2]),
        helper.make_node("Conv", ["a", "w"], ["c"], kernel_shape=[3, 3], strides=[2, 2]),
        helper.make_node("Transpose", ["c"], ["d"], perm=[0, 2, 3, 1]),
        helper.make_node("Add", ["d", "b"], ["e"]),
        helper.make_node("Relu", ["e"], ["f"]),
        helper.make_node("Transpose", ["f"], ["g"], perm=[0, 3, 1, 2]),
        helper.make_node("Conv", ["g", "w2"], ["h"]),
        helper.make_node("Transpose", ["h"], ["i"], perm=[0, 2, 3, 1]),
        helper.make_node("ReduceMean", ["i"], ["j"], axes=[1, 2], keepdims=0),
        helper.make_node("MatMul", ["j", "m"], ["y"]),
    ]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 8, 8, 3])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 5])
    graph = helper.make_graph(nodes, "tf", [x], [y], [numpy_helper.from_array(v, k) for k, v in tensors.items()])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)


def test_transpositions_of_channels_last_exporters_disappear():
    x = np.random.default_rng(1).standard_normal((2, 8, 8, 3), dtype=np.float32)
    (expected,) = session(channels_last()).run(None, {"x": x})
    imported = from_onnx(channels_last())
    assert_close(run(imported, np.moveaxis(x, -1, 1))[0], expected)
    operators = [node.op.operator for node in imported.network.layers]
    assert operators == ["conv", "relu", "conv", "global_avgpool", "flatten", "dense"]


def test_everything_not_understood_is_listed_at_once_by_name():
    model = exported("input 3@8x8\nconv 4 3x3 as first -> relu as second -> tanh as third -> conv 2 3x3 as fourth")
    model.graph.node[1].op_type = "Cos"
    model.graph.node[2].op_type = "Sign"
    with pytest.raises(CnnError) as caught:
        from_onnx(model)
    assert [found.message.split(":")[0] for found in caught.value.diagnostics] == ["Cos `second`", "Sign `third`"]
    assert {found.code for found in caught.value.diagnostics} == {"import-unsupported"}
    model.graph.node[2].input[0] = "first"
    with pytest.raises(CnnError) as caught:
        from_onnx(model)
    assert [found.message.split(":")[0] for found in caught.value.diagnostics] == ["Sign `third`"]
    model.graph.node.append(helper.make_node("Add", ["second", "fourth"], ["sum"], name="sum"))
    model.graph.output[0].name = "sum"
    with pytest.raises(CnnError) as caught:
        from_onnx(model)
    assert [found.message.split(":")[0] for found in caught.value.diagnostics] == ["Cos `second`", "Sign `third`"]


def test_of_thousands_of_problems_the_first_are_listed_and_the_others_counted():
    nodes = [helper.make_node("Erf", ["x"], [f"y{index}"], name=f"node{index}") for index in range(3000)]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 3])
    results = [helper.make_tensor_value_info(node.output[0], TensorProto.FLOAT, None) for node in nodes]
    graph = helper.make_graph(nodes, "many", [x], results)
    with pytest.raises(CnnError) as caught:
        from_onnx(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]))
    messages = [diagnostic.message for diagnostic in caught.value.diagnostics]
    assert len(messages) == 100
    assert messages[98:] == [
        "Erf `node98`: the language has nothing for this operator",
        "there are 2,901 more such problems",
    ]


def test_partial_keeps_what_is_understood():
    model = exported("input 3@8x8\nconv 4 3x3 as first -> relu as second -> tanh as third")
    model.graph.node[2].op_type = "Cos"
    imported = from_onnx(model, partial=True)
    assert [node.name for node in imported.network.layers] == ["first", "second"]
    assert imported.network.outputs == ("second",)
    assert [note.severity for note in imported.notes] == ["note"]


def test_quantised_models_are_refused_with_a_word_for_it():
    scale, zero = np.array(0.1, np.float32), np.array(0, np.uint8)
    with pytest.raises(CnnError, match="quantised"):
        from_onnx(one("QuantizeLinear", [1, 3, 4, 4], scale, zero))


@pytest.mark.parametrize(
    ("kind", "shape", "constants", "attributes", "operators"),
    [
        ("Mul", [1, 4, 3, 3], [np.full((4, 1, 1), -2.0, np.float32)], {}, ["scale"]),
        ("Add", [1, 8, 3, 3], [np.arange(8, dtype=np.float32).reshape(8, 1, 1)], {}, ["bias"]),
        ("Div", [1, 4, 3, 3], [np.array(255, np.float32)], {}, ["normalize"]),
        ("Pow", [1, 4, 3, 3], [np.array(2, np.float32)], {}, ["square"]),
        ("Pow", [1, 4, 3, 3], [np.array([-3], np.int64)], {}, ["pow"]),
        ("Reciprocal", [1, 4, 3, 3], [], {}, ["pow"]),
        ("HardSigmoid", [1, 4, 3, 3], [], {}, ["normalize", "clip"]),
        ("Softmax", [1, 4, 3, 5], [], {"axis": 3}, ["permute", "softmax", "permute"]),
        ("MaxPool", [1, 2, 9, 9], [], {"kernel_shape": [3, 3], "pads": [2, 2, 2, 2]}, ["pad", "maxpool"]),
        (
            "AveragePool",
            [1, 2, 7, 7],
            [],
            {"kernel_shape": [2, 2], "strides": [2, 2], "pads": [0, 0, 1, 1]},
            ["avgpool"],
        ),
        ("DepthToSpace", [1, 8, 3, 3], [], {"blocksize": 2}, ["reshape", "permute", "reshape"]),
        (
            "LayerNormalization",
            [1, 3, 4, 5],
            [np.full(5, 2, np.float32)],
            {"axis": -1},
            ["permute", "layernorm", "scale", "permute"],
        ),
        (
            "LayerNormalization",
            [1, 3, 4, 5],
            [np.full(5, 2, np.float32), np.zeros(5, np.float32)],
            {"axis": -1},
            ["permute", "layernorm", "permute"],
        ),
        ("Clip", [1, 3], [np.array(0, np.float32)], {}, ["relu"]),
        ("Slice", [1, 3, 6, 6], [np.array([1, 1]), np.array([-1, -1]), np.array([2, 3])], {}, ["crop"]),
    ],
)
def test_what_the_language_says_otherwise(kind, shape, constants, attributes, operators):
    model = one(kind, shape, *constants, **attributes)
    x = np.random.default_rng(0).standard_normal(shape, dtype=np.float32)
    imported = assert_agrees_with_runtime(model, x)
    assert [node.op.operator for node in imported.network.layers] == operators


def test_position_maps_are_parameters():
    """As vision transformers have them: tokens in rows, (N, 4*4, 8), plus a learnt (1, 4*4, 8); and gates of a map."""
    random = np.random.default_rng(0)
    held = {
        "filters": random.standard_normal((8, 3, 2, 2), dtype=np.float32),
        "tokens": np.array([0, 8, 16]),
        "pos_embed": random.standard_normal((1, 16, 8), dtype=np.float32),
        "rows.weight": random.standard_normal((1, 1, 16, 1), dtype=np.float32),
        "map": np.array([0, 1, 16, 8]),
    }
    nodes = [
        helper.make_node("Conv", ["x", "filters"], ["patches"], strides=[2, 2]),
        helper.make_node("Reshape", ["patches", "tokens"], ["columns"]),
        helper.make_node("Transpose", ["columns"], ["rows"], perm=[0, 2, 1]),
        helper.make_node("Add", ["rows", "pos_embed"], ["placed"]),
        helper.make_node("Reshape", ["placed", "map"], ["plane"]),
        helper.make_node("Mul", ["rows.weight", "plane"], ["y"]),
    ]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 3, 8, 8])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    constants = [numpy_helper.from_array(array, name) for name, array in held.items()]
    graph = helper.make_graph(nodes, "transformer", [x], [y], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    imported = assert_agrees_with_runtime(model, random.standard_normal((3, 3, 8, 8), dtype=np.float32))
    learned = {node.name: str(node.shape) for node in imported.network.layers if node.op.operator == "parameter"}
    assert learned == {"pos_embed": "8@16", "rows": "1@16x1"}
    assert sum(array.size for array in imported.weights.values()) == 8 * 3 * 2 * 2 + 16 * 8 + 16


def test_class_tokens_are_parameters():
    """A learnt (1, 1, 8), expanded along the batch, in front of tokens in rows; without the batch it is refused."""
    random = np.random.default_rng(0)
    held = {
        "cls_token": random.standard_normal((1, 1, 8), dtype=np.float32),
        "first": np.array([0]),
        "second": np.array([1]),
        "rest": np.array([-1, -1]),
    }
    nodes = [
        helper.make_node("Shape", ["x"], ["extents"]),
        helper.make_node("Slice", ["extents", "first", "second"], ["examples"]),
        helper.make_node("Concat", ["examples", "second", "second"], ["shape"], axis=0),
        helper.make_node("Expand", ["cls_token", "shape"], ["tokens"]),
        helper.make_node("Transpose", ["x"], ["rows"], perm=[0, 2, 1]),
        helper.make_node("Concat", ["tokens", "rows"], ["y"], axis=1),
    ]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 8, 5])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    constants = [numpy_helper.from_array(array, name) for name, array in held.items()]
    graph = helper.make_graph(nodes, "transformer", [x], [y], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    imported = assert_agrees_with_runtime(model, random.standard_normal((3, 8, 5), dtype=np.float32))
    (learned,) = (node for node in imported.network.layers if node.op.operator == "parameter")
    assert (str(learned.shape), [*imported.weights]) == ("8@1", [f"{learned.name}.weight"])


def test_what_is_no_parameter_is_no_branch():
    model = one("Concat", [1, 4, 3, 3], np.ones((1, 2, 3, 3), np.float32), axis=1)
    assert [node.op.operator for node in from_onnx(model).network.layers] == ["parameter", "concat"]
    model.graph.node.insert(0, helper.make_node("Constant", [], ["made"], value=model.graph.initializer[0]))
    model.graph.node[1].input[1] = "made"
    with pytest.raises(CnnError, match="one of its inputs is a constant"):
        from_onnx(model)


def test_a_value_times_itself_is_a_square():
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 4, 6, 6])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    graph = helper.make_graph([helper.make_node("Mul", ["x", "x"], ["y"])], "product", [x], [y])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    imported = assert_agrees_with_runtime(model, np.linspace(-3, 3, 432, dtype=np.float32).reshape(3, 4, 6, 6))
    assert [node.op.operator for node in imported.network.layers] == ["square"]
    model.producer_name = "cnndsl"  # whose layers come back as they were
    assert [node.op.operator for node in from_onnx(model).network.layers] == ["mul"]


def test_a_constant_divided_by_a_value():
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 4, 6, 6])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    held = [numpy_helper.from_array(np.array([12.0], np.float32), "twelve")]
    graph = helper.make_graph([helper.make_node("Div", ["twelve", "x"], ["y"])], "quotient", [x], [y], held)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    values = np.linspace(-3, 3, 3 * 4 * 6 * 6, dtype=np.float32).reshape(3, 4, 6, 6)
    imported = assert_agrees_with_runtime(model, values)
    assert [node.op.operator for node in imported.network.layers] == ["pow", "normalize"]


@pytest.mark.parametrize("kind", ["Conv", "ConvTranspose"])
@pytest.mark.parametrize("number", [0, 2])
def test_a_bias_that_pytorch_makes_of_zeros_is_none(kind, number):
    """Its exporter without the optimiser: Expand(CastLike(0, x), [Shape(weight)[0]])."""
    weight = np.random.default_rng(0).standard_normal((4, 4, 3, 3), dtype=np.float32)
    nodes = [
        helper.make_node("CastLike", ["number", "x"], ["cast"]),
        helper.make_node("Shape", ["weight"], ["filters"], start=0, end=1),
        helper.make_node("Expand", ["cast", "filters"], ["bias"]),
        helper.make_node(kind, ["x", "weight", "bias"], ["y"]),
    ]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 4, 6, 6])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    held = [numpy_helper.from_array(np.array(number), "number"), numpy_helper.from_array(weight, "weight")]
    graph = helper.make_graph(nodes, "zeros", [x], [y], held)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    imported = assert_agrees_with_runtime(model, np.ones((3, 4, 6, 6), np.float32))
    (layer,) = imported.network.layers
    assert layer.op.bias is bool(number)


def test_a_value_cast_like_another_float_stays_as_it_is():
    def model(like):
        nodes = [
            helper.make_node("CastLike", ["x", "like"], ["cast"]),
            helper.make_node("Relu", ["cast"], ["y"]),
        ]
        x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 3])
        y = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
        graph = helper.make_graph(nodes, "like", [x], [y], [numpy_helper.from_array(like, "like")])
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)

    imported = assert_agrees_with_runtime(model(np.zeros(1, np.float32)), np.array([[-1, 0, 2]], np.float32))
    assert [node.op.operator for node in imported.network.layers] == ["relu"]
    with pytest.raises(CnnError, match="it changes floats into whole numbers or back"):
        from_onnx(model(np.zeros(1, np.int64)))


def test_weights_shared_by_two_convolutions_stay_shared():
    text = "input 3@8x8 as a\ninput 3@8x8 as b\nfrom a -> conv 4 3x3 as first\n"
    text += "from b -> conv 4 3x3 share=first as second\n"
    imported = from_onnx(exported(text + "add { from first; from second }"))
    assert [node.share for node in imported.network.layers] == [None, "first", None]
    assert set(imported.weights) == {"first.weight", "first.bias"}


def test_shapes_worked_out_in_the_graph_are_folded():
    nodes = [
        helper.make_node("Shape", ["x"], ["s"]),
        helper.make_node("Gather", ["s", "zero"], ["n"]),
        helper.make_node("Unsqueeze", ["n", "axis"], ["u"]),
        helper.make_node("Concat", ["u", "rest"], ["t"], axis=0),
        helper.make_node("Reshape", ["x", "t"], ["y"]),
    ]
    constants = {"zero": np.array(0), "axis": np.array([0]), "rest": np.array([-1])}
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 3, 4, 4])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 48])
    graph = helper.make_graph(nodes, "g", [x], [y], [numpy_helper.from_array(v, k) for k, v in constants.items()])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    assert [node.op.operator for node in from_onnx(model).network.layers] == ["flatten"]


def test_an_input_of_unknown_size_says_so():
    with pytest.raises(CnnError, match="1x\\?x8x8"):
        from_onnx(one("Relu", [1, "C", 8, 8]))


# --- every operator of the language -----------------------------------------------------------------------------------
SAID_OTHERWISE = {
    "identity": set(),
    "dropout": set(),
    "spatial_dropout": set(),
    "resize": {"upsample"},
    "global_lppool": {"lppool"},
}
"""What our own exports say otherwise: layers that do nothing at inference, multiples, windows as large as the map."""


@pytest.mark.parametrize("opset", [13, 17, 26])
@pytest.mark.parametrize("name", ops.NAMES)
def test_every_operator_comes_back_with_its_values(name, opset):
    (network,) = compile_text(ops.operator(name).example, "net.cnn").networks
    weights = initial_weights(network, seed=3)
    imported = from_onnx(export(network, weights, opset=opset))
    operators = {node.op.operator for node in imported.network.layers}
    assert operators & {name} or operators & SAID_OTHERWISE[name] or not SAID_OTHERWISE[name]
    random = np.random.default_rng(0)
    inputs = {
        value.name: random.integers(0, 9, (2, *value.shape.dimensions))
        if value.dtype == "int64"
        else random.standard_normal((2, *value.shape.dimensions), np.float32)
        for value in network.inputs
    }
    values = execute(make_plan(network, weights), inputs)
    for actual, wanted in zip(run(imported, *inputs.values()), network.outputs, strict=True):
        assert_close(actual, values[wanted])


@pytest.mark.parametrize(
    "text",
    [
        "input 2@9x7\nadaptive_avgpool 4x3",
        "input 2@9x7\nadaptive_maxpool 4x7",
        "input 2@9x7\nresize 13x10",
        "input 2@9x7\nresize 13x10 mode=cubic",
        "input 2@9x7\nresize 13x10 mode=cubic align_corners=true",
        "input 2@9x7\nupsample 2x3 mode=cubic",
        "input 6@9\nlrn 4 alpha=0.5",
        "input 2@9x7\nconv 3 3x3 pad=1x2 pad_mode=circular",
        "input 2@9x7\npad [1, 0, 0, 2] mode=circular",
        "input 4@9x7\nconv 3 3x3 connect=[[0], [1, 2], [3]]",
        "input 6\nchannel_shuffle 3",
        "input 3@6x4\nspace_to_depth 2",
        "input 4@9x7\ngroupnorm 2 affine=false",
        "input 4@9x7\nsubsample 3x3 stride=2",
        "input 4@9x7\nnormalize mean=[1, 2, 3, 4] std=0.5",
        "input 4@8x6\nmaxpool 3x3 stride=2 ceil_mode=true",
    ],
)
def test_what_the_exporter_composes_is_found_again(text):
    (wanted,) = compile_text(text, "net.cnn").networks
    (node,) = from_onnx(exported(text, opset=13)).network.layers
    assert (node.op, node.shape) == (wanted.layers[0].op, wanted.layers[0].shape)


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"cubic_coeff_a": -0.5}, "its cubic coefficient is -0.5; the language has -0.75"),
        ({"cubic_coeff_a": float("nan")}, "its cubic coefficient is nan; the language has -0.75"),
        ({"exclude_outside": 1}, "it smooths or leaves out what is outside"),
        ({"coordinate_transformation_mode": "asymmetric"}, "it interpolates by asymmetric"),
    ],
)
def test_other_cubics_are_refused(settings, reason):
    scales = np.array([1, 1, 2, 2], np.float32)
    with pytest.raises(CnnError, match=reason):
        from_onnx(one("Resize", [1, 2, 5, 4], np.zeros(0, np.float32), scales, mode="cubic", **settings))


@pytest.mark.parametrize("coordinates", ["half_pixel", "pytorch_half_pixel", "align_corners"])
def test_cubic_agrees_with_the_runtime(coordinates):
    scales = np.array([1, 1, 2.5, 0.75], np.float32)
    settings = {"mode": "cubic", "coordinate_transformation_mode": coordinates}
    model = one("Resize", [1, 2, 6, 4], np.zeros(0, np.float32), scales, **settings)
    assert_agrees_with_runtime(model, np.random.default_rng(0).standard_normal((1, 2, 6, 4), np.float32))


@pytest.mark.parametrize("kind", ["Add", "Mul", "Sub", "Div"])
def test_before_opset_7_a_constant_begins_at_an_axis(kind):
    constant = np.arange(1, 10, dtype=np.float32)
    model = one(kind, [2, 9, 4, 9], constant, opset=6, broadcast=1, axis=1)
    x = np.random.default_rng(0).standard_normal((2, 9, 4, 9), dtype=np.float32)
    operation = {"Add": np.add, "Mul": np.multiply, "Sub": np.subtract, "Div": np.divide}[kind]
    (actual,) = run(from_onnx(model), x)
    assert_close(actual, operation(x, constant.reshape(9, 1, 1)))


def test_the_branch_of_an_if_that_is_always_taken_is_read():
    inner = helper.make_graph(
        [helper.make_node("Relu", ["x"], ["r"])],
        "then",
        [],
        [helper.make_tensor_value_info("r", TensorProto.FLOAT, None)],
    )
    other = helper.make_graph(
        [helper.make_node("Cos", ["x"], ["s"])],
        "else",
        [],
        [helper.make_tensor_value_info("s", TensorProto.FLOAT, None)],
    )
    node = helper.make_node("If", ["yes"], ["y"], then_branch=inner, else_branch=other)
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 4])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 4])
    graph = helper.make_graph([node], "main_graph", [x], [y], [numpy_helper.from_array(np.array(True), "yes")])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    imported = from_onnx(model)
    assert [layer.op.operator for layer in imported.network.layers] == ["relu"]
    assert imported.network.name == "model"
