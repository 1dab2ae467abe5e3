"""Runs ONNX's own backend tests against the interpreter, all of them, and counts them openly.

    python -m tools.conformance [--write]

prints what passes and why the rest does not; ``--write`` writes docs/conformance.md, the counts by suite, operator and
reason. A test passes if its values are ONNX's within the tolerances of ``onnx.backend.test``; it is refused if the
language cannot say the model, with the reason; a value may not be wrong, and nothing may end in another error.
"""

import sys
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import onnx
from onnx import numpy_helper
from onnx.backend.test.loader import load_model_tests

from cnndsl.errors import CnnError
from cnndsl.interop.onnx_backend import CnndslBackend

PAGE = Path(__file__).resolve().parents[1] / "docs" / "conformance.md"
SUITES = {
    "node": "one operator each",
    "simple": "small graphs",
    "pytorch-operator": "operators that PyTorch exported",
    "pytorch-converted": "layers that PyTorch exported",
    "light": "networks of the model zoo, all weights equal",
}
RELATIVE, ABSOLUTE = 1e-3, 1e-7
"""The tolerances of onnx.backend.test."""

Sets = Sequence[tuple[Sequence[Any], Sequence[Any]]]
Kind = Literal["passed", "refused", "wrong", "crashed"]
KINDS: tuple[Kind, ...] = "passed", "refused", "wrong", "crashed"


class Outcome(NamedTuple):
    """A case: the operator if its model has just one, what became of it, and (unless it passed) why."""

    suite: str
    name: str
    operator: str
    kind: Kind
    reason: str = ""


def cases(suite: str) -> Iterator[tuple[str, Any, Sets]]:
    """Name, model, and pairs of inputs and expected outputs."""
    if suite == "node":
        for case in load_model_tests(kind=suite):
            yield case.name, case.model, [(_arrays(given), _arrays(wanted)) for given, wanted in case.data_sets]
    elif suite == "light":
        for file in sorted((Path(onnx.__file__).parent / "backend/test/data/light").glob("*.onnx")):
            model = onnx.load(file)
            yield file.stem, model, [([_ramp(model)], [_tensor(file.with_name(f"{file.stem}_output_0.pb"))])]
    else:
        for case in load_model_tests(kind=suite):
            folder = Path(case.model_dir)
            parts = sorted(folder.glob("test_data_set_*"))
            sets = [(_tensors(part, "input"), _tensors(part, "output")) for part in parts]
            yield case.name, onnx.load(folder / "model.onnx"), sets


def _ramp(model: Any) -> Any:
    """What onnx.backend.test gives to the light models: numbers from 0 to 1 over all elements."""
    held = {tensor.name for tensor in model.graph.initializer}
    (value,) = (value for value in model.graph.input if value.name not in held)
    shape = [axis.dim_value for axis in value.type.tensor_type.shape.dim]
    size = int(np.prod(shape))
    return (np.arange(size).reshape(shape) / size).astype(np.float32)


def _arrays(values: Sequence[Any]) -> list[Any]:
    """Tests of types that NumPy lacks give messages instead of arrays."""
    return [numpy_helper.to_array(value) if isinstance(value, onnx.TensorProto) else value for value in values]


def _tensors(folder: Path, kind: str) -> list[Any]:
    count = len(list(folder.glob(f"{kind}_*.pb")))
    return [_tensor(folder / f"{kind}_{index}.pb") for index in range(count)]


def _tensor(file: Path) -> Any:
    return numpy_helper.to_array(onnx.TensorProto.FromString(file.read_bytes()))


def outcomes(suites: Sequence[str] = tuple(SUITES)) -> list[Outcome]:
    found = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the tests' own arithmetic overflows on purpose
        for suite in suites:
            for name, model, sets in cases(suite):
                nodes = model.graph.node
                operator = nodes[0].op_type if len(nodes) == 1 else ""
                found.append(Outcome(suite, name, operator, *judged(model, sets)))
    return found


def judged(model: Any, sets: Sets) -> tuple[Kind, str]:
    """What becomes of a model, and why."""
    for inputs, expected in sets:
        try:
            found = CnndslBackend.run_model(model, inputs)
        except CnnError as error:
            message = error.diagnostics[0].message
            return "refused", message.partition(": ")[2] or message
        except Exception as error:
            return "crashed", f"{type(error).__name__}: {str(error)[:100]}"
        if len(found) != len(expected):
            return "wrong", f"there are {len(found)} results, not {len(expected)}"
        for actual, wanted in zip(found, map(np.asarray, expected), strict=True):
            if (actual.shape, actual.dtype) != (wanted.shape, wanted.dtype):
                shown = f"{actual.dtype} {actual.shape}, not {wanted.dtype} {wanted.shape}"
                return "wrong", f"the result is {shown}"
            if not np.allclose(actual, wanted, RELATIVE, ABSOLUTE, equal_nan=True):
                return "wrong", f"values differ by up to {np.abs(actual - wanted).max():.3g}"
    return "passed", ""


def page(found: Sequence[Outcome]) -> str:
    """docs/conformance.md: tests by suite and kind, and those of single operators by operator."""
    lines = [
        "# Conformance",
        "",
        "Generated by `make conformance`; do not edit.",
        "",
        f"All backend tests of onnx {onnx.__version__} against `CnndslBackend`: networks of the language, computed by "
        "the interpreter. The",
        "language is about convolutional networks, and refuses the rest with a reason: sequences, strings, recurrence,",
        "whole numbers, what works across the examples of a batch. Nothing may be wrong, and nothing may crash.",
        "",
        "| tests | " + " | ".join(KINDS) + " | |",
        "|---|" + "---:|" * len(KINDS) + "---|",
    ]
    for suite, what in SUITES.items():
        counts = Counter(outcome.kind for outcome in found if outcome.suite == suite)
        lines.append(f"| `{suite}` | " + " | ".join(str(counts[kind]) for kind in KINDS) + f" | {what} |")
    counts = Counter(outcome.kind for outcome in found)
    lines.append("| all | " + " | ".join(str(counts[kind]) for kind in KINDS) + " | |")
    lines += ["", "## Operators", "", "Tests of single nodes, for operators of which at least one passes.", ""]
    lines += ["| operator | passed | refused | refused because |", "|---|---:|---:|---|"]
    single = [outcome for outcome in found if outcome.suite == "node" and outcome.operator]
    for operator in sorted({outcome.operator for outcome in single if outcome.kind == "passed"}):
        mine = [outcome for outcome in single if outcome.operator == operator]
        reasons = Counter(outcome.reason for outcome in mine if outcome.kind == "refused")
        passed = sum(outcome.kind == "passed" for outcome in mine)
        said = "; ".join(f"{reason} ({count})" for reason, count in reasons.most_common())
        lines.append(f"| `{operator}` | {passed} | {sum(reasons.values())} | {_cell(said)} |")
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("_", "\\_").replace("*", "\\*")


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the counts and what does not pass; 1 if anything is wrong or crashes."""
    found = outcomes()
    for suite in SUITES:
        mine = [outcome for outcome in found if outcome.suite == suite]
        counts = Counter(outcome.kind for outcome in mine)
        print(f"{suite}: " + ", ".join(f"{counts[kind]} {kind}" for kind in KINDS))
        for outcome in mine:
            if outcome.kind != "passed":
                print(f"  {outcome.kind:<8} {outcome.name:<75} {outcome.reason}")
    if "--write" in (sys.argv[1:] if arguments is None else arguments):
        PAGE.write_text(page(found), encoding="utf-8")
    return int(any(outcome.kind in ("wrong", "crashed") for outcome in found))


if __name__ == "__main__":
    sys.exit(main())
