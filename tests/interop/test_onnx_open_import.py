"""ONNX models with open extents: as networks with symbols, against ONNX Runtime at several sizes."""

import zipfile
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import cnndsl
from cnndsl.analysis.resized import resized
from cnndsl.analysis.sizes import along, with_symbols
from cnndsl.errors import CnnError
from cnndsl.extents.words import described
from cnndsl.interop.onnx.exporter.model import export
from cnndsl.interop.onnx.importer.model import from_onnx
from cnndsl.network import Network
from tests import generators

onnxruntime = pytest.importorskip("onnxruntime")
ARCHIVE = Path(__file__).parents[1] / "reference" / "open_models.zip"
SIZES = ((64, 64), (97, 65), (80, 131))


def session(model: Any) -> Any:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def compare(model: Any, network: Network, shapes: Sequence[tuple[int, ...]]) -> None:
    """Runs both on one example for each input, of the extents that the model has."""
    generator, running = np.random.default_rng(0), session(model)
    arrays = [generator.standard_normal((1, *shape), np.float32) for shape in shapes]
    names = [value.name for value in running.get_inputs()]
    theirs = running.run(None, dict(zip(names, arrays, strict=True)))
    given = {value.name: array for value, array in zip(network.graph.inputs, arrays, strict=True)}
    mine = network.runner()(given)
    for name, value in zip(network.graph.outputs, theirs, strict=True):
        scale = np.abs(value).max()
        np.testing.assert_allclose(mine[name] / scale, value / scale, rtol=0, atol=1e-4, err_msg=str(shapes))


def with_weights(model: Any) -> Any:
    """The numbers that tools/open_models.py left out: kernels that keep the variance, and factors around 1."""
    generator = np.random.default_rng(0)
    for tensor in model.graph.initializer:
        if tensor.data_type == TensorProto.FLOAT and not tensor.raw_data and not tensor.float_data:
            shape = tuple(tensor.dims)
            if len(shape) > 1:
                values = generator.standard_normal(shape, np.float32) * np.sqrt(2 / np.prod(shape[1:]))
            else:
                values = generator.uniform(0.5, 1.5, shape)
            tensor.CopyFrom(numpy_helper.from_array(values.astype(np.float32), tensor.name))
    return model


with zipfile.ZipFile(ARCHIVE) as archive:
    MODELS = archive.namelist()


@pytest.mark.parametrize("name", MODELS)
def test_networks_of_torchvision(name: str) -> None:
    with zipfile.ZipFile(ARCHIVE) as archive:
        model = with_weights(onnx.ModelProto.FromString(archive.read(name)))
    found = from_onnx(model)
    assert len(found.network.symbols) == 2
    assert not found.notes
    for height, width in SIZES:
        compare(model, Network(found.network, found.weights), [(3, height, width)])


def test_there_are_twelve_by_both_exporters() -> None:
    assert len({name.partition(".")[0] for name in MODELS if ".script." in name}) >= 12
    assert len({name.partition(".")[0] for name in MODELS if ".dynamo." in name}) >= 6


@pytest.mark.parametrize("seed", range(60))
def test_what_is_exported_is_read_again_or_refused(seed: int) -> None:
    """Of an exported network no size is read otherwise than it was."""
    chance = Random(seed)
    graph = with_symbols(cnndsl.loads(generators.network_text(f"again {seed}", 6)).graph)
    model = export(graph, Network(graph).weights())
    try:
        found = from_onnx(model)
    except CnnError as error:
        assert {one.code for one in error.diagnostics} <= {"import-unsupported", "onnx-graph"}
        return
    for _ in range(4):
        sizes = {one.name: max(one.default + chance.randint(-5, 20), 1) for one in graph.symbols}
        try:
            there = resized(graph, sizes)
        except CnnError:
            continue
        if any(value.dtype == "int64" for value in there.inputs) or not found.network.symbols:
            continue
        compare(model, Network(found.network, found.weights), [value.shape.dimensions for value in there.inputs])


def model_of(
    nodes: Sequence[Any], inputs: dict[str, Sequence[int | str | None]], constants: dict[str, Any], outputs: int = 1
) -> Any:
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in inputs.items()]
    results = [helper.make_tensor_value_info(f"y{n or ''}", TensorProto.FLOAT, None) for n in range(outputs)]
    tensors = [numpy_helper.from_array(np.asarray(array), name) for name, array in constants.items()]
    graph = helper.make_graph(nodes, "made", values, results, tensors)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def node(kind: str, inputs: str, output: str, **attributes: Any) -> Any:
    return helper.make_node(kind, inputs.split(), [output], name=f"node_{output}", **attributes)


@pytest.mark.parametrize("name", ["input", "in", "None", "lambda", "a" * 5000, "two words", "1", "s12", "ähm"])
def test_axes_whose_names_are_none_of_the_language(name: str) -> None:
    model = model_of([node("Relu", "x", "y")], {"x": [1, 3, name, "wide"]}, {})
    found = from_onnx(model).network
    assert [one.name for one in found.symbols] == ["H", "wide"]
    assert cnndsl.check(str(Network(found).decompiled()[0])).ok


KERNEL = np.random.default_rng(1).standard_normal((4, 3, 3, 3)).astype(np.float32)


def halved_and_back() -> Any:
    """A map halved and resized to the extents of the input, by the arithmetic that exporters write."""
    nodes = [
        node("Conv", "x k", "c", strides=[2, 2], pads=[1, 1, 1, 1]),
        node("Shape", "x", "s"),
        node("Slice", "s two four", "hw"),
        node("Shape", "c", "t"),
        node("Slice", "t zero two", "nc"),
        node("Concat", "nc hw", "sizes", axis=0),
        helper.make_node("Resize", ["c", "", "", "sizes"], ["y"], mode="linear"),
    ]
    numbers = {name: np.array([value]) for name, value in (("zero", 0), ("two", 2), ("four", 4))}
    return model_of(nodes, {"x": ["batch", 3, None, "wide"]}, {"k": KERNEL, **numbers})


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        ("adaptive_avgpool 7x7", "3@7x7"),
        ("adaptive_maxpool 3x4", "3@3x4"),
        ("adaptive_avgpool 1x4", "3@1x4"),
        ("adaptive_avgpool [H//4, W]", "3@floor(H/4)xW"),
        ("adaptive_maxpool [H//2, W//3]", "3@floor(H/2)xfloor(W/3)"),
    ],
)
def test_adaptive_pools_of_any_size(layer: str, shape: str) -> None:
    """What they gather, and each cell's share, follow from the size and are known while the model is read."""
    network = cnndsl.loads(f"symbol H = 64, W = 64\ninput 3@HxW\nrelu\n{layer}")
    model = export(network.graph, {})
    found = Network(from_onnx(model).network)
    assert found.shown(found.graph.outputs[0]) == shape
    for height, width in ((7, 7), (8, 61), (97, 33), (64, 128)):
        compare(model, found, [(3, height, width)])


def test_shape_arithmetic() -> None:
    model = halved_and_back()
    found = from_onnx(model)
    assert [(one.name, one.default) for one in found.network.symbols] == [("H", 224), ("wide", 224)]
    assert found.network.inputs[0].extents == ("3", "H", "wide")
    assert found.network.layers[-1].symbolic == {"size": ("H", "wide")}
    for height, width in SIZES:
        compare(model, Network(found.network, found.weights), [(3, height, width)])


def test_the_size_can_be_given() -> None:
    model = halved_and_back()
    for inputs in ({None: cnndsl.Shape(3, (30, 40))}, {"x": cnndsl.Shape(3, (30, 40))}):
        found = from_onnx(model, inputs=inputs)
        assert not found.network.symbols
        compare(model, Network(found.network, found.weights), [(3, 30, 40)])


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"z": cnndsl.Shape(3, (30, 40))}, "the model has no input `z`"),
        ({"x": cnndsl.Shape(3, (30,))}, "has 2 open extents, and 3@30 has 1"),
        ({"x": cnndsl.Shape(4, (30, 40))}, "input `x` of the model is 3@30x40, not 4@30x40"),
    ],
)
def test_a_size_that_does_not_fit(inputs: dict[str | None, cnndsl.Shape], message: str) -> None:
    with pytest.raises(CnnError, match=message):
        from_onnx(halved_and_back(), inputs=inputs)


def test_a_model_of_one_size_takes_no_other() -> None:
    model = model_of([node("Relu", "x", "y")], {"x": ["N", 3, 8, 8]}, {})
    with pytest.raises(CnnError, match="none is open"):
        from_onnx(model, inputs={None: cnndsl.Shape(3, (9, 9))})


def test_conditions_come_out() -> None:
    """Halved and doubled, the map fits itself where its extents are even."""
    nodes = [
        node("MaxPool", "x", "m", kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Resize", ["m", "", "scales"], ["u"], mode="nearest", nearest_mode="floor",
                         coordinate_transformation_mode="asymmetric"),
        node("Concat", "x u", "y", axis=1),
    ]  # fmt: skip
    model = model_of(nodes, {"x": ["N", 3, "h", "w"]}, {"scales": np.array([1, 1, 2, 2], np.float32)})
    found = from_onnx(model)
    assert described(along(found.network, ["h"]).taken) == "multiples of 2"
    compare(model, Network(found.network, found.weights), [(3, 6, 10)])


def test_channels_that_are_last() -> None:
    nodes = [node("Transpose", "x", "t", perm=[0, 3, 1, 2]), node("Conv", "t k", "c"), node("Relu", "c", "y")]
    model = model_of(nodes, {"x": [None, None, None, 3]}, {"k": KERNEL})
    found = from_onnx(model)
    assert found.network.inputs[0].extents == ("3", "H", "W")
    x = np.random.default_rng(0).standard_normal((1, 3, 9, 14)).astype(np.float32)
    (theirs,) = session(model).run(None, {"x": np.moveaxis(x, 1, -1)})
    (mine,) = Network(found.network, found.weights).runner()(x).values()
    np.testing.assert_allclose(mine, theirs, rtol=1e-4, atol=1e-4)


def test_inputs_that_share_a_name() -> None:
    nodes = [
        node("Conv", "a k", "c", pads=[1, 1, 1, 1]),
        node("Conv", "b k", "d", pads=[1, 1, 1, 1]),
        node("Add", "c d", "y"),
    ]
    model = model_of(nodes, {"a": ["N", 3, "h", None], "b": ["N", 3, "h", None]}, {"k": KERNEL})
    found = from_onnx(model)
    assert [value.extents for value in found.network.inputs] == [("3", "h", "W"), ("3", "h", "W2")]
    network = Network(found.network, found.weights)
    compare(model, network, [(3, 9, 7), (3, 9, 7)])
    with pytest.raises(CnnError, match="W2 = 8"):
        network.run({"a": np.zeros((1, 3, 9, 7)), "b": np.zeros((1, 3, 9, 8))})


def test_one_size_alone_is_told() -> None:
    """A dense layer behind a flattened map."""
    nodes = [node("Flatten", "x", "f"), node("Gemm", "f w", "y")]
    model = model_of(nodes, {"x": ["N", 3, "h", "w"]}, {"w": np.ones((3 * 32 * 32, 5), np.float32)})
    found = from_onnx(model)
    assert not found.network.symbols
    assert found.network.inputs[0].shape == cnndsl.Shape(3, (32, 32))
    assert "of all sizes that were tried the model takes h = 32, w = 32 alone" in found.notes[0].message
    compare(model, Network(found.network, found.weights), [(3, 32, 32)])


def test_a_branch_that_is_chosen_by_the_size() -> None:
    """Nothing of it is lost silently."""

    def branch(kind: str) -> Any:
        value = helper.make_tensor_value_info("r", TensorProto.FLOAT, None)
        return helper.make_graph([helper.make_node(kind, ["x"], ["r"])], "branch", [], [value])

    nodes = [
        node("Shape", "x", "s", start=2, end=3),
        node("Less", "s limit", "small"),
        node("Squeeze", "small", "is_small"),
        node("If", "is_small", "y", then_branch=branch("Relu"), else_branch=branch("Sigmoid")),
    ]
    model = model_of(nodes, {"x": ["N", 3, "h", "w"]}, {"limit": np.array([256])})
    with pytest.raises(CnnError, match="at several sizes is no single network") as caught:
        from_onnx(model)
    assert "read it at one size: --input 3@224x224" in str(caught.value)
    assert from_onnx(model, inputs={None: cnndsl.Shape(3, (224, 224))}).network.layers[0].op.operator == "relu"


def test_open_channels_are_refused_as_ever() -> None:
    for shape in (["N", None, 8, 8], ["N", "c", "h", "w"], ["N", None]):
        model = model_of([node("Relu", "x", "y")], {"x": shape}, {})
        with pytest.raises(CnnError, match="but all after the batch must be fixed"):
            from_onnx(model)


def test_what_has_nothing_to_do_with_the_size_is_told_once() -> None:
    model = model_of([node("Det", "x", "y")], {"x": ["N", 3, "h", "w"]}, {})
    with pytest.raises(CnnError, match="the language has nothing for this operator") as caught:
        from_onnx(model)
    assert len(caught.value.diagnostics) == 1
