"""The fuzzer of models: a short run finds nothing and reaches every stage, and it does find what is wrong."""

import sys
from pathlib import Path

import pytest

if sys.platform != "linux":
    pytest.skip("the fuzzer reads from /proc how much memory is taken", allow_module_level=True)

from cnndsl.api import Network
from cnndsl.interop.onnx.importer import model as importer
from tools import fuzz_onnx, model_mutations

MODELS = 60


def test_a_short_run(tmp_path: Path) -> None:
    fuzzer = fuzz_onnx.run(1, tmp_path, range(MODELS), minutes=5)
    findings = [path.read_text(encoding="utf-8") for path in tmp_path.glob("*.trace")]
    assert not findings, "\n".join(findings)
    assert fuzzer.stages.total() == MODELS
    assert fuzzer.stages["compared"] > 5 and fuzzer.stages["refused"] > 5


def test_models_follow_from_seed_and_number(tmp_path: Path) -> None:
    one, other, third = (fuzz_onnx.Fuzzer(seed, tmp_path) for seed in (1, 1, 2))
    made = [one.made(number) for number in range(30)]
    assert made == [other.made(number) for number in reversed(range(30))][::-1]
    assert made != [third.made(number) for number in range(30)]


def test_what_is_wrong_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An importer that fails, one that takes too much memory, and networks that compute something else."""
    data = model_mutations.seeds()[0]

    def found(module: object, name: str, function: object) -> str:
        with monkeypatch.context() as patch:
            patch.setattr(module, name, function)
            finding = fuzz_onnx.answer(data, tmp_path).finding
        return finding.kind if finding else ""

    sound = Network.runner
    assert found(importer, "from_onnx", lambda *_, **__: 1 / 0).startswith("ZeroDivisionError")
    assert found(importer, "from_onnx", lambda *_, **__: bytearray(2 << 30)).startswith("MemoryError")
    assert "read again" in found(Network, "decompiled", lambda self: ("input 3 relu", self))
    other = lambda self, **_: lambda x: {name: value + 1 for name, value in sound(self)(x).items()}  # noqa: E731
    assert found(Network, "runner", other) == "values other than ONNX Runtime's"
    assert fuzz_onnx.answer(data, tmp_path) == ("compared", None)
