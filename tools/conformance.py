"""Runs ONNX's own backend tests against the interpreter and prints what passes and why the rest does not.

Node cases count where the operator is one that the language has and the values are float32; of the models that PyTorch
exported all count.
"""

import sys
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper
from onnx.backend.test.loader import load_model_tests

from cnndsl.errors import CnnError
from cnndsl.interop.onnx_backend import CnndslBackend

OPERATORS = frozenset(
    [
        "Conv",
        "ConvTranspose",
        "MaxPool",
        "AveragePool",
        "LpPool",
        "GlobalAveragePool",
        "GlobalMaxPool",
        "GlobalLpPool",
        "Gemm",
        "BatchNormalization",
        "InstanceNormalization",
        "GroupNormalization",
        "LayerNormalization",
        "LRN",
        "Relu",
        "LeakyRelu",
        "PRelu",
        "Elu",
        "Selu",
        "Celu",
        "Gelu",
        "Swish",
        "Mish",
        "HardSwish",
        "HardSigmoid",
        "Sigmoid",
        "Tanh",
        "Softplus",
        "Softsign",
        "Clip",
        "Softmax",
        "LogSoftmax",
        "Flatten",
        "Concat",
        "Add",
        "Sub",
        "Mul",
        "Max",
        "Min",
        "Mean",
        "Sum",
        "Dropout",
        "Pad",
        "Resize",
        "DepthToSpace",
        "SpaceToDepth",
        "Transpose",
        "Identity",
        "Slice",
        "Reshape",
    ]
)
RELATIVE, ABSOLUTE = 1e-3, 1e-7
"""The tolerances of onnx.backend.test."""


class Outcome(NamedTuple):
    """A case: ``reason`` is empty if it passed, and begins with "wrong:" where values differ."""

    suite: str
    name: str
    reason: str


def cases() -> Iterator[tuple[str, str, Any, Sequence[tuple[Sequence[Any], Sequence[Any]]]]]:
    """Suite, name, model, and pairs of inputs and expected outputs."""
    for case in load_model_tests(kind="node"):
        nodes, inputs = case.model.graph.node, case.model.graph.input
        known = len(nodes) == 1 and nodes[0].op_type in OPERATORS
        if known and inputs[0].type.tensor_type.elem_type == TensorProto.FLOAT:
            yield "node", case.name, case.model, case.data_sets
    for case in load_model_tests(kind="pytorch-converted"):
        folder = Path(case.model_dir)
        sets = [(_tensors(part, "input"), _tensors(part, "output")) for part in sorted(folder.glob("test_data_set_*"))]
        yield "pytorch-converted", case.name, onnx.load(folder / "model.onnx"), sets


def _tensors(folder: Path, kind: str) -> list[Any]:
    count = len(list(folder.glob(f"{kind}_*.pb")))
    files = [folder / f"{kind}_{index}.pb" for index in range(count)]
    return [numpy_helper.to_array(TensorProto.FromString(file.read_bytes())) for file in files]


def outcomes() -> Iterator[Outcome]:
    for suite, name, model, sets in cases():
        yield Outcome(suite, name, _reason(model, sets))


def _reason(model: Any, sets: Sequence[tuple[Sequence[Any], Sequence[Any]]]) -> str:
    for inputs, expected in sets:
        try:
            found = CnndslBackend.run_model(model, inputs)
        except CnnError as error:
            return error.diagnostics[0].message.partition(": ")[2] or error.diagnostics[0].message
        for actual, wanted in zip(found, expected, strict=True):
            wanted = np.asarray(wanted)
            if actual.shape != wanted.shape:
                return f"wrong: the shape is {actual.shape}, not {wanted.shape}"
            if not np.allclose(actual, wanted, RELATIVE, ABSOLUTE, equal_nan=True):
                return f"wrong: values differ by up to {np.abs(actual - wanted).max():.3g}"
    return ""


def main() -> int:
    """Prints the table; 1 if any value is wrong."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the tests' own arithmetic overflows on purpose
        found = list(outcomes())
    for suite in dict.fromkeys(outcome.suite for outcome in found):
        mine = [outcome for outcome in found if outcome.suite == suite]
        print(f"{suite}: {sum(not outcome.reason for outcome in mine)} of {len(mine)} pass")
        for outcome in mine:
            if outcome.reason:
                print(f"  {outcome.name:<75} {outcome.reason}")
    return int(any(outcome.reason.startswith("wrong") for outcome in found))


if __name__ == "__main__":
    sys.exit(main())
