"""cnndsl as a backend of ONNX (``onnx.backend.base``), so that ONNX's own tests can judge the interpreter.

Models of the tests give weights as inputs and may lack a batch axis. Inputs that the language wants fixed become
constants when a model is run, and a model that makes no sense with a batch axis is read without one. Networks compute
with float32; the results are then of the types that the model declares.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from onnx import ModelProto, helper
from onnx.backend.base import Backend, BackendRep

from cnndsl.arrays import Array
from cnndsl.errors import CnnError, quoted
from cnndsl.interop.onnx.importer.file import Model, captured, check_model
from cnndsl.interop.onnx.importer.graph import NeedsConstant, beyond_float32
from cnndsl.interop.onnx.importer.walk import Imported, import_model
from cnndsl.ir import Graph
from cnndsl.runtime.interpreter import execute
from cnndsl.runtime.plan.planner import make_plan
from cnndsl.shapes import extents

MOST_CONSTANTS = 16


class Prepared(BackendRep):
    """A model that waits for its inputs."""

    def __init__(self, model: Model, execute: Any) -> None:
        self.model = model
        self._execute = execute

    def run(self, inputs: Sequence[Array] | Mapping[str, Array], **options: Any) -> tuple[Array, ...]:
        """The outputs. Raises CnnError where the language cannot express the model."""
        known = {tensor.name for tensor in self.model.graph.initializer}
        names = [value.name for value in self.model.graph.input if value.name not in known]
        if len(inputs) != len(names):
            raise CnnError.of("import-unsupported", f"the model has {len(names)} inputs, and {len(inputs)} are given")
        given = dict(inputs) if isinstance(inputs, Mapping) else dict(zip(names, inputs, strict=True))
        arrays = {name: _tensor(name, value) for name, value in given.items()}
        try:
            return self._run(arrays, None)
        except CnnError as error:
            try:
                return self._run(arrays, False)
            except CnnError:
                raise error from None

    def _run(self, arrays: Mapping[str, Array], batched: bool | None) -> tuple[Array, ...]:
        read = {name for node in self.model.nodes for name in (*node.input, *captured(node))}
        read.update(value.name for value in self.model.graph.output)
        fixed = {name: array for name, array in arrays.items() if name not in read or _is_setting(array)}
        while True:
            try:
                imported = import_model(self.model, batched=batched, given=fixed)
                break
            except NeedsConstant as need:
                if need.name not in arrays or len(fixed) > MOST_CONSTANTS:
                    raise CnnError.of("import-unsupported", need.message, *need.help) from None
                fixed[need.name] = arrays[need.name]
        return self._values(imported, [array for name, array in arrays.items() if name not in fixed])

    def _values(self, imported: Imported, arrays: Sequence[Array]) -> tuple[Array, ...]:
        network = imported.network
        values: dict[str, Array] = {}
        lost = False
        for value, array in zip(network.inputs, arrays, strict=True):
            lost = array.ndim == len(value.shape.dimensions)
            values[value.name] = array[None] if lost else array
            if values[value.name].shape[1:] != value.shape.dimensions:
                shown = f"an input of {extents(array.shape)}, where the model takes examples of {value.shape}"
                raise CnnError.of("import-unsupported", shown)
        results = self._execute(network, imported.weights, values)
        found = [results[name][0] if lost else results[name] for name in network.outputs]
        declared = [value.type.tensor_type.elem_type for value in self.model.graph.output]
        types = [helper.tensor_dtype_to_np_dtype(element) if element else np.float32 for element in declared]
        return tuple(array.astype(dtype, copy=False) for array, dtype in zip(found, types, strict=True))


class CnndslBackend(Backend):
    """What ``onnx.backend.test`` asks for."""

    @classmethod
    def prepare(cls, model: ModelProto, device: str = "CPU", **options: Any) -> Prepared:
        """The model, ready to run; nothing is refused before its inputs are there."""
        return Prepared(check_model(model, "model"), options.get("execute", _execute))

    @classmethod
    def run_model(cls, model: ModelProto, inputs: Any, device: str = "CPU", **options: Any) -> tuple[Array, ...]:
        return cls.prepare(model, device, **options).run(inputs)

    @classmethod
    def supports_device(cls, device: str) -> bool:
        return device == "CPU"


def _tensor(name: str, value: Any) -> Array:
    """What is given for an input, as an array. Raises CnnError for what is none, and for what float32 cannot hold."""
    parts = value if isinstance(value, list | tuple) else [value]
    if not all(isinstance(part, np.ndarray | np.generic | bool | int | float) for part in parts) or (
        parts is value and any(np.ndim(part) for part in parts)
    ):
        raise CnnError.of("import-unsupported", f"the input {quoted(name)} is no tensor of numbers")
    array = np.asarray(value)
    if array.dtype.kind in "OSUc":
        raise CnnError.of("import-unsupported", f"the input {quoted(name)} is no tensor of numbers")
    if beyond_float32(array):
        raise CnnError.of("import-unsupported", f"the input {quoted(name)} holds numbers beyond float32")
    return array


def _is_setting(array: Array) -> bool:
    """A single number or a list of whole numbers: a bound, a shape, a list of axes."""
    return array.ndim == 0 or (array.ndim == 1 and array.dtype.kind in "iub")


def _execute(network: Graph, weights: Mapping[str, Array], inputs: Mapping[str, Array]) -> Mapping[str, Array]:
    return execute(make_plan(network, weights), inputs)
