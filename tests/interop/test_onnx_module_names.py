"""What PyTorch's exporters write of a module's names comes back as the names of layers and blocks."""

import io
import warnings
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from cnndsl.interop.onnx.importer.model import from_onnx
from cnndsl.ir import Graph
from cnndsl.lang.decompile.decompiler import decompile

SCOPES = "pkg.torch.onnx.name_scopes"
CLASSES = "pkg.torch.onnx.class_hierarchy"
CONV = "torch.nn.modules.conv.Conv2d"
RELU = "torch.nn.modules.activation.ReLU"


def node(kind: str, name: str, inputs: list[str], output: str, modules: list[tuple[str, str]], **settings: Any) -> Any:
    """A node with the metadata that PyTorch 2.13 writes: what is called stands last in both lists."""
    made = helper.make_node(kind, inputs, [output], name, **settings)
    names, classes = zip(("", "models.Net"), *modules, (output, f"aten.{kind.lower()}.default"), strict=True)
    for key, value in ((SCOPES, names), (CLASSES, classes)):
        made.metadata_props.add(key=key, value=repr(list(value)))
    return made


def exported() -> onnx.ModelProto:
    """Two residual blocks in a Sequential behind a convolution, with a ReLU that is used twice."""
    stem = [("stem", "torch.nn.modules.container.Sequential"), ("stem.0", CONV)]
    nodes = [node("Conv", "node_Conv_292", ["x", "stem.0.weight"], "conv2d", stem, pads=[1] * 4)]
    weights, value = ["stem.0.weight"], "conv2d"
    for number in range(2):
        around = [("stages", "torch.nn.modules.container.Sequential"), (f"stages.{number}", "models.blocks.Bottleneck")]
        relu = [*around, (f"stages.{number}.relu", RELU)]
        made = [f"{kind}_{number}" for kind in ("conv", "relu", "wide", "add", "again")]
        weights += [f"stages.{number}.conv1.weight", f"stages.{number}.conv2.weight"]
        first, second = ([*around, (key.removesuffix(".weight"), CONV)] for key in weights[-2:])
        nodes += [
            node("Conv", f"node_Conv_{300 + number}", [value, weights[-2]], made[0], first, pads=[1] * 4),
            node("Relu", f"node_relu_{number}", [made[0]], made[1], relu),
            node("Conv", f"node_Conv_{400 + number}", [made[1], weights[-1]], made[2], second, pads=[1] * 4),
            node("Add", f"node_add_{number}", [value, made[2]], made[3], around),
            node("Relu", f"node_relu_{9 + number}", [made[3]], made[4], relu),
        ]
        value = made[4]
    nodes.append(node("GlobalAveragePool", "node_mean", [value], "mean", []))
    random = np.random.default_rng(1)
    graph = helper.make_graph(
        nodes,
        "main_graph",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 4, 8, 8])],
        [helper.make_tensor_value_info("mean", TensorProto.FLOAT, ["batch", 4, 1, 1])],
        [numpy_helper.from_array(random.standard_normal((4, 4, 3, 3), np.float32), key) for key in weights],
    )
    return helper.make_model(graph, producer_name="pytorch", opset_imports=[helper.make_opsetid("", 20)])


def names(graph: Graph) -> list[str]:
    return [layer.name for layer in graph.layers]


NAMES = [
    "stem.0",
    *("stages.0.conv1", "stages.0.relu", "stages.0.conv2", "stages.0.add1", "stages.0.relu_1"),
    *("stages.1.conv1", "stages.1.relu", "stages.1.conv2", "stages.1.add1", "stages.1.relu_1"),
    "global_avgpool1",
]


def test_layers_are_called_as_the_modules_are() -> None:
    found = from_onnx(exported())
    assert names(found.network) == NAMES
    assert set(found.weights) == {f"{name}.weight" for name in NAMES if "conv" in name or name == "stem.0"}


def test_blocks_are_called_after_the_modules_classes() -> None:
    network = from_onnx(exported()).network
    assert {(one.path, one.block) for one in network.instances} == {
        (("stages.0",), "Bottleneck"),
        (("stages.1",), "Bottleneck"),
    }
    text = decompile(network).text
    assert "block Bottleneck {" in text
    assert "repeat 2 { Bottleneck }" in text


def test_the_same_model_without_its_modules_has_the_nodes_names() -> None:
    model = exported()
    for one in model.graph.node:
        del one.metadata_props[:]
    network = from_onnx(model).network
    assert network.instances == ()
    assert names(network)[1] == "node_Conv_300"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (SCOPES, ""),
        (SCOPES, "[" * 100_000),
        (SCOPES, "['', 'stem']"),
        (SCOPES, "['a', 'b', 'c', 'd', 'e', 'f', 'g']"),
        (CLASSES, "__import__('os')"),
        (CLASSES, "['', '', '', '', '']"),
        (CLASSES, "['.', 'a.', 'a..', '..', '\x00']"),
        (SCOPES, "['', '\n', '{}', '\u202e', '9']"),
    ],
)
def test_metadata_that_says_something_else_is_no_error(key: str, value: str) -> None:
    model = exported()
    for one in model.graph.node:
        for entry in one.metadata_props:
            if entry.key == key:
                entry.value = value
    found = from_onnx(model).network
    assert len(found.layers) == len(NAMES)
    assert all(name.isprintable() for name in names(found))
    decompile(found)


@pytest.mark.parametrize("dynamo", [False, True], ids=["older exporter", "newer exporter"])
def test_both_exporters_name_the_modules(dynamo: bool) -> None:
    torch: Any = pytest.importorskip("torch")
    if dynamo:
        pytest.importorskip("onnxscript")

    class Block(torch.nn.Module):  # type: ignore[misc]  # torch has no types
        def __init__(self) -> None:
            super().__init__()
            self.conv1 = torch.nn.Conv2d(4, 4, 3, padding=1)
            self.norm = torch.nn.BatchNorm2d(4)
            self.down = torch.nn.Sequential(torch.nn.Conv2d(4, 4, 1), torch.nn.Sigmoid())

        def forward(self, x: Any) -> Any:
            return self.norm(self.conv1(x)) + self.down(x)

    net = torch.nn.Sequential(Block(), Block()).eval()
    stream = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        settings = {} if dynamo else {"do_constant_folding": False, "training": torch.onnx.TrainingMode.PRESERVE}
        torch.onnx.export(net, (torch.zeros(2, 4, 8, 8),), stream, dynamo=dynamo, **settings)
    network = from_onnx(onnx.load_from_string(stream.getvalue())).network
    weighty = {name for name in names(network) if "conv" in name or "down" in name}
    assert weighty == {f"{number}.{name}" for number in (0, 1) for name in ("conv1", "down.0", "down.1")}
    assert not any("node" in name for name in names(network))
    if dynamo:
        assert {one.block for one in network.instances} == {"Block"}
