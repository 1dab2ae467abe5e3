"""What exporters make of common modules: small graphs written by hand, beside ONNX Runtime."""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import numpy_helper

import cnndsl
from cnndsl.errors import CnnError
from cnndsl.interop.onnx.importer.model import from_onnx
from cnndsl.lang.decompile.decompiler import decompile
from cnndsl.runtime.interpreter import execute
from cnndsl.runtime.plan.planner import make_plan


def drawn(*shape):
    """Random numbers, the same whenever a shape is drawn."""
    return np.random.default_rng(len(shape)).uniform(0.5, 1.5, shape).astype(np.float32)


def graph(body, shape, opset=18, **constants):
    """The model of some nodes from x to y; float constants are its initializers, and so are lists of whole numbers."""
    sizes = ",".join(map(str, shape))
    head = f'<ir_version: 8, opset_import: ["": {opset}]> wild (float[N,{sizes}] x) => (float[] y) {{ {body} }}'
    model = onnx.parser.parse_model(head)
    model.graph.output[0].type.tensor_type.ClearField("shape")
    arrays = {name: np.asarray(value) for name, value in constants.items()}
    model.graph.initializer.extend(numpy_helper.from_array(array, name) for name, array in arrays.items())
    return model


def imported_like_runtime(model):
    """The imported network, once it gives what ONNX Runtime gives, for one example and for three."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    imported = from_onnx(model)
    plan = make_plan(imported.network, imported.weights)
    shape = [axis.dim_value for axis in model.graph.input[0].type.tensor_type.shape.dim][1:]
    for batch in (1, 3):
        x = np.random.default_rng(batch).standard_normal((batch, *shape), np.float32)
        (wanted,) = session.run(None, {"x": x})
        found = execute(plan, {imported.network.inputs[0].name: x})[imported.network.outputs[0]]
        assert found.shape == wanted.shape
        np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-5)
    return imported


def parameters(imported):
    return sum(array.size for array in imported.weights.values())


def operators(imported):
    return [node.op.operator for node in imported.network.layers]


# --- reductions -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("keepdims", [0, 1])
@pytest.mark.parametrize("axes", [[1], [2], [-1], [1, 2], [2, 3], [1, 2, 3]])
@pytest.mark.parametrize("kind", ["ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceL2"])
def test_any_axes_but_the_batch_are_reduced(kind, axes, keepdims):
    model = graph(f"y = {kind} <keepdims={keepdims}> (x, axes)", (4, 6, 5), axes=axes)
    if len(axes) == 3 and not keepdims:
        with pytest.raises(CnnError, match="a single number without an axis"):
            from_onnx(model)
    else:
        imported_like_runtime(model)


def test_axes_of_reductions_were_attributes():
    imported_like_runtime(graph("y = ReduceMean <axes=[1], keepdims=1> (x)", (4, 6, 5), opset=13))


def test_a_reduction_behind_a_transposition():
    body = "t = Transpose <perm=[0, 2, 3, 1]> (x) r = ReduceMax <keepdims=0> (t, axes) y = Mul(r, r)"
    imported_like_runtime(graph(body, (4, 6, 5), axes=[1]))


def test_a_reduction_of_the_batch_is_refused():
    with pytest.raises(CnnError, match="across the examples"):
        from_onnx(graph("y = ReduceSum <keepdims=1> (x, axes)", (4, 6, 5), axes=[0, 1]))


def test_split_attention():
    body = """
        r = Reshape(x, split) s = ReduceSum <keepdims=0> (r, one) g = GlobalAveragePool(s) a = Conv(g, w)
        d = Reshape(a, cells) p = Softmax <axis=1> (d) m = Mul(r, p) y = ReduceSum <keepdims=0> (m, one)
    """
    model = graph(body, (6, 4, 4), split=[0, 2, 3, 4, 4], cells=[0, 2, 3, 1, 1], one=[1], w=drawn(6, 3, 1, 1))
    assert parameters(imported_like_runtime(model)) == 18


# --- values that are repeated -----------------------------------------------------------------------------------------
@pytest.mark.parametrize("body", ["g = GlobalAveragePool(x)", "g = ReduceMean <keepdims=1> (x, channels)"])
@pytest.mark.parametrize("merge", ["Mul", "Add", "Max"])
def test_a_gate_repeated_for_a_merge_is_not_repeated(body, merge):
    body = f"{body} s = Shape(x) e = Expand(g, s) y = {merge}(x, e)"
    found = operators(imported_like_runtime(graph(body, (4, 6, 5), channels=[1])))
    assert len(found) == 2


@pytest.mark.parametrize("sizes", [[1, 4, 6, 5], [1, 1, 6, 5], [1, 4, 1, 1], [1, 4, 1, 5]])
def test_a_value_is_repeated(sizes):
    shape = [1 if wanted != 1 else cell for wanted, cell in zip(sizes[1:], (4, 6, 5), strict=True)]
    imported_like_runtime(graph("e = Expand(x, sizes) y = Relu(e)", shape, sizes=sizes))


def test_examples_are_not_repeated():
    with pytest.raises(CnnError, match="repeats the examples"):
        from_onnx(graph("y = Expand(x, sizes)", (4, 6, 5), sizes=[3, 1, 4, 6, 5]))


# --- weights that are computed ----------------------------------------------------------------------------------------
STANDARDISED = """
    r = Reshape(v, flat) s = Mul(gain, size) g = Reshape(s, list)
    b, mean, variance = BatchNormalization <training_mode=1, epsilon=1e-6> (r, g, zeros, other, ones)
    w = Reshape(b, full)
"""
NORMALISED = "n = ReduceL2 <keepdims=1> (v, axes) d = Div(v, n) w = Mul(d, gain)"
NORMALISED_BY_DYNAMO = "n = ReduceL2 <keepdims=1> (v, axes) d = Div(gain, n) w = Mul(v, d)"


@pytest.mark.parametrize("bias", ["", ", bias"])
@pytest.mark.parametrize("body", [STANDARDISED, NORMALISED, NORMALISED_BY_DYNAMO])
def test_a_gain_of_filters_stays_a_parameter(body, bias):
    constants = {"v": drawn(7, 4, 3, 3), "gain": drawn(7, 1, 1, 1)} | ({"bias": drawn(7)} if bias else {})
    helpers = {"flat": [1, 7, -1], "size": np.float32(0.25), "list": [-1], "full": [7, 4, 3, 3], "axes": [1, 2, 3]}
    # ONNX Runtime writes the running mean over what it reads it from, so that the zeros of the bias are others.
    zeros, ones = ", ".join(["0.0"] * 7), ", ".join(["1.0"] * 7)
    held = {"zeros": zeros, "other": zeros, "ones": ones}
    nodes = " ".join(f"{name} = Constant <value_floats=[{numbers}]> ()" for name, numbers in held.items())
    model = graph(f"{nodes} {body} y = Conv(x, w{bias})", (4, 6, 5), **constants, **helpers)
    imported = imported_like_runtime(model)
    assert operators(imported) == ["conv", "scale"]
    assert parameters(imported) == sum(array.size for array in constants.values())


@pytest.mark.parametrize("layer", ["Gemm <transB=1> (x, w, bias)", "MatMul(x, t)"])
def test_a_gain_of_units_stays_a_parameter(layer):
    body = f"n = ReduceL2 <keepdims=1> (v, axes) d = Div(v, n) w = Mul(d, gain) t = Transpose(w) y = {layer}"
    model = graph(body, (5,), v=drawn(7, 5), gain=drawn(7, 1), bias=drawn(7), axes=[1])
    assert parameters(imported_like_runtime(model)) == 42 + 7 * ("bias" in layer)


def test_a_standardised_weight_without_a_gain_is_a_weight():
    body = """
        m = ReduceMean <keepdims=1> (v, axes) c = Sub(v, m) s = Mul(c, c) a = ReduceMean <keepdims=1> (s, axes)
        e = Add(a, eps) q = Sqrt(e) w = Div(c, q) y = Conv(x, w)
    """
    model = graph(body, (4, 6, 5), v=drawn(7, 4, 3, 3), axes=[1, 2, 3], eps=np.float32(1e-5))
    imported = imported_like_runtime(model)
    assert operators(imported) == ["conv"]
    assert parameters(imported) == 7 * 4 * 9


@pytest.mark.parametrize(
    "body",
    [
        "c = Sigmoid(k)",
        "c = Erf(k)",
        "c = Softmax <axis=0> (k)",
        "c = ReduceL1 <keepdims=1> (k, axes)",
        "c, unread = Split <axis=0> (k, halves)",
        "t = Tile(k, twice) c, unread = Split <axis=0> (t, wholes)",
        "t = Trilu(k) c = Add(t, k)",
        "c = Round(k)",
        "c = Sum(k, k, k)",
    ],
)
def test_constants_are_computed(body):
    constants = {"k": drawn(4, 1, 1), "axes": [1], "halves": [1, 3], "twice": [2, 1, 1], "wholes": [4, 4]}
    imported_like_runtime(graph(f"{body} y = Mul(x, c)", (4, 6, 5), **constants))


def test_constants_of_any_size_are_not_made():
    body = "t = Tile(k, many) c = ReduceMax <keepdims=1> (t, axes) y = Mul(x, c)"
    with pytest.raises(CnnError, match="too much memory"):
        from_onnx(graph(body, (4, 6, 5), k=drawn(4, 1, 1), many=[1, 100_000, 10_000], axes=[1, 2]))


# --- blur -------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("taps", [2, 3, 5])
@pytest.mark.parametrize("stride", [1, 2])
def test_a_fixed_binomial_kernel_has_no_parameters(taps, stride):
    line = {2: [1, 1], 3: [1, 2, 1], 5: [1, 4, 6, 4, 1]}[taps]
    kernel = np.outer(line, line) / sum(line) ** 2
    body = f"z = Conv <group=4, strides=[{stride}, {stride}], pads=[1, 0, 1, 0]> (x, w) a = Conv(z, u) y = Conv(a, v)"
    model = graph(body, (4, 9, 8), u=drawn(4, 4, 1, 1), v=drawn(4, 4, 1, 1))
    held = numpy_helper.from_array(np.tile(kernel, (4, 1, 1, 1)).astype(np.float32))
    model.graph.node.insert(0, onnx.helper.make_node("Constant", [], ["w"], value=held))
    imported = imported_like_runtime(model)
    assert parameters(imported) == 2 * 16
    assert "depthwise" not in operators(imported)


def test_a_binomial_kernel_that_is_a_weight_has_parameters():
    model = graph("y = Conv <group=4> (x, blur_weight)", (4, 9, 8), blur_weight=np.full((4, 1, 2, 2), 0.25, np.float32))
    assert parameters(imported_like_runtime(model)) == 16


def test_a_binomial_kernel_that_is_a_buffer_has_none():
    model = graph("y = Conv <group=4> (x, filt)", (4, 9, 8), filt=np.full((4, 1, 2, 2), 0.25, np.float32))
    assert parameters(imported_like_runtime(model)) == 0


# --- sequences and strides --------------------------------------------------------------------------------------------
@pytest.mark.parametrize("sizes", [2, 3, [1, 3, 2]])
@pytest.mark.parametrize("place", [0, 1, -1])
def test_a_part_of_a_sequence_is_a_slice(sizes, place):
    body = "s = SplitToSequence <axis=1, keepdims=1> (x, sizes) y = SequenceAt(s, place)"
    assert operators(imported_like_runtime(graph(body, (6, 4, 4), sizes=sizes, place=place))) == ["slice"]


def test_parts_of_single_cells():
    body = "s = SplitToSequence <axis=2> (x) y = SequenceAt(s, place)"
    imported_like_runtime(graph(body, (6, 4, 4), place=3))


def test_a_sequence_is_no_value():
    with pytest.raises(CnnError, match="the language has nothing for this operator"):
        from_onnx(graph("s = SplitToSequence <axis=1> (x) n = SequenceLength(s) y = Mul(x, n)", (6, 4, 4)))
    with pytest.raises(CnnError, match="part 7 of 6"):
        from_onnx(graph("s = SplitToSequence <axis=1> (x) y = SequenceAt(s, place)", (6, 4, 4), place=7))


STRIDED = """
    s = Shape <start=0, end=1> (x) n = Squeeze(s) r = Range(zero, n, one) b = Mul(r, stride) c = Unsqueeze(b, axes)
    p = Add(c, places) f = Reshape(x, all) y = Gather(f, p)
"""


def test_strides_of_a_reshape_are_a_reshape():
    constants = {"zero": 0, "one": 1, "stride": 24, "axes": [1, 2], "all": [-1], "places": np.arange(24).reshape(4, 6)}
    assert operators(imported_like_runtime(graph(STRIDED, (4, 3, 2), **constants))) == ["reshape"]


def test_other_strides_are_refused():
    places = np.arange(24).reshape(6, 4).T
    constants = {"zero": 0, "one": 1, "stride": 24, "axes": [1, 2], "all": [-1], "places": places}
    with pytest.raises(CnnError, match="the examples of the batch as its first axis"):
        from_onnx(graph(STRIDED, (4, 3, 2), **constants))


def test_examples_that_are_all_written_anew():
    body = """
        s = Shape <start=0, end=1> (x) n = Squeeze(s) r = Range(zero, n, one) c = Unsqueeze(r, last) w = Relu(x)
        y = ScatterND(x, c, w)
    """
    constants = {"zero": 0, "one": 1, "last": [-1]}
    assert operators(imported_like_runtime(graph(body, (4, 3, 2), **constants))) == ["relu"]
    with pytest.raises(CnnError, match="into a part of a value"):
        from_onnx(graph(body, (4, 3, 2), **constants | {"zero": 1}))


# --- cells that are picked --------------------------------------------------------------------------------------------
@pytest.mark.parametrize("axis", [1, 2, 3])
@pytest.mark.parametrize("cells", [[3, 1, 2], [-1, 0], [0, 0, 1], [[0, 1], [3, 2]], 2, [[2]]])
def test_cells_are_picked_by_fixed_places(axis, cells):
    imported_like_runtime(graph(f"y = Gather <axis={axis}> (x, cells)", (4, 6, 5), cells=cells))


def test_cells_that_are_not_there_or_too_many_are_not_picked():
    with pytest.raises(CnnError, match="beyond an axis of 4"):
        from_onnx(graph("y = Gather <axis=1> (x, cells)", (4, 6, 5), cells=[0, 4]))
    with pytest.raises(CnnError, match="20 ranges"):
        from_onnx(graph("y = Gather <axis=1> (x, cells)", (40, 6, 5), cells=list(range(0, 40, 2))))


@pytest.mark.parametrize(
    ("begins", "ends", "axes", "steps"),
    [
        ([0, 1], [99, 99], [2, 3], [2, 2]),
        ([1], [5], [2], [3]),
        ([0], [99], [1], [2]),
        ([-1], [-99], [3], [-1]),
        ([1, 0, 4], [3, 6, 0], [1, 2, 3], [1, 4, -2]),
    ],
)
def test_every_other_cell(begins, ends, axes, steps):
    settings = {"begins": begins, "ends": ends, "axes": axes, "steps": steps}
    imported_like_runtime(graph("y = Slice(x, begins, ends, axes, steps)", (4, 6, 5), **settings))


def test_every_product_of_values_is_reported():
    body = "a = MatMul(x, x) b = Relu(a) c = MatMul(b, x) d = MatMul(c, c) e = MatMul(d, w) y = Softmax(e)"
    with pytest.raises(CnnError) as caught:
        from_onnx(graph(body, (4, 6, 6), w=drawn(6, 6)))
    assert [diagnostic.message.partition(":")[0] for diagnostic in caught.value.diagnostics] == [
        "MatMul `a`",
        "MatMul `c`",
        "MatMul `d`",
    ]
    assert "attention" in caught.value.diagnostics[0].message


# --- padding ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("cells", [[0, 0, -1, 1, 0, 0, 1, -1], [0, 0, 1, 1, 0, 0, -1, -1], [0, 0, -1, -1, 0, 0, 0, 2]])
def test_padding_that_crops_too(cells):
    imported_like_runtime(graph("y = Pad(x, cells)", (4, 6, 5), cells=cells))


# --- learnt numbers ---------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", ["stem.lab.scale", "blocks.0.skipinit_gain", "head.bias"])
def test_a_number_that_a_module_holds_is_a_parameter(name):
    kind = "Add" if name.endswith("bias") else "Mul"
    model = graph(f"y = {kind}(x, number)", (4, 6, 5), number=np.float32(0.75))
    model.graph.initializer[0].name = model.graph.node[0].input[1] = name
    assert parameters(imported_like_runtime(model)) == 1


# --- words ------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("dealt", "order", "cells"),
    [
        ([0, 3, 4, 2, 4, 2], [0, 1, 3, 5, 2, 4], [0, 12, 4, 4]),  # as space_to_depth does
        ([0, 3, 1, 8, 8], [0, 2, 1, 3, 4], [0, 3, 8, 8]),  # as channel_shuffle does
    ],
)
def test_words_are_moved_step_by_step(dealt, order, cells):
    """What rearranges channels is defined for numbers; the text must say what it can."""
    perm = ",".join(map(str, order))
    model = graph(f"r = Reshape(x, dealt) t = Transpose <perm=[{perm}]> (r) y = Reshape(t, cells)", (3, 8, 8))
    model.graph.initializer.extend(
        numpy_helper.from_array(np.array(v), n) for n, v in [("dealt", dealt), ("cells", cells)]
    )
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.elem_type = onnx.TensorProto.INT64
    imported = from_onnx(model)
    assert not {"space_to_depth", "channel_shuffle"} & set(operators(imported))
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    x = np.random.default_rng(0).integers(0, 99, (2, 3, 8, 8))
    again = cnndsl.loads(decompile(imported.network).text).graph
    found = execute(make_plan(again, {}), {again.inputs[0].name: x})[again.outputs[0]]
    np.testing.assert_array_equal(found, session.run(None, {"x": x})[0])


# --- batch normalisation by hand --------------------------------------------------------------------------------------
DEVIATION = "v = Add(variance, eps) d = Sqrt(v) m = Sub(x, mean)"
BY_RECIPROCAL = f"{DEVIATION} r = Reciprocal(d)"
BY_QUOTIENT = f"{DEVIATION} r = Div(one, d)"


def normalised(body, layout):
    """A model that normalises maps, channels first or last, or vectors."""
    shape = {"first": (4, 6, 5), "last": (6, 5, 4), "vector": (4,)}[layout]
    given = (4, 1, 1) if layout == "first" else (4,)
    names = [name for name in ("mean", "variance", "gain", "beta") if name in body]
    constants = {name: drawn(*given) * (1 + place) for place, name in enumerate(names)}
    return graph(body, shape, **constants, eps=np.float32(1e-3), one=np.float32(1))


@pytest.mark.parametrize("layout", ["first", "last", "vector"])
@pytest.mark.parametrize(
    "body, layers, params",
    [
        (f"{BY_RECIPROCAL} g = Mul(r, gain) s = Mul(m, g) y = Add(s, beta)", ["batchnorm"], 8),
        (f"{BY_QUOTIENT} g = Mul(gain, r) s = Mul(g, m) y = Add(beta, s)", ["batchnorm"], 8),
        (f"{DEVIATION} q = Div(m, d) s = Mul(q, gain) y = Add(s, beta)", ["batchnorm"], 8),
        (f"{BY_RECIPROCAL} g = Mul(r, gain) y = Mul(m, g)", ["batchnorm", "scale"], 4),
        (f"{BY_RECIPROCAL} s = Mul(m, r) y = Add(s, beta)", ["batchnorm", "bias"], 4),
        (f"{BY_QUOTIENT} s = Mul(m, r) y = Add(s, beta)", ["batchnorm", "bias"], 4),
        (f"{DEVIATION} y = Div(m, d)", ["batchnorm"], 0),
        ("m = Sub(x, mean) s = Mul(m, gain) y = Add(s, beta)", ["batchnorm"], 8),
        ("m = Sub(x, mean) y = Mul(m, gain)", ["batchnorm", "scale"], 4),
    ],
)
def test_batch_normalisation_by_hand_has_a_mean_that_is_no_parameter(body, layers, params, layout):
    imported = imported_like_runtime(normalised(body, layout))
    assert [operator for operator in operators(imported) if operator != "permute"] == layers
    assert parameters(imported) == params + 2 * 4
    assert {key.rpartition(".")[2] for key in imported.weights} >= {"running_mean", "running_var"}


def test_statistics_are_those_of_the_file():
    model = normalised(f"{BY_RECIPROCAL} g = Mul(r, gain) s = Mul(m, g) y = Add(s, beta)", "first")
    (node,) = (imported := from_onnx(model)).network.layers
    assert node.op.eps == 1e-3
    held = {tensor.name: numpy_helper.to_array(tensor).ravel() for tensor in model.graph.initializer}
    roles = {"running_mean": "mean", "running_var": "variance", "weight": "gain", "bias": "beta"}
    for role, name in roles.items():
        np.testing.assert_array_equal(imported.weights[f"{node.name}.{role}"], held[name])


@pytest.mark.parametrize("name", ["shift", "head.shift", "conv1.bias"])
def test_what_is_called_something_else_is_no_mean(name):
    model = normalised("m = Sub(x, mean) s = Mul(m, gain) y = Add(s, beta)", "first")
    model.graph.initializer[0].name = model.graph.node[0].input[1] = name
    imported = imported_like_runtime(model)
    assert operators(imported) == ["bias", "scale"]
    assert parameters(imported) == 3 * 4


@pytest.mark.parametrize("name", ["onnx::Sub_2406", "norm.running_mean", "bn/moving_mean"])
def test_what_is_called_a_mean_or_nothing_is_one(name):
    model = normalised("m = Sub(x, mean) s = Mul(m, gain) y = Add(s, beta)", "last")
    model.graph.initializer[0].name = model.graph.node[0].input[1] = name
    assert "batchnorm" in operators(imported_like_runtime(model))


@pytest.mark.parametrize("changed", [{"eps": 0.0}, {"eps": -1e-3}, {"variance": [1, 2, -0.0001, 1]}])
def test_what_is_no_variance_is_computed(changed):
    model = normalised(f"{BY_RECIPROCAL} g = Mul(r, gain) s = Mul(m, g) y = Add(s, beta)", "first")
    for tensor in model.graph.initializer:
        if tensor.name in changed:
            values = np.array(changed[tensor.name], np.float32).reshape(tuple(tensor.dims))
            tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
    assert "batchnorm" not in operators(imported_like_runtime(model))


def test_statistics_of_positions_are_no_batch_normalisation():
    body = "m = Sub(x, mean) s = Mul(m, gain) y = Add(s, beta)"
    given = {"mean": drawn(6, 5), "gain": drawn(4, 1, 1), "beta": drawn(4, 1, 1)}
    imported = imported_like_runtime(graph(body, (4, 6, 5), **given))
    assert "batchnorm" not in operators(imported)
    assert parameters(imported) == 30 + 8


def test_a_difference_that_others_read_is_taken_apart():
    body = "m = Sub(x, mean) s = Mul(m, gain) y = Add(s, m)"
    imported = imported_like_runtime(normalised(body, "first"))
    assert operators(imported) == ["bias", "scale", "add"]
