"""Execution by ONNX Runtime, the extra ``onnxruntime``: the same inputs and values as the interpreter's."""

import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from cnndsl.arrays import Array
from cnndsl.errors import CnnError, missing_library
from cnndsl.interop.onnx.exporter.model import write
from cnndsl.ir import Graph


def session(path: str | os.PathLike[str], optimised: bool = True) -> Any:
    """A session for a model file. Raises CnnError where ONNX Runtime is missing or refuses the model.

    ``optimised`` lets it rewrite the graph, as it does by default.
    """
    try:
        import onnxruntime
    except ImportError as error:
        raise missing_library("ONNX Runtime", "onnxruntime", error) from None
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    if not optimised:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    with refusals():
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


@contextmanager
def refusals() -> Iterator[None]:
    """What ONNX Runtime objects to, as a CnnError."""
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    kinds = ["Fail", "InvalidArgument", "InvalidGraph", "InvalidProtobuf", "NotImplemented", "RuntimeException"]
    kinds += ["NoSuchFile"]
    errors = (*(getattr(state, kind) for kind in kinds if hasattr(state, kind)), RuntimeError, ValueError)
    try:
        yield
    except errors as error:
        reason = " ".join(str(error).split())[:200]
        raise CnnError.of("onnx-file", f"ONNX Runtime refuses the model: {reason}") from None


def make_runner(
    network: Graph, weights: Mapping[str, Array], keep: Sequence[str] = (), optimised: bool = True
) -> Callable[[Mapping[str, Array]], dict[str, Array]]:
    """A function from inputs by name to the values of the outputs and of ``keep`` by name."""
    inputs = {value.name for value in network.inputs}
    kept = tuple(dict.fromkeys((*network.outputs, *keep)))
    computed = tuple(name for name in kept if name not in inputs)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.onnx"
        write(network.model_copy(update={"outputs": computed or kept}), weights, path)
        running = session(path, optimised)

    def run(values: Mapping[str, Array]) -> dict[str, Array]:
        results = running.run(None, dict(values))
        found = dict(zip(computed or kept, results, strict=True))
        return {name: np.asarray(found[name] if name in found else values[name]) for name in kept}

    return run


def run_file(path: str | os.PathLike[str], arrays: Sequence[Array], optimised: bool = True) -> list[Array]:
    """The outputs of a model file for inputs in order. A model of a fixed batch runs as often as it takes."""
    running = session(path, optimised)
    inputs = running.get_inputs()
    count = len(arrays[0])
    fixed = next((value.shape[0] for value in inputs if value.shape and isinstance(value.shape[0], int)), count)
    if fixed < 1 or count % fixed:
        raise CnnError.of(
            "bad-setting", f"the model takes {fixed} examples at a time, not {count}", f"use --batch {fixed}"
        )
    with refusals():
        parts = [
            running.run(None, {v.name: a[start : start + fixed] for v, a in zip(inputs, arrays, strict=True)})
            for start in range(0, count, fixed)
        ]
    return [np.concatenate(pieces) for pieces in zip(*parts, strict=True)]
