"""cnndsl as a backend of ONNX (``onnx.backend.base``), so that ONNX's own tests can judge the interpreter.

Models of the tests give weights as inputs and may lack a batch axis. Inputs that the language wants fixed become
constants when a model is run, and a model that makes no sense with a batch axis is read without one.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from onnx import ModelProto
from onnx.backend.base import Backend, BackendRep

from cnndsl.arrays import Array
from cnndsl.errors import CnnError
from cnndsl.interop.onnx.importer.file import Model, check_model
from cnndsl.interop.onnx.importer.graph import NeedsConstant
from cnndsl.interop.onnx.importer.model import Imported, import_model
from cnndsl.ir import Graph
from cnndsl.runtime.interpreter import execute
from cnndsl.runtime.plan.planner import make_plan

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
        arrays = dict(inputs) if isinstance(inputs, Mapping) else dict(zip(names, inputs, strict=True))
        try:
            return self._run(arrays, None)
        except CnnError as error:
            try:
                return self._run(arrays, False)
            except CnnError:
                raise error from None

    def _run(self, arrays: Mapping[str, Array], batched: bool | None) -> tuple[Array, ...]:
        fixed = {name: np.asarray(array) for name, array in arrays.items() if _is_setting(np.asarray(array))}
        while True:
            try:
                imported = import_model(self.model, batched=batched, given=fixed)
                break
            except NeedsConstant as need:
                if need.name not in arrays or len(fixed) > MOST_CONSTANTS:
                    raise CnnError.of("import-unsupported", need.message, *need.help) from None
                fixed[need.name] = np.asarray(arrays[need.name])
        return self._values(imported, [array for name, array in arrays.items() if name not in fixed])

    def _values(self, imported: Imported, arrays: Sequence[Array]) -> tuple[Array, ...]:
        network = imported.network
        values: dict[str, Array] = {}
        lost = False
        for value, array in zip(network.inputs, arrays, strict=True):
            lost = array.ndim == len(value.shape.dimensions)
            values[value.name] = array[None] if lost else array
        results = self._execute(network, imported.weights, values)
        return tuple(results[name][0] if lost else results[name] for name in network.outputs)


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


def _is_setting(array: Array) -> bool:
    """A single number or a list of whole numbers: a bound, a shape, a list of axes."""
    return array.ndim == 0 or (array.ndim == 1 and array.dtype.kind in "iub")


def _execute(network: Graph, weights: Mapping[str, Array], inputs: Mapping[str, Array]) -> Mapping[str, Array]:
    return execute(make_plan(network, weights), inputs)
