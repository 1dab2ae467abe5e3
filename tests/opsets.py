"""Which opsets the libraries at hand can judge."""

import contextlib
from functools import cache

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
