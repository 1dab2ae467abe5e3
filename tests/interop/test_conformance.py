"""ONNX's own backend tests as the judge of the interpreter: what passes, and that nothing is wrong."""

import warnings
from collections import Counter

import numpy as np
import pytest
from onnx import TensorProto, helper

from cnndsl.interop.onnx_backend import CnndslBackend
from tools import conformance

NODE_CASES = 220
CONVERTED_CASES = 81
ALLOWED = {
    "test_averagepool_2d_pads": "padding of 2 is more than half the window",
    "test_gemm_default_matrix_bias": "its bias differs",
    "test_prelu_example": "differs between the examples",
    "test_prelu_broadcast": "slopes differ between positions",
    "test_reshape_allowzero_reordered": "cannot become",
    "test_slice_start_out_of_bounds": "its result is empty",
    "test_slice_neg_steps": "it works across the examples of the batch",
    "test_PoissonNLLLLoss_no_reduce": "the language has nothing for this operator",
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
    "test_resize": "it",
}
"""Kinds of cases that it does not express, with the beginning of the reason."""


@pytest.fixture(scope="module")
def outcomes():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the tests' own arithmetic overflows on purpose
        return list(conformance.outcomes())


def test_no_value_is_wrong(outcomes):
    assert [outcome for outcome in outcomes if outcome.reason.startswith("wrong")] == []


def test_as_many_cases_pass_as_before(outcomes):
    passed = Counter(outcome.suite for outcome in outcomes if not outcome.reason)
    assert passed["node"] >= NODE_CASES
    assert passed["pytorch-converted"] >= CONVERTED_CASES


def test_what_does_not_pass_has_a_reason_that_the_language_gives(outcomes):
    for outcome in outcomes:
        if outcome.reason and outcome.name in ALLOWED:
            assert ALLOWED[outcome.name] in outcome.reason
        elif outcome.reason:
            kind = max((kind for kind in KINDS if outcome.name.startswith(kind)), key=len, default=None)
            assert kind is not None, outcome
            assert outcome.reason.startswith(KINDS[kind]), outcome


def test_a_wrong_value_would_be_found():
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 3])
    model = helper.make_model(helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "g", [x], [y]))
    model.opset_import[0].version = 17
    values = np.array([[-1.0, 0.0, 2.0]], np.float32)
    assert conformance._reason(model, [((values,), (np.maximum(values, 0),))]) == ""
    assert conformance._reason(model, [((values,), (values,))]).startswith("wrong: values")
    assert conformance._reason(model, [((values,), (values[0],))]).startswith("wrong: the shape")


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
