"""ONNX's own backend tests as the judge of the interpreter: what passes, and that nothing is wrong."""

import re
from collections import Counter

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from cnndsl.errors import CnnError
from cnndsl.interop.onnx.importer.model import from_onnx
from cnndsl.interop.onnx_backend import CnndslBackend
from tools import conformance

LEAST_PASSED = {"node": 357, "simple": 1, "pytorch-operator": 22, "pytorch-converted": 81, "light": 9}
OPERATORS = (
    "Conv ConvTranspose MaxPool AveragePool LpPool GlobalAveragePool GlobalMaxPool GlobalLpPool Gemm "
    "BatchNormalization InstanceNormalization GroupNormalization LayerNormalization LRN Relu LeakyRelu PRelu "
    "Elu Selu Celu Gelu Swish Mish HardSwish HardSigmoid Sigmoid Tanh Softplus Softsign Clip Softmax "
    "LogSoftmax Abs Neg Sqrt Exp Log Sin Pow Reciprocal Flatten Concat Add Sub Mul Div Max Min Mean Sum Dropout Pad "
    "Resize DepthToSpace SpaceToDepth Transpose Identity Slice Reshape"
)
"""Those that the language has."""
ALLOWED = {
    "test_averagepool_2d_pads": "padding of 2 is more than half the window",
    "test_gemm_default_matrix_bias": "its bias differs",
    "test_prelu_example": "differs between the examples",
    "test_prelu_broadcast": "slopes differ between positions",
    "test_reshape_allowzero_reordered": "cannot become",
    "test_slice_start_out_of_bounds": "its result is empty",
    "test_slice_neg_steps": "it works across the examples of the batch",
    "test_PoissonNLLLLoss_no_reduce": "its constant differs between the examples of the batch",
}
"""Single cases that the language does not express."""

KINDS = {
    "test_averagepool": "it is dilated",
    "test_lppool": "it is dilated",
    "test_batchnorm": "it normalises by the batch itself",
    "test_dropout": "its mask is used",
    "test_training_dropout": "",
    "test_layer_normalization": "its mean or deviation is used",
    "test_maxpool_with_argmax": "the places of its maxima are used",
    "test_pow": "its exponent is not a single number",
    "test_resize": "it",
}
"""Kinds of cases that it does not express, with the beginning of the reason."""


NO_FLOATS = r"neither floats nor integers|whole numbers|is a constant$|is no tensor of numbers"
"""What is said of whole numbers, sequences and the like; in the tests whole numbers look like settings."""


@pytest.fixture(scope="module")
def outcomes():
    pytest.importorskip("onnx", minversion="1.21", reason="older versions have fewer cases and none of light models")
    return conformance.outcomes()


def test_no_value_is_wrong_and_nothing_crashes(outcomes):
    assert [outcome for outcome in outcomes if outcome.kind in ("wrong", "crashed")] == []


def test_as_many_cases_pass_as_before(outcomes):
    passed = Counter(outcome.suite for outcome in outcomes if outcome.kind == "passed")
    assert {suite for suite, least in LEAST_PASSED.items() if passed[suite] < least} == set()


def test_what_is_refused_has_a_reason_in_words(outcomes):
    for outcome in outcomes:
        if outcome.kind == "refused":
            assert 0 < len(outcome.reason) < 200, outcome
            assert not re.search(r"argument|object at|expected|Traceback|TensorProto", outcome.reason), outcome


def test_operators_of_the_language_are_refused_for_what_it_cannot_say(outcomes):
    for outcome in outcomes:
        known = outcome.suite == "pytorch-converted" or (
            outcome.suite == "node" and outcome.operator in OPERATORS.split()
        )
        if outcome.kind != "refused" or not known or re.search(NO_FLOATS, outcome.reason):
            continue
        if outcome.name in ALLOWED:
            assert ALLOWED[outcome.name] in outcome.reason
        else:
            kind = max((kind for kind in KINDS if outcome.name.startswith(kind)), key=len, default=None)
            assert kind is not None, outcome
            assert outcome.reason.startswith(KINDS[kind]), outcome


def test_the_counts_of_the_docs_are_fresh(outcomes):
    text = conformance.PAGE.read_text(encoding="utf-8")
    if f"onnx {onnx.__version__} " not in text:
        pytest.skip("the counts are those of another version of onnx")
    assert text == conformance.page(outcomes), "run make conformance"


RELU = helper.make_model(
    helper.make_graph(
        [helper.make_node("Relu", ["x"], ["y"])],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 3])],
    ),
    opset_imports=[helper.make_opsetid("", 17)],
)


def test_a_wrong_value_would_be_found():
    values = np.array([[-1.0, 0.0, 2.0]], np.float32)
    judged = conformance.judged
    assert judged(RELU, [((values,), (np.maximum(values, 0),))]) == ("passed", "")
    assert judged(RELU, [((values,), (values,))]) == ("wrong", "values differ by up to 1")
    assert judged(RELU, [((values,), (np.maximum(values, 0)[0],))])[0] == "wrong"
    assert judged(RELU, [((values,), (np.maximum(values, 0).astype(np.float64),))])[0] == "wrong"
    assert judged(RELU, [((values,), ())]) == ("wrong", "there are 1 results, not 0")
    assert judged(None, [((values,), ())])[0] == "crashed"


@pytest.mark.parametrize(
    "given, message",
    [
        ([np.ones((1, 3), np.float32)] * 2, "the input `x` is no tensor of numbers"),
        ([np.ones(3, np.float32), np.ones(2, np.float32)], "the input `x` is no tensor of numbers"),
        ([], "an input of 0, where the model takes examples of 3"),
        (np.ones((1, 3, 1), np.float32), "an input of 1x3x1, where the model takes examples of 3"),
        (None, "the input `x` is no tensor of numbers"),
        (np.array([["a", "b", "c"]]), "the input `x` is no tensor of numbers"),
        (np.array([[1.0, 2.0, None]]), "the input `x` is no tensor of numbers"),
        (np.array([[1, 1j, 1]]), "the input `x` is no tensor of numbers"),
        (np.full((1, 3), 1e300), "the input `x` holds numbers beyond float32"),
    ],
)
def test_what_is_no_tensor_is_refused(given, message):
    with pytest.raises(CnnError, match=re.escape(message)):
        CnndslBackend.run_model(RELU, [given])


@pytest.mark.parametrize("element", [TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.BFLOAT16, TensorProto.DOUBLE])
def test_results_are_of_the_type_that_the_model_declares(element):
    dtype = helper.tensor_dtype_to_np_dtype(element)
    model = onnx.ModelProto()
    model.CopyFrom(RELU)
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.elem_type = element
    values = np.array([[-1.0, 0.1, np.inf]]).astype(dtype)
    (found,) = CnndslBackend.run_model(model, [values])
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, np.array([[0, 0.1, np.inf]]).astype(np.float32).astype(dtype))


def test_inputs_that_are_too_many_are_refused():
    with pytest.raises(CnnError, match="the model has 1 inputs, and 2 are given"):
        CnndslBackend.run_model(RELU, [np.ones((1, 3), np.float32)] * 2)


def test_an_input_that_nothing_reads_is_in_nobodys_place():
    model = onnx.ModelProto()
    model.CopyFrom(RELU)
    model.graph.input.insert(0, helper.make_tensor_value_info("spare", TensorProto.FLOAT, ["some"]))
    values = np.array([[-1.0, 0.0, 2.0]], np.float32)
    (found,) = CnndslBackend.run_model(model, [np.zeros(4, np.float32), values])
    np.testing.assert_array_equal(found, np.maximum(values, 0))


@pytest.mark.parametrize("operator", ["MatMul", "Mul"])
def test_weights_beyond_float32_are_refused(operator):
    x = helper.make_tensor_value_info("x", TensorProto.DOUBLE, [1, 3])
    y = helper.make_tensor_value_info("y", TensorProto.DOUBLE, None)
    for largest in (3e38, np.inf, 1e39):
        array = np.full((3, 3) if operator == "MatMul" else (1, 3), largest)
        weight = numpy_helper.from_array(array, "w")
        graph = helper.make_graph([helper.make_node(operator, ["x", "w"], ["y"])], "g", [x], [y], [weight])
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
        if largest == 1e39:
            with pytest.raises(CnnError, match="beyond float32"):
                from_onnx(model)
        else:
            assert {array.max() for array in from_onnx(model).weights.values()} == {np.float32(largest)}


def test_the_backend_takes_weights_and_settings_as_inputs():
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [2, 3])
    w = helper.make_tensor_value_info("w", TensorProto.FLOAT, [3, 4])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [2, 4])
    graph = helper.make_graph([helper.make_node("MatMul", ["x", "w"], ["y"])], "g", [x, w], [y])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    values = np.arange(6, dtype=np.float32).reshape(2, 3), np.arange(12, dtype=np.float32).reshape(3, 4)
    (found,) = CnndslBackend.run_model(model, values)
    np.testing.assert_array_equal(found, values[0] @ values[1])
    assert CnndslBackend.supports_device("CPU") and not CnndslBackend.supports_device("CUDA")
