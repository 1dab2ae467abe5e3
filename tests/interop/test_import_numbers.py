"""Random relatives of what exporters write: counts are those of the file, values those of float64, texts read back.

CNNDSL_FUZZ multiplies the number of cases, CNNDSL_SEED chooses others; a failing case names its seed.
"""

import os
from random import Random

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator
from onnx.reference.op_run import OpRun

from cnndsl import ops
from cnndsl.analysis.measured import Measured
from cnndsl.errors import CnnError
from cnndsl.interop.onnx.exporter.model import export
from cnndsl.interop.onnx.importer.model import from_onnx
from cnndsl.lang.compile import compile_text
from cnndsl.lang.decompile.decompiler import decompile, same_graph
from cnndsl.lang.decompile.printer import print_network
from cnndsl.runtime.data.initial_weights import initial_weights
from cnndsl.runtime.interpreter import execute
from cnndsl.runtime.plan.planner import make_plan

TIMES = int(os.environ.get("CNNDSL_FUZZ", "1"))
SEED = os.environ.get("CNNDSL_SEED", "0")
CASES = 250
OPSET = 21
"""Where GroupNormalization has a scale and a bias a channel."""


class Chain:
    """A model of one chain of nodes under construction, and the parameters that it should have."""

    def __init__(self, seed: str) -> None:
        self.random = Random(seed)
        self.numbers = np.random.default_rng(self.random.getrandbits(32))
        self.batch = self.random.choice(["N", "N", "N", 1, 2])
        self.shape = [self.random.choice([1, 2, 4, 6]), self.random.randint(3, 5), self.random.randint(3, 5)]
        self.first = list(self.shape)
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[onnx.TensorProto] = []
        self.value = "x"
        self.params = 0

    def fresh(self, stem: str) -> str:
        return f"{stem}{len(self.nodes) + len(self.initializers)}"

    def tensor(self, array: object, held: bool = True) -> str:
        """A constant: an initializer, or what a node holds."""
        values = np.asarray(array)
        values = values.astype(np.float32) if values.dtype.kind == "f" else values
        name = self.fresh("c")
        if held:
            self.initializers.append(numpy_helper.from_array(values, name))
        else:
            self.nodes.append(helper.make_node("Constant", [], [name], value=numpy_helper.from_array(values)))
        return name

    def learnt(self, *shape: int, trivial: float | None = None, sign: bool = True) -> str:
        """A parameter, with the values of a new model or others."""
        self.params += int(np.prod(shape))
        if trivial is not None and self.random.random() < 0.4:
            return self.tensor(np.full(shape, trivial, np.float32))
        return self.tensor(self.some(*shape, sign=sign))

    def some(self, *shape: int, sign: bool = True) -> np.ndarray:
        values = self.numbers.uniform(0.3, 2, shape)
        return values * self.numbers.choice([-1, 1], shape) if sign else values

    def then(self, kind: str, *others: str, **attributes: object) -> None:
        name = self.fresh("v")
        self.nodes.append(helper.make_node(kind, [self.value, *others], [name], **attributes))
        self.value = name

    def model(self) -> onnx.ModelProto:
        x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [self.batch, *self.first])
        y = helper.make_tensor_value_info(self.value, TensorProto.FLOAT, None)
        graph = helper.make_graph(self.nodes, "chain", [x], [y], self.initializers)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=10)


def per_channel(chain: Chain) -> None:
    """A factor or a term a channel: held, held and given axes, or made by a node."""
    kind = chain.random.choice(["Add", "Mul", "Sub", "Div"])
    channels, rest = chain.shape[0], [1] * (len(chain.shape) - 1)
    how = chain.random.randrange(4)
    if how == 3:
        other = chain.tensor(chain.some(channels, *rest), held=False)
    elif how == 2:
        flat = chain.learnt(channels, trivial=float(kind in ("Mul", "Div")))
        other = chain.fresh("u")
        axes = chain.tensor(np.arange(1, 1 + len(rest)))
        chain.nodes.append(
            helper.make_node("Unsqueeze", [flat, axes], [other])
            if rest
            else helper.make_node("Identity", [flat], [other])
        )
    else:
        shape = ([1] * how) + [channels, *rest]
        other = chain.learnt(*shape, trivial=float(kind in ("Mul", "Div")))
    swapped = kind != "Div" and chain.random.random() < 0.3
    name = chain.fresh("v")
    inputs = [other, chain.value] if swapped else [chain.value, other]
    chain.nodes.append(helper.make_node(kind, inputs, [name]))
    chain.value = name


def scalar(chain: Chain) -> None:
    number = chain.some()
    chain.then(chain.random.choice(["Add", "Mul", "Sub", "Div"]), chain.tensor(number, chain.random.random() < 0.5))


def activation(chain: Chain) -> None:
    kind = chain.random.choice(["Relu", "Tanh", "LeakyRelu", "Neg", "PRelu", "Sigmoid"])
    if kind == "PRelu":
        chain.then(kind, chain.learnt(chain.random.choice([1, chain.shape[0]]), *[1] * (len(chain.shape) - 1)))
    else:
        chain.then(kind, **({"alpha": 0.25} if kind == "LeakyRelu" else {}))


def clip(chain: Chain) -> None:
    low, high = sorted(float(number) for number in chain.some(2))
    bounds = chain.random.choice([(low, None), (None, high), (low, high), (0.0, None), (0.0, 6.0)])
    chain.then("Clip", *("" if bound is None else chain.tensor(np.float32(bound)) for bound in bounds))


def norm(chain: Chain) -> None:
    channels, is_map = chain.shape[0], len(chain.shape) > 1
    kinds = ["BatchNormalization", "LayerNormalization"]
    kinds += ["InstanceNormalization", "GroupNormalization", "last"] if is_map else []
    kind = chain.random.choice(kinds)
    layout = [chain.shape[-1]] if kind == "last" else list(chain.shape) if kind == "LayerNormalization" else [channels]
    made = kind != "BatchNormalization" and chain.random.random() < 0.2
    if made:
        affine = [chain.tensor(np.full(layout, number, np.float32), held=False) for number in (1, 0)]
    else:
        affine = [chain.learnt(*layout, trivial=number) for number in (1.0, 0.0)]
        if kind in ("LayerNormalization", "last") and chain.random.random() < 0.3:
            chain.params -= int(np.prod(layout))
            affine.pop()
    if kind == "BatchNormalization":
        running = [chain.tensor(chain.some(channels)), chain.tensor(chain.some(channels, sign=False))]
        chain.then(kind, *affine, *running)
    elif kind == "GroupNormalization":
        groups = chain.random.choice([size for size in range(1, channels + 1) if channels % size == 0])
        chain.then(kind, *affine, num_groups=groups, epsilon=0.1)
    elif kind == "InstanceNormalization":
        chain.then(kind, *affine, epsilon=0.1)
    else:
        axis = -1 if kind == "last" else chain.random.choice([1, -len(chain.shape)])
        chain.then("LayerNormalization", *affine, axis=axis, epsilon=0.1)


def norm_by_hand(chain: Chain) -> None:
    """Batch normalisation as arithmetic, with a weight and a bias or without."""
    layout = [chain.shape[0], *[1] * (len(chain.shape) - 1)]
    statistics = [chain.tensor(chain.some(*layout)), chain.tensor(chain.some(*layout, sign=False))]
    chain.then("Sub", statistics[0])
    centred, chain.value = chain.value, statistics[1]
    chain.then("Add", chain.tensor(np.float32(1e-3), chain.random.random() < 0.5))
    chain.then("Sqrt")
    if chain.random.random() < 0.3:
        chain.nodes.append(helper.make_node("Div", [centred, chain.value], [name := chain.fresh("v")]))
        chain.value = name
    else:
        chain.then("Reciprocal")
        if chain.random.random() < 0.6:
            chain.then("Mul", chain.learnt(*layout, trivial=1.0))
        chain.then("Mul", centred)
    if chain.random.random() < 0.6:
        chain.then("Add", chain.learnt(*layout, trivial=0.0))


def linear(chain: Chain) -> None:
    """A convolution or a dense layer, its bias a node of its own or not there."""
    units, channels = chain.random.choice([1, 3, 4]), chain.shape[0]
    extra = chain.random.choice(["", "own", "behind"])
    if len(chain.shape) > 1:
        weight = chain.learnt(units, channels, 1, 1)
        chain.then("Conv", weight, *([chain.learnt(units)] if extra == "own" else []))
    elif chain.random.random() < 0.5:
        chain.then("MatMul", chain.learnt(channels, units))
    else:
        chain.then("Gemm", chain.learnt(units, channels), *([chain.learnt(units)] if extra == "own" else []), transB=1)
    chain.shape[0] = units
    if extra == "behind":
        chain.then("Add", chain.learnt(units, *[1] * (len(chain.shape) - 1), trivial=0.0))


def pool(chain: Chain) -> None:
    """A maximum, and padding before it or in it."""
    if len(chain.shape) == 1 or min(chain.shape[1:]) < 3:
        return
    how = chain.random.choice(["own", "none", "zero", "infinite", "wide"])
    pads = [1, 1, chain.random.randint(0, 1), 1]
    if how in ("zero", "infinite"):
        value = [chain.tensor(np.float32(-np.inf))] if how == "infinite" else []
        chain.then("Pad", chain.tensor(np.array([0, 0, *pads[:2], 0, 0, *pads[2:]])), *value)
    given = {"own": pads, "wide": [2, 1, 0, 2]}.get(how, [0] * 4)
    chain.then("MaxPool", kernel_shape=[3, 3], pads=given, strides=[1, 1])
    grown = [0] * 4 if how == "none" else [2, 1, 0, 2] if how == "wide" else pads
    chain.shape[1:] = [size + grown[axis] + grown[axis + 2] - 2 for axis, size in enumerate(chain.shape[1:])]


def reshape(chain: Chain) -> None:
    """To a vector, as exporters write it; or what mixes the examples up."""
    elements = int(np.prod(chain.shape))
    how = chain.random.choice(
        ["flatten", "minus one", "zero", "shape", "axis 0", "one row", "reversed", "cut", "twice"]
    )
    if how == "flatten":
        chain.then("Flatten")
    elif how in ("minus one", "zero", "one row"):
        target = {"minus one": [-1, elements], "zero": [0, -1], "one row": [1, -1]}[how]
        chain.then("Reshape", chain.tensor(np.array(target)))
    elif how == "shape":
        whole, batch, row = chain.fresh("s"), chain.fresh("b"), chain.fresh("t")
        chain.nodes.append(helper.make_node("Shape", [chain.value], [whole]))
        chain.nodes.append(helper.make_node("Gather", [whole, chain.tensor(np.array([0]))], [batch]))
        chain.nodes.append(helper.make_node("Concat", [batch, chain.tensor(np.array([-1]))], [row], axis=0))
        chain.then("Reshape", row)
    elif how == "axis 0":
        chain.then("Flatten", axis=0)
        return
    elif how == "reversed":
        chain.then("Transpose", perm=list(range(len(chain.shape) + 1))[::-1])
        return
    elif how == "cut":
        chain.then("Slice", *(chain.tensor(np.array([number])) for number in (0, 1, 0)))
        return
    else:
        name = chain.fresh("v")
        axis = chain.random.choice([0, 1])
        chain.nodes.append(helper.make_node("Concat", [chain.value, chain.value], [name], axis=axis))
        chain.value = name
        chain.shape[0] *= 1 + axis
        return
    chain.shape = [elements]


def sized(chain: Chain) -> None:
    """A factor that is the number of examples."""
    whole, batch, number = chain.fresh("s"), chain.fresh("b"), chain.fresh("f")
    chain.nodes.append(helper.make_node("Shape", [chain.value], [whole], end=1))
    chain.nodes.append(helper.make_node("Cast", [whole], [batch], to=TensorProto.FLOAT))
    chain.nodes.append(helper.make_node("Identity", [batch], [number]))
    chain.then("Mul", number)


STEPS = [per_channel] * 6 + [norm] * 4 + [scalar, activation, clip, linear, pool] * 2 + [reshape, reshape, sized]


class MaxPool(OpRun):
    """ONNX's own evaluator takes uneven padding for another."""

    op_domain = ""

    def _run(self, x, kernel_shape=None, pads=None, **others):
        (top, left, bottom, right), (height, width) = pads, kernel_shape
        padded = np.pad(x, ((0, 0), (0, 0), (top, bottom), (left, right)), constant_values=-np.inf)
        windows = np.lib.stride_tricks.sliding_window_view(padded, (height, width), axis=(2, 3))
        return (windows.max(axis=(-2, -1)),)


def in_float64(model: onnx.ModelProto, x: np.ndarray) -> np.ndarray:
    """What ONNX's own evaluator makes of the model with all its numbers in float64."""
    double = onnx.ModelProto()
    double.CopyFrom(model)
    double.graph.input[0].type.tensor_type.elem_type = TensorProto.DOUBLE
    tensors = [*double.graph.initializer, *(a.t for n in double.graph.node for a in n.attribute if n.op_type != "Cast")]
    for tensor in tensors:
        if tensor.data_type == TensorProto.FLOAT:
            tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float64), tensor.name))
    for node in double.graph.node:
        for attribute in node.attribute:
            if node.op_type == "Cast" and attribute.name == "to":
                attribute.i = TensorProto.DOUBLE
    (result,) = ReferenceEvaluator(double, new_ops=[MaxPool]).run(None, {"x": x.astype(np.float64)})
    return result


def reads_back(network) -> None:
    """Both texts of a network are read, and are that network."""
    found = decompile(network)
    for text, names in ((found.text, found.names), (print_network(network), None)):
        result = compile_text(text, "net.cnn")
        assert [message for message in result.diagnostics if message.severity == "error"] == [], text
        (again,) = result.networks
        assert [layer.op for layer in again.layers] == [layer.op for layer in network.layers] or names
        assert names is None or same_graph(again, network, names), text


def check(model: onnx.ModelProto, params: int, seed: str) -> bool:
    """Whether the model is imported; it is right then."""
    try:
        imported = from_onnx(model)
    except CnnError as error:
        assert {found.code for found in error.diagnostics} <= {"import-unsupported", "onnx-graph"}
        return False
    assert Measured(imported.network).params == params, seed
    reads_back(imported.network)
    extents = model.graph.input[0].type.tensor_type.shape.dim
    (wanted_input,), (output,) = imported.network.inputs, imported.network.outputs
    for batch in (extents[0].dim_value,) if extents[0].dim_value else (1, 3):
        x = np.random.default_rng(batch).standard_normal((batch, *wanted_input.shape.dimensions)).astype(np.float32)
        expected = in_float64(model, x)
        actual = execute(make_plan(imported.network, imported.weights), {wanted_input.name: x})[output]
        assert actual.shape == expected.shape, seed
        assert np.abs(actual - expected).max() <= 1e-5 * max(np.abs(expected).max(), 1), seed
    return True


@pytest.mark.parametrize("part", range(10))
def test_random_chains(part):
    """Of every tenth of the cases, most are imported."""
    count = TIMES * CASES // 10
    imported = 0
    for index in range(count):
        seed = f"{SEED}/{part}/{index}"
        chain = Chain(seed)
        for _ in range(chain.random.randint(1, 6)):
            chain.random.choice(STEPS)(chain)
        imported += check(chain.model(), chain.params, seed)
    assert imported > count / 3


# --- everything that is written can be read ---------------------------------------------------------------------------
NUMBERS = [
    0.0,
    -0.0,
    1.0,
    6.0,
    0.1,
    1 / 3,
    255.0,
    123456789.0,
    1e15,
    1e16,
    1e20,
    1e30,
    9.9e30,
    1e31,
    1e38,
    3.4028235e38,
]
NUMBERS += [1e-5, 0.000123456789, 1e-7, 1e-30, 1.1e-31, 1.2e-38, 1e-40, 1e-45, np.inf, np.nan]
WHOLE = [1, 2, 3, 5, 100, 2**31 - 1, 2**31, 2**40, 2**62]


def with_number(random: Random) -> onnx.ModelProto:
    """A node or two that hold a number that may be anything."""

    def number() -> float:
        return random.choice([1, 1, -1]) * random.choice(NUMBERS)

    chain = Chain(str(random.random()))
    channels = chain.shape[0]

    def constant(*shape: int) -> str:
        values = np.array([number() for _ in range(int(np.prod(shape)))], np.float64)
        return chain.tensor(values.astype(np.float32).reshape(shape), random.random() < 0.5)

    def whole() -> int:
        return random.choice(WHOLE)

    def norm(kind: str, *roles: float) -> None:
        chain.then(kind, *(chain.tensor(np.full(channels, role, np.float32)) for role in roles), epsilon=number())

    makers = {
        "Add": lambda: chain.then("Add", constant()),
        "Mul": lambda: chain.then("Mul", constant()),
        "Div": lambda: chain.then("Div", constant(channels, 1, 1)),
        "Sub": lambda: chain.then("Sub", constant(channels, 1, 1)),
        "Clip": lambda: chain.then("Clip", *random.choice([(constant(),), ("", constant()), (constant(), constant())])),
        "Pad": lambda: chain.then("Pad", chain.tensor(np.array([0, 0, 1, 1, 0, 0, 1, 1])), constant()),
        "PadMaxPool": lambda: (
            chain.then("Pad", chain.tensor(np.array([0, 0, 1, 1, 0, 0, 1, 1])), constant()),
            chain.then("MaxPool", kernel_shape=[2, 2]),
        ),
        "PRelu": lambda: chain.then("PRelu", constant(1, 1, 1)),
        "LeakyRelu": lambda: chain.then("LeakyRelu", alpha=number()),
        "Elu": lambda: chain.then("Elu", alpha=number()),
        "Celu": lambda: chain.then("Celu", alpha=number()),
        "Selu": lambda: chain.then("Selu", alpha=number(), gamma=number()),
        "HardSigmoid": lambda: chain.then("HardSigmoid", alpha=number(), beta=number()),
        "LRN": lambda: chain.then("LRN", size=whole(), alpha=number(), beta=number(), bias=number()),
        "InstanceNormalization": lambda: norm("InstanceNormalization", 1, 0),
        "BatchNormalization": lambda: norm("BatchNormalization", 1, 0, 0, 1),
        "Dropout": lambda: chain.then("Dropout", constant()),
        "MaxPool": lambda: chain.then(
            "MaxPool", kernel_shape=[1, 1], strides=[whole(), whole()], dilations=[whole()] * 2
        ),
        "LpPool": lambda: chain.then("LpPool", kernel_shape=[2, 2], p=whole()),
        "Resize": lambda: chain.then("Resize", "", constant(4)),
        "Slice": lambda: chain.then("Slice", *(chain.tensor(np.array([n])) for n in (-whole(), whole(), 2))),
    }
    for _ in range(random.randint(1, 3)):
        random.choice(list(makers.values()))()
    return chain.model()


@pytest.mark.parametrize("part", range(5))
def test_what_is_written_is_read(part):
    """Either a diagnostic, or two texts that are the network."""
    imported = 0
    for index in range(TIMES * 80):
        model = with_number(Random(f"{SEED}/number/{part}/{index}"))
        try:
            network = from_onnx(model).network
        except CnnError as error:
            assert all(found.message for found in error.diagnostics)
            continue
        reads_back(network)
        imported += 1
    assert imported > TIMES * 5


# --- single cases -----------------------------------------------------------------------------------------------------
def model_of(nodes, shape, opset=17, dtype=TensorProto.FLOAT, **constants):
    """A model from ``x`` to ``y``; nodes are (kind, inputs, output, attributes)."""
    made = [helper.make_node(kind, inputs.split(), [output], **given) for kind, inputs, output, given in nodes]
    x = helper.make_tensor_value_info("x", dtype, shape)
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    tensors = [numpy_helper.from_array(np.asarray(array), name) for name, array in constants.items()]
    graph = helper.make_graph(made, "one", [x], [y], tensors)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


def text_of(model):
    return decompile(from_onnx(model).network).text


def messages(model):
    with pytest.raises(CnnError) as caught:
        from_onnx(model)
    return [found.message for found in caught.value.diagnostics]


ROW = np.arange(1, 9, dtype=np.float32).reshape(8, 1, 1)


@pytest.mark.parametrize(
    ("nodes", "written", "params"),
    [
        ([("Add", "x c", "y", {})], "bias", 8),
        ([("Mul", "x c", "y", {})], "scale", 8),
        ([("Mul", "x ones", "y", {})], "scale", 8),
        ([("Add", "x zeros", "y", {})], "bias", 8),
        ([("Mul", "x c", "m", {}), ("Add", "m c", "y", {})], "scale bias=true", 16),
        ([("Mul", "x half", "y", {})], "normalize mean=0 std=2", 0),
        ([("Mul", "x half.weight", "y", {})], "parameter", 1),
        ([("Neg", "x", "y", {})], "neg", 0),
        ([("Sub", "half x", "y", {})], "normalize mean=0.5 std=-1", 0),
        ([("PRelu", "x slope", "y", {})], "prelu", 1),
        ([("InstanceNormalization", "x one zero", "y", {})], "instancenorm affine=true", 16),
        ([("InstanceNormalization", "x one zero", "n", {}), ("Mul", "n c", "y", {})], "scale", 24),
        ([("BatchNormalization", "x one zero zero one", "y", {})], "batchnorm", 16),
        ([("BatchNormalization", "x one zero zero one", "n", {}), ("Mul", "n half", "y", {})], "batchnorm", 16),
        ([("LayerNormalization", "x whole", "y", {"axis": 1})], "layernorm affine=false", 8 * 5 * 4),
        ([("LayerNormalization", "x whole none", "y", {"axis": 1})], "layernorm", 2 * 8 * 5 * 4),
    ],
)
def test_a_parameter_is_what_the_file_holds(nodes, written, params):
    constants = {
        "c": ROW,
        "ones": np.ones_like(ROW),
        "zeros": np.zeros_like(ROW),
        "one": np.ones(8, np.float32),
        "zero": np.zeros(8, np.float32),
        "half": np.float32(0.5),
        "half.weight": np.float32(0.5),
        "slope": np.full((1, 1, 1), 0.25, np.float32),
        "whole": np.ones((8, 5, 4), np.float32),
        "none": np.zeros((8, 5, 4), np.float32),
    }
    model = model_of(nodes, ["N", 8, 5, 4], **constants)
    text = text_of(model)
    assert f"expect params == {params}\n" in text
    assert written in text.replace("\n", " ")
    assert check(model, params, "")


def test_constants_of_nodes_are_no_parameters_beside_weights_of_the_file():
    constant = numpy_helper.from_array(ROW)
    nodes = [("Constant", "", "c", {"value": constant}), ("Conv", "x w", "v", {}), ("Tanh", "v", "t", {})]
    nodes += [("Mul", "t c", "y", {})]
    assert check(model_of(nodes, ["N", 1, 5, 4], w=np.ones((8, 1, 1, 1), np.float32)), 8, "")


def test_a_file_without_weights_keeps_them_in_nodes():
    weight = numpy_helper.from_array(np.ones((8, 1, 1, 1), np.float32))
    nodes = [("Constant", "", "c", {"value": numpy_helper.from_array(ROW)}), ("Constant", "", "w", {"value": weight})]
    nodes += [("Conv", "x w", "v", {}), ("Tanh", "v", "t", {}), ("Mul", "t c", "y", {})]
    assert check(model_of(nodes, ["N", 1, 5, 4]), 16, "")


ACROSS = {
    "Flatten": [("Flatten", "x", "y", {"axis": 0})],
    "Reshape to a row": [("Reshape", "x row", "y", {})],
    "Reshape by two": [("Reshape", "x half", "y", {})],
    "Slice": [("Slice", "x zero one zero", "y", {})],
    "Slice from the end": [("Slice", "x last large zero", "y", {})],
    "Transpose": [("Transpose", "x", "y", {"perm": [1, 0, 2, 3]})],
    "Concat": [("Concat", "x x", "y", {"axis": 0})],
    "Squeeze": [("Squeeze", "x zero", "y", {})],
    "Squeeze what is 1": [
        ("ReduceMean", "x", "m", {"axes": [2, 3]}),
        ("Squeeze", "m", "s", {}),
        ("Relu", "s", "y", {}),
    ],
    "Unsqueeze": [("Unsqueeze", "x zero", "y", {})],
    "ReduceMean": [("ReduceMean", "x", "y", {"axes": [0]})],
    "ReduceMax of all": [("ReduceMax", "x", "y", {})],
    "Gather": [("Gather", "x zero", "y", {"axis": 0})],
    "Softmax": [("Softmax", "x", "y", {"axis": 0})],
    "Split": [("Split", "x one", "y", {"axis": 0})],
    "Tile": [("Tile", "x twice", "y", {})],
    "Expand": [("Expand", "x twice", "y", {})],
    "Pad": [("Pad", "x pads", "y", {})],
    "Resize": [("Resize", "x nothing scales", "y", {"mode": "nearest"})],
    "LayerNormalization": [("LayerNormalization", "x w", "y", {"axis": 0})],
    "variance by hand": [
        ("ReduceMean", "x", "m", {"axes": [0]}),
        ("Sub", "x m", "d", {}),
        ("Pow", "d two", "s", {}),
        ("ReduceMean", "s", "v", {"axes": [0]}),
        ("Add", "v eps", "e", {}),
        ("Sqrt", "e", "r", {}),
        ("Div", "d r", "y", {}),
    ],
    "its number": [("Shape", "x", "s", {"end": 1}), ("Cast", "s", "f", {"to": 1}), ("Mul", "x f", "y", {})],
    "its number in a shape": [("Shape", "x", "s", {}), ("ReduceProd", "s", "p", {}), ("Reshape", "x p", "y", {})],
}


@pytest.mark.parametrize("name", ACROSS)
def test_what_works_across_a_batch_of_any_extent_is_refused(name):
    constants = {
        "row": np.array([1, -1]),
        "half": np.array([-1, 30]),
        "zero": np.array([0]),
        "one": np.array([1]),
        "last": np.array([-1]),
        "large": np.array([2**31 - 1]),
        "twice": np.array([2, 1, 1, 1]),
        "pads": np.array([1, 0, 0, 0, 0, 0, 0, 0]),
        "nothing": np.zeros(0, np.float32),
        "scales": np.array([2, 1, 1, 1], np.float32),
        "w": np.ones((1, 3, 4, 5), np.float32),
        "two": np.float32(2),
        "eps": np.float32(1e-5),
    }
    model = model_of(ACROSS[name], ["N", 3, 4, 5], **constants)
    assert messages(model)


def test_squares_of_differences_keep_their_axis_or_lose_it():
    centers = np.random.default_rng(0).standard_normal((4, 3)).astype(np.float32)
    for keeps, axes, imported in ((1, [2], True), (0, [-1], True), (None, [2], True), (0, [1], False), (1, [1], False)):
        given = {} if keeps is None else {"keepdims": keeps}
        nodes = [("Unsqueeze", "x place", "u", {}), ("Sub", "u centers", "d", {}), ("Mul", "d d", "s", {})]
        nodes += [("ReduceSum", "s axes", "y", given)]
        model = model_of(nodes, ["N", 3], centers=centers, place=np.array([1]), axes=np.array(axes))
        assert check(model, 0, "") == imported  # the language counts centres as buffers


def test_formulas_that_are_something_else_are_read_node_by_node():
    ones, zeros = np.full(2, 3, np.float32), np.zeros(2, np.float32)
    nodes = [("Reshape", "x inner", "r", {}), ("InstanceNormalization", "r ones zeros", "n", {"epsilon": 0.1})]
    nodes += [("Reshape", "n outer", "y", {})]
    shapes = {"inner": np.array([0, 2, -1]), "outer": np.array([0, 4, 3, 5])}
    assert check(model_of(nodes, ["N", 4, 3, 5], ones=ones, zeros=zeros, **shapes), 4, "")


def test_all_that_is_not_understood_is_listed():
    nodes = [("LSTM", "x w r", "l", {"hidden_size": 4}), ("Shape", "l", "s", {}), ("Gather", "s zero", "g", {})]
    nodes += [("Erf", "l", "a", {}), ("Relu", "a", "b", {}), ("Cos", "b", "c", {}), ("Compress", "c g", "y", {})]
    weights = {"w": np.ones((1, 16, 3), np.float32), "r": np.ones((1, 16, 4), np.float32), "zero": np.array([0])}
    listed = [message.split(":")[0] for message in messages(model_of(nodes, ["N", 2, 3], **weights))]
    assert listed == ["LSTM `l`", "Erf `a`", "Cos `c`", "Compress `y`"]


def test_an_attribute_of_a_function_that_is_not_there():
    model = model_of([("Flatten", "x", "y", {"axis": 1})], ["N", 3, 4, 5])
    model.graph.node[0].attribute[0].ref_attr_name = "axis"
    assert messages(model) == ["`the model`: Flatten `y` refers to the attribute `axis` of a function around it"]


def test_a_maximum_over_wide_padding_keeps_its_values():
    given = {"kernel_shape": [3, 3], "pads": [2, 2, 2, 2]}
    assert check(model_of([("MaxPool", "x", "y", given)], ["N", 2, 5, 4]), 0, "")
    given = {"kernel_shape": [2, 2], "pads": [2, 2, 2, 2]}
    assert "padding alone" in messages(model_of([("MaxPool", "x", "y", given)], ["N", 2, 5, 4]))[0]


def test_padding_with_infinity_is_written_before_a_maximum_only():
    pad = ("Pad", "x pads value", "p", {})
    constants = {"pads": np.array([0, 0, 1, 1, 0, 0, 1, 1]), "value": np.float32(-np.inf)}
    pool = ("MaxPool", "p", "y", {"kernel_shape": [3, 3], "strides": [2, 2]})
    assert "maxpool 3x3 stride=2 pad=1" in text_of(model_of([pad, pool], ["N", 2, 8, 8], **constants))
    assert "does not write" in messages(model_of([pad, ("Relu", "p", "y", {})], ["N", 2, 8, 8], **constants))[0]
    partial = from_onnx(model_of([pad, ("Relu", "p", "y", {})], ["N", 2, 8, 8], **constants), partial=True)
    assert [node.op.operator for node in partial.network.layers] == [] and len(partial.notes) == 1


@pytest.mark.parametrize(
    "layer",
    [
        *(line for name in ops.NAMES for line in [ops.operator(name).example]),
        *(
            f"input 4@6x5\n{norm} affine={flag}"
            for flag in ("true", "false")
            for norm in ("batchnorm", "layernorm", "layernorm axes=channel", "groupnorm 2", "instancenorm")
        ),
        "input 4@6x5\nconv 3 1x1 bias=false -> bias -> scale -> bias -> scale bias=true -> normalize mean=1 std=-2",
        "input 4@6x5\nclip min=-0.5 -> clip max=0.25",
    ],
)
def test_our_own_exports_come_back_with_their_parameters(layer):
    (network,) = compile_text(layer, "net.cnn").networks
    again = from_onnx(export(network, initial_weights(network), opset=17)).network
    assert Measured(again).params == Measured(network).params


ON_CONSTANTS = {
    "Clip": ([("Clip", "c low high", "k", {})], 17),
    "Clip below": ([("Clip", "c low", "k", {})], 17),
    "Clip by attributes": ([("Clip", "c", "k", {"min": -0.5, "max": 0.25})], 6),
    "ReduceSum": ([("ReduceSum", "c last", "k", {})], 17),
    "ReduceSum without its axis": (
        [("ReduceSum", "c last", "r", {"keepdims": 0}), ("Unsqueeze", "r last", "k", {})],
        17,
    ),
    "ReduceSum of nothing": ([("ReduceSum", "c", "k", {"noop_with_empty_axes": 1})], 17),
    "ReduceMean": ([("ReduceMean", "c", "k", {"axes": [0]})], 17),
    "ReduceMax of all": ([("ReduceMax", "c", "k", {})], 17),
    "ReduceMin": ([("ReduceMin", "c", "k", {"axes": [1, 2]})], 17),
    "Expand": ([("Expand", "low extents", "k", {})], 17),
    "CumSum": ([("CumSum", "c zero", "k", {})], 17),
    "ScatterND": ([("ScatterND", "c places updates", "k", {})], 17),
    "CastLike": ([("CastLike", "whole c", "k", {})], 17),
    "BatchNormalization": (
        [
            ("Transpose", "c", "t", {"perm": [1, 0, 2]}),
            ("BatchNormalization", "t s s s s", "n", {}),
            ("Transpose", "n", "k", {"perm": [1, 0, 2]}),
        ],
        17,
    ),
    "Conv": ([("Conv", "image filters", "n", {"pads": [1, 1, 1, 1]}), ("Reshape", "n wide", "k", {})], 17),
    "MaxPool": (
        [
            ("MaxPool", "image", "n", {"kernel_shape": [1, 2], "pads": [0, 0, 0, 0]}),
            ("ReduceMax", "n", "k", {"axes": [1, 2, 3]}),
        ],
        17,
    ),
    "Sigmoid and Softmax": ([("Sigmoid", "c", "n", {}), ("Softmax", "n", "k", {"axis": 1})], 17),
    "Concat": ([("Concat", "c c", "d", {"axis": 1}), ("ReduceMean", "d", "k", {"axes": [1]})], 17),
    "Gather": ([("Gather", "c backwards", "k", {"axis": 0})], 17),
    "Reshape of a view": ([("Transpose", "c", "t", {"perm": [2, 1, 0]}), ("Reshape", "t extents", "k", {})], 17),
}


@pytest.mark.parametrize("name", ON_CONSTANTS)
def test_what_stands_on_constants_is_computed(name):
    """The same numbers as ONNX's evaluator finds: they meet a value, and the sum must agree."""
    nodes, opset = ON_CONSTANTS[name]
    constants = {
        "c": np.random.default_rng(0).standard_normal((6, 1, 1)).astype(np.float32),
        "low": np.float32(-0.5),
        "high": np.float32(0.25),
        "last": np.array([2]),
        "zero": np.array(0),
        "extents": np.array([6, 1, 1]),
        "places": np.array([[1], [4]]),
        "updates": np.full((2, 1, 1), 7, np.float32),
        "image": np.random.default_rng(2).standard_normal((1, 2, 3, 2)).astype(np.float32),
        "filters": np.random.default_rng(3).standard_normal((1, 2, 3, 3)).astype(np.float32),
        "wide": np.array([6, 1, 1]),
        "whole": np.arange(6).reshape(6, 1, 1),
        "s": np.array([2], np.float32),
        "backwards": np.arange(6)[::-1].copy(),
    }
    model = model_of([*nodes, ("Mul", "x k", "y", {})], ["N", 6, 3, 2], opset, **constants)
    imported = from_onnx(model)
    x = np.random.default_rng(1).standard_normal((2, 6, 3, 2)).astype(np.float32)
    (source,), (output,) = imported.network.inputs, imported.network.outputs
    actual = execute(make_plan(imported.network, imported.weights), {source.name: x})[output]
    np.testing.assert_allclose(actual, in_float64(model, x), rtol=1e-5)


def test_what_cannot_be_written_in_a_branch_is_refused_once():
    pads = [helper.make_node("Pad", ["x", "pads", "value"], [name]) for name in ("r", "s")]
    results = [[helper.make_tensor_value_info(name, TensorProto.FLOAT, None)] for name in ("r", "s")]
    branches = [
        helper.make_graph([pad], name, [], result)
        for pad, name, result in zip(pads, ("then", "else"), results, strict=True)
    ]
    nodes = [("If", "yes", "y", {"then_branch": branches[0], "else_branch": branches[1]})]
    constants = {"pads": np.array([0, 0, 1, 1, 0, 0, 1, 1]), "value": np.float32(-np.inf), "yes": np.array(True)}
    assert len(messages(model_of(nodes, ["N", 3, 4, 5], **constants))) == 1


def test_before_opset_21_group_normalisation_has_a_scale_a_group():
    """The formula of its definition, over the two halves of the channels."""
    scale, bias = np.array([2, -1], np.float32), np.array([0.5, 1], np.float32)
    node = ("GroupNormalization", "x s b", "y", {"num_groups": 2, "epsilon": 0.1})
    imported = from_onnx(model_of([node], ["N", 4, 3, 2], 18, s=scale, b=bias))
    x = np.random.default_rng(0).standard_normal((2, 4, 3, 2)).astype(np.float32)
    (source,), (output,) = imported.network.inputs, imported.network.outputs
    groups = x.astype(np.float64).reshape(2, 2, -1)
    normal = (groups - groups.mean(2, keepdims=True)) / np.sqrt(groups.var(2, keepdims=True) + 0.1)
    wanted = (normal * scale[:, None] + bias[:, None]).reshape(x.shape)
    actual = execute(make_plan(imported.network, imported.weights), {source.name: x})[output]
    np.testing.assert_allclose(actual, wanted, rtol=1e-5, atol=1e-5)
    assert Measured(imported.network).params == 4
