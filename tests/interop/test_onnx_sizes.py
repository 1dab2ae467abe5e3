"""Models of networks whose symbols are open: ONNX Runtime at many sizes against the interpreter at each of them."""

import os
import re
from collections.abc import Mapping, Sequence
from itertools import islice, product
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest

import cnndsl
from cnndsl import ops
from cnndsl.analysis.resized import resized
from cnndsl.analysis.sizes import along, with_symbols
from cnndsl.errors import CnnError
from cnndsl.extents.extent import Extent
from cnndsl.interop.onnx.exporter.model import export
from cnndsl.interop.onnx.importer.model import from_onnx
from cnndsl.ir import Assumption, Graph, Input, Symbol
from cnndsl.network import Network
from cnndsl.runtime.any_size import at_sizes, graph_for
from tests import generators
from tests.example_networks import loaded, networks
from tests.opsets import newest_judged

onnxruntime = pytest.importorskip("onnxruntime")
ZOO = Path(__file__).parents[2] / "examples" / "zoo"
SIZES = 3
MANY = 10
EVERYTHING = int(os.environ.get("CNNDSL_FUZZ", "10")) >= 50
"""All networks with symbols at many sizes: minutes. Else deep ones are left to SIZES, and U-Net is thin."""
CASES_EACH = 10
OPSETS = (13, 17, 18, 19, 22)
NETWORKS = [
    ("resnet", "ResNet50"), ("densenet", "DenseNet121"), ("mobilenet_v1", "MobileNetV1"),
    ("shufflenet_v2", None), ("vgg", "VGG16"), ("googlenet", "GoogLeNet"), ("squeezenet", "SqueezeNet1_1"),
]  # fmt: skip


def session(graph: Graph, weights: Mapping[str, Any], opset: int = 17) -> Any:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    model = export(graph, weights, opset=opset)
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def random_inputs(graph: Graph, batch: int = 1) -> dict[str, Any]:
    generator = np.random.default_rng(0)
    return {
        value.name: generator.integers(0, 2, (batch, *value.shape.dimensions))
        if value.dtype == "int64"
        else generator.standard_normal((batch, *value.shape.dimensions), np.float32)
        for value in graph.inputs
    }


def compare(graph: Graph, sizes: Sequence[Mapping[str, int]], opset: int = 17, backend: Any = "numpy") -> int:
    """The number of sizes that the network takes, at which both were compared."""
    weights, compared = Network(graph).weights(), 0
    running = session(graph, weights, opset)
    for values in sizes:
        try:
            there = at_sizes(graph, values)
        except CnnError:
            continue
        inputs = random_inputs(there, 1 + compared % 2)
        mine = Network(there).runner(weights=weights, backend=backend)(inputs)
        for name, theirs in zip(graph.outputs, running.run(None, inputs), strict=True):
            scale = np.abs(mine[name][np.isfinite(mine[name])]).max(initial=1e-30)
            np.testing.assert_allclose(theirs / scale, mine[name] / scale, rtol=0, atol=1e-4, err_msg=str(values))
        compared += 1
    return compared


@pytest.mark.parametrize(("file", "name"), NETWORKS, ids=lambda value: str(value))
def test_networks_of_the_zoo(file: str, name: str | None) -> None:
    path = ZOO / f"{file}.cnn"
    graph = with_symbols((cnndsl.load(path, network=name) if name else cnndsl.load(path)).graph)
    if name == "VGG16":  # without its dense layers, which know no size
        end = next(number for number, node in enumerate(graph.layers, 1) if node.op.operator == "adaptive_avgpool")
        graph = graph.model_copy(update={"layers": graph.layers[:end], "outputs": (graph.layers[end - 1].name,)})
    sizes = {one.name: along(graph, [one.name]).taken for one in graph.symbols}
    members = {name: list(islice(found.members(max(found.least, 33)), SIZES + 1)) for name, found in sizes.items()}
    chosen = [
        {name: listed[turn + (number if turn else 0)] for number, (name, listed) in enumerate(members.items())}
        for turn in range(SIZES)
    ]
    assert compare(graph, chosen) == SIZES


OPEN = [
    (path, name)
    for path, name in networks()
    if re.search(r"^ *symbol ", path.read_text(encoding="utf-8"), re.MULTILINE) and loaded(path, name).symbols
]
"""Networks that are written for any size."""

PARTICULAR = {"TinyUNet", "FPN", "UNet", "ConvNeXt", "ConvNeXtV2", "HRNetW18Small", "YOLOv3", "YOLOv4"}
"""Those that do not take every size."""

QUICK = {"TinyUNet", "ESPCN", "FPN", "DeepLabV3", "MobileNetV2", "ResNet18", "UNet", "WaveNet"}


def thin(path: Path) -> Graph:
    """U-Net with an eighth of the filters, as all its widths are powers of two from 64 on."""
    text = path.read_text(encoding="utf-8").partition("  if image.shape")[0] + "}"
    thinner = re.sub(r"\b(64|128|256|512|1024)\b", lambda found: str(int(found[0]) // 8), text)
    return cnndsl.loads(thinner).graph


@pytest.mark.parametrize(("path", "name"), OPEN, ids=lambda value: getattr(value, "stem", value))
def test_ten_sizes_of_networks_for_any_size(path: Path, name: str) -> None:
    if not EVERYTHING and name not in QUICK:
        pytest.skip("as deep as others, and slow")
    graph = loaded(path, name).graph if EVERYTHING or name != "UNet" else thin(path)
    taken = {one.name: along(graph, [one.name]).taken for one in graph.symbols}
    least = 3 if len(taken) > 1 else MANY
    rows = [[*islice(found.members(), least)] for found in taken.values()]
    beyond = (next(found.members(max(33, row[-1] + 1))) for row, found in zip(rows, taken.values(), strict=True))
    places = product(*([*row, size] for row, size in zip(rows, beyond, strict=True)))
    chosen = [dict(zip(taken, sizes, strict=True)) for sizes in Random(name).sample([*places], MANY)]
    assert len({tuple(sizes.values()) for sizes in chosen}) == MANY
    assert compare(graph, chosen) == MANY


@pytest.mark.parametrize(("path", "name"), OPEN, ids=lambda value: getattr(value, "stem", value))
def test_other_sizes_are_refused_before_anything_is_computed(path: Path, name: str) -> None:
    """What a size is refused for is what a layer, or an assumption, says of that size."""
    network = loaded(path, name)
    found = network.sizes()
    refused = {
        (one.name, size) for one in found.symbols for size in (1, 2, 33, 188, 189, 203, 250) if size not in one.taken
    }
    assert bool(refused) == (name in PARTICULAR)
    for symbol, size in refused:
        sizes = {**network.symbols, symbol: size}
        array = np.broadcast_to(np.float32(0), (1, network.graph.inputs[0].shape.channels, *sizes.values()))
        with pytest.raises(CnnError) as caught:
            graph_for(network.graph, array)
        (problem,) = caught.value.diagnostics
        assert problem.span and f"{symbol} = {size}" in problem.message
        with pytest.raises(CnnError) as said:
            resized(network.graph, sizes)
        assert said.value.diagnostics[0].message == problem.message


@pytest.mark.parametrize(("path", "name"), OPEN, ids=lambda value: getattr(value, "stem", value))
def test_what_is_exported_is_read_again(path: Path, name: str) -> None:
    """The same sizes, and for each the same shapes; what was assumed, which a model does not say, may be taken too."""
    graph = loaded(path, name).graph
    if not EVERYTHING and len(graph.layers) > 200:
        pytest.skip("slow, and as ResNet-50")
    generator = np.random.default_rng(0)
    weights = {key: generator.random(weight.shape, np.float32) for key, _, weight in graph.all_weights()}
    again = from_onnx(export(graph, weights))
    assert not again.notes and [one.name for one in again.network.symbols] == [one.name for one in graph.symbols]
    base = {one.name: one.default for one in graph.symbols}
    there = resized(again.network, base)
    for symbol in base:
        mine, theirs = along(graph, [symbol]), along(there, [symbol])
        assert mine.taken == theirs.taken & mine.assumed
        for one, other in zip(graph.outputs, there.outputs, strict=True):
            pairs = zip(mine.shapes[one].dimensions, theirs.shapes[other].dimensions, strict=True)
            for size in islice(mine.taken.members(), MANY):
                assert all(at(first, size) == at(second, size) for first, second in pairs)


def at(extent: Any, size: int) -> int:
    return extent.at(size) if isinstance(extent, Extent) else extent


@pytest.mark.parametrize("name", ops.NAMES)
def test_random_layers(name: str) -> None:
    compared = 0
    for index in range(CASES_EACH):
        chance = Random(f"dynamic/{name}/{index}")
        graph = with_symbols(cnndsl.loads(generators.sound_layer(chance, name)).graph)
        changes = [{one.name: max(one.default + chance.randint(-3, 5), 1) for one in graph.symbols} for _ in range(5)]
        opset = min(OPSETS[index % len(OPSETS)], newest_judged())
        compared += compare(graph, [{}, *changes], opset, "reference")
    assert compared >= CASES_EACH


@pytest.mark.parametrize("seed", range(40))
def test_random_networks(seed: int) -> None:
    chance = Random(seed)
    graph = with_symbols(cnndsl.loads(generators.network_text(f"dynamic {seed}", 8)).graph)
    changes = [{one.name: max(one.default + chance.randint(-3, 9), 1) for one in graph.symbols} for _ in range(5)]
    assert compare(graph, [{}, *changes]) >= 1


def symbolic(text: str, layer: str, field: str, *expressions: str) -> Graph:
    """A network of one input whose extents are symbols, with an argument of one layer that follows from them."""
    graph = with_symbols(cnndsl.loads(text).graph)
    layers = tuple(
        node.model_copy(update={"symbolic": {field: expressions}}) if node.name == layer else node
        for node in graph.layers
    )
    return graph.model_copy(update={"layers": layers})


LAYERS = [
    ("crop 3", "crop", "size", ("H//4",)),
    ("crop [1, 2, 3, 4]", "crop", "size", ("1", "2", "H - 9", "W % 5")),
    ("pad 3 mode=edge", "pad", "size", ("H % 4",)),
    ("resize 9x8 mode=linear", "resize", "size", ("H - 3", "2*W")),
    ("resize 9x8 mode=cubic", "resize", "size", ("H//2", "W + 1")),
    ("resize 9x8", "resize", "size", ("2*H - 1", "W//3")),
    ("adaptive_avgpool 3x4", "adaptive_avgpool", "size", ("H//4", "W//3")),
    ("adaptive_maxpool 3x4", "adaptive_maxpool", "size", ("H//4", "4")),
    ("slice 2 8 axis=1", "slice", "end", ("H - 4",)),
]


@pytest.mark.parametrize(("layer", "name", "field", "texts"), LAYERS)
def test_arguments_that_follow_from_sizes(layer: str, name: str, field: str, texts: tuple[str, ...]) -> None:
    graph = symbolic(f"input 3@12x12\nconv 2 3x3 pad=1\n{layer}", name, field, *texts)
    changes = [{"H": height, "W": width} for height in (12, 13, 18) for width in (12, 17)]
    assert compare(graph, changes) >= 4


def test_what_a_model_cannot_say_is_told_at_once() -> None:
    text = "input 3@12x12\nupsample 2\nidentity\nupsample 3"
    graph = symbolic(text, "upsample1", "scale", "H//6")
    layers = [node.model_copy(update={"symbolic": {"scale": ("K",)}}) if node.name == "upsample2" else node
              for node in graph.layers]  # fmt: skip
    symbols = (*graph.symbols, Symbol(name="K", default=2))
    graph = graph.model_copy(update={"layers": tuple(layers), "symbols": symbols})
    with pytest.raises(CnnError) as caught:
        export(graph, {})
    assert {found.code for found in caught.value.diagnostics} == {"export-unsupported"}
    assert len(caught.value.diagnostics) == 3
    assert "depends on K, which no input of the model tells" in str(caught.value)


def dimensions(value: Any) -> list[int | str]:
    return [axis.dim_param or axis.dim_value for axis in value.type.tensor_type.shape.dim]


def test_names_of_the_axes() -> None:
    graph = with_symbols(cnndsl.loads("input 3@16x20\nconv 4 3x3 stride=2\nupsample 2").graph)
    model = export(graph, Network(graph).weights()).graph
    assert dimensions(model.input[0]) == ["N", 3, "H", "W"]
    assert dimensions(model.value_info[0]) == ["N", 4, "ceil(H/2) - 1", "ceil(W/2) - 1"]
    even = graph.model_copy(update={"assumptions": (Assumption(text="H % 2 == 1"),)})
    assert dimensions(export(even, Network(graph).weights()).graph.output[0])[2:] == ["H - 1", "2*ceil(W/2) - 2"]


def test_a_symbol_of_the_name_of_the_batch() -> None:
    value = Input(name="x", shape=cnndsl.Shape(3, (8,)), extents=("3", "N + 2"))
    graph = cnndsl.loads("input 3@8 as x\nrelu").graph
    graph = graph.model_copy(update={"inputs": (value,), "symbols": (Symbol(name="N", default=6),)})
    assert dimensions(export(graph, {}).graph.input[0]) == ["batch", 3, "N + 2"]
    assert compare(graph, [{"N": 1}, {"N": 9}]) == 2


def test_equal_padding_needs_no_arithmetic() -> None:
    """Padding that is the same at all sizes stays an attribute; other padding is computed."""
    graph = with_symbols(cnndsl.loads("input 3@16x16\nconv 4 3x3 pad=same\nconv 4 3x3 stride=2 pad=same").graph)
    weights = Network(graph).weights()
    assert [node.op_type for node in export(graph, weights).graph.node][:2] == ["Conv", "Shape"]
    assumed = graph.model_copy(update={"assumptions": (Assumption(text="H % 2 == 0 and W % 2 == 0"),)})
    assert [node.op_type for node in export(assumed, weights).graph.node] == ["Conv", "Conv"]
    assert compare(assumed, [{"H": 2, "W": 4}, {"H": 18, "W": 30}]) == 2


def test_the_graph_at_a_size_is_exported_for_every_size() -> None:
    graph = with_symbols(cnndsl.loads("input 3@16x16\nconv 4 3x3 stride=2 pad=same").graph)
    weights = Network(graph).weights()
    assert export(resized(graph, {"H": 17}), weights).graph.node[-1] == export(graph, weights).graph.node[-1]


def test_nodes_of_a_layer_are_of_its_name() -> None:
    graph = with_symbols(cnndsl.loads("input 3@9x9\nmaxpool 3x3 stride=2 ceil_mode=true pad=1 as p").graph)
    found = export(graph, {}).graph.node
    assert found[-1].name == "p"
    assert all(one.name.startswith("p/") for one in found[:-1])
