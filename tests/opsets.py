"""What the libraries at hand can judge."""

import contextlib
from functools import cache

import numpy as np
import onnx

import cnndsl
from cnndsl.interop.onnx.exporter.model import DEFAULT_OPSET, MAX_OPSET


@cache
def newest_judged() -> int:
    """The newest opset that the ONNX and the ONNX Runtime at hand both know."""
    import onnxruntime

    network = cnndsl.loads("input 4\nrelu")
    for opset in range(min(MAX_OPSET, onnx.defs.onnx_opset_version()), DEFAULT_OPSET, -1):
        with contextlib.suppress(Exception):
            onnxruntime.InferenceSession(
                network.to_onnx(opset=opset).SerializeToString(), providers=["CPUExecutionProvider"]
            )
            return opset
    return DEFAULT_OPSET


@cache
def judges_partial_averages() -> bool:
    """Whether ONNX Runtime counts no cells beyond the padding in an average: 1.19 does."""
    import onnxruntime

    node = onnx.helper.make_node(
        "AveragePool", ["x"], ["y"], kernel_shape=[2], strides=[2], ceil_mode=1, count_include_pad=1
    )
    values = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1, 1, None]) for name in "xy"]
    graph = onnx.helper.make_graph([node], "average", values[:1], values[1:])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {"x": np.ones((1, 1, 3), np.float32)})
    return bool(found[0, 0, 1] == 1)
