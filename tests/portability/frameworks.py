"""PyTorch, Keras and ONNX Runtime on the same arrays, channels first, and what is found about a text."""

import re
import warnings
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper

import cnndsl

torch = pytest.importorskip("torch")
keras = pytest.importorskip("keras")
onnxruntime = pytest.importorskip("onnxruntime")
if keras.backend.backend() != "torch":
    pytest.skip("Keras computes with another backend", allow_module_level=True)
F = torch.nn.functional
layers = keras.layers

DRAWS = np.random.default_rng(16)


def proves(*names: str) -> Any:
    """Marks a test as the proof of rows of the table, which test_table.py looks for."""
    return lambda test: test


def drawn(*shape: int) -> Any:
    return DRAWS.standard_normal(shape).astype(np.float32)


def findings(text: str, target: str) -> list[str]:
    """What is found about a text for a target."""
    found = cnndsl.check(text, select=[f"portability-{target}"], ignore=["default"]).diagnostics
    assert {one.code for one in found} <= {f"portability-{target}"}, found
    return [one.message for one in found]


def finding(text: str, target: str) -> str:
    """The only finding."""
    (message,) = findings(text, target)
    return message


def numbers(message: str) -> list[float]:
    """The numbers of a message, without the counts of layers at its end and those in backquotes."""
    said = re.sub(r"`[^`]*`", "", message.rpartition("; ")[0])
    return [float(number.replace(",", "")) for number in re.findall(r"-?\d[\d,]*(?:\.\d+)?(?:e-?\d+)?", said)]


def by_torch(function: Any, *arrays: Any, **options: Any) -> Any:
    """What a function of PyTorch makes of arrays."""
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return function(*map(torch.from_numpy, arrays), **options).numpy()


def by_keras(layer: Any, x: Any, *weights: Any, training: bool = False) -> Any:
    """What a layer of Keras makes of an array, whose channels go last and come back first."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        last = torch.from_numpy(np.ascontiguousarray(np.moveaxis(x, 1, -1)))
        layer.build(tuple(last.shape))
        if weights:
            layer.set_weights(weights)
        y = keras.ops.convert_to_numpy(layer(last, training=True) if training else layer(last))
    return np.moveaxis(y, -1, 1)


def keras_kernel(weight: Any) -> Any:
    """A kernel of PyTorch's layout in that of Keras."""
    return np.moveaxis(weight, (0, 1), (-1, -2))


def by_onnxruntime(operator: str, *arrays: Any, opset: int = 21, outputs: int = 1, **attributes: Any) -> Any:
    """What ONNX Runtime makes of arrays by one operator; the first output, or all where there are several."""
    names = ["" if array is None else f"x{index}" for index, array in enumerate(arrays)]
    results = [f"y{index}" for index in range(outputs)]
    given = {name: array for name, array in zip(names, arrays, strict=True) if name}
    graph = helper.make_graph(
        [helper.make_node(operator, names, results, **attributes)],
        "one",
        [
            helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)
            for name, array in given.items()
        ],
        [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in results],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=10)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    values = session.run(None, given)
    return values[0] if outputs == 1 else values


def close(one: Any, other: Any, tolerance: float = 1e-5) -> bool:
    """Whether two arrays have the same shape and values."""
    return one.shape == other.shape and bool(np.allclose(one, other, rtol=tolerance, atol=tolerance, equal_nan=False))
