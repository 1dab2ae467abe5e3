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


def channels_last(x: Any) -> Any:
    """An array as Keras has it, as a tensor."""
    return torch.from_numpy(np.ascontiguousarray(np.moveaxis(x, 1, -1)))


def from_keras(value: Any) -> Any:
    """A tensor of Keras as an array."""
    return value.detach().numpy() if isinstance(value, torch.Tensor) else value.value.detach().numpy()


def by_keras(layer: Any, x: Any, *weights: Any, training: bool = False) -> Any:
    """What a layer of Keras makes of an array, whose channels go last and come back first."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        layer.build((None, *channels_last(x).shape[1:]))
        if weights:
            layer.set_weights(weights)
        return by_keras_function(layer, x, **({"training": True} if training else {}))


def by_keras_function(function: Any, x: Any, *arguments: Any, **options: Any) -> Any:
    """The same for a function of ``keras.ops``."""
    return np.moveaxis(from_keras(function(channels_last(x), *arguments, **options)), -1, 1)


def keras_kernel(weight: Any) -> Any:
    """A kernel of PyTorch's layout in that of Keras."""
    return np.moveaxis(weight, (0, 1), (-1, -2))


def model_of(operator: str, *arrays: Any, opset: int = 21, outputs: int = 1, **attributes: Any) -> onnx.ModelProto:
    """A model of one operator, which takes such arrays."""
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
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=10)


def by_onnxruntime(operator: str, *arrays: Any, **options_of_model: Any) -> Any:
    """What ONNX Runtime makes of arrays by one operator; the output, or all where there are several."""
    model = model_of(operator, *arrays, **options_of_model)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    values = session.run(None, {f"x{index}": array for index, array in enumerate(arrays) if array is not None})
    return values[0] if len(values) == 1 else values


def close(one: Any, other: Any, tolerance: float = 1e-5) -> bool:
    """Whether two arrays have the same shape and values."""
    return one.shape == other.shape and bool(np.allclose(one, other, rtol=tolerance, atol=tolerance, equal_nan=False))
